"""Series of periods: matched growth, indices, and several entities at the same age.

The interval of a quotient takes the ends that push it furthest apart: for positive numbers lowest
over highest, and highest over lowest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from helpers.errors import HelpersError, UnitError
from helpers.growth.cells import days_of, is_empty, numbers_of

_COLUMNS = ("period_start", "period_end", "value", "fact_id")
_ONE_KIND = ("entity", "metric", "unit", "currency")


def yoy(series: pd.DataFrame) -> pd.DataFrame:
    """Growth of each period on the same period a year earlier, ``value / base - 1``.

    Parameters
    ----------
    series : DataFrame
        One metric of one entity in one unit: period_start, period_end (days; the start of a
        stock is its day or empty), value, fact_id and, where known, low and high (what the
        printed value can stand for; missing means the value itself). One row per period;
        quarters, halves and years may mix.

    Returns
    -------
    DataFrame
        Every row of `series`, by period_end: period_start, period_end, value, base_period_start,
        base_period_end, base_value, growth (0.25 is 25 %), low, high, reason (empty where growth
        is stated), fact_id, base_fact_id. A month that ends on its last day matches one that does,
        so 29 February meets 28 February. `high` is infinite if the base may be as low as 0.

    Raises
    ------
    HelpersError
        If a column or a day is missing, or a period stands twice.
    UnitError
        If a column entity, metric, unit or currency holds two kinds.
    """
    rows = with_base_period(checked(series))
    base = rows[["period_start", "period_end", "value", "low", "high", "fact_id"]].add_prefix("base_")
    pairs = rows.merge(
        base,
        how="left",
        left_on=["base_start", "base_end"],
        right_on=["base_period_start", "base_period_end"],
        validate="many_to_one",
    )
    return _growth_columns(pairs, pd.Series("", index=pairs.index), "no figure for the same period a year earlier")


def with_base_period(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds base_start and base_end, the same period a year earlier."""
    is_day = rows["period_start"] == rows["period_end"]
    return rows.assign(
        base_start=_year_earlier(rows["period_start"], is_day), base_end=_year_earlier(rows["period_end"], True)
    )


def _year_earlier(days: pd.Series, keep_month_end: pd.Series | bool) -> pd.Series:
    """The day a year earlier; the last day of a month stays the last where asked."""
    shifted = days - pd.DateOffset(years=1)
    at_end = days.dt.is_month_end & keep_month_end
    return shifted.where(~at_end, shifted + pd.offsets.MonthEnd(0))


def qoq(series: pd.DataFrame) -> pd.DataFrame:
    """Growth of each quarter on the quarter before it, ``value / base - 1``, not seasonally adjusted.

    Parameters
    ----------
    series : DataFrame
        As for `yoy`. A quarter is three calendar months from its first day, whatever the fiscal
        year; weeks-based calendars (13 weeks) are not understood. A row of another length is kept
        with a reason, and never serves as a base.

    Returns
    -------
    DataFrame
        As for `yoy`.

    Raises
    ------
    HelpersError
        If a column or a day is missing, or a period stands twice.
    UnitError
        If a column entity, metric, unit or currency holds two kinds.
    """
    rows = checked(series)
    quarter = is_quarter(rows)
    rows["base_end"] = rows["period_start"] - pd.Timedelta(days=1)
    base = rows.loc[quarter, ["period_start", "period_end", "value", "low", "high", "fact_id"]]
    pairs = rows.merge(
        base.add_prefix("base_"),
        how="left",
        left_on="base_end",
        right_on="base_period_end",
        validate="many_to_one",
    )
    reason = pd.Series(np.where(quarter, "", "the period is not a quarter"), index=pairs.index)
    return _growth_columns(pairs, reason, "no figure for the quarter before")


def is_quarter(rows: pd.DataFrame) -> pd.Series:
    """Whether each period is three calendar months from its first day."""
    return rows["period_start"] + pd.DateOffset(months=3) - pd.Timedelta(days=1) == rows["period_end"]


