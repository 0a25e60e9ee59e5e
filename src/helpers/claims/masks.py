"""What holds digits and is no claim: codes, citation marks, names of products, programmes and festivals, ordinals."""

from __future__ import annotations

import re

from helpers.claims import vocabulary

_LEFT = re.compile(
    r"(?:[a-z][0-9.]*-?|[a-z]\.|\bv|_|第|no\.? ?|nos?\. ?|#|top[ -]?|前|group |part |section |chapter |figure |fig\. ?|"
    r"table |note |page |step |phase |level |item |appendix |article |rule |chart |图表? ?|表 ?|注 ?|附注 ?|"
    r"iphone |galaxy |xbox |windows |series |version |model |kling |gpt |llama |gemini |claude |qwen |"
    r"\bai |(?:大模型|版本|型号|机型|模型) ?v?|double |双 ?|fortune |s&p |csi |hsi |nasdaq |covid-?|"
    r"章|(?:hkex|sehk|nyse|nasdaq|hk|sh|sz|stock code)[:：] ?|股票代码:? ?|代码:? ?|age[ds]? |"
    r"http\S*|www\S*|\S+@\S*|\d[:.]|[0-9]\+|\+86 ?|tel:? ?)$"
)
_RIGHT = re.compile(
    r"\.(?:hk|sz|ss|sh|us|bj|o|n)\b|[0-9]*p(?![a-z])|[gk](?![a-z0-9])(?= ?(?:网络|手机|video|network|画质|超清))|"
    r"强|后(?:用户|人群|消费者|群体|年轻人)?(?=[、,,。的及和与一女男占]|用户|人群|消费)|[一-鿿]{0,2}世代|"
    r"\.[0-9]+(?:\.[0-9]+)+|(?:\.[0-9])?(?:版本?(?!权)|时代|模型)|(?:st|nd|rd|th)(?![a-z])|"
    r"-?(?:year|day|week|month|hour|minute)s?-(?:old|long|high|low)|"
    r"[ -]?(?:to|-) ?[0-9]+(?: years? old|-year-olds?|岁)|(?:[-~至到][0-9]+)? ?岁| years? old|"
    r"[年月]前|/7\b|x7\b|\+[0-9]|级市场|[ ]?days? of|度(?!电)|号(?:店|线|位|文)|"
    r"[ -]?(?:pro|max|ultra|mini)\b|[a-z]{1,3}[0-9]"
)
NAMES = re.compile(
    r"(?:双(?:十一|十二|11|12)|(?<![0-9],)(?<![0-9.$¥€£])(?:618|6\.18|11\.11|12\.12|818|1688|12306)(?![0-9.,]*[0-9]| ?(?:[万亿千百%元个家名人次款单倍件台]"
    r"|million|billion|bn|mn|[mk]\b|yuan|pp|pct|per ?cent|x\b|times))|三八节|3\.?8节|38节|99划算节|88vip|3·15|315晚会|58同城|"
    r"360(?=公司|集团)|7-eleven|24/7|7x24|3c(?:数码|产品|品类)?|4a景区|5a景区|"
    r"(?:千|万|十万|百万|千万|亿|十亿|百亿|千亿|万亿)(?:元)?(?:补贴|减免|扶持计划|免佣|惊喜|消费券|流量计划|费用减免|俱乐部|"
    r"主播(?:计划|扶持)|会场|红包|豪补|商家|品牌计划)(?:计划|行动|工程|频道)?|万人团|千人团|"
    r"[\"“‘「『《][^\"”’」』》\n]{0,24}(?:计划|补贴|行动|工程|方案|战略|support|fund|plan|program|programme|campaign|scheme|initiative)"
    r"[^\"”’」』》\n]{0,6}[\"”’」』》])"
    r"|\b(?:ten|10|100|hundred|1)? ?(?:million|billion)[- ](?:[a-z]+[- ]){0,3}?(?:plan|program|programme|scheme|"
    r"subsid(?:y|ies) (?:program|programme|campaign|channel|scheme|plan))\b"
    r"|\b(?:double|singles'?) ?(?:11|12|eleven|twelve)(?:\.11)?\b|\b[0-9]+(?:\.[0-9]+)?[- ](?:shopping )?festival\b"
    r"|(?<![0-9.])1(?:\.0+)? ?(?:美元|港元|港币|英镑|欧元)(?=兑|=|约?合|折合)|(?:us)?\$ ?1(?:\.0+)?(?= ?(?:=|to rmb))|(?<= to )us\$ ?1(?:\.0+)?(?![0-9]|\.[0-9])"
    r"|\+[0-9]{2,3}[ -][0-9]{1,4}[ -][0-9]{3,4}[ -][0-9]{3,4}"
)
_STEMS = re.compile(
    "双1|双十|618|6.18|11.11|12.12|818|节|88vip|3·15|315晚|1688|58同|12306|360|7-el|24/7|7x24|3c|景区|补贴|减免|扶持|免佣|惊喜|"
    "消费券|流量计划|俱乐部|主播|会场|红包|豪补|商家|品牌计划|人团|计划|行动|工程|方案|战略|plan|program|campaign|scheme|initiative|"
    "subsid|support|fund|\\+[0-9]{2}|double|singles|festival|元[兑=约合折]|币[兑=约合折]|\\$ ?1"
)
CITATION = re.compile(r"(?:\[[0-9]{1,3}(?:[-,、, ]+[0-9]{1,3})*\])+|(?:【[0-9]{1,3}】)+|\[\^[0-9]+\]")


def spans(low: str) -> list[tuple[int, int]]:
    """Names and citation marks of a folded text, in order."""
    found = [m.span() for m in vocabulary.around(NAMES, _STEMS, low, before=44, after=34)]
    if "[" in low or "【" in low:
        found += [m.span() for m in CITATION.finditer(low)]
    return sorted(found)


def is_no_number(low: str, start: int, end: int) -> bool:
    """Whether the digits at ``start:end`` belong to a code, a name, an ordinal or an age."""
    return bool(_LEFT.search(low, max(0, start - 16), start) or _RIGHT.match(low, end))
