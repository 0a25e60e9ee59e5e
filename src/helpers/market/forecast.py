"""A yearly series carried forward by a stack of models, in a band whose coverage was measured.

`helpers.market.rolling` holds the method: weights and bands from other series and from the series' own past, at each
origin only what was known by then. The band's measured coverage is part of the result and of its caption. Beyond the
horizons that past forecasts reach, the band widens in proportion to the horizon and says that it extrapolates.

What the module cannot do: foresee what no year of any series in the pool has shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.checks import Check
from helpers.draws import LogNormal
from helpers.errors import NotEstimableError, ParameterError, UnknownNameError
from helpers.market import rolling
from helpers.market.bass import Analogue, BassPrior, increments_of, prior_of
from helpers.market.curves import Ceiling, ceiling
from helpers.market.models import KINDS
from helpers.market.quality import spoken
from helpers.market.series import after_launch, check_yearly

MOST_YEARS = 12
COVERED = (0.8, 0.97)
"""A 90 % band that held less or more of its past outcomes than this is told as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastResult:
    """A series and its years to come.

    Attributes
    ----------
    name : str
    history : DataFrame
        year, value.
    table : DataFrame
        One row per year to come: year, horizon, value, low, high, naive, is_beyond (farther than past forecasts reach).
    weights : DataFrame
        model, weight, median_error (one year ahead, over all series; NaN where none is known).
    backtest : DataFrame
        Past forecasts of this series: year (forecast), origin, horizon, actual, value, low, high, naive, is_covered.
    coverage : DataFrame
        horizon, n, coverage, median_error, naive_error, median_width: of all series, each judged by the others.
    own_coverage : DataFrame
        The same of this series alone.
    ceiling : Ceiling or None
    ceiling_text : str
        Where it would end, or why that is not known.
    level : float
    text, caption : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    name: str
    history: pd.DataFrame
    table: pd.DataFrame
    weights: pd.DataFrame
    backtest: pd.DataFrame
    coverage: pd.DataFrame
    own_coverage: pd.DataFrame
    ceiling: Ceiling | None
    ceiling_text: str
    level: float
    text: str
    caption: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]

    def distribution(self, year: int) -> LogNormal:
        """Log-normal with the forecast of a year as its median and the band as its middle `level`.

        Raises
        ------
        ParameterError
            A year that is not forecast.
        """
        row = self.table[self.table["year"].eq(year)]
        if row.empty:
            first, last = self.table["year"].min(), self.table["year"].max()
            raise ParameterError(f"{self.name} is forecast for {first} to {last}, not for {year}")
        reach = 2 * float(ndtri((1 + self.level) / 2))
        value, low, high = row[["value", "low", "high"]].iloc[0]
        return LogNormal(mu=float(np.log(value)), sigma=float(np.log(high / low)) / reach)


def forecast(
    series: pd.DataFrame,
    *,
    horizon: int,
    kind: str = "level",
    level: float = 0.9,
    pool: Mapping[str, pd.DataFrame] | None = None,
    analogues: Sequence[Analogue] = (),
    name: str = "the series",
) -> ForecastResult:
    """Forecast a yearly series.

    Parameters
    ----------
    series : DataFrame
        Columns year, value (above 0), perhaps fact_id; 5 or more years without a hole.
    horizon : int
        Years ahead, 1 to 12.
    kind : {"level", "increments", "cumulative"}
        Sizes of a year (from the last tripling on: before it was a launch), adoptions of a year since launch, or their
        running total, of which the increments are forecast.
    level : float, default 0.9
        Of the band, 0.5 to 0.95.
    pool : mapping of str to DataFrame
        Other series (year, value, perhaps a column kind), which weigh the models and measure the band.
    analogues : sequence of Analogue, optional
        For the Bass model; a product of the pool is never its own.
    name : str

    Raises
    ------
    ParameterError, UnknownNameError
        A hole, a year twice, fewer than five years, values not above 0, a falling total, a horizon or level out of
        bounds.
    NotEstimableError
        Too few past forecasts for a band.
    """
    _check(horizon, kind, level)
    rows, kind = _read(series, kind, name)
    past = _past(rows, kind, name, pool or {}, analogues)
    shares = {each: rolling.weights(past, each) for each in KINDS}
    table = _ahead(rows, past, shares, name, horizon, level)
    judged = pd.concat([rolling.judged(past, each, level) for each in past["name"].unique()], ignore_index=True)
    own = judged[judged["name"].eq(name)]
    covered = rolling.coverage(judged)
    top, top_text = _ceiling(rows, kind, name)
    count = past["name"].nunique() - 1
    return ForecastResult(
        name=name, history=rows[["year", "value"]], table=table, weights=_weights(past, shares[kind], kind),
        backtest=_own(own, rows), coverage=covered, own_coverage=rolling.coverage(own), ceiling=top,
        ceiling_text=top_text, level=level, text=_said(name, table, level),
        caption=_caption(covered, own, count, level), checks=_checks(name, covered, own, table, top, top_text),
        fact_ids=tuple(dict.fromkeys(rows["fact_id"])) if "fact_id" in rows else (),
    )  # fmt: skip


def _check(horizon: int, kind: str, level: float) -> None:
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or not 1 <= horizon <= MOST_YEARS:
        raise ParameterError(f"horizon must be a whole number of years from 1 to {MOST_YEARS}, got {horizon!r}")
    if kind not in (*KINDS, "cumulative"):
        raise UnknownNameError("kind of series", kind, [*KINDS, "cumulative"])
    if not 0.5 <= level <= 0.95:
        raise ParameterError(f"level must lie between 0.5 and 0.95, got {level:g}")


def _read(series: pd.DataFrame, kind: str, name: str) -> tuple[pd.DataFrame, str]:
    """The years that models see, and their kind."""
    rows = check_yearly(series, name=name)
    if kind == "cumulative":
        rows = rows.assign(value=increments_of(rows["value"].to_numpy()))
        return check_yearly(rows, name=f"yearly increments of {name}"), "increments"
    if kind == "increments":
        return rows, kind
    return check_yearly(after_launch(rows), name=f"{name} after its launch"), kind


def _past(
    rows: pd.DataFrame, kind: str, name: str, pool: Mapping[str, pd.DataFrame], analogues: Sequence[Analogue]
) -> pd.DataFrame:
    """What every model said at every origin of every series."""
    own = rolling.backtest(rows["value"].to_numpy(), kind=kind, name=name, prior=_prior(analogues, name, kind))
    found = [own.assign(is_own=True)]
    for other, given in pool.items():
        if other == name:
            raise ParameterError(f"{name} is in its own pool: a series does not judge itself")
        theirs = str(given["kind"].iloc[0]) if "kind" in given else "level"
        prior = _prior(analogues, other, theirs)
        values = _read(given, theirs, f"{other} of the pool")[0]["value"].to_numpy()
        found.append(rolling.backtest(values, kind=theirs, name=other, prior=prior).assign(is_own=False))
    return pd.concat(found, ignore_index=True)


def _prior(analogues: Sequence[Analogue], name: str, kind: str) -> BassPrior | None:
    return prior_of(analogues, without=name) if analogues and kind == "increments" else None


def _ahead(
    rows: pd.DataFrame, past: pd.DataFrame, shares: dict[str, pd.Series], name: str, horizon: int, level: float
) -> pd.DataFrame:
    now = past[past["is_own"] & past["known"].eq(len(rows))].sort_values("horizon")
    half = rolling.bands(past, shares, level)
    steps = np.arange(1, horizon + 1)
    reach = half.reindex(steps)
    last = half.index[-1]
    reach = reach.fillna(pd.Series(half.iloc[-1] * steps / last, index=steps))
    logs = np.interp(steps, now["horizon"], rolling.stacked(now, shares))
    if horizon > rolling.FARTHEST:  # the last step that was forecast goes on
        logs = _continued(logs, rolling.stacked(now, shares), steps)
    width = reach.to_numpy() * now["scale"].iloc[0]
    ends = {"value": np.exp(logs), "low": np.exp(logs - width), "high": np.exp(logs + width)}
    start = rows["year"].iloc[-1], rows["value"].iloc[-1]
    return pd.DataFrame(
        {"year": int(start[0]) + steps, "horizon": steps, **ends, "naive": float(start[1]), "is_beyond": steps > last}
    )


def _continued(logs: np.ndarray, said: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Beyond the horizon of the models, their last step repeated and dying out as before."""
    step = said[-1] - said[-2]
    fade = step / (said[-2] - said[-3]) if abs(said[-2] - said[-3]) > 1e-12 else 0.0
    fade = float(np.clip(fade, 0, 0.95))
    beyond = steps - rolling.FARTHEST
    added = np.array([step * sum(fade**k for k in range(1, n + 1)) for n in np.maximum(beyond, 0)])
    return np.where(beyond > 0, said[-1] + added, logs)


