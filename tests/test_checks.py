"""A refusal as a result."""

import pytest

from helpers.checks import Check, Declined, attempt, labelled
from helpers.errors import HelpersError


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


def test_other_errors_are_raised():
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0, name="division")


def test_checks_of_several_results_say_whose_they_are():
    one, other = Check(name="coverage", passed=True), Check(name="coverage", passed=False)
    found = labelled({"event": [one], "units": [other], "none": ()})
    assert [(check.name, check.passed) for check in found] == [("event: coverage", True), ("units: coverage", False)]
