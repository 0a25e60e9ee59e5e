"""The option pricing method: what each class of shares is worth while the exit lies ahead, and the backsolve.

Every range of the waterfall is a call spread on the equity: bought at the breakpoint where it begins, sold at
the one where it ends. A class is worth the sum over ranges of its marginal share times the spread,

    value_i = sum_j share_ij [C(b_j) - C(b_j+1)],   C(b) = Black-Scholes-Merton call on the equity at strike b

The backsolve turns it round: the equity value at which one class is worth what was just paid for it.

Where an IPO would make every preferred share common, preferences protect nobody in it. `conversion_chance` is the
probability of such an exit, whatever the equity is worth then (the hybrid method of the AICPA guide, with one date):
values are the mean of both waterfalls. It matters much: a class that gets its money back in nearly every other exit
is worth its price at an equity value far below the headline, however small the preferences are.

Source: AICPA, Valuation of Privately-Held-Company Equity Securities Issued as Compensation, chapter on the OPM;
T. Harms (2016), A Layperson's Guide to the Option Pricing Model, Mercer Capital, for the integrity checks. What
the module cannot do: one exit at one date is assumed, and rights to control, which have a price too, are not seen.
Volatility, term and the chance of conversion are judgement. The value is as if tradable: `dlom` is the step after.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from helpers.checks import Check, as_rate
from helpers.errors import NotEstimableError, ParameterError
from helpers.units import in_words
from helpers.valuation.black_scholes import MAX_VOLATILITY, RATE_BOUNDS, price
from helpers.valuation.cap_table import CapitalStructure, ShareClass, amount, in_sentence
from helpers.valuation.class_values import adds_up, class_values, rank_order, share_counts_tie
from helpers.valuation.waterfall import Ranges, ranges

LONGEST_TERM = 30.0
"""An exit further away than this many years is a number of months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmSettings:
    """What the option pricing method assumes of the time to the exit.

    Parameters
    ----------
    term : float
        Years to the exit, above 0, at most 30.
    rate : float
        Riskless, continuously compounded, a year: 0.02 is 2 %.
    volatility : float
        Of the equity, a year, above 0, at most 5: 0.6 is 60 %.
    dividend_yield : float, default 0
        Paid on the equity before the exit, to nobody in the structure; continuously compounded.
    conversion_chance : float, default 0
        Probability, 0-1, that the exit makes every convertible and participating class common.

    Raises
    ------
    ParameterError
        If a number is out of range, by name.
    """

    term: float
    rate: float
    volatility: float
    dividend_yield: float = 0.0
    conversion_chance: float = 0.0

    def __post_init__(self) -> None:
        for name in ("term", "volatility"):
            if getattr(self, name) == 0:
                raise ParameterError(
                    f"{name} must be above 0, got 0: without time or doubt the option pricing method is the waterfall "
                    "of today's equity value, which `payoff` gives"
                )
            amount(name, getattr(self, name))
        if self.term > LONGEST_TERM:
            raise ParameterError(f"term is in years, at most {LONGEST_TERM:g}, got {self.term:g}")
        as_rate("volatility", self.volatility, low=0.0, high=MAX_VOLATILITY)
        as_rate("rate", self.rate, low=RATE_BOUNDS[0], high=RATE_BOUNDS[1])
        as_rate("dividend_yield", self.dividend_yield, low=0.0, high=RATE_BOUNDS[1])
        as_rate("conversion_chance", self.conversion_chance, low=0.0, high=1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AllocationResult:
    """An equity value, divided among the classes.

    Attributes
    ----------
    equity_value : float
        Money of all classes today.
    common_value_per_share : float
        Of the first common class, money.
    dividends_value : float
        Money paid out before the exit, which no class gets; 0 without a dividend yield.
    table : DataFrame
        One row per class: class_name, kind, shares, value, value_per_share, value_per_common_share (per share as
        converted; NaN for straight preferred), equity_share (0-1), common_ratio (value_per_common_share of this
        class over common's).
    ranges : DataFrame
        Of the waterfall without a forced conversion, one row per range: range_number, from_value, to_value,
        begins_with, call_value (at from_value), range_value (of the spread).
    text : str
    checks : tuple of Check
        ``adds_up``, ``share_counts_tie``, ``rank_order``.
    fact_ids : tuple of str
    """

    equity_value: float
    common_value_per_share: float
    dividends_value: float
    table: pd.DataFrame
    ranges: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacksolveResult:
    """The equity value at which a class is worth its price.

    Attributes
    ----------
    equity_value : float
        Money of all classes today.
    class_name : str
        The class that the price was paid for.
    price_per_share : float
        That price, money.
    allocation : AllocationResult
        At that equity value.
    table : DataFrame
        That of the allocation.
    text : str
    checks : tuple of Check
        Those of the allocation, ``price_reproduced`` and ``price_above_claim`` (the preference alone, discounted and if
        it were sure, is worth less than the price; else the equity value found is one of distress).
    fact_ids : tuple of str
    """

    equity_value: float
    class_name: str
    price_per_share: float
    allocation: AllocationResult
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def allocate(structure: CapitalStructure, *, equity_value: float, settings: OpmSettings) -> AllocationResult:
    """Divide an equity value among the classes by the option pricing method.

    Parameters
    ----------
    structure : CapitalStructure
    equity_value : float
        Money of all classes today, above 0, in the currency of the structure.
    settings : OpmSettings

    Returns
    -------
    AllocationResult

    Raises
    ------
    ParameterError
        If the equity value is not above 0.
    """
    equity = amount("equity_value", equity_value)
    found = ranges(structure)
    values = _values(found, ranges(all_common(structure)), equity, settings)
    table = class_values(structure, values, equity)
    common = float(table.loc[table["kind"] == "common", "value_per_share"].iloc[0])
    leaked = equity * -math.expm1(-settings.dividend_yield * settings.term)
    return AllocationResult(
        equity_value=equity,
        common_value_per_share=common,
        dividends_value=leaked,
        table=table.assign(common_ratio=table["value_per_common_share"] / common if common > 0 else np.nan),
        ranges=_spread_table(found, _calls(found, equity, settings)),
        text=_allocation_text(table, equity, structure.currency, settings),
        checks=(
            adds_up(values.sum() + leaked, equity),
            share_counts_tie(structure, found.counts),
            rank_order(structure, values),
        ),
        fact_ids=structure.fact_ids,
    )


def all_common(structure: CapitalStructure) -> CapitalStructure:
    """The structure after a conversion of every class that can convert; straight preferred keeps its claim.

    Parameters
    ----------
    structure : CapitalStructure

    Returns
    -------
    CapitalStructure
        The same names in the same order.
    """
    converted = [
        one
        if one.kind not in ("convertible_preferred", "participating_preferred")
        else ShareClass(name=one.name, kind="common", shares=one.as_converted)
        for one in structure.classes
    ]
    return replace(structure, classes=tuple(converted))


def _values(found: Ranges, forced: Ranges, equity: float, settings: OpmSettings) -> np.ndarray:
    """Money of every class: the mean of the waterfalls without and with a forced conversion."""
    chance = settings.conversion_chance
    value = (1 - chance) * found.shares @ _spreads(_calls(found, equity, settings))
    return value + chance * forced.shares @ _spreads(_calls(forced, equity, settings))


def _spreads(calls: np.ndarray) -> np.ndarray:
    return calls - np.append(calls[1:], 0.0)


def _calls(found: Ranges, equity: float, settings: OpmSettings) -> np.ndarray:
    """Calls on the equity at every edge; the one at 0 is the equity itself, less its dividends."""
    whole = equity * math.exp(-settings.dividend_yield * settings.term)
    if len(found.edges) == 1:
        return np.array([whole])
    terms = {"rate": settings.rate, "volatility": settings.volatility, "dividend_yield": settings.dividend_yield}
    return np.append(whole, price(equity, found.edges[1:], settings.term, **terms))


def _spread_table(found: Ranges, calls: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "range_number": np.arange(1, len(calls) + 1),
            "from_value": found.edges,
            "to_value": np.append(found.edges[1:], np.inf),
            "begins_with": list(found.events),
            "call_value": calls,
            "range_value": _spreads(calls),
        }
    )


