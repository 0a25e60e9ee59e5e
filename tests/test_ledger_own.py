"""A user's own facts beside the project's ledger: what is read, what is refused, and that all readers see it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

from helpers import audit, calendars, ledger, paths
from helpers.errors import DataError, UnknownNameError
from helpers.ledger.schema import LAYOUTS, OWN_FACTS

HEADER = "entity,entity_name,reporting_currency,metric,value,unit,currency,period_start,period_end,as_of,source,kind"
RELEASE = '"Etsy; Results for 2024; 2025-02-19; https://example.org/etsy"'
ROWS = (
    f"etsy,Etsy,USD,revenue,2808000000,money,USD,2024-01-01,2024-12-31,2024-12-31,{RELEASE},company_release",
    "etsy,,,revenue,2748000000,money,USD,2023-01-01,2023-12-31,2023-12-31,Etsy; Results for 2023,company_release",
    "etsy,,,market_cap,6000000000,money,USD,2025-06-30,2025-06-30,2025-06-30,A vendor; quote page,data_vendor",
)


def written(folder: Path, *rows: str, header: str = HEADER, name: str = "mine.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def row(**changes: str) -> str:
    """The first row with other cells."""
    cells = dict(zip(HEADER.split(","), [*ROWS[0].split(",", 10)[:10], RELEASE, "company_release"], strict=True))
    return ",".join((cells | changes).values())


def problems(place: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        ledger.load(own=place)
    assert not re.search(r"lambda|Traceback|pyarrow|<function|0x\w{6}", str(caught.value))
    return caught.value.problems


# --- one file -------------------------------------------------------------------------------------


def test_one_file_is_enough_for_another_company(tmp_path):
    book = ledger.load(own=written(tmp_path, *ROWS))
    found = ledger.preferred(entity="etsy", metric="revenue", frequency="year", book=book)
    assert found.fact_ids == ("own3", "own2")  # the ids are the rows of the file, in the order of the periods
    assert found.table["value"].tolist() == [2748e6, 2808e6]
    assert found.table["status"].tolist() == ["reported", "reported"]
    # 2,748 million is printed to the million: half a million either way
    assert (found.table["low"][0], found.table["high"][0]) == (2747.5e6, 2748.5e6)
    assert ledger.label("etsy", "zh", book=book) == "Etsy"
    assert book.entities.loc["etsy", "reporting_currency"] == "USD"


def test_the_source_in_words_is_a_citation_and_names_the_file(tmp_path):
    book = ledger.load(own=written(tmp_path, *ROWS))
    assert ledger.cite("own2", book=book) == (
        "Etsy; Results for 2024 (own facts, mine.csv); 2025-02-19; https://example.org/etsy [own2]"
    )
    assert ledger.cite("own4", book=book) == "A vendor; quote page (own facts, mine.csv); no date [own4]"
    known = book.facts.set_index("fact_id").loc[["own2", "own3"], "known_on"].dt.strftime("%Y-%m-%d").tolist()
    assert known == ["2025-02-19", "2023-12-31"]  # the page's day; without one, the end of the period
    assert "etsy" not in set(ledger.facts(as_of="2023-12-30", book=book)["entity"].astype(str))


def test_the_file_is_hashed_and_read_again_when_it_changes(tmp_path):
    file = written(tmp_path, *ROWS)
    book = ledger.load(own=file)
    assert book.files["own/mine.csv"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert ledger.load(own=file) is book
    written(tmp_path, *ROWS[:2])
    assert len(ledger.load(own=file).facts) == len(book.facts) - 1


@pytest.mark.parametrize("nothing", ["", " ", None])
def test_no_file_is_the_projects_ledger(nothing):
    assert ledger.load(own=nothing) is ledger.load()


def test_a_relative_path_is_looked_for_in_the_project_and_here(tmp_path, monkeypatch):
    written(tmp_path, *ROWS)
    monkeypatch.chdir(tmp_path)
    assert "etsy" in ledger.load(own="mine.csv").entities.index
    with pytest.raises(DataError, match=r"there is no such file or folder \(looked in the project folder and in"):
        ledger.load(own="other.csv")


def test_the_projects_facts_stay_as_they_are(tmp_path):
    """Law: without the user's rows, the joined ledger is the project's."""
    base, book = ledger.load(), ledger.load(own=written(tmp_path, *ROWS))
    left = book.facts[~book.facts["fact_id"].str.startswith("own")].reset_index(drop=True)
    pd.testing.assert_frame_equal(left, base.facts, check_categorical=False)
    assert (book.facts.dtypes.astype(str) == base.facts.dtypes.astype(str)).all()
    assert book.facts["known_on"].is_monotonic_increasing
    assert set(base.files) < set(book.files)
    for name in ("sources", "entities", "metrics"):
        pd.testing.assert_frame_equal(getattr(book, name).loc[getattr(base, name).index], getattr(base, name))


def test_an_own_fact_of_unknown_care_does_not_outrank_the_projects(tmp_path):
    """Kuaishou's revenue of 2024 stands in filings; a copy without a kind is an alternative, not the answer."""
    asked = {"entity": "kuaishou", "metric": "revenue", "frequency": "year"}
    header = "entity,metric,value,unit,currency,period_start,period_end,as_of,source"
    file = written(
        tmp_path,
        "kuaishou,revenue,99000000000,money,CNY,2024-01-01,2024-12-31,2024-12-31,A blog; a story",
        header=header,
    )
    book = ledger.load(own=file)
    before, after = ledger.preferred(**asked), ledger.preferred(**asked, book=book)
    assert after.fact_ids == before.fact_ids
    assert "own2" in set(after.rejected["fact_id"])
    (fact,) = book.facts[book.facts["fact_id"].eq("own2")].itertuples()
    assert (fact.kind, fact.status, fact.measure) == ("repost", "press", "level")


