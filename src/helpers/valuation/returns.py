"""Returns of dated cash flows: every internal rate, the multiple of money, the present value at a rate.

A flow that the holder pays is negative. With ``t`` the years since the first flow, actual days over 365 as
spreadsheets count them, an internal rate solves

    sum_i amount_i (1 + r)^(-t_i) = 0,   r > -1

In ``s = ln(1 + r)`` this is a sum of exponentials. It has at most as many roots as the flows, in order of time,
change sign (Descartes' rule, which Laguerre carried over to such sums), and the proof finds them: multiplied by
``e^(t* s)``, with ``t*`` between two flows of unlike sign, the sum's derivative has one sign change less, so its
roots cut the line into pieces on which the sum is monotone and holds one root or none. Nothing is scanned and
nothing is missed, however close two roots lie; where several rates solve the equation, none of them is the return.

Sources: Microsoft, XIRR worksheet function (Actual/365); Laguerre (1883) for the rule. What the module cannot do:
fees and taxes that are not among the flows, and a rate for a position that is still held (add its value as a
last flow, and say on which basis).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.units import check_currency, in_words
from helpers.valuation.dated import days_of, need_columns, numbers_of

DAYS_PER_YEAR = 365.0
_TOUCH = 1e-12  # of the absolute sum: a sum this small at a turning point touches zero there
_LARGEST_LOG = 34.0  # ln(1 + r): below -34 a rate is -1 but for rounding, above it is 5e16 percent
MOST_SIGN_CHANGES = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReturnsResult:
    """Return on a series of cash flows.

    Attributes
    ----------
    rate : float
        The internal rate, a year (a period for `irr`): 0.373 is 37.3 %. NaN where several solve the equation.
    roots : tuple of float
        Every internal rate above -1, ascending.
    moic : float
        Multiple on invested capital: money received over money paid.
    paid, received : float
        Money, both positive.
    table : DataFrame
        One row per root: root_number, rate, npv_slope (falling: the present value falls as the rate rises, as
        for a loan given; rising: as for a loan taken; touching: it does not change sign).
    flows : DataFrame
        By time: date (or period), years (since the first flow; periods for `irr`), amount, present_value (at
        `rate`; NaN where there is no single one), currency, fact_id.
    text : str
    checks : tuple of Check
        ``one_root``.
    fact_ids : tuple of str
    """

    rate: float
    roots: tuple[float, ...]
    moic: float
    paid: float
    received: float
    table: pd.DataFrame
    flows: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def xirr(flows: pd.DataFrame, *, currency: str | None = None) -> ReturnsResult:
    """Every internal rate a year of dated cash flows, Actual/365.

    Parameters
    ----------
    flows : DataFrame
        One row per flow, in any order: date, amount (money; below 0 is paid by the holder) and, where known,
        currency (one for all) and fact_id. Flows of one day are added up in the equation.
    currency : str, optional
        A code in `units.CURRENCIES`, where there is no such column.

    Returns
    -------
    ReturnsResult

    Raises
    ------
    HelpersError
        If a column, a date or an amount is missing, or there are fewer than two days.
    UnitError
        If the flows are in two currencies.
    ParameterError
        If every flow has the same sign, or the signs change more than 40 times.
    NotEstimableError
        If no rate solves the equation.
    """
    rows, unit = _dated(flows, currency)
    if rows["date"].nunique() < 2:
        raise HelpersError(f"need flows on 2+ days for a rate a year, got {rows['date'].iloc[0].date()} only")
    return _result(rows, unit, "a year")


def irr(amounts: Sequence[float], *, currency: str | None = None, fact_ids: Sequence[str] = ()) -> ReturnsResult:
    """Every internal rate a period of cash flows at equal distances, the first one now.

    Parameters
    ----------
    amounts : sequence of float
        Money of periods 0, 1, 2, ...; below 0 is paid by the holder.
    currency : str, optional
        A code in `units.CURRENCIES`.
    fact_ids : sequence of str
        Ledger rows of the flows.

    Returns
    -------
    ReturnsResult
        Of its `flows`, `date` is the number of the period.

    Raises
    ------
    HelpersError
        If there are fewer than two flows or an amount is missing.
    ParameterError, NotEstimableError
        As for `xirr`.
    """
    money = np.asarray(list(amounts), float)
    if len(money) < 2:
        raise HelpersError(f"need 2+ flows for a rate, got {len(money)}")
    periods = np.arange(len(money))
    rows = pd.DataFrame({"date": periods, "years": periods.astype(float), "amount": money, "currency": currency})
    _refuse_missing(rows, periods)
    unit = None if currency is None else check_currency(currency)
    return _result(rows.assign(fact_id=None), unit, "a period", fact_ids)


def xnpv(flows: pd.DataFrame, *, rate: float, currency: str | None = None) -> float:
    """Present value of dated flows on the day of the first, ``sum of amount (1 + rate)^(-days/365)``.

    Parameters
    ----------
    flows : DataFrame
        As for `xirr`; one flow is enough.
    rate : float
        A year, above -1: 0.1 is 10 %.
    currency : str, optional
        As for `xirr`.

    Returns
    -------
    float
        Money.

    Raises
    ------
    HelpersError, UnitError
        As for `xirr`.
    ParameterError
        If the rate is not above -1.
    """
    rows, _ = _dated(flows, currency)
    if not -1 < rate < math.inf:
        raise ParameterError(f"rate must be above -1 and finite, got {rate}: 10 % is 0.1")
    return math.fsum(rows["amount"] * (1 + rate) ** -rows["years"])


def moic(flows: pd.DataFrame, *, currency: str | None = None) -> float:
    """Multiple on invested capital, money received over money paid, whenever that was.

    Parameters, HelpersError and UnitError as for `xirr`.

    Raises
    ------
    ParameterError
        If nothing was paid.
    """
    rows, _ = _dated(flows, currency)
    paid, received = _sums(rows["amount"])
    if paid == 0:
        raise ParameterError(f"no flow is below 0, so nothing was paid: {_listed(rows['amount'])}")
    return received / paid


def _dated(flows: pd.DataFrame, currency: str | None) -> tuple[pd.DataFrame, str | None]:
    """Flows by date with their years, and their one currency."""
    need_columns(flows, ("date", "amount"), what="flows")
    if flows.empty:
        raise HelpersError("need 2+ flows for a rate, got none")
    named = set(flows["currency"].dropna()) if "currency" in flows else set()
    if currency is not None:
        named.add(currency)
    units = sorted(check_currency(unit) for unit in named)
    if len(units) > 1:
        raise UnitError(f"flows in {' and '.join(units)} cannot be added: convert each at the rate of its day first")
    rows = pd.DataFrame({"date": days_of(flows, what="flow"), "amount": numbers_of(flows, "amount", what="flow")})
    rows["currency"] = units[0] if units else None
    rows["fact_id"] = flows.get("fact_id")
    _refuse_missing(rows, rows["date"].dt.date)
    rows = rows.sort_values("date", ignore_index=True, kind="stable")
    rows.insert(1, "years", (rows["date"] - rows["date"].iloc[0]).dt.days / DAYS_PER_YEAR)
    return rows, units[0] if units else None


def _refuse_missing(rows: pd.DataFrame, when: Sequence) -> None:
    for moment, amount in zip(when, rows["amount"], strict=True):
        if not math.isfinite(amount):
            raise HelpersError(f"every flow needs a finite amount, got {amount} at {moment}")


def _result(rows: pd.DataFrame, unit: str | None, per: str, fact_ids: Sequence[str] = ()) -> ReturnsResult:
    net = rows.groupby("years")["amount"].sum()
    net = net[net != 0]
    roots = _roots(net.to_numpy(), net.index.to_numpy(float))
    rates = tuple(math.expm1(s) for s, _ in roots)
    rate = rates[0] if len(rates) == 1 else math.nan
    paid, received = _sums(rows["amount"])
    discounted = rows["amount"] * (1 + rate) ** -rows["years"]
    flows = rows.assign(present_value=discounted if len(rates) == 1 else math.nan)  # NaN to the power 0 is 1
    table = {"root_number": range(1, len(rates) + 1), "rate": rates, "npv_slope": [slope for _, slope in roots]}
    return ReturnsResult(
        rate=rate,
        roots=rates,
        moic=received / paid,
        paid=paid,
        received=received,
        table=pd.DataFrame(table),
        flows=flows[["date", "years", "amount", "present_value", "currency", "fact_id"]],
        text=_text(rates, per, paid, received, unit),
        checks=(_one_root(rates),),
        fact_ids=(*fact_ids, *rows["fact_id"].dropna()),
    )


def _roots(amounts: np.ndarray, years: np.ndarray) -> list[tuple[float, str]]:
    """Every root in ``s = ln(1 + r)``, ascending, and how the present value crosses zero there."""
    changes = int((np.diff(np.sign(amounts)) != 0).sum())
    if changes == 0:
        raise ParameterError(
            f"flows of one sign have no rate of return: {_listed(amounts)} (after adding up flows of one day); what "
            "the holder paid is below 0"
        )
    if changes > MOST_SIGN_CHANGES:
        raise ParameterError(f"flows that change sign {changes} times have no rate of return that means anything")
    span = years[-1] - years[0]
    found = _zeros(amounts / np.abs(amounts).max(), (years - years[0]) / span)
    if not found:
        raise NotEstimableError(
            "the internal rate of return",
            f"no rate above -100 % brings these flows to zero: {_listed(amounts)}",
            "a present value at a stated rate, or the multiple of money",
        )
    if max(abs(z) for z, _ in found) / span > _LARGEST_LOG:
        raise NotEstimableError(
            "the internal rate of return",
            f"flows within {span:.3g} years compound to a rate that no longer fits a number: {_listed(amounts)}",
            "the multiple of money, which needs no time",
        )
    return [(z / span, slope) for z, slope in found]


def _zeros(amounts: np.ndarray, times: np.ndarray) -> list[tuple[float, str]]:
    """Zeros of ``sum a e^(-t z)``, ascending, by the recursion that the module's text describes."""
    turns = np.flatnonzero(np.diff(np.sign(amounts)))
    if not len(turns):
        return []
    middle = times[turns[0] : turns[0] + 2].mean()
    # derivative of sum a e^((t* - t) z): the sign change at the first turn is gone, the others stay
    slopes = amounts * (middle - times)
    stops = [z for z, _ in _zeros(slopes / np.abs(slopes).max(), times)]
    at_stops = [_unless_rounding(z, amounts, times) for z in stops]
    # as z falls without end the last flow decides the sign, as it rises the first one does
    left = _far(stops[0] if stops else 0.0, -1.0, amounts, times)
    right = _far(stops[-1] if stops else 0.0, 1.0, amounts, times)
    edges = [left, *zip(stops, at_stops, strict=True), right]
    found = []
    for (low, below), (high, above) in pairwise(edges):
        if below * above < 0:
            z = brentq(_scaled_sum, low, high, args=(amounts, times), xtol=1e-15, rtol=1e-14, maxiter=500)
            found.append((z, _slope(below, above)))
    for (_, below), (z, value), (_, above) in zip(edges, edges[1:], edges[2:], strict=False):
        if value == 0.0:
            found.append((z, _slope(below, above)))
    return sorted(found)


