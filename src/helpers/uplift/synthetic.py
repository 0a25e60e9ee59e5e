"""Synthetic control (Abadie, Diamond and Hainmueller 2010, JASA 105): donors weighted into a twin of the treated unit.

``effect_t = y_1t - sum_j w_j y_jt`` with w on the simplex. Outcome-only: w fits the treated's own past. With
predictors: w fits predictors weighted by V, and V is chosen so that w fits the past
(`helpers.uplift.predictor_weights`). Penalised (Abadie and L'Hour 2021, JASA 116): ``+ penalty * sum_j w_j
||x_1 - x_j||^2`` prefers donors that are near by themselves and makes w unique. Intervals come from
placebos in space, jackknife+ or conformal permutation (`helpers.uplift.inference`).

What it cannot do: follow a treated unit that lies outside what donors span (the check ``pre_fit``); average out
noise with few donors. Periods after the window are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import inference, predictor_weights
from helpers.uplift.donors import Comparison, account, comparison
from helpers.uplift.fixed_effects import name_some
from helpers.uplift.panels import Panel
from helpers.uplift.results import Interval, UpliftResult
from helpers.uplift.weights import nearest, simplex_qp
from helpers.uplift.windows import EventWindow, Moment

INFERENCE = ("placebo", "jackknife", "conformal")
OUTCOME = "value"
MOST_PLACEBOS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """The mean of a column over some periods before the event, empty ones left out.

    Parameters
    ----------
    column : str, default "value"
        The outcome, or a covariate of the panel.
    first, last : moment, optional
        Periods that start between the two, both included; all before the window where left out.
    """

    column: str = OUTCOME
    first: Moment | None = None
    last: Moment | None = None

    @property
    def label(self) -> str:
        """The column and its periods."""
        ends = [f"{pd.Timestamp(day):%Y-%m-%d}" for day in (self.first, self.last) if day is not None]
        return f"{self.column} {' to '.join(dict.fromkeys(ends))}".strip()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Match:
    """What weights are chosen by: rows are features or periods, columns the treated (mean) and the donors."""

    outcomes: np.ndarray  # all dates
    features: np.ndarray | None  # predictors of the fit, scaled
    training: np.ndarray | None  # predictors of the search for V
    optimise: np.ndarray  # periods that V is chosen on
    v: np.ndarray | None
    penalty: float
    kind: str
    starts: int
    seed: int

    def fit(self, columns: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Weights of ``columns[1:]`` for ``columns[0]``, and V."""
        if self.features is None:
            rows = self.outcomes[np.ix_(periods, columns)]
            return _weights(rows, self.penalty), None
        v = self.v
        if v is None:
            v = predictor_weights.search(
                self.training[:, columns], self.outcomes[np.ix_(self.optimise, columns)], kind=self.kind,
                starts=self.starts, seed=self.seed,
            )  # fmt: skip
        return _weights(np.sqrt(v)[:, None] * self.features[:, columns], self.penalty), v

    def gaps(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Gaps of all dates; donors without weight may have gaps of their own."""
        has = weights > 0
        return self.outcomes[:, columns[0]] - self.outcomes[:, columns[1:][has]] @ weights[has]


def synthetic_control(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: str | Sequence[str],
    donors: Sequence[str] | None = None,
    predictors: Sequence[Predictor] = (),
    training: Sequence[Predictor] | None = None,
    optimise: tuple[Moment, Moment] | None = None,
    v: Sequence[float] | None = None,
    search: str = "wide",
    starts: int = 12,
    penalty: float = 0.0,
    inference_by: str = "placebo",
    scale: str = "level",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    seed: int = 0,
    fact_ids: Sequence[str] = (),
) -> UpliftResult:
    """Effect on the treated, ``y_1t - sum_j w_j y_jt``.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value and those that `predictors` name.
    event : EventWindow
        Fitted on what lies before it, accounted over all of it; periods after it are not used.
    treated : str or sequence of str
        The treated unit; several are averaged in the fit and added up in the account.
    donors : sequence of str, optional
        Units without the event; all others where left out.
    predictors : sequence of Predictor
        None: the outcome of every period before the window, all alike.
    training : sequence of Predictor, optional
        The same predictors on earlier periods, on which V is chosen (as in Abadie, Diamond and Hainmueller 2015,
        with `optimise` on later ones); by default `predictors` themselves.
    optimise : pair of moments, optional
        Periods whose error V minimises; by default all before the window.
    v : sequence of float, optional
        Given predictor weights; nothing is searched.
    search : {"wide", "published"}, default "wide"
        How V is searched; "published" is the recipe of the authors' software and may stop at its local minima.
    starts : int, default 12
        Random starts of the wide search.
    penalty : float, default 0.0
        On the distance of each donor from the treated, 0 or more, without unit.
    inference_by : {"placebo", "jackknife", "conformal"}, default "placebo"
        Where the interval comes from; "jackknife" and "conformal" only without predictors.
    scale : {"level", "index", "log"}, default "level"
        Of the outcome in the fit.
    level : float, default 0.95
        Nominal coverage.
    min_pre : float, default 2.0
        Periods wanted before the window per period of the window; set it lower to accept a short past.
    past : sequence of EventWindow
        Earlier events; their periods are left out of the fit.
    seed : int, default 0
        Of the random starts, and of the donors that are tried where there are more than 200.
    fact_ids : sequence of str
        Ledger rows that the values come from.

    Returns
    -------
    UpliftResult
        `fit` has ``mspe_ratio`` (window over past), ``weight:<unit>`` and ``predictor:<label>``; checks are
        ``pre_fit``, ``weights``, ``placebo_in_space``, ``donors_left_out`` and, with predictors,
        ``predictor_search``.

    Raises
    ------
    DonorError, WindowError, PanelError, HelpersError
        As in `helpers.uplift.donors.comparison`; a predictor without values; an inference that does not apply.
    UnknownNameError
        No such unit, search, scale or inference.

    Source
    ------
    Abadie, Diamond and Hainmueller (2010), sections 2.2 to 2.4; Abadie and L'Hour (2021), equation 3.
    """
    _require(search, inference_by, penalty, bool(predictors))
    found = comparison(
        panel, event=event, treated=treated, donors=donors, min_pre=min_pre, past=past, scale=scale,
        covariates=[p.column for p in (*predictors, *(training or ())) if p.column != OUTCOME],
    )  # fmt: skip
    found, features, early = _features(found, predictors, training)
    match = _Match(
        outcomes=np.vstack([found.target, found.controls]).T, features=features, training=early,
        optimise=_optimised(found, optimise), v=_given(v, predictors), penalty=penalty, kind=search, starts=starts,
        seed=seed,
    )  # fmt: skip
    columns = np.arange(1 + len(found.donors))
    weights, chosen = match.fit(columns, found.before)
    gap = match.gaps(columns, weights)
    placebos = _placebos(match, columns, found.before)
    interval = _interval(inference_by, match, found, gap, placebos, level)
    ratio = inference.mspe_ratios(gap[None], found.before, found.inside)[0]
    others = inference.mspe_ratios(placebos, found.before, found.inside)
    p = inference.rank_p(ratio, others)
    fit = {"mspe_ratio": float(ratio)}
    if chosen is not None:
        fit |= {f"predictor:{p.label}": float(share) for p, share in zip(predictors, chosen, strict=True)}
    return account(
        found, method="penalised_synthetic_control" if penalty else "synthetic_control", gap=gap, interval=interval,
        weights=weights, level=level, fit=fit, fact_ids=fact_ids,
        checks=(
            inference.placebo_check(p, len(placebos), "the error in the window over that before it"),
            *_searched(match, columns, weights),
        ),
    )  # fmt: skip


def _require(search: str, inference_by: str, penalty: float, has_predictors: bool) -> None:
    for what, name, known in (
        ("search", search, predictor_weights.SEARCHES), ("inference", inference_by, INFERENCE),
    ):  # fmt: skip
        if name not in known:
            raise UnknownNameError(what, name, list(known))
    if not penalty >= 0:
        raise HelpersError(f"penalty must be 0 or more, got {penalty}")
    if has_predictors and inference_by != "placebo":
        raise HelpersError(f"inference_by={inference_by!r} refits on other periods; with predictors use 'placebo'")


def _weights(rows: np.ndarray, penalty: float) -> np.ndarray:
    gaps = rows[:, 1:] - rows[:, :1]
    if not penalty:
        return nearest(gaps)
    gram = gaps.T @ gaps
    return simplex_qp(2 * gram, -penalty * np.diag(gram))


def _features(
    found: Comparison, predictors: Sequence[Predictor], training: Sequence[Predictor] | None
) -> tuple[Comparison, np.ndarray | None, np.ndarray | None]:
    """Scaled predictors of the fit and of the search for V; donors that lack one are left out and counted."""
    if not predictors:
        return found, None, None
    both = [_means(found, list(chosen)) for chosen in (predictors, training or predictors)]
    if len(both[0]) != len(both[1]):
        raise HelpersError(f"training must have the {len(both[0])} predictors of the fit, got {len(both[1])}")
    known = ~np.isnan(np.vstack(both)).any(0)
    names = [found.names[0] if len(found.names) == 1 else "the treated", *found.donors]
    if not known[0]:
        labels = [
            p.label
            for p, row in zip((*predictors, *(training or ())), np.vstack(both), strict=False)
            if np.isnan(row[0])
        ]
        raise PanelError(f"predictors without a value for {names[0]}: {', '.join(dict.fromkeys(labels))}")
    if known[1:].sum() < 2:
        raise DonorError(f"need 2+ donors with a value of every predictor, got {int(known[1:].sum())}")
    spread = [rows[:, known].std(1, ddof=1, keepdims=True) for rows in both]
    scaled = [rows[:, known] / np.where(s > 0, s, 1.0) for rows, s in zip(both, spread, strict=True)]
    gone = found.donors[~known[1:]]
    if len(gone):
        text = f"{len(gone)} donors lack a predictor and are left out: {name_some(gone)}"
        check = Check(name="donors_left_out", passed=None, value=len(gone), text=text)
        found = replace(
            found, donors=found.donors[known[1:]], rows=found.rows[known[1:]], controls=found.controls[known[1:]],
            checks=(*found.checks, check),
        )  # fmt: skip
    return found, *scaled


def _means(found: Comparison, predictors: list[Predictor]) -> np.ndarray:
    """Predictors of the treated (mean) and the donors, shape (predictors, 1 + donors); NaN where nothing is known."""
    data, start = found.data, found.data.dates[found.inside[0]]
    own, out = data.rows(found.names), []
    for predictor in predictors:
        if predictor.column == OUTCOME:
            table = np.vstack([found.target, found.controls])
        elif predictor.column in data.covariates:
            covariate = data.covariates[predictor.column]
            table = np.vstack([covariate[own].mean(0), covariate[found.rows]])
        else:
            raise UnknownNameError("predictor", predictor.column, [OUTCOME, *data.covariates])
        periods = _between(data.dates, predictor.first, predictor.last) & (data.dates < start)
        if not periods.any():
            raise WindowError(f"predictor {predictor.label}: no period of it lies before the window")
        values, known = table[:, periods], ~np.isnan(table[:, periods])
        count = known.sum(1)
        out.append(np.where(count > 0, np.where(known, values, 0.0).sum(1) / np.maximum(count, 1), np.nan))
    return np.array(out)


def _between(dates: pd.DatetimeIndex, first: Moment | None, last: Moment | None) -> np.ndarray:
    inside = np.ones(len(dates), bool)
    if first is not None:
        inside &= dates >= pd.Timestamp(first)
    if last is not None:
        inside &= dates <= pd.Timestamp(last)
    return inside


def _optimised(found: Comparison, span: tuple[Moment, Moment] | None) -> np.ndarray:
    if span is None:
        return found.before
    inside = _between(found.data.dates, *span)
    periods = found.before[inside[found.before]]
    if not len(periods):
        raise WindowError(f"optimise: no period between {span[0]} and {span[1]} lies before the window")
    return periods


def _given(v: Sequence[float] | None, predictors: Sequence[Predictor]) -> np.ndarray | None:
    if v is None:
        return None
    given = np.asarray(v, float)
    if given.shape != (len(predictors),) or (given < 0).any() or not given.sum() > 0:
        raise HelpersError(f"v must be {len(predictors)} weights of 0 or more, not all 0, got {list(v)}")
    return given / given.sum()


def _placebos(match: _Match, columns: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Gaps of donors (200 drawn at random if there are more), each held against the others, shape (runs, dates)."""
    if len(columns) < 4:  # a donor needs two others
        return np.empty((0, len(match.outcomes)))
    out, tried = [], columns[1:]
    if len(tried) > MOST_PLACEBOS:
        tried = np.random.default_rng(match.seed).choice(tried, MOST_PLACEBOS, replace=False)
    for column in tried:
        order = np.r_[column, columns[1:][columns[1:] != column]]
        out.append(match.gaps(order, match.fit(order, before)[0]))
    return np.array(out)


def _interval(
    by: str, match: _Match, found: Comparison, gap: np.ndarray, placebos: np.ndarray, level: float
) -> Interval:
    columns, before, inside = np.arange(1 + len(found.donors)), found.before, found.inside
    if by == "placebo":
        if not len(placebos):
            raise DonorError(f"placebos in space need 3+ donors, got {len(found.donors)}; use inference_by='jackknife'")
        errors = inference.rescaled(placebos, gap, before, inside)
        return inference.from_placebos(errors, gap[inside], level=level, df=len(errors))

    def refit(periods: np.ndarray, series: np.ndarray) -> np.ndarray:
        other = replace(match, outcomes=np.column_stack([series, match.outcomes[:, 1:]]))
        return other.gaps(columns, other.fit(columns, periods)[0])

    if by == "jackknife":
        return inference.jackknife_plus(refit, found.target, before=before, inside=inside, level=level)
    return inference.conformal(refit, found.target, before=before, inside=inside, level=level)


def _searched(match: _Match, columns: np.ndarray, weights: np.ndarray) -> tuple[Check, ...]:
    """How near the predictors' weights come to the best that any weights could do on the same periods."""
    if match.features is None:
        return ()
    rows = match.outcomes[np.ix_(match.optimise, columns)]
    gaps = rows[:, 1:] - rows[:, :1]
    reached, bound = (float(np.sqrt(np.mean((gaps @ w) ** 2))) for w in (weights, nearest(gaps)))
    text = f"on the optimised periods the error is {reached:.4g}; no weights could bring it below {bound:.4g}"
    return (Check(name="predictor_search", passed=None, value=reached, threshold=bound, text=text),)
