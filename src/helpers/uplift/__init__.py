"""What a shopping event really added, net of what it borrowed from the days around it.

Declare the window (`EventWindow`), bring a tidy panel (unit, date, value), ask an estimator; every one answers with
an `UpliftResult`, so that they stand side by side (`compare`). `structural` is the one to begin with; the
others are second opinions whose assumptions fail in other ways.

What to read for what:

- the vocabulary: windows, panels, periods, results
- the structural counterfactual: gls (algebra), design (regressors, learned priors), preparation, counterfactual
  (the model), calibration (placebo windows), structural (one answer), league (thousands)
- around it: sensitivity, families (events that repeat and overlap), aligned (other years), opinions
- synthetic control: weights, donors, predictor_weights, synthetic, augmented, sdid, inference
- difference-in-differences: fixed_effects, did_sample, event_study, parallel_trends, selection, adoption,
  group_time, staggered, bacon
- reported figures: claims, same_window, reported, pooling, ar1, interrupted, seasons
- after the estimate: earnings, money, ranking, equivalence, planning
- known truth: simulate, sample

What the package cannot do: find out that something else happened in the same days.
"""

from __future__ import annotations

from helpers.uplift.aligned import aligned_years
from helpers.uplift.augmented import augmented_synthetic_control
from helpers.uplift.bacon import BaconResult, bacon
from helpers.uplift.equivalence import EquivalenceResult, after_effect_over
from helpers.uplift.event_study import event_study, two_way
from helpers.uplift.families import FamilyResult, families
from helpers.uplift.interrupted import interrupted
from helpers.uplift.league import League, league
from helpers.uplift.money import EventCosts, MoneyResult, return_on_event
from helpers.uplift.opinions import Opinions, second_opinions
from helpers.uplift.panels import Panel, panel
from helpers.uplift.planning import PlanResult, minimum_detectable
from helpers.uplift.pooling import PooledResult, pool
from helpers.uplift.preparation import ModelSettings
from helpers.uplift.ranking import RankingResult, rank
from helpers.uplift.reported import Claim, ReportedResult, read_claim
from helpers.uplift.results import UpliftResult, compare
from helpers.uplift.sdid import synthetic_did
from helpers.uplift.seasons import SeasonsResult, event_seasons
from helpers.uplift.selection import SelectionResult, contamination, selection
from helpers.uplift.sensitivity import SensitivityResult, sensitivity
from helpers.uplift.staggered import StaggeredResult, staggered
from helpers.uplift.structural import structural
from helpers.uplift.synthetic import Predictor, synthetic_control
from helpers.uplift.windows import EventWindow

__all__ = [
    "BaconResult",
    "Claim",
    "EquivalenceResult",
    "EventCosts",
    "EventWindow",
    "FamilyResult",
    "League",
    "ModelSettings",
    "MoneyResult",
    "Opinions",
    "Panel",
    "PlanResult",
    "PooledResult",
    "Predictor",
    "RankingResult",
    "ReportedResult",
    "SeasonsResult",
    "SelectionResult",
    "SensitivityResult",
    "StaggeredResult",
    "UpliftResult",
    "after_effect_over",
    "aligned_years",
    "augmented_synthetic_control",
    "bacon",
    "compare",
    "contamination",
    "event_seasons",
    "event_study",
    "families",
    "interrupted",
    "league",
    "minimum_detectable",
    "panel",
    "pool",
    "rank",
    "read_claim",
    "return_on_event",
    "second_opinions",
    "selection",
    "sensitivity",
    "staggered",
    "structural",
    "synthetic_control",
    "synthetic_did",
    "two_way",
]
