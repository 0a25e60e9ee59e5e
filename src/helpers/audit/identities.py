"""Sums and definitions: quarters to the year, segments to the total, a share times a whole."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from helpers.audit.lookup import NO_DAY, first, number
from helpers.audit.prepare import Evidence, amount, overlap, verdict, verdicts
from helpers.errors import HelpersError

# months of the whole -> the ways to tile it, as (offset, length) in months
TILINGS = {
    12: [[(0, 3), (3, 3), (6, 3), (9, 3)], [(0, 6), (6, 6)], [(0, 6), (6, 3), (9, 3)], [(0, 9), (9, 3)]],
    9: [[(0, 3), (3, 3), (6, 3)], [(0, 6), (6, 3)]],
    6: [[(0, 3), (3, 3)]],
}
MEAN_ROOM = 0.002  # an average over days differs a little from the plain mean of quarters of 90 to 92 days
SIGNS = {"*": "×", "/": "/", "-": "−", "+": "+"}
FUNCTIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


def tilings(evidence: Evidence) -> pd.DataFrame:
    """Shorter periods against the longer one they fill: flows add up, averages average.

    The first tiling whose parts are all known is used. Where the preferred parts do not give the
    whole, other published versions of the parts are tried before a verdict is given, because a
    whole may rest on first-published parts and its successor on restated ones.
    """
    levels = monthly(evidence.sound[evidence.sound["metric_kind"].isin(["flow", "average"])])
    best = levels.sort_values(["is_preferred", "support"], ascending=False, kind="stable").drop_duplicates("key")
    spread = levels.groupby("key").agg(any_low=("low", "min"), any_high=("high", "max"))
    best = best.join(spread, on="key")
    wholes = levels.drop_duplicates(["key", "value"])  # every published version of a whole is judged
    rows: list[dict] = []
    done, length_of = np.zeros(len(wholes), bool), wholes["months"].to_numpy()
    for months, ways in TILINGS.items():
        for way in ways:
            at = np.flatnonzero((length_of == months) & ~done)
            parts = np.column_stack([_part_of(best, wholes.iloc[at], offset, length) for offset, length in way])
            full = (parts >= 0).all(1)
            if not full.any():
                continue
            done[at[full]] = True
            rows += _sums(wholes.iloc[at[full]], best, parts[full], [length for _, length in way])
    return verdicts("sum of periods", rows)


def formulas(evidence: Evidence) -> pd.DataFrame:
    """Definitions from the ledger's table of identities, such as revenue = sum of its segments.

    Each stated result is held against the parts of its own source, then against the preferred
    parts; one of them must give it back within rounding.
    """
    parsed = {row.identity: (row.result, row.formula, *parse(row.formula)) for row in evidence.identities.itertuples()}
    levels = _numbered(evidence, {m for result, _, parts, _ in parsed.values() for m in (result, *parts)})
    of_metric = {name: np.asarray(rows) for name, rows in levels.groupby("metric").indices.items()}
    tables = []
    for identity, (result, formula, parts, operators) in parsed.items():
        if not all(metric in of_metric for metric in (result, *parts) if not _is_number(metric)):
            continue
        results = of_metric[result]
        own, best = (_evaluate(levels, results, [of_metric.get(p, float(p) if _is_number(p) else 0.0) for p in parts],
                               operators, key) for key in ("at_source", "at_period"))  # fmt: skip
        tables.append(verdicts(f"identity {identity}", _formula_rows(levels, results, (own, best), formula, operators)))
    tables = [table for table in tables if not table.empty]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def parse(formula: str) -> tuple[list[str], list[str]]:
    """Split "a + b - c" into names (or numbers) and operators, evaluated from left to right.

    Raises
    ------
    HelpersError
        The formula is not names or numbers joined by + - * /, or mixes sums with products.
    """
    tokens = formula.split()
    parts, operators = tokens[::2], tokens[1::2]
    sums, products = {"+", "-"}, {"*", "/"}
    one_kind = set(operators) <= sums or set(operators) <= products
    if len(parts) != len(operators) + 1 or not one_kind or not all(re.fullmatch(r"[a-z]\w*|\d+", p) for p in parts):
        raise HelpersError(f"formula {formula!r} must be metrics joined by + and -, or by * and /, with blanks between")
    return parts, operators


def monthly(levels: pd.DataFrame) -> pd.DataFrame:
    """Levels over 3, 6, 9 or 12 whole calendar months, with the first month and a key of series and period."""
    begin, end = levels["period_start"], levels["period_end"]
    whole = levels["months"].isin([3, 6, 9, 12]) & begin.dt.day.eq(1) & end.dt.is_month_end
    levels = levels[whole]
    begin = levels["period_start"]
    series, month = number(levels["thing"], levels["currency"]), begin.dt.year * 12 + begin.dt.month
    levels = levels.assign(month=month, series=series)
    return levels.assign(key=number(levels["series"], levels["month"], levels["months"]))


def _part_of(best: pd.DataFrame, wholes: pd.DataFrame, offset: int, length: int) -> np.ndarray:
    """Position of the part that starts `offset` months into each whole, or -1."""
    have = [best[c].to_numpy() for c in ("series", "month", "months")]
    wanted = [wholes["series"].to_numpy(), wholes["month"].to_numpy() + offset, np.full(len(wholes), length)]
    return first(have, wanted)


def _sums(wholes: pd.DataFrame, best: pd.DataFrame, parts: np.ndarray, months: list[int]) -> list[dict]:
    """Verdicts on wholes whose parts are all known; the mean of averages weighs each by its months."""
    average = wholes["metric_kind"].eq("average").to_numpy()
    weight = np.where(average[:, None], np.array(months) / sum(months), 1.0)
    add = lambda column: (best[column].to_numpy()[parts] * weight).sum(1)  # noqa: E731
    value, low, high = (wholes[c].to_numpy() for c in ("value", "low", "high"))
    room = np.where(average, MEAN_ROOM * np.abs(value), 0.0)
    total = add("value")
    fits = overlap(add("low") - room, add("high") + room, low, high)
    versions = overlap(add("any_low") - room, add("any_high") + room, low, high)
    rows, printed, ids = [], best["value"].to_numpy(), best["fact_id"].to_numpy()
    for i, row in enumerate(wholes.itertuples()):
        of = " + ".join(amount(v) for v in printed[parts[i]])
        text = f"{'mean' if average[i] else 'sum'} of {of} = {amount(total[i])}"
        text += f"; printed {amount(row.value, row.currency)}"
        kind = "consistent" if fits[i] else "undetermined" if versions[i] else "inconsistent"
        text += "; other published versions of these figures do add up" if kind == "undetermined" else ""
        text += "" if fits[i] else f", off by {amount(row.value - total[i])}"
        rows.append(verdict(row, kind, text, (row.fact_id, *ids[parts[i]])))
    return rows


def _is_number(part: str) -> bool:
    return part.isdigit()


def _numbered(evidence: Evidence, metrics: set[str]) -> pd.DataFrame:
    """Levels of the metrics in question with numbers for their period, and for period and source."""
    levels = evidence.levels[evidence.levels["metric"].isin(metrics)].reset_index(drop=True)
    dated = levels["end"].ne(NO_DAY)
    of = levels["source_id"].mask(dated, "")  # without a day, only figures of one source are of one time
    at_period = number(levels["entity"], levels["start"], levels["end"], of)
    best = levels["fact_id"].isin(evidence.preferred["fact_id"])
    return levels.assign(at_period=at_period, is_best=best | ~dated, at_source=number(at_period, levels["source_id"]))


def _evaluate(
    levels: pd.DataFrame, results: np.ndarray, parts: list[np.ndarray | float], operators: list[str], key: str
) -> dict[str, np.ndarray]:
    """The formula's interval for each result, NaN where a part is missing or currencies differ."""
    keys, best = levels[key].to_numpy(), levels["is_best"].to_numpy()
    columns = {c: levels[c].to_numpy() for c in ("value", "low", "high")}
    money = np.append(levels["currency"].to_numpy(), "")
    position = np.full((len(parts), len(results)), -1)
    found: list[dict[str, np.ndarray]] = []
    for i, part in enumerate(parts):
        if isinstance(part, float):
            found.append({c: np.full(len(results), part) for c in columns})
            continue
        rows = part[best[part]] if key == "at_period" else part
        taken = first([keys[rows]], [keys[results]])
        at = np.where(taken >= 0, np.append(rows, -1)[taken], -1)
        position[i] = at
        found.append({c: np.where(at >= 0, values[at], np.nan) for c, values in columns.items()})
    out = dict(found[0])
    for operator, part in zip(operators, found[1:], strict=True):
        out = _combine(out, operator, part)
    codes = pd.factorize(money)[0]
    used = np.where((position >= 0) & (money[position] != ""), codes[position], -1)
    own = np.where(money[results] != "", codes[results], -1)
    mixed = ((used >= 0) & ((used != used.max(0)) | ((own >= 0) & (used != own)))).any(0)
    out = {c: np.where(mixed, np.nan, v) for c, v in out.items()}
    return out | {"position": position, "values": np.column_stack([f["value"] for f in found])}


