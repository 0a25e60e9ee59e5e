"""Numbers out of a sizing graph: ranges, scenarios, the swing of each driver, and which evidence would narrow most.

Everything comes from the same graph: the range from joint draws of its drivers (a Gaussian copula, see
`helpers.draws`), a scenario from drivers at stated quantiles of their own ranges, the tornado from one driver at a
time. Simulated ranges say what follows from the drivers' ranges, never whether those are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.draws import Inputs, ShapleyResult, draw, narrowing, shapley_effects, swings
from helpers.errors import ParameterError, UnknownNameError
from helpers.market.graph import Graph
from helpers.market.quality import spoken

COLUMNS = ["node", "label", "unit", "low", "base", "high", "mean", "level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingResult:
    """Ranges of nodes (simulated from the drivers' distributions).

    Attributes
    ----------
    table : DataFrame
        One row per node: node, label, unit, low, base (median), high, mean, level (share of draws between low and
        high).
    draws : dict of str to array, shape (n,)
        Of nodes and drivers, where they were to be kept; else empty.
    n, seed : int
    level : float
    graph : Graph
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    draws: dict[str, np.ndarray]
    n: int
    seed: int
    level: float
    graph: Graph
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]

    def range_of(self, node: str) -> tuple[float, float, float]:
        """Low, base and high of a node."""
        rows = self.table[self.table["node"].eq(node)]
        if rows.empty:
            raise UnknownNameError("node of the sizing", node, list(self.table["node"]))
        low, base, high = rows[["low", "base", "high"]].iloc[0]
        return float(low), float(base), float(high)


def simulate(
    graph: Graph,
    *,
    draws: int = 65_536,
    seed: int = 1,
    nodes: Iterable[str] | None = None,
    level: float = 0.9,
    keep: bool = False,
) -> SizingResult:
    """Draw the drivers together and size every node.

    Parameters
    ----------
    graph : Graph
    draws : int, default 65,536
        See `helpers.draws.draw`.
    seed : int
        The same seed gives the same numbers.
    nodes : iterable of str, optional
        Default: all. Ten million draws of one node take 160 MB.
    level : float, default 0.9
        The range holds the middle `level` of the draws, 0.5 to 0.99.
    keep : bool, default False
        Whether the draws of these nodes and of all drivers are handed on.

    Raises
    ------
    ParameterError, UnknownNameError
        A level out of bounds, an unknown node, a share that leaves 0 to 1 in some draw.
    """
    if not 0.5 <= level <= 0.99:
        raise ParameterError(f"level must lie between 0.5 and 0.99, got {level:g}")
    wanted = list(dict.fromkeys(graph.formulas if nodes is None else nodes))
    for node in wanted:
        if node not in graph.formulas and node not in graph.inputs.names:
            raise UnknownNameError("node", node, [*graph.formulas, *graph.inputs.names])
    found = _drawn(graph, wanted, draws, seed, [*graph.inputs.names] if keep else [])
    table = pd.DataFrame([_row(graph, node, found[node], level, keep) for node in wanted], columns=COLUMNS)
    ids = tuple(dict.fromkeys(fact for node in wanted for fact in graph.fact_ids(node)))
    return SizingResult(
        table=table, draws=found if keep else {}, n=draws, seed=seed, level=level, graph=graph, checks=graph.checks,
        fact_ids=ids, text=_said(table, draws, level),
    )  # fmt: skip


def _drawn(graph: Graph, nodes: list[str], draws: int, seed: int, drivers: list[str]) -> dict[str, np.ndarray]:
    found = {name: np.empty(draws) for name in (*nodes, *drivers)}
    formulas = [node for node in nodes if node in graph.formulas]
    start = 0
    for values in draw(graph.inputs, draws=draws, seed=seed):
        size = next((len(v) for v in values.values() if np.ndim(v)), draws - start)
        made = values | graph.evaluate(values, formulas)
        for name, kept in found.items():
            kept[start : start + size] = made[name]
        start += size
    return found


def _row(graph: Graph, node: str, values: np.ndarray, level: float, keep: bool) -> tuple:
    mean, tail = float(values.mean()), (1 - level) / 2
    low, base, high = np.quantile(values, [tail, 0.5, 1 - tail], overwrite_input=not keep)
    label = graph.labels.get(node, node)
    return node, label, graph.units[node], float(low), float(base), float(high), mean, level


