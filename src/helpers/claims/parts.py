"""Which words for a whole are made words for a part by what stands beside them: 可灵收入, cloud revenue, revenue from abroad.

A part that is taken for the whole raises false alarms about both, so a word for revenue names the whole only where nothing
but a company, a time or a common word qualifies it. Otherwise it stays a term that no metric of the ledger covers.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_PART = re.compile(
    r"(?:商品|产品|服务|游戏|会员|佣金|云|直播|增值|海外|国际|国内|线下|自营|物流|金融|ip|货架|店播|达播|达人|短视频|搜索|商城|品牌|服饰|美妆|食品|女装|"
    r"家电|数码|单场|首日|日均|月均|人均|内容|业务|到店|外卖|零售|第三方|其他|衍生品|订阅|利息|投资|交易|板块|分部|付费|跨境|行业|全球|"
    r"\b(?:products?|services?|games?|gaming|cloud|merchandise|logistics|memberships?|subscriptions?|commissions?|overseas|"
    r"international|regional|industry|market|national|nationwide|global|worldwide|sector|segment|retail|delivery|digital|payments?|beauty|apparel|grocery|live|shelf|organic|licensing))(?: e-commerce)? ?\Z"
)
"""What may stand before a word for the whole and makes it a part: 商品收入, service revenue."""
WHOLES = {"revenue", "gmv", "net_profit", "orders", "gross_profit", "gross_margin"}
_WORD = re.compile(r"[a-z]+\Z")
_BESIDES = re.compile(
    "(?:前?[一二三四上下全本该当近每首][一二三]?(?:年|季|月|期|周|日|天|场|届|财年|季度|半年)度?|单季度?|季度|年度|年内|期内|期间|去年|今年|同期|"
    "公司|集团|平台|企业|我们|双方|其中|主要|整体|合并|经营|营业|实现|录得|取得|获得|完成|创造|创下|贡献|带来|带动|拉动|推动|驱动|支撑|预计|预期|预测|"
    "估计|指引|目标|预估|假设|对应|报告|财报|公告|披露|显示|可见|同比|环比|累计|合计|来自|由于|虽然|尽管|同时|此外|另外|因此|所以|最终|最后|目前|随着|"
    "第|财年|财季|财报?|分别|左右|以上|以下|上市|业绩|机构|市场|半年报|[年季中]报|其|总|净|占|料|的|与|和|及|至|但|而|且|因|使|令|让|则|若|按|以|从|在|为|达|将|已|均|也|都|又|不|更|"
    "高|低|增|减|受|对|是|有|年|月|日|季|倍|多|余|约|近|超|元|亿|万|个|家|人)+"
)
"""Words that leave a word for revenue what it is: 全年总收入, 预计营收."""
_RUN = re.compile("[一-鿿]{1,12}\\Z")
_LONGEST_NAME = 6
_COMMON = re.compile(
    r"[a-z]*(?:ed|ly|ght|ant|ive|able|ous)|[a-z]+['’]s?|an?|the|its|their|our|his|her|this|that|these|those|total|group|net|annual|quarterly|year|monthly|record|"
    r"gross|full|overall|company|reported|half|quarter|month|period|and|or|but|while|as|with|of|in|on|for|by|to|from|at|if|when|whose|where|"
    r"more|less|higher|lower|rising|falling|growing|strong|weak|stronger|weaker|operating|however|meanwhile|still|yet|so|then|such|similar|"
    r"own|actual|trailing|fiscal|interim|same|peak|flat|last|next|previous|prior|past|latest|average|per|all|most|since|although|though|"
    r"ifrs|gaap|non|additional|incremental|substantial|potential|key|primary|core|new|ltm|ttm|main|holdings|inc|management|first|second|third|fourth|nine|six|one|two|three|will|would|could|may|can|"
    r"is|was|were|are|be|had|has|have|saw|drove|grew|made|took|lost|rose|fell|beat|put|set|says|sees|expects|guides|forecasts|projects|"
    r"boosting|lifting|bringing|taking|pushing|sending|driving|generating|posting|reporting|with|between|against|than|because|over|under|"
    r"up|down|about|around|nearly|roughly|also|only|both|any|some|no|not|big|large|small|good|billion|million|bn|m"
)
"""English words before "revenue" that leave it what it is; any other is taken for the name of a part."""
_FROM = re.compile(
    r" from (?!operations|continuing|rmb|us\$|hk\$|[$¥0-9]|the (?:same|first|second|third|fourth|quarter|year|last|previous|prior))"
)
_ENGLISH = re.compile(r"(?<![A-Za-z0-9])((?:[A-Za-z]+-)*[A-Za-z]+(?:['’]s?)?) \Z")
_OWNER = re.compile(
    r"(?<![A-Za-z])(?!(?:It|That|There|Here|What|Today|Yesterday|Company|Group|Firm|Platform|Year|Quarter|[A-Z][a-z]+day)['’])"
    r"[A-Z][A-Za-z]+(?P<owned>['’]s) (?:[a-z-]+ ){0,3}\Z"
)
_SUBJECT = re.compile(
    r"(?:^|[.;\n] |\n|- )(?:The )?(?P<name>[A-Z][A-Za-z0-9]*(?: (?:AI|[A-Z][A-Za-z0-9]*))*) "
    r"(?:has )?(?:generated|brought in|brought|contributed|earned|made|booked|posted|reported|recorded|logged)\b[^.;,\n]{0,60}\Z"
)
_LABEL = re.compile(
    r"(?:[\n。;] ?|[0-9][.、)] ?|[-•] ?)(?!业绩|财务|收入|营收|概况|摘要|要点|事件|整体|公司|总体|数据|财报|结果|核心|集团)([一-鿿]{2,6}):\Z"
)
"""A label before a word for revenue: "2. 游戏:收入16.1亿元" is the games'."""
_LATIN = re.compile(r"(?<![a-z0-9])(?!(?:gaap|ifrs|ttm|ltm|app|yoy|qoq)\Z)[a-z]{2,}\Z")
_UNIT = re.compile(
    r"\b(?:the|this|that|its) (?:[a-z]+ )?(?:segment|unit|division|business|arm)(?:['’]s)? (?:[a-z]+ )?(?:an? )?\Z"
)
_NEW_SUBJECT = re.compile(r"[。;\n]|\. (?!its )|公司|集团|整体|全年|\b(?:company|group|overall|total)\b")
_RESULT = re.compile("收入|营收|利润|亏损|revenue|sales|profit|income|loss")
REACH = 200  # characters over which a sentence goes on about a part
OF_A_PART_TOO = {"operating_profit", "operating_margin"}
"""What a segment has as well: after a part's revenue, in its sentence, these are the part's."""


