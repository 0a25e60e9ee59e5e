"""Marks and rounds out of mentions."""

from __future__ import annotations

from io import StringIO

import pandas as pd
import pytest

from helpers.errors import HelpersError, NotEstimableError, UnitError
from helpers.valuation.marks import marks_of, rounds_of

VALUES = pd.read_csv(
    StringIO(
        """period_start,period_end,value,low,high,currency,basis,fact_id
2018-06-01,2018-06-30,3e9,3e9,inf,USD,round_post_money,v1
2018-12-31,2018-12-31,3e9,2.5e9,3.5e9,USD,round_post_money,v2
2020-01-10,2020-01-10,6e9,5.5e9,6.5e9,USD,talks,v3
2020-01-01,2020-06-30,5e9,4.5e9,5.5e9,USD,round_post_money,v4
2021-11-08,2021-11-08,20e9,19e9,21e9,USD,round_post_money,v5
2021-01-01,2021-12-31,20e9,19e9,21e9,USD,round_post_money,v6
2024-07-11,2024-07-11,17e9,16e9,18e9,USD,secondary_sale,v7
2025-09-01,2025-09-30,31e9,30e9,32e9,USD,fund_mark,v8
2025-06-30,2025-06-30,31e9,30e9,32e9,USD,fund_mark,v9
2025-06-30,2025-06-30,30e9,30e9,32e9,USD,,a1
"""
    )
)
RAISED = pd.read_csv(
    StringIO(
        """period_start,period_end,value,currency,fact_id
2016-03-01,2016-03-31,1e8,USD,r1
2018-06-01,2018-06-30,3e8,USD,r2
2018-01-01,2018-12-31,3e8,USD,r3
2021-11-08,2021-11-08,5e8,USD,r4
"""
    )
)


def test_each_value_once_on_its_first_day():
    found = marks_of(VALUES, RAISED)
    # v2 repeats v1, v3 is talks, v6 is v5 told loosely, v8 repeats v9; a1 shares the day of v9 and has no basis
    assert found["fact_id"].tolist() == ["v1", "v4", "v5", "v7", "v9"]
    assert found["high"].iloc[0] == 3e9  # "over 3 billion": an open end is no size
    assert found["raised"].tolist()[:1] + found["raised"].tolist()[2:3] == [3e8, 5e8]
    assert found["raised_fact_id"].tolist() == ["r2", "", "r4", "", ""]


def test_talks_count_where_asked_for():
    assert "v3" in marks_of(VALUES, without=())["fact_id"].tolist()
    assert marks_of(VALUES)["raised"].isna().all()


def test_rounds_keep_what_is_half_known():
    found = rounds_of(marks_of(VALUES, RAISED), RAISED)
    assert found["fact_id"].tolist() == ["r1", "v1 r2", "v4", "v5 r4"]  # r3 is r2 told loosely
    assert found["post_money"].isna().tolist() == [True, False, False, False]
    assert found["raised"].isna().tolist() == [False, False, True, False]


def test_a_later_return_to_an_old_value_is_a_mark_of_its_own():
    there = VALUES.iloc[[6]].assign(period_start="2025-01-01", period_end="2025-01-31", value=20e9, fact_id="w1")
    back = there.assign(period_start="2025-03-01", period_end="2025-03-31", value=17e9, fact_id="w2")
    assert marks_of(pd.concat([VALUES, there, back]))["fact_id"].tolist()[3:6] == ["v7", "w1", "w2"]


def test_errors():
    with pytest.raises(UnitError, match="need one currency, got CNY, USD"):
        marks_of(VALUES, RAISED.assign(currency="CNY"))
    with pytest.raises(HelpersError, match=r"missing: \['basis'\]"):
        marks_of(VALUES.drop(columns="basis"))


def test_a_company_without_values_has_no_marks():
    with pytest.raises(
        NotEstimableError, match="no valuation of it is known, and a listed company has its market price"
    ):
        marks_of(VALUES.head(0), RAISED)
    with pytest.raises(HelpersError, match="missing: \\['basis'\\]"):
        marks_of(VALUES.head(0).drop(columns="basis"))
    talked = marks_of(VALUES.iloc[[2]], RAISED.head(0))  # known, but no deal: a table without rows
    assert talked.empty


def test_a_company_without_rounds_has_none():
    none = rounds_of(marks_of(VALUES.iloc[[2]], RAISED.head(0)), RAISED.head(0))
    assert none.empty
    assert list(none.columns) == ["date", "raised", "post_money", "currency", "fact_id"]
    unvalued = rounds_of(marks_of(VALUES.iloc[[2]], RAISED), RAISED)
    assert unvalued["fact_id"].tolist() == ["r1", "r2", "r4"]