def checked(series: pd.DataFrame) -> pd.DataFrame:
    """A sorted copy of a series as for `yoy`, with dates as timestamps and bounds filled from the value."""
    missing = [column for column in _COLUMNS if column not in series]
    if missing:
        raise HelpersError(f"a series of periods needs the columns {', '.join(_COLUMNS)}; missing: {missing}")
    rows = series.reset_index(drop=True).copy()
    rows["period_end"], rows["period_start"] = days_of(rows, "period_end"), days_of(rows, "period_start")
    rows["period_start"] = rows["period_start"].fillna(rows["period_end"])  # a stock has a day only
    rows["value"] = numbers_of(rows, "value")
    for bound in ("low", "high"):
        rows[bound] = numbers_of(rows, bound, is_finite=False) if bound in rows else rows["value"]
        rows[bound] = rows[bound].fillna(rows["value"])
    _refuse_mixtures(rows)
    _refuse_crossed(rows)
    return rows.sort_values(["period_end", "period_start"], ignore_index=True)


def _refuse_mixtures(rows: pd.DataFrame) -> None:
    """One entity, metric, unit and currency; a day for every row; one value per period."""
    for column in _ONE_KIND:
        kinds = sorted({str(kind) for kind in rows[column] if not is_empty(kind)}) if column in rows else []
        if len(kinds) > 1:
            raise UnitError(f"a series needs one {column}, got {', '.join(kinds)}")
    undated = rows.loc[rows["period_end"].isna(), "fact_id"]
    if len(undated):
        raise HelpersError(f"every row needs a period_end, missing for {', '.join(map(str, undated[:4]))}")
    twice = rows[rows.duplicated(["period_start", "period_end"], keep=False)]
    if len(twice):
        first, last = (twice[column].iloc[0].date() for column in ("period_start", "period_end"))
        named = ", ".join(map(str, twice["fact_id"].head(4)))
        raise HelpersError(f"need one value per period, got several for {first} to {last} ({named})")


def _refuse_crossed(rows: pd.DataFrame) -> None:
    """A period ends after it starts, and an interval holds its value, but for the last bits of decimals."""
    slack = 1e-9 * rows["value"].abs()
    backwards = rows["period_start"] > rows["period_end"]
    crossed = (rows["low"] > rows["value"] + slack) | (rows["high"] < rows["value"] - slack)
    for bad, rule in ((backwards, "must not end before it starts"), (crossed, "needs low <= value <= high")):
        if bad.any():
            row = rows[bad].iloc[0]
            raise HelpersError(
                f"a period {rule}, got {row['period_start'].date()} to {row['period_end'].date()}, {row['value']:g} "
                f"({row['low']:g} to {row['high']:g}) of {row['fact_id']}"
            )


def one_length(rows: pd.DataFrame, what: str) -> None:
    """Refuse quarters beside years: a quarter's sales over a year's are a fall by three quarters.

    Parameters
    ----------
    rows : DataFrame
        From `checked`.
    what : str
        For the message: "an index".

    Raises
    ------
    HelpersError
        The lengths of two periods differ by more than a fifth.
    """
    days = (rows["period_end"] - rows["period_start"]).dt.days + 1
    if len(rows) and days.max() > 1.2 * days.min():
        short, long = rows.loc[days.idxmin()], rows.loc[days.idxmax()]
        raise HelpersError(
            f"{what} needs periods of one length, got {days.min()} days ({short['fact_id']}) and {days.max()} days "
            f"({long['fact_id']}): choose one"
        )


def _growth_columns(pairs: pd.DataFrame, reason: pd.Series, no_base: str) -> pd.DataFrame:
    """Growth with its interval where it is defined, the reason where it is not."""
    value, base = pairs["value"], pairs["base_value"]
    reasons = [
        (reason != "", reason),
        (pairs["base_period_end"].isna(), no_base),
        (value.isna() | base.isna(), "a value is missing"),
        (base <= 0, "the base is not above 0: state the change in amount"),
        (value < 0, "the value is below 0: state the change in amount"),
    ]
    pairs["reason"] = np.select([when for when, _ in reasons], [why for _, why in reasons], "")
    stated = pairs["reason"] == ""
    pairs["growth"] = (value / base - 1).where(stated)
    low, high = quotient(pairs["low"], pairs["high"], pairs["base_low"], pairs["base_high"])
    low, high = (low - 1).where(stated), (high - 1).where(stated)
    columns = ["period_start", "period_end", "value", "base_period_start", "base_period_end", "base_value"]
    columns += ["growth", "low", "high", "reason", "fact_id", "base_fact_id"]
    return pairs.assign(low=low, high=high)[columns]


