"""What it costs to sum order rows to a daily panel, beside the same question in DuckDB's own SQL.

Run from the project folder::

    python benchmarks/orders.py               # 100 million rows of 10,000 units over 400 days
    python benchmarks/orders.py 5000000 90    # other numbers of rows and days

The rows are simulated and written to a temporary folder as 20 Parquet files, one after the other in
time as order tables are; amounts are decimals with refunds among them, times are UTC and the days
those of Shanghai. Three contenders: `helpers.datasets.daily_panel`; the same SQL straight to DuckDB,
whose answer stays an unsorted Arrow table (the least that can be done, and what the target is held
against); and what a user would write, sums by unit and day in order as a pandas table. Each run is a
fresh process with all cores; the best of three is shown. Seconds of processor time of the process are
the number to trust on a busy machine; memory is the process's peak.

What it cannot say: how fast a disk is. The files are in the memory of the operating system after the
first run, where there is room.
"""

from __future__ import annotations

import importlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as arrow

from helpers import datasets

ROWS, DAYS, UNITS, FILES = 100_000_000, 400, 10_000, 20
TARGET, MOST_MEMORY, REPEATS = 1.3, 4_000, 3
BYTES_A_ROW = 20  # on disk, generous

ORDERS = """
COPY (
    SELECT
        'shop_' || lpad((hash(i, 1) % {units})::VARCHAR, 5, '0') AS shop,
        TIMESTAMP '2025-01-01' + to_microseconds((({start} + hash(i, 2) % {length}) * 1000)::BIGINT) AS paid_at,
        CAST(((hash(i, 3) % 60000)::BIGINT - 5000) / 100 AS DECIMAL(12, 2)) AS amount,
        hash(i, 4) % 5000000 AS buyer
    FROM range({first}, {last}) AS rows(i)
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
SAME = """
SELECT shop AS unit, CAST(paid_at + INTERVAL 480 MINUTE AS DATE) AS date,
    count(*) AS rows, count(amount) AS filled, sum(amount) AS value
FROM read_parquet('{files}') GROUP BY 1, 2
"""
SORTED = """
SELECT shop AS unit, CAST(paid_at + INTERVAL 8 HOUR AS DATE) AS date, sum(amount) AS value, count(*) AS rows
FROM read_parquet('{files}') GROUP BY 1, 2 ORDER BY 1, 2
"""


def write_orders(folder: Path, rows: int, days: int) -> None:
    """Simulated order rows, each file its own stretch of time."""
    connection = duckdb.connect()
    length = days * 86_400_000 // FILES  # milliseconds
    for number in range(FILES):
        first, last = rows * number // FILES, rows * (number + 1) // FILES
        file = folder / f"orders_{number:02d}.parquet"
        query = ORDERS.format(units=UNITS, start=number * length, length=length, first=first, last=last, file=file)
        connection.execute(query)


def by_helpers(files: str) -> pd.DataFrame:
    """The kit."""
    return datasets.daily_panel(files, unit="shop", time="paid_at", value="amount", stored_in="UTC").table


def by_same_sql(files: str) -> arrow.Table:
    """The least that can be done."""
    return duckdb.connect().sql(SAME.format(files=files)).to_arrow_table()


def by_sorted_sql(files: str) -> pd.DataFrame:
    """What a user would write."""
    return duckdb.connect().sql(SORTED.format(files=files)).df()


CONTENDERS: dict[str, Callable[[str], pd.DataFrame | arrow.Table]] = {
    "helpers.datasets": by_helpers,
    "same SQL, Arrow": by_same_sql,
    "sorted SQL, pandas": by_sorted_sql,
}


def measure(name: str, files: str) -> None:
    """Print CPU and wall seconds, peak memory, unit-days and total; for a process of its own."""
    importlib.import_module("ibis").duckdb.connect()  # what packages do once per process is not the question
    wall, cpu = time.perf_counter(), time.process_time()
    found = CONTENDERS[name](files)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    total = np.asarray(found["value"], dtype=float).sum()
    print(json.dumps([cpu, wall, peak, len(found), round(total)]))


def in_a_child(*arguments: str) -> list[float]:
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout or "null")


def compare(rows: int, days: int) -> None:
    """Write the rows, ask each contender in turn, print a table."""
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < BYTES_A_ROW * rows:
            sys.exit(f"{rows:,} rows need {BYTES_A_ROW * rows / 1e9:.0f} GB of temporary space in {folder}")
        in_a_child("--write", folder, str(rows), str(days))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        print(f"simulated: {rows:,} order rows, {UNITS:,} units, {days} days, {FILES} files, {size / 1e6:,.0f} MB")
        runs: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
        for _ in range(REPEATS):
            for name, found in runs.items():
                found.append(in_a_child("--measure", name, f"{folder}/*.parquet"))
    answers = {tuple(run[3:]) for found in runs.values() for run in found}
    if len(answers) > 1:
        sys.exit(f"the contenders disagree (unit-days, total): {answers}")
    base = [min(column) for column in zip(*runs["same SQL, Arrow"], strict=True)]
    print(f"{'':20s}{'CPU s':>8s}{'ratio':>7s}{'wall s':>8s}{'ratio':>7s}{'peak MB':>9s}")
    for name, found in runs.items():
        (cpu, wall), peak = (min(run[i] for run in found) for i in (0, 1)), max(run[2] for run in found)
        print(f"{name:20s}{cpu:8.1f}{cpu / base[0]:7.2f}{wall:8.1f}{wall / base[1]:7.2f}{peak:9,.0f}")
    print(f"{answers.pop()[0]:,} unit-days; target: ratio at most {TARGET}, peak below {MOST_MEMORY:,} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:])
    elif sys.argv[1:2] == ["--write"]:
        write_orders(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        given = [int(argument) for argument in sys.argv[1:]]
        compare(*given, *(ROWS, DAYS)[len(given) :])
