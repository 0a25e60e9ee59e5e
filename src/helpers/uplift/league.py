"""The structural counterfactual of thousands of units, as one tidy table.

What the units share is computed once (`Model.build`); the units themselves are taken in blocks of fixed size,
in threads here or on the workers of a Dask cluster. A block gives the same bits wherever it is computed,
so the numbers do not depend on where they were. What it cannot do: see that units influence each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError
from helpers.uplift import calibration
from helpers.uplift.counterfactual import Estimates, Model
from helpers.uplift.panels import Panel, panel
from helpers.uplift.preparation import ModelSettings, blocks, listed, names_of, refuse_negative
from helpers.uplift.results import COVERAGE, TOTAL
from helpers.uplift.structural import together
from helpers.uplift.windows import EventWindow

GROUPS = ("treated", "control")
BLOCK = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class League:
    """Every unit's uplift, and what the units say together.

    Attributes
    ----------
    table : DataFrame
        One row per unit: unit, group ("treated" or "control"), observed, counterfactual, effect (net total
        over the window), se (stretched), low, high, relative, relative_low, relative_high, event_effect,
        pull_forward, borrowed, p_value (of no net effect), coverage (of the unit's placebo windows), windows
        (how many), stretch, noise, rho, left_out. Units that could not be estimated have NaN and a `reason`.
    average, average_low, average_high : float
        Mean relative effect of the treated units, each counting once.
    total, total_low, total_high : float
        Net effect of all treated units added up, in the unit of the values.
    level : float
        Nominal coverage.
    placebo_shares : array, shape (windows, treated units)
        Errors of placebo windows as a share of their totals, for planning.
    checks : tuple of Check
        ``coverage`` over all treated units' placebo windows, ``average_coverage`` and ``total_coverage`` over the
        joint ones, ``placebo_in_space`` over the controls.
    text : str
        One sentence.
    """

    table: pd.DataFrame
    average: float
    average_low: float
    average_high: float
    total: float
    total_low: float
    total_high: float
    level: float
    placebo_shares: np.ndarray
    checks: tuple[Check, ...]
    text: str


def league(
    frame: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str] | None = None,
    controls: Sequence[str] | None = None,
    past: Sequence[EventWindow] = (),
    regressors: pd.DataFrame | None = None,
    settings: ModelSettings | None = None,
    include_controls: bool = True,
    cluster: str = "",
    threads: int = 1,
) -> League:
    """Net effect of an event on each of many units.

    Parameters
    ----------
    frame : DataFrame or Panel
        unit, date, value.
    event : EventWindow
    treated, controls : sequence of str, optional
        Units with and without the event. Left out, `treated` is every unit that is no control; `controls`
        is every unit that is not treated. With neither, all units are treated and none is clean.
    past, regressors, settings
        As in `helpers.uplift.structural`.
    include_controls : bool, default True
        Estimate the controls too: what never-treated units show is the placebo in space.
    cluster : str, default ""
        Address of a Dask scheduler, such as ``tcp://host:8786``; empty for this process.
    threads : int, default 1
        Threads of this process.

    Returns
    -------
    League

    Raises
    ------
    WindowError, DonorError, PanelError, UnknownNameError
        See `Model.build`.
    HelpersError
        The cluster cannot be reached.
    """
    data = panel(frame)
    settings = settings or ModelSettings()
    names, others = _sides(data, treated, controls)
    sides = {"treated": data.rows(names), "control": data.rows(others)}
    refuse_negative(data, sides["treated"], settings.scale)
    run = _on_cluster(cluster) if cluster else _in_threads(threads)
    wanted = GROUPS if include_controls and others else GROUPS[:1]
    jobs = [(group, rows) for group in wanted for rows in blocks(sides[group], BLOCK)]
    with threadpool_limits(1):  # more threads inside numpy add up in another order: other last digits
        model = Model.build(
            data, event=event, treated=names, controls=others, past=past, regressors=regressors, settings=settings
        )
        return _summary(model, data, jobs, run(_Estimate(model), data.values, jobs))


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The work on one block: units that cannot be estimated are told, the others go on."""

    model: Model

    def __call__(self, values: np.ndarray, group: str) -> tuple[Estimates, dict[int, str]]:
        with threadpool_limits(1):
            return self.model.estimate_or_tell(values, group)


def _sides(data: Panel, treated: Sequence[str] | None, controls: Sequence[str] | None) -> tuple[list[str], list[str]]:
    everyone = [str(unit) for unit in data.units]
    others = None if controls is None else listed(controls)
    if treated is None:
        apart = set(others or ())
        names = [unit for unit in everyone if unit not in apart]
        if not names:
            raise DonorError("no treated unit is left: every unit was named as a control")
    else:
        names = names_of(treated, "treated")
    if others is None:
        apart = set(names)
        others = [unit for unit in everyone if unit not in apart]
    return names, others


def _in_threads(threads: int) -> Callable:
    if threads < 1:
        raise HelpersError(f"threads must be 1 or more, got {threads}")

    def run(work: _Estimate, values: np.ndarray, jobs: list) -> list:
        if threads == 1:
            return [work(values[rows], group) for group, rows in jobs]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda job: work(values[job[1]], job[0]), jobs))

    return run


