"""Other years' aligned windows: the counterfactual where everybody takes part and no control is clean.

The day is compared with the aligned day of an earlier year (364 days back keeps the weekday; a lunar festival
is aligned by its own date), scaled by the growth that the weeks before both windows show::

    y0_t = y_{t-s} exp(g),    g = mean over the base days of log y_u - log y_{u-s}

a difference-in-differences over years. The interval comes from the same comparison on earlier windows of the
data. What it cannot do: tell the event from last year's, if that was held too: then the answer is the
excess over last year's event, and says so; or see a season that shifts between years.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import HelpersError, WindowError
from helpers.uplift import periods, results
from helpers.uplift.panels import Panel, panel
from helpers.uplift.preparation import refuse_negative
from helpers.uplift.results import UpliftResult
from helpers.uplift.windows import EventWindow

METHOD = "aligned years"
LEAST_PLACEBOS = 5
BASE_DAYS = 56


def aligned_years(
    frame: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    days_back: int = 364,
    base_days: int = BASE_DAYS,
    held_before: bool = True,
    level: float = 0.95,
    fact_ids: Sequence[str] = (),
) -> UpliftResult:
    """Excess of a window over the aligned window of an earlier year, less the growth between the years.

    Parameters
    ----------
    frame : DataFrame or Panel
        Daily unit, date, value; values above 0 on the days used.
    event : EventWindow
    treated : str or sequence of str
        Units, added up.
    days_back : int, default 364
        Distance of the aligned day; a multiple of 7 keeps the weekday.
    base_days : int, default 56
        Days before the window over which growth is measured; a multiple of 7.
    held_before : bool, default True
        Whether the aligned window held the event too; the result then is the excess over it.
    level : float, default 0.95
    fact_ids : sequence of str

    Returns
    -------
    UpliftResult

    Raises
    ------
    WindowError
        The data do not reach back far enough, or leave room for fewer than five placebo windows.
    HelpersError
        A day that is needed is missing or not above 0.
    """
    data = panel(frame)
    names = [treated] if isinstance(treated, str) else list(dict.fromkeys(treated))
    rows = data.rows(names)
    refuse_negative(data, rows, "log")
    series = data.values[rows].sum(0)
    found = periods.cut(data, event)
    phases, inside = found.phases, found.inside
    need = days_back + base_days
    if inside[0] < need:
        raise WindowError(f"aligned years need {need} days before the window, got {inside[0]}")
    expected = _expected(series, inside, days_back, base_days, data.dates)
    errors = _placebo_errors(series, inside, days_back, base_days)
    if len(errors) < LEAST_PLACEBOS:
        raise WindowError(
            f"need {LEAST_PLACEBOS}+ placebo windows before the event, got {len(errors)}: a longer history"
        )
    counterfactual = np.full(len(series), np.nan)
    counterfactual[inside] = expected
    known = ~np.isnan(series[inside])
    # the growth factor's error moves all days together, so the error of a sum grows with its base
    spread = float(np.sqrt(np.mean(errors**2)))
    covariance = np.outer(expected[known], expected[known]) * spread**2
    effect = (series[inside] - expected)[known]
    quantile = float(stats.t.ppf((1 + level) / 2, len(errors)))
    return results.assemble(
        method=METHOD, unit=names[0] if len(names) == 1 else f"{len(names)} units", window=event, phases=phases,
        dates=data.dates, observed=series, counterfactual=counterfactual, level=level, unit_count=len(names),
        interval=results.from_covariance(covariance, effect, quantile), fact_ids=fact_ids,
        fit={"pre_rmse": float(np.nan), "placebo_rmse_share": spread, "placebo_windows": float(len(errors))},
        checks=(_held(held_before), _covered(errors, level), *found.checks, *data.checks),
        note="This is the excess over the aligned window of the year before, which held the event too."
        if held_before else "",
    )  # fmt: skip


def _expected(series: np.ndarray, inside: np.ndarray, back: int, base: int, dates: pd.DatetimeIndex) -> np.ndarray:
    start = inside[0]
    recent, before = series[start - base : start], series[start - base - back : start - back]
    used = np.concatenate([recent, before, series[inside - back]])
    if not (used > 0).all():
        raise HelpersError(
            f"aligned years need values above 0 on all days used, {int((~(used > 0)).sum())} of {len(used)} are not "
            f"(window from {dates[start]:%Y-%m-%d})"
        )
    return series[inside - back] * np.exp(np.mean(np.log(recent) - np.log(before)))


def _placebo_errors(series: np.ndarray, inside: np.ndarray, back: int, base: int) -> np.ndarray:
    """Relative errors of window totals on earlier windows that do not overlap, where all days are known."""
    width, out = len(inside), []
    for start in range(inside[0] - width, back + base - 1, -width):
        days = np.arange(start, start + width)
        used = np.concatenate(
            [series[start - base - back : start - back], series[start - base : start], series[days - back]]
        )
        if (used > 0).all() and (series[days] > 0).all():
            growth = np.mean(np.log(series[start - base : start]) - np.log(series[start - base - back : start - back]))
            out.append(series[days].sum() / (series[days - back].sum() * np.exp(growth)) - 1)
    return np.array(out)


def _held(held_before: bool) -> Check:
    text = (
        "the aligned window held the event too: the answer is the excess over it"
        if held_before
        else ("the aligned window of the earlier year held no event")
    )
    return Check(name="reference_window", passed=None if held_before else True, value=str(held_before), text=text)


def _covered(errors: np.ndarray, level: float) -> Check:
    """Leave-one-out coverage of the placebo windows."""
    count = len(errors)
    others = np.sqrt((np.sum(errors**2) - errors**2) / (count - 1))
    hits = int((np.abs(errors) <= stats.t.ppf((1 + level) / 2, count - 1) * others).sum())
    passed = bool(stats.binom.cdf(hits, count, level) > 0.01)
    text = f"{hits} of {count} earlier windows were covered by the {100 * level:.0f} % interval"
    return Check(name=results.COVERAGE, passed=passed, value=hits / count, threshold=level, text=text)
