"""What two figures of one entity may be to each other, measured or expected: the editable table of ratios."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator

import pandas as pd

from helpers.audit.prepare import amount, times
from helpers.audit.sentences import rate_day, rate_to_cny, row_of

FEW = 8  # neighbours in time that are looked at on either side


def proportions(claims: pd.DataFrame, ratios: pd.DataFrame) -> Iterator[dict]:
    """Two figures of one entity against what they may be to each other, measured or expected; the nearest in time.

    Figures of one article are held against each other first; of another article only where it has none. One alarm for
    each figure that is judged and each rule.
    """
    known = claims[claims["entity"].ne("") & claims["measure"].eq("level") & claims["value"].gt(0)]
    known = known.assign(home=_in_cny(known), day=_days(known))
    known = known[known["home"].notna()]
    by = {key: list(group.itertuples()) for key, group in known.groupby(["entity", "metric"], sort=False)}
    for rule in ratios.itertuples():
        for (entity, metric), tops in by.items():
            below = by.get((entity, rule.denominator), ()) if metric == rule.numerator else ()
            if below:
                yield from _judged(tops, _Others(below), rule)


def _judged(tops: list, others: _Others, rule) -> Iterator[dict]:
    told: set[tuple] = set()
    for top in tops:
        mate = others.nearest(top, rule.days)
        found = None if mate is None else _proportion(top, mate, rule)
        if found is not None and (key := (top.doc_id, top.value, mate.value)) not in told:
            told.add(key)
            yield found


class _Others:
    """The figures of the other metric, by article and in the order of their days."""

    def __init__(self, rows: list) -> None:
        self.of: dict[str, list] = {}
        for row in rows:
            self.of.setdefault(row.doc_id, []).append(row)
        self.dated = sorted((row for row in rows if row.day), key=lambda r: r.day)
        self.days = [row.day for row in self.dated]

    def nearest(self, top, within: float):
        """The figure of the same article nearest in time, else of any; None if none is alike and near enough."""
        own = [b for b in self.of.get(top.doc_id, ()) if _alike(top, b) and self._gap(top, b) <= within]
        if own:
            return min(own, key=lambda b: self._gap(top, b))
        if not top.day:
            return None
        at = bisect_left(self.days, top.day)
        near = [b for b in self.dated[max(0, at - FEW) : at + FEW] if _alike(top, b) and self._gap(top, b) <= within]
        return min(near, key=lambda b: self._gap(top, b), default=None)

    @staticmethod
    def _gap(top, b) -> float:
        if top.day and b.day:
            return abs(top.day - b.day)
        return 0 if top.sentence == b.sentence and top.doc_id == b.doc_id else math.inf


def _alike(top, b) -> bool:
    """Flows compare over one period; a stock compares with a year's flow."""
    spans = [_length(r) for r in (top, b)]
    if top.is_flow and b.is_flow:
        together = top.doc_id == b.doc_id and top.sentence == b.sentence
        near = together or (top.period_end[:7] == b.period_end[:7] and bool(spans[0]))
        return spans[0] == spans[1] and near
    return not b.is_flow or spans[1] == 0 or spans[1] > 300


def _length(row) -> int:
    if not row.period_start or row.period_start == row.period_end:
        return 0
    days = (pd.Timestamp(row.period_end) - pd.Timestamp(row.period_start)).days + 1
    return round(days / 30.44) * 30


def _days(claims: pd.DataFrame) -> list[int]:
    """Day of each claim's period's end, or of publication, as a number; 0 where neither is known."""
    known: dict[str, int] = {"": 0}
    out = []
    for end, published in zip(claims["period_end"], claims["published"], strict=True):
        day = end or (published if len(published) == 10 else "")
        if day not in known:
            known[day] = pd.Timestamp(day).toordinal()
        out.append(known[day])
    return out


def _proportion(top, mate, rule) -> dict | None:
    ratio = top.home / mate.home
    if rule.low <= ratio <= rule.high:
        return None
    if ratio > rule.high and (
        top.qualifier == "at_most" or (mate.qualifier == "at_least" and ratio / rule.high < 1.01)
    ):
        return None
    shown = times(ratio) if ratio > 3 else f"{ratio:.3g}"
    text = f"{rule.numerator} {amount(top.value, top.currency)} is {shown} of {rule.denominator} "
    text += f"{amount(mate.value, mate.currency)}; bounds {rule.low:g} to {rule.high:g}: {rule.reason}"
    ids = (top.claim_id, mate.claim_id)
    return row_of(top, "implausible", "proportion", text, ids, ())


def _in_cny(claims: pd.DataFrame) -> list[float]:
    """Values in one currency, at the rate of the period's end or of publication; NaN without a rate."""
    rates: dict[tuple[str, str], float] = {}
    out = []
    for row in claims.itertuples():
        day = rate_day(row)
        key = (row.currency, day)
        if row.currency in ("", "CNY"):
            rates[key] = 1.0
        elif key not in rates:
            rates[key] = rate_to_cny(*key)
        out.append(row.value * rates[key])
    return out
