"""Before the event: the smallest effect that would be seen, and the power to see one.

A method's errors on placebo windows (actual less predicted total over predicted total) are what an event's
estimate will be wrong by. Over several units the error has a part that all share in a window and a part of each
unit's own, ``e_wu = c_w + o_wu``; averaging n units leaves ``se^2 = Var(c) + Var(o) / n``, and the smallest effect
found with the chance `power` by a two-sided test at `alpha` is (Bloom 1995, Evaluation Review 19, 547-556)

    mde = (z_{1-alpha/2} + z_power) se

What it cannot do: know an error that only the event brings, or how much an effect will differ between units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import ndtr, ndtri

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError

UNIT_COUNTS = (1, 2, 5, 10, 20, 40, 100, 200, 500, 1000)
GROUPS = 200  # groups of units drawn for the empirical curve
LEAST_WINDOWS = 20  # fewer placebo errors do not show a tail of 5 %
POINTS = 41  # of the power curve
SIZE_DOUBT = 0.01  # chance of so many false alarms if the normal test were right, below which it is not


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanResult:
    """What an event must bring to be seen. Effects and errors are shares of the window's baseline.

    Attributes
    ----------
    mde, mde_low, mde_high : float
        Smallest effect found with the chance `power`, for `unit_count` units together, and its 95 % interval from
        the number of placebo windows (equal to `mde` where a standard error was given).
    mde_empirical : float
        The same by injecting effects into the placebo windows; NaN where there are none.
    se : float
        Standard error of the mean effect of `unit_count` units.
    common_sd, own_sd : float
        Of the error that units share, and of a unit's own; NaN where one unit cannot tell them apart.
    floor : float
        Smallest effect found with any number of units; NaN with them.
    unit_count : int
    alpha, power : float
    by_units : DataFrame
        unit_count, se, mde, low, high.
    power_curve : DataFrame
        effect, power (normal), power_empirical (share of placebo windows in which the injected effect is found).
    checks : tuple of Check
        ``windows`` (enough of them), ``size`` (false alarms of the normal test on the placebo windows).
    text : str
    """

    mde: float
    mde_low: float
    mde_high: float
    mde_empirical: float
    se: float
    common_sd: float
    own_sd: float
    floor: float
    unit_count: int
    alpha: float
    power: float
    by_units: pd.DataFrame
    power_curve: pd.DataFrame
    checks: tuple[Check, ...]
    text: str


def minimum_detectable(
    errors: np.ndarray | float,
    *,
    unit_count: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
    common_share: float | None = None,
    unit_counts: Sequence[int] = UNIT_COUNTS,
    seed: int = 0,
) -> PlanResult:
    """Smallest effect, as a share of the baseline, that is found with the chance `power`.

    Parameters
    ----------
    errors : array, shape (windows, units) or (windows,), or float
        Placebo errors of window totals as shares of the predicted totals (`calibration.Placebos.shares`), NaN
        where a unit lacks a window; or the standard error of one unit.
    unit_count : int, default 1
        Units that will take part, weighted equally (see `effective_count`).
    alpha, power : float
        Two-sided level of the test, and the chance to pass it; 0-1, power above alpha.
    common_share : float, optional
        Share of one unit's error variance that all units have in common, 0-1. Default: estimated from the
        windows that two or more units have.
    unit_counts : sequence of int
        Rows of `by_units`.
    seed : int
        Draws of groups of units for the empirical curve.

    Returns
    -------
    PlanResult

    Raises
    ------
    HelpersError
        Settings out of range; several units asked for, but one unit's errors and no `common_share`.
    PanelError
        Fewer than 2 placebo errors, an infinite one, one of -1 or less.
    """
    _refuse(unit_count, alpha, power, common_share, unit_counts)
    matrix = _matrix(errors)
    common, own = _components(float(errors) if matrix is None else matrix, common_share)
    if unit_count > 1 and np.isnan(common):
        raise HelpersError(
            f"errors of one unit do not tell what units share; give common_share to plan for {unit_count} units"
        )
    reach = ndtri(1 - alpha / 2) + ndtri(power)
    counts = sorted({unit_count, *([1] if np.isnan(common) else unit_counts)})
    se_of = np.sqrt((0.0 if np.isnan(common) else common) + own / np.array(counts))
    by_units = _by_units(np.array(counts), se_of, matrix, common_share is None, reach)
    row = by_units.set_index("unit_count").loc[unit_count]
    se = float(row["se"])
    placebo = None if matrix is None else _groups(matrix, unit_count, seed)
    curve = _curve(se, placebo, alpha, 2 * row["mde"])
    floor = reach * np.sqrt(common)
    return PlanResult(
        mde=float(row["mde"]), mde_low=float(row["low"]), mde_high=float(row["high"]),
        mde_empirical=_injected(placebo, alpha, power), se=se, common_sd=float(np.sqrt(common)),
        own_sd=float(np.sqrt(own)), floor=float(floor), unit_count=unit_count, alpha=alpha, power=power,
        by_units=by_units, power_curve=curve, checks=() if matrix is None else _checks(matrix, alpha),
        text=_text(by_units, row, unit_count, floor, alpha, power),
    )  # fmt: skip


def power_at(effect: float | np.ndarray, *, se: float, alpha: float = 0.05) -> np.ndarray:
    """Chance that a two-sided test finds an effect, ``P(|effect/se + N(0, 1)| > z)``; `alpha` at an effect of 0."""
    z, shift = ndtri(1 - alpha / 2), np.asarray(effect, dtype=float) / se
    return ndtr(shift - z) + ndtr(-shift - z)


def units_needed(plan: PlanResult, *, effect: float) -> float:
    """Units that must take part for an effect to be found: ``Var(o) / ((effect / reach)^2 - Var(c))``.

    Parameters
    ----------
    plan : PlanResult
    effect : float
        Share of the baseline, not 0.

    Returns
    -------
    float
        A whole number; inf at or below the floor that shared errors set.

    Raises
    ------
    HelpersError
        An effect of 0, or a plan that does not know what units share.
    """
    if effect == 0 or not np.isfinite(effect):
        raise HelpersError(f"an effect must be finite and not 0, got {effect}")
    if np.isnan(plan.common_sd):
        raise HelpersError("the plan rests on one unit and does not tell what units share; give common_share")
    reach = ndtri(1 - plan.alpha / 2) + ndtri(plan.power)
    room = (effect / reach) ** 2 - plan.common_sd**2
    return float(max(1.0, np.ceil(plan.own_sd**2 / room * (1 - 1e-12)))) if room > 0 else np.inf


def effective_count(sizes: np.ndarray) -> float:
    """Equal units whose average is as noisy as the size-weighted one, ``(sum b)^2 / sum b^2``; for `unit_count`."""
    b = np.asarray(sizes, dtype=float)
    if b.size == 0 or not (np.isfinite(b) & (b >= 0)).all() or b.sum() == 0:
        raise HelpersError("sizes must be finite and 0 or more, at least one above 0")
    return float(b.sum() ** 2 / (b**2).sum())


def by_window(
    errors: Mapping[int, np.ndarray | float], *, unit_count: int = 1, alpha: float = 0.05, power: float = 0.8,
    common_share: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Smallest effect that is found for windows of different length.

    Parameters
    ----------
    errors : mapping of int to array
        Days of the window to its placebo errors, as in `minimum_detectable`.
    unit_count, alpha, power, common_share
        As there.

    Returns
    -------
    DataFrame
        days, se, mde (share of the window's baseline), mde_in_days (in days of baseline: what a burst of fixed
        size is held against; it rises with the window), low, high.
    """
    if not errors or any(days < 1 for days in errors):
        raise HelpersError(f"need one or more windows of 1+ days, got {sorted(errors)}")
    rows = []
    for days in sorted(errors):
        plan = minimum_detectable(
            errors[days], unit_count=unit_count, alpha=alpha, power=power, common_share=common_share
        )
        rows.append((days, plan.se, plan.mde, plan.mde * days, plan.mde_low, plan.mde_high))
    return pd.DataFrame(rows, columns=["days", "se", "mde", "mde_in_days", "low", "high"])


