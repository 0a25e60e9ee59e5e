"""A plan with the facts put in, year by year."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from helpers import audit, datasets, ledger
from helpers.errors import NotEstimableError, ParameterError, UnitError
from helpers.market import (
    POOL_EVENTS,
    POOL_METRICS,
    Evidence,
    fill,
    growth_between,
    read_plan,
    size_years,
    yearly_series,
)

HEAD = "role,name,years,facts,formula,low,mode,high,between,unit,counts,of,overlap,definition,reason,label,label_zh\n"
ROWS = {
    "market": "market,tea,2020-2026,,,,,,,CNY / year,,China,,All tea,,Tea,\n",
    "sales": "driver,sales,2020-2024,china:tea,,,,,forecast,CNY / year,tea,,,Sold,,Sales,\n",
    "share": "driver,share,2020,,,0.1,0.2,0.3,line,1,green tea,tea,,Green,A guess,Green share,\n",
    "later": "driver,share,2026,,,0.3,0.4,0.5,,,,,,,A later guess,,\n",
    "once": "driver,once,2021,f1,,5,6,8,,CNY / year,,,,Once,A year only,Once,\n",
    "green": 'node,green,,,"share_of(sales, share)",,,,,,,,,,,Green tea,\n',
    "more": "node,more,,,green + once,,,,,,,,disjoint: another shop,,,More,\n",
    "case": "scenario,dry,,,sales 0.1,,,,,,,,,,No rain,Dry,\n",
}


def plan(tmp_path, *names, **changed):
    file = tmp_path / "tea.csv"
    file.write_text(HEAD + "".join((ROWS | changed)[n] for n in (names or ROWS)), encoding="utf-8")
    return read_plan(datasets.market("", path=file))


def evidence(values=(100.0, 120.0, 140.0, 155.0, 165.0)):
    rows = [
        {"fact_id": f"f{i}", "value": v, "kind": "official_statistics", "origin": "bureau", "entity": "china",
         "metric": "tea", "measure": "level", "unit": "money", "currency": "CNY", "nature": "measured",
         "status": "reported",
         "qualifier": "", "value_high": math.nan, "precision": 0.1, "period_start": pd.Timestamp(2020 + i, 1, 1),
         "period_end": pd.Timestamp(2020 + i, 12, 31)}
        for i, v in enumerate(values)
    ]  # fmt: skip
    return Evidence(facts=pd.DataFrame(rows), metric_kinds={"tea": "flow"})


@pytest.fixture(scope="module")
def pool():
    """Simulated markets, which measure the forecasts of these tests."""
    made = {}
    for i in range(9):
        rng = np.random.default_rng(i)
        values = np.exp(np.cumsum(0.3 * 0.8 ** np.arange(9) + rng.normal(0, 0.04, 9)))
        made[f"simulated {i}"] = pd.DataFrame({"year": range(2010, 2019), "value": values})
    return made


def test_each_year_says_what_it_stands_on(tmp_path, pool):
    filled = fill(plan(tmp_path), evidence(), pool=pool)
    basis = filled.table.set_index(["driver", "year"])["basis"]
    assert basis["sales"].to_dict() == {**dict.fromkeys(range(2020, 2025), "facts"), 2025: "forecast", 2026: "forecast"}
    assert basis["share"].to_dict() == {
        2020: "assumption",
        **dict.fromkeys(range(2021, 2026), "line"),
        2026: "assumption",
    }
    assert filled.missing[filled.missing["driver"].eq("once")]["year"].tolist() == [2020, 2022, 2023, 2024, 2025, 2026]
    assert filled.text == (
        "Tea, 2020 to 2026: 3 drivers by year, of which 5 printed, 3 judged, 5 on a line between known years, 2 "
        "forecast; "
        "5 facts."
    )


def test_a_line_lies_half_way_and_a_forecast_is_that_of_the_series(tmp_path, pool):
    filled = fill(plan(tmp_path), evidence(), pool=pool)
    share = filled.drivers["share", 2023].distribution
    assert share.mean == pytest.approx(0.3, abs=1e-3)
    ahead = filled.forecasts["sales"].table.set_index("year")
    assert float(filled.drivers["sales", 2026].distribution.quantile(0.5)) == pytest.approx(ahead.loc[2026, "value"])
    assert filled.drivers["sales", 2026].reason == "stacked forecast of 2020 to 2024"
    assert filled.drivers["sales", 2026].fact_ids == ("f0", "f1", "f2", "f3", "f4")
    assert filled.forecast_by_length().name == "Sales"


def test_what_a_node_counts_reaches_the_graph(tmp_path, pool):
    green = ROWS["green"].replace('share_of(sales, share)",,,,,,', 'share_of(sales, share)",,,,,,green leaves')
    graph = fill(plan(tmp_path, green=green), evidence(), pool=pool).graph(2020)
    assert graph.quality("green").population == "green leaves"
    assert graph.only("green").quality("green").population == "green leaves"


def test_a_series_does_not_judge_itself_under_another_name(tmp_path, pool):
    same = evidence().facts[["value", "fact_id"]].assign(year=range(2020, 2025))
    one = fill(plan(tmp_path), evidence(), pool=pool).forecasts["sales"]
    other = fill(plan(tmp_path), evidence(), pool=pool | {"ledger:tea": same}).forecasts["sales"]
    assert other.table.equals(one.table)


def test_what_lies_after_the_facts_is_ahead(tmp_path, pool):
    table = fill(plan(tmp_path), evidence(), pool=pool).table.set_index(["driver", "year"])["is_ahead"]
    assert not table["sales"].loc[:2024].any()
    assert table["sales"].loc[2025:].all()
    assert not table["share"].any()  # a judged driver has no end of what is known


def test_a_year_has_the_formulas_whose_drivers_it_has(tmp_path, pool):
    filled = fill(plan(tmp_path), evidence(), pool=pool)
    assert set(filled.graph(2021).formulas) == {"green", "more"}
    assert set(filled.graph(2022).formulas) == {"green"}
    series = size_years(filled, draws=1_024)
    assert series.of("more")["year"].tolist() == [2021]
    gone = series.missing[series.missing["node"].eq("more")]
    assert gone["reason"].unique().tolist() == ["no number for Once"]
    assert series.of("green").set_index("year").loc[2021, "basis"] == "line"
    assert series.of("green").set_index("year").loc[2026, "basis"] == "forecast"


def test_sizes_of_a_year_by_hand(tmp_path, pool):
    # 2020: 100 x a PERT of .1 .2 .3, whose median is .2; 2021: 120 x .2333 + 6.11 (median of the PERT 5 6 8)
    rows = size_years(fill(plan(tmp_path), evidence(), pool=pool), draws=2**14).of("green").set_index("year")
    assert rows.loc[2020, "base"] == pytest.approx(100 * 0.2, rel=0.005)
    assert rows.loc[2021, "base"] == pytest.approx(120 * (0.2 + 0.2 / 6), rel=0.01)


def test_growth_goes_with_the_drivers_that_both_years_share(tmp_path, pool):
    series = size_years(fill(plan(tmp_path), evidence(), pool=pool), draws=1_024)
    low, base, high = growth_between(series, "green", 2022, 2024)
    assert low < base < high
    rows = series.of("green").set_index("year")
    apart = np.log(rows.loc[2024, "high"] / rows.loc[2022, "low"])
    assert math.log((1 + high) ** 2) < apart  # a driver that is high in one year is high in the other
    with pytest.raises(ParameterError, match="needs two sized years in order, got 2024 and 2022"):
        growth_between(series, "green", 2024, 2022)


def test_growth_of_a_share_that_is_one_draw_is_that_of_the_whole(tmp_path, pool):
    known = "driver,sales,2020-2023,china:tea,,,,,,CNY / year,tea,,,Sold,,Sales,\n"
    printed = "driver,sales,2024,,,170,170.5,171,,,,,,,As printed later,,\n"
    rows = {"sales": known + printed, "share": "driver,share,2020-2026,,,0.1,0.2,0.3,,1,green tea,tea,,Green,Guess,,\n"}
    made = plan(tmp_path, "market", "sales", "share", "green", **rows)
    series = size_years(fill(made, evidence(), pool=pool), draws=1_024)
    low, base, high = growth_between(series, "green", 2021, 2024)
    # sales grow from 120 to 170.5 over three years, the share is the same draw: 12.4 % a year within the printed digits
    assert base == pytest.approx((170.5 / 120) ** (1 / 3) - 1, abs=0.002)
    assert high - low < 0.02


def test_scenarios_keep_the_drivers_that_a_year_knows(tmp_path):
    made = plan(tmp_path)
    assert made.assumptions().to_numpy().tolist() == [["scenario", "Dry", "Sales at 10%", "No rain"]]
    assert made.cases(["sales", "share"]) == {"dry": {"sales": 0.1}}
    assert made.cases(["share"]) == {}


def test_facts_that_were_not_public_leave_the_year_without_a_number(tmp_path, pool):
    given = evidence()
    early = Evidence(facts=given.facts.head(1), metric_kinds=given.metric_kinds)
    filled = fill(plan(tmp_path), early, pool=pool)
    told = filled.missing.set_index(["driver", "year"])["reason"]
    assert told["once", 2021] == "the range rests on f1, not known on that day"
    assert told["sales", 2021] == "no fact china:tea is known"


def test_too_few_printed_years_are_not_forecast_and_say_why(tmp_path, pool):
    given = evidence()
    filled = fill(plan(tmp_path), Evidence(facts=given.facts.tail(3), metric_kinds=given.metric_kinds), pool=pool)
    told = filled.missing.set_index(["driver", "year"])["reason"]
    assert "no forecast: Sales has 3 years, and 5 are needed" in told["sales", 2025]
    with pytest.raises(NotEstimableError, match="a forecast in Tea is not estimable"):
        filled.forecast_by_length()


def test_a_year_without_any_number_is_refused_with_what_is_missing(tmp_path):
    filled = fill(plan(tmp_path, "market", "once", "green", "sales", "share", "more"), evidence(), pool={})
    with pytest.raises(NotEstimableError, match="no number for once, sales, share"):
        filled.graph(2050)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"share": ROWS["share"].replace("0.1,0.2,0.3", "0.1,0.2,1.3")}, "a share between 0 and 1, got 0.1 to 1.3"),
        ({"share": ROWS["share"].replace("0.1,0.2,0.3", "20,,30")}, "share 2020 is a share between 0 and 1"),
        ({"share": ROWS["share"].replace("2020,,,0.1,0.2,0.3", "2020,china:tea,,,,")},
         "driver share: Green share 2020 is in 1, and f0 in money"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_right_is_refused(tmp_path, pool, changed, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        fill(plan(tmp_path, **changed), evidence(), pool=pool)


def test_a_market_in_another_unit_than_its_table_says_is_refused(tmp_path, pool):
    market = ROWS["market"].replace("CNY / year", "USD / year")
    changed = {"market": market, "green": ROWS["green"].replace(",green,", ",sam,")}
    filled = fill(plan(tmp_path, "market", "sales", "share", "green", **changed), evidence(), pool=pool)
    with pytest.raises(UnitError, match="tea is sized in USD / year, sam is in CNY / year"):
        filled.graph(2020)


@pytest.fixture(scope="module")
def real():
    book, known = ledger.load(), ledger.facts()
    doubts = audit.audit(known, **book.rules).doubts
    table = ledger.preferred(entity=list(book.entities.index), metric=list(POOL_METRICS), doubts=doubts).table
    series = yearly_series(table, home=book.entities["reporting_currency"].to_dict(), events=POOL_EVENTS)
    kinds, codes = book.metrics["kind"].to_dict(), datasets.definitions()["definition"].to_dict()
    return Evidence(facts=known, metric_kinds=kinds, definitions=codes, doubts=doubts), series


@pytest.mark.parametrize("market", datasets.markets())
def test_the_project_s_markets_are_sized_from_2021_to_2030(real, market):
    given, series = real
    found = size_years(fill(read_plan(datasets.market(market)), given, pool=series), draws=1_024)
    for node in ("sam", "share_kuaishou", "share_xiaohongshu"):
        rows = found.of(node)
        assert {*range(2023, 2031)} <= set(rows["year"])
        assert (rows["low"] < rows["base"]).all()
        assert (rows["base"] < rows["high"]).all()
    shares = found.table[found.table["node"].str.startswith("share_")]
    assert shares["high"].lt(1).all()
    assert found.of("sam").set_index("year").loc[2030, "is_ahead"]


def test_social_commerce_of_2023_is_the_printed_figure(real):
    given, series = real
    found = size_years(fill(read_plan(datasets.market("social_commerce")), given, pool=series), draws=4_096)
    assert found.of("sam").set_index("year").loc[2023, "base"] == pytest.approx(3.42e12, rel=0.005)
    assert {"f1355", "f0099"} <= set(found.fact_ids)
    assert not {"f1352", "f1353", "f1354"} & set(found.fact_ids)  # another definition
