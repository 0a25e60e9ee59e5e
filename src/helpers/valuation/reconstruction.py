"""A capital structure rebuilt from published rounds, so that a platform without a public cap table can be bounded.

A round that raises ``m`` at a post-money value ``v`` sells ``m / v`` of the company; whoever was there before keeps
``1 - m / v`` of what they held. Each round becomes one class of convertible preferred with its money as preference.

That is a declared approximation: terms of private rounds are not published. Gornall and Strebulaev (2020, Journal of
Financial Economics 135, Squaring venture capital valuations with reality) read them from certificates of
incorporation and find rounds with 1x, pari passu terms and rounds far from them. What the module cannot do: know
pools of options, sales of old shares, buybacks, ratchets or rounds that nobody reported. A round that is left out
counts its shares as common and its claim not at all; in a backsolve that may move common either way, for the claims
of the classes that are left are then the safer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.units import check_currency, in_words
from helpers.valuation.cap_table import CapitalStructure, ShareClass, amount
from helpers.valuation.dated import days_of, need_columns, numbers_of
from helpers.valuation.figures import ids

_NEEDED = ("date", "raised", "post_money", "currency", "fact_id")
COMMON = "Common"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTerms:
    """What is assumed of every round, as the terms are not published.

    Parameters
    ----------
    preference_multiple : float, default 1
        Times the money of the round.
    is_participating : bool, default False
        Whether classes share in the rest without converting (no cap).
    is_stacked : bool, default False
        Whether a later round is paid before an earlier one; else all are paid pari passu.

    Raises
    ------
    ParameterError
        If the multiple is not above 0.
    """

    preference_multiple: float = 1.0
    is_participating: bool = False
    is_stacked: bool = False

    def __post_init__(self) -> None:
        amount("preference_multiple", self.preference_multiple)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReconstructionResult:
    """A capital structure rebuilt from rounds.

    Attributes
    ----------
    structure : CapitalStructure
        One preferred class per usable round, by its label, and "Common".
    last_class : str
        Label of the last usable round.
    last_price_per_share : float
        Money: its post-money value over all shares.
    preference_share : float
        All preferences over that post-money value. Small does not mean that the backsolve comes near the headline:
        see `opm`.
    table : DataFrame
        By date, one row per round given: date, label, raised, post_money, currency, new_share (0-1, sold in the
        round), price_per_share, shares, ownership_share (0-1, after the last round), preference, reason and settles
        (where a number is missing; the others are then NaN), fact_id.
    assumptions : tuple of str
        One sentence each.
    text : str
    checks : tuple of Check
        ``rounds_complete``.
    fact_ids : tuple of str
    """

    structure: CapitalStructure
    last_class: str
    last_price_per_share: float
    preference_share: float
    table: pd.DataFrame
    assumptions: tuple[str, ...]
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def reconstruct(
    rounds: pd.DataFrame, *, terms: RoundTerms | None = None, total_shares: float = 1.0
) -> ReconstructionResult:
    """Rebuild a capital structure from money raised and post-money values.

    Parameters
    ----------
    rounds : DataFrame
        One row per round: date, raised and post_money (money; empty where not known), currency (one for all),
        fact_id and, where known, label. At least one round with both numbers.
    terms : RoundTerms, optional
        None is 1x, not participating, pari passu.
    total_shares : float, default 1
        Shares after the last round. At 1 a share is the whole company: its value is that of the company if every
        share were of its class.

    Returns
    -------
    ReconstructionResult

    Raises
    ------
    HelpersError
        If a column or date is missing, or a label stands twice.
    UnitError
        If there are two currencies or none.
    ParameterError
        If a number is not above 0, or a round raises its whole post-money value or more.
    NotEstimableError
        If no round has both numbers.
    """
    terms = RoundTerms() if terms is None else terms
    rows = _checked(rounds)
    currency = _one_currency(rows)
    usable = rows["reason"] == ""
    if not usable.any():
        raise NotEstimableError(
            "the capital structure",
            "no round has both its money raised and its post-money value",
            rows["settles"].iloc[0],
        )
    table = _diluted(rows, usable, amount("total_shares", total_shares)).assign(currency=currency)
    table["preference"] = (table["raised"] * terms.preference_multiple).where(usable)
    structure = _structure(table[usable], terms, total_shares, currency)
    last = table[usable].iloc[-1]
    preferences = sum(one.claim for one in structure.classes)
    return ReconstructionResult(
        structure=structure,
        last_class=last["label"],
        last_price_per_share=float(last["price_per_share"]),
        preference_share=preferences / float(last["post_money"]),
        table=table,
        assumptions=_assumptions(terms),
        text=_text(table, usable, preferences, currency, structure),
        checks=(_complete(table),),
        fact_ids=ids(rows["fact_id"]),
    )


def _checked(rounds: pd.DataFrame) -> pd.DataFrame:
    need_columns(rounds, _NEEDED, what="rounds")
    given = rounds.reset_index(drop=True)
    rows = given[list(_NEEDED)].assign(date=days_of(given, what="round"))
    for name in ("raised", "post_money"):
        rows[name] = numbers_of(given, name, what="round")
        if (bad := ~(rows[name].isna() | ((rows[name] > 0) & (rows[name] < np.inf)))).any():
            raise ParameterError(
                f"{name} must be above 0, got {rows[name][bad].iloc[0]:g} ({rows['fact_id'][bad].iloc[0]})"
            )
    if (bad := rows["raised"] >= rows["post_money"]).any():
        got = rows[bad].iloc[0]
        raise ParameterError(
            f"a round raises less than the value after it, got raised {got['raised']:g} at post_money "
            f"{got['post_money']:g} ({got['fact_id']})"
        )
    named = given["label"] if "label" in given else pd.Series(index=rows.index, dtype=object)
    rows.insert(1, "label", named.where(named.notna(), "Round of " + rows["date"].dt.strftime("%Y-%m-%d")))
    if (twice := rows["label"].duplicated()).any() or (rows["label"] == COMMON).any():
        got = rows["label"][twice].iloc[0] if twice.any() else COMMON
        raise HelpersError(f"every round needs a label of its own, got {got} twice")
    return _reasons(rows).sort_values("date", ignore_index=True, kind="stable")


def _reasons(rows: pd.DataFrame) -> pd.DataFrame:
    names = {"raised": "money raised", "post_money": "post-money value"}
    gaps = [[said for name, said in names.items() if np.isnan(row[name])] for _, row in rows.iterrows()]
    return rows.assign(
        reason=[f"{' and '.join(gap)} not known" if gap else "" for gap in gaps],
        settles=[
            f"{' and '.join(gap)} of {label}, from a filing or the company" if gap else ""
            for gap, label in zip(gaps, rows["label"], strict=True)
        ],
    )


def _one_currency(rows: pd.DataFrame) -> str:
    if rows.empty:
        raise HelpersError("need 1+ rounds, got none")
    if rows["currency"].isna().any():
        raise UnitError(
            f"every round needs a currency, missing for {rows.loc[rows['currency'].isna(), 'fact_id'].iloc[0]}"
        )
    found = sorted({check_currency(code) for code in rows["currency"]})
    if len(found) > 1:
        raise UnitError(f"rounds in {' and '.join(found)} cannot be added: a preference is owed in one currency")
    return found[0]


def _diluted(rows: pd.DataFrame, usable: pd.Series, total_shares: float) -> pd.DataFrame:
    """What each round sold, and what is left of it after those that followed."""
    sold = (rows["raised"] / rows["post_money"]).where(usable)
    kept = (1 - sold).fillna(1.0)[::-1].cumprod()[::-1]  # what a share keeps through this round and all after it
    after = kept.shift(-1, fill_value=1.0)
    owned = sold * after
    return rows.assign(
        new_share=sold,
        price_per_share=(rows["post_money"] / (total_shares * after)).where(usable),
        shares=owned * total_shares,
        ownership_share=owned,
    )[[*("date", "label", "raised", "post_money", "currency", "new_share", "price_per_share", "shares"),
       *("ownership_share", "reason", "settles", "fact_id")]]  # fmt: skip


def _structure(rounds: pd.DataFrame, terms: RoundTerms, total_shares: float, currency: str) -> CapitalStructure:
    classes = [
        ShareClass(
            name=row.label,
            kind="participating_preferred" if terms.is_participating else "convertible_preferred",
            shares=row.shares,
            preference=row.raised,
            preference_multiple=terms.preference_multiple,
            seniority=len(rounds) - number if terms.is_stacked else 1,
        )
        for number, row in enumerate(rounds.itertuples())
    ]
    rest = total_shares * float((1 - rounds["new_share"]).prod())
    common = ShareClass(name=COMMON, kind="common", shares=rest)
    return CapitalStructure(
        classes=(*classes, common), currency=currency, fully_diluted=total_shares, fact_ids=ids(rounds["fact_id"])
    )


def _assumptions(terms: RoundTerms) -> tuple[str, ...]:
    return (
        f"every round has a preference of {terms.preference_multiple:g} times its money",
        "classes share in the rest without converting" if terms.is_participating else "classes do not participate",
        "a later round is paid before an earlier one" if terms.is_stacked else "all preferences are paid pari passu",
        "every share converts one to one",
        "no pool of options grew, no shares were bought back, sales of old shares changed no terms",
        "founders, staff and rounds that are not in the table are all common",
    )


def _text(
    table: pd.DataFrame, usable: pd.Series, preferences: float, currency: str, structure: CapitalStructure
) -> str:
    last = table[usable].iloc[-1]
    common = structure.find(COMMON).shares / structure.total_as_converted
    left_out = int((~usable).sum())
    said = (
        f"Rebuilt from {int(usable.sum())} of {len(table)} rounds (terms assumed): preferences of "
        f"{in_words(preferences)} {currency} are {preferences / last['post_money'] * 100:.1f} % of the last post-money "
        f"value of {in_words(last['post_money'])}; common holds {common * 100:.1f} %."
    )
    if not left_out:
        return said
    rounds, they = ("1 round", "it counts") if left_out == 1 else (f"{left_out} rounds", "they count")
    return f"{said} {rounds} could not be included (money or value not known): {they} as common, without a preference."


def _complete(table: pd.DataFrame) -> Check:
    gaps = table[table["reason"] != ""]
    return Check(
        name="rounds_complete",
        passed=gaps.empty,
        value=float(len(gaps)),
        threshold=0.0,
        text="every round has its money and its post-money value"
        if gaps.empty
        else f"left out: {'; '.join(f'{row.label} ({row.reason})' for row in gaps.itertuples())}",
    )
