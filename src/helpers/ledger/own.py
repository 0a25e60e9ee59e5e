"""A user's own facts: one CSV file or a folder of tables, held to the rules of the project's ledger.

A file of facts has the columns of ``facts.csv`` but asks for less: ids, measure and status may be left
out, a source may be given in words (``publisher; title; day; address``), and a row that says the name of
an entity adds it. A folder holds ``facts.csv`` and, where needed, ``sources.csv``, ``entities.csv`` and
``metrics.csv`` with rows to add to the project's.

What the module cannot do: replace a row of the project's ledger (a name that is taken is refused), or
tell whether the user read the source well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers import rules, tables
from helpers.errors import DataError
from helpers.ledger.schema import LAYOUTS, MONEY_NAMES, NEW_ENTITY, OWN_FACTS, fact_rules, small_rules
from helpers.rules import Rule, shown, where

if TYPE_CHECKING:
    from helpers.ledger.store import Ledger

SMALL = ("entities", "metrics", "sources")
AT_FIRST_HAND = ("filing", "official_statistics", "company_release", "data_vendor")  # status "reported"
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
FACT_ID = re.compile(r"[A-Za-z0-9][\w.-]*")  # it becomes the target of a link
ENTITY = re.compile(r"[a-z0-9][a-z0-9_]*")  # parameters list entities with commas between them
ROW = re.compile(r"row (\d+)")
CODE = "must be a code of small letters, digits and _, such as xiaohongshu"
IN_WORDS = "'publisher; title; day; address'"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Own:
    """Rows to add to the project's tables, in the layout of its files.

    Attributes
    ----------
    facts, sources, entities, metrics : DataFrame
        May be empty, but for the facts.
    files : dict of str to str
        SHA-256 of each file read, by ``own/<name>``.
    """

    facts: pd.DataFrame
    sources: pd.DataFrame
    entities: pd.DataFrame
    metrics: pd.DataFrame
    files: dict[str, str]


@dataclass(slots=True, eq=False)
class Complaints:
    """What is wrong with a file of facts, gathered so that the user hears all of it at once."""

    text: pd.DataFrame
    ids: list[str]
    lines: list[tuple[int, str]] = field(default_factory=list)

    def add(self, row: int, column: str, told: str) -> None:
        """Say what is wrong with a cell."""
        cell = shown(self.text[column].iloc[row])
        self.lines.append((row, f"{where(row, self.ids[row], column)}: {cell} {told}"))

    def raise_with(self, facts: pd.DataFrame, kept: Iterable[Rule], file: str) -> None:
        """Raise if anything was wrong, here or by the ledger's rules; each cell once, in the order of the rows."""
        cells = {line.split(": ", 1)[0] for _, line in self.lines}
        found = list(self.lines)
        try:
            rules.validate(facts, kept, file)
        except DataError as error:
            found += [(int(ROW.match(p)[1]) - 2, p) for p in error.problems if p.split(": ", 1)[0] not in cells]
        if found:
            raise DataError(file, [line for _, line in sorted(found, key=lambda item: item[0])])


def read(place: Path, base: Ledger) -> Own:
    """Read a user's facts and hold them to the rules of the ledger they are added to.

    Parameters
    ----------
    place : Path
        A CSV file of facts, or a folder with ``facts.csv``.
    base : Ledger
        What they are added to.

    Raises
    ------
    DataError
        Something breaks a rule; of the facts, all that is wrong is listed at once.
    """
    files: dict[str, str] = {}
    small = {name: _empty(name) for name in SMALL}
    file = place
    if place.is_dir():
        _refuse_other_files(place)
        file = place / "facts.csv"
        small |= {name: _small(place / f"{name}.csv", name, base, files) for name in SMALL}
    text, files[f"own/{file.name}"] = tables.read(file, OWN_FACTS)
    if text.empty:
        raise DataError(file.name, ["there is no row below the header: give at least one fact"])
    return _facts(text.astype("str"), small, base, files, file.name)


def _refuse_other_files(folder: Path) -> None:
    """A misspelt name would be left unread, and nobody would notice."""
    wanted = [f"{name}.csv" for name in ("facts", *SMALL)]
    other = sorted(file.name for file in folder.glob("*.csv") if file.name not in wanted)
    if other:
        raise DataError(folder.name, [f"{name} is none of {', '.join(wanted)}: move it away" for name in other])


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(LAYOUTS[name].columns), dtype="str")


