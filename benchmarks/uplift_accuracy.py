"""How near to the truth the uplift estimators come, how often their intervals hold it, and who does better.

Run from the project folder::

    python benchmarks/uplift_accuracy.py               # 200 series, 60 panels: some minutes
    python benchmarks/uplift_accuracy.py 40 10         # fewer, to look

All data are simulated (`helpers.uplift.simulate`), so the truth is known. Errors are in points of what the
window would have sold without the event: an error of 3 says 7 % where 4 % is true. Coverage is the share of
95 % intervals that hold the truth; its own standard error is about 2 points for 100 series. Rivals see the
same series and windows: statsmodels' structural model in logs (trend, AR(1), weekdays, controls) with
simulated intervals of the total, a two-way fixed-effects event study, and synthetic difference-in-differences.

What it cannot say: how the estimators do on data that look like nothing in the generator.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from helpers.uplift import ModelSettings, league, structural
from helpers.uplift.event_study import event_study
from helpers.uplift.sdid import synthetic_did
from helpers.uplift.simulate import WIDTH, Scenario, Simulation, simulate

SINGLE = {
    "as simulated": {},
    "heavy tails (t, 3 degrees)": {"tails": 3.0},
    "level shift before": {"level_shift": True},
    "AR(1) of 0.9": {"rho": 0.9},
    "last year's event, unmasked": {"past_event": True},
    "last year's event, masked": {"past_event": True},
    "missing week": {"missing_week": True},
    "units' own seasons four times as strong": {"season_spread": 0.032},
    "no controls at all": {},
}
PANEL = {"units": 200, "treated": 40, "days": 400}
PANELS = {
    "alike": {},
    "selected": {"selected": True},
    "AR(1) of 0.9": {"rho": 0.9},
    "heavy tails (t, 3 degrees)": {"tails": 3.0},
    "level shift before": {"level_shift": True},
    "no effect": {"effect_scale": 0.0},
    "30 days after the window": {"rest_days": 30},
}
Score = tuple[np.ndarray, np.ndarray, np.ndarray]  # errors, half widths below and above, in points


def of_series(drawn: Simulation, name: str) -> Score:
    """Our estimate of one treated unit."""
    controls = [] if name == "no controls at all" else drawn.controls
    past = drawn.past if name.endswith(" masked") else ()
    found = structural(drawn.panel, event=drawn.window, treated=drawn.treated[0], controls=controls, past=past)
    truth = drawn.truth.iloc[0]
    return points(
        found.incremental, found.incremental_low, found.incremental_high, truth["effect"], truth["counterfactual"]
    )


def points(value, low, high, truth, base) -> Score:
    """Error, and the ends of the interval less the truth, as shares of the base."""
    return tuple(np.atleast_1d(100 * (x - truth) / base) for x in (value, low, high))


def by_statsmodels(drawn: Simulation, draws: int = 400) -> Score:
    """Structural time series in logs, AR(1) errors, controls as regressors; the total by simulation."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    values, start = drawn.panel.values, len(drawn.panel.dates) - WIDTH
    logs = np.log(values)
    weekday = np.eye(7)[drawn.panel.dates.day_of_week][:, :6]
    exog = np.column_stack([logs[1:].T, weekday])
    exog -= exog[:start].mean(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnobservedComponents(
            logs[0, :start],
            level="fixed intercept",
            exog=np.column_stack([exog[:start], np.arange(start)]),
            autoregressive=1,
        )
        fit = model.fit(disp=False, maxiter=200)
        ahead = np.column_stack([exog[start:], np.arange(start, start + WIDTH)])
        paths = fit.simulate(WIDTH, anchor="end", repetitions=draws, exog=ahead, rng=0)
    totals = np.exp(np.asarray(paths).reshape(WIDTH, draws)).sum(0)
    seen, truth = values[0, start:].sum(), drawn.truth.iloc[0]
    low, high = seen - np.quantile(totals, [0.975, 0.025])
    return points(seen - totals.mean(), low, high, truth["effect"], truth["counterfactual"])


def of_panel(drawn: Simulation, settings: ModelSettings | None = None) -> tuple[Score, Score]:
    """Our average of the treated units, and each of them."""
    asked = {"event": drawn.window, "treated": drawn.treated, "settings": settings}
    found = league(drawn.panel, **asked, include_controls=False)
    truth = drawn.truth[drawn.truth["treated"]]
    mean = truth["relative"].mean()
    average = points(found.average, found.average_low, found.average_high, mean, 1.0)
    table = found.table
    units = points(
        *(table[c].to_numpy() for c in ("effect", "low", "high")),
        truth["effect"].to_numpy(),
        truth["counterfactual"].to_numpy(),
    )
    return average, units


def alike(drawn: Simulation, method: Callable, **options: object) -> Score:
    """A rival's average effect on units scaled to one mean before the window, so that each counts alike."""
    size = drawn.panel.values[:, : len(drawn.panel.dates) - WIDTH].mean(1)
    data = replace(drawn.panel, values=drawn.panel.values / size[:, None])
    found = method(data, event=drawn.window, treated=drawn.treated, **options)
    truth = drawn.truth[["effect", "counterfactual"]].div(size, axis=0)[drawn.truth["treated"]].sum()
    share = truth["effect"] / truth["counterfactual"]
    return points(found.relative_effect, found.relative_low, found.relative_high, share, 1.0)


def plainly(drawn: Simulation) -> tuple[Score, Score]:
    """Our own model with four factors and nothing learned or chosen: no season, no wandering level."""
    return of_panel(drawn, settings=ModelSettings(factors=4, annual=0, slow=False))


def row(name: str, scores: list[Score], seconds: float) -> None:
    error, low, high = (np.concatenate(part) for part in zip(*scores, strict=True))
    covered = 100 * np.mean((low <= 0) & (high >= 0))
    print(
        f"  {name:44s}{error.mean():7.2f}{np.sqrt(np.mean(error**2)):8.2f}{covered:9.1f}{np.mean(high - low):8.1f}"
        f"{1000 * seconds / len(scores):10.0f}"
    )


def timed(work: Callable[[Simulation], object], drawn: list[Simulation]) -> tuple[list, float]:
    start = time.process_time()
    found = [work(one) for one in drawn]
    return found, time.process_time() - start


def main(series: int = 200, panels: int = 60) -> None:
    head = f"{'bias':>7s}{'RMSE':>8s}{'covered':>9s}{'width':>8s}{'CPU ms':>10s}"
    print(f"one series of 730 days, 5 controls, {series} draws\n  {'':44s}{head}")
    for name, options in SINGLE.items():
        drawn = [simulate(Scenario(**options), seed=seed) for seed in range(series)]
        row(f"structural, {name}", *timed(lambda one, name=name: of_series(one, name), drawn))
    few = [simulate(Scenario(), seed=seed) for seed in range(min(series, 60))]
    row(f"statsmodels, as simulated ({len(few)} draws)", *timed(by_statsmodels, few))
    print(f"\n200 units of 400 days, 40 treated, {panels} draws\n  {'':44s}{head}")
    for name, options in PANELS.items():
        drawn = [simulate(Scenario(**PANEL, **options), seed=seed) for seed in range(panels)]
        found, spent = timed(of_panel, drawn)
        row(f"{name}: structural, average", [average for average, _ in found], spent)
        row(f"{name}: structural, each unit", [units for _, units in found], spent)
        if name in ("alike", "selected"):
            found, spent = timed(plainly, drawn)
            row(f"{name}: four factors, no season, each unit", [units for _, units in found], spent)
            some = drawn[: max(5, panels // 3)]
            row(f"{name}: event study ({len(some)} draws)", *timed(lambda one: alike(one, event_study), some))
            row(f"{name}: synthetic DiD ({len(some)} draws)", *timed(lambda one: alike(one, synthetic_did), some))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
