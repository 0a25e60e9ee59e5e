"""The structural counterfactual: its algebra against brute force, published answers, laws, planted truth, errors."""

from __future__ import annotations

import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import (
    EventWindow,
    League,
    ModelSettings,
    Panel,
    calibration,
    compare,
    design,
    gls,
    league,
    panel,
    structural,
)
from helpers.uplift.aligned import aligned_years
from helpers.uplift.families import families
from helpers.uplift.sensitivity import sensitivity
from helpers.uplift.simulate import SHAPE, Scenario, simulate

DATA = Path(__file__).parent / "data"


def terms_of(days: int) -> gls.Terms:
    made = design.build(pd.date_range("2025-01-01", periods=days), weekly=True, annual=1, slow=True)
    return made.terms


def covariance(terms: gls.Terms, days: np.ndarray, rho: float, kappa: float) -> np.ndarray:
    """Of a series over sigma squared, coefficients integrated out: what the fast algebra must agree with."""
    wide = terms.matrix[days] * terms.sd(kappa)
    return wide @ wide.T + rho ** np.abs(days[:, None] - days[None, :])


def walks(days: int, units: int = 3) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((units, days)).cumsum(1) * 0.1


@pytest.fixture(scope="module")
def one():
    return simulate(Scenario(), seed=7)


@pytest.fixture(scope="module")
def many():
    return simulate(Scenario(units=120, treated=30, days=400), seed=3)


# The algebra, against the textbook's own formulas


def test_hidden_days_are_the_conditional_normal_distribution():
    # mean K_ho K_oo^-1 y and covariance K_hh - K_ho K_oo^-1 K_oh, with gaps and a window in the middle and at the end
    days, terms, series = 150, terms_of(150), walks(150)
    hidden = np.r_[70:80, 140:150]
    observed = np.setdiff1d(np.arange(days), np.r_[hidden, 30, 31, 50])
    found = gls.posterior(series, terms, observed=observed, hidden=hidden)
    for point, (rho, kappa) in enumerate(found.grid):
        full = covariance(terms, np.arange(days), rho, kappa)
        across, own = full[np.ix_(hidden, observed)], full[np.ix_(observed, observed)]
        mean = across @ np.linalg.solve(own, series[:, observed].T)
        spread = full[np.ix_(hidden, hidden)] - across @ np.linalg.solve(own, across.T)
        np.testing.assert_allclose(found.means[point], mean.T, atol=1e-8)
        np.testing.assert_allclose(found.covariances[point], spread, atol=1e-8)


def test_weights_of_the_grid_are_the_marginal_likelihood():
    # with sigma integrated out under 1 / sigma, y is multivariate t up to a constant: |K|^-1/2 (y'K^-1 y)^-n/2
    terms, series = terms_of(80), walks(80)
    observed, hidden = np.arange(70), np.arange(70, 80)
    found = gls.posterior(series, terms, observed=observed, hidden=hidden)
    logs = []
    for rho, kappa in found.grid:
        full = covariance(terms, observed, rho, kappa)
        square = np.einsum("nt,nt->n", series[:, observed], np.linalg.solve(full, series[:, observed].T).T)
        logs.append(-0.5 * np.linalg.slogdet(full)[1] - 0.5 * len(observed) * np.log(square))
    logs = np.array(logs)
    share = np.exp(logs - logs.max(0))
    np.testing.assert_allclose(found.weights, share / share.sum(0), atol=1e-6)


def test_placebo_windows_are_forecasts_from_the_days_before_them():
    days, terms, series = 120, terms_of(120), walks(120)
    observed = np.setdiff1d(np.arange(days), [40, 41])
    starts = calibration.windows_of(observed, width=8, before=110)
    centred = series - series[:, observed].mean(1, keepdims=True)
    seen = series[:, observed]
    found = calibration.rolling_origin(
        centred[:, observed], seen - centred[:, observed], np.exp(seen), terms, observed=observed, starts=starts,
        width=8, rho=0.5, kappa=0.3, variances=np.full(3, 0.01),
    )  # fmt: skip
    full = covariance(terms, observed, 0.5, 0.3)
    for place, at in enumerate(starts):
        past, block = slice(0, at), slice(at, at + 8)
        mean = full[block, past] @ np.linalg.solve(full[past, past], centred[:, observed][:, past].T)
        spread = full[block, block] - full[block, past] @ np.linalg.solve(full[past, past], full[past, block])
        logs = mean.T + (series - centred)[:, observed][:, block]
        daily = np.exp(logs + 0.5 * 0.01 * np.diag(spread))
        np.testing.assert_allclose(found.totals[place], daily.sum(1), rtol=1e-8)
        se = np.sqrt(0.01 * np.einsum("nk,kl,nl->n", daily, spread, daily))
        np.testing.assert_allclose(found.spreads[place], se, rtol=1e-8)