def parts_apart(text: str, low: str, terms: list[tuple], names: Collection[int]) -> list[tuple]:
    """The terms of a text, where a word for a whole that is made a part of it names no metric of the ledger.

    `names` are the places where names of entities end: 快手收入 is the whole, 可灵AI收入 a part.
    """
    out: list[tuple] = []
    for start, end, meaning, words in terms:
        codes = {code for code, _ in meaning.values()}
        begins = None
        if codes.issubset(WHOLES):
            if out and out[-1][1] == start and out[-1][2] != meaning:
                out[-1] = (out[-1][0], end, out[-1][2], low[out[-1][0] : end])  # 广告营业额 is 广告's
                continue
            begins = _part_begins(text, low, start, end, names, codes == {"revenue"} or words == "利润")
        elif codes.issubset(OF_A_PART_TOO) and (
            _is_of_part(low, start, out) or _PART.search(low, max(0, start - 24), start)
        ):
            begins = start
        if begins is None:
            out.append((start, end, meaning, words))
        else:
            out.append((begins, end, {"": ("", next(iter(meaning.values()))[1])}, low[begins:end]))
    return out


def _is_of_part(low: str, start: int, out: list[tuple]) -> bool:
    """Whether a word for profit goes on about the part whose revenue its sentence names before it."""
    if _UNIT.search(low, max(0, start - 60), start):
        return True
    if not out or any(code for code, _ in out[-1][2].values()) or not _RESULT.search(out[-1][3]):
        return False
    return start - out[-1][1] < REACH and not _NEW_SUBJECT.search(low, out[-1][1], start)


def _part_begins(text: str, low: str, start: int, end: int, names: Collection[int], is_revenue: bool) -> int | None:
    """Where the words begin that make a part of the word at ``start:end``; None if it is the whole."""
    if part := _PART.search(low, max(0, start - 24), start):
        return part.start()
    if start in names:
        return None
    if not low[start].isascii():
        product = _WORD.search(low, max(0, start - 16), start)
        if product or not is_revenue:
            return product.start() if product else None
        return _named_before(low, start, names)
    owner = _OWNER.search(text, max(0, start - 60), start)
    if owner and owner.start("owned") not in names:
        return owner.start()
    if not is_revenue:
        return None
    if _FROM.match(low, end) or low.startswith(" per ", end):
        return start
    subject = _SUBJECT.search(text, max(0, start - 90), start)
    if subject and subject.end("name") not in names and not _COMMON.fullmatch(subject["name"].lower()):
        return subject.start("name")
    word = _ENGLISH.search(low, max(0, start - 24), start)
    if word and word.end(1) not in names and not all(_COMMON.fullmatch(w) for w in word[1].split("-")):
        return word.start()
    return None


def _named_before(low: str, start: int, names: Collection[int]) -> int | None:
    """Where a short name of a part begins that stands alone before 收入: 电商收入, 可灵当季收入, The Monsters实现收入."""
    run = _RUN.search(low, start - 12 if start > 12 else 0, start)
    if not run:
        label = _LABEL.search(low, max(0, start - 14), start)
        return label.start(1) if label else None
    begins = max((n for n in range(run.start(), start) if n in names), default=run.start())
    begins = max(begins, low.rfind("占", begins, start) + 1)  # 广告占总收入
    rest = _BESIDES.sub("", low[begins:start])
    if rest:
        return begins if 2 <= len(rest) <= _LONGEST_NAME else None
    product = _LATIN.search(low, max(0, begins - 16), begins) if begins == run.start() else None
    return product.start() if product and begins not in names else None
