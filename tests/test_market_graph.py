"""The sizing graph: formulas, units, populations, overlaps; and the numbers that come out of it."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.draws import Beta, LogNormal, Normal, Pert, Point, Uniform
from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.market import Driver, Graph, effects, information, scenarios, simulate, tornado
from helpers.market.formula import names_in, parse


def driver(name, unit="CNY / year", dist=None, **more):
    given = {"year": 2024, "region": "China", "definition": name, "reason": "for a test"} | more
    return Driver(name=name, unit=unit, distribution=dist or Point(2.0), **given)


SHOPS = [
    driver("buyers", "person", Point(100.0), population="shoppers"),
    driver("frequency", "order / person / year", Point(12.0), population="shoppers"),
    driver("value", "CNY / order", Point(50.0)),
    driver("share", "1", Pert(0.1, 0.2, 0.3), whole="shoppers", population="social shoppers"),
]
TREE = {"orders": "buyers * frequency", "tam": "orders * value", "sam": "share_of(tam, share)"}


def test_persons_times_orders_times_money_are_money_a_year():
    graph = Graph(SHOPS, TREE)
    # 100 persons x 12 orders a person and year x 50 yuan an order = 60,000 yuan a year; a fifth of it 12,000
    assert graph.units["orders"] == "order / year"
    assert graph.units["tam"] == "CNY / year"
    assert graph.base()["tam"] == 60_000
    assert graph.base()["sam"] == pytest.approx(60_000 * float(Pert(0.1, 0.2, 0.3).quantile(0.5)))
    assert graph.quality("sam").population == "social shoppers"
    assert graph.order.index("orders") < graph.order.index("tam") < graph.order.index("sam")


def test_a_name_that_is_used_twice_is_one_draw():
    users = driver("users", "person", LogNormal(mu=3, sigma=1.0))
    graph = Graph([users], {"nothing": "users - users", "one": "users / users", "square": "users * users"})
    found = simulate(graph, draws=4_096, seed=1, keep=True)
    assert (found.draws["nothing"] == 0).all()
    assert (found.draws["one"] == 1).all()
    # the mean of x^2 of a log-normal is exp(2 mu + 2 sigma^2); two draws would give exp(2 mu + sigma^2)
    assert found.draws["square"].mean() == pytest.approx(math.exp(6 + 2), rel=0.05)


def test_published_product_of_correlated_log_normals():
    # closed form of the case correlated_lognormal_product: ln y ~ N(sum mu, 1' S 1)
    mu = [19.0, -0.3, -0.9, -1.6, 3.2, 4.4, -2.8, 0.1]
    sigma = [0.25, 0.15, 0.3, 0.1, 0.2, 0.35, 0.12, 0.18]
    first = [1, 0.4, 0.32, 0.256, 0.2048, 0.16384, 0.131072, 0.104858]
    matrix = np.array([[first[abs(i - j)] for j in range(8)] for i in range(8)])
    names = [f"x{i}" for i in range(8)]
    graph = Graph(
        [driver(n, "1", LogNormal(mu=m, sigma=s)) for n, m, s in zip(names, mu, sigma, strict=True)],
        {"y": " * ".join(names)},
        correlations={(names[i], names[j]): float(matrix[i, j]) for i in range(8) for j in range(i)},
    )
    found = simulate(graph, draws=2**20, seed=1, keep=True)
    assert found.table["mean"].iloc[0] == pytest.approx(2437530793.5310774, rel=1e-3)
    low, base, high = found.range_of("y")
    assert base == pytest.approx(1457516796.051421, rel=5e-3)
    assert low == pytest.approx(274886711.8190215, rel=0.01)
    assert high == pytest.approx(7728111689.045999, rel=0.01)
    assert np.log(found.draws["y"]).std() == pytest.approx(1.0141512648515507, rel=5e-3)
    alone = Graph(graph.drivers.values(), graph.formulas)
    spread = np.log(simulate(alone, draws=2**18, seed=1, keep=True).draws["y"]).std()
    assert spread == pytest.approx(0.627933117457584, rel=5e-3)


def test_published_moments_of_pert_and_log_normal_ranges():
    # the case pert_lognormal_moments
    for low, mode, high, mean, alpha, beta, variance in (
        (2, 4, 9, 4.5, 2.142857142857143, 3.857142857142857, 1.6071428571428574),
        (0.02, 0.035, 0.06, 0.03666666666666667, 2.5, 3.5, 5.555555555555555e-05),
    ):
        found = Pert(low, mode, high)
        assert found.mean == pytest.approx(mean, rel=1e-9)
        assert found.shapes == pytest.approx((alpha, beta), rel=1e-9)
        a, b = found.shapes
        assert (high - low) ** 2 * a * b / ((a + b) ** 2 * (a + b + 1)) == pytest.approx(variance, rel=1e-9)
    for low, high, mu, sigma, mean in (
        (100, 1000, 5.756462732485114, 0.699936169171963, 404.00128269457247),
        (0.5, 2.0, 0.0, 0.42140356394179934, 1.092851660081246),
    ):
        found = LogNormal.from_range(low, high)
        assert (found.mu, found.sigma) == pytest.approx((mu, sigma), rel=1e-9, abs=1e-12)
        assert found.mean == pytest.approx(mean, rel=1e-9)


def test_an_overlap_is_taken_off_the_sum():
    parts = [driver("a", dist=Point(60.0)), driver("b", dist=Point(40.0)), driver("twice", "1", Beta(2, 18))]
    whole = Graph(parts[:2], {"sum": "total(a, b)"}, overlaps={"sum": "disjoint: two shops"})
    assert whole.base()["sum"] == 100
    less = Graph(parts, {"sum": "a + b"}, overlaps={"sum": "twice"})
    assert less.base()["sum"] == pytest.approx(100 * (1 - float(Beta(2, 18).quantile(0.5))))
    assert "twice" in less.drivers_of("sum")


def test_numbers_may_be_added_to_ratios_without_a_declaration():
    graph = Graph(
        [driver("growth", "1", Point(0.1)), driver("base_size", dist=Point(50.0))], {"next": "base_size * (1 + growth)"}
    )
    assert graph.base()["next"] == pytest.approx(55)


def test_money_of_two_currencies_meets_through_a_rate():
    parts = [
        driver("sales", "USD / year", Point(10.0)),
        driver("rate", "CNY / USD", Point(7.0)),
        driver("home", dist=Point(5.0)),
    ]
    graph = Graph(parts, {"converted": "sales * rate", "sum": "converted + home"}, overlaps={"sum": "disjoint: abroad"})
    assert graph.base()["sum"] == 75


def test_the_tree_names_every_use_and_draws_a_second_one_once():
    graph = Graph(SHOPS, {**TREE, "per_head": "sam / buyers"})
    rows = graph.tree("per_head")
    assert rows["node"].tolist()[0] == "per_head"
    assert rows[rows["node"].eq("buyers")]["parent"].tolist() == ["orders", "per_head"]
    assert rows.set_index("node").loc["share", "kind"] == "share"
    assert rows.set_index("node").loc["tam", "kind"] == "product"


def test_fact_ids_of_a_node_are_those_of_its_drivers():
    parts = [
        driver("a", dist=Point(1.0), fact_ids=("f1", "f2"), reason=""),
        driver("b", dist=Point(1.0), fact_ids=("f2",)),
    ]
    graph = Graph(parts, {"sum": "a + b", "only": "b * 2"}, overlaps={"sum": "disjoint: yes"})
    assert graph.fact_ids("sum") == ("f1", "f2")
    assert graph.fact_ids("only") == ("f2",)


@given(scale=st.floats(0.01, 100))
def test_rescaling_the_currency_scales_money_and_leaves_shares_alone(scale):
    def sized(factor):
        parts = [driver("a", dist=LogNormal(mu=math.log(5 * factor), sigma=0.3)),
                 driver("b", dist=LogNormal(mu=math.log(2 * factor), sigma=0.2))]  # fmt: skip
        graph = Graph(parts, {"sum": "a + b", "part": "b / sum"}, overlaps={"sum": "disjoint: yes"})
        return simulate(graph, draws=256, seed=3).table

    one, other = sized(1.0), sized(scale)
    assert other["base"].iloc[0] == pytest.approx(scale * one["base"].iloc[0], rel=1e-9)
    assert other["base"].iloc[1] == pytest.approx(one["base"].iloc[1], rel=1e-9)


def test_scenarios_come_from_the_same_graph():
    graph = Graph(SHOPS, TREE)
    found = scenarios(graph, {"low": {"share": 0.1}}, nodes=["sam", "tam"])
    rows = found.table.set_index(["case", "node"])
    assert rows.loc[("base", "sam"), "value"] == graph.base()["sam"]
    assert rows.loc[("low", "sam"), "value"] == pytest.approx(60_000 * float(Pert(0.1, 0.2, 0.3).quantile(0.1)))
    assert rows.loc[("low", "tam"), "ratio_to_base"] == 1
    assert rows.loc[("low", "sam"), "changed"].startswith("share 14.9 % (was 20")


def test_tornado_information_and_effects_agree_on_who_matters():
    parts = [driver("wide", "1", LogNormal(mu=0, sigma=0.5)), driver("narrow", "1", LogNormal(mu=0, sigma=0.1))]
    graph = Graph([*parts, driver("size", dist=Point(10.0))], {"sam": "size * wide * narrow"})
    assert tornado(graph, "sam")["input"].tolist() == ["wide", "narrow"]
    told = information(simulate(graph, draws=2**14, seed=1, keep=True), "sam")
    assert told["input"].tolist() == ["wide", "narrow"]
    assert told["narrowing"].iloc[0] > 0.6
    shares = effects(graph, "sam").table.set_index("input")["effect"]
    assert shares.sum() == pytest.approx(1)
    # log variances .25 and .01: closed-form first-order shares of the product's variance lie near 96 to 97 %
    assert shares["wide"] == pytest.approx(0.965, abs=0.01)


def test_the_same_seed_gives_the_same_bytes_and_known_numbers_stay():
    graph = Graph(SHOPS, TREE)
    one, other = (simulate(graph, draws=1_000, seed=5, keep=True).draws["sam"] for _ in range(2))
    assert one.tobytes() == other.tobytes()
    assert (simulate(graph, draws=64, seed=5, keep=True).draws["tam"] == 60_000).all()


def test_an_unused_driver_is_told():
    graph = Graph([*SHOPS, driver("spare")], TREE)
    assert "1 of 5 drivers stand in no formula: spare" in graph.checks[0].text


@pytest.mark.parametrize(
    ("drivers", "formulas", "overlaps", "kind", "message"),
    [
        (SHOPS, {"a": "b + 1", "b": "c", "c": "a"}, {}, ParameterError, "run in a circle: a -> b -> c -> a"),
        (SHOPS, {"a": "buyers * users"}, {}, UnknownNameError, "unknown name in the formula of a 'users'"),
        (SHOPS, {"a": "buyers + frequency"}, {}, UnitError, "takes person and order / person / year"),
        ([*SHOPS, driver("homes", "household")], {"a": "buyers * homes"}, {}, UnitError,
         "multiplies person by household"),
        ([*SHOPS, driver("homes", "household")], {"a": "buyers + homes"}, {}, UnitError, "takes person and household"),
        ([driver("a"), driver("b", "USD / year")], {"s": "a + b"}, {}, UnitError,
         "convert first with a driver of unit CNY / USD"),
        ([*SHOPS, driver("rate", "order / household / year")], {"a": "buyers * rate"}, {}, UnitError,
         "multiplies person by household or a rate per one of them"),
        ([driver("a"), driver("b", "USD / year")], {"s": "a * b"}, {}, UnitError, "mixes CNY and USD"),
        ([driver("a"), driver("b", year=2023)], {"s": "a + b"}, {}, ParameterError,
         "a is of 2024 and b of 2023: a sizing is of one year"),
        ([driver("a"), driver("b", region="Japan")], {"s": "a / b"}, {}, ParameterError, "of one region"),
        ([driver("a"), driver("b")], {"s": "a + b"}, {}, ParameterError,
         "s adds up a, b without saying whether they overlap"),
        ([driver("a"), driver("b")], {"s": "total(a, b)"}, {"s": "disjoint"}, ParameterError,
         "disjoint without a reason"),
        ([driver("a"), driver("b")], {"s": "a + b + a"}, {"s": "disjoint: yes"}, ParameterError, "s adds a twice"),
        ([driver("a"), driver("h", "1", Pert(0.1, 0.2, 0.3))], {"half": "share_of(a, h)", "s": "a + half"},
         {"s": "disjoint: yes"}, ParameterError, "half is computed from a"),
        ([driver("a"), driver("b"), driver("o", "1", Uniform(0.5, 1.5))], {"s": "a + b"}, {"s": "o"}, ParameterError,
         "the overlap of s is a share of its sum between 0 and 1"),
        ([driver("a"), driver("b")], {"s": "a + b"}, {"s": "half of it"}, UnknownNameError, "overlap of s"),
        ([driver("a"), driver("b")], {"s": "2 * (a + b)"}, {"s": "disjoint: yes"}, ParameterError,
         "give the sum a node of its own"),
        (SHOPS, {"a": "buyers * share"}, {}, ParameterError,
         "share is a share of shoppers: write share_of(buyers, share)"),
        ([*SHOPS, driver("rate", "order / person / year", population="parents")], {"a": "buyers * rate"}, {}, UnitError,
         "a rate holds for the people it was measured on"),
        ([*SHOPS, driver("men", "person", population="men")], {"a": "share_of(men, share)"}, {}, UnitError,
         "share is a share of shoppers, but men counts men"),
        ([driver("a"), driver("b")], {"s": "share_of(a, b)"}, {}, UnitError,
         "a share has the unit 1, b has CNY / year"),
        ([driver("a"), driver("z", "1", Normal(0, 1))], {"s": "a / z"}, {}, ParameterError,
         "divides by a number that can be 0"),
        ([driver("a"), driver("a")], {"s": "a * 2"}, {}, ParameterError, "a stands twice"),
        ([driver("a")], {}, {}, ParameterError, "needs at least one formula"),
        ([driver("a")], {"a b": "a"}, {}, ParameterError, "node 'a b' must have a name"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_when_the_graph_is_built(drivers, formulas, overlaps, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        Graph(drivers, formulas, overlaps=overlaps)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"fact_ids": (), "reason": " "}, ParameterError, "has neither a source nor a reason"),
        ({"unit": "yuan"}, UnitError, "unit 'yuan', which the kit does not know"),
        (
            {"unit": "1", "whole": "all", "dist": Uniform(0.5, 1.2)},
            ParameterError,
            "lies between 0 and 1, got 0.5007 to 1.199",
        ),
        ({"unit": "1", "whole": "all", "dist": LogNormal(mu=-1, sigma=0.8)}, ParameterError, "use a PERT or a beta"),
        ({"unit": "person", "whole": "all"}, UnitError, "so its unit is 1, got person"),
        ({"name": "take rate"}, ParameterError, "must have a name that formulas can call"),
    ],
)
def test_a_driver_that_cannot_be_right_is_refused(given, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        driver(given.pop("name", "x"), given.pop("unit", "CNY / year"), given.pop("dist", None), **given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogNormal.from_range(5, 2), "needs low < high"),
        (lambda: Pert(1, 9, 5), "a mode between them"),
        (lambda: Pert(1, 0.5, 5), "a mode between them"),
    ],
)
def test_ranges_the_wrong_way_round_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "a.b", "a ** 2", "a if a else b", "[a]", "a < b", "lambda: 1", "f(a)", "total(a)", "a +",
     "'a'",
     "share_of(a, b, c)", "True", "a @ b", "a // b", "total(*a)", "(a := 2)", "1e999", "", "a" * 3_000, "-" * 60 + "a"],
)  # fmt: skip
def test_a_formula_holds_nothing_but_arithmetic(text):
    with pytest.raises(ParameterError, match=r"the formula"):
        parse(text, "node")


def test_names_are_read_in_their_order_once():
    assert names_in("share_of(b, a) - 2 * (b / c)") == ("b", "a", "c")


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda g: simulate(g, level=0.2), "level must lie between 0.5 and 0.99, got 0.2"),
        (lambda g: simulate(g, nodes=["som"]), "unknown node 'som'"),
        (lambda g: scenarios(g, {"x": {"share": 1.2}}), "scenario x puts share at the quantile 1.2"),
        (lambda g: scenarios(g, {"x": {"tam": 0.5}}), "unknown driver of scenario x 'tam'"),
        (lambda g: information(simulate(g, draws=64), "sam"), "were not kept: simulate with keep=True"),
        (lambda g: g.evaluate({"buyers": 1.0}, ["tam"]), "no value for frequency, value"),
        (
            lambda g: g.evaluate(g.medians() | {"share": 1.5}, ["sam"]),
            "sam takes the share share, which lies between 0 and 1",
        ),
        (lambda g: g.tree("som"), "unknown node 'som'"),
    ],
)
def test_numbers_that_cannot_be_had_are_refused(work, message):
    with pytest.raises(HelpersError, match=re.escape(message)):
        work(Graph(SHOPS, TREE))


def test_correlations_that_cannot_hold_are_refused_with_the_nearest_that_can():
    parts = [driver(n, "1", LogNormal(mu=0, sigma=0.1)) for n in "abc"]
    pairs = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}
    with pytest.raises(ParameterError, match="contradict each other") as error:
        simulate(Graph(parts, {"y": "a * b * c"}, correlations=pairs), draws=16)
    offered = re.findall(r"(\w) and (\w) (-?[\d.]+) \(given", str(error.value))
    assert len(offered) == 3
    held = {(one, other): float(r) for one, other, r in offered}
    simulate(Graph(parts, {"y": "a * b * c"}, correlations=held), draws=16)  # what is offered can be drawn from
