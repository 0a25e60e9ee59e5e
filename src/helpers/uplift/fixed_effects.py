"""Two-way fixed effects for one common event date: who is compared, on which periods, with which covariance.

With unit and period effects and one event date, ``y_it = a_i + d_t + sum_k b_k treated_i 1{t in bin k} + e_it``
on a balanced panel is a difference of means: with ``c_ik`` = mean of ``y_i`` in bin k minus its mean in the
reference bin, ``b_k = mean_treated(c_k) - mean_controls(c_k)``, and the cluster-robust covariance (CRV1,
Liang and Zeger 1986) is ``sum_i r_i r_i' / n_side(i)^2`` with ``r_i`` = c_i minus its side's mean, times the
small-sample factor. That is exact and needs units x bins numbers, where a dense design needs units x
periods x bins. What is not balanced goes to pyfixest, if the design fits in memory.

``controls`` covariance follows Conley and Taber (2011, ReStat 93): with few treated units their own spread
says little, so each treated unit is taken to vary as the controls do.

What the module cannot do: different event dates (see `helpers.uplift.staggered`, `helpers.uplift.bacon`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError
from helpers.uplift.panels import SHOWN, Panel

SCALES = ("log", "level")
CLUSTERS = ("unit", "controls", "pooled")
MAX_DESIGN_BYTES = 2e9
MIN_CLUSTERS = 10
"""Treated units below which their own spread says little about the error (Conley and Taber 2011)."""

COPIES = 13
"""Peak memory of pyfixest over the bytes of its dense design, measured on 2 million rows x 24 columns."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Coefficients of one regression.

    Attributes
    ----------
    beta : array, shape (bins,)
        Effects in the scale of the regression.
    covariance : array, shape (bins, bins)
        Of `beta`.
    gap : array, shape (periods,)
        Treated minus controls, less the same in the reference bin; NaN where a side was not seen.
    df : int
        Degrees of freedom of t: clusters - 1, or those of the one spread that both sides share.
    """

    beta: np.ndarray
    covariance: np.ndarray
    gap: np.ndarray
    df: int


def sides(panel: Panel, *, treated: Sequence[str], controls: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the treated and of the controls (all others where none are named).

    Raises
    ------
    DonorError
        No treated unit, no control, a treated unit among the controls, a unit named twice.
    UnknownNameError
        There is no such unit.
    """
    if isinstance(treated, str) or isinstance(controls, str):
        raise DonorError(f"treated and controls are lists of units, got the text {treated or controls!r}")
    rows = panel.rows(treated)
    others = np.setdiff1d(np.arange(len(panel.units)), rows) if controls is None else panel.rows(controls)
    for what, found in (("treated", rows), ("controls", others)):
        twice = panel.units[found][pd.Index(found).duplicated()]
        if len(twice):
            raise DonorError(f"a unit may be named once among the {what}, got {name_some(twice)} twice")
    both = np.intersect1d(rows, others)
    if len(both):
        raise DonorError(f"a treated unit may not be its own control, got {name_some(panel.units[both])} on both sides")
    if not len(rows):
        raise DonorError("need 1+ treated units, got none")
    if not len(others):
        raise DonorError(
            f"need 1+ controls, got none: all {len(panel.units)} units are treated; use the everything-is-treated "
            "mode (other years' aligned windows), a difference-in-differences has nothing to compare with"
        )
    return rows, others


def scaled(panel: Panel, rows: np.ndarray, periods: np.ndarray, scale: str) -> np.ndarray:
    """Values of these rows and periods in the scale of the regression.

    Raises
    ------
    UnknownNameError
        No such scale.
    PanelError
        Logs are asked for and a value is not above 0.
    """
    if scale not in SCALES:
        raise UnknownNameError("scale", scale, list(SCALES))
    values = values_of(panel, rows, periods)
    if scale == "level":
        return values
    bad = values <= 0
    if bad.any():
        row, period = np.argwhere(bad)[0]
        raise PanelError(
            f"logs need values above 0; {int(bad.sum())} unit-periods are not, the first is "
            f"{values[row, period]:g} of {panel.units[rows[row]]} on {panel.dates[periods[period]]:%Y-%m-%d}; "
            "use scale='level' or leave the unit out"
        )
    return np.log(values)


