"""A valuation row by row, and several side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check, labelled
from helpers.errors import ParameterError
from helpers.units import in_words
from helpers.valuation.dcf.drivers import NUMBERS, Drivers, parameters
from helpers.valuation.dcf.equity import equity_value, operating_value, options_value
from helpers.valuation.dcf.kernel import Rows, Values, present_values

TERMINAL_SHARE = 0.75
"""Above this share of value beyond the explicit years the valuation is mostly a guess about for ever."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcfResult:
    """A discounted cash flow valuation; money in `currency`.

    Attributes
    ----------
    currency : str
    table : DataFrame
        By year, 0 to years + 1: phase (base, forecast, terminal), year, growth, revenue, margin, ebit, tax_rate, nol
        (losses left at the year's end), nopat, reinvestment, fcff, discount_rate, discount_factor, present_value. The
        base year has no flow and the terminal year no factor: NaN. Without `Drivers.ebit` the base year has revenue
        only.
    bridge : DataFrame
        item, amount, sign (1 or -1): from present values to the equity of the shareholders, line by line.
    pv_flows, pv_terminal : float
        Present value of the explicit years and of what follows.
    terminal_value : float
        As it stands at the end of the last explicit year.
    terminal_share : float
        pv_terminal over both; NaN where both come to nothing.
    enterprise_value : float
        Of the operating assets, after the chance of failure.
    equity_value : float
        Of all holders of equity, options included.
    options_value : float
    common_equity : float
        equity_value less options_value.
    per_share : float
        NaN without `Bridge.shares`.
    exit_ev_to_sales : float
        terminal_value over the last explicit year's revenue.
    text : str
    checks : tuple of Check
        ``terminal_share``, ``terminal_growth``, ``terminal_roic``, ``implied_roic``, ``terminal_flow``,
        ``losses_left``, ``equity``.
    fact_ids : tuple of str
    """

    currency: str
    table: pd.DataFrame
    bridge: pd.DataFrame
    pv_flows: float
    pv_terminal: float
    terminal_value: float
    terminal_share: float
    enterprise_value: float
    equity_value: float
    options_value: float
    common_equity: float
    per_share: float
    exit_ev_to_sales: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def dcf(drivers: Drivers) -> DcfResult:
    """Value of a company's free cash flow to the firm, ``sum FCFF_t DF_t + TV DF_T``.

    Parameters
    ----------
    drivers : Drivers

    Returns
    -------
    DcfResult
        Of a company that loses money too: a loss pays no tax and shields later profit.
    """
    p, rows = parameters(drivers), [_base_year(drivers)]
    found = present_values(p, drivers.shape, record=rows.append)
    table = _table(rows, drivers)
    enterprise = float(operating_value(p, found.total, drivers.failure_basis))
    equity = float(equity_value(p, enterprise))
    options = float(options_value(equity, drivers.bridge))
    shares = drivers.bridge.shares
    result = {
        "pv_flows": float(found.flows),
        "pv_terminal": float(found.terminal),
        "terminal_value": float(found.terminal_value),
        "terminal_share": float(found.terminal / found.total) if found.total else np.nan,
        "enterprise_value": enterprise,
        "equity_value": equity,
        "options_value": options,
        "common_equity": equity - options,
        "per_share": (equity - options) / shares if shares else np.nan,
        "exit_ev_to_sales": float(found.terminal_value / table["revenue"].iloc[drivers.years]),
    }
    return DcfResult(
        currency=drivers.currency, table=table, bridge=_bridge(drivers, found, result), **result,
        text=_text(drivers, result), checks=_checks(drivers, p, table, result), fact_ids=drivers.fact_ids,
    )  # fmt: skip


def _base_year(drivers: Drivers) -> Rows:
    """The last twelve months: the tax of the effective rate, none on a loss."""
    row = {"year": 0, "revenue": drivers.revenue, "nol": drivers.loss_carried_forward}
    if drivers.ebit is not None:
        row |= {"ebit": drivers.ebit, "margin": drivers.ebit / drivers.revenue, "tax_rate": drivers.tax_rate}
        row["nopat"] = drivers.ebit - drivers.tax_rate * max(drivers.ebit, 0.0)
    return row


