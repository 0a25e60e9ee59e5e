"""Printed uplifts: what they mean, what follows from them, same windows, pooling over events."""

from __future__ import annotations

import math
import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from statsmodels.stats.meta_analysis import combine_effects

from helpers import calendars, ledger
from helpers.errors import HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import pooling, reported
from helpers.uplift.reported import Claim

WHOLE = {
    "baseline": "same_window_last_year",
    "window": ("2025-10-11", "2025-10-13"),
    "denominator": "platform",
    "entity": "xiaohongshu",
}


def states(result) -> dict[str, bool | None]:
    return {check.name: check.passed for check in result.checks}


def said(result, name: str) -> str:
    (text,) = [check.text for check in result.checks if check.name == name]
    return text


# --- claims ---------------------------------------------------------------------------------------


def test_a_claim_with_all_its_parts_is_a_number_with_its_rounding():
    result = reported.read_claim(Claim(metric="buyers", value=0.77, fact_id="f1", **WHOLE))
    assert result.is_defined
    assert (result.growth, result.low, result.high) == (0.77, 0.765, 0.775)
    assert result.missing == ()
    assert result.fact_ids == ("f1",)
    assert result.text == (
        "xiaohongshu, buyers: +77 % (+76.5 % to +77.5 % as printed) against same window last year, platform, "
        "2025-10-11 to 2025-10-13. Not the event's effect: it holds the growth of the whole year and every change of "
        "the festival's dates and length."
    )
    # last year's window is nowhere stated: the number stands, the check fails
    assert states(result) == {"baseline": True, "window": True, "denominator": True, "baseline_window": False}
    assert result.table["part"].tolist() == ["baseline", "window", "denominator", "baseline_window"]


@pytest.mark.parametrize("part", ["baseline", "window", "denominator"])
def test_a_claim_without_one_part_is_undefined_and_has_no_number(part):
    left = {name: value for name, value in WHOLE.items() if name != part}
    result = reported.read_claim(Claim(metric="event_gmv", value=1.17, **left))
    assert not result.is_defined
    assert np.isnan([result.growth, result.low, result.high]).all()
    assert result.missing == (part,)
    assert "117" not in result.text
    assert f"undefined, the source states no {part}" in result.text
    assert states(result)[part] is False
    assert result.table.set_index("part").loc[part, "stated"] == ""
    assert result.table.set_index("part").loc[part, "settles"] in result.text


def test_what_the_ledger_knows_of_its_press_figures():
    facts = ledger.facts()
    wanted = ["f0040", "f0042", "f0043", "f0108", "f0110", "f0290", "f0297", "f1751"]
    claims = {c.fact_id: c for c in reported.claims_from_facts(facts[facts["fact_id"].isin(wanted)])}
    assert set(claims) == set(wanted) - {"f0042"}  # 48 hours is no growth
    read = {name: reported.read_claim(claim) for name, claim in claims.items()}
    assert {name: result.missing for name, result in read.items()} == {
        "f0040": (), "f0043": (), "f0290": (),
        "f0108": ("baseline", "window", "denominator"), "f0110": ("baseline", "window", "denominator"),
        "f0297": ("window",), "f1751": ("window",),
    }  # fmt: skip
    # "over 200 % to 1,000 %" of some streamers: a range of cases with an open end, not an average
    assert (claims["f0108"].value, claims["f0108"].value_high, claims["f0108"].high) == (2, 10, math.inf)
    assert states(read["f0108"])["printed_range"] is False
    assert states(read["f0108"])["open_end"] is None
    # "nearly 30 %" is 28.5 to 30.5 %; 5.4 times last year is +440 %
    assert (claims["f0290"].low, claims["f0290"].high) == (pytest.approx(0.285), pytest.approx(0.305))
    assert claims["f1751"].value == pytest.approx(4.4)
    # "48 hours" are dated 11 to 13 October, which is 72
    assert claims["f0040"].hours == 48
    assert "48 hours, the days it gives are 72" in said(read["f0040"], "window_length")


