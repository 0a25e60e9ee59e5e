"""Several clocks for a same-age comparison: since a given day, or since a series first reached a threshold.

A threshold is passed between two published points; the day is interpolated on the logarithm (steady growth
between them), and its interval is what the two points leave. A threshold below the first point or above the
last one is not determined, and nothing is extrapolated. The day of a point is the last day of its period, as in
`helpers.growth.periods.same_age`; an average over a period was reached up to half a period earlier. What the
module cannot do: see companies that died young, which flatters the age of those that lived, or tell a change of
definition (users with or without mini-programs) from growth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.growth.cells import numbers_of
from helpers.growth.periods import checked, same_age
from helpers.units import in_words

YEAR_DAYS = 365.25
_ORIGINS = ["name", "clock", "origin", "origin_low", "origin_high", "before_fact_id", "after_fact_id"]
_NUMBERS = ("age_years", "age_low", "age_high", "value", "low", "high")
_AGED = ("name", "age_years", "value", "fact_id")
_AT_AGE = ["name", "age_years", "value", "low", "high", "gap_years", "before_fact_id", "after_fact_id"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgesResult:
    """Several entities on one clock.

    Attributes
    ----------
    clock : str
        What age 0 is, such as "launch" or "10 million mau".
    table : DataFrame
        name, age_years (below 0 before the origin), age_low, age_high (from the interval of the origin),
        period_start, period_end, value, low, high, fact_id; by name, then age. Entities with a determined
        origin only.
    origins : DataFrame
        One row per entity: name, clock, origin, origin_low, origin_high (days; missing where not determined),
        before_fact_id, after_fact_id, reason, settles (empty where determined).
    text : str
        One or two sentences.
    checks : tuple of Check
        ``origins``: every entity has one.
    fact_ids : tuple of str
        Ledger rows of the table and of the points around the origins.
    """

    clock: str
    table: pd.DataFrame
    origins: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def origins_by_day(
    days: Mapping[str, date | None], *, clock: str, fact_ids: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Origins that are known as days: launch, first revenue, listing.

    Parameters
    ----------
    days : mapping of str to date or None
        Name to day; None where it is not known, which gives a row with a reason.
    clock : str
        What the day is, for the text.
    fact_ids : mapping of str to str, optional
        Ledger rows of the days.

    Returns
    -------
    DataFrame
        Columns of `AgesResult.origins`.

    Raises
    ------
    HelpersError
        If the mapping is empty.
    """
    if not days:
        raise HelpersError(f"need 1+ entities with a day of {clock}, got none")
    rows = []
    for name, day in days.items():
        known = not pd.isna(day)
        fact = (fact_ids or {}).get(name, "")
        why = ("", "") if known else (f"the day of {clock} is not known", f"the day of {clock} of {name}")
        rows.append((name, clock, day, day, day, fact, fact, *why))
    return _origin_table(rows)


def origins_by_threshold(series_by_name: Mapping[str, pd.DataFrame], *, threshold: float, clock: str) -> pd.DataFrame:
    """Day on which each series first reached a threshold, between the two published points around it.

    Parameters
    ----------
    series_by_name : mapping of str to DataFrame
        Name to series, each as for `helpers.growth.yoy`; one figure per last day, values above 0.
    threshold : float
        Above 0, in the unit of the series: 10e6 for ten million users.
    clock : str
        For the text, such as "10 million mau".

    Returns
    -------
    DataFrame
        Columns of `AgesResult.origins`. ``origin`` interpolates the logarithm between the last point
        below the threshold and the first at or above it; ``origin_low`` is the day after the last point that
        is below even at the top of its rounding, ``origin_high`` the first point that has reached it even
        at the bottom.

    Raises
    ------
    HelpersError
        If a series breaks the rules of `yoy`, a value is missing or not above 0, two figures end on one
        day, or no series is given.
    ParameterError
        If the threshold is not above 0.
    """
    if not 0 < threshold < np.inf:
        raise ParameterError(f"threshold must be above 0, in the unit of the series, got {threshold}")
    if not series_by_name:
        raise HelpersError(f"need 1+ series for the clock {clock}, got none")
    return _origin_table([(name, clock, *_crossing(name, s, threshold)) for name, s in series_by_name.items()])


