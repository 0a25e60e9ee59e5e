"""Stored periods to quarters, and fiscal years to calendar years.

Companies publish a fiscal year up to now (three, six, nine, twelve months); a quarter is one such figure
less the one before. A difference is known from the day the later of the two was published, and is as
uncertain as both together. What is missing stays missing: a figure of another year has other days
and never fills the place.

Calendarisation weights each fiscal year by the months that lie in the year asked for: with a fiscal year
to 31 March, calendar 2024 is 3/12 of fiscal 2024 and 9/12 of fiscal 2025 (the convention of comparable
company analysis). What this module cannot do: give the months of a fiscal year their season; it takes a year
as even, and where quarters are known `ltm` at the year's end is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from numbers import Integral

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, UnknownNameError
from helpers.units import in_words
from helpers.valuation.figures import (
    ANNUAL_DAYS,
    Figure,
    Parts,
    TwelveMonthsResult,
    as_day,
    by_series,
    day_number,
    days_between,
    flows,
    gap,
    ids,
    known_since,
    one_series,
    rounding,
    span,
    vintage,
    weighted,
)
from helpers.valuation.routes import cells, route

WEIGHTS = ("months", "days")
WEEKS_SLACK = 8  # the Saturday nearest to the end of January lies in February

FIGURE_ROW = (
    *("entity", "metric", "period_start", "period_end", "value", "low", "high", "currency", "known_on"),
    *("parts", "derivation", "fact_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuartersResult:
    """Quarters, published or derived.

    Attributes
    ----------
    table : DataFrame
        One row per quarter that the figures consist of, by entity, metric, currency and period: entity,
        metric, period_start, period_end, value, low, high, currency, known_on, parts (how many figures
        stand behind it; 1 is published as it is, 0 is missing), derivation, fact_id (several with a space
        between them), reason and settles (empty where there is a value).
    text : str
        How many were published, derived and missing, and which are missing.
    checks : tuple of Check
        ``published_agrees`` (a published quarter equals the difference of the others, rounding aside) and
        ``forecasts_left_out``.
    fact_ids : tuple of str
        Ledger rows of the stated quarters.
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def quarters(figures: pd.DataFrame, *, on: date | None = None) -> QuartersResult:
    """Every quarter that the figures determine, ``year to date - the year to date before``.

    A published quarter is kept as it is. Fiscal years may begin in any month. Where no set of figures
    gives a quarter it is NaN with the reason.

    Parameters
    ----------
    figures : DataFrame
        metric, period_start, period_end, value (base units), currency (empty for counts), known_on, fact_id;
        optional entity, low, high, nature, unit, metric_kind. Several entities, metrics and
        currencies may stand together, each is a series of its own. Figures that are expected, or were
        printed before their period was over, are left out and counted.
    on : datetime.date, optional
        Only what was public on that day. Default: everything, each period in its last publication.

    Returns
    -------
    QuartersResult

    Raises
    ------
    HelpersError
        A column, a day or a value is missing, or one period has two figures of one publication day.
    UnitError
        The figures do not add up over time: points in time, people, ratios.
    """
    published = flows(figures)
    known = [vintage(series, on) for series in by_series(f for f in published if f.nature == "measured")]
    found = [_quarters_of(series) for series in known if series]
    table = pd.DataFrame([row for rows_of, _ in found for row in rows_of], columns=[*FIGURE_ROW, "reason", "settles"])
    stated = table[table["reason"] == ""]
    return QuartersResult(
        table=table,
        text=_quarters_text(table),
        checks=(_agreement([line for _, said in found for line in said]), forecasts_left_out(published)),
        fact_ids=ids(stated["fact_id"]),
    )


def _quarters_of(known: list[Figure]) -> tuple[list[tuple], list[tuple[bool, str]]]:
    """The quarters of one series, and whether each published one agrees with the rest."""
    found, said = [], []
    for first, after in cells(known):
        parts = route(known, first, after)
        if parts is None:
            found.append(_missing_row(known[0], first, after))
            continue
        found.append((*figure_row(parts, first, after, known_since(parts)), "", ""))
        if len(parts) == 1 and (other := route(known, first, after, without=[parts[0][1]])):
            said.append(compare(parts, other))
    return found, said


def figure_row(parts: Parts, first: int, after: int, known_on: pd.Timestamp) -> tuple:
    """The sum of parts as a row of columns `FIGURE_ROW`."""
    figure, derived_from = parts[0][1], " ".join(f.fact_id for _, f in parts)
    return (
        *(figure.entity, figure.metric, as_day(first), as_day(after - 1), *weighted(parts), figure.currency),
        *(known_on, len(parts), spelled(parts), derived_from),
    )