def test_placebo_windows_skip_gaps_and_leave_history():
    # day 12 is missing, the event starts on 27: of width 5 fit 22-26 and 17-21; 12-16 lacks a day, 7-11 lacks history
    observed = np.setdiff1d(np.arange(30), [12])
    starts = calibration.windows_of(observed, width=5, before=27)
    assert [int(observed[at]) for at in starts] == [22, 17]


def test_stretching_by_hand():
    # four windows with scores 2, -2, 2, -2: mean square 4; sqrt((15 * 1 + 16) / (15 + 4)) = 1.2773
    found = calibration.calibrate(np.array([[2.0], [-2.0], [2.0], [-2.0]]), level=0.95, pool=False)
    assert found.factor[0] == pytest.approx(np.sqrt(31 / 19))
    assert found.quantile[0] == pytest.approx(stats.t.ppf(0.975, 19))
    # without itself a window is judged by sqrt((15 + 12) / 18) * t(18) = 1.2247 * 2.1009 = 2.573 > 2
    assert (found.coverage_before[0], found.coverage[0]) == (0.0, 1.0)


def test_coverage_fails_where_placebo_windows_are_missed():
    found = calibration.calibrate(np.r_[np.full(6, 8.0), np.zeros(6)][:, None], level=0.95, pool=False)
    check = found.check()
    assert check.passed is False
    assert "of 12 placebo windows" in check.text


# Published answers


def test_causal_impact_vignette():
    # R's CausalImpact on the same series; the tolerances are its Monte Carlo error and the ports' spread
    frame = pd.read_csv(DATA / "causalimpact_arma.csv")
    dates = pd.date_range("2025-01-01", periods=len(frame))
    tidy = pd.concat([pd.DataFrame({"unit": name, "date": dates, "value": frame[name]}) for name in ("y", "X")])
    event = EventWindow(event=(dates[70].date(), dates[99].date()))
    settings = ModelSettings(scale="level", trend=False, weekly=False, annual=0, slow=False)
    found = structural(tidy, event=event, treated="y", settings=settings)
    total = found.parts.set_index("phase").loc["total"]
    assert total["observed"] == pytest.approx(3637, abs=0.5)
    assert total["counterfactual"] == pytest.approx(3610, abs=4)
    assert found.att == pytest.approx(0.89, abs=0.13)
    assert found.incremental == pytest.approx(26.67, abs=4)
    half = (found.incremental_high - found.incremental_low) / 2
    assert half / stats.t.ppf(0.975, calibration.PRIOR_WINDOWS) == pytest.approx(9.1, abs=2.5)
    assert found.verdict == "positive"


# Laws


def scaled(data: Panel, by: float) -> Panel:
    return replace(data, values=data.values * by)


@pytest.mark.parametrize("scale", ["log", "level"])
def test_another_currency_scales_money_and_leaves_shares_alone(one, scale):
    settings = ModelSettings(scale=scale)
    home = structural(one.panel, event=one.window, treated=one.treated[0], settings=settings)
    abroad = structural(scaled(one.panel, 7.1), event=one.window, treated=one.treated[0], settings=settings)
    assert abroad.incremental == pytest.approx(7.1 * home.incremental, rel=1e-6)
    assert abroad.incremental_low == pytest.approx(7.1 * home.incremental_low, rel=1e-6, abs=1e-3)
    assert abroad.relative_effect == pytest.approx(home.relative_effect, rel=1e-6)
    assert abroad.relative_high == pytest.approx(home.relative_high, rel=1e-6)


def test_order_of_units_and_rows_does_not_matter(one):
    tidy = as_table(one.panel)
    shuffled = tidy.sample(frac=1, random_state=1)
    first = structural(tidy, event=one.window, treated=one.treated[0])
    second = structural(shuffled, event=one.window, treated=one.treated[0])
    assert second.incremental == pytest.approx(first.incremental, rel=1e-9)
    assert second.incremental_high == pytest.approx(first.incremental_high, rel=1e-9)


def as_table(data: Panel) -> pd.DataFrame:
    names = np.repeat(data.units.to_numpy(), len(data.dates))
    return pd.DataFrame({"unit": names, "date": np.tile(data.dates, len(data.units)), "value": data.values.ravel()})


