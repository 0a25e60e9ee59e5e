"""The last period that several series share and the same period a year earlier, split by factors or segments.

What the module cannot do: see a change of definition between the two periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from helpers.errors import HelpersError, NotEstimableError, UnitError
from helpers.growth.cells import days_of, is_empty, numbers_of
from helpers.growth.contributions import ContributionResult, PublishedTotal, contributions
from helpers.growth.decomposition import DecompositionResult, decompose
from helpers.growth.levels import from_levels
from helpers.units import needs_currency

_NEEDED = ("metric", "period_start", "period_end", "value", "currency", "fact_id")


def year_pair(series: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The figures of the last period for which all are known, and of the same period a year earlier.

    Parameters
    ----------
    series : DataFrame
        Of one entity: metric, period_start, period_end, value, currency (empty where not money), fact_id; optional
        low, high. One row per metric and period.
    metrics : sequence of str
        All of them are needed.

    Returns
    -------
    DataFrame
        Two rows for each metric, start then end: side, metric, period_start, period_end, value, low, high, currency,
        fact_id.

    Raises
    ------
    HelpersError
        A column is missing, or a metric has two figures of one period.
    NotEstimableError
        No period and the one a year before it have all the figures; it says which came nearest.
    """
    missing = [column for column in _NEEDED if column not in series]
    if missing:
        raise HelpersError(f"series need the columns {', '.join(_NEEDED)}; missing: {missing}")
    rows = series[series["metric"].isin(list(metrics))]
    rows = rows.assign(value=numbers_of(rows, "value"), **{c: days_of(rows, c) for c in ("period_start", "period_end")})
    rows = rows[rows["value"].notna()]  # a period without its figure is one that is missing
    ends = {c: numbers_of(rows, c, is_finite=False) if c in rows else rows["value"] for c in ("low", "high")}
    ends = {c: given.fillna(rows["value"]) for c, given in ends.items()}
    currency = ["" if is_empty(name) else str(name) for name in rows["currency"]]
    rows = rows.assign(metric=rows["metric"].astype(str), currency=currency, **ends)
    twice = rows[rows.duplicated(["metric", "period_start", "period_end"], keep=False)]
    if len(twice):
        raise HelpersError(
            f"need one figure per metric and period, got {', '.join(map(str, twice['fact_id'].head(4)))}"
        )
    periods = {key: set(group["metric"]) for key, group in rows.groupby(["period_start", "period_end"])}
    found = [key for key in periods if _both(periods, key, metrics)]
    if not found:
        raise _no_pair(periods, metrics)
    last = max(found, key=lambda key: (key[1], key[0]))
    keep = ["side", "metric", "period_start", "period_end", "value", "low", "high", "currency", "fact_id"]
    sides = [rows[rows["period_end"].eq(e) & rows["period_start"].eq(s)] for s, e in (_earlier(last), last)]
    pair = pd.concat([side.assign(side=name) for name, side in zip(("start", "end"), sides, strict=True)])
    return pair.sort_values("metric", key=lambda m: m.map({name: i for i, name in enumerate(metrics)}), kind="stable")[
        keep
    ].reset_index(drop=True)


def _both(periods: Mapping[tuple, set[str]], key: tuple, metrics: Sequence[str]) -> bool:
    return set(metrics) <= periods[key] and set(metrics) <= periods.get(_earlier(key), set())


def _earlier(key: tuple[pd.Timestamp, pd.Timestamp]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The same period a year before; a month's last day stays the last."""
    start, end = (day - pd.DateOffset(years=1) for day in key)
    return start, end + pd.offsets.MonthEnd(0) if key[1].is_month_end else end


def _no_pair(periods: Mapping[tuple, set[str]], metrics: Sequence[str]) -> NotEstimableError:
    named = ", ".join(metrics)
    settles = f"{named} of one period and of the same a year earlier"
    if not periods:
        return NotEstimableError(f"the change of {named}", "none of them is known", settles)
    best = max(periods, key=lambda k: (len(periods[k]) + len(periods.get(_earlier(k), ())), k[1]))
    lacks = [f"{m} to {k[1].date()}" for k in (best, _earlier(best)) for m in metrics if m not in periods.get(k, ())]
    return NotEstimableError(f"the change of {named} over a year", f"missing: {', '.join(lacks)}", settles)


def decompose_levels(series: pd.DataFrame, *, chain: Sequence[str], units: Mapping[str, str]) -> DecompositionResult:
    """The last yearly change of the chain's last level, split over its factors: users, GMV a user, take rate.

    The text names the period.

    Parameters
    ----------
    series : DataFrame
        As for `year_pair`.
    chain : sequence of str
        Metrics, each divided by the one before, as for `helpers.growth.from_levels`.
    units : mapping of str to str
        Unit of each.

    Raises
    ------
    HelpersError, UnitError, NotEstimableError
        As for `year_pair`, `from_levels` and `decompose`.
    """
    pair = year_pair(series, chain)
    money = sorted(set(pair["currency"]) - {""})
    if len(money) > 1:
        raise UnitError(f"one chain needs one currency, got {' and '.join(money)}: convert first")
    wide = pair.pivot_table(index="side", columns="metric", values="value").loc[["start", "end"]].reset_index()
    factors = from_levels(wide.assign(currency=money[0] if money else ""), chain=chain, units=units)
    names = [column for column in factors if column not in ("currency", chain[-1])]
    if not needs_currency(units[chain[-1]]):
        factors = factors.drop(columns="currency")  # that of a factor, not of the total
    found = decompose(
        factors.iloc[[0]], factors.iloc[[1]], factors=names, aggregate=chain[-1], fact_ids=tuple(pair["fact_id"])
    )
    return replace(found, text=f"{_span(pair)}: {chain[-1]} went from {found.text.removeprefix('From ')}")


def _span(pair: pd.DataFrame) -> str:
    """Which period stands against which."""
    start, end = (pair[pair["side"].eq("end")][f"period_{side}"].iloc[0].date() for side in ("start", "end"))
    return f"{start} to {end} against a year before"


def contributions_of(series: pd.DataFrame, *, segments: Sequence[str], total: str) -> ContributionResult:
    """Points of the last yearly growth of a total that each of its segments brought.

    The text names the period.

    Parameters
    ----------
    series : DataFrame
        As for `year_pair`.
    segments : sequence of str
        Metrics that are parts of `total`.
    total : str
        Its metric.

    Raises
    ------
    HelpersError, UnitError, NotEstimableError
        As for `year_pair` and `contributions`.
    """
    pair = year_pair(series, [*segments, total])
    start, end = (pair[pair["side"].eq(side)].set_index("metric") for side in ("start", "end"))
    sides, listed = (("start", start), ("end", end)), list(segments)
    columns = ("value", "low", "high")
    parts = {f"{side}_{c}": rows.loc[listed, c].to_numpy() for side, rows in sides for c in (*columns, "fact_id")}
    whole = {f"{side}_{c}": float(rows.at[total, c]) for side, rows in sides for c in columns}
    currency = end.loc[listed, "currency"].to_numpy()
    table = pd.DataFrame({"segment": listed, **parts, "currency": currency})
    published = PublishedTotal(**whole, fact_ids=(start.at[total, "fact_id"], end.at[total, "fact_id"]))
    found = contributions(table, total=published)
    return replace(found, text=f"{_span(pair)}: {total}{found.text.removeprefix('The total')}")
