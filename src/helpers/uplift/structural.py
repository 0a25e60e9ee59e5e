"""The structural counterfactual of one unit, or of several together.

In logs a unit is a trend, weekdays, a season of the year, holidays, the market's factors with the unit's own
loadings, a slowly wandering level and autocorrelated noise (`helpers.uplift.gls`); the window's days are
forecast jointly from all other days, so that the interval of the total carries the noise, its
autocorrelation, the coefficients and their uncertainty. In the spirit of Brodersen et al. (2015, Annals of
Applied Statistics 9, 247-274) and Bai (2009); without sampling, and with intervals that are held against
placebo windows of the same series before they are shown. What it cannot do: correct for something else
that happened during the window, or for controls that the event reached.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.uplift import calibration, preparation, results
from helpers.uplift.counterfactual import Estimates, Model
from helpers.uplift.panels import Panel, panel
from helpers.uplift.preparation import ModelSettings, listed, refuse_negative
from helpers.uplift.results import UpliftResult
from helpers.uplift.windows import EventWindow

METHOD = "structural"
ENOUGH = 0.5  # share of the units that a joint placebo window needs
GOOD_FIT = 0.15  # pre-period error of a period as a share of its mean


def structural(
    frame: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    controls: Sequence[str] | None = None,
    past: Sequence[EventWindow] = (),
    regressors: pd.DataFrame | None = None,
    settings: ModelSettings | None = None,
    fact_ids: Sequence[str] = (),
) -> UpliftResult:
    """What the event added to a unit, or to several taken together, against a structural counterfactual.

    ``effect = sum over the window of (observed - E[value without the event])``.

    Parameters
    ----------
    frame : DataFrame or Panel
        unit, date, value; as `helpers.uplift.panel` takes it.
    event : EventWindow
        The window; its pre-dip and after-effect are accounted with it. Days after the window are used.
    treated : str or sequence of str
        Units that took part; several are added up.
    controls : sequence of str, optional
        Units that did not. Default: all others. With none at all the units' own past must do, and the
        check ``clean_controls`` fails.
    past : sequence of EventWindow
        Other events; their days are left out of the fit.
    regressors : DataFrame, optional
        Indexed by date, one column per holiday or other cause; constant columns are left out.
    settings : ModelSettings, optional
        What the model contains.
    fact_ids : sequence of str
        Ledger rows that the values come from.

    Returns
    -------
    UpliftResult
        `fit` has ``noise`` (standard deviation of the errors), ``rho``, ``factors``, ``placebo_rmse_share`` (of window
        totals) and ``stretch`` beside the usual entries.

    Raises
    ------
    WindowError, DonorError, PanelError, UnknownNameError, HelpersError
        See `Model.build` and `Model.estimate`.
    """
    data = panel(frame)
    settings = settings or ModelSettings()
    names = preparation.names_of(treated, "treated")
    rows = data.rows(names)
    others = [str(u) for u in data.units if u not in set(names)] if controls is None else listed(controls)
    refuse_negative(data, rows, settings.scale)
    model = Model.build(
        data, event=event, treated=names, controls=others, past=past, regressors=regressors, settings=settings
    )
    return _result(model, data, names, model.estimate(data.values[rows], "treated"), fact_ids)


def _result(model: Model, data: Panel, names: list[str], found: Estimates, fact_ids: Sequence[str]) -> UpliftResult:
    values = data.values[data.rows(names)]
    spread, scores = together(found, model.belief["treated"].common_sd, model.widening("treated"))
    tested = calibration.calibrate(scores[:, None], level=model.settings.level, pool=False)
    fitted = model.fitted(values, "treated", found)
    observed, expected, holes = _added(model, names, values, fitted)
    known = ~np.isnan(observed[model.hidden])
    covariance = (_covariance(found, spread) * tested.factor[0] ** 2)[np.ix_(known, known)]
    effect = (observed - expected)[model.hidden][known]
    unit = names[0] if len(names) == 1 else f"{len(names)} units"
    return results.assemble(
        method=METHOD, unit=unit, window=model.window, phases=model.phases, dates=model.dates, observed=observed,
        counterfactual=expected, unit_count=len(names), level=model.settings.level, fact_ids=fact_ids,
        interval=results.from_covariance(covariance, effect, float(tested.quantile[0])),
        fit=_diagnostics(model, found, tested, observed, expected),
        checks=(tested.check(), *_fit_checks(model, observed, expected, found), *holes, *model.checks, *data.checks),
    )  # fmt: skip


def _added(
    model: Model, names: list[str], values: np.ndarray, fitted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[Check, ...]]:
    """Sums over the units that a date has, observed and expected alike; a date that no unit has is NaN."""
    known = ~np.isnan(values)
    seen = known.any(0)
    observed = np.where(seen, np.where(known, values, 0).sum(0), np.nan)
    expected = np.where(seen, np.where(known, fitted, 0).sum(0), fitted.sum(0))
    inside = known[:, model.hidden]
    part = ~inside & inside.any(0)
    if not part.any():
        return observed, expected, ()
    lacking = [name for name, row in zip(names, part, strict=True) if row.any()]
    text = f"{int(part.sum())} unit-days of the window have no observation and are in no sum, observed or expected: "
    text += ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
    check = Check(name="unobserved_unit_days", passed=False, value=int(part.sum()), threshold=0, text=text)
    return observed, expected, (check,)


def together(
    found: Estimates, common_sd: float, widening: float, rows: np.ndarray | None = None, *, by: str = "total"
) -> tuple[float, np.ndarray]:
    """Spread of the units' added (or averaged relative) effect, and scores of their joint placebo windows.

    Parameters
    ----------
    found : Estimates
    common_sd, widening : float
        From the units' `Belief` and `Model.widening`; of no effect on a single unit.
    rows : array of bool, optional
        Units to take.
    by : {"total", "average"}
        Sum in the unit of the values, or mean of shares.

    Returns
    -------
    spread : float
    scores : array, shape (windows,)
        Over the units that have the window; NaN where fewer than half have it.
    """
    rows = np.ones(len(found.expected), bool) if rows is None else rows
    expected, tests = found.expected[rows, -1], found.placebo_totals[:, rows]
    sizes = (np.ones_like(expected), np.ones_like(tests))
    if by == "average":
        sizes = expected * len(expected), tests * np.maximum((~np.isnan(tests)).sum(1, keepdims=True), 1)
    wide = widening if len(expected) > 1 else 1.0
    spread = _joint(wide * found.spread[rows, -1] / sizes[0], expected / sizes[0], common_sd)
    has = ~np.isnan(tests)
    errors, totals, spreads = (
        np.where(has, array / sizes[1], 0)
        for array in (found.placebo_errors[:, rows], tests, found.placebo_spreads[:, rows])
    )
    joint = _joint(spreads.T, totals.T, common_sd)
    enough = (has.mean(1) >= ENOUGH) & (joint > 0)
    return float(spread), np.where(enough, errors.sum(1) / np.where(enough, joint, 1.0), np.nan)


def _joint(spreads: np.ndarray, totals: np.ndarray, common_sd: float) -> np.ndarray:
    """Standard deviation of sums over units: their own errors are independent, the factors' error is shared."""
    shared = common_sd * totals.sum(0) if len(totals) > 1 else 0.0
    return np.sqrt((spreads**2).sum(0) + shared**2)