def test_parts_sum_to_the_total_and_the_path_to_the_parts(one):
    found = structural(one.panel, event=one.window, treated=one.treated[0])
    parts = found.parts.set_index("phase")
    phases = ["pre_dip", "event", "after_effect"]
    for column in ("days", "observed", "counterfactual", "effect"):
        assert parts.loc[phases, column].sum() == pytest.approx(parts.at["total", column])
    by_phase = found.path.groupby("phase")["effect"].sum()
    for phase in phases:
        assert by_phase[phase] == pytest.approx(parts.at[phase, "effect"])
    assert found.incremental == pytest.approx(found.event_effect - found.pull_forward - found.borrowed)


def test_effects_added_to_the_window_are_found_to_the_last_yuan(one):
    # the counterfactual does not see the window, so what is added there comes out whole
    day = np.flatnonzero(one.window.phase_of(one.panel.dates) != "")[5]
    values = one.panel.values.copy()
    values[0, day] += 12_345.0
    before = structural(one.panel, event=one.window, treated=one.treated[0])
    after = structural(replace(one.panel, values=values), event=one.window, treated=one.treated[0])
    assert after.incremental - before.incremental == pytest.approx(12_345.0)
    assert after.incremental_low - before.incremental_low == pytest.approx(12_345.0)


def test_a_league_says_of_each_unit_what_it_says_alone():
    drawn = simulate(Scenario(units=12, treated=3, days=400), seed=5)
    table = league(drawn.panel, event=drawn.window, treated=drawn.treated).table.set_index("unit")
    alone = structural(drawn.panel, event=drawn.window, treated=drawn.treated)
    assert table.loc[drawn.treated, "effect"].sum() == pytest.approx(alone.incremental, rel=1e-9)


def test_blocks_threads_and_a_cluster_give_the_same_bits(many, monkeypatch):
    from distributed import LocalCluster

    asked = {"event": many.window, "treated": many.treated}
    monkeypatch.setattr(sys.modules[League.__module__], "BLOCK", 32)
    here = league(many.panel, **asked)
    threaded = league(many.panel, threads=2, **asked)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        apart = league(many.panel, cluster=cluster.scheduler_address, **asked)
    pd.testing.assert_frame_equal(here.table, threaded.table, check_exact=True)
    pd.testing.assert_frame_equal(here.table, apart.table, check_exact=True)
    assert (here.average_low, here.total_high) == (apart.average_low, apart.total_high)


# Planted truth


def test_coverage_and_error_on_single_series():
    # 80 simulated series: 95 % intervals should miss 4; 10 or more misses have a chance of 1 %
    errors, held = [], 0
    for seed in range(80):
        drawn = simulate(Scenario(), seed=seed)
        found = structural(drawn.panel, event=drawn.window, treated=drawn.treated[0])
        truth = drawn.truth.iloc[0]
        errors.append(100 * (found.incremental - truth["effect"]) / truth["counterfactual"])
        held += found.incremental_low <= truth["effect"] <= found.incremental_high
    assert held >= 71
    assert np.sqrt(np.mean(np.square(errors))) < 3.7


@pytest.mark.parametrize(("selected", "most"), [(False, 0.75), (True, 0.95)])
def test_coverage_and_error_of_panels(selected, most):
    # the mean of 40 units; 12 panels hold 40 * 12 unit intervals: fewer than 92.5 % held has a chance below 1 %
    errors, held, units = [], 0, []
    for seed in range(12):
        drawn = simulate(Scenario(units=200, treated=40, days=400, selected=selected), seed=seed)
        found = league(drawn.panel, event=drawn.window, treated=drawn.treated, include_controls=False)
        truth = drawn.truth[drawn.truth["treated"]].reset_index(drop=True)
        mean = truth["relative"].mean()
        errors.append(100 * (found.average - mean))
        held += found.average_low <= mean <= found.average_high
        units.append(found.table["low"].le(truth["effect"]) & found.table["high"].ge(truth["effect"]))
    assert np.sqrt(np.mean(np.square(errors))) < most
    assert held >= 10
    assert 0.925 < np.mean(units) < 0.985


def test_never_treated_units_show_nothing(many):
    found = league(many.panel, event=many.window, treated=many.treated)
    (check,) = [check for check in found.checks if check.name == "placebo_in_space"]
    assert check.passed is True
    assert 0.88 < check.value <= 1


def test_masking_an_earlier_event_keeps_its_days_out():
    drawn = simulate(Scenario(past_event=True), seed=11)
    values = drawn.panel.values.copy()
    inside = drawn.past[0].phase_of(drawn.panel.dates) != ""
    values[0, inside] *= 50  # whatever happened on masked days
    asked = {"event": drawn.window, "treated": drawn.treated[0], "past": drawn.past}
    plain = structural(drawn.panel, **asked)
    wild = structural(replace(drawn.panel, values=values), **asked)
    assert wild.incremental == pytest.approx(plain.incremental)
    (check,) = [check for check in plain.checks if check.name == "masked_events"]
    assert check.value == int(inside.sum())


