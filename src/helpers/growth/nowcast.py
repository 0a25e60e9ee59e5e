"""Nowcast of a quarterly figure that a company no longer publishes, from what it still prints.

Candidates, their combination and their backtest stand in `helpers.growth.candidates`. The interval is conformal
(Vovk, Gammerman and Shafer 2005, Algorithmic learning in a random world): the quantile of the absolute errors
that the combination made at the same horizon with the same indicators. With n such errors no level above
n / (n + 1) can be had; twenty quarters are few, and the text says what was measured.

What the module cannot do: see a change in how the figure hangs together with its indicators after the last
published one (a new fee moves revenue without GMV); treat the errors as exchangeable where growth slows for good;
use the vintages that were public on each past day unless the tables hold them. A missing indicator is named and
never filled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from helpers.checks import Check, as_rate
from helpers.errors import NotEstimableError
from helpers.growth.candidates import (
    BENCHMARK,
    COMBINATION,
    Forecast,
    backtest,
    coverage,
    forecasts,
    half_width,
    weights,
)
from helpers.growth.cells import in_money
from helpers.growth.quarters import Quarters, on_quarters
from helpers.units import in_words

LEAST_ERRORS = 4
"""Past errors without which an estimate has no measured accuracy; four are the least for an 80 % interval."""

_TABLE = ["period_start", "period_end", "estimate", "low", "high", "basis", "growth", "benchmark", "horizon"]
_WORDS = ["indicators", "reason", "settles", "fact_id"]
_BACKTEST = ["origin", "period_end", "horizon", "candidate", "forecast", "actual", "error"]
_CANDIDATES = ["horizon", "candidate", "n", "median_abs_error", "mean_abs_error", "covered", "coverage_n", "coverage"]
_YEARS = ["year", "estimate", "low", "high", "published_quarters", "estimated_quarters", "estimated_share"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NowcastResult:
    """Published quarters and the estimates after them.

    Attributes
    ----------
    table : DataFrame
        One row per quarter: period_start, period_end, estimate (the published value where there is one), low,
        high (rounding of a published value, prediction interval of an estimate; NaN where the level is not
        attainable), basis ("published", "estimated", "not estimable"), growth (yoy; 0.25 is 25 %), benchmark
        (last known growth carried on; empty for published ones), horizon (quarters after the last published one,
        0 for those), indicators (used ones), reason, settles, fact_id.
    years : DataFrame
        Calendar years whose four quarters are all there: year, estimate, low, high (sums of the quarters' ends, as
        if their errors moved together), published_quarters, estimated_quarters, estimated_share (of the estimate).
    backtest : DataFrame
        origin (last day of the last published quarter), period_end, horizon, candidate, forecast, actual, error
        (``forecast / actual - 1``).
    candidates : DataFrame
        horizon, candidate, n, median_abs_error, mean_abs_error (relative, of the backtest), covered, coverage_n,
        coverage (intervals of the candidate's own earlier errors, NaN where none could be stated), weight (in the
        estimate; NaN for the combination and for what is not part of it).
    level : float
        Nominal coverage.
    text : str
        Two or three sentences with estimate, interval and measured errors.
    checks : tuple of Check
        For each horizon ``beats_benchmark``, ``coverage``, ``attainable_level``; ``indicators``, ``vintages``.
    fact_ids : tuple of str
        Ledger rows of the target and of the used indicators; an implied figure ("f1+f2") counts as all of its rows.
    """

    table: pd.DataFrame
    years: pd.DataFrame
    backtest: pd.DataFrame
    candidates: pd.DataFrame
    level: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Estimate:
    """One quarter: yoy log growth, half width of the interval in logs, and the record behind it."""

    horizon: int
    growth: float = math.nan
    width: float = math.nan
    found: dict[str, Forecast] | None = None
    weight: dict[str, float] | None = None
    record: pd.DataFrame | None = None
    missing: tuple[str, ...] = ()
    reason: str = ""
    settles: str = ""

    @property
    def used(self) -> list[str]:
        """Indicators in the estimate."""
        return list(dict.fromkeys(f.indicator for f in (self.found or {}).values() if f.indicator))


def nowcast(
    target: pd.DataFrame, indicators: pd.DataFrame, *, quarters_ahead: int | None = None, level: float = 0.8
) -> NowcastResult:
    """Estimate the quarters after the last published one.

    Parameters
    ----------
    target : DataFrame
        The figure that ended, one metric in one unit, one row per quarter: period_start, period_end, value (above
        0), known_on, fact_id; optional low, high (rounding), metric, currency (for the text).
    indicators : DataFrame
        What is still published, long: metric, and the columns of `target`, by quarter (or on a quarter's last
        day). `low` and `high` of the estimated quarter widen its interval. Gaps are left as they are.
    quarters_ahead : int, optional
        1 to 4. Left out: to the last quarter of any indicator.
    level : float, default 0.8
        Nominal coverage of the intervals, 0.5 to 0.99.

    Returns
    -------
    NowcastResult
        A quarter that no indicator covers has no estimate, with the reason, and the benchmark beside it.

    Raises
    ------
    HelpersError
        A column or value is missing, a value is not above 0, a period is not a quarter or stands twice.
    UnitError
        Two units or currencies in one metric.
    ParameterError
        `quarters_ahead` or `level` out of bounds.
    NotEstimableError
        No quarter can be estimated: no indicator, too short a past, or the growth of the last quarter unknown.
    """
    as_rate("level", level, low=0.5, high=0.99)
    quarters = on_quarters(target, indicators, quarters_ahead)
    ahead = len(quarters.ends) - 1 - quarters.last
    estimates = [_estimate(quarters, horizon, level) for horizon in range(1, ahead + 1)]
    if all(e.reason for e in estimates):
        first = estimates[0]
        raise NotEstimableError(f"{quarters.name} after {quarters.day(quarters.last)}", first.reason, first.settles)
    table = _table(quarters, estimates)
    candidates, years = _candidates(estimates, level), _years(table)
    used = {name for e in estimates for name in e.used}
    ids = [*quarters.rows["fact_id"], *(fact for name in used for fact in quarters.indicators[name]["fact_id"])]
    return NowcastResult(
        table=table,
        years=years,
        backtest=_backtest_table(quarters, estimates),
        candidates=candidates,
        level=level,
        text=_text(quarters, table, candidates, level) + _years_text(years, quarters),
        checks=(
            *_record_checks(estimates, candidates, level),
            _indicator_check(quarters, estimates),
            _vintages(quarters),
        ),
        fact_ids=tuple(sorted({part for fact in ids for part in str(fact).split("+")})),
    )


def _estimate(quarters: Quarters, horizon: int, level: float) -> _Estimate:
    """One quarter: its candidates, their record at this horizon, weights and the interval."""
    quarter = quarters.last + horizon
    at_hand = {name: rise for name, rise in quarters.rises.items() if not np.isnan(rise[quarter])}
    missing = tuple(name for name in quarters.rises if name not in at_hand)
    open_ = {"horizon": horizon, "missing": missing}
    day = quarters.day(quarter)
    found = forecasts(quarters.growth, at_hand, origin=quarters.last, quarter=quarter)
    if not found:
        reason = f"the growth of the last published quarter ({quarters.day(quarters.last)}) is unknown"
        return _Estimate(**open_, reason=reason, settles=f"{quarters.name} of the same quarter a year earlier")
    if np.isnan(quarters.values[quarter - 4]):
        before = quarters.day(quarter - 4)
        return _Estimate(**open_, reason=f"its base ({before}) is unknown", settles=f"{quarters.name} to {before}")
    if len(found) == 1:
        settles = f"{', '.join(quarters.rises) or 'an indicator'} of the quarter to {day} and of a year earlier"
        return _Estimate(**open_, found=found, reason=f"no indicator covers the quarter to {day}", settles=settles)
    record = backtest(quarters.growth[: quarters.last + 1], at_hand, horizon=horizon, allowed=found)
    errors = _errors(record, COMBINATION)
    if len(errors) < LEAST_ERRORS:
        reason = f"only {len(errors)} past quarters can test an estimate {horizon} ahead, need {LEAST_ERRORS}"
        return _Estimate(**open_, found=found, reason=reason, settles=f"earlier quarters of {quarters.name}")
    weight = weights(found, {name: list(_errors(record, name)) for name in found})
    growth = math.fsum(w * found[name].growth for name, w in weight.items())
    width = half_width(errors, level) + _indicator_width(quarters, found, weight, quarter)
    return _Estimate(**open_, growth=growth, width=width, found=found, weight=weight, record=record)


def _errors(record: pd.DataFrame, candidate: str) -> np.ndarray:
    return record.loc[record["candidate"] == candidate, "error"].to_numpy()


def _indicator_width(quarters: Quarters, found: dict[str, Forecast], weight: dict[str, float], quarter: int) -> float:
    """What the rounding of the quarter's indicators leaves in the estimate, in logs, each at its worst."""
    width = 0.0
    for name, forecast in found.items():
        if forecast.indicator:
            row = quarters.indicator_row(forecast.indicator, quarter)
            if row["low"] > 0 and row["high"] < np.inf:
                width += weight[name] * abs(forecast.slope) * math.log(row["high"] / row["low"]) / 2
    return width


