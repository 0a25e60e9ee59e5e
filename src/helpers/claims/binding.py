"""What a number is about: entity, metric, measure, period and basis, by the words of its sentence.

Rules are local: a clause, then its sentence, then the heading, title and first sentence. Where the words name nothing
of the closed lists, the answer is empty. What the module cannot do: follow a pronoun, or know that a company's own
quarter ends elsewhere than its year says.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

from helpers.claims import basis, grammar, periods
from helpers.claims.context import Bound, Heading, Text, heading_above
from helpers.claims.lexicon import SHARES, Lexicon, Mention
from helpers.claims.measures import BARE_RATIO, is_yearly, measure_of, silent_growth
from helpers.claims.numbers import Token
from helpers.claims.parts import parts_apart
from helpers.claims.periods import Period
from helpers.claims.record import LOSS, PROFITS, Claim
from helpers.claims.respective import respectively
from helpers.claims.subjects import PEOPLE, PER_HEAD, Asked, entity_of, metric_of
from helpers.claims.sums import summed
from helpers.claims.when import period_of

SENTENCE = re.compile(r"[。!?;\n]+|\.(?= |$)| - ")
_ABBREVIATED = ("vs", "no", "inc", "co", "ltd", "e.g", "i.e", "mr", "ms", "u.s", "u.k", "approx")
_COMPARED = re.compile(
    r"(?:较|比|相比|同|与|vs\.?|versus|than|compared (?:to|with)|against|over|% from|%\) from)(?: the)? ?$"
)
_ASIDE = re.compile(r"[^。;\n0-9]{0,24}(?:\(|/|合|相当于|\bor\b|equivalent|i\.e\.)[^。;\n0-9]{0,40}")
_ROLE_FROM = re.compile(r"(?:\bfrom|从|由|compared (?:to|with)|较)(?: (?:about|nearly|over|around))? ?$")
_ROLE_ENDS = frozenset("mohdt至到达由从较约近过超rny")  # last letters of what the two patterns below may end with
_ROLE_TO = re.compile(
    r"(?:\bto|\breach(?:ing|ed)|[增升降跌涨]长?[至到为]|至|到|达到?)(?: (?:about|nearly|over|around))? ?(?:约|近|超过?)?$"
)
_HEADING = re.compile(r"^#{1,4} (.{1,80})$", re.MULTILINE)
_PREVIEW = re.compile(r"preview|前瞻|业绩预测|forecast")
MARGINS = {
    "selling_and_marketing_expense": "selling_and_marketing_expense_ratio", "gross_profit": "gross_margin",
    "adjusted_net_profit": "adjusted_net_margin", "operating_profit": "operating_margin",
}  # fmt: skip
_OF_REVENUE = re.compile(
    r"占(?:总|净|集团|公司|同期)*(?:营?收入?)|of (?:the |its |total |group |net )*(?:revenue|sales)"
)
_PROFIT = re.compile(r"盈利|溢利|\b(?:profit|income|gain) of ?")
REACH = 1500  # a sentence ends there at the latest, so that a text without a full stop costs no more than another


def bind(text: str, lexicon: Lexicon, *, title: str = "", published: str = "") -> list[Claim]:
    """All claims of a text with what they are about.

    Parameters
    ----------
    text : str
        One article, its title included.
    lexicon : Lexicon
    title : str
        The headline, where it is known.
    published : str
        ISO day, month or year; "" if unknown.
    """
    low = grammar.fold(text)
    tokens, named = grammar.tokens(low)
    names = lexicon.mentioned(text, low)
    cuts = [m.end() for m in SENTENCE.finditer(low) if m[0] != "." or not _is_abbreviation(low, m.start())]
    about, words = _subject(text, low, title, names, lexicon)
    apart = [p for p in named if _COMPARED.search(low, max(0, p.start - 14), p.start)]
    named = [p for p in named if p not in apart]
    whole = Text(
        text=text, low=low, tokens=tokens, periods=named, compared=apart, names=names, terms=parts_apart(text, low, lexicon.meant(text, low), {n.end for n in names}), cuts=cuts,
        lexicon=lexicon, today=_day(published), main=about, main_words=words, main_period=None,
        headings=_headings(text, low, lexicon, named),
        usual_basis="forecast" if _PREVIEW.search(grammar.fold(title)) else "actual",
        published=published if len(published) == 10 else "", bases=basis.mentions(low),
    )  # fmt: skip
    whole.main_period = _usual(whole, title)
    before, claims = Bound(), []
    for number, token in enumerate(tokens):
        claims.append(_claim(whole, token, number, before))
    return summed(whole, respectively(whole, claims))


def _is_abbreviation(low: str, dot: int) -> bool:
    return low[dot - 3 : dot].lstrip(" (").endswith(_ABBREVIATED) and not low[dot - 4 : dot].isalpha()


def _day(published: str) -> date | None:
    parts = [int(p) for p in published.split("-")] if published else []
    try:
        return date(*(parts + [12, 28][len(parts) - 1 :])) if parts else None
    except ValueError:  # the 31st of February says nothing of when
        return None


def _headings(text: str, low: str, lexicon: Lexicon, named: list[Period]) -> list[Heading]:
    """Lines that begin with #, each with the entity and the period that it names; the title is none of them."""
    if "# " not in text:
        return []
    found = []
    for m in _HEADING.finditer(text):
        names = lexicon.mentioned(m[1], low[m.start(1) : m.end(1)])
        inside = [p for p in named if m.start() <= p.start < m.end() and p.kind in ("quarter", "half", "nine", "year")]
        entity, words = (names[0].code, names[0].words) if names else ("", "")
        found.append(Heading(m.start(), m[1].strip(), entity, words, inside[0] if inside else None))
    return found