def _on_cluster(address: str) -> Callable:
    from distributed import Client

    def run(work: _Estimate, values: np.ndarray, jobs: list) -> list:
        try:
            client = Client(address, timeout="3s", set_as_default=False)
        except OSError as error:
            raise HelpersError(f"no Dask scheduler answers at {address}: {error}") from None
        with client:
            shared = client.scatter(work, broadcast=True)
            sent = [client.submit(_call, shared, values[rows], group, pure=False) for group, rows in jobs]
            return client.gather(sent)

    return run


def _call(work: _Estimate, values: np.ndarray, group: str) -> tuple[Estimates, dict[int, str]]:
    return work(values, group)


def _summary(model: Model, data: Panel, jobs: list, parts: list) -> League:
    found = {
        g: _joined([part for (group, _), (part, _) in zip(jobs, parts, strict=True) if group == g]) for g in GROUPS
    }
    tables, tests = [], {}
    for group in [g for g in GROUPS if found[g] is not None]:
        rows = np.concatenate([rows for g, rows in jobs if g == group])
        reasons = _reasons([(len(rows), told) for (g, rows), (_, told) in zip(jobs, parts, strict=True) if g == group])
        tests[group] = calibration.calibrate(found[group].placebos, level=model.settings.level, pool=True)
        tables.append(_table(data.units[rows], group, found[group], tests[group], reasons))
    table = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    mine = table[table["group"].eq("treated") & table["effect"].notna()]
    if mine.empty:
        raise HelpersError(f"none of the {len(table)} units can be estimated: {table['reason'].iloc[0]}")
    average, joint = _average(model, found["treated"])
    checks = (
        _coverage(tests["treated"]),
        *joint,
        *_in_space(table[~table["unit"].isin(model.rejected)], model.settings.level),
        *_told(table),
        *model.checks,
        *data.checks,
    )
    errors, totals = found["treated"].placebo_errors, found["treated"].placebo_totals
    return League(
        table=table, **average, level=model.settings.level, placebo_shares=errors / totals, checks=checks,
        text=_text(model, mine, average),
    )  # fmt: skip


def _joined(parts: list[Estimates]) -> Estimates | None:
    """Blocks put together again."""
    if not parts:
        return None
    by_unit = {name for name in Estimates.__slots__ if name not in ("phases", "day_covariance")}
    wide = {name for name in by_unit if name.startswith("placebo")}
    return Estimates(
        phases=parts[0].phases, day_covariance=sum(part.day_covariance for part in parts),
        **{n: np.concatenate([getattr(part, n) for part in parts], axis=1 if n in wide else 0) for n in by_unit},
    )  # fmt: skip


def _reasons(told: list[tuple[int, dict[int, str]]]) -> dict[int, str]:
    out, start = {}, 0
    for count, some in told:
        out |= {start + row: text for row, text in some.items()}
        start += count
    return out


def _table(
    units: pd.Index, group: str, found: Estimates, tested: calibration.Calibration, reasons: dict[int, str]
) -> pd.DataFrame:
    place = {phase: j for j, phase in enumerate(found.phases)}
    effects = found.effect
    effect, observed = effects[:, place[TOTAL]], found.observed[:, place[TOTAL]]
    se = found.spread[:, place[TOTAL]] * tested.factor
    low, high = effect - tested.quantile * se, effect + tested.quantile * se
    none = np.zeros(len(units))
    ahead = [effects[:, place[p]] for p in ("announcement", "pre_dip") if p in place]
    reason = np.full(len(units), "", dtype=object)
    reason[list(reasons)] = list(reasons.values())
    degrees = calibration.PRIOR_WINDOWS + tested.windows
    return pd.DataFrame(
        {
            "unit": units.to_numpy(), "group": group, "observed": observed,
            "counterfactual": found.expected[:, place[TOTAL]], "effect": effect, "se": se, "low": low, "high": high,
            **{name: _relative(e, observed) for name, e in (
                ("relative", effect), ("relative_low", low), ("relative_high", high))},
            "event_effect": effects[:, place["event"]] if "event" in place else none * np.nan,
            "pull_forward": -sum(ahead, start=none),
            "borrowed": -effects[:, place["after_effect"]] if "after_effect" in place else none,
            "p_value": 2 * stats.t.sf(np.abs(effect) / se, degrees),
            "coverage": tested.coverage, "windows": tested.windows, "stretch": tested.factor, "noise": found.noise,
            "rho": found.rho, "left_out": found.left_out, "reason": reason,
        }
    )  # fmt: skip


