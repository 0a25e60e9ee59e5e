"""The settings of each kind of report, checked before anything is computed."""

from helpers.settings.documents import DocumentSettings
from helpers.settings.event import EventSettings
from helpers.settings.market import MarketSettings
from helpers.settings.shared import LANGUAGES, Settings
from helpers.settings.texts import parse_day
from helpers.settings.valuation import ValuationSettings

__all__ = [
    "LANGUAGES",
    "DocumentSettings",
    "EventSettings",
    "MarketSettings",
    "Settings",
    "ValuationSettings",
    "parse_day",
]
