"""The last period that several series share, against the same a year earlier."""

from __future__ import annotations

from io import StringIO

import pandas as pd
import pytest

from helpers.errors import HelpersError, NotEstimableError, UnitError
from helpers.growth.pairs import contributions_of, decompose_levels, year_pair

SERIES = pd.read_csv(
    StringIO(
        """metric,period_start,period_end,value,low,high,currency,fact_id
dau,2024-07-01,2024-09-30,400,399.5,400.5,,d24
dau,2025-07-01,2025-09-30,410,409.5,410.5,,d25
dau,2025-10-01,2025-12-31,405,404.5,405.5,,d26
revenue,2024-07-01,2024-09-30,300,299.5,300.5,CNY,r24
revenue,2025-07-01,2025-09-30,360,359.5,360.5,CNY,r25
ads,2024-07-01,2024-09-30,200,199.5,200.5,CNY,a24
ads,2025-07-01,2025-09-30,230,229.5,230.5,CNY,a25
other,2024-07-01,2024-09-30,100,99.5,100.5,CNY,o24
other,2025-07-01,2025-09-30,128,127.5,128.5,CNY,o25
"""
    ),
    parse_dates=["period_start", "period_end"],
    keep_default_na=False,
)
UNITS = {"dau": "person", "revenue": "money"}


def test_the_last_period_that_all_share():
    pair = year_pair(SERIES, ["dau", "revenue"])  # dau alone goes on to December
    assert pair["fact_id"].tolist() == ["d24", "d25", "r24", "r25"]
    assert pair["side"].tolist() == ["start", "end"] * 2


def test_a_leap_day_meets_the_28th():
    start, end = pd.to_datetime(["2023-02-01", "2024-02-01"]), pd.to_datetime(["2023-02-28", "2024-02-29"])
    months = SERIES.iloc[[0, 1]].assign(period_start=start, period_end=end)
    assert len(year_pair(months, ["dau"])) == 2


def test_factors_by_hand():
    result = decompose_levels(SERIES, chain=["dau", "revenue"], units=UNITS)
    assert (result.change, abs(result.residual) < 1e-9) == (60.0, True)
    effects = result.table.set_index("factor")["effect"]
    # logarithmic mean of 300 and 360: 60 / ln 1.2 = 329.0889; times ln(410 / 400) = 8.1261
    assert effects["dau"] == pytest.approx(8.1261, abs=1e-3)
    assert effects.sum() == pytest.approx(60)
    assert set(result.fact_ids) == {"d24", "d25", "r24", "r25"}
    assert result.text == (
        "2025-07-01 to 2025-09-30 against a year before: revenue went from 300 to 360 CNY (+20.0 %): dau +8.13, "
        "revenue/dau +51.9; the effects sum to the change."
    )
    # money below, people above: the total has no currency
    people = decompose_levels(SERIES, chain=["revenue", "dau"], units=UNITS)
    assert "dau went from 400 to 410 (+2.5 %): " in people.text


def test_segments_by_hand():
    result = contributions_of(SERIES, segments=["ads", "other"], total="revenue")
    points = result.table.set_index("segment")["contribution_pp"]
    # 30 / 300 = 10 points, 28 / 300 = 9.33 points, 60 / 300 - both = 0.67 points in no segment
    assert points["ads"] == pytest.approx(10)
    assert points["other"] == pytest.approx(28 / 3)
    assert points["not in segments"] == pytest.approx(2 / 3)
    assert result.text.startswith(
        "2025-07-01 to 2025-09-30 against a year before: revenue went from 300 to 360 CNY (+20.0 %), in percentage "
        "points: ads +10.0; other +9.3; "
    )


def test_errors():
    with pytest.raises(NotEstimableError, match=r"missing: gmv to 2025-09-30, gmv to 2024-09-30"):
        year_pair(SERIES, ["dau", "gmv"])
    with pytest.raises(NotEstimableError, match="none of them is known"):
        year_pair(SERIES, ["gmv"])
    with pytest.raises(HelpersError, match="one figure per metric and period, got d24, d24"):
        year_pair(pd.concat([SERIES, SERIES.head(1)]), ["dau"])
    with pytest.raises(HelpersError, match=r"missing: \['currency'\]"):
        year_pair(SERIES.drop(columns="currency"), ["dau"])
    two = SERIES.assign(currency=SERIES["currency"].mask(SERIES["fact_id"].eq("r25"), "USD"))
    with pytest.raises(UnitError, match="one currency, got CNY and USD"):
        decompose_levels(two, chain=["dau", "revenue"], units=UNITS)
