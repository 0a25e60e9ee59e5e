"""Whose number it is, and of what: entity and metric, from the clause, the sentence, the heading and the title."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
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
    r"占(?:总|集团|公司|整体|全部|同期)*\Z|% of (?:the |its |their |total |group |net |overall |company )*\Z"
)
"""Before what something is a share of: "占收入的 35.9 %" is not about revenue."""
_BASE_AMOUNT = re.compile(r"占[^,。;0-9]{0,12}\Z")
"""Before an amount that something is a share of: 占网络零售额15.5万亿元的37%."""
_FEW_WORDS = re.compile(r"[ \-]?(?:[a-z]+ ){0,2}")
_AMONG = re.compile("其中|包括|其余|余下|剩余|of which|of that|including|compris|the rest|the remainder|remaining")
_MARKS = " ,,、。"
_OWNER = re.compile(r"['’]s (?:owner|parent|operator|backer|biggest rival|rival)\b|的?(?:母公司|对手|竞争对手)")
MOST_SKIPPED = 2  # terms that cannot have the number, before the search is given up
CHANGES = ("yoy_growth", "qoq_growth", "growth", "multiple", "yoy_multiple", "change")
_GENERIC = ("revenue", "revenues", "收入", "营收")
_RIGHT_OF = re.compile(
    r"\)?(?: \([^)]{0,40}\))?(?: (?:yoy|year[- ](?:on|over)[- ]year|quarter[- ]over[- ]quarter|annual))?(?: (?:growth|increase|rise|jump|decline|drop|decrease|surge|gain))? (?:in|of|for) (?:the )?(?:its )?(?:total |average |overall |combined )?(?:number of )?(?:the )?"
)
PEOPLE = ("person", "buyer", "count", "order", "view", "interaction", "share", "household")


def entity_of(whole: Text, token: Token, start: int, end: int) -> tuple[str, str, float]:
    """The last entity named before the number in its sentence, else the article's own."""
    at = bisect_left(whole.names, token.start, key=lambda n: n.start) - 1
    if at >= 0 and whole.names[at].start >= start:
        name = whole.names[at]
        if _OWNER.match(whole.low, name.end):
            return "", "", 0.2  # "Shopee's owner" is somebody else
        aside = whole.low[max(0, name.start - 12) : name.start]
        if not re.search(r"holders?: ?$|\bby $|\bvia $|来源[::]?$", aside) or not whole.main:
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


def metric_of(
    whole: Text, token: Token, start: int, end: int, unit: str, measure: str, entity: str, before: Bound, cut: int
) -> tuple[str, str, float, str]:
    """Metric, its words, how sure, and the unit of its level.

    The term right behind ("in GMV", "active consumers"), else the nearest term before the number in its sentence that
    can have such a number, else what the number before it was about, else the next term of its clause.
    """
    terms = whole.terms
    first = bisect_left(terms, start, key=lambda t: t[0])
    at = bisect_left(terms, token.start, key=lambda t: t[0])
    begins = token.digits[1] if token.role == "noun" else token.end
    behind = [t for t in terms[at : at + 4] if t[0] < min(end, token.end + 60) and t[1] > begins]
    can = lambda meaning: _fits(meaning, token, unit, measure)  # noqa: E731
    if behind and measure != "share" and _is_direct(whole.low, token, behind[0]):
        found = _meaning(behind[0], entity)
        if can(found):
            return found[0], behind[0][3], 0.9, found[1]
    if (
        _BASE_AMOUNT.search(whole.low, max(start, token.start - 16), token.start)
        and whole.low[token.end : token.end + 1] == "的"
    ):
        base = terms[at - 1] if at > first and "占" not in whole.low[terms[at - 1][1] : token.start] else None
        found = _meaning(base, entity) if base else ("", "")
        return (found[0], base[3], 0.7, found[1]) if base and can(found) else ("", "", 0.3, "")
    went_on = before.sentence == cut and before.token is not None and before.words
    term = _nearest_before(whole, token, start, terms[first:at], measure, entity, can)
    if term is not None:
        if measure in CHANGES and went_on and before.term_end >= term[1] and can((before.metric, before.unit)):
            return before.metric, before.words, 0.8, before.unit
        code, level = _segment(whole, terms, first, term, entity) or _meaning(term, entity)
        if measure == "level":
            before.is_part = before.sentence == cut and _is_among(whole.low, token, before, term)
            if before.is_part:
                return "", whole.text[before.end : token.start].strip(_MARKS), 0.6, level
        before.term_end = term[1]
        clauses = len(_CLAUSE.findall(whole.low[term[1] : token.start]))
        return code, term[3], max(0.5, 0.92 - 0.12 * clauses), level
    head = (
        [t for t in _within(terms, token.header, lambda t: t[:2]) if can(_meaning(t, entity))] if token.header else []
    )
    if head:
        code, level = _meaning(head[-1], entity)
        return code, head[-1][3], 0.85, level
    if (
        went_on
        and can((before.metric, before.unit))
        and not (measure == "share" and _has_own_part(whole, token, start))
    ):
        return before.metric, before.words, 0.6, before.unit
    after = bisect_left(whole.tokens, token.end, key=lambda t: t.start)
    for term in behind:
        if after < len(whole.tokens) and whole.tokens[after].start < term[0]:
            break  # the term is the next number's
        found = _meaning(term, entity)
        if term[0] >= token.end and can(found) and not _ENDS.search(whole.low, token.end, term[0]):
            return found[0], term[3], 0.6, found[1]
    return "", "", 0.3, ""


