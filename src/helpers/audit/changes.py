"""Stated changes against levels: year-on-year growth, windows, multiples, ranges.

A change check cannot see a factor common to both levels: 260 to 310 and 26 to 31 grow alike. That
is why `helpers.audit.scale` compares levels between sources.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.audit.prepare import PERIOD, Evidence, amount, overlap, percent, verdicts

NEAR = pd.Timedelta(days=45)
FEW = ["fact_id", "value", "low", "high", "own_method", "source_id"]


def stated_growth(evidence: Evidence) -> pd.DataFrame:
    """Year-on-year growth against the level a year earlier, of the same source and as preferred.

    A growth is consistent when one pair of levels that a careful reader would use gives it back
    within rounding: the source's own levels, or the preferred ones, or one of each.
    """
    facts = evidence.facts
    stated = facts[facts["measure"].isin(["yoy_growth", "yoy_multiple"]) & facts["period_end"].notna()].copy()
    if stated.empty:
        return pd.DataFrame()
    stated["low"], stated["high"] = _as_ratio(stated)
    for column in PERIOD:
        stated[f"base_{column}"] = _year_before(stated[column])
    pairs = []
    for now in _candidates(evidence, stated, PERIOD, PERIOD):
        for base in _candidates(evidence, stated, [f"base_{c}" for c in PERIOD], PERIOD):
            pairs.append(_ratio_of(now, base))
    return verdicts("stated growth", _judge(stated, pairs))


def stated_windows(evidence: Evidence) -> pd.DataFrame:
    """Growth or multiple over a stated window against the levels at its ends.

    A metric whose word has several readings (an option's "value") is tested under each of them.
    """
    facts = evidence.facts
    stated = facts[facts["measure"].isin(["growth", "multiple"]) & facts["period_end"].notna()].copy()
    if stated.empty:
        return pd.DataFrame()
    stated["low"], stated["high"] = _as_ratio(stated)
    plain = stated[~stated["metric"].isin(evidence.readings["metric"])]
    tables = [verdicts("stated window", _judge(plain, _window_pairs(plain, evidence.levels, ["entity", "metric"])))]
    for reading in evidence.readings.itertuples():
        rows = stated[stated["metric"].eq(reading.metric)]
        if rows.empty:
            continue
        levels = _read_as(evidence, reading.metric, reading.reading)
        judged = verdicts("definition", _judge(rows, _window_pairs(rows, levels, ["entity"])))
        if not judged.empty:
            judged["text"] = f"read as {reading.reading}: " + judged["text"]
            judged["doubted"] = [()] * len(judged)  # one reading fails, the statement may still hold
        tables.append(judged)
    return pd.concat(tables, ignore_index=True)


def ranges(evidence: Evidence) -> pd.DataFrame:
    """A range of a level and a range of its growth must imply one base, low with low, high with high."""
    facts = evidence.facts[evidence.facts["value_high"].notna() & evidence.facts["period_end"].notna()]
    key = ["entity", "metric", "source_id", *PERIOD]
    level = facts[facts["measure"].eq("level")]
    growth = facts[facts["measure"].eq("yoy_growth")]
    both = level.merge(growth, on=key, suffixes=("", "_growth"))
    rows = []
    for row in both.itertuples():
        half, half_growth = row.digit / 2, row.digit_growth / 2
        bases = [
            ((value - half) / (1 + growth + half_growth), (value + half) / (1 + growth - half_growth))
            for value, growth in ((row.value, row.value_growth), (row.value_high, row.value_high_growth))
        ]
        fits = bases[0][0] <= bases[1][1] and bases[1][0] <= bases[0][1]
        text = (
            f"{amount(row.value)} / {1 + row.value_growth:.4g} = {amount(row.value / (1 + row.value_growth))}; "
            f"{amount(row.value_high)} / {1 + row.value_high_growth:.4g} = "
            f"{amount(row.value_high / (1 + row.value_high_growth))}: {'one base' if fits else 'two different bases'}"
        )
        rows.append(_row(row, "consistent" if fits else "inconsistent", text, (row.fact_id, row.fact_id_growth)))
    return verdicts("range", rows)


def _as_ratio(stated: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Stated change as the interval of end over start."""
    growth = stated["measure"].isin(["yoy_growth", "growth"]).astype(float)
    return stated["low"] + growth, stated["high"] + growth


def _year_before(days: pd.Series) -> pd.Series:
    """The same day a year earlier; the last day of a month stays the last day of the month."""
    earlier = days - pd.DateOffset(years=1)
    return earlier.where(~days.dt.is_month_end, earlier + pd.offsets.MonthEnd(0))


def _candidates(evidence: Evidence, stated: pd.DataFrame, keys: list[str], of: list[str]) -> list[pd.DataFrame]:
    """Levels that a reader may use at a period: of the same source, then the preferred one."""
    own = evidence.levels.drop_duplicates(["entity", "metric", "source_id", *of])
    best = evidence.preferred[evidence.preferred["is_preferred"]]
    found = []
    for levels, by in ((own, ["entity", "metric", "source_id"]), (best, ["entity", "metric"])):
        table = stated[[*by, *keys]].merge(
            levels[list(dict.fromkeys([*by, *of, *FEW, "currency"]))],
            how="left",
            left_on=[*by, *keys],
            right_on=[*by, *of],
        )
        found.append(table.set_axis(stated.index)[[*FEW, "currency"]])
    return found


def _ratio_of(now: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """End over start as an interval; two losses are compared by size; a change of sign has no ratio."""
    loss = (now["high"] < 0) & (base["high"] < 0)
    usable = loss | ((base["low"] > 0) & (now["low"] > 0))
    usable &= now["currency"].eq(base["currency"])
    size = lambda t, end, other: np.where(loss, -t[other], t[end])  # noqa: E731
    out = pd.DataFrame(index=now.index)
    with np.errstate(all="ignore"):
        out["low"] = np.where(usable, size(now, "low", "high") / size(base, "high", "low"), np.nan)
        out["high"] = np.where(usable, size(now, "high", "low") / size(base, "low", "high"), np.nan)
        out["ratio"] = np.where(usable, np.abs(now["value"] / base["value"]), np.nan)
    out["is_loss"] = loss
    for name, table in (("now", now), ("base", base)):
        out[[f"{name}_id", f"{name}_value"]] = table[["fact_id", "value"]].to_numpy()
        out[f"{name}_method"] = table["own_method"].eq(True)
        out[f"{name}_source"] = table["source_id"]
    out["has_levels"] = now["value"].notna() & base["value"].notna()
    return out


def _judge(stated: pd.DataFrame, pairs: list[pd.DataFrame]) -> list[dict]:
    """One verdict per stated change: the first pair that agrees, else the first that exists."""
    if stated.empty or not pairs:
        return []
    fits = np.column_stack([_meets(stated, pair) for pair in pairs])
    exists = np.column_stack([pair["ratio"].notna() for pair in pairs])
    levels = np.column_stack([pair["has_levels"] for pair in pairs])
    pick = np.where(fits.any(1), fits.argmax(1), np.where(exists.any(1), exists.argmax(1), levels.argmax(1)))
    rows, records = [], [pair.to_dict("records") for pair in pairs]
    for i, row in enumerate(stated.itertuples()):
        pair = records[pick[i]][i]
        if not exists[i].any():
            why = (
                "the sign changes, so growth has no meaning"
                if levels[i].any()
                else "a level to compare with is missing"
            )
            rows.append(_row(row, "undetermined", f"stated {_stated(row)}; {why}", (row.fact_id,)))
            continue
        verdict, text = ("consistent" if fits[i].any() else "inconsistent"), _change_text(row, pair)
        if verdict == "inconsistent" and _other_method(row, pair):
            verdict, text = "undetermined", f"{text}; a level comes from another house, which may define it otherwise"
        if verdict == "inconsistent" and row.kind == "official_statistics":
            text += "; the office restates its base, so published levels do not chain"
        rows.append(_row(row, verdict, text, (row.fact_id, pair["now_id"], pair["base_id"])))
    return rows


def _other_method(row, pair: dict) -> bool:
    """Whether a level rests on a method of its own and comes from another document than the claim."""
    return any(pair[f"{end}_method"] and pair[f"{end}_source"] != row.source_id for end in ("now", "base"))


def _meets(stated: pd.DataFrame, pair: pd.DataFrame) -> np.ndarray:
    ratio = pair[["low", "high"]].astype(float)
    fits = overlap(stated["low"], stated["high"], ratio["low"], ratio["high"])
    # "grew 1.6 times" is read both as to 1.6 times and as by 1.6 times; either makes it true
    multiple = stated["measure"].isin(["yoy_multiple", "multiple"]).to_numpy()
    also = overlap(stated["low"] + 1, stated["high"] + 1, ratio["low"], ratio["high"])
    return fits | (multiple & also)


def _window_pairs(stated: pd.DataFrame, levels: pd.DataFrame, key: list[str]) -> list[pd.DataFrame]:
    """Levels at both ends of a window: of the same source first, then whatever is sound."""
    if stated.empty:
        return []
    sound = levels[levels["nature"].ne("doubtful") & levels["period_end"].notna()]
    sound = sound[sound["entity"].isin(stated["entity"].unique())]
    if "metric" in key:
        sound = sound[sound["metric"].isin(stated["metric"].unique())]
    flows = sound["metric_kind"].eq("flow") & (sound["period_end"] > sound["period_start"])
    pairs = []
    for by in ([*key, "source_id"], key):
        for table, start, end in (
            (sound[flows], "period_start", "period_end"),
            (sound[~flows], "period_end", "period_end"),
        ):
            base = _nearest(stated, table, by, "period_start", start)
            now = _nearest(stated, table, by, "period_end", end)
            # flows of unequal length do not compare; a stock's days are only how loosely it is dated
            same = ((now["days"] - base["days"]).abs().fillna(0) <= 3) | (start == "period_end")
            pairs.append(_ratio_of(now.where(same), base.where(same)))
    return pairs


def _nearest(stated: pd.DataFrame, levels: pd.DataFrame, by: list[str], left: str, right: str) -> pd.DataFrame:
    """The level of the same key nearest in time to one end of the window."""
    levels = levels.assign(days=(levels["period_end"] - levels["period_start"]).dt.days, at=levels[right])
    table = pd.merge_asof(
        stated[[*by, left]].reset_index(names="row").sort_values(left),
        levels[list(dict.fromkeys([*by, "at", *FEW, "currency", "days"]))].sort_values("at"),
        left_on=left, right_on="at", by=by, direction="nearest", tolerance=NEAR,
    )  # fmt: skip
    return table.set_index("row").reindex(stated.index)[[*FEW, "currency", "days"]]


def _read_as(evidence: Evidence, metric: str, reading: str) -> pd.DataFrame:
    """Levels of a reading: one metric, or one metric less another, which is taken at the nearest day."""
    first, _, second = (part.strip() for part in reading.partition(" - "))
    levels = evidence.levels[evidence.levels["metric"].eq(first) & evidence.levels["period_end"].notna()]
    if not second:
        return levels
    other = evidence.levels[evidence.levels["metric"].eq(second) & evidence.levels["period_end"].notna()]
    both = pd.merge_asof(
        levels.sort_values("period_end"),
        other[["entity", "currency", "period_end", "value", "low", "high"]].sort_values("period_end"),
        on="period_end", by=["entity", "currency"], direction="nearest", suffixes=("", "_less"),
    )  # fmt: skip
    both["value"] -= both["value_less"]
    both["low"], both["high"] = both["low"] - both["high_less"], both["high"] - both["low_less"]
    return both


def _stated(row) -> str:
    growth = row.measure in ("yoy_growth", "growth")
    word = {"at_least": "more than ", "nearly": "nearly ", "about": "about ", "at_most": "at most "}.get(
        row.qualifier, ""
    )
    if not pd.isna(row.value_high):
        return f"{percent(row.value)} to {percent(row.value_high)}"
    return word + (percent(row.value) if growth else f"{row.value:,.4g} times")


def _change_text(row, pair: dict) -> str:
    growth = row.measure in ("yoy_growth", "growth")
    found = percent(pair["ratio"] - 1) if growth else f"{pair['ratio']:,.4g} times"
    of = "size of the loss: " if pair["is_loss"] else ""
    levels = f"{amount(pair['now_value'])} over {amount(pair['base_value'])}"
    return f"{of}{levels} is {found}; stated {_stated(row)}"


def _row(row, verdict: str, text: str, ids: tuple) -> dict:
    return {
        "verdict": verdict, "entity": row.entity, "metric": row.metric, "period_end": row.period_end, "text": text,
        "fact_ids": tuple(dict.fromkeys(i for i in ids if isinstance(i, str))),
        "doubted": (row.fact_id,) if verdict == "inconsistent" else (),
    }  # fmt: skip
