"""Last and next twelve months, as known on a day.

Last twelve months (LTM, trailing twelve months) are the newest four quarters that were public on the
day: the four themselves, or ``year + year to date - the same part of the year before``, or the full
year where nothing newer was out. A missing quarter refuses: a year that is a quarter short, or holds
one twice, looks like any other number. Next twelve months (NTM) are the same window ahead, from
guidance and forecasts.

What this module cannot do: see a change of definition between two publications. Where the parts are
restated the check ``one_vintage`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from helpers.checks import Check
from helpers.errors import NotEstimableError
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
    ids,
    known_since,
    one_series,
    vintage,
    weighted,
)
from helpers.valuation.fiscal import (
    FIGURE_ROW,
    amount,
    calendarised,
    compare,
    figure_row,
    forecasts_left_out,
    spelled,
    twelve_months,
)
from helpers.valuation.routes import days_known, gaps, nearest, quarter_count, route

FORECAST_DAYS = 200
"""A forecast older than about two quarters has been overtaken by results."""

_YEAR = pd.DateOffset(years=1)
_REFUSED_COLUMNS = ("entity", "metric", "currency", "period_end", "known_on", "reason", "settles")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LtmSeriesResult:
    """Every last-twelve-months figure, from the day it became known.

    Attributes
    ----------
    table : DataFrame
        Rows that `dated_multiples` takes as denominators: entity, metric, period_start, period_end,
        value, low, high, currency, known_on, parts (how many figures stand behind it), derivation, fact_id
        (all of their ids, with a space between them).
    refused : DataFrame
        Quarter ends that were published without their twelve months: entity, metric, currency,
        period_end, known_on, reason, settles.
    text : str
        One sentence.
    checks : tuple of Check
        ``routes_agree``, ``forecasts_left_out``.
    fact_ids : tuple of str
        Ledger rows of the table.
    """

    table: pd.DataFrame
    refused: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def ltm(figures: pd.DataFrame, *, on: date, period_end: date | None = None) -> TwelveMonthsResult:
    """The last twelve months of a flow, as known on a day.

    Parameters
    ----------
    figures : DataFrame
        metric, period_start, period_end, value (base units), currency (empty for counts), known_on, fact_id;
        optional entity, low, high, nature, unit, metric_kind. One entity, metric and currency; any
        mixture of quarters, halves, nine months and years. Forecasts are left out and counted.
    on : datetime.date
        Only what was public on that day; of several publications of one period the last one.
    period_end : datetime.date, optional
        Last day of the twelve months. Default: the newest end of a quarter, half or year that was public.

    Returns
    -------
    TwelveMonthsResult
        Of kind "ltm". Checks: ``routes_agree`` (other figures give the same sum), ``one_vintage``,
        ``forecasts_left_out``.

    Raises
    ------
    NotEstimableError
        Nothing was public, or a quarter is missing; it names the quarter and what would settle it.
    HelpersError
        A column, a day or a value is missing, or one period has two figures of one publication day.
    UnitError
        Two entities, metrics or currencies, or figures that do not add up over time.
    """
    published = flows(figures)
    one_series(published)
    measured = [f for f in published if f.nature == "measured"]
    known = vintage(measured, on)
    ends = [f.after for f in known if quarter_count(f)]
    if period_end is None and not ends:
        what = f"LTM {published[0].metric if published else 'figure'} on {on}"
        raise NotEstimableError(
            what, "no quarter, half or year was public by then", "a figure published on or before that day"
        )
    after = max(ends) if period_end is None else day_number(pd.Timestamp(period_end)) + 1
    near = _near(known, after)
    first = _first_day(near, after)
    parts = route(near, first, after)
    if parts is None:
        raise _refusal(near, after, f", as known on {on}")
    public = [f for f in measured if f.known_on <= pd.Timestamp(on)]
    checks = (_routes_agree(near, parts, first, after), _one_vintage(public, parts), forecasts_left_out(published))
    return _result("ltm", parts, (first, after), checks)


def _near(known: Iterable[Figure], after: int) -> list[Figure]:
    """Figures that can take part: last year's help to build this year's and next year's too, older ones do not."""
    end = as_day(after - 1)
    earliest, latest = day_number(end - _YEAR - _YEAR), day_number(end + _YEAR)
    return [f for f in known if f.first > earliest and f.after - 1 <= latest]


