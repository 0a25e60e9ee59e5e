"""The one arithmetic of free cash flow to the firm, for a single company or a million draws of it.

Every parameter is one number or an array; all arrays have one length. Years are a loop and draws are vectors, so
memory does not grow with the years. `forecast` reads the rows of each year, `simulation` and `reverse` only the
values. Formulas and conventions: see `helpers.valuation.dcf`.

Nothing is checked here but what a draw can break: growth for ever at or above the discount rate, or above the return
on capital. There the value is NaN, and the caller counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Value = float | np.ndarray
Parameters = Mapping[str, Value]
Rows = dict[str, Value]

CHUNK = 8_192
"""Draws at a time: the arrays of one year stay in the processor's second cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is no number of a draw.

    Parameters
    ----------
    years : int
        Explicit years.
    lag_years : int
        From reinvestment to growth, 0 to 3.
    is_mid_year : bool
        Flows come in the middle of their year.
    exit_basis : {"", "sales", "ebitda"}
        What `exit_multiple` multiplies; empty where a perpetuity follows.
    """

    years: int
    lag_years: int
    is_mid_year: bool
    exit_basis: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Values:
    """Present values, money, before failure and the bridge to equity.

    Attributes
    ----------
    flows : float or array
        Of the explicit years.
    terminal : float or array
        Of what comes after them; NaN where it has no finite value.
    terminal_value : float or array
        The same as it stands at the end of the last explicit year.
    """

    flows: Value
    terminal: Value
    terminal_value: Value

    @property
    def total(self) -> Value:
        """Both: the value of the operating assets of a company that does not fail."""
        return self.flows + self.terminal


def present_values(p: Parameters, shape: Shape, *, record: Callable[[Rows], None] | None = None) -> Values:
    """Value of the operating assets' cash flows.

    Parameters
    ----------
    p : mapping of str to float or array
        As `drivers.parameters` gives them.
    shape : Shape
    record : callable, optional
        Called with each year's rows by name, in the order of the table's columns; the terminal year's come last.

    Returns
    -------
    Values
    """
    company = _Company(p, shape)
    flows: Value = 0.0
    for year in range(1, shape.years + 1):
        rows = company.step(year)
        flows = flows + rows["present_value"]
        if record is not None:
            record(rows)
    rows = company.terminal_year(rows)
    if record is not None:
        record(rows)
    value = company.terminal_value(rows)
    return Values(flows=flows, terminal=value * company.terminal_factor(), terminal_value=value)


class _Company:
    """The company as it goes through its years: `step` moves it on by one."""

    __slots__ = ("always_pays_tax", "before", "end_factor", "growths", "intensity", "nol", "p", "revenue", "shape")

    def __init__(self, p: Parameters, shape: Shape) -> None:
        self.p, self.shape = p, shape
        self.revenue, self.nol, self.end_factor = p["revenue"], p["loss_carried_forward"], 1.0
        early = 1 / p["sales_to_capital"]
        same = p["sales_to_capital"] is p["later_sales_to_capital"]
        self.intensity = early, early if same else 1 / p["later_sales_to_capital"]
        self.growths: dict[int, Value] = {}
        self.always_pays_tax = (
            np.max(p["loss_carried_forward"]) == 0
            and np.min(p["first_margin"]) >= 0
            and np.min(p["target_margin"]) >= 0
        )

    def step(self, year: int) -> Rows:
        """Rows of the next year."""
        p, fade = self.p, _fade(self.p["growth_years"], year, self.shape.years)
        self.before, self.revenue = self.revenue, self.revenue * (1 + self.growth(year))
        margin = _between(p["first_margin"], p["target_margin"], _converged(p["margin_years"], year))
        ebit = self.revenue * margin
        tax_rate = _between(p["tax_rate"], p["terminal_tax_rate"], fade)
        nopat = self.after_tax(ebit, tax_rate)
        reinvestment = self.growth_bought(year) * _between(*self.intensity, _clipped(year - p["growth_years"]))
        fcff = nopat - reinvestment
        rate = _between(p["discount_rate"], p["terminal_discount_rate"], fade)
        factor = self.discount(rate, p["stub_share"] if year == 1 else 1.0)
        present = fcff * factor * p["stub_share"] if year == 1 else fcff * factor
        return {
            "year": year, "growth": self.growth(year), "revenue": self.revenue, "margin": margin, "ebit": ebit,
            "tax_rate": tax_rate, "nol": self.nol, "nopat": nopat, "reinvestment": reinvestment, "fcff": fcff,
            "discount_rate": rate, "discount_factor": factor, "present_value": present,
        }  # fmt: skip

    def growth(self, year: int) -> Value:
        """Growth of revenue in a year; that for ever after the last explicit one."""
        if year not in self.growths:
            p, years = self.p, self.shape.years
            first = p["first_growth"] if year == 1 else p["growth"]
            fade = 1.0 if year > years else _fade(p["growth_years"], year, years)
            self.growths[year] = _between(first, p["terminal_growth"], fade)
        return self.growths[year]

    def growth_bought(self, year: int) -> Value:
        """Sales that this year's reinvestment adds, `lag_years` ahead."""
        lag = self.shape.lag_years
        if lag == 0:
            return self.revenue - self.before
        base = self.revenue
        for later in range(year + 1, year + lag):
            base = base * (1 + self.growth(later))
        return base * self.growth(year + lag)

    def after_tax(self, ebit: Value, tax_rate: Value) -> Value:
        """Operating profit after tax; losses of former years shield it, and a loss pays none."""
        if self.always_pays_tax:
            return ebit * (1 - tax_rate)
        left = ebit - self.nol
        taxed = np.maximum(left, 0.0)
        self.nol = taxed - left
        return ebit - tax_rate * taxed

    def discount(self, rate: Value, length: Value) -> Value:
        """Factor of this year's flow; moves on the factor of the year's end."""
        start, growth = self.end_factor, 1 + rate
        whole = np.ndim(length) == 0 and length == 1
        self.end_factor = start / (growth if whole else growth**length)
        return start / np.sqrt(growth if whole else growth**length) if self.shape.is_mid_year else self.end_factor

    def terminal_year(self, last: Rows) -> Rows:
        """Rows of the first year after the explicit ones: full tax, and what growth for ever must reinvest."""
        p = self.p
        growth, rate = p["terminal_growth"], p["terminal_discount_rate"]
        revenue = self.revenue * (1 + growth)
        ebit = revenue * last["margin"]
        nopat = ebit - p["terminal_tax_rate"] * np.maximum(ebit, 0.0)
        # a loss for ever pays no tax and frees no capital by growing
        reinvestment = np.maximum(growth, 0.0) / p["terminal_roic"] * np.maximum(nopat, 0.0)
        return {
            "year": self.shape.years + 1, "growth": growth, "revenue": revenue, "margin": last["margin"], "ebit": ebit,
            "tax_rate": p["terminal_tax_rate"], "nol": self.nol, "nopat": nopat, "reinvestment": reinvestment,
            "fcff": nopat - reinvestment, "discount_rate": rate, "discount_factor": np.nan, "present_value": np.nan,
        }  # fmt: skip

    def terminal_value(self, rows: Rows) -> Value:
        """Value at the end of the last explicit year; NaN where growth for ever has none."""
        p = self.p
        if self.shape.exit_basis:
            per_sale = 1.0
            if self.shape.exit_basis == "ebitda":
                per_sale = rows["margin"] + p["depreciation_share"]
            return p["exit_multiple"] * self.revenue * per_sale
        spread = rows["discount_rate"] - rows["growth"]
        sound = (spread > 0) & (p["terminal_roic"] >= rows["growth"])
        if np.ndim(sound) == 0:
            return rows["fcff"] / spread if sound else np.nan + 0 * rows["fcff"]
        return rows["fcff"] / np.where(sound, spread, np.nan)

    def terminal_factor(self) -> Value:
        """A perpetuity's flows come mid-year as well, half a year earlier; a sale at a multiple comes at the end."""
        if self.shape.is_mid_year and not self.shape.exit_basis:
            return self.end_factor * np.sqrt(1 + self.p["terminal_discount_rate"])
        return self.end_factor


def _fade(growth_years: Value, year: int, years: int) -> Value:
    """How far the company is on its way from high growth to the terminal state: 0 to 1, in straight lines.

    Continuous in `growth_years`, which may be a fraction; a phase that lasts to the last year does not fade.
    """
    left = years - growth_years
    if np.ndim(left) == 0:
        return _clipped((year - growth_years) / left) if left > 0 else 0.0
    return _clipped((year - growth_years) / np.maximum(left, 1e-9))


def _converged(margin_years: Value, year: int) -> Value:
    """Share of the way to the target margin: none in year 1, then year / margin_years."""
    return 0.0 if year == 1 else _clipped(year / margin_years)


def _clipped(share: Value) -> Value:
    return min(max(share, 0.0), 1.0) if np.ndim(share) == 0 else np.clip(share, 0.0, 1.0)


def _between(start: Value, end: Value, share: Value) -> Value:
    """``start + share (end - start)``, without work where a whole end is asked for."""
    if start is end or (np.ndim(share) == 0 and share == 0):
        return start
    if np.ndim(share) == 0 and share == 1:
        return end
    return start * (1 - share) + end * share  # two passes where one end is a single number
