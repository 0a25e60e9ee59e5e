"""Closed lists and rules of the ledger's tables.

A rule's text is what a user reads when a row breaks it, so it says which column and what is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from helpers import units
from helpers.evidence import BASES, QUALIFIERS
from helpers.rules import Rule, by_value, is_key, one_of
from helpers.tables import Layout, spans

MEASURES = {
    "level": "the figure itself",
    "yoy_growth": "change on the same period a year earlier, as a ratio",
    "growth": "change from the start to the end of the period, as a ratio",
    "yoy_multiple": "the figure over that of a year earlier",
    "multiple": "the figure at the end of the period over that at its start",
}
MEASURE_UNITS = {"yoy_growth": "ratio", "growth": "ratio", "yoy_multiple": "multiple", "multiple": "multiple"}
NATURES = ["measured", "expected", "rule", "doubtful"]
METRIC_KINDS = ["flow", "stock", "average", "ratio", "price", "rule"]
DIRECTIONS = ["higher", "lower", "none"]
LEAST_TRUSTED = 99
MONEY_NAMES = ("", *units.CURRENCIES)


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LAYOUTS = {
    "facts": Layout(
        columns=_columns(
            "fact_id entity metric measure value value_high unit currency period_start period_end as_of "
            "status precision source_id note"
        ),
        optional=("qualifier", "basis"),
        numbers=("value", "value_high", "precision"),
        days=("period_start", "period_end", "as_of"),
        codes=_columns("entity metric measure unit currency status source_id qualifier basis"),
        prose=("note",),
    ),
    "sources": Layout(columns=_columns("source_id publisher title url published kind about"), prose=("title", "about")),
    "entities": Layout(
        columns=_columns("entity name_en name_zh kind parent ticker reporting_currency fiscal_year_end")
    ),
    "metrics": Layout(columns=_columns("metric name_en name_zh unit kind direction definition"), prose=("definition",)),
    "kinds": Layout(columns=_columns("kind trust meaning name_zh"), numbers=("trust",), prose=("meaning",)),
    "statuses": Layout(columns=_columns("status nature meaning name_zh"), prose=("meaning",)),
    "identities": Layout(columns=_columns("identity result formula reason"), prose=("reason",)),
    "readings": Layout(columns=_columns("metric reading reason"), prose=("reason",)),
    "bounds": Layout(
        columns=_columns("bound kind numerator denominator low high days reason"),
        numbers=("low", "high", "days"),
        prose=("reason",),
    ),
}

NEW_ENTITY = _columns("entity_name entity_name_zh ticker reporting_currency fiscal_year_end")
OWN_FACTS = Layout(  # all as text: what is wrong with a number is told together with everything else
    columns=_columns("entity metric value unit period_start period_end as_of"),
    optional=(
        *_columns("fact_id measure value_high currency status precision qualifier basis source_id note source kind"),
        *NEW_ENTITY,
    ),
    prose=("note", "source"),
)


def small_rules(known: Mapping[str, Iterable[str]]) -> dict[str, list[Rule]]:
    """Rules of the short tables.

    Parameters
    ----------
    known : mapping of str to iterable of str
        The keys of the tables that others point to: entities, metrics, kinds.

    Returns
    -------
    dict
        By the table's name.
    """
    metrics = list(known.get("metrics", ()))
    parents = ["", *known.get("entities", ())]
    return {
        "kinds": [*is_key("kind"), Rule("trust", f"must be a whole number, 1 to {LEAST_TRUSTED}", _is_rank)],
        "statuses": [*is_key("status"), one_of("nature", NATURES)],
        "entities": [*is_key("entity"), one_of("reporting_currency", MONEY_NAMES)],
        "parents": [one_of("parent", parents, "entities.csv")],
        "metrics": [
            *is_key("metric"),
            one_of("unit", units.UNITS),
            one_of("kind", METRIC_KINDS),
            one_of("direction", DIRECTIONS),
        ],
        "identities": [*is_key("identity"), one_of("result", metrics, "metrics.csv")],
        "readings": [one_of("metric", metrics, "metrics.csv")],
        "bounds": [
            *is_key("bound"),
            one_of("numerator", metrics, "metrics.csv"),
            one_of("denominator", ["", *metrics], "metrics.csv"),
            Rule("high", "must not be below low", lambda t: t["high"].isna() | ~(t["high"] < t["low"])),
        ],
        "sources": [
            *is_key("source_id"),
            one_of("kind", known.get("kinds", ()), "kinds.csv"),
            Rule(
                "published",
                "must be empty or YYYY, YYYY-MM or YYYY-MM-DD",
                lambda t: t["published"].eq("") | spans(t["published"])["last"].notna(),
            ),
        ],
    }


def _is_rank(kinds: pd.DataFrame) -> pd.Series:
    return kinds["trust"].between(1, LEAST_TRUSTED) & (kinds["trust"] % 1 == 0)


def fact_rules(
    entities: Iterable[str], metric_units: Mapping[str, str], statuses: Iterable[str], sources: Iterable[str]
) -> list[Rule]:
    """Rules of the typed facts table.

    Parameters
    ----------
    entities, statuses, sources : iterable of str
        The closed lists and the known source ids.
    metric_units : mapping
        Unit of each metric's level.
    """
    return [
        *is_key("fact_id"),
        one_of("entity", entities, "entities.csv"),
        one_of("metric", metric_units, "metrics.csv"),
        one_of("measure", MEASURES),
        one_of("unit", units.UNITS),
        one_of("currency", MONEY_NAMES),
        one_of("status", statuses, "statuses.csv"),
        one_of("source_id", sources, "sources.csv"),
        one_of("qualifier", QUALIFIERS),
        one_of("basis", BASES),
        Rule("value", "must be filled", lambda f: f["value"].notna()),
        Rule("value_high", "must not be below value", lambda f: ~(f["value_high"] < f["value"])),
        Rule("precision", "must be above 0", lambda f: ~(f["precision"] <= 0)),
        Rule("as_of", "must be filled", lambda f: f["as_of"].notna()),
        Rule(
            "unit",
            "must be the metric's unit in metrics.csv; growth is ratio, multiples are multiple",
            lambda f: _unit_fits(f, metric_units),
        ),
        *_money_rules(),
        *period_rules("period_start", "period_end"),
    ]


def _unit_fits(facts: pd.DataFrame, metric_units: Mapping[str, str]) -> np.ndarray:
    """Growth is a ratio, multiples are multiples, levels carry the metric's own unit."""
    number = {name: place for place, name in enumerate(units.UNITS)}  # compare numbers, not a million texts
    of_metric = by_value(facts["metric"], {m: number[u] for m, u in metric_units.items()}, -1)
    of_measure = by_value(facts["measure"], {m: number[u] for m, u in MEASURE_UNITS.items()}, -1)
    given = by_value(facts["unit"], number, -1)
    wanted = np.where(of_measure >= 0, of_measure, of_metric)
    return (given == wanted) | (of_metric < 0) | (given < 0)  # an unknown name is told by its own rule


def _money_rules() -> list[Rule]:
    is_money = {name: units.needs_currency(name) for name in units.UNITS}
    given = {"": False}
    return [
        Rule(
            "currency",
            "money needs a currency",
            lambda f: ~by_value(f["unit"], is_money, False) | by_value(f["currency"], given, True),
        ),
        Rule(
            "currency",
            "must be empty: only money has a currency",
            lambda f: by_value(f["unit"], is_money, True) | ~by_value(f["currency"], given, True),
        ),
    ]


def period_rules(start: str, end: str) -> list[Rule]:
    """Rules of a period: both ends or none, and the end not before the start."""
    return [
        Rule(end, f"{start} and {end} are given together or not at all", lambda f: f[start].isna() == f[end].isna()),
        Rule(end, f"must not lie before {start}", lambda f: ~(f[end] < f[start])),
    ]
