"""Contribution of segments to the growth of a total, in percentage points: segment change over base total.

The convention of national accounts and of segment reporting: ``(v_i1 - v_i0) / V_0``; the contributions of
segments that make up the total sum to its growth. Where a total was published, what the segments do not
explain stands in a row of its own and is never spread over them. What the module cannot do: say why a
segment grew, or tell a shift of definitions between segments from growth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, UnitError
from helpers.growth.cells import currency_of, in_money, is_empty, numbers_of
from helpers.units import in_words

LEAST_SHARE = 0.01
"""Where the total changes by less than this part of all movements, shares of its change say nothing."""

UNDEFINED_SHARE = "the total hardly changed: a share of its change is undefined"
_SIDES = ("start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTotal:
    """The total as its source printed it, in the unit of the segments.

    Parameters
    ----------
    start_value, end_value : float
        The start above 0.
    start_low, start_high, end_low, end_high : float, optional
        What the printed numbers can stand for; left out, the value itself.
    fact_ids : tuple of str
        Ledger rows of the two values.

    Raises
    ------
    HelpersError
        A value is missing, the start is not above 0, or a bound lies on the wrong side.
    """

    start_value: float
    end_value: float
    start_low: float | None = None
    start_high: float | None = None
    end_low: float | None = None
    end_high: float | None = None
    fact_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for side in _SIDES:
            value = getattr(self, f"{side}_value")
            for end in ("low", "high"):
                if getattr(self, f"{side}_{end}") is None:
                    object.__setattr__(self, f"{side}_{end}", value)
            low, high = getattr(self, f"{side}_low"), getattr(self, f"{side}_high")
            if not math.isfinite(value):
                raise HelpersError(f"the {side} value of the total must be a number, got {value}")
            if not low <= value <= high:
                raise HelpersError(
                    f"the {side} value {value} of the total must lie in its interval, got {low} to {high}"
                )
        _refuse_base(self.start_value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContributionResult:
    """What each segment added to growth.

    Attributes
    ----------
    growth : float
        Of the total; 0.25 is 25 %.
    table : DataFrame
        One row per segment in the given order, then ``not in segments`` where a total was given, then
        ``total``: segment, kind ("segment", "residual", "total"), start_value, end_value, change,
        growth (own; NaN where the start is not above 0), contribution_pp (points of the total's
        growth, 3 is 3 points), share_of_change (of the total's change; NaN where it hardly changed),
        start_share, end_share (of the total), reason (empty where everything is stated).
    text : str
        One sentence with the largest contributions.
    checks : tuple of Check
        ``start_sum`` and ``end_sum`` (segments against the published total, within rounding; None
        without a published total), ``share_of_change``.
    fact_ids : tuple of str
        Ledger rows of segments and total.
    """

    growth: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def contributions(segments: pd.DataFrame, *, total: PublishedTotal | None = None) -> ContributionResult:
    """Percentage points that each segment adds to the growth of the total.

    Parameters
    ----------
    segments : DataFrame
        One row per segment: segment (once each), start_value, end_value (any sign, of two periods of
        equal length). Optional start_low, start_high, end_low, end_high (rounding of the printed
        values), start_fact_id, end_fact_id, currency and unit (one each).
    total : PublishedTotal, optional
        Left out, the total is the sum of the segments.

    Returns
    -------
    ContributionResult

    Raises
    ------
    HelpersError
        A column or value is missing, a segment stands twice, or the base total is not above 0.
    UnitError
        Two currencies or units in one sum.
    """
    rows = _checked(segments)
    sums = {side: float(math.fsum(rows[f"{side}_value"])) for side in _SIDES}
    whole = {side: getattr(total, f"{side}_value") if total else sums[side] for side in _SIDES}
    _refuse_base(whole["start"])
    parts = rows[["segment", "start_value", "end_value"]].assign(kind="segment")
    if total:
        parts.loc[len(parts)] = [
            "not in segments",
            whole["start"] - sums["start"],
            whole["end"] - sums["end"],
            "residual",
        ]
    table = _table(parts, whole["start"], whole["end"])
    growth = whole["end"] / whole["start"] - 1
    ids = [rows[column] for column in ("start_fact_id", "end_fact_id") if column in rows]
    given = [name for column in ids for name in column] + list(total.fact_ids if total else ())
    return ContributionResult(
        growth=growth,
        table=table,
        text=_text(table, growth, currency_of(rows)),
        checks=(*(_sum_check(side, rows, sums[side], total) for side in _SIDES), _share_check(table)),
        fact_ids=tuple(dict.fromkeys(str(name) for name in given if pd.notna(name) and name != "")),
    )


def shares_of_change(parts: Sequence[float], change: float) -> np.ndarray:
    """Each part over the change of the total; NaN for all where the total hardly changed.

    Parameters
    ----------
    parts : sequence of float
        Amounts that sum to `change`.
    change : float
        Of the total.
    """
    amounts = np.asarray(parts, float)
    moved = float(np.abs(amounts).sum())
    if moved == 0 or abs(change) <= LEAST_SHARE * moved:
        return np.full(len(amounts), np.nan)
    return amounts / change


def _checked(segments: pd.DataFrame) -> pd.DataFrame:
    """A copy with bounds; numbers in every row, one row per segment, one unit."""
    missing = [c for c in ("segment", "start_value", "end_value") if c not in segments]
    if missing:
        raise HelpersError(f"segments need the columns segment, start_value, end_value; missing: {missing}")
    if segments.empty:
        raise HelpersError("need 1+ segments, got an empty table")
    rows = segments.reset_index(drop=True).astype({"segment": object})
    for column in ("currency", "unit"):
        kinds = sorted({str(kind) for kind in rows[column] if not is_empty(kind)}) if column in rows else []
        if len(kinds) > 1:
            raise UnitError(f"segments of one total need one {column}, got {', '.join(kinds)}")
    twice = rows.loc[rows["segment"].duplicated(), "segment"]
    if len(twice):
        raise HelpersError(f"need one row per segment, got several for {twice.iloc[0]}")
    for side in _SIDES:
        value = rows[f"{side}_value"] = numbers_of(rows, f"{side}_value")
        bad = rows.loc[~np.isfinite(value), "segment"]
        if len(bad):
            raise HelpersError(f"every segment needs a {side}_value, missing for {', '.join(map(str, bad))}")
        for end in ("low", "high"):
            column = f"{side}_{end}"
            rows[column] = numbers_of(rows, column, is_finite=False).fillna(value) if column in rows else value
    return rows


def _refuse_base(start_value: float) -> None:
    if not start_value > 0:
        raise HelpersError(
            f"contributions to growth need a base total above 0, got {start_value}: state the changes in amount"
        )


def _table(parts: pd.DataFrame, start_total: float, end_total: float) -> pd.DataFrame:
    """Segments, residual and total with everything that is stated of them."""
    change = end_total - start_total
    rows = parts.assign(change=parts["end_value"] - parts["start_value"])
    rows["share_of_change"] = shares_of_change(rows["change"], change)
    share = 1.0 if rows["share_of_change"].notna().all() else np.nan
    rows.loc[len(rows)] = ["total", start_total, end_total, "total", change, share]
    base = rows["start_value"].where((rows["start_value"] > 0) & (rows["kind"] != "residual"))
    rows["growth"] = rows["end_value"] / base - 1
    rows["contribution_pp"] = rows["change"] / start_total * 100
    rows["start_share"] = rows["start_value"] / start_total
    rows["end_share"] = rows["end_value"] / end_total if end_total > 0 else np.nan
    no_base = (rows["kind"] == "segment") & rows["growth"].isna()
    reasons = np.where(no_base, "the start is not above 0: own growth is undefined", "")
    undefined = np.where(rows["share_of_change"].isna(), UNDEFINED_SHARE, "")
    rows["reason"] = ["; ".join(filter(None, dict.fromkeys(pair))) for pair in zip(reasons, undefined, strict=True)]
    columns = ["segment", "kind", "start_value", "end_value", "change", "growth", "contribution_pp"]
    return rows[[*columns, "share_of_change", "start_share", "end_share", "reason"]]


def _sum_check(side: str, rows: pd.DataFrame, summed: float, total: PublishedTotal | None) -> Check:
    """Whether the segments sum to the published total within both roundings."""
    name = f"{side}_sum"
    if total is None:
        return Check(
            name=name, passed=None, value=summed, text=f"no total published: the segments sum to {summed:,.6g}"
        )
    low, high = (float(rows[f"{side}_{end}"].sum()) for end in ("low", "high"))
    value = getattr(total, f"{side}_value")
    slack = 1e-9 * max(abs(value), abs(summed))  # adding decimals leaves the last bits open
    passed = low - slack <= getattr(total, f"{side}_high") and getattr(total, f"{side}_low") - slack <= high
    gap = value - summed
    text = f"segments sum to {summed:,.6g}, the {side} total is {value:,.6g}, a gap of {gap:,.4g}"
    return Check(
        name=name,
        passed=passed,
        value=gap,
        threshold=(high - low + getattr(total, f"{side}_high") - getattr(total, f"{side}_low")) / 2,
        text=text + (" (within rounding)" if passed else ": more than rounding leaves; it stands in a row of its own"),
    )


def _share_check(table: pd.DataFrame) -> Check:
    stated = bool(table["share_of_change"].notna().all())
    total = table.iloc[-1]
    text = f"the total changed by {total['change']:,.6g}" + ("" if stated else f"; {UNDEFINED_SHARE}")
    return Check(name="share_of_change", passed=stated, value=float(total["change"]), text=text)


def _text(table: pd.DataFrame, growth: float, currency: str) -> str:
    parts = table[table["kind"] != "total"]
    order = parts["contribution_pp"].abs().sort_values(ascending=False, kind="stable").index
    named = "; ".join(f"{row.segment} {row.contribution_pp:+.1f}" for row in parts.loc[order].head(4).itertuples())
    more = len(parts) - 4
    rest = f"; and {more} smaller" if more > 0 else ""
    total = table.iloc[-1]
    return (
        f"The total went from {in_words(total['start_value'])} to {in_money(in_words(total['end_value']), currency)} "
        f"({growth * 100:+.1f} %), in percentage points: {named}{rest}."
    )
