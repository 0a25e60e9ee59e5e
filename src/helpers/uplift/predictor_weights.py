"""Predictor weights V of a synthetic control (Abadie, Diamond and Hainmueller 2010, JASA 105, section 2.3).

    W(V) = argmin (x1 - X0 w)' V (x1 - X0 w) on the simplex,   V = argmin mean (z1 - Z0 W(V))^2

with x, X0 the predictors (each over its standard deviation across units) and z, Z0 the outcome before the event. The
outer problem has many local minima. "published" repeats the recipe of the authors' software: from equal and from
regression-based V, Nelder-Mead and BFGS, the best of all. "wide" (Becker and Klößner 2018, Computational Statistics
& Data Analysis 118, show how much it can matter) adds starts at random, each run down with the exact gradient.

The gradient: on the active donors W solves ``[G 1; 1' 0] (w, m) = (0, 1)``, G = D'VD, D = X0 - x1 1'. With the
adjoint ``[G 1; 1' 0] (a, b) = (df/dw, 0)``, ``df/dv_k = -(D a)_k (D w)_k``.

What the module cannot do: prove that a minimum is global. The outcome-only weights are a bound from below.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from helpers.uplift.weights import nearest

SEARCHES = ("wide", "published")
SPREADS = (1.0, 2.0)
"""Standard deviations of log V at the random starts, in turn."""

ACTIVE = 1e-10
FLAT = 1e-10


def unit_weights(v: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """W(V).

    Parameters
    ----------
    v : array, shape (predictors,)
        0 or more.
    gaps : array, shape (predictors, donors)
        D.
    """
    return nearest(np.sqrt(v)[:, None] * gaps)


def search(
    predictors: np.ndarray, outcomes: np.ndarray, *, kind: str = "wide", starts: int = 12, seed: int = 0
) -> np.ndarray:
    """Predictor weights, summing to 1.

    Parameters
    ----------
    predictors : array, shape (predictors, 1 + donors)
        Scaled; the treated unit first.
    outcomes : array, shape (periods, 1 + donors)
        Of the periods whose error is minimised.
    kind : {"wide", "published"}, default "wide"
    starts : int, default 12
        Random starts of the wide search.
    seed : int, default 0

    Returns
    -------
    array, shape (predictors,)
    """
    gaps, errors = predictors[:, 1:] - predictors[:, :1], outcomes[:, 1:] - outcomes[:, :1]
    gaps, count = gaps / max(np.sqrt(np.mean(gaps**2)), np.finfo(float).tiny), len(gaps)
    if count == 1:
        return np.ones(1)
    fixed = [np.full(count, 1 / count), regression_based(predictors, outcomes)]
    found = [v for start in fixed for v in _as_published(start, gaps, errors)]
    if kind == "wide":
        rng = np.random.default_rng(seed)
        logs = [np.log(np.maximum(v, 1e-8)) for v in fixed]
        logs += [rng.normal(0, SPREADS[k % len(SPREADS)], count) for k in range(starts)]
        found += [_run_down(start, gaps, errors) for start in logs]
        best = min(found, key=lambda v: loss(v, gaps, errors))
        found.append(_polished(best, gaps, errors))
    return min(found, key=lambda v: loss(v, gaps, errors))


def loss(v: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> float:
    """Mean squared prediction error of W(V) over the periods of `errors`."""
    return float(np.mean((errors @ unit_weights(v, gaps)) ** 2))


def regression_based(predictors: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """V from regressing the outcome of every period on the predictors: squared coefficients, added up."""
    design = np.column_stack([np.ones(predictors.shape[1]), predictors.T])
    slopes = np.linalg.lstsq(design, outcomes.T, rcond=None)[0][1:]
    size = (slopes**2).sum(1)
    return size / size.sum() if size.sum() > 0 else np.full(len(size), 1 / len(size))


def _as_published(start: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> list[np.ndarray]:
    """Nelder-Mead, BFGS, and BFGS from where Nelder-Mead ends, over ``|v| / sum |v|``."""
    simplex = minimize(lambda x: loss(_normed(x), gaps, errors), start, method="Nelder-Mead", options={"maxiter": 500})
    downhill = [minimize(_of_shares, x, args=(gaps, errors), jac=True, method="BFGS").x for x in (start, simplex.x)]
    return [_normed(x) for x in (simplex.x, *downhill)]


def _normed(x: np.ndarray) -> np.ndarray:
    return np.abs(x) / np.abs(x).sum()


def _of_shares(x: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> tuple[float, np.ndarray]:
    v = _normed(x)
    value, slope = _value_and_slope(v, gaps, errors)
    return value, np.sign(x) * (slope - slope @ v) / np.abs(x).sum()


def _run_down(start: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """L-BFGS over log v, on the log of the loss."""

    def of_logs(x: np.ndarray) -> tuple[float, np.ndarray]:
        v = np.exp(x - x.max())
        value, slope = _value_and_slope(v, gaps, errors)
        value = max(value, np.finfo(float).tiny)
        return np.log(value), slope * v / value

    x = minimize(of_logs, start, jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    return _normed(np.exp(x - x.max()))


def _polished(v: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Nelder-Mead over log v: the loss has edges where donors come and go, and gradients stop at them."""
    x = np.log(np.maximum(v, 1e-12))
    found = minimize(
        lambda x: loss(np.exp(x - x.max()), gaps, errors), x, method="Nelder-Mead",
        options={"maxiter": 80 * len(x), "xatol": 1e-3, "fatol": 1e-9 * loss(v, gaps, errors)},
    )  # fmt: skip
    return _normed(np.exp(found.x - found.x.max()))


def _value_and_slope(v: np.ndarray, gaps: np.ndarray, errors: np.ndarray) -> tuple[float, np.ndarray]:
    w = unit_weights(v, gaps)
    active = np.flatnonzero(w > ACTIVE)
    near, far, own = gaps[:, active], errors[:, active], w[active]
    miss = far @ own
    system = np.empty((len(active) + 1, len(active) + 1))
    gram = (near * v[:, None]).T @ near
    ridge = FLAT * max(np.trace(gram) / len(active), np.finfo(float).tiny)
    gram[np.diag_indices(len(active))] += ridge
    system[:-1, :-1] = gram
    system[-1], system[:, -1], system[-1, -1] = gram[0, 0], gram[0, 0], 0.0
    adjoint = np.linalg.solve(system, np.r_[2 / len(miss) * (far.T @ miss), 0.0])[:-1]
    return float(miss @ miss) / len(miss), -(near @ adjoint) * (near @ own)
