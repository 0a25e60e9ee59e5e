"""Employee option grants as a series of prices.

The price of a grant is the company's own figure for its ordinary shares, and nothing here corrects for a share split.
`option_ladder` leaves the value of waiting (time value) out: `intrinsic_value` is what exercising at once would yield.
`repurchase_ladder` (module `repurchases`) adds it, beside what the company pays for shares it takes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.units import check_currency
from helpers.valuation.dated import days_of, numbers_of

_COLUMNS = ("date", "price", "strike", "fact_id")
_UNDER_WATER = "not meaningful: this grant or the one before was not in the money"
_TIMES = {"2.00": "doubled (2.00x)", "3.00": "tripled (3.00x)", "1.00": "stayed the same (1.00x)"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LadderResult:
    """A series of option grants.

    Attributes
    ----------
    table : DataFrame
        By date: date, price, strike, intrinsic_value (price less strike, per option), price_growth
        (0.85 is +85 % on the grant before), intrinsic_multiple (times the grant before; NaN with a
        reason if either was not above 0), days_since_previous, reason, fact_id.
    price_growth, intrinsic_multiple : float
        From the first grant to the last; the multiple is NaN if either had no intrinsic value.
    text : str
        The same in words.
    checks : tuple of Check
        ``in_the_money``: every price lies above its strike.
    fact_ids : tuple of str
        Ledger rows of the grants.
    """

    table: pd.DataFrame
    price_growth: float
    intrinsic_multiple: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def option_ladder(grants: pd.DataFrame, *, currency: str) -> LadderResult:
    """Growth of the grant price, and of what a holder has after paying the strike.

    ``intrinsic_value = price - strike``; with a strike above 0 it grows faster than the price, so
    the two must not be mixed in one sentence.

    Parameters
    ----------
    grants : DataFrame
        Two rows or more, one per date: date, price (above 0) and strike (0 or more), both in money
        per ordinary share, fact_id.
    currency : str
        A code in `units.CURRENCIES`, of both columns.

    Returns
    -------
    LadderResult

    Raises
    ------
    HelpersError
        If a column is missing, there are fewer than two grants, a date is missing or stands twice,
        or a price or strike is out of range.
    UnknownNameError
        If the currency is not in the list.
    """
    check_currency(currency)
    rows = _checked(grants)
    value = rows["price"] - rows["strike"]
    before = value.shift()
    under_water = (before <= 0) | ((value <= 0) & before.notna())
    table = rows.assign(
        intrinsic_value=value,
        price_growth=rows["price"].pct_change(),
        intrinsic_multiple=(value / before).mask(under_water),
        days_since_previous=rows["date"].diff().dt.days,
        reason=np.where(under_water, _UNDER_WATER, ""),
    )
    growth = table["price"].iloc[-1] / table["price"].iloc[0] - 1
    multiple = value.iloc[-1] / value.iloc[0] if value.iloc[[0, -1]].min() > 0 else np.nan
    return LadderResult(
        table=table,
        price_growth=float(growth),
        intrinsic_multiple=float(multiple),
        text=_text(table, float(growth), float(multiple), currency),
        checks=(_in_the_money(table),),
        fact_ids=tuple(table["fact_id"]),
    )


def _checked(grants: pd.DataFrame) -> pd.DataFrame:
    """Grants by date, after the checks that the docstring of `option_ladder` names."""
    missing = [column for column in _COLUMNS if column not in grants]
    if missing:
        raise HelpersError(f"grants need the columns {', '.join(_COLUMNS)}; missing: {missing}")
    rows = grants[list(_COLUMNS)].assign(date=days_of(grants, what="grant", or_empty=True))
    for column in ("price", "strike"):
        rows[column] = numbers_of(grants, column, what="grant", is_finite=True)
    if len(rows) < 2:
        raise HelpersError(f"need 2+ grants for a ladder, got {len(rows)}")
    for bad, rule in (
        (rows["date"].isna(), "needs a date"),
        (rows["date"].duplicated(), "needs a date of its own"),
        (~(rows["price"] > 0), "needs a price above 0"),
        (~(rows["strike"] >= 0), "needs a strike of 0 or more"),
    ):
        if bad.any():
            got = rows[bad].iloc[0]
            raise HelpersError(
                f"a grant {rule}, got date {got['date']}, price {got['price']}, strike {got['strike']} "
                f"({got['fact_id']})"
            )
    return rows.sort_values("date", ignore_index=True)


def _text(table: pd.DataFrame, growth: float, multiple: float, currency: str) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    verb = "rose" if growth > 0 else "fell" if growth < 0 else "moved"
    strikes = [f"{strike:.2f}" for strike in dict.fromkeys([first["strike"], last["strike"]])]
    after = f"the {' and then the '.join(strikes)} strike"
    if np.isnan(multiple):
        holder = f"the value to a holder after {after} has no multiple: a grant was not in the money"
    else:
        times = f"{multiple:.2f}"
        change = _TIMES.get(times, f"went to {times} times what it was")
        holder = f"the value to a holder after {after} {change}"
    return (
        f"the grant price {verb} {abs(growth):.0%}".replace("%", " %")
        + f" from {first['price']:.2f} to {last['price']:.2f} {currency} "
        + f"({first['date'].date()} to {last['date'].date()}); {holder}"
    )


def _in_the_money(table: pd.DataFrame) -> Check:
    below = table.loc[table["intrinsic_value"] <= 0, "fact_id"]
    return Check(
        name="in_the_money",
        passed=below.empty,
        value=float(table["intrinsic_value"].min()),
        threshold=0.0,
        text=f"not above the strike: {', '.join(below)}" if len(below) else "every price is above its strike",
    )


def pair_grants(grants: pd.DataFrame, strikes: pd.DataFrame) -> pd.DataFrame:
    """Grants with the exercise price nearest in time, one row for each step of the price.

    Parameters
    ----------
    grants, strikes : DataFrame
        period_end, value, fact_id: preferred series of the grant price and of the exercise price, in
        one currency.

    Returns
    -------
    DataFrame
        date, price, strike, fact_id, strike_fact_id, as `option_ladder` takes it; empty where either is
        missing. Of several dates that report one price the first is kept.
    """
    columns = ["date", "price", "strike", "fact_id", "strike_fact_id"]
    if grants.empty or strikes.empty:
        return pd.DataFrame(columns=columns)
    steps = grants.sort_values("period_end")
    steps = steps[steps["value"].ne(steps["value"].shift())]
    names = {"value": "strike", "fact_id": "strike_fact_id"}
    paired = pd.merge_asof(
        steps, strikes.sort_values("period_end")[["period_end", "value", "fact_id"]].rename(columns=names),
        on="period_end", direction="nearest",
    )  # fmt: skip
    paired = paired.rename(columns={"period_end": "date", "value": "price"}).dropna(subset="strike")
    return paired[columns]
