"""Dated multiples: a price over the figure that was known on its day.

What this module cannot do: build the figure. Last twelve months come from `twelve_months`, enterprise
values from `bridge`; a quarter's sales are left out and counted, never multiplied by four.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, RateError
from helpers.units import average_rate, check_currency, in_words, rate
from helpers.valuation.dated import days_of, texts_of
from helpers.valuation.figures import ANNUAL_DAYS, FIGURE_COLUMNS, ids, span, with_days
from helpers.valuation.price_kind import check_price_kind, is_flow, is_for_shareholders, multiple_name, objection

FORWARD_DAYS = (-31, 100)
"""A window of next twelve months serves prices from a month before its first day to about a quarter after."""

_PRICE_COLUMNS = ("date", "value", "currency", "known_on", "fact_id")
_COLUMNS = (
    *("date", "metric", "price_kind", "name", "multiple", "low", "high", "reason", "price_quote", "denominator_quote"),
    *("price", "price_currency", "price_rate"),
    *("denominator", "denominator_currency", "denominator_rate"),
    *("period_start", "period_end", "known_on", "age_days"),
    *("price_known_on", "price_fact_id", "denominator_fact_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultiplesResult:
    """Dated multiples.

    Attributes
    ----------
    table : DataFrame
        One row per price and metric, by date and metric: date, metric, price_kind (of the price, empty where
        not said), name (ev_to_sales, price_to_earnings, ev_per_mau and the like), multiple, low and high
        (from the intervals of both sides, equal to the multiple where none were given), reason (empty
        where a multiple is stated), price_quote and denominator_quote (in `quote_currency`; a
        denominator without a currency in its own unit), price, price_currency, price_rate,
        denominator, denominator_currency, denominator_rate (NaN without a currency), period_start,
        period_end, known_on, age_days (price date less period_end), price_known_on, price_fact_id,
        denominator_fact_id (an LTM rests on several facts: their ids with a space between them).
    quote_currency : str
        Currency that both sides were converted to.
    text : str
        One sentence per price kind and metric on its last stated multiple.
    checks : tuple of Check
        ``coverage``, ``denominator_age``, ``left_out``; with a price kind also ``equity_based`` (multiples of
        what all financiers share in that were taken of the equity alone).
    fact_ids : tuple of str
        Ledger rows that a stated multiple rests on.
    """

    table: pd.DataFrame
    quote_currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def dated_multiples(
    prices: pd.DataFrame,
    denominators: pd.DataFrame,
    *,
    quote_currency: str,
    level_metrics: Collection[str] = (),
    forward_metrics: Collection[str] = (),
    max_age_days: int = 550,
) -> MultiplesResult:
    """Price over the latest figure that was known on its day, ``price / denominator``.

    Of each metric it takes the last period that had ended, and been published, by the day of the
    price; of several vintages of that period the last one published by then. A price converts at
    its day's rate, a year's flow at the average rate of its year, a balance at its day's rate, so
    the same pair read in another currency moves by the drift of the rate between the two dates.

    Parameters
    ----------
    prices : DataFrame
        date, value (above 0, whole currency units), currency, known_on, fact_id: market values or
        valuations, never a price per share. Optional low, high: what rounding or disagreement leaves;
        price_kind: market_cap, enterprise_value or valuation. Several kinds may stand together.
    denominators : DataFrame
        metric, period_start, period_end, value, currency (empty for users and the like), known_on,
        fact_id. Years and last twelve months (350 to 380 days) and points in time (start empty or equal
        to the end); rows of other lengths, and flows such as revenue without a first day, are left out and
        counted, because a quarter's sales are not a year's. Optional low, high as for prices.
    quote_currency : str
        A code in `units.CURRENCIES`.
    level_metrics : collection of str
        Metrics that are levels averaged over their period (monthly users of a quarter): taken
        whatever the length.
    forward_metrics : collection of str
        Metrics that are expected, such as next twelve months (`as_denominators`): taken once published
        though their period is not over, for prices from 31 days before to 100 days after its first day.
    max_age_days : int
        A denominator older than this states nothing about the day of the price and gives no multiple.

    Returns
    -------
    MultiplesResult
        A denominator that is not above 0, not known yet or without a rate gives NaN and a reason; so
        does an enterprise value over net profit or equity.

    Raises
    ------
    HelpersError
        If a column or a date is missing, a price is not above 0, or two rows of one metric share
        period end and publication day.
    UnknownNameError
        If a currency or a price kind is not in the list.

    Notes
    -----
    A denominator dated by its period's end instead of its publication is known up to four months
    too early: the usual look-ahead of daily multiples.
    """
    check_currency(quote_currency)
    priced = _in_quote(_checked_prices(prices), quote_currency)
    figures = _checked_denominators(denominators)
    usable = _usable(figures, level_metrics)
    known = _in_quote(usable, quote_currency)
    metrics = sorted(set(figures["metric"]))
    limits = _Limits(max_age_days=max_age_days, forward=frozenset(forward_metrics))
    table = _multiples(priced, known, metrics, limits) if metrics else pd.DataFrame()
    table = table.reindex(columns=list(_COLUMNS))
    table = table.sort_values(["date", "metric"], kind="stable", ignore_index=True)
    stated = table[table["multiple"].notna()]
    return MultiplesResult(
        table=table,
        quote_currency=quote_currency,
        text=_text(stated, quote_currency),
        checks=_checks(table, stated, figures.drop(usable.index), max_age_days),
        fact_ids=ids([*stated["price_fact_id"], *stated["denominator_fact_id"]]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """How old a figure may be, and which metrics look ahead."""

    max_age_days: int
    forward: frozenset[str]


def _checked_prices(prices: pd.DataFrame) -> pd.DataFrame:
    """Prices by date, each above 0, with the one-day period that its rate is taken for."""
    rows = with_days(prices, _PRICE_COLUMNS, ("date",), "prices", optional=("price_kind",))
    bad = rows[~(rows["value"] > 0)]
    if len(bad):
        raise HelpersError(f"a price must be above 0, got {bad['value'].iloc[0]:g} ({bad['fact_id'].iloc[0]})")
    if rows["currency"].isna().any():
        raise HelpersError(
            f"a price needs a currency, missing for {rows.loc[rows['currency'].isna(), 'fact_id'].iloc[0]}"
        )
    price_kind = pd.Series("", index=rows.index, dtype=object)
    if "price_kind" in rows:
        price_kind = texts_of(rows, "price_kind", what="price")
    rows = rows.assign(price_kind=price_kind.map(check_price_kind), period_start=rows["date"], period_end=rows["date"])
    return rows.sort_values("date", kind="stable")


def _checked_denominators(denominators: pd.DataFrame) -> pd.DataFrame:
    """Figures with a period and a publication day."""
    rows = with_days(denominators, FIGURE_COLUMNS, ("period_end", "known_on"), "denominators")
    start = days_of(rows, what="row of denominators", column="period_start", or_empty=True)
    return rows.assign(period_start=start.fillna(rows["period_end"]))  # a stock has a day only


def _usable(figures: pd.DataFrame, level_metrics: Collection[str]) -> pd.DataFrame:
    """Years, points in time and levels; one row for each metric, period end and publication day."""
    days = (figures["period_end"] - figures["period_start"]).dt.days + 1
    is_point = figures["period_start"] == figures["period_end"]
    is_stock = is_point & ~figures["metric"].map(is_flow)  # of a flow without its first day a quarter looks like a year
    usable = figures[is_stock | days.between(*ANNUAL_DAYS) | figures["metric"].isin(list(level_metrics))]
    twice = usable[usable.duplicated(["metric", "period_end", "known_on"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise HelpersError(
            f"need one {first['metric']} to {first['period_end'].date()} published on "
            f"{first['known_on'].date()}, got {', '.join(map(str, twice['fact_id'].head(4)))}: prefer one"
        )
    return usable


def _in_quote(rows: pd.DataFrame, quote_currency: str) -> pd.DataFrame:
    """Adds rate, quote (the value in `quote_currency`) and no_rate (why there is none)."""
    found = [
        _rate(currency, quote_currency, start.date(), end.date())
        for currency, start, end in zip(rows["currency"], rows["period_start"], rows["period_end"], strict=True)
    ]
    rates = np.array([units_of_quote for units_of_quote, _ in found], dtype=float)
    factor = np.where(rows["currency"].isna(), 1.0, rates)
    no_rate = pd.Series([why for _, why in found], index=rows.index, dtype=object)
    quoted = {"quote": "value", "quote_low": "low", "quote_high": "high"}
    return rows.assign(rate=rates, no_rate=no_rate, **{name: rows[c] * factor for name, c in quoted.items()})


def _rate(currency: Any, quote_currency: str, start: date, end: date) -> tuple[float, str]:
    """A point in time at its day's rate, a period at its average; NaN and the reason if there is none."""
    if pd.isna(currency):
        return np.nan, ""
    try:
        if start == end:
            return rate(currency, quote_currency, end), ""
        return average_rate(currency, quote_currency, start, end), ""
    except RateError as error:
        return np.nan, str(error)


