"""What a vendor's enterprise value says about net debt.

``implied net debt = enterprise value - market capitalisation`` of one company on one day. It costs nothing and
finds what no single figure shows: a pile of cash added in the wrong currency, or with the wrong sign. A
listed company's published values of May 2025 read 3,452 bn against 799 bn US dollars for that reason.

What this module cannot do: say which of two vendors is right; that takes the balance sheet (see `bridge`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, UnitError, UnknownNameError
from helpers.units import in_words
from helpers.valuation.bridge import MAX_NET_DEBT
from helpers.valuation.figures import with_days

NEAR_DAYS = 120
"""Within about a quarter a company does not turn from rich in cash to deep in debt."""

CLEAR_SHARE = 0.05
"""Net debt within 5 % of the market value may cross 0 without anything being wrong."""

_METRICS = ("market_cap", "enterprise_value")
_COLUMNS = ("metric", "date", "value", "currency", "known_on", "fact_id")
_TABLE = (
    *("entity", "date", "market_cap", "enterprise_value", "net_debt", "low", "high", "currency", "net_debt_share"),
    *("source_id", "flag", "reason", "settles", "fact_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpliedNetDebtResult:
    """Net debt that published enterprise values imply.

    Attributes
    ----------
    table : DataFrame
        One row per enterprise value: entity, date, market_cap, enterprise_value, net_debt (below 0 is net
        cash), low, high, currency, net_debt_share (of the market value), source_id, flag (what is odd, with
        the arithmetic; empty where nothing is), reason and settles (where there is no net debt), fact_id (of
        both values, with a space between).
    text : str
        One sentence.
    checks : tuple of Check
        ``net_debt_size``, ``one_sign``, ``paired``.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def implied_net_debt(values: pd.DataFrame, *, max_net_debt: float = MAX_NET_DEBT) -> ImpliedNetDebtResult:
    """Enterprise value less market capitalisation of the same company and day.

    Parameters
    ----------
    values : DataFrame
        metric (market_cap or enterprise_value), date, value (above 0), currency, known_on, fact_id; optional
        entity, source_id, low, high. With source_id both must be one source's.
    max_net_debt : float
        Net debt or net cash beyond this multiple of the market value is flagged.

    Returns
    -------
    ImpliedNetDebtResult

    Raises
    ------
    HelpersError
        A column or a day is missing, a value is not above 0, or one of them stands twice.
    UnknownNameError
        Another metric.
    UnitError
        The two values of a day are in two currencies.
    """
    rows = _checked(values)
    key = ["entity", "date", "source_id"]
    caps = rows[rows["metric"] == "market_cap"]
    pairs = rows[rows["metric"] == "enterprise_value"].merge(caps, on=key, how="left", suffixes=("", "_cap"))
    _one_currency(pairs)
    table = _table(pairs)
    sizes = (table["net_debt_share"].abs() > max_net_debt).to_numpy()
    turned = _turned(table)
    table["flag"] = [
        "; ".join(said for said in (_size_flag(row) if big else "", turn) if said)
        for row, big, turn in zip(table.to_dict("records"), sizes, turned, strict=True)
    ]
    stated = table[table["reason"] == ""]
    return ImpliedNetDebtResult(
        table=table[list(_TABLE)],
        text=_text(stated),
        checks=_checks(table, stated, sizes, turned, max_net_debt),
        fact_ids=tuple(dict.fromkeys(one for joined in stated["fact_id"] for one in joined.split())),
    )


def _checked(values: pd.DataFrame) -> pd.DataFrame:
    rows = with_days(values, _COLUMNS, ("date",), "values", optional=("entity", "source_id"))
    for column in ("entity", "source_id"):
        rows[column] = rows[column].astype(object).fillna("") if column in rows else ""
    rows["metric"] = rows["metric"].astype(object)
    for metric in rows["metric"].unique():
        if metric not in _METRICS:
            raise UnknownNameError("metric of a bridge", metric, list(_METRICS))
    if (bad := rows[~(rows["value"] > 0)]).size:
        raise HelpersError(f"a value must be above 0, got {bad['value'].iloc[0]} ({bad['fact_id'].iloc[0]})")
    twice = rows[rows.duplicated(["metric", "entity", "date", "source_id"], keep=False)]
    if len(twice):
        raise HelpersError(
            f"need one {twice['metric'].iloc[0]} on {twice['date'].iloc[0].date()}, got "
            f"{', '.join(twice['fact_id'].head(4))}: prefer one, or say whose they are (source_id)"
        )
    return rows.sort_values(["entity", "date", "source_id"], ignore_index=True)


