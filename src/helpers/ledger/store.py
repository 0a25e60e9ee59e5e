"""Load the ledger's files into one object, once per version of the files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import evidence, paths, rules, tables, units
from helpers.errors import DataError
from helpers.ledger.own import Own, read
from helpers.ledger.schema import LAYOUTS, fact_rules, small_rules


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
        SHA-256 of each file, by its name; those of a user by ``own/<name>``.
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
    def rules(self) -> dict[str, pd.DataFrame]:
        """What `helpers.audit.audit` needs beside the facts."""
        return {name: getattr(self, name) for name in ("metrics", "identities", "readings", "bounds")}

    @property
    def last_day(self) -> pd.Timestamp:
        """The latest day on which any fact was public."""
        return self.facts["known_on"].max()


def load(folder: Path | str | None = None, *, own: Path | str | None = None) -> Ledger:
    """Read and validate a ledger folder, and a user's own facts beside it.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/ledger``. Reading again is free until a file changes.
    own : path, optional
        A CSV file of facts, or a folder with ``facts.csv`` and perhaps ``sources.csv``, ``entities.csv``,
        ``metrics.csv``; `helpers.ledger.own` says in which form. A relative path is looked for in the project
        folder, then in the current folder. Empty: none.

    Raises
    ------
    DataError
        A file breaks a rule; the message lists row, column, value and rule.
    """
    folder = Path(folder) if folder else paths.LEDGER
    if not folder.is_dir():
        raise DataError(folder.name, ["there is no such folder: a ledger is a folder of CSV files"])
    base = _load(folder, _stamp(folder))
    if not own or not str(own).strip():
        return base
    place = paths.find(own, folders=True)
    return _load_own(folder, _stamp(folder), place, _stamp(place))


def _stamp(place: Path) -> tuple:
    """Tells one version of a file, or of the tables in a folder, from another."""
    files = sorted(place.glob("*.csv")) if place.is_dir() else [place]
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


@lru_cache(maxsize=4)
def _load_own(folder: Path, stamp: tuple, place: Path, own_stamp: tuple) -> Ledger:
    base = _load(folder, stamp)
    return _joined(base, read(place, base))


def _joined(base: Ledger, own: Own) -> Ledger:
    """A ledger with a user's rows; what the readers need is worked out anew for the whole."""
    small = {}
    for name in ("sources", "entities", "metrics"):
        added = getattr(own, name)
        columns = list(added.columns)
        small[name] = pd.concat([getattr(base, name)[columns], added.set_index(columns[0], drop=False)])
    sources = _with_standing(small.pop("sources"), base.kinds)
    parts = [base.facts[list(LAYOUTS["facts"].every)], own.facts[list(LAYOUTS["facts"].every)]]
    facts = pd.concat([part.astype(dict.fromkeys(LAYOUTS["facts"].codes, "str")) for part in parts], ignore_index=True)
    facts = facts.astype(dict.fromkeys(LAYOUTS["facts"].codes, "category"))
    facts = _with_context(facts, small["entities"], base.statuses, sources)
    return replace(base, facts=facts, sources=sources, files={**base.files, **own.files}, **small)


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: tuple) -> Ledger:
    files: dict[str, str] = {}
    known: dict[str, list[str]] = {}
    small: dict[str, pd.DataFrame] = {}
    for name in ("kinds", "statuses", "entities", "metrics", "identities", "readings", "bounds", "sources"):
        table, files[f"{name}.csv"] = tables.read(folder / f"{name}.csv", LAYOUTS[name])
        rules.validate(table, small_rules(known)[name], f"{name}.csv")
        small[name] = table.set_index(table.columns[0], drop=False)
        known[name] = list(small[name].index)
    rules.validate(small["entities"], small_rules(known)["parents"], "entities.csv")
    sources = _with_standing(small.pop("sources"), small["kinds"])
    facts, files["facts.csv"] = tables.read(folder / "facts.csv", LAYOUTS["facts"])
    if facts.empty:
        raise DataError("facts.csv", ["there is no row below the header: a ledger holds at least one fact"])
    metric_units = small["metrics"]["unit"].to_dict()
    wanted = fact_rules(known["entities"], metric_units, known["statuses"], known["sources"])
    rules.validate(facts, wanted, "facts.csv")
    facts = _with_context(facts, small["entities"], small["statuses"], sources)
    return Ledger(facts=facts, sources=sources, files=files, **small)


def _with_standing(sources: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
    """Add the last day the page can have appeared, who speaks, and how far to trust the kind."""
    return sources.assign(
        published_on=tables.spans(sources["published"])["last"],
        origin=evidence.originator(sources),
        trust=sources["kind"].map(kinds["trust"]).astype("int8"),
    )


def _with_context(
    facts: pd.DataFrame, entities: pd.DataFrame, statuses: pd.DataFrame, sources: pd.DataFrame
) -> pd.DataFrame:
    """Add what the readers need to know about each fact, and sort by the day it was public."""
    facts["nature"] = _by_code(facts["status"], statuses["nature"].astype("category"))
    for column in ("kind", "origin"):
        facts[column] = _by_code(facts["source_id"], sources[column].astype("category"))
    facts["trust"] = _by_code(facts["source_id"], sources["trust"]).astype("int8")
    published = _by_code(facts["source_id"], sources["published_on"])
    early = published.isna() | ((published < facts["as_of"]) & facts["nature"].isin(["measured", "doubtful"]))
    facts["known_on"] = facts["as_of"].where(early, published)
    facts["known_basis"] = pd.Categorical.from_codes(
        early.astype("int8").to_numpy(), ["published", "own as_of, no usable page date"]
    )
    currencies = pd.CategoricalDtype(["", *units.CURRENCIES])  # one list, so that codes can be compared
    home = _by_code(facts["entity"], entities["reporting_currency"].astype(currencies))
    given = facts["currency"].astype(currencies)
    facts["home_currency"] = home
    facts["is_home_currency"] = given.eq(home) | given.eq("")
    order = np.argsort(facts["known_on"].to_numpy(), kind="stable")
    return facts.take(order).reset_index(drop=True)


def _by_code(codes: pd.Series, values: pd.Series) -> pd.Series:
    """Look up `values` for a categorical column through its few categories."""
    looked_up = values.reindex(codes.cat.categories)
    return looked_up.iloc[codes.cat.codes.to_numpy()].set_axis(codes.index)
