"""Ids of sources in a text, as a reader wants them: by publisher."""

from __future__ import annotations

import re
from collections.abc import Mapping

SOURCE_ID = re.compile(r"\b[a-z]+-[A-Z]?\d{2,3}\b")


def publishers(text: str, names: Mapping[str, str]) -> str:
    """A text with the ids of sources as their publishers' names.

    Parameters
    ----------
    text : str
    names : mapping
        Source id to publisher; ids that it does not know stay.
    """
    return SOURCE_ID.sub(lambda found: names.get(found[0], found[0]), text)
