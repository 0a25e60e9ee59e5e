"""What a sizing comes to: the page's answer in a few sentences, and its cards.

A result that was declined has no sentence and no card.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from helpers.checks import Declined
from helpers.exhibits.cards import Headline
from helpers.exhibits.market import say_unit
from helpers.exhibits.show import Html
from helpers.exhibits.tables import statement
from helpers.market import DefinitionsResult, MarketSeries, ReconcileResult
from helpers.wording import say, word


def market_answer(
    series: MarketSeries,
    *,
    year: int,
    node: str,
    target: str,
    shares: Sequence[str],
    gap: ReconcileResult | Declined,
    evidence: pd.DataFrame,
    definitions: DefinitionsResult | Declined,
    growth: tuple[float, float, float] | Declined,
) -> Html:
    """The page's question answered: size with its range, later size, the two routes, places in it, what to find out.

    Parameters
    ----------
    series : MarketSeries
    year : int
        That is taken apart.
    node : str
        The market.
    target : str
        Node whose drivers `evidence` ranks.
    shares : sequence of str
        Nodes of the platforms' places in it.
    gap : ReconcileResult or Declined
    evidence : DataFrame
        From `helpers.market.information`, the most telling driver first; may be empty.
    definitions : DefinitionsResult or Declined
    growth : tuple of float or Declined
        A year, from `year` to the last one: low, base, high, as `helpers.market.growth_between` gives them.
    """
    rows = series.table[series.table["node"].eq(node)]
    said = [_sized("answer_market", row) for row in rows[rows["year"].eq(year)].itertuples()]
    last = rows[rows["year"].eq(rows["year"].max()) & rows["year"].gt(year)]
    said += [_sized("answer_later", row) for row in last.itertuples()]
    if not isinstance(growth, Declined):
        low, base, high = (say(rate, "ratio", digits=2) for rate in growth)
        said.append(word("answer_growth", low=low, base=base, high=high))
    said += [] if isinstance(gap, Declined) else [gap.text]
    for share in shares:
        of = series.table[series.table["node"].eq(share) & series.table["year"].eq(year)]
        said += [_sized("answer_share", row) for row in of.itertuples()]
    if len(evidence):
        first, label = evidence.iloc[0], series.filled.plan.labels.get(target, target)
        share = say(float(first["narrowing"]), "ratio", digits=2)
        said.append(word("answer_evidence", driver=first["label"], label=label, narrowing=share))
    said += [] if isinstance(definitions, Declined) else [definitions.text]
    return statement(*(said or [word("no_data")]))


def _sized(key: str, row: object) -> str:
    base, low, high = (say_unit(value, row.unit) for value in (row.base, row.low, row.high))
    return word(key, label=row.label, year=row.year, base=base, low=low, high=high)


def market_headlines(
    series: MarketSeries, *, nodes: Sequence[str], later: Sequence[str], gap: ReconcileResult | Declined, year: int
) -> list[Headline]:
    """A card for each node of the year, for some of the last year too, and one for the gap between the two routes.

    Parameters
    ----------
    series : MarketSeries
    nodes, later : sequence of str
        Shown for `year`, and for the last year of the plan; those without a size have no card.
    gap : ReconcileResult or Declined
    year : int
        That is taken apart.
    """
    plan, level = series.filled.plan, f"{100 * series.level:.0f} %"
    cards = []
    for when, wanted in ((year, nodes), (plan.last_year, later)):
        rows = series.table[series.table["year"].eq(when)].set_index("node", drop=False)
        for row in rows.loc[[node for node in wanted if node in rows.index]].itertuples():
            facts = series.sized[when].graph.fact_ids(row.node)
            cards.append(_card(f"{plan.name}.{row.node}.{when}", row, level, facts))
        if when == year and not isinstance(gap, Declined):
            cards.append(_gap_card(plan.name, gap, year))
    return cards


def _card(name: str, row: object, level: str, facts: tuple[str, ...]) -> Headline:
    is_ratio = row.unit == "1"
    low, high = (say_unit(value, row.unit) for value in (row.low, row.high))
    basis = word("card_basis", basis=word(f"basis_{row.basis}"))
    return Headline(
        name=name, label=word("market_card", label=row.label, year=row.year), value=float(row.base),
        unit="ratio" if is_ratio else "", currency="" if is_ratio else row.unit.split("/")[0].strip(),
        low=float(row.low), high=float(row.high), fact_ids=facts,
        range_text=f"{word('middle_level', low=low, high=high, level=level)}; {basis}",
    )  # fmt: skip


def _gap_card(market: str, gap: ReconcileResult, year: int) -> Headline:
    return Headline(
        name=f"{market}.gap.{year}", label=word("gap_card", year=year), value=gap.gap_ratio, unit="multiple",
        range_text=word("gap_allowed" if gap.is_consistent else "gap_refused"), fact_ids=gap.fact_ids,
    )  # fmt: skip
