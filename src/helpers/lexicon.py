"""The words that name entities and metrics, and what figures may be to each other: data that a user edits.

``data/lexicon/names.csv`` holds names of entities (of the ledger, and of others that articles speak of),
``terms.csv`` the words for metrics (an empty metric is a known thing that the ledger does not keep), ``glossary.csv``
words that a search takes for each other in both languages, ``ratios.csv`` bounds on the ratio of two figures, each with
its reason.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd

from helpers import paths, rules, tables, units
from helpers.claims import Lexicon
from helpers.ledger import Ledger, load
from helpers.rules import Rule, one_of
from helpers.tables import Layout

FOLDER = paths.DATA / "lexicon"
LAYOUTS = {
    "names": Layout(columns=("entity", "name", "fiscal_year_end"), prose=("name",)),
    "terms": Layout(columns=("term", "metric", "unit", "entity"), prose=("term",)),
    "glossary": Layout(columns=("group", "term"), prose=("term",)),
    "ratios": Layout(
        columns=("numerator", "denominator", "low", "high", "days", "reason"),
        numbers=("low", "high", "days"),
        prose=("reason",),
    ),
}


def words(book: Ledger | None = None) -> Lexicon:
    """Names and terms as one lexicon.

    Parameters
    ----------
    book : Ledger, optional
        Its metrics and entities are the closed lists. Default: the project's ledger.

    Raises
    ------
    DataError
        A row names a metric that the ledger does not have, a unit that is none, or an empty word.
    """
    return _words(_stamp()) if book is None else _made(book)


@lru_cache(maxsize=2)
def _words(_stamp: tuple) -> Lexicon:
    return _made(load())


def _made(book: Ledger) -> Lexicon:
    names, terms = _read("names", book), _read("terms", book)
    kinds = book.metrics["kind"].to_dict()
    rows = [(frame.astype("str").itertuples(index=False, name=None)) for frame in (names, terms)]
    return Lexicon.of(rows[0], rows[1], kinds)


def ratios(book: Ledger | None = None) -> pd.DataFrame:
    """What two figures of one entity may be to each other: numerator, denominator, low, high, days, reason."""
    return _read("ratios", book or load())


def glossary() -> list[tuple[str, str]]:
    """Groups of words that mean the same in a search, as (group, word)."""
    return list(_read("glossary", load()).astype("str").itertuples(index=False, name=None))


def labels() -> dict[str, str]:
    """The first name of every entity that articles may speak of, those beside the ledger included."""
    names = _read("names", load()).astype("str").drop_duplicates("entity")
    return dict(zip(names["entity"], names["name"], strict=True))


def _stamp() -> tuple:
    return tuple((FOLDER / f"{name}.csv").stat().st_mtime_ns for name in LAYOUTS)


def _read(name: str, book: Ledger) -> pd.DataFrame:
    path = Path(FOLDER / f"{name}.csv")
    table, _ = tables.read(path, LAYOUTS[name])
    rules.validate(table, _rules(name, book), path.name)
    return table


def _rules(name: str, book: Ledger) -> list[Rule]:
    metrics = list(book.metrics.index)
    filled = lambda column: Rule(column, "must be filled", lambda t: t[column].astype("str").str.strip().ne(""))  # noqa: E731
    if name == "names":
        end = r"(?:|[01]\d-[0-3]\d)"
        return [
            filled("entity"), filled("name"),
            Rule("fiscal_year_end", "must be empty or MM-DD",
                 lambda t: t["fiscal_year_end"].astype("str").str.fullmatch(end)),
        ]  # fmt: skip
    if name == "glossary":
        return [filled("group"), filled("term")]
    if name == "terms":
        return [filled("term"), one_of("metric", ["", *metrics], "metrics.csv"), one_of("unit", list(units.UNITS))]
    return [
        one_of("numerator", metrics, "metrics.csv"), one_of("denominator", metrics, "metrics.csv"), filled("reason"),
        Rule("high", "must be above low", lambda t: t["high"] > t["low"]),
    ]  # fmt: skip
