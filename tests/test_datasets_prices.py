"""Listed prices: the vendor's own parser runs over recorded answers; nothing here touches a network."""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
import yfinance
from requests.adapters import HTTPAdapter

from helpers import ledger
from helpers.datasets import as_facts, listed_prices, prices
from helpers.errors import DataError, HelpersError, ParameterError, UnitError, UnknownNameError

DATA = Path(__file__).parent / "data"
TENCENT = (DATA / "prices_0700_hk.json").read_text(encoding="utf-8")  # recorded
WINBOND = (DATA / "prices_2344_tw.json").read_text(encoding="utf-8")  # recorded
UNKNOWN = '{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}'
WEEK = {"first": "2026-08-03", "last": "2026-08-07"}


class Recorded(HTTPAdapter):
    """Answers every request for a chart with recorded text, or raises."""

    def __init__(self, answer: str | Exception, *, later: str = "", status: int = 200) -> None:
        super().__init__()
        self.answer, self.later, self.status, self.asked = answer, later, status, []

    def send(self, request, **options):
        if isinstance(self.answer, Exception):
            raise self.answer
        self.asked.append(request.url)
        reply = requests.Response()
        chart = "/v8/finance/chart/" in request.url
        reply.status_code, reply.url, reply.request = self.status if chart else 404, request.url, request
        text = self.later if self.later and "period1=" in request.url else self.answer
        reply._content = text.encode() if chart else b"none"
        return reply


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A vendor's library without a memory of other tests, and a day on which the recordings are over."""
    yfinance.set_tz_cache_location(str(tmp_path))
    yfinance.cache._TzCacheManager._tz_cache = yfinance.cache._CookieCacheManager._Cookie_cache = None
    yfinance.data.YfData.cache_get.cache_clear()
    yfinance.data.SingletonMeta._instances.clear()
    monkeypatch.setattr(prices, "_today", lambda: date(2026, 8, 20))


def session(answer: str | Exception, **more) -> requests.Session:
    opened = requests.Session()
    opened.mount("https://", Recorded(answer, **more))
    return opened


def made(closes: list[float | None], *, splits: dict[str, float] | None = None, **meta) -> str:
    """An answer made by hand in the vendor's shape: closes of 10:00 in London from 1 June 2026, working days."""
    days = pd.bdate_range("2026-06-01", periods=len(closes))
    stamps = [int(datetime(day.year, day.month, day.day, 9, tzinfo=UTC).timestamp()) for day in days]
    events = {}
    for day, ratio in (splits or {}).items():
        stamp = stamps[days.get_loc(pd.Timestamp(day))]
        events[str(stamp)] = {"date": stamp, "numerator": ratio, "denominator": 1.0, "splitRatio": f"{ratio:g}:1"}
    about = {"currency": "GBP", "symbol": "MADE.L", "exchangeName": "LSE", "instrumentType": "EQUITY", "priceHint": 2,
             "exchangeTimezoneName": "Europe/London", "longName": "Made by hand", "gmtoffset": 3600} | meta  # fmt: skip
    quote = dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": [1] * len(closes)}
    result = {"meta": about, "timestamp": stamps, "indicators": {"quote": [quote], "adjclose": [{"adjclose": closes}]}}
    if events:
        result["events"] = {"splits": events}
    return json.dumps({"chart": {"result": [result], "error": None}})


def june(answer: str, last: str = "2026-06-30", **more) -> pd.DataFrame:
    return listed_prices("MADE.L", first="2026-06-01", last=last, session=session(answer), **more)


# --- what comes back ------------------------------------------------------------------------------