def _covariance(found: Estimates, spread: float) -> np.ndarray:
    """Covariance of the daily errors of the sum, scaled so that the total has its standard deviation."""
    days = found.day_covariance
    return days * (spread**2 / max(days.sum(), 1e-300))


def _diagnostics(model, found, tested, observed, expected) -> dict[str, float]:
    with np.errstate(invalid="ignore"):
        shares = np.nansum(found.placebo_errors, axis=1) / np.nansum(found.placebo_totals, axis=1)
    usable = model.usable[~np.isnan(observed[model.usable])]
    return {
        "pre_rmse": float(np.sqrt(np.mean((observed - expected)[usable] ** 2))),
        "noise": float(found.noise.mean()),
        "rho": float(found.rho.mean()),
        "factors": float(model.settings.factors),
        "placebo_rmse_share": float(np.sqrt(np.nanmean(shares**2))) if np.isfinite(shares).any() else np.nan,
        "stretch": float(tested.factor[0]),
    }


def _fit_checks(model: Model, observed: np.ndarray, expected: np.ndarray, found: Estimates) -> tuple[Check, ...]:
    usable = model.usable[~np.isnan(observed[model.usable])]
    # over the mean size, not day by day: levels may cross zero
    share = float(np.sqrt(np.mean((observed - expected)[usable] ** 2)) / np.mean(np.abs(observed[usable])))
    left = int(found.left_out.sum())
    text = f"the model misses a period outside the window by {100 * share:.1f} % (root mean square)"
    checks = [Check(name="pre_fit", passed=share <= GOOD_FIT, value=share, threshold=GOOD_FIT, text=text)]
    if left:
        text = f"{left} unit-periods outside the window are missing" + (
            " or zero, which has no log" if model.settings.scale == "log" else ""
        )
        checks.append(Check(name="left_out", passed=None, value=left, text=f"{text}; the fit does without them"))
    return tuple(checks)
