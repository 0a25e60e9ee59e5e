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
    day = parse_day(as_of)
    late = 0 if day is None else int((facts["known_on"] > pd.Timestamp(day)).sum())
    doubtful = set(facts.loc[facts["nature"].eq("doubtful"), "fact_id"]) & set(series.fact_ids)
    dated = float(facts["known_basis"].eq("published").mean()) if len(facts) else 0.0
    table = series.table
    undated = int((~table["is_dated"].astype(bool)).sum())
    many = float((table["support"] > 1).mean()) if len(table) else 0.0
    disputed = int(table["is_disputed"].sum())
    return (
        Check(
            name="two clocks",
            passed=late == 0,
            value=late,
            threshold=0,
            text=f"{late} facts were public after the report's day",
        ),
        Check(
            name="undated figures",
            passed=None,
            value=undated,
            text=f"{undated} of {len(table)} chosen figures stand only on pages without a date: "
            "they count as public on the last day they describe, which is early",
        ),
        Check(
            name="doubtful kept out",
            passed=not doubtful,
            value=len(doubtful),
            threshold=0,
            text=f"{len(doubtful)} chosen figures are marked suspect",
        ),
        Check(
            name="dated pages",
            passed=None,
            value=dated,
            text=f"{dated:.0%} of the facts stand on a page that shows its day; "
            "the others take the last day they can have been",
        ),
        Check(
            name="independent origins",
            passed=None,
            value=many,
            text=f"{many:.0%} of the chosen figures have two or more independent origins",
        ),
        Check(
            name="agreement",
            passed=None,
            value=disputed,
            text=f"in {disputed} of {len(table)} periods sources disagree beyond rounding; the range is shown",
        ),
    )
