"""Contribution of segments to growth."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, UnitError
from helpers.growth.contributions import LEAST_SHARE, PublishedTotal, contributions, shares_of_change


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text.replace(" ", "")))


SEGMENTS = table(
    """segment,start_value,end_value,start_fact_id,end_fact_id
    ads,50,60,a0,a1
    live,40,36,l0,l1
    shops,10,24,s0,s1
    """
)


def test_contributions_by_hand():
    # total 100 to 120: +20 %. ads +10 / 100 = 10 points, half the change; live -4 points; shops +14 points
    result = contributions(SEGMENTS)
    rows = result.table.set_index("segment")
    assert result.growth == pytest.approx(0.2)
    assert rows["contribution_pp"].to_dict() == pytest.approx({"ads": 10, "live": -4, "shops": 14, "total": 20})
    assert rows["share_of_change"].to_dict() == pytest.approx({"ads": 0.5, "live": -0.2, "shops": 0.7, "total": 1})
    assert rows["growth"].to_dict() == pytest.approx({"ads": 0.2, "live": -0.1, "shops": 1.4, "total": 0.2})
    assert rows.loc["shops", ["start_share", "end_share"]].tolist() == pytest.approx([0.1, 0.2])
    assert result.text == (
        "The total went from 100 to 120 (+20.0 %), in percentage points: shops +14.0; ads +10.0; live -4.0."
    )
    assert contributions(SEGMENTS.assign(currency="CNY")).text.startswith(
        "The total went from 100 to 120 CNY (+20.0 %)"
    )
    assert result.fact_ids == ("a0", "l0", "s0", "a1", "l1", "s1")
    assert [check.passed for check in result.checks] == [None, None, True]


def test_what_the_segments_do_not_explain_has_a_row_of_its_own():
    # 110 and 126 published: not in segments 10 and 6; growth 16 / 110; ads 10 / 110 = 9.09 points
    total = PublishedTotal(start_value=110, end_value=126, fact_ids=("t0", "t1"))
    result = contributions(SEGMENTS, total=total)
    rows = result.table.set_index("segment")
    assert rows["kind"].tolist() == ["segment"] * 3 + ["residual", "total"]
    assert rows.loc["not in segments", ["start_value", "end_value", "change"]].tolist() == [10, 6, -4]
    assert rows.loc["ads", "contribution_pp"] == pytest.approx(1000 / 110)
    assert rows.loc["not in segments", "contribution_pp"] == pytest.approx(-400 / 110)
    checks = {check.name: check for check in result.checks}
    assert (checks["start_sum"].passed, checks["start_sum"].value) == (False, 10)
    assert "segments sum to 100, the start total is 110, a gap of 10: more than rounding" in checks["start_sum"].text
    assert result.fact_ids[-2:] == ("t0", "t1")


def test_a_gap_of_the_size_of_rounding_passes():
    # each segment may be 0.5 off, the total too: 100 +- 1.5 meets 101.9 +- 0.5, but not 102.1 +- 0.5
    bounds = {f"start_{end}": SEGMENTS["start_value"] + d for end, d in (("low", -0.5), ("high", 0.5))}
    rows = SEGMENTS.assign(**bounds)
    for start_value, passed in ((101.9, True), (102.1, False)):
        total = PublishedTotal(
            start_value=start_value, start_low=start_value - 0.5, start_high=start_value + 0.5, end_value=120
        )
        check = contributions(rows, total=total).checks[0]
        assert (check.passed, check.threshold) == (passed, pytest.approx(2.0))


def test_published_segments_of_a_quarter_sum_to_its_growth():
    # Kuaishou, fourth quarters of 2023 and 2024 in billion yuan: marketing 18.2 to 20.6, live streaming 10.0
    # to 9.85, the rest 4.4 to 4.92; revenue 32.6 to 35.38 (+8.5 %): 2.4 / 32.6 = 7.4 points of it are marketing
    rows = pd.DataFrame(
        {
            "segment": ["marketing", "live", "rest"],
            "start_value": [18.2e9, 10.0e9, 4.4e9],
            "end_value": [20.6e9, 9.85e9, 4.92e9],
        }
    ).assign(end_low=lambda t: t["end_value"] - 5e7, end_high=lambda t: t["end_value"] + 5e7)
    result = contributions(rows, total=PublishedTotal(start_value=32.6e9, end_value=35.38e9))
    assert result.table["contribution_pp"].round(1).tolist() == [7.4, -0.5, 1.6, 0.0, 8.5]
    assert [check.passed for check in result.checks] == [True, True, True]


amounts = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=15)
@given(pairs=amounts, scale=st.floats(1e-3, 1e3), total=st.tuples(st.floats(1e3, 1e7), st.floats(-1e6, 1e7)))
def test_contributions_sum_to_the_growth_in_any_currency(pairs, scale, total):
    def run(factor):
        rows = pd.DataFrame(pairs, columns=["start_value", "end_value"]) * factor
        whole = PublishedTotal(start_value=total[0] * factor, end_value=total[1] * factor)
        return contributions(rows.assign(segment=range(len(rows))), total=whole)

    result, scaled = run(1.0), run(scale)
    parts = result.table[result.table["kind"] != "total"]
    assert parts["contribution_pp"].sum() == pytest.approx(result.growth * 100, rel=1e-6, abs=1e-6)
    assert parts["change"].sum() == pytest.approx(total[1] - total[0], rel=1e-9, abs=1e-6)
    assert np.allclose(result.table["contribution_pp"], scaled.table["contribution_pp"], rtol=1e-6, atol=1e-6)


def test_a_share_of_nothing_is_undefined_with_its_reason():
    # +10 and -9.9: the change of 0.1 is 0.5 % of all movement
    rows = table("segment,start_value,end_value\na,50,60\nb,50,40.1")
    result = contributions(rows)
    assert result.table["share_of_change"].isna().all()
    assert set(result.table["reason"]) == {"the total hardly changed: a share of its change is undefined"}
    assert result.checks[-1].passed is False
    assert result.table["contribution_pp"].tolist() == pytest.approx([10, -9.9, 0.1])
    # exactly at and just above the limit: 101 - 99 = 2 is 1 % of 200
    assert np.isnan(shares_of_change([101, -99], 2)).all()
    assert shares_of_change([102, -98], 4).tolist() == [25.5, -24.5]
    assert np.isnan(shares_of_change([0, 0], 0)).all()
    assert LEAST_SHARE == 0.01


def test_a_segment_that_starts_from_nothing_or_a_loss_has_no_growth_of_its_own():
    rows = table("segment,start_value,end_value\nold,100,110\nnew,0,5\nloss,-5,-10")
    result = contributions(rows).table.set_index("segment")
    # the total goes from 95 to 105
    assert result.loc["new", "contribution_pp"] == pytest.approx(500 / 95)
    assert result.loc[["new", "loss"], "growth"].isna().all()
    assert result.loc["loss", "reason"] == "the start is not above 0: own growth is undefined"


def test_contribution_errors():
    with pytest.raises(HelpersError, match=r"segments need the columns .* missing: \['end_value'\]"):
        contributions(SEGMENTS.drop(columns="end_value"))
    with pytest.raises(HelpersError, match="got an empty table"):
        contributions(SEGMENTS.iloc[:0])
    with pytest.raises(HelpersError, match="one row per segment, got several for ads"):
        contributions(pd.concat([SEGMENTS, SEGMENTS.iloc[[0]]]))
    with pytest.raises(HelpersError, match="every segment needs a start_value, missing for live"):
        contributions(SEGMENTS.assign(start_value=[50, np.nan, 10]))
    with pytest.raises(HelpersError, match=r"base total above 0, got -20.*state the changes in amount"):
        contributions(SEGMENTS.assign(start_value=[-50, 20, 10]))
    with pytest.raises(UnitError, match="one currency, got CNY, USD"):
        contributions(SEGMENTS.assign(currency=["CNY", "USD", "CNY"]))
    with pytest.raises(HelpersError, match="base total above 0, got 0"):
        PublishedTotal(start_value=0, end_value=1)
    with pytest.raises(HelpersError, match="start value 5 of the total must lie in its interval, got 6 to 5"):
        PublishedTotal(start_value=5, start_low=6, end_value=1)
    with pytest.raises(HelpersError, match="end value of the total must be a number, got nan"):
        PublishedTotal(start_value=5, end_value=np.nan)
