"""Festival windows and milestones."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers import calendars, ledger, paths
from helpers.errors import DataError, UnknownNameError

EVENT = "e1,pdd,618,2025,whole,2025-05-13,2025-06-20,Asia/Shanghai,confirmed,seed-S07,note"
MILESTONE = "m1,kuaishou,founded,2011,seed-S07,note"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the real calendar."""
    return Path(shutil.copytree(paths.CALENDAR, tmp_path / "calendar"))


def write(folder: Path, name: str, *rows: str) -> None:
    """Keep the header of a file and replace its rows."""
    header = (paths.CALENDAR / name).read_text(encoding="utf-8").split("\n", 1)[0]
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


# --- the real calendar ----------------------------------------------------------------------------


def test_double_11_of_2022_on_tmall_by_hand():
    table = calendars.events(entity="tmall", festival="double_11", year=2022)
    assert table["phase"].tolist() == ["presale", "wave1", "wave2"]
    assert table["start"].tolist() == [
        pd.Timestamp(t) for t in ("2022-10-24 20:00", "2022-10-31 20:00", "2022-11-10 20:00")
    ]
    assert pd.isna(table["end"][0])
    assert table["end"][1] == pd.Timestamp("2022-11-03 23:59")  # a bare day ends with its last minute
    assert table["last_day"][1] == pd.Timestamp("2022-11-03")
    assert table["first_day"][1] == pd.Timestamp("2022-10-31")


def test_a_year_that_was_skipped_is_told_from_one_that_was_not_found():
    table = calendars.events(festival="618", year=2025).set_index("entity")
    assert table["status"].to_dict() == {
        "kuaishou": "not_found",
        "pdd": "confirmed",
        "xiaohongshu": "not_held",
    }
    assert table.loc[["kuaishou", "xiaohongshu"], ["start", "end"]].isna().all(axis=None)


def test_every_event_rests_on_a_known_source():
    table, known = calendars.events(), set(ledger.load().sources.index)
    assert set(table.loc[table["status"].ne("not_found"), "source_id"]) <= known
    assert len(table) >= 27


def test_founding_years_by_hand():
    table = calendars.milestones(milestone="founded").set_index("entity")
    assert table.loc["xiaohongshu", "first_day"] == pd.Timestamp("2013-01-01")
    assert table.loc["xiaohongshu", "last_day"] == pd.Timestamp("2013-12-31")
    assert table.loc["kuaishou", "date"] == "2011"


def test_a_month_means_all_of_its_days():
    (row,) = calendars.milestones(entity="xiaohongshu", milestone="ecommerce_department").itertuples()
    assert (row.first_day, row.last_day) == (pd.Timestamp("2023-08-01"), pd.Timestamp("2023-08-31"))


def test_several_names_at_once():
    table = calendars.events(entity=["pdd", "jd"], festival=["618", "double_11"])
    assert set(table["entity"]) == {"pdd", "jd"}
    assert calendars.events(year=1999).empty


# --- small files ----------------------------------------------------------------------------------


def test_an_evening_start_and_a_bare_end_on_one_day_are_in_order(folder):
    write(folder, "events.csv", EVENT.replace("05-13,2025-06-20", "05-13T20:00,2025-05-13"))
    (row,) = calendars.events(folder=folder).itertuples()
    assert (row.start, row.end) == (pd.Timestamp("2025-05-13 20:00"), pd.Timestamp("2025-05-13 23:59"))


