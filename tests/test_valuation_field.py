"""One scale for every estimate, and what contradicting claims would imply."""

from __future__ import annotations

from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import units
from helpers.errors import HelpersError, NotEstimableError, ParameterError, RateError, UnitError, UnknownNameError
from helpers.valuation.field import football_field, off_scale
from helpers.valuation.reconcile import reconcile


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


# --- reconciliation -----------------------------------------------------------------------------

# what pages print of Xiaohongshu, by source; a headline that names Tmall; a page that converts to ringgit
CLAIMS = table(
    """claim_id, value, currency, as_of, basis, source, headline_entity, fact_id
    c01, 3e9, USD, 2018, round_post_money, pymnts, , p01
    c02a, 20e9, USD, 2021-11, round_post_money, asiafinancial, , p02a
    c02b, 18e9, USD, 2021-11, round_post_money, chinaeconomicreview, , p02b
    c03, 14e9, USD, 2023-09, secondary_sale, ainvest, , p03
    c04, 17e9, USD, 2024-07, secondary_sale, 36kr, , p04
    c04x, 17e9, USD, 2024-07, secondary_sale, ainvest, Tmall, p04x
    c05, 20e9, USD, 2025-01, secondary_sale, verdict, , p05
    c06, 26e9, USD, 2025-03-31, fund_mark, uniteddaily, xiaohongshu, p06
    c07, 31e9, USD, 2025-06-30, fund_mark, 36kr, , p07
    c08, 310e9, USD, 2025-06-30, unstated, article, , p08
    c09, 50e9, USD, 2025-12-31, secondary_sale, 36kr, , p09
    """
)
SUPPORTS = table(
    """claim_id, as_of, stake_share, holding_value, currency, stake_half_width, holding_half_width, fact_ids
    c06, 2025-03-31, 0.0847, 2.22e9, USD, 0.00005, 5e6, s1
    """
).assign(fund_nav=2.44e9, share_of_fund=0.91)
SWAPS = table(
    """claim_id, value, currency, beside_value, beside_currency, as_of, source
    c06m, 1104.98e9, MYR, 26e9, USD, 2025-03-31, uniteddaily
    c06n, 849.99e9, MYR, 20e9, USD, 2025-01, uniteddaily
    c06p, 10.37e9, MYR, 2.44e9, USD, 2025-03-31, uniteddaily
    c07r, 220e9, CNY, 31e9, USD, 2025-06-30, 36kr
    c09r, 350e9, CNY, 50e9, USD, 2025-12-31, 36kr
    """
)


def settle(claims=CLAIMS, **given):
    return reconcile(claims, **({"subject": "xiaohongshu", "currency": "USD"} | given))


def verdict(result, claim_id):
    return result.table.set_index("claim_id").loc[claim_id]


@pytest.fixture(scope="module")
def press():
    return settle(supports=SUPPORTS, conversions=SWAPS)


def test_the_press_on_xiaohongshu_by_hand(press):
    assert dict(zip(press.table["claim_id"], press.table["status"], strict=True)) == {
        "c01": "accepted", "c02a": "range", "c02b": "range", "c03": "accepted", "c04": "accepted", "c04x": "flagged",
        "c05": "accepted", "c06": "accepted", "c07": "accepted", "c08": "rejected", "c09": "not_a_conflict",
        "c06m": "flagged", "c06n": "flagged", "c06p": "accepted", "c07r": "accepted", "c09r": "accepted",
    }  # fmt: skip
    # 2.22 / 0.0847 = 26.210; 2.22 / 2.44 = 0.9098
    stake, fund = press.identities.iloc[0], press.identities.iloc[1]
    assert stake["implied"] / 1e9 == pytest.approx(26.21, abs=0.01)
    assert fund["implied"] == pytest.approx(0.91, abs=0.001)
    assert (stake["holds"], fund["holds"]) == (True, True)
    # 310 / 31 = 10
    slip = verdict(press, "c08")
    assert (slip["factor"], slip["reference"]) == (pytest.approx(10.0), "c07")
    assert slip["reason"] == (
        "unit scale: 310亿美元 = 31.0 billion USD; 310 billion USD is 10 times 31.0 billion USD "
        "(c07, 2025-06-30, fund mark) (ten times too large, 亿 read as billion)"
    )
    assert verdict(press, "c04x")["reason"] == "entity mismatch: the headline names Tmall, not xiaohongshu"
    assert verdict(press, "c09")["reason"].startswith("not a conflict: later as-of date, different basis: 50.0 billion")
    ranged = verdict(press, "c02b")
    assert (ranged["range_low"], ranged["range_high"]) == (18e9, 20e9)
    assert ranged["reason"] == "conflict kept as range: 18.0 billion to 20.0 billion USD on one date and basis (c02a)"
    assert "p08" not in press.fact_ids
    assert press.fact_ids[-1] == "s1"