def test_a_caller_may_know_the_denominator():
    facts = ledger.facts(entity="marketing_events_on_kuaishou")
    (claim,) = reported.claims_from_facts(
        facts, denominators={"marketing_events_on_kuaishou": "merchants in the event"}
    )
    assert reported.read_claim(claim).missing == ("baseline", "window")


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"value": math.nan}, HelpersError, "buyers: a growth must be finite and -1 or above, got nan"),
        ({"value": -1.2}, HelpersError, "must be finite and -1 or above, got -1.2"),
        ({"low": 0.8}, HelpersError, "buyers: 0.77 to 0.77 must lie within 0.8 to 0.775"),
        ({"value_high": 0.5}, HelpersError, "buyers: 0.77 to 0.5 must lie within"),
        ({"baseline": "last_year"}, UnknownNameError, "unknown baseline 'last_year'"),
        ({"window": ("2025-10-13", "2025-10-11")}, WindowError, "buyers, window must not end before it starts"),
        ({"window": ("2025-10-13", None)}, WindowError, "buyers, window must have both moments"),
        ({"window": "2025-10-13"}, WindowError, "buyers, window must be a pair of first and last moment"),
    ],
)
def test_a_claim_that_contradicts_itself_is_refused(changed, error, told):
    with pytest.raises(error, match=re.escape(told)):
        Claim(**{"metric": "buyers", "value": 0.77, **WHOLE, **changed})


def test_facts_without_a_column_are_refused():
    with pytest.raises(PanelError, match=r"facts need the columns .*; missing: note"):
        reported.claims_from_facts(ledger.facts().drop(columns="note"))


# --- definitions ----------------------------------------------------------------------------------

EXAMPLE = {  # made up, million yuan: see the module's docstring
    "event_total": 2080, "event_days": 10, "before_total": 893, "before_days": 10, "last_year_total": 1368,
    "counterfactual_total": 1000, "borrowed_total": 580,
}  # fmt: skip


def test_the_usual_definitions_give_133_52_108_and_50_percent_on_one_event():
    # 208 / 89.3 = 2.329; 2080 / 1368 = 1.5205; 2080 / 1000 = 2.08; (2080 - 580) / 1000 = 1.5
    table = reported.definitions(**EXAMPLE)
    assert table["definition"].tolist() == ["days_before", "same_window_last_year", "counterfactual", "net_of_borrowed"]
    assert (table["value"] * 100).round().tolist() == [133, 52, 108, 50]
    assert table["caveat"].str.len().gt(0).all()


def test_length_and_own_growth_are_taken_out_where_they_are_known():
    # last year 9 days: 208 / 152 = 1.3684; own growth of 20 %: 1.5205 / 1.2 = 1.2671
    table = reported.definitions(**EXAMPLE, last_year_days=9, own_growth=0.2).set_index("definition")["value"]
    assert table["last_year_per_day"] == pytest.approx(208 / 152 - 1)
    assert table["excess_over_own_growth"] == pytest.approx(2080 / 1368 / 1.2 - 1)


@given(scale=st.floats(1e-6, 1e12))
@settings(deadline=None)
def test_definitions_do_not_hang_on_the_currency(scale):
    scaled = {name: value * (1 if name.endswith("days") else scale) for name, value in EXAMPLE.items()}
    one, other = reported.definitions(**EXAMPLE)["value"], reported.definitions(**scaled)["value"]
    np.testing.assert_allclose(other, one, rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["event_days", "before_total", "before_days", "last_year_total", "counterfactual_total"]
)
def test_a_base_of_nothing_is_refused(name):
    with pytest.raises(HelpersError, match=f"{name} must be above 0, got 0"):
        reported.definitions(**{**EXAMPLE, name: 0})


def test_a_negative_event_is_refused():
    with pytest.raises(HelpersError, match="event_total must be 0 or above and finite, got -1"):
        reported.definitions(**{**EXAMPLE, "event_total": -1})


# --- what follows from two printed figures --------------------------------------------------------


