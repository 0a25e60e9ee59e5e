"""The regressors of a daily series: trend, day of the week, season of the year, holidays, control factors.

Priors are in units of the series' noise and wide enough to let the data speak; with many units they are
learned instead (`learn`): what the never-treated units show is the prior for the others (empirical Bayes,
Efron and Morris 1975, JASA 70, 311-319). Control factors are principal components of the controls'
logs after trend and weekdays are taken out, so that a unit follows the market with its own loadings
(interactive fixed effects, Bai 2009, Econometrica 77, 1229-1279). What it cannot do: see a season
that one year of data does not show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from helpers.errors import HelpersError
from helpers.uplift.gls import Moments, Terms, slow_basis

YEAR = 365.2425
PILOT_RHO = 0.6
LEAST_TO_LEARN = 20  # units from which a prior can be learned
LEAST_FOR_OWN_MEAN = 10  # treated units that may have a mean of their own
MOST_TO_LEARN = 2000
INTERCEPT_SD, TREND_SD, WEEKDAY_SD, REGRESSOR_SD = 50.0, 15.0, 2.0, 3.0
FIRST_FACTOR_SD, OTHER_FACTOR_SD = 20.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Named regressors over a calendar.

    Attributes
    ----------
    terms : Terms
        Columns and priors, the slow basis last.
    names : tuple of str
        One for each column before the slow basis.
    """

    terms: Terms
    names: tuple[str, ...]

    def places(self, start: str) -> np.ndarray:
        """Columns whose name begins with `start`."""
        return np.array([i for i, name in enumerate(self.names) if name.startswith(start)], dtype=int)


def build(
    dates: pd.DatetimeIndex,
    *,
    weekly: bool,
    annual: int,
    slow: bool,
    trend: bool = True,
    regressors: pd.DataFrame | None = None,
    factors: np.ndarray | None = None,
) -> Design:
    """Columns and default priors.

    Parameters
    ----------
    dates : DatetimeIndex
        First day of each period.
    trend : bool, default True
        A straight line.
    weekly : bool
        Six contrasts of the weekday.
    annual : int
        Pairs of sine and cosine over the year; their prior narrows with the frequency.
    slow : bool
        A wandering level.
    regressors : DataFrame, optional
        Indexed by date: holidays, lunar days, prices. Must hold every date and be finite.
    factors : array, shape (dates, factors), optional
        From `factors_of`.
    """
    days = (dates - dates[0]).days.to_numpy(float)
    columns = {"intercept": (np.ones(len(dates)), INTERCEPT_SD)}
    if trend:
        columns["trend"] = (days - days.mean()) / YEAR, TREND_SD
    if weekly:
        weekday = dates.day_of_week.to_numpy()
        columns |= {f"weekday {k}": ((weekday == k) * 1.0 - (weekday == 6), WEEKDAY_SD) for k in range(6)}
    freedom = 3.0 if factors is None else 0.6  # controls carry most of the season
    for k in range(1, annual + 1):
        angle = 2 * np.pi * k * days / YEAR
        columns |= {f"annual sin {k}": (np.sin(angle), freedom / k), f"annual cos {k}": (np.cos(angle), freedom / k)}
    if regressors is not None:
        columns |= {f"regressor {c}": (x, REGRESSOR_SD) for c, x in _aligned(regressors, dates).items()}
    if factors is not None:
        sizes = [FIRST_FACTOR_SD, *[OTHER_FACTOR_SD] * (factors.shape[1] - 1)]
        columns |= {f"factor {j + 1}": (factors[:, j], sd) for j, sd in enumerate(sizes)}
    matrix = np.column_stack([column for column, _ in columns.values()])
    sd = np.array([sd for _, sd in columns.values()])
    if not slow:
        return Design(terms=Terms(matrix=matrix, prior_sd=sd), names=tuple(columns))
    basis, spread = slow_basis(len(dates))
    terms = Terms(matrix=np.hstack([matrix, basis]), prior_sd=np.append(sd, spread), slow_count=len(spread))
    return Design(terms=terms, names=tuple(columns))


