"""Fundamentals that were public on the day of each price."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.valuation import dated_multiples
from helpers.valuation.fundamentals import beside_multiples, fundamentals, subject


def figures(*rows: tuple) -> pd.DataFrame:
    """Years of (entity, metric, year, value, known_on)."""
    made = [
        (e, m, f"{y}-01-01", f"{y}-12-31", float(v), "USD", k, f"{e}-{m}-{y}-{k[:4]}{k[5:7]}") for e, m, y, v, k in rows
    ]
    columns = ["entity", "metric", "period_start", "period_end", "value", "currency", "known_on", "fact_id"]
    table = pd.DataFrame(made, columns=columns)
    return table.assign(**{c: pd.to_datetime(table[c]) for c in ("period_start", "period_end", "known_on")})


BOOK = figures(
    ("a", "revenue", 2023, 100, "2024-03-01"),
    ("a", "revenue", 2024, 130, "2025-03-01"),
    ("a", "net_profit", 2024, 13, "2025-03-01"),
    ("a", "net_profit", 2023, 5, "2024-03-01"),
    ("b", "revenue", 2024, 50, "2025-02-01"),
    ("b", "operating_profit", 2024, 10, "2025-02-01"),
    ("b", "net_profit", 2024, 8, "2025-02-01"),
)


def test_by_hand():
    result = fundamentals(BOOK, on={"a": date(2025, 6, 1), "b": date(2025, 6, 1), "c": date(2025, 6, 1)})
    a, b, c = (row for row in result.table.itertuples())
    assert (a.revenue, round(a.growth, 12), a.margin, a.margin_metric) == (130, 0.3, 0.1, "net_profit")  # 130/100-1
    assert a.fact_ids == ("a-revenue-2024-202503", "a-revenue-2023-202403", "a-net_profit-2024-202503")
    assert (b.margin, b.margin_metric) == (0.2, "operating_profit")  # 10 / 50: operating profit comes first
    assert pd.isna(b.growth)
    assert b.reason == "no revenue of the year before"
    assert c.reason == "no revenue of twelve months was public on 2025-06-01"
    assert result.text.startswith("1 of 3 companies")
    one_margin = result.checks[1]
    assert (one_margin.passed, one_margin.text) == (
        False,
        "margins rest on net profit for 1, operating profit for 1",
    )


def test_nothing_is_used_before_it_was_public():
    early = fundamentals(BOOK, on={"a": date(2025, 2, 28)}).table.iloc[0]  # a day before the year 2024 was published
    assert (early["revenue"], early["margin"]) == (100, 0.05)


def test_the_last_vintage_of_that_day_counts():
    restated = pd.concat([BOOK, figures(("a", "revenue", 2023, 90, "2025-03-01"))])
    after = fundamentals(restated, on={"a": date(2025, 6, 1)}).table.iloc[0]
    assert after["growth"] == pytest.approx(130 / 90 - 1)


def test_sums_of_quarters_count_as_years_and_keep_their_facts():
    ltm = BOOK.iloc[[1]].assign(
        period_start=pd.Timestamp("2024-10-01"), period_end=pd.Timestamp("2025-09-30"), value=150.0,
        known_on=pd.Timestamp("2025-11-20"), fact_id="q1 q2 q3 q4",
    )  # fmt: skip
    row = fundamentals(pd.concat([BOOK, ltm]), on={"a": date(2025, 12, 1)}).table.iloc[0]
    assert row["revenue"] == 150
    assert row["fact_ids"] == ("q1", "q2", "q3", "q4")
    quarter = ltm.assign(period_start=pd.Timestamp("2025-07-01"))
    assert fundamentals(pd.concat([BOOK, quarter]), on={"a": date(2025, 12, 1)}).table["revenue"].iloc[0] == 130


@given(st.floats(1e-3, 1e9))
def test_another_currency_moves_revenue_and_leaves_ratios(rate):
    on = {"a": date(2025, 6, 1)}
    one = fundamentals(BOOK, on=on).table.iloc[0]
    other = fundamentals(BOOK.assign(value=BOOK["value"] * rate), on=on).table.iloc[0]
    assert other["revenue"] == pytest.approx(one["revenue"] * rate)
    assert (other["growth"], other["margin"]) == pytest.approx((one["growth"], one["margin"]))


def test_a_subject_and_its_place_beside_multiples():
    known = fundamentals(BOOK, on={"a": date(2025, 6, 1), "b": date(2025, 6, 1), "c": date(2025, 6, 1)})
    one = subject(known, "a")
    assert (one.denominator.value, one.ebit, one.margin) == (130, 13, 0.1)
    assert one.age_years == pytest.approx(152 / 365.25)  # 31 December to 1 June
    price = {"date": "2025-06-01", "value": 260.0, "currency": "USD", "known_on": "2025-06-01", "fact_id": "p"}
    prices = pd.DataFrame([price])
    found = dated_multiples(prices, BOOK[BOOK["entity"].eq("a")], quote_currency="USD")
    row = beside_multiples(known, {"a": found}).iloc[0]
    assert (row["multiple"], row["margin"], row["price_fact_id"]) == (2.0, 0.1, "p")  # 260 / 130
    assert beside_multiples(known, {}).empty
    with pytest.raises(NotEstimableError, match="a value of c from its revenue is not estimable: no revenue"):
        subject(known, "c")
    with pytest.raises(HelpersError, match="d is not among the companies: a, b, c"):
        subject(known, "d")


def test_no_growth_from_nothing_and_no_margin_of_nothing():
    young = figures(
        ("a", "revenue", 2023, 0, "2024-03-01"), ("a", "revenue", 2024, 5, "2025-03-01"),
        ("b", "revenue", 2024, 0, "2025-03-01"), ("b", "net_profit", 2024, -9, "2025-03-01"),
    )  # fmt: skip
    table = fundamentals(young, on=dict.fromkeys("ab", date(2025, 6, 1))).table
    assert table[["growth", "margin"]].isna().all(axis=None)
    assert table["reason"].tolist() == [
        "no revenue above 0 in the year before, no profit of the same period",
        "no revenue of the year before, no revenue above 0",
    ]


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"currency": ["USD"] * 6 + [None]}, UnitError, "need one currency, got none, USD"),
        ({"value": "13 bn"}, HelpersError, "value of a row of figures must be a number, got '13 bn'"),
        ({"known_on": None}, HelpersError, "every year of figures needs known_on, missing for a-revenue-2023-202403"),
        ({"known_on": 20250301}, HelpersError, "needs a known_on such as 2025-06-30, got 20250301"),
        ({"entity": "a", "metric": "revenue", "known_on": pd.Timestamp("2025-03-01")}, HelpersError,
         "need one revenue of a to 2023-12-31 published on 2025-03-01"),
    ],
)  # fmt: skip
def test_cells_are_read_strictly(change, error, match):
    with pytest.raises(error, match=match):
        fundamentals(BOOK.assign(**change), on={"a": date(2025, 6, 1)})


def test_errors():
    with pytest.raises(UnitError, match="need one currency, got CNY, USD"):
        fundamentals(BOOK.assign(currency=["USD", "CNY"] * 3 + ["USD"]), on={})
    with pytest.raises(HelpersError, match="missing: \\['known_on'\\]"):
        fundamentals(BOOK.drop(columns="known_on"), on={})


STALE = figures(
    ("sea", "revenue", 2020, 50, "2021-03-01"),
    ("sea", "revenue", 2021, 100, "2022-03-01"),
    ("sea", "net_profit", 2021, -20, "2022-03-01"),
    ("sea", "revenue", 2023, 130, "2026-03-03"),
    ("sea", "revenue", 2024, 170, "2026-03-03"),
)


def test_revenue_that_ended_long_before_the_price_is_left_out_and_says_so():
    result = fundamentals(STALE, on={"sea": date(2025, 11, 20)})
    row = result.table.iloc[0]
    assert row[["revenue", "growth", "margin"]].isna().all()
    # 2021-12-31 to 2025-11-20: 365 + 365 + 366 + 324 days
    assert row["reason"] == (
        "the last revenue known on 2025-11-20 ended 2021-12-31, 1,420 days before; "
        "newer revenue (to 2024-12-31) is on a page of 2026-03-03 (sea-revenue-2024-202603)"
    )
    assert row["period_end"] == pd.Timestamp("2021-12-31")
    assert result.fact_ids == ("sea-revenue-2021-202203", "sea-revenue-2024-202603")
    unread = fundamentals(STALE[STALE["period_end"].dt.year < 2022], on={"sea": date(2025, 11, 20)}).table.iloc[0]
    assert unread["reason"].endswith("1,420 days before")
    allowed = fundamentals(STALE, on={"sea": date(2025, 11, 20)}, max_age_days=1420).table.iloc[0]
    assert (allowed["revenue"], allowed["growth"], allowed["margin"]) == (100, 1.0, -0.2)
    with pytest.raises(NotEstimableError, match="from its revenue is not estimable: the last revenue known on"):
        subject(result, "sea")
    early = fundamentals(STALE, on={"sea": date(2020, 12, 31)}).table.iloc[0]
    assert early["reason"] == (
        "no revenue of twelve months was public on 2020-12-31; revenue (to 2020-12-31) is on a page of "
        "2021-03-01 (sea-revenue-2020-202103)"
    )


def jumping(profit: float, before: int = 2022) -> pd.DataFrame:
    """Revenue 2,800, 3,055 and 3,646, a loss of 95.2 in a year before, and a profit of 2024."""
    return figures(
        ("pin", "revenue", 2022, 2800, "2023-02-01"),
        ("pin", "revenue", 2023, 3055, "2024-02-01"),
        ("pin", "revenue", 2024, 3646, "2025-02-01"),
        ("pin", "net_profit", before, -95.2, "2024-02-01"),
        ("pin", "net_profit", 2024, profit, "2025-02-01"),
    )


def test_a_margin_that_jumps_is_left_out_and_says_so():
    on = {"pin": date(2025, 6, 1)}
    result = fundamentals(jumping(1863), on=on)
    row = result.table.iloc[0]
    assert row["revenue"] == 3646
    assert pd.isna(row["margin"])
    assert row["margin_metric"] == "net_profit"
    # -95.2 / 2,800 = -0.034 and 1,863 / 3,646 = 0.511
    said = "net_profit over revenue went from -0.034 to 0.511: a one-off is likely"
    assert row["reason"] == said
    assert "pin-net_profit-2022-202402" in row["fact_ids"]
    one_off = next(check for check in result.checks if check.name == "one_off")
    assert (one_off.passed, one_off.value, one_off.text) == (False, 1.0, f"pin: {said}")
    me = subject(result, "pin")
    assert (me.ebit, me.ebit_from, me.checks[0].passed) == (None, "", None)
    assert said in me.checks[0].text
    one_margin = next(check for check in result.checks if check.name == "one_margin")
    assert (one_margin.passed, one_margin.text) == (None, "no margin")
    plain = fundamentals(jumping(3646 * (0.3 - 0.034)), on=on)  # 0.266 - -0.034 is 0.3: not more than 0.3
    assert plain.table["margin"].iloc[0] == pytest.approx(0.266)
    assert next(check for check in plain.checks if check.name == "one_off").passed
    # a loss of 2021 has no revenue beside it, and is out of reach: nothing to hold the margin against
    assert fundamentals(jumping(1863, before=2021), on=on).table["margin"].iloc[0] == pytest.approx(1863 / 3646)


def test_a_one_off_is_seen_while_it_stands_in_running_sums():
    # profit of 5 a quarter but 60 in the last quarter of 2024, revenue 100 a year: years to December 2023 (20),
    # September 2024 (20), December 2024 (75), March 2025 (75)
    ends = {"2023-12-31": 20.0, "2024-09-30": 20.0, "2024-12-31": 75.0, "2025-03-31": 75.0}
    year = pd.DateOffset(years=1)
    rows = [
        ("a", metric, pd.Timestamp(end) - year + pd.Timedelta(days=1), end, value, "USD", end, f"{metric}{end}")
        for end, profit in ends.items()
        for metric, value in (("revenue", 100.0), ("net_profit", profit))
    ]
    book = pd.DataFrame(rows, columns=list(BOOK))
    row = fundamentals(book, on={"a": date(2025, 5, 1)}).table.iloc[0]
    assert "net_profit over revenue went from 0.200 to 0.750" in row["reason"]
    early = fundamentals(book, on={"a": date(2024, 10, 1)}).table.iloc[0]
    assert early["margin"] == 0.2


def test_companies_whose_years_end_far_apart_fail_a_check():
    late = figures(("c", "revenue", 2023, 70, "2024-02-01"))
    on = {"a": date(2025, 3, 10), "c": date(2025, 3, 10)}
    check = next(c for c in fundamentals(pd.concat([BOOK, late]), on=on).checks if c.name == "period_ends")
    assert (check.passed, check.value, check.threshold) == (False, 366.0, 200.0)  # 2023-12-31 to 2024-12-31
    assert check.text == "twelve months of revenue end 366 days apart at most: c on 2023-12-31, a on 2024-12-31"
    alike = next(c for c in fundamentals(BOOK, on={"a": date(2025, 6, 1), "b": date(2025, 6, 1)}).checks[3:])
    assert (alike.name, alike.passed, alike.value) == ("period_ends", True, 0.0)
    assert fundamentals(BOOK, on={"a": date(2025, 6, 1)}).checks[3].passed is None


def test_profit_after_tax_is_grossed_up_and_losses_are_not():
    known = fundamentals(BOOK, on={"a": date(2025, 6, 1), "b": date(2025, 6, 1)})
    taxed = subject(known, "a", tax_rate=0.35)
    assert taxed.ebit == pytest.approx(20)  # 13 / 0.65
    assert (taxed.margin, taxed.ebit_from) == (0.1, "net_profit")
    check = taxed.checks[0]
    assert (check.name, check.passed) == ("base_margin", False)
    assert check.text == (
        "operating income of 20 USD is net profit of 13 / (1 - 0.35), 15.4 % of revenue; "
        "what is no operating income is still in it"
    )
    own = subject(known, "b", tax_rate=0.35)
    assert (own.ebit, own.ebit_from, own.checks[0].passed) == (10, "operating_profit", True)
    loss = BOOK.assign(value=BOOK["value"].where(BOOK["metric"].ne("net_profit"), -BOOK["value"]))
    lost = subject(fundamentals(loss, on={"a": date(2025, 6, 1)}), "a", tax_rate=0.35)
    assert lost.ebit == -13
    with pytest.raises(ParameterError, match=r"tax_rate must lie between 0 and 0.99, got 25: a percentage is written"):
        subject(known, "a", tax_rate=25)
    with pytest.raises(ParameterError, match="max_age_days must be above 0, got 0"):
        fundamentals(BOOK, on={}, max_age_days=0)


def test_a_reason_stands_beside_the_multiple():
    known = fundamentals(jumping(1863), on={"pin": date(2025, 6, 1)})
    price = {"date": "2025-06-01", "value": 3646.0, "currency": "USD", "known_on": "2025-06-01", "fact_id": "p"}
    found = dated_multiples(pd.DataFrame([price]), jumping(1863), quote_currency="USD")
    row = beside_multiples(known, {"pin": found}).iloc[0]
    assert (row["multiple"], row["reason"]) == (1.0, "")
    assert row["fundamentals_reason"].endswith("a one-off is likely")
