"""The range of a valuation when its drivers are uncertain and go together: draws of the whole cash flow model.

Every draw is a company of its own, valued by the same arithmetic as `helpers.valuation.dcf`; drivers are correlated
through a Gaussian copula (`helpers.draws`). A draw whose drivers cannot be (growth for ever at or above the discount
rate, a margin above 1) has no value: it is counted, said and left out, never moved back to the border.

What it cannot do: know how wrong the model is. The range is that of the drivers named here, so it is a lower
bound of what is not known; a driver left at one number counts as certain. All draws are simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.draws import BIN_SIZE, Distribution, Inputs, draw, narrowing, swings
from helpers.errors import NotEstimableError, ParameterError, UnknownNameError
from helpers.units import in_words
from helpers.valuation.dcf import CHUNK, NUMBERS, Drivers, check_kind, limits, parameters, worth

PROBABILITIES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
KEPT = 65_536
"""Draws kept with their inputs, for charts and for what each input would narrow."""

MOST_REFUSED = 0.01
"""Above this share of draws without a value the quantiles are those of a distribution that was cut."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulationResult:
    """A distribution of value; money in `currency`, simulated.

    Attributes
    ----------
    currency, kind : str
        Kind: enterprise, equity (all holders, options included) or per_share.
    table : DataFrame
        Quantiles: probability, value.
    mean, median, sd : float
        Of the draws that have a value.
    low, high : float
        10 % and 90 % quantile.
    mean_se : float
        Monte Carlo error of the mean, sd / sqrt(n); Sobol draws are nearer than that.
    share_below_price : float
        Of the draws with a value, those below `price`; NaN without a price.
    narrowing : DataFrame
        By driver, the most telling first: see `helpers.draws.narrowing`; empty with fewer than 800 draws kept.
    swings : DataFrame
        By driver, the largest first: the value with it at its 10 % and 90 % quantiles, the others at their medians;
        see `helpers.draws.swings`.
    sample : DataFrame
        The first draws, up to 65,536: a column for each uncertain driver, and value (NaN where refused).
    refused : DataFrame
        rule, draws, share: why draws had no value; a draw may break several rules.
    draws, valued : int
        Asked for, and those with a value.
    text : str
    checks : tuple of Check
        ``refused``, ``loss``, ``monte_carlo_error``.
    fact_ids : tuple of str
    """

    currency: str
    kind: str
    table: pd.DataFrame
    mean: float
    median: float
    sd: float
    low: float
    high: float
    mean_se: float
    share_below_price: float
    narrowing: pd.DataFrame
    swings: pd.DataFrame
    sample: pd.DataFrame
    refused: pd.DataFrame
    draws: int
    valued: int
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def simulate(
    drivers: Drivers,
    uncertain: Mapping[str, Distribution],
    *,
    seed: int,
    correlations: Mapping[tuple[str, str], float] | None = None,
    draws: int = 131_072,
    kind: str = "enterprise",
    price: float | None = None,
    method: str = "sobol",
) -> SimulationResult:
    """Distribution of the value over draws of the uncertain drivers.

    Parameters
    ----------
    drivers : Drivers
        Holds where nothing else is said. A field left empty follows its leader in every draw.
    uncertain : mapping of str to Distribution
        By driver, one of `dcf.NUMBERS` (those of the bridge among them).
    seed : int
    correlations : mapping of (str, str) to float, optional
        Of pairs of drivers: see `helpers.draws.Inputs`.
    draws : int, default 131,072
    kind : {"enterprise", "equity", "per_share"}
    price : float, optional
        What is asked or paid, of the same kind, for the share of draws below it.
    method : {"sobol", "random"}

    Returns
    -------
    SimulationResult

    Raises
    ------
    UnknownNameError
        A driver, kind or method that is none.
    ParameterError
        No uncertain driver, correlations that contradict each other, a value per share without shares.
    NotEstimableError
        Fewer than half of the draws have a value.
    """
    inputs = _inputs(drivers, uncertain, correlations or {}, kind, price)
    parts = draw(inputs, draws=draws, seed=seed, method=method, chunk=CHUNK)
    model, values, kept, at = _Model(drivers, kind), np.empty(draws), [], 0
    for drawn in parts:
        found = model.values(drawn)
        values[at : at + len(found)] = found
        if at < KEPT:
            kept.append(pd.DataFrame(drawn | {"value": found}))
        at += len(found)
    sample = pd.concat(kept, ignore_index=True).head(KEPT)
    tables = {"narrowing": _narrowed(sample), "swings": swings(_Model(drivers, kind).single, inputs), "sample": sample}
    return _result(drivers, kind, price, values, tables, model.broken)


def _inputs(
    drivers: Drivers,
    uncertain: Mapping[str, Distribution],
    correlations: Mapping[tuple[str, str], float],
    kind: str,
    price: float | None,
) -> Inputs:
    for name in uncertain:
        if name not in NUMBERS:
            raise UnknownNameError("driver", name, list(NUMBERS))
    check_kind(drivers, kind)
    if price is not None and not price > 0:
        raise ParameterError(f"price must be above 0, got {price}")
    if "exit_multiple" in uncertain and not drivers.shape.exit_basis:
        raise ParameterError("exit_multiple is uncertain but the drivers end in a perpetuity: give them one too")
    inputs = Inputs(distributions=uncertain, correlations=correlations)
    if not inputs.uncertain:
        raise ParameterError("every driver is a known number: a simulation needs one that is uncertain")
    return inputs


