"""Bounds that a practitioner would defend, kept as data with their reasons (``bounds.csv``)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from helpers.audit.lookup import NO_DAY, Timeline, number
from helpers.audit.prepare import Evidence, amount, times, verdict, verdicts

FIELDS = [
    "fact_id", "entity", "metric", "thing", "value", "currency", "unit", "home_value", "start", "end", "period_end",
    "nature", "trust", "source_id",
]  # fmt: skip
BORROWED_DAYS = 31
BORROWED_FIGURES = 4  # two companies may both have 12 billion of revenue, hardly both 12.34
BORROWED_OFF = 0.2  # powers of ten outside its own neighbours; among many companies, chance repeats four digits


def bounds(evidence: Evidence) -> pd.DataFrame:
    """Single figures and ratios of two figures of one entity against their bounds.

    A ratio holds a figure against the preferred ones of the other metric nearest before and after,
    within the bound's own days; without days, both must cover the same period. A figure is outside
    only if it is with both, so that one wrong figure does not make all that surround it look wrong.
    """
    levels = evidence.levels.loc[evidence.levels["end"].ne(NO_DAY), FIELDS]
    levels = levels[~levels["fact_id"].isin(evidence.slipped)]  # reported with their scale
    best = evidence.preferred[evidence.preferred["is_preferred"]]
    judged, sound = _by_metric(levels), _by_metric(best[best["home_value"].ne(0)][FIELDS])
    rows: list[dict] = []
    outside: set[str] = set()  # what is outside one bound is no measure for the next
    known = {"", *evidence.levels["metric"].unique()}
    is_used = evidence.bounds["numerator"].isin(known) & evidence.bounds["denominator"].isin(known)
    for bound in evidence.bounds[evidence.bounds["kind"].isin(["value", "ratio"]) & is_used].itertuples():
        top = judged(bound.numerator)
        found = _ratios(judged, sound, bound, outside) if bound.denominator else _values(top, bound)
        outside |= {i for row in found for i in row["doubted"]}
        rows += found
    return verdicts("bounds", rows)


def jumps(evidence: Evidence) -> pd.DataFrame:
    """A figure that differs by more than the bound from its neighbours of a slow-moving series."""
    tables = []
    every = evidence.levels
    of = _by_metric(every.loc[every["end"].ne(NO_DAY) & (every["home_value"] > 0), FIELDS])
    is_used = evidence.bounds["numerator"].isin(every["metric"].unique())
    for bound in evidence.bounds[evidence.bounds["kind"].eq("jump") & is_used].itertuples():
        levels = of(bound.numerator)
        anchors = levels[levels["nature"].eq("measured") & ~levels["fact_id"].isin(evidence.slipped)]
        line = Timeline(anchors["thing"].to_numpy(), anchors["end"].to_numpy())
        key = levels["thing"].to_numpy(), levels["end"].to_numpy()
        near = [line.before(*key, within=bound.days), line.after(*key, within=bound.days)]
        tables.append(verdicts("jump", _jump_rows(levels, anchors, near, bound)))
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def borrowed(evidence: Evidence) -> pd.DataFrame:
    """One figure credited to two companies: a price per share in one month, or many digits in one period.

    The company with the most documents behind the figure is held to own it; a tie says nothing. A flow
    that fits the other company's own series is a coincidence.
    """
    levels = evidence.levels[evidence.levels["end"].ne(NO_DAY) & evidence.levels["value"].ne(0)]
    share = levels["unit"].eq("money_per_share").to_numpy()
    digits = (levels["figures"].ge(BORROWED_FIGURES) & levels["metric_kind"].isin(["flow", "average"])).to_numpy()
    levels = levels[share | digits]
    period = [np.where(share[share | digits], 0, levels[c]) for c in ("start", "end")]
    key = number(levels["metric"], levels["currency"], levels["value"], *period)
    names = levels.assign(key=key)[["key", "entity"]].drop_duplicates()
    shared = np.isin(key, names.loc[names["key"].duplicated(), "key"])
    levels, key = levels[shared].reset_index(drop=True), key[shared]
    support = levels.groupby([key, "entity"], sort=False)["source_id"].transform("nunique").to_numpy()
    leads = np.flatnonzero(support == pd.Series(support).groupby(key).transform("max").to_numpy())
    line = Timeline(key[leads], levels["end"].to_numpy()[leads])
    mates = line.nearest(key, levels["end"].to_numpy(), within=BORROWED_DAYS)
    rows = []
    fits = (levels["unit"].ne("money_per_share") & ~levels["off"].abs().gt(BORROWED_OFF)).to_numpy()
    for i in np.flatnonzero((mates >= 0) & ~fits & (support < support[leads[mates]] if len(leads) else False)):
        rows.append(_borrowed(levels.iloc[i], levels.iloc[leads[mates[i]]], support[i], support[leads[mates[i]]]))
    return verdicts("borrowed figure", rows)


def _by_metric(levels: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    """The rows of one metric, split once for all bounds."""
    of = levels.groupby("metric", sort=False).indices
    nothing = np.empty(0, int)
    return lambda metric: levels.take(of.get(metric, nothing))


def _values(table: pd.DataFrame, bound) -> list[dict]:
    outside = (table["value"] < bound.low) | (table["value"] > bound.high)
    rows = []
    for row in table[outside].itertuples():
        text = f"{_plain(row.value, row.unit)}; bounds {bound.low:g} to {bound.high:g}: {bound.reason}"
        rows.append(verdict(row, "implausible", text, (row.fact_id,), (row.fact_id,)))
    inside = table[~outside]
    return rows + _inside(inside, inside["value"].to_numpy(), bound)


def _ratios(judged: Callable, sound: Callable, bound, outside: set[str]) -> list[dict]:
    """Both metrics of the bound are judged, each against the sound figures of the other."""
    below = sound(bound.denominator)
    rows, inside = _judged(judged(bound.numerator), below[~below["fact_id"].isin(outside)], bound, flipped=False)
    wrong = outside | {i for row in rows for i in row["doubted"]}
    top, belows = sound(bound.numerator), judged(bound.denominator)
    top = top[~top["fact_id"].isin(wrong)]
    return rows + _judged(belows[belows["home_value"].ne(0)], top, bound, flipped=True)[0] + inside


def _judged(judged: pd.DataFrame, others: pd.DataFrame, bound, *, flipped: bool) -> tuple[list[dict], list[dict]]:
    """Alarms on one side of a ratio, and the summary of what passed."""
    mates, ratios = _against(judged, others, bound, flipped)
    known = np.isfinite(ratios)
    outside = known & ((ratios < bound.low) | (ratios > bound.high))
    wrong = outside.any(1) & (outside == known).all(1)
    side, rows = outside.argmax(1), []
    for i in np.flatnonzero(wrong):
        row, mate = judged.iloc[i], others.iloc[mates[i, side[i]]]
        pair = (mate, row) if flipped else (row, mate)
        rows.append(_outside(*pair, ratios[i, side[i]], row["fact_id"], bound))
    good = known.any(1) & ~wrong
    inside = np.where(known[good, 0], ratios[good, 0], ratios[good, 1]) if good.any() else np.empty(0)
    return rows, [] if flipped else _inside(judged[good], inside, bound)


def _against(judged: pd.DataFrame, others: pd.DataFrame, bound, flipped: bool) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the nearest others before and after, and the ratio with each (NaN where there is none)."""
    size = len(judged)
    keys = np.concatenate([judged["entity"], others["entity"]])
    day = [t["end"].to_numpy() for t in (judged, others)]
    if pd.isna(bound.days):
        starts = np.concatenate([judged["start"], others["start"]])
        code = number(keys, starts, np.concatenate(day))
        line, within = Timeline(code[size:], day[1]), 0
    else:
        code = number(keys)
        line, within = Timeline(code[size:], day[1]), bound.days
    mates = np.column_stack([
        line.before(code[:size], day[0], within=within, same_day=True), line.after(code[:size], day[0], within=within)
    ])  # fmt: skip
    value = np.append(others["home_value"].to_numpy(), np.nan)[mates]
    mine = judged["home_value"].to_numpy()[:, None]
    with np.errstate(all="ignore"):
        return mates, value / mine if flipped else mine / value


