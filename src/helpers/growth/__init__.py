"""Growth of published figures: rates with guards, matched periods, indices, age since launch.

Every function takes numbers or a table of periods and hands back numbers with the interval that the
rounding of the inputs leaves. What this module cannot do: remove a season, tell a change of
definition from growth, or see companies that died (a comparison of survivors flatters growth).
"""

from __future__ import annotations

from helpers.growth.periods import qoq, rebase, same_age, yoy
from helpers.growth.rates import GrowthResult, cagr, cagr_of, log_growth, span_years

__all__ = ["GrowthResult", "cagr", "cagr_of", "log_growth", "qoq", "rebase", "same_age", "span_years", "yoy"]
