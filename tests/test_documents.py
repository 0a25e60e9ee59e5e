"""The library: what files become, what is refused, what survives a kill and two writers, what a search finds."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from helpers import documents, lexicon
from helpers.documents import articles, find, grid, index, open_library
from helpers.errors import DataError, HelpersError

PROJECT = Path(__file__).parents[1]
ONE = "快手2024Q3业绩\n2024Q3快手总收入311亿元,同比增长11.4%。数据口径与去年有差异,股东减持,下月解禁。\n"
TWO = "Kuaishou results\nKuaishou booked revenue of 35 billion yuan in Q2 2025, up 13.1%.\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "one.txt").write_text(ONE, encoding="utf-8")
    (place / "two.md").write_text(TWO, encoding="utf-8")
    return place


def pdf(text: str) -> bytes:
    """A page with Latin text, written by hand."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % p for p in places)
    return (
        out
        + b"xref\n0 6\n0000000000 65535 f \n"
        + table
        + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(out)
    )


ENCRYPTED = (  # 40-bit RC4 with a user's password: the entries are enough for a reader to ask for it
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    b"3 0 obj\n<< /Filter /Standard /V 1 /R 2 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> /P -4 >>\nendobj\n"
    b"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n0000000110 00000 n \n"
    b"trailer << /Size 4 /Root 1 0 R /Encrypt 3 0 R /ID [<00><00>] >>\nstartxref\n331\n%%EOF"
)


def test_a_folder_becomes_documents_and_claims(folder):
    library, added = documents.library(folder)
    assert (added.new, added.known, added.broken) == (2, 0, ())
    table = library.documents().set_index("file")
    assert table.at["one.txt", "title"] == "快手2024Q3业绩"
    assert table.loc[["one.txt", "two.md"], "language"].tolist() == ["zh", "en"]
    claims = library.claims()
    assert len(claims) == added.claims == 4
    for claim in claims.itertuples():
        assert library.text(claim.doc_id)[claim.start : claim.end] == claim.printed
    assert documents.place(folder) == folder.with_name("inbox.sqlite")
    assert sorted(p.name for p in folder.iterdir()) == ["one.txt", "two.md"]


def test_adding_again_adds_nothing_and_a_copy_is_one_document(folder):
    documents.library(folder)
    (folder / "copy.txt").write_text(ONE.replace("\n", "\r\n") + "  ", encoding="utf-8")
    library, added = documents.library(folder)
    assert (added.new, added.known) == (0, 3)
    assert len(library.documents()) == 2
    library, added = documents.library(folder)
    assert (added.new, added.claims) == (0, 0)


def test_another_lexicon_reads_the_claims_again(folder, monkeypatch):
    _library, _ = documents.library(folder)
    monkeypatch.setattr("helpers.documents.reading.reader_version", lambda: "other")
    again, added = documents.library(folder)
    assert added.claims == len(again.claims()) == 4
    assert added.new == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "the file is empty"),
        ("blank.txt", b" \n\t ", "the file is empty"),
        ("table.xlsx", b"x", ".xlsx is not read: give .txt, .md"),
        ("binary.txt", b"\x7fELF\x00\x00\x01", "it is no text: NUL bytes"),
        ("odd.txt", b"\xff\xfe\x00\xd8\x41", "not utf-16, although it begins like it"),
        ("wrong.txt", bytes(range(128, 256)) * 3, "its encoding is none of"),
        ("zip.pdf", b"PK\x03\x04rest", "it is no PDF \\(it is a zip archive\\)"),
        ("text.pdf", b"hello", "it is no PDF: it does not begin"),
        ("damaged.pdf", b"%PDF-1.4\nnothing here", "the PDF is damaged"),
        ("locked.pdf", ENCRYPTED, "it is encrypted"),
        ("scan.pdf", pdf(""), "a scan without text \\(1 pages\\)"),
        ("page.pdf", pdf("x").replace(b"[3 0 R]", b"[9 0 R]"), "the PDF is damaged: page 1 of 1 cannot be read"),
        ("pages.pdf", pdf("x").replace(b"/Count 1", b"/Count 5"), "the PDF is damaged: page 2 of 5 cannot be read"),
        ("latin.txt", "Café – rose".encode("cp1252"), "its encoding is none of"),
        ("hollow.html", b"<html><script>1</script></html>", "there is no text in it"),
    ],
)
def test_what_is_refused(name, content, message):
    with pytest.raises(DataError, match=message):
        articles.parse(content, name)


