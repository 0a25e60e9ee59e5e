"""Rows with a date and money, read strictly: what cannot be read is refused by its row, never dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Number

import numpy as np
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


def days_of(table: pd.DataFrame, *, what: str, column: str = "date", or_empty: bool = False) -> pd.Series:
    """A column as days.

    Parameters
    ----------
    table : DataFrame
        The column (text such as 2025-06-30, or dates) and, where known, fact_id.
    what : str
        One row of it, for the message: "flow".
    column : str, default "date"
    or_empty : bool, default False
        Whether a cell may be empty, and then stays NaT.

    Raises
    ------
    HelpersError
        If a day is missing, is none (20250630 as a number is a moment in 1970) or has a time zone.
    """
    given = table[column]
    if isinstance(given.dtype, pd.DatetimeTZDtype):
        raise _zoned(what, column, given.iloc[0] if len(given) else given.dtype)
    cells = given.astype(object)
    for row in _where([not isinstance(cell, str) and _is_number(cell) for cell in cells]):
        raise HelpersError(
            f"a {what} needs a {column} such as 2025-06-30, got {cells.iloc[row]!r} ({_name(table, row)})"
        )
    try:
        days = pd.to_datetime(cells, format="ISO8601", errors="coerce")
    except ValueError:  # of mixed time zones pandas makes no column
        raise _zoned(what, column, next(cell for cell in cells if not pd.isna(cell))) from None
    if days.dt.tz is not None:
        raise _zoned(what, column, given.iloc[0])
    for row in _where(days.isna()):
        if not _is_empty(cells.iloc[row]):
            raise HelpersError(
                f"a {what} needs a {column} such as 2025-06-30, got {cells.iloc[row]!r} ({_name(table, row)})"
            )
        if not or_empty:
            raise HelpersError(f"every {what} needs a {column}, missing for {_name(table, row)}")
    return days.astype("datetime64[s]")


def _zoned(what: str, column: str, cell: object) -> HelpersError:
    return HelpersError(f"a {what} needs a {column} without a time zone, got {cell!r}")


def _is_number(cell: object) -> bool:
    return isinstance(cell, Number) and not pd.isna(cell)


def _is_empty(cell: object) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


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


def numbers_of(table: pd.DataFrame, column: str, *, what: str, is_finite: bool = False) -> pd.Series:
    """A column as numbers; an empty cell stays NaN, and a column that is not there is all NaN.

    Parameters
    ----------
    table : DataFrame
    column : str
    what : str
        One row of it, for the message.
    is_finite : bool, default False
        Whether an infinite number is refused too.

    Raises
    ------
    HelpersError
        If a cell holds something else: text that is no number, yes or no, a list.
    """
    if column not in table:
        return pd.Series(float("nan"), index=table.index)
    given = table[column]
    cells = given.astype(object)
    odd = [
        not (_is_empty(cell) or isinstance(cell, str | Number)) or isinstance(cell, bool | np.bool_) for cell in cells
    ]
    numbers = pd.to_numeric(cells.mask(pd.Series(odd, index=cells.index)), errors="coerce").astype(float)
    for row in _where(numbers.isna() & given.notna()):
        raise HelpersError(f"{column} of a {what} must be a number, got {cells.iloc[row]!r} ({_name(table, row)})")
    for row in _where(np.isinf(numbers)) if is_finite else ():
        raise HelpersError(f"{column} of a {what} must be finite, got {numbers.iloc[row]} ({_name(table, row)})")
    return numbers


def texts_of(table: pd.DataFrame, column: str, *, what: str, or_empty: bool = True) -> pd.Series:
    """A column of names as plain text; an empty cell is "".

    Raises
    ------
    HelpersError
        If a cell holds something else than text, or none where one is needed.
    """
    cells = table[column].astype(object)
    found = ["" if _is_empty(cell) else cell for cell in cells]
    for row in _where([not isinstance(cell, str) or not (cell or or_empty) for cell in found]):
        raise HelpersError(f"{column} of a {what} must be a name, got {cells.iloc[row]!r} ({_name(table, row)})")
    return pd.Series(found, index=table.index, dtype=object)


def _where(is_bad: Iterable[bool]) -> list[int]:
    return [row for row, bad in enumerate(is_bad) if bad]


def _name(table: pd.DataFrame, row: int) -> str:
    """What a reader finds the row by."""
    fact = table["fact_id"].iloc[row] if "fact_id" in table else None
    return f"row {row + 1}" if _is_empty(fact) or fact == "" else str(fact)