def _ceiling(rows: pd.DataFrame, kind: str, name: str) -> tuple[Ceiling | None, str]:
    if kind != "level":
        return None, f"{name}: adoptions of a year have a peak, not a ceiling"
    try:
        found = ceiling(rows["value"].to_numpy())
    except NotEstimableError as error:
        return None, f"where {name} would level off is not estimable: {error.reason}"
    span = f"{spoken(found.low)} to {spoken(found.high)}"
    text = f"curves with a ceiling level off at {spoken(found.value)} ({span} over both), if no second wave comes"
    return found, f"{name}: {text}"


def _weights(past: pd.DataFrame, share: pd.Series, kind: str) -> pd.DataFrame:
    known = past[past["kind"].eq(kind) & past["actual"].notna() & past["horizon"].eq(1)]
    off = np.abs(np.expm1(known[list(share.index)].sub(known["actual"], axis=0))).median()
    table = pd.DataFrame({"model": share.index, "weight": share.to_numpy(), "median_error": off.to_numpy()})
    return table.sort_values("weight", ascending=False, ignore_index=True)


def _own(judged: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Past forecasts of the series in its own units and years."""
    numbers = judged[["actual", "value", "half", "naive"]].astype(float)
    origin = judged["known"].astype(int) + int(rows["year"].iloc[0]) - 1
    return pd.DataFrame(
        {"year": origin + judged["horizon"].astype(int), "origin": origin, "horizon": judged["horizon"],
         "actual": np.exp(numbers["actual"]), "value": np.exp(numbers["value"]),
         "low": np.exp(numbers["value"] - numbers["half"]), "high": np.exp(numbers["value"] + numbers["half"]),
         "naive": np.exp(numbers["naive"]), "is_covered": judged["is_covered"]}
    ).reset_index(drop=True)  # fmt: skip


def _said(name: str, table: pd.DataFrame, level: float) -> str:
    last = table.iloc[-1]
    beyond = " (the band of the last years extrapolates)" if last["is_beyond"] else ""
    value, low, high, naive = (spoken(last[column]) for column in ("value", "low", "high", "naive"))
    return (
        f"{name} in {last['year']:.0f}: {value}, {low} to {high} in the {level:.0%} band{beyond}; carried on unchanged "
        f"it would be {naive}."
    )


def _caption(covered: pd.DataFrame, own: pd.DataFrame, others: int, level: float) -> str:
    parts = [f"{row.coverage:.0%} at {row.horizon} y (n = {row.n})" for row in covered[covered["n"].ge(5)].itertuples()]
    mine = f"; of this series {own['is_covered'].sum()} of {len(own)}" if len(own) else ""
    return (
        f"{level:.0%} band, measured on rolling origins of this and {others} other series, each judged by the "
        f"others: held "
        f"{', '.join(parts)}{mine}."
    )


def _checks(
    name: str, covered: pd.DataFrame, own: pd.DataFrame, table: pd.DataFrame, top: Ceiling | None, top_text: str
) -> tuple[Check, ...]:
    near = covered[covered["horizon"].le(3)]
    share = float((near["coverage"] * near["n"]).sum() / near["n"].sum()) if len(near) else float("nan")
    better = float((near["median_error"] < near["naive_error"]).mean()) if len(near) else float("nan")
    beyond = int(table["is_beyond"].sum())
    return (
        Check(
            name=f"{name}: coverage", passed=bool(COVERED[0] <= share <= COVERED[1]), value=share, threshold=COVERED[0],
            text=f"bands held {share:.0%} of {int(near['n'].sum())} past outcomes one to three years ahead; of this "
            f"series {int(own['is_covered'].sum())} of {len(own)}",
        ),
        Check(
            name=f"{name}: against naive", passed=better > 0.5, value=better, threshold=0.5,
            text=f"smaller median error than the last value carried on at {better:.0%} of the horizons to three years",
        ),
        Check(
            name=f"{name}: extrapolation", passed=beyond == 0, value=float(beyond), threshold=0.0,
            text=f"{beyond} of {len(table)} years lie farther ahead than past forecasts reach",
        ),
        Check(name=f"{name}: ceiling", passed=None if top is None else True, text=top_text),
    )  # fmt: skip
