"""One result for every estimator, so that their answers stand side by side in one table.

An estimator brings what was observed, what would have been without the event, and a function that
gives the interval of any weighted sum of daily effects. Everything else is accounting and happens here:
the net total (incremental), what was pulled forward from the days before, what was borrowed from the
days after, relative effects and words. The relative interval is exact, not a ratio of two intervals:
with the observed total fixed, ``effect / (observed - effect)`` rises with the effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.uplift.windows import PHASES, EventWindow

Interval = Callable[[np.ndarray], tuple[float, float]]
TOTAL = "total"
COVERAGE = "coverage"  # the check that decides whether a verdict may be given


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpliftResult:
    """What an event added, net of what it borrowed.

    Attributes
    ----------
    method : str
        Name of the estimator.
    unit : str
        The treated unit, or how many there are.
    window : EventWindow
        Whose phases are accounted.
    level : float
        Nominal coverage of the intervals, 0.95.
    incremental, incremental_low, incremental_high : float
        Net total over all phases, in the unit of the values.
    relative_effect, relative_low, relative_high : float
        The same over the counterfactual total of the same days; 0.04 is +4 %.
    att : float
        `incremental` per day (per unit and day for several treated units).
    event_effect, event_low, event_high : float
        Total over the event phase alone: the gross burst. NaN where the window has no event phase.
    pull_forward : float
        Missing before the event (announcement and pre-dip); positive where sales waited for it.
    borrowed : float
        Missing after the event; positive where sales were brought forward.
    parts : DataFrame
        One row per phase and one for the total: phase, first_date, last_date, days, observed,
        counterfactual, effect, low, high, effect_per_day, relative, relative_low, relative_high.
    path : DataFrame
        One row per date: date, phase ("" outside the window), observed, counterfactual, effect, low,
        high (of the effect, NaN outside the window).
    fit : dict of str to float
        Fit diagnostics; every method gives ``pre_rmse`` in the unit of the values (relative to the
        mean of the pre-period as ``pre_rmse_share``).
    checks : tuple of Check
        ``coverage`` decides: where it failed there is no verdict.
    text : str
        One or two sentences that can be quoted.
    fact_ids : tuple of str
        Ledger rows it rests on.
    """

    method: str
    unit: str
    window: EventWindow
    level: float
    incremental: float
    incremental_low: float
    incremental_high: float
    relative_effect: float
    relative_low: float
    relative_high: float
    att: float
    event_effect: float
    event_low: float
    event_high: float
    pull_forward: float
    borrowed: float
    parts: pd.DataFrame
    path: pd.DataFrame
    fit: dict[str, float]
    checks: tuple[Check, ...]
    text: str
    fact_ids: tuple[str, ...] = ()

    @property
    def borrowed_share(self) -> float:
        """Share of the burst that was taken from the days around it; NaN where there was no burst."""
        return (self.pull_forward + self.borrowed) / self.event_effect if self.event_effect > 0 else np.nan

    @property
    def verdict(self) -> str:
        """One of "positive", "negative", "not distinguishable from zero", "no verdict"."""
        return verdict(self.incremental_low, self.incremental_high, self.checks)


def assemble(
    *,
    method: str,
    unit: str,
    window: EventWindow,
    phases: np.ndarray,
    dates: pd.DatetimeIndex,
    observed: np.ndarray,
    counterfactual: np.ndarray,
    interval: Interval,
    level: float = 0.95,
    unit_count: int = 1,
    fit: dict[str, float] | None = None,
    checks: Sequence[Check] = (),
    fact_ids: Sequence[str] = (),
    note: str = "",
) -> UpliftResult:
    """Account a counterfactual path by phase.

    Parameters
    ----------
    method, unit, window
        As in `UpliftResult`.
    phases : array of str, shape (dates,)
        From `EventWindow.phase_of`; "" outside the window.
    dates : DatetimeIndex
        Of the paths.
    observed, counterfactual : array, shape (dates,)
        Values; NaN where unknown. Inside the window the counterfactual must be known; days of the window
        without an observation are left out of all sums and counted in the check ``unobserved_days``.
    interval : callable
        Takes weights, shape (window dates that were observed,), and gives low and high of the weighted
        sum of daily effects at `level`.
    level : float, default 0.95
        Nominal coverage.
    unit_count : int, default 1
        Treated units that the paths add up, for `att`.
    fit, checks, fact_ids
        Handed on; ``pre_rmse`` is computed here where `fit` lacks it.
    note : str
        Appended to the text.

    Returns
    -------
    UpliftResult

    Raises
    ------
    HelpersError
        No observed day in the window, or an unknown counterfactual there.
    """
    inside = phases != ""
    known = inside & ~np.isnan(observed)
    if not known.any():
        raise HelpersError(f"{method}: no day of the window was observed ({window.describe()})")
    if np.isnan(counterfactual[known]).any():
        day = dates[known][np.isnan(counterfactual[known])][0]
        raise HelpersError(f"{method}: no counterfactual for {day:%Y-%m-%d}, which lies in the window")
    effect = observed - counterfactual
    rows = _rows(phases[known], np.flatnonzero(known), observed[known], counterfactual[known], interval)
    total = rows[TOTAL]
    burst = rows.get("event", {"effect": np.nan, "low": np.nan, "high": np.nan})
    checks = (*checks, *_unobserved(inside & ~known, dates))
    said = {"unit": unit, "window": window, "level": level, "checks": checks}
    return UpliftResult(
        method=method,
        incremental=total["effect"], incremental_low=total["low"], incremental_high=total["high"],
        relative_effect=total["relative"], relative_low=total["relative_low"], relative_high=total["relative_high"],
        att=total["effect"] / total["days"] / unit_count,
        event_effect=burst["effect"], event_low=burst["low"], event_high=burst["high"],
        pull_forward=-sum(rows[phase]["effect"] for phase in ("announcement", "pre_dip") if phase in rows),
        borrowed=-rows["after_effect"]["effect"] if "after_effect" in rows else 0.0,
        parts=_parts(rows, dates), path=_path(dates, phases, observed, counterfactual, known, interval),
        fit=_fit(fit or {}, effect[~inside], observed[~inside]),
        text=_text(rows, **said) + (f" {note}" if note else ""),
        fact_ids=tuple(fact_ids), **said,
    )  # fmt: skip


def from_draws(errors: np.ndarray, effect: np.ndarray, level: float) -> Interval:
    """Interval of weighted sums from draws of the counterfactual's error.

    Parameters
    ----------
    errors : array, shape (draws, days)
        Draws of ``true effect - estimated effect`` on the observed days of the window.
    effect : array, shape (days,)
        Estimated effects of the same days.
    level : float
        Nominal coverage.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]

    def interval(weights: np.ndarray) -> tuple[float, float]:
        low, high = np.quantile(errors @ weights, tails) + effect @ weights
        return float(low), float(high)

    return interval


