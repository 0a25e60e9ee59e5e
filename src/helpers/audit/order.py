"""Order in time: a part above its whole, a figure under the wrong year, a series that never moves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.audit.prepare import SERIES, Evidence, amount, verdicts

NEVER_NEGATIVE = (
    "revenue|gmv|gross_profit|cost_of_revenue|orders|retail_sales|online_ad_market|ad_revenue|expense|buyers"
)
FLAT_PERIODS = 3
OUTLYING = 5.0


def containment(evidence: Evidence) -> pd.DataFrame:
    """A flow over a part of a period cannot exceed the flow over the whole.

    Periods that begin on one day, or end on one day, contain each other; within such a chain the
    longer must not fall below the highest lower bound of the shorter ones.
    """
    levels = evidence.levels
    keep = levels["metric_kind"].eq("flow") & levels["metric"].str.contains(NEVER_NEGATIVE)
    levels = levels[keep & (levels["period_end"] > levels["period_start"]) & levels["nature"].ne("expected")]
    found = []
    for anchor, other, sign in (("period_start", "period_end", 1), ("period_end", "period_start", -1)):
        key = ["entity", "metric", anchor]
        table = levels.assign(length=sign * (levels[other] - levels[anchor]).dt.days)
        table = table.sort_values([*key, "length"], kind="stable")
        found.append(_above_whole(table, key))
    rows = pd.concat(found).drop_duplicates("fact_id")
    return verdicts("part and whole", [_part_row(row) for row in rows.itertuples()])


def _above_whole(table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Rows below the lower bound of a shorter period of the same chain, with that shorter period."""
    # only strictly shorter and sound periods count, so take the maximum per length first
    sound = table["home_low"].where(table["nature"].eq("measured"), -np.inf)
    steps = table.assign(sound=sound).groupby([*key, "length"], sort=False).agg(top=("sound", "max"))
    chain = list(range(len(key)))
    before = steps.groupby(level=chain, sort=False)["top"].cummax().groupby(level=chain, sort=False).shift()
    table = table.merge(before.rename("before"), left_on=[*key, "length"], right_index=True)
    low = table[table["home_high"] < table["before"]]
    names = {"fact_id": "part_id", "value": "part_value", "currency": "part_currency", "home_low": "before",
             "nature": "part_nature", "trust": "part_trust"}  # fmt: skip
    part = table[[*names, *key]].rename(columns=names)
    return low.merge(part, on=[*key, "before"]).drop_duplicates("fact_id")


def year_slips(evidence: Evidence) -> pd.DataFrame:
    """The same many-digit figure printed for two years running: one of them is under the wrong year."""
    levels = evidence.levels[evidence.levels["period_end"].notna() & evidence.levels["nature"].ne("expected")]
    figures = (
        np.floor(np.log10(levels["value"].abs().where(levels["value"].ne(0), 1)))
        - np.log10(levels["digit"]).round()
        + 1
    )
    levels = levels[(figures >= 4) & levels["metric_kind"].isin(["flow", "average"])]
    levels = levels.assign(days=(levels["period_end"] - levels["period_start"]).dt.days // 15)
    levels = levels.sort_values([*SERIES, "value", "days", "period_end"], kind="stable")
    later = levels.groupby([*SERIES, "value", "days"], sort=False)[
        ["period_end", "fact_id", "source_id", "trust", "nature"]
    ].shift()
    gap = (levels["period_end"] - later["period_end"]).dt.days
    hits = levels[gap.between(300, 430)].join(later.add_suffix("_before"))
    rows = [
        {
            "verdict": "implausible", "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
            "text": f"{amount(row.value, row.currency)} is printed for {row.period_end:%Y} and for {row.period_end_before:%Y}: one year is wrong",
            "fact_ids": (row.fact_id, row.fact_id_before),
            "doubted": (row.fact_id,) if row.trust >= row.trust_before else (row.fact_id_before,),
        }
        for row in hits.itertuples()
    ]  # fmt: skip
    return verdicts("year", rows)


def outliers(evidence: Evidence) -> pd.DataFrame:
    """A figure more than five times above, or below, both its neighbours in a series of equal periods."""
    table = evidence.levels[
        evidence.levels["metric_kind"].isin(["flow", "average", "stock"]) & (evidence.levels["home_value"] > 0)
    ]
    table = table[table["period_end"].notna()]
    table = table.assign(days=(table["period_end"] - table["period_start"]).dt.days // 15)
    key = ["entity", "metric", "days"]
    # a slip of scale neither judges its neighbours nor is reported twice
    table = table[~table["fact_id"].isin(evidence.slipped)]
    sound = table[table["nature"].eq("measured")][[*key, "period_end", "home_value", "fact_id"]]
    sound = sound.rename(columns={"home_value": "near", "fact_id": "near_id"}).sort_values("period_end")
    table = table.sort_values("period_end")
    for side in ("backward", "forward"):
        table = pd.merge_asof(table, sound, on="period_end", by=key, direction=side, allow_exact_matches=False,
                              suffixes=("", f"_{side}"), tolerance=pd.Timedelta(days=800))  # fmt: skip
    before, after = table["home_value"] / table["near"], table["home_value"] / table["near_forward"]
    hits = table[((before > OUTLYING) & (after > OUTLYING)) | ((before < 1 / OUTLYING) & (after < 1 / OUTLYING))]
    rows = [
        {
            "verdict": "implausible", "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
            "text": f"{amount(row.value, row.currency)} stands between {amount(row.near)} and {amount(row.near_forward)} ({row.home_currency}, the periods before and after)",
            "fact_ids": (row.fact_id, row.near_id, row.near_id_forward), "doubted": (row.fact_id,),
        }
        for row in hits.itertuples()
    ]  # fmt: skip
    return verdicts("outlier", rows)


def flat_series(evidence: Evidence) -> pd.DataFrame:
    """A preferred series that repeats one value for three or more periods was copied forward, not measured."""
    table = evidence.preferred[evidence.preferred["metric_kind"].isin(["flow", "average"])]
    table = table.assign(days=(table["period_end"] - table["period_start"]).dt.days // 15)
    key = [*SERIES, "days"]
    table = table.sort_values([*key, "period_end"], kind="stable")
    same = table["value"].eq(table.groupby(key, sort=False)["value"].shift())
    table = table.assign(run=(~same).cumsum())
    runs = table.groupby([*key, "run"], sort=False).agg(
        count=("fact_id", "size"), value=("value", "first"), start=("period_end", "first"), period_end=("period_end", "last"),
        fact_ids=("fact_id", tuple),
    ).reset_index()  # fmt: skip
    runs = runs[runs["count"] >= FLAT_PERIODS]
    rows = [
        {
            "verdict": "implausible", "entity": run.entity, "metric": run.metric, "period_end": run.period_end,
            "text": f"{amount(run.value, run.currency)} stands unchanged in {run.count} periods from {run.start:%Y-%m-%d}",
            "fact_ids": run.fact_ids,
        }
        for run in runs.itertuples()
    ]  # fmt: skip
    return verdicts("flat series", rows)


def _part_row(row) -> dict:
    text = (
        f"{amount(row.value, row.currency)} for {row.period_start:%Y-%m-%d} to {row.period_end:%Y-%m-%d} "
        f"is below {amount(row.part_value, row.part_currency)} for a part of it"
    )
    return {
        "verdict": "inconsistent", "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
        "text": text, "fact_ids": (row.fact_id, row.part_id),
        "doubted": (row.fact_id,) if row.nature == "doubtful" else (),
    }  # fmt: skip
