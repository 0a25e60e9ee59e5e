"""Lists that go together: "抖音、快手GMV分别为3.5万亿元和1.39万亿元" gives each name its number.

Two or more names, metrics or periods in a list, and as many numbers after the word, are paired in their order. Where the
counts differ nobody can say which number is whose, and the list's numbers are left without that subject.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace

from helpers.claims import days
from helpers.claims.context import Text
from helpers.claims.record import Claim

_WORD = re.compile(r"分别|\brespectively\b")
_LINK = re.compile(r"[ ,、和与及/]*(?:and|以及)?[ ,、]*(?:the )?")
REACH = 140
NEAR = 8  # characters between two numbers of one list


def respectively(whole: Text, claims: list[Claim]) -> list[Claim]:
    """Pair the lists of a text that says "respectively".

    Parameters
    ----------
    whole : Text
    claims : list of Claim
        As they were bound one by one.
    """
    if "分别" not in whole.low and "respectively" not in whole.low:
        return claims
    out = list(claims)
    for said in _WORD.finditer(whole.low):
        cut = bisect_right(whole.cuts, said.start())
        start = whole.cuts[cut - 1] if cut else 0
        end = whole.cuts[cut] if cut < len(whole.cuts) else len(whole.low)
        is_after = said[0] == "分别"
        numbers = _series(out, said.end(), end) if is_after else _series(out, start, said.start())
        if len(numbers) > 1:
            limit = said.start() if is_after else out[numbers[0]].start
            begin = max(start, limit - REACH)
            _pair_names(whole, out, numbers, begin, limit)
            _pair_metrics(whole, out, numbers, begin, limit)
            _pair_periods(whole, out, numbers, begin, limit)
    return out


def _series(claims: list[Claim], start: int, end: int) -> list[int]:
    """The first numbers of one unit that stand in one list."""
    kept: list[int] = []
    for i, claim in enumerate(claims):
        if not start <= claim.start < end:
            continue
        last = claims[kept[-1]] if kept else None
        if last is not None and (claim.start - last.end > NEAR or claim.unit != last.unit):
            break
        kept.append(i)
    return kept


def _pair_names(whole: Text, claims: list[Claim], numbers: list[int], start: int, limit: int) -> None:
    row = _in_a_row(whole.low, [(n.start, n.end, n) for n in whole.names if start <= n.start and n.end <= limit])
    if len(row) < 2:
        return
    fits = len(row) == len(numbers)
    for k, i in enumerate(numbers):
        if fits:
            claims[i] = claims[i]._replace(entity=row[k].code, entity_words=row[k].words)
        else:
            claims[i] = claims[i]._replace(entity="", entity_words="", confidence=0.05)


def _pair_metrics(whole: Text, claims: list[Claim], numbers: list[int], start: int, limit: int) -> None:
    row = _in_a_row(whole.low, [(t[0], t[1], t) for t in whole.terms if start <= t[0] and t[1] <= limit])
    if len(row) != len(numbers) or len(row) < 2:
        return
    for k, i in enumerate(numbers):
        meaning = row[k][2]
        code, _ = meaning.get(claims[i].entity) or meaning.get("") or next(iter(meaning.values()))
        claims[i] = claims[i]._replace(metric=code, metric_words=row[k][3])


def _pair_periods(whole: Text, claims: list[Claim], numbers: list[int], start: int, limit: int) -> None:
    spans = [p for p in whole.periods if start <= p.start and p.end <= limit and p.kind in ("quarter", "half", "year")]
    row = _in_a_row(whole.low, [(p.start, p.end, p) for p in spans])
    if len(row) < 2:
        return
    closing = days.resolve(row[-1], whole.today)[1]
    if closing and all(p.year is None for p in row):  # one list is of one year
        row = [replace(p, year=int(closing[:4])) for p in row]
    fits = len(row) == len(numbers)
    for k, i in enumerate(numbers):
        first, last = days.resolve(row[k], whole.today) if fits else ("", "")
        basis = "stated" if first else "unknown"
        claims[i] = claims[i]._replace(period_start=first, period_end=last, period_basis=basis)


def _in_a_row(low: str, items: list[tuple]) -> list:
    """The last of the items that stand in one list, with nothing but links between them."""
    row: list = []
    for start, end, item in reversed(items):
        if row and not _LINK.fullmatch(low, end, row[0][0]):
            break
        row.insert(0, (start, item))
    return [item for _, item in row]