def _missing_row(figure: Figure, first: int, after: int) -> tuple:
    days = days_between(first, after)
    settles = f"{figure.metric} of {days}, or two figures that differ by exactly those days"
    return (
        *(figure.entity, figure.metric, as_day(first), as_day(after - 1), np.nan, np.nan, np.nan, figure.currency),
        *(pd.NaT, 0, "", "", f"the known figures do not add up to {days}", settles),
    )


def compare(parts: Parts, other: Parts) -> tuple[bool, str]:
    """Whether two ways to one figure agree beyond rounding, and the sentence that says so."""
    one, two = weighted(parts), weighted(other)
    agrees = gap(one, two) <= rounding([*parts, *other]) + 1e-9 * abs(one[0])
    off = f"{in_words(one[0])} by {spelled(parts)}, {in_words(two[0])} by {spelled(other)}"
    return agrees, f"{parts[0][1].metric}: {off} ({', '.join(ids(f.fact_id for _, f in [*parts, *other]))})"


def spelled(parts: Parts) -> str:
    """The sum in words: ``2024-01-01 to 2024-09-30 less 2024-01-01 to 2024-06-30``."""
    ordered = sorted(parts, key=lambda part: part[0] < 0)
    return " ".join(f"{'less' if sign < 0 else 'plus'} {f.span}" for sign, f in ordered).removeprefix("plus ")


def _agreement(said: list[tuple[bool, str]]) -> Check:
    wrong = [text for agrees, text in said if not agrees]
    counted = f"{len(said) - len(wrong)} of {len(said)} published quarters that can be checked equal the difference"
    return Check(
        name="published_agrees",
        passed=None if not said else not wrong,
        value=float(len(wrong)),
        threshold=0.0,
        text="; ".join([counted, *wrong[:4]]) if said else "no published quarter can be checked against other figures",
    )


def forecasts_left_out(figures: Iterable[Figure]) -> Check:
    """How many figures are expected and therefore not of the past.

    Parameters
    ----------
    figures : iterable of Figure
        From `flows`.
    """
    out = [f.fact_id for f in figures if f.nature != "measured"]
    named = f": {', '.join(out[:4])}" if out else ""
    text = f"{len(out)} figures left out: expected, doubtful, or printed before their period was over{named}"
    return Check(name="forecasts_left_out", passed=None, value=float(len(out)), text=text)


def _quarters_text(table: pd.DataFrame) -> str:
    missing = table[table["reason"] != ""]
    named = [f"{row['metric']} of {span(row)}" for _, row in missing.head(4).iterrows()]
    which = f" ({'; '.join(named)}{', ...' if len(missing) > 4 else ''})" if named else ""
    published, derived = int((table["parts"] == 1).sum()), int((table["parts"] > 1).sum())
    return f"Quarters: {published} published, {derived} derived, {len(missing)} missing{which}."


def calendarise(
    years: pd.DataFrame, *, year_end: date | int, on: date | None = None, weights: str = "months"
) -> TwelveMonthsResult:
    """Fiscal years weighted into the twelve months to a day, ``sum of share of the year x figure of the year``.

    Parameters
    ----------
    years : DataFrame
        As for `quarters`, fiscal years only (350 to 380 days), of one entity, metric and currency;
        forecasts are taken too and said, doubtful figures are not.
    year_end : datetime.date or int
        Last day of the year asked for; 2024 is 31 December 2024.
    on : datetime.date, optional
        Only what was public on that day.
    weights : {"months", "days"}
        Months need fiscal years that end within 8 days of a month's end.

    Returns
    -------
    TwelveMonthsResult
        Of kind "calendarised". Checks: ``even_year`` and ``forecast_share``.

    Raises
    ------
    NotEstimableError
        A part of the year lies in no known fiscal year.
    HelpersError
        A period is not a year, fiscal years overlap, or a boundary lies inside a month.
    UnitError
        Two entities, metrics or currencies.
    """
    published = flows(years)
    one_series(published)
    last = date(int(year_end), 12, 31) if isinstance(year_end, Integral) else year_end
    return calendarised(published, day_number(last) + 1, on=on, weights=weights)


def calendarised(
    years: list[Figure], after: int, *, on: date | None = None, weights: str = "months"
) -> TwelveMonthsResult:
    """As `calendarise`, of the figures of one series and to the day before a day number."""
    if weights not in WEIGHTS:
        raise UnknownNameError("weights", weights, list(WEIGHTS))
    first = day_number(as_day(after) - pd.DateOffset(years=1))
    shares = _shares(_fiscal_years(years, on), first, after, weights)
    parts = [(overlap / length, figure) for overlap, length, figure in shares]
    said = " and ".join(f"{overlap:.0f}/{length:.0f} of {figure.span}" for overlap, length, figure in shares)
    expected = sum(figure.nature != "measured" for _, figure in parts)
    text = (
        f"{parts[0][1].metric} of {days_between(first, after)} is {amount(parts)}: {said}, known since "
        f"{known_since(parts).date()}." + (f" {expected} of {len(parts)} are forecasts." if expected else "")
    )
    return twelve_months("calendarised", parts, (first, after), text=text, checks=_calendarised_checks(parts))


