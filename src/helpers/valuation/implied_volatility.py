"""The volatility that a premium paid for a European option implies.

With ``A = S e^(-qT)``, ``B = K e^(-rT)`` and the total volatility ``v = s sqrt(T)``, a call is worth
``A N(d1) - B N(d1 - v)``, ``d1 = ln(A/B)/v + v/2``: one unknown, sought between two bounds for all options at once.
Formula: see `black_scholes`. Root: Chandrupatla (1997), as scipy has it.

What this module cannot do: tell why two premiums on one share imply different volatilities; and where the premium
hardly depends on the volatility (far out of the money, days before expiry) it finds one that fits, not the only one.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import elementwise
from scipy.special import ndtr

from helpers.errors import NotEstimableError
from helpers.valuation.black_scholes import MAX_VOLATILITY, Numbers, check_above, check_kind, checked_inputs


def implied_volatility(
    premium: Numbers,
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    dividend_yield: Numbers = 0.0,
    kind: str = "call",
) -> Numbers:
    """Volatility at which `black_scholes.price` gives the premium, between 1e-6 and `MAX_VOLATILITY`.

    The root is sought on the side that is out of the money (put-call parity), where the whole value is time
    value, so that a deep option in the money loses no digits.

    Parameters
    ----------
    premium : float or array
        Money per option.
    spot, strike, term, rate, dividend_yield, kind
        As for `black_scholes.price`; the term above 0.

    Returns
    -------
    float or array of float

    Raises
    ------
    NotEstimableError
        A premium outside what any volatility can give, or without time value.
    ParameterError
        As for `black_scholes.price`.
    """
    check_kind(kind)
    numbers = checked_inputs(spot, strike, term, rate, 1.0, dividend_yield)
    check_above("term", numbers[2], ": at expiry a price holds no volatility")
    cost, spot, strike, term, rate, _, dividend_yield = np.broadcast_arrays(np.asarray(premium, float), *numbers)
    share, exercise = spot * np.exp(-dividend_yield * term), strike * np.exp(-rate * term)
    sign = 1.0 if kind == "call" else -1.0
    intrinsic = np.maximum(sign * (share - exercise), 0.0)
    time_value = cost - intrinsic
    _check_premium(cost, intrinsic, time_value, np.minimum(share, exercise))
    aside = np.where(share > exercise, -1.0, 1.0)  # +1: the call is the one out of the money

    def miss(total: np.ndarray, a: np.ndarray, b: np.ndarray, side: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        d1 = np.log(a / b) / total + total / 2
        return side * (a * ndtr(side * d1) - b * ndtr(side * (d1 - total))) - wanted

    root = np.sqrt(term)
    bracket = np.broadcast_to(1e-6, root.shape) * root, MAX_VOLATILITY * root
    if (miss(bracket[1], share, exercise, aside, time_value) < 0).any():
        raise NotEstimableError(
            "the implied volatility",
            f"a premium needs more than {MAX_VOLATILITY:g} ({MAX_VOLATILITY:.0%} a year)",
            "a premium, spot price and strike per share of one class, in one currency, on one day",
        )
    found = elementwise.find_root(miss, bracket, args=(share, exercise, aside, time_value)).x / root
    return found if found.ndim else float(found)


def _check_premium(premium: np.ndarray, lowest: np.ndarray, time_value: np.ndarray, most: np.ndarray) -> None:
    """A premium must leave some time value, and less than the smaller of the share and the discounted strike."""
    rounding = 8 * np.finfo(float).eps * np.maximum(lowest, most)
    bad = ~((time_value > rounding) & (time_value < most))
    if bad.any():
        at = np.flatnonzero(bad)[0]
        paid, low, room = (float(np.ravel(x)[at]) for x in (premium, lowest, most))
        raise NotEstimableError(
            "the implied volatility",
            f"a premium of {paid:g} is not between {low:g} (exercise at expiry for certain) and {low + room:g}",
            "a premium, spot price and strike per share of one class, in one currency, on one day",
        )
