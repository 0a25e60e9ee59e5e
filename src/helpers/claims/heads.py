"""The period that the head of a column says, in one line or in several.

Three months ended            For the nine months ended September 30,
Sept. 30,    Sept. 30,             2024          2025
  2024         2025                 RMB           RMB
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace

from helpers.claims import grammar
from helpers.claims.context import Text
from helpers.claims.periods import Period
from helpers.claims.tables import cells_of

MOST_LINES = 4
_MONTH = "jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec"
_HEAD_LINE = re.compile(
    rf"(?:\b(?:for|the|as|of|at|and|in|three|six|nine|twelve|months?|quarters?|years?|fiscal|ended|ending|unaudited|audited|notes?|rmb|"
    rf"us|hk|usd|cny|hkd|thousands?|millions?|(?:{_MONTH})[a-z]*)\b|[0-9]{{1,2}}(?![0-9])|(?:19|20)[0-9]{{2}}(?![0-9])|"
    r"截至|止|三个月|六个月|九个月|十二个月|年度|年|月|日|季度|第|[一二三四]|未经审[计核]|经审[计核]|人民币|美元|港元|[百千]?万元|千元|附注|[ \t|():,.'$¥*:-])+"
)


def period_of_column(whole: Text, head: tuple[int, int]) -> Period | None:
    """The period of a column.

    Parameters
    ----------
    whole : Text
    head : (int, int)
        Where the lowest line of the column's head stands.
    """
    if head not in whole.heads:
        whole.heads[head] = _stacked(whole, head) or _printed(whole, head)
    return whole.heads[head]


def _printed(whole: Text, head: tuple[int, int]) -> Period | None:
    at = bisect_left(whole.period_starts, head[0])
    found = whole.periods[at] if at < len(whole.periods) else None
    return found if found is not None and found.end <= head[1] else None


def _stacked(whole: Text, head: tuple[int, int]) -> Period | None:
    """The lines of a head together, read as one phrase."""
    begins = whole.low.rfind("\n", 0, head[0]) + 1
    middle = (head[0] + head[1]) / 2 - begins
    words = [whole.low[slice(*head)].strip()]
    while len(words) < MOST_LINES and begins:
        end, begins = begins - 1, whole.low.rfind("\n", 0, begins - 1) + 1
        line = whole.low[begins:end]
        if not line.strip() or not _HEAD_LINE.fullmatch(line):
            break
        near = [c for c in cells_of(line, 0) if line[slice(*c)].strip(" |-")]
        if near:
            words.insert(0, line[slice(*min(near, key=lambda c: abs((c[0] + c[1]) / 2 - middle)))].strip())
    if len(words) == 1:
        return None
    _, named = grammar.tokens(" ".join(words))
    years = [p.year for p in named if p.kind == "year" and p.year]
    named = [_of_year(p, years[-1]) if years and p.until is not None else p for p in named]
    named = [p for p in named if p.year is not None or (p.until is not None and p.until.year is not None)]
    if not named:
        return None
    found = max(named, key=lambda p: (p.until is not None, p.kind != "year", p.end))
    return replace(found, start=head[0], end=head[1])


def _of_year(period: Period, year: int) -> Period:
    """A span of months without a year, 截至9月30日止三个月, that ends in a year printed beside it."""
    if period.year is not None or period.until.year is not None:
        return period
    begins = year - 1 if period.part > period.until.part else year
    return replace(period, year=begins, until=replace(period.until, year=year))
