"""Top-down meets bottom-up."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.draws import LogNormal, Pert, Point
from helpers.errors import HelpersError
from helpers.market import Driver, Graph, reconcile


def driver(name, dist, unit="CNY / year", **more):
    given = {"year": 2024, "region": "China", "definition": name, "reason": "for a test"} | more
    return Driver(name=name, unit=unit, distribution=dist, **given)


def log_normal(median, sigma):
    return LogNormal(mu=math.log(median), sigma=sigma)


def two_routes(correlation=0.0, gap=0.2):
    """Top-down one log-normal, bottom-up the product of two."""
    parts = [
        driver("whole", log_normal(100 * math.exp(gap), 0.1)),
        driver("units", log_normal(20, 0.2)),
        driver("price", log_normal(5, 0.05), "1"),
    ]
    pairs = {("whole", "units"): correlation} if correlation else {}
    return Graph(parts, {"above": "whole * 1", "below": "units * price"}, correlations=pairs)


def test_contributions_by_hand():
    # D = ln whole - ln units - ln price, variances .01, .04, .0025, sum .0525; gap .2.
    # contributions var_i / .0525 * .2: .0381, .1524, .0095
    found = reconcile(two_routes(), top_down="above", bottom_up="below")
    parts = found.table.set_index("input")["contribution_log"]
    assert found.gap_log == pytest.approx(0.2)
    assert parts.to_dict() == pytest.approx({"whole": 0.2 * 0.01 / 0.0525, "units": 0.2 * 0.04 / 0.0525,
                                             "price": 0.2 * 0.0025 / 0.0525})  # fmt: skip
    # units moves by + .1524 / .2 = .762 of its standard deviations
    assert found.table.set_index("input").loc["units", "shift_sd"] == pytest.approx(0.2 * 0.2 / 0.0525)
    assert found.table.set_index("input").loc["units", "reconciled"] == pytest.approx(
        20 * math.exp(0.2 * 0.04 / 0.0525)
    )
    assert found.gap_ratio == pytest.approx(math.exp(0.2))


def test_correlation_changes_who_moves_as_the_closed_form_says():
    # contribution_i = Cov(part_i, D) / Var(D) * gap; parts (.1 z1), (-.2 z2), (-.05 z3), corr(z1, z2) = .5
    found = reconcile(two_routes(0.5), top_down="above", bottom_up="below")
    a, b, c = 0.1, -0.2, -0.05
    covariance = np.array([[a * a, 0.5 * a * b, 0], [0.5 * a * b, b * b, 0], [0, 0, c * c]])
    total = covariance.sum()
    expected = dict(zip(("whole", "units", "price"), covariance.sum(axis=1) / total * 0.2, strict=True))
    assert found.table.set_index("input")["contribution_log"].to_dict() == pytest.approx(expected)


def test_pooling_by_hand():
    # ln above ~ N(ln 122.1, .01), ln below ~ N(ln 100, .0425): weight of top-down .0425 / .0525 = .8095
    found = reconcile(two_routes(), top_down="above", bottom_up="below", draws=2**18)
    assert found.is_consistent
    assert found.weight_top_down == pytest.approx(0.0425 / 0.0525, abs=0.005)
    assert found.pooled[1] == pytest.approx(math.exp(math.log(100) + 0.2 * 0.0425 / 0.0525), rel=0.003)
    spread = math.sqrt(0.01 * 0.0425 / 0.0525)
    assert math.log(found.pooled[2] / found.pooled[0]) == pytest.approx(2 * 1.6449 * spread, rel=0.01)
    assert found.text.index("lies 22% above") < found.text.index("weighed by precision")  # the gap comes first


def test_routes_that_contradict_each_other_are_not_pooled():
    found = reconcile(two_routes(gap=1.0), top_down="above", bottom_up="below")
    assert not found.is_consistent
    assert np.isnan(found.pooled).all()
    assert found.text.endswith("so they are not pooled.")
    assert found.span[0] < 80
    assert found.span[1] > 300
    checks = {check.name: check for check in found.checks}
    assert checks["gap"].passed is False
    assert checks["overlap"].passed is False
    assert checks["moves"].passed is False


def test_a_shared_driver_is_one_number_and_closes_no_gap():
    parts = [
        driver("base_size", log_normal(10, 0.5)),
        driver("a", log_normal(2, 0.1), "1"),
        driver("b", log_normal(3, 0.1), "1"),
    ]
    graph = Graph(parts, {"above": "base_size * a", "below": "base_size * b"})
    found = reconcile(graph, top_down="above", bottom_up="below")
    rows = found.table.set_index("input")
    assert rows.loc["base_size", "route"] == "both"
    assert rows.loc["base_size", "contribution_log"] == pytest.approx(0, abs=1e-9)
    assert found.gap_high - found.gap_low == pytest.approx(2 * 1.6449 * math.hypot(0.1, 0.1), rel=0.02)


@settings(max_examples=20)
@given(low=st.floats(0.05, 0.3), width=st.floats(0.05, 0.3), gap=st.floats(-0.8, 0.8), r=st.floats(-0.7, 0.7))
def test_contributions_sum_to_the_gap(low, width, gap, r):
    parts = [
        driver("whole", log_normal(100 * math.exp(gap), 0.2)),
        driver("share", Pert(low, low + width / 3, low + width), "1", whole="all", population="part"),
        driver("parts", log_normal(100 * (low + width / 3), 0.3)),
        driver("known", Point(1.0), "1"),
    ]
    graph = Graph(
        parts, {"above": "share_of(whole, share)", "below": "parts * known"}, correlations={("whole", "parts"): r}
    )
    found = reconcile(graph, top_down="above", bottom_up="below", draws=256)
    assert found.table["contribution_log"].sum() == pytest.approx(found.gap_log, abs=1e-5)
    closed = found.table.set_index("input")["reconciled"]
    assert closed["whole"] * closed["share"] == pytest.approx(closed["parts"], rel=1e-5)
    assert 0 < closed["share"] < 1


def test_rescaling_the_currency_changes_no_contribution():
    one = reconcile(two_routes(), top_down="above", bottom_up="below")
    parts = [driver("whole", log_normal(7 * 100 * math.exp(0.2), 0.1)), driver("units", log_normal(7 * 20, 0.2)),
             driver("price", log_normal(5, 0.05), "1")]  # fmt: skip
    other = reconcile(Graph(parts, one_formulas()), top_down="above", bottom_up="below")
    assert other.table["contribution_log"].tolist() == pytest.approx(one.table["contribution_log"].tolist())
    assert other.pooled[1] == pytest.approx(7 * one.pooled[1], rel=1e-6)


def one_formulas():
    return {"above": "whole * 1", "below": "units * price"}


def test_the_pooled_range_holds_a_planted_truth():
    held = []
    for seed in range(80):
        z = np.random.default_rng(seed).standard_normal(3)
        parts = [driver("whole", log_normal(100 * math.exp(0.1 * z[0]), 0.1)),
                 driver("units", log_normal(20 * math.exp(0.2 * z[1]), 0.2)),
                 driver("price", log_normal(5 * math.exp(0.05 * z[2]), 0.05), "1")]  # fmt: skip
        found = reconcile(Graph(parts, one_formulas()), top_down="above", bottom_up="below", draws=1_024)
        held.append(found.pooled[0] <= 100 <= found.pooled[2] if found.is_consistent else np.nan)
    assert np.nanmean(held) == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize(
    ("formulas", "names", "message"),
    [
        ({}, ("above", "above"), "above cannot be reconciled with itself"),
        ({}, ("above", "beyond"), "unknown node 'beyond'"),
        ({"people": "heads * 1"}, ("above", "people"), "above is in CNY / year and people in person"),
        ({"again": "whole / 1"}, ("above", "again"), "both rest on the same drivers"),
        ({"loss": "whole - 2 * big"}, ("below", "loss"), "in some draw: a size that is compared lies above 0"),
    ],
)
def test_what_cannot_be_reconciled_is_refused(formulas, names, message):
    parts = [*two_routes().drivers.values(), driver("heads", Point(3.0), "person"), driver("big", log_normal(90, 0.1))]
    graph = Graph(parts, one_formulas() | formulas)
    with pytest.raises(HelpersError, match=re.escape(message)):
        reconcile(graph, top_down=names[0], bottom_up=names[1], draws=512)


def test_two_populations_are_not_one_thing():
    parts = [driver("a", log_normal(5, 0.1), population="orders"), driver("b", log_normal(5, 0.1), population="sales")]
    graph = Graph(parts, {"above": "a * 1", "below": "b * 1"})
    with pytest.raises(HelpersError, match="above counts orders and below counts sales"):
        reconcile(graph, top_down="above", bottom_up="below")
