"""Which language labels are in: one for the process, or another for a thread's own block."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from helpers.errors import UnknownNameError
from helpers.wording.words import WORDS

_process = {"language": "en"}
_thread = threading.local()


def set_language(name: str) -> None:
    """Set the language of the process.

    Parameters
    ----------
    name : {"en", "zh"}

    Raises
    ------
    UnknownNameError
        Neither of them.
    """
    if name not in WORDS:
        raise UnknownNameError("language", name, list(WORDS))
    _process["language"] = name


@contextlib.contextmanager
def speaking(name: str) -> Iterator[None]:
    """Another language in this thread, until the block ends: reports in two languages are made at the same time.

    Parameters
    ----------
    name : {"en", "zh"}
    """
    before = getattr(_thread, "language", None)
    _thread.language = name
    try:
        yield
    finally:
        _thread.language = before


def language() -> str:
    """The language in use."""
    return getattr(_thread, "language", None) or _process["language"]


def word(key: str, **values: object) -> str:
    """A label in the language in use, with its blanks filled."""
    return WORDS[language()][key].format(**values)
