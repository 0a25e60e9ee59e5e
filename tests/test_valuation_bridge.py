"""Share classes, bridges, what a price is a price of, growth-adjusted multiples, neighbours in time."""

from __future__ import annotations

from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import units
from helpers.errors import HelpersError, ParameterError, RateError, UnitError, UnknownNameError
from helpers.valuation.bridge import ITEMS, enterprise_value, equity_value
from helpers.valuation.dilution import treasury_stock_dilution
from helpers.valuation.growth_adjusted import growth_adjusted
from helpers.valuation.multiples import dated_multiples
from helpers.valuation.neighbours import flag_neighbours
from helpers.valuation.per_share import market_cap, price_to_value, value_per_share
from helpers.valuation.price_kind import multiple_name
from helpers.valuation.shares import PerShare, ShareCount, restate, total_count
from helpers.valuation.vendor_bridge import implied_net_debt


def table(text: str) -> pd.DataFrame:
    """A table from comma separated text."""
    return pd.read_csv(StringIO(text.replace(" ", "")))


def checks(result) -> dict:
    return {check.name: check for check in result.checks}


# --- share classes: PDD, noho/dayu-agent#164 -------------------------------------------------------

PDD = ShareCount(count=5_693_585_848, unit="ordinary", ordinary_per_ads=4, day=date(2026, 3, 31), fact_id="n")
PDD_EQUITY = 348.4e9
ADS_PRICE = PerShare(amount=96, per="ads", currency="USD", ordinary_per_ads=4, day=date(2026, 5, 15), fact_id="p")


def test_pdd_value_per_ads():
    # 5,693,585,848 / 4 = 1,423,396,462 ADS; 348.4 bn / that = 244.8; per ordinary share 61.2
    assert restate(PDD, per="ads").count == 1_423_396_462
    value = value_per_share(PDD_EQUITY, PDD, currency="USD", per="ads")
    assert value.amount == pytest.approx(244.8, abs=0.05)
    assert value_per_share(PDD_EQUITY, PDD, currency="USD", per="ordinary").amount == pytest.approx(61.2, abs=0.05)
    result = price_to_value(ADS_PRICE, value)
    assert result.ratio == pytest.approx(0.39, abs=0.005)  # 96 / 244.8, not 96 / 61.2 = 157 %
    assert result.upside == pytest.approx(244.766 / 96 - 1, abs=1e-4)
    assert result.text == "A price of 96 USD per ADS is 39 % of a value of 244.8 USD per ADS."
    assert result.fact_ids == ("p", "n")


def test_an_ordinary_value_never_meets_an_ads_price():
    value = value_per_share(PDD_EQUITY, PDD, currency="USD", per="ordinary")
    with pytest.raises(
        UnitError,
        match=r"96 USD per ADS and 61\.19 USD per ordinary share are of two kinds of share: 61\.19 USD per ordinary "
        r"share is 244\.8 USD per ADS, at 4 ordinary shares an ADS; use restate\(\.\.\., per='ads'\) first",
    ):
        price_to_value(ADS_PRICE, value)
    assert price_to_value(ADS_PRICE, restate(value, per="ads")).ratio == pytest.approx(0.392, abs=1e-3)
    # without a ratio the error says that it is what is missing
    bare = PerShare(amount=96, per="ads", currency="USD")
    with pytest.raises(UnitError, match="how many ordinary shares one ADS stands for is not given"):
        price_to_value(bare, PerShare(amount=61.2, per="ordinary", currency="USD"))
    with pytest.raises(UnitError, match="96 USD per ADS and 5,693,585,848 ordinary shares are of two kinds"):
        market_cap(ADS_PRICE, PDD)


def test_market_cap_by_hand():
    # 96 x 1,423,396,462 = 136,646,060,352
    result = market_cap(ADS_PRICE, restate(PDD, per="ads"))
    assert result.value == 136_646_060_352
    assert checks(result)["count_age"].passed is True
    assert result.text == "96 USD per ADS times 1,423,396,462 ADS (basic) is 137 billion USD."
    late = market_cap(ADS_PRICE, restate(ShareCount(**{**_fields(PDD), "day": date(2026, 6, 30)}), per="ads"))
    check = checks(late)["count_age"]
    assert (check.passed, check.text) == (False, "the count is 46 days younger than the price: nobody knew it then")


def _fields(given) -> dict:
    return {name: getattr(given, name) for name in given.__slots__}


