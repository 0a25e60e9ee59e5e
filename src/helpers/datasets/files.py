"""From a file of the user to a typed table: what is no number or no day is refused with row and column.

A CSV file is UTF-8 (with or without a byte-order mark), separated by commas, with a header; rows are
counted as a spreadsheet shows them. What the module cannot do: guess. It does not read "1.2万" or
"12,000" as numbers, nor 11/10/2025 as a day, nor a file in another encoding without being told.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from helpers import paths
from helpers.errors import DataError, ParameterError
from helpers.rules import shorten, shown, where

STANDARD = ("unit", "date", "value")
NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
DAY = re.compile(r"(?:[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}|[0-9]{8})(?:[T ][0-9]{2}:.*)?")
STRING = pd.StringDtype(na_value=np.nan)
BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # first bytes of xlsx and xls
RULES = {
    "key": "must be filled",
    "day": "must be a day such as 2025-11-11",
    "number": "must be a plain number in base units (12000, not 1.2万, 12,000 or NA), or empty where it is missing",
}


def read_panel(
    path: str | Path,
    *,
    unit: str = "unit",
    date: str = "date",
    value: str = "value",
    covariates: Sequence[str] = (),
    encoding: str = "utf-8",
) -> pd.DataFrame:
    """Read a CSV or Parquet file with one row per unit and day.

    Parameters
    ----------
    path : str or Path
        The file. A relative one is looked for in the project folder, then in the current folder.
    unit, date, value : str
        Names of the columns in the file.
    covariates : sequence of str
        Further columns of numbers.
    encoding : str, default "utf-8"
        Of a CSV file; Chinese Excel writes "gb18030" unless told to save as "CSV UTF-8".

    Returns
    -------
    DataFrame
        Columns unit (text), date, value, then the covariates under their own names; rows in the order
        of the file, blank rows at the end dropped. Days are those of the file, with a zone if it gives
        one; an empty number is NaN. ``helpers.uplift.panels.panel`` checks the rest.

    Raises
    ------
    DataError
        The file is missing, empty, a workbook or in another encoding; a column is missing (the message
        lists those there are) or stands twice; a cell is no number, no day or an empty unit.
    ParameterError
        One column is asked for twice, or a covariate is called unit, date or value.
    """
    asked = [unit, date, value, *covariates]
    if len(set(asked)) < len(asked):
        raise ParameterError(f"each column can be used once, got {', '.join(asked)}")
    if taken := set(covariates) & set(STANDARD):
        raise ParameterError(f"covariate {min(taken)!r} has the name of a standard column: rename it in the file")
    kinds = {unit: "key", date: "day", value: "number", **dict.fromkeys(covariates, "number")}
    table = read(paths.find(path), kinds, encoding=encoding)
    return table.rename(columns=dict(zip(asked, STANDARD, strict=False)))


def read(file: Path, kinds: Mapping[str, str], *, encoding: str = "utf-8") -> pd.DataFrame:
    """Read the named columns of a CSV or Parquet file.

    Parameters
    ----------
    file : Path
        The file; its first bytes tell which it is.
    kinds : mapping of str to {"key", "text", "day", "number"}
        Columns and what they hold; the first is shown as the key of a row. A key is a text that must
        be filled.
    encoding : str, default "utf-8"
        Of a CSV file.

    Raises
    ------
    DataError
        See `read_panel`.
    """
    try:
        with file.open("rb") as handle:  # by Python, so that the log of files read (`paths`) sees it
            start = handle.read(4)
            handle.seek(0)
            if start == b"PAR1":
                table = _parquet(handle, list(kinds), file.name)
            else:
                table = _csv(_as_utf8(handle.read(), encoding, file.name), list(kinds), file.name)
    except OSError as error:
        raise DataError(file.name, [f"cannot be read: {error.strerror or shorten(str(error))}"]) from None
    return _typed(table, kinds, file.name)


def _as_utf8(content: bytes, encoding: str, file: str) -> bytes:
    """The bytes of a CSV file as UTF-8."""
    if not content.strip():
        raise DataError(file, [f"the file is empty ({len(content)} bytes)"])
    if content.startswith(BOOKS):
        raise DataError(file, ["is an Excel workbook: save the sheet as 'CSV UTF-8'"])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(file, ["is UTF-16 (Excel's 'Unicode text'): save it as 'CSV UTF-8'"])
    try:
        text = content.decode(encoding)
    except LookupError:
        raise ParameterError(f"encoding {encoding!r} is unknown; utf-8 and gb18030 are usual") from None
    except UnicodeDecodeError as bad:
        line = content.count(b"\n", 0, bad.start) + 1
        problem = (
            f"line {line}: byte 0x{content[bad.start]:02x} is not {encoding}{_other(content, bad.start, encoding)}"
        )
        raise DataError(file, [problem]) from None
    if "\0" in text:
        raise DataError(file, [f"line {text[: text.index(chr(0))].count(chr(10)) + 1}: a NUL: damaged or not text"])
    return content if encoding == "utf-8" else text.encode("utf-8")


def _other(content: bytes, place: int, encoding: str) -> str:
    """Advice on the encoding; the user must look at the words, for bytes alone do not tell."""
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return ": save the file as 'CSV UTF-8'"
    if encoding == "gb18030":
        return ""
    start = content.rfind(b"\n", 0, place) + 1
    words = shorten(content[start:].split(b"\n", 1)[0].decode("gb18030"))
    return f"; as gb18030 it reads {words!r}: if that is right say encoding='gb18030', or save as 'CSV UTF-8'"


def _csv(content: bytes, columns: list[str], file: str) -> arrow.Table:
    """The columns as text; rows with another number of cells than the header are refused."""
    if content.count(b'"') % 2:  # an open quote would swallow the rows after it
        raise DataError(file, ["a quotation mark is opened and never closed"])
    header = next(csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")))
    _refuse_header(header, columns, file)
    content = content if content.endswith(b"\n") else content + b"\n"
    try:
        table, broken = _parse(content, columns, threads=True)
        if broken:  # threads know no row numbers
            _, broken = _parse(content, columns, threads=False)
    except arrow.ArrowInvalid as error:
        raise DataError(file, [f"is not a comma-separated table: {shorten(str(error))}"]) from None
    if broken:
        raise DataError(file, broken)
    return _without_blank_end(table)


def _parse(content: bytes, columns: list[str], *, threads: bool) -> tuple[arrow.Table, list[str]]:
    broken: list[str] = []

    def note_row(row: arrow_csv.InvalidRow) -> str:
        cells = f"{row.actual_columns} cells, the header has {row.expected_columns}"
        broken.append(f"row {row.number}: {cells}: {shorten(row.text)!r}")
        return "skip"

    table = arrow_csv.read_csv(
        arrow.BufferReader(content),
        read_options=arrow_csv.ReadOptions(use_threads=threads),
        parse_options=arrow_csv.ParseOptions(
            newlines_in_values=True, ignore_empty_lines=True, invalid_row_handler=note_row
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, arrow.string()), include_columns=columns, strings_can_be_null=False
        ),
    )
    return table, broken


def _refuse_header(header: list[str], columns: list[str], file: str) -> None:
    separators = len(header) == 1 and re.search("[;\t|]", header[0])
    hint = "; separate the cells by commas" if separators else ""
    listed = ", ".join(shorten(name) for name in header[:40])
    missing = [f"column {name!r} is missing; the file has: {listed}{hint}" for name in columns if name not in header]
    twice = [f"column {name!r} stands twice" for name in columns if header.count(name) > 1]
    if missing or twice:
        raise DataError(file, missing + twice)


def _without_blank_end(table: arrow.Table) -> arrow.Table:
    """Drop rows at the end that hold nothing, where spreadsheets leave them."""
    empty = np.ones(table.num_rows, dtype=bool)
    for column in table.columns:
        empty &= compute.equal(compute.utf8_trim_whitespace(column), "").to_numpy()
    full = np.flatnonzero(~empty)
    return table.slice(0, int(full[-1]) + 1 if len(full) else 0)


def _parquet(handle: io.BufferedReader, columns: list[str], file: str) -> arrow.Table:
    try:
        book = parquet.ParquetFile(handle)
        _refuse_header(book.schema_arrow.names, columns, file)
        return book.read(columns=columns)
    except arrow.ArrowException as error:
        raise DataError(file, [f"is no sound Parquet file: {shorten(str(error))}"]) from None


def _typed(table: arrow.Table, kinds: Mapping[str, str], file: str) -> pd.DataFrame:
    """Each column as what it holds; every cell that is not is listed, by row."""
    if not table.num_rows:
        raise DataError(file, ["the file has a header and no rows"])
    found, problems = {}, []
    keys = table.column(next(iter(kinds)))
    for name, kind in kinds.items():
        cells = table.column(name).combine_chunks()
        if isinstance(cells, arrow.DictionaryArray):
            cells = cells.dictionary_decode()
        found[name], wrong = _meant(cells, kind)
        for row in np.flatnonzero(wrong).tolist():
            cell = cells[row].as_py()
            place = where(row, keys[row].as_py(), name)
            problems.append((row, f"{place}: {shown('' if cell is None else cell)} - {RULES[kind]}"))
    if problems:
        raise DataError(file, [line for _, line in sorted(problems, key=lambda item: item[0])])
    return pd.DataFrame(found)


def _meant(cells: arrow.Array, kind: str) -> tuple[pd.Series, np.ndarray]:
    """The cells of a column as what they mean, and which of them mean nothing."""
    if kind == "number":
        return _numbers(cells)
    if kind == "day":
        return _days(cells)
    texts = compute.utf8_trim_whitespace(cells.cast(arrow.string()))
    texts = compute.if_else(compute.equal(texts, ""), arrow.scalar(None, arrow.string()), texts)
    wrong = texts.is_null() if kind == "key" else arrow.repeat(False, len(texts))
    return pd.Series(texts, dtype=STRING), wrong.to_numpy(zero_copy_only=False)


def _numbers(cells: arrow.Array) -> tuple[pd.Series, np.ndarray]:
    """Floats; empty is NaN. Truth values and days are no numbers."""
    kind = cells.type
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
        texts = compute.utf8_trim_whitespace(cells)
        plain = compute.match_substring_regex(texts, NUMBER)
        numbers = floats(compute.if_else(plain, texts, None).cast(arrow.float64()))
        wrong = compute.and_(compute.invert(plain), compute.not_equal(texts, "")).fill_null(False)
    elif arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_decimal(kind):
        numbers, wrong = floats(cells), arrow.repeat(False, len(cells))
    else:
        numbers, wrong = np.full(len(cells), np.nan), cells.is_valid()
    return pd.Series(numbers), wrong.to_numpy(zero_copy_only=False)


def floats(cells: arrow.Array) -> np.ndarray:
    """Numbers as the nearest floats, empty as NaN.

    Arrow's own cast of a decimal is off by a last bit in one of ten; money below 2^53 cents is divided once here.
    """
    if not (arrow.types.is_decimal128(cells.type) and cells.type.scale >= 0):
        return cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    words = np.frombuffer(cells.buffers()[1], dtype="<i8").reshape(-1, 2)[cells.offset : cells.offset + len(cells)]
    empty = cells.is_null().to_numpy(zero_copy_only=False)
    low = np.where(empty, 0, words[:, 0])
    if (np.abs(low) >= 2**53).any() or (np.where(empty, 0, words[:, 1]) != low >> 63).any() or cells.type.scale > 22:
        return cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(empty, np.nan, low / 10.0**cells.type.scale)


def _days(cells: arrow.Array) -> tuple[pd.Series, np.ndarray]:
    """Days or times of the file; texts are parsed once per different text."""
    kind = cells.type
    if arrow.types.is_date(kind):
        cells = cells.cast(arrow.timestamp("s"))
    elif not arrow.types.is_timestamp(kind):
        return _parsed(cells.cast(arrow.string()))
    return cells.to_pandas(), cells.is_null().to_numpy(zero_copy_only=False)


def _parsed(texts: arrow.Array) -> tuple[pd.Series, np.ndarray]:
    coded = compute.utf8_trim_whitespace(texts).fill_null("").dictionary_encode()
    stamps = [_stamp(text) for text in coded.dictionary.to_pylist()]
    place = coded.indices.to_numpy()
    wrong = np.array([stamp is None for stamp in stamps])[place]
    zones = {stamp.tzinfo is not None for stamp in stamps if stamp is not None}
    if len(zones) != 1:  # mixed: the panel refuses it in its own words
        return pd.Series(texts, dtype=STRING), wrong
    days = pd.Series(pd.to_datetime(pd.Series(stamps, dtype=object), utc=zones.pop()))
    return days.take(place).reset_index(drop=True), wrong


def _stamp(text: str) -> pd.Timestamp | None:
    """A day, or a time of a day, with the year first; None for anything else."""
    if not DAY.fullmatch(text):
        return None
    try:
        stamp = pd.Timestamp(text)
    except ValueError:
        return None
    return stamp.as_unit("s") if stamp == stamp.floor("s") else stamp
