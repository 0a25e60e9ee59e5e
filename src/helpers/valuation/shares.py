"""Share classes: a count and a price per share say which share they mean, and differing ones never meet.

An American depositary share (ADS) bundles a stated number of ordinary shares. A value per ordinary share
beside a price per ADS is off by that number and turns cheap into dear, so the two are refused with the
arithmetic, and only `restate` crosses over.

What this module cannot do: know of votes or preferences. Classes of one economic right are added with
`total_count`; preferred shares belong into a waterfall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.units import ads_to_shares, check_currency, quantity

SHARE_UNITS = {"ordinary": "ordinary share", "ads": "ADS"}
COUNT_KINDS = ("basic", "diluted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCount:
    """How many shares there are, of which kind, on which day.

    Parameters
    ----------
    count : float
        Shares, above 0; not thousands or millions of them.
    unit : {"ordinary", "ads"}
        What was counted.
    ordinary_per_ads : float, optional
        Ordinary shares in one ADS, above 0, as the depositary states it. Needed to `restate`.
    kind : {"basic", "diluted"}
        Shares outstanding, or with options and convertibles.
    day : datetime.date, optional
        Day of the count.
    fact_id : str
        Ledger row, empty where there is none.

    Raises
    ------
    ParameterError, UnknownNameError
        A number is not above 0, or a word is not in its list.
    """

    count: float
    unit: str
    ordinary_per_ads: float | None = None
    kind: str = "basic"
    day: date | None = None
    fact_id: str = ""

    def __post_init__(self) -> None:
        _check_unit(self.unit)
        if self.kind not in COUNT_KINDS:
            raise UnknownNameError("kind of share count", self.kind, list(COUNT_KINDS))
        check_positive("count", self.count)
        _check_ratio(self.ordinary_per_ads)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerShare:
    """Money for one share of a stated kind.

    Parameters
    ----------
    amount : float
        Money for one share, any sign (book value can be negative).
    per : {"ordinary", "ads"}
        Which share.
    currency : str
        A code in `units.CURRENCIES`.
    ordinary_per_ads : float, optional
        As for `ShareCount`.
    day : datetime.date, optional
        Day of the price, or of the balance behind the value; needed to compare two currencies.
    fact_id : str
        Ledger row, empty where there is none.

    Raises
    ------
    ParameterError, UnknownNameError
        The amount is no number, or a word is not in its list.
    """

    amount: float
    per: str
    currency: str
    ordinary_per_ads: float | None = None
    day: date | None = None
    fact_id: str = ""

    def __post_init__(self) -> None:
        _check_unit(self.per)
        check_currency(self.currency)
        _check_ratio(self.ordinary_per_ads)
        if not np.isfinite(self.amount):
            raise ParameterError(f"amount per share must be a number, got {self.amount}")


def _check_unit(unit: str) -> None:
    if unit not in SHARE_UNITS:
        raise UnknownNameError("kind of share", unit, list(SHARE_UNITS))


def check_positive(name: str, value: float) -> None:
    """Refuse a number that is not above 0, by name."""
    if not 0 < value < np.inf:
        raise ParameterError(f"{name} must be above 0, got {value}")


def _check_ratio(ordinary_per_ads: float | None) -> None:
    if ordinary_per_ads is not None:
        check_positive("ordinary_per_ads", ordinary_per_ads)


def restate(given: ShareCount | PerShare, *, per: str, ordinary_per_ads: float | None = None) -> ShareCount | PerShare:
    """The same count or price in the other kind of share.

    ``ADS = ordinary / ratio``; money per ADS is money per ordinary share times the ratio.

    Parameters
    ----------
    given : ShareCount or PerShare
    per : {"ordinary", "ads"}
        Kind asked for.
    ordinary_per_ads : float, optional
        The ratio, where `given` does not carry it.

    Raises
    ------
    UnitError
        No ratio is known, or two that differ.
    """
    _check_unit(per)
    _check_ratio(ordinary_per_ads)
    known = {r for r in (given.ordinary_per_ads, ordinary_per_ads) if r is not None}
    if len(known) > 1:
        raise UnitError(f"one ADS cannot be both {given.ordinary_per_ads:g} and {ordinary_per_ads:g} ordinary shares")
    here = given.unit if isinstance(given, ShareCount) else given.per
    ratio = next(iter(known), None)
    if here == per:
        return replace(given, ordinary_per_ads=ratio)
    if ratio is None:
        raise UnitError(f"{say(given)} cannot be restated per {SHARE_UNITS[per]}: ordinary_per_ads is not given")
    if isinstance(given, ShareCount):
        return replace(given, count=_converted(given.count, per, ratio), unit=per, ordinary_per_ads=ratio)
    amount = given.amount * ratio if per == "ads" else given.amount / ratio
    return replace(given, amount=amount, per=per, ordinary_per_ads=ratio)


def _converted(count: float, per: str, ratio: float) -> float:
    """A count of the other kind of share."""
    if per == "ordinary":
        return float(ads_to_shares(quantity(count, "ads"), ratio).magnitude)
    return count / ratio


def say(given: ShareCount | PerShare) -> str:
    """A count or a price in words: ``96 USD per ADS``."""
    if isinstance(given, ShareCount):
        return f"{given.count:,.0f} {SHARE_UNITS[given.unit]}{'s' if given.unit == 'ordinary' else ''}"
    return f"{given.amount:,.4g} {given.currency} per {SHARE_UNITS[given.per]}"


def same_kind(one: ShareCount | PerShare, other: ShareCount | PerShare) -> None:
    """Refuse two kinds of share, with the arithmetic that makes them one."""
    kinds = [given.unit if isinstance(given, ShareCount) else given.per for given in (one, other)]
    ratios = {given.ordinary_per_ads for given in (one, other)} - {None}
    if len(ratios) > 1:
        raise UnitError(f"{say(one)} and {say(other)} name two ADS ratios: {', '.join(f'{r:g}' for r in ratios)}")
    if kinds[0] == kinds[1]:
        return
    ratio = next(iter(ratios), None)
    if ratio is None:
        sum_up = "how many ordinary shares one ADS stands for is not given"
    else:
        sum_up = f"{say(other)} is {say(restate(other, per=kinds[0], ordinary_per_ads=ratio))}"
        sum_up += f", at {ratio:g} ordinary shares an ADS"
    raise UnitError(
        f"{say(one)} and {say(other)} are of two kinds of share: {sum_up}; use restate(..., per='{kinds[0]}') first"
    )


def total_count(counts: Sequence[ShareCount]) -> ShareCount:
    """Shares of several classes with one economic right together.

    Parameters
    ----------
    counts : sequence of ShareCount
        One or more, of one unit and kind.

    Raises
    ------
    HelpersError
        There are none, or basic and diluted counts are mixed.
    UnitError
        Ordinary shares and ADS are mixed.
    """
    if not counts:
        raise HelpersError("need 1+ share counts to add, got 0")
    first = counts[0]
    for other in counts[1:]:
        same_kind(first, other)
        if other.kind != first.kind:
            raise HelpersError(f"basic and diluted shares are never added, got {say(first)} and {say(other)}")
    days = [one.day for one in counts if one.day is not None]
    joined = " ".join(one.fact_id for one in counts if one.fact_id)
    return replace(first, count=sum(one.count for one in counts), day=min(days) if days else None, fact_id=joined)


def fact_ids_of(*given: ShareCount | PerShare) -> tuple[str, ...]:
    """Ledger rows behind counts and prices, each once."""
    return tuple(dict.fromkeys(one for item in given for one in item.fact_id.split()))
