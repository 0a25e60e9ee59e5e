"""Festival windows, milestones, and the statutory and lunar calendar."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import chinese_calendar
import pandas as pd
import pytest
from borax.calendars.lunardate import LunarDate

from helpers import calendars, ledger, paths
from helpers.errors import DataError, HelpersError, UnknownNameError

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


# Days: statutory and lunar calendar


def days(first: str, last: str) -> pd.DataFrame:
    return calendars.days(first, last).set_index("date")


def test_the_golden_week_of_2025_by_hand():
    # Announcement for 2025: free 1 to 8 October with Mid-Autumn on the 6th; work on Sunday 28 September and
    # Saturday 11 October
    table = days("2025-09-26", "2025-10-12")
    free = table[table["holiday"] != ""]
    assert list(free.index.day) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert free["day_of_holiday"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert free["holiday"]["2025-10-06"] == "Mid-Autumn Festival"
    assert free["lunar_month"]["2025-10-06"] == 8
    assert free["lunar_day"]["2025-10-06"] == 15
    worked = table.index[table["is_makeup_workday"]]
    assert [f"{day:%m-%d}" for day in worked] == ["09-28", "10-11"]
    assert table["is_workday"].sum() == 3 + 1 + 3  # 26, 29, 30 September; 28 September; 9, 10, 11 October
    assert table["known"].all()


# Lunar New Year's Days and leap months as the observatory of Hong Kong prints them
NEW_YEARS = ["2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29",
             "2026-02-17", "2027-02-06"]  # fmt: skip


@pytest.mark.parametrize("day", NEW_YEARS)
def test_lunar_new_year(day):
    (row,) = calendars.days(day, day).itertuples()
    assert (row.lunar_month, row.lunar_day, row.is_leap_month, row.days_to_spring_festival) == (1, 1, False, 0)
    around = calendars.days(*(pd.Timestamp(day) + pd.Timedelta(days=by) for by in (-3, 3)))
    assert around["days_to_spring_festival"].tolist() == [3, 2, 1, 0, -1, -2, -3]


def test_the_leap_months_of_2023_and_2025_by_hand():
    # Leap second month 22 March to 19 April 2023, leap sixth month 25 July to 22 August 2025
    for first, last, month in (("2023-03-22", "2023-04-19", 2), ("2025-07-25", "2025-08-22", 6)):
        table = days(first, last)
        assert table["is_leap_month"].all()
        assert set(table["lunar_month"]) == {month}
        outside = [pd.Timestamp(first) - pd.Timedelta(days=1), pd.Timestamp(last) + pd.Timedelta(days=1)]
        assert not any(calendars.days(day, day)["is_leap_month"].item() for day in outside)


def test_every_day_agrees_with_the_libraries():
    table = calendars.days("2004-01-01", "2026-12-25")
    plain = [day.date() for day in table["date"]]
    assert table["is_workday"].tolist() == [chinese_calendar.is_workday(day) for day in plain]
    lunar = [LunarDate.from_solar(day) for day in plain[::5]]
    assert table["lunar_month"][::5].tolist() == [day.month for day in lunar]
    assert table["lunar_day"][::5].tolist() == [day.day for day in lunar]
    assert table["is_leap_month"][::5].tolist() == [bool(day.leap) for day in lunar]


def test_a_break_is_counted_the_same_wherever_the_span_is_cut():
    whole, cut = days("2025-09-01", "2025-10-31"), days("2025-10-05", "2025-10-31")
    pd.testing.assert_frame_equal(whole.loc["2025-10-05":], cut)


def test_a_weekend_that_a_break_closes_around_belongs_to_it():
    # Dragon Boat 2012: Friday 22 and Sunday 24 June are listed, Saturday 23 lies between them
    assert days("2012-06-22", "2012-06-24")["day_of_holiday"].tolist() == [1, 2, 3]
    # Qingming 2015: Sunday 5 and Monday 6 April are listed, Saturday 4 is a weekend
    assert days("2015-04-04", "2015-04-06")["day_of_holiday"].tolist() == [0, 1, 2]
    # New Year 2024 reaches back into December 2023
    assert days("2023-12-29", "2024-01-01")["day_of_holiday"].tolist() == [0, 1, 2, 3]


def test_a_day_without_announcement_is_told_and_not_guessed():
    table = days("2026-12-24", "2027-02-10")
    assert table["known"].tolist() == [True] * 2 + [False] * 47
    assert table["holiday"].eq("").all()
    assert table["is_workday"].equals(pd.Series(table.index.day_of_week < 5, index=table.index))
    assert table["days_to_spring_festival"]["2027-02-05"] == 1
    assert not days("2003-12-31", "2004-01-01")["known"].iloc[0]


# Movable regressors


def test_movable_regressors_of_2025_by_hand():
    table = calendars.movable("2025-01-01", "2025-12-31")
    # Announced for 2025: 1, 8, 3, 5, 3 and 8 days free, Mid-Autumn within the last; five weekend days worked.
    # The ramp of 14 days sums to (1 + 2 + ... + 14) / 14 = 7.5
    assert table.sum().round(9).to_dict() == {
        "new_year": 1, "spring_festival": 8, "qingming": 3, "labour_day": 5, "dragon_boat": 3, "mid_autumn": 0,
        "national_day": 8, "makeup_workday": 5, "pre_spring_festival": 7.5, "lantern_festival": 1, "qixi": 1,
        "valentine": 1, "five_twenty": 1,
    }  # fmt: skip
    on = {name: f"{table.index[table[name] == 1][0]:%m-%d}" for name in ("lantern_festival", "qixi", "valentine")}
    assert on == {"lantern_festival": "02-12", "qixi": "08-29", "valentine": "02-14"}  # qixi: not 30 July
    ramp = table["pre_spring_festival"]
    assert ramp["2025-01-28"] == 1
    assert ramp["2025-01-15"] == pytest.approx(1 / 14)
    assert ramp[["2025-01-14", "2025-01-29"]].tolist() == [0, 0]
    assert table.shape == (365, 13)
    assert table.index.name == "date"


def test_movable_does_not_hang_on_where_the_span_is_cut():
    whole = calendars.movable("2023-01-01", "2025-12-31")
    for first, last in (("2023-09-29", "2023-09-29"), ("2024-02-04", "2024-02-12"), ("2025-10-06", "2025-10-06")):
        pd.testing.assert_frame_equal(calendars.movable(first, last), whole.loc[first:last])
    assert whole.loc["2023-09-29", "national_day"] == 1  # Mid-Autumn opens the eight days of 2023
    assert whole.loc["2024-09-15":"2024-09-17", "mid_autumn"].tolist() == [1, 1, 1]


def test_movable_refuses_what_was_not_announced_or_leaves_it_empty():
    told = "no announcement of holidays is packed for 6 day(s) of 2026-12-01 to 2026-12-31, the first is 2026-12-26"
    with pytest.raises(HelpersError, match=re.escape(told)):
        calendars.movable("2026-12-01", "2026-12-31")
    table = calendars.movable("2027-01-20", "2027-02-10", unknown="empty")
    assert table[[*calendars.HOLIDAYS, "makeup_workday"]].isna().all(axis=None)
    assert table["pre_spring_festival"]["2027-02-05"] == 1
    assert table.drop(columns=[*calendars.HOLIDAYS, "makeup_workday"]).notna().all(axis=None)


@pytest.mark.parametrize("read", [calendars.days, calendars.movable])
@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2025-02-30", "2025-03-01", "must be local days such as 2025-11-11, got '2025-02-30'"),
        ("2025-03-01T00:00Z", "2025-03-02", "must be local days such as 2025-11-11"),
        (None, "2025-03-01", "must be local days such as 2025-11-11, got None"),
        ("2025-03-02", "2025-03-01", "must not lie before the first, got 2025-03-02 to 2025-03-01"),
        ("1900-12-31", "1901-01-01", "known from 1901 to 2099, got 1900-12-31 to 1901-01-01"),
        ("2099-12-31", "2100-01-01", "known from 1901 to 2099"),
    ],
)
def test_a_bad_span_of_days_is_refused(read, first, last, told):
    with pytest.raises(HelpersError, match=re.escape(told)):
        read(first, last)


def test_an_unknown_treatment_of_unknown_days_is_refused():
    with pytest.raises(HelpersError, match="unknown must be refuse or empty, got 'guess'"):
        calendars.movable("2025-01-01", "2025-01-02", unknown="guess")


# Windows merged over phases


def window(entity: str, festival: str, year: int, **options):
    (row,) = calendars.windows(entity=entity, festival=festival, year=year, **options).itertuples()
    return row


def test_a_dated_whole_is_the_window():
    row = window("xiaohongshu", "double_11", 2025)
    assert (row.start, row.end) == (pd.Timestamp("2025-10-11"), pd.Timestamp("2025-11-11 23:59"))
    assert (row.length_days, row.status, row.gaps, row.is_complete) == (32, "confirmed", "", True)
    # Douyin 2025: the official phase begins later than the whole of 57 days
    assert window("douyin", "double_11", 2025).length_days == 57


def test_phases_are_joined_where_no_whole_is_dated():
    row = window("tmall", "double_11", 2022)
    assert (row.start, row.end) == (pd.Timestamp("2022-10-24 20:00"), pd.Timestamp("2022-11-11 23:59"))
    assert row.length_days == pytest.approx(18 + 4 / 24)
    assert (row.phases, row.gaps) == ("presale, wave1, wave2", "end of presale not stated")
    assert row.event_ids == "e0008, e0009, e0010"
    assert window("douyin", "double_11", 2024).length_days == 35  # as the source prints


def test_an_open_last_phase_leaves_the_window_open():
    # Kuaishou 2023: the presale ends on 30 October, the official phase that follows has no stated end
    row = window("kuaishou", "double_11", 2023)
    assert row.start == pd.Timestamp("2023-10-18")
    assert pd.isna(row.end)
    assert (row.gaps, row.is_complete) == ("end not stated; end of official not stated", False)
    assert pd.isna(row.length_days)


def test_gaps_and_conflicts_of_the_real_calendar_stay_visible():
    assert window("kuaishou", "double_11", 2024).start == pd.Timestamp("2024-10-10")
    assert window("kuaishou", "double_11", 2025).start == pd.Timestamp("2025-10-07")
    assert {window("kuaishou", "double_11", year).gaps for year in (2024, 2025)} == {"end not stated"}
    doubted = window("xiaohongshu", "618", 2024)
    assert doubted.status == "disputed"
    assert "20 May" in doubted.conflicts
    assert (window("xiaohongshu", "618", 2025).status, window("xiaohongshu", "618", 2025).gaps) == (
        "not_held",
        "not held",
    )
    assert window("kuaishou", "618", 2025).gaps == "no source was found"
    assert "36" in window("jd", "double_11", 2025).note


def test_every_event_is_in_one_window():
    table, rows = calendars.windows(), calendars.events()
    assert sorted(", ".join(table["event_ids"]).split(", ")) == sorted(rows["event_id"])
    assert not table.duplicated(["entity", "festival", "year"]).any()


def test_a_phase_outside_the_whole_and_a_second_whole_are_conflicts(folder):
    early = EVENT.replace("e1", "e0").replace("whole,2025-05-13,2025-06-20", "presale,2025-05-10,2025-05-12")
    other = EVENT.replace("e1", "e2").replace("2025-05-13", "2025-05-15")
    write(folder, "events.csv", early, EVENT, other)
    row = window("pdd", "618", 2025, folder=folder)
    assert row.conflicts == "start of whole: 2025-05-13 or 2025-05-15; presale leaves the whole"
    assert (row.start, row.end) == (pd.Timestamp("2025-05-13"), pd.Timestamp("2025-06-20 23:59"))


def test_a_window_without_rows_is_an_empty_table():
    assert calendars.windows(year=1999).empty
    assert "gaps" in calendars.windows(year=1999).columns
