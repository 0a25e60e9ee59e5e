"""Cells of a table read strictly: what is no day or no number is refused by its row, never guessed.

What this module cannot do: read days printed in another way than ISO 8601, or numbers with a scale word.
"""

from __future__ import annotations

from numbers import Number

import numpy as np
import pandas as pd

from helpers.errors import HelpersError


def days_of(table: pd.DataFrame, column: str) -> pd.Series:
    """A column as days without a time zone; an empty cell stays missing.

    Parameters
    ----------
    table : DataFrame
        The column (text such as 2025-06-30, or dates) and fact_id.
    column : str

    Raises
    ------
    HelpersError
        A cell is no day (20250630 as a number would be a moment in 1970), or has a time zone.
    """
    cells = table[column].astype(object)
    _refuse(table, column, [isinstance(cell, Number) and not pd.isna(cell) for cell in cells], _A_DAY)
    try:
        days = pd.to_datetime(cells, format="ISO8601", errors="coerce")
    except ValueError:  # of mixed time zones pandas makes no column
        raise HelpersError(f"{column} must be a day without a time zone, got two of them") from None
    if days.dt.tz is not None:
        raise HelpersError(f"{column} must be a day without a time zone, got {cells.iloc[0]!r}")
    _refuse(table, column, [lost and not is_empty(cell) for lost, cell in zip(days.isna(), cells, strict=True)], _A_DAY)
    return days.astype("datetime64[s]")


_A_DAY = "a day such as 2025-06-30"


def numbers_of(table: pd.DataFrame, column: str, *, is_finite: bool = True) -> pd.Series:
    """A column as numbers; an empty cell stays missing.

    Parameters
    ----------
    table : DataFrame
        The column and fact_id.
    column : str
    is_finite : bool, default True
        Whether an infinite number is refused too; the ends of an interval may be open.

    Raises
    ------
    HelpersError
        A cell is text that is no number, yes or no, a list, or infinite.
    """
    cells = table[column].astype(object)
    odd = [isinstance(c, bool | np.bool_) or not (is_empty(c) or isinstance(c, str | Number)) for c in cells]
    numbers = pd.to_numeric(cells.mask(pd.Series(odd, index=cells.index)), errors="coerce").astype(float)
    lost = [gone and not is_empty(cell) for gone, cell in zip(numbers.isna(), cells, strict=True)]
    _refuse(table, column, lost, "a number")
    _refuse(table, column, list(np.isinf(numbers) & is_finite), "a finite number")
    return numbers


def currency_of(table: pd.DataFrame) -> str:
    """The currency of a table of one currency, for a sentence; "" where there is none."""
    cells = table.get("currency", ())
    return next((str(cell) for cell in cells if not is_empty(cell) and cell != ""), "")


def in_money(said: str, currency: str) -> str:
    """An amount in words with its currency behind it, if it has one."""
    return f"{said} {currency}" if currency else said


def is_empty(cell: object) -> bool:
    """Whether a cell holds nothing."""
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def _refuse(table: pd.DataFrame, column: str, bad: list[bool], rule: str) -> None:
    for row in np.flatnonzero(bad):
        name = table["fact_id"].iloc[row] if "fact_id" in table else f"row {row + 1}"
        raise HelpersError(f"{column} must be {rule}, got {table[column].astype(object).iloc[row]!r} ({name})")