def by_age(series_by_name: Mapping[str, pd.DataFrame], origins: pd.DataFrame) -> AgesResult:
    """Put every series on the clock of its origin.

    Parameters
    ----------
    series_by_name : mapping of str to DataFrame
        Name to series, each as for `helpers.growth.yoy`; any metric, it need not be the one of the threshold.
    origins : DataFrame
        From `origins_by_day` or `origins_by_threshold`, one row per name, one clock.

    Returns
    -------
    AgesResult

    Raises
    ------
    HelpersError
        A name has no row in `origins` or several, or the clocks differ.
    NotEstimableError
        No origin is determined.
    """
    rows = _one_clock(origins, list(series_by_name))
    clock = str(rows["clock"].iloc[0])
    known = rows[rows["origin"].notna()]
    if known.empty:
        why = "; ".join(f"{row.name}: {row.reason}" for row in rows.itertuples(index=False))
        raise NotEstimableError(f"age since {clock}", why, "; ".join(rows["settles"]))
    series = {name: series_by_name[name] for name in known["name"]}
    table = same_age(series, {row.name: row.origin.date() for row in known.itertuples(index=False)})
    spread = known.set_index("name")
    for bound, end in (("age_low", "origin_high"), ("age_high", "origin_low")):
        shift = (spread["origin"] - spread[end]).dt.days / YEAR_DAYS
        table.insert(table.columns.get_loc("period_start"), bound, table["age_years"] + table["name"].map(shift))
    ids = [*table["fact_id"], *known["before_fact_id"], *known["after_fact_id"]]
    return AgesResult(
        clock=clock,
        table=table,
        origins=rows,
        text=_text(clock, rows, known),
        checks=(_origin_check(rows),),
        fact_ids=tuple(dict.fromkeys(str(name) for name in ids if pd.notna(name) and name != "")),
    )


def at_age(aged: pd.DataFrame, ages: Sequence[float]) -> pd.DataFrame:
    """Value of each entity at the given ages, for a comparison table.

    Interpolates the logarithm between the two points around the age and never beyond the first or last.

    Parameters
    ----------
    aged : DataFrame
        The table of `by_age` or of `same_age`: name, age_years, value, fact_id; optional low, high (rounding),
        age_low, age_high (uncertain origin). One value per name and age.
    ages : sequence of float
        In years.

    Returns
    -------
    DataFrame
        One row per name and age: name, age_years, value, low, high (from rounding and, where the origin is
        uncertain, from both ends of it; NaN where one of them lies outside the points), gap_years (between the
        two points, 0 on a point), before_fact_id, after_fact_id, reason, settles (empty where stated).

    Raises
    ------
    HelpersError
        A column is missing, `ages` is empty, or a name has two values at one age.
    """
    missing = [column for column in _AGED if column not in aged]
    if missing:
        raise HelpersError(f"a table by age needs the columns {', '.join(_AGED)}; missing: {missing}")
    if not len(ages) or not np.isfinite(np.asarray(ages, float)).all():
        raise HelpersError(f"need 1+ ages in years, got {list(ages)}")
    read = {c: numbers_of(aged, c, is_finite=c == "age_years") for c in _NUMBERS if c in aged}
    aged = aged.assign(name=aged["name"].map(str), **read)
    if aged["age_years"].isna().any():
        raise HelpersError(
            f"every row needs age_years, missing for {aged.loc[aged['age_years'].isna(), 'name'].iloc[0]}"
        )
    twice = aged[aged.duplicated(["name", "age_years"])]
    if len(twice):
        raise HelpersError(f"need one value per age, got several for {twice['name'].iloc[0]}")
    rows = aged.sort_values(["name", "age_years"])
    filled = {c: rows[c] if c in rows else rows["age_years"] for c in ("age_low", "age_high")}
    filled |= {c: rows[c].fillna(rows["value"]) if c in rows else rows["value"] for c in ("low", "high")}
    rows = rows.assign(**filled)
    found = [_at(name, points, float(age)) for name, points in rows.groupby("name", sort=False) for age in ages]
    return pd.DataFrame(found, columns=[*_AT_AGE, "reason", "settles"])


def _origin_table(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*_ORIGINS, "reason", "settles"])
    for column in ("origin", "origin_low", "origin_high"):
        table[column] = pd.to_datetime(table[column]).astype("datetime64[s]")
    return table


def _crossing(name: str, series: pd.DataFrame, threshold: float) -> tuple:
    """origin, origin_low, origin_high, before_fact_id, after_fact_id, reason, settles of one series."""
    points = _points(name, series)
    reached = points["value"] >= threshold
    surely, surely_not = points["low"] >= threshold, points["high"] < threshold
    if not reached.any():
        top = points.loc[points["value"].idxmax()]
        reason = f"the highest figure is {in_words(top['value'])} ({top['period_end'].date()})"
        return _open(reason, f"a figure of {name} of {in_words(threshold)} or more")
    after = int(reached.idxmax())
    below = points.index[(points.index < after) & surely_not]
    if not len(below):
        first = points.iloc[0]
        reason = f"the first figure is already {in_words(first['value'])} ({first['period_end'].date()})"
        if after > 0:
            reason = "no figure before is below the threshold by more than its rounding"
        return _open(reason, f"a figure of {name} below {in_words(threshold)} before {first['period_end'].date()}")
    later = points.index[(points.index >= after) & surely]
    if not len(later):
        reason = "the threshold is reached only within the rounding of the figures"
        return _open(reason, f"a later or more exact figure of {name}")
    a, b = points.loc[after - 1], points.loc[after]
    part = np.log(threshold / a["value"]) / np.log(b["value"] / a["value"])
    day = a["period_end"] + pd.Timedelta(days=round(part * (b["period_end"] - a["period_end"]).days))
    earliest = points.loc[below[-1], "period_end"] + pd.Timedelta(days=1)
    return max(day, earliest), earliest, points.loc[later[0], "period_end"], a["fact_id"], b["fact_id"], "", ""


