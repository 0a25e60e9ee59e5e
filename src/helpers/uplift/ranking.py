"""Units ranked by what an event added to them, shrunk so that small noisy ones do not win.

Estimates y_i with known standard errors, ``y_i ~ N(theta_i, V_i)``, ``theta_i ~ N(x_i' beta, A)``. A is found by
restricted maximum likelihood; each unit moves towards its prior mean by ``B_i = (k-r-2)/(k-r) V_i/(V_i + A)``
and its interval carries what beta and A leave open, as in Morris (1983, JASA 78, 47-55); with equal V_i that is
Efron and Morris's (1975, JASA 70, 311-319) version of James and Stein. Ranks follow Laird and Louis (1989, Journal
of Educational Statistics 14, 29-46), false signs Stephens (2017, Biostatistics 18, 275-294), discoveries
Benjamini and Hochberg (1995, JRSS B 57, 289-300), Benjamini and Yekutieli (2001, Annals of Statistics 29,
1165-1188) and Storey, Taylor and Siegmund (2004, JRSS B 66, 187-205).
What it cannot do: see an error that all units share (it moves every effect, not the order, and belongs to no
single unit), or trust outliers: the prior is normal, and the check ``heavy_tails`` says where it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError, UnknownNameError

SCALES = {"relative": ("observed", "counterfactual", "se"), "effect": ("effect", "se")}
RULES = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli", "storey": "Storey"}
EXACT_UNITS = 1000  # up to here ranks are drawn jointly; beyond, the others' average is as good
FAR = 3.0  # standardised residuals beyond this are counted
DOUBT = 0.001  # chance of so many far residuals under a normal prior, below which it is not believed
LAMBDA = 0.5  # p-values above this are taken as nulls (Storey)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankingResult:
    """Units in their shrunken order.

    Attributes
    ----------
    by : str
        "relative" or "effect".
    level : float
        Of the intervals.
    prior_mean, prior_sd : float
        Of the units' true effects, on the working scale: log(observed / counterfactual) for "relative", base
        units for "effect". With covariates the mean of the units' prior means, and the spread around them.
    coefficients : Series
        Prior mean's regression on the covariates (centred, so that ``average`` is the mean).
    discoveries : dict of str to int
        Units whose effect is shown to differ from zero by each rule ("bh", "by", "storey") at `rate`.
    rate : float
        False discovery rate of `discoveries`.
    table : DataFrame
        One row per unit, best shrunken first, units left out last: unit, estimate, raw_rank, shrunk, low, high,
        shrinkage (B_i, the share of the way to the prior mean), shrunk_rank, expected_rank, rank_low, rank_high,
        top_chance, false_sign (chance that the effect has the other sign), p_value, q_bh, q_by, q_storey.
    checks : tuple of Check
        ``left_out``, ``told_apart``, ``heavy_tails``, ``discoveries``.
    text : str
        Sentences for the report.
    fact_ids : tuple of str
        Ledger rows it rests on.
    """

    by: str
    level: float
    prior_mean: float
    prior_sd: float
    coefficients: pd.Series
    discoveries: dict[str, int]
    rate: float
    table: pd.DataFrame
    checks: tuple[Check, ...]
    text: str
    fact_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shrunk:
    """Posterior of many normal means, arrays of shape (units,)."""

    mean: np.ndarray
    sd: np.ndarray
    prior: np.ndarray
    shrinkage: np.ndarray
    variance: float
    coefficients: np.ndarray


def rank(
    table: pd.DataFrame,
    *,
    by: str = "relative",
    covariates: Sequence[str] = (),
    level: float = 0.95,
    top_share: float = 0.1,
    rate: float = 0.05,
    draws: int = 2000,
    seed: int = 0,
    fact_ids: Sequence[str] = (),
) -> RankingResult:
    """Rank units by their posterior mean effect, ``(1 - B_i) y_i + B_i x_i' beta``.

    Parameters
    ----------
    table : DataFrame
        One row per unit: unit, se (of the effect, base units) and observed, counterfactual (by "relative")
        or effect (by "effect"). Relative effects are shrunk as logs, ``log(observed / counterfactual)`` with
        standard error ``se / counterfactual``: there the error of a unit does not grow with its effect.
    by : {"relative", "effect"}
        What is ranked; the highest is first.
    covariates : sequence of str
        Numeric columns that the prior mean depends on, such as the log of the counterfactual.
    level : float, default 0.95
    top_share : float, default 0.1
        `top_chance` is the chance to belong to this share of the units.
    rate : float, default 0.05
        False discovery rate.
    draws, seed : int
        Joint draws of the ranks of up to 1,000 units; more units need none.
    fact_ids : sequence of str
        Ledger rows that the table comes from.

    Returns
    -------
    RankingResult

    Raises
    ------
    UnknownNameError
        Unknown `by`.
    PanelError
        Columns missing, a unit twice, a negative standard error, an empty covariate.
    HelpersError
        Too few units, `level`, `top_share` or `rate` outside 0-1.
    """
    _refuse(table, by, covariates, {"level": level, "top_share": top_share, "rate": rate})
    y, se, usable = _working(table, by)
    x = _design(table, covariates, usable)
    y, se = y[usable], se[usable]
    found = shrink(y, se, x)
    ranks = _ranks(found, top_share=top_share, level=level, draws=draws, seed=seed)
    p = 2 * ndtr(-np.abs(y / se))
    z = ndtri((1 + level) / 2)
    back = np.expm1 if by == "relative" else np.asarray
    columns = {
        "estimate": back(y), "raw_rank": stats.rankdata(-y, method="min"), "shrunk": back(found.mean),
        "low": back(found.mean - z * found.sd), "high": back(found.mean + z * found.sd),
        "shrinkage": found.shrinkage, "shrunk_rank": stats.rankdata(-found.mean, method="min"), **ranks,
        "false_sign": ndtr(-np.abs(found.mean) / found.sd), "p_value": p,
        **{f"q_{rule}": q_values(p, rule=rule) for rule in RULES},
    }  # fmt: skip
    discoveries = {rule: int((columns[f"q_{rule}"] <= rate).sum()) for rule in RULES}
    checks = (
        *_left_out(table, usable), _told_apart(found), _heavy_tails(y, se, found),
        _discovered(discoveries, len(y), rate),
    )  # fmt: skip
    laid = _lay(table, usable, columns)
    return RankingResult(
        by=by, level=level, prior_mean=float(found.prior.mean()), prior_sd=float(np.sqrt(found.variance)),
        coefficients=pd.Series(found.coefficients, index=["average", *covariates]), discoveries=discoveries, rate=rate,
        table=laid, checks=checks, text=_text(laid.iloc[: len(y)], discoveries, rate, checks), fact_ids=tuple(fact_ids),
    )  # fmt: skip


def shrink(estimates: np.ndarray, se: np.ndarray, design: np.ndarray | None = None) -> Shrunk:
    """Empirical-Bayes posterior of normal means with known, unequal standard errors.

    Parameters
    ----------
    estimates, se : array, shape (k,)
        Finite; `se` above 0.
    design : array, shape (k, r), optional
        Regressors of the prior mean; default a column of ones. ``k >= r + 3``.

    Returns
    -------
    Shrunk
        `sd` is ``V(1-B) + B^2 x' Cov(beta) x + v (y - x' beta)^2`` under the root, with
        ``v = 2/(k-r-2) B^2 (Vbar + A)/(V + A)``.
    """
    x = np.ones((len(estimates), 1)) if design is None else design
    k, r = x.shape
    v = se**2
    variance = _between(estimates, v, x)
    w = 1 / (v + variance)
    inverse = np.linalg.inv((x.T * w) @ x)
    beta = inverse @ ((x.T * w) @ estimates)
    prior = x @ beta
    b = (k - r - 2) / (k - r) * v * w
    typical = (w @ v) / w.sum()
    doubt = 2 / (k - r - 2) * b**2 * (typical + variance) * w
    spread = v * (1 - b) + b**2 * np.einsum("ij,jk,ik->i", x, inverse, x) + doubt * (estimates - prior) ** 2
    return Shrunk(
        mean=estimates - b * (estimates - prior), sd=np.sqrt(spread), prior=prior, shrinkage=b,
        variance=variance, coefficients=beta,
    )  # fmt: skip


def q_values(p: np.ndarray, *, rule: str = "bh") -> np.ndarray:
    """Smallest false discovery rate at which each test counts as a discovery.

    Parameters
    ----------
    p : array, shape (tests,)
        p-values, 0-1.
    rule : {"bh", "by", "storey"}
        Benjamini-Hochberg (independent or positively dependent tests); Benjamini-Yekutieli (any dependence,
        dearer); Storey (Benjamini-Hochberg times the share of true nulls, estimated from p-values above 0.5).

    Returns
    -------
    array, shape (tests,)
    """
    if rule not in RULES:
        raise UnknownNameError("rule", rule, list(RULES))
    p = np.asarray(p, dtype=float)
    if len(p) == 0 or not ((p >= 0) & (p <= 1)).all():
        raise HelpersError("p-values must be one or more numbers from 0 to 1")
    m = len(p)
    order = np.argsort(p, kind="stable")
    places = np.arange(1, m + 1)
    price = {"bh": 1.0, "by": (1 / places).sum(), "storey": min(1.0, (1 + (p > LAMBDA).sum()) / ((1 - LAMBDA) * m))}
    steps = np.minimum.accumulate((p[order] * m / places)[::-1])[::-1]
    out = np.empty(m)
    out[order] = np.minimum(1.0, price[rule] * steps)
    return out


def _refuse(table: pd.DataFrame, by: str, covariates: Sequence[str], shares: dict[str, float]) -> None:
    if by not in SCALES:
        raise UnknownNameError("by", by, list(SCALES))
    wanted = ["unit", *SCALES[by], *covariates]
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise PanelError(f"a ranking by {by} needs the columns {', '.join(wanted)}; missing: {', '.join(missing)}")
    twice = table["unit"].duplicated()
    if twice.any():
        raise PanelError(f"unit {table['unit'][twice].iloc[0]} has more than one row")
    if (table["se"] < 0).any():
        row = table[table["se"] < 0].iloc[0]
        raise PanelError(f"se must be 0 or more, got {row['se']:g} ({row['unit']})")
    for name, share in shares.items():
        if not 0 < share < 1:
            raise HelpersError(f"{name} must lie between 0 and 1, got {share}")


def _working(table: pd.DataFrame, by: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimates and standard errors on the scale that is shrunk, and where both can be used."""
    read = {name: table[name].to_numpy(dtype=float) for name in SCALES[by]}
    with np.errstate(divide="ignore", invalid="ignore"):
        if by == "effect":
            y, se = read["effect"], read["se"]
        else:
            above = (read["observed"] > 0) & (read["counterfactual"] > 0)
            base = np.where(above, read["counterfactual"], np.nan)
            y, se = np.log(np.where(above, read["observed"], np.nan) / base), read["se"] / base
    return y, se, np.isfinite(y) & np.isfinite(se) & (se > 0)


