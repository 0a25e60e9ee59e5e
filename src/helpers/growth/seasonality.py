"""Quarterly growth with its season seen: what a quarter usually adds, and what is left without it.

Least squares on the log growth of each quarter on the one before,

    ln(v_t / v_(t-1)) = a + b t + c_q(t) + e_t,   sum_q c_q = 0

so that a line of growth (a company that slows down) is not taken for season. ``exp(c_q) - 1`` is what the
season alone does to quarter q, and the growth net of season is ``v_t / v_(t-1) / exp(c_q) - 1``; its interval is
the t interval of c_q, widened by ``sqrt(4 / 3)``: least squares takes the e as independent, but noise in a level
raises one rate of growth and lowers the next (variance of c_q then ``s**2 / n`` instead of ``0.75 s**2 / n``).
The strength of the season is ``max(0, 1 - var(e) / var(c + e))`` as Hyndman and Athanasopoulos (2021, Forecasting:
principles and practice, section 4.3) define it, here on growth.

What the module cannot do: follow a season that changes (a check compares both halves), move a Spring Festival that
falls into another quarter, or tell an event such as Double 11 from the season that it falls into.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, NotEstimableError
from helpers.growth.periods import checked, is_quarter, qoq, yoy

LEAST_YEARS = 3
"""Values that each quarter of the year needs; with two, one odd year is half of the season."""

LEVEL_NOISE = math.sqrt(4 / 3)
"""Widens the standard error of a season so that it also holds where the noise sits in the levels."""

SURE = 0.05
"""Level of the tests in the checks."""

_TABLE = ["period_start", "period_end", "value", "quarter", "qoq", "usual_qoq", "years", "net_qoq", "low", "high"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonalResult:
    """Growth with and without its season.

    Attributes
    ----------
    table : DataFrame
        Every row of the series by period_end: period_start, period_end, value, quarter (1 to 4, of the
        calendar quarter in which it ends), qoq (as printed), usual_qoq (of that quarter, at the trend of its time),
        years (values of growth behind the season of that quarter), net_qoq (qoq without the season), low, high
        (interval of net_qoq), yoy, reason (why growth is not stated), yoy_reason, fact_id. Growth as shares.
    factors : DataFrame
        One row per quarter of the year: quarter, factor (of the level, geometric mean 1), seasonal_qoq, low, high
        (what the season alone does to growth, with its interval), years.
    strength : float
        0 (no season) to 1 (growth is all season).
    level : float
        Nominal coverage of the intervals.
    text : str
        Two sentences on the last quarter with growth.
    checks : tuple of Check
        ``season_seen`` (F test that growth differs between quarters), ``season_stable`` (F test between the
        halves of the data; None with too few quarters).
    fact_ids : tuple of str
        Ledger rows of the series.
    """

    table: pd.DataFrame
    factors: pd.DataFrame
    strength: float
    level: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Least squares: coefficients, residuals, their sum of squares, degrees of freedom, covariance."""

    design: np.ndarray
    outcome: np.ndarray
    params: np.ndarray
    resid: np.ndarray
    ssr: float
    df_resid: int
    covariance: np.ndarray


def seasonal_growth(series: pd.DataFrame, *, level: float = 0.9) -> SeasonalResult:
    """Growth of each quarter on the one before: as printed, usual for that quarter, and net of the season.

    Parameters
    ----------
    series : DataFrame
        As for `helpers.growth.yoy`: one metric, quarters; values above 0. Rows of another length are kept
        with a reason and not used.
    level : float, default 0.9
        Nominal coverage, 0.5 to 0.99.

    Returns
    -------
    SeasonalResult

    Raises
    ------
    HelpersError
        A series breaks the rules of `yoy`, a value is not above 0, or the quarters end in different months.
    UnitError
        Two kinds in one series.
    ParameterError
        `level` out of bounds.
    NotEstimableError
        A quarter of the year has fewer than 3 values, or growth cannot be told from season.
    """
    as_rate("level", level, low=0.5, high=0.99)
    rows = _rows(series)
    used = rows[rows["qoq"].notna()]
    _refuse_short(rows, used)
    fit = _fit(used)
    season, se = _season(fit)
    reach = special.stdtrit(fit.df_resid, (1 + level) / 2) * LEVEL_NOISE * se
    years = used["quarter"].value_counts().reindex([1, 2, 3, 4])
    table = _table(rows, fit, season, reach, years)
    strength = _strength(fit, season[used["quarter"].to_numpy() - 1])
    return SeasonalResult(
        table=table,
        factors=_factors(season, reach, years),
        strength=strength,
        level=level,
        text=_text(table, strength, level),
        checks=(_seen_check(fit), _stable_check(fit, used)),
        fact_ids=tuple(dict.fromkeys(map(str, rows["fact_id"]))),
    )


