"""From CSV bytes to typed tables: nothing is guessed, every refusal names row, column and rule.

A table has a `Layout`: its columns and what they hold. Rows are counted as a spreadsheet shows them:
the header is row 1. What must be true of the rows stands in `helpers.rules`.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv

from helpers.errors import DataError
from helpers.rules import shorten, shown, where

CODE = arrow.dictionary(arrow.int32(), arrow.string())
BLOCK = 1 << 20  # bytes parsed at a time: fits the processor's cache, twice as fast as all at once
LONGEST_HEADER = 1 << 16
PARTIAL_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a table and how their text is read.

    Attributes
    ----------
    columns : tuple of str
        The columns that must be there; the first is the key.
    optional : tuple of str
        Columns that may be absent; they are empty then.
    numbers : tuple of str
        Plain numbers; empty is NaN.
    days : tuple of str
        ISO days; empty is NaT.
    codes : tuple of str
        Few values, often repeated: categories.
    prose : tuple of str
        Left exactly as written. All other columns lose outer blanks and full-width characters.
    """

    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        """Required and optional columns."""
        return (*self.columns, *self.optional)


def read(path: Path, layout: Layout) -> tuple[pd.DataFrame, str]:
    """Read one CSV file as its layout says.

    A byte-order mark, CRLF line ends, full-width digits and blanks around codes, numbers and days
    are read as what they mean. Prose is left as written. Blank rows at the end are dropped.

    Parameters
    ----------
    path : Path
        The file.
    layout : Layout
        Its columns.

    Returns
    -------
    table : DataFrame
        The layout's columns in their order.
    sha256 : str
        Of the file's bytes.

    Raises
    ------
    DataError
        The file is missing, empty or not UTF-8, its columns are others than the layout's, a row has
        another number of cells than the header, or a cell is not the number or day it should be.
    """
    try:
        content = path.read_bytes()  # by Python, so that the log of files read (`paths`) sees it
    except OSError as error:
        raise DataError(path.name, [f"cannot be read: {error.strerror}"]) from None
    _refuse_unreadable(content, layout, path.name)
    table = _without_blank_rows(_parsed(content, layout, path.name), path.name)
    return _frame(_typed(table, layout, path.name)), hashlib.sha256(content).hexdigest()


def _refuse_unreadable(content: bytes, layout: Layout, file: str) -> None:
    """What the CSV reader would take without a word, or refuse in words of its own."""
    if not content or content.isspace():
        raise DataError(file, [f"the file is empty ({len(content)} bytes): restore it from the repository"])
    if (place := content.find(b"\0")) >= 0:
        raise DataError(file, [f"line {_line(content, place)}: a NUL byte: the file is damaged or not text"])
    start = content[:LONGEST_HEADER]
    if len(content) > LONGEST_HEADER and b"\n" not in start and b"\r" not in start:
        _refuse_header([start.decode("utf-8", "replace")], layout, file)  # a million columns take minutes
    if content.count(b'"') % 2:  # an open quote would swallow the rows after it
        odd = next(n for n, line in enumerate(content.split(b"\n"), 1) if line.count(b'"') % 2)
        raise DataError(file, [f"line {odd}: a quotation mark is opened and never closed, here or below"])


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _parsed(content: bytes, layout: Layout, file: str) -> arrow.Table:
    """The layout's columns as text, codes and days as categories of text."""
    table, broken = _csv_fast(content, layout) or _csv_careful(content, layout, file)
    _refuse_header(table.column_names, layout, file)
    if broken:
        raise DataError(file, broken)
    for column in layout.optional:
        if column not in table.column_names:
            table = table.append_column(column, arrow.repeat("", table.num_rows).cast(CODE))
    return table.select(list(layout.every)).unify_dictionaries()


def _csv_fast(content: bytes, layout: Layout) -> tuple[arrow.Table, list[str]] | None:
    """Parse in parallel; None if anything is odd, as threads know no row numbers."""
    try:
        table, broken = _csv(content, layout, BLOCK, threads=True)
    except (arrow.ArrowInvalid, UnicodeDecodeError):
        return None
    return None if broken else (table, [])


