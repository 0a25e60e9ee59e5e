"""The settings of a report."""

from __future__ import annotations

import re
from datetime import date, datetime

import pandas as pd
import pytest

from helpers.errors import ParameterError, UnknownNameError
from helpers.settings import EventSettings, Settings, parse_day


def test_names_are_the_platform_and_its_peers_once_each():
    assert Settings(platform="kuaishou", peers="pdd, kuaishou,,bilibili ").names == (
        "kuaishou",
        "pdd",
        "bilibili",
    )
    assert Settings(platform="kuaishou").names == ("kuaishou",)


def test_table_shows_what_is_set():
    table = Settings(platform="kuaishou", currency="CNY", language="zh").table()
    assert table.to_numpy().tolist() == [["platform", "kuaishou"], ["currency", "CNY"], ["language", "zh"]]


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (None, None),
        ("", None),
        ("2024-02-29", date(2024, 2, 29)),
        (date(2024, 2, 29), date(2024, 2, 29)),
        (pd.Timestamp("2024-02-29"), datetime(2024, 2, 29)),
    ],
)
def test_parse_day(given, day):
    assert parse_day(given) == day


@pytest.mark.parametrize("text", ["2025-02-30", "2025-2-3", "20250203", "2025-W01-1", "today", " ", 20250203])
def test_parse_day_refuses(text):
    with pytest.raises(ParameterError, match=r"as_of .* is not a day: write YYYY-MM-DD, such as 2025-12-31"):
        parse_day(text)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"language": "de"}, UnknownNameError, r"unknown language 'de'; .* \(known: en, zh\)"),
        ({"currency": "RMB"}, UnknownNameError, "unknown currency 'RMB'"),
        ({"currency": "usd"}, UnknownNameError, "unknown currency 'usd'"),
        ({"as_of": "2025-13-01"}, ParameterError, "as_of '2025-13-01' is not a day"),
        ({"platform": " "}, ParameterError, "platform is empty: name an entity of the ledger"),
        ({"platform": 7}, ParameterError, "platform 7 is not a text: write it in quotation marks"),
        ({"peers": ["pdd"]}, ParameterError, r"peers \['pdd'\] is not a text"),
    ],
)
def test_settings_refuse(change, error, told):
    with pytest.raises(error, match=told):
        Settings(**{"platform": "kuaishou", **change})


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        Settings(platform="kuaishou").platform = "pdd"


def event(**change) -> EventSettings:
    given = {"platform": "kuaishou", "event_first": "2025-11-09", "event_last": "2025-11-11"}
    return EventSettings(**(given | change))


def test_an_event_keeps_what_it_was_given():
    given = event(treated="shop_1, shop_2,shop_1", dip_days=10, columns="merchant, day, gmv", data_path="mine/own.csv")
    assert given.data_name == "own.csv"
    assert given.treated_units == ["shop_1", "shop_2"]
    past = event(past_events="2024-11-09/2024-11-11, 2025-06-16/2025-06-18")
    assert past.past_spans == [("2024-11-09", "2024-11-11"), ("2025-06-16", "2025-06-18")]
    assert given.column_names == {"unit": "merchant", "date": "day", "value": "gmv"}
    shown = given.table().set_index("setting")["value"]
    assert (shown["dip_days"], shown["after_days"], shown["event_last"]) == (10, 0, "2025-11-11")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event_last": "2025-11-01"}, "event_last 2025-11-01 lies before event_first 2025-11-09"),
        ({"event_first": "11.11."}, "event_first '11.11.' is not a day"),
        ({"event_first": ""}, "event_first '' is not a day"),
        ({"dip_days": 61}, "dip_days 61 must lie between 0 and 60"),
        ({"margin": 1.5}, "margin 1.5 must lie between 0 and 1"),
        ({"cost": -1.0}, "cost -1.0 must be 0 or more"),
        ({"past_events": "2024-11-11"}, "past_events '2024-11-11' must be spans such as"),
        ({"past_events": "2024-11-11/2024-11-01"}, "past_events '2024-11-11/2024-11-01' must be spans"),
        ({"data_path": "own.csv"}, "treated is empty: name the units of your data"),
        ({"columns": "unit, date"}, "columns 'unit, date' must name three columns"),
        ({"currency": 5}, "currency 5 is not a text"),
    ],
)
def test_an_event_that_cannot_be(change, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        event(**change)


def test_a_scale_that_is_none():
    with pytest.raises(UnknownNameError, match="unknown scale 'sqrt'"):
        event(scale="sqrt")
