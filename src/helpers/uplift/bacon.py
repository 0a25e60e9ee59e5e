"""What a two-way fixed effects estimate is an average of (Goodman-Bacon 2021, J. Econometrics 225).

With adoption at different dates the single coefficient of ``y_it = a_i + d_t + b D_it + e_it`` is a weighted
average of all comparisons of two groups: treated with never treated, earlier with later adopters, and later
with earlier ones, which takes units as controls that are under treatment already (the forbidden comparison).
Symbols: n_k share of units in group k, D_k share of periods under treatment, V variance of D_it after unit
and period effects; the weight of k against never treated is ``n_k n_u D_k (1 - D_k) / V``.

What the module cannot do: say what the effect is. A large weight on "Later vs Earlier Treated" with another
average than the rest is a reason to use `helpers.uplift.staggered` instead. The library's decomposition folds
units that are treated from the first period into the never treated; here they are a type of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import DonorError
from helpers.uplift.adoption import Adoption, adoptions
from helpers.uplift.fixed_effects import incomplete, require_balance, require_level, scaled
from helpers.uplift.panels import Panel
from helpers.uplift.panels import panel as as_panel

TYPES = ("Treated vs Untreated", "Earlier vs Later Treated", "Later vs Earlier Treated", "Later vs Always Treated")
FORBIDDEN = TYPES[2:]
MAX_FORBIDDEN_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaconResult:
    """The parts of a two-way fixed effects estimate.

    Attributes
    ----------
    twfe, se, low, high : float
        The estimate, its standard error (clustered by unit) and interval, in the scale of the regression.
    table : DataFrame
        One row per type of comparison: type, weight (sums to 1), average, comparisons. The sum of
        ``weight * average`` is `twfe`.
    comparisons : DataFrame
        One row per comparison of two groups: type, treated_group, control_group (first date under
        treatment, NaT for never), weight, estimate.
    scale : {"log", "level"}
        Of the regression.
    checks : tuple of Check
        ``forbidden_comparisons``: the weight on units that are treated already; what was left out.
    text : str
        One or two sentences that can be quoted.
    """

    twfe: float
    se: float
    low: float
    high: float
    table: pd.DataFrame
    comparisons: pd.DataFrame
    scale: str
    checks: tuple[Check, ...]
    text: str


def bacon(
    panel: pd.DataFrame | Panel,
    *,
    first_treated: Mapping[str, object],
    scale: str = "log",
    level: float = 0.95,
    drop_incomplete: bool = False,
) -> BaconResult:
    """Decompose the two-way fixed effects estimate, ``b = sum_j weight_j average_j``.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value; balanced.
    first_treated : mapping of str to date
        First period under treatment by unit; None, or no entry, for units that are never treated.
    scale : {"log", "level"}, default "log"
        Of the regression.
    level : float, default 0.95
        Nominal coverage.
    drop_incomplete : bool, default False
        Leave out units with missing values (counted in a check) instead of refusing them.

    Returns
    -------
    BaconResult

    Raises
    ------
    PanelError
        A missing value; a value of 0 or less in logs.
    DonorError
        Nobody is treated, or all from the same date on.
    UnknownNameError
        A unit that the panel does not have.

    Source
    ------
    Goodman-Bacon (2021), equations 7 to 10.
    """
    require_level(level)
    data = as_panel(panel)
    every, rows, checks = np.arange(len(data.dates)), np.arange(len(data.units)), ()
    if drop_incomplete:
        rows, checks = incomplete(data, rows, every)
    require_balance(data, rows, every, "a decomposition")
    adoption = adoptions(data.take(rows), first_treated)
    y = scaled(data, rows, every, scale)
    estimate, se = _two_way(y, adoption.first)
    parts = pd.DataFrame(_comparisons(y, adoption), columns=["type", "treated", "control", "weight", "estimate"])
    parts["weight"] /= parts["weight"].sum()
    half = float(stats.t.ppf((1 + level) / 2, len(rows) - 1)) * se
    table = _by_type(parts)
    forbidden = _forbidden(table)
    said = f"{estimate:+.4f} ({scale}; {level * 100:.0f} % interval {estimate - half:+.4f} to {estimate + half:+.4f})"
    return BaconResult(
        twfe=estimate, se=se, low=estimate - half, high=estimate + half, table=table,
        comparisons=_named(parts, data.dates), scale=scale, checks=(*checks, *adoption.checks, forbidden),
        text=f"Two-way fixed effects give {said}, an average of {len(parts)} comparisons of two groups; "
        f"{forbidden.text}.",
    )  # fmt: skip


def _two_way(y: np.ndarray, first: np.ndarray) -> tuple[float, float]:
    """The static coefficient and its CRV1 standard error."""
    units, periods = y.shape
    under = _demeaned((np.arange(periods) >= first[:, None]).astype(float))
    variance = float((under**2).sum())
    if not variance > 1e-12:
        raise DonorError("every unit is treated in the same periods, or none is: two-way fixed effects see no effect")
    estimate = float((under * y).sum()) / variance
    scores = (under * (_demeaned(y) - estimate * under)).sum(axis=1)
    factor = units / (units - 1) * (y.size - 1) / (y.size - 1 - periods)
    return estimate, float(np.sqrt(factor * (scores**2).sum())) / variance


def _demeaned(x: np.ndarray) -> np.ndarray:
    return x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + x.mean()


def _comparisons(y: np.ndarray, adoption: Adoption) -> Iterator[tuple[str, int, int, float, float]]:
    """Type, the two groups (place of their first period), raw weight and estimate of each comparison."""
    periods = y.shape[1]
    at = np.arange(periods)
    groups, sizes = np.unique(np.minimum(adoption.first, periods), return_counts=True)
    means = {g: y[np.minimum(adoption.first, periods) == g].mean(axis=0) for g in groups}
    size, share = dict(zip(groups, sizes / len(y), strict=True)), {g: 1 - g / periods for g in groups}
    for k in groups[(groups > 0) & (groups < periods)]:
        for other in groups[groups != k]:
            if other == 0:
                kind, span = TYPES[3], at >= 0
            elif other == periods:
                kind, span = TYPES[0], at >= 0
            else:
                kind, span = (TYPES[1], at < other) if k < other else (TYPES[2], at >= other)
            gap = means[k] - means[other]
            estimate = gap[span & (at >= k)].mean() - gap[span & (at < k)].mean()
            weight = size[k] * size[other] * _spread(share[k], share[other], kind)
            yield kind, int(k), int(other), float(weight), float(estimate)


def _spread(mine: float, others: float, kind: str) -> float:
    """Variance of treatment that one comparison adds, from the shares of periods under treatment."""
    if kind == TYPES[1]:
        return (mine - others) * (1 - mine)
    if kind == TYPES[2]:
        return mine * (others - mine)
    return mine * (1 - mine)


def _by_type(parts: pd.DataFrame) -> pd.DataFrame:
    parts = parts.assign(part=parts["weight"] * parts["estimate"])
    table = parts.groupby("type").agg(weight=("weight", "sum"), part=("part", "sum"), comparisons=("weight", "size"))
    table = table.reindex([kind for kind in TYPES if kind in table.index])
    table.insert(1, "average", table.pop("part") / table["weight"])
    return table.reset_index()


def _named(parts: pd.DataFrame, dates: pd.DatetimeIndex) -> pd.DataFrame:
    def day(places: pd.Series) -> list[pd.Timestamp]:
        return [dates[place] if place < len(dates) else pd.NaT for place in places]

    return pd.DataFrame(
        {
            "type": parts["type"], "treated_group": day(parts["treated"]), "control_group": day(parts["control"]),
            "weight": parts["weight"], "estimate": parts["estimate"],
        }
    )  # fmt: skip


def _forbidden(table: pd.DataFrame) -> Check:
    weight = float(table.loc[table["type"].isin(FORBIDDEN), "weight"].sum())
    text = f"{weight * 100:.1f} % of the weight lies on comparisons with units that are under treatment already"
    if weight > MAX_FORBIDDEN_SHARE:
        text += ": where effects build up or fade they bias the estimate, use group-time effects"
    return Check(
        name="forbidden_comparisons", passed=weight <= MAX_FORBIDDEN_SHARE, value=weight,
        threshold=MAX_FORBIDDEN_SHARE, text=text,
    )  # fmt: skip
