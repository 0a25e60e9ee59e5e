"""Research and leases as capital, and the part of a year that lies ahead.

Research pays for later years, so Damodaran treats it as investment: the years' spending stays as an asset that
is written off in straight lines, and operating profit gains what is spent over what is written off. Operating leases
are debt where the accounts do not yet say so (IFRS 16 and ASC 842 do since 2019: capitalising them again counts
them twice).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers.checks import as_rate
from helpers.errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResearchResult:
    """Research as an asset; money in the unit of the spending.

    Attributes
    ----------
    asset : float
        Not yet written off.
    amortisation : float
        Written off this year.
    ebit_adjustment : float
        To be added to reported operating profit: spending less `amortisation`.
    table : DataFrame
        By year, this one first: years_ago, expense, unamortised_share, unamortised, amortised.
    """

    asset: float
    amortisation: float
    ebit_adjustment: float
    table: pd.DataFrame


def capitalise_research(current: float, past: Sequence[float], *, life: int) -> ResearchResult:
    """Asset ``R_0 + sum R_-k (life - k) / life``, amortisation ``sum R_-k / life``, k = 1 to life.

    Parameters
    ----------
    current : float
        Spending of the last twelve months, money, 0 or more.
    past : sequence of float
        That of the `life` years before, the latest first.
    life : int
        Years over which research is written off, 1 to 20.

    Returns
    -------
    ResearchResult

    Raises
    ------
    ParameterError
        A life out of range, another number of past years, spending below 0.
    """
    if not (1 <= life <= 20 and life == int(life)):
        raise ParameterError(f"life must be a whole number of years from 1 to 20, got {life}")
    spent = np.array([current, *past], float)
    if len(past) != life:
        raise ParameterError(f"a life of {life} years needs the research of {life} past years, got {len(past)}")
    if not (np.isfinite(spent) & (spent >= 0)).all():
        raise ParameterError(f"research must be 0 or more, got {spent[~(spent >= 0)][:1]}")
    ago = np.arange(life + 1)
    share = (life - ago) / life
    table = pd.DataFrame({"years_ago": ago, "expense": spent, "unamortised_share": share})
    table["unamortised"] = spent * share
    table["amortised"] = np.where(ago > 0, spent / life, 0.0)
    written_off = float(table["amortised"].sum())
    return ResearchResult(
        asset=float(table["unamortised"].sum()), amortisation=written_off, ebit_adjustment=current - written_off,
        table=table,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeaseResult:
    """Operating leases as debt; money in the unit of the commitments.

    Attributes
    ----------
    debt : float
        Present value of the commitments; the asset is as large.
    depreciation : float
        Of the asset a year, in straight lines.
    ebit_adjustment : float
        To be added to reported operating profit: the lease expense less `depreciation`.
    table : DataFrame
        year, commitment, present_value.
    """

    debt: float
    depreciation: float
    ebit_adjustment: float
    table: pd.DataFrame


def lease_debt(commitments: Sequence[float], *, later: float, cost_of_debt: float, expense: float) -> LeaseResult:
    """Present value of lease commitments at the pre-tax cost of debt.

    Parameters
    ----------
    commitments : sequence of float
        Of next year and the years after, one by one (footnotes print five), money, 0 or more.
    later : float
        All that comes after them, spread evenly over as many years as the average commitment lasts, rounded.
    cost_of_debt : float
        Pre-tax, a year, above 0, at most 1.
    expense : float
        Lease expense of the last twelve months.

    Returns
    -------
    LeaseResult

    Raises
    ------
    ParameterError
        No commitments, one below 0, a rate out of range.
    """
    as_rate("cost_of_debt", cost_of_debt, low=1e-6, high=1.0)
    named = np.array(commitments, float)
    amounts = np.array([*named, later, expense], float)
    if not len(named) or not (np.isfinite(amounts) & (amounts >= 0)).all():
        raise ParameterError(f"need 1+ lease commitments of 0 or more, got {list(commitments)}, later {later}")
    spread = int(np.floor(later / named.mean() + 0.5)) if named.mean() > 0 else 0
    extra = [later / spread] * spread if spread else [later] if later else []
    paid = np.array([*named, *extra])
    year = np.arange(1, len(paid) + 1)
    table = pd.DataFrame({"year": year, "commitment": paid, "present_value": paid / (1 + cost_of_debt) ** year})
    debt = float(table["present_value"].sum())
    depreciation = debt / (len(named) + spread)
    return LeaseResult(debt=debt, depreciation=depreciation, ebit_adjustment=expense - depreciation, table=table)


def stub_share(year_start: date, year_end: date, on: date) -> float:
    """Share of a fiscal year that lies ahead of a day, by days: 1 on the eve of the year, 0.25 with a quarter left.

    Parameters
    ----------
    year_start, year_end : date
        First and last day of forecast year 1.
    on : date
        Day of the valuation.

    Returns
    -------
    float
        Above 0, at most 1.

    Raises
    ------
    ParameterError
        A year that is not one, a day after it or more than a day before it.
    """
    length = (year_end - year_start).days + 1
    if not 350 <= length <= 380:
        raise ParameterError(f"year 1 must be a year, got {year_start} to {year_end} ({length} days)")
    ahead = (year_end - on).days
    if not 0 < ahead <= length:
        raise ParameterError(f"the day of valuation {on} must lie in year 1 ({year_start} to {year_end}) or on its eve")
    return ahead / length