def _one_currency(pairs: pd.DataFrame) -> None:
    two = pairs[pairs["currency_cap"].notna() & pairs["currency"].ne(pairs["currency_cap"])]
    if len(two):
        row = two.iloc[0]
        raise UnitError(
            f"an enterprise value in {row['currency']} ({row['fact_id']}) less a market value in "
            f"{row['currency_cap']} ({row['fact_id_cap']}) is no net debt: convert one first"
        )


def _table(pairs: pd.DataFrame) -> pd.DataFrame:
    net_debt = pairs["value"] - pairs["value_cap"]
    lone = pairs["value_cap"].isna()
    day = pairs["date"].dt.strftime("%Y-%m-%d")
    facts = pairs["fact_id"].astype(object) + (" " + pairs["fact_id_cap"].astype(object)).fillna("")
    return pairs[["entity", "date", "currency", "source_id"]].assign(
        enterprise_value=pairs["value"],
        market_cap=pairs["value_cap"],
        net_debt=net_debt,
        low=pairs["low"] - pairs["high_cap"],
        high=pairs["high"] - pairs["low_cap"],
        net_debt_share=net_debt / pairs["value_cap"],
        reason=np.where(lone, "no market value of the same day and source", ""),
        settles=np.where(lone, "the market capitalisation of " + day + " from the same source", ""),
        fact_id=facts,
    )


def _size_flag(row: dict) -> str:
    return (
        f"{in_words(row['enterprise_value'])} less {in_words(row['market_cap'])} is {in_words(row['net_debt'])} "
        f"{row['currency']} of net debt, {row['net_debt_share']:.2f} times the market value: an amount in another "
        "currency, or a slip of scale, reads like this"
    )


def _turned(table: pd.DataFrame) -> list[str]:
    """For each row the nearest earlier or later one of the company with net debt of the other sign."""
    said = [""] * len(table)
    stated = table[table["net_debt_share"].abs() > CLEAR_SHARE]
    for _, rows in stated.groupby("entity", sort=False):
        for (i, one), (j, two) in pairwise(rows.iterrows()):
            if (two["date"] - one["date"]).days > NEAR_DAYS or one["net_debt"] * two["net_debt"] > 0:
                continue
            for here, other, position in ((one, two, i), (two, one, j)):
                said[position] = (
                    f"net {'debt' if here['net_debt'] > 0 else 'cash'} of {in_words(abs(here['net_debt']))} "
                    f"{here['currency']} here, net {'debt' if other['net_debt'] > 0 else 'cash'} of "
                    f"{in_words(abs(other['net_debt']))} on {other['date'].date()}: one has the wrong sign or currency"
                )
    return said


def _text(stated: pd.DataFrame) -> str:
    if stated.empty:
        return "No enterprise value has a market value of the same day and source."
    last = stated.sort_values("date").iloc[-1]
    word = "debt" if last["net_debt"] > 0 else "cash"
    whose = f"{last['entity']}: on" if last["entity"] else "On"
    return (
        f"{whose} {last['date'].date()} the published enterprise value of {in_words(last['enterprise_value'])} "
        f"{last['currency']} implies net {word} of {in_words(abs(last['net_debt']))} {last['currency']}, "
        f"{100 * abs(last['net_debt_share']):.0f} % of the market value."
    )


def _checks(
    table: pd.DataFrame, stated: pd.DataFrame, sizes: np.ndarray, turned: list[str], limit: float
) -> tuple[Check, ...]:
    names = [f"{entity}: " if entity else "" for entity in table["entity"]]
    odd = [names[i] + table["flag"].iloc[i] for i in np.flatnonzero(sizes)]
    most = float(stated["net_debt_share"].abs().max()) if len(stated) else None
    turns = [name + flag for name, flag in zip(names, turned, strict=True) if flag]
    return (
        Check(
            name="net_debt_size",
            passed=None if most is None else not odd,
            value=most,
            threshold=limit,
            text="; ".join(odd[:2]) or "no net debt is beyond the limit",
        ),
        Check(
            name="one_sign",
            passed=None if stated.empty else not turns,
            value=float(len(turns)),
            threshold=0.0,
            text="; ".join(turns[:2]) or "net debt keeps its sign from figure to figure",
        ),
        Check(
            name="paired",
            passed=None,
            value=float(len(stated)),
            text=f"{len(stated)} of {len(table)} enterprise values have a market value of the same day and source",
        ),
    )
