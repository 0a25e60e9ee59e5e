"""How fast the ledger is, beside what a user would write instead.

Run from the project folder::

    python benchmarks/ledger.py            # the real ledger, then a million facts
    python benchmarks/ledger.py 100000     # another number of facts

The large ledger is drawn from the real one: rows with replacement, each with an id and a value of its
own, so that lists, dates, notes and their shares stay real. Every contender gets a fresh process, so
that the peak memory is its own. "CPU" is processor time of the process and is the number to trust on
a busy machine.

What it cannot say: how fast a ledger with a million distinct sources or notes would be.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import ledger, paths
from helpers.ledger import store

FACTS = 1_000_000
REPEATS = 7
DAY, ENTITY, METRIC = "2024-06-30", "kuaishou", "dau"
TARGETS = {"first load": 3.0, "load": 3.0, "entity, metric, as_of": 0.05, "as_of": 0.05, "entity": 0.05}
MEMORY_MB = 2000
DAYS = ["period_start", "period_end", "as_of"]
NUMBERS = ["value", "value_high", "precision"]


def timed(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median wall and CPU seconds of `work`."""
    wall, cpu = [], []
    for _ in range(repeats):
        before, processor = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - before)
        cpu.append(time.process_time() - processor)
    return statistics.median(wall), statistics.median(cpu)


def fresh_load(folder: Path) -> ledger.Ledger:
    """Load without what an earlier load in this process left behind."""
    store._load.cache_clear()
    return ledger.load(folder)


def multiply(folder: Path, count: int) -> None:
    """Write a ledger of `count` facts drawn from the real one."""
    shutil.copytree(paths.LEDGER, folder, dirs_exist_ok=True)
    real = pd.read_csv(paths.LEDGER / "facts.csv", dtype=str, keep_default_na=False)
    generator = np.random.default_rng(0)
    facts = real.iloc[generator.integers(0, len(real), count)].reset_index(drop=True)
    facts["fact_id"] = [f"x{number:07d}" for number in range(count)]
    scale = 1 + generator.random(count)
    facts["value"] = facts["value"].astype(float) * scale
    facts["value_high"] = pd.to_numeric(facts["value_high"]) * scale
    facts.to_csv(folder / "facts.csv", index=False)


# --- the contenders: each gives a load and three queries ------------------------------------------


def by_ledger(folder: Path) -> tuple[Callable, dict[str, Callable]]:
    """The kit: every rule checked, two clocks, sorted by the day a fact was public."""

    def ask(**wanted: str) -> Callable:
        return lambda book: ledger.facts(book=book, **wanted)

    queries = {
        "entity, metric, as_of": ask(entity=ENTITY, metric=METRIC, as_of=DAY),
        "as_of": ask(as_of=DAY),
        "entity": ask(entity=ENTITY),
    }
    return lambda: fresh_load(folder), queries


def by_pandas(folder: Path) -> tuple[Callable, dict[str, Callable]]:
    """Plain pandas: read, parse the dates, filter by masks; nothing is checked."""

    def read() -> pd.DataFrame:
        table = pd.read_csv(folder / "facts.csv")
        for column in DAYS:
            table[column] = pd.to_datetime(table[column])
        return table

    day = pd.Timestamp(DAY)
    queries = {
        "entity, metric, as_of": lambda t: t[(t["entity"] == ENTITY) & (t["metric"] == METRIC) & (t["as_of"] <= day)],
        "as_of": lambda t: t[t["as_of"] <= day],
        "entity": lambda t: t[t["entity"] == ENTITY],
    }
    return read, queries