def _aligned(regressors: pd.DataFrame, dates: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    for what, names in (("date", regressors.index), ("column", regressors.columns)):
        if not names.is_unique:
            raise HelpersError(f"regressors have a {what} twice: {names[names.duplicated()][0]}")
    texts = [str(c) for c in regressors if not pd.api.types.is_numeric_dtype(regressors[c].dtype)]
    if texts:
        raise HelpersError(f"regressors must be numbers; not so: {', '.join(texts[:5])}")
    table = regressors.reindex(dates).astype(float)
    bad = ~np.isfinite(table.to_numpy()).all(axis=1)
    if bad.any():
        raise HelpersError(
            f"regressors have no finite value on {dates[bad][0]:%Y-%m-%d} ({int(bad.sum())} dates in all)"
        )
    columns = {str(c): table[c].to_numpy() for c in table}
    return {c: x for c, x in columns.items() if np.ptp(x) > 0}  # a holiday that does not fall into the data


def factors_of(
    controls: np.ndarray, dates: pd.DatetimeIndex, *, count: int, weekly: bool, trend: bool = True
) -> np.ndarray:
    """Principal components of the controls after trend and weekdays, in the size of the average control.

    Parameters
    ----------
    controls : array, shape (controls, dates)
        Logs (or scaled levels); NaN is bridged by the components themselves, a few rounds.
    count : int
        Components wanted; at most the number of controls.

    Returns
    -------
    array, shape (dates, count)
        A control's loadings on them have a mean square of one.
    """
    plain = build(dates, trend=trend, weekly=weekly, annual=0, slow=False).terms.matrix
    solve = np.linalg.solve(plain.T @ plain, plain.T)
    missing = np.isnan(controls)
    rounds = 4 if missing.any() else 1
    filled = np.where(missing, np.nanmean(controls, axis=1, keepdims=True), controls) if rounds > 1 else controls
    for _ in range(rounds):
        rough = (filled @ solve.T) @ plain.T
        scores = _components(filled - rough, count)
        if rounds > 1:
            loadings = np.linalg.lstsq(scores, (filled - rough).T, rcond=None)[0]
            filled = np.where(missing, rough + (scores @ loadings).T, controls)
    signs = np.where(scores.sum(0) < 0, -1.0, 1.0)  # eigenvectors have no sign of their own
    return scores * signs / np.sqrt(len(controls))


def _components(rest: np.ndarray, count: int) -> np.ndarray:
    """Scores of the leading principal components, from the smaller of the two Gram matrices."""
    if len(rest) < rest.shape[1]:
        _, side = np.linalg.eigh(rest @ rest.T)
        return rest.T @ side[:, ::-1][:, :count]
    days = rest.shape[1]
    size, side = eigh(rest.T @ rest, subset_by_index=(days - count, days - 1), check_finite=False)
    return (side * np.sqrt(np.maximum(size, 0)))[:, ::-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Belief:
    """What is believed of a unit's coefficients before its own data are read.

    Attributes
    ----------
    terms : Terms
        Columns with learned prior deviations.
    mean : array, shape (columns,)
        Prior means.
    common_sd : float
        Standard deviation of a window's mean (in logs) that all units of the group share, because the
        factors carry the noise of the controls they are made of.
    free_terms : Terms or None
        The same columns with wide priors, where the mean was read from the units themselves: an average of these
        units is as uncertain as if nothing had been believed before.
    """

    terms: Terms
    mean: np.ndarray
    common_sd: float = 0.0
    free_terms: Terms | None = None

    @property
    def path(self) -> np.ndarray:
        """The series that the prior mean draws, shape (dates,)."""
        return self.terms.matrix @ self.mean


def pilot(series: np.ndarray, terms: Terms, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients by generalised least squares at one autocorrelation.

    Returns
    -------
    coefficients : array, shape (columns, units)
    spread : array, shape (columns,)
        Their variances over sigma squared.
    variances : array, shape (units,)
        sigma squared.
    """
    gram, cross, square, _ = Moments.of(series[:, observed], terms.matrix[observed], observed).at(PILOT_RHO)
    inverse = np.linalg.inv(gram + np.diag(1 / terms.prior_sd**2))
    coefficients = inverse @ cross.T
    rest = square - np.einsum("np,pn->n", cross, coefficients)
    return coefficients, np.diag(inverse), np.maximum(rest, 1e-300) / len(observed)


def learn(
    design: Design, treated: np.ndarray, controls: np.ndarray, observed: np.ndarray, *, width: int
) -> tuple[Belief, Belief]:
    """Priors of treated and of control units from the units themselves.

    The spread of the true coefficients is the spread of the estimated ones less their sampling variance.
    Ten or more treated units have a mean of their own, so that a group that grows faster or follows the
    market more closely is not pulled towards the controls. With fewer, the distance from the controls' mean
    is part of the spread. Fewer than twenty controls leave the default priors.

    Parameters
    ----------
    design : Design
    treated, controls : array, shape (units, dates)
        Centred series, complete on the observed days.
    observed : array of int
        Days that may be used.
    width : int
        Days of the window, for the error that units share.

    Returns
    -------
    treated, controls : Belief
    """
    terms = design.terms
    nothing = Belief(terms=terms, mean=np.zeros(len(terms.prior_sd)))
    if len(controls) < LEAST_TO_LEARN:
        return nothing, nothing
    plain = replace(
        terms, matrix=terms.matrix[:, : len(design.names)], prior_sd=100 * terms.prior_sd[: len(design.names)]
    )
    plain = replace(plain, slow_count=0, prior_sd=np.maximum(plain.prior_sd, 100.0))
    own_level = np.concatenate([design.places("intercept"), design.places("annual")])
    of_controls = _Group.of(controls, plain, observed, own_level)
    of_treated = _Group.of(treated, plain, observed, own_level) if len(treated) else of_controls
    spread = of_controls.spread
    if len(treated) >= LEAST_TO_LEARN:
        own = of_treated.mean, of_treated.spread
    elif len(treated) >= LEAST_FOR_OWN_MEAN:
        own = of_treated.mean, np.maximum(spread, of_treated.spread)
    else:
        own = of_controls.mean, np.maximum(spread, of_treated.about(of_controls.mean))
    free = replace(terms, prior_sd=np.append(plain.prior_sd, terms.prior_sd[len(plain.prior_sd) :]))
    # the noise of an average of factors: a factor is a weighted mean of the controls
    lasting = PILOT_RHO ** np.abs(np.subtract.outer(np.arange(width), np.arange(width)))
    noise = np.sqrt(of_controls.variance / len(controls) * lasting.mean())
    places = design.places("factor")
    beliefs = [_belief(design, mean, wide) for mean, wide in (own, (of_controls.mean, spread))]
    treated_free = free if len(treated) >= LEAST_FOR_OWN_MEAN else None
    return tuple(
        replace(belief, common_sd=float(noise * np.linalg.norm(belief.mean[places])), free_terms=wide)
        for belief, wide in zip(beliefs, (treated_free, free), strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Estimated coefficients of a group: their mean, true spread (over sigma squared) and sampling variance."""

    coefficients: np.ndarray
    mean: np.ndarray
    noise: np.ndarray
    variance: float

    @classmethod
    def of(cls, series: np.ndarray, terms: Terms, observed: np.ndarray, free: np.ndarray) -> _Group:
        stride = -(-len(series) // MOST_TO_LEARN)
        coefficients, noise, variances = pilot(series[::stride], terms, observed)
        mean = coefficients.mean(1)
        mean[free] = 0  # the level is the unit's own; a mean season is in the factors already
        return cls(coefficients=coefficients, mean=mean, noise=noise, variance=float(variances.mean()))

    @property
    def spread(self) -> np.ndarray:
        return self.about(self.coefficients.mean(1), lost=1)

    def about(self, centre: np.ndarray, lost: int = 0) -> np.ndarray:
        distance = ((self.coefficients - centre[:, None]) ** 2).sum(1) / max(1, self.coefficients.shape[1] - lost)
        # never below a small part of the sampling variance: a spread of zero would be certainty
        return np.maximum(distance / self.variance - self.noise, 0.02 * self.noise)


def _belief(design: Design, mean: np.ndarray, spread: np.ndarray) -> Belief:
    sd = design.terms.prior_sd.copy()
    count = len(design.names)
    sd[:count] = np.sqrt(spread)
    sd[design.places("intercept")] = INTERCEPT_SD
    full = np.zeros(len(sd))
    full[:count] = mean
    return Belief(terms=replace(design.terms, prior_sd=sd), mean=full)
