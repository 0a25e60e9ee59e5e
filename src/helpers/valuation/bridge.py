"""Equity value to enterprise value and back, every item listed.

``enterprise value = equity value + debt, leases, minority interest, preferred, pensions, options -
cash, investments, associates``: what belongs to others is added, what is not the business is taken off
(Koller, Goedhart and Wessels, Valuation). The sign follows from the name of an item, so it is never
typed; amounts convert at the rate of their own day; what was not public on the day of the price is refused.

What this module cannot do: find an item that nobody listed. A bridge without a line for cash or for debt is
marked as incomplete; a line of 0 says that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.units import CURRENCIES, check_currency, in_words, rate
from helpers.valuation.dated import days_of, numbers_of, texts_of


class Item(NamedTuple):
    """An item of the bridge: its sign from equity to enterprise value, and what it is."""

    sign: int
    meaning: str


ITEMS = {
    "cash": Item(-1, "cash and cash equivalents"),
    "short_term_investments": Item(-1, "deposits and wealth products due within a year"),
    "long_term_investments": Item(-1, "deposits and securities beyond a year, not part of the business"),
    "cash_and_investments": Item(-1, "the three together, where only their total is published"),
    "associates": Item(-1, "stakes in companies whose sales are not in the group's"),
    "debt": Item(1, "all interest-bearing debt, where only the total is published"),
    "short_term_debt": Item(1, "loans and bonds due within a year"),
    "long_term_debt": Item(1, "loans and bonds beyond a year"),
    "convertible_notes": Item(1, "convertible debt that the share price leaves out of the money"),
    "leases": Item(1, "lease liabilities"),
    "minority_interest": Item(1, "what others own of consolidated companies"),
    "preferred": Item(1, "preferred shares that are not in the share count"),
    "pensions": Item(1, "unfunded pensions, after tax"),
    "options": Item(1, "value of options outstanding, where the share count is basic"),
}
CASH = ("cash", "short_term_investments", "long_term_investments")
DEBT = ("short_term_debt", "long_term_debt", "convertible_notes")
TOTALS = {"cash_and_investments": CASH, "debt": DEBT}
"""A total and its own parts in one bridge would be counted twice."""

MAY_BE_NEGATIVE = ("minority_interest", "pensions")
MAX_NET_DEBT = 1.0
"""Net debt or net cash beyond the equity value is rare outside banks; an amount in the wrong currency is not."""

MAX_AGE_DAYS = 200
COLUMNS = ("item", "amount", "currency", "day", "known_on", "fact_id")
_TABLE = ("item", "sign", "amount", "currency", "day", "known_on", "rate", "converted", "effect", "fact_id", "note")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BridgeResult:
    """A bridge between equity value and enterprise value.

    Attributes
    ----------
    equity_value, enterprise_value : float
        In `currency`.
    net_debt : float
        Enterprise value less equity value; below 0 is net cash.
    currency : str
    is_complete : bool
        There is a line for cash and one for debt.
    table : DataFrame
        One row per item: item, sign (from equity to enterprise value), amount, currency, day, known_on,
        rate, converted, effect (sign times converted), fact_id, note.
    text : str
        One or two sentences.
    checks : tuple of Check
        ``complete``, ``net_debt_size`` (an amount in another currency, or a slip of scale, shows here),
        ``items_age``, ``above_zero``.
    fact_ids : tuple of str
        Ledger rows of the items.
    """

    equity_value: float
    enterprise_value: float
    net_debt: float
    currency: str
    is_complete: bool
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def enterprise_value(
    equity_value: float, items: pd.DataFrame, *, currency: str, on: date, max_net_debt: float = MAX_NET_DEBT
) -> BridgeResult:
    """Equity value plus what belongs to others, less what is not the business.

    Parameters
    ----------
    equity_value : float
        Market capitalisation or the value of all shares, above 0, in `currency`.
    items : DataFrame
        item (a name in `ITEMS`), amount (base units, 0 or more: the sign follows from the name;
        minority_interest and pensions may be below 0), currency, day (of the balance), known_on, fact_id.
        Optional note; rate (units of `currency` for one of the item's, where a source states it or the ECB
        does not fix the currency).
    currency : str
        A code in `units.CURRENCIES`.
    on : datetime.date
        Day of the equity value.
    max_net_debt : float
        Net debt or net cash beyond this multiple of the equity value is flagged.

    Raises
    ------
    HelpersError
        A column, day or amount is missing, an item was not public on the day, stands twice in one
        currency, or stands beside the total that holds it.
    UnknownNameError
        An item is not in the list, or a currency without a stated rate is not.
    ParameterError
        A number is out of range.
    RateError
        The rate table does not cover the day of an item.
    """
    _check_value("equity_value", equity_value)
    table = _converted(items, currency, on)
    net_debt = float(table["effect"].sum())
    return _result(equity_value, equity_value + net_debt, table, currency, on, max_net_debt)


def equity_value(
    enterprise_value: float, items: pd.DataFrame, *, currency: str, on: date, max_net_debt: float = MAX_NET_DEBT
) -> BridgeResult:
    """Enterprise value less what belongs to others, plus what is not the business: the way back.

    Parameters
    ----------
    enterprise_value : float
        Value of the business, above 0, in `currency`: from a discounted cash flow or a multiple.
    items, currency, on, max_net_debt
        As for `enterprise_value`.

    Raises
    ------
    HelpersError, UnknownNameError, ParameterError, RateError
        As for `enterprise_value`.
    """
    _check_value("enterprise_value", enterprise_value)
    table = _converted(items, currency, on)
    net_debt = float(table["effect"].sum())
    return _result(enterprise_value - net_debt, enterprise_value, table, currency, on, max_net_debt)


def _check_value(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise ParameterError(f"{name} must be above 0, got {value}")


def _converted(items: pd.DataFrame, currency: str, on: date) -> pd.DataFrame:
    """Checked items with sign, rate, converted amount and effect."""
    check_currency(currency)
    rows = _checked(items, on)
    rates = [_rate(row.item, row.currency, currency, row.day, row.rate) for row in rows.itertuples(index=False)]
    rows["sign"] = [ITEMS[item].sign for item in rows["item"]]
    rows["rate"] = np.array(rates, float)
    rows["converted"] = rows["amount"] * rows["rate"]
    return rows.assign(effect=rows["sign"] * rows["converted"])[list(_TABLE)]


def _checked(items: pd.DataFrame, on: date) -> pd.DataFrame:
    """A copy with days as timestamps; refuses what a bridge cannot hold."""
    missing = [column for column in COLUMNS if column not in items]
    if missing:
        raise HelpersError(f"items need the columns {', '.join(COLUMNS)}; missing: {missing}")
    rows = items[list(COLUMNS)].reset_index(drop=True)
    rows["note"] = items["note"].fillna("").to_numpy() if "note" in items else ""
    given = items.reset_index(drop=True)
    rows["amount"] = numbers_of(given, "amount", what="bridge", is_finite=True)
    rows["rate"] = numbers_of(given, "rate", what="bridge", is_finite=True)
    for column in ("item", "currency"):
        rows[column] = texts_of(given, column, what="bridge")
    for name in rows["item"]:
        if name not in ITEMS:
            raise UnknownNameError("item of the bridge", name, list(ITEMS))
    for column in ("day", "known_on"):
        rows[column] = days_of(given, what="bridge", column=column, or_empty=True)
    _refuse_rows(rows, on)
    _refuse_doubles(rows)
    return rows


def _refuse_rows(rows: pd.DataFrame, on: date) -> None:
    """Amounts, days and currencies that are missing or wrong, and what was not public on the day."""
    price_day = pd.Timestamp(on)
    below = (rows["amount"] < 0) & ~rows["item"].isin(MAY_BE_NEGATIVE)
    for bad, rule in (
        (rows["amount"].isna(), "needs an amount (0 says that there is none)"),
        (below, "must be 0 or more: its sign follows from its name"),
        (rows["currency"].isna() | rows["currency"].eq(""), "needs a currency"),
        (rows["day"].isna() | rows["known_on"].isna(), "needs a day and the day it was published"),
        (rows["day"] > price_day, f"describes a day after the price of {on}: look-ahead"),
        (rows["known_on"] > price_day, f"was not public on {on}, the day of the price: look-ahead"),
        (rows["rate"] <= 0, "needs a rate above 0"),
    ):
        if bad.any():
            row = rows[bad].iloc[0]
            raise HelpersError(f"the item {row['item']} {rule}, got {_named(row)}")


def _named(row: Any) -> str:
    day, known = (f"{row[c]:%Y-%m-%d}" if pd.notna(row[c]) else "none" for c in ("day", "known_on"))
    return f"amount {row['amount']} {row['currency']}, day {day}, published {known} ({row['fact_id']})"


def _refuse_doubles(rows: pd.DataFrame) -> None:
    """One line for an item and currency, and no total beside its parts."""
    twice = rows[rows.duplicated(["item", "currency"], keep=False)]
    if len(twice):
        raise HelpersError(
            f"need one line of {twice['item'].iloc[0]} in {twice['currency'].iloc[0]}, got "
            f"{', '.join(twice['fact_id'].astype(str))}: prefer one, or add them"
        )
    for total, parts in TOTALS.items():
        both = sorted(set(rows["item"]) & set(parts)) if total in set(rows["item"]) else []
        if both:
            raise HelpersError(f"{total} holds {', '.join(both)} already: give the total or its parts")


def _rate(item: str, base: str, quote: str, day: pd.Timestamp, stated: float) -> float:
    """The stated rate, else that of the item's day."""
    if not np.isnan(stated):
        if base == quote and stated != 1:
            raise UnitError(f"the item {item} is in {quote} already, got a rate of {stated:g}")
        return stated
    if base not in CURRENCIES:
        raise UnknownNameError(f"currency of {item} (no stated rate)", base, list(CURRENCIES))
    return rate(base, quote, day.date())


