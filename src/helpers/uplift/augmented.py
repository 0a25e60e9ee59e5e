"""Augmented synthetic control (Ben-Michael, Feller and Rothstein 2021, JASA 116), as used for geographic tests.

Simplex weights w fit the past of the treated (after each unit's own mean is taken out: unit fixed effects); a ridge
regression of what they miss corrects them, so that weights may be a little negative where that fits::

    w_aug = w + (X_c X_c' + lambda I)^-1 X_c (x_1 - X_c' w)

X_c holds the donors' past less the donors' mean of each period, x_1 the treated's less the same. lambda is
chosen by leaving out periods in turn: the largest within one standard error of the best. Several treated units are
averaged first, as GeoLift does. Symbols as in the paper's section 3.

What the module cannot do: mend a poor fit for free. The further w_aug leaves the simplex the more it extrapolates
(the check ``negative_weights``). Periods after the window are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, UnknownNameError
from helpers.uplift import inference
from helpers.uplift.donors import Comparison, account, comparison
from helpers.uplift.panels import Panel
from helpers.uplift.results import UpliftResult
from helpers.uplift.weights import simplex_ls
from helpers.uplift.windows import EventWindow

AUGMENT = ("ridge", "none")
INFERENCE = ("jackknife", "conformal")
GRID, SMALLEST = 20, 1e-8
"""Steps of the grid of lambda, and its end as a share of the largest squared singular value."""

MOST_FOLDS = 100
MOST_NEGATIVE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Method:
    """How weights are found: donors' series, shape (donors, dates), and the settings."""

    controls: np.ndarray
    fixed_effects: bool
    lambda_: float | None

    def past(self, series: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Treated and donors on the periods that are learned from, their own means taken out."""
        own, others = series[periods], self.controls[:, periods]
        if self.fixed_effects:
            own, others = own - own.mean(), others - others.mean(1, keepdims=True)
        return own, others

    def weights(self, series: np.ndarray, periods: np.ndarray) -> np.ndarray:
        own, others = self.past(series, periods)
        w = simplex_ls(others.T, own)
        if self.lambda_ is None:
            return w
        middle = others.mean(0)
        return w + _corrections(others - middle, own - middle, w, np.array([self.lambda_]))[0]

    def refit(self, periods: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Gaps of all dates by weights that are learned from some."""
        return self.gaps(series, periods, self.weights(series, periods))

    def gaps(self, series: np.ndarray, periods: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Gaps of all dates; donors without weight may have gaps of their own."""
        has = weights != 0
        raw = series - weights[has] @ self.controls[has]
        return raw - raw[periods].mean() if self.fixed_effects else raw


def augmented_synthetic_control(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    donors: Sequence[str] | None = None,
    augment: str = "ridge",
    lambda_: float | None = None,
    fixed_effects: bool = True,
    inference_by: str = "jackknife",
    permutations: str = "block",
    scale: str = "level",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    seed: int = 0,
    fact_ids: Sequence[str] = (),
) -> UpliftResult:
    """Effect on the treated, ``y_1t - sum_j w_aug,j y_jt`` after unit means.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value.
    event : EventWindow
        Fitted on what lies before it, accounted over all of it; periods after it are not used.
    treated : str or sequence of str
        One unit or several with the same event; several are averaged in the fit and added up in the account.
    donors : sequence of str, optional
        Units without the event; all others where left out.
    augment : {"ridge", "none"}, default "ridge"
        "none" leaves the simplex weights as they are.
    lambda_ : float, optional
        Ridge penalty above 0, in the squared unit of the fit; cross-validated where left out.
    fixed_effects : bool, default True
        Take out each unit's mean over the past.
    inference_by : {"jackknife", "conformal"}, default "jackknife"
        Where the interval comes from; the p-value in the checks is conformal.
    permutations : {"block", "iid"}, default "block"
        Of the p-value: moving blocks keep autocorrelation, "iid" is what GeoLift does.
    scale : {"level", "index", "log"}, default "level"
        Of the fit.
    level : float, default 0.95
        Nominal coverage.
    min_pre : float, default 2.0
        Periods wanted before the window per period of the window; set it lower to accept a short past.
    past : sequence of EventWindow
        Earlier events; their periods are left out of the fit.
    seed : int, default 0
        Of random permutations.
    fact_ids : sequence of str
        Ledger rows that the values come from.

    Returns
    -------
    UpliftResult
        `fit` has ``l2`` (root of the sum of squared gaps before the window, per treated unit), ``scaled_l2`` (over
        that of uniform weights), ``lambda`` and ``weight:<unit>``; checks are ``pre_fit``, ``weights``,
        ``negative_weights``, ``conformal`` and ``donors_left_out``.

    Raises
    ------
    DonorError, WindowError, PanelError, HelpersError
        As in `helpers.uplift.donors.comparison`; a lambda of 0 or less.
    UnknownNameError
        No such unit, augmentation, inference, permutation or scale.

    Source
    ------
    Ben-Michael, Feller and Rothstein (2021), equations 8 to 12; R package augsynth for the grid of lambda.
    """
    for what, name, known in (("augment", augment, AUGMENT), ("inference", inference_by, INFERENCE)):
        if name not in known:
            raise UnknownNameError(what, name, list(known))
    if lambda_ is not None and not lambda_ > 0:
        raise HelpersError(f"lambda_ must be above 0, got {lambda_}; augment='none' goes without")
    found = comparison(panel, event=event, treated=treated, donors=donors, min_pre=min_pre, past=past, scale=scale)
    plain = _Method(controls=found.controls, fixed_effects=fixed_effects, lambda_=None)
    if augment == "ridge" and lambda_ is None:
        lambda_ = _cross_validated(*plain.past(found.target, found.before))
    method = plain if augment == "none" else _Method(
        controls=found.controls, fixed_effects=fixed_effects, lambda_=lambda_
    )  # fmt: skip
    weights = method.weights(found.target, found.before)
    gap = method.gaps(found.target, found.before, weights)
    places = {"before": found.before, "inside": found.inside}
    p = inference.conformal_p(method.refit, found.target, **places, permutations=permutations, seed=seed)
    if inference_by == "jackknife":
        interval = inference.jackknife_plus(method.refit, found.target, **places, level=level)
    else:
        interval = inference.conformal(method.refit, found.target, **places, level=level)
    return account(
        found, method="augmented_synthetic_control" if augment == "ridge" else "demeaned_synthetic_control", gap=gap,
        interval=interval, weights=weights, level=level, fact_ids=fact_ids,
        fit=_fit(plain, found, gap, method.lambda_), checks=(_negative(weights), _conformal_check(p, permutations)),
    )  # fmt: skip


def _corrections(others: np.ndarray, own: np.ndarray, w: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Ridge corrections of the weights, shape (lambdas, donors)."""
    missed, (donors, periods) = own - w @ others, others.shape
    if donors > periods:  # (X X' + l I)^-1 X = X (X'X + l I)^-1: the smaller matrix is turned
        values, vectors = np.linalg.eigh(others.T @ others)
        turned = (vectors.T @ missed) / (np.maximum(values, 0.0) + lambdas[:, None])
        return turned @ (others @ vectors).T
    values, vectors = np.linalg.eigh(others @ others.T)
    turned = vectors.T @ (others @ missed)
    return (turned / (np.maximum(values, 0.0) + lambdas[:, None])) @ vectors.T


def _cross_validated(own: np.ndarray, others: np.ndarray) -> float:
    """The largest lambda whose error on periods left out is within one standard error of the smallest."""
    middle = others.mean(0)
    top = float(np.linalg.norm(others - middle, 2)) ** 2
    lambdas = top * SMALLEST ** (np.arange(GRID + 1) / GRID)
    if not top > 0:
        raise HelpersError("the donors are all alike before the window: there is nothing to augment with")
    errors, count = [], len(own)
    for fold in np.array_split(np.arange(count), min(count, MOST_FOLDS)):
        kept = np.delete(np.arange(count), fold)
        w = simplex_ls(others[:, kept].T, own[kept])
        every = w + _corrections((others - middle)[:, kept], (own - middle)[kept], w, lambdas)
        errors.append(((own[fold] - middle[fold] - every @ (others - middle)[:, fold]) ** 2).mean(1))
    mean, error = np.mean(errors, 0), np.std(errors, 0, ddof=1) / np.sqrt(len(errors))
    return float(lambdas[mean <= mean.min() + error[mean.argmin()]].max())


def _fit(plain: _Method, found: Comparison, gap: np.ndarray, lambda_: float | None) -> dict[str, float]:
    uniform = np.full(len(found.donors), 1 / len(found.donors))
    size = float(np.linalg.norm(gap[found.before]))
    base = float(np.linalg.norm(plain.gaps(found.target, found.before, uniform)[found.before]))
    fit = {"l2": size, "scaled_l2": size / base if base > 0 else np.nan}
    return fit if lambda_ is None else fit | {"lambda": lambda_}


def _negative(weights: np.ndarray) -> Check:
    total = float(-weights[weights < 0].sum())
    text = f"weights below 0 add up to {total:.2f}: so far the counterfactual extrapolates beyond the donors"
    passed = total <= MOST_NEGATIVE
    return Check(name="negative_weights", passed=passed, value=total, threshold=MOST_NEGATIVE, text=text)


def _conformal_check(p: float, permutations: str) -> Check:
    text = f"conformal p-value {p:.3f} of no effect ({permutations} permutations)"
    return Check(
        name="conformal", passed=bool(p <= inference.SIGNIFICANT), value=p, threshold=inference.SIGNIFICANT, text=text
    )
