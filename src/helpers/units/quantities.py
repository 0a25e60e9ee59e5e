"""Quantities that refuse to be mixed, and the conversions that have a name.

Every currency, every kind of thing counted and every reporting period is its own dimension: a person
is not a household, an ADS is not a share, a quarter's revenue is not a year's. Only `annualise`
and `ads_to_shares` cross such a border here; currencies cross at a dated rate in `rates`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from helpers.errors import UnitError
from helpers.units.names import CURRENCIES, PERIODS, unit_expression

if TYPE_CHECKING:
    from pint import Quantity, Unit, UnitRegistry

# One dimension each. Minute, hour and day share one; month and year share another, because a
# month has no fixed number of days.
_OWN_DIMENSION = (
    *("person", "household", "buyer", "order", "share", "ads", "count", "view", "interaction"),
    *("rating_point", "percentage_point"),
)
_TIME = ("minute = [time]", "hour = 60 * minute", "day = 24 * hour", "month = [months]", "year = 12 * month")


@lru_cache(maxsize=1)
def registry() -> UnitRegistry:
    """The kit's own unit registry, made at the first call (importing pint takes 0.4 s).

    Returns
    -------
    pint.UnitRegistry
        Holds the currencies, the units of `UNITS` and ``<period>_period`` for each of `PERIODS`,
        and nothing else: no SI units, no prefixes, no plurals that could match by accident.
    """
    from pint import UnitRegistry

    made = UnitRegistry(None)
    for name in (*CURRENCIES, *_OWN_DIMENSION, *(f"{period}_period" for period in PERIODS)):
        made.define(f"{name} = [{name}]")
    for line in _TIME:
        made.define(line)
    return made


@lru_cache(maxsize=512)
def unit_of(text: str, name: str = "a number") -> Unit:
    """A unit of the registry from its text; "1" is none.

    Parameters
    ----------
    text : str
        Such as "person", "order / person / year", "CNY / order".
    name : str
        Whose unit it is, for the message.

    Raises
    ------
    UnitError
        The kit has no such unit.
    """
    try:
        return registry().parse_units("" if text.strip() == "1" else text)
    except Exception as error:  # pint raises five unrelated kinds for texts that are no units
        raise UnitError(f"{name} has the unit {text!r}, which the kit does not know: {error}") from None


def quantity(value: Any, unit: str, currency: str | None = None, per: str | None = None) -> Quantity:
    """A number with its unit, currency and, for a flow, the period it was counted over.

    Parameters
    ----------
    value : float or array of float
        In base units: 31e9, not 31 (billion); a ratio as 0.25.
    unit : str
        A name in `UNITS`.
    currency : str, optional
        A code in `CURRENCIES`; required for money units, refused for the others.
    per : {"day", "month", "quarter", "half", "year"}, optional
        Length of the period of a flow. None for a stock or a level.

    Returns
    -------
    pint.Quantity
        Of the one shared `registry`.

    Raises
    ------
    UnitError
        If a currency is missing or out of place.
    UnknownNameError
        If the unit, the currency or the period is not in its list.

    Examples
    --------
    >>> str(quantity(28.4e9, "money", "CNY", per="quarter"))
    '28400000000.0 CNY / quarter_period'
    """
    return registry().Quantity(value, unit_expression(unit, currency, per))


def combine(a: Quantity, b: Quantity) -> Quantity:
    """``a + b``, in the unit of `a`.

    Parameters
    ----------
    a, b : pint.Quantity
        Of the same dimension: the same currency, thing and period.

    Raises
    ------
    UnitError
        If they are different things; the message names both.
    """
    from pint import DimensionalityError

    try:
        return a + b
    except DimensionalityError as error:
        raise UnitError(
            f"cannot add {b} to {a}: {_show(b)} is not {_show(a)}; "
            "convert one of them first, by name (rate and day, annualise, ads_to_shares)"
        ) from error


def total(quantities: Iterable[Quantity]) -> Quantity:
    """The sum of quantities of one dimension, in the unit of the first.

    Parameters
    ----------
    quantities : iterable of pint.Quantity
        One or more.

    Raises
    ------
    UnitError
        If two of them are different things, or there are none (a sum of nothing has no unit).
    """
    parts = list(quantities)
    if not parts:
        raise UnitError("need 1+ quantities to add, got 0: a sum of nothing has no unit")
    return reduce(combine, parts)


def annualise(quantity_per_quarter: Quantity) -> Quantity:
    """The yearly run rate of a quarter's flow: four times the quarter.

    A run rate is not a forecast and not a year's figure: it carries the season of its quarter (a
    fourth quarter with Singles' Day, times four, overstates a year). Use four quarters if known.

    Parameters
    ----------
    quantity_per_quarter : pint.Quantity
        Anything per ``quarter_period``.

    Returns
    -------
    pint.Quantity
        The same thing per ``year_period``.

    Raises
    ------
    UnitError
        If the quantity is not per quarter.
    """
    _need(quantity_per_quarter, "quarter_period", -1, "annualise takes a flow per quarter")
    return quantity_per_quarter * registry().Quantity(4, "quarter_period / year_period")


def ads_to_shares(quantity: Quantity, shares_per_ads: float) -> Quantity:
    """Restate a number of ADS, or an amount per ADS, in ordinary shares.

    Parameters
    ----------
    quantity : pint.Quantity
        With ADS above the line (a count of ADS) or below it (money per ADS).
    shares_per_ads : float
        Ordinary shares that one ADS stands for, above 0, as the depositary states it for that day.

    Returns
    -------
    pint.Quantity
        A count times the ratio, or a price divided by it.

    Raises
    ------
    UnitError
        If the quantity has no ADS in it, or the ratio is not above 0.
    """
    if not shares_per_ads > 0:
        raise UnitError(f"shares_per_ads must be above 0, got {shares_per_ads}")
    power = quantity.dimensionality.get("[ads]", 0)
    if power not in (-1, 1):
        raise UnitError(f"ads_to_shares takes a count of ADS or an amount per ADS, got {_show(quantity)}")
    return quantity * registry().Quantity(shares_per_ads, "share / ads") ** power


def _need(given: Quantity, name: str, power: int, rule: str) -> None:
    """Refuse a quantity whose dimension lacks `name` to that power."""
    if given.dimensionality.get(f"[{name}]", 0) != power:
        raise UnitError(f"{rule}, got {_show(given)}")


def _show(given: Quantity) -> str:
    """The unit in words that a reader of an error knows."""
    return "a bare number" if given.unitless else f"'{given.units}'"
