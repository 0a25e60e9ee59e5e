"""The ledger: what it refuses and how it says so, the two clocks, the preferred figure."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers import calendars, ledger, paths, units
from helpers.errors import DataError, ParameterError, UnknownNameError
from helpers.evidence import QUALIFIERS
from helpers.ledger.schema import LAYOUTS, MEASURES, NATURES

COLUMNS = (
    *("fact_id", "entity", "metric", "measure", "value", "value_high", "unit", "currency", "period_start"),
    *("period_end", "as_of", "status", "precision", "qualifier", "source_id", "note"),
)
FACT = {
    "fact_id": "f1",
    "entity": "kuaishou",
    "metric": "revenue",
    "measure": "level",
    "value": "1000000000",
    "unit": "money",
    "currency": "CNY",
    "period_start": "2024-01-01",
    "period_end": "2024-03-31",
    "as_of": "2024-03-31",
    "status": "reported",
    "source_id": "filing",
    "note": "as printed",
}
SOURCES = """source_id,publisher,title,url,published,kind,about
filing,Kuaishou,Results,https://example.org/a,2024-05-22,filing,
release,Kuaishou,Release,,2024-05-22,company_release,
press_a,Daily A,Story,,2024-06-01,press,
press_b,Daily B,Story,,2024-06-05,press,
broker_a,Broker A,Note,,2024-06-02,broker,
broker_b,Broker B,Note,,2024-06-03,broker,
broker_c,Broker C,Note,,2024-06-04,broker,
month_only,Broker D,Note,,2025-10,broker,
year_only,Broker E,Note,,2025,broker,
undated,Broker F,Note,,,broker,
early,Broker G,Note,,2024-02-01,broker,
"""


def line(**changes: str) -> str:
    """One row of facts.csv: the standard fact with changes."""
    return ",".join({**FACT, **changes}.get(column, "") for column in COLUMNS)


def text_of(*rows: str) -> str:
    """The text of a facts.csv."""
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the real short tables beside sources made for the test."""
    place = tmp_path / "ledger"
    shutil.copytree(paths.LEDGER, place)
    (place / "sources.csv").write_text(SOURCES, encoding="utf-8")
    (place / "facts.csv").write_text(text_of(line()), encoding="utf-8")
    return place


def book_of(folder: Path, *rows: dict[str, str]) -> ledger.Ledger:
    """Load a ledger of the standard fact with changes, numbered f1, f2, ..."""
    texts = [line(**{"fact_id": f"f{number}", **row}) for number, row in enumerate(rows, 1)]
    (folder / "facts.csv").write_text(text_of(*texts), encoding="utf-8")
    return ledger.load(folder)


def problems(folder: Path, content: str | bytes, name: str = "facts.csv") -> list[str]:
    """Say what the loader refuses; a message never shows the machinery behind it."""
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    with pytest.raises(DataError, match=rf"^{re.escape(name)}: \d+ problem\(s\)\n") as caught:
        ledger.load(folder)
    message = str(caught.value)
    assert not re.search(r"lambda|Traceback|pyarrow|pandas|ArrowInvalid|<function|0x\w{6}", message)
    assert len(message) < 4000
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.problems


# --- the real ledger ------------------------------------------------------------------------------


def test_nothing_of_the_imported_data_was_lost():
    imported = {f"f{number:04d}" for number in range(1, 1999)}
    facts = ledger.facts().set_index("fact_id")
    moved = set(calendars.milestones()["milestone_id"])  # dates are no measurements
    assert imported - set(facts.index) - moved == {"f1753"}
    assert facts.loc["f1752", ["value", "value_high"]].tolist() == [6e8, 8e8]  # f1753 was its upper end
    assert len(facts) >= 1998