def test_a_broken_file_is_one_line_and_the_rest_goes_on(folder):
    (folder / "bad.pdf").write_bytes(b"PK\x03\x04")
    library, added = documents.library(folder)
    assert added.new == 2
    assert added.broken == ("bad.pdf: it is no PDF (it is a zip archive): it does not begin with %PDF",)
    assert library.broken() == list(added.broken)
    assert "1 files not read" in added.text


def test_a_pdf_without_one_of_its_pages_stops_itself_only(folder):
    (folder / "bad.pdf").write_bytes(pdf("x").replace(b"[3 0 R]", b"[9 0 R]"))
    _, added = documents.library(folder)
    assert (added.new, added.broken) == (2, ("bad.pdf: the PDF is damaged: page 1 of 1 cannot be read",))


def test_a_real_zip_renamed_to_pdf(tmp_path):
    place = tmp_path / "a.pdf"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(DataError, match="zip archive"):
        articles.read(place)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "big5"])
def test_encodings(encoding):
    text = "快手的收入為311億元,用戶4.08億。" if encoding == "big5" else ONE
    (article,) = articles.parse(text.encode(encoding), "a.txt")
    assert article.text == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [ONE, TWO, "快手收入三百亿。", "快手的收入為311億元,用戶4.08億。\n"])
def test_utf16_without_a_mark(encoding, text):
    (article,) = articles.parse(text.encode(encoding), "a.txt")
    assert article.text == text


def test_control_characters_become_blanks_and_keep_the_places():
    (article,) = articles.parse(b"a\x00b".replace(b"\x00", b"\x07") + "收入311亿元".encode(), "a.txt")
    assert article.text == "a b收入311亿元"


def test_a_pdf_is_read():
    (article,) = articles.parse(pdf("Kuaishou revenue was 35 billion yuan"), "a.pdf")
    assert "35 billion yuan" in article.text


def test_html_without_scripts_and_with_its_tables():
    page = (
        "<html><head><title>t</title><meta property='og:site_name' content='Wire'>"
        "<meta property='article:published_time' content='2025-09-28T13:58:00'><script>var x='999亿元'</script></head>"
        "<body><nav>12345人</nav><h1>Head</h1><p>收入311亿元</p><table><tr><th>a</th><td>1</td></tr></table></body></html>"
    )
    (article,) = articles.parse(page.encode(), "a.html")
    assert (article.title, article.publisher, article.published) == ("t", "Wire", "2025-09-28")
    assert article.text == "# Head\n收入311亿元\na | 1\n"


@pytest.mark.parametrize("declared", ["gb2312", "utf-8", ""])
def test_html_in_a_chinese_encoding(declared):
    page = f"<html><head><meta charset='{declared}'></head><body><p>快手的收入311亿元</p></body></html>"
    (article,) = articles.parse(page.encode("gb18030"), "a.html")
    assert "收入311亿元" in article.text


def test_a_copied_feed_is_several_articles():
    text = "Menu\nFirst title\nA Wire· 2025-10-21 10:50\nbody one\nSecond title\nB Wire· 2025-10-15 05:41\nbody two\n"
    first, second = articles.parse(text.encode(), "feed.txt")
    assert (first.title, first.publisher, first.published, second.title) == (
        "First title",
        "A Wire",
        "2025-10-21",
        "Second title",
    )
    assert text[second.start :].startswith(second.text)


