"""Run many: in parallel, with retries, passing over what has not changed, and telling how it goes.

Each run has a lock of its own, so two batches at once share the work instead of doing it twice. A batch that was
ended half-way is resumed by starting it again: finished runs are passed over as unchanged. With a cluster
(`helpers.reports.cluster`) the same threads hand their runs to its workers.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from helpers.reports import changes, inputs, record
from helpers.reports.run import Outcome, execute, exporter, interrupted, is_retried, remove_stale
from helpers.reports.runs import Run

IMPORTS = ".imports.json"
PAGES_SECONDS = 15.0
"""Between two writings of the pages while runs are under way."""

BACKOFF_SECONDS = 1.0
"""Pause before the second attempt; twice as long before each further one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a batch is run.

    Attributes
    ----------
    jobs : int
        Runs at the same time; one more than there are cores by default, as a kernel that starts or ends waits.
    is_forced : bool
        Whether runs are made again though nothing has changed.
    is_failing_fast : bool
        Whether no run is started after one has failed.
    is_terminal : bool
        Whether to draw progress bars; plain lines otherwise.
    reports : Path or None
        Where reports go; ``reports/`` of the project for None.
    perform : callable
        Makes one report, as `helpers.reports.run.execute` does; a cluster's for another machine.
    problems : list of str
        What could not be written beside the reports is added here.
    """

    jobs: int = (os.cpu_count() or 1) + 1
    is_forced: bool = False
    is_failing_fast: bool = False
    is_terminal: bool = False
    reports: Path | None = None
    perform: Callable[..., Outcome] = execute
    problems: list[str] = field(default_factory=list)


def run_all(runs: Sequence[Run], project: Path, options: Options | None = None) -> list[Outcome]:
    """Run notebooks in parallel and keep the pages up to date.

    Parameters
    ----------
    runs : sequence of Run
        Checked, from `runs.read_runs`.
    project : Path
        The folder that holds notebooks/, data/ and reports/.
    options : Options, optional

    Returns
    -------
    list of Outcome
        One per run, in the order of `runs`.
    """
    options = options or Options()
    project = project.resolve()
    reports = options.reports or project / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    remove_stale(reports)
    interrupted.clear()
    batch = _Batch(runs=runs, project=project, reports=reports, options=options)
    started = dt.datetime.now(dt.UTC)
    with batch.telling():
        outcomes = batch.work()
    batch.publish(started, outcomes)
    return outcomes


@dataclass
class _Batch:
    """One batch under way."""

    runs: Sequence[Run]
    project: Path
    reports: Path
    options: Options
    _bar: Any = None
    _next_pages: float = field(default_factory=lambda: time.monotonic() + PAGES_SECONDS)
    _waiting: threading.Lock = field(default_factory=threading.Lock)
    _failed: threading.Event = field(default_factory=threading.Event)

    def work(self) -> list[Outcome]:
        """Every run whose time has come, as soon as there is a free place."""
        due = {run.name: self._reason(run) for run in self.runs}
        outcomes: dict[str, Outcome] = {}
        with contextlib.ExitStack() as open_things:
            if self.options.perform is execute and any(due.values()):
                open_things.enter_context(self._ready([run for run in self.runs if due[run.name]]))
            pool = open_things.enter_context(ThreadPoolExecutor(max_workers=self.options.jobs))
            self._schedule(pool, due, outcomes)
        return [outcomes[run.name] for run in self.runs]

    def _schedule(self, pool: ThreadPoolExecutor, due: dict[str, str], outcomes: dict[str, Outcome]) -> None:
        by_name = {run.name: run for run in sorted(self.runs, key=self._last_seconds, reverse=True)}
        order = TopologicalSorter({n: [a for a in run.after if a in by_name] for n, run in by_name.items()})
        order.prepare()
        futures: dict[Future, str] = {}
        try:
            while order.is_active():
                for name in sorted(order.get_ready(), key=list(by_name).index):
                    if refusal := self._refusal(by_name[name], outcomes):
                        self._finish(_skipped(by_name[name], refusal), outcomes)
                        order.done(name)
                    else:
                        futures[pool.submit(self._one, by_name[name], due[name])] = name
                done = wait(futures, return_when=FIRST_COMPLETED).done if futures else ()
                for future in done:
                    name = futures.pop(future)
                    self._finish(future.result(), outcomes)
                    order.done(name)
        except BaseException:
            _interrupt(futures)
            raise

    def _refusal(self, run: Run, outcomes: Mapping[str, Outcome]) -> str:
        """Why a run is not started; empty where it is."""
        broken = [name for name in run.after if name in outcomes and not outcomes[name].is_ok]
        return f"{broken[0]} failed before it" if broken else ""

    def _one(self, run: Run, reason: str) -> Outcome:
        """One run under its lock, in as many attempts as it may have."""
        if self.options.is_failing_fast and self._failed.is_set():
            return _skipped(run, "another run failed before it")
        with self._locked(run):
            if reason and not self.options.is_forced:
                reason = self._reason(run)  # another batch may have made it meanwhile
            if not reason:
                return _unchanged(run, self._latest(run))
            self.say(f"start     {run.name}  ({reason})")
            try:
                outcome = self._attempts(run)
            except OSError as error:
                outcome = _failed(run, error)
            if not outcome.is_ok:
                self._failed.set()
            return outcome

    def _attempts(self, run: Run) -> Outcome:
        latest = self._latest(run)
        earlier = changes.load(latest) if latest else None
        failures: list[str] = []
        while True:
            is_last = len(failures) >= run.retries
            outcome = self.options.perform(
                run, self.project, reports=self.reports, earlier=earlier, attempts=tuple(failures), is_last=is_last,
                progress=_cells_bar(run, self.options.is_terminal),
            )  # fmt: skip
            if is_last or not is_retried(outcome.record):
                return outcome
            failures.append("{type}: {message}".format(**outcome.record["error"]))
            pause = BACKOFF_SECONDS * 2 ** (len(failures) - 1)
            self.say(f"again     {run.name} in {pause:g} s: {_first_line(failures[-1])}")
            interrupted.wait(pause)

    def _reason(self, run: Run) -> str:
        """Why a run has to be made; empty where its last report still stands."""
        if self.options.is_forced:
            return "forced"
        latest = self._latest(run)
        return (
            inputs.changed(run, record.read_json(latest / "run.json") or {}, self.project)
            if latest
            else "no report yet"
        )

    def _last_seconds(self, run: Run) -> float:
        """How long it took last: the longest start first, so that no core waits for one late run at the end."""
        latest = self._latest(run)
        return float((record.read_json(latest / "run.json") or {}).get("seconds") or 0) if latest else 0.0

    def _latest(self, run: Run) -> Path | None:
        """Folder of the last finished run of this name."""
        return record.latest(self.reports, run.notebook, run.name)

    @contextlib.contextmanager
    def _locked(self, run: Run) -> Iterator[None]:
        """The run's lock; says so when another batch holds it, and waits."""
        folder = self.reports / ".locks"
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / run.name, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.say(f"wait      {run.name}: another batch is making it")
            lock.acquire(cancel_check=interrupted.is_set)
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _ready(self, runs: Sequence[Run]) -> Iterator[None]:
        """Kernels that fork, and what takes long to import, while the first cells run."""
        from helpers.reports.kernel import forking

        # What the first run's end needs is made ready while its kernel imports: the converter, the audit of today.
        threading.Thread(target=self._warm, args=(runs,), daemon=True).start()
        learned = record.read_json(self.reports / IMPORTS) or {}
        known = dict.fromkeys(name for run in runs for name in learned.get(run.notebook, ()))
        with forking([run.path for run in runs], self.project, tuple(known)):
            yield

    def _warm(self, runs: Sequence[Run]) -> None:
        with contextlib.suppress(Exception):  # the runs themselves meet and tell what is wrong
            import papermill  # noqa: F401

            exporter()
            for day in dict.fromkeys(str(run.parameters.get("as_of") or "") for run in runs):
                inputs.audited(self.project, day)

    def _learn(self, outcomes: Sequence[Outcome]) -> None:
        """Keep what kernels imported on their way: the next forking process has it beforehand."""
        learned = record.read_json(self.reports / IMPORTS) or {}
        for one in outcomes:
            learned[one.run.notebook] = sorted({*learned.get(one.run.notebook, ()), *one.modules})
        if any(one.modules for one in outcomes):
            record.replace_json(self.reports / IMPORTS, learned)

    # --- telling

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """A bar with rate and expected end on a terminal, nothing here for a log."""
        from tqdm import tqdm

        with tqdm(total=len(self.runs), desc="runs", unit="run", disable=not self.options.is_terminal) as self._bar:
            yield

    def say(self, line: str) -> None:
        """One line, above the bars where there are any."""
        from tqdm import tqdm

        with self._waiting:
            tqdm.write(line if self.options.is_terminal else f"{time.strftime('%H:%M:%S')}  {line}")
            sys.stdout.flush()  # a log file should say what is done while the rest is running

    def _finish(self, outcome: Outcome, outcomes: dict[str, Outcome]) -> None:
        outcomes[outcome.run.name] = outcome
        self._bar.update()
        self.say(_line(outcome, self.project))
        if outcome.folder is not None and outcome.record["status"] != "unchanged":
            self._write_pages()

    def _write_pages(self, *, is_last: bool = False) -> None:
        if not is_last and time.monotonic() < self._next_pages:
            return  # the next run that ends, or the end, writes them
        self._next_pages = time.monotonic() + PAGES_SECONDS
        from helpers.reports import pages

        try:
            pages.build(self.reports)
        except OSError as error:
            self.options.problems.append(f"the pages could not be written: {error.strerror or error}")

    def publish(self, started: dt.datetime, outcomes: Sequence[Outcome]) -> None:
        """Keep the state of this batch, and the pages that show it."""
        kept = {
            "started": started.isoformat(timespec="seconds"),
            "ended": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "runs": [{"run": one.run.name, "status": one.record["status"], "why": _why(one)} for one in outcomes],
        }
        try:
            self._learn(outcomes)
            record.replace_json(self.reports / "batch.json", kept)
        except OSError as error:
            self.options.problems.append(f"the state of the batch could not be written: {error.strerror or error}")
        self._write_pages(is_last=True)


