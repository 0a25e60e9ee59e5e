"""From levels to factors: users, buyers, orders, GMV become users x buyers/users x orders/buyers x GMV/orders.

The identity that `helpers.growth.decomposition` splits. What the module cannot do: see that two levels
count over different periods (buyers of a year among users of a day give a share above 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.growth.cells import numbers_of
from helpers.units import UNITS, check_currency, needs_currency

NOT_LEVELS = ("ratio", "percentage_point", "multiple", "money_per_share", "money_per_ads", "money_per_buyer")
"""Units of what is already a quotient: nothing to divide further."""


def from_levels(
    levels: pd.DataFrame,
    *,
    chain: Sequence[str],
    units: Mapping[str, str],
    names: Sequence[str] | None = None,
    segment: str | None = None,
    period: str | None = None,
    structure: bool = False,
) -> pd.DataFrame:
    """Factors whose product is the last level: the first level, then each level per unit of the one before.

    Parameters
    ----------
    levels : DataFrame
        A column for each level, 0 or more, and a column currency where a level is money (one currency).
    chain : sequence of str
        The levels, 2 or more, each divided by the one before: users, buyers, orders, gmv, revenue.
    units : mapping of str to str
        Unit of every level, a name in `helpers.units.UNITS`, such as person, buyer, order, money.
    names : sequence of str, optional
        Names of the factors, in order. Left out: the first level's name, then "buyers/users".
    segment, period : str, optional
        Columns that name segments and periods; handed on.
    structure : bool, default False
        Split the first level into its total over the segments of each period and the segment's share in it,
        so that growth of the whole and shifts between segments are two factors. Needs `segment`.

    Returns
    -------
    DataFrame
        The rows of `levels`: period, segment and currency where given, the factors, and the last level (for
        the argument `aggregate` of `decompose`). A quotient 0 / 0 is NaN: a segment without users has no
        buyers' share.

    Raises
    ------
    HelpersError
        A column is missing; a level is negative or missing; something is divided by 0.
    ParameterError, UnknownNameError
        `chain`, `names` or `units` break their rule.
    UnitError
        A level is a ratio; money without one currency.
    """
    _refuse_chain(levels, chain, segment, period, structure)
    _refuse_units(levels, chain, units)
    if levels.empty:
        raise HelpersError("need 1+ rows of levels, got an empty table")
    values = {name: _level(levels, name) for name in chain}
    factors: dict[str, pd.Series] = {}
    first = chain[0]
    if structure:
        whole = values[first].groupby(levels[period] if period else np.zeros(len(levels))).transform("sum")
        factors[f"total {first}"] = whole
        factors[f"share of {first}"] = _quotient(values[first], whole, first, f"total {first}")
    else:
        factors[first] = values[first]
    for below, above in pairwise(chain):
        factors[f"{above}/{below}"] = _quotient(values[above], values[below], above, below)
    if names is not None and (len(names) != len(factors) or len(set(names)) != len(names)):
        raise ParameterError(f"need {len(factors)} different names, for {', '.join(factors)}; got {list(names)}")
    labels = list(names) if names is not None else list(factors)
    kept = [c for c in (period, segment, "currency") if c is not None and c in levels]
    taken = [label for label in labels if label in (*kept, chain[-1])]
    if taken:
        raise ParameterError(f"a factor may not have the name of another column: {', '.join(taken)}")
    table = levels[kept].copy()
    for label, values_of in zip(labels, factors.values(), strict=True):
        table[label] = values_of
    return table.assign(**{chain[-1]: values[chain[-1]]})


def _refuse_chain(
    levels: pd.DataFrame, chain: Sequence[str], segment: str | None, period: str | None, structure: bool
) -> None:
    if isinstance(chain, str) or len(chain) < 2 or len(set(chain)) != len(chain):
        raise ParameterError(f"chain must be 2+ different levels, got {chain!r}")
    missing = [c for c in (*chain, segment, period) if c is not None and c not in levels]
    if missing:
        raise HelpersError(f"levels need the columns {', '.join(missing)}; columns: {', '.join(map(str, levels))}")
    if structure and segment is None:
        raise ParameterError("structure splits a level over segments: name the segment column")


def _refuse_units(levels: pd.DataFrame, chain: Sequence[str], units: Mapping[str, str]) -> None:
    """A known unit for every level, none of them a quotient, and one currency if one is money."""
    without = [name for name in chain if name not in units]
    if without:
        raise UnitError(f"every level needs a unit, missing for: {', '.join(without)}")
    for name in chain:
        if units[name] not in UNITS:
            raise UnknownNameError("unit", units[name], list(UNITS))
        if units[name] in NOT_LEVELS:
            raise UnitError(f"{name} is a {units[name]}, already a quotient: give the level that it was divided from")
    money = [name for name in chain if needs_currency(units[name])]
    if not money:
        return
    if levels.empty:
        return
    if "currency" not in levels or levels["currency"].isna().any():
        raise UnitError(f"{', '.join(money)} is money and needs a column currency with a currency in every row")
    kinds = sorted({str(kind) for kind in levels["currency"]})
    if len(kinds) > 1:
        raise UnitError(f"levels of one chain need one currency, got {', '.join(kinds)}: convert at dated rates first")
    check_currency(kinds[0])


def _level(levels: pd.DataFrame, name: str) -> pd.Series:
    values = numbers_of(levels, name)
    bad = values[~((values >= 0) & np.isfinite(values))]
    if len(bad):
        raise HelpersError(f"a level must be 0 or more, {name} is {bad.iloc[0]:g} in row {bad.index[0]}")
    return values


def _quotient(above: pd.Series, below: pd.Series, above_name: str, below_name: str) -> pd.Series:
    """The quotient; 0 / 0 is missing, anything else over 0 is refused."""
    odd = above[(below == 0) & (above > 0)]
    if len(odd):
        raise HelpersError(f"{above_name} is {odd.iloc[0]:,.6g} where {below_name} is 0 (row {odd.index[0]})")
    return above / below.where(below > 0)
