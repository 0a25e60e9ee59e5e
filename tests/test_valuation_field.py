"""One scale for every estimate, and what contradicting claims would imply."""

from __future__ import annotations

from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError, UnknownNameError
from helpers.valuation.field import football_field, off_scale


def table(text: str) -> pd.DataFrame:
    """A table from comma separated text."""
    return pd.read_csv(StringIO(text), skipinitialspace=True)


def check(result, name):
    return next(one for one in result.checks if one.name == name)


# --- football field -----------------------------------------------------------------------------

# the marks and the sale as reported (36kr); comps, DCF and the other rows are made up for the test
ESTIMATES = table(
    """method, basis, low, point, high, date, currency, known_on, fact_ids, note
    GSR IV mark, fund_mark, 25.5e9, 26e9, 26.5e9, 2025-03-31, USD, 2025-09-05, f1,
    GSR IV mark, fund_mark, 30.5e9, 31e9, 31.5e9, 2025-06-30, USD, 2025-09-05, f2, preferred shares
    old shares, secondary_sale, 49.5e9, 50e9, 50.5e9, 2025-12-31, USD, 2026-01-20, f3,
    Series E+, round_post_money, 18e9, , 20e9, 2021-11-08, USD, 2021-11-08, f4,
    EV/Sales peers, comps, 20e9, 28e9, 40e9, 2026-01-31, USD, 2026-01-31, f5,
    DCF base, dcf, 25e9, 38e9, 60e9, 2026-01-31, USD, 2026-01-31, f6,
    """
)
REPORT = date(2026, 1, 31)


def field(rows=ESTIMATES, day=REPORT, **given):
    return football_field(rows, as_of=day, **given)


def statuses(result):
    return dict(
        zip(result.table["method"] + " " + result.table["date"].astype(str), result.table["status"], strict=True)
    )


def test_field_by_hand():
    result = field()
    # what counts: the latest mark, the sale, comps, DCF; observed are the mark (30.5 to 31.5) and the sale (to 50.5)
    assert (result.low, result.high, result.headline) == (30.5e9, 50.5e9, "observed")
    assert (result.envelope_low, result.envelope_high) == (20e9, 60e9)
    # the mark lies in comps (20 to 40) and DCF (25 to 60): three bases from 30.5 to 31.5; at the sale only two
    assert (result.core_low, result.core_high, result.core_count) == (30.5e9, 31.5e9, 3)
    assert statuses(result) == {
        "old shares 2025-12-31": "current",
        "Series E+ 2021-11-08": "old",
        "GSR IV mark 2025-03-31": "superseded",
        "GSR IV mark 2025-06-30": "current",
        "EV/Sales peers 2026-01-31": "current",
        "DCF base 2026-01-31": "current",
    }
    assert result.fact_ids == ("f3", "f2", "f5", "f6")
    old = result.table.set_index("method").loc["Series E+"]
    # 8 November 2021 to 31 January 2026: 4 years of 365 days and a leap day, and 84 days
    assert (old["age_days"], old["reason"]) == (1545, "dated 1545 days before, the window is 365")
    assert result.quote == (
        "Between 30.5 billion and 50.5 billion USD: fund mark 31.0 billion USD (30 Jun 2025), "
        "secondary sale 50.0 billion USD (31 Dec 2025); "
        "comparables 28.0 billion USD (20.0 billion to 40.0 billion USD) (31 Jan 2026), "
        "DCF 38.0 billion USD (25.0 billion to 60.0 billion USD) (31 Jan 2026)."
    )
    assert result.text.endswith(" 3 of 4 bases overlap at 30.5 billion to 31.5 billion USD.")


def test_coverage_counts_the_bases_piece_by_piece():
    pieces = field().coverage.query("low < high")[["low", "high", "count"]]
    expected = [
        (20, 25, 1),
        (25, 30.5, 2),
        (30.5, 31.5, 3),
        (31.5, 40, 2),
        (40, 49.5, 1),
        (49.5, 50.5, 2),
        (50.5, 60, 1),
    ]
    assert [(low / 1e9, high / 1e9, count) for low, high, count in pieces.to_numpy()] == expected


def test_what_was_not_public_does_not_count():
    # on 1 September 2025 the marks of March and June were not published, the sale lay ahead
    early = pd.concat([ESTIMATES, ESTIMATES.iloc[[4]].assign(date="2025-08-31", known_on="2025-08-31", fact_ids="c")])
    result = field(early, date(2025, 9, 1))
    assert result.fact_ids == ("c",)
    assert (result.low, result.high, result.headline) == (20e9, 40e9, "all")
    assert check(result, "known").value == 5
    assert "GSR IV mark: public on 2025-09-05 only" in check(result, "known").text
    assert result.text.endswith("There is one basis only.")


