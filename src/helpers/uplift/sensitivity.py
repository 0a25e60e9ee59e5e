"""How the answer moves when a choice is made otherwise: controls, window, model, history.

An estimate that only one set of choices yields is no estimate. Each variant is a full run of the structural
counterfactual; none is picked. What it cannot do: try choices that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.uplift.calibration import DOUBT, LEAST_WINDOWS
from helpers.uplift.panels import Panel, panel
from helpers.uplift.preparation import ModelSettings, listed
from helpers.uplift.results import UpliftResult
from helpers.uplift.structural import structural
from helpers.uplift.windows import ONE_DAY, EventWindow

MOST_LEFT_OUT = 20
MOVES = (-3, 3)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SensitivityResult:
    """Variants of one estimate.

    Attributes
    ----------
    table : DataFrame
        variant, kind ("as asked", "control left out", "window", "model", "history"), incremental,
        relative_effect, relative_low, relative_high, change_pp (of the relative effect, in points), error ("" or
        why the variant could not be run).
    checks : tuple of Check
        ``leave_one_control_out``, ``window_choice``, ``model_choice``: whether every variant lies in the interval
        of the estimate as asked. ``placebo_in_space``: controls taken for treated, each against the others.
    """

    table: pd.DataFrame
    checks: tuple[Check, ...]


def sensitivity(
    frame: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    controls: Sequence[str] | None = None,
    past: Sequence[EventWindow] = (),
    regressors: pd.DataFrame | None = None,
    settings: ModelSettings | None = None,
) -> SensitivityResult:
    """Run the structural counterfactual again under other choices.

    Parameters
    ----------
    frame, event, treated, controls, past, regressors, settings
        As in `helpers.uplift.structural`. With more than twenty controls they are left out in twenty groups.

    Returns
    -------
    SensitivityResult

    Raises
    ------
    HelpersError
        The estimate as asked cannot be made.
    """
    data = panel(frame)
    names = {treated} if isinstance(treated, str) else set(treated)
    others = [str(u) for u in data.units if u not in names] if controls is None else listed(controls)
    asked = {"event": event, "treated": treated, "controls": others, "past": past, "regressors": regressors}
    asked["settings"] = settings or ModelSettings()
    main = structural(data, **asked)
    rows = [_row("as asked", "as asked", main, main)]
    for name, kind, change in _variants(data, asked):
        try:
            rows.append(_row(name, kind, structural(change.pop("data", data), **(asked | change)), main))
        except HelpersError as error:
            rows.append({"variant": name, "kind": kind, "error": str(error)})
    table = pd.DataFrame(rows)
    return SensitivityResult(
        table=table.assign(error=table["error"].fillna("")), checks=(*_checks(table, main), *_in_space(data, asked))
    )


def _variants(data: Panel, asked: dict) -> Iterator[tuple[str, str, dict]]:
    controls, event, settings = asked["controls"], asked["event"], asked["settings"]
    if len(controls) > 1:
        for group in np.array_split(np.arange(len(controls)), min(len(controls), MOST_LEFT_OUT)):
            left = {controls[k] for k in group}
            label = controls[group[0]] if len(group) == 1 else f"{len(group)} controls from {controls[group[0]]}"
            yield f"without {label}", "control left out", {"controls": [c for c in controls if c not in left]}
    for phase, end in (("pre_dip", 0), ("after_effect", 1)):
        for days in MOVES:
            if (moved := _moved(event, phase, end, days)) is not None:
                yield f"{phase.replace('_', '-')} {days:+d} days".replace("-3", "−3"), "window", {"event": moved}
    yield "no season of the year", "model", {"settings": replace(settings, annual=0)}
    yield "no wandering level", "model", {"settings": replace(settings, slow=False)}
    other = "level" if settings.scale == "log" else "log"
    yield f"{other}s instead of {settings.scale}s", "model", {"settings": replace(settings, scale=other)}
    yield "later half of the history", "history", {"data": _later_half(data, event)}


def _moved(event: EventWindow, phase: str, end: int, days: int) -> EventWindow | None:
    """The window with the outer end of a phase moved: longer for +3, shorter for -3; None where that empties it."""
    span = event.spans.get(phase)
    if span is None:
        return None
    ends = list(span)
    ends[end] = ends[end] + (days if end else -days) * ONE_DAY
    announced = event.announcement
    if ends[1] < ends[0] or (phase == "pre_dip" and announced and not announced[1] < ends[0]):
        return None
    return replace(event, **{phase: tuple(ends)})


def _later_half(data: Panel, event: EventWindow) -> Panel:
    start = int(np.searchsorted(data.dates, event.first.normalize()) // 2)
    return replace(
        data, values=data.values[:, start:], dates=data.dates[start:],
        covariates={name: array[:, start:] for name, array in data.covariates.items()},
    )  # fmt: skip


def _row(name: str, kind: str, found: UpliftResult, main: UpliftResult) -> dict:
    return {
        "variant": name, "kind": kind, "incremental": found.incremental, "relative_effect": found.relative_effect,
        "relative_low": found.relative_low, "relative_high": found.relative_high,
        "change_pp": 100 * (found.relative_effect - main.relative_effect), "error": "",
    }  # fmt: skip


def _checks(table: pd.DataFrame, main: UpliftResult) -> tuple[Check, ...]:
    wanted: dict[str, Callable[[pd.Series], pd.Series]] = {
        "leave_one_control_out": lambda kind: kind.eq("control left out"),
        "window_choice": lambda kind: kind.eq("window"),
        "model_choice": lambda kind: kind.isin(["model", "history"]),
    }
    checks = []
    for name, chosen in wanted.items():
        rows = table[chosen(table["kind"]) & table["relative_effect"].notna()]
        if rows.empty:
            continue
        far = rows.loc[rows["change_pp"].abs().idxmax()]
        inside = rows["relative_effect"].between(main.relative_low, main.relative_high)
        text = (
            f"{int(inside.sum())} of {len(rows)} variants lie in the interval; the farthest, {far['variant']}, moves "
        )
        text += f"the relative effect by {far['change_pp']:+.1f} points"
        checks.append(Check(name=name, passed=bool(inside.all()), value=float(far["change_pp"]), text=text))
    return tuple(checks)


def _in_space(data: Panel, asked: dict) -> tuple[Check, ...]:
    """Take each of up to twenty controls for treated: its interval should hold zero as often as it says."""
    controls, level = asked["controls"], asked["settings"].level
    if len(controls) < LEAST_WINDOWS:
        return ()
    held = []
    for unit in controls[:MOST_LEFT_OUT]:
        others = [control for control in controls if control != unit]
        try:
            found = structural(data, **(asked | {"treated": unit, "controls": others}))
        except HelpersError:
            continue  # a control that cannot be estimated is left out of the estimate itself, too
        held.append(found.incremental_low <= 0 <= found.incremental_high)
    hits, count = sum(held), len(held)
    if count < LEAST_WINDOWS:
        return ()
    text = f"the intervals of {hits} of {count} controls, each taken for treated, hold zero in the event's window"
    passed = bool(stats.binom.cdf(hits, count, level) > DOUBT)
    return (Check(name="placebo_in_space", passed=passed, value=hits / count, threshold=level, text=text),)
