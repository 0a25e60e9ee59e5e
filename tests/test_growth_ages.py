"""Clocks of a same-age comparison, and values at whole ages."""

from __future__ import annotations

import math
from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.growth.ages import at_age, by_age, origins_by_day, origins_by_threshold


def series(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text.replace(" ", "")))


USERS = series(
    """period_start,period_end,value,fact_id
    2013-12-31,2013-12-31,2e6,u13
    2014-12-31,2014-12-31,5e6,u14
    2015-12-31,2015-12-31,20e6,u15
    2016-12-31,2016-12-31,30e6,u16
    """
)
LATE = series(
    """period_start,period_end,value,fact_id
    2019-12-31,2019-12-31,50e6,l19
    2020-12-31,2020-12-31,60e6,l20
    """
)


def ten_million(**series_by_name) -> pd.DataFrame:
    return origins_by_threshold(series_by_name, threshold=10e6, clock="10 million users").set_index("name")


# --- origins ------------------------------------------------------------------------------------


def test_the_day_of_a_threshold_by_hand():
    # 5 to 20 million in 365 days: ln 2 / ln 4 = half of it, 182 days (182.5 to the even) after 2014-12-31
    row = ten_million(app=USERS).loc["app"]
    assert row["origin"] == pd.Timestamp("2015-07-01")
    assert (row["origin_low"], row["origin_high"]) == (pd.Timestamp("2015-01-01"), pd.Timestamp("2015-12-31"))
    assert (row["before_fact_id"], row["after_fact_id"], row["reason"], row["settles"]) == ("u14", "u15", "", "")


def test_rounding_widens_the_interval_to_points_that_are_beyond_doubt():
    # 2015 is "about 10 million" (9.5 to 10.5): reached for sure in 2016 only; 2014 is 9.4 to 9.6
    rows = series(
        """period_start,period_end,value,low,high,fact_id
        2014-12-31,2014-12-31,9.5e6,9.4e6,9.6e6,a
        2015-12-31,2015-12-31,10e6,9.5e6,10.5e6,b
        2016-12-31,2016-12-31,12e6,11.9e6,12.1e6,c
        """
    )
    row = ten_million(app=rows).loc["app"]
    assert row["origin"] == pd.Timestamp("2015-12-31")
    assert (row["origin_low"], row["origin_high"]) == (pd.Timestamp("2015-01-01"), pd.Timestamp("2016-12-31"))
    only = ten_million(app=rows.iloc[:2]).loc["app"]
    assert "reached only within the rounding" in only["reason"]
    unsure = ten_million(app=rows.assign(high=[10.1e6, 10.5e6, 12.1e6])).loc["app"]
    assert unsure["reason"] == "no figure before is below the threshold by more than its rounding"


def test_a_threshold_outside_the_points_is_not_determined():
    table = ten_million(late=LATE, small=USERS.iloc[:2])
    assert table["origin"].isna().all()
    assert table.loc["late", "reason"] == "the first figure is already 50.0 million (2019-12-31)"
    assert table.loc["late", "settles"] == "a figure of late below 10.0 million before 2019-12-31"
    assert table.loc["small", "reason"] == "the highest figure is 5.00 million (2014-12-31)"
    assert table.loc["small", "settles"] == "a figure of small of 10.0 million or more"


def test_the_first_crossing_counts_and_a_later_fall_does_not():
    rows = USERS.assign(value=[2e6, 20e6, 5e6, 30e6])
    assert ten_million(app=rows).loc["app", "after_fact_id"] == "u14"


@settings(deadline=None, max_examples=30)
@given(
    growth=st.floats(0.05, 1.5),
    start=st.floats(1e3, 9e6),
    days=st.lists(st.integers(1, 6000), min_size=2, max_size=8, unique=True),
)
def test_under_steady_growth_the_day_is_found_again(growth, start, days):
    # value = start (1 + g) ** years passes the threshold on a known day; the points are any days
    true_day = math.log(10e6 / start) / math.log1p(growth) * 365.25
    ends = [pd.Timestamp("2000-01-01") + pd.Timedelta(days=d) for d in sorted(days)]
    values = [start * (1 + growth) ** (d / 365.25) for d in sorted(days)]
    rows = pd.DataFrame({"period_start": ends, "period_end": ends, "value": values, "fact_id": "f"})
    row = ten_million(app=rows).loc["app"]
    if min(days) < true_day <= max(days):
        assert abs((row["origin"] - pd.Timestamp("2000-01-01")).days - true_day) <= 1
        assert row["origin_low"] <= row["origin"] <= row["origin_high"]
    else:
        assert pd.isna(row["origin"])
        assert row["reason"]


