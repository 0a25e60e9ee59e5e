"""Tasks side by side, each in a process of its own: what the benchmarks that name peers share.

CPU seconds (user and system, threads count) of a task after imports and a small warm-up, the lowest of some turns;
memory is the peak above that after the imports. Turns go round all tasks, so that the load of the machine falls on
all alike.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

Task = Callable[[int], object]
WARM_UP = 1_024


def main(
    file: str,
    tasks: Mapping[str, tuple[str, Callable[[], Task]]],
    *,
    sizes: Mapping[str, int],
    targets: Mapping[str, str],
    repeats: int = 5,
    once: Collection[str] = (),
) -> None:
    """Measure one task where the command line asks for it, else all of them.

    Parameters
    ----------
    file : str
        The benchmark's own file.
    tasks : mapping of str to (str, callable)
        Name to its kind and to what makes the task; ours begin with "helpers". The first of a kind has the ratio 1.
    sizes, targets : mapping of str to int and of str to str
        By kind: what a task is called with, and what was aimed at.
    repeats : int
        Turns.
    once : collection of str
        Kinds that take one turn only.
    """
    if sys.argv[1:2] == ["--measure"]:
        sys.path.insert(0, str(Path(file).parents[1] / "src"))
        kind, make = tasks[sys.argv[2]]
        _measure(make(), sizes[kind])
        return
    peers = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in tasks}
    for turn in range(repeats):
        for name in [name for name in found if not (turn and tasks[name][0] in once)]:
            one = _run(file, name, sys.executable if name.startswith("helpers") else peers)
            if one is None:
                del found[name]
            else:
                found[name].append(one)
    _print({name: (tasks[name][0], rows) for name, rows in found.items()}, targets)


def _measure(task: Task, size: int) -> None:
    """Print CPU seconds, megabytes above import and the answer: the work of a fresh process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task(WARM_UP)
    start = time.process_time()
    answer = task(size)
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(spent, (peak - before) / 1024, answer)


def _run(file: str, name: str, python: str) -> tuple[float, float, float] | None:
    """The same in a process of its own; None where the package is not there."""
    done = subprocess.run([python, file, "--measure", name], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{name:30s} not measured: {last}")
        return None
    spent, memory, answer = (float(part) for part in done.stdout.split()[-3:])
    return spent, memory, answer


def _print(found: Mapping[str, tuple[str, list[tuple[float, float, float]]]], targets: Mapping[str, str]) -> None:
    base: dict[str, float] = {}
    for name, (kind, rows) in found.items():
        best, memory = min(row[0] for row in rows), max(row[1] for row in rows)
        base.setdefault(kind, best)
        print(
            f"{kind:8s}{name:30s}{best:8.3f} s CPU {best / base[kind]:6.2f}x  {memory:7.1f} MB   "
            f"answer {rows[0][2]:.6g}"
        )
    for kind, target in targets.items():
        print(f"target {kind}: {target}")
