"""A stake and its value state the whole: the identity that settles contradictory valuations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.checks import as_rate
from helpers.errors import HelpersError, ParameterError
from helpers.units import check_currency, in_words


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


def implied_total(
    stake_share: float,
    holding_value: float,
    *,
    stake_half_width: float = 0.0,
    holding_half_width: float = 0.0,
    currency: str | None = None,
    fact_ids: Sequence[str] = (),
) -> ImpliedTotalResult:
    """The whole that a stake implies, ``holding_value / stake_share``.

    It is the value of a whole made of shares like those held: common shares count as much as the
    fund's preferred ones, so the company as common holders see it may be worth less.

    Parameters
    ----------
    stake_share : float
        Part of the company, above 0, at most 1: 8.47 % is 0.0847.
    holding_value : float
        Above 0, whole currency units: 2.22e9.
    stake_half_width, holding_half_width : float
        Half of the last printed digit, same units: 0.00005 for 8.47 %, 5e6 for 2.22 billion.
    currency : str, optional
        A code in `units.CURRENCIES`, for the text.
    fact_ids : sequence of str
        Ledger rows of the two inputs.

    Returns
    -------
    ImpliedTotalResult

    Raises
    ------
    ParameterError
        If the stake is not above 0 and at most 1; 8.47 is told to be 0.0847.
    HelpersError
        If another input is out of range or a half width is as large as its number.
    UnknownNameError
        If the currency is not in the list.
    """
    if currency is not None:
        check_currency(currency)
    if not as_rate("stake_share", stake_share, low=0.0, high=1.0) > 0:
        raise ParameterError(f"stake_share is a part of the whole, above 0 and at most 1, got {stake_share}")
    if not 0 < holding_value < math.inf:
        raise HelpersError(f"holding_value must be above 0, got {holding_value}")
    for name, half, number in (
        ("stake_half_width", stake_half_width, stake_share),
        ("holding_half_width", holding_half_width, holding_value),
    ):
        if not 0 <= half < number:
            raise HelpersError(f"{name} must be 0 or more and below its number {number}, got {half}")
    stake = (stake_share, stake_share - stake_half_width, min(stake_share + stake_half_width, 1.0))
    holding = (holding_value, holding_value - holding_half_width, holding_value + holding_half_width)
    # the smallest whole: the smallest holding is the largest part of it
    whole = (holding[0] / stake[0], holding[1] / stake[2], holding[2] / stake[1])
    names = ["stake_share", "holding_value", "implied_total"]
    return ImpliedTotalResult(
        value=whole[0],
        low=whole[1],
        high=whole[2],
        table=pd.DataFrame([stake, holding, whole], columns=["value", "low", "high"], index=names),
        text=_text(stake_share, holding_value, whole, currency),
        fact_ids=tuple(fact_ids),
    )


def _text(stake: float, holding: float, whole: tuple[float, float, float], currency: str | None) -> str:
    unit = f" {currency}" if currency else ""
    value, low, high = whole
    between = "" if low == high else f" ({in_words(low)} to {in_words(high)} from rounding)"
    percent = f"{stake:.4%}".rstrip("0%").rstrip(".")
    return f"{percent} % worth {in_words(holding)}{unit} imply a whole of {in_words(value)}{unit}{between}"
