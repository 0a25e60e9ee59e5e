"""European options by Black-Scholes-Merton, for one option or a million different ones.

Symbols are Hull's (Options, Futures, and Other Derivatives): with ``S`` spot, ``K`` strike, ``T`` term in
years, ``r`` the riskless rate and ``q`` the dividend yield (both continuously compounded), ``s`` volatility,

    d1 = [ln(S/K) + (r - q + s^2/2) T] / (s sqrt(T)),   d2 = d1 - s sqrt(T)
    call = S e^(-qT) N(d1) - K e^(-rT) N(d2),           put = K e^(-rT) N(-d2) - S e^(-qT) N(-d1)

Formula: Black and Scholes (1973), with Merton's (1973) yield. `term` is in years as the caller counts them:
184 days over 360 are 0.511 years, over 365 they are 0.504, and a price moves by 1 % between the two.

What the module cannot do: early exercise (see `binomial`), volatility that changes, jumps. It takes the price of
the share as tradable without limit; a private share is not, and nothing here takes a discount for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.special import ndtr

from helpers.checks import as_rate
from helpers.errors import ParameterError, UnknownNameError

Numbers = float | np.ndarray
KINDS = ("call", "put")
MAX_VOLATILITY = 5.0
"""A volatility above 500 % a year is a percentage that was not divided by 100."""
RATE_BOUNDS = (-0.5, 1.0)
MAX_TERM = 100.0
"""A term of more than 100 years was given in days or months."""
CHUNK = 16_384  # long enough that calls cost little, short enough for the cache
_ROOT_2_PI = np.sqrt(2 * np.pi)


def price(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
    kind: str = "call",
) -> Numbers:
    """Value of a European option, ``S e^(-qT) N(d1) - K e^(-rT) N(d2)`` for a call.

    Parameters
    ----------
    spot, strike : float or array
        Money per share, above 0, in one currency; all arrays are broadcast together.
    term : float or array
        Years to expiry, 0 to 100; at 0 the value is the intrinsic one.
    rate : float or array
        Riskless, continuously compounded, a year; -0.5 to 1 (0.04 is 4 %).
    volatility : float or array
        Standard deviation of log returns a year, above 0, at most 5 (0.6 is 60 %).
    dividend_yield : float or array, default 0
        Continuously compounded, a year; -0.5 to 1. Payments known in money go through `escrowed` instead.
    kind : {"call", "put"}

    Returns
    -------
    float or array of float
        Money per option, of the broadcast shape.

    Raises
    ------
    ParameterError
        A number out of range, by name; a percentage in place of a share is named as such.
    UnknownNameError
        A kind that is neither.
    """
    check_kind(kind)
    value, chunks = in_chunks(spot, strike, term, rate, volatility, dividend_yield)
    buffers = np.empty((4, min(CHUNK, value.size)))
    for part, inputs in chunks:
        _check(*inputs)  # here and not before the loop: what is checked stays in the cache for the formula
        if kind == "put":  # a put is a call on the strike that is paid for with the share: S, K and r, q change places
            inputs = [inputs[i] for i in (1, 0, 2, 5, 4, 3)]
        _fill(part, inputs, buffers[:, : part.size])
    return value if value.ndim else float(value)


def in_chunks(*numbers: Numbers) -> tuple[np.ndarray, Iterator[tuple[np.ndarray, list[np.ndarray]]]]:
    """Room for one result per broadcast element, and its parts with the inputs of each.

    Parameters
    ----------
    *numbers : float or array

    Returns
    -------
    value : array of the broadcast shape, not filled
    chunks : iterator of (part of value, inputs of that part)
        Up to `CHUNK` elements each, at least one chunk; single numbers stay single.
    """
    arrays = [np.asarray(x, float) for x in numbers]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    value = np.empty(shape)
    into = value.reshape(-1)
    flat = [x.reshape(()) if x.size == 1 else np.broadcast_to(x, shape).reshape(-1) for x in arrays]
    cuts = (slice(start, start + CHUNK) for start in range(0, max(into.size, 1), CHUNK))
    return value, ((into[cut], [x[cut] if x.ndim else x for x in flat]) for cut in cuts)


def _fill(value: np.ndarray, inputs: list[np.ndarray], buffers: np.ndarray) -> None:
    """Calls of one chunk, in place: one logarithm, one root, two exponentials, two normal integrals."""
    spot, strike, term, rate, volatility, dividend_yield = inputs
    spread, d, paid, kept = buffers
    share = _discounted(spot, dividend_yield, term, kept)
    exercise = _discounted(strike, rate, term, paid)
    np.sqrt(term, out=spread)
    spread *= volatility
    np.maximum(spread, 1e-150, out=spread)  # at term 0 the sign of ln(S/K) alone decides, 0 on the strike
    np.divide(share, exercise, out=d)
    np.log(d, out=d)
    d /= spread
    np.multiply(spread, 0.5, out=value)
    d += value  # d1
    ndtr(d, out=value)
    value *= share
    d -= spread  # d2
    ndtr(d, out=d)
    d *= exercise
    value -= d
    np.maximum(value, 0.0, out=value)  # rounding may leave -1e-17 where the value is nil


def _discounted(amount: np.ndarray, rate: np.ndarray, term: np.ndarray, buffer: np.ndarray) -> np.ndarray:
    """``amount e^(-rate term)`` in the buffer; the amount itself where the rate is 0 for all, which saves an exp."""
    if not rate.ndim and rate == 0:
        return amount
    np.multiply(rate, term, out=buffer)
    np.exp(buffer, out=buffer)
    return np.divide(amount, buffer, out=buffer)


def d1_d2(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
) -> tuple[Numbers, Numbers]:
    """The two arguments of the normal integral; ``N(d2)`` is the riskless chance of ending in the money.

    Parameters
    ----------
    spot, strike, term, rate, volatility, dividend_yield : float or array
        As for `price`. At a term of 0 both are +-inf, and 0 on the strike itself.

    Returns
    -------
    d1, d2 : float or array of float
    """
    numbers = checked_inputs(spot, strike, term, rate, volatility, dividend_yield)
    d1, d2 = _d1_d2(*numbers)
    return (d1, d2) if d1.ndim else (float(d1), float(d2))


def _d1_d2(spot: Any, strike: Any, term: Any, rate: Any, volatility: Any, dividend_yield: Any) -> tuple:
    spread = volatility * np.sqrt(term)
    drift = np.log(spot / strike) + (rate - dividend_yield) * term
    at_expiry = np.where(drift == 0, 0.0, np.copysign(np.inf, drift))
    d1 = np.where(spread > 0, drift / np.where(spread > 0, spread, 1.0) + spread / 2, at_expiry)
    return d1, d1 - spread


def delta(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
    kind: str = "call",
) -> Numbers:
    """Change of the value for one unit of money on the share: ``e^(-qT) N(d1)``, for a put less ``e^(-qT)``.

    Parameters as for `price`; at a term of 0 it is 0, 1 (-1 for a put), or a half on the strike.
    """
    check_kind(kind)
    numbers = checked_inputs(spot, strike, term, rate, volatility, dividend_yield)
    sign = 1.0 if kind == "call" else -1.0
    d1, _ = _d1_d2(*numbers)
    found = sign * np.exp(-numbers[5] * numbers[2]) * ndtr(sign * d1)
    return found if found.ndim else float(found)


def vega(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
) -> Numbers:
    """Change of the value for a volatility higher by 1 (100 points): ``S e^(-qT) n(d1) sqrt(T)``.

    Parameters as for `price`; the same for calls and puts, 0 at a term of 0.
    """
    numbers = checked_inputs(spot, strike, term, rate, volatility, dividend_yield)
    d1, _ = _d1_d2(*numbers)
    near = np.clip(d1, -40, 40)  # beyond, the density is nil and its exponent would underflow
    found = numbers[0] * np.exp(-numbers[5] * numbers[2] - near**2 / 2) / _ROOT_2_PI * np.sqrt(numbers[2])
    return found if found.ndim else float(found)


def gamma(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
) -> Numbers:
    """Change of `delta` for one unit of money on the share: ``vega / (S^2 s T)``.

    Parameters as for `price`, but the term must be above 0: at expiry it does not exist on the strike.
    """
    check_above("term", np.asarray(term, float), ": gamma has no value at expiry")
    sensitivity = vega(spot, strike, term, rate=rate, volatility=volatility, dividend_yield=dividend_yield)
    return sensitivity / (np.square(spot) * volatility * term)


def dividends_value(dividends: Iterable[tuple[float, float]], *, rate: float, term: float) -> float:
    """Present value of dividends paid up to expiry, ``sum of amount e^(-rate time)``.

    Parameters
    ----------
    dividends : iterable of (time, amount)
        Time in years from now, above 0; amount in money per share, 0 or more. What is paid after `term`
        does not concern the holder of the option and is not counted.
    rate : float
        Riskless, continuously compounded.
    term : float
        Years to expiry, 0 or more.

    Returns
    -------
    float
        Money per share.

    Raises
    ------
    ParameterError
        A time that is not above 0 (the share trades without that dividend already), a negative amount.
    """
    as_rate("rate", rate, low=RATE_BOUNDS[0], high=RATE_BOUNDS[1])
    _at_least_nil("term", np.asarray(term, float), most=MAX_TERM)
    table = np.array([(time, amount) for time, amount in dividends], float).reshape(-1, 2)
    time, amount = table.T
    check_above("time of a dividend", time, ": what was paid before is out of the price already")
    _at_least_nil("amount of a dividend", amount)
    due = time <= term
    return float(np.sum(amount[due] * np.exp(-rate * time[due])))


def escrowed(spot: float, dividends: Iterable[tuple[float, float]], *, rate: float, term: float) -> float:
    """Spot price less the present value of dividends known in money: what to give `price` as `spot`.

    The dividends are set aside as riskless, and the volatility is that of the rest (Hull's treatment of European
    options on a share with known dividends).

    Parameters
    ----------
    spot : float
        Money per share, above 0.
    dividends, rate, term
        As for `dividends_value`.

    Returns
    -------
    float
        Above 0.

    Raises
    ------
    ParameterError
        The dividends are worth as much as the share.
    """
    check_above("spot", np.asarray(spot, float))
    paid = dividends_value(dividends, rate=rate, term=term)
    if paid >= spot:
        raise ParameterError(
            f"dividends worth {paid:g} are not below the spot price {spot:g}: amounts are per share, in its currency"
        )
    return spot - paid


def check_kind(kind: str) -> None:
    """Refuse what is neither "call" nor "put" (UnknownNameError)."""
    if kind not in KINDS:
        raise UnknownNameError("kind of option", kind, list(KINDS))


def checked_inputs(
    spot: Any, strike: Any, term: Any, rate: Any, volatility: Any, dividend_yield: Any
) -> list[np.ndarray]:
    """The six numbers as float arrays, after the checks that the docstring of `price` names."""
    numbers = [np.asarray(x, float) for x in (spot, strike, term, rate, volatility, dividend_yield)]
    _check(*numbers)
    return numbers


def _check(
    spot: np.ndarray, strike: np.ndarray, term: np.ndarray, rate: np.ndarray, volatility: np.ndarray,
    dividend_yield: np.ndarray,
) -> None:  # fmt: skip
    check_above("spot", spot)
    check_above("strike", strike, ": an option at a strike of 0 is the share itself, less its dividends until expiry")
    _at_least_nil("term", term, most=MAX_TERM)
    _within("rate", rate, *RATE_BOUNDS)
    if volatility.size and not (volatility.min() > 0 and volatility.max() <= MAX_VOLATILITY):
        check_above(
            "volatility", volatility, ": without it an option is worth max(S e^(-qT) - K e^(-rT), 0), no model needed"
        )
        as_rate("volatility", volatility, low=0.0, high=MAX_VOLATILITY)
    _within("dividend_yield", dividend_yield, *RATE_BOUNDS)


def _within(name: str, value: np.ndarray, low: float, high: float) -> None:
    if value.size and not (value.min() >= low and value.max() <= high):  # two passes; the full check is for the message
        as_rate(name, value, low=low, high=high)


def check_above(name: str, value: np.ndarray, why: str = "") -> None:
    """Refuse numbers that are not above 0 and finite (ParameterError with the name, the first of them and why)."""
    if value.size and not (value.min() > 0 and value.max() < np.inf):
        bad = value[~((value > 0) & (value < np.inf))].flat[0]
        raise ParameterError(f"{name} must be above 0 and finite, got {bad:g}{why}")


def _at_least_nil(name: str, value: np.ndarray, *, most: float = np.finfo(float).max) -> None:
    if value.size and not (value.min() >= 0 and value.max() <= most):
        bad = value[~((value >= 0) & (value <= most))].flat[0]
        hint = f" and at most {most:g} (years)" if np.isfinite(bad) and bad > most else " and finite"
        raise ParameterError(f"{name} must be 0 or more{hint}, got {bad:g}")
