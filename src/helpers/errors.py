"""The errors of the kit: each message names the thing, the value and the rule."""

from __future__ import annotations


class HelpersError(ValueError):
    """Base of every error that a user can cause and mend."""


class DataError(HelpersError):
    """A data file breaks its schema; the message lists row, column, value and rule.

    Parameters
    ----------
    file : str
        Name of the file, as the user knows it.
    problems : sequence of str
        One line each; the message shows the first ten and counts the rest.
    """

    def __init__(self, file: str, problems: list[str]) -> None:
        self.file = file
        self.problems = list(problems)
        shown = self.problems[:10]
        more = len(self.problems) - len(shown)
        tail = [f"... and {more} more"] if more else []
        super().__init__("\n  ".join([f"{file}: {len(self.problems)} problem(s)", *shown, *tail]))

    def __reduce__(self) -> tuple:
        return type(self), (self.file, self.problems)  # an error of another machine's worker arrives whole


class UnknownNameError(HelpersError):
    """A name is not in its closed list; the message offers the nearest ones."""

    def __init__(self, what: str, name: object, known: list[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(str(name), known, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        listed = f" (known: {', '.join(known)})" if len(known) <= 12 else ""
        super().__init__(f"unknown {what} {name!r}{hint}{listed}")
        self.asked = what, name, known

    def __reduce__(self) -> tuple:
        return type(self), self.asked


class UnitError(HelpersError):
    """Quantities of different kinds were about to be combined."""


class RateError(HelpersError):
    """No exchange rate for that currency and day."""


class ParameterError(HelpersError):
    """A setting or a notebook parameter breaks its contract."""


class PanelError(HelpersError):
    """A table is not the panel of units and dates that it should be."""


class WindowError(HelpersError):
    """An event window contradicts itself or does not fit the data."""


class DonorError(HelpersError):
    """Treated and control units are not what a comparison needs."""


class NotEstimableError(HelpersError):
    """The data do not determine what was asked for: a result in itself, with what would settle it.

    Parameters
    ----------
    what : str
        What was asked for, such as "LTM revenue of kuaishou to 2025-09-30".
    reason : str
        Why it has no answer.
    settles : str
        The evidence that would give it one.
    """

    def __init__(self, what: str, reason: str, settles: str) -> None:
        super().__init__(f"{what} is not estimable: {reason}; what would settle it: {settles}")
        self.what, self.reason, self.settles = what, reason, settles

    def __reduce__(self) -> tuple:
        return type(self), (self.what, self.reason, self.settles)
