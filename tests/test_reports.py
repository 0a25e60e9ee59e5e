"""Reports: the contract is checked before a kernel starts, pages load nothing and run no foreign script."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from report_projects import kept, write_notebook

from helpers.errors import ParameterError
from helpers.reports import catalogue, pages, parameters, record
from helpers.reports.__main__ import main
from helpers.reports.export import ReportExporter
from helpers.reports.run import execute, remove_stale
from helpers.reports.runs import read_runs

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
CELL = """\
platform: str = "kuaishou"  # whose accounts; one of kuaishou, xiaohongshu; a name
years: int = 5  # forecast; years; between 1 and 30
growth: float = 0.1  # growth a year; share; between -0.5 and 1
as_of: str = "2025-12-31"  # facts public on this day; ISO date
event: str = ""  # first day; ISO date or empty
is_strict: bool = False  # whether a warning is an error
seed: int = 7  # random numbers
"""


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "size.ipynb", cell=CELL)


# --- the contract


def test_contract_reads_every_part_of_a_line(notebook):
    found = {one.name: one for one in parameters.contract(notebook)}
    assert list(found) == ["platform", "years", "growth", "as_of", "event", "is_strict", "seed"]
    platform, years = found["platform"], found["years"]
    assert (platform.allowed, platform.unit) == (("kuaishou", "xiaohongshu"), "a name")
    assert (years.type, years.default, years.low, years.high) == ("int", 5, 1, 30)
    assert (years.meaning, years.unit, years.rule) == ("forecast", "years", "between 1 and 30")
    assert (found["as_of"].kind, found["event"].kind) == ("iso_date", "iso_date_or_empty")


def test_validate_gives_every_parameter_and_makes_floats_of_whole_numbers(notebook):
    values = parameters.validate(notebook, {"growth": 1, "event": "2025-11-11"})
    assert values["growth"] == 1.0
    assert type(values["growth"]) is float
    assert (values["event"], values["years"]) == ("2025-11-11", 5)


def test_a_list_opens_where_own_facts_may_bring_a_name(tmp_path):
    cell = (
        'platform: str = "kuaishou"  # whose accounts; one of kuaishou, xiaohongshu unless facts_path\n'
        'facts_path: str = ""  # own facts, a file or folder'
    )
    file = write_notebook(tmp_path / "own.ipynb", cell=cell)
    assert parameters.contract(file)[0].rule == "one of kuaishou, xiaohongshu unless facts_path is given"
    assert parameters.validate(file, {"platform": "etsy", "facts_path": "etsy.csv"})["platform"] == "etsy"
    with pytest.raises(ParameterError, match="has to be one of kuaishou, xiaohongshu unless facts_path is given"):
        parameters.validate(file, {"platform": "etsy"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platfrom": "kuaishou"}, r"size: unknown parameter 'platfrom'; did you mean platform\?"),
        ({"platform": "kuaishuo"}, r"one of kuaishou, xiaohongshu \(did you mean kuaishou\?\)"),
        ({"platform": True}, r"platform needs str, got True \(bool\); write it in quotes"),
        ({"years": "3"}, r"years needs int, got '3' \(str\)"),
        ({"years": True}, r"years needs int, got True \(bool\)"),
        ({"years": 2.0}, r"years needs int, got 2.0 \(float\)"),
        ({"years": None}, "years needs int, got nothing"),
        ({"years": 31}, "years is 31, but has to be between 1 and 30"),
        ({"growth": float("nan")}, "growth is nan, but has to be a finite number"),
        ({"growth": 1.01}, "has to be between -0.5 and 1"),
        ({"as_of": "20251231"}, "as_of is '20251231', but has to be an ISO date"),
        ({"as_of": "2025-02-30"}, "has to be an ISO date such as 2025-12-31"),
        ({"as_of": ""}, "has to be an ISO date"),
        ({"event": "soon"}, "has to be an ISO date or empty"),
        ({"is_strict": 1}, r"is_strict needs bool, got 1 \(int\)"),
    ],
)
def test_bad_value_is_one_clear_line(notebook, given, message):
    with pytest.raises(ParameterError, match=message) as raised:
        parameters.validate(notebook, given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os", r"bad.ipynb, parameters cell, line 1 is not of the form"),
        ("n = 1  # count", "is not of the form"),
        ("n: int  # count", "is not of the form"),
        ("n: int = 1\nn: int = 2  # count", "line 1 has no comment"),
        ("n: int = 1  # a\nn: int = 2  # b", "line 2 declares 'n' a second time"),
        ("n: int = 1 + 1  # count", "a default that is not a literal"),
        ("n: list = []  # things", "types 'n' as list, it has to be one of str, int, float, bool"),
        ("n: int = 9  # count; between 1 and 3", "n is 9, but has to be between 1 and 3"),
        ("n: int = '1'  # count", "n needs int, got '1'"),
        ("n: int = 1  # count; between 1 to 3", "cannot read the rule 'between 1 to 3'"),
        ("n: str = 'a'  # name; between 1 and 3", "cannot read the rule"),
        ("n: int = 1  # count; one of 1, x", "are not all int"),
        ("n: int = 1  # count; one of 1, 2 unless m", "opens unless 'm', which is no text parameter"),
        ("n: int = 1  # between 1 and 3", "has to start with its meaning"),
        ("n: int = (1  # count", "is not valid Python"),
    ],
)
def test_bad_contract_names_notebook_and_line(tmp_path, line, message):
    with pytest.raises(ParameterError, match=message):
        parameters.contract(write_notebook(tmp_path / "bad.ipynb", cell=line))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no notebook x.ipynb in "),
        ("", "x.ipynb is an empty file"),
        ("{", "x.ipynb is not valid JSON"),
        ("[]", "x.ipynb is not a notebook"),
        ('{"cells": []}', "has no code cell tagged 'parameters'"),
    ],
)
def test_file_that_is_no_notebook(tmp_path, content, message):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ParameterError, match=message):
        parameters.contract(path)


# --- the list of runs


@pytest.fixture
def project(tmp_path):
    """A project with one notebook and no data."""
    for name in ("notebooks", "data", "reports"):
        (tmp_path / name).mkdir()
    write_notebook(tmp_path / "notebooks" / "size.ipynb", cell=CELL)
    return tmp_path


def write_runs(project: Path, text: str) -> Path:
    (project / "notebooks" / "runs.yml").write_text(text, encoding="utf-8")
    return project / "notebooks"


def test_runs_carry_every_parameter_and_unquoted_days_become_text(project):
    first = "a-1: {notebook: size, cadence: daily, parameters: {as_of: 2025-06-30}}"
    text = f"runs:\n  {first}\n  b: {{notebook: size}}"
    first, second = read_runs(write_runs(project, text))
    assert (first.name, first.cadence, first.parameters["as_of"]) == ("a-1", "daily", "2025-06-30")
    assert (second.cadence, second.parameters["as_of"]) == ("manual", "2025-12-31")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs:\n  ../../etc: {notebook: size}", r"run name '../../etc' has to be"),
        ('runs:\n  "a\'b": {notebook: size}', "has to be 1 to 100 small letters"),
        ("runs:\n  A: {notebook: size}", "run name 'A' has to be"),
        ('runs:\n  "a\\n": {notebook: size}', "has to be 1 to 100 small letters"),
        ("runs:\n  1: {notebook: size}", "run name 1 has to be"),
        ("runs:\n  a: {notebook: ../size}", "'../size' has to be a plain name"),
        ("runs:\n  a: {notebook: size.ipynb}", "has to be a plain name"),
        ("runs:\n  a: {notebook: sise}", "run a: no notebook sise.ipynb"),
        ("runs:\n  a: {notebook: size, params: {}}", "run a: unknown key 'params'"),
        ("runs:\n  a: {notebook: size, cadence: hourly}", "'hourly' is not one of daily"),
        ("runs:\n  a: {notebook: size}\n  a: {notebook: size}", "line 3: 'a' stands here a second time"),
        (
            "runs:\n  a: {notebook: size, parameters: {years: 1, years: 2}}",
            "'years' stands here a second time",
        ),
        ("runs:\n  a: {notebook: size, parameters: {platform: 2025-01-01}}", 'write "2025-01-01" in quotes'),
        ("runs:\n  a: {notebook: size, parameters: {as_of: 2025-01-01 10:00:00}}", "is a time"),
        ("runs:\n  a: {notebook: size, parameters: {years: 99}}", "run a: size: parameter years is 99"),
        ("runs:\n  a: [", "runs.yml is not valid YAML"),
        ("runs: {}", "lists no run"),
        ("- a", "has to hold the mapping `runs:`"),
        ("runs:\n  a: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_bad_runs_file_is_one_line_and_starts_nothing(project, capsys, text, message):
    write_runs(project, "runs:\n  good: {notebook: size}\n" + text.removeprefix("runs:\n") if "  a" in text else text)
    with pytest.raises(ParameterError, match=message.replace("line 3", "line 4")):
        read_runs(project / "notebooks")
    assert main([], project=project) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not list((project / "reports").iterdir())


def test_only_an_unknown_run(project, capsys):
    write_runs(project, "runs:\n  a: {notebook: size}")
    assert main(["--only", "b"], project=project) == 2
    assert "runs.yml has no run 'b' (it has: a)" in capsys.readouterr().err


def test_list_shows_runs_and_contract(project, capsys):
    write_runs(project, "runs:\n  a: {notebook: size, parameters: {years: 7}}")
    assert main(["--list"], project=project) == 0
    shown = capsys.readouterr().out
    assert "a  size  manual" in shown
    assert "years=7" in shown
    assert "years: int = 5  # forecast; years; between 1 and 30" in shown


# --- runs

GOOD = """\
from helpers import paths
from IPython.display import display
text = (paths.DATA / "facts.csv").read_text()
headline = {"name": "gmv", "value": 2.0, "unit": "CNY", "text": "GMV <b>2</b>", "fact_ids": ["f1"]}
headlines = {"headlines": [headline]}
display({"application/vnd.helpers.headlines+json": headlines, "text/html": "<p>GMV</p>"}, raw=True)
checks = [{"name": "sum", "passed": False, "text": "no"}]
display({"application/vnd.helpers.checks+json": {"checks": checks, "fact_ids": ["f2", "f1"]}}, raw=True)
print(n, paths.PROJECT)"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One command over four runs: two that work, one that fails, one whose kernel dies."""
    project = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "data"):
        (project / name).mkdir()
    (project / "data" / "facts.csv").write_text("fact_id\nf1\n")
    (project / "requirements.lock").write_text("numpy==2\n")
    cell = "n: int = 1  # count; between 1 and 3\nseed: int = 4  # seed\nlanguage: str = 'en'  # language"
    write_notebook(project / "notebooks" / "good.ipynb", "# A <b>question</b> & more?", GOOD, cell=cell)
    write_notebook(project / "notebooks" / "fails.ipynb", "# Fails", "x = 1", "1 / 0", "print(2)")
    write_notebook(project / "notebooks" / "dies.ipynb", "# Dies", "import os; os._exit(3)", "print(2)")
    runs = [f"  {name}" for name in ("bad: {notebook: fails}", "dead: {notebook: dies}", "one: {notebook: good}")]
    runs.append("  zh: {notebook: good, cadence: weekly, parameters: {n: 3, language: zh}}")
    write_runs(project, "\n".join(["runs:", *runs]))
    (project / "code").write_text(str(main([], project=project)))
    return project


