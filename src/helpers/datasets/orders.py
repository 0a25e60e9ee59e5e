"""From order rows to unit-days, where the rows lie: one expression for DuckDB, Spark, ClickHouse or Trino.

An engine is an Ibis address: ``duckdb://`` (embedded, reads Parquet), ``pyspark://?spark.master=spark://host:7077``,
``clickhouse://user:password@host:8123/db``, ``trino://user@host:8080/catalog/schema``. Rows are summed
in one pass; only unit-days come back. DuckDB and Spark are tested against each other; for ClickHouse
and Trino the expression is compiled in the tests, not run.

A local day is the time moved by whole hours before its day is taken, so that engines with and without
zone tables agree. What the module cannot do: zones with summer time; clean orders (a refund is a
negative row and stays one); sum floats to the last bit (engines add in other orders; decimals and whole
numbers are exact).
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.compute as compute

from helpers import paths
from helpers.checks import Check
from helpers.datasets import engines, files
from helpers.errors import DataError, ParameterError, UnknownNameError
from helpers.settings import parse_day

if TYPE_CHECKING:  # half a second that a reader of panel files need not wait for
    import ibis
    from ibis.backends import BaseBackend

TIMEZONE = "Asia/Shanghai"
MEASURES = ("sum", "count", "nunique")
READS_FILES = ("duckdb", "pyspark")
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aggregation:
    """Unit-days summed from order rows.

    Attributes
    ----------
    table : DataFrame
        Columns unit (text), date, value, rows (how many were summed), and orders and buyers where asked for;
        sorted by unit and date. A unit-day without rows has no row here.
    checks : tuple of Check
        ``rows_read``, ``rows_without_unit``, ``rows_without_time`` (both left out), ``rows_without_value``,
        ``days_without_rows``, ``unit_days_without_rows``, ``negative_unit_days``.
    sql : str
        What the engine was asked.
    """

    table: pd.DataFrame
    checks: tuple[Check, ...]
    sql: str


def daily_panel(
    source: str | Path,
    *,
    unit: str,
    time: str,
    value: str = "",
    measure: str = "sum",
    orders: str = "",
    buyers: str = "",
    where: Mapping[str, object] | None = None,
    first: str | date | None = None,
    last: str | date | None = None,
    timezone: str = TIMEZONE,
    stored_in: str = "",
    engine: str | BaseBackend = "duckdb://",
) -> Aggregation:
    """Sum order rows to one value per unit and local day: ``value[u, d] = sum of value over rows of u on d``.

    Parameters
    ----------
    source : str or Path
        Parquet: a file, a folder or a pattern such as ``orders/*.parquet`` (relative to the project folder,
        else to the current one); or the name of a table of the engine, ``orders`` or ``database.orders``.
    unit : str
        Column of the unit: text or whole numbers.
    time : str
        Column of the time of the order, or of its local day.
    value : str, default ""
        Column that is measured; may be empty for ``count``.
    measure : {"sum", "count", "nunique"}
        Sum of the values, number of rows with a value (of all rows where `value` is empty), number of
        different values.
    orders, buyers : str, default ""
        Columns of order and buyer ids; their different values are counted beside the value.
    where : mapping of str to value or list of values, optional
        Keep only rows with these values: ``{"status": ["paid", "refunded"]}``.
    first, last : ISO day or date, optional
        Local days, both included.
    timezone : str, default "Asia/Shanghai"
        Zone of the days; one without summer time.
    stored_in : str, default ""
        Zone of times that carry none, such as "UTC" or "Asia/Shanghai"; must be said for those.
    engine : str or Ibis backend, default "duckdb://"
        Address of the engine; settings as in ``duckdb://?memory_limit=4GB``. A backend stays open.

    Returns
    -------
    Aggregation

    Raises
    ------
    DataError
        There is no such file, table or column; a column has the wrong type; no row is left; a value is
        NaN or infinite.
    ParameterError, UnknownNameError
        A setting is not in its list or contradicts another.
    HelpersError
        The engine is not installed, does not answer, or refuses the query.
    """
    _check_settings(value, measure)
    span = _span(first, last)
    with engines.connected(engine) as backend:
        rows = _rows(backend, source)
        _check_columns(backend, rows, source, [unit, time, value, orders, buyers, *(where or {})])
        shift = _shift(backend, rows, time, timezone, stored_in)
        rows = _kept(rows, where or {}, time, span, shift)
        wanted = _aggregates(backend, rows, value, measure, {"orders": orders, "buyers": buyers})
        day = _moved(rows[time], shift).date() if rows[time].type().is_timestamp() else rows[time]
        grouped = rows.group_by(unit=rows[unit], date=day).agg(**wanted)
        found, sql = engines.asked(backend, grouped)
    return _aggregation(found, sql, source, span, measure)


def _check_settings(value: str, measure: str) -> None:
    if measure not in MEASURES:
        raise UnknownNameError("measure", measure, list(MEASURES))
    if not value and measure != "count":
        raise ParameterError(f"measure {measure!r} needs the column that is measured: value is empty")


def _span(first: str | date | None, last: str | date | None) -> tuple[date | None, date | None]:
    first, last = parse_day(first), parse_day(last)
    if first and last and first > last:
        raise ParameterError(f"first {first} lies after last {last}")
    return first, last


# --- the rows -----------------------------------------------------------------------------------


def _rows(backend: BaseBackend, source: str | Path) -> ibis.Table:
    """The order rows as a table of the engine."""
    name = str(source)
    if isinstance(source, str) and not re.search(r"[/\\*?\[]|\.parquet$|\.pq$", name):
        return _table(backend, name)
    if backend.name not in READS_FILES:
        raise DataError(name, [f"{backend.name} reads its own tables, not files: name one of its tables"])
    try:
        if "://" in name:
            return backend.read_parquet(name)
        pattern, found = _files(name)
        return backend.read_parquet(pattern if backend.name == "pyspark" else found)
    except DataError:
        raise
    except Exception as error:
        raise DataError(name, [f"{backend.name} cannot read it: {engines.first_line(error)}"]) from error


def _table(backend: BaseBackend, name: str) -> ibis.Table:
    database, _, table = name.rpartition(".")
    try:
        return backend.table(table, database=database or None)
    except Exception as error:
        known: list[str] = []
        with contextlib.suppress(Exception):  # not every release of an engine lets Ibis list its tables
            known = sorted(backend.list_tables(database=database or None))[:20]
        listed = f"; it has: {', '.join(known)}" if known else ""
        raise DataError(name, [f"{backend.name} has no such table{listed}; a file ends in .parquet"]) from error


def _files(name: str) -> tuple[str, list[str]]:
    """A pattern made absolute, and the files it stands for."""
    given = Path(name).expanduser()
    for place in [given] if given.is_absolute() else [paths.PROJECT / given, Path.cwd() / given]:
        pattern = str(place / "**" / "*.parquet") if place.is_dir() else str(place)
        found = sorted(file for file in glob.glob(pattern, recursive=True) if Path(file).is_file())
        for file in found:
            sys.audit("helpers.file", str(file))  # a report run keeps its hash; an engine opens it unseen
        if found:
            return str(place), found
    raise DataError(name, ["no file matches"])


def _check_columns(backend: BaseBackend, rows: ibis.Table, source: str | Path, names: list[str]) -> None:
    unit, time = names[:2]
    listed = ", ".join(rows.columns[:40])
    problems = [f"column {n!r} is missing; there are: {listed}" for n in names if n and n not in rows.columns]
    if problems:
        raise DataError(str(source), problems)
    kinds = {name: rows[name].type() for name in names if name}
    if not (kinds[unit].is_string() or kinds[unit].is_integer()):
        problems.append(f"column {unit!r} holds {kinds[unit]}: a unit is a text or a whole number")
    if not (kinds[time].is_timestamp() or kinds[time].is_date()):
        problems.append(f"column {time!r} holds {kinds[time]}: it must be a timestamp or a date")
    if backend.name == "trino" and getattr(kinds[time], "timezone", None):
        problems.append(
            f"column {time!r} has a zone per row on trino: give a view with at_timezone(..., 'UTC') cast to timestamp"
        )
    if problems:
        raise DataError(str(source), problems)


def _shift(backend: BaseBackend, rows: ibis.Table, time: str, local: str, stored_in: str) -> timedelta:
    """How far the engine's clock must be moved so that its days are local days."""
    if rows[time].type().is_date():
        return timedelta(0)
    zone = engines.zone(backend, rows, time)
    if zone and stored_in:
        raise ParameterError(f"column {time!r} carries its zone: leave stored_in empty, got {stored_in!r}")
    if not zone and not stored_in:
        raise ParameterError(
            f"the times of column {time!r} carry no zone: say stored_in='UTC' or stored_in={local!r}; "
            "the difference is a third of a day"
        )
    return _offset(local) - _offset(zone or stored_in)


def _offset(zone: str) -> timedelta:
    """Distance of a zone from UTC."""
    try:
        clock = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ParameterError(f"time zone {zone!r} is unknown; write one such as 'Asia/Shanghai' or 'UTC'") from None
    offsets = {datetime(year, month, 1, tzinfo=clock).utcoffset() for year in range(2005, 2031) for month in (1, 7)}
    if len(offsets) > 1:
        raise ParameterError(f"time zone {zone!r} has summer time: its distance from UTC is not fixed")
    return offsets.pop()


def _moved(times: ibis.Column, shift: timedelta) -> ibis.Column:
    if not shift:
        return times
    return times + importlib.import_module("ibis").interval(minutes=int(shift / timedelta(minutes=1)))


def _kept(
    rows: ibis.Table, where: Mapping[str, object], time: str, span: tuple[date | None, date | None], shift: timedelta
) -> ibis.Table:
    """The rows asked for; those without a time stay in, to be counted."""
    for column, values in where.items():
        listed = [values] if isinstance(values, str) or not isinstance(values, Sequence) else list(values)
        rows = rows.filter(rows[column].isin(listed))
    times, (first, last) = rows[time], span
    timeless = times.isnull()  # noqa: PD003 - Ibis, not pandas
    # the bounds are moved, not the times, so that whole row groups outside are never read
    if first:
        rows = rows.filter(timeless | (times >= _bound(times, first, shift)))
    if last:
        rows = rows.filter(timeless | (times < _bound(times, last + timedelta(days=1), shift)))
    return rows


def _bound(times: ibis.Column, day: date, shift: timedelta) -> ibis.Value:
    ibis = importlib.import_module("ibis")
    if times.type().is_date():
        return ibis.literal(day)
    zone = ZoneInfo(times.type().timezone) if times.type().timezone else None
    return ibis.literal(datetime(day.year, day.month, day.day, tzinfo=zone) - shift, times.type())


def _aggregates(
    backend: BaseBackend, rows: ibis.Table, value: str, measure: str, counted: Mapping[str, str]
) -> dict[str, ibis.Value]:
    """What is computed for each unit-day."""
    distinct = {name: column for name, column in counted.items() if column}
    if backend.name == "clickhouse" and (distinct or measure == "nunique"):
        raise ParameterError("clickhouse estimates distinct counts: count there from a view of distinct rows")
    wanted: dict[str, Any] = {"rows": rows.count()}
    if value:
        column = rows[value]
        if measure == "sum" and (not column.type().is_numeric() or column.type().is_boolean()):
            raise DataError(value, [f"column {value!r} holds {column.type()}: only numbers can be summed"])
        wanted["filled"] = column.count()
        if measure != "count":
            wanted["value"] = getattr(column, measure)()
    return wanted | {name: rows[column].nunique() for name, column in distinct.items()}


# --- the answer ---------------------------------------------------------------------------------


def _aggregation(
    found: arrow.Table, sql: str, source: str | Path, span: tuple[date | None, date | None], measure: str
) -> Aggregation:
    """Sort what came back, count what is left out, and say it."""
    codes, units = _units(found["unit"])
    days = found["date"].cast(arrow.date32()).combine_chunks()
    place = days.cast(arrow.int32()).fill_null(0).to_numpy().astype(np.int64)
    rows = found["rows"].to_numpy().astype(np.int64)
    filled = found["filled"].to_numpy().astype(np.int64) if "filled" in found.column_names else rows
    nameless, timeless = codes < 0, days.is_null().to_numpy(zero_copy_only=False)
    keep = np.flatnonzero(~(nameless | timeless))
    if not len(keep):
        raise DataError(
            str(source), [f"no row with a unit and a time is left of {rows.sum():,} rows read{_between(span)}"]
        )
    start = place[keep].min()
    keep = keep[np.argsort(codes[keep] * (place[keep].max() - start + 1) + place[keep] - start)]
    dates = place[keep].astype("datetime64[D]").astype("datetime64[s]")
    table = pd.DataFrame({"unit": pd.Series(units.take(arrow.array(codes[keep])), dtype=files.STRING), "date": dates})
    table["value"] = (filled if measure == "count" else _plain(found["value"]))[keep]
    table["rows"] = rows[keep]
    for name in ("orders", "buyers"):
        if name in found.column_names:
            table[name] = found[name].to_numpy()[keep].astype(np.int64)
    _refuse_endless(table, filled[keep], source)
    left = (
        _count("rows_without_unit", rows[nameless].sum(), rows.sum(), "have no unit and are left out"),
        _count("rows_without_time", rows[timeless].sum(), rows.sum(), "have no time and are left out"),
        _count("rows_without_value", (rows - filled).sum(), rows.sum(), "have no value; they add nothing to it"),
    )
    read = Check(name="rows_read", passed=None, value=int(rows.sum()), text=f"{rows.sum():,} rows read{_between(span)}")
    return Aggregation(table=table, checks=(read, *left, *_coverage(table, span)), sql=sql)


def _units(names: arrow.ChunkedArray) -> tuple[np.ndarray, arrow.Array]:
    """Place of each name among the sorted names, -1 for none, and the sorted names."""
    coded = names.cast(arrow.string()).combine_chunks().dictionary_encode()
    order = compute.array_sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    units = coded.dictionary.take(arrow.array(order))
    if len(units) and units[0].as_py() == "":  # sorted first; an empty name is none
        rank[order[0]] = -1
    return rank[coded.indices.fill_null(-1).to_numpy()], units


def _plain(values: arrow.ChunkedArray) -> np.ndarray:
    """Whole numbers as they are, all others as floats; empty is NaN."""
    whole = arrow.types.is_integer(values.type) and not values.null_count
    return values.to_numpy() if whole else files.floats(values.combine_chunks())


def _refuse_endless(table: pd.DataFrame, filled: np.ndarray, source: str | Path) -> None:
    """One NaN or infinite cell makes the sum of its unit-day one; an engine's own test for NaN is not to be trusted."""
    endless = np.flatnonzero(~np.isfinite(table["value"].to_numpy()) & (filled > 0))
    if len(endless):
        at = ", ".join(f"{row.unit} {row.date:%Y-%m-%d}" for row in table.iloc[endless[:SHOWN]].itertuples())
        rule = "values must be finite, and null where they are missing"
        raise DataError(str(source), [f"the value of {len(endless)} unit-days is NaN or infinite ({at}): {rule}"])


def _between(span: tuple[date | None, date | None]) -> str:
    ends = [f" {word} {day}" for word, day in zip(("from", "to"), span, strict=True) if day]
    return "".join(ends)


def _count(name: str, count: int, of: int, text: str) -> Check:
    return Check(
        name=name, passed=bool(count == 0), value=int(count), threshold=0, text=f"{count:,} of {of:,} rows {text}"
    )


def _coverage(table: pd.DataFrame, span: tuple[date | None, date | None]) -> tuple[Check, ...]:
    """Days and unit-days that no row speaks of, and unit-days below zero."""
    seen = np.unique(table["date"].to_numpy())
    first, last = (np.datetime64(day or end, "D") for day, end in zip(span, seen[[0, -1]], strict=True))
    calendar = np.arange(first, last + 1)
    lost = np.setdiff1d(calendar, seen.astype("datetime64[D]"))
    listed = f": {', '.join(map(str, lost[:SHOWN]))}{' ...' if len(lost) > SHOWN else ''}" if len(lost) else ""
    grid = table["unit"].nunique() * len(calendar)
    below = int((table["value"] < 0).sum())
    return (
        Check(
            name="days_without_rows", passed=not len(lost), value=len(lost), threshold=0,
            text=f"{len(lost):,} of {len(calendar):,} days from {first} to {last} have no row of any unit{listed}",
        ),
        Check(
            name="unit_days_without_rows", passed=None, value=grid - len(table),
            text=f"{grid - len(table):,} of {grid:,} unit-days have no rows: no orders, or no data",
        ),
        Check(
            name="negative_unit_days", passed=None, value=below,
            text=f"{below:,} of {len(table):,} unit-days are below zero: refunds stay as they are",
        ),
    )  # fmt: skip
