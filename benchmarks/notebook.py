"""What a report costs: its notebook run by papermill, less what an empty notebook costs.

Run from the project folder::

    python benchmarks/notebook.py valuation_growth     # every run of it in notebooks/runs.yml, five rounds
    python benchmarks/notebook.py market_sizing 3      # three rounds

CPU seconds (user and system) of papermill and its kernel, one thread, medians over rounds; `cells` are the wall seconds
that papermill saw the cells take, which a busy machine stretches. The empty notebook has one cell without imports:
what it costs is Jupyter's, what remains is the notebook's, its imports included.

What it cannot say: what the HTML costs (benchmarks/batch.py), or how long a reader waits on another machine.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import nbformat

from helpers.reports.runs import read_runs

PROJECT = Path(__file__).parents[1]
ROUNDS = 5
TARGETS = {"valuation_growth": 15, "market_sizing": 20}


def runs(notebook: str) -> Iterator[tuple[str, list[str]]]:
    """Name and papermill arguments of each run of a notebook."""
    for run in read_runs(PROJECT / "notebooks"):
        if run.notebook == notebook:
            yield run.name, [word for key, value in run.parameters.items() for word in ("-p", key, str(value))]


def timed(notebook: Path, given: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds of one execution and wall seconds of its cells."""
    out = folder / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(notebook), str(out), "--no-progress-bar", *given]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    took = sum(cell["metadata"].get("papermill", {}).get("duration") or 0 for cell in cells)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took


def main(chosen: str, rounds: int) -> None:
    """Print medians, the empty notebook first; rounds take turns so that the machine's load falls on all alike."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = folder / "empty.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cells = [nbformat.v4.new_code_cell("1 + 1")]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), empty)
        source = PROJECT / "notebooks" / f"{chosen}.ipynb"
        jobs = {"empty notebook": (empty, [])} | {name: (source, given) for name, given in runs(chosen)}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for _ in range(rounds):
            for name, (notebook, given) in jobs.items():
                found[name].append(timed(notebook, given, folder))
    base = median(cpu for cpu, _ in found["empty notebook"])
    for name, rows in found.items():
        cpu, cells = (median(column) for column in zip(*rows, strict=True))
        print(f"{name:24s}{cpu:7.1f} s CPU  {cpu - base:6.1f} s above the empty notebook   cells {cells:6.1f} s wall")
    print(f"target: cells under {TARGETS[chosen]} s on an idle machine")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS)