def test_a_header_alone_is_an_empty_calendar(folder):
    write(folder, "events.csv")
    write(folder, "milestones.csv")
    assert calendars.events(folder=folder).empty
    assert calendars.milestones(folder=folder).empty


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("e1,", ",", "row 3 (), column event_id: '' - must be filled"),
        (",pdd", ",pddd", "row 3 (e1), column entity: 'pddd' - must be one of entities.csv"),
        (",618", ",616", "row 3 (e1), column festival: '616' - must be one of 618, double_11"),
        ("whole", "wave3", "column phase: 'wave3' - must be one of presale, early_access, official"),
        ("confirmed", "true", "column status: 'true' - must be one of confirmed, inferred, disputed"),
        ("Asia/Shanghai", "UTC", "column timezone: 'UTC' - must be one of Asia/Shanghai"),
        ("seed-S07", "s9", "row 3 (e1), column source_id: 's9' - must be one of sources.csv"),
        ("seed-S07", "", "column source_id: '' - may be empty only where status is not_found"),
        (",2025,", ",,", "column year: '' - must be a whole year"),
        (",2025,", ",2025.5,", "column year: '2025.5' - must be a whole year"),
        (",2025,", ",2024,", "column year: '2024' - must be the year of start"),
        (",2025,", ",MMXXV,", "column year: 'MMXXV' is not a plain number"),
        ("2025-05-13", "2025-02-30", "column start: '2025-02-30' - must be empty, a day such as"),
        ("2025-05-13", "13 May", "column start: '13 May' - must be empty, a day such as 2025-11-11"),
        ("2025-06-20", "2025-06-20T24:30", "column end: '2025-06-20T24:30' - must be empty, a day"),
        ("2025-06-20", "2025-06-20T10:00Z", "column end: '2025-06-20T10:00Z' - must be empty, a day"),
        ("2025-06-20", "2025-05-12", "row 3 (e1), column end: '2025-05-12' - must not lie before start"),
        ("confirmed", "not_held", "column status: 'not_held' - not_found and not_held have neither"),
        ("2025-05-13,2025-06-20", ",", "column status: 'confirmed' - not_found and not_held have"),
    ],
)
def test_a_bad_event_is_named(folder, old, new, told):
    write(folder, "events.csv", EVENT.replace("e1", "e0"), EVENT.replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        calendars.events(folder=folder)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kuaishou", "kwai", "row 3 (m1), column entity: 'kwai' - must be one of entities.csv"),
        ("founded", "", "row 3 (m1), column milestone: '' - must be filled"),
        ("seed-S07", "", "row 3 (m1), column source_id: '' - must be one of sources.csv"),
        ("2011", "", "row 3 (m1), column date: '' - must be YYYY, YYYY-MM or YYYY-MM-DD"),
        ("2011", "2011-13", "row 3 (m1), column date: '2011-13' - must be YYYY, YYYY-MM or"),
        ("2011", "2011-02-29", "row 3 (m1), column date: '2011-02-29' - must be YYYY, YYYY-MM or"),
        ("2011", "c. 2011", "row 3 (m1), column date: 'c. 2011' - must be YYYY"),
        ("m1", "m0", "row 2 (m0), column milestone_id: 'm0' - must be unique"),
    ],
)
def test_a_bad_milestone_is_named(folder, old, new, told):
    write(folder, "milestones.csv", MILESTONE.replace("m1", "m0"), MILESTONE.replace(old, new, 1))
    with pytest.raises(DataError, match=re.escape(told)):
        calendars.milestones(folder=folder)


def test_a_missing_file(folder):
    (folder / "events.csv").unlink()
    with pytest.raises(DataError, match=r"events\.csv: 1 problem\(s\)\n  cannot be read"):
        calendars.events(folder=folder)


@pytest.mark.parametrize(
    ("read", "wanted", "told"),
    [
        (calendars.events, {"entity": "tmal"}, "unknown entity 'tmal'; did you mean tmall"),
        (calendars.events, {"festival": ["618", "black_friday"]}, "unknown festival 'black_friday'"),
        (calendars.milestones, {"entity": "kwai"}, "unknown entity 'kwai'"),
        (calendars.milestones, {"milestone": "foundet"}, "unknown milestone 'foundet'; did you mean founded"),
    ],
)
def test_an_unknown_name_is_refused(read, wanted, told):
    with pytest.raises(UnknownNameError, match=re.escape(told)):
        read(**wanted)


# The second clock


def test_an_event_is_hidden_before_its_source_was_published():
    # e0027 (Xiaohongshu, Double 11 2025) rests on an article of 28 September 2025
    def seen(day):
        return "e0027" in set(calendars.events(entity="xiaohongshu", as_of=day)["event_id"])

    assert not seen("2025-09-27")
    assert seen("2025-09-28")


def test_an_undated_source_counts_from_the_last_day_it_speaks_of():
    # e0002 (Tmall, 618 2024) ends on 20 June; e0006 has no day at all and waits for the end of its year
    assert "e0002" not in set(calendars.events(entity="tmall", as_of="2024-06-19")["event_id"])
    assert "e0002" in set(calendars.events(entity="tmall", as_of="2024-06-20")["event_id"])
    assert "e0006" not in set(calendars.events(as_of="2025-12-30")["event_id"])
    assert "e0006" in set(calendars.events(as_of="2025-12-31")["event_id"])


def test_a_milestone_is_hidden_before_its_source_was_published():
    # m0001: the prospectus of January 2021; f0052: a broker's report of 11 October 2025
    founded = calendars.milestones(milestone="founded", as_of="2021-01-31")
    assert list(founded["milestone_id"]) == ["m0001"]
    assert len(calendars.milestones(milestone="founded", as_of="2025-10-11")) == 2
