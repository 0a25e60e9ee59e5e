"""Contradictions that one text shows by itself: stated changes, two currencies, sizes in words.

Nothing here needs to know what a number is about; the sentence or the list holds all that is compared.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

from helpers import units
from helpers.audit.prepare import amount, percent, times
from helpers.audit.scale import FX_ROOM

CHANGES = ("growth", "yoy_growth", "qoq_growth", "multiple", "yoy_multiple")
LEVELS = ("money", "money_per_share", "person", "buyer", "count", "order", "view", "share", "ratio")
CELL = (3, 4)  # characters between two cells of a row, " | "; "and" and a comma join other amounts
MOST_NUMBERS = 60  # what holds more is a text without full stops, and no sentence
SAMPLED = 41  # days of a span at whose rates a conversion may stand
BESIDE = 60  # characters between an amount and its conversion


def sentences(claims: pd.DataFrame) -> Iterator[dict]:
    """A change that a sentence states against the levels it prints.

    Only levels of the change's own unit and currency count. Two levels give one ratio; with more, any pair in time may
    be meant, and only a change that none of them gives is an alarm.
    """
    plain = claims[claims["role"].ne("level") & claims["value"].ne(0)]
    for rows in together(plain, "sentence"):
        if 3 <= len(rows) <= MOST_NUMBERS:
            yield from _told([found for c in rows if c.measure in CHANGES and (found := _change(c, rows))])


def _told(found: list[dict]) -> Iterator[dict]:
    """No alarm on levels that another change of the sentence gives: "doubled in small towns and grew 31 % overall"."""
    given = {frozenset(row["fact_ids"][1:]) for row in found if row["verdict"] == "consistent"}
    yield from (r for r in found if r["verdict"] == "consistent" or frozenset(r["fact_ids"][1:]) not in given)


def together(claims: pd.DataFrame, *columns: str) -> Iterator[list]:
    """Claims of one document with the same values in these columns, in the order of the text."""
    groups: dict[tuple, list] = {}
    for row in claims.itertuples():
        groups.setdefault((row.doc_id, *(getattr(row, c) for c in columns)), []).append(row)
    yield from groups.values()


def _change(change, rows: list) -> dict | None:
    levels = [r for r in rows if r.measure == "level" and r.unit in LEVELS and pd.isna(r.value_high)]
    of = [r for r in levels if _is_about(change, r)]
    if len(of) < 2:
        moved = [r for r in levels if r.role in ("from", "to") and r.unit != "ratio"]
        of = [r for r in moved if not _is_other(change, r)]
        if {r.role for r in of} != {"from", "to"}:
            return None
    of = [r for r in of if (r.unit, r.currency) == (of[0].unit, of[0].currency)] if of else []
    if len(of) < 2 or len(of) > 4 or any(r.value <= 0 for r in of):
        return None
    pairs = [_in_time(a, b) for a, b in itertools.combinations(of, 2)]
    pairs = [p for p in pairs if p is not None]
    if not pairs:
        return None
    fits = [p for p in pairs if any(_meet(p, r) for r in _meanings(change))]
    if not fits and len(pairs) > 1:
        return None  # several levels, none of them said to be the change's own
    start, end = (fits or pairs)[0]
    kind = "consistent" if fits else "inconsistent"
    ratio = end.value / start.value
    said = times(change.value) if "multiple" in change.measure else percent(change.value)
    shown = times(ratio) if "multiple" in change.measure else percent(ratio - 1)
    text = f"{amount(end.value, end.currency)} over {amount(start.value, start.currency)} is {shown}; stated {said}"
    text += f" (“{change.printed}”)"
    ids = (change.claim_id, end.claim_id, start.claim_id)
    return row_of(change, kind, "stated change", text, ids, () if fits else ids[:1])


def _is_about(change, level) -> bool:
    """Whether a level is one of the thing that a change is about: the same metric, else the same words for it."""
    if change.metric or level.metric:
        return change.metric == level.metric and change.entity == level.entity
    return bool(change.metric_words) and change.metric_words.lower() == level.metric_words.lower()


def _is_other(change, level) -> bool:
    """Whether a level is said to be of something else than the change."""
    return (
        bool(change.metric_words and level.metric_words) and change.metric_words.lower() != level.metric_words.lower()
    )


def _in_time(a, b) -> tuple | None:
    """The earlier and the later of two levels, by their roles or their periods; None where neither tells."""
    if a.role == "from" or b.role == "to":
        return a, b
    if b.role == "from" or a.role == "to":
        return b, a
    ends = (a.period_end, b.period_end)
    if all(ends) and ends[0] != ends[1]:
        return (a, b) if ends[0] < ends[1] else (b, a)
    return None


def _meanings(change) -> list[tuple[float, float]]:
    """Intervals of end over start that the words of a change allow."""
    plus = 0.0 if "multiple" in change.measure else 1.0
    top = change.value if pd.isna(change.value_high) else change.value_high
    spans = [_interval(change.value + plus, top + plus, change.half_width, change.qualifier)]
    if change.printed.isalpha() and change.qualifier in ("nearly", "about"):  # "nearly tripling" is said of 2.75 times
        spans = [(spans[0][0] - 0.05 * change.value, spans[0][1])]
    if "multiple" in change.measure:
        spans.append(tuple(end + 1 for end in spans[0]))
    return spans


def interval(row) -> tuple[float, float]:
    """What the words of one figure allow."""
    high = row.value if pd.isna(row.value_high) else row.value_high
    return _interval(row.value, high, row.half_width, row.qualifier)


def _interval(low: float, high: float, half: float, qualifier: str) -> tuple[float, float]:
    room = {"about": 0.05, "nearly": 0.05}.get(qualifier, 0.0)
    bottom = low - half - room * abs(low)
    top = high + half + (room * abs(high) if qualifier == "about" else 0.0)
    if qualifier == "at_least":
        return low - half, math.inf
    return (-math.inf, top) if qualifier == "at_most" else (bottom, top)


def _meet(pair: tuple, meaning: tuple[float, float]) -> bool:
    start, end = (interval(r) for r in pair)
    if start[0] <= 0:
        return True
    return end[0] / start[1] <= meaning[1] and meaning[0] <= end[1] / start[0]


def conversions(claims: pd.DataFrame) -> Iterator[dict]:
    """One amount in two currencies, side by side: the implied rate against the dated one."""
    money = claims[claims["unit"].isin(["money", "money_per_share"]) & claims["measure"].isin(["level", "change"])]
    for rows in together(money, "sentence"):
        for a, b in itertools.pairwise(rows):
            gap = b.start - a.end
            cells = gap in CELL and a.metric == b.metric and a.metric_words == b.metric_words  # a row in two currencies
            near = 0 <= gap <= BESIDE and (b.role == "aside" or cells)
            if near and a.currency != b.currency and a.unit == b.unit and a.value and (found := _rate(a, b)):
                yield found


def _rate(a, b) -> dict | None:
    days = _rate_days(a)
    rates = [rate_to_cny(b.currency, day) / rate_to_cny(a.currency, day) for day in days]
    if not all(map(math.isfinite, rates)):
        return None
    least, most = min(rates), max(rates)
    low, high = (interval(r) for r in (a, b))
    ends = [x / y for x in low for y in high if y and math.isfinite(x) and math.isfinite(y)]
    implied = a.value / b.value
    fits = min(ends) <= most * (1 + FX_ROOM) and max(ends) >= least * (1 - FX_ROOM)
    rate = most if implied > most else least
    shown = (implied, least, most, a.currency, b.currency)
    shown = shown if rate >= 1 else (1 / implied, 1 / most, 1 / least, b.currency, a.currency)
    table = f"{shown[1]:,.4g}" + (f" to {shown[2]:,.4g}" if len(days) > 1 else "")
    text = f"{amount(a.value, a.currency)} and {amount(b.value, b.currency)}: implied rate {shown[0]:,.4g}, "
    text += f"the table's {table} {shown[3]} per {shown[4]}"
    if not fits:
        off = max(implied / rate, rate / implied)
        ten = round(math.log10(off))
        text += f": {off:,.3g} times off" + (", a slip of scale" if ten and abs(off / 10**ten - 1) < 0.1 else "")
    ids = (a.claim_id, b.claim_id)
    return row_of(a, "consistent" if fits else "inconsistent", "conversion", text, ids, () if fits else ids[1:])


def _rate_days(row) -> list[str]:
    """The day whose rate a writer had; of an article without one, days of its month or year, or of ten years."""
    day = rate_day(row)
    if day:
        return [day]
    last = pd.Timestamp(units.table_covers("USD")[1])
    first = last - pd.DateOffset(years=10)
    if row.published:
        first = pd.Timestamp(row.published)
        last = first + (pd.offsets.YearEnd() if len(row.published) == 4 else pd.offsets.MonthEnd())
    return [f"{d:%Y-%m-%d}" for d in pd.date_range(first, last, periods=SAMPLED)]


def sizes(claims: pd.DataFrame) -> Iterator[dict]:
    """A size in words, in two languages of one text: 亿级 is a hundred million, "billion-level" is ten times that."""
    for rows in together(claims[claims["role"].eq("level")]):
        first = rows[0]
        for row in rows[1:]:
            power = math.log10(row.value / first.value)
            if row.printed.isascii() == first.printed.isascii():
                continue
            same = row.metric == first.metric
            kind = "consistent" if power == 0 else "inconsistent" if same else "implausible"
            text = f"“{first.printed}” is {amount(first.value)}, “{row.printed}” is {amount(row.value)}"
            text += "" if power == 0 else f": {times(max(row.value / first.value, first.value / row.value))} apart"
            text += "" if same or power == 0 else "; of another amount, by the same slip of translation"
            ids = (row.claim_id, first.claim_id)
            yield row_of(row, kind, "size in words", text, ids, ids[:1] if power else ())


def rate_day(row) -> str:
    """The day whose rate a writer had: the end of the period, or of publication if that comes first."""
    days = [d for d in (row.period_end, row.published) if len(d) == 10]
    return min(days, default="")


@lru_cache(maxsize=1 << 16)
def rate_to_cny(currency: str, day: str) -> float:
    if currency not in units.CURRENCIES:
        return math.nan
    first, last = units.table_covers(currency)  # a forecast lies ahead of the table: its last rate will do for a bound
    day = min(max(pd.Timestamp(day).date(), first, units.table_covers("CNY")[0]), last) if day else last
    return units.rate(currency, "CNY", day)


def row_of(claim, kind: str, rule: str, text: str, ids, doubted) -> dict:
    end = pd.Timestamp(claim.period_end) if claim.period_end else pd.NaT
    return {
        "verdict": kind, "rule": rule, "entity": claim.entity, "metric": claim.metric, "period_end": end,
        "text": text, "fact_ids": tuple(ids), "doubted": tuple(doubted),
    }  # fmt: skip
