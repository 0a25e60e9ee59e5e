"""The estimators of group-time effects of the library diff_diff, brought into one form.

Written here is only what the library does not hand out: the joint covariance of the ATT(g, t) without
covariates. Each is a difference of two means of differences, so a unit's influence psi on it is its
difference less the mean of its side, over the size of the side; sums of products of psi are covariances.
The Wald pre-test of Callaway and Sant'Anna (2021) and the averages over groups follow from it.

What the module cannot do: covariates, clusters above the unit, unbalanced panels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.uplift.parallel_trends import honest, wald

CONTROLS = {"never": "never_treated", "not_yet": "not_yet_treated"}
MAX_HONEST_TIMES = 40
"""Honest bounds solve a linear programme per lead and event time; beyond this they take minutes."""

MAX_LEADS = 12
"""Leads of a joint test; imputation builds a dense column for each."""

MAX_DESIGN_BYTES = 2e9
COPIES = 6
"""Peak memory of the library's Sun-Abraham over the bytes of its dense design, measured on 80,000 x 1,200."""

NAMES = {"outcome": "y", "unit": "unit", "time": "time", "first_treat": "first"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """What every estimator hands over.

    Attributes
    ----------
    times, att, covariance : array
        Event times, their effects and the covariance of these.
    cells : DataFrame
        group, time (places in the calendar), att, se.
    averages : dict of str to (float, float)
        "simple" and "group" with their standard error, where `covariance` does not give them.
    pretest : (float, str)
        p-value and what was tested, or why there is none.
    checks : tuple of Check
    """

    times: np.ndarray
    att: np.ndarray
    covariance: np.ndarray
    cells: pd.DataFrame
    averages: dict[str, tuple[float, float]]
    pretest: tuple[float, str]
    checks: tuple[Check, ...]


def _long(y: np.ndarray, first: np.ndarray) -> pd.DataFrame:
    """The table that the library reads: periods count from 1, 0 is never treated."""
    units, periods = y.shape
    group = np.where(first < periods, first + 1, 0)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(1, periods + 1), units),
            "y": y.ravel(), "first": np.repeat(group, periods),
        }
    )  # fmt: skip


def estimate(
    method: str, y: np.ndarray, first: np.ndarray, *, controls: str, anticipation: int, level: float
) -> Effects:
    """Fit one of the estimators of this module; what the library warns of becomes a check.

    Parameters
    ----------
    method : {"callaway_santanna", "imputation", "sun_abraham"}
    y : array, shape (units, periods)
        Balanced, in the scale of the regression.
    first : array of int, shape (units,)
        Place of the first period under treatment, 1 or more; the number of periods for never.
    controls : {"never", "not_yet"}
    anticipation : int
        Periods before the start in which an effect may be there already.
    level : float
        Nominal coverage.

    Raises
    ------
    HelpersError
        The library refuses the data, or would need a design that does not fit in memory.
    """
    run = {"callaway_santanna": _callaway_santanna, "imputation": _imputation, "sun_abraham": _sun_abraham}[method]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = run(y, first, controls, anticipation, level)
    # Deprecations and performance are between the libraries; they say nothing of the data.
    inner = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, pd.errors.PerformanceWarning)
    said = sorted({" ".join(str(w.message).split()) for w in heard if not issubclass(w.category, inner)})
    check = Check(name="library_warnings", passed=None, value=len(said), text="; ".join(said))
    return replace(found, checks=(*found.checks, check)) if said else found


def _fitted(estimator: object, frame: pd.DataFrame) -> object:
    """Fit; the library's refusals are our errors."""
    try:
        return estimator.fit(frame, **NAMES)
    except (ValueError, np.linalg.LinAlgError) as problem:
        raise HelpersError(f"{type(estimator).__name__} cannot be fitted: {problem}") from problem


