"""The period of a number: stated in its sentence, else that of the heading, the title or the sentence before."""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import date
from functools import lru_cache

import pandas as pd

from helpers.claims import basis, days, heads, periods
from helpers.claims.context import Bound, Text, heading_above
from helpers.claims.measures import QOQ
from helpers.claims.numbers import Token
from helpers.claims.periods import Period

LASTING = ("quarter", "half", "nine", "year")
_LINE_ENDS = re.compile("[\n。]")
LINE = 300  # characters over which a list of years holds for the lists after it
EXPECTED = ("guidance", "forecast", "target")
_BEHIND = re.compile(
    r"[^0-9,;。]{0,24}?(?: ?(?:in|by|for|at|during|of|on|since|compared to|from)(?: the| end of| mid-| early| late)? ?)"
)
_STARTED = re.compile(r"(?:由|从|自|\bfrom\b)[^。;]{0,12}$")
_WINDOW = re.compile(
    r"(?:within|in|over|during) (?:just |the (?:past|last) |only )?(?P<n>a|one|two|three|four|six|nine|twelve|[0-9]+)[ -](?P<what>year|month)s?"
    r"|(?P<zn>[一两二三四六九]|[0-9]+)(?P<zwhat>年|个月)(?:内|间|里|之内)"
)
_SAME = re.compile(
    r"\b(?:same|corresponding|comparable) (?:[a-z-]+ )?(?:period|quarter|half|time|months) ?(?:(?:of|in|during|for) )?(?:the )?(?:fiscal(?: year)? )?$"
)
_LAST_YEAR = re.compile(r"去年同期|上年同期|a year ago|a year earlier|(?:the )?(?:previous|prior) year")


def period_of(
    whole: Text, token: Token, number: int, start: int, end: int, entity: str, metric: str, measure: str, role: str,
    before: Bound,
) -> tuple[str, str, str]:  # fmt: skip
    """First and last day, and whether the sentence says so."""
    inside = _between(whole, start, end)
    month = whole.lexicon.fiscal_ends.get(entity, 12)
    listed = [p for p in inside if p.kind == "years"] or (_listed_before(whole, start) if not inside else [])
    if listed and token.series and (year := _of_series(whole, token, number, listed[-1])):
        return f"{year}-01-01", f"{year}-12-31", "stated"
    of_column = heads.period_of_column(whole, token.header) if token.header else None
    chosen = of_column or _own_compared(whole, token) or _nearest(whole, token, inside, measure)
    is_left = chosen is not None and chosen.end <= token.start
    if is_left and role == "to" and _STARTED.search(whole.low, start, chosen.start):
        chosen = None  # the day before "from A" is A's, not B's
    if is_left and role == "from":
        return *_year_before(whole, token, number, chosen, month, before), "inferred"
    if chosen is not None:
        first, last = _days_of(whole, chosen, month, before)
        if first:
            _carry(whole, token, chosen, before, start)
            return first, last, "stated"
    if role == "from" and (window := _months_back(whole, start, end)):
        return *days.resolve(Period(0, 0, "ago", shift=-window), whole.today), "stated"
    around = _from_around(whole, token, metric, measure, month, before)
    if role != "from" or not around[0]:
        return around
    if around[0] != around[1] and _is_grown_from(whole, token, number):
        return *_shifted(*around[:2]), "inferred"
    return "", "", "unknown"  # the level before a change is not the period's own


def _between(whole: Text, start: int, end: int) -> list[Period]:
    low, high = bisect_left(whole.period_starts, start), bisect_left(whole.period_starts, end)
    return [p for p in whole.periods[low:high] if p.kind != "time"]


def _carry(whole: Text, token: Token, chosen: Period, before: Bound, start: int) -> None:
    """Keep the first period that a sentence states of facts, outside brackets, for the sentences after it."""
    if (
        before.carried_from != start
        and whole.low[chosen.start - 1 : chosen.start] != "("
        and (chosen.kind in LASTING or chosen.until)
        and basis.basis_of(whole, token, start) not in EXPECTED
    ):
        before.period, before.carried_from = chosen, start


def _from_around(
    whole: Text, token: Token, metric: str, measure: str, month: int, before: Bound
) -> tuple[str, str, str]:
    """The period of the heading, the title, or the sentence before; of a stock, the day of publication."""
    heading = heading_above(whole, token.start)
    usual = (heading.period if heading is not None else None) or whole.main_period
    if usual is None and before.period is not None and "\n" not in whole.low[before.period.end : token.start]:
        usual = before.period
    if usual is not None:
        first, last = days.resolve(usual, _anchor(whole), month)
        if first:
            return first, last, "inferred"
    if whole.today is not None and measure == "level" and whole.lexicon.kinds.get(metric) in ("stock", "price"):
        return whole.published, whole.published, "inferred"
    return "", "", "unknown"


def _year_before(whole: Text, token: Token, number: int, chosen: Period, month: int, carried: Bound) -> tuple[str, str]:
    """ "up 28 % from $78.5 billion": the level compared with is that of the period a year before."""
    first, last = _days_of(whole, chosen, month, carried)
    grown = _is_grown_from(whole, token, number)
    return _shifted(first, last) if grown and first and first != last else ("", "")