def _relative(effect: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Effect over what would have been; NaN where that would not have been above 0."""
    base = observed - effect
    return np.where(base > 0, effect / np.where(base > 0, base, 1.0), np.nan)


def _average(model: Model, found: Estimates) -> tuple[dict[str, float], tuple[Check, ...]]:
    """Mean relative effect and added effect, each with an interval stretched by its own placebo windows."""
    known = ~np.isnan(found.expected[:, -1])
    positive = known & (found.expected[:, -1] > 0)
    joint = model.belief["treated"].common_sd, model.widening("treated")
    out, checks = {}, []
    for name, rows in (("average", positive), ("total", known)):
        sizes = found.expected[rows, -1] * rows.sum() if name == "average" else np.ones(rows.sum())
        effect = float((found.effect[rows, -1] / sizes).sum()) if rows.any() else np.nan
        spread, scores = together(found, *joint, rows, by=name)
        tested = calibration.calibrate(scores[:, None], level=model.settings.level, pool=False)
        half = float(tested.quantile[0] * tested.factor[0] * spread)
        out |= {name: effect, f"{name}_low": effect - half, f"{name}_high": effect + half}
        checks.append(replace(tested.check(), name=f"{name}_coverage"))
    if lost := int((known & ~positive).sum()):
        text = f"{lost} units would have sold nothing or less: their relative effect is undefined and in no average"
        checks.append(Check(name="undefined_shares", passed=None, value=lost, text=text))
    return out, tuple(checks)


def _coverage(tested: calibration.Calibration) -> Check:
    count = int(tested.windows.sum())
    if not count:
        return Check(name=COVERAGE, passed=None, value=0, text="no placebo window fits before the event")
    measured = float(np.nansum(tested.coverage * tested.windows) / count)
    raw = float(np.nansum(tested.coverage_before * tested.windows) / count)
    passed = abs(measured - tested.level) <= max(0.03, 3 * np.sqrt(tested.level * (1 - tested.level) / count))
    text = (
        f"{100 * measured:.1f} % of {count:,} placebo windows before the event were covered by the "
        f"{100 * tested.level:.0f} % intervals ({100 * raw:.1f} % before they were scaled by them)"
    )
    return Check(name=COVERAGE, passed=bool(passed), value=measured, threshold=tested.level, text=text)


def _in_space(table: pd.DataFrame, level: float) -> tuple[Check, ...]:
    """Never-treated units in the window itself: their intervals should hold zero as often as they say."""
    rows = table[table["group"].eq("control") & table["se"].notna()]
    if len(rows) < calibration.LEAST_WINDOWS:
        return ()
    least = level - max(0.03, 3 * np.sqrt(level * (1 - level) / len(rows)))
    held = float(((rows["low"] <= 0) & (rows["high"] >= 0)).mean())
    mean = float((rows["effect"] / rows["counterfactual"]).mean())
    error = float((rows["effect"] / rows["counterfactual"]).std() / np.sqrt(len(rows)))
    text = (
        f"the intervals of {100 * held:.1f} % of {len(rows):,} never-treated units hold zero in the event's window; "
        f"their mean effect is {100 * mean:+.2f} % (standard error {100 * error:.2f}); "
        f"fewer than {100 * least:.0f} % would fail"
    )
    passed = held >= least
    return (Check(name="placebo_in_space", passed=bool(passed), value=held, threshold=level, text=text),)


def _told(table: pd.DataFrame) -> tuple[Check, ...]:
    lost = table[table["reason"].ne("")]
    if lost.empty:
        return ()
    first = lost.iloc[0]
    text = f"{len(lost)} units have no estimate; the first is {first['unit']}: {first['reason']}"
    return (Check(name="not_estimated", passed=False, value=len(lost), threshold=0, text=text),)


def _text(model: Model, mine: pd.DataFrame, average: dict[str, float]) -> str:
    shown = [f"{100 * average[k]:+.1f} %".replace("-", "−") for k in ("average", "average_low", "average_high")]
    clear = int((mine["low"] > 0).sum())
    return (
        f"{model.window.name or 'the event'}: the mean net effect of {len(mine):,} units is {shown[0]} of what would "
        f"have been ({100 * model.settings.level:.0f} % interval {shown[1]} to {shown[2]}); {clear:,} units taken "
        "alone lie clearly above zero"
    )
