"""A headline valuation against what the shares are worth: one price, several readings.

The headline multiplies the price of the newest class with all shares, options included, as if each were of that
class. The option pricing method turns the same price into an equity value, and that into a value of common, which
is lower wherever the newest class has rights that common lacks. Gornall and Strebulaev (2020, Journal of Financial
Economics 135) call the gap overvaluation of the headline, and most of it hangs on whether an IPO would convert every
class. What the module cannot do: choose term, volatility and the chance of that; `backsolve_range` shows what they
change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import ParameterError
from helpers.units import in_words
from helpers.valuation.cap_table import OPTIONS, CapitalStructure, amount, in_sentence
from helpers.valuation.opm import BacksolveResult, OpmSettings, backsolve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadlineResult:
    """Readings of one price.

    Attributes
    ----------
    headline_value : float
        Price times all shares as converted, options included, money.
    equity_value : float
        Backsolved, money.
    common_value_per_share : float
        Before the discount for marketability, money.
    common_ratio : float
        That over the price per common share: 0.8 means that common is worth 80 % of the headline price.
    table : DataFrame
        One row per reading: reading (headline, as_converted, equity_value, common, common_after_dlom), value (of the
        company at that value per share, money; of all classes for equity_value), value_per_share (of a common share;
        the average of all shares for equity_value), headline_ratio (value over headline_value), meaning.
    backsolve : BacksolveResult
    text : str
    checks : tuple of Check
        Those of the backsolve and ``headline_is_highest``.
    fact_ids : tuple of str
    """

    headline_value: float
    equity_value: float
    common_value_per_share: float
    common_ratio: float
    table: pd.DataFrame
    backsolve: BacksolveResult
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacksolveRangeResult:
    """What the three judgements change in a backsolve.

    Attributes
    ----------
    low, high : float
        Least and largest equity value, money.
    common_low, common_high : float
        Least and largest value of a common share, money.
    table : DataFrame
        One row per combination: term, volatility, conversion_chance, equity_value, headline_ratio,
        common_value_per_share, common_ratio, is_above_claim (see `opm.BacksolveResult`).
    text : str
    checks : tuple of Check
        ``price_above_claim`` at every combination.
    fact_ids : tuple of str
    """

    low: float
    high: float
    common_low: float
    common_high: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def headline_gap(
    structure: CapitalStructure, *, class_name: str, price_per_share: float, settings: OpmSettings, dlom: float = 0.0
) -> HeadlineResult:
    """The headline of a round beside its as-converted, equity and common values.

    Parameters
    ----------
    structure : CapitalStructure
        With the new class in it, as after the round.
    class_name : str
        The class that was sold; it must be convertible.
    price_per_share : float
        Money per share of that class.
    settings : OpmSettings
    dlom : float, default 0
        Discount of common for lack of marketability, 0 to less than 1: 0.2 is 20 %.

    Returns
    -------
    HeadlineResult

    Raises
    ------
    ParameterError
        If a number is out of range or the class has no shares as converted.
    UnknownNameError, NotEstimableError
        As for `opm.backsolve`.
    """
    as_rate("dlom", dlom, low=0.0, high=0.999)
    headline_price = _price_per_common(structure, class_name, price_per_share)
    solved = backsolve(structure, class_name=class_name, price_per_share=price_per_share, settings=settings)
    shares = structure.total_as_converted
    held = shares - sum(one.as_converted for one in structure.classes if one.kind in OPTIONS)
    common, equity = solved.allocation.common_value_per_share, solved.equity_value
    rows = [
        ("headline", headline_price * shares, headline_price, "price of the newest class times all shares and options"),
        ("as_converted", headline_price * held, headline_price, "the same without options and warrants"),
        ("equity_value", equity, equity / shares, "what all classes are worth together, by the backsolve"),
        ("common", common * shares, common, "if every share were a common share"),
        ("common_after_dlom", common * (1 - dlom) * shares, common * (1 - dlom), "and could not be sold"),
    ]
    table = pd.DataFrame(rows, columns=["reading", "value", "value_per_share", "meaning"])
    table.insert(3, "headline_ratio", table["value"] / rows[0][1])
    return HeadlineResult(
        headline_value=rows[0][1],
        equity_value=equity,
        common_value_per_share=common,
        common_ratio=common / headline_price,
        table=table,
        backsolve=solved,
        text=_text(table, class_name, structure.currency, dlom),
        checks=(*solved.checks, _highest(table)),
        fact_ids=structure.fact_ids,
    )


def backsolve_range(
    structure: CapitalStructure,
    *,
    class_name: str,
    price_per_share: float,
    settings: OpmSettings,
    terms: Sequence[float] = (),
    volatilities: Sequence[float] = (),
    conversion_chances: Sequence[float] = (),
) -> BacksolveRangeResult:
    """Backsolve at every combination of term, volatility and chance of conversion, which are the judgement in it.

    Parameters
    ----------
    structure, class_name, price_per_share
        As for `headline_gap`.
    settings : OpmSettings
        Its rate and dividend yield hold for all; its other numbers where no list is given.
    terms, volatilities, conversion_chances : sequence of float, optional
        Years, shares a year, probabilities.

    Returns
    -------
    BacksolveRangeResult

    Raises
    ------
    ParameterError, UnknownNameError
        As for `headline_gap`.
    """
    combinations = [
        replace(settings, term=term, volatility=volatility, conversion_chance=chance)
        for term, volatility, chance in product(
            list(terms) or [settings.term],
            list(volatilities) or [settings.volatility],
            list(conversion_chances) or [settings.conversion_chance],
        )
    ]
    price = _price_per_common(structure, class_name, price_per_share)
    sold = {"class_name": class_name, "price_per_share": price_per_share}
    table = pd.DataFrame([_solved_row(structure, sold, one, price) for one in combinations])
    spans = table[["equity_value", "common_value_per_share"]].agg(["min", "max"])
    return BacksolveRangeResult(
        low=float(spans.loc["min", "equity_value"]),
        high=float(spans.loc["max", "equity_value"]),
        common_low=float(spans.loc["min", "common_value_per_share"]),
        common_high=float(spans.loc["max", "common_value_per_share"]),
        table=table,
        text=_range_text(table, class_name, structure.currency),
        checks=(_all_above_claim(table),),
        fact_ids=structure.fact_ids,
    )


def _price_per_common(structure: CapitalStructure, class_name: str, price_per_share: float) -> float:
    sold = structure.find(class_name)
    if not sold.as_converted or sold.kind in OPTIONS:
        raise ParameterError(f"{class_name} is {sold.kind}: its price says nothing of a price per common share")
    return amount("price_per_share", price_per_share) * sold.shares / sold.as_converted


def _solved_row(structure: CapitalStructure, sold: dict, settings: OpmSettings, price: float) -> dict:
    row = {name: getattr(settings, name) for name in ("term", "volatility", "conversion_chance")}
    solved = backsolve(structure, **sold, settings=settings)
    common = solved.allocation.common_value_per_share
    return row | {
        "equity_value": solved.equity_value,
        "headline_ratio": solved.equity_value / (price * structure.total_as_converted),
        "common_value_per_share": common,
        "common_ratio": common / price,
        "is_above_claim": next(check.passed for check in solved.checks if check.name == "price_above_claim"),
    }


def _text(table: pd.DataFrame, class_name: str, currency: str, dlom: float) -> str:
    rows = table.set_index("reading")
    name = in_sentence(class_name)
    whose = "its price" if name == class_name else "the round's price"
    said = (
        f"{name[0].upper()}{name[1:]} at {in_words(rows.loc['headline', 'value'])} {currency} is an equity value of "
        f"{in_words(rows.loc['equity_value', 'value'])} ({rows.loc['equity_value', 'headline_ratio'] * 100:.0f} %): "
        f"a common share is worth {rows.loc['common', 'headline_ratio'] * 100:.0f} % of {whose}"
    )
    after = rows.loc["common_after_dlom", "headline_ratio"] * 100
    return said + (f" ({after:.0f} % after a discount of {dlom * 100:.3g} % for marketability)." if dlom else ".")


def _range_text(table: pd.DataFrame, class_name: str, currency: str) -> str:
    least, most = in_words(table["equity_value"].min()), in_words(table["equity_value"].max())
    return (
        f"Over {len(table)} combinations of term, volatility and chance of conversion the price of "
        f"{in_sentence(class_name)} "
        f"implies an equity value of {least} to {most} {currency}, and a common share worth "
        f"{table['common_ratio'].min() * 100:.0f} to {table['common_ratio'].max() * 100:.0f} % of that price."
    )


def _highest(table: pd.DataFrame) -> Check:
    largest = float(table["headline_ratio"].max())
    return Check(
        name="headline_is_highest",
        passed=largest <= 1 + 1e-9,
        value=largest,
        threshold=1.0,
        text="no reading is above the headline"
        if largest <= 1 + 1e-9
        else "a reading is above the headline: another class has rights that the newest one lacks",
    )


def _all_above_claim(table: pd.DataFrame) -> Check:
    below = int((~table["is_above_claim"]).sum())
    return Check(
        name="price_above_claim",
        passed=below == 0,
        value=float(below),
        threshold=0.0,
        text=f"in {below} of {len(table)} combinations the preference alone, if it were sure, is worth the price",
    )
