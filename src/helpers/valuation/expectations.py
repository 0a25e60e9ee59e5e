"""What each observed price takes for granted, in one table and as curves of equal value.

What this module cannot do: say which of the stories will come true; each holds all other drivers where they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from helpers.checks import Check
from helpers.errors import NotEstimableError, UnitError
from helpers.units import in_words
from helpers.valuation.dcf import Drivers, dcf
from helpers.valuation.field import FieldResult
from helpers.valuation.reverse import PricedInResult, iso_value, priced_in


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectationsResult:
    """The stories that observed prices need.

    Attributes
    ----------
    table : DataFrame
        One row per price and driver that reaches it, by price: method, date, price, unknown, base (the driver as it
        is; of the exit multiple, where a perpetuity ends the model, the one that is worth as much), needed, sentence,
        reason, settles.
    curves : DataFrame
        Growth (x) and margin at maturity (y) that together are worth each price: label, x, y (NaN out of reach).
    priced : tuple of PricedInResult
        By price, the lowest first.
    currency : str
    text : str
        One sentence for each price.
    checks : tuple of Check
        ``reached`` for each price.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    priced: tuple[PricedInResult, ...]
    currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def expectations(drivers: Drivers, field: FieldResult) -> ExpectationsResult:
    """Solve the cash flow model for every price that counts in a football field.

    Parameters
    ----------
    drivers : Drivers
    field : FieldResult
        Its rows that are current, observed and have a point. Prices are taken for the whole company; without
        cash and debt in the drivers they stand for its operating value too.

    Raises
    ------
    UnitError
        Drivers and field are in two currencies.
    NotEstimableError
        No observed price is current.
    """
    if drivers.currency != field.currency:
        raise UnitError(f"drivers in {drivers.currency} cannot meet prices in {field.currency}: convert first")
    rows = field.table[field.table["is_current"] & field.table["is_observed"] & field.table["point"].notna()]
    if rows.empty:
        raise NotEstimableError("what is priced in", "no observed price is current", "a dated price, round or mark")
    rows = rows.sort_values("point").drop_duplicates("point", keep="last")
    priced = [priced_in(drivers, price=r.point, kind="equity", fact_ids=r.fact_ids) for r in rows.itertuples()]
    tables = [
        found.table.assign(method=r.method, date=r.date, price=r.point)
        for r, found in zip(rows.itertuples(), priced, strict=True)
    ]
    table = pd.concat(tables, ignore_index=True)
    if drivers.exit_multiple is None:
        table["base"] = table["base"].mask(table["unknown"].eq("exit_multiple"), _own_exit(drivers))
    columns = ["method", "date", "price", "unknown", "base", "needed", "sentence", "reason", "settles"]
    curves = [
        iso_value(drivers, price=r.point, kind="equity").table.assign(label=f"{r.method} {in_words(r.point)}")
        for r in rows.itertuples()
    ]
    renamed = pd.concat(curves).rename(columns={"growth": "x", "target_margin": "y"})
    return ExpectationsResult(
        table=table[columns],
        curves=renamed[["label", "x", "y"]].reset_index(drop=True),
        priced=tuple(priced),
        currency=drivers.currency,
        text=" ".join(f"{r.method.capitalize()}: {p.text}" for r, p in zip(rows.itertuples(), priced, strict=True)),
        checks=tuple(check for found in priced for check in found.checks),
        fact_ids=tuple(dict.fromkeys(i for found in priced for i in found.fact_ids)),
    )


def _own_exit(drivers: Drivers) -> float:
    """The exit multiple at which the model has the value that its perpetuity gives; NaN where there is none.

    Not the terminal value over sales: flows in the middle of a year come half a year before a sale at its end.
    """
    once = dcf(replace(drivers, exit_multiple=1.0)).pv_terminal
    return dcf(drivers).pv_terminal / once if once > 0 else float("nan")
