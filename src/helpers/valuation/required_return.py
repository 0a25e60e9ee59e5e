"""The return that a price promises, and growth for ever in closed form.

`implied_return` solves ``P = sum CF_t / (1 + k)^t + CF_N (1 + g) / ((k - g) (1 + k)^N)`` for k, Damodaran's implied
return on a market (2024, Equity Risk Premiums: Determinants, Estimation and Implications); less the riskfree rate it is
the implied equity risk premium. `gordon_value` and its two inverses are Gordon and Shapiro's (1956) growth model.

What the module cannot do: say whether the cash flows will come. An implied return is what holders earn if they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from helpers.checks import Check, as_rate
from helpers.errors import NotEstimableError, ParameterError
from helpers.units import check_currency, in_words

HIGHEST = 10.0
"""Returns are looked for up to 1,000 % a year."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpliedReturnResult:
    """The return at which flows are worth their price.

    Attributes
    ----------
    expected_return : float
        k, a year.
    premium : float
        k less the riskfree rate; NaN without one.
    terminal_share : float
        Part of the price that lies beyond the last flow given.
    table : DataFrame
        phase (forecast, terminal), year, cash_flow, discount_factor, present_value; the terminal row is the value of
        all later flows as it stands in the last year.
    text : str
    checks : tuple of Check
        ``terminal_growth`` (against the riskfree rate), ``terminal_share``.
    fact_ids : tuple of str
    """

    expected_return: float
    premium: float
    terminal_share: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def growing_flows(base: float, *, growth: float, years: int) -> np.ndarray:
    """``base (1 + growth)^t`` for t = 1 to `years`.

    Parameters
    ----------
    base : float
        Flow of the last twelve months, above 0.
    growth : float
        A year, -0.9 to 3.
    years : int
        1 to 50.
    """
    as_rate("growth", growth, low=-0.9, high=3.0)
    if not (np.isfinite(base) and base > 0):
        raise ParameterError(f"base must be above 0, got {base:g}")
    if not (1 <= years <= 50 and years == int(years)):
        raise ParameterError(f"years must be a whole number from 1 to 50, got {years}")
    return base * (1 + growth) ** np.arange(1, years + 1)


def implied_return(
    price: float,
    cash_flows: Sequence[float],
    *,
    terminal_growth: float,
    riskfree_rate: float | None = None,
    currency: str | None = None,
    fact_ids: Sequence[str] = (),
) -> ImpliedReturnResult:
    """Discount rate at which cash flows to the holders are worth the price.

    Parameters
    ----------
    price : float
        Of the company, share or index, above 0.
    cash_flows : sequence of float
        Dividends and buybacks of years 1 to N, in the price's unit; 0 or more, the last above 0: then value falls as
        the rate rises, and there is one answer.
    terminal_growth : float
        Of the flows after year N, for ever; -0.5 to 0.2.
    riskfree_rate : float, optional
        For the premium, -0.05 to 0.5.
    currency : str, optional
        A code in `units.CURRENCIES`, for the text; none for an index in points.
    fact_ids : sequence of str
        Ledger rows behind the numbers.

    Returns
    -------
    ImpliedReturnResult

    Raises
    ------
    ParameterError
        A number out of range.
    NotEstimableError
        Even a return of 1,000 % a year leaves the flows above the price.
    """
    flows = _checked(price, cash_flows, terminal_growth, riskfree_rate, currency)

    def gap(rate: float) -> float:
        return sum(_present(flows, rate, terminal_growth)) - price

    low = terminal_growth + 1e-9
    if gap(HIGHEST) > 0:
        at = f"at {HIGHEST:.0%} a year the flows are still worth {in_words(gap(HIGHEST) + price)}".replace("%", " %")
        raise NotEstimableError(
            f"the return implied by a price of {in_words(price)}", at, "a check of the units of both"
        )
    if gap(low) < 0:
        raise NotEstimableError(
            f"the return implied by a price of {in_words(price)}",
            f"even at the growth of {terminal_growth:g} a year that is for ever the flows are worth less",
            "a check of the units of both",
        )
    rate = float(brentq(gap, low, HIGHEST, xtol=1e-14, rtol=1e-14))
    explicit, later = _present(flows, rate, terminal_growth)
    premium = np.nan if riskfree_rate is None else rate - riskfree_rate
    share = later / (explicit + later)
    return ImpliedReturnResult(
        expected_return=rate, premium=premium, terminal_share=share, table=_table(flows, rate, terminal_growth),
        text=_text(price, currency, rate, premium, share), fact_ids=tuple(fact_ids),
        checks=_checks(terminal_growth, riskfree_rate, share),
    )  # fmt: skip


