"""Interrupted time series: one unit, before and after a known date, no controls.

``y_t = b0 + b1 t + season_t + b2 D_t + b3 D_t (t - t0) + u_t`` with AR(1) errors: the change of level ``b2`` and of
slope ``b3`` at the event (Wagner, Soumerai, Zhang and Ross-Degnan 2002, J Clin Pharm Ther 27, 299-309; Bernal,
Cummins and Gasparrini 2017, Int J Epidemiol 46, 348-355). The counterfactual is the same regression without
the window, carried through it with the errors' own memory; the interval holds the noise of the periods
themselves, what is not known of the coefficients, and what is not known of the autocorrelation
(`helpers.uplift.ar1`). The fit is repeated on windows before the event, and its measured coverage is a check.

What the module cannot do: tell the event from anything else that happened then. There are no controls, so every
change that is not trend or season is ascribed to the event. `event_seasons` reads the yearly return of events from
reported quarters, with the same limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import PanelError, UnknownNameError, WindowError
from helpers.uplift import ar1, results
from helpers.uplift.calibration import windows_of
from helpers.uplift.panels import FREQUENCIES, Panel, panel
from helpers.uplift.results import UpliftResult
from helpers.uplift.seasons import SeasonsResult, event_seasons
from helpers.uplift.windows import EventWindow

__all__ = ["SeasonsResult", "event_seasons", "interrupted"]

METHOD = "interrupted time series"
SEASONS = {"D": 7, "W": 1, "MS": 12, "QS": 4}
SCALES = ("log", "level")
MOST_PLACEBOS, PLACEBO_DRAWS = 20, 1000


def interrupted(
    frame: pd.DataFrame | Panel, *, event: EventWindow, treated: str | None = None, freq: str = "D", scale: str = "log",
    seasonal: bool = True, level: float = 0.95, draws: int = 4000, seed: int = 0, fact_ids: Sequence[str] = (),
) -> UpliftResult:  # fmt: skip
    """What the event added to one unit against its own trend and season, ``sum(observed - E[without the event])``.

    Parameters
    ----------
    frame : DataFrame or Panel
        unit, date, value (or, of the ledger, entity and period_start); ``fact_id`` where there is one.
    event : EventWindow
        Its phases are the interruption; a window to the end of the data is the classic design, periods after the
        window count as undisturbed.
    treated : str, optional
        The unit; may be left out where there is one only.
    freq : {"D", "W", "MS", "QS"}, default "D"
        Step of the dates; a Panel brings its own.
    scale : {"log", "level"}, default "log"
        Scale on which trend and season are added up.
    seasonal : bool, default True
        Day of week, month or quarter, by `freq`; weeks have none.
    level : float, default 0.95
        Nominal coverage.
    draws, seed : int
        Of the counterfactual; the same seed gives the same numbers.
    fact_ids : sequence of str
        Ledger rows; added to those of the table.

    Returns
    -------
    UpliftResult
        `fit` holds level_change and slope_change per period (shares with logs, else the unit of the values) with
        ``_low`` and ``_high``, rho, periods and df.

    Raises
    ------
    PanelError
        As `panel`; several units and no `treated`; a value of 0 or below with logs; values that never change.
    WindowError
        The window lies outside the data, or leaves too few periods before it for the regression.
    UnknownNameError
        `scale` or `treated` is unknown.
    """
    if scale not in SCALES:
        raise UnknownNameError("scale", scale, list(SCALES))
    table = ar1.tidy(frame)
    data = panel(table, freq=freq)
    row = ar1.one_row(data, treated)
    values = data.values[row]
    y = ar1.logged(values, data, row) if scale == "log" else values
    inside = event.phase_of(data.dates, step=data.step) != ""
    base = _base(data, seasonal)
    seen, hidden = _split(y, inside, base, data, event)
    found = ar1.fit(y[seen], [base[seen]], seen)
    paths = _back(_ahead(found, y, base, seen, hidden, draws, seed), scale)
    expected = _back(base @ (found.weights @ found.coefficients), scale)
    expected[hidden] = paths.mean(0)
    known = ~np.isnan(values[hidden])
    effect = (values - expected)[hidden][known]
    errors = y[seen] - base[seen] @ found.coefficients[found.best]
    checks = [
        _covered(y, base, seen, hidden, scale, level, seed), *_lengths(seen, hidden, data, event),
        ar1.autocorrelation(errors, seen, found.rho[found.best]), NO_CONTROLS, *data.checks,
    ]  # fmt: skip
    return results.assemble(
        method=METHOD, unit=str(data.units[row]), window=event, phases=event.phase_of(data.dates, step=data.step),
        dates=data.dates, observed=values, counterfactual=expected, level=level,
        interval=results.from_draws((expected[hidden] - paths)[:, known], effect, level),
        fit={**_changes(y, base, inside, level, scale), "rho": float(found.weights @ found.rho),
             "periods": float(len(seen)), "df": float(found.df)},
        checks=checks, fact_ids=(*ar1.facts_of(table, data.units[row]), *fact_ids),
    )  # fmt: skip


NO_CONTROLS = Check(
    name="clean_controls", passed=False, value=0, threshold=1,
    text="no unit without the event stands beside: every change that is not trend or season is ascribed to the event",
)  # fmt: skip


def _base(data: Panel, seasonal: bool) -> np.ndarray:
    """Level, trend per period counted from the middle, season without its first class."""
    count = len(data.dates)
    time = np.arange(count) - (count - 1) / 2
    columns = [np.ones(count), time]
    if seasonal and SEASONS[data.freq] > 1:
        place = {"D": data.dates.day_of_week, "MS": data.dates.month - 1, "QS": data.dates.quarter - 1}[data.freq]
        columns += [(place == number).astype(float) for number in range(1, SEASONS[data.freq])]
    return np.column_stack(columns)


def _split(
    y: np.ndarray, inside: np.ndarray, base: np.ndarray, data: Panel, event: EventWindow
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the undisturbed periods that were observed, and of the window."""
    seen, hidden = np.flatnonzero(~np.isnan(y) & ~inside), np.flatnonzero(inside)
    span = f"{data.dates[0]:%Y-%m-%d} to {data.dates[-1]:%Y-%m-%d}"
    if not len(hidden):
        raise WindowError(f"the window ({event.describe()}) lies outside the data, {span}")
    before, needed = int((seen < hidden[0]).sum()), base.shape[1] + 3
    if before < needed:
        what = FREQUENCIES[data.freq]
        raise WindowError(f"the regression needs {needed}+ {what}s with data before the window, got {before} ({span})")
    if np.ptp(y[seen]) == 0:
        raise PanelError(
            f"the values are {y[seen[0]]:g} in all {len(seen)} periods outside the window: no noise to judge by"
        )
    return seen, hidden