def quotient(
    low: pd.Series, high: pd.Series, base_low: pd.Series | float, base_high: pd.Series | float
) -> tuple[pd.Series, pd.Series]:
    """Interval of a quotient whose base is above 0, but whose base's interval may reach 0."""
    base_low = pd.Series(base_low, index=low.index).astype(float)
    base_low = base_low.where(base_low > 0, 0.0)  # dividing by 0 then gives the infinite end
    bottom = np.where(low < 0, low.where(np.isinf(low), low / base_low), low / base_high)
    top = np.where(high < 0, high / base_high, np.where(high == 0, 0.0, high / base_low))
    return pd.Series(bottom, index=low.index), pd.Series(top, index=low.index)


def rebase(series: pd.DataFrame, *, base_period_end: date, to: float = 100.0) -> pd.DataFrame:
    """Index with one period at `to`, ``to * value / base``.

    Parameters
    ----------
    series : DataFrame
        As for `yoy`; periods of one length.
    base_period_end : datetime.date
        Last day of the period that becomes `to`.
    to : float
        Above 0.

    Returns
    -------
    DataFrame
        The rows of `series` by period_end, with rebased, rebased_low, rebased_high (both roundings:
        the row's and the base's; none at the base itself) and base_fact_id.

    Raises
    ------
    HelpersError
        If no row or several end on that day, the base is not above 0, or a column is missing.
    """
    rows = checked(series)
    is_base = rows["period_end"] == pd.Timestamp(base_period_end)
    if is_base.sum() != 1:
        ends = ", ".join(str(day.date()) for day in rows["period_end"])
        raise HelpersError(
            f"need one period that ends on {base_period_end} as the base, got {is_base.sum()}; ends: {ends}"
        )
    one_length(rows, "an index")
    if not 0 < to < np.inf:
        raise HelpersError(f"an index stands at a number above 0 in its base, got {to}")
    base = rows[is_base].iloc[0]
    if not base["value"] > 0:
        raise HelpersError(f"the base of an index must be above 0, got {base['value']} ({base['fact_id']})")
    low, high = quotient(rows["low"], rows["high"], base["low"], base["high"])
    return rows.assign(
        rebased=rows["value"] / base["value"] * to,
        rebased_low=(low * to).mask(is_base, to),
        rebased_high=(high * to).mask(is_base, to),
        base_fact_id=base["fact_id"],
    )


def same_age(series_by_name: Mapping[str, pd.DataFrame], origins: Mapping[str, date]) -> pd.DataFrame:
    """Several entities on one clock: years since each one's origin (launch, first sale).

    Parameters
    ----------
    series_by_name : mapping of str to DataFrame
        Name to series, each as for `yoy`.
    origins : mapping of str to datetime.date
        Day of age 0 for every name; further names are not used.

    Returns
    -------
    DataFrame
        Long: name, age_years (``(period_end - origin) / 365.25`` days; below 0 before the origin),
        period_start, period_end, value, low, high, fact_id; by name, then age. Empty without series.

    Raises
    ------
    HelpersError
        If an entity has no origin, or a series breaks the rules of `yoy`.
    """
    without = [name for name in series_by_name if pd.isna(origins.get(name))]
    if without:
        raise HelpersError(f"need an origin for every entity, missing for: {', '.join(without)}")
    columns = ["name", "age_years", "period_start", "period_end", "value", "low", "high", "fact_id"]
    parts = [pd.DataFrame(columns=columns)] if not series_by_name else []
    for name, series in series_by_name.items():
        rows = checked(series)
        age = (rows["period_end"] - pd.Timestamp(origins[name])).dt.days / 365.25
        parts.append(rows.assign(name=name, age_years=age)[columns])
    return pd.concat(parts, ignore_index=True).sort_values(["name", "age_years"], ignore_index=True)
