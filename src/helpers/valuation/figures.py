"""Published figures as rows, and the sum or difference of several of them as one figure.

A derived figure is as uncertain as its parts together: its interval takes every part at its outer end,
it is known from the day its last part was published, and it rests on all their facts. Where several
facts stand behind one row, ``fact_id`` holds their ids with a space between them.

What this module cannot do: tell whether two figures follow the same definition; a restated year less
an old half is a number all the same, and only a check can say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, UnitError
from helpers.evidence import last_digit
from helpers.valuation.dated import days_of, numbers_of, texts_of

ANNUAL_DAYS = (350, 380)
"""Length of a period that counts as a year: a quarter's sales make a multiple four times too large."""

FIGURE_COLUMNS = ("metric", "period_start", "period_end", "value", "currency", "known_on", "fact_id")
SERIES = ("entity", "metric", "currency")
_PLURALS = ("entities", "metrics", "currencies")

_COUNTED_ONCE = ("person", "household", "buyer")  # four quarters share most of their people
_AMOUNTS = ("money", "order", "share", "ads", "count", "view", "interaction", "minute", "hour")


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure: a road of that value from its first day to the day after its last.

    Attributes
    ----------
    entity, metric, currency : str
        Its series; entity and currency are empty where there is none.
    first, after : int
        First day and the day after the last, in days since 1970.
    value, low, high : float
        In base units.
    known_on : Timestamp
        Day of publication.
    nature : str
        "measured", "expected" (also where printed before its period was over) or as the table says.
    fact_id : str
        May hold several ids with a space between them.
    """

    entity: str
    metric: str
    currency: str
    first: int
    after: int
    value: float
    low: float
    high: float
    known_on: pd.Timestamp
    nature: str
    fact_id: str

    @property
    def series(self) -> tuple[str, str, str]:
        """What may be added: entity, metric, currency."""
        return self.entity, self.metric, self.currency

    @property
    def span(self) -> str:
        """``2024-01-01 to 2024-12-31``."""
        return days_between(self.first, self.after)


Parts = list[tuple[float, Figure]]
"""Figures with their weights: 1 added, -1 taken off, a fraction for part of a fiscal year."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwelveMonthsResult:
    """A figure for twelve months, put together from published or expected ones.

    Attributes
    ----------
    kind : {"ltm", "ntm", "calendarised"}
        Last twelve months, next twelve months, or fiscal years weighted into another year.
    entity, metric, currency : str
        What it is a figure of; entity and currency are empty where the input had none.
    value, low, high : float
        In base units; the interval is what the intervals of the parts leave.
    period_start, period_end : datetime.date
        First and last day of the twelve months.
    known_on : datetime.date
        Day on which the last part was published.
    table : DataFrame
        One row per part: weight (1 added, -1 taken off, a fraction for part of a fiscal year),
        period_start, period_end, value, low, high, known_on, fact_id, contribution (weight times value).
    text : str
        One sentence.
    checks : tuple of Check
        See the function that made it.
    fact_ids : tuple of str
        Ledger rows of the parts.
    """

    kind: str
    entity: str
    metric: str
    currency: str
    value: float
    low: float
    high: float
    period_start: date
    period_end: date
    known_on: date
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def with_days(
    table: pd.DataFrame, columns: Sequence[str], days: Sequence[str], what: str, *, optional: Sequence[str] = ()
) -> pd.DataFrame:
    """A copy of the columns with days as timestamps, NaN as no currency, and an interval for each value.

    Parameters
    ----------
    table : DataFrame
        With `columns`; low and high are taken where given, and are the value where missing or infinite
        ("over 300 million" is no size).
    columns, days : sequence of str
        What must be there, and which of it is a day that every row needs.
    what : str
        For the messages: "prices".
    optional : sequence of str
        Further columns to keep where there.

    Raises
    ------
    HelpersError
        A column or a day is missing, a value is no finite number or lies outside its interval, a name is none.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise HelpersError(f"{what} need the columns {', '.join(columns)}; missing: {missing}")
    kept = [c for c in optional if c in table]
    rows = table[[*columns, *kept]].reset_index(drop=True)
    given, row = table.reset_index(drop=True), f"row of {what}"
    rows["value"] = numbers_of(given, "value", what=row, is_finite=True)
    for end in ("low", "high"):
        told = numbers_of(given, end, what=row)
        rows[end] = told.replace([np.inf, -np.inf], np.nan).fillna(rows["value"])  # an open end is not a size
    _refuse_crossed(rows, what)
    for column in dict.fromkeys((*days, "known_on")):
        rows[column] = days_of(given, what=row, column=column, or_empty=True)
    for column in days:
        undated = rows.loc[rows[column].isna(), "fact_id"]
        if len(undated):
            raise HelpersError(f"every row of {what} needs {column}, missing for {', '.join(map(str, undated[:4]))}")
    for column in (c for c in ("entity", "metric") if c in rows):
        rows[column] = texts_of(given, column, what=row, or_empty=column == "entity")
    currency = texts_of(given, "currency", what=row)
    return rows.assign(currency=currency.where(currency != ""), fact_id=texts_of(given, "fact_id", what=row))


def _refuse_crossed(rows: pd.DataFrame, what: str) -> None:
    """An interval holds its value, but for the last bits of decimals."""
    slack = 1e-9 * rows["value"].abs()
    crossed = rows[(rows["low"] > rows["value"] + slack) | (rows["high"] < rows["value"] - slack)]
    if len(crossed):
        row = crossed.iloc[0]
        raise HelpersError(
            f"every row of {what} needs low <= value <= high, got {row['value']:g} ({row['low']:g} to {row['high']:g}) "
            f"of {row['fact_id']}"
        )


def flows(figures: pd.DataFrame) -> list[Figure]:
    """Figures of periods that may be added: checked, in a fixed order.

    Parameters
    ----------
    figures : DataFrame
        metric, period_start, period_end, value, currency (empty for counts), known_on, fact_id; optional
        entity, low, high, nature, unit, metric_kind.

    Returns
    -------
    list of Figure
        By series, period and publication.

    Raises
    ------
    HelpersError
        A column, a day or a value is missing, or a period ends before it starts.
    UnitError
        The figures do not add up over time: points in time, people, ratios.
    """
    optional = ("entity", "nature", "unit", "metric_kind")
    rows = with_days(figures, FIGURE_COLUMNS, ("period_start", "period_end", "known_on"), "figures", optional=optional)
    for bad, rule in (
        (rows["value"].isna(), "needs a value"),
        (rows["period_start"] > rows["period_end"], "must not end before it starts"),
    ):
        if bad.any():
            raise HelpersError(
                f"every period {rule}, not so for {', '.join(map(str, rows.loc[bad, 'fact_id'].head(4)))}"
            )
    _refuse_what_does_not_add(rows)
    early = rows["known_on"] < rows["period_end"]
    nature = rows["nature"].astype(object) if "nature" in rows else pd.Series("measured", index=rows.index)
    rows["nature"] = nature.where(~(early & nature.eq("measured")), "expected")
    rows["entity"] = rows["entity"].astype(object).fillna("") if "entity" in rows else ""
    rows["currency"] = rows["currency"].fillna("")
    rows = rows.astype({"metric": object, "fact_id": object} | dict.fromkeys(("value", "low", "high"), float))
    rows["first"], rows["after"] = _day_numbers(rows["period_start"]), _day_numbers(rows["period_end"]) + 1
    rows = rows.sort_values([*SERIES, "period_end", "period_start", "known_on", "fact_id"])
    return [Figure(*row) for row in zip(*(rows[field.name] for field in fields(Figure)), strict=True)]


def _day_numbers(days: pd.Series) -> np.ndarray:
    return days.to_numpy("datetime64[D]").astype(int)


def _refuse_what_does_not_add(rows: pd.DataFrame) -> None:
    """Points in time, people and ratios: no sum over time means anything."""
    if len(rows) and (rows["period_start"] == rows["period_end"]).all():
        raise UnitError(
            f"{rows['metric'].iloc[0]} has points in time only: a stock has no twelve months, take its latest day"
        )
    if "metric_kind" in rows and (other := rows[rows["metric_kind"].notna() & rows["metric_kind"].ne("flow")]).size:
        kind, metric = other["metric_kind"].iloc[0], other["metric"].iloc[0]
        raise UnitError(f"only flows add up over time, got {metric} of kind {kind!r}")
    units = sorted(set(rows["unit"].dropna().astype(str)) - set(_AMOUNTS) - {""}) if "unit" in rows else []
    if units:
        why = "the same people return each quarter" if units[0] in _COUNTED_ONCE else "it is no amount"
        raise UnitError(f"figures in {units[0]!r} do not add up over time: {why}")


def one_series(figures: Iterable[Figure]) -> None:
    """Refuse two entities, metrics or currencies.

    Raises
    ------
    UnitError
        The message names them.
    """
    for kinds, plural in zip(zip(*(f.series for f in figures), strict=True), _PLURALS, strict=False):
        if len(named := sorted(set(kinds))) > 1:
            raise UnitError(f"two {plural} are never added, got {', '.join(k or 'none' for k in named)}: choose one")


def by_series(figures: Iterable[Figure]) -> Iterator[list[Figure]]:
    """The figures of each entity, metric and currency.

    Parameters
    ----------
    figures : iterable of Figure
        From `flows`.
    """
    for _, series in groupby(figures, key=lambda figure: figure.series):
        yield list(series)


def vintage(series: Iterable[Figure], on: Any = None) -> list[Figure]:
    """Of several publications of one period the last one by a day.

    Parameters
    ----------
    series : iterable of Figure
        From `flows`, of one series.
    on : day, optional
        Default: the last publication of all.

    Raises
    ------
    HelpersError
        Two figures of one period were published on the same day.
    """
    day = None if on is None else pd.Timestamp(on)
    latest: dict[tuple[int, int], Figure] = {}
    for figure in series:  # `flows` sorts by publication within a period
        if day is not None and figure.known_on > day:
            continue
        twin = latest.get((figure.first, figure.after))
        if twin and twin.known_on == figure.known_on:
            raise HelpersError(
                f"need one {figure.metric} of {figure.span} published on {figure.known_on.date()}, got "
                f"{twin.fact_id}, {figure.fact_id}: prefer one"
            )
        latest[figure.first, figure.after] = figure
    return list(latest.values())


def weighted(parts: Parts) -> tuple[float, float, float]:
    """Sum of weight times value, with the interval of the outer ends."""
    weights = [weight for weight, _ in parts]
    middle = float(np.dot(weights, [f.value for _, f in parts]))
    lowest = float(np.dot(weights, [f.low if weight > 0 else f.high for weight, f in parts]))
    highest = float(np.dot(weights, [f.high if weight > 0 else f.low for weight, f in parts]))
    return middle, min(lowest, middle), max(highest, middle)


def known_since(parts: Parts) -> pd.Timestamp:
    """Day on which the last part was published."""
    return max(f.known_on for _, f in parts)


def ids(parts: Iterable[str]) -> tuple[str, ...]:
    """The single fact ids of rows whose ``fact_id`` may hold several, each once."""
    return tuple(dict.fromkeys(one for joined in parts for one in str(joined).split()))


def rounding(parts: Parts) -> float:
    """What the last printed digits of the parts leave open where the table states no interval."""
    exact = [f.value for _, f in parts if f.low == f.high]
    return float(np.sum(last_digit(np.array(exact), least_figures=3)) / 2)


def gap(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Distance between two intervals (value, low, high); 0 where they overlap."""
    return max(one[1] - other[2], other[1] - one[2], 0.0)


