"""The contract of a notebook's parameters: read from its `parameters` cell, checked before a kernel starts.

A notebook declares its parameters once, in the code cell tagged ``parameters``, one per line::

    platform: str = "kuaishou"    # whose accounts; one of kuaishou, xiaohongshu
    horizon: int = 5              # explicit forecast; years; between 1 and 30
    growth: float = 0.08          # revenue growth a year; share; between -0.5 and 1
    as_of: str = "2025-12-31"     # facts public on this day; ISO date
    event_date: str = ""          # first day of the event; ISO date or empty

The type is ``str``, ``int``, ``float`` or ``bool`` and the default is a literal. The comment's parts are
separated by semicolons: the meaning comes first, and the rules may stand anywhere after it:

``one of a, b, c``
    The allowed values, separated by commas; the list ends at the next semicolon or at the end of the line.
    ``one of a, b, c unless NAME`` opens the list when the text parameter NAME is not empty: a file of own
    facts may bring a platform of its own.
``between LOW and HIGH``
    The allowed range of a number, both ends included.
``ISO date`` or ``ISO date or empty``
    A day written as 2025-12-31 (and, with "or empty", also the empty text).

Any other part is read as the unit. A default has to keep its own rules.

What this cannot do: rules between two parameters ("start before end") belong in the notebook's settings
object, which checks them when the notebook runs.
"""

from __future__ import annotations

import ast
import datetime as dt
import io
import json
import math
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from helpers.errors import ParameterError

Value = str | int | float | bool