@pytest.mark.parametrize(
    ("fact_id", "entity", "metric", "value", "currency", "period_end", "precision"),
    [
        ("f0001", "xiaohongshu", "option_price_raises_count", 3, "", "2025-10-21", None),
        ("f0025", "xiaohongshu", "valuation", 310_000_000_000, "USD", "2025-10-21", None),  # as printed
        ("f0305", "kuaishou", "gmv", 118_560_000_000, "CNY", "2021-03-31", 10_000_000),
        ("f1500", "pdd", "market_cap", 73_067_000_000, "USD", "2021-12-31", None),
        ("f1888", "xiaohongshu", "valuation", 31_000_000_000, "USD", "2025-06-30", None),
        ("f1998", "vipshop", "operating_profit", 0.11, "", "2022-12-31", 0.001),
    ],
)
def test_a_fact_stays_as_its_source_said_it(fact_id, entity, metric, value, currency, period_end, precision):
    facts = ledger.facts()
    (row,) = facts[facts["fact_id"].eq(fact_id)].itertuples()
    assert (row.entity, row.metric, row.value, row.currency) == (entity, metric, value, currency)
    assert row.period_end == pd.Timestamp(period_end)
    assert row.precision == precision or (precision is None and pd.isna(row.precision))


def test_every_name_is_in_its_closed_list():
    book = ledger.load()
    lists = {
        "entity": book.entities.index,
        "metric": book.metrics.index,
        "status": book.statuses.index,
        "source_id": book.sources.index,
        "measure": MEASURES,
        "unit": units.UNITS,
        "currency": ["", *units.CURRENCIES],
        "qualifier": QUALIFIERS,
        "nature": NATURES,
        "kind": book.kinds.index,
    }
    outside = {c: sorted(set(book.facts[c].astype(str)) - set(known)) for c, known in lists.items()}
    assert outside == {column: [] for column in lists}


def test_every_fact_has_a_day_on_which_it_was_public():
    book = ledger.load()
    assert book.facts["known_on"].notna().all()
    assert book.facts["known_on"].is_monotonic_increasing
    assert book.last_day == book.facts["known_on"].max()


def test_files_are_hashed(folder):
    import hashlib

    book = ledger.load(folder)
    assert set(book.files) == {f"{name}.csv" for name in LAYOUTS}
    assert book.files["facts.csv"] == hashlib.sha256((folder / "facts.csv").read_bytes()).hexdigest()


def test_loads_again_when_a_file_changes(folder):
    assert ledger.load(folder) is ledger.load(folder)
    assert len(ledger.load(folder).facts) == 1
    (folder / "facts.csv").write_text(text_of(line(), line(fact_id="f2")), encoding="utf-8")
    assert len(ledger.load(folder).facts) == 2


def test_what_a_reader_hands_out_can_be_changed_without_harm(folder):
    book = ledger.load(folder)
    mine = ledger.facts(book=book)
    mine.loc[:, "value"] = 0.0
    mine["extra"] = 1
    assert ledger.facts(book=book)["value"].tolist() == [1e9]
    assert "extra" not in book.facts


# --- read as meant --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + text_of(line()).encode(),  # byte-order mark
        text_of(line()).replace("\n", "\r\n").encode(),
        text_of(line()).rstrip("\n").encode(),
        (text_of(line()) + "\n\n" + "," * (len(COLUMNS) - 1) + "\n").encode(),  # blank rows at the end
        text_of(line(value="１０００００００００")).encode(),  # full-width digits
        text_of(line(value=" 1e9 ", entity=" kuaishou", period_end="2024-03-31 ")).encode(),
        text_of(line(period_end="２０２４-０３-３１", entity="ｋｕａｉｓｈｏｕ")).encode(),
    ],
    ids=["bom", "crlf", "no last newline", "blank end", "full-width", "blanks", "full-width day and code"],
)
def test_the_same_fact_in_other_clothes(folder, content):
    (folder / "facts.csv").write_bytes(content)
    (row,) = ledger.load(folder).facts.itertuples()
    assert (row.fact_id, row.entity, row.value, row.currency) == ("f1", "kuaishou", 1e9, "CNY")
    assert (row.period_start, row.period_end) == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-31"))


