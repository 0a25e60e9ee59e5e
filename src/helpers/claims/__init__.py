"""Numbers in Chinese and English prose and tables, with unit, currency, period and the exact place.

`read` finds every number that is a claim and says what it is about. A wrong value is worse than a missing one: what is
ambiguous in itself (5 mm, 3兆, a bare number) is left out, and where the words allow two readings both are kept.

What the module cannot do: understand a text. Entity, metric and period are bound by rules that look at one sentence, its
heading and the title; `Claim.confidence` says how near the words stood, and a person accepts each claim.
"""

from helpers.claims.lexicon import Lexicon
from helpers.claims.reading import read
from helpers.claims.record import COLUMNS, RULE_VERSION, STATUS, Claim, as_kept, table

__all__ = ["COLUMNS", "RULE_VERSION", "STATUS", "Claim", "Lexicon", "as_kept", "read", "table"]
