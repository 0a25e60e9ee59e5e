"""Inference for synthetic controls: placebos in space, conformal permutation, jackknife+.

Placebos in space (Abadie, Diamond and Hainmueller 2010, JASA 105): every donor is treated in turn; the p-value is
the rank of the treated unit's ratio of post to pre mean squared prediction error among all of them.
Conformal (Chernozhukov, Wüthrich and Zhu 2021, JASA 116): under the null of a given effect all periods are fitted
together and the residuals of the window are compared with permuted ones; blocks that move keep the
autocorrelation, iid permutations do not. Jackknife+ (Barber, Candès, Ramdas and Tibshirani 2021, Annals of
Statistics 49): left out in turn are runs of periods as long as the window, so that the error of a total is
measured on totals. All work on gaps per treated unit in the scale of the fit.

What the module cannot do: make few donors or a short past say much. With n donors no p-value is below 1 / (n + 1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from helpers.checks import Check
from helpers.errors import HelpersError, UnknownNameError
from helpers.uplift.donors import Refit
from helpers.uplift.results import Interval, from_covariance

PERMUTATIONS = ("block", "iid")
STATISTICS = ("size", "mean")
SIGNIFICANT = 0.05
MOST_RUNS = 60


def rank_p(treated: float, placebos: np.ndarray) -> float:
    """Share of all units, the treated one included, whose statistic is at least the treated one's."""
    return float((1 + (placebos >= treated).sum()) / (1 + len(placebos)))


