"""Make one report: execute a notebook, export it, keep its record.

A run is written into a hidden folder and moved to its place by one rename, so that a reader never sees
half a report. A run that fails keeps its traceback, the notebook as far as it came and its record.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import socket
import tempfile
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from helpers.reports import inputs, record, secrecy
from helpers.reports.runs import Run

RETRIED = ("DeadKernelError", "InputChangedError", "KilledWorker", "CommClosedError", "ConnectionError")
"""Errors that running again can mend: a process was killed, or a file replaced. A notebook's own errors are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one run.

    Attributes
    ----------
    run : Run
    folder : Path or None
        Where its files are; None where it has none.
    record : dict
        The content of its run.json; ``status`` is ok, failed, unchanged or skipped.
    modules : tuple of str
        What its kernel had to import while it ran.
    """

    run: Run
    folder: Path | None
    record: dict[str, Any]
    modules: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether there is a report."""
        return self.record["status"] in ("ok", "unchanged")


class InterruptedRunError(Exception):
    """The command was stopped while this run was under way."""


interrupted = threading.Event()
"""Set when the command has been told to stop: what is under way is then thrown away."""


def execute(
    run: Run,
    project: Path,
    *,
    reports: Path | None = None,
    earlier: Mapping[str, Any] | None = None,
    attempts: tuple[str, ...] = (),
    is_last: bool = True,
    token: str = "",
    progress: dict[str, Any] | bool = False,
) -> Outcome:
    """Run one notebook and put its files in their place.

    Parameters
    ----------
    run : Run
    project : Path
        The folder that holds notebooks/ and data/.
    reports : Path, optional
        Where reports go; ``reports/`` of the project when left out.
    earlier : mapping, optional
        What `helpers.reports.changes.load` read of the last finished run of this name: the report begins with
        what has changed since.
    attempts : tuple of str
        How earlier attempts at this run ended.
    is_last : bool
        Whether a failure that running again could mend is kept; it is thrown away otherwise.
    token : str
        Kept in the record: by it a cluster that has lost a worker's answer finds the report it had made.
    progress : dict or bool
        Papermill's progress bar: options for tqdm, or False.

    Returns
    -------
    Outcome
        Also for a run that failed; only an interruption and a full disk pass through, and leave nothing behind.
    """
    project = project.resolve()
    reports = reports or project / "reports"
    staging = reports / f".staging-{socket.gethostname()}-{os.getpid()}-{run.name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f"helpers-{os.getpid()}-", ignore_cleanup_errors=True) as scratch:
            kept = _attempt(run, project, staging, Path(scratch), earlier, progress)
        modules = kept.pop("modules", ())
        kept |= {"attempts": list(attempts), "token": token}
        if interrupted.is_set():
            raise InterruptedRunError(run.name)
        if not is_last and is_retried(kept):
            return Outcome(run=run, folder=None, record=kept)
        record.write_json(staging / "run.json", kept)
        folder = _place(staging, reports / run.notebook / run.name, kept["started"])
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Outcome(run=run, folder=folder, record=kept, modules=modules)


def is_retried(kept: Mapping[str, Any]) -> bool:
    """Whether a failed run may go well when it is started again."""
    return kept["status"] == "failed" and kept["error"]["type"] in RETRIED


def _attempt(
    run: Run, project: Path, staging: Path, scratch: Path, earlier: Mapping[str, Any] | None, progress: Any
) -> dict[str, Any]:
    """Execute and export into `staging`; a failure becomes part of the record."""
    from helpers.reports.kernel import run_cells

    kept = _opened(run, project)
    started = dt.datetime.fromisoformat(kept["started"])
    executed = staging / "executed.ipynb"
    try:
        notebook = run_cells(
            run.path, executed, run.parameters, project=project, scratch=scratch, minutes=run.minutes,
            is_online=run.is_online, passed=run.env, progress=progress,
        )  # fmt: skip
        failure = None
    except Exception as error:
        failure = error
    ended = dt.datetime.now(dt.UTC)
    kept["ended"] = ended.isoformat(timespec="milliseconds")
    kept["seconds"] = round((ended - started).total_seconds(), 2)
    if failure is None:
        try:
            reads = inputs.read_log(scratch / "reads.log")
            kept["modules"] = reads.modules
            kept["inputs"], facts = inputs.of_run(reads, project)
            _export(notebook, kept, facts, staging, project, earlier)
        except Exception as error:
            failure = error
    if failure is not None:
        _raise_if_full(failure)
        kept.update(status="failed", error=_fail(failure, executed, staging))
    try:
        secrecy.check(staging, kept, os.environ)
    except secrecy.SecretError as error:
        for path in staging.iterdir():
            path.unlink()
        kept.update(status="failed", parameters={}, inputs={}, error=_fail(error, executed, staging))
    return kept