def _design(table: pd.DataFrame, covariates: Sequence[str], usable: np.ndarray) -> np.ndarray:
    """A column of ones and the centred covariates of the units that can be used."""
    x = np.column_stack([np.ones(usable.sum()), *(table[c].to_numpy(dtype=float)[usable] for c in covariates)])
    if len(x) < x.shape[1] + 3:
        raise HelpersError(
            f"need {x.shape[1] + 3}+ units with an estimate and a standard error above 0, got {len(x)} of {len(usable)}"
        )
    for name, values in zip(covariates, x.T[1:], strict=True):
        if not np.isfinite(values).all():
            unit = table["unit"][usable].iloc[int(np.argmin(np.isfinite(values)))]
            raise PanelError(f"covariate {name} is empty or not finite for {unit}")
    x[:, 1:] -= x[:, 1:].mean(0)
    if np.linalg.matrix_rank(x[:, 1:] / (np.abs(x[:, 1:]).max(0) + 1e-300)) < len(covariates):
        raise PanelError(f"covariates {', '.join(covariates)}: one is the same for every unit or repeats the others")
    return x


def _between(y: np.ndarray, v: np.ndarray, x: np.ndarray) -> float:
    """A by restricted maximum likelihood: best of a grid, then the root of the score beside it."""
    top = 10 * max(float(np.var(y)), float(np.median(v)))
    grid = np.concatenate([[0.0], np.geomspace(1e-4 * float(np.median(v)), top, 18)])
    at = int(np.argmax([_restricted(a, y, v, x)[0] for a in grid]))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    slopes = [_restricted(a, y, v, x)[1] for a in (low, high)]
    if slopes[0] <= 0 or slopes[1] >= 0:
        return float(low if slopes[0] <= 0 else high)
    return float(brentq(lambda a: _restricted(a, y, v, x)[1], low, high, xtol=1e-14 * top, rtol=1e-12))