def test_codes_that_differ_only_in_width_are_one_category(folder):
    book = book_of(folder, {"entity": "kuaishou"}, {"entity": "ｋｕａｉｓｈｏｕ"}, {"entity": "kuaishou "})
    assert list(book.facts["entity"].cat.categories) == ["kuaishou"]
    assert len(ledger.facts(entity="kuaishou", book=book)) == 3


@pytest.mark.parametrize("note", ["two\nlines", "said so", "１２ %，原文", " outer blanks "])
def test_a_note_is_left_as_written(folder, note):
    quoted = '"' + note.replace('"', '""') + '"'
    (folder / "facts.csv").write_bytes(text_of(line(note=quoted), line(fact_id="f2")).encode())
    facts = ledger.load(folder).facts
    assert facts.set_index("fact_id")["note"].to_dict() == {"f1": note, "f2": "as printed"}


def test_the_qualifier_column_may_be_absent(folder):
    names = [column for column in COLUMNS if column != "qualifier"]
    row = ",".join(FACT.get(column, "") for column in names)
    (folder / "facts.csv").write_text(",".join(names) + "\n" + row + "\n", encoding="utf-8")
    assert ledger.load(folder).facts["qualifier"].tolist() == [""]


# --- refused: a row -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"entity": "kuaishuo"}, "row 3 (f2), column entity: 'kuaishuo' - must be one of entities.csv"),
        ({"metric": "revenues"}, "row 3 (f2), column metric: 'revenues' - must be one of metrics.csv"),
        ({"source_id": "s9"}, "row 3 (f2), column source_id: 's9' - must be one of sources.csv"),
        ({"status": "rumour"}, "row 3 (f2), column status: 'rumour' - must be one of statuses.csv"),
        ({"measure": "mom"}, "column measure: 'mom' - must be one of level, yoy_growth, growth"),
        ({"qualifier": "circa"}, "column qualifier: 'circa' - must be one of (empty), about, nearly"),
        ({"currency": "RMB"}, "row 3 (f2), column currency: 'RMB' - must be one of (empty), BRL, CNY"),
        ({"currency": ""}, "row 3 (f2), column currency: '' - money needs a currency"),
        (
            {"metric": "dau", "unit": "person"},
            "row 3 (f2), column currency: 'CNY' - must be empty: only money has a currency",
        ),
        (
            {"unit": "person", "currency": ""},
            "row 3 (f2), column unit: 'person' - must be the metric's unit in metrics.csv",
        ),
        ({"measure": "yoy_growth"}, "column unit: 'money' - must be the metric's unit"),
        ({"unit": "kilo"}, "row 3 (f2), column unit: 'kilo' - must be one of money, money_per_share"),
        ({"value": "about 5"}, "row 3 (f2), column value: 'about 5' is not a plain number in base units"),
        ({"value": '"1,000"'}, "row 3 (f2), column value: '1,000' is not a plain number"),
        ({"value": "1_000"}, "row 3 (f2), column value: '1_000' is not a plain number"),
        ({"value": "True"}, "row 3 (f2), column value: 'True' is not a plain number"),
        ({"value": "310亿"}, "row 3 (f2), column value: '310亿' is not a plain number"),
        ({"value": "inf"}, "row 3 (f2), column value: 'inf' is not a plain number"),
        ({"value": "-Infinity"}, "row 3 (f2), column value: '-Infinity' is not a plain number"),
        ({"value": "1e999"}, "row 3 (f2), column value: '1e999' is not a plain number"),
        ({"value": "nan"}, "row 3 (f2), column value: 'nan' is not a plain number"),
        ({"value": ""}, "row 3 (f2), column value: '' - must be filled"),
        ({"value_high": "5"}, "row 3 (f2), column value_high: '5' - must not be below value"),
        ({"precision": "-10"}, "row 3 (f2), column precision: '-10' - must be above 0"),
        ({"precision": "0"}, "row 3 (f2), column precision: '0' - must be above 0"),
        ({"period_end": "2023-12-31"}, "column period_end: '2023-12-31' - must not lie before period_start"),
        (
            {"period_start": ""},
            "column period_end: '2024-03-31' - period_start and period_end are given together",
        ),
        ({"period_end": ""}, "column period_end: '' - period_start and period_end are given together"),
        ({"period_end": "2025-02-30"}, "column period_end: '2025-02-30' is not a day such as 2025-12-31"),
        ({"period_end": "2025-2-3"}, "column period_end: '2025-2-3' is not a day such as 2025-12-31"),
        ({"period_end": "31.12.2025"}, "column period_end: '31.12.2025' is not a day such as"),
        ({"as_of": ""}, "row 3 (f2), column as_of: '' - must be filled"),
        ({"fact_id": ""}, "row 3 (), column fact_id: '' - must be filled"),
    ],
)
def test_a_bad_cell_is_named_once(folder, change, told):
    (only,) = problems(folder, text_of(line(), line(**{"fact_id": "f2", **change}), line(fact_id="f3")))
    assert told in only


