"""A tidy panel (unit, date, value, perhaps covariates), checked once and held as one dense table.

Rows are units, columns are the periods of a gapless calendar; a day without a row, or with an empty
value, is NaN and stays NaN: it is counted and said, never filled. What the module cannot do: tell a
day without sales from a day without data. A zero is a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import PanelError, UnknownNameError
from helpers.uplift.windows import TIMEZONE

FREQUENCIES = {"D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}
SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Values of many units over one calendar.

    Attributes
    ----------
    values : array of float, shape (units, periods)
        NaN where nothing is known.
    units : Index of str
        Names of the rows.
    dates : DatetimeIndex
        First day of each period, local time, without gaps.
    freq : {"D", "W", "MS", "QS", "YS"}
        Step of `dates`.
    covariates : dict of str to array
        Further columns, each of the shape of `values`.
    checks : tuple of Check
        What was seen while reading: gaps, empty values, zeros.
    """

    values: np.ndarray
    units: pd.Index
    dates: pd.DatetimeIndex
    freq: str = "D"
    covariates: dict[str, np.ndarray] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    @property
    def step(self) -> pd.DateOffset:
        """Length of a period."""
        return pd.tseries.frequencies.to_offset("7D" if self.freq == "W" else self.freq)

    def row(self, unit: str) -> int:
        """Place of a unit.

        Raises
        ------
        UnknownNameError
            There is no such unit.
        """
        try:
            return int(self.units.get_loc(str(unit)))
        except KeyError:
            raise UnknownNameError("unit", unit, [str(name) for name in self.units]) from None

    def rows(self, units: Sequence[str]) -> np.ndarray:
        """Places of several units, in the order given."""
        places = self.units.get_indexer([str(unit) for unit in units])
        if (places < 0).any():
            self.row(list(units)[int(np.flatnonzero(places < 0)[0])])
        return places

    def take(self, rows: np.ndarray) -> Panel:
        """The panel of these rows only."""
        return replace(
            self, values=self.values[rows], units=self.units[rows],
            covariates={name: array[rows] for name, array in self.covariates.items()},
        )  # fmt: skip


def panel(
    frame: pd.DataFrame | Panel,
    *,
    unit: str = "unit",
    date: str = "date",
    value: str = "value",
    covariates: Sequence[str] = (),
    freq: str = "D",
    timezone: str = TIMEZONE,
) -> Panel:
    """Check a tidy table and lay it out as units by periods.

    Parameters
    ----------
    frame : DataFrame or Panel
        One row per unit and period; a Panel is handed back as it is.
    unit, date, value : str
        Names of the columns. Dates are days (or first days of periods), local or with a zone.
    covariates : sequence of str
        Further numeric columns to keep.
    freq : {"D", "W", "MS", "QS", "YS"}, default "D"
        Step of the calendar: day, week (from the weekday of the first date), month, quarter, year.
    timezone : str, default "Asia/Shanghai"
        Dates with a zone are moved into this one before the day is taken.

    Returns
    -------
    Panel
        Units in the order of their first row. ``checks``: ``gaps`` (periods without a row),
        ``empty_values``, ``zeros``; each informs and counts.

    Raises
    ------
    PanelError
        A column is missing; two rows of one unit and period; a date that is none or off the calendar;
        some dates with a zone and some without; a value that is a text such as "1.2万" or not finite.
    """
    if isinstance(frame, Panel):
        return frame
    if freq not in FREQUENCIES:
        raise UnknownNameError("freq", freq, list(FREQUENCIES))
    wanted = [unit, date, value, *covariates]
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise PanelError(f"a panel needs the columns {', '.join(wanted)}; missing: {', '.join(missing)}")
    if frame.empty:
        raise PanelError("the panel has no rows")
    codes, units = _codes(frame[unit])
    place, dates = _places(_days(frame[date], timezone), freq)
    cell = codes * len(dates) + place
    _refuse_twice(cell, units, dates)
    shape = (len(units), len(dates))
    read = {name: _numbers(frame[name], name, units[codes], dates[place]) for name in [value, *covariates]}
    dense = {name: _dense(numbers, cell, shape) for name, numbers in read.items()}
    return Panel(
        values=dense[value], units=units, dates=dates, freq=freq,
        covariates={name: dense[name] for name in covariates},
        checks=_seen(cell, read[value], shape, FREQUENCIES[freq]),
    )  # fmt: skip


