"""What a printed number says, who said it first, and which of several to prefer."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import evidence, units

NAN = float("nan")
QUALIFIERS = st.sampled_from(list(evidence.QUALIFIERS))


def printed(value: float, qualifier: str = "", *, high: float = NAN, precision: float = NAN) -> tuple[float, float]:
    """Interval of one printed number."""
    row = {"value": [value], "value_high": [high], "precision": [precision], "qualifier": [qualifier]}
    table = evidence.intervals(pd.DataFrame(row))
    return table["low"].item(), table["high"].item()


# --- last_digit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digit"),
    [
        (31e9, 1e9),
        (31.5e9, 1e8),
        (20e9, 1e9),  # whole tens are read as two figures
        (8e6, 1e6),  # one figure is what people print for whole millions
        (339e6, 1e6),
        (13.5, 0.1),
        (0.05, 0.01),
        (0.123, 0.001),
        (118_560_000_000, 1e7),
        (-31e9, 1e9),
        (1, 0.1),
        (0, 1),
    ],
)
def test_last_digit_by_hand(value, digit):
    assert evidence.last_digit(np.array([value]))[0] == pytest.approx(digit, rel=1e-9)


def test_last_digit_of_nothing_is_nothing():
    assert np.isnan(evidence.last_digit(np.array([NAN])))[0]
    assert evidence.last_digit(np.array([])).size == 0


@given(st.integers(1, 10**9 - 1), st.integers(6, 9), st.integers(1, 2))
def test_last_digit_scales_with_thousands_from_a_million_up(figures, power, thousands):
    """Law: million, billion and trillion are printed alike, so the digit moves with them."""
    value = float(figures) * 10.0**power
    small, large = evidence.last_digit(np.array([value, value * 1000.0**thousands]))
    assert large == pytest.approx(small * 1000.0**thousands, rel=1e-9)


@given(st.integers(1, 10**11))
def test_a_number_is_a_whole_count_of_its_last_digit(value):
    digit = evidence.last_digit(np.array([value]))[0]
    assert value / digit == pytest.approx(round(value / digit), rel=1e-9)
    assert digit <= value


# --- intervals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "qualifier", "low", "high"),
    [
        (31e9, "", 30.5e9, 31.5e9),
        (31e9, "about", 29.45e9, 32.55e9),  # 5 % of 31 is 1.55, wider than half a digit
        (8e6, "about", 7.5e6, 8.5e6),  # half a digit is wider than 5 %
        (31e9, "nearly", 29.45e9, 31.5e9),
        (31e9, "at_least", 31e9, np.inf),
        (31e9, "at_most", 0, 31e9),
        (-2.1e9, "", -2.15e9, -2.05e9),
        (-2.1e9, "at_least", -np.inf, -2.1e9),  # "a loss of more than 2.1 bn"
        (-2.1e9, "at_most", -2.1e9, 0),
        (-2.1e9, "nearly", -2.15e9, -1.995e9),
    ],
)
def test_intervals_by_hand(value, qualifier, low, high):
    assert printed(value, qualifier) == pytest.approx((low, high))


def test_a_range_widens_by_its_last_digit():
    # 600 to 800 million: half of the finer last digit (10 million) beyond both ends
    assert printed(6e8, high=8e8) == pytest.approx((5.95e8, 8.05e8))
    assert printed(-2e8, high=3e8) == pytest.approx((-2.05e8, 3.05e8))


def test_a_stated_precision_goes_before_the_zeros():
    assert printed(118_560_000_000, precision=1e10) == pytest.approx((113.56e9, 123.56e9))


@given(
    st.floats(-1e13, 1e13, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-3),
    st.floats(0, 1e12),
    st.booleans(),
    QUALIFIERS,
)
def test_the_value_lies_in_its_interval(value, more, is_range, qualifier):
    top = value + more if is_range else NAN
    low, high = printed(value, qualifier, high=top)
    assert low <= value <= high
    assert not is_range or low <= top <= high


@given(st.integers(1, 10**6), QUALIFIERS, st.integers(1, 2))
def test_intervals_scale_with_thousands_from_a_million_up(figures, qualifier, thousands):
    value, factor = figures * 1e6, 1000.0**thousands
    small, large = printed(value, qualifier), printed(value * factor, qualifier)
    assert large == pytest.approx((small[0] * factor, small[1] * factor))


@given(st.integers(1, 10**9), QUALIFIERS)
def test_a_loss_mirrors_a_profit(value, qualifier):
    low, high = printed(float(value), qualifier)
    assert printed(-float(value), qualifier) == pytest.approx((-high, -low))


# --- originator -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publisher", "kind", "origin"),
    [
        ("Kuaishou Technology", "filing", "company"),
        ("PR Newswire", "company_release", "company"),
        ("QuestMobile via 36Kr", "data_vendor", "questmobile"),
        ("Goldman Sachs (note)", "broker", "goldman sachs"),
        ("CNNIC / Xinhua", "official_statistics", "cnnic"),
        ("Viacom", "research_firm", "viacom"),
        ("Caixin", "press", "unnamed"),
        ("A digest", "digest", "unnamed"),
        ("A copy", "repost", "unnamed"),
    ],
)
def test_originator_by_hand(publisher, kind, origin):
    sources = pd.DataFrame({"publisher": [publisher], "kind": [kind]})
    assert evidence.originator(sources).item() == origin


# --- clusters -------------------------------------------------------------------------------------

INF = np.inf


def cluster_sets(rows: list[tuple]) -> set[frozenset[int]]:
    """Clusters as sets of row numbers; rows are (key, low, high)."""
    table = pd.DataFrame(rows, columns=["key", "low", "high"])
    numbers = evidence.clusters(table, ["key"])
    return {frozenset(group.index) for _, group in table.groupby(numbers)}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([("a", 1, 2), ("a", 1.5, 3), ("a", 2.5, 4), ("a", 5, 6)], [{0, 1, 2}, {3}]),
        ([("a", 1, 2), ("b", 1, 2)], [{0}, {1}]),
        ([("a", 1, 10), ("a", 2, 3), ("a", 4, 5)], [{0, 1, 2}]),
        ([("a", 1, 2), ("a", 2, 3)], [{0, 1}]),  # they touch
        ([("a", 1, 2), ("a", 1.5, INF), ("a", 10, 11)], [{0, 1}, {2}]),  # "over 1.5" glues no 10 to 2
        ([("a", 3, INF), ("a", 1, 2), ("a", 10, 11)], [{0, 2}, {1}]),
        ([("a", 3, INF), ("a", 4, INF), ("a", 10, 11), ("a", 20, 21)], [{0, 1, 2}, {3}]),
        ([("a", 3, INF), ("a", 4, INF)], [{0, 1}]),
        ([("a", 3, INF), ("b", 4, 5)], [{0}, {1}]),
        # a loss of more than 2, and losses of 3, 5 and 1: it joins the nearest it reaches
        ([("a", -INF, -2), ("a", -3.1, -2.9), ("a", -5.1, -4.9), ("a", -1.1, -0.9)], [{0, 1}, {2}, {3}]),
    ],
)
def test_clusters_by_hand(rows, found):
    assert cluster_sets(rows) == {frozenset(group) for group in found}


ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 9), st.integers(0, 5), st.booleans()), max_size=12)


@given(ROWS, st.randoms(use_true_random=False))
@example([("a", 1, 1, False), ("a", 1, 0, True), ("a", 9, 1, False)], None)
def test_clusters_partition_and_do_not_depend_on_the_order(rows, random):
    intervals = [(key, low, INF if is_open else low + width) for key, low, width, is_open in rows]
    order = list(range(len(rows)))
    if random is not None:
        random.shuffle(order)
    shuffled = {frozenset(order[i] for i in group) for group in cluster_sets([intervals[i] for i in order])}
    found = cluster_sets(intervals)
    assert shuffled == found
    assert sorted(i for group in found for i in group) == list(range(len(rows)))
    assert all(len({intervals[i][0] for i in group}) == 1 for group in found)


@given(ROWS)
def test_closed_intervals_share_a_cluster_if_and_only_if_a_chain_of_overlaps_joins_them(rows):
    """Law, against a search through all pairs."""
    intervals = [(key, low, low + width) for key, low, width, _ in rows]
    group = list(range(len(intervals)))
    for _ in intervals:
        for i, a in enumerate(intervals):
            for j, b in enumerate(intervals):
                if a[0] == b[0] and a[1] <= b[2] and b[1] <= a[2]:
                    group[i] = group[j] = min(group[i], group[j])
    expected = {frozenset(i for i, g in enumerate(group) if g == number) for number in set(group)}
    assert cluster_sets(intervals) == expected


# --- choose ---------------------------------------------------------------------------------------


def candidates(*rows: dict) -> pd.DataFrame:
    """Candidates for one period: a broker's 1.0 bn with changes."""
    standard = {
        "entity": "kuaishou",
        "metric": "revenue",
        "period_start": pd.Timestamp("2024-01-01"),
        "period_end": pd.Timestamp("2024-03-31"),
        "currency": "CNY",
        "low": 0.95e9,
        "high": 1.05e9,
        "digit": 1e8,
        "trust": 5,
        "origin": "a",
        "known_on": pd.Timestamp("2024-06-01"),
        "is_home_currency": True,
    }
    return pd.DataFrame([{**standard, "fact_id": f"f{n}", **row} for n, row in enumerate(rows)])


