"""How numbers are said: scale, digits, unit and currency, in the language in use."""

from __future__ import annotations

import math

import pandas as pd

from helpers import units
from helpers.wording.language import language, word

UNIT_WORDS = {
    "en": {
        "minute_per_person_day": "minutes",
        "multiple": "times",
        "money_per_share": "per share",
        "money_per_ads": "per ADS",
        "money_per_buyer": "per buyer",
        "month": "months",
        "hour": "hours",
        "year": "years",
    },
    "zh": {
        "minute_per_person_day": "分钟",
        "multiple": "倍",
        "person": "人",
        "buyer": "人",
        "order": "单",
        "money_per_share": "每股",
        "money_per_ads": "每份ADS",
        "money_per_buyer": "每位买家",
        "month": "个月",
        "hour": "小时",
        "year": "年",
    },
}


COUNTED = ("count", "day", "hour", "month", "year", "rating_point")  # exact as printed


def say(value: float | None, unit: str = "", currency: str = "", digits: int = 3) -> str:
    """A number with its scale, unit and currency: "CNY 385 billion", "CNY 3,850亿", "13.5 %".

    Parameters
    ----------
    value : float or None
        In base units; None and NaN are "–", infinities are open ends.
    unit, currency : str
        Names of the closed lists.
    digits : int, default 3
        Significant digits.
    """
    if value is None or pd.isna(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if unit == "ratio":
        return f"{value * 100:.{max(0, digits - 1 - _magnitude(value * 100))}f} %".replace("-", "−")
    plain = _small(value, unit) if abs(value) < 1e4 else units.in_words(value, language(), digits)
    parts = [currency, plain.replace("-", "−"), UNIT_WORDS[language()].get(unit, "")]
    return " ".join(part for part in parts if part)


def _small(value: float, unit: str) -> str:
    """Below ten thousand: prices with their cents, other numbers with three figures."""
    if unit.startswith("money_per"):
        return f"{value:,.4g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _magnitude(value: float) -> int:
    return 0 if abs(value) < 1 else math.floor(math.log10(abs(value)))


def period(start: pd.Timestamp, end: pd.Timestamp, *, loose: bool = False) -> str:
    """A period as people write it: 2024, 2024Q3, 2024H1, a day, or two days.

    Parameters
    ----------
    start, end : Timestamp
        First and last day; NaT gives "–".
    loose : bool, default False
        The figure is a stock that held on some day of the period: "2024-07".
    """
    if pd.isna(end):
        return "–"
    if start == end:
        return f"{end:%Y-%m-%d}"
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    if loose:
        return f"{end:%Y-%m}" if months == 1 else f"{start:%Y-%m} … {end:%Y-%m}"
    whole = start.day == 1 and end.is_month_end
    if whole and months == 1:
        return f"{end:%Y-%m}"
    if whole and months == 12 and start.month == 1:
        return f"{end:%Y}"
    if whole and months == 3 and start.month % 3 == 1:
        return f"{end:%Y}Q{end.month // 3}"
    if whole and months == 6 and start.month in (1, 7):
        return f"{end:%Y}H{end.month // 6}"
    return f"{start:%Y-%m} … {end:%Y-%m}" if whole else f"{start:%Y-%m-%d} … {end:%Y-%m-%d}"


def leeway(row) -> str:
    """What a figure leaves open: the range of its sources, or what its words and digits allow.

    Parameters
    ----------
    row : object
        Attributes value, low, high, unit, is_disputed, range_low, range_high, as in a row of
        `helpers.ledger.PreferredSeries.table`.
    """
    if row.is_disputed:
        return word("disputed_range", low=say(row.range_low, row.unit), high=say(row.range_high, row.unit))
    if math.isinf(row.high):
        return word("or_more")
    if row.unit in COUNTED:
        return "–"
    up, down = row.high - row.value, row.value - row.low
    if abs(up - down) <= 1e-6 * max(abs(up), abs(down)):
        half = f"{up * 100:.2g} %" if row.unit == "ratio" else say(up, row.unit, digits=2)
        if getattr(row, "qualifier", "") == "about":
            return f"± {half}"
        return word("nearest", size=f"{up * 200:.2g} %" if row.unit == "ratio" else say(2 * up, row.unit, digits=2))
    return word("rounding_range", low=say(row.low, row.unit, digits=4), high=say(row.high, row.unit, digits=4))