@settings(deadline=None, max_examples=30)
@given(ratio=st.floats(0.01, 100), count=st.floats(1, 1e12), amount=st.floats(0.01, 1e4))
def test_market_cap_is_the_same_in_either_kind_of_share(ratio, count, amount):
    ordinary = ShareCount(count=count, unit="ordinary", ordinary_per_ads=ratio)
    price = PerShare(amount=amount, per="ordinary", currency="USD", ordinary_per_ads=ratio)
    one = market_cap(price, ordinary).value
    other = market_cap(restate(price, per="ads"), restate(ordinary, per="ads")).value
    assert other == pytest.approx(one)
    back = restate(restate(ordinary, per="ads"), per="ordinary")
    assert back.count == pytest.approx(count)


def test_a_rupee_price_over_a_dollar_book_value():
    # Infosys, 10 September 2025 (ranaroussi/yfinance#2593): 1531.4 INR over 2.67 USD read as 573.56;
    # with the book value at about 86 INR per USD it is 6.6 to 6.7
    price = PerShare(amount=1531.4, per="ordinary", currency="INR", day=date(2025, 9, 10))
    book = PerShare(amount=2.67, per="ordinary", currency="USD", day=date(2025, 6, 30))
    at_day = units.rate("USD", "INR", date(2025, 6, 30))
    result = price_to_value(price, book)
    assert result.ratio == pytest.approx(1531.4 / (2.67 * at_day))
    assert result.ratio == pytest.approx(6.6, abs=0.1)
    check = checks(result)["currencies"]
    assert check.text.endswith("INR per USD on 2025-06-30; without it the quotient would read 573.6")
    with pytest.raises(UnitError, match=r"would be 573\.6, a number in INR per USD: give the value a day"):
        price_to_value(price, PerShare(amount=2.67, per="ordinary", currency="USD"))


def test_the_same_trap_in_dated_multiples():
    shares = 4.15e9
    price = pd.DataFrame(
        {"date": ["2025-09-10"], "value": 1531.4 * shares, "currency": "INR", "known_on": "2025-09-10",
         "fact_id": "p", "price_kind": "market_cap"}
    )  # fmt: skip
    book = pd.DataFrame(
        {"metric": ["equity"], "period_start": None, "period_end": "2025-06-30", "value": 2.67 * shares,
         "currency": "USD", "known_on": "2025-07-23", "fact_id": "b"}
    )  # fmt: skip
    for currency in ("INR", "USD"):
        row = dated_multiples(price, book, quote_currency=currency).table.iloc[0]
        assert row["multiple"] == pytest.approx(6.6, abs=0.15)
        assert row["name"] == "price_to_book"
    with pytest.raises(HelpersError, match="a price needs a currency, missing for p"):
        dated_multiples(price.assign(currency=None), book, quote_currency="USD")


def test_classes_of_one_right_are_added_and_others_refused():
    a = ShareCount(count=3.5e9, unit="ordinary", day=date(2025, 6, 30), fact_id="a")
    b = ShareCount(count=0.8e9, unit="ordinary", day=date(2025, 3, 31), fact_id="b")
    both = total_count([a, b])
    assert (both.count, both.day, both.fact_id) == (4.3e9, date(2025, 3, 31), "a b")
    with pytest.raises(UnitError, match="two kinds of share"):
        total_count([a, ShareCount(count=1, unit="ads")])
    with pytest.raises(HelpersError, match="basic and diluted shares are never added"):
        total_count([a, ShareCount(count=1, unit="ordinary", kind="diluted")])
    with pytest.raises(HelpersError, match=r"need 1\+ share counts to add, got 0"):
        total_count([])


def test_treasury_stock_by_hand():
    # 100 options at 10 with a price of 40: 1,000 buys 25 back, 75 are new; 50 units without a strike count
    # in full; 200 at 60 do not count: 125
    price = PerShare(amount=40, per="ordinary", currency="USD")
    basic = ShareCount(count=1000, unit="ordinary")
    result = treasury_stock_dilution([100, 50, 200], [10, 0, 60], price, basic=basic, fact_ids=["o"])
    assert (result.added, result.diluted.count, result.diluted.kind) == (125.0, 1125.0, "diluted")
    assert result.table["bought_back"].tolist() == [25.0, 0.0, 0.0]
    assert checks(result)["zero_strike"].value == 50
    assert result.text.startswith("350 options add 125 shares")
    assert result.fact_ids == ("o",)


