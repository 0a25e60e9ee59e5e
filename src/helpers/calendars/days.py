"""What kind of day every day is: statutory holidays with make-up workdays, and the lunar calendar.

The State Council announces each year's breaks, and the weekend days that are worked in exchange
(调休), in the autumn before; ``chinese_calendar`` holds the announcements, ``borax`` the lunar months.
What the module cannot do: know an announcement that was not made, or not yet packed. Such days are
``known=False`` and get weekends and lunar dates only. A break can also reach back into the last days
of December (30 and 31 December 2023 belonged to New Year 2024), so these count as unknown as long as the next
year's announcement is missing. A free Saturday or Sunday beside a break is a weekend, not a holiday,
unless the break closes around it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from helpers.errors import HelpersError

HOLIDAYS = {
    "new_year": "New Year",
    "spring_festival": "Spring Festival",
    "qingming": "Qingming",
    "labour_day": "Labour Day",
    "dragon_boat": "Dragon Boat Festival",
    "mid_autumn": "Mid-Autumn Festival",
    "national_day": "National Day",
}
"""Families of statutory breaks: column of `movable`, and name in `days`."""

COMMERCE_DAYS = {"valentine": (2, 14), "five_twenty": (5, 20)}
"""Days of gifts that no platform owns: column of `movable`, month and day."""

PACKED_NAMES = {
    "New Year's Day": "New Year",
    "Tomb-sweeping Day": "Qingming",
    "Mid-autumn Festival": "Mid-Autumn Festival",
    "Anti-Fascist 70th Day": "Victory Day, 70 years",
}
LUNAR_YEARS = (1901, 2099)
PARCEL_STOP_DAYS = 14
YEAR_END = (12, 26)

Day = str | date | pd.Timestamp


def days(first: Day, last: Day) -> pd.DataFrame:
    """One row per calendar day, with its place in the working year and in the lunar year.

    Parameters
    ----------
    first, last : ISO day or date
        Both included; from 1901 to 2099, the years of the lunar calendar.

    Returns
    -------
    DataFrame
        date; is_workday (weekday that is no holiday, or make-up workday); is_makeup_workday (调休 on a
        weekend); holiday (name as in `HOLIDAYS`, or of a holiday held once; else ""); day_of_holiday
        (1 to n in the unbroken run of holidays, 0 outside); lunar_month, lunar_day, is_leap_month;
        days_to_spring_festival (to the nearest lunar New Year's Day: 3 is three days before, −3 three days
        after); known (False where no announcement is packed: holidays are then empty and workdays mean
        weekdays).

    Raises
    ------
    HelpersError
        Not days, out of order, or outside the lunar calendar.
    """
    return _days(_calendar(first, last))


def movable(first: Day, last: Day, *, unknown: str = "refuse") -> pd.DataFrame:
    """Regressors for what the working and the lunar calendar do to a daily series.

    Parameters
    ----------
    first, last : ISO day or date
        Both included.
    unknown : {"refuse", "empty"}, default "refuse"
        What to do where no announcement is packed: refuse the call, or leave statutory columns NaN there.

    Returns
    -------
    DataFrame
        Index ``date``. One 0/1 column for each of `HOLIDAYS` (all days of a break; a break that joins two
        holidays, as in October 2025, is the one with more days), ``makeup_workday``,
        ``pre_spring_festival`` (parcels stop: 1/14 fourteen days before lunar New Year's Day, 1 on its eve),
        ``lantern_festival`` (15th of the first month), ``qixi`` (7th of the seventh, never in a leap month)
        and `COMMERCE_DAYS`. A column without its day in the span is zero. A holiday held once (3 and 4
        September 2015) has no column.

    Raises
    ------
    HelpersError
        As in `days`; a day without an announcement where `unknown` is "refuse".
    """
    if unknown not in ("refuse", "empty"):
        raise HelpersError(f"unknown must be refuse or empty, got {unknown!r}")
    index = _calendar(first, last)
    # The break at an edge is seen whole, so that its family does not hang on where the span is cut.
    wide = days(_moved(index[0], -15), _moved(index[-1], 15))
    family = _families(wide)
    ahead, month = wide["days_to_spring_festival"].to_numpy(), wide["lunar_month"].where(~wide["is_leap_month"], 0)
    out = pd.DataFrame({name: (family == said).astype(float) for name, said in HOLIDAYS.items()})
    out["makeup_workday"] = wide["is_makeup_workday"].astype(float)
    statutory = out.columns
    is_near = (ahead > 0) & (ahead <= PARCEL_STOP_DAYS)
    out["pre_spring_festival"] = np.where(is_near, (PARCEL_STOP_DAYS + 1 - ahead) / PARCEL_STOP_DAYS, 0.0)
    out["lantern_festival"] = ((month == 1) & (wide["lunar_day"] == 15)).astype(float)
    out["qixi"] = ((month == 7) & (wide["lunar_day"] == 7)).astype(float)
    for name, (in_month, day) in COMMERCE_DAYS.items():
        out[name] = ((wide["date"].dt.month == in_month) & (wide["date"].dt.day == day)).astype(float)
    out.loc[~wide["known"], statutory] = np.nan
    out = out.set_index(pd.DatetimeIndex(wide["date"], name="date")).loc[index[0] : index[-1]]
    missing = out.index[out["makeup_workday"].isna()]
    if len(missing) and unknown == "refuse":
        raise HelpersError(
            f"no announcement of holidays is packed for {len(missing)} day(s) of {index[0]:%Y-%m-%d} to "
            f"{index[-1]:%Y-%m-%d}, the first is {missing[0]:%Y-%m-%d}: update chinesecalendar, shorten the span, "
            "or ask for unknown='empty'"
        )
    return out


def _calendar(first: Day, last: Day) -> pd.DatetimeIndex:
    try:
        start, end = (pd.Timestamp(day).normalize() for day in (first, last))
    except (AttributeError, TypeError, ValueError):  # NaT, which None becomes, has no day to cut to
        start = end = pd.NaT
    if start is pd.NaT or end is pd.NaT or start.tzinfo or end.tzinfo:
        raise HelpersError(f"first and last must be local days such as 2025-11-11, got {first!r} and {last!r}")
    if end < start:
        raise HelpersError(f"the last day must not lie before the first, got {first} to {last}")
    if start.year < LUNAR_YEARS[0] or end.year > LUNAR_YEARS[1]:
        raise HelpersError(
            f"the lunar calendar is known from {LUNAR_YEARS[0]} to {LUNAR_YEARS[1]}, got {first} to {last}"
        )
    return pd.date_range(start, end, freq="D", unit="s", name="date")


def _days(index: pd.DatetimeIndex) -> pd.DataFrame:
    """The rows of `days`; a break that began before the span is counted from its true start."""
    wide = pd.date_range(_moved(index[0], -15), index[-1], freq="D", unit="s")
    known = _is_known(wide)
    holiday, makeup = _announced(wide, known)
    table = pd.DataFrame({
        "date": wide,
        "is_workday": ((wide.day_of_week < 5) & (holiday == "")) | makeup,
        "is_makeup_workday": makeup,
        "holiday": holiday,
        "day_of_holiday": _day_of_holiday(holiday),
        **_lunar(wide),
        "days_to_spring_festival": _to_spring_festival(wide),
        "known": known,
    })  # fmt: skip
    return table.iloc[len(wide) - len(index) :].reset_index(drop=True)


def _moved(day: pd.Timestamp, by: int) -> pd.Timestamp:
    """The day moved, but not out of the lunar calendar."""
    ends = pd.Timestamp(LUNAR_YEARS[0], 1, 1), pd.Timestamp(LUNAR_YEARS[1], 12, 31)
    return min(max(day + pd.Timedelta(days=by), ends[0]), ends[1])


def _is_known(index: pd.DatetimeIndex) -> np.ndarray:
    from chinese_calendar import constants

    years = {day.year for day in constants.holidays}
    known = np.isin(index.year, list(years))
    month, day = YEAR_END
    is_end = (index.month == month) & (index.day >= day)
    return known & ~(is_end & ~np.isin(index.year + 1, list(years)))


def _announced(index: pd.DatetimeIndex, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Name of the holiday, and whether a weekend is worked."""
    from chinese_calendar import constants

    plain = index.date
    names = [constants.holidays.get(day, "") for day in plain]
    names = np.array([PACKED_NAMES.get(name, name) for name in names], dtype=object)
    weekend = index.day_of_week >= 5
    makeup = np.array([day in constants.workdays for day in plain], dtype=bool) & weekend & known
    return np.where(known, _closed(names, weekend & ~makeup), ""), makeup


def _closed(names: np.ndarray, weekend: np.ndarray) -> np.ndarray:
    """Weekend days that stand between two days of one holiday, which the announcement need not list."""
    ahead = pd.Series(names).replace("", np.nan).ffill(limit=2).to_numpy()
    behind = pd.Series(names).replace("", np.nan).bfill(limit=2).to_numpy()
    gap = weekend & (names == "") & (ahead == behind)
    return np.where(gap, ahead, names)


def _day_of_holiday(holiday: np.ndarray) -> np.ndarray:
    """Place in the unbroken run."""
    is_free = pd.Series(holiday != "")
    return is_free.groupby((~is_free).cumsum()).cumsum().astype(int).to_numpy()


def _families(table: pd.DataFrame) -> np.ndarray:
    """Name of the break that each day belongs to: that of most of its days, "" outside."""
    names = table["holiday"].to_numpy(object, copy=True)
    run = np.where(names == "", 0, (table["day_of_holiday"] == 1).cumsum())
    for number in np.unique(run[run > 0]):
        said, times = np.unique(names[run == number], return_counts=True)
        names[run == number] = said[times.argmax()]
    return names


def _new_years(first_year: int, last_year: int) -> np.ndarray:
    """Lunar New Year's Days as whole days since 1970."""
    from borax.calendars.lunardate import LunarDate

    starts = [LunarDate(year, 1, 1).to_solar_date() for year in range(first_year, last_year + 1)]
    return np.array(starts, dtype="datetime64[D]").astype(np.int64)


def _lunar(index: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    from borax.calendars.lunardate import LCalendars

    first_year, last_year = index[0].year - 1, index[-1].year
    months = [item for year in range(first_year, last_year + 1) for item in LCalendars.iter_year_month(year)]
    length = np.array([size for _, size, _ in months])
    starts = _new_years(first_year, first_year)[0] + np.concatenate([[0], np.cumsum(length)[:-1]])
    number = index.to_numpy().astype("datetime64[D]").astype(np.int64)
    place = np.searchsorted(starts, number, side="right") - 1
    return {
        "lunar_month": np.array([month for month, _, _ in months])[place],
        "lunar_day": number - starts[place] + 1,
        "is_leap_month": np.array([bool(leap) for _, _, leap in months])[place],
    }


def _to_spring_festival(index: pd.DatetimeIndex) -> np.ndarray:
    starts = _new_years(index[0].year - 1, index[-1].year + 1)
    number = index.to_numpy().astype("datetime64[D]").astype(np.int64)
    ahead = starts[np.searchsorted(starts, number)] - number
    behind = starts[np.searchsorted(starts, number, side="right") - 1] - number
    return np.where(ahead <= -behind, ahead, behind)