def _checked(
    price: float, cash_flows: Sequence[float], growth: float, free: float | None, currency: str | None
) -> np.ndarray:
    flows = np.asarray(cash_flows, float)
    if not (np.isfinite(price) and price > 0):
        raise ParameterError(f"price must be above 0, got {price:g}")
    if flows.ndim != 1 or not len(flows) or not (np.isfinite(flows) & (flows >= 0)).all() or flows[-1] <= 0:
        raise ParameterError(f"cash flows must be 0 or more and the last above 0, got {flows.tolist()[:10]}")
    as_rate("terminal_growth", growth, low=-0.5, high=0.2)
    if free is not None:
        as_rate("riskfree_rate", free, low=-0.05, high=0.5)
    if currency is not None:
        check_currency(currency)
    return flows


def _present(flows: np.ndarray, rate: float, growth: float) -> tuple[float, float]:
    """Present value of the flows given, and of all later ones."""
    factors = (1 + rate) ** -np.arange(1.0, len(flows) + 1)
    return float(flows @ factors), float(flows[-1] * (1 + growth) / (rate - growth) * factors[-1])


def _table(flows: np.ndarray, rate: float, growth: float) -> pd.DataFrame:
    years = np.arange(1, len(flows) + 1)
    table = pd.DataFrame({"phase": "forecast", "year": years, "cash_flow": flows})
    later = {"phase": "terminal", "year": years[-1], "cash_flow": flows[-1] * (1 + growth) / (rate - growth)}
    table = pd.concat([table, pd.DataFrame([later])], ignore_index=True)
    table["discount_factor"] = (1 + rate) ** -table["year"].astype(float)
    return table.assign(present_value=table["cash_flow"] * table["discount_factor"])


def _text(price: float, currency: str | None, rate: float, premium: float, share: float) -> str:
    unit = f" {currency}" if currency else ""
    text = f"At a price of {in_words(price)}{unit} the cash flows promise {100 * rate:.2f} % a year"
    if np.isfinite(premium):
        text += f", {100 * premium:.2f} points above the riskfree rate"
    return f"{text}; {100 * share:.0f} % of the price lies beyond the years given.".replace("-", "−")


def _checks(growth: float, free: float | None, share: float) -> tuple[Check, ...]:
    text = "no riskfree rate was given" if free is None else f"growth for ever {growth:g}, riskfree rate {free:g}"
    return (
        Check(name="terminal_growth", passed=None if free is None else bool(growth <= free), value=growth,
              threshold=free, text=text),
        Check(name="terminal_share", passed=None, value=share, text=f"{100 * share:.0f} % lies beyond the years given"),
    )  # fmt: skip


def gordon_value(next_flow: float, *, discount_rate: float, growth: float) -> float:
    """Value of a flow that grows for ever, ``next_flow / (discount_rate - growth)``.

    Parameters
    ----------
    next_flow : float
        In a year's time, money.
    discount_rate : float
        A year, above `growth`; 0.0001 to 1.
    growth : float
        For ever, -0.5 to 0.2.

    Raises
    ------
    ParameterError
        Growth at or above the discount rate, which has no finite value; the arithmetic is shown.
    """
    as_rate("discount_rate", discount_rate, low=1e-4, high=1.0)
    as_rate("growth", growth, low=-0.5, high=0.2)
    _check_flow(next_flow)
    if growth >= discount_rate:
        raise ParameterError(
            f"growth {growth:g} is not below the discount rate {discount_rate:g}: {next_flow:g} / ({discount_rate:g} - "
            f"{growth:g}) = {next_flow:g} / {discount_rate - growth:.3g} has no finite value for ever"
        )
    return next_flow / (discount_rate - growth)


def gordon_return(price: float, next_flow: float, *, growth: float) -> float:
    """Return of a flow that grows for ever, ``next_flow / price + growth``; price above 0, growth -0.5 to 0.2."""
    as_rate("growth", growth, low=-0.5, high=0.2)
    _check_price(price)
    _check_flow(next_flow)
    return next_flow / price + growth


def gordon_growth(price: float, next_flow: float, *, discount_rate: float) -> float:
    """Growth for ever that a price takes for granted, ``discount_rate - next_flow / price``; price above 0."""
    as_rate("discount_rate", discount_rate, low=1e-4, high=1.0)
    _check_price(price)
    _check_flow(next_flow)
    return discount_rate - next_flow / price


def _check_price(price: float) -> None:
    if not 0 < price < np.inf:
        raise ParameterError(f"price must be above 0, got {price:g}")


def _check_flow(flow: float) -> None:
    if not np.isfinite(flow):
        raise ParameterError(f"next_flow must be a finite number, got {flow:g}")
