"""Figures: each one chart with one message, drawn from a tidy table, with a text for those who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from helpers.exhibits.show import Figure, Html, draw
from helpers.exhibits.style import INK, PALETTE, SOFT, look
from helpers.exhibits.tables import statement
from helpers.valuation import LadderResult, MultiplesResult
from helpers.wording import say, word

VERDICT_COLORS = {
    "inconsistent": "#B3261E",
    "implausible": "#E69F00",
    "undetermined": "#9aa5b1",
    "consistent": "#2E7D32",
}


def timeline(
    prices: pd.DataFrame, *, currency: str, names: Mapping[str, str], aside: pd.DataFrame | None = None
) -> Figure | Html:
    """Value of whole companies over time on a log scale, every dated figure a mark.

    Parameters
    ----------
    prices : DataFrame
        Columns entity, metric, period_start, period_end, value (in `currency`), is_disputed.
    currency : str
        Currency of `value`.
    names : mapping
        Code to label.
    aside : DataFrame, optional
        Figures set aside, same columns; drawn hollow and grey, because a reader should see them.
    """
    prices = prices[prices["value"] > 0]
    if prices.empty:
        return statement(word("no_data"))
    canvas, axes = plt.subplots()
    if aside is not None and not aside.empty:
        axes.plot(aside["period_end"], aside["value"], "o", mfc="none", mec=SOFT, alpha=0.7, label=word("set_aside"))
    for entity, rows in prices.groupby("entity", sort=False, observed=True):
        rows = rows.sort_values("period_end")
        axes.hlines(
            rows["value"], rows["period_start"], rows["period_end"], color=look(entity)["color"], lw=3, alpha=0.35
        )
        axes.plot(rows["period_end"], rows["value"], label=names[entity], lw=1.4, **look(entity))
    _log_money(axes, currency)
    axes.set_title(word("timeline_title", currency=currency))
    axes.annotate(word("dated_within"), (0, -0.16), xycoords="axes fraction", color=SOFT, fontsize=8.5)
    _legend(axes)
    return draw(canvas, _alt(axes.get_title(loc="left"), prices.rename(columns={"entity": "name"}), currency, names))


def lines(
    series: pd.DataFrame, *, metric: str, names: Mapping[str, str], currency: str = "", log: bool = False
) -> Figure | Html:
    """One metric of several entities over calendar time, with what the printed digits leave open.

    Parameters
    ----------
    series : DataFrame
        Columns entity, period_start, period_end, value, low, high.
    metric : str
        Code of the metric, for the title.
    names : mapping
        Code to label.
    currency : str, default ""
        Shown with the unit.
    log : bool, default False
        Log scale: equal distances are equal growth.
    """
    if series.empty:
        return statement(f"{names[metric]}: {word('no_data')}")
    canvas, axes = plt.subplots()
    # a year's figure belongs to the middle of its year, not to the first day of the next
    series = series.assign(middle=series["period_start"] + (series["period_end"] - series["period_start"]) / 2)
    for entity, rows in series.groupby("entity", sort=False, observed=True):
        _line(axes, rows.sort_values("middle"), "middle", entity, names[entity])
    axes.set_title(word("lines_title", metric=names[metric], unit=_unit(currency)))
    _scale(axes, log)
    _legend(axes)
    return draw(canvas, _alt(axes.get_title(loc="left"), series.rename(columns={"entity": "name"}), currency, names))


def same_age(
    series: pd.DataFrame, *, metric: str, names: Mapping[str, str], currency: str = "", log: bool = True
) -> Figure | Html:
    """One metric of several entities by age; the table is `helpers.growth.same_age`'s."""
    if series.empty:
        return statement(f"{names[metric]}: {word('no_data')}")
    canvas, axes = plt.subplots()
    for name, rows in series.groupby("name", sort=False, observed=True):
        _line(axes, rows.sort_values("age_years"), "age_years", name, names[name])
    axes.set_title(word("same_age_title", metric=names[metric], unit=_unit(currency)))
    axes.set_xlabel(word("age_axis"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _scale(axes, log)
    _legend(axes)
    return draw(canvas, _alt(axes.get_title(loc="left"), series, currency, names))


def coverage(
    facts: pd.DataFrame, disputed: pd.DataFrame, *, name: str, names: Mapping[str, str], top: int = 18
) -> Figure | Html:
    """How many facts there are for each metric and year, and where they disagree.

    Parameters
    ----------
    facts : DataFrame
        Columns metric, period_end.
    disputed : DataFrame
        Columns metric, period_end of periods whose sources disagree.
    name : str
        What the facts are about.
    names : mapping
        Code to label.
    top : int, default 18
        Metrics with the most facts that are shown.
    """
    facts = facts[facts["period_end"].notna()]
    if facts.empty:
        return statement(word("no_data"))
    counts = pd.crosstab(facts["metric"].astype(str), facts["period_end"].dt.year)
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False).index[:top]]
    canvas, axes = plt.subplots(figsize=(8.4, 0.6 + 0.3 * len(counts)))
    image = np.ma.masked_equal(np.log1p(counts.to_numpy()), 0)
    axes.imshow(image, aspect="auto", cmap="Blues", vmin=0, vmax=max(3.0, image.max() * 1.15))
    axes.set_xticks(range(counts.shape[1]), counts.columns)
    axes.set_yticks(range(len(counts)), [names[m] for m in counts.index])
    axes.grid(False)
    marked = set(zip(disputed["metric"].astype(str), disputed["period_end"].dt.year, strict=True))
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        if count:
            mark = " •" if (counts.index[row], counts.columns[column]) in marked else ""
            shade = "white" if image[row, column] > 2.1 else INK
            axes.text(column, row, f"{count}{mark}", ha="center", va="center", fontsize=8, color=shade)
    axes.set_title(word("coverage_title", name=name), pad=12)
    axes.annotate(
        word("coverage_note"),
        (0, -0.02),
        xycoords="axes fraction",
        xytext=(0, -24),
        textcoords="offset points",
        color=SOFT,
        fontsize=8.5,
    )
    alt = f"{axes.get_title(loc='left')}. " + "; ".join(f"{names[m]} {int(n)}" for m, n in counts.sum(axis=1).items())
    return draw(canvas, alt)