def test_given_days_and_an_unknown_one():
    table = origins_by_day({"a": date(2013, 6, 6), "b": None}, clock="launch", fact_ids={"a": "f1"}).set_index("name")
    assert table.loc["a", "origin_low"] == table.loc["a", "origin_high"] == pd.Timestamp("2013-06-06")
    assert table.loc["a", "before_fact_id"] == "f1"
    assert table.loc["b", ["reason", "settles"]].tolist() == [
        "the day of launch is not known",
        "the day of launch of b",
    ]


def test_origin_errors():
    with pytest.raises(ParameterError, match="threshold must be above 0, in the unit of the series, got -1"):
        origins_by_threshold({"a": USERS}, threshold=-1, clock="x")
    with pytest.raises(HelpersError, match=r"need 1\+ series for the clock x"):
        origins_by_threshold({}, threshold=1, clock="x")
    with pytest.raises(HelpersError, match=r"figures must be above 0, a has 0\.0 \(u13\)"):
        ten_million(a=USERS.assign(value=[0.0, 5e6, 2e7, 3e7]))
    with pytest.raises(HelpersError, match="figures must be above 0, a has nan"):
        ten_million(a=USERS.assign(value=[np.nan, 5e6, 2e7, 3e7]))
    with pytest.raises(HelpersError, match=r"need 1\+ figures of a"):
        ten_million(a=USERS.iloc[:0])
    year = USERS.iloc[[3]].assign(period_start="2016-01-01", fact_id="year")
    with pytest.raises(HelpersError, match=r"one figure of a per last day, got several for 2016-12-31 \(year, u16\)"):
        ten_million(a=pd.concat([USERS, year]))
    with pytest.raises(HelpersError, match=r"need 1\+ entities with a day of launch"):
        origins_by_day({}, clock="launch")


# --- the table by age ---------------------------------------------------------------------------


def test_by_age_by_hand():
    origins = origins_by_threshold({"app": USERS, "late": LATE}, threshold=10e6, clock="10 million users")
    result = by_age({"app": USERS, "late": LATE}, origins)
    rows = result.table.set_index("fact_id")
    # 2015-07-01 to 2015-12-31 are 183 days; from the earliest origin, 2015-01-01, they are 364, from the latest 0
    assert set(rows["name"]) == {"app"}
    assert rows.loc["u15", ["age_low", "age_years", "age_high"]].tolist() == pytest.approx(
        [0, 183 / 365.25, 364 / 365.25]
    )
    assert result.text == (
        "Age counts from 10 million users: app 2015-07-01 (2015-01-01 to 2015-12-31). Not determined: late."
    )
    assert (result.checks[0].passed, result.checks[0].value) == (False, 1)
    assert "late: the first figure is already" in result.checks[0].text
    assert result.fact_ids == ("u13", "u14", "u15", "u16")
    exact = by_age({"app": USERS}, origins_by_day({"app": date(2013, 6, 6)}, clock="launch"))
    assert (exact.table["age_low"] == exact.table["age_years"]).all()
    assert exact.text == "Age counts from launch: app 2013-06-06."


def test_by_age_errors():
    late = origins_by_threshold({"late": LATE}, threshold=10e6, clock="10 million users")
    with pytest.raises(NotEstimableError, match="age since 10 million users is not estimable: late: the first figure"):
        by_age({"late": LATE}, late)
    days = origins_by_day({"app": date(2013, 6, 6)}, clock="launch")
    with pytest.raises(HelpersError, match="need one origin for every entity, got none or several for: late"):
        by_age({"app": USERS, "late": LATE}, days)
    with pytest.raises(HelpersError, match="one comparison needs one clock, got 10 million users, launch"):
        by_age({"app": USERS, "late": LATE}, pd.concat([days, late]))
    with pytest.raises(HelpersError, match="origins come from origins_by_day"):
        by_age({"app": USERS}, days.drop(columns="settles"))
    with pytest.raises(HelpersError, match="got none or several for: no entity"):
        by_age({}, days)