def test_a_recorded_answer_of_the_vendor():
    """Tencent in the week of 3 August 2026; a second vendor printed 478.800 and, for the day before, 479.200."""
    table = listed_prices("0700.hk", **WEEK, unit="money_per_share", session=session(TENCENT))
    assert tuple(table.columns) == prices.COLUMNS
    assert table["date"].dt.strftime("%m-%d").tolist() == ["08-03", "08-04", "08-05", "08-06", "08-07"]
    # sent in single precision as 490.3999938964844 and so on
    assert table["close"].tolist() == [490.4, 487.6, 492.2, 479.2, 478.8]
    about = table.drop(columns=["date", "close"]).drop_duplicates()
    assert about.to_dict("records") == [
        {
            "ticker": "0700.HK", "name": "Tencent Holdings Limited", "currency": "HKD", "unit": "money_per_share",
            "exchange": "HKSE", "precision": 0.001, "split_factor": 1.0, "vendor_currency": "HKD",
            "vendor": "yfinance", "retrieved_on": pd.Timestamp("2026-08-20"),
        }
    ]  # fmt: skip


def test_only_the_days_asked_for_and_all_splits_since():
    opened = session(TENCENT)
    table = listed_prices("0700.HK", first="2026-08-04", last="2026-08-05", session=opened)
    assert table["close"].tolist() == [487.6, 492.2]
    (asked,) = [url for url in opened.get_adapter("https://").asked if "period1=" in url]
    end = int(re.search(r"period2=(\d+)", asked)[1])
    # midnight after 20 August in Hong Kong is 16:00 UTC of that day
    assert datetime.fromtimestamp(end, tz=UTC) == datetime(2026, 8, 20, 16, tzinfo=UTC)
    assert "events=div%2Csplits" in asked


def test_a_later_split_is_undone():
    """Two for one on 3 June, five for one on 5 June: one share of 1 June is ten of today."""
    answer = made([10.0, 11.0, 12.5, 12.0, 13.0], splits={"2026-06-03": 2.0, "2026-06-05": 5.0})
    table = june(answer)
    assert table["split_factor"].tolist() == [10, 10, 5, 5, 1]
    assert table["close"].tolist() == [100.0, 110.0, 62.5, 60.0, 13.0]  # 10 x 10, 11 x 10, 12.5 x 5, 12 x 5
    assert table["precision"].tolist() == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.01])
    # law: what a holding of one share of 1 June is worth does not jump at a split
    held = table["close"] * table["split_factor"].iloc[0] / table["split_factor"]
    assert held.tolist() == [100.0, 110.0, 125.0, 120.0, 130.0]


def test_a_split_after_the_last_day_counts_too():
    table = june(made([10.0, 11.0, 12.0], splits={"2026-06-03": 4.0}), last="2026-06-02")
    assert table["close"].tolist() == [40.0, 44.0]


def test_pence_come_as_pounds_and_it_is_said():
    table = june(made([115.75, 117.5], currency="GBp"))
    assert table["close"].tolist() == [1.1575, 1.175]
    assert (table["currency"][0], table["vendor_currency"][0]) == ("GBP", "GBp")
    assert table["precision"].tolist() == pytest.approx([0.0001, 0.0001])


def test_a_day_without_a_price_stays_a_gap():
    table = june(made([10.0, None, 12.0]))
    assert len(table) == 3
    assert math.isnan(table["close"][1])
    with pytest.raises(DataError, match=r"1 days have no close \(2026-06-02\): leave them out with dropna"):
        as_facts(table.assign(unit="money_per_share"), entity="kuaishou")


def test_no_quoted_digits_no_precision():
    assert june(made([10.0], priceHint=None))["precision"].isna().all()


def test_full_doubles_are_left_as_they_are():
    given = pd.Series([490.3999938964844, 0.1, 1 / 3, np.nan])
    assert prices._printed(given)[:3].tolist() == [490.4, 0.1, 1 / 3]
    assert np.isnan(prices._printed(given)[3])


def test_what_is_over_is_told_by_utc(monkeypatch):
    monkeypatch.undo()
    assert prices._today() == datetime.now(UTC).date()


# --- refused --------------------------------------------------------------------------------------


