"""From an article to its claims, a long one in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from helpers.claims.binding import bind
from helpers.claims.lexicon import Lexicon
from helpers.claims.record import Claim

EMPTY = Lexicon.of([], [])
PIECE = 100_000  # characters read at a time: memory stays bounded, however long a text is
_ENDS = (re.compile(r"\n"), re.compile(r"[。!?;]|\. "), re.compile(r"[,, ]"))


def read(
    text: str, *, lexicon: Lexicon = EMPTY, title: str = "", published: str = "", language: str = ""
) -> list[Claim]:
    """The claims of an article, in the order of the text.

    Parameters
    ----------
    text : str
        The article, its title included. Offsets of the claims count in it.
    lexicon : Lexicon, default empty
        Names of entities and terms for metrics; without it claims have a value and a unit but no subject.
    title, published, language : str
        What is known of the article; ``published`` is an ISO day, month or year.

    Returns
    -------
    list of Claim
    """
    if len(text) <= PIECE:
        return bind(text, lexicon, title=title, published=published)
    found: list[Claim] = []
    for start, end in _pieces(text):
        last = found[-1].sentence + 1 if found else 0
        for claim in bind(text[start:end], lexicon, title=title, published=published):
            series = claim.series - start if claim.series < 0 else claim.series  # a sum's number holds for the article
            place = {
                "series": series,
                "start": claim.start + start,
                "end": claim.end + start,
                "sentence": claim.sentence + last,
            }
            found.append(claim._replace(**place))
    return found


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Spans of at most `PIECE` characters that end with a line, else a sentence, else a word."""
    start = 0
    while start < len(text):
        end = min(start + PIECE, len(text))
        if end < len(text):
            for mark in _ENDS:
                cuts = [m.end() for m in mark.finditer(text, end - PIECE // 10, end)]
                if cuts:
                    end = cuts[-1]
                    break
        yield start, end
        start = end
