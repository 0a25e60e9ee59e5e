"""Cash-flow returns with every root, and discounts for lack of marketability with their caps."""

import importlib
import io
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError, UnknownNameError
from helpers.valuation.returns import irr, moic, xirr, xnpv

# the package hands on the function of that name, which hides the module
discounts = importlib.import_module("helpers.valuation.dlom")


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text.replace(" ", "")))


# --- returns ------------------------------------------------------------------------------------

# Microsoft KB Q116041, the example of the spreadsheet function: 37.3363 %
SPREADSHEET = table(
    """date,amount
    1992-01-01,-10000
    1992-03-01,2750
    1992-10-30,4250
    1993-02-15,3250
    1993-04-01,2750
    """
)


def test_one_flow_out_and_one_back_by_hand():
    # 365 days: 100 -> 110 is 10 %; 730 days: 100 -> 121 is 10 % a year; 2024 has 366 days, so 110 ^ (365/366)
    year = xirr(table("date,amount\n2022-01-01,-100\n2023-01-01,110"), currency="USD")
    assert year.rate == pytest.approx(0.1, abs=1e-14)
    assert year.flows["years"].tolist() == [0, 1]
    assert year.flows["present_value"].sum() == pytest.approx(0)
    assert (year.moic, year.paid, year.received) == (1.1, 100, 110)
    assert year.text == (
        "The internal rate of return is 10 % a year; 110 received for 100 paid (USD), 1.10 times the money."
    )
    assert xirr(table("date,amount\n2022-01-01,-100\n2024-01-01,121")).rate == pytest.approx(0.1, abs=1e-14)
    leap = xirr(table("date,amount\n2024-01-01,-100\n2025-01-01,110")).rate
    assert leap == pytest.approx(1.1 ** (365 / 366) - 1, abs=1e-14)
    # present value at 10 %: -100 + 110 / 1.1 = 0; at 0 %: 10
    flows = table("date,amount\n2022-01-01,-100\n2023-01-01,110")
    assert xnpv(flows, rate=0.1) == pytest.approx(0)
    assert xnpv(flows, rate=0) == 10
    assert moic(flows) == 1.1


def test_the_spreadsheet_function():
    result = xirr(SPREADSHEET)
    assert result.rate == pytest.approx(0.373363, abs=5e-7)
    assert result.rate == pytest.approx(0.3733625335, abs=1e-9)
    assert result.checks[0].passed is True
    assert xnpv(SPREADSHEET, rate=result.rate) == pytest.approx(0, abs=1e-8)
    # the order of rows does not matter
    assert xirr(SPREADSHEET[::-1]).rate == result.rate


def test_both_roots_are_reported_and_none_is_the_return():
    # -100 + 230 / 1.1 - 132 / 1.21 = 0 and -100 + 230 / 1.2 - 132 / 1.44 = 0
    result = irr([-100, 230, -132])
    assert result.roots == pytest.approx((0.1, 0.2), abs=1e-12)
    assert math.isnan(result.rate)
    assert (result.checks[0].passed, result.checks[0].text) == (False, "2 roots: 10 % and 20 %")
    assert result.table["npv_slope"].tolist() == ["rising", "falling"]
    assert result.flows["present_value"].isna().all()
    assert result.text.startswith("No single rate of return: 10 % and 20 % a period all bring the flows to zero")
    # dated a year apart without a leap day the same two
    dated = table("date,amount\n2021-01-01,-100\n2022-01-01,230\n2023-01-01,-132")
    assert xirr(dated).roots == pytest.approx((0.1, 0.2), abs=1e-12)


def test_a_root_that_only_touches_zero_is_found():
    # -100 (1 - 1.1 v)^2: a double root at 10 %
    result = irr([-100, 220, -121])
    assert result.roots == pytest.approx((0.1,), abs=1e-7)
    assert result.table["npv_slope"].tolist() == ["touching"]