def test_front_matter_says_what_is_known():
    (article,) = articles.parse(b"---\ntitle: T\npublisher: P\ndate: 2025-08-22\n---\n# T\nbody\n", "a.md")
    assert (article.title, article.publisher, article.published, article.start) == ("T", "P", "2025-08-22", 47)


def test_a_title_with_a_colon_is_read():
    (article,) = articles.parse(b"---\ntitle: Q2: profit falls\ndate: 2025-08-22\n---\nbody\n", "a.md")
    assert (article.title, article.published) == ("Q2: profit falls", "2025-08-22")


def test_a_long_text_without_a_full_stop(tmp_path):
    """Two megabytes here; benchmarks/documents.py adds fifty."""
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "long.txt").write_text("快手电商收入311亿元 " * 70_000, encoding="utf-8")
    library, added = documents.library(place)
    assert (added.new, added.claims, added.broken) == (1, 70_000, ())
    longest = library.connection.execute('SELECT max("end" - start) FROM passages').fetchone()
    assert longest[0] == 800
    claims = library.claims()
    text = library.text(claims["doc_id"][0])
    assert all(text[a:b] == "311亿元" for a, b in zip(claims["start"], claims["end"], strict=True))
    assert len(find.words(library, "电商")) == 1


def test_a_kill_in_the_middle_leaves_whole_documents(tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    for n in range(600):
        (place / f"{n:03d}.txt").write_text(
            f"快手第{n}期\n快手收入{n + 1}亿元,同比增长{n + 1}%。\n" * 3, encoding="utf-8"
        )
    code = f"from pathlib import Path; from helpers import documents; documents.library(Path({str(place)!r}))"
    work = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    path = documents.place(place)
    for _ in range(600):
        time.sleep(0.05)
        if _count(path) >= 100:
            break
    os.killpg(work.pid, signal.SIGKILL)
    work.wait()
    library = open_library(path)
    documents_there = library.documents()
    per_document = library.claims()["doc_id"].value_counts()
    assert set(per_document) == {6}
    assert len(per_document) == len(documents_there)
    _, added = documents.library(place)
    assert added.new == 600 - len(documents_there)
    assert len(find.words(library, "快手收入", limit=700)) == 600


def _count(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM documents").fetchone()[0]
    except sqlite3.Error:
        return 0


def _add(place: Path) -> None:
    documents.library(place)


def test_two_processes_add_at_once(tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    for n in range(150):
        (place / f"{n:03d}.txt").write_text(f"快手收入{n + 1}亿元。", encoding="utf-8")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add, args=(place,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [w.exitcode for w in workers] == [0, 0]
    library, added = documents.library(place)
    assert (added.new, len(library.documents()), len(library.claims())) == (0, 150, 150)
    assert library.connection.execute("SELECT count(*) FROM passages").fetchone()[0] == 150


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda p: p.write_bytes(b"no database at all, but long enough to be looked at" * 20),
            "cannot be opened as a library",
        ),
        (
            lambda p: sqlite3.connect(p).execute("CREATE TABLE other (x)").connection.commit(),
            "other tables \\(other\\)",
        ),
    ],
)
def test_a_file_that_is_no_library(tmp_path, make, message):
    path = tmp_path / "x.sqlite"
    make(path)
    with pytest.raises(DataError, match=message):
        open_library(path)


def test_a_library_of_another_version(tmp_path):
    library = open_library(tmp_path / "x.sqlite")
    library.connection.execute("UPDATE about SET value = '0'")
    library.close()
    with pytest.raises(DataError, match="made by another version \\(schema 0, now"):
        open_library(tmp_path / "x.sqlite")


def test_no_folder_is_an_empty_library():
    library, added = documents.library("")
    assert (added.new, len(library.documents()), len(library.claims())) == (0, 0, 0)
    assert grid.cells(library).empty
    assert find.feed(library, "").empty


def test_no_such_folder():
    with pytest.raises(DataError, match="there is no such file or folder"):
        documents.library("data/nowhere")


def test_pairs_of_characters():
    assert index.terms("GMV口径差异,解禁") == "gmv 口径 径差 差异 , 解禁"
    assert index.terms("買手") == "买手"
    assert index.terms("人") == "人"


@pytest.mark.parametrize("word", ["口径", "差异", "减持", "解禁", "差異", "减"])
def test_short_chinese_words_are_found(folder, word):
    library, _ = documents.library(folder)
    found = find.words(library, word)
    assert found["title"].tolist() == ["快手2024Q3业绩"]
    assert "⟦" in found["snippet"][0]


def test_hits_stand_in_the_text(folder):
    library, _ = documents.library(folder)
    row = find.words(library, "股东减持").iloc[0]
    plain = row["snippet"].replace("⟦", "").replace("⟧", "").strip("… ")
    assert plain in library.text(row["doc_id"]).replace("\n", " ")
    assert "⟦股东减持⟧" in row["snippet"]


def test_the_glossary_finds_the_other_language(folder):
    library, _ = documents.library(folder)
    known = index.glossary(lexicon.glossary())
    assert set(find.words(library, "快手 收入", glossary=known)["title"]) == {"快手2024Q3业绩", "Kuaishou results"}
    assert set(find.words(library, "kuaishou revenue", glossary=known)["title"]) == {
        "快手2024Q3业绩",
        "Kuaishou results",
    }
    assert find.words(library, "快手 收入")["title"].tolist() == ["快手2024Q3业绩"]


def test_all_words_come_before_some_words(folder):
    library, _ = documents.library(folder)
    found = find.words(library, "快手 解禁 booked")
    assert found["has_all"].tolist() == [False, False]
    found = find.words(library, "revenue booked kuaishou 解禁")
    assert not found["has_all"].any()
    found = find.words(library, "快手 解禁")
    assert found["has_all"].tolist() == [True]


def long_article(title: str, last: str) -> str:
    """An article whose last sentence is some passages away from its title."""
    return f"{title}\n" + "商家的数量继续增加,用户的停留时间变长。" * 60 + f"\n{last}\n"


def test_words_of_one_document_count_together_wherever_they_stand(folder):
    (folder / "a.txt").write_text(long_article("拼多多周报", "下周冷链扩容。"), encoding="utf-8")
    (folder / "b.txt").write_text("冷链\n冷链冷链冷链。\n", encoding="utf-8")
    library, _ = documents.library(folder)
    found = find.words(library, "拼多多 冷链")
    assert found[["title", "has_all"]].values.tolist() == [["拼多多周报", True], ["冷链", False]]


def test_an_excluded_word_excludes_the_whole_document(folder):
    (folder / "a.txt").write_text(long_article("拼多多周报", "下周冷链扩容。"), encoding="utf-8")
    (folder / "b.txt").write_text(long_article("拼多多月报", "下周仓库扩容。"), encoding="utf-8")
    library, _ = documents.library(folder)
    assert find.words(library, "拼多多 -冷链")["title"].tolist() == ["拼多多月报"]


def test_without_and_phrase(folder):
    library, _ = documents.library(folder)
    assert find.words(library, '"35 billion yuan"')["title"].tolist() == ["Kuaishou results"]
    assert find.words(library, "2025 -booked").empty


@pytest.mark.parametrize("query", ["AND OR NOT", '"" -', "***", "()", "", "   ", "-"])
def test_a_query_of_only_operators(folder, query):
    library, _ = documents.library(folder)
    with pytest.raises(HelpersError, match="no word to search for"):
        find.words(library, query)


@pytest.mark.parametrize("query", ['快手" OR "x', "收入) NEAR(", "title:快手", "a^b*", "快手 AND", "col:{x}"])
def test_a_users_operators_are_words(folder, query):
    library, _ = documents.library(folder)
    assert set(find.words(library, query)["title"]) <= {"快手2024Q3业绩", "Kuaishou results"}


def test_an_impossible_day_is_no_day(folder):
    (folder / "a.txt").write_text("标题\n来源:测试 2024-02-31\n收入311亿元\n", encoding="utf-8")
    (folder / "b.md").write_text("---\ndate: 2024-13-45\n---\n收入312亿元\n", encoding="utf-8")
    library, added = documents.library(folder)
    assert added.broken == ()
    assert library.documents().set_index("file").loc[["a.txt", "b.md"], "published"].tolist() == ["", ""]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_file_name_that_is_no_text(folder):
    with open(os.fsencode(folder) + b"/bad\xff.txt", "w", encoding="utf-8") as file:
        file.write("快手收入313亿元")
    _, added = documents.library(folder)
    assert (added.new, added.broken) == (3, ())


def test_a_fault_of_the_reader_stops_one_file_only(folder, tmp_path):
    library = open_library(tmp_path / "x.sqlite")
    added = library.add(folder, reader=_faulty, version="1")
    assert (added.new, added.broken) == (1, ("one.txt: ZeroDivisionError while it was read: division by zero",))


def _faulty(article):
    return [1 / 0] if article.language == "zh" else []


def test_reported_figures_come_before_expected_ones(folder):
    for name, text in (
        ("a", "预计快手2024年GMV为1.5万亿元"),
        ("b", "我们预测快手2024年GMV为1.5万亿元"),
        ("c", "快手2024年GMV为1.39万亿元"),
    ):
        (folder / f"{name}.txt").write_text(f"笔记{name}\n{text}。\n", encoding="utf-8")
    library, _ = documents.library(folder)
    row = grid.cells(library, entity="kuaishou", metric="gmv").iloc[0]
    assert (row["value"], row["basis"], row["is_disputed"], row["sources"]) == (1.39e12, "actual", False, 3)


def test_a_query_of_ten_thousand_characters(folder):
    library, _ = documents.library(folder)
    with pytest.raises(HelpersError, match="10,000 characters: at most 400"):
        find.words(library, "快" * 10_000)


def test_filters(folder):
    (folder / "three.md").write_text(
        "---\npublisher: Wire\ndate: 2025-09-01\n---\n# 拼多多\n拼多多收入994亿元\n", encoding="utf-8"
    )
    library, _ = documents.library(folder)
    only = lambda **f: find.words(library, "收入 revenue", filters=find.Filters(**f), limit=5)["title"].tolist()  # noqa: E731
    assert only(publisher="Wire") == ["拼多多"]
    assert only(day_from="2025-09-01", day_to="2025-09-01") == ["拼多多"]
    assert only(day_from="2025-09-02") == []
    assert only(entity="pdd", metric="revenue") == ["拼多多"]
    assert only(entity="pdd", metric="gmv") == []


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ({"day_from": "2025-10-06"}, ["month.md"]),
        ({"day_from": "2025-10-05", "day_to": "2025-10-05"}, ["day.md", "month.md"]),
        ({"day_to": "2025-10"}, ["day.md", "month.md"]),
        ({"day_to": "2025-09-30"}, []),
        ({"day_from": "2025-11-01"}, []),
    ],
)
def test_a_month_holds_its_days_and_no_day_is_in_no_span(folder, given, files):
    (folder / "day.md").write_text("---\ndate: 2025-10-05\n---\n网购用户311人\n", encoding="utf-8")
    (folder / "month.md").write_text("---\ndate: 2025-10\n---\n网购用户312人\n", encoding="utf-8")
    (folder / "never.txt").write_text("网购用户313人\n第二行\n", encoding="utf-8")
    library, _ = documents.library(folder)
    found = find.words(library, "网购", filters=find.Filters(**given))["doc_id"]
    assert sorted(library.documents().set_index("doc_id").loc[found, "file"]) == files