def _first_day(near: Iterable[Figure], after: int) -> int:
    """A year before the day after; in a weeks-based calendar the known day nearest to it."""
    usable = [day for day in days_known(near) if ANNUAL_DAYS[0] <= after - day <= ANNUAL_DAYS[1]]
    return nearest(usable, day_number(as_day(after) - _YEAR))


def _refusal(near: list[Figure], after: int, when: str = "") -> NotEstimableError:
    """Names the quarters that keep the figures apart."""
    metric, entity = (near[0].metric, near[0].entity) if near else ("", "")
    named = [days_between(*missing) for missing in gaps(near, _first_day(near, after), after)]
    of = f" of {entity}" if entity else ""
    return NotEstimableError(
        f"LTM {metric or 'figure'}{of} to {as_day(after - 1).date()}{when}",
        f"the known figures leave out {' and '.join(named)}",
        f"{metric or 'a figure'} of {' and of '.join(named)}, or year-to-date figures that differ by it",
    )


def _routes_agree(near: Iterable[Figure], parts: Parts, first: int, after: int) -> Check:
    """A second sum of other figures, where there is one."""
    other = route(near, first, after, without=[f for _, f in parts])
    if other is None:
        return Check(name="routes_agree", passed=None, text="no other figures add up to the same months")
    agrees, text = compare(parts, other)
    return Check(name="routes_agree", passed=agrees, value=weighted(other)[0], threshold=weighted(parts)[0], text=text)


def _one_vintage(published: Iterable[Figure], parts: Parts) -> Check:
    """Parts that were published more than once with different values: the others may not have been restated."""
    values: dict[tuple[int, int], set[float]] = {}
    for f in published:
        values.setdefault((f.first, f.after), set()).add(f.value)
    restated = [f"{f.span} ({f.fact_id})" for _, f in parts if len(parts) > 1 and len(values[f.first, f.after]) > 1]
    return Check(
        name="one_vintage",
        passed=not restated,
        value=float(len(restated)),
        threshold=0.0,
        text=f"restated since it was first published: {'; '.join(restated)}; the other parts may follow the older "
        "definition"
        if restated
        else "no part of a sum was restated",
    )


def _result(kind: str, parts: Parts, days: tuple[int, int], checks: tuple[Check, ...]) -> TwelveMonthsResult:
    window, end = "last" if kind == "ltm" else "next", as_day(days[1] - 1).date()
    text = (
        f"{parts[0][1].metric} of the {window} twelve months to {end} is {amount(parts)}, "
        f"known since {known_since(parts).date()} ({spelled(parts)})."
    )
    return twelve_months(kind, parts, days, text=text, checks=checks)


def ltm_series(figures: pd.DataFrame) -> LtmSeriesResult:
    """Every last twelve months that became known, with the day: the denominators of dated multiples.

    Parameters
    ----------
    figures : DataFrame
        As for `ltm`; several entities, metrics and currencies may stand together, each is a series
        of its own.

    Returns
    -------
    LtmSeriesResult
        A row for every quarter end and every day on which its twelve months changed, so that a price
        finds what was known on its own day.

    Raises
    ------
    HelpersError
        A column, a day or a value is missing, or one period has two figures of one publication day.
    UnitError
        The figures do not add up over time: points in time, people, ratios.
    """
    published = flows(figures)
    found, refused, checks = [], [], []
    for series in by_series(f for f in published if f.nature == "measured"):
        for after in sorted({f.after for f in series if quarter_count(f)}):
            near = _near(series, after)
            current, changes = vintage(near), _changes(near, after)
            found += [figure_row(parts, first, after, day) for day, first, parts in changes]
            if changes:
                _, first, parts = changes[-1]
                checks.append(_routes_agree(current, parts, first, after))
            else:
                refused.append(_refused_row(current, after))
    table, out = pd.DataFrame(found, columns=list(FIGURE_ROW)), pd.DataFrame(refused, columns=list(_REFUSED_COLUMNS))
    text = f"{len(table)} figures for twelve months became known; {len(out)} quarter ends have none."
    return LtmSeriesResult(
        table=table,
        refused=out,
        text=text,
        checks=(_all_agree(checks), forecasts_left_out(published)),
        fact_ids=ids(table["fact_id"]),
    )