@settings(deadline=None, max_examples=30)
@given(strike=st.floats(0, 1e3), price=st.floats(0.01, 1e3), options=st.floats(0, 1e9))
def test_options_never_add_more_than_themselves(strike, price, options):
    result = treasury_stock_dilution(options, strike, PerShare(amount=price, per="ordinary", currency="USD"))
    assert 0 <= result.added <= options
    # what holders gain is the new shares' worth
    assert result.added * price == pytest.approx(options * max(price - strike, 0), abs=1e-6 * max(1.0, options * price))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ShareCount(count=0, unit="ads"), ParameterError, "count must be above 0, got 0"),
        (lambda: ShareCount(count=1, unit="adr"), UnknownNameError, "unknown kind of share 'adr'; did you mean ads"),
        (lambda: ShareCount(count=1, unit="ads", kind="full"), UnknownNameError, "unknown kind of share count 'full'"),
        (
            lambda: ShareCount(count=1, unit="ads", ordinary_per_ads=0),
            ParameterError,
            "ordinary_per_ads must be above 0, got 0",
        ),
        (lambda: PerShare(amount=np.nan, per="ads", currency="USD"), ParameterError, "must be a number, got nan"),
        (lambda: PerShare(amount=1, per="ads", currency="RMB"), UnknownNameError, "unknown currency 'RMB'"),
        (lambda: restate(ADS_PRICE, per="ordinary", ordinary_per_ads=2), UnitError, "cannot be both 4 and 2 ordinary"),
        (
            lambda: restate(ShareCount(count=1, unit="ads"), per="ordinary"),
            UnitError,
            "1 ADS cannot be restated per ordinary share: ordinary_per_ads is not given",
        ),
        (
            lambda: price_to_value(ADS_PRICE, PerShare(amount=-1, per="ads", currency="USD")),
            ParameterError,
            "value per share must be above 0, got -1",
        ),
        (lambda: treasury_stock_dilution(1, -1, ADS_PRICE), ParameterError, "strike must be 0 or more, got -1"),
        (lambda: treasury_stock_dilution([1, 2], 1, ADS_PRICE), ParameterError, "one strike for each tranche"),
        (lambda: treasury_stock_dilution(1, 1, ADS_PRICE, basic=PDD), UnitError, "two kinds of share"),
        (
            lambda: treasury_stock_dilution(1, 1, ADS_PRICE, basic=ShareCount(count=9, unit="ads", kind="diluted")),
            ParameterError,
            "diluted already",
        ),
    ],
)
def test_share_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


# --- bridges ----------------------------------------------------------------------------------------

BALANCE = table(
    """item,amount,currency,day,known_on,fact_id
    cash,30,USD,2025-06-30,2025-08-20,c
    short_term_investments,20,USD,2025-06-30,2025-08-20,s
    long_term_debt,15,USD,2025-06-30,2025-08-20,d
    leases,5,USD,2025-06-30,2025-08-20,l
    minority_interest,-1,USD,2025-06-30,2025-08-20,m
    """
)
DAY = date(2025, 9, 1)


def test_bridge_by_hand():
    # 200 - 30 - 20 + 15 + 5 - 1 = 169
    result = enterprise_value(200.0, BALANCE, currency="USD", on=DAY)
    assert (result.enterprise_value, result.net_debt, result.is_complete) == (169.0, -31.0, True)
    assert result.table["effect"].tolist() == [-30.0, -20.0, 15.0, 5.0, -1.0]
    assert result.text == "Equity of 200 USD and net cash of 31 USD make an enterprise value of 169 USD."
    assert [check.passed for check in result.checks] == [True, True, True, True]
    assert result.fact_ids == ("c", "s", "d", "l", "m")


def test_every_item_has_the_sign_of_its_side():
    claims = {"debt", "short_term_debt", "long_term_debt", "convertible_notes", "leases", "minority_interest",
              "preferred", "pensions", "options"}  # fmt: skip
    assert {name for name, item in ITEMS.items() if item.sign == 1} == claims
    assert {item.sign for item in ITEMS.values()} == {1, -1}


def test_a_balance_in_another_currency_converts_at_its_own_day():
    yuan = BALANCE.assign(currency=["CNY"] + ["USD"] * 4)
    result = enterprise_value(200.0, yuan, currency="USD", on=DAY)
    at_day = units.rate("CNY", "USD", date(2025, 6, 30))
    assert result.table["converted"].iloc[0] == pytest.approx(30 * at_day)
    assert result.enterprise_value == pytest.approx(200 - 30 * at_day - 20 + 15 + 5 - 1)


