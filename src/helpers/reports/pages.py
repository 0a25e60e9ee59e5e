"""The pages over all reports: ``index.html``, ``changes.html`` and ``backtest.html``, made from the catalogue."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import threading
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from helpers.reports import backtest, catalogue, page, record

EARLIER = 20
"""Earlier reports of a run that the index links to; the catalogue holds them all."""

SPARKS = 30
"""Runs that a sparkline goes back."""

MOST_CHANGES = 200
_RANK = {"failed": 0, "unreadable": 0, "ok": 1}


def build(reports: Path) -> Path:
    """Write the pages of a folder of reports.

    Parameters
    ----------
    reports : Path
        Holds ``<notebook>/<run>/<time>/run.json``.

    Returns
    -------
    Path
        The index; each page is written aside and then moved, so it is never half there.
    """
    with catalogue.opened(reports) as connection:
        groups = grouped(connection)
        moves = _moves(connection)
        tested = backtest.judged(connection)
    shared = {"language": "en", "w": page.words("en"), "updated": dt.datetime.now(dt.UTC).isoformat()}
    batch = _last_batch(reports)
    _write(reports / "changes.html", "changes.html.j2", title="What changed", moves=moves, **shared)
    _write(reports / "backtest.html", "backtest.html.j2", title="How earlier forecasts did", tested=tested, **shared)
    return _write(
        reports / "index.html", "reports.html.j2", title="Reports", groups=groups, batch=batch,
        failed=sum(group["reports"][0]["status"] != "ok" for group in groups),
        notebooks=sorted({group["notebook"] for group in groups}),
        platforms=sorted({group["platform"] for group in groups if group["platform"]}),
        tested=len(tested.table), **shared,
    )  # fmt: skip


def _write(target: Path, template: str, **values: Any) -> Path:
    shown = page.with_font(page.environment().get_template(template).render(**values))
    aside = target.with_name(f".{target.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        aside.write_text(shown, encoding="utf-8")
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target


def grouped(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """All reports by notebook and run.

    Parameters
    ----------
    connection : sqlite3.Connection
        From `catalogue.opened`.

    Returns
    -------
    list of dict
        ``notebook``, ``run``, ``platform`` and ``reports`` (newest first, at most `EARLIER` + 1), ``count`` of all;
        groups whose latest run failed come first, then the newest.
    """
    rows = connection.execute("SELECT * FROM runs ORDER BY notebook, run, stamp DESC, number DESC").fetchall()
    groups = []
    for (notebook, run), members in groupby(rows, key=lambda row: (row["notebook"], row["run"])):
        listed = list(members)
        latest = _shown(listed[0])
        finished = next((row for row in listed if row["status"] == "ok"), None)
        latest["headlines"] = _headlines(connection, [row for row in listed if row["status"] == "ok"][:SPARKS])
        latest["changes"] = _told(finished)
        groups.append(
            {
                "notebook": notebook,
                "run": run,
                "platform": listed[0]["platform"] or "",
                "count": len(listed),
                "reports": [latest, *map(_shown, listed[1 : EARLIER + 1])],
                "standing": _shown(finished) if finished is not None and finished is not listed[0] else None,
            }
        )
    groups.sort(key=lambda group: group["reports"][0]["ended"], reverse=True)
    return sorted(groups, key=lambda group: _RANK[group["reports"][0]["status"]])


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    name = {"ok": "report.html", "failed": "traceback.txt"}.get(row["status"], "")
    href = "/".join(quote(part) for part in (*row["folder"].split("/"), name))
    return {**dict(row), "href": href}


def _headlines(connection: sqlite3.Connection, finished: list[sqlite3.Row]) -> list[dict[str, Any]]:
    """The latest headline numbers, each with its values over the last runs."""
    if not finished:
        return []
    marks = ", ".join("?" * len(finished))
    rows = connection.execute(
        f"SELECT folder, name, value FROM headlines WHERE folder IN ({marks})", [row["folder"] for row in finished]
    ).fetchall()
    values = {(row["folder"], row["name"]): row["value"] for row in rows}
    latest = connection.execute(
        "SELECT * FROM headlines WHERE folder = ? ORDER BY position", (finished[0]["folder"],)
    ).fetchall()
    oldest_first = [row["folder"] for row in reversed(finished)]
    return [
        {**dict(row), "spark": spark([values.get((folder, row["name"])) for folder in oldest_first])} for row in latest
    ]


def spark(values: list[float | None]) -> dict[str, str] | None:
    """A sparkline's points in a box of 96 by 20, None where there are fewer than two values.

    Parameters
    ----------
    values : list of float or None
        Oldest first; a run without the number leaves a gap in time, not in the line.
    """
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return None
    low, high = min(value for _, value in known), max(value for _, value in known)
    wide, tall = len(values) - 1, (high - low) or 1.0
    points = [(2 + 92 * i / wide, 18 - 16 * (value - low) / tall if high > low else 10) for i, value in known]
    return {
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        "x": f"{points[-1][0]:.1f}",
        "y": f"{points[-1][1]:.1f}",
        "text": f"{len(known)} runs, lowest {low:.4g}, highest {high:.4g}",
    }


def _told(row: sqlite3.Row | None) -> dict[str, Any] | None:
    """A run's changes as the pages show them."""
    if row is None or not row["changes"]:
        return None
    return page.moves(json.loads(row["changes"]))


def _moves(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The latest comparisons of runs, newest first; those where no number moved are shown as such."""
    rows = connection.execute(
        "SELECT * FROM runs WHERE changes IS NOT NULL ORDER BY stamp DESC, number DESC LIMIT ?", (MOST_CHANGES,)
    ).fetchall()
    return [{**_shown(row), "told": _told(row)} for row in rows]


def _last_batch(reports: Path) -> dict[str, Any] | None:
    """The state of the last batch: how many runs ended how, and which did not go well."""
    kept = record.read_json(reports / "batch.json")
    if not kept:
        return None
    states = [one["status"] for one in kept["runs"]]
    counts = {state: states.count(state) for state in ("failed", "skipped", "ok", "unchanged") if state in states}
    return {**kept, "counts": counts, "bad": [one for one in kept["runs"] if one["status"] in ("failed", "skipped")]}
