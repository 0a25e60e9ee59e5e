"""What the structural model needs before it can be built: the calendar, usable controls, how many factors.

Everything that can be refused is refused here, and everything left out is counted. What the module cannot do: tell
a control that the event reached from one that it did not; see `helpers.uplift.contamination`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import DonorError, HelpersError, PanelError
from helpers.uplift import calibration, design, gls
from helpers.uplift.design import Design
from helpers.uplift.panels import Panel

SCALES = ("log", "level")
FACTOR_CHOICES = (2, 4, 6)
FEW_CONTROLS = 10  # up to here every component is kept and the prior sorts them
MOST_CONTROLS = 2000  # components hardly change beyond
MOST_TO_CHOOSE = 64
WORTH = 0.03  # a richer model must lower the placebo error by this share
MOST_MISSING = 0.05
YEAR_DAYS, MONTH_DAYS = 330, 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What the structural model contains; None lets placebo windows and the length of the data decide.

    Parameters
    ----------
    scale : {"log", "level"}
        Logs: effects and seasons multiply, values above 0. Levels: they add.
    trend : bool, default True
        A straight trend of the unit's own beside that of the controls.
    weekly : bool, optional
        Weekdays; by default where periods are days and there are four weeks of them.
    annual : int, optional
        Pairs of annual terms, 0 for none; by default where the history has a year.
    factors : int, optional
        Control factors; by default chosen by placebo in time.
    slow : bool, default True
        A wandering level beside the AR(1) errors.
    level : float, default 0.95
        Coverage of the intervals, between 0.5 and 0.999.
    """

    scale: str = "log"
    trend: bool = True
    weekly: bool | None = None
    annual: int | None = None
    factors: int | None = None
    slow: bool = True
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise HelpersError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}")
        for name in ("annual", "factors"):
            value = getattr(self, name)
            if value is not None and (value != int(value) or value < 0):
                raise HelpersError(f"{name} must be a whole number, 0 or more, got {value!r}")
        if not 0.5 <= self.level <= 0.999:
            raise HelpersError(f"level must lie between 0.5 and 0.999, got {self.level!r}")


