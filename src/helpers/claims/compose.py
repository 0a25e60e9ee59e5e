"""Numbers that stand together: lists that share a unit, ranges, "from A to B", and the sign that a verb gives."""

from __future__ import annotations

import itertools
import re

from helpers.claims import vocabulary
from helpers.claims.numbers import Token

_LIST = re.compile(
    r" ?(?P<strong>/|、|和|与|及|以及|(?P<and>,? ?(?:and|or|&)(?= ))|or)?(?P<comma>,|;)? ?(?:约|about )?"
)
_RANGE = re.compile(r" ?(?:-{1,2}|~|至|到|to|或|through) ?(?:约|about |around |nearly |over )?")
_BETWEEN = re.compile(r"(?:between|介于|在)(?: ?(?:about|around|约))? ?$")
_AND = re.compile(r" ?(?:and|和|与|到|至) ?")
_FROM = re.compile(
    r"(?:\bfrom|从|由|自)(?: ?(?:about|around|roughly|the|an?|just|only|some|nearly|over|less than|约|近|不到|超))? ?$"
)
_RANGING = re.compile(
    r"(?:rang(?:e|es|ed|ing)|varies|vary|anywhere)(?: in size)? (?:from) ?$|区间(?:为|在|从)? ?$|范围(?:为|在|从)? ?$"
)
_MOVED = re.compile(
    r"\b(?:up|down|rose|grew|fell|gained|increased|decreased|declined|dropped|improved|by|widened|narrowed)(?: by| about| nearly| over)* ?$"
)
_LEVEL_OF_RATIO = re.compile(r"margin|rate|share|ratio|penetration|proportion|率|占比|比例|份额")
BETWEEN_WORDS = 40


def compose(low: str, tokens: list[Token]) -> list[Token]:
    """Share scales and units within lists, join ranges, and give the verbs' sign.

    Parameters
    ----------
    low : str
        The folded text.
    tokens : list of Token
        In the order of the text; changed in place.

    Returns
    -------
    list of Token
        Those that are numbers with a unit or a scale, and those that still have none (for tables).
    """
    _hyphens(low, tokens)
    _share_leftwards(low, tokens)
    _share_currency(low, tokens)
    joined = _ranges(low, tokens)
    _directions(low, joined)
    return joined


def _hyphens(low: str, tokens: list[Token]) -> None:
    """A minus that touches the number before it joins a range: 3亿-5亿."""
    for before, token in itertools.pairwise(tokens):
        if token.negative and before.end == token.start and low[token.start] == "-":
            token.negative, token.start = None, token.start + 1


def _is_bare(token: Token) -> bool:
    return token.power is None and token.kind in ("", "count") and token.role != "noun" and not token.unit


def _take(token: Token, other: Token, *, scale: bool = True) -> None:
    """What the number leaves open, from the one it stands beside."""
    if scale and token.power is None and other.power is not None:
        token.power = other.power
        token.inferred.append("scale")
    if not token.kind or (token.kind == other.kind == "money" and not token.currency):
        token.kind, token.unit, token.permille, token.per = other.kind, other.unit, other.permille, other.per
        token.currency = token.currency or other.currency
        token.role = token.role or other.role
        token.inferred.append("unit")


def _share_leftwards(low: str, tokens: list[Token]) -> None:
    """177/226/302亿元 and "177, 226 and 302 million yuan": the last one's scale and unit hold for all."""
    for i in range(len(tokens) - 2, -1, -1):
        token, other = tokens[i], tokens[i + 1]
        if other.start - token.end > BETWEEN_WORDS or not (other.kind or other.power is not None):
            continue
        gap = low[token.end : other.start]
        m = _LIST.fullmatch(gap)
        if not m or not gap.strip():
            continue
        linked = bool(m["strong"]) or (m["comma"] and other.series)
        bare = _is_bare(token)
        of_money = token.kind == "money" and token.power is None and other.power is not None and gap.strip() in "/、"
        if linked and (bare or of_money):
            _take(token, other)
        if linked:
            token.series = other.series = other.series or i + 1


def _share_currency(low: str, tokens: list[Token]) -> None:
    """RMB 17.7/22.6/30.2 billion: the first one's currency holds for all."""
    for token, other in itertools.pairwise(tokens):
        if token.kind == "money" and not other.kind and (other.power is not None or token.power is None):
            gap = low[token.end : other.start]
            if gap.strip() in ("/", "、") or (other.series and other.series == token.series) or _RANGE.fullmatch(gap):
                other.kind, other.unit, other.currency, other.per = "money", token.unit, token.currency, token.per
                other.inferred.append("currency")


def _ranges(low: str, tokens: list[Token]) -> list[Token]:
    out: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if i + 1 < len(tokens):
            other = tokens[i + 1]
            near = other.start - token.end < BETWEEN_WORDS and _is_pair(low, token, other)
            i += near and _make_range(low, token, other)
        out.append(token)
        i += 1
    return out


def _is_pair(low: str, token: Token, other: Token) -> bool:
    gap = low[token.end : other.start]
    left = low[max(0, token.start - 24) : token.start]
    if gap == "以上" and low.startswith("以下", other.end):  # 1万元以上10万元以下
        return True
    return bool(_RANGE.fullmatch(gap)) or bool(_AND.fullmatch(gap) and _BETWEEN.search(left))