def as_day(number: int) -> pd.Timestamp:
    """The day of a number of days since 1970."""
    return pd.Timestamp(np.datetime64(number, "D"))


def day_number(day: Any) -> int:
    """Days since 1970."""
    return int(np.datetime64(day, "D").astype(int))


def days_between(first: int, after: int) -> str:
    """A period of day numbers: ``2024-01-01 to 2024-12-31``."""
    return f"{as_day(first).date()} to {as_day(after - 1).date()}"


def span(row: Any) -> str:
    """The period of a table's row: ``2024-01-01 to 2024-12-31``."""
    return f"{pd.Timestamp(row['period_start']).date()} to {pd.Timestamp(row['period_end']).date()}"


def as_denominators(results: Iterable[TwelveMonthsResult]) -> pd.DataFrame:
    """Rows that `dated_multiples` divides by.

    Parameters
    ----------
    results : iterable of TwelveMonthsResult
        Next twelve months get the metric with ``_ntm`` behind it, to be named in ``forward_metrics``.

    Returns
    -------
    DataFrame
        entity, metric, period_start, period_end, value, low, high, currency, known_on, fact_id (all ids of the
        parts, with spaces).
    """
    rows = [
        (
            *(r.entity, f"{r.metric}_ntm" if r.kind == "ntm" else r.metric, r.period_start, r.period_end),
            *(r.value, r.low, r.high, r.currency, r.known_on, " ".join(r.fact_ids)),
        )
        for r in results
    ]
    columns = ["entity", "metric", "period_start", "period_end", "value", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "currency", "known_on", "fact_id"])