def test_conversions_imply_their_rate(press):
    # 1104.98 / 26 = 42.499; 849.99 / 20 = 42.4995; 10.37 / 2.44 = 4.25 MYR per USD; the dated rate is about 4.4
    implied = {name: verdict(press, name)["implied_rate"] for name in ("c06m", "c06n", "c06p")}
    assert implied == pytest.approx({"c06m": 42.499, "c06n": 42.4995, "c06p": 4.25}, abs=0.001)
    assert [verdict(press, name)["factor"] for name in implied] == [10.0, 10.0, 1.0]
    dated = units.rate("USD", "MYR", date(2025, 3, 31))
    assert verdict(press, "c06m")["dated_rate"] == dated
    assert "a factor of 10: one of the two amounts is off" in verdict(press, "c06n")["reason"]
    # 220 / 31 = 7.10 and 350 / 50 = 7.0 CNY per USD
    assert verdict(press, "c09r")["implied_rate"] == 7.0


def test_what_stands_and_its_steps(press):
    kept = press.kept.set_index("claim_ids")
    assert kept.loc["c07", "value"] == 31e9
    # 26 / 20 = 1.3, 31 / 26 = 1.1923, 50 / 31 = 1.6129; 14 is 30 % below 20, the upper end of the range
    assert kept.loc[["c06", "c07", "c09"], "change"].tolist() == pytest.approx([0.3, 0.1923, 0.6129], abs=1e-4)
    assert (kept.loc["c03", "change_low"], kept.loc["c03", "change_high"]) == pytest.approx((-0.3, 14 / 18 - 1))
    assert np.isnan(kept.loc["c03", "change"])
    assert "c08" not in ", ".join(kept.index)
    assert press.text.startswith(
        "Of 11 claims on xiaohongshu: 6 accepted, 2 range, 1 not a conflict, 1 flagged, 1 rejected. "
        "The latest that stands is 50.0 billion USD (2025-12-31, secondary sale). Rejected: 310 billion USD (c08), unit"
    )
    assert press.text.endswith(
        " 8.47 % of 310 billion USD are 26.3 billion USD, 10.8 times the whole fund of 2.44 billion USD on 2025-03-31. "
        "2 of 5 conversions do not fit their exchange rate."
    )


def test_what_the_rejected_claim_would_imply():
    figures = table(
        """metric,period_start,period_end,value,currency,known_on,fact_id
        revenue,2024-01-01,2024-12-31,4e9,USD,2025-03-01,r
        mau,2025-03-31,2025-03-31,300e6,,2025-04-15,m
        """
    )
    implied = settle(supports=SUPPORTS, implied_by=figures).implied.set_index(["claim_id", "quantity"])
    # 0.0847 * 310 = 26.257 bn, against a holding of 2.22 (11.8 times) and a whole fund of 2.44 (10.8 times)
    stake = implied.loc[("c08", "stake_value")]
    assert stake["value"] / 1e9 == pytest.approx(26.257)
    assert implied.loc[("c08", "share_of_nav"), "value"] == pytest.approx(26.257 / 2.44)
    assert implied.loc[("c08", "share_of_nav"), "text"] == (
        "8.47 % of 310 billion USD are 26.3 billion USD, 10.8 times the whole fund of 2.44 billion USD on 2025-03-31"
    )
    # 310 / 4 = 77.5 times revenue, 310 bn / 300 m = 1033 USD a user; of 31 a tenth
    assert implied.loc[("c08", "revenue"), "value"] == 77.5
    assert implied.loc[("c07", "mau"), "value"] == pytest.approx(103.333, abs=1e-3)
    assert (implied.loc[("c08", "mau"), "currency"], implied.loc[("c08", "revenue"), "currency"]) == ("USD", "")
    # in 2018 nothing was known of either
    assert np.isnan(implied.loc[("c01", "revenue"), "value"])
    assert ("c01", "stake_value") not in implied.index