def _subject(text: str, low: str, title: str, names: list[Mention], lexicon: Lexicon) -> tuple[str, str]:
    """The entity of the title, else the one that the text names most; none where two are named as often."""
    in_title = lexicon.mentioned(title, grammar.fold(title)) if title else []
    if not in_title:
        first = text.find("\n")
        in_title = [n for n in names if n.end <= (first if first > 0 else 0)]
    if in_title:
        return in_title[0].code, in_title[0].words
    counts: dict[str, int] = {}
    for name in names:
        counts[name.code] = counts.get(name.code, 0) + 1
    if not counts:
        return "", ""
    best, *others = sorted(counts, key=counts.__getitem__, reverse=True)
    if others and counts[others[0]] == counts[best]:
        return "", ""
    return best, next(n.words for n in names if n.code == best)


def _usual(whole: Text, title: str) -> Period | None:
    """The period of the title or of the first sentences: what a sentence without a period is about."""
    own = whole.text.startswith(title) and title  # the usual case: its periods are already read
    for period in [p for p in whole.periods if p.end <= len(title)] if own else periods_of(title):
        if period.kind in ("quarter", "half", "nine", "year"):
            return period
    limit = whole.cuts[2] if len(whole.cuts) > 2 else len(whole.low)
    for period in whole.periods:
        if (period.start < limit and period.kind in ("quarter", "half", "nine")) or (
            period.kind == "year" and period.is_fiscal
        ):
            return period
    return None


def periods_of(text: str) -> list[Period]:
    """All periods that a short text names."""
    low = grammar.fold(text)
    return sorted([*grammar.numbers.scan(low)[1], *periods.in_words(low)], key=lambda p: p.start)


@dataclass(slots=True)
class _Meaning:
    """What a number is of: the metric with its words, how sure, the unit of its level, and the number's own unit and measure."""

    metric: str
    words: str
    weight: float
    level: str
    unit: str
    measure: str