def _said(table: pd.DataFrame, draws: int, level: float) -> str:
    row, unit = table.iloc[-1], table["unit"].iloc[-1]
    return (
        f"{row['label']}: {spoken(row['base'], unit)} ({spoken(row['low'], unit)} to {spoken(row['high'], unit)} "
        f"in the middle {level:.0%} of {draws:,} simulated draws)."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """Nodes under stated circumstances.

    Attributes
    ----------
    table : DataFrame
        One row per case and node: case, node, label, unit, value, ratio_to_base, changed (what differs from the base).
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def scenarios(
    graph: Graph, cases: Mapping[str, Mapping[str, float]], *, nodes: Iterable[str] | None = None
) -> ScenarioResult:
    """Nodes with some drivers at other quantiles of their own ranges, and the base beside them.

    Parameters
    ----------
    graph : Graph
    cases : mapping of str to mapping of str to float
        Case to driver to the probability of its quantile, 0 to 1. The base, all drivers at their medians, is always
        there.
    nodes : iterable of str, optional
        Default: all.

    Raises
    ------
    ParameterError, UnknownNameError
        A probability outside 0 to 1, a driver that the graph does not use.
    """
    wanted = list(graph.formulas if nodes is None else nodes) or list(graph.formulas)
    base = graph.medians()
    rows = []
    for case, changes in {"base": {}, **cases}.items():
        values = base | {name: _quantile(graph, case, name, p) for name, p in changes.items()}
        changed = "; ".join(_change(graph, name, base[name], values[name]) for name in changes)
        made, before = graph.evaluate(values, wanted), graph.evaluate(base, wanted)
        rows += [
            (case, node, graph.labels.get(node, node), graph.units[node], float(made[node]),
             float(made[node] / before[node]) if before[node] else np.nan, changed)
            for node in wanted
        ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["case", "node", "label", "unit", "value", "ratio_to_base", "changed"])
    ids = tuple(dict.fromkeys(fact for node in wanted for fact in graph.fact_ids(node)))
    first = table[table["node"].eq(wanted[0])]
    unit = str(first["unit"].iloc[0])
    ends = f"{spoken(first['value'].min(), unit)} to {spoken(first['value'].max(), unit)}"
    text = f"{first['label'].iloc[0]}: {ends} over {len(first)} cases."
    return ScenarioResult(table=table, checks=(), fact_ids=ids, text=text)


def _change(graph: Graph, name: str, before: float, after: float) -> str:
    unit = graph.units[name]
    return f"{graph.labels.get(name, name)} {spoken(after, unit)} (was {spoken(before, unit)})"


def _quantile(graph: Graph, case: str, name: str, p: float) -> float:
    if name not in graph.inputs.names:
        raise UnknownNameError(f"driver of scenario {case}", name, list(graph.inputs.names))
    if not 0 <= p <= 1:
        raise ParameterError(f"scenario {case} puts {name} at the quantile {p:g}, which lies between 0 and 1")
    return float(graph.drivers[name].distribution.quantile(p))


def tornado(graph: Graph, node: str, *, low: float = 0.1, high: float = 0.9) -> pd.DataFrame:
    """A node with one driver at two of its quantiles and the others at their medians.

    Parameters
    ----------
    graph : Graph
    node : str
    low, high : float
        Probabilities of the two quantiles.

    Returns
    -------
    DataFrame
        As `helpers.draws.swings`, with the column label.
    """
    table = swings(
        lambda values: float(graph.evaluate(values, [node])[node]), _beneath(graph, node), low=low, high=high
    )
    return table.assign(label=[graph.labels.get(name, name) for name in table["input"]])


def information(found: SizingResult, node: str, *, level: float = 0.9) -> pd.DataFrame:
    """What knowing each driver would do to a node's range: the value of information as a width.

    Parameters
    ----------
    found : SizingResult
        Simulated with ``keep=True``.
    node : str
    level : float

    Returns
    -------
    DataFrame
        As `helpers.draws.narrowing`, with the columns label and fact_ids.

    Raises
    ------
    ParameterError
        The draws were not kept.
    """
    if node not in found.draws:
        raise ParameterError(f"the draws of {node} were not kept: simulate with keep=True")
    graph = found.graph
    drawn = {name: found.draws[name] for name in graph.drivers_of(node) if name in graph.inputs.uncertain}
    table = narrowing(drawn, found.draws[node], level=level)
    return table.assign(
        label=[graph.labels.get(name, name) for name in table["input"]],
        fact_ids=[" ".join(graph.drivers[name].fact_ids) for name in table["input"]],
    )


def effects(graph: Graph, node: str, *, base: int = 2_048, seed: int = 1, level: float = 0.9) -> ShapleyResult:
    """Shapley effects of a node's drivers: shares of its variance that add up, correlated or not.

    Parameters
    ----------
    graph : Graph
    node : str
    base, seed, level
        As for `helpers.draws.shapley_effects`.

    Raises
    ------
    ParameterError
        More than 12 uncertain drivers, or a node that does not vary.
    """
    inputs = _beneath(graph, node)
    return shapley_effects(
        lambda values: graph.evaluate(values, [node])[node], inputs, base=base, seed=seed, level=level
    )


def _beneath(graph: Graph, node: str) -> Inputs:
    """The drivers of one node with their correlations."""
    names = graph.drivers_of(node)
    return Inputs(
        distributions={name: graph.inputs.distributions[name] for name in names},
        correlations={pair: r for pair, r in graph.inputs.correlations.items() if set(pair) <= set(names)},
    )