def values_of(panel: Panel, rows: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Values of these rows and periods, shape (rows, periods)."""
    return panel.values[np.ix_(rows, periods)]


def incomplete(panel: Panel, rows: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, tuple[Check, ...]]:
    """The rows with a value in every one of the periods, and the check that counts the others."""
    whole = ~np.isnan(values_of(panel, rows, periods)).any(axis=1)
    if whole.all():
        return rows, ()
    gone = panel.units[rows[~whole]]
    text = f"{len(gone)} of {len(rows)} units lack a value and are left out: {name_some(gone)}"
    return rows[whole], (Check(name="incomplete_units", passed=None, value=len(gone), threshold=0, text=text),)


def require_balance(panel: Panel, rows: np.ndarray, periods: np.ndarray, what: str) -> None:
    """Refuse a panel with missing values.

    Raises
    ------
    PanelError
        Names the units and counts the values.
    """
    missing = np.isnan(values_of(panel, rows, periods))
    if missing.any():
        short = panel.units[rows[missing.any(axis=1)]]
        raise PanelError(
            f"{what} needs a value of every unit in every period; {int(missing.sum())} are missing in {len(short)} "
            f"units: {name_some(short)}; set drop_incomplete=True to leave these units out"
        )


def require_level(level: float) -> None:
    """Refuse a nominal coverage such as 95.

    Raises
    ------
    HelpersError
        Names the value.
    """
    if not 0 < level < 1:
        raise HelpersError(f"level must lie between 0 and 1, such as 0.95, got {level:g}")


def treated_clusters(count: int, cluster: str = "unit") -> Check:
    """Are there enough treated units for their own spread to be an error?"""
    enough = count >= MIN_CLUSTERS
    text = f"{count} treated unit(s)"
    if not enough and cluster == "unit":
        text += ": standard errors from their own spread are too small with so few"
    elif not enough:
        text += ", their errors taken to spread as the controls' do"
    passed = enough if cluster == "unit" else None
    return Check(name="treated_clusters", passed=passed, value=count, threshold=MIN_CLUSTERS, text=text)


def name_some(units: pd.Index) -> str:
    """The first few names and how many there are."""
    more = len(units) - SHOWN
    return ", ".join(str(unit) for unit in units[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def fit(y: np.ndarray, *, treated: np.ndarray, bins: np.ndarray, cluster: str = "unit") -> Fit:
    """Effects by bin against the reference bin, unit and period effects taken out.

    Parameters
    ----------
    y : array, shape (units, periods)
        In the scale of the regression; NaN where unknown.
    treated : array of bool, shape (units,)
        Side of each unit.
    bins : array of int, shape (periods,)
        0 for the reference bin, 1 to K for the bins that get a coefficient, -1 for what is left out.
    cluster : {"unit", "controls", "pooled"}, default "unit"
        "unit" clusters by unit (CRV1 with the small-sample factor of fixest); "controls" takes the
        controls' spread for both sides, for few treated units; "pooled" one spread from both sides.

    Raises
    ------
    HelpersError
        Fewer than 2 units on the side whose spread is used; a design that needs too much memory.
    """
    if cluster not in CLUSTERS:
        raise UnknownNameError("cluster", cluster, list(CLUSTERS))
    counts = int(treated.sum()), int((~treated).sum())
    if counts[1] < 2:
        raise DonorError(f"the spread of the controls needs 2+ controls, got {counts[1]}")
    used = bins >= 0
    if np.isnan(y[:, used]).any():
        return _fit_unbalanced(y, treated, bins, cluster)
    contrast = contrasts(bins)
    by_unit = y[:, used] @ contrast[:, used].T
    gap = _means(y, treated, used)
    beta = by_unit[treated].mean(axis=0) - by_unit[~treated].mean(axis=0)
    covariance = cluster_covariance(by_unit, treated, periods=int(used.sum()), cluster=cluster)
    df = {"unit": len(y) - 1, "controls": counts[1] - 1, "pooled": len(y) - 2}[cluster]
    return Fit(beta=beta, covariance=covariance, gap=gap - gap[bins == 0].mean(), df=df)


def contrasts(bins: np.ndarray) -> np.ndarray:
    """Weights that turn a unit's periods into bin means less the reference mean, shape (bins, periods)."""
    which = np.arange(bins.max() + 1)[:, None] == bins
    means = which / which.sum(axis=1, keepdims=True)
    return means[1:] - means[0]


def cluster_covariance(by_unit: np.ndarray, treated: np.ndarray, *, periods: int, cluster: str) -> np.ndarray:
    """Covariance of the differences of means of `by_unit`, shape (units, bins)."""
    sides_of = (by_unit[treated], by_unit[~treated])
    residuals = [side - side.mean(axis=0) for side in sides_of]
    if cluster != "unit":
        of = residuals[1:] if cluster == "controls" else residuals
        spread = sum(side.T @ side for side in of) / sum(len(side) - 1 for side in of)
        return spread * sum(1 / len(side) for side in residuals)
    clusters, rows = len(by_unit), by_unit.shape[0] * periods
    # As fixest counts: coefficients and period effects; the unit effects are nested in the clusters.
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - by_unit.shape[1] - periods)
    return factor * sum(side.T @ side / len(side) ** 2 for side in residuals)


