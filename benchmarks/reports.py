"""The report command against the time its notebooks take, and against papermill and nbconvert by hand.

Run with ``python benchmarks/reports.py``. Works in a copy of the notebooks and the data, so that the
project's own reports stay as they are. Prints medians over three rounds; wall and CPU seconds.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]
ROUNDS = 3


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all its children."""
    environment = {**os.environ, "HELPERS_PROJECT": str(folder), "OMP_NUM_THREADS": "1"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cells(folder: Path) -> float:
    """Seconds that the notebooks' own cells took when nothing else ran beside them, added up."""
    total = 0.0
    for path in folder.glob("*.ipynb"):
        notebook = json.loads(path.read_text())
        total += sum(cell["metadata"].get("papermill", {}).get("duration") or 0 for cell in notebook["cells"])
    return total


def by_hand(folder: Path) -> tuple[float, float]:
    """What a user would type instead: papermill, then nbconvert, for each run."""
    runs = yaml.safe_load((folder / "notebooks" / "runs.yml").read_text())["runs"]
    wall = cpu = 0.0
    for name, run in runs.items():
        given = [word for key, value in run["parameters"].items() for word in ("-p", key, str(value))]
        out = f"{name}.ipynb"
        for command in (
            ["papermill", f"notebooks/{run['notebook']}.ipynb", out, *given],
            ["jupyter", "nbconvert", "--to", "html", out],
        ):
            seconds = timed([sys.executable, "-m", *command], folder)
            wall, cpu = wall + seconds[0], cpu + seconds[1]
    return wall, cpu


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for part in ("notebooks", "data"):
            shutil.copytree(PROJECT / part, folder / part)
        shutil.copy(PROJECT / "requirements.lock", folder)
        command = [sys.executable, "-m", "helpers.reports"]
        timed(command, folder)  # warm the disk cache
        rows = []
        for _ in range(ROUNDS):
            shutil.rmtree(folder / "reports")
            own, hand = timed(command, folder), by_hand(folder)
            rows.append((*own, cells(folder), *hand))
    wall, cpu, inside, hand_wall, hand_cpu = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{'way':44}{'wall s':>9}{'CPU s':>9}{'wall over cells':>18}")
    print(f"{'cells of the notebooks, added up':44}{inside:9.1f}{'':9}{1.0:18.2f}")
    print(f"{'python -m helpers.reports':44}{wall:9.1f}{cpu:9.1f}{wall / inside:18.2f}")
    hand = "papermill and nbconvert, one after the other"
    print(f"{hand:44}{hand_wall:9.1f}{hand_cpu:9.1f}{hand_wall / inside:18.2f}")
    print(f"ratio to the commands by hand: wall {wall / hand_wall:.2f}, CPU {cpu / hand_cpu:.2f}")


if __name__ == "__main__":
    main()
