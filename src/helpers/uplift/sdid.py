"""Synthetic difference-in-differences (Arkhangelsky, Athey, Hirshberg, Imbens and Wager 2021, AER 111).

Unit weights omega make the controls run parallel to the treated before the event, time weights lambda make the
past look like the window, and the effect is the weighted difference of differences::

    omega = argmin ||a + Y_co' w - ybar_tr||^2 + zeta^2 T0 ||w||^2      on the simplex, a free
    lambda = argmin ||b + Y_pre l - ybar_post||^2 + tiny ridge          on the simplex, b free
    gap_t = ybar_tr,t - sum omega_i y_it,   tau_t = gap_t - sum lambda_s gap_s

with ``zeta = (N_tr T_post)^(1/4) sd(first differences of the controls)`` as in the paper. Its special cases are
the synthetic control (no intercept, no lambda, no ridge) and difference-in-differences (uniform weights).
The paper's software stops Frank-Wolfe early; here the minimum is found exactly, for all placebo runs at once.

What the module cannot do: staggered events; treated units unlike every control (stronger season, faster growth):
weights cannot mend that, see `helpers.uplift.selection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, UnknownNameError
from helpers.uplift import inference
from helpers.uplift.donors import Comparison, account, comparison
from helpers.uplift.panels import Panel
from helpers.uplift.results import Interval, UpliftResult
from helpers.uplift.weights import Problems, nearest, solve_many
from helpers.uplift.windows import EventWindow

KINDS = {"sdid": "synthetic_did", "sc": "synthetic_control", "did": "difference_in_differences"}
STANDARD_ERRORS = ("placebo", "jackknife")
TINY = 1e-6
"""Of the noise: ridge of the time weights and of the synthetic control, as in the paper's software."""

FLOOR = 1e-8
"""Least ridge, as a share of the Gram matrix's mean diagonal: below it, weights that fit equally well cannot be told
apart in double precision, and the answer would hang on the order of the units."""

FEW_CONTROLS = 4
"""So many times as many periods as controls, or more, and the time weights have no single minimum."""

