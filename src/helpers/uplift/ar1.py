"""Regression with AR(1) errors for one short series; what is not known of the errors goes into the interval.

``y = X b + u``, ``Cov(u_s, u_t) = sigma^2 rho^|t - s|``. With few periods ``rho`` is hardly known, and one fitted
value understates the intervals. So ``rho`` (and, where several designs are given, the design) stays
open: for each point of a grid ``b`` is a t around its generalised least-squares estimate with n - p degrees of
freedom, and the points are weighted by the restricted likelihood of Harville (1974),
``-1/2 log|R| - 1/2 log|X'R^-1 X| - (n - p)/2 log RSS``, which has ``b`` and ``sigma`` integrated out
under flat priors. Gaps are exact: the distance between two periods is the power of ``rho``.

What it cannot do: errors whose variance changes, or longer memory than one period; series of more than some
thousand periods (`helpers.uplift.gls` is for those).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats
from statsmodels.stats.diagnostic import acorr_ljungbox

from helpers.checks import Check
from helpers.errors import PanelError
from helpers.uplift import gls
from helpers.uplift.panels import Panel

RHOS = np.linspace(-0.3, 0.9, 13)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixture:
    """Coefficients as a mixture of t distributions over the grid.

    Attributes
    ----------
    weights : array, shape (points,)
        Sum to one.
    rho : array, shape (points,)
        Autocorrelation of each point.
    design : array of int, shape (points,)
        Which design each point uses.
    coefficients : array, shape (points, columns)
    covariances : array, shape (points, columns, columns)
        With the point's own residual variance.
    variances : array, shape (points,)
        Residual variance.
    df : int
        Periods less columns.
    """

    weights: np.ndarray
    rho: np.ndarray
    design: np.ndarray
    coefficients: np.ndarray
    covariances: np.ndarray
    variances: np.ndarray
    df: int

    @property
    def best(self) -> int:
        """The point with the largest weight."""
        return int(self.weights.argmax())

    def estimate(self, column: int, level: float) -> tuple[float, float, float]:
        """Mean, low and high of one coefficient."""
        return self.contrast(np.eye(self.coefficients.shape[1])[column], level)

    def contrast(self, weights: np.ndarray, level: float) -> tuple[float, float, float]:
        """Mean, low and high of a weighted sum of coefficients."""
        centre = self.coefficients @ weights
        spread = np.sqrt(np.einsum("p,gpq,q->g", weights, self.covariances, weights))
        low, high = (quantile(self.weights, centre, spread, self.df, p) for p in ((1 - level) / 2, (1 + level) / 2))
        return float(self.weights @ centre), low, high


def fit(y: np.ndarray, designs: list[np.ndarray], places: np.ndarray, *, rhos: np.ndarray = RHOS) -> Mixture:
    """Weigh every design and autocorrelation.

    Parameters
    ----------
    y : array, shape (periods,)
    designs : list of array, shape (periods, columns)
        All of the same shape and full rank. A column that differs between designs should have the same spread in
        all, or the weights compare scales.
    places : array of int, shape (periods,)
        Number of each period, increasing.
    rhos : array
        Grid, each between −1 and 1.
    """
    count, columns = designs[0].shape
    rho, design = np.tile(rhos, len(designs)), np.repeat(np.arange(len(designs)), len(rhos))
    rows = np.stack([gls.whitened(matrix, places, r) for matrix in designs for r in rhos])
    series = np.stack([gls.whitened(y[:, None], places, r)[:, 0] for _ in designs for r in rhos])
    gram = np.einsum("gnp,gnq->gpq", rows, rows)
    coefficients = np.linalg.solve(gram, np.einsum("gnp,gn->gp", rows, series)[..., None])[..., 0]
    rss = ((series - np.einsum("gnp,gp->gn", rows, coefficients)) ** 2).sum(1)
    df = count - columns
    spread = np.array([np.log1p(-(r ** (2 * np.diff(places)))).sum() for r in rho])
    score = -0.5 * spread - 0.5 * np.linalg.slogdet(gram)[1] - 0.5 * df * np.log(np.maximum(rss, 1e-300))
    weights = np.exp(score - score.max())
    variances = rss / df
    return Mixture(
        weights=weights / weights.sum(), rho=rho, design=design, coefficients=coefficients,
        covariances=variances[:, None, None] * np.linalg.inv(gram), variances=variances, df=df,
    )  # fmt: skip


def quantile(weights: np.ndarray, centre: np.ndarray, spread: np.ndarray, df: int, p: float) -> float:
    """Quantile of a mixture of t distributions."""
    ends = centre + spread * stats.t.ppf(p, df)
    low, high = float(ends.min()), float(ends.max())
    if high - low <= 1e-12 * max(1.0, abs(low)):
        return low
    return float(optimize.brentq(lambda x: weights @ stats.t.cdf((x - centre) / spread, df) - p, low, high))


def forecast(
    found: Mixture, y: np.ndarray, matrix: np.ndarray, places: np.ndarray, *, ahead: np.ndarray,
    ahead_places: np.ndarray, draws: int, seed: int,
) -> np.ndarray:  # fmt: skip
    """Draws of periods that were not seen, given those that were: shape (draws, periods ahead).

    Parameters
    ----------
    found : Mixture
        Of one design.
    y, matrix, places
        As fitted.
    ahead, ahead_places : array
        Design rows and numbers of the wanted periods.
    draws, seed : int
        How many, and from where.
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(draws, found.weights)
    out = []
    for point in np.flatnonzero(counts):
        rho, b = found.rho[point], found.coefficients[point]
        near = gls.bridge(rho, places, ahead_places)
        lift = ahead - near.weights @ matrix[near.near]
        covariance = found.variances[point] * near.covariance + lift @ found.covariances[point] @ lift.T
        least = 1e-12 * max(float(np.trace(covariance)) / len(covariance), 1e-200)
        root = np.linalg.cholesky(covariance + least * np.eye(len(covariance)))
        normal = rng.standard_normal((counts[point], len(ahead))) @ root.T
        tails = np.sqrt(found.df / rng.chisquare(found.df, counts[point]))[:, None]
        out.append(ahead @ b + near.weights @ (y - matrix @ b)[near.near] + normal * tails)
    return np.concatenate(out)


