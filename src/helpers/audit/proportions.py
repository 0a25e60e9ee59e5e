"""What two figures of one entity may be to each other, measured or expected: the editable table of ratios."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from helpers.audit.prepare import amount, times
from helpers.audit.sentences import rate_day, rate_to_cny, row_of


def proportions(claims: pd.DataFrame, ratios: pd.DataFrame) -> Iterator[dict]:
    """Two figures of one entity against what they may be to each other, measured or expected; the nearest in time.

    Within one article first; figures of other articles are taken where that has none. One alarm for each figure that
    is judged and each rule.
    """
    known = claims[claims["entity"].ne("") & claims["measure"].eq("level") & claims["value"].gt(0)]
    known = known.assign(home=_in_cny(known))
    known = known[known["home"].notna()]
    by = {key: list(group.itertuples()) for key, group in known.groupby(["entity", "metric"], sort=False)}
    for rule in ratios.itertuples():
        for (entity, metric), tops in by.items():
            below = by.get((entity, rule.denominator), ()) if metric == rule.numerator else ()
            told: set[tuple] = set()
            for top in tops if below else ():
                mate = _nearest(top, below, rule.days)
                if mate is None or (found := _proportion(top, mate, rule)) is None:
                    continue
                key = (top.doc_id, top.value, mate.value)
                if key not in told:
                    told.add(key)
                    yield found


def _nearest(top, below, days: float):
    """The figure of the same article nearest in time, else of any; both need a day, and a like period for flows."""
    end = _end(top)
    gaps = [
        (
            abs((_end(b) - end).days)
            if end is not None and _end(b) is not None
            else 0
            if b.doc_id == top.doc_id and b.sentence == top.sentence
            else 10**6,
            b,
        )
        for b in below
    ]
    near = [(b.doc_id != top.doc_id, gap, n, b) for n, (gap, b) in enumerate(gaps) if gap <= days and _alike(top, b)]
    return min(near, key=lambda item: item[:3])[3] if near else None


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


def _end(row):
    day = row.period_end or (row.published if len(row.published) == 10 else "")
    return pd.Timestamp(day) if day else None


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
