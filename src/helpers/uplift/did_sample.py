"""The sample of a difference-in-differences: units, periods before and in the window, warnings.

Everything that can be refused or warned of before a regression is run happens here, once. What the module
cannot do: tell whether the window is right; it is declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, WindowError
from helpers.uplift.fixed_effects import incomplete, require_level, scaled, sides, treated_clusters
from helpers.uplift.panels import Panel
from helpers.uplift.panels import panel as as_panel
from helpers.uplift.selection import selection
from helpers.uplift.windows import EventWindow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """What is regressed: the treated, then the controls, over the whole calendar.

    Attributes
    ----------
    data : Panel
        Of these units.
    y : array, shape (units, periods)
        Values in the scale of the regression; NaN outside the periods used.
    treated : array of bool, shape (units,)
        Side of each row.
    phases : array of str, shape (periods,)
        From the event window.
    before, inside : array of bool, shape (periods,)
        Before the window without earlier events; in the window.
    scale, cluster, level
        As asked for.
    checks : tuple of Check
        What was left out, and what speaks against the comparison before it is made.
    """

    data: Panel
    y: np.ndarray
    treated: np.ndarray
    phases: np.ndarray
    before: np.ndarray
    inside: np.ndarray
    scale: str
    cluster: str
    level: float
    checks: tuple[Check, ...]


def draw_sample(
    panel: pd.DataFrame | Panel, event: EventWindow, treated: Sequence[str], controls: Sequence[str] | None,
    scale: str, cluster: str, level: float, min_pre: float, past: Sequence[EventWindow], drop_incomplete: bool,
) -> Sample:  # fmt: skip
    """Whom and what an event study compares; parameters and errors as in `event_study.event_study`."""
    require_level(level)
    data = as_panel(panel)
    rows, others = sides(data, treated=treated, controls=controls)
    phases = event.phase_of(data.dates, step=data.step)
    before, inside, checks = _periods(data, event, phases, min_pre, past)
    used, seen = np.r_[rows, others], np.flatnonzero(before | inside)
    if drop_incomplete:
        used, dropped = incomplete(data, used, seen)
        checks = (*checks, *dropped)
        rows, others = (np.intersect1d(side, used) for side in (rows, others))
        sides(data, treated=data.units[rows], controls=data.units[others])
        used = np.r_[rows, others]
    y = np.full((len(used), len(data.dates)), np.nan)
    y[:, seen] = scaled(data, used, seen, scale)
    chosen = data.take(used)
    return Sample(
        data=chosen, y=y, treated=np.arange(len(used)) < len(rows), phases=phases, before=before,
        inside=inside, scale=scale, cluster=cluster, level=level,
        checks=(*checks, treated_clusters(len(rows), cluster), _alike(chosen, event, data.units[rows], past)),
    )  # fmt: skip


def _periods(
    data: Panel, event: EventWindow, phases: np.ndarray, min_pre: float, past: Sequence[EventWindow]
) -> tuple[np.ndarray, np.ndarray, tuple[Check, ...]]:
    """Which periods lie before the window and inside it, and what the data's end cuts off."""
    inside = phases != ""
    span = f"{data.dates[0]:%Y-%m-%d} to {data.dates[-1] + data.step - pd.Timedelta(days=1):%Y-%m-%d}"
    if not inside.any():
        raise WindowError(f"the window must lie in the data, which run from {span}; got {event.describe()}")
    early = np.arange(len(phases)) < np.flatnonzero(inside)[0]
    masked = early & np.any([other.phase_of(data.dates, step=data.step) != "" for other in past] or [~early], axis=0)
    before = early & ~masked
    have, count = int(before.sum()), int(inside.sum())
    if event.first < data.dates[0] or not have:
        raise WindowError(f"need periods before the window, got none: the data run from {span}, {event.describe()}")
    if have < min_pre * count:
        raise WindowError(
            f"need {min_pre:g}+ periods before the window for each of its {count} ({min_pre * count:g}), got {have}; "
            "set min_pre lower to accept that"
        )
    return before, inside, (*_masked(int(masked.sum())), *_cut(data, event, count))


def _masked(count: int) -> tuple[Check, ...]:
    text = f"{count} periods of earlier events are no part of the reference"
    return (Check(name="past_events", passed=None, value=count, text=text),) if count else ()


def _cut(data: Panel, event: EventWindow, count: int) -> tuple[Check, ...]:
    end = data.dates[-1] + data.step
    if event.last < end:
        return ()
    text = f"the data end on {end - pd.Timedelta(days=1):%Y-%m-%d}, inside the window ({event.describe()}): a part only"
    return (Check(name="partial_window", passed=False, value=count, text=text),)


def _alike(data: Panel, event: EventWindow, treated: pd.Index, past: Sequence[EventWindow]) -> Check:
    """The selection warning; where it cannot be given, why."""
    try:
        return selection(data, event=event, treated=list(treated), past=past).checks[0]
    except HelpersError as problem:
        text = f"whether treated and controls are of one kind was not compared: {problem}"
        return Check(name="selection", passed=None, text=text)