def _jump_rows(levels: pd.DataFrame, anchors: pd.DataFrame, near: list[np.ndarray], bound) -> list[dict]:
    """Each pair of neighbours once; a figure far from all its neighbours is suspected, else the less trusted."""
    mine, its = levels["home_value"].to_numpy()[:, None], anchors["home_value"].to_numpy()
    mates = np.column_stack(near)
    with np.errstate(all="ignore"):
        ratio = mine / np.append(its, np.nan)[mates]
        ratio = np.fmax(ratio, 1 / ratio)
    far = ratio > bound.high
    alone = dict(zip(levels["fact_id"], (far == np.isfinite(ratio)).all(1) & (far.sum(1) > 1), strict=True))
    rows, seen = [], set()
    for i, side in zip(*np.nonzero(far), strict=True):
        row, mate = levels.iloc[i], anchors.iloc[mates[i, side]]
        pair = frozenset((row["fact_id"], mate["fact_id"]))
        if pair not in seen:
            rows.append(_jump(row, mate, ratio[i, side], bound, alone))
        seen.add(pair)
    return rows


def _jump(row: pd.Series, mate: pd.Series, ratio: float, bound, alone: dict[str, bool]) -> dict:
    text = (
        f"{amount(row['value'], row['currency'])} against {amount(mate['value'], mate['currency'])} "
        f"({mate['source_id']}) within {bound.days:.0f} days: {times(ratio)} apart, bound {bound.high:g}; "
        f"{bound.reason}"
    )
    rank = lambda f: (f["nature"] == "doubtful", alone[f["fact_id"]], f["trust"])  # noqa: E731
    weaker, other = rank(row), rank(mate)
    doubted = () if weaker == other else ((row if weaker > other else mate)["fact_id"],)
    return verdict(row, "implausible", text, (row["fact_id"], mate["fact_id"]), doubted)


