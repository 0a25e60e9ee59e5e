"""What a run rests on, and whether any of it has changed since the run.

Five kinds of input, kept in run.json: the notebook, its parameters, the package (`src/helpers`) with its locked
dependencies, the data files that were read, and the facts. Of the ledger a run rests on the slices that it asked
for, and on what the audit says of the facts in them: a new fact about one company does not touch the reports on
others. The ledger and the audit are imported where they are asked: a batch in which nothing changed need not
wait for them. What the module cannot do: see an input that is neither a file nor a slice, such as an answer from the
network; runs that are `online` are therefore never passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import HelpersError
from helpers.reports.record import sha256
from helpers.reports.runs import Run

if TYPE_CHECKING:
    from helpers import audit

FACT_FILES = ("facts.csv", "sources.csv")
"""Files of the ledger that are read whole and counted by slices."""

ALARMS = ("inconsistent", "implausible")


class InputChangedError(Exception):
    """A file was replaced while a run was reading it; running again helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a kernel has asked for.

    Attributes
    ----------
    files : dict of str to list of int
        Path to size, time and number of the file when it was opened.
    slices : tuple of dict
        Of the ledger; see `helpers.ledger.slices`.
    modules : tuple of str
        Imported while it ran.
    """

    files: dict[str, list[int]]
    slices: tuple[dict[str, Any], ...]
    modules: tuple[str, ...] = ()


def read_log(path: Path) -> Reads:
    """Read what `helpers.reports.sandbox` has noted; a line cut short by a killed kernel is left out.

    Parameters
    ----------
    path : Path
    """
    files: dict[str, list[int]] = {}
    slices: list[dict[str, Any]] = []
    modules: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "file" in entry:
            files.setdefault(entry["file"], entry["stamp"])
        elif "import" in entry:
            modules.append(entry["import"])
        else:
            slices.append(entry["slice"])
    return Reads(files=files, slices=_merged(slices), modules=tuple(modules))


def _merged(slices: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Each slice once, without those that lie within another."""
    unique = [dict(one) for one in {json.dumps(one, sort_keys=True): one for one in slices}.values()]
    return tuple(one for one in unique if not any(one is not other and _lies_in(one, other) for other in unique))