def amount(parts: Parts) -> str:
    """The sum in words, with its currency."""
    return f"{in_words(weighted(parts)[0])} {parts[0][1].currency}".strip()


def twelve_months(
    kind: str, parts: Parts, days: tuple[int, int], *, text: str, checks: tuple[Check, ...]
) -> TwelveMonthsResult:
    """The sum of parts as a result."""
    (value, low, high), figure, (first, after) = weighted(parts), parts[0][1], days
    columns = ("weight", "period_start", "period_end", "value", "low", "high", "known_on", "fact_id")
    rows = [
        (weight, as_day(f.first), as_day(f.after - 1), f.value, f.low, f.high, f.known_on, f.fact_id)
        for weight, f in parts
    ]
    table = pd.DataFrame(rows, columns=list(columns))
    return TwelveMonthsResult(
        kind=kind,
        entity=figure.entity,
        metric=figure.metric,
        currency=figure.currency,
        value=value,
        low=low,
        high=high,
        period_start=as_day(first).date(),
        period_end=as_day(after - 1).date(),
        known_on=known_since(parts).date(),
        table=table.assign(contribution=table["weight"] * table["value"]),
        text=text,
        checks=checks,
        fact_ids=ids(table["fact_id"]),
    )


def _fiscal_years(years: list[Figure], on: date | None) -> list[Figure]:
    """One figure per fiscal year, none of them overlapping."""
    taken = [f for f in years if f.nature in ("measured", "expected")]  # neither doubted figures nor rules
    for year in taken:
        if not ANNUAL_DAYS[0] <= year.after - year.first <= ANNUAL_DAYS[1]:
            raise HelpersError(
                f"calendarise takes fiscal years of {ANNUAL_DAYS[0]} to {ANNUAL_DAYS[1]} days, got {year.span} "
                f"({year.fact_id}): build a year from quarters with ltm"
            )
    known = sorted(vintage(taken, on), key=lambda year: year.first)
    for one, two in pairwise(known):
        if two.first < one.after:
            raise HelpersError(
                f"fiscal years overlap: {one.span} ({one.fact_id}) and {two.span} ({two.fact_id}): keep one calendar"
            )
    return known


def _shares(known: list[Figure], first: int, after: int, weights: str) -> list[tuple[int, int, Figure]]:
    """Months or days of each fiscal year that lie in the year asked for, all of its own, and itself."""
    number: Callable[[int], int] = _month_number if weights == "months" else int
    start, end = number(first), number(after)
    found = []
    for year in known:
        begins, ends = number(year.first), number(year.after)
        found.append((min(ends, end) - max(begins, start), ends - begins, year))
    used = [share for share in found if share[0] > 0]
    if sum(overlap for overlap, *_ in used) < end - start:
        raise _uncovered(known, [year for *_, year in used], first, after)
    return used


def _month_number(day: int) -> int:
    """Months since year 0 to the first of a month that lies within `WEEKS_SLACK` days of a day."""
    day = as_day(day)
    months = day.year * 12 + day.month - 1
    if day.day - 1 <= WEEKS_SLACK:
        return months
    if day.days_in_month - day.day + 1 <= WEEKS_SLACK:
        return months + 1
    raise HelpersError(f"months cannot weight a year that begins inside a month ({day.date()}): use weights='days'")


def _uncovered(known: list[Figure], used: list[Figure], first: int, after: int) -> NotEstimableError:
    """Names the first stretch of the year that no fiscal year covers."""
    at, end = first, after
    for year in used:
        if year.first > at + WEEKS_SLACK:
            end = year.first
            break
        at = year.after
    metric = known[0].metric if known else "the figure"
    return NotEstimableError(
        f"{metric} of the twelve months to {as_day(after - 1).date()}",
        f"no known fiscal year covers {days_between(at, end)}",
        f"{metric} of the fiscal year that holds {days_between(at, end)}",
    )


def _calendarised_checks(parts: Parts) -> tuple[Check, ...]:
    split = sum(weight < 1 for weight, _ in parts)
    forecast = float(sum(weight for weight, f in parts if f.nature != "measured") / sum(weight for weight, _ in parts))
    text = f"{split} fiscal years are taken in part, as if their months were even: seasons are not seen"
    return (
        Check(name="even_year", passed=None, value=float(split), text=text if split else "a whole fiscal year"),
        Check(
            name="forecast_share",
            passed=None,
            value=forecast,
            text=f"{forecast:.0%} of the weight is expected, not measured".replace("%", " %"),
        ),
    )