def alternatives(
    series: pd.DataFrame, rejected: pd.DataFrame, *, name: str, names: Mapping[str, str], top: int = 20
) -> Figure | Html:
    """Figures that disagree, each over the preferred one of its period.

    Parameters
    ----------
    series, rejected : DataFrame
        ``table`` and ``rejected`` of `helpers.ledger.PreferredSeries`.
    name : str
        What the series are about.
    names : mapping
        Code to label.
    top : int, default 20
        Periods with the widest disagreement that are shown.
    """
    key = ["entity", "metric", "period_start", "period_end", "currency"]
    both = rejected.merge(series[[*key, "value"]], on=key, suffixes=("", "_preferred"))
    both["ratio"] = both["value"] / both["value_preferred"]
    both = both[(both["ratio"] > 0) & ~both["reason"].str.startswith("agrees")]
    if both.empty:
        return statement(word("no_data"))
    both["label"] = [f"{names[m]}, {d:%Y-%m-%d}" for m, d in zip(both["metric"], both["period_end"], strict=True)]
    width = both["ratio"].map(lambda r: abs(np.log(r))).groupby(both["label"]).max().sort_values().tail(top)
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.28 * len(width)))
    place = {label: i for i, label in enumerate(width.index)}
    both = both[both["label"].isin(place)]
    aside = both["reason"].str.contains("^(?:audit|marked)", regex=True)
    for rows, style, label in (
        (both[~aside], {"marker": "o", "color": PALETTE[1]}, word("other_figure")),
        (both[aside], {"marker": "X", "color": SOFT}, word("set_aside")),
    ):
        axes.scatter(rows["ratio"], rows["label"].map(place), s=38, label=label, zorder=3, **style)
    axes.axvline(1, color=PALETTE[0], lw=1.6, label=word("preferred"))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(place)), list(place))
    axes.set_xlabel(word("alternatives_axis"))
    axes.set_title(word("alternatives_title", name=name))
    _legend(axes)
    alt = f"{axes.get_title(loc='left')}. " + "; ".join(f"{r.label}: {r.ratio:.3g}×" for r in both.itertuples())
    return draw(canvas, alt)


