"""The grammar: from a text to its claims, without what they are about (`helpers.claims.binding` adds that)."""

from __future__ import annotations

from helpers.claims import compose, numbers, periods, sense, tables, vocabulary, words
from helpers.claims.numbers import Token
from helpers.claims.periods import Period

LARGEST = 1e16
"""No amount of an article is larger, in any currency: what is has lost its point or its sense, and is left out."""


def fold(text: str) -> str:
    """The text in small letters, half width and simplified characters, each at its place."""
    return text.translate(vocabulary.FOLD)


def tokens(low: str) -> tuple[list[Token], list[Period]]:
    """Numbers with a unit of a folded text, and the periods it names, both in order."""
    found, named = numbers.scan(low)
    if "新台" in low and numbers.in_taiwan(low):
        for token in found:
            if token.currency == "CNY" and low[token.end - 1] == "元":
                token.currency = "TWD"
                token.inferred.append("currency")
    found = _merged(found, words.scan(low))
    found = compose.compose(low, found)
    tables.apply(low, found)
    found = [token for token in found if token.value * token.factor < LARGEST]
    found = _without_windows(low, sense.settle(low, found))
    named = periods.joined(low, _together(named, list(periods.in_words(low))))
    return found, named


def _merged(found: list[Token], more) -> list[Token]:
    """Numbers in digits and in words, in order; where they overlap, the longer stands."""
    both = sorted([*found, *more], key=lambda t: (t.start, -t.end))
    out: list[Token] = []
    for token in both:
        if out and token.start < out[-1].end:
            if token.end - token.start > out[-1].end - out[-1].start and token.kind:
                out[-1] = token
            continue
        out.append(token)
    return out


def _together(digits: list[Period], spoken: list[Period]) -> list[Period]:
    """Periods in order, without words that stand inside a period in digits."""
    out: list[Period] = []
    for period in sorted([*digits, *spoken], key=lambda p: (p.start, -p.end)):
        if out and period.start < out[-1].end:
            continue
        out.append(period)
    return out


def _without_windows(low: str, found: list[Token]) -> list[Token]:
    """A length of time beside other figures is their window and no claim; alone, or as minutes of use, it is one."""
    out = []
    for i, token in enumerate(found):
        if token.kind == "time" and token.unit in ("hour", "day"):
            near = [
                t
                for t in found[max(0, i - 3) : i + 4]
                if t.kind in ("ratio", "money", "multiple", "points") or t.unit == "person"
            ]
            if any(not _ends(low, token, t) for t in near):
                continue
        out.append(token)
    return out


def _ends(low: str, a: Token, b: Token) -> bool:
    """Whether a sentence ends between two numbers."""
    between = low[min(a.end, b.end) : max(a.start, b.start)]
    return any(mark in between for mark in ("。", "\n", ". ", "! ", "? ", " - ", ";"))


def value_of(token: Token) -> tuple[float, float | None, float]:
    """Value, upper end and half of the last printed digit in base units."""
    factor = token.factor
    if token.kind == "ratio":
        factor *= 0.001 if token.permille else 0.01
    elif token.kind == "basis":
        factor *= 0.01
    sign = -1.0 if token.negative else 1.0
    value, half = sign * exact(token.value, factor), token.digit * factor / 2
    high = None if token.high is None else sign * exact(token.high, factor)
    return (value, high, half) if high is None or high >= value else (high, value, half)


def exact(value: float, factor: float) -> float:
    """The product without the last digits that binary floating point adds: 3.42e12 and not 3419999999999.9995."""
    return float(f"{value * factor:.12g}")