def test_more_of_an_entity_and_the_ids_of_the_user(tmp_path):
    header = "fact_id,entity,metric,measure,value,unit,currency,period_start,period_end,as_of,status,precision,source"
    file = written(
        tmp_path,
        "my.1,kuaishou,revenue,yoy_growth,0.12,ratio,,2031-01-01,2031-12-31,2031-12-31,forecast,0.01,Me; a guess",
        header=header,
    )
    book = ledger.load(own=file)
    (fact,) = ledger.facts(entity="kuaishou", nature="expected", as_of="2032-01-01", book=book).tail(1).itertuples()
    assert (fact.fact_id, fact.value, fact.precision, fact.measure) == ("my.1", 0.12, 0.01, "yoy_growth")


def test_the_audit_and_the_calendar_take_the_joined_ledger(tmp_path):
    rows = [*ROWS, row(value="2908000000", source="Etsy; other results for 2024"), row(value="6000000", metric="gmv")]
    book = ledger.load(own=written(tmp_path, *rows))
    known = ledger.facts(book=book)
    verdicts = audit.audit(known[known["entity"].eq("etsy")], **book.rules).verdicts
    assert any({"own2", "own5"} <= set(ids) for ids in verdicts["fact_ids"])  # 2,808 against 2,908 million
    assert len(calendars.milestones(book=book)) == len(calendars.milestones())
    with pytest.raises(UnknownNameError, match="unknown entity 'etsy'"):
        ledger.facts(entity="etsy")  # without book=book a reader knows the project's ledger only


# --- refused --------------------------------------------------------------------------------------

