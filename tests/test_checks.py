"""A refusal as a result."""

import numpy as np
import pytest

from helpers.checks import Check, Declined, as_rate, attempt, labelled
from helpers.errors import HelpersError, NotEstimableError, ParameterError


def test_an_answer_is_handed_on():
    assert attempt(lambda: 42, name="answer") == 42


def test_a_refusal_is_a_result_with_its_reason():
    def refuse():
        raise HelpersError("need 4+ units, got 3")

    found = attempt(refuse, name="ranking")
    assert isinstance(found, Declined)
    assert found.text == "no answer: need 4+ units, got 3"
    assert [(check.name, check.passed) for check in found.checks] == [("ranking", None)]
    assert found.table.empty


def test_what_rests_on_a_refusal_is_refused_with_its_reason():
    def refuse():
        raise HelpersError("need 4+ units, got 3")

    first = attempt(refuse, name="ranking")
    after = attempt(lambda: 1 / 0, name="league", needs=[42, first])
    assert after.text == first.text
    assert [check.name for check in after.checks] == ["league"]
    assert attempt(lambda: 42, name="league", needs=[1]) == 42


def test_other_errors_are_raised():
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0, name="division")


def test_checks_of_several_results_say_whose_they_are():
    one, other = Check(name="coverage", passed=True), Check(name="coverage", passed=False)
    found = labelled({"event": [one], "units": [other], "none": ()})
    assert [(check.name, check.passed) for check in found] == [("event: coverage", True), ("units: coverage", False)]


def test_what_is_not_estimable_says_what_would_settle_it():
    def refuse():
        raise NotEstimableError("LTM revenue to 2025-09-30", "2025Q2 is missing", "the revenue of 2025Q2")

    found = attempt(refuse, name="ltm")
    assert found.settles == "the revenue of 2025Q2"
    assert "LTM revenue to 2025-09-30 is not estimable: 2025Q2 is missing" in found.text


def test_a_percentage_is_named_where_a_share_is_meant():
    assert as_rate("growth", 0.24, low=-0.9, high=3) == 0.24
    with pytest.raises(ParameterError, match=r"growth must lie between -0.9 and 3, got 24: .* 24 % is 0.24"):
        as_rate("growth", 24, low=-0.9, high=3)
    with pytest.raises(ParameterError, match=r"got -400$"):
        as_rate("growth", np.array([0.1, -400.0]), low=-0.9, high=3)
    with pytest.raises(ParameterError, match="got nan"):
        as_rate("growth", float("nan"), low=-0.9, high=3)
