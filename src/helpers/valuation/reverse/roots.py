"""Every value of a driver at which a valuation meets a price, for one company or a grid of them at once.

The range is cut into equal steps, the model is valued at each, and a change of sign is closed in on by Chandrupatla's
method (1997) as scipy.optimize.elementwise has it. Where the value turns towards the price between two steps without
a change of sign, the stretch is cut finer once, so that two roots closer than a step are found too. What it cannot do:
find two roots closer than a sixteenth of a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise

from helpers.errors import ParameterError
from helpers.units import in_words
from helpers.valuation.dcf import CHUNK, KINDS, Drivers, check_kind, parameters, worth

FINER = 32
"""Parts of two steps where the value turns."""

Cells = Mapping[str, np.ndarray]
"""Drivers that differ from cell to cell, one number each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A price to be met.

    Parameters
    ----------
    drivers : Drivers
    price : float
        Money in the drivers' currency, above 0.
    kind : {"enterprise", "equity", "per_share"}
    """

    drivers: Drivers
    price: float
    kind: str

    def __post_init__(self) -> None:
        check_kind(self.drivers, self.kind)
        if not (np.isfinite(self.price) and self.price > 0):
            raise ParameterError(f"price must be above 0, got {self.price:g}")

    @property
    def words(self) -> str:
        """As a sentence begins: 31.0 billion USD of enterprise value."""
        return f"{in_words(self.price)} {self.drivers.currency} {KINDS[self.kind]}"

    def value(self, moved: Cells) -> np.ndarray:
        """Value of the company in each cell, money of the target's kind; a thousand cells at a time."""
        size = len(next(iter(moved.values())))
        out = np.empty(size)
        for start in range(0, size, CHUNK):
            part = {name: values[start : start + CHUNK] for name, values in moved.items()}
            out[start : start + CHUNK] = worth(parameters(self.drivers, self._together(part)), self.drivers, self.kind)
        return out

    def _together(self, moved: Cells) -> dict[str, np.ndarray]:
        """The discount rate moves as one: the terminal rate keeps its distance, unless it is moved itself."""
        given = dict(moved)
        if "discount_rate" in moved and self.drivers.terminal_discount_rate is not None:
            apart = self.drivers.terminal_discount_rate - self.drivers.discount_rate
            given.setdefault("terminal_discount_rate", moved["discount_rate"] + apart)
        return given


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roots:
    """What was found, cell by cell.

    Attributes
    ----------
    cell : array of int, shape (roots,)
        Which cell each root belongs to, ascending.
    root : array of float, shape (roots,)
        Ascending within its cell.
    reach_low, reach_high : array, shape (cells,)
        Lowest and highest value within the bounds, money; NaN where the model has none.
    """

    cell: np.ndarray
    root: np.ndarray
    reach_low: np.ndarray
    reach_high: np.ndarray


def find_roots(
    target: Target, unknown: str, bounds: tuple[float, float], cells: Cells, *, count: int, steps: int
) -> Roots:
    """Roots of value less price in `unknown`, for every cell.

    Parameters
    ----------
    target : Target
    unknown : str
        The driver that is solved for.
    bounds : (float, float)
        Range that is searched.
    cells : mapping of str to array, shape (count,)
        Other drivers that differ; empty for a single company.
    count : int
        Cells.
    steps : int
        Equal parts that the range is cut into first.

    Returns
    -------
    Roots
    """

    def gap(x: np.ndarray, cell: np.ndarray) -> np.ndarray:
        moved = {name: values[cell] for name, values in cells.items()}
        return target.value(moved | {unknown: x}) - target.price

    x = np.linspace(*bounds, steps + 1)
    every = np.repeat(np.arange(count), steps + 1)
    gaps = gap(np.tile(x, count), every).reshape(count, steps + 1)
    low, high = _reach(gaps, target.price)
    cell, at = np.nonzero(_changes(gaps))
    brackets = [(cell, x[at], x[at + 1]), *_turns(gap, gaps, x)]
    cell, left, right = (np.concatenate(parts) for parts in zip(*brackets, strict=True))
    exact = np.nonzero(gaps[:, 0] == 0)[0]  # a root on the lower bound has no change of sign
    root = np.r_[_closed_in(gap, cell, left, right), np.full(len(exact), bounds[0])]
    cell = np.r_[cell, exact]
    order = np.lexsort((root, cell))
    return Roots(cell=cell[order], root=root[order], reach_low=low, reach_high=high)


def _reach(gaps: np.ndarray, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value per cell, NaN where there is none at all."""
    none = np.isnan(gaps).all(axis=1)
    low = np.where(np.isnan(gaps), np.inf, gaps).min(axis=1) + price
    high = np.where(np.isnan(gaps), -np.inf, gaps).max(axis=1) + price
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def _changes(gaps: np.ndarray) -> np.ndarray:
    """Between which neighbours the sign changes; 0 counts as above, so that a root on a step is found once."""
    above, known = gaps >= 0, np.isfinite(gaps)
    return (above[:, 1:] != above[:, :-1]) & known[:, 1:] & known[:, :-1]


def _turns(gap, gaps: np.ndarray, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Brackets inside two steps where the value comes near the price and turns away again."""
    before, middle, after = gaps[:, :-2], gaps[:, 1:-1], gaps[:, 2:]
    with np.errstate(invalid="ignore"):  # NaN is no turn
        dips = (middle > 0) & (before >= middle) & (after >= middle)
        peaks = (middle < 0) & (before <= middle) & (after <= middle) & (before < 0) & (after < 0)
    cell, at = np.nonzero((dips | peaks) & ((before != middle) | (after != middle)))
    if not len(cell):
        return []
    share = np.linspace(0, 1, FINER + 1)
    points = x[at][:, None] + share * (x[at + 2] - x[at])[:, None]
    fine = gap(points.ravel(), np.repeat(cell, FINER + 1)).reshape(points.shape)
    row, part = np.nonzero(_changes(fine))
    return [(cell[row], points[row, part], points[row, part + 1])]


def _closed_in(gap, cell: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    if not len(cell):
        return np.empty(0)
    found = elementwise.find_root(gap, (left, right), args=(cell,), tolerances={"xrtol": 1e-12, "xatol": 1e-12})
    return found.x