# --- values at whole ages -----------------------------------------------------------------------

AGED = pd.DataFrame(
    {
        "name": ["a", "a", "a", "b"],
        "age_years": [0.5, 1.5, 3.5, 2.0],
        "value": [100.0, 400.0, 800.0, 7.0],
        "fact_id": ["a1", "a2", "a3", "b1"],
    }
)


def test_at_age_by_hand():
    table = at_age(AGED, [1, 1.5, 2.5, 4]).set_index(["name", "age_years"])
    # age 1 is half way between 0.5 and 1.5: sqrt(100 x 400) = 200; 2.5 half way from 1.5 to 3.5: sqrt(400 x 800)
    assert table.loc["a", "value"].tolist() == pytest.approx([200, 400, math.sqrt(320000), np.nan], nan_ok=True)
    assert table.loc["a", "gap_years"].tolist() == pytest.approx([1, 0, 2, np.nan], nan_ok=True)
    assert table.loc[("a", 1.5), ["before_fact_id", "after_fact_id"]].tolist() == ["a2", "a2"]
    assert table.loc[("a", 4), "reason"] == "age 4 lies after the last figure, at 3.50 years"
    assert table.loc[("a", 4), "settles"] == "a figure of a at or beyond age 4"
    assert table.loc[("b", 1), "reason"] == "age 1 lies before the first figure, at 2.00 years"
    assert (table["value"].isna() == (table["reason"] != "")).all()


def test_an_uncertain_origin_gives_the_value_an_interval():
    # the origin may lie half a year earlier or later: at age 2 the curve doubles each year, 2 ** (2 -+ 0.5)
    ages = np.arange(6.0)
    rows = pd.DataFrame({"name": "a", "age_years": ages, "value": 2**ages, "fact_id": "f"})
    table = at_age(rows.assign(age_low=ages - 0.5, age_high=ages + 0.5), [2, 5])
    assert table.loc[0, ["low", "value", "high"]].tolist() == pytest.approx([2**1.5, 4, 2**2.5])
    # age 5 lies outside the points if the origin was late: the interval is not determined
    assert table.loc[1, "value"] == 32
    assert np.isnan(table.loc[1, ["low", "high"]].tolist()).all()


def test_rounding_gives_the_value_an_interval():
    # between lows of 90 and 360, sqrt = 180; highs 110 and 440, 220
    rows = AGED.iloc[:2].assign(low=[90.0, 360.0], high=[110.0, 440.0])
    table = at_age(rows, [1])
    assert table.loc[0, ["low", "value", "high"]].tolist() == pytest.approx([180, 200, 220])


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(1e-3, 1e6), age=st.floats(0.5, 3.5))
def test_the_unit_scales_the_value_at_an_age_and_the_value_lies_between_its_points(scale, age):
    value = at_age(AGED, [age])["value"].iloc[0]
    assert at_age(AGED.assign(value=AGED["value"] * scale), [age])["value"].iloc[0] == pytest.approx(value * scale)
    assert 100 <= value <= 800 * (1 + 1e-12)


def test_values_without_a_logarithm_have_a_reason():
    table = at_age(AGED.assign(value=[-5.0, 400.0, np.nan, 7.0]), [0.5, 1, 3.5])
    assert table["value"].tolist()[:1] == [-5]
    assert table.loc[[1, 2], "reason"].str.contains("missing or not above 0").all()


def test_at_age_errors():
    with pytest.raises(HelpersError, match=r"needs the columns .* missing: \['value'\]"):
        at_age(AGED.drop(columns="value"), [1])
    with pytest.raises(HelpersError, match=r"need 1\+ ages in years, got \[\]"):
        at_age(AGED, [])
    with pytest.raises(HelpersError, match="need one value per age, got several for a"):
        at_age(pd.concat([AGED, AGED]), [1])