def test_orders_per_buyer_fell_by_2_3_percent():
    # 1.73 / 1.77 - 1 = -0.02260; from rounding 1.725 / 1.775 - 1 = -0.02817 to 1.735 / 1.765 - 1 = -0.01700
    result = reported.implied_ratio(buyers=0.77, orders=0.73)
    assert result.growth == pytest.approx(-0.02260, abs=5e-6)
    assert result.low == pytest.approx(-0.02817, abs=5e-6)
    assert result.high == pytest.approx(-0.01700, abs=5e-6)
    assert result.text == "orders per buyer: −2.3 % (−2.8 % to −1.7 % from rounding)"
    assert states(result) == {"sign_known": True}


def test_orders_per_buyer_from_the_ledger():
    facts = ledger.facts(entity="xiaohongshu")
    by_id = {
        c.fact_id: c for c in reported.claims_from_facts(facts[facts["fact_id"].isin(["f0040", "f0043", "f1767"])])
    }
    result = reported.implied_ratio(orders=by_id["f0043"], buyers=by_id["f0040"])
    assert result.growth == pytest.approx(-0.02260, abs=5e-6)
    assert states(result) == {"same_basis": True, "sign_known": True}
    assert result.fact_ids == ("f0043", "f0040")
    mixed = reported.implied_ratio(orders=by_id["f0043"], buyers=by_id["f1767"])
    assert states(mixed)["same_basis"] is False
    assert said(mixed, "same_basis") == "the two differ in window: their ratio means nothing"


def test_excess_over_own_growth_by_hand():
    # 1.77 / 1.5 - 1 = 0.18; 1.765 / 1.505 - 1 = 0.17276; 1.775 / 1.495 - 1 = 0.18729
    result = reported.excess(growth=0.77, own_growth=0.5)
    assert result.growth == pytest.approx(0.18)
    assert (result.low, result.high) == (pytest.approx(0.17276, abs=5e-6), pytest.approx(0.18729, abs=5e-6))
    assert states(reported.excess(growth=0.2, own_growth=0.2)) == {"sign_known": False}


growths = st.floats(-0.9, 20)


@given(a=growths, b=growths)
@settings(deadline=None)
def test_the_ratio_and_its_inverse_cancel_and_lie_in_their_intervals(a, b):
    one, other = reported.implied_ratio(orders=a, buyers=b), reported.implied_ratio(orders=b, buyers=a)
    assert (1 + one.growth) * (1 + other.growth) == pytest.approx(1)
    assert (1 + one.low) * (1 + other.high) == pytest.approx(1)
    assert one.low <= one.growth <= one.high


def test_a_ratio_to_nothing_and_a_range_are_refused():
    with pytest.raises(HelpersError, match="buyers fell to nothing"):
        reported.implied_ratio(orders=0.1, buyers=-1.0)
    many = Claim(metric="gmv", value=2, value_high=10)
    with pytest.raises(HelpersError, match="excess over own growth: a printed range is no one figure"):
        reported.excess(growth=many, own_growth=0.1)


def test_an_open_end_stays_open():
    claim = Claim(metric="gmv", value=2.0, low=2.0, high=math.inf)
    result = reported.excess(growth=claim, own_growth=0.5)
    assert (result.high, result.low) == (math.inf, pytest.approx(3 / 1.505 - 1))
    assert "to no end" in result.text


# --- same windows ---------------------------------------------------------------------------------


def test_kuaishou_double_11_of_2025_is_three_days_longer_by_hand():
    # From 10 October 2024 (33 days to 11 November, 36 to the 14th) and from 7 October 2025 (36, 39):
    # +20 % in total is 1.2 * 33 / 36 - 1 = +10 % a day; bounds 1.195 * 33 / 39 - 1 and 1.205 * 36 / 36 - 1
    result = reported.same_window(
        calendars.windows(), entity="kuaishou", festival="double_11", year=2025, growth=0.2
    )  # fmt: skip
    assert result.table[["days", "days_low", "days_high"]].to_numpy().tolist() == [[33, 33, 36], [36, 36, 39]]
    assert result.per_day == pytest.approx(0.10)
    assert result.per_day_low == pytest.approx(1.195 * 33 / 39 - 1)
    assert result.per_day_high == pytest.approx(0.205)
    assert (result.common_low, result.common_high) == (result.per_day_low, pytest.approx(0.205))
    assert (result.extra_days, result.extra_days_low, result.extra_days_high) == (3, 0, 6)
    assert states(result) == {"ends_stated": False, "starts_agree": False, "conflicts": True, "status": True}
    assert said(result, "ends_stated") == "2024: end not stated; 2025: end not stated"
    assert said(result, "starts_agree") == "the event of 2025 began 3 day(s) earlier than that of 2024"