@settings(deadline=None, max_examples=15)
@given(amounts=st.lists(st.floats(0, 1e3), min_size=5, max_size=5), scale=st.floats(1e-3, 1e6))
def test_back_and_forth_and_any_scale(amounts, scale):
    items = BALANCE.assign(amount=amounts)
    there = enterprise_value(1e4, items, currency="USD", on=DAY)
    back = equity_value(there.enterprise_value, items, currency="USD", on=DAY)
    assert back.equity_value == pytest.approx(1e4)
    scaled = enterprise_value(1e4 * scale, items.assign(amount=items["amount"] * scale), currency="USD", on=DAY)
    assert scaled.enterprise_value == pytest.approx(there.enterprise_value * scale)


def test_a_missing_line_is_said():
    result = enterprise_value(200.0, BALANCE[BALANCE["item"] != "long_term_debt"], currency="USD", on=DAY)
    assert (result.is_complete, checks(result)["complete"].passed) == (False, False)
    assert result.text.endswith("The bridge is incomplete: no line for debt.")
    none = enterprise_value(200.0, BALANCE.head(0), currency="USD", on=DAY)
    assert checks(none)["complete"].text.startswith("no line for cash and debt")
    # a line of 0 says that there is none
    zero = BALANCE.assign(amount=BALANCE["amount"].where(BALANCE["item"] != "long_term_debt", 0))
    assert enterprise_value(200.0, zero, currency="USD", on=DAY).is_complete


def test_taiwan_dollars_added_as_us_dollars():
    # TSMC (ranaroussi/yfinance#2507): about 2.4 trillion of cash and 1 trillion of debt are Taiwan dollars
    pile = BALANCE.iloc[[0, 2]].assign(amount=[2.4e12, 1.0e12])
    wrong = enterprise_value(1.0e12, pile, currency="USD", on=DAY)
    check = checks(wrong)["net_debt_size"]
    assert (check.passed, check.value) == (False, pytest.approx(1.4))
    assert "the largest line is cash, 2.40 trillion USD: is it in the currency and scale that it says?" in check.text
    assert checks(wrong)["above_zero"].passed is False
    # named as what they are, they need a rate, because the ECB fixes none
    taiwan = pile.assign(currency="TWD")
    with pytest.raises(UnknownNameError, match=r"unknown currency of cash \(no stated rate\) 'TWD'"):
        enterprise_value(1.0e12, taiwan, currency="USD", on=DAY)
    right = enterprise_value(1.0e12, taiwan.assign(rate=1 / 30), currency="USD", on=DAY)
    assert right.net_debt == pytest.approx(-1.4e12 / 30)
    assert checks(right)["net_debt_size"].passed is True


@pytest.mark.parametrize(
    ("items", "error", "match"),
    [
        (BALANCE.assign(item="goodwill"), UnknownNameError, "unknown item of the bridge 'goodwill'"),
        (BALANCE.drop(columns="known_on"), HelpersError, r"items need the columns .* missing: \['known_on'\]"),
        (BALANCE.assign(known_on="2025-09-02"), HelpersError, "cash was not public on 2025-09-01, .* look-ahead"),
        (BALANCE.assign(day="2025-09-30"), HelpersError, "cash describes a day after the price of 2025-09-01"),
        (BALANCE.assign(amount=-5.0), HelpersError, "cash must be 0 or more: its sign follows from its name"),
        (BALANCE.assign(amount=None), HelpersError, "cash needs an amount"),
        (BALANCE.assign(currency=None), HelpersError, "cash needs a currency"),
        (pd.concat([BALANCE, BALANCE.head(1)]), HelpersError, "need one line of cash in USD, got c, c: prefer one"),
        (
            pd.concat([BALANCE, BALANCE.head(1).assign(item="debt")]),
            HelpersError,
            "debt holds long_term_debt already: give the total or its parts",
        ),
        (
            pd.concat([BALANCE, BALANCE.head(1).assign(item="cash_and_investments")]),
            HelpersError,
            "cash_and_investments holds cash, short_term_investments already",
        ),
        (BALANCE.assign(rate=0.5), UnitError, "cash is in USD already, got a rate of 0.5"),
        (BALANCE.assign(currency="EUR", day="1990-01-01"), RateError, "no EUR reference rate"),
    ],
)
def test_bridge_errors(items, error, match):
    with pytest.raises(error, match=match):
        enterprise_value(200.0, items, currency="USD", on=DAY)


