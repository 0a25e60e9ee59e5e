"""What an event earned against what it cost: incremental GMV and margin, iROAS, payback, the chance that it pays.

With the observed GMV given, order value, margin and profit are straight lines in the net effect e, so its
interval carries over exactly:

    margin(e) = m [(observed + S) (1 - r) - (observed - e) (1 - u)],   profit(e) = margin(e) - cost

m is take rate times margin share, r and u the return rates of the event's and of ordinary orders, S the subsidies
and coupons where GMV leaves them out. `iroas` follows Kerman, Wang and Vaver (2017, Estimating ad effectiveness
using geo experiments in a time-based regression framework): incremental GMV per unit of cost.

The trap of subsidies. GMV at order value holds money that the payer of the subsidy put in; GMV as paid by
buyers does not, and then falls short of the order value that commissions and margins are taken on. Margins are
always taken on order value and the subsidy is a cost in full, once; `paid_gmv` is what buyers added from
their own pockets. What the module cannot do: know the margin. Take rates, margin shares, return rates and costs
are taken as exact; only the uplift is uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError
from helpers.uplift import earnings
from helpers.uplift.earnings import Errors, Terms
from helpers.uplift.results import UpliftResult

Amounts = float | np.ndarray | pd.Series
NEEDED = ("unit", "observed", "effect", "se", "low", "high")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventCosts:
    """What the payer spent on the event beyond ordinary days.

    Each is a number, or an array with one entry per row of the table.

    Parameters
    ----------
    subsidy_cny : float or array, default 0
        Price subsidies, 0 or more.
    coupon_cny : float or array, default 0
        Coupons as a known amount.
    coupon_rate : float or array, default 0
        Coupons that are paid on used orders only: share of the observed GMV, 0 to less than 1. Adds to
        `coupon_cny`.
    traffic_cny : float or array, default 0
        Advertising and bought traffic.
    other_cny : float or array, default 0
        Anything else, such as the hosts' fees.

    Raises
    ------
    HelpersError
        A cost that is negative or not finite, a rate outside 0-1.
    """

    subsidy_cny: Amounts = 0.0
    coupon_cny: Amounts = 0.0
    coupon_rate: Amounts = 0.0
    traffic_cny: Amounts = 0.0
    other_cny: Amounts = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            high = 1.0 if field.name == "coupon_rate" else np.inf
            object.__setattr__(self, field.name, _numbers(getattr(self, field.name), field.name, high=high))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MoneyResult:
    """An event's return.

    Attributes
    ----------
    level : float
        Of the intervals.
    table : DataFrame
        One row per unit. Each of incremental_gmv (net of what was borrowed, as GMV is counted), paid_gmv
        (buyers' own money in it), incremental_margin, profit (margin less cost), iroas (incremental_gmv / cost),
        return_on_cost (margin / cost - 1), payback_share (margin / cost), payback_days (after the window; 0
        recovered within it, inf never) and breakeven_uplift (relative effect at which margin = cost; inf none)
        stands with its _low and _high; besides unit, cost, chance_pays. Ratios over a cost of 0 are NaN.
    total : Series
        The same for all units together; intervals and chance NaN where it is not known how errors go together.
    text : str
        Sentences for the report.
    checks : tuple of Check
        ``cost``, ``bought_gmv``, ``left_out``, ``error_correlation``.
    fact_ids : tuple of str
        Ledger rows it rests on.
    """

    level: float
    table: pd.DataFrame
    total: pd.Series
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...] = ()


def return_on_event(
    result: UpliftResult | pd.DataFrame,
    *,
    costs: EventCosts,
    gmv_includes_subsidy: bool,
    take_rate: Amounts | None = None,
    margin_share: Amounts | None = None,
    return_rate: Amounts = 0.0,
    usual_return_rate: Amounts | None = None,
    lasting_gmv_per_day: Amounts = 0.0,
    draws: np.ndarray | None = None,
    error_correlation: float | None = None,
    level: float = 0.95,
    currency: str = "CNY",
    fact_ids: Sequence[str] = (),
) -> MoneyResult:
    """Margin of the net uplift against the event's cost, ``profit = margin(e) - cost``.

    Parameters
    ----------
    result : UpliftResult or DataFrame
        One event, or one row per unit: unit, observed, effect, se, low, high in CNY (low and high at `level`).
    costs : EventCosts
    gmv_includes_subsidy : bool
        True where GMV is the order value before platform subsidies and coupons come off, False where it is
        what buyers paid. See the module's text; there is no safe default.
    take_rate : float or array, optional
        Payer's revenue per unit of GMV, 0-1; 1 for a merchant who sells on own account.
    margin_share : float or array, optional
        Margin per unit of that revenue, 0-1. At least one of the two must be given, the other is then 1.
    return_rate, usual_return_rate : float or array
        Share of order value that is sent back, of the event's orders and of ordinary ones (default: the same).
        Costs of returned orders are not recovered.
    lasting_gmv_per_day : float or array, default 0
        Incremental GMV of a day after the window, taken as exact: how fast the rest of the cost is recovered.
    draws : array, shape (draws,) or (draws, units), optional
        Draws of the effect; replace the normal approximation.
    error_correlation : float, optional
        Correlation of the units' errors, 0-1, for the total of several units; 0 treats them as independent
        and makes the total's interval too short where a market factor was missed. Draws hold it already.
    currency : str, default "CNY"
        Of the values and the costs, for the text; nothing is converted.
    level : float, default 0.95
        An UpliftResult brings its own.
    fact_ids : sequence of str
        Ledger rows behind rates and costs.

    Returns
    -------
    MoneyResult

    Raises
    ------
    HelpersError
        No take rate and no margin share, a rate outside 0-1, arrays of another length than the table.
    PanelError
        Columns missing, a negative standard error.
    """
    units, said = _units(result)
    level = result.level if isinstance(result, UpliftResult) else level
    if not 0 < level < 1:
        raise HelpersError(f"level must lie between 0 and 1, got {level}")
    if error_correlation is not None and not 0 <= error_correlation <= 1:
        raise HelpersError(f"error_correlation must lie from 0 to 1, got {error_correlation}")
    rates = take_rate, margin_share, return_rate, usual_return_rate, lasting_gmv_per_day
    terms = _terms(units["observed"].to_numpy(float), costs, rates, bool(gmv_includes_subsidy))
    errors = Errors.of(units, draws, error_correlation, level)
    table = pd.DataFrame({"unit": units["unit"].to_numpy(), **earnings.by_unit(terms, errors)})
    known = np.flatnonzero(np.isfinite(errors.effect))
    if len(known) == 0:
        raise HelpersError(f"none of {len(table)} unit(s) has an effect; money needs at least one")
    total = pd.Series(earnings.together(terms.of(known), errors.rows(known)))
    if said == "no verdict":
        table["chance_pays"], total["chance_pays"] = np.nan, np.nan
    checks = _checks(table, terms, errors)
    ids = (*(result.fact_ids if isinstance(result, UpliftResult) else ()), *fact_ids)
    text = _text(total, table, level, currency) + (
        " No verdict: the intervals did not hold." if said == "no verdict" else ""
    )
    return MoneyResult(level=level, table=table, total=total, text=text, checks=checks, fact_ids=ids)


def _units(result: UpliftResult | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """One row per unit, and the verdict of a single result."""
    if isinstance(result, UpliftResult):
        total = result.parts.set_index("phase").loc["total"]
        se = (result.incremental_high - result.incremental_low) / (2 * ndtri((1 + result.level) / 2))
        row = (result.unit, total["observed"], result.incremental, se, result.incremental_low, result.incremental_high)
        return pd.DataFrame([row], columns=NEEDED), result.verdict
    missing = [column for column in NEEDED if column not in result.columns]
    if missing:
        raise PanelError(f"money needs the columns {', '.join(NEEDED)}; missing: {', '.join(missing)}")
    if result.empty:
        raise PanelError("the table has no rows")
    if (result["se"] < 0).any():
        row = result[result["se"] < 0].iloc[0]
        raise PanelError(f"se must be 0 or more, got {row['se']:g} ({row['unit']})")
    return result[list(NEEDED)], ""


def _terms(observed: np.ndarray, costs: EventCosts, rates: tuple, included: bool) -> Terms:
    take, margin, returned, usual, lasting = rates
    if take is None and margin is None:
        raise HelpersError("a margin needs take_rate, margin_share or both, got neither")
    usual = returned if usual is None else usual
    n = len(observed)
    shares = {"take_rate": take, "margin_share": margin, "return_rate": returned, "usual_return_rate": usual}
    read = {name: _sized(1.0 if v is None else v, name, n, high=1.0) for name, v in shares.items()}
    cost = {field.name: _sized(getattr(costs, field.name), field.name, n) for field in fields(costs)}
    granted = cost["subsidy_cny"] + cost["coupon_cny"]
    return Terms(
        observed=observed, fixed=granted + cost["traffic_cny"] + cost["other_cny"], granted=granted,
        rate=cost["coupon_rate"], margin=read["take_rate"] * read["margin_share"], returned=read["return_rate"],
        usual=read["usual_return_rate"], lasting=_sized(lasting, "lasting_gmv_per_day", n, low=-np.inf),
        included=included,
    )  # fmt: skip


def _numbers(given: Amounts, name: str, *, low: float = 0.0, high: float = np.inf) -> np.ndarray:
    values = np.asarray(given, dtype=float)
    bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
    if bad.any():
        rule = "finite" if low == -np.inf else "finite and 0 or more" if high == np.inf else f"from {low:g} to {high:g}"
        raise HelpersError(f"{name} must be {rule}, got {values[bad].flat[0]}")
    return values


def _sized(given: Amounts, name: str, n: int, **bounds: float) -> np.ndarray:
    values = _numbers(given, name, **bounds)
    if values.shape not in ((), (1,), (n,)):
        raise HelpersError(f"{name} must be one number or one per unit ({n}), got {values.size}")
    return np.broadcast_to(values, (n,))


def _checks(table: pd.DataFrame, terms: Terms, errors: Errors) -> tuple[Check, ...]:
    n, free = len(table), int((table["cost"] == 0).sum())
    text = f"{free} of {n} unit(s) cost nothing: ratios over cost are undefined" if free else "every unit has a cost"
    checks = [Check(name="cost", passed=free == 0, value=free, threshold=0, text=text)]
    if terms.included:
        bought = int(((table["paid_gmv"] < 0) & (table["incremental_gmv"] > 0)).sum())
        text = f"{bought} of {n} unit(s) added less GMV than the subsidies and coupons counted in it"
        checks.append(Check(name="bought_gmv", passed=bought == 0, value=bought, threshold=0, text=text))
    missing = int(np.isnan(errors.effect).sum())
    if missing:
        text = f"{missing} of {n} units have no effect; they are in no total"
        checks.append(Check(name="left_out", passed=False, value=missing, threshold=0, text=text))
    if n - missing > 1 and errors.draws is None:
        known = errors.correlation is not None
        text = (
            "how the units' errors go together is not known: give error_correlation or draws for the total's interval"
        )
        if known:
            text = f"the units' errors are taken to be correlated by {errors.correlation:g}"
        passed = None if known else False
        checks.append(Check(name="error_correlation", passed=passed, value=errors.correlation, text=text))
    return tuple(checks)


def _text(total: pd.Series, table: pd.DataFrame, level: float, currency: str) -> str:
    amount = partial(_amount, currency=currency)
    who = str(table["unit"].iloc[0]) if len(table) == 1 else f"{len(table):,} units"
    money = f"{who}: {_say(total, 'incremental_gmv', amount)} of net incremental GMV and "
    money += f"{_say(total, 'incremental_margin', amount)} of margin for {amount(total['cost'])} of cost"
    if not total["cost"] > 0:
        return f"{money}; without a cost iROAS and payback are undefined."
    money += f": iROAS {_say(total, 'iroas', _plain)}, return on cost {_say(total, 'return_on_cost', _percent)}"
    money += f" ({100 * level:g} % intervals)." if np.isfinite(total["iroas_low"]) else "."
    days = total["payback_days"]
    when = "within the window" if days == 0 else f"{days:,.0f} days after the window"
    back = "never recovered" if np.isinf(days) else f"recovered {when}"
    even, needed = total["breakeven_uplift"], "no uplift would break even"
    if np.isfinite(even):
        needed = f"it breaks even at a net uplift of {_percent(even)} over the whole window"
    chance = total["chance_pays"]
    odds = "" if np.isnan(chance) else f"; the chance that it pays is {_odds(chance)}"
    text = f"{money} At the point estimate the cost is {back}; {needed}{odds}."
    if len(table) > 1:
        sure, lost = int((table["chance_pays"] >= level).sum()), int((table["chance_pays"] <= 1 - level).sum())
        text += f" It pays for {sure:,} units and does not for {lost:,} with a chance of {100 * level:g} % or more."
    return text


def _say(total: pd.Series, name: str, form) -> str:
    low, high = total[f"{name}_low"], total[f"{name}_high"]
    return form(total[name]) + (f" ({form(low)} to {form(high)})" if np.isfinite([low, high]).all() else "")


def _amount(value: float, *, currency: str) -> str:
    size, sign = abs(value), "−" if value < 0 else ""
    for power, name in ((1e9, " billion"), (1e6, " million")):
        if size >= power:
            return f"{sign}{size / power:.3g}{name} {currency}"
    return f"{sign}{size:,.0f} {currency}"


def _plain(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")


def _odds(chance: float) -> str:
    return "over 99 %" if chance > 0.99 else "under 1 %" if chance < 0.01 else f"{100 * chance:.0f} %"
