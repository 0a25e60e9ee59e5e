"""A figure far off its neighbours in time: the test for a series without a ledger.

The ledger's audit compares every figure with those of other sources and weighs who says it. A table that a
reader brings has no sources to weigh, only time: each value is held against the median of its neighbours,
in powers of ten, so one slip cannot move the yardstick (Hampel's identifier on a log scale). 亿 read as
billion is a factor of ten, 万 dropped ten thousand, 亿 dropped a hundred million.

What this module cannot do: tell growth from error. A value that rises ten times within the window is
flagged too, and of two values that disagree it cannot say which is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, ParameterError, UnitError
from helpers.units import in_words
from helpers.valuation.dated import days_of, numbers_of, texts_of

MIN_NEIGHBOURS = 2
POWER_TOLERANCE = 0.03
"""A ratio to a neighbour within 3 % of a power of ten is one: rounding and a day's drift, not a coincidence."""

MEDIAN_TOLERANCE = 0.25
"""Against the median of neighbours it may be off by as much as the series moves."""

_COLUMNS = ("date", "value", "currency", "fact_id")
_WORDS = {1: "亿 read as billion, or a digit dropped", 4: "万 dropped or added", 8: "亿 dropped or added"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeighboursResult:
    """Figures of a series, each beside its neighbours.

    Attributes
    ----------
    table : DataFrame
        One row per figure by date: date, value, neighbours (how many lie in the window), neighbour_median,
        ratio (value over that median), flag ("scale slip", "far from its neighbours", "undetermined" or
        empty), reason (the arithmetic), settles, fact_id, compared_fact_id (the neighbour that a slip of
        scale is nearest to a power of ten from).
    text : str
        One sentence.
    checks : tuple of Check
        ``neighbours``: no figure is flagged.
    fact_ids : tuple of str
        Ledger rows of the flagged figures.
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def flag_neighbours(series: pd.DataFrame, *, window_days: int = 550, far_ratio: float = 4.0) -> NeighboursResult:
    """Flags values that lie `far_ratio` times above or below the median of their neighbours in time.

    Parameters
    ----------
    series : DataFrame
        date, value (above 0), currency (one, or empty throughout), fact_id; of one company and metric.
        Several figures of one day are neighbours of each other.
    window_days : int
        Neighbours lie at most this many days before or after, 1 or more.
    far_ratio : float
        Above 1: a valuation that moves more than this against its neighbours is looked at.

    Returns
    -------
    NeighboursResult
        A figure with fewer than two neighbours is "undetermined" if it lies far from the one it has.

    Raises
    ------
    HelpersError
        A column or a day is missing, or a value is not above 0.
    UnitError
        Two currencies.
    ParameterError
        A setting is out of range.
    """
    if not (window_days >= 1 and far_ratio > 1):
        raise ParameterError(f"need window_days of 1 or more and far_ratio above 1, got {window_days} and {far_ratio}")
    rows = _checked(series)
    found = [_held_against(rows, position, window_days, far_ratio) for position in range(len(rows))]
    columns = ["neighbours", "neighbour_median", "ratio", "flag", "reason", "settles", "compared_fact_id"]
    told = pd.DataFrame(found, columns=columns, index=rows.index)
    table = pd.concat([rows[["date", "value", "fact_id"]], told], axis=1)
    order = ["date", "value", *columns[:-1], "fact_id", "compared_fact_id"]
    flagged = table[table["flag"] != ""]
    return NeighboursResult(
        table=table[order],
        text=_text(flagged, len(table)),
        checks=(_check(flagged, len(table)),),
        fact_ids=tuple(dict.fromkeys(flagged["fact_id"])),
    )


def _checked(series: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in _COLUMNS if column not in series]
    if missing:
        raise HelpersError(f"a series needs the columns {', '.join(_COLUMNS)}; missing: {missing}")
    rows = series[list(_COLUMNS)].reset_index(drop=True)
    given = series.reset_index(drop=True)
    rows["date"] = days_of(given, what="figure", or_empty=True)
    rows["value"] = numbers_of(given, "value", what="figure", is_finite=True)
    rows["currency"] = texts_of(given, "currency", what="figure")
    for bad, rule in ((rows["date"].isna(), "needs a date"), (~(rows["value"] > 0), "needs a value above 0")):
        if bad.any():
            row = rows[bad].iloc[0]
            raise HelpersError(f"every figure {rule}, got {row['value']} on {row['date']} ({row['fact_id']})")
    currencies = sorted(set(rows["currency"].fillna("").astype(str)))
    if len(currencies) > 1:
        raise UnitError(f"neighbours are compared in one currency, got {', '.join(c or 'none' for c in currencies)}")
    return rows.sort_values(["date", "value"], ignore_index=True)


def _held_against(rows: pd.DataFrame, position: int, window_days: int, far_ratio: float) -> tuple:
    """neighbours, neighbour_median, ratio, flag, reason, settles, compared_fact_id of one figure."""
    value = float(rows["value"].iloc[position])
    near = (rows["date"] - rows["date"].iloc[position]).abs() <= pd.Timedelta(days=window_days)
    others = rows[near & (rows.index != position)]
    if others.empty:
        return 0, np.nan, np.nan, "", "", "", ""
    median = float(10 ** np.median(np.log10(others["value"].to_numpy(float))))
    ratio = value / median
    told = len(others), median, ratio
    if max(ratio, 1 / ratio) < far_ratio:
        return *told, "", "", "", ""
    off = f"{in_words(value)} is {ratio:,.3g} times {in_words(median)}, the median of {len(others)} neighbours"
    if len(others) < MIN_NEIGHBOURS:
        return *told, "undetermined", f"{off}: of two figures either may be wrong", "a third figure near that day", ""
    power, other = _power_of_ten(value, others, ratio)
    if other is None:
        return *told, "far from its neighbours", off, "a second source for that day", ""
    slip = f"{in_words(value)} is {value / other['value']:,.4g} times {in_words(other['value'])} ({other['fact_id']})"
    hint = f": {_WORDS[abs(power)]}" if abs(power) in _WORDS else ""
    way = "too large" if power > 0 else "too small"
    said = f"{off}; {slip}, {10 ** abs(power):,.0f} times {way}{hint}"
    return *told, "scale slip", said, "the amount as its source prints it", other["fact_id"]


def _power_of_ten(value: float, others: pd.DataFrame, ratio: float) -> tuple[int, pd.Series | None]:
    """The power of ten that the value is off by, and the neighbour nearest to that; 0 and None if by none."""
    logs = np.log10(value / others["value"].to_numpy(float))
    power = np.round(logs)
    off = np.where(power == 0, np.inf, np.abs(10 ** (logs - power) - 1))
    best = int(np.argmin(off))
    whole = round(np.log10(ratio))
    fits_median = whole != 0 and abs(np.log10(ratio) - whole) <= np.log10(1 + MEDIAN_TOLERANCE)
    if off[best] > POWER_TOLERANCE and not fits_median:
        return 0, None
    return int(power[best]), others.iloc[best]


def _text(flagged: pd.DataFrame, count: int) -> str:
    if flagged.empty:
        return f"None of {count} figures lies far from its neighbours in time."
    first = flagged.iloc[flagged["flag"].eq("scale slip").to_numpy().argmax()]
    return f"{len(flagged)} of {count} figures lie far from their neighbours in time: {first['reason']}."


def _check(flagged: pd.DataFrame, count: int) -> Check:
    named = "; ".join(f"{row.fact_id} ({row.flag}): {row.reason}" for row in flagged.head(4).itertuples())
    return Check(
        name="neighbours",
        passed=flagged.empty if count else None,
        value=float(len(flagged)),
        threshold=0.0,
        text=named or f"none of {count} figures lies far from its neighbours",
    )
