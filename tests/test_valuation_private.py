"""Share classes, waterfall, option pricing method and backsolve, readings of a price, rounds."""

import io
import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError, UnknownNameError
from helpers.units import rate
from helpers.valuation.cap_table import CapitalStructure, ShareClass, capital_structure
from helpers.valuation.headline import backsolve_range, headline_gap
from helpers.valuation.opm import OpmSettings, all_common, allocate, backsolve
from helpers.valuation.reconstruction import RoundTerms, reconstruct
from helpers.valuation.rounds import holding_returns, step_ups
from helpers.valuation.waterfall import breakpoints, distribute, payoff


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text.replace(" ", "")))


# ComplexCo of T. Harms (2016), A Layperson's Guide to the Option Pricing Model, Exhibit 3; thousands.
COMPLEXCO = capital_structure(
    pd.DataFrame(
        [
            {"name": "Class A", "kind": "convertible_preferred", "shares": 500, "preference": 1000, "price": 2.0},
            {"name": "Class B", "kind": "convertible_preferred", "shares": 300, "preference": 1500, "price": 5.0},
            {"name": "Common", "kind": "common", "shares": 1500},
            {"name": "Warrants", "kind": "warrant", "shares": 250, "strike": 10.0},
        ]
    ).rename(columns={"price": "conversion_price"}),
    currency="USD",
    fully_diluted=2550,
    fact_ids=("f1",),
)
TERMS = OpmSettings(term=3, rate=0.02, volatility=0.6)
COMMON = ShareClass(name="Common", kind="common", shares=100)


def structure(*classes: ShareClass) -> CapitalStructure:
    return CapitalStructure(classes=(*classes, COMMON), currency="USD")


def preferred(
    name: str = "A", kind: str = "convertible_preferred", shares: float = 100, preference: float = 50, **more
):
    return ShareClass(name=name, kind=kind, shares=shares, preference=preference, **more)


# --- waterfall ----------------------------------------------------------------------------------


def test_participation_with_a_cap_by_hand():
    # A: 100 shares, 50 paid in, participates up to 2 x 50 = 100; common 100 shares.
    # 0-50 preference; 50-150 half each, until A has 50 + 50 = 100 at 0.50 a share;
    # 150-200 common alone, until a share is worth 1.00 and A converts (100 x 1 = its cap); then half each.
    result = breakpoints(structure(preferred(kind="participating_preferred", participation_cap=2)))
    assert result.breakpoints == (50, 150, 200)
    assert result.shares.to_numpy().tolist() == [[1, 0.5, 0, 0.5], [0, 0.5, 1, 0.5]]
    assert result.table.loc[result.table["class_name"] == "A", "begins_with"].tolist() == [
        "preference of A",
        "common takes part",
        "cap of A reached at 0.5",
        "conversion of A at 1",
    ]
    assert result.table["to_price"].tolist() == [0, 0, 0.5, 0.5, 1, 1, math.inf, math.inf]
    # 180: A 100, common 80; 300: 150 each
    paid = payoff(structure(preferred(kind="participating_preferred", participation_cap=2)), [40, 90, 180, 300])
    assert paid.values.tolist() == [[40, 0], [70, 20], [100, 80], [150, 150]]
    assert paid.table.loc[paid.table["class_name"] == "A", "form"].tolist() == [
        "participating",
        "participating",
        "capped",
        "converted",
    ]
    assert paid.text == "Of 300 USD: A 150, Common 150."


def test_ranks_multiples_dividends_and_ratios_by_hand():
    # senior B: 2 x 30 + 5 accrued = 65 first; then A 50; then common 100 shares.
    # B converts into 20 x 1.5 = 30 shares from 65 / 30 = 2.1667 a share, A into 100 from 0.50.
    senior = preferred("B", shares=20, preference=30, preference_multiple=2, accrued_dividends=5, seniority=1,
                       conversion_ratio=1.5)  # fmt: skip
    result = breakpoints(structure(preferred(seniority=2), senior))
    # 65; 115; 115 + 100 x 0.5 = 165; 165 + 200 x (2.16667 - 0.5) = 498.33
    assert result.breakpoints == pytest.approx((65, 115, 165, 498 + 1 / 3))
    assert result.shares.loc["B"].tolist() == pytest.approx([1, 0, 0, 0, 30 / 230])
    assert result.text == (
        "Of the equity value, in USD: first preference of B; from 65 preference of A; from 115 common takes part; "
        "from 165 conversion of A at 0.5; from 498 conversion of B at 2.17."
    )
    assert distribute(structure(preferred(seniority=2), senior), 100).tolist() == [[35, 65, 0]]


def test_classes_that_never_share_and_those_that_always_do():
    # straight preferred: 40 and no more; uncapped participation: 50 and half of the rest
    straight = ShareClass(name="S", kind="straight_preferred", shares=4, preference=40, seniority=1)
    both = structure(straight, preferred(kind="participating_preferred", seniority=2))
    assert breakpoints(both).breakpoints == (40, 90)
    assert distribute(both, [40, 1090]).tolist() == [[40, 0, 0], [40, 550, 500]]
    rows = payoff(both, 1090).table
    assert rows["form"].tolist() == ["preference", "participating", "common"]
    assert rows["value_per_share"].tolist() == [10, 5.5, 5]
    assert math.isnan(rows["value_per_common_share"].iloc[0])
    # only common: it takes all, and there is nothing to break
    alone = CapitalStructure(classes=(COMMON,), currency="USD")
    assert breakpoints(alone).breakpoints == ()
    assert breakpoints(alone).text == "Of the equity value, in USD: common takes all."
    # a cap at the preference is no participation
    capped = structure(preferred(kind="participating_preferred", participation_cap=1))
    assert breakpoints(capped).breakpoints == breakpoints(structure(preferred())).breakpoints


