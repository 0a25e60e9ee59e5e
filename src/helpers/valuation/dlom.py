"""Discounts for lack of marketability by four put option models, each beside the most it can ever say.

With ``T`` years until the shares can be sold, ``s`` volatility, ``r`` the riskless rate, ``q`` the dividend yield,
``x = s^2 T`` and ``N`` the normal integral, per unit of value:

    Chaffe       e^(-rT) N(-d2) - e^(-qT) N(-d1), a European put at the money
    Finnerty     e^(-qT) [2 N(v/2) - 1],  v^2 = x + ln[2 (e^x - x - 1)] - 2 ln(e^x - 1)
    Ghaidarov    e^(-qT) [2 N(w/2) - 1],  w^2 = ln[2 (e^x - x - 1)] - 2 ln x
    Longstaff    (2 + x/2) N(sqrt(x)/2) + sqrt(x / (2 pi)) e^(-x/8) - 1

Sources: Chaffe (1993, Business Valuation Review 12); Finnerty (2012, Journal of Derivatives 19), an average
strike put whose v^2 cannot exceed ln 2, so that no discount passes 2 N(sqrt(ln 2)/2) - 1 = 32.28 %; Ghaidarov
(2009), the average strike put without that limit; Longstaff (1995, Journal of Finance 50), what perfect timing
would be worth without dividends, an upper bound that passes 100 % and is no estimate. What the module cannot do:
choose. The holder's information, the size of the stake and a buyer at the door are not in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammainc, ndtr

from helpers.checks import Check, as_rate
from helpers.errors import ParameterError, UnknownNameError
from helpers.valuation.black_scholes import MAX_VOLATILITY, RATE_BOUNDS, price

Numbers = float | np.ndarray
MODELS = ("chaffe", "finnerty", "ghaidarov", "longstaff")
ESTIMATES = ("chaffe", "finnerty", "ghaidarov")
FINNERTY_CAP = float(2 * ndtr(np.sqrt(np.log(2)) / 2) - 1)
"""The most that Finnerty (2012) can say without dividends, 0.3228."""
LONGEST_TERM = 30.0
"""A lock-up of more than this many years is a number of months."""
_MEANING = {
    "chaffe": "European put at the money",
    "finnerty": "average strike put, limited",
    "ghaidarov": "average strike put",
    "longstaff": "perfect timing: an upper bound, no estimate",
}
_ABOVE_ALL = "above 100 %: the bound binds nothing"
_NO_DIVIDENDS = "a bound without dividends only"
_NEAR_CAP = 0.9  # of the cap: here three more years, or half the volatility again, hardly move it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DlomResult:
    """Discounts by model.

    Attributes
    ----------
    low, high : float
        Least and largest discount of the estimates (without Longstaff), 0-1, over every row; NaN where only
        Longstaff was asked for.
    upper_bound : float
        The largest of Longstaff's, which may exceed 1; NaN where it was not asked for.
    table : DataFrame
        One row per model and combination: model, meaning, term (years), volatility, rate, dividend_yield,
        dlom (0.21 is 21 %), cap (the most that the model can say at this term, rate and dividend yield;
        infinite for Longstaff), reason (why a discount is not to be used; empty where it is).
    text : str
    checks : tuple of Check
        ``finnerty_cap``, ``longstaff_bound``.
    fact_ids : tuple of str
    """

    low: float
    high: float
    upper_bound: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def dlom(
    *,
    term: Numbers,
    volatility: Numbers,
    rate: Numbers,
    dividend_yield: Numbers = 0.0,
    models: Sequence[str] = MODELS,
    fact_ids: Sequence[str] = (),
) -> DlomResult:
    """Discounts for lack of marketability of every model asked for, with their caps.

    Parameters
    ----------
    term : float or array
        Years until the shares can be sold, above 0, at most 30.
    volatility : float or array
        Of the share, a year, above 0, at most 5: 0.45 is 45 %. Common shares of a company with preferences
        move more than its equity does.
    rate : float or array
        Riskless, continuously compounded, a year. Only Chaffe's model knows it.
    dividend_yield : float or array, default 0
        Continuously compounded. Longstaff's model does not know it, and bounds nothing where dividends are paid.
    models : sequence of str, default all four
        Names in `MODELS`.
    fact_ids : sequence of str
        Ledger rows of the inputs.

    Returns
    -------
    DlomResult

    Raises
    ------
    ParameterError
        If a number is out of range, by name, or no model is asked for.
    UnknownNameError
        If a model is not in `MODELS`.
    """
    if isinstance(models, str) or not models:
        raise ParameterError(f"models are one or more names in a list, got {models!r}")
    for model in models:
        if model not in MODELS:
            raise UnknownNameError("model of a discount", model, list(MODELS))
    numbers = np.broadcast_arrays(*_checked(term, volatility, rate, dividend_yield))
    T, s, r, q = (x.ravel() for x in numbers)
    table = pd.concat([_rows(model, T, s, r, q) for model in models], ignore_index=True)
    estimates = table.loc[table["model"].isin(ESTIMATES), "dlom"]
    return DlomResult(
        low=float(estimates.min()) if len(estimates) else np.nan,
        high=float(estimates.max()) if len(estimates) else np.nan,
        upper_bound=float(table.loc[table["model"] == "longstaff", "dlom"].max()),
        table=table,
        text=_text(table, len(T)),
        checks=tuple(_checks(table)),
        fact_ids=tuple(fact_ids),
    )


def chaffe(term: Numbers, volatility: Numbers, *, rate: Numbers, dividend_yield: Numbers = 0.0) -> Numbers:
    """Chaffe's discount, 0-1: a European put at the money. Parameters as for `dlom`."""
    T, s, r, q = _checked(term, volatility, rate, dividend_yield)
    return _plain(price(1.0, 1.0, T, rate=r, volatility=s, dividend_yield=q, kind="put"))


