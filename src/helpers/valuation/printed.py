"""From facts as the ledger has them to the tables that a reconciliation and a football field take.

What this module cannot do: decide. Doubtful claims are handed on too, so that a reader meets them with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import pandas as pd

from helpers.checks import Declined
from helpers.errors import UnitError
from helpers.evidence import intervals
from helpers.valuation.contradictions import UNSTATED
from helpers.valuation.dated import need_columns, windows_of
from helpers.valuation.field import BASES

STAKE_METRICS = {
    "stake_share": "gsr_stake_share",
    "holding_value": "gsr_stake_value",
    "fund_nav": "gsr_fund_nav",
    "share_of_fund": "gsr_fund_share",
}
"""Metrics of a holder's books: the part held, what it is carried at, the fund's net assets, and its part of those."""

NO_ESTIMATE = ("talks",)

_FACT_COLUMNS = ("fact_id", "metric", "measure", "value", "currency", "period_start", "period_end", "source_id")


def claims_of(facts: pd.DataFrame, *, metrics: Collection[str] = ("valuation", "market_cap")) -> pd.DataFrame:
    """Every printed level of a company's value as a claim, doubtful ones included.

    Parameters
    ----------
    facts : DataFrame
        Facts of one company, as `helpers.ledger.facts` gives them, with basis, value_high, precision, qualifier and
        known_on.
    metrics : collection of str

    Returns
    -------
    DataFrame
        As `reconcile` takes it: claim_id (the fact's), value, low, high, currency, as_of (last day of the window),
        basis, source, fact_id, known_on; by day.
    """
    need_columns(facts, _FACT_COLUMNS, what="facts")
    rows = facts[facts["metric"].isin(list(metrics)) & facts["measure"].eq("level") & facts["period_end"].notna()]
    basis = rows["basis"].astype(str).replace("", UNSTATED).mask(rows["metric"].eq("market_cap"), "market")
    text = {"currency": rows["currency"].astype(str), "source": rows["source_id"].astype(str)}
    claims = rows.assign(**intervals(rows), claim_id=rows["fact_id"], as_of=rows["period_end"], basis=basis, **text)
    columns = ["claim_id", "value", "low", "high", "currency", "as_of", "basis", "source", "fact_id", "known_on"]
    return claims.sort_values(["as_of", "fact_id"], kind="stable")[columns].reset_index(drop=True)


def supports_of(facts: pd.DataFrame, *, metrics: Mapping[str, str] = STAKE_METRICS) -> pd.DataFrame:
    """What a holder's books say on each day on which they state both the part and its value.

    Parameters
    ----------
    facts : DataFrame
        As for `claims_of`.
    metrics : mapping
        stake_share, holding_value and, where known, fund_nav, share_of_fund to the metric that holds each.

    Returns
    -------
    DataFrame
        As `reconcile` takes it: claim_id (empty), as_of, stake_share, stake_half_width, holding_value,
        holding_half_width, currency, fund_nav, share_of_fund, fact_ids (tuple).

    Raises
    ------
    UnitError
        If the value and the net assets of one day are in two currencies.
    """
    need_columns(facts, _FACT_COLUMNS, what="facts")
    rows = facts[facts["measure"].eq("level") & facts["metric"].isin(list(metrics.values()))]
    rows = rows.join(intervals(rows)) if len(rows) else rows
    found = [_support(day, told, metrics) for day, told in rows.groupby("period_end")]
    columns = ["claim_id", "as_of", "stake_share", "stake_half_width", "holding_value", "holding_half_width"]
    return pd.DataFrame(
        [row for row in found if row], columns=[*columns, "currency", "fund_nav", "share_of_fund", "fact_ids"]
    )


def _support(day: pd.Timestamp, told: pd.DataFrame, metrics: Mapping[str, str]) -> dict | None:
    first = told.drop_duplicates("metric").set_index(told.drop_duplicates("metric")["metric"].astype(str))
    stake, holding = metrics["stake_share"], metrics["holding_value"]
    if stake not in first.index or holding not in first.index:
        return None
    money = sorted(set(first["currency"].astype(str)) - {""})
    if len(money) > 1:
        raise UnitError(f"the books of {day.date()} are in {' and '.join(money)}: convert first")
    half = {name: float(first.at[name, "high"] - first.at[name, "low"]) / 2 for name in (stake, holding)}
    other = {
        name: float(first.at[metrics[name], "value"]) if metrics.get(name) in first.index else float("nan")
        for name in ("fund_nav", "share_of_fund")
    }
    return {
        "claim_id": "", "as_of": day, "stake_share": float(first.at[stake, "value"]), "stake_half_width": half[stake],
        "holding_value": float(first.at[holding, "value"]), "holding_half_width": half[holding],
        "currency": money[0], **other, "fact_ids": tuple(first["fact_id"]),
    }  # fmt: skip


def estimates_of(values: pd.DataFrame) -> pd.DataFrame:
    """Preferred values of one company as rows of a football field; talks without a deal are left out.

    Parameters
    ----------
    values : DataFrame
        metric (valuation, market_cap), period_start, period_end, value, low, high, currency (one), basis, known_on,
        fact_id.

    Returns
    -------
    DataFrame
        As `football_field` takes it: method, basis (market for a market_cap, other where not said), low, point, high
        (an open end is the value), date, currency, known_on, fact_ids.
    """
    need_columns(values, ("metric", "value", "low", "high", "currency", "basis", "known_on", "fact_id"), what="values")
    rows = values[~values["basis"].isin(list(NO_ESTIMATE))]
    said = rows["basis"].astype(object).fillna("").replace("", "other")
    basis = said.mask(rows["metric"].eq("market_cap"), "market")
    is_open = {end: rows[end].abs().eq(float("inf")) for end in ("low", "high")}
    return pd.DataFrame(
        {
            "method": basis.map(BASES),
            "basis": basis,
            "low": rows["low"].mask(is_open["low"], rows["value"]),
            "point": rows["value"],
            "high": rows["high"].mask(is_open["high"], rows["value"]),
            "date": windows_of(rows)[1],
            "currency": rows["currency"].astype(str),
            "known_on": rows["known_on"],
            "fact_ids": [(fact_id,) for fact_id in rows["fact_id"]],
        }
    ).reset_index(drop=True)


def model_estimates(results: Mapping[str, tuple[str, object]], *, on: date) -> pd.DataFrame:
    """What models say, as rows of a football field; one that was declined or has no value has no row.

    Parameters
    ----------
    results : mapping of str to (str, result)
        Name of the method to its basis and its result: with value (or median), low, high, currency and fact_ids.
    on : datetime.date
        Day of the report, on which a model is as of.

    Returns
    -------
    DataFrame
        Columns of `estimates_of`.
    """
    columns = ["method", "basis", "low", "point", "high", "date", "currency", "known_on", "fact_ids"]
    day = pd.Timestamp(on)
    rows = [
        (method, basis, found.low, point, found.high, day, found.currency, day, found.fact_ids)
        for method, (basis, found) in results.items()
        if not isinstance(found, Declined) and (point := getattr(found, "value", getattr(found, "median", None))) > 0
    ]
    return pd.DataFrame(rows, columns=columns).astype({"low": float, "point": float, "high": float})
