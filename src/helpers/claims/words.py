"""Numbers in words: 翻倍, 腰斩, 三成, 二三十亿, 亿级, doubled, fourfold, two-thirds, half a million, a thousand followers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpers.claims import vocabulary
from helpers.claims.numbers import NOUNS, PEOPLE, Token
from helpers.claims.vocabulary import CURRENCY_AFTER, DIGITS, SCALES, TENS, WORD_NUMBERS

_CN = "一二两三四五六七八九"
_ZH_SCALE = "万亿|千亿|百亿|十亿|亿|千万|百万|十万|万|千|百"
_UNIT_ZH = vocabulary.any_of(w for w in CURRENCY_AFTER if not w[0].isascii())
_ZH = re.compile(
    rf"(?P<level>(?:百万|千万|亿|十亿|百亿|千亿|万亿)(?:元)?级)"
    rf"|(?P<twice>翻(?:了)?(?:一)?倍|翻番|翻了?(?P<fan>[一两二三四])番|成倍增长)"
    rf"|(?P<halved>腰斩)"
    rf"|(?P<tenths>[{_CN}])(?:(?P<tenths2>[{_CN}])|[至到](?P<tenths3>[{_CN}]))?(?P<half>成半|成)(?P<more>多|以上)?(?P<ones>[{_CN}](?![{_CN}十百千万亿个家]))?"
    rf"(?![就本都长立交功熟品员效分份因型年果套]|为(?<!其中.成为)(?<![近约超占逾].成为))"
    rf"|百分之(?P<hundredth>[{_CN}十百]+(?:点[{_CN}零]+)?)"
    rf"|(?P<part>[{_CN}十百千]+)分之(?P<of>[{_CN}十]+)"
    rf"|(?P<times>[{_CN}十百]+)(?P<point>点[{_CN}]+)?倍(?!增|速|数|率)"
    rf"|(?P<majority>过半|超半数?|逾半数?|(?:近|约|将近|接近)半数?(?!成(?!交)|[价导])|(?:超过?|逾|近|约|接近|不到|将近)一半|一半以上)(?!年|个|天|小时|程)"
    rf"|(?<![{_CN}十百千0-9])(?P<a>[{_CN}])(?P<b>[{_CN}])(?P<ten>[十百千])?(?P<pair>{_ZH_SCALE})?"
    rf"(?P<pairunit>{_UNIT_ZH}|[家人名位款场次件单个台](?![月百]))"
    rf"|(?<![0-9.{_CN}第])(?P<several>[{_CN}]?十)几(?P<sscale>{_ZH_SCALE})?(?P<sunit>{_UNIT_ZH}|[家人名位款场次件单个台](?!月))"
    rf"|(?<![0-9.{_CN}十百千第每几成上])(?P<number>[{_CN}][{_CN}零十百千]*|(?<!数)十[{_CN}]?)(?P<plus0>多|余)?(?P<scale>万亿|千亿|百亿|十亿|亿|千万|百万|十万|万)(?P<rest>[{_CN}][千百][{_CN}零十百]*)?(?P<plus>多|余)?(?P<unit>{_UNIT_ZH}|[家人名位款场次件单台户](?!团))?(?![级户里元一])"
    rf"|(?:(?P<drop>下降|减少|降低|缩水|收窄|缩窄|少|降|跌)|(?:增加|增长|提升|上升|多))(?:了|近|约|超过?|逾)*(?P<byhalf>一半)(?!以)"
    rf"|(?P<over>超过|突破|超|破|逾|过|近|达|接近|不足|不到|上)(?P<only>万亿|千亿|百亿|十亿|亿|千万|百万|十万)(?P<onlyunit>{_UNIT_ZH}|[人家次]|单(?!品))?(?![级补减扶团一])"
)
_NUMBER_WORD = "|".join(WORD_NUMBERS)
_EN_SCALE = "hundred million|hundred billion|hundred thousand|ten thousand|trillion|billion|million|thousand|hundred"
_EN_UNIT = vocabulary.any_of(w for w in CURRENCY_AFTER if w[0].isascii())
_EN = re.compile(
    rf"\b(?P<level>(?:hundred[- ])?(?:million|billion|trillion))[- ](?:yuan[- ]|dollar[- ])?(?:level|scale)\b"
    rf"|\b(?P<fold>(?:{_NUMBER_WORD}))[- ]?fold\b"
    rf"|\b(?P<twice>doubl(?:e|ed|es|ing)|tripl(?:e|ed|es|ing)|trebl(?:e|ed|ing)|quadrupl(?:e|ed|ing)|quintupl(?:e|ed|ing))"
    rf"\b(?!-digit| digit| down| as\b| check|s?[- ]?(?:11|12|eleven|twelve))"
    rf"|\b(?P<halved>halv(?:ed|ing))\b"
    rf"|\b(?P<top>one|two|three|four|five|a)[- ](?P<bottom>thirds?|fifths?|tenths?)\b|\bthree[- ](?P<quarters>quarters) of (?!20|fy|the year|19)"
    rf"|(?<!first )\b(?P<quarters2>three-quarters)\b(?! of)"
    rf"|\b(?P<inof>one|two|three|four|five|six|seven|eight|nine) (?:in|out of) (?:every )?(?P<outof>two|three|four|five|six|seven|eight|nine|ten|twenty)\b"
    rf"|(?<!first )(?<!second )(?<!latter )(?<!other )(?<!last )(?<!better )(?<![0-9.] )\b(?P<plainhalf>half) of (?:the|its|their|all) (?!year|month|day|week|decade|season|fiscal|20|quarter)"
    rf"|\b(?P<vague>(?:more than|over|nearly|almost|about|less than|around|roughly|under) )(?P<halfof>half)(?= (?:of|the|its|their|all)\b|[.,;)])"
    rf"|\b(?P<times>(?:{_NUMBER_WORD})) times(?= (?:as|more|higher|larger|bigger|greater|that|the|its|faster|over)\b)"
    rf"|\b(?P<percent>(?:{_NUMBER_WORD})(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?) per ?cent\b"
    rf"|\b(?P<moved>up|rose|jump(?:ed)?|grew|increas(?:e|ed)|gain(?:ed)?|fell|drop(?:ped)?|cut|down|declin(?:e|ed)|reduc(?:e|ed)|decreas(?:e|ed)|shr[au]nk|fallen|slashed|lowered)"
    rf" by (?:about |nearly |over |almost |more than |around )?(?:an? )?(?P<byhalf>half|third|quarter)\b"
    rf"|\b(?P<uphalf>(?:up|down) (?:nearly |about |almost |more than |over |around )?(?:half|a third|a quarter))(?= (?:this|from|on|year|over|since)\b|[.,;)])"
    rf"|\b(?P<twotimes>twice)(?= (?:as (?:many|much|large|big|high)|the|that of)\b)"
    rf"|\b(?P<quarterof>a quarter)(?= of (?!20|fy|the (?:year|fiscal)))"
    rf"|(?<![.0-9-])\b(?P<number>half an?|an?|(?:{_NUMBER_WORD})(?:[- ](?:{_NUMBER_WORD}))?) (?P<scale>{_EN_SCALE})(?: (?P<unit>{_EN_UNIT}))?\b(?![- ](?:yuan[- ]|dollar[- ])?level)"
    rf"|\b(?P<count>(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty))"
    rf"(?: (?:major|new|key|core|main|other|more|different|large|big|leading|of its))?(?= (?:{'{nouns}'})\b)"
)
_EN = re.compile(
    _EN.pattern.replace(
        "{nouns}",
        "users|people|merchants|sellers|stores|shops|brands|products|items|sessions|rooms|orders|employees|cities|"
        "countries|provinces|companies|measures|upgrades|rewards|initiatives|features|advertisers|warehouses|"
        "categories|livestreams|live streams|hosts|creators|followers|viewers|buyers|customers|markets",
    )
)
_FAN = {"一": 2, "二": 4, "两": 4, "三": 8, "四": 16}
_TIMES = {"doubl": 2, "tripl": 3, "trebl": 3, "quadr": 4, "quint": 5}
HALVES = {"half": 50.0, "third": 100 / 3, "quarter": 25.0}
_BOTTOM = {"third": 3, "fifth": 5, "tenth": 10}
_ENGLISH_SCALE = SCALES | {"hundred": 2}
_ZH_STEMS = re.compile("[级番倍斩成半几]|(?<![0-9.])[亿万千百十]|分之")
_EN_STEMS = re.compile(
    "per ?cent| by |a quarter|fold|doubl|tripl|trebl|quadrupl|quintupl|halv|third|fifth|tenth|half|times|"
    "twice| in | out of |quarters|(?<![0-9] )(?<![0-9])(?:million|billion|trillion|thousand|hundred)|"
    "two |three |four |five |six |seven |eight |nine |ten |eleven |twelve |fifteen |twenty |thirty |fifty |quarters"
)
_SOLD = re.compile("(?:元)?的?(?:单品|商品|直播间|商家|品牌|店铺|主播|产品|爆款)")
SHARP = 0.1  # "doubled" says two and not one and a half
_SALES = re.compile("(?:成交额?|销售额|gmv|销量额|营收|收入)(?:总额)?(?:突?破|超过?|逾|过|达到?)$")
_FUND = re.compile(
    r"subsid|coupon|resourc|invest|support|traffic|fund|补贴|资源|投入|资金|优惠|券|流量|曝光|投资|扶持|红包|销售额|成交额|营收"
)
_LEVEL_REACH = 40


def chinese(digits: str) -> float:
    """The number that Chinese numerals say: 三十 is 30, 一千二百 is 1200, 十五 is 15."""
    total, current = 0, 0
    for c in digits:
        if c in TENS:
            total += (current or 1) * TENS[c]
            current = 0
        else:
            current = DIGITS.get(c, 0)
    return float(total + current)


def scan(low: str) -> Iterator[Token]:
    """Numbers in words of a folded text, in order within each language."""
    if not low.isascii():
        for m in vocabulary.around(_ZH, _ZH_STEMS, low, before=8, after=10):
            if (token := _chinese(low, m)) is not None:
                yield _doubted(low, token)
    for m in vocabulary.around(_EN, _EN_STEMS, low, before=24, after=44):
        if (token := _english(low, m)) is not None:
            yield _doubted(low, token)


def _token(m: re.Match, value: float, *, power: int | None = None, kind: str = "", **more) -> Token:
    token = Token(m.start(), m.end(), m.span(), value, more.pop("digit", 1.0), power=power, kind=kind)
    for name, given in more.items():
        setattr(token, name, given)
    return token


def _chinese(low: str, m: re.Match) -> Token | None:
    g = m.group
    if g("level"):
        scale = g("level").removesuffix("级").removesuffix("元")
        return _level(low, m, SCALES[scale])
    if g("twice"):
        return _token(m, float(_FAN.get(g("fan") or "一", 2)), kind="multiple", unit="multiple", digit=SHARP)
    if g("halved"):
        return _token(m, 50.0, kind="ratio", unit="ratio", negative=True, digit=10.0)
    if g("tenths"):
        return _tenths(m)
    if g("byhalf"):
        return _of(m, "byhalf", 50.0, negative=bool(g("drop")) or None)
    if g("hundredth"):
        whole, _, rest = g("hundredth").partition("点")
        value = chinese(whole) + sum(DIGITS[c] / 10 ** (i + 1) for i, c in enumerate(rest))
        return _token(m, value, kind="ratio", unit="ratio", digit=10.0 ** -len(rest))
    if g("part"):
        return _token(m, 100.0 * chinese(g("of")) / chinese(g("part")), kind="ratio", unit="ratio")
    if g("times"):
        value = chinese(g("times")) + sum(DIGITS[c] / 10 ** (i + 1) for i, c in enumerate((g("point") or "点")[1:]))
        return _token(m, value, kind="multiple", unit="multiple")
    if g("majority"):
        word = g("majority")
        about = {"近": "nearly", "接": "nearly", "将": "nearly", "约": "about", "不": "at_most"}.get(
            word[0], "at_least"
        )
        return _token(m, 50.0, kind="ratio", unit="ratio", qualifier=about, digit=10.0)
    if g("a"):
        return _several_digits(m)
    if g("several"):
        return _with_unit(m, chinese(g("several")), g("sscale"), g("sunit"), qualifier="at_least", digit=10.0)
    if g("number"):
        qualifier = "at_least" if g("plus") or g("plus0") else ""
        power = SCALES[g("scale")]
        value = chinese(g("number")) + (chinese(g("rest")) / 10.0**power if g("rest") and power >= 4 else 0.0)
        return _with_unit(m, value, g("scale"), g("unit"), qualifier=qualifier)
    word, scale = g("over"), g("only")
    about = {"近": "nearly", "接": "nearly", "不": "at_most", "达": ""}.get(word[0], "at_least")
    token = _with_unit(m, 1.0, scale, g("onlyunit"), qualifier=about)
    token.start += len(word)
    if not token.kind and (
        _SOLD.match(low, m.end()) or _SALES.search(low, max(0, token.start - 8), token.start)
    ):  # 破亿单品: goods that sold for so much
        token.kind, token.unit = "money", "money"
        token.inferred += ["unit", "currency"]
    return token


def _of(m: re.Match, group: str, value: float, **more) -> Token:
    """A ratio in words, at the group's own place."""
    token = _token(m, value, kind="ratio", unit="ratio", digit=10.0, **more)
    token.start, token.end = m.span(group)
    token.digits = m.span(group)
    return token


