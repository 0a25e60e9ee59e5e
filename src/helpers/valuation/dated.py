"""Rows with a date and money, read strictly: what cannot be read is refused by its row, never dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.errors import HelpersError


def need_columns(table: pd.DataFrame, columns: Sequence[str], *, what: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    HelpersError
        With the columns that are missing.
    """
    if missing := [column for column in columns if column not in table]:
        raise HelpersError(f"{what} need the columns {', '.join(columns)}; missing: {missing}")


def days_of(table: pd.DataFrame, *, what: str) -> pd.Series:
    """The column date as days.

    Parameters
    ----------
    table : DataFrame
        date (text such as 2025-06-30, or dates) and, where known, fact_id.
    what : str
        One row of it, for the message: "flow".

    Raises
    ------
    HelpersError
        If a date is missing, is none or has a time zone.
    """
    given = table["date"]
    days = pd.to_datetime(given.astype(object), format="ISO8601", errors="coerce")
    if days.dt.tz is not None:
        raise HelpersError(f"a {what} needs a date without a time zone, got {given.iloc[0]!r}")
    for row in _where(days.isna()):
        value, name = given.iloc[row], _name(table, row)
        if pd.isna(value):
            raise HelpersError(f"every {what} needs a date, missing for {name}")
        raise HelpersError(f"a {what} needs a date such as 2025-06-30, got {value!r} ({name})")
    return days.astype("datetime64[s]")


def windows_of(facts: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """First and last day on which each fact may have held; one day where it has no start."""
    end = pd.to_datetime(facts["period_end"]).astype("datetime64[s]")
    return pd.to_datetime(facts["period_start"]).astype("datetime64[s]").fillna(end), end


def is_told_closer(facts: pd.DataFrame, by: Sequence[str] = ("value",)) -> pd.Series:
    """Whether a row's window holds another that tells the same more closely: "at some time in 2025" and "in April".

    Parameters
    ----------
    facts : DataFrame
        period_start, period_end, the columns `by`.
    by : sequence of str
        What has to be the same.
    """
    start, end = windows_of(facts)
    rows = facts[list(by)].assign(start=start, end=end, row=range(len(facts)))
    pairs = rows.merge(rows, on=list(by), suffixes=("", "_other"))
    is_within = (pairs["start_other"] >= pairs["start"]) & (pairs["end_other"] <= pairs["end"])
    is_closer = (pairs["end_other"] - pairs["start_other"]) < (pairs["end"] - pairs["start"])
    told = set(pairs.loc[is_within & is_closer, "row"])
    return pd.Series([row in told for row in range(len(facts))], index=facts.index, dtype=bool)


def numbers_of(table: pd.DataFrame, column: str, *, what: str) -> pd.Series:
    """A column as numbers; an empty cell stays NaN, and a column that is not there is all NaN.

    Raises
    ------
    HelpersError
        If a cell holds something else.
    """
    if column not in table:
        return pd.Series(float("nan"), index=table.index)
    given = table[column]
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    for row in _where(numbers.isna() & given.notna()):
        raise HelpersError(f"{column} of a {what} must be a number, got {given.iloc[row]!r} ({_name(table, row)})")
    return numbers


def _where(is_bad: pd.Series) -> list[int]:
    return [row for row, bad in enumerate(is_bad) if bad]


def _name(table: pd.DataFrame, row: int) -> str:
    """What a reader finds the row by."""
    fact = table["fact_id"].iloc[row] if "fact_id" in table else None
    return f"row {row + 1}" if fact is None or pd.isna(fact) else str(fact)
