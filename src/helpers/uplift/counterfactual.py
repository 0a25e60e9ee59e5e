"""The structural model behind one unit, an average of units and a league of a hundred thousand.

`Model.build` reads what all units share: the calendar, control factors, learned priors, and by placebo in time
how many factors are worth having. `Model.estimate` then takes any rows of the panel; rows in blocks give the
same numbers as rows at once, so the work can be cut and sent anywhere. What it cannot do: find the event's
days, or tell the event from something else that happened on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError
from helpers.uplift import calibration, design, gls, periods, preparation
from helpers.uplift.design import Belief
from helpers.uplift.panels import Panel
from helpers.uplift.preparation import ModelSettings, centred, complete, modelled
from helpers.uplift.results import TOTAL
from helpers.uplift.windows import PHASES, EventWindow


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates:
    """Counterfactual totals of many units, before the intervals are stretched.

    Attributes
    ----------
    phases : tuple of str
        Phases that were observed, then "total".
    observed, expected, spread : array, shape (units, phases)
        Observed total, expected counterfactual total, its standard deviation.
    paths : array, shape (units, window days)
        Expected counterfactual by day.
    placebo_errors, placebo_spreads, placebo_totals : array, shape (windows, units)
        Errors of placebo windows, their standard deviations, predicted totals; NaN where a unit lacks one.
    noise : array, shape (units,)
        Standard deviation of the errors (of logs, or over the unit's size).
    rho : array, shape (units,)
        Likeliest autocorrelation.
    left_out : array of int, shape (units,)
        Days before or after the window that the fit had to leave out.
    day_covariance : array, shape (window days, window days)
        Of the daily errors of the sum over all units.
    """

    phases: tuple[str, ...]
    observed: np.ndarray
    expected: np.ndarray
    spread: np.ndarray
    paths: np.ndarray
    placebo_errors: np.ndarray
    placebo_spreads: np.ndarray
    placebo_totals: np.ndarray
    noise: np.ndarray
    rho: np.ndarray
    left_out: np.ndarray
    day_covariance: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        """Observed less expected, shape (units, phases)."""
        return self.observed - self.expected

    @property
    def placebos(self) -> np.ndarray:
        """Scores of placebo windows: errors over their standard deviations, shape (windows, units)."""
        return self.placebo_errors / self.placebo_spreads

    @classmethod
    def blank(cls, units: int, names: np.ndarray, windows: int) -> Estimates:
        """Room for `units`, all unknown; `names` are the phases of the window's days."""
        phases = (*(phase for phase in PHASES if (names == phase).any()), TOTAL)
        shapes = {
            **dict.fromkeys(("observed", "expected", "spread"), (units, len(phases))),
            "paths": (units, len(names)),
            **dict.fromkeys(("placebo_errors", "placebo_spreads", "placebo_totals"), (windows, units)),
            **dict.fromkeys(("noise", "rho"), (units,)),
        }
        return cls(
            phases=phases, left_out=np.zeros(units, int), day_covariance=np.zeros((len(names), len(names))),
            **{name: np.full(shape, np.nan) for name, shape in shapes.items()},
        )  # fmt: skip

    def fill(
        self, rows: np.ndarray, names: np.ndarray, inside: np.ndarray, paths: np.ndarray, slopes: np.ndarray,
        found: gls.Posterior,
    ) -> None:  # fmt: skip
        """Put in sums by phase over the days that were observed, `inside` the window, shape (rows, days)."""
        known = ~np.isnan(inside)
        seen = np.where(known, inside, 0)
        for j, phase in enumerate(self.phases):
            weights = known * (np.ones(len(names)) if phase == TOTAL else names == phase)
            self.observed[rows, j] = (seen * weights).sum(1)
            self.expected[rows, j] = (paths * weights).sum(1)
            self.spread[rows, j] = np.sqrt(found.variance_of(slopes * weights))
        self.paths[rows] = paths
        self.noise[rows] = np.sqrt((found.weights * found.variances).sum(0))
        self.rho[rows] = np.array([rho for rho, _ in found.grid])[found.best()]
        self.day_covariance[:] += found.covariance_of_sum(slopes * known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """Everything that the units share.

    Attributes
    ----------
    window : EventWindow
    dates : DatetimeIndex
    phases : array of str
        Phase of each date.
    usable : array of int
        Dates outside the window that may be used: neither masked nor unknown to all.
    belief : dict of str to Belief
        "treated" and "control": terms and prior means.
    settings : ModelSettings
        With what was chosen filled in.
    controls, rejected : tuple of str
        Units that the factors come from, and controls that could not be used.
    checks : tuple of Check
        What was chosen and left out.
    grid_prior : dict of str to array
        Mean posterior over the grid of like units.
    """

    window: EventWindow
    dates: pd.DatetimeIndex
    phases: np.ndarray
    usable: np.ndarray
    belief: dict[str, Belief]
    settings: ModelSettings
    controls: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    grid_prior: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def hidden(self) -> np.ndarray:
        """Places of the window's days."""
        return np.flatnonzero(self.phases != "")

    @classmethod
    def build(
        cls, panel: Panel, *, event: EventWindow, treated: Sequence[str], controls: Sequence[str],
        past: Sequence[EventWindow] = (), regressors: pd.DataFrame | None = None, settings: ModelSettings,
    ) -> Model:  # fmt: skip
        """Read what the units share.

        Parameters
        ----------
        panel : Panel
        event : EventWindow
        treated, controls : sequence of str
            Units; controls may be none.
        past : sequence of EventWindow
            Other events of the same units, whose days are masked.
        regressors : DataFrame, optional
            Indexed by date: holidays and the like.
        settings : ModelSettings

        Raises
        ------
        WindowError
            The event lies outside the data or has less than twice its length before it.
        DonorError
            A unit is both treated and control.
        PanelError
            Values that the scale cannot take.
        """
        both = sorted(set(treated) & set(controls))
        if both:
            raise DonorError(f"a unit cannot be treated and a control: {', '.join(both[:5])}")
        found = periods.cut(panel, event, past=past)
        phases, unknown = found.phases, np.isnan(panel.values).all(0)
        usable = np.flatnonzero((phases == "") & ~found.masked & ~unknown)
        others, kept, lost, left = preparation.usable_controls(panel, controls, usable, settings.scale)
        mine = preparation.sampled(panel, treated, settings.scale)
        settings = preparation.settled(settings, panel, usable, phases)
        factors = preparation.factors_of(others, panel.dates, settings)
        shared = {"dates": panel.dates, "regressors": regressors, "factors": factors}
        settings, chosen = preparation.choose(shared, settings, len(others), mine, usable, phases)
        made = preparation.design_of(**shared, settings=settings)
        groups = {"treated": complete(mine, usable), "control": complete(others, usable)}
        beliefs = design.learn(
            made, *(centred(series, usable) for series in groups.values()), usable, width=int((phases != "").sum())
        )
        model = cls(
            window=event, dates=panel.dates, phases=phases, usable=usable, settings=settings,
            belief=dict(zip(groups, beliefs, strict=True)), controls=tuple(kept), rejected=tuple(lost),
            checks=(*found.checks, *left, *chosen),
        )  # fmt: skip
        return replace(model, grid_prior=model._grid_priors(groups))

    def _grid_priors(self, groups: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Mean posterior of a sample of each group, so that a unit's own few data do not decide alone."""
        priors = {}
        for group, series in groups.items():
            if len(series) < design.LEAST_TO_LEARN:
                continue
            belief = self.belief[group]
            sample = centred(series[:: -(-len(series) // 256)], self.usable) - belief.path
            sample = sample - sample[:, self.usable].mean(1, keepdims=True)
            found = gls.posterior(sample, belief.terms, observed=self.usable, hidden=self.hidden)
            points = [(rho, kappa) for rho in gls.RHOS for kappa in self._kappas(belief)]
            share = np.full(len(points), 1e-3)
            share[[points.index(point) for point in found.grid]] += found.weights.mean(1)
            priors[group] = share / share.sum()
        return priors

    def widening(self, group: str) -> float:
        """By how much the standard error of the group's average exceeds what its units' own errors add up to."""
        belief = self.belief[group]
        if belief.free_terms is None:
            return 1.0
        totals = []
        for terms in (belief.free_terms, belief.terms):
            blank = np.zeros((1, len(self.dates)))
            blank[0, self.usable[0]] = 1.0
            found = gls.posterior(
                blank, terms, observed=self.usable, hidden=self.hidden, rhos=(design.PILOT_RHO,), kappas=gls.KAPPAS[1:2]
            )
            totals.append(found.covariances[0].sum())
        return float(np.sqrt(max(1.0, totals[0] / totals[1])))

    @staticmethod
    def _kappas(belief: Belief) -> tuple[float, ...]:
        return gls.KAPPAS if belief.terms.slow_count else (0.0,)

    def estimate(self, values: np.ndarray, group: str) -> Estimates:
        """Counterfactuals of units, each from its own days and the shared model.

        Parameters
        ----------
        values : array, shape (units, dates)
            As in the panel.
        group : {"treated", "control"}
            Whose prior applies.

        Returns
        -------
        Estimates

        Raises
        ------
        HelpersError
            A unit with too few usable days, or without any variation.
        """
        return self._estimate(values, group, strict=True)[0]

    def _estimate(self, values: np.ndarray, group: str, *, strict: bool) -> tuple[Estimates, dict[int, str]]:
        series, sizes = modelled(values, self.settings.scale)
        usable = ~np.isnan(gls.columns_at(series, self.usable))
        starts = calibration.windows_of(self.usable, width=len(self.hidden), before=int(self.hidden[0]))
        places, told = self.usable[starts], {}
        out = Estimates.blank(len(values), self.phases[self.hidden], len(places))
        for rows, pattern in _patterns(usable):
            observed = self.usable[pattern]
            bad = _hopeless(series[rows], observed, values[rows], self.hidden)
            if strict and any(bad):
                raise HelpersError(f"a unit cannot be estimated: {next(filter(None, bad))}")
            told |= {int(row): text for row, text in zip(rows, bad, strict=True) if text}
            rows = rows[[not text for text in bad]]
            if len(rows):
                self._fit(out, rows, series[rows], values[rows], sizes[rows], observed, group, places)
        return out, told

    def estimate_or_tell(self, values: np.ndarray, group: str) -> tuple[Estimates, dict[int, str]]:
        """As `estimate`, but rows that cannot be estimated are NaN, with the reason, and the others go on.

        Returns
        -------
        Estimates
        dict of int to str
            Row to reason.
        """
        return self._estimate(values, group, strict=False)

    def forecast(self, values: np.ndarray, group: str, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What any hidden days would have been, as modelled (logs, or levels over the unit's size).

        Parameters
        ----------
        values : array, shape (units, dates)
        group : {"treated", "control"}
        days : array of int
            Places of dates that are not usable: the window and masked events.

        Returns
        -------
        mean, spread : array, shape (units, days)
        """
        series, _ = modelled(values, self.settings.scale)
        mean, spread = np.empty((len(values), len(days))), np.empty((len(values), len(days)))
        for rows, pattern in _patterns(~np.isnan(series[:, self.usable])):
            observed = self.usable[pattern]
            if bad := next(filter(None, _hopeless(series[rows], observed, values[rows], self.hidden)), ""):
                raise HelpersError(f"a unit cannot be estimated: {bad}")
            base, found = self._posterior(series[rows], observed, group, days)
            mean[rows], spread[rows] = found.mean + base[:, days], np.sqrt(found.variance)
        return mean, spread

    def fitted(self, values: np.ndarray, group: str, estimates: Estimates) -> np.ndarray:
        """What the model explains on every date, and the counterfactual on the window's, shape (units, dates).

        At each unit's likeliest autocorrelation; for charts and fit diagnostics.
        """
        series, sizes = modelled(values, self.settings.scale)
        belief, out = self.belief[group], np.empty(values.shape)
        for row in range(len(values)):
            observed = self.usable[~np.isnan(series[row, self.usable])]
            base = belief.path + series[row, observed].mean() - belief.path[observed].mean()
            rho = float(estimates.rho[row])
            shape = gls.smooth(
                (series[row] - base)[None], belief.terms, observed=observed, rho=rho, kappa=gls.KAPPAS[1]
            )
            middle = shape[0] + base
            out[row] = np.exp(middle) if self.settings.scale == "log" else middle * sizes[row]
        out[:, self.hidden] = estimates.paths
        return out

    def _posterior(self, series, observed, group, days) -> tuple[np.ndarray, gls.Posterior]:
        """What is taken off the series (mean and prior path), and the hidden days of what is left."""
        belief = self.belief[group]
        means = gls.columns_at(series, observed).mean(1, keepdims=True)
        base = belief.path + (means - belief.path[observed].mean())
        return base, gls.posterior(
            series - base, belief.terms, observed=observed, hidden=days,
            kappas=self._kappas(belief), grid_prior=self.grid_prior.get(group),
        )  # fmt: skip

    def _fit(self, out, rows, series, values, sizes, observed, group, places) -> None:
        """Fill the rows of `out` whose usable days are `observed`."""
        belief = self.belief[group]
        base, found = self._posterior(series, observed, group, self.hidden)
        rest = series - base
        middle = found.mean + base[:, self.hidden]
        log = self.settings.scale == "log"
        paths = np.exp(middle + 0.5 * found.variance) if log else middle * sizes[:, None]
        slopes = paths if log else np.repeat(sizes[:, None], len(self.hidden), 1)
        best = found.best()
        out.fill(rows, self.phases[self.hidden], values[:, self.hidden], paths, slopes, found)
        out.left_out[rows] = len(self.usable) - len(observed)
        for point in np.unique(best):
            some = np.flatnonzero(best == point)
            rho, kappa = found.grid[point]
            starts = np.searchsorted(observed, places)
            whole = np.array(
                [_runs(observed, s, p, len(self.hidden)) for s, p in zip(starts, places, strict=True)], bool
            )
            if not whole.any():
                continue
            tested = calibration.rolling_origin(
                *(gls.columns_at(array[some], observed) for array in (rest, base, values)), belief.terms,
                observed=observed, starts=starts[whole], width=len(self.hidden), rho=rho, kappa=kappa,
                variances=found.variances[point, some], sizes=None if log else sizes[some],
            )  # fmt: skip
            at = np.ix_(np.flatnonzero(whole), rows[some])
            out.placebo_errors[at], out.placebo_spreads[at] = tested.errors, tested.spreads
            out.placebo_totals[at] = tested.totals


def _runs(observed: np.ndarray, at: int, place: int, width: int) -> bool:
    """Whether `width` consecutive days from `place` are all observed, after twice as many."""
    end = at + width
    if at < 2 * width or end > len(observed):
        return False
    return bool(observed[at] == place and observed[end - 1] == place + width - 1)


def _hopeless(series: np.ndarray, observed: np.ndarray, values: np.ndarray, hidden: np.ndarray) -> list[str]:
    """Why each unit cannot be estimated; "" where it can."""
    before = int(np.searchsorted(observed, hidden[0]))
    if before < 2 * len(hidden):
        text = f"only {before} usable days before the window of {len(hidden)}; twice as many are needed"
        return [text] * len(series)
    constant = np.ptp(gls.columns_at(series, observed), axis=1) < 1e-12
    unseen = np.isnan(values[:, hidden]).all(1)
    return [
        "constant outside the window: there is no noise to learn" if flat
        else "no day of the window was observed" if blind else ""
        for flat, blind in zip(constant, unseen, strict=True)
    ]  # fmt: skip


def _patterns(usable: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows that share their usable days, with those days."""
    if usable.all():
        yield np.arange(len(usable)), usable[0] if len(usable) else usable.any(0)
        return
    keys = np.packbits(usable, axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    for pattern, row in enumerate(first):
        yield np.flatnonzero(inverse.ravel() == pattern), usable[row]
