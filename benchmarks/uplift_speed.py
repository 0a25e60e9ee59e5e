"""How fast the uplift of many units is, in CPU seconds, beside what a user would pick instead.

Run from the project folder, single-threaded so that CPU seconds mean the same for all::

    OMP_NUM_THREADS=1 python benchmarks/uplift_speed.py            # up to 5,000 units
    OMP_NUM_THREADS=1 python benchmarks/uplift_speed.py 100000     # one more size

All data are simulated. Each line is measured in a fresh process after one small warm-up; memory is the peak above
what the imports took. The league gives every unit (controls included) a counterfactual, intervals by phase, and
ten placebo windows; statsmodels' structural model gives one unit an interval of the total by simulation and
is measured on four units; the event study gives one average. What it cannot say: how a cluster would do.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.uplift import event_study, league, panel, structural
from helpers.uplift.simulate import WIDTH, Scenario, Simulation, simulate

SIZES = [200, 5_000]
DAYS = 400


def drawn(units: int) -> Simulation:
    """A simulated panel; beyond 5,000 units the same ones again, so that drawing takes no more memory than the data."""
    some = min(units, SIZES[-1])
    one = simulate(Scenario(units=some, treated=max(1, some // 5), days=DAYS), seed=1)
    if units == some:
        return one
    names = pd.Index([f"{unit}~{copy}" for copy in range(units // some) for unit in one.panel.units], dtype=object)
    part = set(one.treated)
    data = replace(one.panel, values=np.tile(one.panel.values, (units // some, 1)), units=names)
    return replace(one, panel=data, treated=[unit for unit in names if unit.split("~")[0] in part])


def by_league(one: Simulation) -> int:
    return len(league(one.panel, event=one.window, treated=one.treated).table)


def by_table(one: Simulation) -> int:
    """The same from a tidy table of one row per unit and day."""
    names = pd.Categorical.from_codes(np.repeat(np.arange(len(one.panel.units)), DAYS), one.panel.units)
    tidy = pd.DataFrame(
        {"unit": names, "date": np.tile(one.panel.dates, len(one.panel.units)), "value": one.panel.values.ravel()}
    )
    return len(league(panel(tidy), event=one.window, treated=one.treated).table)


def by_event_study(one: Simulation) -> int:
    event_study(one.panel, event=one.window, treated=one.treated)
    return 1


def by_statsmodels(one: Simulation, count: int = 4) -> int:
    """A structural model in logs per unit, as a user would loop it: the mean of the controls as regressor."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    logs = np.log(one.panel.values)
    start = len(one.panel.dates) - WIDTH
    weekday = np.eye(7)[one.panel.dates.day_of_week][:, :6]
    exog = np.column_stack([logs[one.panel.rows(one.controls)].mean(0), weekday, np.arange(len(one.panel.dates))])
    for unit in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = UnobservedComponents(
                logs[unit, :start], level="fixed intercept", exog=exog[:start], autoregressive=1
            ).fit(disp=False, maxiter=200)
            fit.simulate(WIDTH, anchor="end", repetitions=400, exog=exog[start:], rng=0)
    return count


WAYS: dict[str, Callable[[Simulation], int]] = {
    "league, from a panel": by_league,
    "league, from a tidy table": by_table,
    "event study (one average)": by_event_study,
    "statsmodels, unit by unit": by_statsmodels,
}


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure(way: str, units: int) -> None:
    """Print CPU seconds, units answered and MB above import and data; for a process of its own."""
    WAYS[way](drawn(60))
    one, repeats = drawn(units), 3 if units <= 5_000 and "statsmodels" not in way else 1
    before, spent = memory(), []
    for _ in range(repeats):
        start = time.process_time()
        count = WAYS[way](one)
        spent.append(time.process_time() - start)
    print(json.dumps([min(spent), count, memory() - before]))


def in_a_child(way: str, units: int) -> list[float]:
    command = [sys.executable, __file__, "--measure", way, str(units)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def one_series() -> None:
    one, spent = simulate(Scenario(), seed=1), []
    for _ in range(25):
        start = time.process_time()
        structural(one.panel, event=one.window, treated=one.treated[0])
        spent.append(time.process_time() - start)
    middle = 1000 * np.median(spent)
    print(f"one series of 730 days, 5 controls, placebo windows included: {middle:.1f} ms CPU (median of 25)")


def main(sizes: list[int]) -> None:
    one_series()
    print(f"\n{'units':>8s}  {'way':28s}{'CPU s':>9s}{'us/unit':>10s}{'MB':>7s}{'times the league':>18s}")
    for units in sizes:
        ours = None
        for way in WAYS if units <= 5_000 else list(WAYS)[:1]:
            seconds, count, megabytes = in_a_child(way, units)
            each = 1e6 * seconds / count
            ours = ours or each
            ratio = f"{each / ours:,.0f} a unit" if "statsmodels" in way else f"{seconds * 1e6 / (ours * units):.2f}"
            print(f"{units:8,d}  {way:28s}{seconds:9.2f}{each:10,.0f}{megabytes:7.0f}{ratio:>18s}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main([*SIZES, *map(int, sys.argv[1:])])