def _combine(left: dict, operator: str, right: dict) -> dict[str, np.ndarray]:
    function = FUNCTIONS[operator]
    with np.errstate(all="ignore"):
        corners = np.stack([function(left[a], right[b]) for a in ("low", "high") for b in ("low", "high")])
        value = function(left["value"], right["value"])
    return {"value": value, "low": corners.min(0), "high": corners.max(0)}


def _shown(values: np.ndarray, operators: list[str]) -> str:
    words = [amount(v) if abs(v) >= 2 else f"{v:.4g}" for v in values]
    return words[0] + "".join(f" {SIGNS[o]} {w}" for o, w in zip(operators, words[1:], strict=True))


def _formula_rows(
    levels: pd.DataFrame, results: np.ndarray, sides: tuple[dict, dict], formula: str, operators: list[str]
) -> list[dict]:
    low, high, digit = (levels[c].to_numpy()[results] for c in ("low", "high", "digit"))
    known = [~np.isnan(side["value"]) for side in sides]
    fits = [overlap(low, high, side["low"], side["high"]) & k for side, k in zip(sides, known, strict=True)]
    # a publisher whose shares must add up to 100 % moves one of them by its last digit
    ratio = levels["unit"].eq("ratio").to_numpy()[results]
    wide = low - digit, high + digit
    nudged = [ratio & k & overlap(*wide, side["low"], side["high"]) for side, k in zip(sides, known, strict=True)]
    rows, ids = [], np.append(levels["fact_id"].to_numpy(), None)
    for i, row in enumerate(levels.iloc[results].itertuples()):
        if not (known[0][i] or known[1][i]):
            continue
        ok = fits[0][i] or fits[1][i]
        side = sides[0] if fits[0][i] or (known[0][i] and not fits[1][i]) else sides[1]
        unit = "ratio" if row.unit == "ratio" else ""
        text = f"{formula}: {_shown(side['values'][i], operators)} = {amount(side['value'][i], unit=unit)}"
        text += f"; printed {amount(row.value, row.currency, unit)}"
        kind = "consistent" if ok else "undetermined" if nudged[0][i] or nudged[1][i] else "inconsistent"
        text += "; off by one in the last digit, as where shares are made to add up" if kind == "undetermined" else ""
        rows.append(verdict(row, kind, text, (row.fact_id, *ids[side["position"][:, i]])))
    return rows