class _Model:
    """Values of draws, and how many broke which rule."""

    def __init__(self, drivers: Drivers, kind: str) -> None:
        self.drivers, self.kind = drivers, kind
        self.broken: dict[str, int] = {}

    def values(self, drawn: Mapping[str, float | np.ndarray]) -> np.ndarray:
        """One value per draw; NaN where the drivers cannot be."""
        size = max(np.size(value) for value in drawn.values())
        bad = np.zeros(size, bool)
        drawn = {name: self.within(name, value, bad) for name, value in drawn.items()}
        p = parameters(self.drivers, drawn)
        if not self.drivers.shape.exit_basis:
            self.for_ever(p, bad)
        value = np.broadcast_to(worth(p, self.drivers, self.kind), size)
        return np.where(bad, np.nan, value) if bad.any() else value

    def single(self, drawn: Mapping[str, float]) -> float:
        """Value with one number for each uncertain driver."""
        return float(self.values(drawn)[0])

    def within(self, name: str, value: float | np.ndarray, bad: np.ndarray) -> float | np.ndarray:
        """Draws out of a driver's limits are marked and stand aside at the nearest limit, so that none overflows."""
        low, high = limits(name, years=self.drivers.years)
        if np.min(value) >= low and np.max(value) <= high:
            return value
        self.count(f"{name} out of its bounds", (value < low) | (value > high), bad)
        return np.clip(value, low, high)

    def for_ever(self, p: Mapping[str, float | np.ndarray], bad: np.ndarray) -> None:
        growth, rate, roic = p["terminal_growth"], p["terminal_discount_rate"], p["terminal_roic"]
        self.count("terminal_growth not below terminal_discount_rate", growth >= rate, bad)
        if roic is not rate:
            self.count("terminal_roic below terminal_growth", (roic < growth) & (growth > 0), bad)

    def count(self, rule: str, broken: bool | np.ndarray, bad: np.ndarray) -> None:
        if np.any(broken):
            self.broken[rule] = self.broken.get(rule, 0) + int(np.sum(np.broadcast_to(broken, bad.shape)))
            bad |= broken


def _result(
    drivers: Drivers,
    kind: str,
    price: float | None,
    values: np.ndarray,
    tables: dict[str, pd.DataFrame],
    broken: dict[str, int],
) -> SimulationResult:
    valued = values[np.isfinite(values)] if broken else values
    if 2 * len(valued) < len(values):
        raise NotEstimableError(
            f"the {kind} value",
            f"{len(values) - len(valued):,} of {len(values):,} draws have none ({', '.join(broken)})",
            "narrower distributions of these drivers",
        )
    points = np.quantile(valued, PROBABILITIES)
    found = {
        "mean": float(valued.mean()), "median": float(points[PROBABILITIES.index(0.5)]), "sd": float(valued.std()),
        "low": float(points[PROBABILITIES.index(0.1)]), "high": float(points[PROBABILITIES.index(0.9)]),
        "share_below_price": np.nan if price is None else float(np.count_nonzero(valued < price) / len(valued)),
    }  # fmt: skip
    found["mean_se"] = found["sd"] / np.sqrt(len(valued))
    refused = pd.DataFrame({"rule": list(broken), "draws": list(broken.values())}, columns=["rule", "draws"]).assign(
        share=lambda table: table["draws"].astype(float) / len(values)
    )
    return SimulationResult(
        currency=drivers.currency, kind=kind, table=pd.DataFrame({"probability": PROBABILITIES, "value": points}),
        **found, **tables, refused=refused, draws=len(values), valued=len(valued),
        text=_text(drivers, kind, price, found, len(values)), checks=_checks(valued, len(values), found, refused),
        fact_ids=drivers.fact_ids,
    )  # fmt: skip


def _narrowed(sample: pd.DataFrame) -> pd.DataFrame:
    known = sample.dropna()
    if len(known) < 4 * BIN_SIZE or known["value"].max() == known["value"].min():
        return pd.DataFrame(columns=["input", "width", "expected_width", "narrowing", "variance_share", "bins"])
    return narrowing({name: known[name].to_numpy() for name in known.columns[:-1]}, known["value"].to_numpy())


def _text(drivers: Drivers, kind: str, price: float | None, found: Mapping[str, float], draws: int) -> str:
    def money(amount: float) -> str:
        return f"{in_words(amount)} {drivers.currency}" + (" a share" if kind == "per_share" else "")

    what = {"enterprise": "an enterprise value", "equity": "an equity value", "per_share": "a value"}[kind]
    text = (
        f"{draws:,} simulated draws give {what} of {money(found['median'])} in the middle, "
        f"{money(found['low'])} to {money(found['high'])} in 80 % of them"
    )
    below = found["share_below_price"]
    return text + ("." if price is None else f"; {100 * below:.0f} % lie below the price of {money(price)}.")


def _checks(valued: np.ndarray, draws: int, found: Mapping[str, float], refused: pd.DataFrame) -> tuple[Check, ...]:
    left_out, lost = 1 - len(valued) / draws, float(np.count_nonzero(valued < 0) / len(valued))
    why = "; ".join(f"{row.rule}: {row.draws:,}" for row in refused.itertuples())
    said = f"{draws - len(valued):,} of {draws:,} draws have no value and are left out ({why})"
    error = found["mean_se"] / abs(found["mean"]) if found["mean"] else np.nan
    return (
        Check(name="refused", passed=left_out <= MOST_REFUSED, value=left_out, threshold=MOST_REFUSED,
              text=said if why else "every draw has a value"),
        Check(name="loss", passed=None, value=lost, text=f"{100 * lost:.1f} % of the draws are below 0"),
        Check(name="monte_carlo_error", passed=bool(error <= 0.01), value=float(error), threshold=0.01,
              text=f"the mean is known to {100 * error:.2g} % (independent draws; Sobol ones are nearer)"),
    )  # fmt: skip
