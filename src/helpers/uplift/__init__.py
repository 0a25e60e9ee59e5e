"""What a shopping event really added, net of what it borrowed from the days around it."""

from __future__ import annotations

from helpers.uplift.counterfactual import ModelSettings
from helpers.uplift.league import League, league
from helpers.uplift.panels import Panel, panel
from helpers.uplift.results import UpliftResult, compare
from helpers.uplift.structural import structural
from helpers.uplift.windows import EventWindow

__all__ = ["EventWindow", "League", "ModelSettings", "Panel", "UpliftResult", "compare", "league", "panel", "structural"]