def test_missing_days_are_counted_and_change_little(one):
    values = one.panel.values.copy()
    values[0, 400:407] = np.nan
    values[0, 300] = 0.0
    found = structural(replace(one.panel, values=values), event=one.window, treated=one.treated[0])
    whole = structural(one.panel, event=one.window, treated=one.treated[0])
    (check,) = [check for check in found.checks if check.name == "left_out"]
    assert check.value == 8
    assert "missing or zero, which has no log" in check.text
    assert abs(found.relative_effect - whole.relative_effect) < 0.01


def test_without_controls_the_report_says_so(one):
    alone = structural(one.panel, event=one.window, treated=one.treated[0], controls=[])
    (check,) = [check for check in alone.checks if check.name == "clean_controls"]
    assert check.passed is False
    assert "other years' aligned windows" in check.text
    guarded = structural(one.panel, event=one.window, treated=one.treated[0])
    width = [r.incremental_high - r.incremental_low for r in (alone, guarded)]
    assert width[0] > 1.2 * width[1]


def test_a_partial_event_is_accounted_as_far_as_the_data_go(one):
    short = replace(one.panel, values=one.panel.values[:, :-5], dates=one.panel.dates[:-5])
    found = structural(short, event=one.window, treated=one.treated[0])
    (check,) = [check for check in found.checks if check.name == "partial_event"]
    assert check.passed is False
    assert found.parts.set_index("phase").at["total", "days"] == 24 - 5


def test_regressors_explain_what_they_name(one):
    # a holiday that halves sales, once in the history and once in the window
    holiday = np.zeros(len(one.panel.dates))
    inside = np.flatnonzero(one.window.phase_of(one.panel.dates) != "")
    holiday[[inside[2], inside[2] - 364, inside[2] - 300, inside[2] - 200]] = 1
    values = one.panel.values.copy()
    values[0] *= np.exp(-0.7 * holiday)
    table = pd.DataFrame({"holiday": holiday, "never": 0.0}, index=one.panel.dates)
    data = replace(one.panel, values=values)
    blind = structural(data, event=one.window, treated=one.treated[0])
    told = structural(data, event=one.window, treated=one.treated[0], regressors=table)
    plain = structural(one.panel, event=one.window, treated=one.treated[0])
    assert abs(told.relative_effect - plain.relative_effect) < 0.6 * abs(blind.relative_effect - plain.relative_effect)


def test_estimators_stand_in_one_table(one):
    results = [structural(one.panel, event=one.window, treated=one.treated[0]) for _ in range(2)]
    table = compare(results)
    assert list(table["method"]) == ["structural", "structural"]
    assert set(table["verdict"]) <= {"positive", "negative", "not distinguishable from zero", "no verdict"}


# Other years, families of events, sensitivity


def test_aligned_years_by_hand():
    # 364 days at 100, then 110 a day: growth is 10 %, so 110 is expected; the window has 121 on three days
    dates = pd.date_range("2024-01-01", periods=364 * 2)
    values = np.r_[np.full(364, 100.0), np.full(364, 110.0)]
    values = values * np.exp(np.random.default_rng(0).normal(0, 1e-4, len(values)))  # placebo windows need noise
    values[-10:-7] = 121.0
    frame = pd.DataFrame({"unit": "a", "date": dates, "value": values})
    event = EventWindow(event=(dates[-10].date(), dates[-8].date()))
    found = aligned_years(frame, event=event, treated="a", held_before=False)
    assert found.relative_effect == pytest.approx(0.1, abs=1e-3)
    assert found.incremental == pytest.approx(33, abs=0.2)
    assert found.verdict == "positive"
    held = aligned_years(frame, event=event, treated="a")
    assert held.text.endswith("which held the event too.")


def test_aligned_years_need_a_year(one):
    early = EventWindow(event=(one.panel.dates[300].date(), one.panel.dates[305].date()))
    with pytest.raises(WindowError, match="need 420 days before the window, got 300"):
        aligned_years(one.panel, event=early, treated=one.treated[0])


