"""Slices of the ledger and the fingerprint of each fact: how a report knows that what it rests on has changed.

A slice is what one call of `helpers.ledger.facts` or `preferred` asked for: ``{"entity": [...] or None, "metric":
[...] or None, "as_of": ISO day or ""}``; None stands for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from helpers.ledger.schema import LAYOUTS
from helpers.ledger.store import Ledger, load


def fingerprints(slices: Iterable[Mapping[str, Any]], *, book: Ledger | None = None) -> dict[str, str]:
    """Every fact in any of the slices with a hash of its row and of its source's row.

    Parameters
    ----------
    slices : iterable of mapping
        ``entity``, ``metric`` and ``as_of``, as in this module's description; names that the ledger no longer has
        stand for no fact.
    book : Ledger, optional
        Default: the project's ledger.

    Returns
    -------
    dict of str to str
        Fact id to 16 hexadecimal digits, in the order of the ids; the same facts give the same hashes on every machine.
    """
    book = book or load()
    facts = book.facts
    keep = np.zeros(len(facts), dtype=bool)
    for one in slices:
        keep |= _in_slice(facts, one)
    key = tuple(book.files.items())
    if key not in _hashes:
        _hashes.clear()
        _hashes[key] = _hash_all(book)
    hashes = _hashes[key]
    return {i: hashes[i] for i in sorted(facts["fact_id"][keep])}


_hashes: dict[tuple, dict[str, str]] = {}
"""Of the last ledger asked for, by the hashes of its files: runs of one batch ask for the same one."""


def _hash_all(book: Ledger) -> dict[str, str]:
    facts = book.facts[list(LAYOUTS["facts"].every)].astype("str")
    sources = book.sources[list(LAYOUTS["sources"].every)].astype("str")
    text = [f"{i}\x1f{row}" for i, row in zip(sources.index, sources.itertuples(index=False), strict=True)]
    of_source = facts["source_id"].map(dict(zip(sources.index, text, strict=True)))
    hashes = pd.util.hash_pandas_object(facts.assign(source=of_source), index=False)
    return {i: f"{h:016x}" for i, h in zip(facts["fact_id"], hashes, strict=True)}


def _in_slice(facts: pd.DataFrame, one: Mapping[str, Any]) -> np.ndarray:
    keep = np.ones(len(facts), dtype=bool)
    for column in ("entity", "metric"):
        if one.get(column) is not None:
            keep &= facts[column].isin(one[column]).to_numpy()
    if one.get("as_of"):
        keep &= facts["known_on"].le(pd.Timestamp(one["as_of"])).to_numpy()
    return keep
