"""How large a market is, as tables: what goes in, what closes the gap, scenarios, sizes by year."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from helpers.exhibits.market import plain, say_unit
from helpers.exhibits.show import Html
from helpers.exhibits.tables import mapped, table
from helpers.market import ReconcileResult, ScenarioResult
from helpers.wording import say, word


def market_scenarios(found: ScenarioResult, *, node: str, labels: Mapping[str, str], year: int) -> Html:
    """One node in every case, and what differs from the base.

    Parameters
    ----------
    found : ScenarioResult
    node : str
    labels : mapping of str to str
        Case to label.
    year : int
    """
    rows = found.table[found.table["node"].eq(node)]
    shown = [
        {word("case"): word("case_base") if r.case == "base" else labels.get(r.case, r.case),
         word("value"): say_unit(r.value, r.unit),
         word("against_base"): "–" if r.case == "base" else f"{r.ratio_to_base - 1:+.0%}".replace("-", "−"),
         word("changed"): r.changed or "–"}
        for r in rows.itertuples()
    ]  # fmt: skip
    caption = word("scenarios_title", year=year, label=rows["label"].iloc[0])
    return table(pd.DataFrame(shown), caption=caption, text=[word("case"), word("changed")])


def driver_table(rows: pd.DataFrame, *, year: int) -> Html:
    """What goes into a year: label, range, what it stands on, facts, reason.

    Parameters
    ----------
    rows : DataFrame
        ``table`` of `helpers.market.FilledMarket`.
    year : int
    """
    mine = rows[rows["year"].eq(year)]
    spans = [(say_unit(r.base, r.unit), plain(r.low, r.unit), plain(r.high, r.unit)) for r in mine.itertuples()]
    shown = mine.assign(
        input=mine["label"],
        range=[f"{base} ({low} – {high})" for base, low, high in spans],
        stands_on=[word(f"basis_{basis}") for basis in mine["basis"]], fact_id=mine["fact_ids"],
    )  # fmt: skip
    columns = {"input": "text", "range": "text", "stands_on": "text", "reason": "text", "fact_id": "facts"}
    return mapped(shown, columns, caption=word("drivers_title", year=year))


def gap_table(found: ReconcileResult) -> Html:
    """What would close the gap: each driver's part of it, how far it would move, from where to where.

    Parameters
    ----------
    found : ReconcileResult
    """
    shown = [
        {word("driver"): r.label, word("route"): word(f"route_{r.route}"), word("part_of_gap"): say(r.share, "ratio"),
         word("moves_by"): f"{r.shift_sd:+.2f}".replace("-", "−"), word("moves_from"): say_unit(r.value, r.unit),
         word("moves_to"): say_unit(r.reconciled, r.unit)}
        for r in found.table.itertuples()
    ]  # fmt: skip
    words = [word("driver"), word("route")]
    return table(pd.DataFrame(shown), caption=word("view_closing"), note=found.text, text=words)


def year_table(rows: pd.DataFrame, *, label: str) -> Html:
    """Nodes by year, one row for each year: base and range; a star marks what lies after what is known.

    Parameters
    ----------
    rows : DataFrame
        year, node, label, unit, low, base, high, is_ahead.
    label : str
    """
    cells: dict[int, dict[str, str]] = {}
    for r in rows.sort_values("year", kind="stable").itertuples():
        star = "*" if r.is_ahead else ""
        span = f"{plain(r.base, r.unit)}{star} ({plain(r.low, r.unit)} – {plain(r.high, r.unit)})"
        cells.setdefault(r.year, {})[r.label] = span
    labels = list(dict.fromkeys(rows["label"]))
    frame = pd.DataFrame([{word("year"): str(y), **{n: of.get(n, "–") for n in labels}} for y, of in cells.items()])
    unit = ", ".join(sorted(set(rows["unit"]) - {"1"}))
    caption = word("series_title", label=label, currency=f", {unit}" if unit else "")
    return table(frame, caption=caption, note=f"* {word('ahead')}", text=[word("year")])