def overlapping(seed: int = 4):
    """Thirty units with two festivals and three live sessions, the last of them inside the last festival."""
    drawn = simulate(Scenario(units=60, treated=30, days=800, effect_scale=0.0), seed=seed)
    rng, dates = np.random.default_rng(seed), drawn.panel.dates
    size = np.maximum(0.3, 1 + 0.3 * rng.standard_normal((2, 30, 1)))
    logs = np.zeros((2, 30, 800))
    for start in (400, 760):
        logs[0, :, start : start + 24] += size[0] * SHAPE
    for start in (300, 500, 771):
        logs[1, :, start : start + 2] += size[1] * np.array([0.8, 0.4])
    values = drawn.without.copy()
    values[:30] *= np.exp(logs.sum(0))
    festivals = [
        EventWindow.around(
            dates[s + 10].date(),
            dates[s + 12].date(),
            dip_days=10,
            after_days=11,
            name=f"festival {s}",
            family="festival",
        )
        for s in (400, 760)
    ]
    lives = [
        EventWindow(event=(dates[s].date(), dates[s + 1].date()), name=f"live {s}", family="live")
        for s in (300, 500, 771)
    ]
    return replace(drawn.panel, values=values), festivals, lives, drawn, logs


def test_overlapping_families_are_told_apart():
    data, festivals, lives, drawn, logs = overlapping()
    found = families(data, events=[*festivals, *lives], treated=drawn.treated, controls=drawn.controls)
    live = found.shapes[found.shapes["family"].eq("live")]
    assert live["log_effect"].to_numpy() == pytest.approx(np.array([0.8, 0.4]) * logs[1, :, 500].mean() / 0.8, abs=0.03)
    base, own, other = drawn.without[:30, 771:773], logs[1, :, 771:773], logs[0, :, 771:773]
    # Shapley: half of what the session adds alone, half of what it adds on top of the festival
    truth = (base * 0.5 * (np.expm1(own) + np.exp(other) * np.expm1(own))).sum()
    row = found.events.set_index("event").loc["live 771"]
    assert row["overlap_days"] == 2
    assert row["effect"] == pytest.approx(truth, rel=0.08)
    amplitudes = found.amplitudes[found.amplitudes["family"].eq("live")]
    true = logs[1, :, 500] / logs[1, :, 500].mean()
    error = {kind: float(np.mean((amplitudes[kind].to_numpy() - true) ** 2)) for kind in ("raw", "amplitude")}
    assert error["amplitude"] < error["raw"]


def test_families_never_seen_apart_are_refused():
    data, festivals, lives, drawn, _ = overlapping()
    with pytest.raises(
        HelpersError, match=r"never seen apart on 4 of their days .*another occurrence without the overlap"
    ):
        families(data, events=[festivals[1], lives[2]], treated=drawn.treated, controls=drawn.controls)


def test_families_need_a_name(one):
    with pytest.raises(HelpersError, match=r"every event needs a family.*simulated"):
        families(one.panel, events=[replace(one.window, family="")], treated=one.treated)


def test_sensitivity_runs_each_choice_again():
    drawn = simulate(Scenario(rest_days=20), seed=9)
    found = sensitivity(drawn.panel, event=drawn.window, treated=drawn.treated[0])
    counts = found.table["kind"].value_counts()
    assert (counts["control left out"], counts["window"], counts["model"], counts["history"]) == (5, 4, 3, 1)
    main = structural(drawn.panel, event=drawn.window, treated=drawn.treated[0])
    assert found.table["incremental"].iloc[0] == pytest.approx(main.incremental)
    without = [c for c in drawn.controls if c != drawn.controls[0]]
    fewer = structural(drawn.panel, event=drawn.window, treated=drawn.treated[0], controls=without)
    row = found.table.set_index("variant").loc[f"without {drawn.controls[0]}"]
    assert row["relative_effect"] == pytest.approx(fewer.relative_effect)
    names = {check.name: check for check in found.checks}
    assert set(names) == {"leave_one_control_out", "window_choice", "model_choice", "placebo_in_space"}
    alone = [
        structural(drawn.panel, event=drawn.window, treated=unit, controls=[c for c in drawn.controls if c != unit])
        for unit in drawn.controls
    ]
    assert names["placebo_in_space"].value == np.mean([r.incremental_low <= 0 <= r.incremental_high for r in alone])


# Each error


def test_windows_that_do_not_fit(one):
    outside = EventWindow(event=("2030-01-01", "2030-01-03"))
    with pytest.raises(WindowError, match="lies outside the data, 2024-01-01 to"):
        structural(one.panel, event=outside, treated=one.treated[0])
    early = EventWindow(event=("2024-01-05", "2024-01-07"))
    with pytest.raises(WindowError, match="at least twice as long as the window of 3 periods, got 4 without"):
        structural(one.panel, event=early, treated=one.treated[0])


