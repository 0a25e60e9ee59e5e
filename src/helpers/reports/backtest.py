"""How earlier forecasts and ranges did: what reports said before against what is known now.

Two records are judged. A forecast (of a metric and a period, with its interval) is held against the figure that a
later report names for that period. The range of a headline number is held against the number of the latest run of the
same family: did the range of then hold the figure of now? Runs on a day (``--as-of``) belong to the family of the run
that they were made from, so the past can be filled in: ``make backtest``.

What this cannot do: judge a forecast whose period is not over, or whose outcome nobody has published.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

ON_DAY = re.compile(r"-on-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """Earlier statements against later figures.

    Attributes
    ----------
    table : DataFrame
        One row per statement: family, kind (forecast or range), label, made_on (ISO day), period_end, low, high,
        value, actual, is_inside, error (share of the actual), href (of the report that said it).
    summary : DataFrame
        By kind and family: n, inside (share), median_error, level (stated share, NaN for ranges).
    text : str
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    text: str


COLUMNS = [
    *("family", "kind", "label", "made_on", "period_end", "value", "low", "high", "level", "actual", "actual_on"),
    *("is_inside", "error", "unit", "currency", "folder"),
]


def judged(connection: sqlite3.Connection) -> BacktestResult:
    """Hold every earlier statement against what later runs say.

    Parameters
    ----------
    connection : sqlite3.Connection
        From `helpers.reports.catalogue.opened`.
    """
    table = pd.DataFrame([*_ranges(connection), *_forecasts(connection)], columns=COLUMNS)
    table = table.sort_values(["family", "label", "made_on"], ignore_index=True)
    grouped = table.groupby(["kind", "family"], sort=True)
    summary = grouped.agg(
        n=("is_inside", "size"),
        inside=("is_inside", "mean"),
        median_error=("error", lambda e: e.abs().median()),
        level=("level", "median"),
    ).reset_index()
    text = f"{len(table)} earlier statements judged, {int(table['is_inside'].sum())} held the later figure"
    return BacktestResult(table=table, summary=summary, text=text)


def family(run: str) -> str:
    """The run that a run on a day was made from."""
    return ON_DAY.sub("", run)


def _day(row: sqlite3.Row) -> str:
    """The day a report speaks from: its `as_of`, or the day it was made."""
    return row["as_of"] or str(row["started"] or row["ended"])[:10]


def _ranges(connection: sqlite3.Connection) -> Iterable[dict[str, Any]]:
    """Headline numbers of earlier days whose range can be held against the latest number of that name."""
    rows = connection.execute(
        "SELECT r.*, h.name, h.label, h.value, h.low, h.high, h.unit, h.currency FROM runs r "
        "JOIN headlines h USING (folder) WHERE r.status = 'ok' AND h.value IS NOT NULL ORDER BY stamp, number"
    ).fetchall()
    series: dict[tuple, list[sqlite3.Row]] = {}
    for row in rows:
        setting = {k: v for k, v in json.loads(row["parameters"]).items() if k not in ("as_of", "language")}
        key = (family(row["run"]), row["name"], row["unit"], row["currency"], json.dumps(setting, sort_keys=True))
        series.setdefault(key, []).append(row)
    for (name, *_), members in series.items():
        by_day = {_day(row): row for row in members}  # the last run that speaks from a day stands for it
        *earlier, last = [by_day[day] for day in sorted(by_day)]
        for row in earlier:
            if row["low"] is not None and row["high"] is not None and row["low"] < row["high"]:
                yield _judgement(row, name, "range", actual=last["value"], actual_on=_day(last))


def _forecasts(connection: sqlite3.Connection) -> Iterable[dict[str, Any]]:
    """Forecasts whose period a later report knows."""
    rows = connection.execute(
        "SELECT r.folder, r.run, r.as_of, r.started, r.ended, f.* FROM runs r JOIN forecasts f USING (folder) "
        "WHERE r.status = 'ok' ORDER BY r.stamp, r.number"
    ).fetchall()
    known: dict[tuple, sqlite3.Row] = {}
    said: dict[tuple, sqlite3.Row] = {}
    for row in rows:
        key = (row["entity"], row["metric"], row["period_start"], row["period_end"], row["currency"])
        if row["level"] is None:  # a figure, not a forecast
            known[key] = row
        else:
            said[(*key, row["made_on"], family(row["run"]))] = row
    for key, row in said.items():
        actual = known.get(key[:5])
        if actual is not None and str(actual["made_on"]) > str(row["made_on"]):
            yield _judgement(row, key[-1], "forecast", actual=actual["value"], actual_on=actual["made_on"])


def _judgement(row: sqlite3.Row, name: str, kind: str, *, actual: float, actual_on: str) -> dict[str, Any]:
    columns = row.keys()
    return {
        "family": name,
        "kind": kind,
        "label": row["label"],
        "made_on": row["made_on"] if kind == "forecast" else _day(row),
        "period_end": row["period_end"] if "period_end" in columns else "",
        "value": row["value"],
        "low": row["low"],
        "high": row["high"],
        "level": row["level"] if "level" in columns else None,
        "actual": actual,
        "actual_on": actual_on,
        "is_inside": bool(row["low"] <= actual <= row["high"]) if row["low"] is not None else False,
        "error": (row["value"] - actual) / abs(actual) if actual else float("nan"),
        "unit": row["unit"] or "",
        "currency": row["currency"] or "",
        "folder": row["folder"],
    }