def _small(path: Path, name: str, base: Ledger, files: dict[str, str]) -> pd.DataFrame:
    """A short table of the user, by its own rules and without a key that the project has."""
    if not path.is_file():
        return _empty(name)
    table, files[f"own/{path.name}"] = tables.read(path, LAYOUTS[name])
    known = {"kinds": base.kinds.index, "entities": [*base.entities.index, *table.iloc[:, 0]]}
    kept = [*small_rules(known)[name], _not_taken(table.columns[0], getattr(base, name).index)]
    if name == "entities":
        kept += [*small_rules(known)["parents"], Rule("entity", CODE, lambda rows: _are(rows["entity"], ENTITY))]
    rules.validate(table, kept, path.name)
    return table.assign(title=[_from(title, path.name) for title in table["title"]]) if name == "sources" else table


def _are(values: pd.Series, pattern: re.Pattern) -> np.ndarray:
    return np.array([bool(pattern.fullmatch(value)) for value in values], dtype=bool)


def _not_taken(column: str, taken: Iterable[str]) -> Rule:
    text = "is taken in the project's ledger: choose another, or leave the row out"
    return Rule(column, text, lambda rows: ~rows[column].isin(list(taken)))


def _from(title: str, file: str) -> str:
    """The title with the user's file behind it, so that a report's list of sources shows it."""
    return f"{title} (own facts, {file})".strip()


def _facts(text: pd.DataFrame, small: dict, base: Ledger, files: dict[str, str], file: str) -> Own:
    """The rows as the ledger has them, or everything that is wrong with them."""
    ids = [given or f"own{row + 2}" for row, given in enumerate(text["fact_id"])]
    told = Complaints(text, ids)
    entities = pd.concat([small["entities"], _new_entities(text, small["entities"], base, told)])
    sources, source_ids = _new_sources(text, small["sources"], base, file, told)
    sources = pd.concat([small["sources"], sources])
    added = {"entities": entities, "metrics": small["metrics"], "sources": sources}
    known = {name: [*getattr(base, name).index, *table.iloc[:, 0]] for name, table in added.items()}
    _refuse_unknown(text, "entity", known["entities"], "give entity_name on its row to add it", told)
    _refuse_unknown(text, "metric", known["metrics"], "add it in a metrics.csv beside facts.csv", told)
    facts = _typed(text, source_ids, told)
    kinds = pd.concat([base.sources["kind"], sources.set_index("source_id")["kind"]])
    first_hand = facts["source_id"].map(kinds[~kinds.index.duplicated()]).isin(AT_FIRST_HAND)
    usual = pd.Series(np.where(first_hand, "reported", "press"), dtype="str")
    facts["status"] = facts["status"].mask(facts["status"].eq(""), usual)
    units = pd.concat([base.metrics["unit"], small["metrics"].set_index("metric")["unit"]]).to_dict()
    told.raise_with(
        facts,
        [
            *fact_rules(known["entities"], units, base.statuses.index, known["sources"]),
            _not_taken("fact_id", base.facts["fact_id"]),
            Rule("fact_id", "must be letters, digits, _ . or -", lambda rows: _are(rows["fact_id"], FACT_ID)),
        ],
        file,
    )
    return Own(facts=facts, files=files, **added)


def _refuse_unknown(text: pd.DataFrame, column: str, known: list[str], remedy: str, told: Complaints) -> None:
    """Names that are in no list, with the nearest ones: more help than the ledger's own rule gives."""
    for name, rows in text.groupby(column, sort=False).groups.items():
        if name not in known:
            near = ", ".join(get_close_matches(name, known, n=2, cutoff=0.6))
            for row in rows:
                told.add(
                    row, column, f"- is no {column} of the ledger{near and f' (near: {near})'}: mend it, or {remedy}"
                )


def _new_entities(text: pd.DataFrame, mine: pd.DataFrame, base: Ledger, told: Complaints) -> pd.DataFrame:
    """Entities that a row names for the first time."""
    listed = pd.concat([base.entities["name_en"], mine.set_index("entity")["name_en"]]).to_dict()
    found: dict[str, dict[str, str]] = {}
    for row, said in enumerate(text[["entity", *NEW_ENTITY]].to_dict("records")):
        code, given = said.pop("entity"), {column: cell for column, cell in said.items() if cell}
        for column in given if code in listed else ():
            told.add(row, column, f"- must be empty: {code} is {listed[code]} in the ledger")
        if code in listed or not given:
            continue
        first = found.setdefault(code, {})
        for column, cell in given.items():
            if first.setdefault(column, cell) != cell:
                told.add(row, column, f"- an earlier row of {code} says {first[column]!r}")
        if not ENTITY.fullmatch(code):
            told.add(row, "entity", f"- {CODE}")
        if given.get("reporting_currency", "") not in MONEY_NAMES:
            told.add(row, "reporting_currency", f"- must be one of {', '.join(MONEY_NAMES[1:])}")
    rows = [_entity(code, given) for code, given in found.items() if "entity_name" in given]
    return pd.DataFrame(rows, columns=list(LAYOUTS["entities"].columns), dtype="str")


