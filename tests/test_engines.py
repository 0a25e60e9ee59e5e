"""The same order rows on DuckDB and on a real Spark cluster: a master, a worker and its executors over loopback.

Spark lies in ``.venv/engines`` (`make test` puts it there), so its client runs in a process of its own.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from helpers import datasets
from helpers.errors import HelpersError

ENGINES = Path(sys.prefix) / "engines"
SPARK = ENGINES / "pyspark"
LOOPBACK = "127.0.0.1"
PATIENCE = 120  # seconds; a cluster on a busy machine needs 10
SMALL = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a JVM that starts fast and lives shortly

COLUMNS = {"unit": "shop", "time": "paid_at", "stored_in": "UTC"}
MOMENTS = {"unit": "shop", "time": "moment"}
FROM = date(2025, 11, 3)
SOME_DAYS = {"first": "2025-11-01", "last": "2025-11-11"}
SOME_ROWS = {"status": ["paid", "refunded"], "shop_number": 3}
CASES = {
    "decimals": {**COLUMNS, "value": "amount", "orders": "order_id", "buyers": "buyer"},
    "whole numbers of moments": {**MOMENTS, "value": "fen"},
    "floats of local times": {**COLUMNS, "unit": "shop_number", "value": "weight", "stored_in": "Asia/Shanghai"},
    "different buyers on some days": {**COLUMNS, "value": "buyer", "measure": "nunique", **SOME_DAYS},
    "some rows from a day on": {**MOMENTS, "value": "", "measure": "count", "first": FROM, "where": SOME_ROWS},
}
WRONG = {
    "column": {**COLUMNS, "value": "gmv"},
    "source": {**COLUMNS, "value": "amount", "source": "nowhere"},
    "nothing": {**COLUMNS, "value": "amount", "first": "2026-01-01", "where": {"shop_number": 99}},
}
CLIENT = """
import os, pickle, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()  # ends with its parent
from helpers import datasets
from helpers.datasets import engines
from helpers.errors import HelpersError

def ask(engine, source, case):
    try:
        return datasets.daily_panel(**{"source": source, **case}, engine=engine)
    except HelpersError as error:
        return type(error).__name__, str(error)

with open("asked.pickle", "rb") as file:
    url, source, cases = pickle.load(file)
with engines.connected(url) as spark:  # the session that the same address finds below, and leaves open
    found = {name: ask(url, source, case) for name, case in cases.items()}
    rows = spark.read_parquet(source, table_name="orders")
    found["a table"] = ask(spark, "orders", cases["decimals"])
with open("found.pickle", "wb") as file:
    pickle.dump(found, file)
