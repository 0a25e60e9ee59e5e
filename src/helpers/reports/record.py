"""What a run leaves beside its report: the record of how it came about, and its headline results.

What a run has read stands in `helpers.reports.inputs`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
import threading
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

HEADLINES = "application/vnd.helpers.headlines+json"
FORECASTS = "application/vnd.helpers.forecasts+json"
CHECKS = "application/vnd.helpers.checks+json"
SUBJECT = "application/vnd.helpers.subject+json"
_PACKAGES = (
    "currencyconverter",
    "ipykernel",
    "matplotlib",
    "nbconvert",
    "numpy",
    "pandas",
    "papermill",
    "scipy",
    "statsmodels",
)


def sha256(path: Path) -> str | None:
    """Hash of a file, None where there is no such file (any more)."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


@functools.cache
def git_state(project: Path) -> dict[str, Any] | None:
    """The commit that a project is at and whether files differ from it; None outside version control."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(project), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide about the numbers."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def results(notebook: Mapping[str, Any], parameters: Mapping[str, Any], title: str = "") -> dict[str, Any]:
    """The results that a notebook has put into its outputs, for the index and for comparison.

    Parameters
    ----------
    notebook : mapping
        Executed notebook.
    parameters : mapping
        The run's parameters.
    title : str
        The report's title.

    Returns
    -------
    dict
        ``title``, ``language``, ``as_of``, ``headlines``, ``forecasts``, ``checks`` and ``fact_ids`` (all that the
        headlines rest on, each once).
    """
    headlines = [one for bundle in _bundles(notebook, HEADLINES) for one in bundle.get("headlines", [])]
    bundles = [*_bundles(notebook, HEADLINES), *_bundles(notebook, CHECKS), *headlines]
    facts = [str(fact) for bundle in bundles for fact in bundle.get("fact_ids") or []]
    return {
        "title": title,
        "language": parameters.get("language", "en"),
        "as_of": parameters.get("as_of"),
        "headlines": headlines,
        "forecasts": [one for bundle in _bundles(notebook, FORECASTS) for one in bundle.get("forecasts", [])],
        "checks": [one for bundle in _bundles(notebook, CHECKS) for one in bundle.get("checks", [])],
        "fact_ids": list(dict.fromkeys(facts)),
    }


def subject(notebook: Mapping[str, Any]) -> str:
    """Whom or what the report is about, as the notebook says it; empty where it does not."""
    return next((str(bundle.get("subject", "")) for bundle in _bundles(notebook, SUBJECT)), "")


def _bundles(notebook: Mapping[str, Any], mime: str) -> Iterator[dict[str, Any]]:
    """Every output of one private kind."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get(mime)
            if isinstance(data, dict):
                yield data


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record a person can read; what JSON cannot hold (NaN) is an error here, not in the reader."""
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def replace_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record that may be read at any time: whole, old or new, never half."""
    aside = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        write_json(aside, content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """A record, None where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def latest(reports: Path, notebook: str, run: str) -> Path | None:
    """Folder of the last finished run of a name.

    Parameters
    ----------
    reports : Path
    notebook, run : str
    """
    folders = sorted((reports / notebook / run).glob("*"), key=sortable, reverse=True)
    return next((path for path in folders if (path / "report.html").exists()), None)


def sortable(folder: Path) -> tuple[str, int]:
    """Order of a run's folders: 20261122T091500Z-2 is later than 20261122T091500Z, and -10 later than -2."""
    stamp, _, number = folder.name.partition("-")
    return stamp, int(number) if number.isdigit() else 1
