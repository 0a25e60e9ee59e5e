"""What a number without a printed unit counts: money, people, or nothing that can be told; and in which currency."""

from __future__ import annotations

import re
from collections import Counter

from helpers.claims.numbers import Token

_MONEY = (
    r"收入|营收|利润|净利|毛利|gmv|成交额|交易额|销售额|成交|市值|估值|融资|亏损|净亏|费用(?!户)|罚没|罚单|货款|赔偿|成本|支出|投入|补贴|资金|现金|金额|规模|回购|分红|"
    r"佣金|流水|罚款|投资|营业额|客单价|单价|价格|预算|消耗|净额|日销|月销|年销|销售|减免|ebitda|负债|资产|税|薪酬|"
    r"revenues?|sales|profits?|incomes?|loss(?:es)?|earnings|valu(?:ation|ed|e|es)|market cap(?:itali[sz]ation)?|cap\b|funding|raised|invest(?:ment|ed)?|"
    r"subsid(?:y|ies|ised|ized)|costs?|expens(?:e|es)|spend(?:ing)?|spent|cash|payments?|turnover|worth|budget|fines?|"
    r"dividends?|buybacks?|prices?|commissions?|billings|turnover|paid|turnovers|gross merchandise|coupons|debt|assets|capex|proceeds"
)
_COUNT = (
    r"用户|人数|人次|买家|dau|mau|日活|月活|粉丝|观看|播放|订单|下载|视频|图片|商家|主播|门店|店铺|会员|消费者|客户|员工|创作者|"
    r"达人|商品数|件数|次数|单量|包裹|浏览|曝光|互动|评论|笔记|作品|搜索|投递|线索|设备|家庭|学员|人口|网民|骑手|直播间|场次|股|"
    r"users?|viewers?|views?|daus?|maus?|followers?|fans|orders?|merchants?|sellers?|buyers?|consumers?|customers?|products?|"
    r"videos?|stores?|shops?|downloads?|members?|subscribers?|shares?|people|visits?|searches|interactions?|parcels?|employees|"
    r"shoppers|households|impressions|clicks|creators?|hosts?|notes?|posts?|audience|population|listings|installs|brands?"
)
_WORDS = re.compile(rf"(?P<money>{_MONEY})|(?P<count>{_COUNT})")
_AFTER = re.compile(
    r" ?(?:个|名|位|条|件|次|单|家|款|人|台|张|场|部|户|篇)|(?:的|active |monthly |daily |new |paying |registered |annual |total )?"
    rf"(?:(?P<money>{_MONEY})|(?P<count>{_COUNT}))"
)
_COUNTS = re.compile(_COUNT)
_GOES_ON = re.compile(r"(?:[上下]调[至到]|[增升降跌涨][长至到为]|至|到|\bto|\band|和|与)(?:约|近|超过?)? ?$")
_THINGS = re.compile(
    r" (?!(?:in|of|to|and|or|by|for|on|at|from|yoy|year|a|an|per|with|as|while|which|but|last|this|during|the|over|up|down|more|was|were|is|are|after|before|since|compared|against|versus|vs|worth|revenue|sales|gmv)\b)"
    r"[a-z-]{2,}(?: [a-z-]{2,})?s\b"
)
_STOP = re.compile(r"[。;\n!?]|(?<![0-9]),(?![0-9])|\. ")
_SHARE_WORDS = re.compile(
    r"每股|股价|目标价|发行价|行权价|收盘价?|开盘价?|报收?|派息|股息|eps|per share|share price|target|strike|exercise price|"
    r"grant price|option|closed at|trading at|shares? (?:at|to|fell|rose|closed)|52-week|upside|high/low|repurchase price|pt\b"
)
_HAN = re.compile("[一-鿿]")
REACH = 36
_LEFT_WORD = re.compile(
    rf"(?:{_MONEY}|{_COUNT}|growth|gain|评分|rating|score)[a-z]*(?: (?:of|to|at|was|were|is|are|reached|hit|totall?ed|numbered|counted|came to|stands at|amounted to|by|averaged|grew to|rose to|fell to|stood at))?"
    r"(?:达到?|为|至|到|约|近|超过?|是|:)*(?: (?:nearly|about|over|more than|around|almost|roughly))? ?$"
)


_GROUPED = re.compile("[0-9]{1,3}(?:,[0-9]{3})+")
_VIEWS = re.compile("播放|曝光|浏览|参数|观看|次|token|点击")


def settle(low: str, tokens: list[Token]) -> list[Token]:
    """Decide the unit of numbers that have a scale but no unit; numbers that nothing explains are left out.

    Parameters
    ----------
    low : str
        The folded text.
    tokens : list of Token
        In the order of the text.

    Returns
    -------
    list of Token
        Those that are claims; money has a currency where the text or its other numbers give one.
    """
    common = Counter(t.currency for t in tokens if t.currency and t.role != "level")
    usual = common.most_common(1)[0][0] if common else ""
    chinese = bool(_HAN.search(low, 0, 200))
    kept, last = [], ""
    for token in tokens:
        if token.currency:
            last = token.currency
        if not token.kind and not _explain(low, token, kept[-1] if kept else None):
            continue
        if token.kind == "money" and not token.currency:
            token.currency = ("CNY" if chinese and usual in ("", "CNY") else "") or last or usual or "CNY"
            token.inferred.append("currency")
        if (token.kind == "money" and _is_price(low, token)) or (
            token.kind == "money" and kept and _goes_on(low, kept, token)
        ):
            token.unit = "money_per_share"
        if token.kind == "ratio" and kept and _moves_ratio(low, kept[-1], token):
            token.kind, token.unit = "points", "percentage_point"
            token.readings.append(("as a relative change", round(token.value / 100, 12), "ratio"))
        if token.kind == "multiple" and token.unit == "multiple":
            _readings(low, token)
        kept.append(token)
    return kept


