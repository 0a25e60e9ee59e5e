"""What docs/schedules and the workflow call exists, and says what the command understands."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from helpers.reports.__main__ import _parser
from helpers.reports.runs import CADENCES, read_runs

PROJECT = Path(__file__).parents[1]
SCHEDULES = PROJECT / "docs" / "schedules"
TEXTS = [PROJECT / "docs" / "scheduling.md", PROJECT / "README.md", *sorted(SCHEDULES.iterdir())]
TEXTS += [PROJECT / ".github" / "workflows" / "reports.yml"]
CALL = re.compile(r"(?:python -m helpers\.reports|make (?:-s )?reports)(?P<rest>[^\n#`|]*)")


def calls() -> list[tuple[str, str]]:
    found = []
    for path in (path for path in TEXTS if path.is_file()):
        for match in CALL.finditer(path.read_text(encoding="utf-8")):
            rest = match["rest"].split(">>")[0].split("&&")[0]
            asked = re.search(r'ARGS="([^"]*)"', rest)
            found.append((path.name, asked[1] if asked else rest if "-m helpers" in match[0] else ""))
    return found


def test_every_call_in_the_documents_is_understood():
    asked = [(name, words) for name, words in calls() if "--" in words]
    assert len(asked) >= 6
    for _, words in asked:
        _parser().parse_args(shlex.split(words.strip().strip(".;,)")))  # exits on an option that it does not know


def test_targets_of_make_exist():
    targets = set(re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        word
        for path in TEXTS
        if path.is_file()
        for word in re.findall(r"\bmake (?:-s )?(\w+)", path.read_text(encoding="utf-8"))
        if path.name != "README.md"
    }
    assert {"reports", "changes"} <= named
    assert named <= targets


def test_the_workflow_keeps_the_nights_before_and_uploads_in_any_case():
    flow = yaml.safe_load((PROJECT / ".github" / "workflows" / "reports.yml").read_text(encoding="utf-8"))
    steps = flow["jobs"]["reports"]["steps"]
    cached = [step["with"]["path"].split() for step in steps if step.get("uses", "").startswith("actions/cache")]
    assert ["reports"] in cached
    assert [step["if"] for step in steps if "upload-artifact" in step.get("uses", "")] == ["always()"]
    assert flow[True]["schedule"][0]["cron"] == "30 19 * * *"  # YAML reads the key `on` as true


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("reports.service", {("Service", "ExecStart"), ("Service", "WorkingDirectory"), ("Service", "Type")}),
        ("reports.timer", {("Timer", "OnCalendar"), ("Timer", "Persistent"), ("Install", "WantedBy")}),
    ],
)
def test_units_have_what_systemd_needs(file, keys):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read(SCHEDULES / file)
    assert keys <= {(section, key) for section in unit.sections() for key in unit[section]}


def test_the_crontab_has_five_fields_and_a_command():
    (line,) = [one for one in (SCHEDULES / "crontab").read_text().splitlines() if re.match(r"[\d*]", one)]
    assert re.fullmatch(r"(\S+ ){5}cd .*make reports.*", line)


@pytest.fixture
def dag(monkeypatch):
    """The DAG's file without Airflow: no project folder, so no DAG is made."""
    monkeypatch.setenv("RESEARCH_KIT", "no-such-folder")
    spec = importlib.util.spec_from_file_location("airflow_reports", SCHEDULES / "airflow_reports.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dag_reads_the_runs_of_each_cadence_from_the_command(dag, monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command)
        runs = [{"name": one.name} for one in read_runs(PROJECT / "notebooks") if one.cadence == command[-1]]
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps(runs))

    monkeypatch.setattr(subprocess, "run", run)
    names = {one["name"] for cadence in dag.CADENCES for one in dag.runs_of(cadence)}
    assert names == {one.name for one in read_runs(PROJECT / "notebooks") if one.cadence != "manual"}
    assert set(dag.CADENCES) == set(CADENCES) - {"manual"}
    for command in asked:
        _parser().parse_args(command[command.index("helpers.reports") + 1 :])