def test_a_currency_that_the_kit_does_not_know():
    """Winbond in Taipei, recorded in March 2026."""
    with pytest.raises(UnitError, match=r"2344\.TW is quoted in 'TWD', which is none of BRL, CNY, .*USD, GBp"):
        listed_prices("2344.TW", first="2026-03-13", last="2026-03-26", session=session(WINBOND))
    with pytest.raises(UnitError, match=r"MADE\.L is quoted in 'ZAc'"):
        june(made([10.0], currency="ZAc"))


@pytest.mark.parametrize("times", [1, 3])  # the library looks elsewhere for a zone, but only twice
def test_an_unknown_ticker(times, monkeypatch):
    for _ in range(times):
        with pytest.raises(HelpersError, match="yfinance knows no ticker 'NOPE', or no more: write it as the vendor"):
            listed_prices("NOPE", **WEEK, session=session(UNKNOWN, status=404))


def test_a_known_ticker_without_prices_of_these_days():
    none = UNKNOWN.replace("No data found, symbol may be delisted", "Data doesn't exist for startDate = 1, endDate = 2")
    with pytest.raises(HelpersError, match=r"yfinance has no price of 0700\.HK from 2026-08-03: .*Data doesn't exist"):
        listed_prices("0700.HK", **WEEK, session=session(TENCENT, later=none))
    with pytest.raises(HelpersError, match=r"yfinance has no close of 0700\.HK from 2026-07-01 to 2026-07-31"):
        listed_prices("0700.HK", first="2026-07-01", last="2026-07-31", session=session(TENCENT))


def test_an_empty_answer():
    with pytest.raises(HelpersError, match=r"yfinance gave an empty answer for MADE\.L from 2026-06-01"):
        june(made([]))


def test_no_network():
    error = requests.exceptions.ConnectionError("Could not resolve host")
    with pytest.raises(
        HelpersError, match=r"yfinance cannot be reached \(Could not resolve host\): prices need a netw"
    ):
        listed_prices("0700.HK", **WEEK, session=session(error))


def test_an_answer_that_is_no_table():
    with pytest.raises(HelpersError, match=r"yfinance cannot read the vendor's answer for 0700\.HK: JSONDecodeError"):
        listed_prices("0700.HK", **WEEK, session=session("<html>consent</html>"))


def test_too_many_requests():
    with pytest.raises(HelpersError, match="yfinance is refused for now, after too many requests: try again later"):
        listed_prices("0700.HK", **WEEK, session=session("Too Many Requests", status=429))


def test_the_library_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(HelpersError, match="yfinance, which is not installed: run `python -m pip install yfinance`"):
        listed_prices("0700.HK", **WEEK)


def test_the_libraries_settings_are_left_as_they_were():
    yfinance.config.debug.hide_exceptions = True
    with pytest.raises(HelpersError):
        listed_prices("0700.HK", **WEEK, session=session("Too Many Requests", status=429))
    assert yfinance.config.debug.hide_exceptions is True


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"vendor": "akshare"}, UnknownNameError, r"unknown vendor 'akshare' \(known: yfinance\)"),
        ({"unit": "money"}, UnknownNameError, r"unknown unit 'money'.*known: money_per_share, money_per_ads"),
        ({"last": "2026-08-20"}, ParameterError, "last 2026-08-20 is not over yet: a close is known from the next day"),
        ({"last": "2026-08-01"}, ParameterError, "last 2026-08-01 lies before first 2026-08-03"),
        ({"first": ""}, ParameterError, "first and last are days such as 2025-12-31"),
        ({"first": "August"}, ParameterError, "'August' is not a day"),
        ({"ticker": " "}, ParameterError, "ticker ' ' is empty"),
    ],
)
def test_arguments_that_break_their_rules(change, error, told):
    with pytest.raises(error, match=told):
        listed_prices(**{"ticker": "0700.HK", **WEEK, **change})


# --- as facts -------------------------------------------------------------------------------------