def _tenths(m: re.Match) -> Token | None:
    """三成 is 30 %, 五成八 58 %, 四五成 and 三到四成 40 to 50 % and 30 to 40 %."""
    g = m.group
    low = DIGITS[g("tenths")] * 10.0
    more = "at_least" if g("more") else ""
    token = _token(m, low + (5 if g("half") == "成半" else 0), kind="ratio", unit="ratio", qualifier=more, digit=10.0)
    if g("ones"):
        token.value, token.digit = low + DIGITS[g("ones")], 1.0
    upper = g("tenths2") or g("tenths3")
    if upper:
        token.high = DIGITS[upper] * 10.0
        return token if token.high > token.value else None
    return token


def _several_digits(m: re.Match) -> Token | None:
    """二三十亿 is 20 to 30; 七八千万 is 70 to 80 million."""
    a, b = DIGITS[m["a"]], DIGITS[m["b"]]
    if b - a not in (1, 2):
        return None
    ten = TENS.get(m["ten"] or "", 1)
    token = _with_unit(m, float(a * ten), m["pair"], m["pairunit"], digit=float(ten))
    token.high = float(b * ten)
    return token


def _with_unit(m: re.Match, value: float, scale: str | None, unit: str | None, **more) -> Token:
    power = SCALES[scale] if scale else None
    if unit in CURRENCY_AFTER:
        return _token(m, value, power=power, kind="money", unit="money", currency=CURRENCY_AFTER[unit], **more)
    if unit:
        return _token(m, value, power=power, kind="count", unit="person" if unit in "人名位" else "count", **more)
    return _token(m, value, power=power, **more)


