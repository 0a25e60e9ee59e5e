"""One entry of runs.yml for many runs: the product of its axes, each named by its values.

::

    evidence:
      notebook: evidence_ledger
      matrix:
        platform: [xiaohongshu, kuaishou]
        language: [en, zh]
        scenario:                       # a named bundle of parameters
          base: {growth: 0.2}
          bear: {growth: 0.05, margin: 0.1}
        exclude: [{platform: kuaishou, language: zh}]

gives ``evidence-xiaohongshu-en-base`` and so on. An axis is a list of values of one parameter (or of ``notebook``),
or a mapping of names to bundles of parameters. What this cannot do: axes that depend on each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from helpers.errors import ParameterError

MOST_RUNS = 1000
_PART = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def expand(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The runs that an entry stands for.

    Parameters
    ----------
    name : str
    entry : mapping
        As in runs.yml.

    Yields
    ------
    tuple of str and dict
        The run's name and its entry without a matrix.

    Raises
    ------
    ParameterError
        An axis has no value, a value makes no name, an exclusion excludes nothing, or there are too many runs.
    """
    if "matrix" not in entry:
        yield name, dict(entry)
        return
    axes, excluded = _axes(entry["matrix"])
    rest = {key: value for key, value in entry.items() if key != "matrix"}
    size = 1
    for values in axes.values():
        size *= len(values)
    if size > MOST_RUNS:
        raise ParameterError(f"matrix: {size:,} runs; at most {MOST_RUNS:,} are allowed")
    hits = [0] * len(excluded)
    for point in product(*(axis.items() for axis in axes.values())):
        at = dict(zip(axes, (label for label, _ in point), strict=True))
        out = [i for i, one in enumerate(excluded) if all(at[axis] == label for axis, label in one.items())]
        for i in out:
            hits[i] += 1
        if not out:
            yield "-".join([name, *at.values()]), _joined(rest, dict(zip(axes, (v for _, v in point), strict=True)))
    if 0 in hits:
        raise ParameterError(f"matrix: exclude {excluded[hits.index(0)]} leaves nothing out")


def _axes(matrix: Any) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """Axis to label to value, and the exclusions by label."""
    if not isinstance(matrix, dict) or not set(matrix) - {"exclude"}:
        raise ParameterError("`matrix:` has to be a mapping of parameters to lists of values")
    axes = {str(axis): _labelled(str(axis), values) for axis, values in matrix.items() if axis != "exclude"}
    given = matrix.get("exclude") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) and one for one in given):
        raise ParameterError("matrix: `exclude:` has to be a list of mappings of axes to values")
    excluded = [{str(axis): _label(str(axis), value) for axis, value in one.items()} for one in given]
    for axis, label in (item for one in excluded for item in one.items()):
        if label not in axes.get(axis, {}):
            raise ParameterError(f"matrix: exclude names {axis}: {label}, which is no value of the matrix")
    return axes, excluded


def _labelled(axis: str, values: Any) -> dict[str, Any]:
    if isinstance(values, dict) and values and all(isinstance(bundle, dict) for bundle in values.values()):
        return {_label(axis, name): bundle for name, bundle in values.items()}
    if not isinstance(values, list) or not values:
        raise ParameterError(f"matrix: {axis} has to be a list of values, or a mapping of names to parameters")
    labelled: dict[str, Any] = {}
    for value in values:
        label = _label(axis, value)
        if label in labelled:
            raise ParameterError(f"matrix: {axis} has the value {value!r} twice")
        labelled[label] = value if axis == "notebook" else {axis: value}
    return labelled


def _label(axis: str, value: Any) -> str:
    text = str(value).lower()
    if not _PART.fullmatch(text):
        hint = f"write `{axis}: {{a_name: {{parameter: {value!r}}}}}` instead"
        raise ParameterError(f"matrix: {axis}: {value!r} cannot be part of a run's name; {hint}")
    return text.replace(".", "_")


def _joined(rest: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with the parameters of one point of the matrix."""
    made = dict(rest)
    parameters = dict(rest.get("parameters") or {})
    for axis, value in point.items():
        if axis == "notebook":
            made["notebook"] = value
            continue
        for name, given in value.items():
            if name in parameters:
                raise ParameterError(f"matrix: {axis} gives {name!r}, which is given elsewhere too")
            parameters[name] = given
    return {**made, "parameters": parameters}
