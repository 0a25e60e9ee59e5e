"""One driver solved for a price, and the drivers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import NotEstimableError, ParameterError, UnknownNameError
from helpers.units import in_words
from helpers.valuation.dcf import Drivers, limits
from helpers.valuation.reverse.roots import Target, find_roots

UNKNOWNS: dict[str, tuple[float, float]] = {
    "growth": (-0.5, 1.0),
    "target_margin": (-0.5, 0.8),
    "exit_multiple": (1e-6, 200.0),
    "discount_rate": (0.001, 0.6),
    "growth_years": (0.0, 49.0),
}
"""What can be solved for, and where it is looked for unless bounds are given; never beyond a driver's own limits."""

STEPS = 400
NEAREST = 1e-4
"""How near the discount rate comes to growth for ever, where a perpetuity's value has no end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReverseResult:
    """One driver solved for a price.

    Attributes
    ----------
    unknown : str
    value : float
        The root; NaN where there are several, which `roots` and `table` have all.
    roots : tuple of float
        Every value within the bounds at which the model gives the price, ascending.
    base : float
        The driver as it was; NaN where the drivers have none.
    low, high : float
        Bounds that were searched.
    reach_low, reach_high : float
        Lowest and highest value of the company within them, money of the price's kind.
    table : DataFrame
        One row per root: unknown, root, base, change (root less base), value (of the company there).
    text : str
    checks : tuple of Check
        ``one_root``, ``fit`` (largest relative gap between value and price).
    fact_ids : tuple of str
    """

    unknown: str
    value: float
    roots: tuple[float, ...]
    base: float
    low: float
    high: float
    reach_low: float
    reach_high: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def reverse_dcf(
    drivers: Drivers,
    *,
    price: float,
    unknown: str,
    kind: str = "enterprise",
    bounds: tuple[float, float] | None = None,
    fact_ids: Sequence[str] = (),
) -> ReverseResult:
    """The value of one driver at which the model's value is the price.

    Parameters
    ----------
    drivers : Drivers
        All others stay as they are.
    price : float
        Money in the drivers' currency, above 0.
    unknown : str
        One of `UNKNOWNS`. An exit multiple replaces the perpetuity; it is one of `Drivers.exit_basis`.
    kind : {"enterprise", "equity", "per_share"}
        What the price is a price of.
    bounds : (float, float), optional
        Where to look; default as in `UNKNOWNS`, years of growth up to the last but one explicit year.
    fact_ids : sequence of str
        Ledger rows behind the price.

    Returns
    -------
    ReverseResult

    Raises
    ------
    NotEstimableError
        No value within the bounds gives the price; the reachable range is named.
    UnknownNameError, ParameterError
        An unknown that is none, a price not above 0, bounds that are none.
    """
    target = Target(drivers=ending(drivers, unknown), price=price, kind=kind)
    low, high = bounds_of(target.drivers, unknown, bounds)
    found = find_roots(target, unknown, (low, high), {}, count=1, steps=STEPS)
    if not len(found.root):
        raise _out_of_reach(target, unknown, (low, high), (found.reach_low[0], found.reach_high[0]))
    base = base_of(drivers, unknown)
    table = pd.DataFrame({"unknown": unknown, "root": found.root, "base": base, "change": found.root - base})
    table["value"] = target.value({unknown: found.root})
    roots = tuple(float(root) for root in found.root)
    needs = " or ".join(say(unknown, root, drivers) for root in roots)
    before = "" if np.isnan(base) else f", against {say(unknown, base, drivers)} in these drivers"
    return ReverseResult(
        unknown=unknown, value=roots[0] if len(roots) == 1 else np.nan, roots=roots, base=base, low=low, high=high,
        reach_low=float(found.reach_low[0]), reach_high=float(found.reach_high[0]), table=table,
        text=f"{target.words} needs {needs}{before}.", checks=_checks(table, price),
        fact_ids=tuple(dict.fromkeys((*drivers.fact_ids, *fact_ids))),
    )  # fmt: skip


def ending(drivers: Drivers, unknown: str) -> Drivers:
    """The drivers with an exit multiple where one is to be solved for."""
    if unknown not in UNKNOWNS:
        raise UnknownNameError("driver to solve for", unknown, list(UNKNOWNS))
    if unknown == "exit_multiple" and drivers.exit_multiple is None:
        return replace(drivers, exit_multiple=1.0)
    return drivers


def bounds_of(drivers: Drivers, unknown: str, given: tuple[float, float] | None) -> tuple[float, float]:
    """Where to look: as given or the usual range, cut to where a driver can be and a perpetuity has a value."""
    low, high = given or UNKNOWNS[unknown]
    least, most = limits(unknown, years=drivers.years)
    if given is None:
        low, high = max(low, least), min(high, most)
    if given is None and unknown == "growth_years":
        high = min(high, float(drivers.years - 1))  # growth to the very last year fades nowhere: a jump
    if given is None and unknown == "discount_rate" and not drivers.shape.exit_basis:
        later = drivers.terminal_discount_rate
        apart = 0.0 if later is None else later - drivers.discount_rate
        low = max(low, drivers.terminal_growth - apart + NEAREST)
    if not (least <= low < high <= most):
        raise ParameterError(
            f"bounds of {unknown} must rise and lie from {least:g} to {most:g}, got {low:g} to {high:g}"
        )
    return float(low), float(high)


def base_of(drivers: Drivers, unknown: str) -> float:
    """The driver as it is; NaN where it is not given."""
    base = getattr(drivers, unknown)
    return np.nan if base is None else float(base)


def say(unknown: str, value: float, drivers: Drivers) -> str:
    """A driver's value as a sentence has it."""
    rate = _percent(value)
    years = drivers.growth_years if unknown != "growth_years" else value
    span = f"for {_years(years)}" if drivers.first_growth is None else f"in years 2 to {years:.2g}"
    return {
        "growth": f"growth of {rate} a year {span}",
        "target_margin": f"a margin of {rate} from year {drivers.margin_years:g} on",
        "exit_multiple": f"a value of {value:.3g} times {_EXITS[drivers.exit_basis]} in year {drivers.years}",
        "discount_rate": f"a discount rate of {rate}",
        "growth_years": f"{_years(years)} of growth at {_percent(drivers.growth)}",
    }[unknown]


