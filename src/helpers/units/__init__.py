"""Units that refuse, dated exchange rates, and numbers in words (310亿 is 31.0 billion).

The mistakes that turn a conclusion round are a scale, a share class, a currency or a period, not a
model. So every kind of thing has its own dimension, a conversion has a name and a day, and 亿 (1e8)
never passes for a billion (1e9). What this module cannot do: tell whether a source meant what it
printed; that is tested against other facts in the audit.
"""

from __future__ import annotations

from helpers.units.names import CURRENCIES, PERIODS, UNITS, Unit, check_currency, needs_currency
from helpers.units.quantities import ads_to_shares, annualise, combine, quantity, registry, total, unit_of
from helpers.units.rates import average_rate, convert, rate, table_covers
from helpers.units.words import in_words, parse_number

__all__ = [
    "CURRENCIES",
    "PERIODS",
    "UNITS",
    "Unit",
    "ads_to_shares",
    "annualise",
    "average_rate",
    "check_currency",
    "combine",
    "convert",
    "in_words",
    "needs_currency",
    "parse_number",
    "quantity",
    "rate",
    "registry",
    "table_covers",
    "total",
    "unit_of",
]
