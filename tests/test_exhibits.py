"""Exhibits: what a reader sees is right, escaped, and the same on every machine."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager

from helpers import exhibits, growth, ledger, valuation
from helpers.checks import Check
from helpers.errors import UnknownNameError
from helpers.settings import Settings
from helpers.wording import leeway, period, say

DAY = pd.Timestamp
SOURCES = pd.DataFrame(
    {
        "publisher": ["<script>alert(1)</script>", "Stock & Co"],
        "title": ['"><img src=x onerror=alert(1)>', "小红书估值"],
        "url": ["javascript:alert(1)", "https://example.org/a?b=1&c=2"],
        "published": ["", "2025-06-06"],
    },
    index=["press-001", "press-002"],
)
NAMES = {"mau": "Monthly active users", "revenue": "Revenue", "valuation": "Valuation", "a": "Alpha", "b": "贝塔"}


@pytest.fixture(autouse=True)
def english():
    exhibits.use_style("en", entities=["a", "b"])
    yield
    exhibits.use_style("en")


def series(**change):
    """Two platforms, two periods each, as `helpers.ledger.preferred` gives them."""
    table = pd.DataFrame(
        {
            "entity": ["a", "a", "b", "b"], "metric": "revenue", "metric_kind": "flow",
            "period_start": pd.to_datetime(["2022-01-01", "2023-01-01"] * 2),
            "period_end": pd.to_datetime(["2022-12-31", "2023-12-31"] * 2),
            "value": [1e9, 2e9, 3e9, 4e9], "low": [0.95e9, 1.95e9, 2.95e9, 3.95e9],
            "high": [1.05e9, 2.05e9, 3.05e9, 4.05e9], "unit": "money", "currency": "USD",
            "fact_id": ["f1", "f2", "f3", "f4"], "source_id": ["press-001", "press-002"] * 2,
            "known_on": pd.to_datetime(["2023-03-01", "2024-03-01"] * 2), "is_disputed": [False, False, False, True],
            "range_low": [1e9, 2e9, 3e9, 3e9], "range_high": [1e9, 2e9, 3e9, 8e9], "reason": "press, 1 origin",
            "status": "reported", "qualifier": "", "first_known_on": pd.to_datetime(["2023-03-01", "2024-03-01"] * 2),
            "is_dated": True,
        }
    )  # fmt: skip
    return table.assign(**change)


# Numbers in words


@pytest.mark.parametrize(
    ("value", "unit", "currency", "shown"),
    [
        (385e9, "money", "CNY", "CNY 385 billion"),
        (31e9, "money", "USD", "USD 31.0 billion"),
        (-45.3e6, "money", "CNY", "CNY −45.3 million"),
        (0.135, "ratio", "", "13.5 %"),
        (-0.0421, "ratio", "", "−4.21 %"),
        (10.416, "multiple", "", "10.4 times"),
        (142.857, "", "USD", "USD 143"),
        (72.75, "money_per_share", "HKD", "HKD 72.75 per share"),
        (np.nan, "money", "USD", "–"),
        (np.inf, "person", "", "∞"),
    ],
)
def test_numbers_are_said_with_scale_unit_and_currency(value, unit, currency, shown):
    assert say(value, unit, currency) == shown


def test_chinese_numbers_use_their_own_scale():
    # 31.0 billion is 310 times 1e8 (亿); 350 million is 3.5 times 1e8
    exhibits.use_style("zh")
    assert say(31e9, "money", "USD") == "USD 310亿"
    assert say(350e6, "person") == "3.5亿 人"


@pytest.mark.parametrize(
    ("start", "end", "loose", "shown"),
    [
        ("2024-01-01", "2024-12-31", False, "2024"),
        ("2023-04-01", "2024-03-31", False, "2023-04 … 2024-03"),
        ("2024-07-01", "2024-09-30", False, "2024Q3"),
        ("2024-01-01", "2024-06-30", False, "2024H1"),
        ("2024-02-01", "2024-02-29", False, "2024-02"),
        ("2024-07-01", "2024-07-31", True, "2024-07"),
        ("2024-11-11", "2024-11-11", False, "2024-11-11"),
        ("2025-10-11", "2025-10-13", False, "2025-10-11 … 2025-10-13"),
    ],
)
def test_periods_are_said_as_people_write_them(start, end, loose, shown):
    assert period(DAY(start), DAY(end), loose=loose) == shown


def test_a_figure_says_what_it_leaves_open():
    rows = list(series().itertuples())
    assert leeway(rows[0]) == "printed to the nearest 100 million"  # 0.95 to 1.05 billion
    assert leeway(rows[3]) == "disputed: 3.00 billion to 8.00 billion"
    about = next(series(qualifier="about").itertuples())
    assert leeway(about) == "± 50 million"
    over = next(series(high=np.inf).itertuples())
    assert leeway(over) == "or more, as printed"


# What sources wrote is shown, never run


def hostile(html: str) -> bool:
    return any(mark in html for mark in ("<script", "<img", "onerror=alert(1)>", 'href="javascript'))


def test_publishers_titles_and_addresses_are_text():
    facts = series().assign(fact_id=["f1", "f2", "f3", "f4"])
    made = exhibits.sources(["f1", "f2"], facts=facts, register=SOURCES)
    assert not hostile(made.html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made.html
    assert ", javascript:alert(1)" in made.html  # text, not a link
    assert '<a href="https://example.org/a?b=1&amp;c=2"' in made.html
    assert 'id="f1"' in made.html


def test_hostile_text_in_every_kind_of_table():
    bad = '<script>alert("x")</script>'
    cards = [exhibits.Headline(name="x", label=bad, value=1.0, source=bad, fact_ids=(bad,))]
    verdict = pd.DataFrame(
        {"verdict": ["inconsistent"], "rule": [bad], "metric": ["mau"], "period_end": [DAY("2024-01-01")],
         "text": [bad], "fact_ids": [(bad,)]}
    )  # fmt: skip
    made = [
        exhibits.table(pd.DataFrame({bad: [bad]}), caption=bad, note=bad),
        exhibits.headlines(cards),
        exhibits.alarms(verdict, names=NAMES, sources=SOURCES),
        exhibits.checks([Check(name=bad, passed=True, text=bad)], sources=SOURCES),
        exhibits.statement(bad),
        exhibits.settings(Settings(platform=bad), subject=bad),
        exhibits.passports(series(reason=bad), names=NAMES, sources=SOURCES, today=DAY("2025-01-01")),
    ]
    assert not any("<script" in one.html for one in made)
    assert all("&lt;script&gt;" in one.html for one in made)


# Headlines


def test_the_latest_full_year_is_the_headline_and_keeps_its_passport():
    short = series().iloc[[1]].assign(period_start=DAY("2024-01-01"), period_end=DAY("2024-03-31"), value=9e9)
    table = pd.concat([series().iloc[:2], short])
    (card,) = exhibits.latest(table, metrics=["revenue", "mau"], names=NAMES, sources=SOURCES)
    assert (card.value, card.low, card.high, card.fact_ids) == (2e9, 1.95e9, 2.05e9, ("f2",))
    assert card.label == "Revenue, 2023"
    assert card.source == "Stock & Co, 2025-06-06"


def test_a_disputed_headline_shows_the_range_of_its_sources():
    table = series().iloc[2:]
    (card,) = exhibits.latest(table, metrics=["revenue"], names=NAMES, sources=SOURCES)
    assert (card.low, card.high) == (3e9, 8e9)
    assert "disputed" in card.range_text


def test_an_estimate_and_an_undated_page_are_said():
    table = series(status="estimate", is_dated=False).iloc[:2]
    (card,) = exhibits.latest(table, metrics=["revenue"], names=NAMES, sources=SOURCES)
    assert card.source == "Stock & Co, 2025-06-06, an estimate"
    made = exhibits.passports(table, names=NAMES, sources=SOURCES, today=DAY("2025-01-01"))
    assert "2024-03-01 or later, page undated" in made.text


def test_headlines_carry_their_numbers_for_the_record():
    card = exhibits.Headline(
        name="a.revenue", label="Revenue", value=2e9, unit="money", currency="USD", fact_ids=("f2",)
    )
    data = exhibits.headlines([card]).data["application/vnd.helpers.headlines+json"]
    assert data["headlines"] == [
        {"name": "a.revenue", "label": "Revenue", "value": 2e9, "unit": "money", "currency": "USD", "low": None,
         "high": None, "range_text": "", "source": "", "fact_ids": ["f2"], "text": "USD 2.00 billion"}
    ]  # fmt: skip


def test_a_card_on_several_facts_names_its_publishers():
    facts = pd.DataFrame(
        {"fact_id": ["f1", "f2"], "source_id": ["press-002", "press-002"], "status": ["reported", "estimate"]}
    )
    card = exhibits.Headline(name="x", label="x", value=1.0, source="figures of 2023", fact_ids=("f1", "f2"))
    made = exhibits.headlines([card], facts=facts, sources=SOURCES)
    assert "figures of 2023; Stock &amp; Co; Stock &amp; Co, an estimate" in made.html


def test_growth_and_multiples_as_headlines():
    # 1 to 4 billion in two years doubles every year: 100 %
    grown = growth.cagr(1e9, 4e9, start=DAY("2021-12-31").date(), end=DAY("2023-12-31").date(), fact_ids=("f1", "f4"))
    card = exhibits.growth_headline(grown, name="a.cagr", label="Revenue")
    assert card.text == "100 %"
    assert card.label == "Revenue, 2021 – 2023"
    prices = pd.DataFrame({"date": ["2024-06-30"], "value": [20e9], "currency": ["USD"], "known_on": ["2024-06-30"],
                           "fact_id": ["p1"]})  # fmt: skip
    result = valuation.dated_multiples(prices, series().iloc[:2], quote_currency="USD")
    (multiple,) = exhibits.multiple_headlines(result, entity="a", names=NAMES)
    assert multiple.text == "10 times"  # 20 billion over 2 billion
    assert multiple.fact_ids == ("p1", "f2")


# Tables


def test_a_long_table_says_what_it_leaves_out():
    made = exhibits.table(pd.DataFrame({"x": range(75)}), caption="c")
    assert made.html.count("<tr>") == 1 + 60 + 1
    assert "(60 / 75)" in made.html


def test_an_empty_table_says_so():
    assert "nothing" in exhibits.table(pd.DataFrame(), caption="c").text


def test_checks_are_kept_for_the_record_and_not_told_by_colour_alone():
    made = exhibits.checks([Check(name="n", passed=False, text="press-002 is late")], sources=SOURCES)
    assert made.data["application/vnd.helpers.checks+json"]["checks"][0]["passed"] is False
    assert 'class="check-fail">fail<' in made.html
    assert "Stock &amp; Co is late" in made.html  # the reader sees the publisher, not its code


def test_the_subject_reaches_the_report():
    made = exhibits.settings(Settings(platform="kuaishou"), subject="Kuaishou")
    assert made.data == {"application/vnd.helpers.subject+json": {"subject": "Kuaishou"}}


# Figures


def figures():
    people = series(metric="mau", currency="", unit="person")
    aged = growth.same_age({"a": series().iloc[:2]}, {"a": DAY("2013-01-01").date()})
    grants = pd.DataFrame({"date": pd.to_datetime(["2025-03-31", "2025-10-17"]), "price": [13.5, 25.0],
                           "strike": [2.0, 2.0], "fact_id": ["g1", "g2"]})  # fmt: skip
    verdict = pd.DataFrame({"verdict": ["inconsistent", "consistent"], "rule": ["scale", "identity stake"]})
    rejected = series().iloc[[3]].assign(value=40e9, reason="audit, scale: ten times")
    yield exhibits.timeline(series(), currency="USD", names=NAMES)
    yield exhibits.lines(people, metric="mau", names=NAMES)
    yield exhibits.same_age(aged, metric="revenue", names=NAMES, currency="USD")
    yield exhibits.coverage(series(), series().iloc[[3]], name="Alpha", names=NAMES)
    yield exhibits.alternatives(series(), rejected, name="Alpha", names=NAMES)
    yield exhibits.verdicts(verdict, name="Alpha")
    yield exhibits.ladder(valuation.option_ladder(grants, currency="USD"), name="Alpha", currency="USD")


def test_every_figure_has_a_picture_and_a_text_with_its_numbers():
    for figure in figures():
        data, about = figure._repr_mimebundle_()
        assert data["image/png"].startswith(b"\x89PNG")
        assert about["image/png"]["alt"] == figure.alt
        assert any(digit in figure.alt for digit in "123456789"), figure.alt


def test_the_same_figure_gives_the_same_bytes():
    assert [f.png for f in figures()] == [f.png for f in figures()]


@pytest.mark.filterwarnings("error:Glyph")
def test_chinese_text_renders_without_fonts_of_the_system(monkeypatch):
    exhibits.use_style("zh", entities=["a", "b"])
    chosen = font_manager.findfont(plt.rcParams["font.family"][0], fallback_to_default=False)
    assert "zhplot" in chosen  # the bundled file, whatever the system has
    zh = {key: f"{name}小红书快手" for key, name in NAMES.items()}
    assert "小红书" in exhibits.lines(series(), metric="revenue", names=zh, currency="USD", log=True).alt


def test_a_colour_stays_with_its_platform():
    from helpers.exhibits.style import look

    first = look("b")
    exhibits.use_style("en", entities=["b", "a"])
    assert look("b") != first
    assert look("b") == look("b")


def test_nothing_to_show_is_a_sentence():
    for made in (
        exhibits.timeline(series().iloc[:0], currency="USD", names=NAMES),
        exhibits.lines(series().iloc[:0], metric="revenue", names=NAMES),
        exhibits.ladder(None, name="Alpha", currency="USD"),
        exhibits.multiples({}, metric="revenue", names=NAMES),
    ):
        assert "nothing" in made.text


def test_an_unknown_language_is_refused():
    with pytest.raises(UnknownNameError, match="unknown language 'fr'"):
        exhibits.use_style("fr")


def test_both_languages_have_every_word():
    from helpers.wording import WORDS

    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert all(text for words in WORDS.values() for text in words.values())


def test_names_of_the_ledger_cover_both_languages():
    english_names, chinese = ledger.names("en"), ledger.names("zh")
    assert english_names.keys() == chinese.keys()
    assert chinese["xiaohongshu"] == "小红书"
    assert all(chinese.values())
