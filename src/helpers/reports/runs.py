"""The list of runs, ``notebooks/runs.yml``: which notebook, with which parameters, how often, within which limits.

::

    defaults: {minutes: 15, retries: 1}
    runs:
      kuaishou-evidence:
        notebook: evidence_ledger
        parameters: {platform: kuaishou, as_of: "2025-12-31"}
        cadence: monthly          # daily, weekly, monthly or manual
        minutes: 5                # the run is ended after that
        retries: 2                # after a dead kernel or worker, never after an error of the notebook
        after: [other-run]        # starts when these are done, and not at all if one failed
        online: true              # the notebook may open connections
        env: [MY_TOKEN]           # environment variables that its kernel may see
        matrix: ...               # see helpers.reports.matrix

A run's name becomes a folder, so it is small letters, digits, ``-`` and ``_`` only. Every run of the file
is checked before the first one starts.

What this cannot do: start anything at a time. ``cadence`` says how often a run is meant to be
started; the clock that does it is cron, a timer, CI or Airflow (docs/scheduling.md).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from helpers.errors import ParameterError
from helpers.reports import parameters
from helpers.reports.matrix import expand

CADENCES = ("daily", "weekly", "monthly", "manual")
LIMITS = {"minutes": (int | float, 0.01, 24 * 60), "retries": (int, 0, 10)}
_KEYS = ("notebook", "parameters", "cadence", "minutes", "retries", "after", "online", "env", "matrix")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_STEM = re.compile(r"\w[\w-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, checked.

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
    minutes : float
        Limit of its time.
    retries : int
        How often it is started again after a crash.
    after : tuple of str
        Runs that have to be done before.
    is_online : bool
        Whether it may open connections.
    env : tuple of str
        Environment variables that its kernel may see.
    """

    name: str
    notebook: str
    path: Path
    parameters: dict[str, parameters.Value]
    cadence: str = "manual"
    minutes: float = 15
    retries: int = 1
    after: tuple[str, ...] = ()
    is_online: bool = False
    env: tuple[str, ...] = ()


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys without a word; here that is an error.

    Aliases are refused: they can lead back to themselves, or grow to any size.
    """

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise ParameterError(
                f"line {event.start_mark.line + 1}: an alias (*{event.anchor}) is not read; write it out"
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ParameterError(f"line {key.start_mark.line + 1}: a name has to be plain text")
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
    defaults, entries = _entries(notebooks / "runs.yml")
    runs: dict[str, Run] = {}
    for name, entry in entries.items():
        for run in _expanded(name, entry, defaults, notebooks):
            if run.name in runs:
                raise ParameterError(f"runs.yml: two entries make a run {run.name!r}")
            runs[run.name] = run
    _check_order(runs)
    for name in only or ():
        if name not in runs:
            raise ParameterError(f"runs.yml has no run {name!r} (it has: {', '.join(runs)})")
    return [run for run in runs.values() if not only or run.name in only]


def on_day(runs: Iterable[Run], as_of: str) -> list[Run]:
    """The same runs as they would have been on a day, under names of their own.

    Parameters
    ----------
    runs : iterable of Run
    as_of : str
        ISO day.

    Raises
    ------
    ParameterError
        Not a day, or a notebook without the parameter `as_of`.
    """
    made = []
    for run in runs:
        if "as_of" not in run.parameters:
            raise ParameterError(f"{run.notebook} has no parameter as_of, so {run.name} cannot travel back")
        values = parameters.validate(run.path, {**run.parameters, "as_of": as_of})
        made.append(replace(run, name=f"{run.name}-on-{as_of}", parameters=values, cadence="manual", after=()))
    return made


def _check_order(runs: Mapping[str, Run]) -> None:
    """Every run that another waits for exists, and none waits for itself."""
    for run in runs.values():
        for name in run.after:
            if name not in runs:
                raise ParameterError(f"runs.yml, run {run.name}: after names {name!r}, which is no run")
    try:
        TopologicalSorter({run.name: run.after for run in runs.values()}).prepare()
    except CycleError as error:
        raise ParameterError(f"runs.yml: runs wait for each other: {' after '.join(error.args[1])}") from None


def _entries(path: Path) -> tuple[dict[str, Any], dict[Any, Any]]:
    """The mappings under `defaults:` and `runs:`."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # a SafeLoader
    except FileNotFoundError:
        raise ParameterError(f"no {path.name} in {path.parent.name}/: it lists the runs") from None
    except ParameterError as error:
        raise ParameterError(f"{path.name}, {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ParameterError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not {"runs"} <= set(content) <= {"runs", "defaults"}:
        raise ParameterError(
            f"{path.name} has to hold the mapping `runs:`, of run names to runs, and maybe `defaults:`"
        )
    defaults, runs = content.get("defaults") or {}, content["runs"]
    if not isinstance(runs, dict) or not isinstance(defaults, dict):
        raise ParameterError(f"{path.name}: `runs:` and `defaults:` have to be mappings")
    if not runs:
        raise ParameterError(f"{path.name} lists no run")
    if unknown := sorted(map(str, set(defaults) - set(LIMITS))):
        raise ParameterError(f"{path.name}: unknown default {unknown[0]!r} (known: {', '.join(LIMITS)})")
    return defaults, runs


def _expanded(name: Any, entry: Any, defaults: Mapping[str, Any], notebooks: Path) -> list[Run]:
    """One entry as its runs, checked against the rules and against its notebook's contract."""
    _check_name(name)
    if not isinstance(entry, dict):
        raise ParameterError(f"runs.yml, run {name}: needs at least `notebook:`")
    if unknown := sorted(map(str, set(entry) - set(_KEYS))):
        raise ParameterError(f"runs.yml, run {name}: unknown key {unknown[0]!r} (known: {', '.join(_KEYS)})")
    try:
        return [_run(one, {**defaults, **made}, notebooks) for one, made in expand(name, entry)]
    except ParameterError as error:
        raise ParameterError(f"runs.yml, run {name}: {error}") from None


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ParameterError(
            f"runs.yml: run name {name!r} has to be 1 to 100 small letters, digits, '-' or '_' "
            "and start with a letter or digit"
        )


def _run(name: str, entry: Mapping[str, Any], notebooks: Path) -> Run:
    _check_name(name)
    if "notebook" not in entry:
        raise ParameterError("needs at least `notebook:`")
    cadence = entry.get("cadence", "manual")
    if cadence not in CADENCES:
        raise ParameterError(f"cadence {cadence!r} is not one of {', '.join(CADENCES)}")
    online = entry.get("online", False)
    if not isinstance(online, bool):
        raise ParameterError(f"online is {online!r}, but has to be true or false")
    path = _notebook(entry["notebook"], notebooks)
    values = parameters.validate(path, _days_as_text(path, entry.get("parameters")))
    limits = {key: _limit(key, entry[key]) for key in LIMITS if key in entry}
    after, env = _names("after", entry, _NAME), _names("env", entry, _VARIABLE)
    return Run(
        name=name, notebook=path.stem, path=path, parameters=values, cadence=cadence, after=after, is_online=online,
        env=env, **limits,
    )  # fmt: skip


def _limit(key: str, value: Any) -> float:
    kind, low, high = LIMITS[key]
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        raise ParameterError(f"{key} is {value!r}, but has to be a number between {low:g} and {high:g}")
    return value


def _names(key: str, entry: Mapping[str, Any], form: re.Pattern) -> tuple[str, ...]:
    given = entry.get(key) or []
    if not isinstance(given, list) or not all(isinstance(one, str) and form.fullmatch(one) for one in given):
        raise ParameterError(f"{key} has to be a list of names, got {given!r}")
    return tuple(dict.fromkeys(given))


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
