"""What was known of each company on the day of its price: revenue, its growth and its margin, from one table.

Comparables need the same few figures of every company, each public on the day of that company's price.
What this module cannot do: make margins comparable. Operating profit, net profit and a company's own
adjusted profit are different things; the table says which one stands behind each margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, UnitError
from helpers.valuation.multiples import MultiplesResult
from helpers.valuation.peers import Denominator

MARGIN_METRICS = ("operating_profit", "net_profit", "adjusted_net_profit")
"""Profits that a margin is made of, in the order in which they are taken."""

YEAR_DAYS = (350, 380)
SAME_DAY = pd.Timedelta(days=5)  # fiscal years of 52 weeks end a few days off a year earlier

_NEEDED = ("entity", "metric", "period_start", "period_end", "value", "currency", "known_on", "fact_id")
_COLUMNS = (
    *("entity", "on", "revenue", "revenue_low", "revenue_high", "currency", "period_start", "period_end", "known_on"),
    *("growth", "margin", "margin_metric", "reason", "fact_ids"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FundamentalsResult:
    """The last twelve months of each company that were public on its day.

    Attributes
    ----------
    table : DataFrame
        One row per entity of `on`: entity, on, revenue (of twelve months), revenue_low, revenue_high, currency,
        period_start, period_end, known_on, growth (on the twelve months a year earlier; NaN where those are not
        known), margin (profit over revenue of the same period), margin_metric (whose profit), reason (what is
        missing), fact_ids (tuple).
    text : str
        How many companies have all three.
    checks : tuple of Check
        ``complete``; ``one_margin``: the same kind of profit behind every margin.
    fact_ids : tuple of str
        Ledger rows used.
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def fundamentals(
    figures: pd.DataFrame, *, on: Mapping[str, date], margin_metrics: Sequence[str] = MARGIN_METRICS
) -> FundamentalsResult:
    """Revenue, growth and margin of the last twelve months that were public on each company's day.

    Parameters
    ----------
    figures : DataFrame
        entity, metric (revenue and the profits), period_start, period_end, value, currency (one for all),
        known_on, fact_id; optional low, high, fact_ids (tuple or text of several, for sums of quarters). Periods
        of twelve months; others are not used.
    on : mapping of str to datetime.date
        Day of the price, by entity; its keys are the companies of the table.
    margin_metrics : sequence of str
        Profits in the order in which they are tried.

    Returns
    -------
    FundamentalsResult

    Raises
    ------
    HelpersError
        If a column is missing.
    UnitError
        If the figures are in several currencies.
    """
    rows = _twelve_months(figures)
    found = [_one(entity, pd.Timestamp(day), rows, margin_metrics) for entity, day in on.items()]
    table = pd.DataFrame(found, columns=list(_COLUMNS))
    whole = table[["revenue", "growth", "margin"]].notna().all(axis=1)
    text = f"{int(whole.sum())} of {len(table)} companies have revenue, growth and a margin that were public in time"
    return FundamentalsResult(
        table=table,
        text=text,
        checks=(
            Check(name="complete", passed=None, value=float(whole.sum()), threshold=float(len(table)), text=text),
            _one_margin(table),
        ),
        fact_ids=tuple(dict.fromkeys(i for ids in table["fact_ids"] for i in ids)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A company's own figures, as a valuation takes them.

    Attributes
    ----------
    entity : str
    denominator : Denominator
        Its revenue of twelve months.
    growth, margin : float
        NaN where not known.
    ebit : float or None
        Margin times revenue; None where the margin is not known. Where the margin is one of net profit this is
        profit after tax, and too low by the tax.
    age_years : float
        From the end of those twelve months to the day of the price.
    fact_ids : tuple of str
    """

    entity: str
    denominator: Denominator
    growth: float
    margin: float
    ebit: float | None
    age_years: float
    fact_ids: tuple[str, ...]


def subject(known: FundamentalsResult, entity: str) -> Subject:
    """One company of a table of fundamentals.

    Parameters
    ----------
    known : FundamentalsResult
    entity : str

    Raises
    ------
    HelpersError
        The company is not in the table.
    NotEstimableError
        Its revenue is not known.
    """
    rows = known.table[known.table["entity"].astype(str).eq(entity)]
    if rows.empty:
        raise HelpersError(f"{entity} is not among the companies: {', '.join(map(str, known.table['entity']))}")
    row = rows.iloc[0]
    if pd.isna(row["revenue"]):
        raise NotEstimableError(
            f"a value of {entity} from its revenue", row["reason"], f"revenue of a year of {entity}"
        )
    revenue = Denominator(
        metric="revenue", value=row["revenue"], low=row["revenue_low"], high=row["revenue_high"],
        currency=row["currency"], period_start=row["period_start"].date(), period_end=row["period_end"].date(),
        fact_ids=row["fact_ids"],
    )  # fmt: skip
    return Subject(
        entity=entity, denominator=revenue, growth=float(row["growth"]), margin=float(row["margin"]),
        ebit=None if pd.isna(row["margin"]) else float(row["margin"] * row["revenue"]), fact_ids=row["fact_ids"],
        age_years=(row["on"] - row["period_end"]).days / 365.25,
    )  # fmt: skip


def beside_multiples(
    known: FundamentalsResult, multiples: Mapping[str, MultiplesResult], *, metric: str = "revenue"
) -> pd.DataFrame:
    """Each company's last multiple of a metric beside its growth and margin: the table that comparables take.

    Parameters
    ----------
    known : FundamentalsResult
    multiples : mapping of str to MultiplesResult
        By entity.
    metric : str

    Returns
    -------
    DataFrame
        The columns of `MultiplesResult.table` that name the multiple, and entity, growth, margin, margin_metric.
    """
    parts = [found.table[found.table["metric"].eq(metric)].tail(1).assign(entity=e) for e, found in multiples.items()]
    columns = ["entity", "growth", "margin", "margin_metric", "fact_ids"]
    kept = ["entity", "date", "metric", "multiple", "low", "high", "reason", "price_fact_id", "denominator_fact_id"]
    rows = pd.concat(parts)[kept] if parts else pd.DataFrame(columns=kept)
    return rows.merge(known.table[columns], on="entity", how="left")


def _twelve_months(figures: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in _NEEDED if column not in figures]
    if missing:
        raise HelpersError(f"figures need the columns {', '.join(_NEEDED)}; missing: {missing}")
    currencies = sorted(set(figures["currency"].dropna().astype(str)))
    if len(currencies) > 1:
        raise UnitError(f"figures of companies that are compared need one currency, got {', '.join(currencies)}")
    days = (figures["period_end"] - figures["period_start"]).dt.days + 1
    rows = figures[days.between(*YEAR_DAYS)]
    ends = {end: rows[end].fillna(rows["value"]) if end in rows else rows["value"] for end in ("low", "high")}
    return rows.assign(**ends)


def _one(entity: str, on: pd.Timestamp, rows: pd.DataFrame, margin_metrics: Sequence[str]) -> dict:
    known = rows[rows["entity"].astype(str).eq(entity) & (rows["known_on"] <= on) & (rows["period_end"] <= on)]
    found = {"entity": entity, "on": on, "fact_ids": (), "margin_metric": ""}
    revenue = known[known["metric"].eq("revenue")]
    if revenue.empty:
        return {**found, "reason": f"no revenue of twelve months was public on {on.date()}"}
    last = revenue.sort_values(["period_end", "known_on"]).iloc[-1]
    base = _at(revenue, last["period_end"] - pd.DateOffset(years=1))
    profits = ((metric, _at(known[known["metric"].eq(metric)], last["period_end"])) for metric in margin_metrics)
    metric, profit = next(((m, p) for m, p in profits if p is not None), ("", None))
    growth = last["value"] / base["value"] - 1 if base is not None and base["value"] > 0 else float("nan")
    absent = [("revenue of the year before", base is None), ("profit of the same period", profit is None)]
    return found | {
        "revenue": last["value"],
        "revenue_low": last["low"],
        "revenue_high": last["high"],
        "currency": last["currency"],
        "period_start": last["period_start"],
        "period_end": last["period_end"],
        "known_on": last["known_on"],
        "growth": growth,
        "margin": float("nan") if profit is None else profit["value"] / last["value"],
        "margin_metric": metric,
        "reason": ", ".join(f"no {what}" for what, is_absent in absent if is_absent),
        "fact_ids": tuple(i for row in (last, base, profit) if row is not None for i in _ids(row)),
    }


def _at(rows: pd.DataFrame, end: pd.Timestamp) -> pd.Series | None:
    """The last vintage of the period that ends on a day, give or take a few."""
    near = rows[(rows["period_end"] - end).abs() <= SAME_DAY]
    return None if near.empty else near.sort_values("known_on").iloc[-1]


def _ids(row: pd.Series) -> tuple[str, ...]:
    """Facts behind a row: several for a sum of quarters, in one text or a tuple."""
    several = row.get("fact_ids")
    if isinstance(several, tuple | list):
        return tuple(several)
    return tuple(str(row["fact_id"]).split())


def _one_margin(table: pd.DataFrame) -> Check:
    kinds = sorted(set(table["margin_metric"]) - {""})
    said = ", ".join(f"{kind.replace('_', ' ')} for {int(table['margin_metric'].eq(kind).sum())}" for kind in kinds)
    return Check(
        name="one_margin",
        passed=len(kinds) < 2 if kinds else None,
        value=float(len(kinds)),
        threshold=1.0,
        text=f"margins rest on {said}" if kinds else "no margin",
    )
