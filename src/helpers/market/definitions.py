"""Figures of one name that count different things, beside each other in one currency.

Houses print "the market" and mean different markets. Pooling them would call a difference of definition an error of
estimate, so they are shown side by side, by year, after conversion at the rate of the year: a figure in dollars that
looks several times smaller can be a few per cent smaller. What the module cannot do: find a definition that no
source states; a fact without a known definition is listed as that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import evidence
from helpers.checks import Check
from helpers.errors import NotEstimableError
from helpers.market.quality import spoken

COLUMNS = [
    *("entity", "metric", "year", "definition", "label", "meaning", "low", "value", "high", "currency", "ratio"),
    *("is_used", "fact_ids"),
]
UNKNOWN = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionsResult:
    """What each definition says of the same year.

    Attributes
    ----------
    table : DataFrame
        One row per entity, metric, year and definition, of years that have two or more: entity, metric, year,
        definition, label, meaning, low, value, high (the span of its figures and their geometric middle, in
        `currency`), currency, ratio (value over that of the definition used, else over the largest), is_used,
        fact_ids (with blanks between).
    currency : str
    text : str
        The difference of the latest year of each entity and metric.
    checks : tuple of Check
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def compare_definitions(
    facts: pd.DataFrame,
    definitions: pd.DataFrame,
    *,
    used: Collection[str] = (),
    metric_kinds: Mapping[str, str],
    doubts: Mapping[str, str] | None = None,
    currency: str = "CNY",
) -> DefinitionsResult:
    """Set the definitions of each metric and year beside each other.

    Parameters
    ----------
    facts : DataFrame
        Of the ledger, as known on a day. Levels over full calendar years count, doubtful and expected ones do not.
    definitions : DataFrame
        Indexed by fact_id: definition, label, meaning, as `helpers.datasets.definitions` gives them.
    used : collection of str
        Facts that a sizing rests on: only their entities and metrics are compared. Empty for all.
    metric_kinds : mapping of str to str
        Metric to kind.
    doubts : mapping of str to str, optional
        Facts that the audit set aside.
    currency : str, default "CNY"

    Raises
    ------
    NotEstimableError
        No year has figures of two definitions.
    """
    rows = _told_apart(_alike(facts, definitions, used), definitions, metric_kinds, doubts or {}, currency)
    key = ["entity", "metric", "year"]
    rows = rows[rows.groupby(key)["definition"].transform("nunique").gt(1)] if len(rows) else rows
    if rows.empty:
        raise NotEstimableError("definitions", "no year has figures of two definitions", "what each source counts")
    table = _spans(rows, key, used).assign(currency=currency)[COLUMNS]
    ids = tuple(dict.fromkeys(i for text in table["fact_ids"] for i in text.split()))
    widest = table.groupby(["entity", "metric", "year"])["value"].agg(lambda v: v.max() / v.min())
    check = Check(
        name="definitions", passed=None, value=float(widest.max()),
        text=f"figures of one name and year lie up to {widest.max():.2f} times apart: they count different things",
    )  # fmt: skip
    return DefinitionsResult(table=table, currency=currency, text=_said(table), checks=(check,), fact_ids=ids)


def _alike(facts: pd.DataFrame, definitions: pd.DataFrame, used: Collection[str]) -> pd.DataFrame:
    """Facts of the entities and metrics that have a definition and, where facts are used, theirs only."""
    known = facts["fact_id"].isin(definitions.index)
    pairs = facts["entity"].astype(str) + " " + facts["metric"].astype(str)
    kept = set(pairs[known])
    if used:
        kept &= set(pairs[facts["fact_id"].isin(list(used))])
    return facts[pairs.isin(kept)]


def _told_apart(
    facts: pd.DataFrame, definitions: pd.DataFrame, kinds: Mapping[str, str], doubts: Mapping[str, str], currency: str
) -> pd.DataFrame:
    """Measured levels of full years in one currency, each with what it counts."""
    whole = facts["period_end"].sub(facts["period_start"]).dt.days.between(363, 366)
    sound = facts["measure"].eq("level") & facts["nature"].eq("measured") & ~facts["fact_id"].isin(list(doubts))
    rows = facts[whole & sound]
    rows = rows.assign(metric_kind=rows["metric"].astype(object).map(kinds), **evidence.intervals(rows))
    rows = rows.assign(**evidence.to_currency(rows, currency)).dropna(subset="value")
    told = definitions.reindex(rows["fact_id"]).set_axis(rows.index)
    told = told.fillna({"definition": "", "label": UNKNOWN, "meaning": ""})
    codes = {column: rows[column].astype(str) for column in ("entity", "metric")}
    return rows.assign(year=rows["period_end"].dt.year, **told, **codes)


def _spans(rows: pd.DataFrame, key: list[str], used: Collection[str]) -> pd.DataFrame:
    """One row per definition, its value over that of the definition used, or over the largest where none is."""
    rows = rows.assign(fact_id=rows["fact_id"].astype(str), is_used=rows["fact_id"].isin(list(used)))
    spans = rows.groupby([*key, "definition", "label", "meaning"], as_index=False).agg(
        low=("value", "min"), high=("value", "max"), is_used=("is_used", "any"), fact_ids=("fact_id", " ".join)
    )
    spans["value"] = np.sqrt(spans["low"] * spans["high"])
    group = spans.assign(mine=spans["value"].where(spans["is_used"])).groupby(key)
    return spans.assign(ratio=spans["value"] / group["mine"].transform("max").fillna(group["value"].transform("max")))


def _said(table: pd.DataFrame) -> str:
    """The latest year of each entity and metric, in words."""
    last = table[table["year"].eq(table.groupby(["entity", "metric"])["year"].transform("max"))]
    return " ".join(_apart(rows) for _, rows in last.groupby(["entity", "metric"], sort=False))


def _apart(rows: pd.DataFrame) -> str:
    rows = rows.sort_values("value", ascending=False)
    parts = [f"{label} {spoken(value)}" for value, label in zip(rows["value"], rows["label"], strict=True)]
    times = rows["value"].max() / rows["value"].min()
    return (
        f"{' against '.join(parts)} {rows['currency'].iloc[0]} in {rows['year'].iloc[0]} lie {times:.2f} times apart "
        "because they count different things, not by an error of estimate."
    )
