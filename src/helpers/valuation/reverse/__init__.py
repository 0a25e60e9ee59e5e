"""What a price takes for granted: the valuation solved for one driver, and the curves along which it holds.

A reverse discounted cash flow (Rappaport and Mauboussin 2001, Expectations Investing) asks which growth, margin,
multiple, discount rate or years of growth make the model's value equal to a price. The model is that of
`helpers.valuation.dcf`, so a company that loses money today has an answer too. Value need not rise with a driver
(growth that is bought dearly destroys it), so the whole range is searched and every root is reported; a price out of
reach is refused with the range that can be reached.

The discount rate moves as one: the terminal rate keeps its distance. Growth moves every year whose growth is left to
it (see `Drivers.first_growth`). What it cannot do: tell which of the answers is right; each holds all other drivers
where they are.
"""

from __future__ import annotations

from helpers.valuation.reverse.curves import IsoValueResult, ReverseGridResult, iso_value, reverse_grid
from helpers.valuation.reverse.solve import UNKNOWNS, PricedInResult, ReverseResult, priced_in, reverse_dcf

__all__ = [
    "UNKNOWNS",
    "IsoValueResult",
    "PricedInResult",
    "ReverseGridResult",
    "ReverseResult",
    "iso_value",
    "priced_in",
    "reverse_dcf",
    "reverse_grid",
]