_EXITS = {"sales": "sales", "ebitda": "EBITDA"}
_NAMES = {
    "growth": "rate of growth",
    "target_margin": "margin at maturity",
    "exit_multiple": "exit multiple",
    "discount_rate": "discount rate",
    "growth_years": "number of years of growth",
}


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %".replace("-", "−")


def _years(count: float) -> str:
    said = f"{count:.2g}"
    return f"{said} year{'' if said == '1' else 's'}"


def _between(unknown: str, low: float, high: float, drivers: Drivers) -> str:
    """A driver's bounds as a sentence has them."""
    rates = f"{_percent(low)} to {_percent(high)}"
    return {
        "growth": f"growth of {rates} a year",
        "target_margin": f"a margin at maturity of {rates}",
        "exit_multiple": f"an exit at {low if low >= 0.01 else 0:.3g} to {high:.3g} times {_EXITS[drivers.exit_basis]}",
        "discount_rate": f"a discount rate of {rates}",
        "growth_years": f"{low:.2g} to {_years(high)} of growth",
    }[unknown]


def _out_of_reach(
    target: Target, unknown: str, bounds: tuple[float, float], reach: tuple[float, float]
) -> NotEstimableError:
    money, span = target.drivers.currency, _between(unknown, *bounds, target.drivers)
    what = f"the {_NAMES[unknown]} at {target.words}"
    if np.isnan(reach[0]):
        reason = f"the model has no finite value with {span}"
        return NotEstimableError(what, reason, "a discount rate above growth for ever")
    reason = f"with {span} the company is worth {in_words(reach[0])} to {in_words(reach[1])} {money}"
    return NotEstimableError(what, reason, "wider bounds, or evidence on another driver")