CHUNK = 2e7
"""Numbers that the placebo runs hold at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """Unit and time weights of some runs.

    Attributes
    ----------
    omega : array, shape (runs, units)
    lambda_ : array, shape (runs, periods before)
    """

    omega: np.ndarray
    lambda_: np.ndarray


def synthetic_did(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    donors: Sequence[str] | None = None,
    kind: str = "sdid",
    standard_error: str = "placebo",
    replications: int = 200,
    scale: str = "level",
    zeta: float | None = None,
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    seed: int = 0,
    fact_ids: Sequence[str] = (),
) -> UpliftResult:
    """Average effect on the treated, ``tau = mean over the window of tau_t``.

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
    kind : {"sdid", "sc", "did"}, default "sdid"
        Synthetic difference-in-differences or one of its special cases.
    standard_error : {"placebo", "jackknife"}, default "placebo"
        "placebo" treats controls instead (every one in turn for one treated unit, `replications` random groups
        for several; needs more controls than treated units); "jackknife" leaves out units with weights fixed
        (2+ treated units).
    replications : int, default 200
        Placebo runs, 2 or more.
    scale : {"level", "index", "log"}, default "level"
        Of the fit; "index" (each unit over its own mean before the window) and "log" let every unit count alike
        whatever its size. In logs the average is a geometric one.
    zeta : float, optional
        Ridge of the unit weights in the unit of the fit; by default as in the paper.
    level : float, default 0.95
        Nominal coverage, from a normal as in the paper.
    min_pre : float, default 2.0
        Periods wanted before the window per period of the window; set it lower to accept a short past.
    past : sequence of EventWindow
        Earlier events; their periods are left out of the fit.
    seed : int, default 0
        Of the random groups.
    fact_ids : sequence of str
        Ledger rows that the values come from.

    Returns
    -------
    UpliftResult
        In levels `att` is tau. `fit` has ``se`` (of tau, in the scale of the fit), ``zeta``, ``noise`` and
        ``weight:<unit>``; checks are ``pre_fit``, ``weights``, ``time_weights``, ``placebo_in_space`` and
        ``donors_left_out``.

    Raises
    ------
    DonorError, WindowError, PanelError, HelpersError
        As in `helpers.uplift.donors.comparison`; too few units for the standard error.
    UnknownNameError
        No such unit, kind, scale or standard error.

    Source
    ------
    Arkhangelsky et al. (2021), algorithms 1 (estimator), 3 (jackknife) and 4 (placebo).
    """
    for what, name, known in (("kind", kind, KINDS), ("standard error", standard_error, STANDARD_ERRORS)):
        if name not in known:
            raise UnknownNameError(what, name, list(known))
    found = comparison(panel, event=event, treated=treated, donors=donors, min_pre=min_pre, past=past, scale=scale)
    runs = _Runs.of(found, kind, zeta)
    treats = (np.arange(len(runs.values)) < len(found.names))[None]
    weights = runs.weights(treats, ~treats)
    gap = runs.gaps(treats, weights)[0]
    effect = gap[runs.before :]
    if standard_error == "placebo":
        errors = _placebos(runs, weights, len(found.names), replications, seed)
        interval = inference.from_placebos(errors - errors.mean(0), effect, level=level)
        se, checks = float(errors.mean(1).std()), (_placebo_check(errors, effect),)
    else:
        interval, se, checks = *_jackknife(runs, treats[0], weights, effect, level), ()
    return account(
        found, method=KINDS[kind], gap=_everywhere(found, gap, weights), interval=interval,
        weights=weights.omega[0, len(found.names) :], level=level, fact_ids=fact_ids,
        fit={"se": se, "zeta": runs.zeta, "noise": runs.noise}, checks=(*checks, _time_check(weights.lambda_[0])),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Runs:
    """All units of one panel, the treated first, and the settings that every run shares."""

    values: np.ndarray  # (units, periods before and inside)
    before: int
    kind: str
    noise: float
    zeta: float

    @classmethod
    def of(cls, found: Comparison, kind: str, zeta: float | None) -> _Runs:
        used = np.r_[found.before, found.inside]
        noise = float(np.diff(found.controls[:, found.before], axis=1).std(ddof=1))
        paper = (len(found.names) * len(found.inside)) ** 0.25 * noise if kind == "sdid" else TINY * noise
        values = np.concatenate([found.treated, found.controls])[:, used]
        return cls(
            values=values, before=len(found.before), kind=kind, noise=noise, zeta=paper if zeta is None else zeta
        )

    def weights(self, treats: np.ndarray, controls: np.ndarray, near: Weights | None = None) -> Weights:
        """Weights of runs that treat some units and compare them with others, both (runs, units) of bool."""
        if self.kind == "did":
            past = np.full((len(treats), self.before), 1 / self.before)
            return Weights(omega=controls / controls.sum(1, keepdims=True), lambda_=past)
        past = np.zeros((len(treats), self.before))
        return Weights(
            omega=self._omega(treats, controls),
            lambda_=self._lambda(controls, near) if self.kind == "sdid" else past,
        )

    def _omega(self, treats: np.ndarray, controls: np.ndarray) -> np.ndarray:
        past = self.values[:, : self.before]
        if self.kind == "sdid":
            past = past - past.mean(1, keepdims=True)
        gram = past @ past.T
        linear = (treats / treats.sum(1, keepdims=True)) @ gram
        gram[np.diag_indices(len(gram))] += max(self.zeta**2 * self.before, FLOOR * np.trace(gram) / len(gram))
        problems = Problems(
            apply=lambda _, w: w @ gram, block=lambda _, at: gram[at[:, :, None], at[:, None, :]],
            linear=linear, allowed=controls,
        )  # fmt: skip
        return solve_many(problems, controls / controls.sum(1, keepdims=True))

    def _lambda(self, controls: np.ndarray, near: Weights | None) -> np.ndarray:
        past, post = self.values[:, : self.before], self.values[:, self.before :].mean(1)
        if FEW_CONTROLS * controls.sum(1).max() < self.before:
            return np.array([_sparsest(past[own], post[own]) for own in controls])
        share = controls / controls.sum(1, keepdims=True)
        spread = share @ past**2 - (share @ past) ** 2
        ridge = controls.sum(1) * np.maximum((TINY * self.noise) ** 2, FLOOR * spread.mean(1))

        def centred(which: np.ndarray, numbers: np.ndarray) -> np.ndarray:
            middle = (share[which] * numbers).sum(-1, keepdims=True)
            return np.where(controls[which], numbers - middle, 0.0)

        def apply(which: np.ndarray, w: np.ndarray) -> np.ndarray:
            return centred(which, w @ past.T) @ past + ridge[which, None] * w

        def block(which: np.ndarray, at: np.ndarray) -> np.ndarray:
            columns = past.T[at]
            columns *= controls[which][:, None, :]
            sums = columns.sum(2) / np.sqrt(controls[which].sum(1))[:, None]
            gram = columns @ columns.transpose(0, 2, 1) - sums[:, :, None] * sums[:, None, :]
            return gram + ridge[which, None, None] * np.eye(at.shape[1])

        every = np.arange(len(controls))
        linear = centred(every, np.broadcast_to(post, controls.shape)) @ past
        first = (
            np.repeat(near.lambda_, len(controls), 0) if near is not None else np.eye(1, self.before, self.before - 1)
        )
        first = np.broadcast_to(first, linear.shape)
        return solve_many(Problems(apply=apply, block=block, linear=linear, allowed=np.ones(linear.shape, bool)), first)

    def gaps(self, treats: np.ndarray, weights: Weights) -> np.ndarray:
        """Gaps less their weighted past, shape (runs, periods)."""
        gap = (treats / treats.sum(1, keepdims=True) - weights.omega) @ self.values
        return gap - (weights.lambda_ * gap[:, : self.before]).sum(1, keepdims=True)


def _sparsest(past: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Time weights of few controls over many periods: many fit equally well, and one with few periods is taken."""
    gaps = (past - past.mean(0)) - (post - post.mean())[:, None]
    return nearest(gaps)