def from_covariance(covariance: np.ndarray, effect: np.ndarray, quantile: float) -> Interval:
    """Interval of weighted sums from the effects' covariance.

    Parameters
    ----------
    covariance : array, shape (days, days)
        Of the estimated daily effects.
    effect : array, shape (days,)
        Estimated effects.
    quantile : float
        Standard errors on either side: 1.96 for 95 % of a normal.
    """

    def interval(weights: np.ndarray) -> tuple[float, float]:
        middle = float(effect @ weights)
        half = quantile * float(np.sqrt(max(0.0, weights @ covariance @ weights)))
        return middle - half, middle + half

    return interval


def compare(results: Iterable[UpliftResult]) -> pd.DataFrame:
    """Several estimates of one event, one row each.

    Returns
    -------
    DataFrame
        method, unit, incremental, low, high, relative_effect, relative_low, relative_high, event_effect,
        pull_forward, borrowed, borrowed_share, pre_rmse_share, verdict.
    """
    rows = [
        {
            "method": r.method, "unit": r.unit, "incremental": r.incremental, "low": r.incremental_low,
            "high": r.incremental_high, "relative_effect": r.relative_effect, "relative_low": r.relative_low,
            "relative_high": r.relative_high, "event_effect": r.event_effect, "pull_forward": r.pull_forward,
            "borrowed": r.borrowed, "borrowed_share": r.borrowed_share,
            "pre_rmse_share": r.fit.get("pre_rmse_share", np.nan), "verdict": r.verdict,
        }
        for r in results
    ]  # fmt: skip
    return pd.DataFrame(rows)


def verdict(low: float, high: float, checks: Iterable[Check] = ()) -> str:
    """What an interval allows to be said; nothing where its coverage failed."""
    if any(check.name == COVERAGE and check.passed is False for check in checks) or np.isnan(low):
        return "no verdict"
    return "positive" if low > 0 else "negative" if high < 0 else "not distinguishable from zero"