def _raise_if_full(error: Exception) -> None:
    """A full disk cannot take a record either."""
    import errno

    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise error


def _opened(run: Run, project: Path) -> dict[str, Any]:
    """The part of the record that is known before the start."""
    return {
        "run": run.name,
        "notebook": run.notebook,
        "notebook_sha256": record.sha256(run.path),
        "parameters": run.parameters,
        "seed": run.parameters.get("seed"),
        "cadence": run.cadence,
        "status": "ok",
        "error": None,
        "warnings": [],
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "git": record.git_state(project),
        "lock_sha256": record.sha256(project / "requirements.lock"),
        "versions": record.versions(),
    }


_lock = threading.Lock()
_kept_exporter: list[Any] = []


def exporter() -> Any:
    """The one exporter of this process."""
    with _lock:
        if not _kept_exporter:
            from helpers.reports.export import ReportExporter

            _kept_exporter.append(ReportExporter())
        return _kept_exporter[0]


def _export(
    notebook: Any,
    kept: dict[str, Any],
    facts: Mapping[str, str],
    staging: Path,
    project: Path,
    earlier: Mapping[str, Any] | None,
) -> None:
    """Write report.html, result.json, facts.json and changes.json; the report's warnings go into `kept`."""
    from helpers.reports import changes
    from helpers.reports.passports import Dossier

    found = record.results(notebook, kept["parameters"])
    dossier = Dossier(project=project, parameters=kept["parameters"])
    for one in found["headlines"]:
        one["doubts"] = dossier.doubts(one.get("fact_ids") or ())
    found["passports"] = dossier.passports(found["fact_ids"])
    told = changes.between(earlier, {"run": kept, "result": found, "facts": facts}, project) if earlier else None
    page, found["title"], kept["warnings"] = exporter().report(
        notebook, kept, result=found, changes=told, dossier=dossier, facts=facts
    )
    (staging / "report.html").write_text(page, encoding="utf-8")
    record.write_json(staging / "result.json", found)
    record.write_json(staging / "facts.json", facts)
    if told is not None:
        record.write_json(staging / "changes.json", told.record)


def _fail(error: Exception, executed: Path, staging: Path) -> dict[str, Any]:
    """Keep the traceback, drop what only a finished run may have, and say what went wrong."""
    from helpers.reports.export import strip_ansi

    for name in ("report.html", "result.json", "facts.json", "changes.json"):
        (staging / name).unlink(missing_ok=True)
    # Papermill hands on the cell's own traceback; elsewhere ours is the only one there is.
    lines = getattr(error, "traceback", None)
    text = "\n".join(lines) if lines else "".join(traceback.format_exception(error))
    (staging / "traceback.txt").write_text(strip_ansi(text).rstrip() + "\n", encoding="utf-8")
    message = getattr(error, "evalue", None) or str(error) or type(error).__name__
    return {
        "type": getattr(error, "ename", None) or type(error).__name__,
        "message": strip_ansi(message).strip(),
        "cell": _failed_cell(executed),
    }


def _failed_cell(executed: Path) -> int | None:
    """Number, from 1, of the notebook's own cell that was running last; None before the first."""
    import nbformat

    try:
        cells = nbformat.read(executed, as_version=4).cells
    except (OSError, ValueError):
        return None
    # Papermill adds a cell with the parameters and two with a pointer to the error; nobody has written those.
    added = {"injected-parameters", "papermill-error-cell-tag"}
    own = [cell for cell in cells if not added & set(cell.metadata.get("tags", []))]
    begun = [cell.metadata.get("papermill", {}).get("start_time") for cell in own]
    return max((number for number, time in enumerate(begun, start=1) if time), default=None)


def _place(staging: Path, parent: Path, started: str) -> Path:
    """Move a finished folder to its name; a second run of the same second gets a number."""
    stamp = dt.datetime.fromisoformat(started).strftime("%Y%m%dT%H%M%SZ")
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        target = parent / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            staging.rename(target)  # never onto a folder with files in it
        except OSError:
            if target.exists():
                continue
            raise
        return target
    raise FileExistsError(f"{parent}: 999 runs in one second")


def remove_stale(reports: Path) -> None:
    """Remove what processes of this machine that are gone have left unfinished, their scratch folders too.

    Parameters
    ----------
    reports : Path
    """
    scratch = Path(tempfile.gettempdir())
    for place, prefix in ((reports, f".staging-{socket.gethostname()}-"), (scratch, "helpers-")):
        for folder in place.glob(f"{prefix}*-*"):
            pid = folder.name.removeprefix(prefix).split("-")[0]
            if pid.isdigit() and not _is_owner_alive(int(pid), folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_owner_alive(pid: int, folder: Path) -> bool:
    try:
        # A number is given again some day: a process younger than the folder has not made it.
        return psutil.Process(pid).create_time() <= folder.stat().st_mtime + 1
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True