@settings(deadline=None, max_examples=40)
@given(
    rates=st.lists(st.integers(-60, 300), min_size=1, max_size=4, unique=True),
    scale=st.floats(1e-3, 1e9),
    sign=st.sampled_from([-1, 1]),
)
def test_planted_roots_are_found_all_of_them(rates, scale, sign):
    # flows with present value prod (v (1 + r) - 1), v the discount factor
    wanted = sorted(rate / 100 for rate in rates)
    amounts = np.array([1.0])
    for rate in wanted:
        amounts = np.convolve(amounts, [-1, 1 + rate])
    result = irr(sign * scale * amounts)
    assert result.roots == pytest.approx(wanted, abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(amounts=st.lists(st.integers(-20, 20), min_size=2, max_size=7))
def test_the_roots_of_the_polynomial(amounts):
    """numpy finds all complex roots by eigenvalues; those that are real and positive are ours."""
    net = np.trim_zeros(np.array(amounts, float))
    assume((np.sign(net[net != 0])[1:] != np.sign(net[net != 0])[:-1]).any())
    found = np.roots(net[::-1])
    clear = found[(np.abs(found.imag) < 1e-9) & (found.real > 0)].real
    # near double roots the eigenvalues split by 1e-8 and more: not a reference there
    near = np.abs(found[:, None] - found[None, :]) + np.eye(len(found))
    assume(near.min(initial=1.0) > 1e-3)
    wanted = np.sort(1 / clear - 1)
    try:
        roots = irr(amounts).roots
    except NotEstimableError:
        roots = ()
    assert roots == pytest.approx(wanted.tolist(), rel=1e-6, abs=1e-8)


@settings(deadline=None, max_examples=10)
@given(scale=st.floats(1e-6, 1e9), shift=st.integers(-5000, 5000))
def test_currency_and_calendar_do_not_matter(scale, shift):
    flows = SPREADSHEET.assign(
        amount=SPREADSHEET["amount"] * scale, date=pd.to_datetime(SPREADSHEET["date"]) + pd.Timedelta(days=shift)
    )
    result = xirr(flows)
    assert result.rate == pytest.approx(0.3733625335, abs=1e-9)
    assert result.moic == pytest.approx(1.3)


def test_flows_of_one_day_are_added_up():
    split = table("date,amount\n2022-01-01,-150\n2022-01-01,50\n2023-01-01,110\n2023-01-01,0")
    result = xirr(split)
    assert result.rate == pytest.approx(0.1)
    # the multiple counts every payment: 160 / 150
    assert result.moic == pytest.approx(160 / 150)


def test_a_total_loss_but_one_cent_and_a_day():
    assert irr([-100, 0.01]).rate == pytest.approx(-0.9999)
    # 100 -> 101 overnight is 1.01 ^ 365 - 1
    overnight = xirr(table("date,amount\n2022-01-01,-100\n2022-01-02,101")).rate
    assert overnight == pytest.approx(1.01**365 - 1)
    with pytest.raises(NotEstimableError, match=r"flows within 0\.00274 years compound to a rate that no longer fits"):
        xirr(table("date,amount\n2022-01-01,-100\n2022-01-02,1000"))


def test_facts_and_currency_pass_through():
    flows = SPREADSHEET.assign(currency="USD", fact_id=list("abcde"))
    result = xirr(flows)
    assert result.fact_ids == tuple("abcde")
    assert set(result.flows["currency"]) == {"USD"}
    assert irr([-1, 2], currency="CNY", fact_ids=["f"]).fact_ids == ("f",)


FLOWS = table("date,amount\n2022-01-01,-100\n2023-01-01,110")


@pytest.mark.parametrize(
    ("flows", "error", "match"),
    [
        (SPREADSHEET.assign(amount=SPREADSHEET["amount"].abs()), ParameterError,
         r"flows of one sign have no rate of return: \+10000, \+2750, \+4250, \+3250, \+2750 .* below 0"),
        (FLOWS.assign(amount=0.0), ParameterError, "flows of one sign have no rate of return"),
        (FLOWS.assign(date="2022-01-01"), HelpersError, r"need flows on 2\+ days .*, got 2022-01-01 only"),
        (FLOWS.head(1), HelpersError, r"need flows on 2\+ days"),
        (FLOWS.head(0), HelpersError, r"need 2\+ flows for a rate, got none"),
        (FLOWS.drop(columns="date"), HelpersError, r"flows need the columns date, amount; missing: \['date'\]"),
        (FLOWS.assign(date=["2022-01-01", None]), HelpersError, "every flow needs a date, missing for row 2"),
        (FLOWS.assign(date="then"), HelpersError, r"a flow needs a date such as 2025-06-30, got 'then' \(row 1\)"),
        (FLOWS.assign(date=["2022-01-01T00:00+08:00"] * 2), HelpersError, "a flow needs a date without a time zone"),
        (FLOWS.assign(amount="ten"), HelpersError, r"amount of a flow must be a number, got 'ten' \(row 1\)"),
        (FLOWS.assign(amount=[math.nan, 1]), HelpersError, "every flow needs a finite amount, got nan at 2022-01-01"),
        (FLOWS.assign(amount=[-1, math.inf]), HelpersError, "every flow needs a finite amount, got inf at 2023-01-01"),
        (FLOWS.assign(currency=["USD", "CNY"]), UnitError, "flows in CNY and USD cannot be added: convert each"),
        (FLOWS.assign(currency="RMB"), UnknownNameError, "unknown currency 'RMB'"),
    ],
)  # fmt: skip
def test_xirr_errors(flows, error, match):
    with pytest.raises(error, match=match):
        xirr(flows)


def test_other_return_errors():
    with pytest.raises(UnitError, match="flows in CNY and USD"):
        xirr(FLOWS.assign(currency="USD"), currency="CNY")
    # 100 - 230 v + 150 v^2 has no real root: 230^2 < 4 x 100 x 150
    with pytest.raises(NotEstimableError, match="no rate above -100 % brings these flows to zero") as caught:
        irr([100, -230, 150])
    assert "present value at a stated rate" in caught.value.settles
    with pytest.raises(HelpersError, match=r"need 2\+ flows for a rate, got 1"):
        irr([-1])
    with pytest.raises(HelpersError, match="finite amount, got nan at 1"):
        irr([-1, math.nan])
    with pytest.raises(ParameterError, match="flows that change sign 49 times"):
        irr([1, -1] * 25)
    with pytest.raises(ParameterError, match=r"rate must be above -1 and finite, got -1: 10 % is 0\.1"):
        xnpv(FLOWS, rate=-1)
    with pytest.raises(ParameterError, match="nothing was paid"):
        moic(FLOWS.assign(amount=1.0))


# --- discounts for lack of marketability --------------------------------------------------------


def test_discounts_by_hand():
    # s 0.5, T 1, r q 0: x = 0.25
    # Chaffe: d1 = 0.25, put = 2 N(0.25) - 1 = 2 x 0.598706 - 1 = 0.19741
    # e^x - x - 1 = 0.0340254; ln(0.0680508) = -2.687501; ln(e^x - 1) = ln(0.2840254) = -1.258692
    # Finnerty v^2 = 0.25 - 2.687501 + 2.517384 = 0.079883, v/2 = 0.141318, 2 N - 1 = 0.11238
    # Ghaidarov w^2 = -2.687501 - 2 ln 0.25 = 0.085088, w/2 = 0.145849, 2 N - 1 = 0.11596
    # Longstaff: 2.125 N(0.25) + sqrt(0.25 / 6.283185) e^(-0.03125) - 1 = 1.272246 + 0.193335 - 1 = 0.46558
    result = discounts.dlom(term=1, volatility=0.5, rate=0)
    found = result.table.set_index("model")["dlom"]
    assert found.to_dict() == pytest.approx(
        {"chaffe": 0.19741, "finnerty": 0.11238, "ghaidarov": 0.11596, "longstaff": 0.46558}, abs=1e-5
    )
    assert (result.low, result.high) == (found["finnerty"], found["chaffe"])
    assert result.upper_bound == found["longstaff"]
    assert result.text == (
        "The discount for lack of marketability over 1 year at a volatility of 50 %: Chaffe 19.7 %, Finnerty 11.2 % "
        "(never above 32.28 %), Ghaidarov 11.6 %, Longstaff 46.6 % as an upper bound."
    )


# T, s, r, q and the golden values of pyvalfx (tests/dlom, commit 6354c396)
CONTRACTS = np.array(
    [(5, 0.45, 0.05, 0), (2, 0.2, 0.01, 0), (10, 0.9, 0.03, 0), (5, 0.45, 0.03, 0.01), (8, 0.3, 0.03, 0.05)]
)


def test_golden_values():
    T, s, r, q = CONTRACTS.T
    published = {
        "chaffe": [0.24152077, 0.10172519, 0.60811511, 0.30522254, 0.30153414],
        "finnerty": [0.20955289, 0.06464116, 0.32231816, 0.19933287, 0.12199965],
        "ghaidarov": [0.23808668, 0.06529152, 0.71679876, 0.22647505, 0.13357704],
    }
    frame = discounts.dlom(term=T, volatility=s, rate=r, dividend_yield=q, models=list(published)).table
    for model, values in published.items():
        assert frame.loc[frame["model"] == model, "dlom"].tolist() == pytest.approx(values, abs=1e-8)


def test_longstaff_table_one():
    # Longstaff (1995), Table I: percent, for volatilities of 10, 20 and 30 %; days over 360
    printed = {
        1 / 12: (2.324, 4.691, 7.100),
        1 / 6: (3.299, 6.683, 10.153),
        1 / 4: (4.052, 8.232, 12.542),
        1 / 2: (5.768, 11.793, 18.082),
        1: (8.232, 16.984, 26.276),
        2: (11.793, 24.643, 38.605),
        5: (19.128, 40.979, 65.772),
    }
    for term, row in printed.items():
        found = discounts.longstaff(term, np.array([0.1, 0.2, 0.3])) * 100
        assert found.tolist() == pytest.approx(row, abs=0.0006)


def test_the_caps_are_printed_and_hold():
    assert pytest.approx(0.3228, abs=1e-4) == discounts.FINNERTY_CAP
    result = discounts.dlom(term=10, volatility=0.9, rate=0.03, dividend_yield=0.02)
    rows = result.table.set_index("model")
    # e^-0.3, 0.3228 e^-0.2, e^-0.2
    assert rows["cap"].tolist() == pytest.approx([0.740818, 0.264281, 0.818731, math.inf], abs=1e-6)
    assert rows.loc["longstaff", "dlom"] > 1
    assert rows["reason"].tolist() == ["", "", "", "above 100 %: the bound binds nothing"]
    cap, bound = result.checks
    assert (cap.name, cap.passed, bound.name, bound.passed) == ("finnerty_cap", False, "longstaff_bound", False)
    assert "of its cap of 32.28 %" in cap.text
    assert bound.text.endswith("above 100 %: the bound binds nothing")
    # with dividends the perfect seller is not what Longstaff's formula prices
    paying = discounts.dlom(term=1, volatility=0.3, rate=0, dividend_yield=0.02, models=["longstaff"])
    assert paying.table["reason"].tolist() == ["a bound without dividends only"]
    assert paying.checks[0].passed is False
    # out of doubt's reach: ten times the variance moves Finnerty by less than 0.001
    assert discounts.finnerty(30, 5.0) == pytest.approx(discounts.FINNERTY_CAP, abs=1e-9)
    assert discounts.ghaidarov(30, 5.0) == pytest.approx(1)
    mild = discounts.dlom(term=1, volatility=0.3, rate=0.02, models=["finnerty"])
    assert mild.checks[0].passed is True
    assert math.isnan(mild.upper_bound)


@settings(deadline=None, max_examples=30)
@given(
    term=st.floats(0.01, 20), volatility=st.floats(0.02, 2), rate=st.floats(0, 0.15), dividend_yield=st.floats(0, 0.1)
)
def test_laws_of_the_discounts(term, volatility, rate, dividend_yield):
    rows = discounts.dlom(term=term, volatility=volatility, rate=rate, dividend_yield=dividend_yield).table
    assert (rows["dlom"] >= 0).all()
    assert (rows["dlom"] <= rows["cap"] + 1e-12).all()
    found = rows.set_index("model")["dlom"]
    # perfect timing is worth more than selling at the average or at the first price
    assert found["finnerty"] <= found["ghaidarov"] + 1e-12
    assert found["ghaidarov"] <= found["longstaff"]
    assert discounts.chaffe(term, volatility, rate=rate) <= found["longstaff"] + 1e-12
    # only volatility x root of time counts without rates: four times the term is twice the volatility
    for model in (discounts.finnerty, discounts.ghaidarov, discounts.longstaff):
        assert model(term, volatility) == pytest.approx(model(term / 4, volatility * 2), rel=1e-6)


def test_an_average_strike_put_by_simulation():
    # Ghaidarov's is the forward-starting exchange of the average for the end price; T 2, s 0.2, r q 0,
    # with 100 fixings the lognormal match of the average is good to 0.002
    rng = np.random.default_rng(11)
    steps = 0.2 * math.sqrt(2 / 100) * rng.standard_normal((20_000, 100)) - 0.02 * 2 / 100
    paths = np.exp(np.cumsum(steps, axis=1))
    gain = np.maximum(paths.mean(axis=1) - paths[:, -1], 0)
    assert discounts.ghaidarov(2, 0.2) == pytest.approx(gain.mean(), abs=0.002)


def test_a_million_discounts_are_an_array():
    # arrays keep their shape, and the text gives the range: T 1 and 3 at s 0.6, r 2 %
    assert discounts.chaffe([[1.0, 2.0]], 0.3, rate=0.02).shape == (1, 2)
    text = discounts.dlom(term=[1, 3], volatility=0.6, rate=0.02).text
    assert text.startswith(
        "The discount for lack of marketability over 2 combinations of term and volatility: Chaffe 22.4 to"
    )


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"volatility": 45}, ParameterError, "volatility must lie between 0 and 5, got 45: .* 45 % is 0.45"),
        ({"volatility": 0}, ParameterError, "volatility must be above 0 and finite, got 0: without it"),
        ({"volatility": math.nan}, ParameterError, "volatility must be above 0 and finite, got nan"),
        ({"term": 0}, ParameterError, "term must be above 0 and finite, got 0"),
        ({"term": [1, -2]}, ParameterError, "term must be above 0 and finite, got -2"),
        ({"term": []}, ParameterError, r"need 1\+ numbers for term, got none"),
        ({"term": 36}, ParameterError, "term is in years, at most 30, got 36"),
        ({"rate": 5}, ParameterError, "rate must lie between -0.5 and 1, got 5: .* 5 % is 0.05"),
        ({"dividend_yield": -0.1}, ParameterError, "dividend_yield must lie between 0 and 1, got -0.1"),
        ({"models": ["finerty"]}, UnknownNameError, r"unknown model of a discount 'finerty'; did you mean finnerty\?"),
        ({"models": []}, ParameterError, "models are one or more names in a list"),
        ({"models": "chaffe"}, ParameterError, "models are one or more names in a list, got 'chaffe'"),
    ],
)
def test_dlom_errors(change, error, match):
    with pytest.raises(error, match=match):
        discounts.dlom(**({"term": 2, "volatility": 0.4, "rate": 0.03} | change))


def test_no_warning_at_the_ends():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        discounts.dlom(term=[1e-4, 30], volatility=[0.01, 5], rate=0.0)