def verdicts(table: pd.DataFrame, *, name: str) -> Figure | Html:
    """Number of verdicts by rule and kind, as stacked bars.

    Parameters
    ----------
    table : DataFrame
        ``verdicts`` of `helpers.audit.Audit`, perhaps of one entity.
    name : str
        What they are about.
    """
    if table.empty:
        return statement(word("no_data"))
    family = table["rule"].str.replace(r"^identity .*", "identity", regex=True)
    counts = pd.crosstab(family, table["verdict"]).reindex(columns=list(VERDICT_COLORS), fill_value=0)
    counts = counts.loc[counts.sum(axis=1).sort_values().index]
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.3 * len(counts)))
    left = np.zeros(len(counts))
    for verdict, color in VERDICT_COLORS.items():
        values = counts[verdict].to_numpy()
        axes.barh(counts.index, values, left=left, color=color, label=word(verdict), height=0.7)
        for y, (start, value) in enumerate(zip(left, values, strict=True)):
            if value and verdict != "consistent":
                axes.annotate(
                    str(value),
                    (start + value / 2, y),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if verdict == "inconsistent" else INK,
                )
        left += values
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(word("verdict_count"))
    axes.set_title(word("verdicts_title", name=name))
    _legend(axes)
    alt = f"{axes.get_title(loc='left')}. " + "; ".join(f"{word(v)} {int(counts[v].sum())}" for v in VERDICT_COLORS)
    return draw(canvas, alt)


def ladder(result: LadderResult | None, *, name: str, currency: str) -> Figure | Html:
    """Grant prices and what is left to the holder after the exercise price; a sentence where there are no grants."""
    if result is None:
        return statement(f"{word('ladder_title', name=name, currency=currency).strip()}: {word('no_data')}")
    table = result.table
    canvas, axes = plt.subplots(figsize=(8.4, 3.8))
    place = np.arange(len(table))
    axes.bar(place, table["strike"], color=PALETTE[6], width=0.55, label=word("strike"))
    axes.bar(
        place, table["intrinsic_value"], bottom=table["strike"], color=PALETTE[0], width=0.55, label=word("intrinsic")
    )
    for x, price, gain in zip(place, table["price"], table["intrinsic_value"], strict=True):
        axes.annotate(f"{price:g}", (x, price), xytext=(0, 4), textcoords="offset points", ha="center")
        axes.annotate(f"{gain:g}", (x, price - gain / 2), ha="center", va="center", color="white")
    axes.set_xticks(place, [f"{d:%Y-%m}" for d in table["date"]])
    axes.grid(axis="x", visible=False)
    axes.set_ylim(0, float(table["price"].max()) * 1.2)
    axes.set_title(word("ladder_title", name=name, currency=currency))
    _legend(axes)
    return draw(canvas, f"{axes.get_title(loc='left')}. {result.text}")


