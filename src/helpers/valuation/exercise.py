"""Exercise now, wait, or sell back to the company: what each is worth to the holder of an option.

With C the value of waiting (American, `binomial`), p the chance that the share can be sold within the term, t the tax
rate on the gain at exercise, S spot, K strike and R the company's repurchase price:

    exercise now = p S - K - t (S - K),   wait = p C (1 - t),   sell back = (R - K) (1 - t)

Exercising pays the strike, and the tax on a gain on paper, for a share that may never be sold; waiting risks neither.
Selling back and waiting are level at ``R* = K + p C`` and, for a given R, at ``p* = (R - K) / C``. The share is taken
as worth nothing without an exit, and the chance as independent of its price: a plain expected value.

What the module cannot do: know the chance or the volatility; leave a right that lapses with the job to its own term
(give the shorter term); take a discount for a share that sells only with delay (dlom).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import ParameterError
from helpers.units import check_currency
from helpers.valuation import black_scholes
from helpers.valuation.binomial import american
from helpers.valuation.black_scholes import Numbers
from helpers.valuation.grant_terms import OptionAssumptions

WORDS = {
    "exercise_now": "exercising now",
    "wait": "waiting",
    "wait_to_expiry": "waiting to expiry",
    "sell_back": "selling back",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExerciseResult:
    """The choices of a holder.

    Attributes
    ----------
    best : str
        Choice of the highest value after tax; of equal ones the first in the table.
    intrinsic_value, waiting_value, european_value : float
        Money per option before tax, with an exit for certain: S - K (at least 0), C, and C without early exercise.
    breakeven_repurchase_price : float
        ``K + p C``: at a higher price selling back is better than waiting.
    sell_back_share : float
        ``(R - K) / (S - K)``: part of the gain on paper that selling back pays; NaN without R or out of the money.
    breakeven_exit_chance : float
        ``(R - K) / C``: with a smaller chance selling back is better than waiting; NaN without R, 0 or above 1 (selling
        back is then better whatever the chance) kept as they come out.
    table : DataFrame
        choice (exercise_now, wait, wait_to_expiry, sell_back), value (before tax, after the chance of an exit),
        value_after_tax, cash_now (what the holder gets, or pays, on the day, after tax), is_best.
    currency : str
    text : str
    checks : tuple of Check
        ``in_the_money``, ``early_exercise``, ``exit_chance``, ``volatility_source``, ``dlom``.
    fact_ids : tuple of str
    """

    best: str
    intrinsic_value: float
    waiting_value: float
    european_value: float
    breakeven_repurchase_price: float
    sell_back_share: float
    breakeven_exit_chance: float
    table: pd.DataFrame
    currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def waiting_gains(
    spot: Numbers,
    strike: Numbers,
    term: Numbers,
    *,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
) -> Numbers:
    """What waiting to expiry is worth beyond exercising now, ``call - max(S - K, 0)``, for a million options.

    Below 0 where dividends are lost by waiting; never so without dividends (and a rate of 0 or more).

    Parameters
    ----------
    spot, strike, term, rate, volatility, dividend_yield : float or array
        As for `black_scholes.price`.

    Returns
    -------
    float or array of float
        Money per option.
    """
    value = black_scholes.price(spot, strike, term, rate=rate, volatility=volatility, dividend_yield=dividend_yield)
    return value - np.maximum(np.subtract(spot, strike), 0.0)


def exercise_or_wait(
    spot: float,
    strike: float,
    *,
    term: float,
    assumptions: OptionAssumptions,
    currency: str,
    repurchase_price: float | None = None,
    exit_chance: float = 1.0,
    tax_rate: float = 0.0,
    dividends: Iterable[tuple[float, float]] = (),
    steps: int = 400,
    fact_ids: Sequence[str] = (),
) -> ExerciseResult:
    """Compare exercising now, waiting and selling back, per vested option.

    Parameters
    ----------
    spot, strike : float
        Money per share, above 0.
    term : float
        Years in which the option can still be exercised; a leaver's is short.
    assumptions : OptionAssumptions
    currency : str
        Of all prices; a code in `units.CURRENCIES`.
    repurchase_price : float, optional
        What the company pays per share, before the strike is taken off.
    exit_chance : float, default 1
        Chance, 0-1, that the share can be sold within the term.
    tax_rate : float, default 0
        On the gain at exercise or sale, 0-1.
    dividends : iterable of (time, amount), default none
        Known in money, see `black_scholes.dividends_value`.
    steps : int, default 400
        Of the tree.
    fact_ids : sequence of str
        Ledger rows the prices rest on.

    Returns
    -------
    ExerciseResult

    Raises
    ------
    ParameterError
        A number out of range.
    UnknownNameError
        An unknown currency.
    """
    check_currency(currency)
    as_rate("exit_chance", exit_chance, low=0.0, high=1.0)
    as_rate("tax_rate", tax_rate, low=0.0, high=1.0)
    if repurchase_price is not None and not 0 < repurchase_price < np.inf:
        raise ParameterError(f"repurchase_price must be above 0, got {repurchase_price:g}")
    paid = list(dividends)
    waiting = american(spot, strike, term, dividends=paid, steps=steps, **assumptions.pricing)
    net = black_scholes.escrowed(spot, paid, rate=assumptions.rate, term=term)
    european = black_scholes.price(net, strike, term, **assumptions.pricing)
    table = _choices(spot, strike, waiting, european, repurchase_price, exit_chance, tax_rate)
    offered = np.nan if repurchase_price is None else repurchase_price - strike
    found = {
        "best": str(table.loc[table["is_best"], "choice"].iloc[0]),
        "intrinsic_value": float(max(spot - strike, 0.0)),
        "waiting_value": waiting,
        "european_value": european,
        "breakeven_repurchase_price": float(strike + exit_chance * waiting),
        "sell_back_share": float(offered / (spot - strike)) if spot > strike else np.nan,
        "breakeven_exit_chance": float(offered / waiting) if waiting > 0 else np.nan,
    }
    return ExerciseResult(
        **found,
        table=table,
        currency=currency,
        text=_text(table, found, repurchase_price, currency),
        checks=(*_checks(spot, strike, waiting - european, exit_chance), *assumptions.checks()),
        fact_ids=tuple(fact_ids),
    )


def _choices(
    spot: float, strike: float, waiting: float, european: float, offer: float | None, chance: float, tax: float
) -> pd.DataFrame:
    """One row per choice; the tax on exercise is due on the gain on paper, whether or not the share is ever sold."""
    due = tax * max(spot - strike, 0.0)
    rows = [
        ("exercise_now", chance * spot - strike, chance * spot - strike - due, -strike - due),
        ("wait", chance * waiting, chance * waiting * (1 - tax), 0.0),
        ("wait_to_expiry", chance * european, chance * european * (1 - tax), 0.0),
    ]
    if offer is not None:
        gain = offer - strike
        kept = gain - tax * max(gain, 0.0)
        rows.append(("sell_back", gain, kept, kept))
    table = pd.DataFrame(rows, columns=["choice", "value", "value_after_tax", "cash_now"])
    return table.assign(is_best=table.index == table["value_after_tax"].idxmax())


def _text(table: pd.DataFrame, found: dict, offer: float | None, currency: str) -> str:
    values = table.set_index("choice")["value_after_tax"]
    listed = ", ".join(f"{WORDS[choice]} {value:.2f}" for choice, value in values.items() if choice != "wait_to_expiry")
    text = f"Per option in {currency}, after tax: {listed}; the highest is {WORDS[found['best']]}."
    if offer is None:
        return text
    chance, share = found["breakeven_exit_chance"], found["sell_back_share"]
    if np.isfinite(share):
        text += f" The repurchase price of {offer:.2f} pays {share:.0%} of the gain on paper".replace("%", " %")
        text += f"; a price of {found['breakeven_repurchase_price']:.2f} would match waiting."
    if 0 < chance < 1:
        text += f" Waiting is better only if the chance of an exit within the term is above {chance:.0%}.".replace(
            "%", " %"
        )
    elif chance >= 1:
        text += " It is better than waiting whatever the chance of an exit."
    return text


def _checks(spot: float, strike: float, premium: float, chance: float) -> tuple[Check, ...]:
    return (
        Check(
            name="in_the_money",
            passed=spot > strike,
            value=float(spot - strike),
            threshold=0.0,
            text=f"price less strike is {spot - strike:.2f}",
        ),
        Check(
            name="early_exercise",
            passed=None,
            value=float(premium),
            text=f"the right to exercise before expiry is worth {premium:.4f} per option"
            if premium > 1e-9
            else "nothing is gained by exercising before expiry",
        ),
        Check(
            name="exit_chance",
            passed=None,
            value=float(chance),
            text="the share is taken as one that can be sold for certain"
            if chance == 1
            else f"a chance of {chance:.0%} to sell within the term is an assumption".replace("%", " %"),
        ),
    )