def _explain(low: str, token: Token, last: Token | None) -> bool:
    """Money or a count, by the word behind the number or the nearest before it; False where nothing tells."""
    if token.power is None:
        grouped = "," in low[token.digits[0] : token.digits[1]] or token.value >= 10000
        left = low[max(0, token.start - 40) : token.start]
        found = _LEFT_WORD.search(left)
        if low.startswith((" rating", " stars", "分)", "分以", "分的"), token.end) or (
            found and re.search(r"评分|rating|score", found[0])
        ):
            token.kind, token.unit = "count", "rating_point"
            return True
        if not (grouped and (found or _is_count(low, token))) or token.value >= 1e9:
            return False
    behind = _AFTER.match(low, token.end)
    if behind and behind["money"]:
        token.kind, token.unit = "money", "money"
    elif behind or _THINGS.match(low, token.end):
        token.kind, token.unit = "count", "count"
    else:
        token.kind, token.unit = _before(low, token)
    if token.kind == "count" and token.unit == "count" and _after_money(low, token, last):
        token.kind, token.unit = "money", "money"
    if token.kind == "count" and token.unit == "count" and _is_huge(low, token):
        token.kind, token.unit = "money", "money"
    token.inferred.append("unit")
    return True


def _is_count(low: str, token: Token) -> bool:
    """A whole number in groups of three in English prose, "exceeded 150,000", counts something; a cell may be anything."""
    line = low[low.rfind("\n", 0, token.start) + 1 : token.end]
    in_prose = token.header is None and "|" not in line and "  " not in line and not _HAN.search(line)
    return in_prose and bool(_GROUPED.fullmatch(low[slice(*token.digits)]))


def _is_huge(low: str, token: Token) -> bool:
    """4,000亿 and 3万亿 without a word are money: nobody counts so many of anything but views."""
    if token.value * token.factor < 1e11 or "亿" not in low[token.start : token.end]:
        return False
    return not _VIEWS.search(low, max(0, token.start - 20), token.end + 4)


def _after_money(low: str, token: Token, last: Token | None) -> bool:
    """ "从3800亿元上调至4800亿": no word says what it counts, and the number before it in the sentence is money."""
    if last is None or last.kind != "money" or last.unit != "money" or token.start - last.end > 40:
        return False
    between = low[last.end : token.start]
    return not re.search(r"[。;\n]|\. ", between) and not _COUNTS.search(between) and bool(_GOES_ON.search(between))


def _before(low: str, token: Token) -> tuple[str, str]:
    """The nearest word before the number, in its clause and then in the one before it."""
    start = max(0, token.start - REACH * 3)
    left = low[start : token.start]
    cut = [m.end() for m in re.finditer(r"[。;\n!?]", left)]
    left = left[cut[-1] :] if cut else left
    said = list(_WORDS.finditer(left))
    if not said:
        return "count", "count"
    found = said[-1]
    after = _WORDS.search(low, token.end, token.end + 22)
    if (
        after
        and after["count"]
        and not found["count"]
        and not _STOP.search(low, token.end, after.start())
        and (
            token.end + 22 > after.end()
            and re.match(r"[ a-z]*$", low[token.end : after.start()])
            and len(low[token.end : after.start()].split()) <= 2
            and not re.search(r"\b(?:in|of|on|from|and|for|by|with|to)\b", low[token.end : after.start()])
        )
    ):
        return "count", "count"
    return ("money", "money") if found["money"] else ("count", "count")


def _is_price(low: str, token: Token) -> bool:
    """An amount per share: it says so, or the words before it do and it is small."""
    if token.per in ("股", "share", "ads"):
        return True
    if token.power is not None or token.value * token.factor > 10000:
        return False
    return bool(_SHARE_WORDS.search(low, max(0, token.start - 60), token.start))


_MOVE = re.compile(
    r",? ?(?:同比|环比|较(?:上年|去年)同期)?(?:提升|上升|下降|下滑|提高|降低|回升|回落|改善|升|降|增加?|减少?)(?:了|约|近|超过?)*"
)
_RATIO_LEVEL = re.compile(r"(?:率|占比|比例|份额)(?:仅|为|达到?|约|近|超过?|至|降至|升至| )*$")


def _moves_ratio(low: str, before: Token, token: Token) -> bool:
    """ "利润率约7%,环比提升约3%": the change of a ratio printed with a per cent sign is in points, as a rule."""
    if before.kind != "ratio" or token.start - before.end > 16 or not _MOVE.fullmatch(low, before.end, token.start):
        return False
    return bool(_RATIO_LEVEL.search(low, max(0, before.start - 12), before.start))


def _goes_on(low: str, kept: list[Token], token: Token) -> bool:
    """A small amount after a price in one sentence: "from $13.5 in March to $18 in June"."""
    last = next((t for t in reversed(kept) if t.kind == "money"), None)
    if last is None or last.unit != "money_per_share" or token.power is not None or token.value > 10000:
        return False
    return last.currency == token.currency and not re.search(r"[。\n;]|\. ", low[last.end : token.start])


def _readings(low: str, token: Token) -> None:
    """Both meanings of "增长1.6倍" and "1.6 times increase": to so many times, and by so many times."""
    left = low[max(0, token.start - 16) : token.start]
    right = low[token.end : token.end + 24]
    grown = re.search(r"(?:增长?|提升|上升|增加|提高|扩大|上涨|涨|高出|多)(?:了|近|超|约|超过|逾|达|幅)*$", left)
    said = re.match(r" ?(?:increase|growth|more|higher|larger|rise|jump)", right)
    if grown or said:
        token.readings.append(("by so many times: the end over the start", token.value + 1, "multiple"))
