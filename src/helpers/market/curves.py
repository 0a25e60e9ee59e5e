"""Growth curves with a ceiling: logistic, Gompertz and Richards, and whether the series knows the ceiling at all.

With z = offset - rate x,

    logistic  y = L / (1 + e^z)          (Verhulst 1838; Ratkowsky 1983, Nonlinear Regression Modeling)
    Gompertz  y = L exp(-e^z)            (Gompertz 1825)
    Richards  y = L (1 + v e^z)^(-1/v)   (Richards 1959, J. Exp. Bot. 10, 290-301)

Least squares on the values, or on their logarithms where errors grow with the size. Standard errors are those of
least squares at the optimum, s^2 (J'J)^-1. A good fit does not identify the ceiling: on the same points a logistic
and a Gompertz curve can both leave nothing unexplained and end a factor of two apart. `ceiling` therefore asks the
profile
likelihood, and both curves.

What the module cannot do: see a second wave, or a market that shrinks after its ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, least_squares, minimize_scalar
from scipy.stats import f as f_distribution

from helpers.errors import NotEstimableError, ParameterError, UnknownNameError

CURVES = {"logistic": 3, "gompertz": 3, "richards": 4}
"""Curve to its number of parameters."""
ERRORS = ("additive", "log")
FARTHEST = 50.0
"""A ceiling is sought up to this many times the largest value: beyond it a curve is a straight line."""
NEAREST = 0.7
"""And down to this part of it, for the largest value may lie above the curve."""
WIDEST = 3.0
"""A ceiling whose ends lie further apart than this is not identified."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurveFit:
    """A fitted growth curve.

    Attributes
    ----------
    curve, errors : str
    parameters, standard_errors : dict of str to float
        ceiling, offset, rate and, for Richards, shape.
    fitted : array, shape (n,)
    rss, residual_sd : float
        In the units of the errors: of y, or of its logarithm.
    """

    curve: str
    errors: str
    parameters: dict[str, float]
    standard_errors: dict[str, float]
    fitted: np.ndarray
    rss: float
    residual_sd: float

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The curve at `x`."""
        return np.exp(_log_curve(self.curve, np.array(list(self.parameters.values())), np.asarray(x, float)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Where a series would end.

    Attributes
    ----------
    value, low, high : float
        Geometric middle of the curves' ceilings, and the lowest and highest end of their profile intervals.
    by_curve : dict of str to tuple of float
        Curve to (value, low, high).
    level : float
    """

    value: float
    low: float
    high: float
    by_curve: dict[str, tuple[float, float, float]]
    level: float


def fit_curve(x: np.ndarray, y: np.ndarray, *, curve: str = "logistic", errors: str = "additive") -> CurveFit:
    """Least squares of a growth curve.

    Parameters
    ----------
    x : array, shape (n,)
        Times, rising.
    y : array, shape (n,)
        Values above 0; more of them than the curve has parameters.
    curve : {"logistic", "gompertz", "richards"}
    errors : {"additive", "log"}

    Raises
    ------
    ParameterError, UnknownNameError
        Too few values, values that are not above 0, times that do not rise, an unknown curve.
    NotEstimableError
        No finite curve fits best: the series gives no end to the ceiling.
    """
    x, y = check_series(x, y, curve, errors)
    best = None
    for start in _starts(x, y, curve):
        found = least_squares(
            _residuals,
            start,
            args=(x, y, curve, errors),
            method="lm",
            max_nfev=2_000,
            xtol=1e-13,
            ftol=1e-13,
            gtol=1e-13,
        )
        if np.isfinite(found.cost) and (best is None or found.cost < best.cost):
            best = found
    if best is None or best.x[0] > np.log(1e6 * y.max()):
        raise NotEstimableError(f"a {curve} curve", "the series grows without an end in sight", "a longer series")
    return _as_fit(best, x, y, curve, errors)


