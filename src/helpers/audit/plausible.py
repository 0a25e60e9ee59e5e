"""Bounds that a practitioner would defend, kept as data with their reasons (``bounds.csv``)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.audit.prepare import Evidence, amount, verdicts

BORROWED_DAYS = 31


def bounds(evidence: Evidence) -> pd.DataFrame:
    """Single figures and ratios of two figures of one entity against their bounds.

    A ratio takes the preferred denominator nearest in time, within the bound's own days; without
    days, both must cover the same period.
    """
    tables = []
    preferred = evidence.preferred[evidence.preferred["is_preferred"]]
    for bound in evidence.bounds[evidence.bounds["kind"].isin(["value", "ratio"])].itertuples():
        table = evidence.levels[evidence.levels["metric"].eq(bound.numerator) & evidence.levels["period_end"].notna()]
        table = _divided(table, preferred, bound) if bound.denominator else table.assign(found=table["value"])
        outside = (table["found"] < bound.low) | (table["found"] > bound.high)
        preferred = preferred[~preferred["fact_id"].isin(table.loc[outside, "fact_id"])]  # judge nothing by these
        tables.append(verdicts("bounds", [_outside(row, bound) for row in table[outside].itertuples()]))
        tables.append(verdicts("bounds", _inside(table[~outside & table["found"].notna()], bound)))
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def jumps(evidence: Evidence) -> pd.DataFrame:
    """Two figures of one slow-moving series, days apart, that differ by more than the bound."""
    tables = []
    for bound in evidence.bounds[evidence.bounds["kind"].eq("jump")].itertuples():
        levels = evidence.levels[evidence.levels["metric"].eq(bound.numerator) & evidence.levels["period_end"].notna()]
        levels = levels[levels["home_value"] > 0]
        anchors = levels[levels["nature"].eq("measured")]
        pairs = _around(levels, anchors, pd.Timedelta(days=bound.days))
        pairs["ratio"] = np.maximum(pairs["home_value"] / pairs["near_home"], pairs["near_home"] / pairs["home_value"])
        pairs = pairs[pairs["ratio"] > bound.high]
        tables.append(verdicts("jump", _jump_rows(pairs, bound)))
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def borrowed(evidence: Evidence) -> pd.DataFrame:
    """One price per share credited to two companies in the same month: probably a mixed-up name."""
    levels = evidence.levels[evidence.levels["unit"].eq("money_per_share") & evidence.levels["period_end"].notna()]
    key = ["metric", "currency", "value"]
    levels = levels.sort_values([*key, "period_end"], kind="stable")
    support = levels.groupby([*key, "entity"], sort=False)["source_id"].transform("nunique")
    levels = levels.assign(support=support).drop_duplicates([*key, "entity"], keep="last")
    other = levels.groupby(key, sort=False)[["entity", "period_end", "fact_id", "support"]]
    rows = []
    for shift in (1, -1):
        near = other.shift(shift)
        close = (levels["period_end"] - near["period_end"]).abs() <= pd.Timedelta(days=BORROWED_DAYS)
        weaker = close & (levels["support"] < near["support"])
        for row, mate in zip(levels[weaker].itertuples(), near[weaker].itertuples(), strict=True):
            text = f"{amount(row.value, row.currency)} a share is also printed for {mate.entity} that month, by {int(mate.support)} sources against {row.support}"
            rows.append(_row(row, "implausible", text, (row.fact_id, mate.fact_id), (row.fact_id,)))
    return verdicts("borrowed figure", rows)


def _divided(table: pd.DataFrame, preferred: pd.DataFrame, bound) -> pd.DataFrame:
    below = preferred[preferred["metric"].eq(bound.denominator) & preferred["value"].ne(0)]
    columns = {"value": "below", "home_value": "home_below", "fact_id": "below_id", "currency": "below_currency"}
    below = below[["entity", "period_start", "period_end", *columns]].rename(columns=columns)
    if pd.isna(bound.days):
        table = table.merge(below, on=["entity", "period_start", "period_end"], how="left")
    else:
        table = pd.merge_asof(
            table.sort_values("period_end"), below.drop(columns="period_start").sort_values("period_end"),
            on="period_end", by="entity", direction="nearest", tolerance=pd.Timedelta(days=bound.days),
        )  # fmt: skip
    return table.assign(found=table["home_value"] / table["home_below"])


def _around(levels: pd.DataFrame, anchors: pd.DataFrame, within: pd.Timedelta) -> pd.DataFrame:
    """Each figure with the nearest sound one before and after it, from another source."""
    names = {"value": "near", "home_value": "near_home", "currency": "near_currency", "fact_id": "near_id",
             "source_id": "near_source", "trust": "near_trust"}  # fmt: skip
    anchors = anchors[["entity", "metric", "period_end", *names]].rename(columns=names)
    tables = []
    for direction in ("backward", "forward"):
        tables.append(pd.merge_asof(
            levels.sort_values("period_end"), anchors.sort_values("period_end"), on="period_end", by=["entity", "metric"],
            direction=direction, allow_exact_matches=False, tolerance=within,
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True).dropna(subset=["near"])


def _jump_rows(pairs: pd.DataFrame, bound) -> list[dict]:
    rows = []
    for row in pairs.drop_duplicates("fact_id").itertuples():
        weaker = row.nature == "doubtful" or row.trust > row.near_trust
        if not weaker and row.trust == row.near_trust and row.home_value < row.near_home:
            continue  # the other side of the pair is reported
        if not weaker and row.trust < row.near_trust:
            continue
        text = (
            f"{amount(row.value, row.currency)} against {amount(row.near, row.near_currency)} ({row.near_source}) within "
            f"{bound.days:.0f} days: {row.ratio:.2f} times, bound {bound.high:g}; {bound.reason}"
        )
        rows.append(_row(row, "implausible", text, (row.fact_id, row.near_id), (row.fact_id,) if weaker else ()))
    return rows


def _outside(row, bound) -> dict:
    if bound.denominator:
        what = f"{amount(row.value, row.currency)} is {row.found:.3g} of {bound.denominator} {amount(row.below, row.below_currency)}"
        ids = (row.fact_id, row.below_id)
    else:
        what, ids = f"{row.value:.3g}", (row.fact_id,)
    text = f"{what}; bounds {bound.low:g} to {bound.high:g}: {bound.reason}"
    return _row(row, "implausible", text, ids, (row.fact_id,))


def _inside(table: pd.DataFrame, bound) -> list[dict]:
    """One line per entity, so that what passed is counted without filling the page."""
    of = f" of {bound.denominator}" if bound.denominator else ""
    rows = []
    for entity, rows_of in table.groupby("entity", sort=True):
        low, high = rows_of["found"].min(), rows_of["found"].max()
        rows.append({
            "verdict": "consistent", "entity": entity, "metric": bound.numerator, "period_end": rows_of["period_end"].max(),
            "text": f"{len(rows_of)} figures between {low:.3g} and {high:.3g}{of}; bounds {bound.low:g} to {bound.high:g}",
            "fact_ids": tuple(rows_of["fact_id"]),
        })  # fmt: skip
    return rows


def _row(row, verdict: str, text: str, ids: tuple, doubted: tuple) -> dict:
    return {
        "verdict": verdict, "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
        "text": text, "fact_ids": ids, "doubted": doubted,
    }  # fmt: skip
