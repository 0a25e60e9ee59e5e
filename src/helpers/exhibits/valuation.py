"""What a platform is worth, as charts: all methods on one scale, comparables, what is priced in, what would narrow it.

Every function takes a tidy table with the columns that its docstring names, and says in the picture what the
reader must not miss: hollow marks for what is old or set aside, the price as a line, intervals as bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from helpers.exhibits.charts import swings, tick
from helpers.exhibits.show import Figure, Html, draw, with_forecasts
from helpers.exhibits.style import INK, PALETTE, SOFT
from helpers.exhibits.tables import mapped, statement, table
from helpers.growth import DecompositionResult, NowcastResult
from helpers.valuation import ExpectationsResult, ReconcileResult, RegressionResult
from helpers.valuation.dcf.drivers import BOUNDS
from helpers.valuation.field import FieldResult
from helpers.valuation.fundamentals import Subject
from helpers.valuation.simulation import SimulationResult
from helpers.wording import WORDS, language, say, word

IMPLIED = ("share_of_nav", "revenue", "mau")
"""What a claim is held against where a reader looks: the fund that holds the stake, sales, users."""

WIDE_RANGE = 1.02
"""Ends of a range that are closer are one value in two currencies."""

WIDE_SCALE = 6.0
"""Beyond this ratio of the highest end to the lowest a value axis is logarithmic."""


def football_field(field: FieldResult, *, name: str, top: int = 16) -> Figure:
    """All estimates of one value on one scale; what counts is full, what is old or superseded hollow.

    Parameters
    ----------
    field : FieldResult
    name : str
        For the title.
    top : int, default 16
        Rows shown: all that count, then the latest of the others.
    """
    table = field.table.sort_values(["is_current", "date"], ascending=[False, False], kind="stable")
    table = table.head(max(top, int(table["is_current"].sum())))
    rows = table.assign(label=[f"{r.method}, {r.date:%Y-%m-%d}" for r in table.itertuples()])
    band, currency = (field.low, field.high), field.currency
    canvas, axes = plt.subplots(figsize=(8.4, 1.1 + 0.34 * len(rows)))
    place = np.arange(len(rows))[::-1]
    axes.axvspan(*band, color=PALETTE[0], alpha=0.12, lw=1.5, label=word("headline_range"))
    for y, row in zip(place, rows.itertuples(), strict=True):
        color = PALETTE[0] if row.is_current else SOFT
        axes.hlines(y, row.low, row.high, color=color, lw=7, alpha=0.55 if row.is_current else 0.25)
        if not np.isnan(row.point):
            axes.plot(row.point, y, "D", ms=5.5, mfc=color if row.is_current else "white", mec=color)
    _value_axis(axes, rows["low"].min(), rows["high"].max(), currency, along="x")
    axes.set_yticks(place, rows["label"])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)
    axes.set_title(word("field_title", name=name, currency=currency))
    said = "; ".join(
        f"{r.label} {say(r.point, currency=currency)} ({say(r.low)} … {say(r.high)})" for r in rows.itertuples()
    )
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}")


def comparables(found: RegressionResult, peers: pd.DataFrame, *, names: Mapping[str, str], subject: Subject) -> Figure:
    """Multiples of the peers against their growth, with the interval in which the platform would lie.

    Parameters
    ----------
    found : RegressionResult
    peers : DataFrame
        entity, multiple, growth, as the regression took them.
    names : mapping
        Code to label.
    subject : Subject
        The platform.
    """
    used = peers[peers["entity"].isin(found.peers["entity"]) & peers["growth"].notna()]
    canvas, axes = plt.subplots(figsize=(8.4, 4.2))
    axes.plot(used["growth"], used["multiple"], "o", color=PALETTE[0], ms=6)
    for place, row in enumerate(used.sort_values("growth").itertuples()):
        label, offset = names.get(row.entity, row.entity), 4 if place % 2 else -11  # neighbours do not overprint
        axes.annotate(label, (row.growth, row.multiple), xytext=(6, offset), textcoords="offset points", fontsize=8.5)
    label = word("prediction_of", name=names.get(subject.entity, subject.entity), level=f"{100 * found.level:.0f} %")
    axes.vlines(subject.growth, found.multiple_low, found.multiple_high, color=PALETTE[1], lw=6, alpha=0.35)
    axes.plot(subject.growth, found.multiple, "D", color=PALETTE[1], label=label)
    own = peers.loc[peers["entity"].eq(subject.entity), "multiple"].dropna()
    if len(own):
        axes.plot(subject.growth, own.iloc[0], "D", mfc="white", mec=INK, label=word("at_price"))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    ends = [*used["multiple"], *own, found.multiple_low, found.multiple_high]
    _value_axis(axes, min(ends), max(ends), "", along="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "ratio", digits=2)))
    axes.set_xlabel(word("driver_growth"))
    axes.set_title(word("comps_title"))
    said = "; ".join(f"{names.get(r.entity, r.entity)} {say(r.multiple)}" for r in used.itertuples())
    tail = f"{label} {say(found.multiple)} ({say(found.multiple_low)} … {say(found.multiple_high)})"
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}; {tail}")


def distribution(found: SimulationResult, *, name: str, price: float | None = None) -> Figure:
    """Simulated values as a histogram, with the price as a line.

    Parameters
    ----------
    found : SimulationResult
    name : str
        For the title.
    price : float, optional
    """
    values, currency = found.sample["value"].dropna().to_numpy(), found.currency
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


def doubtful(found: ReconcileResult) -> Html:
    """Claims that were rejected or flagged, and those that stand as a range only, with the arithmetic.

    Parameters
    ----------
    found : ReconcileResult
    """
    table_of = found.table[found.table["kind"].eq("claim")]
    wide = table_of["range_high"] > WIDE_RANGE * table_of["range_low"]
    rows = table_of[table_of["status"].isin(["rejected", "flagged"]) | (table_of["status"].eq("range") & wide)]
    shown = {
        "as_of": "date", "quote": f"money {found.currency}", "basis": "text", "status": "text", "reason": "text",
        "claim_id": "facts",
    }  # fmt: skip
    return mapped(rows.assign(basis=rows["basis"].str.replace("_", " ")), shown, caption=word("doubtful_title"))


def implied(found: ReconcileResult) -> Html:
    """What each rejected claim would mean for the company, were it true; a sentence said twice is shown once.

    Parameters
    ----------
    found : ReconcileResult
    """
    rejected = found.table.loc[found.table["status"].eq("rejected"), "claim_id"]
    told = found.implied[found.implied["claim_id"].isin(rejected) & found.implied["quantity"].isin(IMPLIED)]
    rows = told.dropna(subset="value").drop_duplicates("text")
    return mapped(rows, {"text": "text", "claim_id": "facts"}, caption=word("implied_title"))


def priced_in(found: ExpectationsResult) -> Html:
    """What each observed price takes for granted, one driver at a time, beside what the report assumes.

    Parameters
    ----------
    found : ExpectationsResult
    """
    currency = found.currency
    rows = [
        {
            word("price_of"): f"{say(r.price, currency=currency)}, {r.method}, {r.date:%Y-%m-%d}",
            word("driver"): driver_word(r.unknown), word("assumed"): say_driver(r.unknown, r.base),
            word("needed"): say_driver(r.unknown, r.needed), word("finding"): r.sentence or r.reason,
        }
        for r in found.table.itertuples()
    ]  # fmt: skip
    words = [word(key) for key in ("price_of", "driver", "finding")]
    return table(pd.DataFrame(rows), caption=word("priced_title"), text=words)


def iso_value(curves: pd.DataFrame) -> Figure | Html:
    """Growth and margin at maturity that together are worth a price, one curve for each price.

    Parameters
    ----------
    curves : DataFrame
        ``curves`` of `helpers.valuation.ExpectationsResult`: label, x, y; rows without y are not drawn.
    """
    rows, title = curves[curves["y"].notna()], word("iso_title")
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 4.0))
    for color, (label, curve) in zip(cycle(PALETTE), rows.groupby("label", sort=False), strict=False):
        axes.plot(curve["x"], curve["y"], color=color, label=label)
    percent = FuncFormatter(lambda v, _: say(v, "ratio", digits=2))
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    axes.set_xlabel(word("driver_growth"))
    axes.set_ylabel(word("driver_target_margin"))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(
        f"{label}: {say(c['x'].iloc[0], 'ratio')} / {say(c['y'].iloc[0], 'ratio')} … "
        f"{say(c['x'].iloc[-1], 'ratio')} / {say(c['y'].iloc[-1], 'ratio')}"
        for label, c in rows.groupby("label", sort=False)
    )
    return draw(canvas, f"{title}. {said}")


def tornado(found: SimulationResult) -> Figure | Html:
    """How far each input alone moves the value, the widest on top.

    Parameters
    ----------
    found : SimulationResult
        Its swings.
    """
    rows = found.swings.rename(columns={"output_low": "low", "output_high": "high"})
    title = word("tornado_title", currency=found.currency)
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    ends = [(say_driver(r.input, r.input_low), say_driver(r.input, r.input_high)) for r in rows.itertuples()]
    labels = [f"{driver_word(r.input)} ({a} … {b})" for r, (a, b) in zip(rows.itertuples(), ends, strict=True)]
    base = float(rows["output_base"].iloc[0])
    return swings(rows.assign(label=labels), base=base, title=title, currency=found.currency)


def bridge(found: DecompositionResult, *, names: Mapping[str, str]) -> Figure:
    """From the earlier total to the later one, one step for each factor.

    Parameters
    ----------
    found : DecompositionResult
    names : mapping
        Code to label; a factor such as "gmv/dau" is named by its parts.
    """
    effects = found.totals
    labels = [" / ".join(names.get(part, part) for part in factor.split("/")) for factor in effects["factor"]]
    ends = [(word("base"), found.start_value, 0.0)]
    level = found.start_value
    for label, effect in zip(labels, effects["effect"], strict=True):
        ends.append((label, effect, level))
        level += effect
    ends.append((word("now"), found.end_value, 0.0))
    canvas, axes = plt.subplots(figsize=(8.4, 3.8))
    for place, (_, effect, base) in enumerate(ends):
        is_total = place in (0, len(ends) - 1)
        color = PALETTE[0] if is_total else PALETTE[2] if effect >= 0 else PALETTE[1]
        axes.bar(place, effect, bottom=base, color=color, width=0.62, alpha=0.85)
        top = (place, max(base, base + effect))
        axes.annotate(say(effect), top, xytext=(0, 4), textcoords="offset points", ha="center", fontsize=9)
    axes.set_xticks(range(len(ends)), [label.replace(" / ", " /\n") for label, *_ in ends])
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(y=0.15)
    axes.set_title(word("bridge_factors"), pad=22)
    return draw(canvas, f"{axes.get_title(loc='left')}. {found.text}")


def nowcast(
    found: NowcastResult, *, metric: str, currency: str = "", entity: str = "", code: str = "", made_on: object = None
) -> Figure:
    """Published quarters, and the estimated ones with their prediction intervals.

    Parameters
    ----------
    found : NowcastResult
    metric, currency : str
        For the title.
    entity, code : str
        Whose metric it is, by its code: the run then keeps the forecasts, and later ones judge them.
    made_on : day
        The day that the report speaks from.
    """
    table = found.table[found.table["estimate"].notna()]
    title = word("nowcast_title", metric=metric, unit=f", {currency}" if currency else "")
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
    drawn = draw(canvas, f"{title}. {said or word('none')}")
    if not entity:
        return drawn
    rows = table.rename(columns={"estimate": "value"}).assign(
        metric=code, level=np.where(published, np.nan, found.level), unit="money", currency=currency, label=title
    )
    return with_forecasts(drawn, rows, entity=entity, made_on=made_on)


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


def driver_word(driver: str) -> str:
    """A driver's name to read: its word where there is one, else its code without underscores."""
    key = f"driver_{driver}"
    return word(key) if key in WORDS[language()] else driver.replace("_", " ")


def say_driver(driver: str, value: float) -> str:
    """A driver's value in its own unit: rates and shares as percentages."""
    return say(value, "ratio" if driver in BOUNDS else "")
