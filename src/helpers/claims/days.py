"""From the periods that a text names to days: "8月19日" in an article of August 2025 is 2025-08-19."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import date
from functools import lru_cache

from helpers.claims.periods import Period


@lru_cache(maxsize=4096)
def resolve(period: Period, today: date | None, fiscal_end: int = 12) -> tuple[str, str]:
    """First and last day of a period, as ISO days; two empty texts where the text leaves it open.

    Parameters
    ----------
    period : Period
    today : date, optional
        The day of publication, from which missing years are read: the latest such period before it.
    fiscal_end : int, default 12
        Last month of the entity's fiscal year, for fiscal periods.
    """
    if period.until is not None:
        first = resolve(replace(period, until=None), today, fiscal_end)
        last = resolve(period.until, today, fiscal_end)
        if first[0] > last[1] and first[0] and last[1] and period.year is None and period.until.year is not None:
            first = resolve(replace(period, until=None, year=period.until.year), today, fiscal_end)
        return (first[0], last[1]) if first[0] and first[0] <= last[1] else ("", "")
    year = period.year
    if period.kind == "ago":
        return _whole(today.year, today.month + period.shift, 1) if today else ("", "")
    if year is None:
        if today is None or period.kind in ("this", "years", "time"):
            return "", ""
        if period.is_fiscal and fiscal_end != 12:
            years = (replace(period, year=today.year + y + period.shift) for y in (1, 0, -1))
            days = (resolve(named, today, fiscal_end) for named in years)
            return next((d for d in days if d[1] <= today.isoformat()), ("", ""))
        year = today.year + period.shift
        if period.kind == "relative":
            return _whole(year, 1, 12)
        if not period.shift and period.kind != "year" and not _is_over(period, year, today):
            year -= 1
    if period.kind == "day":
        if period.part is None:
            return "", ""
        last = calendar.monthrange(year, period.part)[1]
        day = f"{year}-{period.part:02d}-{period.day:02d}"
        return (day, day) if period.day <= last else ("", "")
    first, length = {
        "year": (1, 12), "relative": (1, 12), "nine": (1, 9), "month": (period.part or 1, 1),
        "quarter": (3 * (period.part or 1) - 2, 3), "half": (6 * (period.part or 1) - 5, 6),
    }.get(period.kind, (0, 0))  # fmt: skip
    if not length:
        return "", ""
    if period.is_fiscal and fiscal_end != 12:
        first += fiscal_end - 12  # the fiscal year is named after the year in which it ends
    return _whole(year, first, length)


def _is_over(period: Period, year: int, today: date) -> bool:
    """Whether a period of this year has begun by the day of publication; a day may lie a little ahead."""
    first = {
        "quarter": 3 * (period.part or 1) - 2, "half": 6 * (period.part or 1) - 5, "nine": 7,
    }.get(period.kind, period.part or 1)  # fmt: skip
    ahead = 2 if period.kind in ("day", "month") else 0
    return first <= today.month + ahead


def _whole(year: int, first: int, length: int) -> tuple[str, str]:
    start_year, start = divmod(year * 12 + first - 1, 12)
    end_year, end = divmod(year * 12 + first + length - 2, 12)
    last = calendar.monthrange(end_year, end + 1)[1]
    return f"{start_year}-{start + 1:02d}-01", f"{end_year}-{end + 1:02d}-{last}"
