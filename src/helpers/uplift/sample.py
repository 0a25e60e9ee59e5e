"""The simulated daily panel of ``data/samples``: platforms, merchants and streamers with a planted event.

Two years of daily GMV. Lunar New Year, National Day and the other breaks move it; eight units hold a Double 11 in
both years and a live session in the second; one merchant's week is missing, one store closes for good, one day
has no price. Every number is drawn, none was observed. What it cannot do: stand for a real platform.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.uplift.simulate import BURST, DIP, HANGOVER, SHAPE, Scenario, market_logs
from helpers.uplift.windows import EventWindow

FIRST_DAY, DAYS = "2024-01-01", 731
KINDS = {"platform": 2, "merchant": 16, "streamer": 6}
TREATED = ("platform_1", *(f"merchant_{k:02d}" for k in range(1, 6)), "streamer_1", "streamer_2")
FESTIVALS = {"2024-11-09": "Double 11, 2024 (simulated)", "2025-11-09": "Double 11, 2025 (simulated)"}
LIVE_DAY, LIVE = "2025-08-16", np.log1p([0.5, 0.2])
LIVE_NAME = "Live session, August 2025 (simulated)"
HOLIDAY_EFFECTS = {
    "spring_festival": -0.30, "pre_spring_festival": -0.15, "national_day": 0.06, "mid_autumn": 0.04,
    "makeup_workday": -0.03, "new_year": 0.03, "qingming": -0.02, "labour_day": 0.04, "dragon_boat": 0.02,
}  # fmt: skip
EXAMPLE_COST = 550_000.0  # made up, like everything here
CLOSED, MISSING_WEEK, NO_PRICE = "merchant_14", "merchant_03", ("merchant_07", "2025-03-08")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SamplePanel:
    """The table and its truth.

    Attributes
    ----------
    table : DataFrame
        unit, date, value (GMV of the day, CNY), price (mean price paid, CNY).
    truth : dict
        treated, controls, events (name, family, first and last day of each phase), and for the last festival
        the planted effect by unit: net, pre_dip, event, after_effect, counterfactual, relative.
    """

    table: pd.DataFrame
    truth: dict[str, object]


def sample_panel(holidays: pd.DataFrame, *, seed: int) -> SamplePanel:
    """Draw the sample.

    Parameters
    ----------
    holidays : DataFrame
        Index date, columns as in `HOLIDAY_EFFECTS`; from `helpers.calendars.movable`.
    seed : int

    Returns
    -------
    SamplePanel
    """
    rng = np.random.default_rng(seed)
    names = [_name(kind, k + 1, count) for kind, count in KINDS.items() for k in range(count)]
    dates = pd.date_range(FIRST_DAY, periods=DAYS, unit="s", name="date")
    takes_part = np.isin(names, TREATED)
    scenario = Scenario(units=len(names), treated=1, days=DAYS, first_day=FIRST_DAY, season_spread=0.02)
    logs = market_logs(scenario, rng, takes_part)
    logs += np.repeat([5.0, 0.0, -0.5], list(KINDS.values()))[:, None]  # platforms are larger
    strength = rng.normal(1, 0.15, (len(names), 1))
    logs += strength * sum(
        effect * holidays[name].reindex(dates).to_numpy() for name, effect in HOLIDAY_EFFECTS.items()
    )
    size = np.maximum(0.4, rng.normal(1, 0.3, len(names)))[:, None]
    event, plain = _events(dates, takes_part, size), np.exp(logs)
    values = np.round(plain * np.exp(event))
    price = np.round(
        np.exp(rng.normal(4, 0.5, (len(names), 1)) + rng.normal(0, 0.02, values.shape) - 0.12 * (event > 0)), 2
    )
    table = pd.DataFrame(
        {
            "unit": np.repeat(names, DAYS), "date": np.tile(dates.strftime("%Y-%m-%d"), len(names)),
            "value": values.ravel(), "price": price.ravel(),
        }
    )  # fmt: skip
    return SamplePanel(table=_damaged(table), truth=_truth(names, dates, takes_part, values, plain))


def windows(truth: dict[str, object]) -> list[EventWindow]:
    """The sample's events as windows, the festival to be measured last."""
    return [
        EventWindow(
            **{phase: tuple(span) for phase, span in given["phases"].items()},
            name=given["name"],
            family=given["family"],
        )
        for given in truth["events"]
    ]