def test_the_published_waterfall_of_complexco():
    # Harms (2016), Exhibit 9: breakpoints and marginal percentages as printed
    result = breakpoints(COMPLEXCO)
    assert result.breakpoints == (2500, 5500, 11500, 23000)
    printed = [[40, 0, 25, 21.7, 19.6], [60, 0, 0, 13.0, 11.8], [0, 100, 75, 65.2, 58.8], [0, 0, 0, 0, 9.8]]
    assert (result.shares * 100).to_numpy().tolist() == [pytest.approx(row, abs=0.05) for row in printed]
    assert [check.passed for check in result.checks] == [True, True]
    assert result.fact_ids == ("f1",)
    assert len(result.table) == 5 * 4
    assert result.table.query("range_number == 4 and class_name == 'Class B'")["share_count"].tolist() == [300]


def test_share_counts_that_do_not_tie_are_said():
    check = breakpoints(replace(COMPLEXCO, fully_diluted=2300)).checks[1]
    assert (check.name, check.passed, check.value, check.threshold) == ("share_counts_tie", False, 2550, 2300)
    assert check.text == "the last range shares among 2,550 shares, the document states 2,300"


CLASSES = st.lists(
    st.builds(
        dict,
        kind=st.sampled_from(["convertible_preferred", "participating_preferred", "straight_preferred", "option"]),
        shares=st.integers(1, 50),
        preference=st.integers(1, 200),
        multiple=st.sampled_from([1.0, 1.5, 2.0]),
        seniority=st.integers(1, 3),
        cap=st.sampled_from([None, 2.0, 3.0]),
        strike=st.floats(0.1, 20),
    ),
    min_size=1,
    max_size=4,
)


def built(drawn: list[dict], scale: float = 1.0) -> CapitalStructure:
    """Classes drawn by hypothesis; `scale` is the currency."""
    classes = []
    for number, one in enumerate(drawn):
        more = {"name": f"C{number}", "kind": one["kind"], "shares": one["shares"]}
        if one["kind"] == "option":
            more |= {"strike": one["strike"] * scale}
        else:
            more |= {"preference": one["preference"] * scale, "preference_multiple": one["multiple"]}
            more |= {"seniority": one["seniority"]}
        if one["kind"] == "participating_preferred":
            more |= {"participation_cap": one["cap"]}
        classes.append(ShareClass(**more))
    return structure(*classes)


def played(owners: CapitalStructure, decided: tuple[bool, ...], equity: float) -> list[float]:
    """Payoffs where each class has decided to convert (to exercise) or not: no knowledge of breakpoints."""
    left, paid = equity, [0.0] * len(owners.classes)
    waiting = [i for i, one in enumerate(owners.classes) if one.claim and not decided[i]]
    for rank in sorted({owners.classes[i].rank for i in waiting}):
        group = [i for i in waiting if owners.classes[i].rank == rank]
        due = sum(owners.classes[i].claim for i in group)
        for i in group:
            paid[i] = min(left, due) * owners.classes[i].claim / due
        left -= min(left, due)

    def at(price: float) -> list[float]:
        got = []
        for i, one in enumerate(owners.classes):
            if one.kind == "common":
                got.append(one.shares * price)
            elif one.kind == "option":
                got.append(one.shares * (price - one.strike) if decided[i] else 0.0)
            elif decided[i]:
                got.append(one.as_converted * price)
            elif one.kind == "participating_preferred":
                got.append(min(one.as_converted * price, one.cap_amount - one.claim))
            else:
                got.append(0.0)
        return got

    low, high = 0.0, equity / 100 + 21  # common has 100 shares, no strike is above 20
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(middle)) < left else (low, middle)
    return [a + b for a, b in zip(paid, at(high), strict=True)]


@settings(deadline=None, max_examples=30)
@given(drawn=CLASSES, equity=st.floats(0.5, 3000))
def test_nobody_would_decide_otherwise(drawn, equity):
    """Every pure equilibrium of the game of conversions, found by trying all decisions, pays what `payoff` says."""
    owners = built(drawn)
    can = [one.kind in ("convertible_preferred", "participating_preferred", "option") for one in owners.classes]
    all_played = {
        decided: played(owners, decided, equity)
        for decided in itertools.product(*[(False, True) if free else (False,) for free in can])
    }
    slack = 1e-6 * equity
    equilibria = [
        paid
        for decided, paid in all_played.items()
        if all(
            all_played[(*decided[:i], not decided[i], *decided[i + 1 :])][i] <= paid[i] + slack
            for i, free in enumerate(can)
            if free
        )
    ]
    assert equilibria
    for paid in equilibria:
        assert distribute(owners, equity)[0].tolist() == pytest.approx(paid, abs=1e-4 * equity)