def autocorrelation(errors: np.ndarray, places: np.ndarray, rho: float) -> Check:
    """Whether the errors still hang together once the AR(1) part is taken out (Ljung and Box 1978)."""
    left = gls.whitened(errors[:, None], places, rho)[:, 0]
    lags = min(4, len(left) // 4)
    p = float(acorr_ljungbox(left, lags=[lags])["lb_pvalue"].iloc[0])
    text = f"Ljung-Box over {lags} lags of {len(left)} residuals, AR(1) of {rho:.1f} taken out: p {p:.2g}"
    text += "" if p >= 0.05 else ": what is left hangs together, the intervals are too narrow"
    return Check(name="autocorrelation", passed=p >= 0.05, value=p, threshold=0.05, text=text.replace("-0", "−0"))


def tidy(frame: pd.DataFrame | Panel) -> pd.DataFrame | Panel:
    """A table of the ledger under the names of a panel: entity is its unit, period_start its date."""
    if isinstance(frame, Panel):
        return frame
    table = frame.assign(unit=frame["entity"]) if "entity" in frame.columns else frame
    table = table if "date" in table.columns else table.rename(columns={"period_start": "date"})
    return table if "unit" in table.columns else table.assign(unit="series")


def one_row(data: Panel, unit: str | None) -> int:
    """Place of the unit; of the only one where none is named.

    Raises
    ------
    PanelError
        Several units and none named.
    UnknownNameError
        There is no such unit.
    """
    if unit is None and len(data.units) > 1:
        shown = ", ".join(str(name) for name in data.units[:5])
        raise PanelError(f"the panel has {len(data.units)} units ({shown}): say which one is meant")
    return 0 if unit is None else data.row(unit)


def logged(values: np.ndarray, data: Panel, row: int) -> np.ndarray:
    """Logs; NaN stays.

    Raises
    ------
    PanelError
        A value of 0 or below.
    """
    bad = np.flatnonzero(values <= 0)
    if len(bad):
        raise PanelError(
            f"logs need values above 0, {data.units[row]} has {values[bad[0]]:g} on {data.dates[bad[0]]:%Y-%m-%d} "
            f"({len(bad)} such period(s))"
        )
    return np.log(values)


def facts_of(frame: pd.DataFrame | Panel, unit: str) -> tuple[str, ...]:
    """Ledger rows that a table names for a unit, in its order."""
    if isinstance(frame, Panel) or "fact_id" not in frame.columns:
        return ()
    rows = frame[frame["unit"].astype(str) == unit]
    return tuple(dict.fromkeys(str(name) for name in rows["fact_id"] if isinstance(name, str) and name))
