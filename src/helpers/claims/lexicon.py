"""The words that name entities and metrics, as one pattern over a folded text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from helpers.claims.vocabulary import FOLD

SHARES = {
    "revenue_online_marketing": "revenue_share_online_marketing", "revenue_live_streaming": "revenue_share_live_streaming",
    "revenue_other": "revenue_share_other", "ad_revenue": "ad_revenue_share",
}  # fmt: skip
"""The metric that "x % of the total" is about, by the metric that has the share."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A name or a term in a text.

    Attributes
    ----------
    start, end : int
    code : str
        Entity or metric; "" for a known term that no metric of the ledger covers.
    unit : str
        The unit of the term's level, "" for entities.
    words : str
        As the text has it.
    """

    start: int
    end: int
    code: str
    unit: str
    words: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Entities and metrics with the words for them.

    Attributes
    ----------
    names : mapping of str to str
        Folded name to entity.
    cased : frozenset of str
        Names as written, which a text must repeat with their capitals.
    terms : mapping of str to mapping of str to (metric, unit)
        Folded term to its metric, by entity; "" holds for all others.
    fiscal_ends : mapping of str to int
        Last month of the fiscal year, where it is not December.
    kinds : mapping of str to str
        Kind of each metric (flow, stock, average, ratio, price, rule), as the ledger has it.
    """

    names: Mapping[str, str]
    cased: frozenset[str]
    terms: Mapping[str, Mapping[str, tuple[str, str]]]
    fiscal_ends: Mapping[str, int]
    kinds: Mapping[str, str]
    name_pattern: re.Pattern
    term_pattern: re.Pattern

    @classmethod
    def of(
        cls,
        names: Iterable[tuple[str, str, str]],
        terms: Iterable[tuple[str, str, str, str]],
        kinds: Mapping[str, str] | None = None,
    ) -> Lexicon:
        """A lexicon from rows.

        Parameters
        ----------
        names : iterable of (entity, name, fiscal_year_end)
            ``fiscal_year_end`` as "05-31", "" for the calendar year.
        terms : iterable of (term, metric, unit, entity)
            ``entity`` "" unless the term means this metric for that entity only.
        kinds : mapping of str to str, optional
            Kind of each metric.
        """
        names = list(names)
        by_term: dict[str, dict[str, tuple[str, str]]] = {}
        for term, metric, unit, entity in terms:
            by_term.setdefault(term.translate(FOLD), {})[entity] = (metric, unit)
        by_name = {name.translate(FOLD): entity for entity, name, _ in names}
        ends = {entity: int(end[:2]) for entity, _, end in names if end}
        cased = frozenset(name for _, name, _ in names if name.isascii())
        return cls(by_name, cased, by_term, ends, kinds or {}, _pattern(by_name), _pattern(by_term))

    def mentioned(self, text: str, low: str) -> list[Mention]:
        """Entities that a text names, in order; a Latin name must have its first capital."""
        found = []
        for m in self.name_pattern.finditer(low):
            words = text[m.start() : m.end()]
            if words.isascii() and words[0].islower() and words not in self.cased:
                continue
            found.append(Mention(m.start(), m.end(), self.names[m[0]], "", words))
        return found

    def meant(self, text: str, low: str) -> list[tuple[int, int, Mapping[str, tuple[str, str]], str]]:
        """Metric terms of a text in order, with what they mean by entity."""
        return [
            (m.start(), m.end(), self.terms[m[0]], text[m.start() : m.end()]) for m in self.term_pattern.finditer(low)
        ]


def _pattern(words: Iterable[str]) -> re.Pattern:
    """All words as one pattern, the longest first, by a tree of shared beginnings: a list of a thousand is as fast as one of ten."""
    tree: dict = {}
    if not words:
        return re.compile(r"(?!)")
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return re.compile(rf"(?:(?<![a-z])(?=[a-z0-9])|(?![a-z0-9])){_branch(tree)}")


def _branch(node: dict, last: str = "") -> str:
    """The pattern of one branch; a word that ends in a letter ends where the letters end."""
    ends = "" in node
    stop = "(?![a-z])" if last.isascii() and last.isalpha() else ""
    parts = [re.escape(letter) + _branch(rest, letter) for letter, rest in sorted(node.items()) if letter]
    if not parts:
        return stop
    body = "|".join(parts)
    if ends:
        return f"(?:{body}|{stop})" if stop else f"(?:{body})?"
    return f"(?:{body})" if len(parts) > 1 else body
