"""From an article to its claims."""

from __future__ import annotations

from helpers.claims.binding import bind
from helpers.claims.lexicon import Lexicon
from helpers.claims.record import Claim

EMPTY = Lexicon.of([], [])


def read(text: str, *, lexicon: Lexicon = EMPTY, title: str = "", published: str = "", language: str = "") -> list[Claim]:
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
    return bind(text, lexicon, title=title, published=published)