def multiples(results: Mapping[str, MultiplesResult], *, metric: str, names: Mapping[str, str]) -> Figure | Html:
    """One multiple over time, several entities.

    Parameters
    ----------
    results : mapping of entity to MultiplesResult
        From `helpers.valuation.dated_multiples`, all in one currency.
    metric : str
        Denominator.
    names : mapping
        Code to label.
    """
    tables = [r.table.assign(name=entity, value=r.table["multiple"]) for entity, r in results.items()]
    table = pd.concat(tables) if tables else pd.DataFrame({"metric": [], "value": []})
    table = table[table["metric"].eq(metric) & table["value"].notna()]
    if table.empty:
        return statement(f"{names[metric]}: {word('no_data')}")
    currency = next(iter(results.values())).quote_currency
    canvas, axes = plt.subplots(figsize=(8.4, 3.6))
    for entity, rows in table.groupby("name", sort=False):
        _line(axes, rows.sort_values("date"), "date", entity, names[entity])
    per_user = table["denominator_currency"].fillna("").eq("").all()
    unit = word("per_user", currency=currency) if per_user else word("times")
    axes.set_title(word("multiples_title", metric=names[metric], unit=f" ({unit})"))
    axes.set_ylim(0)
    _legend(axes)
    dated = table.drop(columns="period_end")  # the chart shows days of prices, not ends of periods
    return draw(canvas, _alt(axes.get_title(loc="left"), dated, "", names))


def _line(axes: Axes, rows: pd.DataFrame, x: str, entity: str, label: str) -> None:
    """A marked line; a pale bar where sources disagree or the words leave room."""
    axes.plot(rows[x], rows["value"], label=label, lw=1.6, **look(entity))
    wide = (rows["high"] - rows["low"]) > 0.02 * rows["value"].abs()
    axes.vlines(rows.loc[wide, x], rows["low"][wide], rows["high"][wide], color=look(entity)["color"], lw=4, alpha=0.3)


def _legend(axes: Axes) -> None:
    """Between title and plot, where it covers no data."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, borderaxespad=0.2, handlelength=1.6)


def _scale(axes: Axes, log: bool) -> None:
    if log:
        _log_money(axes, "")
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(tick))
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))


def _log_money(axes: Axes, currency: str) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(", ".join(part for part in (currency, word("log_scale")) if part))


def tick(value: float, _: int | None = None) -> str:
    """A round number without idle zeros: "20 billion", not "20.0 billion"."""
    return re.sub(r"\.0+(?!\d)", "", say(value))


def _unit(currency: str) -> str:
    return f", {currency}" if currency else ""


def _alt(title: str, table: pd.DataFrame, currency: str, names: Mapping[str, str]) -> str:
    """Title, and for each line its first and last point."""
    x = next(c for c in ("period_end", "age_years", "date") if c in table.columns)
    parts = []
    for name, rows in table.groupby("name", sort=False, observed=True):
        rows = rows.sort_values(x)
        first, last = rows.iloc[0], rows.iloc[-1]
        when = [f"{r[x]:.1f}" if x == "age_years" else f"{r[x]:%Y-%m-%d}" for r in (first, last)]
        parts.append(
            f"{names[name]}: {len(rows)} points, {say(first['value'], currency=currency)} ({when[0]}) "
            f"to {say(last['value'], currency=currency)} ({when[1]})"
        )
    return f"{title}. " + "; ".join(parts)


def swings(rows: pd.DataFrame, *, base: float, title: str, currency: str = "", unit: str = "") -> Figure:
    """How far each input alone moves an output, the widest on top.

    Parameters
    ----------
    rows : DataFrame
        The widest first: label, low, high (the output with the input at its low and its high end).
    base : float
        The output with every input in its middle.
    title, currency, unit : str
    """
    drawn = rows.iloc[::-1]
    canvas, axes = plt.subplots(figsize=(8.4, 0.9 + 0.4 * len(drawn)))
    place = np.arange(len(drawn))
    axes.barh(place, drawn["low"] - base, left=base, color=PALETTE[1], height=0.6, label=word("at_low_end"))
    axes.barh(place, drawn["high"] - base, left=base, color=PALETTE[0], height=0.6, label=word("at_high_end"))
    axes.axvline(base, color=INK, lw=1)
    axes.set_yticks(place, drawn["label"])
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: say(v, unit, digits=2) if unit else tick(v, _)))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_title(title)
    said = "; ".join(f"{r.label} {say(r.low, unit, currency)} … {say(r.high, unit)}" for r in rows.itertuples())
    return draw(canvas, f"{title}. {said}")
