"""Whose number it is, and of what: entity and metric, from the clause, the sentence, the heading and the title."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, takewhile

from helpers.claims.context import Bound, Text, heading_above
from helpers.claims.lexicon import SHARES
from helpers.claims.measures import SHARE
from helpers.claims.numbers import Token

_CLAUSE = re.compile(r",(?! ?(?:同比|环比|yoy|up\b|down\b|较|增|降|升|跌|占|a[n]? [0-9]))|[;:。\n]|\. ")
_ENDS = re.compile(r"[,;:。(]")
_HAN_PAIR = re.compile("[一-鿿]{2}")
_NO_SUBJECT = re.compile("(?:其中|分别|合计|同比|占比|约|则|也|均|已|并|目前|仅|还|收入|比例|份额|贡献|整体)*")
_GROWS = re.compile(r" (?:growth|increase|rise|decline)\b")
_BASE = re.compile(
    r"占(?:总|集团|公司|整体|全部|同期)*\Z"
    r"|(?:%|per ?cent|half|thirds?|quarters?|fifths?|tenths?) of (?:the |its |their |total |group |net |overall |company |20[0-9]{2} )*\Z"
)
"""Before what something is a share of: "占收入的 35.9 %" is not about revenue."""
_BASE_AMOUNT = re.compile(r"占[^,。;0-9]{0,12}\Z")
"""Before an amount that something is a share of: 占网络零售额15.5万亿元的37%."""
_FEW_WORDS = re.compile(r"[ \-]?(?:[a-z]+ ){0,2}")
AMONG = re.compile("其中|包括|其余|余下|剩余|of which|of that|including|compris|the rest|the remainder|remaining")
_MARKS = " ,,、。"
_OWNER = re.compile(r"['’]s (?:owner|parent|operator|backer|biggest rival|rival)\b|的?(?:母公司|对手|竞争对手)")
_ASIDE = re.compile(r"holders?: ?$|\bby $|\bvia $|来源[::]?$")
_AND = re.compile(r"\band\b|[,;、和与及]")
NEXT = 24  # characters between a term and the number that it belongs to
MOST_SKIPPED = 2  # terms that cannot have the number, before the search is given up
CHANGES = ("yoy_growth", "qoq_growth", "growth", "multiple", "yoy_multiple", "change")
_GENERIC = ("revenue", "revenues", "收入", "营收")
_RIGHT_OF = re.compile(
    r"\)?(?: \([^)]{0,40}\))?(?: (?:yoy|year[- ](?:on|over)[- ]year|quarter[- ]over[- ]quarter|annual))?(?: (?:growth|increase|rise|jump|decline|drop|decrease|surge|gain))? (?:in|of|for) (?:the )?(?:its )?(?:total |average |overall |combined )?(?:number of )?(?:the )?"
)
PER_HEAD = ("money_per_share", "money_per_buyer")
PEOPLE = ("person", "buyer", "count", "order", "view", "interaction", "share", "household")


def entity_of(whole: Text, token: Token, start: int, end: int) -> tuple[str, str, float]:
    """The last entity named before the number in its sentence, else the article's own."""
    at = bisect_left(whole.name_starts, token.start) - 1
    if at >= 0 and whole.names[at].start >= start:
        name = whole.names[at]
        if _OWNER.match(whole.low, name.end):
            return "", "", 0.2  # "Shopee's owner" is somebody else
        aside = whole.low[max(0, name.start - 12) : name.start]
        if not _ASIDE.search(aside) or not whole.main:
            return name.code, name.words, 0.95
    if token.header and (head := _within(whole.names, token.header, lambda n: (n.start, n.end))):
        return head[0].code, head[0].words, 0.9
    heading = heading_above(whole, token.start)
    if heading is not None and heading.entity:
        return heading.entity, heading.words, 0.85
    if whole.main:
        return whole.main, whole.main_words, 0.85
    after = at + 1
    if after < len(whole.names) and whole.names[after].start < end:
        return whole.names[after].code, whole.names[after].words, 0.6
    return "", "", 0.2