def _table(rows: list[Rows], drivers: Drivers) -> pd.DataFrame:
    phases = ["base", *["forecast"] * drivers.years, "terminal"]
    return pd.DataFrame({"phase": phases} | {name: [row.get(name, np.nan) for row in rows] for name in rows[1]})


def _bridge(drivers: Drivers, found: Values, result: Mapping[str, float]) -> pd.DataFrame:
    """Every line between present values and the shareholders' equity; they add up."""
    given = drivers.bridge
    carried = float(found.total) * (1 + drivers.discount_rate) ** drivers.elapsed_years
    lines = [
        ("present value of explicit years", result["pv_flows"], 1),
        ("present value of terminal value", result["pv_terminal"], 1),
        ("carried to the day of valuation", carried - float(found.total), 1),
        ("expected loss in failure", carried - result["enterprise_value"], -1),
        ("debt", given.debt, -1),
        ("minority interest", given.minority_interest, -1),
        ("other claims", given.other_claims, -1),
        ("cash", given.cash, 1),
        ("non-operating assets", given.non_operating, 1),
        ("options", result["options_value"], -1),
    ]
    return pd.DataFrame(lines, columns=["item", "amount", "sign"])


def _text(drivers: Drivers, result: Mapping[str, float]) -> str:
    money = f"{in_words(result['enterprise_value'])} {drivers.currency}"
    end = f" and {in_words(result['equity_value'])} {drivers.currency} of equity"
    if np.isfinite(result["per_share"]):
        end += f", {result['per_share']:,.2f} {drivers.currency} a share"
    share = result["terminal_share"]
    day = f", {_years(f'{drivers.elapsed_years:.2g}')} after the last figures," if drivers.elapsed_years else ""
    beyond = f" ({_percent(share)} of it beyond year {drivers.years})" if 0 <= share <= 1 else ""
    return (
        f"Growth of {_percent(drivers.growth)} for {_years(f'{drivers.growth_years:g}')} and a margin of "
        f"{_percent(drivers.target_margin)} at a discount rate of {_percent(drivers.discount_rate)} give an enterprise "
        f"value of {money}{beyond}{day}{end}."
    )


def _years(said: str) -> str:
    return f"{said} year{'' if said == '1' else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %".replace("-", "−")


def _checks(drivers: Drivers, p: Mapping[str, float], table: pd.DataFrame, result: Mapping) -> tuple[Check, ...]:
    years, money = drivers.years, lambda amount: f"{in_words(float(amount))} {drivers.currency}"
    share, left, flow = result["terminal_share"], table["nol"].iloc[-2], table["fcff"].iloc[-1]
    after, sound = f"free cash flow after year {years}: {money(flow)}", bool(flow > 0)
    if drivers.shape.exit_basis:  # a multiple of a loss is no price
        sound = None if result["terminal_value"] > 0 else False
        after += "" if sound is None else f"; the exit multiple makes {money(result['terminal_value'])} of it"
    losses = (
        "no tax losses are left"
        if left == 0
        else f"tax losses of {money(left)} are left after year {years}; their worth is not counted"
    )
    claims = "claims leave equity" if result["equity_value"] > 0 else "claims exceed the value of the company"
    beyond = f"{_percent(share)} of the value lies beyond year {years}"
    return (
        _held("terminal_share", share, TERMINAL_SHARE, share <= TERMINAL_SHARE, beyond),
        *_for_ever(drivers, p),
        _capital_return(drivers, p, table),
        _held("terminal_flow", flow, 0.0, sound, after),
        _held("losses_left", left, 0.0, left == 0, losses),
        _held("equity", result["equity_value"], 0.0, result["equity_value"] > 0, claims),
    )


def _held(name: str, value: float, threshold: float | None, passed: bool | None, text: str) -> Check:
    verdict = None if passed is None else bool(passed)
    return Check(name=name, passed=verdict, value=float(value), threshold=threshold, text=text)