def finnerty(term: Numbers, volatility: Numbers, *, dividend_yield: Numbers = 0.0) -> Numbers:
    """Finnerty's (2012) discount, 0 to `FINNERTY_CAP`. Parameters as for `dlom`."""
    T, s, _, q = _checked(term, volatility, 0.0, dividend_yield)
    x = s**2 * T
    # x + ln[2 (e^x - x - 1)] - 2 ln(e^x - 1) with e^x taken out, which neither overflows nor cancels:
    # 1 - (1 + x) e^-x is the incomplete gamma function of 2
    v2 = np.log(2 * gammainc(2, x) / np.expm1(-x) ** 2)
    return _plain(np.exp(-q * T) * _two_sided(v2))


def ghaidarov(term: Numbers, volatility: Numbers, *, dividend_yield: Numbers = 0.0) -> Numbers:
    """Ghaidarov's discount, 0-1. Parameters as for `dlom`."""
    T, s, _, q = _checked(term, volatility, 0.0, dividend_yield)
    x = s**2 * T
    w2 = x + np.log(2 * gammainc(2, x)) - 2 * np.log(x)
    return _plain(np.exp(-q * T) * _two_sided(w2))


def longstaff(term: Numbers, volatility: Numbers) -> Numbers:
    """Longstaff's upper bound, 0 and more; above 1 it binds nothing. Parameters as for `dlom`."""
    T, s, _, _ = _checked(term, volatility, 0.0, 0.0)
    x = s**2 * T
    root = np.sqrt(x)
    # N(z) = 1/2 + (N(z) - 1/2): the leading 1 cancels by hand, not in floating point
    return _plain(x / 4 + (2 + x / 2) * (ndtr(root / 2) - 0.5) + root / np.sqrt(2 * np.pi) * np.exp(-x / 8))


def _two_sided(variance: np.ndarray) -> np.ndarray:
    """``2 N(v/2) - 1``; rounding may leave a variance of a hair below 0 where there is next to none."""
    return 2 * ndtr(np.sqrt(np.maximum(variance, 0.0)) / 2) - 1


def _plain(values: np.ndarray) -> Numbers:
    return values if np.ndim(values) else float(values)