def by_pandera(folder: Path) -> tuple[Callable, dict[str, Callable]]:
    """The same with the closed lists, the key and the rules over columns checked by pandera."""
    import pandera.pandas as pa

    read, queries = by_pandas(folder)
    lists = {"entity": "entities", "metric": "metrics", "status": "statuses", "source_id": "sources"}
    known = {c: list(pd.read_csv(folder / f"{t}.csv").iloc[:, 0]) for c, t in lists.items()}
    schema = pa.DataFrameSchema(
        {
            "fact_id": pa.Column(unique=True),
            **{column: pa.Column(checks=pa.Check.isin(names)) for column, names in known.items()},
            "value": pa.Column(float),
            "precision": pa.Column(float, pa.Check.gt(0), nullable=True),
            "as_of": pa.Column("datetime64"),
        },
        checks=[
            pa.Check(lambda t: t["period_start"].isna() == t["period_end"].isna()),
            pa.Check(lambda t: ~(t["period_end"] < t["period_start"])),
            pa.Check(lambda t: ~(t["value_high"] < t["value"])),
            pa.Check(lambda t: t["unit"].str.startswith("money") == t["currency"].notna()),
        ],
    )
    return lambda: schema.validate(read(), lazy=True), queries


CONTENDERS = {"helpers.ledger": by_ledger, "pandas": by_pandas, "pandas + pandera": by_pandera}


def measure(name: str, folder: Path) -> None:
    """Print the seconds (wall, CPU) of each step and the peak memory; for a process of its own."""
    load, queries = CONTENDERS[name](folder)
    fresh_load(paths.LEDGER)  # what Python and its packages do once per process is not the question
    # the first load also asks the system for its memory, which a virtual machine hands out slowly
    found: dict[str, object] = {"first load": timed(load, 1), "load": timed(load, 3)}
    table = load()
    for query, ask in queries.items():
        ask(table)
        found[query] = timed(lambda ask=ask: ask(table), REPEATS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["MB"] = peak / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes here
    print(json.dumps(found))


def in_a_child(name: str, folder: Path) -> dict:
    command = [sys.executable, __file__, "--measure", name, str(folder)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def real_ledger() -> None:
    """The ledger as it is: in a warm process, and as a command of its own."""
    ledger.load()
    query = {"entity": ENTITY, "metric": METRIC, "as_of": DAY}
    wall, cpu = timed(lambda: ledger.facts(book=fresh_load(paths.LEDGER), **query), 15)
    print(f"real ledger, {len(ledger.load().facts)} facts: load, check and query")
    print(f"  warm process   {wall:6.3f} s wall  {cpu:6.3f} s CPU   (target 0.300)")
    for label, code in {
        "whole process": f"from helpers import ledger; ledger.facts(as_of='{DAY}')",
        "  pandas alone": "import pandas",
    }.items():
        wall, cpu = whole_process(code)
        print(f"  {label:14s} {wall:6.3f} s wall  {cpu:6.3f} s CPU")


def whole_process(code: str) -> tuple[float, float]:
    """Median wall and CPU seconds of a Python process that runs `code`."""

    def one() -> tuple[float, float]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - start, spent

    runs = [one() for _ in range(5)]
    return statistics.median(w for w, _ in runs), statistics.median(c for _, c in runs)


def large_ledger(count: int) -> None:
    """Print a table: CPU seconds per step, times the kit's, and whether the targets hold."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        multiply(folder, count)
        size = (folder / "facts.csv").stat().st_size / 1e6
        found = {name: in_a_child(name, folder) for name in CONTENDERS}
    print(f"\n{count:,} facts, {size:.0f} MB: wall / CPU seconds (CPU as a multiple of the kit's)")
    print(f"  {'':22s}" + "".join(f"{name:>30s}" for name in found) + f"{'target':>8s}")
    ours = found["helpers.ledger"]
    for step, target in TARGETS.items():
        cells = [f"{w:9.4f} /{c:8.4f} ({c / ours[step][1]:6.1f}x)" for w, c in (f[step] for f in found.values())]
        print(f"  {step:22s}" + "".join(f"{cell:>30s}" for cell in cells) + f"{target:8.2f}")
    cells = [f"{f['MB']:9.0f} ({f['MB'] / ours['MB']:6.1f}x)" for f in found.values()]
    print(f"  {'peak memory, MB':22s}" + "".join(f"{cell:>30s}" for cell in cells) + f"{MEMORY_MB:8d}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        real_ledger()
        large_ledger(int(sys.argv[1]) if sys.argv[1:] else FACTS)