def planted(truth: dict[str, object]) -> dict[str, float]:
    """Planted effect of the last festival added over the treated units, by phase and in total."""
    units = truth["effect"].values()
    parts = {phase: float(sum(unit[phase] for unit in units)) for phase in ("pre_dip", "event", "after_effect")}
    return parts | {"total": float(sum(unit["net"] for unit in units))}


def _name(kind: str, number: int, count: int) -> str:
    return f"{kind}_{number:0{len(str(count))}d}"


def _events(dates: pd.DatetimeIndex, takes_part: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Log effects of all events, shape (units, days)."""
    out = np.zeros((len(takes_part), len(dates)))
    for day in FESTIVALS:
        start = dates.get_loc(day) - len(DIP)
        out[:, start : start + len(SHAPE)] += size * SHAPE
    live = dates.get_loc(LIVE_DAY)
    out[:, live : live + len(LIVE)] += LIVE
    return out * takes_part[:, None]


def _damaged(table: pd.DataFrame) -> pd.DataFrame:
    """A week without rows, a store that closes, a day without a price."""
    closed = table["unit"].eq(CLOSED) & (table["date"] >= "2025-06-01")
    table.loc[closed, "value"] = 0.0
    table.loc[table["unit"].eq(NO_PRICE[0]) & table["date"].eq(NO_PRICE[1]), "price"] = np.nan
    gone = table["unit"].eq(MISSING_WEEK) & table["date"].between("2025-09-01", "2025-09-07")
    return table[~gone].reset_index(drop=True)


def _truth(names, dates, takes_part, values, plain) -> dict[str, object]:
    events = [_phases(day, name, "double_11") for day, name in FESTIVALS.items()]
    live_last = pd.Timestamp(LIVE_DAY) + pd.Timedelta(days=len(LIVE) - 1)
    live = {"name": LIVE_NAME, "family": "live_session", "phases": {"event": [LIVE_DAY, f"{live_last:%Y-%m-%d}"]}}
    start = dates.get_loc(list(FESTIVALS)[-1]) - len(DIP)
    cuts = np.cumsum([start, len(DIP), len(BURST), len(HANGOVER)])
    effect = {}
    for row in np.flatnonzero(takes_part):
        added = values[row] - plain[row]
        parts = [float(added[a:b].sum()) for a, b in itertools.pairwise(cuts)]
        base = float(plain[row, cuts[0] : cuts[-1]].sum())
        effect[names[row]] = {
            "net": round(sum(parts)), "pre_dip": round(parts[0]), "event": round(parts[1]),
            "after_effect": round(parts[2]), "counterfactual": round(base), "relative": round(sum(parts) / base, 6),
        }  # fmt: skip
    controls = [name for name, part in zip(names, takes_part, strict=True) if not part]
    return {
        "treated": list(TREATED), "controls": controls, "events": [events[0], live, events[1]], "effect": effect,
        "closed": CLOSED, "missing_week": MISSING_WEEK, "no_price": list(NO_PRICE),
    }  # fmt: skip


def _phases(day: str, name: str, family: str) -> dict[str, object]:
    first, last = pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=len(BURST) - 1)
    window = EventWindow.around(first.date(), last.date(), dip_days=len(DIP), after_days=len(HANGOVER))
    spans = {phase: [f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"] for phase, (start, end) in window.spans.items()}
    return {"name": name, "family": family, "phases": spans}
