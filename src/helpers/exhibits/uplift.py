"""What an event added, as charts, tables and cards: incremental against borrowed, counterfactual, league.

Simulated data are marked in the title of every chart, because a chart travels without its report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FuncFormatter

from helpers.exhibits.cards import Headline
from helpers.exhibits.charts import tick
from helpers.exhibits.show import Figure, Html, draw
from helpers.exhibits.style import INK, PALETTE, SOFT
from helpers.exhibits.tables import statement, table
from helpers.wording import say, word

if TYPE_CHECKING:  # names of results only: the methods take a tenth of a second that other pages need not wait for
    from helpers.uplift import UpliftResult
    from helpers.uplift.claims import ReportedResult
    from helpers.uplift.seasons import SeasonsResult

SHADES = {"announcement": "#dfe6ee", "pre_dip": "#f6e3c5", "event": "#cfe5d6", "after_effect": "#f3d6d2"}
GAIN, LOSS = PALETTE[2], PALETTE[1]


def uplift_headlines(
    result: UpliftResult, *, name: str, currency: str = "", source: str = "", simulated: bool = False
) -> list[Headline]:
    """The net effect, its size against what would have been, the burst and the part of it that was borrowed.

    Parameters
    ----------
    result : UpliftResult
    name : str
        Stable name of what was measured, by which runs are compared.
    currency : str, default ""
        Of the values; empty for counts.
    source : str
        Where the values come from.
    simulated : bool, default False
        Said on every card.
    """
    said = word("simulated") if simulated else source
    level = f"{100 * result.level:.0f} %"
    between = word("interval_of", level=level, low=say(result.incremental_low), high=say(result.incremental_high))
    ratio = word(
        "interval_of", level=level, low=say(result.relative_low, "ratio"), high=say(result.relative_high, "ratio")
    )
    cards = [
        Headline(
            name=f"{name}.incremental", label=word("net_effect", unit=result.unit), value=result.incremental,
            currency=currency, low=result.incremental_low, high=result.incremental_high, range_text=between,
            source=said, fact_ids=result.fact_ids,
        ),
        Headline(
            name=f"{name}.relative_effect", label=word("net_share"), value=result.relative_effect, unit="ratio",
            low=result.relative_low, high=result.relative_high, range_text=ratio, source=said, fact_ids=result.fact_ids,
        ),
    ]  # fmt: skip
    if np.isfinite(result.event_effect):
        cards.append(
            Headline(
                name=f"{name}.event_effect", label=word("burst"), value=result.event_effect, currency=currency,
                low=result.event_low, high=result.event_high, source=said, fact_ids=result.fact_ids,
                range_text=word("interval_of", level=level, low=say(result.event_low), high=say(result.event_high)),
            )
        )  # fmt: skip
    if np.isfinite(result.borrowed_share):
        taken = word("taken_from", before=say(result.pull_forward), after=say(result.borrowed))
        cards.append(
            Headline(
                name=f"{name}.borrowed_share", label=word("borrowed_share"), value=result.borrowed_share, unit="ratio",
                range_text=taken, source=said, fact_ids=result.fact_ids,
            )
        )  # fmt: skip
    return cards


def incremental(
    result: UpliftResult, *, currency: str = "", simulated: bool = False, planted: Mapping[str, float] | None = None
) -> Figure:
    """Burst, what was pulled forward from before and borrowed from after, and what is left: one bridge.

    Parameters
    ----------
    result : UpliftResult
    currency : str
    simulated : bool
        Marks the title.
    planted : mapping of str to float, optional
        The known truth of simulated data by phase and in total, marked beside the estimates.
    """
    parts = result.parts.set_index("phase")
    order = [p for p in ("event", "announcement", "pre_dip", "after_effect") if p in parts.index]
    steps = pd.DataFrame({"effect": parts.loc[order, "effect"]})
    steps["base"] = steps["effect"].cumsum() - steps["effect"]
    steps.loc["total"] = [parts.at["total", "effect"], 0.0]
    canvas, axes = plt.subplots(figsize=(8.4, 3.8))
    for place, (phase, effect, base) in enumerate(steps.itertuples()):
        color = PALETTE[0] if phase == "total" else GAIN if effect >= 0 else LOSS
        axes.bar(place, effect, bottom=base, color=color, width=0.62, alpha=0.85)
        axes.vlines(place, base + parts.at[phase, "low"], base + parts.at[phase, "high"], color=INK, lw=1.3)
        _value(axes, place, base, effect)
        if phase in (planted or {}):
            label = word("planted") if phase == "total" else None
            axes.plot(place - 0.2, base + planted[phase], "D", color="white", mec=INK, ms=6, label=label)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_xticks(range(len(steps)), [word(f"part_{p}").replace(" (", "\n(") for p in steps.index])
    axes.grid(axis="x", visible=False)
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(y=0.18)
    axes.set_title(_title("bridge_title", simulated, unit=result.unit, currency=_unit(currency)), pad=12)
    if "total" in (planted or {}):
        axes.legend(loc="upper right")
    _below(axes, word("bars_interval", level=f"{100 * result.level:.0f} %"))
    said = "; ".join(f"{word(f'part_{p}')} {say(parts.at[p, 'effect'], currency=currency)}" for p in steps.index)
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}")


def _value(axes: Axes, place: int, base: float, effect: float) -> None:
    up = effect >= 0
    axes.annotate(
        say(effect), (place, base + effect), xytext=(5, 4 if up else -13), textcoords="offset points", fontsize=9
    )


def counterfactual(
    result: UpliftResult, *, currency: str = "", days_before: int = 90, days_after: int = 30, simulated: bool = False
) -> Figure:
    """Observed values against what would have been, with the phases of the window shaded.

    Parameters
    ----------
    result : UpliftResult
    currency : str
    days_before, days_after : int
        Periods around the window that are shown.
    simulated : bool
    """
    path = result.path.reset_index(drop=True)
    inside = np.flatnonzero(path["phase"].ne(""))
    shown = path.iloc[max(0, inside[0] - days_before) : inside[-1] + 1 + days_after]
    canvas, axes = plt.subplots(figsize=(8.4, 4.2))
    step = path["date"].diff().median()
    for phase, rows in shown[shown["phase"].ne("")].groupby("phase", sort=False):
        axes.axvspan(
            rows["date"].iloc[0], rows["date"].iloc[-1] + step, color=SHADES[phase], lw=0, label=word(f"phase_{phase}")
        )
    axes.plot(shown["date"], shown["observed"], color=INK, lw=1.4, label=word("observed"))
    axes.plot(shown["date"], shown["counterfactual"], color=PALETTE[0], lw=1.6, ls="--", label=word("without_event"))
    axes.fill_between(
        shown["date"],
        shown["observed"] - shown["high"],
        shown["observed"] - shown["low"],
        color=PALETTE[0],
        alpha=0.2,
        lw=0,
    )
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.set_ylim(bottom=0)
    axes.set_title(_title("path_title", simulated, unit=result.unit, currency=_unit(currency)))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=6, borderaxespad=0.2, handlelength=1.4, fontsize=8)
    window = path.iloc[inside]
    alt = (
        f"{axes.get_title(loc='left')}. {result.text} "
        f"{word('observed')} {say(window['observed'].sum(), currency=currency)}, "
        f"{word('without_event')} {say(window['counterfactual'].sum(), currency=currency)}"
    )
    return draw(canvas, alt)


def forest(
    rows: pd.DataFrame, *, title: str, unit: str = "ratio", simulated: bool = False, reference: float | None = None
) -> Figure | Html:
    """Estimates with their intervals, one above the other.

    Parameters
    ----------
    rows : DataFrame
        label, value, low, high; the first row on top. Rows without a value are left out of the picture.
    title : str
    unit : str, default "ratio"
        Of the values.
    simulated : bool
    reference : float, optional
        A value to compare with (a planted truth), drawn as a line.
    """
    rows = rows[rows["value"].notna()]
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.27 * len(rows)))
    place = np.arange(len(rows))[::-1]
    clear = (rows["low"] > 0) | (rows["high"] < 0)
    colors = np.where(clear, PALETTE[0], SOFT)
    axes.hlines(place, rows["low"], rows["high"], color=colors, lw=2.2, alpha=0.7)
    axes.scatter(rows["value"], place, color=colors, s=26, zorder=3)
    axes.axvline(0, color=INK, lw=0.8)
    if reference is not None:
        axes.axvline(reference, color=PALETTE[1], lw=1.4, ls=":", label=word("planted"))
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0.2)
    axes.set_yticks(place, rows["label"])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, unit, digits=2)))
    axes.set_title(title + (f" ({word('simulated')})" if simulated else ""), pad=30 if reference is not None else 10)
    said = "; ".join(
        f"{r.label} {say(r.value, unit)} ({say(r.low, unit)} … {say(r.high, unit)})" for r in rows.itertuples()
    )
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}")


def parts(result: UpliftResult, *, currency: str = "", simulated: bool = False) -> Html:
    """The accounts of the window, phase by phase."""
    rows = [
        {
            word("phase"): word(f"part_{r.phase}"), word("from"): f"{r.first_date:%Y-%m-%d}",
            word("to"): f"{r.last_date:%Y-%m-%d}", word("observed"): say(r.observed, currency=currency),
            word("without_event"): say(r.counterfactual, currency=currency),
            word("effect"): say(r.effect, currency=currency), word("range"): f"{say(r.low)} … {say(r.high)}",
            word("share_of_base"): say(r.relative, "ratio"),
        }
        for r in result.parts.itertuples()
    ]  # fmt: skip
    return table(pd.DataFrame(rows), caption=_title("parts_title", simulated, unit=result.unit), text=[word("phase")])


def estimators(compared: pd.DataFrame, *, currency: str = "", simulated: bool = False) -> Html:
    """Several estimators of one event side by side.

    Parameters
    ----------
    compared : DataFrame
        From `helpers.uplift.compare`.
    currency : str
    simulated : bool
        Marks the caption.
    """
    rows = [
        {
            word("method"): r.method, word("effect"): say(r.incremental, currency=currency),
            word("share_of_base"): say(r.relative_effect, "ratio"),
            word("range"): f"{say(r.relative_low, 'ratio')} … {say(r.relative_high, 'ratio')}",
            word("burst"): say(r.event_effect, currency=currency),
            word("borrowed_share"): say(r.borrowed_share, "ratio"), word("verdict"): r.verdict,
        }
        for r in compared.itertuples()
    ]  # fmt: skip
    return table(
        pd.DataFrame(rows), caption=_title("estimators_title", simulated), text=[word("method"), word("verdict")]
    )


def league(ranked: pd.DataFrame, *, top: int = 20, simulated: bool = False) -> Figure | Html:
    """The best units after shrinkage, with their intervals and what they looked like before.

    Parameters
    ----------
    ranked : DataFrame
        unit, estimate, shrunk, low, high, in the order of the ranking; `table` of a ranking result.
    top : int, default 20
    simulated : bool
    """
    rows = ranked.head(top)
    if rows.empty:
        return statement(word("none"))
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.27 * len(rows)))
    place = np.arange(len(rows))[::-1]
    axes.hlines(place, rows["low"], rows["high"], color=PALETTE[0], lw=2.2, alpha=0.6)
    axes.scatter(rows["shrunk"], place, color=PALETTE[0], s=28, zorder=3, label=word("shrunken"))
    axes.scatter(rows["estimate"], place, facecolors="none", edgecolors=SOFT, s=24, label=word("as_estimated"))
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(place, rows["unit"])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "ratio", digits=2)))
    axes.set_title(_title("league_title", simulated, top=len(rows), count=f"{len(ranked):,}"))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)
    said = "; ".join(f"{r.unit} {say(r.shrunk, 'ratio')}" for r in rows.head(8).itertuples())
    return draw(canvas, f"{axes.get_title(loc='left')}. {said}")


def claims(read: Sequence[ReportedResult], *, names: Mapping[str, str]) -> Html:
    """Printed growth figures of events: what each is measured against, or that it is undefined and why.

    Parameters
    ----------
    read : sequence of ReportedResult
        From `helpers.uplift.claims.read_claim`.
    names : mapping
        Code to label.
    """
    rows = [
        {
            word("metric"): names.get(r.claim.metric, r.claim.metric),
            word("printed"): _printed(r), word("means"): _meaning(r),
            word("baseline"): r.claim.baseline.replace("_", " ") or "–",
            word("window"): "–" if r.claim.window is None else _span(*r.claim.window),
            word("denominator"): r.claim.denominator or "–",
            word("facts"): Markup('<a href="#{}">{}</a>').format(r.claim.fact_id, r.claim.fact_id),
        }
        for r in read
    ]  # fmt: skip
    text = [word(k) for k in ("metric", "means", "baseline", "window", "denominator", "facts")]
    return table(pd.DataFrame(rows, dtype=object), caption=word("claims_title"), text=text if rows else [])


def _printed(read: ReportedResult) -> str:
    """As printed; of an undefined figure too, since a reader will meet it."""
    high = read.claim.value_high
    ends = say(read.claim.value, "ratio") + (f" … {say(high, 'ratio')}" if high else "")
    return ends if read.is_defined else f"({ends})"


def _meaning(read: ReportedResult) -> str:
    if not read.is_defined:
        return word("undefined", missing=", ".join(read.missing))
    low, high = say(read.low, "ratio"), say(read.high, "ratio")
    return word("or_more_than", low=low) if np.isinf(read.high) else word("between", low=low, high=high)


def _span(start: pd.Timestamp, end: pd.Timestamp) -> str:
    return f"{start:%Y-%m-%d} … {end:%Y-%m-%d}"


def seasons(result: SeasonsResult | None, *, name: str, currency: str = "") -> Figure | Html:
    """Reported quarters, the trend of the quarters without an event, and what the event quarters hold above it.

    Parameters
    ----------
    result : SeasonsResult or None
        None where there are too few quarters.
    name, currency : str
        For the title.
    """
    if result is None:
        return statement(f"{name}: {word('no_data')}")
    path, held = result.path, result.by_quarter
    canvas, axes = plt.subplots(figsize=(8.4, 4.0))
    axes.plot(path["date"], path["trend"], color=PALETTE[0], ls="--", lw=1.6, label=word("trend_line"))
    axes.plot(path["date"], path["observed"], color=INK, lw=1.2, marker="o", ms=3.5, label=word("observed"))
    for color, (event, rows) in zip(PALETTE[1:], held.groupby("event", sort=False), strict=False):
        base = rows["date"].map(path.set_index("date")["trend"])
        axes.vlines(rows["date"], base, rows["observed"], color=color, lw=6, alpha=0.45, label=event)
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.set_ylim(bottom=0)
    axes.set_title(word("seasons_title", name=name, currency=_unit(currency)))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, borderaxespad=0.2, handlelength=1.6)
    return draw(canvas, f"{axes.get_title(loc='left')}. {result.text}")


def _title(key: str, simulated: bool, **values: object) -> str:
    return word(key, **values) + (f" ({word('simulated')})" if simulated else "")


def _unit(currency: str) -> str:
    return f", {currency}" if currency else ""


def _below(axes: Axes, text: str) -> None:
    axes.annotate(text, (0, -0.2), xycoords="axes fraction", color=SOFT, fontsize=8.5)
