"""The same runs on real Dask workers, by address; and copies of reports in a second place."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from report_projects import folders, kept, project_in
from test_report_batch import SLOW, is_alive, wait_for

from helpers.reports import cluster as cluster_module
from helpers.reports import inputs, record
from helpers.reports.__main__ import main
from helpers.reports.batch import Options, run_all
from helpers.reports.provisioner import ReportProvisioner
from helpers.reports.runs import read_runs
from helpers.reports.store import Place, StoreError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals and /proc")


@contextlib.contextmanager
def process(project: Path, log: Path, *command: str) -> Iterator[subprocess.Popen]:
    env = {**os.environ, "HELPERS_PROJECT": str(project)}
    with (
        log.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
            env=env,
            stdout=file,
            stderr=file,
        ) as started,
    ):
        try:
            yield started
        finally:
            started.terminate()


def address_in(log: Path) -> str:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        if found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text() if log.exists() else ""):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[Path, str]]:
    """A project, and the address of a scheduler with two workers in it."""
    project = project_in(tmp_path / "project")
    with contextlib.ExitStack() as opened:
        scheduler = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")
        opened.enter_context(process(project, tmp_path / "scheduler.log", *scheduler))
        address = address_in(tmp_path / "scheduler.log")
        for number in range(2):
            worker = ("worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path))
            opened.enter_context(process(project, tmp_path / f"worker{number}.log", *worker))
        yield project, address


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_worker_killed_under_a_run_costs_one_start_and_leaves_nothing(cluster, capsys):
    project, address = cluster
    runs = "runs:\n  a: {notebook: fast}\n  b: {notebook: slow}\n  c: {notebook: fast, parameters: {n: 2}}"
    project_in(project, runs, fast=["n"], slow=[SLOW])
    command = [sys.executable, "-m", "helpers.reports", "--cluster", address]
    env = {**os.environ, "HELPERS_PROJECT": str(project)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as batch:
        kernel = int(wait_for(project / "pid"))
        zygote = parent_of(kernel)
        worker = parent_of(zygote)
        assert "spawn_main" in Path(f"/proc/{worker}/cmdline").read_text()  # as its nanny started it
        os.kill(worker, signal.SIGKILL)
        told = batch.communicate(timeout=120)[0]
    assert batch.returncode == 0, told
    assert not is_alive(kernel)
    assert not is_alive(zygote)
    for name in "abc":
        (folder,) = folders(project, name)
        assert {"report.html", "run.json", "result.json"} <= {path.name for path in folder.iterdir()}
    assert (project / "reports" / "index.html").exists()
    outcomes = run_all(read_runs(project / "notebooks"), project)  # here again: the cluster's reports count
    assert {one.record["status"] for one in outcomes} == {"unchanged"}
    assert [path.name for path in (project / "reports").glob(".staging*")] == []


def test_errors_and_other_versions_come_back_as_one_line(cluster, capsys, monkeypatch):
    project, address = cluster
    project_in(project, "runs:\n  a: {notebook: bad}", bad=["1 / 0"])
    assert main(["--cluster", address], project=project) == 1
    assert kept(folders(project, "a")[0])["error"]["type"] == "ZeroDivisionError"
    monkeypatch.setattr("helpers.reports.inputs.package_hash", lambda _: "another version")
    capsys.readouterr()
    assert main(["--cluster", address], project=project) == 1
    assert "a worker has another version of bad or of the package; bring it up to date" in capsys.readouterr().out


def test_no_cluster_at_the_address(tmp_path, capsys):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["1"])
    assert main(["--cluster", "tcp://127.0.0.1:9"], project=project) == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert not folders(project, "a")


# --- a second place


def test_reports_are_copied_and_a_folder_without_a_record_is_none_yet(tmp_path):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    assert main(["--to", "memory://kept"], project=project) == 0
    files = fsspec.filesystem("memory")
    (folder,) = folders(project, "a")
    there = {path.rpartition("/")[2] for path in files.ls(f"/kept/one/a/{folder.name}", detail=False)}
    assert there == {path.name for path in folder.iterdir()}
    assert files.cat("/kept/index.html") == (project / "reports" / "index.html").read_bytes()
    files.rm(f"/kept/one/a/{folder.name}/run.json")
    files.rm(f"/kept/one/a/{folder.name}/report.html")
    assert main(["--to", "memory://kept"], project=project) == 0  # a second call sends what is not whole there
    assert files.exists(f"/kept/one/a/{folder.name}/report.html")


def test_the_record_is_sent_last(tmp_path, monkeypatch):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    sent = []
    place = Place("memory://order")
    put = type(place._files).put_file
    monkeypatch.setattr(type(place._files), "put_file", lambda self, a, b, **k: (sent.append(b), put(self, a, b))[1])
    outcomes = run_all(read_runs(project / "notebooks"), project, Options())
    assert place.put(outcomes, project / "reports") == []
    reports = [name.rpartition("/")[2] for name in sent if "/one/a/" in name]
    assert reports[-1] == "run.json"
    assert len(reports) == len(set(reports)) == 5
    assert sent.index(next(name for name in sent if name.endswith("run.json"))) < len(sent) - 1  # the pages follow


@pytest.mark.parametrize(("url", "message"), [("nosuch://x", "nosuch"), ("s3://bucket/x", "s3fs")])
def test_a_place_that_means_nothing(tmp_path, capsys, url, message):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    with pytest.raises(StoreError, match=message):
        Place(url)
    assert main(["--to", url], project=project) == 2
    assert capsys.readouterr().err.startswith(f"error: --to {url}: ")


def test_a_place_that_cannot_be_reached_leaves_the_reports_here(tmp_path, capsys):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    (tmp_path / "file").write_text("in the way")
    assert main(["--to", str(tmp_path / "file")], project=project) == 1
    assert "was not reached, reports are here only" in capsys.readouterr().err
    assert (folders(project, "a")[0] / "report.html").exists()


@pytest.fixture
def zygotes_end() -> Iterator[None]:
    """What a worker keeps for its next run ends with the test here."""
    yield
    if ReportProvisioner.zygote is not None:
        ReportProvisioner.zygote.close()
        ReportProvisioner.zygote = None


def test_a_worker_prepares_for_one_project_at_a_time(tmp_path, zygotes_end):
    source = ["from helpers import paths\nprint(paths.PROJECT)"]
    for name in ("first", "second"):
        project = project_in(tmp_path / name, "runs:\n  a: {notebook: one}", one=source)
        (run,) = read_runs(project / "notebooks")
        wanted = record.sha256(run.path), inputs.package_hash(project)
        outcome = cluster_module.perform(run, project, wanted, {"reports": project / "reports", "token": name})
        assert f">{project}<" in (outcome.folder / "report.html").read_text(encoding="utf-8")


def test_a_lost_answer_does_not_make_the_report_twice(tmp_path, zygotes_end):
    """Dask runs a task again when the worker that held its answer has died."""
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    (run,) = read_runs(project / "notebooks")
    wanted = record.sha256(run.path), inputs.package_hash(project)
    options = {"reports": project / "reports", "token": "one"}
    first, second = (cluster_module.perform(run, project, wanted, options) for _ in range(2))
    assert (second.folder, second.record) == (first.folder, first.record)
    assert len(folders(project, "a")) == 1
    assert cluster_module.perform(run, project, wanted, {**options, "token": "two"}).folder != first.folder