def listed(names: str | Sequence[str]) -> list[str]:
    """Each name once; a single name is a list of one."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(str(name) for name in names))


def names_of(treated: str | Sequence[str], what: str) -> list[str]:
    """Named units, each once.

    Raises
    ------
    DonorError
        None was named.
    """
    names = listed(treated)
    if not names:
        raise DonorError(f"no {what} unit was named")
    return names


def modelled(values: np.ndarray, scale: str) -> tuple[np.ndarray, np.ndarray]:
    """Series as the model sees them, and the size that undoes it: logs (of 1), or levels over the mean size."""
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(values)
        logs[np.isneginf(logs)] = np.nan  # a zero has no log
        return logs, np.ones(len(values))
    known = ~np.isnan(values)
    size = np.where(known, np.abs(values), 0).sum(1) / np.maximum(known.sum(1), 1)
    size = np.where(size > 0, size, 1.0)
    return values / size[:, None], size


def refuse_negative(panel: Panel, rows: np.ndarray, scale: str) -> None:
    """Logs of negative values do not exist.

    Raises
    ------
    PanelError
        Names the first unit and day.
    """
    if scale != "log":
        return
    for block in blocks(rows):
        bad = panel.values[block] < 0
        if bad.any():
            row, day = (int(x[0]) for x in np.nonzero(bad))
            value, when = panel.values[block[row], day], panel.dates[day]
            raise PanelError(
                f"{panel.units[block[row]]} is {value:g} on {when:%Y-%m-%d} and logs are asked for: negative values "
                f"({int(bad[row].sum())} of this unit) need scale='level', or returns kept apart from sales"
            )


def blocks(rows: np.ndarray, size: int = 2048) -> list[np.ndarray]:
    """Rows in pieces, so that no step needs a second copy of a large panel; fixed, as other cuts round differently."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def usable_controls(
    panel: Panel, controls: Sequence[str], usable: np.ndarray, scale: str
) -> tuple[np.ndarray, list[str], list[str], tuple[Check, ...]]:
    """Series of the controls that have nearly all days, on all dates; the others are counted."""
    rows = panel.rows(controls)
    if not len(rows):
        text = (
            "no unit without the event: season and event are told apart only by the units' own past; compare with "
            "other years' aligned windows"
        )
        return (
            np.empty((0, len(panel.dates))),
            [],
            [],
            (Check(name="clean_controls", passed=False, value=0, text=text),),
        )
    unknown = np.isnan(panel.values).all(0)
    good = np.concatenate([_is_usable(panel.values[block], unknown, usable, scale) for block in blocks(rows)])
    kept = [str(name) for name, ok in zip(controls, good, strict=True) if ok]
    lost = [str(name) for name, ok in zip(controls, good, strict=True) if not ok]
    checks = [
        Check(name="clean_controls", passed=None, value=len(kept), text=f"{len(kept)} controls without the event")
    ]
    if lost:
        text = f"{len(lost)} controls left out (over {MOST_MISSING:.0%} of days empty or zero, or constant): "
        text = text.replace("%", " %") + ", ".join(lost[:5]) + (" ..." if len(lost) > 5 else "")
        checks.append(Check(name="controls_left_out", passed=None, value=len(lost), text=text))
    if not kept:
        raise DonorError(f"none of the {len(lost)} controls is usable: {checks[-1].text}")
    stride = -(-len(kept) // MOST_CONTROLS)
    return modelled(panel.values[rows[good][::stride]], scale)[0], kept[::stride], lost, tuple(checks)


def _is_usable(values: np.ndarray, unknown: np.ndarray, usable: np.ndarray, scale: str) -> np.ndarray:
    """For each row: nearly all days there, and not constant on the days that may be used."""
    known = values > 0 if scale == "log" else ~np.isnan(values)
    top = np.where(known, values, -np.inf)[:, usable].max(1, initial=-np.inf)
    bottom = np.where(known, values, np.inf)[:, usable].min(1, initial=np.inf)
    holes = 1 - known.mean(1) - unknown.mean()
    return (holes <= MOST_MISSING) & (top - bottom > 1e-9 * np.maximum(np.abs(top), np.abs(bottom)))


def sampled(panel: Panel, names: Sequence[str], scale: str) -> np.ndarray:
    """Modelled series of the units, or of as many of them as priors are learned from."""
    rows = panel.rows(names)
    return modelled(panel.values[rows[:: -(-len(rows) // design.MOST_TO_LEARN)]], scale)[0]


def settled(settings: ModelSettings, panel: Panel, usable: np.ndarray, phases: np.ndarray) -> ModelSettings:
    """Fill in what the calendar decides."""
    before = int(np.flatnonzero(phases != "")[0])
    span = (panel.dates[before] - panel.dates[0]).days
    weekly = panel.freq == "D" and len(usable) >= MONTH_DAYS if settings.weekly is None else settings.weekly
    if weekly and panel.freq != "D":
        raise HelpersError(f"weekly terms need daily data, the panel's periods are of freq {panel.freq!r}")
    annual = settings.annual
    if annual is None:
        annual = 2 if span >= YEAR_DAYS else 0
    return replace(settings, weekly=weekly, annual=annual)


def factors_of(series: np.ndarray, dates: pd.DatetimeIndex, settings: ModelSettings) -> np.ndarray:
    """As many control factors as may be wanted, the strongest first, shape (dates, factors)."""
    most = len(series) if len(series) <= FEW_CONTROLS else max(FACTOR_CHOICES)
    count = min(len(series), most if settings.factors is None else settings.factors)
    if not count:
        return np.empty((len(dates), 0))
    return design.factors_of(series, dates, count=count, trend=settings.trend, weekly=bool(settings.weekly))


def design_of(*, dates, regressors, factors, settings) -> Design:
    return design.build(
        dates,
        trend=settings.trend,
        weekly=settings.weekly,
        annual=settings.annual,
        slow=settings.slow,
        regressors=regressors,
        factors=factors[:, : settings.factors] if settings.factors else None,
    )


def choose(
    shared: dict, settings: ModelSettings, controls: int, series: np.ndarray, usable: np.ndarray, phases: np.ndarray
) -> tuple[ModelSettings, tuple[Check, ...]]:
    """Number of factors by placebo in time: the smallest that is not clearly beaten."""
    if settings.factors is not None or not controls:
        return replace(settings, factors=min(settings.factors or 0, controls)), ()
    if controls <= FEW_CONTROLS:
        text = f"all {controls} components of {controls} controls; the prior sorts them"
        return replace(settings, factors=controls), (Check(name="factors", passed=None, value=controls, text=text),)
    sample, scores = series[:: -(-len(series) // MOST_TO_CHOOSE)], {}
    for count in FACTOR_CHOICES:
        made = design_of(**shared, settings=replace(settings, factors=count))
        scores[count] = _placebo_rmse(made, sample, usable, phases, log=settings.scale == "log")
    if not np.isfinite(list(scores.values())).all():
        count = FACTOR_CHOICES[0]
        text = f"{count} control factors by default: no placebo window fits before the event to choose by"
        return replace(settings, factors=count), (Check(name="factors", passed=None, value=count, text=text),)
    best = min(scores.values())
    count = next(count for count, score in scores.items() if not score > best * (1 + WORTH))
    said = ", ".join(f"{c}: {100 * s:.2f} %" for c, s in scores.items())
    text = f"{count} control factors, chosen by the error of placebo windows before the event ({said})"
    return replace(settings, factors=count), (Check(name="factors", passed=None, value=count, text=text),)


def _placebo_rmse(made: Design, sample: np.ndarray, usable: np.ndarray, phases: np.ndarray, *, log: bool) -> float:
    """Root mean square of the errors of placebo totals, as a share; at one point of the grid."""
    hidden = np.flatnonzero(phases != "")
    whole = complete(sample, usable)
    if not len(whole):  # every unit lacks some day: the days that all of them have
        usable = usable[~np.isnan(sample[:, usable]).any(axis=0)]
        whole = sample
    starts = calibration.windows_of(usable, width=len(hidden), before=int(hidden[0]))
    if not len(whole) or not len(starts):
        return np.nan
    rest, actual = gls.columns_at(centred(whole, usable), usable), gls.columns_at(whole, usable)
    tested = calibration.rolling_origin(
        rest, actual - rest, np.exp(actual) if log else actual, made.terms, observed=usable, starts=starts,
        width=len(hidden), rho=design.PILOT_RHO, kappa=gls.KAPPAS[1], variances=np.zeros(len(whole)),
        sizes=None if log else np.ones(len(whole)),
    )  # fmt: skip
    return float(np.sqrt(np.mean(tested.shares**2)))


def centred(series: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Series less their mean over the usable days that they have."""
    if not len(series):
        return series
    return series - np.nanmean(gls.columns_at(series, usable), axis=1, keepdims=True)


def complete(series: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The series that have every usable day."""
    return series[~np.isnan(gls.columns_at(series, usable)).any(axis=1)]
