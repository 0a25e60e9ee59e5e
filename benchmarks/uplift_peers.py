"""The Bayesian packages that users take, on the same simulated series: their error, coverage and cost.

They are heavy (TensorFlow, PyMC) and not among the project's libraries, so each runs in an environment of its own::

    python -m venv peer && peer/bin/pip install tfcausalimpact       # or: causalpy
    python benchmarks/uplift_peers.py tfcausalimpact peer/bin/python 4
    python benchmarks/uplift_peers.py causalpy peer/bin/python 8

The last number is how many series are drawn (`helpers.uplift.simulate`, 730 days, 5 controls); the first line is ours
on the same ones. Each peer gets logs of the series it is good at (levels for CausalImpact, as its users do), the
weekday season or dummies, the controls, and the pre-period without the dip's days. Errors are points of what the
window would have sold. What it cannot say: what an expert's tuning of either would yield.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CAUSALIMPACT = """
import json, sys, time
import pandas as pd
from causalimpact import CausalImpact

for file in sys.argv[1:]:
    data = pd.read_csv(file).drop(columns="date")
    start = len(data) - 24
    began = time.process_time()
    found = CausalImpact(data, [0, start - 1], [start, len(data) - 1], model_args={"nseasons": 7})
    spent = time.process_time() - began
    total = found.summary_data["cumulative"]
    ends = [float(total[k]) for k in ("abs_effect", "abs_effect_lower", "abs_effect_upper")]
    print(json.dumps([*ends, spent]), flush=True)
"""
CAUSALPY = """
import json, logging, sys, time
import numpy as np, pandas as pd
import causalpy as cp

logging.disable(logging.CRITICAL)
for file in sys.argv[1:]:
    data = pd.read_csv(file, index_col="date", parse_dates=True)
    size = data.iloc[:-24].mean()
    data = data / size
    data["t"] = np.linspace(0, 1, len(data))
    data["day"] = data.index.dayofweek.astype(str)
    controls = " + ".join(c for c in data if c.startswith("x"))
    began = time.process_time()
    model = cp.pymc_models.LinearRegression(sample_kwargs={"draws": 500, "chains": 2, "cores": 1, "progressbar": False})
    found = cp.InterruptedTimeSeries(data, data.index[-24], formula=f"y ~ 1 + t + C(day) + {controls}", model=model)
    spent = time.process_time() - began
    draws = found.post_impact_cumulative.isel(obs_ind=-1).values.ravel() * size["y"]
    print(json.dumps([float(draws.mean()), *map(float, np.quantile(draws, [0.025, 0.975])), spent]), flush=True)
"""
PEERS = {"tfcausalimpact": CAUSALIMPACT, "causalpy": CAUSALPY}


def main(peer: str, python: str, count: int) -> None:
    import pandas as pd
    from uplift_accuracy import of_series, points, row, timed

    from helpers.uplift.simulate import Scenario, simulate

    drawn = [simulate(Scenario(), seed=seed) for seed in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, one in enumerate(drawn):
            names = ["y", *(f"x{k}" for k in range(1, len(one.panel.units)))]
            frame = pd.DataFrame(one.panel.values.T, index=one.panel.dates, columns=names)
            files.append(str(Path(folder) / f"{number}.csv"))
            frame.to_csv(files[-1])
        done = subprocess.run([python, "-c", PEERS[peer], *files], capture_output=True, text=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    if len(found) < count:
        print(f"{peer} answered {len(found)} of {count}: {done.stderr.strip().splitlines()[-1:]}")
    print(f"  {count} simulated series{'':25s}{'bias':>9s}{'RMSE':>8s}{'covered':>9s}{'width':>8s}{'CPU ms':>10s}")
    row("structural", *timed(lambda one: of_series(one, ""), drawn))
    truths = [one.truth.iloc[0] for one in drawn]
    scores = [points(*f[:3], t["effect"], t["counterfactual"]) for f, t in zip(found, truths, strict=False)]
    if scores:
        row(peer, scores, sum(f[3] for f in found))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    else:
        print(__doc__)
