"""A sizing graph: named drivers, formulas over them, and every check that can be made before a number is drawn.

A name is one number wherever it stands: "users" in two branches are the same users, so ``users - users`` is 0 and
``users / users`` is 1, also when they are uncertain. A sum of segments says whether they are disjoint or how much of
it is counted twice. What the module cannot do: find an overlap that nobody declared between segments that share no
node, or a driver that was forgotten.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pandas as pd

from helpers.checks import Check
from helpers.draws import Inputs
from helpers.errors import ParameterError, UnknownNameError
from helpers.market import quality
from helpers.market.driver import Driver
from helpers.market.formula import addends, compute, names_in, parse, parts_of
from helpers.market.quality import Quality

DISJOINT = "disjoint"
TREE = ["node", "parent", "depth", "kind", "label", "formula", "unit", "year", "fact_ids", "reason"]


class Graph:
    """Drivers and formulas of one market in one year.

    Parameters
    ----------
    drivers : iterable of Driver
        Each name once.
    formulas : mapping of str to str
        Node to formula, see `helpers.market.formula`; in any order, without cycles.
    overlaps : mapping of str to str, optional
        For each node that adds up segments: "disjoint: why", or the name of a driver, the share of the plain sum that
        is counted twice.
    correlations : mapping of (str, str) to float, optional
        Of pairs of drivers, as for `helpers.draws.Inputs`.
    labels : mapping of str to str, optional
        What readers see.
    populations : mapping of str to str, optional
        What a node counts, where its parts do not say.

    Attributes
    ----------
    drivers, formulas, overlaps, labels : dict
    order : tuple of str
        Nodes, each after those it needs.
    units : dict of str to str
        Of drivers and nodes.
    inputs : Inputs
        The drivers that formulas use.
    checks : tuple of Check

    Raises
    ------
    ParameterError, UnitError, UnknownNameError
        Numbers that cannot be combined, an undeclared overlap, a cycle, an unknown name, correlations that contradict
        each other; each by name.
    """

    def __init__(
        self,
        drivers: Iterable[Driver],
        formulas: Mapping[str, str],
        *,
        overlaps: Mapping[str, str] | None = None,
        correlations: Mapping[tuple[str, str], float] | None = None,
        labels: Mapping[str, str] | None = None,
        populations: Mapping[str, str] | None = None,
    ) -> None:
        self.drivers = _by_name(drivers, formulas)
        self.formulas = dict(formulas)
        self.overlaps = dict(overlaps or {})
        self.labels = {name: driver.label or name for name, driver in self.drivers.items()} | dict(labels or {})
        self.order = _ordered(self.formulas, self.drivers)
        self._needs = {node: _needed(node, self.formulas, self.overlaps, self.drivers) for node in self.order}
        self._qualities = self._checked(dict(populations or {}))
        used = {name for names in self._needs.values() for name in names if name in self.drivers}
        self.inputs = Inputs(
            distributions={name: driver.distribution for name, driver in self.drivers.items() if name in used},
            correlations=dict(correlations or {}),
        )
        self.checks = (_unused(set(self.drivers) - used, len(self.drivers)),)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each driver and node."""
        return {name: quality.shown(found.unit) for name, found in self._qualities.items()}

    def quality(self, name: str) -> Quality:
        """Unit, population, year and region of a driver or node."""
        self.check(name)
        return self._qualities[name]

    def check(self, name: str) -> None:
        """Refuse a name that is neither driver nor node."""
        if name not in self.drivers and name not in self.formulas:
            raise UnknownNameError("node", name, [*self.formulas, *self.drivers])

    def beneath(self, node: str) -> tuple[str, ...]:
        """The node and every name that it rests on, each once, nearest first."""
        self.check(node)
        found, open_names = {}, [node]
        while open_names:
            name = open_names.pop(0)
            if name not in found:
                found[name] = None
                open_names += self._needs.get(name, ())
        return tuple(found)

    def drivers_of(self, node: str) -> tuple[str, ...]:
        """Drivers that a node rests on."""
        return tuple(name for name in self.beneath(node) if name in self.drivers)

    def fact_ids(self, node: str) -> tuple[str, ...]:
        """Facts that a node rests on."""
        return tuple(dict.fromkeys(fact for name in self.drivers_of(node) for fact in self.drivers[name].fact_ids))

    def only(self, node: str) -> Graph:
        """The part of the graph that a node rests on, as a graph of its own."""
        kept = set(self.beneath(node))
        return Graph(
            [driver for name, driver in self.drivers.items() if name in kept],
            {name: text for name, text in self.formulas.items() if name in kept},
            overlaps={name: said for name, said in self.overlaps.items() if name in kept},
            correlations={pair: r for pair, r in self.inputs.correlations.items() if kept.issuperset(pair)},
            labels=self.labels,
            populations={name: self._qualities[name].population for name in self.formulas if name in kept},
        )

    def evaluate(self, values: Mapping[str, Any], nodes: Iterable[str] | None = None) -> dict[str, Any]:
        """Nodes at given values of the drivers; a name that is used twice is computed once.

        Parameters
        ----------
        values : mapping of str to float or array
            For each driver that the nodes rest on.
        nodes : iterable of str, optional
            Default: all.

        Raises
        ------
        UnknownNameError, ParameterError
            An unknown node, a driver without a value, a share beyond 0 and 1.
        """
        wanted = list(self.formulas if nodes is None else nodes)
        needed = {name for node in wanted for name in self.beneath(node)}
        missing = sorted(name for name in needed if name in self.drivers and name not in values)
        if missing:
            raise ParameterError(f"no value for {', '.join(missing)}")
        known = dict(values)
        for node in (name for name in self.order if name in needed):
            known[node] = compute(parse(self.formulas[node], node), known, node)
            twice = self._twice(node)
            if twice:
                known[node] = known[node] * (1 - known[twice])
        return {node: known[node] for node in wanted}

    def medians(self) -> dict[str, float]:
        """Every driver at its median."""
        return {name: float(driver.distribution.quantile(0.5)) for name, driver in self.drivers.items()}

    def base(self) -> dict[str, float]:
        """Every node with the drivers at their medians."""
        return {node: float(value) for node, value in self.evaluate(self.medians()).items()}

    def tree(self, node: str) -> pd.DataFrame:
        """What a node is made of, as rows in the order of drawing.

        Parameters
        ----------
        node : str

        Returns
        -------
        DataFrame
            One row per use: node, parent (empty at the top), depth, kind (driver, share, sum, difference, product,
            ratio), label, formula, unit, year, fact_ids (with blanks between), reason. A name that is used again is a
            row again, its own parts are not repeated.
        """
        self.check(node)
        rows, seen = [], set()

        def visit(name: str, parent: str, depth: int) -> None:
            driver, found = self.drivers.get(name), self._qualities[name]
            rows.append((name, parent, depth, self._kind(name), self.labels.get(name, name),
                         self.formulas.get(name, ""), quality.shown(found.unit), found.year,
                         " ".join(driver.fact_ids) if driver else "", driver.reason if driver else ""))  # fmt: skip
            if name not in seen:
                seen.add(name)
                for part in self._needs.get(name, ()):
                    visit(part, name, depth + 1)

        visit(node, "", 0)
        return pd.DataFrame(rows, columns=TREE)

    def _kind(self, name: str) -> str:
        if name in self.drivers:
            return "share" if self.drivers[name].is_share else "driver"
        tree = parse(self.formulas[name], name)
        match tree:
            case ast.Call(func=ast.Name(id="share_of")) | ast.BinOp(op=ast.Mult()):
                return "product"
            case ast.BinOp(op=ast.Div()):
                return "ratio"
            case ast.BinOp(op=ast.Sub()):
                return "difference"
        return "sum" if len(addends(tree)) > 1 else "product"

    def _twice(self, node: str) -> str:
        """Driver of the share of a sum that is counted twice; empty for disjoint segments."""
        said = self.overlaps.get(node, "")
        return "" if said.startswith(DISJOINT) else said

    def _checked(self, populations: dict[str, str]) -> dict[str, Quality]:
        """Quality of every name, in the order of computing."""
        found = {name: quality.of_driver(driver) for name, driver in self.drivers.items()}
        for name in (*self.overlaps, *populations):
            if name not in self.formulas:
                raise UnknownNameError("node of an overlap or population", name, list(self.formulas))
        for node in self.order:
            tree = parse(self.formulas[node], node)
            _check_sums(tree, node, found, is_top=True)
            made = quality.of_formula(tree, found, node)
            if len(addends(tree)) > 1 and not made.unit.dimensionless:
                _check_overlap(self, node, tree, found)
            found[node] = Quality(
                text=node, unit=made.unit, population=populations.get(node, made.population), whole="",
                region=made.region, year=made.year, low=made.low, high=made.high,
            )  # fmt: skip
        return found


