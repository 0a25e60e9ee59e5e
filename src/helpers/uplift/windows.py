"""When an event was announced, was waited for, ran, and had its after-effect.

An uplift is net only if it counts what the event borrowed: purchases put off before it (the pre-dip) and
brought forward from after it (the after-effect). So a window has four phases, any of them may be empty,
and everything that follows is accounted by phase. What the module cannot do: find the phases in the
data; they are declared, and `helpers.uplift.checks` shows how the answer moves when they are moved.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from helpers.errors import WindowError

PHASES = {
    "announcement": "from the announcement to the eve of the pre-dip or of the event",
    "pre_dip": "buyers wait for the event",
    "event": "the event itself",
    "after_effect": "buyers have already bought",
}
TIMEZONE = "Asia/Shanghai"
ONE_MINUTE = pd.Timedelta(minutes=1)
ONE_DAY = pd.Timedelta(days=1)

Moment = str | date | datetime | pd.Timestamp
Span = tuple[Moment, Moment] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow:
    """The four phases of one event, in local time.

    A phase is a pair of its first and last moment, both included, or None. A bare day as the first
    moment is its first minute, as the last one its last minute; ``("2025-10-31T20:00", "2025-11-11")``
    begins at eight in the evening. Times with a zone are converted to `timezone`; times without one are
    local already.

    Parameters
    ----------
    event : pair or None
        The event itself.
    announcement, pre_dip, after_effect : pair or None
        The phases around it.
    name : str
        As it should be read: "Double 11, 2025".
    family : str
        Events of one kind share a shape: "double_11", "618", "live_session".
    timezone : str, default "Asia/Shanghai"
        Zone of the data's days.

    Raises
    ------
    WindowError
        No phase at all, a phase that ends before it starts, phases that overlap or are out of order,
        something that is no moment.
    """

    event: Span = None
    announcement: Span = None
    pre_dip: Span = None
    after_effect: Span = None
    name: str = ""
    family: str = ""
    timezone: str = TIMEZONE

    def __post_init__(self) -> None:
        for phase in PHASES:
            span = getattr(self, phase)
            object.__setattr__(self, phase, None if span is None else _span(span, phase, self.timezone))
        held = [(phase, getattr(self, phase)) for phase in PHASES if getattr(self, phase)]
        if not held:
            raise WindowError("a window needs at least one phase; event, announcement, pre_dip, after_effect are empty")
        for (one, before), (other, after) in itertools.pairwise(held):
            if not before[1] < after[0]:
                raise WindowError(f"{one} must end before {other} starts, got {before[1]} and {after[0]}")

    @classmethod
    def around(
        cls, first: Moment, last: Moment, *, dip_days: int = 0, after_days: int = 0,
        announced: Moment | None = None, name: str = "", family: str = "", timezone: str = TIMEZONE,
    ) -> EventWindow:  # fmt: skip
        """A window from the event's own moments and the length of what surrounds it.

        Parameters
        ----------
        first, last : moment
            Of the event.
        dip_days, after_days : int, default 0
            Whole days of the pre-dip right before the day of `first`, of the after-effect right after the day of
            `last`.
        announced : moment, optional
            Day of the announcement; the phase ends where the pre-dip (or the event) begins.
        """
        for what, days in (("dip_days", dip_days), ("after_days", after_days)):
            if days < 0 or days != int(days):
                raise WindowError(f"{what} must be a whole number of days, 0 or more, got {days}")
        start, end = _span((first, last), "event", timezone)
        before, behind = start.normalize() - ONE_MINUTE, end.normalize() + ONE_DAY
        dip = (behind_start(start, dip_days), before) if dip_days else None
        edge = dip[0] - ONE_MINUTE if dip else before
        return cls(
            event=(start, end),
            pre_dip=dip,
            after_effect=(behind, behind + after_days * ONE_DAY - ONE_MINUTE) if after_days else None,
            announcement=None if announced is None else (announced, edge),
            name=name, family=family, timezone=timezone,
        )  # fmt: skip

    @property
    def spans(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        """The phases that are not empty, in order: first and last minute."""
        return {phase: span for phase in PHASES if (span := getattr(self, phase))}

    @property
    def first(self) -> pd.Timestamp:
        """First minute of the first phase."""
        return next(iter(self.spans.values()))[0]

    @property
    def last(self) -> pd.Timestamp:
        """Last minute of the last phase."""
        return list(self.spans.values())[-1][1]

    def phase_of(self, dates: pd.DatetimeIndex, *, step: pd.DateOffset | pd.Timedelta = ONE_DAY) -> np.ndarray:
        """The phase that each period of the data belongs to.

        A day that two phases share belongs to the event, else to the earlier phase: the counterfactual
        is wanted for every day that the event could have touched.

        Parameters
        ----------
        dates : DatetimeIndex
            First day of each period, local, without a zone.
        step : offset, default one day
            Length of a period.

        Returns
        -------
        array of str
            A key of `PHASES`, or "" outside the window.
        """
        out = np.full(len(dates), "", dtype=object)
        ends = dates + step
        for phase in sorted(self.spans, key=lambda p: (p == "event", -list(PHASES).index(p))):
            start, end = self.spans[phase]
            out[np.asarray((dates <= end) & (ends > start))] = phase
        return out

    def shifted(self, days: int) -> EventWindow:
        """The same window `days` later (earlier if negative): a placebo in time."""
        by = pd.Timedelta(days=int(days))
        moved = {phase: (start + by, end + by) for phase, (start, end) in self.spans.items()}
        return EventWindow(
            **moved, name=f"{self.name} moved by {days} days", family=self.family, timezone=self.timezone
        )

    def describe(self) -> str:
        """The phases in words: "pre-dip 2025-10-01 to 2025-10-10, event ..."."""
        return ", ".join(
            f"{phase.replace('_', '-')} {_say(start)} to {_say(end, last=True)}"
            for phase, (start, end) in self.spans.items()
        )


def behind_start(start: pd.Timestamp, days: int) -> pd.Timestamp:
    """First minute of the day that lies `days` whole days before the day of `start`."""
    return start.normalize() - days * ONE_DAY


def _span(span: tuple[Moment, Moment], phase: str, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    if not isinstance(span, tuple | list) or len(span) != 2:
        raise WindowError(f"{phase} must be a pair of first and last moment, got {span!r}")
    start, end = _moment(span[0], phase, zone), _moment(span[1], phase, zone, is_last=True)
    if end < start:
        raise WindowError(f"{phase} must not end before it starts, got {span[0]} to {span[1]}")
    return start, end


def _moment(given: Moment, phase: str, zone: str, *, is_last: bool = False) -> pd.Timestamp:
    is_month = isinstance(given, str) and len(given.strip()) < len("2025-11-11")
    try:
        # a number would be read as nanoseconds, "2025-11" as its first day
        moment = pd.NaT if is_month or isinstance(given, int | float) else pd.Timestamp(given)
    except (TypeError, ValueError):
        moment = pd.NaT
    if moment is pd.NaT:
        raise WindowError(f"{phase}: {given!r} is no day or local time such as 2025-11-11 or 2025-11-11T20:00")
    if moment.tzinfo is not None:
        try:
            moment = moment.tz_convert(zone).tz_localize(None)
        except (KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            raise WindowError(f"unknown timezone {zone!r}: name one such as Asia/Shanghai") from None
    is_day = isinstance(given, date) and not isinstance(given, datetime)
    is_day = is_day or (isinstance(given, str) and len(given.strip()) == 10)
    return (moment + ONE_DAY - ONE_MINUTE if is_last and is_day else moment).floor("min")


def _say(moment: pd.Timestamp, *, last: bool = False) -> str:
    whole = moment == moment.normalize() or (last and moment + ONE_MINUTE == (moment + ONE_MINUTE).normalize())
    return f"{moment:%Y-%m-%d}" if whole else f"{moment:%Y-%m-%d %H:%M}"
