"""What a text adds up: parts and their whole, the rows above a total, shares of one list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from helpers.audit.prepare import amount
from helpers.audit.sentences import interval, row_of, together

SHARE = re.compile("份额|占比|share", re.IGNORECASE)


def sums(claims: pd.DataFrame) -> Iterator[dict]:
    """Parts that exceed their whole, totals that their rows do not give, shares that are no shares.

    Parts after 其中 or "of which" need not be all parts, so that only their excess is an alarm. Rows above a total are
    taken for its parts where another column of the table adds up; where none does, the verdict is undetermined.
    """
    level = claims[claims["measure"].eq("level")]
    for rows in together(level[level["unit"].eq("money")], "sentence"):
        yield from _parts(rows)
    yield from _totals(level[level["series"].lt(0)])
    ratios = level[level["unit"].eq("ratio")]
    yield from _lists(ratios)
    for row in ratios[ratios["role"].eq("share")].itertuples():
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
