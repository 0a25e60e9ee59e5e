"""Dated multiples: a price over the figure that was known on its day."""

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

ANNUAL_DAYS = (350, 380)
"""Length of a period that counts as a year: a quarter's sales make a multiple four times too large."""

_PRICE_COLUMNS = ("date", "value", "currency", "known_on", "fact_id")
_FIGURE_COLUMNS = ("metric", "period_start", "period_end", "value", "currency", "known_on", "fact_id")
_COLUMNS = (
    *("date", "metric", "multiple", "low", "high", "reason", "price_quote", "denominator_quote"),
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
        One row per price and metric, by date and metric: date, metric, multiple, low and high (from the
        intervals of both sides, equal to the multiple where none were given), reason (empty
        where a multiple is stated), price_quote and denominator_quote (in `quote_currency`; a
        denominator without a currency in its own unit), price, price_currency, price_rate,
        denominator, denominator_currency, denominator_rate (NaN without a currency), period_start,
        period_end, known_on, age_days (price date less period_end), price_known_on, price_fact_id,
        denominator_fact_id.
    quote_currency : str
        Currency that both sides were converted to.
    text : str
        One sentence per metric on its last stated multiple.
    checks : tuple of Check
        ``coverage``, ``denominator_age``, ``left_out``.
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
        valuations, never a price per share. Optional low, high: what rounding or disagreement leaves.
    denominators : DataFrame
        metric, period_start, period_end, value, currency (empty for users and the like), known_on,
        fact_id. Years (350 to 380 days) and points in time (start empty or equal to the end); rows of
        other lengths are left out and counted, because a quarter's sales are not a year's. Optional
        low, high as for prices.
    quote_currency : str
        A code in `units.CURRENCIES`.
    level_metrics : collection of str
        Metrics that are levels averaged over their period (monthly users of a quarter): taken
        whatever the length.
    max_age_days : int
        A denominator older than this states nothing about the day of the price and gives no multiple.

    Returns
    -------
    MultiplesResult
        A denominator that is not above 0, not known yet or without a rate gives NaN and a reason.

    Raises
    ------
    HelpersError
        If a column or a date is missing, a price is not above 0, or two rows of one metric share
        period end and publication day.
    UnknownNameError
        If a currency is not in the list.

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
    tables = [_multiples(priced, metric, known, max_age_days) for metric in metrics]
    table = pd.concat(tables or [pd.DataFrame()])
    table = table.reindex(columns=list(_COLUMNS)).sort_values(["date", "metric"], kind="stable", ignore_index=True)
    stated = table[table["multiple"].notna()]
    return MultiplesResult(
        table=table,
        quote_currency=quote_currency,
        text=_text(stated, quote_currency),
        checks=_checks(table, stated, len(figures) - len(usable), max_age_days),
        fact_ids=tuple(dict.fromkeys([*stated["price_fact_id"], *stated["denominator_fact_id"]])),
    )


def _checked_prices(prices: pd.DataFrame) -> pd.DataFrame:
    """Prices by date, each above 0, with the one-day period that its rate is taken for."""
    rows = _with_days(prices, _PRICE_COLUMNS, ("date",), "prices")
    bad = rows[~(rows["value"] > 0)]
    if len(bad):
        raise HelpersError(f"a price must be above 0, got {bad['value'].iloc[0]} ({bad['fact_id'].iloc[0]})")
    if rows["currency"].isna().any():
        raise HelpersError(
            f"a price needs a currency, missing for {rows.loc[rows['currency'].isna(), 'fact_id'].iloc[0]}"
        )
    return rows.assign(period_start=rows["date"], period_end=rows["date"]).sort_values("date", kind="stable")


def _checked_denominators(denominators: pd.DataFrame) -> pd.DataFrame:
    """Figures with a period and a publication day."""
    rows = _with_days(denominators, _FIGURE_COLUMNS, ("period_end", "known_on"), "denominators")
    start = pd.to_datetime(rows["period_start"]).astype("datetime64[s]")
    return rows.assign(period_start=start.fillna(rows["period_end"]))  # a stock has a day only


def _with_days(table: pd.DataFrame, columns: tuple[str, ...], days: tuple[str, ...], what: str) -> pd.DataFrame:
    """A copy with the columns checked, the named days as timestamps, and NaN as no currency."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise HelpersError(f"{what} need the columns {', '.join(columns)}; missing: {missing}")
    rows = table[list(columns)].reset_index(drop=True)
    for end in ("low", "high"):
        given = table[end].reset_index(drop=True) if end in table else rows["value"]
        rows[end] = given.replace([np.inf, -np.inf], np.nan).fillna(rows["value"])  # an open end is not a size
    for column in dict.fromkeys((*days, "known_on")):
        rows[column] = pd.to_datetime(rows[column]).astype("datetime64[s]")
    for column in days:
        undated = rows.loc[rows[column].isna(), "fact_id"]
        if len(undated):
            raise HelpersError(f"every row of {what} needs {column}, missing for {', '.join(undated[:4])}")
    currency = rows["currency"].astype(object)
    return rows.assign(currency=currency.where(currency.notna() & (currency != "")))


def _usable(figures: pd.DataFrame, level_metrics: Collection[str]) -> pd.DataFrame:
    """Years, points in time and levels; one row for each metric, period end and publication day."""
    days = (figures["period_end"] - figures["period_start"]).dt.days + 1
    is_point = figures["period_start"] == figures["period_end"]
    usable = figures[is_point | days.between(*ANNUAL_DAYS) | figures["metric"].isin(list(level_metrics))]
    twice = usable[usable.duplicated(["metric", "period_end", "known_on"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise HelpersError(
            f"need one {first['metric']} to {first['period_end'].date()} published on "
            f"{first['known_on'].date()}, got {', '.join(twice['fact_id'].head(4))}: prefer one"
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


def _multiples(priced: pd.DataFrame, metric: str, known: pd.DataFrame, max_age_days: int) -> pd.DataFrame:
    """The rows of one metric: every price beside the figure that was known on its day, and the quotient."""
    chosen = _latest_known(priced["date"].to_numpy(), known[known["metric"] == metric])
    figure = known.reindex(chosen).set_index(priced.index)  # a row of blanks where nothing was known
    rows = pd.DataFrame(
        {
            "date": priced["date"],
            "metric": metric,
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
    reason = _reason(metric, priced, figure, rows["age_days"], max_age_days)
    pairs = {"multiple": ("quote", "quote"), "low": ("quote_low", "quote_high"), "high": ("quote_high", "quote_low")}
    stated = {name: (priced[over] / figure[under]).where(reason == "") for name, (over, under) in pairs.items()}
    return rows.assign(reason=reason, **stated)


def _latest_known(days: np.ndarray, figures: pd.DataFrame) -> np.ndarray:
    """Label of the last period over and published by each day, in its last vintage; -1 if none."""
    chosen = np.full(len(days), -1)
    for figure in figures.sort_values(["period_end", "known_on"]).itertuples():
        # later periods, and later vintages of one period, come later and overwrite
        chosen[days >= max(figure.known_on, figure.period_end).to_datetime64()] = figure.Index
    return chosen


def _reason(metric: str, priced: pd.DataFrame, figure: pd.DataFrame, age: pd.Series, max_age_days: int) -> np.ndarray:
    """Why there is no multiple; empty if there is one."""
    nothing_known = f"no {metric} was known on " + priced["date"].dt.strftime("%Y-%m-%d")
    cases = [
        (figure["fact_id"].isna(), nothing_known),
        (priced["no_rate"] != "", priced["no_rate"]),
        (figure["no_rate"] != "", figure["no_rate"]),
        (figure["value"] < 0, "not meaningful: loss"),
        (~(figure["value"] > 0), "not meaningful: zero or missing"),
        (age > max_age_days, f"the last known {metric} is older than {max_age_days} days"),
    ]
    return np.select([when for when, _ in cases], [why for _, why in cases], "")


def _text(stated: pd.DataFrame, quote_currency: str) -> str:
    sentences = []
    for row in stated.groupby("metric").tail(1).sort_values("metric").itertuples(index=False):
        times = in_words(row.multiple)
        is_money = not pd.isna(row.denominator_currency)
        said = f"{times} times {row.metric}" if is_money else f"{times} {quote_currency} for each {row.metric}"
        if row.low > 0 and row.high / row.low > 1.5:
            said += f" ({in_words(row.low)} to {in_words(row.high)}, as the inputs are disputed or rough)"
        span = "of" if row.period_start == row.period_end else "of the period to"
        sentences.append(
            f"On {row.date.date()} the price was {said} {span} {row.period_end.date()}, "
            f"public since {row.known_on.date()}."
        )
    return " ".join(sentences) or "No multiple could be stated."


def _checks(table: pd.DataFrame, stated: pd.DataFrame, left_out: int, max_age_days: int) -> tuple[Check, ...]:
    aged = table["age_days"].dropna()
    oldest, stale = float(aged.max()) if len(aged) else None, int((aged > max_age_days).sum())
    return (
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
            value=float(left_out),
            text=f"{left_out} denominators left out: neither a year, a point in time nor a named level",
        ),
    )
