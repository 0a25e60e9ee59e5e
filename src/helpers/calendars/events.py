"""When shopping festivals ran and when things happened, each with its source.

Times are local (Asia/Shanghai) and carry no zone of their own. A bare day as the start of a window is
its first minute, as the end its last one. ``not_held`` says that a platform skipped a year, which
an event study must allow for; ``not_found`` says only that no source was found. What the module
cannot do: tell what a platform calls its start (presale, first payment, campaign) beyond ``phase``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import ledger, paths, rules, tables
from helpers.errors import UnknownNameError
from helpers.ledger import Ledger
from helpers.rules import Rule, is_key, one_of
from helpers.settings import parse_day
from helpers.tables import Layout

FESTIVALS = {"618": "mid-year sale around 18 June", "double_11": "autumn sale around 11 November"}
PHASES = {
    "presale": "deposits are taken, goods are paid later",
    "early_access": "first discounts before the official start",
    "official": "the campaign as the platform dates it",
    "wave1": "first payment wave",
    "wave2": "second payment wave",
    "whole": "from the first day of any phase to the last",
}
STATUSES = {
    "confirmed": "a source states it",
    "inferred": "follows from what a source states",
    "disputed": "sources disagree; the note says how",
    "not_found": "no source was found",
    "not_held": "the platform did not hold it",
}
WITHOUT_DATES = ("not_found", "not_held")
TIMEZONE = "Asia/Shanghai"
MINUTE = "%Y-%m-%dT%H:%M"
LAST_MINUTE = pd.Timedelta(hours=23, minutes=59)

EVENTS = Layout(
    columns=(
        *("event_id", "entity", "festival", "year", "phase", "start", "end", "timezone", "status"),
        *("source_id", "note"),
    ),
    numbers=("year",),
    prose=("note",),
)
MILESTONES = Layout(columns=("milestone_id", "entity", "milestone", "date", "source_id", "note"), prose=("note",))


def events(
    *,
    entity: str | Sequence[str] | None = None,
    festival: str | Sequence[str] | None = None,
    year: int | None = None,
    as_of: str | date | None = None,
    book: Ledger | None = None,
    folder: Path | str | None = None,
) -> pd.DataFrame:
    """Windows of shopping festivals by platform, year and phase.

    Parameters
    ----------
    entity, festival : str or sequence of str, optional
        Keep only these; festivals are the keys of `FESTIVALS`.
    year : int, optional
        Keep only this year.
    as_of : ISO day or date, optional
        Only what was public on that day: the day of the source, or where that shows none the last day
        of the event (of its year where no day is known).
    book : Ledger, optional
        Whose entities and sources the calendar names. Default: the project's ledger.
    folder : path, optional
        Default: the project's ``data/calendar``.

    Returns
    -------
    DataFrame
        Columns of the file; ``year`` whole, ``start`` and ``end`` local times (NaT where unknown),
        the days they fall on, ``first_day`` and ``last_day``, and ``known_on``.

    Raises
    ------
    DataError
        The file breaks a rule.
    UnknownNameError
        A name is not in its closed list.
    """
    book = book or ledger.load()
    table, _ = tables.read(_file(folder, "events.csv"), EVENTS)
    rules.validate(table, _event_rules(book), "events.csv")
    start, end = _moments(table["start"]), _moments(table["end"], is_end=True)
    table = table.assign(
        year=table["year"].astype(int), start=start, end=end,
        first_day=start.dt.normalize(), last_day=end.dt.normalize(),
    )  # fmt: skip
    year_end = pd.to_datetime(table["year"].astype(str) + "-12-31").astype("datetime64[s]")
    table["known_on"] = _known_on(table, book).fillna(year_end)
    keep = _is_any(table["entity"], entity, "entity", book.entities.index)
    keep = keep & _is_any(table["festival"], festival, "festival", FESTIVALS)
    if year is not None:
        keep = keep & table["year"].eq(year).to_numpy()
    keep = keep & _was_public(table["known_on"], as_of)
    return table[keep].reset_index(drop=True)


def milestones(
    *,
    entity: str | Sequence[str] | None = None,
    milestone: str | Sequence[str] | None = None,
    as_of: str | date | None = None,
    book: Ledger | None = None,
    folder: Path | str | None = None,
) -> pd.DataFrame:
    """Dated things that are no measurements: a founding, a launch, the end of a plan.

    Parameters
    ----------
    entity, milestone : str or sequence of str, optional
        Keep only these.
    as_of : ISO day or date, optional
        Only what was public on that day: the day of the source, or where that shows none the last day
        that the date can mean.
    book : Ledger, optional
        Whose entities and sources the calendar names. Default: the project's ledger.
    folder : path, optional
        Default: the project's ``data/calendar``.

    Returns
    -------
    DataFrame
        Columns of the file, ``first_day`` and ``last_day`` that the date can mean ("2013" is 1 January
        to 31 December 2013), and ``known_on``.

    Raises
    ------
    DataError
        The file breaks a rule.
    UnknownNameError
        A name is not in its closed list.
    """
    book = book or ledger.load()
    table, _ = tables.read(_file(folder, "milestones.csv"), MILESTONES)
    rules.validate(table, _milestone_rules(book), "milestones.csv")
    span = tables.spans(table["date"])
    table = table.assign(first_day=span["first"], last_day=span["last"])
    table["known_on"] = _known_on(table, book)
    keep = _is_any(table["entity"], entity, "entity", book.entities.index)
    keep = keep & _is_any(table["milestone"], milestone, "milestone", sorted(set(table["milestone"])))
    keep = keep & _was_public(table["known_on"], as_of)
    return table[keep].reset_index(drop=True)


def _known_on(table: pd.DataFrame, book: Ledger) -> pd.Series:
    """Day of the source; where it shows none, the last day the row speaks of."""
    published = table["source_id"].map(book.sources["published_on"])
    return published.fillna(table["last_day"]).fillna(table["first_day"])


def _was_public(known_on: pd.Series, as_of: str | date | None) -> np.ndarray:
    day = parse_day(as_of)
    return np.ones(len(known_on), bool) if day is None else known_on.le(pd.Timestamp(day)).to_numpy()


def _file(folder: Path | str | None, name: str) -> Path:
    return (Path(folder) if folder else paths.CALENDAR) / name


def _is_any(values: pd.Series, wanted: str | Sequence[str] | None, what: str, known: Sequence[str]) -> np.ndarray:
    if wanted is None:
        return np.ones(len(values), bool)
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name not in known:
            raise UnknownNameError(what, name, list(known))
    return values.isin(names).to_numpy()


def _moments(texts: pd.Series, *, is_end: bool = False) -> pd.Series:
    """Local times of "2025-05-13" or "2025-05-13T20:00"; NaT for empty and for anything else."""
    days = pd.to_datetime(texts.where(texts.str.len() == 10), format="%Y-%m-%d", errors="coerce")
    minutes = pd.to_datetime(texts.where(texts.str.len() == 16), format=MINUTE, errors="coerce")
    if is_end:
        days = days + LAST_MINUTE
    return minutes.fillna(days).astype("datetime64[s]")


def _milestone_rules(book: Ledger) -> list[Rule]:
    return [
        *is_key("milestone_id"),
        one_of("entity", book.entities.index, "entities.csv"),
        one_of("source_id", book.sources.index, "sources.csv"),
        Rule("milestone", "must be filled", lambda t: t["milestone"].ne("")),
        Rule("date", "must be YYYY, YYYY-MM or YYYY-MM-DD", lambda t: tables.spans(t["date"])["last"].notna()),
    ]


def _event_rules(book: Ledger) -> list[Rule]:
    known_sources = ["", *book.sources.index]
    return [
        *is_key("event_id"),
        one_of("entity", book.entities.index, "entities.csv"),
        one_of("festival", FESTIVALS),
        one_of("phase", PHASES),
        one_of("status", STATUSES),
        one_of("timezone", [TIMEZONE]),
        one_of("source_id", known_sources, "sources.csv"),
        Rule("source_id", "may be empty only where status is not_found",
             lambda t: t["source_id"].ne("") | t["status"].eq("not_found")),
        Rule("year", "must be a whole year", _is_year),
        *_window_rules(),
    ]  # fmt: skip


def _is_year(table: pd.DataFrame) -> pd.Series:
    return table["year"].between(2000, 2100) & (table["year"] % 1 == 0)


def _window_rules() -> list[Rule]:
    """Rules of start and end; each is silent about what another one tells."""

    def readable(column: str) -> Rule:
        text = "must be empty, a day such as 2025-11-11 or a local time such as 2025-11-11T20:00"
        return Rule(column, text, lambda t: t[column].eq("") | _moments(t[column]).notna())

    def in_order(table: pd.DataFrame) -> pd.Series:
        return ~(_moments(table["end"], is_end=True) < _moments(table["start"]))

    def in_year(table: pd.DataFrame) -> pd.Series:
        start = _moments(table["start"])
        return start.isna() | ~_is_year(table) | start.dt.year.eq(table["year"])

    def dated_if_held(table: pd.DataFrame) -> pd.Series:
        is_dated = table["start"].ne("") | table["end"].ne("")
        return is_dated != table["status"].isin(WITHOUT_DATES)

    return [
        readable("start"),
        readable("end"),
        Rule("end", "must not lie before start", in_order),
        Rule("year", "must be the year of start", in_year),
        Rule("status", "not_found and not_held have neither start nor end, all others at least one",
             dated_if_held),
    ]  # fmt: skip
