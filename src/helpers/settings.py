"""The settings that every report shares, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import PurePath

import pandas as pd

from helpers import checks, units
from helpers.errors import ParameterError, UnknownNameError

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a report is about.

    Parameters
    ----------
    platform : str
        Entity of the ledger the report is about.
    peers : str, default ""
        Entities to compare with, separated by commas; the platform itself may be among them.
    as_of : str, default ""
        ISO day; only what was public on that day is used. Empty means everything in the ledger.
    currency : str, default ""
        Currency of the report, one of `helpers.units.CURRENCIES`; empty where nothing is converted.
    language : {"en", "zh"}
        Language of labels and number words.

    Raises
    ------
    ParameterError, UnknownNameError
        A value is outside its list or not a day.
    """

    platform: str
    peers: str = ""
    as_of: str = ""
    currency: str = ""
    language: str = "en"

    def __post_init__(self) -> None:
        for part in fields(self):  # papermill passes on whatever type it was given
            value = getattr(self, part.name)
            if part.type == "str" and not isinstance(value, str):
                raise ParameterError(f"{part.name} {value!r} is not a text: write it in quotation marks")
        if not self.platform.strip():
            raise ParameterError("platform is empty: name an entity of the ledger, such as 'xiaohongshu'")
        if self.language not in LANGUAGES:
            raise UnknownNameError("language", self.language, list(LANGUAGES))
        if self.currency and self.currency not in units.CURRENCIES:
            raise UnknownNameError("currency", self.currency, list(units.CURRENCIES))
        if self.as_of:
            parse_day(self.as_of)

    @property
    def names(self) -> tuple[str, ...]:
        """The platform, then its peers, each once."""
        return tuple(dict.fromkeys([self.platform, *_listed(self.peers)]))

    def table(self) -> pd.DataFrame:
        """The settings that are set, as a table with the columns setting, value."""
        given = [(name, value) for name, value in asdict(self).items() if value != ""]
        shown = [(name, f"{value:,.10g}" if isinstance(value, float) else value) for name, value in given]
        return pd.DataFrame(shown, columns=["setting", "value"])


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings(Settings):
    """What a report on a shopping event is about, beside the platform.

    Parameters
    ----------
    data_path : str, default ""
        The analyst's own daily table; empty for the simulated sample.
    columns : str, default "unit, date, value"
        Names of its columns of units, days and values, in this order.
    treated : str, default ""
        Units that took part, separated by commas; may be empty with the sample only.
    event_first, event_last : str
        ISO days, both included.
    dip_days, after_days : int
        Days around the event that are accounted with it, 0 to 60.
    scale : {"log", "level"}
        Whether effects multiply or add.
    past_events : str, default ""
        Other events of the same units, whose days are masked: first and last day with a slash between, several
        separated by commas, such as "2024-11-09/2024-11-11, 2025-06-16/2025-06-18". The days around them are
        masked as those of the event.
    cost : float
        Paid by the platform or merchant for the event, in `currency`; 0 or more.
    margin : float
        Margin on a unit of GMV, 0 to 1.

    Raises
    ------
    ParameterError, UnknownNameError
        A value breaks its rule; the event ends before it starts; own data without treated units.
    """

    data_path: str = ""
    columns: str = "unit, date, value"
    treated: str = ""
    event_first: str
    event_last: str
    dip_days: int = 0
    after_days: int = 0
    scale: str = "log"
    past_events: str = ""
    cost: float = 0.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        first, last = (_day(name, getattr(self, name)) for name in ("event_first", "event_last"))
        if last < first:
            raise ParameterError(f"event_last {last} lies before event_first {first}")
        for name, low, high in (("dip_days", 0, 60), ("after_days", 0, 60), ("margin", 0, 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParameterError(f"{name} {value!r} must lie between {low} and {high}")
        if not self.cost >= 0:
            raise ParameterError(f"cost {self.cost!r} must be 0 or more")
        for span in self.past_spans:
            if len(span) != 2 or _day("past_events", span[1]) < _day("past_events", span[0]):
                raise ParameterError(f"past_events {self.past_events!r} must be spans such as 2024-11-09/2024-11-11")
        if len(self.column_names) != 3:
            raise ParameterError(f"columns {self.columns!r} must name three columns: of units, of days, of values")
        if self.scale not in ("log", "level"):
            raise UnknownNameError("scale", self.scale, ["log", "level"])
        if self.data_path and not self.treated_units:
            raise ParameterError("treated is empty: name the units of your data that took part in the event")

    @property
    def past_spans(self) -> list[tuple[str, ...]]:
        """First and last day of each other event."""
        return [tuple(day.strip() for day in part.split("/")) for part in self.past_events.split(",") if part.strip()]

    @property
    def column_names(self) -> dict[str, str]:
        """What the columns of the analyst's own table are called: by unit, date, value."""
        given = _listed(self.columns)
        return dict(zip(("unit", "date", "value"), given, strict=False)) if len(given) == 3 else {}

    @property
    def data_name(self) -> str:
        """The file's name without its folder, which is nobody's business."""
        return PurePath(self.data_path).name

    @property
    def treated_units(self) -> list[str]:
        """The units that took part, each once."""
        return list(dict.fromkeys(_listed(self.treated)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationSettings(Settings):
    """What a valuation assumes, beside the platform. Rates and shares are written 0.24, not 24.

    Four drivers are uncertain: each is given as the range that holds nine of ten cases.

    Parameters
    ----------
    facts_path : str, default ""
        The analyst's own facts, for `helpers.ledger.load`; empty for the project's ledger alone.
    comparables : str, default ""
        Listed companies whose multiples are compared, separated by commas; the platform is left out of them.
    growth_low, growth_high : float
        Revenue growth a year while it is high, -0.9 to 2.
    margin_low, margin_high : float
        Operating margin of the mature business, -0.5 to 0.7.
    sales_to_capital_low, sales_to_capital_high : float
        Revenue that one unit of new capital brings, 0.1 to 20.
    discount_low, discount_high : float
        Cost of capital, 0.02 to 0.5.
    growth_margin_correlation, growth_discount_correlation : float
        How growth goes together with margin (it is bought) and with the discount rate (it is risky), -0.95 to 0.95.
    clock_revenue : float
        Revenue of twelve months from which a second clock of age counts, in `currency`; above 0.
    high_growth_years : int
        Years before growth fades to the terminal one, 1 to 9.
    terminal_growth, risk_free_rate : float
        A year: -0.05 to 0.06 and below the lowest discount rate; -0.01 to 0.15.
    tax_rate : float
        On operating profit, 0 to 0.6.
    failure_probability : float
        That the business does not last, 0 to 0.95.
    volatility : float
        Of the equity value, a year, 0.05 to 2.
    term_years : float
        Until a sale or a listing, 0.1 to 15.
    listing_chance : float
        That the exit is a listing, which turns every class of shares into common ones, 0 to 1.
    simulations : int
        Draws of the simulation, 1,000 to 2,000,000.
    seed : int
        Of its random numbers, 0 or more.

    Raises
    ------
    ParameterError, UnknownNameError
        A value breaks its rule; one that fits as a percentage is named as such.
    """

    facts_path: str = ""
    comparables: str = ""
    growth_low: float = 0.1
    growth_high: float = 0.3
    margin_low: float = 0.1
    margin_high: float = 0.3
    sales_to_capital_low: float = 1.0
    sales_to_capital_high: float = 4.0
    discount_low: float = 0.09
    discount_high: float = 0.13
    growth_margin_correlation: float = -0.3
    growth_discount_correlation: float = 0.3
    clock_revenue: float = 3e9
    high_growth_years: int = 5
    terminal_growth: float = 0.03
    risk_free_rate: float = 0.04
    tax_rate: float = 0.25
    failure_probability: float = 0.05
    volatility: float = 0.6
    term_years: float = 3.0
    listing_chance: float = 0.9
    simulations: int = 65_536
    seed: int = 1

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for part in fields(self):
            _refuse_other_type(part.name, getattr(self, part.name), part.type)
        for name, (low, high) in _RATES.items():
            checks.as_rate(name, getattr(self, name), low=low, high=high)
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name} must lie between {low:,} and {high:,}, got {getattr(self, name):,}")
        for name in ("growth", "margin", "sales_to_capital", "discount"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if not low < high:
                raise ParameterError(f"{name}_low {low:g} must lie below {name}_high {high:g}: the two are a range")
        if self.seed < 0:
            raise ParameterError(f"seed must be 0 or more, got {self.seed}")
        if self.terminal_growth >= self.discount_low:
            raise ParameterError(
                f"terminal_growth {self.terminal_growth:g} must be below discount_low {self.discount_low:g}: "
                "growth at or above the discount rate for ever has no finite value"
            )

    @classmethod
    def read(
        cls,
        *,
        growth: str,
        margin: str,
        sales_to_capital: str,
        discount_rate: str,
        assumptions: str = "",
        **given: object,
    ) -> ValuationSettings:
        """Settings from the texts of a notebook's parameters.

        Parameters
        ----------
        growth, margin, sales_to_capital, discount_rate : str
            The range that holds nine of ten cases, such as "0.15 to 0.40".
        assumptions : str
            Further fields that differ from their defaults, such as "tax_rate=0.2, seed=7".
        **given
            Other fields.

        Raises
        ------
        ParameterError, UnknownNameError
            A text has another form, a name is none of the fields, or a value breaks its rule.
        """
        texts = {"growth": growth, "margin": margin, "sales_to_capital": sales_to_capital, "discount": discount_rate}
        ends = {f"{name}_{end}": value for name, text in texts.items()
                for end, value in zip(("low", "high"), _range(name, text), strict=True)}  # fmt: skip
        numeric = {part.name: part.type for part in fields(cls) if part.type in ("int", "float")}
        return cls(**given, **ends | _assigned(assumptions, {n: t for n, t in numeric.items() if n not in ends}))

    @property
    def listed(self) -> tuple[str, ...]:
        """The platform, then its comparables, each once."""
        return tuple(dict.fromkeys([self.platform, *_listed(self.comparables)]))

    @property
    def companies(self) -> tuple[str, ...]:
        """The platform, its peers and the comparables, each once."""
        return tuple(dict.fromkeys([*self.names, *self.listed]))

    @property
    def facts_name(self) -> str:
        """The own facts' file without its folder, which is nobody's business."""
        return PurePath(self.facts_path).name

    def table(self) -> pd.DataFrame:
        """The settings that are set, as a table with the columns setting, value."""
        shown = Settings.table(self)
        path = shown["setting"].eq("facts_path")
        shown = shown.assign(value=shown["value"].mask(path, self.facts_name).astype(object))
        ends = dict(zip(shown["setting"], shown["value"], strict=True))
        for name in ("growth", "margin", "sales_to_capital", "discount"):
            place = shown["setting"].eq(f"{name}_low")
            shown.loc[place, "value"] = f"{ends[f'{name}_low']} to {ends[f'{name}_high']}"
            shown.loc[place, "setting"] = name
        return shown[~shown["setting"].str.endswith("_high")].reset_index(drop=True)


_RATES = {  # shares and rates: 24 where 0.24 is meant is told as such
    "growth_low": (-0.9, 2.0),
    "growth_high": (-0.9, 2.0),
    "margin_low": (-0.5, 0.7),
    "margin_high": (-0.5, 0.7),
    "discount_low": (0.02, 0.5),
    "discount_high": (0.02, 0.5),
    "growth_margin_correlation": (-0.95, 0.95),
    "growth_discount_correlation": (-0.95, 0.95),
    "terminal_growth": (-0.05, 0.06),
    "risk_free_rate": (-0.01, 0.15),
    "tax_rate": (0.0, 0.6),
    "failure_probability": (0.0, 0.95),
    "volatility": (0.05, 2.0),
    "listing_chance": (0.0, 1.0),
}
_RANGES = {
    "sales_to_capital_low": (0.1, 20),
    "sales_to_capital_high": (0.1, 20),
    "clock_revenue": (1, 1e13),
    "high_growth_years": (1, 9),
    "term_years": (0.1, 15),
    "simulations": (1_000, 2_000_000),
}


def _range(name: str, text: str) -> tuple[float, float]:
    """Two numbers with "to" between them."""
    parts = text.split(" to ") if isinstance(text, str) else []
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise ParameterError(f"{name} {text!r} is not a range: write two shares such as 0.15 to 0.40") from None
    return low, high


def _assigned(text: str, known: Mapping[str, str]) -> dict[str, float | int]:
    """Numbers given by name, separated by commas."""
    found: dict[str, float | int] = {}
    for part in _listed(text):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise UnknownNameError("assumption", name, list(known))
        try:
            found[name] = {"int": int, "float": float}[known[name]](value)
        except ValueError:
            kind = "whole number" if known[name] == "int" else "number"
            raise ParameterError(f"assumption {name} is a {kind}, got {value!r}") from None
    return found


def _refuse_other_type(name: str, value: object, kind: str) -> None:
    """Numbers as papermill may bring them: a text, a truth value or half a draw is refused."""
    wanted = {"int": (int,), "float": (int, float)}.get(kind)
    if wanted and (isinstance(value, bool) or not isinstance(value, wanted)):
        raise ParameterError(f"{name} {value!r} is not a {'whole number' if kind == 'int' else 'number'}")


def _listed(text: str) -> list[str]:
    """Names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _day(name: str, text: str) -> date:
    try:
        day = parse_day(text)
    except ParameterError:
        day = None
    if day is None:
        raise ParameterError(f"{name} {text!r} is not a day: write YYYY-MM-DD, such as 2025-11-11")
    return day


def parse_day(text: str | date | None) -> date | None:
    """ISO day as a date; None and "" stay None.

    Raises
    ------
    ParameterError
        The text is not a day of the calendar in the form YYYY-MM-DD.
    """
    if text is None or isinstance(text, date):
        return text or None
    if text == "":
        return None
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:  # Python also reads 20251231 and 2025-W01-1
        raise ParameterError(f"as_of {text!r} is not a day: write YYYY-MM-DD, such as 2025-12-31")
    return day
