"""How large a market is, as pictures: the tree of drivers, the gap between two routes, forecasts, ranges by year.

Ranges are simulated and say so. A driver's colour says what it stands on: facts, judgement, a line between known
years, or a forecast.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from helpers import units
from helpers.draws import ShapleyResult, SobolResult
from helpers.exhibits.charts import swings, tick
from helpers.exhibits.show import Figure, Html, draw, with_forecasts
from helpers.exhibits.style import INK, PALETTE, SOFT, look
from helpers.exhibits.tables import statement
from helpers.market import ForecastResult, Graph, ReconcileResult, SizingResult
from helpers.wording import say, word

BASIS_COLOURS = {"facts": "#cfe3f1", "assumption": "#fbdcc4", "line": "#f4ecc6", "forecast": "#d3ecdf"}
BOX = (2.4, 0.68)
"""Width and height of a box of the tree, inches."""
STEP = (2.75, 0.82)
"""From column to column and from row to row."""


def say_unit(value: float, unit: str, digits: int = 3) -> str:
    """A number with the unit of a sizing graph: "CNY 3.42 trillion" for CNY / year, "23.5 %" for 1."""
    if unit == "1":
        return say(value, "ratio", digits=digits)
    head = unit.split("/")[0].strip()
    return (
        say(value, currency=head, digits=digits) if head in units.CURRENCIES else f"{say(value, digits=digits)} {unit}"
    )


def sizing_tree(graph: Graph, node: str, *, sized: SizingResult, basis: Mapping[str, str] | None = None) -> Figure:
    """What a node is made of, from left to right; a driver that is used twice is drawn once.

    Parameters
    ----------
    graph : Graph
    node : str
    sized : SizingResult
        Of the same graph, for the ranges of nodes.
    basis : mapping of str to str, optional
        Driver to what it stands on: facts, assumption, line or forecast.
    """
    rows = graph.tree(node)
    places = _places(rows)
    width = 1 + max(x for x, _ in places.values())
    height = 1 + max(y for _, y in places.values())
    canvas, axes = plt.subplots(figsize=(STEP[0] * width + 0.2, STEP[1] * height + 0.2))
    axes.set(xlim=(-0.1, STEP[0] * width), ylim=(-STEP[1] * (height - 0.5) - 0.1, STEP[1] * 0.6))
    axes.set_aspect("equal")
    axes.axis("off")
    for row in rows.itertuples():
        if row.parent:
            _edge(axes, places[row.parent], places[row.node])
    told = []
    for name, place in places.items():
        label, span = graph.labels.get(name, name), _span(graph, name, sized)
        _box(axes, place, label, span, (basis or {}).get(name, ""))
        told.append(f"{label} {span[0]} ({span[1]})")
    row = rows.iloc[0]
    title = word("tree_title", label=row["label"], year=row["year"])
    axes.set_title(title, pad=8)
    _key(axes, {(basis or {}).get(name, "") for name in places})
    return draw(canvas, f"{title}. {'; '.join(told)}")


def _places(rows: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Column and row of each name: as deep as its deepest use, beside the middle of its own parts."""
    depth = rows.groupby("node", sort=False)["depth"].max().to_dict()
    parts: dict[str, list[str]] = {}
    for row in rows.itertuples():
        if row.parent and row.node not in [n for children in parts.values() for n in children]:
            parts.setdefault(row.parent, []).append(row.node)
    places, leaf = {}, iter(range(len(rows)))

    def place(name: str) -> float:
        below = [place(part) for part in parts.get(name, [])]
        y = sum(below) / len(below) if below else float(next(leaf))
        places[name] = (depth[name], y)
        return y

    place(rows["node"].iloc[0])
    return {name: places[name] for name in dict.fromkeys(rows["node"])}


def _corner(place: tuple[int, float]) -> tuple[float, float]:
    return place[0] * STEP[0], -place[1] * STEP[1]


