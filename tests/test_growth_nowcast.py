"""Nowcast of a figure that a company stops publishing."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.growth.candidates import backtest, coverage, forecasts, half_width, log_growth_rows, weights
from helpers.growth.nowcast import nowcast

# Kuaishou as printed in its quarterly results, 2021Q1 on: GMV and revenue in billion yuan, users in millions
GMV = [118.56, 145.4, 175.8, 240.3, 175.0756, 191.2, 222.5, 312.4, 224.8, 265.5, 290.2, 403.9]
GMV += [288.1, 305.3, 334.2, 462.1, 332.3, 358.9, 385.0]
REVENUE = [17.019, 19.139, 20.5, 24.4, 21.067, 21.7, 23.1, 28.3, 25.217, 27.7, 27.9, 32.6, 29.408, 31.0, 31.1, 35.38]
REVENUE += [32.6, 35.0, 35.6]
MAU = [520.0, 506.2, 572.9, 578.0, 597.9, 586.7, 626.0, 640.0, 654.0, 673.3, 684.7, 700.4, 697.4, 691.8, 714.1, 736.0]
MAU += [711.7, 714.8, 731.1, 740.7]


def quarters(metric: str, values, scale: float = 1.0, first: str = "2021-01-01") -> pd.DataFrame:
    """One row per quarter; a missing value has no row."""
    starts = pd.date_range(first, periods=len(values), freq="QS")
    ends = starts + pd.offsets.QuarterEnd()
    rows = {"metric": metric, "period_start": starts, "period_end": ends, "value": np.array(values) * scale}
    table = pd.DataFrame(rows).assign(known_on=ends + pd.Timedelta(days=50))
    table["fact_id"] = [f"{metric}_{end:%Y%m}" for end in ends]
    return table.dropna(subset="value").reset_index(drop=True)


def kuaishou(last: int = 19) -> tuple[pd.DataFrame, pd.DataFrame]:
    """GMV to a number of quarters, indicators as far as they go."""
    return quarters("gmv", GMV[:last], 1e9), pd.concat([quarters("revenue", REVENUE, 1e9), quarters("mau", MAU, 1e6)])


def check(result, name: str):
    return next(c for c in result.checks if c.name == name)


# --- the candidates -----------------------------------------------------------------------------


def test_candidates_by_hand():
    # the target grew by 0.20 at the origin, the indicator by 0.10 there and by 0.15 a quarter later: 0.20 + 0.05
    target, indicator = np.array([0.30, 0.20, np.nan]), np.array([0.12, 0.10, 0.15])
    found = forecasts(target, {"x": indicator}, origin=1, quarter=2)
    assert {name: f.growth for name, f in found.items()} == pytest.approx(
        {"growth carried": 0.2, "x: gap carried": 0.25}
    )
    assert found["x: gap carried"][1:] == (1, "x")
    assert forecasts(np.array([0.3, np.nan]), {}, origin=1, quarter=1) == {}


def test_growth_by_quarter():
    # 110 over 100 four quarters earlier: ln 1.1
    assert log_growth_rows(np.array([100, 1, 1, 1, 110.0]))[4] == pytest.approx(math.log(1.1))
    assert np.isnan(log_growth_rows(np.array([1.0, 2.0]))).all()


def test_the_regression_is_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(0.1, 0.05, 9)
    y = 0.02 + 1.4 * x + rng.normal(0, 0.02, 9)
    y[2] = np.nan
    fit = sm.OLS(y[:8], sm.add_constant(x[:8]), missing="drop").fit()
    found = forecasts(y, {"x": x}, origin=7, quarter=8)["x: regression"]
    assert found.growth == pytest.approx(fit.params @ [1, x[8]])
    assert found.slope == pytest.approx(fit.params[1])
    # four pairs, or an indicator that never moves, draw no line
    assert "x: regression" not in forecasts(y, {"x": x}, origin=4, quarter=5)
    assert "x: regression" not in forecasts(y, {"x": np.full(9, 0.1)}, origin=7, quarter=8)


def test_weights_by_hand():
    # errors 0.1 and 0.2, pooled (0.01 + 0.04) / 2 = 0.025: 2 / 0.035 = 57.143 and 2 / 0.065 = 30.769, of 87.912
    found = weights(["a", "b"], {"a": [0.1], "b": [-0.2]})
    assert found == pytest.approx({"a": 0.65, "b": 0.35})
    # a newcomer without errors has the pooled error: 1 / 0.025 = 40 of 127.912
    assert weights(["a", "b", "c"], {"a": [0.1], "b": [0.2]})["c"] == pytest.approx(40 / 127.912, abs=1e-5)
    assert weights(["a", "b"], {}) == {"a": 0.5, "b": 0.5}
    assert weights(["a", "b"], {"a": [0.0], "b": [0.0]}) == {"a": 0.5, "b": 0.5}


def test_the_half_width_is_the_conformal_quantile():
    errors = np.array([0.05, -0.01, 0.02, -0.09, 0.03, 0.04, -0.06, 0.07, 0.08])
    # 9 errors: k = ceil(10 x 0.8) = 8, the eighth smallest; 0.9 needs the ninth; 0.91 a tenth, which there is not
    assert half_width(errors, 0.8) == 0.08
    assert half_width(errors, 0.9) == 0.09
    assert np.isnan(half_width(errors, 0.91))
    assert half_width(errors[:4], 0.8) == 0.09


def test_coverage_counts_only_intervals_from_earlier_errors():
    # at 50 % one error is enough (k = 1). Origin 1 knows the error of quarter 1: 0.1 against 0.2, a miss;
    # origin 2 knows 0.1 and 0.2, the second smallest of which (k = ceil(1.5)) is 0.2 against 0.15, a hit
    rows = pd.DataFrame({"origin": [0, 1, 2], "quarter": [1, 2, 3], "error": [0.1, 0.2, 0.15]})
    assert coverage(rows, 0.5) == (1, 2)


# --- the nowcast --------------------------------------------------------------------------------


def test_the_benchmark_by_hand():
    # 385.0 / 334.2 = 1.15200 of growth carried on from the fourth quarter of 2024: 462.1 x 1.15200 = 532.34
    result = nowcast(*kuaishou())
    row = result.table.iloc[-1]
    assert row["benchmark"] == pytest.approx(532.3414e9, rel=1e-6)
    assert (row["basis"], row["horizon"], row["indicators"]) == ("estimated", 1, "mau")
    assert row["low"] < row["estimate"] < row["high"]
    assert check(result, "indicators").text == "2025-12-31: revenue not at hand"
    # the published quarters stand before it as they are
    known = result.table[result.table["basis"] == "published"]
    assert known["estimate"].tolist() == [value * 1e9 for value in GMV]
    assert known["growth"].iloc[4] == pytest.approx(175.0756 / 118.56 - 1)


def test_the_estimate_of_published_quarters_beats_growth_carried_on():
    # as if GMV had ended after the first quarter of 2025: 358.9 and 385.0 billion followed
    target, indicators = kuaishou(17)
    result = nowcast(target, indicators, quarters_ahead=2)
    rows = result.table[result.table["basis"] == "estimated"]
    assert (abs(rows["estimate"] / [358.9e9, 385.0e9] - 1) < 0.02).all()
    assert ((rows["low"] < [358.9e9, 385.0e9]) & (rows["high"] > [358.9e9, 385.0e9])).all()
    for horizon in (1, 2):
        beats = [c for c in result.checks if c.name == "beats_benchmark"][horizon - 1]
        assert beats.passed
        assert beats.value < 0.7 * beats.threshold
    assert all(c.passed for c in result.checks if c.name in ("coverage", "attainable_level"))


def test_the_backtest_table_adds_up():
    result = nowcast(*kuaishou(17), quarters_ahead=2)
    rows = result.backtest
    assert np.allclose(rows["forecast"] / rows["actual"] - 1, rows["error"])
    assert (rows["period_end"] > rows["origin"]).all()
    assert (rows["period_end"] <= pd.Timestamp("2025-03-31")).all()
    naive = rows[(rows["candidate"] == "growth carried") & (rows["horizon"] == 2)].set_index("period_end")
    # the first quarter of 2025 from the third of 2024: 334.2 / 290.2 x 288.1
    assert naive.loc["2025-03-31", "forecast"] == pytest.approx(334.2e9 / 290.2 * 288.1)
    # an origin needs its own growth (2022Q1 on): 14 errors one ahead of 19 quarters, here 12 of 17, then 11
    counts = result.candidates.set_index(["horizon", "candidate"])["n"]
    assert (counts[1, "combination"], counts[2, "combination"]) == (12, 11)
    weight = result.candidates.groupby("horizon")["weight"].sum()
    assert weight.tolist() == pytest.approx([1, 1])


def test_the_year_is_the_sum_of_its_quarters():
    result = nowcast(*kuaishou())
    year = result.years.set_index("year").loc[2025]
    row = result.table.iloc[-1]
    assert year["estimate"] == pytest.approx((332.3 + 358.9 + 385.0) * 1e9 + row["estimate"])
    assert year["low"] == pytest.approx((332.3 + 358.9 + 385.0) * 1e9 + row["low"])
    assert (year["published_quarters"], year["estimated_quarters"]) == (3, 1)
    assert year["estimated_share"] == pytest.approx(row["estimate"] / year["estimate"])
    assert "With it the four quarters of 2025 sum to 1.6" in result.text
    assert "33 % of it estimated." in result.text
    target, indicators = kuaishou()
    named = nowcast(target.assign(currency="CNY"), indicators)
    assert re.search(r"is estimated at \d+ billion CNY \(80 % interval \d+ billion to \d+ billion\)", named.text)
    assert re.search(r"sum to 1\.6\d trillion CNY \(", named.text)
    assert named.text.replace(" CNY", "") == result.text
    assert result.years["year"].tolist() == [2021, 2022, 2023, 2024, 2025]


def test_a_quarter_without_indicators_keeps_the_benchmark_and_names_what_is_missing():
    result = nowcast(*kuaishou(), quarters_ahead=2)
    row = result.table.iloc[-1]
    assert row["basis"] == "not estimable"
    assert np.isnan(row[["estimate", "low", "high"]].astype(float)).all()
    assert row["benchmark"] == pytest.approx(332.3e9 * 385.0 / 334.2)
    assert row["reason"] == "no indicator covers the quarter to 2026-03-31"
    assert row["settles"] == "mau, revenue of the quarter to 2026-03-31 and of a year earlier"
    assert "gmv of the quarter to 2026-03-31 is not estimable: no indicator covers" in result.text


def test_too_high_a_level_gives_no_interval_and_says_which_one_there_could_be():
    result = nowcast(*kuaishou(), level=0.95)
    assert np.isnan(result.table.iloc[-1]["low"])
    assert result.table.iloc[-1]["estimate"] > 0
    attainable = check(result, "attainable_level")
    assert (attainable.passed, attainable.value) == (False, 14 / 15)
    assert attainable.text == "14 errors 1 ahead support intervals up to a level of 93.3 %"
    assert "no 95 % interval: too few past errors" in result.text


def test_an_uncertain_indicator_widens_the_interval():
    target, indicators = kuaishou()
    exact = nowcast(target, indicators).table.iloc[-1]
    last = indicators["period_end"] == "2025-12-31"
    rough = indicators.assign(
        low=indicators["value"].mask(last, indicators["value"] * 0.9),
        high=indicators["value"].mask(last, indicators["value"] * 1.1),
    )
    wide = nowcast(target, rough).table.iloc[-1]
    assert wide["estimate"] == exact["estimate"]
    assert wide["low"] < exact["low"]
    assert wide["high"] > exact["high"]


def test_any_unit_and_any_order_give_the_same_growth():
    target, indicators = kuaishou(17)
    one = nowcast(target, indicators)
    dollars = target.assign(value=target["value"] * 0.14).iloc[::-1]
    other = nowcast(dollars, indicators.assign(value=indicators["value"] * 7).iloc[::-1])
    columns = ["estimate", "low", "high"]
    assert np.allclose(other.table.tail(1)[columns].astype(float), one.table.tail(1)[columns].astype(float) * 0.14)
    assert other.candidates.set_index(["horizon", "candidate"])["weight"].to_dict() == pytest.approx(
        one.candidates.set_index(["horizon", "candidate"])["weight"].to_dict(), nan_ok=True
    )


def test_nothing_later_reaches_a_past_origin():
    # GMV after the third quarter of 2024 may be anything: what would have been forecast by then stays
    target, indicators = kuaishou(17)
    shaken = target.assign(value=np.where(target.index >= 15, 9e9, target["value"]))
    found = []
    for table in (target, shaken):
        rows = nowcast(table, indicators, quarters_ahead=2).backtest
        rows = rows[(rows["origin"] <= "2024-09-30") & (rows["candidate"] != "same as a year earlier")]
        found.append(rows.drop(columns=["actual", "error"]).reset_index(drop=True))
    assert set(found[0]["horizon"]) == {1, 2}
    assert len(found[0]) > 100
    pd.testing.assert_frame_equal(*found)
    # nor does an indicator after the quarter that is estimated
    later = indicators["period_end"] > "2024-12-31"
    other = nowcast(target, indicators.assign(value=indicators["value"].mask(later, 5e8))).backtest
    rows = [
        t[(t["period_end"] <= "2024-12-31") & (t["horizon"] == 1)].reset_index(drop=True)
        for t in (nowcast(target, indicators).backtest, other)
    ]
    pd.testing.assert_frame_equal(*rows)


def test_vintages_are_counted():
    target, indicators = kuaishou()
    assert check(nowcast(target, indicators), "vintages").value == 0
    late = target.assign(known_on=target["known_on"].mask(target.index == 3, pd.Timestamp("2023-03-29")))
    assert check(nowcast(late, indicators), "vintages").value == 1


def test_planted_growth_is_found_and_the_intervals_hold():
    # simulated: the target's growth follows the indicator's one to one and drifts; 24 quarters of growth
    held = stated = 0
    ours, naive = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = 0.2 + np.cumsum(rng.normal(0, 0.04, 25))
        y = 0.05 + x + np.cumsum(rng.normal(0, 0.01, 25))
        found = forecasts(y[:24], {"x": x}, origin=23, quarter=24)
        record = backtest(y[:24], {"x": x}, horizon=1, allowed=found)
        errors = {name: list(part["error"]) for name, part in record.groupby("candidate")}
        weight = weights(found, errors)
        error = sum(w * found[name].growth for name, w in weight.items()) - y[24]
        held += abs(error) <= half_width(np.array(errors["combination"]), 0.8)
        stated += 1
        ours.append(abs(error))
        naive.append(abs(found["growth carried"].growth - y[24]))
    assert np.mean(ours) < 0.6 * np.mean(naive)
    assert 42 <= held <= 56  # 48 expected of 60, standard deviation 3.1
    assert stated == 60


def test_fact_ids_are_those_of_the_target_and_the_used_indicators():
    result = nowcast(*kuaishou())
    assert {name.split("_")[0] for name in result.fact_ids} == {"gmv", "mau"}
    assert "mau_202512" in result.fact_ids


def test_what_cannot_be_estimated():
    target, indicators = kuaishou()
    past = indicators[indicators["period_end"] <= "2025-09-30"]
    with pytest.raises(
        NotEstimableError, match="gmv after 2025-09-30 is not estimable: no indicator covers the quarter"
    ):
        nowcast(target, past)
    with pytest.raises(NotEstimableError, match="an indicator of the quarter to 2025-12-31"):
        nowcast(target, indicators.iloc[:0])
    with pytest.raises(NotEstimableError, match=r"growth of the last published quarter \(2025-09-30\) is unknown"):
        nowcast(target.drop(index=14), indicators)
    with pytest.raises(NotEstimableError, match=r"its base \(2024-12-31\) is unknown"):
        nowcast(target.drop(index=15), indicators)
    with pytest.raises(NotEstimableError, match="only 3 past quarters can test an estimate 1 ahead, need 4"):
        nowcast(target.iloc[-8:], indicators)


def test_nowcast_errors():
    target, indicators = kuaishou()
    with pytest.raises(ParameterError, match=r"level must lie between 0\.5 and 0\.99, got 80: .* 80 % is 0\.8"):
        nowcast(target, indicators, level=80)
    for ahead in (0, 5, 1.5):
        with pytest.raises(ParameterError, match=f"whole number from 1 to 4, got {ahead}"):
            nowcast(target, indicators, quarters_ahead=ahead)
    with pytest.raises(HelpersError, match="indicators need a column metric"):
        nowcast(target, indicators.drop(columns="metric"))
    with pytest.raises(HelpersError, match="gmv stands among its own indicators"):
        nowcast(target, target)
    with pytest.raises(HelpersError, match="gmv needs the column known_on"):
        nowcast(target.drop(columns="known_on"), indicators)
    with pytest.raises(HelpersError, match=r"gmv must be above 0, got -1\.0 \(gmv_202103\)"):
        nowcast(target.assign(value=-1.0), indicators)
    with pytest.raises(HelpersError, match="gmv must be by quarter, gmv_202103 runs from 2020-04-01 to 2021-03-31"):
        nowcast(
            target.assign(period_start=target["period_end"] - pd.DateOffset(years=1) + pd.Timedelta(days=1)), indicators
        )
    with pytest.raises(UnitError, match="a series needs one currency, got CNY, USD"):
        nowcast(target.assign(currency=["USD"] + ["CNY"] * 18), indicators)
    points = indicators[indicators["metric"] == "mau"].assign(period_start=lambda t: t["period_end"])
    both = pd.concat([indicators, points.assign(fact_id="twice")])
    with pytest.raises(HelpersError, match="need one mau per quarter, got mau_202103, twice"):
        nowcast(target, both)
    with pytest.raises(HelpersError, match=r"need 1\+ published quarters"):
        nowcast(target.iloc[:0], indicators)
    with pytest.raises(HelpersError, match="must end in the same months"):
        nowcast(
            target,
            quarters("mau", MAU).assign(
                period_start=lambda t: t["period_start"] + pd.DateOffset(months=1),
                period_end=lambda t: t["period_end"] + pd.offsets.MonthEnd(1),
            ),
        )
