"""Growth of published figures: rates with guards, matched periods, indices, ages, parts, and what is no longer told.

Every function takes numbers or a table of periods and hands back numbers with the interval that the
rounding of the inputs leaves.

======================  ==========================================================================
`rates`                 compound and continuous rates with guards; a stated rate held against its ends
`periods`               yoy, qoq, indices, several entities at the same age
`seasonality`           the usual step of each quarter, and growth net of it
`ages`                  clocks: launch, first revenue, the day a threshold was passed
`levels`                a product of factors from published levels (users, buyers, orders, GMV)
`decomposition`         the change of a product split over its factors without a residual (LMDI)
`contributions`         points of growth that each segment brought
`pairs`                 the last shared period against the year before, split by factors or segments
`implied`               levels that printed growth rates imply; the quarter that a year leaves over
`nowcast`               a figure that is no longer published, with the record of such estimates
======================  ==========================================================================

What this package cannot do: tell a change of definition from growth, or see companies that died (a
comparison of survivors flatters growth).
"""

from __future__ import annotations

from helpers.growth.ages import AgesResult, at_age, by_age, origins_by_day, origins_by_threshold
from helpers.growth.contributions import ContributionResult, PublishedTotal, contributions
from helpers.growth.decomposition import DecompositionResult, decompose, decompose_chain
from helpers.growth.implied import levels_from_growth, missing_quarter, quarters_from_growth
from helpers.growth.levels import from_levels
from helpers.growth.nowcast import NowcastResult, nowcast
from helpers.growth.pairs import contributions_of, decompose_levels, year_pair
from helpers.growth.periods import qoq, rebase, same_age, yoy
from helpers.growth.rates import (
    GrowthResult,
    cagr,
    cagr_of,
    check_growth_claim,
    compound_growth,
    log_growth,
    span_years,
)
from helpers.growth.seasonality import SeasonalResult, seasonal_growth

__all__ = [
    "AgesResult",
    "ContributionResult",
    "DecompositionResult",
    "GrowthResult",
    "NowcastResult",
    "PublishedTotal",
    "SeasonalResult",
    "at_age",
    "by_age",
    "cagr",
    "cagr_of",
    "check_growth_claim",
    "compound_growth",
    "contributions",
    "contributions_of",
    "decompose",
    "decompose_chain",
    "decompose_levels",
    "from_levels",
    "levels_from_growth",
    "log_growth",
    "missing_quarter",
    "nowcast",
    "origins_by_day",
    "origins_by_threshold",
    "qoq",
    "quarters_from_growth",
    "rebase",
    "same_age",
    "seasonal_growth",
    "span_years",
    "year_pair",
    "yoy",
]
