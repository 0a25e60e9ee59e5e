"""Driver tables: what a market's size hangs on, one row for each driver and span of years.

A table says where each number comes from: facts of the ledger, or a range with its reason. ``data/markets`` keeps
the project's own; a user brings one more as a CSV file of the same columns, and no code. What the columns mean
stands in ``data/markets/README.md``. What the module cannot do: tell whether facts, units and formulas fit together
(`helpers.market.read_plan` does).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import paths, rules, tables
from helpers.errors import UnknownNameError
from helpers.rules import Rule, is_key, one_of
from helpers.tables import Layout

ROLES = {
    "market": "what is sized, in which years; one row",
    "driver": "a number that goes in: facts, or a range with its reason",
    "node": "a number that is computed from others by its formula",
    "correlation": "how two drivers go together, in the column mode",
    "scenario": "drivers at quantiles of their own ranges, such as 'retail 0.1, share 0.9'",
}
BETWEEN = {
    "": "only the years that are listed",
    "line": "a straight line between listed years",
    "forecast": "a line inside, stacked forecasts after the last listed year",
}
LAYOUT = Layout(
    columns=(
        *("role", "name", "years", "facts", "formula", "low", "mode", "high", "between", "unit", "counts", "of"),
        *("overlap", "definition", "reason", "label", "label_zh"),
    ),
    numbers=("low", "mode", "high"),
    prose=("definition", "reason", "label", "label_zh"),
)
DEFINITIONS = Layout(columns=("definition", "facts", "label", "meaning"), prose=("label", "meaning"))
ADOPTIONS = Layout(columns=("product", "year", "adoptions", "source"), numbers=("year", "adoptions"), prose=("source",))
ANALOGUES = Layout(
    columns=("product", "p", "q", "m", "estimator", "source"), numbers=("p", "q", "m"), prose=("source",)
)
OTHER_FILES = ("adoptions", "analogues", "definitions")
"""Tables of the same folder that describe no market."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
YEARS = re.compile(r"((?:19|20)\d\d)(?:-((?:19|20)\d\d))?")


def markets(folder: Path | str | None = None) -> list[str]:
    """Names of the driver tables that there are.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/markets``.
    """
    return sorted(file.stem for file in _folder(folder).glob("*.csv") if file.stem not in OTHER_FILES)


def market(name: str, *, folder: Path | str | None = None, path: Path | str | None = None) -> pd.DataFrame:
    """One driver table.

    Parameters
    ----------
    name : str
        One of `markets`; ignored where `path` is given.
    folder : path, optional
        Default: the project's ``data/markets``.
    path : path, optional
        The user's own table instead.

    Returns
    -------
    DataFrame
        The columns of the file, with the whole numbers first_year and last_year (0 where no years stand).

    Raises
    ------
    DataError
        The file breaks a rule; row, column, value and rule are named.
    UnknownNameError
        No such market.
    """
    if path:
        file = paths.find(path)
    elif name in markets(folder):
        file = _folder(folder) / f"{name}.csv"
    else:
        raise UnknownNameError("market", name, markets(folder))
    table, _ = tables.read(file, LAYOUT)
    rules.validate(table, _RULES, file.name)
    spans = [_span(text) for text in table["years"].astype(str)]
    return table.assign(first_year=[a for a, _ in spans], last_year=[b for _, b in spans])


def definitions(folder: Path | str | None = None) -> pd.DataFrame:
    """What figures of one metric count, where houses count different things under one name.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/markets``.

    Returns
    -------
    DataFrame
        One row per fact, indexed by fact_id: definition (a code), label, meaning.

    Raises
    ------
    DataError
        The file breaks a rule.
    """
    table, _ = tables.read(_folder(folder) / "definitions.csv", DEFINITIONS)
    rules.validate(table, is_key("definition"), "definitions.csv")
    each = table.assign(fact_id=table["facts"].astype(str).str.split()).explode("fact_id").set_index("fact_id")
    return each[["definition", "label", "meaning"]]


