"""What every rule needs: intervals, the preferred figure of each period, how a figure sits in its series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers import evidence as printed
from helpers import units
from helpers.audit.lookup import NO_DAY, Timeline, days, number

COLUMNS = [
    "fact_id", "entity", "metric", "measure", "value", "value_high", "unit", "currency", "period_start",
    "period_end", "as_of", "status", "precision", "qualifier", "source_id", "nature", "kind", "trust", "origin",
    "known_on", "home_currency", "is_home_currency",
]  # fmt: skip
KEYS = [
    "fact_id", "entity", "metric", "measure", "currency", "home_currency", "source_id", "origin", "status",
    "nature", "kind", "unit",
]  # fmt: skip
OWN_METHOD_KINDS = ["data_vendor", "research_firm"]  # they measure by rules of their own
PERIOD = ["period_start", "period_end"]
SERIES = ["entity", "metric", "currency"]
FAR_APART = 3.0  # beyond this ratio a difference of definition does not excuse one house's estimate
FAR = 0.5  # powers of ten outside its neighbours in time that make a figure stand out: three times
VOICELESS = 7  # from press downwards, the kind of source says little about who is right
NEIGHBOUR_DAYS = 800  # a year's figure and the one before it, with one missing in between


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Facts made ready for comparison.

    Attributes
    ----------
    facts : DataFrame
        All facts, the most trusted first, with low, high, digit, figures (digits printed), metric_kind,
        own_method; home_value, home_low, home_high: the same in the entity's own currency (a stock at
        the day's rate, a flow at the period's average); the integer keys thing (entity and metric),
        start and end (days), months (length, 0 for a stock); off and step: how far the figure lies
        outside its neighbours in time, and how far these lie apart, in powers of ten.
    levels : DataFrame
        The level facts, doubtful ones included.
    sound : DataFrame
        Levels that other facts may be measured against: measured, not doubtful and no slip of scale;
        with cluster, support and is_preferred.
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
    """Compute intervals, keys and neighbours once for all rules."""
    # a fixed order, so that the order of rows in the file decides nothing
    facts = facts if "qualifier" in facts else facts.assign(qualifier="")  # optional in the ledger too
    facts = facts[COLUMNS].sort_values(["trust", "fact_id"], kind="stable", ignore_index=True)
    facts = facts.join(_widened(printed.intervals(facts), facts["kind"]))
    for column in KEYS:
        facts[column] = facts[column].astype(object)  # plain keys: merges of differing categories are slow
    facts["metric_kind"] = facts["metric"].map(metrics["kind"])
    facts["own_method"] = _own_method(facts)
    home = printed.to_currency(facts, facts["home_currency"])[["value", "low", "high"]]
    facts = facts.join(home.add_prefix("home_"))
    facts = facts.assign(**_keys(facts))
    levels = facts[facts["measure"].eq("level")]
    levels = levels.assign(**_neighbours(levels))
    empty = levels.iloc[:0]
    return Evidence(facts=facts, levels=levels, sound=empty, preferred=empty, **tables)


def weighed(evidence: Evidence, slipped: frozenset[str]) -> Evidence:
    """The same evidence once the slips of scale are known: they are no measure for others."""
    levels = evidence.levels
    sound = levels[levels["nature"].eq("measured") & levels["end"].ne(NO_DAY)]
    sound = printed.choose(sound[~sound["fact_id"].isin(slipped)])
    keyed = sound.sort_values(["is_preferred", "support"], ascending=False, kind="stable")
    preferred = keyed.drop_duplicates([*SERIES, *PERIOD]).sort_index()
    return replace(evidence, sound=sound, preferred=preferred, slipped=slipped)


def _widened(intervals: pd.DataFrame, kind: pd.Series) -> pd.DataFrame:
    """Vendors cut digits off as often as they round: their last digit may be off by a whole one."""
    half = intervals["digit"].where(kind.eq("data_vendor"), 0.0) / 2
    return intervals.assign(low=intervals["low"] - half, high=intervals["high"] + half)


def _own_method(facts: pd.DataFrame) -> pd.Series:
    """Whether a figure follows its house's own definition; what a broker calls reported is the company's."""
    return facts["status"].isin(["estimate", "derived"]) | facts["kind"].isin(OWN_METHOD_KINDS)


def _keys(facts: pd.DataFrame) -> dict[str, np.ndarray]:
    start, end = days(facts["period_start"]), days(facts["period_end"])
    months = np.round((end - start + 1) / 30.44).astype(np.int64)
    with np.errstate(divide="ignore"):
        top = np.floor(np.log10(facts["value"].abs().to_numpy()) + 1e-12)
    figures = top - np.round(np.log10(facts["digit"].to_numpy())) + 1
    return {
        "thing": number(facts["entity"], facts["metric"]), "start": start, "end": end,
        "months": np.where(facts["metric_kind"].isin(["flow", "average"]), months, 0),
        "figures": np.where(np.isfinite(figures), figures, 1),
    }  # fmt: skip


def _neighbours(levels: pd.DataFrame) -> dict[str, np.ndarray]:
    """Distance of each level from the two figures before and the two after it, in powers of ten.

    A period counts once, with the median of its sound figures. Of a metric that was negative once,
    only sizes above those of all neighbours have a distance: near zero, distances mean nothing. A
    figure with fewer than two neighbours has none (NaN).
    """
    value = levels["home_value"].to_numpy()
    key, end = number(levels["thing"], levels["months"]), levels["end"].to_numpy()
    dated = (end != NO_DAY) & levels["metric_kind"].isin(["flow", "average", "stock"]).to_numpy()
    with np.errstate(all="ignore"):
        logs = np.where(value != 0, np.log10(np.abs(value)), np.nan)
    sound = dated & levels["nature"].eq("measured").to_numpy() & np.isfinite(logs)
    each = pd.DataFrame({"key": key, "end": end, "log": logs})[sound].groupby(["key", "end"], sort=True)
    each = each["log"].median().reset_index()
    line = Timeline(each["key"].to_numpy(), each["end"].to_numpy())
    near = np.append(each["log"].to_numpy(), np.nan)[_around(line, each, key, end)]
    near = np.where(dated[:, None], near, np.nan)
    known = np.isfinite(near).sum(1) >= 2
    low, high = np.fmin.reduce(near, axis=1), np.fmax.reduce(near, axis=1)
    mixed = _mixed(levels["thing"].to_numpy(), value, sound)
    below = np.where(mixed, 0.0, np.minimum(logs - low, 0.0))
    off = np.where(logs > high, logs - high, below)
    return {
        "off": np.where(known, off, np.nan), "step": np.where(known & ~mixed, high - low, 0.0),
        "is_between": np.isfinite(near[:, 1]) & np.isfinite(near[:, 2]), "is_first": ~np.isfinite(near[:, 1]),
        "is_mixed": mixed,
    }  # fmt: skip


def _mixed(thing: np.ndarray, value: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Whether the sound figures of a thing have both signs."""
    up, down = (np.bincount(thing[sound & side], minlength=thing.max(initial=0) + 1) for side in (value > 0, value < 0))
    return ((up > 0) & (down > 0))[thing]


