"""A folder's library, with its claims read by the project's lexicon."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import pandas as pd

from helpers import claims, ledger, lexicon, paths
from helpers.documents.articles import Article
from helpers.documents.library import Added, Library, open_library, place

UNKNOWN_KIND = "digest"


def read_claims(article: Article) -> list[claims.Claim]:
    """The claims of an article, bound by the words of ``data/lexicon``."""
    return claims.read(article.text, lexicon=_held(), title=article.title, published=article.published)


@lru_cache(maxsize=1)
def _held() -> claims.Lexicon:
    """The lexicon, looked at once per folder and not once per article."""
    return lexicon.words()


def reader_version() -> str:
    """Names the grammar and the lexicon that read a document: claims of an older one are read again."""
    digest = hashlib.sha256()
    for name in ("names", "terms"):
        digest.update((lexicon.FOLDER / f"{name}.csv").read_bytes())
    return f"{claims.RULE_VERSION}-{digest.hexdigest()[:8]}"


def with_kinds(table: pd.DataFrame, book: ledger.Ledger) -> pd.DataFrame:
    """Claims with the kind of their publisher and its trust, as the audit weighs them.

    Parameters
    ----------
    table : DataFrame
        As `Library.claims` gives it.
    book : Ledger
        Whose sources say what kind a publisher is; a publisher that it does not know is a digest.
    """
    kinds = book.sources.sort_values("trust", kind="stable").groupby("publisher")["kind"].agg("last")
    kind = table["publisher"].map(kinds.astype(str)).fillna(UNKNOWN_KIND)
    return table.assign(kind=kind, trust=kind.map(book.kinds["trust"]).astype(int))


def library(folder: str | Path) -> tuple[Library, Added]:
    """The library of a folder, after everything new in it was added.

    Parameters
    ----------
    folder : str or Path
        Absolute, or in the project or the current folder. Its library is ``<folder>.sqlite`` beside it. Empty: no
        folder, and a library without documents that is kept nowhere.

    Returns
    -------
    library : Library
    added : Added

    Raises
    ------
    DataError
        There is no such folder, or its library cannot be opened.
    """
    if not str(folder).strip():
        return open_library(Path(":memory:")), Added(new=0, known=0, claims=0, broken=())
    where = paths.find(folder, folders=True)
    _held.cache_clear()
    found = open_library(place(where))
    return found, found.add(where, reader=read_claims, version=reader_version())