@pytest.mark.parametrize(
    ("text", "value", "tolerance", "unit", "entity", "metric", "year"),
    [
        ("3.5万亿元 +- 1000亿元", 3.5e12, 1e11, "money", "", "", None),
        ("gmv yoy 34 % +- 0.5 pp, Douyin, 2024", 0.34, 0.005, "ratio", "douyin", "gmv", 2024),
        ("快手 收入 311亿元", 31.1e9, 0.5e8, "money", "kuaishou", "revenue", None),
        ("valuation $31 billion +- 10 %", 31e9, 3.1e9, "money", "", "valuation", None),
        ("4.08亿 +- 0.02", 4.08e8, 0.02e8, "", "", "", None),
        ("毛利率 30%至34%", 0.32, 0.025, "ratio", "", "gross_margin", None),
        ("毛利率 54.3% 2024年", 0.543, 0.0005, "ratio", "", "gross_margin", 2024),
    ],
)
def test_a_number_query(text, value, tolerance, unit, entity, metric, year):
    query = find.number_query(text, lexicon.words())
    assert (query.value, query.tolerance) == (pytest.approx(value), pytest.approx(tolerance))
    assert (query.unit, query.entity, query.metric, query.year) == (unit, entity, metric, year)


@pytest.mark.parametrize(("text", "message"), [("gmv Douyin", "no number"), ("34 % or 35 %", "2 numbers")])
def test_a_number_query_needs_one_number(text, message):
    with pytest.raises(HelpersError, match=message):
        find.number_query(text, lexicon.words())