def backsolve(
    structure: CapitalStructure, *, class_name: str, price_per_share: float, settings: OpmSettings
) -> BacksolveResult:
    """The equity value at which the class is worth its price, by the option pricing method.

    The value of a class rises with the equity, so there is one answer or none.

    Parameters
    ----------
    structure : CapitalStructure
        With the new class in it, as after the round.
    class_name : str
        The class that was sold.
    price_per_share : float
        Money per share of that class, above 0.
    settings : OpmSettings

    Returns
    -------
    BacksolveResult

    Raises
    ------
    UnknownNameError
        If there is no such class.
    ParameterError
        If the price is not above 0.
    NotEstimableError
        If no equity value makes the class worth that much (straight preferred above its discounted claim).
    """
    sold = structure.find(class_name)
    paid = amount("price_per_share", price_per_share)
    found, forced = ranges(structure), ranges(all_common(structure))
    number = structure.names.index(class_name)

    def miss(log_equity: float) -> float:
        value = _values(found, forced, math.exp(log_equity), settings)[number]
        return math.log(max(value, 1e-300) / (paid * sold.shares))

    # a class is worth no more than the whole, so the whole is at least what the class was sold for
    low = math.log(paid * sold.shares)
    highest = max(low, math.log(max(found.edges[-1], 1e-300))) + math.log(1e12)
    high = low + math.log(2)
    while miss(high) < 0:
        high += math.log(4)
        if high > highest:
            raise _no_price(sold.name, paid, structure)
    equity = math.exp(brentq(miss, low, high, xtol=1e-14, rtol=1e-14)) if miss(low) < 0 else math.exp(low)
    allocation = allocate(structure, equity_value=equity, settings=settings)
    claim = sold.claim * math.exp(-settings.rate * settings.term) * (1 - settings.conversion_chance)
    return _backsolved(sold, paid, claim, allocation, structure)


