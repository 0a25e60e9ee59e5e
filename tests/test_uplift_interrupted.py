"""Interrupted time series, and the event seasons of reported quarters."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from helpers import ledger
from helpers.errors import HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import ar1, panels
from helpers.uplift.interrupted import event_seasons, interrupted
from helpers.uplift.results import UpliftResult
from helpers.uplift.windows import EventWindow

DAYS = pd.date_range("2024-01-01", periods=110, freq="D")
EVENT = EventWindow(event=("2024-03-21", "2024-03-30"), name="the made-up event")


def states(result) -> dict[str, bool | None]:
    return {check.name: check.passed for check in result.checks}


def said(result, name: str) -> str:
    (text,) = [check.text for check in result.checks if check.name == name]
    return text


def noise(rng: np.random.Generator, count: int, rho: float) -> np.ndarray:
    out = rng.normal(size=count)
    out[0] /= np.sqrt(1 - rho**2)
    for at in range(1, count):
        out[at] += rho * out[at - 1]
    return out


def daily(seed: int, *, effect: float = 0.1, rho: float = 0.5) -> tuple[pd.DataFrame, float]:
    """Simulated: trend, week and AR(1) noise in logs; ten days are lifted. The truth is the lift in total."""
    week = 0.1 * np.sin(DAYS.day_of_week.to_numpy())
    base = np.exp(4 + 0.001 * np.arange(len(DAYS)) + week + 0.05 * noise(np.random.default_rng(seed), len(DAYS), rho))
    inside = (DAYS >= "2024-03-21") & (DAYS <= "2024-03-30")
    values = np.where(inside, base * (1 + effect), base)
    return pd.DataFrame({"unit": "shop", "date": DAYS, "value": values}), float((values - base).sum())


def quarters(seed: int, *, spring: float = 0.05, autumn: float = 0.30, count: int = 19) -> pd.DataFrame:
    """Simulated: fading growth, AR(1) noise of 2 %, a second and a fourth quarter above the others, in logs."""
    dates = pd.date_range("2021-01-01", periods=count, freq="QS")
    season = np.select([dates.quarter == 2, dates.quarter == 4], [spring, autumn], 0.0)
    trend = 0.08 * (1 - 0.95 ** np.arange(count)) / 0.05
    y = 25 + trend + season + 0.02 * noise(np.random.default_rng(seed), count, 0.4)
    ids = [f"f{place}" for place in range(count)]
    return pd.DataFrame({"entity": "simulated", "period_start": dates, "value": np.exp(y), "fact_id": ids})


# --- the regression -------------------------------------------------------------------------------


def test_without_autocorrelation_it_is_ordinary_least_squares_by_hand():
    # y = 1, 3, 2, 6 on a constant: mean 3, s^2 = (4 + 0 + 1 + 9) / 3 = 14 / 3, se = sqrt(14 / 12) = 1.0801,
    # t of 3 degrees of freedom 3.1824: 3 - 3.4374 to 3 + 3.4374
    found = ar1.fit(np.array([1.0, 3, 2, 6]), [np.ones((4, 1))], np.arange(4), rhos=np.array([0.0]))
    assert found.estimate(0, 0.95) == pytest.approx((3, -0.4374, 6.4374), abs=1e-4)
    assert found.df == 3


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.6])
def test_statsmodels_gls_agrees_also_over_gaps(rho):
    rng = np.random.default_rng(1)
    places = np.array([0, 1, 2, 4, 5, 9, 10, 11, 12, 15])
    design = np.column_stack([np.ones(10), places, rng.normal(size=10)])
    y = rng.normal(size=10)
    sigma = np.where(np.eye(10) > 0, 1.0, rho ** np.abs(places[:, None] - places))
    expected = sm.GLS(y, design, sigma=sigma).fit()
    found = ar1.fit(y, [design], places, rhos=np.array([rho]))
    np.testing.assert_allclose(found.coefficients[0], expected.params, rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariances[0])), expected.bse, rtol=1e-9)
    assert found.estimate(1, 0.9)[1:] == pytest.approx(tuple(expected.conf_int(0.1)[1]), rel=1e-9)


def test_weights_are_the_restricted_likelihood():
    rng = np.random.default_rng(2)
    places, design, y = np.arange(12), np.column_stack([np.ones(12), np.arange(12)]), rng.normal(size=12)
    found = ar1.fit(y, [design], places)
    score = []
    for rho in found.rho:
        inverse = np.linalg.inv(np.where(np.eye(12) > 0, 1.0, rho ** np.abs(places[:, None] - places)))
        gram = design.T @ inverse @ design
        errors = y - design @ np.linalg.solve(gram, design.T @ inverse @ y)
        rest = np.linalg.slogdet(gram)[1] - np.linalg.slogdet(inverse)[1]
        score.append(-0.5 * rest - 0.5 * 10 * np.log(errors @ inverse @ errors))
    expected = np.exp(np.array(score) - max(score))
    np.testing.assert_allclose(found.weights, expected / expected.sum(), rtol=1e-8)


def test_a_quantile_of_a_mixture_has_its_probability():
    weights, centre, spread = np.array([0.3, 0.7]), np.array([0.0, 2.0]), np.array([1.0, 0.5])
    at = ar1.quantile(weights, centre, spread, 5, 0.9)
    rng = np.random.default_rng(0)
    chosen = rng.choice(2, 400_000, p=weights)
    draws = centre[chosen] + spread[chosen] * rng.standard_t(5, 400_000)
    assert (draws <= at).mean() == pytest.approx(0.9, abs=0.002)


def test_a_forecast_draws_from_the_conditional_normal():
    # AR(1) of 0.5 around a known constant: one step after an error of 2 the mean error is 1, two steps 0.5
    y = np.array([0.1, -0.1] * 30 + [0.0, 2.0])
    matrix, places = np.ones((62, 1)), np.arange(62)
    found = ar1.fit(y, [matrix], places, rhos=np.array([0.5]))
    paths = ar1.forecast(
        found, y, matrix, places, ahead=np.ones((2, 1)), ahead_places=np.array([62, 63]), draws=40_000, seed=0
    )  # fmt: skip
    level = found.coefficients[0, 0]
    assert paths.mean(0) == pytest.approx([level + 0.5 * (2 - level), level + 0.25 * (2 - level)], abs=0.01)
    scale = found.variances[0] * found.df / (found.df - 2)
    assert paths[:, 0].var() == pytest.approx(scale * 0.75, rel=0.05)  # and a little from the constant


# --- interrupted time series ----------------------------------------------------------------------


def test_a_jump_on_a_line_by_hand():
    # 40 days on the line 100 + t with errors of +-0.1 in turn, then 10 days 7 above it: 70 in total, 7 a day
    days = DAYS[:50]
    line = 100.0 + np.arange(50)
    values = line + 0.1 * (-1.0) ** np.arange(50) + np.where(np.arange(50) >= 40, 7.0, 0.0)
    frame = pd.DataFrame({"unit": "shop", "date": days, "value": values})
    window = EventWindow(event=(days[40], days[49]))
    result = interrupted(frame, event=window, scale="level", seasonal=False)
    assert isinstance(result, UpliftResult)
    assert result.incremental == pytest.approx(70, abs=0.5)
    assert result.att == pytest.approx(7, abs=0.05)
    assert result.relative_effect == pytest.approx(70 / (1400 + 45 - 5 + 5), abs=0.01)  # 10 x 100 + 40 + ... + 49
    assert result.fit["level_change"] == pytest.approx(7, abs=0.1)
    assert result.fit["slope_change"] == pytest.approx(0, abs=0.02)
    assert result.incremental_low < 70 < result.incremental_high
    assert result.verdict == "positive"


def test_level_and_slope_are_those_of_the_segmented_regression():
    # statsmodels on the same design, at the autocorrelation of zero
    frame, _ = daily(4, rho=0.0)
    y, count = np.log(frame["value"].to_numpy()), len(frame)
    inside = ((DAYS >= "2024-03-21") & (DAYS <= "2024-03-30")).astype(float)
    since = (np.arange(count) - inside.argmax()) * inside
    week = [(DAYS.day_of_week == day).astype(float) for day in range(1, 7)]
    design = np.column_stack([np.ones(count), np.arange(count), *week, inside, since])
    apart = np.abs(np.subtract.outer(range(count), range(count)))
    sigmas = [np.where(apart == 0, 1.0, rho**apart) for rho in (-0.1, 0.0, 0.1, 0.2)]
    found = [sm.GLS(y, design, sigma=sigma).fit().params[-2:] for sigma in sigmas]
    result = interrupted(frame, event=EVENT)
    for name, column in (("level_change", 0), ("slope_change", 1)):
        ends = np.expm1([params[column] for params in found])
        assert ends.min() - 0.003 <= result.fit[name] <= ends.max() + 0.003
        assert result.fit[f"{name}_low"] < result.fit[name] < result.fit[f"{name}_high"]


def test_the_planted_effect_is_found_and_the_intervals_cover():
    hits, errors, levels, calibrated = 0, [], 0, 0
    for seed in range(40):
        frame, truth = daily(seed)
        result = interrupted(frame, event=EVENT, draws=1500)
        hits += result.incremental_low <= truth <= result.incremental_high
        levels += result.fit["level_change_low"] <= 0.1 <= result.fit["level_change_high"]
        errors.append(result.relative_effect - 0.1)
        calibrated += states(result)["coverage"] is not False
    assert 35 <= hits <= 40
    assert levels >= 34
    assert calibrated >= 38
    assert abs(np.mean(errors)) < 0.02  # of ten days with noise of 5 %, 40 times


def test_nothing_is_found_where_nothing_was_planted():
    verdicts = [interrupted(daily(seed, effect=0.0)[0], event=EVENT, draws=800).verdict for seed in range(12)]
    assert verdicts.count("not distinguishable from zero") >= 10


def test_the_currency_scales_money_and_leaves_shares_alone():
    frame, _ = daily(1)
    one, other = (interrupted(frame.assign(value=frame["value"] * scale), event=EVENT) for scale in (1, 7.2))
    assert other.incremental == pytest.approx(7.2 * one.incremental)
    assert other.incremental_high == pytest.approx(7.2 * one.incremental_high)
    assert (other.relative_effect, other.relative_low) == pytest.approx((one.relative_effect, one.relative_low))
    assert other.fit["level_change_low"] == pytest.approx(one.fit["level_change_low"])


def test_phases_sum_to_the_total_and_the_seed_settles_everything():
    frame, _ = daily(1)
    window = EventWindow.around("2024-03-21", "2024-03-30", dip_days=4, after_days=5)
    one, same, other = (interrupted(frame, event=window, seed=seed) for seed in (3, 3, 4))
    phases = one.parts.set_index("phase")["effect"]
    assert phases.drop("total").sum() == pytest.approx(phases["total"])
    assert one.incremental_low == same.incremental_low != other.incremental_low
    assert one.parts["days"].tolist() == [4, 10, 5, 19]


def test_missing_days_stay_missing_and_are_counted():
    frame, _ = daily(1)
    gappy = frame.drop(index=[20, 21, 22, 84])  # three days before the window, one in it
    result = interrupted(gappy, event=EVENT)
    assert result.fit["periods"] == 110 - 10 - 3
    assert states(result)["unobserved_days"] is False
    assert result.path["observed"].isna().sum() == 4
    assert np.isfinite(result.path.loc[result.path["phase"] != "", "counterfactual"]).all()


def test_what_the_design_cannot_know_is_a_check():
    frame, _ = daily(1)
    short = interrupted(frame[60:90], event=EventWindow(event=("2024-03-21", "2024-04-20")))
    assert states(short)["clean_controls"] is False
    assert states(short)["whole_window"] is False
    assert "the window runs to 2024-04-20, the data end before" in said(short, "whole_window")
    assert states(short)["coverage"] is None
    long = interrupted(frame, event=EventWindow(event=("2024-02-10", "2024-04-10")))
    assert states(long)["pre_length"] is False
    assert "40 days before a window of 61: less than twice its length" in said(long, "pre_length")


def test_the_table_brings_its_facts_and_quarters_are_a_frequency():
    frame = quarters(0, autumn=0.0, spring=0.0).assign(unit=lambda t: t["entity"]).drop(columns="entity")
    window = EventWindow(event=("2025-01-01", "2025-09-30"))
    result = interrupted(frame, event=window, freq="QS", fact_ids=["extra"])
    assert result.fact_ids == (*(f"f{place}" for place in range(19)), "extra")
    assert result.fit["periods"] == 16
    assert result.unit == "simulated"


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"scale": "logs"}, UnknownNameError, "unknown scale 'logs'; did you mean log"),
        ({"treated": "shops"}, UnknownNameError, "unknown unit 'shops'; did you mean shop"),
        ({"event": EVENT.shifted(400)}, WindowError, "lies outside the data, 2024-01-01 to 2024-04-19"),
        ({"event": EVENT.shifted(-73)}, WindowError, "needs 11+ days with data before the window, got 7"),
        ({"freq": "Q"}, UnknownNameError, "unknown freq 'Q'"),
    ],
)
def test_wrong_settings_are_named(options, error, told):
    with pytest.raises(error, match=re.escape(told)):
        interrupted(daily(0)[0], **{"event": EVENT, **options})


def test_wrong_values_are_named():
    frame, _ = daily(0)
    with pytest.raises(PanelError, match=re.escape("logs need values above 0, shop has -3 on 2024-01-06 (1 such")):
        interrupted(frame.assign(value=frame["value"].where(frame.index != 5, -3.0)), event=EVENT)
    with pytest.raises(PanelError, match="the values are 0 in all 100 periods outside the window"):
        interrupted(frame.assign(value=0.0), event=EVENT, scale="level")
    two = pd.concat([frame, frame.assign(unit="other")])
    with pytest.raises(PanelError, match=re.escape("the panel has 2 units (shop, other): say which one is meant")):
        interrupted(two, event=EVENT)
    assert interrupted(two, event=EVENT, treated="other").unit == "other"


# --- event seasons of quarters --------------------------------------------------------------------


@pytest.fixture(scope="module")
def kuaishou():
    return event_seasons(ledger.preferred(entity="kuaishou", metric="gmv", frequency="quarter").table)


def test_kuaishous_real_quarters(kuaishou):
    # 2021Q1 to 2025Q3. By hand, without a model: 2024 Q4 462.1 bn over sqrt(334.2 x 332.3) = 333.25 is +38.7 %,
    # 2025 Q2 358.9 over sqrt(332.3 x 385.0) = 357.68 is +0.3 %
    near = kuaishou.by_quarter.set_index("date")["over_neighbours"]
    assert near["2024-10-01"] == pytest.approx(462.1 / np.sqrt(334.2 * 332.3) - 1, abs=1e-9)
    assert near["2025-04-01"] == pytest.approx(0.0034, abs=5e-5)
    effects = kuaishou.effects.set_index("quarter")
    assert effects.loc[4, ["effect", "low", "high"]].tolist() == pytest.approx([0.387, 0.347, 0.431], abs=1e-3)
    assert effects.loc[2, ["effect", "low", "high"]].tolist() == pytest.approx([-0.002, -0.028, 0.025], abs=1e-3)
    assert effects.loc[4, "low"] < near[near.index.quarter == 4].mean() < effects.loc[4, "high"]
    assert (kuaishou.quarters, kuaishou.df, len(kuaishou.fact_ids)) == (19, 14, 19)
    assert kuaishou.by_quarter["fact_id"].tolist()[-2:] == ["f0354", "f0358"]


def test_kuaishous_quarters_show_their_limits(kuaishou):
    # Q3 over Q1 is +12.5 %, no named event in either: a season alone moves a quarter, by more than Q2 is moved
    assert states(kuaishou)["placebo_quarters"] is False
    assert kuaishou.placebo[["effect", "low", "high"]].iloc[0].tolist() == pytest.approx(
        [0.125, 0.085, 0.167], abs=1e-3
    )
    assert "seasons alone move quarters, and Q2 moves no more than that" in said(kuaishou, "placebo_quarters")
    assert states(kuaishou)["not_separable"] is None
    assert "Season and event cannot be told apart from quarters." in kuaishou.text
    assert kuaishou.text.startswith("kuaishou, 2021 Q1 to 2025 Q3, 19 quarters: against the average of Q1 and Q3")
    assert states(kuaishou)["leave_one_year_out"] is True
    assert sorted(set(kuaishou.leave_one_year_out["year"])) == [2021, 2022, 2023, 2024, 2025]
    assert states(kuaishou)["trend_choice"] is True
    assert states(kuaishou)["autocorrelation"] is True
    assert "19 quarters, 4 or more of each, 14 degrees of freedom" in said(kuaishou, "small_sample")


def test_season_value_is_what_lies_above_the_average_quarter(kuaishou):
    # observed x s / (1 + s): 462.1 bn x 0.3867 / 1.3867 = 128.9 bn
    row = kuaishou.by_quarter.set_index("date").loc["2024-10-01"]
    share = kuaishou.effects.set_index("quarter").loc[4, "effect"]
    assert row["season_value"] == pytest.approx(462.1e9 * share / (1 + share))
    assert row["season_value"] == pytest.approx(128.9e9, abs=0.2e9)
    assert row["low"] < row["season_value"] < row["high"]


@pytest.mark.parametrize("trend", ["linear", "piecewise"])
def test_statsmodels_newey_west_agrees_in_another_parametrisation(kuaishou, trend):
    # Three dummies against Q1: the effect of Q4 on the average of Q1 and Q3 is b4 - b3 / 2
    table = ledger.preferred(entity="kuaishou", metric="gmv", frequency="quarter").table
    time, q = np.arange(19.0), table["period_start"].dt.quarter.to_numpy()
    bend = [np.maximum(0, time - 9)] if trend == "piecewise" else []
    design = np.column_stack([np.ones(19), time, *bend, q == 2, q == 3, q == 4]).astype(float)
    found = sm.OLS(np.log(table["value"].to_numpy()), design).fit(
        cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True}, use_t=True
    )  # fmt: skip
    rows = kuaishou.alternatives.query("errors == 'hac' and trend == @trend").set_index("quarter")
    for quarter, last in ((2, [1, -0.5, 0]), (4, [0, -0.5, 1])):
        test = found.t_test(np.concatenate([np.zeros(design.shape[1] - 3), last]))
        expected = np.expm1([test.effect.item(), *test.conf_int()[0]])
        np.testing.assert_allclose(rows.loc[quarter, ["effect", "low", "high"]].to_numpy(float), expected, rtol=1e-7)


def test_planted_seasons_are_found_and_covered():
    covered, errors, placebo = [], [], 0
    for seed in range(30):
        result = event_seasons(quarters(seed))
        effects = result.effects.set_index("quarter")
        for quarter, truth in ((2, np.expm1(0.05)), (4, np.expm1(0.30))):
            covered.append(effects.loc[quarter, "low"] <= truth <= effects.loc[quarter, "high"])
            errors.append(effects.loc[quarter, "effect"] - truth)
        placebo += states(result)["placebo_quarters"] is True
    assert np.mean(covered) >= 0.88  # 60 intervals of 95 %, which go in pairs
    assert abs(np.mean(errors)) < 0.01
    assert placebo >= 26  # Q3 is planted as Q1


def test_currency_and_order_change_nothing():
    table = quarters(3)
    one = event_seasons(table)
    other = event_seasons(table.assign(value=table["value"] / 7.2).sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(one.effects, other.effects, rtol=1e-9)
    np.testing.assert_allclose(other.by_quarter["season_value"], one.by_quarter["season_value"] / 7.2, rtol=1e-9)
    assert one.by_quarter["fact_id"].tolist() == other.by_quarter["fact_id"].tolist()


def test_other_events_and_a_panel_of_several_units():
    table = pd.concat([quarters(3), quarters(4).assign(entity="other")])
    result = event_seasons(table, unit="other", events={4: "autumn sale"}, trend="linear", fact_ids=["extra"])
    assert result.effects["event"].tolist() == ["autumn sale"]
    assert result.placebo[["quarter", "base"]].to_numpy().tolist() == [[2, 1], [3, 1]]
    assert result.placebo["effect"].iloc[0] == pytest.approx(0.05, abs=0.04)  # Q2 is planted 5 % above Q1
    assert result.unit == "other"
    assert result.fact_ids[-1] == "extra"
    dense = panels.panel(table.rename(columns={"entity": "unit", "period_start": "date"}), freq="QS")
    again = event_seasons(dense, unit="other", events={4: "autumn sale"}, trend="linear")
    pd.testing.assert_frame_equal(again.effects, result.effects)
    assert event_seasons(quarters(3), events={1: "a", 2: "b", 4: "c"}).placebo.empty


def test_a_missing_quarter_stays_missing():
    result = event_seasons(quarters(3).drop(index=7))
    assert result.quarters == 18
    assert result.path["observed"].isna().sum() == 1
    assert len(result.by_quarter) == 8
    assert result.by_quarter["over_neighbours"].notna().all()


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"trend": "dampened"}, UnknownNameError, "unknown trend 'dampened'; did you mean damped"),
        ({"unit": "simulate"}, UnknownNameError, "unknown unit 'simulate'; did you mean simulated"),
        ({"events": {}}, HelpersError, "events must name one to three of the quarters 1 to 4, got []"),
        ({"events": {5: "x"}}, HelpersError, "events must name one to three of the quarters 1 to 4, got [5]"),
        ({"events": dict.fromkeys((1, 2, 3, 4), "x")}, HelpersError, "quarters 1 to 4, got [1, 2, 3, 4]"),
    ],
)  # fmt: skip
def test_wrong_settings_of_seasons_are_named(options, error, told):
    with pytest.raises(error, match=re.escape(told)):
        event_seasons(quarters(0), **options)


def test_wrong_tables_of_seasons_are_named():
    with pytest.raises(PanelError, match=re.escape("event seasons need 12+ quarters with data, got 11 (simulated)")):
        event_seasons(quarters(0, count=11))
    with pytest.raises(
        PanelError, match=re.escape("each quarter of the year must be seen in 2+ years, Q2 of simulated in 1")
    ):
        event_seasons(quarters(0).drop(index=[1, 5, 9, 13]))
    with pytest.raises(PanelError, match="logs need values above 0, simulated has 0 on 2021-01-01"):
        event_seasons(quarters(0).assign(value=lambda t: t["value"].where(t.index > 0, 0.0)))
    with pytest.raises(PanelError, match="more than one row"):
        event_seasons(pd.concat([quarters(0), quarters(0)]))
    with pytest.raises(PanelError, match="the values of simulated are 1 in all quarters: no noise to judge by"):
        event_seasons(quarters(0).assign(value=1.0))
    with pytest.raises(PanelError, match="need quarters"):
        event_seasons(panels.panel(daily(0)[0]))
