"""How fast the audit is and how its time grows, beside what a user would write instead.

Run from the project folder::

    python benchmarks/audit.py               # 2,000 to 128,000 facts
    python benchmarks/audit.py 300000        # one more size

The larger ledgers are the real one again and again under other names of companies and sources, so that
a company keeps its currency, its metrics and its share of slips; then under other names of sources only,
as where the same companies are followed by ever more documents. The contender is the obvious first
draft: a self-merge of all facts on one company, metric and period, with the ratio of every pair. It
compares sources and powers of ten and does nothing else: no growth, no sums, no definitions, no bounds,
no blame. A second one pairs the facts of one company and metric over all periods, which is what a slip
without a partner on the same day needs; it is quadratic in the length of a series. Seconds are
processor time of the process, the number to trust on a busy machine; each size runs in a fresh process.

What it cannot say: how fast a ledger of one company with a million periods would be.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from helpers import ledger
from helpers.audit import audit

SIZES = [2_000, 8_000, 32_000, 128_000]
WAYS = {
    "more companies": ["fact_id", "entity", "source_id"],
    "more documents on the same companies": ["fact_id", "source_id"],
}
TARGET, REPEATS = 1.0, 9
MOST_PAIRS = 40_000_000  # more do not fit into the memory of a small machine


def grown(count: int, way: str) -> pd.DataFrame:
    """The real ledger again and again, until there are `count` facts: other companies, or other documents."""
    facts = ledger.load().facts
    copies = []
    for number in range(-(-count // len(facts))):
        copy = facts.copy()
        for column in WAYS[way]:
            copy[column] = copy[column].astype(str) + f"~{number}"
        copies.append(copy)
    return pd.concat(copies, ignore_index=True).iloc[:count]


def by_audit(facts: pd.DataFrame) -> int:
    """The kit; returns the number of verdicts."""
    book = ledger.load()
    tables = {"identities": book.identities, "readings": book.readings, "bounds": book.bounds}
    return len(audit(facts, metrics=book.metrics, **tables).verdicts)


def by_merge(facts: pd.DataFrame, key: list[str]) -> int:
    """Every pair of facts with one key; returns the number of suspicious pairs."""
    levels = facts.loc[facts["measure"].eq("level"), ["fact_id", "value", *key]]
    levels = levels.astype(dict.fromkeys(("fact_id", "entity", "metric", "currency"), str))
    pairs = levels.merge(levels, on=key, suffixes=("", "_other"))
    pairs = pairs[pairs["fact_id"] < pairs["fact_id_other"]]
    with np.errstate(all="ignore"):
        power = np.log10((pairs["value"] / pairs["value_other"]).abs())
    return int(((power.round().abs() >= 1) & ((power - power.round()).abs() < 0.01)).sum())


KEYS = {
    "merge, one period": ["entity", "metric", "currency", "period_start", "period_end"],
    "merge, all periods": ["entity", "metric", "currency"],
}
CONTENDERS: dict[str, Callable[[pd.DataFrame], int]] = {
    "helpers.audit": by_audit,
    **{name: lambda facts, key=key: by_merge(facts, key) for name, key in KEYS.items()},
}


def pairs_of(facts: pd.DataFrame, key: list[str]) -> int:
    """Rows that a merge would make."""
    levels = facts[facts["measure"].eq("level")]
    return int((levels.groupby(key, observed=True).size() ** 2).sum())


def measure(name: str, way: str, count: int) -> None:
    """Print CPU seconds, facts and peak memory; for a process of its own."""
    facts = grown(count, way)
    if name in KEYS and pairs_of(facts, KEYS[name]) > MOST_PAIRS:
        print(json.dumps(None))
        return
    CONTENDERS[name](facts.iloc[:1000])  # what Python and its packages do once per process is not the question
    spent = []
    for _ in range(3 if count <= 10_000 else 1):
        before = time.process_time()
        CONTENDERS[name](facts)
        spent.append(time.process_time() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([min(spent), len(facts), peak / (1e6 if sys.platform == "darwin" else 1e3)]))


def in_a_child(name: str, way: str, count: int) -> list[float] | None:
    command = [sys.executable, __file__, "--measure", name, way, str(count)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def real_ledger() -> None:
    """The ledger as it is, in a warm process."""
    facts = ledger.load().facts
    by_audit(facts)
    spent = []
    for _ in range(REPEATS):
        before = time.process_time()
        by_audit(facts)
        spent.append(time.process_time() - before)
    print(f"real ledger, {len(facts)} facts: best {min(spent):.3f} s, median {np.median(spent):.3f} s CPU ", end="")
    print(f"of {REPEATS} runs (target {TARGET:.1f})")


def growth(way: str, sizes: list[int]) -> None:
    """Print seconds and microseconds per fact at each size, and each contender as a multiple of the kit."""
    print(f"\n{way}\n{'facts':>10s}" + "".join(f"{name:>34s}" for name in CONTENDERS))
    for count in sizes:
        found = {name: in_a_child(name, way, count) for name in CONTENDERS}
        ours = found["helpers.audit"][0]
        cells = []
        for result in found.values():
            if result is None:
                cells.append("too many pairs")
                continue
            seconds, facts, memory = result
            cells.append(
                f"{seconds:7.2f} s {1e6 * seconds / facts:5.0f} us/fact {memory:5.0f} MB {seconds / ours:4.2f}x"
            )
        print(f"{count:10,d}" + "".join(f"{cell:>34s}" for cell in cells))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        real_ledger()
        for way in WAYS:
            growth(way, [*SIZES, *map(int, sys.argv[1:])])
