"""Several sources of one number, and the number of a driver in a year."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.market import Evidence, from_facts
from helpers.market.lookup import look_up
from helpers.market.sources import KIND_SD, OTHER_SD, REPORTED_SD


def facts(*rows, year=2024):
    """fact_id, value, kind, origin, and what differs from a plain estimate."""
    made = []
    for fact, value, kind, origin, *more in rows:
        row = {"fact_id": fact, "value": value, "kind": kind, "origin": origin, "low": value, "high": value,
               "entity": "china", "metric": "tea", "measure": "level", "unit": "money", "currency": "CNY",
               "nature": "measured",
               "status": "estimate", "qualifier": "", "value_high": math.nan, "precision": math.nan,
               "period_start": pd.Timestamp(year, 1, 1), "period_end": pd.Timestamp(year, 12, 31)}  # fmt: skip
        made.append(row | (more[0] if more else {}))
    return pd.DataFrame(made)


def ends(found, level=0.9):
    return [float(found.distribution.quantile(p)) for p in ((1 - level) / 2, 0.5, (1 + level) / 2)]


def test_one_source_has_the_spread_of_its_kind():
    found = from_facts(facts(("f1", 100.0, "research_firm", "house")), what="tea 2024")
    assert found.distribution.quantile(0.5) == pytest.approx(100)
    assert found.distribution.sigma == pytest.approx(KIND_SD["research_firm"])
    assert found.disagreement == 0
    assert found.text == "tea 2024: one source"
    assert found.fact_ids == ("f1",)


def test_two_that_agree_narrow_the_range_by_hand():
    # both exactly 100 with .10 and .08: sd 1 / sqrt(1/.01 + 1/.0064) = .0625
    found = from_facts(facts(("f1", 100.0, "research_firm", "a"), ("f2", 100.0, "data_vendor", "b")), what="tea")
    assert found.distribution.sigma == pytest.approx(1 / math.sqrt(1 / 0.01 + 1 / 0.0064))
    assert found.table["weight"].tolist() == pytest.approx([0.0064**-1 / (0.0064**-1 + 100), 100 / (0.0064**-1 + 100)])


def test_disagreement_widens_the_range_by_hand():
    # ln 100 and ln 150 with .1 each: the squares are equal to n - 1 = 1 at d^2 / (2 (s^2 + t^2)) = 1,
    # so t^2 = (ln 1.5)^2 / 2 - .01 = .0722, t = .2687
    found = from_facts(facts(("f1", 100.0, "research_firm", "a"), ("f2", 150.0, "research_firm", "b")), what="tea")
    assert found.disagreement == pytest.approx(math.sqrt(math.log(1.5) ** 2 / 2 - 0.01))
    assert found.distribution.quantile(0.5) == pytest.approx(math.sqrt(100 * 150))
    assert found.distribution.sigma > math.log(1.5) / 2  # both lie inside one standard deviation
    assert "2 independent sources, 31% apart beyond their own spreads" in found.text
    assert found.checks[0].passed is False


def test_copies_count_once():
    alone = from_facts(facts(("f1", 100.0, "research_firm", "a"), ("f2", 120.0, "press", "unnamed")), what="tea")
    copied = from_facts(
        facts(("f1", 100.0, "research_firm", "a"), ("f2", 120.0, "press", "unnamed"),
              ("f3", 120.0, "repost", "unnamed"), ("f4", 120.0, "digest", "unnamed")), what="tea",
    )  # fmt: skip
    assert copied.distribution == alone.distribution
    assert len(copied.table) == 2
    assert "2 copies count with it" in " ".join(copied.table["reason"])
    assert copied.fact_ids == ("f1", "f2", "f3", "f4")


def test_an_unnamed_page_with_a_named_figure_is_its_copy():
    # the digest repeats the house's 100 without naming it; its 130 would be a voice of its own
    house = ("f1", 100.0, "research_firm", "house", {"low": 99.5, "high": 100.5})
    alone = from_facts(facts(house), what="tea")
    copied = from_facts(facts(house, ("f2", 100.0, "digest", "unnamed", {"high": math.inf})), what="tea")
    assert copied.distribution == alone.distribution
    assert copied.table["origin"].tolist() == ["house"]
    assert copied.text == "tea: one source"
    assert len(from_facts(facts(house, ("f2", 130.0, "digest", "unnamed")), what="tea").table) == 2


def test_what_the_company_reports_is_as_good_through_the_press():
    found = from_facts(facts(("f1", 100.0, "press", "unnamed", {"status": "reported"})), what="tea")
    assert found.distribution.sigma == REPORTED_SD


def test_printed_words_and_digits_add_to_the_spread():
    # "about 100" is 95 to 105: even over the wider side, ln(100 / 95) / sqrt(3) = .0296; with .08 of the press .0853
    found = from_facts(facts(("f1", 100.0, "press", "unnamed", {"low": 95.0, "high": 105.0})), what="tea")
    half = math.log(100 / 95) / math.sqrt(3)
    assert found.distribution.sigma == pytest.approx(math.hypot(0.08, half))


def test_more_than_counts_at_its_number():
    found = from_facts(facts(("f1", 100.0, "press", "unnamed", {"high": math.inf})), what="tea")
    assert found.distribution.quantile(0.5) == pytest.approx(100)
    assert "counted at its number" in found.table["reason"].iloc[0]


def test_doubtful_expected_and_doubted_facts_stay_out_and_are_listed():
    rows = facts(("f1", 100.0, "press", "a"), ("f2", 900.0, "press", "b", {"nature": "doubtful", "status": "suspect"}),
                 ("f3", 150.0, "press", "c", {"status": "forecast"}), ("f4", 80.0, "press", "d"))  # fmt: skip
    found = from_facts(rows, what="tea", doubts={"f4": "ten times off"})
    assert found.fact_ids == ("f1",)
    assert found.rejected.set_index("fact_id")["reason"].to_dict() == {
        "f2": "marked suspect", "f3": "a forecast, and measured figures are known", "f4": "ten times off",
    }  # fmt: skip
    assert found.text == "tea: one source; 3 set aside"


def test_a_forecast_counts_where_nothing_is_measured():
    found = from_facts(facts(("f1", 100.0, "press", "a", {"status": "forecast"})), what="tea")
    assert found.fact_ids == ("f1",)


def test_a_share_is_a_beta_between_0_and_1():
    found = from_facts(facts(("f1", 0.97, "press", "a", {"currency": ""})), what="share", is_share=True)
    assert 0 < found.distribution.quantile(1e-6) < found.distribution.quantile(1 - 1e-6) < 1
    assert found.distribution.quantile(0.5) == pytest.approx(0.97, rel=1e-5)
    # an error of 8 % counts from the nearer end: .08 * .03
    a, b = found.distribution.a, found.distribution.b
    assert math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1))) == pytest.approx(0.08 * 0.03, rel=0.01)


def test_a_printed_range_counts_at_its_geometric_middle():
    found = from_facts(
        facts(("f1", 100.0, "filing", "a", {"value_high": 400.0, "low": 100.0, "high": 400.0})), what="tea"
    )
    assert found.distribution.quantile(0.5) == pytest.approx(200)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_range_holds_a_planted_truth_though_voices_disagree(count):
    held, seeds = [], 150
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        values = 100 * np.exp(rng.normal(0, math.hypot(0.1, 0.15), count))  # own spread .1, between voices .15
        rows = facts(*((f"f{i}", float(v), "research_firm", f"house {i}") for i, v in enumerate(values)))
        try:
            low, _, high = ends(from_facts(rows, what="tea"))
        except NotEstimableError:
            continue
        held.append(low <= 100 <= high)
    assert len(held) > 0.95 * seeds
    assert np.mean(held) > 0.85  # nominal 0.9; two standard errors of 150 are .05


@pytest.mark.parametrize(
    ("rows", "more", "kind", "message"),
    [
        (facts(("f1", 100.0, "press", "a"), ("f2", 100.0, "press", "b", {"currency": "USD"})), {}, ParameterError,
         "tea mixes currencies: CNY, USD"),
        (pd.concat([facts(("f1", 1.0, "press", "a")), facts(("f2", 1.0, "press", "b"), year=2023)]), {}, ParameterError,
         "tea mixes years: 2023-01-01 to 2023-12-31, 2024-01-01 to 2024-12-31"),
        (facts(("f1", 1.0, "press", "a"), ("f2", 1.0, "press", "b", {"period_start": pd.Timestamp(2024, 7, 1)})), {},
         ParameterError, "tea mixes periods"),
        (facts(("f1", 1.0, "press", "a"), ("f2", 1.0, "press", "b", {"metric": "coffee"})), {}, ParameterError,
         "tea mixes metrics: coffee, tea"),
        (facts(("f1", 1.0, "press", "a"), ("f2", 1.0, "press", "b", {"entity": "japan"})), {}, ParameterError,
         "tea mixes entities"),
        (facts(("f1", -5.0, "press", "a")), {}, ParameterError, "f1 is -5, a size lies above 0"),
        (facts(("f1", 100.0, "press", "a"), ("f2", 400.0, "press", "b")), {}, NotEstimableError,
         "its sources lie 4 times apart (100 to 400), by definition or scale"),
        (facts(("f1", 100.0, "press", "a"), ("f2", 140.0, "press", "b")),
         {"definitions": {"f1": "wide", "f2": "narrow"}},
         NotEstimableError, "count different things (narrow 140, wide 100, 1.40 times apart)"),
        (facts(("f1", 100.0, "press", "a")), {"doubts": {"f1": "a slip"}}, NotEstimableError,
         "every figure is set aside (a slip)"),
        (facts(("f1", 100.0, "press", "a")).iloc[:0], {}, NotEstimableError, "no fact is known"),
    ],
)  # fmt: skip
def test_what_is_not_one_number_is_refused(rows, more, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        from_facts(rows, what="tea", **more)


EVIDENCE = Evidence(
    facts=pd.concat([
        facts(("f1", 100.0, "filing", "a")),
        facts(("f2", 400.0, "filing", "a", {"metric": "drinks"})),
        facts(("f3", 10.0, "filing", "a", {"currency": "USD", "metric": "exports"})),
        facts(("f4", 0.3, "press", "a", {"currency": "", "unit": "ratio", "metric": "quota"})),
        facts(("f5", 90.0, "filing", "a"), year=2023),
    ]), metric_kinds={"tea": "flow", "drinks": "flow", "exports": "flow", "quota": "ratio", "shops": "stock"},
)  # fmt: skip
ASKED = {"year": 2024, "unit": "CNY / year", "is_share": False, "name": "tea", "given": EVIDENCE}


def test_an_entity_and_metric_give_the_level_of_the_calendar_year():
    assert look_up("china:tea", **ASKED).fact_ids == ("f1",)
    assert look_up("china:tea", **ASKED | {"year": 2023}).fact_ids == ("f5",)


def test_a_ratio_of_two_terms_adds_their_log_variances():
    found = look_up("f1 / china:drinks", **ASKED | {"unit": "1"})
    assert found.distribution.quantile(0.5) == pytest.approx(0.25)
    assert found.distribution.sigma > math.hypot(0.005, 0.005)  # and what the digits leave open
    share = look_up("f1 / china:drinks", **ASKED | {"unit": "1", "is_share": True})
    assert share.distribution.quantile(0.5) == pytest.approx(0.25, rel=1e-5)
    assert share.fact_ids == ("f1", "f2")


def test_dollars_become_yuan_at_the_average_rate_of_the_year():
    rate = look_up("f3", **ASKED).distribution.quantile(0.5) / 10
    assert 7.1 < rate < 7.3  # 2024 averaged 7.2


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("f9", {}, "no fact f9 is known"),
        ("china:tea", {"year": 2019}, "no fact china:tea is known"),
        ("china:milk", {}, "the ledger has no metric 'milk'"),
        ("f1 / f2 / f3", {}, "one term, or two with a slash between"),
        ("f1 /", {}, "one term, or two with a slash between"),
        ("china:shops", {}, "no fact china:shops is known"),
        ("f4", {}, "tea 2024 is in CNY / year, and f4 in ratio"),
        ("f1", {"unit": "person"}, "tea 2024 is in person, and f1 in money"),
        ("f1", {"unit": "1"}, "tea 2024 is in 1, and f1 in money"),
    ],
)
def test_a_driver_without_a_number_is_refused_by_name(text, more, message):
    with pytest.raises(HelpersError, match=re.escape(message)):
        look_up(text, **ASKED | more)


def test_every_kind_of_source_of_the_ledger_has_a_spread():
    from helpers import ledger

    assert set(KIND_SD) == set(ledger.load().kinds.index)
    assert max(KIND_SD.values()) <= OTHER_SD
