"""Quarters from year-to-date figures, last and next twelve months, calendarised fiscal years."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import HelpersError, NotEstimableError, UnitError, UnknownNameError
from helpers.valuation.figures import as_denominators
from helpers.valuation.fiscal import calendarise, quarters
from helpers.valuation.multiples import dated_multiples
from helpers.valuation.twelve_months import ltm, ltm_series, ntm


def table(text: str) -> pd.DataFrame:
    """A table from comma separated text; revenue in CNY unless it says otherwise."""
    rows = pd.read_csv(StringIO(text.replace(" ", "")))
    for column, value in (("metric", "revenue"), ("currency", "CNY")):
        if column not in rows:
            rows[column] = value
    return rows


def checks(result) -> dict:
    return {check.name: check for check in result.checks}


# Snowflake, payments to acquire investments, as its filings print them (dgunning/edgartools#1180): the
# nine months were filed on 3 December 2021, the six months only as the comparative of a later filing.
SNOWFLAKE = table(
    """period_start,period_end,value,known_on,fact_id
    2021-02-01,2021-07-31,1988633000,2022-09-01,six
    2021-02-01,2021-10-31,3042396000,2021-12-03,nine
    """
).assign(metric="investments_bought", currency="USD")

# 10 + 12 + 14 + 20 = 56; then 13 + 15 = 28
STORED = table(
    """period_start,period_end,value,known_on,fact_id
    2023-01-01,2023-03-31,10,2023-05-20,q1
    2023-01-01,2023-06-30,22,2023-08-20,h1
    2023-01-01,2023-09-30,36,2023-11-20,n9
    2023-01-01,2023-12-31,56,2024-03-20,y23
    2024-01-01,2024-03-31,13,2024-05-20,q1b
    2024-01-01,2024-06-30,28,2024-08-20,h1b
    """
)


# --- quarters -------------------------------------------------------------------------------------


def test_year_to_date_becomes_quarters_by_hand():
    rows = quarters(STORED).table.set_index("period_end")
    # 22 - 10 = 12, 36 - 22 = 14, 56 - 36 = 20, 28 - 13 = 15
    assert rows["value"].tolist() == [10.0, 12.0, 14.0, 20.0, 13.0, 15.0]
    assert rows["parts"].tolist() == [1, 2, 2, 2, 1, 2]
    assert rows.loc["2023-12-31", "fact_id"] == "n9 y23"
    assert rows.loc["2023-12-31", "derivation"] == "2023-01-01 to 2023-12-31 less 2023-01-01 to 2023-09-30"
    assert str(rows.loc["2023-12-31", "known_on"].date()) == "2024-03-20"  # the later of the two
    # on 1 December 2023 the year was not out
    assert quarters(STORED, on=date(2023, 12, 1)).table["value"].tolist() == [10.0, 12.0, 14.0]


def test_nine_months_less_six_is_the_quarter_of_snowflake():
    result = quarters(SNOWFLAKE)
    third = result.table.set_index("period_start").loc["2021-08-01"]
    assert third["value"] == 1_053_763_000  # 3,042,396,000 - 1,988,633,000
    assert 3_042_396_000 not in result.table["value"].tolist()
    # it could not be known before the six months were published, nine months after the nine
    assert str(third["known_on"].date()) == "2022-09-01"
    assert set(result.fact_ids) == {"six", "nine"}
    before = quarters(SNOWFLAKE, on=date(2022, 1, 1)).table
    assert before["value"].isna().all()


def test_a_missing_first_quarter_is_not_borrowed_from_another_year():
    earlier = SNOWFLAKE.iloc[[0]].assign(
        period_start="2020-02-01", period_end="2020-04-30", value=7e8, known_on="2020-06-05", fact_id="q1_before"
    )
    result = quarters(pd.concat([SNOWFLAKE, earlier]))
    rows = result.table.set_index("period_start")
    assert rows.loc["2020-02-01", "value"] == 7e8
    first = rows.loc["2021-02-01"]
    assert (pd.isna(first["value"]), first["fact_id"], first["parts"]) == (True, "", 0)
    assert first["reason"] == "the known figures do not add up to 2021-02-01 to 2021-04-30"
    assert first["settles"].startswith("investments_bought of 2021-02-01 to 2021-04-30, or two figures that differ")
    assert result.text.startswith("Quarters: 1 published, 1 derived, 2 missing (investments_bought of 2021-02-01")


def test_rounding_of_both_figures_stays_in_their_difference():
    rounded = STORED.iloc[[1, 2]].assign(low=[21.5, 35.9], high=[22.5, 36.1])
    third = quarters(rounded).table.iloc[-1]
    # 36 - 22 = 14; lowest 35.9 - 22.5 = 13.4, highest 36.1 - 21.5 = 14.6
    assert (third["value"], third["low"], third["high"]) == pytest.approx((14, 13.4, 14.6))


def test_a_published_quarter_is_kept_and_a_disagreement_is_said():
    published = STORED.iloc[[1]].assign(period_start="2023-04-01", value=11.0, fact_id="q2")
    result = quarters(pd.concat([STORED, published]))
    second = result.table.set_index("period_end").loc["2023-06-30"]
    assert (second["value"], second["parts"], second["fact_id"]) == (11.0, 1, "q2")
    check = checks(result)["published_agrees"]
    assert check.passed is False
    assert "11 by 2023-04-01 to 2023-06-30, 12 by 2023-01-01 to 2023-06-30 less 2023-01-01 to 2023-03-31" in check.text
    # 12 as published is what the difference says
    agreeing = pd.concat([STORED, published.assign(value=12.0)])
    assert checks(quarters(agreeing))["published_agrees"].passed is True


def test_weeks_are_quarters_too():
    # a 52-week year from 29 January 2023: 13 weeks to 29 April, 26 weeks to 29 July; 50 - 20 = 30
    weeks = STORED.iloc[[0, 1]].assign(
        period_start="2023-01-29", period_end=["2023-04-29", "2023-07-29"], value=[20, 50]
    )
    rows = quarters(weeks).table
    assert rows["value"].tolist() == [20.0, 30.0]
    assert str(rows["period_start"].iloc[1].date()) == "2023-04-30"


@settings(deadline=None, max_examples=12)
@given(
    sales=st.lists(st.integers(0, 10**9), min_size=4, max_size=4),
    month=st.integers(1, 12),
    scale=st.sampled_from([1, 1000]),
)
def test_any_fiscal_year_gives_its_quarters_back(sales, month, scale):
    start = pd.Timestamp(2022, month, 1)
    ends = [start + pd.DateOffset(months=3 * n) - pd.Timedelta(days=1) for n in (1, 2, 3, 4)]
    figures = pd.DataFrame(
        {
            "metric": "gmv", "period_start": start, "period_end": ends, "currency": "USD",
            "value": pd.Series(sales).cumsum() * float(scale), "known_on": ends, "fact_id": list("abcd"),
        }
    )  # fmt: skip
    found = quarters(figures[::-1]).table
    assert found["value"].tolist() == [sale * scale for sale in sales]
    assert found["value"].sum() == figures["value"].iloc[-1]


# --- last twelve months ---------------------------------------------------------------------------


def test_ltm_by_hand():
    # the year until something newer is out: 56
    year = ltm(STORED, on=date(2024, 4, 1))
    assert (year.value, year.fact_ids, str(year.period_start)) == (56.0, ("y23",), "2023-01-01")
    # then year + year to date - the same part of the year before: 56 + 28 - 22 = 62
    result = ltm(STORED, on=date(2024, 9, 1))
    assert (result.value, str(result.period_start), str(result.period_end)) == (62.0, "2023-07-01", "2024-06-30")
    assert dict(zip(result.table["fact_id"], result.table["weight"], strict=True)) == {"y23": 1, "h1b": 1, "h1": -1}
    assert result.table["contribution"].sum() == 62.0
    assert str(result.known_on) == "2024-08-20"
    assert result.text == (
        "revenue of the last twelve months to 2024-06-30 is 62 CNY, known since 2024-08-20 "
        "(2023-01-01 to 2023-12-31 plus 2024-01-01 to 2024-06-30 less 2023-01-01 to 2023-06-30)."
    )
    # the day before the half was out it was 56 + 13 - 10 = 59 to 31 March
    before = ltm(STORED, on=date(2024, 8, 19))
    assert (before.value, str(before.period_end)) == (59.0, "2024-03-31")


def test_ltm_is_the_sum_of_four_quarters():
    four = quarters(STORED).table
    result = ltm(four[four["parts"] > 0], on=date(2024, 9, 1))
    assert result.value == 14 + 20 + 13 + 15
    # a derived quarter rests on two facts, and all are handed on
    assert set(result.fact_ids) == {"h1", "n9", "y23", "q1b", "h1b"}


def test_ltm_with_a_missing_quarter_refuses_and_names_it():
    short = STORED[~STORED["fact_id"].isin(["h1", "q1"])]
    with pytest.raises(
        NotEstimableError,
        match=r"LTM revenue to 2024-06-30, as known on 2024-09-01 is not estimable: the known figures leave out "
        r"2023-07-01 to 2023-09-30; what would settle it: revenue of 2023-07-01 to 2023-09-30",
    ):
        ltm(short, on=date(2024, 9, 1))
    # the year before it stands, if asked for by its end
    assert ltm(short, on=date(2024, 9, 1), period_end=date(2023, 12, 31)).value == 56.0


def test_nothing_public_yet_is_a_refusal():
    with pytest.raises(NotEstimableError, match="no quarter, half or year was public by then"):
        ltm(STORED, on=date(2023, 1, 1))


def test_the_last_vintage_known_on_the_day_counts():
    restated = STORED[STORED["fact_id"] == "y23"].assign(value=60.0, known_on="2024-07-01", fact_id="y23_restated")
    figures = pd.concat([STORED, restated])
    assert ltm(figures, on=date(2024, 6, 30)).value == 59.0  # 56 + 13 - 10
    after = ltm(figures, on=date(2024, 7, 1))
    assert after.value == 63.0  # 60 + 13 - 10
    check = checks(after)["one_vintage"]
    assert check.passed is False
    assert "2023-01-01 to 2023-12-31 (y23_restated)" in check.text
    assert checks(ltm(STORED, on=date(2024, 7, 1)))["one_vintage"].passed is True


def test_two_sums_of_different_figures_are_compared():
    h2 = STORED.iloc[[0]].assign(
        period_start="2023-07-01", period_end="2023-12-31", known_on="2024-03-20", fact_id="h2"
    )
    agrees = pd.concat([STORED, h2.assign(value=34.0)])  # 22 + 34 = 56
    assert checks(ltm(agrees, on=date(2024, 4, 1)))["routes_agree"].passed is True
    differs = checks(ltm(pd.concat([STORED, h2.assign(value=30.0)]), on=date(2024, 4, 1)))["routes_agree"]
    assert (differs.passed, differs.value, differs.threshold) == (False, 52.0, 56.0)


def test_a_later_quarter_taken_off_does_not_move_the_end():
    # to 30 September 2024: 20 + 100 - 30 = 90; the other way (60 - 40) + 20 + 25 + 25 = 90
    later = table(
        """period_start,period_end,value,known_on,fact_id
        2023-10-01,2023-12-31,20,2025-03-20,q4
        2024-01-01,2024-12-31,100,2025-03-20,y24
        2024-10-01,2024-12-31,30,2025-03-20,q4b
        2023-01-01,2023-12-31,60,2025-03-20,y23
        2023-01-01,2023-09-30,40,2025-03-20,n9
        2024-01-01,2024-03-31,20,2025-03-20,q1b
        2024-04-01,2024-06-30,25,2025-03-20,q2b
        2024-07-01,2024-09-30,25,2025-03-20,q3b
        """
    )
    result = ltm(later, on=date(2025, 4, 1), period_end=date(2024, 9, 30))
    assert (result.value, result.fact_ids) == (90.0, ("q4", "y24", "q4b"))
    assert (str(result.period_start), str(result.period_end)) == ("2023-10-01", "2024-09-30")
    assert (checks(result)["routes_agree"].passed, checks(result)["routes_agree"].value) == (True, 90.0)


def test_forecasts_are_not_of_the_past():
    target = STORED.iloc[[0]].assign(
        period_start="2024-01-01", period_end="2024-12-31", value=80.0, known_on="2024-03-20", fact_id="target"
    )
    result = ltm(pd.concat([STORED, target]), on=date(2024, 9, 1))
    assert result.value == 62.0
    assert checks(result)["forecasts_left_out"].text.endswith(": target")


def test_a_fiscal_year_of_weeks():
    # 52 weeks to 28 January 2023, then 13 and the 13 before: 100 + 30 - 20 = 110 in 364 days
    weeks = table(
        """period_start,period_end,value,known_on,fact_id
        2022-01-30,2023-01-28,100,2023-03-01,y
        2022-01-30,2022-04-30,20,2022-06-01,a
        2023-01-29,2023-04-29,30,2023-06-01,b
        """
    )
    result = ltm(weeks, on=date(2023, 7, 1))
    assert (result.value, str(result.period_start)) == (110.0, "2022-05-01")


@settings(deadline=None, max_examples=10)
@given(scale=st.floats(1e-3, 1e9))
def test_ltm_scales_with_the_currency_and_ignores_row_order(scale):
    scaled = STORED.assign(value=STORED["value"] * scale).sample(frac=1.0, random_state=3)
    assert ltm(scaled, on=date(2024, 9, 1)).value == pytest.approx(62 * scale)


QUARTER_SALES = (3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610)  # any twelve months have a sum of their own


def all_periods(month: int) -> pd.DataFrame:
    """Three fiscal years from a month: every quarter and every year to date, published as it ends."""
    start, rows = pd.Timestamp(2021, month, 1), []
    for year in range(3):
        for first in range(4):
            for last in range(first, 4):
                if first > 0 and first != last:
                    continue  # quarters and years to date only
                begins = start + pd.DateOffset(months=12 * year + 3 * first)
                ends = start + pd.DateOffset(months=12 * year + 3 * last + 3) - pd.Timedelta(days=1)
                value = sum(QUARTER_SALES[4 * year + first : 4 * year + last + 1])
                rows.append((begins, ends, float(value), ends, f"f{year}{first}{last}"))
    columns = ["period_start", "period_end", "value", "known_on", "fact_id"]
    return pd.DataFrame(rows, columns=columns).assign(metric="revenue", currency="CNY")


@settings(deadline=None, max_examples=40)
@given(month=st.integers(1, 12), data=st.data())
def test_ltm_is_right_or_refused_whatever_is_missing(month, data):
    everything = all_periods(month)
    kept = data.draw(st.lists(st.sampled_from(range(len(everything))), min_size=12, unique=True))
    quarter = data.draw(st.integers(4, 12))
    end = pd.Timestamp(2021, month, 1) + pd.DateOffset(months=3 * quarter) - pd.Timedelta(days=1)
    try:
        result = ltm(everything.iloc[kept], on=end.date(), period_end=end.date())
    except NotEstimableError:
        return
    assert result.value == sum(QUARTER_SALES[quarter - 4 : quarter])
    assert (result.period_end - result.period_start).days in (364, 365)


@pytest.mark.parametrize("month", [1, 2, 7])
def test_the_series_holds_every_quarter_end_of_any_fiscal_year(month):
    years_to_date = all_periods(month)
    years_to_date = years_to_date[years_to_date["fact_id"].str[2] == "0"]
    result = ltm_series(years_to_date)
    expected = [float(sum(QUARTER_SALES[n - 4 : n])) for n in range(4, 13)]
    assert result.table["value"].tolist() == expected
    assert len(result.refused) == 3  # the first three quarter ends have no year behind them


def test_every_ltm_that_became_known():
    result = ltm_series(STORED)
    shown = result.table[["period_end", "value", "known_on", "fact_id"]].astype(str).to_numpy().tolist()
    assert shown == [
        ["2023-12-31", "56.0", "2024-03-20", "y23"],
        ["2024-03-31", "59.0", "2024-05-20", "q1 y23 q1b"],
        ["2024-06-30", "62.0", "2024-08-20", "h1 y23 h1b"],
    ]
    assert result.refused["period_end"].astype(str).tolist() == ["2023-03-31", "2023-06-30", "2023-09-30"]
    assert result.refused["reason"].str.startswith("the known figures leave out 2022-").all()
    assert set(result.fact_ids) == {"q1", "h1", "y23", "q1b", "h1b"}
    # every row is what `ltm` says on its day
    for row in result.table.itertuples():
        assert ltm(STORED, on=row.known_on.date()).value == row.value


def test_a_late_comparative_gives_an_ltm_of_its_own_day():
    late = STORED.assign(known_on=STORED["known_on"].where(STORED["fact_id"] != "h1", "2024-10-01"))
    rows = ltm_series(late).table.set_index("period_end")
    assert str(rows.loc["2024-06-30", "known_on"].date()) == "2024-10-01"


def test_ltm_rows_are_denominators():
    price = pd.DataFrame(
        {"date": ["2024-06-30", "2024-09-01"], "value": 620.0, "currency": "CNY", "known_on": "2024-09-01",
         "fact_id": ["p1", "p2"]}
    )  # fmt: skip
    result = dated_multiples(price, ltm_series(STORED).table, quote_currency="CNY")
    # 620 / 59 on 30 June (the half was not out), 620 / 62 = 10 on 1 September
    assert result.table["multiple"].tolist() == pytest.approx([620 / 59, 10.0])
    assert result.fact_ids == ("p1", "p2", "q1", "y23", "q1b", "h1", "h1b")


@pytest.mark.parametrize(
    ("figures", "error", "match"),
    [
        (STORED.drop(columns="known_on"), HelpersError, r"figures need the columns .* missing: \['known_on'\]"),
        (STORED.assign(period_start=None), HelpersError, "every row of figures needs period_start"),
        (STORED.assign(value=None), HelpersError, "every period needs a value, not so for q1"),
        (STORED.assign(value=float("inf")), HelpersError, "value of a row of figures must be finite"),
        (STORED.assign(period_end=20230331), HelpersError, "needs a period_end such as 2025-06-30, got 20230331"),
        (STORED.assign(period_start="2030-01-01"), HelpersError, "must not end before it starts"),
        (
            pd.concat([STORED, STORED.iloc[[0]].assign(fact_id="twin", value=11)]),
            HelpersError,
            "need one revenue of 2023-01-01 to 2023-03-31 published on 2023-05-20, got q1, twin: prefer one",
        ),
        (
            STORED.assign(currency=["CNY"] * 5 + ["USD"]),
            UnitError,
            "two currencies are never added, got CNY, USD: choose one",
        ),
        (STORED.assign(entity=["a"] * 5 + ["b"]), UnitError, "two entities are never added, got a, b"),
        (STORED.assign(metric=["gmv"] * 5 + ["revenue"]), UnitError, "two metrics are never added"),
        (STORED.assign(period_start=STORED["period_end"]), UnitError, "points in time only"),
        (STORED.assign(metric_kind="average"), UnitError, "only flows add up over time, got revenue of kind 'average'"),
        (STORED.assign(unit="buyer"), UnitError, "do not add up over time: the same people return each quarter"),
        (STORED.assign(unit="ratio"), UnitError, "do not add up over time: it is no amount"),
    ],
)
def test_ltm_errors(figures, error, match):
    with pytest.raises(error, match=match):
        ltm(figures, on=date(2024, 9, 1))


# --- calendarised fiscal years --------------------------------------------------------------------

# fiscal years to 31 March, as Alibaba's
FISCAL = table(
    """period_start,period_end,value,known_on,fact_id
    2022-04-01,2023-03-31,80,2023-05-18,fy23
    2023-04-01,2024-03-31,100,2024-05-14,fy24
    2024-04-01,2025-03-31,140,2025-05-15,fy25
    """
)


def test_calendarised_by_hand():
    # January to March 2024 lie in fiscal 2024, April to December in fiscal 2025: 3/12 of 100 + 9/12 of 140 = 130
    result = calendarise(FISCAL, year_end=2024)
    assert calendarise(FISCAL, year_end=pd.Series([2024])[0]).value == result.value  # of a table a year is no plain int
    assert (result.value, str(result.period_start), str(result.period_end)) == (130.0, "2024-01-01", "2024-12-31")
    assert result.table["weight"].tolist() == [0.25, 0.75]
    assert str(result.known_on) == "2025-05-15"
    assert result.text == (
        "revenue of 2024-01-01 to 2024-12-31 is 130 CNY: 3/12 of 2023-04-01 to 2024-03-31 and "
        "9/12 of 2024-04-01 to 2025-03-31, known since 2025-05-15."
    )
    # by days: January to March 2024 are 91 of 366 days, April to December 275 of 365
    days = calendarise(FISCAL, year_end=2024, weights="days")
    assert days.value == pytest.approx(100 * 91 / 366 + 140 * 275 / 365)


def test_the_fiscal_year_itself_has_weight_one():
    result = calendarise(FISCAL, year_end=date(2024, 3, 31))
    assert (result.value, result.table["weight"].tolist(), result.fact_ids) == (100.0, [1.0], ("fy24",))


def test_intervals_are_weighted_too():
    result = calendarise(FISCAL.assign(low=FISCAL["value"] - 4, high=FISCAL["value"] + 8), year_end=2024)
    assert (result.low, result.high) == (126.0, 138.0)


@settings(deadline=None, max_examples=30)
@given(month=st.integers(1, 12), level=st.floats(0.0, 1e12), weights=st.sampled_from(["months", "days"]))
def test_equal_years_stay_equal_and_weights_sum_to_a_year(month, level, weights):
    starts = [pd.Timestamp(year, month, 1) for year in (2022, 2023)]  # 365 days each, whatever the month, but one
    ends = [start + pd.DateOffset(years=1) - pd.Timedelta(days=1) for start in starts]
    years = FISCAL.head(2).assign(period_start=starts, period_end=ends, value=level, known_on="2025-01-01")
    result = calendarise(years, year_end=2023 if month > 1 else 2022, weights=weights)
    assert result.value == pytest.approx(level, rel=3e-3 if weights == "days" else 1e-12)  # a leap day at most
    assert result.table["weight"].sum() == pytest.approx(1.0, rel=3e-3 if weights == "days" else 1e-12)


def test_a_year_of_weeks_counts_to_its_nearest_month():
    # to Saturday 3 February 2024 counts as to 31 January: one month of it lies in 2024
    weeks = FISCAL.iloc[[1, 2]].assign(
        period_start=["2023-01-29", "2024-02-04"], period_end=["2024-02-03", "2025-02-01"]
    )
    assert calendarise(weeks, year_end=2024).table["weight"].tolist() == pytest.approx([1 / 12, 11 / 12])


def test_a_doubted_year_is_not_calendarised():
    doubted = FISCAL.assign(nature=["measured", "doubtful", "measured"])
    with pytest.raises(NotEstimableError, match="no known fiscal year covers 2024-01-01 to 2024-03-31"):
        calendarise(doubted, year_end=2024)


@pytest.mark.parametrize(
    ("years", "arguments", "error", "match"),
    [
        (FISCAL.head(2), {"year_end": 2024}, NotEstimableError, "no known fiscal year covers 2024-04-01 to 2024-12-31"),
        (FISCAL.tail(1), {"year_end": 2024}, NotEstimableError, "no known fiscal year covers 2024-01-01 to 2024-03-31"),
        (FISCAL, {"year_end": 2024, "on": date(2024, 12, 31)}, NotEstimableError, "covers 2024-04-01 to 2024-12-31"),
        (FISCAL, {"year_end": 2030}, NotEstimableError, "covers 2030-01-01 to 2030-12-31"),
        (STORED, {"year_end": 2023}, HelpersError, r"calendarise takes fiscal years .* got 2023-01-01 to 2023-03-31"),
        (
            pd.concat([FISCAL, FISCAL.iloc[[1]].assign(period_start="2023-01-01", period_end="2023-12-31")]),
            {"year_end": 2024},
            HelpersError,
            r"fiscal years overlap: 2022-04-01 to 2023-03-31 \(fy23\) and 2023-01-01 to 2023-12-31",
        ),
        (FISCAL, {"year_end": date(2024, 12, 15)}, HelpersError, "inside a month .* use weights='days'"),
        (FISCAL, {"year_end": 2024, "weights": "weeks"}, UnknownNameError, "unknown weights 'weeks'"),
        (FISCAL.assign(currency=["CNY", "USD", "USD"]), {"year_end": 2024}, UnitError, "two currencies"),
    ],
)
def test_calendarise_errors(years, arguments, error, match):
    with pytest.raises(error, match=match):
        calendarise(years, **arguments)


# --- next twelve months ---------------------------------------------------------------------------

CONSENSUS = table(
    """period_start,period_end,value,known_on,fact_id,nature
    2025-01-01,2025-12-31,120,2025-08-01,c25,expected
    2026-01-01,2026-12-31,160,2025-08-01,c26,expected
    """
)


def test_ntm_weights_the_fiscal_years_ahead():
    # from 1 October 2025: 3/12 of 120 + 9/12 of 160 = 150
    result = ntm(CONSENSUS, on=date(2025, 9, 30))
    assert (result.kind, result.value, str(result.period_start), str(result.period_end)) == (
        "ntm", 150.0, "2025-10-01", "2026-09-30",
    )  # fmt: skip
    assert (checks(result)["forecast_age"].passed, checks(result)["forecast_age"].value) == (True, 60.0)
    assert checks(result)["forecast_share"].value == 1.0
    # within a month the window begins with the month
    assert str(ntm(CONSENSUS, on=date(2025, 10, 15)).period_start) == "2025-10-01"
    assert str(ntm(CONSENSUS, on=date(2025, 10, 15), weights="days").period_start) == "2025-10-16"


def test_ntm_prefers_quarters_that_fit():
    ends = pd.date_range("2025-12-31", periods=4, freq="QE")
    ahead = pd.DataFrame(
        {"metric": "revenue", "period_start": ends - pd.offsets.MonthBegin(3), "period_end": ends, "currency": "CNY",
         "value": [30.0, 35, 40, 45], "known_on": "2025-09-01", "fact_id": list("wxyz"), "nature": "expected"}
    )  # fmt: skip
    assert ntm(pd.concat([CONSENSUS, ahead]), on=date(2025, 9, 30)).value == 150.0
    assert ntm(pd.concat([CONSENSUS, ahead]), on=date(2025, 9, 30)).fact_ids == ("w", "x", "y", "z")


def test_a_price_over_the_next_twelve_months():
    price = pd.DataFrame(
        {"date": ["2025-09-30", "2026-06-30"], "value": 600.0, "currency": "CNY", "known_on": "2025-09-30",
         "fact_id": ["p1", "p2"]}
    )  # fmt: skip
    ahead = as_denominators([ntm(CONSENSUS, on=date(2025, 9, 30))])
    assert ahead["metric"].tolist() == ["revenue_ntm"]
    rows = dated_multiples(price, ahead, quote_currency="CNY", forward_metrics=["revenue_ntm"]).table
    assert rows["multiple"].iloc[0] == 4.0  # 600 / 150
    assert pd.isna(rows["multiple"].iloc[1])
    assert rows["reason"].iloc[1] == "the last forecast of revenue_ntm begins 272 days before"
    # without the word that it looks ahead, a period that is not over has no multiple
    assert dated_multiples(price, ahead, quote_currency="CNY").table["multiple"].isna().all()


def test_ntm_refuses_without_forecasts():
    with pytest.raises(
        NotEstimableError, match=r"no forecast covers 2025-10-01 to 2026-09-30; .* a consensus of revenue"
    ):
        ntm(STORED, on=date(2025, 9, 30))
    with pytest.raises(NotEstimableError, match="no known fiscal year covers 2026-01-01 to 2026-09-30"):
        ntm(CONSENSUS.head(1), on=date(2025, 9, 30))
    with pytest.raises(NotEstimableError, match="no forecast covers"):
        ntm(CONSENSUS, on=date(2025, 7, 1))  # not published yet