def _points(name: str, series: pd.DataFrame) -> pd.DataFrame:
    """The points of one series by day: one figure a day, above 0."""
    points = checked(series)
    if points.empty:
        raise HelpersError(f"need 1+ figures of {name}, got none")
    bad = points[~(points["value"] > 0)]
    if len(bad):
        raise HelpersError(f"figures must be above 0, {name} has {bad['value'].iloc[0]} ({bad['fact_id'].iloc[0]})")
    twice = points[points["period_end"].duplicated(keep=False)]
    if len(twice):
        named = ", ".join(map(str, twice["fact_id"].head(4)))
        raise HelpersError(
            f"need one figure of {name} per last day, got several for "
            f"{twice['period_end'].iloc[0].date()} ({named}): keep one length of period"
        )
    return points


def _open(reason: str, settles: str) -> tuple:
    return None, None, None, "", "", reason, settles


def _one_clock(origins: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The rows of the names, in their order: one each, of one clock."""
    missing = [c for c in (*_ORIGINS, "reason", "settles") if c not in origins]
    if missing:
        raise HelpersError(f"origins come from origins_by_day or origins_by_threshold; missing columns: {missing}")
    counts = origins["name"].value_counts()
    odd = [name for name in names if counts.get(name, 0) != 1]
    if odd or not names:
        raise HelpersError(
            f"need one origin for every entity, got none or several for: {', '.join(odd) or 'no entity'}"
        )
    rows = origins.set_index("name", drop=False).loc[names].reset_index(drop=True)
    if len(set(rows["clock"])) > 1:
        raise HelpersError(f"one comparison needs one clock, got {', '.join(sorted(set(rows['clock'])))}")
    return rows


def _origin_check(rows: pd.DataFrame) -> Check:
    lost = rows[rows["origin"].isna()]
    text = f"{len(rows) - len(lost)} of {len(rows)} origins are determined"
    text += "".join(f"; {row.name}: {row.reason}" for row in lost.itertuples(index=False))
    return Check(
        name="origins", passed=lost.empty, value=float(len(rows) - len(lost)), threshold=float(len(rows)), text=text
    )


def _text(clock: str, rows: pd.DataFrame, known: pd.DataFrame) -> str:
    said = ", ".join(f"{row.name} {_day(row)}" for row in known.itertuples(index=False))
    lost = rows.loc[rows["origin"].isna(), "name"]
    rest = f" Not determined: {', '.join(lost)}." if len(lost) else ""
    return f"Age counts from {clock}: {said}.{rest}"


def _day(row: Any) -> str:
    exact = row.origin_low == row.origin_high
    return f"{row.origin.date()}" + ("" if exact else f" ({row.origin_low.date()} to {row.origin_high.date()})")


def _at(name: str, points: pd.DataFrame, age: float) -> tuple:
    """One row of `at_age`."""
    first, last = points["age_years"].iloc[0], points["age_years"].iloc[-1]
    inside = first <= age <= last
    if not inside:
        side, end = ("before the first", first) if age < first else ("after the last", last)
        reason = f"age {age:g} lies {side} figure, at {end:.2f} years"
        return name, age, *[np.nan] * 4, "", "", reason, f"a figure of {name} at or beyond age {age:g}"
    b = int(np.searchsorted(points["age_years"].to_numpy(), age))
    on_point = points["age_years"].iloc[b] == age
    a = b if on_point else b - 1
    before, after = points.iloc[a], points.iloc[b]
    usable = pd.notna(before["value"]) if on_point else (0 < before["value"] < np.inf and 0 < after["value"] < np.inf)
    if not usable:
        reason = "a figure around the age is missing or not above 0: its logarithm is undefined"
        return name, age, *[np.nan] * 4, before["fact_id"], after["fact_id"], reason, f"figures of {name} above 0"
    value = _between(points, "age_years", "value", age)
    # the earliest origin makes every figure oldest (age_high), the latest youngest (age_low)
    reach = [_between(points, c, end, age) for c in ("age_low", "age_years", "age_high") for end in ("low", "high")]
    gap = after["age_years"] - before["age_years"]
    return name, age, value, np.min(reach), np.max(reach), gap, before["fact_id"], after["fact_id"], "", ""


def _between(points: pd.DataFrame, clock: str, column: str, age: float) -> float:
    """Log-linear interpolation of a column on one clock; NaN outside it or next to a value not above 0."""
    ages, values = points[clock].to_numpy(float), points[column].to_numpy(float)
    if not ages[0] <= age <= ages[-1]:
        return np.nan
    b = int(np.searchsorted(ages, age))
    if ages[b] == age:
        return float(values[b])
    lower, upper = values[b - 1], values[b]
    if not (0 < lower < np.inf and 0 < upper < np.inf):
        return np.nan
    part = (age - ages[b - 1]) / (ages[b] - ages[b - 1])
    return float(lower * (upper / lower) ** part)
