"""Synthetic control, its augmented and difference-in-differences relatives, and their inference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import EventWindow, panel
from helpers.uplift import inference as inf
from helpers.uplift import predictor_weights as pw
from helpers.uplift.augmented import _corrections, augmented_synthetic_control
from helpers.uplift.sdid import synthetic_did
from helpers.uplift.simulate import Scenario, simulate
from helpers.uplift.synthetic import Predictor, synthetic_control
from helpers.uplift.weights import effective_number, simplex_ls, simplex_qp

DATA = Path(__file__).parent / "data"
ESTIMATORS = [synthetic_control, augmented_synthetic_control, synthetic_did]


def tidy(values: dict[str, list[float]], start: str = "2025-01-01") -> pd.DataFrame:
    """One row per unit and day; None is a day without a row."""
    rows = [
        (unit, day, value)
        for unit, series in values.items()
        for day, value in zip(pd.date_range(start, periods=len(series)), series, strict=True)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["unit", "date", "value"])


def yearly(name: str, unit: str, value: str, covariates: list[str]):
    frame = pd.read_csv(DATA / f"{name}.csv")
    frame = frame[~frame[unit].str.startswith("Spain")]
    dates = pd.to_datetime(frame["year"].astype(int).astype(str) + "-01-01")
    return panel(frame.assign(date=dates), unit=unit, value=value, freq="YS", covariates=covariates)


def over(column: str, first: int, last: int | None = None) -> Predictor:
    return Predictor(column=column, first=f"{first}-01-01", last=f"{last or first}-01-01")


def by_name(result) -> dict:
    return {check.name: check for check in result.checks}


def donor_weights(result) -> dict[str, float]:
    return {name[7:]: weight for name, weight in result.fit.items() if name.startswith("weight:")}


SMOKING = ["lnincome", "beer", "age15to24", "retprice"]
SMOKING_PREDICTORS = [
    *(over("lnincome", 1980, 1988), over("beer", 1984, 1988), over("age15to24", 1980, 1988)),
    *(over("retprice", 1980, 1988), over("value", 1975), over("value", 1980), over("value", 1988)),
]
PROP_99 = {"event": EventWindow(event=("1989-01-01", "2000-12-31")), "treated": "California", "min_pre": 1.5}
SCHOOLS = ["school.illit", "school.prim", "school.med", "school.high", "school.post.high", "invest"]
SECTORS = ["agriculture", "energy", "industry", "construction", "services.venta", "services.nonventa"]
BASQUE_PREDICTORS = [
    *(over(column, 1964, 1969) for column in SCHOOLS), over("value", 1960, 1969),
    *(over(f"sec.{sector}", 1961, 1969) for sector in SECTORS), over("popdens", 1969),
]  # fmt: skip
BASQUE = {
    "event": EventWindow(event=("1970-01-01", "1997-12-31")), "treated": "Basque Country (Pais Vasco)", "min_pre": 0.5,
    "predictors": BASQUE_PREDICTORS, "optimise": ("1960-01-01", "1969-01-01"),
}  # fmt: skip


@pytest.fixture(scope="module")
def smoking():
    return yearly("prop99_scm", "state", "cigsale", SMOKING)


@pytest.fixture(scope="module")
def basque():
    return yearly("basque", "regionname", "gdpcap", [*SCHOOLS, *(f"sec.{s}" for s in SECTORS), "popdens"])


@pytest.fixture(scope="module")
def markets():
    return panel(pd.read_csv(DATA / "geolift_walkthrough.csv"), unit="location", value="Y")


# --- by hand ------------------------------------------------------------------------------------

# T lies at 1/4 A + 3/4 B on all days before the event: A = 0, 4, ..., B = 8, 0, ...: 6, 1, 6, 1
HAND = {"T": [6, 1, 6, 1, 12, 10], "A": [0, 4, 0, 4, 0, 4], "B": [8, 0, 8, 0, 8, 8], "C": [9, 9, 9, 9, 9, 9]}
TWO_DAYS = EventWindow(event=("2025-01-05", "2025-01-06"))


def test_synthetic_control_by_hand():
    # 0.25 * 0 + 0.75 * 8 = 6 and 0.25 * 4 + 0.75 * 8 = 7; effects 12 - 6 = 6 and 10 - 7 = 3
    result = synthetic_control(tidy(HAND), event=TWO_DAYS, treated="T")
    assert donor_weights(result) == pytest.approx({"A": 0.25, "B": 0.75})
    assert result.path["counterfactual"].tolist() == pytest.approx([6, 1, 6, 1, 6, 7])
    assert (result.incremental, result.relative_effect) == pytest.approx((9, 9 / 13))
    assert result.fit["pre_rmse"] == pytest.approx(0, abs=1e-12)
    # 1 / (1/16 + 9/16) = 1.6 donors
    assert by_name(result)["weights"].value == pytest.approx(1.6)


def test_difference_in_differences_by_hand():
    # T: mean before 3.5, after 11, +7.5; donors' means before 2, 4, 9 (5), after 2, 8, 9 (19/3), +4/3: 7.5 - 4/3
    result = synthetic_did(tidy(HAND), event=TWO_DAYS, treated="T", kind="did")
    assert result.att == pytest.approx(7.5 - 4 / 3)


def test_fixed_effects_take_out_a_constant():
    # T + 100 is the same after its mean is taken out
    raised = HAND | {"T": [value + 100 for value in HAND["T"]]}
    result = augmented_synthetic_control(tidy(raised), event=TWO_DAYS, treated="T", augment="none")
    assert result.incremental == pytest.approx(9)
    assert donor_weights(result) == pytest.approx({"A": 0.25, "B": 0.75})


def test_penalty_by_hand():
    # one period: T 1, A 0, B 4. w on B: (1 - 4w)^2 + p (1 * (1 - w) + 9 w); slope 32 w - 8 + 8 p = 0: w = (1 - p) / 4
    gaps = np.array([[-1.0, 3.0]])
    gram = gaps.T @ gaps
    found = simplex_qp(2 * gram, -0.2 * np.diag(gram))
    assert found == pytest.approx([0.8, 0.2])


def test_ranks_and_shifts_by_hand():
    # as large as the treated's or larger: 3 and 5, and its own: 3 of 5
    assert inf.rank_p(3, np.array([1, 2, 3, 5.0])) == pytest.approx(3 / 5)
    # residuals 1, 1, 1, 3 (window of the last): shifts give 1, 1, 1, 3: only its own is as large
    errors = np.array([1.0, -1, 1, 3])
    places = {"before": np.arange(3), "inside": np.array([3])}
    assert inf.conformal_p(lambda _, __: errors, errors, **places) == pytest.approx(1 / 4)
    # MSPE: (4 + 4) / 2 after, (1 + 1) / 2 before
    ratio = inf.mspe_ratios(np.array([[1.0, -1, 2, -2]]), np.array([0, 1]), np.array([2, 3]))
    assert ratio == pytest.approx([4])


# --- published numbers ----------------------------------------------------------------------------


def test_proposition_99_as_published(smoking):
    # Abadie, Diamond and Hainmueller (2010), table 2, figure 3 and section 3.4
    result = synthetic_control(smoking, predictors=SMOKING_PREDICTORS, search="published", **PROP_99)
    printed = {"Utah": 0.334, "Nevada": 0.234, "Montana": 0.199, "Colorado": 0.164, "Connecticut": 0.069}
    assert {name: w for name, w in donor_weights(result).items() if w > 0.01} == pytest.approx(printed, abs=0.05)
    assert result.att == pytest.approx(-19.5, abs=1.0)
    assert result.path["effect"].iloc[-1] == pytest.approx(-26, abs=2)
    assert by_name(result)["placebo_in_space"].value == pytest.approx(1 / 39)
    assert result.fit["pre_rmse"] < 1.8
    shares = [value for name, value in result.fit.items() if name.startswith("predictor:")]
    assert sum(shares) == pytest.approx(1)


def raw(data, predictors, treated, first: int, last: int):
    """Predictors (scaled) and outcomes, the treated unit first."""
    order = [treated, *(unit for unit in data.units if unit != treated)]
    rows, years = data.rows(order), data.dates.year
    tables = data.covariates | {"value": data.values}
    means = []
    for predictor in predictors:
        span = (years >= int(predictor.first[:4])) & (years <= int(predictor.last[:4]))
        means.append(np.nanmean(tables[predictor.column][rows][:, span], axis=1))
    scaled = np.array(means) / np.std(means, axis=1, ddof=1, keepdims=True)
    return order, scaled, data.values[rows][:, (years >= first) & (years <= last)].T


def test_wide_search_reaches_the_published_fit_of_proposition_99(smoking):
    # the published weights give 1.75; other software stops at 1.97 and above
    order, scaled, outcomes = raw(smoking, SMOKING_PREDICTORS, "California", 1970, 1988)
    v = pw.search(scaled, outcomes)
    w = pw.unit_weights(v, scaled[:, 1:] - scaled[:, :1])
    miss = outcomes[:, 0] - outcomes[:, 1:] @ w
    assert np.sqrt(np.mean(miss**2)) < 1.756
    printed = {"Utah": 0.334, "Nevada": 0.234, "Montana": 0.199, "Colorado": 0.164, "Connecticut": 0.069}
    assert {name: x for name, x in zip(order[1:], w, strict=True) if x > 0.01} == pytest.approx(printed, abs=0.05)


def test_basque_country_as_published(basque):
    # Abadie and Gardeazabal (2003): Catalonia 0.8508, Madrid 0.1492
    _, scaled, outcomes = raw(basque, BASQUE_PREDICTORS, BASQUE["treated"], 1960, 1969)
    v = pw.search(scaled, outcomes, kind="published")
    result = synthetic_control(basque, v=v, **BASQUE)
    printed = {"Cataluna": 0.850816, "Madrid (Comunidad De)": 0.149184}
    assert donor_weights(result) == pytest.approx(printed, abs=0.025)
    assert by_name(result)["predictor_search"].value == pytest.approx(
        np.sqrt(pw.loss(v, scaled[:, 1:] - scaled[:, :1], outcomes[:, 1:] - outcomes[:, :1]))
    )


def test_wide_search_finds_the_better_optimum_of_the_basque_country(basque):
    # Becker and Klößner (2018): the published weights are a local optimum; Cataluna 0.633, Baleares 0.219, Madrid 0.148
    order, scaled, outcomes = raw(basque, BASQUE_PREDICTORS, BASQUE["treated"], 1960, 1969)
    gaps = scaled[:, 1:] - scaled[:, :1]
    w = dict(zip(order[1:], pw.unit_weights(pw.search(scaled, outcomes), gaps), strict=True))
    found = [w["Cataluna"], w["Baleares (Islas)"], w["Madrid (Comunidad De)"]]
    assert found == pytest.approx([0.633, 0.219, 0.148], abs=0.02)


def test_synthetic_did_of_proposition_99_as_published(smoking):
    # Arkhangelsky et al. (2021), table 1; R package synthdid
    results = {kind: synthetic_did(smoking, kind=kind, **PROP_99) for kind in ("sdid", "sc", "did")}
    assert results["sdid"].att == pytest.approx(-15.603828, abs=0.02)
    assert results["sc"].att == pytest.approx(-19.61966, abs=0.15)
    assert results["did"].att == pytest.approx(-27.34911, abs=0.001)
    printed = {"sdid": 8.4, "sc": 9.9, "did": 17.7}
    assert {kind: result.fit["se"] for kind, result in results.items()} == pytest.approx(printed, abs=2.2)
    half = (results["sdid"].incremental_high - results["sdid"].incremental_low) / 24
    assert half == pytest.approx(1.959964 * results["sdid"].fit["se"])


def test_outcome_only_weights_of_proposition_99(smoking):
    # the R package Synth's solution on the same panel
    result = synthetic_control(smoking, **PROP_99)
    captured = {"Utah": 0.396, "Montana": 0.229, "Nevada": 0.204, "Connecticut": 0.109, "New Hampshire": 0.046}
    assert donor_weights(result) | {"Colorado": 0.015} == pytest.approx(captured | {"Colorado": 0.015}, abs=0.01)
    assert result.att == pytest.approx(-19.493546, abs=0.05)


def test_geolift_walkthrough(markets):
    # printed in GeoLift's walkthrough: two markets, 15 days
    days = markets.dates[[90, 104]]
    test = {"event": EventWindow(event=(days[0].date(), days[1].date())), "treated": ["chicago", "portland"]}
    plain = augmented_synthetic_control(markets, augment="none", permutations="iid", **test)
    assert plain.att == pytest.approx(155.556, abs=1)
    assert plain.incremental == pytest.approx(4667, abs=30)
    assert 100 * plain.relative_effect == pytest.approx(5.4, abs=0.1)
    assert plain.fit["scaled_l2"] == pytest.approx(0.1636, abs=0.002)
    assert plain.fit["l2"] == pytest.approx(909.489, abs=0.01)
    assert by_name(plain)["conformal"].value == pytest.approx(0.01, abs=0.02)
    printed = {
        "cincinnati": 0.2272, "miami": 0.2028, "baton rouge": 0.1335, "minneapolis": 0.09, "dallas": 0.0739,
        "nashville": 0.0685, "honolulu": 0.0673, "austin": 0.0465, "san diego": 0.0451, "reno": 0.0306,
    }  # fmt: skip
    found = donor_weights(plain)
    assert {name: found[name] for name in printed} == pytest.approx(printed, abs=0.005)
    ridge = augmented_synthetic_control(markets, **test)
    assert (ridge.att, ridge.incremental) == pytest.approx((156.805, 4704), abs=0.5)
    assert ridge.fit["l2"] == pytest.approx(903.525, abs=0.01)
    assert plain.incremental_low > 0


# --- solvers --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), donors=st.integers(2, 30), periods=st.integers(1, 40))
def test_both_solvers_reach_the_minimum(seed, donors, periods):
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(periods, donors)), rng.normal(size=periods)
    ridge = 0.1
    w = simplex_ls(matrix, target, ridge=ridge)
    other = simplex_qp(matrix.T @ matrix + ridge * np.eye(donors), matrix.T @ target)
    assert other == pytest.approx(w, abs=1e-7)
    assert w.sum() == pytest.approx(1)
    # at a minimum on the simplex no slope lies below the slopes of the weights in use, which are all alike
    slope = matrix.T @ (matrix @ w - target) + ridge * w
    assert slope.min() == pytest.approx(slope @ w, abs=1e-8)


def test_gradient_of_the_search_is_exact():
    rng = np.random.default_rng(3)
    gaps, errors, v = rng.normal(size=(5, 12)), rng.normal(size=(9, 12)), rng.uniform(0.1, 1, 5)
    _, slope = pw._value_and_slope(v, gaps, errors)
    step = 1e-6 * np.eye(5)
    numeric = [(pw.loss(v + d, gaps, errors) - pw.loss(v - d, gaps, errors)) / 2e-6 for d in step]
    assert slope == pytest.approx(numeric, abs=1e-5)


def test_ridge_corrections_solve_their_normal_equations():
    rng = np.random.default_rng(4)
    for shape in ((5, 20), (20, 5)):
        others, own, w = rng.normal(size=shape), rng.normal(size=shape[1]), np.full(shape[0], 1 / shape[0])
        found = _corrections(others, own, w, np.array([0.3, 2.0]))
        for lambda_, row in zip((0.3, 2.0), found, strict=True):
            assert others @ others.T @ row + lambda_ * row == pytest.approx(others @ (own - w @ others))


def test_effective_number():
    assert effective_number(np.full(4, 0.25)) == pytest.approx(4)


# --- laws -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return simulate(Scenario(units=12, treated=2, days=150), seed=5)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_the_currency_scales_money_and_leaves_shares_alone(small, method):
    asked = {"event": small.window, "treated": small.treated}
    one = method(small.panel, **asked)
    other = method(replace(small.panel, values=small.panel.values * 7.1), **asked)
    assert other.incremental == pytest.approx(7.1 * one.incremental, rel=1e-5)
    assert other.incremental_high == pytest.approx(7.1 * one.incremental_high, rel=1e-3)
    assert other.relative_effect == pytest.approx(one.relative_effect, rel=1e-5)
    assert donor_weights(other) == pytest.approx(donor_weights(one), abs=1e-5)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_the_order_of_units_is_no_matter(small, method):
    turned = small.panel.take(np.arange(len(small.panel.units))[::-1])
    asked = {"event": small.window, "treated": small.treated}
    one, other = (method(data, **asked) for data in (small.panel, turned))
    assert other.incremental == pytest.approx(one.incremental, rel=1e-6)
    assert donor_weights(other) == pytest.approx(donor_weights(one), abs=1e-6)


@pytest.mark.parametrize("scale", ["level", "index", "log"])
@pytest.mark.parametrize("method", ESTIMATORS)
def test_parts_add_up_and_days_after_the_window_are_not_used(method, scale):
    drawn = simulate(Scenario(units=12, treated=2, days=150, rest_days=20), seed=5)
    asked = {"event": drawn.window, "treated": drawn.treated, "scale": scale}
    result = method(drawn.panel, **asked)
    parts = result.parts.set_index("phase")["effect"]
    assert parts.drop("total").sum() == pytest.approx(parts["total"])
    assert result.pull_forward == pytest.approx(-parts["pre_dip"])
    changed = drawn.panel.values.copy()
    changed[:, -20:] *= np.linspace(1, 9, 20)
    changed[3, -1] = np.nan
    other = method(replace(drawn.panel, values=changed), **asked)
    assert (other.incremental, other.incremental_low) == pytest.approx((result.incremental, result.incremental_low))


def test_an_index_counts_every_unit_alike(small):
    values = small.panel.values.copy()
    values[0] *= 1000
    asked = {"event": small.window, "treated": small.treated, "scale": "index"}
    one, other = (synthetic_did(replace(small.panel, values=v), **asked) for v in (small.panel.values, values))
    assert other.fit["se"] == pytest.approx(one.fit["se"], rel=1e-6)
    assert donor_weights(other) == pytest.approx(donor_weights(one), abs=1e-6)


def test_a_seed_gives_the_same_interval(small):
    asked = {"event": small.window, "treated": small.treated, "replications": 30}
    lows = [synthetic_did(small.panel, seed=seed, **asked).incremental_low for seed in (1, 1, 2)]
    assert lows[0] == lows[1] != lows[2]


def test_placebo_runs_in_a_batch_equal_runs_one_by_one(small):
    # one treated unit: the placebos treat every control in turn, the treated unit left out
    asked = {"event": small.window, "treated": small.treated[0], "donors": small.controls}
    found = synthetic_did(small.panel, **asked)
    alone = []
    for unit in small.controls:
        others = [name for name in small.controls if name != unit]
        alone.append(
            synthetic_did(small.panel, event=small.window, treated=unit, donors=others, zeta=found.fit["zeta"])
        )
    assert np.std([result.att for result in alone]) == pytest.approx(found.fit["se"], rel=1e-4)


def test_past_events_are_left_out_of_the_fit(small):
    values = small.panel.values.copy()
    values[0, 20:25] *= 50
    dates = small.panel.dates
    past = [EventWindow(event=(dates[20].date(), dates[24].date()))]
    asked = {"event": small.window, "treated": small.treated, "past": past}
    for method in ESTIMATORS:
        one, other = (method(replace(small.panel, values=v), **asked) for v in (small.panel.values, values))
        assert other.incremental == pytest.approx(one.incremental, rel=1e-9)
        assert by_name(other)["masked_events"].value == 5


# --- planted truth (simulated) ----------------------------------------------------------------------


def test_synthetic_did_finds_the_planted_effect():
    # simulated: 200 units, 40 treated, 400 days; errors in points of what would have been
    errors, covered = [], []
    for seed in range(6):
        drawn = simulate(Scenario(units=200, treated=40, days=400), seed=seed)
        part = drawn.truth[drawn.truth["treated"]]
        truth = part["effect"].sum() / part["counterfactual"].sum()
        result = synthetic_did(drawn.panel, event=drawn.window, treated=drawn.treated, scale="index", replications=60)
        errors.append(100 * (result.relative_effect - truth))
        covered.append(result.relative_low <= truth <= result.relative_high)
    assert np.sqrt(np.mean(np.square(errors))) < 0.75
    assert sum(covered) >= 5


@pytest.mark.parametrize("by", ["placebo", "jackknife", "conformal"])
def test_intervals_of_a_synthetic_control_hold_the_planted_effect(by):
    covered = []
    for seed in range(12):
        drawn = simulate(Scenario(units=25, treated=1, days=260, rho=0.3), seed=seed)
        result = synthetic_control(
            drawn.panel, event=drawn.window, treated=drawn.treated, scale="index", inference_by=by, level=0.8
        )
        covered.append(result.incremental_low <= drawn.truth["effect"].iloc[0] <= result.incremental_high)
    assert sum(covered) >= 7


def test_jackknife_and_placebo_errors_are_of_one_size():
    drawn = simulate(Scenario(units=60, treated=15, days=200, effect_spread=0.0), seed=2)
    asked = {"event": drawn.window, "treated": drawn.treated, "scale": "index"}
    placebo, jackknife = (synthetic_did(drawn.panel, standard_error=by, **asked) for by in ("placebo", "jackknife"))
    assert jackknife.incremental == pytest.approx(placebo.incremental)
    assert 0.5 < jackknife.fit["se"] / placebo.fit["se"] < 2.5


# --- checks and errors ------------------------------------------------------------------------------

LONG = {unit: [*series[:4] * 2, *series[4:]] for unit, series in HAND.items()}
LATER = EventWindow(event=("2025-01-09", "2025-01-10"))


@pytest.mark.parametrize("method", ESTIMATORS)
def test_donors_with_gaps_are_left_out_and_counted(method):
    gap = LONG | {"D": [1, None, *LONG["A"][2:]]}
    result = method(tidy(gap), event=LATER, treated="T")
    check = by_name(result)["donors_left_out"]
    assert (check.value, check.text) == (1, "1 of 4 donors lack a period and are left out: D")
    assert result.incremental == pytest.approx(method(tidy(LONG), event=LATER, treated="T").incremental)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_a_constant_donor_is_no_error(method):
    assert np.isfinite(method(tidy(LONG), event=LATER, treated="T", donors=["A", "B", "C"]).incremental)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_a_part_of_a_window_is_said(method):
    result = method(tidy(LONG), event=EventWindow(event=("2025-01-09", "2025-01-20")), treated="T")
    assert by_name(result)["partial_event"].passed is False


@pytest.mark.parametrize(
    ("change", "asked", "error", "message"),
    [
        ({}, {"donors": ["T", "A", "B"]}, DonorError, "may not be its own control, got T on both sides"),
        ({}, {"treated": ["T", "A", "B", "C"]}, DonorError, "all 4 units are treated"),
        ({}, {"donors": ["A"]}, DonorError, r"need 2\+ donors with data in every pre-event period .* got 1 \(A\)"),
        ({"A": [None] * 10, "B": [None] * 10}, {}, DonorError, r"got 1 \(C\); left out for gaps: A, B"),
        ({}, {"treated": "Z"}, UnknownNameError, "unknown unit 'Z'"),
        (
            {},
            {"event": EventWindow(event=("2026-01-01", "2026-01-02"))},
            WindowError,
            "lies outside the data, 2025",
        ),
        (
            {},
            {"event": EventWindow(event=("2024-12-30", "2025-01-02"))},
            WindowError,
            "at least twice .*, got 0 without",
        ),
        (
            {},
            {"event": EventWindow(event=("2025-01-06", "2025-01-10"))},
            WindowError,
            "at least twice as long as the window of 5 periods, got 5",
        ),
        ({"T": [6, None, *LONG["T"][2:]]}, {}, PanelError, "T lacks 1: 2025-01-02"),
        ({"T": [*LONG["T"][:9], None]}, {}, PanelError, "T lacks 1: 2025-01-10"),
        ({"T": [5] * 8 + [6, 6]}, {}, HelpersError, r"T is constant before the window \(always 5\)"),
        ({}, {"scale": "log"}, PanelError, "logs need values above 0; .* 0 of A on 2025-01-01"),
        ({"A": [0] * 8 + [1, 1]}, {"scale": "index"}, PanelError, "an index needs a mean above 0 .* got 0 for A"),
        ({}, {"scale": "percent"}, UnknownNameError, "unknown scale 'percent'"),
    ],
)
@pytest.mark.parametrize("method", ESTIMATORS)
def test_errors_of_all(method, change, asked, error, message):
    frame = tidy({unit: series for unit, series in (LONG | change).items() if any(v is not None for v in series)})
    if any(v[0] is None for v in change.values() if v):
        frame = pd.concat([frame, tidy({name: [1] for name in change})])
    with pytest.raises(error, match=message):
        method(frame, **({"event": LATER, "treated": "T"} | asked))


@pytest.mark.parametrize(
    ("method", "asked", "error", "message"),
    [
        (synthetic_did, {"kind": "scm"}, UnknownNameError, "unknown kind 'scm'"),
        (synthetic_did, {"standard_error": "bootstrap"}, UnknownNameError, "unknown standard error"),
        (synthetic_did, {"standard_error": "jackknife"}, DonorError, r"need 2\+ treated units .* got 1"),
        (synthetic_did, {"treated": ["T", "A"]}, DonorError, "more controls than treated units, got 2 and 2"),
        (synthetic_control, {"search": "deep"}, UnknownNameError, "unknown search 'deep'"),
        (synthetic_control, {"inference_by": "guess"}, UnknownNameError, "unknown inference 'guess'"),
        (synthetic_control, {"penalty": -1}, HelpersError, "penalty must be 0 or more, got -1"),
        (synthetic_control, {"donors": ["A", "B"]}, DonorError, r"placebos in space need 3\+ donors, got 2"),
        (synthetic_control, {"inference_by": "conformal"}, HelpersError, r"needs 20\+ periods, got 10"),
        (
            synthetic_control, {"predictors": [Predictor()], "inference_by": "jackknife"}, HelpersError,
            "with predictors use 'placebo'",
        ),
        (synthetic_control, {"predictors": [Predictor()], "v": [-1]}, HelpersError, "v must be 1 weights of 0 or more"),
        (
            synthetic_control, {"predictors": [Predictor(first="2025-01-09")]}, WindowError,
            "predictor value 2025-01-09: no period of it lies before the window",
        ),
        (
            synthetic_control, {"predictors": [Predictor()], "optimise": ("2026-01-01", "2026-01-02")}, WindowError,
            "optimise: no period between",
        ),
        (
            synthetic_control, {"predictors": [Predictor()], "training": [Predictor(), Predictor()]}, HelpersError,
            "training must have the 1 predictors of the fit, got 2",
        ),
        (augmented_synthetic_control, {"augment": "lasso"}, UnknownNameError, "unknown augment 'lasso'"),
        (augmented_synthetic_control, {"lambda_": 0}, HelpersError, "lambda_ must be above 0, got 0"),
        (augmented_synthetic_control, {"permutations": "all"}, UnknownNameError, "unknown permutations 'all'"),
    ],
)  # fmt: skip
def test_errors_of_each(method, asked, error, message):
    with pytest.raises(error, match=message):
        method(tidy(LONG), **({"event": LATER, "treated": "T"} | asked))


def test_a_predictor_that_the_treated_lacks(smoking):
    empty = smoking.covariates["beer"].copy()
    empty[smoking.row("California")] = np.nan
    lacking = replace(smoking, covariates=smoking.covariates | {"beer": empty})
    with pytest.raises(PanelError, match="without a value for California: beer 1984-01-01 to 1988-01-01"):
        synthetic_control(lacking, predictors=SMOKING_PREDICTORS, **PROP_99)
    empty = smoking.covariates["beer"].copy()
    empty[smoking.rows(["Utah", "Ohio"])] = np.nan
    lacking = replace(smoking, covariates=smoking.covariates | {"beer": empty})
    result = synthetic_control(lacking, predictors=SMOKING_PREDICTORS, v=[1, 1, 1, 1, 1, 1, 1], **PROP_99)
    assert "2 donors lack a predictor and are left out: Ohio, Utah" in [check.text for check in result.checks]
