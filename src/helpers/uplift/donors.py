"""Treated unit(s) and donors of one event, checked once for synthetic control and its relatives.

The methods learn from the periods before the whole window (announcement and pre-dip are part of the window, so
that no borrowed sales enter the fit) and account for every period of it; periods after the window are not
used. Several treated units are averaged, each counting alike in the scale of the fit, and the effect is
added up over them. What the module cannot do: fill gaps. A treated unit must be complete; a donor that is not
is left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError
from helpers.uplift import periods, results
from helpers.uplift.fixed_effects import name_some, sides
from helpers.uplift.panels import SHOWN, Panel
from helpers.uplift.panels import panel as as_panel
from helpers.uplift.results import Interval, UpliftResult
from helpers.uplift.weights import weights_check
from helpers.uplift.windows import EventWindow

SCALES = ("level", "index", "log")
"""As it is; over each unit's own mean before the window, so that every unit counts alike; in logs."""

GOOD_FIT = 0.15
"""Root mean squared error before the event as a share of the level."""

LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What is compared, on which periods.

    Attributes
    ----------
    data : Panel
        The whole panel.
    event : EventWindow
    names : list of str
        Treated units.
    donors : Index of str
        Donors that are complete.
    rows : array of int
        Places of the donors in the panel.
    observed : array, shape (dates,)
        Sum of the treated in the unit of the values.
    treated : array, shape (treated, dates)
        In the scale of the fit.
    controls : array, shape (donors, dates)
        In the scale of the fit; NaN may stand after the window only, or in `past` events.
    phases : array of str, shape (dates,)
    before, inside : array of int
        Periods before the window that are used; periods of the window.
    scale : {"level", "index", "log"}
    checks : tuple of Check
    """

    data: Panel
    event: EventWindow
    names: list[str]
    donors: pd.Index
    rows: np.ndarray
    observed: np.ndarray
    treated: np.ndarray
    controls: np.ndarray
    phases: np.ndarray
    before: np.ndarray
    inside: np.ndarray
    scale: str
    checks: tuple[Check, ...]

    @property
    def target(self) -> np.ndarray:
        """Mean of the treated, shape (dates,)."""
        return self.treated.mean(0)


def comparison(
    frame: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    donors: Sequence[str] | None,
    min_pre: float,
    past: Sequence[EventWindow] = (),
    scale: str = "level",
    covariates: Sequence[str] = (),
) -> Comparison:
    """Check and lay out treated unit(s), donors and periods.

    Raises
    ------
    DonorError
        A treated unit among its own donors, no donor (all units are treated), fewer than 2 complete donors.
    WindowError
        The window lies outside the data, or the periods before it are fewer than `min_pre` times its own.
    PanelError
        A treated unit lacks periods that are needed; a value that is not above 0 in logs.
    HelpersError
        A treated unit is constant before the window.
    """
    data = as_panel(frame) if isinstance(frame, Panel) else as_panel(frame, covariates=list(dict.fromkeys(covariates)))
    if scale not in SCALES:
        raise UnknownNameError("scale", scale, list(SCALES))
    names = [treated] if isinstance(treated, str) else [str(name) for name in treated]
    rows, others = sides(data, treated=names, controls=donors)
    found = periods.cut(data, event, past=past, min_pre=min_pre)
    before, inside = found.before, found.inside
    used = np.r_[before, inside]
    _require_treated(data, rows, used, before)
    others, left_out = _complete(data, others, used)
    values = _in_scale(data, np.r_[rows, others], used, before, scale)
    return Comparison(
        data=data, event=event, names=names, donors=data.units[others], rows=others,
        observed=data.values[rows].sum(0), treated=values[: len(rows)], controls=values[len(rows) :],
        phases=found.phases, before=before, inside=inside, scale=scale, checks=(*found.checks, left_out),
    )  # fmt: skip


def _require_treated(data: Panel, rows: np.ndarray, used: np.ndarray, before: np.ndarray) -> None:
    missing = np.isnan(data.values[np.ix_(rows, used)])
    if missing.any():
        row = int(np.flatnonzero(missing.any(1))[0])
        days = data.dates[np.sort(used[missing[row]])]
        shown = ", ".join(f"{day:%Y-%m-%d}" for day in days[:SHOWN]) + (" ..." if len(days) > SHOWN else "")
        raise PanelError(
            f"a treated unit needs a value in every period before and in the window; {data.units[rows[row]]} lacks "
            f"{len(days)}: {shown}"
        )
    flat = np.ptp(data.values[np.ix_(rows, before)], axis=1) == 0
    if flat.any():
        name, value = data.units[rows[flat]][0], data.values[rows[flat][0], before[0]]
        raise HelpersError(f"{name} is constant before the window (always {value:g}): nothing can be fitted to it")


def _complete(data: Panel, others: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, Check]:
    whole = ~np.isnan(data.values[np.ix_(others, used)]).any(1)
    gone = data.units[others[~whole]]
    if whole.sum() < 2:
        have = f"{int(whole.sum())}" + (f" ({data.units[others[whole]][0]})" if whole.any() else "")
        raise DonorError(
            f"need 2+ donors with data in every pre-event period and in the window, got {have}; left out for gaps: "
            f"{name_some(gone) if len(gone) else 'none'}"
        )
    text = f"{len(gone)} of {len(others)} donors lack a period and are left out" + (
        f": {name_some(gone)}" if len(gone) else ""
    )
    return others[whole], Check(name="donors_left_out", passed=None, value=len(gone), text=text)


def _in_scale(data: Panel, rows: np.ndarray, used: np.ndarray, before: np.ndarray, scale: str) -> np.ndarray:
    values = data.values[rows]
    if scale == "level":
        return values
    if scale == "index":
        base = values[:, before].mean(1, keepdims=True)
        if (base <= 0).any():
            raise PanelError(
                f"an index needs a mean above 0 before the window, got {base.min():g} for "
                f"{data.units[rows[base.argmin()]]}; use scale='level' or leave the unit out"
            )
        return values / base
    bad = ~(values[:, used] > 0)
    if bad.any():
        row, place = np.argwhere(bad)[0]
        raise PanelError(
            f"logs need values above 0; {int(bad.sum())} unit-periods are not, the first is "
            f"{values[row, used[place]]:g} of {data.units[rows[row]]} on {data.dates[used[place]]:%Y-%m-%d}; "
            "use scale='level' or leave the unit out"
        )
    return np.log(np.where(values > 0, values, np.nan))


def account(
    found: Comparison,
    *,
    method: str,
    gap: np.ndarray,
    interval: Interval,
    weights: np.ndarray,
    level: float,
    fit: dict[str, float] | None = None,
    checks: Sequence[Check] = (),
    fact_ids: Sequence[str] = (),
    note: str = "",
) -> UpliftResult:
    """Gaps of the treated's mean in the scale of the fit become sums over the treated in the unit of the values.

    Parameters
    ----------
    found : Comparison
    method : str
    gap : array, shape (dates,)
        Observed less counterfactual, in the scale of the fit, per treated unit.
    interval : callable
        Of weighted sums of the window's gaps.
    weights : array, shape (donors,)
        Put into `fit` as ``weight:<unit>`` where they are not 0.
    level, fit, checks, fact_ids, note
        As in `helpers.uplift.results.assemble`.
    """
    count = len(found.names)
    effect, slope = _in_units(found, gap)
    slope, errors = slope[found.inside], effect[found.before]
    shown = {f"weight:{name}": float(w) for name, w in zip(found.donors, weights, strict=True) if abs(w) > LEAST_WEIGHT}
    pre = {"pre_rmse": float(np.sqrt(np.mean(errors**2))), "donors": float(len(found.donors))}
    return results.assemble(
        method=method, unit=found.names[0] if count == 1 else f"{count} units", window=found.event,
        phases=found.phases, dates=found.data.dates, observed=found.observed, counterfactual=found.observed - effect,
        interval=_shifted(interval, gap[found.inside], effect[found.inside], slope), level=level, unit_count=count,
        fit={**pre, **(fit or {}), **shown},
        checks=(fit_check(found, errors), weights_check(weights), *checks, *found.checks, *found.data.checks),
        fact_ids=fact_ids, note=note,
    )  # fmt: skip


def _in_units(found: Comparison, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effects summed over the treated, and by how much each moves with its gap."""
    if found.scale == "log":  # one relative effect for all treated units
        effect = found.observed * -np.expm1(-gap)
        return effect, found.observed - effect
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = found.observed / found.target if found.scale == "index" else np.full(len(gap), float(len(found.names)))
    return gap * slope, slope


def _shifted(interval: Interval, gap: np.ndarray, effect: np.ndarray, slope: np.ndarray) -> Interval:
    """The interval of sums of effects: each effect moves with its gap by `slope`."""

    def of_effects(weights: np.ndarray) -> tuple[float, float]:
        low, high = interval(weights * slope)
        shift = float(effect @ weights - gap @ (weights * slope))
        return low + shift, high + shift

    return of_effects


def fit_check(found: Comparison, errors: np.ndarray) -> Check:
    """Error before the event against the level of the series."""
    base = float(np.abs(found.observed[found.before]).mean())
    share = float(np.sqrt(np.mean(errors**2))) / base
    text = (
        f"before the window the counterfactual misses a period by {100 * share:.1f} % of the level (root mean square)"
    )
    return Check(name="pre_fit", passed=share <= GOOD_FIT, value=share, threshold=GOOD_FIT, text=text)


Refit = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes the periods to learn from and the treated's series; gives the gaps of all periods."""
