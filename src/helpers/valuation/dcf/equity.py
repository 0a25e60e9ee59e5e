"""From the value of the operating assets to that of one share: failure, debt, cash, options.

Options are warrants: their holders pay the strike into the company and share its equity. With E the equity of
all, N shares and M options, one is worth ``W = N / (N + M) C(E / N)``, C the Black-Scholes-Merton call on E / N
(Galai and Schneller 1978, Pricing of warrants and the value of the firm), and a share (E - M W) / N: no circle,
because the valuation gives E and not the price. Damodaran's option sheet starts from the market's price S
and solves ``W = C((S N + W M) / (N + M))``; it is followed where `Options.market_price` is given.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from helpers.errors import ParameterError, UnknownNameError
from helpers.valuation import black_scholes
from helpers.valuation.dcf.drivers import Bridge, Drivers, Options
from helpers.valuation.dcf.kernel import Parameters, Value, present_values
from helpers.valuation.warrants import warrant_values

KINDS = {"enterprise": "of enterprise value", "equity": "of equity", "per_share": "a share"}
"""What a value or a price is one of, and how a sentence says it."""


def check_kind(drivers: Drivers, kind: str) -> None:
    """Refuse a kind that is none, or a value per share without shares."""
    if kind not in KINDS:
        raise UnknownNameError("kind of value", kind, list(KINDS))
    if kind == "per_share" and drivers.bridge.shares is None:
        raise ParameterError("a value per share needs shares: give Bridge(shares=...)")


def worth(p: Parameters, drivers: Drivers, kind: str) -> Value:
    """Value of the company of a kind in `KINDS`, for one set of parameters or many.

    Parameters
    ----------
    p : mapping of str to float or array
        Of `parameters`.
    drivers : Drivers
        For what is no number.
    kind : {"enterprise", "equity", "per_share"}
        Equity is that of all holders, options included.

    Returns
    -------
    float or array
        Money; NaN where growth for ever has no finite value.
    """
    value = operating_value(p, present_values(p, drivers.shape).total, drivers.failure_basis)
    if kind == "enterprise":
        return value
    equity = equity_value(p, value)
    return equity if kind == "equity" else (equity - options_value(equity, drivers.bridge)) / drivers.bridge.shares


def operating_value(p: Parameters, total: Value, failure_basis: str) -> Value:
    """Expected value of the operating assets, ``(1 - q) V + q (proceeds)``.

    Parameters
    ----------
    p : mapping of str to float or array
    total : float or array
        V, present value of the cash flows of a company that does not fail, money.
    failure_basis : {"value", "book"}
        What `failure_proceeds` is a share of: V, or the book value of capital.

    Returns
    -------
    float or array
        Enterprise value on the day of valuation, money.
    """
    total = _carried(total, p)
    chance = p["failure_probability"]
    if np.ndim(chance) == 0 and chance == 0:
        return total
    base = p["book_capital"] if failure_basis == "book" else total
    return total * (1 - chance) + base * p["failure_proceeds"] * chance


def _carried(total: Value, p: Parameters) -> Value:
    """From the end of the last twelve months to the day of valuation; what was earned meanwhile is kept."""
    elapsed = p["elapsed_years"]
    if np.ndim(elapsed) == 0 and elapsed == 0:
        return total
    return total * (1 + p["discount_rate"]) ** elapsed


def equity_value(p: Parameters, enterprise: Value) -> Value:
    """Equity of all holders, options included: debt, minority interest and other claims off, cash and holdings on."""
    return enterprise + (p["cash"] + p["non_operating"] - p["debt"] - p["minority_interest"] - p["other_claims"])


def options_value(equity: Value, bridge: Bridge) -> Value:
    """Value of all options, money; 0 where there are none or nothing is left for equity.

    Parameters
    ----------
    equity : float or array
        Of all holders, money.
    bridge : Bridge

    Returns
    -------
    float or array
    """
    options = bridge.options
    if options is None or options.count == 0:
        return 0.0 * equity
    if options.market_price is not None:
        return 0.0 * equity + options.count * _at_market(options, bridge.shares)
    each = warrant_values(
        np.maximum(np.asarray(equity, float), np.finfo(float).tiny) / bridge.shares, options.strike, options.term,
        shares=bridge.shares, options=options.count, rate=options.rate, volatility=options.volatility,
        dividend_yield=options.dividend_yield, is_priced_in=False,  # the equity found here is that of both
    )  # fmt: skip
    total = options.count * np.where(np.asarray(equity) > 0, each, 0.0)
    return total if np.ndim(equity) else float(total)


def _at_market(options: Options, shares: float) -> float:
    """One option at the market's price of the share, diluted."""

    def gap(worth: float) -> float:
        spot = (options.market_price * shares + worth * options.count) / (shares + options.count)
        return float(_call(spot, options)) - worth

    return brentq(gap, 0.0, options.market_price, xtol=1e-12, rtol=1e-14)


def _call(spot: Value, options: Options) -> Value:
    return black_scholes.price(
        spot, options.strike, options.term,
        rate=options.rate, volatility=options.volatility, dividend_yield=options.dividend_yield,
    )  # fmt: skip
