"""The terms that a grant's value rests on: assumptions, vesting and the expected term.

Expected term: the simplified method of the SEC's Staff Accounting Bulletins 107 and 110. What the module cannot do:
tell how long holders really wait; that needs the company's own exercise history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.checks import Check, as_rate
from helpers.errors import ParameterError
from helpers.valuation import black_scholes
from helpers.valuation.black_scholes import MAX_VOLATILITY, RATE_BOUNDS, Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionAssumptions:
    """What no ledger holds and every option value rests on.

    Parameters
    ----------
    volatility : float
        Of the share, a year, above 0, at most 5 (0.6 is 60 %).
    rate : float
        Riskless, continuously compounded, -0.5 to 1.
    dividend_yield : float, default 0
        Continuously compounded, 0 to 1.
    volatility_source : str, default ""
        Where the volatility comes from, such as "median of five listed peers, two years of weeks"; a check fails
        where it is empty.

    Raises
    ------
    ParameterError
        A number out of range; a percentage in place of a share is named as such.
    """

    volatility: float
    rate: float
    dividend_yield: float = 0.0
    volatility_source: str = ""

    def __post_init__(self) -> None:
        black_scholes.price(1.0, 1.0, 1.0, rate=self.rate, volatility=self.volatility)  # names what is out of range
        as_rate("dividend_yield", self.dividend_yield, low=0.0, high=RATE_BOUNDS[1])

    @property
    def pricing(self) -> dict[str, float]:
        """Keyword arguments of `black_scholes.price`."""
        return {"rate": self.rate, "volatility": self.volatility, "dividend_yield": self.dividend_yield}

    def checks(self) -> tuple[Check, ...]:
        """``volatility_source`` and ``dlom``: what every result that rests on these must say."""
        source = self.volatility_source.strip()
        return (
            Check(
                name="volatility_source",
                passed=bool(source),
                value=self.volatility,
                threshold=MAX_VOLATILITY,
                text=f"volatility {self.volatility:.0%} from {source}".replace("%", " %")
                if source
                else f"volatility {self.volatility:.0%} is declared without a source".replace("%", " %"),
            ),
            Check(name="dlom", passed=None, text="no discount for lack of marketability is taken (dlom)"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vesting:
    """When which share of a grant becomes the holder's.

    Parameters
    ----------
    years : tuple of float
        Of each tranche, from the grant, 0 or more, rising.
    shares : tuple of float
        Of the options that vest then, each above 0, together 1.

    Raises
    ------
    ParameterError
        The two do not fit, years do not rise, shares do not add up to 1.
    """

    years: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        years, shares = np.asarray(self.years, float), np.asarray(self.shares, float)
        if not years.size or years.shape != shares.shape:
            raise ParameterError(f"vesting needs one share per date, got {years.size} years and {shares.size} shares")
        if not (np.isfinite(years).all() and years[0] >= 0 and (np.diff(years) > 0).all()):
            raise ParameterError(f"vesting years must be 0 or more and rise, got {self.years}")
        as_rate("a vesting share", shares, low=0.0, high=1.0)
        if (shares == 0).any() or abs(shares.sum() - 1) > 1e-9:
            raise ParameterError(f"vesting shares must be above 0 and add up to 1, got {self.shares}: {shares.sum():g}")

    @classmethod
    def at_once(cls, years: float) -> Vesting:
        """Everything on one day, `years` after the grant (cliff vesting)."""
        return cls(years=(years,), shares=(1.0,))

    @classmethod
    def graded(cls, years: float, *, tranches: int, cliff_years: float = 0.0) -> Vesting:
        """Equal tranches up to `years`; those due before `cliff_years` vest together on that day.

        Parameters
        ----------
        years : float
            To the last tranche, above 0.
        tranches : int
            1 or more: 4 over four years is yearly, 48 monthly.
        cliff_years : float, default 0
            At most `years`.
        """
        if not (tranches >= 1 and tranches == int(tranches)):
            raise ParameterError(f"tranches must be a whole number from 1, got {tranches}")
        if not 0 <= cliff_years <= years:
            raise ParameterError(f"cliff_years must lie between 0 and years ({years:g}), got {cliff_years:g}")
        due = years * np.arange(1, int(tranches) + 1) / tranches
        days, counts = np.unique(np.maximum(due, cliff_years), return_counts=True)
        return cls(years=tuple(days.tolist()), shares=tuple((counts / tranches).tolist()))

    @property
    def mean_years(self) -> float:
        """Average over the options."""
        return float(np.dot(self.years, self.shares))


def simplified_term(vesting_years: Numbers, contractual_years: Numbers) -> Numbers:
    """Expected term of a plain option, ``(vesting + contractual) / 2`` (SAB 107; SAB 110 keeps it).

    Parameters
    ----------
    vesting_years : float or array
        Years to vesting; for graded vesting the mean over the options (SAB 107: four yearly quarters of a ten-year
        option make 6.25 years).
    contractual_years : float or array
        Years to expiry, above 0, not before vesting.

    Returns
    -------
    float or array of float

    Raises
    ------
    ParameterError
        A vesting after expiry, or a number out of range.
    """
    vesting, contractual = np.asarray(vesting_years, float), np.asarray(contractual_years, float)
    if not (vesting >= 0).all():
        raise ParameterError(f"vesting_years must be 0 or more, got {np.nanmin(vesting):g}")
    if not ((contractual > 0) & (contractual < np.inf)).all():
        raise ParameterError(f"contractual_years must be above 0, got {contractual.min():g}")
    if (vesting > contractual).any():
        late, end = (x[vesting > contractual].flat[0] for x in np.broadcast_arrays(vesting, contractual))
        raise ParameterError(f"an option that vests after {late:g} years expires before, after {end:g}")
    found = (vesting + contractual) / 2
    return found if found.ndim else float(found)
