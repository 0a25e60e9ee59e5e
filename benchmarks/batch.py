"""A night's batch against what one would do without it: 12 runs, side by side.

Run from the project folder::

    python benchmarks/batch.py            # everything, about seven minutes
    python benchmarks/batch.py quick      # without the papermill and nbconvert commands

``plain`` is the same cells as plain functions: two processes with one BLAS thread each, imports once, then six
analyses one after the other, no Jupyter and no HTML. It is told with and without its imports. ``commands`` are
papermill and nbconvert from the command line, one run after the other. ``batch`` is this kit's command from start to
exit, HTML, records and pages included; first with nothing known, then forced once more, when it knows what kernels
import.

What it cannot say: how it goes on a machine with another number of cores, or where the analyses are much shorter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil
import yaml

PROJECT = Path(__file__).parents[1]
LISTED = "bilibili, weibo, pdd, alibaba, meta, snap, reddit, pinterest, sea"
RUNS = [
    *(("evidence_ledger", {"platform": name}) for name in ("xiaohongshu", "kuaishou", "douyin", "bilibili")),
    ("valuation_growth", {"platform": "xiaohongshu"}),
    ("valuation_growth", {"platform": "kuaishou", "comparables": LISTED}),
    ("valuation_growth", {"platform": "bilibili", "comparables": LISTED.replace("bilibili", "kuaishou")}),
    *(("event_uplift", {"platform": name}) for name in ("kuaishou", "xiaohongshu")),
    ("market_sizing", {"market": "social_commerce", "year": 2023}),
    ("market_sizing", {"market": "live_commerce", "year": 2022}),
    ("market_sizing", {"market": "online_advertising", "year": 2024}),
]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
COPIES = 1000
ROUNDS = 3


def code_cells(notebook: str) -> list[tuple[str, list[str]]]:
    """Source and tags of each code cell."""
    cells = json.loads((PROJECT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [("".join(c["source"]), c["metadata"].get("tags", [])) for c in cells if c["cell_type"] == "code"]


def plain(runs: list) -> None:
    """One of the two plain processes: imports, tells so, waits for its start, works."""
    os.chdir(PROJECT / "notebooks")
    for notebook in {name for name, _ in runs}:
        exec(code_cells(notebook)[0][0], {})  # the imports
    print("ready", flush=True)
    sys.stdin.readline()
    for notebook, given in runs:
        names: dict = {}
        for source, tags in code_cells(notebook):
            exec(compile(source, notebook, "exec"), names)
            if "parameters" in tags:
                names.update(given)


def timed_plain() -> tuple[float, float]:
    """Wall seconds of the two plain processes, imports counted and not."""
    env = {**os.environ, **ONE_THREAD, "MPLBACKEND": "agg", "JPY_SESSION_NAME": ""}
    begun = time.monotonic()
    both = [
        subprocess.Popen(
            [sys.executable, __file__, "plain", str(half)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for half in (0, 1)
    ]
    for one in both:
        one.stdout.readline()
    warm = time.monotonic()
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    if any(one.wait() for one in both):
        raise SystemExit("a plain process failed")
    return time.monotonic() - begun, time.monotonic() - warm


def timed_commands(folder: Path) -> float:
    """Wall seconds of papermill and nbconvert, run after run."""
    env = {**os.environ, **ONE_THREAD, "JUPYTER_PREFER_ENV_PATH": "1"}
    begun = time.monotonic()
    for number, (notebook, given) in enumerate(RUNS):
        out = folder / f"{number}.ipynb"
        words = [word for name, value in given.items() for word in ("-p", name, str(value))]
        source = str(PROJECT / "notebooks" / f"{notebook}.ipynb")
        for command in (
            ["papermill", source, str(out), "-k", "python3", "--no-progress-bar", *words],
            ["nbconvert", "--to", "html", str(out)],
        ):
            subprocess.run([sys.executable, "-m", *command], env=env, check=True, capture_output=True)
    return time.monotonic() - begun


class Watch:
    """The largest memory of any process below this one, proportional shares of what they share."""

    def __init__(self) -> None:
        self.most: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            for one in psutil.Process().children(recursive=True):
                try:
                    kind = "zygote and kernels" if "zygote" in " ".join(one.cmdline()) else "runner"
                    size = one.memory_info().rss / 1e6
                except psutil.Error:
                    continue
                self.most[kind] = max(self.most.get(kind, 0.0), size)


def project_in(folder: Path) -> Path:
    """A copy of the project with the 12 runs."""
    for name in ("notebooks", "data"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "requirements.lock", folder)
    runs = {f"run-{n:02}": {"notebook": name, "parameters": given} for n, (name, given) in enumerate(RUNS)}
    (folder / "notebooks" / "runs.yml").write_text(yaml.safe_dump({"runs": runs}), encoding="utf-8")
    return folder


def command(project: Path, *arguments: str) -> float:
    """Wall seconds of the kit's command."""
    env = {**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0", "HELPERS_PROJECT": str(project)}
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "helpers.reports", *arguments], env=env, check=True, capture_output=True)
    return time.monotonic() - begun


def own_work(project: Path, run: str) -> float:
    """Wall seconds that the cells of a run's last report took."""
    *_, last = sorted(project.glob(f"reports/*/{run}/*"))
    cells = json.loads((last / "executed.ipynb").read_text(encoding="utf-8"))["cells"]
    return sum(cell["metadata"].get("papermill", {}).get("duration") or 0 for cell in cells)


def thousand(project: Path) -> None:
    """A thousand finished runs in the reports folder: copies of those that are there."""
    folders = sorted(path for path in project.glob("reports/*/*/*") if (path / "report.html").exists())
    for number in range(COPIES - len(folders)):
        source = folders[number % len(folders)]
        target = source.with_name(f"20250101T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}Z")
        target.mkdir()
        for name in ("run.json", "result.json"):
            shutil.copy(source / name, target)


def row(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:58s}{seconds:8.1f} s  {note}", flush=True)


def main(is_quick: bool) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = project_in(folder / "project")
        with Watch() as watch:
            first = command(project)
        rounds = [(*timed_plain(), command(project, "--force")) for _ in range(ROUNDS)]
        cold, warm, again = (median(column) for column in zip(*rounds, strict=True))
        row("plain functions, two warm processes", warm, "without their imports")
        row("plain functions, two processes", cold, "imports counted")
        row("batch, nothing known", first, f"{first / warm:.2f} and {first / cold:.2f} times plain")
        ratios = [f"{median(b / one[n] for *one, b in rounds):.2f}" for n in (1, 0)]
        row("batch, forced once more", again, f"{ratios[0]} and {ratios[1]} times plain (medians of {ROUNDS} rounds)")
        if not is_quick:
            slow = timed_commands(folder)
            row("papermill and nbconvert commands, one after the other", slow, f"{slow / again:.1f} times the batch")
        row("batch in which nothing changed", command(project))
        one: Callable[[], float] = lambda: command(project, "--force", "--only", "run-00")  # noqa: E731
        total = sorted(one() for _ in range(3))[1]
        row("one run from command to HTML", total, f"{total - own_work(project, 'run-00'):.1f} s beyond its cells")
        thousand(project)
        row(f"catalogue and pages of {COPIES} finished runs", command(project, "--rebuild"), "made from nothing")
        for kind, size in sorted(watch.most.items()):
            print(f"largest {kind:50s}{size:8.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["plain"]:
        plain(RUNS[int(sys.argv[2]) :: 2])
    else:
        main(is_quick=sys.argv[1:2] == ["quick"])
