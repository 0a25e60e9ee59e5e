"""When the after-effect is over: an equivalence test, because "not significant" is not "gone".

Two one-sided tests (Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680) hold the mean
effect of a run of days against a margin on either side of zero. Runs are tested from the last day backwards and
the first failure stops the search, so that the chance to call any after-effect over too early stays at
``1 - level`` however many days are tested (fixed sequence, Westfall and Krishen 2001, Journal of Statistical
Planning and Inference 99, 25-40). What it cannot do: show anything with less noise than the data have; "not shown"
says that the after-effect may or may not be over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError
from helpers.uplift.results import UpliftResult

COLUMNS = ("date", "phase", "effect", "counterfactual")
AFTER = "after_effect"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquivalenceResult:
    """Whether and when an after-effect is over.

    Attributes
    ----------
    state : str
        "over" (shown to be within the margin from `over_from` on), "still there" (the last run lies outside the
        margin) or "not shown" (the data cannot tell).
    over_from : Timestamp or None
        First day of the earliest run from which this and every later run is within the margin.
    window_end : Timestamp or None
        The day before: the last day that the event's window should hold.
    smallest_margin : float
        Margin, as a share of the counterfactual, within which the last run could be shown to be.
    margin_share, level : float
        As given.
    run_days : int
        Days of a run.
    table : DataFrame
        One row per run: first_date, last_date, relative (mean effect over mean counterfactual), low, high (at
        ``2 level - 1``, the interval that the two tests stand for), p_value, is_within.
    checks : tuple of Check
        ``after_effect_over``, ``errors`` (what was assumed), ``untested_runs``.
    text : str
        One sentence.
    """

    state: str
    over_from: pd.Timestamp | None
    window_end: pd.Timestamp | None
    smallest_margin: float
    margin_share: float
    level: float
    run_days: int
    table: pd.DataFrame
    checks: tuple[Check, ...]
    text: str


def after_effect_over(
    result: UpliftResult | pd.DataFrame,
    *,
    margin_share: float = 0.02,
    level: float = 0.95,
    run_days: int = 7,
    errors: np.ndarray | None = None,
    covariance: np.ndarray | None = None,
    interval_level: float = 0.95,
) -> EquivalenceResult:
    """First day from which the mean effect of `run_days` days is within ``+- margin_share`` of the counterfactual.

    Parameters
    ----------
    result : UpliftResult or DataFrame
        Or its path: date, phase, effect, counterfactual, one row per period; low, high where neither `errors`
        nor `covariance` is given.
    margin_share : float, default 0.02
        What counts as nothing, as a share of the counterfactual of the same days; above 0.
    level : float, default 0.95
        1 less the chance to call an after-effect over that is not; 0.5-1.
    run_days : int, default 7
        Days of the trailing mean; whole weeks even out weekdays.
    errors : array, shape (draws, days), optional
        Draws of the daily effects' errors on the observed days of the window, as for `results.from_draws`.
    covariance : array, shape (days, days), optional
        Of the daily effects of the same days. Without both, the errors of a run's days are taken to move
        together fully: no correlation gives a wider interval, so this can miss an end but not invent one.
    interval_level : float, default 0.95
        Level of a table's low and high; an UpliftResult brings its own.

    Returns
    -------
    EquivalenceResult

    Raises
    ------
    PanelError
        Columns missing.
    HelpersError
        Settings out of range, fewer than `run_days` observed days of after-effect, `errors` or `covariance` of
        another shape than the window's observed days.
    """
    path = result.path if isinstance(result, UpliftResult) else result
    given = result.level if isinstance(result, UpliftResult) else interval_level
    _refuse(path, margin_share, level, run_days, needs_ends=errors is None and covariance is None)
    path = path[(path["phase"] != "") & path["effect"].notna()].reset_index(drop=True)
    after = np.flatnonzero(path["phase"] == AFTER)
    if len(after) < run_days:
        raise HelpersError(f"need {run_days}+ observed days of after-effect (run_days), got {len(after)}")
    assumed = _assumed(errors, covariance, given)
    errors, covariance = _errors(path, errors, covariance, given)
    runs, skipped = _runs(pd.DatetimeIndex(path["date"]), after, run_days)
    table = _test(path, runs, errors, covariance, margin_share, level)
    first = _earliest(table["is_within"].to_numpy())
    last = table.iloc[-1]
    outside = last["low"] > margin_share or last["high"] < -margin_share
    state = "over" if first is not None else "still there" if outside else "not shown"
    start = None if first is None else table["first_date"].iloc[first]
    end = None if first is None else start - pd.Timedelta(days=1)
    smallest = float(max(abs(last["low"]), abs(last["high"])))
    text = _text(state, start, last, margin_share, level, run_days, smallest)
    checks = (
        Check(name="after_effect_over", passed=state == "over", value=smallest, threshold=margin_share, text=text),
        assumed, *skipped,
    )  # fmt: skip
    return EquivalenceResult(
        state=state, over_from=start, window_end=end, smallest_margin=smallest, margin_share=margin_share, level=level,
        run_days=run_days, table=table, checks=checks, text=text,
    )  # fmt: skip


def _refuse(path: pd.DataFrame, margin_share: float, level: float, run_days: int, *, needs_ends: bool) -> None:
    wanted = [*COLUMNS, *(("low", "high") if needs_ends else ())]
    missing = [column for column in wanted if column not in path.columns]
    if missing:
        raise PanelError(f"an equivalence test needs the columns {', '.join(wanted)}; missing: {', '.join(missing)}")
    if not 0 < margin_share < np.inf:
        raise HelpersError(f"margin_share must be above 0, got {margin_share}: no data can show an effect of exactly 0")
    if not 0.5 < level < 1:
        raise HelpersError(f"level must lie between 0.5 and 1, got {level}")
    if run_days < 1 or run_days != int(run_days):
        raise HelpersError(f"run_days must be a whole number of days, 1 or more, got {run_days}")


def _errors(
    path: pd.DataFrame, errors: np.ndarray | None, covariance: np.ndarray | None, level: float
) -> tuple[np.ndarray | None, np.ndarray | None]:
    n = len(path)
    if errors is not None:
        errors = np.asarray(errors, dtype=float)
        if errors.ndim != 2 or errors.shape[1] != n or len(errors) < 2:
            raise HelpersError(f"errors must have the shape (2+ draws, {n} observed days), got {errors.shape}")
        return errors, None
    if covariance is None:
        se = (path["high"] - path["low"]).to_numpy(float) / (2 * ndtri((1 + level) / 2))
        return None, np.outer(se, se)
    covariance = np.asarray(covariance, dtype=float)
    if covariance.shape != (n, n):
        raise HelpersError(f"covariance must have the shape ({n}, {n}), the observed days, got {covariance.shape}")
    return None, covariance


def _runs(dates: pd.DatetimeIndex, after: np.ndarray, run_days: int) -> tuple[np.ndarray, tuple[Check, ...]]:
    """Places of the days of each run, shape (runs, run_days); runs over a gap cannot be tested."""
    runs = np.lib.stride_tricks.sliding_window_view(after, run_days)
    days = dates.to_numpy()
    step = np.min(np.diff(days[after])) if len(after) > 1 else np.timedelta64(1, "D")
    whole = days[runs[:, -1]] - days[runs[:, 0]] == (run_days - 1) * step
    if not whole.any():
        raise HelpersError(f"no {run_days} days in a row (run_days) were observed in the after-effect")
    if whole.all():
        return runs, ()
    text = f"{int((~whole).sum())} runs span days without an observation; they were not tested"
    return runs[whole], (Check(name="untested_runs", passed=None, value=int((~whole).sum()), text=text),)


def _test(
    path: pd.DataFrame, runs: np.ndarray, errors: np.ndarray | None, covariance: np.ndarray | None,
    margin: float, level: float,
) -> pd.DataFrame:  # fmt: skip
    effect, base = path["effect"].to_numpy(float)[runs].mean(1), path["counterfactual"].to_numpy(float)[runs].mean(1)
    if not (base > 0).all():
        day = path["date"].iloc[runs[np.argmin(base > 0), 0]]
        raise HelpersError(f"a margin needs a counterfactual above 0, got {base.min():g} from {day:%Y-%m-%d} on")
    relative = effect / base
    if errors is not None:
        drawn = relative + errors[:, runs].mean(2) / base
        low, high = np.quantile(drawn, [1 - level, level], axis=0)
        wrong = np.maximum((drawn <= -margin).sum(0), (drawn >= margin).sum(0))
        p = (1 + wrong) / (1 + len(drawn))
    else:
        variance = covariance[runs[:, :, None], runs[:, None, :]].mean((1, 2))
        se = np.sqrt(np.maximum(variance, 0)) / base
        low, high = relative - ndtri(level) * se, relative + ndtri(level) * se
        with np.errstate(divide="ignore"):
            p = np.maximum(ndtr((relative - margin) / se), ndtr(-(relative + margin) / se))
    days = path["date"].to_numpy()
    return pd.DataFrame(
        {
            "first_date": days[runs[:, 0]], "last_date": days[runs[:, -1]], "relative": relative, "low": low,
            "high": high, "p_value": p, "is_within": p <= 1 - level,
        }
    )  # fmt: skip


def _earliest(within: np.ndarray) -> int | None:
    """Start of the unbroken row of passes that reaches the end."""
    failed = np.flatnonzero(~within)
    first = 0 if len(failed) == 0 else int(failed[-1]) + 1
    return first if first < len(within) else None


def _assumed(errors: np.ndarray | None, covariance: np.ndarray | None, level: float) -> Check:
    text = f"{100 * level:g} % intervals of single days, their errors taken to move together fully (the widest case)"
    if errors is not None:
        text = f"{len(errors)} joint draws of the daily errors"
    elif covariance is not None:
        text = "joint covariance of the daily errors"
    return Check(name="errors", passed=None, text=text)


def _text(
    state: str, start: pd.Timestamp | None, last: pd.Series, margin: float, level: float, run_days: int, smallest: float
) -> str:
    within = f"within ±{100 * margin:g} % of the counterfactual"
    ends = f"{100 * last['low']:+.1f} % to {100 * last['high']:+.1f} %".replace("-", "−")
    if state == "over":
        return (
            f"The after-effect is over from {start:%Y-%m-%d}: from then on the mean of {run_days} days is shown to be "
            f"{within} ({100 * level:g} % sure)."
        )
    if state == "still there":
        return f"The after-effect is still there at the end: the last {run_days} days lie at {ends}, not {within}."
    return (
        "It is not shown within the data that the after-effect is over, nor that it is still there: the last "
        f"{run_days} days lie at {ends}; a margin of {100 * smallest:.1f} % or more would be needed."
    )
