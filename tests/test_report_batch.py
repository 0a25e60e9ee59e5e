"""Batches: what is passed over, tried again, ended, refused and resumed; each fault leaves one clear line."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from report_projects import folders, headline, kept, project_in, with_ledger

from helpers.reports import batch
from helpers.reports.__main__ import main
from helpers.reports.batch import Options, run_all
from helpers.reports.run import Outcome, execute
from helpers.reports.runs import read_runs

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals and /proc")


def states(project: Path, **options) -> dict[str, str]:
    """Run everything; state by run."""
    outcomes = run_all(read_runs(project / "notebooks"), project, Options(**options))
    return {one.run.name: one.record["status"] for one in outcomes}


def error_of(project: Path, run: str) -> str:
    found = kept(folders(project, run)[-1])["error"]
    return f"{found['type']}: {found['message']}"


# --- what is passed over


def test_what_has_not_changed_is_passed_over(tmp_path):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}\n  b: {notebook: two}", one=["1 + n"], two=["2 + n"])
    assert states(project) == {"a": "ok", "b": "ok"}
    assert states(project) == {"a": "unchanged", "b": "unchanged"}
    assert len(folders(project, "a")) == 1
    assert states(project, is_forced=True) == {"a": "ok", "b": "ok"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda p: project_in(p, one=["1 + n + 0"]), {"a": "ok", "b": "unchanged"}),
        (
            lambda p: project_in(p, "runs:\n  a: {notebook: one, parameters: {n: 2}}\n  b: {notebook: two}"),
            {"a": "ok", "b": "unchanged"},
        ),
        (lambda p: (p / "data" / "x.csv").write_text("v\n2\n"), {"a": "unchanged", "b": "ok"}),
        (lambda p: (p / "data" / "x.csv").unlink(), {"a": "unchanged", "b": "failed"}),
        (lambda p: (p / "data" / "other.csv").write_text("v\n2\n"), {"a": "unchanged", "b": "unchanged"}),
        (lambda p: (p / "requirements.lock").write_text("numpy==3\n"), {"a": "ok", "b": "ok"}),
    ],
    ids=["notebook", "parameter", "data file", "data file gone", "another data file", "lock"],
)
def test_a_changed_input_makes_its_runs_again(tmp_path, change, expected):
    read = "from helpers import paths\n(paths.DATA / 'x.csv').read_text()"
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}\n  b: {notebook: two}", one=["1 + n"], two=[read])
    (project / "data" / "x.csv").write_text("v\n1\n")
    assert states(project) == {"a": "ok", "b": "ok"}
    change(project)
    assert states(project) == expected


def test_a_file_outside_that_a_reader_finds_is_an_input_too(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("v\n1\n")
    read = f"from helpers import paths\npaths.find({str(own)!r}).read_text()"
    project = project_in(tmp_path / "p", "runs:\n  a: {notebook: one}", one=[read])
    assert states(project) == {"a": "ok"}
    assert list(kept(folders(project, "a")[0])["inputs"]["files"]) == [str(own)]
    own.write_text("v\n2\n")
    assert states(project) == {"a": "ok"}


def test_a_new_fact_makes_only_the_runs_that_asked_for_it(tmp_path):
    ask = "from helpers import ledger\nlen(ledger.facts(entity={!r}, as_of=as_of))"
    runs = (
        "runs:\n  a: {notebook: one}\n  b: {notebook: two}\n  old: {notebook: one, parameters: {as_of: 2020-01-01}}\n"
        "  all: {notebook: every}"
    )
    project = project_in(
        tmp_path, runs, one=[ask.format("kuaishou")], two=[ask.format("snap")], every=[ask.format(None)]
    )
    with_ledger(project)
    assert set(states(project).values()) == {"ok"}
    facts = project / "data" / "ledger" / "facts.csv"
    *_, line = (one for one in facts.read_text(encoding="utf-8").splitlines() if ",kuaishou,dau,level," in one)
    new = line.replace(line.split(",")[0], "f9999", 1)
    facts.write_text(facts.read_text(encoding="utf-8") + new + "\n", encoding="utf-8")
    assert states(project) == {"a": "ok", "b": "unchanged", "old": "unchanged", "all": "ok"}


# --- what is tried again


def test_a_dead_kernel_is_started_again_and_the_record_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "BACKOFF_SECONDS", 0.01)
    die_once = (
        "import os, pathlib\nmark = pathlib.Path(__import__('helpers.paths').paths.PROJECT / 'mark')\n"
        "if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), 9)"
    )
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=[die_once])
    assert states(project) == {"a": "ok"}
    (folder,) = folders(project, "a")
    assert kept(folder)["attempts"] == ["DeadKernelError: Kernel died"]


def test_attempts_end_and_an_error_of_the_notebook_is_not_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "BACKOFF_SECONDS", 0.01)
    runs = "defaults: {retries: 2}\nruns:\n  dies: {notebook: one}\n  fails: {notebook: two}"
    project = project_in(tmp_path, runs, one=["import os\nos.kill(os.getpid(), 9)"], two=["1 / 0"])
    assert states(project) == {"dies": "failed", "fails": "failed"}
    (dead,), (failed,) = folders(project, "dies"), folders(project, "fails")
    assert (len(kept(dead)["attempts"]), kept(failed)["attempts"]) == (2, [])
    assert "ZeroDivisionError" in (failed / "traceback.txt").read_text()


def test_a_data_file_replaced_while_a_run_reads_it_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "BACKOFF_SECONDS", 0.01)
    replace_once = (
        "from helpers import paths\nfile = paths.DATA / 'x.csv'\ntext = file.read_text()\n"
        "if '1' in text:\n    aside = paths.PROJECT / 'x'\n    aside.write_text('v\\n2\\n')\n"
        "    aside.replace(file)\ntext"
    )
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=[replace_once])
    (project / "data" / "x.csv").write_text("v\n1\n")
    assert states(project) == {"a": "ok"}
    (attempt,) = kept(folders(project, "a")[0])["attempts"]
    assert attempt == "InputChangedError: data/x.csv was replaced or written to while the run was reading it"


# --- what is ended or refused


@pytest.mark.parametrize(
    ("source", "entry", "message"),
    [
        ("while True:\n    pass", "minutes: 0.02", "TimeLimitError: the run was ended after 0.02 minutes"),
        ("for _ in range(1000):\n    print('x' * 100_000)", "", "OSError: this run has printed more than 2,000,000"),
        (
            "from IPython.display import HTML, display\nfor _ in range(60):\n    display(HTML('x' * 1_000_000))",
            "",
            "OutputLimitError: the run has shown more than 50,000,000 bytes",
        ),
        (
            "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)",
            "",
            r"PermissionError: a report run has no network \(192.0.2.1:80\); `online: true`",
        ),
        ("import socket\nsocket.socket().bind(('127.0.0.1', 0))", "", "PermissionError: a report run has no network"),
        (
            "import urllib.request\nurllib.request.urlopen('http://example.org')",
            "",
            r"URLError: <urlopen error a report run has no network \(example.org:80\)",
        ),
    ],
    ids=["endless", "printed", "shown", "connects", "listens", "fetches"],
)
def test_a_run_that_goes_wrong_leaves_one_line_and_the_others_go_on(tmp_path, capsys, source, entry, message):
    runs = f"runs:\n  bad: {{notebook: one, {entry}}}\n  good: {{notebook: two}}"
    project = project_in(tmp_path, runs.replace(", }", "}"), one=[source], two=["1"])
    assert main([], project=project) == 1
    assert re.search(message, error_of(project, "bad"))
    lines = [line for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert len(lines) == 1
    assert "traceback.txt" in lines[0]
    assert (folders(project, "good")[0] / "report.html").exists()


def test_an_allowed_run_may_use_the_network_and_is_never_passed_over(tmp_path):
    serve = (
        "import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', 0))\nserver.listen()\n"
        "socket.create_connection(server.getsockname()).close()"
    )
    project = project_in(tmp_path, "runs:\n  a: {notebook: one, online: true}", one=[serve])
    assert states(project) == {"a": "ok"}
    assert states(project) == {"a": "ok"}


def test_secrets_of_the_environment_reach_no_kernel_and_no_report(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_TOKEN", "s3cr3t-planted-value")
    look = (
        "import os, pathlib\nprint(sorted(os.environ.items()))\n"
        "print(pathlib.Path('/proc/self/environ').read_bytes() if os.path.exists('/proc/self/environ') else b'')"
    )
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=[look])
    assert states(project) == {"a": "ok"}
    files = [path for path in (project / "reports").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path.name for path in files if b"s3cr3t-planted-value" in path.read_bytes()]
    assert "HELPERS_PROJECT" in (folders(project, "a")[0] / "executed.ipynb").read_text()


def test_a_secret_that_a_run_asks_for_and_prints_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_TOKEN", "s3cr3t-planted-value")
    entry = "runs:\n  a: {notebook: one, env: [PLANTED_TOKEN]}\n  b: {notebook: two, env: [PLANTED_TOKEN]}"
    show = "import os\nprint(os.environ['PLANTED_TOKEN'])"
    project = project_in(tmp_path, entry, one=[show], two=["import os\nlen(os.environ['PLANTED_TOKEN'])"])
    assert states(project) == {"a": "failed", "b": "ok"}
    message = (
        "SecretError: the value of PLANTED_TOKEN stands in executed.ipynb, report.html; nothing of this run was kept"
    )
    assert error_of(project, "a") == message
    files = [path for path in (project / "reports").rglob("*") if path.is_file()]
    assert not [path.name for path in files if b"s3cr3t-planted-value" in path.read_bytes()]


# --- order, fail-fast


def test_runs_wait_for_others_and_are_not_started_after_a_failure(tmp_path):
    order = "from helpers import paths\nwith open(paths.PROJECT / 'order', 'a') as f:\n    f.write(f'{n} ')"
    runs = (
        "runs:\n  third: {notebook: one, parameters: {n: 3}, after: [second]}\n"
        "  second: {notebook: one, parameters: {n: 2}, after: [first]}\n  first: {notebook: one}\n"
        "  bad: {notebook: two}\n  never: {notebook: one, parameters: {n: 9}, after: [bad]}"
    )
    project = project_in(tmp_path, runs, one=[order], two=["1 / 0"])
    expected = {"third": "ok", "second": "ok", "first": "ok", "bad": "failed", "never": "skipped"}
    assert states(project) == expected
    assert (project / "order").read_text() == "1 2 3 "


def test_failing_fast_starts_no_other_run(tmp_path, capsys):
    runs = "runs:\n  a: {notebook: bad}\n  b: {notebook: good}\n  c: {notebook: good}"
    project = project_in(tmp_path, runs, bad=["1 / 0"], good=["1"])
    assert main(["--fail-fast", "--jobs", "1"], project=project) == 1
    told = capsys.readouterr().out
    assert told.count("not started: another run failed before it") == 4  # a line and a row of the summary for each
    assert not folders(project, "b")


# --- crashes, two batches, a full disk


def start(project: Path, *arguments: str) -> subprocess.Popen:
    env = {**os.environ, "HELPERS_PROJECT": str(project)}
    command = [sys.executable, "-m", "helpers.reports", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(path: Path, seconds: float = 40) -> str:
    until = time.monotonic() + seconds
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return path.read_text()


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


SLOW = (
    "import os, pathlib, time\nfrom helpers import paths\nmark = paths.PROJECT / 'pid'\n"
    "if not mark.exists():\n    mark.write_text(str(os.getpid()))\n    time.sleep(60)"
)


@linux
@pytest.mark.parametrize("is_forking", [True, False], ids=["forked", "plain"])
def test_a_killed_batch_leaves_no_kernel_and_is_resumed(tmp_path, monkeypatch, is_forking):
    if not is_forking:
        monkeypatch.setenv("HELPERS_FORK", "no")
    project = project_in(tmp_path, "runs:\n  a: {notebook: fast}\n  b: {notebook: slow}", fast=["1"], slow=[SLOW])
    process = start(project, "--jobs", "1")
    pid = int(wait_for(project / "pid"))
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)
    assert not folders(project, "b")
    assert [path.name for path in (project / "reports" / "fast" / "a").iterdir()] == [folders(project, "a")[0].name]
    assert states(project) == {"a": "unchanged", "b": "ok"}
    assert [path.name for path in (project / "reports").glob(".staging*")] == []


@linux
def test_a_killed_kernel_costs_one_attempt(tmp_path):
    project = project_in(tmp_path, "runs:\n  b: {notebook: slow}", slow=[SLOW])
    process = start(project)
    os.kill(int(wait_for(project / "pid")), signal.SIGKILL)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert "again     b in 1 s: DeadKernelError: Kernel died" in told
    assert len(folders(project, "b")) == 1


@linux
def test_two_batches_at_once_make_each_report_once(tmp_path):
    wait = "import time\ntime.sleep(3)"
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}\n  b: {notebook: two}", one=[wait], two=[wait])
    both = [start(project), start(project)]
    told = [process.communicate(timeout=90)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [len(folders(project, name)) for name in "ab"] == [1, 1]
    assert sum(one.count("another batch is making it") for one in told) == 2
    assert sum(one.count("\nunchanged") + one.count("  unchanged ") for one in told) >= 2


def test_a_full_disk_is_one_line_and_earlier_reports_stand(tmp_path, monkeypatch, capsys):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    assert main([], project=project) == 0
    before = (folders(project, "a")[0] / "report.html").read_bytes()
    project_in(project, one=["n + 1"])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("helpers.reports.record.write_json", full)
    capsys.readouterr()
    assert main([], project=project) == 1
    told = capsys.readouterr()
    assert told.out.count("OSError: No space left on device") == 2  # its line, and its row of the summary
    assert "the state of the batch could not be written: No space left on device" in told.err
    (folder,) = folders(project, "a")
    assert (folder / "report.html").read_bytes() == before
    assert [path.name for path in (project / "reports").glob(".staging*")] == []


def test_a_run_is_performed_by_whoever_is_asked(tmp_path):
    """The seam by which a cluster takes runs over."""
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    asked = []

    def perform(run, project, **options) -> Outcome:
        asked.append((run.name, options["is_last"], threading.current_thread() is threading.main_thread()))
        return execute(run, project, **options)

    assert states(project, perform=perform) == {"a": "ok"}
    assert asked == [("a", False, False)]


def test_the_summary_tells_every_run(tmp_path, capsys):
    project = project_in(
        tmp_path, "runs:\n  a: {notebook: one}\n  b: {notebook: two}", one=[headline("1.0")], two=["1/0"]
    )
    assert main([], project=project) == 1
    project_in(project, one=[headline("2.0")])
    capsys.readouterr()
    assert main([], project=project) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = rows[rows.index(["run", "state", "seconds", "tries", "what"]) :]
    assert table[1][:2] == ["a", "ok"]
    assert " ".join(table[1][4:]).startswith("1 headline number changed since")
    assert table[2][:2] == ["b", "failed"]
    assert " ".join(table[2][4:]) == "cell 2: ZeroDivisionError: division by zero"