def adoptions(folder: Path | str | None = None) -> pd.DataFrame:
    """Yearly adoptions of classic durables since launch, published series with their source.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/markets``.

    Returns
    -------
    DataFrame
        Columns product, year, adoptions (units), source.
    """
    table, _ = tables.read(_folder(folder) / "adoptions.csv", ADOPTIONS)
    rules.validate(table, [Rule("adoptions", "must be above 0", lambda t: t["adoptions"].gt(0))], "adoptions.csv")
    return table.assign(year=table["year"].astype(int))


def analogues(folder: Path | str | None = None) -> pd.DataFrame:
    """Published Bass parameters of products, each with the estimator that gave them.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/markets``.

    Returns
    -------
    DataFrame
        Columns product, p, q, m (units), estimator, source; for `helpers.market.Analogue`.
    """
    table, _ = tables.read(_folder(folder) / "analogues.csv", ANALOGUES)
    above = Rule("p", "p and q must be above 0", lambda t: t["p"].gt(0) & t["q"].gt(0))
    rules.validate(table, [*is_key("product"), above], "analogues.csv")
    return table


def _folder(folder: Path | str | None) -> Path:
    return Path(folder) if folder else paths.MARKETS


def _span(text: str) -> tuple[int, int]:
    """First and last year; 0 and 0 for none."""
    found = YEARS.fullmatch(text)
    return (int(found[1]), int(found[2] or found[1])) if found else (0, 0)


def _are(table: pd.DataFrame, *roles: str) -> np.ndarray:
    return table["role"].isin(roles).to_numpy()


def _holds_years(table: pd.DataFrame) -> np.ndarray:
    spans = [_span(text) for text in table["years"].astype(str)]
    good = np.array([0 < a <= b for a, b in spans], bool)
    return np.where(_are(table, "market", "driver"), good, table["years"].eq(""))


def _is_named(table: pd.DataFrame) -> np.ndarray:
    good = np.array([bool(NAME.fullmatch(name)) for name in table["name"].astype(str)], bool)
    return np.where(_are(table, "correlation"), table["name"].eq(""), good)


def _is_computed(table: pd.DataFrame) -> np.ndarray:
    """A node's row says nothing that would be ignored."""
    said = table[["facts", "between", "unit", "of", "definition"]].ne("").any(axis=1) | table["low"].notna()
    return ~(_are(table, "node") & said.to_numpy())


def _is_sourced(table: pd.DataFrame) -> np.ndarray:
    """A driver's row has facts, or a range with its reason."""
    judged = table["low"].notna() & table["high"].notna() & table["reason"].str.strip().ne("")
    return ~_are(table, "driver") | (table["facts"].ne("") & table["low"].isna()) | judged


_RULES = [
    one_of("role", ROLES),
    Rule("name", "must be a code of small letters, digits and _ (empty for a correlation)", _is_named),
    Rule("years", "must be a year or a span such as 2019-2024 for a market or driver, empty for others", _holds_years),
    one_of("between", BETWEEN),
    Rule("formula", "must be filled for nodes, correlations and scenarios, and empty otherwise",
         lambda t: t["formula"].ne("").to_numpy() == _are(t, "node", "correlation", "scenario")),
    Rule("unit", "a node has no facts, unit, range or bridge of its own: they follow from its formula", _is_computed),
    Rule("reason", "a driver needs facts, or low and high with a reason", _is_sourced),
    Rule("mode", "must hold the correlation, above -1 and below 1",
         lambda t: ~_are(t, "correlation") | t["mode"].abs().lt(1)),
    Rule("high", "low, mode and high must not fall",
         lambda t: ~(t["low"] > t["high"]) & ~(t["low"] > t["mode"]) & ~(t["mode"] > t["high"])),
]  # fmt: skip