def _rows(
    phases: np.ndarray, places: np.ndarray, observed: np.ndarray, counterfactual: np.ndarray, interval: Interval
) -> dict[str, dict[str, float]]:
    """The accounts of each phase that was observed, and of the total."""
    rows = {}
    for phase in [*(p for p in PHASES if (phases == p).any()), TOTAL]:
        weights = (phases == phase).astype(float) if phase != TOTAL else np.ones(len(phases))
        seen, base = float(observed @ weights), float(counterfactual @ weights)
        low, high = interval(weights)
        days = places[weights > 0]
        rows[phase] = {
            "first_date": days[0], "last_date": days[-1], "days": len(days), "observed": seen, "counterfactual": base,
            "effect": seen - base, "low": low, "high": high, "effect_per_day": (seen - base) / len(days),
            "relative": _relative(seen - base, seen), "relative_low": _relative(low, seen),
            "relative_high": _relative(high, seen),
        }  # fmt: skip
    return rows


def _parts(rows: dict[str, dict[str, float]], dates: pd.DatetimeIndex) -> pd.DataFrame:
    columns = {name: [row[name] for row in rows.values()] for name in rows[TOTAL]}
    for end in ("first_date", "last_date"):
        columns[end] = dates[columns[end]]
    return pd.DataFrame({"phase": list(rows), **columns})


def _relative(effect: float, observed: float) -> float:
    """Effect over what would have been; NaN where that would not have been positive."""
    return effect / (observed - effect) if observed - effect > 0 else np.nan


def _path(
    dates: pd.DatetimeIndex, phases: np.ndarray, observed: np.ndarray, counterfactual: np.ndarray,
    known: np.ndarray, interval: Interval,
) -> pd.DataFrame:  # fmt: skip
    ends = np.full((len(dates), 2), np.nan)
    ends[known] = [interval(weights) for weights in np.eye(int(known.sum()))]
    columns = {
        "date": dates, "phase": phases, "observed": observed, "counterfactual": counterfactual,
        "effect": observed - counterfactual, "low": ends[:, 0], "high": ends[:, 1],
    }  # fmt: skip
    return pd.DataFrame(columns)


def _fit(given: dict[str, float], errors: np.ndarray, observed: np.ndarray) -> dict[str, float]:
    known = ~np.isnan(errors)
    if "pre_rmse" not in given and known.any():
        given = {"pre_rmse": float(np.sqrt(np.mean(errors[known] ** 2))), **given}
    mean = float(np.nanmean(np.abs(observed))) if known.any() else np.nan
    return {**given, "pre_rmse_share": given.get("pre_rmse", np.nan) / mean if mean else np.nan}


def _unobserved(missing: np.ndarray, dates: pd.DatetimeIndex) -> tuple[Check, ...]:
    if not missing.any():
        return ()
    count, first = int(missing.sum()), dates[missing][0]
    text = f"{count} day(s) of the window have no observation, the first is {first:%Y-%m-%d}; they are in no sum"
    return (Check(name="unobserved_days", passed=False, value=count, threshold=0, text=text),)


def _text(
    rows: dict[str, dict[str, float]], *, unit: str, window: EventWindow, level: float, checks: Sequence[Check]
) -> str:
    total = rows[TOTAL]
    said = verdict(total["low"], total["high"], checks)
    when = window.name or f"the event from {window.first:%Y-%m-%d} to {window.last:%Y-%m-%d}"
    head = (
        f"{unit}, {when}: net of what was borrowed {_amount(total['effect'])} "
        f"({_percent(total['relative'])}; {100 * level:.0f} % interval {_percent(total['relative_low'])} to "
        f"{_percent(total['relative_high'])}) over {total['days']} periods"
    )
    if "event" in rows and len(rows) > 2:
        around = rows["event"]["effect"] - total["effect"]
        verb = "taken from" if around >= 0 else "added in"
        head += f"; {_amount(rows['event']['effect'])} during the event itself, {_amount(abs(around))} {verb} "
        head += "the periods around it"
    endings = {
        "no verdict": " No verdict: the intervals did not hold on placebo windows of the same data.",
        "not distinguishable from zero": " The net effect cannot be told from zero.",
    }
    return f"{head}.{endings.get(said, '')}"


def _amount(value: float) -> str:
    sign = "−" if value < 0 else "+"
    size = abs(value)
    for power, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if size >= power:
            return f"{sign}{size / power:.3g}{name}"
    return f"{sign}{size:,.0f}" if size >= 1000 else f"{sign}{size:.3g}"


def _percent(share: float) -> str:
    return "undefined" if np.isnan(share) else f"{share * 100:+.1f} %".replace("-", "−")
