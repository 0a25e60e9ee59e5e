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

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnknownNameError
from helpers.valuation.cap_table import CapitalStructure, ShareClass, capital_structure
from helpers.valuation.opm import OpmSettings, allocate, backsolve
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


@settings(deadline=None, max_examples=60)
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


@settings(deadline=None, max_examples=50)
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
    with pytest.raises(HelpersError, match=r"needs the columns name, kind, shares; missing: \['shares'\]"):
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
        "Of an equity value of 100 USD, with an exit in 1 years at a volatility of 40 %: A 57.5, Common 42.5."
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


@settings(deadline=None, max_examples=60)
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
    assert result.checks[-1].name == "price_reproduced"
    assert all(check.passed for check in result.checks)
    # below 2,550 shares at 5, by which a headline would value the company
    assert result.equity_value < 12_750
    assert result.text.startswith("5 USD for a share of Class B imply an equity value of 7,260 USD")
    assert result.text.endswith("a common share is worth 2.68 USD, 54 % of the price paid for a share as converted.")
    assert result.fact_ids == ("f1",)


def test_backsolve_needs_a_price_that_the_class_can_have():
    # straight preferred is worth at most its discounted claim: 40 e^(-0.06) / 4 = 9.42 a share
    straight = structure(ShareClass(name="S", kind="straight_preferred", shares=4, preference=40))
    assert backsolve(straight, class_name="S", price_per_share=9, settings=TERMS).checks[-1].passed
    with pytest.raises(NotEstimableError, match="what it gets is limited") as caught:
        backsolve(straight, class_name="S", price_per_share=9.5, settings=TERMS)
    assert "shares in the upside" in caught.value.settles


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
