"""Rolling origins: what each model would have said in each past year, and what came.

At an origin a model sees the series up to that year and nothing after it. A series is judged with weights and bands
that come from other series and from its own years whose outcome was known by then, never from what it is judged on.

The stack is the weighted mean of the models' logarithms; a weight is half equal, half inverse to the square of the
model's mean absolute error, so that one wild year does not decide. The band is conformal (Vovk, Gammerman and Shafer
2005, Algorithmic Learning in a Random World): scores |log outcome - log forecast| / scale of other series and own past
years at the same horizon, and of n scores the ceil((n + 1) level)-th, which covers at `level` if the series to come is
like one of them. The scale is what a series shows of itself: sqrt(volatility^2 + last growth^2 + `FLOOR`^2). These few
constants were set by hand while coverage was watched on the series of this project; other values in the same range
(two to all changes of growth, the last growth at a quarter) held 81 to 100 % there.

What the module cannot do: promise coverage for a market unlike all of the others.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from helpers.errors import NotEstimableError
from helpers.market.bass import BassPrior
from helpers.market.models import KINDS, predict

FIRST = 4
"""Values known at the first origin."""
FARTHEST = 6
"""Horizon up to which past forecasts are kept."""
FLOOR = 0.05
RECENT = 3
"""Changes of growth that volatility is read from: markets calm down as they age."""
LEAST_ERROR = 0.02


def backtest(values: np.ndarray, *, kind: str, name: str, prior: BassPrior | None = None) -> pd.DataFrame:
    """Forecasts of every model from every origin of one series.

    Parameters
    ----------
    values : array, shape (n,)
    kind : {"level", "increments"}
    name : str
    prior : BassPrior, optional

    Returns
    -------
    DataFrame
        One row per origin and horizon: name, kind, known (values at the origin), horizon, actual and naive
        (logarithms), scale, and the logarithm that each model of the kind says. The origin after the last value is
        among them, its actual missing.
    """
    rows = _backtest(np.asarray(values, float).tobytes(), kind, prior)
    return rows.assign(name=name)


@lru_cache(maxsize=512)
def _backtest(content: bytes, kind: str, prior: BassPrior | None) -> pd.DataFrame:
    values = np.frombuffer(content)
    logs, models = np.log(values), KINDS[kind]
    rows = []
    for known in range(FIRST, len(values) + 1):
        said = np.stack([predict(model, values[:known], FARTHEST, prior) for model in models])
        scale = scale_of(logs[:known])
        for horizon in range(1, FARTHEST + 1):
            place = known + horizon - 1
            actual = logs[place] if place < len(logs) else np.nan
            if known == len(values) or np.isfinite(actual):
                rows.append((kind, known, horizon, actual, logs[known - 1], scale, *said[:, horizon - 1]))
    return pd.DataFrame(rows, columns=["kind", "known", "horizon", "actual", "naive", "scale", *models])


def scale_of(logs: np.ndarray) -> float:
    """How far a series moves of its own accord."""
    steps = np.diff(logs)
    volatility = np.mean(np.diff(steps)[-RECENT:] ** 2) / 2 if len(steps) > 1 else 0.0
    return float(np.sqrt(volatility + steps[-1] ** 2 + FLOOR**2))


def weights(past: pd.DataFrame, kind: str) -> pd.Series:
    """Weights of a kind's models from past forecasts with known outcomes.

    Parameters
    ----------
    past : DataFrame
        Rows of `backtest`.
    kind : str

    Returns
    -------
    Series
        Index model; sums to 1. Equal where nothing is known.
    """
    models = list(KINDS[kind])
    rows = past[past["kind"].eq(kind) & past["actual"].notna() & past["horizon"].le(3)]
    if rows.empty:
        return pd.Series(1 / len(models), index=models)
    error = rows[models].sub(rows["actual"], axis=0) / np.sqrt(rows["horizon"].to_numpy())[:, None]
    inverse = 1 / (error.abs().mean() ** 2 + LEAST_ERROR**2)
    return 0.5 / len(models) + 0.5 * inverse / inverse.sum()


def stacked(rows: pd.DataFrame, shares: dict[str, pd.Series]) -> np.ndarray:
    """Logarithm of the stack for each row, by the weights of its kind."""
    out = np.empty(len(rows))
    for kind, share in shares.items():
        mine = rows["kind"].eq(kind).to_numpy()
        if not mine.any():
            continue
        out[mine] = rows.loc[mine, list(share.index)].to_numpy() @ share.to_numpy()
    return out


def bands(past: pd.DataFrame, shares: dict[str, pd.Series], level: float) -> pd.Series:
    """Half-width of the band in units of the scale, by horizon.

    Parameters
    ----------
    past : DataFrame
        Rows of `backtest` whose outcomes may be used.
    shares : dict of str to Series
        Weights by kind.
    level : float

    Returns
    -------
    Series
        Index horizon, 1 upwards as far as there are scores enough; never falling.

    Raises
    ------
    NotEstimableError
        Too few scores even one year ahead.
    """
    known = past[past["actual"].notna()]
    scores = np.abs(known["actual"].to_numpy() - stacked(known, shares)) / known["scale"].to_numpy()
    found = {}
    for horizon in range(1, FARTHEST + 1):
        mine = np.sort(scores[known["horizon"].eq(horizon).to_numpy()])
        place = int(np.ceil((len(mine) + 1) * level))
        if not 0 < place <= len(mine):
            break
        found[horizon] = mine[place - 1]
    if not found:
        raise NotEstimableError(
            "the band", f"{int(known['horizon'].eq(1).sum())} past forecasts are too few for a band of {level:.0%}",
            f"{int(np.ceil(level / (1 - level)))} or more, from other series or a longer one",
        )  # fmt: skip
    return pd.Series(found).cummax()


def judged(rows: pd.DataFrame, name: str, level: float) -> pd.DataFrame:
    """Every past forecast of one series, with the weights and the band that could be known at its origin.

    Parameters
    ----------
    rows : DataFrame
        Rows of `backtest` of this and other series.
    name : str
    level : float

    Returns
    -------
    DataFrame
        One row per origin and horizon with a known outcome and a band: name, kind, known, horizon, actual, naive,
        value, half (logarithms), is_covered.
    """
    mine, others = rows[rows["name"].eq(name)], rows[rows["name"].ne(name)]
    found = []
    for known, part in mine[mine["actual"].notna()].groupby("known"):
        past = pd.concat([others, mine[mine["known"] + mine["horizon"] <= known]])
        shares = {kind: weights(past, kind) for kind in KINDS}
        try:
            half = bands(past, shares, level)
        except NotEstimableError:
            continue
        part = part[part["horizon"].isin(half.index)]
        made = stacked(part, shares)
        reach = part["horizon"].map(half).to_numpy() * part["scale"].to_numpy()
        inside = np.abs(part["actual"].to_numpy() - made) <= reach
        found.append(part[["name", "kind", "known", "horizon", "actual", "naive"]].assign(
            value=made, half=reach, is_covered=inside
        ))  # fmt: skip
    columns = ["name", "kind", "known", "horizon", "actual", "naive", "value", "half", "is_covered"]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def coverage(past: pd.DataFrame) -> pd.DataFrame:
    """How often bands held and how far forecasts were off, by horizon.

    Parameters
    ----------
    past : DataFrame
        Rows of `judged`.

    Returns
    -------
    DataFrame
        One row per horizon: horizon, n, coverage, median_error, naive_error (medians of the absolute relative error),
        median_width (upper end over lower end, less 1).
    """
    numbers = past[["value", "naive", "half", "actual"]].astype(float)
    off = np.abs(np.expm1(numbers[["value", "naive"]].sub(numbers["actual"], axis=0)))
    table = past.assign(error=off["value"], naive_off=off["naive"], width=np.expm1(2 * numbers["half"]))
    return table.groupby("horizon", as_index=False).agg(
        n=("is_covered", "size"), coverage=("is_covered", "mean"), median_error=("error", "median"),
        naive_error=("naive_off", "median"), median_width=("width", "median"),
    )  # fmt: skip
