"""The list of all reports, ``reports/index.html``, rebuilt from the files on disk."""

from __future__ import annotations

import datetime as dt
import json
import os
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from helpers.reports import page

_RANK = {"failed": 0, "unreadable": 0, "ok": 1}


def build(reports: Path) -> Path:
    """Write the index of a folder of reports.

    Parameters
    ----------
    reports : Path
        Holds ``<notebook>/<run>/<time>/run.json``.

    Returns
    -------
    Path
        The index; it is written aside and then moved, so it is never half there.
    """
    groups = catalogue(reports)
    shown = (
        page.environment()
        .get_template("reports.html.j2")
        .render(
            title="Reports",
            language="en",
            w=page.words("en"),
            groups=groups,
            failed=sum(group["reports"][0]["status"] != "ok" for group in groups),
            updated=dt.datetime.now(dt.UTC).isoformat(),
        )
    )
    target = reports / "index.html"
    aside = reports / f".index-{os.getpid()}.html"
    aside.write_text(shown, encoding="utf-8")
    aside.replace(target)
    return target


def catalogue(reports: Path) -> list[dict[str, Any]]:
    """All reports on disk by notebook and run.

    Parameters
    ----------
    reports : Path

    Returns
    -------
    list of dict
        ``notebook``, ``run`` and ``reports`` (newest first); groups whose latest run failed come
        first, then the newest.
    """
    # hidden folders are not even looked into: a run that ends meanwhile takes its own away
    notebooks = [top for top in reports.iterdir() if top.is_dir() and not top.name.startswith(".")]
    folders = sorted(path for top in notebooks for path in top.glob("*/*") if path.is_dir())
    groups = []
    for (notebook, run), members in groupby(folders, key=lambda path: path.parts[-3:-1]):
        entries = sorted(map(_entry, members), key=lambda entry: entry["time"], reverse=True)
        groups.append({"notebook": notebook, "run": run, "reports": entries})
    groups.sort(key=lambda group: group["reports"][0]["time"], reverse=True)
    return sorted(groups, key=lambda group: _RANK[group["reports"][0]["status"]])


def _entry(folder: Path) -> dict[str, Any]:
    """One report as the index shows it; files that cannot be read are shown as such."""
    entry = {"time": _sortable(folder.name), "ended": folder.name, "title": folder.parts[-2]}
    entry |= {"seconds": None, "as_of": None, "language": "en", "headlines": [], "checks": 0}
    entry |= {"checks_failed": 0, "problem": ""}
    try:
        kept = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        entry |= {"ended": kept["ended"], "seconds": kept["seconds"], "status": kept["status"]}
        if kept["status"] == "ok":
            entry |= _result(json.loads((folder / "result.json").read_text(encoding="utf-8")))
        else:
            error = kept["error"]
            where = f"cell {error['cell']}: " if error["cell"] else ""
            entry |= {"status": "failed", "problem": f"{where}{error['type']}: {error['message']}"[:400]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"its record cannot be read ({type(error).__name__})"
        return {**entry, "status": "unreadable", "problem": problem, "href": _link(folder)}
    name = "report.html" if entry["status"] == "ok" else "traceback.txt"
    return {**entry, "href": _link(folder, name)}


def _sortable(name: str) -> tuple[str, int]:
    """20261122T091500Z-2 is later than 20261122T091500Z, and -10 later than -2."""
    stamp, _, number = name.partition("-")
    return stamp, int(number) if number.isdigit() else 1


def _result(result: dict[str, Any]) -> dict[str, Any]:
    checks = result["checks"]
    return {
        "title": str(result["title"]),
        "as_of": result.get("as_of"),
        "language": str(result.get("language", "en")),
        "headlines": [_headline(one) for one in result["headlines"]],
        "checks": len(checks),
        "checks_failed": sum(check.get("passed") is False for check in checks),
    }


def _headline(one: dict[str, Any]) -> dict[str, str]:
    """Label, number and range of a headline, as the notebook words them."""
    return {
        "label": str(one.get("label") or one.get("name") or ""),
        "text": str(one.get("text") or f"{one.get('value')} {one.get('unit') or ''}".strip()),
        "range": str(one.get("range_text") or ""),
    }


def _link(folder: Path, name: str = "") -> str:
    return "/".join(quote(part) for part in (*folder.parts[-3:], name))