def test_two_methods_of_one_basis_and_day_stay_a_span():
    two = pd.concat([ESTIMATES, ESTIMATES.iloc[[4]].assign(method="P/E peers", low=55e9, point=60e9, high=70e9)])
    basis = field(two).by_basis.set_index("basis").loc["comps"]
    assert (basis["low"], basis["high"], basis["methods"]) == (20e9, 70e9, "EV/Sales peers, P/E peers")
    assert "comparables 20.0 billion to 70.0 billion USD (31 Jan 2026)" in field(two).quote


def test_bases_that_share_nothing_have_no_core():
    result = field(ESTIMATES.iloc[[1, 2]])
    assert np.isnan(result.core_low)
    assert (result.core_count, check(result, "overlap").passed) == (0, False)
    assert result.text.endswith("The 2 bases share no one range.")
    # two separate overlaps of two bases each are no core either
    tie = ESTIMATES.iloc[[1, 2]].copy()
    wide = ESTIMATES.iloc[[5]]
    assert field(pd.concat([tie, wide])).core_count == 0


def test_a_row_ten_times_off_is_left_out_by_name():
    # 310亿 read as 310 billion
    slip = ESTIMATES.iloc[[1]].assign(method="article", low=305e9, point=310e9, high=315e9, fact_ids="bad")
    result = field(pd.concat([ESTIMATES, slip]))
    assert (result.low, result.high) == (30.5e9, 50.5e9)
    assert "bad" not in result.fact_ids
    scale = check(result, "scale")
    # its neighbours within a year: 26, 28, 31, 38, 50, median 31
    assert (scale.passed, scale.text) == (
        False, "article: 10 times the median of its neighbours in time: a slip of scale, or it needs a reason",
    )  # fmt: skip
    assert check(field(), "scale").passed is True


def test_of_two_that_contradict_alone_neither_counts():
    pair = pd.concat([ESTIMATES.iloc[[1]], ESTIMATES.iloc[[1]].assign(low=305e9, point=310e9, high=315e9)])
    with pytest.raises(NotEstimableError, match=r"none of 2 estimates counts .*0.1 times the median.*10 times the"):
        field(pair)


def test_tenfold_growth_over_years_is_no_slip():
    days = pd.to_datetime(["2018-06-30", "2025-06-30"])
    alone = off_scale([3e9, 31e9], days, lows=[3e9, 31e9], highs=[3e9, 31e9])
    assert np.isnan(alone).all()
    near = off_scale([3e9, 31e9], days, lows=[3e9, 31e9], highs=[3e9, 31e9], reach_days=3000)
    assert near == pytest.approx([3 / 31, 31 / 3])
    # an interval that holds the median is no slip, however far its middle
    wide = off_scale([3e9, 31e9], days, lows=[1e9, 1e9], highs=[40e9, 40e9], reach_days=3000)
    assert np.isnan(wide).all()


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 10))
def test_scale_and_order_do_not_matter(scale, seed):
    money = ESTIMATES.assign(**{name: ESTIMATES[name] * scale for name in ("low", "point", "high")})
    one, other = field(), field(money.sample(frac=1, random_state=seed))
    for name in ("low", "high", "core_low", "core_high", "envelope_low", "envelope_high"):
        assert getattr(other, name) == pytest.approx(getattr(one, name) * scale)
    assert other.table["method"].tolist() == one.table["method"].tolist()


@pytest.mark.parametrize(
    ("rows", "error", "match"),
    [
        (ESTIMATES.drop(columns="known_on"), HelpersError, r"missing: \['known_on'\]"),
        (ESTIMATES.head(0), HelpersError, r"need 1\+ estimates, got none"),
        (ESTIMATES.assign(basis="NAV"), UnknownNameError, "unknown basis 'NAV'"),
        (ESTIMATES.assign(currency=["CNY"] + ["USD"] * 5), UnitError, "one currency, got CNY and USD: convert"),
        (ESTIMATES.assign(currency="RMB"), UnknownNameError, "unknown currency 'RMB'"),
        (ESTIMATES.assign(low=99e9), HelpersError, r"0 < low <= point <= high, got 9.9e\+10, 2.6e\+10, .*GSR IV mark"),
        (ESTIMATES.assign(low=0.0), HelpersError, r"0 < low <= point <= high, got 0,"),
        (ESTIMATES.assign(date=None), HelpersError, "every estimate needs date, missing for GSR IV mark"),
        (
            ESTIMATES.iloc[[3]],
            NotEstimableError,
            "the window is 365.*what would settle it: an estimate dated within 365",
        ),
    ],
)
def test_field_errors(rows, error, match):
    with pytest.raises(error, match=match):
        field(rows)


def test_the_window_is_a_day_or_more():
    with pytest.raises(ParameterError, match="max_age_days must be 1 or more, got 0"):
        field(max_age_days=0)