def test_a_source_that_repeats_itself_is_one_voice():
    # the digest prints 200, 260 and 310 billion, two others 26 and 31: three claims of one source against two sources
    rows = table(
        """claim_id, value, currency, as_of, basis, source
        a, 200e9, USD, 2025-01, unstated, digest
        b, 260e9, USD, 2025-06, unstated, digest
        c, 310e9, USD, 2025-09, unstated, digest
        d, 26e9, USD, 2025-06, unstated, one
        e, 31e9, USD, 2025-09, unstated, other
        """
    )
    result = settle(rows)
    assert {name: verdict(result, name)["status"] for name in "bcde"} == {
        "b": "rejected", "c": "rejected", "d": "accepted", "e": "accepted",
    }  # fmt: skip
    # the largest is told with its reason, the other by name
    assert "Rejected: 310 billion USD (c), unit scale: 310亿美元 = 31.0 billion USD" in result.text
    assert result.text.endswith("Rejected too: 260 billion USD (b).")
    # 200 has no 20 beside it, but once 260 and 310 are gone it is 200 / sqrt(26 * 31) = 7.04 times: within SCALE
    assert verdict(result, "a")["status"] == "accepted"


def test_one_against_one_is_flagged_and_an_identity_decides():
    two = CLAIMS.set_index("claim_id").loc[["c07", "c08"]].reset_index()
    open_result = settle(two)
    assert open_result.table["status"].tolist() == ["flagged", "flagged"]
    assert "nothing here says which" in verdict(open_result, "c07")["reason"]
    assert verdict(open_result, "c07")["settles"] == "a stake and its value, or a second source"
    assert check(open_result, "flagged").passed is False
    assert open_result.kept.empty
    free = SUPPORTS.assign(claim_id="")
    assert settle(two, supports=free).table["status"].tolist() == ["accepted", "rejected"]


def test_a_claim_against_its_own_stake():
    one = CLAIMS.set_index("claim_id").loc[["c06"]].reset_index()
    wrong = settle(one.assign(value=30e9), supports=SUPPORTS)
    assert verdict(wrong, "c06")["status"] == "flagged"
    assert verdict(wrong, "c06")["reason"].startswith(
        "stake identity fails: 8.47 % worth 2.22 billion USD imply a whole"
    )
    assert check(wrong, "identities").passed is False
    tenfold = settle(one.assign(value=262e9), supports=SUPPORTS)
    assert (verdict(tenfold, "c06")["status"], verdict(tenfold, "c06")["factor"]) == (
        "rejected", pytest.approx(262 / 26.2102, rel=1e-5),
    )  # fmt: skip
    # and a claim of the same day and basis that contradicts the identity makes no range with it
    rival = pd.concat([one, one.assign(claim_id="rival", value=35e9, source="other")])
    result = settle(rival, supports=SUPPORTS)
    assert result.table["status"].tolist() == ["accepted", "flagged"]
    assert "whose stake identity holds" in verdict(result, "rival")["reason"]


def test_the_audits_doubt_is_shown_once(press):
    doubts = {"p08": "audit, scale: 310 is ten times 31", "p05": "audit, sources: talks only"}
    result = settle(supports=SUPPORTS, doubts=doubts)
    assert (verdict(result, "c05")["status"], verdict(result, "c05")["reason"]) == ("flagged", doubts["p05"])
    assert verdict(result, "c08")["reason"] == verdict(press, "c08")["reason"]  # its own test has said it
    assert "p05" not in result.fact_ids


