"""Sobol indices: the share of an output's variance that each input explains alone, and together with others.

    first order  S_i = Var(E[y | x_i]) / Var(y)
    total        T_i = E[Var(y | all but x_i)] / Var(y)

(Sobol' 1993, Mathematical Modelling and Computational Experiment 1, 407-414). Two samples A and B come from one
scrambled Sobol sequence of twice the dimension, so that they do not tell of each other; AB_i is A with column i of B.
First order by mean(f(B) (f(AB_i) - f(A))) (Saltelli et al. 2010, Computer Physics Communications 181, 259-270), total
by mean((f(A) - f(AB_i))^2) / 2 (Jansen 1999, ibid. 117, 35-43), the outputs centred first. Intervals resample the rows;
as Sobol points err less than independent ones, they are wider than they need be.

What it cannot do: inputs that go together. For them the two shares answer different questions and
`helpers.draws.shapley_effects` divides the variance fairly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import qmc

from helpers.checks import Check
from helpers.draws.joint import HALF_CELL, Inputs
from helpers.errors import ParameterError

Function = Callable[[Mapping[str, np.ndarray | float]], np.ndarray]
MOST_BASE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SobolResult:
    """Shares of variance.

    Attributes
    ----------
    table : DataFrame
        One row per uncertain input, the largest total first: input, first, first_low, first_high, total, total_low,
        total_high.
    pairs : DataFrame
        One row per pair where asked for: input, other, second (share of the variance of the two together beyond each
        alone); else empty.
    mean, variance : float
        Of the output.
    level : float
        Of the intervals.
    text : str
    checks : tuple of Check
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    mean: float
    variance: float
    level: float
    text: str
    checks: tuple[Check, ...]


def sobol_indices(
    function: Function,
    inputs: Inputs,
    *,
    base: int = 2**14,
    seed: int = 1,
    bootstraps: int = 100,
    level: float = 0.9,
    pairs: bool = False,
) -> SobolResult:
    """First-order and total Sobol indices with intervals.

    Parameters
    ----------
    function : callable
        Takes a value or an array, shape (base,), per input by name, and gives an array, shape (base,).
    inputs : Inputs
        Without correlations.
    base : int, default 2^14
        Points, a power of 2 from 64 to 2^20; the function is evaluated at (inputs + 2) times as many.
    seed : int
        Of the scrambling and the resampling.
    bootstraps : int, default 100
        Resamples, 20 or more.
    level : float, default 0.9
        Of the intervals.
    pairs : bool, default False
        Whether every pair is taken too.

    Raises
    ------
    ParameterError
        Correlated inputs, no uncertain input, a base that is no power of 2, an output that does not vary or is not
        finite.
    """
    names = checked_inputs(inputs, base, bootstraps, level)
    if inputs.correlations:
        listed = ", ".join(f"{a} and {b}" for a, b in list(inputs.correlations)[:3])
        raise ParameterError(f"Sobol indices need independent inputs, {listed} go together: use shapley_effects")
    rng = np.random.default_rng(seed)
    points = qmc.Sobol(2 * len(names), scramble=True, rng=rng).random(base).T
    scores = ndtri(points + HALF_CELL)
    drawn = [inputs.distributions[name].from_normal(z) for name, z in zip(names * 2, scores, strict=True)]
    first, second = (dict(zip(names, half, strict=True)) for half in (drawn[: len(names)], drawn[len(names) :]))
    known = {name: given.mean for name, given in inputs.distributions.items() if given.is_certain}
    f_a, f_b = (evaluated(function, known | values, base) for values in (first, second))
    middle = (f_a.mean() + f_b.mean()) / 2
    f_a, f_b = f_a - middle, f_b - middle
    mixed = {
        subset: evaluated(function, known | first | {name: second[name] for name in subset}, base) - middle
        for subset in _subsets(names, pairs)
    }
    terms = [part for name in names for part in (f_b * (mixed[name,] - f_a), (f_a - mixed[name,]) ** 2 / 2)]
    counts = resampled(rng, base, bootstraps)
    indices = _shares(np.stack([*terms, f_a, f_b, f_a**2, f_b**2], axis=1), counts)
    variance = float(np.concatenate([f_a, f_b]).var())
    if not variance > 0:
        raise ParameterError("the output does not vary: no input explains anything")
    table = _table(names, indices, level)
    return SobolResult(
        table=table, pairs=_pairs(names, mixed, f_a, f_b, variance) if pairs else _pairs((), {}, f_a, f_b, variance),
        mean=float(middle), variance=variance, level=level, text=_said(table, level), checks=(_alone(table),),
    )  # fmt: skip


