"""Ways to carry a quarterly figure on from what is still published, and how each would have done.

All work on yoy log growth ``g_t = ln(v_t / v_(t-4))``, which drops the season. From origin o (the last published
quarter) to quarter t:

    growth carried     g_t = g_o                                the benchmark
    x: gap carried     g_t = g_o + (g^x_t - g^x_o)              the ratio to x keeps its last yoy change
    x: regression      g_t = a + b g^x_t                        least squares on the quarters to o

The combination weighs them by the inverse of their mean squared errors in earlier backtests (Bates and Granger
1969, Operational Research Quarterly 20, 451-468), each with one pooled error added, so that a short lucky record
does not take all weight. Every backtest uses quarters of the target to its origin and of the indicators to its
quarter, never later ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

BENCHMARK = "growth carried"
SAME_AS_LAST_YEAR = "same as a year earlier"
COMBINATION = "combination"
LEAST_PAIRS = 5
"""Pairs of growth that a regression needs; with fewer the line is drawn by one of them."""


class Forecast(NamedTuple):
    """Yoy log growth of the target, and how it moves with the log of the indicator.

    Attributes
    ----------
    growth : float
    slope : float
    indicator : str
        Empty for the benchmark.
    """

    growth: float
    slope: float
    indicator: str


def log_growth_rows(values: np.ndarray) -> np.ndarray:
    """``ln(v_t / v_(t-4))`` by quarter; NaN where one of the two is missing."""
    out = np.full(len(values), np.nan)
    out[4:] = np.log(values[4:] / values[:-4])
    return out


def forecasts(
    target: np.ndarray, indicators: Mapping[str, np.ndarray], *, origin: int, quarter: int
) -> dict[str, Forecast]:
    """All candidates for one quarter, as known at the origin; empty where the origin's own growth is unknown.

    Parameters
    ----------
    target : array
        Yoy log growth by quarter; only quarters to `origin` are read.
    indicators : mapping of str to array
        The same of each indicator; only quarters to `quarter` are read.
    origin, quarter : int
        Positions in the arrays.
    """
    now = target[origin]
    if np.isnan(now):
        return {}
    found = {BENCHMARK: Forecast(now, 0.0, "")}
    for name, rise in indicators.items():
        if np.isnan(rise[quarter]):
            continue
        if not np.isnan(rise[origin]):
            found[f"{name}: gap carried"] = Forecast(now + rise[quarter] - rise[origin], 1.0, name)
        line = _line(rise[: origin + 1], target[: origin + 1])
        if line is not None:
            found[f"{name}: regression"] = Forecast(line[0] + line[1] * rise[quarter], line[1], name)
    return found


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """Intercept and slope; None with too few pairs or an indicator that never moved."""
    both = ~(np.isnan(x) | np.isnan(y))
    if both.sum() < LEAST_PAIRS:
        return None
    x, y = x[both], y[both]
    away = x - x.mean()
    spread = float(away @ away)
    if spread <= 1e-12 * len(x):
        return None
    slope = float(away @ y) / spread
    return float(y.mean() - slope * x.mean()), slope


def weights(found: Collection[str], errors: Mapping[str, list[float]]) -> dict[str, float]:
    """Weights that sum to 1: inverse mean squared errors, each with one pooled error added.

    Parameters
    ----------
    found : collection of str
        Candidates to weigh.
    errors : mapping of str to list of float
        Log errors of each that were known; a candidate without any has the pooled one.
    """
    known = {name: np.array(errors.get(name, [])) for name in found}
    every = np.concatenate(list(known.values()))
    pooled = max(float(np.mean(every**2)) if len(every) else 1.0, 1e-12)  # a perfect past is not a division by 0
    inverse = {name: (len(e) + 1) / (float(e @ e) + pooled) for name, e in known.items()}
    total = math.fsum(inverse.values())
    return {name: value / total for name, value in inverse.items()}


def backtest(
    target: np.ndarray, indicators: Mapping[str, np.ndarray], *, horizon: int, allowed: Collection[str]
) -> pd.DataFrame:
    """Log errors of the candidates and of their combination from every past origin.

    Parameters
    ----------
    target, indicators
        As for `forecasts`.
    horizon : int
        Quarters ahead.
    allowed : collection of str
        Candidates that exist for the quarter asked about: the past is judged with the same ones.

    Returns
    -------
    DataFrame
        origin, quarter (positions), candidate, error (log of forecast over actual), by origin. The combination
        stands where an indicator was at hand.
    """
    rows: list[tuple[int, int, str, float]] = []
    past: dict[str, list[tuple[int, float]]] = {}
    for origin in range(len(target) - horizon):
        quarter = origin + horizon
        actual = target[quarter]
        given = forecasts(target, indicators, origin=origin, quarter=quarter)
        found = {name: forecast for name, forecast in given.items() if name in allowed}
        if np.isnan(actual) or not found:
            continue
        errors = {name: forecast.growth - actual for name, forecast in found.items()}
        if len(found) > 1:
            known = {name: [e for when, e in past.get(name, []) if when <= origin] for name in found}
            errors[COMBINATION] = math.fsum(w * found[n].growth for n, w in weights(found, known).items()) - actual
        errors[SAME_AS_LAST_YEAR] = -actual
        for name, error in errors.items():
            past.setdefault(name, []).append((quarter, error))
            rows.append((origin, quarter, name, error))
    return pd.DataFrame(rows, columns=["origin", "quarter", "candidate", "error"])


def half_width(errors: np.ndarray, level: float) -> float:
    """Half width of a conformal interval from absolute errors; NaN if so few cannot support the level.

    The k-th smallest of n errors with ``k = ceil((n + 1) level)``: exact for exchangeable errors. With n errors
    no level above ``n / (n + 1)`` is attainable.
    """
    k = math.ceil((len(errors) + 1) * level - 1e-9)
    return float(np.sort(np.abs(errors))[k - 1]) if k <= len(errors) else float("nan")


def coverage(rows: pd.DataFrame, level: float) -> tuple[int, int]:
    """How many intervals held the actual, of those that could have been stated at their own origin.

    Parameters
    ----------
    rows : DataFrame
        Backtest rows of one candidate at one horizon: origin, quarter, error.
    level : float
    """
    origin, quarter, error = (rows[column].to_numpy() for column in ("origin", "quarter", "error"))
    widths = np.array([half_width(error[quarter <= o], level) for o in origin])
    stated = ~np.isnan(widths)
    return int((np.abs(error[stated]) <= widths[stated]).sum()), int(stated.sum())