def test_a_doubled_id_names_both_rows(folder):
    found = problems(folder, text_of(line(), line(fact_id="f2"), line()))
    assert found == [f"row {row} (f1), column fact_id: 'f1' - must be unique" for row in (2, 4)]


@pytest.mark.parametrize(("row", "cells"), [("f2,kuaishou", 2), (line(fact_id="f2") + ",more", len(COLUMNS) + 1)])
def test_a_row_of_another_length(folder, row, cells):
    (only,) = problems(folder, text_of(line(note='"two\nlines"'), row, line(fact_id="f3")))
    assert only == f"row 3: {cells} cells, the header has {len(COLUMNS)}"


def test_a_blank_row_between_others(folder):
    assert problems(folder, text_of(line(), "", line(fact_id="f3"))) == ["row 3: the row is blank"]


def test_rows_are_counted_as_a_spreadsheet_shows_them(folder):
    (only,) = problems(folder, text_of(line(note='"three\nlong\nlines"'), line(fact_id="f2", value="x")))
    assert only.startswith("row 3 (f2), column value")


def test_many_problems_are_counted_and_the_first_ten_shown(folder):
    (folder / "facts.csv").write_text(
        text_of(*(line(fact_id=f"f{number}", value="x") for number in range(25))), encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"(?s)facts.csv: 25 problem.*row 11 \(f9\).*and 15 more$"):
        ledger.load(folder)


def test_a_long_cell_is_shortened(folder):
    (only,) = problems(folder, text_of(line(value="9x" * 5000)))
    assert only.endswith("…' is not a plain number in base units")


# --- refused: a file ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty (0 bytes): restore it from the repository"),
        (b" \n \r\n\t\n", "the file is empty (7 bytes): restore it"),
        (b"\xef\xbb\xbf\n", "is not a comma-separated header with fact_id, entity"),
        (text_of(), "there is no row below the header: a ledger holds at least one fact"),
        (text_of().rstrip("\n"), "there is no row below the header"),
        (text_of(line()).replace(",note", ""), "row 1: column 'note' is missing"),
        (text_of(line()).replace("note", "remark"), "row 1: unknown column 'remark'"),
        (text_of(line()).replace("value_high", "value"), "row 1: column 'value' stands twice"),
        (text_of(line()).replace(",", ";"), "row 1: 'fact_id;entity;metric"),
        (text_of(line(note="a\0b"), line(fact_id="f2")), "line 2: a NUL byte"),
        (text_of(line(note="\xe9")).encode("latin-1"), "line 2: byte 0xe9 is not UTF-8: save the file"),
        (text_of(line()).encode("utf-16"), "line 1: a NUL byte: the file is damaged or not text"),
        (b"x" * 5_000_000, "is not a comma-separated header with fact_id"),
        (b"x," * 2_000_000, "is not a comma-separated header with fact_id"),
        (text_of("x" * 5_000_000), "row 2: 1 cells, the header has 16"),
        (
            text_of(line(note='"open'), line(fact_id="f2")),
            "line 2: a quotation mark is opened and never closed, here or below",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) and " " in value else "",
)
def test_a_file_that_is_no_table_of_facts(folder, content, told):
    assert any(told in problem for problem in problems(folder, content))


