"""Event data comes in: panel files as they are, order rows summed where they lie, samples with their truth."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from helpers import datasets, paths
from helpers.datasets import engines, orders
from helpers.errors import DataError, HelpersError, ParameterError, UnknownNameError
from helpers.uplift import panels

PANEL = "unit,date,value\nshop_1,2025-11-10,100\nshop_1,2025-11-11,250.5\nshop_2,2025-11-10,\n"


def write(folder, text, name="panel.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return file


# --- read_panel ---------------------------------------------------------------------------------


def test_panel_file_as_it_is(tmp_path):
    table = datasets.read_panel(write(tmp_path, PANEL))
    assert list(table.columns) == ["unit", "date", "value"]
    assert table["unit"].tolist() == ["shop_1", "shop_1", "shop_2"]
    assert table["date"].tolist() == [pd.Timestamp(day) for day in ("2025-11-10", "2025-11-11", "2025-11-10")]
    np.testing.assert_array_equal(table["value"], [100, 250.5, np.nan])
    panel = panels.panel(table)
    assert {check.name: check.value for check in panel.checks} == {"gaps": 1, "empty_values": 1, "zeros": 0}


def test_columns_are_renamed_and_others_are_left_in_the_file(tmp_path):
    text = "日期,店铺,GMV,客流,备注\n2025/11/1,007,12,3,好\n2025/11/2,007,1e3,.5,1.2万\n"
    table = datasets.read_panel(write(tmp_path, text), unit="店铺", date="日期", value="GMV", covariates=["客流"])
    expected = {"unit": ["007"] * 2, "date": pd.to_datetime(["2025-11-01", "2025-11-02"]), "value": [12.0, 1000.0]}
    expected = pd.DataFrame({**expected, "客流": [3.0, 0.5]})
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PANEL.encode("utf-8-sig"), "utf-8"),
        (PANEL.replace("\n", "\r\n").encode(), "utf-8"),
        (PANEL.encode() + b",,\n , ,\n\n", "utf-8"),  # blank rows where a spreadsheet leaves them
        (PANEL.rstrip("\n").encode(), "utf-8"),
        (PANEL.replace(",", " , ").replace("unit , date , value", "unit,date,value").encode(), "utf-8"),
        (PANEL.encode("gb18030"), "gb18030"),
    ],
)
def test_spreadsheet_exports_read_alike(tmp_path, content, encoding):
    table = datasets.read_panel(write(tmp_path, content), encoding=encoding)
    pd.testing.assert_frame_equal(table, datasets.read_panel(write(tmp_path, PANEL, "plain.csv")))


def test_chinese_names_in_gb18030_are_read_when_told(tmp_path):
    file = write(tmp_path, PANEL.replace("shop_1", "李宁旗舰店"), encoding="gb18030")
    assert datasets.read_panel(file, encoding="gb18030")["unit"][0] == "李宁旗舰店"
    with pytest.raises(
        DataError, match=r"line 2: byte 0xc0 is not utf-8; as gb18030 it reads '李宁旗舰店,2025-11-10,100'"
    ):
        datasets.read_panel(file)


def test_parquet_reads_like_csv(tmp_path):
    csv = datasets.read_panel(write(tmp_path, PANEL))
    table = arrow.table(
        {
            "other": [1, 2, 3],
            "value": arrow.array([Decimal("100.00"), Decimal("250.50"), None], arrow.decimal128(12, 2)),
            "date": arrow.array([date(2025, 11, 10), date(2025, 11, 11), date(2025, 11, 10)]),
            "unit": arrow.array(["shop_1", "shop_1", "shop_2"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "panel.any")  # told by its first bytes, not by its name
    pd.testing.assert_frame_equal(datasets.read_panel(tmp_path / "panel.any"), csv)


def test_zones_of_the_file_are_left_to_the_panel(tmp_path):
    # 20:00 in UTC is 04:00 of the next day in Shanghai
    aware = datasets.read_panel(write(tmp_path, "unit,date,value\na,2025-11-10T20:00:00Z,1\n"))
    assert panels.panel(aware).dates[0] == pd.Timestamp("2025-11-11")
    mixed = datasets.read_panel(write(tmp_path, "unit,date,value\na,2025-11-10T20:00:00Z,1\na,2025-11-12,1\n"))
    with pytest.raises(HelpersError, match="dates mix time zones"):
        panels.panel(mixed)


@pytest.mark.parametrize("text", ["1.2万", '"12,000"', "¥5", "12%", "NA", "nan", "inf", "1 200", "１２", "--", "0x1F"])
def test_what_is_no_plain_number_is_refused(tmp_path, text):
    file = write(tmp_path, PANEL.replace("250.5", text))
    cell = text.strip('"')
    with pytest.raises(DataError, match=r"row 3 \(shop_1\), column value: '.+' - must be a plain number") as caught:
        datasets.read_panel(file)
    assert f"{cell!r}" in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("text", ["11/10/2025", "45972", "2025", "2025-11", "2025-02-30", "11月10日", "2025-11/10", ""])
def test_what_is_no_day_is_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"row 3 \(shop_1\), column date: '.*' - must be a day such as 2025-11-11"):
        datasets.read_panel(write(tmp_path, PANEL.replace("2025-11-11", text)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"unit,date,value\n", "has a header and no rows"),
        (b"unit,date,gmv\na,2025-01-01,1\n", "column 'value' is missing; the file has: unit, date, gmv$"),
        (b"unit;date;value\na;2025-01-01;1\n", "has: unit;date;value; separate the cells by commas"),
        (b"unit,date,value,value\na,2025-01-01,1,2\n", "column 'value' stands twice"),
        (b"unit,date,value\na,2025-01-01,1\nb,2025-01-01,12,000\n", "row 3: 4 cells, the header has 3: 'b,2025"),
        (b'unit,date,value\na,2025-01-01,1\n"b,2025-01-01,2\n', "a quotation mark is opened and never closed"),
        (b"unit,date,value\n,2025-01-01,1\n", r"row 2 \(\), column unit: '' - must be filled"),
        (PANEL.encode("utf-16"), "is UTF-16"),
        (PANEL.encode("utf-16-le"), "line 1: a NUL: damaged or not text"),
        (b"PK\x03\x04rest of a workbook", "is an Excel workbook: save the sheet as 'CSV UTF-8'"),
        (b"PAR1 and no more", "is no sound Parquet file"),
        (b"unit,date,value\n\xff\xff,2025-01-01,1\n", "line 2: byte 0xff is not utf-8: save the file as"),
    ],
)
def test_files_that_are_no_panel(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        datasets.read_panel(write(tmp_path, content))


def test_parquet_with_texts_for_numbers_is_refused(tmp_path):
    frame = pd.DataFrame({"unit": ["a", "b"], "date": ["2025-01-01"] * 2, "value": ["1", "1.2万"]})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"row 3 \(b\), column value: '1.2万' - must be a plain number"):
        datasets.read_panel(tmp_path / "a.parquet")
    frame.assign(value=[True, False]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column value: 'True' - must be a plain number"):
        datasets.read_panel(tmp_path / "a.parquet")


def test_wrong_settings_of_a_panel_file(tmp_path):
    file = write(tmp_path, PANEL)
    with pytest.raises(ParameterError, match="each column can be used once, got unit, date, value, value"):
        datasets.read_panel(file, covariates=["value"])
    with pytest.raises(ParameterError, match="covariate 'value' has the name of a standard column"):
        datasets.read_panel(file, value="gmv", covariates=["value"])
    with pytest.raises(ParameterError, match="encoding 'gbx' is unknown"):
        datasets.read_panel(file, encoding="gbx")


def test_relative_paths_mean_the_project_and_then_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PROJECT", tmp_path / "project")
    (tmp_path / "project").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write(tmp_path / "here", PANEL.replace("shop_1", "here"))
    assert datasets.read_panel("panel.csv")["unit"][0] == "here"
    write(tmp_path / "project", PANEL.replace("shop_1", "project"))
    assert datasets.read_panel("panel.csv")["unit"][0] == "project"
    with pytest.raises(DataError, match=r"no.csv: 1 problem\(s\)\n  there is no such file \(looked in the project"):
        datasets.read_panel("no.csv")


# --- samples ------------------------------------------------------------------------------------


@pytest.fixture
def sampled(tmp_path):
    """A folder with one small sample, and a way to change its manifest."""
    file = write(tmp_path, PANEL.replace("unit,date", "unit,date").replace("value\n", "value\n"), "toy.csv")
    manifest = {
        "title": "two shops", "file": "toy.csv", "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "simulated": True, "seed": 7, "generator": "a generator 1.0", "truth": {"effect": 0.5},
        "columns": {
            "unit": {"type": "text", "unit": "", "meaning": "shop"},
            "date": {"type": "day", "unit": "", "meaning": "local day"},
            "value": {"type": "number", "unit": "CNY", "meaning": "GMV"},
        },
    }  # fmt: skip

    def change(**changed):
        (tmp_path / "toy.json").write_text(json.dumps({**manifest, **changed}), encoding="utf-8")
        return tmp_path

    change()
    return change


def test_sample_and_its_truth(sampled):
    toy = datasets.sample("toy", folder=sampled())
    pd.testing.assert_frame_equal(toy.table, datasets.read_panel(sampled() / "toy.csv"))
    assert toy.manifest["truth"] == {"effect": 0.5}
    assert toy.text == "Simulated data: two shops (3 rows, a generator 1.0, seed 7)"
    listed = datasets.samples(sampled())
    assert listed.to_dict("records") == [
        {"name": "toy", "title": "two shops", "file": "toy.csv", "seed": 7, "generator": "a generator 1.0"}
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"simulated": False}, "simulated is False: data/samples holds simulated data only"),
        ({"simulated": "yes"}, "simulated is 'yes'"),
        ({"sha256": "0" * 64}, "the manifest says 0000"),
        ({"file": "none.csv"}, "sha256 is no file"),
        ({"columns": {"unit": {"type": "word"}}}, "column 'unit': type 'word' must be one of text, day, number"),
        ({"columns": {"shop": {"type": "text"}}}, "column 'shop' is missing; the file has: unit, date, value"),
    ],
)
def test_samples_that_break_a_rule(sampled, changed, message):
    with pytest.raises(DataError, match=message):
        datasets.sample("toy", folder=sampled(**changed))


def test_manifests_that_are_none(tmp_path):
    write(tmp_path, '{"title": "x"}', "toy.json")
    with pytest.raises(DataError, match="'simulated' is missing"):
        datasets.sample("toy", folder=tmp_path)
    write(tmp_path, "{", "toy.json")
    with pytest.raises(DataError, match="is not JSON"):
        datasets.samples(tmp_path)
    with pytest.raises(UnknownNameError, match=r"unknown sample 'toi'; did you mean toy\?"):
        datasets.sample("toi", folder=tmp_path)


# --- daily_panel --------------------------------------------------------------------------------

ROWS = [  # paid_at in UTC: 16:00 there is midnight in Shanghai
    ("shop_2", "2025-11-10 15:59:59.999999", "10.10", 1, "ann", "paid"),
    ("shop_2", "2025-11-10 16:00:00", "20.20", 2, "ann", "paid"),
    ("shop_2", "2025-11-11 03:00:00", "0.10", 2, "bob", "paid"),
    ("shop_2", "2025-11-11 04:00:00", "-5.00", 3, "bob", "refunded"),
    ("shop_1", "2025-11-12 20:00:00", "7.00", 4, None, "paid"),
    ("shop_1", "2025-11-12 21:00:00", None, 5, "ann", "paid"),
    (None, "2025-11-12 21:00:00", "100.00", 6, "ann", "paid"),
    ("", "2025-11-12 21:00:00", "100.00", 7, "ann", "paid"),
    ("shop_1", None, "1000.00", 8, "ann", "paid"),
]


def order_table(zone=None):
    shops, times, amounts, ids, buyers, statuses = zip(*ROWS, strict=True)
    moments = [None if time is None else datetime.fromisoformat(time) for time in times]
    return arrow.table(
        {
            "shop": arrow.array(shops),
            "paid_at": arrow.array(moments, arrow.timestamp("us")).cast(arrow.timestamp("us", zone)),
            "amount": arrow.array([None if a is None else Decimal(a) for a in amounts], arrow.decimal128(12, 2)),
            "order_id": ids,
            "buyer": buyers,
            "status": statuses,
        }
    )


@pytest.fixture
def order_files(tmp_path):
    table = order_table()
    for number, start in enumerate((0, 4)):
        parquet.write_table(table.slice(start, 4 if start == 0 else None), tmp_path / f"orders_{number}.parquet")
    return str(tmp_path / "orders_*.parquet")


COLUMNS = {"unit": "shop", "time": "paid_at", "value": "amount", "stored_in": "UTC"}


def days(result, *columns):
    return [
        (row.unit, f"{row.date:%m-%d}", *(getattr(row, name) for name in columns or ["value"]))
        for row in result.table.itertuples()
    ]


def values_of(result):
    return {check.name: check.value for check in result.checks}


def test_order_rows_to_unit_days_by_hand(order_files):
    result = datasets.daily_panel(order_files, **COLUMNS, orders="order_id", buyers="buyer")
    # shop_2 on the 11th: 20.20 + 0.10 - 5.00 = 15.30 in orders 2, 2, 3 of ann, bob, bob;
    # shop_1 on the 13th, Shanghai: 7.00 and one row without a value
    assert days(result, "value", "rows", "orders", "buyers") == [
        ("shop_1", "11-13", 7.0, 2, 2, 1),
        ("shop_2", "11-10", 10.1, 1, 1, 1),
        ("shop_2", "11-11", 15.3, 3, 2, 2),
    ]
    assert values_of(result) == {
        "rows_read": 9, "rows_without_unit": 2, "rows_without_time": 1, "rows_without_value": 1,
        "days_without_rows": 1, "unit_days_without_rows": 5, "negative_unit_days": 0,
    }  # fmt: skip
    checks = {check.name: check for check in result.checks}
    assert checks["rows_without_unit"].passed is False
    assert checks["rows_without_unit"].text == "2 of 9 rows have no unit and are left out"
    assert checks["days_without_rows"].text.endswith(
        "1 of 4 days from 2025-11-10 to 2025-11-13 have no row of any unit: 2025-11-12"
    )
    assert "GROUP BY" in result.sql
    assert panels.panel(result.table).values.shape == (2, 4)


def test_local_times_and_days_are_not_moved(order_files, tmp_path):
    local = datasets.daily_panel(order_files, **{**COLUMNS, "stored_in": "Asia/Shanghai"})
    assert days(local)[1:] == [("shop_2", "11-10", 30.3), ("shop_2", "11-11", -4.9)]
    assert values_of(local)["negative_unit_days"] == 1
    table = order_table()
    table = table.set_column(1, "paid_at", table["paid_at"].cast(arrow.date32(), safe=False))
    parquet.write_table(table, tmp_path / "days.parquet")
    by_day = datasets.daily_panel(tmp_path / "days.parquet", unit="shop", time="paid_at", value="amount")
    pd.testing.assert_frame_equal(by_day.table, local.table)


def test_times_with_a_zone_are_moments(order_files, tmp_path):
    naive = datasets.daily_panel(order_files, **COLUMNS)
    for zone in ("UTC", "Asia/Shanghai"):
        parquet.write_table(order_table(zone), tmp_path / "zoned.parquet")
        zoned = datasets.daily_panel(tmp_path / "zoned.parquet", unit="shop", time="paid_at", value="amount")
        pd.testing.assert_frame_equal(zoned.table, naive.table)
        part = datasets.daily_panel(
            tmp_path / "zoned.parquet", unit="shop", time="paid_at", value="amount", last="2025-11-10"
        )
        assert days(part) == [("shop_2", "11-10", 10.1)]


def test_a_session_in_another_zone_is_refused(tmp_path):
    parquet.write_table(order_table("UTC"), tmp_path / "zoned.parquet")
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'Asia/Shanghai'")
    with pytest.raises(
        HelpersError, match="the session of duckdb shows times in Asia/Shanghai: set its time zone to UTC"
    ):
        datasets.daily_panel(tmp_path / "zoned.parquet", unit="shop", time="paid_at", value="amount", engine=backend)


@pytest.mark.parametrize("resolution", ["s", "ms", "us", "ns"])
def test_every_resolution_of_time(order_files, tmp_path, resolution):
    table = order_table()
    times = table["paid_at"].cast(arrow.timestamp(resolution), safe=False)
    parquet.write_table(table.set_column(1, "paid_at", times), tmp_path / "times.parquet")
    found = datasets.daily_panel(tmp_path / "times.parquet", **COLUMNS, last="2025-11-11")
    assert found.table.equals(datasets.daily_panel(order_files, **COLUMNS, last="2025-11-11").table)


def test_first_and_last_are_local_days_and_keep_count_of_lost_times(order_files):
    result = datasets.daily_panel(order_files, **COLUMNS, first="2025-11-11", last=date(2025, 11, 12))
    assert days(result) == [("shop_2", "11-11", 15.3)]
    assert values_of(result)["rows_read"] == 4
    assert values_of(result)["rows_without_time"] == 1
    assert values_of(result)["days_without_rows"] == 1


def test_measures(order_files):
    asked = {**COLUMNS, "value": ""}
    assert days(datasets.daily_panel(order_files, **asked, measure="count"))[0] == ("shop_1", "11-13", 2)
    assert days(datasets.daily_panel(order_files, **COLUMNS, measure="count"))[0] == ("shop_1", "11-13", 1)
    distinct = datasets.daily_panel(order_files, **{**COLUMNS, "value": "buyer"}, measure="nunique")
    assert [row[-1] for row in days(distinct)] == [1, 1, 2]


def test_where_keeps_rows(order_files):
    paid = datasets.daily_panel(order_files, **COLUMNS, where={"status": "paid", "order_id": [1, 2, 3]})
    assert days(paid) == [("shop_2", "11-10", 10.1), ("shop_2", "11-11", 20.3)]


def test_whole_numbers_stay_whole(tmp_path):
    fen = 2**53 + 1  # no float holds it
    table = arrow.table({"shop": [1, 1, 10, 2], "day": [date(2025, 1, 1)] * 4, "fen": [fen, 0, 1, 1]})
    parquet.write_table(table, tmp_path / "a.parquet")
    whole = datasets.daily_panel(tmp_path / "a.parquet", unit="shop", time="day", value="fen").table
    assert whole["value"].tolist() == [fen, 1, 1]
    assert whole["unit"].tolist() == ["1", "10", "2"]


def test_decimals_become_the_nearest_float(tmp_path):
    cents = np.random.default_rng(3).integers(-(10**9), 10**9, 2000)
    amounts = [Decimal(int(c)).scaleb(-2) for c in cents]
    table = arrow.table({"shop": np.arange(2000), "day": [date(2025, 1, 1)] * 2000, "amount": amounts})
    parquet.write_table(table, tmp_path / "a.parquet")
    found = datasets.daily_panel(tmp_path / "a.parquet", unit="shop", time="day", value="amount").table
    found = found.set_index(found["unit"].astype(int)).sort_index()["value"]
    assert found.tolist() == [float(amount) for amount in amounts]


def test_splitting_and_shuffling_rows_changes_nothing(order_files, tmp_path):
    whole = order_table()
    shuffled = whole.take(np.random.default_rng(5).permutation(len(whole)))
    (tmp_path / "day=1").mkdir()
    parquet.write_table(shuffled, tmp_path / "day=1" / "one.parquet")
    again = datasets.daily_panel(tmp_path / "day=1", **COLUMNS)
    assert again.table.equals(datasets.daily_panel(order_files, **COLUMNS).table)


def test_total_is_that_of_the_rows(tmp_path):
    rng = np.random.default_rng(11)
    count = 20_000
    times = np.datetime64("2025-01-01", "us") + rng.integers(0, 60 * 86_400_000_000, count).astype("timedelta64[us]")
    frame = pd.DataFrame({"shop": rng.integers(0, 50, count), "at": times, "fen": rng.integers(-500, 9_000, count)})
    frame.to_parquet(tmp_path / "orders.parquet")
    found = datasets.daily_panel(
        tmp_path / "orders.parquet", unit="shop", time="at", value="fen", stored_in="UTC"
    ).table
    by_pandas = frame.groupby([frame["shop"].astype(str), (frame["at"] + pd.Timedelta(hours=8)).dt.normalize()])[
        "fen"
    ].sum()
    assert found["value"].sum() == frame["fen"].sum()
    np.testing.assert_array_equal(found["value"], by_pandas.to_numpy())
    np.testing.assert_array_equal(found["date"], by_pandas.index.get_level_values(1))


def test_table_of_an_engine_that_the_user_opened(order_files):
    backend = ibis.duckdb.connect()
    backend.raw_sql(f"CREATE TABLE orders AS FROM '{order_files}'")
    result = datasets.daily_panel("orders", **COLUMNS, engine=backend)
    assert days(result)[-1] == ("shop_2", "11-11", 15.3)
    assert days(datasets.daily_panel("main.orders", **COLUMNS, engine=backend)) == days(result)
    with pytest.raises(DataError, match=r"duckdb has no such table; .*a file ends in \.parquet"):
        datasets.daily_panel("order", **COLUMNS, engine=backend)


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark", "clickhouse", "trino"])
def test_one_expression_for_every_engine(dialect):
    rows = ibis.table({"shop": "string", "at": "timestamp", "amount": "decimal(12, 2)"}, name="orders")
    kept = orders._kept(rows, {}, "at", (date(2025, 11, 1), date(2025, 11, 11)), pd.Timedelta(hours=8))
    day = orders._moved(kept["at"], pd.Timedelta(hours=8)).date()
    sql = ibis.to_sql(kept.group_by(unit="shop", date=day).agg(value=kept["amount"].sum()), dialect=dialect)
    assert "480" in str(sql)
    assert "2025, 10, 31, 16" in str(sql) or "2025-10-31T16" in str(sql) or "2025-10-31 16" in str(sql)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"unit": "seller"}, DataError, "column 'seller' is missing; there are: shop, paid_at, amount, order_id"),
        ({"where": {"state": "paid"}}, DataError, "column 'state' is missing"),
        ({"unit": "amount"}, DataError, r"column 'amount' holds decimal\(12, 2\): a unit is a text or a whole number"),
        ({"time": "status"}, DataError, "column 'status' holds string: it must be a timestamp or a date"),
        ({"value": "status"}, DataError, "column 'status' holds string: only numbers can be summed"),
        ({"stored_in": ""}, ParameterError, "the times of column 'paid_at' carry no zone: say stored_in='UTC' or"),
        ({"stored_in": "Shanghai"}, ParameterError, "time zone 'Shanghai' is unknown"),
        ({"timezone": "America/New_York"}, ParameterError, "time zone 'America/New_York' has summer time"),
        ({"measure": "mean"}, UnknownNameError, "unknown measure 'mean'"),
        ({"value": ""}, ParameterError, "measure 'sum' needs the column that is measured"),
        ({"first": "2025-12-01", "last": "2025-11-01"}, ParameterError, "first 2025-12-01 lies after last 2025-11-01"),
        ({"first": "2025-12-01"}, DataError, "no row with a unit and a time is left of 1 rows read from 2025-12-01"),
        ({"where": {"status": "lost"}}, DataError, "no row with a unit and a time is left of 0 rows read"),
    ],
)
def test_wrong_questions_to_the_rows(order_files, changed, error, message):
    with pytest.raises(error, match=message):
        datasets.daily_panel(order_files, **{**COLUMNS, **changed})


def test_wrong_sources(tmp_path):
    with pytest.raises(DataError, match="no file matches"):
        datasets.daily_panel(tmp_path / "*.parquet", **COLUMNS)
    write(tmp_path, "no parquet", "a.parquet")
    with pytest.raises(DataError, match="duckdb cannot read it"):
        datasets.daily_panel(tmp_path / "a.parquet", **COLUMNS)
    for endless in (float("inf"), float("nan")):
        table = arrow.table({"shop": ["a", "a", "b"], "day": [date(2025, 1, 1)] * 3, "amount": [1.0, endless, None]})
        parquet.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(DataError, match=r"the value of 1 unit-days is NaN or infinite \(a 2025-01-01\)"):
            datasets.daily_panel(tmp_path / "a.parquet", unit="shop", time="day", value="amount")
    zoned = {"unit": "shop", "time": "paid_at", "value": "amount", "stored_in": "UTC"}
    parquet.write_table(order_table("UTC"), tmp_path / "a.parquet")
    with pytest.raises(ParameterError, match="column 'paid_at' carries its zone: leave stored_in empty, got 'UTC'"):
        datasets.daily_panel(tmp_path / "a.parquet", **zoned)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("nosuch://ann:secret@host", "engine nosuch://host cannot be used: Don't know how to connect to"),
        (
            "snowflake://account",
            r"engine 'snowflake' is not installed: install the package ibis-framework\[snowflake\]",
        ),
        ("duckdb://?memory=1", "engine duckdb:// cannot be used"),
        (
            "trino://ann:secret@127.0.0.1:9/hive",
            r"engine trino://127.0.0.1:9/hive does not answer: 127.0.0.1:9 \(Connection",
        ),
    ],
)
def test_engines_that_cannot_be_used(order_files, engine, message):
    with pytest.raises(HelpersError, match=message) as caught:
        datasets.daily_panel(order_files, **COLUMNS, engine=engine)
    assert "secret" not in str(caught.value)


def test_the_first_master_that_answers_is_enough():
    with engines.socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        engines._refuse_silent(f"pyspark://?spark.master=spark://127.0.0.1:9,127.0.0.1:{port}")
    engines._refuse_silent("pyspark://?spark.master=local[2]")


def test_files_in_data_are_seen_by_the_log_of_reads(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    write(data, PANEL)
    parquet.write_table(order_table(), data / "orders.parquet")
    log = tmp_path / "reads.txt"
    code = (
        "from helpers import datasets\nfrom helpers.reports import sandbox\n"
        f"sandbox.watch({str(log)!r}, {str(data)!r}, is_online=False)\n"
        "datasets.read_panel('data/panel.csv')\n"
        f"datasets.daily_panel('data/*.parquet', **{COLUMNS!r})"
    )
    env = {**os.environ, "HELPERS_PROJECT": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    seen = [json.loads(line).get("file") for line in log.read_text().splitlines()]
    assert {os.path.basename(name) for name in seen if name} == {"panel.csv", "orders.parquet"}