@dataclass(slots=True)
class Asked:
    """The number whose metric is asked for, with its sentence.

    Attributes
    ----------
    start, end : int
        Of the sentence.
    unit, measure, entity : str
        What is known of the number.
    before : Bound
        What the number before was bound to.
    cut : int
        Number of the sentence.
    """

    whole: Text
    token: Token
    start: int
    end: int
    unit: str
    measure: str
    entity: str
    before: Bound
    cut: int

    def can(self, meaning: tuple[str, str]) -> bool:
        return _fits(meaning, self.token, self.unit, self.measure)

    @property
    def goes_on(self) -> bool:
        """Whether the number before stands in the same sentence."""
        return self.before.sentence == self.cut and self.before.token is not None


Found = tuple[str, str, float, str]


def metric_of(of: Asked) -> Found:
    """Metric, its words, how sure, and the unit of its level.

    The term right behind ("in GMV", "active consumers"), else the nearest term before the number in its sentence that
    can have such a number, else the head of its column, else what the number before it was about, else the next term of
    its clause.
    """
    terms, token = of.whole.terms, of.token
    first = bisect_left(terms, (of.start,))
    at = bisect_left(terms, (token.start,))
    begins = token.digits[1] if token.role == "noun" else token.end
    behind = [t for t in terms[at : at + 4] if t[0] < min(of.end, token.end + 60) and t[1] > begins]
    return (
        _right_behind(of, behind)
        or _of_base(of, terms[first:at])
        or _named(of, terms[first:at])
        or _in_head(of)
        or _carried(of)
        or _next(of, behind)
        or ("", "", 0.3, "")
    )


def _right_behind(of: Asked, behind: list) -> Found | None:
    if behind and of.measure != "share" and _is_direct(of.whole.low, of.token, behind[0]):
        code, level = _meaning(behind[0], of.entity)
        if of.can((code, level)):
            return code, behind[0][3], 0.9, level
    return None


def _of_base(of: Asked, before: list) -> Found | None:
    """The metric of an amount that something is a share of: only a term that follows 占 can be it."""
    low, token = of.whole.low, of.token
    left = max(of.start, token.start - 16)
    if not (low.startswith("的", token.end) and _BASE_AMOUNT.search(low, left, token.start)):
        return None
    base = before[-1] if before and "占" not in low[before[-1][1] : token.start] else None
    code, level = _meaning(base, of.entity) if base else ("", "")
    return (code, base[3], 0.7, level) if base and of.can((code, level)) else ("", "", 0.3, "")


def _named(of: Asked, terms: list) -> Found | None:
    """The nearest term before that can have the number; of a change, what the number before was about."""
    term = _nearest_before(of, terms)
    if term is None:
        return None
    before = of.before
    carried = of.goes_on and before.words and before.term_end >= term[1]
    if of.measure in CHANGES and carried and of.can((before.metric, before.unit)):
        return before.metric, before.words, 0.8, before.unit
    code, level = _segment(of.whole, terms, term, of.entity) or _meaning(term, of.entity)
    if of.measure == "level":
        before.is_part = before.sentence == of.cut and _is_among(of.whole.low, of.token, before, term)
        if before.is_part:
            return "", of.whole.text[before.end : of.token.start].strip(_MARKS), 0.6, level
    before.term_end = term[1]
    clauses = len(_CLAUSE.findall(of.whole.low[term[1] : of.token.start]))
    return code, term[3], max(0.5, 0.92 - 0.12 * clauses), level


def _in_head(of: Asked) -> Found | None:
    if not of.token.header:
        return None
    for term in reversed(_within(of.whole.terms, of.token.header, lambda t: t[:2])):
        code, level = _meaning(term, of.entity)
        if of.can((code, level)):
            return code, term[3], 0.85, level
    return None


def _carried(of: Asked) -> Found | None:
    before = of.before
    if not (of.goes_on and before.words and of.can((before.metric, before.unit))):
        return None
    if of.measure == "share" and _has_own_part(of.whole, of.token, of.start):
        return None
    return before.metric, before.words, 0.6, before.unit


def _next(of: Asked, behind: list) -> Found | None:
    """The next term of the clause, unless it is the next number's: that stands before it, or right behind "and" and it."""
    whole, token = of.whole, of.token
    after = bisect_left(whole.token_starts, token.end)
    other = whole.tokens[after].start if after < len(whole.tokens) else len(whole.low)
    for term in behind:
        if other < term[0]:
            return None
        if other - term[1] < NEXT and _AND.search(whole.low, token.end, max(token.end, term[0])):
            return None
        code, level = _meaning(term, of.entity)
        if term[0] >= token.end and of.can((code, level)) and not _ENDS.search(whole.low, token.end, term[0]):
            return code, term[3], 0.6, level
    return None


