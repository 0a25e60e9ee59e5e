"""What a printed uplift such as "+77 % buyers in 48 hours" can and cannot mean.

An uplift is a quotient: what was counted in a window, over what was counted in a baseline window, for
somebody. Without baseline, window and denominator it is no quantity, and is shown as undefined. Where they
are stated, the printed digits are an interval and every derived figure carries it: orders per buyer from
the growth of both, the excess over the platform's own growth, the growth per day where the
festival's windows differ in length.

The usual definitions disagree by their nature. Example (made up, million yuan): an event of 10 days sells
2,080; the 10 days before it, when buyers already wait, sold 893; the same window last year 1,368; without the
event the 10 days would have sold 1,000; 580 of the burst were taken from the days around it. The event's uplift
is then +133 % on the days before, +52 % on last year, +108 % on the counterfactual and +50 % net of what
was borrowed.

What the module cannot do: make an uplift out of a year-on-year figure. Growth that would have come without the event
is in it; `excess` takes out what is known of it, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.uplift.claims import (
    BASELINES,
    Claim,
    ReportedResult,
    as_claim,
    claims_from_facts,
    listed,
    percent,
    read_claim,
)
from helpers.uplift.same_window import EVENT_DAYS, SameWindow, latest_pair, same_window

__all__ = [
    "BASELINES",
    "EVENT_DAYS",
    "EXAMPLE",
    "Claim",
    "ImpliedGrowth",
    "ReportedResult",
    "SameWindow",
    "claims_from_facts",
    "definitions",
    "excess",
    "implied_ratio",
    "latest_pair",
    "orders_per_buyer",
    "read_claim",
    "same_window",
]


EXAMPLE = {
    "event_total": 2080.0, "event_days": 10, "before_total": 893.0, "before_days": 10, "last_year_total": 1368.0,
    "counterfactual_total": 1000.0, "borrowed_total": 580.0,
}  # fmt: skip
"""The made-up event of the module docstring, million yuan, for `definitions`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpliedGrowth:
    """A growth that follows from two printed ones.

    Attributes
    ----------
    what : str
        What it is the growth of.
    growth, low, high : float
        As a share, and its ends from the printed digits of both.
    table : DataFrame
        The two inputs: name, growth, low, high.
    text : str
        One sentence.
    checks : tuple of Check
        ``sign_known``, and ``same_basis`` where both are claims.
    fact_ids : tuple of str
        Ledger rows of both.
    """

    what: str
    growth: float
    low: float
    high: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def definitions(
    *, event_total: float, event_days: float, before_total: float, before_days: float, last_year_total: float,
    counterfactual_total: float, borrowed_total: float, last_year_days: float | None = None,
    own_growth: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The usual definitions of an uplift, side by side on one event.

    Parameters
    ----------
    event_total, before_total, last_year_total, counterfactual_total, borrowed_total : float
        Of one measure in one unit: sold in the event; in the days right before; in last year's event; in the event's
        days had there been none; taken from the days before and after.
    event_days, before_days, last_year_days : float
        Lengths; `last_year_days` defaults to `event_days`.
    own_growth : float, optional
        Growth of the platform outside events, as a share; adds the excess over it.

    Returns
    -------
    DataFrame
        definition, formula, value (share), caveat. With the example of the module docstring the first four rows are
        1.33, 0.52, 1.08 and 0.50.

    Raises
    ------
    HelpersError
        A base or a length that is not above 0, or an amount below 0.
    """
    last_year_days = event_days if last_year_days is None else last_year_days
    given = {
        "event_days": event_days, "before_total": before_total, "before_days": before_days,
        "last_year_total": last_year_total, "last_year_days": last_year_days,
        "counterfactual_total": counterfactual_total,
    }  # fmt: skip
    for name, value in given.items():
        if not (value > 0 and np.isfinite(value)):
            raise HelpersError(f"{name} must be above 0, got {value}: there is nothing to compare with")
    if not (event_total >= 0 and np.isfinite(event_total) and np.isfinite(borrowed_total)):
        raise HelpersError(f"event_total must be 0 or above and finite, got {event_total}")
    per_day, yoy = event_total / event_days, event_total / last_year_total - 1
    rows = [
        ("days_before", "event per day / days before per day - 1", per_day / (before_total / before_days) - 1),
        ("same_window_last_year", "event / last year's event - 1", yoy),
        ("counterfactual", "event / counterfactual - 1", event_total / counterfactual_total - 1),
        ("net_of_borrowed", "(event - borrowed) / counterfactual - 1",
         (event_total - borrowed_total) / counterfactual_total - 1),
    ]  # fmt: skip
    if last_year_days != event_days:
        shown = per_day / (last_year_total / last_year_days) - 1
        rows.append(("last_year_per_day", "event per day / last year's event per day - 1", shown))
    if own_growth is not None:
        shown = excess(growth=yoy, own_growth=own_growth).growth
        rows.append(("excess_over_own_growth", "(1 + growth on last year) / (1 + own growth) - 1", shown))
    caveats = BASELINES | {
        "net_of_borrowed": "what the event added; needs the days around it counted",
        "last_year_per_day": "as on last year, with the change of length taken out",
        "excess_over_own_growth": "as on last year, with the platform's own growth taken out",
    }
    table = pd.DataFrame(rows, columns=["definition", "formula", "value"])
    return table.assign(caveat=table["definition"].map(caveats))


def implied_ratio(
    *, orders: float | Claim, buyers: float | Claim, what: str = "orders per buyer", step: float = 0.01
) -> ImpliedGrowth:
    """Growth of a ratio from the growth of both its parts, ``(1 + orders) / (1 + buyers) - 1``.

    Parameters
    ----------
    orders, buyers : float or Claim
        Growth of the numerator and of the denominator, as shares. GMV and orders give GMV per order.
    what : str
        Name of the ratio.
    step : float, default 0.01
        Size of the last printed digit where a number is given: 77 % stands for 76.5 to 77.5 %.

    Returns
    -------
    ImpliedGrowth
        For +73 % orders and +77 % buyers −2.3 % (−2.8 to −1.7 %). ``same_basis`` fails where two claims differ in
        baseline, window, denominator or entity: the ratio then means nothing.

    Raises
    ------
    HelpersError
        A growth below −1, or a denominator that fell to nothing.
    """
    top, base = as_claim(orders, "orders", step), as_claim(buyers, "buyers", step)
    checks = (_same_basis(top, base),) if isinstance(orders, Claim) and isinstance(buyers, Claim) else ()
    return _quotient(top, base, what, checks)


def orders_per_buyer(read: Sequence[Claim]) -> list[ImpliedGrowth]:
    """What printed growth of orders and of buyers, of one entity and window, say about orders per buyer.

    Parameters
    ----------
    read : sequence of Claim
        Metrics such as "double_11_orders" and "double_11_buyers"; pairs are those that share entity, window
        and what stands before the underscore.

    Returns
    -------
    list of ImpliedGrowth
        One per pair; empty where there is none.
    """
    found: dict[tuple, dict[str, Claim]] = {}
    for claim in read:
        stem, _, kind = claim.metric.rpartition("_")
        if kind in ("orders", "buyers") and claim.window is not None:
            found.setdefault((claim.entity, stem, claim.window), {}).setdefault(kind, claim)
    pairs = [pair for pair in found.values() if len(pair) == 2]
    return [
        implied_ratio(orders=pair["orders"], buyers=pair["buyers"], what=_of_whom(pair["orders"])) for pair in pairs
    ]


def _of_whom(claim: Claim) -> str:
    """The ratio's name with its entity, event and days."""
    stem = claim.metric.rpartition("_")[0].replace("_", " ")
    start, end = claim.window
    return f"orders per buyer ({claim.entity}, {stem}, {start:%Y-%m-%d} to {end:%Y-%m-%d})"


def excess(*, growth: float | Claim, own_growth: float | Claim, step: float = 0.01) -> ImpliedGrowth:
    """Growth in excess of the platform's own, ``(1 + growth) / (1 + own_growth) - 1``.

    Parameters
    ----------
    growth : float or Claim
        Growth of the event on last year's.
    own_growth : float or Claim
        Growth of the platform over the same year, best outside of events.
    step : float, default 0.01
        As in `implied_ratio`.

    Returns
    -------
    ImpliedGrowth

    Raises
    ------
    HelpersError
        As in `implied_ratio`.
    """
    return _quotient(
        as_claim(growth, "growth", step), as_claim(own_growth, "own_growth", step), "excess over own growth"
    )


def _same_basis(top: Claim, base: Claim) -> Check:
    parts = ("baseline", "window", "denominator", "entity")
    different = [part for part in parts if getattr(top, part) != getattr(base, part)]
    text = "both have one baseline, window, denominator and entity"
    if different:
        text = f"the two differ in {listed(different, 'and')}: their ratio means nothing"
    return Check(name="same_basis", passed=not different, value=", ".join(different), text=text)


def _quotient(top: Claim, base: Claim, what: str, checks: tuple[Check, ...] = ()) -> ImpliedGrowth:
    if base.value <= -1:
        raise HelpersError(f"{base.metric} fell to nothing ({base.value}): a ratio to it is undefined")
    if top.value_high is not None or base.value_high is not None:
        raise HelpersError(f"{what}: a printed range is no one figure; take its ends one at a time")
    growth = (1 + top.value) / (1 + base.value) - 1
    low = (1 + top.low) / (1 + base.high) - 1
    high = (1 + top.high) / (1 + base.low) - 1 if base.low > -1 else math.inf
    known = low > 0 or high < 0
    text = f"{what}: {percent(growth)} ({percent(low)} to {percent(high)} from rounding)"
    sign = Check(
        name="sign_known", passed=known, value=growth,
        text="the printed digits " + ("tell its sign" if known else "leave its sign open"),
    )  # fmt: skip
    table = pd.DataFrame([{"name": c.metric, "growth": c.value, "low": c.low, "high": c.high} for c in (top, base)])
    return ImpliedGrowth(
        what=what, growth=growth, low=low, high=high, table=table, text=text, checks=(*checks, sign),
        fact_ids=tuple(c.fact_id for c in (top, base) if c.fact_id),
    )  # fmt: skip
