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

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import NotEstimableError
from helpers.units import in_words
from helpers.valuation.figures import (
    ANNUAL_DAYS,
    SERIES,
    TwelveMonthsResult,
    flows,
    ids,
    one_series,
    span,
    vintage,
    weighted,
)
from helpers.valuation.fiscal import calendarise, compare, forecasts_left_out, part_table, spelled
from helpers.valuation.routes import as_day, edges, gaps, quarter_count, roads, route, shortest

FORECAST_DAYS = 200
"""A forecast older than about two quarters has been overtaken by results."""

_REACH = pd.DateOffset(years=1)  # last year's figures help to build this year's, older ones do not
_DAY = pd.Timedelta(days=1)
_SERIES_COLUMNS = (
    *("entity", "metric", "period_start", "period_end", "value", "low", "high", "currency", "known_on"),
    *("parts", "derivation", "fact_id"),
)
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
    rows = flows(figures)
    one_series(rows)
    measured = rows[rows["nature"] == "measured"]
    known = vintage(measured, on).reset_index(drop=True)
    ends = known.loc[quarter_count(known) > 0, "period_end"]
    if period_end is None and ends.empty:
        what = f"LTM {rows['metric'].iloc[0] if len(rows) else 'figure'} on {on}"
        raise NotEstimableError(
            what, "no quarter, half or year was public by then", "a figure published on or before that day"
        )
    end = pd.Timestamp(period_end) if period_end is not None else ends.max()
    near = _near(known, end)
    parts = _last_year(near, end)
    if parts is None:
        raise _refusal(near, end, f", as known on {on}")
    checks = (_routes_agree(near, parts), _one_vintage(measured[measured["known_on"] <= pd.Timestamp(on)], parts))
    return _result("ltm", parts, (*checks, forecasts_left_out(rows)))