def test_numbers_are_found_among_claims(folder):
    library, _ = documents.library(folder)
    words = lexicon.words()
    hit = find.numbers(library, find.number_query("revenue yoy 13 % +- 0.2 pp, Kuaishou, 2025", words))
    assert hit["printed"].tolist() == ["13.1%"]
    assert find.numbers(library, find.number_query("revenue yoy 13 % +- 0.2 pp, Kuaishou, 2024", words)).empty
    assert find.numbers(library, find.number_query("gmv yoy 13 % +- 0.2 pp, Kuaishou, 2025", words)).empty


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("快手 收入 310亿元", True),
        ("快手 收入 320亿元", True),
        ("快手 收入 325亿元 +- 5亿元", True),
        ("快手 收入 330亿元", False),
    ],
)
def test_a_printed_range_holds_what_is_inside(tmp_path, text, found):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.txt").write_text("快手2024年收入为300亿至320亿元。\n第二行\n", encoding="utf-8")
    library, _ = documents.library(tmp_path / "a")
    assert (
        find.numbers(library, find.number_query(text, lexicon.words()))["printed"].tolist()
        == ["300亿至320亿元"] * found
    )


def test_the_feed_has_claims_and_checks(folder):
    library, _ = documents.library(folder)
    stream = find.feed(library, "快手")
    assert stream["title"].tolist() == ["快手2024Q3业绩"]
    assert len(stream["claims"][0]) == 2
    assert len(find.feed(library, "")) == 2


