"""Dated multiples, option ladders, implied totals."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import units, valuation
from helpers.errors import HelpersError, UnknownNameError


def table(text: str) -> pd.DataFrame:
    """A table from comma separated text."""
    return pd.read_csv(StringIO(text.replace(" ", "")))


PRICES = table(
    """date,value,currency,known_on,fact_id
    2024-03-01,300,CNY,2024-03-01,p1
    2024-07-01,330,CNY,2024-07-01,p2
    """
)
FIGURES = table(
    """metric,period_start,period_end,value,currency,known_on,fact_id
    revenue,2022-01-01,2022-12-31,100,CNY,2023-03-30,r22
    revenue,2023-01-01,2023-12-31,110,CNY,2024-03-20,r23
    revenue,2024-01-01,2024-03-31, 30,CNY,2024-05-20,r24q1
    net_income,2022-01-01,2022-12-31,-20,CNY,2023-03-30,n22
    net_income,2023-01-01,2023-12-31, 11,CNY,2024-03-20,n23
    """
)


def cell(result: valuation.MultiplesResult, day: str, metric: str) -> pd.Series:
    rows = result.table
    return rows[(rows["date"] == day) & (rows["metric"] == metric)].iloc[0]


# --- dated multiples ----------------------------------------------------------------------------


def test_multiples_by_hand():
    result = valuation.dated_multiples(PRICES, FIGURES, quote_currency="CNY")
    # on 1 March 2024 the year 2023 was over but not published (20 March): 300 / 100 = 3, not 300 / 110
    early = cell(result, "2024-03-01", "revenue")
    assert (early["multiple"], early["denominator_fact_id"], early["price_fact_id"]) == (3.0, "r22", "p1")
    assert early["age_days"] == 426  # 2022-12-31 to 2024-03-01: 365 + 31 + 29 + 1
    # on 1 July it was: 330 / 110 = 3 and 330 / 11 = 30; the quarter (330 / 30 = 11) is left out
    late = cell(result, "2024-07-01", "revenue")
    assert (late["multiple"], late["denominator_fact_id"]) == (3.0, "r23")
    assert cell(result, "2024-07-01", "net_income")["multiple"] == 30.0
    assert {check.name: check.value for check in result.checks}["left_out"] == 1
    assert result.text.endswith(
        "On 2024-07-01 the price was 3 times revenue of the period to 2023-12-31, public since 2024-03-20."
    )


def test_a_loss_has_no_multiple_but_a_reason():
    result = valuation.dated_multiples(PRICES, FIGURES, quote_currency="CNY")
    row = cell(result, "2024-03-01", "net_income")
    assert pd.isna(row["multiple"])
    assert row["reason"] == "not meaningful: loss"
    assert row["denominator_fact_id"] == "n22"
    assert "n22" not in result.fact_ids


def test_what_was_not_known_is_not_used():
    first = PRICES.assign(date=["2023-01-15", "2024-07-01"])
    row = cell(valuation.dated_multiples(first, FIGURES, quote_currency="CNY"), "2023-01-15", "revenue")
    assert pd.isna(row["multiple"])
    assert row["reason"] == "no revenue was known on 2023-01-15"


def test_a_restatement_counts_from_its_publication():
    restated = FIGURES.iloc[[1]].assign(value=165.0, known_on="2024-06-01", fact_id="r23_restated")
    figures = pd.concat([FIGURES, restated])
    # 330 / 165 = 2
    row = cell(valuation.dated_multiples(PRICES, figures, quote_currency="CNY"), "2024-07-01", "revenue")
    assert (row["multiple"], row["denominator_fact_id"]) == (2.0, "r23_restated")
    before = cell(valuation.dated_multiples(PRICES, figures, quote_currency="CNY"), "2024-03-01", "revenue")
    assert before["denominator_fact_id"] == "r22"


def test_a_forecast_is_not_a_figure_of_the_past():
    guidance = FIGURES.iloc[[1]].assign(
        period_start="2024-01-01", period_end="2024-12-31", known_on="2024-02-01", fact_id="guidance"
    )
    result = valuation.dated_multiples(PRICES, pd.concat([FIGURES, guidance]), quote_currency="CNY")
    assert "guidance" not in set(result.table["denominator_fact_id"])


def test_price_at_its_day_flow_at_its_average_balance_at_its_day():
    prices = PRICES.iloc[[1]].assign(currency="HKD")
    cash = FIGURES.iloc[[1]].assign(metric="cash", period_start=None, fact_id="c23", value=50.0)
    result = valuation.dated_multiples(prices, pd.concat([FIGURES, cash]), quote_currency="USD")
    at_day = units.rate("HKD", "USD", date(2024, 7, 1))
    average = units.average_rate("CNY", "USD", date(2023, 1, 1), date(2023, 12, 31))
    closing = units.rate("CNY", "USD", date(2023, 12, 31))
    row = cell(result, "2024-07-01", "revenue")
    assert row["multiple"] == pytest.approx(330 * at_day / (110 * average))
    assert (row["price_rate"], row["denominator_rate"]) == (at_day, average)
    assert cell(result, "2024-07-01", "cash")["multiple"] == pytest.approx(330 * at_day / (50 * closing))


MAU = table(
    """metric,period_start,period_end,value,currency,known_on,fact_id
    mau,2024-01-01,2024-03-31,30,,2024-05-20,m24q1
    """
)


def test_users_need_no_currency_and_a_level_no_whole_year():
    # 330 CNY / 30 users = 11 CNY a user
    result = valuation.dated_multiples(PRICES.iloc[[1]], MAU, quote_currency="CNY", level_metrics=["mau"])
    row = cell(result, "2024-07-01", "mau")
    assert row["multiple"] == 11.0
    assert pd.isna(row["denominator_rate"])
    assert "11 CNY for each mau" in result.text
    # without the word that it is a level, a quarter is refused, counted and said
    result = valuation.dated_multiples(PRICES.iloc[[1]], MAU, quote_currency="CNY")
    assert cell(result, "2024-07-01", "mau")["reason"] == "no mau was known on 2024-07-01"
    assert result.text == "No multiple could be stated."


def test_a_missing_rate_is_a_reason():
    _, last = units.table_covers("USD")
    late = PRICES.iloc[[1]].assign(date=str(last.replace(year=last.year + 1)))
    result = valuation.dated_multiples(late, FIGURES, quote_currency="USD")
    assert result.table["multiple"].isna().all()
    assert result.table["reason"].str.contains("no EUR reference rate for CNY").all()


def test_an_old_denominator_fails_its_check():
    def age(limit: int) -> tuple[bool, list[str]]:
        result = valuation.dated_multiples(PRICES, FIGURES, quote_currency="CNY", max_age_days=limit)
        passed = {check.name: check.passed for check in result.checks}["denominator_age"]
        return passed, [reason for reason in result.table["reason"] if "days before" in reason]

    assert age(426) == (True, [])
    # and it gives no multiple
    said = "the last revenue known on that day ended 2022-12-31, 426 days before (at most 425)"  # 365 + 31 + 29 + 1
    assert age(425) == (False, [said])


def test_the_interval_of_a_multiple_takes_the_outer_ends():
    # 100 (90 to 120) over 10 (8 to 12): 10 times, 90 / 12 = 7.5 to 120 / 8 = 15
    price = PRICES.iloc[[1]].assign(value=100.0, low=90.0, high=120.0)
    figure = FIGURES.iloc[[0]].assign(value=10.0, low=8.0, high=12.0, period_start="2023-01-01",
                                      period_end="2023-12-31", known_on="2024-03-01")  # fmt: skip
    row = valuation.dated_multiples(price, figure, quote_currency="CNY").table.iloc[0]
    assert (row["multiple"], row["low"], row["high"]) == (10.0, 7.5, 15.0)


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-6, 1e6))
def test_rescaling_the_money_leaves_multiples_alone(scale):
    as_is = valuation.dated_multiples(PRICES, FIGURES, quote_currency="USD").table["multiple"]
    scaled = valuation.dated_multiples(
        PRICES.assign(value=PRICES["value"] * scale),
        FIGURES.assign(value=FIGURES["value"] * scale),
        quote_currency="USD",
    ).table["multiple"]
    assert scaled.to_list() == pytest.approx(as_is.to_list(), rel=1e-9, nan_ok=True)


def test_the_order_of_rows_does_not_matter():
    one = valuation.dated_multiples(PRICES, FIGURES, quote_currency="CNY").table
    other = valuation.dated_multiples(PRICES[::-1], FIGURES[::-1], quote_currency="CNY").table
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"prices": PRICES.drop(columns="known_on")}, r"prices need the columns .* missing: \['known_on'\]"),
        ({"prices": PRICES.assign(value=0)}, r"a price must be above 0, got 0 \(p1\)"),
        ({"prices": PRICES.assign(currency=None)}, "a price needs a currency, missing for p1"),
        ({"prices": PRICES.assign(date=None)}, "every row of prices needs date, missing for p1, p2"),
        (
            {"denominators": FIGURES.assign(known_on=None)},
            "every row of denominators needs known_on, missing for r22",
        ),
        (
            {"denominators": pd.concat([FIGURES, FIGURES.iloc[[1]].assign(fact_id="twin")])},
            "need one revenue to 2023-12-31 published on 2024-03-20, got r23, twin: prefer one",
        ),
        ({"prices": PRICES.assign(value=float("inf"))}, "value of a row of prices must be finite, got inf"),
        ({"prices": PRICES.assign(value=["300 m", "1"])}, "value of a row of prices must be a number, got '300 m'"),
        ({"prices": PRICES.assign(low=400.0)}, r"low <= value <= high, got 300 \(400 to 300\) of p1"),
        ({"prices": PRICES.assign(date=[20240301, 20240701])}, "needs a date such as 2025-06-30, got 20240301"),
        (
            {"prices": PRICES.assign(date=pd.to_datetime(PRICES["date"]).dt.tz_localize("Asia/Shanghai"))},
            "needs a date without a time zone",
        ),
        # as a number the day would be a moment in 1970, and every figure known before any price
        ({"denominators": FIGURES.assign(known_on=20240320)}, "needs a known_on such as 2025-06-30, got 20240320"),
        ({"denominators": FIGURES.assign(value=True)}, "value of a row of denominators must be a number, got True"),
        ({"denominators": FIGURES.assign(metric=None)}, "metric of a row of denominators must be a name"),
    ],
)
def test_multiples_errors(change, match):
    arguments = {"prices": PRICES, "denominators": FIGURES} | change
    with pytest.raises(HelpersError, match=match):
        valuation.dated_multiples(**arguments, quote_currency="CNY")


def test_a_flow_without_its_first_day_is_no_year():
    # the quarter's 30, as its source's row without a first day: 330 / 30 = 11 would read like a multiple of a year
    lone = FIGURES[FIGURES["fact_id"] == "r24q1"].assign(period_start=None)
    result = valuation.dated_multiples(PRICES, lone, quote_currency="CNY")
    assert result.table["multiple"].isna().all()
    left_out = next(check for check in result.checks if check.name == "left_out")
    assert left_out.text.endswith("; revenue to 2024-03-31 (r24q1) has no first day: a quarter or a year?")
    users = valuation.dated_multiples(PRICES, lone.assign(metric="mau", currency=None), quote_currency="CNY")
    assert users.table["multiple"].tolist()[1] == 11.0  # users of a day are a level


def test_no_prices_give_no_multiples():
    result = valuation.dated_multiples(PRICES.iloc[:0], FIGURES, quote_currency="CNY")
    assert (len(result.table), result.text) == (0, "No multiple could be stated.")


def test_multiples_in_an_unknown_currency():
    with pytest.raises(UnknownNameError, match="unknown currency 'RMB'"):
        valuation.dated_multiples(PRICES, FIGURES, quote_currency="RMB")


# --- option ladder ------------------------------------------------------------------------------

GRANTS = table(
    """date,price,strike,fact_id
    2024-01-01,13.50,2.00,g1
    2025-01-01,25.00,2.00,g2
    """
)


def test_ladder_by_hand():
    result = valuation.option_ladder(GRANTS, currency="USD")
    # 25 / 13.5 - 1 = 0.852; (25 - 2) / (13.5 - 2) = 23 / 11.5 = 2
    assert result.price_growth == pytest.approx(0.85185, abs=1e-5)
    assert result.intrinsic_multiple == 2.0
    assert result.table["intrinsic_value"].tolist() == [11.5, 23.0]
    assert result.table["days_since_previous"].iloc[1] == 366
    assert result.text == (
        "the grant price rose 85 % from 13.50 to 25.00 USD (2024-01-01 to 2025-01-01); "
        "the value to a holder after the 2.00 strike doubled (2.00x)"
    )
    assert result.checks[0].passed is True
    assert result.fact_ids == ("g1", "g2")


def test_step_ups_of_the_reported_valuations():
    # Xiaohongshu as reported, in billion USD: 20 (Jan 2025, verdict.co.uk), 26 (Mar 2025, fund mark), 31 (Jun
    # 2025, 36kr), 50 (Dec 2025, 36kr). reportify.ai calls the first step "30% increase"; 6 / 20 = 0.3,
    # 5 / 26 = 0.1923, 19 / 31 = 0.6129. With no strike the holder's value grows as the price does.
    days = ["2025-01-15", "2025-03-31", "2025-06-30", "2025-12-31"]
    marks = pd.DataFrame({"date": days, "price": [20.0, 26, 31, 50], "strike": 0.0, "fact_id": list("abcd")})
    steps = valuation.option_ladder(marks[::-1], currency="USD").table
    assert steps["price_growth"].tolist()[1:] == pytest.approx([0.3, 0.1923, 0.6129], abs=1e-3)
    assert (steps["intrinsic_multiple"] - 1).tolist()[1:] == pytest.approx(steps["price_growth"].tolist()[1:])
    # and the down round of 2023: 14 / 20 - 1 = -0.3
    down = marks.head(2).assign(price=[20.0, 14.0])
    assert valuation.option_ladder(down, currency="USD").price_growth == pytest.approx(-0.3)


def test_a_grant_under_water_has_a_reason():
    result = valuation.option_ladder(GRANTS.assign(strike=[14.0, 2.0]), currency="USD")
    assert pd.isna(result.intrinsic_multiple)
    assert result.table["reason"].tolist() == [
        "",
        "not meaningful: this grant or the one before was not in the money",
    ]
    assert (result.checks[0].passed, result.checks[0].text) == (False, "not above the strike: g1")
    assert "after the 14.00 and then the 2.00 strike has no multiple" in result.text


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-3, 1e3))
def test_a_split_or_a_currency_leaves_the_steps_alone(scale):
    scaled = GRANTS.assign(price=GRANTS["price"] * scale, strike=GRANTS["strike"] * scale)
    result = valuation.option_ladder(scaled, currency="USD")
    assert result.intrinsic_multiple == pytest.approx(2.0)
    assert result.price_growth == pytest.approx(25 / 13.5 - 1)


@pytest.mark.parametrize(
    ("grants", "match"),
    [
        (GRANTS.head(1), r"need 2\+ grants for a ladder, got 1"),
        (GRANTS.drop(columns="strike"), r"missing: \['strike'\]"),
        (GRANTS.assign(price=[0.0, 25.0]), r"needs a price above 0, .* price 0.0, .*\(g1\)"),
        (GRANTS.assign(strike=[2.0, -1.0]), r"needs a strike of 0 or more, .*\(g2\)"),
        (GRANTS.assign(date="2024-01-01"), r"needs a date of its own, .*\(g2\)"),
        (GRANTS.assign(date=[None, "2024-01-01"]), r"needs a date, .*\(g1\)"),
    ],
)
def test_ladder_errors(grants, match):
    with pytest.raises(HelpersError, match=match):
        valuation.option_ladder(grants, currency="USD")


# --- implied total ------------------------------------------------------------------------------


def test_the_stake_of_the_fund_implies_26_billion():
    # GSR IV on 31 March 2025: 8.47 % of Xiaohongshu worth 2.22 bn USD (uniteddaily.my);
    # 2.22 / 0.0847 = 26.210; lowest 2.215 / 0.08475 = 26.136, highest 2.225 / 0.08465 = 26.285
    result = valuation.implied_total(
        0.0847, 2.22e9, stake_half_width=0.00005, holding_half_width=5e6, currency="USD", fact_ids=["s", "h"]
    )
    assert result.value / 1e9 == pytest.approx(26.21, abs=0.01)
    assert (result.low / 1e9, result.high / 1e9) == pytest.approx((26.136, 26.285), abs=1e-3)
    assert result.text == (
        "8.47 % worth 2.22 billion USD imply a whole of 26.2 billion USD (26.1 billion to 26.3 billion from rounding)"
    )
    assert result.table.loc["implied_total", "value"] == result.value
    assert result.fact_ids == ("s", "h")
    # the claim of 310 bn fails the identity, the 26 bn of the same page holds
    assert not result.low <= 310e9 <= result.high
    assert result.low <= 26.2e9 <= result.high


@settings(deadline=None)
@given(share=st.floats(1e-4, 1.0), whole=st.floats(1.0, 1e12), scale=st.floats(1e-3, 1e3))
def test_the_whole_is_found_again_in_any_currency(share, whole, scale):
    result = valuation.implied_total(share, share * whole)
    assert result.value == pytest.approx(whole)
    assert result.low == result.value == result.high
    assert valuation.implied_total(share, share * whole * scale).value == pytest.approx(whole * scale)


@pytest.mark.parametrize(
    ("arguments", "extra", "match"),
    [
        ((8.47, 2.22e9), {}, "stake_share must lie between 0 and 1, got 8.47: .* 8.47 % is 0.0847"),
        ((0, 2.22e9), {}, "above 0 and at most 1, got 0"),
        ((0.0847, -1), {}, "holding_value must be above 0, got -1"),
        (
            (0.0847, 1),
            {"stake_half_width": 0.1},
            "stake_half_width must be 0 or more and below its number 0.0847",
        ),
        ((0.0847, 1), {"holding_half_width": -1}, "holding_half_width .* got -1"),
        ((0.0847, 1), {"currency": "RMB"}, "unknown currency 'RMB'"),
    ],
)
def test_implied_total_errors(arguments, extra, match):
    with pytest.raises(HelpersError, match=match):
        valuation.implied_total(*arguments, **extra)


def test_grants_are_paired_with_the_nearest_strike_once_per_step():
    def series(*rows):
        table = pd.DataFrame(rows, columns=["period_end", "value", "fact_id"])
        return table.assign(period_end=pd.to_datetime(table["period_end"]))

    grants = series(("2025-03-31", 13.5, "a"), ("2025-06-30", 18.0, "b"), ("2025-07-31", 18.0, "c"))
    strikes = series(("2025-01-31", 1.0, "s"), ("2025-06-15", 2.0, "t"))
    steps = valuation.pair_grants(grants, strikes)
    # 31 March is 59 days from the first strike and 76 from the second
    assert steps[["price", "strike", "fact_id", "strike_fact_id"]].to_numpy().tolist() == [
        [13.5, 1.0, "a", "s"],
        [18.0, 2.0, "b", "t"],
    ]
    assert valuation.pair_grants(grants.iloc[:0], strikes).empty
