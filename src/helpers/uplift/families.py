"""Events that repeat and events that overlap: one shape per family, amplitudes shrunk across units.

The days of all events are hidden at once and the structural model says what they would have been. What is
left in logs is explained by the families::

    e_id = sum_f a_if s_f(k_fd) + noise,      a_if ~ N(1, tau_f^2)

with a shape ``s_f`` over the day k of the event and an amplitude for each unit, shrunk towards one (two
levels, empirical Bayes). Where windows overlap, logs add and the level effect is split by Shapley's rule
(Shapley 1953): a family gets its mean contribution over the orders in which the events could have come. What it
cannot do: tell two families apart that were never seen apart; that is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, WindowError
from helpers.uplift.counterfactual import Model
from helpers.uplift.panels import Panel, panel
from helpers.uplift.preparation import ModelSettings, listed, names_of, refuse_negative
from helpers.uplift.windows import EventWindow

MOST_FAMILIES = 5  # orders grow with the factorial
LEAST_TO_SHRINK = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FamilyResult:
    """Shapes, amplitudes and the effect of each event by itself.

    Attributes
    ----------
    shapes : DataFrame
        family, day (0 is the first day of the window), phase, log_effect, se, occurrences.
    amplitudes : DataFrame
        unit, family, raw (least squares), amplitude (shrunk), weight (share of the unit's own data in it).
    events : DataFrame
        event, family, first_date, last_date, effect (net of all units, in the unit of the values, overlap split), se,
        low, high (95 %), overlap_days.
    checks : tuple of Check
        ``separable``: how well the shapes are told apart; ``shape_fit``: share of the days' log effect explained.
    text : str
    """

    shapes: pd.DataFrame
    amplitudes: pd.DataFrame
    events: pd.DataFrame
    checks: tuple[Check, ...]
    text: str


def families(
    frame: pd.DataFrame | Panel,
    *,
    events: Sequence[EventWindow],
    treated: Sequence[str],
    controls: Sequence[str] = (),
    regressors: pd.DataFrame | None = None,
    settings: ModelSettings | None = None,
) -> FamilyResult:
    """Shape of each event family, amplitudes of the units, and overlapping events apart.

    Parameters
    ----------
    frame : DataFrame or Panel
        unit, date, value; in logs, so values above 0 outside the events.
    events : sequence of EventWindow
        All events of the treated units; `family` must be set. Their windows may overlap.
    treated, controls : sequence of str
        Units with the events and without any of them.
    regressors, settings
        As in `helpers.uplift.structural`; the scale must be "log".

    Returns
    -------
    FamilyResult

    Raises
    ------
    HelpersError
        No family name, more than five families, or families that are never seen apart.
    WindowError
        An event outside the data.
    """
    data = panel(frame)
    settings = settings or ModelSettings()
    _refuse(events, settings)
    treated, controls = names_of(treated, "treated"), listed(controls)
    rows = data.rows(treated)
    refuse_negative(data, rows, "log")
    places = _places(data, events)
    everything = np.unique(np.concatenate(list(places)))
    model = Model.build(
        data, event=events[-1], treated=treated, controls=controls, past=events[:-1],
        regressors=regressors, settings=settings,
    )  # fmt: skip
    values = data.values[rows]
    expected, spread = model.forecast(values, "treated", everything)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(values[:, everything] > 0, np.log(values[:, everything]), np.nan) - expected
    columns, index = _columns(events, places, everything)
    shape, covariance = _shapes(logs, spread, columns)
    raw, amplitude, weight = _amplitudes(logs, spread, columns, index, shape)
    table = _split(events, places, everything, index, shape, amplitude, values, expected, spread)
    return _report(data, events, index, shape, covariance, (raw, amplitude, weight), table, logs, columns, treated)


def _refuse(events: Sequence[EventWindow], settings: ModelSettings) -> None:
    if settings.scale != "log":
        raise HelpersError(f"families multiply, so the scale must be 'log', got {settings.scale!r}")
    unnamed = [e.name or str(e.first.date()) for e in events if not e.family]
    if not events or unnamed:
        raise HelpersError(
            f"every event needs a family, such as 'double_11'; without one: {', '.join(unnamed) or 'none given'}"
        )
    names = {event.family for event in events}
    if len(names) > MOST_FAMILIES:
        raise HelpersError(f"at most {MOST_FAMILIES} families can be told apart, got {len(names)}")


def _places(data: Panel, events: Sequence[EventWindow]) -> list[np.ndarray]:
    places = [np.flatnonzero(event.phase_of(data.dates, step=data.step) != "") for event in events]
    for event, days in zip(events, places, strict=True):
        if not len(days):
            raise WindowError(f"the event ({event.describe()}) lies outside the data")
    return places


def _columns(
    events: Sequence[EventWindow], places: list[np.ndarray], everything: np.ndarray
) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """0/1 columns for each family's days, shape (hidden days, family days); refused where not told apart."""
    lengths: dict[str, int] = {}
    for event, days in zip(events, places, strict=True):
        lengths[event.family] = max(lengths.get(event.family, 0), len(days))
    index = [(family, day) for family, length in lengths.items() for day in range(length)]
    at = {key: column for column, key in enumerate(index)}
    columns = np.zeros((len(everything), len(index)))
    for event, days in zip(events, places, strict=True):
        for day, place in enumerate(days):
            columns[np.searchsorted(everything, place), at[event.family, day]] += 1
    if np.linalg.matrix_rank(columns) < len(index):
        free = [
            key
            for key, column in at.items()
            if np.linalg.matrix_rank(np.delete(columns, column, 1)) == np.linalg.matrix_rank(columns)
        ]
        named = ", ".join(f"{family} day {day}" for family, day in free[:6])
        raise HelpersError(
            f"the families are never seen apart on {len(free)} of their days ({named}): another occurrence without "
            "the overlap is needed"
        )
    return columns, index


def _shapes(logs: np.ndarray, spread: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pooled log effect of each family's day by weighted least squares over units, and its covariance."""
    known = ~np.isnan(logs)
    weight = known / spread**2
    pooled = np.where(known, logs, 0) * weight
    total = weight.sum(0)
    inverse = np.linalg.inv((columns.T * total) @ columns)
    return inverse @ (columns.T @ pooled.sum(0)), inverse


def _amplitudes(logs, spread, columns, index, shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units' amplitudes of each family, shape (units, families): least squares, shrunk towards one, own weight."""
    names = list(dict.fromkeys(family for family, _ in index))
    member = np.array([[family == name for family, _ in index] for name in names], float)
    drawn = columns @ (member * shape).T  # hidden days by families
    known = ~np.isnan(logs)
    raw, noise = np.ones((len(logs), len(names))), np.full((len(logs), len(names)), np.inf)
    for row, (log, seen) in enumerate(zip(logs, known, strict=True)):
        scaled = drawn[seen] / spread[row, seen, None]
        gram = scaled.T @ scaled
        if np.linalg.matrix_rank(gram) == len(names):
            inverse = np.linalg.inv(gram)
            raw[row], noise[row] = inverse @ (scaled.T @ (log[seen] / spread[row, seen])), np.diag(inverse)
    usable = np.isfinite(noise).all(1)
    tau = np.zeros(len(names))
    if usable.sum() >= LEAST_TO_SHRINK:
        tau = np.maximum(((raw[usable] - 1) ** 2 - noise[usable]).mean(0), 0)
    weight = np.where(np.isfinite(noise), tau / (tau + noise), 0.0)
    return raw, 1 + weight * (raw - 1), weight


def _split(events, places, everything, index, shape, amplitude, values, expected, spread) -> pd.DataFrame:
    """Effect of each event by itself: on days that several share, Shapley's mean over the orders."""
    names = list(dict.fromkeys(family for family, _ in index))
    base = np.exp(expected + 0.5 * spread**2)
    logs = {}
    for event, days in zip(events, places, strict=True):
        at = [index.index((event.family, day)) for day in range(len(days))]
        curve = np.zeros(len(everything))
        curve[np.searchsorted(everything, days)] = shape[at]
        logs[id(event)] = amplitude[:, [names.index(event.family)]] * curve
    rows = []
    together = sum(logs.values())
    observed = values[:, everything]
    for event, days in zip(events, places, strict=True):
        inside = np.searchsorted(everything, days)
        others = [o for o, d in zip(events, places, strict=True) if o is not event and len(np.intersect1d(days, d))]
        share = _shapley(logs[id(event)][:, inside], [logs[id(o)][:, inside] for o in others])
        modelled = np.expm1(together[:, inside])
        # what was observed is split in the proportion of the modelled shares; alone, all of it is the event's
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(np.abs(modelled) > 1e-9, share / modelled, 1.0) if others else np.ones_like(share)
        effect = np.nansum((observed[:, inside] - base[:, inside]) * part)
        se = np.sqrt(np.nansum((base[:, inside] * spread[:, inside] * part).sum(1) ** 2))
        shared = {
            int(d) for o, ds in zip(events, places, strict=True) if o is not event for d in np.intersect1d(days, ds)
        }
        rows.append((event.name or event.family, event.family, days[0], days[-1], effect, se, len(shared)))
    names_ = ["event", "family", "first", "last", "effect", "se", "overlap_days"]
    return pd.DataFrame(rows, columns=names_)


def _shapley(own: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Mean over all orders of ``exp(before + own) - exp(before)``."""
    total = np.zeros_like(own)
    count = len(others) + 1
    for order in permutations(range(count)):
        before = sum((others[k - 1] for k in order[: order.index(0)]), start=np.zeros_like(own))
        total += np.exp(before + own) - np.exp(before)
    return total / factorial(count)


def _report(data, events, index, shape, covariance, found, table, logs, columns, treated) -> FamilyResult:
    phases = {}
    for event in events:
        for day, phase in enumerate(p for p in event.phase_of(data.dates, step=data.step) if p):
            phases[event.family, day] = phase
    seen = columns.sum(0).astype(int)
    shapes = pd.DataFrame(index, columns=["family", "day"]).assign(
        phase=[phases[key] for key in index], log_effect=shape, se=np.sqrt(np.diag(covariance)), occurrences=seen
    )
    raw, amplitude, weight = found
    names = list(dict.fromkeys(family for family, _ in index))
    amplitudes = pd.concat(
        [
            pd.DataFrame(
                {"unit": treated, "family": n, "raw": raw[:, k], "amplitude": amplitude[:, k], "weight": weight[:, k]}
            )
            for k, n in enumerate(names)
        ],
        ignore_index=True,
    )
    half = 1.96 * table["se"]
    table = table.assign(
        first_date=data.dates[table["first"]], last_date=data.dates[table["last"]], low=table["effect"] - half,
        high=table["effect"] + half,
    )  # fmt: skip
    wanted = ["event", "family", "first_date", "last_date", "effect", "se", "low", "high", "overlap_days"]
    drawn = columns @ shape
    mean = np.nanmean(logs, axis=0)
    explained = 1 - float(np.var(mean - drawn) / np.var(mean))
    condition = float(np.linalg.cond(columns))
    checks = (
        Check(name="separable", passed=condition < 30, value=condition, threshold=30.0,
              text=f"condition number of the family days {condition:.1f}; large means overlaps are hard to split"),
        Check(name="shape_fit", passed=None, value=explained,
              text=f"the shapes explain {100 * explained:.0f} % of the variance of the units' mean log effect"),
    )  # fmt: skip
    said = "; ".join(f"{r.event} {r.effect:+,.0f} ({r.overlap_days} shared days)" for r in table.itertuples())
    return FamilyResult(
        shapes=shapes, amplitudes=amplitudes, events=table[wanted], checks=checks, text=f"net effect by event: {said}"
    )
