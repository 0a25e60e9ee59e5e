"""Levels that published figures imply: a level from its growth rate, a quarter from its year.

``v_t = v_(t-1y) (1 + g)`` and ``v_q = v_year - the three other quarters``. Both are identities, nothing is
estimated; the roundings of all inputs add up at their worst ends, which makes a quarter that is a small
difference of large figures wide. What the module cannot do: notice that the growth rate was printed on a restated
base, or that a year was restated after its quarters. A row names all facts it rests on, joined by "+".
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import as_rate
from helpers.errors import HelpersError
from helpers.growth.cells import days_of, numbers_of
from helpers.growth.periods import checked, is_quarter, with_base_period

COLUMNS = ["period_start", "period_end", "value", "low", "high", "known_on", "fact_id", "reason"]
"""Of both tables; the first seven are what `helpers.growth.nowcast` reads."""

MOST_GROWTH = 10.0
"""Growth of 1,000 % in a year; a larger number is a percentage."""


def levels_from_growth(levels: pd.DataFrame, growth: pd.DataFrame) -> pd.DataFrame:
    """Level of each period whose yoy growth was published, ``base * (1 + growth)``.

    Parameters
    ----------
    levels : DataFrame
        As for `helpers.growth.yoy`, with known_on.
    growth : DataFrame
        Published growth rates of the same metric: period_start, period_end, value (0.125 is 12.5 %; -1 to 10),
        known_on, fact_id; optional low, high (rounding).

    Returns
    -------
    DataFrame
        One row per row of `growth`: period_start, period_end, value, low, high, known_on (the later of both),
        fact_id ("growth+base"), reason (why there is no value; empty otherwise).

    Raises
    ------
    HelpersError
        A column is missing or a period stands twice.
    ParameterError
        A growth rate out of bounds, such as 12.5 for 12.5 %.
    """
    for column in ("value", "low", "high"):  # before its interval is held against it: 12.5 may stand for 12.5 %
        given = numbers_of(growth, column).dropna() if column in growth else ()
        as_rate("growth", np.asarray(given, float), low=-1, high=MOST_GROWTH)
    rates, known = _dated(growth, "growth"), _dated(levels, "levels")
    base = known[["period_start", "period_end", "value", "low", "high", "known_on", "fact_id"]].add_prefix("base_")
    ends = {"left_on": ["base_start", "base_end"], "right_on": ["base_period_start", "base_period_end"]}
    pairs = with_base_period(rates).merge(base, how="left", validate="many_to_one", **ends)
    usable = pairs["base_value"] > 0
    none = pairs["base_value"].isna()
    reasons = np.where(none, "no level of the same period a year earlier", "the base is not above 0")
    implied = {c: (pairs[f"base_{c}"] * (1 + pairs[c])).where(usable) for c in ("value", "low", "high")}
    ids = [_joined(pair) for pair in zip(pairs["fact_id"], pairs["base_fact_id"], strict=True)]
    return pairs.assign(
        **implied,
        known_on=pairs[["known_on", "base_known_on"]].max(axis=1),
        fact_id=ids,
        reason=np.where(usable, "", reasons),
    )[COLUMNS]


def missing_quarter(years: pd.DataFrame, quarters: pd.DataFrame) -> pd.DataFrame:
    """The one quarter that a published year leaves, ``year - the three other quarters``.

    Parameters
    ----------
    years, quarters : DataFrame
        As for `helpers.growth.yoy`, of one flow, with known_on; a year is twelve months from its first day.

    Returns
    -------
    DataFrame
        One row per year: columns as of `levels_from_growth`; period_start and period_end are those of the
        missing quarter, or of the year where it does not have exactly three known quarters.

    Raises
    ------
    HelpersError
        A column is missing, a period stands twice, or has another length.
    UnitError
        Years and quarters of different kinds.
    """
    whole, parts = _dated(years, "years"), _dated(quarters, "quarters")
    checked(pd.concat([whole, parts], ignore_index=True))  # one metric, unit and currency between both
    twelve = whole["period_start"] + pd.DateOffset(years=1) - pd.Timedelta(days=1) == whole["period_end"]
    for right, rows, name in ((twelve, whole, "a year"), (is_quarter(parts), parts, "a quarter")):
        if not right.all():
            raise HelpersError(f"{rows.loc[~right, 'fact_id'].iloc[0]} is not {name}")
    found = [_left_over(year, parts) for _, year in whole.iterrows()]
    return pd.DataFrame(found, columns=COLUMNS)


def quarters_from_growth(years: pd.DataFrame, quarters: pd.DataFrame, growth: pd.DataFrame) -> pd.DataFrame:
    """Last quarters of years of which only the growth was printed, ``base year * (1 + growth) - three quarters``.

    Parameters
    ----------
    years, quarters : DataFrame
        As for `missing_quarter`.
    growth : DataFrame
        Printed yoy rates of the same metric, as for `levels_from_growth`; those of other periods than years, and of
        years whose level is known, are not used.

    Returns
    -------
    DataFrame
        Columns as of `levels_from_growth`; only quarters that are determined and not published. Empty if none is.
    """
    if growth.empty or years.empty or quarters.empty:
        return pd.DataFrame(columns=COLUMNS)
    known, parts = _dated(years, "years"), _dated(quarters, "quarters")
    start, end = (pd.to_datetime(growth[c]).astype("datetime64[s]") for c in ("period_start", "period_end"))
    whole = start + pd.DateOffset(years=1) - pd.Timedelta(days=1) == end
    later = growth[whole & ~end.isin(known["period_end"])]
    later = later.drop_duplicates(["period_start", "period_end", "value"])  # several pages print one rate
    if later.empty:
        return pd.DataFrame(columns=COLUMNS)
    implied = levels_from_growth(known, later)
    left = missing_quarter(implied[implied["reason"].eq("")], parts)
    is_new = left["reason"].eq("") & ~left["period_end"].isin(parts["period_end"])
    return left[is_new].reset_index(drop=True)


def _left_over(year: pd.Series, parts: pd.DataFrame) -> tuple:
    """The quarter that is missing from one year."""
    starts = [year["period_start"] + pd.DateOffset(months=m) for m in (0, 3, 6, 9)]
    known = parts[parts["period_start"].isin(starts)]
    ids = _joined([year["fact_id"], *known["fact_id"]])
    if len(known) != 3 or known["value"].isna().any() or pd.isna(year["value"]):
        reason = f"needs the year and exactly three of its quarters, got {known['value'].notna().sum()}"
        return year["period_start"], year["period_end"], *[np.nan] * 3, year["known_on"], ids, reason
    start = next(day for day in starts if day not in set(known["period_start"]))
    ends = year["low"] - known["high"].sum(), year["high"] - known["low"].sum()
    value = year["value"] - known["value"].sum()
    last_day = start + pd.DateOffset(months=3) - pd.Timedelta(days=1)
    return start, last_day, value, *ends, max(year["known_on"], known["known_on"].max()), ids, ""


def _dated(series: pd.DataFrame, what: str) -> pd.DataFrame:
    if "known_on" not in series:
        raise HelpersError(f"{what} need the column known_on, the day each figure was public")
    rows = checked(series)
    return rows.assign(known_on=days_of(rows, "known_on"))


def _joined(ids: object) -> str:
    return "+".join(str(name) for name in ids if pd.notna(name))