def one_folder(project: Path, notebook: str, run: str) -> Path:
    (folder,) = (project / "reports" / notebook / run).iterdir()
    return folder


def test_a_failing_run_is_kept_and_the_others_go_on(ran):
    assert (ran / "code").read_text() == "1"
    folder = one_folder(ran, "fails", "bad")
    assert {path.name for path in folder.iterdir()} == {"traceback.txt", "executed.ipynb", "run.json"}
    trace = (folder / "traceback.txt").read_text()
    assert "ZeroDivisionError: division by zero" in trace
    assert "\x1b" not in trace
    found = kept(folder)
    # The notebook's own cells, from 1: parameters, heading, x = 1, then the division.
    assert found["error"] == {"type": "ZeroDivisionError", "message": "division by zero", "cell": 4}
    assert found["status"] == "failed"
    assert (one_folder(ran, "good", "one") / "report.html").exists()


def test_a_dead_kernel_is_a_failed_run(ran):
    folder = one_folder(ran, "dies", "dead")
    assert kept(folder)["error"] == {"type": "DeadKernelError", "message": "Kernel died", "cell": 3}
    assert (folder / "traceback.txt").exists()
    assert (folder / "executed.ipynb").exists()


def test_record_says_how_the_report_came_about(ran):
    folder = one_folder(ran, "good", "zh")
    assert re.fullmatch(r"\d{8}T\d{6}Z", folder.name)
    found = kept(folder)
    assert found["parameters"] == {"n": 3, "seed": 4, "language": "zh"}
    assert (found["seed"], found["cadence"], found["status"], found["error"]) == (4, "weekly", "ok", None)
    source = (ran / "notebooks" / "good.ipynb").read_bytes()
    assert found["notebook_sha256"] == hashlib.sha256(source).hexdigest()
    assert found["lock_sha256"] == hashlib.sha256(b"numpy==2\n").hexdigest()
    assert found["inputs"]["files"] == {"data/facts.csv": hashlib.sha256(b"fact_id\nf1\n").hexdigest()}
    assert found["inputs"]["slices"] == []
    assert found["attempts"] == []
    assert found["git"] is None
    assert found["started"] < found["ended"]
    assert found["seconds"] > 0
    assert found["versions"]["python"].count(".") == 2