def _near(known: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Figures that can take part: from a year before the twelve months to a year after."""
    inside = (known["period_start"] > end - 2 * _REACH) & (known["period_end"] <= end + _REACH)
    return known[inside].reset_index(drop=True)


def _last_year(near: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame | None:
    """The figures that add up to the twelve months to a day."""
    after = _number(end + _DAY)
    return route(near, _first_day(_known_days(near), end), after)


def _first_day(days: np.ndarray, end: pd.Timestamp) -> int:
    """A year before the day after; in a weeks-based calendar the known day nearest to it."""
    after = end + _DAY
    exact = _number(after - pd.DateOffset(years=1))
    length = _number(after) - days
    usable = days[(length >= ANNUAL_DAYS[0]) & (length <= ANNUAL_DAYS[1])]
    if exact in usable or not len(usable):
        return exact
    return int(usable[np.argmin(np.abs(usable - exact))])


def _known_days(near: pd.DataFrame) -> np.ndarray:
    return np.unique(np.concatenate(edges(near)))


def _number(day: pd.Timestamp) -> int:
    return int(np.datetime64(day, "D").astype(int))


def _refusal(near: pd.DataFrame, end: pd.Timestamp, when: str = "") -> NotEstimableError:
    """Names the quarters that keep the figures apart."""
    metric, entity = (near[c].iloc[0] if len(near) else "" for c in ("metric", "entity"))
    missing = gaps(near, _first_day(_known_days(near), end), _number(end + _DAY))
    named = [f"{as_day(a).date()} to {as_day(b - 1).date()}" for a, b in missing]
    of = f" of {entity}" if entity else ""
    return NotEstimableError(
        f"LTM {metric or 'figure'}{of} to {end.date()}{when}",
        f"the known figures leave out {' and '.join(named)}",
        f"{metric or 'a figure'} of {' and of '.join(named)}, or year-to-date figures that differ by it",
    )


def _routes_agree(near: pd.DataFrame, parts: pd.DataFrame) -> Check:
    """A second sum of other figures, where there is one."""
    end = _number(parts["period_end"].max() + _DAY)
    other = route(near, _net_start(parts), end, without=parts.index.tolist())
    if other is None:
        return Check(name="routes_agree", passed=None, text="no other figures add up to the same months")
    agrees, text = compare(parts, other)
    return Check(name="routes_agree", passed=agrees, value=weighted(other)[0], threshold=weighted(parts)[0], text=text)


def _net_start(parts: pd.DataFrame) -> int:
    """First day of the period that signed parts add up to."""
    first, after = edges(parts)
    sign = parts["weight"].to_numpy().astype(int)
    net: dict[int, int] = {}
    for a, b, s in zip(first.tolist(), after.tolist(), sign.tolist(), strict=True):
        net[a] = net.get(a, 0) + s
        net[b] = net.get(b, 0) - s
    return next(day for day, count in net.items() if count == 1)


def _one_vintage(published: pd.DataFrame, parts: pd.DataFrame) -> Check:
    """Parts that were published more than once with different values: the others may not have been restated."""
    key = [*SERIES, "period_start", "period_end"]
    several = published.groupby(key)["value"].transform("nunique") > 1
    restated = parts[parts["fact_id"].isin(published.loc[several, "fact_id"])] if len(parts) > 1 else parts.head(0)
    named = "; ".join(f"{span(row)} ({row['fact_id']})" for _, row in restated.iterrows())
    return Check(
        name="one_vintage",
        passed=restated.empty,
        value=float(len(restated)),
        threshold=0.0,
        text=f"restated since it was first published: {named}; the other parts may follow the older definition"
        if named
        else "no part of a sum was restated",
    )


def _result(kind: str, parts: pd.DataFrame, checks: tuple[Check, ...]) -> TwelveMonthsResult:
    value, low, high = weighted(parts)
    name, known_on = parts.iloc[0], parts["known_on"].max()
    first, end = as_day(_net_start(parts)).date(), parts["period_end"].max().date()
    unit = f" {name['currency']}" if name["currency"] else ""
    window = "last" if kind == "ltm" else "next"
    text = (
        f"{name['metric']} of the {window} twelve months to {end} is {in_words(value)}{unit}, "
        f"known since {known_on.date()} ({spelled(parts)})."
    )
    return TwelveMonthsResult(
        kind=kind,
        entity=name["entity"],
        metric=name["metric"],
        currency=name["currency"],
        value=value,
        low=low,
        high=high,
        period_start=first,
        period_end=end,
        known_on=known_on.date(),
        table=part_table(parts),
        text=text,
        checks=checks,
        fact_ids=ids(parts["fact_id"]),
    )


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
    rows = flows(figures)
    measured = rows[rows["nature"] == "measured"]
    found, refused, checks = [], [], []
    for _, group in measured.groupby(list(SERIES), sort=True):
        for end in sorted(set(group.loc[quarter_count(group) > 0, "period_end"])):
            _became_known(_near(group, end), end, found, refused, checks)
    table = pd.DataFrame(found, columns=list(_SERIES_COLUMNS))
    out = pd.DataFrame(refused, columns=list(_REFUSED_COLUMNS))
    text = f"{len(table)} figures for twelve months became known; {len(out)} quarter ends have none."
    return LtmSeriesResult(
        table=table,
        refused=out,
        text=text,
        checks=(_all_agree(checks), forecasts_left_out(rows)),
        fact_ids=ids(table["fact_id"]),
    )


def _became_known(near: pd.DataFrame, end: pd.Timestamp, found: list, refused: list, checks: list) -> None:
    """Appends the twelve months to a day each time that a publication changed them."""
    last = vintage(near)  # refuses two figures of one day
    after, before = _number(end + _DAY), None
    for day, ways in _as_known(near):
        days = np.unique([node for first, then, *_ in ways for node in (first, then)])
        way = shortest(ways, _first_day(days, end), after)
        if way is None or way == before:
            continue
        before = way
        parts = near.iloc[[position for position, _ in way]].assign(weight=[float(sign) for _, sign in way])
        name, first = parts.iloc[0], as_day(_net_start(parts))
        found.append(
            (
                *(name["entity"], name["metric"], first, end, *weighted(parts), name["currency"]),
                *(day, len(parts), spelled(parts), " ".join(parts["fact_id"])),
            )
        )
    if before is not None:
        current = last.reset_index(drop=True)
        checks.append(_routes_agree(current, _last_year(current, end)))
        return
    error, name = _refusal(last, end), last.iloc[0]
    when = last.loc[last["period_end"] == end, "known_on"].min()
    refused.append((name["entity"], name["metric"], name["currency"], end, when, error.reason, error.settles))


def _as_known(near: pd.DataFrame) -> Iterator[tuple[pd.Timestamp, list[tuple[int, int, int, float]]]]:
    """The figures after each day of publication, each period in its last vintage by then."""
    ways = roads(near)
    latest: dict[tuple[int, int], tuple[int, int, int, float]] = {}
    for day, published in near.groupby("known_on").indices.items():
        latest.update({ways[position][:2]: ways[position] for position in published})
        yield day, list(latest.values())


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
    rows = flows(forecasts)
    one_series(rows)
    expected = vintage(rows[rows["nature"] == "expected"], on).reset_index(drop=True)
    start = _window_start(pd.Timestamp(on), weights)
    end = start + pd.DateOffset(years=1) - _DAY
    parts = route(expected, _number(start), _number(end + _DAY)) if len(expected) else None
    if parts is not None:
        return _result("ntm", parts, (_forecast_age(parts, on),))
    days = (expected["period_end"] - expected["period_start"]).dt.days + 1
    years = expected[days.between(*ANNUAL_DAYS)]
    metric = rows["metric"].iloc[0] if len(rows) else "figure"
    if years.empty:
        raise NotEstimableError(
            f"NTM {metric} on {on}",
            f"no forecast covers {start.date()} to {end.date()}",
            f"guidance or a consensus of {metric} for the fiscal years that hold those months, public by {on}",
        )
    made = calendarise(years, year_end=end.date(), weights=weights)
    return _as_ntm(made, _forecast_age(made.table, on))


def _window_start(on: pd.Timestamp, weights: str) -> pd.Timestamp:
    if weights == "days" or on.is_month_end:
        return on + _DAY
    return on.replace(day=1)


def _as_ntm(made: TwelveMonthsResult, age: Check) -> TwelveMonthsResult:
    """A calendarised year ahead under its own name."""
    fields = {name: getattr(made, name) for name in made.__slots__}
    return TwelveMonthsResult(**(fields | {"kind": "ntm", "checks": (age, *made.checks)}))


def _forecast_age(parts: pd.DataFrame, on: date) -> Check:
    age = float((pd.Timestamp(on) - parts["known_on"].min()).days)
    return Check(
        name="forecast_age",
        passed=age <= FORECAST_DAYS,
        value=age,
        threshold=float(FORECAST_DAYS),
        text=f"the oldest forecast was {age:.0f} days old",
    )