@settings(deadline=None, max_examples=30)
@given(drawn=CLASSES, scale=st.floats(1e-3, 1e9))
def test_laws_of_the_waterfall(drawn, scale):
    owners = built(drawn)
    found = breakpoints(owners)
    equity = np.sort(np.concatenate([np.linspace(0, 4000, 41), found.breakpoints]))
    paid = payoff(owners, equity)
    assert paid.values.sum(axis=1) == pytest.approx(equity)
    assert (np.diff(paid.values, axis=0) >= -1e-9).all()
    assert [check.passed for check in (*paid.checks, *found.checks)] == [True] * 4
    # between breakpoints a class gets its marginal share
    edges = np.array([0, *found.breakpoints, (found.breakpoints or (0,))[-1] * 2 + 1])
    slopes = np.diff(distribute(owners, edges), axis=0).T / np.diff(edges)
    assert slopes == pytest.approx(found.shares.to_numpy(), abs=1e-6)
    # another currency: the same shares at scaled money
    scaled = built(drawn, scale)
    assert breakpoints(scaled).breakpoints == pytest.approx([b * scale for b in found.breakpoints])
    assert distribute(scaled, equity * scale) == pytest.approx(paid.values * scale, abs=1e-9 * scale)


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"kind": "prefered"}, UnknownNameError, "unknown kind of A 'prefered'"),
        ({"preference": -1}, ParameterError, "preference of A must be 0 or more and finite, got -1"),
        ({"preference": 0}, ParameterError, "A is convertible_preferred without a preference: write it as common"),
        ({"preference": math.nan}, ParameterError, "preference of A .* got nan"),
        ({"preference_multiple": 0}, ParameterError, "preference_multiple of A must be above 0"),
        ({"accrued_dividends": -2}, ParameterError, "accrued_dividends of A must be 0 or more"),
        ({"shares": 0}, ParameterError, "shares of A must be above 0 and finite, got 0"),
        ({"seniority": 1.5}, ParameterError, "seniority of A is a whole number, .* got 1.5"),
        ({"seniority": 0}, ParameterError, "seniority of A is a whole number, .* got 0"),
        ({"seniority": "pari passu"}, ParameterError, "equal ranks are paid pari passu, got 'pari passu'"),
        ({"conversion_ratio": 0}, ParameterError, "conversion_ratio of A must be above 0"),
        (
            {"conversion_ratio": 1, "conversion_price": 2},
            ParameterError,
            r"A converts into 25 shares by its price \(50 / 2\) and into 100 by its ratio \(100 x 1\): give one",
        ),
        ({"participation_cap": 3}, ParameterError, "A is convertible_preferred, which has no participation_cap, got 3"),
        (
            {"kind": "participating_preferred", "participation_cap": 0.5},
            ParameterError,
            "participation_cap of A lies below its preference: 0.5 x 50 = 25, the claim is 50",
        ),
        ({"strike": 3}, ParameterError, "A is convertible_preferred, which has no strike"),
        ({"kind": "common"}, ParameterError, "A is common, which has no preference, got 50"),
        ({"kind": "warrant", "preference": 0}, ParameterError, "A is warrant and needs a strike, got none"),
        ({"kind": "warrant", "preference": 0, "strike": 0}, ParameterError, "strike of A must be above 0, got 0: what"),
        ({"kind": "option", "preference": 0, "strike": -1}, ParameterError, "strike of A must be above 0 and finite"),
        ({"name": " "}, ParameterError, "a share class needs a name"),
    ],
)
def test_share_class_errors(more, error, match):
    with pytest.raises(error, match=match):
        ShareClass(**({"name": "A", "kind": "convertible_preferred", "shares": 100, "preference": 50} | more))


def test_structure_errors():
    with pytest.raises(ParameterError, match="every class needs a name of its own, twice: Common"):
        structure(COMMON)
    with pytest.raises(ParameterError, match="a structure needs a common class"):
        CapitalStructure(classes=(preferred(),), currency="USD")
    with pytest.raises(ParameterError, match="classes hold ShareClass, got 'A'"):
        CapitalStructure(classes=("A",), currency="USD")
    with pytest.raises(UnknownNameError, match="unknown currency 'RMB'"):
        CapitalStructure(classes=(COMMON,), currency="RMB")
    with pytest.raises(ParameterError, match=r"equity_values are .* got -1"):
        payoff(COMPLEXCO, [5, -1])
    with pytest.raises(ParameterError, match=r"equity_values are .* got nan"):
        distribute(COMPLEXCO, math.nan)
    with pytest.raises(HelpersError, match=r"need the columns name, kind, shares; missing: \['shares'\]"):
        capital_structure(table("name,kind\nA,common"), currency="USD")
    with pytest.raises(UnknownNameError, match="unknown column of a capital structure 'prefrence'"):
        capital_structure(table("name,kind,shares,prefrence\nA,common,1,2"), currency="USD")


def test_a_table_with_gaps_keeps_whole_ranks_and_facts():
    rows = table(
        """name,kind,shares,preference,seniority,fact_id
        A,convertible_preferred,100,50,2,f9
        Common,common,100,,,
        """
    )
    owners = capital_structure(rows, currency="USD")
    assert owners.classes[0].seniority == 2
    assert owners.classes[1] == COMMON
    assert owners.fact_ids == ("f9",)


# --- option pricing method ----------------------------------------------------------------------


def test_one_preferred_class_by_hand():
    # equity 100, T 1, r 0, s 0.4; A claims 50 and converts at 0.50 a share, breakpoints 50 and 100.
    # C(50): d1 = (ln 2 + 0.08) / 0.4 = 1.93287, d2 = 1.53287; 100 N(d1) - 50 N(d2) = 97.3374 - 46.8673 = 50.4700
    # C(100): d1 = 0.2, d2 = -0.2; 100 (N(0.2) - N(-0.2)) = 15.8519
    # A = (100 - 50.4700) + 15.8519 / 2 = 57.4559; common = (50.4700 - 15.8519) + 7.9260 = 42.5441
    result = allocate(structure(preferred()), equity_value=100, settings=OpmSettings(term=1, rate=0, volatility=0.4))
    assert result.table["value"].tolist() == pytest.approx([57.4559, 42.5441], abs=2e-4)
    assert result.ranges["call_value"].tolist() == pytest.approx([100, 50.4700, 15.8519], abs=2e-4)
    assert result.common_value_per_share == pytest.approx(0.425441, abs=2e-6)
    assert result.table["common_ratio"].tolist() == pytest.approx([57.4559 / 42.5441, 1], abs=1e-5)
    assert result.text == (
        "Of an equity value of 100 USD, with an exit in 1 year at a volatility of 40 %: A 57.5, Common 42.5."
    )


def test_reference_dollars_of_complexco():
    # the published waterfall at equity 10,000, T 3, r 2 %, s 60 %: Monte Carlo of the payoff and another
    # implementation agree on these to a cent
    result = allocate(COMPLEXCO, equity_value=10_000, settings=TERMS)
    assert result.table["value"].tolist() == pytest.approx([2194.468, 1772.068, 5849.419, 184.045], abs=0.001)
    assert [(check.name, check.passed) for check in result.checks] == [
        ("adds_up", True),
        ("share_counts_tie", True),
        ("rank_order", True),
    ]


def test_simulated_exits_pay_what_the_calls_say():
    # riskless lognormal exits, discounted payoffs; antithetic, 4 standard errors
    owners = structure(
        preferred("A", "participating_preferred", participation_cap=2, seniority=2),
        preferred("B", shares=40, preference=60, seniority=1),
        ShareClass(name="Pool", kind="option", shares=20, strike=1.5),
    )
    terms = OpmSettings(term=2, rate=0.03, volatility=0.5, dividend_yield=0.02)
    z = np.random.default_rng(7).standard_normal(100_000)
    root = terms.volatility * math.sqrt(terms.term)
    drift = (terms.rate - terms.dividend_yield) * terms.term - root**2 / 2
    exits = [distribute(owners, 250 * np.exp(drift + root * sign * z)) for sign in (1, -1)]
    draws = math.exp(-terms.rate * terms.term) * (exits[0] + exits[1]) / 2
    error = draws.std(axis=0) / math.sqrt(len(z))
    result = allocate(owners, equity_value=250, settings=terms)
    assert (np.abs(draws.mean(axis=0) - result.table["value"]) < 4 * error).all()
    assert (error < 0.5).all()
    # what is paid out before the exit belongs to no class: 250 (1 - e^-0.04)
    assert result.dividends_value == pytest.approx(250 * (1 - math.exp(-0.04)))
    assert result.checks[0].passed


