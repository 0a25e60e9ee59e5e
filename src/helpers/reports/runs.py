"""The list of runs, ``notebooks/runs.yml``: which notebook, with which parameters, how often.

::

    runs:
      kuaishou-evidence:
        notebook: evidence_ledger
        parameters: {platform: kuaishou, as_of: "2025-12-31"}
        cadence: monthly

A run's name becomes a folder, so it is small letters, digits, ``-`` and ``_`` only. Every run of the file
is checked before the first one starts.

What this cannot do: start anything at a time. ``cadence`` says how often a run is meant to be
started; the clock that does it is cron, a timer or CI.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from helpers.errors import ParameterError
from helpers.reports import parameters

CADENCES = ("daily", "weekly", "monthly", "manual")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_STEM = re.compile(r"\w[\w-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One entry of runs.yml, checked.

    Attributes
    ----------
    name : str
        Its folder in the reports.
    notebook : str
        The notebook's file name without ``.ipynb``.
    path : Path
        The notebook file.
    parameters : dict
        Every parameter of the notebook, given or default.
    cadence : str
        ``daily``, ``weekly``, ``monthly`` or ``manual``.
    """

    name: str
    notebook: str
    path: Path
    parameters: dict[str, parameters.Value]
    cadence: str = "manual"


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys without a word; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ParameterError(f"line {key.start_mark.line + 1}: {key.value!r} stands here a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_runs(notebooks: Path, only: Sequence[str] | None = None) -> list[Run]:
    """Read and check ``runs.yml``: all of it, even where only some runs are wanted.

    Parameters
    ----------
    notebooks : Path
        The folder of the notebooks and of runs.yml.
    only : sequence of str, optional
        Names of the runs to return; all when left out.

    Returns
    -------
    list of Run
        In the file's order.

    Raises
    ------
    ParameterError
        With one line that names the run, the thing and the rule.
    """
    entries = _entries(notebooks / "runs.yml")
    runs = [_run(name, entry, notebooks) for name, entry in entries.items()]
    for name in only or ():
        if name not in entries:
            raise ParameterError(f"runs.yml has no run {name!r} (it has: {', '.join(map(str, entries))})")
    return [run for run in runs if not only or run.name in only]


def _entries(path: Path) -> dict[Any, Any]:
    """The mapping under `runs:`."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # a SafeLoader
    except FileNotFoundError:
        raise ParameterError(f"no {path.name} in {path.parent.name}/: it lists the runs") from None
    except ParameterError as error:
        raise ParameterError(f"{path.name}, {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise ParameterError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or set(content) != {"runs"} or not isinstance(content["runs"], dict):
        raise ParameterError(f"{path.name} has to hold one mapping, `runs:`, of run names to runs")
    if not content["runs"]:
        raise ParameterError(f"{path.name} lists no run")
    return content["runs"]


def _run(name: Any, entry: Any, notebooks: Path) -> Run:
    """One entry, checked against the rules and against its notebook's contract."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(
            f"runs.yml: run name {name!r} has to be 1 to 64 small letters, digits, '-' or '_' "
            "and start with a letter or digit"
        )
    if not isinstance(entry, dict) or "notebook" not in entry:
        raise ParameterError(f"runs.yml, run {name}: needs at least `notebook:`")
    if unknown := sorted(map(str, set(entry) - {"notebook", "parameters", "cadence"})):
        raise ParameterError(f"runs.yml, run {name}: unknown key {unknown[0]!r} (known: notebook, parameters, cadence)")
    cadence = entry.get("cadence", "manual")
    if cadence not in CADENCES:
        raise ParameterError(f"runs.yml, run {name}: cadence {cadence!r} is not one of {', '.join(CADENCES)}")
    try:
        path = _notebook(entry["notebook"], notebooks)
        values = _days_as_text(path, entry.get("parameters"))
        values = parameters.validate(path, values)
    except ParameterError as error:
        raise ParameterError(f"runs.yml, run {name}: {error}") from None
    return Run(name=name, notebook=path.stem, path=path, parameters=values, cadence=cadence)


def _notebook(stem: Any, notebooks: Path) -> Path:
    if not isinstance(stem, str) or not _STEM.fullmatch(stem):
        raise ParameterError(f"notebook {stem!r} has to be a plain name without folder or .ipynb")
    path = notebooks / f"{stem}.ipynb"
    if not path.is_file():
        raise ParameterError(f"no notebook {path.name} in {notebooks.name}/")
    return path


def _days_as_text(path: Path, given: Any) -> dict[Any, Any]:
    """Undo YAML's typing of an unquoted day where the notebook wants a day; say so elsewhere."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ParameterError("`parameters:` has to be a mapping of names to values")
    days = {parameter.name for parameter in parameters.contract(path) if parameter.kind}
    values = dict(given)
    for name, value in given.items():
        if isinstance(value, dt.datetime):
            raise ParameterError(f"parameter {name} is a time ({value}); write it in quotes")
        if isinstance(value, dt.date):
            if name not in days:
                hint = f'write "{value}" in quotes'
                raise ParameterError(f"parameter {name}: YAML reads {value} as a date; {hint}")
            values[name] = value.isoformat()
    return values
