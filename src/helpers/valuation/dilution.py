"""Dilution by the treasury-stock method (ASC 260, IAS 33).

Holders exercise what is in the money, and the company buys back shares at the price with what they pay, so
only the difference is new. What this module cannot do: value the time that an option has left; far
from its strike the method takes an option for a share or for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import ParameterError
from helpers.valuation.shares import PerShare, ShareCount, check_positive, fact_ids_of, same_kind, say


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DilutionResult:
    """Shares that options add, net of what their strikes buy back.

    Attributes
    ----------
    added : float
        Net new shares, 0 or more.
    diluted : ShareCount or None
        `basic` with them; None where no count was given.
    table : DataFrame
        One row per tranche: options, strike, in_the_money, proceeds, bought_back, added.
    text : str
        One sentence.
    checks : tuple of Check
        ``in_the_money``: share of the options that count; ``zero_strike``: options without a strike.
    fact_ids : tuple of str
    """

    added: float
    diluted: ShareCount | None
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def treasury_stock_dilution(
    options: float | np.ndarray,
    strike: float | np.ndarray,
    price: PerShare,
    *,
    basic: ShareCount | None = None,
    fact_ids: Sequence[str] = (),
) -> DilutionResult:
    """Net shares that options add, ``options x (1 - strike / price)`` where the price is above the strike.

    Parameters
    ----------
    options : float or array of shape (tranches,)
        Options outstanding, each on one share of the kind of `price`, 0 or more.
    strike : float or array of shape (tranches,)
        In the currency of `price`, 0 or more; 0 are restricted units, which count in full.
    price : PerShare
        Above 0.
    basic : ShareCount, optional
        To add them to, of the same kind of share.
    fact_ids : sequence of str
        Ledger rows of the options.

    Raises
    ------
    ParameterError
        A number is out of range, or the arrays differ in length.
    UnitError
        `price` and `basic` are of two kinds of share.
    """
    check_positive("price", price.amount)
    if basic is not None:
        same_kind(price, basic)
        if basic.kind != "basic":
            raise ParameterError("the count is diluted already: options would be counted twice")
    held, strikes = (np.atleast_1d(np.asarray(given, float)) for given in (options, strike))
    for name, numbers in (("options", held), ("strike", strikes)):
        if not (numbers >= 0).all():
            raise ParameterError(f"{name} must be 0 or more, got {numbers[~(numbers >= 0)][0]:g}")
    if held.shape != strikes.shape:
        raise ParameterError(f"need one strike for each tranche of options, got {strikes.size} for {held.size}")
    table = _tranches(held, strikes, price.amount)
    added = float(table["added"].sum())
    return DilutionResult(
        added=added,
        diluted=None if basic is None else replace(basic, count=basic.count + added, kind="diluted"),
        table=table,
        text=_dilution_text(table, added, basic),
        checks=_dilution_checks(table),
        fact_ids=tuple(dict.fromkeys((*fact_ids, *fact_ids_of(price, *([basic] if basic else []))))),
    )


def _tranches(held: np.ndarray, strikes: np.ndarray, price: float) -> pd.DataFrame:
    inside = strikes < price
    proceeds = np.where(inside, held * strikes, 0.0)
    bought = proceeds / price
    columns = {"options": held, "strike": strikes, "in_the_money": inside, "proceeds": proceeds, "bought_back": bought}
    return pd.DataFrame(columns | {"added": np.where(inside, held - bought, 0.0)})


def _dilution_text(table: pd.DataFrame, added: float, basic: ShareCount | None) -> str:
    share = f", {100 * added / basic.count:.2f} % of {say(basic)}" if basic else ""
    return f"{table['options'].sum():,.0f} options add {added:,.0f} shares net of what their strikes buy back{share}."


def _dilution_checks(table: pd.DataFrame) -> tuple[Check, ...]:
    total = float(table["options"].sum())
    inside = float(table.loc[table["in_the_money"], "options"].sum())
    free = float(table.loc[table["strike"] == 0, "options"].sum())
    return (
        Check(
            name="in_the_money",
            passed=None,
            value=inside / total if total else 0.0,
            text=f"{inside:,.0f} of {total:,.0f} options are in the money",
        ),
        Check(
            name="zero_strike",
            passed=None,
            value=free,
            text=f"{free:,.0f} options have a strike of 0 and count in full, as restricted units do",
        ),
    )
