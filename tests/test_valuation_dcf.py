"""Discounted cash flow: by hand, Damodaran's workbooks row by row, laws, options, scenarios, refusals."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, ParameterError, UnknownNameError
from helpers.valuation import black_scholes
from helpers.valuation.dcf import (
    Bridge,
    Drivers,
    Options,
    capitalise_research,
    dcf,
    lease_debt,
    parameters,
    present_values,
    scenarios,
    stub_share,
)

MILLION = 1e6

PLAIN = Drivers(
    currency="USD", revenue=100.0, growth=0.1, target_margin=0.2, sales_to_capital=2.0, discount_rate=0.1,
    terminal_growth=0.0, tax_rate=0.25, years=2, growth_years=1, lag_years=0,
)  # fmt: skip
YOUNG = Drivers(
    currency="CNY", revenue=30e9, ebit=-3e9, growth=0.3, target_margin=0.2, sales_to_capital=1.5, discount_rate=0.11,
    terminal_discount_rate=0.09, terminal_growth=0.03, tax_rate=0.15, terminal_tax_rate=0.25, loss_carried_forward=5e9,
    bridge=Bridge(debt=2e9, cash=20e9, shares=1e9),
)  # fmt: skip


def check(result, name):
    return {c.name: c for c in result.checks}[name]


# --- by hand ------------------------------------------------------------------------------------


def test_two_years_by_hand():
    # year 1: 100 x 1.1 = 110, EBIT 22, after tax 16.5, reinvested 10 / 2 = 5, flow 11.5
    # year 2: growth has faded to 0: 110, after tax 16.5, nothing reinvested, flow 16.5
    # afterwards 16.5 / (0.1 - 0) = 165 at the end of year 2
    # 11.5 / 1.1 + 16.5 / 1.21 + 165 / 1.21 = 10.4545 + 13.6364 + 136.3636 = 160.4545
    result = dcf(PLAIN)
    forecast = result.table[result.table["phase"] == "forecast"]
    assert forecast["revenue"].tolist() == pytest.approx([110, 110])
    assert forecast["fcff"].tolist() == pytest.approx([11.5, 16.5])
    assert result.terminal_value == pytest.approx(165)
    assert result.enterprise_value == pytest.approx(160.4545, abs=1e-4)
    assert result.terminal_share == pytest.approx(136.3636 / 160.4545, abs=1e-6)
    assert result.exit_ev_to_sales == pytest.approx(1.5)
    assert np.isnan(result.per_share)


def test_losses_are_carried_forward_by_hand():
    # margins -10 %, 0 % (half of the way from -10 to 10), 10 % of a flat 100, tax 25 %, losses brought in 4
    # year 1: -10, no tax, losses 14; year 2: -10 + 20 x 2/3 = 3.333, sheltered, losses 10.667;
    # year 3: 10, sheltered by 10 of them, 0.667 left
    flat = replace(PLAIN, growth=0.0, first_margin=-0.1, target_margin=0.1, margin_years=3, years=3,
                   loss_carried_forward=4.0)  # fmt: skip
    result = dcf(flat)
    rows = result.table[result.table["phase"] == "forecast"]
    assert rows["nopat"].tolist() == pytest.approx([-10, 10 / 3, 10])
    assert rows["nol"].tolist() == pytest.approx([14, 14 - 10 / 3, 4 - 10 / 3])
    assert check(result, "losses_left").passed is False
    # a fourth year pays tax on 10 less the last 0.667
    fourth = dcf(replace(flat, years=4)).table.iloc[4]
    assert fourth["nopat"] == pytest.approx(10 - 0.25 * (10 - 2 / 3))
    assert result.table.iloc[-1]["nopat"] == pytest.approx(7.5)  # the year after pays in full


def test_mid_year_and_stub_by_hand():
    # three quarters of year 1 lie ahead: flow 0.75 x 11.5 = 8.625 at 0.75, 16.5 at 1.75, 165 at 1.75
    stub = dcf(replace(PLAIN, stub_share=0.75))
    assert stub.enterprise_value == pytest.approx(8.625 / 1.1**0.75 + (16.5 + 165) / 1.1**1.75)
    # in the middle of their years: 0.375 and 1.25, and what follows half a year before its end too
    mid = dcf(replace(PLAIN, stub_share=0.75, is_mid_year=True))
    assert mid.enterprise_value == pytest.approx(8.625 / 1.1**0.375 + (16.5 + 165) / 1.1**1.25)
    # a sale at a multiple is at the end of year 2, whenever flows come
    sold = dcf(replace(PLAIN, is_mid_year=True, exit_multiple=2.0))
    assert sold.enterprise_value == pytest.approx(11.5 / 1.1**0.5 + 16.5 / 1.1**1.5 + 2 * 110 / 1.1**2)


def test_carried_to_the_day_of_a_price():
    today = dcf(PLAIN)
    later = dcf(replace(PLAIN, elapsed_years=1.5))
    assert later.enterprise_value == pytest.approx(today.enterprise_value * (1 + PLAIN.discount_rate) ** 1.5)
    assert (later.bridge["amount"] * later.bridge["sign"]).sum() == pytest.approx(later.common_equity)
    # a year later the company is worth its first flow, which was kept, and the value of all flows after it
    after = today.table.loc[today.table["phase"].eq("forecast"), "fcff"]
    factors = today.table.loc[today.table["phase"].eq("forecast"), "discount_factor"] * (1 + PLAIN.discount_rate)
    rest = (after * factors).iloc[1:].sum() + today.pv_terminal * (1 + PLAIN.discount_rate)
    assert dcf(replace(PLAIN, elapsed_years=1)).enterprise_value == pytest.approx(after.iloc[0] + rest)


def test_exit_multiple_of_ebitda_by_hand():
    # EBITDA of year 2: 110 x (0.2 + 0.05) = 27.5; ten times that, over 1.21
    sold = dcf(replace(PLAIN, exit_multiple=10.0, exit_basis="ebitda", depreciation_share=0.05))
    assert sold.pv_terminal == pytest.approx(275 / 1.21)


def test_failure_by_hand():
    # 10 % chance to get half of the value: 160.4545 x (0.9 + 0.05); or half of a book value of 40
    value = dcf(PLAIN).enterprise_value
    half = replace(PLAIN, failure_probability=0.1, failure_proceeds=0.5)
    assert dcf(half).enterprise_value == pytest.approx(0.95 * value)
    booked = dcf(replace(half, failure_basis="book", book_capital=40.0))
    assert booked.enterprise_value == pytest.approx(0.9 * value + 0.1 * 20)
    bridge = booked.bridge
    assert (bridge["amount"] * bridge["sign"]).sum() == pytest.approx(booked.common_equity)


@pytest.mark.parametrize("lag", [0, 1, 2, 3])
def test_reinvestment_comes_years_before_growth(lag):
    result = dcf(replace(YOUNG, lag_years=lag, terminal_growth=0.04))
    revenue = result.table["revenue"].to_numpy()[:11]
    beyond = np.append(revenue, revenue[-1] * 1.04 ** np.arange(1, 5))
    year = np.arange(1, 11)
    expected = (beyond[year + lag] - beyond[year + lag - 1]) / 1.5
    assert result.table["reinvestment"].to_numpy()[1:11] == pytest.approx(expected)


# --- Damodaran's workbooks ----------------------------------------------------------------------

KO = Drivers(
    currency="USD", revenue=46465 * MILLION, ebit=13815 * MILLION, growth=0.05, target_margin=13815 / 46465,
    sales_to_capital=1.7731795673077668, discount_rate=0.0731766923949557, terminal_discount_rate=0.0891,
    terminal_growth=0.0458, terminal_roic=0.0891, tax_rate=0.175, terminal_tax_rate=0.25, riskfree_rate=0.0458,
    bridge=Bridge(debt=45063 * MILLION, minority_interest=1558 * MILLION, cash=19000 * MILLION,
                  non_operating=21119 * MILLION, shares=4315 * MILLION),
)  # fmt: skip
KO_ROWS = {  # cached values of the workbook fcffsimpleginzu for Coca-Cola, 1 September 2024, USD million
    "revenue": [46465, 48788.25, 51227.6625, 53789.045625, 56478.49790625, 59302.4228015625, 62217.729906487315,
                65224.09061556878, 68320.93043799598, 71507.41863362411, 74782.4584070441, 78207.49500208673],
    "nopat": [11397.375, 11967.24375, 12565.6059375, 13193.886234375, 13853.580546093752, 14546.259573398436,
              14983.874535953495, 15417.008402539454, 15844.30969806765, 16264.378911955031, 16675.772025610368,
              17439.522384383323],
    "fcff": [np.nan, 10591.515907780513, 11121.091703169537, 11677.146288328015, 12261.003602744417,
             12902.146840162313, 13288.41133272809, 13670.518718401507, 14047.262036128817, 14417.391819501381,
             14744.192924322346, 8475.098981411875],
    "discount_factor": [np.nan, 0.931813006270523, 0.8682754786549097, 0.8090703840364087, 0.7539023068334126,
                        0.7024959749647245, 0.6526581174704372, 0.6045672052304851, 0.5583726572974403,
                        0.5141953866123081, 0.4721287178517199, np.nan],
}  # fmt: skip


@pytest.mark.parametrize("column", list(KO_ROWS))
def test_coca_cola_row_by_row(column):
    scale = 1 if column == "discount_factor" else MILLION
    assert (dcf(KO).table[column] / scale).tolist() == pytest.approx(KO_ROWS[column], rel=1e-9, nan_ok=True)


def test_coca_cola_totals():
    result = dcf(KO)
    assert result.terminal_value / MILLION == pytest.approx(195729.76862383084, rel=1e-9)
    assert result.pv_terminal / MILLION == pytest.approx(92409.64470578305, rel=1e-9)
    assert result.pv_flows / MILLION == pytest.approx(86436.07896927345, rel=1e-9)
    assert result.equity_value / MILLION == pytest.approx(172343.7236750565, rel=1e-9)
    assert result.per_share == pytest.approx(39.940608035934304, rel=1e-9)
    assert check(result, "terminal_growth").passed is True
    assert "39.94 USD a share" in result.text
    assert " 1 year after the last figures," in dcf(replace(KO, elapsed_years=1.0)).text
    assert " 1.5 years after the last figures," in dcf(replace(KO, elapsed_years=1.5)).text


RESEARCH = capitalise_research(85622.0, [73213.0, 56052.0, 42740.0], life=3)
AMZN = Drivers(  # the workbook for Amazon, 5 February 2024; its cost of capital is printed to 0.0860
    currency="USD", revenue=574785 * MILLION, ebit=(36852 + RESEARCH.ebit_adjustment) * MILLION, growth=0.12,
    target_margin=0.14, sales_to_capital=1.5, discount_rate=0.0860, terminal_discount_rate=0.0408 + 0.0411,
    terminal_growth=0.0408, tax_rate=0.19, terminal_tax_rate=0.25,
    bridge=Bridge(debt=161574 * MILLION, cash=86780 * MILLION, non_operating=2954 * MILLION, shares=10492 * MILLION),
)  # fmt: skip
DIAGNOSED = replace(AMZN, first_growth=0.12, growth=0.20, first_margin=0.1133)


def test_research_of_amazon():
    # 85622 + 73213 x 2/3 + 56052 / 3 = 153114.67; written off (73213 + 56052 + 42740) / 3 = 57335
    assert RESEARCH.asset == pytest.approx(153114.67, abs=0.005)
    assert (RESEARCH.amortisation, RESEARCH.ebit_adjustment) == (pytest.approx(57335), pytest.approx(28287))
    assert RESEARCH.table["unamortised_share"].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])


@pytest.mark.parametrize(
    ("drivers", "per_share"),
    [  # what the sheet showed when its cells were set so, to the cent (inputs printed to four figures)
        (AMZN, 103.79),
        (DIAGNOSED, 134.54),
        (replace(DIAGNOSED, first_growth=0.20, growth=0.15), 122.78),
        (replace(DIAGNOSED, target_margin=0.10), 77.92),
        (replace(DIAGNOSED, discount_rate=0.10), 122.01),
        (replace(DIAGNOSED, sales_to_capital=2.0), 151.87),
        (replace(DIAGNOSED, margin_years=2), 136.27),
        (replace(DIAGNOSED, failure_probability=0.1, failure_proceeds=0.5), 127.47),
        (replace(DIAGNOSED, terminal_tax_rate=0.35), 114.15),
        (replace(DIAGNOSED, first_growth=0.25, target_margin=0.18, discount_rate=0.075), 230.52),
    ],
)
def test_amazon_and_its_variations(drivers, per_share):
    assert dcf(drivers).per_share == pytest.approx(per_share, abs=0.011)


KO_DIAGNOSED = replace(KO, first_growth=0.05, growth=0.20, later_sales_to_capital=2.0, terminal_roic=None)


@pytest.mark.parametrize(
    ("drivers", "per_share"),
    [
        (KO_DIAGNOSED, 73.54),
        (replace(KO_DIAGNOSED, target_margin=0.10), 20.58),
        (replace(KO_DIAGNOSED, discount_rate=0.10), 62.51),
        (replace(KO_DIAGNOSED, terminal_roic=0.15), 94.19),
        (replace(KO_DIAGNOSED, terminal_growth=0.03), 70.99),
        (replace(KO_DIAGNOSED, sales_to_capital=2.0), 74.36),
        # 5,000 of cash abroad are taxed at 25 % less 10 %: 750 off the cash
        (replace(KO_DIAGNOSED, bridge=replace(KO.bridge, cash=18250 * MILLION)), 73.36),
    ],
)
def test_coca_cola_variations(drivers, per_share):
    assert dcf(drivers).per_share == pytest.approx(per_share, abs=0.011)


def test_leases_by_hand():
    # 10, 10 and 25 later: 25 / 10 rounds to 3 years (half up), 8.333 each in years 3 to 5, at 10 %:
    # 9.0909 + 8.2645 + 8.3333 x (0.751315 + 0.683013 + 0.620921) = 34.4825; over 2 + 3 years 6.8965 a year
    found = lease_debt([10.0, 10.0], later=25.0, cost_of_debt=0.10, expense=12.0)
    assert found.debt == pytest.approx(34.4825, abs=1e-3)
    assert found.depreciation == pytest.approx(34.4825 / 5, abs=1e-3)
    assert found.ebit_adjustment == pytest.approx(12 - 34.4825 / 5, abs=1e-3)
    assert found.table["commitment"].sum() == pytest.approx(45)
    # Coca-Cola's footnote has 605 after five years of 193 on average: three years more, and all of it is there
    assert lease_debt([287, 235, 194, 151, 98], later=605, cost_of_debt=0.05, expense=295).table["year"].max() == 8


# --- laws ---------------------------------------------------------------------------------------


def rescaled(drivers: Drivers, scale: float) -> Drivers:
    money = {name: getattr(drivers, name) * scale for name in ("revenue", "ebit", "loss_carried_forward")}
    bridge = {
        f.name: getattr(drivers.bridge, f.name) * scale for f in fields(Bridge) if f.name not in ("shares", "options")
    }
    return replace(drivers, **money, bridge=replace(drivers.bridge, **bridge))


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-6, 1e6))
def test_another_currency_scales_money_and_leaves_shares_alone(scale):
    one, other = dcf(YOUNG), dcf(rescaled(YOUNG, scale))
    assert other.equity_value == pytest.approx(one.equity_value * scale)
    assert other.per_share == pytest.approx(one.per_share * scale)
    assert other.terminal_share == pytest.approx(one.terminal_share)
    assert other.table["margin"].tolist() == pytest.approx(one.table["margin"].tolist(), nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(
    growth=st.floats(-0.3, 0.8),
    rate=st.floats(0.05, 0.3),
    roic=st.floats(0.05, 0.5),
    growth_for_ever=st.floats(-0.1, 0.04),
)
def test_parts_sum_to_the_total(growth, rate, roic, growth_for_ever):
    drivers = replace(YOUNG, growth=growth, discount_rate=rate, terminal_discount_rate=None, terminal_roic=roic,
                      terminal_growth=growth_for_ever, is_mid_year=True)  # fmt: skip
    result = dcf(drivers)
    assert result.table["present_value"].sum() == pytest.approx(result.pv_flows)
    assert (result.bridge["amount"] * result.bridge["sign"]).sum() == pytest.approx(result.common_equity)
    assert result.pv_flows + result.pv_terminal == pytest.approx(result.enterprise_value)


def test_growth_at_a_return_of_the_discount_rate_adds_nothing():
    # revenue grows by g in year 2 and once more in the year after; without excess returns nothing else is added
    flat = replace(PLAIN, growth=0.0, terminal_roic=0.1)
    values = [dcf(replace(flat, terminal_growth=g)).terminal_value / (1 + g) ** 2 for g in (0.0, 0.02, 0.05)]
    assert values == pytest.approx([values[0]] * 3)


def test_more_explicit_years_of_the_terminal_state_change_nothing():
    # growth 3 % from the start, reinvesting (R_(t+1) - R_t) / s = 0.03 R_t / s. With s = ROIC / (margin after tax)
    # that is g / ROIC of the profit, what the terminal year reinvests as well
    steady = replace(PLAIN, growth=0.03, terminal_growth=0.03, terminal_roic=0.12, lag_years=1,
                     sales_to_capital=0.12 / 0.15)  # fmt: skip
    values = [dcf(replace(steady, years=n, growth_years=n - 1)).enterprise_value for n in (2, 7, 30)]
    # 103 x 0.15 x (1 - 0.25) / (0.1 - 0.03)
    assert values == pytest.approx([103 * 0.15 * 0.75 / 0.07] * 3, rel=1e-12)


def test_high_growth_of_a_fraction_of_years_is_between():
    drivers = replace(YOUNG, years=12)
    values = [dcf(replace(drivers, growth_years=n)).enterprise_value for n in (4, 4.001, 4.5, 4.999, 5)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(values[0], rel=1e-3)
    assert values[3] == pytest.approx(values[4], rel=1e-3)


def test_draws_are_valued_as_single_companies_are():
    rng = np.random.default_rng(0)
    moved = {
        "growth": rng.normal(0.3, 0.1, 7), "target_margin": rng.normal(0.1, 0.2, 7),
        "first_margin": rng.normal(0, 0.3, 7), "terminal_roic": rng.uniform(0.05, 0.2, 7),
        "discount_rate": rng.uniform(0.08, 0.15, 7), "sales_to_capital": rng.uniform(0.5, 3, 7),
        "growth_years": np.array([0, 1.5, 3, 5, 9, 9.5, 10]), "loss_carried_forward": rng.uniform(0, 1e10, 7),
        "margin_years": rng.uniform(1, 12, 7), "stub_share": rng.uniform(0.1, 1, 7),
    }  # fmt: skip
    for mid in (False, True):
        drivers = replace(YOUNG, is_mid_year=mid, lag_years=2)
        together = present_values(parameters(drivers, moved), drivers.shape).total
        alone = [dcf(replace(drivers, **{k: float(v[i]) for k, v in moved.items()})).enterprise_value for i in range(7)]
        assert together.tolist() == pytest.approx(alone, rel=1e-12)


# --- options ------------------------------------------------------------------------------------

GRANTS = Options(count=1e8, strike=40.0, term=5.0, volatility=0.5, rate=0.03)


def test_options_are_warrants_on_the_equity():
    result = dcf(replace(YOUNG, bridge=replace(YOUNG.bridge, options=GRANTS)))
    n, m = 1e9, 1e8
    each = n / (n + m) * black_scholes.price(result.equity_value / n, 40.0, 5.0, rate=0.03, volatility=0.5)
    assert result.options_value == pytest.approx(m * each)
    assert result.per_share * n + result.options_value == pytest.approx(result.equity_value)


def test_options_in_the_sure_money_share_by_head():
    # strike 1 of hardly any time and risk: (E + M K) / (N + M) a share
    sure = replace(GRANTS, strike=1.0, term=1e-6, volatility=0.01)
    result = dcf(replace(YOUNG, bridge=replace(YOUNG.bridge, options=sure)))
    assert result.per_share == pytest.approx((result.equity_value + 1e8) / 1.1e9, rel=1e-6)


def test_options_at_the_markets_price_as_in_the_option_sheet():
    options = replace(GRANTS, market_price=50.0)
    value = dcf(replace(YOUNG, bridge=replace(YOUNG.bridge, options=options))).options_value
    each = value / 1e8
    spot = (50.0 * 1e9 + each * 1e8) / 1.1e9
    assert each == pytest.approx(black_scholes.price(spot, 40.0, 5.0, rate=0.03, volatility=0.5), rel=1e-9)


def test_options_of_a_company_without_equity_are_worth_nothing():
    broke = replace(YOUNG, bridge=Bridge(debt=1e15, shares=1e9, options=GRANTS))
    result = dcf(broke)
    assert (result.options_value, check(result, "equity").passed) == (0.0, False)


# --- scenarios ----------------------------------------------------------------------------------


def test_scenarios_show_what_differs():
    found = scenarios({"low": replace(YOUNG, growth=0.2), "base": YOUNG, "high": replace(YOUNG, target_margin=0.3)})
    assert found.table.columns.tolist() == [
        *("scenario", "growth", "target_margin", "first_growth"),
        *("enterprise_value", "equity_value", "per_share", "terminal_share", "enterprise_vs_first"),
    ]
    base = dcf(YOUNG)
    assert found.table.loc[1, "per_share"] == base.per_share
    assert found.table.loc[2, "enterprise_vs_first"] == pytest.approx(
        found.results["high"].enterprise_value / found.results["low"].enterprise_value
    )
    assert found.text.startswith("Enterprise value by scenario, CNY: low ")
    assert {c.name for c in found.checks} >= {"low: terminal_share", "high: equity"}
    with pytest.raises(ParameterError, match=r"need 2\+ scenarios in one currency, got 2 in CNY, USD"):
        scenarios({"a": YOUNG, "b": replace(YOUNG, currency="USD")})


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"growth": 24}, r"growth must lie between -0.9 and 3, got 24: a percentage is written .*, 24 % is 0.24"),
        ({"target_margin": 30}, r"target_margin .* 30 % is 0.3"),
        ({"discount_rate": 9}, r"discount_rate .* 9 % is 0.09"),
        ({"tax_rate": 25}, r"tax_rate .* 25 % is 0.25"),
        ({"terminal_growth": 3}, r"terminal_growth .* 3 % is 0.03"),
        ({"first_growth": np.nan}, "first_growth must lie between -0.9 and 3, got nan"),
        ({"terminal_growth": 0.09}, r"terminal_growth 0.09 is not below terminal_discount_rate 0.09: .*"
                                    r"no finite value \(0.09 - 0.09 = 0\)"),
        ({"terminal_growth": 0.05, "terminal_roic": 0.04},
         r"terminal_roic 0.04 is below .* 125 % of its profit \(0.05 / 0.04\)"),
        ({"sales_to_capital": 0}, "sales_to_capital must be above 0, got 0"),
        ({"revenue": -1}, "revenue must be above 0, got -1"),
        ({"years": 51}, "years must be a whole number from 1 to 50, got 51"),
        ({"years": 2.5}, "years must be a whole number from 1 to 50, got 2.5"),
        ({"growth_years": 11}, "growth_years must be from 0 to 10, got 11"),
        ({"lag_years": 4}, "lag_years must be a whole number from 0 to 3, got 4"),
        ({"loss_carried_forward": -1}, "loss_carried_forward must be 0 or more, got -1"),
        ({"stub_share": 0}, "stub_share must lie between"),
        ({"failure_probability": 12}, r"failure_probability .* 12 % is 0.12"),
        ({"ebit": np.inf}, "ebit must be a finite number"),
        ({"riskfree_rate": 4}, r"riskfree_rate .* 4 % is 0.04"),
        ({"growth": "0.24"}, "growth must be one number, got '0.24'"),
        ({"revenue": True}, "revenue must be one number, got True"),
        ({"years": "10"}, "years must be one number, got '10'"),
        ({"failure_basis": "book", "failure_proceeds": 0.5, "failure_probability": 0.2, "book_capital": 0.0},
         "failure_proceeds of 0.5 of book need book_capital"),
    ],
)  # fmt: skip
def test_drivers_refuse(change, match):
    with pytest.raises(ParameterError, match=match):
        replace(YOUNG, **change)


def test_names_are_checked():
    with pytest.raises(UnknownNameError, match="unknown currency 'RMB'"):
        replace(YOUNG, currency="RMB")
    with pytest.raises(UnknownNameError, match="unknown exit_basis 'profit'"):
        replace(YOUNG, exit_basis="profit")
    with pytest.raises(UnknownNameError, match="unknown driver 'margin'"):
        parameters(YOUNG, {"margin": 0.2})


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Bridge(debt=-1), "debt must be 0 or more, got -1"),
        (lambda: Bridge(shares=0), "shares must be above 0"),
        (lambda: Bridge(cash="1e9"), "cash must be one number, got '1e9'"),
        (lambda: replace(GRANTS, strike="2"), "options' strike must be one number, got '2'"),
        (lambda: Bridge(options=GRANTS), "options need shares"),
        (lambda: replace(GRANTS, volatility=45), r"volatility of the options .* 45 % is 0\.45"),
        (lambda: replace(GRANTS, strike=0), "options' strike must be above 0"),
        (lambda: capitalise_research(1, [1], life=2), "needs the research of 2 past years, got 1"),
        (lambda: capitalise_research(-1, [1], life=1), "research must be 0 or more"),
        (lambda: capitalise_research(1, [], life=0), "life must be a whole number"),
        (lambda: lease_debt([], later=0, cost_of_debt=0.05, expense=1), r"need 1\+ lease commitments"),
        (lambda: lease_debt([1], later=0, cost_of_debt=5, expense=1), r"cost_of_debt .* 5 % is 0\.05"),
    ],
)
def test_parts_refuse(make, match):
    with pytest.raises(HelpersError, match=match):
        make()


def test_a_stub_by_days():
    year = date(2025, 1, 1), date(2025, 12, 31)
    assert stub_share(*year, date(2024, 12, 31)) == 1.0
    assert stub_share(*year, date(2025, 9, 30)) == pytest.approx(92 / 365)
    with pytest.raises(ParameterError, match="must lie in year 1"):
        stub_share(*year, date(2026, 1, 1))
    with pytest.raises(ParameterError, match="year 1 must be a year"):
        stub_share(date(2025, 1, 1), date(2025, 3, 31), date(2025, 2, 1))


def test_growth_above_the_riskfree_rate_is_flagged():
    result = dcf(replace(YOUNG, riskfree_rate=0.02))
    assert check(result, "terminal_growth").passed is False
    assert check(dcf(YOUNG), "terminal_growth").passed is None
    # for ever a loss: the flow after the last year is below 0, and said so
    assert check(dcf(replace(YOUNG, target_margin=-0.1)), "terminal_flow").passed is False
    assert dcf(replace(YOUNG, book_capital=1e9)).checks[3].value > 0


def test_a_loss_for_ever_pays_no_tax_and_frees_no_capital():
    # revenue 100 x 1.05 each year, then 2 % more: a margin of -10 % loses a tenth of it, before and after tax, and
    # growth at a loss needs capital or none, but gives none back
    losing = Drivers(
        currency="USD", revenue=100.0, growth=0.05, target_margin=-0.1, sales_to_capital=2.0, discount_rate=0.1,
        terminal_growth=0.02, tax_rate=0.25, years=1, growth_years=1,
    )  # fmt: skip
    result = dcf(losing)
    last = result.table.iloc[-1]
    assert (last["nopat"], last["reinvestment"]) == (pytest.approx(-0.1 * 105 * 1.02), 0.0)
    assert result.terminal_value == pytest.approx(-0.1 * 105 * 1.02 / (0.1 - 0.02))
    assert check(result, "terminal_flow").passed is False


def test_an_exit_multiple_of_a_loss_is_flagged():
    # EBITDA of the last year is below 0, so eight times that is below 0 too
    result = dcf(replace(YOUNG, target_margin=-0.1, exit_multiple=8.0, exit_basis="ebitda"))
    assert result.terminal_value < 0
    assert check(result, "terminal_flow").passed is False
    assert check(dcf(replace(YOUNG, exit_multiple=2.0)), "terminal_flow").passed is None


def test_a_loss_maker_year_by_year():
    # the arithmetic of the module text written out again: losses carried, lag of a year, failure with proceeds
    given_drivers = Drivers(
        currency="USD", revenue=100.0, growth=0.5, target_margin=0.2, first_margin=-0.4, sales_to_capital=2.0,
        discount_rate=0.1, terminal_growth=0.03, tax_rate=0.25, margin_years=4, growth_years=3, years=5,
        loss_carried_forward=50.0, failure_probability=0.2, failure_proceeds=0.5,
    )  # fmt: skip
    growth = [0.5, 0.5, 0.5, 0.265, 0.03, 0.03]
    revenue, losses, value = [100.0], 50.0, 0.0
    for rate in growth:
        revenue.append(revenue[-1] * (1 + rate))
    for year in range(1, 6):
        margin = -0.4 if year == 1 else -0.4 + 0.6 * min(year / 4, 1)
        ebit = revenue[year] * margin
        tax, losses = 0.25 * max(ebit - losses, 0), max(losses - ebit, 0)
        value += (ebit - tax - (revenue[year + 1] - revenue[year]) / 2) / 1.1**year
    value += revenue[6] * 0.2 * 0.75 * (1 - 0.03 / 0.1) / (0.1 - 0.03) / 1.1**5
    assert dcf(given_drivers).enterprise_value == pytest.approx(0.8 * value + 0.2 * 0.5 * value)