def _restricted(a: float, y: np.ndarray, v: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Restricted log likelihood of A, and its slope."""
    w = 1 / (v + a)
    weighted = x.T * w
    gram = weighted @ x
    residual = y - x @ np.linalg.solve(gram, weighted @ y)
    scaled = w * residual
    value = -0.5 * (np.linalg.slogdet(gram)[1] - np.log(w).sum() + residual @ scaled)
    trace = w.sum() - np.trace(np.linalg.solve(gram, (weighted * w) @ x))
    return float(value), float(0.5 * (scaled @ scaled - trace))


def _ranks(found: Shrunk, *, top_share: float, level: float, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Expected rank, its interval, and the chance to be among the best; 1 is the best."""
    count = max(1, round(top_share * len(found.mean)))
    if len(found.mean) > EXACT_UNITS:
        return _average_ranks(found.mean, found.sd, count, ndtri((1 + level) / 2))
    rng = np.random.default_rng(seed)
    drawn = found.mean + found.sd * rng.standard_normal((draws, len(found.mean)))
    ranks = np.empty(drawn.shape, dtype=np.int32)
    np.put_along_axis(ranks, np.argsort(-drawn, axis=1), np.arange(1, drawn.shape[1] + 1, dtype=np.int32)[None], axis=1)
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    return {
        "expected_rank": ranks.mean(0), "rank_low": low.astype(float), "rank_high": high.astype(float),
        "top_chance": (ranks <= count).mean(0),
    }  # fmt: skip


def _average_ranks(mean: np.ndarray, sd: np.ndarray, count: int, z: float) -> dict[str, np.ndarray]:
    """The same where the others are so many that their number above a point is nearly its expectation.

    ``S(t) = sum over j of P(theta_j > t)``; the rank of a unit at t is 1 + S(t) less its own part, which is
    one half on average.
    """
    points, above, variance = _survival(mean, sd)
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    expected = sum(w * np.interp(mean + node * sd, points, above) for node, w in zip(nodes, weights, strict=True))
    expected = expected / weights.sum() + 0.5
    ends = []
    for sign in (1, -1):
        at = mean + sign * z * sd
        gap = expected - (1 + np.interp(at, points, above) - ndtr(-sign * z))
        ends.append(expected - sign * np.hypot(gap, z * np.sqrt(np.interp(at, points, variance))))
    edge = np.interp(-count, -above, points)  # S falls, so -S rises as interp needs it
    return {
        "expected_rank": expected, "rank_low": np.clip(np.round(ends[0]), 1, len(mean)),
        "rank_high": np.clip(np.round(ends[1]), 1, len(mean)), "top_chance": ndtr((mean - edge) / sd),
    }  # fmt: skip


def _survival(mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, expected number of units above each, and its variance.

    Units are taken in blocks of like mean, narrower towards both ends where single ranks matter, and within
    a block in groups of like sd.
    """
    n = len(mean)
    order = np.argsort(mean)
    steps = np.unique(np.geomspace(1, n // 2, 160).astype(int))
    edges = np.unique(np.concatenate([[0], steps, n - steps]))
    block = np.repeat(np.arange(len(edges)), np.diff([*edges, n]))
    inner = order[np.lexsort((sd[order], block))]
    pairs = itertools.pairwise([*edges, n])
    cuts = np.unique(np.concatenate([np.linspace(a, b, 13)[:-1].astype(int) for a, b in pairs]))
    sizes = np.diff([*cuts, n])
    centre, width = (np.add.reduceat(values[inner], cuts) / sizes for values in (mean, sd))
    reach = 6 * sd.max()
    tails = np.linspace(0, reach, 40)[1:]
    points = np.unique(np.concatenate([mean[order[0]] - tails, mean[order[edges]], mean[order[-1]] + tails]))
    chance = ndtr((centre - points[:, None]) / width)
    return points, chance @ sizes, (chance * (1 - chance)) @ sizes


def _left_out(table: pd.DataFrame, usable: np.ndarray) -> tuple[Check, ...]:
    if usable.all():
        return ()
    missing, first = int((~usable).sum()), table["unit"][~usable].iloc[0]
    text = f"{missing} of {len(table)} units have no estimate with a standard error above 0, the first is {first}"
    return (Check(name="left_out", passed=False, value=missing, threshold=0, text=f"{text}; they have no rank"),)


def _told_apart(found: Shrunk) -> Check:
    kept = 1 - float(np.median(found.shrinkage))
    passed = found.variance > 0
    text = f"the typical unit keeps {kept:.0%} of its distance from the average".replace("%", " %")
    if not passed:
        text = "the estimates vary no more than their errors: the order of the units is noise"
    return Check(name="told_apart", passed=passed, value=kept, threshold=0.0, text=text)


def _heavy_tails(y: np.ndarray, se: np.ndarray, found: Shrunk) -> Check:
    far = np.abs(y - found.prior) > FAR * np.sqrt(se**2 + found.variance)
    count, share = int(far.sum()), 2 * float(ndtr(-FAR))
    passed = bool(stats.binom.sf(count - 1, len(y), share) >= DOUBT or count < 2 * share * len(y))
    text = f"{count} of {len(y)} units lie more than {FAR:g} standard deviations from the average"
    text += f", {share * len(y):.1f} are expected of a normal"
    if not passed:
        text += ": the true effects have heavy tails, and the shrunken values of the most extreme are too cautious"
    return Check(name="heavy_tails", passed=passed, value=count / len(y), threshold=share, text=text)


def _discovered(discoveries: dict[str, int], n: int, rate: float) -> Check:
    said = ", ".join(f"{count} by {RULES[rule]}" for rule, count in discoveries.items())
    text = f"of {n} units, at a false discovery rate of {100 * rate:g} %, an effect is shown for {said}"
    return Check(name="discoveries", passed=None, value=discoveries["bh"], threshold=rate, text=text)


def _lay(table: pd.DataFrame, usable: np.ndarray, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    names = table["unit"].to_numpy()
    order = np.argsort(columns["shrunk_rank"], kind="stable")
    ranked = pd.DataFrame({"unit": names[usable][order], **{name: values[order] for name, values in columns.items()}})
    if usable.all():
        return ranked
    return pd.concat([ranked, pd.DataFrame({"unit": names[~usable]})], ignore_index=True)


def _text(ranked: pd.DataFrame, discoveries: dict[str, int], rate: float, checks: tuple[Check, ...]) -> str:
    shown = ranked[ranked["q_bh"] <= rate]
    up, down = int((shown["estimate"] > 0).sum()), int((shown["estimate"] < 0).sum())
    top = min(10, len(ranked))
    kept = int((ranked["raw_rank"].to_numpy()[:top] <= top).sum())
    told = next(check.text for check in checks if check.name == "told_apart")
    return (
        f"Of {len(ranked):,} units {discoveries['bh']:,} moved demonstrably ({up:,} up, {down:,} down; false discovery "
        f"rate {100 * rate:g} %). {told[0].upper()}{told[1:]}; "
        f"{kept} of the raw top {top} stay in the shrunken top {top}."
    )