STANDARD = [
    ({"value": '"2,808"'}, "column value: '2,808' is not a plain number in base units"),
    ({"value": "28亿"}, "column value: '28亿' is not a plain number in base units"),
    ({"value": "inf"}, "column value: 'inf' is not a plain number in base units"),
    ({"value": ""}, "column value: '' - must be filled"),
    ({"period_end": "31.12.2024"}, "column period_end: '31.12.2024' is not a day such as 2025-12-31"),
    ({"period_end": "20241231"}, "column period_end: '20241231' is not a day such as 2025-12-31"),
    ({"period_end": "2023-12-31"}, "column period_end: '2023-12-31' - must not lie before period_start"),
    ({"period_start": ""}, "column period_end: '2024-12-31' - period_start and period_end are given together"),
    ({"as_of": ""}, "column as_of: '' - must be filled"),
    ({"currency": ""}, "column currency: '' - money needs a currency"),
    ({"currency": "RMB"}, "column currency: 'RMB' - must be one of (empty), BRL, CNY"),
    ({"unit": "USD m"}, "column unit: 'USD m' - must be one of money, money_per_share"),
    ({"metric": "revenues"}, "column metric: 'revenues' - is no metric of the ledger (near: revenue"),
    ({"entity": "kuaishuo", "entity_name": "", "reporting_currency": ""}, "'kuaishuo' - is no entity of the ledger (n"),
    ({"entity": "Etsy Inc"}, "column entity: 'Etsy Inc' - must be a code of small letters"),
    ({"reporting_currency": "RMB"}, "column reporting_currency: 'RMB' - must be one of BRL, CNY"),
    ({"entity": "kuaishou", "reporting_currency": ""}, "entity_name: 'Etsy' - must be empty: kuaishou is Kuaishou in"),
    ({"source": ""}, "column source_id: '' - every fact has a source: 'publisher; title; day; address'"),
    ({"source": "2025-01-01; https://example.org"}, "- names no publisher: write 'publisher; title; day; address'"),
    ({"source": "Etsy; 2025-02-30"}, "column source: 'Etsy; 2025-02-30' - 2025-02-30 is no day of the calendar"),
    ({"kind": "blog"}, "column kind: 'blog' - must be one of filing, official_statistics"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), STANDARD)
def test_a_bad_cell_is_named_once(tmp_path, change, told):
    (only,) = problems(written(tmp_path, ROWS[1].replace("etsy,,", "etsy,Etsy,"), row(**change)))
    assert only.startswith("row 3 (own3), column ")
    assert told in only


def test_all_problems_are_told_at_once_in_the_order_of_the_rows(tmp_path):
    found = problems(
        written(
            tmp_path,
            row(value="x", unit="kilo", source=""),
            row(metric="revenues", entity_name="Other"),
            row(as_of="soon"),
        )
    )
    places = [re.match(r"row (\d) \(own\d\), column (\w+)", line).groups() for line in found]
    assert sorted(places) == sorted(
        [("2", "value"), ("2", "unit"), ("2", "source_id"), ("3", "metric"), ("3", "entity_name"), ("4", "as_of")]
    )
    assert [int(number) for number, _ in places] == [2, 2, 2, 3, 3, 4]


def test_an_id_of_the_project_is_taken(tmp_path):
    header = "fact_id," + HEADER
    (only,) = problems(written(tmp_path, "f0001," + ROWS[0], "own2," + ROWS[2], header=header))
    assert only.startswith("row 2 (f0001), column fact_id: 'f0001' - is taken in the project's ledger: choose another")
    found = problems(written(tmp_path, "a b," + ROWS[0], "c," + ROWS[1], "c," + ROWS[2], header=header))
    assert found == [
        "row 2 (a b), column fact_id: 'a b' - must be letters, digits, _ . or -",
        "row 3 (c), column fact_id: 'c' - must be unique",
        "row 4 (c), column fact_id: 'c' - must be unique",
    ]


def test_a_source_id_must_be_known_and_stands_alone(tmp_path):
    header = HEADER + ",source_id"
    found = problems(
        written(
            tmp_path,
            row(source="", kind="") + ",seed-S01",
            row(source="", kind="") + ",seed-S99",
            row() + ",seed-S01",
            header=header,
        )
    )
    assert found[0] == "row 3 (own3), column source_id: 'seed-S99' - must be one of sources.csv"
    assert [line.split(": ")[0] for line in found[1:]] == [
        "row 4 (own4), column source",
        "row 4 (own4), column kind",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER + "\n", "there is no row below the header: give at least one fact"),
        ("a,b\n1,2\n", "is not a comma-separated header with entity, metric, value"),
        (HEADER.replace(",as_of", "") + "\n", "row 1: column 'as_of' is missing"),
        (HEADER.replace("kind", "sort") + "\n", "row 1: unknown column 'sort'"),
        ("", "the file is empty"),
    ],
)
def test_a_file_that_is_no_table_of_facts(tmp_path, content, told):
    file = tmp_path / "mine.csv"
    file.write_text(content, encoding="utf-8")
    assert any(told in problem for problem in problems(file))


# --- a folder -------------------------------------------------------------------------------------

