"""How fast simulated cash flow valuations, reverse grids and joint draws are, beside the tools a user would take.

Run from the project folder::

    python benchmarks/valuation_dcf.py                          # ours; peers where this Python has them
    python benchmarks/valuation_dcf.py PYTHON_OF_THE_PEERS      # and peers in an environment of their own

The peers are not dependencies: install financetoolkit, squigglepy and openturns by hand into another environment
and name its Python. Each row is a fresh process: CPU seconds (user and system, threads count) of the task after
imports and a small warm-up, the lowest of five; memory is the peak above that after the imports.

`dcf` values 1,000,000 draws x 10 years. Ours: growth that fades, a margin that ramps up, tax that fades, reinvestment
by sales to capital, four correlated drivers, and the table of what each driver would narrow. FinanceToolkit's
get_monte_carlo_intrinsic_value: one growth rate on one cash flow, three independent normals. `draws` are 1,000,000
of 8 inputs (4 log-normal, 4 PERT) with a full correlation matrix and their product; `grid` solves the target margin
that a price needs for 200 x 200 pairs of growth and discount rate.

What it cannot say: how the tools do inside a larger program. A machine's load moves all times; ratios hold.
"""

from __future__ import annotations

from collections.abc import Callable

import processes
from processes import Task

DRAWS, YEARS, REPEATS = 1_000_000, 10, 5
TARGETS = {"dcf": "at most 0.8 of FinanceToolkit, under 60 MB", "draws": "1.1 s, under 60 MB", "grid": "1 s"}


def ours_dcf() -> Task:
    from helpers.draws import LogNormal, Normal
    from helpers.valuation.dcf import Drivers
    from helpers.valuation.simulation import simulate

    drivers = Drivers(
        currency="USD", revenue=3e9, ebit=0.3e9, growth=0.2, target_margin=0.25, sales_to_capital=2.0,
        discount_rate=0.1, terminal_growth=0.03, tax_rate=0.2, terminal_tax_rate=0.25, years=YEARS,
    )  # fmt: skip
    uncertain = {
        "growth": Normal(0.2, 0.05), "target_margin": Normal(0.25, 0.03),
        "sales_to_capital": LogNormal.from_range(1.5, 3.0), "discount_rate": Normal(0.1, 0.01),
    }  # fmt: skip
    names = list(uncertain)
    pairs = {(a, b): 0.2 for i, a in enumerate(names) for b in names[:i]}
    return lambda draws: simulate(drivers, uncertain, correlations=pairs, draws=draws, seed=1, price=10e9).mean


def financetoolkit_dcf() -> Task:
    from financetoolkit.models.intrinsic_model import get_monte_carlo_intrinsic_value

    def task(draws: int) -> float:
        values = get_monte_carlo_intrinsic_value(
            cash_flow=0.3e9, growth_rate=0.2, growth_rate_volatility=0.05, perpetual_growth_rate=0.03,
            perpetual_growth_rate_volatility=0.005, weighted_average_cost_of_capital=0.1,
            weighted_average_cost_of_capital_volatility=0.01, cash_and_cash_equivalents=0.0, total_debt=0.0,
            shares_outstanding=1e9, periods=YEARS, simulations=draws, seed=1,
        )  # fmt: skip
        return float(values.mean())

    return task


def ours_grid() -> Task:
    import numpy as np

    from helpers.valuation.dcf import Drivers
    from helpers.valuation.reverse import reverse_grid

    drivers = Drivers(
        currency="USD", revenue=5e9, ebit=-0.2e9, growth=0.2, target_margin=0.25, sales_to_capital=2.0,
        discount_rate=0.1, terminal_growth=0.03, tax_rate=0.2, loss_carried_forward=1e9,
    )  # fmt: skip

    def task(draws: int) -> float:
        side = 200 if draws == DRAWS else 5
        x, y = np.linspace(0.05, 0.5, side), np.linspace(0.07, 0.15, side)
        found = reverse_grid(drivers, price=31e9, unknown="target_margin", x="growth", x_values=x,
                             y="discount_rate", y_values=y)  # fmt: skip
        return float(found.table["needed"].mean())

    return task


def ours_draws() -> Task:
    from helpers.draws import Inputs, draw

    distributions, pairs = _eight()
    inputs = Inputs(distributions=distributions, correlations=pairs)

    def task(draws: int) -> float:
        total = 0.0
        for values in draw(inputs, draws=draws, seed=1):
            product = 1.0
            for value in values.values():
                product = product * value
            total += float(product.sum())
        return total / draws

    return task


def _eight() -> tuple[dict, dict]:
    from helpers.draws import LogNormal, Pert

    logs = {f"size {i}": LogNormal.from_range(0.5, 2.0) for i in range(4)}
    perts = {f"share {i}": Pert(0.1, 0.2 + 0.1 * i, 0.9) for i in range(4)}
    names = [*logs, *perts]
    return logs | perts, {(a, b): 0.2 for i, a in enumerate(names) for b in names[:i]}


def openturns_draws() -> Task:
    import numpy as np
    import openturns as ot

    wide = 2 * np.log(2) / (2 * 1.6448536269514722)
    margins = [ot.LogNormal(0.0, wide) for _ in range(4)]
    for i in range(4):
        part = (0.1 + 0.1 * i) / 0.8
        margins.append(ot.Beta(1 + 4 * part, 1 + 4 * (1 - part), 0.1, 0.9))
    matrix = ot.CorrelationMatrix(8)
    for i in range(8):
        for j in range(i):
            matrix[i, j] = 0.2
    joint = ot.JointDistribution(margins, ot.NormalCopula(matrix))
    return lambda draws: float(np.asarray(joint.getSample(draws)).prod(axis=1).mean())


def squigglepy_draws() -> Task:
    import numpy as np
    import squigglepy as sq

    def task(draws: int) -> float:
        given = [sq.to(0.5, 2.0) for _ in range(4)] + [sq.pert(0.1, 0.2 + 0.1 * i, 0.9) for i in range(4)]
        matrix = np.full((8, 8), 0.2) + 0.8 * np.eye(8)
        linked = sq.correlate(given, matrix)
        return float(np.prod([sq.sample(one, n=draws) for one in linked], axis=0).mean())

    return task


TASKS: dict[str, tuple[str, Callable[[], Task]]] = {
    "helpers.valuation.simulation": ("dcf", ours_dcf),
    "financetoolkit": ("dcf", financetoolkit_dcf),
    "helpers.draws": ("draws", ours_draws),
    "openturns": ("draws", openturns_draws),
    "squigglepy": ("draws", squigglepy_draws),
    "helpers.valuation.reverse": ("grid", ours_grid),
}


if __name__ == "__main__":
    processes.main(__file__, TASKS, sizes=dict.fromkeys(TARGETS, DRAWS), targets=TARGETS, repeats=REPEATS)
