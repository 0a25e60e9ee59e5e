"""Headline numbers: what a reader takes away, each with its range and its source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd
from markupsafe import escape

from helpers.exhibits.show import Html
from helpers.exhibits.style import cited
from helpers.growth import GrowthResult
from helpers.valuation import MultiplesResult
from helpers.wording import leeway, period, say, word

MIME = "application/vnd.helpers.headlines+json"
YEAR_DAYS = (350, 380)
LINKS = 6  # facts that a card links to; the others are counted, and all stand in the list of sources
MOST_NAMED = 4  # publishers on a card; the list of sources names them all
WIDE = 1.5  # an interval whose ends are this many times apart is said to be open


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One number of the answer.

    Attributes
    ----------
    name : str
        Stable name, by which runs are compared.
    label : str
        What a reader sees above the number.
    value : float
        In base units.
    unit, currency : str
        Names of the closed lists; currency empty unless money.
    low, high : float or None
        Interval or range, None where there is none.
    range_text : str
        What the interval means, in words.
    source : str
        Short source, such as "Kuaishou Technology IR, 2025-11-20".
    fact_ids : tuple of str
        The facts it rests on.
    shown : str
        What stands for the number where it is a range; empty for the number itself.
    """

    name: str
    label: str
    value: float
    unit: str = ""
    currency: str = ""
    low: float | None = None
    high: float | None = None
    range_text: str = ""
    source: str = ""
    fact_ids: tuple[str, ...] = ()
    shown: str = ""

    @property
    def text(self) -> str:
        """The number as shown."""
        return self.shown or say(self.value, self.unit, self.currency)


def latest(
    series: pd.DataFrame, *, metrics: Sequence[str], names: Mapping[str, str], sources: pd.DataFrame
) -> list[Headline]:
    """The last preferred figure of each metric; of flows the last full year.

    Parameters
    ----------
    series : DataFrame
        ``table`` of `helpers.ledger.PreferredSeries`.
    metrics : sequence of str
        In the order of the cards; those without a figure are left out.
    names : mapping
        Code to label, from `helpers.ledger.names`.
    sources : DataFrame
        The ledger's sources, indexed by source_id.
    """
    cards = []
    for metric in metrics:
        rows = series[series["metric"].eq(metric)]
        days = (rows["period_end"] - rows["period_start"]).dt.days
        rows = rows[days.between(*YEAR_DAYS) | rows["metric_kind"].ne("flow")]
        if not rows.empty:
            cards.append(_card(rows.sort_values(["period_end", "period_start", "fact_id"]).iloc[-1], names, sources))
    return cards


def headlines(
    cards: Iterable[Headline], *, facts: pd.DataFrame | None = None, sources: pd.DataFrame | None = None
) -> Html:
    """Cards as HTML, and as data that the run keeps in result.json.

    Parameters
    ----------
    cards : iterable of Headline
        In the order of the page.
    facts, sources : DataFrame, optional
        The ledger's facts and sources: cards that rest on several facts then name all their publishers.
    """
    cards = list(cards)
    if facts is not None and sources is not None:
        cards = [_credited(card, facts, sources) for card in cards]
    data = {"headlines": [_recorded(c) for c in cards]}
    text = "\n".join(f"{c.label}: {c.text}; {c.range_text}; {c.source}" for c in cards)
    body = "".join(_html(card) for card in cards) or f'<p class="note">{escape(word("no_data"))}</p>'
    return Html(html=f'<div class="headlines">{body}</div>', text=text or word("no_data"), data={MIME: data})


def _recorded(card: Headline) -> dict:
    """A card as the run keeps it: what is shown is its text."""
    fields = {name: value for name, value in asdict(card).items() if name != "shown"}
    return fields | {"text": card.text, "fact_ids": list(card.fact_ids)}


def _credited(card: Headline, facts: pd.DataFrame, sources: pd.DataFrame) -> Headline:
    """Name the publishers of a card that rests on several facts, and say which are no direct measurements."""
    if len(card.fact_ids) < 2:
        return card
    rows = facts[facts["fact_id"].isin(card.fact_ids)]
    told = [
        ", ".join([sources["publisher"].get(i, i), *_standing(s)])
        for i, s in zip(rows["source_id"], rows["status"], strict=True)
    ]
    said = list(dict.fromkeys([*filter(None, [card.source]), *told]))
    if len(said) > MOST_NAMED:
        said = [*said[: MOST_NAMED - 1], word("more_sources", count=len(said) - MOST_NAMED + 1)]
    return replace(card, source="; ".join(said))