FACTS = "entity,metric,value,unit,currency,period_start,period_end,as_of,source_id"
FOLDER = {
    "facts.csv": f"{FACTS}\netsy,habitual_buyers,6000000,buyer,,2024-01-01,2024-12-31,2024-12-31,mine-01\n",
    "sources.csv": "source_id,publisher,title,url,published,kind,about\nmine-01,Etsy,10-K,,2025-02-19,filing,\n",
    "entities.csv": "entity,name_en,name_zh,kind,parent,ticker,reporting_currency,fiscal_year_end\n"
    "etsy,Etsy,Etsy,company,,ETSY,USD,12-31\ndepop,Depop,Depop,platform,etsy,,USD,12-31\n",
    "metrics.csv": "metric,name_en,name_zh,unit,kind,direction,definition\n"
    "habitual_buyers,Habitual buyers,常客,buyer,flow,higher,Six or more purchase days\n",
}


def folder(place: Path, **changes: str) -> Path:
    place = place / "own"
    place.mkdir(exist_ok=True)
    for name, content in {**FOLDER, **{f"{name}.csv": text for name, text in changes.items()}}.items():
        (place / name).write_text(content, encoding="utf-8")
    return place


def test_a_folder_brings_its_own_lists(tmp_path):
    book = ledger.load(own=folder(tmp_path))
    found = ledger.preferred(entity="etsy", metric="habitual_buyers", frequency="year", book=book)
    assert (found.table["value"][0], found.table["kind"][0], found.table["status"][0]) == (6e6, "filing", "reported")
    assert ledger.cite("own2", book=book) == "Etsy; 10-K (own facts, sources.csv); 2025-02-19 [own2]"
    assert ledger.names("zh", book=book)["habitual_buyers"] == "常客"
    assert {"own/facts.csv", "own/sources.csv", "own/entities.csv", "own/metrics.csv"} <= set(book.files)
    assert book.rules["metrics"].loc["habitual_buyers", "unit"] == "buyer"


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("entities", "etsy,Etsy", "kuaishou,Etsy", "column entity: 'kuaishou' - is taken in the project's ledger"),
        ("entities", ",etsy,,", ",ebay,,", "column parent: 'ebay' - must be one of entities.csv"),
        ("entities", "depop,Depop", "De pop,Depop", "column entity: 'De pop' - must be a code of small letters"),
        ("metrics", "habitual_buyers,H", "revenue,H", "column metric: 'revenue' - is taken in the project's ledger"),
        ("metrics", "buyer,flow", "buyer,sum", "column kind: 'sum' - must be one of flow"),
        ("sources", "mine-01", "seed-S01", "column source_id: 'seed-S01' - is taken in the project's ledger"),
        ("sources", "filing", "blog", "column kind: 'blog' - must be one of kinds.csv"),
        ("facts", "buyer,", "person,", "column unit: 'person' - must be the metric's unit in metrics.csv"),
    ],
)
def test_its_tables_are_held_to_the_same_rules(tmp_path, name, old, new, told):
    found = problems(folder(tmp_path, **{name: FOLDER[f"{name}.csv"].replace(old, new)}))
    assert any(told in problem for problem in found), found


def test_a_misspelt_file_is_not_left_unread(tmp_path):
    place = folder(tmp_path, source="source_id\n")
    assert problems(place) == ["source.csv is none of facts.csv, entities.csv, metrics.csv, sources.csv: move it away"]


def test_a_folder_without_facts(tmp_path):
    assert any("cannot be read" in problem for problem in problems(tmp_path))


# --- as documented --------------------------------------------------------------------------------


def test_the_example_of_the_readme_is_read_as_it_says(tmp_path):
    """Each example file of data/ledger/README.md, word for word."""
    text = (paths.LEDGER / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```csv\n(.*?)```", text, flags=re.DOTALL)
    file = tmp_path / "etsy.csv"
    file.write_text(example, encoding="utf-8")
    book = ledger.load(own=file)
    revenue = ledger.preferred(entity="etsy", metric="revenue", frequency="year", book=book)
    assert len(revenue.table) == 2
    assert f"cites as `{ledger.cite('own2', book=book)}`" in " ".join(text.split())
    new = set(OWN_FACTS.every) - set(LAYOUTS["facts"].every)
    assert [column for column in new if column not in text] == []