def _is_among(low: str, token: Token, before: Bound, term: tuple) -> bool:
    """Whether a number is one of the parts of the number before: "其中海外47亿元,国内1222亿元"."""
    if before.token is None or term[1] > before.token.start or token.kind not in ("money", "count"):
        return False
    gap = low[before.end : token.start]
    return bool(AMONG.search(gap)) or (before.is_part and before.token.kind == token.kind)


def _within(found: list, span: tuple[int, int], place: Callable) -> list:
    """Names or terms that stand inside a span, of a list in order."""
    first = bisect_left(found, span[0], key=lambda row: place(row)[0])
    return list(takewhile(lambda row: place(row)[1] <= span[1], islice(found, first, None)))


def _is_direct(low: str, token: Token, term: tuple) -> bool:
    """Whether a term stands so near behind a number that it must be what the number counts."""
    if term[0] < token.end:
        return True
    gap = low[token.end : term[0]]
    counts = token.kind in ("count", "time") or token.role == "level"
    if token.kind == "ratio" and gap == " " and _GROWS.match(low, term[1]):
        return True  # 20% GMV growth
    return bool(_RIGHT_OF.fullmatch(gap) or (counts and _FEW_WORDS.fullmatch(gap)))


def _has_own_part(whole: Text, token: Token, start: int) -> bool:
    """Whether the clause of a share names a part of its own: "货架场占四成,店播占三成"."""
    said = SHARE.search(whole.low, max(start, token.start - 48), token.start)
    comma = whole.low.rfind(",", start, said.start()) if said else -1
    if comma < 0:
        return False
    own = whole.low[comma + 1 : said.start()].strip()
    return bool(_HAN_PAIR.search(own)) and not _NO_SUBJECT.fullmatch(own)


def _nearest_before(of: Asked, terms: list) -> tuple | None:
    """The last term before a number that can have it; of a share, before the words that say so."""
    low, token, subject = of.whole.low, of.token, of.token.start
    said = SHARE.search(low, max(of.start, subject - 48), subject) if of.measure == "share" else None
    if said:
        subject = said.start()
        if _has_own_part(of.whole, token, of.start):
            comma = low.rfind(",", of.start, subject)
            terms = [t for t in terms if t[0] > comma]
    skipped = 0
    for term in reversed(terms):
        if term[1] > token.start or term[0] >= subject:
            continue
        is_base = of.measure != "share" and _BASE.search(low, max(of.start, term[0] - 24), term[0])
        if is_base and low[term[1] : token.start].strip() not in ("of", "of about", "of nearly"):
            continue
        if of.can(_meaning(term, of.entity)):
            return term
        skipped += 1
        if skipped > MOST_SKIPPED:
            return None
    return None


def _fits(meaning: tuple[str, str], token: Token, unit: str, measure: str) -> bool:
    """Whether a metric with this unit can be what the number says."""
    code, level = meaning
    if token.kind == "money":
        small = (token.power is None or token.power < 0) and token.value < 10000
        return level == unit or (level == "money" and not code) or (level in PER_HEAD and small)
    if token.kind == "count":
        return level in PEOPLE if unit != "rating_point" else level == "rating_point"
    if token.kind == "time":
        return level in ("minute", "hour", "day")
    if token.kind in ("points", "basis"):
        return level == "ratio"
    if measure == "share":
        return level in ("money", "ratio", "person", "count")
    if measure == "level" and token.kind == "ratio":
        return level == "ratio"
    return True


def _segment(whole: Text, terms: list, term: tuple, entity: str) -> tuple[str, str] | None:
    """ "The digital marketing segment ..., with revenue of": the segment named just before has the revenue."""
    at = terms.index(term)
    if not at or term[3].lower() not in _GENERIC:
        return None
    earlier = terms[at - 1]
    if earlier[3].lower() in _GENERIC and at > 1:
        earlier = terms[at - 2]
    code, level = _meaning(earlier, entity)
    between = whole.low[earlier[1] : term[0]]
    if code not in SHARES or len(between) > 110 or any(earlier[1] < t.start < term[0] for t in whole.tokens):
        return None
    return code, level


def _meaning(term: tuple, entity: str) -> tuple[str, str]:
    return term[2].get(entity) or term[2].get("") or next(iter(term[2].values()))