def test_donors_that_are_none(one):
    with pytest.raises(DonorError, match="cannot be treated and a control: unit_00000"):
        structural(one.panel, event=one.window, treated=one.treated[0], controls=["unit_00000", "unit_00001"])
    with pytest.raises(DonorError, match="no treated unit"):
        structural(one.panel, event=one.window, treated=[])
    with pytest.raises(UnknownNameError, match="unknown unit 'unit_9'"):
        structural(one.panel, event=one.window, treated="unit_9")
    with pytest.raises(DonorError, match="every unit was named as a control"):
        league(one.panel, event=one.window, controls=list(one.panel.units))
    flat = one.panel.values.copy()
    flat[1:] = 5.0
    with pytest.raises(DonorError, match="none of the 5 controls is usable: 5 controls left out"):
        structural(replace(one.panel, values=flat), event=one.window, treated=one.treated[0])


def test_values_that_logs_cannot_take(one):
    values = one.panel.values.copy()
    values[0, 17] = -3.0
    data = replace(one.panel, values=values)
    with pytest.raises(PanelError, match=r"unit_00000 is -3 on 2024-01-18 and logs are asked for.*scale='level'"):
        structural(data, event=one.window, treated=one.treated[0])
    found = structural(data, event=one.window, treated=one.treated[0], settings=ModelSettings(scale="level"))
    assert np.isfinite(found.incremental)


def test_a_constant_series_is_refused_alone_and_told_in_a_league():
    drawn = simulate(Scenario(units=8, treated=2, days=400), seed=1)
    values = drawn.panel.values.copy()
    values[0] = 100.0
    data = replace(drawn.panel, values=values)
    with pytest.raises(HelpersError, match="constant outside the window"):
        structural(data, event=drawn.window, treated=drawn.treated[0])
    found = league(data, event=drawn.window, treated=drawn.treated)
    row = found.table.set_index("unit").loc["unit_00000"]
    assert np.isnan(row["effect"])
    assert row["reason"].startswith("constant outside the window")
    (check,) = [check for check in found.checks if check.name == "not_estimated"]
    assert check.value == 1
    assert np.isfinite(found.average)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": "sqrt"}, "scale must be one of log, level, got 'sqrt'"),
        ({"annual": -1}, "annual must be a whole number, 0 or more, got -1"),
        ({"factors": 1.5}, "factors must be a whole number"),
        ({"level": 1.0}, "level must lie between 0.5 and 0.999, got 1.0"),
    ],
)
def test_settings_check_themselves(given, message):
    with pytest.raises(HelpersError, match=message):
        ModelSettings(**given)


def test_regressors_must_know_every_date(one):
    table = pd.DataFrame({"holiday": 1.0}, index=one.panel.dates[:-1])
    with pytest.raises(HelpersError, match="regressors have no finite value on 2025-12-30"):
        structural(one.panel, event=one.window, treated=one.treated[0], regressors=table)


