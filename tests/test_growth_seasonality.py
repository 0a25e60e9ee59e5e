"""Quarterly growth with its season seen."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.tsa.seasonal import seasonal_decompose

from helpers import growth
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.growth.seasonality import seasonal_growth

# Kuaishou's GMV in billion yuan by quarter, 2021Q1 on, as printed in its results
GMV = [118.56, 145.4, 175.8, 240.3, 175.0756, 191.2, 222.5, 312.4, 224.8, 265.5, 290.2, 403.9]
GMV += [288.1, 305.3, 334.2, 462.1, 332.3, 358.9, 385.0]
FACTORS = np.array([0.8, 0.95, 1.0, 1.25])
SEASON = np.log(FACTORS / np.roll(FACTORS, 1))
"""Log growth that the factors make: the first quarter falls by ln(0.8 / 1.25)."""


def quarters(values, first: str = "2021-01-01") -> pd.DataFrame:
    starts = pd.date_range(first, periods=len(values), freq="QS")
    ends = starts + pd.offsets.QuarterEnd()
    return pd.DataFrame(
        {"period_start": starts, "period_end": ends, "value": values, "fact_id": [f"q{i}" for i in range(len(values))]}
    )


def simulated(seed: int, years: int = 5, noise: float = 0.03) -> np.ndarray:
    """Growth of 5 % a quarter that fades, times the factors, times a random walk."""
    n = 4 * years
    steps = 0.05 - 0.002 * np.arange(n) + np.random.default_rng(seed).normal(0, noise, n)
    return np.exp(np.cumsum(steps)) * np.tile(FACTORS, years)


def test_growth_without_noise_by_hand():
    # 3 % of growth a quarter and the factors: the first quarter falls by 1.03 x 0.8 / 1.25 - 1 = -34.08 %, which is
    # usual; net of the season it is +3 %
    values = 100 * 1.03 ** np.arange(16) * np.tile(FACTORS, 4)
    result = seasonal_growth(quarters(values))
    row = result.table.iloc[12]
    assert row[["qoq", "usual_qoq", "net_qoq"]].tolist() == pytest.approx([-0.3408, -0.3408, 0.03])
    assert row["yoy"] == pytest.approx(1.03**4 - 1)
    # the factors come back, with geometric mean 1, and the season alone makes -36 % of the first quarter
    assert result.factors["factor"].tolist() == pytest.approx(FACTORS / np.prod(FACTORS) ** 0.25)
    assert result.factors["seasonal_qoq"].iloc[0] == pytest.approx(0.8 / 1.25 - 1)
    assert result.factors["years"].tolist() == [3, 4, 4, 4]
    assert result.strength == pytest.approx(1)
    assert {c.name: c.passed for c in result.checks} == {"season_seen": True, "season_stable": True}
    assert result.table["years"].tolist() == [3, 4, 4, 4] * 4


def test_one_odd_quarter_stands_out_net_of_season():
    values = 100 * 1.03 ** np.arange(24) * np.tile(FACTORS, 6)
    values[23:] *= 1.2  # the last fourth quarter is 20 % above its usual growth
    row = seasonal_growth(quarters(values)).table.iloc[23]
    # it moves the season that it is measured against, by a part of its own sixth: between 3 + 20 % and less
    assert 0.15 < row["net_qoq"] < 0.236
    assert row["low"] > 0.05


def test_the_published_gmv_of_kuaishou():
    result = seasonal_growth(quarters(GMV))
    by_hand = growth.qoq(quarters(GMV))["growth"]
    assert np.allclose(result.table["qoq"], by_hand, equal_nan=True)
    assert result.text == (
        "The quarter to 2025-09-30 stands +7.3 % against the quarter before, where +8.2 % is usual for it (5 years); "
        "without the season it is +0.8 % (90 % interval -1.9 % to +3.6 %); against a year earlier it is +15.2 %. "
        "The strength of the season is 0.98 of 1."
    )
    # an independent reading: ratios to a centred moving average, the classical decomposition
    index = pd.DatetimeIndex(quarters(GMV)["period_end"])
    classical = seasonal_decompose(pd.Series(GMV, index=index), model="multiplicative", period=4).seasonal[:4]
    assert np.allclose(result.factors["factor"], classical / np.prod(classical) ** 0.25, atol=0.02)


def test_the_season_is_least_squares():
    # the same regression by statsmodels: quarter dummies without a constant, less their mean, and time
    rates = np.diff(np.log(GMV))
    time = np.arange(18.0) - 8.5
    dummies = [(np.arange(1, 19) % 4 == q).astype(float) for q in range(4)]
    fit = sm.OLS(rates, np.column_stack([*dummies, time])).fit()
    centred = np.hstack([np.eye(4) - 0.25, np.zeros((4, 1))])
    test = fit.t_test(centred)
    result = seasonal_growth(quarters(GMV))
    assert np.allclose(np.log1p(result.factors["seasonal_qoq"]), test.effect)
    reach = stats.t.ppf(0.95, 13) * test.sd * math.sqrt(4 / 3)
    assert np.allclose(np.log1p(result.factors["high"]), test.effect + reach)
    assert result.checks[0].value == pytest.approx(float(fit.f_test(centred[:3]).pvalue), rel=1e-6)
    whole = np.var(fit.resid + test.effect[np.arange(1, 19) % 4])
    assert result.strength == pytest.approx(1 - np.var(fit.resid) / whole)


@settings(deadline=None, max_examples=5)
@given(scale=st.floats(1e-3, 1e9), seed=st.integers(0, 1000))
def test_the_unit_leaves_growth_alone_and_four_seasons_cancel(scale, seed):
    values = simulated(seed)
    one, other = seasonal_growth(quarters(values)), seasonal_growth(quarters(values * scale))
    columns = ["qoq", "usual_qoq", "net_qoq", "low", "high", "yoy"]
    assert np.allclose(one.table[columns], other.table[columns], rtol=1e-6, atol=1e-9, equal_nan=True)
    # what the season adds over a year is nothing, so net growth compounds to the growth of the year
    assert np.prod(1 + one.factors["seasonal_qoq"]) == pytest.approx(1)
    assert np.prod(1 + one.table["net_qoq"].iloc[-4:]) == pytest.approx(1 + one.table["yoy"].iloc[-1])
    assert (one.table["low"].dropna() < one.table["net_qoq"].dropna()).all()
    assert 0 <= one.strength <= 1


@pytest.mark.parametrize("noise_in", ["growth", "level"])
def test_planted_seasons_are_covered(noise_in):
    # simulated: 12 series of 5 years, four seasons each; the intervals are at 90 % and a little wide by design
    # where the noise sits in growth
    held = 0
    centre = SEASON - SEASON.mean()
    for seed in range(12):
        values = simulated(seed)
        if noise_in == "level":
            values = simulated(seed, noise=0.0) * np.exp(np.random.default_rng(seed).normal(0, 0.03, 20))
        table = seasonal_growth(quarters(values)).factors
        held += ((table["low"] <= np.expm1(centre)) & (np.expm1(centre) <= table["high"])).sum()
    assert 38 <= held <= 47  # 43.2 expected of 48; the four of one series hang together


def test_without_a_season_the_check_says_so():
    rng = np.random.default_rng(3)
    result = seasonal_growth(quarters(np.exp(np.cumsum(rng.normal(0.03, 0.02, 20)))))
    assert result.checks[0].passed is False
    assert "no season can be told from noise" in result.checks[0].text
    assert result.strength < 0.5
    flat = seasonal_growth(quarters(np.full(16, 5.0)))
    assert (flat.strength, flat.checks[0].passed) == (0, False)


def test_a_season_that_changes_is_flagged():
    values = simulated(1, years=3, noise=0.01)
    later = values[-1] * simulated(2, years=3, noise=0.01) / np.tile(FACTORS, 3) * np.tile(FACTORS[::-1], 3)
    check = seasonal_growth(quarters([*values, *later])).checks[1]
    assert check.passed is False
    assert "the season changed between both halves" in check.text
    short = seasonal_growth(quarters(simulated(1)[:13]).drop(index=4))  # ten rates of growth
    assert short.checks[1].passed is None
    assert short.checks[1].text == "too few quarters to compare the season of both halves"


def test_gaps_and_other_lengths_are_kept_with_a_reason():
    rows = quarters(simulated(4))
    year = rows.iloc[[7]].assign(period_start="2022-01-01", value=9.0, fact_id="year")
    result = seasonal_growth(pd.concat([rows.drop(index=9), year]))
    table = result.table.set_index("fact_id")
    assert table.loc["year", "reason"] == "the period is not a quarter"
    assert table.loc["year", "years"] == 0
    assert table.loc["q10", "reason"] == "no figure for the quarter before"
    assert table.loc["q13", "yoy_reason"] == "no figure for the same period a year earlier"
    assert result.factors["years"].tolist() == [4, 4, 4, 5]  # the first quarter has no growth, q9 and q10 lost theirs
    assert len(result.fact_ids) == 20


def test_quarters_of_another_fiscal_year():
    rows = quarters(simulated(5))
    shifted = rows.assign(
        period_start=rows["period_start"] + pd.DateOffset(months=1),
        period_end=rows["period_end"] + pd.offsets.MonthEnd(1),
    )
    one, other = seasonal_growth(rows), seasonal_growth(shifted)
    assert np.allclose(one.table["net_qoq"], other.table["net_qoq"], equal_nan=True)


def test_seasonality_errors():
    with pytest.raises(NotEstimableError, match=r"3\+ values of each quarter .* Q4 2 \(2\).*settle it: 3 years"):
        seasonal_growth(quarters(GMV[:11]))
    assert seasonal_growth(quarters(GMV[:12])).factors["years"].tolist() == [2, 3, 3, 3]
    with pytest.raises(HelpersError, match=r"need values above 0, got -5\.0 \(q2\)"):
        seasonal_growth(quarters([*GMV[:2], -5.0, *GMV[3:]]))
    with pytest.raises(ParameterError, match=r"level must lie between 0\.5 and 0\.99, got 90"):
        seasonal_growth(quarters(GMV), level=90)
    with pytest.raises(UnitError, match="one currency"):
        seasonal_growth(quarters(GMV).assign(currency=["USD"] + ["CNY"] * 18))
    odd = pd.concat(
        [
            quarters(GMV),
            quarters([5.0], "2026-02-01").assign(period_start="2026-02-01", period_end="2026-04-30", fact_id="odd"),
        ]
    )
    with pytest.raises(HelpersError, match="must end in the same months of the year"):
        seasonal_growth(odd)
    assert math.isclose(seasonal_growth(quarters(GMV)).level, 0.9)
