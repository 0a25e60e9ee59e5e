"""A year-on-year festival figure when the festival's windows differ in length.

Kuaishou's Double 11 began on 10 October in 2024 and on 7 October in 2025: three more days sell more, whatever the
platform does. The total's growth is brought to a day, and to the days that both years have, with bounds for
ends that nobody stated. What the module cannot do: know what each day sold; the first and the last day of an
event are not average days, so the bounds are wide on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import PanelError, WindowError
from helpers.uplift.claims import ONE_DAY, ONE_MINUTE, Claim, Pair, as_claim, percent

EVENT_DAYS = {"618": (6, 18), "double_11": (11, 11)}
"""The day each festival is named after: it cannot have ended before."""

WINDOW_COLUMNS = ["entity", "festival", "year", "start", "end", "status", "gaps", "conflicts"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SameWindow:
    """A year-on-year festival figure, with windows of different length taken into account.

    Attributes
    ----------
    reported, reported_low, reported_high : float
        The growth of the total, as printed; NaN where no claim was given.
    per_day, per_day_low, per_day_high : float
        Growth per day of festival.
    common_low, common_high : float
        Growth of the days that both years have, if the days that one year has more sold between nothing and as much
        as an average day.
    extra_days, extra_days_low, extra_days_high : float
        Days by which this year's window is longer.
    table : DataFrame
        One row per year, base first: year, start, end, days, days_low, days_high, status, gaps, conflicts.
    text : str
        One or two sentences.
    checks : tuple of Check
        ``ends_stated``, ``starts_agree``, ``conflicts``, ``status``; ``calendar_window`` for a window given.
    fact_ids : tuple of str
        The ledger row of the claim.
    """

    reported: float
    reported_low: float
    reported_high: float
    per_day: float
    per_day_low: float
    per_day_high: float
    common_low: float
    common_high: float
    extra_days: float
    extra_days_low: float
    extra_days_high: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def same_window(
    windows: pd.DataFrame, *, entity: str, festival: str, year: int, base_year: int | None = None,
    growth: float | Claim | None = None, window: Pair | None = None, slack_days: int = 3, step: float = 0.01,
) -> SameWindow:  # fmt: skip
    """A year-on-year festival figure per day, ``(1 + growth) * days_before / days_now - 1``, with bounds.

    Parameters
    ----------
    windows : DataFrame
        Rows of `helpers.calendars.windows`: entity, festival, year, start, end, status, gaps, conflicts.
    entity, festival, year : str, str, int
        Which event.
    base_year : int, optional
        Compared with; default the year before.
    growth : float or Claim, optional
        The printed growth of the total; without it only the windows are compared.
    window : pair of moments, optional
        What the figure counts, where it is a part of the event ("48 hours"); default the claim's. Its base is
        either the same days of the event or the same days of the calendar, of which some may lie outside
        last year's event: the bounds hold both.
    slack_days : int, default 3
        An end that nobody stated lies between the festival's own day (`EVENT_DAYS`) and so many days later; 3 is
        the longest seen in the calendar (14 November). It is the day itself in the middle case.
    step : float, default 0.01
        Last printed digit of a plain number.

    Returns
    -------
    SameWindow

    Raises
    ------
    PanelError
        A column is missing, or two rows of one year.
    WindowError
        A year has no row, was not held, has no start.
    """
    base_year = year - 1 if base_year is None else base_year
    claim = None if growth is None else as_claim(growth, festival, step)
    before, now = (_event_row(windows, entity, festival, at, slack_days) for at in (base_year, year))
    window = window or (claim.window if claim else None)
    checks = list(_window_checks(before, now))
    if window is not None:
        span = Claim(metric=festival, value=0.0, window=window).window
        checks.append(_calendar_window(span, before, now))
        before, now = _partial(span, before, now)
    reported = (claim.value, claim.low, claim.high) if claim else (np.nan,) * 3
    per_day = (
        (1 + reported[0]) * before["days"] / now["days"] - 1,
        (1 + reported[1]) * before["days_low"] / now["days_high"] - 1,
        (1 + reported[2]) * before["days_high"] / now["days_low"] - 1,
    )
    table = pd.DataFrame([before, now])[["year", "start", "end", "days", "days_low", "days_high", *WINDOW_COLUMNS[5:]]]
    return SameWindow(
        reported=reported[0], reported_low=reported[1], reported_high=reported[2],
        per_day=per_day[0], per_day_low=per_day[1], per_day_high=per_day[2],
        common_low=min(per_day[1], reported[1]), common_high=max(per_day[2], reported[2]),
        extra_days=now["days"] - before["days"], extra_days_low=now["days_low"] - before["days_high"],
        extra_days_high=now["days_high"] - before["days_low"], table=table, checks=tuple(checks),
        text=_window_text(entity, festival, before, now, reported, per_day),
        fact_ids=(claim.fact_id,) if claim and claim.fact_id else (),
    )  # fmt: skip


def latest_pair(windows: pd.DataFrame, *, entity: str, festival: str, slack_days: int = 3) -> SameWindow | None:
    """The last two years of a festival whose starts are known; None where there are no two.

    Parameters
    ----------
    windows, entity, festival, slack_days
        As in `same_window`.
    """
    rows = windows[windows["entity"].eq(entity) & windows["festival"].eq(festival) & windows["start"].notna()]
    years = sorted(rows["year"].unique())
    if len(years) < 2:
        return None
    return same_window(
        windows, entity=entity, festival=festival, year=int(years[-1]), base_year=int(years[-2]), slack_days=slack_days
    )


def _event_row(windows: pd.DataFrame, entity: str, festival: str, year: int, slack_days: int) -> dict[str, object]:
    """One year's window, with the bounds of its length."""
    missing = [column for column in WINDOW_COLUMNS if column not in windows.columns]
    if missing:
        raise PanelError(f"windows need the columns {', '.join(WINDOW_COLUMNS)}; missing: {', '.join(missing)}")
    which = f"{entity} {festival} {year}"
    rows = windows[windows["entity"].eq(entity) & windows["festival"].eq(festival) & windows["year"].eq(year)]
    if len(rows) != 1:
        kind = WindowError if rows.empty else PanelError
        raise kind(f"need one window of {which}, got {len(rows)}")
    row = rows.iloc[0][WINDOW_COLUMNS].to_dict()
    if pd.isna(row["start"]):
        raise WindowError(f"{which} has no start ({row['status']}: {row['gaps']}): there is no window to compare with")
    ends = [row["end"]] * 3
    if pd.isna(row["end"]):
        if festival not in EVENT_DAYS:
            raise WindowError(f"{which} has no end, and the day it cannot have ended before is not known")
        month, day = EVENT_DAYS[festival]
        named = pd.Timestamp(year, month, day) + ONE_DAY - ONE_MINUTE
        ends = [named, named, named + slack_days * ONE_DAY]
    days = [(end + ONE_MINUTE - row["start"]) / ONE_DAY for end in ends]
    return {**row, "days": days[0], "days_low": days[1], "days_high": days[2], "latest": ends[2]}


