"""Errors name the thing, the value and the rule, and survive the way from a worker to its caller."""

import pickle

import pytest

from helpers.errors import DataError, NotEstimableError, PanelError, UnknownNameError


@pytest.mark.parametrize(
    "error",
    [
        DataError("facts.csv", ["row 2: value 'x' is no number"]),
        UnknownNameError("unit", "shop_1", ["shop_2", "shop_3"]),
        PanelError("the panel has no rows"),
        NotEstimableError("LTM", "a quarter is missing", "that quarter"),
    ],
)
def test_errors_travel(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_a_long_list_of_problems_is_cut_and_counted():
    lines = str(DataError("a.csv", [f"row {k}" for k in range(12)])).splitlines()
    assert lines[0] == "a.csv: 12 problem(s)"
    assert lines[-1].strip() == "... and 2 more"
    assert len(lines) == 12
