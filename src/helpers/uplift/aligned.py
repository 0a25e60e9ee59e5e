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
from helpers.uplift.preparation import names_of, refuse_negative
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
    DonorError
        No treated unit.
    HelpersError
        Data that are not daily, settings out of range, a day that is needed and is missing or not above 0.
    """
    data = panel(frame)
    names = names_of(treated, "treated")
    rows = data.rows(names)
    refuse_negative(data, rows, "log")
    series = data.values[rows].sum(0)
    found = periods.cut(data, event)
    phases, inside = found.phases, found.inside
    _refuse(data, inside, days_back, base_days, level)
    expected = _expected(series, inside, days_back, base_days, data.dates)
    errors = _placebo_errors(series, inside, days_back, base_days)
    if len(errors) < LEAST_PLACEBOS:
        raise WindowError(
            f"need {LEAST_PLACEBOS}+ placebo windows before the event, got {len(errors)}: a longer history"
        )
    counterfactual = np.full(len(series), np.nan)
    counterfactual[inside] = expected
    known = ~np.isnan(series[inside])
    totals = errors.mean(1)
    spread = float(np.sqrt(np.mean(totals**2)))
    covariance = _covariance(errors, expected)[np.ix_(known, known)]
    effect = (series[inside] - expected)[known]
    quantile = float(stats.t.ppf((1 + level) / 2, len(errors)))
    return results.assemble(
        method=METHOD, unit=names[0] if len(names) == 1 else f"{len(names)} units", window=event, phases=phases,
        dates=data.dates, observed=series, counterfactual=counterfactual, level=level, unit_count=len(names),
        interval=results.from_covariance(covariance, effect, quantile), fact_ids=fact_ids,
        fit={"pre_rmse": float(np.nan), "placebo_rmse_share": spread, "placebo_windows": float(len(errors))},
        checks=(_held(held_before), _covered(totals, level), *found.checks, *data.checks),
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


def _refuse(data: Panel, inside: np.ndarray, back: int, base: int, level: float) -> None:
    width = int(inside[-1] - inside[0] + 1)
    if data.freq != "D":
        raise HelpersError(f"aligned years need daily data, the panel's periods are of freq {data.freq!r}")
    if back < width:
        raise HelpersError(f"days_back must be {width} or more, the length of the window, got {back}")
    if base < 1:
        raise HelpersError(f"base_days must be 1 or more, got {base}")
    if not 0.5 <= level <= 0.999:
        raise HelpersError(f"level must lie between 0.5 and 0.999, got {level}")
    if inside[0] < back + base:
        raise WindowError(f"aligned years need {back + base} days before the window, got {inside[0]}")


def _placebo_errors(series: np.ndarray, inside: np.ndarray, back: int, base: int) -> np.ndarray:
    """Errors by day, over the mean expected day, on earlier windows that do not overlap and know all their days."""
    width, out = len(inside), []
    for start in range(inside[0] - width, back + base - 1, -width):
        days = np.arange(start, start + width)
        recent, before = series[start - base : start], series[start - base - back : start - back]
        if (np.concatenate([recent, before, series[days - back], series[days]]) > 0).all():
            expected = series[days - back] * np.exp(np.mean(np.log(recent) - np.log(before)))
            out.append((series[days] - expected) / expected.mean())
    return np.array(out).reshape(-1, width)


def _covariance(errors: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Of daily errors: a part that all days of a window share, and a part of each day's own."""
    width = len(expected)
    of_mean, of_day = np.mean(errors.mean(1) ** 2), np.mean(errors**2)
    own = max(0.0, (of_day - of_mean) / (1 - 1 / width)) if width > 1 else 0.0
    shared = max(0.0, of_mean - own / width)
    # a large day errs in proportion; the total keeps the variance that placebo totals show
    shape = np.outer(expected, expected) * (shared + own * np.eye(width))
    return shape * (of_mean * expected.sum() ** 2 / max(shape.sum(), 1e-300))


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