def test_a_bridge_needs_a_value_above_zero():
    with pytest.raises(ParameterError, match="equity_value must be above 0, got -1"):
        enterprise_value(-1, BALANCE, currency="USD", on=DAY)
    with pytest.raises(ParameterError, match="enterprise_value must be above 0, got nan"):
        equity_value(np.nan, BALANCE, currency="USD", on=DAY)


# --- net debt that vendors imply --------------------------------------------------------------------

PUBLISHED = table(
    """metric,date,value,currency,known_on,fact_id
    market_cap,2024-11-21,145.988e9,USD,2024-11-21,m1
    enterprise_value,2024-11-21,123.913e9,USD,2024-11-21,e1
    market_cap,2025-11-24,160.7608e9,USD,2025-11-24,m2
    enterprise_value,2025-11-24,220.734e9,USD,2025-11-24,e2
    market_cap,2025-11-26,164.4e9,USD,2025-11-26,m3
    enterprise_value,2025-11-26,106.37e9,USD,2025-11-26,e3
    """
)


def test_two_vendors_of_one_company_contradict_each_other():
    # PDD as three pages print it: 123.913 - 145.988 = -22.075; 220.734 - 160.7608 = 59.9732; 106.37 - 164.4 = -58.03
    result = implied_net_debt(PUBLISHED)
    assert result.table["net_debt"].to_numpy() / 1e9 == pytest.approx([-22.075, 59.9732, -58.03])
    assert result.table["net_debt_share"].iloc[1] == pytest.approx(0.3731, abs=1e-4)
    assert checks(result)["one_sign"].passed is False
    assert result.table["flag"].iloc[0] == ""  # a year apart, nothing to say
    assert result.table["flag"].iloc[1] == (
        "net debt of 60.0 billion USD here, net cash of 58.0 billion on 2025-11-26: one has the wrong sign or currency"
    )
    assert result.text.startswith("On 2025-11-26 the published enterprise value of 106 billion USD implies net cash")
    named = implied_net_debt(PUBLISHED.assign(entity="Weibo"))
    assert named.text == result.text.replace("On 2025-11-26", "Weibo: on 2025-11-26")
    turns = checks(result)["one_sign"].text.split("; ")
    assert checks(named)["one_sign"].text == "; ".join(f"Weibo: {turn}" for turn in turns)
    assert result.fact_ids == ("e1", "m1", "e2", "m2", "e3", "m3")


def test_the_enterprise_value_of_tsmc():
    # 3,452 bn by the interface, 799 bn on the page of the same vendor; the market value was about 1,000 bn
    values = pd.DataFrame(
        {"metric": ["market_cap", "enterprise_value"] * 2, "date": "2025-05-19", "currency": "USD",
         "value": [1000e9, 3452.09e9, 1000e9, 799.23e9], "known_on": "2025-05-19", "fact_id": list("abcd"),
         "source_id": ["api", "api", "page", "page"]}
    )  # fmt: skip
    result = implied_net_debt(values)
    check = checks(result)["net_debt_size"]
    assert (check.passed, check.value) == (False, pytest.approx(2.452, abs=1e-3))
    assert (
        "3.45 trillion less 1.00 trillion is 2.45 trillion USD of net debt, 2.45 times the market value" in check.text
    )
    assert result.table.set_index("source_id")["flag"].str.contains("slip of scale").to_dict() == {
        "api": True, "page": False,
    }  # fmt: skip
    assert checks(implied_net_debt(values[values["source_id"] == "page"]))["net_debt_size"].passed is True


def test_an_enterprise_value_alone_has_a_reason():
    result = implied_net_debt(PUBLISHED.iloc[[1]])
    row = result.table.iloc[0]
    assert pd.isna(row["net_debt"])
    assert row["settles"] == "the market capitalisation of 2024-11-21 from the same source"
    assert result.text == "No enterprise value has a market value of the same day and source."


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        (PUBLISHED.assign(metric="revenue"), UnknownNameError, "unknown metric of a bridge 'revenue'"),
        (PUBLISHED.assign(value=0.0), HelpersError, "a value must be above 0, got 0.0"),
        (
            PUBLISHED.assign(currency=["CNY"] + ["USD"] * 5),
            UnitError,
            r"in USD \(e1\) less a market value in CNY \(m1\)",
        ),
        (pd.concat([PUBLISHED, PUBLISHED.head(1)]), HelpersError, "need one market_cap on 2024-11-21, got m1, m1"),
        (PUBLISHED.drop(columns="date"), HelpersError, r"values need the columns .* missing: \['date'\]"),
    ],
)
def test_implied_net_debt_errors(values, error, match):
    with pytest.raises(error, match=match):
        implied_net_debt(values)


