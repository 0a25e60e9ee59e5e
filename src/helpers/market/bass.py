"""The Bass model of adoption, with its estimator named: p and q of one estimator are not those of another.

Adoptions of year t are N(t) = m [F(t) - F(t-1)] with F(t) = (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t) (Bass 1969,
Management Science 15(5), 215-227). Three estimators, of the same series far apart in p:

    nls_increments  least squares on the increments (Srinivasan and Mason 1986, Marketing Science 5(2), 169-178)
    nls_density     least squares on m f(t), the density at whole years: biased by the length of the interval
    ols_1969        the regression of Bass (1969) on cumulative adoptions

A prior on p and q from analogue products holds back the ceiling that a short series does not know; it must come from
the same estimator. What the module cannot do: price, advertising, repeat purchases, successive generations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from helpers.errors import NotEstimableError, ParameterError, UnknownNameError

ESTIMATORS = ("nls_increments", "nls_density", "ols_1969")
FEWEST = 4
P_START, Q_START = 0.016, 0.38


@dataclass(frozen=True, slots=True, kw_only=True)
class Analogue:
    """A product whose adoption is known, as a guide to another's.

    Parameters
    ----------
    product : str
    p, q : float
        Above 0.
    estimator : str
        That gave them, one of `ESTIMATORS`.
    source : str
    """

    product: str
    p: float
    q: float
    estimator: str
    source: str = ""

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise UnknownNameError(f"estimator of {self.product}", self.estimator, list(ESTIMATORS))
        if not (self.p > 0 and self.q > 0):
            raise ParameterError(f"{self.product} needs p and q above 0, got {self.p:g} and {self.q:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BassPrior:
    """Where p and q lie by analogy: normal in their logarithms.

    Attributes
    ----------
    log_p, log_q, sd_p, sd_q : float
    estimator : str
    products : tuple of str
    """

    log_p: float
    log_q: float
    sd_p: float
    sd_q: float
    estimator: str
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BassFit:
    """A fitted Bass model.

    Attributes
    ----------
    estimator : str
    p, q, m : float
        Innovation, imitation, all adoptions in the end (in the unit of the data).
    standard_errors : dict of str to float
        Of p, q, m; NaN for the regression of 1969.
    fitted : array, shape (n,)
    residual_sd : float
    peak : float
        Years from launch to the largest adoptions.
    prior : BassPrior or None
    """

    estimator: str
    p: float
    q: float
    m: float
    standard_errors: dict[str, float]
    fitted: np.ndarray
    residual_sd: float
    peak: float
    prior: BassPrior | None

    def forecast(self, horizon: int) -> np.ndarray:
        """Adoptions of the next years."""
        edges = np.arange(len(self.fitted), len(self.fitted) + horizon + 1.0)
        return self.m * np.diff(adopted(edges, self.p, self.q))


def prior_of(analogues: Sequence[Analogue], *, estimator: str = "nls_increments", without: str = "") -> BassPrior:
    """Prior from analogue products of one estimator.

    Parameters
    ----------
    analogues : sequence of Analogue
        Two or more, beside the one left out.
    estimator : str
        All must come from it.
    without : str
        Product that is not its own analogue.

    Raises
    ------
    ParameterError
        Fewer than two, or one of another estimator; it is named.
    """
    used = [one for one in analogues if one.product != without]
    for one in used:
        if one.estimator != estimator:
            raise ParameterError(
                f"{one.product} was estimated by {one.estimator}, and its p and q do not hold for {estimator}: on "
                f"the same "
                "series the estimators differ by half"
            )
    if len(used) < 2:
        raise ParameterError(f"a prior needs 2 or more analogues, got {len(used)}")
    logs = np.log([[one.p, one.q] for one in used])
    # the spread of so few is uncertain itself: never taken below a quarter
    spread = np.maximum(logs.std(axis=0, ddof=1), 0.25) * np.sqrt(1 + 1 / len(used))
    middle = logs.mean(axis=0)
    return BassPrior(log_p=float(middle[0]), log_q=float(middle[1]), sd_p=float(spread[0]), sd_q=float(spread[1]),
                     estimator=estimator, products=tuple(one.product for one in used))  # fmt: skip


def adopted(t: np.ndarray, p: float, q: float) -> np.ndarray:
    """Share that has adopted t years after launch."""
    decay = np.exp(-(p + q) * np.asarray(t, float))
    return (1 - decay) / (1 + q / p * decay)


def increments_of(cumulative: np.ndarray) -> np.ndarray:
    """Adoptions of each year from their running total.

    Raises
    ------
    ParameterError
        The total falls, which adoptions cannot.
    """
    total = np.asarray(cumulative, float)
    steps = np.diff(total, prepend=0.0)
    down = np.flatnonzero(steps < 0)
    if len(down):
        i = int(down[0])
        raise ParameterError(
            f"a cumulative series never falls, got {total[i - 1]:g} and then {total[i]:g} at place {i + 1}"
        )
    return steps


def fit_bass(adoptions: np.ndarray, *, estimator: str = "nls_increments", prior: BassPrior | None = None) -> BassFit:
    """Fit the Bass model to yearly adoptions since launch.

    Parameters
    ----------
    adoptions : array, shape (n,)
        Above 0, four or more, from the year of launch.
    estimator : {"nls_increments", "nls_density", "ols_1969"}
    prior : BassPrior, optional
        Of the same estimator; not for the regression of 1969.

    Raises
    ------
    ParameterError, UnknownNameError
        Too few adoptions, one that is not above 0, an unknown estimator, a prior of another one.
    NotEstimableError
        The series has no end: m is not identified.
    """
    n = np.asarray(adoptions, float)
    if estimator not in ESTIMATORS:
        raise UnknownNameError("Bass estimator", estimator, list(ESTIMATORS))
    if len(n) < FEWEST:
        raise ParameterError(f"the Bass model has 3 parameters and needs {FEWEST} or more years, got {len(n)}")
    if not (np.isfinite(n) & (n > 0)).all():
        raise ParameterError(f"adoptions are above 0 in every year, got {n[~(n > 0)][:1]}")
    if prior is not None and prior.estimator != estimator:
        raise ParameterError(f"the prior comes from {prior.estimator} and does not hold for {estimator}")
    if estimator == "ols_1969":
        return _regression(n)
    return _least_squares(n, estimator, prior)


def shape_of(estimator: str, size: int, p: float, q: float) -> np.ndarray:
    """Adoptions for m = 1 at whole years 1 to `size`."""
    if estimator == "nls_increments":
        return np.diff(adopted(np.arange(size + 1.0), p, q))
    decay = np.exp(-(p + q) * np.arange(1, size + 1.0))
    return (p + q) ** 2 / p * decay / (1 + q / p * decay) ** 2


def _least_squares(n: np.ndarray, estimator: str, prior: BassPrior | None) -> BassFit:
    size, unit = len(n), float(n.mean())

    def residuals(v: np.ndarray) -> np.ndarray:
        p, q, m = np.exp(np.clip(v, -30, 30))
        return m * shape_of(estimator, size, p, q) - n / unit

    def penalised(v: np.ndarray) -> np.ndarray:
        if prior is None:
            return residuals(v)
        pull = [(v[0] - prior.log_p) / prior.sd_p, (v[1] - prior.log_q) / prior.sd_q]
        return np.concatenate([residuals(v) / noise, pull])

    noise = max(float(np.std(np.diff(n / unit))) / np.sqrt(2), 0.05)  # of a year, from how jagged the series is
    best = None
    for p, q in ((P_START, Q_START), (0.003, 0.6), (0.05, 0.2)):
        start = np.log([p, q, (n / unit).sum() / max(adopted(size, p, q), 1e-3)])
        found = least_squares(penalised, start, method="lm", max_nfev=3_000, xtol=1e-14, ftol=1e-14, gtol=1e-14)
        if np.isfinite(found.cost) and (best is None or found.cost < best.cost):
            best = found
    p, q, m = np.exp(np.clip(best.x, -30, 30))
    if prior is None and m * unit > 1e4 * n.sum():
        raise NotEstimableError(
            "the Bass model", "the series has not bent yet, so m has no end", "later years or analogues"
        )
    return _as_fit(best.x, residuals, n, unit, estimator, prior)


def _as_fit(
    v: np.ndarray, residuals: Callable, n: np.ndarray, unit: float, estimator: str, prior: BassPrior | None
) -> BassFit:
    p, q, m = (float(part) for part in np.exp(np.clip(v, -30, 30)))
    left = residuals(v)
    free = max(len(n) - 3, 1)
    jacobian = np.stack([(residuals(v + step) - residuals(v - step)) / 2e-6 for step in 1e-6 * np.eye(3)], axis=1)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * float(left @ left) / free
    spread = np.sqrt(np.diag(covariance)) * [p, q, m * unit]
    return BassFit(
        estimator=estimator, p=p, q=q, m=m * unit, fitted=(left + n / unit) * unit, prior=prior,
        standard_errors=dict(zip(("p", "q", "m"), map(float, spread), strict=True)),
        residual_sd=float(np.sqrt(left @ left / free)) * unit, peak=peak_year(p, q),
    )  # fmt: skip


def _regression(n: np.ndarray) -> BassFit:
    """n(t) = a + b N(t-1) + c N(t-1)^2: m from its roots, p = a / m, q = -m c."""
    before = np.concatenate([[0.0], np.cumsum(n)[:-1]])
    a, b, c = np.linalg.lstsq(np.stack([np.ones(len(n)), before, before**2], axis=1), n, rcond=None)[0]
    root = b**2 - 4 * a * c
    if not (root > 0 and c < 0):
        raise NotEstimableError("the Bass model", "its regression has no ceiling", "later years, or another estimator")
    m = float((-b - np.sqrt(root)) / (2 * c))
    p, q = float(a / m), float(-m * c)
    if not p > 0:
        raise NotEstimableError("the Bass model", f"its regression gives p = {p:.3g}", "another estimator")
    fitted = a + b * before + c * before**2
    nan = {name: float("nan") for name in ("p", "q", "m")}
    return BassFit(
        estimator="ols_1969",
        p=p,
        q=q,
        m=m,
        standard_errors=nan,
        fitted=fitted,
        prior=None,
        residual_sd=float(np.sqrt(((n - fitted) ** 2).sum() / max(len(n) - 3, 1))),
        peak=peak_year(p, q),
    )


def peak_year(p: float, q: float) -> float:
    """Years from launch to the largest adoptions; 0 where they fall from the start."""
    return float(np.log(q / p) / (p + q)) if q > p else 0.0
