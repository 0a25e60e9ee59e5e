"""One average over the uplifts of several events, and how much they differ between events.

Random effects: ``effect_i = mu + u_i + e_i`` with ``Var(u_i) = tau2`` between events and the known
``Var(e_i) = se_i ** 2`` within. ``tau2`` by restricted maximum likelihood (``reml``), by the moments of
DerSimonian and Laird (1986, ``dl``), or of Paule and Mandel (1982, ``pm``). The interval of ``mu`` is that of
Hartung and Knapp (2001) and Sidik and Jonkman (2002), with the floor of Knapp and Hartung (2003): it is never
narrower than the data's own standard errors allow. ``tau2`` and ``I2`` get the Q-profile interval of Viechtbauer
(2007), a new event the prediction interval of Higgins, Thompson and Spiegelhalter (2009), whose t has
two degrees of freedom fewer than there are events.

What the module cannot do: mend estimates of different things. Percentages against different baselines have no
common mean (see `helpers.uplift.reported`); events that were published because they were large are averaged to
something large. With fewer than five events ``tau2`` is hardly known, and the check says so. Pool
ratios as logs, ``log(1 + growth)``: a fall of half and a doubling then cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError, UnknownNameError

METHODS = {"reml": "restricted maximum likelihood", "dl": "DerSimonian-Laird", "pm": "Paule-Mandel"}
FEW = 5
GRID, CLOSE = 80, 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledResult:
    """The average effect over events and its spread.

    Attributes
    ----------
    method : str
        How ``tau2`` was estimated, a key of `METHODS`.
    mu, se, low, high : float
        Average effect, its standard error and interval, in the unit of the effects.
    level : float
        Nominal coverage of all intervals.
    tau2, tau2_low, tau2_high : float
        Variance between events.
    i2, i2_low, i2_high : float
        Share of the variance of a typical estimate that lies between events, 0 to 1.
    q, q_p : float
        Cochran's Q and its p-value under equal effects (chi-squared, events less one).
    prediction_low, prediction_high : float
        Where the effect of a new event of the same kind would lie; NaN for two events.
    table : DataFrame
        One row per event: name, effect, se, low, high (normal, at `level`), weight (share, sums to 1).
    leave_one_out : DataFrame
        left_out, mu, low, high, tau2, i2; empty for two events.
    text : str
        One or two sentences.
    checks : tuple of Check
        ``few_estimates``, ``heterogeneity``, ``influence``, ``hartung_knapp_floor``.
    fact_ids : tuple of str
        Ledger rows it rests on.
    """

    method: str
    mu: float
    se: float
    low: float
    high: float
    level: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    i2_low: float
    i2_high: float
    q: float
    q_p: float
    prediction_low: float
    prediction_high: float
    table: pd.DataFrame
    leave_one_out: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...] = ()


def pool(
    estimates: pd.DataFrame, *, method: str = "reml", knha: bool = True, level: float = 0.95,
    fact_ids: Sequence[str] = (),
) -> PooledResult:  # fmt: skip
    """Average of several estimates, ``mu = sum(w_i effect_i) / sum(w_i)`` with ``w_i = 1 / (se_i ** 2 + tau2)``.

    Parameters
    ----------
    estimates : DataFrame
        name (unique), effect, se (above 0; for a printed number see `from_rounding`). Two rows or more.
    method : {"reml", "dl", "pm"}, default "reml"
        Estimator of ``tau2``.
    knha : bool, default True
        Hartung-Knapp interval (t with events less one degrees of freedom, with its floor); False for
        the normal one, which is too narrow for few events.
    level : float, default 0.95
        Nominal coverage.
    fact_ids : sequence of str
        Handed on.

    Returns
    -------
    PooledResult

    Raises
    ------
    PanelError
        A missing column, fewer than two rows, a name twice, an effect that is not finite, an ``se`` not above 0.
    UnknownNameError
        `method` is none of `METHODS`.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, list(METHODS))
    if not 0 < level < 1:
        raise HelpersError(f"level must lie between 0 and 1, got {level}")
    names, effect, variance = _read(estimates)
    fit = _fit(effect, variance, method, knha, level)
    left = _leave_one_out(names, effect, variance, method, knha, level)
    z = stats.norm.ppf((1 + level) / 2)
    table = pd.DataFrame({
        "name": names, "effect": effect, "se": np.sqrt(variance), "low": effect - z * np.sqrt(variance),
        "high": effect + z * np.sqrt(variance), "weight": _weights(variance, fit["tau2"]),
    })  # fmt: skip
    floored = fit.pop("floored")
    return PooledResult(
        method=method, level=level, table=table, leave_one_out=left, text=_text(fit, len(names), level),
        checks=_checks(fit, left, len(names), floored), fact_ids=tuple(fact_ids), **fit,
    )  # fmt: skip