def _refuse(
    unit_count: int, alpha: float, power: float, common_share: float | None, unit_counts: Sequence[int]
) -> None:
    for count in (unit_count, *unit_counts):
        if not (np.isfinite(count) and count >= 1):
            raise HelpersError(f"unit_count must be 1 or more, got {count}")
    if not 0 < alpha < power < 1:
        raise HelpersError(f"alpha and power must hold 0 < alpha < power < 1, got {alpha} and {power}")
    if common_share is not None and not 0 <= common_share <= 1:
        raise HelpersError(f"common_share must lie from 0 to 1, got {common_share}")


def _matrix(errors: np.ndarray | float) -> np.ndarray | None:
    """Placebo errors, windows by units; None for a standard error."""
    matrix = np.asarray(errors, dtype=float)
    if matrix.ndim == 0:
        if not 0 < float(matrix) < np.inf:
            raise HelpersError(f"a standard error must be finite and above 0, got {float(matrix)}")
        return None
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    known = matrix[~np.isnan(matrix)]
    if matrix.ndim != 2 or len(known) < 2:
        raise PanelError(f"need 2+ placebo errors in a table of windows by units, got {len(known)}")
    if np.isinf(known).any() or (known <= -1).any():
        raise PanelError(f"placebo errors are shares of the baseline, finite and above -1; got {known.min():g}")
    return matrix


def _components(errors: np.ndarray | float, common_share: float | None) -> tuple[float, float]:
    """Variance that units share, NaN where it cannot be known, and variance of their own.

    Second moments around 0, because a bias is an error too. Products of two units' errors in one window have the
    shared variance as their mean.
    """
    if isinstance(errors, float):
        total, shared = errors**2, np.nan
    else:
        known = ~np.isnan(errors)
        filled, n = np.where(known, errors, 0.0), known.sum(1)
        total = float((filled**2).sum() / n.sum())
        pairs = (n * (n - 1)).sum()
        found = (filled.sum(1) ** 2 - (filled**2).sum(1)).sum() / pairs if pairs else np.nan
        shared = float(np.clip(found, 0, total))
    shared = shared if common_share is None else common_share * total
    return (np.nan, total) if np.isnan(shared) else (shared, total - shared)


