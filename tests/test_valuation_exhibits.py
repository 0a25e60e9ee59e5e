"""Exhibits of valuation say what the results say, show what counts, link to the sources, escape foreign text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import StringIO
from string import Formatter

import numpy as np
import pandas as pd
import pytest

from helpers import checks, exhibits, growth, market, valuation
from helpers.draws import LogNormal, Normal
from helpers.errors import NotEstimableError, UnknownNameError
from helpers.exhibits.results import VIEWS
from helpers.growth.nowcast import nowcast
from helpers.growth.seasonality import seasonal_growth
from helpers.valuation.fundamentals import Subject
from helpers.wording import WORDS, say

BAD = "<script>alert(1)</script>"
SAFE = "&lt;script&gt;alert(1)&lt;/script&gt;"
NAMES = {"me": "Mine", "a": "Alpha", "revenue": "Revenue", "mau": "Monthly users", "dau": "Daily users", "gmv": "GMV"}


@pytest.fixture(autouse=True)
def english():
    exhibits.use_style("en")
    yield
    exhibits.use_style("en")


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(text), skipinitialspace=True)


# --- real results of small inputs -----------------------------------------------------------------

ESTIMATES = table(
    """method, basis, low, point, high, date, currency, known_on, fact_ids
    GSR IV mark, fund_mark, 25.5e9, 26e9, 26.5e9, 2025-03-31, USD, 2025-09-05, f1
    GSR IV mark, fund_mark, 30.5e9, 31e9, 31.5e9, 2025-06-30, USD, 2025-09-05, f2
    old shares, secondary_sale, 49.5e9, 50e9, 50.5e9, 2025-12-31, USD, 2026-01-20, f3
    Series E+, round_post_money, 18e9, , 20e9, 2021-11-08, USD, 2021-11-08, f4
    DCF base, dcf, 25e9, 38e9, 60e9, 2026-01-31, USD, 2026-01-31, f6
    """
)
CLAIMS = table(
    """claim_id, value, currency, as_of, basis, source, headline_entity, fact_id
    c02a, 20e9, USD, 2021-11, round_post_money, asiafinancial, , p02a
    c02b, 18e9, USD, 2021-11, round_post_money, chinaeconomicreview, , p02b
    c04x, 17e9, USD, 2024-07, secondary_sale, ainvest, Tmall, p04x
    c06, 26e9, USD, 2025-03-31, fund_mark, uniteddaily, me, p06
    c07, 31e9, USD, 2025-06-30, fund_mark, 36kr, , p07
    c08, 310e9, USD, 2025-06-30, unstated, article, , p08
    """
)
SUPPORTS = table(
    """claim_id, as_of, stake_share, holding_value, currency, fact_ids
    c06, 2025-03-31, 0.0847, 2.22e9, USD, s1
    """
).assign(fund_nav=2.44e9)
FIGURES = table(
    """metric, period_start, period_end, value, currency, known_on, fact_id
    revenue, 2024-01-01, 2024-12-31, 4e9, USD, 2025-02-01, r24
    mau, 2024-12-31, 2024-12-31, 300e6, , 2025-02-01, u24
    gmv, 2024-01-01, 2024-12-31, 50e9, USD, 2025-02-01, g24
    """
)
PRICES = table(
    """date, value, currency, known_on, fact_id, price_kind
    2025-03-31, 26e9, USD, 2025-03-31, p1 p2, valuation
    2025-06-30, 31e9, USD, 2025-06-30, p3, valuation
    """
)
PEERS = pd.DataFrame(
    {"entity": list("abcde"), "date": "2025-09-30", "multiple": np.exp([0.0, 1, 1, 3, 5]), "growth": np.arange(5) / 10,
     "fact_ids": ["a1", "b1", "c1", "d1", "e1"]}
)  # fmt: skip
SALES = valuation.Denominator(metric="revenue", value=10e9, low=9e9, high=12e9, currency="USD", fact_ids=("r",))
ME = Subject(entity="me", denominator=SALES, growth=0.25, margin=0.1, ebit=1e9, age_years=0.5, fact_ids=("r",))
DRIVERS = valuation.Drivers(
    currency="USD", revenue=5e9, growth=0.25, target_margin=0.25, sales_to_capital=2.0, discount_rate=0.11,
    terminal_growth=0.03, tax_rate=0.25, fact_ids=("d1",),
)  # fmt: skip
UNCERTAIN = {"growth": Normal(0.25, 0.05), "target_margin": Normal(0.25, 0.03), "tax_rate": Normal(0.25, 0.01),
             "sales_to_capital": LogNormal.from_range(1.0, 2.0)}  # fmt: skip
OWNERS = valuation.capital_structure(
    pd.DataFrame(
        [
            {"name": "Class A", "kind": "convertible_preferred", "shares": 500, "preference": 1000},
            {"name": "Class B", "kind": "convertible_preferred", "shares": 300, "preference": 1500},
            {"name": "Common", "kind": "common", "shares": 1500},
        ]
    ),
    currency="USD",
    fact_ids=("o1",),
)
TERMS = valuation.OpmSettings(term=3, rate=0.02, volatility=0.6)
SEGMENTS = table(
    """segment,start_value,end_value,start_fact_id,end_fact_id
    ads,50,60,a0,a1
    live,40,36,l0,l1
    """
)
USERS = table(
    """period_start,period_end,value,fact_id
    2014-12-31,2014-12-31,6e6,u14
    2015-12-31,2015-12-31,15e6,u15
    """
)


def quarterly(metric: str, values) -> pd.DataFrame:
    starts = pd.date_range("2021-01-01", periods=len(values), freq="QS")
    ends = starts + pd.offsets.QuarterEnd()
    rows = {"metric": metric, "period_start": starts, "period_end": ends, "value": np.array(values, float)}
    ids = [f"{metric}_{end:%Y%m}" for end in ends]
    return pd.DataFrame(rows).assign(known_on=ends + pd.Timedelta(days=50), fact_id=ids)


# as Kuaishou printed them: GMV and revenue in billion yuan
GMV = [
    118.56,
    145.4,
    175.8,
    240.3,
    175.0756,
    191.2,
    222.5,
    312.4,
    224.8,
    265.5,
    290.2,
    403.9,
    288.1,
    305.3,
    334.2,
    462.1,
]
REVENUE = [17.0, 19.1, 20.5, 24.4, 21.1, 21.7, 23.1, 28.3, 25.2, 27.7, 27.9, 32.6, 29.4, 31.0, 31.1, 35.4, 32.6, 35.0]


@pytest.fixture(scope="module")
def field():
    return valuation.football_field(ESTIMATES, as_of=date(2026, 1, 31))


@pytest.fixture(scope="module")
def simulated():
    return valuation.simulate(DRIVERS, UNCERTAIN, seed=1, draws=1 << 12, kind="equity", price=31e9)


@pytest.fixture(scope="module")
def story(field):
    return valuation.expectations(DRIVERS, field)


@pytest.fixture(scope="module")
def regression():
    return valuation.regress_multiples(
        PEERS, drivers=["growth"], subject="me", subject_drivers={"growth": 0.25}, denominator=SALES
    )


@pytest.fixture(scope="module")
def claims():
    return valuation.reconcile(CLAIMS, subject="me", currency="USD", supports=SUPPORTS, implied_by=FIGURES)


@pytest.fixture(scope="module")
def gap():
    return valuation.headline_gap(OWNERS, class_name="Class B", price_per_share=5, settings=TERMS, dlom=0.2)


@pytest.fixture(scope="module")
def span():
    return valuation.backsolve_range(
        OWNERS, class_name="Class B", price_per_share=5, settings=TERMS, conversion_chances=(0.0, 0.5, 1.0)
    )


@pytest.fixture(scope="module")
def ahead():
    return nowcast(quarterly("gmv", GMV).assign(value=lambda t: t["value"] * 1e9), quarterly("revenue", REVENUE))


@pytest.fixture(scope="module")
def multiples():
    return valuation.dated_multiples(PRICES, FIGURES, quote_currency="USD")


@pytest.fixture(scope="module")
def declined():
    def work():
        raise NotEstimableError("the value", f"no figures of {BAD}", "twelve months of revenue")

    return checks.attempt(work, name="figures")


# --- the football field ---------------------------------------------------------------------------


def test_the_field_tells_every_row_with_what_counts_first(field):
    alt = exhibits.football_field(field, name="Mine").alt
    title, rows = alt.split(". ", 1)
    assert title == "Mine: every estimate on one scale, USD"
    assert rows.split("; ") == [
        "DCF base, 2026-01-31 USD 38.0 billion (25.0 billion … 60.0 billion)",
        "old shares, 2025-12-31 USD 50.0 billion (49.5 billion … 50.5 billion)",
        "GSR IV mark, 2025-06-30 USD 31.0 billion (30.5 billion … 31.5 billion)",
        "GSR IV mark, 2025-03-31 USD 26.0 billion (25.5 billion … 26.5 billion)",  # superseded
        "Series E+, 2021-11-08 – (18.0 billion … 20.0 billion)",  # old, and a range without a point
    ]


def test_what_counts_is_never_cut_off(field):
    # three rows count; a limit of one leaves them and takes the two others out
    rows = exhibits.football_field(field, name="Mine", top=1).alt.split(". ", 1)[1].split("; ")
    assert [row.split(",")[0] for row in rows] == ["DCF base", "old shares", "GSR IV mark"]
    assert exhibits.football_field(field, name="Mine", top=4).alt.count("GSR IV mark") == 2


# --- cards ----------------------------------------------------------------------------------------


def cards_of(**given):
    results = dict.fromkeys(("field", "regression", "simulation", "story", "gap", "span"), None) | given
    return {card.name: card for card in exhibits.value_headlines("me", **results)}


def test_cards_carry_the_numbers_of_the_results(field, regression, simulated, story, gap, span):
    cards = cards_of(field=field, regression=regression, simulation=simulated, story=story, gap=gap, span=span)
    value = cards["me.value_range"]
    # observed and current: the mark of 31 and the sale of 50, by their digits 30.5 to 50.5; middle on a log scale
    assert (value.low, value.high, value.text) == (30.5e9, 50.5e9, "USD 31.0 billion – 50.0 billion")
    assert value.value == pytest.approx((31e9 * 50e9) ** 0.5)
    assert set(value.fact_ids) == {"f2", "f3"}  # neither the model nor what is old or superseded
    assert value.range_text == (
        "old shares 2025-12-31; GSR IV mark 2025-06-30; 30.5 billion to 50.5 billion by their digits"
    )
    comps = cards["me.value_by_comparables"]
    assert (comps.value, comps.low, comps.high) == (regression.value, regression.low, regression.high)
    assert comps.range_text.endswith("; n = 5")
    dcf = cards["me.value_by_dcf"]
    assert (dcf.value, dcf.low, dcf.high) == (simulated.median, simulated.low, simulated.high)
    need = story.table.set_index(["price", "unknown"]).loc[(50e9, "growth"), "needed"]
    assert cards["me.growth_priced_in"].value == need
    assert cards["me.growth_priced_in"].label == "Growth that 50.0 billion takes for granted"
    common = cards["me.common_ratio"]
    assert (common.value, common.low) == (gap.common_ratio, span.table["common_ratio"].min())
    assert common.high == span.table["common_ratio"].max() == pytest.approx(1)  # a sure listing makes all shares equal


def test_a_range_of_one_value_is_said_once():
    one = ESTIMATES.iloc[[1]].assign(low=31e9, high=31e9, date="2025-12-31", known_on="2025-12-31")
    found = valuation.football_field(one, as_of=date(2026, 1, 31))
    assert (
        cards_of(field=found, **dict.fromkeys(("regression", "simulation", "story", "gap", "span"), _declined()))[
            "me.value_range"
        ].text
        == "USD 31.0 billion"
    )


def _declined():
    return checks.Declined(text="no answer", checks=(), table=pd.DataFrame())


def test_what_was_declined_has_no_card(field, gap):
    none = dict.fromkeys(("field", "regression", "simulation", "story", "gap", "span"), _declined())
    assert cards_of(**none) == {}
    assert list(cards_of(**none | {"field": field})) == ["me.value_range"]
    assert cards_of(**none | {"gap": gap}) == {}  # without its range a ratio is no headline
    bare = valuation.regress_multiples(PEERS, drivers=["growth"], subject="me", subject_drivers={"growth": 0.25})
    assert cards_of(**none | {"regression": bare}) == {}  # a multiple, but no value


def test_a_headline_shows_its_own_words_and_is_recorded_by_them():
    card = exhibits.Headline(name="x", label="X", value=2.0, currency="USD", shown="USD 1 – 3", fact_ids=("f1", "f2"))
    assert (card.text, replace(card, shown="").text) == ("USD 1 – 3", "USD 2")
    made = exhibits.headlines([card])
    assert '<p class="headline-value">USD 1 – 3</p>' in made.html
    (recorded,) = made.data["application/vnd.helpers.headlines+json"]["headlines"]
    assert (recorded["text"], recorded["value"], recorded["fact_ids"]) == ("USD 1 – 3", 2.0, ["f1", "f2"])
    assert "shown" not in recorded
    assert SAFE in exhibits.headlines([replace(card, shown=BAD)]).html


def test_multiples_rest_on_every_fact_of_both_sides(multiples):
    figures = FIGURES.assign(fact_id=["q1 q2 q3 q4", "u24", "g24"])
    (card,) = exhibits.multiple_headlines(
        valuation.dated_multiples(PRICES.head(1), figures, quote_currency="USD"),
        entity="me", names=NAMES, metrics=["revenue"],
    )  # fmt: skip
    # 26 bn over 4 bn
    assert (card.name, card.value, card.text) == ("me.value_over_revenue", 6.5, "6.5 times")
    assert card.fact_ids == ("p1", "p2", "q1", "q2", "q3", "q4")
    assert card.range_text == "USD 26.0 billion / USD 4.00 billion"
    html = exhibits.headlines([card]).html
    assert all(f'<a href="#{i}">[{i}]</a>' in html for i in ("p1", "p2", "q1", "q2"))
    # of two prices the last; money for each user has a currency, not "times"
    both = {c.name: c for c in exhibits.multiple_headlines(multiples, entity="me", names=NAMES)}
    assert both["me.value_over_revenue"].value == 7.75
    assert both["me.value_over_mau"].text == "USD 103"  # 31 bn / 300 m = 103.3


# --- charts ---------------------------------------------------------------------------------------


def test_comparables_tell_every_peer_and_the_prediction(regression):
    peers = pd.concat([PEERS, pd.DataFrame({"entity": ["f"], "date": "2025-09-30", "multiple": [np.nan]})])
    alt = exhibits.comparables(regression, peers, names={"a": "Alpha", "me": "Mine"}, subject=ME).alt
    # e^0 = 1, e^1 = 2.72, e^3 = 20.1, e^5 = 148
    assert "; ".join(["Alpha 1", "b 2.72", "c 2.72", "d 20.1", "e 148"]) in alt
    ends = f"{say(regression.multiple_low)} … {say(regression.multiple_high)}"
    assert alt.endswith(f"Mine, {100 * regression.level:.0f} % prediction interval {say(regression.multiple)} ({ends})")
    assert "f " not in alt.split(". ", 1)[1]


def test_the_distribution_tells_its_deciles_and_marks_the_price(simulated):
    plain, priced = (
        exhibits.distribution(simulated, name="Mine"),
        exhibits.distribution(simulated, name="Mine", price=31e9),
    )
    tenth, middle, ninetieth = np.quantile(simulated.sample["value"], [0.1, 0.5, 0.9])
    assert plain.alt.endswith(", ".join(say(v, currency="USD") for v in (tenth, middle, ninetieth)))
    assert plain.png != priced.png


def test_the_tornado_names_drivers_without_a_word_of_their_own(simulated):
    alt = exhibits.tornado(simulated).alt
    widest = simulated.swings.iloc[0]
    first = alt.split(". ", 1)[1].split(";")[0]
    assert first.endswith(f"{say(widest['output_low'], currency='USD')} … {say(widest['output_high'])}")
    assert "tax rate (23.7 % … 26.3 %)" in alt  # 25 % -+ 1.2816 points
    assert "sales to capital (1.08 … 1.85)" in alt  # nine of ten from 1 to 2: 2^0.5 e^(-+1.2816 x 0.2107)
    empty = replace(simulated, swings=simulated.swings.iloc[:0])
    assert exhibits.tornado(empty).text == "What each input alone does to the value, USD (simulated): " + exhibits.word(
        "no_data"
    )


def test_curves_of_equal_value(story):
    figure = exhibits.iso_value(story.curves)
    for label, curve in story.curves.dropna(subset="y").groupby("label", sort=False):
        start, end = curve.iloc[0], curve.iloc[-1]
        said = [say(v, "ratio") for v in (start["x"], start["y"], end["x"], end["y"])]
        assert f"{label}: {said[0]} / {said[1]} … {said[2]} / {said[3]}" in figure.alt
    none = exhibits.iso_value(story.curves.assign(y=np.nan))
    assert none.text == f"Growth and margin that are worth each price: {exhibits.word('no_data')}"


def test_more_prices_than_colours_are_all_drawn():
    curves = pd.DataFrame({"label": np.repeat([f"p{i}" for i in range(12)], 2), "x": [0.1, 0.3] * 12, "y": 0.2})
    curves["y"] += np.repeat(np.arange(12), 2) / 100
    eight, twelve = (
        exhibits.iso_value(curves[curves["label"].isin([f"p{i}" for i in range(8)])]),
        exhibits.iso_value(curves),
    )
    assert "p11: 10.0 % / 31.0 %" in twelve.alt
    assert len(twelve.png) > len(eight.png)


def test_the_bridge_says_the_decomposition():
    start, end = (pd.DataFrame({"dau": [u], "gmv/dau": [v]}) for u, v in ((10.0, 5.0), (20.0, 4.0)))
    found = growth.decompose(start, end, factors=["dau", "gmv/dau"])
    alt = exhibits.bridge(found, names=NAMES).alt
    assert alt == f"Change over a year, split over its factors. {found.text}"
    # another split of the same totals is another picture
    other = growth.decompose(start, pd.DataFrame({"dau": [16.0], "gmv/dau": [5.0]}), factors=["dau", "gmv/dau"])
    assert exhibits.bridge(other, names=NAMES).png != exhibits.bridge(found, names=NAMES).png


def test_the_nowcast_tells_the_estimated_quarters_only(ahead):
    alt = exhibits.nowcast(ahead, metric="GMV", currency="CNY").alt
    guessed = ahead.table[ahead.table["basis"].ne("published") & ahead.table["estimate"].notna()]
    title, rows = alt.split(". ", 1)
    assert title == "GMV: published and estimated, CNY"
    assert [row[:10] for row in rows.split("; ")] == [f"{d:%Y-%m-%d}" for d in guessed["period_end"]]
    assert say(guessed["estimate"].iloc[0], currency="CNY") in rows
    published = replace(ahead, table=ahead.table[ahead.table["basis"].eq("published")])
    assert exhibits.nowcast(published, metric="GMV").alt == "GMV: published and estimated. none"


# --- tables of claims and prices ------------------------------------------------------------------


def test_doubtful_claims_are_shown_with_reason_and_link(claims):
    made = exhibits.doubtful(claims)
    assert '<a href="#c08">c08</a>' in made.html
    assert "310 billion USD is 10 times 31.0 billion USD" in made.text
    assert "the headline names Tmall, not me" in made.text
    # 18 and 20 bn of one round stay a range and are shown; what stands is not
    assert [i in made.html for i in ("#c02a", "#c02b", "#c06", "#c07")] == [True, True, False, False]
    narrow = claims.table.assign(range_high=claims.table["range_low"] * 1.01)
    assert "#c02a" not in exhibits.doubtful(replace(claims, table=narrow)).html  # one value in two currencies
    stands = claims.table[claims.table["status"].eq("accepted")]
    assert exhibits.doubtful(replace(claims, table=stands)).text == "Claims that do not stand as printed: none"


def test_reasons_of_others_are_escaped(claims):
    hostile = replace(claims, table=claims.table.assign(reason=BAD))
    made = exhibits.doubtful(hostile)
    assert BAD not in made.html
    assert SAFE in made.html


def test_what_rejected_claims_imply_is_told_once(claims):
    made = exhibits.implied(claims)
    # 310 bn / 4 bn = 77.5 times revenue; 8.47 % of 310 bn are 26.26 bn, 10.8 times the fund of 2.44 bn
    assert "77.5 times revenue" in made.text
    assert "10.8 times the whole fund" in made.text
    assert "gmv" not in made.text  # where a reader does not look
    assert "31.0 billion" not in made.text  # of a claim that stands
    twice = replace(claims, implied=pd.concat([claims.implied, claims.implied]))
    assert exhibits.implied(twice) == made


def test_what_each_price_takes_for_granted(story):
    made = exhibits.priced_in(story)
    assert made.text.splitlines()[0] == "What each price takes for granted, one driver at a time"
    for row in story.table.itertuples():
        assert f"{say(row.price, currency='USD')}, {row.method}, {row.date:%Y-%m-%d}" in made.text
        assert (row.sentence or row.reason) in made.text
    assert say(story.table["needed"].dropna().iloc[0], "ratio") in made.text
    hostile = replace(story, table=story.table.assign(method=BAD))
    assert BAD not in exhibits.priced_in(hostile).html


# --- every view of a result -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(simulated, regression, gap, span, ahead, claims):
    vendors = table(
        """metric,date,value,currency,known_on,fact_id,entity
        market_cap,2024-11-21,146e9,USD,2024-11-21,m1,a
        enterprise_value,2024-11-21,124e9,USD,2024-11-21,e1,a
        market_cap,2025-11-26,164e9,USD,2025-11-26,m3,a
        enterprise_value,2025-11-26,106e9,USD,2025-11-26,e3,a
        """
    )
    companies = pd.DataFrame(
        {"entity": ["a", "b", "me", "d", "e"], "x": [0.0, 2, 3, 4.5, 9], "size": [0.5, 2, 4, 2**3.5, 256],
         "fact_ids": ["f1", "f2 f3", "", "f4", "f5"]}
    )  # fmt: skip
    marks = table(
        """date,value,basis,currency,fact_id
        2018-06-30,3e9,round_post_money,USD,a
        2021-11-08,20e9,round_post_money,USD,b
        2025-06-30,31e9,fund_mark,USD,f
        """
    )
    grants = table("date,price,strike,fact_id\n2025-03-31,13.5,2,g1\n2025-06-30,18,2,g2\n")
    offers = table("date,price,fact_id\n2025-04-30,10,r1\n")
    assumed = valuation.OptionAssumptions(volatility=0.6, rate=0.04, volatility_source="five peers")
    starts = growth.origins_by_threshold({"a": USERS}, threshold=10e6, clock="10 million users")
    return {
        "cash_flows": valuation.dcf(DRIVERS),
        "narrowing": simulated,
        "regression": regression,
        "peers": valuation.peer_multiples(PEERS, subject="me", denominator=SALES),
        "distances": valuation.peer_distance(
            companies, subject="me", features=["x", "size"], sizes=["size"], k=2, resamples=100, seed=1
        ),
        "identities": claims,
        "vendors": valuation.implied_net_debt(vendors),
        "step_ups": valuation.step_ups(marks),
        "headline": gap,
        "judgements": span,
        "discounts": valuation.dlom(term=2.0, volatility=0.6, rate=0.04),
        "grants": valuation.repurchase_ladder(grants, offers, assumptions=assumed, term=6.25, currency="USD"),
        "origins": growth.by_age({"a": USERS}, starts),
        "contributions": growth.contributions(SEGMENTS),
        "season": seasonal_growth(quarterly("gmv", GMV)),
        "quarters": ahead,
        "nowcast": ahead,
        "definitions": _two_definitions(),
        **dict.fromkeys(("coverage", "weights"), _carried_forward()),
    }


def _two_definitions():
    days = {"period_start": pd.Timestamp(2024, 1, 1), "period_end": pd.Timestamp(2024, 12, 31)}
    same = {
        "entity": "a",
        "metric": "gmv",
        "measure": "level",
        "nature": "measured",
        "currency": "USD",
        "qualifier": "",
    }
    open_ = {"value_high": np.nan, "precision": np.nan}
    rows = pd.DataFrame({"fact_id": ["f1", "f2"], "value": [4e9, 3e9], **same, **days, **open_})
    told = pd.DataFrame({"definition": ["w", "n"], "label": ["Wide", "Narrow"], "meaning": "x"}, index=["f1", "f2"])
    return market.compare_definitions(rows, told, metric_kinds={"gmv": "flow"}, currency="USD")


def _carried_forward():
    sizes = [1.0, 1.4, 1.7, 1.9, 2.1, 2.2, 2.4, 2.5, 2.6]
    pool = {f"s{i}": pd.DataFrame({"year": range(2010, 2019), "value": [v + i / 90 for v in sizes]}) for i in range(9)}
    return market.forecast(pd.DataFrame({"year": range(2012, 2019), "value": sizes[:7]}), horizon=2, pool=pool)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", sorted(VIEWS))
def test_every_view_shows_existing_columns_of_a_real_result(results, view, language):
    exhibits.use_style(language)
    found, chosen = results[view], VIEWS[view]
    rows = getattr(found, chosen.table)
    assert set(chosen.columns) <= set(rows.columns)
    made = exhibits.result(found, view, currency="USD", names=NAMES)
    assert made.text.startswith(WORDS[language][f"view_{view}"])
    assert made.text.endswith(found.text) == chosen.is_told
    expected = rows[chosen.per].nunique() if chosen.per else min(len(rows), chosen.last or len(rows))
    assert made.html.count("<tr>") == expected + 1 + chosen.is_told > 1 + chosen.is_told  # the head, and the foot


def test_views_show_the_numbers_of_the_result(results):
    # 3 to 20 bn: x 6.67, +567 %; money in the currency given, the fact a link
    steps = exhibits.result(results["step_ups"], "step_ups", currency="USD")
    assert "567 %" in steps.text
    assert "USD 20.0 billion" in steps.text
    assert '<a href="#b">b</a>' in steps.html
    # net debt of the last day only: 106 - 164 = -58
    vendors = exhibits.result(results["vendors"], "vendors", currency="USD", names=NAMES).text
    assert "USD −58.0 billion" in vendors
    assert "2024-11-21" not in vendors.split("\n")[2]
    assert "Alpha" in vendors
    # ads +10 of 90: 11.1 points; the last quarters only
    assert "11.1" in exhibits.result(results["contributions"], "contributions").text
    season = exhibits.result(results["season"], "season")
    assert [
        f"{d:%Y-%m-%d}" in season.text.split(results["season"].text)[0] for d in results["season"].table["period_end"]
    ] == ([False] * (len(results["season"].table) - 8) + [True] * 8)
    assert "sales to capital" in exhibits.result(results["narrowing"], "narrowing").text


def test_a_view_of_what_was_declined_is_its_own_words(declined):
    made = exhibits.result(declined, "cash_flows")
    assert made.text == declined.text
    assert BAD not in made.html
    with pytest.raises(UnknownNameError, match="unknown view 'cashflows'"):
        exhibits.result(declined, "cashflows")


# --- refusals, links, foreign text ----------------------------------------------------------------


def test_shown_is_the_exhibit_or_the_refusal(declined, field):
    assert exhibits.shown(declined, exhibits.priced_in).text == declined.text
    assert SAFE in exhibits.shown(declined, exhibits.priced_in).html
    assert exhibits.shown(field, lambda found: exhibits.statement(found.quote)).text == field.quote


def test_refusals_name_the_reason_and_what_would_settle_it(declined, field):
    plain = checks.attempt(lambda: valuation.football_field(ESTIMATES.iloc[:0], as_of=date(2026, 1, 1)), name="field")
    made = exhibits.refusals({BAD: declined, "field": field, "no rows": plain})
    rows = made.html.split("<tbody>")[1]
    assert rows.count("<tr>") == 2  # what has a result is not listed
    assert BAD not in made.html
    assert f'<td class="text">{SAFE}</td>' in rows
    cells = [cell.split("<")[0] for cell in rows.split('">')]
    assert "twelve months of revenue" in cells
    assert "what would settle it: " not in rows  # told in its own column
    assert plain.text.split("; what would settle it: ")[0].split("'")[0] in made.text
    assert exhibits.refusals({"field": field}).text == (
        "Not estimable, and what would settle it: every method had what it needs"
    )


def test_facts_are_live_links_and_everything_else_is_escaped():
    frame = pd.DataFrame(
        {"entity": [BAD], "value": [31e9], "share": [0.0847], "date": pd.to_datetime(["2025-06-30"]),
         "fact_ids": [("f1", 'f"2')], "source_fact_id": ["g1 g2"]}
    )  # fmt: skip
    shown = {"entity": "text", "value": "money USD", "share": "ratio", "date": "date", "fact_ids": "facts"}
    made = exhibits.mapped(frame, shown, caption=BAD, note=BAD)
    assert BAD not in made.html
    assert made.html.count(SAFE) == 3  # caption, cell, note
    assert '<a href="#f1">f1</a> <a href="#f&#34;2">f&#34;2</a>' in made.html
    for cell in ("USD 31.0 billion", "8.47 %", "2025-06-30"):
        assert f">{cell}</td>" in made.html
    # ids in one text are as many links; a label stands for a code; nothing is shown for nothing
    named = exhibits.mapped(
        frame.assign(entity="me", date=pd.NaT, share=np.nan), {"entity": "name", "source_fact_id": "facts",
        "date": "date", "share": "ratio"}, caption="x", names={"me": BAD},
    )  # fmt: skip
    assert '<a href="#g1">g1</a> <a href="#g2">g2</a>' in named.html
    assert SAFE in named.html
    assert BAD not in named.html
    assert named.html.count(">–</td>") == 2


def test_many_facts_are_counted():
    frame = pd.DataFrame({"fact_ids": [tuple(f"f{i}" for i in range(9))]})
    made = exhibits.mapped(frame, {"fact_ids": "facts"}, caption="x")
    assert made.html.count("<a href=") == 6
    assert " +3" in made.text
    assert (
        exhibits.mapped(pd.DataFrame({"fact_ids": [np.nan]}), {"fact_ids": "facts"}, caption="x").html.count("<a ") == 0
    )


# --- Chinese --------------------------------------------------------------------------------------


def test_every_exhibit_speaks_chinese(
    field, regression, simulated, story, claims, gap, span, ahead, multiples, declined
):
    exhibits.use_style("zh")
    cards = cards_of(field=field, regression=regression, simulation=simulated, story=story, gap=gap, span=span)
    assert cards["me.value_range"].text == "USD 310亿 – 500亿"
    assert cards["me.growth_priced_in"].label == "500亿 所隐含的增速"
    assert exhibits.football_field(field, name="小红书").alt.startswith("小红书:各方法估值同尺对照(USD)")
    said = [
        exhibits.comparables(regression, PEERS, names=NAMES, subject=ME).alt,
        exhibits.distribution(simulated, name="x", price=31e9).alt,
        exhibits.tornado(simulated).alt,
        exhibits.iso_value(story.curves).alt,
        exhibits.nowcast(ahead, metric="GMV").alt,
        exhibits.doubtful(claims).text,
        exhibits.implied(claims).text,
        exhibits.priced_in(story).text,
        exhibits.refusals({"x": declined}).text,
        exhibits.multiple_headlines(multiples, entity="me", names=NAMES)[0].label,
    ]
    for text in said:
        assert any("一" <= sign <= "鿿" for sign in text.splitlines()[0]), text


def test_both_languages_have_the_same_words_with_the_same_blanks():
    for key, text in WORDS["en"].items():
        blanks = [{name for _, name, _, _ in Formatter().parse(t) if name} for t in (text, WORDS["zh"][key])]
        assert blanks[0] == blanks[1], key
        assert WORDS["zh"][key], key
