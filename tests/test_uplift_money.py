"""What an event earned against what it cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError
from helpers.uplift import EventWindow, results
from helpers.uplift.money import EventCosts, return_on_event

Z = stats.norm.ppf(0.975)
RATIOS = ["iroas", "return_on_cost", "payback_share", "payback_days", "breakeven_uplift", "chance_pays"]


def league(effect=(200_000.0,), se=(50_000.0,), observed=(1_200_000.0,)) -> pd.DataFrame:
    """A table as the batch call gives it."""
    frame = pd.DataFrame({"effect": effect, "se": se, "observed": observed}, dtype=float)
    frame["low"], frame["high"] = frame["effect"] - Z * frame["se"], frame["effect"] + Z * frame["se"]
    return frame.assign(unit=[f"shop_{i}" for i in range(len(frame))])


def answer(table=None, *, costs=None, **settings):
    """5 % of GMV is margin: take rate 10 %, half of it margin."""
    terms = {"take_rate": 0.1, "margin_share": 0.5, "gmv_includes_subsidy": True, **settings}
    costs = costs or EventCosts(subsidy_cny=6000, traffic_cny=2000)
    return return_on_event(league() if table is None else table, costs=costs, **terms)


# --- by hand ------------------------------------------------------------------------------------


def test_one_unit_by_hand():
    # margin 0.1 x 0.5 x 200,000 = 10,000; cost 6,000 + 2,000; counterfactual 1,200,000 - 200,000
    row = answer().table.iloc[0]
    assert row["incremental_margin"] == pytest.approx(10_000)
    assert (row["cost"], row["profit"]) == pytest.approx((8000, 2000))
    assert (row["iroas"], row["return_on_cost"], row["payback_share"]) == pytest.approx((25, 0.25, 1.25))
    assert row["paid_gmv"] == pytest.approx(200_000 - 6000)
    # 8,000 / 0.05 = 160,000 of GMV, over 1,000,000
    assert row["breakeven_uplift"] == pytest.approx(0.16)
    # profit 2,000 over its standard error 0.05 x 50,000 = 2,500: Phi(0.8)
    assert row["chance_pays"] == pytest.approx(0.7881446, abs=1e-7)
    assert row["payback_days"] == 0


def test_intervals_carry_the_uplifts_uncertainty():
    # the ends of the effect are 200,000 -+ 1.95996 x 50,000 = 102,002 and 297,998
    row = answer().table.iloc[0]
    assert (row["incremental_margin_low"], row["incremental_margin_high"]) == pytest.approx((5100.1, 14899.9), abs=0.1)
    assert (row["iroas_low"], row["iroas_high"]) == pytest.approx((102_002 / 8000, 297_998 / 8000), abs=1e-3)
    # a large effect means a small counterfactual, hence a high break-even: 160,000 / (1,200,000 - 297,998)
    assert (row["breakeven_uplift_low"], row["breakeven_uplift_high"]) == pytest.approx(
        (160_000 / 1_097_998, 160_000 / 902_002), abs=1e-6
    )
    assert (row["payback_days_low"], row["payback_days_high"]) == (0, np.inf)


def test_returns_by_hand():
    # 0.05 x [1,200,000 x (1 - 0.3) - 1,000,000 x (1 - 0.2)] = 0.05 x 40,000
    row = answer(return_rate=0.3, usual_return_rate=0.2).table.iloc[0]
    assert row["incremental_margin"] == pytest.approx(2000)
    # with one rate for both only the kept part of the effect counts: 0.05 x 200,000 x 0.7
    assert answer(return_rate=0.3).table["incremental_margin"].iloc[0] == pytest.approx(7000)


def test_where_gmv_leaves_the_subsidy_out_margins_are_taken_on_order_value():
    # buyers paid 1,200,000, orders were worth 1,206,000: 0.05 x (1,206,000 - 1,000,000)
    row = answer(gmv_includes_subsidy=False).table.iloc[0]
    assert row["incremental_margin"] == pytest.approx(10_300)
    assert row["paid_gmv"] == row["incremental_gmv"] == 200_000
    assert "bought_gmv" not in [check.name for check in answer(gmv_includes_subsidy=False).checks]


def test_the_two_ways_to_count_gmv_agree():
    # the same event: order value 1,206,000 with the subsidy of 6,000 in it, or 1,200,000 without
    inside = answer(league(effect=[206_000], observed=[1_206_000])).table.iloc[0]
    outside = answer(gmv_includes_subsidy=False).table.iloc[0]
    names = ["incremental_margin", "profit", "profit_low", "profit_high", "return_on_cost", "paid_gmv", "chance_pays"]
    assert inside[names].to_list() == pytest.approx(outside[names].to_list())


def test_coupons_on_used_orders_follow_gmv():
    # 1 % of the observed 1,200,000; per unit of GMV 0.05 is earned and 0.01 paid:
    # at a break-even d: 0.05 x 1,000,000 d = 2,000 + 0.01 x 1,000,000 (1 + d), so d = 12,000 / 40,000
    row = answer(costs=EventCosts(traffic_cny=2000, coupon_rate=0.01)).table.iloc[0]
    assert row["cost"] == pytest.approx(14_000)
    assert row["paid_gmv"] == pytest.approx(188_000)
    assert row["breakeven_uplift"] == pytest.approx(0.3)


def test_payback_by_a_lasting_effect_or_never():
    # 2,000 are missing; 1,000 of GMV a day leave 50 of margin: 40 days
    costs = EventCosts(subsidy_cny=12_000)
    assert answer(costs=costs, lasting_gmv_per_day=1000).table["payback_days"].iloc[0] == pytest.approx(40)
    never = answer(costs=costs)
    assert never.table["payback_days"].iloc[0] == np.inf
    assert "At the point estimate the cost is never recovered" in never.text
    loss = answer(league(effect=[-50_000])).table.iloc[0]
    assert (loss["payback_days"], loss["iroas"]) == (np.inf, -6.25)


def test_the_sentence():
    assert answer().text == (
        "shop_0: 200,000 CNY (102,002 CNY to 297,998 CNY) of net incremental GMV and 10,000 CNY (5,100 CNY to "
        "14,900 CNY) of margin for 8,000 CNY of cost: iROAS 25.00 (12.75 to 37.25), return on cost +25.0 % (−36.2 % to "
        "+86.2 %) (95 % intervals). At the point estimate the cost is recovered within the window; it "
        "breaks even at a net uplift of +16.0 % over the whole window; "
        "the chance that it pays is 79 %."
    )


def test_without_a_cost_ratios_are_undefined():
    result = answer(costs=EventCosts())
    assert result.table[["iroas", "return_on_cost", "payback_share", "iroas_low"]].isna().all(axis=None)
    assert result.table["breakeven_uplift"].iloc[0] == 0
    assert "without a cost iROAS and payback are undefined" in result.text
    assert (result.checks[0].name, result.checks[0].passed, result.checks[0].value) == ("cost", False, 1)


def test_no_uplift_breaks_even_where_coupons_eat_the_margin():
    result = answer(costs=EventCosts(coupon_rate=0.06))
    assert result.table["breakeven_uplift"].iloc[0] == np.inf
    assert "no uplift would break even" in result.text


def test_gmv_that_the_subsidy_bought_fails_a_check():
    check = answer(costs=EventCosts(subsidy_cny=250_000)).checks[1]
    assert (check.name, check.passed, check.value) == ("bought_gmv", False, 1)


# --- totals -------------------------------------------------------------------------------------


def test_the_total_of_two_by_hand():
    # margins 10,000 + 5,000, costs 2 x 8,000; standard errors 2,500 and 1,500: together 2,915.48 or 4,000
    table = league(effect=[200_000, 100_000], se=[50_000, 30_000], observed=[1_200_000, 900_000])
    alone, joined = (answer(table, error_correlation=rho).total for rho in (0.0, 1.0))
    assert alone["profit"] == pytest.approx(-1000)
    assert alone["profit_high"] == pytest.approx(-1000 + Z * 2915.476, abs=0.01)
    assert alone["chance_pays"] == pytest.approx(stats.norm.cdf(-1000 / 2915.476), abs=1e-6)
    assert joined["profit_low"] == pytest.approx(-1000 - Z * 4000)
    # break-even of both together: 16,000 / 0.05 over 1,000,000 + 800,000
    assert alone["breakeven_uplift"] == pytest.approx(320_000 / 1_800_000)


def test_a_total_without_known_correlation_has_no_interval():
    result = answer(league(effect=[200_000, 100_000], se=[5e4, 3e4], observed=[1.2e6, 9e5]))
    assert result.total["profit"] == pytest.approx(-1000)
    assert result.total[["profit_low", "iroas_high", "chance_pays"]].isna().all()
    assert (result.checks[-1].name, result.checks[-1].passed) == ("error_correlation", False)


def test_a_unit_without_an_effect_is_in_no_total_and_counted():
    table = league(effect=[200_000, np.nan], se=[5e4, np.nan], observed=[1.2e6, 9e5])
    result = answer(table)
    assert result.total["profit"] == pytest.approx(2000)
    assert result.table["payback_days"].isna().tolist() == [False, True]
    assert [check.value for check in result.checks if check.name == "left_out"] == [1]


def test_units_add_up():
    rng = np.random.default_rng(3)
    table = league(effect=rng.normal(0, 1e5, 30), se=rng.uniform(1e4, 1e5, 30), observed=rng.uniform(1e6, 2e6, 30))
    result = answer(table, costs=EventCosts(subsidy_cny=rng.uniform(0, 9e3, 30), coupon_rate=0.003))
    for name in ("cost", "incremental_gmv", "paid_gmv", "incremental_margin", "profit"):
        assert result.total[name] == pytest.approx(result.table[name].sum())


def test_per_unit_costs_are_those_of_single_calls():
    table = league(effect=[2e5, -1e5, 3e5], se=[5e4, 3e4, 1e4], observed=[1.2e6, 9e5, 2e6])
    spent = np.array([5000.0, 100.0, 9000.0])
    rates = pd.Series([0.02, 0.03, 0.05], index=[7, 8, 9])  # taken by place
    many = answer(table, costs=EventCosts(subsidy_cny=spent), take_rate=rates).table
    for i in range(3):
        one = answer(table.iloc[[i]], costs=EventCosts(subsidy_cny=spent[i]), take_rate=rates.iloc[i]).table
        pd.testing.assert_frame_equal(one, many.iloc[[i]].reset_index(drop=True))


# --- laws ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(scale=st.floats(1e-3, 1e3), effect=st.floats(-5e5, 5e5), spent=st.floats(1, 1e5))
def test_the_currency_scales_money_and_leaves_ratios_alone(scale, effect, spent):
    lasting, table = 500.0, league(effect=[effect])
    here = answer(table, costs=EventCosts(subsidy_cny=spent), lasting_gmv_per_day=lasting).table.iloc[0]
    scaled = table.assign(**{name: table[name] * scale for name in ("observed", "effect", "se", "low", "high")})
    there = answer(scaled, costs=EventCosts(subsidy_cny=spent * scale), lasting_gmv_per_day=lasting * scale)
    there = there.table.iloc[0]
    assert there[RATIOS].to_list() == pytest.approx(here[RATIOS].to_list(), rel=1e-9, abs=1e-9)
    assert there["profit"] == pytest.approx(here["profit"] * scale, rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    spent=st.floats(0, 1e5), rate=st.floats(0, 0.04), returned=st.floats(0, 0.4), usual=st.floats(0, 0.4),
    included=st.booleans(),
)  # fmt: skip
def test_at_the_break_even_uplift_the_profit_is_nothing(spent, rate, returned, usual, included):
    terms = {
        "costs": EventCosts(subsidy_cny=spent, coupon_rate=rate, traffic_cny=100), "take_rate": 0.1, "margin_share": 1,
        "return_rate": returned, "usual_return_rate": usual, "gmv_includes_subsidy": included,
    }  # fmt: skip
    at = answer(**terms).table["breakeven_uplift"].iloc[0]
    table = league(effect=[1e6 * at], observed=[1e6 * (1 + at)])
    assert answer(table, **terms).table["profit"].iloc[0] == pytest.approx(0, abs=1e-4)


def test_draws_of_a_normal_agree_with_the_closed_form():
    table = league(effect=[2e5, 1e5], se=[5e4, 3e4], observed=[1.2e6, 9e5])
    rng = np.random.default_rng(5)
    draws = table["effect"].to_numpy() + table["se"].to_numpy() * rng.standard_normal((40_000, 2))
    drawn, closed = answer(table, draws=draws), answer(table, error_correlation=0.0)
    # Monte Carlo error of a probability: 0.5 / 200 = 0.0025
    assert drawn.table["chance_pays"].to_numpy() == pytest.approx(closed.table["chance_pays"].to_numpy(), abs=0.01)
    assert drawn.total["chance_pays"] == pytest.approx(closed.total["chance_pays"], abs=0.01)
    for name in ("profit_low", "profit_high", "incremental_gmv_low"):
        assert drawn.total[name] == pytest.approx(closed.total[name], rel=0.03, abs=150)


def test_the_chance_is_right_on_average():
    # simulated: true effects N(0, 1), errors N(0, 1), so that given an estimate y the effect is N(y/2, 1/2)
    rng = np.random.default_rng(11)
    truth = rng.standard_normal(20_000)
    seen = truth + rng.standard_normal(20_000)
    table = league(effect=seen / 2, se=np.full(20_000, np.sqrt(0.5)), observed=np.full(20_000, 10.0))
    chance = answer(table, costs=EventCosts(other_cny=0.02), error_correlation=0.0).table["chance_pays"]
    pays = 0.05 * truth > 0.02
    for low in (0.1, 0.4, 0.7):
        held = (chance > low) & (chance < low + 0.2)
        assert pays[held].mean() == pytest.approx(chance[held].mean(), abs=0.03)


# --- a result -----------------------------------------------------------------------------------


def uplift(checks=()):
    """An event of two days: observed 600 and 600, without it 500 and 500, errors 30 and 40 a day."""
    dates = pd.date_range("2025-11-10", periods=4)
    window = EventWindow(event=("2025-11-12", "2025-11-13"), name="Double 11")
    observed, expected = np.array([500, 500, 600, 600.0]), np.full(4, 500.0)
    interval = results.from_covariance(np.diag([900.0, 1600.0]), np.array([100.0, 100.0]), Z)
    return results.assemble(
        method="test", unit="shop", window=window, phases=window.phase_of(dates), dates=dates, observed=observed,
        counterfactual=expected, interval=interval, checks=checks, fact_ids=("f1",),
    )  # fmt: skip


def test_an_uplift_result_is_taken_as_it_is():
    # effect 200, standard error 50; margin 100, cost 80, chance Phi(20 / 25)
    result = return_on_event(
        uplift(), costs=EventCosts(other_cny=80), gmv_includes_subsidy=True, margin_share=0.5, fact_ids=["f2"]
    )
    assert result.total["incremental_margin"] == pytest.approx(100)
    assert result.total["chance_pays"] == pytest.approx(stats.norm.cdf(0.8))
    assert result.total["profit_low"] == pytest.approx(0.5 * (200 - Z * 50) - 80)
    assert (result.fact_ids, result.level) == (("f1", "f2"), 0.95)
    assert result.table["unit"].to_list() == ["shop"]


def test_without_a_verdict_there_is_no_chance():
    failed = uplift(checks=[Check(name="coverage", passed=False)])
    result = return_on_event(failed, costs=EventCosts(other_cny=80), gmv_includes_subsidy=True, margin_share=0.5)
    assert np.isnan(result.total["chance_pays"])
    assert result.text.endswith("No verdict: the intervals did not hold.")


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("costs", "match"),
    [
        ({"subsidy_cny": -1}, "subsidy_cny must be finite and 0 or more, got -1"),
        ({"traffic_cny": np.nan}, "traffic_cny must be finite and 0 or more, got nan"),
        ({"coupon_cny": [1, np.inf]}, "coupon_cny must be finite and 0 or more, got inf"),
        ({"coupon_rate": 1.2}, "coupon_rate must be from 0 to 1, got 1.2"),
    ],
)
def test_costs_check_themselves(costs, match):
    with pytest.raises(HelpersError, match=match):
        EventCosts(**costs)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"take_rate": None, "margin_share": None}, "needs take_rate, margin_share or both, got neither"),
        ({"take_rate": 1.5}, "take_rate must be from 0 to 1, got 1.5"),
        ({"return_rate": -0.1}, "return_rate must be from 0 to 1, got -0.1"),
        ({"lasting_gmv_per_day": np.inf}, "lasting_gmv_per_day must be finite, got inf"),
        ({"margin_share": [0.1, 0.2]}, r"margin_share must be one number or one per unit \(1\), got 2"),
        ({"draws": np.ones((5, 2))}, r"draws must have the shape \(2\+ draws, 1 units\), got \(5, 2\)"),
        ({"error_correlation": 2}, "error_correlation must lie from 0 to 1, got 2"),
        ({"level": 95}, "level must lie between 0 and 1, got 95"),
        ({"table": league(effect=[np.nan])}, r"none of 1 unit\(s\) has an effect"),
    ],
)
def test_settings_are_refused(settings, match):
    with pytest.raises(HelpersError, match=match):
        answer(**settings)


def test_tables_are_refused():
    with pytest.raises(PanelError, match=r"money needs the columns unit, observed.*; missing: se"):
        answer(league().drop(columns="se"))
    with pytest.raises(PanelError, match=r"se must be 0 or more, got -1 \(shop_0\)"):
        answer(league().assign(se=-1.0))
    with pytest.raises(PanelError, match="the table has no rows"):
        answer(league().iloc[:0])
