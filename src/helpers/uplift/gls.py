"""Bayesian regression with autocorrelated errors for many series at once; every factorisation is shared.

For unit i with logs ``y_i`` on the observed days o and hidden days h (the event, masked days)::

    y_i = D b_i + s_i,    b_i ~ N(0, sigma_i^2 diag(prior_sd^2)),    s_i = AR(1) with variance sigma_i^2

D has the regressors as columns. The last `slow_count` of them are a cosine basis whose prior follows the
spectrum of a slow Ornstein-Uhlenbeck process times ``kappa``: a wandering level, so that the error of a sum
over weeks is not understated. ``rho`` and ``kappa`` are integrated out over a grid by their marginal
likelihood, ``sigma_i`` analytically. Given (rho, kappa) all units share the precision matrix, so the costs
per unit are two matrix products of the length of the series. Gaps in the days are exact: the precision
of an AR(1) process is tridiagonal whatever the distances, and only rows at a gap are special.

After Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, sections 2.7 and 5.4 (regression
with explicit basis functions, marginal likelihood); basis after Solin and Sarkka (2020), Statistics and
Computing 30, 419-446. What it cannot do: errors whose variance changes over time, or units that
influence one another other than through the regressors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtrs

RHOS = (0.0, 0.3, 0.55, 0.75, 0.88, 0.95)
KAPPAS = (0.0, 0.3, 0.8)
SLOW_DAYS = 50.0
FINEST_SLOW = 0.12  # radians a day: faster wandering is left to the AR(1) part


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """Regressors of all days and what is believed of their coefficients.

    Attributes
    ----------
    matrix : array, shape (days, columns)
        The slow basis last.
    prior_sd : array, shape (columns,)
        In units of the noise's standard deviation.
    slow_count : int
        Columns of the slow basis; their prior is multiplied by kappa.
    """

    matrix: np.ndarray
    prior_sd: np.ndarray
    slow_count: int = 0

    def sd(self, kappa: float) -> np.ndarray:
        """Prior standard deviations at a strength of the slow part."""
        scale = np.ones(len(self.prior_sd))
        scale[len(scale) - self.slow_count :] = max(kappa, 1e-4)
        return self.prior_sd * scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posterior:
    """The hidden days of many series, as a mixture over the grid.

    Attributes
    ----------
    grid : tuple of (rho, kappa)
        Points that carry weight.
    weights : array, shape (points, units)
        Sum to one for each unit.
    variances : array, shape (points, units)
        sigma squared.
    means : array, shape (points, units, hidden)
        Expected hidden values.
    covariances : array, shape (points, hidden, hidden)
        Of the hidden values, over sigma squared.
    """

    grid: tuple[tuple[float, float], ...]
    weights: np.ndarray
    variances: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mixture mean, shape (units, hidden)."""
        return np.einsum("gn,gnh->nh", self.weights, self.means)

    @property
    def variance(self) -> np.ndarray:
        """Variance of each hidden value within the grid points, shape (units, hidden)."""
        within = np.diagonal(self.covariances, axis1=1, axis2=2)
        return (self.weights * self.variances).T @ within

    def best(self) -> np.ndarray:
        """Grid point with the highest weight for each unit."""
        return self.weights.argmax(0)

    def variance_of(self, weights: np.ndarray) -> np.ndarray:
        """Variance of weighted sums of the hidden values.

        Parameters
        ----------
        weights : array, shape (units, hidden)
            One sum per unit.

        Returns
        -------
        array, shape (units,)
            Within the grid points and between them.
        """
        mean, total = self.mean, np.zeros(len(weights))
        for share, variance, means, covariance in zip(
            self.weights, self.variances, self.means, self.covariances, strict=True
        ):
            within = np.einsum("nh,nh->n", weights @ covariance, weights) * variance
            total += share * (within + np.einsum("nh,nh->n", means - mean, weights) ** 2)
        return total

    def covariance_of_sum(self, slopes: np.ndarray) -> np.ndarray:
        """Covariance of the daily sums over units of ``slopes * hidden value``, shape (hidden, hidden).

        Parameters
        ----------
        slopes : array, shape (units, hidden)
            How each unit's day moves with its hidden value.
        """
        mean, total = self.mean, np.zeros(self.covariances.shape[1:])
        for share, variance, means, covariance in zip(
            self.weights, self.variances, self.means, self.covariances, strict=True
        ):
            total += covariance * (slopes.T @ (slopes * (share * variance)[:, None]))
            apart = slopes * (means - mean)
            total += apart.T @ (apart * share[:, None])
        return total