def _rows(series: pd.DataFrame) -> pd.DataFrame:
    """Both growth rates side by side, with the quarter of the year and a count of quarters."""
    rows = checked(series)
    quarters = is_quarter(rows)
    bad = rows[quarters & (rows["value"].notna() & ~(rows["value"] > 0))]
    if len(bad):
        raise HelpersError(
            f"seasonal factors need values above 0, got {bad['value'].iloc[0]} ({bad['fact_id'].iloc[0]})"
        )
    months = rows["period_end"].dt.year * 12 + rows["period_end"].dt.month - 1
    if len(set(months[quarters] % 3)) > 1:
        raise HelpersError("the quarters of one series must end in the same months of the year")
    by_quarter, by_year = qoq(rows), yoy(rows)
    return by_quarter.rename(columns={"growth": "qoq"})[
        ["period_start", "period_end", "value", "qoq", "reason", "fact_id"]
    ].assign(
        quarter=rows["period_end"].dt.quarter,
        time=months // 3,
        is_quarter=quarters,
        yoy=by_year["growth"],
        yoy_reason=by_year["reason"],
    )


def _refuse_short(rows: pd.DataFrame, used: pd.DataFrame) -> None:
    """Three values of each quarter, two rates of growth of each, and one rate more than coefficients."""
    known = (
        rows[rows["is_quarter"] & rows["value"].notna()]["quarter"].value_counts().reindex([1, 2, 3, 4], fill_value=0)
    )
    rates = used["quarter"].value_counts().reindex([1, 2, 3, 4], fill_value=0)
    if known.min() < LEAST_YEARS or rates.min() < LEAST_YEARS - 1:
        counts = ", ".join(f"Q{q} {known[q]} ({rates[q]})" for q in known.index)
        raise NotEstimableError(
            "the season of a quarter",
            f"it needs {LEAST_YEARS}+ values of each quarter of the year and {LEAST_YEARS - 1}+ rates of growth, got "
            f"values (rates): {counts}",
            f"{LEAST_YEARS} years of quarters without gaps",
        )


def _fit(used: pd.DataFrame) -> _Fit:
    """Constant, time and three contrasts whose fourth is minus their sum."""
    time = used["time"].to_numpy(float)
    quarter = used["quarter"].to_numpy()
    contrasts = np.array([(quarter == q).astype(float) - (quarter == 4) for q in (1, 2, 3)]).T
    design = np.column_stack([np.ones(len(used)), time - time.mean(), contrasts])
    return _least_squares(design, np.log1p(used["qoq"].to_numpy()))


def _least_squares(design: np.ndarray, outcome: np.ndarray) -> _Fit:
    """By the QR decomposition; the design must have full rank."""
    q, r = np.linalg.qr(design)
    params = np.linalg.solve(r, q.T @ outcome)
    resid = outcome - design @ params
    ssr, df = float(resid @ resid), len(outcome) - design.shape[1]
    inverse = np.linalg.inv(r)
    covariance = ssr / df * inverse @ inverse.T
    return _Fit(design=design, outcome=outcome, params=params, resid=resid, ssr=ssr, df_resid=df, covariance=covariance)


def _season(fit: _Fit) -> tuple[np.ndarray, np.ndarray]:
    """The four seasonal terms of log growth and their standard errors."""
    spread = np.vstack([np.eye(3), -np.ones(3)])
    covariance = fit.covariance[2:, 2:]
    return spread @ fit.params[2:], np.sqrt(np.einsum("ij,jk,ik->i", spread, covariance, spread))


def _strength(fit: _Fit, season: np.ndarray) -> float:
    whole = float(np.var(fit.resid + season))
    return max(0.0, 1 - float(np.var(fit.resid)) / whole) if whole > 0 else 0.0