def _multiples(priced: pd.DataFrame, known: pd.DataFrame, metrics: list[str], limits: _Limits) -> pd.DataFrame:
    """Every price beside the figure of each metric that was known on its day, and the quotient."""
    metric = np.repeat(np.array(metrics, dtype=object), len(priced))
    figure = known.reindex(_latest_known(priced["date"].to_numpy(), known, metrics, limits))  # blank: nothing was known
    figure = figure.reset_index(drop=True)
    # all metrics in one table: a table for each costs more than all the arithmetic
    priced = priced.iloc[np.tile(np.arange(len(priced)), len(metrics))].reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "date": priced["date"],
            "metric": pd.Series(metric, dtype="str"),
            "price_kind": priced["price_kind"],
            "name": [
                multiple_name(price_kind, name, is_money)
                for price_kind, name, is_money in zip(
                    priced["price_kind"], metric, figure["currency"].notna(), strict=True
                )
            ],
            "price_quote": priced["quote"],
            "denominator_quote": figure["quote"],
            "price": priced["value"],
            "price_currency": priced["currency"],
            "price_rate": priced["rate"],
            "denominator": figure["value"],
            "denominator_currency": figure["currency"],
            "denominator_rate": figure["rate"],
            "period_start": figure["period_start"],
            "period_end": figure["period_end"],
            "known_on": figure["known_on"],
            "age_days": (priced["date"] - figure["period_end"]).dt.days,
            "price_known_on": priced["known_on"],
            "price_fact_id": priced["fact_id"],
            "denominator_fact_id": figure["fact_id"],
        }
    )
    reason = _reason(metric, priced, figure, limits)
    pairs = {"multiple": ("quote", "quote"), "low": ("quote_low", "quote_high"), "high": ("quote_high", "quote_low")}
    stated = {name: (priced[over] / figure[under]).where(reason == "") for name, (over, under) in pairs.items()}
    return rows.assign(reason=reason, **stated)


