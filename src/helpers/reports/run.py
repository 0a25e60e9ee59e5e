"""Run notebooks and keep what they leave: ``reports/<notebook>/<run>/<time>/``.

A run is written into a hidden folder and moved to its place by one rename, so that a reader never sees
half a report. A run that fails keeps its traceback, the notebook as far as it came and its record, and
the other runs go on.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from helpers.reports import index, record
from helpers.reports.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one run.

    Attributes
    ----------
    run : Run
    folder : Path
        Where its files are.
    record : dict
        The content of its run.json.
    """

    run: Run
    folder: Path
    record: dict[str, Any]

    @property
    def is_ok(self) -> bool:
        """Whether there is a report."""
        return self.record["status"] == "ok"


def run_all(runs: Sequence[Run], project: Path, *, jobs: int = 2, is_terminal: bool = False) -> list[Outcome]:
    """Run notebooks, two at a time, and rebuild the index after each.

    Parameters
    ----------
    runs : sequence of Run
        Checked, from `runs.read_runs`.
    project : Path
        The folder that holds notebooks/, data/ and reports/.
    jobs : int
        How many kernels may work at the same time.
    is_terminal : bool
        Whether to draw progress bars; plain lines otherwise.

    Returns
    -------
    list of Outcome
        One per run, in the order of `runs`.
    """
    import papermill  # noqa: F401  (once, before the threads ask for it)
    from tqdm import tqdm

    project = project.resolve()
    reports = project / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    remove_stale(reports)
    _interrupted.clear()
    # The converter is needed at the first run's end and takes as long to import as a kernel to start.
    threading.Thread(target=_exporter, daemon=True).start()
    with ThreadPoolExecutor(max_workers=jobs) as pool, tqdm(total=len(runs), **_bar(is_terminal)) as bar:
        futures = [pool.submit(execute, run, project, progress=_cells_bar(run, is_terminal)) for run in runs]
        try:
            for future in as_completed(futures):
                bar.update()
                tqdm.write(_line(future.result(), project))
                sys.stdout.flush()  # a log file should say what is done while the rest is running
                index.build(reports)
        except BaseException:
            _interrupt(futures)
            raise
    return [future.result() for future in futures]


_interrupted = threading.Event()


class _InterruptedRunError(Exception):
    """The command was stopped while this run was under way."""


def _interrupt(futures: Sequence[Future]) -> None:
    """End what is under way; nothing of it is kept."""
    from helpers.reports.kernel import kill_all

    _interrupted.set()
    for future in futures:
        future.cancel()
    # A kernel that is just starting shows up a moment later, so ask until all is quiet.
    while wait(futures, timeout=0.2).not_done:
        kill_all()


def _bar(is_terminal: bool) -> dict[str, Any]:
    return {"desc": "runs", "unit": "run", "disable": not is_terminal}


def _cells_bar(run: Run, is_terminal: bool) -> dict[str, Any] | bool:
    return {"desc": run.name, "leave": False} if is_terminal else False


def execute(run: Run, project: Path, *, progress: dict[str, Any] | bool = False) -> Outcome:
    """Run one notebook and put its files in their place.

    Parameters
    ----------
    run : Run
    project : Path
    progress : dict or bool
        Papermill's progress bar: options for tqdm, or False.

    Returns
    -------
    Outcome
        Also for a run that failed; only an interruption passes through, and leaves nothing behind.
    """
    project = project.resolve()
    reports = project / "reports"
    staging = reports / f".staging-{os.getpid()}-{run.name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory(prefix="helpers-", ignore_cleanup_errors=True) as scratch:
            kept = _attempt(run, project, staging, Path(scratch), progress)
        if _interrupted.is_set():
            raise _InterruptedRunError(run.name)
        folder = _place(staging, reports / run.notebook / run.name, kept["started"])
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Outcome(run=run, folder=folder, record=kept)


def _attempt(run: Run, project: Path, staging: Path, scratch: Path, progress: Any) -> dict[str, Any]:
    """Execute and export into `staging`; a failure becomes part of the record."""
    from helpers.reports.kernel import run_cells

    kept = _opened(run, project)
    started = dt.datetime.fromisoformat(kept["started"])
    executed = staging / "executed.ipynb"
    try:
        notebook = run_cells(run.path, executed, run.parameters, project=project, scratch=scratch, progress=progress)
        failure = None
    except Exception as error:
        failure = error
    ended = dt.datetime.now(dt.UTC)
    kept["ended"] = ended.isoformat(timespec="milliseconds")
    kept["seconds"] = round((ended - started).total_seconds(), 2)
    kept["data"] = record.data_hashes(scratch / "reads.log", project)
    if failure is None:
        try:
            kept["warnings"] = _export(notebook, kept, staging)
        except Exception as error:
            failure = error
    if failure is not None:
        kept.update(status="failed", error=_fail(failure, executed, staging))
    record.write_json(staging / "run.json", kept)
    return kept


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


def _exporter() -> Any:
    """The one exporter of this process."""
    with _lock:
        if not _kept_exporter:
            from helpers.reports.export import ReportExporter

            _kept_exporter.append(ReportExporter())
        return _kept_exporter[0]


def _export(notebook: Any, kept: dict[str, Any], staging: Path) -> list[str]:
    """Write report.html and result.json; return the report's warnings."""
    page, title, warnings = _exporter().report(notebook, kept)
    (staging / "report.html").write_text(page, encoding="utf-8")
    record.write_json(staging / "result.json", record.results(notebook, kept["parameters"], title))
    return warnings


def _fail(error: Exception, executed: Path, staging: Path) -> dict[str, Any]:
    """Keep the traceback, drop what only a finished run may have, and say what went wrong."""
    from helpers.reports.export import strip_ansi

    for name in ("report.html", "result.json"):
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
    """Remove what processes that are gone have left unfinished.

    Parameters
    ----------
    reports : Path
    """
    for folder in reports.glob(".staging-*-*"):
        pid = folder.name.split("-")[1]
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


def _line(outcome: Outcome, project: Path) -> str:
    kept = outcome.record
    where = os.path.relpath(outcome.folder, project)
    if outcome.is_ok:
        return f"ok      {outcome.run.name}  {kept['seconds']:.1f} s  {where}/report.html"
    error = kept["error"]
    cell = "" if error["cell"] is None else f" in cell {error['cell']}"
    first = " ".join(line.strip() for line in error["message"].splitlines()[:2])
    return f"FAILED  {outcome.run.name}{cell}: {error['type']}: {first}  ({where}/traceback.txt)"
