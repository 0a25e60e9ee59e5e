"""One verdict per claim: the tests in their order; the first that has something to say decides.

1. entity: headline or body names another company: flagged.
2. unit scale: a power of ten from another claim: rejected, or flagged where nothing says which is wrong.
3. audit: the ledger's audit doubts it: flagged with its reason.
4. stake identity: its own stake and holding: accepted, flagged, or rejected at a power of ten.
5. stray: far off its neighbours in time, by no power of ten: flagged.
6. same date and basis: disagreeing claims become a range; one against an identity is flagged. Claims agree within
   their digits, and where they are less than 1 % apart, or 5 % in two currencies.
7. other date or basis: not a conflict, or accepted.

What it cannot do: weigh who is more trustworthy; that is the ledger's rule of preference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.units import in_words
from helpers.valuation.contradictions import (
    SLIPS,
    TOLERANCE,
    UNSTATED,
    Claim,
    agree,
    amount,
    described,
    same_date_groups,
    scale_slips,
)
from helpers.valuation.field import off_scale

KEPT = ("accepted", "range", "not_a_conflict")
COLUMNS = ("status", "reason", "settles", "reference", "factor", "range_low", "range_high")
_PRIMARY = "the document that the claim goes back to"

Found = dict[str, dict[str, object]]


class Context(NamedTuple):
    """What the tests share.

    Attributes
    ----------
    stakes : DataFrame
        Stake identities of `contradictions.identities`.
    currency : str
    reach_days : int
        Claims further apart are not compared.
    doubts : mapping of str to str
        fact_id to the audit's reason.
    """

    stakes: pd.DataFrame
    currency: str
    reach_days: int
    doubts: Mapping[str, str]


def verdicts(rows: pd.DataFrame, context: Context) -> pd.DataFrame:
    """One verdict per claim.

    Parameters
    ----------
    rows : DataFrame
        Claims as `reconcile.prepared` makes them.
    context : Context

    Returns
    -------
    DataFrame
        Indexed by claim_id in the order given: status, reason, settles, reference, factor, range_low, range_high.
    """
    found: Found = {}
    for test in TESTS:
        for claim_id, verdict in test(rows, found, context).items():
            found.setdefault(claim_id, verdict)
    empty = dict.fromkeys(COLUMNS, "") | dict.fromkeys(("factor", "range_low", "range_high"), np.nan)
    return pd.DataFrame(
        [empty | found[i] for i in rows["claim_id"]], columns=list(COLUMNS), index=list(rows["claim_id"])
    )


def _open(rows: pd.DataFrame, found: Found) -> pd.DataFrame:
    return rows[~rows["claim_id"].isin(list(found))]


def _entities(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    settles = "the page of the source, read by a person"
    return {
        row.claim_id: {"status": "flagged", "reason": f"entity mismatch: {row.named}", "settles": settles}
        for row in rows.itertuples() if row.named
    }  # fmt: skip


def _slips(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    slips = scale_slips(
        _open(rows, found), context.stakes, currency=context.currency, reach_days=context.reach_days
    )  # fmt: skip
    settles = "a stake and its value, or a second source"
    return {
        row.claim_id: {
            "status": "rejected" if row.is_decided else "flagged", "reason": row.reason, "factor": row.factor,
            "reference": row.reference, "settles": "" if row.is_decided else settles,
        }
        for row in slips.itertuples()
    }  # fmt: skip


def _doubted(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    return {
        row.claim_id: {"status": "flagged", "reason": context.doubts[row.fact_id], "settles": _PRIMARY}
        for row in _open(rows, found).itertuples() if row.fact_id in context.doubts
    }  # fmt: skip


def _stakes(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    out: Found = {}
    told = context.stakes[context.stakes["holds"].notna()]
    by_id = told.sort_values("holds", kind="stable").set_index("claim_id")
    for row in _open(rows, found).to_dict("records"):
        if row["claim_id"] not in by_id.index:
            continue
        whole = by_id.loc[[row["claim_id"]]].iloc[0]  # of several supports one that fails, if any does
        claim = pd.Series(row)
        if whole["holds"]:
            out[row["claim_id"]] = {"status": "accepted", "reason": f"stake identity holds: {whole['text']}"}
            continue
        times = row["quote"] / whole["implied"]
        power = int(np.round(np.log10(times)))
        is_slip = power in SLIPS and abs(times / 10.0**power - 1) <= TOLERANCE + _room(whole)
        said = f"{whole['text']}, the claim of {amount(claim, context.currency)} is {times:.4g} times that"
        out[row["claim_id"]] = (
            {"status": "rejected", "reason": f"unit scale: {said} ({SLIPS[power]})", "factor": times}
            if is_slip else {"status": "flagged", "reason": f"stake identity fails: {said}", "settles": _PRIMARY}
        )  # fmt: skip
    return out


def _room(whole: pd.Series) -> float:
    """What rounding of stake and holding leaves, as a part of the whole."""
    return float((whole["implied_high"] - whole["implied_low"]) / whole["implied"])


def _strays(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    """Far off the claims that are left and the wholes that stakes imply."""
    wrong = [i for i, verdict in found.items() if verdict["status"] not in KEPT]
    part, wholes = rows[~rows["claim_id"].isin(wrong)], context.stakes
    values = {name: [*part[a], *wholes[b]] for name, a, b in (("values", "quote", "implied"), ("days", "last", "last"))}
    ends = {
        name: [*part[a], *wholes[b]]
        for name, a, b in (("lows", "low", "implied_low"), ("highs", "high", "implied_high"))
    }
    times = off_scale(values["values"], values["days"], **ends, reach_days=context.reach_days)[: len(part)]
    return {
        claim_id: {
            "status": "flagged", "factor": off, "settles": _PRIMARY,
            "reason": f"{off:.3g} times the median of the claims within {context.reach_days} days, by no power of ten",
        }
        for claim_id, off in zip(part["claim_id"], times, strict=True) if not np.isnan(off) and claim_id not in found
    }  # fmt: skip


def _same_dates(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    """Claims of one date and basis that do not agree."""
    sure = [i for i, verdict in found.items() if verdict["status"] == "accepted"]
    part = rows[~rows["claim_id"].isin(set(found) - set(sure))]
    out: Found = {}
    for _, group in part.groupby(same_date_groups(part)) if len(part) else ():
        if all(agree(row, group).all() for _, row in group.iterrows()):
            continue
        firm, loose = group[group["claim_id"].isin(sure)], group[~group["claim_id"].isin(sure)]
        for _, row in loose.iterrows():
            out[row["claim_id"]] = _against(row, firm, context) if len(firm) else _as_range(row, group, context)
    return {claim_id: verdict for claim_id, verdict in out.items() if verdict}


def _against(row: pd.Series, firm: pd.DataFrame, context: Context) -> dict[str, object]:
    """Beside a claim with an identity there is no range: empty where the two agree."""
    best = firm.iloc[0]
    if agree(row, firm.head(1)).all():
        return {}
    said = described(best, context.currency)
    reason = f"{amount(row, context.currency)} disagrees with {said}, whose stake identity holds"
    return {"status": "flagged", "reason": reason, "reference": best["claim_id"], "settles": _PRIMARY}


def _as_range(row: pd.Series, group: pd.DataFrame, context: Context) -> dict[str, object]:
    low, high = group["quote"].min(), group["quote"].max()
    others = ", ".join(group["claim_id"][group["claim_id"].ne(row["claim_id"])])
    span = f"{in_words(low)} to {in_words(high)} {context.currency}"
    reason = f"conflict kept as range: {span} on one date and basis ({others})"
    ends = {"range_low": low, "range_high": high}
    return {"status": "range", "reason": reason, "reference": others, "settles": _PRIMARY, **ends}


def _other_dates(rows: pd.DataFrame, found: Found, context: Context) -> Found:
    """What is left stands; beside a claim of another date or basis that differs it is said why."""
    wrong = [i for i, verdict in found.items() if verdict["status"] not in KEPT]
    part = rows[~rows["claim_id"].isin(wrong)]
    part = part.assign(group=same_date_groups(part) if len(part) else 0)
    part = part.sort_values(["last", "claim_id"], kind="stable")
    first, last = part["first"].to_numpy(), part["last"].to_numpy()
    claims, out = part.to_dict("records"), {}
    for place, claim in enumerate(claims):
        near = np.flatnonzero(first[place] - last[:place] <= np.timedelta64(context.reach_days, "D"))
        out[claim["claim_id"]] = _beside(claim, claims[near[-1]] if len(near) else None, context)
    return out


def _beside(row: Claim, last: Claim | None, context: Context) -> dict[str, object]:
    """A claim beside the last one before it, if there is one near in time."""
    if last is None:
        reason = f"nothing contradicts it: no earlier claim within {context.reach_days} days"
        return {"status": "accepted", "reason": reason}
    overlap = last["low"] <= row["high"] and row["low"] <= last["high"]
    if overlap or (last["group"] == row["group"] and agree(row, pd.DataFrame([last])).all()):
        reason = f"agrees with {described(last, context.currency)}"
        return {"status": "accepted", "reason": reason, "reference": last["claim_id"]}
    later = row["first"] > last["last"]
    other = row["basis"] != last["basis"] and UNSTATED not in (row["basis"], last["basis"])
    words = [*(["later as-of date"] if later else []), *(["different basis"] if other else [])]
    move = f"{row['quote'] / last['quote'] - 1:+.1%}".replace("%", " %")
    said = f"{amount(row, context.currency)}, {move} on {described(last, context.currency)}"
    said = f"{', '.join(words) or 'another date'}: {said}"
    if other:
        return {"status": "not_a_conflict", "reason": f"not a conflict: {said}", "reference": last["claim_id"]}
    return {"status": "accepted", "reason": said, "reference": last["claim_id"]}


TESTS: tuple[Callable[[pd.DataFrame, Found, Context], Found], ...] = (
    _entities, _slips, _doubted, _stakes, _strays, _same_dates, _other_dates,
)  # fmt: skip
