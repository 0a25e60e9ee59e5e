"""Who gets what at an exit: breakpoints of a capital structure, and the payoff of every class.

Preferences are paid by rank, then the rest belongs to the shares. Everything beyond the preferences is a
function of one number, the money per common share ``p``: a convertible class takes ``max(claim, n p)``, a
participating one ``max(min(claim + n p, cap), n p)``, an option ``n (p - strike)`` if that is above 0. The sum
rises with ``p``, so each equity value has one ``p`` and one set of conversions, in which no class would be
better off by deciding otherwise. A breakpoint is an equity value at which somebody joins or leaves; between
two of them every class gets a constant share of the next unit of money.

Source: AICPA, Valuation of Privately-Held-Company Equity Securities Issued as Compensation (the breakpoint
analysis); T. Harms (2016), A Layperson's Guide to the Option Pricing Model, Mercer Capital. What the module
cannot do: anything that `cap_table` does not describe, and taxes or costs of the exit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import ParameterError
from helpers.units import in_words
from helpers.valuation.cap_table import OPTIONS, PREFERRED, CapitalStructure, ShareClass
from helpers.valuation.class_values import ROUNDING, adds_up, class_values, rank_order, share_counts_tie

_COLUMNS = ["range_number", "from_value", "to_value", "from_price", "to_price", "begins_with"]
_COLUMNS += ["class_name", "marginal_share", "share_count"]


class Ranges(NamedTuple):
    """The waterfall as numbers, for methods that build on it.

    Attributes
    ----------
    edges : array (ranges,)
        Equity value at which each range begins, ascending from 0.
    shares : array (classes, ranges)
        Part of each further unit of money; columns sum to 1.
    counts : array (classes, ranges)
        Common-equivalent shares that take part; 0 while preferences are paid.
    prices : array (ranges,)
        Money per common share where each range begins.
    events : tuple of str
        What begins there.
    """

    edges: np.ndarray
    shares: np.ndarray
    counts: np.ndarray
    prices: np.ndarray
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BreakpointsResult:
    """Breakpoints of a capital structure.

    Attributes
    ----------
    breakpoints : tuple of float
        Equity values above 0, ascending, in the currency of the structure.
    shares : DataFrame
        Index class name, columns 1, 2, ... (the ranges): part of each further unit of money, 0-1.
    table : DataFrame
        One row per range and class: range_number, from_value, to_value (infinite in the last),
        from_price, to_price (money per common share), begins_with (what happens at from_value),
        class_name, marginal_share (0-1), share_count (shares that take part; 0 while preferences are paid).
    text : str
        Where each begins.
    checks : tuple of Check
        ``shares_add_up`` (every range hands out all of its money), ``share_counts_tie`` (the last range
        holds every share as converted, and that is the stated total where one is given).
    fact_ids : tuple of str
    """

    breakpoints: tuple[float, ...]
    shares: pd.DataFrame
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffResult:
    """What every class gets at given equity values.

    Attributes
    ----------
    values : array (equity values, classes)
        Money, in the order of the structure.
    table : DataFrame
        One row per equity value and class: equity_value, class_name, kind, shares, value,
        value_per_share (per share of the class), value_per_common_share (per share as converted; NaN for
        straight preferred), equity_share (0-1; NaN at an equity value of 0), form (preference, converted,
        participating, capped, exercised, not exercised, common).
    text : str
        The largest equity value in words.
    checks : tuple of Check
        ``adds_up`` and ``rank_order``.
    fact_ids : tuple of str
    """

    values: np.ndarray
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def breakpoints(structure: CapitalStructure) -> BreakpointsResult:
    """Equity values at which the claim of a class on the next unit of money changes.

    Parameters
    ----------
    structure : CapitalStructure

    Returns
    -------
    BreakpointsResult
    """
    found = ranges(structure)
    table = pd.DataFrame(
        [
            (j + 1, found.edges[j], upper, found.prices[j], next_price, found.events[j], name, found.shares[i, j], n)
            for j, (upper, next_price) in enumerate(zip(_ends(found.edges), _ends(found.prices), strict=True))
            for i, (name, n) in enumerate(zip(structure.names, found.counts[:, j], strict=True))
        ],
        columns=_COLUMNS,
    )
    numbers = range(1, len(found.edges) + 1)
    return BreakpointsResult(
        breakpoints=tuple(float(edge) for edge in found.edges[1:]),
        shares=pd.DataFrame(found.shares, index=structure.names, columns=numbers),
        table=table,
        text=_breakpoints_text(structure, found),
        checks=(_shares_add_up(found), share_counts_tie(structure, found.counts)),
        fact_ids=structure.fact_ids,
    )


def ranges(structure: CapitalStructure) -> Ranges:
    """Edges and marginal shares of the waterfall: the preferences rank by rank, then the shares.

    Parameters
    ----------
    structure : CapitalStructure

    Returns
    -------
    Ranges
    """
    widths, shares, counts, prices, events = [], [], [], [], []
    classes = structure.classes
    for rank in sorted({one.rank for one in classes if one.kind in PREFERRED}):
        paid = [one.kind in PREFERRED and one.rank == rank for one in classes]
        claims = np.array([one.claim if now else 0.0 for one, now in zip(classes, paid, strict=True)])
        widths.append(claims.sum())
        shares.append(claims / claims.sum())
        counts.append(np.zeros(len(classes)))
        prices.append(0.0)
        events.append("preference of " + " and ".join(one.name for one in compress(classes, paid)))
    knots = _knots(classes)
    for low, high in zip(knots, [*knots[1:], math.inf], strict=True):
        taking = np.array([one.as_converted if _takes_part(one, low) else 0.0 for one in classes])
        widths.append(taking.sum() * (high - low))
        shares.append(taking / taking.sum())
        counts.append(taking)
        prices.append(low)
        events.append(_event(classes, low))
    edges = np.concatenate([[0.0], np.cumsum(widths[:-1])])
    return Ranges(edges, np.array(shares).T, np.array(counts).T, np.array(prices), tuple(events))


def _spans(one: ShareClass) -> list[tuple[float, float]]:
    """Money per common share from which, and up to which, a class takes part in it."""
    n = one.as_converted
    if one.kind == "common":
        return [(0.0, math.inf)]
    if one.kind == "convertible_preferred":
        return [(one.claim / n, math.inf)]
    if one.kind == "participating_preferred":
        if one.participation_cap is None:
            return [(0.0, math.inf)]
        return [(0.0, (one.cap_amount - one.claim) / n), (one.cap_amount / n, math.inf)]
    if one.kind in OPTIONS:
        return [(one.strike, math.inf)]
    return []


def _knots(classes: Sequence[ShareClass]) -> list[float]:
    """Ascending prices at which somebody joins or leaves, from 0; equal up to rounding is one."""
    ends = sorted({end for one in classes for span in _spans(one) for end in span if end < math.inf})
    knots: list[float] = [0.0]
    for end in ends:
        if not math.isclose(end, knots[-1], rel_tol=ROUNDING, abs_tol=0.0):
            knots.append(end)
    return knots


def _takes_part(one: ShareClass, price: float) -> bool:
    """Whether the class takes part just above the price."""
    just_above = price * (1 + 2 * ROUNDING)
    return any(low <= just_above < high * (1 + ROUNDING) for low, high in _spans(one))


def _event(classes: Sequence[ShareClass], price: float) -> str:
    """What begins just above the price, such as "conversion of Class A at 2"."""
    if price == 0:
        return "common takes part"
    said = []
    for one in classes:
        starts = any(math.isclose(low, price, rel_tol=ROUNDING) for low, _ in _spans(one))
        ends = any(math.isclose(high, price, rel_tol=ROUNDING) for _, high in _spans(one))
        if starts and not ends:
            said.append(f"{'exercise' if one.kind in OPTIONS else 'conversion'} of {one.name} at {in_words(price)}")
        elif ends and not starts:
            said.append(f"cap of {one.name} reached at {in_words(price)}")
    return "; ".join(said)


def distribute(structure: CapitalStructure, equity_values: Any) -> np.ndarray:
    """Money of every class at each equity value, as an array: the kernel of `payoff`, for simulations.

    Parameters
    ----------
    structure : CapitalStructure
    equity_values : float or array (n,)
        Money, 0 or more, in the currency of the structure.

    Returns
    -------
    array (n, classes)
        Rows sum to the equity value.

    Raises
    ------
    ParameterError
        If a value is missing, negative or infinite.
    """
    values = np.atleast_1d(np.asarray(equity_values, float))
    bad = ~((values >= 0) & (values < np.inf))
    if bad.any() or values.ndim > 1:
        got = f"shape {values.shape}" if values.ndim > 1 else f"{values[bad][0]}"
        raise ParameterError(f"equity_values are a number or one row of numbers, 0 or more and finite, got {got}")
    found = ranges(structure)
    paid = np.zeros((len(values), len(structure.classes)))
    for low, high, share in zip(found.edges, _ends(found.edges), found.shares.T, strict=True):
        paid += np.multiply.outer(np.clip(values - low, 0.0, high - low), share)
    return paid


def payoff(structure: CapitalStructure, equity_values: Any) -> PayoffResult:
    """What every class gets at each equity value, in the only equilibrium of conversions.

    Parameters
    ----------
    structure : CapitalStructure
    equity_values : float or array (n,)
        Money for all classes together (after debt and costs), 0 or more.

    Returns
    -------
    PayoffResult

    Raises
    ------
    ParameterError
        If a value is missing, negative or infinite.
    """
    paid = distribute(structure, equity_values)
    equity = np.atleast_1d(np.asarray(equity_values, float))
    common = next(i for i, one in enumerate(structure.classes) if one.kind == "common")
    prices = paid[:, common] / structure.classes[common].shares
    rows = class_values(structure, paid, equity)
    forms = np.column_stack([_forms(one, prices) for one in structure.classes])
    rows.insert(0, "equity_value", np.repeat(equity, len(structure.classes)))
    return PayoffResult(
        values=paid,
        table=rows.assign(form=forms.ravel()),
        text=_payoff_text(structure, paid, equity),
        checks=(adds_up(paid.sum(axis=1), equity), rank_order(structure, paid)),
        fact_ids=structure.fact_ids,
    )


def _forms(one: ShareClass, prices: np.ndarray) -> np.ndarray:
    """How the class takes its money at each price per common share."""
    worth = prices * one.as_converted
    if one.kind in OPTIONS:
        return np.where(prices > one.strike, "exercised", "not exercised")
    if one.kind == "participating_preferred":
        full = one.claim + worth >= one.cap_amount * (1 - ROUNDING)
        converted = worth > one.cap_amount * (1 + ROUNDING)
        return np.select([converted, full], ["converted", "capped"], "participating")
    if one.kind == "common":
        return np.full(len(prices), "common")
    return np.where(worth > one.claim * (1 + ROUNDING), "converted", "preference")


def _ends(starts: np.ndarray) -> np.ndarray:
    return np.append(starts[1:], np.inf)


def _shares_add_up(found: Ranges) -> Check:
    worst = float(np.abs(found.shares.sum(axis=0) - 1).max())
    return Check(
        name="shares_add_up",
        passed=worst <= ROUNDING,
        value=worst,
        threshold=ROUNDING,
        text="in every range the classes share all of the money",
    )


def _breakpoints_text(structure: CapitalStructure, found: Ranges) -> str:
    said = [
        f"from {in_words(edge)} {event}" for edge, event in zip(found.edges[1:], found.events[1:], strict=True)
    ] or ["common takes all"]
    first = "" if len(found.edges) == 1 else f"first {found.events[0]}; "
    return f"Of the equity value, in {structure.currency}: {first}{'; '.join(said)}."


def _payoff_text(structure: CapitalStructure, paid: np.ndarray, equity: np.ndarray) -> str:
    if not len(equity):
        return "No equity value was asked for."
    largest = int(equity.argmax())
    said = ", ".join(f"{n} {in_words(money)}" for n, money in zip(structure.names, paid[largest], strict=True))
    return f"Of {in_words(equity[largest])} {structure.currency}: {said}."