def _table(quarters: Quarters, estimates: Sequence[_Estimate]) -> pd.DataFrame:
    """Published quarters, then the estimated ones."""
    growth = np.expm1(quarters.growth[np.searchsorted(quarters.ends, quarters.rows["period_end"])])
    known = quarters.rows.assign(estimate=quarters.rows["value"], basis="published", growth=growth, horizon=0)
    rows = []
    for e in estimates:
        quarter = quarters.last + e.horizon
        base, end = quarters.values[quarter - 4], quarters.ends[quarter]
        low, high = (base * math.exp(e.growth + side * e.width) for side in (-1, 1))
        rows.append(
            {
                "period_start": end + pd.Timedelta(days=1) - pd.DateOffset(months=3),
                "period_end": end,
                "estimate": base * math.exp(e.growth),
                "low": low,
                "high": high,
                "basis": "not estimable" if e.reason else "estimated",
                "growth": math.expm1(e.growth),
                "benchmark": base * math.exp(quarters.growth[quarters.last]),
                "horizon": e.horizon,
                "indicators": ", ".join(e.used) if not e.reason else "",
                "reason": e.reason,
                "settles": e.settles,
                "fact_id": "",
            }
        )
    table = pd.concat([known, pd.DataFrame(rows)], ignore_index=True)[[*_TABLE, *_WORDS]]
    return table.fillna({"indicators": "", "reason": "", "settles": ""})