def _outside(top: pd.Series, below: pd.Series, ratio: float, judged: str, bound) -> dict:
    text = (
        f"{amount(top['value'], top['currency'])} is {_share(ratio)} of {bound.denominator} "
        f"{amount(below['value'], below['currency'])}; bounds {bound.low:g} to {bound.high:g}: {bound.reason}"
    )
    return verdict(top, "implausible", text, (top["fact_id"], below["fact_id"]), (judged,))


def _share(ratio: float) -> str:
    return times(ratio) if abs(ratio) > 10 else f"{ratio:.3%}" if abs(ratio) < 0.1 else f"{ratio:.3g}"


def _plain(value: float, unit: str) -> str:
    return amount(value, unit=unit) if unit == "ratio" else f"{value:,.4g}"


def _inside(table: pd.DataFrame, found: np.ndarray, bound) -> list[dict]:
    """One line per entity, so that what passed is counted without filling the page."""
    of = f" of {bound.denominator}" if bound.denominator else ""
    rows = []
    for _, at in sorted(table.reset_index(drop=True).groupby("entity").indices.items()):
        values = found[at]
        text = f"{len(at)} figures between {values.min():.3g} and {values.max():.3g}{of}"
        text += f"; bounds {bound.low:g} to {bound.high:g}"
        lead = table.iloc[at[np.argmax(table["end"].to_numpy()[at])]]
        rows.append(verdict(lead, "consistent", text, table["fact_id"].to_numpy()[at]))
    return rows


def _borrowed(row: pd.Series, mate: pd.Series, support: int, more: int) -> dict:
    what = " a share" if row["unit"] == "money_per_share" else ""
    text = (
        f"{amount(row['value'], row['currency'])}{what} is also printed for {mate['entity']} at that time, "
        f"by {more} documents against {support}"
    )
    return verdict(row, "implausible", text, (row["fact_id"], mate["fact_id"]), (row["fact_id"],))