def test_a_stated_window_has_no_bounds():
    result = reported.same_window(calendars.windows(), entity="douyin", festival="double_11", year=2025, growth=0.5)
    # 35 days in 2024, 57 in 2025: 1.5 * 35 / 57 - 1 = -7.9 % a day
    assert result.per_day == pytest.approx(1.5 * 35 / 57 - 1)
    assert result.extra_days_low == result.extra_days_high == 22
    assert states(result)["ends_stated"] is True
    assert "57 days in 2025 against 35 in 2024; +50 % in total is −7.9 % a day" in result.text


def test_48_hours_of_xiaohongshu_may_be_compared_with_a_day_outside_the_event():
    # 11 to 13 October 2024 has two days of an event that began on the 12th (inferred): if last year's base was that,
    # two days are compared with three, 1.765 * 2 / 3 - 1 = 17.7 %
    facts = ledger.facts(entity="xiaohongshu")
    (claim,) = reported.claims_from_facts(facts[facts["fact_id"].eq("f0040")])
    result = reported.same_window(
        calendars.windows(), entity="xiaohongshu", festival="double_11", year=2025, growth=claim
    )  # fmt: skip
    assert (result.per_day, result.per_day_high) == (pytest.approx(0.77), pytest.approx(0.775))
    assert result.per_day_low == pytest.approx(1.765 * 2 / 3 - 1)
    assert states(result)["calendar_window"] is False
    assert "2024-10-11 to 2024-10-13, have 2 of 3 in that year's event (inferred)" in said(result, "calendar_window")
    assert said(result, "status") == "2024 is inferred"
    assert result.fact_ids == ("f0040",)


def test_windows_alone_may_be_compared_and_conflicts_are_shown():
    windows = calendars.windows(entity="xiaohongshu", festival="618")
    windows = pd.concat([windows[windows["year"] == 2024], windows[windows["year"] == 2024].assign(year=2023)])
    windows.loc[windows["year"] == 2023, "start"] = pd.Timestamp("2023-05-19")
    result = reported.same_window(windows, entity="xiaohongshu", festival="618", year=2024)
    assert np.isnan(result.per_day)
    assert states(result)["conflicts"] is False
    assert "20 May" in said(result, "conflicts")
    assert states(result)["starts_agree"] is True


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        (("xiaohongshu", "618", 2025), WindowError, "xiaohongshu 618 2025 has no start (not_held: not held)"),
        (("kuaishou", "618", 2025), WindowError, "kuaishou 618 2025 has no start (not_found: no source was found)"),
        (("kuaishou", "double_11", 2026), WindowError, "need one window of kuaishou double_11 2026, got 0"),
    ],
)
def test_a_year_without_a_window_is_refused(wanted, error, told):
    entity, festival, year = wanted
    with pytest.raises(error, match=re.escape(told)):
        reported.same_window(calendars.windows(), entity=entity, festival=festival, year=year)


def test_windows_without_a_column_or_with_two_rows_are_refused():
    windows = calendars.windows()
    wanted = {"entity": "kuaishou", "festival": "double_11", "year": 2025}
    with pytest.raises(PanelError, match="missing: gaps"):
        reported.same_window(windows.drop(columns="gaps"), **wanted)
    with pytest.raises(PanelError, match="need one window of kuaishou double_11 2024, got 2"):
        reported.same_window(pd.concat([windows, windows]), **wanted)
    renamed = windows.replace({"festival": {"double_11": "double_12"}})
    with pytest.raises(WindowError, match="kuaishou double_12 2024 has no end"):
        reported.same_window(renamed, **{**wanted, "festival": "double_12"})