def _callaway_santanna(y: np.ndarray, first: np.ndarray, controls: str, anticipation: int, level: float) -> Effects:
    import diff_diff as dd

    settings = {"control_group": CONTROLS[controls], "anticipation": anticipation, "estimation_method": "reg"}
    frame = _long(y, first)
    fitted = _fitted(dd.CallawaySantAnna(alpha=1 - level, **settings), frame)
    cells = pd.DataFrame(
        [(g - 1, t - 1, cell["effect"], cell["se"]) for (g, t), cell in fitted.group_time_effects.items()],
        columns=["group", "time", "att", "se"],
    ).dropna(subset="att")
    path = fitted.aggregate("event_study")
    keep = np.isfinite(path.att) & ~np.asarray(path.is_reference)
    at = [list(path.vcov_index).index(e) for e in np.asarray(path.event_time)[keep]]
    times, covariance = np.asarray(path.event_time)[keep].astype(int), np.asarray(path.vcov)[np.ix_(at, at)]
    att = np.asarray(path.att)[keep]
    checks = ()
    if len(times) <= MAX_HONEST_TIMES and (times < -anticipation).sum() >= 2:
        universal = _fitted(dd.CallawaySantAnna(alpha=1 - level, base_period="universal", **settings), frame)
        checks = honest(universal.aggregate("event_study"), level=level)
    return Effects(
        times=times, att=att, covariance=covariance, cells=cells, checks=checks,
        averages={
            name: _average(y, first, cells, controls, anticipation, by_group=name == "group")
            for name in ("simple", "group")
        },
        pretest=_wald_cells(y, first, cells, controls, anticipation)
        or _wald_leads(times, att, covariance, anticipation),
    )  # fmt: skip


def _influence(
    change: np.ndarray, first: np.ndarray, group: int, since: int, controls: str, periods: int
) -> np.ndarray:
    """Influence of each unit on a difference of mean changes; the squares sum to the variance."""
    mine = first == group
    others = (first == periods) if controls == "never" else (first > since) & ~mine
    out = np.zeros(len(first))
    for side, sign in ((mine, 1), (others, -1)):
        out[side] = sign * (change[side] - change[side].mean()) / side.sum()
    return out


def _cell(y: np.ndarray, first: np.ndarray, g: int, t: int, controls: str, anticipation: int) -> np.ndarray:
    base = t - 1 if t < g else g - 1 - anticipation
    return _influence(y[:, t] - y[:, base], first, g, max(t, base) + anticipation, controls, y.shape[1])


def _wald_cells(
    y: np.ndarray, first: np.ndarray, cells: pd.DataFrame, controls: str, anticipation: int
) -> tuple[float, str] | None:
    """Joint test of all ATT(g, t) before treatment, as Callaway and Sant'Anna; None if there are too many."""
    before = cells[cells["time"] < cells["group"] - anticipation]
    if before.empty or 2 * len(before) > len(y):
        return None
    psi = np.array(
        [_cell(y, first, g, t, controls, anticipation) for g, t in zip(before["group"], before["time"], strict=True)]
    )
    return _wald(before["att"].to_numpy(), psi @ psi.T, f"{len(before)} group-time effects before treatment")


def _wald_leads(times: np.ndarray, att: np.ndarray, covariance: np.ndarray, anticipation: int) -> tuple[float, str]:
    """Joint test of the nearest leads of the event-time path."""
    leads = np.flatnonzero(times < -anticipation)[-MAX_LEADS:]
    if not len(leads):
        return np.nan, "there is no estimate before treatment"
    return _wald(att[leads], covariance[np.ix_(leads, leads)], f"the {len(leads)} event times nearest before treatment")


def _wald(att: np.ndarray, covariance: np.ndarray, what: str) -> tuple[float, str]:
    p = wald(att, covariance)[1]
    return p, f"the covariance of {what} is singular" if np.isnan(p) else what


def _average(
    y: np.ndarray, first: np.ndarray, cells: pd.DataFrame, controls: str, anticipation: int, *, by_group: bool
) -> tuple[float, float]:
    """Mean effect over treated unit-periods, or over units of their group's mean, with its standard error.

    The groups' shares are estimated too: what a treated unit adds to the mean beside the mean's own value
    is its influence through them.
    """
    after = cells[cells["time"] >= cells["group"]]
    table = after.groupby("group")["att"].agg(["sum", "size"])
    table["units"] = [(first == g).sum() for g in table.index]
    table["weight"] = 1 / table["size"] if by_group else 1.0
    whole = float((table["units"] * table["weight"] * table["size"]).sum())
    mean = float((table["units"] * table["weight"] * table["sum"]).sum()) / whole
    psi = np.zeros(len(first))
    for g, times in after.groupby("group")["time"]:
        row = table.loc[g]
        moved = sum(_cell(y, first, g, t, controls, anticipation) for t in times)
        psi += row["units"] * row["weight"] * moved / whole
        psi[first == g] += row["weight"] * (row["sum"] - mean * row["size"]) / whole
    return mean, float(np.sqrt((psi**2).sum()))


