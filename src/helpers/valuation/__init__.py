"""What a platform is worth, from every side, and what its price takes for granted.

Numbers and tables in, results with their arithmetic out; a refusal says what would settle it.

- **figures to multiples**: `fiscal` (quarters, calendarised years), `twelve_months` (last and next), `fundamentals`
  (what was public on the day of a price), `multiples` (dated, no look-ahead; `price_kind` says what stands over
  what), `growth_adjusted`; `shares`, `per_share`, `dilution` (ordinary against ADS), `bridge`, `vendor_bridge`
  (equity to enterprise value), `neighbours` (figures ten times off)
- **comparables**: `peers` (median, harmonic mean, range), `peer_regression` (growth and margin, prediction
  interval), `peer_distance` (who resembles whom, and how firmly)
- **cash flows**: `dcf` (Damodaran's form), `simulation` (correlated drivers), `reverse` (what is priced in),
  `expectations` (for every observed price),
  `required_return`
- **private companies**: `marks` (mentions to marks and rounds), `rounds` (step-ups, holders' returns), `returns`
  (every root), `stakes` (a part states the whole), `cap_table`, `reconstruction`, `waterfall`, `opm`, `headline`
  (post-money against common), `dlom`
- **grants**: `grants` (the ladder), `repurchases`, `grant_terms`, `grant_values`, `warrants`, `exercise`;
  underneath `black_scholes`, `binomial`
- **all together**: `printed` (facts to claims), `reconcile` (contradicting claims), `field` (football field)

What this package cannot do: know a company from within. Every value rests on figures that somebody printed and
on assumptions that the caller declares.
"""

from __future__ import annotations

from helpers.valuation.cap_table import CapitalStructure, ShareClass, capital_structure
from helpers.valuation.dcf import Bridge, Drivers, dcf, scenarios
from helpers.valuation.dlom import dlom
from helpers.valuation.exercise import exercise_or_wait
from helpers.valuation.expectations import ExpectationsResult, expectations
from helpers.valuation.field import football_field
from helpers.valuation.fiscal import calendarise, quarters
from helpers.valuation.fundamentals import MAX_AGE_DAYS, FundamentalsResult, beside_multiples, fundamentals, subject
from helpers.valuation.grant_terms import OptionAssumptions, Vesting
from helpers.valuation.grant_values import fair_values, grant_values
from helpers.valuation.grants import LadderResult, option_ladder, pair_grants
from helpers.valuation.growth_adjusted import growth_adjusted
from helpers.valuation.headline import backsolve_range, headline_gap
from helpers.valuation.marks import marks_of, rounds_of
from helpers.valuation.multiples import MultiplesResult, dated_multiples
from helpers.valuation.neighbours import flag_neighbours
from helpers.valuation.opm import OpmSettings, allocate, backsolve
from helpers.valuation.peer_distance import peer_distance
from helpers.valuation.peer_regression import RegressionResult, regress_multiples
from helpers.valuation.peers import Denominator, PeersResult, peer_multiples
from helpers.valuation.printed import claims_of, estimates_of, model_estimates, supports_of
from helpers.valuation.reconcile import ReconcileResult, reconcile
from helpers.valuation.reconstruction import RoundTerms, reconstruct
from helpers.valuation.repurchases import RepurchaseLadderResult, dated_steps, repurchase_ladder
from helpers.valuation.required_return import implied_return
from helpers.valuation.returns import irr, xirr
from helpers.valuation.reverse import iso_value, priced_in, reverse_dcf, reverse_grid
from helpers.valuation.rounds import holding_returns, step_ups
from helpers.valuation.simulation import simulate
from helpers.valuation.stakes import ImpliedTotalResult, implied_total
from helpers.valuation.twelve_months import ltm, ltm_series, ntm
from helpers.valuation.vendor_bridge import implied_net_debt
from helpers.valuation.waterfall import breakpoints, payoff

__all__ = [
    "MAX_AGE_DAYS",
    "Bridge",
    "CapitalStructure",
    "Denominator",
    "Drivers",
    "ExpectationsResult",
    "FundamentalsResult",
    "ImpliedTotalResult",
    "LadderResult",
    "MultiplesResult",
    "OpmSettings",
    "OptionAssumptions",
    "PeersResult",
    "ReconcileResult",
    "RegressionResult",
    "RepurchaseLadderResult",
    "RoundTerms",
    "ShareClass",
    "Vesting",
    "allocate",
    "backsolve",
    "backsolve_range",
    "beside_multiples",
    "breakpoints",
    "calendarise",
    "capital_structure",
    "claims_of",
    "dated_multiples",
    "dated_steps",
    "dcf",
    "dlom",
    "estimates_of",
    "exercise_or_wait",
    "expectations",
    "fair_values",
    "flag_neighbours",
    "football_field",
    "fundamentals",
    "grant_values",
    "growth_adjusted",
    "headline_gap",
    "holding_returns",
    "implied_net_debt",
    "implied_return",
    "implied_total",
    "irr",
    "iso_value",
    "ltm",
    "ltm_series",
    "marks_of",
    "model_estimates",
    "ntm",
    "option_ladder",
    "pair_grants",
    "payoff",
    "peer_distance",
    "peer_multiples",
    "priced_in",
    "quarters",
    "reconcile",
    "reconstruct",
    "regress_multiples",
    "repurchase_ladder",
    "reverse_dcf",
    "reverse_grid",
    "rounds_of",
    "scenarios",
    "simulate",
    "step_ups",
    "subject",
    "supports_of",
    "xirr",
]