def _for_ever(drivers: Drivers, p: Mapping[str, float]) -> tuple[Check, Check]:
    """Growth for ever against the riskfree rate, the proxy for the economy's own growth; return against cost."""
    growth, rate, roic, free = (
        p["terminal_growth"],
        p["terminal_discount_rate"],
        p["terminal_roic"],
        drivers.riskfree_rate,
    )
    text = f"growth for ever is {_percent(growth)}; no riskfree rate was given to hold it against"
    if free is not None:
        word = "above" if growth > free else "not above"
        text = f"growth for ever of {_percent(growth)} is {word} the riskfree rate of {_percent(free)}"
    earned = f"new capital earns {_percent(roic)} for ever at a cost of {_percent(rate)}"
    return (
        _held("terminal_growth", growth, free, None if free is None else growth <= free, text),
        _held("terminal_roic", roic, rate, None, earned),
    )


def _capital_return(drivers: Drivers, p: Mapping[str, float], table: pd.DataFrame) -> Check:
    """Return on capital that sales to capital and margin imply by the last explicit year."""
    implied = _implied_roic(drivers, table)
    text = f"the last explicit year earns {_percent(implied)} on book capital and what was reinvested"
    text = "no book capital was given, so the return on all capital is not known" if np.isnan(implied) else text
    return _held("implied_roic", implied, p["terminal_roic"], None, text)


def _implied_roic(drivers: Drivers, table: pd.DataFrame) -> float:
    """Profit after tax of the last explicit year over capital at its start; NaN without a book value above 0."""
    forecast = table[table["phase"] == "forecast"]
    capital = drivers.book_capital + forecast["reinvestment"].iloc[:-1].sum()
    return float(forecast["nopat"].iloc[-1] / capital) if drivers.book_capital > 0 and capital > 0 else np.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScenariosResult:
    """Valuations side by side.

    Attributes
    ----------
    table : DataFrame
        By scenario, in the order given: scenario, then every driver that differs between them (with followers
        filled in), then enterprise_value, equity_value, per_share, terminal_share, enterprise_vs_first (times the
        first's).
    results : dict of str to DcfResult
    text : str
    checks : tuple of Check
        Those of every scenario, under its name.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    results: dict[str, DcfResult]
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def scenarios(given: Mapping[str, Drivers]) -> ScenariosResult:
    """Several valuations of one company and what differs between them.

    Parameters
    ----------
    given : mapping of str to Drivers
        Two or more, such as low, base, high; in one currency.

    Returns
    -------
    ScenariosResult

    Raises
    ------
    ParameterError
        Fewer than two, or two currencies.
    """
    currencies = sorted({drivers.currency for drivers in given.values()})
    if len(given) < 2 or len(currencies) > 1:
        raise ParameterError(
            f"need 2+ scenarios in one currency, got {len(given)} in {', '.join(currencies) or 'none'}"
        )
    results = {name: dcf(drivers) for name, drivers in given.items()}
    numbers = pd.DataFrame([parameters(drivers) for drivers in given.values()], columns=list(NUMBERS), dtype=float)
    numbers["years"] = [drivers.years for drivers in given.values()]
    first = numbers.iloc[0]
    table = numbers.loc[:, ~(numbers.eq(first) | (numbers.isna() & first.isna())).all()].copy()
    table.insert(0, "scenario", list(given))
    for name in ("enterprise_value", "equity_value", "per_share", "terminal_share"):
        table[name] = [getattr(result, name) for result in results.values()]
    values = table["enterprise_value"]
    table["enterprise_vs_first"] = values / values.iloc[0] if values.iloc[0] else np.nan
    said = ", ".join(f"{name} {in_words(result.enterprise_value)}" for name, result in results.items())
    return ScenariosResult(
        table=table, results=results, text=f"Enterprise value by scenario, {currencies[0]}: {said}.",
        checks=tuple(labelled({name: result.checks for name, result in results.items()})),
        fact_ids=tuple(dict.fromkeys(fact for drivers in given.values() for fact in drivers.fact_ids)),
    )  # fmt: skip