def _entity(code: str, given: dict[str, str]) -> dict[str, str]:
    name = given["entity_name"]
    told = {column: given.get(column, "") for column in ("ticker", "reporting_currency", "fiscal_year_end")}
    zh = given.get("entity_name_zh", name)
    return {"entity": code, "name_en": name, "name_zh": zh, "kind": "company", "parent": "", **told}


def _new_sources(
    text: pd.DataFrame, mine: pd.DataFrame, base: Ledger, file: str, told: Complaints
) -> tuple[pd.DataFrame, list[str]]:
    """One source for each text in `source` and its kind, and the source of every row."""
    taken = {*base.sources.index, *mine["source_id"]}
    free = iter([name for n in range(1, len(taken) + len(text) + 1) if (name := f"own-{n:03d}") not in taken])
    least = str(base.kinds["trust"].idxmax())
    found: dict[tuple[str, str], dict[str, str]] = {}
    ids: list[str] = []
    for row, (given, words, kind) in enumerate(text[["source_id", "source", "kind"]].itertuples(index=False)):
        words = " ".join(words.split())
        if not (words or given):
            told.add(row, "source_id", f"- every fact has a source: {IN_WORDS} in column source, or a source_id")
        if words and given:
            told.add(row, "source", "- must be empty beside source_id: a fact has one source")
        if given and kind:
            told.add(row, "kind", "- must be empty beside source_id, whose kind stands in sources.csv")
        if kind and kind not in base.kinds.index:
            told.add(row, "kind", f"- must be one of {', '.join(base.kinds.index)}")
        key = (words, kind or least)
        if words and key not in found:
            source = _in_words(words, row, told)
            found[key] = {**source, "source_id": next(free), "kind": key[1], "about": ""}
            found[key]["title"] = _from(source["title"], file)
        ids.append(given or (found[key]["source_id"] if words else ""))
    return pd.DataFrame(found.values(), columns=list(LAYOUTS["sources"].columns), dtype="str"), ids


def _in_words(words: str, row: int, told: Complaints) -> dict[str, str]:
    """Publisher, title, day and address out of one text, in the order in which `helpers.ledger.cite` writes them."""
    parts = [part.strip() for part in re.split("[;；]", words) if part.strip()]
    url = next((part for part in parts if part.startswith(("http://", "https://"))), "")
    day = next((part for part in parts if tables.PARTIAL_DAY.fullmatch(part)), "")
    rest = [part for part in parts if part not in (url, day)]
    if not rest:
        told.add(row, "source", f"- names no publisher: write {IN_WORDS}")
    elif day and tables.spans(pd.Series([day]))["last"].isna()[0]:
        told.add(row, "source", f"- {day} is no day of the calendar")
    return {"publisher": rest[0] if rest else "", "title": "; ".join(rest[1:]), "url": url, "published": day}


def _typed(text: pd.DataFrame, source_ids: list[str], told: Complaints) -> pd.DataFrame:
    """The rows in the layout of the ledger's file."""
    layout = LAYOUTS["facts"]
    out = {column: text[column] for column in layout.every}
    for column in layout.numbers:
        out[column] = pd.Series(_meant(text, column, _number, "a plain number in base units", told), dtype=float)
    for column in layout.days:
        days = _meant(text, column, _day, "a day such as 2025-12-31", told)
        out[column] = pd.to_datetime(pd.Series(days, dtype=object)).astype("datetime64[s]")
    facts = pd.DataFrame(out)
    facts["fact_id"], facts["source_id"] = pd.Series(told.ids, dtype="str"), pd.Series(source_ids, dtype="str")
    facts["measure"] = facts["measure"].mask(facts["measure"].eq(""), "level")
    return facts


def _meant(text: pd.DataFrame, column: str, parse: Callable, what: str, told: Complaints) -> list:
    """Each cell as what it means; None where it is empty, and where it means nothing, which is told."""
    found = [parse(cell) if cell else None for cell in text[column]]
    for row, (cell, value) in enumerate(zip(text[column], found, strict=True)):
        if cell and value is None:
            told.add(row, column, f"is not {what}")
    return found


def _number(cell: str) -> float | None:
    value = float(cell) if NUMBER.fullmatch(cell) else np.inf
    return value if np.isfinite(value) else None


def _day(cell: str) -> date | None:
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        return None
    return day if day.isoformat() == cell else None  # Python also reads 20251231
