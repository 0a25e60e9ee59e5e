"""Numbers that a text adds up: parts after 其中 or "of which", the rest of a list of shares, the rows above a total.

The roles that they get let an audit add them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpers.claims.context import Text
from helpers.claims.lexicon import SHARES
from helpers.claims.record import Claim
from helpers.claims.subjects import AMONG

_GOES_ON = re.compile(r"[^。;.!?\n]{0,24}")
_REST = re.compile(
    r"(?:其他|其它|其余|余下|剩余|(?:all )?(?:the )?(?:others?|rest|remainder|remaining)\b)[^,。;0-9]{0,12}\Z"
)
_OF_A_WHOLE = re.compile(
    r"(?:份额|占比|渗透率|占[^,。;0-9]{0,12}|\bshare of [a-z ]{2,24}|\bmarket share|\baccounts? for)[^,。;0-9]{0,14}\Z"
)
_TAKES = re.compile(r"占(?:比|到|了|约|近|超)*\Z")
_OR = re.compile(r",? ?(?:or|about|roughly|equal to|equivalent to|representing|accounting for| ){1,6}")
_OF = re.compile(r" of (?:the |its |their )?[a-z' \-]{0,40}? ?(?:of |, )?(?:about |roughly |nearly |over )?")
_TAKES_OF = re.compile(
    r"[^。;0-9]{0,4}占[^,。;0-9]{0,16}\x00的(?:约|近|超)?|[^。;0-9]{0,20}\x00[^,。;0-9]{0,8}中?占(?:约|近|超|比)*"
)
"""What stands before and behind the whole: 占网络零售额15.5万亿元的37%, 在规模6,950亿元的市场中占4.1%."""
_TOTAL = re.compile(r"(?:\btotal\b|合计|总计|总额|总收入|总营收|收入总|小计)")


def summed(whole: Text, claims: list[Claim]) -> list[Claim]:
    """Claims with the roles part, rest, share, total and base (what a printed share is of).

    All but the last are given only where nothing else gave a role.

    Parameters
    ----------
    whole : Text
    claims : list of Claim
        One for each token of the text, in order.
    """
    roles: dict[int, tuple[str, int]] = {}
    for i, claim in enumerate(claims):
        if i and claim.unit == "money" and _is_base(whole.low, claims, i):
            roles[i] = ("base", 0)
            continue
        if claim.role or claim.measure != "level":
            continue
        left = whole.low[max(0, claim.start - 40) : claim.start]
        if claim.unit == "ratio" and _REST.search(left):
            roles[i] = ("rest", 0)
        elif claim.unit == "ratio" and (claim.value > 1 or _TAKES.search(left)) and _OF_A_WHOLE.search(left):
            roles[i] = ("share", 0)
        elif claim.unit == "money" and _is_part(whole.low, claims, roles, i):
            roles[i] = ("part", 0)
    for i, role, series in _totals(whole, claims):
        roles.setdefault(i, (role, series))
    return [
        claim._replace(role=roles[i][0], series=claim.series or roles[i][1]) if i in roles else claim
        for i, claim in enumerate(claims)
    ]


def _is_base(low: str, claims: list[Claim], i: int) -> bool:
    """Whether an amount is what the one before it has a printed share of: "4.65 trillion, or 40% of sales of 15.5 trillion"."""
    before, claim = claims[i - 1], claims[i]
    if i > 1 and _is_share(before, claim) and _is_like(claims[i - 2], claim):
        gaps = low[claims[i - 2].end : before.start], low[before.end : claim.start]
        return bool(_OR.fullmatch(gaps[0]) and _OF.fullmatch(gaps[1]))
    if i + 1 < len(claims) and _is_share(claims[i + 1], claim) and _is_like(before, claim):
        gaps = low[before.end : claim.start], low[claim.end : claims[i + 1].start]
        return bool(_TAKES_OF.fullmatch("\x00".join(gaps)))
    return False


def _is_share(one: Claim, of: Claim) -> bool:
    return (one.unit, one.measure, one.sentence) == ("ratio", "level", of.sentence)


def _is_like(one: Claim, other: Claim) -> bool:
    """Whether two amounts of one sentence are levels in one currency."""
    kinds = [(c.unit, c.currency, c.sentence, c.measure) for c in (one, other)]
    return kinds[0] == kinds[1] and one.measure == "level"


def _is_part(low: str, claims: list[Claim], roles: dict[int, tuple[str, int]], i: int) -> bool:
    """Whether an amount is said to be one of the parts of the amount before it."""
    claim = claims[i]
    if claim.metric and claim.metric not in SHARES:
        return False
    before = next((k for k in range(i - 1, max(-1, i - 4), -1) if claims[k].unit == "money"), None)
    if before is None or claims[before].sentence != claim.sentence or claims[before].currency != claim.currency:
        return False
    gap = low[claims[before].end : claim.start]
    return bool(AMONG.search(gap)) or (roles.get(before, ("",))[0] == "part" and bool(_GOES_ON.fullmatch(gap)))


def _totals(whole: Text, claims: list[Claim]) -> Iterator[tuple[int, str, int]]:
    """Cells of the rows right above a total, and the total's own, column by column: index, role and number of the sum."""
    block: list[list[int]] = []
    last_line = -1
    for row in _rows(whole):
        first = whole.tokens[row[0]].start
        line = whole.low.rfind("\n", 0, first) + 1
        between = whole.low[last_line:line] if last_line >= 0 else ""
        if between.count("\n") > 1:  # a blank line, or a line that opens a new group
            block = []
        last_line = first
        if _TOTAL.search(whole.low, line, first):
            yield from _sum(whole, claims, block, row)
            block = []
        else:
            block.append(row)


def _rows(whole: Text) -> Iterator[list[int]]:
    """Tokens under a head of a column, line by line."""
    row: list[int] = []
    for i, token in enumerate(whole.tokens):
        if token.header is None:
            continue
        if row and "\n" in whole.low[whole.tokens[row[-1]].end : token.start]:
            yield row
            row = []
        row.append(i)
    if row:
        yield row


def _sum(whole: Text, claims: list[Claim], block: list[list[int]], total: list[int]) -> Iterator[tuple[int, str, int]]:
    for i in total:
        head, kind = whole.tokens[i].header, (claims[i].unit, claims[i].currency, claims[i].measure)
        column = [k for row in block for k in row if whole.tokens[k].header == head]
        like = [k for k in column if (claims[k].unit, claims[k].currency, claims[k].measure) == kind]
        if kind[2] == "level" and kind[0] not in ("ratio", "multiple") and len(like) == len(column) > 1:
            yield i, "total", -1 - i
            yield from ((k, "part", -1 - i) for k in like)