# --- what a price is a price of -----------------------------------------------------------------------

BOTH = table(
    """date,value,currency,known_on,fact_id,price_kind
    2024-07-01,300,USD,2024-07-01,cap,market_cap
    2024-07-01,240,USD,2024-07-01,ev,enterprise_value
    """
)
YEAR = table(
    """metric,period_start,period_end,value,currency,known_on,fact_id
    revenue,2023-01-01,2023-12-31,100,USD,2024-03-20,r
    net_profit,2023-01-01,2023-12-31,10,USD,2024-03-20,n
    gmv,2023-01-01,2023-12-31,1000,USD,2024-03-20,g
    annual_active_buyers,2023-01-01,2023-12-31,50,,2024-03-20,b
    """
)


def test_each_kind_of_price_has_its_own_multiples():
    result = dated_multiples(BOTH, YEAR, quote_currency="USD")
    named = result.table.set_index("name")["multiple"]
    # 240 / 100, 300 / 100, 300 / 10, 240 / 1000, 240 / 50
    assert named[["ev_to_sales", "price_to_sales", "price_to_earnings", "ev_to_gmv"]].tolist() == [2.4, 3.0, 30.0, 0.24]
    assert named["ev_per_annual_active_buyer"] == 4.8
    refused = result.table.set_index("name").loc["ev_to_earnings"]
    assert pd.isna(refused["multiple"])
    assert refused["reason"].startswith("not comparable: net_profit is left for shareholders")
    check = checks(result)["equity_based"]
    assert (check.passed, check.value) == (None, 3.0)
    assert "price_per_annual_active_buyer, price_to_gmv, price_to_sales" in check.text
    assert "the enterprise value was 2.4 times revenue" in result.text
    assert "the market cap was 30 times net_profit" in result.text


def test_without_a_price_kind_nothing_changes():
    result = dated_multiples(BOTH.head(1).drop(columns="price_kind"), YEAR, quote_currency="USD")
    assert set(checks(result)) == {"coverage", "denominator_age", "left_out"}
    assert (result.table["price_kind"] == "").all()
    assert "the price was 3 times revenue" in result.text


def test_a_quarter_never_makes_an_annual_multiple():
    # a quarter's 25 would make 300 / 25 = 12 of what is 3 (JerBouma/FinanceToolkit#31)
    quarter = YEAR.head(1).assign(period_start="2024-01-01", period_end="2024-03-31", value=25, fact_id="q")
    result = dated_multiples(BOTH.head(1), pd.concat([YEAR.head(1), quarter]), quote_currency="USD")
    assert result.table["multiple"].tolist() == [3.0]
    assert checks(result)["left_out"].value == 1
    # 365 / 91 days = 4.0
    assert checks(result)["left_out"].text.endswith(
        "revenue of 2024-01-01 to 2024-03-31 (q) as a year would make the multiple about 4.0 times too large"
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("enterprise_value", "revenue", True), "ev_to_sales"),
        (("enterprise_value", "revenue_ntm", True), "ev_to_sales_ntm"),
        (("market_cap", "adjusted_net_profit", True), "price_to_adjusted_earnings"),
        (("enterprise_value", "gross_profit", True), "ev_to_gross_profit"),
        (("enterprise_value", "mau", False), "ev_per_mau"),
        (("valuation", "dau", False), "price_per_dau"),
    ],
)
def test_names_of_multiples(arguments, name):
    assert multiple_name(*arguments) == name


def test_an_unknown_price_kind():
    with pytest.raises(UnknownNameError, match="unknown price kind 'equity'"):
        dated_multiples(BOTH.assign(price_kind="equity"), YEAR, quote_currency="USD")


# --- multiples over growth ----------------------------------------------------------------------------

GROWTH = table(
    """metric,growth,known_on,fact_id,low,high
    net_profit,0.25,2024-03-20,gn,0.2,0.3
    revenue,-0.05,2024-03-20,gr,-0.06,-0.04
    gmv,0.10,2024-08-20,late,0.1,0.1
    """
)


