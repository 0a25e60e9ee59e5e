"""Every node of a market, year by year, with its range and what the year stands on.

Each year is a graph of its own. Growth between two years is taken from joint draws: what lies beneath the node is drawn
with the same random numbers in both, so a driver that is high in one year is high in the other, and growth is narrower
than the two ranges suggest. What the module cannot do: know how far the errors of two years really go together; one
draw for both is one answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import NotEstimableError, ParameterError
from helpers.market.fill import BASES, FilledMarket
from helpers.market.formula import names_in
from helpers.market.plan import MarketPlan
from helpers.market.sizing import SizingResult, simulate

COLUMNS = ["year", "node", "label", "unit", "low", "base", "high", "basis", "is_ahead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSeries:
    """A market over the years (simulated from the drivers' distributions).

    Attributes
    ----------
    filled : FilledMarket
    sized : dict of int to SizingResult
        By year.
    table : DataFrame
        One row per year and node: year, node, label, unit, low, base, high, basis (the weakest of the drivers beneath:
        facts, assumption, line, forecast), is_ahead (a driver beneath lies after what is known of it).
    missing : DataFrame
        Years in which a node has no size: year, node, reason.
    level : float
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    filled: FilledMarket
    sized: dict[int, SizingResult]
    table: pd.DataFrame
    missing: pd.DataFrame
    level: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]

    def of(self, node: str) -> pd.DataFrame:
        """Rows of one node.

        Raises
        ------
        NotEstimableError
            It has no size in any year.
        """
        rows = self.table[self.table["node"].eq(node)]
        if rows.empty:
            raise NotEstimableError(node, "no year has all of its drivers", "facts or ranges for its drivers")
        return rows


def size_years(filled: FilledMarket, *, draws: int = 16_384, seed: int = 1, level: float = 0.9) -> MarketSeries:
    """Simulate every year of a market.

    Parameters
    ----------
    filled : FilledMarket
    draws : int, default 16,384
        For each year.
    seed : int
        The same for all years.
    level : float, default 0.9

    Raises
    ------
    NotEstimableError
        No year can be sized.
    """
    plan, sized, missing = filled.plan, {}, []
    for year in plan.years:
        try:
            graph = filled.graph(year)
        except NotEstimableError as error:
            missing += [(year, node, error.reason) for node in plan.formulas]
            continue
        sized[year] = simulate(graph, draws=draws, seed=seed, level=level)
        missing += [(year, node, _lacking(filled, node, year)) for node in plan.formulas if node not in graph.formulas]
    if not sized:
        raise NotEstimableError(plan.label, "no year has the drivers of any formula", "facts or ranges of one year")
    table = pd.concat([_rows(filled, year, found) for year, found in sized.items()], ignore_index=True)
    lost = pd.DataFrame(missing, columns=["year", "node", "reason"])
    return MarketSeries(
        filled=filled, sized=sized, table=table, missing=lost, level=level, text=_said(filled, table, level),
        checks=(*filled.checks, _complete(lost, plan)), fact_ids=filled.fact_ids,
    )  # fmt: skip


def growth_between(
    series: MarketSeries, node: str, start: int, end: int, *, seed: int = 1
) -> tuple[float, float, float]:
    """Compound growth of a node a year between two years, from joint draws.

    Parameters
    ----------
    series : MarketSeries
    node : str
    start, end : int
        Two sized years, in order.
    seed : int
        Of the draws.

    Returns
    -------
    low, base, high : float
        Shares a year; the middle `level` of the series, and the median.

    Raises
    ------
    ParameterError
        A year that is not sized, or an end not after the start.
    """
    graphs = [series.filled.graph(year) for year in (start, end)] if start < end else []
    if not graphs or any(node not in graph.formulas for graph in graphs):
        raise ParameterError(f"growth of {node} needs two sized years in order, got {start} and {end}")
    graphs = [graph.only(node) for graph in graphs]  # the same drivers get the same random numbers
    drawn = [simulate(graph, draws=16_384, seed=seed, nodes=[node], keep=True).draws[node] for graph in graphs]
    rate = (drawn[1] / drawn[0]) ** (1 / (end - start)) - 1
    tail = (1 - series.level) / 2
    low, base, high = np.quantile(rate, [tail, 0.5, 1 - tail])
    return float(low), float(base), float(high)


def _rows(filled: FilledMarket, year: int, found: SizingResult) -> pd.DataFrame:
    graph = found.graph
    stands = filled.table[filled.table["year"].eq(year)].set_index("driver")
    rows = found.table[found.table["node"].isin(graph.formulas)].assign(year=year)
    beneath = {node: stands.loc[list(graph.drivers_of(node))] for node in rows["node"]}
    return rows.assign(
        basis=[max(beneath[node]["basis"], key=BASES.index) for node in rows["node"]],
        is_ahead=[bool(beneath[node]["is_ahead"].any()) for node in rows["node"]],
    )[COLUMNS]


def _lacking(filled: FilledMarket, node: str, year: int) -> str:
    """Which drivers beneath a node have no number in a year."""
    open_names, lacking = [node], []
    while open_names:
        name = open_names.pop()
        if name in filled.plan.formulas:
            open_names += names_in(filled.plan.formulas[name])
        elif (name, year) not in filled.drivers and name not in lacking:
            lacking.append(name)
    labels = [filled.plan.labels.get(name, name) for name in sorted(lacking)]
    return f"no number for {', '.join(labels)}"


def _said(filled: FilledMarket, table: pd.DataFrame, level: float) -> str:
    years = sorted(table["year"].unique())
    return (
        f"{filled.plan.label}: sized for {len(years)} years, {years[0]} to {years[-1]}; ranges hold the middle "
        f"{level:.0%} of simulated draws of the drivers."
    )


def _complete(lost: pd.DataFrame, plan: MarketPlan) -> Check:
    return Check(
        name="years", passed=lost.empty, value=float(len(lost)), threshold=0.0,
        text=f"{len(lost)} of {len(plan.years) * len(plan.formulas)} node-years have no size for want of a driver",
    )  # fmt: skip