def test_a_dead_cluster_is_named(many):
    with pytest.raises(HelpersError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        league(many.panel, event=many.window, treated=many.treated, cluster="tcp://127.0.0.1:9")


# Found by a reviewer: each once gave a wrong number or an error of Python's own


def inside_of(drawn) -> np.ndarray:
    return np.flatnonzero(drawn.window.phase_of(drawn.panel.dates) != "")


@pytest.mark.parametrize("missing", [0, 12, 20])
def test_holes_in_the_window_leave_the_interval_of_the_days_that_are_left(one, missing):
    values = one.panel.values.copy()
    values[0, inside_of(one)[:missing]] = np.nan
    data = replace(one.panel, values=values)
    alone = structural(data, event=one.window, treated=one.treated)
    row = league(data, event=one.window, treated=one.treated, include_controls=False).table.iloc[0]
    assert alone.incremental == pytest.approx(row["effect"])
    # a league of one pools with itself, hence the small room
    assert alone.incremental_high - alone.incremental_low == pytest.approx(row["high"] - row["low"], rel=0.1)


def test_one_units_missing_days_do_not_take_the_others_days(many):
    values = many.panel.values.copy()
    values[0, inside_of(many)[:20]] = np.nan
    whole = structural(many.panel, event=many.window, treated=many.treated)
    holed = structural(replace(many.panel, values=values), event=many.window, treated=many.treated)
    assert abs(holed.relative_effect - whole.relative_effect) < 0.02
    (check,) = [check for check in holed.checks if check.name == "unobserved_unit_days"]
    assert (check.passed, check.value) == (False, 20)
    assert "unit_00000" in check.text
    assert holed.parts.set_index("phase").loc["total", "observed"] == pytest.approx(
        np.nansum(values[many.panel.rows(many.treated)][:, inside_of(many)])
    )


def test_a_unit_that_starts_late_has_fewer_placebo_windows(many):
    starts = calibration.windows_of(np.arange(inside_of(many)[0]), width=24, before=int(inside_of(many)[0]))
    values = many.panel.values.copy()
    values[0, : starts[3]] = np.nan
    table = league(replace(many.panel, values=values), event=many.window, treated=many.treated).table
    assert table["windows"].iloc[0] < table["windows"].iloc[1] == len(starts)
    assert np.isfinite(table["effect"].iloc[0])
    values[0, : inside_of(many)[0] - 30] = np.nan
    table = league(replace(many.panel, values=values), event=many.window, treated=many.treated).table
    assert table["reason"].iloc[0] == "only 30 usable days before the window of 24; twice as many are needed"


def test_a_league_of_none_is_no_answer(many):
    values = many.panel.values.copy()
    values[many.panel.rows(many.treated)] = 100.0
    with pytest.raises(HelpersError, match=r"none of the \d+ units can be estimated: constant outside the window"):
        league(replace(many.panel, values=values), event=many.window, treated=many.treated, include_controls=False)


def test_scattered_gaps_leave_the_averages_placebo_windows(many):
    starts = calibration.windows_of(np.arange(inside_of(many)[0]), width=24, before=int(inside_of(many)[0]))
    values = many.panel.values.copy()
    for unit, start in enumerate(starts):
        values[unit, start + 3] = np.nan
    found = league(replace(many.panel, values=values), event=many.window, treated=many.treated)
    (check,) = [check for check in found.checks if check.name == "average_coverage"]
    assert f"of {len(starts)} placebo windows" in check.text


def test_placebo_in_space_is_held_against_the_level_asked(many):
    found = league(many.panel, event=many.window, treated=many.treated, settings=ModelSettings(level=0.8))
    (check,) = [check for check in found.checks if check.name == "placebo_in_space"]
    assert (check.threshold, check.passed) == (0.8, True)


def test_shares_of_nothing_are_undefined():
    drawn = simulate(Scenario(units=8, treated=2, days=400), seed=1)
    values = drawn.panel.values.copy()
    values[0] -= 2 * values[0].max()
    data, settings = replace(drawn.panel, values=values), ModelSettings(scale="level")
    found = league(data, event=drawn.window, treated=drawn.treated, settings=settings)
    row = found.table.iloc[0]
    assert np.isnan([row["relative"], row["relative_low"], row["relative_high"]]).all()
    assert found.average == pytest.approx(found.table["relative"].iloc[1])
    (check,) = [check for check in found.checks if check.name == "undefined_shares"]
    assert check.value == 1


def test_factors_are_chosen_though_the_only_unit_lacks_a_day():
    drawn = simulate(Scenario(units=16, treated=1, days=400), seed=3)
    values = drawn.panel.values.copy()
    values[0, 50] = np.nan
    found = structural(replace(drawn.panel, values=values), event=drawn.window, treated=drawn.treated)
    (check,) = [check for check in found.checks if check.name == "factors"]
    assert "nan" not in check.text
    assert "chosen by the error of placebo windows" in check.text


def test_names_count_once(one):
    controls = one.controls
    once = structural(one.panel, event=one.window, treated=one.treated, controls=controls)
    twice = structural(one.panel, event=one.window, treated=one.treated * 2, controls=controls * 2)
    assert twice.incremental == once.incremental
    assert league(one.panel, event=one.window, treated="unit_00000").table["unit"].iloc[0] == "unit_00000"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("twice", "regressors have a date twice"),
        ("text", "regressors must be numbers; not so: holiday"),
        ("endless", "regressors have no finite value"),
    ],
)
def test_regressors_that_are_none(one, fault, message):
    made = pd.DataFrame({"holiday": np.arange(len(one.panel.dates)) % 2.0}, index=one.panel.dates)
    if fault == "twice":
        made = pd.concat([made, made.iloc[:1]])
    elif fault == "text":
        made = made.astype(str)
    else:
        made.iloc[5] = np.inf
    with pytest.raises(HelpersError, match=message):
        structural(one.panel, event=one.window, treated=one.treated, regressors=made)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"days_back": 7}, HelpersError, "days_back must be 24 or more, the length of the window, got 7"),
        ({"base_days": 0}, HelpersError, "base_days must be 1 or more, got 0"),
        ({"level": 1.5}, HelpersError, "level must lie between 0.5 and 0.999, got 1.5"),
        ({"treated": []}, DonorError, "no treated unit was named"),
    ],
)
def test_settings_of_aligned_years(one, change, error, message):
    with pytest.raises(error, match=message):
        aligned_years(one.panel, **({"event": one.window, "treated": one.treated} | change))


def test_aligned_years_know_the_noise_of_a_few_days():
    # 40 simulated panels without an effect: intervals of the three event days should miss 2; 7 or more have 0.3 %
    held = 0
    for seed in range(40):
        drawn = simulate(Scenario(days=1100, effect_scale=0.0), seed=seed)
        found = aligned_years(drawn.panel, event=drawn.window, treated=drawn.treated, held_before=False)
        held += found.event_low <= 0 <= found.event_high
    assert held >= 34