def test_price_to_earnings_to_growth_by_hand():
    # 30 times earnings that grow 25 % a year: 1.2; 30 / 30 = 1 to 30 / 20 = 1.5
    result = growth_adjusted(dated_multiples(BOTH, YEAR, quote_currency="USD"), GROWTH)
    rows = result.table.set_index("name")
    row = rows.loc["price_to_earnings_to_growth"]
    assert (row["growth_adjusted"], row["low"], row["high"]) == pytest.approx((1.2, 1.0, 1.5))
    assert result.text == ("On 2024-07-01 the multiple of net_profit, 30, was 1.2 times its growth of 25.0 % a year.")
    assert result.fact_ids == ("cap", "n", "gn")
    # shrinking, not known yet, not comparable: each has its reason
    assert rows.loc["ev_to_sales_to_growth", "reason"] == "not meaningful: growth of -5.0 % is not above 0"
    assert rows.loc["ev_to_gmv_to_growth", "reason"] == "no growth of gmv was known on 2024-07-01"
    assert rows.loc["ev_to_gmv_to_growth", "settles"] == "growth of gmv published by 2024-07-01"
    assert rows.loc["ev_to_earnings_to_growth", "reason"].startswith("not comparable")
    assert rows["growth_adjusted"].notna().sum() == 1


def test_growth_that_may_be_zero_leaves_the_top_open():
    wide = GROWTH.assign(low=GROWTH["low"].where(GROWTH["metric"] != "net_profit", -0.01))
    rows = growth_adjusted(dated_multiples(BOTH, YEAR, quote_currency="USD"), wide).table.set_index("name")
    assert rows.loc["price_to_earnings_to_growth", "high"] == np.inf


@pytest.mark.parametrize(
    ("growth", "error", "match"),
    [
        (GROWTH.assign(growth=24.0), ParameterError, r"growth must lie between -1 and 3, got 24: .* 24 % is 0.24"),
        (GROWTH.drop(columns="known_on"), HelpersError, r"growth needs the columns .* missing: \['known_on'\]"),
        (GROWTH.assign(known_on=None), HelpersError, "growth needs known_on, missing for gn"),
        (pd.concat([GROWTH, GROWTH.head(1)]), HelpersError, "need one growth of net_profit known on 2024-03-20"),
    ],
)
def test_growth_adjusted_errors(growth, error, match):
    with pytest.raises(error, match=match):
        growth_adjusted(dated_multiples(BOTH, YEAR, quote_currency="USD"), growth)


# --- neighbours in time -------------------------------------------------------------------------------

# Xiaohongshu as reported, billion USD: fund marks of 26 and 31, the single article's 310, later 50
CLAIMS = table(
    """date,value,currency,fact_id
    2025-01-15,20e9,USD,c05
    2025-03-31,26e9,USD,c06
    2025-06-30,31e9,USD,c07
    2025-06-30,310e9,USD,c08
    2025-12-31,50e9,USD,c09
    """
)


def test_ten_times_off_its_neighbours():
    result = flag_neighbours(CLAIMS)
    flagged = result.table[result.table["flag"] != ""]
    assert flagged[["fact_id", "flag", "compared_fact_id"]].to_numpy().tolist() == [["c08", "scale slip", "c07"]]
    # median of 20, 26, 31, 50 on the log scale: sqrt(26 x 31) = 28.39; 310 / 28.39 = 10.92; 310 / 31 = 10
    assert flagged["neighbour_median"].iloc[0] == pytest.approx((26 * 31) ** 0.5 * 1e9)
    assert flagged["reason"].iloc[0] == (
        "310 billion is 10.9 times 28.4 billion, the median of 4 neighbours; "
        "310 billion is 10 times 31.0 billion (c07), 10 times too large: 亿 read as billion, or a digit dropped"
    )
    assert (result.checks[0].passed, result.fact_ids) == (False, ("c08",))


@pytest.mark.parametrize(
    ("factor", "flag", "word"),
    [
        (1e-4, "scale slip", "10,000 times too small: 万 dropped or added"),
        (1e8, "scale slip", "100,000,000 times too large: 亿 dropped or added"),
        (5.3, "far from its neighbours", "164 billion is 6.32 times 26.0 billion, the median of 3 neighbours"),
        (1.6, "", ""),
    ],
)
def test_other_slips_and_honest_moves(factor, flag, word):
    series = CLAIMS[CLAIMS["fact_id"] != "c08"]
    series = series.assign(value=series["value"].where(series["fact_id"] != "c07", 31e9 * factor))
    row = flag_neighbours(series).table.set_index("fact_id").loc["c07"]
    assert row["flag"] == flag
    assert word in row["reason"]