@settings(deadline=None, max_examples=30)
@given(
    drawn=CLASSES,
    equity=st.floats(500, 1e5),  # so that common is worth something, which the backsolve starts from
    volatility=st.floats(0.3, 2),
    term=st.floats(1, 10),
    scale=st.floats(1e-3, 1e6),
)
def test_laws_of_the_allocation(drawn, equity, volatility, term, scale):
    terms = OpmSettings(term=term, rate=0.03, volatility=volatility)
    result = allocate(built(drawn), equity_value=equity, settings=terms)
    assert result.table["value"].sum() == pytest.approx(equity)
    assert (result.table["value"] >= -1e-9 * equity).all()
    assert [check.passed for check in result.checks] == [True] * 3
    scaled = allocate(built(drawn, scale), equity_value=equity * scale, settings=terms)
    assert scaled.table["value"].tolist() == pytest.approx((result.table["value"] * scale).tolist(), abs=1e-9 * scale)
    # the backsolve finds the equity again from the value of common
    found = backsolve(built(drawn), class_name="Common", price_per_share=result.common_value_per_share, settings=terms)
    assert found.equity_value == pytest.approx(equity, rel=1e-6)


def test_hardly_any_time_is_the_waterfall():
    # far from a breakpoint the calls are worth what is in them
    soon = allocate(COMPLEXCO, equity_value=10_000, settings=OpmSettings(term=1e-6, rate=0.02, volatility=0.1))
    assert soon.table["value"].tolist() == pytest.approx(distribute(COMPLEXCO, 10_000)[0].tolist(), abs=1e-3)


def test_backsolve_of_complexco():
    result = backsolve(COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS)
    assert result.allocation.table.set_index("class_name").loc["Class B", "value_per_share"] == pytest.approx(5)
    assert [check.name for check in result.checks[-2:]] == ["price_reproduced", "price_above_claim"]
    assert all(check.passed for check in result.checks)
    # below 2,550 shares at 5, by which a headline would value the company
    assert result.equity_value < 12_750
    assert result.text.startswith("5 USD for a share of Class B imply an equity value of 7,260 USD")
    assert result.text.endswith("a common share is worth 2.68 USD, 54 % of the price paid for a share as converted.")
    assert result.fact_ids == ("f1",)


def test_backsolve_needs_a_price_that_the_class_can_have():
    # straight preferred is worth at most its discounted claim: 40 e^(-0.06) / 4 = 9.42 a share
    straight = structure(ShareClass(name="S", kind="straight_preferred", shares=4, preference=40))
    assert backsolve(straight, class_name="S", price_per_share=9, settings=TERMS).checks[-2].passed
    with pytest.raises(NotEstimableError, match="what it gets is limited") as caught:
        backsolve(straight, class_name="S", price_per_share=9.5, settings=TERMS)
    assert "shares in the upside" in caught.value.settles


def test_a_forced_conversion_is_the_mean_of_two_waterfalls():
    # all common: A holds 100 of 200 shares, 50 of an equity value of 100, whatever the volatility; without
    # conversion 57.4559 (see above): a chance of 25 % gives 0.75 x 57.4559 + 0.25 x 50 = 55.5919
    terms = OpmSettings(term=1, rate=0, volatility=0.4, conversion_chance=0.25)
    result = allocate(structure(preferred()), equity_value=100, settings=terms)
    assert result.table["value"].tolist() == pytest.approx([55.5919, 44.4081], abs=2e-4)
    assert "at a volatility of 40 % and a chance of 25 % that all convert" in result.text
    # if it is sure, the price of a class is that of all shares, and options count for less than a share
    sure = replace(TERMS, conversion_chance=1.0)
    alone = backsolve(structure(preferred()), class_name="A", price_per_share=3, settings=sure)
    assert alone.equity_value == pytest.approx(600)
    converted = all_common(COMPLEXCO)
    assert [one.kind for one in converted.classes] == ["common", "common", "common", "warrant"]
    assert converted.total_as_converted == COMPLEXCO.total_as_converted
    # straight preferred keeps its claim
    straight = structure(ShareClass(name="S", kind="straight_preferred", shares=4, preference=40))
    assert all_common(straight) == straight


def test_a_preference_worth_more_than_the_price_is_said():
    # 2 x 50 at 5 % for a year is 95.1, but the class was sold for 100 x 0.6 = 60: 159 %
    twice = structure(preferred(preference_multiple=2))
    terms = OpmSettings(term=1, rate=0.05, volatility=0.4)
    check = backsolve(twice, class_name="A", price_per_share=0.6, settings=terms).checks[-1]
    assert (check.name, check.passed) == ("price_above_claim", False)
    assert check.value == pytest.approx(100 * math.exp(-0.05) / 60)
    assert check.text.endswith("159 % of the price: only an equity value near the claims makes the class worth no more")


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"volatility": 0}, "volatility must be above 0, got 0: .* waterfall of today's equity value"),
        ({"volatility": 60}, "volatility must lie between 0 and 5, got 60: .* 60 % is 0.6"),
        ({"volatility": math.nan}, "volatility must be above 0 and finite, got nan"),
        ({"term": 0}, "term must be above 0, got 0: .* `payoff` gives"),
        ({"term": -1}, "term must be above 0 and finite, got -1"),
        ({"term": 36}, "term is in years, at most 30, got 36"),
        ({"rate": 2}, "rate must lie between -0.5 and 1, got 2: .* 2 % is 0.02"),
        ({"dividend_yield": -0.1}, "dividend_yield must lie between 0 and 1, got -0.1"),
        ({"conversion_chance": 60}, "conversion_chance must lie between 0 and 1, got 60: .* 60 % is 0.6"),
    ],
)
def test_opm_settings_errors(more, match):
    with pytest.raises(ParameterError, match=match):
        OpmSettings(**({"term": 3, "rate": 0.02, "volatility": 0.6} | more))


