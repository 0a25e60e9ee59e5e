"""Did treated and controls move alike before the event, and how unlike may they be without changing the answer?

Two questions, two tools. The Wald test over leads asks whether the gap was flat before the event; a pass is
weak evidence, since such tests miss many trends that would matter (Roth 2022, AER: Insights 4), so the drift
that the test would find in half of the samples is given with it. The honest bounds (Rambachan and Roth 2023,
REStud 90; library diff_diff) turn it round: if the gap may change between neighbouring blocks after the event by
at most M times the largest change seen before, how large may M be before the interval holds zero?

What the module cannot do: prove parallel trends. The bounds hang on the blocks: short ones are noisy, and noise
in the largest change before the event makes M small.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import optimize, stats

from helpers.checks import Check

PRETEST_P = 0.05
BREAKDOWN_M = 1.0
"""A breakdown below 1 means: a change as large as one seen before the event would undo the verdict."""

MAX_M = 10.0
ROTH = "a pass is weak evidence, such tests miss many trends that would matter (Roth 2022)"


def wald(beta: np.ndarray, covariance: np.ndarray, *, df: float = np.inf) -> tuple[float, float]:
    """Joint test that all coefficients are 0: Hotelling's ``F = b' V^-1 b (df - K + 1) / (df K)`` and its p-value.

    Parameters
    ----------
    beta : array, shape (K,)
    covariance : array, shape (K, K)
    df : float, default infinity
        Degrees of freedom of the covariance; infinity gives Wald's chi-squared test.

    Returns
    -------
    tuple of float
        F and p; NaN where the covariance is singular or rests on too few units.
    """
    count = len(beta)
    if not count or df < count or not np.isfinite(covariance).all() or not np.linalg.cond(covariance) < 1e12:
        return np.nan, np.nan
    statistic = float(beta @ np.linalg.solve(covariance, beta))
    if np.isinf(df):
        return statistic / count, float(stats.chi2.sf(statistic, count))
    statistic *= (df - count + 1) / (df * count)
    return statistic, float(stats.f.sf(statistic, count, df - count + 1))


def pretest(p: float, what: str, *, drift: str = "") -> Check:
    """The check of a joint test of leads; informs only where there is no p-value."""
    if np.isnan(p):
        return Check(name="pre_trends", passed=None, threshold=PRETEST_P, text=f"no test of parallel trends: {what}")
    passed = bool(p > PRETEST_P)
    word = "does not reject" if passed else "rejects"
    text = f"joint test of {what} {word} parallel trends (p = {p:.3g})" + (f"; {ROTH}" if passed else "") + drift
    return Check(name="pre_trends", passed=passed, value=p, threshold=PRETEST_P, text=text)


def drift_found(covariance: np.ndarray, distance: np.ndarray, *, df: float, power: float = 0.5) -> float:
    """Slope per block of a straight drift that the joint test finds with the given power (Roth 2022).

    Parameters
    ----------
    covariance : array, shape (K, K)
        Of the leads.
    distance : array, shape (K,)
        Blocks from each lead to the reference.
    df : float
        Degrees of freedom of the covariance.
    power : float, default 0.5
        Share of samples in which the drift is found.
    """
    count, df = len(distance), df - len(distance) + 1
    critical = stats.f.ppf(1 - PRETEST_P, count, df)
    size = optimize.brentq(lambda nc: stats.ncf.sf(critical, count, df, nc) - power, 1e-6, 1e4)
    return float(np.sqrt(size / (distance @ np.linalg.solve(covariance, distance))))


def surface(beta: np.ndarray, covariance: np.ndarray, *, leads: int, df: float, level: float) -> object:
    """Coefficients in the library's form: `leads` blocks before the reference, the others right after it."""
    import diff_diff as dd

    labels = [*range(-leads, 0), *range(1, len(beta) - leads + 1)]
    se = np.sqrt(np.diag(covariance))
    effects = {
        label: dd.PeriodEffect(period=label, effect=b, se=s, t_stat=b / s, p_value=np.nan, conf_int=(np.nan, np.nan))
        for label, b, s in zip(labels, beta, se, strict=True)
    }
    nothing = {"avg_att": np.nan, "avg_se": np.nan, "avg_t_stat": np.nan, "avg_p_value": np.nan}
    return dd.MultiPeriodDiDResults(
        period_effects=effects, **nothing, avg_conf_int=(np.nan, np.nan), n_obs=0, n_treated=0, n_control=0,
        pre_periods=labels[:leads], post_periods=labels[leads:], reference_period=0, alpha=1 - level, vcov=covariance,
        interaction_indices={label: place for place, label in enumerate(labels)}, inference_df=df,
    )  # fmt: skip


def honest(estimates: object, *, level: float, blocks: str = "event times") -> tuple[Check, ...]:
    """Breakdown value M of the mean effect under relative magnitudes (Rambachan and Roth 2023).

    Parameters
    ----------
    estimates : event study of diff_diff
        From `surface` or from a fit of the library.
    level : float
        Nominal coverage.
    blocks : str
        What the coefficients are of, for the text.

    Returns
    -------
    tuple of Check
        ``honest_bounds``: value is M, infinite (10 and more) where zero stays outside; empty where the
        library refuses.
    """
    import diff_diff as dd

    model = dd.HonestDiD(method="relative_magnitude", alpha=1 - level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            breakdown = model.breakdown_value(estimates, tol=0.005)
        except (ValueError, TypeError, np.linalg.LinAlgError):
            return ()
    value = float("inf") if breakdown is None else float(breakdown)
    if value == 0:
        text = "the effect cannot be told from zero even under exactly parallel trends"
    elif np.isinf(value):
        text = f"the effect stays apart from zero even if the gap changed {MAX_M:.0f} times as much as ever before"
    else:
        text = (
            f"the effect can no longer be told from zero once the gap may change {value:.2f} times as much between "
            f"neighbouring {blocks} as it did at most before the event (Rambachan and Roth 2023)"
        )
    passed = None if value == 0 else value >= BREAKDOWN_M
    return (Check(name="honest_bounds", passed=passed, value=value, threshold=BREAKDOWN_M, text=text),)
