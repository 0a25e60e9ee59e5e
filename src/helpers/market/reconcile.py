"""Top-down meets bottom-up: the gap first, then what would close it, and only then a pooled number.

With D = ln(top-down) - ln(bottom-up), both from the same joint draws, so that a driver in both routes is one number.
The gap at the medians is split over the drivers by the most probable joint move that closes it: in independent standard
normal scores u, the shortest u with D(u) = 0: the design point of Hasofer and Lind (1974, J. Eng. Mech. 100, 111-121).
A driver's contribution is the
integral of
its part of dD along the straight line to that point, so contributions sum to the gap, and a driver that is known well
moves little. Where D is linear in jointly normal logarithms a contribution is Cov(part_i, D) / Var(D) times the gap.

Pooling weighs both routes by precision with their covariance (Winkler 1981, Management Science 27(4), 479-488). It is
withheld where the gap is larger than the ranges allow: then one of the routes is wrong, and no average mends it.

What the module cannot do: say which route is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from helpers.checks import Check
from helpers.draws import Distribution, LogNormal, Normal
from helpers.errors import NotEstimableError, ParameterError, UnitError
from helpers.market.graph import Graph
from helpers.market.quality import spoken
from helpers.market.sizing import simulate

STEPS = 1e-4
MOST_SHIFT = 2.0
"""A driver that would have to move further than this many of its standard deviations is named."""
PARTS = 8
COLUMNS = [
    *("input", "label", "route", "contribution_log", "share", "shift_sd", "value", "reconciled", "unit", "fact_ids")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileResult:
    """Two routes to one number.

    Attributes
    ----------
    top_down, bottom_up : tuple of float
        Low, base and high of each route, simulated.
    labels : tuple of str
        Of the two routes.
    unit : str
    gap_log : float
        ln(top-down) - ln(bottom-up) with every driver at its median.
    gap_low, gap_high : float
        Middle `level` of the gap over joint draws.
    gap_ratio : float
        exp(gap_log).
    is_consistent : bool
        Whether the gap's range holds 0.
    table : DataFrame
        One row per driver, the largest contribution first: input, label, route (top_down, bottom_up, both),
        contribution_log (sum: gap_log), share (of the gap), shift_sd (move of its normal score that closes the gap),
        value (median), reconciled, unit, fact_ids.
    pooled : tuple of float
        Low, base and high of the pooled number; NaN where the routes contradict each other.
    span : tuple of float
        Lowest and highest end of the two ranges.
    weight_top_down : float
        In the pooled number, 0 to 1; NaN where there is none.
    level : float
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    top_down: tuple[float, float, float]
    bottom_up: tuple[float, float, float]
    labels: tuple[str, str]
    unit: str
    gap_log: float
    gap_low: float
    gap_high: float
    gap_ratio: float
    is_consistent: bool
    table: pd.DataFrame
    pooled: tuple[float, float, float]
    span: tuple[float, float]
    weight_top_down: float
    level: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def reconcile(
    graph: Graph, *, top_down: str, bottom_up: str, draws: int = 65_536, seed: int = 1, level: float = 0.9
) -> ReconcileResult:
    """Hold two routes of a graph against each other.

    Parameters
    ----------
    graph : Graph
    top_down, bottom_up : str
        Nodes that size the same thing.
    draws, seed : int
        Of the joint simulation.
    level : float, default 0.9

    Raises
    ------
    UnknownNameError, UnitError, ParameterError
        An unknown node, two units or populations, one node given twice, a size that is not above 0.
    NotEstimableError
        The routes share every driver and cannot disagree, or no move of the drivers closes the gap.
    """
    _refuse_unlike(graph, top_down, bottom_up)
    found = simulate(graph, draws=draws, seed=seed, nodes=[top_down, bottom_up], level=level, keep=True)
    logs = [_logs(found.draws[node], node) for node in (top_down, bottom_up)]
    tail = (1 - level) / 2
    low, high = (float(q) for q in np.quantile(logs[0] - logs[1], [tail, 1 - tail]))
    move = _Move(graph, top_down, bottom_up)
    table = _table(graph, move, top_down, bottom_up)
    is_consistent = low <= 0 <= high
    pooled, weight = _pooled(*logs, level) if is_consistent else ((np.nan,) * 3, np.nan)
    ranges = [found.range_of(node) for node in (top_down, bottom_up)]
    labels = tuple(graph.labels.get(node, node) for node in (top_down, bottom_up))
    span = (min(r[0] for r in ranges), max(r[2] for r in ranges))
    return ReconcileResult(
        top_down=ranges[0], bottom_up=ranges[1], labels=labels, unit=graph.units[top_down], gap_log=move.gap,
        gap_low=low, gap_high=high, gap_ratio=float(np.exp(move.gap)), is_consistent=is_consistent, table=table,
        pooled=pooled, span=span, weight_top_down=weight, level=level,
        text=_said(labels, ranges, move.gap, table, pooled, graph.units[top_down]),
        checks=_checks(low, high, ranges, table, level, is_consistent), fact_ids=found.fact_ids,
    )  # fmt: skip