def _in_year(moment: pd.Timestamp, year: int) -> pd.Timestamp:
    """The same day and hour of another year; 29 February becomes the 28th."""
    return moment + pd.DateOffset(years=year - moment.year)


def _overlap(span: Pair, before: dict[str, object]) -> tuple[Pair, float]:
    """The same calendar days of the base year, and how many of them lay in its event."""
    base = tuple(_in_year(moment, int(before["year"])) for moment in span)
    shared = (min(base[1], before["latest"]) + ONE_MINUTE - max(base[0], before["start"])) / ONE_DAY
    return base, max(0.0, shared)


def _calendar_window(span: Pair, before: dict[str, object], now: dict[str, object]) -> Check:
    base, shared = _overlap(span, before)
    length = (span[1] + ONE_MINUTE - span[0]) / ONE_DAY
    aligned = [moment - now["start"] + before["start"] for moment in span]
    text = (
        f"the same calendar days a year earlier, {_days(base)}, have {shared:g} of {length:g} in that year's event "
        f"({before['status']}); the same days of the event are {_days(aligned)}"
    )
    return Check(
        name="calendar_window", passed=bool(shared >= length - 0.01), value=shared, threshold=length, text=text
    )


def _days(span: Pair | list[pd.Timestamp]) -> str:
    return f"{span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}"


def _partial(
    span: Pair, before: dict[str, object], now: dict[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Lengths that count where the figure is about a part of the event only."""
    length = (span[1] + ONE_MINUTE - span[0]) / ONE_DAY
    if length > now["days_low"] - 0.5:
        return before, now
    _, shared = _overlap(span, before)
    return (
        {**before, "days": length, "days_low": min(shared, length), "days_high": length},
        {**now, "days": length, "days_low": length, "days_high": length},
    )


def _window_checks(before: dict[str, object], now: dict[str, object]) -> tuple[Check, ...]:
    both = (before, now)
    open_years = [int(row["year"]) for row in both if pd.isna(row["end"])]
    late = (_in_year(now["start"], int(before["year"])) - before["start"]) / ONE_DAY
    doubted = [f"{row['year']}: {row['conflicts']}" for row in both if row["conflicts"]]
    unsure = [f"{row['year']} is {row['status']}" for row in both if row["status"] != "confirmed"]
    gaps = "; ".join(f"{row['year']}: {row['gaps']}" for row in both if row["gaps"])
    moved = "on the same day of the year" if late == 0 else f"{abs(late):g} day(s) {'later' if late > 0 else 'earlier'}"
    return (
        Check(name="ends_stated", passed=not open_years, value=len(open_years), threshold=0,
              text=gaps or "both windows have both ends"),
        Check(name="starts_agree", passed=late == 0, value=float(late), threshold=0.0,
              text=f"the event of {now['year']} began {moved} than that of {before['year']}" if late else
              f"both events began {moved}"),
        Check(name="conflicts", passed=not doubted, value=len(doubted), threshold=0,
              text="; ".join(doubted) or "no source contradicts another"),
        Check(name="status", passed=not unsure, value=len(unsure), threshold=0,
              text="; ".join(unsure) or "a source states both windows"),
    )  # fmt: skip


def _window_text(
    entity: str, festival: str, before: dict[str, object], now: dict[str, object],
    reported: tuple[float, ...], per_day: tuple[float, ...],
) -> str:  # fmt: skip
    def length(row: dict[str, object]) -> str:
        low, high = row["days_low"], row["days_high"]
        return f"{row['days']:.3g}" if low == high else f"{low:.3g} to {high:.3g}"

    out = f"{entity}, {festival}: {length(now)} days in {now['year']} against {length(before)} in {before['year']}"
    if np.isnan(reported[0]):
        return f"{out}."
    between = f"({percent(per_day[1])} to {percent(per_day[2])})"
    return f"{out}; {percent(reported[0])} in total is {percent(per_day[0])} a day {between}."
