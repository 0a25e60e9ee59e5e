"""Rules of tables: what must hold for every row, and the line a user reads where it does not.

A rule names the column that a user would mend. All rules are tried, through pandera, and every row
that breaks one is listed with its key and its value; rows are counted as a spreadsheet shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as arrow
import pyarrow.compute as compute
from pandera.errors import SchemaErrors

from helpers.errors import DataError

LONGEST_SHOWN = 60


class Rule(NamedTuple):
    """What must hold for every row, and the column that a user would mend.

    Attributes
    ----------
    column : str
        A column of the table.
    text : str
        What is right, read after the offending value: "must be filled".
    holds : callable
        Takes the whole table; True for each row that keeps the rule.
    """

    column: str
    text: str
    holds: Callable[[pd.DataFrame], np.ndarray | pd.Series]


def validate(frame: pd.DataFrame, rules: Iterable[Rule], file: str) -> None:
    """Hold a table against its rules.

    Parameters
    ----------
    frame : DataFrame
        In the order of the file; the first column is the key.
    rules : iterable of Rule
        All of them are tried.
    file : str
        Its name, for the message.

    Raises
    ------
    DataError
        One line for each row and rule: row, key, column, value, rule.
    """
    rules = list(rules)
    checks = [_as_check(rule) for rule in rules]
    try:
        pandera.DataFrameSchema(checks=checks).validate(frame, lazy=True)
    except SchemaErrors as error:
        broken = {id(one.check): one.check_output for one in error.schema_errors}
        problems = [
            problem for rule, check in zip(rules, checks, strict=True) if id(check) in broken
            for problem in _problems(frame, rule, broken[id(check)])
        ]  # fmt: skip
        raise DataError(file, [line for _, line in sorted(problems, key=lambda found: found[0])]) from None


def _as_check(rule: Rule) -> pandera.Check:
    # one failure case is enough: the rows are read from the check's own output, in the words of this kit
    return pandera.Check(
        lambda frame: pd.Series(np.asarray(rule.holds(frame), dtype=bool), index=frame.index),
        name=rule.column, error=rule.text, n_failure_cases=1, ignore_na=False,
    )  # fmt: skip


def _problems(frame: pd.DataFrame, rule: Rule, kept: pd.Series) -> list[tuple[int, str]]:
    """Place and line for each row that breaks a rule."""
    rows = np.flatnonzero(~kept.to_numpy(dtype=bool))
    cells, keys = frame[rule.column].iloc[rows], frame.iloc[rows, 0]
    return [
        (row, f"{where(row, key, rule.column)}: {shown(cell)} - {rule.text}")
        for row, key, cell in zip(rows.tolist(), keys, cells, strict=True)
    ]


def one_of(column: str, known: Iterable[str], where: str = "") -> Rule:
    """Rule that a column keeps to a closed list.

    Parameters
    ----------
    column : str
        The column.
    known : iterable of str
        What it may hold.
    where : str, optional
        File that keeps the list. Default: the message spells it out.
    """
    names = list(known)
    text = f"must be one of {where or ', '.join(name or '(empty)' for name in names)}"
    return Rule(column, text, lambda frame: by_value(frame[column], dict.fromkeys(names, True), False))


def is_key(column: str) -> list[Rule]:
    """Rules that a column names each row once."""
    return [
        Rule(column, "must be filled", lambda frame: frame[column].ne("")),
        Rule(column, "must be unique", lambda frame: _is_single(frame[column])),
    ]


def _is_single(values: pd.Series) -> np.ndarray:
    """Whether each value stands once; counting first is half the work where all do, which is nearly always."""
    if len(compute.unique(arrow.array(values))) == len(values):
        return np.ones(len(values), dtype=bool)
    return ~values.duplicated(keep=False).to_numpy()


def by_value(values: pd.Series, meaning: dict, other: object) -> np.ndarray:
    """Look up each value; for categories through the few that there are.

    Parameters
    ----------
    values : Series
        Text or categories.
    meaning : dict
        What each value stands for.
    other : object
        What all others stand for.

    Returns
    -------
    ndarray
        One per row.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("category")
    return np.array([meaning.get(c, other) for c in values.cat.categories] + [other])[values.cat.codes]


def shorten(text: str) -> str:
    """A text as one short line for a message."""
    text = " ".join(text[: 2 * LONGEST_SHOWN].split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def where(row: int, key: object, column: str) -> str:
    """Place of a cell as a spreadsheet shows it."""
    return f"row {row + 2} ({shorten(str(key))}), column {column}"


def shown(cell: object) -> str:
    """A cell as its file has it."""
    if isinstance(cell, pd.Timestamp):
        return repr(f"{cell:%Y-%m-%d}" if cell == cell.normalize() else f"{cell:%Y-%m-%dT%H:%M}")
    if isinstance(cell, float):
        return repr("" if np.isnan(cell) else f"{cell:.15g}")
    return repr("" if cell is pd.NaT else shorten(str(cell)))
