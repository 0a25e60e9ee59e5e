"""What a price takes for granted: drivers solved for, curves and grids, implied returns."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnknownNameError
from helpers.valuation.dcf import Bridge, Drivers, dcf, parameters, present_values
from helpers.valuation.required_return import gordon_growth, gordon_return, gordon_value, growing_flows, implied_return
from helpers.valuation.reverse import UNKNOWNS, iso_value, priced_in, reverse_dcf, reverse_grid

FLAT = Drivers(
    currency="USD", revenue=100.0, growth=0.0, target_margin=0.2, sales_to_capital=2.0, discount_rate=0.1,
    terminal_growth=0.0, tax_rate=0.25, years=2, growth_years=1, lag_years=0,
)  # fmt: skip
LOSING = Drivers(
    currency="USD", revenue=5e9, ebit=-0.3e9, growth=0.3, target_margin=0.2, sales_to_capital=1.5, discount_rate=0.11,
    terminal_discount_rate=0.09, terminal_growth=0.03, tax_rate=0.15, terminal_tax_rate=0.25, loss_carried_forward=1e9,
    years=12, growth_years=7, bridge=Bridge(debt=0.1e9, cash=2e9, shares=1e9),
)  # fmt: skip
PRICE = 31e9


# --- one driver ---------------------------------------------------------------------------------


def test_margin_and_multiple_by_hand():
    # no growth: 100 x m x 0.75 for ever at 10 % is 750 m; a price of 120 needs m = 0.16
    found = reverse_dcf(FLAT, price=120.0, unknown="target_margin")
    assert found.value == pytest.approx(0.16)
    assert found.text == (
        "120 USD of enterprise value needs a margin of 16 % from year 5 on, "
        "against a margin of 20 % from year 5 on in these drivers."
    )
    # two years of 15 and then k x 100: 15 / 1.1 + 15 / 1.21 = 26.0331; (120 - 26.0331) x 1.21 / 100 = 1.137
    found = reverse_dcf(FLAT, price=120.0, unknown="exit_multiple")
    assert found.value == pytest.approx(1.137, abs=5e-4)
    assert np.isnan(found.base)
    # 15 for ever at 12.5 % is 120
    assert reverse_dcf(FLAT, price=120.0, unknown="discount_rate").value == pytest.approx(0.125)


@pytest.mark.parametrize("kind", ["enterprise", "equity", "per_share"])
@pytest.mark.parametrize("unknown", list(UNKNOWNS))
def test_a_loss_makers_price_is_met_by_the_driver_found(unknown, kind):
    price = 31.0 if kind == "per_share" else PRICE
    found = reverse_dcf(LOSING, price=price, unknown=unknown, kind=kind)
    change = {unknown: found.value}
    if unknown == "discount_rate":  # the terminal rate keeps its distance of 2 points
        change["terminal_discount_rate"] = found.value - 0.02
    result = dcf(replace(LOSING, **change))
    met = {"enterprise": result.enterprise_value, "equity": result.equity_value, "per_share": result.per_share}[kind]
    assert met == pytest.approx(price, rel=1e-9)
    assert all(check.passed for check in found.checks)


@settings(deadline=None, max_examples=20)
@given(growth=st.floats(0.0, 0.5), margin=st.floats(0.1, 0.4), years=st.floats(1.0, 10.9))
def test_what_was_planted_is_found_again(growth, margin, years):
    planted = replace(LOSING, growth=growth, target_margin=margin, growth_years=years)
    price = dcf(planted).enterprise_value
    if price > 1e9:
        found = reverse_dcf(planted, price=price, unknown="target_margin")
        assert found.value == pytest.approx(margin, abs=1e-8)
        roots = reverse_dcf(planted, price=price, unknown="growth").roots
        assert min(abs(root - growth) for root in roots) < 1e-8


def test_growth_after_a_known_first_year_says_so():
    found = reverse_dcf(replace(LOSING, first_growth=0.5), price=PRICE, unknown="growth")
    assert dcf(replace(LOSING, first_growth=0.5, growth=found.value)).enterprise_value == pytest.approx(PRICE)
    assert "% a year in years 2 to 7, against" in found.text


def test_growth_is_that_of_an_independent_search():
    def gap(g: float) -> float:
        return dcf(replace(LOSING, growth=g)).enterprise_value - PRICE

    assert reverse_dcf(LOSING, price=PRICE, unknown="growth").value == pytest.approx(brentq(gap, 0.0, 0.6), rel=1e-10)


DEAR = replace(LOSING, sales_to_capital=0.25, ebit=0.2e9)


def test_growth_bought_dearly_has_two_roots_and_both_are_reported():
    # value rises to 11.26 billion near growth of -20 % and falls on both sides: a dollar of new sales costs four
    tried = parameters(DEAR, {"growth": np.linspace(-0.4, 0.1, 20001)})
    peak = present_values(tried, DEAR.shape).total.max()
    found = reverse_dcf(DEAR, price=11e9, unknown="growth")
    assert len(found.roots) == 2
    assert np.isnan(found.value)
    for root in found.roots:
        assert dcf(replace(DEAR, growth=root)).enterprise_value == pytest.approx(11e9, rel=1e-9)
    assert found.checks[0].passed is False
    assert " or growth of " in found.text
    # two roots closer than a step: just below the peak
    assert len(reverse_dcf(DEAR, price=peak * (1 - 1e-7), unknown="growth").roots) == 2
    with pytest.raises(NotEstimableError, match=r"the rate of growth at 12\.0 billion USD of enterprise value is not"):
        reverse_dcf(DEAR, price=12e9, unknown="growth")


def test_out_of_reach_names_the_range():
    with pytest.raises(NotEstimableError) as caught:
        reverse_dcf(FLAT, price=1e4, unknown="target_margin")
    # at the upper bound of 0.8: 750 x 0.8 = 600
    assert caught.value.reason.startswith("with a margin at maturity of −50 % to 80 % the company is worth ")
    assert "to 600 USD" in caught.value.reason
    assert caught.value.settles == "wider bounds, or evidence on another driver"
    begins = {
        "growth": r"with growth of −50 % to 100 % a year the",
        "exit_multiple": r"with an exit at 0 to 200 times sales the",
        "discount_rate": r"with a discount rate of [\d.]+ % to 60 % the",
        "growth_years": r"with 0 to 11 years of growth the",
    }
    for unknown, begin in begins.items():
        with pytest.raises(NotEstimableError) as caught:
            reverse_dcf(LOSING, price=1e15, unknown=unknown)
        assert re.match(begin, caught.value.reason), caught.value.reason


def test_a_bound_can_be_the_answer():
    assert reverse_dcf(FLAT, price=150.0, unknown="target_margin", bounds=(0.2, 0.5)).value == pytest.approx(0.2)
    assert reverse_dcf(FLAT, price=150.0, unknown="target_margin", bounds=(0.1, 0.2)).value == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"unknown": "tax_rate", "price": 1.0}, "unknown driver to solve for 'tax_rate'"),
        ({"unknown": "growth", "price": 0.0}, "price must be above 0, got 0"),
        ({"unknown": "growth", "price": 1.0, "kind": "firm"}, "unknown kind of value 'firm'"),
        ({"unknown": "growth", "price": 1.0, "kind": "per_share"}, "a value per share needs shares"),
        ({"unknown": "growth", "price": 1.0, "bounds": (0.5, 0.1)}, "bounds of growth must rise .* got 0.5 to 0.1"),
        ({"unknown": "growth", "price": 1.0, "bounds": (5, 30)}, "from -0.9 to 3, got 5 to 30"),
    ],
)
def test_reverse_refuses(arguments, match):
    with pytest.raises(HelpersError, match=match):
        reverse_dcf(FLAT, **arguments)


# --- all drivers --------------------------------------------------------------------------------


def test_the_sentence_of_what_is_priced_in():
    found = priced_in(LOSING, price=PRICE, unknowns=["growth", "target_margin"], fact_ids=["p"])
    growth, margin = found.table["needed"]
    assert found.text == (
        f"31.0 billion USD of enterprise value needs growth of {100 * growth:.3g} % a year for 7 years, or a margin "
        f"of {100 * margin:.3g} % from year 5 on, all else as it is."
    )
    assert found.fact_ids == ("p",)
    assert (found.table["reach_low"] < PRICE).all()


def test_a_driver_out_of_reach_is_a_row_with_its_reason():
    found = priced_in(replace(LOSING, growth=0.02), price=PRICE)
    missed = found.table.set_index("unknown").loc["growth_years"]
    assert np.isnan(missed["needed"])
    assert "the company is worth" in missed["reason"]
    assert missed["settles"]
    assert found.text.endswith(
        " No margin at maturity, discount rate or number of years of growth within the bounds gets there alone."
    )
    shorter = priced_in(replace(LOSING, growth=0.02), price=PRICE, unknowns=["growth", "growth_years"])
    assert shorter.text.endswith(" No number of years of growth within the bounds gets there alone.")
    nothing = priced_in(replace(LOSING, growth=0.02), price=PRICE, unknowns=["growth_years"])
    assert "more than any one of these drivers can give" in nothing.text


# --- curves and grids ---------------------------------------------------------------------------


def test_every_point_of_the_curve_has_the_price():
    found = iso_value(LOSING, price=PRICE, x_values=[0.1, 0.3, 0.6])
    for row in found.table.itertuples():
        drivers = replace(LOSING, growth=row.growth, target_margin=row.target_margin)
        assert dcf(drivers).enterprise_value == pytest.approx(PRICE, rel=1e-9)
    assert found.table["target_margin"].is_monotonic_decreasing
    assert found.text.startswith("31.0 billion USD of enterprise value is reached by growth of 10 % a year for 7 years")


def test_a_curve_shows_both_branches_and_where_there_is_none():
    found = iso_value(DEAR, price=11e9, x="target_margin", y="growth", x_values=[0.02, 0.2, 0.3])
    table = found.table
    assert table.groupby("target_margin")["roots"].first().tolist() == [0, 2, 2]
    assert table.loc[table["target_margin"] == 0.2, "root"].tolist() == [1, 2]
    gone = table.loc[0]
    assert (gone["root"], gone["reason"]) == (0, "the price lies above what the bounds reach")
    assert gone["reach_high"] < 11e9
    assert {check.name: check.value for check in found.checks} == {"reached": 2, "one_root": 2}


def test_a_curve_spreads_around_the_drivers_own():
    found = iso_value(LOSING, price=PRICE)
    assert found.table["growth"].iloc[[0, -1]].tolist() == pytest.approx([0.15, 0.6])
    assert iso_value(LOSING, price=PRICE, x="growth_years").table["growth_years"].max() == 11
    with pytest.raises(ParameterError, match="x_values are needed: exit_multiple has no value above 0"):
        iso_value(LOSING, price=PRICE, x="exit_multiple")


def test_the_grid_agrees_with_single_companies():
    x, y = np.linspace(0.1, 0.5, 5), np.linspace(0.08, 0.14, 4)
    found = reverse_grid(
        LOSING, price=PRICE, unknown="target_margin", x="growth", x_values=x, y="discount_rate", y_values=y
    )
    assert len(found.table) == 20
    for row in found.table.iloc[::3].itertuples():
        single = replace(LOSING, growth=row.growth, discount_rate=row.discount_rate,
                         terminal_discount_rate=row.discount_rate - 0.02)  # fmt: skip
        assert reverse_dcf(single, price=PRICE, unknown="target_margin").value == pytest.approx(row.needed, rel=1e-9)


def test_the_grid_says_where_there_is_no_value():
    # growth for ever of 3 % and a terminal rate 2 points below: none up to a rate of 5 %
    found = reverse_grid(LOSING, price=1e15, unknown="target_margin", x="discount_rate", x_values=[0.04, 0.05, 0.12],
                         y="tax_rate", y_values=[0.2])  # fmt: skip
    assert found.table["reason"].tolist() == [
        "the model has no finite value here",
        "the model has no finite value here",
        "the price lies above what the bounds reach",
    ]
    assert (found.table["settles"] != "").all()
    assert found.table["needed"].isna().all()
    assert "out of reach everywhere" in found.text


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"x": "growth", "y": "growth"}, "a grid needs two drivers, got growth twice"),
        ({"x": "target_margin"}, "target_margin cannot be given and solved for at once"),
        ({"x": "mood"}, "unknown driver 'mood'"),
        ({"x_values": [24]}, "growth must lie between -0.9 and 3, got 24: .* 24 % is 0.24"),
        ({"x_values": []}, r"values of growth must be a list of 1\+ numbers"),
    ],
)
def test_grids_refuse(change, match):
    arguments = {"unknown": "target_margin", "x": "growth", "x_values": [0.1], "y": "discount_rate", "y_values": [0.1]}
    with pytest.raises(HelpersError, match=match):
        reverse_grid(LOSING, price=PRICE, **arguments | change)


@settings(deadline=None, max_examples=10)
@given(scale=st.floats(1e-3, 1e3))
def test_another_currency_leaves_the_answer_alone(scale):
    bridge = replace(LOSING.bridge, debt=0.1e9 * scale, cash=2e9 * scale)
    scaled = replace(LOSING, revenue=5e9 * scale, ebit=-0.3e9 * scale, loss_carried_forward=1e9 * scale, bridge=bridge)
    for unknown in ("growth", "discount_rate"):
        one = reverse_dcf(LOSING, price=PRICE, unknown=unknown, kind="equity").value
        assert reverse_dcf(scaled, price=PRICE * scale, unknown=unknown, kind="equity").value == pytest.approx(one)


# --- implied returns ----------------------------------------------------------------------------


def test_implied_return_of_the_sp_500_in_2005():
    # Damodaran, 1 January 2005: index 1211.92, dividends and buybacks 38.13 to 52.85, growth and T-bond 4.22 %:
    # expected return 7.87 %, implied premium 3.65 %
    found = implied_return(
        1211.92, [38.13, 41.37, 44.89, 48.71, 52.85], terminal_growth=0.0422, riskfree_rate=0.0422, fact_ids=["i"]
    )
    assert found.expected_return == pytest.approx(0.0787, abs=5e-5)
    assert found.premium == pytest.approx(0.0365, abs=5e-5)
    assert found.table["present_value"].sum() == pytest.approx(1211.92)
    assert "7.87 % a year, 3.65 points above the riskfree rate" in found.text
    # the flows are 35.15 growing by 8.5 %, printed to the cent: 35.15 x 1.085 = 38.138
    assert growing_flows(35.15, growth=0.085, years=5).tolist() == pytest.approx(
        [38.13, 41.37, 44.89, 48.71, 52.85], abs=0.015
    )


def test_one_growing_flow_is_gordons():
    # 5 / 100 + 3 % = 8 %, and back
    assert implied_return(100, [5.0], terminal_growth=0.03).expected_return == pytest.approx(0.08)
    assert gordon_value(5.0, discount_rate=0.08, growth=0.03) == pytest.approx(100)
    assert gordon_return(100, 5.0, growth=0.03) == pytest.approx(0.08)
    assert gordon_growth(100, 5.0, discount_rate=0.08) == pytest.approx(0.03)


@settings(deadline=None)
@given(rate=st.floats(0.02, 0.5), gap=st.floats(0.005, 0.3), scale=st.floats(1e-6, 1e12))
def test_the_planted_return_is_found(rate, gap, scale):
    growth = rate - gap
    if growth >= -0.5:
        flows = np.array([0.0, 3.0, 2.0]) * scale
        price = flows @ (1 + rate) ** -np.arange(1.0, 4) + flows[-1] * (1 + growth) / gap / (1 + rate) ** 3
        if growth <= 0.2:
            assert implied_return(price, flows, terminal_growth=growth).expected_return == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize(
    ("work", "match"),
    [
        (lambda: implied_return(0, [1], terminal_growth=0.02), "price must be above 0"),
        (lambda: implied_return(10, [], terminal_growth=0.02), "cash flows must be 0 or more and the last above 0"),
        (lambda: implied_return(10, [1, -1], terminal_growth=0.02), "the last above 0, got"),
        (lambda: implied_return(10, [1], terminal_growth=4.22), "terminal_growth .* 4.22 % is 0.0422"),
        (lambda: implied_return(10, [1], terminal_growth=0.02, riskfree_rate=4), "riskfree_rate .* 4 % is 0.04"),
        (lambda: implied_return(10, [1], terminal_growth=0.02, currency="RMB"), "unknown currency 'RMB'"),
        (lambda: implied_return(1, [1e6], terminal_growth=0.02), "not estimable: at 1000 % a year the flows are still"),
        (lambda: gordon_value(5, discount_rate=0.03, growth=0.04),
         r"growth 0.04 is not below the discount rate 0.03: 5 / \(0.03 - 0.04\) = 5 / -0.01"),
        (lambda: gordon_value(5, discount_rate=8, growth=0.04), "discount_rate .* 8 % is 0.08"),
        (lambda: gordon_return(0, 5, growth=0.04), "price must be above 0"),
        (lambda: gordon_growth(0, 5, discount_rate=0.04), "price must be above 0"),
        (lambda: growing_flows(0, growth=0.1, years=5), "base must be above 0"),
        (lambda: growing_flows(1, growth=8.5, years=5), "growth .* 8.5 % is 0.085"),
        (lambda: growing_flows(1, growth=0.1, years=0), "years must be a whole number"),
    ],
)  # fmt: skip
def test_returns_refuse(work, match):
    with pytest.raises(HelpersError, match=match):
        work()


def test_names_of_unknowns_are_closed():
    with pytest.raises(UnknownNameError, match="unknown driver to solve for 'margin'"):
        priced_in(LOSING, price=PRICE, unknowns=["margin"])


def test_a_price_in_the_wrong_scale_has_no_implied_return():
    # 1 a year for ever cannot be worth 1e12 at any return above its growth that a number can tell from it
    with pytest.raises(NotEstimableError, match=r"growth of 0\.02 a year that is for ever the flows are worth less"):
        implied_return(1e12, [1.0], terminal_growth=0.02)
    with pytest.raises(ParameterError, match="next_flow must be a finite number, got nan"):
        gordon_value(np.nan, discount_rate=0.1, growth=0.02)
    with pytest.raises(ParameterError, match="price must be above 0, got inf"):
        gordon_return(np.inf, 1.0, growth=0.02)
