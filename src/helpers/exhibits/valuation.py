"""What a platform is worth, as charts: all methods on one scale, comparables, what is priced in, what would narrow it.

Every function takes a tidy table with the columns that its docstring names, and says in the picture what the
reader must not miss: hollow marks for what is old or set aside, the price as a line, intervals as bars.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from helpers.checks import Declined
from helpers.exhibits.cards import Headline
from helpers.exhibits.charts import tick
from helpers.exhibits.numbers import say
from helpers.exhibits.show import Figure, Html, draw
from helpers.exhibits.style import INK, PALETTE, SOFT, word
from helpers.exhibits.tables import statement
from helpers.valuation import RegressionResult
from helpers.valuation.field import FieldResult
from helpers.valuation.headline import HeadlineResult
from helpers.valuation.reverse import PricedInResult
from helpers.valuation.simulation import SimulationResult

WIDE_SCALE = 6.0
"""Beyond this ratio of the highest end to the lowest a value axis is logarithmic."""


def value_headlines(
    entity: str,
    *,
    field: FieldResult | Declined,
    regression: RegressionResult | Declined,
    simulation: SimulationResult | Declined,
    priced: PricedInResult | Declined,
    gap: HeadlineResult | Declined,
) -> list[Headline]:
    """What an analyst takes away: the range by observed prices, what models say, and what the price takes for granted.

    Parameters
    ----------
    entity : str
        Code of the platform, for the cards' stable names.
    field, regression, simulation, priced, gap : results
        One that was declined has no card.
    """
    makers = ((field, _field_card), (regression, _comps_card), (simulation, _dcf_card), (priced, _priced_card))
    cards = [
        make(entity, result) for result, make in (*makers, (gap, _common_card)) if not isinstance(result, Declined)
    ]
    return [card for card in cards if card is not None]


def _field_card(entity: str, field: FieldResult) -> Headline:
    low, high = say(field.low, currency=field.currency), say(field.high)
    return Headline(
        name=f"{entity}.value_range", label=word("field_card"), value=float(np.sqrt(field.low * field.high)),
        currency=field.currency, low=field.low, high=field.high, shown=f"{low} – {high}",
        range_text="; ".join(f"{r.methods} {r.date:%Y-%m-%d}" for r in field.by_basis.itertuples() if r.is_observed),
        fact_ids=field.fact_ids,
    )  # fmt: skip


def _comps_card(entity: str, found: RegressionResult) -> Headline | None:
    if np.isnan(found.value):
        return None
    return Headline(
        name=f"{entity}.value_by_comparables", label=word("comps_card", level=f"{100 * found.level:.0f} %"),
        value=found.value, currency=found.currency, low=found.low, high=found.high,
        range_text=f"{word('between', low=say(found.low), high=say(found.high))}; n = {found.n}",
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _dcf_card(entity: str, found: SimulationResult) -> Headline:
    return Headline(
        name=f"{entity}.value_by_dcf", label=word("dcf_card"), value=found.median, currency=found.currency,
        low=found.low, high=found.high, range_text=word("middle_of", low=say(found.low), high=say(found.high)),
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _priced_card(entity: str, found: PricedInResult) -> Headline | None:
    rows = found.table[found.table["unknown"].eq("growth") & found.table["needed"].notna()]
    if rows.empty:
        return None
    return Headline(
        name=f"{entity}.growth_priced_in", label=word("priced_card", price=say(found.price)),
        value=float(rows["needed"].iloc[0]), unit="ratio", range_text=f"{rows['sentence'].iloc[0]}, {word('all_else')}",
        fact_ids=found.fact_ids,
    )  # fmt: skip


def _common_card(entity: str, found: HeadlineResult) -> Headline:
    return Headline(
        name=f"{entity}.common_ratio", label=word("common_card"), value=found.common_ratio, unit="ratio",
        range_text=found.text, fact_ids=found.fact_ids,
    )  # fmt: skip


def football_field(
    rows: pd.DataFrame, *, name: str, currency: str, band: tuple[float, float] | None = None, price: float | None = None
) -> Figure | Html:
    """All estimates of one value on one scale.

    Parameters
    ----------
    rows : DataFrame
        label, low, point (may be missing: a range without a middle), high (in `currency`), is_current (drawn full;
        hollow otherwise), in the order of the page.
    name, currency : str
        For the title.
    band : tuple of float, optional
        Headline range, shaded.
    price : float, optional
        Drawn as a line.
    """
    if rows.empty:
        return statement(word("no_data"))
    canvas, axes = plt.subplots(figsize=(8.4, 1.1 + 0.34 * len(rows)))
    place = np.arange(len(rows))[::-1]
    if band is not None:
        axes.axvspan(*band, color=PALETTE[0], alpha=0.12, lw=0, label=word("headline_range"))
    if price is not None:
        axes.axvline(price, color=PALETTE[1], lw=1.4, ls="--", label=word("price_line"))
    for y, row in zip(place, rows.itertuples(), strict=True):
        color = PALETTE[0] if row.is_current else SOFT
        axes.hlines(y, row.low, row.high, color=color, lw=7, alpha=0.55 if row.is_current else 0.25)
        if not np.isnan(row.point):
            axes.plot(row.point, y, "D", ms=5.5, mfc=color if row.is_current else "white", mec=color)
    _value_axis(axes, rows["low"].min(), rows["high"].max(), currency, along="x")
    axes.set_yticks(place, rows["label"])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="y", visible=False)
    has_legend = band is not None or price is not None
    if has_legend:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)
    axes.set_title(word("field_title", name=name, currency=currency), pad=30 if has_legend else 10)
    said = "; ".join(
        f"{r.label} {say(r.point, currency=currency)} ({say(r.low)} … {say(r.high)})" for r in rows.itertuples()
    )
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}")


def comparables(
    peers: pd.DataFrame,
    *,
    x: str,
    x_label: str,
    y_label: str,
    names: Mapping[str, str],
    target: pd.Series | None = None,
) -> Figure | Html:
    """Multiples of the peers against one driver, with the target's prediction interval.

    Parameters
    ----------
    peers : DataFrame
        entity, multiple, the column `x` and, where a model was fitted, fitted (multiple).
    x, x_label, y_label : str
        Driver, and what the axes say.
    names : mapping
        Code to label.
    target : Series, optional
        label, `x`, predicted, low, high: the multiple that the peers imply.
    """
    peers = peers[peers["multiple"].gt(0) & peers[x].notna()]
    if peers.empty:
        return statement(word("no_data"))
    canvas, axes = plt.subplots(figsize=(8.4, 4.2))
    axes.plot(peers[x], peers["multiple"], "o", color=PALETTE[0], ms=6)
    for row in peers.itertuples():
        axes.annotate(
            names.get(row.entity, row.entity),
            (getattr(row, x), row.multiple),
            xytext=(6, 3),
            textcoords="offset points",
            fontsize=8.5,
            color=SOFT,
        )
    ends = [peers["multiple"].min(), peers["multiple"].max()]
    if target is not None:
        axes.vlines(target[x], target["low"], target["high"], color=PALETTE[1], lw=6, alpha=0.35)
        axes.plot(target[x], target["predicted"], "D", color=PALETTE[1], label=target["label"])
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0.2)
        ends += [target["low"], target["high"]]
    _value_axis(axes, min(ends), max(ends), "", along="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "ratio", digits=2)))
    axes.set_xlabel(x_label)
    axes.set_title(y_label, pad=30 if target is not None else 10)
    said = "; ".join(f"{names.get(r.entity, r.entity)} {say(r.multiple)}" for r in peers.itertuples())
    tail = (
        ""
        if target is None
        else f"; {target['label']} {say(target['predicted'])} ({say(target['low'])} … {say(target['high'])})"
    )
    return draw(canvas, f"{y_label}. {said}{tail}")


def distribution(values: np.ndarray, *, name: str, currency: str, price: float | None = None) -> Figure:
    """Simulated values as a histogram, with the price as a line.

    Parameters
    ----------
    values : ndarray
        Draws, in `currency`.
    name, currency : str
        For the title.
    price : float, optional
    """
    low, high = np.quantile(values, [0.005, 0.995])
    canvas, axes = plt.subplots(figsize=(8.4, 3.4))
    axes.hist(values, bins=80, range=(low, high), color=PALETTE[0], alpha=0.75)
    ends = np.quantile(values, [0.1, 0.5, 0.9])
    for end, style in zip(ends, (":", "-", ":"), strict=True):
        axes.axvline(end, color=INK, lw=1.2, ls=style)
    if price is not None:
        axes.axvline(price, color=PALETTE[1], lw=1.6, ls="--", label=word("price_line"))
        axes.legend(loc="upper right")
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_xlabel(currency)
    axes.set_yticks([])
    axes.set_title(word("distribution_title", name=name), pad=10)
    said = ", ".join(say(end, currency=currency) for end in ends)
    return draw(canvas, f"{axes.get_title(loc='left')}. {word('deciles')}: {said}")


def iso_value(table: pd.DataFrame, *, x_label: str, y_label: str, title: str) -> Figure | Html:
    """Pairs of two drivers that give the same value, one curve for each value.

    Parameters
    ----------
    table : DataFrame
        label (of the curve), x, y (shares); rows without y are not drawn.
    x_label, y_label, title : str
    """
    rows = table[table["y"].notna()]
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 4.0))
    for color, (label, curve) in zip(PALETTE, rows.groupby("label", sort=False), strict=False):
        axes.plot(curve["x"], curve["y"], color=color, label=label)
    percent = FuncFormatter(lambda v, _: say(v, "ratio", digits=2))
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(
        f"{label}: {say(c['x'].iloc[0], 'ratio')} / {say(c['y'].iloc[0], 'ratio')} … "
        f"{say(c['x'].iloc[-1], 'ratio')} / {say(c['y'].iloc[-1], 'ratio')}"
        for label, c in rows.groupby("label", sort=False)
    )
    return draw(canvas, f"{title}. {said}")


def tornado(rows: pd.DataFrame, *, title: str, base: float, currency: str = "") -> Figure | Html:
    """How far each input moves the answer, the widest on top.

    Parameters
    ----------
    rows : DataFrame
        label, low, high: the answer at the input's lower and upper end.
    title : str
    base : float
        The answer with every input at its middle.
    currency : str
    """
    rows = rows.assign(width=(rows["high"] - rows["low"]).abs()).sort_values("width")
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.4 * len(rows)))
    place = np.arange(len(rows))
    axes.barh(place, rows["low"] - base, left=base, color=PALETTE[1], height=0.6, label=word("at_low_end"))
    axes.barh(place, rows["high"] - base, left=base, color=PALETTE[0], height=0.6, label=word("at_high_end"))
    axes.axvline(base, color=INK, lw=1)
    axes.set_yticks(place, rows["label"])
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(f"{r.label} {say(r.low, currency=currency)} … {say(r.high)}" for r in rows.iloc[::-1].itertuples())
    return draw(canvas, f"{title}. {said}")


def bridge(rows: pd.DataFrame, *, title: str, unit: str = "", currency: str = "") -> Figure | Html:
    """From one total to another, step by step.

    Parameters
    ----------
    rows : DataFrame
        label, effect, is_total (True: a column from zero; False: a step).
    title : str
    unit, currency : str
        Of the effects.
    """
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 3.8))
    level = 0.0
    for place, row in enumerate(rows.itertuples()):
        base = 0.0 if row.is_total else level
        color = PALETTE[0] if row.is_total else PALETTE[2] if row.effect >= 0 else PALETTE[1]
        axes.bar(place, row.effect, bottom=base, color=color, width=0.62, alpha=0.85)
        axes.annotate(
            say(row.effect, unit),
            (place, max(base, base + row.effect)),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
        level = base + row.effect
    axes.set_xticks(range(len(rows)), rows["label"])
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(y=0.15)
    axes.set_title(title, pad=12)
    said = "; ".join(f"{r.label} {say(r.effect, unit, currency)}" for r in rows.itertuples())
    return draw(canvas, f"{title}. {said}")


def nowcast(table: pd.DataFrame, *, title: str, currency: str = "") -> Figure | Html:
    """Published quarters, and the estimated ones with their prediction intervals.

    Parameters
    ----------
    table : DataFrame
        period_end, estimate, low, high, basis ("published" or another word for estimates), by period_end.
    title : str
    currency : str
    """
    if table.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 3.8))
    published = table["basis"].eq("published")
    known, guessed = table[published], table[~published]
    axes.plot(known["period_end"], known["estimate"], color=INK, lw=1.4, marker="o", ms=4, label=word("published"))
    axes.vlines(guessed["period_end"], guessed["low"], guessed["high"], color=PALETTE[1], lw=6, alpha=0.35)
    axes.plot(guessed["period_end"], guessed["estimate"], "D", color=PALETTE[1], label=word("estimated"))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(
        f"{r.period_end:%Y-%m-%d} {say(r.estimate, currency=currency)} ({say(r.low)} … {say(r.high)})"
        for r in guessed.itertuples()
    )
    return draw(canvas, f"{title}. {said or word('none')}")


def _value_axis(axes: Axes, low: float, high: float, currency: str, *, along: str) -> None:
    """Linear for values of one size, logarithmic beyond."""
    axis = getattr(axes, f"{along}axis")
    if low > 0 and high / low > WIDE_SCALE:
        getattr(axes, f"set_{along}scale")("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axis.set_minor_formatter(NullFormatter())
        currency = ", ".join(part for part in (currency, word("log_scale")) if part)
    axis.set_major_formatter(FuncFormatter(tick))
    getattr(axes, f"set_{along}label")(currency)