def from_rounding(table: pd.DataFrame, *, log: bool = False) -> pd.DataFrame:
    """Effects and standard errors of printed numbers, ``se = (high - low) / 2 / sqrt(3)``.

    A printed number stands for an interval; within it every value is as good, which is a uniform
    distribution. This is the error of rounding alone: whatever else the source got wrong is not in it.

    Parameters
    ----------
    table : DataFrame
        name, low, high; ``low < high``, both finite (as a share: 77 % printed is 0.765 to 0.775).
    log : bool, default False
        Growth rates as logs, ``log(1 + growth)``.

    Returns
    -------
    DataFrame
        name, effect (middle of the interval), se.

    Raises
    ------
    PanelError
        A missing column, or an interval that is open, empty or, with `log`, at −100 % or below.
    """
    missing = [column for column in ("name", "low", "high") if column not in table.columns]
    if missing:
        raise PanelError(f"printed intervals need the columns name, low, high; missing: {', '.join(missing)}")
    low, high = table["low"].to_numpy(float), table["high"].to_numpy(float)
    bad = ~(np.isfinite(low) & np.isfinite(high) & (low < high) & ((low > -1) | (not log)))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        rule = "needs finite ends, low below high" + (" and above -1" if log else "")
        raise PanelError(f"the interval of {table['name'].iloc[row]} {rule}, got {low[row]} to {high[row]}")
    if log:
        low, high = np.log1p(low), np.log1p(high)
    return pd.DataFrame({"name": list(table["name"]), "effect": (low + high) / 2, "se": (high - low) / 2 / np.sqrt(3)})


