"""Words for the full-text index: pairs of Chinese characters, folded letters, and queries made of them.

Chinese has no blanks, and dictionaries cut the field's own words apart (数字人, 万人团). Every two neighbouring
characters are one term; a word of a query is the phrase of its pairs, so two-character words are found wherever they
stand. Traditional characters are folded to simplified ones, and a glossary of the field adds the other language's word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping

from helpers.claims.grammar import fold
from helpers.errors import HelpersError

HAN = re.compile("[㐀-鿿]+")
WORD = re.compile("[㐀-鿿]+|[^\\W_]+(?:[.&'][^\\W_]+)*")
LONGEST_QUERY = 400
MOST_WORDS = 32
QUOTED = re.compile(r'-?"[^"]*"|\S+')


def terms(text: str) -> str:
    """A text as the index keeps it: pairs of Chinese characters between blanks.

    >>> terms("GMV口径差异")
    'gmv 口径 径差 差异'
    """
    return HAN.sub(_pairs, fold(text)).strip()


def _pairs(found: re.Match) -> str:
    run = found[0]
    return f" {run} " if len(run) == 1 else " " + " ".join(map("".join, itertools.pairwise(run))) + " "


def glossary(rows: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The other words of each word's group.

    Parameters
    ----------
    rows : iterable of (group, term)
    """
    groups: dict[str, list[str]] = {}
    for group, term in rows:
        groups.setdefault(group, []).append(fold(term))
    out: dict[str, tuple[str, ...]] = {}
    for members in groups.values():
        for term in members:
            out[term] = tuple(dict.fromkeys([*out.get(term, ()), *(m for m in members if m != term)]))
    return out


def words(query: str, known: Mapping[str, tuple[str, ...]] | None = None) -> tuple[list[list[str]], list[str]]:
    """What a query asks for: each word with its synonyms, and the words that must not be there.

    Parameters
    ----------
    query : str
        Words between blanks; ``"two words"`` is a phrase, ``-word`` excludes. Known terms of several words, such as
        live commerce, count as one.
    known : mapping, optional
        As `glossary` makes it.

    Raises
    ------
    HelpersError
        Nothing to search for, or more than a person types.
    """
    if len(query) > LONGEST_QUERY:
        raise HelpersError(f"the query has {len(query):,} characters: at most {LONGEST_QUERY}")
    wanted, excluded = [], []
    for part in QUOTED.findall(_grouped(query, known or {})):
        target = excluded if part.startswith("-") and len(part) > 1 else wanted
        plain = fold(part.strip('-"')).strip()
        if not WORD.search(plain) or (plain in ("and", "or", "not", "near") and part.isupper()):
            continue
        target.append([plain, *(known or {}).get(plain, ())] if target is wanted else [plain])
    if not wanted:
        raise HelpersError(f"no word to search for in {query[:60]!r}: give at least one word or number")
    return wanted[:MOST_WORDS], [group[0] for group in excluded[:MOST_WORDS]]


def _grouped(query: str, known: Mapping[str, tuple[str, ...]]) -> str:
    """Known terms of several words in quotation marks, so that they are searched as one."""
    if '"' in query:
        return query
    low = fold(query)
    for term in sorted((t for t in known if " " in t and t in low), key=len, reverse=True):
        at = low.find(term)
        if at >= 0 and '"' not in low[at : at + len(term)]:
            query = f'{query[:at]}"{query[at : at + len(term)]}"{query[at + len(term) :]}'
            low = fold(query)
    return query


def match(wanted: list[list[str]], excluded: list[str], operator: str) -> str:
    """The full-text expression for words, joined by AND or OR; nothing of a user's text is an operator in it."""
    parts = ["(" + " OR ".join(map(_phrase, group)) + ")" for group in wanted]
    positive = f" {operator} ".join(parts)
    return f"({positive})" + "".join(f" NOT {_phrase(word)}" for word in excluded)


def _phrase(word: str) -> str:
    """A word as the phrase of its terms; a single Chinese character also finds what begins with it."""
    plain = terms(re.sub(r'["*^:(){}\[\]\x00]', " ", word))
    single = len(word) == 1 and HAN.fullmatch(word)
    return f'"{plain}"' + ("*" if single else "")
