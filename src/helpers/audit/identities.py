"""Sums and definitions: quarters to the year, segments to the total, a share times a whole."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from helpers.audit.prepare import PERIOD, SERIES, Evidence, amount, overlap, verdicts
from helpers.errors import HelpersError

# months of the whole -> the ways to tile it, as (offset, length) in months
TILINGS = {
    12: [[(0, 3), (3, 3), (6, 3), (9, 3)], [(0, 6), (6, 6)], [(0, 6), (6, 3), (9, 3)], [(0, 9), (9, 3)]],
    9: [[(0, 3), (3, 3), (6, 3)], [(0, 6), (6, 3)]],
    6: [[(0, 3), (3, 3)]],
}
PART = ["fact_id", "value", "low", "high"]


def tilings(evidence: Evidence) -> pd.DataFrame:
    """Shorter periods against the longer one they fill: flows add up, averages average.

    The first tiling whose parts are all known is used. Where the preferred parts do not give the
    whole, other published versions of the parts are tried before a verdict is given, because a
    whole may rest on first-published parts and its successor on restated ones.
    """
    levels = evidence.sound[evidence.sound["metric_kind"].isin(["flow", "average"])]
    levels = levels[levels["period_end"] > levels["period_start"]].copy()
    levels["first"] = _month(levels["period_start"])
    levels["months"] = _month(levels["period_end"]) - levels["first"] + 1
    whole_months = levels["period_start"].dt.day.eq(1) & levels["period_end"].dt.is_month_end
    levels = levels[whole_months & levels["months"].isin([3, 6, 9, 12])]
    key = [*SERIES, "first", "months"]
    best = levels.sort_values(["is_preferred", "support"], ascending=False, kind="stable").drop_duplicates(key)
    spread = levels.groupby(key, sort=False).agg(any_low=("low", "min"), any_high=("high", "max")).reset_index()
    best = best.merge(spread, on=key)
    rows: list[dict] = []
    done: set[str] = set()
    for months, ways in TILINGS.items():
        for way in ways:
            table = _tile(best[best["months"].eq(months) & ~best["fact_id"].isin(done)], best, way)
            rows += [_sum_row(row, len(way)) for row in table.itertuples()]
            done |= set(table["fact_id"])
    return verdicts("sum of periods", rows)


def formulas(evidence: Evidence) -> pd.DataFrame:
    """Definitions from the ledger's table of identities, such as revenue = sum of its segments.

    Each stated result is held against the parts of its own source, then against the preferred
    parts; one of them must give it back within rounding.
    """
    parsed = {row.identity: (row.result, row.formula, *parse(row.formula)) for row in evidence.identities.itertuples()}
    levels = _numbered(evidence, {m for result, _, parts, _ in parsed.values() for m in (result, *parts)})
    of_metric = dict(tuple(levels.groupby("metric", sort=False)))
    tables = []
    for identity, (result, formula, parts, operators) in parsed.items():
        if not all(metric in of_metric for metric in (result, *parts)):
            continue
        results, operands = of_metric[result], [of_metric[part] for part in parts]
        own = _evaluate(results, operands, operators, "at_source")
        best = _evaluate(results, [part[part["is_best"]] for part in operands], operators, "at_period")
        rows = _formula_rows(evidence.facts.loc[results.index], own, best, formula, operators)
        tables.append(verdicts(f"identity {identity}", rows))
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def parse(formula: str) -> tuple[list[str], list[str]]:
    """Split "a + b - c" into names and operators, evaluated from left to right.

    Raises
    ------
    HelpersError
        The formula is not names joined by + - * /, or mixes sums with products.
    """
    tokens = formula.split()
    parts, operators = tokens[::2], tokens[1::2]
    sums, products = {"+", "-"}, {"*", "/"}
    one_kind = set(operators) <= sums or set(operators) <= products
    if len(parts) != len(operators) + 1 or not one_kind or not all(re.fullmatch(r"[a-z]\w*", p) for p in parts):
        raise HelpersError(f"formula {formula!r} must be metrics joined by + and -, or by * and /, with blanks between")
    return parts, operators


def _month(days: pd.Series) -> pd.Series:
    return days.dt.year * 12 + days.dt.month


def _tile(wholes: pd.DataFrame, parts: pd.DataFrame, way: list[tuple[int, int]]) -> pd.DataFrame:
    """Wholes with all their parts, one set of columns per part."""
    columns = [*SERIES, "first", "months", *PART, "any_low", "any_high"]
    for number, (offset, length) in enumerate(way):
        part = parts.loc[parts["months"].eq(length), columns].drop(columns="months")
        part = part.assign(first=part["first"] - offset)
        wholes = wholes.merge(part, on=[*SERIES, "first"], suffixes=("", f"_{number}"))
    return wholes


def _sum_row(row, count: int) -> dict:
    get = lambda name: np.array([getattr(row, f"{name}_{i}") for i in range(count)], float)  # noqa: E731
    share = 1 / count if row.metric_kind == "average" else 1.0
    # an average over days differs a little from the plain mean of quarters of 90 to 92 days
    room = 0.002 * abs(row.value) if row.metric_kind == "average" else 0.0
    total, low, high = get("value").sum() * share, get("low").sum() * share - room, get("high").sum() * share + room
    fits = low <= row.high and row.low <= high
    versions = (
        get("any_low").sum() * share - room <= row.any_high and row.any_low <= get("any_high").sum() * share + room
    )
    word = "mean" if row.metric_kind == "average" else "sum"
    parts = " + ".join(amount(v) for v in get("value"))
    text = f"{word} of {parts} = {amount(total)}; printed {amount(row.value, row.currency)}"
    verdict = "consistent" if fits else "inconsistent"
    if not fits and versions:
        verdict, text = "undetermined", f"{text}; other published versions of these figures do add up"
    ids = (row.fact_id, *(getattr(row, f"fact_id_{i}") for i in range(count)))
    return {
        "verdict": verdict, "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
        "text": text if fits else f"{text}, off by {amount(row.value - total)}", "fact_ids": ids,
    }  # fmt: skip


def _numbered(evidence: Evidence, metrics: set[str]) -> pd.DataFrame:
    """Levels of the metrics in question with numbers for their period, and for period and source."""
    levels = evidence.levels[evidence.levels["metric"].isin(metrics)]
    at_period = levels.groupby(["entity", *PERIOD], sort=False, dropna=False).ngroup()
    best = levels["fact_id"].isin(evidence.preferred["fact_id"])
    levels = levels.assign(at_period=at_period, is_best=best)
    at_source = levels.groupby(["at_period", "source_id"], sort=False).ngroup()
    return levels[["metric", "unit", "currency", "at_period", "is_best", *PART]].assign(at_source=at_source)


def _evaluate(results: pd.DataFrame, parts: list[pd.DataFrame], operators: list[str], key: str) -> pd.DataFrame:
    """The formula's interval for each result, NaN where a part is missing or currencies differ."""
    found = [part.drop_duplicates(key).set_index(key).reindex(results[key]).set_axis(results.index) for part in parts]
    out = found[0][["value", "low", "high"]].copy()
    for operator, part in zip(operators, found[1:], strict=True):
        out = _combine(out, operator, part)
    money = zip(*(part["currency"].where(part["currency"].notna(), "") for part in found), strict=True)
    out.loc[[len(set(codes) - {""}) > 1 for codes in money]] = np.nan
    out["ids"] = list(zip(*(part["fact_id"] for part in found), strict=True))
    out["values"] = list(zip(*(part["value"] for part in found), strict=True))
    return out