def summary(outcomes: Sequence[Outcome]) -> str:
    """A table of what became of each run, for the end of a log.

    Parameters
    ----------
    outcomes : sequence of Outcome
    """
    width = max((len(one.run.name) for one in outcomes), default=3)
    lines = [f"{'run':{width}}  {'state':9}  {'seconds':>7}  {'tries':>5}  what"]
    for one in outcomes:
        seconds = one.record.get("seconds")
        shown = f"{seconds:.1f}" if seconds is not None and one.record["status"] != "unchanged" else ""
        tries = str(len(one.record.get("attempts", ())) + 1) if shown else ""
        lines.append(f"{one.run.name:{width}}  {one.record['status']:9}  {shown:>7}  {tries:>5}  {_why(one)}".rstrip())
    return "\n".join(lines)


def _why(outcome: Outcome) -> str:
    """One line on a run: its error, or what moved."""
    if outcome.record["status"] in ("failed", "skipped"):
        error = outcome.record["error"]
        cell = "" if error["cell"] is None else f"cell {error['cell']}: "
        return f"{cell}{error['type']}: {_first_line(error['message'])}" if error["type"] else error["message"]
    told = record.read_json(outcome.folder / "changes.json") if outcome.folder else None
    return changes.summary(told) if told and outcome.record["status"] == "ok" else ""