def _factors(season: np.ndarray, reach: np.ndarray, years: pd.Series) -> pd.DataFrame:
    """By quarter of the year; the level's factor adds up the seasonal growth, with geometric mean 1."""
    level = np.cumsum(season)
    return pd.DataFrame(
        {
            "quarter": [1, 2, 3, 4],
            "factor": np.exp(level - level.mean()),
            "seasonal_qoq": np.expm1(season),
            "low": np.expm1(season - reach),
            "high": np.expm1(season + reach),
            "years": years.to_numpy(),
        }
    )


def _table(rows: pd.DataFrame, fit: _Fit, season: np.ndarray, reach: np.ndarray, years: pd.Series) -> pd.DataFrame:
    position = rows["quarter"].to_numpy() - 1
    mine, width = season[position], reach[position]
    used = rows["qoq"].notna()
    middle = rows.loc[used, "time"].mean()
    trend = fit.params[0] + fit.params[1] * (rows["time"] - middle)
    growth = np.log1p(rows["qoq"])
    net = {"net_qoq": growth - mine, "low": growth - mine - width, "high": growth - mine + width}
    columns = {name: np.expm1(value) for name, value in net.items()}
    usual = np.expm1(trend + mine).where(rows["is_quarter"])
    counted = np.where(rows["is_quarter"], years.to_numpy()[position], 0)
    table = rows.assign(usual_qoq=usual, years=counted, **columns)
    return table[[*_TABLE, "yoy", "reason", "yoy_reason", "fact_id"]]


def _seen_check(fit: _Fit) -> Check:
    """Does growth differ between the quarters of the year at all?"""
    flat = _least_squares(fit.design[:, :2], fit.outcome)
    p = _f_test(flat, fit)
    text = f"growth differs between the quarters of the year (p = {p:.2g})"
    if not p <= SURE:
        text = f"no season can be told from noise (p = {p:.2g}): the growth net of it is the growth with an interval"
    return Check(name="season_seen", passed=p <= SURE, value=p, threshold=SURE, text=text)


def _stable_check(fit: _Fit, used: pd.DataFrame) -> Check:
    """Does the season of the second half differ from the first?"""
    late = (used["time"] > used["time"].median()).to_numpy(float)[:, None]
    wider = np.hstack([fit.design, late * fit.design[:, 2:]])
    if np.linalg.matrix_rank(wider) < wider.shape[1] or len(wider) - wider.shape[1] < 3:
        return Check(name="season_stable", passed=None, text="too few quarters to compare the season of both halves")
    p = _f_test(fit, _least_squares(wider, fit.outcome))
    text = f"the season of both halves of the data is alike (p = {p:.2g})"
    if p < SURE:
        text = f"the season changed between both halves of the data (p = {p:.2g}): an average describes neither"
    return Check(name="season_stable", passed=p >= SURE, value=p, threshold=SURE, text=text)


def _f_test(narrow: _Fit, wide: _Fit) -> float:
    """p value of the further terms of `wide`; exact fits, which have no noise to compare with, give 0 or 1."""
    nothing = 1e-24 * len(wide.resid)
    gain = max(narrow.ssr - wide.ssr, 0.0)
    if wide.ssr <= nothing:
        return 1.0 if gain <= nothing else 0.0
    more = narrow.df_resid - wide.df_resid
    return float(special.fdtrc(more, wide.df_resid, gain / more / (wide.ssr / wide.df_resid)))


def _text(table: pd.DataFrame, strength: float, level: float) -> str:
    row = table[table["qoq"].notna()].iloc[-1]
    year = f"; against a year earlier it is {_percent(row['yoy'])}" if not math.isnan(row["yoy"]) else ""
    between = f"{level * 100:.0f} % interval {_percent(row['low'])} to {_percent(row['high'])}"
    return (
        f"The quarter to {row['period_end'].date()} stands {_percent(row['qoq'])} against the quarter before, where "
        f"{_percent(row['usual_qoq'])} is usual for it ({int(row['years'])} years); without the season it is "
        f"{_percent(row['net_qoq'])} ({between}){year}. "
        f"The strength of the season is {strength:.2f} of 1."
    )


def _percent(share: float) -> str:
    return f"{share * 100:+.1f} %"
