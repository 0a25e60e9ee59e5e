"""Several sources on the same thing: do they agree within rounding, and how many voices are they?"""

from __future__ import annotations

import pandas as pd

from helpers import evidence as printed
from helpers.audit.prepare import PERIOD, Evidence, amount, verdicts

KEY = ["entity", "metric", "measure", "currency", *PERIOD]
FAR_APART = 3.0  # beyond this ratio a difference of definition does not excuse one house's estimate


def sources(evidence: Evidence) -> pd.DataFrame:
    """Facts on the same entity, metric and period from two or more documents.

    Ten articles that repeat one number are one voice (`helpers.evidence.originator`): they do not
    corroborate it, and they are counted, so that a reader sees a chain of copies as such.
    """
    facts = evidence.facts
    facts = facts[facts["period_end"].notna() & facts["nature"].isin(["measured", "doubtful"])]
    facts = facts[~facts["fact_id"].isin(evidence.slipped)]  # reported once, with their scale
    documents = facts.groupby(KEY, sort=False)["source_id"].transform("nunique")
    shared = facts[documents > 1].copy()
    if shared.empty:
        return pd.DataFrame()
    shared["cluster"] = printed.clusters(shared, KEY)
    shared = shared.sort_values("digit", kind="stable")  # a cluster is shown by its sharpest figure
    shared["is_sound"] = shared["nature"].eq("measured")
    summary = _clusters(shared)
    size = summary.groupby("group", sort=False)["cluster"].transform("size")
    rows = [_of(c) | _agreed(c) for c in summary[size == 1].itertuples()]
    rows += [_disagreed(table) for _, table in summary[size > 1].groupby("group", sort=False)]
    return verdicts("sources", rows)


def _clusters(shared: pd.DataFrame) -> pd.DataFrame:
    """One row per cluster, the best supported first within its group."""
    shared = shared.assign(
        group=shared.groupby(KEY, sort=False).ngroup(),
        is_company=shared["origin"].eq("company"), is_restated=shared["status"].eq("restated"),
    )  # fmt: skip
    out = shared.groupby(["group", "cluster"], sort=False).agg(
        entity=("entity", "first"), metric=("metric", "first"), measure=("measure", "first"),
        currency=("currency", "first"), period_end=("period_end", "first"), value=("value", "first"),
        documents=("source_id", "nunique"), origins=("origin", "nunique"), trust=("trust", "min"),
        has_company=("is_company", "any"), is_sound=("is_sound", "any"), own_method=("own_method", "all"),
        is_restated=("is_restated", "any"), fact_ids=("fact_id", tuple), source_ids=("source_id", tuple),
    ).reset_index()  # fmt: skip
    return out.sort_values(
        ["group", "is_sound", "trust", "origins", "documents"], ascending=[True, False, True, False, False]
    )


def _of(cluster) -> dict:
    return {
        "entity": cluster.entity, "metric": cluster.metric, "period_end": cluster.period_end,
        "fact_ids": cluster.fact_ids,
    }  # fmt: skip


def _disagreed(clusters: pd.DataFrame) -> dict:
    best, others = clusters.iloc[0], clusters.iloc[1:]
    shared = _of(best) | {"fact_ids": tuple(i for ids in clusters["fact_ids"] for i in ids)}
    listed = "; ".join(f"{_shown(c)} ({', '.join(dict.fromkeys(c.source_ids))})" for c in clusters.itertuples())
    size = (clusters["value"] + (best["measure"] == "yoy_growth")).abs()
    ratio = float(size.max() / max(size.min(), 1e-300))
    apart = f"{listed}: {ratio:,.3g} times apart" if ratio >= 1.2 else f"{listed}: {ratio - 1:.1%} apart"
    if clusters["is_restated"].any():
        return shared | {"verdict": "undetermined", "text": f"{apart}; one is a restatement, both stand"}
    doubted = tuple(i for c in others.itertuples() for i in c.fact_ids if not c.is_sound or _loses(c, best))
    own_method = best["own_method"] or others["own_method"].all()
    if own_method and others["is_sound"].all() and ratio < FAR_APART:
        text = f"{apart}; a vendor, broker or research house measures by its own definition"
        return shared | {"verdict": "undetermined", "text": text}
    return shared | {"verdict": "inconsistent", "text": apart, "doubted": doubted}


def _agreed(cluster) -> dict:
    count, voices = cluster.documents, cluster.origins
    text = f"{_shown(cluster)}: {count} documents agree within rounding"
    if voices > 1:
        return {"verdict": "consistent", "text": f"{text}, {voices} independent origins"}
    if cluster.has_company:
        return {"verdict": "consistent", "text": f"{text}, all the company's own: it stands by the figure"}
    return {"verdict": "undetermined", "text": f"{text}, but name no origin: they may be copies and count once"}


def _loses(cluster, best: pd.Series) -> bool:
    """Doubt falls on the less trusted or less supported side; a tie leaves it open."""
    return (cluster.trust, -cluster.origins) > (best["trust"], -best["origins"]) and cluster.trust > best["trust"]


def _shown(cluster) -> str:
    is_ratio = cluster.measure in ("yoy_growth", "growth") or (cluster.currency == "" and abs(cluster.value) < 1.5)
    return f"{cluster.value:.2%}" if is_ratio else amount(cluster.value, cluster.currency)
