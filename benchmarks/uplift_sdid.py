"""How fast and how accurate synthetic difference-in-differences is, beside the library a user would take.

Run from the project folder::

    python benchmarks/uplift_sdid.py           # 20 simulated panels
    python benchmarks/uplift_sdid.py 60        # more

The panel is 200 units of 400 days, 40 of them treated, simulated with a known truth (`helpers.uplift.simulate`).
Time is that of one estimate with 200 placebo runs, in seconds of processor time, the number to trust on a busy machine
(threads count); best of three. The contender is diff-diff's SyntheticDiD with as many placebo runs on the same
numbers: each unit over its own mean before the window, so that every unit counts alike. It stops Frank-Wolfe at
a tolerance, ours ends at the minimum, so the estimates differ a little. Errors are in points of what the
treated would have sold without the event.

What it cannot say: how either does where the treated are unlike all controls; see benchmarks/uplift_accuracy.py.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from helpers.uplift.sdid import synthetic_did
from helpers.uplift.simulate import WIDTH, Scenario, Simulation, simulate

PANEL = Scenario(units=200, treated=40, days=400)
PLACEBOS, REPEATS, TARGET = 200, 3, 1.0
Found = tuple[float, float, float]  # relative effect, low, high


def drawn(seed: int) -> tuple[Simulation, float]:
    """A panel of shares of each unit's own past, and the true effect as a share of what would have been."""
    found = simulate(PANEL, seed=seed)
    base = found.panel.values[:, : PANEL.days - WIDTH].mean(1)
    part = found.truth["treated"].to_numpy()
    truth = (found.truth["effect"] / base)[part].sum() / (found.truth["counterfactual"] / base)[part].sum()
    return replace(found, panel=replace(found.panel, values=found.panel.values / base[:, None])), float(truth)


def ours(data: Simulation, replications: int) -> Found:
    found = synthetic_did(data.panel, event=data.window, treated=data.treated, replications=replications)
    return found.relative_effect, found.relative_low, found.relative_high


def diff_diff(data: Simulation, replications: int) -> Found:
    from diff_diff import SyntheticDiD

    units, days = data.panel.values.shape
    treated = (np.arange(units) < PANEL.treated).astype(int)
    frame = pd.DataFrame(
        {
            "y": data.panel.values.ravel(), "unit": np.repeat(np.arange(units), days),
            "day": np.tile(np.arange(days), units), "treated": np.repeat(treated, days),
        }
    )  # fmt: skip
    window = list(range(days - WIDTH, days))
    model = SyntheticDiD(variance_method="placebo", n_bootstrap=replications, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit(frame, outcome="y", treatment="treated", unit="unit", time="day", post_periods=window)
    seen = data.panel.values[: PANEL.treated, -WIDTH:].mean()
    ends = found.att, found.att - 1.96 * found.se, found.att + 1.96 * found.se
    return tuple(float(x / (seen - x)) for x in ends)


METHODS: dict[str, Callable[[Simulation, int], Found]] = {"helpers.uplift.sdid": ours, "diff-diff": diff_diff}


def speed() -> None:
    """Print CPU seconds of one estimate, and the contender as a multiple of ours."""
    data, _ = drawn(0)
    best = {}
    for name, method in METHODS.items():
        method(data, 2)  # what Python and its packages do once per process is not the question
        spent = []
        for _ in range(REPEATS):
            before = time.process_time()
            found = method(data, PLACEBOS)
            spent.append(time.process_time() - before)
        best[name] = min(spent)
        print(
            f"{name:22s}{best[name]:7.2f} s CPU {best[name] / best['helpers.uplift.sdid']:6.1f}x   effect "
            f"{100 * found[0]:.3f} %, interval {100 * found[1]:.2f} to {100 * found[2]:.2f}"
        )
    print(f"target {TARGET:.1f} s for {PLACEBOS} placebo runs on {PANEL.units} units x {PANEL.days} days")


def accuracy(panels: int) -> None:
    """Print bias, root mean squared error and coverage of ours."""
    rows = []
    for seed in range(panels):
        data, truth = drawn(seed)
        rows.append(100 * (np.array(ours(data, PLACEBOS)) - truth))
    error, low, high = np.array(rows).T
    held = 100 * np.mean((low <= 0) & (high >= 0))
    print(
        f"\n{panels} panels: bias {error.mean():+.2f}, RMSE {np.sqrt(np.mean(error**2)):.2f} points (target 0.61), "
        f"95 % intervals hold the truth in {held:.0f} %, width {np.mean(high - low):.2f}"
    )


if __name__ == "__main__":
    speed()
    accuracy(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
