"""Find rows by key: first match, and nearest in time. Sorts and hashes only, so n log n at worst.

Keys are integers that `number` makes. Plain arrays instead of table merges, because the audit asks
some hundred small questions and a merge costs more than the question.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NO_DAY = -(10**6)  # stands for a missing date, far from every real one
_SPAN = 1 << 22  # days that fit beside a key in one integer


def number(*columns: np.ndarray) -> np.ndarray:
    """Number the distinct combinations of columns, in order of appearance."""
    codes = pd.factorize(np.asarray(columns[0]), use_na_sentinel=False)[0].astype(np.int64)
    for column in columns[1:]:
        more = pd.factorize(np.asarray(column), use_na_sentinel=False)[0]
        codes = pd.factorize(codes * (int(more.max(initial=0)) + 1) + more)[0]
    return codes


def days(dates: pd.Series) -> np.ndarray:
    """Whole days since 1970; a missing date is `NO_DAY`."""
    whole = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(dates.isna().to_numpy(), NO_DAY, whole)


def first(have: list[np.ndarray], wanted: list[np.ndarray]) -> np.ndarray:
    """Position of the first row of `have` that equals each row of `wanted` in all columns, or -1."""
    size = len(have[0])
    codes = number(*(np.concatenate([h, w]) for h, w in zip(have, wanted, strict=True)))
    position = np.full(len(codes) + 1, -1)
    position[codes[:size][::-1]] = np.arange(size)[::-1]
    return position[codes[size:]]


class Timeline:
    """Rows sorted by key and day, to ask for the nearest one before or after a day.

    Parameters
    ----------
    key, day : array of int
        The key of each row, and its day. Among rows of one key and day the first is found.
    """

    def __init__(self, key: np.ndarray, day: np.ndarray) -> None:
        self.order = np.lexsort((day, key))
        self.at = (key * _SPAN + day)[self.order]

    def before(self, key: np.ndarray, day: np.ndarray, *, within: float, same_day: bool = False) -> np.ndarray:
        """Position of the last row before each day (or on it), at most `within` days away, or -1."""
        wanted = key * _SPAN + day
        found = np.searchsorted(self.at, wanted, "right" if same_day else "left") - 1
        known = found >= 0
        found = np.where(known, np.searchsorted(self.at, self.at[found]), -1) if len(self.at) else found
        return self._near(found, wanted, within)

    def after(self, key: np.ndarray, day: np.ndarray, *, within: float) -> np.ndarray:
        """Position of the first row after each day, at most `within` days away, or -1."""
        wanted = key * _SPAN + day
        found = np.searchsorted(self.at, wanted, "right")
        return self._near(np.where(found < len(self.at), found, -1), wanted, within)

    def nearest(self, key: np.ndarray, day: np.ndarray, *, within: float) -> np.ndarray:
        """Position of the row nearest to each day, at most `within` days away, or -1; the earlier of two."""
        wanted = key * _SPAN + day
        before = self.before(key, day, within=within, same_day=True)
        after = self.after(key, day, within=within)
        at = np.empty_like(self.at)
        at[self.order] = self.at
        far = np.iinfo(np.int64).max
        if not len(at):
            return before
        gap = [np.where(p >= 0, np.abs(at[p] - wanted), far) for p in (before, after)]
        return np.where(gap[1] < gap[0], after, before)

    def _near(self, found: np.ndarray, wanted: np.ndarray, within: float) -> np.ndarray:
        """Positions in the caller's rows; -1 where too far, which another key always is."""
        if not len(self.at):
            return np.full(len(wanted), -1)
        close = (found >= 0) & (np.abs(self.at[found] - wanted) <= within)
        return np.where(close, self.order[found], -1)
