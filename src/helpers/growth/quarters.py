"""A quarterly figure and its indicators on one axis of quarters, checked.

What the module cannot do: weeks-based quarters, or figures and indicators whose quarters end in different months.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import HelpersError, ParameterError
from helpers.growth.candidates import log_growth_rows
from helpers.growth.cells import currency_of, days_of
from helpers.growth.periods import checked, is_quarter

FARTHEST = 4
"""A fifth quarter ahead has no published base a year earlier."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quarters:
    """Both tables on one axis of quarters.

    Attributes
    ----------
    name : str
        Metric of the figure.
    ends : DatetimeIndex
        Last days of the quarters.
    rows : DataFrame
        Rows of the figure, with the column quarter.
    values, growth : array
        The figure and its yoy log growth by quarter; NaN where unknown.
    indicators : dict of str to DataFrame
        Rows of each indicator, with the column quarter.
    rises : dict of str to array
        Yoy log growth of each indicator by quarter.
    last : int
        Position of the last published quarter.
    currency : str
        Of the figure; empty where it has none.
    """

    name: str
    ends: pd.DatetimeIndex
    rows: pd.DataFrame
    values: np.ndarray
    growth: np.ndarray
    indicators: dict[str, pd.DataFrame]
    rises: dict[str, np.ndarray]
    last: int
    currency: str

    def day(self, position: int) -> str:
        """Last day of a quarter."""
        return str(self.ends[position].date())

    def indicator_row(self, metric: str, position: int) -> pd.Series:
        """The indicator's row of a quarter, which must be there."""
        part, end = self.indicators[metric], self.ends[position]
        return part[part["quarter"] == _number(end)].iloc[0]


def on_quarters(target: pd.DataFrame, indicators: pd.DataFrame, quarters_ahead: int | None) -> Quarters:
    """Both tables on one axis, from the first quarter of either to the last one asked for."""
    name = str(target["metric"].iloc[0]) if "metric" in target and len(target) else "the figure"
    _refuse(indicators, name, quarters_ahead)
    rows = _checked_quarters(target, name)
    if rows.empty:
        raise HelpersError("need 1+ published quarters of the figure, got none")
    parts = {
        str(m): _checked_quarters(part, str(m), points=True) for m, part in indicators.groupby("metric", observed=True)
    }
    parts = {metric: part for metric, part in parts.items() if len(part)}
    numbers = [*rows["quarter"], *(q for part in parts.values() for q in part["quarter"])]
    if len({number % 3 for number in numbers}) > 1:
        raise HelpersError("the quarters of figure and indicators must end in the same months")
    first, last = min(numbers), int(rows["quarter"].max())
    ahead = quarters_ahead or min(max((max(numbers) - last) // 3, 1), FARTHEST)
    axis = np.arange(first, last + 3 * ahead + 1, 3)
    ends = pd.DatetimeIndex([pd.Timestamp(n // 12, n % 12 + 1, 1) + pd.offsets.MonthEnd(0) for n in axis])
    values = _on_axis(rows, axis)
    return Quarters(
        name=name,
        ends=ends,
        rows=rows,
        values=values,
        growth=log_growth_rows(values),
        indicators=parts,
        rises={metric: log_growth_rows(_on_axis(part, axis)) for metric, part in parts.items()},
        last=(last - first) // 3,
        currency=currency_of(rows),
    )


def _refuse(indicators: pd.DataFrame, name: str, quarters_ahead: int | None) -> None:
    """What no quarter can be made of."""
    if quarters_ahead is not None and not (
        isinstance(quarters_ahead, int | np.integer) and 1 <= quarters_ahead <= FARTHEST
    ):
        raise ParameterError(
            f"quarters_ahead must be a whole number from 1 to {FARTHEST}, got {quarters_ahead}: "
            "a fifth quarter has no published base a year earlier"
        )
    if "metric" not in indicators or indicators["metric"].isna().any():
        raise HelpersError("indicators need a column metric, filled in every row")
    if name in set(indicators["metric"]):
        raise HelpersError(f"{name} stands among its own indicators: it cannot tell what it will be")


def _checked_quarters(series: pd.DataFrame, name: str, points: bool = False) -> pd.DataFrame:
    """Checked rows with the number of the month in which each quarter ends."""
    if "known_on" not in series:
        raise HelpersError(f"{name} needs the column known_on, the day each figure was public")
    rows = checked(series)
    rows = rows.assign(known_on=days_of(rows, "known_on"))
    right = is_quarter(rows)
    if points:
        right |= (rows["period_start"] == rows["period_end"]) & rows["period_end"].dt.is_month_end
    if not right.all():
        odd = rows[~right].iloc[0]
        raise HelpersError(
            f"{name} must be by quarter, {odd['fact_id']} runs from {odd['period_start'].date()} to "
            f"{odd['period_end'].date()}"
        )
    bad = rows[~((rows["value"] > 0) & np.isfinite(rows["value"]))]
    if len(bad):
        raise HelpersError(
            f"{name} must be above 0, got {bad['value'].iloc[0]} ({bad['fact_id'].iloc[0]}): "
            "leave out what is not published"
        )
    number = _number(rows["period_end"].dt)
    if number.duplicated().any():
        twice = rows.loc[number.duplicated(keep=False), "fact_id"]
        raise HelpersError(f"need one {name} per quarter, got {', '.join(map(str, twice.head(4)))}")
    return rows.assign(quarter=number)


def _on_axis(rows: pd.DataFrame, axis: np.ndarray, column: str = "value") -> np.ndarray:
    return rows.set_index("quarter")[column].astype(float).reindex(axis).to_numpy()


def _number(end: Any) -> Any:
    """The month in which a quarter ends, counted from the year 0."""
    return end.year * 12 + end.month - 1