def mspe_ratios(gaps: np.ndarray, before: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean squared gap of the window over that before it, one per row of `gaps`."""
    pre = (gaps[:, before] ** 2).mean(1)
    with np.errstate(over="ignore"):
        return (gaps[:, inside] ** 2).mean(1) / np.maximum(pre, np.finfo(float).tiny)


def placebo_check(p: float, placebos: int, statistic: str) -> Check:
    """The p-value in words; it fails where donors show effects as large."""
    text = f"rank p-value {p:.3f} of {statistic} among {placebos} placebo runs on donors and the treated unit"
    return Check(name="placebo_in_space", passed=bool(p <= SIGNIFICANT), value=p, threshold=SIGNIFICANT, text=text)


def from_placebos(errors: np.ndarray, effect: np.ndarray, *, level: float, df: float = np.inf) -> Interval:
    """Interval from the gaps of placebo runs.

    Parameters
    ----------
    errors : array, shape (runs, window)
        Gaps of units that were not treated.
    effect : array, shape (window,)
        Gaps of the treated.
    level : float
    df : float, default inf
        Degrees of freedom of Student's t: the number of units that the runs rest on, or inf for a normal.
    """
    return from_covariance(errors.T @ errors / len(errors), effect, float(stats.t.ppf((1 + level) / 2, df)))


def rescaled(gaps: np.ndarray, own: np.ndarray, before: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Placebo gaps of the window as if each run had fitted the past as well as the treated unit's."""
    sizes = np.sqrt((gaps[:, before] ** 2).mean(1))
    size = float(np.sqrt(np.mean(own[before] ** 2)))
    usable = sizes > 1e-8 * np.abs(gaps[:, inside]).max()
    if not usable.any() or size == 0:
        return gaps[:, inside]
    return gaps[usable][:, inside] * (size / sizes[usable])[:, None]


def conformal_p(
    refit: Refit, series: np.ndarray, *, before: np.ndarray, inside: np.ndarray, null: float = 0.0,
    permutations: str = "block", statistic: str = "size", draws: int = 1000, seed: int = 0,
) -> float:  # fmt: skip
    """p-value of the null that the gap is `null` in every period of the window.

    Parameters
    ----------
    refit : callable
        Periods to learn from and series in, gaps out.
    series : array, shape (dates,)
        Mean of the treated.
    before, inside : array of int
    null : float, default 0.0
        Effect per period and treated unit, in the scale of the fit.
    permutations : {"block", "iid"}, default "block"
        All cyclic shifts, or `draws` random orders.
    statistic : {"size", "mean"}, default "size"
        ``mean |u|`` over the window, which sees any effect, or ``|mean u|``, which sees a lasting one.
    draws : int, default 1000
    seed : int, default 0

    Source
    ------
    Chernozhukov, Wüthrich and Zhu (2021), equations 2 to 6.
    """
    for what, name, known in (
        ("permutations", permutations, PERMUTATIONS), ("statistic", statistic, STATISTICS),
    ):  # fmt: skip
        if name not in known:
            raise UnknownNameError(what, name, list(known))
    adjusted = series.copy()
    adjusted[inside] -= null
    used = np.r_[before, inside]
    errors = refit(used, adjusted)[used]
    if statistic == "size":
        errors = np.abs(errors)
    count, width = len(used), len(inside)
    own = abs(errors[-width:].mean()) * (1 - 1e-9)  # rounding must not break ties
    if permutations == "block":
        around = np.cumsum(np.r_[0.0, errors, errors])
        return float(np.mean(np.abs(around[width : width + count] - around[:count]) / width >= own))
    orders = np.random.default_rng(seed).permuted(np.tile(errors, (draws, 1)), axis=1)
    return rank_p(own, np.abs(orders[:, :width].mean(1)))


def conformal(refit: Refit, series: np.ndarray, *, before: np.ndarray, inside: np.ndarray, level: float) -> Interval:
    """Effects of the same size in every period that the permutation test of their mean does not reject.

    Moving blocks; the ends are found by bisection on either side of the estimate. The interval of a weighted
    sum moves all periods together.

    Raises
    ------
    HelpersError
        So few periods that the test can reject nothing at `level`.
    """
    least = 1 / (len(before) + len(inside))
    if least > 1 - level:
        raise HelpersError(
            f"a conformal interval at {level:g} needs {round(1 / (1 - level))}+ periods, got {1 / least:.0f}"
        )
    gap = refit(before, series)
    effect, spread = gap[inside], float(np.sqrt(np.mean(gap[before] ** 2)))
    middle = float(effect.mean())
    spread = spread or abs(middle) or 1.0

    def rejected(null: float) -> bool:
        p = conformal_p(refit, series, before=before, inside=inside, null=null, statistic="mean")
        return p <= 1 - level

    ends = [_edge(rejected, middle, sign * spread) - middle for sign in (-1.0, 1.0)]

    def interval(weights: np.ndarray) -> tuple[float, float]:
        at, size = float(effect @ weights), float(np.abs(weights.sum()))
        return (at + ends[0] * size, at + ends[1] * size) if size else (at, at)

    return interval


def _edge(rejected: Callable[[float], bool], middle: float, step: float) -> float:
    """First null on one side of the estimate that is rejected, to 1 % of `step`."""
    near, far = 0.0, 1.0
    while not rejected(middle + far * step):
        near, far = far, 2 * far
        if far > 1e6:
            return middle + np.inf * step
    while far - near > 0.01 * max(1.0, near):
        half = (near + far) / 2
        near, far = (near, half) if rejected(middle + half * step) else (half, far)
    return middle + far * step


def jackknife_plus(
    refit: Refit, series: np.ndarray, *, before: np.ndarray, inside: np.ndarray, level: float
) -> Interval:
    """Interval from runs of pre-event periods that are left out in turn.

    For a weighted sum it holds the estimates without a run, each less and plus that run's own error; a run is as
    long as the window, or a third of the past where that is shorter (its errors are then repeated).

    Source
    ------
    Barber et al. (2021), equation 1.4, with runs instead of single points.
    """
    width = min(len(inside), max(1, len(before) // 3))
    starts = np.unique(np.linspace(0, len(before) - width, min(MOST_RUNS, len(before) - width + 1)).astype(int))
    repeat = np.resize(np.arange(width), len(inside))
    errors, effects = np.empty((2, len(starts), len(inside)))
    for k, start in enumerate(starts):
        run = np.arange(start, start + width)
        gap = refit(np.delete(before, run), series)
        errors[k], effects[k] = gap[before[run]][repeat], gap[inside]
    tails = [1 - level, level]  # of absolute errors, so each side holds the whole of 1 - level

    def interval(weights: np.ndarray) -> tuple[float, float]:
        at, off = effects @ weights, np.abs(errors @ weights)
        low = np.quantile(at - off, tails[0], method="lower")
        high = np.quantile(at + off, tails[1], method="higher")
        return float(low), float(high)

    return interval
