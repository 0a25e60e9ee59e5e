"""Levels that published figures imply."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from helpers.errors import HelpersError, ParameterError, UnitError
from helpers.growth.implied import levels_from_growth, missing_quarter, quarters_from_growth
from helpers.growth.nowcast import nowcast


def series(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text.replace(" ", "")))


YEARS = series(
    """period_start,period_end,value,low,high,known_on,fact_id
    2023-01-01,2023-12-31,113.5,113.45,113.55,2024-03-20,y23
    2024-01-01,2024-12-31,126.9,126.85,126.95,2025-03-25,y24
    """
)
GROWTH = series(
    """period_start,period_end,value,low,high,known_on,fact_id
    2025-01-01,2025-12-31,0.125,0.1245,0.1255,2026-05-12,g25
    2027-01-01,2027-12-31,0.1,0.1,0.1,2028-05-12,g27
    """
)
QUARTERS = series(
    """period_start,period_end,value,low,high,known_on,fact_id
    2025-01-01,2025-03-31,32.6,32.55,32.65,2025-05-27,q1
    2025-04-01,2025-06-30,35.0,34.95,35.05,2025-08-21,q2
    2025-07-01,2025-09-30,35.6,35.55,35.65,2025-11-20,q3
    """
)


def test_a_level_from_its_growth_by_hand():
    table = levels_from_growth(YEARS, GROWTH)
    # 126.9 x 1.125 = 142.7625; low 126.85 x 1.1245 = 142.642825; high 126.95 x 1.1255 = 142.882225
    row = table.iloc[0]
    assert row[["value", "low", "high"]].tolist() == pytest.approx([142.7625, 142.642825, 142.882225])
    assert (row["fact_id"], row["known_on"], row["reason"]) == ("g25+y24", pd.Timestamp("2026-05-12"), "")
    # nothing is known of 2026
    row = table.iloc[1]
    assert np.isnan(row["value"])
    assert (row["reason"], row["fact_id"]) == ("no level of the same period a year earlier", "g27")
    assert levels_from_growth(YEARS.assign(value=-1.0, low=-1.0), GROWTH)["reason"].iloc[0] == "the base is not above 0"


def test_the_missing_quarter_by_hand():
    year = levels_from_growth(YEARS, GROWTH).iloc[[0]]
    table = missing_quarter(year, QUARTERS)
    # 142.7625 - 103.2 = 39.5625; low 142.642825 - 103.35 = 39.292825; high 142.882225 - 103.05 = 39.832225
    row = table.iloc[0]
    assert row[["value", "low", "high"]].tolist() == pytest.approx([39.5625, 39.292825, 39.832225])
    assert (row["period_start"], row["period_end"]) == (pd.Timestamp("2025-10-01"), pd.Timestamp("2025-12-31"))
    assert row["fact_id"] == "g25+y24+q1+q2+q3"
    assert row["known_on"] == pd.Timestamp("2026-05-12")


def test_any_quarter_may_be_the_missing_one_and_two_are_too_many():
    year = levels_from_growth(YEARS, GROWTH).iloc[[0]]
    last = QUARTERS.iloc[[0]].assign(period_start="2025-10-01", period_end="2025-12-31", fact_id="q4")
    last = last.assign(value=39.5625, low=39.5, high=39.6)
    found = missing_quarter(year, pd.concat([QUARTERS.iloc[[0, 2]], last]))
    assert found["period_start"].tolist() == [pd.Timestamp("2025-04-01")]
    assert found["value"].iloc[0] == pytest.approx(35.0)
    both = missing_quarter(pd.concat([YEARS, year]), QUARTERS.iloc[:2])
    assert both["value"].isna().all()
    assert both["reason"].tolist() == [f"needs the year and exactly three of its quarters, got {n}" for n in (0, 0, 2)]


def test_the_parts_of_the_year_sum_to_it():
    year = levels_from_growth(YEARS, GROWTH).iloc[[0]]
    value = missing_quarter(year, QUARTERS)["value"].iloc[0]
    assert value + QUARTERS["value"].sum() == pytest.approx(year["value"].iloc[0])
    money = ["value", "low", "high"]
    scaled = missing_quarter(year.assign(**year[money] * 1e9), QUARTERS.assign(**QUARTERS[money] * 1e9))
    assert scaled["value"].iloc[0] == pytest.approx(value * 1e9)


def test_an_implied_quarter_serves_as_indicator_with_all_its_facts():
    starts = pd.date_range("2020-01-01", periods=24, freq="QS")
    rows = pd.DataFrame({"period_start": starts, "period_end": starts + pd.offsets.QuarterEnd()})
    rng = np.random.default_rng(1)
    values = np.exp(0.04 * np.arange(24) + rng.normal(0, 0.02, 24)) * 30
    rows = rows.assign(
        value=values, known_on=rows["period_end"], fact_id=[f"f{i}" for i in range(24)], metric="revenue"
    )
    year = rows.iloc[[23]].assign(period_start=pd.Timestamp("2025-01-01"), value=values[20:].sum(), fact_id="year")
    implied = missing_quarter(year, rows.iloc[20:23]).assign(metric="revenue")
    target = rows.iloc[:23].assign(value=values[:23] * 3, metric="gmv", fact_id=[f"g{i}" for i in range(23)])
    result = nowcast(target, pd.concat([rows.iloc[:23], implied]))
    direct = nowcast(target, rows)
    assert result.table["estimate"].iloc[-1] == pytest.approx(direct.table["estimate"].iloc[-1])
    assert "year" in result.fact_ids
    assert not any("+" in fact for fact in result.fact_ids)


def test_implied_errors():
    with pytest.raises(ParameterError, match=r"growth must lie between -1 and 10, got 12\.5: .* 12\.5 % is 0\.125"):
        levels_from_growth(YEARS, GROWTH.assign(value=12.5))
    with pytest.raises(HelpersError, match="levels need the column known_on"):
        levels_from_growth(YEARS.drop(columns="known_on"), GROWTH)
    with pytest.raises(HelpersError, match="q1 is not a year"):
        missing_quarter(QUARTERS, QUARTERS.iloc[:0])
    with pytest.raises(HelpersError, match="y23 is not a quarter"):
        missing_quarter(YEARS, YEARS.assign(period_end=["2023-11-30", "2024-11-30"]))
    with pytest.raises(UnitError, match="a series needs one currency, got CNY, USD"):
        missing_quarter(YEARS.assign(currency="CNY"), QUARTERS.assign(currency="USD"))


def test_the_last_quarter_of_a_year_of_which_only_growth_was_printed():
    growth_only = quarters_from_growth(YEARS, QUARTERS, GROWTH)
    # the same as the two steps by hand
    by_steps = missing_quarter(levels_from_growth(YEARS, GROWTH).head(1), QUARTERS)  # of 2026 nothing is known
    assert growth_only["value"].tolist() == by_steps["value"].tolist()
    assert growth_only["fact_id"].tolist() == by_steps["fact_id"].tolist()
    assert quarters_from_growth(YEARS, QUARTERS, GROWTH.head(0)).empty
    published = pd.concat([QUARTERS, QUARTERS.tail(1).assign(**{
        column: by_steps[column].iloc[0] for column in ("period_start", "period_end", "value", "low", "high")
    })])  # fmt: skip
    assert quarters_from_growth(YEARS, published, GROWTH).empty
