"""The evidence ledger: what somebody published, when, and which figure to prefer.

A fact is what a source said, kept as it said it even where it is wrong. Two clocks run: the period
a number is about (``period_start`` to ``period_end``) and the day it was public (``known_on``).
Every reader takes ``as_of`` and sees only what was public on that day.

``known_on`` is the day the source was published. Where the source shows no day, it is the last day
the fact can have been: its own ``as_of``. A measured figure is never public before the point it
describes, whatever day its page carries. ``known_basis`` says which of these it was.

What the module cannot do: tell whether two sources define a metric alike (`helpers.audit` argues
about that), or know of a correction that no source here prints.
"""

from helpers.ledger.health import health
from helpers.ledger.readers import PreferredSeries, cite, facts, label, names, preferred, public
from helpers.ledger.slices import fingerprints
from helpers.ledger.store import Ledger, load

__all__ = [
    "Ledger",
    "PreferredSeries",
    "cite",
    "facts",
    "fingerprints",
    "health",
    "label",
    "load",
    "names",
    "preferred",
    "public",
]