def _latest_known(days: np.ndarray, known: pd.DataFrame, metrics: list[str], limits: _Limits) -> np.ndarray:
    """Label of the last period over and published by each day, in its last vintage, metric by metric; -1 if none."""
    figures = known.sort_values(["period_end", "known_on"])
    begun = figures["period_start"] + pd.Timedelta(days=FORWARD_DAYS[0])
    over = figures["period_end"].where(~figures["metric"].isin(list(limits.forward)), begun)
    usable = np.maximum(figures["known_on"].to_numpy(), over.to_numpy())
    chosen = {metric: np.full(len(days), -1) for metric in metrics}
    for metric, label, day in zip(figures["metric"], figures.index, usable, strict=True):
        # later periods, and later vintages of one period, come later and overwrite
        chosen[metric][days >= day] = label
    return np.concatenate(list(chosen.values()))


def _reason(metric: np.ndarray, priced: pd.DataFrame, figure: pd.DataFrame, limits: _Limits) -> np.ndarray:
    """Why there is no multiple; empty if there is one."""
    nothing_known = "no " + metric + " was known on " + priced["date"].dt.strftime("%Y-%m-%d").to_numpy(object)
    age = (priced["date"] - figure["period_end"]).dt.days
    begun = (priced["date"] - figure["period_start"]).dt.days
    objections = np.array([objection(*pair) for pair in zip(priced["price_kind"], metric, strict=True)], dtype=object)
    is_old = (age > limits.max_age_days).to_numpy()
    old = np.full(len(metric), "", dtype=object)
    old[is_old] = [  # said only where needed: most rows of a long table are not old
        f"the last {name} known on that day ended {end.date()}, {days:,.0f} days before (at most "
        f"{limits.max_age_days:,})"
        for name, end, days in zip(metric[is_old], figure["period_end"][is_old], age[is_old], strict=True)
    ]
    overdue = (begun > FORWARD_DAYS[1]) & np.isin(metric, list(limits.forward))
    late = "the last forecast of " + metric + " begins " + begun.map("{:.0f}".format).to_numpy(object) + " days before"
    cases = [
        (objections != "", objections),
        (figure["fact_id"].isna(), nothing_known),
        (priced["no_rate"] != "", priced["no_rate"]),
        (figure["no_rate"] != "", figure["no_rate"]),
        (figure["value"] < 0, "not meaningful: loss"),
        (~(figure["value"] > 0), "not meaningful: zero or missing"),
        (is_old, old),
        (overdue, late),
    ]
    return np.select([when for when, _ in cases], [why for _, why in cases], "")