def test_a_missing_file(folder):
    (folder / "facts.csv").unlink()
    with pytest.raises(DataError, match=r"facts\.csv: 1 problem\(s\)\n  cannot be read: No such file"):
        ledger.load(folder)


def test_a_missing_or_empty_folder(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: 1 problem.*\n  there is no such folder"):
        ledger.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"kinds\.csv: 1 problem.*\n  cannot be read"):
        ledger.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("sources", "2024-06-01", "June 2024", "column published: 'June 2024' - must be empty or YYYY"),
        ("sources", "2024-06-01", "2024-02-30", "row 4 (press_a), column published: '2024-02-30'"),
        ("sources", ",press,", ",blog,", "row 4 (press_a), column kind: 'blog' - must be one of kinds.csv"),
        ("sources", "press_b", "press_a", "row 5 (press_a), column source_id: 'press_a' - must be unique"),
        ("kinds", "filing,1", "filing,1.5", "row 2 (filing), column trust: '1.5' - must be a whole number"),
        ("kinds", "filing,1", "filing,", "row 2 (filing), column trust: '' - must be a whole number, 1"),
        ("entities", "platform,bytedance", "platform,tiktok", "column parent: 'tiktok' - must be one of"),
        ("entities", ",CNY,12-31", ",RMB,12-31", "column reporting_currency: 'RMB' - must be one of"),
        ("metrics", "money,flow", "cash,flow", "row 2 (revenue), column unit: 'cash' - must be one of money"),
        ("statuses", "reported,measured", "reported,true", "column nature: 'true' - must be one of measured"),
        ("identities", "segments,revenue,", "segments,income,", "column result: 'income' - must be one of"),
        ("bounds", "dau,mau,0.03,1", "dau,mau,2,1", "column high: '1' - must not be below low"),
    ],
)
def test_a_short_table_is_held_to_its_rules(folder, name, old, new, told):
    content = (folder / f"{name}.csv").read_text(encoding="utf-8").replace(old, new)
    assert any(told in problem for problem in problems(folder, content, f"{name}.csv"))


# --- two clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "known_on", "basis"),
    [
        ("filing", "2024-05-22", "published"),
        ("month_only", "2025-10-31", "published"),  # the last day that "2025-10" can mean
        ("year_only", "2025-12-31", "published"),
        ("undated", "2024-03-31", "own as_of, no usable page date"),
        ("early", "2024-03-31", "own as_of, no usable page date"),  # dated before the quarter closed
    ],
)
def test_a_fact_is_public_from_a_day(folder, source, known_on, basis):
    book = book_of(folder, {"source_id": source})
    (row,) = book.facts.itertuples()
    assert (row.known_on, row.known_basis) == (pd.Timestamp(known_on), basis)
    before = pd.Timestamp(known_on) - pd.Timedelta(days=1)
    assert len(ledger.facts(as_of=before.date(), book=book)) == 0
    assert len(ledger.facts(as_of=known_on, book=book)) == 1


def test_an_outlook_is_public_before_what_it_is_about(folder):
    book = book_of(folder, {"status": "forecast", "source_id": "early"}, {"source_id": "early"})
    assert book.facts.set_index("fact_id")["known_on"].dt.strftime("%Y-%m-%d").to_dict() == {
        "f1": "2024-02-01",
        "f2": "2024-03-31",
    }