def _years(table: pd.DataFrame) -> pd.DataFrame:
    """Sums of calendar years whose four quarters all have a number."""
    rows = []
    stated = table[table["estimate"].notna()]
    for year, part in stated.groupby(stated["period_end"].dt.year):
        if len(part) == 4:
            guessed = part["basis"] == "estimated"
            sums = [part[column].sum(skipna=False) for column in ("estimate", "low", "high")]
            share = part.loc[guessed, "estimate"].sum() / sums[0]
            rows.append((year, *sums, int((~guessed).sum()), int(guessed.sum()), share))
    return pd.DataFrame(rows, columns=_YEARS)


def _backtest_table(quarters: Quarters, estimates: Sequence[_Estimate]) -> pd.DataFrame:
    parts = [e.record.assign(horizon=e.horizon) for e in estimates if e.record is not None]
    rows = pd.concat(parts, ignore_index=True)
    actual = quarters.values[rows["quarter"]]
    rows = rows.assign(
        origin=quarters.ends[rows["origin"]],
        period_end=quarters.ends[rows["quarter"]],
        forecast=actual * np.exp(rows["error"]),
        actual=actual,
        error=np.expm1(rows["error"]),
    )
    return rows[_BACKTEST]


def _candidates(estimates: Sequence[_Estimate], level: float) -> pd.DataFrame:
    """How each candidate did at each horizon."""
    rows = []
    for e in estimates:
        if e.record is None:
            continue
        for name, part in e.record.groupby("candidate", sort=False):
            errors = np.abs(np.expm1(part["error"]))
            held, stated = coverage(part, level)
            share = held / stated if stated else np.nan
            weight = (e.weight or {}).get(name, np.nan)
            rows.append((e.horizon, name, len(part), errors.median(), errors.mean(), held, stated, share, weight))
    return pd.DataFrame(rows, columns=[*_CANDIDATES, "weight"])


