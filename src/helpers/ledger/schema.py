"""Closed lists and rules of the ledger's tables, as pandera schemas.

A rule's text is what a user reads when a row breaks it, so it says which column and what is right.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from helpers import units
from helpers.evidence import QUALIFIERS

MEASURES = {
    "level": "the figure itself",
    "yoy_growth": "change on the same period a year earlier, as a ratio",
    "growth": "change from the start to the end of the period, as a ratio",
    "yoy_multiple": "the figure over that of a year earlier",
    "multiple": "the figure at the end of the period over that at its start",
}
FACT_COLUMNS = (
    "fact_id entity metric measure value value_high unit currency period_start period_end as_of status "
    "precision source_id note"
).split()
OPTIONAL = {"facts": ["qualifier"]}
COLUMNS = {
    "facts": FACT_COLUMNS,
    "sources": "source_id publisher title url published kind about".split(),
    "entities": "entity name_en name_zh kind parent ticker reporting_currency fiscal_year_end".split(),
    "metrics": "metric name_en name_zh unit kind direction definition".split(),
    "kinds": "kind trust meaning name_zh".split(),
    "statuses": "status nature meaning name_zh".split(),
    "identities": "identity result formula reason".split(),
    "readings": "metric reading reason".split(),
    "bounds": "bound kind numerator denominator low high days reason".split(),
}
NUMBERS = {"facts": ["value", "value_high", "precision"], "kinds": ["trust"], "bounds": ["low", "high", "days"]}
DAYS = {"facts": ["period_start", "period_end", "as_of"]}
CODES = {"facts": "entity metric measure unit currency status source_id qualifier".split()}
METRIC_KINDS = ["flow", "stock", "average", "ratio", "price", "rule"]


def _one_of(column: str, known: list[str], where: str) -> pa.Check:
    def in_list(values: pd.Series) -> pd.Series:
        if not isinstance(values.dtype, pd.CategoricalDtype):
            return values.isin(known)
        good = values.cat.categories.isin(known)  # test the few categories, not the million rows
        return pd.Series(good[values.cat.codes], index=values.index)

    return pa.Check(in_list, error=f"{column} must be one of {where}")


def _row(column: str, rule: str, holds) -> pa.Check:
    """A rule over several columns, reported under the column a user would mend."""
    return pa.Check(holds, error=f"{column}: {rule}", name=column)


def _unit_fits(facts: pd.DataFrame, metric_units: dict[str, str]) -> pd.Series:
    """Growth is a ratio, multiples are multiples, levels carry the metric's own unit."""
    wanted = facts["metric"].astype(str).map(metric_units)
    measure = facts["measure"].astype(str)
    wanted = wanted.mask(measure.isin(["yoy_growth", "growth"]), "ratio")
    wanted = wanted.mask(measure.isin(["yoy_multiple", "multiple"]), "multiple")
    return facts["unit"].astype(str).eq(wanted)


def facts_schema(
    entities: list[str], metric_units: dict[str, str], statuses: list[str], sources: list[str]
) -> pa.DataFrameSchema:
    """Rules for the typed facts table.

    Parameters
    ----------
    entities, statuses, sources : list of str
        The closed lists and the known source ids.
    metric_units : dict
        Unit of each metric's level.
    """
    money = [name for name in units.UNITS if units.needs_currency(name)]

    def money_has_currency(facts: pd.DataFrame) -> pd.Series:
        return ~(facts["unit"].isin(money) & facts["currency"].eq(""))

    def others_have_none(facts: pd.DataFrame) -> pd.Series:
        return facts["unit"].isin(money) | facts["currency"].eq("")

    filled = pa.Check(lambda s: s.notna(), error="value must be filled")
    column = pa.Column
    return pa.DataFrameSchema(
        {
            "fact_id": column(
                checks=[
                    pa.Check(lambda s: s.ne(""), error="fact_id must be filled"),
                    pa.Check(lambda s: ~s.duplicated(keep=False), error="fact_id must be unique"),
                ]
            ),
            "entity": column(checks=_one_of("entity", entities, "entities.csv")),
            "metric": column(checks=_one_of("metric", list(metric_units), "metrics.csv")),
            "measure": column(checks=_one_of("measure", list(MEASURES), f"{', '.join(MEASURES)}")),
            "unit": column(checks=_one_of("unit", list(units.UNITS), f"{', '.join(units.UNITS)}")),
            "currency": column(
                checks=_one_of("currency", ["", *units.CURRENCIES], f"{', '.join(units.CURRENCIES)}")
            ),
            "status": column(checks=_one_of("status", statuses, "statuses.csv")),
            "source_id": column(checks=_one_of("source_id", sources, "sources.csv")),
            "qualifier": column(checks=_one_of("qualifier", list(QUALIFIERS), f"{', '.join(QUALIFIERS)}")),
            "value": column(float, nullable=True, checks=filled),
            "precision": column(
                float, nullable=True, checks=pa.Check(lambda s: s > 0, error="precision must be above 0")
            ),
            "as_of": column(nullable=True, checks=pa.Check(lambda s: s.notna(), error="as_of must be a day")),
        },
        checks=[
            _row("currency", "money needs a currency", money_has_currency),
            _row("currency", "only money has a currency", others_have_none),
            _row("unit", "must be the metric's unit (metrics.csv); growth is ratio, multiples are multiple",
                 lambda f: _unit_fits(f, metric_units)),
            _row("value_high", "must not be below value",
                 lambda f: f["value_high"].isna() | (f["value_high"] >= f["value"])),
            _row("period_end", "start and end are given together or not at all",
                 lambda f: f["period_start"].isna() == f["period_end"].isna()),
            _row("period_end", "must not lie before period_start",
                 lambda f: f["period_start"].isna() | (f["period_end"] >= f["period_start"])),
        ],
    )  # fmt: skip


def list_schema(table: str, lists: dict[str, list[str]], *, unique: bool = True) -> pa.DataFrameSchema:
    """Rules for the small tables: the first column is a (unique) key, coded columns are in their lists."""
    columns = {
        column: pa.Column(checks=_one_of(column, known, "its list: " + ", ".join(k or "(empty)" for k in known)))
        for column, known in lists.items()
    }
    if not unique:
        return pa.DataFrameSchema(columns)
    key = COLUMNS[table][0]
    columns[key] = pa.Column(
        checks=[
            pa.Check(lambda s: s.ne(""), error=f"{key} must be filled"),
            pa.Check(lambda s: ~s.duplicated(keep=False), error=f"{key} must be unique"),
        ]
    )
    return pa.DataFrameSchema(columns)
