"""What every rule needs: intervals, the preferred figure of each period, and how verdicts are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import evidence as printed
from helpers import units

KEYS = ["fact_id", "entity", "metric", "measure", "currency", "home_currency", "source_id", "origin", "status", "nature", "kind", "unit"]
OWN_METHOD_KINDS = ["data_vendor", "research_firm", "broker"]  # they measure by rules of their own
PERIOD = ["period_start", "period_end"]
SERIES = ["entity", "metric", "currency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Facts made ready for comparison.

    Attributes
    ----------
    facts : DataFrame
        All facts with low, high, digit, metric_kind, own_method, and home_value, home_low, home_high: the same in
        the entity's own currency (a stock at the day's rate, a flow at the period's average).
    levels : DataFrame
        The level facts, doubtful ones included.
    sound : DataFrame
        Levels that other facts may be measured against: measured and not doubtful; with cluster,
        support and is_preferred.
    preferred : DataFrame
        One sound level per entity, metric, currency and period.
    identities, readings, bounds : DataFrame
        The ledger's rule tables.
    slipped : frozenset of str
        Facts that the rule on powers of ten holds to be slips of scale; it runs first.
    """

    facts: pd.DataFrame
    levels: pd.DataFrame
    sound: pd.DataFrame
    preferred: pd.DataFrame
    identities: pd.DataFrame
    readings: pd.DataFrame
    bounds: pd.DataFrame
    slipped: frozenset[str] = frozenset()


def prepare(facts: pd.DataFrame, *, metrics: pd.DataFrame, **tables: pd.DataFrame) -> Evidence:
    """Compute intervals and preferred figures once for all rules."""
    columns = ["fact_id", "entity", "metric", "measure", "value", "value_high", "unit", "currency", "period_start", "period_end", "as_of", "status", "precision", "qualifier", "source_id", "nature", "kind", "trust", "origin", "known_on", "home_currency", "is_home_currency"]
    facts = facts[columns].reset_index(drop=True)
    facts = facts.join(_widened(printed.intervals(facts), facts["kind"]))
    for column in KEYS:
        facts[column] = facts[column].astype(object)  # plain keys: merges of differing categories are slow
    facts["metric_kind"] = facts["metric"].map(metrics["kind"])
    facts["own_method"] = facts["status"].isin(["estimate", "derived"]) | facts["kind"].isin(OWN_METHOD_KINDS)
    facts = facts.join(printed.to_currency(facts, facts["home_currency"])[["value", "low", "high"]].add_prefix("home_"))
    levels = facts[facts["measure"].eq("level")]
    sound = levels[levels["nature"].eq("measured") & levels["period_end"].notna()]
    sound = printed.choose(sound)
    keyed = sound.sort_values(["is_preferred", "support"], ascending=False, kind="stable")
    preferred = keyed.drop_duplicates([*SERIES, *PERIOD]).sort_index()
    return Evidence(facts=facts, levels=levels, sound=sound, preferred=preferred, **tables)


def _widened(intervals: pd.DataFrame, kind: pd.Series) -> pd.DataFrame:
    """Vendors cut digits off as often as they round: their last digit may be off by a whole one."""
    half = intervals["digit"].where(kind.eq("data_vendor"), 0.0) / 2
    return intervals.assign(low=intervals["low"] - half, high=intervals["high"] + half)


def verdicts(rule: str, rows: Iterable[dict]) -> pd.DataFrame:
    """Rows of a rule as a table; `doubted` defaults to nobody."""
    table = pd.DataFrame(list(rows))
    if table.empty:
        return table
    table["rule"] = rule
    if "doubted" not in table:
        table["doubted"] = [()] * len(table)
    return table


def overlap(low: pd.Series, high: pd.Series, other_low: pd.Series, other_high: pd.Series) -> np.ndarray:
    """Whether two intervals meet, with room for the last binary digit."""
    room = 1e-9 * np.maximum(np.abs(low), np.abs(other_low)).replace(np.inf, 0)
    return ((low <= other_high + room) & (other_low <= high + room)).to_numpy()


def amount(value: float, currency: str = "", unit: str = "") -> str:
    """A number as a reader says it: "CNY 385 billion", "350 million", "13.5"."""
    shown = units.in_words(value, digits=4) if abs(value) >= 1e4 else f"{value:,.4g}"
    return f"{currency} {shown}".strip() if not unit == "ratio" else f"{value:.1%}"


def percent(value: float) -> str:
    """A ratio in per cent with as many digits as it needs to be told apart."""
    return f"{value:+.1%}" if abs(value) < 10 else f"{value:+.0%}"
