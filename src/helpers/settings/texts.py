"""What the texts of a notebook's parameters say: lists, days, ranges, numbers by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from helpers.errors import ParameterError, UnknownNameError


def read_range(name: str, text: str) -> tuple[float, float]:
    """Two numbers with "to" between them."""
    parts = text.split(" to ") if isinstance(text, str) else []
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise ParameterError(f"{name} {text!r} is not a range: write two shares such as 0.15 to 0.40") from None
    return low, high


def read_assigned(text: str, known: Mapping[str, str]) -> dict[str, float | int]:
    """Numbers given by name, separated by commas."""
    found: dict[str, float | int] = {}
    for part in listed(text):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            raise UnknownNameError("assumption", name, list(known))
        try:
            found[name] = {"int": int, "float": float}[known[name]](value)
        except ValueError:
            kind = "whole number" if known[name] == "int" else "number"
            raise ParameterError(f"assumption {name} is a {kind}, got {value!r}") from None
    return found


def refuse_other_type(name: str, value: object, kind: str) -> None:
    """Numbers as papermill may bring them: a text, a truth value or half a draw is refused."""
    wanted = {"int": (int,), "float": (int, float)}.get(kind)
    if wanted and (isinstance(value, bool) or not isinstance(value, wanted)):
        raise ParameterError(f"{name} {value!r} is not a {'whole number' if kind == 'int' else 'number'}")


def listed(text: str) -> list[str]:
    """Names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def read_day(name: str, text: str) -> date:
    try:
        day = parse_day(text)
    except ParameterError:
        day = None
    if day is None:
        raise ParameterError(f"{name} {text!r} is not a day: write YYYY-MM-DD, such as 2025-11-11")
    return day


def parse_day(text: str | date | None) -> date | None:
    """ISO day as a date; None and "" stay None.

    Raises
    ------
    ParameterError
        The text is not a day of the calendar in the form YYYY-MM-DD.
    """
    if text is None or isinstance(text, date):
        return text or None
    if text == "":
        return None
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:  # Python also reads 20251231 and 2025-W01-1
        raise ParameterError(f"as_of {text!r} is not a day: write YYYY-MM-DD, such as 2025-12-31")
    return day
