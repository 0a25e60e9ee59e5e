"""Simulated panels with a known truth: what the estimators are measured on. Nothing here was observed.

Log values are level + trend + weekdays + season of the year (common and a unit's own) + two market
factors (AR(1), 0.95 and 0.8) times the unit's loadings + AR(1) noise. An event takes 2 to 15 % from the ten
days before it, adds 190, 60 and 25 % on its three days, and takes 22 %, fading, from the eleven days after:
net about 4 % of what the 24 days would have sold, a burst of about 11 %. What it cannot do: tell how real
platforms behave; its sizes are chosen, not estimated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from helpers.errors import HelpersError
from helpers.uplift.panels import Panel
from helpers.uplift.windows import EventWindow

DIP = -np.geomspace(0.02, 0.15, 10)
BURST = np.array([1.9, 0.6, 0.25])
HANGOVER = -0.22 * 0.79 ** np.arange(11)
SHAPE = np.log1p(np.concatenate([DIP, BURST, HANGOVER]))
WIDTH = len(SHAPE)
WEEKDAYS = np.array([-0.06, -0.05, -0.03, 0.0, 0.05, 0.08, 0.01])
SEASON = np.array([0.05, -0.06, 0.02, 0.02])  # sin 1, cos 1, sin 2, cos 2
FACTOR_RHOS, FACTOR_SD = (0.95, 0.8), 0.05
YEAR_AGO = 364  # whole weeks


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated.

    Parameters
    ----------
    units, treated, days : int
        Units, how many of them take part (the first ones), length of the calendar.
    first_day : str
        ISO day.
    rest_days : int, default 0
        Days after the window.
    rho, noise_sd : float
        Of the AR(1) noise, in logs.
    tails : float, optional
        Degrees of freedom of Student noise, above 2; normal if None.
    selected : bool, default False
        Treated units follow the market more closely (loading + 0.3), have 1.4 times the season and grow 15
        points a year faster: the case that breaks difference-in-differences.
    level_shift : bool, default False
        A third into the data every unit jumps by its own amount (sd 20 %).
    past_event : bool, default False
        All units had a like event 364 days earlier.
    missing_week : bool, default False
        Seven days, sixty days before the window, are missing in the treated units.
    effect_scale, effect_spread : float
        Mean and standard deviation over units of the factor on the effect's shape; at least 0.1 where
        the scale is not 0.
    season_spread : float
        Of units' own season, in logs.
    """

    units: int = 6
    treated: int = 1
    days: int = 730
    first_day: str = "2024-01-01"
    rest_days: int = 0
    rho: float = 0.6
    noise_sd: float = 0.06
    tails: float | None = None
    selected: bool = False
    level_shift: bool = False
    past_event: bool = False
    missing_week: bool = False
    effect_scale: float = 1.0
    effect_spread: float = 0.3
    season_spread: float = 0.008

    def __post_init__(self) -> None:
        if not 1 <= self.treated <= self.units:
            raise HelpersError(f"treated must lie between 1 and units ({self.units}), got {self.treated}")
        if self.days - self.rest_days < 3 * WIDTH:
            raise HelpersError(f"days less rest_days must be {3 * WIDTH} or more, got {self.days - self.rest_days}")
        if not -1 < self.rho < 1:
            raise HelpersError(f"rho must lie between -1 and 1, got {self.rho}")
        if self.tails is not None and self.tails <= 2:
            raise HelpersError(f"tails must be above 2, got {self.tails}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """A simulated panel and its truth.

    Attributes
    ----------
    panel : Panel
        What an analyst would see.
    window : EventWindow
        The event.
    past : tuple of EventWindow
        Earlier events.
    treated, controls : list of str
        Names of the units.
    without : array, shape (units, days)
        Values without the event (missing days included).
    truth : DataFrame
        One row per unit: unit, treated, effect (net over the window), pre_dip, event, after_effect (its parts),
        counterfactual (total of the window), relative.
    manifest : dict
        Scenario, seed and the words "simulated: true".
    """

    panel: Panel
    window: EventWindow
    past: tuple[EventWindow, ...]
    treated: list[str]
    controls: list[str]
    without: np.ndarray
    truth: pd.DataFrame
    manifest: dict[str, object]


def simulate(scenario: Scenario, *, seed: int) -> Simulation:
    """Draw a panel.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        The same seed gives the same panel.

    Returns
    -------
    Simulation
    """
    rng = np.random.default_rng(seed)
    dates = pd.date_range(scenario.first_day, periods=scenario.days, unit="s", name="date")
    start = scenario.days - scenario.rest_days - WIDTH
    takes_part = np.arange(scenario.units) < scenario.treated
    logs = market_logs(scenario, rng, takes_part)
    size = np.maximum(scenario.effect_scale + scenario.effect_spread * rng.standard_normal(scenario.units), 0.1)
    size = size * (scenario.effect_scale > 0)
    past = ()
    if scenario.past_event and start >= YEAR_AGO:
        logs[:, start - YEAR_AGO : start - YEAR_AGO + WIDTH] += 0.9 * size[:, None] * SHAPE
        past = (_window(dates, start - YEAR_AGO, "simulated event a year earlier"),)
    without = np.exp(logs)
    values = without.copy()
    span = slice(start, start + WIDTH)
    values[takes_part, span] *= np.exp(size[takes_part, None] * SHAPE)
    truth = _truth(values - without, without, span, takes_part)
    if scenario.missing_week:
        values[takes_part, start - 60 : start - 53] = np.nan
    names = pd.Index([f"unit_{k:05d}" for k in range(scenario.units)], dtype=object, name="unit")
    return Simulation(
        panel=Panel(values=values, units=names, dates=dates),
        window=_window(dates, start, "simulated event"), past=past,
        treated=list(names[takes_part]), controls=list(names[~takes_part]), without=without,
        truth=truth.assign(unit=names)[["unit", *truth.columns]],
        manifest={"simulated": True, "seed": seed, "scenario": asdict(scenario)},
    )  # fmt: skip


def market_logs(scenario: Scenario, rng: np.random.Generator, takes_part: np.ndarray) -> np.ndarray:
    """Log values without the event, shape (units, days)."""
    count, day = scenario.units, np.arange(scenario.days)
    more = takes_part & scenario.selected
    level = rng.normal(10, 1, count)
    trend = rng.normal(0.15, 0.08, count) + 0.15 * more
    week = WEEKDAYS + rng.normal(0, 0.04, (count, 7))
    season = SEASON + rng.normal(0, scenario.season_spread, (count, 4))
    angle = 2 * np.pi * day / 365.2425
    year = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)])
    amplitude = np.where(more, 1.4, 1.0)[:, None]
    market = np.stack([_ar(rng, rho, (), scenario.days) for rho in FACTOR_RHOS]) * FACTOR_SD
    loadings = 1 + rng.normal(0, 0.15, (count, 2)) + 0.3 * more[:, None]
    noise = _ar(rng, scenario.rho, (count,), scenario.days, scenario.tails) * scenario.noise_sd
    first = pd.Timestamp(scenario.first_day).day_of_week
    logs = level[:, None] + trend[:, None] * day / 365.2425 + amplitude * (week[:, (day + first) % 7] + season @ year)
    logs += loadings @ market + noise
    if scenario.level_shift:
        logs += rng.normal(0, 0.2, count)[:, None] * (day >= scenario.days // 3)
    return logs


def _ar(
    rng: np.random.Generator, rho: float, shape: tuple[int, ...], days: int, tails: float | None = None
) -> np.ndarray:
    """AR(1) of unit variance, after a run-in."""
    full = (*shape, days + 200)
    shocks = rng.standard_normal(full) if tails is None else rng.standard_t(tails, full) / np.sqrt(tails / (tails - 2))
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], shocks, axis=-1)[..., 200:]


def _window(dates: pd.DatetimeIndex, start: int, name: str) -> EventWindow:
    first, last = dates[start + len(DIP)], dates[start + len(DIP) + len(BURST) - 1]
    return EventWindow.around(
        first.date(), last.date(), dip_days=len(DIP), after_days=len(HANGOVER), name=name, family="simulated"
    )


def _truth(effect: np.ndarray, without: np.ndarray, span: slice, takes_part: np.ndarray) -> pd.DataFrame:
    inside, base = effect[:, span], without[:, span].sum(1)
    ends = np.cumsum([0, len(DIP), len(BURST), len(HANGOVER)])
    parts = {
        name: inside[:, a:b].sum(1)
        for name, a, b in zip(("pre_dip", "event", "after_effect"), ends[:-1], ends[1:], strict=True)
    }
    total = inside.sum(1)
    return pd.DataFrame(
        {"treated": takes_part, "effect": total, **parts, "counterfactual": base, "relative": total / base}
    )
