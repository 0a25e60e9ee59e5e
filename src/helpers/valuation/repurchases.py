"""Grant prices beside repurchase prices: what a holder has on paper, what waiting is worth, what the company pays.

Five series move at different speeds and each makes a different sentence: the grant price, the price less the strike
(intrinsic value), the value of the option (Black-Scholes-Merton), the repurchase price, and the repurchase price less
the strike, which is what a holder who sells back receives. What the module cannot do: say which leavers were offered
the price, or on which terms; correct for a share split; take a discount for a share that cannot be sold (dlom).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.units import check_currency
from helpers.valuation import black_scholes
from helpers.valuation.dated import days_of, is_told_closer, need_columns, numbers_of, windows_of
from helpers.valuation.grant_terms import OptionAssumptions
from helpers.valuation.grants import option_ladder

_OFFER_COLUMNS = ("date", "price", "fact_id")
_STEP_COLUMNS = ("period_start", "period_end", "value", "fact_id")
_SERIES = {
    "grant_price": "price",
    "intrinsic_value": "intrinsic_value",
    "option_value": "option_value",
    "repurchase_price": "repurchase_price",
    "sell_back_value": "sell_back_value",
}
_NO_OFFER = "no repurchase price is nearest to this grant"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepurchaseLadderResult:
    """Grants with the repurchase price that belongs to each.

    Attributes
    ----------
    table : DataFrame
        One row per grant and offer, by date: date, price, strike, intrinsic_value (price less strike), option_value
        (Black-Scholes-Merton), time_value (the second less the first), repurchase_date, repurchase_gap_days
        (repurchase date less grant date), repurchase_price, repurchase_share (of the grant price), sell_back_value
        (repurchase price less strike), sell_back_share (of the intrinsic value), sell_back_option_share (of the
        option value), reason (why there is no repurchase or no share), fact_id, repurchase_fact_id. NaN
        without an offer.
    growth : DataFrame
        One row per series (grant_price, intrinsic_value, option_value, repurchase_price, sell_back_value): series,
        first_date, last_date, first, last, growth (0.85 is +85 %), multiple, reason.
    grant_price_growth, intrinsic_growth, option_value_growth, repurchase_growth : float
        The same from the first to the last; NaN with a reason in `growth`.
    currency : str
    text : str
    checks : tuple of Check
        ``in_the_money``, ``repurchase_below_grant``, ``offers_dated``, ``volatility_source``, ``dlom``.
    fact_ids : tuple of str
        Ledger rows of grants and offers.
    """

    table: pd.DataFrame
    growth: pd.DataFrame
    grant_price_growth: float
    intrinsic_growth: float
    option_value_growth: float
    repurchase_growth: float
    currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def repurchase_ladder(
    grants: pd.DataFrame,
    repurchases: pd.DataFrame,
    *,
    assumptions: OptionAssumptions,
    term: float,
    currency: str,
) -> RepurchaseLadderResult:
    """Grant price, intrinsic value, option value and repurchase price by date, and the growth of each.

    Parameters
    ----------
    grants : DataFrame
        As for `option_ladder`, strikes above 0: date, price, strike, fact_id.
    repurchases : DataFrame
        date, price (money per share, above 0), fact_id; one row per date, possibly none. Each belongs to the grant
        nearest in time, before or after (of two as near the earlier).
    assumptions : OptionAssumptions
        One for all dates, so that what moves the values is the price.
    term : float
        Expected years of an option, above 0.
    currency : str
        Of all prices; a code in `units.CURRENCIES`.

    Returns
    -------
    RepurchaseLadderResult

    Raises
    ------
    HelpersError
        As for `option_ladder`; a repurchase without date or price, or two on one day.
    ParameterError
        A strike of 0, a term out of range.
    UnknownNameError
        An unknown currency.
    """
    check_currency(currency)
    ladder = option_ladder(grants, currency=currency)
    rows = ladder.table[["date", "price", "strike", "intrinsic_value", "fact_id"]]
    value = black_scholes.price(rows["price"].to_numpy(), rows["strike"].to_numpy(), term, **assumptions.pricing)
    rows = rows.assign(option_value=value, time_value=value - rows["intrinsic_value"])
    table = _with_offers(rows, _checked(repurchases))
    growth = pd.DataFrame([_growth(table, name, column) for name, column in _SERIES.items()])
    found = growth.set_index("series")["growth"]
    return RepurchaseLadderResult(
        table=table,
        growth=growth,
        grant_price_growth=float(found["grant_price"]),
        intrinsic_growth=float(found["intrinsic_value"]),
        option_value_growth=float(found["option_value"]),
        repurchase_growth=float(found["repurchase_price"]),
        currency=currency,
        text=_text(table, growth, currency),
        checks=(*ladder.checks, *_checks(table), *assumptions.checks()),
        fact_ids=tuple(dict.fromkeys([*ladder.fact_ids, *table["repurchase_fact_id"].dropna()])),
    )


def _checked(repurchases: pd.DataFrame) -> pd.DataFrame:
    """Offers by date, after the checks that the docstring of `repurchase_ladder` names."""
    missing = [column for column in _OFFER_COLUMNS if column not in repurchases]
    if missing:
        raise HelpersError(f"repurchases need the columns {', '.join(_OFFER_COLUMNS)}; missing: {missing}")
    rows = repurchases[list(_OFFER_COLUMNS)].assign(
        date=days_of(repurchases, what="repurchase", or_empty=True),
        price=numbers_of(repurchases, "price", what="repurchase"),
    )
    for bad, rule in (
        (rows["date"].isna(), "needs a date"),
        (rows["date"].duplicated(), "needs a date of its own"),
        (~((rows["price"] > 0) & (rows["price"] < np.inf)), "needs a price above 0"),
    ):
        if bad.any():
            got = rows[bad].iloc[0]
            raise HelpersError(f"a repurchase {rule}, got date {got['date']}, price {got['price']} ({got['fact_id']})")
    return rows.sort_values("date", ignore_index=True)


def _with_offers(rows: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """Grants left-joined with the offers that are nearest to each."""
    names = {"date": "repurchase_date", "price": "repurchase_price", "fact_id": "repurchase_fact_id"}
    days, asked = rows["date"].to_numpy(), offers["date"].to_numpy()
    nearest = np.abs(asked[:, None] - days[None, :]).argmin(1) if len(asked) else np.array([], int)
    paired = offers.rename(columns=names).assign(date=days[nearest])
    table = rows.merge(paired, on="date", how="left").sort_values(["date", "repurchase_date"], ignore_index=True)
    offer, paper = table["repurchase_price"], table["intrinsic_value"]
    has_offer, is_worth = offer.notna(), paper > 0
    gain = offer - table["strike"]
    table = table.assign(
        repurchase_gap_days=(table["repurchase_date"] - table["date"]).dt.days,
        repurchase_share=offer / table["price"],
        sell_back_value=gain,
        sell_back_share=gain / paper.where(is_worth),
        sell_back_option_share=gain / table["option_value"].where(table["option_value"] > 0),
        reason=np.select([~has_offer, ~is_worth], [_NO_OFFER, "no share of the gain: not in the money"], ""),
    )
    shown = ["date", "price", "strike", "intrinsic_value", "option_value", "time_value", "repurchase_date",
             "repurchase_gap_days", "repurchase_price", "repurchase_share", "sell_back_value", "sell_back_share",
             "sell_back_option_share", "reason", "fact_id", "repurchase_fact_id"]  # fmt: skip
    return table[shown]


def _growth(table: pd.DataFrame, series: str, column: str) -> dict:
    """From the first to the last date that has a value."""
    on = "repurchase_date" if column in ("repurchase_price", "sell_back_value") else "date"
    known = table.dropna(subset=[column]).drop_duplicates(on)
    row = {"series": series, "first_date": pd.NaT, "last_date": pd.NaT, "first": np.nan, "last": np.nan}
    if len(known):
        first, last = known.iloc[0], known.iloc[-1]
        row |= {"first_date": first[on], "last_date": last[on], "first": first[column], "last": last[column]}
    reason = "fewer than two dates" if len(known) < 2 else "not meaningful: from or to 0 or less"
    if len(known) > 1 and min(row["first"], row["last"]) > 0:
        multiple = row["last"] / row["first"]
        return row | {"growth": multiple - 1, "multiple": multiple, "reason": ""}
    return row | {"growth": np.nan, "multiple": np.nan, "reason": reason}


def _text(table: pd.DataFrame, growth: pd.DataFrame, currency: str) -> str:
    by = growth.set_index("series")
    words = {
        "grant_price": "grant price",
        "intrinsic_value": "gain on paper after the strike",
        "option_value": "value of the option",
        "repurchase_price": "repurchase price",
        "sell_back_value": "what selling back pays after the strike",
    }
    moved = [
        f"{words[name]} {row['growth']:+.0%} ({row['first']:.2f} to {row['last']:.2f} {currency})"
        for name, row in by.iterrows()
        if np.isfinite(row["growth"])
    ]
    text = "; ".join(moved)
    text = text[:1].upper() + text[1:] + "." if moved else "No series has two values to compare."
    offered = table.dropna(subset=["sell_back_share"])
    if len(offered):
        last = offered.iloc[-1]
        text += (
            f" On {last['repurchase_date'].date()} the company paid {last['repurchase_price']:.2f} {currency} where "
            f"the grant price was {last['price']:.2f} ({last['repurchase_share']:.0%}): selling back gives "
            f"{last['sell_back_value']:.2f} of {last['intrinsic_value']:.2f} on paper ({last['sell_back_share']:.0%})."
        )
    return text.replace("%", " %")


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    offers = table.dropna(subset=["repurchase_price"])
    share, gap = offers["repurchase_share"], offers["repurchase_gap_days"].abs()
    return (
        Check(
            name="repurchase_below_grant",
            passed=bool((share <= 1).all()) if len(offers) else None,
            value=float(share.max()) if len(offers) else None,
            threshold=1.0,
            text="no repurchase price"
            if offers.empty
            else f"repurchase prices are {share.min():.0%} to {share.max():.0%} of the grant price".replace("%", " %"),
        ),
        Check(
            name="offers_dated",
            passed=None,
            value=float(gap.max()) if len(offers) else None,
            text="no repurchase price"
            if offers.empty
            else f"a repurchase price lies up to {gap.max():.0f} days from the grant it is held against",
        ),
    )


def dated_steps(facts: pd.DataFrame) -> pd.DataFrame:
    """Prices as reported, each at its best known date, one row for each step of the price.

    A price that is dated by a wide window ("10 at some time this year") is dropped where the same price is dated more
    closely within that window; of several dates in a row that report one price the first is kept.

    Parameters
    ----------
    facts : DataFrame
        period_start (empty for a day), period_end, value, fact_id, in one currency.

    Returns
    -------
    DataFrame
        date (period_end), price, fact_id, by date.

    Raises
    ------
    HelpersError
        A column is missing, or two prices remain on one day.
    """
    need_columns(facts, _STEP_COLUMNS, what="prices")
    rows = facts[["value", "fact_id"]].assign(date=windows_of(facts)[1])[~is_told_closer(facts)]
    rows = rows.sort_values(["date", "fact_id"], kind="stable")
    rows = rows[rows["value"].ne(rows["value"].shift())]
    if rows["date"].duplicated().any():
        twin = rows[rows["date"].duplicated(keep=False)]
        raise HelpersError(
            f"two prices on {twin['date'].iloc[0].date()}: {', '.join(twin['fact_id'])}; keep the one to be believed"
        )
    return rows.rename(columns={"value": "price"})[["date", "price", "fact_id"]].reset_index(drop=True)
