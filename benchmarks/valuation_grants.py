"""What it costs to value a million different grants, beside the pricing library a user would take.

Run from the project folder, with the Python of an environment that holds QuantLib and numpy as argument::

    python benchmarks/valuation_grants.py                        # ours alone
    python benchmarks/valuation_grants.py /some/env/bin/python   # beside QuantLib's blackFormula, grant by grant

Every grant has its own price, strike, term, rate and volatility, drawn with a fixed seed (simulated). Each run is a
fresh process, the two take turns, and what is shown is the median of the runs and the best of them: seconds of
processor time after imports and data, without a first call, and the peak of memory above both. The multiple is the
median over turns, because two runs side by side meet the same load of the machine. QuantLib is given its best case:
forwards, deviations and discounts computed by numpy beforehand for all grants and handed over as lists, that time
included. Both must agree in the sum of all values.

Where our time goes: three fifths are two calls of scipy's ndtr. A rational function of our own in its place (relative
error 1e-14 over the whole tail) saved 4 to 9 %, so it is not there. Chunks of 8,192 to 32,768 elements cost the same
within 2 %.

What it cannot say: what QuantLib's engines cost, which do more (dates, calendars) and take thirty times as long.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

GRANTS, REPEATS, TARGET, MOST_MEMORY = 1_000_000, 11, 10.0, 20.0
Arrays = tuple[np.ndarray, ...]


def drawn() -> Arrays:
    """Spot, strike, term, rate and volatility of each grant."""
    rng = np.random.default_rng(0)
    ranges = ((5, 50), (1, 40), (0.25, 10), (0.0, 0.06), (0.2, 0.9))
    return tuple(rng.uniform(low, high, GRANTS) for low, high in ranges)


def ours() -> Callable[[Arrays], float]:
    from helpers.valuation import black_scholes

    def total(grants: Arrays) -> float:
        spot, strike, term, rate, volatility = grants
        return float(black_scholes.price(spot, strike, term, rate=rate, volatility=volatility).sum())

    return total


def quantlib() -> Callable[[Arrays], float]:
    import QuantLib

    def total(grants: Arrays) -> float:
        spot, strike, term, rate, volatility = grants
        forwards, deviations = (spot * np.exp(rate * term)).tolist(), (volatility * np.sqrt(term)).tolist()
        discounts, formula, call = np.exp(-rate * term).tolist(), QuantLib.blackFormula, QuantLib.Option.Call
        each = zip(strike.tolist(), forwards, deviations, discounts, strict=True)
        return float(np.sum([formula(call, k, f, s, d) for k, f, s, d in each]))

    return total


METHODS = {"helpers.valuation.black_scholes": ours, "QuantLib.blackFormula": quantlib}


def once(name: str) -> None:
    """Print one run of one method as JSON."""
    method = METHODS[name]()
    grants = drawn()
    method(tuple(x[:1000] for x in grants))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    total = method(grants)
    spent = time.process_time() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"seconds": spent, "megabytes": peak, "total": total}))


def compare(pythons: dict[str, str]) -> None:
    """Print medians of the methods in turn, and the contender as a multiple of ours."""
    runs: dict[str, list[dict]] = {name: [] for name in pythons}
    for _ in range(REPEATS):
        for name, python in pythons.items():
            said = subprocess.run([python, __file__, "--once", name], check=True, capture_output=True, text=True)
            runs[name].append(json.loads(said.stdout))
    own = [run["seconds"] for run in runs["helpers.valuation.black_scholes"]]
    for name, found in runs.items():
        seconds = [run["seconds"] for run in found]
        ratios = [theirs / ours for theirs, ours in zip(seconds, own, strict=True)]
        print(
            f"{name:32s}{median(seconds):7.3f} s CPU (best {min(seconds):.3f}) {median(ratios):6.1f}x "
            f"(best {min(seconds) / min(own):.1f}x) {max(run['megabytes'] for run in found):7.1f} MB   "
            f"total {found[0]['total']:.6f}"
        )
    print(f"target: QuantLib {TARGET:.0f}x or more, ours under {MOST_MEMORY:.0f} MB, for {GRANTS:,} grants")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once(sys.argv[2])
    else:
        names = list(METHODS)
        compare(dict(zip(names, [sys.executable, *sys.argv[1:2]], strict=False)))