def _record_checks(estimates: Sequence[_Estimate], candidates: pd.DataFrame, level: float) -> list[Check]:
    found = candidates.set_index(["horizon", "candidate"])
    checks = []
    for e in estimates:
        if e.record is None:
            continue
        ours, naive = (_common_error(e.record, name) for name in (COMBINATION, BENCHMARK))
        row = found.loc[(e.horizon, COMBINATION)]
        text = f"{e.horizon} ahead the combination misses by {ours:.1%} on average, growth carried on by {naive:.1%}"
        checks.append(Check(name="beats_benchmark", passed=ours < naive, value=ours, threshold=naive, text=_sign(text)))
        checks.append(_coverage_check(e.horizon, row, level))
        highest = row["n"] / (row["n"] + 1)
        text = f"{int(row['n'])} errors {e.horizon} ahead support intervals up to a level of {highest:.1%}"
        checks.append(
            Check(name="attainable_level", passed=level <= highest, value=highest, threshold=level, text=_sign(text))
        )
    return checks


def _common_error(record: pd.DataFrame, name: str) -> float:
    """Mean absolute error over the origins at which the combination stands."""
    same = record["origin"].isin(record.loc[record["candidate"] == COMBINATION, "origin"])
    return float(np.abs(np.expm1(_errors(record[same], name))).mean())


def _coverage_check(horizon: int, row: pd.Series, level: float) -> Check:
    """Fails where so few hits would be a surprise (below 5 %) at the nominal level."""
    held, stated = int(row["covered"]), int(row["coverage_n"])
    text = (
        f"{held} of {stated} past {level:.0%} intervals {horizon} ahead, each from earlier errors only, held the figure"
    )
    passed = bool(special.bdtr(held, stated, level) >= 0.05) if stated else None
    return Check(
        name="coverage", passed=passed, value=held / stated if stated else None, threshold=level, text=_sign(text)
    )


def _sign(text: str) -> str:
    return text.replace("%", " %")


def _indicator_check(quarters: Quarters, estimates: Sequence[_Estimate]) -> Check:
    said = [
        f"{quarters.day(quarters.last + e.horizon)}: {', '.join(e.missing)} not at hand" for e in estimates if e.missing
    ]
    text = "; ".join(said) or "every indicator covers every estimated quarter and its base"
    return Check(name="indicators", passed=None, value=float(len(said)), text=text)


def _vintages(quarters: Quarters) -> Check:
    """How many figures were dated as public only after a later quarter of the figure was."""
    rows = quarters.rows.sort_values("quarter")
    known = pd.to_datetime(rows["known_on"])
    later = known[::-1].cummin()[::-1].shift(-1)  # the earliest publication of any later quarter
    count = int((known > later).sum())
    text = (
        f"{count} of {len(rows)} figures carry a day of publication after that of a later quarter: restated or known "
        "from a later source; the backtest reads them as of their own quarter"
    )
    return Check(name="vintages", passed=None, value=float(count), text=text)


def _text(quarters: Quarters, table: pd.DataFrame, candidates: pd.DataFrame, level: float) -> str:
    """Estimate, interval and measured errors of each quarter."""
    said = []
    for row in table[table["horizon"] > 0].itertuples():
        day = row.period_end.date()
        if row.reason:
            said.append(f"{quarters.name} of the quarter to {day} is not estimable: {row.reason}.")
            continue
        between = f"{level:.0%} interval {in_words(row.low)} to {in_words(row.high)}"
        between = between if pd.notna(row.low) else f"no {level:.0%} interval: too few past errors"
        found = candidates[candidates["horizon"] == row.horizon].set_index("candidate")
        ours, naive = found.loc[COMBINATION], found.loc[BENCHMARK]
        said.append(
            f"{quarters.name} of the quarter to {day} is estimated at "
            f"{in_money(in_words(row.estimate), quarters.currency)} ({between}) from {row.indicators}; "
            f"in {int(ours['n'])} past quarters such estimates missed by "
            f"{ours['median_abs_error']:.1%} in the median and {ours['mean_abs_error']:.1%} on average (growth carried "
            f"on: {naive['median_abs_error']:.1%} and {naive['mean_abs_error']:.1%}), and {int(ours['covered'])} of "
            f"{int(ours['coverage_n'])} intervals held."
        )
    return _sign(" ".join(said))


def _years_text(years: pd.DataFrame, quarters: Quarters) -> str:
    """The sums of years that hold an estimate."""
    said = ""
    for row in years[years["estimated_quarters"] > 0].itertuples():
        between = f" ({in_words(row.low)} to {in_words(row.high)})" if pd.notna(row.low) else ""
        total = in_money(in_words(row.estimate), quarters.currency)
        said += (
            f" With it the four quarters of {row.year} sum to {total}{between}, "
            f"{row.estimated_share:.0%} of it estimated."
        )
    return _sign(said)