def _placebos(runs: _Runs, near: Weights, own: int, replications: int, seed: int) -> np.ndarray:
    """Gaps of the window where controls are treated instead, shape (runs, window)."""
    count = len(runs.values)
    if count - own <= own:
        raise DonorError(
            f"placebo standard errors need more controls than treated units, got {count - own} and {own}; "
            "use standard_error='jackknife'"
        )
    if own == 1:
        groups = np.arange(1, count)[:, None]
    else:
        order = np.random.default_rng(seed).random((replications, count - own)).argsort(1)
        groups = own + order[:, :own]
    treats = np.zeros((len(groups), count), bool)
    np.put_along_axis(treats, groups, True, 1)
    controls = ~treats
    controls[:, :own] = False
    size = max(1, int(CHUNK / (count * max(runs.before, count))))
    parts = [slice(at, at + size) for at in range(0, len(groups), size)]
    return np.concatenate(
        [runs.gaps(treats[p], runs.weights(treats[p], controls[p], near))[:, runs.before :] for p in parts]
    )


def _jackknife(
    runs: _Runs, treats: np.ndarray, weights: Weights, effect: np.ndarray, level: float
) -> tuple[Interval, float]:
    """Each unit is left out in turn, the weights of the others kept."""
    own, omega = int(treats.sum()), weights.omega[0]
    if own < 2 or (omega > 0).sum() < 2:
        raise DonorError(
            f"jackknife standard errors need 2+ treated units and 2+ controls with weight, got {own} and "
            f"{int((omega > 0).sum())}; use standard_error='placebo'"
        )
    stays = ~np.eye(len(treats), dtype=bool)
    without = np.where(stays, omega, 0.0)
    left = Weights(omega=without / without.sum(1, keepdims=True), lambda_=np.repeat(weights.lambda_, len(treats), 0))
    found = runs.gaps(treats & stays, left)[:, runs.before :]
    off = (found - found.mean(0)) * np.sqrt(len(treats) - 1)
    return inference.from_placebos(off, effect, level=level), float(np.sqrt(np.mean(off.mean(1) ** 2)))


def _everywhere(found: Comparison, gap: np.ndarray, weights: Weights) -> np.ndarray:
    """Gaps of all dates, those after the window included, where the donors are known."""
    used = np.r_[found.before, found.inside]
    omega = weights.omega[0, len(found.names) :]
    has = omega > 0
    raw = found.target - omega[has] @ found.controls[has]
    return raw - (raw[used] - gap).mean()


def _placebo_check(errors: np.ndarray, effect: np.ndarray) -> Check:
    p = inference.rank_p(abs(effect.mean()), np.abs(errors.mean(1)))
    return inference.placebo_check(p, len(errors), "the effect's size")


def _time_check(weights: np.ndarray) -> Check:
    number = float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
    text = f"the window is compared with {number:.1f} periods before it (effective number of time weights)"
    return Check(name="time_weights", passed=None, value=number, text=text)