def _slope(below: float, above: float) -> str:
    if below * above >= 0:
        return "touching"
    return "falling" if below > 0 else "rising"


def _scaled_sum(z: float, amounts: np.ndarray, times: np.ndarray) -> float:
    """The sum over its largest factor, which leaves its sign."""
    exponents = -times * z
    return math.fsum(amounts * np.exp(exponents - exponents.max()))


def _unless_rounding(z: float, amounts: np.ndarray, times: np.ndarray) -> float:
    """The scaled sum at a turning point; 0.0 where only rounding is left of it, so that it touches zero there."""
    total = _scaled_sum(z, amounts, times)
    return 0.0 if abs(total) <= _TOUCH * _scaled_sum(z, np.abs(amounts), times) else total


def _far(start: float, direction: float, amounts: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """A point beyond every zero on that side, and the value there."""
    wanted = np.sign(amounts[0] if direction > 0 else amounts[-1])
    step = 1.0
    while np.sign(value := _scaled_sum(start + direction * step, amounts, times)) != wanted:
        step *= 2.0
    return start + direction * step, value


def _sums(amounts: pd.Series) -> tuple[float, float]:
    return -math.fsum(a for a in amounts if a < 0), math.fsum(a for a in amounts if a > 0)


def _listed(amounts: Any) -> str:
    shown = [f"{a:+g}" for a in list(amounts)[:6]]
    return ", ".join(shown) + (f", ... ({len(amounts)} flows)" if len(amounts) > 6 else "")


def _percent(rate: float) -> str:
    return f"{round(rate * 100, 2) + 0.0:.2f}".rstrip("0").rstrip(".") + " %"  # + 0.0: no minus before a nil


def _one_root(rates: tuple[float, ...]) -> Check:
    listed = " and ".join(_percent(rate) for rate in rates)
    return Check(
        name="one_root",
        passed=len(rates) == 1,
        value=float(len(rates)),
        threshold=1.0,
        text=f"1 root: {listed}" if len(rates) == 1 else f"{len(rates)} roots: {listed}",
    )


def _text(rates: tuple[float, ...], per: str, paid: float, received: float, unit: str | None) -> str:
    money = f"{in_words(received)} received for {in_words(paid)} paid{f' ({unit})' if unit else ''}"
    times = f"{money}, {received / paid:.2f} times the money"
    if len(rates) == 1:
        return f"The internal rate of return is {_percent(rates[0])} {per}; {times}."
    listed = " and ".join(_percent(rate) for rate in rates)
    return f"No single rate of return: {listed} {per} all bring the flows to zero; {times}."
