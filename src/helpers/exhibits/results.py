"""Tables of results: which columns a reader sees, in which unit, under which caption.

One list instead of a function for each table: a result's table keeps every column for whoever computes on, a report
shows those named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from helpers.checks import Declined
from helpers.errors import UnknownNameError
from helpers.exhibits.show import Html
from helpers.exhibits.tables import mapped, statement
from helpers.wording import word


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a result.

    Attributes
    ----------
    columns : dict of str to str
        Column to unit, as for `mapped`; "money" takes the currency of the result.
    table : str
        Field of the result that holds the table.
    last : int
        Rows shown from the end; 0 for all.
    per : str
        Column of which each value shows its last row only; empty for all rows.
    is_told : bool
        Whether the result's sentence stands below.
    """

    columns: dict[str, str]
    table: str = "table"
    last: int = 0
    per: str = ""
    is_told: bool = True


DRIVERS = ("growth", "target_margin", "sales_to_capital", "discount_rate")

VIEWS = {
    "cash_flows": View(
        {"year": "", "growth": "ratio", "revenue": "money", "margin": "ratio", "ebit": "money", "reinvestment": "money",
         "fcff": "money", "discount_rate": "ratio", "present_value": "money"}
    ),
    "narrowing": View(
        {"input": "name", "width": "money", "expected_width": "money", "narrowing": "ratio", "variance_share": "ratio"},
        table="narrowing",
    ),
    "regression": View(
        {"model": "text", "n": "", "df": "", "multiple": "", "fit_low": "", "fit_high": "", "prediction_low": "",
         "prediction_high": "", "loo_error": "", "value": "money", "value_low": "", "value_high": ""}
    ),
    "peers": View(
        {"statistic": "text", "multiple": "", "without_one_low": "", "without_one_high": "", "value": "money"}
    ),
    "distances": View({"entity": "name", "distance": "", "rank": "", "nearest_share": "ratio", "reason": "text"}),
    "vendors": View(
        {"entity": "name", "date": "date", "market_cap": "money", "enterprise_value": "money", "net_debt": "money",
         "net_debt_share": "ratio", "flag": "text", "fact_id": "facts"}, per="entity",
    ),
    "step_ups": View(
        {"date": "date", "basis": "text", "value": "money", "step_up": "ratio", "annual_growth": "ratio",
         "previous_basis": "text", "fact_id": "facts"}, last=14,
    ),
    "headline": View({"reading": "text", "value": "money", "headline_ratio": "ratio", "meaning": "text"}),
    "judgements": View(
        {"term": "", "volatility": "ratio", "conversion_chance": "ratio", "equity_value": "money",
         "headline_ratio": "ratio", "common_ratio": "ratio"}
    ),
    "discounts": View({"model": "text", "meaning": "text", "dlom": "ratio", "cap": "ratio"}),
    "grants": View(
        {"date": "date", "price": "", "strike": "", "intrinsic_value": "", "option_value": "",
         "repurchase_date": "date", "repurchase_price": "", "repurchase_share": "ratio",
         "sell_back_value": "", "reason": "text", "fact_id": "facts"}
    ),
    "identities": View({"text": "text"}, table="identities", is_told=False),
    "origins": View(
        {"name": "name", "clock": "text", "origin": "date", "origin_low": "date", "origin_high": "date",
         "reason": "text"}, table="origins",
    ),
    "contributions": View(
        {"segment": "name", "start_value": "", "end_value": "", "growth": "ratio", "contribution_pp": "",
         "share_of_change": "ratio"}
    ),
    "season": View(
        {"period_end": "date", "value": "", "qoq": "ratio", "usual_qoq": "ratio", "net_qoq": "ratio", "low": "ratio",
         "high": "ratio", "yoy": "ratio"}, last=8,
    ),
    "quarters": View(
        {"period_end": "date", "estimate": "", "low": "", "high": "", "basis": "text", "benchmark": "",
         "indicators": "text", "reason": "text", "settles": "text"}, last=4,
    ),
    "definitions": View(
        {"entity": "name", "metric": "name", "year": "text", "label": "text", "value": "money", "ratio": "",
         "meaning": "text", "fact_ids": "facts"}
    ),
    "coverage": View(
        {"horizon": "", "n": "", "coverage": "ratio", "median_error": "ratio", "naive_error": "ratio",
         "median_width": "ratio"}, table="coverage", is_told=False,
    ),
    "weights": View({"model": "text", "weight": "ratio", "median_error": "ratio"}, table="weights", is_told=False),
    "nowcast": View(
        {"horizon": "", "candidate": "text", "n": "", "median_abs_error": "ratio", "mean_abs_error": "ratio",
         "coverage": "ratio", "weight": "ratio"}, table="candidates",
    ),
}  # fmt: skip


def result(found: object, view: str, *, currency: str = "", names: Mapping[str, str] | None = None) -> Html:
    """One table of a result with its sentence below, or its refusal in its own words.

    Parameters
    ----------
    found : object
        A result, or the `helpers.checks.Declined` that stands for it.
    view : str
        One of `VIEWS`.
    currency : str
        Of the money in it, where the result does not say.
    names : mapping, optional
        Code to label.

    Raises
    ------
    UnknownNameError
        No such view.
    """
    if view not in VIEWS:
        raise UnknownNameError("view", view, list(VIEWS))
    if isinstance(found, Declined):
        return statement(found.text)
    chosen = VIEWS[view]
    rows: pd.DataFrame = getattr(found, chosen.table)
    rows = rows.groupby(chosen.per, sort=False).tail(1) if chosen.per else rows.tail(chosen.last or len(rows))
    money = f"money {getattr(found, 'currency', currency)}".strip()
    columns = {column: money if unit == "money" else unit for column, unit in chosen.columns.items()}
    told = {**(names or {}), **{name: word(f"driver_{name}") for name in DRIVERS}}
    note = found.text if chosen.is_told else ""
    return mapped(rows, columns, caption=word(f"view_{view}"), note=note, names=told)
