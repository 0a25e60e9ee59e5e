"""Distributions, joint draws, what the draws say about inputs. All numbers here are simulated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.draws import (
    Beta,
    Empirical,
    Inputs,
    LogNormal,
    Normal,
    Pert,
    Point,
    Triangular,
    Uniform,
    correlations_from_matrix,
    draw,
    narrowing,
    swings,
)
from helpers.errors import HelpersError, ParameterError, UnknownNameError

P = np.array([0.001, 0.05, 0.3, 0.5, 0.8, 0.999])


def together(inputs: Inputs, **arguments) -> dict[str, np.ndarray]:
    """All draws of every input in one array each."""
    parts = list(draw(inputs, **arguments))
    return {name: np.concatenate([np.atleast_1d(part[name]) for part in parts]) for name in inputs.names}


# --- distributions ------------------------------------------------------------------------------


def test_quantiles_by_hand():
    # a triangle of 0, 1, 4: a quarter of its area left of the mode; at 0.25 the mode itself,
    # at 0.0625 = 0.25 * 0.5^2 half way up to it
    triangle = Triangular(0, 1, 4)
    assert triangle.quantile([0.0, 0.0625, 0.25, 1.0]).tolist() == pytest.approx([0, 0.5, 1, 4])
    # from 100 to 400 in the middle 90 %: the middle is the geometric mean, 200; ln 2 / 1.6449 = 0.4214
    wide = LogNormal.from_range(100, 400)
    assert wide.quantile(0.5) == pytest.approx(200)
    assert wide.sigma == pytest.approx(0.4214, abs=5e-5)
    assert Empirical([3, 1, 2]).quantile([0, 0.25, 1]).tolist() == [1, 1.5, 3]
    assert Normal.from_range(-1.6448536, 1.6448536).sd == pytest.approx(1, abs=1e-7)
    # PERT 0, 2, 8 with weight 4: mean (0 + 8 + 8) / 6
    assert Pert(0, 2, 8).mean == pytest.approx(16 / 6)
    assert Uniform(2, 4).quantile(0.25) == 2.5
    assert Point(7).quantile([0.1, 0.9]).tolist() == [7, 7]


@pytest.mark.parametrize(
    ("ours", "scipys"),
    [
        (Normal(2, 3), stats.norm(2, 3)),
        (LogNormal(0.2, 0.7), stats.lognorm(0.7, scale=np.exp(0.2))),
        (Uniform(-1, 3), stats.uniform(-1, 4)),
        (Triangular(-1, 0, 3), stats.triang(0.25, -1, 4)),
        (Triangular(0, 0, 1), stats.triang(0, 0, 1)),
        (Triangular(0, 1, 1), stats.triang(1, 0, 1)),
        (Beta(0.5, 3, low=1, high=2), stats.beta(0.5, 3, 1, 1)),
        (Pert(10, 20, 60), stats.beta(1 + 4 * 0.2, 1 + 4 * 0.8, 10, 50)),
        (Pert(0, 0, 1, weight=2), stats.beta(1, 3)),
    ],
)
def test_quantiles_are_those_of_scipy(ours, scipys):
    assert ours.quantile(P) == pytest.approx(scipys.ppf(P), rel=1e-10, abs=1e-12)
    # and at normal scores: tables are exact to about 1e-6 of the range
    assert ours.from_normal(stats.norm.ppf(P)) == pytest.approx(
        scipys.ppf(P), abs=2e-6 * np.ptp(scipys.ppf([0.001, 0.999]))
    )
    assert ours.mean == pytest.approx(scipys.mean())


@settings(deadline=None, max_examples=50)
@given(low=st.floats(-5, 5), width=st.floats(0.01, 100), part=st.floats(0, 1), z=st.floats(-20, 20))
def test_a_pert_stays_within_its_ends_and_rises(low, width, part, z):
    pert = Pert(low, min(max(low + part * width, low), low + width), low + width)
    here, further = float(pert.from_normal(z)), float(pert.from_normal(z + 0.1))
    slack = 1e-9 * (abs(low) + width)
    assert low - slack <= here <= further + slack <= low + width + 2 * slack


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Normal(1, 0), "Normal needs sd above 0, got 0"),
        (lambda: Normal(np.nan, 1), "Normal needs a finite mean"),
        (lambda: LogNormal(0, -1), "LogNormal needs sigma above 0, got -1"),
        (lambda: LogNormal.from_range(0, 5), "numbers above 0, got low 0"),
        (lambda: LogNormal.from_range(5, 1), "needs low < high"),
        (lambda: Normal.from_range(1, 2, level=90), "level must lie between 0 and 1, got 90"),
        (lambda: Pert(1, 9, 3), "Pert needs low < high .* got low 1, mode 9, high 3"),
        (lambda: Pert(1, 2, 3, weight=0), "Pert needs a weight above 0"),
        (lambda: Uniform(2, 2), "Uniform needs low < high"),
        (lambda: Beta(0, 1), "Beta needs a and b above 0"),
        (lambda: Empirical([1]), r"Empirical needs 2\+ finite values, got 1"),
        (lambda: Point(np.inf), "Point needs a finite value"),
        (lambda: Normal("0.24", 1), "Normal needs a finite mean, got '0.24'"),
        (lambda: Uniform("1", 2), "Uniform needs a finite low, got '1'"),
        (lambda: Point(True), "Point needs a finite value, got True"),
    ],
)
def test_distributions_refuse(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


# --- joint draws --------------------------------------------------------------------------------

FOUR = {"users": LogNormal.from_range(1e8, 3e8), "spend": Pert(50, 90, 200), "rate": Beta(2, 18), "years": Point(5)}
LINKED = Inputs(distributions=FOUR, correlations={("users", "spend"): -0.5, ("rate", "spend"): 0.4})


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_draws_are_the_same_bytes_whatever_the_chunk(method):
    whole = together(LINKED, draws=5_000, seed=3, method=method, chunk=5_000)
    for chunk in (1, 777, 4_096):
        parts = together(LINKED, draws=5_000, seed=3, method=method, chunk=chunk)
        assert all(parts[name].tobytes() == whole[name].tobytes() for name in ("users", "spend", "rate"))
    assert together(LINKED, draws=5_000, seed=4, method=method)["users"][0] != whole["users"][0]


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_margins_and_correlations_are_those_asked_for(method):
    found = together(LINKED, draws=1 << 16, seed=1, method=method)
    assert set(found["years"]) == {5}
    scores = np.array([stats.norm.ppf(stats.rankdata(found[n]) / (2**16 + 1)) for n in ("users", "spend", "rate")])
    # 1 / sqrt(65536) = 0.004 for independent draws
    assert np.corrcoef(scores) == pytest.approx(LINKED.matrix, abs=0.015)
    for name in ("users", "spend", "rate"):
        assert np.quantile(found[name], P[1:5]) == pytest.approx(FOUR[name].quantile(P[1:5]), rel=0.02)
    # rank correlation of a Gaussian copula: 6 / pi asin(-0.5 / 2) = -0.4826
    assert stats.spearmanr(found["users"], found["spend"]).statistic == pytest.approx(-0.4826, abs=0.012)


def test_the_product_of_lognormals_in_closed_form():
    # ln of the product is normal: mean mu1 + mu2, variance s1^2 + s2^2 + 2 r s1 s2
    one, other, r = LogNormal(1, 0.5), LogNormal(2, 0.3), 0.6
    inputs = Inputs(distributions={"a": one, "b": other}, correlations={("b", "a"): r})
    found = together(inputs, draws=1 << 17, seed=2)
    sigma = np.sqrt(0.25 + 0.09 + 2 * r * 0.15)
    product = found["a"] * found["b"]
    assert product.mean() == pytest.approx(np.exp(3 + sigma**2 / 2), rel=1e-3)
    assert np.log(product).std() == pytest.approx(sigma, rel=1e-3)
    # a name is one draw: the ratio of an input to itself does not vary
    assert np.ptp(found["a"] / found["a"]) == 0


def test_sobol_numbers_are_nearer_than_random_ones():
    exact = FOUR["users"].mean
    errors = {
        method: [abs(together(LINKED, draws=4_096, seed=s, method=method)["users"].mean() - exact) for s in range(8)]
        for method in ("sobol", "random")
    }
    assert np.mean(errors["sobol"]) < 0.1 * np.mean(errors["random"])


def test_a_full_matrix_gives_the_same_pairs():
    names = ["users", "spend", "rate"]
    pairs = correlations_from_matrix(names, LINKED.matrix)
    again = Inputs(distributions=FOUR, correlations=pairs)
    assert (again.matrix == LINKED.matrix).all()
    with pytest.raises(ParameterError, match=r"symmetric, got 0\.1 and 0 for a and b"):
        correlations_from_matrix(["a", "b"], [[1, 0.1], [0, 1]])
    with pytest.raises(ParameterError, match=r"with itself is 1, got 2 \(b\)"):
        correlations_from_matrix(["a", "b"], [[1, 0], [0, 2]])
    with pytest.raises(ParameterError, match=r"square, got shape \(1, 2\)"):
        correlations_from_matrix(["a", "b"], [[1, 0]])


N = Normal(0, 1)
THREE = {"a": N, "b": N, "c": N, "k": Point(1)}


@pytest.mark.parametrize(
    ("correlations", "match"),
    [
        (
            {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9},
            r"correlations of a, b, c contradict .* eigenvalue -0.8",
        ),
        ({("a", "b"): 30}, "between -1 and 1, got 30 for a and b: 30 % is 0.3"),
        ({("a", "b"): 1.0}, "between -1 and 1, got 1"),
        ({("a", "a"): 0.5}, "with itself is 1"),
        ({("a", "z"): 0.5}, "unknown input of a correlation 'z'"),
        ({("a", "k"): 0.5}, "k is a known number and has no correlation"),
        ({("a", "b"): 0.5, ("b", "a"): 0.4}, "two correlations of a and b: 0.5 and 0.4"),
        ({"ab": 0.5}, "names two inputs, got 'ab'"),
    ],
)
def test_correlations_refuse(correlations, match):
    with pytest.raises(HelpersError, match=match):
        Inputs(distributions=THREE, correlations=correlations)


def test_draws_refuse():
    with pytest.raises(ParameterError, match="at least one input"):
        Inputs(distributions={})
    with pytest.raises(ParameterError, match="input 'a' needs a distribution"):
        Inputs(distributions={"a": 3.0})
    with pytest.raises(ParameterError, match="draws must be a whole number, 1 or more, got 0"):
        draw(LINKED, draws=0, seed=1)
    for draws, rule in (
        (2.5, "1 or more, got 2.5"),
        ("10", "1 or more, got '10'"),
        (2**31, "at most 1,073,741,824, got"),
    ):
        with pytest.raises(ParameterError, match=f"draws must be a whole number, {rule}"):
            draw(LINKED, draws=draws, seed=1)
    for seed in (None, -1, 0.5, True):  # without a seed no draw could be repeated
        with pytest.raises(ParameterError, match=f"seed must be a whole number, 0 or more, .* got {seed}"):
            draw(LINKED, draws=10, seed=seed)
    with pytest.raises(UnknownNameError, match="unknown method of drawing 'latin'"):
        draw(LINKED, draws=10, seed=1, method="latin")


# --- which input matters ------------------------------------------------------------------------


def linear(rho: float, n: int = 1 << 16, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """y = rho x + sqrt(1 - rho^2) e, beside an input that has nothing to do with it."""
    inputs = Inputs(distributions={"x": N, "e": N, "idle": N})
    drawn = together(inputs, draws=n, seed=seed)
    return drawn, rho * drawn["x"] + np.sqrt(1 - rho**2) * drawn["e"]


@pytest.mark.parametrize("rho", [0.2, 0.6, 0.95])
def test_narrowing_of_a_linear_model_in_closed_form(rho):
    # once x is known the output is normal with sd sqrt(1 - rho^2), wherever x lies
    drawn, output = linear(rho)
    table = narrowing(drawn, output).set_index("input")
    assert table.loc["x", "narrowing"] == pytest.approx(1 - np.sqrt(1 - rho**2), abs=0.01)
    assert table.loc["e", "narrowing"] == pytest.approx(1 - rho, abs=0.015)
    assert table.loc["x", "variance_share"] == pytest.approx(rho**2, abs=0.01)
    assert table.loc["x", "width"] == pytest.approx(2 * 1.2816, rel=0.01)  # the middle 80 % of a normal
    # what has nothing to do with the output narrows nothing
    assert table.loc["idle", "narrowing"] == pytest.approx(0, abs=0.006)
    assert table.loc["idle", "variance_share"] == pytest.approx(0, abs=0.003)
    assert table["narrowing"].is_monotonic_decreasing


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_the_bins_noise_is_taken_off(method):
    # uncorrected, 200 independent draws per bin would leave a share of 1 / 200 = 0.005 on average;
    # taking that off evenly spread draws, which have no such noise, would leave -0.005
    shares = []
    for seed in range(30):
        drawn = together(Inputs(distributions={"x": N, "e": N}), draws=8_000, seed=seed, method=method)
        shares.append(narrowing({"x": drawn["x"]}, drawn["e"]).loc[0, "variance_share"])
    assert np.mean(shares) == pytest.approx(0, abs=0.0015)


@settings(deadline=None, max_examples=10)
@given(scale=st.floats(1e-6, 1e9), shift=st.floats(-1e3, 1e3))
def test_narrowing_knows_no_units(scale, shift):
    drawn, output = linear(0.6, n=4_000)
    one, other = narrowing(drawn, output), narrowing({k: v + 7 for k, v in drawn.items()}, scale * (output + shift))
    pd.testing.assert_frame_equal(
        one[["input", "narrowing", "variance_share"]], other[["input", "narrowing", "variance_share"]], atol=1e-6
    )


def test_every_draw_is_in_a_bin():
    # 4 bins of 25 + 3 left over: sizes 26, 26, 26, 25; a bin's mean over the ranks of x shows none is missing
    x = np.arange(103.0)
    table = narrowing({"x": x}, x, bin_size=25)
    assert table.loc[0, "bins"] == 4
    assert table.loc[0, "expected_width"] == pytest.approx(0.8 * np.mean([26, 26, 26, 25]), rel=0.03)


def test_swings_by_hand():
    # y = a + 10 b, standard normals: a moves it by 2 x 1.2816, b by ten times that, a known number not at all
    inputs = Inputs(distributions={"a": N, "b": N, "k": Point(3)})
    table = swings(lambda v: v["a"] + 10 * v["b"] + v["k"], inputs)
    assert table["input"].tolist() == ["b", "a"]
    assert table["swing"].tolist() == pytest.approx([25.631, 2.5631], abs=1e-3)
    assert table["output_base"].tolist() == [3, 3]
    with pytest.raises(ParameterError, match="0 < low < high < 1"):
        swings(sum, inputs, low=0.9, high=0.1)


@pytest.mark.parametrize(
    ("drawn", "output", "extra", "match"),
    [
        ({"x": np.arange(9.0)}, np.arange(10.0), {}, "x has 9 draws and the output 10"),
        ({"x": np.arange(10.0)}, np.arange(10.0), {}, r"need 4\+ bins of 20\+ draws, got 10 draws"),
        ({"x": np.arange(999.0)}, np.full(999, np.nan), {}, "999 draws of the output are not finite"),
        ({"x": np.full(999, np.inf)}, np.arange(999.0), {}, "999 draws of x are not finite"),
        ({"x": np.arange(999.0)}, np.ones(999), {}, "the output does not vary"),
        ({"x": np.arange(999.0)}, np.arange(999.0), {"level": 80}, "level must lie between 0 and 1, got 80"),
    ],
)
def test_narrowing_refuses(drawn, output, extra, match):
    with pytest.raises(ParameterError, match=match):
        narrowing(drawn, output, **extra)


@pytest.mark.parametrize(("low", "mode", "high"), [(2.0, 4.0, 9.0), (0.1, 0.2, 0.3), (10.0, 11.0, 20.0)])
def test_a_pert_from_a_range_has_its_quantiles_and_its_mode(low, mode, high):
    found = Pert.from_range(low, high, mode=mode)
    assert found.quantile([0.05, 0.95]).tolist() == pytest.approx([low, high])
    assert found.mode == mode
    assert found.low < low < high < found.high


@pytest.mark.parametrize(
    ("low", "mode", "high", "message"),
    [(1.0, 5.0, 4.0, "a mode between them"), (1.0, 1.0, 4.0, "has its mode inside, got 1 for 1 to 4"),
     (0.0, 1e-6, 100.0, "no PERT with the mode 1e-06 has 90% between 0 and 100")],
)  # fmt: skip
def test_a_pert_that_no_range_gives_is_refused(low, mode, high, message):
    with pytest.raises(ParameterError, match=message):
        Pert.from_range(low, high, mode=mode)