def _ahead(
    found: ar1.Mixture, y: np.ndarray, base: np.ndarray, seen: np.ndarray, hidden: np.ndarray, draws: int, seed: int
) -> np.ndarray:
    return ar1.forecast(
        found, y[seen], base[seen], seen, ahead=base[hidden], ahead_places=hidden, draws=draws, seed=seed
    )  # fmt: skip


def _back(values: np.ndarray, scale: str) -> np.ndarray:
    return np.exp(values) if scale == "log" else values


def _covered(
    y: np.ndarray, base: np.ndarray, seen: np.ndarray, hidden: np.ndarray, scale: str, level: float, seed: int
) -> Check:
    """The same forecast on windows before the event, each from the periods before it only."""
    width = len(hidden)
    starts = windows_of(seen, width=width, before=int(hidden[0]))
    starts = starts[starts >= base.shape[1] + 3][:MOST_PLACEBOS]
    if not len(starts):
        return Check(name=results.COVERAGE, passed=None, value=0, text="no placebo window fits before the event")
    hits = 0
    for at in starts:
        past, block = seen[:at], seen[at : at + width]
        used = base[:, np.abs(base[past]).sum(0) > 0]  # a season that was not yet seen has no coefficient
        found = ar1.fit(y[past], [used[past]], past)
        totals = _back(_ahead(found, y, used, past, block, PLACEBO_DRAWS, seed), scale).sum(1)
        low, high = np.quantile(totals, [(1 - level) / 2, (1 + level) / 2])
        hits += int(low <= _back(y[block], scale).sum() <= high)
    passed = bool(stats.binom.cdf(hits, len(starts), level) > 0.01)
    text = f"{hits} of {len(starts)} windows before the event were covered by the {100 * level:.0f} % interval"
    return Check(name=results.COVERAGE, passed=passed, value=hits / len(starts), threshold=level, text=text)


def _lengths(seen: np.ndarray, hidden: np.ndarray, data: Panel, event: EventWindow) -> list[Check]:
    before, width, what = int((seen < hidden[0]).sum()), len(hidden), FREQUENCIES[data.freq]
    enough = before >= 2 * width
    end = data.dates[-1] + data.step
    whole = event.last < end
    return [
        Check(name="pre_length", passed=enough, value=before, threshold=2 * width,
              text=f"{before} {what}s before a window of {width}" + ("" if enough else ": less than twice its length")),
        Check(name="whole_window", passed=bool(whole), value=f"{data.dates[-1]:%Y-%m-%d}",
              threshold=f"{event.last:%Y-%m-%d}",
              text="the data hold the whole window" if whole else
              f"the window runs to {event.last:%Y-%m-%d}, the data end before: a part of the event is counted"),
    ]  # fmt: skip


def _changes(y: np.ndarray, base: np.ndarray, inside: np.ndarray, level: float, scale: str) -> dict[str, float]:
    """Change of level at the event and of slope after it; no slope where the window has fewer than 3 periods."""
    known = np.flatnonzero(~np.isnan(y))
    since = (np.arange(len(y)) - int(inside.argmax())) * inside
    terms = [inside.astype(float)] + ([since.astype(float)] if inside[known].sum() >= 3 else [])
    design = np.column_stack([base, *terms])[known]
    if not inside[known].any():
        return {}
    found, out = ar1.fit(y[known], [design], known), {}
    for place, name in enumerate(("level_change", "slope_change")[: len(terms)]):
        numbers = found.estimate(base.shape[1] + place, level)
        for end, number in zip(("", "_low", "_high"), numbers, strict=True):
            out[f"{name}{end}"] = float(np.expm1(number)) if scale == "log" else number
    return out
