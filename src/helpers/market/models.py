"""Forecasts of a yearly series by several simple models, all of one signature, for the stack to weigh.

Everything happens in logarithms, where growth adds up and errors grow with the size. Curves are held by a weak prior,
because four points know no ceiling: the middle of the S lies within one length of the series around its own middle,
and the rate near 0.4 a year (from 10 to 90 % of the ceiling in eleven years), within a factor of two. The Bass model
takes its prior from analogues of the same estimator.

    bass          increments of adoption, `helpers.market.bass`
    logistic, gompertz, richards    curves with a ceiling, `helpers.market.curves`
    damped_trend  level and trend smoothed exponentially, the trend dying out (Gardner and McKenzie 1985)
    drift         the mean of the last two steps, halved and dying out
    local_level   the level smoothed exponentially, no trend
    naive         the last value: the benchmark, never in the stack

What the module cannot do: explain anything. No model here knows a price, a rule or a rival.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares

from helpers.market.bass import BassPrior, adopted

KINDS = {
    "level": ("logistic", "gompertz", "richards", "damped_trend", "drift", "local_level"),
    "increments": ("bass", "damped_trend", "drift", "local_level"),
}
"""Kind of series to the models of its stack: the size of a market, or the adoptions of a year."""
RATE, RATE_SD = np.log(0.4), 0.7
YEAR_SD = 0.1  # how far a year strays from its curve, where a prior is weighed against data
GENERIC = BassPrior(log_p=float(np.log(0.016)), log_q=float(np.log(0.38)), sd_p=0.8, sd_q=0.4,
                    estimator="nls_increments", products=())  # fmt: skip
"""Where no analogues are given: the middle and spread that reviews of many durables print for p and q."""


def predict(model: str, values: np.ndarray, horizon: int, prior: BassPrior | None = None) -> np.ndarray:
    """Logarithm of the next values by one model.

    Parameters
    ----------
    model : str
    values : array, shape (n,)
        Above 0, n of 3 or more.
    horizon : int
    prior : BassPrior, optional
        For "bass".

    Returns
    -------
    array, shape (horizon,)
    """
    logs = np.log(np.asarray(values, float))
    if model == "bass":
        return _bass(logs, horizon, prior or GENERIC)
    return _MODELS[model](logs, horizon)


def _naive(logs: np.ndarray, horizon: int) -> np.ndarray:
    return np.full(horizon, logs[-1])


def _local_level(logs: np.ndarray, horizon: int) -> np.ndarray:
    """Smoothing weight by least squares of one-step errors on a grid."""
    weights = np.array([0.4, 0.6, 0.8, 1.0])
    level, squares = np.full(len(weights), logs[0]), np.zeros(len(weights))
    for value in logs[1:]:
        error = value - level
        squares += error**2
        level = level + weights * error
    return np.full(horizon, level[squares.argmin()])


def _drift(logs: np.ndarray, horizon: int) -> np.ndarray:
    step = np.diff(logs)[-2:].mean() / 2
    return logs[-1] + step * np.cumsum(0.8 ** np.arange(horizon))


def _damped_trend(logs: np.ndarray, horizon: int) -> np.ndarray:
    """Weight of the newest step and damping by least squares of one-step errors on a grid."""
    weight, damping = (part.ravel() for part in np.meshgrid([0.3, 0.6, 0.9], [0.7, 0.85]))
    trend, squares = np.full(len(weight), logs[1] - logs[0]), np.zeros(len(weight))
    for before, value in pairwise(logs[1:]):
        error = value - before - damping * trend
        squares += error**2
        trend = damping * trend + weight * error
    best = squares.argmin()
    return logs[-1] + trend[best] * np.cumsum(damping[best] ** np.arange(1, horizon + 1))


def _curve(shape: Callable, extra: int) -> Callable:
    """A curve of log share of the ceiling, fitted with the ceiling free and a weak prior on the rest."""

    def forecast(logs: np.ndarray, horizon: int) -> np.ndarray:
        n = len(logs)
        years = np.arange(n, dtype=float)
        prior = np.array([n / 2, RATE, *[0.0] * extra])
        widths = np.array([n, RATE_SD, *[0.5] * extra])

        def residuals(v: np.ndarray) -> np.ndarray:
            left = logs - shape(v, years)
            return np.concatenate([(left - left.mean()) / YEAR_SD, (v - prior) / widths])

        found = [least_squares(residuals, [m, *prior[1:]], method="lm", max_nfev=80) for m in (n / 3, float(n))]
        v = min(found, key=lambda fit: fit.cost).x
        top = float(np.mean(logs - shape(v, years)))
        return top + shape(v, np.arange(n, n + horizon, dtype=float))

    return forecast


def _logistic(v: np.ndarray, years: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, _z(v, years))


def _gompertz(v: np.ndarray, years: np.ndarray) -> np.ndarray:
    return -np.exp(_z(v, years))


def _richards(v: np.ndarray, years: np.ndarray) -> np.ndarray:
    shape = np.exp(np.clip(v[2], -3, 3))
    return -np.logaddexp(0, np.log(shape) + _z(v, years)) / shape


def _z(v: np.ndarray, years: np.ndarray) -> np.ndarray:
    return np.clip(np.exp(np.clip(v[1], -6, 3)) * (v[0] - years), -50, 50)


def _bass(logs: np.ndarray, horizon: int, prior: BassPrior) -> np.ndarray:
    edges = np.arange(len(logs) + horizon + 1.0)
    middle, widths = np.array([prior.log_p, prior.log_q]), np.array([prior.sd_p, prior.sd_q])

    def shape(v: np.ndarray) -> np.ndarray:
        p, q = np.exp(np.clip(v, -12, 2))
        return np.log(np.maximum(np.diff(adopted(edges, p, q)), 1e-12))

    def residuals(v: np.ndarray) -> np.ndarray:
        left = logs - shape(v)[: len(logs)]
        return np.concatenate([(left - left.mean()) / (2 * YEAR_SD), (v - middle) / widths])

    v = least_squares(residuals, middle, method="lm", max_nfev=80).x
    made = shape(v)
    return float(np.mean(logs - made[: len(logs)])) + made[len(logs) :]


_MODELS = {
    "naive": _naive,
    "local_level": _local_level,
    "drift": _drift,
    "damped_trend": _damped_trend,
    "logistic": _curve(_logistic, 0),
    "gompertz": _curve(_gompertz, 0),
    "richards": _curve(_richards, 1),
}
MODELS = ("bass", *_MODELS)
