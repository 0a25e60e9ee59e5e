"""Load the ledger's files into one object, once per version of the files."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow

from helpers import evidence, paths, units
from helpers.errors import DataError
from helpers.ledger.load import read_table, typed, validate
from helpers.ledger.schema import METRIC_KINDS, facts_schema, list_schema

NATURES = ["measured", "expected", "rule", "doubtful"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The loaded tables.

    Attributes
    ----------
    facts : DataFrame
        One row per fact, in the order of ``known_on``, with these columns added to the file's:
        known_on, known_basis, nature, kind, trust, origin, home_currency, is_home_currency.
    sources, entities, metrics, kinds, statuses : DataFrame
        The other tables, indexed by their key.
    identities, readings, bounds : DataFrame
        What the audit holds facts against: definitions, readings of ambiguous words, plausible bounds.
    files : dict of str to str
        SHA-256 of each file, by its name.
    """

    facts: pd.DataFrame
    sources: pd.DataFrame
    entities: pd.DataFrame
    metrics: pd.DataFrame
    kinds: pd.DataFrame
    statuses: pd.DataFrame
    identities: pd.DataFrame
    readings: pd.DataFrame
    bounds: pd.DataFrame
    files: dict[str, str]

    @property
    def last_day(self) -> pd.Timestamp:
        """The latest day on which any fact was public."""
        return self.facts["known_on"].max()


def load(folder: Path | str | None = None) -> Ledger:
    """Read and validate a ledger folder.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/ledger``. Reading again is free until a file changes.

    Raises
    ------
    DataError
        A file breaks a rule; the message lists row, column, value and rule.
    """
    folder = Path(folder) if folder else paths.LEDGER
    stamp = tuple((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.glob("*.csv")))
    return _load(folder, stamp)


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: tuple) -> Ledger:
    files: dict[str, str] = {}
    kinds = _small(folder, "kinds", {}, files)
    statuses = _small(folder, "statuses", {"nature": NATURES}, files)
    currencies = ["", *units.CURRENCIES]
    entities = _small(folder, "entities", {"reporting_currency": currencies}, files)
    lists = {"unit": list(units.UNITS), "kind": METRIC_KINDS, "direction": ["higher", "lower", "none"]}
    metrics = _small(folder, "metrics", lists, files)
    names = list(metrics.index)
    rules = {
        "identities": _small(folder, "identities", {"result": names}, files),
        "readings": _small(folder, "readings", {"metric": names}, files, unique=False),
        "bounds": _small(folder, "bounds", {"numerator": names, "denominator": ["", *names]}, files),
    }
    sources = _small(folder, "sources", {"kind": list(kinds.index)}, files)
    sources["published_on"] = _last_days(sources["published"])
    sources["origin"] = evidence.originator(sources)
    sources["trust"] = sources["kind"].map(kinds["trust"]).astype(int)
    table, files["facts.csv"] = read_table(folder / "facts.csv", "facts")
    table = typed(table, "facts.csv", "facts")
    schema = facts_schema(
        list(entities.index), metrics["unit"].to_dict(), list(statuses.index), list(sources.index)
    )
    validate(_frame(table), schema, "facts.csv")
    facts = _with_context(table, entities, statuses, sources)
    return Ledger(
        facts=facts, sources=sources, entities=entities, metrics=metrics, kinds=kinds, statuses=statuses,
        files=files, **rules,
    )  # fmt: skip


def _small(
    folder: Path, name: str, lists: dict[str, list[str]], files: dict[str, str], *, unique: bool = True
) -> pd.DataFrame:
    """One of the short tables, validated and indexed by its key."""
    file = f"{name}.csv"
    table, files[file] = read_table(folder / file, name)
    frame = _frame(typed(table, file, name))
    validate(frame, list_schema(name, lists, unique=unique), file)
    return frame.set_index(frame.columns[0], drop=False)


def _frame(table: arrow.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper={arrow.string(): pd.StringDtype(na_value=np.nan)}.get)


def _last_days(published: pd.Series) -> pd.Series:
    """Last day that a printed date can mean: "2025-10" is 31 October; no date is NaT."""

    def last_day(text: str) -> str | None:
        if len(text) == 7:
            return f"{text}-{calendar.monthrange(int(text[:4]), int(text[5:]))[1]}"
        return f"{text}-12-31" if len(text) == 4 else text or None

    try:
        return pd.to_datetime(published.map(last_day), format="%Y-%m-%d").astype("datetime64[s]")
    except ValueError as error:
        raise DataError("sources.csv", [f"column published: {error}: write YYYY, YYYY-MM or YYYY-MM-DD"]) from None


def _with_context(
    table: arrow.Table, entities: pd.DataFrame, statuses: pd.DataFrame, sources: pd.DataFrame
) -> pd.DataFrame:
    """Add what the readers need to know about each fact, and sort by the day it was public."""
    facts = _frame(table)
    facts["nature"] = _by_code(facts["status"], statuses["nature"].astype("category"))
    for column in ("kind", "origin"):
        facts[column] = _by_code(facts["source_id"], sources[column].astype("category"))
    facts["trust"] = _by_code(facts["source_id"], sources["trust"]).astype("int8")
    published = _by_code(facts["source_id"], sources["published_on"])
    early = published.isna() | ((published < facts["as_of"]) & facts["nature"].ne("expected"))
    facts["known_on"] = facts["as_of"].where(early, published)
    facts["known_basis"] = pd.Categorical.from_codes(
        early.astype("int8").to_numpy(), ["published", "own as_of, no usable page date"]
    )
    home = _by_code(facts["entity"], entities["reporting_currency"].astype("category"))
    facts["home_currency"] = home
    facts["is_home_currency"] = facts["currency"].astype(str).eq(home.astype(str)) | facts["currency"].eq("")
    order = np.argsort(facts["known_on"].to_numpy(), kind="stable")
    return facts.take(order).reset_index(drop=True)


def _by_code(codes: pd.Series, values: pd.Series) -> pd.Series:
    """Look up `values` for a categorical column through its few categories."""
    looked_up = values.reindex(codes.cat.categories)
    return looked_up.iloc[codes.cat.codes.to_numpy()].set_axis(codes.index)
