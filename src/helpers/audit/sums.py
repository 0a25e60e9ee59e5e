"""What a text adds up: parts and their whole, the rows above a total, shares of one list."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

import pandas as pd

from helpers.audit.prepare import amount, times
from helpers.audit.sentences import interval, row_of, together

SALES = re.compile("收入|营收|成交|销售额|revenue|sales|gmv", re.IGNORECASE)
EXACT = 0.005  # decades: how near to a power of ten a slip is
CLOSE = 0.05  # decades: a figure this near to the headline's may be what it means
BESIDE = 8  # characters between two shares of one list
SHARE = re.compile("份额|占比|share", re.IGNORECASE)


def sums(claims: pd.DataFrame) -> Iterator[dict]:
    """Parts that exceed their whole, totals that their rows do not give, shares that are no shares.

    Parts after 其中 or "of which" need not be all parts, so that only their excess is an alarm. Rows above a total are
    taken for its parts where another column of the table adds up; where none does, the verdict is undetermined.
    """
    level = claims[claims["measure"].eq("level")]
    for rows in together(level[level["unit"].eq("money")], "sentence"):
        yield from _parts(rows)
    for rows in together(level, "sentence"):
        yield from _bases(rows)
    for rows in together(level[level["metric"].eq("") & level["period_end"].ne("")], "sentence", "metric_words"):
        yield from _within(rows)
    for rows in together(level[level["metric"].ne("")], "metric", "entity", "unit", "currency"):
        yield from _headline(rows)
    yield from _totals(level[level["series"].lt(0)])
    ratios = level[level["unit"].eq("ratio")]
    yield from _lists(ratios)
    for row in ratios[ratios["role"].eq("share") & ratios["value"].gt(1)].itertuples():
        text = f"{amount(row.value, unit='ratio')} of a whole; no share exceeds 100%"
        yield row_of(row, "inconsistent", "shares", text, (row.claim_id,), (row.claim_id,))


def _parts(rows: list) -> Iterator[dict]:
    whole, parts = None, []
    for row in [*rows, None]:
        if row is not None and row.role == "part" and row.series >= 0:
            parts.append(row)
            continue
        if whole is not None and parts:
            yield from _excess(whole, parts)
        whole, parts = row, []


def _excess(whole, parts: list) -> Iterator[dict]:
    if any(p.currency != whole.currency for p in parts):
        return
    least = sum(interval(p)[0] for p in parts)
    if least > interval(whole)[1]:
        text = (
            f"{_added(parts)} = {amount(sum(p.value for p in parts))}, parts of {amount(whole.value, whole.currency)}"
        )
        ids = (whole.claim_id, *(p.claim_id for p in parts))
        yield row_of(whole, "inconsistent", "parts", text, ids, ())


def _bases(rows: list) -> Iterator[dict]:
    """An amount, its printed share, and the whole that it is a share of."""
    for i, base in enumerate(rows):
        if base.role != "base":
            continue
        part, share = (rows[i - 2], rows[i - 1]) if rows[i - 1].unit == "ratio" else (rows[i - 1], rows[i + 1])
        if interval(base)[0] <= 0:
            continue
        low, high = interval(part)[0] / interval(base)[1], interval(part)[1] / interval(base)[0]
        said = interval(share)
        fits = low <= said[1] and said[0] <= high
        shown = [amount(v, unit="ratio") for v in (part.value / base.value, share.value)]
        text = f"{amount(part.value, part.currency)} of {amount(base.value)} is {shown[0]}; stated {shown[1]}"
        ids = (share.claim_id, part.claim_id, base.claim_id)
        yield row_of(share, "consistent" if fits else "inconsistent", "share of", text, ids, () if fits else ids[:1])


def _within(rows: list) -> Iterator[dict]:
    """Sales of a quarter above those of its half-year, in one row of a table whose metric the ledger lacks."""
    if len(rows) < 2 or not SALES.search(rows[0].metric_words):
        return
    for short, long in itertools.permutations(rows, 2):
        inside = long.period_start <= short.period_start and short.period_end <= long.period_end
        is_shorter = (short.period_start, short.period_end) != (long.period_start, long.period_end)
        alike = short.unit == long.unit == "money" and short.currency == long.currency
        if inside and is_shorter and alike and interval(short)[0] > interval(long)[1] > 0:
            text = f"{amount(long.value, long.currency)} to {long.period_end} is below "
            text += f"{amount(short.value, short.currency)} of a part of it, {short.period_start} to {short.period_end}"
            yield row_of(long, "inconsistent", "part and whole", text, (long.claim_id, short.claim_id), ())


def _headline(rows: list) -> Iterator[dict]:
    """A headline that is a power of ten away from its own text, where nothing in the text agrees with it."""
    title = [r for r in rows if r.sentence == 0 and r.value]
    body = [r for r in rows if r.sentence > 0 and r.value]
    for row in title:
        tens = [math.log10(abs(row.value / other.value)) for other in body]
        slipped = [o for o, t in zip(body, tens, strict=True) if round(t) and abs(t - round(t)) < EXACT]
        if slipped and not any(abs(t) < CLOSE for t in tens):
            other = slipped[0]
            text = (
                f"the headline's {amount(row.value, row.currency)} is {times(abs(row.value / other.value))} the text's "
            )
            text += amount(other.value, other.currency)
            yield row_of(row, "inconsistent", "headline", text, (row.claim_id, other.claim_id), ())


def _totals(cells: pd.DataFrame) -> Iterator[dict]:
    """Judge the columns of each total together."""
    tables: dict[tuple, list] = {}
    for rows in together(cells, "series"):
        total = next((r for r in rows if r.role == "total"), None)
        if total is not None:
            tables.setdefault((total.doc_id, total.sentence), []).append((total, [r for r in rows if r is not total]))
    for columns in tables.values():
        fits = [abs(sum(p.value for p in parts) - t.value) <= _room([t, *parts]) for t, parts in columns]
        for (total, parts), fit in zip(columns, fits, strict=True):
            text = f"{_added(parts)}; printed {amount(total.value, total.currency)}"
            kind = "consistent" if fit else "inconsistent" if any(fits) else "undetermined"
            text += "; other columns of the table add up" if kind == "inconsistent" else ""
            text += "; perhaps not all rows above the total are its parts" if kind == "undetermined" else ""
            ids = (total.claim_id, *(p.claim_id for p in parts))
            yield row_of(total, kind, "total", text, ids, ())


def _lists(ratios: pd.DataFrame) -> Iterator[dict]:
    """Shares of one list, or of one sentence that names the rest or calls them shares of different owners."""
    for rows in together(ratios[ratios["series"].gt(0)], "sentence", "series"):
        if len(rows) >= 3 and 0.85 <= sum(r.value for r in rows) <= 1.15:
            yield _added_up(rows)
    for rows in together(ratios[ratios["role"].eq("share")], "sentence"):
        lists = [rows[0]]
        for row in rows[1:]:
            lists = [*lists, row] if row.start - lists[-1].end <= BESIDE else [row]
        if len(lists) >= 3 and sum(r.value for r in lists) - _room(lists) > 1:
            yield _added_up(lists)  # 女装占62%,零食占31%,家居占18%
    for rows in together(ratios, "sentence", "metric_words"):
        total = sum(r.value for r in rows)
        has_rest = any(r.role == "rest" for r in rows)
        owners = len({r.entity for r in rows}) == len(rows) > 1 and SHARE.search(rows[0].metric_words)
        is_list = len(rows) >= 3 and 0.5 <= total <= 1.5 if has_rest else owners and total - _room(rows) > 1
        if is_list:
            yield _added_up(rows)


def _added_up(rows: list) -> dict:
    total = sum(r.value for r in rows)
    fits = abs(total - 1) <= _room(rows)
    text = " + ".join(f"{r.value:.4g}" for r in rows) + f" = {total:.4g}"
    text += "" if fits else "; parts of a whole add up to 1"
    return row_of(rows[0], "consistent" if fits else "implausible", "shares", text, [r.claim_id for r in rows], ())


def _room(rows: list) -> float:
    return sum(r.half_width for r in rows) * (1 + 1e-9) + 1e-9


def _added(rows: list) -> str:
    return f"{' + '.join(amount(r.value) for r in rows)} = {amount(sum(r.value for r in rows))}"
