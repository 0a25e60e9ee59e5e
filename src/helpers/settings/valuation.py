"""The settings of a valuation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import PurePath

import pandas as pd

from helpers import checks
from helpers.errors import ParameterError
from helpers.settings.shared import Settings
from helpers.settings.texts import listed, read_assigned, read_range, refuse_other_type


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
            refuse_other_type(part.name, getattr(self, part.name), part.type)
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
                for end, value in zip(("low", "high"), read_range(name, text), strict=True)}  # fmt: skip
        numeric = {part.name: part.type for part in fields(cls) if part.type in ("int", "float")}
        return cls(**given, **ends | read_assigned(assumptions, {n: t for n, t in numeric.items() if n not in ends}))

    @property
    def listed(self) -> tuple[str, ...]:
        """The platform, then its comparables, each once."""
        return tuple(dict.fromkeys([self.platform, *listed(self.comparables)]))

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