def test_parameters_and_project_reach_the_kernel(ran):
    notebook = nbformat.read(one_folder(ran, "good", "zh") / "executed.ipynb", as_version=4)
    printed = [output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output]
    assert printed == [f"3 {ran}\n"]


def test_results_are_collected(ran):
    result = kept(one_folder(ran, "good", "zh"), "result.json")
    assert result["title"] == "A question & more?"
    assert (result["language"], result["as_of"]) == ("zh", None)
    assert result["headlines"][0]["value"] == 2.0
    assert result["checks"] == [{"name": "sum", "passed": False, "text": "no"}]
    assert result["fact_ids"] == ["f2", "f1"]


def test_report_speaks_the_language_of_the_run(ran):
    english = (one_folder(ran, "good", "one") / "report.html").read_text(encoding="utf-8")
    chinese = (one_folder(ran, "good", "zh") / "report.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in english
    assert "Provenance" in english
    assert '<html lang="zh-CN">' in chinese
    assert "来源与版本" in chinese


def test_nothing_unfinished_is_left(ran):
    hidden = {path.name for path in (ran / "reports").iterdir() if path.name.startswith(".")}
    assert hidden == {".locks", ".imports.json"}


def test_index_shows_failures_first_and_escapes(ran):
    page = (ran / "reports" / "index.html").read_text(encoding="utf-8")
    order = [page.index(f"{name}</") for name in ("fails / bad", "good / one")]
    assert order == sorted(order)
    stamp = one_folder(ran, "fails", "bad").name
    assert f'href="fails/bad/{stamp}/traceback.txt"' in page
    assert "cell 4: ZeroDivisionError: division by zero" in page
    assert "GMV &lt;b&gt;2&lt;/b&gt;" in page
    assert "1 of 1 checks failed" in page
    assert_loads_nothing(page)


def test_two_runs_in_one_second_do_not_collide(project, monkeypatch):
    def attempt(*_):
        return {"started": "2026-01-02T03:04:05+00:00", "status": "ok"}

    monkeypatch.setattr("helpers.reports.run._attempt", attempt)
    (run,) = read_runs(write_runs(project, "runs:\n  a: {notebook: size}"))
    names = [execute(run, project).folder.name for _ in range(3)]
    assert names == ["20260102T030405Z", "20260102T030405Z-2", "20260102T030405Z-3"]


def test_stale_staging_goes_and_a_living_process_keeps_its_own(tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    host = socket.gethostname()
    stale, mine = (tmp_path / f".staging-{host}-{pid}-a" for pid in (gone.stdout.strip(), os.getpid()))
    stale.mkdir()
    mine.mkdir()
    remove_stale(tmp_path)
    assert (stale.exists(), mine.exists()) == (False, True)


def test_failing_export_is_a_failed_run_without_a_report(project, monkeypatch):
    def fail(*_):
        raise RuntimeError("no template")

    (run,) = read_runs(write_runs(project, "runs:\n  a: {notebook: size}"))
    monkeypatch.setattr("helpers.reports.record.results", fail)
    outcome = execute(run, project)
    assert outcome.record["error"]["message"] == "no template"
    assert not (outcome.folder / "report.html").exists()
    assert "no template" in (outcome.folder / "traceback.txt").read_text()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_interruption_leaves_no_half_report_and_no_kernel(project):
    marker = project / "started"
    leave = f"pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))"
    code = f"import os, pathlib, time\n{leave}\ntime.sleep(60)"
    write_notebook(project / "notebooks" / "slow.ipynb", "# Slow", code)
    write_runs(project, "runs:\n  a: {notebook: slow}\n  b: {notebook: slow}\n  c: {notebook: slow}")
    env = {**os.environ, "HELPERS_PROJECT": str(project)}
    command = [sys.executable, "-m", "helpers.reports"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 30
        while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 130
        assert "interrupted" in process.stderr.read()
    assert [path.name for path in (project / "reports").iterdir()] == [".locks"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)


# --- the page


class _Tags(HTMLParser):
    """Every tag of a page with its attributes, and every id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_data(self, data):
        if self._in_script:
            self.scripts.append(data)

    def handle_endtag(self, tag):
        self._in_script = False

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def assert_loads_nothing(text: str) -> None:
    page = _Tags(text)
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "poster", "action", "xlink:href"):
            value = attributes.get(name) or ""
            assert tag == "a" or value.startswith(("data:", "#")) or not value, (tag, name, value)
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:)", text.partition("</head>")[0])
    policies = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert allowed_scripts(page) == 1


def allowed_scripts(page: _Tags) -> int:
    """How many of a page's scripts its policy lets run."""
    (policy,) = (one["content"] for one in page.all("meta") if one.get("http-equiv"))
    (allowed,) = re.findall(r"script-src 'sha256-([^']+)'", policy)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in page.scripts]
    return digests.count(allowed)


EXPORTER = ReportExporter()
RECORD = {
    "notebook": "size",
    "run": "a",
    "ended": "2026-11-22T09:15:00+00:00",
    "parameters": {"language": "en", "platform": "<script>alert(1)</script>"},
    "data": {"data/facts.csv": "ab" * 32},
}


def report(*cells, **options):
    text, title, warnings = EXPORTER.report(new_notebook(cells=list(cells)), {**RECORD, **options})
    return text, title, warnings


def shown(data: dict, **metadata):
    return new_code_cell("x", outputs=[new_output("display_data", data, metadata=metadata)])


def test_page_loads_nothing_and_keeps_links():
    cells = [
        new_markdown_cell("# T\n\n[a](https://example.com/a) ![pic](https://example.com/p.png)\n\n## B"),
        shown({"image/png": PNG}, **{"image/png": {"alt": "x"}}),
        shown({"text/markdown": "![p](https://example.com/q.png)"}),
    ]
    text, _, warnings = report(*cells)
    assert_loads_nothing(text)
    assert 'href="https://example.com/a"' in text
    assert warnings == [f"image not embedded: https://example.com/{name}.png" for name in "pq"]


def test_script_from_data_is_text_and_script_from_an_author_does_not_run():
    evil = "<script>alert(1)</script>"
    text, title, warnings = report(
        new_markdown_cell(f"# Title {evil}\n\n{evil}\n\n[x](javascript:alert(1))\n\n## Head {evil}"),
        shown({"text/markdown": f"**bold** {evil} <img src=x onerror=alert(1)>"}),
        shown({"text/html": f"<table><tr><td>{evil}</td></tr></table>"}),
        shown({"text/html": "<table><tr><td>&lt;script&gt;</td></tr></table>"}),
        shown({"text/plain": evil}),
        new_code_cell("x", outputs=[new_output("stream", name="stdout", text=evil)]),
    )
    page = _Tags(text)
    # Only what an author has written into markdown is a tag; the policy stops it. Data never gets that far.
    assert len(page.scripts) == 1 + 3
    assert allowed_scripts(page) == 1
    assert "<script" not in text[text.index("<title>") : text.index("</title>")]
    assert "alert(1)" not in [one.get("href") for one in page.all("a")]
    assert not [one for one in page.tags if "onerror" in one[1]]
    assert "<td>&lt;script&gt;</td>" in text
    assert warnings == ["interactive output left out"]
    assert title == "Title alert(1)"
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in text  # the parameters' table


def test_alt_text_is_carried_and_its_absence_is_said():
    text, _, warnings = report(
        shown({"image/png": PNG}, **{"image/png": {"alt": 'Sales "rise" < 5'}}),
        shown({"image/png": PNG}, alt="second"),
        shown({"image/png": PNG}),
    )
    images = _Tags(text).all("img")
    assert [one["alt"] for one in images] == ['Sales "rise" < 5', "second", ""]
    assert ["data-missing-alt" in one for one in images] == [False, False, True]
    assert warnings == ["figure without a description (alt)"]
    assert "This figure has no description." in text


def test_svg_is_an_image_and_preferred():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    text, _, _ = report(shown({"image/png": PNG, "image/svg+xml": svg}, alt="a"))
    page = _Tags(text)
    (image,) = page.all("img")
    assert base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")).decode() == svg
    assert not page.all("svg")
    assert len(page.scripts) == 1


def test_formulas_become_mathml_and_money_stays_money():
    source = "# T\n\nUS$5 to US$6, $7 and $8; $r = \\frac{R}{G}$\n\n$$\\sum_i x_i$$\n\n$\\nosuch{x}$"
    text, _, warnings = report(new_markdown_cell(source))
    assert "US$5 to US$6, $7 and $8; <math" in text
    assert "<mfrac>" in text
    assert '<math display="block">' in text
    assert '<code class="formula">\\nosuch{x}</code>' in text
    assert warnings[0].startswith("formula not set: \\nosuch{x}")


def test_headings_get_stable_ids_in_any_script():
    text, title, _ = report(
        new_markdown_cell("# 快手有多大？\n\n## 数据 与 来源\n\n### 数据 与 来源\n\n## !!\n\n#### deep")
    )
    page = _Tags(text)
    ids = [one["id"] for name, one in page.tags if name in ("h2", "h3", "h4")]
    assert ids == ["数据-与-来源", "数据-与-来源-2", "section", "deep"]
    links = [one["href"] for one in page.all("a")]
    assert links == ["#main", "#数据-与-来源", "#数据-与-来源-2", "#section"]
    assert title == "快手有多大？"
    assert len(page.all("h1")) == 1


def test_ids_are_unique():
    text, _, _ = report(new_markdown_cell("# T\n\n## Main\n\n## Top\n\n## Contents\n\n## Toggle code"))
    ids = [one["id"] for _, one in _Tags(text).tags if "id" in one]
    assert len(ids) == len(set(ids))


def test_code_is_folded_and_messages_too():
    cell = new_code_cell("# load the facts\nx = '<b>'", outputs=[])
    cell.outputs.append(new_output("stream", name="stderr", text="\x1b[31mcareful\x1b[0m\n"))
    text, _, _ = report(new_markdown_cell("# T"), cell)
    assert '<details class="code"><summary>Code<span> · load the facts</span></summary>' in text
    assert "<span class=\"s1\">'&lt;b&gt;'</span>" in text
    assert "<summary>Messages (1)</summary><pre>careful</pre>" in text


def test_widgets_and_scripts_leave_a_note_and_records_nothing():
    text, _, warnings = report(
        shown({"application/vnd.jupyter.widget-view+json": {}, "text/plain": "HBox()"}),
        shown({"application/javascript": "alert(1)", "text/plain": "js"}),
        shown({record.CHECKS: {"checks": []}, "text/plain": "machine"}),
    )
    assert text.count("Interactive output is not part of a report") == 2
    assert len(warnings) == 2
    assert "alert(1);" not in text
    assert "machine" not in text


def test_tables_scroll_in_a_box_that_the_keyboard_reaches():
    text, _, _ = report(shown({"text/html": "<table><tr><td>1</td></tr></table>"}))
    (box,) = [one for one in _Tags(text).all("div") if one.get("class") == "scroll"]
    assert (box["tabindex"], box["role"]) == ("0", "region")


# --- the index


def test_index_survives_what_it_cannot_read(tmp_path):
    for name, content in (("a", "{"), ("b", "[]"), ("c", '{"status": "ok"}'), ('<i>"', None)):
        folder = tmp_path / "size" / name / "20260101T000000Z"
        folder.mkdir(parents=True)
        if content:
            (folder / "run.json").write_text(content)
    page = pages.build(tmp_path).read_text(encoding="utf-8")
    assert page.count('class="status-unreadable"') == 4
    assert "<i>" not in page
    assert_loads_nothing(page)


def test_index_puts_the_newest_run_first(tmp_path):
    for number, name in enumerate(("20260101T000000Z", "20260101T000000Z-10", "20260101T000000Z-2")):
        folder = tmp_path / "size" / "a" / name
        folder.mkdir(parents=True)
        error = {"type": "E", "message": str(number), "cell": None}
        content = {"status": "failed", "ended": "2026-01-01T00:00:00Z", "seconds": 1, "error": error}
        record.write_json(folder / "run.json", content)
    with catalogue.opened(tmp_path) as connection:
        (group,) = pages.grouped(connection)
    assert [one["problem"] for one in group["reports"]] == ["E: 1", "E: 2", "E: 0"]


def test_record_refuses_what_json_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        record.write_json(tmp_path / "x.json", {"value": float("nan")})


def test_the_index_leaves_runs_under_way_alone(tmp_path, monkeypatch):
    """A run that ends while the index is built takes its staging folder away: it must not be looked into."""
    (tmp_path / "size" / "a" / "20260102T030405Z").mkdir(parents=True)
    (tmp_path / ".staging-1-b" / "part").mkdir(parents=True)
    looked, scandir = [], os.scandir

    def watched(path="."):
        looked.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    with catalogue.opened(tmp_path) as connection:
        (group,) = pages.grouped(connection)
    assert group["run"] == "a"
    assert [path for path in looked if ".staging" in path] == []
