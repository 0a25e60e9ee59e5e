"""A diagnostic as a value: what was checked, whether it passed, and the sentence for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from helpers.errors import HelpersError, NotEstimableError, ParameterError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One diagnostic.

    Attributes
    ----------
    name : str
        Short name of what was checked.
    passed : bool or None
        True, False, or None when the check only informs.
    value, threshold : float, str or None
        What was measured and what it was held against.
    text : str
        One sentence for the report.
    """

    name: str
    passed: bool | None
    value: float | str | None = None
    threshold: float | str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """What stands where a result would, if a method declined to answer: the reason, and nothing else.

    Attributes
    ----------
    text : str
        The method's own words.
    checks : tuple of Check
        One that informs, of the method's name.
    table : DataFrame
        Empty.
    settles : str
        The evidence that would give an answer; empty where the method does not know.
    fact_ids : tuple of str
        Empty: nothing was concluded.
    """

    text: str
    checks: tuple[Check, ...]
    table: pd.DataFrame
    settles: str = ""
    fact_ids: tuple[str, ...] = ()


def attempt(work: Callable[[], Result], *, name: str, needs: Iterable[object] = ()) -> Result | Declined:
    """Run a method whose refusal is a result too, such as a ranking of two units.

    Parameters
    ----------
    work : callable
        Takes nothing.
    name : str
        For the check.
    needs : iterable
        Results that the work takes: the first that was declined is handed on under this name.

    Returns
    -------
    What `work` returns, or Declined where it raises a `HelpersError`; any other error is raised.
    """
    for given in needs:
        if isinstance(given, Declined):
            return replace(given, checks=tuple(replace(check, name=name) for check in given.checks))
    try:
        return work()
    except HelpersError as error:
        check = Check(name=name, passed=None, text=f"no answer: {error}")
        settles = error.settles if isinstance(error, NotEstimableError) else ""
        return Declined(text=check.text, checks=(check,), table=pd.DataFrame(), settles=settles)


def labelled(groups: Mapping[str, Iterable[Check]]) -> list[Check]:
    """Checks of several results in one list, each under the name of what it checks: "units: coverage".

    Parameters
    ----------
    groups : mapping of str to iterable of Check
    """
    return [replace(check, name=f"{label}: {check.name}") for label, checks in groups.items() for check in checks]


def as_rate(name: str, value: Any, *, low: float, high: float) -> Any:
    """A rate or share inside its bounds, as given; refuses 24 where 0.24 is meant.

    Parameters
    ----------
    name : str
        For the message.
    value : float or array of float
        Checked in every element.
    low, high : float
        Both allowed.

    Raises
    ------
    ParameterError
        A value is missing or out of bounds; one that fits as a percentage is named as such.
    """
    outside = ~((np.asarray(value, float) >= low) & (np.asarray(value, float) <= high))
    if outside.any():
        bad = float(np.asarray(value, float)[outside].flat[0])
        hint = f": a percentage is written as a share, {bad:g} % is {bad / 100:g}" if low <= bad / 100 <= high else ""
        raise ParameterError(f"{name} must lie between {low:g} and {high:g}, got {bad:g}{hint}")
    return value
