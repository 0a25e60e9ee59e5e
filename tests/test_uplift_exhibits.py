"""Exhibits of uplift say what the results say, mark simulated data, and escape what users wrote; second opinions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers import exhibits, uplift
from helpers.uplift import reported
from helpers.uplift.opinions import second_opinions
from helpers.uplift.simulate import Scenario, simulate


@pytest.fixture(autouse=True)
def english():
    exhibits.use_style("en")
    yield
    exhibits.use_style("en")


@pytest.fixture(scope="module")
def drawn():
    return simulate(Scenario(units=30, treated=6, days=420, rest_days=10), seed=2)


@pytest.fixture(scope="module")
def result(drawn):
    return uplift.structural(drawn.panel, event=drawn.window, treated=drawn.treated)


def test_cards_carry_the_numbers_of_the_result(result):
    cards = {card.name: card for card in exhibits.uplift_headlines(result, name="x", currency="CNY", source="own")}
    assert cards["x.incremental"].value == result.incremental
    assert (cards["x.incremental"].low, cards["x.incremental"].high) == (
        result.incremental_low,
        result.incremental_high,
    )
    assert cards["x.relative_effect"].value == result.relative_effect
    assert cards["x.borrowed_share"].value == pytest.approx(
        (result.pull_forward + result.borrowed) / result.event_effect
    )
    assert {card.source for card in cards.values()} == {"own"}
    marked = exhibits.uplift_headlines(result, name="x", simulated=True)
    assert {card.source for card in marked} == {"simulated data"}


@pytest.mark.parametrize("name", ["incremental", "counterfactual"])
def test_simulated_data_are_marked_on_the_chart(result, name):
    draw = getattr(exhibits, name)
    assert "(simulated data)" in draw(result, simulated=True).alt.split(". ")[0]
    assert "(simulated data)" not in draw(result).alt.split(". ")[0]


def test_the_bridge_tells_incremental_from_borrowed(result):
    alt = exhibits.incremental(result, currency="CNY", planted={"total": result.incremental}).alt
    assert alt.startswith("6 units: incremental against borrowed, CNY. the event itself CNY ")
    for words in ("before the event (waiting) CNY −", "after the event (already bought) CNY −", "net CNY "):
        assert words in alt


def test_a_planted_truth_changes_the_picture(result):
    plain, marked = exhibits.incremental(result).png, exhibits.incremental(result, planted={"event": 1.0}).png
    assert plain != marked


def test_the_accounts_end_with_the_net(result):
    lines = exhibits.parts(result).text.splitlines()
    assert lines[0] == "6 units: the window, phase by phase"
    assert lines[-1].split()[0] == "net"


def test_names_of_units_are_shown_never_run():
    frame = pd.DataFrame({"unit": ["<script>alert(1)</script>"], "share": [0.123]})
    made = exhibits.mapped(frame, {"unit": "text", "share": "ratio"}, caption="units")
    assert "<script>" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "12.3 %" in made.html
    assert exhibits.mapped(frame.iloc[:0], {"unit": "text"}, caption="units").text == "units: none"


def test_a_forest_leaves_out_what_has_no_value():
    rows = pd.DataFrame({"label": ["a", "b"], "value": [0.1, np.nan], "low": [0.05, np.nan], "high": [0.15, np.nan]})
    assert exhibits.forest(rows, title="effects").alt == "effects. a 10 % (5.00 % … 15 %)".replace(
        "10 %", "10.0 %"
    ).replace("15 %", "15.0 %")
    assert exhibits.forest(rows.iloc[1:], title="effects").text.startswith("effects: ")


def test_claims_without_a_base_are_shown_as_undefined():
    open_claim = reported.Claim(metric="event_gmv", value=1.17, fact_id="f1")
    whole = reported.Claim(
        metric="orders", value=0.73, baseline="same_window_last_year", window=("2025-10-11", "2025-10-13"),
        denominator="platform", fact_id="f2",
    )  # fmt: skip
    text = exhibits.claims([reported.read_claim(c) for c in (open_claim, whole)], names={"orders": "Orders"}).text
    assert "(117 %)" in text
    assert "undefined: no baseline, window, denominator stated" in text
    assert "72.5 % to 73.5 %" in text


def test_seasons_without_quarters_say_so():
    assert exhibits.seasons(None, name="Nobody").text.startswith("Nobody: ")


def test_chinese_labels(result):
    exhibits.use_style("zh")
    assert "增量与透支" in exhibits.incremental(result, simulated=True).alt
    assert "模拟数据" in exhibits.incremental(result, simulated=True).alt


# Second opinions


def opinions_of(drawn, **change):
    first = uplift.structural(drawn.panel, event=drawn.window, treated=drawn.treated)
    asked = {"event": drawn.window, "treated": drawn.treated, "controls": drawn.controls} | change
    return second_opinions(drawn.panel, first=first, **asked)


def test_all_estimators_answer_on_a_clean_panel():
    found = opinions_of(simulate(Scenario(units=30, treated=6, days=600), seed=2))
    assert list(found.table["method"]) == [
        "structural",
        "synthetic DiD",
        "synthetic control",
        "event study",
        "aligned years",
    ]
    assert found.declined.empty
    assert found.table["assumes"].ne("").all()
    names = [check.name for check in found.checks]
    assert names[:2] == ["whole_units", "agreement"]
    assert {"selection", "pre_trends", "contamination"} <= set(names)


def test_the_planted_effect_lies_in_the_intervals():
    drawn = simulate(Scenario(units=40, treated=10, days=420), seed=6)
    truth = drawn.truth[drawn.truth["treated"]][["effect", "counterfactual"]].sum()
    share = truth["effect"] / truth["counterfactual"]
    table = opinions_of(drawn).table.set_index("method")
    row = table.loc["structural"]
    assert row["relative_low"] <= share <= row["relative_high"]


def test_without_controls_the_others_decline_with_their_reason():
    drawn = simulate(Scenario(units=6, treated=6, days=420), seed=2)
    found = opinions_of(drawn)
    assert list(found.table["method"]) == ["structural"]
    reasons = found.declined.set_index("method")["reason"]
    assert "all 6 units are treated" in reasons["synthetic DiD"]
    assert set(reasons.index) == {"synthetic DiD", "synthetic control", "event study", "aligned years"}


def test_last_years_event_keeps_aligned_years_out():
    drawn = simulate(Scenario(units=12, treated=3, days=560, past_event=True), seed=2)
    found = opinions_of(drawn, past=drawn.past)
    assert "aligned years" not in [*found.table["method"], *found.declined["method"]]


def test_a_control_that_joins_the_event_is_named():
    drawn = simulate(Scenario(units=30, treated=6, days=420), seed=2)
    values = drawn.panel.values.copy()
    inside = drawn.window.phase_of(drawn.panel.dates) == "event"
    values[20, inside] *= 4
    first = uplift.structural(drawn.panel, event=drawn.window, treated=drawn.treated)
    found = second_opinions(
        uplift.Panel(values=values, units=drawn.panel.units, dates=drawn.panel.dates), first=first, event=drawn.window,
        treated=drawn.treated, controls=drawn.controls,
    )  # fmt: skip
    (check,) = [check for check in found.checks if check.name == "contamination"]
    assert check.passed is False
    assert "unit_00020" in check.text
