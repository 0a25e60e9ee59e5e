"""Distributions of one uncertain input, each a quantile function that is read at a standard normal score.

A joint draw through a Gaussian copula needs nothing of a distribution but its quantile function Q, taken
at p = Phi(z). So each class has `quantile` (exact, of p) and `from_normal` (of z, made for millions: log-normal
is exp(mu + sigma z); beta and PERT are read from a table of 16,385 points in z, exact to about 1e-7 of their
range). PERT follows Malcolm, Roseboom, Clark and Fazar (1959, Application of a technique for research and
development program evaluation) in its four-parameter beta form.

What it cannot do: mixtures, discrete choices with names, and heavier tails than those listed; draw such
numbers elsewhere and bring them as `Empirical`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import ClassVar

import numpy as np
from scipy.optimize import least_squares
from scipy.special import betaincinv, ndtr, ndtri

from helpers.errors import ParameterError

REACH, STEPS = 8.25, 16_384
"""The tables span standard normal scores of -8.25 to 8.25, which 1 draw in 6e15 leaves."""

Numbers = float | np.ndarray


@dataclass(frozen=True, slots=True)
class Point:
    """A number that is known.

    Parameters
    ----------
    value : float
    """

    value: float
    is_certain: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _finite("Point", value=self.value)

    @property
    def mean(self) -> float:
        return float(self.value)

    def quantile(self, p: Numbers) -> np.ndarray:
        """The value, whatever the probability."""
        return np.full(np.shape(p), float(self.value))

    def from_normal(self, z: Numbers) -> np.ndarray:
        """The value, whatever the score."""
        return self.quantile(z)


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution.

    Parameters
    ----------
    mean : float
    sd : float
        Above 0.
    """

    mean: float
    sd: float
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _finite("Normal", mean=self.mean, sd=self.sd)
        if not self.sd > 0:
            raise ParameterError(f"Normal needs sd above 0, got {self.sd:g}; a known number is a Point")

    @classmethod
    def from_range(cls, low: float, high: float, *, level: float = 0.9) -> Normal:
        """The normal whose middle `level` (0 to 1) lies from `low` to `high`."""
        reach = _range("Normal", low, high, level)
        return cls(mean=(low + high) / 2, sd=(high - low) / (2 * reach))

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        return self.from_normal(ndtri(p))

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`."""
        return np.multiply(z, self.sd) + self.mean


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Distribution of a positive number whose logarithm is normal.

    Parameters
    ----------
    mu, sigma : float
        Mean and standard deviation of the natural logarithm; sigma above 0.
    """

    mu: float
    sigma: float
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _finite("LogNormal", mu=self.mu, sigma=self.sigma)
        if not self.sigma > 0:
            raise ParameterError(f"LogNormal needs sigma above 0, got {self.sigma:g}; a known number is a Point")

    @classmethod
    def from_range(cls, low: float, high: float, *, level: float = 0.9) -> LogNormal:
        """The log-normal whose middle `level` (0 to 1) lies from `low` to `high`, both above 0."""
        if not low > 0:
            raise ParameterError(f"LogNormal takes numbers above 0, got low {low:g}")
        reach = _range("LogNormal", low, high, level)
        return cls(mu=float(np.log(low) + np.log(high)) / 2, sigma=float(np.log(high / low)) / (2 * reach))

    @property
    def mean(self) -> float:
        return float(np.exp(self.mu + self.sigma**2 / 2))

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        return self.from_normal(ndtri(p))

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`."""
        return np.exp(np.multiply(z, self.sigma) + self.mu)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Any number between two, equally likely.

    Parameters
    ----------
    low, high : float
        ``low < high``.
    """

    low: float
    high: float
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _ordered("Uniform", self.low, self.low, self.high)

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        return np.multiply(p, self.high - self.low) + self.low

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`."""
        return self.quantile(ndtr(z))


@dataclass(frozen=True, slots=True)
class Triangular:
    """Triangular distribution.

    Parameters
    ----------
    low, mode, high : float
        ``low <= mode <= high``, ``low < high``.
    """

    low: float
    mode: float
    high: float
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _ordered("Triangular", self.low, self.mode, self.high)

    @property
    def mean(self) -> float:
        return (self.low + self.mode + self.high) / 3

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        p = np.asarray(p, float)
        width, left, right = self.high - self.low, self.mode - self.low, self.high - self.mode
        rising = self.low + np.sqrt(p * (width * left))
        return np.where(p * width < left, rising, self.high - np.sqrt((1 - p) * (width * right)))

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`."""
        return self.quantile(ndtr(z))


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta distribution, stretched from `low` to `high`.

    Parameters
    ----------
    a, b : float
        Shapes, above 0.
    low, high : float
        Ends, 0 and 1 unless given.
    """

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _finite("Beta", a=self.a, b=self.b)
        if not (self.a > 0 and self.b > 0):
            raise ParameterError(f"Beta needs a and b above 0, got {self.a:g} and {self.b:g}")
        _ordered("Beta", self.low, self.low, self.high)

    @property
    def mean(self) -> float:
        return self.low + (self.high - self.low) * self.a / (self.a + self.b)

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        return self.low + (self.high - self.low) * betaincinv(self.a, self.b, p)

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`, from the table."""
        return _stretched(z, self.a, self.b, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Pert:
    """What an expert says: least, most likely, most; a beta with mean (low + weight mode + high) / (weight + 2).

    Parameters
    ----------
    low, mode, high : float
        ``low <= mode <= high``, ``low < high``.
    weight : float, default 4
        How much the mode counts; above 0.
    """

    low: float
    mode: float
    high: float
    weight: float = 4.0
    is_certain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _ordered("Pert", self.low, self.mode, self.high)
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise ParameterError(f"Pert needs a weight above 0, got {self.weight:g}")

    @classmethod
    def from_range(cls, low: float, high: float, *, mode: float, level: float = 0.9, weight: float = 4.0) -> Pert:
        """The PERT whose middle `level` lies from `low` to `high` and whose most likely value is `mode`.

        Raises
        ------
        ParameterError
            A mode outside the range, or one so near its end that no PERT has both quantiles.
        """
        _ordered("Pert", low, mode, high)
        _range("Pert", low, high, level)
        if not low < mode < high:
            raise ParameterError(f"a PERT from a range has its mode inside, got {mode:g} for {low:g} to {high:g}")
        tails = (1 - level) / 2, (1 + level) / 2

        def missed(v: np.ndarray) -> np.ndarray:
            tried = cls(mode - (mode - low) * np.exp(v[0]), mode, mode + (high - mode) * np.exp(v[1]), weight)
            return (tried.quantile(tails) - [low, high]) / (high - low)

        found = least_squares(missed, [0.4, 0.4], bounds=(-1, 6), xtol=1e-14, ftol=1e-14, gtol=1e-14)
        if np.abs(found.fun).max() > 1e-6:
            raise ParameterError(f"no PERT with the mode {mode:g} has {level:.0%} between {low:g} and {high:g}")
        reach = np.exp(found.x)
        return cls(float(mode - (mode - low) * reach[0]), mode, float(mode + (high - mode) * reach[1]), weight)

    @property
    def shapes(self) -> tuple[float, float]:
        """The two shapes of the beta distribution."""
        part = (self.mode - self.low) / (self.high - self.low)
        return 1 + self.weight * part, 1 + self.weight * (1 - part)

    @property
    def mean(self) -> float:
        return (self.low + self.weight * self.mode + self.high) / (self.weight + 2)

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`."""
        return self.low + (self.high - self.low) * betaincinv(*self.shapes, p)

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`, from the table."""
        return _stretched(z, *self.shapes, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Empirical:
    """The numbers themselves, with straight lines between them.

    Parameters
    ----------
    values : sequence of float
        Two or more, in any order; each counts once.
    """

    values: tuple[float, ...]
    is_certain: ClassVar[bool] = False

    def __init__(self, values: Sequence[float]) -> None:
        object.__setattr__(self, "values", tuple(sorted(float(value) for value in values)))
        if len(self.values) < 2 or not np.isfinite(self.values).all():
            raise ParameterError(f"Empirical needs 2+ finite values, got {len(self.values)}: {self.values[:3]}")

    @property
    def mean(self) -> float:
        """Mean of the interpolated distribution: the end values count half."""
        known = np.asarray(self.values)
        return float((known[:-1] + known[1:]).mean() / 2)

    def quantile(self, p: Numbers) -> np.ndarray:
        """Value at probability `p`: the lowest at 0, the highest at 1."""
        return np.interp(p, np.linspace(0, 1, len(self.values)), self.values)

    def from_normal(self, z: Numbers) -> np.ndarray:
        """Value at standard normal score `z`."""
        return self.quantile(ndtr(z))


Distribution = Point | Normal | LogNormal | Uniform | Triangular | Beta | Pert | Empirical


@lru_cache(maxsize=64)
def _beta_table(a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Standard beta quantiles on the grid of scores, and the step to the next one."""
    z = np.linspace(-REACH, REACH, STEPS + 1)
    half = STEPS // 2
    lower = betaincinv(a, b, ndtr(z[: half + 1]))
    upper = 1 - betaincinv(b, a, ndtr(-z[half + 1 :]))  # the far tail of ndtr keeps no digits near 1
    values = np.concatenate([lower, upper])
    return values[:-1], np.diff(values)


def _stretched(z: Numbers, a: float, b: float, low: float, high: float) -> np.ndarray:
    """Beta quantiles at scores `z` by straight lines between the table's points."""
    start, step = _beta_table(float(a), float(b))
    place = np.atleast_1d(np.multiply(z, STEPS / (2 * REACH)))
    place += STEPS / 2
    np.clip(place, 0, STEPS - 1e-9, out=place)
    cell = place.astype(np.intp)
    place -= cell
    place *= step.take(cell)
    place += start.take(cell)
    place *= high - low
    place += low
    return place.reshape(np.shape(z))


def _finite(what: str, **numbers: float) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
            raise ParameterError(f"{what} needs a finite {name}, got {value!r}")


def _ordered(what: str, low: float, mode: float, high: float) -> None:
    _finite(what, low=low, mode=mode, high=high)
    if not (low <= mode <= high and low < high):
        middle = "" if mode == low else f", mode {mode:g}"
        raise ParameterError(
            f"{what} needs low < high (and a mode between them), got low {low:g}{middle}, high {high:g}"
        )


def _range(what: str, low: float, high: float, level: float) -> float:
    """Standard normal score of the upper end of a central range."""
    _ordered(what, low, low, high)
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, got {level:g}")
    return float(ndtri((1 + level) / 2))
