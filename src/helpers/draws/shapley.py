"""Shapley effects: a fair division of an output's variance among inputs that may go together.

With v(u) = Var(E[y | x_u]) the worth of knowing the inputs u, an input's effect is the mean of what it adds over all
orders
of finding out (Owen 2014, SIAM/ASA J. Uncertainty Quantification 2, 245-251; Song, Nelson and Staum 2016, ibid. 4,
1060 to
1083). Effects are never negative in theory and sum to 1, correlated or not. Inputs of `helpers.draws` are a Gaussian
copula, so what remains of the others once u is known is drawn exactly, in normal scores, and v(u) is the covariance
of two outputs that share x_u and nothing else (pick-freeze).

What it cannot do: more than `MOST_INPUTS` inputs, for every subset of them is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import qmc

from helpers.checks import Check
from helpers.draws.joint import HALF_CELL, Inputs
from helpers.draws.sobol import Function, checked_inputs, evaluated, resampled
from helpers.errors import ParameterError

MOST_INPUTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapleyResult:
    """A division of variance.

    Attributes
    ----------
    table : DataFrame
        One row per uncertain input, the largest first: input, effect (sum 1), low, high, first (share of the variance
        that knowing it alone removes), total (share that remains if all others are known).
    mean, variance : float
        Of the output.
    level : float
    text : str
    checks : tuple of Check
    """

    table: pd.DataFrame
    mean: float
    variance: float
    level: float
    text: str
    checks: tuple[Check, ...]


def shapley_effects(
    function: Function, inputs: Inputs, *, base: int = 2**11, seed: int = 1, bootstraps: int = 100, level: float = 0.9
) -> ShapleyResult:
    """Shapley effects with intervals.

    Parameters
    ----------
    function : callable
        As for `helpers.draws.sobol_indices`.
    inputs : Inputs
        At most 12 uncertain ones, correlated or not.
    base : int, default 2^11
        Points, a power of 2; the function is evaluated at 2^inputs times as many.
    seed, bootstraps, level
        As for `helpers.draws.sobol_indices`.

    Raises
    ------
    ParameterError
        Too many inputs, none that is uncertain, correlations that contradict each other, an output that does not vary
        or is not finite.
    """
    names = checked_inputs(inputs, base, bootstraps, level)
    d = len(names)
    if d > MOST_INPUTS:
        raise ParameterError(
            f"Shapley effects take every subset of at most {MOST_INPUTS} inputs, got {d}: give those that move the "
            "output least as known numbers"
        )
    rng = np.random.default_rng(seed)
    free = ndtri(qmc.Sobol(2 * d, scramble=True, rng=rng).random(base).T + HALF_CELL)
    matrix = inputs.matrix
    scores = inputs.factor() @ free[:d]
    known = {name: given.mean for name, given in inputs.distributions.items() if given.is_certain}

    def output(z: np.ndarray) -> np.ndarray:
        drawn = {name: inputs.distributions[name].from_normal(row) for name, row in zip(names, z, strict=True)}
        return evaluated(function, known | drawn, base)

    y = output(scores)
    middle = float(y.mean())
    y = y - middle
    if not y.var() > 0:
        raise ParameterError("the output does not vary: no input explains anything")
    effects, first, last = np.zeros((base, d)), np.zeros((base, d)), np.zeros((base, d))
    for mask in range(1, 2**d):
        inside = np.array([bool(mask >> i & 1) for i in range(d)])
        other = y if inside.all() else output(_redrawn(scores, free[d:], matrix, inside)) - middle
        worth = y * other
        size = int(inside.sum())
        effects[:, inside] += _weight(size - 1, d) * worth[:, None]
        if size < d:
            effects[:, ~inside] -= _weight(size, d) * worth[:, None]
        if size == 1:
            first[:, inside] = worth[:, None]
        if size == d - 1:
            last[:, ~inside] = (y * y - worth)[:, None]
    table = _table(
        names, effects, first, last if d > 1 else y[:, None] ** 2, y, resampled(rng, base, bootstraps), level
    )
    return ShapleyResult(table=table, mean=middle, variance=float(y.var()), level=level, text=_said(table, level),
                         checks=(_together(table),))  # fmt: skip


def _weight(size: int, d: int) -> float:
    """Share of all orders in which a given set of `size` inputs comes right before a given input."""
    return factorial(size) * factorial(d - size - 1) / factorial(d)


def _redrawn(scores: np.ndarray, free: np.ndarray, matrix: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The inputs outside drawn anew, given those inside."""
    known, open_ = np.flatnonzero(inside), np.flatnonzero(~inside)
    lean = np.linalg.solve(matrix[np.ix_(known, known)], matrix[np.ix_(known, open_)]).T
    left = matrix[np.ix_(open_, open_)] - lean @ matrix[np.ix_(known, open_)]
    out = scores.copy()
    out[open_] = lean @ scores[known] + np.linalg.cholesky(left) @ free[open_]
    return out


def _table(
    names: tuple[str, ...], effects: np.ndarray, first: np.ndarray, last: np.ndarray, y: np.ndarray, counts: np.ndarray,
    level: float,
) -> pd.DataFrame:  # fmt: skip
    variance = counts @ (y * y)
    shares = counts @ effects / variance[:, None]
    tail = (1 - level) / 2
    low, high = np.quantile(shares[1:], [tail, 1 - tail], axis=0)
    table = pd.DataFrame(
        {"input": names, "effect": shares[0], "low": low, "high": high, "first": (counts[0] @ first) / variance[0],
         "total": (counts[0] @ last) / variance[0]}
    )  # fmt: skip
    return table.sort_values("effect", ascending=False, kind="stable", ignore_index=True)


def _said(table: pd.DataFrame, level: float) -> str:
    top = table.iloc[0]
    return (
        f"{top['input']} accounts for {top['effect']:.0%} of the variance ({top['low']:.0%} to {top['high']:.0%}, "
        f"{level:.0%} interval), shared fairly with what goes together with it."
    )


def _together(table: pd.DataFrame) -> Check:
    gap = float((table["first"] - table["total"]).abs().max())
    return Check(
        name="dependence", passed=None, value=gap,
        text=f"first and total shares differ by up to {gap:.0%}: inputs that go together tell of each other",
    )  # fmt: skip
