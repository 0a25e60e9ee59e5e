"""Every figure and table that a reader sees: scaling, rounding and words happen here and nowhere else.

`use_style` sets the look and the language once; then each function turns a table or a result into
an exhibit that shows itself in JupyterLab and in the report, with a text for those who cannot see
it. Whatever a source wrote (names, titles, notes) is escaped: it is shown, never run.
"""

from helpers.exhibits.answers import answer, value_headlines
from helpers.exhibits.cards import Headline, growth_headline, headlines, latest, multiple_headlines
from helpers.exhibits.charts import alternatives, coverage, ladder, lines, multiples, same_age, timeline, verdicts
from helpers.exhibits.documents import claims_table, contradictions, document_grid, documents_table, feed, hits
from helpers.exhibits.explore import sliders
from helpers.exhibits.market import (
    fan,
    gap,
    market_series,
    market_tornado,
    platform_shares,
    sensitivity,
    sizing_tree,
)
from helpers.exhibits.market_answers import market_answer, market_headlines
from helpers.exhibits.market_tables import driver_table, gap_table, market_scenarios, year_table
from helpers.exhibits.results import result
from helpers.exhibits.show import Figure, Html
from helpers.exhibits.style import use_style
from helpers.exhibits.tables import (
    alarms,
    by_kind,
    checks,
    growth_table,
    mapped,
    passports,
    refusals,
    settings,
    shown,
    sources,
    statement,
    table,
)
from helpers.exhibits.uplift import (
    claims,
    counterfactual,
    estimators,
    forest,
    incremental,
    league,
    parts,
    seasons,
    uplift_headlines,
)
from helpers.exhibits.valuation import (
    bridge,
    comparables,
    distribution,
    doubtful,
    football_field,
    implied,
    iso_value,
    nowcast,
    priced_in,
    tornado,
)
from helpers.wording import language, word

__all__ = [
    "Figure",
    "Headline",
    "Html",
    "alarms",
    "alternatives",
    "answer",
    "bridge",
    "by_kind",
    "checks",
    "claims",
    "claims_table",
    "comparables",
    "contradictions",
    "counterfactual",
    "coverage",
    "distribution",
    "document_grid",
    "documents_table",
    "doubtful",
    "driver_table",
    "estimators",
    "fan",
    "feed",
    "football_field",
    "forest",
    "gap",
    "gap_table",
    "growth_headline",
    "growth_table",
    "headlines",
    "hits",
    "implied",
    "incremental",
    "iso_value",
    "ladder",
    "language",
    "latest",
    "league",
    "lines",
    "mapped",
    "market_answer",
    "market_headlines",
    "market_scenarios",
    "market_series",
    "market_tornado",
    "multiple_headlines",
    "multiples",
    "nowcast",
    "parts",
    "passports",
    "platform_shares",
    "priced_in",
    "refusals",
    "result",
    "same_age",
    "seasons",
    "sensitivity",
    "settings",
    "shown",
    "sizing_tree",
    "sliders",
    "sources",
    "statement",
    "table",
    "timeline",
    "tornado",
    "uplift_headlines",
    "use_style",
    "value_headlines",
    "verdicts",
    "word",
    "year_table",
]