def test_claims_in_two_currencies_meet_at_the_dated_rate():
    yuan = CLAIMS.set_index("claim_id").loc[["c07"]].reset_index().assign(claim_id="y", value=220e9, currency="CNY")
    result = settle(pd.concat([CLAIMS, yuan]), supports=SUPPORTS)
    at = units.rate("CNY", "USD", date(2025, 6, 30))
    assert verdict(result, "y")["quote"] == pytest.approx(220e9 * at)
    # 220 bn yuan are 30.7 bn dollars, within the digits of 31
    assert verdict(result, "y")["status"] == "accepted"
    assert "y" in result.kept.set_index("claim_ids").index[-2]


def pair(value: float, currency: str = "USD", basis: str = "fund_mark") -> pd.DataFrame:
    """31.2 billion dollars and another claim of the same day."""
    one = CLAIMS.set_index("claim_id").loc[["c07"]].reset_index()
    other = one.assign(claim_id="other", value=value, currency=currency, basis=basis, source="wire")
    return pd.concat([one.assign(value=31.2e9), other], ignore_index=True)


def test_values_less_than_a_hundredth_apart_agree():
    # 31.45 / 31.2 = 1.008; digits end 31.25 and 31.445: they do not overlap, and one amount told twice is no conflict
    near = settle(pair(31.45e9))
    assert near.table["status"].tolist() == ["accepted", "accepted"]
    assert "agrees with 31.2 billion USD (c07" in verdict(near, "other")["reason"]
    assert near.kept["claim_ids"].tolist() == ["c07, other"]
    assert near.kept["value"].tolist() == [31.45e9]  # the more precise one
    far = settle(pair(31.55e9))  # 1.011
    assert far.table["status"].tolist() == ["range", "range"]
    # 31.45 agrees with both 31.2 and 31.7, which do not agree with each other
    third = pair(31.7e9).tail(1).assign(claim_id="third")
    assert set(settle(pd.concat([pair(31.45e9), third])).table["status"]) == {"range"}
    # of another basis the move is named, however small
    moved = verdict(settle(pair(31.45e9, basis="secondary_sale")), "other")
    assert moved["status"] == "not_a_conflict"


def test_values_of_two_currencies_agree_within_a_twentieth():
    at = units.rate("CNY", "USD", date(2025, 6, 30))
    room = {1.04: "accepted", 0.97: "accepted", 1.06: "range"}
    for times, status in room.items():
        yuan = round(31.2e9 * times / at, -7)  # two more digits than the dollars have
        assert verdict(settle(pair(yuan, "CNY")), "other")["status"] == status
    # a claim that its own stake supports flags one that is further off, and no nearer one
    stake = SUPPORTS.assign(claim_id="c07", as_of="2025-06-30", stake_share=0.1, holding_value=3.12e9)
    for times, status in {1.04: "accepted", 1.06: "flagged"}.items():
        found = settle(pair(round(31.2e9 * times / at, -7), "CNY"), supports=stake)
        assert verdict(found, "other")["status"] == status


def test_one_claim_is_told_in_the_singular():
    one = settle(CLAIMS.tail(1))
    assert one.text.startswith("1 claim on xiaohongshu: accepted. The latest that stands is 50.0 billion USD")
    assert settle(CLAIMS.tail(1), conversions=SWAPS.tail(1).assign(value=250e9)).text.endswith(
        "The conversion does not fit its exchange rate."
    )


def test_a_stray_that_is_no_power_of_ten():
    odd = CLAIMS.set_index("claim_id").loc[["c07"]].reset_index().assign(claim_id="odd", value=470e9, basis="other")
    row = verdict(settle(pd.concat([CLAIMS, odd])), "odd")
    assert row["status"] == "flagged"
    assert "by no power of ten" in row["reason"]


def test_conversions_without_a_dated_rate_lean_on_their_document():
    swaps = SWAPS.head(3).assign(currency="TWD")
    result = settle(conversions=swaps)
    # of 42.499, 42.4995 and 4.25 nothing says which is right: each is ten times off another of the page
    assert [verdict(result, name)["factor"] for name in ("c06m", "c06n", "c06p")] == [10.0, 10.0, 0.1]
    assert "another pair of the document is 42.5" in verdict(result, "c06p")["reason"]
    alone = settle(conversions=swaps.head(1))
    assert verdict(alone, "c06m")["reason"].endswith("no rate to hold it against")
    assert verdict(alone, "c06m")["settles"] == "a rate of TWD per USD on 2025-03-31"


