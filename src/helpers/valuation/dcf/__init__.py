"""Discounted free cash flow to the firm, for companies that grow, lose money or may fail.

Conventions of Damodaran's workbook "fcffsimpleginzu" (stern.nyu.edu/~adamodar, 2024), year t of T = `years`:

    growth      g_1 to g_n as given, n = growth_years; then in straight lines to terminal growth in year T
    margin      year 1 as given; year t: first + (target - first) min(t / margin_years, 1)
    tax         effective to year n, then in straight lines to the terminal rate; a loss pays none and is carried
    reinvested  (R_(t+lag) - R_(t+lag-1)) / sales-to-capital, with growth for ever after year T
    discount    cumulated year by year; the rate fades as growth does
    terminal    NOPAT_(T+1) (1 - g / ROIC) / (r - g), without reinvestment where g is 0 or below; or a multiple

Beyond the sheet: mid-year flows and a stub of year 1, a fraction of a year of high growth, exit multiples, options that
are valued from the equity found here instead of in a circle.

What it cannot do: know the drivers. It takes one cost of capital per year and no change of debt, values no
remaining tax losses after year T, and converts no currency.
"""

from __future__ import annotations

from helpers.valuation.dcf.adjustments import (
    LeaseResult,
    ResearchResult,
    capitalise_research,
    lease_debt,
    stub_share,
)
from helpers.valuation.dcf.drivers import NUMBERS, Bridge, Drivers, Options, check_values, limits, parameters
from helpers.valuation.dcf.equity import KINDS, check_kind, equity_value, operating_value, options_value, worth
from helpers.valuation.dcf.forecast import DcfResult, ScenariosResult, dcf, scenarios
from helpers.valuation.dcf.kernel import CHUNK, Shape, Values, present_values

__all__ = [
    "CHUNK",
    "KINDS",
    "NUMBERS",
    "Bridge",
    "DcfResult",
    "Drivers",
    "LeaseResult",
    "Options",
    "ResearchResult",
    "ScenariosResult",
    "Shape",
    "Values",
    "capitalise_research",
    "check_kind",
    "check_values",
    "dcf",
    "equity_value",
    "lease_debt",
    "limits",
    "operating_value",
    "options_value",
    "parameters",
    "present_values",
    "scenarios",
    "stub_share",
    "worth",
]
