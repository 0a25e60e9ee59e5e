"""American options on a tree, for options that may be exercised before expiry.

The tree is that of Cox, Ross and Rubinstein (1979): up by ``u = e^(s sqrt(dt))``, down by 1/u, riskless chance
``p = (e^((r-q)dt) - d) / (u - d)``. Its last step is valued by Black-Scholes-Merton and two trees are extrapolated
(Broadie and Detemple, 1996), which takes away the saw-tooth of the plain tree: 400 steps are right to about 1e-4 of the
share price. Dividends known in money are set aside (`black_scholes.escrowed`) and come back for exercise before they
are paid.

What the module cannot do: a million grants at once (one option a call), vesting before which exercise is barred.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from helpers.errors import ParameterError
from helpers.valuation import black_scholes

MOST_STEPS = 5000


def american(
    spot: float,
    strike: float,
    term: float,
    *,
    rate: float,
    volatility: float,
    dividend_yield: float = 0.0,
    dividends: Iterable[tuple[float, float]] = (),
    kind: str = "call",
    steps: int = 400,
) -> float:
    """Value of an option that may be exercised at any time up to expiry.

    Parameters
    ----------
    spot, strike, term, rate, volatility, dividend_yield, kind
        As for `black_scholes.price`, numbers only.
    dividends : iterable of (time, amount), default none
        Known in money, as for `black_scholes.dividends_value`; on the day itself exercise comes first.
    steps : int, default 400
        Even, 4 to 5000.

    Returns
    -------
    float
        Money per option; never below its intrinsic value nor the European value.

    Raises
    ------
    ParameterError
        A number out of range, or too few steps for so low a volatility against the drift.
    """
    if steps != int(steps) or steps % 2 or not 4 <= steps <= MOST_STEPS:
        raise ParameterError(f"steps must be an even whole number from 4 to {MOST_STEPS}, got {steps}")
    inputs = {"rate": rate, "volatility": volatility, "dividend_yield": dividend_yield}
    paid = [(time, amount) for time, amount in dividends if time <= term]
    net = black_scholes.escrowed(spot, paid, rate=rate, term=term)
    european = black_scholes.price(net, strike, term, kind=kind, **inputs)
    sign = 1.0 if kind == "call" else -1.0
    now = max(sign * (spot - strike), 0.0)
    if term == 0:
        return now
    coarse, fine = (_tree(net, strike, term, paid, kind, sign, count, **inputs) for count in (steps // 2, steps))
    found = float(max(2 * fine - coarse, european))
    rounding = 1e-12 * (spot + strike) if now > 0 else 0.0  # no reason to wait
    return found if found > now + rounding else now


def _tree(
    net: float, strike: float, term: float, paid: list, kind: str, sign: float, steps: int, *,
    rate: float, volatility: float, dividend_yield: float,
) -> float:  # fmt: skip
    """One tree of `steps` periods, the last one by formula, all nodes of a date at once."""
    dt = term / steps
    up = np.exp(volatility * np.sqrt(dt))
    chance = (np.exp((rate - dividend_yield) * dt) - 1 / up) / (up - 1 / up)
    if not 0 < chance < 1:
        need = int((rate - dividend_yield) ** 2 * term / volatility**2) + 1
        raise ParameterError(
            f"{steps} steps are too few where the drift {rate - dividend_yield:g} is so large beside the volatility "
            f"{volatility:g}: the tree needs more than {2 * need}"
        )
    discount = np.exp(-rate * dt)
    share = net * up ** np.arange(-(steps - 1), steps, 2.0)
    value = black_scholes.price(
        share, strike, dt, rate=rate, volatility=volatility, dividend_yield=dividend_yield, kind=kind
    )
    for step in range(steps - 1, -1, -1):
        if step < steps - 1:
            value = discount * (chance * value[1:] + (1 - chance) * value[:-1])
            share = share[:-1] * up
        aside = sum(amount * np.exp(-rate * (time - step * dt)) for time, amount in paid if time >= step * dt)
        np.maximum(value, sign * (share + aside - strike), out=value)
    return float(value[0])
