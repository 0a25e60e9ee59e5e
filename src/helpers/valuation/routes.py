"""Which figures add up to a period: every published period is a road between two days.

A figure from one day to another is an edge; going along it adds the figure, going against it takes it
off. Last twelve months are a way from the first day to the day after the last: four quarters, a year,
or back along last year's nine months, on along the year and on along this year's nine. The way with
the fewest figures is taken (Dijkstra 1959, A note on two problems in connexion with graphs), of those the
one with the fewest differences, then the one that rounding leaves least open. No way means that the figures do
not determine the period: a figure of another year can never stand in, because its days are other days.
Days are day numbers (days since 1970); the last of a period is given as the day after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from itertools import pairwise

import pandas as pd

from helpers.valuation.figures import Figure, Parts, as_day, day_number

MONTHS_OF_QUARTER = 3
QUARTER_DAYS = 365.25 / 4
SLACK_DAYS = 10  # weeks-based calendars end within days of the month


def route(figures: Iterable[Figure], start: int, end: int, *, without: Collection[Figure] = ()) -> Parts | None:
    """The fewest figures that add up to a period, with weight 1 or -1; None if none do.

    Parameters
    ----------
    figures : iterable of Figure
        Of one series, one per period.
    start, end : int
        First day and the day after the last.
    without : collection of Figure
        Figures not to use.
    """
    known = [figure for figure in figures if figure not in without]
    ways: dict[int, list[tuple[int, int, float]]] = {}
    for position, figure in enumerate(known):
        ways.setdefault(figure.first, []).append((figure.after, position, 1.0))
        ways.setdefault(figure.after, []).append((figure.first, position, -1.0))
    waiting: list[tuple] = [((0, 0, 0.0), start, ())]
    done = set()
    while waiting:
        (count, taken_off, width), day, way = heappop(waiting)
        if day == end:
            return [(sign, known[position]) for position, sign in way]
        if day in done:
            continue
        done.add(day)
        for there, position, sign in ways.get(day, ()):
            if there not in done:
                wider = width + (known[position].high - known[position].low)
                heappush(waiting, ((count + 1, taken_off + (sign < 0), wider), there, (*way, (position, sign))))
    return None


def quarter_count(figure: Figure) -> int:
    """How many quarters a period is long, 1 to 4; 0 where it is no whole number of them."""
    days = figure.after - figure.first
    count = round(days / QUARTER_DAYS)
    return count if 1 <= count <= 4 and abs(days - count * QUARTER_DAYS) <= SLACK_DAYS else 0


def days_known(figures: Iterable[Figure]) -> list[int]:
    """Every day that a figure begins on or ends before, in order."""
    return sorted({day for figure in figures for day in (figure.first, figure.after)})


def cells(figures: Collection[Figure]) -> list[tuple[int, int]]:
    """Every quarter that the figures consist of, first day and the day after the last, in order."""
    known = days_known(figures)
    counted = [(figure, quarter_count(figure)) for figure in figures]
    bounds = [_bounds(figure.first, figure.after, count, known) for figure, count in counted if count]
    return sorted({cell for days in bounds for cell in pairwise(days)})


def _bounds(first: int, after: int, count: int, known: list[int]) -> list[int]:
    """The first days of the quarters of a period and the day after; a day that a figure ends on wins."""
    exact = [
        day_number(as_day(first) + pd.DateOffset(months=MONTHS_OF_QUARTER * quarter)) for quarter in range(1, count)
    ]
    near = [[day for day in known if abs(day - bound) <= SLACK_DAYS] for bound in exact]
    return [first, *map(nearest, near, exact), after]


def nearest(days: Iterable[int], day: int) -> int:
    """The one of some days that is nearest to a day; the day itself where there are none."""
    return min(days, key=lambda known: abs(known - day), default=day)


def gaps(figures: Collection[Figure], start: int, end: int) -> list[tuple[int, int]]:
    """The quarters that keep the figures from adding up to a period of whole quarters.

    Parameters
    ----------
    figures : collection of Figure
        Of one series.
    start, end : int
        First day and the day after the last, some quarters apart.
    """
    bounds = _bounds(start, end, max(1, round((end - start) / QUARTER_DAYS)), days_known(figures))
    home = _components(figures)
    missing, at = [], 0
    while at < len(bounds) - 1:
        here = home(bounds[at])
        at = max(i for i in range(at, len(bounds)) if i == at or home(bounds[i]) == here)
        if at < len(bounds) - 1:
            missing.append((bounds[at], bounds[at + 1]))
            at += 1
    return missing


def _components(figures: Iterable[Figure]) -> Callable[[int], int]:
    """A function that names the group of days which figures connect."""
    parent: dict[int, int] = {}

    def home(day: int) -> int:
        while parent.get(day, day) != day:
            day = parent[day]
        return day

    for figure in figures:
        parent[home(figure.first)] = home(figure.after)
    return home