OTHER = {"low": 2e9, "high": 2.1e9}
LATER = {"known_on": pd.Timestamp("2024-07-01")}


@pytest.mark.parametrize(
    ("winner", "losers"),
    [
        ({"trust": 9}, [{"currency": "USD", "is_home_currency": False, "trust": 1, **LATER}]),
        ({"trust": 4}, [{**OTHER, **LATER}, {**OTHER, "origin": "b"}]),
        ({**LATER, "origin": "b"}, [{}, {**OTHER, "known_on": pd.Timestamp("2025-01-01")}]),
        ({**LATER}, [OTHER]),
        ({"low": 0.99e9, "high": 1.01e9, "digit": 2e7}, [LATER]),  # finer, and agrees with the later one
        ({**LATER}, [{"low": 2e9, "high": 2.001e9, "digit": 1e6}]),  # finer, but disagrees
        ({"trust": 1}, [{"low": 0.999e9, "high": 1.001e9}]),  # finer, but less trusted
        ({}, [{"low": 1e9, "high": INF, **LATER}]),  # "over 1 bn" is not precise
    ],
    ids=["home", "trust", "support", "latest", "precision", "disagreeing", "untrusted", "open"],
)
def test_the_rule_decides_in_its_order(winner, losers):
    for order in (1, -1):
        table = candidates(*[winner, *losers][::order])
        chosen = evidence.choose(table)
        assert chosen.loc[chosen["is_preferred"], "fact_id"].tolist() == ["f0" if order == 1 else f"f{len(losers)}"]


