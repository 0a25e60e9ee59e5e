"""Stated changes against levels: year-on-year growth, windows, multiples, ranges.

A change check cannot see a factor common to both levels: 260 to 310 and 26 to 31 grow alike. That
is why `helpers.audit.scale` compares levels between sources.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from helpers.audit.lookup import NO_DAY, Timeline, days, first, number
from helpers.audit.prepare import Evidence, amount, overlap, percent, times, verdict, verdicts

NEAR = 45  # days between the end of a window and the level taken for it
EXCUSED = 1.5  # times that a level of another definition may grow faster or slower
RESTATES = 0.1  # an office's growth on a comparable base differs this much, at most, from its levels
Columns = dict[str, np.ndarray]
WORDS = {"at_least": "more than ", "nearly": "nearly ", "about": "about ", "at_most": "at most "}


def stated_growth(evidence: Evidence) -> pd.DataFrame:
    """Year-on-year growth against the level a year earlier, of the same source and as preferred.

    A growth is consistent when one pair of levels that a careful reader would use gives it back
    within rounding: the source's own levels, or the preferred ones, or one of each.
    """
    facts = evidence.facts
    stated = facts[facts["measure"].isin(["yoy_growth", "yoy_multiple"]) & facts["end"].ne(NO_DAY)]
    if stated.empty:
        return pd.DataFrame()
    stated = _as_ratio(stated)
    now = [stated["start"].to_numpy(), stated["end"].to_numpy()]
    base = [days(_year_before(stated["period_start"])), days(_year_before(stated["period_end"]))]
    best = evidence.preferred[evidence.preferred["is_preferred"]]
    levels, thing = evidence.levels, stated["thing"].to_numpy()
    both = number(np.concatenate([levels["source_id"], stated["source_id"]]))
    source, of = both[: len(levels)], both[len(levels) :]

    def at(period: list[np.ndarray]) -> list[Columns]:
        own = first([levels["thing"], source, levels["start"], levels["end"]], [thing, of, *period])
        other = first([best["thing"], best["start"], best["end"]], [thing, *period])
        return _sharpened(_taken(levels, own), _taken(best, other))

    pairs = [_ratio_of(a, b, stated.index) for a in at(now) for b in at(base)]
    return verdicts("stated growth", _comparable(stated, _judge(stated, pairs)))


def stated_windows(evidence: Evidence) -> pd.DataFrame:
    """Growth or multiple over a stated window against the levels at its ends.

    A metric whose word has several readings (an option's "value") is tested under each of them.
    """
    facts = evidence.facts
    stated = facts[facts["measure"].isin(["growth", "multiple"]) & facts["end"].ne(NO_DAY)]
    if stated.empty:
        return pd.DataFrame()
    stated = _as_ratio(stated)
    levels = evidence.levels
    levels = levels[levels["nature"].ne("doubtful") & levels["end"].ne(NO_DAY)]
    levels = levels[levels["entity"].isin(stated["entity"].unique())]
    is_open = stated["metric"].isin(evidence.readings["metric"])
    plain = stated[~is_open]
    tables = [verdicts("stated window", _judge(plain, _window_pairs(plain, levels, "thing")))]
    for reading in evidence.readings.itertuples():
        rows = stated[stated["metric"].eq(reading.metric)]
        if rows.empty:
            continue
        judged = verdicts("definition", _judge(rows, _window_pairs(rows, _read_as(levels, reading), "entity")))
        if not judged.empty:
            judged["text"] = f"read as {reading.reading}: " + judged["text"]
            judged["doubted"] = [()] * len(judged)  # one reading fails, the statement may still hold
        tables.append(judged)
    return pd.concat([table for table in tables if not table.empty] or [pd.DataFrame()], ignore_index=True)


def ranges(evidence: Evidence) -> pd.DataFrame:
    """A range of a level and a range of its growth must imply one base, low with low, high with high."""
    facts = evidence.facts[evidence.facts["value_high"].notna() & evidence.facts["end"].ne(NO_DAY)]
    key = ["entity", "metric", "source_id", "period_start", "period_end"]
    level = facts[facts["measure"].eq("level")]
    growth = facts[facts["measure"].eq("yoy_growth")]
    rows = []
    for row in level.merge(growth, on=key, suffixes=("", "_growth")).itertuples():
        half, half_growth = row.digit / 2, row.digit_growth / 2
        ends = ((row.value, row.value_growth), (row.value_high, row.value_high_growth))
        bases = [((v - half) / (1 + g + half_growth), (v + half) / (1 + g - half_growth)) for v, g in ends]
        fits = bases[0][0] <= bases[1][1] and bases[1][0] <= bases[0][1]
        shown = "; ".join(f"{amount(v)} / {1 + g:.4g} = {amount(v / (1 + g))}" for v, g in ends)
        text = f"{shown}: {'one base' if fits else 'two different bases'}"
        ids = (row.fact_id, row.fact_id_growth)
        rows.append(verdict(row, "consistent" if fits else "inconsistent", text, ids, () if fits else ids[1:]))
    return verdicts("range", rows)


def _as_ratio(stated: pd.DataFrame) -> pd.DataFrame:
    """Stated change as the interval of end over start."""
    growth = stated["measure"].isin(["yoy_growth", "growth"]).astype(float)
    return stated.assign(low=stated["low"] + growth, high=stated["high"] + growth)


def _year_before(day: pd.Series) -> pd.Series:
    """The same day a year earlier; the last day of a month stays the last day of the month."""
    earlier = day - pd.DateOffset(years=1)
    return earlier.where(~day.dt.is_month_end, earlier + pd.offsets.MonthEnd(0))


def _taken(levels: pd.DataFrame, position: np.ndarray) -> Columns:
    """Levels at these positions; NaN, None or False where a position is -1."""
    known, out = position >= 0, {}
    for column in ("fact_id", "source_id", "currency", "own_method", "value", "low", "high"):
        values = levels[column].to_numpy()
        missing = {"f": np.nan, "b": False}.get(values.dtype.kind)
        taken = values[position] if len(values) else np.full(len(position), missing)
        out[column] = np.where(known, taken, missing)
    return out


def _sharpened(own: Columns, best: Columns) -> list[Columns]:
    """Where the finer of a source's own level and the preferred one lies within the other, it stands for both."""
    finer = best["high"] - best["low"] < own["high"] - own["low"]  # False where either is missing
    fine, coarse = ({c: np.where(finer, a[c], b[c]) for c in own} for a, b in ((best, own), (own, best)))
    agree = (coarse["low"] <= fine["value"]) & (fine["value"] <= coarse["high"])
    agree &= own["currency"] == best["currency"]
    return [{column: np.where(agree, fine[column], side[column]) for column in side} for side in (own, best)]


def _ratio_of(n: Columns, b: Columns, index: pd.Index) -> pd.DataFrame:
    """End over start as an interval; two losses are compared by size; a change of sign has no ratio."""
    loss = (n["high"] < 0) & (b["high"] < 0)
    usable = (loss | ((b["low"] > 0) & (n["low"] > 0))) & (n["currency"] == b["currency"])
    end = lambda t, of, other: np.where(loss, -t[other], t[of])  # noqa: E731
    with np.errstate(all="ignore"):
        low = np.where(usable, end(n, "low", "high") / end(b, "high", "low"), np.nan)
        high = np.where(usable, end(n, "high", "low") / end(b, "low", "high"), np.nan)
        ratio = np.where(usable, np.abs(n["value"] / b["value"]), np.nan)
    known = np.isfinite(n["value"]) & np.isfinite(b["value"])
    columns = {"low": low, "high": high, "ratio": ratio, "is_loss": loss, "has_levels": known}
    columns |= {f"now_{c}": n[c] for c in n} | {f"base_{c}": b[c] for c in b}
    return pd.DataFrame(columns, index=index)


def _judge(stated: pd.DataFrame, pairs: list[pd.DataFrame]) -> list[dict]:
    """One verdict per stated change: the first pair that agrees, else the first that exists."""
    if stated.empty or not pairs:
        return []
    fits = np.column_stack([_meets(stated, pair) for pair in pairs])
    exists = np.column_stack([pair["ratio"].notna() for pair in pairs])
    levels = np.column_stack([pair["has_levels"] for pair in pairs])
    pick = np.where(fits.any(1), fits.argmax(1), np.where(exists.any(1), exists.argmax(1), levels.argmax(1)))
    rows: list[dict] = [{}] * len(stated)
    claims = list(stated.itertuples())
    for number_of, pair in enumerate(pairs):
        at = np.flatnonzero(pick == number_of)
        for i, levels_of in zip(at, pair.iloc[at].itertuples(), strict=True):
            rows[i] = _change(claims[i], levels_of, bool(fits[i].any()), bool(exists[i].any()))
    return rows


def _change(row, pair, fits: bool, exists: bool) -> dict:
    if not exists:
        why = "a level to compare with is missing"
        if pair.has_levels:
            same = pair.now_currency == pair.base_currency
            why = "the sign changes, so growth has no meaning" if same else "the levels are in two currencies"
        return verdict(row, "undetermined", f"stated {_stated(row)}; {why}", (row.fact_id,))
    ids, text = (row.fact_id, pair.now_fact_id, pair.base_fact_id), _change_text(row, pair)
    if fits:
        return verdict(row, "consistent", text + _left_open(row, pair), ids)
    if _other_method(row, pair) and row.low / EXCUSED <= pair.ratio <= row.high * EXCUSED:
        text += "; a level comes from another house, which may define it otherwise"
        return verdict(row, "undetermined", text, ids)
    return verdict(row, "inconsistent", text, ids, (row.fact_id,)) | {"ratio": pair.ratio}


def _left_open(row, pair) -> str:
    """What the printed digits of the levels leave open, where the stated change is not the computed one."""
    growth = row.measure in ("yoy_growth", "growth")
    known = np.isfinite(pair.low) and np.isfinite(pair.high) and pd.isna(row.value_high)
    if not growth or not known or abs(pair.ratio - 1 - row.value) <= row.digit / 2 * 1.001:
        return ""
    return f"; rounding of the levels leaves {percent(pair.low - 1)} to {percent(pair.high - 1)} open"


def _comparable(stated: pd.DataFrame, rows: list[dict]) -> list[dict]:
    """An office that restates its base states growth on the new one: its levels do not chain.

    Whether it does shows in its own figures: two years or more whose growth misses its own levels.
    Others that repeat that growth are excused with it, all within `RESTATES`.
    """
    claims = {row.fact_id: row for row in stated.itertuples()}
    gap = {}
    for row in rows:
        ratio, claim = row.pop("ratio", None), claims[row["fact_ids"][0]]
        if ratio is not None and claim.measure == "yoy_growth":
            gap[claim.fact_id] = abs(ratio - 1 - claim.value)
    missed = {(claims[i].thing, claims[i].end) for i, off in gap.items()
              if off <= RESTATES and claims[i].kind == "official_statistics"}  # fmt: skip
    restating = {thing for thing, count in Counter(thing for thing, _ in missed).items() if count > 1}
    for row in rows:
        claim = claims[row["fact_ids"][0]]
        if claim.thing in restating and gap.get(claim.fact_id, 1.0) <= RESTATES:
            row |= {"verdict": "undetermined", "doubted": ()}
            row["text"] += "; the office restates its base, so published levels do not chain"
    return rows


def _other_method(row, pair) -> bool:
    """Whether a level rests on a method of its own and comes from another document than the claim."""
    now = pair.now_own_method and pair.now_source_id != row.source_id
    return bool(now or (pair.base_own_method and pair.base_source_id != row.source_id))


def _meets(stated: pd.DataFrame, pair: pd.DataFrame) -> np.ndarray:
    fits = overlap(stated["low"], stated["high"], pair["low"], pair["high"])
    # "grew 1.6 times" is read both as to 1.6 times and as by 1.6 times; either makes it true
    multiple = stated["measure"].isin(["yoy_multiple", "multiple"]).to_numpy()
    return fits | (multiple & overlap(stated["low"] + 1, stated["high"] + 1, pair["low"], pair["high"]))


def _window_pairs(stated: pd.DataFrame, levels: pd.DataFrame, key: str) -> list[pd.DataFrame]:
    """Levels at both ends of a window: of the same source first, then whatever is sound."""
    if stated.empty:
        return []
    start, end = stated["start"].to_numpy(), stated["end"].to_numpy()
    flow = (levels["metric_kind"].eq("flow") & (levels["end"] > levels["start"])).to_numpy()
    pairs = []
    for by in ([key, "source_id"], [key]):
        for table, begins in ((levels[flow], "start"), (levels[~flow], "end")):
            keys = number(*(np.concatenate([table[c], stated[c]]) for c in by))
            have, want = keys[: len(table)], keys[len(table) :]
            base = Timeline(have, table[begins].to_numpy()).nearest(want, start, within=NEAR)
            now = Timeline(have, table["end"].to_numpy()).nearest(want, end, within=NEAR)
            length = (table["end"] - table["start"]).to_numpy()
            if begins == "start" and len(length):  # flows of unequal length do not compare
                equal = (base >= 0) & (now >= 0) & (np.abs(length[now] - length[base]) <= 3)
                base, now = np.where(equal, base, -1), np.where(equal, now, -1)
            pairs.append(_ratio_of(_taken(table, now), _taken(table, base), stated.index))
    return pairs


def _read_as(levels: pd.DataFrame, reading) -> pd.DataFrame:
    """Levels of a reading under the name of the read metric: one metric, or one less another."""
    first_name, _, second = (part.strip() for part in reading.reading.partition(" - "))
    table = levels[levels["metric"].eq(first_name)]
    if second:
        less = levels[levels["metric"].eq(second)]
        keys = number(*(np.concatenate([table[c], less[c]]) for c in ("entity", "currency")))
        line = Timeline(keys[len(table) :], less["end"].to_numpy())
        other = _taken(less, line.nearest(keys[: len(table)], table["end"].to_numpy(), within=4000))
        table = table.assign(
            value=table["value"] - other["value"], low=table["low"] - other["high"],
            high=table["high"] - other["low"],
        ).dropna(subset=["value"])  # fmt: skip
    return table


def _stated(row) -> str:
    growth = row.measure in ("yoy_growth", "growth")
    if not pd.isna(row.value_high):
        return f"{percent(row.value)} to {percent(row.value_high)}"
    return WORDS.get(row.qualifier, "") + (percent(row.value) if growth else times(row.value))


def _change_text(row, pair) -> str:
    growth = row.measure in ("yoy_growth", "growth")
    found = percent(pair.ratio - 1) if growth else times(pair.ratio)
    of = "size of the loss: " if pair.is_loss else ""
    return f"{of}{amount(pair.now_value)} over {amount(pair.base_value)} is {found}; stated {_stated(row)}"