def _edge(axes: Axes, parent: tuple[int, float], part: tuple[int, float]) -> None:
    (x0, y0), (x1, y1) = _corner(parent), _corner(part)
    start, end = x0 + BOX[0], x1
    middle = (start + end) / 2 if end > start else start + 0.2
    axes.plot([start, middle, middle, end], [y0, y0, y1, y1], color=SOFT, lw=1.0, zorder=0)


def _box(axes: Axes, place: tuple[int, float], label: str, span: tuple[str, str], basis: str) -> None:
    x, y = _corner(place)
    face = BASIS_COLOURS.get(basis, "white")
    axes.add_patch(plt.Rectangle((x, y - BOX[1] / 2), *BOX, facecolor=face, edgecolor=SOFT, lw=0.8))
    shown = textwrap.shorten(label, 33, placeholder="…")
    for text, up, size, color in ((shown, 0.2, 7.6, INK), (span[0], -0.01, 8.2, INK), (span[1], -0.22, 7.0, SOFT)):
        axes.text(x + 0.07, y + up, text, fontsize=size, va="center", color=color)


def _span(graph: Graph, name: str, sized: SizingResult) -> tuple[str, str]:
    """Base and range of a name."""
    if name in graph.drivers:
        drawn = graph.drivers[name].distribution
        low, base, high = (float(drawn.quantile(p)) for p in (0.05, 0.5, 0.95))
    else:
        low, base, high = sized.range_of(name)
    unit, facts = graph.units[name], graph.drivers[name].fact_ids if name in graph.drivers else ()
    more = f" +{len(facts) - 1}" if len(facts) > 1 else ""
    return say_unit(base, unit), f"{plain(low, unit)} – {plain(high, unit)}" + (f"; {facts[0]}{more}" if facts else "")


def plain(value: float, unit: str) -> str:
    """The same without the unit, where it stands beside a number that has it."""
    return say(value, "ratio" if unit == "1" else "")


def _key(axes: Axes, bases: set[str]) -> None:
    shown = [basis for basis in BASIS_COLOURS if basis in bases]
    patches = [plt.Rectangle((0, 0), 1, 1, facecolor=BASIS_COLOURS[b], edgecolor=SOFT, lw=0.8) for b in shown]
    axes.legend(
        patches, [word(f"basis_{b}") for b in shown], loc="upper left", bbox_to_anchor=(0, 0), ncols=4, fontsize=8
    )


def gap(found: ReconcileResult) -> Figure:
    """From the top-down to the bottom-up figure, one step for each driver that would have to move.

    Parameters
    ----------
    found : ReconcileResult
    """
    rows = found.table[found.table["share"].abs().gt(0.005) | (found.table.index < 2)]
    rest = found.gap_log - float(rows["contribution_log"].sum())
    steps = [*zip(rows["label"], -rows["contribution_log"], strict=True)]
    if abs(rest) > 1e-9:
        steps.append((word("other_drivers"), -rest))
    ends = [found.top_down[1], found.top_down[1] / found.gap_ratio]
    title = word("gap_title", one=found.labels[0], other=found.labels[1])
    canvas, axes = plt.subplots(figsize=(8.4, 1.1 + 0.42 * (len(steps) + 2)))
    level, place = 0.0, len(steps) + 1
    _dot(axes, place, 1.0, say_unit(ends[0], found.unit))
    for _, step in steps:
        place -= 1
        start, end = np.exp(level), np.exp(level + step)
        _bar(
            axes, place, start, end, PALETTE[0] if step > 0 else PALETTE[1], f"{np.expm1(step):+.1%}".replace("-", "−")
        )
        level += step
    _dot(axes, 0, float(np.exp(level)), say_unit(ends[1], found.unit))
    names = [
        textwrap.shorten(n, 46, placeholder="…") for n in (found.labels[0], *(n for n, _ in steps), found.labels[1])
    ]
    axes.set_yticks(range(len(names))[::-1], names)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "ratio", digits=2)))
    axes.set_xlabel(word("gap_axis"))
    axes.margins(x=0.2)
    axes.set_title(title, pad=10)
    said = "; ".join(f"{label} {np.expm1(step):+.1%}" for label, step in steps)
    return draw(canvas, f"{title}. {said}")