def _csv_careful(content: bytes, layout: Layout, file: str) -> tuple[arrow.Table, list[str]]:
    """Parse in one block, whatever the length of a line; what fails now is no table."""
    try:
        return _csv(content, layout, min(len(content) + 2, 2**31 - 1), threads=False)
    except (arrow.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(file, [_why_unreadable(content, error)]) from None


def _csv(content: bytes, layout: Layout, block: int, *, threads: bool) -> tuple[arrow.Table, list[str]]:
    """Parse block by block; rows with another number of cells than the header are told, not read."""
    broken: list[str] = []

    def note_row(row: arrow_csv.InvalidRow) -> str:
        broken.append(f"row {row.number}: {row.actual_columns} cells, the header has {row.expected_columns}")
        return "skip"

    coded = {*layout.codes, *layout.days, *layout.optional}
    table = arrow_csv.read_csv(
        arrow.BufferReader(content if b"\n" in content else content + b"\n"),
        read_options=arrow_csv.ReadOptions(use_threads=threads, block_size=block),
        parse_options=arrow_csv.ParseOptions(
            newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note_row
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={c: CODE if c in coded else arrow.string() for c in layout.every},
            strings_can_be_null=False,
        ),
    )
    return table, broken


def _why_unreadable(content: bytes, error: Exception) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as bad:
        shown = content[bad.start : bad.start + 1].hex()
        return f"line {_line(content, bad.start)}: byte 0x{shown} is not UTF-8: save the file as UTF-8"
    return f"is not a comma-separated table: {shorten(str(error))}"


def _refuse_header(found: list[str], layout: Layout, file: str) -> None:
    """A missing, doubled or unknown column is refused; so is a file that is another thing altogether."""
    if not set(found) & set(layout.columns):
        wanted = f"a comma-separated header with {', '.join(layout.columns)}"
        raise DataError(file, [f"row 1: {shorten(','.join(found))!r} is not {wanted}"])
    problems = [f"row 1: column {c!r} is missing" for c in layout.columns if c not in found]
    problems += [f"row 1: unknown column {shorten(c)!r}" for c in found if c not in layout.every]
    problems += [f"row 1: column {c!r} stands twice" for c in sorted({c for c in found if found.count(c) > 1})]
    if problems:
        raise DataError(file, problems)


def _without_blank_rows(table: arrow.Table, file: str) -> arrow.Table:
    """Drop blank rows at the end, where editors leave them; between rows they are a loss to look into."""
    empty = compute.equal(table.column(0), "")
    if not compute.any(empty).as_py():
        return table
    for column in table.columns[1:]:
        empty = compute.and_(empty, compute.equal(column.cast(arrow.string()), ""))
    full = np.flatnonzero(~empty.to_numpy())
    rows = int(full[-1]) + 1 if len(full) else 0
    inside = [f"row {row + 2}: the row is blank" for row in np.flatnonzero(empty.to_numpy()[:rows])]
    if inside:
        raise DataError(file, inside)
    return table.slice(0, rows)


def _typed(table: arrow.Table, layout: Layout, file: str) -> arrow.Table:
    """Text to numbers, days and clean codes; lists every cell that is not what its column holds."""
    problems: list[str] = []
    keys, read_as = table.column(0), table
    for name in [column for column in table.column_names if column not in layout.prose]:
        cells = table.column(name).combine_chunks()
        values, bad, rule = _meant(cells, name, layout)
        place = table.column_names.index(name)
        read_as = read_as.set_column(place, name, values)
        problems += [f"{where(row, keys[row].as_py(), name)}: {shown(cells[row].as_py())} is not {rule}" for row in bad]
    if problems:
        raise DataError(file, problems)
    return read_as


def _meant(cells: arrow.Array, name: str, layout: Layout) -> tuple[arrow.Array, list[int], str]:
    """What the cells of a column mean, the rows that mean nothing, and what they should have been."""
    if name in layout.numbers:
        return *_numbers(_plain(cells)), "a plain number in base units"
    if name in layout.days:
        return *_days(cells), "a day such as 2025-12-31"
    return _plain(cells), [], ""


def _plain(values: arrow.Array) -> arrow.Array:
    """Outer blanks off, full-width digits and letters to plain ones; for codes, by their few values."""
    if values.type == CODE:
        clean = _plain(values.dictionary)
        if clean.equals(values.dictionary):
            return values
        return clean.take(values.indices).dictionary_encode()
    values = compute.utf8_trim_whitespace(values)
    if not compute.all(compute.string_is_ascii(values)).as_py():
        values = compute.utf8_normalize(values, form="NFKC")
    return values


def _numbers(texts: arrow.Array) -> tuple[arrow.Array, list[int]]:
    """Text to float, empty to null; and the rows that are no finite number."""
    texts = _filled(texts)
    try:
        values = texts.cast(arrow.float64())
    except arrow.ArrowInvalid:
        coded = texts.dictionary_encode()
        values = _cast_each(coded.dictionary, arrow.float64()).take(coded.indices)
    wrong = compute.and_(compute.is_valid(texts), compute.invert(compute.is_finite(values)).fill_null(True))
    return values, np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist()


def _days(codes: arrow.DictionaryArray) -> tuple[arrow.Array, list[int]]:
    """Coded text to days, by the few days there are; and the rows that are none of the calendar."""
    texts = _filled(_plain(codes.dictionary))
    try:
        days = texts.cast(arrow.date32())
    except arrow.ArrowInvalid:
        days = _cast_each(texts, arrow.date32())
    wrong = compute.and_(compute.is_valid(texts), compute.is_null(days)).take(codes.indices)
    rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist()
    return days.cast(arrow.timestamp("s")).take(codes.indices), rows


def _filled(texts: arrow.Array) -> arrow.Array:
    return compute.if_else(compute.equal(texts, ""), arrow.scalar(None, arrow.string()), texts)


def _cast_each(texts: arrow.Array, kind: arrow.DataType) -> arrow.Array:
    """Cast one by one, null where it fails, so that what is refused and what is told always agree."""

    def one(text: arrow.StringScalar) -> object:
        try:
            return text.cast(kind).as_py()
        except arrow.ArrowInvalid:
            return None

    return arrow.array([one(text) for text in texts], kind)


def _frame(table: arrow.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper={arrow.string(): pd.StringDtype(na_value=np.nan)}.get)


def spans(texts: pd.Series) -> pd.DataFrame:
    """First and last day that a printed date can mean: "2025-10" is 1 to 31 October.

    Parameters
    ----------
    texts : Series of str
        YYYY, YYYY-MM or YYYY-MM-DD; anything else, or no date of the calendar, is NaT.

    Returns
    -------
    DataFrame
        Columns first, last; index of `texts`.
    """
    found = [_span(text) for text in texts]
    days = pd.DataFrame(found, columns=["first", "last"], index=texts.index, dtype=object)
    return days.apply(pd.to_datetime).astype("datetime64[s]")


def _span(text: str) -> tuple[date | None, date | None]:
    matched = PARTIAL_DAY.fullmatch(text)
    if not matched:
        return None, None
    year, month, day = (int(part) if part else None for part in matched.groups())
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None, None
    last_month = month or 12
    return first, date(year, last_month, day or calendar.monthrange(year, last_month)[1])
