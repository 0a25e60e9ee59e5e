"""Events that start at different dates: group-time effects and what they add up to.

Three estimators, all from the library diff_diff, in one vocabulary:

- Callaway and Sant'Anna (2021, J. Econometrics 225): ATT(g, t), the effect at time t on those first treated
  in g, against units that are not treated, from the last period before treatment (anticipation set aside).
- Borusyak, Jaravel and Spiess (2024, REStud 91), "imputation": unit and period effects from untreated
  observations alone, then the mean of what is left.
- Sun and Abraham (2021, J. Econometrics 225): cohort-by-event-time coefficients of one regression, averaged.

Symbols: g first period under treatment, t period, e = t - g event time. The fits are in
`helpers.uplift.group_time`.

What the module cannot do: treatment that ends (a short event on one date is `helpers.uplift.event_study`);
covariates; effects on units that were treated from the first period on (they are left out and counted).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError, UnknownNameError
from helpers.uplift.adoption import adoptions
from helpers.uplift.fixed_effects import incomplete, require_balance, require_level, scaled, treated_clusters, values_of
from helpers.uplift.group_time import CONTROLS, Effects, estimate
from helpers.uplift.panels import Panel
from helpers.uplift.panels import panel as as_panel
from helpers.uplift.parallel_trends import pretest
from helpers.uplift.results import UpliftResult, assemble, from_covariance
from helpers.uplift.windows import EventWindow

METHODS = {
    "callaway_santanna": "group-time effects (Callaway and Sant'Anna)",
    "imputation": "imputation (Borusyak, Jaravel and Spiess)",
    "sun_abraham": "interaction-weighted event study (Sun and Abraham)",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StaggeredResult:
    """Effects of an event that units adopt at different dates.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    scale : {"log", "level"}
        Of every effect in the tables; `result` is in the unit of the values.
    controls : {"never", "not_yet"}
        Who the comparison is with.
    level : float
        Nominal coverage of the intervals.
    group_time : DataFrame
        group, time (dates), event_time (periods), units, att, se, low, high; se is NaN for imputation.
    dynamic : DataFrame
        event_time, units, att, se, low, high: the mean over groups, weighted by their units.
    overall : DataFrame
        One row per average: average ("simple": every treated unit-period alike, "dynamic": every event
        time alike, "group": every treated unit alike), att, se, low, high. "group" for
        callaway_santanna only.
    pretest_p : float
        Wald test that nothing happened before treatment; NaN where it cannot be computed.
    result : UpliftResult
        Totals over all treated units, cohorts laid on the date of the first adoption. Before it the path
        holds the leads, which for callaway_santanna are changes from one period to the next.
    checks : tuple of Check
    text : str
        One or two sentences that can be quoted.
    """

    method: str
    scale: str
    controls: str
    level: float
    group_time: pd.DataFrame
    dynamic: pd.DataFrame
    overall: pd.DataFrame
    pretest_p: float
    result: UpliftResult
    checks: tuple[Check, ...]
    text: str


def staggered(
    panel: pd.DataFrame | Panel,
    *,
    first_treated: Mapping[str, object],
    method: str = "callaway_santanna",
    controls: str = "never",
    anticipation: int = 0,
    scale: str = "log",
    level: float = 0.95,
    drop_incomplete: bool = False,
) -> StaggeredResult:
    """Effects by group and time, ``ATT(g, t) = E[Y_t(g) - Y_t(never) | first treated in g]``.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value; balanced.
    first_treated : mapping of str to date
        First period under treatment by unit (a day inside a period counts for it); None, or no entry, for
        units that are never treated.
    method : {"callaway_santanna", "imputation", "sun_abraham"}
        Estimator.
    controls : {"never", "not_yet"}, default "never"
        Never-treated units, or also those that come later. Imputation uses both always.
    anticipation : int, default 0
        Periods before the start in which an effect may be there already.
    scale : {"log", "level"}, default "log"
        Of the regression; 0.04 in logs is about +4 %.
    level : float, default 0.95
        Nominal coverage.
    drop_incomplete : bool, default False
        Leave out units with missing values (counted in a check) instead of refusing them.

    Returns
    -------
    StaggeredResult

    Raises
    ------
    PanelError
        A missing value; a value of 0 or less in logs.
    DonorError
        Nobody is treated; no never-treated unit where they are the controls; no period before.
    UnknownNameError
        A unit that the panel does not have, an unknown method or kind of controls.
    """
    for what, given, known in (("method", method, METHODS), ("controls", controls, CONTROLS)):
        if given not in known:
            raise UnknownNameError(what, given, list(known))
    if anticipation < 0 or anticipation != int(anticipation):
        raise HelpersError(f"anticipation must be a whole number of periods, 0 or more, got {anticipation}")
    require_level(level)
    data, y, first, checks = _sample(as_panel(panel), first_treated, scale, drop_incomplete)
    _require_controls(first, y.shape[1], controls, method, int(anticipation))
    found = estimate(method, y, first, controls=controls, anticipation=int(anticipation), level=level)
    quantile = float(stats.norm.ppf((1 + level) / 2))
    cells, dynamic = _tables(found, first, data.dates, quantile)
    overall = _overall(found, dynamic, quantile)
    p, said = found.pretest
    result = _uplift(data, first, found, dynamic, method, scale, level, int(anticipation), quantile)
    checks = (*checks, treated_clusters(int((first < y.shape[1]).sum())), *found.checks, pretest(p, said))
    return StaggeredResult(
        method=method, scale=scale, controls=controls, level=level, group_time=cells, dynamic=dynamic, overall=overall,
        pretest_p=p, result=replace(result, checks=(*result.checks, *checks)), checks=checks,
        text=_text(overall, cells, method, scale, level, p),
    )  # fmt: skip


def _sample(
    data: Panel, first_treated: Mapping[str, object], scale: str, drop_incomplete: bool
) -> tuple[Panel, np.ndarray, np.ndarray, tuple[Check, ...]]:
    """Panel without the always treated, its values in the scale, the adoptions, what was left out."""
    every, rows, dropped = np.arange(len(data.dates)), np.arange(len(data.units)), ()
    adoption = adoptions(data, first_treated)
    if drop_incomplete:
        rows, dropped = incomplete(data, rows, every)
    require_balance(data, rows, every, "group-time effects")
    rows = rows[adoption.first[rows] > 0]
    first = adoption.first[rows]
    if not (first < len(every)).any():
        raise DonorError("no treated unit is left once the incomplete ones are out")
    return data.take(rows), scaled(data, rows, every, scale), first, (*dropped, *adoption.checks)


def _require_controls(first: np.ndarray, periods: int, controls: str, method: str, anticipation: int) -> None:
    if not (first == periods).any() and (controls == "never" or len(np.unique(first)) == 1):
        raise DonorError(
            f"need 1+ never-treated units, got none: all {len(first)} units are treated at some time; use "
            "controls='not_yet' where dates differ, or the everything-is-treated mode (other years' aligned windows)"
        )
    early = first[first < periods].min()
    if early - anticipation < 1:
        raise DonorError(
            f"the first adoption, in period {early + 1} of the data, leaves no period before it once {anticipation} "
            "period(s) of anticipation are set aside"
        )


def _tables(
    found: Effects, first: np.ndarray, dates: pd.DatetimeIndex, quantile: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = found.cells.sort_values(["group", "time"])
    cells = pd.DataFrame(
        {
            "group": dates[cells["group"]], "time": dates[cells["time"]],
            "event_time": (cells["time"] - cells["group"]).to_numpy(),
            "units": [int((first == g).sum()) for g in cells["group"]],
            "att": cells["att"].to_numpy(), "se": cells["se"].to_numpy(),
        }
    )  # fmt: skip
    units = [int(np.isin(first, _groups_at(found, first, len(dates), e)).sum()) for e in found.times]
    dynamic = {"event_time": found.times, "units": units, "att": found.att, "se": np.sqrt(np.diag(found.covariance))}
    return _with_ends(cells, quantile), _with_ends(pd.DataFrame(dynamic), quantile)


def _groups_at(found: Effects, first: np.ndarray, periods: int, event_time: int) -> np.ndarray:
    """Groups whose effects make up the one of this event time; leads of imputation have no cells."""
    cells = found.cells
    held = cells.loc[cells["time"] - cells["group"] == event_time, "group"].unique()
    if len(held):
        return held
    groups = np.unique(first[first < periods])
    return groups[(groups + event_time >= 0) & (groups + event_time < periods)]


def _with_ends(table: pd.DataFrame, quantile: float) -> pd.DataFrame:
    return table.assign(low=table["att"] - quantile * table["se"], high=table["att"] + quantile * table["se"])


def _overall(found: Effects, dynamic: pd.DataFrame, quantile: float) -> pd.DataFrame:
    after = (found.times >= 0).astype(float)
    weights = {"simple": after * dynamic["units"].to_numpy(), "dynamic": after}
    rows = {}
    for name, weight in weights.items():
        share = weight / weight.sum()
        rows[name] = float(share @ found.att), float(np.sqrt(share @ found.covariance @ share))
    rows.update(found.averages)
    table = pd.DataFrame([(name, *row) for name, row in rows.items()], columns=["average", "att", "se"])
    return _with_ends(table, quantile)


def _uplift(
    data: Panel, first: np.ndarray, found: Effects, dynamic: pd.DataFrame, method: str, scale: str, level: float,
    anticipation: int, quantile: float,
) -> UpliftResult:  # fmt: skip
    """Totals in the unit of the values, every cohort laid on the date of the first adoption."""
    times = np.arange(found.times.min(), found.times.max() + 1)
    at = found.times - times[0]
    anchor = data.dates[first.min()]
    dates = pd.DatetimeIndex([anchor + int(e) * data.step for e in times], name="date")
    observed, att, units = (np.full(len(times), np.nan) for _ in range(3))
    observed[at] = [_observed(data, first, found, e) for e in found.times]
    att[at], units[at] = found.att, dynamic["units"]
    effect = units * att if scale == "level" else observed * -np.expm1(-att)
    window = _window(dates[-anticipation - times[0]], anchor, dates[-1], data.step)
    phases = window.phase_of(dates, step=data.step)
    inside = (phases != "") & ~np.isnan(observed)
    slope = (units if scale == "level" else observed - effect)[inside]
    places = np.flatnonzero(np.isin(found.times, times[inside]))
    covariance = found.covariance[np.ix_(places, places)] * np.outer(slope, slope)
    return assemble(
        method=method, unit=f"{int((first < len(data.dates)).sum())} treated units", window=window, phases=phases,
        dates=dates, observed=observed, counterfactual=observed - effect, level=level,
        interval=from_covariance(covariance, effect[inside], quantile), unit_count=float(units[inside].mean()),
        note="Dates count from each unit's own start, laid on the first one.",
    )  # fmt: skip


def _observed(data: Panel, first: np.ndarray, found: Effects, event_time: int) -> float:
    """Sum of the treated units' values, each at its own start plus the event time."""
    groups = _groups_at(found, first, len(data.dates), event_time)
    return float(sum(values_of(data, np.flatnonzero(first == g), [g + event_time]).sum() for g in groups))


def _window(start: pd.Timestamp, anchor: pd.Timestamp, last: pd.Timestamp, step: pd.DateOffset) -> EventWindow:
    day = pd.Timedelta(days=1)
    end = last + step - day
    return EventWindow(
        pre_dip=None if start == anchor else (start.date(), (anchor - day).date()),
        event=(anchor.date(), end.date()), name="the event, from each unit's start",
    )  # fmt: skip


def _text(overall: pd.DataFrame, cells: pd.DataFrame, method: str, scale: str, level: float, p: float) -> str:
    row = overall.iloc[0]
    groups = cells.drop_duplicates("group")
    tested = "no test of the time before" if np.isnan(p) else f"test of the time before: p = {p:.3f}"
    return (
        f"{METHODS[method]}: {row['att']:+.4f} on average ({scale}; {level * 100:.0f} % interval {row['low']:+.4f} to "
        f"{row['high']:+.4f}) over {int(groups['units'].sum())} treated units that start on {len(groups)} date(s); "
        f"{tested}."
    )