def test_support_counts_origins_not_copies():
    table = candidates({"origin": "unnamed"}, {"origin": "unnamed"}, {"origin": "b"}, OTHER)
    assert evidence.choose(table)["support"].tolist() == [2, 2, 2, 1]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 3), st.sampled_from("xyz"), st.booleans()),
        min_size=1,
        max_size=10,
    )
)
def test_one_is_chosen_per_key_whatever_the_order(rows):
    table = candidates(
        *[
            {"low": 10.0 * low, "high": 10.0 * low + width, "trust": trust, "metric": metric,
             "is_home_currency": is_home, "currency": "CNY" if is_home else "USD"}
            for trust, low, width, metric, is_home in rows
        ]
    )  # fmt: skip
    chosen = evidence.choose(table)
    assert chosen.groupby("metric")["is_preferred"].sum().eq(1).all()
    turned = evidence.choose(table.iloc[::-1])
    assert set(turned.loc[turned["is_preferred"], "fact_id"]) == set(chosen.loc[chosen["is_preferred"], "fact_id"])
    best = table.assign(abroad=~table["is_home_currency"]).sort_values(["abroad", "trust"])
    first = best.groupby("metric")[["abroad", "trust"]].first()
    of_chosen = chosen[chosen["is_preferred"]].set_index("metric")
    assert of_chosen["trust"].eq(first["trust"]).all()
    assert (~of_chosen["is_home_currency"]).eq(first["abroad"]).all()


# --- to_currency ----------------------------------------------------------------------------------


def money(**changes: object) -> pd.DataFrame:
    """One amount of 100 CNY in the first quarter of 2024, with changes."""
    row = {
        "value": 100.0,
        "low": 99.0,
        "high": 101.0,
        "currency": "CNY",
        "metric_kind": "flow",
        "period_start": pd.Timestamp("2024-01-01"),
        "period_end": pd.Timestamp("2024-03-31"),
    }
    return pd.DataFrame([{**row, **changes}])


