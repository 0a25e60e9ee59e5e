"""Numbers whose scale stands elsewhere: a note such as "RMB million" or 单位:亿元, and the rows of a table under it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from helpers.claims.numbers import Token
from helpers.claims.vocabulary import CURRENCY_BEFORE, SCALES

_EN_SCALE = "millions?|billions?|thousands?|trillions?|mn|bn|mln|bln|m|b|'000|000s?"
_CURRENCY = r"rmb|cny|usd|us\\?\$|hk\\?\$|hkd|nt\\?\$|sgd|s\\?\$|eur|€|\\?\$|¥|人民币|港币|港元|美元|yuan|renminbi"
_NOTE = re.compile(
    rf"(?:单位|币种|货币单位)[::为]? ?(?P<c1>人民币|美元|港元|港币|rmb)? ?(?P<s1>万亿|千亿|百亿|十亿|亿|千万|百万|十万|万|千)?(?P<u1>美元|港元|港币|元|人|户|单)?"
    rf"|(?<![0-9a-z.] )(?<![0-9a-z.])(?:in |figures in |amounts in |all in )?(?P<c2>{_CURRENCY}) ?(?P<s2>{_EN_SCALE})(?![a-z0-9])(?! ?[0-9])"
    rf"|\b(?:in|figures in|amounts in) (?P<s3>millions?|billions?|thousands?)(?: of (?P<c3>{_CURRENCY}|us dollars|u\.s\. dollars|dollars|hong kong dollars))?(?! (?:users|people))"
    rf"|[((](?P<c4>人民币|美元|港元|港币)?(?P<s4>万亿|十亿|亿|千万|百万|万|千)(?P<u4>美元|港元|港币|元|人|户|单|件|次)?[))]"
    rf"|[((](?P<s5>millions?|billions?|thousands?|mn|bn|mln|m)[))]"
    r"|[((](?P<percent>%|per cent|percent)[))]"
)
_HINTS = re.compile(
    r"单位|币种|(?:million|billion|thousand)s?\)|\((?:mn|bn|m)\)|'000|in (?:million|billion|thousand)|(?:rmb|cny|usd|hkd|yuan|eur|[$€]) ?(?:m|b|t)"
    r"|[万亿千](?:元|美元|港元|人)?\)|\(%"
)
"""What every note holds one of; most texts have no note and are passed over by looking for these."""
_DECLARED = {"'000": 3, "000": 3, "000s": 3, "m": 6, "b": 9}
_MONEY_NAMES = {
    "人民币": "CNY", "美元": "USD", "港元": "HKD", "港币": "HKD", "元": "CNY", "yuan": "CNY", "renminbi": "CNY",
    "us dollars": "USD", "u.s. dollars": "USD", "dollars": "USD", "hong kong dollars": "HKD",
}  # fmt: skip
_RATIO_ROW = re.compile(
    r"margin|率(?!先)|占比|比例|yoy|y/y|qoq|同比|环比|growth|增速|增幅|% ?change|\bchange\b|share of|\bratio\b"
)
_TIMES_ROW = re.compile(r"\bp/?[esb]\b|\bev/|\(x\)|\(倍\)|市[盈销净]率|\bmultiple\b")
_HEAD_MONEY = re.compile(r"(?<![a-z])(?:us\$|usd|hk\$|hkd|rmb|cny|nt\$|s\$|eur|€|人民币|美元|港元|港币)(?![a-z])")
_PER_SHARE = re.compile(r"per share|per ads|\beps\b|每股|/股")
_COUNT_ROW = re.compile(
    r"\bdaus?\b|\bmaus?\b|users?|用户|日活|月活|订单|orders|买家|buyers|merchants|商家|人数|followers|门店|stores|employees|员工"
)
_CELL = re.compile(r"[|\t]| {2,}")
_ALIGNED = re.compile(r"\t| {2,}| (?=\([0-9][0-9,.]{2,}\)(?: |$))")
"""In columns of spaces a long label may leave one before the bracket of a negative number."""
_WORD = re.compile(r"[a-z0-9一-鿿]")
_LETTER = re.compile(r"[一-鿿a-z]")


@dataclass(frozen=True, slots=True)
class Note:
    """A scale that a note declares: where it stands, the power of ten, the currency."""

    start: int
    end: int
    power: int | None
    currency: str
    is_money: bool
    is_percent: bool = False


def notes(low: str) -> list[Note]:
    """The notes of a folded text, in order."""
    found = []
    for m in _NOTE.finditer(low):
        g = m.groupdict()
        if g["percent"]:
            found.append(Note(m.start(), m.end(), None, "", False, True))
            continue
        scale = next((g[k] for k in ("s1", "s2", "s3", "s4", "s5") if g[k]), None)
        unit = g["u1"] or g["u4"] or ""
        money = next((g[k] for k in ("c1", "c2", "c3", "c4") if g[k]), "") or (unit if unit in _MONEY_NAMES else "")
        money = money.replace("\\", "")
        currency = _MONEY_NAMES.get(money) or CURRENCY_BEFORE.get(money, "")
        if scale is None and not currency:
            continue
        power = None if scale is None else _DECLARED.get(scale, SCALES.get(scale.rstrip("s"), SCALES.get(scale)))
        is_money = bool(currency) or not (unit and unit not in _MONEY_NAMES)
        found.append(Note(m.start(), m.end(), power, currency, is_money and unit in ("", *_MONEY_NAMES)))
    return found


def apply(low: str, tokens: list[Token]) -> None:
    """Give bare numbers the scale of their row, their column or the note above them; brackets make them negative.

    Parameters
    ----------
    low : str
        The folded text.
    tokens : list of Token
        Changed in place.
    """
    declared = notes(low) if _HINTS.search(low) else []
    if not declared and "|" not in low and "\t" not in low:
        return
    lines = _lines(low)
    header: dict[int, tuple[int, int]] = {}
    scope: Note | None = None
    at = 0
    for start, end in lines:
        line = low[start:end]
        mine = [note for note in declared if start <= note.start < end]
        here = []
        while at < len(tokens) and tokens[at].start < end:
            if tokens[at].start >= start:
                here.append(tokens[at])
            at += 1
        cells = cells_of(line, start)
        in_table = len(cells) > 1
        if in_table and not here and _WORD.search(low, cells[1][0], end):
            header = {i - len(cells): c for i, c in enumerate(cells)}
        outer = [n for n in mine if not n.is_percent and not _in_label(n, here, cells)]
        if outer:
            scope = outer[-1]
        if not line.strip():
            header = {}
        for token in here:
            _fill(low, token, cells if in_table else [(start, end)], in_table, header, mine, scope)


def _lines(low: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for line in low.splitlines(keepends=True):
        spans.append((start, start + len(line)))
        start += len(line)
    return spans


def cells_of(line: str, start: int) -> list[tuple[int, int]]:
    """Where the cells of a line stand that begins at `start`: between bars, tabs or two blanks."""
    if "|" not in line and "\t" not in line and "  " not in line.strip():
        return [(start, start + len(line))]
    spans, at = [], 0
    for m in (_CELL if "|" in line else _ALIGNED).finditer(line):
        spans.append((start + at, start + m.start()))
        at = m.end()
    spans.append((start + at, start + len(line)))
    return [s for i, s in enumerate(spans) if s[0] < s[1] or i]


def _in_label(note: Note, here: list[Token], cells: list[tuple[int, int]]) -> bool:
    """Whether a note stands in a row's label, beside numbers of that row."""
    return bool(here) and len(cells) > 1


