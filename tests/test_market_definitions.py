"""Figures of one name that count different things."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.errors import NotEstimableError
from helpers.market.definitions import compare_definitions

KINDS = {"tea": "flow"}
TOLD = pd.DataFrame(
    {"definition": ["wide", "narrow"], "label": ["Wide", "Narrow"], "meaning": ["all", "some"]}, index=["f1", "f2"]
)


def facts(*rows):
    """fact_id, value, currency, year."""
    return pd.DataFrame(
        [
            {"fact_id": i, "entity": "china", "metric": "tea", "measure": "level", "nature": "measured", "value": v,
             "value_high": float("nan"), "precision": float("nan"), "qualifier": "", "currency": c,
             "period_start": pd.Timestamp(y, 1, 1), "period_end": pd.Timestamp(y, 12, 31)}
            for i, v, c, y in rows
        ]
    )  # fmt: skip


def test_two_definitions_are_set_beside_each_other_with_their_ratio():
    found = compare_definitions(
        facts(("f1", 400.0, "CNY", 2020), ("f2", 100.0, "CNY", 2020)), TOLD, used=["f1"], metric_kinds=KINDS
    )
    rows = found.table.set_index("definition")
    assert rows.loc["narrow", "ratio"] == 0.25
    assert rows.loc["wide", "ratio"] == 1
    assert rows["is_used"].to_dict() == {"narrow": False, "wide": True}
    assert "Wide 400 against Narrow 100 CNY in 2020 lie 4.00 times apart" in found.text
    assert found.checks[0].value == 4.0


def test_dollars_are_converted_before_they_are_compared():
    # 242.41 bn dollars of 2020 look a tenth of 2.3 tn yuan; at 6.90 yuan they are 1.67 tn, 27 % below
    found = compare_definitions(
        facts(("f1", 2.3e12, "CNY", 2020), ("f2", 242.41e9, "USD", 2020)), TOLD, metric_kinds=KINDS
    )
    assert found.table.set_index("definition").loc["narrow", "ratio"] == pytest.approx(0.727, abs=0.002)


def test_several_figures_of_one_definition_are_a_span():
    values = {"f1": 400.0, "f2": 100.0, "f3": 50.0, "f4": 200.0}
    rows = facts(*((fact, value, "CNY", 2020) for fact, value in values.items()))
    found = compare_definitions(rows, TOLD, metric_kinds=KINDS)
    rows = found.table.set_index("definition")
    assert rows.loc["", ["low", "value", "high"]].tolist() == [50.0, 100.0, 200.0]
    assert rows.loc["", "label"] == "not stated"
    assert rows.loc["", "fact_ids"] == "f3 f4"


def test_years_of_one_definition_and_doubtful_facts_are_no_difference():
    rows = facts(("f1", 400.0, "CNY", 2020), ("f2", 100.0, "CNY", 2021))
    with pytest.raises(NotEstimableError, match="no year has figures of two definitions"):
        compare_definitions(rows, TOLD, metric_kinds=KINDS)
    same = facts(("f1", 400.0, "CNY", 2020), ("f2", 100.0, "CNY", 2020))
    with pytest.raises(NotEstimableError):
        compare_definitions(same, TOLD, metric_kinds=KINDS, doubts={"f2": "a slip"})
    with pytest.raises(NotEstimableError):
        compare_definitions(same, TOLD, metric_kinds=KINDS, used=["f9"])