def test_two_figures_cannot_say_which_is_wrong():
    result = flag_neighbours(CLAIMS.iloc[[2, 3]])
    assert result.table["flag"].tolist() == ["undetermined", "undetermined"]
    assert result.table["settles"].tolist() == ["a third figure near that day"] * 2
    # far apart in time nothing is compared
    apart = CLAIMS.iloc[[2, 3]].assign(date=["2018-01-01", "2025-06-30"])
    assert flag_neighbours(apart).table["flag"].tolist() == ["", ""]


@settings(deadline=None, max_examples=10)
@given(scale=st.floats(1e-6, 1e6))
def test_flags_do_not_depend_on_the_currency(scale):
    scaled = flag_neighbours(CLAIMS.assign(value=CLAIMS["value"] * scale)).table
    assert scaled["flag"].tolist() == ["", "", "", "scale slip", ""]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"series": CLAIMS.assign(currency=["CNY"] + ["USD"] * 4)}, UnitError, "in one currency, got CNY, USD"),
        ({"series": CLAIMS.assign(value=0.0)}, HelpersError, "every figure needs a value above 0, got 0.0"),
        ({"series": CLAIMS.assign(date=None)}, HelpersError, "every figure needs a date"),
        ({"series": CLAIMS.drop(columns="currency")}, HelpersError, r"missing: \['currency'\]"),
        ({"series": CLAIMS, "far_ratio": 1.0}, ParameterError, "far_ratio above 1, got 550 and 1.0"),
    ],
)
def test_neighbour_errors(arguments, error, match):
    with pytest.raises(error, match=match):
        flag_neighbours(**arguments)


# --- cells ----------------------------------------------------------------------------------------

LINES = pd.DataFrame(
    {
        "item": ["cash", "debt"],
        "amount": [3e9, 1e9],
        "currency": "USD",
        "day": "2025-12-31",
        "known_on": "2026-02-20",
        "fact_id": ["c", "d"],
    }
)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"amount": np.inf}, r"amount of a bridge must be finite, got inf \(c\)"),
        ({"amount": "3 bn"}, "amount of a bridge must be a number, got '3 bn'"),
        ({"known_on": 20260220}, "a bridge needs a known_on such as 2025-06-30, got 20260220"),
        ({"day": pd.Timestamp("2025-12-31", tz="UTC")}, "a bridge needs a day without a time zone"),
        ({"item": None}, "unknown item of the bridge"),
    ],
)
def test_a_bridge_is_read_strictly(change, match):
    with pytest.raises(HelpersError, match=match):
        enterprise_value(10e9, LINES.assign(**change), currency="USD", on=date(2026, 3, 1))


def test_neighbours_and_growth_are_read_strictly():
    series = table("date,value,currency,fact_id\n2025-01-01,3e10,USD,a\n2025-06-01,3.1e10,USD,b")
    for value, match in ((np.inf, "value of a figure must be finite"), ("31 bn", "must be a number, got '31 bn'")):
        with pytest.raises(HelpersError, match=match):
            flag_neighbours(series.assign(value=value))
    with pytest.raises(HelpersError, match="a figure needs a date without a time zone"):
        flag_neighbours(series.assign(date=pd.Timestamp("2025-01-01", tz="UTC")))
    price = table("date,value,currency,known_on,fact_id\n2025-03-01,300,USD,2025-03-01,p")
    year = table(
        "metric,period_start,period_end,value,currency,known_on,fact_id\n"
        "revenue,2024-01-01,2024-12-31,100,USD,2025-02-01,r"
    )
    multiples = dated_multiples(price, year, quote_currency="USD")
    rates = table("metric,growth,low,high,known_on,fact_id\nrevenue,0.2,0.15,0.25,2025-02-01,g")
    with pytest.raises(ParameterError, match="high end of growth must lie between -1 and 3, got 25"):
        growth_adjusted(multiples, rates.assign(high=25))
    with pytest.raises(HelpersError, match=r"growth needs low <= growth <= high, got 0.2 \(0.3 to 0.25\) of g"):
        growth_adjusted(multiples, rates.assign(low=0.3))
