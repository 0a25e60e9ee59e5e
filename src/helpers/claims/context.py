"""A text as the binding sees it: numbers, names, terms, periods, sentences and headings, all in order."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date

from helpers.claims.lexicon import Lexicon, Mention
from helpers.claims.numbers import Token
from helpers.claims.periods import Period


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, and what it says the lines below are about."""

    start: int
    text: str
    entity: str
    words: str
    period: Period | None


@dataclass(slots=True)
class Text:
    """A text with everything that its claims are bound to, in order."""

    text: str
    low: str
    tokens: list[Token]
    periods: list[Period]
    compared: list[Period]
    names: list[Mention]
    terms: list[tuple]
    cuts: list[int]
    lexicon: Lexicon
    today: date | None
    main: str
    main_words: str
    main_period: Period | None
    headings: list[Heading]
    usual_basis: str
    published: str
    bases: list[tuple[int, int, str]]
    token_starts: list[int] = field(init=False)
    period_starts: list[int] = field(init=False)
    name_starts: list[int] = field(init=False)
    heads: dict[tuple[int, int], Period | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.token_starts = [token.start for token in self.tokens]
        self.period_starts = [period.start for period in self.periods]
        self.name_starts = [name.start for name in self.names]


@dataclass(slots=True)
class Bound:
    """What the claim before was bound to, for the clause that goes on about it."""

    sentence: int = -1
    metric: str = ""
    words: str = ""
    unit: str = ""
    end: int = 0
    term_end: int = -1
    token: Token | None = None
    measure: str = ""
    period: Period | None = None
    carried_from: int = -1
    is_part: bool = False


def heading_above(whole: Text, place: int) -> Heading | None:
    at = bisect_right(whole.headings, place, key=lambda h: h.start) - 1
    return whole.headings[at] if at >= 0 else None