def _interrupt(futures: Mapping[Future, str]) -> None:
    """End what is under way; nothing of it is kept."""
    from helpers.reports.kernel import kill_all

    interrupted.set()
    for future in futures:
        future.cancel()
    # A kernel that is just starting shows up a moment later, so ask until all is quiet.
    while wait(futures, timeout=0.2).not_done:
        kill_all()


def _cells_bar(run: Run, is_terminal: bool) -> dict[str, Any] | bool:
    return {"desc": run.name, "leave": False} if is_terminal else False


def _skipped(run: Run, why: str) -> Outcome:
    error = {"type": "", "message": f"not started: {why}", "cell": None}
    return Outcome(run=run, folder=None, record={"status": "skipped", "error": error})


def _unchanged(run: Run, latest: Path | None) -> Outcome:
    return Outcome(run=run, folder=latest, record={"status": "unchanged", "error": None})


def _failed(run: Run, error: OSError) -> Outcome:
    """A run that could not even leave a record, as on a full disk."""
    kept = {"type": type(error).__name__, "message": error.strerror or str(error), "cell": None}
    return Outcome(run=run, folder=None, record={"status": "failed", "error": kept})


def _first_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines()[:2])[:300]


def _line(outcome: Outcome, project: Path) -> str:
    kept, name = outcome.record, outcome.run.name
    where = os.path.relpath(outcome.folder, project) if outcome.folder else ""
    if kept["status"] == "ok":
        return f"ok        {name}  {kept['seconds']:.1f} s  {where}/report.html"
    if kept["status"] == "unchanged":
        return f"unchanged {name}  {where}/report.html"
    trace = f"  ({where}/traceback.txt)" if where else ""
    return f"{'SKIPPED' if kept['status'] == 'skipped' else 'FAILED':9} {name}  {_why(outcome)}{trace}"
