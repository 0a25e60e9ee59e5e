"""Yearly series out of preferred figures: one number a year, one currency, no hole.

What the module cannot do: tell growth from a change of definition inside a series.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from helpers import evidence
from helpers.errors import ParameterError

POOL_METRICS = ("online_retail_sales", "revenue", "gmv", "gross_profit", "double_11_gmv")
"""Metrics of the ledger whose yearly series judge forecasts: sizes of markets and platforms, above 0."""
POOL_EVENTS = ("double_11_gmv", "gmv")
"""Of these the ones that are also told of a yearly event."""
FEWEST = 5
TRIPLED = 3.0
YEAR_DAYS, EVENT_DAYS = (363, 366), 45


def check_yearly(series: pd.DataFrame, *, name: str = "the series", fewest: int = FEWEST) -> pd.DataFrame:
    """A yearly series in the order of years, refused by name where it is none.

    Parameters
    ----------
    series : DataFrame
        Columns year, value.
    name : str
        For messages.
    fewest : int, default 5
        Years needed.

    Raises
    ------
    ParameterError
        Columns missing, a year twice, a hole, too few years, a value that is not above 0.
    """
    lacking = [column for column in ("year", "value") if column not in series]
    if lacking:
        raise ParameterError(f"{name} needs the columns year and value, {', '.join(lacking)} is missing")
    rows = series.sort_values("year", kind="stable", ignore_index=True)
    years = [int(year) for year in rows["year"]]
    twice = sorted({year for year in years if years.count(year) > 1})
    if twice:
        raise ParameterError(f"{name} has the year {twice[0]} twice")
    holes = sorted(set(range(years[0], years[-1] + 1)) - set(years)) if years else []
    if holes:
        raise ParameterError(
            f"{name} has a hole: {', '.join(map(str, holes))} missing between {years[0]} and {years[-1]}"
        )
    if len(years) < fewest:
        raise ParameterError(f"{name} has {len(years)} years, and {fewest} are needed to see how it grows")
    bad = rows[~(rows["value"] > 0) | (rows["value"] == float("inf"))]
    if len(bad):
        raise ParameterError(f"{name} is {bad['value'].iloc[0]:g} in {bad['year'].iloc[0]}, a size lies above 0")
    return rows


def after_launch(rows: pd.DataFrame) -> pd.DataFrame:
    """A series from the last year on that tripled it, or more: before that it was a launch, not a market.

    Parameters
    ----------
    rows : DataFrame
        From `check_yearly`.
    """
    tripled = rows["value"].div(rows["value"].shift()).ge(TRIPLED)
    return rows.iloc[int(tripled[tripled].index[-1]) if tripled.any() else 0 :].reset_index(drop=True)


def yearly_series(
    table: pd.DataFrame, *, home: Mapping[str, str], events: Collection[str] = ()
) -> dict[str, pd.DataFrame]:
    """The longest run of consecutive years of each entity and metric.

    Parameters
    ----------
    table : DataFrame
        Of preferred figures: entity, metric, metric_kind, period_start, period_end, value, low, high, currency,
        fact_id.
    home : mapping of str to str
        Entity to the currency that its money is converted to, at the average rate of each period.
    events : collection of str
        Metrics of yearly events, whose periods are days and not years; the longest window of a year counts.

    Returns
    -------
    dict of str to DataFrame
        ``entity:metric`` to year, value, fact_id; runs of `FEWEST` years or more, all values above 0.
    """
    days = table["period_end"].sub(table["period_start"]).dt.days
    is_event = table["metric"].astype(str).isin(list(events)) & days.le(EVENT_DAYS)
    rows = table[days.between(*YEAR_DAYS) | is_event].assign(days=days)
    quote = rows["entity"].astype(str).map(home).fillna("").where(rows["currency"].astype(str).ne(""), "")
    rows = rows.assign(**evidence.to_currency(rows, quote)).dropna(subset="value")
    rows = (
        rows.assign(year=rows["period_end"].dt.year)
        .sort_values("days")
        .drop_duplicates(["entity", "metric", "year"], keep="last")
    )
    found = {}
    for (entity, metric), part in rows.sort_values("year").groupby(["entity", "metric"], observed=True):
        run = part["year"].diff().ne(1).cumsum()
        longest = part[run.eq(run.value_counts().sort_index(ascending=False).idxmax())]
        if len(longest) >= FEWEST and longest["value"].gt(0).all():
            found[f"{entity}:{metric}"] = longest[["year", "value", "fact_id"]].reset_index(drop=True)
    return found
