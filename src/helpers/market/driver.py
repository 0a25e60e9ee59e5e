"""A driver of a market's size: one number with its unit, what it counts, its year, its range and its evidence.

What the class cannot do: judge whether the range is a good one. It refuses what can never be right: a number without
a source and without a reason, a share beyond 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from helpers import units
from helpers.draws import Distribution
from helpers.errors import ParameterError, UnitError

TAIL = 1e-3
"""A share may lie beyond 0 and 1 in fewer than one case in a thousand at either end, and does not at all if bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One number that goes into a sizing.

    Parameters
    ----------
    name : str
        By which formulas call it: a Python name.
    unit : str
        In the kit's units, such as "person", "order / person / year", "CNY / order", "CNY / year"; "1" for a ratio.
    distribution : Distribution
        Of `helpers.draws`, in base units.
    year : int
        That it describes.
    region : str
        Such as "China".
    definition : str
        What exactly it is.
    population : str, default ""
        Whom or what it counts, or whom a rate is per: "online shoppers".
    whole : str, default ""
        Of a share: the population that it is a share of.
    fact_ids : tuple of str
        Facts of the ledger behind it.
    reason : str, default ""
        Why it is what it is; needed where no fact stands behind it.
    label : str, default ""
        For readers; the name unless given.

    Raises
    ------
    ParameterError
        No source and no reason, a name that no formula can call, a share that reaches beyond 0 and 1.
    UnitError
        A unit that the kit does not know.
    """

    name: str
    unit: str
    distribution: Distribution
    year: int
    region: str
    definition: str
    population: str = ""
    whole: str = ""
    fact_ids: tuple[str, ...] = ()
    reason: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ParameterError(f"driver {self.name!r} must have a name that formulas can call, such as take_rate")
        if not self.fact_ids and not self.reason.strip():
            raise ParameterError(f"driver {self.name} has neither a source nor a reason: give fact_ids or say why")
        unit = units.unit_of(self.unit, self.name)
        if self.whole and not unit.dimensionless:
            raise UnitError(f"driver {self.name} is a share of {self.whole}, so its unit is 1, got {self.unit}")
        if self.is_share:
            self._check_share()

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a whole."""
        return bool(self.whole)

    def _check_share(self) -> None:
        low, high = (float(self.distribution.quantile(p)) for p in (TAIL, 1 - TAIL))
        if low < 0 or high > 1:
            raise ParameterError(
                f"share {self.name} lies between 0 and 1, got {low:.4g} to {high:.4g} at its 0.1 % and 99.9 % "
                "quantiles: use a PERT or a beta distribution inside"
            )