def check_series(x: np.ndarray, y: np.ndarray, curve: str, errors: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and values as arrays, refused by name where a curve cannot be fitted."""
    if curve not in CURVES:
        raise UnknownNameError("growth curve", curve, list(CURVES))
    if errors not in ERRORS:
        raise UnknownNameError("kind of errors", errors, list(ERRORS))
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ParameterError(f"times and values come in pairs, got shapes {x.shape} and {y.shape}")
    if len(y) <= CURVES[curve]:
        raise ParameterError(f"a {curve} curve has {CURVES[curve]} parameters and needs more values, got {len(y)}")
    bad = np.flatnonzero(~(np.isfinite(y) & (y > 0)))
    if len(bad):
        raise ParameterError(f"a growth curve takes values above 0, got {y[bad[0]]:g} at {x[bad[0]]:g}")
    if not (np.diff(x) > 0).all():
        raise ParameterError("times must rise from value to value")
    return x, y


def ceiling(values: np.ndarray, *, level: float = 0.9) -> Ceiling:
    """Ceiling of a yearly series with its profile interval, or the refusal that it is not identified.

    For every ceiling the other parameters are fitted to the logarithms; those whose sum of squares stays
    below 1 + F / (n - 3) times the least one are in the interval. It is not identified if a curve's interval has no
    upper end below `FARTHEST` times the largest value, or if both curves' ends together lie more than `WIDEST` apart.

    Parameters
    ----------
    values : array, shape (n,)
        Above 0, one a year, 5 or more.
    level : float, default 0.9

    Raises
    ------
    ParameterError
        Fewer than five values, or one that is not above 0.
    NotEstimableError
        The series does not identify a ceiling.
    """
    y = np.asarray(values, float)
    if len(y) < 5:
        raise ParameterError(f"a ceiling needs 5 or more values, got {len(y)}")
    x, y = check_series(np.arange(len(y), dtype=float), y, "logistic", "log")
    ends = {curve: _profile(x, y, curve, level) for curve in ("logistic", "gompertz")}
    low, high = min(e[1] for e in ends.values()), max(e[2] for e in ends.values())
    for curve, (_, start, end) in ends.items():
        if not np.isfinite(end):
            raise NotEstimableError(
                "the ceiling",
                f"a {curve} curve fits as well with any above {start:.3g}",
                "years of slowing growth",
            )
    if high > WIDEST * low:
        said = ", ".join(f"{curve} {v:.3g} ({a:.3g} to {b:.3g})" for curve, (v, a, b) in ends.items())
        raise NotEstimableError(
            "the ceiling", f"curves that fit alike end far apart: {said}", "years of slowing growth"
        )
    middle = float(np.exp(np.mean([np.log(e[0]) for e in ends.values()])))
    return Ceiling(value=middle, low=low, high=high, by_curve=ends, level=level)


def _log_curve(curve: str, v: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Logarithm of the curve; `v` holds ceiling, offset, rate and, for Richards, shape."""
    z = np.clip(v[1] - v[2] * x, -700, 700)
    top = np.log(v[0])
    if curve == "logistic":
        return top - np.logaddexp(0, z)
    if curve == "gompertz":
        return top - np.exp(z)
    return top - np.logaddexp(0, np.log(v[3]) + z) / v[3]


def _residuals(v: np.ndarray, x: np.ndarray, y: np.ndarray, curve: str, errors: str) -> np.ndarray:
    """`v` holds the logarithms of ceiling and shape, so that both stay above 0."""
    with np.errstate(over="ignore"):
        natural = np.concatenate([[np.exp(min(v[0], 600))], v[1:3], np.exp(np.clip(v[3:], -8, 8))])
        log_fit = _log_curve(curve, natural, x)
        return log_fit - np.log(y) if errors == "log" else np.exp(np.minimum(log_fit, 600)) - y


def _starts(x: np.ndarray, y: np.ndarray, curve: str) -> list[np.ndarray]:
    """Ceilings above the largest value; offset and rate from the straight line that the curve then is."""
    found = []
    for factor in (1.05, 1.5, 4.0):
        part = np.clip(y / (factor * y.max()), 1e-9, 1 - 1e-9)
        line = np.log(-np.log(part)) if curve == "gompertz" else np.log(1 / part - 1)
        slope, level = np.polyfit(x, line, 1)
        tail = [0.0] if curve == "richards" else []
        found.append(np.array([np.log(factor * y.max()), level, -slope, *tail]))
    return found


def _as_fit(found: object, x: np.ndarray, y: np.ndarray, curve: str, errors: str) -> CurveFit:
    v = found.x
    natural = np.concatenate([[np.exp(v[0])], v[1:3], np.exp(np.clip(v[3:], -8, 8))])
    rss, free = 2 * float(found.cost), len(y) - CURVES[curve]
    scale = np.concatenate([[natural[0]], [1, 1], natural[3:]])  # from logarithms back
    jacobian = found.jac / scale
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * rss / free
    names = ["ceiling", "offset", "rate", "shape"][: CURVES[curve]]
    return CurveFit(
        curve=curve, errors=errors, parameters=dict(zip(names, map(float, natural), strict=True)),
        standard_errors=dict(zip(names, map(float, np.sqrt(np.diag(covariance))), strict=True)),
        fitted=np.exp(_log_curve(curve, natural, x)), rss=rss, residual_sd=float(np.sqrt(rss / free)),
    )  # fmt: skip


def _profile(x: np.ndarray, y: np.ndarray, curve: str, level: float) -> tuple[float, float, float]:
    """Best ceiling and the ends of its profile interval; an infinite end where the interval has none."""
    grid = np.linspace(np.log(NEAREST), np.log(FARTHEST), 90) + np.log(y.max())

    def rss(top: float) -> float:
        return _rss_at(float(np.exp(top)), x, y, curve)

    coarse = np.array([rss(top) for top in grid])
    place = int(coarse.argmin())
    around = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
    best = minimize_scalar(rss, bounds=around, method="bounded", options={"xatol": 1e-7})
    middle, least = (best.x, best.fun) if best.fun < coarse[place] else (grid[place], coarse[place])
    limit = least * (1 + f_distribution.ppf(level, 1, len(y) - 3) / (len(y) - 3))
    low = brentq(lambda top: rss(top) - limit, grid[0], middle) if coarse[0] > limit else grid[0]
    high = brentq(lambda top: rss(top) - limit, middle, grid[-1]) if coarse[-1] > limit else np.inf
    return float(np.exp(middle)), float(np.exp(low)), float(np.exp(high))


def _rss_at(top: float, x: np.ndarray, y: np.ndarray, curve: str) -> float:
    """Least sum of squares of the logarithms at a given ceiling, by damped Gauss-Newton from the straight line."""
    part = np.clip(y / top, 1e-12, 0.99)
    line = np.log(-np.log(part)) if curve == "gompertz" else np.log(1 / part - 1)
    slope, level = np.polyfit(x, line, 1)
    target = np.log(y / top)

    def at(v: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        z = np.clip(v[0] - v[1] * x, -50, 50)
        fit, steep = (-np.exp(z), -np.exp(z)) if curve == "gompertz" else (-np.logaddexp(0, z), -1 / (1 + np.exp(-z)))
        residual = target - fit
        return float(residual @ residual), residual, np.stack([steep, -x * steep], axis=1)

    v = np.array([level, -slope])
    best, residual, jacobian = at(v)
    for _ in range(40):
        step = np.linalg.lstsq(jacobian, residual, rcond=None)[0]
        length = 1.0
        while length > 1e-3 and at(v + length * step)[0] >= best:
            length /= 2
        rss, moved, steeper = at(v + length * step)
        if rss >= best * (1 - 1e-12):
            break
        v, best, residual, jacobian = v + length * step, rss, moved, steeper
    return best
