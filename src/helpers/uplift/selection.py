"""Are treated and controls of one kind? To be asked before any difference-in-differences is believed.

DiD takes out unit and period effects, nothing else. If the treated load more on the shocks that all share, have
stronger seasons or grow faster, the gap moves without any event, and synthetic DiD repairs only a part of it. So
each unit's log series before the event is described by ``y_it = a_i + g_i t + s_i' S_t + l_i f_t + e_it`` (growth
a year g, Fourier terms S of week and year, loading l on the mean of the controls after growth and season) and the
two sides are compared by Hotelling's T2 with pooled covariance, which for one number is the t-test. The size of a
difference is the Mahalanobis distance D, in standard deviations of units (for one number |d|); 0.25 is the usual
limit (Imbens and Rubin 2015, section 14.2).

What the module cannot do: see differences that lie in other factors than the controls' mean, or seasons longer
than the past; a pass does not make DiD right. `contamination` sees controls that jump, not ones that bend slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.errors import DonorError, PanelError, WindowError
from helpers.uplift import periods
from helpers.uplift.fixed_effects import name_some, scaled, sides
from helpers.uplift.panels import Panel
from helpers.uplift.panels import panel as as_panel
from helpers.uplift.windows import EventWindow

MAX_DISTANCE = 0.25
ALPHA = 0.05
"""Shared by all tests of one call (Bonferroni)."""

BLIND_DISTANCE = 1.0
"""Where a smaller distance than this could not be found, no finding is no pass."""

MIN_PLACEBOS = 19
"""Below this a rank among placebo windows cannot reach 5 %."""

YEAR = 365.25
YEARS_FOR_SEASON = {"D": 1.0, "W": 1.0, "MS": 1.5, "QS": 2.0}
WORDS = {
    "growth": "growth a year",
    "weekly_season": "strength of the week (1 as the controls)",
    "annual_season": "strength of the annual season (1 as the controls)",
    "loading": "loading on the controls' common movement",
    "level": "mean level",
}
MEANING = {
    "growth": "the gap widens by itself",
    "weekly_season": "the gap depends on the weekday",
    "annual_season": "the gap depends on the time of year, and events sit at one time of year",
    "loading": "every common shock opens the gap",
    "level": "",
}
CURE = "use the structural counterfactual with factors, or controls of the same kind"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectionResult:
    """Treated against controls before the event.

    Attributes
    ----------
    table : DataFrame
        One row per trait: trait, treated, controls (means over units), distance (standard deviations), p,
        bias (by how much the trait alone moves a DiD of this window, in logs; for the loading the size of
        one standard deviation of the common movement, either way).
    checks : tuple of Check
        ``selection`` decides over all traits, then one per trait.
    text : str
        One or two sentences that can be quoted.
    """

    table: pd.DataFrame
    checks: tuple[Check, ...]
    text: str


def selection(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str] | None = None,
    past: Sequence[EventWindow] = (),
) -> SelectionResult:
    """Compare growth, seasons, common-factor loading and level before the event.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value; values above 0. Missing values are left out unit by unit.
    event : EventWindow
        Only what lies before it is looked at.
    treated : sequence of str
    controls : sequence of str, optional
        All others where left out.
    past : sequence of EventWindow
        Earlier events; their periods are left out.

    Returns
    -------
    SelectionResult
        A trait fails where the sides differ by more than 0.25 standard deviations and by more than chance
        (5 % over all traits); it is undecided (None) where so few units could not show a distance of 1.
        The level informs only: unit effects take it out.

    Raises
    ------
    DonorError
        No treated unit, fewer than 3 controls, a unit on both sides.
    WindowError
        Nothing, or less than 4 weeks (8 periods), lies before the window.
    PanelError
        A value of 0 or less; a unit with too few values to be described.
    """
    data = as_panel(panel)
    rows, others = sides(data, treated=treated, controls=controls)
    if len(others) < 3:
        raise DonorError(f"need 3+ controls to see how they spread, got {name_some(data.units[others])}")
    before, inside = _before(data, event, past)
    y = scaled(data, np.r_[rows, others], before, "log")
    is_treated = np.arange(len(y)) < len(rows)
    design, columns = _design(data, np.r_[before, inside], len(before))
    coefs, residuals = _by_unit(y, design[: len(before)], data.units[np.r_[rows, others]])
    loading, common = _loadings(residuals, is_treated)
    moved = design[len(before) :].mean(axis=0) - design[: len(before)].mean(axis=0)
    traits = {name: coefs[:, at] for name, at in columns.items() if name != "mean"}
    traits |= {"loading": loading[:, None], "level": np.nanmean(y, axis=1)[:, None]}
    shifts = {name: moved[at] for name, at in columns.items()}
    tests = [_compare(trait, is_treated, len(traits) - 1) for trait in traits.values()]
    rows_of = [
        (name, *_sizes(name, trait, is_treated), *test[:2], _bias(name, trait, is_treated, shifts, common, len(inside)))
        for (name, trait), test in zip(traits.items(), tests, strict=True)
    ]
    table = pd.DataFrame(rows_of, columns=["trait", "treated", "controls", "distance", "p", "bias"])
    checks = tuple(
        _trait_check(row, blind, len(traits) - 1) for row, (*_, blind) in zip(table.itertuples(), tests, strict=True)
    )
    if "annual_season" not in traits:
        checks += (_unseen(len(before)),)
    verdict = _verdict(checks, table)
    return SelectionResult(table=table, checks=(verdict, *checks), text=verdict.text)


def _before(data: Panel, event: EventWindow, past: Sequence[EventWindow]) -> tuple[np.ndarray, np.ndarray]:
    """Places of the periods before the window, without other events, and inside it."""
    found = periods.cut(data, event, past=past, min_pre=0)
    need = 28 if data.freq == "D" else 8
    if len(found.before) < need:
        raise WindowError(f"need {need}+ periods before the window to describe the units, got {len(found.before)}")
    return found.before, found.inside


def _design(data: Panel, places: np.ndarray, known: int) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Mean, growth a year and Fourier terms, and which columns belong to which trait."""
    days = (data.dates[places] - data.dates[places[0]]).days.to_numpy()
    years = days / YEAR
    parts = {"mean": [np.ones(len(days))], "growth": [years - years[:known].mean()]}
    if data.freq == "D":
        parts["weekly_season"] = _waves(days / 7, 3)
    if years[known - 1] + 1e-9 >= YEARS_FOR_SEASON.get(data.freq, np.inf) * 0.98:
        parts["annual_season"] = _waves(years, 1 if data.freq == "QS" else 2)
    columns, at = {}, 0
    for name, part in parts.items():
        columns[name] = list(range(at, at + len(part)))
        at += len(part)
    return np.column_stack([column for part in parts.values() for column in part]), columns


