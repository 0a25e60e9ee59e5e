"""What a private company was said to be worth, mention by mention, as a series of marks and of rounds.

Press repeats a mark for months and dates it loosely. Here a value counts once, on the first day on which
its basis had it; talks without a deal are no mark; money raised goes to the round whose days it shares.

What this module cannot do: see a deal that nobody printed, or tell a second deal at an unchanged price from
a repetition of the first.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from helpers.errors import NotEstimableError, UnitError
from helpers.valuation.dated import is_told_closer, need_columns, windows_of

ROUND = "round_post_money"
NO_DEAL = ("talks",)
SLACK_DAYS = 31  # a round and its money are often dated to different weeks of one month

_VALUE_COLUMNS = ("period_start", "period_end", "value", "low", "high", "currency", "basis", "fact_id")
_RAISED_COLUMNS = ("period_start", "period_end", "value", "currency", "fact_id")


def marks_of(
    values: pd.DataFrame, raised: pd.DataFrame | None = None, *, without: Collection[str] = NO_DEAL
) -> pd.DataFrame:
    """Values of a company as dated marks, each once, for `step_ups` and `holding_returns`.

    Parameters
    ----------
    values : DataFrame
        period_start (empty for a day), period_end, value, low, high, currency (one for all), basis (empty
        counts as "other"), fact_id: a preferred series of valuations.
    raised : DataFrame, optional
        period_start, period_end, value, currency, fact_id: money raised.
    without : collection of str
        Bases that are no mark.

    Returns
    -------
    DataFrame
        By date: date, value, low, high (an open end is the value), currency, basis, raised (of rounds; NaN where
        not known), raised_fact_id, fact_id. A value that its basis repeats is left out, and of several on one day
        one is kept, before others one whose basis is named.

    Raises
    ------
    HelpersError
        If a column is missing.
    UnitError
        If there are two currencies.
    NotEstimableError
        If there are no values: a listed company has no marks, and neither has one of which nothing was said.
    """
    need_columns(values, _VALUE_COLUMNS, what="values of a company")
    if values.empty:
        raise NotEstimableError(
            "the value of a private company from mark to mark",
            "no valuation of it is known, and a listed company has its market price",
            "for a private company: a round, a transfer or a fund's mark",
        )
    _one_currency(values, raised)
    basis = values["basis"].astype(object).fillna("").replace("", "other")
    rows = values.assign(basis=basis, is_vague=basis.eq("other"), date=windows_of(values)[1])
    rows = rows[~rows["basis"].isin(list(without)) & ~is_told_closer(rows, ("value", "basis"))]
    rows = rows.sort_values(["date", "is_vague", "fact_id"], kind="stable")
    rows = rows[rows["value"].ne(rows.groupby("basis", sort=False)["value"].shift())]
    rows = rows.drop_duplicates("date", keep="first")
    open_ended = {end: rows[end].where(rows[end].abs().lt(float("inf")), rows["value"]) for end in ("low", "high")}
    found = _money(rows, raised)
    columns = ["date", "value", "low", "high", "currency", "basis", "raised", "raised_fact_id", "fact_id"]
    return rows.assign(**open_ended, **found)[columns].reset_index(drop=True)


def rounds_of(marks: pd.DataFrame, raised: pd.DataFrame) -> pd.DataFrame:
    """Funding rounds, also those of which only the money or only the value is known, for `reconstruct`.

    Parameters
    ----------
    marks : DataFrame
        From `marks_of`, with the same `raised`.
    raised : DataFrame
        As for `marks_of`.

    Returns
    -------
    DataFrame
        By date: date, raised, post_money (NaN where not known), currency, fact_id (several with a space between).
    """
    known = marks[marks["basis"].eq(ROUND)]
    both = [" ".join(i for i in pair if i) for pair in zip(known["fact_id"], known["raised_fact_id"], strict=True)]
    told = known.assign(post_money=known["value"], fact_id=both)
    spent = set(known["raised_fact_id"])
    alone = _said_once(raised)
    alone = alone[~alone["fact_id"].isin(spent)]
    alone = alone.assign(date=windows_of(alone)[1], raised=alone["value"], post_money=float("nan"))
    columns = ["date", "raised", "post_money", "currency", "fact_id"]
    return pd.concat([told[columns], alone[columns]]).sort_values("date", kind="stable", ignore_index=True)


def _one_currency(values: pd.DataFrame, raised: pd.DataFrame | None) -> None:
    used = {*values["currency"].astype(str), *([] if raised is None else raised["currency"].astype(str))}
    if len(used) > 1:
        raise UnitError(f"marks of one company need one currency, got {', '.join(sorted(used))}: convert first")


def _said_once(raised: pd.DataFrame) -> pd.DataFrame:
    need_columns(raised, _RAISED_COLUMNS, what="money raised")
    return raised[~is_told_closer(raised)].sort_values("period_end", kind="stable")


def _money(rows: pd.DataFrame, raised: pd.DataFrame | None) -> dict[str, list]:
    """For each round the money whose days it shares, each amount once."""
    amounts, ids = [float("nan")] * len(rows), [""] * len(rows)
    if raised is not None:
        free = _said_once(raised)
        start, end = windows_of(free)
        slack = pd.Timedelta(days=SLACK_DAYS)
        first, last = windows_of(rows)
        for row, (basis, a, b) in enumerate(zip(rows["basis"], first, last, strict=True)):
            near = free[(start <= b + slack) & (end >= a - slack) & ~free["fact_id"].isin(ids)]
            if basis == ROUND and len(near):
                amounts[row], ids[row] = float(near["value"].iloc[0]), near["fact_id"].iloc[0]
    return {"raised": amounts, "raised_fact_id": ids}