def _text(stated: pd.DataFrame, quote_currency: str) -> str:
    sentences = []
    last = stated.groupby(["price_kind", "metric"]).tail(1).sort_values(["metric", "price_kind"])
    for row in last.itertuples(index=False):
        times = in_words(row.multiple)
        is_money = not pd.isna(row.denominator_currency)
        said = f"{times} times {row.metric}" if is_money else f"{times} {quote_currency} for each {row.metric}"
        if row.low > 0 and row.high / row.low > 1.5:
            said += f" ({in_words(row.low)} to {in_words(row.high)}, as the inputs are disputed or rough)"
        span = "of" if row.period_start == row.period_end else "of the period to"
        price = row.price_kind.replace("_", " ") or "price"
        sentences.append(
            f"On {row.date.date()} the {price} was {said} {span} {row.period_end.date()}, "
            f"public since {row.known_on.date()}."
        )
    return " ".join(sentences) or "No multiple could be stated."


def _checks(table: pd.DataFrame, stated: pd.DataFrame, left_out: pd.DataFrame, max_age_days: int) -> tuple[Check, ...]:
    aged = table["age_days"].dropna()
    oldest, stale = float(aged.max()) if len(aged) else None, int((aged > max_age_days).sum())
    always = (
        Check(
            name="coverage",
            passed=None,
            value=len(stated) / len(table) if len(table) else 0.0,
            text=f"{len(stated)} of {len(table)} pairs of price and metric have a multiple",
        ),
        Check(
            name="denominator_age",
            passed=None if oldest is None else stale == 0,
            value=oldest,
            threshold=float(max_age_days),
            text="no denominator"
            if oldest is None
            else f"the oldest known denominator ended {oldest:.0f} days before; {stale} too old to be used",
        ),
        Check(
            name="left_out",
            passed=None,
            value=float(len(left_out)),
            text=f"{len(left_out)} denominators left out: neither a year, a point in time nor a named level"
            + _left_out(left_out),
        ),
    )
    return (*always, _equity_based(stated)) if stated["price_kind"].ne("").any() else always


def _equity_based(stated: pd.DataFrame) -> Check:
    """Multiples of the equity alone over what lenders share in too, where cash and debt matter."""
    equity = stated["price_kind"].isin(["market_cap", "valuation"]) & ~stated["metric"].map(is_for_shareholders)
    names = sorted(set(stated.loc[equity, "name"]))
    said = f"cash and debt are not taken out of {', '.join(names)}: read beside the enterprise value"
    return Check(
        name="equity_based",
        passed=None,
        value=float(equity.sum()),
        text=said if names else "no multiple of equity over what lenders share in",
    )


def _left_out(figures: pd.DataFrame) -> str:
    """The last of them, and what it would do to a multiple if it passed for a year."""
    if figures.empty:
        return ""
    row = figures.sort_values("period_end").iloc[-1]
    days = (row["period_end"] - row["period_start"]).days + 1
    if days == 1:
        return (
            f"; {row['metric']} to {row['period_end'].date()} ({row['fact_id']}) has no first day: a quarter or a year?"
        )
    effect = f"{365 / days:.1f} times too large" if days < 365 else f"{days / 365:.1f} times too small"
    return f"; {row['metric']} of {span(row)} ({row['fact_id']}) as a year would make the multiple about {effect}"
