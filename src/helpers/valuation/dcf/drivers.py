"""What a valuation takes as given, checked: growth, margin, reinvestment and risk, and the bridge to equity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Real

import numpy as np

from helpers.checks import as_rate
from helpers.errors import ParameterError, UnknownNameError
from helpers.units import check_currency
from helpers.valuation.dcf.kernel import Shape, Value

BOUNDS: dict[str, tuple[float, float]] = {
    "first_growth": (-0.9, 3.0),
    "growth": (-0.9, 3.0),
    "terminal_growth": (-0.5, 0.2),
    "first_margin": (-5.0, 1.0),
    "target_margin": (-5.0, 1.0),
    "tax_rate": (0.0, 1.0),
    "terminal_tax_rate": (0.0, 1.0),
    "discount_rate": (1e-4, 1.0),
    "terminal_discount_rate": (1e-4, 1.0),
    "terminal_roic": (1e-4, 5.0),
    "riskfree_rate": (-0.05, 0.5),
    "depreciation_share": (0.0, 1.0),
    "failure_probability": (0.0, 1.0),
    "failure_proceeds": (0.0, 1.0),
}
"""Rates and shares, 0.24 for 24 %; what lies outside is a percentage or a slip."""

POSITIVE = ("revenue", "sales_to_capital", "later_sales_to_capital", "exit_multiple", "margin_years")
EXIT_BASES = ("sales", "ebitda")
FAILURE_BASES = ("value", "book")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Employee options, which share in the equity.

    Parameters
    ----------
    count : float
        Options outstanding, 0 or more, in the unit of the shares.
    strike : float
        Average exercise price, money per share, above 0.
    term : float
        Years they will run, above 0.
    volatility : float
        Of the share, a year, above 0, at most 5 (0.45 is 45 %).
    rate : float
        Riskless, a year, -0.05 to 0.5.
    dividend_yield : float, default 0
        A year, 0 to 1.
    market_price : float, optional
        Price of a share. Given, the options are worth what the market's price makes them, as Damodaran's option
        sheet has it; not given, what the equity value found here makes them.
    """

    count: float
    strike: float
    term: float
    volatility: float
    rate: float
    dividend_yield: float = 0.0
    market_price: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) is not None:
                _number("options' " + each.name, getattr(self, each.name))
        as_rate("volatility of the options", self.volatility, low=1e-6, high=5.0)
        as_rate("rate of the options", self.rate, low=-0.05, high=0.5)
        as_rate("dividend_yield of the options", self.dividend_yield, low=0.0, high=1.0)
        _at_least("count of options", self.count, 0.0)
        for name in ("strike", "term", "market_price"):
            if getattr(self, name) is not None:
                _above("options' " + name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """From the value of the operating assets to that of one share; money in the drivers' currency.

    Parameters
    ----------
    debt : float, default 0
        Interest-bearing debt, leases included, 0 or more.
    minority_interest : float, default 0
        What others own of the subsidiaries.
    cash : float, default 0
        Cash and securities, after the tax due on bringing them home.
    non_operating : float, default 0
        Cross holdings and other assets that earn no operating profit.
    other_claims : float, default 0
        Any other claim before common equity, such as preferred shares or options valued elsewhere.
    shares : float, optional
        Ordinary shares outstanding, above 0; without them there is no value per share.
    options : Options, optional
        Needs `shares`.
    """

    debt: float = 0.0
    minority_interest: float = 0.0
    cash: float = 0.0
    non_operating: float = 0.0
    other_claims: float = 0.0
    shares: float | None = None
    options: Options | None = None

    def __post_init__(self) -> None:
        for name in ("debt", "minority_interest", "cash", "non_operating", "other_claims"):
            _at_least(name, _number(name, getattr(self, name)), 0.0)
        if self.shares is not None:
            _above("shares", _number("shares", self.shares))
        elif self.options is not None:
            raise ParameterError("options need shares: their value is a part of the equity of all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """A company's value drivers, in Damodaran's terms. Rates and shares are 0 to 1: 0.24 is 24 %.

    Fields that may be left out follow another, so that moving one moves both.

    Parameters
    ----------
    currency : str
        A code in `units.CURRENCIES`, of all money here. Money is in ones, never millions.
    revenue : float
        Of the last twelve months, above 0.
    growth : float
        Of revenue a year, years 1 to `growth_years`; -0.9 to 3.
    target_margin : float
        Operating profit (EBIT) over revenue that `margin_years` leads to; -5 to 1.
    sales_to_capital : float
        Revenue added per money reinvested, above 0.
    discount_rate : float
        Cost of capital of the high-growth years, 0 to 1.
    terminal_growth : float
        For ever, after the last year; below the discount rate then. -0.5 to 0.2.
    tax_rate : float
        Effective rate of the high-growth years, 0 to 1.
    first_growth : float, optional
        Of year 1, where it differs from `growth`.
    first_margin : float, optional
        Of year 1; default today's where `ebit` is given, else `target_margin`.
    ebit : float, optional
        Operating profit of the last twelve months, adjusted for research and leases where they are capitalised.
    margin_years : float, default 5
        Year in which the margin arrives at its target, above 0. Year 1 has `first_margin`, and year t from the
        second on is t / margin_years of the way.
    growth_years : float, default 5
        Years of high growth, 0 to `years`; afterwards growth, tax and discount rate go to their terminal values
        in straight lines, and `later_sales_to_capital` holds.
    years : int, default 10
        Explicit years, 1 to 50.
    later_sales_to_capital, terminal_tax_rate, terminal_discount_rate : float, optional
        Default: as before.
    terminal_roic : float, optional
        Return on new capital for ever; default the terminal discount rate, so that growth adds no value then.
    loss_carried_forward : float, default 0
        Tax losses of former years (NOL), 0 or more.
    lag_years : int, default 1
        Years from reinvestment to the growth that it buys, 0 to 3.
    riskfree_rate : float, optional
        For the check of terminal growth.
    exit_multiple : float, optional
        Enterprise value over sales or EBITDA of the last explicit year, in place of the perpetuity.
    exit_basis : {"sales", "ebitda"}
    depreciation_share : float, default 0
        Depreciation and amortisation over revenue, for EBITDA.
    failure_probability, failure_proceeds : float, default 0
        Chance that the company fails, and the share of value or book that is then recovered.
    failure_basis : {"value", "book"}
    book_capital : float, default 0
        Book value of equity and debt, for proceeds on book.
    is_mid_year : bool, default False
        Flows in the middle of their year instead of its end.
    elapsed_years : float, default 0
        From the end of the last twelve months to the day of valuation, 0 or more. The value of the company then is
        ``V (1 + discount_rate) ** elapsed_years``: what it earned meanwhile is kept and is part of the value. It is for
        figures that are old on the day of a price; the stub is for years that have begun.
    stub_share : float, default 1
        Share of year 1 that still lies ahead on the day of valuation, above 0, at most 1; see `stub_share`.
    bridge : Bridge
    fact_ids : tuple of str
        Ledger rows behind the numbers.

    Raises
    ------
    ParameterError, UnknownNameError
        A number out of range, by name; growth for ever at or above the discount rate; a return on capital for
        ever below growth for ever.
    """

    currency: str
    revenue: float
    growth: float
    target_margin: float
    sales_to_capital: float
    discount_rate: float
    terminal_growth: float
    tax_rate: float
    first_growth: float | None = None
    first_margin: float | None = None
    ebit: float | None = None
    margin_years: float = 5.0
    growth_years: float = 5.0
    years: int = 10
    later_sales_to_capital: float | None = None
    terminal_tax_rate: float | None = None
    terminal_discount_rate: float | None = None
    terminal_roic: float | None = None
    loss_carried_forward: float = 0.0
    lag_years: int = 1
    riskfree_rate: float | None = None
    exit_multiple: float | None = None
    exit_basis: str = "sales"
    depreciation_share: float = 0.0
    failure_probability: float = 0.0
    failure_proceeds: float = 0.0
    failure_basis: str = "value"
    book_capital: float = 0.0
    is_mid_year: bool = False
    elapsed_years: float = 0.0
    stub_share: float = 1.0
    bridge: Bridge = field(default_factory=Bridge)
    fact_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_currency(self.currency)
        for name, low, high in (("years", 1, 50), ("lag_years", 0, 3)):
            _number(name, getattr(self, name))
            if not (low <= getattr(self, name) <= high and getattr(self, name) == int(getattr(self, name))):
                raise ParameterError(f"{name} must be a whole number from {low} to {high}, got {getattr(self, name)}")
        for name in (
            *BOUNDS,
            *POSITIVE,
            "growth_years",
            "stub_share",
            "elapsed_years",
            "loss_carried_forward",
            "book_capital",
        ):
            if getattr(self, name) is not None:
                check_values(name, _number(name, getattr(self, name)), years=self.years)
        if self.ebit is not None and not np.isfinite(_number("ebit", self.ebit)):
            raise ParameterError(f"ebit must be a finite number, got {self.ebit}")
        for name, known in (("exit_basis", EXIT_BASES), ("failure_basis", FAILURE_BASES)):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), list(known))
        if self.failure_basis == "book" and self.failure_proceeds > 0 and self.book_capital == 0:
            raise ParameterError(
                f"failure_proceeds of {self.failure_proceeds:g} of book need book_capital, which is 0: nothing "
                "would be recovered"
            )
        _check_for_ever(parameters(self), perpetuity=self.exit_multiple is None)

    @property
    def shape(self) -> Shape:
        """What is no number of a draw."""
        basis = "" if self.exit_multiple is None else self.exit_basis
        return Shape(years=self.years, lag_years=self.lag_years, is_mid_year=self.is_mid_year, exit_basis=basis)


FOLLOWS = {
    "first_growth": "growth",
    "first_margin": "target_margin",
    "later_sales_to_capital": "sales_to_capital",
    "terminal_tax_rate": "tax_rate",
    "terminal_discount_rate": "discount_rate",
    "terminal_roic": "terminal_discount_rate",
}
"""The field that an empty one takes its value from, in the order in which they are filled."""

_BRIDGE = ("debt", "minority_interest", "cash", "non_operating", "other_claims")
_NO_NUMBERS = {
    *("currency", "bridge", "fact_ids", "ebit", "years", "lag_years", "is_mid_year"),
    *("exit_basis", "failure_basis", "riskfree_rate"),
}
NUMBERS: tuple[str, ...] = (*(f.name for f in fields(Drivers) if f.name not in _NO_NUMBERS), *_BRIDGE)
"""Drivers that may be uncertain or solved for, those of the bridge among them."""


def parameters(drivers: Drivers, moved: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """All numbers of a valuation, with `moved` in their place; empty fields follow.

    Parameters
    ----------
    drivers : Drivers
    moved : mapping of str to float or array, optional
        Names in `NUMBERS`.

    Returns
    -------
    dict of str to float or array

    Raises
    ------
    UnknownNameError
        A name that is no driver.
    """
    moved = moved or {}
    for name in moved:
        if name not in NUMBERS:
            raise UnknownNameError("driver", name, list(NUMBERS))
    p = {name: moved.get(name, getattr(drivers.bridge if name in _BRIDGE else drivers, name)) for name in NUMBERS}
    if p["first_margin"] is None and drivers.ebit is not None:
        p["first_margin"] = drivers.ebit / p["revenue"]
    for name, leader in FOLLOWS.items():
        if p[name] is None:
            p[name] = p[leader]
    return p


def limits(name: str, *, years: int) -> tuple[float, float]:
    """Lowest and highest value that a driver can have, both allowed; the smallest number above 0 for those above 0."""
    if name in BOUNDS:
        return BOUNDS[name]
    if name in POSITIVE:
        return np.nextafter(0, 1), np.finfo(float).max
    if name == "growth_years":
        return 0.0, float(years)
    return (1e-6, 1.0) if name == "stub_share" else (0.0, np.finfo(float).max)


def check_values(name: str, value: Value, *, years: int) -> Value:
    """A driver's number, or every element of an array of it, inside its limits.

    Raises
    ------
    ParameterError
    """
    low, high = limits(name, years=years)
    if name in BOUNDS or name == "stub_share":
        return as_rate(name, value, low=low, high=high)
    if name in POSITIVE:
        return _above(name, value)
    return _at_least(name, value, low, most=high)


def _check_for_ever(p: Mapping[str, float], *, perpetuity: bool) -> None:
    """What cannot go on for ever; a sale at a multiple asks less."""
    growth, rate, roic = p["terminal_growth"], p["terminal_discount_rate"], p["terminal_roic"]
    if perpetuity and growth >= rate:
        raise ParameterError(
            f"terminal_growth {growth:g} is not below terminal_discount_rate {rate:g}: growth at or above the discount "
            f"rate for ever has no finite value ({rate:g} - {growth:g} = {rate - growth:.3g})"
        )
    if perpetuity and growth > 0 and roic < growth:
        needed = f"{growth / roic:.0%} of its profit".replace("%", " %")
        raise ParameterError(
            f"terminal_roic {roic:g} is below terminal_growth {growth:g}: growth for ever would take {needed} "
            f"({growth:g} / {roic:g})"
        )


def _number(name: str, value: object) -> float:
    """One number as given; text that looks like one would pass the bounds and break the arithmetic."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise ParameterError(f"{name} must be one number, got {value!r}")
    return value


def _above(name: str, value: Value) -> Value:
    bad = ~(np.isfinite(np.asarray(value, float)) & (np.asarray(value, float) > 0))
    if bad.any():
        raise ParameterError(f"{name} must be above 0, got {np.asarray(value, float)[bad].flat[0]:g}")
    return value


def _at_least(name: str, value: Value, least: float, most: float = np.finfo(float).max) -> Value:
    values = np.asarray(value, float)
    bad = ~(np.isfinite(values) & (values >= least) & (values <= most))
    if bad.any():
        rule = f"{least:g} or more" if most > 1e300 else f"from {least:g} to {most:g}"
        raise ParameterError(f"{name} must be {rule}, got {values[bad].flat[0]:g}")
    return value
