"""Order in time: a part above its whole, a figure under the wrong year, a series that jumps or never moves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.audit.identities import monthly
from helpers.audit.lookup import NO_DAY, first, number
from helpers.audit.prepare import FAR, VOICELESS, Evidence, amount, times, verdict, verdicts

NEVER_NEGATIVE = (
    "revenue|gmv|gross_profit|cost_of_revenue|orders|retail_sales|online_ad_market|ad_revenue|expense|buyers"
)
INSIDE = {12: (3, 6, 9), 9: (3, 6), 6: (3,)}  # months of a whole, and of the parts that lie within it
FLAT_PERIODS = 3
FLAT_FIGURES = 3  # "300 million" three times over is rounding; "301 million" three times over is not
YEAR_FIGURES = {"flow": 3, "average": 4}  # users change so slowly that three digits may repeat
VERY_FAR = 0.8  # powers of ten outside the neighbours: six times
STEADY = 0.3  # powers of ten: neighbours within a factor of two of each other


def containment(evidence: Evidence) -> pd.DataFrame:
    """A flow over a part of a period cannot exceed the flow over the whole.

    Two kinds of nesting are tried: periods that begin or end on one day, and whole quarters within
    half-years, nine months and years. Either side may be the wrong one; one of them must be sound.
    """
    levels = evidence.levels
    keep = levels["metric_kind"].eq("flow") & levels["metric"].str.contains(NEVER_NEGATIVE)
    levels = levels[keep & (levels["end"] > levels["start"]) & levels["nature"].ne("expected")]
    levels = levels[levels["home_value"].notna()].reset_index(drop=True)
    pairs = np.concatenate([_nested(levels), _quarters(levels)])
    rows, seen = [], set()
    facts = {row.Index: row for row in levels.iloc[np.unique(pairs)].itertuples()}
    for whole, part in pairs[np.lexsort(pairs.T[::-1])]:
        if not seen & {("whole", whole), ("part", part)}:
            rows.append(_part_row(facts[whole], facts[part]))
        seen |= {("whole", whole), ("part", part)}
    return verdicts("part and whole", rows)


def year_slips(evidence: Evidence) -> pd.DataFrame:
    """The same many-digit figure printed for two years running: one of them is under the wrong year."""
    levels = evidence.levels[evidence.levels["end"].ne(NO_DAY) & evidence.levels["nature"].ne("expected")]
    levels = levels[levels["figures"] >= levels["metric_kind"].map(YEAR_FIGURES).astype(float).fillna(np.inf)]
    key = ["thing", "currency", "value", "months"]
    levels = levels.sort_values([*key, "end"], kind="stable")
    later = levels.groupby(key, sort=False)[["end", "period_end", "fact_id", "trust"]].shift()
    hits = (levels["end"] - later["end"]).between(300, 430)
    rows = []
    for row, before in zip(levels[hits].itertuples(), later[hits].itertuples(), strict=True):
        text = (
            f"{amount(row.value, row.currency)} is printed for {row.period_end:%Y} and for "
            f"{before.period_end:%Y}: one year is wrong"
        )
        ids = (row.fact_id, before.fact_id)
        later_is_weaker = min(row.trust, VOICELESS) >= min(before.trust, VOICELESS)
        rows.append(verdict(row, "implausible", text, ids, ids[:1] if later_is_weaker else ids[1:]))
    return verdicts("year", rows)


def outliers(evidence: Evidence) -> pd.DataFrame:
    """A figure far above, or below, the two before and the two after it in a series of equal periods.

    Between its neighbours it must stand out further than they differ among themselves. At the end of
    a series, where growth could be the reason, they must be steady. Prices may treble and a profit
    comes from a small difference of large sums, so there six times counts as far, elsewhere three.
    """
    levels = evidence.levels[~evidence.levels["fact_id"].isin(evidence.slipped)]  # reported with their scale
    off, calm = levels["off"].abs(), levels["metric"].str.contains(NEVER_NEGATIVE) | levels["metric_kind"].eq("average")
    calm &= levels["months"].gt(0) & ~levels["is_mixed"]
    far = np.where(calm, FAR, VERY_FAR)
    grown = levels["is_first"] & (levels["off"] < 0)  # a young platform's first figure is small
    at_end = np.where((levels["step"] < STEADY) & ~levels["is_mixed"] & ~grown, 0.0, np.inf)
    hits = levels[(off > far) & (off > np.where(levels["is_between"], levels["step"], at_end))]
    rows = []
    for row in hits.itertuples():
        way = "above" if row.off > 0 else "below"
        text = f"{amount(row.value, row.currency)} is {times(10 ** abs(row.off))} {way} all figures next to it in time"
        text += "" if row.is_mixed else f", and they lie within {times(10**row.step)} of each other"
        rows.append(verdict(row, "implausible", text, (row.fact_id,), (row.fact_id,)))
    return verdicts("outlier", rows)


def flat_series(evidence: Evidence) -> pd.DataFrame:
    """A preferred series that repeats one value for three or more periods was copied forward, not measured."""
    table = evidence.preferred[evidence.preferred["metric_kind"].isin(["flow", "average"])]
    table = table[(table["figures"] >= FLAT_FIGURES) & table["value"].ne(0) & table["months"].gt(0)]
    series = number(table["thing"], table["currency"], table["months"])
    order = np.lexsort((table["end"], series))
    table, series = table.iloc[order], series[order]
    value, end = table["value"].to_numpy(), table["end"].to_numpy()
    same = (np.diff(value) == 0) & (np.diff(series) == 0) & (np.diff(end) < 40 * table["months"].to_numpy()[1:])
    run = np.cumsum(np.r_[True, ~same][: len(table)])
    table = table[np.bincount(run, minlength=1)[run] >= FLAT_PERIODS] if len(table) else table
    rows = []
    for _, members in table.groupby(run[np.bincount(run, minlength=1)[run] >= FLAT_PERIODS], sort=False):
        lead, ids = members.iloc[-1], tuple(members["fact_id"])
        text = f"{amount(lead['value'], lead['currency'])} stands unchanged in {len(ids)} periods"
        text += f" from {members['period_end'].iloc[0]:%Y-%m-%d}"
        rows.append(verdict(lead, "implausible", text, ids, ids[1:]))
    return verdicts("flat series", rows)


def _nested(levels: pd.DataFrame) -> np.ndarray:
    """Pairs (whole, part) of periods that begin, or end, on one day, the whole below the part."""
    low, high = levels["home_low"].to_numpy(), levels["home_high"].to_numpy()
    sound = levels["nature"].eq("measured").to_numpy()
    length = (levels["end"] - levels["start"]).to_numpy()
    found = [np.empty((0, 2), int)]
    for anchor in ("start", "end"):
        key = number(levels["thing"], levels[anchor])
        # shorter first: the highest lower bound so far, and whose it is
        for order, bound, sign in ((np.lexsort((length, key)), low, 1), (np.lexsort((-length, key)), -high, -1)):
            best = _best_before(key[order], length[order] * sign, np.where(sound, bound, -np.inf)[order])
            other = np.where(best >= 0, order[best], -1)
            mine = order
            mate = np.where(other >= 0, other, 0)
            hit = (other >= 0) & ((high[mine] < low[mate]) if sign > 0 else (low[mine] > high[mate]))
            pair = np.column_stack([mine, mate] if sign > 0 else [mate, mine])
            found.append(pair[hit])
    return np.concatenate(found)


def _best_before(key: np.ndarray, length: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """For rows sorted by key and length, the row of highest bound among the strictly earlier lengths, or -1."""
    size = len(key)
    if not size:
        return np.empty(0, int)
    order = np.argsort(bound, kind="stable")
    rank = np.empty(size, int)
    rank[order] = np.arange(1, size + 1)
    rank[np.isneginf(bound)] = 0
    new_key = np.r_[True, key[1:] != key[:-1]]
    group = np.cumsum(new_key)
    running = np.maximum.accumulate(group * (size + 1) + rank)  # a later key starts above all earlier ones
    new_length = new_key | np.r_[True, length[1:] != length[:-1]]
    begin = np.maximum.accumulate(np.where(new_length, np.arange(size), 0))
    before = running[begin - 1]
    known = (begin > 0) & (before // (size + 1) == group) & (before % (size + 1) > 0)
    return np.where(known, order[before % (size + 1) - 1], -1)


def _quarters(levels: pd.DataFrame) -> np.ndarray:
    """Pairs (whole, part) of calendar quarters within longer periods, the whole below the part."""
    table = monthly(levels)
    at = table.index.to_numpy()
    thing, month, months = (table[c].to_numpy() for c in ("thing", "month", "months"))
    low, high = table["home_low"].to_numpy(), table["home_high"].to_numpy()
    sound = table["nature"].eq("measured").to_numpy()
    sides = {}
    for name, bound in (("part", -low), ("whole", high)):  # the most demanding sound figure of each period
        order = np.lexsort((np.where(sound, bound, np.inf),))
        sides[name] = order[sound[order]]
    found = [np.empty((0, 2), int)]
    for whole, parts in INSIDE.items():
        for part in parts:
            for offset in range(0, whole - part + 1, 3):
                mine = np.flatnonzero(months == whole)
                mate = _among(sides["part"], (thing, month, months), mine, offset, part)
                hit = (mate >= 0) & (high[mine] < low[mate])
                found.append(np.column_stack([at[mine], at[mate]])[hit])
                mine = np.flatnonzero(months == part)
                mate = _among(sides["whole"], (thing, month, months), mine, -offset, whole)
                hit = (mate >= 0) & (low[mine] > high[mate])
                found.append(np.column_stack([at[mate], at[mine]])[hit])
    return np.concatenate(found)


def _among(rows: np.ndarray, keys: tuple, mine: np.ndarray, shift: int, length: int) -> np.ndarray:
    """Which of `rows` has the thing of each of mine, begins `shift` months later and is `length` long; or -1."""
    thing, month, months = keys
    wanted = [thing[mine], month[mine] + shift, np.full(len(mine), length)]
    found = first([thing[rows], month[rows], months[rows]], wanted)
    return np.where(found >= 0, np.append(rows, -1)[found], -1)


def _part_row(whole, part) -> dict:
    text = (
        f"{amount(whole.value, whole.currency)} for {whole.period_start:%Y-%m-%d} to {whole.period_end:%Y-%m-%d} "
        f"is below {amount(part.value, part.currency)} for a part of it, {part.period_start:%Y-%m-%d} to "
        f"{part.period_end:%Y-%m-%d}"
    )
    text += "" if whole.currency == part.currency else f" (at dated rates to {whole.home_currency})"
    rank = [(min(f.trust, VOICELESS), abs(f.off) > FAR) for f in (whole, part)]
    ids = (whole.fact_id, part.fact_id)
    doubted = () if rank[0] == rank[1] else ids[:1] if rank[0] > rank[1] else ids[1:]
    return verdict(whole, "inconsistent", text, ids, doubted)
