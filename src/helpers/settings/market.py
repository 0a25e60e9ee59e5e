"""The settings of a market sizing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import PurePath

import pandas as pd

from helpers import checks
from helpers.errors import ParameterError
from helpers.settings.shared import Settings
from helpers.settings.texts import refuse_other_type


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings(Settings):
    """What a market sizing is about, beside the platforms whose place in it is asked for.

    Parameters
    ----------
    market : str
        One of `helpers.datasets.markets`.
    market_path : str, default ""
        The analyst's own driver table, a CSV file; empty for the project's.
    facts_path : str, default ""
        The analyst's own facts, for `helpers.ledger.load`; empty for the project's ledger alone.
    year : int
        The year that is taken apart: tree, gap, sensitivity, scenarios; 2000 to 2100.
    level : float
        Share of cases that a range holds, 0.5 to 0.99.
    simulations : int
        Draws of the year that is taken apart, 4,096 to 2,000,000.
    base : int
        Base points of the sensitivity, a power of 2, 256 to 65,536.
    seed : int
        Of the random numbers, 0 or more.

    Raises
    ------
    ParameterError, UnknownNameError
        A value breaks its rule.
    """

    market: str
    market_path: str = ""
    facts_path: str = ""
    year: int
    level: float = 0.9
    simulations: int = 65_536
    base: int = 4_096
    seed: int = 1

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for part in fields(self):
            refuse_other_type(part.name, getattr(self, part.name), part.type)
        checks.as_rate("level", self.level, low=0.5, high=0.99)
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ParameterError(f"{name} must lie between {low:,} and {high:,}, got {getattr(self, name):,}")
        if self.base & (self.base - 1):
            raise ParameterError(f"base must be a power of 2, such as 4096, got {self.base:,}")
        if self.seed < 0:
            raise ParameterError(f"seed must be 0 or more, got {self.seed}")

    def table(self) -> pd.DataFrame:
        """The settings that are set, as a table with the columns setting, value; files without their folders."""
        shown = Settings.table(self)
        path, year = shown["setting"].isin(["market_path", "facts_path"]), shown["setting"].eq("year")
        named = shown["value"].where(~path, [PurePath(str(v)).name for v in shown["value"]])
        return shown.assign(value=named.where(~year, str(self.year)))


_RANGES = {"year": (2000, 2100), "simulations": (4_096, 2_000_000), "base": (256, 65_536)}