def test_opm_errors():
    with pytest.raises(ParameterError, match="equity_value must be above 0 and finite, got 0"):
        allocate(COMPLEXCO, equity_value=0, settings=TERMS)
    with pytest.raises(ParameterError, match="price_per_share must be above 0 and finite, got -5"):
        backsolve(COMPLEXCO, class_name="Class B", price_per_share=-5, settings=TERMS)
    with pytest.raises(UnknownNameError, match="unknown share class 'Class C'; did you mean"):
        backsolve(COMPLEXCO, class_name="Class C", price_per_share=5, settings=TERMS)


# --- readings of a headline ---------------------------------------------------------------------


def test_readings_of_the_price_of_complexco():
    # 5 for Class B: headline 5 x 2,550 = 12,750; without the 250 warrants 5 x 2,300 = 11,500
    result = headline_gap(COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS, dlom=0.2)
    rows = result.table.set_index("reading")
    assert rows.loc[["headline", "as_converted"], "value"].tolist() == [12_750, 11_500]
    solved = backsolve(COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS)
    assert result.equity_value == solved.equity_value
    assert rows.loc["common", "value_per_share"] == solved.allocation.common_value_per_share
    assert rows.loc["common_after_dlom", "value"] == pytest.approx(0.8 * 2550 * result.common_value_per_share)
    assert rows["headline_ratio"].is_monotonic_decreasing
    assert result.common_ratio == pytest.approx(result.common_value_per_share / 5)
    assert result.checks[-1].passed is True
    assert result.text == (
        "Class B at 12.8 thousand USD is an equity value of 7,260 (57 %): a common share is worth 54 % of its price "
        "(43 % after a discount of 20 % for marketability)."
    )


def test_the_price_of_a_junior_class_can_lie_below_the_equity():
    # B has a senior preference of 1,500; A was sold at 0.1 a share of 100 shares, all of 200 are 20: an old class
    # with more rights makes the equity worth more than the headline
    owners = structure(preferred(preference=10, seniority=2), preferred("B", shares=1, preference=1500))
    result = headline_gap(owners, class_name="A", price_per_share=0.1, settings=TERMS)
    assert result.checks[-1].passed is False
    assert "another class has rights that the newest one lacks" in result.checks[-1].text


def test_a_conversion_ratio_enters_the_headline():
    # one A becomes two common: 3 for an A is 1.5 for a common share, 1.5 x (200 + 100) = 450
    owners = structure(preferred(conversion_ratio=2, preference=300))
    result = headline_gap(owners, class_name="A", price_per_share=3, settings=replace(TERMS, conversion_chance=1.0))
    assert result.headline_value == 450
    assert result.equity_value == pytest.approx(450)
    assert result.common_ratio == pytest.approx(1)


