"""The settings of a report."""

from __future__ import annotations

import re
from datetime import date, datetime

import pandas as pd
import pytest

from helpers.errors import ParameterError, UnknownNameError
from helpers.settings import EventSettings, MarketSettings, Settings, ValuationSettings, parse_day


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


def valuation(**change) -> ValuationSettings:
    return ValuationSettings(**({"platform": "xiaohongshu"} | change))


def test_a_valuation_keeps_what_it_was_given():
    given = valuation(
        facts_path="mine/own.csv", growth_low=0.24, growth_high=0.3, simulations=50_000, terminal_growth=0
    )
    shown = given.table().set_index("setting")["value"]
    assert (shown["facts_path"], shown["growth"], shown["simulations"]) == ("own.csv", "0.24 to 0.3", 50_000)
    assert "facts_path" not in valuation().table()["setting"].tolist()


TEXTS = {
    "growth": "0.15 to 0.40",
    "margin": "0.1 to 0.2",
    "sales_to_capital": "1 to 4",
    "discount_rate": "0.09 to 0.13",
}


def test_a_valuation_is_read_from_texts():
    given = ValuationSettings.read(platform="kuaishou", **TEXTS, assumptions="tax_rate=0.2, seed=7")
    assert (given.growth_low, given.growth_high, given.discount_high) == (0.15, 0.4, 0.13)
    assert (given.tax_rate, given.seed) == (0.2, 7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"growth": "0.15"}, "growth '0.15' is not a range: write two shares such as 0.15 to 0.40"),
        ({"growth": "15 to 40"}, "growth_low must lie between -0.9 and 2, got 15: a percentage is written as a share"),
        ({"margin": "a to b"}, "margin 'a to b' is not a range"),
        ({"assumptions": "tax=0.2"}, "unknown assumption 'tax'; did you mean tax_rate"),
        ({"assumptions": "growth_low=0.2"}, "unknown assumption 'growth_low'"),
        ({"assumptions": "seed=1.5"}, "assumption seed is a whole number, got '1.5'"),
        ({"assumptions": "tax_rate"}, "assumption tax_rate is a number, got ''"),
        ({"assumptions": "tax_rate=20"}, "tax_rate must lie between 0 and 0.6, got 20: a percentage"),
    ],
)
def test_texts_that_cannot_be_read(change, message):
    with pytest.raises((ParameterError, UnknownNameError), match=re.escape(message)):
        ValuationSettings.read(platform="kuaishou", **TEXTS | change)


def test_companies_are_named_once():
    given = valuation(peers="kuaishou, xiaohongshu", comparables="snap, kuaishou,")
    assert given.companies == ("xiaohongshu", "kuaishou", "snap")
    assert given.listed == ("xiaohongshu", "snap", "kuaishou")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"growth_high": 24},
            "growth_high must lie between -0.9 and 2, got 24: a percentage is written as a share, 24 % is 0.24",
        ),
        ({"growth_low": -0.95}, "growth_low must lie between -0.9 and 2, got -0.95"),
        ({"growth_low": float("nan")}, "growth_low must lie between -0.9 and 2, got nan"),
        ({"growth_low": 0.3, "growth_high": 0.3}, "growth_low 0.3 must lie below growth_high 0.3"),
        (
            {"margin_high": 25.0},
            "margin_high must lie between -0.5 and 0.7, got 25: a percentage is written as a share",
        ),
        (
            {"discount_high": 12},
            "discount_high must lie between 0.02 and 0.5, got 12: a percentage is written as a share",
        ),
        ({"discount_low": 0.0}, "discount_low must lie between 0.02 and 0.5, got 0"),
        ({"terminal_growth": 3}, "terminal_growth must lie between -0.05 and 0.06, got 3: a percentage"),
        ({"discount_low": 0.05, "terminal_growth": 0.05}, "terminal_growth 0.05 must be below discount_low 0.05"),
        ({"risk_free_rate": 4}, "risk_free_rate must lie between -0.01 and 0.15, got 4: a percentage"),
        ({"tax_rate": 25}, "tax_rate must lie between 0 and 0.6, got 25: a percentage is written as a share"),
        ({"failure_probability": 1.0}, "failure_probability must lie between 0 and 0.95, got 1"),
        ({"volatility": 0.0}, "volatility must lie between 0.05 and 2, got 0"),
        (
            {"volatility": 60},
            "volatility must lie between 0.05 and 2, got 60: a percentage is written as a share, 60 %",
        ),
        ({"high_growth_years": 0}, "high_growth_years must lie between 1 and 9, got 0"),
        ({"high_growth_years": 5.0}, "high_growth_years 5.0 is not a whole number"),
        ({"sales_to_capital_low": 0.0}, "sales_to_capital_low must lie between 0.1 and 20, got 0"),
        ({"term_years": 36}, "term_years must lie between 0.1 and 15, got 36"),
        ({"term_years": float("nan")}, "term_years must lie between 0.1 and 15, got nan"),
        ({"simulations": 10}, "simulations must lie between 1,000 and 2,000,000, got 10"),
        ({"simulations": True}, "simulations True is not a whole number"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"tax_rate": "0.25"}, "tax_rate '0.25' is not a number"),
        ({"facts_path": 5}, "facts_path 5 is not a text"),
        ({"platform": ""}, "platform is empty"),
    ],
)
def test_a_valuation_that_cannot_be(change, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        valuation(**change)


def market(**given):
    return MarketSettings(**{"platform": "kuaishou", "market": "social_commerce", "year": 2024} | given)


def test_market_settings_show_what_is_set_and_no_folders():
    table = market(market_path="some/where/my market.csv", base=512).table().set_index("setting")["value"]
    assert table["market_path"] == "my market.csv"
    assert table["base"] == 512
    assert table["year"] == "2024"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"year": 1924}, "year must lie between 2,000 and 2,100, got 1,924"),
        ({"year": 2024.5}, "year 2024.5 is not a whole number"),
        ({"level": 90}, "level must lie between 0.5 and 0.99, got 90: a percentage is written as a share"),
        ({"simulations": 100}, "simulations must lie between 4,096 and 2,000,000, got 100"),
        ({"base": 1000}, "base must be a power of 2, such as 4096, got 1,000"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"market": 3}, "market 3 is not a text"),
    ],
)
def test_market_settings_refuse(given, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        market(**given)