def _around(line: Timeline, each: pd.DataFrame, key: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rows of the second and first period before, the first and second after; -1 where there is none."""
    day = np.append(each["end"].to_numpy(), 0)
    before = line.before(key, end, within=NEIGHBOUR_DAYS)
    after = line.after(key, end, within=NEIGHBOUR_DAYS)
    second = np.where(before >= 0, line.before(key, day[before], within=NEIGHBOUR_DAYS), -1)
    fourth = np.where(after >= 0, line.after(key, day[after], within=NEIGHBOUR_DAYS), -1)
    return np.column_stack([second, before, after, fourth])


def verdicts(rule: str, rows: Iterable[dict]) -> pd.DataFrame:
    """Rows of a rule as a table; `doubted` and `confirmed` default to nobody."""
    table = pd.DataFrame([{"doubted": (), "confirmed": ()} | row for row in rows])
    if not table.empty:
        table["rule"] = rule
    return table


def verdict(row, kind: str, text: str, ids: Iterable[str], doubted: tuple[str, ...] = ()) -> dict:
    """One verdict about `row`, which lends its entity, metric and period."""
    return {
        "verdict": kind, "entity": row.entity, "metric": row.metric, "period_end": row.period_end, "text": text,
        "fact_ids": tuple(dict.fromkeys(i for i in ids if isinstance(i, str))), "doubted": doubted,
    }  # fmt: skip


def overlap(low, high, other_low, other_high) -> np.ndarray:
    """Whether two intervals meet, with room for the last binary digit."""
    low, high, other_low, other_high = (np.asarray(v, dtype=float) for v in (low, high, other_low, other_high))
    with np.errstate(all="ignore"):
        room = 1e-9 * np.maximum(np.abs(low), np.abs(other_low))
    room = np.where(np.isfinite(room), room, 0.0)
    return (low <= other_high + room) & (other_low <= high + room)


def amount(value: float, currency: str = "", unit: str = "") -> str:
    """A number as a reader says it: "CNY 385 billion", "350 million", "13.5", "31.4%"."""
    if unit == "ratio":
        return f"{100 * value:.4g}%"
    if abs(value) < 1e4:
        return f"{currency} {value:,.4g}".strip()
    number_of, _, word = units.in_words(value, digits=4).partition(" ")
    number_of = number_of.rstrip("0").rstrip(".") if "." in number_of else number_of
    return f"{currency} {number_of} {word}".strip()


def percent(value: float) -> str:
    """A change in per cent; from tenfold on, in times."""
    return f"{value:+.1%}" if abs(value) < 10 else times(value + 1)


def times(ratio: float) -> str:
    """A ratio in words: "10 times", "1,000 million times"."""
    return f"{units.in_words(ratio, digits=3) if ratio >= 1e6 else format(ratio, ',.4g')} times"
