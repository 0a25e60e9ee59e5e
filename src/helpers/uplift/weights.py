"""Weights on the simplex (0 or more, summing to 1) that make donors look like a treated unit: exact solvers.

Least squares: with ``1'w = 1``, ``||A w - b||^2 = ||D w||^2`` for ``D = A - b 1'``. The point of a convex hull nearest
to the origin is a non-negative least squares problem: ``min ||D u||^2 + (1'u - 1)^2, u >= 0`` has its solution in
the direction of w, whatever the size of the first term, so ``w = u / 1'u`` and nothing has to be tuned.

Many problems at once (the placebo runs of synthetic difference-in-differences): a primal active set method on all
of them in step, in Gram form ``min 1/2 w'G w - c'w``. It ends at the minimum, not at a stopping rule as
Frank-Wolfe does. What the module cannot do: choose between several minima of equal value (more donors than
periods); it returns one with few donors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from helpers.checks import Check
from helpers.errors import HelpersError

FEW_DONORS = 1.5
TOLERANCE = 1e-9
EAGER = 12
"""Rounds in which several weights enter at once; after them one at a time, which is sure to end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problems:
    """Problems ``min 1/2 w'G_p w - c_p'w`` on the simplex; of the Gram matrices only parts are ever formed.

    Attributes
    ----------
    apply : callable
        Takes problems, shape (p,), and weights, shape (p, n); gives ``G_p w_p``, shape (p, n).
    block : callable
        Takes problems, shape (p,), and places, shape (p, k); gives the block of each G_p, shape (p, k, k).
    linear : array, shape (problems, n)
        c_p.
    allowed : array of bool, shape (problems, n)
        Weights that may differ from 0.
    """

    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]
    block: Callable[[np.ndarray, np.ndarray], np.ndarray]
    linear: np.ndarray
    allowed: np.ndarray


def simplex_ls(matrix: np.ndarray, target: np.ndarray, *, ridge: float = 0.0) -> np.ndarray:
    """Weights that minimise ``||matrix w - target||^2 + ridge ||w||^2`` on the simplex.

    Parameters
    ----------
    matrix : array, shape (n, donors)
    target : array, shape (n,)
    ridge : float, default 0.0
        0 or more.

    Returns
    -------
    array, shape (donors,)
    """
    return nearest(np.subtract(matrix, np.asarray(target)[:, None]), ridge=ridge)


def nearest(gaps: np.ndarray, *, ridge: float = 0.0) -> np.ndarray:
    """Weights of the point of the hull of the columns of `gaps` that lies nearest to the origin."""
    count = gaps.shape[1]
    if ridge > 0:
        gaps = np.concatenate([gaps, np.sqrt(ridge) * np.eye(count)])
    size = np.sqrt(np.vdot(gaps, gaps) / count)
    stacked, goal = np.ones((len(gaps) + 1, count)), np.zeros(len(gaps) + 1)
    stacked[:-1] = gaps / (size or 1.0)
    goal[-1] = 1.0
    found, _ = nnls(stacked, goal)
    return found / found.sum()