def _lies_in(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    within = all(
        other[name] is None or (one[name] is not None and set(one[name]) <= set(other[name]))
        for name in ("entity", "metric")
    )
    return within and one["as_of"] == other["as_of"]


def of_run(reads: Reads, project: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Hashes of what a run has read, for its record.

    Parameters
    ----------
    reads : Reads
    project : Path

    Returns
    -------
    tuple of dict and dict
        ``package``, ``python``, ``files``, ``slices`` and ``facts`` (one hash for all facts and verdicts); and each
        fact's own hash.

    Raises
    ------
    InputChangedError
        A file is not the one that was opened.
    """
    for name, opened in reads.files.items():
        if not Path(name).is_file() or stamp(name) != opened:
            raise InputChangedError(f"{_shown(name, project)} was replaced or written to while the run was reading it")
    files = {_shown(name, project): sha256(Path(name)) for name in sorted(reads.files)}
    facts = fact_hashes(reads.slices, project)
    found = {
        "package": package_hash(project),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "files": files,
        "slices": list(reads.slices),
        "facts": _one_hash(facts) if reads.slices else None,
    }
    return found, facts


def changed(run: Run, kept: Mapping[str, Any], project: Path) -> str:
    """Why a run has to be made again; empty where nothing that it rests on has changed.

    Parameters
    ----------
    run : Run
    kept : mapping
        Record (run.json) of its last finished run.
    project : Path
    """
    before = kept.get("inputs") or {}
    if kept.get("status") != "ok" or not before:
        return "no finished run to go by"
    if run.is_online:
        return "it may read the network"
    if kept.get("notebook_sha256") != sha256(run.path):
        return "the notebook"
    if kept.get("parameters") != run.parameters:
        return "parameters"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = sha256(project / "requirements.lock")
    if (before["package"], kept.get("lock_sha256"), before["python"]) != (package_hash(project), lock, python):
        return "the package"
    return _changed_data(before, project)


def _changed_data(before: Mapping[str, Any], project: Path) -> str:
    now = {name: sha256(_place(name, project)) for name in before["files"]}
    different = [name for name, digest in now.items() if digest != before["files"][name]]
    whole = [name for name in different if not (before["slices"] and _is_counted_by_slice(name))]
    if whole:
        return ", ".join(whole)
    if different and _one_hash(fact_hashes(before["slices"], project)) != before["facts"]:
        return "facts"
    return ""


def _is_counted_by_slice(name: str) -> bool:
    return name in {f"data/ledger/{file}" for file in FACT_FILES}


def fact_hashes(slices: Iterable[Mapping[str, Any]], project: Path) -> dict[str, str]:
    """Hash of each fact in some slices, what the audit says of it included.

    Parameters
    ----------
    slices : iterable of mapping
    project : Path
    """
    folder = project / "data" / "ledger"
    found: dict[str, str] = {}
    from helpers import ledger

    for day in dict.fromkeys(one["as_of"] for one in slices):
        facts = ledger.fingerprints([one for one in slices if one["as_of"] == day], book=ledger.load(folder))
        said = verdicts(project, day)
        found |= {i: f"{digest}{_short(said[i])}" if i in said else digest for i, digest in facts.items()}
    return found


def alarms(fact_ids: Iterable[str], project: Path, as_of: str = "") -> list[dict[str, Any]]:
    """What the audit holds against some facts, the worst first.

    Parameters
    ----------
    fact_ids : iterable of str
    project : Path
    as_of : str
        ISO day or empty.

    Returns
    -------
    list of dict
        ``verdict``, ``rule``, ``entity``, ``metric``, ``text``, ``fact_ids`` and ``doubted``; empty where there is no
        ledger.
    """
    wanted = set(fact_ids)
    found = audited(project, as_of)
    if found is None:
        return []
    rows = found.verdicts[found.verdicts["verdict"].isin(ALARMS)]
    columns = ["verdict", "rule", "entity", "metric", "text", "fact_ids", "doubted"]
    rows = rows[[bool(wanted & set(ids)) for ids in rows["fact_ids"]]][columns]
    return [
        {**row, "fact_ids": list(row["fact_ids"]), "doubted": list(row["doubted"])} for row in rows.to_dict("records")
    ]


def verdicts(project: Path, as_of: str = "") -> dict[str, str]:
    """Every fact that the audit has judged, with all that it says of it as one text."""
    found = audited(project, as_of)
    said: dict[str, list[str]] = {}
    for row in found.verdicts.itertuples() if found is not None else ():
        for fact_id in row.fact_ids:
            said.setdefault(fact_id, []).append(f"{row.verdict} {row.rule} {row.text}")
    return {fact_id: "\n".join(sorted(texts)) for fact_id, texts in said.items()}


def audited(project: Path, as_of: str) -> audit.Audit | None:
    """The audit of a project's whole ledger on a day, once for each version of its files.

    Parameters
    ----------
    project : Path
    as_of : str
        ISO day or empty.

    Returns
    -------
    helpers.audit.Audit or None
        None without a ledger.
    """
    from helpers import ledger

    folder = project / "data" / "ledger"
    try:
        book = ledger.load(folder)
    except HelpersError:  # a project without a ledger has nothing to audit; a broken one has stopped its notebooks
        return None
    return _audit_of(tuple(book.files.items()), folder, as_of)


@lru_cache(maxsize=32)
def _audit_of(files: tuple, folder: Path, as_of: str) -> audit.Audit:
    """One audit for each version of the files and each day."""
    from helpers import audit, ledger

    book = ledger.load(folder)
    return audit.audit(ledger.public(as_of=as_of, book=book), **book.rules)


@cache
def package_hash(project: Path) -> str:
    """One hash over the package's files: code, templates and styles.

    Parameters
    ----------
    project : Path
        The running package counts, wherever it is installed.
    """
    root = Path(__file__).parents[1]
    files = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def stamp(name: str) -> list[int]:
    """What tells that a file was replaced or written to: its size, time and number."""
    state = os.stat(name)
    return [state.st_size, state.st_mtime_ns, state.st_ino]


def _one_hash(facts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _shown(name: str, project: Path) -> str:
    """A file by its place in the project; one outside by its full path."""
    path = Path(name)
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path)


def _place(shown: str, project: Path) -> Path:
    return Path(shown) if Path(shown).is_absolute() else project / shown