# --- pooling --------------------------------------------------------------------------------------

# Thirteen trials of the BCG vaccine (Colditz et al. 1994): ill and well with and without vaccine
BCG = pd.read_csv(
    StringIO(
        """name,a,b,c,d
Aronson 1948,4,119,11,128
Ferguson 1949,6,300,29,274
Rosenthal 1960,3,228,11,209
Hart 1977,62,13536,248,12619
Frimodt-Moller 1973,33,5036,47,5761
Stein 1953,180,1361,372,1079
Vandiviere 1973,8,2537,10,619
Madras 1980,505,87886,499,87892
Coetzee 1968,29,7470,45,7232
Rosenthal 1961,17,1699,65,1600
Comstock 1974,186,50448,141,27197
Comstock 1969,5,2493,3,2338
Comstock 1976,27,16886,29,17825
"""
    )
)


def risk_ratios() -> pd.DataFrame:
    a, b, c, d = (BCG[column] for column in "abcd")
    variance = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    return pd.DataFrame(
        {"name": BCG["name"], "effect": np.log(a / (a + b) / (c / (c + d))), "se": np.sqrt(variance)}
    )  # fmt: skip


def test_two_equal_precisions_by_hand():
    # Effects 0 and 4, variance 1 each. Q = 2 * 2**2 = 8, DL: (8 - 1) / (2 - 2 / 2) = 7. Weights 1/8:
    # mu = 2, se**2 = 8 / 2 = 4; the spread is (2**2 + 2**2) / 8 = 1, so Hartung-Knapp's factor is 1
    table = pd.DataFrame({"name": ["a", "b"], "effect": [0.0, 4.0], "se": [1.0, 1.0]})
    for method in ("dl", "pm", "reml"):  # with equal variances all three agree
        result = pooling.pool(table, method=method)
        assert (result.mu, result.se, result.tau2) == (pytest.approx(2), pytest.approx(2), pytest.approx(7))
        assert result.i2 == pytest.approx(7 / 8)
        assert result.high == pytest.approx(2 + 12.7062 * 2, abs=1e-3)  # t of one degree of freedom
        assert result.table["weight"].tolist() == [0.5, 0.5]
        assert np.isnan(result.prediction_low)
        assert result.leave_one_out.empty


# metafor's documentation on the same data: tau2, mu, se with the normal interval; with Hartung-Knapp
PUBLISHED = {"reml": (0.3132, -0.7145, 0.1798), "dl": (0.3088, -0.7141, 0.1787)}


@pytest.mark.parametrize("method", PUBLISHED)
def test_the_vaccine_trials_as_published(method):
    result = pooling.pool(risk_ratios(), method=method, knha=False)
    assert (result.tau2, result.mu, result.se) == pytest.approx(PUBLISHED[method], abs=5e-5)
    assert result.q == pytest.approx(152.2330, abs=5e-5)
    assert (result.tau2_low, result.tau2_high) == pytest.approx((0.1197, 1.1115), abs=5e-5)


def test_the_vaccine_trials_with_reml_in_full():
    result = pooling.pool(risk_ratios(), knha=False)
    assert (result.low, result.high) == pytest.approx((-1.0669, -0.3622), abs=5e-5)
    assert (result.i2, result.i2_low, result.i2_high) == pytest.approx((0.9222, 0.8192, 0.9768), abs=5e-5)
    knha = pooling.pool(risk_ratios())
    assert (knha.se, knha.low, knha.high) == pytest.approx((0.1808, -1.1084, -0.3206), abs=5e-5)
    assert states(knha) == {"few_estimates": True, "heterogeneity": False, "influence": True}


def test_the_odds_ratios_of_van_houwelingen_2002():
    # Printed with metafor's replication: Q-profile interval of tau2 0.1302 to 1.1812, from a root finder that
    # stops within 1.2e-4
    a, b, c, d = (BCG[column] for column in "abcd")
    odds = pd.DataFrame(
        {"name": BCG["name"], "effect": np.log(a * d / (b * c)), "se": np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)}
    )  # fmt: skip
    result = pooling.pool(odds)
    assert (result.tau2_low, result.tau2_high) == pytest.approx((0.1302, 1.1812), abs=1.2e-4)