def test_units_that_read_alike_are_refused():
    with pytest.raises(PanelError, match="two units read as '1' once written"):
        panel(pd.DataFrame({"unit": [1, "1"], "date": "2025-11-01", "value": 1.0}))


@pytest.mark.parametrize("given", ["2025-11", 20251101])
def test_moments_that_are_no_day(given):
    with pytest.raises(WindowError, match="is no day or local time"):
        EventWindow(event=(given, given))


def test_zones_that_do_not_exist():
    with pytest.raises(WindowError, match="unknown timezone 'Mars/Base'"):
        EventWindow(event=("2025-11-01T00:00+08:00", "2025-11-02T00:00+08:00"), timezone="Mars/Base")


# The panel and the window


TABLE = """unit,date,value
a,2025-11-01,10
a,2025-11-02,
a,2025-11-04,0
b,2025-11-01,5
"""


def table(**change) -> pd.DataFrame:
    return pd.read_csv(StringIO(TABLE)).assign(**change)


def test_a_panel_keeps_gaps_and_counts_them():
    # 2 units x 4 days = 8 cells; 4 rows, so 4 gaps; one empty value, one zero
    found = panel(table())
    assert found.values.shape == (2, 4)
    assert [check.value for check in found.checks] == [4, 1, 1]
    assert np.isnan(found.values[0, 1:3]).all()
    assert found.values[0, 3] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"value": ["10", "1.2万", "0", "5"]},
            "value '1.2万' of a on 2025-11-02 is a text: give numbers in base units",
        ),
        ({"value": [10, np.inf, 0, 5]}, "value of a on 2025-11-02 is inf: values must be finite"),
        ({"date": "2025-11-01"}, "1 unit-periods have more than one row: a 2025-11-01"),
        ({"date": ["2025-11-01", "yesterday", "2025-11-04", "2025-11-01"]}, "date 'yesterday' .* is no day"),
        (
            {"date": ["2025-11-01T00:00+08:00", "2025-11-02", "2025-11-04", "2025-11-01"]},
            "dates mix time zones: .*has one, 2025-11-02 has none",
        ),
        ({"unit": ["a", None, "a", "b"]}, "row 1 has no unit"),
    ],
)
def test_tables_that_are_no_panel(change, message):
    with pytest.raises(PanelError, match=message):
        panel(table(**change))


def test_missing_columns_and_empty_tables():
    with pytest.raises(PanelError, match="needs the columns unit, date, gmv; missing: gmv"):
        panel(table(), value="gmv")
    with pytest.raises(PanelError, match="the panel has no rows"):
        panel(table().iloc[:0])
    with pytest.raises(PanelError, match="2025-11-02 is not the first day of a week of this panel"):
        panel(table(), freq="W")


def test_days_of_another_zone_are_moved_to_the_local_calendar():
    # 17:00 UTC on 31 October is 01:00 on 1 November in Shanghai
    found = panel(pd.DataFrame({"unit": ["a"], "date": ["2025-10-31T17:00:00Z"], "value": [1.0]}))
    assert found.dates[0] == pd.Timestamp("2025-11-01")


def test_a_window_of_hours_takes_the_days_that_it_touches():
    window = EventWindow.around("2025-10-31T20:00", "2025-11-02", dip_days=2, after_days=1)
    dates = pd.date_range("2025-10-28", periods=8)
    assert list(window.phase_of(dates)) == ["", "pre_dip", "pre_dip", "event", "event", "event", "after_effect", ""]
    assert window.describe() == (
        "pre-dip 2025-10-29 to 2025-10-30, event 2025-10-31 20:00 to 2025-11-02, after-effect 2025-11-03 to 2025-11-03"
    )


def test_weeks_that_an_event_touches_belong_to_it():
    window = EventWindow(event=("2025-11-05", "2025-11-11"))
    weeks = pd.date_range("2025-10-27", periods=4, freq="7D")
    assert list(window.phase_of(weeks, step=pd.Timedelta(days=7))) == ["", "event", "event", ""]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs at least one phase"),
        ({"event": ("2025-11-11", "2025-11-01")}, "event must not end before it starts"),
        ({"event": ("soon", "2025-11-01")}, "event: 'soon' is no day"),
        ({"event": "2025-11-11"}, "event must be a pair"),
        (
            {"event": ("2025-11-01", "2025-11-11"), "pre_dip": ("2025-10-20", "2025-11-01")},
            "pre_dip must end before event starts",
        ),
    ],
)
def test_windows_that_contradict_themselves(given, message):
    with pytest.raises(WindowError, match=message):
        EventWindow(**given)
