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
    tables = []
    for identity in evidence.identities.itertuples():
        parts, operators = parse(identity.formula)
        results = evidence.levels[evidence.levels["metric"].eq(identity.result)]
        own = _evaluate(results, evidence.levels, parts, operators, ["source_id"])
        best = _evaluate(results, evidence.preferred, parts, operators, [])
        rows = _formula_rows(results, own, best, identity.formula)
        tables.append(verdicts(f"identity {identity.identity}", rows))
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
    versions = get("any_low").sum() * share - room <= row.any_high and row.any_low <= get("any_high").sum() * share + room
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


def _evaluate(
    results: pd.DataFrame, levels: pd.DataFrame, parts: list[str], operators: list[str], also: list[str]
) -> pd.DataFrame:
    """The formula's interval for each result, NaN where a part is missing."""
    key = ["entity", *PERIOD, *also]
    table = results[[*key]].reset_index(names="row")
    for number, part in enumerate(parts):
        rows = levels[levels["metric"].eq(part)].drop_duplicates(key)
        table = table.merge(rows[[*key, *PART, "currency"]].add_suffix(f"_{number}").set_axis(
            [*key, *(f"{c}_{number}" for c in [*PART, "currency"])], axis=1), on=key, how="left")  # fmt: skip
    table = table.set_index("row").reindex(results.index)
    out = pd.DataFrame({c: table[f"{c}_0"].astype(float) for c in ("value", "low", "high")})
    for number, operator in enumerate(operators, start=1):
        out = _combine(out, operator, {c: table[f"{c}_{number}"].astype(float) for c in ("value", "low", "high")})
    out["ids"] = list(table[[f"fact_id_{i}" for i in range(len(parts))]].itertuples(index=False, name=None))
    out["shown"] = [_shown(row, operators) for row in table[[f"value_{i}" for i in range(len(parts))]].to_numpy(float)]
    currencies = table[[f"currency_{i}" for i in range(len(parts))]].replace("", np.nan)
    mixed = currencies.nunique(axis=1) > 1
    out.loc[mixed, ["value", "low", "high"]] = np.nan
    return out


def _combine(left: pd.DataFrame, operator: str, right: dict[str, pd.Series]) -> pd.DataFrame:
    with np.errstate(all="ignore"):
        function = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[operator]
        corners = np.stack([function(left[a], right[b]) for a in ("low", "high") for b in ("low", "high")])
        value = function(left["value"], right["value"])
    return pd.DataFrame({"value": value, "low": corners.min(0), "high": corners.max(0)}, index=left.index)


def _shown(values: np.ndarray, operators: list[str]) -> str:
    sign = {"*": "×", "/": "/", "-": "−", "+": "+"}
    words = [amount(v) if abs(v) >= 2 else f"{v:.4g}" for v in values]
    return words[0] + "".join(f" {sign[o]} {w}" for o, w in zip(operators, words[1:], strict=True))


def _formula_rows(results: pd.DataFrame, own: pd.DataFrame, best: pd.DataFrame, formula: str) -> list[dict]:
    fits = [overlap(results["low"], results["high"], t["low"], t["high"]) & t["value"].notna().to_numpy() for t in (own, best)]
    rows = []
    for i, row in enumerate(results.itertuples()):
        candidates = [t.iloc[i] for t in (own, best)]
        known = [not np.isnan(c["value"]) for c in candidates]
        if not any(known):
            continue
        ok = fits[0][i] or fits[1][i]
        used = candidates[0] if (fits[0][i] or (known[0] and not fits[1][i])) else candidates[1]
        result = f"{row.value:.4g}" if row.unit == "ratio" else amount(row.value, row.currency)
        computed = f"{used['value']:.4g}" if row.unit == "ratio" else amount(used["value"])
        rows.append({
            "verdict": "consistent" if ok else "inconsistent", "entity": row.entity, "metric": row.metric,
            "period_end": row.period_end, "text": f"{formula}: {used['shown']} = {computed}; printed {result}",
            "fact_ids": tuple(dict.fromkeys((row.fact_id, *used["ids"]))),
        })  # fmt: skip
    return rows