def _checks(table: pd.DataFrame, price: float) -> tuple[Check, ...]:
    count, gap = len(table), float((table["value"] / price - 1).abs().max())
    text = (
        "one value gives the price" if count == 1 else f"{count} values give the same price: the driver is not implied"
    )
    return (
        Check(name="one_root", passed=count == 1, value=count, threshold=1, text=text),
        Check(name="fit", passed=gap < 1e-6, value=gap, threshold=1e-6, text=f"value and price differ by {gap:.1g}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PricedInResult:
    """What a price takes for granted, driver by driver.

    Attributes
    ----------
    table : DataFrame
        One row per driver and root: unknown, base, needed (NaN where out of reach), root (1, 2, ...), roots (how many),
        reach_low, reach_high (value of the company within the bounds), sentence, reason, settles.
    price : float
    kind : str
    text : str
    checks : tuple of Check
        ``reached``.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    price: float
    kind: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def priced_in(
    drivers: Drivers,
    *,
    price: float,
    kind: str = "enterprise",
    unknowns: Sequence[str] = tuple(UNKNOWNS),
    fact_ids: Sequence[str] = (),
) -> PricedInResult:
    """Several drivers, each alone: "31 billion needs growth of 24 % for 7 years, or a margin of 30 %".

    Parameters
    ----------
    drivers, price, kind, fact_ids
        As for `reverse_dcf`.
    unknowns : sequence of str
        Drivers to solve for, default all of `UNKNOWNS`.

    Returns
    -------
    PricedInResult
        A driver that cannot reach the price has NaN with the reason.

    Raises
    ------
    UnknownNameError, ParameterError
        As for `reverse_dcf`.
    """
    rows = [row for unknown in unknowns for row in _priced(drivers, price, unknown, kind)]
    table = pd.DataFrame(rows)
    reached = table[table["needed"].notna()]
    words = Target(drivers=drivers, price=price, kind=kind).words
    missed = list(dict.fromkeys(table.loc[table["needed"].isna(), "unknown"]))
    said = ", or ".join(reached["sentence"]) or "more than any one of these drivers can give"
    text = f"{words} needs {said}, all else as it is."
    if missed and len(reached):
        *most, last = (_NAMES[name] for name in missed)
        named = f"{', '.join(most)} or {last}" if most else last
        text += f" No {named} within the bounds gets there alone."
    done = reached["unknown"].nunique()
    check = Check(name="reached", passed=None, value=done, threshold=len(unknowns),
                  text=f"{done} of {len(unknowns)} drivers reach the price alone")  # fmt: skip
    return PricedInResult(
        table=table, price=float(price), kind=kind, text=text, checks=(check,),
        fact_ids=tuple(dict.fromkeys((*drivers.fact_ids, *fact_ids))),
    )  # fmt: skip


def _priced(drivers: Drivers, price: float, unknown: str, kind: str) -> list[dict]:
    """Rows of one driver."""
    row = {"unknown": unknown, "base": base_of(drivers, unknown) if unknown in UNKNOWNS else np.nan}
    try:
        found = reverse_dcf(drivers, price=price, unknown=unknown, kind=kind)
    except NotEstimableError as error:
        return [
            row | {"needed": np.nan, "root": 0, "roots": 0, "reach_low": np.nan, "reach_high": np.nan, "sentence": "",
                   "reason": error.reason, "settles": error.settles}
        ]  # fmt: skip
    row |= {"roots": len(found.roots), "reach_low": found.reach_low, "reach_high": found.reach_high}
    return [
        row | {"needed": root, "root": i, "sentence": say(unknown, root, drivers), "reason": "", "settles": ""}
        for i, root in enumerate(found.roots, 1)
    ]
