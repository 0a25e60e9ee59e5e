"""The grid of what all documents say: entity by metric by period, with the preferred value and who disagrees."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from helpers import evidence
from helpers.claims import as_kept
from helpers.documents.library import Library

EXPECTED = ("guidance", "forecast", "target")


def cells(
    library: Library,
    *,
    entity: str | None = None,
    metric: str | None = None,
    doubts: Collection[str] | None = None,
    least_confidence: float = 0.1,
) -> pd.DataFrame:
    """Entity by metric by period: the preferred value, how many sources, whether they disagree, and the claims behind.

    Preferred is the value that most documents print within rounding, then the latest, then the most finely printed.
    A figure that is reported comes before any that was expected, and is not disputed by it. Claims that a kept check
    doubts are never preferred; they count as sources and are shown.

    Parameters
    ----------
    library : Library
    entity, metric : str, optional
        Only these.
    doubts : collection of str, optional
        Claims that are never preferred, such as those of `helpers.audit.Audit.doubts`. Default: those that the checks
        kept in the library doubt.
    least_confidence : float, default 0.1
        Claims that are bound less surely are left out.

    Returns
    -------
    DataFrame
        entity, metric, measure, currency, period_start, period_end, value, unit, low, high, sources, values (distinct
        within rounding), is_disputed, published, basis, claim_ids (the preferred value's first).
    """
    table = as_kept(library.claims())
    unsure = table["role"].eq("from") & table["period_basis"].eq("inferred")
    keep = (
        ~unsure
        & table["entity"].ne("")
        & table["metric"].ne("")
        & table["period_end"].ne("")
        & table["confidence"].ge(least_confidence)
    )
    for column, wanted in (("entity", entity), ("metric", metric)):
        keep &= table[column].eq(wanted) if wanted else True
    table = table[keep & table["measure"].isin(["level", "yoy_growth"]) & table["role"].ne("level")].reset_index(
        drop=True
    )
    key = ["entity", "metric", "measure", "unit", "currency", "period_start", "period_end"]
    if table.empty:
        return pd.DataFrame(
            columns=[
                *key,
                "value",
                "low",
                "high",
                "sources",
                "values",
                "is_disputed",
                "published",
                "basis",
                "claim_ids",
            ]
        )
    spans = evidence.intervals(table.assign(precision=table["half_width"] * 2))
    table = table.join(spans)
    table["cluster"] = evidence.clusters(table, key)
    table["is_expected"] = table["basis"].isin(EXPECTED)
    table["is_doubted"] = table["claim_id"].isin(list(_doubted(library) if doubts is None else doubts))
    table["support"] = table.groupby("cluster")["doc_id"].transform("nunique")
    order = table.sort_values(
        ["is_expected", "is_doubted", "support", "published", "digit"],
        ascending=[True, True, False, False, True],
        kind="stable",
    )
    rows = []
    for values, group in order.groupby(key, sort=True):
        best = group.iloc[0]
        kinds = group.loc[group["is_expected"].eq(best["is_expected"]), "cluster"].nunique()
        rows.append((*values, best["value"], best["low"], best["high"], group["doc_id"].nunique(), kinds, kinds > 1,
                     group["published"].max(), best["basis"], list(group["claim_id"])))  # fmt: skip
    columns = [*key, "value", "low", "high", "sources", "values", "is_disputed", "published", "basis", "claim_ids"]
    return pd.DataFrame(rows, columns=columns)


def _doubted(library: Library) -> set[str]:
    checks = library.checks()
    alarms = checks[checks["verdict"].isin(["inconsistent", "implausible"]) & checks["rule"].ne("sources")]
    return {i for of in alarms["doubted"] for i in of}
