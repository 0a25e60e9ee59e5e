"""All runs on disk in one SQLite file, ``reports/catalogue.sqlite``, for the pages and for questions of your own.

The folders are the truth and the catalogue a copy: it takes up what is new, forgets what has gone, and is made again
from nothing when it is deleted, damaged or of an older form::

    SELECT run, ended, label, text FROM runs JOIN headlines USING (folder) ORDER BY ended
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.reports import record

FILE = "catalogue.sqlite"
FORM = 1
"""Raised when the tables below change: an older file is then made again."""

_TABLES = """
CREATE TABLE runs (folder TEXT PRIMARY KEY, notebook TEXT, run TEXT, stamp TEXT, number INTEGER, status TEXT,
  started TEXT, ended TEXT, seconds REAL, attempts INTEGER, title TEXT, language TEXT, as_of TEXT, platform TEXT,
  commit_id TEXT, problem TEXT, checks INTEGER, checks_failed INTEGER, parameters TEXT, changes TEXT);
CREATE TABLE headlines (folder TEXT, position INTEGER, name TEXT, label TEXT, value REAL, low REAL, high REAL,
  unit TEXT, currency TEXT, text TEXT, range_text TEXT, is_doubted INTEGER);
CREATE TABLE checks (folder TEXT, name TEXT, passed INTEGER, text TEXT);
CREATE TABLE facts (folder TEXT, fact_id TEXT);
CREATE TABLE data (folder TEXT, file TEXT, sha256 TEXT);
CREATE TABLE forecasts (folder TEXT, name TEXT, entity TEXT, metric TEXT, period_start TEXT, period_end TEXT,
  made_on TEXT, value REAL, low REAL, high REAL, level REAL, unit TEXT, currency TEXT, label TEXT);
CREATE INDEX of_run ON runs (notebook, run, stamp, number);
CREATE INDEX of_headline ON headlines (folder);
CREATE INDEX of_forecast ON forecasts (folder);
"""
_OUTSIDE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM")
"""Names of errors that making the file again would not mend."""

_PARTS = ("headlines", "checks", "facts", "data", "forecasts")


@contextlib.contextmanager
def opened(reports: Path) -> Iterator[sqlite3.Connection]:
    """The catalogue, brought up to date with the folders.

    Parameters
    ----------
    reports : Path
        Holds ``<notebook>/<run>/<time>/run.json``.

    Yields
    ------
    sqlite3.Connection
        Rows can be read by name.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written to.
    """
    reports.mkdir(parents=True, exist_ok=True)
    file = reports / FILE
    try:
        connection = _connected(file)
        _refresh(connection, reports)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith(_OUTSIDE):
            raise OSError(f"{FILE}: {error}") from error
        # Damaged: the folders hold everything that stood in it.
        file.unlink(missing_ok=True)
        connection = _connected(file)
        _refresh(connection, reports)
    try:
        yield connection
    finally:
        connection.close()


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form != FORM:
            _make(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    """Empty tables, whatever stood there."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] != FORM:  # another process may have been faster
        for name in ("runs", *_PARTS):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
        for statement in _TABLES.split(";")[:-1]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORM}")
    connection.commit()


def _refresh(connection: sqlite3.Connection, reports: Path) -> None:
    """Take up new folders and forget those that have gone, in one transaction."""
    # hidden folders are not even looked into: a run that ends meanwhile takes its own away
    notebooks = [top for top in reports.iterdir() if top.is_dir() and not top.name.startswith(".")]
    present = {str(path.relative_to(reports).as_posix()): path for top in notebooks for path in top.glob("*/*")}
    connection.execute("BEGIN IMMEDIATE")
    try:
        known = {row["folder"] for row in connection.execute("SELECT folder FROM runs")}
        for folder in known - set(present):
            for table in ("runs", *_PARTS):
                connection.execute(f"DELETE FROM {table} WHERE folder = ?", (folder,))
        for folder in sorted(set(present) - known):
            if present[folder].is_dir():
                _take_up(connection, folder, present[folder])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _take_up(connection: sqlite3.Connection, folder: str, path: Path) -> None:
    """One folder; one that cannot be read is kept as such."""
    stamp, number = record.sortable(path)
    notebook, run = path.parts[-3:-1]
    row = {"folder": folder, "notebook": notebook, "run": run, "stamp": stamp, "number": number, "ended": stamp}
    row |= {"title": run, "language": "en", "checks": 0, "checks_failed": 0, "attempts": 1}
    parts: dict[str, list[dict[str, Any]]] = {}
    try:
        kept = json.loads((path / "run.json").read_text(encoding="utf-8"))
        row |= _of_record(kept)
        if kept["status"] == "ok":
            found = json.loads((path / "result.json").read_text(encoding="utf-8"))
            row |= _of_result(found)
            parts = _parts(kept, found)
            told = record.read_json(path / "changes.json")
            row["changes"] = json.dumps(told, ensure_ascii=False) if told else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        row |= {"status": "unreadable", "problem": f"its record cannot be read ({type(error).__name__})"}
        parts = {}
    _insert(connection, "runs", [row])
    for table, rows in parts.items():
        _insert(connection, table, [{"folder": folder, **one} for one in rows])


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))


def _of_record(kept: dict[str, Any]) -> dict[str, Any]:
    row = {name: kept.get(name) for name in ("started", "ended", "seconds")}
    if not isinstance(kept["ended"], str):
        raise TypeError("a record without an end")
    parameters = kept.get("parameters") or {}
    row |= {"status": kept["status"], "attempts": len(kept.get("attempts") or ()) + 1}
    row |= {"platform": parameters.get("platform"), "parameters": json.dumps(parameters, ensure_ascii=False)}
    row["commit_id"] = (kept.get("git") or {}).get("commit")
    if kept["status"] != "ok":
        error = kept["error"]
        where = f"cell {error['cell']}: " if error["cell"] else ""
        row |= {"status": "failed", "problem": f"{where}{error['type']}: {error['message']}"[:400]}
    return row


def _of_result(found: dict[str, Any]) -> dict[str, Any]:
    checks = found["checks"]
    return {
        "title": str(found["title"]),
        "language": str(found.get("language") or "en"),
        "as_of": found.get("as_of"),
        "checks": len(checks),
        "checks_failed": sum(check.get("passed") is False for check in checks),
    }


def _parts(kept: dict[str, Any], found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    headlines = [
        {
            "position": position,
            "name": str(one.get("name") or ""),
            "label": str(one.get("label") or one.get("name") or ""),
            "text": str(one.get("text") or f"{one.get('value')} {one.get('unit') or ''}".strip()),
            "range_text": str(one.get("range_text") or ""),
            "is_doubted": int(bool(one.get("doubts"))),
            **{name: one.get(name) for name in ("value", "low", "high", "unit", "currency")},
        }
        for position, one in enumerate(found["headlines"])
    ]
    columns = ("name", "entity", "metric", "period_start", "period_end", "made_on", "value", "low", "high", "level")
    return {
        "headlines": headlines,
        "checks": [{n: c.get(n) for n in ("name", "passed", "text")} for c in found["checks"]],
        "facts": [{"fact_id": i} for i in found.get("fact_ids") or ()],
        "data": [{"file": n, "sha256": d} for n, d in ((kept.get("inputs") or {}).get("files") or {}).items()],
        "forecasts": [
            {name: one.get(name) for name in (*columns, "unit", "currency", "label")}
            for one in found.get("forecasts") or ()
        ],
    }
