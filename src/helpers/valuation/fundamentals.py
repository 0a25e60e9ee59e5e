"""What was known of each company on the day of its price: revenue, its growth and its margin, from one table.

Comparables need the same few figures of every company, each public on the day of that company's price. Figures
that ended long before that day say nothing of it, and a margin that jumps says nothing of the next year: both are
left out with the arithmetic, never replaced.

What this module cannot do: make margins comparable. Operating profit, net profit and a company's own adjusted
profit are different things; the table says which one stands behind each margin. Nor can it split a profit into
what recurs and what does not: a one-off is seen by its size alone (see `margins`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.units import in_words
from helpers.valuation.dated import days_of, numbers_of, texts_of
from helpers.valuation.margins import JUMP, SAME_DAY, at_end, margin_of
from helpers.valuation.multiples import MultiplesResult
from helpers.valuation.peers import Denominator

MARGIN_METRICS = ("operating_profit", "net_profit", "adjusted_net_profit")
"""Profits that a margin is made of, in the order in which they are taken."""

AFTER_TAX = ("net_profit", "adjusted_net_profit")
"""Those of them that are left after tax."""

MAX_AGE_DAYS = 460
"""A year of figures, a quarter to publish the next one, and a few days."""

PERIOD_ENDS_DAYS = 200
"""Companies whose twelve months end further apart are compared over two different years."""

YEAR_DAYS = (350, 380)

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
        One row per entity of `on`: entity, on, revenue (of twelve months; NaN where the last ones that were known
        are too old), revenue_low, revenue_high, currency, period_start, period_end, known_on (of the last revenue
        that was known, too old or not), growth (on the twelve months a year earlier; NaN where those are not
        known), margin (profit over revenue of the same period; NaN where it jumps), margin_metric (whose profit,
        also where it jumps), reason (what is missing or left out, and why), fact_ids (tuple).
    text : str
        How many companies have all three.
    checks : tuple of Check
        ``complete``; ``one_margin``: the same kind of profit behind every margin; ``one_off``: no margin jumps by
        more than `margins.JUMP`; ``period_ends``: the companies' revenue ends within `PERIOD_ENDS_DAYS` of each
        other.
    fact_ids : tuple of str
        Ledger rows used, and those that a reason names.
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def fundamentals(
    figures: pd.DataFrame,
    *,
    on: Mapping[str, date],
    margin_metrics: Sequence[str] = MARGIN_METRICS,
    max_age_days: int = MAX_AGE_DAYS,
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
    max_age_days : int, default 460
        Where the last revenue that was known ended more days before the price, revenue, growth and margin are NaN.

    Returns
    -------
    FundamentalsResult

    Raises
    ------
    HelpersError
        If a column is missing.
    UnitError
        If the figures are in several currencies.
    ParameterError
        If `max_age_days` is not above 0.
    """
    if not max_age_days > 0:
        raise ParameterError(f"max_age_days must be above 0, got {max_age_days:g}")
    rows = _twelve_months(figures)
    found = [_one(entity, pd.Timestamp(day), rows, margin_metrics, max_age_days) for entity, day in on.items()]
    columns = [*_COLUMNS, "is_one_off"]
    table = pd.DataFrame(found, columns=columns).astype(dict.fromkeys(("revenue", "growth", "margin"), float))
    jumps = table[table.pop("is_one_off").eq(True)]
    whole = table[["revenue", "growth", "margin"]].notna().all(axis=1)
    text = f"{int(whole.sum())} of {len(table)} companies have revenue, growth and a margin that were public in time"
    return FundamentalsResult(
        table=table,
        text=text,
        checks=(
            Check(name="complete", passed=None, value=float(whole.sum()), threshold=float(len(table)), text=text),
            _one_margin(table),
            _one_off(jumps),
            _period_ends(table),
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
        Operating income: margin times revenue, over ``1 - tax_rate`` where that profit is above 0 and left after
        tax (net profit, adjusted net profit). None where the margin is not known. Grossed up it still holds interest
        and other income.
    age_years : float
        From the end of those twelve months to the day of the price.
    fact_ids : tuple of str
    ebit_from : str
        Metric of the profit that `ebit` is made of; empty where there is none.
    checks : tuple of Check
        ``base_margin``: passed only where it is operating profit; the text has the arithmetic.
    """

    entity: str
    denominator: Denominator
    growth: float
    margin: float
    ebit: float | None
    age_years: float
    fact_ids: tuple[str, ...]
    ebit_from: str = ""
    checks: tuple[Check, ...] = ()


def subject(known: FundamentalsResult, entity: str, *, tax_rate: float = 0.0) -> Subject:
    """One company of a table of fundamentals.

    Parameters
    ----------
    known : FundamentalsResult
    entity : str
    tax_rate : float, default 0
        Of profit before tax, 0 to less than 1 (0.25 is 25 %): what a profit after tax is grossed up by.

    Raises
    ------
    HelpersError
        The company is not in the table.
    NotEstimableError
        Its revenue is not known.
    ParameterError
        The tax rate is out of range.
    """
    as_rate("tax_rate", tax_rate, low=0.0, high=0.99)
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
    ebit, check = _operating_income(row, tax_rate)
    return Subject(
        entity=entity, denominator=revenue, growth=float(row["growth"]), margin=float(row["margin"]), ebit=ebit,
        fact_ids=row["fact_ids"], age_years=(row["on"] - row["period_end"]).days / 365.25,
        ebit_from="" if ebit is None else row["margin_metric"], checks=(check,),
    )  # fmt: skip


def _operating_income(row: pd.Series, tax_rate: float) -> tuple[float | None, Check]:
    """Profit before tax of a row of fundamentals, and how it was had."""
    if pd.isna(row["margin"]):
        return None, Check(name="base_margin", passed=None, text=f"no operating income is known: {row['reason']}")
    profit, metric, revenue = float(row["margin"] * row["revenue"]), row["margin_metric"], float(row["revenue"])
    is_taxed = metric in AFTER_TAX and profit > 0  # no tax is paid on a loss
    ebit = profit / (1 - tax_rate) if is_taxed else profit
    said = f"{metric.replace('_', ' ')} of {in_words(profit)}"
    made = f"{said} / (1 - {tax_rate:g})" if is_taxed and tax_rate else said
    rest = "" if metric == "operating_profit" else "; what is no operating income is still in it"
    text = f"operating income of {in_words(ebit)} {row['currency']} is {made}, {100 * ebit / revenue:.1f} % of "
    return ebit, Check(
        name="base_margin", passed=metric == "operating_profit", value=ebit / revenue,
        text=f"{text}revenue{rest}",
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
        The columns of `MultiplesResult.table` that name the multiple (its reason among them), and entity, growth,
        margin, margin_metric, fundamentals_reason (why growth or margin is missing), fact_ids.
    """
    parts = [found.table[found.table["metric"].eq(metric)].tail(1).assign(entity=e) for e, found in multiples.items()]
    columns = ["entity", "growth", "margin", "margin_metric", "fundamentals_reason", "fact_ids"]
    kept = ["entity", "date", "metric", "multiple", "low", "high", "reason", "price_fact_id", "denominator_fact_id"]
    rows = pd.concat(parts)[kept] if parts else pd.DataFrame(columns=kept)
    own = known.table.rename(columns={"reason": "fundamentals_reason"})
    return rows.merge(own[columns], on="entity", how="left")


def _twelve_months(figures: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in _NEEDED if column not in figures]
    if missing:
        raise HelpersError(f"figures need the columns {', '.join(_NEEDED)}; missing: {missing}")
    row = "row of figures"
    days = {c: days_of(figures, what=row, column=c, or_empty=True) for c in ("period_start", "period_end", "known_on")}
    values = {c: numbers_of(figures, c, what=row, is_finite=c == "value") for c in ("value", "low", "high")}
    named = {column: texts_of(figures, column, what=row) for column in ("entity", "metric", "currency")}
    rows = figures.assign(**days, **values, **named)
    currencies = sorted(set(rows["currency"]))
    if len(currencies) > 1:
        said = ", ".join(currency or "none" for currency in currencies)
        raise UnitError(f"figures of companies that are compared need one currency, got {said}")
    length = (rows["period_end"] - rows["period_start"]).dt.days + 1
    rows = rows[length.between(*YEAR_DAYS)]
    _refuse_unsaid(rows)
    return rows.assign(low=rows["low"].fillna(rows["value"]), high=rows["high"].fillna(rows["value"]))


def _refuse_unsaid(rows: pd.DataFrame) -> None:
    """A year without its value or the day it became public, and a year that says two things on one day."""
    for column in ("value", "known_on"):
        if (lost := rows[rows[column].isna()]).size:
            raise HelpersError(f"every year of figures needs {column}, missing for {lost['fact_id'].iloc[0]}")
    key = ["entity", "metric", "period_start", "period_end", "known_on"]
    twice = rows[rows.duplicated(key, keep=False)]
    twice = twice[twice.groupby(key)["value"].transform("nunique") > 1]
    if len(twice):
        first = twice.iloc[0]
        raise HelpersError(
            f"need one {first['metric']} of {first['entity']} to {first['period_end'].date()} published on "
            f"{first['known_on'].date()}, got {', '.join(map(str, twice['fact_id'].head(4)))}: prefer one"
        )


def _one(entity: str, on: pd.Timestamp, rows: pd.DataFrame, margin_metrics: Sequence[str], max_age_days: int) -> dict:
    own = rows[rows["entity"].eq(entity) & (rows["period_end"] <= on)]
    known = own[own["known_on"] <= on]
    found = {"entity": entity, "on": on, "fact_ids": (), "margin_metric": ""}
    revenue = known[known["metric"].eq("revenue")]
    if revenue.empty:
        later, ids = _told_later(own, on, None)
        return found | {"reason": f"no revenue of twelve months was public on {on.date()}{later}", "fact_ids": ids}
    last = revenue.sort_values(["period_end", "known_on"]).iloc[-1]
    found |= {name: last[name] for name in ("currency", "period_start", "period_end", "known_on")}
    age = (on - last["period_end"]).days
    if age > max_age_days:
        later, ids = _told_later(own, on, last["period_end"])
        ended = f"the last revenue known on {on.date()} ended {last['period_end'].date()}, {age:,} days before"
        return found | {"reason": f"{ended}{later}", "fact_ids": (*_ids(last), *ids)}
    base = at_end(revenue, last["period_end"] - pd.DateOffset(years=1))
    margin = margin_of(known, last, margin_metrics)
    absent = [
        "no revenue of the year before" if base is None else "",
        "no revenue above 0 in the year before" if base is not None and not base["value"] > 0 else "",
        margin.reason,
    ]
    return found | {
        "revenue": last["value"],
        "revenue_low": last["low"],
        "revenue_high": last["high"],
        "growth": last["value"] / base["value"] - 1 if base is not None and base["value"] > 0 else float("nan"),
        "margin": margin.value,
        "margin_metric": margin.metric,
        "is_one_off": margin.is_one_off,
        "reason": ", ".join(filter(None, absent)),
        "fact_ids": tuple(dict.fromkeys(i for row in (last, base, *margin.rows) if row is not None for i in _ids(row))),
    }


def _told_later(own: pd.DataFrame, on: pd.Timestamp, end: pd.Timestamp | None) -> tuple[str, tuple[str, ...]]:
    """Revenue of a period that was over on the day and became known after it: what the gap in sources hides."""
    later = own[own["metric"].eq("revenue") & (own["known_on"] > on)]
    if end is not None:
        later = later[later["period_end"] - SAME_DAY > end]
    if later.empty:
        return "", ()
    newest = later[later["period_end"].eq(later["period_end"].max())].sort_values("known_on").iloc[0]
    what = f"{'' if end is None else 'newer '}revenue (to {newest['period_end'].date()})"
    page = f"a page of {newest['known_on'].date()} ({', '.join(_ids(newest))})"
    return f"; {what} is on {page}", _ids(newest)


def _ids(row: pd.Series) -> tuple[str, ...]:
    """Facts behind a row: several for a sum of quarters, in one text or a tuple."""
    several = row.get("fact_ids")
    if isinstance(several, tuple | list):
        return tuple(several)
    return tuple(str(row["fact_id"]).split())


def _one_margin(table: pd.DataFrame) -> Check:
    behind = table.loc[table["margin"].notna(), "margin_metric"]
    kinds = sorted(set(behind))
    said = ", ".join(f"{kind.replace('_', ' ')} for {int(behind.eq(kind).sum())}" for kind in kinds)
    return Check(
        name="one_margin",
        passed=len(kinds) < 2 if kinds else None,
        value=float(len(kinds)),
        threshold=1.0,
        text=f"margins rest on {said}" if kinds else "no margin",
    )


def _one_off(jumps: pd.DataFrame) -> Check:
    named = "; ".join(f"{row.entity}: {row.reason}" for row in jumps.itertuples())
    text = named or f"no margin moved by more than {JUMP:g} from the year before"
    return Check(name="one_off", passed=jumps.empty, value=float(len(jumps)), threshold=0.0, text=text)


def _period_ends(table: pd.DataFrame) -> Check:
    """How far apart the companies' twelve months end."""
    ends = table[table["revenue"].notna()].sort_values("period_end", kind="stable")
    if len(ends) < 2:
        return Check(name="period_ends", passed=None, text="fewer than two companies with revenue")
    oldest, newest = ends.iloc[0], ends.iloc[-1]
    apart = (newest["period_end"] - oldest["period_end"]).days
    spans = ", ".join(f"{one['entity']} on {one['period_end'].date()}" for one in (oldest, newest))
    return Check(
        name="period_ends",
        passed=apart <= PERIOD_ENDS_DAYS,
        value=float(apart),
        threshold=float(PERIOD_ENDS_DAYS),
        text=f"twelve months of revenue end {apart:,} days apart at most: {spans}",
    )
