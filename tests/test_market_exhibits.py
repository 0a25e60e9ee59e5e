"""Exhibits of market sizing: pictures with their texts, tables, cards, sliders."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from helpers import exhibits
from helpers.checks import Declined
from helpers.draws import LogNormal, Pert, Point
from helpers.errors import UnknownNameError
from helpers.exhibits.market import _places, say_unit
from helpers.exhibits.show import SESSION
from helpers.market import Driver, Graph, effects, forecast, reconcile, scenarios, simulate, tornado

NO_ANSWER = Declined(text="no answer: no graph", checks=(), table=pd.DataFrame())


def driver(name, dist, unit="CNY / year", **more):
    given = {"year": 2024, "region": "China", "definition": name, "reason": "for a test", "label": name.title()} | more
    return Driver(name=name, unit=unit, distribution=dist, **given)


@pytest.fixture(scope="module")
def graph():
    parts = [
        driver("retail", LogNormal.from_range(14e12, 16e12), population="retail"),
        driver("share", Pert(0.1, 0.2, 0.3), "1", whole="retail", population="social"),
        driver("app", LogNormal.from_range(1e12, 1.4e12)),
        driver("other", LogNormal.from_range(1.2e12, 2.4e12)),
    ]
    formulas = {"above": "share_of(retail, share)", "below": "total(app, other)", "part": "app / below"}
    return Graph(parts, formulas, overlaps={"below": "disjoint: two apps"}, labels={"above": "Top", "below": "Bottom"})


@pytest.fixture(autouse=True)
def style():
    exhibits.use_style("en")


def test_numbers_carry_their_unit():
    assert say_unit(3.42e12, "CNY / year") == "CNY 3.42 trillion"
    assert say_unit(0.235, "1") == "23.5 %"
    assert say_unit(9.74e8, "person") == "974 million person"


def test_the_tree_draws_a_shared_driver_once_and_no_two_boxes_on_one_place(graph):
    places = _places(graph.tree("part"))
    assert sorted(places) == ["app", "below", "other", "part"]
    assert len(set(places.values())) == len(places)
    assert places["app"][0] == 2  # as deep as its deepest use
    shown = exhibits.sizing_tree(graph, "part", sized=simulate(graph, draws=512), basis={"app": "facts"})
    assert shown.alt.startswith("part, 2024: what it is made of (simulated ranges)")
    assert "App CNY 1.18 trillion (1.00 trillion – 1.40 trillion)" in shown.alt
    assert shown.png.startswith(b"\x89PNG")


def test_a_large_tree_has_a_place_for_every_name():
    leaves = [driver(f"x{i}", Point(float(i + 1))) for i in range(20)]
    formulas = {f"n{i}": f"x{2 * i} + x{2 * i + 1}" for i in range(10)}
    formulas["top"] = f"total({', '.join(formulas)})"
    big = Graph(leaves, formulas, overlaps=dict.fromkeys(formulas, "disjoint: test"))
    places = _places(big.tree("top"))
    assert len(set(places.values())) == len(places) == 31


def test_the_gap_names_both_ends_and_every_step(graph):
    found = reconcile(graph, top_down="above", bottom_up="below", draws=1_024)
    alt = exhibits.gap(found).alt
    assert alt.startswith("From Top to Bottom: what closes the gap. ")
    assert "Share " in alt
    table = exhibits.gap_table(found)
    assert "top-down" in table.text
    assert found.text.replace("(", "").split(" ")[0] in table.text


def test_sensitivity_and_tornado_say_what_they_show(graph):
    swing = exhibits.market_tornado(tornado(graph, "below"), graph=graph, node="below")
    assert swing.alt.startswith("Bottom, 2024: what each input alone does to it (simulated). Other (")
    shares = exhibits.sensitivity(effects(graph, "below", base=256), graph=graph, node="below")
    assert "whose uncertainty it is (simulated)" in shares.alt
    ratio = exhibits.market_tornado(tornado(graph, "part"), graph=graph, node="part")
    assert "%" in ratio.alt


def test_the_fan_carries_the_measured_coverage_in_its_caption():
    sizes = [1.0, 1.4, 1.7, 1.9, 2.1, 2.2, 2.4, 2.5, 2.6]
    pool = {f"s{i}": pd.DataFrame({"year": range(2010, 2019), "value": [v + i / 90 for v in sizes]}) for i in range(9)}
    series = pd.DataFrame({"year": range(2015, 2022), "value": [1.0, 1.3, 1.6, 1.8, 2.0, 2.1, 2.2]})
    found = forecast(series, horizon=3, pool=pool, name="Tea")
    shown = exhibits.fan(found, currency="CNY")
    assert found.caption in shown.alt
    assert "carried on unchanged" in shown.alt


def test_ranges_by_year_tell_the_first_and_the_last(graph):
    rows = pd.DataFrame(
        {"year": [2023, 2024], "node": "sam", "label": "SAM", "unit": "CNY / year", "low": [1e12, 2e12],
         "base": [2e12, 3e12], "high": [3e12, 4e12], "is_ahead": [False, True]}
    )  # fmt: skip
    alt = exhibits.market_series(rows, label="Tea", currency="CNY").alt
    assert "SAM 2023 2.00 trillion (1.00 trillion … 3.00 trillion)" in alt
    table = exhibits.year_table(rows, label="Tea").text
    assert "3.00 trillion* (2.00 trillion – 4.00 trillion)" in table
    assert exhibits.platform_shares(rows.iloc[:0]).text.startswith("Share of the market")


def test_scenarios_show_the_change_against_the_base(graph):
    found = scenarios(graph, {"low": {"app": 0.1}}, nodes=["below"])
    text = exhibits.market_scenarios(found, node="below", labels={"low": "Low"}, year=2024).text
    assert "Base: every driver at its median" in text
    assert "−" in text
    assert "App CNY" in text


def test_a_refusal_stands_in_for_every_picture():
    assert exhibits.shown(NO_ANSWER, exhibits.gap).text == "no answer: no graph"


def test_a_scheduled_run_shows_a_sentence_and_imports_no_widgets(graph, monkeypatch):
    monkeypatch.delenv(SESSION, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # an import would fail
    one, other = (exhibits.sliders(graph, "below", drivers=["app", "other"]) for _ in range(2))
    assert one == other
    assert one.text == (
        "In JupyterLab this cell shows sliders for App, Other; a scheduled run shows the numbers above instead."
    )


def test_in_jupyterlab_a_slider_moves_the_number(graph, monkeypatch):
    monkeypatch.setenv(SESSION, "notebooks/market_sizing.ipynb")
    box = exhibits.sliders(graph, "above", drivers=["share", "retail"])
    share, retail, foot = box.children
    told = foot.children[1]
    assert told.value.count(say_unit(graph.base()["above"], "CNY / year")) == 2
    share.value = 0.25
    assert say_unit(0.25 * retail.value, "CNY / year") in told.value
    foot.children[0].click()
    assert share.value == pytest.approx(float(Pert(0.1, 0.2, 0.3).quantile(0.5)), abs=1e-6)


def test_sliders_of_unknown_drivers_are_refused(graph):
    with pytest.raises(UnknownNameError, match="unknown node 'rain'"):
        exhibits.sliders(graph, "above", drivers=["rain"])


def test_chinese_words_are_there_for_every_english_one(graph):
    exhibits.use_style("zh")
    assert "模拟" in exhibits.sizing_tree(graph, "below", sized=simulate(graph, draws=256)).alt
