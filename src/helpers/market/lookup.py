"""The number of a driver in a year, from the facts that its row of the driver table names.

``china_market:gmv`` means every level of that metric which covers the calendar year (or stands at its last day, for a
stock); ``f0001 f0002`` means these facts; ``a / b`` means the ratio of two such terms. Several sources become one
distribution in `helpers.market.sources`. Money is converted at the average rate of the fact's own period first.
What the module cannot do: tell that two facts mean different things; that is what the definitions are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from helpers import evidence, units
from helpers.draws import Distribution
from helpers.errors import NotEstimableError, ParameterError
from helpers.market.bridge import from_logs, log_moments
from helpers.market.sources import SourcedDriver, from_facts

PLAIN = ("ratio", "multiple")
"""Units of facts that a driver of unit 1 is read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The facts that drivers are read from, and what is held against some of them.

    Parameters
    ----------
    facts : DataFrame
        Of the ledger, as known on a day.
    metric_kinds : mapping of str to str
        Metric to flow, stock, average, ratio or price.
    definitions : mapping of str to str
        Fact id to the code of its definition, where one is known.
    doubts : mapping of str to str
        Fact id to why it is set aside.
    """

    facts: pd.DataFrame
    metric_kinds: Mapping[str, str]
    definitions: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The number of one driver in one year.

    Attributes
    ----------
    distribution : Distribution
    fact_ids : tuple of str
    sourced : tuple of SourcedDriver
        One for each term of a ratio.
    """

    distribution: Distribution
    fact_ids: tuple[str, ...]
    sourced: tuple[SourcedDriver, ...]


def look_up(text: str, *, year: int, unit: str, is_share: bool, name: str, given: Evidence) -> Found:
    """What the facts say of a driver in a year.

    Parameters
    ----------
    text : str
        As in the column ``facts`` of a driver table.
    year : int
    unit : str
        Of the driver; money in it is converted to its currency.
    is_share : bool
        Whether it is a share between 0 and 1.
    name : str
        Of the driver, for messages.
    given : Evidence

    Raises
    ------
    NotEstimableError
        No such fact is known, or those that are cannot be one number.
    ParameterError
        The text has another form.
    """
    terms = [part.strip() for part in text.split("/")]
    if len(terms) > 2 or not all(terms):
        raise ParameterError(f"{name} {year}: facts are one term, or two with a slash between, got {text!r}")
    found = [_rows(term, year, name, given) for term in terms]
    if len(terms) == 1:
        _refuse_other_unit(found[0], unit, f"{name} {year}")
    currency = _currency(unit)
    sourced = tuple(
        from_facts(
            _prepared(rows, currency), what=f"{name if len(terms) == 1 else term} {year}",
            definitions=given.definitions, doubts=given.doubts, is_share=is_share and len(terms) == 1,
        )
        for term, rows in zip(terms, found, strict=True)
    )  # fmt: skip
    ids = tuple(dict.fromkeys(fact for one in sourced for fact in one.fact_ids))
    if len(sourced) == 1:
        return Found(distribution=sourced[0].distribution, fact_ids=ids, sourced=sourced)
    return Found(distribution=_ratio(*sourced, is_share=is_share), fact_ids=ids, sourced=sourced)


def _refuse_other_unit(rows: pd.DataFrame, unit: str, what: str) -> None:
    """Money for people, or people for a share, would pass as a number."""
    head = unit.split("/")[0].strip()
    allowed = ("money", "money_per_buyer") if head in units.CURRENCIES else PLAIN if head == "1" else (head,)
    other = rows[~rows["unit"].isin(allowed)]
    if len(other):
        row = other.iloc[0]
        raise ParameterError(f"{what} is in {unit}, and {row['fact_id']} in {row['unit']}")


def _currency(unit: str) -> str:
    """The currency that money of a unit is in; CNY where the unit has none, as for the terms of a ratio."""
    return next((word for word in unit.replace("/", " ").split() if word in units.CURRENCIES), "CNY")


def _rows(term: str, year: int, name: str, given: Evidence) -> pd.DataFrame:
    facts = given.facts
    if ":" in term:
        entity, metric = (part.strip() for part in term.split(":", 1))
        kind = given.metric_kinds.get(metric)
        if kind is None:
            raise ParameterError(f"{name}: the ledger has no metric {metric!r}")
        rows = facts[facts["entity"].eq(entity) & facts["metric"].eq(metric) & facts["measure"].eq("level")]
        ends = rows["period_end"].eq(pd.Timestamp(year, 12, 31))
        starts = rows["period_start"].eq(pd.Timestamp(year, 1, 1))
        rows = rows[ends & starts] if kind == "flow" else rows[ends]
    else:
        rows = facts[facts["fact_id"].isin(term.split())]
    if rows.empty:
        raise NotEstimableError(f"{name} {year}", f"no fact {term} is known", "a published figure of that year")
    return rows.assign(metric_kind=rows["metric"].astype(object).map(given.metric_kinds))


def _prepared(rows: pd.DataFrame, currency: str) -> pd.DataFrame:
    """With the ends of what was printed, in one currency."""
    rows = rows.assign(**evidence.intervals(rows))
    converted = evidence.to_currency(rows, currency)
    lost = rows.loc[converted["value"].isna(), "fact_id"]
    if len(lost):
        raise NotEstimableError(
            f"{', '.join(lost)} in {currency}", "there is no exchange rate for its period", "a rate of that period"
        )
    return rows.assign(**converted)


def _ratio(above: SourcedDriver, below: SourcedDriver, *, is_share: bool) -> Distribution:
    """Ratio of two numbers that are known apart from each other: log medians differ, log variances add."""
    (m0, s0), (m1, s1) = log_moments(above.distribution), log_moments(below.distribution)
    return from_logs(m0 - m1, float(np.hypot(s0, s1)), is_share=is_share)
