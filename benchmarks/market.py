"""How fast a market is sized, beside the tools a user would take.

Run from the project folder::

    python benchmarks/market.py                          # ours; peers where this Python has them
    python benchmarks/market.py PYTHON_OF_THE_PEERS      # and peers in an environment of their own

The peers are not dependencies: install openturns, chaospy, squigglepy and SALib by hand into another environment
and name its Python. Each row is a fresh process: CPU seconds (user and system, threads count) of the task after
imports and a small warm-up, the lowest of five; memory is the peak above that after the imports.

`draws`: 1,000,000 draws of 8 inputs (4 log-normal, 4 PERT) with a full correlation matrix, and their product; ours
through
the sizing graph with its checks, range and mean. `many`: the same with 10,000,000 draws, ours only, once. `sobol`:
first
and total indices with 100 resamples, base 2^14, of a product of 8 log-normals, ten seeds in a row; its closed form
gives the worst error of an index, and the answer is the mean of that over the seeds. `shapley`: effects of the 8
correlated inputs.

What it cannot say: how the tools do inside a larger program. A machine's load moves all times; ratios hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import processes
from processes import Task

REPEATS = 5
SIZES = {"draws": 1_000_000, "many": 10_000_000, "sobol": 2**14, "shapley": 2**11}
TARGETS = {
    "draws": "a sixth of each peer, under 60 MB",
    "many": "under 500 MB",
    "sobol": "a tenth of SALib, errors no larger",
}
SIGMAS = [0.05 * (i + 1) for i in range(8)]
SEEDS = 10


def ours_draws() -> Task:
    from helpers.draws import LogNormal, Pert
    from helpers.market import Driver, Graph, simulate

    inputs = {f"size_{i}": LogNormal.from_range(0.5, 2.0) for i in range(4)}
    inputs |= {f"part_{i}": Pert(0.1, 0.2 + 0.1 * i, 0.9) for i in range(4)}
    names = list(inputs)
    drivers = [
        Driver(name=n, unit="1", distribution=d, year=2024, region="any", definition=n, reason="benchmark")
        for n, d in inputs.items()
    ]
    pairs = {(a, b): 0.2 for i, a in enumerate(names) for b in names[:i]}
    graph = Graph(drivers, {"size": " * ".join(names)}, correlations=pairs)
    return lambda draws: float(simulate(graph, draws=draws, seed=1).table["mean"].iloc[0])


def openturns_draws() -> Task:
    import numpy as np
    import openturns as ot

    margins = [ot.LogNormal(0.0, math.log(2) / 1.6448536269514722) for _ in range(4)]
    for i in range(4):
        part = (0.1 + 0.1 * i) / 0.8
        margins.append(ot.Beta(1 + 4 * part, 1 + 4 * (1 - part), 0.1, 0.9))
    matrix = ot.CorrelationMatrix(8)
    for i in range(8):
        for j in range(i):
            matrix[i, j] = 0.2
    joint = ot.JointDistribution(margins, ot.NormalCopula(matrix))
    return lambda draws: float(np.asarray(joint.getSample(draws)).prod(axis=1).mean())


def chaospy_draws() -> Task:
    import chaospy as cp
    import numpy as np

    margins = [cp.LogNormal(0, math.log(2) / 1.6448536269514722) for _ in range(4)]
    for i in range(4):  # chaospy's own PERT(0.1, 0.2, 0.9) has the mean 0.367 instead of 0.3
        part = (0.1 + 0.1 * i) / 0.8
        margins.append(cp.Beta(1 + 4 * part, 1 + 4 * (1 - part), 0.1, 0.9))
    matrix = np.full((8, 8), 0.2) + 0.8 * np.eye(8)
    joint = cp.Nataf(cp.J(*margins), matrix)
    return lambda draws: float(joint.sample(draws, seed=1).prod(axis=0).mean())


def squigglepy_draws() -> Task:
    import numpy as np
    import squigglepy as sq

    def task(draws: int) -> float:
        given = [sq.to(0.5, 2.0) for _ in range(4)] + [sq.pert(0.1, 0.2 + 0.1 * i, 0.9) for i in range(4)]
        linked = sq.correlate(given, np.full((8, 8), 0.2) + 0.8 * np.eye(8))
        return float(np.prod([sq.sample(one, n=draws) for one in linked], axis=0).mean())

    return task


def _worst(first: list[float], total: list[float]) -> float:
    """Largest error of both indices against the closed form of a product of log-normals."""
    whole = sum(s * s for s in SIGMAS)
    alone = [math.expm1(s * s) / math.expm1(whole) for s in SIGMAS]
    least = [(math.exp(whole) - math.exp(whole - s * s)) / math.expm1(whole) for s in SIGMAS]
    return max(abs(a - b) for a, b in zip([*first, *total], [*alone, *least], strict=True))


def ours_sobol() -> Task:
    import numpy as np

    from helpers.draws import Inputs, LogNormal, sobol_indices

    inputs = Inputs(distributions={f"x{i}": LogNormal(mu=0, sigma=s) for i, s in enumerate(SIGMAS)})

    def worst(base: int, seed: int) -> float:
        found = sobol_indices(lambda v: np.exp(sum(np.log(x) for x in v.values())), inputs, base=base, seed=seed)
        table = found.table.set_index("input").reindex([f"x{i}" for i in range(8)])
        return _worst(table["first"].tolist(), table["total"].tolist())

    def task(base: int) -> float:
        return sum(worst(base, seed) for seed in range(1, SEEDS + 1)) / SEEDS

    return task


def salib_sobol() -> Task:
    import numpy as np
    from SALib.analyze import sobol as analyze
    from SALib.sample import sobol as sample

    problem = {"num_vars": 8, "names": [f"x{i}" for i in range(8)], "dists": ["lognorm"] * 8,
               "bounds": [[0.0, s] for s in SIGMAS]}  # fmt: skip

    def worst(base: int, seed: int) -> float:
        points = sample.sample(problem, base, calc_second_order=False, seed=seed)
        made = np.exp(np.log(points).sum(axis=1))
        found = analyze.analyze(problem, made, calc_second_order=False, num_resamples=100, seed=seed)
        return _worst(list(found["S1"]), list(found["ST"]))

    def task(base: int) -> float:
        return sum(worst(base, seed) for seed in range(1, SEEDS + 1)) / SEEDS

    return task


def ours_shapley() -> Task:
    import numpy as np

    from helpers.draws import Inputs, LogNormal, shapley_effects

    names = [f"x{i}" for i in range(8)]
    inputs = Inputs(
        distributions={n: LogNormal(mu=0, sigma=s) for n, s in zip(names, SIGMAS, strict=True)},
        correlations={(a, b): 0.2 for i, a in enumerate(names) for b in names[:i]},
    )
    return lambda base: float(
        shapley_effects(lambda v: np.exp(sum(np.log(x) for x in v.values())), inputs, base=base)
        .table["effect"].max()
    )  # fmt: skip


TASKS: dict[str, tuple[str, Callable[[], Task]]] = {
    "helpers.market": ("draws", ours_draws),
    "openturns": ("draws", openturns_draws),
    "chaospy": ("draws", chaospy_draws),
    "squigglepy": ("draws", squigglepy_draws),
    "helpers.market, 1e7": ("many", ours_draws),
    "helpers.draws.sobol": ("sobol", ours_sobol),
    "SALib": ("sobol", salib_sobol),
    "helpers.draws.shapley": ("shapley", ours_shapley),
}


if __name__ == "__main__":
    processes.main(__file__, TASKS, sizes=SIZES, targets=TARGETS, repeats=REPEATS, once={"many"})