def test_preferred_knows_only_what_was_public(folder):
    book = book_of(folder, {"value": "1100000000", "source_id": "press_a"}, {"source_id": "month_only"})
    asked = {"entity": "kuaishou", "metric": "revenue", "book": book}
    assert ledger.preferred(**asked, as_of="2024-06-30").fact_ids == ("f1",)
    assert ledger.preferred(**asked, as_of="2025-10-31").fact_ids == ("f2",)  # a broker, trusted more
    assert ledger.preferred(**asked, as_of="2024-05-31").table.empty


# --- facts ----------------------------------------------------------------------------------------


def test_facts_filters_by_one_name_or_several(folder):
    book = book_of(
        folder,
        {},
        {"entity": "pdd"},
        {"metric": "gmv"},
        {"measure": "yoy_growth", "unit": "ratio", "currency": "", "value": "0.1"},
        {"status": "suspect"},
    )

    def ids(**wanted: object) -> list[str]:
        return sorted(ledger.facts(book=book, **wanted)["fact_id"])

    assert ids() == ["f1", "f2", "f3", "f4", "f5"]
    assert ids(entity="pdd") == ["f2"]
    assert ids(entity=["pdd", "kuaishou"], metric="revenue") == ["f1", "f2", "f4", "f5"]
    assert ids(metric=("revenue", "gmv"), measure="level", nature="measured") == ["f1", "f2", "f3"]
    assert ids(nature="doubtful") == ["f5"]
    assert ids(entity=[]) == []


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ({"entity": "kuaishuo"}, UnknownNameError, "unknown entity 'kuaishuo'; did you mean kuaishou"),
        ({"metric": ["dau", "duu"]}, UnknownNameError, "unknown metric 'duu'; did you mean dau"),
        ({"measure": "mom"}, UnknownNameError, "unknown measure 'mom'"),
        ({"nature": "true"}, UnknownNameError, "unknown nature 'true'"),
        ({"as_of": "2025-13-01"}, ParameterError, "as_of '2025-13-01' is not a day"),
    ],
)
def test_facts_refuses(wanted, error, told):
    with pytest.raises(error, match=re.escape(told)):
        ledger.facts(**wanted)


@pytest.mark.parametrize("wanted", [{"measure": "multiple"}, {"nature": "rule"}])
def test_a_known_name_without_rows_gives_an_empty_table(folder, wanted):
    assert ledger.facts(book=ledger.load(folder), **wanted).empty


# --- preferred ------------------------------------------------------------------------------------

AGAINST = [  # what decides, the winner's row, the loser's row
    ("home currency", {"source_id": "press_a"}, {"source_id": "filing", "currency": "USD"}),
    ("trust", {"source_id": "filing"}, {"source_id": "press_b", "value": "3000000000"}),
    ("latest", {"source_id": "broker_b"}, {"source_id": "broker_a", "value": "3000000000"}),
    (
        "precision",  # same source, same kind, both values agree: the finer print
        {"source_id": "broker_a", "value": "1004000000", "precision": "1000000"},
        {"source_id": "broker_b", "precision": "10000000"},
    ),
]


@pytest.mark.parametrize(("winner", "loser"), [case[1:] for case in AGAINST], ids=[c[0] for c in AGAINST])
@pytest.mark.parametrize("swapped", [False, True])
def test_what_decides_between_two(folder, winner, loser, swapped):
    rows = [loser, winner] if swapped else [winner, loser]
    result = ledger.preferred(entity="kuaishou", metric="revenue", book=book_of(folder, *rows))
    assert result.fact_ids == (("f2",) if swapped else ("f1",))