def slow_basis(days: int, *, scale: float = SLOW_DAYS) -> tuple[np.ndarray, np.ndarray]:
    """Cosines over the days (and a margin, so that the ends are free) and their prior deviations.

    Parameters
    ----------
    days : int
        Length of the calendar.
    scale : float, default 50
        Days over which the slow process forgets.

    Returns
    -------
    basis : array, shape (days, columns)
    prior_sd : array, shape (columns,)
        Square root of the spectrum of an Ornstein-Uhlenbeck process of unit variance.
    """
    length = days + 2 * scale
    count = max(4, int(FINEST_SLOW * length / np.pi))
    speed = np.pi * np.arange(1, count + 1) / length
    basis = np.cos(speed * (np.arange(days)[:, None] + 0.5)) * np.sqrt(2 / length)
    return basis, np.sqrt(2 * scale / (1 + (speed * scale) ** 2))


def posterior(
    series: np.ndarray,
    terms: Terms,
    *,
    observed: np.ndarray,
    hidden: np.ndarray,
    rhos: tuple[float, ...] = RHOS,
    kappas: tuple[float, ...] = KAPPAS,
    grid_prior: np.ndarray | None = None,
) -> Posterior:
    """Distribution of the hidden days of every series given its observed days.

    Parameters
    ----------
    series : array, shape (units, days)
        Read on the observed days only.
    terms : Terms
        Regressors of all days.
    observed, hidden : array of int
        Places of days, increasing; without days in common.
    rhos, kappas : tuple of float
        The grid; one kappa (0) where there is no slow basis.
    grid_prior : array, shape (points,), optional
        Prior weights of the grid's points, such as the mean posterior of many like units.

    Returns
    -------
    Posterior
    """
    kappas = kappas if terms.slow_count else (0.0,)
    moments = Moments.of(columns_at(series, observed), terms.matrix[observed], observed)
    grid, evidence, variances, means, covariances = [], [], [], [], []
    for rho in rhos:
        gram, cross, square, log_det = moments.at(rho)
        link = bridge(rho, observed, hidden)
        lift = terms.matrix[hidden] - link.weights @ terms.matrix[observed[link.near]]
        carried = series[:, observed[link.near]] @ link.weights.T
        for kappa in kappas:
            sd = terms.sd(kappa)
            root = np.linalg.cholesky(gram + np.diag(1 / sd**2))
            pulled, reach = solved(root, cross.T), solved(root, lift.T)
            rest = square - np.einsum("pn,pn->n", pulled, pulled)
            rest = np.maximum(rest, 1e-12 * square + 1e-300)
            evidence.append(
                0.5 * log_det - np.log(np.diag(root)).sum() - np.log(sd).sum() - 0.5 * len(observed) * np.log(rest)
            )
            grid.append((rho, kappa))
            variances.append(rest / len(observed))
            means.append(pulled.T @ reach + carried)
            covariances.append(link.covariance + reach.T @ reach)
    weights = _normalised(np.array(evidence), grid_prior)
    return _kept(grid, weights, variances, means, covariances)


def smooth(series: np.ndarray, terms: Terms, *, observed: np.ndarray, rho: float, kappa: float) -> np.ndarray:
    """Regression part of every series on all days, at one point of the grid: what the model explains.

    Returns
    -------
    array, shape (units, days)
    """
    gram, cross, _, _ = Moments.of(series[:, observed], terms.matrix[observed], observed).at(rho)
    return np.linalg.solve(gram + np.diag(1 / terms.sd(kappa) ** 2), cross.T).T @ terms.matrix.T


def _normalised(evidence: np.ndarray, prior: np.ndarray | None) -> np.ndarray:
    weights = np.exp(evidence - evidence.max(0))
    if prior is not None:
        weights = weights * prior[:, None]
    return weights / weights.sum(0)


