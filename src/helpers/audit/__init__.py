"""The audit: recompute what sources state, compare what they share, and show the arithmetic.

Every rule compares intervals (what the printed digits leave open) and gives one of four verdicts:

consistent
    the numbers agree within rounding;
inconsistent
    they cannot all be true as printed: at least one is wrong, or it measures something else;
implausible
    possible, but outside what the stated bounds allow, so somebody must look;
undetermined
    the ledger cannot decide, and the text says what is missing or which definitions may differ.

What the audit cannot do: know what a source meant. An "inconsistent" between two research houses
may be a difference of definition that neither prints; where the kind of source makes that likely,
the verdict is undetermined and says so. A figure that no second number touches is not judged.
"""

from helpers.audit.run import Audit, audit
from helpers.audit.texts import as_facts, texts

__all__ = ["Audit", "as_facts", "audit", "texts"]