def _read(estimates: pd.DataFrame) -> tuple[list[str], np.ndarray, np.ndarray]:
    missing = [column for column in ("name", "effect", "se") if column not in estimates.columns]
    if missing:
        raise PanelError(f"estimates need the columns name, effect, se; missing: {', '.join(missing)}")
    names = [str(name) for name in estimates["name"]]
    if len(names) < 2:
        raise PanelError(f"need 2+ estimates to pool, got {len(names)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PanelError(f"each estimate needs its own name, got twice: {', '.join(twice)}")
    effect, se = (estimates[column].to_numpy(float, na_value=np.nan) for column in ("effect", "se"))
    bad = ~(np.isfinite(effect) & np.isfinite(se) & (se > 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise PanelError(
            f"{names[row]} needs a finite effect and an se above 0, got effect {effect[row]} and se {se[row]}"
        )
    return names, effect, se**2


def _fit(y: np.ndarray, v: np.ndarray, method: str, knha: bool, level: float) -> dict[str, float]:
    """All numbers of the result."""
    count, core = len(y), _mean(y, v, method, knha, level)
    wide = np.nan
    if count > 2:
        wide = stats.t.ppf((1 + level) / 2, count - 2) * np.sqrt(core["tau2"] + core["se"] ** 2)
    low, high = _q_profile(y, v, level)
    q, typical = _q(y, v, 0.0), _typical(v)
    return {
        **core, "tau2_low": low, "tau2_high": high, "i2_low": low / (low + typical), "i2_high": high / (high + typical),
        "q": q, "q_p": float(stats.chi2.sf(q, count - 1)), "prediction_low": core["mu"] - wide,
        "prediction_high": core["mu"] + wide,
    }  # fmt: skip


def _mean(y: np.ndarray, v: np.ndarray, method: str, knha: bool, level: float) -> dict[str, float]:
    """The average with its interval, and what lies between events."""
    tau2, count = TAU2[method](y, v), len(y)
    w = 1 / (v + tau2)
    mu = float(w @ y / w.sum())
    spread = float(w @ (y - mu) ** 2) / (count - 1)
    se = float(np.sqrt((max(1.0, spread) if knha else 1.0) / w.sum()))
    tail = (1 + level) / 2
    half = se * float(stats.t.ppf(tail, count - 1) if knha else stats.norm.ppf(tail))
    return {
        "mu": mu, "se": se, "low": mu - half, "high": mu + half, "tau2": tau2, "i2": tau2 / (tau2 + _typical(v)),
        "floored": knha and spread < 1,
    }  # fmt: skip


def _weights(v: np.ndarray, tau2: float) -> np.ndarray:
    w = 1 / (v + tau2)
    return w / w.sum()


def _q(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """Weighted squared deviations; falls as `tau2` grows."""
    w = 1 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def _typical(v: np.ndarray) -> float:
    """Variance within a typical estimate (Higgins and Thompson 2002)."""
    w = 1 / v
    return float((len(v) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum()))


def _solve(y: np.ndarray, v: np.ndarray, target: float) -> float:
    """The `tau2` at which the generalised Q equals `target`; 0 where it is below already."""
    if _q(y, v, 0.0) <= target:
        return 0.0
    top = float(np.var(y) + v.max())
    while _q(y, v, top) > target:
        top *= 2
    return float(optimize.brentq(lambda t: _q(y, v, t) - target, 0.0, top, xtol=CLOSE * top, rtol=1e-12))


def _q_profile(y: np.ndarray, v: np.ndarray, level: float) -> tuple[float, float]:
    low, high = stats.chi2.ppf([(1 + level) / 2, (1 - level) / 2], len(y) - 1)
    return _solve(y, v, low), _solve(y, v, high)


def _dl(y: np.ndarray, v: np.ndarray) -> float:
    w = 1 / v
    return max(0.0, (_q(y, v, 0.0) - (len(y) - 1)) / float(w.sum() - (w**2).sum() / w.sum()))


def _pm(y: np.ndarray, v: np.ndarray) -> float:
    return _solve(y, v, len(y) - 1)


def _reml(y: np.ndarray, v: np.ndarray) -> float:
    """Top of the restricted likelihood: the best point of a grid, then the zero of the slope beside it."""
    grid = np.concatenate([[0.0], np.geomspace(1e-6 * v.min(), 10 * (np.var(y) + v.max()), GRID)])
    best = int(np.argmax([_restricted(y, v, tau2) for tau2 in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, GRID)]
    if _slope(y, v, low) <= 0:
        return 0.0
    return float(optimize.brentq(lambda tau2: _slope(y, v, tau2), low, high, xtol=CLOSE * high, rtol=1e-12))


def _restricted(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    w = 1 / (v + tau2)
    return 0.5 * float(np.log(w).sum() - np.log(w.sum())) - 0.5 * _q(y, v, tau2)


def _slope(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """Derivative of twice the restricted likelihood."""
    w = 1 / (v + tau2)
    return float(w**2 @ (y - w @ y / w.sum()) ** 2 - w.sum() + (w**2).sum() / w.sum())


TAU2 = {"reml": _reml, "dl": _dl, "pm": _pm}


def _leave_one_out(
    names: list[str], y: np.ndarray, v: np.ndarray, method: str, knha: bool, level: float
) -> pd.DataFrame:
    columns = ["left_out", "mu", "low", "high", "tau2", "i2"]
    if len(names) < 3:
        return pd.DataFrame(columns=columns)
    rows = []
    for place, name in enumerate(names):
        fit = _mean(np.delete(y, place), np.delete(v, place), method, knha, level)
        rows.append({"left_out": name, **{column: fit[column] for column in columns[1:]}})
    return pd.DataFrame(rows, columns=columns)


def _checks(fit: dict[str, float], left: pd.DataFrame, count: int, floored: bool) -> tuple[Check, ...]:
    few = f"{count} estimates" + ("" if count >= FEW else ": the spread between events is hardly known from so few")
    different = (
        f"{fit['i2']:.0%} of the variance lies between events (Q {fit['q']:.1f}, p {fit['q_p']:.2g})".replace("%", " %")
        + (": they do not share one effect, quote the prediction interval" if fit["q_p"] < 0.1 else "")
    )  # fmt: skip
    checks = [
        Check(name="few_estimates", passed=count >= FEW, value=count, threshold=FEW, text=few),
        Check(name="heterogeneity", passed=fit["q_p"] >= 0.1, value=fit["i2"], text=different),
    ]
    if floored:
        text = "the estimates agree more than their standard errors allow; the interval was kept at its floor"
        checks.append(Check(name="hartung_knapp_floor", passed=None, value=1.0, text=text))
    if len(left):
        row = left.iloc[int((left["mu"] - fit["mu"]).abs().argmax())]
        inside = fit["low"] <= row["mu"] <= fit["high"]
        text = f"without {row['left_out']} the average is {row['mu']:.3g} instead of {fit['mu']:.3g}"
        text += "" if inside else ", outside the interval: it hangs on one event"
        checks.append(Check(name="influence", passed=bool(inside), value=float(row["mu"]), text=text))
    return tuple(checks)


def _text(fit: dict[str, float], count: int, level: float) -> str:
    out = (
        f"average of {count} estimates {fit['mu']:.3g} ({level:.0%} interval {fit['low']:.3g} to {fit['high']:.3g})"
    ).replace("%", " %")
    if not np.isnan(fit["prediction_low"]):
        out += f"; a new event of the kind would lie between {fit['prediction_low']:.3g} and "
        out += f"{fit['prediction_high']:.3g}"
    return out.replace("-", "−") + "."