"""


def order_rows(count: int = 20_000) -> arrow.Table:
    """Simulated order rows with gaps in every column; 5 of 1000 have no unit, no time, no value."""
    rng = np.random.default_rng(20251111)
    shops = rng.integers(1, 41, count)
    seconds = rng.integers(0, 40 * 86_400, count)
    moments = np.datetime64("2025-10-10", "us") + (seconds * 1_000_000 + rng.integers(0, 10**6, count)).astype("m8[us]")
    fen = rng.integers(-5_000, 90_000, count)
    lost = [rng.random(count) < 0.005 for _ in range(3)]
    times = arrow.array(moments, mask=lost[1])
    cents = arrow.array(fen, mask=lost[2])
    return arrow.table(
        {
            "shop": arrow.array([f"店_{shop}" for shop in shops], mask=lost[0]),
            "shop_number": shops,
            "paid_at": times,
            "moment": times.cast(arrow.timestamp("us", "UTC")),
            "amount": arrow.array((fen / 100).round(2), mask=lost[2]).cast(arrow.decimal128(12, 2)),
            "fen": cents,
            "weight": arrow.array(rng.lognormal(0, 3, count), mask=lost[2]),
            "order_id": rng.integers(0, count // 2, count),
            "buyer": arrow.array([f"b{n}" for n in rng.integers(0, 300, count)], mask=lost[0]),
            "status": rng.choice(["paid", "refunded", "cancelled"], count),
        }
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    """The rows in three files, as a pattern."""
    folder, rows = tmp_path_factory.mktemp("orders"), order_rows()
    for number in range(3):
        parquet.write_table(rows.slice(number * 7_000, 7_000), folder / f"part_{number}.parquet")
    return str(folder / "part_*.parquet")


# --- a cluster ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """A running cluster and what its processes say."""

    url: str
    env: dict[str, str]
    logs: Path

    def says(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def missing() -> str:
    """What a Spark cluster lacks here; empty if nothing."""
    if not SPARK.is_dir():
        return "no Spark here: `make test` installs tests/engines.lock"
    if not shutil.which("bash"):
        return "no bash here: Spark's own start script needs it"
    try:
        told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        return "no Java here: Spark needs Java 17 or newer"
    version = re.search(r'version "(\d+)', told)
    return "" if version and int(version[1]) >= 17 else f"Spark needs Java 17 or newer, here is {told.splitlines()[0]}"


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return server.getsockname()[1]


@contextmanager
def daemon(logs: Path, env: dict[str, str], name: str, *arguments: str) -> Iterator[subprocess.Popen]:
    """A process of Spark; it ends with this one, however that ends, as its guard's input closes then."""
    guard = 'exec 3<&0; "$@" </dev/null & cat <&3 >/dev/null; kill $!; wait $!'
    command = ["bash", "-c", guard, "guard", str(SPARK / "bin" / "spark-class"), *arguments]
    with (logs / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=logs
        )
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A Spark master with one worker, as processes of their own."""
    if lacking := missing():
        pytest.skip(lacking)
    logs, port = tmp_path_factory.mktemp("spark"), free_port()
    env = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_", "HELPERS_"))},
        "PYTHONPATH": str(ENGINES), "PYTHONWARNINGS": "ignore", "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(SPARK), "SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_DIRS": str(logs),
        "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": SMALL,
    }  # fmt: skip
    settings = {
        "spark.master": f"spark://{LOOPBACK}:{port}",
        "spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK, "spark.driver.memory": "512m",
        "spark.driver.extraJavaOptions": SMALL, "spark.executor.extraJavaOptions": SMALL,
        "spark.executor.memory": "512m", "spark.cores.max": 2, "spark.executor.cores": 1,
        "spark.sql.shuffle.partitions": 2, "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than these few rows
        "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
    }  # fmt: skip
    running = Cluster(f"pyspark://?{urlencode(settings)}", env, logs)
    address = ["--host", LOOPBACK, "--webui-port", "0"]
    master = ["org.apache.spark.deploy.master.Master", *address, "--port", str(port)]
    worker = ["org.apache.spark.deploy.worker.Worker", *address, "-c", "2", "-m", "1g", "-d", str(logs)]
    with daemon(logs, env, "master", *master) as process:
        wait_for(running, process, "master", "New state: ALIVE")
        with daemon(logs, env, "worker", *worker, settings["spark.master"]) as process:
            wait_for(running, process, "worker", "Successfully registered with master")
            yield running


def wait_for(running: Cluster, process: subprocess.Popen, name: str, words: str) -> None:
    end = time.monotonic() + PATIENCE
    while words not in running.says(name):
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"Spark's {name} did not start:\n{running.says(name)[-2000:]}")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def answers(cluster, source) -> dict[str, object]:
    """What the cluster answers to every case; an error is an answer too."""
    asked = (cluster.url, source, CASES | WRONG)
    (cluster.logs / "asked.pickle").write_bytes(pickle.dumps(asked))
    command = [sys.executable, "-c", CLIENT]
    with (
        (cluster.logs / "client.log").open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=cluster.env, cwd=cluster.logs
        ) as client,
    ):
        try:
            client.wait(PATIENCE)
        finally:
            client.stdin.close()
    assert client.returncode == 0, cluster.says("client")[-3000:]
    return pickle.loads((cluster.logs / "found.pickle").read_bytes())


# --- both engines -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_spark_and_duckdb_agree(answers, source, case):
    here = datasets.daily_panel(source, **CASES[case])
    there = answers[case]
    # whole numbers and decimals are exact; floats are added in another order
    pd.testing.assert_frame_equal(there.table, here.table, check_exact="floats" not in case, rtol=1e-9, atol=0)
    assert there.checks == here.checks
    assert len(here.table) > 10


def test_a_table_of_spark_is_as_good_as_files(answers):
    assert answers["a table"].table.equals(answers["decimals"].table)


def test_the_planted_gaps_are_counted(answers):
    rows = order_rows()
    counted = {check.name: check.value for check in answers["decimals"].checks}
    assert counted["rows_read"] == len(rows)
    assert counted["rows_without_unit"] == rows["shop"].null_count > 50
    assert counted["rows_without_time"] == rows["paid_at"].null_count > 50
    assert counted["rows_without_value"] == rows["amount"].null_count > 50
    total = rows.filter(arrow.compute.and_(rows["shop"].is_valid(), rows["paid_at"].is_valid()))["fen"]
    assert answers["whole numbers of moments"].table["value"].sum() == arrow.compute.sum(total).as_py()


def test_the_work_was_done_by_executors(answers, cluster):
    assert len(re.findall(r"Launching executor app-\S+ on worker", cluster.says("master"))) >= 2
    assert "CoarseGrainedExecutorBackend" in cluster.says("worker")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("column", "column 'gmv' is missing; there are: shop, shop_number, paid_at"),
        ("source", "pyspark has no such table; it has: .*; a file ends in .parquet"),
        ("nothing", "no row with a unit and a time is left of 0 rows read from 2026-01-01"),
    ],
)
def test_spark_refuses_like_duckdb(answers, case, message):
    kind, text = answers[case]
    assert kind == "DataError"
    assert re.search(message, text)


def test_a_dead_master_is_named_at_once(source):
    url = f"pyspark://?spark.master=spark://{LOOPBACK}:{free_port()}"
    with pytest.raises(
        HelpersError, match=r"engine pyspark:// does not answer: 127\.0\.0\.1:\d+ \(Connection refused\)"
    ):
        datasets.daily_panel(source, **CASES["decimals"], engine=url)


def test_a_missing_engine_is_named(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.delitem(sys.modules, "ibis.backends.pyspark", raising=False)
    with pytest.raises(HelpersError, match="engine 'pyspark' is not installed: install the package pyspark"):
        datasets.daily_panel(source, **CASES["decimals"], engine="pyspark://?spark.master=local")
