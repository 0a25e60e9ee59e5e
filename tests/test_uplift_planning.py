"""Planning before an event, and when its after-effect is over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.weightstats import ztost

from helpers.errors import HelpersError, PanelError
from helpers.uplift import EventWindow, results
from helpers.uplift.equivalence import after_effect_over
from helpers.uplift.planning import by_window, effective_count, minimum_detectable, power_at, units_needed

REACH = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)  # 2.8016


def placebo(seed: int, *, windows: int = 60, units: int = 50, common: float = 0.01, own: float = 0.03) -> np.ndarray:
    """Simulated placebo errors, windows by units, of known variances."""
    rng = np.random.default_rng(seed)
    return common * rng.standard_normal((windows, 1)) + own * rng.standard_normal((windows, units))


# --- smallest effect: by hand -------------------------------------------------------------------


def test_one_unit_by_hand():
    # (1.95996 + 0.84162) x 0.035 = 0.09806
    plan = minimum_detectable(0.035)
    assert plan.mde == plan.mde_low == plan.mde_high == pytest.approx(0.09806, abs=1e-5)
    assert np.isnan([plan.floor, plan.common_sd, plan.mde_empirical]).all()
    assert plan.text == (
        "With one unit an effect must reach 9.8 % of the baseline to be found with a chance of 80 % "
        "(two-sided test at 5 %)."
    )


def test_shared_errors_set_a_floor_by_hand():
    # variance 0.05^2 = 0.0025, 4 % of it shared: 0.0001 + 0.0024 / 24 = 0.0002
    plan = minimum_detectable(0.05, common_share=0.04, unit_count=24)
    assert plan.se == pytest.approx(np.sqrt(0.0002))
    assert (plan.common_sd, plan.floor) == pytest.approx((0.01, 0.01 * REACH))
    # for 0.0002 of variance 24 units are needed, for less than the floor no number is enough
    assert units_needed(plan, effect=plan.mde) == 24
    assert units_needed(plan, effect=-plan.mde) == 24
    assert units_needed(plan, effect=0.027) == np.inf
    assert "no number of units shows less than 2.8 %, the error that they share" in plan.text


def test_variances_by_hand():
    # two windows of two units: products 0.02 x 0.04 and -0.01 x 0.03, mean (0.0008 - 0.0003) / 2 = 0.00025;
    # squares (4 + 16 + 1 + 9) / 4 = 7.5 of 1e-4, so 0.00075 in all
    plan = minimum_detectable(np.array([[0.02, 0.04], [-0.01, 0.03]]))
    assert plan.common_sd**2 == pytest.approx(0.00025)
    assert plan.own_sd**2 == pytest.approx(0.0005)


def test_injected_effects_by_hand():
    # errors -0.2, 0, 0.25; a test at 60 % alpha holds |e| against their 40 % quantile, 0.16 (0, 0.2, 0.25: 0.8 of the
    # way to 0.2); found are effects above 1.16/(1 + e) - 1 = 0.45, 0.16, -0.072, of which the 75 % quantile is 0.305
    plan = minimum_detectable(np.array([-0.2, 0, 0.25]), alpha=0.6, power=0.75)
    assert plan.mde_empirical == pytest.approx(0.305)


def test_effective_count_by_hand():
    # sizes 6, 2, 2: 100 / (36 + 4 + 4)
    assert effective_count([6, 2, 2]) == pytest.approx(100 / 44)
    assert effective_count([5, 5, 5, 5]) == 4


def test_windows_of_different_length_by_hand():
    # 10 days 2 %, 24 days 1.5 %: in days of baseline 10 x 0.02 and 24 x 0.015, times 2.8016
    table = by_window({24: 0.015, 10: 0.02})
    assert table["days"].to_list() == [10, 24]
    assert table["mde"].to_numpy() == pytest.approx([0.02 * REACH, 0.015 * REACH])
    assert table["mde_in_days"].to_numpy() == pytest.approx([0.2 * REACH, 0.36 * REACH])


# --- smallest effect: outside references --------------------------------------------------------


def test_textbook_two_sample_size():
    # half a standard deviation between two groups needs 63 each (normal, 5 % two-sided, 80 % power)
    assert minimum_detectable(np.sqrt(2 / 63)).mde == pytest.approx(0.5, abs=2e-3)
    plan = minimum_detectable(np.sqrt(2), common_share=0.0)
    assert units_needed(plan, effect=0.5) == 63


@pytest.mark.parametrize(("alpha", "power"), [(0.05, 0.8), (0.1, 0.9), (0.01, 0.95)])
def test_two_sample_power_agrees_with_statsmodels(alpha, power):
    reference = NormalIndPower()
    plan = minimum_detectable(np.sqrt(2 / 80), alpha=alpha, power=power)
    solved = reference.solve_power(nobs1=80, alpha=alpha, power=power)
    assert plan.mde == pytest.approx(solved, rel=1e-4)
    for effect in (0.0001, 0.1, 0.4):
        expected = reference.power(effect, 80, alpha)
        assert power_at(effect, se=np.sqrt(2 / 80), alpha=alpha) == pytest.approx(expected, abs=1e-9)


# --- smallest effect: laws ----------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(se=st.floats(1e-4, 1), alpha=st.floats(0.01, 0.3))
def test_the_power_of_no_effect_is_alpha(se, alpha):
    assert power_at(0.0, se=se, alpha=alpha) == pytest.approx(alpha)
    assert power_at(1e-20, se=se, alpha=alpha) == pytest.approx(alpha)
    curve = minimum_detectable(se, alpha=alpha).power_curve
    assert curve["power"].iloc[0] == pytest.approx(alpha)
    assert curve["power"].is_monotonic_increasing


def test_the_empirical_power_of_no_effect_is_alpha():
    curve = minimum_detectable(placebo(0), unit_count=5).power_curve
    assert curve["power_empirical"].iloc[0] == pytest.approx(0.05, abs=2e-4)
    assert curve["power_empirical"].is_monotonic_increasing
    assert curve["effect"].iloc[-1] == pytest.approx(2 * minimum_detectable(placebo(0), unit_count=5).mde)


def test_more_units_show_smaller_effects_but_none_below_the_floor():
    plan = minimum_detectable(placebo(1))
    assert (np.diff(plan.by_units["mde"]) < 0).all()
    assert (plan.by_units["mde"] > plan.floor).all()
    assert minimum_detectable(placebo(1), unit_count=10**7).mde == pytest.approx(plan.floor, rel=1e-4)


def test_the_order_of_windows_and_units_changes_nothing():
    errors = placebo(2)
    here, there = minimum_detectable(errors), minimum_detectable(errors[::-1, ::-1])
    assert (here.mde, here.floor, here.mde_empirical) == pytest.approx((there.mde, there.floor, there.mde_empirical))


def test_the_error_scales_the_smallest_effect():
    here, there = minimum_detectable(placebo(3)), minimum_detectable(3 * placebo(3))
    assert there.by_units["mde"].to_numpy() == pytest.approx(3 * here.by_units["mde"].to_numpy())


def test_units_that_lack_windows_are_kept_for_those_they_have():
    errors = placebo(4, windows=400)
    holes = np.where(np.random.default_rng(1).random(errors.shape) < 0.3, np.nan, errors)
    assert minimum_detectable(holes).own_sd == pytest.approx(minimum_detectable(errors).own_sd, rel=0.02)
    assert minimum_detectable(holes).common_sd == pytest.approx(minimum_detectable(errors).common_sd, rel=0.05)


# --- smallest effect: planted truth -------------------------------------------------------------


def test_planted_variances_are_found():
    plans = [minimum_detectable(placebo(seed)) for seed in range(40)]
    assert np.mean([plan.common_sd**2 for plan in plans]) == pytest.approx(1e-4, rel=0.08)
    assert np.mean([plan.own_sd**2 for plan in plans]) == pytest.approx(9e-4, rel=0.02)


@pytest.mark.parametrize("unit_count", [1, 20, 1000])
def test_intervals_of_the_smallest_effect_cover(unit_count):
    true = REACH * np.sqrt(1e-4 + 9e-4 / unit_count)
    plans = [minimum_detectable(placebo(seed), unit_count=unit_count) for seed in range(100)]
    held = np.mean([plan.mde_low <= true <= plan.mde_high for plan in plans])
    # Monte Carlo error 0.022
    assert 0.9 <= held <= 0.99


def test_an_effect_of_the_smallest_size_is_found_with_its_power():
    rng = np.random.default_rng(6)
    plan = minimum_detectable(placebo(5, windows=400), unit_count=20)
    estimates = plan.mde + 0.01 * rng.standard_normal(20_000) + 0.03 / np.sqrt(20) * rng.standard_normal(20_000)
    assert (np.abs(estimates) > 1.96 * plan.se).mean() == pytest.approx(0.8, abs=0.05)
    assert plan.mde_empirical == pytest.approx(plan.mde, rel=0.12)


def test_errors_with_heavy_tails_fail_the_check_of_size():
    rng = np.random.default_rng(0)
    skewed = np.where(rng.random((200, 1)) < 0.12, 0.08, 0.004) * rng.choice([-1, 1], (200, 1))
    by_name = {check.name: check for check in minimum_detectable(skewed).checks}
    assert by_name["size"].passed is False
    assert by_name["size"].value > 0.08
    assert by_name["windows"].passed is True
    few = {check.name: check for check in minimum_detectable(placebo(0, windows=6)).checks}
    assert (few["windows"].passed, few["windows"].value) == (False, 6)
    assert few["size"].passed is True


# --- smallest effect: errors --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "settings", "error", "match"),
    [
        (0.0, {}, HelpersError, "a standard error must be finite and above 0, got 0.0"),
        (0.03, {"unit_count": 0}, HelpersError, "unit_count must be 1 or more, got 0"),
        (0.03, {"unit_count": 40}, HelpersError, "give common_share to plan for 40 units"),
        (np.array([0.1, 0.2, 0.1]), {"unit_count": 2}, HelpersError, "errors of one unit do not tell"),
        (0.03, {"alpha": 0.9}, HelpersError, "0 < alpha < power < 1, got 0.9 and 0.8"),
        (0.03, {"common_share": 1.5}, HelpersError, "common_share must lie from 0 to 1, got 1.5"),
        (np.array([0.1]), {}, PanelError, "need 2\\+ placebo errors in a table of windows by units, got 1"),
        (np.array([0.1, np.inf]), {}, PanelError, "finite and above -1"),
        (np.array([0.1, -1.2]), {}, PanelError, "above -1; got -1.2"),
    ],
)
def test_bad_plans_are_refused(errors, settings, error, match):
    with pytest.raises(error, match=match):
        minimum_detectable(errors, **settings)


def test_other_bad_settings_are_refused():
    with pytest.raises(HelpersError, match="an effect must be finite and not 0, got 0"):
        units_needed(minimum_detectable(0.03, common_share=0.1), effect=0)
    with pytest.raises(HelpersError, match="the plan rests on one unit"):
        units_needed(minimum_detectable(0.03), effect=0.1)
    with pytest.raises(HelpersError, match="sizes must be finite and 0 or more"):
        effective_count([1, -1])
    with pytest.raises(HelpersError, match=r"need one or more windows of 1\+ days, got \[0\]"):
        by_window({0: 0.1})


# --- the after-effect: by hand ------------------------------------------------------------------


def path(effect, *, se=1.0, base=100.0, event_days=2) -> pd.DataFrame:
    """Daily path of an event from 11 November on and its after-effect."""
    n = event_days + len(effect)
    values = np.concatenate([np.full(event_days, 80.0), np.asarray(effect, dtype=float)])
    half = stats.norm.ppf(0.975) * se
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-11-11", periods=n), "counterfactual": base, "effect": values,
            "phase": ["event"] * event_days + ["after_effect"] * len(effect),
            "low": values - half, "high": values + half,
        }
    )  # fmt: skip


def test_the_end_of_a_hangover_by_hand():
    # runs of 2 days, errors of 0.5 moving together; a run passes where |mean| + 1.645 x 0.5 <= 2, that is up to 1.18:
    # means -7.5, -5, -2.5, -0.5, 0, 0 from 13 November on; the first to pass starts on the 16th
    result = after_effect_over(path([-10, -5, -5, 0, -1, 1, -1], se=0.5), run_days=2)
    assert result.table["relative"].to_numpy() == pytest.approx([-0.075, -0.05, -0.025, -0.005, 0, 0])
    assert result.table["high"].iloc[-1] == pytest.approx(1.644854 * 0.005, abs=1e-7)
    assert result.state == "over"
    assert (result.over_from, result.window_end) == (pd.Timestamp("2025-11-16"), pd.Timestamp("2025-11-15"))
    # both tests at the last run: (0.02 - 0) / 0.005 = 4 standard errors
    assert result.table["p_value"].iloc[-1] == pytest.approx(stats.norm.sf(4))
    assert result.smallest_margin == pytest.approx(1.644854 * 0.005, abs=1e-7)
    assert result.text == (
        "The after-effect is over from 2025-11-16: from then on the mean of 2 days is shown to be within ±2 % of the "
        "counterfactual (95 % sure)."
    )


def test_not_shown_is_not_still_there():
    # mean 0, but 1.645 x 3 = 4.9 on either side
    unknown = after_effect_over(path([0] * 7, se=3.0))
    assert (unknown.state, unknown.over_from, unknown.window_end) == ("not shown", None, None)
    assert "not shown within the data that the after-effect is over, nor that it is still there" in unknown.text
    assert "a margin of 4.9 % or more would be needed" in unknown.text
    there = after_effect_over(path([-10] * 7))
    assert there.state == "still there"
    assert (there.checks[0].name, there.checks[0].passed) == ("after_effect_over", False)


def test_a_relapse_moves_the_end_behind_it():
    # quiet on days 1-2, back on days 3-4, quiet again: the early run does not count
    result = after_effect_over(path([0, 0, -9, -9, 0, 0, 0], se=0.2), run_days=2)
    assert result.table["is_within"].to_list() == [True, False, False, False, True, True]
    assert result.over_from == pd.Timestamp("2025-11-17")


def test_days_without_an_observation_are_in_no_run():
    frame = path([-9, -9, 0, 0, 0, 0, 0, 0], se=0.2)
    frame.loc[5, "effect"] = np.nan  # 16 November
    result = after_effect_over(frame, run_days=2)
    assert result.table["first_date"].dt.day.to_list() == [13, 14, 17, 18, 19]
    assert (result.checks[-1].name, result.checks[-1].text.split()[0]) == ("untested_runs", "1")
    assert result.over_from == pd.Timestamp("2025-11-17")


# --- the after-effect: outside reference and laws ------------------------------------------------


def test_two_one_sided_tests_agree_with_statsmodels():
    sample = np.random.default_rng(8).normal(0.3, 2.0, 28)
    spread = sample.std(ddof=1)
    covariance = np.diag(np.concatenate([np.ones(2), np.full(28, spread**2)]))
    result = after_effect_over(path(sample), run_days=28, margin_share=0.01, covariance=covariance)
    assert result.table["p_value"].iloc[0] == pytest.approx(ztost(sample, -1.0, 1.0)[0], rel=1e-9)


def test_days_taken_to_move_together_are_the_widest_case():
    frame = path(np.zeros(9), se=np.concatenate([[1, 1], np.linspace(0.5, 1.5, 9)]))
    se = np.concatenate([[1, 1], np.linspace(0.5, 1.5, 9)])
    widest = after_effect_over(frame).table
    for rho in (0.0, 0.5, 0.99):
        covariance = np.outer(se, se) * (rho + (1 - rho) * np.eye(11))
        table = after_effect_over(frame, covariance=covariance).table
        assert (table["high"] < widest["high"]).all()


def test_draws_agree_with_their_covariance():
    rng = np.random.default_rng(9)
    root = rng.standard_normal((14, 14)) / 4
    frame = path(np.linspace(-3, 0, 12))
    drawn = after_effect_over(frame, errors=rng.standard_normal((20_000, 14)) @ root.T).table
    closed = after_effect_over(frame, covariance=root @ root.T).table
    for name in ("low", "high"):
        assert drawn[name].to_numpy() == pytest.approx(closed[name].to_numpy(), abs=5e-4)
    assert drawn["p_value"].to_numpy() == pytest.approx(closed["p_value"].to_numpy(), abs=0.012)


def test_the_currency_changes_nothing():
    frame = path([-10, -5, -5, 0, -1, 1, -1], se=0.5)
    money = ["effect", "counterfactual", "low", "high"]
    here, there = (after_effect_over(f, run_days=2) for f in (frame, frame.assign(**(frame[money] * 7.1))))
    pd.testing.assert_frame_equal(here.table, there.table)
    assert here.text == there.text


def test_an_uplift_result_brings_its_path_and_level():
    frame = path([-10, -5, -5, 0, -1, 1, -1], se=0.5)
    dates = pd.DatetimeIndex(frame["date"])
    window = EventWindow(event=("2025-11-11", "2025-11-12"), after_effect=("2025-11-13", "2025-11-19"))
    effect, base = frame["effect"].to_numpy(), frame["counterfactual"].to_numpy()
    uplift = results.assemble(
        method="test", unit="shop", window=window, phases=window.phase_of(dates), dates=dates, level=0.8,
        observed=base + effect, counterfactual=base,
        interval=results.from_covariance(0.25 * np.eye(9), effect, stats.norm.ppf(0.9)),
    )  # fmt: skip
    given, own = after_effect_over(uplift, run_days=2), after_effect_over(frame, run_days=2)
    pd.testing.assert_frame_equal(given.table, own.table)
    assert "80 % intervals of single days" in given.checks[1].text


# --- the after-effect: planted truth -------------------------------------------------------------


def test_an_after_effect_is_rarely_called_over_too_early():
    # simulated: 21 days, a true effect of exactly the margin all along, independent errors of 3 % a day
    rng = np.random.default_rng(10)
    wrong = 0
    for _ in range(400):
        frame = path(-2.0 + 3.0 * rng.standard_normal(21))
        wrong += after_effect_over(frame, covariance=9.0 * np.eye(23)).state == "over"
    # 5 % meant, Monte Carlo error sqrt(0.05 x 0.95 / 400) = 0.011
    assert wrong / 400 < 0.05 + 3 * 0.011


def test_the_end_of_a_decaying_hangover_is_found():
    # simulated: -22 % falling by 30 % a day reaches 2 % on the 8th day; errors of 1 % a day
    rng = np.random.default_rng(12)
    true = -22 * 0.7 ** np.arange(28)
    ends = []
    for _ in range(40):
        result = after_effect_over(path(true + rng.standard_normal(28)), covariance=np.eye(30))
        assert result.state == "over"
        ends.append((result.over_from - pd.Timestamp("2025-11-13")).days)
    assert 5 <= np.median(ends) <= 9


# --- the after-effect: errors -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"margin_share": 0}, "margin_share must be above 0, got 0: no data can show an effect of exactly 0"),
        ({"level": 0.4}, "level must lie between 0.5 and 1, got 0.4"),
        ({"run_days": 0}, "run_days must be a whole number of days, 1 or more, got 0"),
        ({"run_days": 8}, r"need 8\+ observed days of after-effect \(run_days\), got 7"),
        ({"errors": np.ones((5, 7))}, r"errors must have the shape \(2\+ draws, 9 observed days\), got \(5, 7\)"),
        ({"covariance": np.eye(7)}, r"covariance must have the shape \(9, 9\), the observed days, got \(7, 7\)"),
    ],
)
def test_bad_equivalence_settings_are_refused(settings, match):
    with pytest.raises(HelpersError, match=match):
        after_effect_over(path([0] * 7), **settings)


def test_bad_paths_are_refused():
    with pytest.raises(
        PanelError, match="needs the columns date, phase, effect, counterfactual, low, high; missing: low"
    ):
        after_effect_over(path([0] * 7).drop(columns="low"))
    with pytest.raises(HelpersError, match="a margin needs a counterfactual above 0, got -1 from 2025-11-13 on"):
        after_effect_over(path([0] * 7, base=-1.0))
    gappy = path([0] * 8)
    gappy.loc[5, "effect"] = np.nan
    with pytest.raises(HelpersError, match=r"no 7 days in a row \(run_days\) were observed"):
        after_effect_over(gappy)
