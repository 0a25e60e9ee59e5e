"""Driver tables, the plans they state, and the years between known ones."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import datasets
from helpers.draws import LogNormal, Pert, Point
from helpers.errors import DataError, HelpersError, ParameterError, UnknownNameError
from helpers.market.bridge import DRIFT_SD, beta_of, between
from helpers.market.plan import read_plan

HEAD = "role,name,years,facts,formula,low,mode,high,between,unit,counts,of,overlap,definition,reason,label,label_zh\n"
MARKET = "market,tea,2020-2022,,,,,,,CNY / year,,China,,All tea,,Tea,茶\n"
SALES = "driver,sales,2020,f0001,,,,,line,CNY / year,tea,,,What was sold,,Sales,销售\n"
LATER = "driver,sales,2022,,,5,6,8,,,,,,,They say so,,\n"
SHARE = "driver,share,2020-2022,,,0.1,0.2,0.3,,1,green tea,tea,,Green of all,A guess,,\n"
NODE = 'node,green,,,"share_of(sales, share)",,,,,,,,,,,Green tea,绿茶\n'


def table(tmp_path, *rows):
    file = tmp_path / "tea.csv"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    return datasets.market("", path=file)


def test_a_table_states_drivers_formulas_and_labels(tmp_path):
    plan = read_plan(table(tmp_path, MARKET, SALES, LATER, SHARE, NODE))
    sales = plan.drivers["sales"]
    assert (plan.label, plan.region, list(plan.years)) == ("Tea", "China", [2020, 2021, 2022])
    assert [(row.first_year, row.facts, row.is_judged) for row in sales.rows] == [
        (2020, "f0001", False),
        (2022, "", True),
    ]
    assert (sales.unit, sales.between, sales.counts) == ("CNY / year", "line", "tea")  # said on the first row only
    assert plan.drivers["share"].is_share
    assert not sales.is_share
    assert plan.formulas == {"green": "share_of(sales, share)"}
    assert plan.labels == {"sales": "Sales", "share": "share", "green": "Green tea"}


def test_labels_are_in_the_language_asked_for_where_there_are_any(tmp_path):
    plan = read_plan(table(tmp_path, MARKET, SALES, SHARE, NODE), language="zh")
    assert plan.labels == {"sales": "销售", "share": "share", "green": "绿茶"}
    assert plan.label == "茶"


def test_a_node_may_say_what_it_counts(tmp_path):
    node = NODE.replace('share_of(sales, share)",,,,,,', 'share_of(sales, share)",,,,,,green leaves')
    assert read_plan(table(tmp_path, MARKET, SALES, SHARE, node)).populations == {"green": "green leaves"}


def test_correlations_and_scenarios_name_their_drivers(tmp_path):
    pair = 'correlation,,,,"sales, share",,0.4,,,,,,,,Same weather,,\n'
    case = 'scenario,drought,,,"sales 0.1, share 0.95",,,,,,,,,,No rain,Drought,干旱\n'
    plan = read_plan(table(tmp_path, MARKET, SALES, SHARE, NODE, pair, case))
    assert plan.correlations == {("sales", "share"): 0.4}
    assert plan.scenarios == {"drought": {"sales": 0.1, "share": 0.95}}
    assert plan.reasons == {"sales, share": "Same weather", "drought": "No rain"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([MARKET, "driver,sales,2020,,,,,,,CNY,,,,,,,\n"], "a driver needs facts, or low and high with a reason"),
        ([MARKET, "driver,sales,2020,,,5,6,8,,CNY,,,,,,,\n"], "a driver needs facts, or low and high with a reason"),
        ([MARKET, "driver,sales,2020,,,8,6,9,,CNY,,,,,why,,\n"], "low, mode and high must not fall"),
        ([MARKET, "driver,sales,2024-2020,f0001,,,,,,CNY,,,,,,,\n"], "must be a year or a span such as 2019-2024"),
        ([MARKET, "driver,Sales,2020,f0001,,,,,,CNY,,,,,,,\n"], "must be a code of small letters"),
        ([MARKET, "node,green,,,,,,,,,,,,,,,\n"], "must be filled for nodes"),
        ([MARKET, "driver,sales,2020,f0001,,,,,guess,CNY,,,,,,,\n"], "must be one of (empty), line, forecast"),
        (
            [MARKET, "node,green,,,a * b,,,,,CNY / year,,,,,,,\n"],
            "a node has no facts, unit, range or bridge of its own",
        ),
        ([MARKET, 'correlation,,,,"a, b",,1,,,,,,,,why,,\n'], "must hold the correlation, above -1 and below 1"),
        ([MARKET, "rumour,sales,2020,f0001,,,,,,CNY,,,,,,,\n"], "must be one of market, driver, node"),
    ],
)
def test_a_broken_row_is_refused_by_row_and_rule(tmp_path, rows, message):
    with pytest.raises(DataError, match=re.escape(message)) as error:
        table(tmp_path, *rows)
    assert "row 3" in str(error.value)


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        ([SALES, NODE], ParameterError, "one row of role market, got 0"),
        ([MARKET, SALES, SALES], ParameterError, "driver sales has 2020 in two rows"),
        ([MARKET, SALES, LATER.replace("8,,,", "8,,USD / year,")], ParameterError,
         "driver sales states unit twice: 'CNY / year' and 'USD / year'"),
        ([MARKET, SALES.replace("CNY / year", "")], ParameterError, "driver sales has no unit"),
        ([MARKET, SALES, NODE.replace("green,", "sales,")], ParameterError, "sales stands twice"),
        ([MARKET, SALES, 'correlation,,,,"sales, weather",,0.4,,,,,,,,why,,\n'], UnknownNameError,
         "unknown driver of a correlation 'weather'"),
        ([MARKET, SALES, "correlation,,,,sales,,0.4,,,,,,,,why,,\n"], ParameterError, "names two drivers with a comma"),
        ([MARKET, SALES, "scenario,boom,,,sales high,,,,,,,,,,why,,\n"], ParameterError,
         "scenario boom says 'sales high'"),
        ([MARKET, SALES, "scenario,boom,,,rain 0.9,,,,,,,,,,why,,\n"], UnknownNameError,
         "driver of scenario boom 'rain'"),
    ],
)  # fmt: skip
def test_a_plan_that_contradicts_itself_is_refused(tmp_path, rows, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        read_plan(table(tmp_path, *rows))


def test_an_unknown_market_is_refused_by_name():
    with pytest.raises(UnknownNameError, match="unknown market 'social_comerce'; did you mean social_commerce"):
        datasets.market("social_comerce")


@pytest.mark.parametrize("name", datasets.markets())
def test_the_project_s_own_tables_are_plans_of_2019_to_2030(name):
    plan = read_plan(datasets.market(name))
    assert list(plan.years) == list(range(2019, 2031))
    assert {"tam", "sam", "top_down", "bottom_up", "share_kuaishou", "share_xiaohongshu"} <= set(plan.formulas)
    chinese = read_plan(datasets.market(name), language="zh").labels
    assert all(re.search("[一-鿿]", text) for text in chinese.values())


def test_no_fact_has_two_definitions():
    assert datasets.definitions().index.is_unique


def test_half_way_lies_at_the_geometric_mean_and_is_wider_by_the_bridge():
    # medians 100 and 400: half way 200; log spread .1 at both ends, and the bridge adds
    # .05^2 * 1 * 1 / 2 = .00125 to .01
    start, end = LogNormal(mu=math.log(100), sigma=0.1), LogNormal(mu=math.log(400), sigma=0.1)
    middle = between(start, end, step=1, steps=2, is_share=False)
    assert middle.quantile(0.5) == pytest.approx(200)
    assert middle.sigma == pytest.approx(math.sqrt(0.01 + 0.00125))


def test_a_share_stays_between_0_and_1_on_its_line():
    middle = between(Pert(0.1, 0.2, 0.3), Pert(0.3, 0.4, 0.5), step=1, steps=2, is_share=True)
    assert middle.mean == pytest.approx(0.3, abs=1e-6)
    assert 0 < middle.quantile(1e-9) < middle.quantile(1 - 1e-9) < 1


@given(step=st.integers(1, 9), steps=st.integers(10, 12))
def test_the_bridge_is_symmetric_and_widest_in_the_middle(step, steps):
    known = LogNormal(mu=1.0, sigma=0.1)
    sigma = between(known, known, step=step, steps=steps, is_share=False).sigma
    assert sigma == pytest.approx(between(known, known, step=steps - step, steps=steps, is_share=False).sigma)
    assert 0.1 < sigma <= math.hypot(0.1, DRIFT_SD * math.sqrt(steps) / 2) + 1e-12


def test_the_beta_has_the_moments_asked_for():
    found = beta_of(0.25, 0.05)
    values = found.quantile((np.arange(200_000) + 0.5) / 200_000)
    assert values.mean() == pytest.approx(0.25, abs=1e-6)
    assert values.std() == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: between(Point(1.0), Point(2.0), step=2, steps=2, is_share=False), "inside the gap, got 2 of 2"),
        (lambda: between(Point(-1.0), Point(2.0), step=1, steps=2, is_share=False), "needs numbers above 0, got -1"),
        (lambda: beta_of(1.2, 0.1), "a share lies between 0 and 1, got a mean of 1.2"),
        (lambda: beta_of(0.5, 0.6), "a share of 0.5 cannot spread by 0.6"),
    ],
)
def test_the_bridge_refuses(work, message):
    with pytest.raises(HelpersError, match=re.escape(message)):
        work()
