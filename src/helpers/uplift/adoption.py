"""When each unit came under treatment, for events that start at different dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError
from helpers.uplift.fixed_effects import name_some
from helpers.uplift.panels import Panel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adoption:
    """When each unit came under treatment.

    Attributes
    ----------
    first : array of int, shape (units,)
        Place of the first period under treatment; 0 where treated from the start, the number of periods
        where not within the data.
    checks : tuple of Check
        ``always_treated`` and ``treated_after_data``, where there are such units.
    """

    first: np.ndarray
    checks: tuple[Check, ...]


def adoptions(panel: Panel, first_treated: Mapping[str, object]) -> Adoption:
    """Place of each unit's first period under treatment.

    Raises
    ------
    UnknownNameError
        A unit that the panel does not have.
    HelpersError
        Something that is no day.
    DonorError
        Nobody is treated within the data.
    """
    count = len(panel.dates)
    first = np.full(len(panel.units), count)
    late = []
    for row, (unit, given) in zip(panel.rows(list(first_treated)), first_treated.items(), strict=True):
        if given is None or given is pd.NaT or given != given:
            continue
        day = _day(unit, given)
        if day >= panel.dates[-1] + panel.step:
            late.append(unit)
        else:
            first[row] = max(0, int(panel.dates.searchsorted(day, side="right")) - 1)
    always = panel.units[first == 0]
    if not ((first > 0) & (first < count)).any():
        raise DonorError("need 1+ units that come under treatment after the first period of the data, got none")
    return Adoption(
        first=first,
        checks=(
            *_count("always_treated", always, "are under treatment from the first period on"),
            *_count("treated_after_data", pd.Index(late), "come under treatment after the data end: untreated here"),
        ),
    )


def _day(unit: str, given: object) -> pd.Timestamp:
    try:
        day = given.to_timestamp() if isinstance(given, pd.Period) else pd.Timestamp(given)
    except (TypeError, ValueError):
        day = pd.NaT
    if day is pd.NaT or isinstance(given, int | float | np.number):
        raise HelpersError(f"first_treated of {unit}: {given!r} is no day such as 2025-11-11")
    return day.tz_localize(None) if day.tzinfo else day


def _count(name: str, units: pd.Index, what: str) -> tuple[Check, ...]:
    if not len(units):
        return ()
    return (Check(name=name, passed=None, value=len(units), text=f"{len(units)} unit(s) {what}: {name_some(units)}"),)
