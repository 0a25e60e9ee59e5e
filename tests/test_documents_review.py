"""From claims to facts: the table to decide on, what acceptance writes, the desk, the optional model reader."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest

from helpers import claims, desk, documents, ledger, lexicon, paths
from helpers.documents import proposals, review
from helpers.errors import DataError, HelpersError

TEXT = "---\ntitle: 快手三季报\npublisher: 券商摘要\ndate: 2024-11-21\n---\n2024Q3快手总收入312亿元,同比增长11.4%;毛利率提升2.6个百分点。\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "one.md").write_text(TEXT, encoding="utf-8")
    return place


@pytest.fixture
def library(folder):
    return documents.library(folder)[0]


@pytest.fixture
def book(tmp_path):
    return shutil.copytree(paths.LEDGER, tmp_path / "ledger")


def decided(library, tmp_path, **decisions) -> pd.DataFrame:
    """The table after a round trip through CSV, with decisions by printed text."""
    table = review.sheet(library)
    for printed, (decision, edits) in decisions.items():
        row = table["printed"].eq(printed)
        table.loc[row, "decision"] = decision
        for column, value in edits.items():
            table.loc[row, column] = value
    review.save(table, tmp_path / "review.csv")
    return review.decisions(tmp_path / "review.csv")


def test_the_table_shows_the_number_in_its_place(library):
    table = review.sheet(library)
    assert table["printed"].tolist() == ["312亿元", "11.4%", "2.6个百分点"]
    assert "总收入⟦312亿元⟧,同比" in table["context"][0]
    assert set(table["decision"]) == {""}


def test_the_table_says_what_the_checks_say(library):
    desk.judge(library)
    table = review.sheet(library)
    assert list(table.columns) == list(review.SHEET)


def test_acceptance_writes_facts_with_the_span_as_locator(library, book, tmp_path):
    before = ledger.load(book)
    table = decided(
        library, tmp_path, **{"312亿元": ("correct", {"value": 31.1e9, "comment": "misprint"}), "11.4%": ("accept", {})}
    )
    accepted = review.accept(library, table, folder=book)
    assert accepted.text == "2 facts from 1 articles added, 1 of them new sources"
    after = ledger.load(book)
    new = after.facts[~after.facts["fact_id"].isin(before.facts["fact_id"])].set_index("measure")
    assert new.at["level", "value"] == 31.1e9
    assert new.at["level", "note"].startswith("printed “312亿元” at characters 11-16 of one.md")
    assert new.at["level", "note"].endswith("corrected in review; misprint")
    assert new.at["yoy_growth", "precision"] == pytest.approx(0.001)
    assert {str(day)[:10] for day in new["period_end"]} == {"2024-09-30"}
    source = after.sources.loc[new["source_id"].iloc[0]]
    assert (source["publisher"], source["title"], source["kind"]) == ("券商摘要", "快手三季报", "repost")
    assert len(after.facts) == len(before.facts) + 2


def test_the_same_article_is_one_source(library, book, tmp_path):
    review.accept(library, decided(library, tmp_path, **{"312亿元": ("accept", {})}), folder=book)
    second = review.accept(library, decided(library, tmp_path, **{"11.4%": ("accept", {})}), folder=book)
    assert second.sources.empty
    assert ledger.load(book).facts["source_id"].astype(str).eq("doc-001").sum() == 2


def test_what_was_accepted_is_not_accepted_again(library, book, tmp_path):
    table = decided(library, tmp_path, **{"312亿元": ("accept", {})})
    review.accept(library, table, folder=book)
    with pytest.raises(DataError, match=r"is in the ledger as f\d+"):
        review.accept(library, table, folder=book)


def test_a_loss_enters_the_ledger_as_a_negative_profit(tmp_path, book):
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "a.txt").write_text("2022年快手净亏损136.9亿元。", encoding="utf-8")
    library, _ = documents.library(place)
    accepted = review.accept(library, decided(library, tmp_path, **{"136.9亿元": ("accept", {})}), folder=book)
    assert float(accepted.facts["value"][0]) == -13.69e9


def test_a_title_is_no_formula(tmp_path, folder):
    (folder / "two.md").write_text("---\ntitle: '=1+1'\n---\n2024年快手收入1269亿元\n", encoding="utf-8")
    library, _ = documents.library(folder)
    review.save(review.sheet(library), tmp_path / "x.csv")
    assert ",'=1+1," in (tmp_path / "x.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({}, "no row says accept or correct"),
        (
            {"312亿元": ("accept", {"value": 31.1e9})},
            "value: 31100000000 is not 31200000000 as it was read: say correct",
        ),
        ({"2.6个百分点": ("accept", {})}, "change.*must be one of level, yoy_growth"),
        ({"312亿元": ("correct", {"metric": "turnover"})}, "turnover.*metrics.csv"),
        ({"312亿元": ("correct", {"currency": ""})}, "money needs a currency"),
    ],
)
def test_what_breaks_a_rule_writes_nothing(library, book, tmp_path, decisions, message):
    before = {f.name: f.read_bytes() for f in book.iterdir()}
    table = decided(library, tmp_path, **decisions)
    with pytest.raises(DataError, match=message):
        review.accept(library, table, folder=book)
    assert {f.name: f.read_bytes() for f in book.iterdir()} == before


def test_printed_text_is_never_changed(library, book, tmp_path):
    table = decided(library, tmp_path, **{"312亿元": ("correct", {"printed": "311亿元"})})
    with pytest.raises(DataError, match="the text prints '312亿元', the table '311亿元'"):
        review.accept(library, table, folder=book)
    table = table.assign(claim_id="gone-1")
    with pytest.raises(DataError, match="gone-1: no such claim"):
        review.accept(library, table, folder=book)


def test_a_decision_is_one_of_three(library, tmp_path):
    with pytest.raises(DataError, match="row 2, decision: 'yes' is none of accept, correct, reject"):
        decided(library, tmp_path, **{"312亿元": ("yes", {})})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add"], "verdicts on 3 claims"),
        (["words", "毛利率"], "⟦毛利率⟧"),
        (["number", "revenue yoy 11.4 %, Kuaishou, 2024"], "1 claims"),
        (["feed", "快手"], "11.4%: kuaishou revenue yoy_growth 2024-09-30"),
        (["grid", "--metric", "revenue"], "revenue, 2024Q3: CNY 31.2 billion, 1 sources"),
        (["words", "毛利率", "--publisher", "nobody"], "0 documents"),
    ],
)
def test_the_desk(folder, capsys, arguments, said):
    assert desk.main([arguments[0], "--folder", str(folder), *arguments[1:]]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["words", "AND"], "no word to search for"),
        (["number", "revenue"], "no number with a unit"),
        (["propose"], "give --address and --model"),
        (["accept", "nowhere.csv"], "there is no such file"),
    ],
)
def test_the_desk_refuses_in_one_line(folder, capsys, arguments, said):
    assert desk.main([*arguments, "--folder", str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_the_desk_tells_broken_files(folder, capsys):
    (folder / "bad.pdf").write_bytes(b"PK\x03\x04")
    assert desk.main(["add", "--folder", str(folder)]) == 0
    assert "bad.pdf: it is no PDF (it is a zip archive)" in capsys.readouterr().out


def test_a_review_file_goes_out_and_back(folder, tmp_path, capsys, monkeypatch, book):
    monkeypatch.setattr(paths, "LEDGER", book)
    file = tmp_path / "sheet.csv"
    assert desk.main(["review", str(file), "--folder", str(folder), "--metric", "revenue"]) == 0
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.loc[table["printed"].eq("11.4%"), "decision"] = "accept"
    table.to_csv(file, index=False, encoding="utf-8-sig")
    assert desk.main(["accept", str(file), "--folder", str(folder)]) == 0
    assert "1 facts from 1 articles added" in capsys.readouterr().out


class Stub(BaseHTTPRequestHandler):
    """A local endpoint that answers what the test has laid down."""

    answer = "{}"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({
            "id": "x", "object": "chat.completion", "created": 0, "model": "stub",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": self.answer}}],
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


PROSE = "本季收入311亿元,同比增长11.4%。用户4.08亿。"
LISTS = {"entities": ["kuaishou", "douyin"], "metrics": ["revenue", "dau"]}


def proposed(endpoint: str, answer: object) -> proposals.Proposals:
    Stub.answer = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    found = claims.read(PROSE, lexicon=lexicon.words())
    return proposals.propose(PROSE, found, address=endpoint, model="stub", **LISTS)


def offer(printed: str, **more) -> dict:
    start = PROSE.find(printed)
    return {"start": start, "end": start + len(printed), "printed": printed, "entity": "kuaishou", "metric": "", **more}


def test_a_proposal_fills_in_what_the_rules_left_open(endpoint):
    found = proposed(
        endpoint,
        {"claims": [offer("311亿元", period_start="2024-07-01", period_end="2024-09-30")], "summary": "收入311亿元。"},
    )
    first = found.claims[0]
    assert (first.entity, first.metric, first.value, first.period_end) == ("kuaishou", "revenue", 31.1e9, "2024-09-30")
    assert first.confidence <= proposals.CONFIDENCE
    assert (found.kept, found.dropped, found.summary) == (1, {}, "收入311亿元。")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"claims": [{"start": 4, "end": 9, "printed": "312亿元", "entity": "kuaishou"}]}, "not in the text"),
        ({"claims": [{"start": -1, "end": 900, "printed": "311亿元"}]}, "not in the text"),
        ({"claims": ["311亿元"]}, "not in the text"),
        ({"claims": [offer("本季")]}, "no claim there"),
        ({"claims": [offer("311亿元", entity="kuaishu")]}, "unknown entity"),
        ({"claims": [offer("4.08亿", metric="users")]}, "unknown metric"),
        ({"claims": [offer("311亿元", period_start="2024-13-01", period_end="2024-09-30")]}, "no period"),
        ({"claims": [offer("311亿元", entity="")]}, "nothing to add"),
        ({"claims": [], "summary": "收入500亿元。"}, "summary with a number of its own"),
        ("I cannot read this", "no answer in JSON"),
    ],
)
def test_what_the_text_does_not_bear_out_is_dropped_and_counted(endpoint, answer, why):
    found = proposed(endpoint, answer)
    assert found.dropped == {why: 1}
    assert [c.entity for c in found.claims] == ["", "", ""]
    assert found.summary == ""
    assert why in found.text


def test_a_model_never_changes_a_number(endpoint):
    found = proposed(endpoint, {"claims": [offer("311亿元", value=5)]})
    assert [c.value for c in found.claims] == [c.value for c in claims.read(PROSE)]


def test_no_endpoint_is_one_line():
    with pytest.raises(HelpersError, match="did not answer"):
        proposals.propose(PROSE, [], address="http://127.0.0.1:9/v1", model="x", seconds=1, **LISTS)


def test_the_desk_asks_a_model(folder, endpoint, capsys):
    Stub.answer = json.dumps({"claims": [], "summary": ""})
    assert desk.main(["propose", "--folder", str(folder), "--address", endpoint, "--model", "stub"]) == 0
    assert "快手三季报: 0 proposals kept, 0 dropped" in capsys.readouterr().out