def _dot(axes: Axes, place: int, at: float, text: str) -> None:
    axes.plot(at, place, "o", color=INK, ms=8)
    axes.annotate(text, (at, place), (9, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK)


def _bar(axes: Axes, place: int, start: float, end: float, color: str, text: str) -> None:
    axes.barh(place, end - start, left=start, color=color, height=0.56)
    axes.annotate(text, (max(start, end), place), (5, 0), textcoords="offset points", va="center", fontsize=8.5)


def market_tornado(rows: pd.DataFrame, *, graph: Graph, node: str, most: int = 10) -> Figure | Html:
    """What each driver alone does to a node.

    Parameters
    ----------
    rows : DataFrame
        From `helpers.market.tornado`.
    graph : Graph
    node : str
    most : int, default 10
        Rows shown.
    """
    title = word("market_tornado", label=graph.labels.get(node, node), year=graph.quality(node).year)
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    shown = rows.head(most)
    ends = [
        f"{r.label} ({say_unit(r.input_low, graph.units[r.input], 2)} … {plain(r.input_high, graph.units[r.input])})"
        for r in shown.itertuples()
    ]
    drawn = shown.assign(
        label=[textwrap.fill(text, 44) for text in ends], low=shown["output_low"], high=shown["output_high"]
    )
    unit = graph.units[node]
    return swings(drawn, base=float(rows["output_base"].iloc[0]), title=title, currency=unit.split("/")[0].strip()
                  if unit != "1" else "", unit="ratio" if unit == "1" else "")  # fmt: skip


def sensitivity(found: ShapleyResult | SobolResult, *, graph: Graph, node: str) -> Figure:
    """Share of a node's variance by driver, with its interval.

    Parameters
    ----------
    found : ShapleyResult or SobolResult
    graph : Graph
    node : str
    """
    is_fair = isinstance(found, ShapleyResult)
    rows = found.table.iloc[::-1].reset_index(drop=True)
    middle, low, high = ("effect", "low", "high") if is_fair else ("total", "total_low", "total_high")
    title = word("shares_of_variance", label=graph.labels.get(node, node), year=graph.quality(node).year)
    canvas, axes = plt.subplots(figsize=(8.4, 1.0 + 0.4 * len(rows)))
    place = np.arange(len(rows))
    axes.hlines(place, rows[low].clip(lower=0), rows[high], color=PALETTE[0], lw=7, alpha=0.3)
    axes.plot(rows[middle], place, "o", color=PALETTE[0], label=word("effect_interval"))
    axes.plot(rows["first"], place, "|", color=INK, ms=11, label=word("first_alone"))
    axes.plot(rows["total"], place, "x", color=PALETTE[1], ms=6, label=word("total_left"))
    axes.set_yticks(place, [graph.labels.get(name, name) for name in rows["input"]])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, "ratio", digits=2)))
    axes.set_xlim(left=min(0.0, float(rows[[low, "first"]].min().min()) - 0.01))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(
        f"{graph.labels.get(r.input, r.input)} {getattr(r, middle):.0%}" for r in rows.iloc[::-1].itertuples()
    )
    return draw(canvas, f"{title}. {said}")


