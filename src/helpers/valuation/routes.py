"""Which figures add up to a period: every published period is a road between two days.

A figure from one day to another is an edge; going along it adds the figure, going against it takes it
off. Last twelve months are a way from the first day to the day after the last: four quarters, a year,
or back along last year's nine months, on along the year and on along this year's nine. The way with
the fewest figures is taken (Dijkstra 1959, A note on two problems in connexion with graphs), of those the
one with the fewest differences, then the one that rounding leaves least open. No way means that the figures do
not determine the period: a figure of another year can never stand in, because its days are other days.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np
import pandas as pd

MONTHS_OF_QUARTER = 3
QUARTER_DAYS = 365.25 / 4
SLACK_DAYS = 10  # weeks-based calendars end within days of the month


def route(rows: pd.DataFrame, start: int, end: int, *, without: Collection[int] = ()) -> pd.DataFrame | None:
    """The rows that add up to a period, with ``weight`` 1 or -1; None if there are none.

    Parameters
    ----------
    rows : DataFrame
        period_start, period_end, low, high; one row per period.
    start, end : int
        First day and the day after the last, as `day_numbers` counts.
    without : collection of int
        Positions of rows not to use.
    """
    way = shortest((road for road in roads(rows) if road[2] not in without), start, end)
    if way is None:
        return None
    return rows.iloc[[position for position, _ in way]].assign(weight=[float(sign) for _, sign in way])


def roads(rows: pd.DataFrame) -> list[tuple[int, int, int, float]]:
    """First day, the day after the last, position and width of the interval of each row."""
    first, after = edges(rows)
    width = (rows["high"] - rows["low"]).to_numpy(float)
    return list(zip(first.tolist(), after.tolist(), range(len(rows)), width.tolist(), strict=True))


def shortest(known: Iterable[tuple[int, int, int, float]], start: int, end: int) -> tuple[tuple[int, int], ...] | None:
    """Positions and signs of the fewest roads that lead from one day to another; None if none do.

    Parameters
    ----------
    known : iterable of tuple
        From `roads`.
    start, end : int
        First day and the day after the last.
    """
    ways: dict[int, list[tuple[int, int, int, float]]] = {}
    for first, after, position, width in known:
        ways.setdefault(first, []).append((after, position, 1, width))
        ways.setdefault(after, []).append((first, position, -1, width))
    waiting: list[tuple] = [((0, 0, 0.0), start, ())]
    done = set()
    while waiting:
        (count, taken_off, width), day, way = heappop(waiting)
        if day == end:
            return way
        if day in done:
            continue
        done.add(day)
        for there, position, sign, wide in ways.get(day, ()):
            if there not in done:
                cost = (count + 1, taken_off + (sign < 0), width + wide)
                heappush(waiting, (cost, there, (*way, (position, sign))))
    return None


def edges(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """First day and the day after the last of each row, as day numbers."""
    return day_numbers(rows["period_start"]), day_numbers(rows["period_end"]) + 1


def day_numbers(days: pd.Series) -> np.ndarray:
    """Days since 1970."""
    return days.to_numpy("datetime64[D]").astype(int)


def as_day(number: int) -> pd.Timestamp:
    """The day of a number."""
    return pd.Timestamp(np.datetime64(number, "D"))


def quarter_count(rows: pd.DataFrame) -> np.ndarray:
    """How many quarters each period is long, 1 to 4; 0 where it is no whole number of them."""
    first, after = edges(rows)
    count = np.round((after - first) / QUARTER_DAYS).astype(int)
    off = np.abs(after - first - count * QUARTER_DAYS)
    return np.where((count >= 1) & (count <= 4) & (off <= SLACK_DAYS), count, 0)


def cells(rows: pd.DataFrame, counts: np.ndarray) -> list[tuple[int, int]]:
    """Every quarter that the periods consist of, first day and the day after the last, in order.

    Parameters
    ----------
    rows : DataFrame
        period_start, period_end.
    counts : array of int
        From `quarter_count`.
    """
    first, after = edges(rows)
    known = np.unique(np.concatenate([first, after]))
    found = set()
    for a, b, count in zip(first, after, counts, strict=True):
        bounds = list(_bounds(int(a), int(b), int(count), known))
        found.update(pairwise(bounds))
    return sorted(found)


def _bounds(first: int, after: int, count: int, known: np.ndarray) -> Iterator[int]:
    """The first days of the quarters of a period and the day after; a day that a figure ends on wins."""
    for quarter in range(count + 1):
        if quarter in (0, count):
            yield first if quarter == 0 else after
            continue
        exact = as_day(first) + pd.DateOffset(months=MONTHS_OF_QUARTER * quarter)
        number = int(np.datetime64(exact, "D").astype(int))
        near = known[np.abs(known - number) <= SLACK_DAYS]
        yield number if number in near or not len(near) else int(near[np.argmin(np.abs(near - number))])


def gaps(rows: pd.DataFrame, start: int, end: int) -> list[tuple[int, int]]:
    """The quarters that keep the figures from adding up to a period of whole quarters.

    Parameters
    ----------
    rows : DataFrame
        period_start, period_end.
    start, end : int
        First day and the day after the last, four quarters apart.
    """
    first, after = edges(rows)
    known = np.unique(np.concatenate([first, after]))
    bounds = list(_bounds(start, end, max(1, round((end - start) / QUARTER_DAYS)), known))
    home = _components(first.tolist(), after.tolist())
    missing, at = [], 0
    while at < len(bounds) - 1:
        here = home(bounds[at])
        at = max(i for i in range(at, len(bounds)) if i == at or home(bounds[i]) == here)
        if at < len(bounds) - 1:
            missing.append((bounds[at], bounds[at + 1]))
            at += 1
    return missing


def _components(first: list[int], after: list[int]) -> Callable[[int], int]:
    """A function that names the group of days which figures connect."""
    parent: dict[int, int] = {}

    def home(day: int) -> int:
        while parent.get(day, day) != day:
            day = parent[day]
        return day

    for a, b in zip(first, after, strict=True):
        parent[home(a)] = home(b)
    return home