def evaluated(function: Function, values: Mapping[str, np.ndarray | float], size: int) -> np.ndarray:
    """The function's output as an array, refused where it is not one finite number for each draw."""
    found = np.asarray(function(values), float)
    if found.shape == ():
        found = np.full(size, float(found))
    if found.shape != (size,):
        raise ParameterError(f"the function gives an array of shape {found.shape} for {size} draws: need one for one")
    if not np.isfinite(found).all():
        raise ParameterError(f"the function gives {int((~np.isfinite(found)).sum())} outputs that are not finite")
    return found


def resampled(rng: np.random.Generator, size: int, times: int) -> np.ndarray:
    """How often each row is drawn: all once, then `times` resamples, each row of sum 1."""
    counts = np.empty((times + 1, size))
    counts[0] = 1
    for row in counts[1:]:
        row[:] = np.bincount(rng.integers(size, size=size), minlength=size)
    return counts / size


def checked_inputs(inputs: Inputs, base: int, bootstraps: int, level: float) -> tuple[str, ...]:
    """Names of the uncertain inputs, the settings held against their rules."""
    if not inputs.uncertain:
        raise ParameterError("every input is a known number: nothing can explain a variance")
    if (
        isinstance(base, bool)
        or not isinstance(base, int | np.integer)
        or not 64 <= base <= MOST_BASE
        or base & (base - 1)
    ):
        raise ParameterError(f"base must be a power of 2 from 64 to {MOST_BASE:,}, got {base!r}")
    if bootstraps < 20:
        raise ParameterError(f"an interval needs 20 or more resamples, got {bootstraps}")
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, got {level:g}")
    return inputs.uncertain


def _subsets(names: tuple[str, ...], pairs: bool) -> list[tuple[str, ...]]:
    return [(name,) for name in names] + (list(combinations(names, 2)) if pairs else [])


def _shares(terms: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """First and total index of every input by resample, shape (resamples, 2 inputs)."""
    sums = counts @ terms
    mean = sums[:, -4:-2].mean(axis=1)
    variance = sums[:, -2:].mean(axis=1) - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):  # no variance is refused right after
        return sums[:, :-4] / variance[:, None]


def _table(names: tuple[str, ...], indices: np.ndarray, level: float) -> pd.DataFrame:
    tail = (1 - level) / 2
    low, high = np.quantile(indices[1:], [tail, 1 - tail], axis=0)
    first, total = slice(0, None, 2), slice(1, None, 2)
    table = pd.DataFrame(
        {"input": names, "first": indices[0, first], "first_low": low[first], "first_high": high[first],
         "total": indices[0, total], "total_low": low[total], "total_high": high[total]}
    )  # fmt: skip
    return table.sort_values("total", ascending=False, kind="stable", ignore_index=True)


def _pairs(names: tuple[str, ...], mixed: Mapping, f_a: np.ndarray, f_b: np.ndarray, variance: float) -> pd.DataFrame:
    closed = {subset: float((f_b * (made - f_a)).mean()) / variance for subset, made in mixed.items()}
    rows = [(a, b, closed[a, b] - closed[a,] - closed[b,]) for a, b in combinations(names, 2)]
    table = pd.DataFrame(rows, columns=["input", "other", "second"])
    return table.sort_values("second", ascending=False, kind="stable", ignore_index=True)


def _said(table: pd.DataFrame, level: float) -> str:
    top = table.iloc[0]
    return (
        f"{top['input']} explains {top['first']:.0%} of the variance alone ({top['first_low']:.0%} to "
        f"{top['first_high']:.0%}, "
        f"{level:.0%} interval) and {top['total']:.0%} with others."
    )


def _alone(table: pd.DataFrame) -> Check:
    together = float(table["first"].sum())
    return Check(
        name="interactions", passed=None, value=1 - together,
        text=f"{max(1 - together, 0):.0%} of the variance comes of inputs acting together",
    )  # fmt: skip
