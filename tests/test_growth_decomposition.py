"""LMDI decomposition of a product of factors, and factors from levels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.growth.decomposition import decompose, decompose_chain, logarithmic_mean
from helpers.growth.levels import from_levels


def one(**factors: float) -> pd.DataFrame:
    return pd.DataFrame([factors])


def effects(result) -> dict[str, float]:
    return result.totals.set_index("factor")["effect"].to_dict()


# --- decomposition ------------------------------------------------------------------------------


def test_two_factors_by_hand():
    # 10 x 5 = 50 to 20 x 4 = 80: L = 30 / ln 1.6 = 63.829; users 63.829 ln 2 = 44.243, value 63.829 ln 0.8
    # = -14.243; together 30. The ratio 1.6 = 2 x 0.8. Shares 1.4748 and -0.4748
    result = decompose(one(users=10, value=5), one(users=20, value=4), factors=["users", "value"])
    assert effects(result) == pytest.approx({"users": 44.2430, "value": -14.2430}, abs=1e-4)
    assert result.totals["multiplicative_effect"].tolist() == pytest.approx([2, 0.8])
    assert result.totals["share_of_change"].tolist() == pytest.approx([1.47477, -0.47477], abs=1e-5)
    assert (result.start_value, result.end_value, result.change) == (50, 80, 30)
    assert result.text == "From 50 to 80 (+60.0 %): users +44.2, value -14.2; the effects sum to the change."
    yuan = [one(users=10, value=5).assign(currency="CNY"), one(users=20, value=4).assign(currency="CNY")]
    assert decompose(*yuan, factors=["users", "value"]).text.startswith("From 50 to 80 CNY (+60.0 %): ")
    assert result.table["segment"].tolist() == ["", ""]


# Ang (2005, Energy Policy 33, 867-871): activity, structure and intensity of two sectors, E = Q S I
SECTORS = ["sector 1", "sector 2"]
ANG_START = pd.DataFrame({"sector": SECTORS, "Q": [10, 40], "E": [30, 20]})
ANG_END = pd.DataFrame({"sector": SECTORS, "Q": [40, 40], "E": [80, 16]})
ANG_FACTORS = ["activity", "structure", "intensity"]


def ang():
    as_factors = [
        from_levels(
            table,
            chain=["Q", "E"],
            units={"Q": "count", "E": "count"},
            names=ANG_FACTORS,
            segment="sector",
            structure=True,
        )
        for table in (ANG_START, ANG_END)
    ]
    return decompose(*as_factors, factors=ANG_FACTORS, segment="sector", aggregate="E", fact_ids=["ang"])


def test_two_sectors_as_published():
    result = ang()
    assert effects(result) == pytest.approx(
        {"activity": 32.38463791091676, "structure": 38.284867350225625, "intensity": -24.66950526114238}, rel=1e-9
    )
    assert result.change == pytest.approx(46, abs=1e-9)
    assert result.residual == pytest.approx(0, abs=1e-9)
    assert result.totals["multiplicative_effect"].prod() == pytest.approx(96 / 50, rel=1e-12)
    assert result.fact_ids == ("ang",)
    assert {check.name: check.passed for check in result.checks} == {"residual": True, "zeros": None, "aggregate": True}


def test_the_order_of_the_factors_does_not_matter():
    start, end = tables([(3, 0.2, 7, 5, 0.1, 9), (1, 0.7, 2, 4, 0.4, 2)])
    expected = effects(decompose(start, end, factors=NAMES, segment="segment"))
    for order in itertools.permutations(NAMES):
        assert effects(decompose(start, end, factors=order, segment="segment")) == pytest.approx(expected, rel=1e-12)


def test_the_cells_sum_to_the_factors():
    result = ang()
    by_factor = result.table.groupby("factor", sort=False)
    assert by_factor["effect"].sum().to_dict() == pytest.approx(effects(result))
    products = by_factor["multiplicative_effect"].prod().to_dict()
    assert products == pytest.approx(result.totals.set_index("factor")["multiplicative_effect"].to_dict())
    assert result.table["share_of_change"].sum() == pytest.approx(1)
    # sector 2 alone: 20 to 16 (L = 4 / ln 1.25 = 17.926); structure 17.926 ln(0.5 / 0.8) = -8.4251
    cell = result.table.set_index(["factor", "segment"]).loc[("structure", "sector 2")]
    assert cell["effect"] == pytest.approx(-8.4251, abs=1e-4)


factor_values = st.floats(1e-4, 1e6)
segments = st.lists(st.tuples(*[factor_values] * 6), min_size=1, max_size=4)
NAMES = ["users", "share", "value"]


def tables(rows) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = np.array(rows, float)
    name = [f"s{i}" for i in range(len(cells))]
    return tuple(pd.DataFrame(cells[:, k : k + 3], columns=NAMES).assign(segment=name) for k in (0, 3))


@settings(deadline=None, max_examples=8)
@given(rows=segments, scale=st.floats(1e-3, 1e3))
def test_no_residual_any_order_any_unit(rows, scale):
    start, end = tables(rows)
    run = {"segment": "segment"}
    result = decompose(start, end, factors=NAMES, **run)
    size = max(result.start_value, result.end_value)
    assert abs(result.residual) <= 1e-12 * size * len(rows)
    other = decompose(start, end, factors=NAMES[::-1], **run)
    assert effects(other) == pytest.approx(effects(result), rel=1e-12, abs=1e-12 * size)
    # users in thousands: the effects of all factors scale alike, ratios and shares stay
    thousands = [table.assign(users=table["users"] * scale) for table in (start, end)]
    scaled = decompose(*thousands, factors=NAMES, **run)
    assert np.allclose(scaled.totals["effect"], result.totals["effect"] * scale, rtol=1e-9, atol=1e-9 * size * scale)
    ratios = [x.totals["multiplicative_effect"] for x in (scaled, result)]
    assert np.allclose(*ratios, rtol=1e-9)
    assert math.prod(ratios[1]) == pytest.approx(result.end_value / result.start_value, rel=1e-9)


@settings(deadline=None, max_examples=8)
@given(rows=segments)
def test_backwards_in_time_every_effect_turns_its_sign(rows):
    start, end = tables(rows)
    there = decompose(start, end, factors=NAMES, segment="segment")
    back = decompose(end, start, factors=NAMES, segment="segment")
    size = max(there.start_value, there.end_value)
    assert np.allclose(there.table["effect"], -back.table["effect"], rtol=1e-9, atol=1e-12 * size)


def test_a_factor_that_stays_has_no_effect_and_a_lone_change_all_of_it():
    result = decompose(one(users=7, value=3.3), one(users=9, value=3.3), factors=["users", "value"])
    assert effects(result) == {"users": pytest.approx(6.6), "value": 0.0}
    # a tiny step keeps its digits: 7 x 3.3 up by 1e-10 of itself
    result = decompose(one(users=7, value=3.3), one(users=7 * (1 + 1e-10), value=3.3), factors=["users", "value"])
    assert effects(result)["users"] == pytest.approx(23.1e-10, rel=1e-5)


def test_where_nothing_changes_shares_are_undefined_with_their_reason():
    same = one(users=7, value=3)
    result = decompose(same, same, factors=["users", "value"])
    assert effects(result) == {"users": 0.0, "value": 0.0}
    assert result.totals["multiplicative_effect"].tolist() == [1, 1]
    assert result.totals["share_of_change"].isna().all()
    assert set(result.totals["reason"]) == {"the total hardly changed: a share of its change is undefined"}


def test_zeros_take_the_limit_of_a_small_number():
    start = pd.DataFrame({"s": ["old", "new"], "users": [10.0, 0.0], "value": [5.0, 3.0]})
    end = pd.DataFrame({"s": ["old", "new"], "users": [12.0, 4.0], "value": [5.0, 3.0]})
    result = decompose(start, end, factors=["users", "value"], segment="s")
    # the new segment's 4 x 3 = 12 are users'; the old one's change is 2 x 5 = 10, users' too
    assert effects(result) == pytest.approx({"users": 22, "value": 0})
    assert (result.change, result.residual) == (22, pytest.approx(0, abs=1e-12))
    assert {check.name: check.value for check in result.checks}["zeros"] == 1
    # Ang and Liu (2007): the same number for a zero replaced by a very small one, up to 1 / ln of it
    tiny = start.assign(users=[10.0, 1e-250])
    near = decompose(tiny, end.assign(value=[5.0, 6.0]), factors=["users", "value"], segment="s")
    limit = decompose(start, end.assign(value=[5.0, 6.0]), factors=["users", "value"], segment="s")
    assert np.allclose(near.totals["effect"], limit.totals["effect"], atol=0.1)
    assert limit.residual == pytest.approx(0, abs=1e-12)


def test_several_zeros_at_once_share_the_change_and_leave_no_residual():
    # from 0 x 0 x 2 to 3 x 4 x 2 = 24: both zeros go to the limit at the same pace, 12 each
    names = ["a", "b", "c"]
    appears = decompose(one(a=0, b=0, c=2), one(a=3, b=4, c=2), factors=names)
    assert effects(appears) == {"a": 12, "b": 12, "c": 0}
    ends = decompose(one(a=3, b=4, c=2), one(a=0, b=0, c=2), factors=names)
    assert effects(ends) == {"a": -12, "b": -12, "c": 0}
    # zero at both ends, in different factors: nothing changed
    both = decompose(one(a=0, b=4, c=2), one(a=3, b=0, c=2), factors=names)
    assert effects(both) == {"a": 0, "b": 0, "c": 0}
    assert appears.totals["multiplicative_effect"].isna().all()
    assert set(appears.totals["reason"]) == {"the total is 0 at one end: a ratio is undefined"}
    assert "(" not in appears.text


def test_a_factor_without_a_meaning_in_an_empty_segment_has_no_effect():
    start = pd.DataFrame({"s": ["old", "new", "dead"], "users": [10.0, 0.0, 0.0], "value": [5.0, np.nan, np.nan]})
    end = pd.DataFrame({"s": ["old", "new", "dead"], "users": [10.0, 4.0, 0.0], "value": [5.0, 3.0, np.nan]})
    result = decompose(start, end, factors=["users", "value"], segment="s")
    assert effects(result) == pytest.approx({"users": 12, "value": 0})
    with pytest.raises(HelpersError, match="value of old is missing at start: every factor is needed"):
        decompose(start.assign(value=np.nan), end, factors=["users", "value"], segment="s")


def test_a_chain_sums_its_steps():
    years = pd.DataFrame({"year": [2023, 2021, 2022], "users": [20.0, 10.0, 20.0], "value": [4.0, 5.0, 5.0]})
    result = decompose_chain(years, period="year", factors=["users", "value"])
    # 2021 to 2022: 50 to 100, all users; 2022 to 2023: 100 to 80, all value. At one go: 44.24 and -14.24
    assert effects(result) == pytest.approx({"users": 50, "value": -20})
    assert result.totals["multiplicative_effect"].tolist() == pytest.approx([2, 0.8])
    assert result.steps[["start", "end"]].drop_duplicates().to_numpy().tolist() == [["2021", "2022"], ["2022", "2023"]]
    assert (result.start_value, result.end_value) == (50, 80)
    assert result.residual == pytest.approx(0, abs=1e-12)
    two = decompose_chain(years[years["year"] != 2022], period="year", factors=["users", "value"])
    assert effects(two)["users"] == pytest.approx(44.2430, abs=1e-4)


def test_logarithmic_mean():
    # (2 - 1) / ln 2 = 1.442695; between the geometric mean sqrt 2 and the arithmetic 1.5
    assert logarithmic_mean(2, 1) == pytest.approx(1.442695, abs=1e-6)
    assert logarithmic_mean(1, 2) == pytest.approx(logarithmic_mean(2, 1))
    assert logarithmic_mean(3, 3) == 3
    assert logarithmic_mean(3, 0) == 0


def test_a_product_that_misses_the_published_total_is_refused_with_the_arithmetic():
    start, end = one(users=10, value=5, gmv=50), one(users=20, value=4, gmv=90)
    run = {"factors": ["users", "value"], "aggregate": "gmv"}
    with pytest.raises(HelpersError, match=r"the factors at end give 20 x 4 = 80, but gmv is 90: .* within 1e-06"):
        decompose(start, end, **run)
    rounded = decompose(start, end.assign(gmv=80.4), tolerance=0.01, **run)
    assert {check.name: check.value for check in rounded.checks}["aggregate"] == pytest.approx(0.4 / 80.4)
    with pytest.raises(HelpersError, match="gmv is nan"):
        decompose(start, end.assign(gmv=np.nan), **run)


def test_decomposition_errors():
    start, end = one(users=10, value=5), one(users=20, value=4)
    run = {"factors": ["users", "value"]}
    with pytest.raises(HelpersError, match=r"users is -1 at end: a factor must be 0 or more and finite"):
        decompose(start, end.assign(users=-1), **run)
    with pytest.raises(HelpersError, match="value is inf at start"):
        decompose(start.assign(value=math.inf), end, **run)
    with pytest.raises(HelpersError, match="the table needs the columns share; columns: "):
        decompose(start, end, factors=["users", "share"])
    with pytest.raises(ParameterError, match="factors must be 1"):
        decompose(start, end, factors=["users", "users"])
    with pytest.raises(ParameterError, match=r"tolerance must lie between 0 and 0\.1, got 5"):
        decompose(start, end, tolerance=5, **run)
    with pytest.raises(HelpersError, match="one row at end without a segment column, got 2"):
        decompose(start, pd.concat([end, end]), **run)
    with pytest.raises(UnitError, match="one change needs one currency, got CNY, USD"):
        decompose(start.assign(currency="CNY"), end.assign(currency="USD"), **run)
    a, b = tables([(1, 1, 1, 2, 2, 2)] * 2)
    with pytest.raises(HelpersError, match=r"not in all of them: s1 \(at end\)\. Give a segment"):
        decompose(a, b.iloc[:1], factors=NAMES, segment="segment")
    with pytest.raises(HelpersError, match="one row per segment at start, got several for s0"):
        decompose(pd.concat([a, a]), b, factors=NAMES, segment="segment")
    with pytest.raises(HelpersError, match=r"2\+ periods in year, got 2021"):
        decompose_chain(start.assign(year=2021), period="year", **run)
    with pytest.raises(HelpersError, match="periods need the column year"):
        decompose_chain(start, period="year", **run)
    with pytest.raises(HelpersError, match="every row needs a year, missing in 1"):
        decompose_chain(start.assign(year=np.nan), period="year", **run)


# --- factors from levels ------------------------------------------------------------------------

LEVELS = pd.DataFrame(
    {
        "quarter": ["2024Q1", "2025Q1"],
        "users": [400.0, 440.0],
        "buyers": [100.0, 132.0],
        "orders": [300.0, 396.0],
        "gmv": [15000.0, 23760.0],
        "revenue": [600.0, 1188.0],
        "currency": "CNY",
    }
)
UNITS = {"users": "person", "buyers": "buyer", "orders": "order", "gmv": "money", "revenue": "money"}
FUNNEL = ["users", "buyers", "orders", "gmv", "revenue"]
FUNNEL_NAMES = ["users", "buyers_share", "orders_per_buyer", "order_value", "take_rate"]


def test_factors_from_levels_by_hand():
    table = from_levels(LEVELS, chain=FUNNEL, units=UNITS, names=FUNNEL_NAMES, period="quarter")
    # 100 / 400 = 0.25 and 132 / 440 = 0.3; 3 orders a buyer; 50 and 60 yuan an order; 4 % and 5 %
    assert table["buyers_share"].tolist() == [0.25, 0.3]
    assert table["orders_per_buyer"].tolist() == [3, 3]
    assert table["order_value"].tolist() == [50, 60]
    assert table["take_rate"].tolist() == [0.04, 0.05]
    assert list(table) == ["quarter", "currency", *FUNNEL_NAMES, "revenue"]
    result = decompose_chain(table, period="quarter", factors=FUNNEL_NAMES, aggregate="revenue")
    # ln: users 1.1, share 1.2, value 1.2, take rate 1.25 of 1.98; L = 588 / ln 1.98 = 860.8
    scale = 588 / math.log(1.98)
    assert list(effects(result).values()) == pytest.approx([scale * math.log(x) for x in (1.1, 1.2, 1, 1.2, 1.25)])
    assert list(from_levels(LEVELS, chain=FUNNEL[:3], units=UNITS))[1:] == [
        *("users", "buyers/users", "orders/buyers"),
        "orders",
    ]


def test_structure_splits_a_level_into_its_total_and_shares_in_each_period():
    rows = pd.DataFrame(
        {"y": [1, 1, 2, 2], "s": ["a", "b", "a", "b"], "users": [30, 10, 20, 60], "orders": [30, 30, 40, 60]}
    )
    table = from_levels(rows, chain=["users", "orders"], units=UNITS, segment="s", period="y", structure=True)
    assert table["total users"].tolist() == [40, 40, 80, 80]
    assert table["share of users"].tolist() == [0.75, 0.25, 0.25, 0.75]
    assert table["orders/users"].tolist() == [1, 3, 2, 1]


def test_an_empty_segment_has_no_quotient():
    rows = pd.DataFrame({"users": [0.0, 5.0], "orders": [0.0, 10.0]})
    assert from_levels(rows, chain=["users", "orders"], units=UNITS)["orders/users"].isna().tolist() == [True, False]
    with pytest.raises(HelpersError, match=r"orders is 3 where users is 0 \(row 0\)"):
        from_levels(rows.assign(orders=[3.0, 10.0]), chain=["users", "orders"], units=UNITS)


def test_level_errors():
    run = {"chain": FUNNEL, "units": UNITS}
    with pytest.raises(UnitError, match="every level needs a unit, missing for: gmv, revenue"):
        from_levels(LEVELS, chain=FUNNEL, units=dict(list(UNITS.items())[:3]))
    with pytest.raises(UnknownNameError, match="unknown unit 'yuan'"):
        from_levels(LEVELS, chain=FUNNEL, units=UNITS | {"gmv": "yuan"})
    with pytest.raises(UnitError, match="revenue is a ratio, already a quotient"):
        from_levels(LEVELS, chain=FUNNEL, units=UNITS | {"revenue": "ratio"})
    with pytest.raises(UnitError, match="gmv, revenue is money and needs a column currency"):
        from_levels(LEVELS.drop(columns="currency"), **run)
    with pytest.raises(UnitError, match="one currency, got CNY, USD"):
        from_levels(LEVELS.assign(currency=["CNY", "USD"]), **run)
    with pytest.raises(UnknownNameError, match="unknown currency 'RMB'"):
        from_levels(LEVELS.assign(currency="RMB"), **run)
    with pytest.raises(HelpersError, match="a level must be 0 or more, users is -400 in row 0"):
        from_levels(LEVELS.assign(users=-LEVELS["users"]), **run)
    with pytest.raises(HelpersError, match="a level must be 0 or more, users is nan in row 0"):
        from_levels(LEVELS.assign(users=np.nan), **run)
    with pytest.raises(HelpersError, match="levels need the columns gmv"):
        from_levels(LEVELS.drop(columns="gmv"), **run)
    with pytest.raises(ParameterError, match="chain must be 2"):
        from_levels(LEVELS, chain=["users"], units=UNITS)
    with pytest.raises(ParameterError, match="need 5 different names, for users, buyers/users"):
        from_levels(LEVELS, names=["a"], **run)
    with pytest.raises(ParameterError, match="may not have the name of another column: revenue"):
        from_levels(LEVELS, names=["a", "b", "c", "d", "revenue"], **run)
    with pytest.raises(ParameterError, match="structure splits a level over segments: name the segment"):
        from_levels(LEVELS, structure=True, **run)