def test_prices_become_facts_with_a_passport(tmp_path):
    table = listed_prices("0700.HK", **WEEK, unit="money_per_share", session=session(TENCENT))
    rows = as_facts(table, entity="kuaishou")
    file = tmp_path / "prices.csv"
    rows.to_csv(file, index=False)
    book = ledger.load(own=file)
    found = ledger.preferred(entity="kuaishou", metric="share_price", as_of="2026-08-05", book=book)
    last = found.table.iloc[-1]
    assert (last["value"], last["currency"], last["unit"]) == (492.2, "HKD", "money_per_share")
    assert (last["low"], last["high"]) == pytest.approx((492.1995, 492.2005))  # printed to 0.001
    assert (last["kind"], last["known_on"]) == ("data_vendor", pd.Timestamp("2026-08-05"))
    assert ledger.cite("own4", book=book) == (
        "Yahoo Finance through yfinance; Daily closes of Tencent Holdings Limited (0700.HK), HKSE, "
        "retrieved 2026-08-20 (own facts, prices.csv); no date; https://finance.yahoo.com/quote/0700.HK [own4]"
    )
    assert book.sources["publisher"].eq("Yahoo Finance through yfinance").sum() == 1  # one source for all days


def test_a_depositary_share_is_divided_by_its_ordinary_shares():
    """98.4 dollars for an ADS of four shares is 24.6 a share."""
    table = june(made([98.4], currency="USD"), unit="money_per_ads")
    (row,) = as_facts(table, entity="pdd", shares_per_ads=4).itertuples()
    assert (row.value, row.unit, row.currency) == (pytest.approx(24.6), "money_per_share", "USD")
    assert row.precision == pytest.approx(0.0025)
    assert row.note == "close; 98.4 USD for an ADS of 4 shares"


def test_the_note_says_what_was_done():
    answer = made([1000.0, 110.0], currency="GBp", splits={"2026-06-02": 10.0})
    rows = as_facts(june(answer, unit="money_per_share"), entity="kuaishou")
    assert rows["value"].tolist() == [100.0, 1.1]  # 1,000 pence x 10 / 100
    assert rows["note"].tolist() == ["close; later splits undone, times 10; quoted in GBp", "close; quoted in GBp"]


@pytest.mark.parametrize(
    ("unit", "ratio", "told"),
    [
        ("", None, r"it is not said whether 0700\.HK is quoted for an ordinary share or for an ADS"),
        ("", 4, r"it is not said whether 0700\.HK is quoted for an ordinary share or for an ADS"),
        ("money_per_ads", None, r"0700\.HK is quoted for an ADS: shares_per_ads must be above 0, got None"),
        ("money_per_ads", 0, "shares_per_ads must be above 0, got 0"),
        ("money_per_ads", math.inf, "shares_per_ads must be above 0, got inf"),
        ("money_per_share", 4, r"0700\.HK is quoted for an ordinary share: shares_per_ads must be left out"),
    ],
)
def test_what_the_line_is_must_be_said(unit, ratio, told):
    table = listed_prices("0700.HK", **WEEK, unit=unit, session=session(TENCENT))
    with pytest.raises(UnitError, match=told):
        as_facts(table, entity="kuaishou", shares_per_ads=ratio)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop(columns="unit"), "column 'unit' is missing: take the table of listed_prices"),
        (lambda t: t.iloc[:0], "there is no row"),
        (lambda t: pd.concat([t, t.assign(ticker="1024.HK")]), r"holds 2 values of ticker \(0700\.HK, 1024\.HK\)"),
        (lambda t: t.assign(currency=["HKD", "USD", "HKD", "HKD", "HKD"]), "holds 2 values of currency"),
    ],
)
def test_a_table_that_is_not_one_line(change, told):
    table = listed_prices("0700.HK", **WEEK, unit="money_per_share", session=session(TENCENT))
    with pytest.raises(DataError, match=told):
        as_facts(change(table), entity="kuaishou")
