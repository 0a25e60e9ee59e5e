"""runs.yml: a matrix expands and names its runs; order, limits and odd YAML are checked before anything starts."""

from __future__ import annotations

import json

import pytest
from report_projects import project_in

from helpers.errors import ParameterError
from helpers.reports.__main__ import main
from helpers.reports.matrix import expand
from helpers.reports.runs import on_day, read_runs

CELL = ["n"]


def runs_of(tmp_path, text: str, **notebooks):
    return read_runs(project_in(tmp_path, text, one=CELL, two=CELL, **notebooks) / "notebooks")


def test_a_matrix_is_every_combination_by_name(tmp_path):
    text = """\
defaults: {minutes: 5}
runs:
  size:
    cadence: weekly
    matrix:
      notebook: [one, two]
      n: [1, 2]
      scenario: {then: {as_of: 2024-12-31}, now: {as_of: ""}}
      exclude: [{notebook: two, scenario: then}, {n: 2, scenario: then}]
"""
    runs = runs_of(tmp_path, text)
    assert [run.name for run in runs] == [
        "size-one-1-then", "size-one-1-now", "size-one-2-now", "size-two-1-now", "size-two-2-now",
    ]  # fmt: skip
    first = runs[0]
    assert (first.notebook, first.parameters, first.cadence) == ("one", {"n": 1, "as_of": "2024-12-31"}, "weekly")
    assert {run.minutes for run in runs} == {5}


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("[1]", "matrix:` has to be a mapping"),
        ("{exclude: [{n: 1}]}", "matrix:` has to be a mapping"),
        ("{n: 1}", "n has to be a list of values, or a mapping of names to parameters"),
        ("{n: []}", "n has to be a list of values"),
        ("{n: [1, 1]}", "n has the value 1 twice"),
        ("{n: [0.1 to 0.2]}", r"n: '0.1 to 0.2' cannot be part of a run's name; write `n: \{a_name: \{parameter:"),
        ("{n: ['../x']}", "cannot be part of a run's name"),
        ("{n: [1], exclude: [{n: 2}]}", "exclude names n: 2, which is no value of the matrix"),
        ("{n: [1, 2], s: {a: {}}, exclude: [{n: 1}, {n: 1, s: a}], m: 1}", "m has to be a list"),
        ("{n: [1, 2], exclude: [3]}", "`exclude:` has to be a list of mappings"),
        ("{n: [1, 99]}", "parameter n is 99, but has to be between 1 and 9"),
        ("{n: [1], s: {a: {n: 2}}}", "s gives 'n', which is given elsewhere too"),
        ("{wrong: [1]}", "unknown parameter 'wrong'"),
    ],
)
def test_a_wrong_matrix_is_one_line(tmp_path, matrix, message):
    with pytest.raises(ParameterError, match=message) as raised:
        runs_of(tmp_path, f"runs:\n  a: {{notebook: one, matrix: {matrix}}}")
    assert str(raised.value).startswith("runs.yml, run a: ")
    assert "\n" not in str(raised.value)


def test_an_exclusion_that_leaves_nothing_out_and_too_many_runs():
    many = {"matrix": {axis: list(range(10)) for axis in "abcd"}}
    with pytest.raises(ParameterError, match="10,000 runs; at most 1,000"):
        list(expand("a", many))
    shadowed = {"matrix": {"n": [1, 2], "m": [1], "exclude": [{"n": 1, "m": 1}, {"n": 1}]}}
    assert [name for name, _ in expand("a", shadowed)] == ["a-2-1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {notebook: one, after: [b]}\n  b: {notebook: one, after: [a]}", "runs wait for each other: "),
        ("a: {notebook: one, after: [a]}", "runs wait for each other: a after a"),
        ("a: {notebook: one, after: [z]}", "after names 'z', which is no run"),
        ("a: {notebook: one, after: b}", "after has to be a list of names"),
        ("a: {notebook: one, minutes: 0}", "minutes is 0, but has to be a number between 0.01 and 1440"),
        ("a: {notebook: one, minutes: true}", "minutes is True, but has to be a number"),
        ("a: {notebook: one, retries: 1.5}", "retries is 1.5, but has to be a number between 0 and 10"),
        ("a: {notebook: one, online: 'yes'}", "online is 'yes', but has to be true or false"),
        ("a: {notebook: one, env: [A-B]}", "env has to be a list of names"),
        ("a: &x {notebook: *x}", "line 2: an alias (*x) is not read; write it out"),
        ("a: {notebook: one}\n  ? [b]\n  : {notebook: one}", "a name has to be plain text"),
        ("a: {notebook: one, matrix: {n: [1]}}\n  a-1: {notebook: one}", "two entries make a run 'a-1'"),
        ("a: {notebook: one, path: /etc}", "unknown key 'path'"),
    ],
)
def test_order_limits_and_odd_yaml(tmp_path, capsys, text, message):
    project = project_in(tmp_path, f"runs:\n  {text}", one=CELL)
    assert main([], project=project) == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert not (project / "reports").exists()


def test_unknown_defaults(tmp_path):
    with pytest.raises(ParameterError, match="unknown default 'hours'"):
        runs_of(tmp_path, "defaults: {hours: 1}\nruns:\n  a: {notebook: one}")


def test_runs_on_a_day_have_names_of_their_own(tmp_path):
    (run,) = on_day(runs_of(tmp_path, "runs:\n  a: {notebook: one, cadence: daily}"), "2024-12-31")
    assert (run.name, run.parameters["as_of"], run.cadence) == ("a-on-2024-12-31", "2024-12-31", "manual")
    project = project_in(tmp_path / "p", "runs:\n  a: {notebook: none}")
    from report_projects import write_notebook

    write_notebook(project / "notebooks" / "none.ipynb", "n", cell="n: int = 1  # count")
    with pytest.raises(ParameterError, match="none has no parameter as_of, so a cannot travel back"):
        on_day(read_runs(project / "notebooks"), "2024-12-31")


def test_runs_as_json_by_cadence_for_a_scheduler(tmp_path, capsys):
    text = "runs:\n  a: {notebook: one, cadence: daily}\n  b: {notebook: two, cadence: weekly, retries: 3}"
    project = project_in(tmp_path, text, one=CELL, two=CELL)
    assert main(["--json", "--cadence", "weekly"], project=project) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["name"], one["retries"], one["parameters"]) == ("b", 3, {"n": 1, "as_of": ""})
    assert main(["--params"], project=project) == 0
    assert "n: int = 1  # count; between 1 and 9" in capsys.readouterr().out