def test_two_independent_origins_outweigh_a_later_one(folder):
    book = book_of(
        folder,
        {"source_id": "broker_a", "value": "3000000000"},
        {"source_id": "broker_b", "value": "3000000000"},
        {"source_id": "broker_c"},
    )
    result = ledger.preferred(entity="kuaishou", metric="revenue", book=book)
    (row,) = result.table.itertuples()
    assert (row.fact_id, row.support, row.is_disputed) == ("f2", 2, True)
    assert (row.range_low, row.range_high) == (1e9, 3e9)
    assert row.reason == "broker, reported, 2 origins; chosen from 3"
    assert result.rejected.set_index("fact_id")["reason"].to_dict() == {
        "f1": "agrees with f2, which is preferred",
        "f3": "disagrees with f2, which has more support or is later",
    }
    assert result.text == "1 periods, 1 with sources that disagree beyond rounding, 2 alternatives kept"


def test_copies_in_the_press_are_one_voice(folder):
    book = book_of(folder, {"source_id": "press_a"}, {"source_id": "press_b"})
    assert ledger.preferred(entity="kuaishou", metric="revenue", book=book).table["support"].tolist() == [1]


def test_another_currency_is_no_dispute(folder):
    book = book_of(folder, {}, {"currency": "USD", "value": "140000000"})
    result = ledger.preferred(entity="kuaishou", metric="revenue", book=book)
    assert result.table["is_disputed"].tolist() == [False]
    assert result.table["range_high"].tolist() == [1e9]
    assert result.rejected["reason"].tolist() == ["other currency than f1"]


def test_a_doubt_is_never_chosen_and_its_reason_kept(folder):
    book = book_of(
        folder,
        {"value": "9000000000"},  # the filing would win
        {"source_id": "press_a"},
        {"source_id": "broker_a", "status": "suspect", "value": "5000000000", "note": "a slip"},
    )
    result = ledger.preferred(
        entity="kuaishou", metric="revenue", doubts={"f1": "nine times the quarter before"}, book=book
    )
    (row,) = result.table.itertuples()
    assert (row.fact_id, row.range_low, row.range_high, row.is_disputed) == ("f2", 1e9, 1e9, False)
    assert result.rejected.set_index("fact_id")["reason"].to_dict() == {
        "f1": "nine times the quarter before",
        "f3": "marked suspect: a slip",
    }


def test_a_period_with_doubts_only_has_no_figure_but_keeps_them(folder):
    result = ledger.preferred(entity="kuaishou", metric="revenue", doubts={"f1": "why"}, book=ledger.load(folder))
    assert result.table.empty
    assert result.rejected["fact_id"].tolist() == ["f1"]


def test_outlooks_growth_and_periodless_facts_are_not_candidates(folder):
    book = book_of(
        folder,
        {"status": "forecast"},
        {"measure": "yoy_growth", "unit": "ratio", "currency": "", "value": "0.1"},
        {"period_start": "", "period_end": ""},
    )
    result = ledger.preferred(entity="kuaishou", metric="revenue", book=book)
    assert (len(result.table), len(result.rejected)) == (0, 0)


@pytest.mark.parametrize(
    ("frequency", "start", "end"),
    [
        ("point", "2024-03-31", "2024-03-31"),
        ("month", "2024-02-01", "2024-02-29"),
        ("quarter", "2024-01-01", "2024-03-31"),
        ("half", "2024-01-01", "2024-06-30"),
        ("year", "2024-01-01", "2024-12-31"),
    ],
)
def test_frequency_keeps_periods_of_its_length(folder, frequency, start, end):
    spans = [("2024-03-31", "2024-03-31"), ("2024-02-01", "2024-02-29"), ("2024-01-01", "2024-03-31")]
    spans += [("2024-01-01", "2024-06-30"), ("2024-01-01", "2024-12-31")]
    book = book_of(folder, *({"period_start": a, "period_end": b} for a, b in spans))
    table = ledger.preferred(entity="kuaishou", metric="revenue", frequency=frequency, book=book).table
    (row,) = table.itertuples()
    assert (row.period_start, row.period_end) == (pd.Timestamp(start), pd.Timestamp(end))


def test_an_unknown_frequency_is_refused():
    with pytest.raises(UnknownNameError, match="unknown frequency 'weekly'"):
        ledger.preferred(entity="kuaishou", metric="dau", frequency="weekly")