@pytest.mark.parametrize(("method", "theirs"), [("dl", "chi2"), ("pm", "iterated")])
def test_statsmodels_agrees(method, theirs):
    table = risk_ratios()
    expected = combine_effects(table["effect"].to_numpy(), table["se"].to_numpy() ** 2, method_re=theirs)
    plain, knha = pooling.pool(table, method=method, knha=False), pooling.pool(table, method=method)
    assert plain.tau2 == pytest.approx(expected.tau2, rel=1e-6)
    assert plain.mu == pytest.approx(expected.mean_effect_re, rel=1e-7)
    assert plain.se == pytest.approx(expected.sd_eff_w_re, rel=1e-6)
    assert knha.se == pytest.approx(expected.sd_eff_w_re_hksj, rel=1e-6)


def test_reml_is_the_top_of_the_restricted_likelihood():
    rng = np.random.default_rng(3)
    for _ in range(5):
        y, v = rng.normal(0.2, 0.5, 8), rng.uniform(0.01, 0.5, 8)
        table = pd.DataFrame({"name": [str(i) for i in range(8)], "effect": y, "se": np.sqrt(v)})

        def loss(log_tau2, y=y, v=v):
            w = 1 / (v + np.exp(log_tau2))
            return -0.5 * (np.log(w).sum() - np.log(w.sum()) - w @ (y - w @ y / w.sum()) ** 2)

        best = optimize.minimize_scalar(loss, bounds=(-12, 3), method="bounded", options={"xatol": 1e-10})
        assert pooling.pool(table).tau2 == pytest.approx(np.exp(best.x), abs=1e-5)


def test_agreement_beyond_chance_keeps_the_floor():
    table = pd.DataFrame({"name": list("abcd"), "effect": [1.0, 1.01, 0.99, 1.0], "se": [0.2] * 4})
    result = pooling.pool(table)
    assert result.tau2 == 0
    assert result.se == pytest.approx(0.1)  # 0.2 / sqrt(4), not the spread of the estimates
    assert states(result)["hartung_knapp_floor"] is None
    assert states(result)["few_estimates"] is False
    assert states(result)["heterogeneity"] is True


def test_one_far_event_shows_in_leave_one_out():
    table = pd.DataFrame({"name": list("abcdef"), "effect": [0.1, 0.12, 0.08, 0.11, 0.09, 3.0], "se": [0.02] * 6})
    result = pooling.pool(table)
    assert result.leave_one_out.set_index("left_out").loc["f", "tau2"] == pytest.approx(0, abs=1e-6)
    assert "without f the average is 0.1 instead of 0.583" in said(result, "influence")


