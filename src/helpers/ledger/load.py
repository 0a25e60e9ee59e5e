"""From CSV bytes to typed tables: nothing is guessed, every refusal names row, column and rule.

Rows are counted as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv

from helpers.errors import DataError
from helpers.ledger.schema import CODES, COLUMNS, DAYS, NUMBERS, OPTIONAL


def read_table(path: Path, name: str) -> tuple[arrow.Table, str]:
    """Read one CSV file of the ledger as text columns.

    A byte-order mark, CRLF line ends, full-width digits and blanks around codes, numbers and days
    are read as what they mean. Notes and titles are left as written.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Which table it is: a key of `COLUMNS`.

    Returns
    -------
    table : pyarrow.Table
        All columns of the table as strings; optional columns that are absent are empty.
    sha256 : str
        Of the file's bytes.

    Raises
    ------
    DataError
        The file is missing, empty, not UTF-8, has other columns than the schema, or a row has
        another number of cells than the header.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path.name, [f"cannot be read: {error.strerror}"]) from None
    if not content.strip():
        raise DataError(path.name, [f"the file is empty ({len(content)} bytes): restore it from the repository"])
    broken: list[str] = []

    def note_row(row: arrow_csv.InvalidRow) -> str:
        where = f"row {row.number}" if row.number else "a row"
        broken.append(f"{where}: {row.actual_columns} cells, the header has {row.expected_columns}")
        return "skip"

    try:
        table = arrow_csv.read_csv(
            arrow.BufferReader(content),
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note_row),
            convert_options=arrow_csv.ConvertOptions(
                column_types={c: arrow.string() for c in [*COLUMNS[name], *OPTIONAL.get(name, [])]},
                strings_can_be_null=False,
            ),
        )
    except arrow.ArrowInvalid as error:
        raise DataError(path.name, [f"is not a UTF-8 comma-separated table: {error}"]) from None
    if broken:
        raise DataError(path.name, broken)
    return _with_columns(table, path.name, name), hashlib.sha256(content).hexdigest()


def _with_columns(table: arrow.Table, file: str, name: str) -> arrow.Table:
    """The schema's columns in their order; a missing, doubled or unknown one is refused."""
    wanted, optional, found = COLUMNS[name], OPTIONAL.get(name, []), table.column_names
    problems = [f"row 1: column {c!r} is missing" for c in wanted if c not in found]
    problems += [f"row 1: unknown column {c!r}" for c in found if c not in wanted and c not in optional]
    problems += [f"row 1: column {c!r} stands twice" for c in sorted({c for c in found if found.count(c) > 1})]
    if problems:
        raise DataError(file, problems)
    for column in optional:
        if column not in found:
            empty = arrow.repeat(arrow.scalar(""), table.num_rows)
            table = table.append_column(column, empty)
    return table.select([*wanted, *optional])


def typed(table: arrow.Table, file: str, name: str) -> arrow.Table:
    """Text columns to numbers, days and codes.

    Raises
    ------
    DataError
        Lists every cell that is not a number or not a day of the calendar.
    """
    problems: list[str] = []
    plain = [c for c in table.column_names if c not in ("note", "title", "about", "meaning", "definition")]
    for column in plain:
        table = _replace(table, column, _plain_text(table[column]))
    for column in NUMBERS.get(name, []):
        table = _replace(table, column, _cast(table, column, arrow.float64(), "a plain number in base units", problems))
    for column in DAYS.get(name, []):
        days = _cast(table, column, arrow.date32(), "a day such as 2025-12-31", problems)
        table = _replace(table, column, days.cast(arrow.timestamp("s")))
    if problems:
        raise DataError(file, problems)
    for column in CODES.get(name, []):
        table = _replace(table, column, table[column].combine_chunks().dictionary_encode())
    return table


def _replace(table: arrow.Table, column: str, values) -> arrow.Table:
    return table.set_column(table.column_names.index(column), column, values)


def _plain_text(values: arrow.ChunkedArray) -> arrow.ChunkedArray:
    values = compute.utf8_trim_whitespace(values)
    if compute.all(compute.string_is_ascii(values)).as_py() is False:
        values = compute.utf8_normalize(values, form="NFKC")  # full-width digits and letters
    return values


def _cast(table: arrow.Table, column: str, kind: arrow.DataType, rule: str, problems: list[str]):
    """Cast a text column, empty cells to null; collect what cannot be cast."""
    text = table[column]
    text = compute.if_else(compute.equal(text, ""), arrow.scalar(None, arrow.string()), text)
    try:
        values = text.cast(kind)
    except arrow.ArrowInvalid:
        series = text.to_pandas()
        convert = pd.to_numeric if kind == arrow.float64() else _to_day
        good = convert(series, errors="coerce")
        bad = series.notna() & good.isna()
        problems += [_problem(table, row, column, series[row], rule) for row in np.flatnonzero(bad)]
        return arrow.nulls(len(series), kind)
    if kind == arrow.float64():
        unreal = compute.and_(compute.is_valid(values), compute.invert(compute.is_finite(values)))
        rows = np.flatnonzero(compute.fill_null(unreal, False).to_numpy())
        problems += [_problem(table, row, column, text[int(row)].as_py(), rule) for row in rows]
    return values


def _to_day(series: pd.Series, errors: str) -> pd.Series:
    return pd.to_datetime(series, errors=errors, format="%Y-%m-%d")


def _problem(table: arrow.Table, row: int, column: str, value: object, rule: str) -> str:
    key = table[table.column_names[0]][int(row)].as_py()
    return f"row {row + 2} ({key}), column {column}: {value!r} is not {rule}"


def validate(frame: pd.DataFrame, schema: pa.DataFrameSchema, file: str) -> None:
    """Check a typed table against its schema.

    Raises
    ------
    DataError
        One line for each row and rule: row, key, column, value, rule.
    """
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise DataError(file, _failures(frame, error.failure_cases)) from None


def _failures(frame: pd.DataFrame, cases: pd.DataFrame) -> list[str]:
    key, lines = frame.columns[0], {}
    for case in cases.itertuples():
        if pd.isna(case.index):
            lines[str(case.check)] = f"{case.column}: {case.check}"
            continue
        row, rule = int(case.index), str(case.check)
        column = case.column if case.schema_context == "Column" else rule.split(":", 1)[0]
        value = frame.at[row, column]
        shown = "" if pd.isna(value) else f"{value}"
        lines[(row, rule)] = f"row {row + 2} ({frame.at[row, key]}), column {column}: {shown!r} - {rule}"
    return list(lines.values())