def _fill(low, token, cells, in_table, header, mine, scope) -> None:
    """One number of a row: its column's head, the minus of its brackets, and the scale that stands elsewhere."""
    number = bisect_right(cells, (token.start, len(low))) - 1
    number = number if number >= 0 and token.start < cells[number][1] else None
    column = ""
    if in_table and number:
        _bracket(low, token, cells[number])
        token.header = header.get(number - len(cells))  # from the right: a head may have no first cell
        column = low[slice(*token.header)] if token.header else ""
    if token.kind or token.power is not None or (in_table and number == 0):
        return
    label = low[cells[0][0] : cells[0][1]] if in_table else low[max(cells[0][0], token.start - 24) : token.start]
    own = next((n for n in mine if in_table and n.start < cells[0][1]), None)
    above = next(iter(notes(column)), None) if column and _HINTS.search(column) else None
    times = in_table and _TIMES_ROW.search(label)
    said = [n for n in (own, above) if n is not None and n.is_percent]
    if said or (in_table and (_RATIO_ROW.search(column) or (_RATIO_ROW.search(label) and not own and not times))):
        _percent(token)
        return
    if times:
        token.kind, token.unit = "multiple", "multiple"
        token.inferred.append("unit")
        return
    note = own or above or scope
    if note is not None and not note.is_percent and (in_table or _is_amount(low, token, note)):
        is_own = note in (own, above)
        if money := _HEAD_MONEY.search(column):  # a column in dollars beside one in yuan
            note = replace(note, currency=_MONEY_NAMES.get(money[0]) or CURRENCY_BEFORE.get(money[0], note.currency))
        _scaled(token, note, f"{label} {column}", is_own)


def _bracket(low: str, token: Token, cell: tuple[int, int]) -> None:
    """A number alone in brackets is negative."""
    bracketed = low[token.start - 1 : token.start] == "(" and low[token.end : token.end + 1] == ")"
    if token.negative is None and bracketed and not _LETTER.search(low, cell[0], token.start):
        token.negative = True
        token.start, token.end = token.start - 1, token.end + 1


def _scaled(token: Token, note: Note, label: str, is_own: bool) -> None:
    """A bare number by its note: an amount, an amount per share, or a count."""
    if _PER_SHARE.search(label):
        if note.currency:
            token.kind, token.unit, token.currency, token.per = "money", "money", note.currency, "share"
            token.inferred.append("currency")
    elif note.is_money and not _COUNT_ROW.search(label):
        token.kind, token.unit, token.power, token.currency = "money", "money", note.power, note.currency
        token.inferred += ["scale", "currency"]
    elif is_own or not note.currency or not note.is_money:
        token.kind, token.power, token.unit = "count", note.power, "count"
        token.inferred.append("scale")


def _percent(token: Token) -> None:
    token.kind, token.unit = "ratio", "ratio"
    token.inferred.append("unit")


def _is_amount(low: str, token: Token, note: Note) -> bool:
    """In prose, a note covers what follows in its paragraph and looks like an amount: after a word, with a comma or two digits."""
    if token.start < note.end or "\n\n" in low[note.end : token.start] or token.start - note.end > 1500:
        return False
    text = low[token.digits[0] : token.digits[1]]
    return ("," in text or "." in text or len(text) > 2) and not re.match(r" ?[a-z]", low[token.end : token.end + 2])