def _result(
    equity: float, enterprise: float, table: pd.DataFrame, currency: str, on: date, max_net_debt: float
) -> BridgeResult:
    missing = _missing_lines(set(table["item"]))
    net_debt = enterprise - equity
    return BridgeResult(
        equity_value=equity,
        enterprise_value=enterprise,
        net_debt=net_debt,
        currency=currency,
        is_complete=not missing,
        table=table,
        text=_text(equity, enterprise, missing, currency),
        checks=(
            _complete(missing),
            _size(net_debt, equity, table, currency, max_net_debt),
            _age(table, on),
            _above_zero(equity, enterprise, currency),
        ),
        fact_ids=tuple(dict.fromkeys(one for joined in table["fact_id"] for one in str(joined).split())),
    )


def _missing_lines(names: set[str]) -> list[str]:
    """Cash and debt, where neither the total nor any part has a line."""
    sides = {"cash": ("cash", "cash_and_investments"), "debt": ("debt", *DEBT)}
    return [side for side, any_of in sides.items() if not names & set(any_of)]


def _text(equity: float, enterprise: float, missing: list[str], currency: str) -> str:
    net = enterprise - equity
    word = "net debt" if net >= 0 else "net cash"
    text = (
        f"Equity of {in_words(equity)} {currency} and {word} of {in_words(abs(net))} {currency} make an "
        f"enterprise value of {in_words(enterprise)} {currency}."
    )
    return text if not missing else f"{text} The bridge is incomplete: no line for {' and '.join(missing)}."