_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_KINDS = {"iso date": "iso_date", "iso date or empty": "iso_date_or_empty"}
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_BETWEEN = re.compile(rf"between\s+({_NUMBER})\s+and\s+({_NUMBER})", re.IGNORECASE)
_ONE_OF = re.compile(r"one of\b\s*(.*?)(?:\s+unless\s+(\w+))?", re.IGNORECASE)
_RULE_LIKE = re.compile(r"(one\s*of|between|iso)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    name : str
        As the notebook's code spells it.
    type : str
        ``str``, ``int``, ``float`` or ``bool``.
    default : str, int, float or bool
        What the notebook uses when a run says nothing.
    meaning, unit : str
        From the comment; the unit may be empty.
    allowed : tuple or None
        The closed list of values, if there is one.
    unless : str
        A text parameter that opens the closed list when it is not empty.
    low, high : float or None
        The ends of the allowed range, both included.
    kind : str or None
        ``iso_date`` or ``iso_date_or_empty`` for a day kept as text.
    """

    name: str
    type: str
    default: Value
    meaning: str
    unit: str = ""
    allowed: tuple[Value, ...] | None = None
    unless: str = ""
    low: float | None = None
    high: float | None = None
    kind: str | None = None

    @property
    def rule(self) -> str:
        """The rule in words, empty where every value of the type is allowed."""
        if self.allowed is not None:
            opened = f" unless {self.unless} is given" if self.unless else ""
            return "one of " + ", ".join(str(value) for value in self.allowed) + opened
        if self.low is not None:
            return f"between {self.low:.12g} and {self.high:.12g}"
        return {"iso_date": "ISO date", "iso_date_or_empty": "ISO date or empty"}.get(self.kind or "", "")


def contract(path: Path) -> list[Parameter]:
    """Read the parameters that a notebook declares.

    Parameters
    ----------
    path : Path
        The notebook file.

    Returns
    -------
    list of Parameter
        In the notebook's order.

    Raises
    ------
    ParameterError
        The file is not a notebook, has no (or more than one) `parameters` cell, or a line of that
        cell breaks the form in this module's docstring; the message names notebook, line and rule.
    """
    path = Path(path)
    source = _parameters_cell(path)
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise _bad_line(path, error.lineno or 1, f"is not valid Python ({error.msg})") from None
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for statement in body:
        parameter = _declared(path, statement, comments)
        if parameter.name in found:
            raise _bad_line(path, statement.lineno, f"declares {parameter.name!r} a second time")
        found[parameter.name] = parameter
    for parameter in found.values():
        if parameter.unless and getattr(found.get(parameter.unless), "type", None) != "str":
            raise ParameterError(
                f"notebook {path.name}: the list of {parameter.name!r} opens unless {parameter.unless!r}, "
                "which is no text parameter"
            )
    return list(found.values())


def validate(path: Path, given: Mapping[str, Any]) -> dict[str, Value]:
    """Check values against a notebook's contract, without starting anything.

    Parameters
    ----------
    path : Path
        The notebook file.
    given : mapping
        Parameter names and values, as a run names them.

    Returns
    -------
    dict
        Every parameter of the notebook with the value it will have: the given one or the default.
        A whole number given for a float arrives as a float.

    Raises
    ------
    ParameterError
        A name is unknown, or a value has the wrong type or breaks its rule; one line.
    """
    parameters = {parameter.name: parameter for parameter in contract(path)}
    for name in given:
        if name not in parameters:
            raise ParameterError(f"{Path(path).stem}: {_unknown(name, list(parameters))}")
    values = {name: parameter.default for name, parameter in parameters.items()}
    for name, value in given.items():
        parameter = parameters[name]
        if given.get(parameter.unless):
            parameter = replace(parameter, allowed=None)
        try:
            values[name] = checked(parameter, value)
        except ParameterError as error:
            raise ParameterError(f"{Path(path).stem}: {error}") from None
    return values


def checked(parameter: Parameter, value: Any) -> Value:
    """Return `value` if it keeps the rules of `parameter`.

    Parameters
    ----------
    parameter : Parameter
    value : object
        What a run gives.

    Returns
    -------
    str, int, float or bool
        The value; a whole number for a float parameter becomes a float.

    Raises
    ------
    ParameterError
        Wrong type, not in the list, outside the range, not an ISO date.
    """
    value = _typed(parameter, value)
    shown = f"parameter {parameter.name} is {value!r}"
    if parameter.allowed is not None and value not in parameter.allowed:
        near = get_close_matches(str(value), [str(one) for one in parameter.allowed], n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ParameterError(f"{shown}, but has to be {parameter.rule}{hint}")
    if parameter.low is not None and not parameter.low <= value <= parameter.high:
        raise ParameterError(f"{shown}, but has to be {parameter.rule}")
    if parameter.kind and not _is_day(value) and not (parameter.kind.endswith("empty") and value == ""):
        raise ParameterError(f"{shown}, but has to be an {parameter.rule} such as 2025-12-31")
    return value


def _unknown(name: object, known: list[str]) -> str:
    """Say that a parameter is unknown and what was probably meant."""
    near = get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown parameter {name!r}{hint} (it has: {', '.join(known) or 'none'})"


def _typed(parameter: Parameter, value: Any) -> Value:
    """Check the type: a bool is no number, a number in quotes is text, an int will do for a float."""
    wanted = _TYPES[parameter.type]
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        given = "nothing" if value is None else f"{value!r} ({type(value).__name__})"
        hint = "; write it in quotes" if wanted is str and isinstance(value, bool | int | float) else ""
        raise ParameterError(f"parameter {parameter.name} needs {parameter.type}, got {given}{hint}")
    if wanted is float and not math.isfinite(value):
        raise ParameterError(f"parameter {parameter.name} is {value!r}, but has to be a finite number")
    return value


def _is_day(text: str) -> bool:
    # The pattern comes first: from Python 3.11 on, fromisoformat also takes 20251231 and 2025-W01-1.
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def notebook_json(path: Path) -> dict:
    """Load a notebook file as plain JSON, with an error that names what is wrong with the file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    ParameterError
        No such file, an empty file, not JSON, or JSON without cells.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParameterError(f"no notebook {path.name} in {path.parent.name}/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"notebook {path.name} cannot be read: {error}") from None
    if not text.strip():
        raise ParameterError(f"notebook {path.name} is an empty file")
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise ParameterError(f"notebook {path.name} is not valid JSON: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ParameterError(f"notebook {path.name} is not a notebook: it has no list of cells (nbformat 4)")
    return notebook


def _parameters_cell(path: Path) -> str:
    """Source of the one code cell tagged `parameters`."""
    cells = [
        cell
        for cell in notebook_json(path)["cells"]
        if cell.get("cell_type") == "code" and "parameters" in cell.get("metadata", {}).get("tags", [])
    ]
    if len(cells) != 1:
        count = "no code cell" if not cells else f"{len(cells)} code cells"
        raise ParameterError(f"notebook {path.name} has {count} tagged 'parameters', it needs exactly one")
    source = cells[0].get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _comments(source: str) -> dict[int, str]:
    """The comment of each line, without its hash sign."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ").strip() for token in tokens if token.type == tokenize.COMMENT}


def _declared(path: Path, statement: ast.stmt, comments: dict[int, str]) -> Parameter:
    """One line of the cell as a Parameter."""
    line = statement.lineno
    named = isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    if not named or statement.value is None:
        raise _bad_line(path, line, "is not of the form `name: type = default  # meaning; unit; rule`")
    name, kind = statement.target.id, ast.unparse(statement.annotation)
    if kind not in _TYPES:
        raise _bad_line(path, line, f"types {name!r} as {kind}, it has to be one of {', '.join(_TYPES)}")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise _bad_line(path, line, f"gives {name!r} a default that is not a literal") from None
    comment = comments.get(statement.end_lineno or line, "")
    if not comment:
        raise _bad_line(path, line, f"has no comment; say what {name!r} means: `# meaning; unit; rule`")
    try:
        parameter = Parameter(name=name, type=kind, default=default, **_rules(name, kind, comment))
        default = checked(parameter, default)
    except ParameterError as error:
        raise _bad_line(path, line, f"does not hold together: {error}") from None
    return parameter if default is parameter.default else replace(parameter, default=default)


def _rules(name: str, kind: str, comment: str) -> dict[str, Any]:
    """Meaning, unit and rules out of one comment."""
    parts = [part.strip() for part in comment.split(";") if part.strip()]
    rules: dict[str, Any] = {"meaning": "" if _RULE_LIKE.match(parts[0]) else parts.pop(0)}
    if not rules["meaning"]:
        raise ParameterError(f"the comment of {name} has to start with its meaning")
    units = []
    for part in parts:
        if match := _ONE_OF.fullmatch(part):
            rules["allowed"], rules["unless"] = _allowed(name, kind, match[1]), match[2] or ""
        elif (match := _BETWEEN.fullmatch(part)) and kind in ("int", "float"):
            rules["low"], rules["high"] = sorted((float(match[1]), float(match[2])))
        elif part.lower() in _KINDS and kind == "str":
            rules["kind"] = _KINDS[part.lower()]
        elif _RULE_LIKE.match(part):
            # A misspelt rule read as a unit would check nothing, and nobody would notice.
            raise ParameterError(f"cannot read the rule {part!r} for a {kind}")
        else:
            units.append(part)
    return {**rules, "unit": "; ".join(units)}


def _allowed(name: str, kind: str, listed: str) -> tuple[Value, ...]:
    """The values after `one of`, in the parameter's type."""
    texts = [text.strip().strip("'\"") for text in listed.split(",") if text.strip()]
    if not texts or kind == "bool":
        raise ParameterError(f"the rule 'one of' of {name} needs values and no bool")
    try:
        return tuple(_TYPES[kind](text) for text in texts)
    except ValueError:
        raise ParameterError(f"the values 'one of {listed}' of {name} are not all {kind}") from None


def _bad_line(path: Path, line: int, what: str) -> ParameterError:
    return ParameterError(f"notebook {path.name}, parameters cell, line {line} {what}")
