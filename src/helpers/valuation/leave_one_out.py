"""Least squares of few rows, with what happens when any one of them is left out.

Leave-one-out errors are ``e / (1 - h)`` (Allen 1974, The relationship between variable selection and
data augmentation), h the leverage; no row is fitted again. `nested_error` is the error of choosing the
columns and fitting them: the choice is made again without each row, so choosing cannot flatter itself.

What this module cannot do: more columns than rows, or errors that go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from statsmodels.regression.linear_model import OLS, RegressionResultsWrapper

ALONE = 1 - 1e-9
"""Leverage from which a row decides a coefficient alone."""


class Fit(NamedTuple):
    """Least squares of y on a constant and some columns of x.

    Attributes
    ----------
    columns : tuple of int
        Of x.
    ols : statsmodels results
        Coefficients, HC3 errors, residual variance.
    leverage, loo : array, shape (n,)
        Diagonal of the hat matrix; y less its prediction from the other rows.
    at : array, shape (columns + 1,)
        The new row that is predicted, with its constant.
    """

    columns: tuple[int, ...]
    ols: RegressionResultsWrapper
    leverage: np.ndarray
    loo: np.ndarray
    at: np.ndarray

    @property
    def error(self) -> float:
        """Root mean square of the leave-one-out errors."""
        return float(np.sqrt(np.mean(self.loo**2)))

    @property
    def predicted(self) -> float:
        """Of the new row."""
        return float(self.at @ self.ols.params)

    @property
    def own_leverage(self) -> float:
        """Of the new row: ``x0' (X'X)^-1 x0``."""
        return float(self.at @ self.ols.normalized_cov_params @ self.at)

    def without_each(self) -> np.ndarray:
        """Prediction of the new row when each row is left out, shape (n,)."""
        moves = self.ols.model.exog @ self.ols.normalized_cov_params * self.loo[:, None]
        return self.predicted - moves @ self.at

    def cooks_distance(self) -> np.ndarray:
        """How far each row moves the line (Cook 1977), shape (n,)."""
        return self.loo**2 * self.leverage / (len(self.at) * self.ols.scale)


def fit(y: np.ndarray, x: np.ndarray, new: np.ndarray, columns: tuple[int, ...]) -> Fit:
    """Fit some columns.

    Parameters
    ----------
    y : array, shape (n,)
    x : array, shape (n, k)
    new : array, shape (k,)
        The row to be predicted.
    columns : tuple of int
        Of x; none leaves the constant.
    """
    design = _design(x, columns)
    leverage, loo = _loo(y, design)
    return Fit(columns, OLS(y, design).fit(), leverage, loo, np.r_[1.0, new[list(columns)]])


def leverages(x: np.ndarray) -> np.ndarray:
    """Diagonal of the hat matrix of a constant and all columns of x, shape (n,)."""
    return _loo(np.zeros(len(x)), _design(x, range(x.shape[1])))[0]


def nested_error(y: np.ndarray, x: np.ndarray, sets: Sequence[tuple[int, ...]]) -> float:
    """Root mean square error for a left-out row, the best of the sets chosen again without it.

    Parameters
    ----------
    y : array, shape (n,)
    x : array, shape (n, k)
    sets : sequence of tuple of int
        Columns to choose from; one set makes it the plain leave-one-out error.
    """
    designs = [_design(x, columns) for columns in sets]
    whole = np.array([_loo(y, design)[1] for design in designs])  # (sets, n): what each set misses each row by
    missed = []
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        errors = [round(_error(y[rest], design[rest]), 12) for design in designs]
        best = min(range(len(sets)), key=lambda s: (errors[s], len(sets[s])))
        missed.append(whole[best, i])
    return float(np.sqrt(np.mean(np.square(missed))))


def _design(x: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x[:, list(columns)]])


def _loo(y: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    q, _ = np.linalg.qr(design)
    leverage = np.sum(q**2, axis=1)
    return leverage, (y - q @ (q.T @ y)) / np.maximum(1 - leverage, 1 - ALONE)


def _error(y: np.ndarray, design: np.ndarray) -> float:
    """Infinite where one row decides a coefficient alone: such a set is not chosen."""
    leverage, loo = _loo(y, design)
    return float(np.sqrt(np.mean(loo**2))) if leverage.max() < ALONE else np.inf
