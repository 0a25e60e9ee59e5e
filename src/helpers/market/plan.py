"""From a driver table to the plan of a market: drivers by year, formulas, correlations, scenarios.

A plan holds what the table says and nothing of the ledger yet; `helpers.market.fill` puts the facts in. What a
driver is (unit, what it counts, how years without a row are bridged) is said once, on any of its rows. What the
module cannot do: check units and formulas against each other (`helpers.market.Graph` does, year by year).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.errors import ParameterError, UnknownNameError

STATED_ONCE = ("between", "unit", "counts", "of", "definition", "shown")
CASE = re.compile(r"([a-z][a-z0-9_]*)\s+([0-9.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedYears:
    """One row of a driver: a span of years and where their numbers come from.

    Attributes
    ----------
    first_year, last_year : int
        Both included.
    facts : str
        Fact ids, or ``entity:metric`` for all levels of a year, or two of these with " / " between.
    low, mode, high : float
        Judged range, NaN where facts speak; facts beside a range are its evidence.
    reason : str
    """

    first_year: int
    last_year: int
    facts: str = ""
    low: float = np.nan
    mode: float = np.nan
    high: float = np.nan
    reason: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether the row states a range instead of reading it off facts."""
        return not np.isnan(self.low)

    @property
    def years(self) -> range:
        """Every year of the row."""
        return range(self.first_year, self.last_year + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDriver:
    """One driver over the years.

    Attributes
    ----------
    name, unit, between, counts, of, definition, label : str
        As in the driver table.
    rows : tuple of PlannedYears
        In the order of years, none twice.
    """

    name: str
    unit: str
    between: str
    counts: str
    of: str
    definition: str
    label: str
    rows: tuple[PlannedYears, ...]

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a whole, between 0 and 1."""
        return self.unit == "1" and bool(self.of)


def metrics_of(plan: MarketPlan, facts: pd.DataFrame, *, also: Collection[str] = ()) -> list[str]:
    """The metrics that a plan's drivers are read from: what has to be asked of the ledger.

    Parameters
    ----------
    plan : MarketPlan
    facts : DataFrame
        Columns fact_id and metric, to look up rows that are named by their id.
    also : collection of str
        Further fact ids whose metrics are wanted.
    """
    terms = [term for d in plan.drivers.values() for row in d.rows for term in row.facts.replace("/", " ").split()]
    named = {term.split(":", 1)[1] for term in terms if ":" in term}
    ids = {*also, *(term for term in terms if ":" not in term)}
    return sorted(named | set(facts.loc[facts["fact_id"].isin(list(ids)), "metric"].astype(str)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPlan:
    """What is sized, from what, in which years.

    Attributes
    ----------
    name, label, definition, unit, region : str
    first_year, last_year : int
    drivers : dict of str to PlannedDriver
    formulas, overlaps, populations, labels : dict of str to str
        By node; labels of drivers and scenarios too.
    correlations : dict of (str, str) to float
    scenarios : dict of str to dict of str to float
        Scenario to driver to the probability of its quantile.
    reasons : dict of str to str
        Why correlations and scenarios are what they are, by their formula or name.
    """

    name: str
    label: str
    definition: str
    unit: str
    region: str
    first_year: int
    last_year: int
    drivers: dict[str, PlannedDriver]
    formulas: dict[str, str]
    overlaps: dict[str, str]
    populations: dict[str, str]
    labels: dict[str, str]
    correlations: dict[tuple[str, str], float]
    scenarios: dict[str, dict[str, float]]
    reasons: dict[str, str]

    @property
    def years(self) -> range:
        """Every year that is sized."""
        return range(self.first_year, self.last_year + 1)

    def assumptions(self) -> pd.DataFrame:
        """Correlations and scenarios with their reasons: kind, what, value (as text), reason."""
        told = {name: self.labels.get(name, name) for name in (*self.drivers, *self.scenarios)}
        rows = [
            ("correlation", f"{told[a]} and {told[b]}", f"{r:g}", self.reasons.get(f"{a}, {b}", ""))
            for (a, b), r in self.correlations.items()
        ] + [
            (
                "scenario",
                told[case],
                "; ".join(f"{told[n]} at {p:.0%}" for n, p in at.items()),
                self.reasons.get(case, ""),
            )
            for case, at in self.scenarios.items()
        ]
        return pd.DataFrame(rows, columns=["kind", "what", "value", "reason"])

    def cases(self, known: Collection[str]) -> dict[str, dict[str, float]]:
        """Scenarios with those of their drivers that are known in a year; one without any is left out.

        Parameters
        ----------
        known : collection of str
            Drivers that the year's graph uses.
        """
        kept = {case: {n: p for n, p in drivers.items() if n in known} for case, drivers in self.scenarios.items()}
        return {case: drivers for case, drivers in kept.items() if drivers}


def read_plan(table: pd.DataFrame, *, language: str = "en") -> MarketPlan:
    """The plan that a driver table states.

    Parameters
    ----------
    table : DataFrame
        As `helpers.datasets.market` reads it.
    language : {"en", "zh"}
        Of the labels.

    Raises
    ------
    ParameterError
        Not one market row; a driver that says two units or has a year twice; a name that is driver and node.
    UnknownNameError
        A correlation or scenario names no driver.
    """
    own = table["label_zh"] if language == "zh" else table["label"]
    table = table.assign(shown=own.where(own.astype(str).ne(""), table["label"]))
    role = dict(list(table.groupby("role", sort=False, observed=True)))
    none = table.iloc[:0]
    head = _head(role.get("market", none))
    nodes, pairs, cases = (role.get(name, none) for name in ("node", "correlation", "scenario"))
    planned = role.get("driver", none).groupby("name", sort=False, observed=True)
    drivers = {str(name): _driver(str(name), rows) for name, rows in planned}
    _refuse_twice(nodes["name"].astype(str), drivers)
    return MarketPlan(
        name=str(head["name"]), label=str(head["shown"]), definition=str(head["definition"]), unit=str(head["unit"]),
        region=str(head["of"]), first_year=int(head["first_year"]), last_year=int(head["last_year"]), drivers=drivers,
        formulas=_texts(nodes, "name", "formula"), overlaps=_texts(nodes[nodes["overlap"].ne("")], "name", "overlap"),
        populations=_texts(nodes[nodes["counts"].ne("")], "name", "counts"),
        labels={n: d.label for n, d in drivers.items()} | _texts(pd.concat([nodes, cases]), "name", "shown"),
        correlations={_pair(str(row.formula), drivers): float(row.mode) for row in pairs.itertuples()},
        scenarios={str(row.name): _case(str(row.name), str(row.formula), drivers)
                   for row in cases.itertuples(index=False)},
        reasons=_texts(pairs, "formula", "reason") | _texts(cases, "name", "reason"),
    )  # fmt: skip


def _head(heads: pd.DataFrame) -> pd.Series:
    if len(heads) != 1:
        raise ParameterError(f"a driver table has one row of role market, got {len(heads)}")
    return heads.iloc[0]


def _texts(rows: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    return dict(zip(rows[key].astype(str), rows[value].astype(str), strict=True))


def _driver(name: str, rows: pd.DataFrame) -> PlannedDriver:
    said = {column: _once(name, column, rows[column]) for column in STATED_ONCE}
    if not said["unit"]:
        raise ParameterError(f"driver {name} has no unit: state it on one of its rows, such as CNY / year")
    numbers = ("low", "mode", "high")
    spans = [
        PlannedYears(
            first_year=int(row.first_year), last_year=int(row.last_year), facts=str(row.facts), reason=str(row.reason),
            **{number: float(getattr(row, number)) for number in numbers},
        )
        for row in rows.sort_values("first_year", kind="stable").itertuples()
    ]  # fmt: skip
    for before, after in pairwise(spans):
        if after.first_year <= before.last_year:
            raise ParameterError(f"driver {name} has {after.first_year} in two rows: rows of a driver share no year")
    label = said.pop("shown") or name
    return PlannedDriver(name=name, rows=tuple(spans), label=label, **said)


def _once(name: str, column: str, cells: pd.Series) -> str:
    """The one text that the rows state; empty if none."""
    said = list(dict.fromkeys(text for text in cells.astype(str) if text))
    if len(said) > 1:
        raise ParameterError(f"driver {name} states {column} twice: {said[0]!r} and {said[1]!r}")
    return said[0] if said else ""


def _refuse_twice(nodes: Iterable[str], drivers: Collection[str]) -> None:
    seen = set(drivers)
    for name in nodes:
        if name in seen:
            raise ParameterError(f"{name} stands twice: a name is one driver or one node")
        seen.add(name)


def _pair(text: str, drivers: Collection[str]) -> tuple[str, str]:
    names = [part.strip() for part in text.split(",")]
    if len(names) != 2:
        raise ParameterError(f"a correlation names two drivers with a comma between, got {text!r}")
    for name in names:
        if name not in drivers:
            raise UnknownNameError("driver of a correlation", name, list(drivers))
    return names[0], names[1]


def _case(scenario: str, text: str, drivers: Collection[str]) -> dict[str, float]:
    found = {}
    for part in text.split(","):
        match = CASE.fullmatch(part.strip())
        if not match:
            raise ParameterError(
                f"scenario {scenario} says {part.strip()!r}: write a driver and the probability of its quantile, "
                "such as kept_share 0.1"
            )
        if match[1] not in drivers:
            raise UnknownNameError(f"driver of scenario {scenario}", match[1], list(drivers))
        found[match[1]] = float(match[2])
    return found
