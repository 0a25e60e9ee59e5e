"""Fundamentals that were public on the day of each price."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, UnitError
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


def test_errors():
    with pytest.raises(UnitError, match="need one currency, got CNY, USD"):
        fundamentals(BOOK.assign(currency=["USD", "CNY"] * 3 + ["USD"]), on={})
    with pytest.raises(HelpersError, match="missing: \\['known_on'\\]"):
        fundamentals(BOOK.drop(columns="known_on"), on={})