def _sun_abraham(y: np.ndarray, first: np.ndarray, controls: str, anticipation: int, level: float) -> Effects:
    import diff_diff as dd

    columns = len(np.unique(first[first < y.shape[1]])) * (y.shape[1] - 1)
    need = y.size * columns * 8 * COPIES
    if need > MAX_DESIGN_BYTES:
        raise HelpersError(
            f"sun_abraham needs a dense design of {y.size:,} rows and {columns:,} columns, about {need / 1e9:.0f} GB "
            f"(at most {MAX_DESIGN_BYTES / 1e9:.0f}): use callaway_santanna, which takes none, or weeks instead of days"
        )
    estimator = dd.SunAbraham(control_group=CONTROLS[controls], anticipation=anticipation, alpha=1 - level)
    fitted = _fitted(estimator, _long(y, first))
    cells = pd.DataFrame(
        [(g - 1, g - 1 + e, cell["effect"], cell["se"]) for (g, e), cell in fitted.cohort_effects.items()],
        columns=["group", "time", "att", "se"],
    ).dropna(subset="att")
    times = np.array(sorted(fitted.event_study_effects), dtype=int)
    att = np.array([fitted.event_study_effects[e]["effect"] for e in times])
    at = [list(fitted.event_study_vcov_index).index(e) for e in times]
    covariance = np.asarray(fitted.event_study_vcov)[np.ix_(at, at)]
    return Effects(
        times=times, att=att, covariance=covariance, cells=cells, averages={}, checks=(),
        pretest=_wald_leads(times, att, covariance, anticipation),
    )  # fmt: skip


def _imputation(y: np.ndarray, first: np.ndarray, controls: str, anticipation: int, level: float) -> Effects:
    import diff_diff as dd

    few = y.shape[1] <= MAX_HONEST_TIMES
    estimator = dd.ImputationDiD(anticipation=anticipation, alpha=1 - level, pretrends=few)
    fitted = _fitted(estimator, _long(y, first))
    path = fitted.aggregate("event_study")
    keep = np.isfinite(path.att) & ~np.asarray(path.is_reference)
    times, att, se = (np.asarray(a)[keep] for a in (path.event_time, path.att, path.se))
    effects = fitted.treatment_effects
    effects = effects.assign(group=first[effects["unit"]], time=effects["time"] - 1)
    cells = effects.groupby(["group", "time"])["tau_hat"].mean().rename("att").reset_index().assign(se=np.nan)
    counts = np.array([(effects["rel_time"] == e).sum() for e in times], float)
    after = times >= -anticipation
    weights = np.where(after, counts, 0) / counts[after].sum()
    try:
        test = fitted.pretrend_test(n_leads=None if few else MAX_LEADS)
        pretest = float(test["p_value"]), f"{test['n_leads']} leads in the regression of untreated observations"
    except (ValueError, RuntimeError, np.linalg.LinAlgError) as problem:
        pretest = np.nan, f"the library gives no test of the leads ({problem})"
    return Effects(
        times=times.astype(int), att=att, covariance=_one_correlation(se, weights, float(fitted.overall_se)),
        cells=cells, averages={}, pretest=pretest, checks=(),
    )  # fmt: skip


def _one_correlation(se: np.ndarray, weights: np.ndarray, total: float) -> np.ndarray:
    """Covariance with the given standard errors, and one correlation that gives the weighted mean its own.

    The library hands out the standard error of every event time and of the overall mean, not what lies
    between them; this is exact for both.
    """
    part = weights * se
    alone, cross = float(part @ part), float(part.sum() ** 2 - part @ part)
    rho = np.clip((total**2 - alone) / cross, -1, 1) if cross > 0 else 0.0
    return np.outer(se, se) * (rho + (1 - rho) * np.eye(len(se)))
