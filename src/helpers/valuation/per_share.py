"""Market capitalisation, value per share, and a price held against it.

Price and count, price and value must be of one kind of share (see `shares`). Two currencies meet at dated
rates, each amount at the rate of its own day: a rupee price over a dollar book value reads 573, and is 6.6.

What this module cannot do: say what the equity is worth; that comes from a model or a balance sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from helpers.checks import Check
from helpers.errors import UnitError
from helpers.units import in_words, rate
from helpers.valuation.shares import PerShare, ShareCount, check_positive, fact_ids_of, restate, same_kind, say

COUNT_AGE_DAYS = 200
"""A count older than about two quarters has missed buybacks, grants and conversions."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketCapResult:
    """Price times shares.

    Attributes
    ----------
    value : float
        In `currency`.
    currency : str
    day : datetime.date or None
        Day of the price.
    table : DataFrame
        Rows price and shares: quantity, value, unit, day, fact_id.
    text : str
        One sentence.
    checks : tuple of Check
        ``count_age``: the count is not younger than the price, nor too old.
    fact_ids : tuple of str
    """

    value: float
    currency: str
    day: date | None
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceToValueResult:
    """A price per share over a value per share of the same kind.

    Attributes
    ----------
    ratio : float
        Price over value: 0.39 is a price of 39 % of the value.
    upside : float
        Value over price less 1: 1.55 is 155 % above the price.
    table : DataFrame
        Rows price and value: quantity, amount, currency, per, day, rate (to the price's currency), converted,
        fact_id.
    text : str
        One sentence.
    checks : tuple of Check
        ``currencies``: whether both sides were in one, and at which rate they met otherwise.
    fact_ids : tuple of str
    """

    ratio: float
    upside: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def market_cap(price: PerShare, shares: ShareCount) -> MarketCapResult:
    """Market capitalisation, ``price x shares``, both of one kind of share.

    Parameters
    ----------
    price : PerShare
        Above 0.
    shares : ShareCount

    Raises
    ------
    UnitError
        The price is per ADS and the count of ordinary shares, or the other way round.
    ParameterError
        The price is not above 0.
    """
    check_positive("price", price.amount)
    same_kind(price, shares)
    value = price.amount * shares.count
    table = pd.DataFrame(
        {
            "quantity": ["price", "shares"],
            "value": [price.amount, shares.count],
            "unit": [f"{price.currency} per {price.per}", f"{shares.unit}, {shares.kind}"],
            "day": [price.day, shares.day],
            "fact_id": [price.fact_id, shares.fact_id],
        }
    )
    return MarketCapResult(
        value=value,
        currency=price.currency,
        day=price.day,
        table=table,
        text=f"{say(price)} times {say(shares)} ({shares.kind}) is {in_words(value)} {price.currency}.",
        checks=(_count_age(price, shares),),
        fact_ids=fact_ids_of(price, shares),
    )


def _count_age(price: PerShare, shares: ShareCount) -> Check:
    if price.day is None or shares.day is None:
        return Check(name="count_age", passed=None, text="the day of the price or of the count is not given")
    age = (price.day - shares.day).days
    text = f"the count is {age} days older than the price"
    if age < 0:
        text = f"the count is {-age} days younger than the price: nobody knew it then"
    return Check(
        name="count_age",
        passed=0 <= age <= COUNT_AGE_DAYS,
        value=float(age),
        threshold=float(COUNT_AGE_DAYS),
        text=text,
    )


def value_per_share(
    equity_value: float,
    shares: ShareCount,
    *,
    currency: str,
    per: str = "ads",
    day: date | None = None,
    fact_id: str = "",
) -> PerShare:
    """Value of the equity for one share of a stated kind, ``equity_value / shares``.

    Parameters
    ----------
    equity_value : float
        In `currency`, whole units, any sign.
    shares : ShareCount
        Restated by its own ratio where it counts the other kind.
    currency : str
        A code in `units.CURRENCIES`.
    per : {"ads", "ordinary"}
        Kind of share that the value is for: that of the price it will be held against.
    day : datetime.date, optional
        Day of the value; default that of the count.
    fact_id : str
        Ledger rows of the equity value, several with a space between them.

    Raises
    ------
    UnitError
        The other kind is asked for and the count carries no ratio.
    """
    counted = restate(shares, per=per)
    return PerShare(
        amount=equity_value / counted.count,
        per=per,
        currency=currency,
        ordinary_per_ads=counted.ordinary_per_ads,
        day=day or shares.day,
        fact_id=f"{fact_id} {shares.fact_id}".strip(),
    )


def price_to_value(price: PerShare, value: PerShare) -> PriceToValueResult:
    """A price over a value per share: a discounted cash flow, or book value (P/B).

    Two currencies meet in that of the price, the value converted at the rate of its own day (a balance
    belongs to its day).

    Parameters
    ----------
    price : PerShare
        Above 0.
    value : PerShare
        Above 0, of the same kind of share.

    Raises
    ------
    UnitError
        Two kinds of share, or two currencies and no day to convert on.
    ParameterError
        The price or the value is not above 0.
    RateError
        The rate table does not cover the day of the value.
    """
    check_positive("price", price.amount)
    check_positive("value per share", value.amount)
    same_kind(price, value)
    factor = _factor(price, value)
    converted = value.amount * factor
    ratio = price.amount / converted
    table = pd.DataFrame(
        [
            ("price", price.amount, price.currency, price.per, price.day, 1.0, price.amount, price.fact_id),
            ("value", value.amount, value.currency, value.per, value.day, factor, converted, value.fact_id),
        ],
        columns=["quantity", "amount", "currency", "per", "day", "rate", "converted", "fact_id"],
    )
    return PriceToValueResult(
        ratio=ratio,
        upside=1 / ratio - 1,
        table=table,
        text=_price_text(price, value, ratio, converted),
        checks=(_currencies(price, value, factor),),
        fact_ids=fact_ids_of(price, value),
    )


def _factor(price: PerShare, value: PerShare) -> float:
    if price.currency == value.currency:
        return 1.0
    if value.day is None:
        raise UnitError(
            f"{say(price)} over {say(value)} would be {price.amount / value.amount:,.4g}, a number in "
            f"{price.currency} per {value.currency}: give the value a day to convert on"
        )
    return rate(value.currency, price.currency, value.day)


def _price_text(price: PerShare, value: PerShare, ratio: float, converted: float) -> str:
    same = "" if price.currency == value.currency else f" ({converted:,.4g} {price.currency})"
    stands = f"{100 * ratio:.0f} % of" if ratio < 3 else f"{ratio:,.3g} times"
    return f"A price of {say(price)} is {stands} a value of {say(value)}{same}."


def _currencies(price: PerShare, value: PerShare, factor: float) -> Check:
    if price.currency == value.currency:
        return Check(name="currencies", passed=True, text=f"both sides are in {price.currency}")
    raw = price.amount / value.amount
    return Check(
        name="currencies",
        passed=True,
        value=factor,
        text=f"{factor:,.4g} {price.currency} per {value.currency} on {value.day}; "
        f"without it the quotient would read {raw:,.4g}",
    )
