"""Which periods of a panel lie before an event's window and inside it, and which other events mask.

Every estimator begins with this cut, so it is made and refused in one place. What it cannot do: know of events that
nobody named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import WindowError
from helpers.uplift.panels import Panel
from helpers.uplift.windows import EventWindow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Periods:
    """The cut of a calendar by an event.

    Attributes
    ----------
    phases : array of str, shape (periods,)
        Phase of each period; "" outside the window.
    before, inside : array of int
        Places before the window without other events, and in it.
    masked : array of bool, shape (periods,)
        In another event's window and not in this one's.
    checks : tuple of Check
        ``partial_event`` (failed) where the data end inside the window; ``masked_events`` where others mask.
    """

    phases: np.ndarray
    before: np.ndarray
    inside: np.ndarray
    masked: np.ndarray
    checks: tuple[Check, ...]


def cut(data: Panel, event: EventWindow, *, past: Sequence[EventWindow] = (), min_pre: float = 2.0) -> Periods:
    """Cut the calendar of a panel.

    Parameters
    ----------
    data : Panel
    event : EventWindow
    past : sequence of EventWindow
        Other events, anywhere in the data.
    min_pre : float, default 2.0
        Periods before the window, as a multiple of those inside it; at least one is always needed.

    Returns
    -------
    Periods

    Raises
    ------
    WindowError
        The window lies outside the data or begins before them; too few periods before it.
    """
    phases = event.phase_of(data.dates, step=data.step)
    inside = np.flatnonzero(phases != "")
    end = data.dates[-1] + data.step
    span = f"{data.dates[0]:%Y-%m-%d} to {end - pd.Timedelta(days=1):%Y-%m-%d}"
    if not len(inside):
        raise WindowError(f"the event ({event.describe()}) lies outside the data, {span}")
    masked, past = np.zeros(len(phases), bool), [past] if isinstance(past, EventWindow) else list(past)
    for other in past:
        masked |= other.phase_of(data.dates, step=data.step) != ""
    masked &= phases == ""
    before = np.flatnonzero(~masked[: inside[0]])
    if len(before) < max(1.0, min_pre * len(inside)):
        raise WindowError(
            f"the pre-period must be at least {_times(min_pre)} as long as the window of {len(inside)} periods, got "
            f"{len(before)} without other events (data {span}, {event.describe()})"
        )
    return Periods(
        phases=phases, before=before, inside=inside, masked=masked,
        checks=(*_partial(event, end), *_masked(int(masked.sum()), past)),
    )  # fmt: skip


def _times(count: float) -> str:
    return "twice" if count == 2 else f"{count:g} times"


def _partial(event: EventWindow, end: pd.Timestamp) -> tuple[Check, ...]:
    if event.last < end:
        return ()
    last = f"{end - pd.Timedelta(days=1):%Y-%m-%d}"
    text = f"the window ends on {event.last:%Y-%m-%d}, the data on {last}: only a part is accounted"
    return (Check(name="partial_event", passed=False, value=last, text=text),)


def _masked(count: int, past: Sequence[EventWindow]) -> tuple[Check, ...]:
    if not count:
        return ()
    named = ", ".join(other.name or f"{other.first:%Y-%m-%d}" for other in past)
    text = f"{count} periods of {len(past)} other event(s) are masked: {named}"
    return (Check(name="masked_events", passed=None, value=count, text=text),)