def _changes(near: list[Figure], after: int) -> list[tuple[pd.Timestamp, int, Parts]]:
    """Days of publication that changed the twelve months to a day, with the first of these and the figures."""
    found: list[tuple[pd.Timestamp, int, Parts]] = []
    for day in sorted({f.known_on for f in near}):
        known = vintage(near, day)
        first = _first_day(known, after)
        parts = route(known, first, after)
        if parts and not (found and parts == found[-1][2]):
            found.append((day, first, parts))
    return found


def _refused_row(current: list[Figure], after: int) -> tuple:
    error, figure = _refusal(current, after), current[0]
    when = min(f.known_on for f in current if f.after == after)
    return (*figure.series, as_day(after - 1), when, error.reason, error.settles)


def _all_agree(checks: list[Check]) -> Check:
    told = [check for check in checks if check.passed is not None]
    wrong = [check.text for check in told if not check.passed]
    said = f"{len(told) - len(wrong)} of {len(told)} sums that other figures give too agree"
    return Check(
        name="routes_agree",
        passed=not wrong if told else None,
        value=float(len(wrong)),
        threshold=0.0,
        text="; ".join([said, *wrong[:4]]),
    )


def ntm(forecasts: pd.DataFrame, *, on: date, weights: str = "months") -> TwelveMonthsResult:
    """The next twelve months of a flow, from guidance and forecasts that were public on a day.

    Parameters
    ----------
    forecasts : DataFrame
        As for `ltm`. Only expected figures count: those whose nature is "expected", or that were printed
        before their period was over. The last publication of each period by `on` is taken.
    on : datetime.date
        The day.
    weights : {"months", "days"}
        Months: the window begins with the month of `on` (the next one where `on` is a month's last day),
        days: on the day after.

    Returns
    -------
    TwelveMonthsResult
        Of kind "ntm": expected quarters that add up to the window, else fiscal years weighted into
        it. Checks: ``forecast_age``, and those of `calendarise`.

    Raises
    ------
    NotEstimableError
        The forecasts do not cover the window.
    HelpersError, UnitError
        As for `ltm` and `calendarise`.
    """
    published = flows(forecasts)
    one_series(published)
    expected = vintage([f for f in published if f.nature == "expected"], on)
    start = _window_start(pd.Timestamp(on), weights)
    first, after = day_number(start), day_number(start + _YEAR)
    parts = route(expected, first, after)
    if parts is not None:
        return _with_age(_result("ntm", parts, (first, after), ()), on)
    years = [f for f in expected if ANNUAL_DAYS[0] <= f.after - f.first <= ANNUAL_DAYS[1]]
    if not years:
        metric, days = published[0].metric if published else "figure", days_between(first, after)
        raise NotEstimableError(
            f"NTM {metric} on {on}",
            f"no forecast covers {days}",
            f"guidance or a consensus of {metric} for the fiscal years that hold those months, public by {on}",
        )
    return _with_age(calendarised(years, after, weights=weights), on)


def _window_start(on: pd.Timestamp, weights: str) -> pd.Timestamp:
    if weights == "days" or on.is_month_end:
        return on + pd.Timedelta(days=1)
    return on.replace(day=1)


def _with_age(made: TwelveMonthsResult, on: date) -> TwelveMonthsResult:
    """Forecasts of the year ahead, with the age of the oldest."""
    age = float((pd.Timestamp(on) - made.table["known_on"].min()).days)
    check = Check(
        name="forecast_age",
        passed=age <= FORECAST_DAYS,
        value=age,
        threshold=float(FORECAST_DAYS),
        text=f"the oldest forecast was {age:.0f} days old",
    )
    return replace(made, kind="ntm", checks=(check, *made.checks))
