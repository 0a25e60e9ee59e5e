"""Comparables: statistics of multiples, their regression on fundamentals, distance between companies."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, UnitError, UnknownNameError
from helpers.valuation.peers import Denominator, peer_multiples

DAY = "2025-09-30"
PEERS = pd.DataFrame(
    {
        "entity": ["a", "b", "c", "d", "loss", "unlisted", "me"],
        "date": DAY,
        "multiple": [2.0, 4.0, 4.0, 8.0, -3.0, np.nan, 100.0],
        "fact_ids": [("a1", "a2"), "b1", "c1", "d1", "l1", "u1", "m1"],
    }
)
SALES = Denominator(metric="revenue", value=10e9, low=9e9, high=12e9, currency="USD", fact_ids=("r",))


def stat(result, name):
    return result.table.set_index("statistic").loc[name]


def check(result, name):
    return next(one for one in result.checks if one.name == name)


# --- statistics of multiples --------------------------------------------------------------------


def test_peer_statistics_by_hand():
    result = peer_multiples(PEERS, subject="me", denominator=SALES)
    # 2, 4, 4, 8: median 4; 4 / (1/2 + 1/4 + 1/4 + 1/8) = 4 / 1.125 = 3.5556; (2*4*4*8)^(1/4) = 256^(1/4) = 4
    assert (result.n, result.median) == (4, 4.0)
    assert result.harmonic_mean == pytest.approx(32 / 9)
    assert result.geometric_mean == pytest.approx(4.0)
    assert stat(result, "mean")["multiple"] == 4.5
    # quartiles by interpolation: 2 + 0.75 * (4 - 2) = 3.5 and 4 + 0.25 * (8 - 4) = 5
    assert (stat(result, "lower_quartile")["multiple"], stat(result, "upper_quartile")["multiple"]) == (3.5, 5.0)
    assert (stat(result, "min")["multiple"], stat(result, "max")["multiple"]) == (2.0, 8.0)
    # without one of them the median is 4 (always): 4, 4, 8 / 2, 4, 8 / 2, 4, 4
    assert (stat(result, "median")["without_one_low"], stat(result, "median")["without_one_high"]) == (4.0, 4.0)
    assert (stat(result, "max")["without_one_low"], stat(result, "max")["without_one_high"]) == (4.0, 8.0)
    # 4 * 10 bn; the range 3.5 * 9 bn = 31.5 bn to 5 * 12 bn = 60 bn
    assert (result.value, result.low, result.high, result.currency) == (40e9, 31.5e9, 60e9, "USD")
    assert (stat(result, "median")["value_low"], stat(result, "median")["value_high"]) == (36e9, 48e9)
    assert result.fact_ids == ("a1", "a2", "b1", "c1", "d1", "r")
    assert result.text == (
        "4 peers stand at a median multiple of revenue of 4 (quartiles 3.5 to 5, range 2 to 8, harmonic mean 3.56); "
        "2 without a meaningful multiple left out. The median of n = 4 makes me worth 40.0 billion USD "
        "(31.5 billion to 60.0 billion, from the quartiles and the interval of revenue)."
    )


def test_meaningless_multiples_are_listed_and_not_counted():
    infinite = pd.concat([PEERS, pd.DataFrame([{"entity": "none", "date": DAY, "multiple": np.inf}])])
    said = infinite.assign(reason=["", "", "", "", "", "no price was known", "", ""])
    left_out = peer_multiples(said, subject="me").left_out
    assert left_out[["entity", "reason"]].to_numpy().tolist() == [
        ["loss", "not meaningful: zero or below"],
        ["unlisted", "no price was known"],
        ["none", "not meaningful: the denominator is zero"],
    ]
    assert "me" not in set(peer_multiples(PEERS, subject="me").peers["entity"])


def test_the_intervals_of_the_multiples_carry_over():
    rough = PEERS.assign(low=PEERS["multiple"] * 0.5, high=PEERS["multiple"].abs() * 2)
    row = stat(peer_multiples(rough, subject="me"), "harmonic_mean")
    assert (row["multiple_low"], row["multiple_high"]) == pytest.approx((16 / 9, 64 / 9))
    assert np.isnan(peer_multiples(rough, subject="me").value)  # no denominator, no value


def test_value_per_user_takes_its_currency_from_the_multiples():
    users = Denominator(metric="mau", value=300e6, period_start=date(2025, 7, 1), period_end=date(2025, 9, 30),
                        is_level=True)  # fmt: skip
    result = peer_multiples(PEERS.assign(currency="USD", metric="mau"), subject="me", denominator=users)
    assert (result.value, result.currency) == (1.2e9, "USD")


@settings(deadline=None, max_examples=50)
@given(
    multiples=st.lists(st.floats(0.01, 1e3), min_size=3, max_size=12),
    scale=st.floats(1e-3, 1e3),
)
def test_means_are_ordered_and_scale_with_the_multiples(multiples, scale):
    peers = pd.DataFrame({"entity": [f"p{i}" for i in range(len(multiples))], "date": DAY, "multiple": multiples})
    one = peer_multiples(peers, subject="me", denominator=SALES)
    assert one.harmonic_mean <= one.geometric_mean * (1 + 1e-12) <= stat(one, "mean")["multiple"] * (1 + 1e-9)
    assert stat(one, "min")["multiple"] <= one.median <= stat(one, "max")["multiple"]
    other = peer_multiples(peers.assign(multiple=peers["multiple"] * scale), subject="me", denominator=SALES)
    assert other.table["value"].to_numpy() == pytest.approx(one.table["value"].to_numpy() * scale)


def test_checks_of_the_peer_table_name_what_they_found():
    late = PEERS.assign(date=[DAY, DAY, DAY, "2025-03-31", DAY, DAY, DAY])
    result = peer_multiples(late, subject="me", max_days=182)
    # 31 March to 30 September is 183 days
    assert (check(result, "dates").passed, check(result, "dates").value) == (False, 183)
    assert check(peer_multiples(late, subject="me", max_days=183), "dates").passed is True
    assert check(result, "peers").passed is False
    assert check(result, "scale").passed is True
    # kept in, the platform's own 100 is 25 times the median of the others
    slip = check(peer_multiples(PEERS, subject=""), "scale")
    assert (slip.passed, slip.value) == (False, 25.0)
    assert slip.text == "far off the median of the others: me 100 against 4"


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (
            {"peers": PEERS.head(2)},
            NotEstimableError,
            r"2 peer\(s\) have a multiple above 0, 3 are needed.* 1 more peer",
        ),
        ({"peers": PEERS.drop(columns="date")}, HelpersError, r"missing: \['date'\]"),
        ({"peers": PEERS.assign(entity="a")}, HelpersError, "a stands twice"),
        ({"peers": PEERS.assign(date=None)}, HelpersError, "every multiple needs its date, missing for a, b"),
        ({"peers": PEERS.assign(low=3.0)}, HelpersError, r"0 < low <= multiple <= high, got 2 \(3 to 2\) of a"),
        ({"peers": PEERS.assign(metric="gmv")}, UnitError, "multiples of gmv do not go with revenue"),
        ({"peers": PEERS.assign(currency="USD")}, UnitError, "in USD for each unit does not go with revenue in USD"),
        (
            {"peers": PEERS.assign(currency=["USD", "CNY"] + ["USD"] * 5)},
            UnitError,
            "do not mix: currency CNY and USD",
        ),
        ({"denominator": Denominator(metric="mau", value=1.0)}, UnitError, "mau has no currency and neither"),
        ({"statistic": "average"}, UnknownNameError, "unknown statistic 'average'"),
    ],
)
def test_peer_errors(change, error, match):
    with pytest.raises(error, match=match):
        peer_multiples(**({"peers": PEERS, "subject": "me", "denominator": SALES} | change))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"value": -1.0}, HelpersError, r"needs 0 < low <= value <= high, got revenue -1"),
        ({"low": 2.0}, HelpersError, r"got revenue 1 \(2 to 1\)"),
        ({"currency": "RMB"}, UnknownNameError, "unknown currency 'RMB'"),
        (
            {"period_start": date(2025, 7, 1), "period_end": date(2025, 9, 30)},
            HelpersError,
            "a year of revenue .* got 92 days to 2025-09-30",
        ),
    ],
)
def test_a_denominator_checks_itself(change, error, match):
    with pytest.raises(error, match=match):
        Denominator(**({"metric": "revenue", "value": 1.0} | change))
