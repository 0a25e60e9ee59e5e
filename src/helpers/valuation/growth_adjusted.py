"""Multiples over growth: price to earnings to growth (PEG), and the same for sales.

``growth-adjusted multiple = multiple / (100 x growth a year)``: 20 times earnings that grow 25 % a year are 0.8.
The measure is Farina's (1969) and Lynch's (1989). What this module cannot do: make it right. It takes value as
straight in growth, which it is not, knows neither risk nor how long growth lasts, and explodes
where growth is small; below 0 it means nothing and is refused. A regression on growth says more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError
from helpers.units import in_words
from helpers.valuation.dated import days_of, numbers_of
from helpers.valuation.figures import ids
from helpers.valuation.multiples import MultiplesResult

MAX_GROWTH = 3.0
"""Growth above 300 % a year says nothing about a multiple, and is most often a percentage."""

SMALL_GROWTH = 0.03
"""Below 3 % a point of growth moves the measure by a third and more."""

_COLUMNS = ("metric", "growth", "known_on", "fact_id")
_TABLE = (
    *(
        "date",
        "metric",
        "price_kind",
        "name",
        "growth_adjusted",
        "low",
        "high",
        "multiple",
        "growth",
        "reason",
        "settles",
    ),
    *("price_fact_id", "denominator_fact_id", "growth_fact_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrowthAdjustedResult:
    """Multiples over growth in percent.

    Attributes
    ----------
    table : DataFrame
        One row per row of the multiples: date, metric, price_kind, name (price_to_earnings_to_growth),
        growth_adjusted, low, high, multiple, growth (a year, 0.25 is 25 %), reason and settles (where there is
        none), price_fact_id, denominator_fact_id, growth_fact_id.
    text : str
        One sentence for each price kind and metric on its last stated figure.
    checks : tuple of Check
        ``small_growth``: figures that rest on growth below 3 %.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def growth_adjusted(multiples: MultiplesResult, growth: pd.DataFrame) -> GrowthAdjustedResult:
    """Each multiple over the growth of its own denominator that was known on its day.

    Parameters
    ----------
    multiples : MultiplesResult
        From `dated_multiples`.
    growth : DataFrame
        metric (that of the multiple: growth of profit for a price over profit), growth (a year, as a share,
        -1 to 3), known_on, fact_id; optional low, high. The last one known by the day counts.

    Returns
    -------
    GrowthAdjustedResult
        NaN with the reason where there is no multiple, no growth was known, or it is not above 0.

    Raises
    ------
    HelpersError
        A column or a day is missing, or two rates of one metric became known on one day.
    ParameterError
        Growth is out of range, such as 24 for 24 %.
    """
    rates = _checked(growth)
    table = multiples.table
    chosen = [_known(rates, row.metric, row.date) for row in table.itertuples(index=False)]
    rate = rates.reindex(chosen).reset_index(drop=True)
    reason, settles = _why(table, rate)
    percent = (100 * rate[["growth", "low", "high"]]).where(rate["growth"] > 0)
    stated = reason == ""
    # an end of the interval at or below 0 bounds nothing
    safest = percent["low"].where(percent["low"] > 0)
    out = table.assign(
        growth_adjusted=(table["multiple"] / percent["growth"]).where(stated),
        low=(table["low"] / percent["high"]).where(stated),
        high=(table["high"] / safest).where(stated & safest.notna(), np.where(stated, np.inf, np.nan)),
        growth=rate["growth"],
        reason=reason,
        settles=settles,
        name=table["name"] + "_to_growth",
        growth_fact_id=rate["fact_id"],
    )
    out = out[list(_TABLE)]
    kept = out[stated]
    return GrowthAdjustedResult(
        table=out,
        text=_text(kept),
        checks=(_small(kept),),
        fact_ids=ids([*kept["price_fact_id"], *kept["denominator_fact_id"], *kept["growth_fact_id"]]),
    )


def _checked(growth: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in _COLUMNS if column not in growth]
    if missing:
        raise HelpersError(f"growth needs the columns {', '.join(_COLUMNS)}; missing: {missing}")
    rows = growth[list(_COLUMNS)].reset_index(drop=True)
    given = growth.reset_index(drop=True)
    rows["growth"] = numbers_of(given, "growth", what="row of growth")
    as_rate("growth", rows["growth"].to_numpy(float), low=-1.0, high=MAX_GROWTH)
    rows["known_on"] = days_of(given, what="row of growth", column="known_on", or_empty=True)
    if rows["known_on"].isna().any():
        raise HelpersError(f"growth needs known_on, missing for {rows.loc[rows['known_on'].isna(), 'fact_id'].iloc[0]}")
    for end in ("low", "high"):
        rows[end] = numbers_of(given, end, what="row of growth").fillna(rows["growth"])
        as_rate(f"{end} end of growth", rows[end].to_numpy(float), low=-1.0, high=MAX_GROWTH)
    crossed = rows[(rows["low"] > rows["growth"]) | (rows["growth"] > rows["high"])]
    if len(crossed):
        row = crossed.iloc[0]
        raise HelpersError(
            f"growth needs low <= growth <= high, got {row['growth']:g} ({row['low']:g} to {row['high']:g}) of "
            f"{row['fact_id']}"
        )
    twice = rows[rows.duplicated(["metric", "known_on"], keep=False)]
    if len(twice):
        raise HelpersError(
            f"need one growth of {twice['metric'].iloc[0]} known on {twice['known_on'].iloc[0].date()}, got "
            f"{', '.join(twice['fact_id'].head(4))}: prefer one"
        )
    return rows.sort_values("known_on", ignore_index=True)


def _known(rates: pd.DataFrame, metric: str, day: pd.Timestamp) -> int:
    """Position of the last rate of a metric known by a day; -1 if none."""
    known = np.flatnonzero((rates["metric"] == metric) & (rates["known_on"] <= day))
    return int(known[-1]) if len(known) else -1


def _why(table: pd.DataFrame, rate: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Why there is no figure, and what would settle it; both empty if there is one."""
    day = table["date"].dt.strftime("%Y-%m-%d")
    below = "not meaningful: growth of " + (100 * rate["growth"]).map("{:.1f}".format) + " % is not above 0"
    cases = [
        (table["multiple"].isna(), table["reason"], ""),
        (rate["growth"].isna(), "no growth of " + table["metric"] + " was known on " + day,
         "growth of " + table["metric"] + " published by " + day),
        (~(rate["growth"] > 0), below, ""),
    ]  # fmt: skip
    when = [case.to_numpy(bool) for case, _, _ in cases]
    reason, settles = (
        np.select(when, [np.broadcast_to(np.asarray(case[i], object), len(table)) for case in cases], "")
        for i in (1, 2)
    )
    return reason, settles


def _text(stated: pd.DataFrame) -> str:
    last = stated.groupby(["price_kind", "metric"]).tail(1).sort_values(["metric", "price_kind"])
    said = [
        f"On {row.date.date()} the multiple of {row.metric}, {in_words(row.multiple)}, was "
        f"{in_words(row.growth_adjusted)} times its growth of {100 * row.growth:.1f} % a year."
        for row in last.itertuples(index=False)
    ]
    return " ".join(said) or "No multiple could be held against growth."


def _small(stated: pd.DataFrame) -> Check:
    small = int((stated["growth"] < SMALL_GROWTH).sum())
    return Check(
        name="small_growth",
        passed=None if stated.empty else small == 0,
        value=float(small),
        threshold=0.0,
        text=f"{small} of {len(stated)} figures rest on growth below {100 * SMALL_GROWTH:.0f} %: they explode there",
    )