def _adds_numbers(tree: ast.expr, known: Mapping[str, Quality], node: str) -> bool:
    """Whether a sum adds plain numbers, as 1 + growth does."""
    return quality.of_formula(addends(tree)[0], known, node).unit.dimensionless


def _by_name(drivers: Iterable[Driver], formulas: Mapping[str, str]) -> dict[str, Driver]:
    found: dict[str, Driver] = {}
    for driver in drivers:
        if driver.name in found or driver.name in formulas:
            raise ParameterError(f"{driver.name} stands twice: a name is one driver or one node")
        found[driver.name] = driver
    if not formulas:
        raise ParameterError("a sizing needs at least one formula")
    return found


def _ordered(formulas: Mapping[str, str], drivers: Mapping[str, Driver]) -> tuple[str, ...]:
    needs = {}
    for node, text in formulas.items():
        if not node.isidentifier():
            raise ParameterError(f"node {node!r} must have a name that formulas can call, such as tam")
        for name in names_in(text, node):
            if name not in drivers and name not in formulas:
                raise UnknownNameError(f"name in the formula of {node}", name, [*drivers, *formulas])
        needs[node] = [name for name in names_in(text, node) if name in formulas]
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ParameterError(f"the formulas run in a circle: {circle}") from None


def _needed(
    node: str, formulas: Mapping[str, str], overlaps: Mapping[str, str], drivers: Mapping[str, Driver]
) -> tuple[str, ...]:
    """Names that a node needs, the driver of its overlap among them."""
    said = overlaps.get(node, "")
    if said and not said.startswith(DISJOINT) and said not in drivers:
        raise UnknownNameError(f"overlap of {node} (a driver, or 'disjoint: why')", said, list(drivers))
    twice = (said,) if said and not said.startswith(DISJOINT) else ()
    return tuple(dict.fromkeys([*names_in(formulas[node], node), *twice]))