def _is_grown_from(whole: Text, token: Token, number: int) -> bool:
    """Whether a growth rate stands right before: "up 28 % from"; on the quarter it says nothing of a year before."""
    before = whole.tokens[number - 1] if number else None
    near = before is not None and before.kind == "ratio" and token.start - before.end < 24
    return near and not QOQ.search(whole.low, max(0, before.start - 24), token.start)


@lru_cache(maxsize=4096)
def _shifted(first: str, last: str, years: int = 1) -> tuple[str, str]:
    """The same days so many years before."""
    return tuple(str(pd.Timestamp(day) - pd.DateOffset(years=years))[:10] for day in (first, last))


def _days_of(whole: Text, period: Period, month: int, before: Bound) -> tuple[str, str]:
    """Days of a period; 去年同期, "the same quarter of 2024" and "a year earlier" are the text's own period of that year."""
    own = whole.main_period or before.period
    if not _is_same(whole.low, period):
        return days.resolve(period, _anchor(whole), month)
    first, last = days.resolve(own, _anchor(whole), month) if own is not None else ("", "")
    return _shifted(first, last, int(last[:4]) - period.year if period.year else 1) if first else ("", "")


def _is_same(low: str, period: Period) -> bool:
    """Whether words call a year's period the same as the text's own: 去年同期, "the same quarter of 2024"."""
    if period.kind not in ("relative", "year"):
        return False
    same = _SAME.search(low, max(0, period.start - 40), period.start) or low.startswith("同期", period.end)
    return bool(same or (period.kind == "relative" and _LAST_YEAR.fullmatch(low, period.start, period.end)))


def _anchor(whole: Text) -> date | None:
    """The day from which missing years are read: of publication, else the end of the main period."""
    if whole.today or whole.main_period is None or whole.main_period.year is None:
        return whole.today
    last = days.resolve(whole.main_period, None)[1]
    return date.fromisoformat(last) if last else None


def _months_back(whole: Text, start: int, end: int) -> int:
    """Months of "within a year", "in just three months": where the first figure of a change stood."""
    found = _WINDOW.search(whole.low, start, end) if whole.today else None
    if not found:
        return 0
    n, what = found["n"] or found["zn"], found["what"] or found["zwhat"]
    count = int(n) if n.isdigit() else periods.COUNTS.get(n, 1)
    return count * (12 if what in ("year", "年") else 1)


def _listed_before(whole: Text, start: int) -> list[Period]:
    """The years of the list before in the line: "2025/2026年收入1425/1578亿元;净利润203/229亿元"."""
    at = bisect_left(whole.period_starts, start) - 1
    last = whole.periods[at] if at >= 0 else None
    if last is None or last.kind != "years" or start - last.end > LINE:
        return []
    return [] if _LINE_ENDS.search(whole.low, last.end, start) else [last]


def _of_series(whole: Text, token: Token, number: int, listed: Period) -> int | None:
    """The k-th number of a list belongs to the k-th year of "2024/2025/2026年"."""
    series = [i for i, t in enumerate(whole.tokens) if t.series == token.series]
    k = series.index(number) if number in series else -1
    return listed.years[k] if len(series) == len(listed.years) and k >= 0 else None


def _own_compared(whole: Text, token: Token) -> Period | None:
    """ "较2023年的2.7万亿元": a period of comparison belongs to the number that follows it at once, and to no other."""
    if not whole.compared:
        return None
    at = bisect_left(whole.compared, token.start, key=lambda p: p.start) - 1
    found = whole.compared[at] if at >= 0 else None
    return found if found is not None and whole.low[found.end : token.start].strip(" 的:") == "" else None


def _nearest(whole: Text, token: Token, inside: list[Period], measure: str) -> Period | None:
    """The period right behind ("in 2020"), else the last one before, else the only one that is no other number's."""
    inside = [p for p in inside if p.kind != "years"]
    if not inside:
        return None
    behind = next((p for p in inside if p.start >= token.end), None)
    if behind is not None and _is_behind(whole.low, token, behind):
        return behind
    left = (p for p in reversed(inside) if p.end <= token.start)
    mine = (p for p in left if not _is_taken(whole, token, p))
    last = next(mine, None)
    if last is not None:
        is_own = last.kind != "relative" or (measure == "level" and _is_same(whole.low, last))
        return last if is_own else next(mine, last)
    ahead = [p for p in inside if p.start >= token.end and p.kind != "relative" and not _is_same(whole.low, p)]
    ahead = [p for p in ahead if "(" not in whole.low[token.end : p.start] and not _is_taken(whole, token, p)]
    return ahead[0] if len(ahead) == 1 else None


def _is_behind(low: str, token: Token, period: Period) -> bool:
    """Whether a period follows a number at once: "in 2020", "a year earlier", "three months prior"."""
    gap = low[token.end : period.start]
    if gap.strip() == "(" and low.startswith(")", period.end):
        return True  # US$26bn (March 2025)
    if period.kind in ("ago", "relative") and not gap.strip():
        return True
    if period.kind == "relative":
        return gap in (" of ", " in ")  # the 28.8% of last year
    return bool(_BEHIND.fullmatch(gap))


def _is_taken(whole: Text, token: Token, period: Period) -> bool:
    """Whether a period follows another number at once, to which it belongs: "$448 million versus $163 million in 2023"."""
    at = bisect_left(whole.token_starts, period.start) - 1
    other = whole.tokens[at] if at >= 0 else None
    return (
        other is not None and other is not token and other.start > token.start and _is_behind(whole.low, other, period)
    )