def _means(y: np.ndarray, treated: np.ndarray, used: np.ndarray) -> np.ndarray:
    gap = np.full(y.shape[1], np.nan)
    gap[used] = y[treated][:, used].mean(axis=0) - y[~treated][:, used].mean(axis=0)
    return gap


def _fit_unbalanced(y: np.ndarray, treated: np.ndarray, bins: np.ndarray, cluster: str) -> Fit:
    """The same regression by pyfixest; the dense design is held against the memory before it is built."""
    if cluster != "unit":
        raise PanelError(f"cluster={cluster!r} needs a balanced panel: set drop_incomplete=True")
    known = ~np.isnan(y) & (bins >= 0)
    count = int(bins.max())
    need = int(known.sum()) * (count + 3) * 8 * COPIES
    if need > MAX_DESIGN_BYTES:
        raise HelpersError(
            f"an unbalanced panel of {int(known.sum()):,} rows with {count} coefficients needs a dense design of about "
            f"{need / 1e9:.0f} GB (at most {MAX_DESIGN_BYTES / 1e9:.0f}): set drop_incomplete=True, which takes none"
        )
    import pyfixest as pf

    unit, period = np.nonzero(known)
    columns = {f"b{k}": (treated[unit] & (bins[period] == k)).astype(float) for k in range(1, count + 1)}
    frame = pd.DataFrame({"y": y[known], "unit": unit, "period": period, **columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is dropped is an error below
        model = pf.feols(
            f"y ~ {' + '.join(columns)} | unit + period", frame, vcov={"CRV1": "unit"}, lean=False, fixef_rm="none"
        )
    lost = sorted(set(columns) - set(model.coef().index))
    if lost:
        raise PanelError(f"{len(lost)} of {count} periods or bins of the window have no value on one of the sides")
    names = list(model.coef().index)
    order = [names.index(name) for name in columns]
    beta = model.coef().to_numpy()[order]
    return Fit(
        beta=beta, covariance=np.asarray(model._vcov)[np.ix_(order, order)],
        gap=_gap_of(np.asarray(model.resid()), unit, period, treated, bins, beta), df=len(np.unique(unit)) - 1,
    )  # fmt: skip


def _gap_of(
    residuals: np.ndarray, unit: np.ndarray, period: np.ndarray, treated: np.ndarray, bins: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """Effect of each period plus what treated and controls differ by in its residuals."""
    side = []
    for rows in (treated[unit], ~treated[unit]):
        total = np.bincount(period[rows], residuals[rows], len(bins))
        seen = np.bincount(period[rows], minlength=len(bins)).astype(float)
        side.append(np.divide(total, seen, out=np.full(len(bins), np.nan), where=seen > 0))
    return np.where(bins >= 0, np.r_[0.0, beta][np.maximum(bins, 0)] + side[0] - side[1], np.nan)