def _is_among(low: str, token: Token, before: Bound, term: tuple) -> bool:
    """Whether a number is one of the parts of the number before: "其中海外47亿元,国内1222亿元"."""
    if before.token is None or term[1] > before.token.start or token.kind not in ("money", "count"):
        return False
    gap = low[before.end : token.start]
    return bool(_AMONG.search(gap)) or (before.is_part and before.token.kind == token.kind)


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


def _nearest_before(
    whole: Text, token: Token, start: int, terms: list, measure: str, entity: str, can: Callable
) -> tuple | None:
    """The last term before a number that can have it; of a share, before the words that say so."""
    subject = token.start
    if measure == "share" and (said := SHARE.search(whole.low, max(start, token.start - 48), token.start)):
        subject = said.start()
        if _has_own_part(whole, token, start):
            comma = whole.low.rfind(",", start, subject)
            terms = [t for t in terms if t[0] > comma]
    skipped = 0
    for term in reversed(terms):
        if term[1] > token.start or term[0] >= subject:
            continue
        if measure != "share" and _BASE.search(whole.low, max(start, term[0] - 24), term[0]):
            continue
        if can(_meaning(term, entity)):
            return term
        skipped += 1
        if skipped > MOST_SKIPPED:
            return None
    return None


def _fits(meaning: tuple[str, str], token: Token, unit: str, measure: str) -> bool:
    """Whether a metric with this unit can be what the number says."""
    code, level = meaning
    if token.kind == "money":
        small = token.power is None and token.value < 10000
        return level == unit or (level == "money" and not code) or (level == "money_per_share" and small)
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


def _segment(whole: Text, terms: list, first: int, term: tuple, entity: str) -> tuple[str, str] | None:
    """ "The digital marketing segment ..., with revenue of": the segment named just before has the revenue."""
    at = terms.index(term, first)
    if at == first or term[3].lower() not in _GENERIC:
        return None
    earlier = terms[at - 1]
    if earlier[3].lower() in _GENERIC and at - 1 > first:
        earlier = terms[at - 2]
    code, level = _meaning(earlier, entity)
    between = whole.low[earlier[1] : term[0]]
    if code not in SHARES or len(between) > 110 or any(earlier[1] < t.start < term[0] for t in whole.tokens):
        return None
    return code, level


def _meaning(term: tuple, entity: str) -> tuple[str, str]:
    return term[2].get(entity) or term[2].get("") or next(iter(term[2].values()))
