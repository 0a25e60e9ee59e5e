"""Where the value stays the same: curves of two drivers, and what a third must be over a grid of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import ParameterError, UnknownNameError
from helpers.valuation.dcf import NUMBERS, Drivers, check_values
from helpers.valuation.reverse.roots import Cells, Roots, Target, find_roots
from helpers.valuation.reverse.solve import STEPS, UNKNOWNS, base_of, bounds_of, ending, say

GRID_STEPS = 16
_NONE = "the model has no finite value here"
_ABOVE, _BELOW = "the price lies above what the bounds reach", "the price lies below what the bounds reach"
_SETTLES = {
    "": "",
    _NONE: "a discount rate above growth for ever",
    _ABOVE: "wider bounds, or evidence on another driver",
    _BELOW: "wider bounds, or evidence on another driver",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IsoValueResult:
    """Pairs of two drivers at which the company is worth the price.

    Attributes
    ----------
    x, y : str
        The drivers.
    table : DataFrame
        By x, then root: a column named by x, one by y (NaN where out of reach), root (1, 2, ...; 0 none), roots,
        reach_low, reach_high (value of the company within the bounds of y), reason, settles.
    price : float
    kind : str
    text : str
        Two points of the curve in words.
    checks : tuple of Check
        ``reached``, ``one_root``.
    fact_ids : tuple of str
    """

    x: str
    y: str
    table: pd.DataFrame
    price: float
    kind: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def iso_value(
    drivers: Drivers,
    *,
    price: float,
    x: str = "growth",
    y: str = "target_margin",
    x_values: Sequence[float] | None = None,
    kind: str = "enterprise",
    bounds: tuple[float, float] | None = None,
    fact_ids: Sequence[str] = (),
) -> IsoValueResult:
    """The curve of two drivers along which the value is the price.

    Parameters
    ----------
    drivers, price, kind, fact_ids
        As for `reverse_dcf`.
    x : str
        One of `dcf.NUMBERS`.
    y : str
        One of `UNKNOWNS`, solved for at each x.
    x_values : sequence of float, optional
        Default 41 values from half to twice the driver's own.
    bounds : (float, float), optional
        Of y.

    Returns
    -------
    IsoValueResult

    Raises
    ------
    UnknownNameError, ParameterError
        Drivers that are none or the same, values out of a driver's limits.
    """
    target = Target(drivers=ending(drivers, y), price=price, kind=kind)
    given = _default(drivers, x) if x_values is None else np.asarray(x_values, float)
    cells = _cells(drivers, y, {x: given})
    limits = bounds_of(target.drivers, y, bounds)
    found = find_roots(target, y, limits, cells, count=len(given), steps=STEPS)
    table = _table(found, cells, y, price)
    return IsoValueResult(
        x=x, y=y, table=table, price=float(price), kind=kind, text=_text(target, table, x, y),
        checks=_checks(table, len(given)), fact_ids=tuple(dict.fromkeys((*drivers.fact_ids, *fact_ids))),
    )  # fmt: skip


def _default(drivers: Drivers, x: str) -> np.ndarray:
    base = base_of(drivers, x) if x in NUMBERS and hasattr(drivers, x) else np.nan
    if not (np.isfinite(base) and base > 0):
        raise ParameterError(f"x_values are needed: {x} has no value above 0 in these drivers to spread them around")
    low, high = 0.5 * base, 2.0 * base
    if x == "growth_years":
        high = min(high, drivers.years - 1.0)
    return np.linspace(low, high, 41)


def _cells(drivers: Drivers, unknown: str, given: Cells) -> dict[str, np.ndarray]:
    """Values that differ from cell to cell, checked against their drivers' limits."""
    for name, values in given.items():
        if name not in NUMBERS:
            raise UnknownNameError("driver", name, list(NUMBERS))
        if name == unknown:
            raise ParameterError(f"{name} cannot be given and solved for at once")
        if np.ndim(values) != 1 or not len(values):
            raise ParameterError(f"values of {name} must be a list of 1+ numbers, got shape {np.shape(values)}")
        check_values(name, values, years=drivers.years)
    return dict(given)


def _table(found: Roots, cells: Cells, unknown: str, price: float) -> pd.DataFrame:
    """One row per root; cells without one keep a row with the reason."""
    count = len(found.reach_low)
    roots = np.bincount(found.cell, minlength=count)
    cell = np.r_[found.cell, np.flatnonzero(roots == 0)]
    value = np.r_[found.root, np.full(len(cell) - len(found.root), np.nan)]
    number = np.r_[
        np.arange(len(found.cell)) - np.searchsorted(found.cell, found.cell) + 1,
        np.zeros(len(cell) - len(found.root), int),
    ]
    order = np.lexsort((number, cell))
    cell = cell[order]
    columns = {name: values[cell] for name, values in cells.items()}
    table = pd.DataFrame(columns | {unknown: value[order], "root": number[order], "roots": roots[cell]})
    table["reach_low"], table["reach_high"] = found.reach_low[cell], found.reach_high[cell]
    return table.assign(**_reasons(table[unknown], table["reach_low"], table["reach_high"], price))