def _complete(missing: list[str]) -> Check:
    said = f"no line for {' and '.join(missing)}; a line of 0 says that there is none"
    return Check(
        name="complete",
        passed=not missing,
        value=float(len(missing)),
        threshold=0.0,
        text=said if missing else "there are lines for cash and for debt",
    )


def _size(net_debt: float, equity: float, table: pd.DataFrame, currency: str, limit: float) -> Check:
    """Net debt against the equity: the trap of a pile of Taiwan dollars added as US dollars."""
    times = abs(net_debt) / abs(equity) if equity else np.inf
    text = (
        f"net debt of {in_words(net_debt)} {currency} is {times:.2f} times the equity of {in_words(equity)} {currency}"
    )
    if times > limit and len(table):
        row = table.loc[table["converted"].abs().idxmax()]
        text += (
            f"; the largest line is {row['item']}, {in_words(row['amount'])} {row['currency']}: "
            "is it in the currency and scale that it says?"
        )
    return Check(name="net_debt_size", passed=times <= limit, value=times, threshold=limit, text=text)


def _age(table: pd.DataFrame, on: date) -> Check:
    age = (pd.Timestamp(on) - table["day"]).dt.days
    if table.empty:
        return Check(name="items_age", passed=None, text="no items")
    days = len(set(table["day"]))
    spread = "" if days == 1 else f", and the lines are of {days} days"
    return Check(
        name="items_age",
        passed=bool(age.max() <= MAX_AGE_DAYS),
        value=float(age.max()),
        threshold=float(MAX_AGE_DAYS),
        text=f"the oldest line is {age.max():.0f} days older than the price{spread}",
    )


def _above_zero(equity: float, enterprise: float, currency: str) -> Check:
    low = min(equity, enterprise)
    name = "equity value" if equity < enterprise else "enterprise value"
    return Check(
        name="above_zero",
        passed=low > 0,
        value=low,
        threshold=0.0,
        text=f"the {name} is {in_words(low)} {currency}" + ("" if low > 0 else ": no multiple of it means anything"),
    )
