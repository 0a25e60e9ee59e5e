"""Market sizing: a graph of sourced drivers, honest ranges, forecasts with measured coverage.

======================  ==========================================================================
`driver`                one number with unit, population, year, region, range and evidence
`formula` `quality`     formulas as text; what may be combined with what
`graph` `sizing`        the sizing graph; ranges, scenarios, tornado and information from it
`plan` `fill` `years`   a driver table, its numbers by year, every node over the years
`lookup` `sources`      the number of a driver in a year; several sources made one distribution
`definitions`           figures of one name that count different things
`bridge`                years between two known ones
`reconcile`             top-down meets bottom-up
`bass` `curves`         adoption by named estimators; curves with a ceiling, and whether it is known
`models` `rolling`      simple forecasts; what they would have said in each past year
`series` `forecast`     yearly series; the stack and its band with measured coverage
======================  ==========================================================================

What this package cannot do: know a market that nobody has described, or say that a judged range is right.
"""

from __future__ import annotations

from helpers.market.bass import Analogue, BassFit, BassPrior, fit_bass, increments_of, prior_of
from helpers.market.curves import Ceiling, CurveFit, ceiling, fit_curve
from helpers.market.definitions import DefinitionsResult, compare_definitions
from helpers.market.driver import Driver
from helpers.market.fill import FilledMarket, fill
from helpers.market.forecast import ForecastResult, forecast
from helpers.market.graph import Graph
from helpers.market.lookup import Evidence
from helpers.market.plan import MarketPlan, metrics_of, read_plan
from helpers.market.reconcile import ReconcileResult, reconcile
from helpers.market.series import POOL_EVENTS, POOL_METRICS, yearly_series
from helpers.market.sizing import ScenarioResult, SizingResult, effects, information, scenarios, simulate, tornado
from helpers.market.sources import SourcedDriver, from_facts
from helpers.market.years import MarketSeries, growth_between, size_years

__all__ = [
    "POOL_EVENTS",
    "POOL_METRICS",
    "Analogue",
    "BassFit",
    "BassPrior",
    "Ceiling",
    "CurveFit",
    "DefinitionsResult",
    "Driver",
    "Evidence",
    "FilledMarket",
    "ForecastResult",
    "Graph",
    "MarketPlan",
    "MarketSeries",
    "ReconcileResult",
    "ScenarioResult",
    "SizingResult",
    "SourcedDriver",
    "ceiling",
    "compare_definitions",
    "effects",
    "fill",
    "fit_bass",
    "fit_curve",
    "forecast",
    "from_facts",
    "growth_between",
    "increments_of",
    "information",
    "metrics_of",
    "prior_of",
    "read_plan",
    "reconcile",
    "scenarios",
    "simulate",
    "size_years",
    "tornado",
    "yearly_series",
]