@given(scale=st.floats(0.01, 100), shift=st.floats(-3, 3), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_pooling_follows_scale_shift_and_order(scale, shift, seed):
    table = risk_ratios()
    one = pooling.pool(table)
    moved = table.assign(effect=scale * (table["effect"] + shift), se=scale * table["se"]).sample(
        frac=1, random_state=seed
    )
    other = pooling.pool(moved)
    assert other.mu == pytest.approx(scale * (one.mu + shift), rel=1e-6, abs=1e-6 * scale)
    assert other.high - other.low == pytest.approx(scale * (one.high - one.low), rel=1e-6)
    assert other.tau2 == pytest.approx(scale**2 * one.tau2, rel=1e-5)
    assert other.i2 == pytest.approx(one.i2, rel=1e-5)
    assert other.table["weight"].sum() == pytest.approx(1)


def test_intervals_cover_a_planted_average():
    # 10 events, mean 0.3, sd 0.2 between events, unequal errors; the share of 400 intervals that hold the truth
    rng = np.random.default_rng(11)
    hits = new = 0
    for _ in range(400):
        se = rng.uniform(0.05, 0.3, 10)
        table = pd.DataFrame(
            {"name": [str(i) for i in range(10)], "effect": rng.normal(0.3, np.hypot(0.2, se)), "se": se}
        )
        result = pooling.pool(table, method="dl")
        hits += result.low <= 0.3 <= result.high
        new += result.prediction_low <= rng.normal(0.3, 0.2) <= result.prediction_high
    assert 0.92 <= hits / 400 <= 0.985  # 0.95 and three standard errors of 1.1 points
    assert 0.90 <= new / 400 <= 0.985


def test_printed_digits_as_standard_errors():
    # 77 % is 76.5 to 77.5 %: half a width of 0.005 over sqrt(3) = 0.0028868
    table = pd.DataFrame({"name": ["buyers"], "low": [0.765], "high": [0.775]})
    plain, logs = pooling.from_rounding(table), pooling.from_rounding(table, log=True)
    assert plain["effect"].item() == pytest.approx(0.77)
    assert plain["se"].item() == pytest.approx(0.0028868, abs=5e-8)
    assert logs["effect"].item() == pytest.approx(math.log(1.77), abs=1e-5)
    assert logs["se"].item() == pytest.approx(0.0028868 / 1.77, abs=5e-8)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"effect": [0.1, math.nan]}, "b needs a finite effect and an se above 0, got effect nan and se 0.1"),
        ({"se": [0.1, 0.0]}, "b needs a finite effect and an se above 0, got effect 0.2 and se 0.0"),
        ({"name": ["a", "a"]}, "each estimate needs its own name, got twice: a"),
    ],
)
def test_estimates_that_cannot_be_pooled_are_refused(change, told):
    table = pd.DataFrame({"name": ["a", "b"], "effect": [0.1, 0.2], "se": [0.1, 0.1]}).assign(**change)
    with pytest.raises(PanelError, match=re.escape(told)):
        pooling.pool(table)


def test_other_faults_of_pooling_are_named():
    table = pd.DataFrame({"name": ["a", "b"], "effect": [0.1, 0.2], "se": [0.1, 0.1]})
    with pytest.raises(PanelError, match=r"need 2\+ estimates to pool, got 1"):
        pooling.pool(table[:1])
    with pytest.raises(PanelError, match="missing: se"):
        pooling.pool(table.drop(columns="se"))
    with pytest.raises(UnknownNameError, match="unknown method 'remel'; did you mean reml"):
        pooling.pool(table, method="remel")
    with pytest.raises(HelpersError, match="level must lie between 0 and 1, got 95"):
        pooling.pool(table, level=95)
    with pytest.raises(PanelError, match=r"the interval of a needs finite ends, low below high, got 0.2 to inf"):
        pooling.from_rounding(pd.DataFrame({"name": ["a"], "low": [0.2], "high": [math.inf]}))
    with pytest.raises(PanelError, match=r"low below high and above -1, got -1.0 to 0.5"):
        pooling.from_rounding(pd.DataFrame({"name": ["a"], "low": [-1.0], "high": [0.5]}), log=True)
    with pytest.raises(PanelError, match="missing: low"):
        pooling.from_rounding(table)


def test_orders_and_buyers_of_one_window_are_paired():
    # (1 + 0.73) / (1 + 0.77) - 1 = -0.0226; the 618 orders have no buyers beside them
    read = [
        Claim(metric="double_11_orders", value=0.73, **WHOLE),
        Claim(metric="double_11_buyers", value=0.77, **WHOLE),
        Claim(metric="festival_orders", value=0.4, **WHOLE),
    ]
    (found,) = reported.orders_per_buyer(read)
    assert found.growth == pytest.approx(1.73 / 1.77 - 1)
    assert reported.orders_per_buyer(read[1:]) == []


def test_the_example_is_the_one_of_the_docstring():
    table = reported.definitions(**reported.EXAMPLE).set_index("definition")["value"]
    assert [round(100 * share) for share in table] == [133, 52, 108, 50]


def test_the_latest_pair_of_festivals():
    table = calendars.windows(entity=["kuaishou", "xiaohongshu"])
    found = reported.latest_pair(table, entity="kuaishou", festival="double_11")
    assert list(found.table["year"]) == [2024, 2025]
    assert reported.latest_pair(table, entity="xiaohongshu", festival="618") is None