def fan(found: ForecastResult, *, currency: str = "") -> Figure:
    """A series, its years to come in their band, and the last value carried on.

    Parameters
    ----------
    found : ForecastResult
    currency : str
    """
    title = word("fan_title", name=found.name, currency=f", {currency}" if currency else "")
    known, ahead = found.history, found.table
    joined = pd.concat([known.tail(1).assign(low=known["value"].iloc[-1], high=known["value"].iloc[-1]), ahead])
    canvas, axes = plt.subplots(figsize=(8.4, 4.0))
    level = f"{100 * found.level:.0f} %"
    axes.fill_between(joined["year"], joined["low"], joined["high"], color=PALETTE[0], alpha=0.18, lw=0,
                      label=word("band", level=level))  # fmt: skip
    axes.plot(known["year"], known["value"], color=INK, marker="o", label=word("known_years"))
    axes.plot(joined["year"], joined["value"], color=PALETTE[0], ls="--", label=word("forecast"))
    axes.plot(ahead["year"], ahead["naive"], color=SOFT, lw=1.2, ls=":", label=word("naive"))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=4, borderaxespad=0.2)
    axes.set_title(title)
    axes.set_xlabel(textwrap.fill(found.caption, 118), loc="left")
    return draw(canvas, f"{title}. {found.text} {found.caption}")


def market_series(
    rows: pd.DataFrame,
    *,
    label: str,
    currency: str = "",
    market: str = "",
    level: float = np.nan,
    made_on: object = None,
) -> Figure | Html:
    """Nodes of a market by year, each with its range; pale and dashed after what is known.

    Parameters
    ----------
    rows : DataFrame
        year, node, label, low, base, high, is_ahead, as in `helpers.market.MarketSeries`.
    label, currency : str
    market : str
        Its code: the run then keeps the years ahead as forecasts, and later ones judge them.
    level : float
        What a range holds, share of cases.
    made_on : day
        The day that the report speaks from.
    """
    title = word("series_title", label=label, currency=f", {currency}" if currency else "")
    drawn = _ranges(rows, title, log=True, unit="")
    if not market or not isinstance(drawn, Figure):
        return drawn
    said = rows.rename(columns={"node": "metric", "base": "value"}).assign(
        period_start=pd.to_datetime(rows["year"].astype(str) + "-01-01"),
        period_end=pd.to_datetime(rows["year"].astype(str) + "-12-31"),
        level=np.where(rows["is_ahead"], level, np.nan), unit="money", currency=currency,
    )  # fmt: skip
    return with_forecasts(drawn, said, entity=market, made_on=made_on)


def platform_shares(rows: pd.DataFrame) -> Figure | Html:
    """Shares of platforms by year, each with its range.

    Parameters
    ----------
    rows : DataFrame
        As for `market_series`, of nodes that are shares.
    """
    return _ranges(rows, word("shares_title"), log=False, unit="ratio")


def _ranges(rows: pd.DataFrame, title: str, *, log: bool, unit: str) -> Figure | Html:
    if rows.empty:
        return statement(f"{title}: {word('no_data')}")
    canvas, axes = plt.subplots(figsize=(8.4, 4.4))
    for node, part in rows.groupby("node", sort=False):
        part = part.sort_values("year")
        style = look(str(node))
        axes.fill_between(part["year"], part["low"], part["high"], color=style["color"], alpha=0.14, lw=0)
        known = part[~part["is_ahead"]]
        axes.plot(part["year"], part["base"], color=style["color"], ls=":", lw=1.4)
        axes.plot(known["year"], known["base"], **style, lw=2, label=part["label"].iloc[0])
        if known.empty:
            axes.plot([], [], color=style["color"], ls=":", label=part["label"].iloc[0])
    if log:
        axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, unit, digits=2) if unit else tick(v)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.plot([], [], color=SOFT, ls=":", label=word("ahead"))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_title(title, pad=56)
    said = "; ".join(
        f"{p['label'].iloc[0]} {r.year} {say(r.base, unit)} ({say(r.low, unit)} … {say(r.high, unit)})"
        for _, p in rows.groupby("node", sort=False) for r in p.sort_values("year").iloc[[0, -1]].itertuples()
    )  # fmt: skip
    return draw(canvas, f"{title}. {said}")