def _level(low: str, m: re.Match, power: int) -> Token | None:
    """亿级补贴 names the size of an amount; 百万级直播间 names a class of rooms and is no amount."""
    if not _FUND.search(low, m.end(), m.end() + _LEVEL_REACH):
        return None
    return _token(m, 1.0, power=power, kind="money", unit="money", role="level", inferred=["unit", "currency"])


def _english(low: str, m: re.Match) -> Token | None:
    g = m.group
    if g("level"):
        return _level(low, m, SCALES[g("level").replace("-", " ")])
    if g("fold"):
        return _token(m, float(WORD_NUMBERS[g("fold")]), kind="multiple", unit="multiple")
    if g("twice"):
        return _token(m, float(_TIMES[g("twice")[:5]]), kind="multiple", unit="multiple", digit=SHARP)
    if g("halved"):
        return _token(m, 50.0, kind="ratio", unit="ratio", negative=True, digit=10.0)
    if g("bottom"):
        top = 1 if g("top") == "a" else WORD_NUMBERS[g("top")]
        return _token(m, 100.0 * top / _BOTTOM[g("bottom").rstrip("s")], kind="ratio", unit="ratio")
    if g("percent"):
        return _token(
            m, float(sum(WORD_NUMBERS[w] for w in re.split("[- ]", g("percent")))), kind="ratio", unit="ratio"
        )
    if g("byhalf"):
        down = g("moved").startswith(
            ("fell", "fall", "drop", "cut", "down", "declin", "reduc", "decreas", "shr", "slash", "lower")
        )
        return _of(m, "byhalf", HALVES[g("byhalf")], negative=down or None)
    if g("uphalf"):
        way, part = g("uphalf").split(" ", 1)[0], g("uphalf").rsplit(" ", 1)[-1]
        place = g("uphalf").rfind("a " + part) if part != "half" else g("uphalf").rfind(part)
        token = _of(m, "uphalf", HALVES[part], negative=way == "down" or None)
        token.start += place
        token.digits = (token.start, token.end)
        return token
    if g("twotimes"):
        return _token(m, 2.0, kind="multiple", unit="multiple", digit=SHARP)
    if g("quarterof"):
        return _of(m, "quarterof", 25.0)
    if g("inof"):
        return _token(
            m, 100.0 * WORD_NUMBERS[g("inof")] / WORD_NUMBERS[g("outof")], kind="ratio", unit="ratio", digit=10.0
        )
    if g("plainhalf"):
        return _of(m, "plainhalf", 50.0)
    if g("quarters") or g("quarters2"):
        return _token(m, 75.0, kind="ratio", unit="ratio")
    if g("halfof"):
        token = _token(m, 50.0, kind="ratio", unit="ratio", digit=10.0)
        token.start = m.start("halfof")
        return token
    if g("times"):
        return _token(m, float(WORD_NUMBERS[g("times")]), kind="multiple", unit="multiple")
    if g("count"):
        noun = NOUNS.match(low, m.end("count"))
        if not noun:
            return None
        token = _token(m, float(WORD_NUMBERS[g("count")]), kind="count", role="noun")
        token.end, token.unit = noun.end(), "person" if noun["noun"].rstrip("s") in PEOPLE else "count"
        return token
    return _scaled(low, m)


def _scaled(low: str, m: re.Match) -> Token | None:
    """One million, half a billion, a thousand followers, three hundred million yuan."""
    words = m["number"]
    value = 0.5 if words.startswith("half") else sum(WORD_NUMBERS.get(w, 1) for w in re.split("[- ]", words))
    token = _token(m, float(value), power=_ENGLISH_SCALE[m["scale"]])
    if m["unit"]:
        token.kind, token.unit, token.currency = "money", "money", CURRENCY_AFTER[m["unit"]]
    elif noun := NOUNS.match(low, m.end()):
        token.kind, token.unit = "count", "person" if noun["noun"].rstrip("s") in PEOPLE else "count"
        token.end, token.role = noun.end(), "noun"
    elif m["scale"] == "hundred":
        return None
    return token


def _doubted(low: str, token: Token) -> Token:
    found = vocabulary.QUALIFIER.search(low, max(0, token.start - 20), token.start)
    found = found or vocabulary.QUALIFIER_AFTER.match(low, token.end)
    if found and not token.qualifier:
        names = (("about", "about"), ("nearly", "nearly"), ("more", "at_least"), ("less", "at_most"))
        token.qualifier = next((word for name, word in names if name in found.re.groupindex and found[name]), "")
    return token