def simplex_qp(gram: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Weights that minimise ``1/2 w'gram w - linear'w`` on the simplex.

    Parameters
    ----------
    gram : array, shape (donors, donors)
        Positive definite; a ridge of 1e-12 of its mean diagonal is added.
    linear : array, shape (donors,)
    """
    count = len(gram)
    gram = gram + 1e-12 * max(np.trace(gram) / count, np.finfo(float).tiny) * np.eye(count)
    start = np.zeros((1, count))
    start[0, np.argmin(0.5 * np.diag(gram) - linear)] = 1.0
    problems = Problems(
        apply=lambda _, w: w @ gram, block=lambda _, at: gram[at[:, :, None], at[:, None, :]],
        linear=linear[None], allowed=np.ones((1, count), bool),
    )  # fmt: skip
    return solve_many(problems, start)[0]


def solve_many(problems: Problems, start: np.ndarray, *, most: int = 2000) -> np.ndarray:
    """Solve all problems by a primal active set, in step.

    Parameters
    ----------
    problems : Problems
    start : array, shape (problems, n)
        Feasible weights; near ones save most of the work.
    most : int, default 2000
        Steps after which it gives up.

    Returns
    -------
    array, shape (problems, n)

    Raises
    ------
    HelpersError
        A problem did not come to an end.
    """
    open_, out = np.arange(len(start)), start.copy()
    w, active = _thinned(problems, start > 0)
    for turn in range(most):
        w, active, settled = _step(problems, open_, w, active)
        slope = problems.apply(open_[settled], w[settled]) - problems.linear[open_[settled]]
        done = _enter(slope, w, active, settled, problems.allowed[open_], share=0.5 if turn < EAGER else 1.0)
        out[open_[done]] = w[done]
        open_, w, active = open_[~done], w[~done], active[~done]
        if not len(open_):
            return out
    raise HelpersError(f"weights: {len(open_)} of {len(start)} problems did not settle in {most} steps")


def _thinned(problems: Problems, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop all weights that fall to 0 or below at once, until none does: a feasible start in a few solves."""
    w, open_, active = np.zeros(active.shape), np.arange(len(active)), active.copy()
    while len(open_):
        goal = _minimum(problems, open_, active[open_])
        w[open_] = goal
        falls = active[open_] & (goal <= 0)
        active[open_] &= ~falls
        open_ = open_[falls.any(1)]
    return w, active


def _step(
    problems: Problems, which: np.ndarray, w: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move each problem to the minimum over its active weights, or as far as they stay at 0 or more."""
    goal = _minimum(problems, which, active)
    falls = active & (goal <= 0)
    settled = ~falls.any(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(falls, w / (w - goal), np.inf)
    reach = np.minimum(ratio.min(1, keepdims=True), 1.0)
    moved = np.where(settled[:, None], goal, w + reach * (goal - w))
    leaves = falls & (ratio <= reach * (1 + 1e-12))
    return np.where(leaves, 0.0, np.maximum(moved, 0.0)), active & ~leaves, settled


def _minimum(problems: Problems, which: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Minimum with ``1'w = 1`` over the active weights, from the bordered system."""
    count = int(active.sum(1).max())
    at = np.argsort(~active, axis=1, kind="stable")[:, :count]
    valid = np.take_along_axis(active, at, 1)
    both = valid[:, :, None] & valid[:, None, :]
    system = np.zeros((len(which), count + 1, count + 1))
    system[:, :count, :count] = np.where(both, problems.block(which, at), np.eye(count))
    scale = system[:, 0, 0].copy()
    system[:, :count, count] = system[:, count, :count] = np.where(valid, scale[:, None], 0.0)
    right = np.zeros((len(which), count + 1))
    right[:, :count] = np.where(valid, np.take_along_axis(problems.linear[which], at, 1), 0.0)
    right[:, count] = scale
    found = np.linalg.solve(system, right[:, :, None])[:, :count, 0]
    goal = np.zeros(active.shape)
    np.put_along_axis(goal, at, np.where(valid, found, 0.0), 1)
    return goal


def _enter(
    slope: np.ndarray, w: np.ndarray, active: np.ndarray, settled: np.ndarray, allowed: np.ndarray, *, share: float
) -> np.ndarray:
    """Let in the weights with at least `share` of the steepest descent; problems that have none are done."""
    rows = np.flatnonzero(settled)
    level = (slope * w[rows]).sum(1)
    gain = np.where(allowed[rows] & ~active[rows], level[:, None] - slope, -np.inf)
    best = gain.max(1)
    ends = best <= TOLERANCE * (np.abs(level) + np.abs(slope).max(1))
    active[rows[~ends]] |= gain[~ends] >= share * best[~ends, None]
    done = np.zeros(len(w), bool)
    done[rows[ends]] = True
    return done


def effective_number(weights: np.ndarray) -> float:
    """Donors that share the weight, ``(sum |w|)^2 / sum w^2``."""
    return float(np.abs(weights).sum() ** 2 / (weights**2).sum())


def weights_check(weights: np.ndarray) -> Check:
    """Does the counterfactual rest on more than one donor?"""
    number, largest = effective_number(weights), float(np.abs(weights).max())
    text = f"the weight is spread as over {number:.1f} donors; the largest has {100 * largest:.0f} %"
    return Check(name="weights", passed=number >= FEW_DONORS, value=number, threshold=FEW_DONORS, text=text)