def _no_price(name: str, paid: float, structure: CapitalStructure) -> NotEstimableError:
    each = " for the whole company" if structure.is_one_share else " a share"
    return NotEstimableError(
        f"the equity value at which {in_sentence(name)} is worth {in_words(paid)} {structure.currency}{each}",
        "the class cannot be worth that much however large the equity is: what it gets is limited",
        "the price of a class that shares in the upside, or the terms under which this one does",
    )


def _backsolved(
    sold: ShareClass, paid: float, claim: float, allocation: AllocationResult, structure: CapitalStructure
) -> BacksolveResult:
    again = float(allocation.table.set_index("class_name").loc[sold.name, "value_per_share"])
    name = in_sentence(sold.name)
    worth = f"{name} is worth {in_words(again, digits=6)} a share"
    if structure.is_one_share:
        worth = f"a company of shares of {name} alone is worth {in_words(again)} {structure.currency}"
    reproduced = Check(
        name="price_reproduced",
        passed=math.isclose(again, paid, rel_tol=1e-9),
        value=again,
        threshold=paid,
        text=f"at that equity value {worth}",
    )
    return BacksolveResult(
        equity_value=allocation.equity_value,
        class_name=sold.name,
        price_per_share=paid,
        allocation=allocation,
        table=allocation.table,
        text=_backsolve_text(sold, paid, allocation, structure),
        checks=(*allocation.checks, reproduced, _price_above_claim(sold, claim / (paid * sold.shares))),
        fact_ids=allocation.fact_ids,
    )


def _backsolve_text(sold: ShareClass, paid: float, allocation: AllocationResult, structure: CapitalStructure) -> str:
    currency, name, common = structure.currency, in_sentence(sold.name), allocation.common_value_per_share
    part = f"{common * sold.as_converted / (paid * sold.shares) * 100:.0f} % of " if sold.as_converted else ""
    implied = f"an equity value of {in_words(allocation.equity_value)} {currency}"
    if structure.is_one_share:
        of_it = f", {part}that price" if part else ""
        return (
            f"A price of {in_words(paid)} {currency} for the company in {name} implies {implied}; of common shares "
            f"alone it would be worth {in_words(common)} {currency}{of_it}."
        )
    ratio = f", {part}the price paid for a share as converted" if part else ""
    return (
        f"{in_words(paid)} {currency} for a share of {name} imply {implied}, in which a common share is worth "
        f"{in_words(common)} {currency}{ratio}."
    )


def _price_above_claim(sold: ShareClass, covered: float) -> Check:
    """A preference that alone, if sure, is worth the price leaves nothing to pay for the upside."""
    return Check(
        name="price_above_claim",
        passed=covered < 1,
        value=covered,
        threshold=1.0,
        text=f"the preference of {in_sentence(sold.name)}, if it were sure, would be worth "
        f"{covered * 100:.0f} % of the price"
        + ("" if covered < 1 else ": only an equity value near the claims makes the class worth no more"),
    )


def _allocation_text(table: pd.DataFrame, equity: float, currency: str, settings: OpmSettings) -> str:
    said = ", ".join(f"{row.class_name} {in_words(row.value)}" for row in table.itertuples())
    years = f"{settings.term:g} year{'' if settings.term == 1 else 's'}"
    chance = ""
    if settings.conversion_chance:
        chance = f" and a chance of {settings.conversion_chance * 100:g} % that all convert"
    return (
        f"Of an equity value of {in_words(equity)} {currency}, with an exit in {years} at a volatility of "
        f"{settings.volatility * 100:g} %{chance}: {said}."
    )