def _check_sums(tree: ast.expr, node: str, known: Mapping[str, Quality], *, is_top: bool) -> None:
    """A sum of amounts is the whole formula of its node, so that its overlap can be declared."""
    parts = addends(tree)
    if len(parts) > 1 and not is_top and not _adds_numbers(tree, known, node):
        raise ParameterError(
            f"{node} adds up {ast.unparse(tree)} inside its formula: give the sum a node of its own, so that its "
            "segments can be declared disjoint or overlapping"
        )
    for part in parts if len(parts) > 1 else parts_of(tree):
        _check_sums(part, node, known, is_top=False)


def _check_overlap(graph: Graph, node: str, tree: ast.expr, known: Mapping[str, Quality]) -> None:
    said = graph.overlaps.get(node, "")
    parts = [ast.unparse(part) for part in addends(tree)]
    if not said:
        raise ParameterError(
            f"{node} adds up {', '.join(parts)} without saying whether they overlap: declare 'disjoint: why', or a "
            "driver with the share of the sum that is counted twice"
        )
    if said.startswith(DISJOINT):
        if not said.removeprefix(DISJOINT).strip(" :"):
            raise ParameterError(f"{node} calls its segments disjoint without a reason: write 'disjoint: why'")
        _refuse_inside(graph, node, parts)
        return
    share = known[said]
    if not share.unit.dimensionless or share.low < 0 or share.high > 1:
        raise ParameterError(
            f"the overlap of {node} is a share of its sum between 0 and 1, {said} is {share.low:.4g} to "
            f"{share.high:.4g} in {quality.shown(share.unit)}"
        )


def _refuse_inside(graph: Graph, node: str, parts: list[str]) -> None:
    """Segments of which one is computed from another are not disjoint."""
    for i, part in enumerate(parts):
        if part in parts[:i]:
            raise ParameterError(f"{node} adds {part} twice")
        for other in parts:
            if other != part and other in graph.formulas and part in graph.beneath(other)[1:]:
                raise ParameterError(f"{node} calls {part} and {other} disjoint, but {other} is computed from {part}")


def _unused(names: set[str], total: int) -> Check:
    listed = f": {', '.join(sorted(names))}" if names else ""
    return Check(
        name="unused drivers", passed=None, value=float(len(names)), threshold=0.0,
        text=f"{len(names)} of {total} drivers stand in no formula{listed}",
    )  # fmt: skip
