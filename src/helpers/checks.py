"""A diagnostic as a value: what was checked, whether it passed, and the sentence for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One diagnostic.

    Attributes
    ----------
    name : str
        Short name of what was checked.
    passed : bool or None
        True, False, or None when the check only informs.
    value, threshold : float, str or None
        What was measured and what it was held against.
    text : str
        One sentence for the report.
    """

    name: str
    passed: bool | None
    value: float | str | None = None
    threshold: float | str | None = None
    text: str = ""
