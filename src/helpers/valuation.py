"""What a platform was priced at, against what was known of it on that day.

Three methods: `dated_multiples` (price over a published figure, no look-ahead), `option_ladder`
(employee grants as a series of prices) and `implied_total` (a stake and its value state the whole).

What this module cannot do: build the last twelve months from quarters, calendarise fiscal years,
bridge equity to enterprise value, or value preferred shares. A headline price treats every share as
the best one, so a multiple of it is an upper reading. A grant's price is the company's own figure,
an intrinsic value has no time value in it, and neither corrects for a share split.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .checks import Check
from .errors import HelpersError, RateError
from .units import average_rate, check_currency, in_words, rate

ANNUAL_DAYS = (350, 380)
"""Length of a period that counts as a year; a quarter's sales would make a multiple four times too large."""

_PRICE_COLUMNS = ("date", "value", "currency", "known_on", "fact_id")
_DENOMINATOR_COLUMNS = (
    *("metric", "period_start", "period_end", "value"),
    *("currency", "known_on", "fact_id"),
)
_GRANT_COLUMNS = ("date", "price", "strike", "fact_id")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MultiplesResult:
    """Dated multiples.

    Attributes
    ----------
    table : DataFrame
        One row per price and metric, by date and metric: date, metric, multiple, reason (empty
        where a multiple is stated), price_quote and denominator_quote (in `quote_currency`; a
        denominator without a currency in its own unit), price, price_currency, price_rate,
        denominator, denominator_currency, denominator_rate (NaN without a currency), period_start,
        period_end, known_on, age_days (price date less period_end), price_known_on, price_fact_id,
        denominator_fact_id.
    quote_currency : str
        Currency that both sides were converted to.
    text : str
        One sentence per metric on its last stated multiple.
    checks : tuple of Check
        ``coverage``, ``denominator_age``, ``left_out``.
    fact_ids : tuple of str
        Ledger rows that a stated multiple rests on.
    """

    table: pd.DataFrame
    quote_currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LadderResult:
    """A series of option grants.

    Attributes
    ----------
    table : DataFrame
        By date: date, price, strike, intrinsic_value (price less strike, per option), price_growth
        (0.85 is +85 % on the grant before), intrinsic_multiple (times the grant before; NaN with a
        reason if that was not above 0), days_since_previous, reason, fact_id.
    price_growth, intrinsic_multiple : float
        From the first grant to the last.
    text : str
        The same in words.
    checks : tuple of Check
        ``in_the_money``: every price lies above its strike.
    fact_ids : tuple of str
        Ledger rows of the grants.
    """

    table: pd.DataFrame
    price_growth: float
    intrinsic_multiple: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpliedTotalResult:
    """The whole that a stake and its value imply.

    Attributes
    ----------
    value, low, high : float
        In the currency of the holding; the interval is what the rounding of both inputs leaves.
    table : DataFrame
        One row per quantity (stake_share, holding_value, implied_total): value, low, high.
    text : str
        One sentence.
    fact_ids : tuple of str
        Ledger rows of the two inputs.
    """

    value: float
    low: float
    high: float
    table: pd.DataFrame
    text: str
    fact_ids: tuple[str, ...]


def dated_multiples(
    prices: pd.DataFrame,
    denominators: pd.DataFrame,
    *,
    quote_currency: str,
    level_metrics: Collection[str] = (),
    max_age_days: int = 550,
) -> MultiplesResult:
    """Price over the latest figure that was known on its day, ``price / denominator``.

    Of each metric it takes the last period that had ended, and been published, by the day of the
    price; of several vintages of that period the last one published by then. A price converts at
    its day's rate, a year's flow at the average rate of its year, a balance at its day's rate, so
    the same pair read in another currency moves by the drift of the rate between the two dates.

    Parameters
    ----------
    prices : DataFrame
        date, value (above 0, whole currency units), currency, known_on, fact_id: market values or
        valuations, never a price per share.
    denominators : DataFrame
        metric, period_start, period_end, value, currency (empty for users and the like), known_on,
        fact_id. Years (350 to 380 days) and points in time (start empty or equal to the end); rows of
        other lengths are left out and counted, because a quarter's sales are not a year's.
    quote_currency : str
        A code in `units.CURRENCIES`.
    level_metrics : collection of str
        Metrics that are levels averaged over their period (monthly users of a quarter): taken
        whatever the length.
    max_age_days : int
        An older denominator fails the check ``denominator_age``.

    Returns
    -------
    MultiplesResult
        A denominator that is not above 0, not known yet or without a rate gives NaN and a reason.

    Raises
    ------
    HelpersError
        If a column or a date is missing, a price is not above 0, or two rows of one metric share
        period end and publication day.
    UnknownNameError
        If a currency is not in the list.

    Notes
    -----
    A denominator dated by its period's end instead of its publication is known up to four months
    too early: the usual look-ahead of daily multiples.
    """
    check_currency(quote_currency)
    numerators = _in_quote(_checked_prices(prices), quote_currency)
    usable, left_out = _usable(_checked_denominators(denominators), level_metrics)
    usable = _in_quote(usable, quote_currency)
    rows = [
        _multiple(price, metric, _latest_known(of_metric, price.date))
        for price in numerators.itertuples(index=False)
        for metric, of_metric in usable.groupby("metric")
    ]
    table = pd.DataFrame(rows, columns=list(_multiple_columns()))
    stated = table[table["multiple"].notna()]
    return MultiplesResult(
        table=table,
        quote_currency=quote_currency,
        text=_multiples_text(stated, quote_currency),
        checks=_multiples_checks(table, stated, left_out, max_age_days),
        fact_ids=tuple(dict.fromkeys([*stated["price_fact_id"], *stated["denominator_fact_id"]])),
    )
