"""Sobol indices, Shapley effects, and correlations that can hold."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.draws import (
    Inputs,
    LogNormal,
    Normal,
    Point,
    Uniform,
    nearest_correlations,
    shapley_effects,
    sobol_indices,
)
from helpers.errors import ParameterError

PI = math.pi
ISHIGAMI = Inputs(distributions={f"x{i}": Uniform(-PI, PI) for i in (1, 2, 3)})
TWO = Inputs(distributions={"a": Normal(0, 1), "b": Normal(0, 2)}, correlations={("a", "b"): 0.5})


def ishigami(v):
    return np.sin(v["x1"]) + 7 * np.sin(v["x2"]) ** 2 + 0.1 * v["x3"] ** 4 * np.sin(v["x1"])


def test_two_independent_normals_share_by_their_variances():
    # y = a + b, variances 1 and 4: first and total shares 1/5 and 4/5
    inputs = Inputs(distributions={"a": Normal(0, 1), "b": Normal(0, 2), "known": Point(3.0)})
    table = sobol_indices(lambda v: v["a"] + v["b"] + v["known"], inputs).table.set_index("input")
    assert table["first"].to_dict() == pytest.approx({"a": 0.2, "b": 0.8}, abs=0.002)
    assert table["total"].to_dict() == pytest.approx({"a": 0.2, "b": 0.8}, abs=0.002)


def test_published_indices_of_the_ishigami_function():
    found = sobol_indices(ishigami, ISHIGAMI, base=16_384, seed=1, pairs=True)
    table = found.table.set_index("input")
    assert table["first"].reindex(["x1", "x2", "x3"]).tolist() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.005)
    assert table["total"].reindex(["x1", "x2", "x3"]).tolist() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.005)
    assert found.pairs.iloc[0][["input", "other"]].tolist() == ["x1", "x3"]
    assert found.pairs["second"].iloc[0] == pytest.approx(0.2437, abs=0.01)
    assert found.variance == pytest.approx(13.844587940719254, rel=0.005)
    assert found.mean == pytest.approx(3.5, rel=0.005)


def test_a_product_of_log_normals_has_its_closed_form():
    # of y = prod x_i the first share is (exp(s_i^2) - 1) / (exp(sum s^2) - 1),
    # the total (exp(sum s^2) - exp(sum of the others)) / (exp(sum s^2) - 1)
    sigmas = [0.2, 0.3, 0.4, 0.5]
    inputs = Inputs(distributions={f"x{i}": LogNormal(mu=0, sigma=s) for i, s in enumerate(sigmas)})
    table = sobol_indices(lambda v: v["x0"] * v["x1"] * v["x2"] * v["x3"], inputs, base=2**15).table.set_index("input")
    total = sum(s * s for s in sigmas)
    for i, s in enumerate(sigmas):
        assert table.loc[f"x{i}", "first"] == pytest.approx(math.expm1(s * s) / math.expm1(total), abs=0.006)
        whole = (math.exp(total) - math.exp(total - s * s)) / math.expm1(total)
        assert table.loc[f"x{i}", "total"] == pytest.approx(whole, abs=0.006)


def test_intervals_hold_the_truth_at_least_as_often_as_they_say():
    truth = {"x1": 0.3139, "x2": 0.4424, "x3": 0.0}
    held = []
    for seed in range(40):
        table = sobol_indices(ishigami, ISHIGAMI, base=1_024, seed=seed, level=0.9).table
        held += [r.first_low <= truth[r.input] <= r.first_high for r in table.itertuples()]
    assert np.mean(held) >= 0.88  # 120 of them: two standard errors below 0.9 would be 0.85


def test_shapley_effects_of_two_correlated_normals_have_their_closed_form():
    # y = a + b, sd 1 and 2, correlation .5: Var(y) = 1 + 4 + 2 = 7; v(a) = (1 + .5 * 2)^2 = 4,
    # v(b) = (2 + .5)^2 = 6.25; effect of a: ((4 - 0) + (7 - 6.25)) / 2 / 7 = .3393
    found = shapley_effects(lambda v: v["a"] + v["b"], TWO, base=2**13, seed=1)
    table = found.table.set_index("input")
    assert table.loc["a", "effect"] == pytest.approx(2.375 / 7, abs=0.003)
    assert table.loc["a", "first"] == pytest.approx(4 / 7, abs=0.005)
    assert table.loc["a", "total"] == pytest.approx(0.75 / 7, abs=0.005)
    assert table["effect"].sum() == pytest.approx(1, abs=1e-12)


def test_without_correlation_an_effect_shares_interactions_evenly():
    table = shapley_effects(ishigami, ISHIGAMI, base=2**13).table.set_index("input")["effect"]
    assert table.to_dict() == pytest.approx({"x1": 0.3139 + 0.2437 / 2, "x2": 0.4424, "x3": 0.2437 / 2}, abs=0.006)


@given(rho=st.floats(-0.9, 0.9), scale=st.floats(0.1, 10))
def test_effects_sum_to_one_and_do_not_depend_on_the_unit(rho, scale):
    inputs = Inputs(distributions={"a": Normal(0, 1), "b": Normal(0, 1)}, correlations={("a", "b"): rho})
    one, other = (
        shapley_effects(lambda v, k=k: k * (v["a"] + 0.5 * v["b"]), inputs, base=64, bootstraps=20).table
        for k in (1.0, scale)
    )
    assert one["effect"].sum() == pytest.approx(1)
    assert one["effect"].tolist() == pytest.approx(other["effect"].tolist())


def test_the_same_seed_gives_the_same_numbers():
    one, other = (sobol_indices(ishigami, ISHIGAMI, base=256, seed=3).table for _ in range(2))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: sobol_indices(lambda v: v["a"], TWO), "a and b go together: use shapley_effects"),
        (lambda: sobol_indices(ishigami, ISHIGAMI, base=1000), "base must be a power of 2"),
        (lambda: sobol_indices(ishigami, ISHIGAMI, bootstraps=5), "20 or more resamples, got 5"),
        (lambda: sobol_indices(ishigami, ISHIGAMI, level=1.5), "level must lie between 0 and 1"),
        (lambda: sobol_indices(lambda v: 3.0, ISHIGAMI), "the output does not vary"),
        (lambda: sobol_indices(lambda v: v["x1"][:5], ISHIGAMI), "shape (5,) for 16384 draws"),
        (lambda: sobol_indices(lambda v: v["x1"] * np.nan, ISHIGAMI), "16384 outputs that are not finite"),
        (lambda: sobol_indices(lambda v: 1.0, Inputs(distributions={"a": Point(1.0)})), "every input is a known"),
        (lambda: shapley_effects(lambda v: 2.0 * v["a"] * 0, TWO), "the output does not vary"),
        (lambda: shapley_effects(lambda v: v["x0"], Inputs(distributions={f"x{i}": Normal(0, 1) for i in range(13)})),
         "at most 12 inputs, got 13"),
    ],
)  # fmt: skip
def test_what_has_no_indices_is_refused(work, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        work()


def test_the_nearest_correlations_hold_and_leave_good_ones_alone():
    good = np.array([[1, 0.3], [0.3, 1]])
    assert nearest_correlations(good) == pytest.approx(good)
    # Higham (2002), example: the matrix with ones around the middle; its nearest has .7607 and .1573
    bad = np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]])
    near = nearest_correlations(bad)
    assert near[0, 1] == pytest.approx(0.7607, abs=1e-3)
    assert near[0, 2] == pytest.approx(0.1573, abs=1e-3)
    assert np.linalg.eigvalsh(near).min() > 0
    assert np.diag(near) == pytest.approx(1)


def test_a_matrix_that_cannot_hold_names_its_pairs_and_is_never_mended_silently():
    pairs = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}
    message = r"correlations of a, b, c contradict.*The nearest that hold: .*a and c -0\.\d+ \(given -0\.90\)"
    with pytest.raises(ParameterError, match=message):
        Inputs(distributions={n: Normal(0, 1) for n in "abc"}, correlations=pairs)