def _refuse_unlike(graph: Graph, top_down: str, bottom_up: str) -> None:
    one, other = graph.quality(top_down), graph.quality(bottom_up)
    if top_down == bottom_up:
        raise ParameterError(f"{top_down} cannot be reconciled with itself: name two routes")
    if one.unit != other.unit:
        raise UnitError(
            f"{top_down} is in {graph.units[top_down]} and {bottom_up} in {graph.units[bottom_up]}: both routes "
            f"size one thing"
        )
    if one.population and other.population and one.population != other.population:
        raise UnitError(f"{top_down} counts {one.population} and {bottom_up} counts {other.population}")
    if set(graph.drivers_of(top_down)) == set(graph.drivers_of(bottom_up)):
        raise NotEstimableError(
            f"the gap of {top_down} and {bottom_up}", "both rest on the same drivers and cannot disagree",
            "a route of other drivers",
        )  # fmt: skip


def _logs(values: np.ndarray, node: str) -> np.ndarray:
    if not (values > 0).all():
        raise ParameterError(f"{node} is {values.min():.4g} in some draw: a size that is compared lies above 0")
    return np.log(values)


class _Move:
    """The most probable joint move of the drivers that closes the gap.

    Attributes
    ----------
    names : list of str
        Uncertain drivers of either route.
    gap : float
        D at the medians.
    scores : array, shape (n,)
        Normal scores of the drivers at the closed gap.
    contributions : array, shape (n,)
        Their sum is the gap.
    """

    def __init__(self, graph: Graph, top_down: str, bottom_up: str) -> None:
        self._graph, self._nodes = graph, (top_down, bottom_up)
        beneath = {*graph.drivers_of(top_down), *graph.drivers_of(bottom_up)}
        every = graph.inputs.uncertain
        keep = [i for i, name in enumerate(every) if name in beneath]
        self.names = [every[i] for i in keep]
        self._known = {n: float(graph.drivers[n].distribution.quantile(0.5)) for n in beneath if n not in self.names}
        matrix = graph.inputs.matrix[np.ix_(keep, keep)]
        self._factor = np.linalg.cholesky(matrix) if keep else matrix
        self.gap = self._difference(np.zeros((1, len(keep))))[0]
        self.scores = self._factor @ self._closest()
        self.contributions = self._split()

    def values(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Drivers at normal scores, shape (m, n)."""
        drawn = {n: _at_scores(self._graph.drivers[n].distribution, scores[:, i]) for i, n in enumerate(self.names)}
        return self._known | drawn

    def _difference(self, scores: np.ndarray) -> np.ndarray:
        made = self._graph.evaluate(self.values(scores), self._nodes)
        return np.log(made[self._nodes[0]]) - np.log(made[self._nodes[1]]) + np.zeros(len(scores))

    def _slopes(self, scores: np.ndarray) -> np.ndarray:
        """dD / d score at each row, shape (m, n), by central differences."""
        m, n = scores.shape
        ends = [scores[:, None, :] + sign * STEPS * np.eye(n)[None] for sign in (1, -1)]
        up, down = (self._difference(part.reshape(m * n, n)).reshape(m, n) for part in ends)
        return (up - down) / (2 * STEPS)

    def _closest(self) -> np.ndarray:
        """The shortest move in independent scores, the gap closed in steps so that each starts near its end."""
        u = np.zeros(len(self.names))
        for part in np.linspace(0, 1, PARTS + 1)[1:]:
            goal = self.gap * (1 - part)
            limit = {"type": "eq", "fun": lambda v, goal=goal: self._at(v) - goal, "jac": self._slope_at}
            u = minimize(
                lambda v: float(v @ v) / 2, u, jac=lambda v: v, method="SLSQP", constraints=[limit],
                options={"maxiter": 200, "ftol": 1e-13},
            ).x  # fmt: skip
        if abs(self._at(u)) > 1e-6 * max(1.0, abs(self.gap)):
            raise NotEstimableError(
                f"what closes the gap of {self._nodes[0]} and {self._nodes[1]}",
                "no move of the drivers inside their ranges does", "wider ranges, or another route",
            )  # fmt: skip
        return u

    def _at(self, u: np.ndarray) -> float:
        return float(self._difference((self._factor @ u)[None])[0])

    def _slope_at(self, u: np.ndarray) -> np.ndarray:
        return self._factor.T @ self._slopes((self._factor @ u)[None])[0]

    def _split(self) -> np.ndarray:
        """Integral of each driver's part of dD from the medians to the closed gap."""
        at, weights = np.polynomial.legendre.leggauss(32)
        path = (at[:, None] + 1) / 2 * self.scores[None, :]
        return -(weights[:, None] / 2 * self._slopes(path) * self.scores[None, :]).sum(axis=0)


def _at_scores(given: Distribution, z: np.ndarray) -> np.ndarray:
    """Exact quantiles (the tables for millions of draws have small kinks), far tails of normal ones included."""
    return given.from_normal(z) if isinstance(given, Normal | LogNormal) else given.quantile(ndtr(z))


def _table(graph: Graph, move: _Move, top_down: str, bottom_up: str) -> pd.DataFrame:
    above, below = set(graph.drivers_of(top_down)), set(graph.drivers_of(bottom_up))
    closed = move.values(move.scores[None])
    rows = [
        (name, graph.labels.get(name, name),
         "both" if name in above & below else "top_down" if name in above else "bottom_up",
         float(part), float(part / move.gap) if move.gap else np.nan, float(score),
         float(graph.drivers[name].distribution.quantile(0.5)), float(closed[name][0]), graph.units[name],
         " ".join(graph.drivers[name].fact_ids))
        for name, part, score in zip(move.names, move.contributions, move.scores, strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = table["contribution_log"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _pooled(one: np.ndarray, other: np.ndarray, level: float) -> tuple[tuple[float, float, float], float]:
    """Precision-weighted mean of the logarithms; weights stay in 0 to 1, so the outcome lies between the routes."""
    covariance = np.cov(one, other)
    spread = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    weight = float(np.clip((covariance[1, 1] - covariance[0, 1]) / spread, 0, 1))
    shares = np.array([weight, 1 - weight])
    mean = float(shares @ [np.median(one), np.median(other)])
    reach = np.sqrt(float(shares @ covariance @ shares)) * float(ndtri((1 + level) / 2))
    return (float(np.exp(mean - reach)), float(np.exp(mean)), float(np.exp(mean + reach))), weight


def _said(labels: tuple[str, ...], ranges: list, gap: float, table: pd.DataFrame, pooled: tuple, unit: str) -> str:
    above = "above" if gap > 0 else "below"
    first = table.iloc[0]
    text = (
        f"{labels[0]} ({spoken(ranges[0][1], unit)}) lies {abs(np.expm1(gap)):.0%} {above} {labels[1]} "
        f"({spoken(ranges[1][1], unit)}); {first['label']} is the largest part of what would close the gap "
        f"({first['share']:.0%})."
    )
    if not np.isnan(pooled[1]):
        both = f"{spoken(pooled[1], unit)} ({spoken(pooled[0], unit)} to {spoken(pooled[2], unit)})"
        return f"{text} The ranges allow that gap; weighed by precision both give {both}."
    return (
        f"{text} The ranges do not allow that gap: one route is wrong or the two count different things, so they are "
        "not pooled."
    )


def _checks(
    low: float, high: float, ranges: list, table: pd.DataFrame, level: float, is_consistent: bool
) -> tuple[Check, ...]:
    overlap = ranges[0][0] <= ranges[1][2] and ranges[1][0] <= ranges[0][2]
    far = table[table["shift_sd"].abs().gt(MOST_SHIFT)]
    named = f": {', '.join(far['label'])}" if len(far) else ""
    return (
        Check(
            name="gap", passed=is_consistent, value=0.0, threshold=low if low > 0 else high,
            text=f"the gap in logarithms lies between {low:.2f} and {high:.2f} in the middle {level:.0%} of draws",
        ),
        Check(name="overlap", passed=bool(overlap), text=f"the two ranges {'do' if overlap else 'do not'} overlap"),
        Check(
            name="moves", passed=far.empty, value=float(table["shift_sd"].abs().max()), threshold=MOST_SHIFT,
            text=f"{len(far)} drivers would have to move by more than {MOST_SHIFT:g} standard deviations{named}",
        ),
    )  # fmt: skip
