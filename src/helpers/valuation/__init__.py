"""What a platform was priced at, against what was known of it on that day.

Three methods: `dated_multiples` (price over a published figure, no look-ahead), `option_ladder`
(employee grants as a series of prices) and `implied_total` (a stake and its value state the whole).

What this module cannot do: build the last twelve months from quarters, calendarise fiscal years,
bridge equity to enterprise value, or value preferred shares and time. A headline price treats every
share as the best one, so a multiple of it is an upper reading.
"""

from __future__ import annotations

from helpers.valuation.grants import LadderResult, option_ladder, pair_grants
from helpers.valuation.multiples import MultiplesResult, dated_multiples
from helpers.valuation.stakes import ImpliedTotalResult, implied_total

__all__ = [
    "ImpliedTotalResult",
    "LadderResult",
    "MultiplesResult",
    "dated_multiples",
    "implied_total",
    "option_ladder",
    "pair_grants",
]