def _checked(term: Any, volatility: Any, rate: Any, dividend_yield: Any) -> tuple[np.ndarray, ...]:
    for name, value in (("term", term), ("volatility", volatility)):
        numbers = np.asarray(value, float)
        if not numbers.size:
            raise ParameterError(f"need 1+ numbers for {name}, got none")
        if not ((numbers > 0) & (numbers < np.inf)).all():
            bad = numbers[~((numbers > 0) & (numbers < np.inf))].flat[0]
            raise ParameterError(f"{name} must be above 0 and finite, got {bad:g}: without it there is no discount")
    if np.max(term, initial=0.0) > LONGEST_TERM:
        raise ParameterError(f"term is in years, at most {LONGEST_TERM:g}, got {np.max(term):g}")
    as_rate("volatility", volatility, low=0.0, high=MAX_VOLATILITY)
    as_rate("rate", rate, low=RATE_BOUNDS[0], high=RATE_BOUNDS[1])
    as_rate("dividend_yield", dividend_yield, low=0.0, high=RATE_BOUNDS[1])
    return tuple(np.asarray(value, float) for value in (term, volatility, rate, dividend_yield))


def _rows(model: str, T: np.ndarray, s: np.ndarray, r: np.ndarray, q: np.ndarray) -> pd.DataFrame:
    """One model at every combination, with the limit for volatility without end."""
    if model == "chaffe":
        found, cap = chaffe(T, s, rate=r, dividend_yield=q), np.exp(-r * T)
    elif model == "finnerty":
        found, cap = finnerty(T, s, dividend_yield=q), FINNERTY_CAP * np.exp(-q * T)
    elif model == "ghaidarov":
        found, cap = ghaidarov(T, s, dividend_yield=q), np.exp(-q * T)
    else:
        found, cap = longstaff(T, s), np.full(len(T), np.inf)
    beyond = np.select([found > 1, (q > 0) & (model == "longstaff")], [_ABOVE_ALL, _NO_DIVIDENDS], "")
    rows = {"model": model, "meaning": _MEANING[model], "term": T, "volatility": s, "rate": r, "dividend_yield": q}
    return pd.DataFrame(rows | {"dlom": found, "cap": cap, "reason": beyond})


def _text(table: pd.DataFrame, combinations: int) -> str:
    said = []
    for model, rows in table.groupby("model", sort=False):
        low, high = rows["dlom"].min() * 100, rows["dlom"].max() * 100
        numbers = f"{low:.1f} %" if combinations == 1 else f"{low:.1f} to {high:.1f} %"
        limit = f" (never above {rows['cap'].max() * 100:.2f} %)" if model == "finnerty" else ""
        bound = " as an upper bound" if model == "longstaff" else ""
        said.append(f"{model.title()} {numbers}{limit}{bound}")
    first = table.iloc[0]
    years = f"{first['term']:g} year{'' if first['term'] == 1 else 's'}"
    at = f" {years} at a volatility of {first['volatility'] * 100:g} %" if combinations == 1 else ""
    over = at or f" {combinations} combinations of term and volatility"
    return f"The discount for lack of marketability over{over}: {', '.join(said)}."


def _checks(table: pd.DataFrame) -> list[Check]:
    checks = []
    finnertys, bounds = (table[table["model"] == name] for name in ("finnerty", "longstaff"))
    if len(finnertys):
        used = float((finnertys["dlom"] / finnertys["cap"]).max())
        checks.append(
            Check(
                name="finnerty_cap",
                passed=used < _NEAR_CAP,
                value=used,
                threshold=_NEAR_CAP,
                text=f"Finnerty's discount reaches {used * 100:.0f} % of its cap of {FINNERTY_CAP * 100:.2f} % (before "
                "dividends), which no term or volatility can pass",
            )
        )
    if len(bounds):
        largest, why = float(bounds["dlom"].max()), sorted(set(bounds["reason"]) - {""})
        checks.append(
            Check(
                name="longstaff_bound",
                passed=not why,
                value=largest,
                threshold=1.0,
                text=f"Longstaff's upper bound is {largest * 100:.1f} %" + (f", {'; '.join(why)}" if why else ""),
            )
        )
    return checks