def test_the_grid_sees_disagreement_and_prefers_what_more_documents_print(folder):
    for name, value in (("a", "311"), ("b", "311.3"), ("c", "350")):
        (folder / f"{name}.txt").write_text(f"笔记{name}\n2024Q3快手总收入{value}亿元,记录{name}。\n", encoding="utf-8")
    library, _ = documents.library(folder)
    row = (
        grid.cells(library, entity="kuaishou", metric="revenue")
        .query("measure == 'level' and period_end == '2024-09-30'")
        .iloc[0]
    )
    assert (row["sources"], row["values"], row["is_disputed"]) == (4, 2, True)
    assert row["value"] == pytest.approx(31.13e9)
    assert len(row["claim_ids"]) == 4


def test_known_on_a_day(folder):
    (folder / "three.md").write_text("---\ndate: 2025-09-01\n---\n拼多多收入994亿元\n", encoding="utf-8")
    library, _ = documents.library(folder)
    assert len(library.claims(as_of="2025-09-01")) == 1
    assert library.claims(as_of="2025-08-31").empty


def test_a_month_is_known_at_its_end(folder):
    (folder / "three.md").write_text("---\ndate: 2025-09\n---\n拼多多收入994亿元\n", encoding="utf-8")
    library, _ = documents.library(folder)
    assert library.claims(as_of="2025-09-29").empty
    assert len(library.claims(as_of="2025-09-30")) == 1