def _combine(left: pd.DataFrame, operator: str, right: pd.DataFrame) -> pd.DataFrame:
    with np.errstate(all="ignore"):
        function = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator]
        corners = np.stack([function(left[a], right[b]) for a in ("low", "high") for b in ("low", "high")])
        value = function(left["value"], right["value"])
    return pd.DataFrame({"value": value, "low": corners.min(0), "high": corners.max(0)}, index=left.index)


def _shown(values: tuple[float, ...], operators: list[str]) -> str:
    sign = {"*": "×", "/": "/", "-": "−", "+": "+"}
    words = [amount(v) if abs(v) >= 2 else f"{v:.4g}" for v in values]
    return words[0] + "".join(f" {sign[o]} {w}" for o, w in zip(operators, words[1:], strict=True))


def _formula_rows(
    results: pd.DataFrame, own: pd.DataFrame, best: pd.DataFrame, formula: str, operators: list[str]
) -> list[dict]:
    fits = [
        overlap(results["low"], results["high"], t["low"], t["high"]) & t["value"].notna().to_numpy()
        for t in (own, best)
    ]
    rows = []
    records = [t.to_dict("records") for t in (own, best)]
    for i, row in enumerate(results.itertuples()):
        candidates = [r[i] for r in records]
        known = [not np.isnan(c["value"]) for c in candidates]
        if not any(known):
            continue
        ok = fits[0][i] or fits[1][i]
        used = candidates[0] if (fits[0][i] or (known[0] and not fits[1][i])) else candidates[1]
        result = f"{row.value:.4g}" if row.unit == "ratio" else amount(row.value, row.currency)
        computed = f"{used['value']:.4g}" if row.unit == "ratio" else amount(used["value"])
        rows.append({
            "verdict": "consistent" if ok else "inconsistent", "entity": row.entity, "metric": row.metric,
            "period_end": row.period_end, "text": f"{formula}: {_shown(used['values'], operators)} = {computed}; printed {result}",
            "fact_ids": tuple(dict.fromkeys((row.fact_id, *used["ids"]))),
        })  # fmt: skip
    return rows
