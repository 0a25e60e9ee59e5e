"""How sound a selection of facts is, as checks for a report."""

from __future__ import annotations

import pandas as pd

from helpers.checks import Check
from helpers.ledger.readers import PreferredSeries
from helpers.settings import parse_day


def health(facts: pd.DataFrame, series: PreferredSeries, *, as_of: str = "") -> tuple[Check, ...]:
    """Checks on what a report rests on.

    Parameters
    ----------
    facts : DataFrame
        The facts a report may use, as `helpers.ledger.facts` gives them.
    series : PreferredSeries
        What it chose.
    as_of : ISO day, default ""
        The report's day; empty for none.

    Returns
    -------
    tuple of Check
        ``two clocks`` (no fact was public after the day), ``undated figures``, ``doubtful kept out``, ``dated pages``,
        ``independent origins`` and ``agreement``; all but the first and the third inform.
    """
    day, table = parse_day(as_of), series.table
    late = 0 if day is None else int((facts["known_on"] > pd.Timestamp(day)).sum())
    doubtful = len(set(facts.loc[facts["nature"].eq("doubtful"), "fact_id"]) & set(series.fact_ids))
    dated = float(facts["known_basis"].eq("published").mean()) if len(facts) else 0.0
    undated = int((~table["is_dated"].astype(bool)).sum())
    many = float((table["support"] > 1).mean()) if len(table) else 0.0
    disputed = int(table["is_disputed"].sum())
    kept = f"in {disputed} of {len(table)} periods sources disagree beyond rounding; the range is shown"
    early = "they count as public on the last day they describe, which is early"
    days = (
        f"{dated:.0%} of the facts stand on a page that shows its day; the others take the last day they can have been"
    )
    return (
        _none_of("two clocks", late, len(facts), f"{late} facts were public after the report's day"),
        _told(
            "undated figures",
            undated,
            f"{undated} of {len(table)} chosen figures stand only on pages without a date: {early}",
        ),
        _none_of("doubtful kept out", doubtful, len(table), f"{doubtful} chosen figures are marked suspect"),
        _told("dated pages", dated, days),
        _told("independent origins", many, f"{many:.0%} of the chosen figures have two or more independent origins"),
        _told("agreement", disputed, kept),
    )


def _none_of(name: str, count: int, of: int, text: str) -> Check:
    """Passed if there is none of them; none among nothing proves nothing, so it only informs."""
    return Check(name=name, passed=count == 0 if of else None, value=count, threshold=0, text=text)


def _told(name: str, value: float, text: str) -> Check:
    return Check(name=name, passed=None, value=value, text=text)
