"""Placebo windows in time: what the intervals would have covered on the same series before the event.

A placebo window is forecast from the days before it only (rolling origin). The sums of the whitened days up to
an origin are all that a forecast needs, so the windows of many units cost one pass over the days and a
small factorisation each. What it cannot do: show errors that only the event brings, such as controls that took part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.checks import Check
from helpers.uplift import gls
from helpers.uplift.gls import Terms

PRIOR_WINDOWS = 15.0  # weight of the model's own variance, in windows
LEAST_WINDOWS = 5  # fewer say nothing about coverage
DOUBT = 0.01  # chance of so low a coverage if intervals were right, below which there is no verdict


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placebos:
    """Forecast errors of window totals on placebo windows.

    Attributes
    ----------
    starts : array of int, shape (windows,)
        First day of each window, as a place among all days.
    errors : array, shape (windows, units)
        Actual less predicted total, in the unit of the values.
    spreads : array, shape (windows, units)
        Standard deviations that the model gives them.
    totals : array, shape (windows, units)
        Predicted totals.
    """

    starts: np.ndarray
    errors: np.ndarray
    spreads: np.ndarray
    totals: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Errors over the predicted totals."""
        return self.errors / self.totals


def windows_of(observed: np.ndarray, *, width: int, before: int) -> np.ndarray:
    """Starts (places among the observed days) of placebo windows that do not overlap, latest first.

    Parameters
    ----------
    observed : array of int
        Observed days, increasing.
    width : int
        Days of a window; it must hold consecutive days.
    before : int
        Day before which all windows end (the event's first); history before a window is at least twice its
        width and a third of the days before the event.
    """
    stop = int(np.searchsorted(observed, before))
    least = max(2 * width, stop // 3)
    starts, at = [], stop - width
    while at >= least:
        if observed[at + width - 1] - observed[at] == width - 1:
            starts.append(at)
            at -= width
        else:
            at -= 1
    return np.array(starts, dtype=int)


def rolling_origin(
    centred: np.ndarray,
    base: np.ndarray,
    values: np.ndarray,
    terms: Terms,
    *,
    observed: np.ndarray,
    starts: np.ndarray,
    width: int,
    rho: float,
    kappa: float,
    variances: np.ndarray,
    sizes: np.ndarray | None = None,
) -> Placebos:
    """Errors of the totals of all placebo windows, each forecast from the days before it.

    Parameters
    ----------
    centred, base : array, shape (units, observed)
        Series as modelled, less what was taken off them (their mean and prior path), and that.
    values : array, shape (units, observed)
        What was observed.
    terms : Terms
    observed, starts, width
        As in `windows_of`.
    rho, kappa : float
        Point of the grid.
    variances : array, shape (units,)
        sigma squared of each unit.
    sizes : array, shape (units,), optional
        By which levels were divided; None for logs.
    """
    order = np.argsort(starts)
    errors, spreads, totals = (np.empty((len(starts), len(centred))) for _ in range(3))
    matrix, gram = terms.matrix[observed], np.diag(1 / terms.sd(kappa) ** 2)
    rows, series = gls.whitened(matrix, observed, rho), gls.whitened(centred.T, observed, rho)
    cross, done = np.zeros((len(gram), len(centred))), 0
    for j in order:
        at = int(starts[j])
        gram = gram + rows[done:at].T @ rows[done:at]
        cross += rows[done:at].T @ series[done:at]
        done = at
        block = slice(at, at + width)
        link = gls.bridge(rho, observed[:at], observed[block])
        lift = matrix[block] - link.weights @ matrix[link.near]
        root = np.linalg.cholesky(gram)
        reach = gls.solved(root, lift.T)
        mean = gls.solved(root, reach, transposed=True).T @ cross
        forecast = mean.T + centred[:, link.near] @ link.weights.T + base[:, block]
        covariance = link.covariance + reach.T @ reach
        if sizes is None:
            weights = np.exp(forecast + 0.5 * variances[:, None] * np.diag(covariance))
            totals[j] = weights.sum(1)
        else:
            weights = np.repeat(sizes[:, None], width, 1)
            totals[j] = forecast.sum(1) * sizes
        errors[j] = values[:, block].sum(1) - totals[j]
        spreads[j] = np.sqrt(variances * np.einsum("nk,nk->n", weights @ covariance, weights))
    return Placebos(starts=observed[starts], errors=errors, spreads=spreads, totals=totals)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """How far intervals must be stretched so that they cover on placebo windows as often as they say.

    Attributes
    ----------
    factor : array, shape (units,)
        By which standard errors are multiplied.
    quantile : array, shape (units,)
        Of Student's t, for the level.
    coverage_before, coverage : array, shape (units,)
        Measured coverage of placebo windows by the model's own intervals and by the stretched ones.
    windows : array, shape (units,)
        Placebo windows that there were.
    level : float
        Nominal coverage.
    """

    factor: np.ndarray
    quantile: np.ndarray
    coverage_before: np.ndarray
    coverage: np.ndarray
    windows: np.ndarray
    level: float

    def check(self, unit: int = 0) -> Check:
        """Whether one unit's intervals held."""
        count = int(self.windows[unit])
        if count < LEAST_WINDOWS:
            text = f"only {count} placebo windows fit before the event; coverage cannot be measured"
            return Check(name="coverage", passed=None, value=count, threshold=LEAST_WINDOWS, text=text)
        measured, raw = float(self.coverage[unit]), float(self.coverage_before[unit])
        hits = round(measured * count)
        passed = bool(stats.binom.cdf(hits, count, self.level) > DOUBT)
        text = (
            f"{hits} of {count} placebo windows before the event were covered by the {self.level:.0%} interval "
            f"(standard errors times {self.factor[unit]:.2f}; {raw:.0%} without that)"
        )
        return Check(name="coverage", passed=passed, value=measured, threshold=self.level, text=text.replace("%", " %"))


def calibrate(scores: np.ndarray, *, level: float, pool: bool) -> Calibration:
    """Stretch factors from the scores of placebo windows.

    A unit's own squared scores are weighed against `PRIOR_WINDOWS` windows' worth of the pooled mean square
    (of the model's own variance, 1, for a single unit): a scaled inverse chi-squared posterior, hence the t.

    Parameters
    ----------
    scores : array, shape (windows, units)
        NaN where a window does not exist for a unit.
    level : float
        Nominal coverage.
    pool : bool
        Whether the units inform one another.
    """
    known = ~np.isnan(scores)
    count = known.sum(0)
    squares = np.where(known, scores, 0) ** 2
    base = squares.sum() / max(1, count.sum()) if pool and count.sum() >= PRIOR_WINDOWS else 1.0
    factor = np.sqrt((PRIOR_WINDOWS * base + squares.sum(0)) / (PRIOR_WINDOWS + count))
    others = np.sqrt((PRIOR_WINDOWS * base + squares.sum(0) - squares) / (PRIOR_WINDOWS + count - known))
    quantile = _quantiles(level, int(count.max(initial=0)))
    reach = quantile[np.maximum(count - known, 0)] * others  # a window does not judge itself
    normal = stats.norm.ppf((1 + level) / 2)
    some = np.where(count, count, np.nan)
    before = (known & (np.abs(scores) <= normal)).sum(0) / some
    after = (known & (np.abs(scores) <= reach)).sum(0) / some
    return Calibration(
        factor=factor, quantile=quantile[count], coverage_before=before, coverage=after, windows=count, level=level
    )


def _quantiles(level: float, most: int) -> np.ndarray:
    """Student's quantile for 0 to `most` windows."""
    return stats.t.ppf((1 + level) / 2, PRIOR_WINDOWS + np.arange(most + 1))
