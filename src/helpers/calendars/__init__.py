"""When shopping festivals ran, and what kind of day every day was.

`events` and `windows` read the calendar of shopping festivals, `milestones` dated things that are no
measurements; `days` and `movable` give the statutory and the lunar calendar of mainland China.
"""

from __future__ import annotations

from helpers.calendars.days import COMMERCE_DAYS, HOLIDAYS, days, movable
from helpers.calendars.events import (
    EVENTS,
    FESTIVALS,
    MILESTONES,
    PHASES,
    STATUSES,
    TIMEZONE,
    WITHOUT_DATES,
    events,
    milestones,
)
from helpers.calendars.windows import windows

__all__ = [
    "COMMERCE_DAYS",
    "EVENTS",
    "FESTIVALS",
    "HOLIDAYS",
    "MILESTONES",
    "PHASES",
    "STATUSES",
    "TIMEZONE",
    "WITHOUT_DATES",
    "days",
    "events",
    "milestones",
    "movable",
    "windows",
]