def _by_units(
    counts: np.ndarray, se: np.ndarray, matrix: np.ndarray | None, is_estimated: bool, reach: float
) -> pd.DataFrame:
    low = high = se
    if matrix is not None:
        df = _freedom(counts if is_estimated else np.ones(len(counts)), matrix)
        low, high = (se * np.sqrt(df / stats.chi2.ppf(tail, df)) for tail in (0.975, 0.025))
    return pd.DataFrame({"unit_count": counts, "se": se, "mde": reach * se, "low": reach * low, "high": reach * high})


def _freedom(counts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Satterthwaite's degrees of freedom of ``se^2 = M + (1/n - 1/N) O``.

    M is the mean square of the windows' means over N units, with a degree of freedom per window; O the variance
    of the units' own errors, with N - 1 per window.
    """
    n = (~np.isnan(matrix)).sum(1)
    windows, units = int((n > 0).sum()), float(n[n > 0].mean())
    shared, own = _components(matrix, None)
    own = own if units > 1 else 0.0
    means = own / units + shared if units > 1 else float(np.nanmean(matrix**2))
    rest = own * (1 / counts - 1 / units)
    return (means + rest) ** 2 / (means**2 / windows + rest**2 / (windows * max(units - 1, 1)))


def _groups(matrix: np.ndarray, unit_count: float, seed: int) -> np.ndarray:
    """Placebo errors of groups of `unit_count` units, drawn without replacement; NaN-free."""
    size = round(unit_count)
    if size == 1:
        return matrix[~np.isnan(matrix)]
    full = matrix[:, ~np.isnan(matrix).any(0)]
    if full.shape[1] < size:
        return np.array([])
    rng = np.random.default_rng(seed)
    picks = np.argsort(rng.random((GROUPS, full.shape[1])), axis=1)[:, :size]
    return full[:, picks].mean(2).ravel()


def _injected(placebo: np.ndarray | None, alpha: float, power: float) -> float:
    """An effect d turns the error e into (1 + d)(1 + e) - 1; it is found above the errors' own 1 - alpha quantile."""
    if placebo is None or len(placebo) == 0:
        return np.nan
    limit = np.quantile(np.abs(placebo), 1 - alpha)
    return float(np.quantile((1 + limit) / (1 + placebo) - 1, power))


def _curve(se: float, placebo: np.ndarray | None, alpha: float, top: float) -> pd.DataFrame:
    effect = np.linspace(0, top, POINTS)
    found = np.full(POINTS, np.nan)
    if placebo is not None and len(placebo):
        limit = np.quantile(np.abs(placebo), 1 - alpha)
        found = np.array([(np.abs((1 + d) * (1 + placebo) - 1) > limit).mean() for d in effect])
    return pd.DataFrame({"effect": effect, "power": power_at(effect, se=se, alpha=alpha), "power_empirical": found})


def _checks(matrix: np.ndarray, alpha: float) -> tuple[Check, ...]:
    known = ~np.isnan(matrix)
    windows = int(known.any(1).sum())
    text = f"{windows} placebo windows" + ("" if windows >= LEAST_WINDOWS else ": too few to know the errors' tails")
    enough = Check(name="windows", passed=windows >= LEAST_WINDOWS, value=windows, threshold=LEAST_WINDOWS, text=text)
    errors = matrix[known]
    alarms = int((np.abs(errors) > ndtri(1 - alpha / 2) * np.sqrt(np.mean(errors**2))).sum())
    # windows share an error, so that only their number, not that of all errors, counts as independent
    share = alarms / len(errors)
    doubt = float(stats.binom.sf(np.ceil(share * windows) - 1, windows, alpha))
    text = f"without an event the normal test would call {100 * share:.1f} % of the placebo errors an effect "
    text += f"({100 * alpha:g} % meant)"
    return enough, Check(name="size", passed=doubt >= SIZE_DOUBT, value=share, threshold=alpha, text=text)


def _text(by_units: pd.DataFrame, row: pd.Series, unit_count: float, floor: float, alpha: float, power: float) -> str:
    def said(r: pd.Series) -> str:
        span = f" ({100 * r['low']:.1f} to {100 * r['high']:.1f} %)" if r["low"] < r["high"] else ""
        return f"{100 * r['mde']:.1f} % of the baseline{span}"

    name = "one unit" if unit_count == 1 else f"{unit_count:g} units together"
    text = f"With {name} an effect must reach {said(row)} to be found with a chance of {100 * power:g} % "
    text += f"(two-sided test at {100 * alpha:g} %)"
    others = [n for n in (1, 40, 1000) if n != unit_count and n in set(by_units["unit_count"])]
    for n, mde in by_units.set_index("unit_count")["mde"].loc[others].items():
        text += f"; {'one unit' if n == 1 else f'{n:,} units'}: {100 * mde:.1f} %"
    if floor > 0:
        text += f"; no number of units shows less than {100 * floor:.1f} %, the error that they share"
    return f"{text}."