def test_every_candidate_is_chosen_or_rejected_once():
    """Law, on the real ledger: all entities and metrics at once."""
    book = ledger.load()
    entities, metrics = list(book.entities.index), list(book.metrics.index)
    doubts = dict.fromkeys(book.facts["fact_id"].iloc[::7], "for the test")
    result = ledger.preferred(entity=entities, metric=metrics, doubts=doubts, book=book)
    rows = ledger.facts(measure="level", nature=["measured", "doubtful"], book=book)
    candidates = sorted(rows.loc[rows["period_end"].notna(), "fact_id"])
    assert sorted([*result.fact_ids, *result.rejected["fact_id"]]) == candidates
    assert not set(doubts) & set(result.fact_ids)
    assert not result.table.duplicated(["entity", "metric", "period_start", "period_end"]).any()
    table = result.table
    assert ((table["range_low"] <= table["value"]) & (table["value"] <= table["range_high"])).all()
    assert result.rejected["reason"].ne("").all()


def test_several_series_at_once_are_the_single_ones(folder):
    book = ledger.load()
    metrics = ["revenue", "dau"]
    both = ledger.preferred(entity=["kuaishou", "pdd"], metric=metrics, book=book)
    single = [
        fact_id
        for entity in ("kuaishou", "pdd")
        for metric in metrics
        for fact_id in ledger.preferred(entity=entity, metric=metric, book=book).fact_ids
    ]
    assert sorted(both.fact_ids) == sorted(single)


# --- cite -----------------------------------------------------------------------------------------


def test_cite_by_hand(folder):
    book = book_of(folder, {}, {"source_id": "undated"})
    assert ledger.cite("f1", book=book) == "Kuaishou; Results; 2024-05-22; https://example.org/a [f1]"
    assert ledger.cite("f2", book=book) == "Broker F; Note; no date [f2]"
    assert ledger.cite("f2", language="zh", book=book) == "Broker F; Note; 无日期 [f2]"


def test_cite_refuses():
    with pytest.raises(UnknownNameError, match="unknown fact_id 'f9x'"):
        ledger.cite("f9x")
    with pytest.raises(UnknownNameError, match="unknown language 'de'"):
        ledger.cite("f0001", language="de")


def test_a_value_is_public_from_its_first_dated_page(folder):
    # the undated page counts from 31 December 2023, but a dated one printed the same value first in March
    book = book_of(folder, {"source_id": "undated"}, {"source_id": "broker_a"})
    (row,) = ledger.preferred(entity="kuaishou", metric="revenue", book=book).table.itertuples()
    assert row.is_dated
    assert row.first_known_on == book.sources.loc["broker_a", "published_on"]
    alone = book_of(folder, {"source_id": "undated"})
    (row,) = ledger.preferred(entity="kuaishou", metric="revenue", book=alone).table.itertuples()
    assert not row.is_dated
    assert row.first_known_on == row.period_end


def test_health_counts_what_a_report_rests_on(folder):
    book = book_of(folder, {"source_id": "undated"}, {"source_id": "broker_a", "value": "3000000000"})
    series = ledger.preferred(entity="kuaishou", metric="revenue", book=book)
    found = {check.name: check for check in ledger.health(book.facts, series)}
    assert (found["two clocks"].passed, found["doubtful kept out"].passed) == (True, True)
    assert found["dated pages"].value == 0.5  # one of two pages shows its day
    assert found["agreement"].value == 1  # 1 against 3 billion
    late = ledger.health(book.facts, series, as_of="2024-04-30")  # the broker's note is of June
    assert (late[0].passed, late[0].value) == (False, 1)


def test_health_of_nothing_passes_nothing(folder):
    book = book_of(folder, {})
    nothing = ledger.preferred(entity="pdd", metric="revenue", book=book)
    assert all(check.passed is None for check in ledger.health(book.facts.iloc[:0], nothing))
