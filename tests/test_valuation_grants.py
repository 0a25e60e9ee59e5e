"""Option pricing, fair values of grants, dilution, repurchases, and exercise against waiting."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnknownNameError
from helpers.valuation import black_scholes as bs
from helpers.valuation.binomial import american
from helpers.valuation.exercise import exercise_or_wait, waiting_gains
from helpers.valuation.grant_terms import OptionAssumptions, Vesting, simplified_term
from helpers.valuation.grant_values import fair_values, grant_values
from helpers.valuation.implied_volatility import implied_volatility
from helpers.valuation.repurchases import dated_steps, repurchase_ladder
from helpers.valuation.warrants import warrant_values


def table(text: str) -> pd.DataFrame:
    """A table from comma separated text."""
    return pd.read_csv(StringIO(text.replace(" ", "")))


ASSUMED = OptionAssumptions(volatility=0.6, rate=0.04, volatility_source="median of five listed peers")
SIGMAS, PRICES = st.floats(0.05, 1.5), st.floats(1.0, 100.0)
TERMS, RATES = st.floats(0.05, 10.0), st.floats(0.0, 0.15)
law = settings(deadline=None, max_examples=60)
slow_law = settings(deadline=None, max_examples=10)  # tables take longer than numbers


# --- Black-Scholes-Merton -----------------------------------------------------------------------


def test_price_by_hand():
    # S = K = 100, r = q = 0, s = 0.2, T = 1: d1 = 0.1, d2 = -0.1, call = put = 100 (2 N(0.1) - 1)
    # N(0.1) = 0.539828 (table), so 100 x 0.079656 = 7.9656
    assert bs.price(100, 100, 1, rate=0.0, volatility=0.2) == pytest.approx(7.9656, abs=1e-3)
    assert bs.price(100, 100, 1, rate=0.0, volatility=0.2, kind="put") == pytest.approx(7.9656, abs=1e-3)
    assert bs.d1_d2(100, 100, 1, rate=0.0, volatility=0.2) == pytest.approx((0.1, -0.1))
    assert bs.delta(100, 100, 1, rate=0.0, volatility=0.2) == pytest.approx(0.539828, abs=1e-6)
    # vega = 100 n(0.1) = 100 x 0.396953, gamma = 0.396953 / (100 x 0.2)
    assert bs.vega(100, 100, 1, rate=0.0, volatility=0.2) == pytest.approx(39.6953, abs=1e-4)
    assert bs.gamma(100, 100, 1, rate=0.0, volatility=0.2) == pytest.approx(0.0198476, abs=1e-7)


def test_price_as_hull_prints_it():
    # Hull, Options, Futures, and Other Derivatives: S 42, K 40, r 10 %, s 20 %, half a year
    assert bs.price(42, 40, 0.5, rate=0.1, volatility=0.2) == pytest.approx(4.76, abs=0.005)
    assert bs.price(42, 40, 0.5, rate=0.1, volatility=0.2, kind="put") == pytest.approx(0.81, abs=0.005)


def test_price_with_dividends_as_hull_prints_it():
    # dividends of 0.5 after two and five months: 0.5 e^(-0.09/6) + 0.5 e^(-0.09 x 5/12) = 0.9741
    dividends = [(2 / 12, 0.5), (5 / 12, 0.5)]
    assert bs.dividends_value(dividends, rate=0.09, term=0.5) == pytest.approx(0.9741, abs=1e-4)
    net = bs.escrowed(40, dividends, rate=0.09, term=0.5)
    assert bs.price(net, 40, 0.5, rate=0.09, volatility=0.3) == pytest.approx(3.67, abs=0.005)
    # the trap: the same half year as 182 days over 360 gives 3.699, which the printed 3.67 excludes
    counted = [(61 / 360, 0.5), (153 / 360, 0.5)]
    net = bs.escrowed(40, counted, rate=0.09, term=182 / 360)
    assert bs.price(net, 40, 182 / 360, rate=0.09, volatility=0.3) == pytest.approx(3.699, abs=5e-4)


def test_price_against_the_formula_of_scipy():
    rng = np.random.default_rng(3)
    n = 2 * bs.CHUNK + 1  # two chunks and a rest of one
    spot, strike, term = rng.uniform(5, 50, n), rng.uniform(1, 60, n), rng.uniform(0.1, 10, n)
    rate, sigma, q = rng.uniform(-0.02, 0.1, n), rng.uniform(0.1, 0.9, n), rng.uniform(0, 0.08, n)
    d1 = (np.log(spot / strike) + (rate - q + sigma**2 / 2) * term) / (sigma * np.sqrt(term))
    d2 = d1 - sigma * np.sqrt(term)
    call = spot * np.exp(-q * term) * norm.cdf(d1) - strike * np.exp(-rate * term) * norm.cdf(d2)
    put = strike * np.exp(-rate * term) * norm.cdf(-d2) - spot * np.exp(-q * term) * norm.cdf(-d1)
    inputs = {"rate": rate, "volatility": sigma, "dividend_yield": q}
    np.testing.assert_allclose(bs.price(spot, strike, term, **inputs), call, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(bs.price(spot, strike, term, kind="put", **inputs), put, rtol=1e-12, atol=1e-13)


def test_price_broadcasts_and_leaves_its_inputs_alone():
    spot, strike = np.array([10.0, 20.0, 30.0]), np.array([[15.0], [25.0]])
    grid = bs.price(spot, strike, 2, rate=0.03, volatility=0.5)
    assert grid.shape == (2, 3)
    assert grid[1, 2] == bs.price(30, 25, 2, rate=0.03, volatility=0.5)
    assert spot.tolist() == [10, 20, 30]
    assert isinstance(bs.price(10, 15, 2, rate=0.03, volatility=0.5), float)
    assert bs.price(np.array([]), 1.0, 1.0, rate=0.0, volatility=0.2).shape == (0,)


def test_at_expiry_the_value_is_intrinsic():
    spot = np.array([1.0, 2.0, 3.0])
    assert bs.price(spot, 2, 0, rate=0.1, volatility=0.2).tolist() == [0, 0, 1]
    assert bs.price(spot, 2, 0, rate=0.1, volatility=0.2, kind="put").tolist() == [1, 0, 0]
    assert bs.delta(spot, 2, 0, rate=0.1, volatility=0.2).tolist() == [0, 0.5, 1]
    assert bs.delta(spot, 2, 0, rate=0.1, volatility=0.2, kind="put").tolist() == [-1, -0.5, 0]
    assert bs.vega(spot, 2, 0, rate=0.1, volatility=0.2).tolist() == pytest.approx([0, 0, 0])


@law
@given(spot=PRICES, strike=PRICES, term=TERMS, rate=RATES, sigma=SIGMAS, q=st.floats(0, 0.1))
def test_put_call_parity_bounds_and_scale(spot, strike, term, rate, sigma, q):
    inputs = {"rate": rate, "volatility": sigma, "dividend_yield": q}
    call, put = bs.price(spot, strike, term, **inputs), bs.price(spot, strike, term, kind="put", **inputs)
    share, exercise = spot * np.exp(-q * term), strike * np.exp(-rate * term)
    assert call - put == pytest.approx(share - exercise, abs=1e-11 * (spot + strike))
    assert max(share - exercise, 0) - 1e-12 * (spot + strike) <= call <= share
    # another currency or a split scales money and leaves the rest alone
    assert bs.price(7 * spot, 7 * strike, term, **inputs) == pytest.approx(7 * call, abs=1e-11 * (spot + strike))


@law
@given(spot=PRICES, strike=PRICES, term=TERMS, rate=RATES, sigma=SIGMAS, kind=st.sampled_from(bs.KINDS))
def test_greeks_are_the_slopes_of_the_price(spot, strike, term, rate, sigma, kind):
    inputs = {"rate": rate, "dividend_yield": 0.02, "kind": kind}
    step = 1e-4 * spot
    ends = [bs.price(spot + x, strike, term, volatility=sigma, **inputs) for x in (step, -step)]
    slope = bs.delta(spot, strike, term, volatility=sigma, **inputs)
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-5)
    ends = [bs.price(spot, strike, term, volatility=sigma + x, **inputs) for x in (1e-4, -1e-4)]
    vega = bs.vega(spot, strike, term, volatility=sigma, rate=rate, dividend_yield=0.02)
    assert vega == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=2e-4 * spot)


def test_implied_volatility_finds_what_was_planted():
    rng = np.random.default_rng(5)
    n = 2000
    sigma, strike, term = rng.uniform(0.1, 2.0, n), rng.uniform(10, 40, n), rng.uniform(0.25, 8, n)
    for kind in bs.KINDS:
        premium = bs.price(20.0, strike, term, rate=0.03, volatility=sigma, dividend_yield=0.01, kind=kind)
        found = implied_volatility(premium, 20.0, strike, term, rate=0.03, dividend_yield=0.01, kind=kind)
        again = bs.price(20.0, strike, term, rate=0.03, volatility=found, dividend_yield=0.01, kind=kind)
        np.testing.assert_allclose(again, premium, rtol=0, atol=1e-12)
        # where a point of volatility moves the price at all, the volatility itself is found
        told = bs.vega(20.0, strike, term, rate=0.03, volatility=sigma, dividend_yield=0.01) > 1e-3
        np.testing.assert_allclose(found[told], sigma[told], rtol=1e-8)
    assert implied_volatility(4.759422392871532, 42, 40, 0.5, rate=0.1) == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("premium", [0.5, 1.9, 42.5])  # below S - K e^(-rT) = 3.95, and above the share
def test_a_premium_that_no_volatility_gives(premium):
    with pytest.raises(NotEstimableError, match=r"premium of .* is not between 3.9508.* and 42"):
        implied_volatility(premium, 42, 40, 0.5, rate=0.1)


def test_a_premium_that_needs_too_much_volatility():
    with pytest.raises(NotEstimableError, match="needs more than 5"):
        implied_volatility(41.9, 42, 40, 0.1, rate=0.1)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"spot": 0.0}, "spot must be above 0 and finite, got 0"),
        ({"spot": np.array([1.0, np.nan])}, "spot must be above 0 and finite, got nan"),
        ({"strike": 0.0}, "strike must be above 0 and finite, got 0: an option at a strike of 0 is the share itself"),
        ({"strike": np.array([3.0, -2.0])}, "strike must be above 0 and finite, got -2"),
        ({"term": -0.5}, "term must be 0 or more and finite, got -0.5"),
        ({"term": 3650.0}, r"term must be 0 or more and at most 100 \(years\), got 3650"),
        ({"volatility": 0.0}, r"volatility must be above 0 and finite, got 0: .* worth max\(S"),
        ({"volatility": 24.0}, "volatility must lie between 0 and 5, got 24: .* 24 % is 0.24"),
        ({"rate": 4.0}, "rate must lie between -0.5 and 1, got 4: .* 4 % is 0.04"),
        ({"rate": np.nan}, "rate must lie between -0.5 and 1, got nan"),
        ({"dividend_yield": 2.0}, "dividend_yield must lie between -0.5 and 1, got 2: .* 2 % is 0.02"),
    ],
)
def test_price_errors(change, match):
    arguments = {"spot": 20.0, "strike": 10.0, "term": 1.0, "rate": 0.04, "volatility": 0.6} | change
    for function in (bs.price, bs.d1_d2, bs.delta, bs.vega):
        with pytest.raises(ParameterError, match=match):
            function(**arguments)


def test_more_price_errors():
    with pytest.raises(UnknownNameError, match="unknown kind of option 'cal'; did you mean call"):
        bs.price(20, 10, 1, rate=0.04, volatility=0.6, kind="cal")
    with pytest.raises(ParameterError, match="time of a dividend must be above 0"):
        bs.dividends_value([(0.0, 1.0)], rate=0.04, term=1)
    with pytest.raises(ParameterError, match="amount of a dividend must be 0 or more"):
        bs.dividends_value([(0.5, -1.0)], rate=0.04, term=1)
    with pytest.raises(ParameterError, match="dividends worth 50 are not below the spot price 40"):
        bs.escrowed(40, [(0.5, 50)], rate=0.0, term=1)
    with pytest.raises(ParameterError, match="term must be above 0 and finite, got 0: gamma has no value"):
        bs.gamma(20, 10, 0, rate=0.04, volatility=0.6)


# --- American options ---------------------------------------------------------------------------


def test_a_tree_of_four_steps_by_hand_keeps_the_strike_of_a_deep_put():
    # S 1, K 100: exercising at once yields 99, waiting only loses interest on it
    assert american(1, 100, 1, rate=0.1, volatility=0.3, kind="put", steps=4) == pytest.approx(99.0)
    assert american(25, 2, 0, rate=0.04, volatility=0.6) == 23.0


@pytest.mark.parametrize(
    ("spot", "strike", "days", "rate", "sigma", "q", "kind", "expected"),
    [  # QuantLib 1.44, QdFpAmericanEngine with its high-precision scheme, Actual/365 (Fixed)
        (42, 40, 365, 0.04, 0.35, 0.08, "call", 5.8306544569546785),
        (25, 2, 1825, 0.04, 0.60, 0.05, "call", 23.0),
        (50, 50, 152, 0.10, 0.40, 0.00, "put", 4.283262530231496),
        (13.5, 18, 730, 0.03, 0.50, 0.03, "call", 2.3225820443370173),
        (100, 90, 365, 0.05, 0.20, 0.02, "put", 2.821611049246642),
    ],
)
def test_american_values_against_quantlib(spot, strike, days, rate, sigma, q, kind, expected):
    found = american(spot, strike, days / 365, rate=rate, volatility=sigma, dividend_yield=q, kind=kind)
    assert found == pytest.approx(expected, abs=1e-5 * spot)  # what 400 steps leave


@pytest.mark.parametrize(
    ("days", "rate", "dividends", "expected"),
    [  # QuantLib 1.44, finite differences of 3000 x 3000 points, escrowed dividends: S 40, K 40, volatility 0.3
        (183, 0.09, [(61, 0.5), (152, 0.5)], 3.7220042855048754),
        (365, 0.05, [(300, 3.0)], 4.885610793524501),
    ],
)
def test_american_values_with_dividends_against_quantlib(days, rate, dividends, expected):
    paid = [(day / 365, amount) for day, amount in dividends]
    found = american(40, 40, days / 365, rate=rate, volatility=0.3, dividends=paid, steps=1000)
    # the dates of the tree miss the day of a dividend by up to a step, a thousandth of the term
    assert found == pytest.approx(expected, abs=5e-4)


@slow_law
@given(spot=PRICES, strike=PRICES, term=TERMS, rate=RATES, sigma=st.floats(0.15, 1.5), q=st.floats(0, 0.1))
def test_an_american_option_is_worth_no_less(spot, strike, term, rate, sigma, q):
    inputs = {"rate": rate, "volatility": sigma}
    for kind, sign in (("call", 1), ("put", -1)):
        found = american(spot, strike, term, dividend_yield=q, kind=kind, steps=60, **inputs)
        assert found >= max(sign * (spot - strike), 0)
        european = bs.price(spot, strike, term, dividend_yield=q, kind=kind, **inputs)
        assert found >= european - 1e-12 * (spot + strike)
    # without dividends an early call is never exercised; what is left is the error of 60 steps
    plain = american(spot, strike, term, steps=60, **inputs)
    assert plain == pytest.approx(bs.price(spot, strike, term, **inputs), abs=3e-3 * spot)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"steps": 5}, "steps must be an even whole number from 4 to 5000, got 5"),
        ({"steps": 10**6}, "steps must be an even whole number from 4 to 5000"),
        ({"volatility": 0.01, "rate": 0.5, "steps": 4}, r"2 steps are too few where the drift 0.5 .* more than \d+"),
        ({"volatility": 60}, "60 % is 0.6"),
    ],
)
def test_american_errors(change, match):
    with pytest.raises(ParameterError, match=match):
        american(**{"spot": 20, "strike": 10, "term": 1, "rate": 0.04, "volatility": 0.6} | change)


# --- expected term and vesting ------------------------------------------------------------------


def test_expected_term_as_the_sec_prints_it():
    # SAB 107, footnote on the simplified method: ten years, a quarter each year over four years:
    # [((1 + 2 + 3 + 4) / 4) + 10] / 2 = (2.5 + 10) / 2 = 6.25
    vesting = Vesting.graded(4, tranches=4)
    assert vesting.mean_years == 2.5
    assert simplified_term(vesting.mean_years, 10) == 6.25
    assert simplified_term(np.array([1.0, 4.0]), 10).tolist() == [5.5, 7.0]


def test_a_cliff_gathers_what_was_due_before():
    monthly = Vesting.graded(4, tranches=48, cliff_years=1)
    # 12 of 48 months vest on the first anniversary, then one each month
    assert (monthly.years[0], monthly.shares[0], len(monthly.years)) == (1.0, 0.25, 37)
    assert sum(monthly.shares) == pytest.approx(1)
    assert Vesting.at_once(3).years == (3,)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Vesting(years=(1, 2), shares=(1.0,)), "one share per date, got 2 years and 1 shares"),
        (lambda: Vesting(years=(2, 1), shares=(0.5, 0.5)), "vesting years must be 0 or more and rise"),
        (lambda: Vesting(years=(-1.0,), shares=(1.0,)), "vesting years must be 0 or more and rise"),
        (lambda: Vesting(years=(1, 2), shares=(0.5, 0.4)), r"add up to 1, got \(0.5, 0.4\): 0.9"),
        (lambda: Vesting(years=(1, 2), shares=(25, 75)), "a vesting share must lie .* got 25: .* 25 % is 0.25"),
        (lambda: Vesting.graded(4, tranches=0), "tranches must be a whole number from 1, got 0"),
        (lambda: Vesting.graded(4, tranches=4, cliff_years=5), r"cliff_years must lie between 0 and years \(4\)"),
        (lambda: simplified_term(11, 10), "vests after 11 years expires before, after 10"),
        (lambda: simplified_term(-1, 10), "vesting_years must be 0 or more, got -1"),
        (lambda: simplified_term(1, 0), "contractual_years must be above 0, got 0"),
        (lambda: OptionAssumptions(volatility=60, rate=0.04), "60 % is 0.6"),
        (lambda: OptionAssumptions(volatility=0, rate=0.04), "volatility must be above 0"),
        (lambda: OptionAssumptions(volatility=0.6, rate=4), "4 % is 0.04"),
        (lambda: OptionAssumptions(volatility=0.6, rate=0.04, dividend_yield=-0.1), "dividend_yield must lie between"),
    ],
)
def test_errors_of_terms(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


# --- fair values --------------------------------------------------------------------------------

GRANTS = table(
    """grant,spot,strike,options,fact_id
    march,13.5,2,1000000,f1
    october,25,2,500000,f2
    """
)


def test_fair_values_by_hand():
    # half after one year, half after three, 10 % leave a year: 0.9 and 0.729 of the holders stay;
    # expected terms (1 + 5) / 2 = 3 and (3 + 5) / 2 = 4
    vesting = Vesting(years=(1, 3), shares=(0.5, 0.5))
    three, four = (bs.price(25, 20, years, rate=0.04, volatility=0.6) for years in (3, 4))
    found = fair_values(
        25.0, 20.0, contractual_years=5, rate=0.04, volatility=0.6, vesting=vesting, forfeiture_rate=0.1
    )
    assert found == pytest.approx(0.5 * 0.9 * three + 0.5 * 0.729 * four, rel=1e-12)
    # without a schedule: the contractual term, nobody leaves
    plain = fair_values(np.array([25.0, 20.0]), 20.0, contractual_years=5, rate=0.04, volatility=0.6)
    assert plain.tolist() == bs.price(np.array([25.0, 20.0]), 20.0, 5, rate=0.04, volatility=0.6).tolist()


def test_fair_values_of_many_grants_are_those_of_each():
    rng = np.random.default_rng(11)
    n = bs.CHUNK + 7
    spot, strike, years = rng.uniform(5, 50, n), rng.uniform(1, 60, n), rng.uniform(4, 10, n)
    arguments = {"rate": 0.04, "volatility": 0.6, "dividend_yield": 0.01, "vesting": Vesting.graded(4, tranches=4),
                 "forfeiture_rate": 0.08}  # fmt: skip
    many = fair_values(spot, strike, contractual_years=years, **arguments)
    assert many.shape == (n,)
    for i in (0, bs.CHUNK - 1, bs.CHUNK, n - 1):
        assert many[i] == pytest.approx(fair_values(spot[i], strike[i], contractual_years=years[i], **arguments))


def test_grant_values_by_hand():
    result = grant_values(
        GRANTS, assumptions=ASSUMED, contractual_years=10, currency="USD", vesting=Vesting.graded(4, tranches=4),
        forfeiture_rate=0.08,
    )  # fmt: skip
    # intrinsic: 11.5 x 1,000,000 + 23 x 500,000 = 23,000,000
    assert result.intrinsic_value == 23e6
    # survival: (0.92 + 0.8464 + 0.778688 + 0.71639296) / 4 = 0.81537024
    assert result.table["vesting_share"].tolist() == pytest.approx([0.81537024] * 2)
    assert result.table["expected_term"].tolist() == [6.25, 6.25]
    assert result.tranches["expected_term"].tolist() == [5.5, 6, 6.5, 7] * 2
    each = fair_values(
        25.0, 2.0, contractual_years=10, rate=0.04, volatility=0.6, vesting=Vesting.graded(4, tranches=4)
    )
    assert result.table["value_per_option"].iloc[1] == pytest.approx(each, rel=1e-12)
    # at a strike of 2 an option is nearly the share: time value is nearly the interest saved on the strike,
    # 2 (1 - e^(-0.04 x 6.25)) = 0.44, whatever the volatility
    assert result.table["time_value_per_option"].between(0.44, 0.70).all()
    assert result.fact_ids == ("f1", "f2")
    assert "1.50 million options are worth" in result.text
    assert "Volatility 60 % and rate 4.0 % are assumptions." in result.text
    checks = {check.name: check for check in result.checks}
    assert checks["volatility_source"].passed is True
    assert "no discount for lack of marketability" in checks["dlom"].text
    assert "dilution is left out" in checks["dilution"].text


def test_sums_of_tranches_are_the_grants():
    result = grant_values(
        GRANTS, assumptions=ASSUMED, contractual_years=8, currency="USD", shares_outstanding=1e8,
        vesting=Vesting.graded(4, tranches=48, cliff_years=1), forfeiture_rate=0.05,
    )  # fmt: skip
    sums = result.tranches.groupby("grant")[["options", "value", "expected_value"]].sum()
    rows = result.table.set_index("grant")[["options", "value", "expected_value"]]
    pd.testing.assert_frame_equal(sums, rows, check_exact=False, rtol=1e-12)
    assert result.value == pytest.approx(rows["value"].sum())
    assert (result.table["value_per_option"] < result.table["undiluted_per_option"]).all()


def test_expected_years_replace_the_simplified_method():
    result = grant_values(GRANTS, assumptions=ASSUMED, contractual_years=10, currency="USD", expected_years=5)
    expected = bs.price(np.array([13.5, 25.0]), 2, 5, rate=0.04, volatility=0.6)
    assert result.table["value_per_option"].tolist() == pytest.approx(expected.tolist())


def test_an_unsourced_volatility_fails_its_check():
    bare = OptionAssumptions(volatility=0.6, rate=0.04)
    result = grant_values(GRANTS.assign(strike=20), assumptions=bare, contractual_years=10, currency="USD")
    checks = {check.name: check for check in result.checks}
    assert checks["volatility_source"].passed is False
    assert "declared without a source" in checks["volatility_source"].text
    assert checks["in_the_money"].text == "not above the strike: march"


@slow_law
@given(scale=st.floats(1e-3, 1e3))
def test_a_currency_scales_money_and_leaves_shares_of_holders(scale):
    def value(grants: pd.DataFrame):
        return grant_values(grants, assumptions=ASSUMED, contractual_years=10, currency="USD", shares_outstanding=1e7,
                            vesting=Vesting.at_once(3), forfeiture_rate=0.05)  # fmt: skip

    scaled = value(GRANTS.assign(spot=GRANTS["spot"] * scale, strike=GRANTS["strike"] * scale))
    assert scaled.value == pytest.approx(scale * value(GRANTS).value, rel=1e-9)
    assert scaled.expected_value / scaled.value == pytest.approx(0.95**3)


@pytest.mark.parametrize(
    ("grants", "change", "match"),
    [
        (GRANTS.drop(columns="options"), {}, r"missing: \['options'\]"),
        (GRANTS.head(0), {}, r"need 1\+ grants, got none"),
        (GRANTS.assign(grant="x"), {}, "a name of its own, got 'x' twice"),
        (GRANTS.assign(spot=[0, 1]), {}, r"spot of a grant must be above 0, got 0 \(march\)"),
        (GRANTS.assign(strike=[1, 0]), {}, r"strike of a grant must be above 0, got 0 \(october\)"),
        (GRANTS.assign(options=[1, np.nan]), {}, r"options of a grant must be above 0, got nan \(october\)"),
        (GRANTS, {"forfeiture_rate": 8}, "forfeiture_rate must lie .* got 8: .* 8 % is 0.08"),
        (GRANTS, {"expected_years": 11}, "expected_years must be above 0 and at most 10, got 11"),
        (GRANTS, {"vesting": Vesting.at_once(12)}, "vests after 12 years expires before"),
        (GRANTS, {"shares_outstanding": 0}, "shares must be above 0 and finite, got 0"),
        (GRANTS, {"currency": "RMB"}, "unknown currency 'RMB'"),
    ],
)
def test_grant_value_errors(grants, change, match):
    arguments = {"assumptions": ASSUMED, "contractual_years": 10, "currency": "USD"} | change
    with pytest.raises(HelpersError, match=match):
        grant_values(grants, **arguments)


# --- dilution -----------------------------------------------------------------------------------


def test_warrants_as_hull_prints_them():
    # Hull: 1 million shares at 40, 200,000 warrants at 60 for five years, 3 %, 30 %: the call is 7.04, a warrant
    # 7.04 / 1.2 = 5.87, all of them 1.17 million, and the share falls by 1.17
    inputs = {"rate": 0.03, "volatility": 0.3}
    assert bs.price(40, 60, 5, **inputs) == pytest.approx(7.04, abs=0.005)
    each = warrant_values(40, 60, 5, shares=1e6, options=2e5, is_priced_in=False, **inputs)
    assert each == pytest.approx(5.87, abs=0.005)
    assert each * 2e5 / 1e6 == pytest.approx(1.17, abs=0.005)


def test_both_cases_agree_once_the_price_has_fallen():
    # priced in at 40 - 1.17 the equation finds the same 5.87: V/n is 40 either way
    inputs = {"shares": 1e6, "options": 2e5, "rate": 0.03, "volatility": 0.3}
    announced = warrant_values(40, 60, 5, is_priced_in=False, **inputs)
    assert warrant_values(40 - 0.2 * announced, 60, 5, **inputs) == pytest.approx(announced, rel=1e-12)


@law
@given(spot=PRICES, strike=PRICES, term=TERMS, rate=RATES, sigma=SIGMAS, ratio=st.floats(1e-4, 5.0))
def test_dilution_solves_its_equation(spot, strike, term, rate, sigma, ratio):
    inputs = {"rate": rate, "volatility": sigma}
    each = warrant_values(spot, strike, term, shares=1.0, options=ratio, **inputs)
    again = bs.price(spot + ratio * each, strike, term, **inputs) / (1 + ratio)
    assert each == pytest.approx(again, rel=1e-9, abs=1e-11 * (spot + strike))
    plain = bs.price(spot, strike, term, **inputs)
    assert warrant_values(spot, strike, term, shares=1.0, options=0.0, **inputs) == plain
    assert warrant_values(spot, strike, term, shares=1.0, options=1e-9, **inputs) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"shares": 0}, "shares must be above 0 and finite, got 0"),
        ({"options": -1}, "options must be 0 or more and finite, got -1"),
        ({"dividend_yield": -0.1}, "dividend_yield must lie between 0 and 1"),
        ({"strike": 0}, "strike must be above 0"),
    ],
)
def test_dilution_errors(change, match):
    arguments = {"spot": 40, "strike": 60, "term": 5, "shares": 1e6, "options": 2e5, "rate": 0.03, "volatility": 0.3}
    with pytest.raises(ParameterError, match=match):
        warrant_values(**arguments | change)


# --- repurchases --------------------------------------------------------------------------------

# Xiaohongshu in 2025 as the press reported it (USD per share)
LADDER = table(
    """date,price,strike,fact_id
    2025-03-31,13.5,2,g1
    2025-06-30,18,2,g2
    2025-10-17,25,2,g3
    """
)
OFFERS = table(
    """date,price,fact_id
    2025-04-30,10,r1
    2025-10-17,17.5,r2
    """
)


def ladder(grants: pd.DataFrame = LADDER, offers: pd.DataFrame = OFFERS, **change):
    arguments = {"assumptions": ASSUMED, "term": 6.25, "currency": "USD"} | change
    return repurchase_ladder(grants, offers, **arguments)


def test_repurchase_ladder_by_hand():
    result = ladder()
    rows = result.table
    assert rows["intrinsic_value"].tolist() == [11.5, 16, 23]
    # 10 / 13.5 = 0.7407 and 17.5 / 25 = 0.7; 8 / 11.5 = 0.6957 and 15.5 / 23 = 0.6739
    assert rows["repurchase_share"].tolist() == pytest.approx([0.7407, np.nan, 0.7], abs=5e-5, nan_ok=True)
    assert rows["sell_back_value"].tolist() == pytest.approx([8, np.nan, 15.5], nan_ok=True)
    assert rows["sell_back_share"].tolist() == pytest.approx([0.6957, np.nan, 0.6739], abs=5e-5, nan_ok=True)
    assert rows["repurchase_gap_days"].tolist() == pytest.approx([30, np.nan, 0], nan_ok=True)
    assert rows["reason"].tolist() == ["", "no repurchase price is nearest to this grant", ""]
    expected = bs.price(np.array([13.5, 18, 25]), 2, 6.25, rate=0.04, volatility=0.6)
    assert rows["option_value"].tolist() == expected.tolist()
    # 25 / 13.5 - 1 = 0.85, 23 / 11.5 - 1 = 1, 17.5 / 10 - 1 = 0.75: three sentences, not one
    assert result.grant_price_growth == pytest.approx(0.85185, abs=1e-5)
    assert result.intrinsic_growth == 1.0
    assert result.repurchase_growth == 0.75
    assert result.growth.set_index("series")["growth"]["sell_back_value"] == pytest.approx(15.5 / 8 - 1)
    assert "Grant price +85 % (13.50 to 25.00 USD); gain on paper after the strike +100 %" in result.text
    assert result.text.endswith(
        "On 2025-10-17 the company paid 17.50 USD where the grant price was 25.00 (70 %): selling back gives 15.50 of "
        "23.00 on paper (67 %)."
    )
    assert result.fact_ids == ("g1", "g2", "g3", "r1", "r2")
    assert {c.name: c.passed for c in result.checks} == {
        "in_the_money": True, "repurchase_below_grant": True, "offers_dated": None, "volatility_source": True,
        "dlom": None,
    }  # fmt: skip


def test_growth_of_the_option_lies_between_price_and_intrinsic_value():
    # an option is the share less a strike that is worth less than in full
    result = ladder()
    assert result.grant_price_growth < result.option_value_growth < result.intrinsic_growth


def test_a_repurchase_above_the_grant_price_fails_its_check():
    checks = {check.name: check for check in ladder(offers=OFFERS.assign(price=[10, 26])).checks}
    assert checks["repurchase_below_grant"].passed is False
    assert checks["repurchase_below_grant"].value == pytest.approx(26 / 25)


def test_no_repurchase_and_an_option_under_water_have_reasons():
    result = ladder(offers=OFFERS.head(0))
    assert result.table["repurchase_price"].isna().all()
    assert np.isnan(result.repurchase_growth)
    assert result.growth.set_index("series")["reason"]["repurchase_price"] == "fewer than two dates"
    under = ladder(grants=LADDER.assign(strike=[14.0, 2.0, 2.0]))
    assert under.table["reason"].iloc[0] == "no share of the gain: not in the money"
    assert np.isnan(under.table["sell_back_share"].iloc[0])
    assert under.growth.set_index("series")["reason"]["intrinsic_value"] == "not meaningful: from or to 0 or less"


@slow_law
@given(scale=st.floats(1e-3, 1e3))
def test_a_split_leaves_growth_and_shares_alone(scale):
    grants = LADDER.assign(price=LADDER["price"] * scale, strike=LADDER["strike"] * scale)
    scaled, plain = ladder(grants, OFFERS.assign(price=OFFERS["price"] * scale)), ladder()
    shares = ["repurchase_share", "sell_back_share", "sell_back_option_share"]
    pd.testing.assert_frame_equal(scaled.table[shares], plain.table[shares])
    assert scaled.growth["growth"].tolist() == pytest.approx(plain.growth["growth"].tolist())


@pytest.mark.parametrize(
    ("offers", "change", "match"),
    [
        (OFFERS.drop(columns="price"), {}, r"repurchases need the columns .* missing: \['price'\]"),
        (OFFERS.assign(price=[0, 1]), {}, r"a repurchase needs a price above 0, .* \(r1\)"),
        (OFFERS.assign(date="2025-04-30"), {}, r"a repurchase needs a date of its own, .* \(r2\)"),
        (OFFERS.assign(date=[None, "2025-04-30"]), {}, r"a repurchase needs a date, .* \(r1\)"),
        (OFFERS, {"grants": LADDER.assign(strike=0)}, "strike must be above 0"),
        (OFFERS, {"term": -1}, "term must be 0 or more"),
        (OFFERS, {"currency": "RMB"}, "unknown currency"),
    ],
)
def test_repurchase_ladder_errors(offers, change, match):
    with pytest.raises(HelpersError, match=match):
        ladder(offers=offers, **change)


REPORTED = table(
    """period_start,period_end,value,fact_id
    2025-01-01,2025-10-21,10,loose
    2025-04-01,2025-04-30,10,april
    2025-10-01,2025-10-21,17.5,october
    2025-10-17,2025-10-17,17.5,day
    """
)


def test_a_price_dated_loosely_gives_way_to_the_same_price_dated_closely():
    steps = dated_steps(REPORTED)
    assert steps["fact_id"].tolist() == ["april", "day"]
    assert steps["date"].dt.strftime("%m-%d").tolist() == ["04-30", "10-17"]
    # a loose date stays where nothing better is known, and of twins the first is kept
    assert dated_steps(REPORTED.iloc[[0]])["fact_id"].tolist() == ["loose"]
    twins = pd.concat([REPORTED.iloc[[1]], REPORTED.iloc[[1]].assign(fact_id="twin")])
    assert dated_steps(twins)["fact_id"].tolist() == ["april"]


def test_two_prices_on_one_day_are_refused():
    with pytest.raises(HelpersError, match="two prices on 2025-10-21: loose, october"):
        dated_steps(REPORTED.iloc[[0, 2]])
    with pytest.raises(HelpersError, match=r"missing: \['value'\]"):
        dated_steps(REPORTED.drop(columns="value"))


# --- exercise, wait or sell back ----------------------------------------------------------------


def choose(**change):
    arguments = {"term": 5.0, "assumptions": ASSUMED, "currency": "USD", "repurchase_price": 17.5} | change
    return exercise_or_wait(25.0, 2.0, **arguments)


def test_choices_by_hand():
    result = choose(fact_ids=("g3", "r2"))
    rows = result.table.set_index("choice")
    waiting = bs.price(25, 2, 5, rate=0.04, volatility=0.6)
    assert rows["value"].to_dict() == pytest.approx(
        {"exercise_now": 23, "wait": waiting, "wait_to_expiry": waiting, "sell_back": 15.5}
    )
    assert rows["cash_now"].to_dict() == {"exercise_now": -2, "wait": 0, "wait_to_expiry": 0, "sell_back": 15.5}
    assert result.best == "wait"
    assert result.sell_back_share == pytest.approx(15.5 / 23)
    assert result.breakeven_repurchase_price == pytest.approx(2 + waiting)
    assert result.breakeven_exit_chance == pytest.approx(15.5 / waiting)
    assert "pays 67 % of the gain on paper" in result.text
    assert "only if the chance of an exit within the term is above 66 %" in result.text
    assert result.fact_ids == ("g3", "r2")


def test_choices_with_tax_and_an_uncertain_exit_by_hand():
    # p 0.6, t 0.2: exercise 0.6 x 25 - 2 - 0.2 x 23 = 8.4, pays 2 + 4.6 now; sell back 15.5 x 0.8 = 12.4
    result = choose(exit_chance=0.6, tax_rate=0.2)
    rows = result.table.set_index("choice")
    waiting = bs.price(25, 2, 5, rate=0.04, volatility=0.6)
    assert rows["value_after_tax"].to_dict() == pytest.approx(
        {"exercise_now": 8.4, "wait": 0.48 * waiting, "wait_to_expiry": 0.48 * waiting, "sell_back": 12.4}
    )
    assert rows.loc["exercise_now", "cash_now"] == pytest.approx(-6.6)
    assert result.best == "sell_back"
    assert result.breakeven_repurchase_price == pytest.approx(2 + 0.6 * waiting)


@pytest.mark.parametrize("tax_rate", [0.0, 0.45])
def test_at_the_breakeven_price_and_chance_the_two_are_level(tax_rate):
    at_price = choose(
        repurchase_price=choose(exit_chance=0.7).breakeven_repurchase_price, exit_chance=0.7, tax_rate=tax_rate
    )
    at_chance = choose(exit_chance=choose().breakeven_exit_chance, tax_rate=tax_rate)
    for result in (at_price, at_chance):
        values = result.table.set_index("choice")["value_after_tax"]
        assert values["sell_back"] == pytest.approx(values["wait"], rel=1e-12)


@law
@given(spot=PRICES, strike=PRICES, term=TERMS, rate=RATES, sigma=SIGMAS)
def test_without_dividends_waiting_is_never_worse(spot, strike, term, rate, sigma):
    gain = waiting_gains(spot, strike, term, rate=rate, volatility=sigma)
    assert gain >= -1e-12 * (spot + strike)


def test_dividends_can_make_waiting_worse():
    # deep in the money, 5 % of dividends lost a year against 4 % of interest saved on a strike of 2
    assert waiting_gains(25.0, 2.0, 5.0, rate=0.04, volatility=0.3, dividend_yield=0.05) < -3
    paying = OptionAssumptions(volatility=0.3, rate=0.04, dividend_yield=0.05, volatility_source="peers")
    result = choose(assumptions=paying)
    assert (result.best, result.waiting_value) == ("exercise_now", pytest.approx(23.0))
    checks = {check.name: check for check in result.checks}
    assert checks["early_exercise"].value == pytest.approx(23 - result.european_value)


def test_a_price_above_waiting_needs_no_chance():
    result = choose(repurchase_price=30.0)
    assert result.best == "sell_back"
    assert result.breakeven_exit_chance > 1
    assert "whatever the chance of an exit" in result.text
    assert np.isnan(choose(repurchase_price=None).breakeven_exit_chance)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"exit_chance": 60}, "exit_chance must lie .* 60 % is 0.6"),
        ({"tax_rate": 20}, "tax_rate must lie .* 20 % is 0.2"),
        ({"repurchase_price": 0}, "repurchase_price must be above 0, got 0"),
        ({"currency": "RMB"}, "unknown currency"),
        ({"term": -1.0}, "term must be 0 or more"),
    ],
)
def test_choice_errors(change, match):
    with pytest.raises(HelpersError, match=match):
        choose(**change)
