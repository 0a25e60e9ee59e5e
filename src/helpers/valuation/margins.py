"""Profit over revenue of one period, held against the margin of the same profit before it.

A release of a tax allowance, a sale of a business or a write-off stands in one year's profit and says nothing of
the next. Such a margin shows by its distance from the one before: it jumps. What this module cannot do: see a one-off
that is small beside revenue, or tell one from a business that did change within a year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

SAME_DAY = pd.Timedelta(days=5)
"""Fiscal years of 52 weeks end a few days off a year earlier."""

JUMP = 0.3
"""Points of revenue, as a share, by which a margin may move from one year to a later one."""

LOOK_BACK = pd.DateOffset(years=2, days=31)
"""How far back an earlier margin may end: two years, and a month where a fiscal year moved."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Margin:
    """A margin, or why there is none.

    Attributes
    ----------
    value : float
        Share of revenue; NaN where there is none.
    metric : str
        Whose profit; empty where no profit is known.
    reason : str
        Empty where there is a margin.
    is_one_off : bool
        Whether it was left out because it jumps.
    rows : tuple of Series
        Figures that it rests on besides the revenue.
    """

    value: float
    metric: str
    reason: str = ""
    is_one_off: bool = False
    rows: tuple[pd.Series, ...] = ()


def margin_of(known: pd.DataFrame, last: pd.Series, metrics: Sequence[str]) -> Margin:
    """The margin of the first profit that is known for a period.

    Parameters
    ----------
    known : DataFrame
        Twelve months of one company that were public: metric, period_start, period_end, value, known_on.
    last : Series
        The row of its last revenue.
    metrics : sequence of str
        Profits in the order in which they are tried.
    """
    profits = ((metric, at_end(known[known["metric"].eq(metric)], last["period_end"])) for metric in metrics)
    metric, profit = next(((m, p) for m, p in profits if p is not None), ("", None))
    nothing = float("nan")
    if profit is None:
        return Margin(value=nothing, metric="", reason="no profit of the same period")
    if not last["value"] > 0:  # a margin of no sales is none
        return Margin(value=nothing, metric=metric, reason="no revenue above 0", rows=(profit,))
    value, before = profit["value"] / last["value"], _before(known, last, metric)
    if before is None:
        return Margin(value=value, metric=metric, rows=(profit,))
    was = before[0]["value"] / before[1]["value"]
    if abs(value - was) <= JUMP + 1e-9:
        return Margin(value=value, metric=metric, rows=(profit,))
    reason = f"{metric} over revenue went from {was:.3f} to {value:.3f}: a one-off is likely"
    return Margin(value=nothing, metric=metric, reason=reason, is_one_off=True, rows=(profit, *before))


def at_end(rows: pd.DataFrame, end: pd.Timestamp) -> pd.Series | None:
    """The last vintage of the period that ends on a day, give or take a few; None where there is none."""
    near = rows[(rows["period_end"] - end).abs() <= SAME_DAY]
    return None if near.empty else near.sort_values("known_on").iloc[-1]


def _before(known: pd.DataFrame, last: pd.Series, metric: str) -> tuple[pd.Series, pd.Series] | None:
    """Profit and revenue of the last earlier twelve months.

    Those that share no quarter with the last ones come first, as a one-off stands in four running sums; where all
    share some, the earliest is the one that shares least.
    """
    pairs = list(_earlier(known, last, metric))
    apart = [pair for pair in pairs if pair[0]["period_end"] <= last["period_start"] + SAME_DAY]
    return (apart[-1] if apart else pairs[0]) if pairs else None


def _earlier(known: pd.DataFrame, last: pd.Series, metric: str) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Profit and revenue of every earlier period within reach, by period."""
    profits, revenue = (known[known["metric"].eq(name)] for name in (metric, "revenue"))
    end = last["period_end"]
    for day in sorted(set(profits["period_end"])):
        if end - LOOK_BACK <= day < end - SAME_DAY:
            profit, sold = at_end(profits, day), at_end(revenue, day)
            if sold is not None and sold["value"] > 0:
                yield profit, sold
