"""What a valuation comes to: the page's answer in a few sentences, and its cards.

A result that was declined has no sentence and no card.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import Declined
from helpers.exhibits.cards import Headline
from helpers.exhibits.show import Html
from helpers.exhibits.tables import statement
from helpers.exhibits.valuation import WIDE_SCALE
from helpers.valuation import ExpectationsResult, PeersResult, RegressionResult
from helpers.valuation.field import FieldResult
from helpers.valuation.fundamentals import Subject
from helpers.valuation.headline import BacksolveRangeResult, HeadlineResult
from helpers.valuation.simulation import SimulationResult
from helpers.wording import say, word


def answer(
    name: str,
    *,
    listed: pd.DataFrame,
    subject: Subject | Declined,
    middle: PeersResult | Declined,
    regression: RegressionResult | Declined,
    simulation: SimulationResult | Declined,
    story: ExpectationsResult | Declined,
) -> Html:
    """The page's question answered in a few sentences: price against peers, against cash flows, and what it needs.

    Parameters
    ----------
    name : str
        The platform, as it should be read.
    listed : DataFrame
        From `helpers.valuation.beside_multiples`, the platform's own row among them.
    subject, middle, regression, simulation, story : results
        What was declined has no sentence.
    """
    said = []
    own = pd.DataFrame() if isinstance(subject, Declined) else listed[listed["entity"].eq(subject.entity)]
    own = own.dropna(subset="multiple") if len(own) else own
    if len(own):
        row, end = own.iloc[0], subject.denominator.period_end
        said.append(word("answer_price", name=name, day=f"{row['date']:%Y-%m-%d}", times=say(row["multiple"]), end=end))
        if not isinstance(middle, Declined):
            said.append(word("answer_peers", n=middle.n, median=say(middle.median)))
        if not isinstance(regression, Declined):
            ends = say(regression.multiple_low), say(regression.multiple_high)
            holds = regression.multiple_low <= row["multiple"] <= regression.multiple_high
            level = f"{100 * regression.level:.0f} %"
            said.append(word("answer_inside" if holds else "answer_outside", level=level, low=ends[0], high=ends[1]))
    if not isinstance(simulation, Declined) and not np.isnan(simulation.share_below_price):
        reached, middle_value = say(1 - simulation.share_below_price, "ratio", digits=2), say(simulation.median)
        said.append(word("answer_cash", share=reached, middle=f"{simulation.currency} {middle_value}"))
    if not isinstance(story, Declined):
        said.append(story.text)
    return statement(" ".join(said) or word("no_data"))


def value_headlines(
    entity: str,
    *,
    field: FieldResult | Declined,
    regression: RegressionResult | Declined,
    simulation: SimulationResult | Declined,
    story: ExpectationsResult | Declined,
    gap: HeadlineResult | Declined,
    span: BacksolveRangeResult | Declined,
) -> list[Headline]:
    """What an analyst takes away: the range by observed prices, what models say, and what the price takes for granted.

    Parameters
    ----------
    entity : str
        Code of the platform, for the cards' stable names.
    field, regression, simulation, story, gap, span : results
        One that was declined has no card.
    """
    makers = ((field, _field_card), (regression, _comps_card), (simulation, _dcf_card), (story, _priced_card))
    cards = [make(entity, result) for result, make in makers if not isinstance(result, Declined)]
    if not isinstance(gap, Declined) and not isinstance(span, Declined):
        cards.append(_common_card(entity, gap, span))
    return [card for card in cards if card is not None]


def _field_card(entity: str, field: FieldResult) -> Headline:
    """The points that were paid or booked; the interval is what their digits leave open."""
    rows = field.table[field.table["is_current"] & (field.table["is_observed"] | (field.headline == "all"))]
    points = rows["point"].fillna(np.sqrt(rows["low"] * rows["high"]))
    low, high = say(points.min(), currency=field.currency), say(points.max())
    what = "; ".join(f"{r.methods} {r.date:%Y-%m-%d}" for r in field.by_basis.itertuples() if r.is_observed)
    digits = word("by_digits", low=say(field.low), high=say(field.high))
    return Headline(
        name=f"{entity}.value_range", label=word("field_card"), value=float(np.sqrt(points.min() * points.max())),
        currency=field.currency, low=field.low, high=field.high, shown=low if low.endswith(high) else f"{low} – {high}",
        range_text=f"{what}; {digits}", fact_ids=tuple(dict.fromkeys(i for ids in rows["fact_ids"] for i in ids)),
    )  # fmt: skip


def _comps_card(entity: str, found: RegressionResult) -> Headline | None:
    """The interval leads where it is too wide for its middle to say anything."""
    if np.isnan(found.value):
        return None
    is_wide = found.high > WIDE_SCALE * found.low
    ends = f"{say(found.low, currency=found.currency)} – {say(found.high)}"
    middle = word("middle_at", value=say(found.value))
    return Headline(
        name=f"{entity}.value_by_comparables", label=word("comps_card", level=f"{100 * found.level:.0f} %"),
        value=found.value, currency=found.currency, low=found.low, high=found.high, shown=ends if is_wide else "",
        range_text=f"{middle if is_wide else word('between', low=say(found.low), high=say(found.high))}; n = {found.n}",
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _dcf_card(entity: str, found: SimulationResult) -> Headline:
    return Headline(
        name=f"{entity}.value_by_dcf", label=word("dcf_card"), value=found.median, currency=found.currency,
        low=found.low, high=found.high, range_text=word("middle_of", low=say(found.low), high=say(found.high)),
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _priced_card(entity: str, found: ExpectationsResult) -> Headline | None:
    highest = found.table[found.table["price"].eq(found.table["price"].max())]
    rows = highest[highest["unknown"].eq("growth") & highest["needed"].notna()]
    if rows.empty:
        return None
    row = rows.iloc[0]
    return Headline(
        name=f"{entity}.growth_priced_in", label=word("priced_card", price=say(row["price"])),
        value=float(row["needed"]), unit="ratio", range_text=f"{row['sentence']}, {word('all_else')}",
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _common_card(entity: str, found: HeadlineResult, span: BacksolveRangeResult) -> Headline:
    low, high = span.table["common_ratio"].min(), span.table["common_ratio"].max()
    return Headline(
        name=f"{entity}.common_ratio", label=word("common_card", price=say(found.headline_value)),
        value=found.common_ratio, unit="ratio", low=float(low), high=float(high), fact_ids=found.fact_ids,
        shown=f"{say(low, 'ratio')} – {say(high, 'ratio')}", range_text=word("of_chances"),
    )  # fmt: skip
