"""Values of share classes as a table, and the integrity checks of an allocation.

The three checks are those that T. Harms (2016), A Layperson's Guide to the Option Pricing Model, Mercer Capital,
asks of every report: the classes add up, the share counts tie, and values per share stand in the order of rights.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.units import in_words
from helpers.valuation.cap_table import OPTIONS, CapitalStructure

ROUNDING = 1e-9
"""Relative: what sums of a few terms may differ by."""


def class_values(structure: CapitalStructure, values: Any, equity_values: Any) -> pd.DataFrame:
    """Values of the classes as a table, per share and per common share too.

    Parameters
    ----------
    structure : CapitalStructure
    values : array (n, classes) or (classes,)
        Money.
    equity_values : float or array (n,)
        Money of all.

    Returns
    -------
    DataFrame
        One row per equity value and class: class_name, kind, shares, value, value_per_share,
        value_per_common_share (NaN for straight preferred), equity_share (NaN of an equity value of 0).
    """
    money = np.atleast_2d(np.asarray(values, float))
    whole = np.atleast_1d(np.asarray(equity_values, float)).reshape(-1, 1)
    held = np.array([one.shares for one in structure.classes], float)
    columns = {
        "class_name": np.array(structure.names, object),
        "kind": np.array([one.kind for one in structure.classes], object),
        "shares": held,
        "value": money,
        "value_per_share": money / held,
        "value_per_common_share": money / _converted(structure),
        "equity_share": money / np.where(whole > 0, whole, np.nan),
    }
    return pd.DataFrame({name: np.broadcast_to(column, money.shape).ravel() for name, column in columns.items()})


def _converted(structure: CapitalStructure) -> np.ndarray:
    """Shares as converted; NaN for straight preferred, which has none."""
    return np.array([one.as_converted or np.nan for one in structure.classes])


def adds_up(total: Any, equity: Any) -> Check:
    """The classes together are worth the equity value.

    Parameters
    ----------
    total, equity : float or array
        Money.
    """
    gap = np.abs(np.asarray(total, float) - equity) / np.maximum(np.asarray(equity, float), 1e-300)
    worst = float(np.max(gap, initial=0.0))
    return Check(
        name="adds_up",
        passed=worst <= ROUNDING,
        value=worst,
        threshold=ROUNDING,
        text=f"the classes add up to the equity value within {worst:.1g} of it",
    )


def share_counts_tie(structure: CapitalStructure, counts: np.ndarray) -> Check:
    """The last range holds every share as converted; so does the total that a document states.

    Parameters
    ----------
    structure : CapitalStructure
    counts : array (classes, ranges)
        Shares that take part in each range of its waterfall.
    """
    counted = float(counts[:, -1].sum())
    wanted = structure.total_as_converted if structure.fully_diluted is None else structure.fully_diluted
    passed = math.isclose(counted, wanted, rel_tol=1e-6) and math.isclose(
        counted, structure.total_as_converted, rel_tol=ROUNDING
    )
    whose = "the classes hold" if structure.fully_diluted is None else "the document states"
    text = f"the last range shares among {in_words(counted, digits=6)} shares, {whose} {in_words(wanted, digits=6)}"
    if structure.is_one_share:  # a company cut into parts, not shares
        text = f"the last range shares {100 * counted:.6g} % of the company, {whose} {100 * wanted:.6g} %"
    return Check(
        name="share_counts_tie",
        passed=passed,
        value=counted,
        threshold=wanted,
        text=text,
    )


def rank_order(structure: CapitalStructure, values: np.ndarray) -> Check:
    """Per common share, convertible and participating classes are worth no less than common, options no more.

    Parameters
    ----------
    structure : CapitalStructure
    values : array (n, classes) or (classes,)
        Money.
    """
    per_share = np.atleast_2d(values) / _converted(structure)
    kinds = np.array([one.kind for one in structure.classes])
    common = per_share[:, kinds == "common"].max(axis=1, keepdims=True)
    slack = ROUNDING * np.maximum(common, 1e-300)
    above = np.isin(kinds, ["convertible_preferred", "participating_preferred"])
    broken = ((per_share < common - slack) & above) | ((per_share > common + slack) & np.isin(kinds, OPTIONS))
    named = [name for name, bad in zip(structure.names, broken.any(axis=0), strict=True) if bad]
    return Check(
        name="rank_order",
        passed=not named,
        value=float(len(named)),
        threshold=0.0,
        text=f"out of rank per share: {', '.join(named)}"
        if named
        else "per share, preferred are worth no less than common and options no more",
    )