def _kept(grid, weights, variances, means, covariances, *, least: float = 1e-3) -> Posterior:
    """Without the points that no unit gives weight to."""
    kept = [int(g) for g in np.flatnonzero(weights.max(1) > least)]
    weights = weights[kept] / weights[kept].sum(0)
    return Posterior(
        grid=tuple(grid[g] for g in kept), weights=weights, variances=np.array([variances[g] for g in kept]),
        means=np.array([means[g] for g in kept]), covariances=np.array([covariances[g] for g in kept]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bridge:
    """How an AR(1) process reaches the hidden days from the observed ones next to them."""

    near: np.ndarray  # places among the observed days
    weights: np.ndarray  # (hidden, near)
    covariance: np.ndarray  # (hidden, hidden), given the near days


def _decay(rho: float, days: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlations of an AR(1) process; powers are looked up, not raised, which is most of the time."""
    distance = np.abs(days[:, None] - others[None, :])
    return (rho ** np.arange(distance.max() + 1 if distance.size else 1))[distance]


def solved(root: np.ndarray, right: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """``root^-1 right`` (or with the root transposed) for a lower triangular root, without costly checks."""
    return dtrtrs(root, right, lower=1, trans=int(transposed))[0]


def columns_at(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Columns of an array; without a copy where they stand side by side, as they mostly do."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return array[:, places[0] : places[-1] + 1]
    return array[:, places]


def whitened(columns: np.ndarray, days: np.ndarray, rho: float) -> np.ndarray:
    """Rows less what an AR(1) process of unit variance carries over from the row before, in its own deviations.

    Parameters
    ----------
    columns : array, shape (days, columns)
    days : array of int
        Places of the rows, increasing.
    rho : float
    """
    step = (rho ** np.diff(days))[:, None]
    return np.concatenate([columns[:1], (columns[1:] - step * columns[:-1]) / np.sqrt(1 - step**2)])


def bridge(rho: float, observed: np.ndarray, hidden: np.ndarray) -> Bridge:
    """Conditional distribution of hidden days given the observed ones next to them."""
    within = _decay(rho, hidden, hidden)
    if hidden[0] > observed[-1]:  # a forecast: only the last observed day is near
        weights = (rho ** (hidden - observed[-1]))[:, None]
        return Bridge(near=np.array([len(observed) - 1]), weights=weights, covariance=within - weights @ weights.T)
    after = np.searchsorted(observed, hidden)
    near = np.unique(np.concatenate([after - 1, after]))
    near = near[(near >= 0) & (near < len(observed))]
    days = observed[near]
    own, between = _decay(rho, days, days), _decay(rho, hidden, days)
    weights = np.linalg.solve(own, between.T).T
    return Bridge(near=near, weights=weights, covariance=within - weights @ between.T)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Sums over the observed days from which the AR(1) precision gives every quadratic form at any rho."""

    gaps: np.ndarray
    special: np.ndarray  # rows whose neighbours are not both one day away
    columns: np.ndarray
    series: np.ndarray
    plain: tuple[np.ndarray, np.ndarray, np.ndarray]
    linked: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, series: np.ndarray, columns: np.ndarray, days: np.ndarray) -> Moments:
        gaps = np.diff(days)
        close = gaps == 1
        both = np.zeros(len(days), bool)
        both[1:-1] = close[1:] & close[:-1]
        beside = np.zeros_like(columns)  # sum of the rows one day before and after
        beside[1:][close] += columns[:-1][close]
        beside[:-1][close] += columns[1:][close]
        sums = series @ np.hstack([columns, beside])
        count = columns.shape[1]
        pairs = np.einsum("nt,nt->n", series[:, 1:] * close, series[:, :-1])
        return cls(
            gaps=gaps, special=np.flatnonzero(~both), columns=columns, series=series,
            plain=(columns.T @ columns, sums[:, :count], np.einsum("nt,nt->n", series, series)),
            linked=(columns.T @ beside, sums[:, count:], 2 * pairs),
        )  # fmt: skip

    def at(self, rho: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """D'WD, y'WD, y'Wy and log |W| for the precision W of an AR(1) process of unit variance."""
        step = rho**self.gaps
        inverse = 1 / (1 - step**2)
        before, after = np.append(1.0, inverse), np.append(step**2 * inverse, 0.0)
        usual, side = (1 + rho**2) / (1 - rho**2), -rho / (1 - rho**2)
        gram, cross, square = (usual * p + side * q for p, q in zip(self.plain, self.linked, strict=True))
        rows = self.special
        extra = (before + after)[rows] - usual
        D, Y = self.columns[rows], self.series[:, rows]
        gram, cross = gram + (D.T * extra) @ D, cross + (Y * extra) @ D
        square = square + (Y**2) @ extra
        far = np.flatnonzero(self.gaps != 1)
        link = -(step * inverse)[far]
        D0, D1, Y0, Y1 = self.columns[far], self.columns[far + 1], self.series[:, far], self.series[:, far + 1]
        both = (D0.T * link) @ D1
        gram = gram + both + both.T
        cross = cross + (Y0 * link) @ D1 + (Y1 * link) @ D0
        square = square + 2 * (Y0 * Y1) @ link
        return gram, cross, square, float(np.log(inverse).sum())