def _card(row: pd.Series, names: Mapping[str, str], sources: pd.DataFrame) -> Headline:
    disputed = bool(row["is_disputed"])
    low, high = (row["range_low"], row["range_high"]) if disputed else (row["low"], row["high"])
    unit = str(row["unit"])
    source = sources.loc[row["source_id"]]
    when = period(row["period_start"], row["period_end"], loose=row["metric_kind"] == "stock")
    return Headline(
        name=f"{row['entity']}.{row['metric']}",
        value=float(row["value"]),
        unit=unit,
        currency=str(row["currency"]),
        label=f"{names[row['metric']]}, {when}",
        low=_finite(low),
        high=_finite(high),
        range_text=leeway(row),
        source=", ".join([source["publisher"], source["published"] or word("no_date"), *_standing(row["status"])]),
        fact_ids=(row["fact_id"],),
    )


def _standing(status: str) -> list[str]:
    """What a reader must know of a figure that nobody measured directly."""
    return [word(status)] if status in ("estimate", "derived") else []


def _between(low: float, high: float) -> str:
    """Interval as shown, unless it is narrower than its digits."""
    ends = say(low), say(high)
    key = "open_inputs" if low > 0 and high / low > WIDE else "between"
    return "" if ends[0] == ends[1] else f"; {word(key, low=ends[0], high=ends[1])}"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _html(card: Headline) -> str:
    cited().update(card.fact_ids)
    links = " ".join(f'<a href="#{escape(i)}">[{escape(i)}]</a>' for i in card.fact_ids[:LINKS])
    links += f" +{len(card.fact_ids) - LINKS}" if len(card.fact_ids) > LINKS else ""
    return (
        f'<div class="headline"><p class="headline-label">{escape(card.label)}</p>'
        f'<p class="headline-value">{escape(card.text)}</p>'
        f'<p class="headline-range">{escape(card.range_text)}</p>'
        f'<p class="headline-source">{escape(card.source)} {links}</p></div>'
    )


def growth_headline(result: GrowthResult, *, name: str, label: str) -> Headline:
    """A compound growth rate as a card."""
    first, last = result.table["date"].iloc[0], result.table["date"].iloc[-1]
    return Headline(
        name=name,
        label=f"{label}, {first:%Y} – {last:%Y}",
        value=result.growth,
        unit="ratio",
        low=_finite(result.low),
        high=_finite(result.high),
        fact_ids=result.fact_ids,
        range_text=word("rounding", low=say(result.low, "ratio"), high=say(result.high, "ratio")),
    )


def multiple_headlines(
    result: MultiplesResult, *, entity: str, names: Mapping[str, str], metrics: Sequence[str] | None = None
) -> list[Headline]:
    """The last stated multiple of each metric as cards: times for money, money a user for users.

    Parameters
    ----------
    result : MultiplesResult
    entity : str
        For the cards' stable names.
    names : mapping
        Code to label.
    metrics : sequence of str, optional
        Only these; all where left out.
    """
    wanted = result.table["metric"].isin(list(metrics)) if metrics is not None else True
    stated = result.table[result.table["multiple"].notna() & wanted].sort_values("date")
    cards = []
    for row in stated.groupby(["price_kind", "metric"], sort=False).tail(1).itertuples():
        users = pd.isna(row.denominator_currency) or not row.denominator_currency
        price = say(row.price_quote, currency=result.quote_currency)
        below = say(row.denominator_quote, currency="" if users else result.quote_currency)
        cards.append(
            Headline(
                name=f"{entity}.value_over_{row.metric}",
                value=float(row.multiple),
                unit="" if users else "multiple",
                currency=result.quote_currency if users else "",
                label=word("value_over", metric=names[row.metric], when=f"{row.date:%Y-%m-%d}"),
                low=_finite(row.low),
                high=_finite(row.high),
                range_text=f"{price} / {below}" + _between(row.low, row.high),
                fact_ids=(*row.price_fact_id.split(), *row.denominator_fact_id.split()),  # a sum has several
                source=word("figures_of", when=period(row.period_start, row.period_end)),
            )
        )
    return cards
