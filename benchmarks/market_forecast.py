"""How often forecast bands hold, how far off they are, and what a backtest of 30 series costs.

Run from the project folder::

    python benchmarks/market_forecast.py

Prints, by kind of series and horizon: forecasts, coverage of the 90 % band, its median width (upper over lower end,
less 1),
median error, and beside them the last value carried on and the usual recipe, a Bass model by least squares with a
residual bootstrap (durables only). Every series is judged by the others and by its own years before each origin.
Then the CPU seconds of a full backtest, bands and all, of 30 simulated series of 10 years.

What it cannot say: how bands hold for markets unlike these. The ledger has few series, most of survivors.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from helpers import audit, datasets, ledger
from helpers.errors import NotEstimableError
from helpers.market import POOL_EVENTS, POOL_METRICS, Analogue, fit_bass, prior_of, rolling, yearly_series
from helpers.market.series import after_launch

LEVEL, BOOTSTRAPS = 0.9, 200


def durables() -> dict[str, np.ndarray]:
    return {name: rows["adoptions"].to_numpy(float) for name, rows in datasets.adoptions().groupby("product")}


def markets() -> dict[str, np.ndarray]:
    book, known = ledger.load(), ledger.facts()
    doubts = audit.audit(known, **book.rules).doubts
    table = ledger.preferred(entity=list(book.entities.index), metric=list(POOL_METRICS), doubts=doubts).table
    found = yearly_series(table, home=book.entities["reporting_currency"].to_dict(), events=POOL_EVENTS)
    return {
        name: after_launch(rows)["value"].to_numpy() for name, rows in found.items() if len(after_launch(rows)) >= 5
    }


def records() -> pd.DataFrame:
    """Rolling forecasts of all series."""
    guides = [
        Analogue(product=r.product, p=r.p, q=r.q, estimator=r.estimator) for r in datasets.analogues().itertuples()
    ]
    rows = [rolling.backtest(v, kind="level", name=n) for n, v in markets().items()]
    rows += [
        rolling.backtest(v, kind="increments", name=n, prior=prior_of(guides, without=n)) for n, v in durables().items()
    ]
    return pd.concat(rows, ignore_index=True)


def usual_recipe() -> pd.DataFrame:
    """Bass by least squares on the increments, residual bootstrap, 90 % interval, from the same origins."""
    rng, rows = np.random.default_rng(1), []
    for values in durables().values():
        for known in range(rolling.FIRST, len(values)):
            try:
                fit = fit_bass(values[:known])
            except NotEstimableError:
                continue
            left, drawn = values[:known] - fit.fitted, []
            for _ in range(BOOTSTRAPS):
                again = np.maximum(fit.fitted + rng.choice(left, known), 1e-3 * values[:known].min())
                try:
                    drawn.append(fit_bass(again).forecast(3))
                except NotEstimableError:
                    continue
            low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
            for h, actual in enumerate(values[known : known + 3]):
                rows.append((h + 1, low[h] <= actual <= high[h], abs(fit.forecast(3)[h] / actual - 1)))
    table = pd.DataFrame(rows, columns=["horizon", "is_covered", "error"])
    return table.groupby("horizon").agg(
        n=("is_covered", "size"), coverage=("is_covered", "mean"), error=("error", "median")
    )


def thirty() -> tuple[float, int]:
    """CPU seconds and forecasts of a backtest of 30 simulated series."""
    rows = []
    start = time.process_time()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        values = np.exp(np.cumsum(0.35 * 0.8 ** np.arange(10) + rng.normal(0, 0.04, 10)))
        rows.append(rolling.backtest(values, kind="level", name=f"simulated {seed}"))
    past = pd.concat(rows, ignore_index=True)
    judged = pd.concat([rolling.judged(past, name, LEVEL) for name in past["name"].unique()])
    return time.process_time() - start, len(judged)


def main() -> None:
    past = records()
    judged = pd.concat([rolling.judged(past, name, LEVEL) for name in past["name"].unique()])
    for kind, rows in judged.groupby("kind"):
        print(f"{kind}: {rows['name'].nunique()} series")
        print(rolling.coverage(rows).round(3).to_string(index=False))
    print(f"usual recipe on the durables\n{usual_recipe().round(3).to_string()}")
    spent, count = thirty()
    print(f"30 simulated series: {spent:.1f} s CPU for {count} judged forecasts (target: 20 s)")


if __name__ == "__main__":
    main()