def _claim(whole: Text, token: Token, number: int, before: Bound) -> Claim:
    cut = bisect_right(whole.cuts, token.start)
    start = max(whole.cuts[cut - 1] if cut else 0, token.start - REACH)
    end = min(whole.cuts[cut] if cut < len(whole.cuts) else len(whole.low), token.end + REACH)
    entity, entity_words, entity_weight = entity_of(whole, token, start, end)
    of = _meaning(whole, token, start, end, entity, before, cut)
    role = role_of(whole, token, number, start)
    if role == "aside" and before.measure == "change":
        of.measure = "change"
    first, last, how = period_of(whole, token, number, start, end, entity, of.metric, of.measure, role, before)
    over_a_window = of.level == "money_per_share" or first == last != ""
    if of.measure == "yoy_growth" and over_a_window and not is_yearly(whole, token):
        of.measure = "growth"
    _bare_margin(whole, token, of, before, cut)
    before.sentence, before.metric, before.words, before.unit, before.end = (
        cut,
        of.metric,
        of.words,
        of.level,
        token.end,
    )
    before.token, before.measure = token, of.measure
    rests_on = basis.basis_of(whole, token, start)
    if rests_on == "actual" and whole.published and (last if token.series else first) > whole.published:
        rests_on = "forecast"  # what has not begun, or ends a list of years that goes on, cannot be reported
    period_weight = {"stated": 0.95, "inferred": 0.6}.get(how, 0.3)
    value, high, half = grammar.value_of(token)
    return Claim(
        start=token.start, end=token.end, printed=whole.text[token.start : token.end], value=value, value_high=high,
        unit=of.unit, currency=token.currency if token.kind == "money" else "", half_width=half,
        qualifier=token.qualifier, readings=tuple(token.readings), inferred=tuple(token.inferred), entity=entity,
        entity_words=entity_words, metric=of.metric, metric_words=of.words, measure=of.measure, period_start=first,
        period_end=last, period_basis=how, basis=rests_on, section=_section(whole, token), sentence=cut, role=role,
        series=token.series, confidence=round(entity_weight * of.weight * period_weight, 2),
    )  # fmt: skip


def _meaning(whole: Text, token: Token, start: int, end: int, entity: str, before: Bound, cut: int) -> _Meaning:
    unit = token.unit or {"money": "money", "ratio": "ratio"}.get(token.kind, "count")
    measure = measure_of(whole, token, start)
    last = before.token
    in_list = token.series and last is not None and last.series == token.series and last.kind == token.kind
    if in_list and measure == "level":
        measure = before.measure  # 增长7%及8%
    of = _Meaning(*metric_of(Asked(whole, token, start, end, unit, measure, entity, before, cut)), unit, measure)
    if measure == "share":
        of_revenue = _OF_REVENUE.search(whole.low, max(0, token.start - 16), min(end, token.end + 24))
        margin = MARGINS.get(of.metric, "") if of_revenue else ""
        of.metric, of.measure = SHARES.get(of.metric, of.metric if of.level == "ratio" else margin), "level"
    elif unit == "ratio" and measure == "level" and of.level and of.level != "ratio":
        of.measure = silent_growth(whole, token, of.metric, before)
    counted = unit in ("count", "person") and of.level in PEOPLE
    each = unit in ("money", *PER_HEAD) and of.level in PER_HEAD
    if of.metric and (counted or each):
        of.unit = of.level
    is_loss = of.metric in PROFITS and re.search(LOSS, of.words, re.IGNORECASE)
    if is_loss and (gain := _PROFIT.search(whole.low, max(start, token.start - 12), token.start)):
        of.words = whole.text[gain.start() : gain.end()].strip()  # "a loss of 5, against a profit of 2"
    return of


def _bare_margin(whole: Text, token: Token, of: _Meaning, before: Bound, cut: int) -> None:
    """ "Gross profit was 2.7 billion, a margin of 29 %": the margin of what the number before was about."""
    if (
        of.metric
        or before.sentence != cut
        or before.metric not in MARGINS
        or (of.measure, of.unit) != ("level", "ratio")
    ):
        return
    if BARE_RATIO.search(whole.low, max(0, token.start - 16), token.start):
        of.metric, of.words, of.level = MARGINS[before.metric], before.words, "ratio"


def role_of(whole: Text, token: Token, number: int, start: int) -> str:
    low = whole.low
    if token.role in ("from", "to", "level"):
        return token.role
    last = whole.tokens[number - 1] if number else None
    if (
        last is not None
        and last.kind == token.kind == "money"
        and last.currency != token.currency
        and last.start >= start
    ) and _ASIDE.fullmatch(low, last.end, token.start):
        return "aside"
    left = low[max(start, token.start - 16) : token.start]
    if left.rstrip()[-1:] not in _ROLE_ENDS:
        return ""
    if _ROLE_FROM.search(left):
        return "from"
    return "to" if _ROLE_TO.search(left) else ""


def _section(whole: Text, token: Token) -> str:
    heading = heading_above(whole, token.start)
    return heading.text if heading is not None else ""
