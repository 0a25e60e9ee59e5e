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
from helpers.errors import HelpersError
from helpers.uplift import periods
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
    found = periods.cut(data, event, past=past, min_pre=min_pre)
    checks, places = found.checks, np.arange(len(data.dates))
    before, inside = np.isin(places, found.before), np.isin(places, found.inside)
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
        data=chosen, y=y, treated=np.arange(len(used)) < len(rows), phases=found.phases, before=before,
        inside=inside, scale=scale, cluster=cluster, level=level,
        checks=(*checks, treated_clusters(len(rows), cluster), _alike(chosen, event, data.units[rows], past)),
    )  # fmt: skip


def _alike(data: Panel, event: EventWindow, treated: pd.Index, past: Sequence[EventWindow]) -> Check:
    """The selection warning; where it cannot be given, why."""
    try:
        return selection(data, event=event, treated=list(treated), past=past).checks[0]
    except HelpersError as problem:
        text = f"whether treated and controls are of one kind was not compared: {problem}"
        return Check(name="selection", passed=None, text=text)