@settings(deadline=None, max_examples=12)
@given(volatility=st.floats(0.2, 1.5), term=st.floats(0.5, 8), chances=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_likelier_conversion_brings_common_nearer_to_the_headline(volatility, term, chances):
    ratios = [
        headline_gap(
            COMPLEXCO,
            class_name="Class B",
            price_per_share=5,
            settings=OpmSettings(term=term, rate=0.02, volatility=volatility, conversion_chance=chance),
        ).common_ratio
        for chance in sorted(chances)
    ]
    assert ratios[0] <= ratios[1] + 1e-9 <= 1 + 2e-9


def test_the_range_of_a_backsolve():
    result = backsolve_range(
        COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS, terms=[1, 3], volatilities=[0.4, 0.6]
    )
    assert len(result.table) == 4
    base = result.table.query("term == 3 and volatility == 0.6").iloc[0]
    assert base["equity_value"] == pytest.approx(
        backsolve(COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS).equity_value
    )
    assert base["headline_ratio"] == pytest.approx(base["equity_value"] / 12_750)
    assert (result.low, result.high) == (result.table["equity_value"].min(), result.table["equity_value"].max())
    assert (result.common_low, result.common_high) == tuple(result.table["common_value_per_share"].agg(["min", "max"]))
    assert result.text.startswith(
        "Over 4 combinations of term, volatility and chance of conversion the price of Class B"
    )
    assert result.checks[0].passed is True
    # 2 x 1,500 e^-0.06 are worth more than 300 x 5
    twice = replace(COMPLEXCO, classes=(replace(COMPLEXCO.classes[1], preference_multiple=2), COMPLEXCO.classes[2]))
    check = backsolve_range(
        twice, class_name="Class B", price_per_share=5, settings=TERMS, conversion_chances=[0, 0.9]
    ).checks[0]
    assert (check.passed, check.text) == (
        False,
        "in 1 of 2 combinations the preference alone, if it were sure, is worth the price",
    )


def test_headline_errors():
    straight = structure(ShareClass(name="S", kind="straight_preferred", shares=4, preference=40), preferred())
    with pytest.raises(ParameterError, match="S is straight_preferred: its price says nothing"):
        headline_gap(straight, class_name="S", price_per_share=9, settings=TERMS)
    with pytest.raises(ParameterError, match="Warrants is warrant: its price says nothing"):
        headline_gap(COMPLEXCO, class_name="Warrants", price_per_share=9, settings=TERMS)
    with pytest.raises(ParameterError, match=r"dlom must lie between 0 and 0\.999, got 20: .* 20 % is 0\.2"):
        headline_gap(COMPLEXCO, class_name="Class B", price_per_share=5, settings=TERMS, dlom=20)


# --- rounds -------------------------------------------------------------------------------------

# Xiaohongshu as reported: rounds of 2018 and 2021, sales of old shares in 2023 and January 2025, marks of a fund in
# March and June 2025, a sale by a fund in December 2025 (press timeline)
MARKS = table(
    """date,value,basis,currency,fact_id,raised
    2018-06-30,3e9,round_post_money,USD,a,3e8
    2021-11-08,20e9,round_post_money,USD,b,5e8
    2023-09-30,14e9,secondary_sale,USD,c,
    2025-01-31,20e9,secondary_sale,USD,d,
    2025-03-31,26e9,fund_mark,USD,e,
    2025-06-30,31e9,fund_mark,USD,f,
    2025-12-31,50e9,secondary_sale,USD,g,
    """
)


def test_step_ups_as_published():
    result = step_ups(MARKS)
    steps = result.table.set_index("fact_id")["step_up"]
    # 6 / 20, 5 / 26, 19 / 31, -6 / 20; the press printed "30% increase" for the first
    assert steps[["e", "f", "g", "c"]].tolist() == pytest.approx([0.3, 0.1923, 0.6129, -0.3], abs=1e-4)
    assert math.isnan(steps["a"])
    # 17 / 3 in 1,227 days: (20 / 3) ^ (365 / 1227) - 1
    assert result.table["annual_growth"].iloc[1] == pytest.approx((20 / 3) ** (365 / 1227) - 1)
    # 59 and 184 days are not compounded to a year
    assert result.table["annual_growth"].iloc[[4, 6]].isna().all()
    assert result.table["is_same_basis"].tolist()[1:] == [True, False, True, False, True, False]
    assert result.text == (
        "From 3.00 billion USD (round of 2018-06-30) to 50.0 billion (secondary sale of 2025-12-31): +1567 % in 7.5 "
        "years, +45 % a year, 1 of 6 steps down."
    )
    assert [(check.name, check.passed) for check in result.checks] == [("scale", True), ("same_basis", None)]
    assert result.checks[1].text == "3 of 6 steps compare two bases: 2023-09-30, 2025-03-31, 2025-12-31"
    assert result.fact_ids == tuple("abcdefg")


def test_there_is_no_rate_a_year_of_less_than_a_year():
    days = {"2024-06-30": 364, "2024-06-29": 365}  # to 2025-06-29
    for start, length in days.items():
        pair = MARKS.head(2).assign(date=[start, "2025-06-29"], value=[10e9, 12e9], raised=[None, 0.0])
        step, held = step_ups(pair), holding_returns(pair)
        if length < 365:
            assert math.isnan(step.table["annual_growth"].iloc[1])
            assert math.isnan(held.table["annual_return"].iloc[0])
            assert step.text.endswith("+20 % in 364 days, too short for a rate a year.")
            assert "a year" not in held.text
        else:
            assert step.table["annual_growth"].iloc[1] == pytest.approx(0.2)  # 12 / 10 in 365 days
            assert step.text.endswith("+20 % in 1.0 years, +20 % a year.")
            assert "earned +20 %, +20 % a year;" in held.text


def test_a_value_ten_times_off_is_named_with_its_arithmetic():
    slip = pd.concat([MARKS, MARKS.tail(1).assign(date="2025-10-21", value=310e9, basis="fund_mark", fact_id="x")])
    check = step_ups(slip).checks[0]
    assert check.passed is False
    assert check.text == (
        "310 billion is 10 times 31.0 billion of 2025-06-30 and 6.2 times 50.0 billion of 2025-12-31: a slip of scale?"
    )
    # and as the newest value, against the only neighbour it has
    last = step_ups(slip[slip["fact_id"] != "g"]).checks[0]
    assert last.text == "310 billion is 10 times 31.0 billion of 2025-06-30: a slip of scale?"


def test_a_disputed_value_is_a_range():
    # November 2021 was 18 or 20 bn: 14 / 20 - 1 = -0.30 at the least, 14 / 18 - 1 = -0.222 at the most
    disputed = step_ups(MARKS.assign(low=[None, 18e9, *[None] * 5])).table.iloc[2]
    assert (disputed["step_up"], disputed["step_up_low"]) == pytest.approx((-0.3, -0.3))
    assert disputed["step_up_high"] == pytest.approx(14 / 18 - 1)


def test_a_share_earns_less_than_the_step_up():
    # 3 -> 20 bn with 0.5 bn new: (20 - 0.5) / 3 - 1 = 5.5; no new shares after: 50 / 20 x 6.5 - 1 = 15.25
    result = holding_returns(MARKS)
    assert len(result.table) == 7 * 6 / 2
    first = result.table.iloc[0]
    assert (first["step_up"], first["total_return"]) == pytest.approx((17 / 3, 5.5))
    assert first["dilution"] == pytest.approx(0.025)
    whole = result.table.iloc[5]
    assert (whole["entry_fact_id"], whole["exit_fact_id"]) == ("a", "g")
    assert whole["total_return"] == pytest.approx(15.25)
    # 2,741 days
    assert whole["annual_return"] == pytest.approx(16.25 ** (365 / 2741) - 1)
    assert result.checks[0].passed is True
    assert result.text == (
        "A share held from round of 2018-06-30 (3.00 billion USD) to secondary sale of 2025-12-31 (50.0 billion) "
        "earned +1525 %, +45 % a year; the step-up is +1567 %."
    )


def test_unknown_new_money_leaves_an_upper_end():
    unknown = holding_returns(MARKS.assign(raised=None))
    row = unknown.table.iloc[0]
    assert math.isnan(row["total_return"])
    assert math.isnan(row["return_low"])
    assert row["return_high"] == pytest.approx(17 / 3)
    assert row["reason"].startswith("the new money of round of 2021-11-08 is not known")
    assert row["settles"] == "money raised in round of 2021-11-08, or the price per share of both rounds"
    assert unknown.checks[0].passed is False
    # after 2021 nothing was raised as far as is known, so those returns stand
    assert unknown.table.query("entry_fact_id == 'b'")["total_return"].notna().all()
    # at most a fifth of the company was sold: 0.8 x 20 / 3 - 1
    bounded = holding_returns(MARKS.assign(raised=None), most_new_share=0.2)
    assert bounded.table["return_low"].iloc[0] == pytest.approx(0.8 * 20 / 3 - 1)
    assert "earned at most +1567 % and at least +1233 %: the new money of round of" in bounded.text
    with pytest.raises(ParameterError, match=r"most_new_share must lie between 0 and 0\.999, got 20"):
        holding_returns(MARKS, most_new_share=20)


def test_returns_chain():
    # the return from a to c is that from a to b and then from b to c
    rows = holding_returns(MARKS).table.set_index(["entry_fact_id", "exit_fact_id"])["total_return"]
    for middle in "bcdef":
        assert 1 + rows["a", "g"] == pytest.approx((1 + rows["a", middle]) * (1 + rows[middle, "g"]))


@settings(deadline=None, max_examples=8)
@given(scale=st.floats(1e-3, 1e6), order=st.permutations(range(7)))
def test_currency_and_order_leave_steps_alone(scale, order):
    scaled = MARKS.assign(value=MARKS["value"] * scale, raised=MARKS["raised"] * scale).iloc[order]
    assert step_ups(scaled).table["step_up"].tolist() == pytest.approx(
        step_ups(MARKS).table["step_up"].tolist(), nan_ok=True
    )
    assert holding_returns(scaled).table["total_return"].tolist() == pytest.approx(
        holding_returns(MARKS).table["total_return"].tolist()
    )


def test_two_currencies_need_a_rate():
    mixed = MARKS.assign(currency=["USD"] * 6 + ["CNY"])
    with pytest.raises(UnitError, match="values in CNY and USD cannot be compared: give quote_currency"):
        step_ups(mixed)
    last = step_ups(mixed.head(6).assign(currency=["USD"] * 5 + ["CNY"]), quote_currency="USD").table.iloc[-1]
    day = pd.Timestamp("2025-06-30").date()
    assert last["value"] == pytest.approx(31e9 * rate("CNY", "USD", day))
    assert last["currency"] == "USD"


@pytest.mark.parametrize(
    ("marks", "error", "match"),
    [
        (MARKS.head(1), HelpersError, r"need 2\+ dated values, got 1"),
        (MARKS.drop(columns="basis"), HelpersError, r"missing: \['basis'\]"),
        (MARKS.assign(date=None), HelpersError, "every value needs a date, missing for a"),
        (MARKS.assign(date="2025-01-01"), HelpersError, "need one value per date, got a, b, c, d on 2025-01-01: keep"),
        (MARKS.assign(date="June"), HelpersError, r"a value needs a date such as 2025-06-30, got 'June' \(a\)"),
        (MARKS.assign(value="3bn"), HelpersError, r"value of a valuation must be a number, got '3bn' \(a\)"),
        (MARKS.assign(value=-1), ParameterError, r"a value must be above 0, got value -1, .*\(a\)"),
        (MARKS.assign(low=99e9), ParameterError, "low must be above 0 and not above the value"),
        (MARKS.assign(high=1.0), ParameterError, "high must not be below the value"),
        (MARKS.assign(raised=-1.0), ParameterError, "raised must be 0 or more"),
        (MARKS.assign(raised=3e9), ParameterError, "raised must be below the value after the round, .* raised 3e"),
        (MARKS.assign(basis="rumor"), UnknownNameError, "unknown basis of a value 'rumor'"),
        (MARKS.assign(currency="RMB"), UnknownNameError, "unknown currency 'RMB'"),
        (MARKS.assign(currency=None), UnitError, "every value needs a currency, missing for a"),
    ],
)
def test_step_up_errors(marks, error, match):
    with pytest.raises(error, match=match):
        step_ups(marks)


# --- a cap table rebuilt from rounds ------------------------------------------------------------

ROUNDS = table(
    """date,label,raised,post_money,currency,fact_id
    2016-03-31,C,1e8,1e9,USD,a
    2018-06-30,D,3e8,3e9,USD,b
    2021-11-08,E,5e8,20e9,USD,c
    """
)


def test_a_cap_table_from_rounds_by_hand():
    # sold 10 %, 10 %, 2.5 %; C keeps 0.1 x 0.9 x 0.975 = 8.775 %, D 0.1 x 0.975 = 9.75 %, E 2.5 %,
    # the others 0.9 x 0.9 x 0.975 = 78.975 %; preferences 0.9 bn of 20 bn
    result = reconstruct(ROUNDS[::-1])
    assert result.table["new_share"].tolist() == pytest.approx([0.1, 0.1, 0.025])
    assert result.table["ownership_share"].tolist() == pytest.approx([0.08775, 0.0975, 0.025])
    assert result.structure.find("Common").shares == pytest.approx(0.78975)
    assert result.preference_share == pytest.approx(0.045)
    assert (result.last_class, result.last_price_per_share) == ("E", 20e9)
    assert result.text == (
        "Rebuilt from 3 of 3 rounds (terms assumed): preferences of 900 million USD are 4.5 % of the last post-money "
        "value of 20.0 billion; common holds 79.0 %."
    )
    # what was paid per share is the price per share, and shares of all sum to the total
    assert (result.table["price_per_share"] * result.table["shares"]).tolist() == pytest.approx([1e8, 3e8, 5e8])
    many = reconstruct(ROUNDS, total_shares=1e9)
    assert many.structure.total_as_converted == pytest.approx(1e9)
    assert breakpoints(many.structure).checks[1].passed
    assert many.last_price_per_share == pytest.approx(20)


def test_terms_are_assumed_and_said():
    terms = RoundTerms(preference_multiple=2, is_participating=True, is_stacked=True)
    result = reconstruct(ROUNDS, terms=terms)
    assert [one.rank for one in result.structure.classes[:3]] == [3, 2, 1]
    assert [one.kind for one in result.structure.classes[:3]] == ["participating_preferred"] * 3
    assert result.preference_share == pytest.approx(0.09)
    assert result.assumptions[:3] == (
        "every round has a preference of 2 times its money",
        "classes share in the rest without converting",
        "a later round is paid before an earlier one",
    )
    with pytest.raises(ParameterError, match="preference_multiple must be above 0"):
        RoundTerms(preference_multiple=0)


def test_a_round_without_its_money_stays_as_a_row_with_a_reason():
    rounds = pd.concat([ROUNDS, ROUNDS.head(1).assign(label="E0", date="2020-06-30", raised=None, fact_id="x")])
    result = reconstruct(rounds)
    row = result.table.set_index("label").loc["E0"]
    assert (row["reason"], row["settles"]) == (
        "money raised not known",
        "money raised of E0, from a filing or the company",
    )
    assert math.isnan(row["shares"])
    assert "E0" not in result.structure.names
    assert (result.checks[0].passed, result.checks[0].text) == (False, "left out: E0 (money raised not known)")
    assert result.text.endswith(
        " 1 round could not be included (money or value not known): it counts as common, without a preference."
    )
    two = reconstruct(pd.concat([rounds, ROUNDS.head(1).assign(label="B", date="2015-06-30", post_money=None)]))
    assert two.text.endswith(
        " 2 rounds could not be included (money or value not known): they count as common, without a preference."
    )
    with pytest.raises(NotEstimableError, match="the capital structure is not estimable") as caught:
        reconstruct(ROUNDS.assign(post_money=None))
    assert caught.value.settles == "post-money value of C, from a filing or the company"


def test_a_platform_without_a_cap_table_is_bounded():
    """The rebuilt structure runs through to a headline; a round that is left out counts as common."""
    found = {}
    for name, rounds in {"all": ROUNDS, "without D": ROUNDS[ROUNDS["label"] != "D"]}.items():
        rebuilt = reconstruct(rounds)
        sold = {"class_name": rebuilt.last_class, "price_per_share": rebuilt.last_price_per_share}
        found[name] = headline_gap(rebuilt.structure, **sold, settings=TERMS)
        assert found[name].headline_value == pytest.approx(20e9)
        assert found[name].equity_value < 20e9
    shares = {name: one.backsolve.table.set_index("class_name").loc["Common", "shares"] for name, one in found.items()}
    # C, E and the rest: 0.9 x 0.975; with D 0.9 x 0.9 x 0.975
    assert (shares["all"], shares["without D"]) == pytest.approx((0.78975, 0.8775))
    # if an IPO converts all of them for sure, the headline is the equity value
    rebuilt = reconstruct(ROUNDS)
    sure = replace(TERMS, conversion_chance=1.0)
    certain = headline_gap(rebuilt.structure, class_name="E", price_per_share=20e9, settings=sure)
    assert certain.equity_value == pytest.approx(20e9)


def test_a_company_cut_into_parts_is_told_as_one_and_its_round_by_name():
    rebuilt = reconstruct(ROUNDS.drop(columns="label"))
    assert rebuilt.structure.is_one_share
    sold = {"class_name": rebuilt.last_class, "price_per_share": rebuilt.last_price_per_share}
    found = headline_gap(rebuilt.structure, **sold, settings=TERMS, dlom=0.2)
    ratio = found.common_ratio * 100
    assert found.text.startswith("The round of 2021-11-08 at 20.0 billion USD is an equity value of ")
    assert found.text.endswith(
        f": a common share is worth {ratio:.0f} % of the round's price "
        f"({0.8 * ratio:.0f} % after a discount of 20 % for marketability)."
    )
    said = {check.name: check.text for check in found.checks}
    assert said["share_counts_tie"] == "the last range shares 100 % of the company, the document states 100 %"
    assert said["price_reproduced"] == (
        "at that equity value a company of shares of the round of 2021-11-08 alone is worth 20.0 billion USD"
    )
    assert said["price_above_claim"].startswith("the preference of the round of 2021-11-08")
    assert found.backsolve.text.startswith(
        "A price of 20.0 billion USD for the company in the round of 2021-11-08 implies an equity value of "
    )
    assert found.backsolve.text.endswith(f" USD, {ratio:.0f} % of that price.")
    assert (
        "the price of the round of 2021-11-08 implies"
        in backsolve_range(rebuilt.structure, **sold, settings=TERMS).text
    )
    many = reconstruct(ROUNDS.drop(columns="label"), total_shares=1e9)
    assert not many.structure.is_one_share
    by_share = headline_gap(many.structure, **(sold | {"price_per_share": 20.0}), settings=TERMS)
    assert by_share.common_ratio == pytest.approx(found.common_ratio)
    assert "is worth 20 a share" in next(c.text for c in by_share.checks if c.name == "price_reproduced")


@pytest.mark.parametrize(
    ("rounds", "error", "match"),
    [
        (ROUNDS.drop(columns="raised"), HelpersError, r"missing: \['raised'\]"),
        (ROUNDS.head(0), HelpersError, r"need 1\+ rounds, got none"),
        (ROUNDS.assign(date=None), HelpersError, "every round needs a date, missing for a"),
        (ROUNDS.assign(raised=2e9), ParameterError, "a round raises less than the value after it, got raised 2e"),
        (ROUNDS.assign(raised=-1.0), ParameterError, r"raised must be above 0, got -1 \(a\)"),
        (ROUNDS.assign(label="D"), HelpersError, "every round needs a label of its own, got D twice"),
        (ROUNDS.assign(label=["C", "D", "Common"]), HelpersError, "a label of its own, got Common twice"),
        (ROUNDS.assign(currency=["USD", "USD", "CNY"]), UnitError, "rounds in CNY and USD cannot be added"),
        (ROUNDS.assign(currency=None), UnitError, "every round needs a currency, missing for a"),
    ],
)
def test_reconstruction_errors(rounds, error, match):
    with pytest.raises(error, match=match):
        reconstruct(rounds)


def test_new_money_above_the_low_end_of_the_value_is_refused():
    # 6 bn raised at 10 bn that may be 5 bn: the holder's part would be 1 - 6 / 5, below nothing
    marks = pd.DataFrame(
        {
            "date": ["2020-01-01", "2022-01-01"],
            "value": [5e9, 10e9],
            "low": [5e9, 5e9],
            "raised": [None, 6e9],
            "basis": "round_post_money",
            "currency": "USD",
            "fact_id": ["a", "b"],
        }
    )
    with pytest.raises(ParameterError, match="raised must be below the low end of the value after the round"):
        holding_returns(marks)


def test_a_class_without_its_shares_is_refused_by_row():
    table = pd.DataFrame({"name": ["A", "C"], "kind": ["common", "common"], "shares": [1.0, None]})
    with pytest.raises(ParameterError, match="every share class needs shares, missing in row 2"):
        capital_structure(table, currency="USD")
