"""Published figures as rows, and the sum or difference of several of them as one figure.

A derived figure is as uncertain as its parts together: its interval takes every part at its outer end,
it is known from the day its last part was published, and it rests on all their facts. Where several
facts stand behind one row, ``fact_id`` holds their ids with a space between them.

What this module cannot do: tell whether two figures follow the same definition; a restated year less
an old half is a number all the same, and only a check can say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, UnitError
from helpers.evidence import last_digit

ANNUAL_DAYS = (350, 380)
"""Length of a period that counts as a year: a quarter's sales make a multiple four times too large."""

FIGURE_COLUMNS = ("metric", "period_start", "period_end", "value", "currency", "known_on", "fact_id")
PART_COLUMNS = ("weight", "period_start", "period_end", "value", "low", "high", "known_on", "fact_id")
SERIES = ("entity", "metric", "currency")

_COUNTED_ONCE = ("person", "household", "buyer")  # four quarters share most of their people
_AMOUNTS = ("money", "order", "share", "ads", "count", "view", "interaction", "minute", "hour")


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
        A column or a day is missing.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise HelpersError(f"{what} need the columns {', '.join(columns)}; missing: {missing}")
    rows = table[[*columns, *(c for c in optional if c in table)]].reset_index(drop=True)
    for end in ("low", "high"):
        given = table[end].reset_index(drop=True) if end in table else rows["value"]
        rows[end] = given.replace([np.inf, -np.inf], np.nan).fillna(rows["value"])  # an open end is not a size
    for column in dict.fromkeys((*days, "known_on")):
        rows[column] = pd.to_datetime(rows[column]).astype("datetime64[s]")
    for column in days:
        undated = rows.loc[rows[column].isna(), "fact_id"]
        if len(undated):
            raise HelpersError(f"every row of {what} needs {column}, missing for {', '.join(undated[:4])}")
    currency = rows["currency"].astype(object)
    return rows.assign(currency=currency.where(currency.notna() & (currency != "")))


def flows(figures: pd.DataFrame) -> pd.DataFrame:
    """Figures of periods that may be added: checked, in a fixed order, with entity and currency as text.

    Parameters
    ----------
    figures : DataFrame
        metric, period_start, period_end, value, currency (empty for counts), known_on, fact_id; optional
        entity, low, high, nature, unit, metric_kind.

    Returns
    -------
    DataFrame
        By period and publication; entity and currency are "" where there is none, nature is "expected"
        for a figure printed before its period was over.

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
            raise HelpersError(f"every period {rule}, not so for {', '.join(rows.loc[bad, 'fact_id'].head(4))}")
    _refuse_what_does_not_add(rows)
    early = rows["known_on"] < rows["period_end"]
    nature = rows["nature"].astype(object) if "nature" in rows else pd.Series("measured", index=rows.index)
    rows["nature"] = nature.where(~(early & nature.eq("measured")), "expected")
    rows["entity"] = rows["entity"].astype(object).fillna("") if "entity" in rows else ""
    rows["currency"] = rows["currency"].fillna("")
    rows = rows.astype({"metric": object, "entity": object, "currency": object, "fact_id": object})
    return rows.sort_values([*SERIES, "period_end", "period_start", "known_on", "fact_id"], ignore_index=True)


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


def one_series(rows: pd.DataFrame) -> None:
    """Refuse two entities, metrics or currencies.

    Raises
    ------
    UnitError
        The message names them.
    """
    for column in SERIES:
        kinds = sorted(set(rows[column]))
        if len(kinds) > 1:
            plural = {"entity": "entities", "metric": "metrics", "currency": "currencies"}[column]
            raise UnitError(f"two {plural} are never added, got {', '.join(k or 'none' for k in kinds)}: choose one")


def vintage(rows: pd.DataFrame, on: Any = None) -> pd.DataFrame:
    """Of several publications of one period the last one by a day.

    Parameters
    ----------
    rows : DataFrame
        From `flows`.
    on : day, optional
        Default: the last publication of all.

    Raises
    ------
    HelpersError
        Two figures of one period were published on the same day.
    """
    known = rows if on is None else rows[rows["known_on"] <= pd.Timestamp(on)]
    key = [*SERIES, "period_start", "period_end"]
    twice = known[known.duplicated([*key, "known_on"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise HelpersError(
            f"need one {first['metric']} of {span(first)} published on {first['known_on'].date()}, got "
            f"{', '.join(twice['fact_id'].head(4))}: prefer one"
        )
    return known.drop_duplicates(key, keep="last")  # `flows` sorts by publication within a period


def weighted(parts: pd.DataFrame) -> tuple[float, float, float]:
    """Sum of weight times value, with the interval of the outer ends.

    Parameters
    ----------
    parts : DataFrame
        weight, value, low, high.
    """
    weight, value, low, high = (parts[c].to_numpy(float) for c in ("weight", "value", "low", "high"))
    added = weight > 0
    middle = float(np.dot(weight, value))
    lowest = float(np.dot(weight, np.where(added, low, high)))
    highest = float(np.dot(weight, np.where(added, high, low)))
    return middle, min(lowest, middle), max(highest, middle)


def ids(parts: Iterable[str]) -> tuple[str, ...]:
    """The single fact ids of rows whose ``fact_id`` may hold several, each once."""
    return tuple(dict.fromkeys(one for joined in parts for one in str(joined).split()))


def rounding(parts: pd.DataFrame) -> float:
    """What the last printed digits of the parts leave open where the table states no interval.

    Parameters
    ----------
    parts : DataFrame
        value, low, high.
    """
    exact = (parts["low"] == parts["high"]).to_numpy()
    return float(np.sum(last_digit(parts["value"].to_numpy(float), least_figures=3)[exact]) / 2)


def gap(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Distance between two intervals (value, low, high); 0 where they overlap."""
    return max(one[1] - other[2], other[1] - one[2], 0.0)


def span(row: Any) -> str:
    """The period of a row: ``2024-01-01 to 2024-12-31``."""
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