def _codes(names: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Place of each row's unit, and the units in order of appearance."""
    if names.isna().any():
        raise PanelError(f"row {int(np.flatnonzero(names.isna())[0])} has no unit")
    codes, units = pd.factorize(names)
    texts = pd.Index(units.astype(str))
    if not texts.is_unique:
        raise PanelError(
            f"two units read as {texts[texts.duplicated()][0]!r} once written: one is a number, one a text"
        )
    return codes.astype(np.int64), pd.Index(units.astype(str), dtype=object, name="unit")


def _days(given: pd.Series, zone: str) -> np.ndarray:
    """Local days as whole days since 1970."""
    days = given
    if not pd.api.types.is_datetime64_any_dtype(days.dtype):
        texts = days.astype(object)
        aware = texts.map(lambda d: bool(getattr(d, "tzinfo", None)) or _has_zone(d))
        if aware.any() and not aware.all():
            at = given[aware].iloc[0], given[~aware].iloc[0]
            raise PanelError(f"dates mix time zones: {at[0]} has one, {at[1]} has none; give all with one or all local")
        days = pd.to_datetime(texts, errors="coerce", utc=bool(aware.any()), format="ISO8601")
    if days.isna().any():
        row = int(np.flatnonzero(days.isna())[0])
        raise PanelError(f"date {given.iloc[row]!r} (row {row}) is no day such as 2025-11-11")
    if getattr(days.dtype, "tz", None) is not None:
        try:
            days = days.dt.tz_convert(zone).dt.tz_localize(None)
        except (KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            raise PanelError(f"unknown timezone {zone!r}: name one such as Asia/Shanghai") from None
    return days.to_numpy().astype("datetime64[D]").astype(np.int64)


def _has_zone(given: object) -> bool:
    return (
        isinstance(given, str) and len(given) > 10 and (given.endswith("Z") or "+" in given[10:] or "-" in given[10:])
    )


def _places(days: np.ndarray, freq: str) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Place of each day on the calendar, and the calendar."""
    first, last = days.min(), days.max()
    if freq in ("D", "W"):
        step = 1 if freq == "D" else 7
        off = (days - first) % step
        calendar = np.arange(first, last + 1, step)
    else:
        start, end = (pd.Timestamp(int(day), unit="D") for day in (first, last))
        calendar = pd.date_range(start, end, freq=freq).to_numpy().astype("datetime64[D]").astype(np.int64)
        off = ~np.isin(days, calendar)
    if off.any():
        day = np.datetime64(int(days[np.flatnonzero(off)[0]]), "D")
        raise PanelError(f"date {day} is not the first day of a {FREQUENCIES[freq]} of this panel (freq {freq!r})")
    dates = pd.DatetimeIndex(calendar.astype("datetime64[D]").astype("datetime64[s]"), name="date")
    return (days - first) // step if freq in ("D", "W") else np.searchsorted(calendar, days), dates


def _refuse_twice(cell: np.ndarray, units: pd.Index, dates: pd.DatetimeIndex) -> None:
    seen = np.bincount(cell, minlength=len(units) * len(dates))
    twice = np.flatnonzero(seen > 1)
    if len(twice):
        at = ", ".join(f"{units[c // len(dates)]} {dates[c % len(dates)]:%Y-%m-%d}" for c in twice[:SHOWN])
        raise PanelError(f"{len(twice)} unit-periods have more than one row: {at}; one row per unit and period")


def _numbers(given: pd.Series, name: str, units: pd.Index, dates: pd.DatetimeIndex) -> np.ndarray:
    """Values as floats; texts and infinities are refused, empty ones stay NaN."""
    if pd.api.types.is_bool_dtype(given.dtype) or not pd.api.types.is_numeric_dtype(given.dtype):
        numbers = pd.to_numeric(given, errors="coerce")
        text = np.asarray(given.notna() & (numbers.isna() | given.map(lambda v: isinstance(v, str))))
        if text.any():
            odd = text & np.asarray(numbers.isna())  # "1.2万" tells more than "10"
            row = int(np.flatnonzero(odd if odd.any() else text)[0])
            raise PanelError(
                f"{name} {given.iloc[row]!r} of {units[row]} on {dates[row]:%Y-%m-%d} is a text: give numbers in "
                "base units (1.2万 is 12000)"
            )
        given = numbers
    values = given.to_numpy(float, na_value=np.nan)
    endless = np.isinf(values)
    if endless.any():
        row = int(np.flatnonzero(endless)[0])
        raise PanelError(f"{name} of {units[row]} on {dates[row]:%Y-%m-%d} is {values[row]}: values must be finite")
    return values


def _dense(numbers: np.ndarray, cell: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if len(cell) == shape[0] * shape[1] and (cell[0] == 0) and (np.diff(cell) == 1).all():
        return numbers.reshape(shape).copy()
    out = np.full(shape[0] * shape[1], np.nan)
    out[cell] = numbers
    return out.reshape(shape)


def _seen(cell: np.ndarray, values: np.ndarray, shape: tuple[int, int], what: str) -> tuple[Check, ...]:
    gaps = shape[0] * shape[1] - len(cell)
    empty, zeros = int(np.isnan(values).sum()), int((values == 0).sum())
    rows = f"of {shape[0] * shape[1]:,} unit-{what}s"
    return (
        Check(name="gaps", passed=None, value=gaps, text=f"{gaps:,} {rows} have no row; they stay missing"),
        Check(name="empty_values", passed=None, value=empty, text=f"{empty:,} {rows} have an empty value"),
        Check(name="zeros", passed=None, value=zeros, text=f"{zeros:,} {rows} are zero"),
    )
