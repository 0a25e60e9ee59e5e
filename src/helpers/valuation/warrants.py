"""Options that a company meets with new shares: warrants and employee options, diluted.

With n shares, m options and V the value of both together, exercise pays the holder ``n/(n+m) max(V_T/n - K, 0)``, so
an option is worth ``n/(n+m)`` of a call on ``V/n`` (Hull, Options, Futures, and Other Derivatives, section on warrants
and employee stock options; Galai and Schneller, 1978). Which share price is at hand decides what V is:

- before anybody knows of the options, the shares alone are V: ``V/n = S`` and the option costs the holders of the
  shares ``m W / n`` each;
- once the options are priced in, ``V/n = S + m W / n`` holds the unknown W itself and is solved for.

What the module cannot do: options of several strikes at once, and a market that has priced in half of them. The
volatility is that of V/n, shares and options together, not of the share alone.
"""

from __future__ import annotations

import numpy as np

from helpers.checks import as_rate
from helpers.errors import ParameterError
from helpers.valuation import black_scholes
from helpers.valuation.black_scholes import RATE_BOUNDS, Numbers

STEPS = 60  # Newton on a concave function from below needs about five
TOLERANCE = 1e-14


def warrant_values(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    shares: Numbers,
    options: Numbers,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
    is_priced_in: bool = True,
) -> Numbers:
    """Value per option with dilution, ``W = n/(n+m) C(S + m W/n)``; without options outstanding it is the plain call.

    Parameters
    ----------
    spot, strike, term, rate, dividend_yield : float or array
        As for `black_scholes.price`; broadcast together. The yield is 0 or more here.
    shares : float or array
        n, outstanding before exercise, above 0.
    options : float or array
        m, 0 or more, each good for one new share.
    volatility : float or array
        Of the value of shares and options together, a year.
    is_priced_in : bool, default True
        True where the spot price was made by people who know of the options (W is solved for); False for Hull's case of
        an announcement, where ``W = n/(n+m) C(S)`` and the price of the share falls by ``m W / n``.

    Returns
    -------
    float or array of float
        Money per option.

    Raises
    ------
    ParameterError
        A number out of range.
    """
    count, new = np.asarray(shares, float), np.asarray(options, float)
    if not ((count > 0) & (count < np.inf)).all():
        raise ParameterError(f"shares must be above 0 and finite, got {count.min():g}")
    if not ((new >= 0) & (new < np.inf)).all():
        raise ParameterError(f"options must be 0 or more and finite, got {new.min():g}")
    as_rate("dividend_yield", dividend_yield, low=0.0, high=RATE_BOUNDS[1])  # below 0 the equation may have no root
    inputs = {"rate": rate, "volatility": volatility, "dividend_yield": dividend_yield}
    kept = count / (count + new)
    value = np.asarray(kept * black_scholes.price(spot, strike, term, **inputs))
    if is_priced_in:
        value = _solved(value, np.asarray(spot, float), strike, term, kept, new / count, inputs)
    return value if value.ndim else float(value)


def _solved(
    value: np.ndarray, spot: np.ndarray, strike: Numbers, term: Numbers, kept: np.ndarray, per_share: np.ndarray,
    inputs: dict[str, Numbers],
) -> np.ndarray:  # fmt: skip
    """Newton on ``W - kept C(S + per_share W)``, which rises and is concave: from below it never passes the root."""
    for _ in range(STEPS):
        whole = spot + per_share * value
        missing = kept * black_scholes.price(whole, strike, term, **inputs) - value
        slope = 1 - kept * per_share * black_scholes.delta(whole, strike, term, **inputs)
        value = value + missing / slope
        if (np.abs(missing) <= TOLERANCE * (1 + per_share) * whole).all():
            return value
    raise ParameterError(f"dilution did not settle: {float(np.max(per_share)):g} options for each share are too many")