def test_a_flow_takes_the_average_and_a_stock_the_last_day():
    average = units.average_rate("CNY", "USD", date(2024, 1, 1), date(2024, 3, 31))
    last = units.rate("CNY", "USD", date(2024, 3, 31))
    flow, stock = (evidence.to_currency(money(metric_kind=kind), "USD") for kind in ("flow", "stock"))
    assert flow[["value", "low", "high", "rate"]].iloc[0].tolist() == pytest.approx(
        [100 * average, 99 * average, 101 * average, average]
    )
    assert stock["rate"].item() == last != average
    assert flow["currency"].item() == "USD"


def test_what_is_no_money_or_is_already_there_stays():
    table = pd.concat([money(currency=""), money(currency="USD")], ignore_index=True)
    result = evidence.to_currency(table, "USD")
    assert result["value"].tolist() == [100, 100]
    assert result["rate"].tolist() == [1, 1]
    assert result["currency"].tolist() == ["", "USD"]


def test_each_row_may_have_its_own_currency():
    table = pd.concat([money(), money()], keys=["a", "b"])
    result = evidence.to_currency(table, pd.Series(["CNY", "USD"], index=table.index))
    assert result["rate"].iloc[0] == 1 != result["rate"].iloc[1]
    assert result.index.equals(table.index)


@pytest.mark.parametrize(
    ("change", "quote"),
    [
        ({"period_start": pd.Timestamp("1990-01-01"), "period_end": pd.Timestamp("1990-03-31")}, "USD"),
        ({"period_start": pd.NaT, "period_end": pd.NaT}, "USD"),
        ({"period_start": pd.NaT}, "USD"),
        ({}, ""),
    ],
)
def test_without_a_rate_there_is_no_amount(change, quote):
    assert evidence.to_currency(money(**change), quote)[["value", "rate"]].isna().all(axis=None)


@given(st.floats(-1e12, 1e12), st.floats(0.001, 1000))
def test_conversion_is_proportional(value, factor):
    """Law: rescaling the amounts rescales what they are converted to."""
    one = evidence.to_currency(money(value=value), "USD")["value"].item()
    other = evidence.to_currency(money(value=value * factor), "USD")["value"].item()
    assert other == pytest.approx(one * factor, rel=1e-9)


# --- tables as a report uses them -----------------------------------------------------------------


def periods(*rows: tuple) -> pd.DataFrame:
    """Rows of (start, end, value, low, high, range_low, range_high) of one flow in yuan."""
    names = ["period_start", "period_end", "value", "low", "high", "range_low", "range_high"]
    table = pd.DataFrame(rows, columns=names)
    days = {c: pd.to_datetime(table[c]) for c in names[:2]}
    return table.assign(**days, entity="x", metric="dau", metric_kind="flow", currency="CNY")


def test_finest_keeps_the_quarters_and_drops_the_year_around_them():
    table = periods(
        ("2024-01-01", "2024-12-31", 3.0, 3.0, 3.0, 3.0, 3.0),
        ("2024-01-01", "2024-03-31", 1.0, 1.0, 1.0, 1.0, 1.0),
        ("2023-01-01", "2023-12-31", 2.0, 2.0, 2.0, 2.0, 2.0),  # holds nothing shorter, so it stays
    )
    assert evidence.finest(table)["value"].tolist() == [1.0, 2.0]
    other = table.assign(entity=["x", "y", "x"])
    assert len(evidence.finest(other)) == 3  # another entity's quarter says nothing of this year
    assert evidence.finest(table.iloc[:0]).empty


def test_spread_takes_the_outer_ends_and_leaves_open_ends_at_the_value():
    table = periods(
        ("2024-01-01", "2024-12-31", 4.0, 3.9, 4.1, 0.8, 4.0),
        ("2023-01-01", "2023-12-31", 3.0, 3.0, np.inf, 3.0, 3.0),
    )
    wide = evidence.spread(table)
    assert wide["low"].tolist() == [0.8, 3.0]
    assert wide["high"].tolist() == [4.1, 3.0]


def test_in_currency_converts_every_end_and_leaves_out_what_has_no_rate():
    table = periods(
        ("2024-01-01", "2024-12-31", 7.0, 6.0, 8.0, 5.0, 9.0),
        ("1999-01-01", "1999-12-31", 7.0, 6.0, 8.0, 5.0, 9.0),  # before the table's first yuan rate
    )
    made = evidence.in_currency(table, "USD")
    rate = units.average_rate("CNY", "USD", date(2024, 1, 1), date(2024, 12, 31))
    (row,) = made.itertuples()
    assert (row.value, row.range_high, row.currency) == (pytest.approx(7 * rate), pytest.approx(9 * rate), "USD")