def _waves(turns: np.ndarray, count: int) -> list[np.ndarray]:
    return [wave(2 * np.pi * k * turns) for k in range(1, count + 1) for wave in (np.cos, np.sin)]


def _by_unit(y: np.ndarray, design: np.ndarray, units: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of every unit on its own known periods, all at once."""
    known = ~np.isnan(y)
    width = design.shape[1]
    few = known.sum(axis=1) < 2 * width
    if few.any():
        raise PanelError(
            f"{int(few.sum())} units have fewer than {2 * width} values before the event: {name_some(units[few])}"
        )
    gram = (known.astype(float) @ (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)).reshape(
        -1, width, width
    )
    coefs = np.linalg.solve(gram, (np.nan_to_num(y) @ design)[:, :, None])[:, :, 0]
    return coefs, y - coefs @ design.T


def _loadings(residuals: np.ndarray, is_treated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope of each unit on the controls' mean (a control on the mean of the others), and that mean."""
    known = ~np.isnan(residuals)
    filled = np.nan_to_num(residuals)
    count = known[~is_treated].sum(axis=0)
    total = filled[~is_treated].sum(axis=0)
    own = ~is_treated[:, None]
    common = (total - filled * own) / np.maximum(count - known * own, 1)
    size = (known * common**2).sum(axis=1)
    slope = np.divide((filled * common).sum(axis=1), size, out=np.full(len(size), np.nan), where=size > 0)
    return slope, total / np.maximum(count, 1)


def _compare(trait: np.ndarray, is_treated: np.ndarray, tests: int) -> tuple[float, float, float]:
    """Mahalanobis distance of the two means, p-value, and the smallest distance that could be found."""
    groups = trait[is_treated], trait[~is_treated]
    width, df = trait.shape[1], len(trait) - 2
    gap = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    spread = sum((side - side.mean(axis=0)).T @ (side - side.mean(axis=0)) for side in groups) / df
    if df - width + 1 < 1 or not np.isfinite(spread).all() or not np.linalg.cond(spread) < 1e12:
        return np.nan, np.nan, np.inf
    distance = float(np.sqrt(gap @ np.linalg.solve(spread, gap)))
    # T2 = n D2, and T2 (df - K + 1) / (df K) is F with K and df - K + 1 degrees of freedom
    factor = len(groups[0]) * len(groups[1]) / len(trait) * (df - width + 1) / (df * width)
    p = float(stats.f.sf(factor * distance**2, width, df - width + 1))
    return distance, p, float(np.sqrt(stats.f.isf(ALPHA / tests, width, df - width + 1) / factor))


def _sizes(name: str, trait: np.ndarray, is_treated: np.ndarray) -> tuple[float, float]:
    """Mean of both sides; a season as its projection on the controls' season."""
    middle = trait[~is_treated].mean(axis=0)
    if name.endswith("season") and middle @ middle > 0:
        trait = (trait @ middle / (middle @ middle))[:, None]
    return float(trait[is_treated].mean()), float(trait[~is_treated].mean())


def _bias(
    name: str, trait: np.ndarray, is_treated: np.ndarray, shifts: dict[str, np.ndarray], common: np.ndarray, length: int
) -> float:
    gap = trait[is_treated].mean(axis=0) - trait[~is_treated].mean(axis=0)
    if name == "level":
        return 0.0
    if name != "loading":
        return float(gap @ shifts[name])
    length = min(length, len(common) // 2)
    return abs(float(gap[0])) * float(np.convolve(common, np.ones(length) / length, "valid").std())


def _trait_check(row: tuple, blind: float, tests: int) -> Check:
    name, said = row.trait, f"{WORDS[row.trait]}: treated {row.treated:.3g}, controls {row.controls:.3g}"
    if np.isnan(row.p):
        return Check(
            name=name,
            passed=None,
            threshold=MAX_DISTANCE,
            text=f"{said}; too few units to compare, or none of them varies",
        )
    said += f", {row.distance:.2f} standard deviations apart (p = {row.p:.2g})"
    if name == "level":
        passed, said = None, f"{said}; unit effects take it out"
    elif row.distance > MAX_DISTANCE and row.p < ALPHA / tests:
        passed, said = False, f"{said}: {MEANING[name]}, a DiD is off by about {_percent(row.bias)}"
    elif blind > BLIND_DISTANCE:
        passed, said = None, f"{said}; so few units show only distances above {blind:.1f}"
    else:
        passed = True
    return Check(name=name, passed=passed, value=row.distance, threshold=MAX_DISTANCE, text=said)


def _percent(bias: float) -> str:
    return f"{np.expm1(bias) * 100:+.1f} %".replace("-", "−")


def _unseen(count: int) -> Check:
    text = f"the past of {count} periods is too short to see the annual season: whether it differs is not known"
    return Check(name="annual_season", passed=None, value=count, text=text)


def _verdict(checks: tuple[Check, ...], table: pd.DataFrame) -> Check:
    failed = [check.name for check in checks if check.passed is False]
    value = float(table.loc[table["trait"] != "level", "distance"].max())
    if failed:
        signed = table[table["trait"].isin(failed) & (table["trait"] != "loading")]["bias"].sum()
        text = (
            f"Treated and controls differ before the event in {', '.join(failed).replace('_', ' ')}: parallel trends "
            f"cannot be expected, difference-in-differences is off by about {_percent(float(signed))} from growth and "
            f"season alone, and synthetic difference-in-differences keeps a part of that; {CURE}."
        )
        return Check(name="selection", passed=False, value=value, threshold=MAX_DISTANCE, text=text)
    unknown = [check.name for check in checks if check.passed is None and check.name != "level"]
    text = "Treated and controls do not differ before the event by more than chance in what could be compared"
    text += (
        f"; too few units or too short a past to decide: {', '.join(unknown).replace('_', ' ')}." if unknown else "."
    )
    decided = True if len(unknown) < len(checks) - 1 else None
    return Check(name="selection", passed=decided, value=value, threshold=MAX_DISTANCE, text=text)


def contamination(
    panel: pd.DataFrame | Panel, *, event: EventWindow, controls: Sequence[str], past: Sequence[EventWindow] = ()
) -> Check:
    """Do the controls jump in the event themselves, ``J = mean(log y in the event) - mean(log y just before)``?

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value; values above 0.
    event : EventWindow
        J is taken over its event phase (over all where it has none), against the 28 days (4 periods)
        before the window.
    controls : sequence of str
        Units that should know nothing of the event.
    past : sequence of EventWindow
        Earlier events; placebo windows do not touch them.

    Returns
    -------
    Check
        ``contamination`` fails where the mean of the controls moves more than in all but 5 % of the placebo
        windows before (shifted by whole weeks), or a single control leaves its own placebo windows; such
        controls are named. None with fewer than 19 placebo windows. Both directions count: a control can
        also lose its buyers to the event.

    Raises
    ------
    WindowError
        The window or the 28 days (4 periods) before it lie outside the data.
    UnknownNameError, DonorError
        As in `selection`.
    """
    data = as_panel(panel)
    rows = data.rows(controls)
    if len(rows) == 0 or len(np.unique(rows)) < len(rows):
        raise DonorError(f"need 1+ controls, each named once, got {name_some(pd.Index(controls))}")
    spans = _spans(data, event, past)
    y = scaled(data, rows, np.arange(len(data.dates)), "log")
    jumps = _masked_means(y, spans[:, 0]) - _masked_means(y, spans[:, 1])
    if len(spans) < 1 + MIN_PLACEBOS:
        text = f"{len(spans) - 1} placebo windows fit before the event, {MIN_PLACEBOS} are needed to judge the controls"
        return Check(name="contamination", passed=None, value=len(spans) - 1, threshold=MIN_PLACEBOS, text=text)
    mean = np.nanmean(jumps, axis=0)
    usual = np.median(mean[1:])
    off = np.abs(mean - usual)
    p = float((off >= off[0]).mean())
    joined = _outliers(
        jumps - mean, independent=(spans[-1, 0].argmax() - spans[0, 0].argmax(), spans[0].any(axis=0).sum())
    )
    return _contamination_check(float(mean[0] - usual), p, data.units[rows[joined]], len(rows))


def _spans(data: Panel, event: EventWindow, past: Sequence[EventWindow]) -> np.ndarray:
    """Event periods and their base, first for the event, then for each placebo: (windows, 2, periods)."""
    phases = event.phase_of(data.dates, step=data.step)
    inside = np.flatnonzero(phases != "")
    width, step = (28, 7) if data.freq == "D" else (4, 1)
    if not len(inside) or inside[0] < width:
        raise WindowError(f"the window and {width} periods before it must lie in the data, got {event.describe()}")
    burst = np.flatnonzero(phases == "event") if (phases == "event").any() else inside
    taken = np.zeros(len(phases), bool)
    for other in past:
        taken |= other.phase_of(data.dates, step=data.step) != ""
    base = np.arange(inside[0] - width, inside[0])
    far = -(-(inside[-1] - inside[0] + 1) // step) * step
    shifts = [0, *range(far, inside[0] - width + 1, step)]
    spans = np.zeros((len(shifts), 2, len(phases)), bool)
    for place, shift in enumerate(shifts):
        spans[place, 0, burst - shift] = spans[place, 1, base - shift] = True
    clean = ~(spans.any(axis=1) & taken).any(axis=1)
    clean[0] = True
    return spans[clean]


def _masked_means(y: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Mean of the known values in each window, shape (units, windows)."""
    known = ~np.isnan(y)
    count = known.astype(float) @ windows.T
    return np.divide(np.nan_to_num(y) @ windows.T, count, out=np.full(count.shape, np.nan), where=count > 0)


def _outliers(jumps: np.ndarray, *, independent: tuple[int, int]) -> np.ndarray:
    """Controls whose own jump leaves their placebo windows; t with as many of these as do not overlap."""
    placebos = jumps[:, 1:]
    off, spread = jumps[:, 0] - np.nanmean(placebos, axis=1), np.nanstd(placebos, axis=1, ddof=1)
    z = np.divide(off, spread, out=np.where(np.abs(off) > 1e-12, np.inf, 0.0), where=spread > 0)
    df = max(3, abs(independent[0]) // independent[1])
    return np.flatnonzero(np.abs(z) > stats.t.isf(ALPHA / 2 / len(jumps), df))


def _contamination_check(jump: float, p: float, joined: pd.Index, count: int) -> Check:
    said = [f"the {count} controls move by {_percent(jump)} in the event, p = {p:.2g} among placebo windows before it"]
    if len(joined):
        said.append(f"{len(joined)} control(s) jump by themselves and may have joined the event: {name_some(joined)}")
    passed = p > ALPHA and not len(joined)
    if not passed:
        said.append("a contaminated control pulls the estimate towards zero (or away from it, where buyers moved over)")
    return Check(name="contamination", passed=passed, value=p, threshold=ALPHA, text="; ".join(said))