def _make_range(low: str, token: Token, other: Token) -> bool:
    """Join two numbers of one kind into a range; a change keeps both, and shares its unit."""
    left = low[max(0, token.start - 28) : token.start]
    is_change = bool(_FROM.search(left)) and not _RANGING.search(left)
    if not other.kind and other.power is None:
        return False
    taken = (token.power, token.kind, token.unit, token.currency)
    _share_between(token, other, is_change)
    if token.kind != other.kind or (token.currency and other.currency and token.currency != other.currency):
        return False
    if is_change:
        token.role, other.role = "from", "to"
        return False
    if low[token.end : token.end + 1] in "至到" and _LESS_BY.search(left) and token.kind in ("money", "count", ""):
        other.role = "to"  # 减少500万至4亿: a change and the level it leads to
        return False
    by_to = taken[0] is not None and _BY.search(left) and low[token.end : other.start].strip().startswith("to")
    if by_to or _is_move_to_level(low, left, token, other):  # fell by $290 million to $2.06 billion
        token.role, other.role = "", "to"
        return False
    if token.negative != other.negative and other.negative is not None:
        return False
    if not token.value * token.factor < other.value * other.factor:
        token.power, token.kind, token.unit, token.currency = taken
        return False
    _join(low, token, other)
    return True


def _share_between(token: Token, other: Token, is_change: bool) -> None:
    """Scale, unit and currency that the first of two numbers takes from the second, or the second from the first."""
    open_scale = token.power is None and other.power is not None and token.kind in ("", "money")
    if open_scale and token.value < other.value * (50 if is_change else 1):
        token.power = other.power
        token.inferred.append("scale")
    if not token.kind:
        keep = token.power
        _take(token, other, scale=False)
        token.power = keep
    elif token.kind == "money" and other.kind == "money" and not token.currency:
        token.currency = other.currency
    elif token.kind == "money" and not other.kind:
        other.kind, other.unit, other.currency = "money", token.unit, token.currency


_LESS_BY = re.compile("(?:减少|下降|增加|增长|新增|减|降|增)(?:了|约|近)*$")


def _is_move_to_level(low: str, left: str, token: Token, other: Token) -> bool:
    """ "the margin rose 2 % to 30 %": a change and a level, no range."""
    if token.kind != "ratio" or not _MOVED.search(left) or " to" not in low[token.end : other.start]:
        return False
    return bool(_LEVEL_OF_RATIO.search(low, max(0, token.start - 60), token.start))


def _join(low: str, token: Token, other: Token) -> None:
    """The first number becomes the range."""
    same = token.power == other.power
    token.high = other.value if same else other.value * other.factor / token.factor
    token.end, token.digit = other.end, min(token.digit, other.digit)
    if token.qualifier == "at_least" and low.startswith("以下", other.end):
        token.qualifier = ""
    if not token.qualifier and other.qualifier == "at_least" and low[other.end - 1 : other.end] == "+":
        token.qualifier = "at_least"
    after = vocabulary.QUALIFIER_AFTER.match(low, token.end)
    if after and after["about"]:
        token.qualifier = token.qualifier or "about"


_FALLS = re.compile("下降|减少|降低|下滑|下跌")
_DOWNWARD = frozenset("降滑跌挫减低落缩负倒少蒸掉弱")
_SHARED_SIGN = re.compile(r" ?(?:/|、|,|和|与|及|以及|,? ?and|&) ?(?:约|about )?")
_BY = re.compile(r"\bby ?(?:about |nearly |over |around |more than )?$")
_ZH_TO = re.compile(r"(?:至|到|为)(?:了|约|近|不足|不到)*$")


def _directions(low: str, tokens: list[Token]) -> None:
    """Declines are negative; "down to 3 %" is a level and keeps its sign."""
    before: Token | None = None
    for token in tokens:
        if token.kind in ("ratio", "points", "basis", "multiple", "money", "count") and token.negative is None:
            _direct(low, token, before)
        before = token


def _direct(low: str, token: Token, before: Token | None) -> None:
    place = max(0, token.start - 44)
    left = low[place : token.start]
    strict = token.kind in ("ratio", "points", "basis")
    down = vocabulary.DOWN_ZH.search(left) if not _DOWNWARD.isdisjoint(left) else None
    if (strict and vocabulary.FALL_OF.search(left)) or (token.kind == "points" and vocabulary.NARROWED.search(left)):
        token.negative = True
        return
    if down and not _ZH_TO.search(left):
        loss = token.kind == "money" and "亏" in left[-14:]
        plain = token.kind in ("money", "multiple") and not loss and _FALLS.search(left, down.start())
        if strict or plain:
            token.negative = True
        return
    if strict or token.kind == "multiple":
        spoken = vocabulary.DOWN_EN.search(left)
        if spoken and not re.search(r"\bto ?$|\bthan ?$", left):
            token.negative = True
            return
        if strict and vocabulary.DOWN_AFTER.match(low, token.end):
            token.negative = True
            return
    elif token.kind == "money" and _BY.search(left) and vocabulary.DOWN_EN.search(_BY.sub("", left)):
        token.negative = not re.search(r"\b(?:loss|deficit)", left)
        return
    if before is not None and before.negative and strict and before.kind == token.kind:
        low_gap = low[before.end : token.start]
        if low[before.start] not in "-+" and _SHARED_SIGN.fullmatch(low_gap):
            token.negative = True
