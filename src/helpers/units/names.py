"""The closed lists: units of ledger facts, currencies, reporting periods."""

from __future__ import annotations

from typing import NamedTuple

from helpers.errors import UnitError, UnknownNameError


class Unit(NamedTuple):
    """A unit of the ledger: what it counts, and how `registry` writes it.

    Attributes
    ----------
    definition : str
        What one of it is, for the codebook.
    expression : str
        Expression in the unit registry; ``{currency}`` stands for the fact's currency.
    """

    definition: str
    expression: str


UNITS: dict[str, Unit] = {
    "money": Unit("an amount in the fact's currency, never thousands or millions of it", "{currency}"),
    "money_per_share": Unit("money for one ordinary share", "{currency} / share"),
    "money_per_ads": Unit(
        "money for one American depositary share, which bundles a stated number of ordinary shares",
        "{currency} / ads",
    ),
    "money_per_buyer": Unit("money for one buyer in the fact's period", "{currency} / buyer"),
    "ratio": Unit("a part of a whole or a rate of change; 0.25 is 25 %", ""),
    "percentage_point": Unit("a difference of two percentages; 3 is 3 points", "percentage_point"),
    "multiple": Unit("times another amount, as in enterprise value to sales", ""),
    "person": Unit("one user or one person, counted once", "person"),
    "household": Unit("one household", "household"),
    "buyer": Unit("one account that bought at least once in the period", "buyer"),
    "order": Unit("one order; a buyer can place many", "order"),
    "share": Unit("one ordinary share", "share"),
    "ads": Unit("one American depositary share", "ads"),
    "count": Unit("one of a thing that has no unit of its own: a note, a shop, a live room", "count"),
    "view": Unit("one view or impression", "view"),
    "interaction": Unit("one like, comment, share or save", "interaction"),
    "rating_point": Unit("one point on a rating scale", "rating_point"),
    "minute": Unit("60 seconds", "minute"),
    "minute_per_person_day": Unit("minutes of use per daily user and day", "minute / person / day_period"),
    "hour": Unit("60 minutes", "hour"),
    "day": Unit("24 hours", "day"),
    "month": Unit("one calendar month; it has no fixed number of days", "month"),
    "year": Unit("12 calendar months", "year"),
}

CURRENCIES: dict[str, str] = {
    "BRL": "Brazilian real",
    "CNY": "Chinese yuan",
    "EUR": "euro",
    "GBP": "pound sterling",
    "HKD": "Hong Kong dollar",
    "IDR": "Indonesian rupiah",
    "INR": "Indian rupee",
    "JPY": "Japanese yen",
    "KRW": "South Korean won",
    "MYR": "Malaysian ringgit",
    "SGD": "Singapore dollar",
    "THB": "Thai baht",
    "USD": "US dollar",
}
"""Currencies that the ECB fixes. TWD and VND are not among them, so they cannot be converted."""

PERIODS: tuple[str, ...] = ("day", "month", "quarter", "half", "year")
"""Reporting periods of a flow; each is a dimension of its own."""


def needs_currency(unit: str) -> bool:
    """Whether a fact in `unit` must name a currency; the other units must not.

    Parameters
    ----------
    unit : str
        A name in `UNITS`.

    Raises
    ------
    UnknownNameError
        If `unit` is not in `UNITS`.
    """
    if unit not in UNITS:
        raise UnknownNameError("unit", unit, list(UNITS))
    return "{currency}" in UNITS[unit].expression


def check_currency(currency: str) -> str:
    """Hand back `currency` if it is in `CURRENCIES`.

    Raises
    ------
    UnknownNameError
        If it is not; the message shows near names.
    """
    if currency not in CURRENCIES:
        raise UnknownNameError("currency", currency, list(CURRENCIES))
    return currency


def unit_expression(unit: str, currency: str | None, per: str | None) -> str:
    """The registry's expression for a ledger unit in its currency and period."""
    if needs_currency(unit) and currency is None:
        raise UnitError(f"unit {unit!r} needs a currency, got none")
    if currency is not None and not needs_currency(unit):
        raise UnitError(f"unit {unit!r} has no currency, got {currency!r}")
    if currency is not None:
        check_currency(currency)
    if per is not None and per not in PERIODS:
        raise UnknownNameError("reporting period", per, list(PERIODS))
    body = UNITS[unit].expression.format(currency=currency) or "dimensionless"
    return body if per is None else f"{body} / {per}_period"