def _reasons(needed: pd.Series, low: pd.Series, high: pd.Series, price: float) -> dict[str, np.ndarray]:
    kinds = [needed.notna(), high.isna(), high < price]
    which = np.select(kinds, [0, 1, 2], 3)
    reasons = np.array(["", _NONE, _ABOVE, _BELOW], object)
    return {"reason": reasons[which], "settles": np.array([_SETTLES[reason] for reason in reasons], object)[which]}


def _text(target: Target, table: pd.DataFrame, x: str, y: str) -> str:
    known = table[table[y].notna()]
    if known.empty:
        return f"{target.words} is out of reach for every {x} and {y} that was tried."
    ends = known.iloc[[0, -1]] if len(known) > 1 else known.iloc[[0]]
    at = [{x: row[x], y: row[y]} for _, row in ends.iterrows()]
    pairs = [f"{_say(x, point[x], target)} with {_say(y, point[y], target)}" for point in at]
    return f"{target.words} is reached by {' as well as by '.join(pairs)}."


def _say(driver: str, value: float, target: Target) -> str:
    return say(driver, value, target.drivers) if driver in UNKNOWNS else f"{driver.replace('_', ' ')} of {value:.3g}"


def _checks(table: pd.DataFrame, count: int) -> tuple[Check, ...]:
    missed, several = int((table["roots"] == 0).sum()), int((table.loc[table["root"] == 1, "roots"] > 1).sum())
    return (
        Check(name="reached", passed=None, value=count - missed, threshold=count,
              text=f"{count - missed} of {count} points reach the price"),
        Check(name="one_root", passed=several == 0, value=several, threshold=0,
              text=f"{several} of {count} points have more than one root"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReverseGridResult:
    """What one driver must be over a grid of two others.

    Attributes
    ----------
    unknown, x, y : str
        The driver solved for, and the two of the grid.
    table : DataFrame
        One row per cell, x slowest: a column named by x, one by y, needed (the lowest root; NaN where out of reach),
        roots, reach_low, reach_high, reason, settles.
    price : float
    kind : str
    text : str
    checks : tuple of Check
        ``reached``, ``one_root``.
    fact_ids : tuple of str
    """

    unknown: str
    x: str
    y: str
    table: pd.DataFrame
    price: float
    kind: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def reverse_grid(
    drivers: Drivers,
    *,
    price: float,
    unknown: str,
    x: str,
    x_values: Sequence[float],
    y: str,
    y_values: Sequence[float],
    kind: str = "enterprise",
    bounds: tuple[float, float] | None = None,
    fact_ids: Sequence[str] = (),
) -> ReverseGridResult:
    """`reverse_dcf` in every cell of a grid of two other drivers, all cells at once.

    Parameters
    ----------
    drivers, price, unknown, kind, bounds, fact_ids
        As for `reverse_dcf`. The range is cut into 16 steps, so roots closer than that may be missed.
    x, y : str
        Of `dcf.NUMBERS`, unlike each other and `unknown`.
    x_values, y_values : sequence of float

    Returns
    -------
    ReverseGridResult

    Raises
    ------
    UnknownNameError, ParameterError
        As for `iso_value`.
    """
    target = Target(drivers=ending(drivers, unknown), price=price, kind=kind)
    if x == y:
        raise ParameterError(f"a grid needs two drivers, got {x} twice")
    axes = _cells(drivers, unknown, {x: np.asarray(x_values, float), y: np.asarray(y_values, float)})
    wide, deep = (axis.ravel() for axis in np.meshgrid(axes[x], axes[y], indexing="ij"))
    limits = bounds_of(target.drivers, unknown, bounds)
    found = find_roots(target, unknown, limits, {x: wide, y: deep}, count=len(wide), steps=GRID_STEPS)
    table = _table(found, {x: wide, y: deep}, unknown, price)
    table = table[table["root"] <= 1].drop(columns="root").rename(columns={unknown: "needed"}).reset_index(drop=True)
    known = table["needed"].dropna()
    span = "out of reach everywhere"
    if len(known):
        span = f"between {say(unknown, known.min(), drivers)} and {say(unknown, known.max(), drivers)}"
    return ReverseGridResult(
        unknown=unknown, x=x, y=y, table=table, price=float(price), kind=kind,
        text=f"{target.words} over {len(axes[x])} x {len(axes[y])} pairs of {x} and {y}: {span}.",
        checks=_checks(table.assign(root=1), len(table)), fact_ids=tuple(dict.fromkeys((*drivers.fact_ids, *fact_ids))),
    )  # fmt: skip
