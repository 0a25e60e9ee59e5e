"""Years without a number of their own: a line between two known years, and how much wider it is than its ends.

Amounts go along a straight line of their logarithms, shares along a straight line of themselves. Nobody knows that
the way between was straight, so the spread grows towards the middle of the gap as that of a Brownian bridge does
(Karatzas and Shreve 1991, Brownian Motion and Stochastic Calculus, 5.6.B): variance s^2 k (n - k) / n at the k-th of n
years, with `DRIFT_SD` a year. The amount of that drift is an assumption, and so is the line: reports say both.
"""

from __future__ import annotations

import numpy as np

from helpers.draws import Beta, Distribution, LogNormal
from helpers.errors import ParameterError

DRIFT_SD = 0.05
"""How far a market strays from its line within a year, as a standard deviation of the logarithm."""
REACH = 1.6448536269514722  # standard normal score of 95 %


def between(start: Distribution, end: Distribution, *, step: int, steps: int, is_share: bool) -> Distribution:
    """The distribution `step` years after `start`, on the way to `end`.

    Parameters
    ----------
    start, end : Distribution
        Of the known years.
    step, steps : int
        ``0 < step < steps``.
    is_share : bool
        Whether the number is a share of a whole, which stays between 0 and 1.

    Returns
    -------
    Beta or LogNormal
        For shares of the mean and spread on the line, for others of the median and log spread on it.

    Raises
    ------
    ParameterError
        A step outside the gap, an amount that is not above 0, a share too spread for a beta distribution.
    """
    if not 0 < step < steps:
        raise ParameterError(f"a step between two known years lies inside the gap, got {step} of {steps}")
    weight, drift = step / steps, DRIFT_SD * np.sqrt(step * (steps - step) / steps)
    if is_share:
        (m0, s0), (m1, s1) = _moments(start), _moments(end)
        mean = m0 + weight * (m1 - m0)
        return beta_of(mean, float(np.hypot(s0 + weight * (s1 - s0), mean * drift)))
    (m0, s0), (m1, s1) = log_moments(start), log_moments(end)
    return LogNormal(mu=m0 + weight * (m1 - m0), sigma=float(np.hypot(s0 + weight * (s1 - s0), drift)))


def beta_of(mean: float, sd: float) -> Beta:
    """The beta distribution between 0 and 1 with this mean and standard deviation.

    Raises
    ------
    ParameterError
        A mean outside 0 and 1, or a spread that no beta with a single peak or edge has.
    """
    if not 0 < mean < 1:
        raise ParameterError(f"a share lies between 0 and 1, got a mean of {mean:.4g}")
    size = mean * (1 - mean) / sd**2 - 1
    if not size > 0:
        raise ParameterError(f"a share of {mean:.4g} cannot spread by {sd:.4g}")
    return Beta(mean * size, (1 - mean) * size)


def log_moments(given: Distribution) -> tuple[float, float]:
    """Logarithm of a distribution's median, and the spread of logarithms that its middle 90 % has.

    Raises
    ------
    ParameterError
        Its 5 % quantile is not above 0.
    """
    low, middle, high = (float(given.quantile(p)) for p in (0.05, 0.5, 0.95))
    if not low > 0:
        raise ParameterError(f"a line of logarithms needs numbers above 0, got {low:g} at the 5 % quantile")
    return float(np.log(middle)), float(np.log(high / low) / (2 * REACH))


def from_logs(mu: float, sigma: float, *, is_share: bool) -> Beta | LogNormal:
    """The distribution of a number whose logarithm is known to be about `mu`, give or take `sigma`.

    Parameters
    ----------
    mu, sigma : float
    is_share : bool
        A share is a beta between 0 and 1 with exp(mu) as its median; its error counts from the nearer end.

    Raises
    ------
    ParameterError
        A share that is not between 0 and 1, or too spread for a beta distribution.
    """
    if not is_share:
        return LogNormal(mu=mu, sigma=sigma)
    middle = float(np.exp(mu))
    found = beta_of(middle, min(middle, 1 - middle) * sigma)
    size = found.a + found.b - 2 / 3  # the median of a beta is (a - 1/3) / (a + b - 2/3), to a thousandth if not skew
    return Beta(middle * size + 1 / 3, (1 - middle) * size + 1 / 3) if size > 4 else found


def _moments(given: Distribution) -> tuple[float, float]:
    """Mean and standard deviation, from a fine grid of quantiles."""
    values = given.quantile((np.arange(2000) + 0.5) / 2000)
    return float(values.mean()), float(values.std())