def test_one_amount_under_two_currencies():
    swap = SWAPS.tail(1).assign(value=50e9)
    assert verdict(settle(conversions=swap), "c09r")["reason"].endswith("one amount under two currencies")
    far = SWAPS.tail(1).assign(value=250e9)
    assert verdict(settle(conversions=far), "c09r")["reason"].endswith(": -29 %")


@settings(deadline=None, max_examples=4)
@given(scale=st.floats(0.01, 100), seed=st.integers(0, 5))
def test_rescaling_and_order_leave_the_verdicts_alone(press, scale, seed):
    # intervals are given, because the digits of a rescaled number say nothing
    spread = CLAIMS.assign(low=CLAIMS["value"] * 0.98, high=CLAIMS["value"] * 1.02)
    money = {name: spread[name] * scale for name in ("value", "low", "high")}
    held = SUPPORTS.assign(**{n: SUPPORTS[n] * scale for n in ("holding_value", "holding_half_width", "fund_nav")})
    result = settle(spread.assign(**money).sample(frac=1, random_state=seed), supports=held)
    mine = result.table.set_index("claim_id")["status"]
    theirs = press.table.query("kind == 'claim'").set_index("claim_id")["status"]
    assert mine.reindex(theirs.index).tolist() == theirs.tolist()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"claims": CLAIMS.drop(columns="basis")}, HelpersError, r"claims need the columns .* missing: \['basis'\]"),
        ({"claims": CLAIMS.head(0)}, HelpersError, r"need 1\+ claims, got none"),
        ({"claims": CLAIMS.assign(claim_id="c")}, HelpersError, "claims need a claim_id each, c stands twice"),
        ({"claims": CLAIMS.assign(value=-1)}, HelpersError, r"value must be above 0, got -1.0 \(c01\)"),
        ({"claims": CLAIMS.assign(as_of="June 2025")}, HelpersError, "as_of 'June 2025' of c01 is not YYYY"),
        ({"claims": CLAIMS.assign(as_of="2025-13")}, HelpersError, "as_of '2025-13' of c01 is not YYYY"),
        ({"claims": CLAIMS.assign(basis="rumour")}, UnknownNameError, "unknown basis 'rumour'"),
        ({"claims": CLAIMS.assign(currency="RMB")}, UnknownNameError, "unknown currency 'RMB'"),
        ({"claims": CLAIMS.assign(low=99e9)}, HelpersError, "a claim needs low <= value <= high, not so for c01"),
        ({"claims": CLAIMS.assign(as_of="1990")}, RateError, "no EUR reference rate"),
        ({"supports": SUPPORTS.assign(stake_share=8.47)}, ParameterError, ".*8.47 % is 0.0847"),
        ({"supports": SUPPORTS.assign(holding_value=0)}, HelpersError, r"must be above 0, got 0.0 \(c06\)"),
        ({"conversions": SWAPS.assign(claim_id="m")}, HelpersError, "conversions .* m stands twice"),
        ({"conversions": SWAPS.head(1).assign(claim_id="c06")}, HelpersError, "of its own, c06 is"),
    ],
)  # fmt: skip
def test_reconcile_errors(change, error, match):
    given = {"currency": "CNY"} if error is RateError else {}
    with pytest.raises(error, match=match):
        settle(**given, **change)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"high": np.inf}, "high of a row of estimates must be finite"),
        ({"low": "25 bn"}, "low of a row of estimates must be a number, got '25 bn'"),
        ({"known_on": 20250905}, "needs a known_on such as 2025-06-30, got 20250905"),
        ({"method": None}, "method of a row of estimates must be a name"),
    ],
)
def test_estimates_are_read_strictly(change, match):
    with pytest.raises(HelpersError, match=match):
        field(ESTIMATES.assign(**change))
