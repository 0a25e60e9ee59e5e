"""Contradicting claims of one value: which stand, which are a range, which are rejected, and why.

Each claim is held against its entity, against powers of ten, the stake identity ``stake x value =
holding``, the claims of its own date and basis, and those of other dates and bases. A claim is never averaged
with another: 31 and 310 have no mean. Rejected claims stay in the table with the arithmetic and with what they
would imply.

What this module cannot do: read the sources. A later sale at another price is no contradiction of an
earlier mark, and nothing here says which of the two the company is worth.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, UnknownNameError
from helpers.evidence import last_digit
from helpers.units import check_currency, convert, in_words
from helpers.valuation import contradictions
from helpers.valuation.claim_verdicts import KEPT, Context, verdicts
from helpers.valuation.contradictions import UNSTATED, implications
from helpers.valuation.dated import numbers_of
from helpers.valuation.field import BASES

STATUSES = ("accepted", "range", "not_a_conflict", "flagged", "rejected")

_CLAIM_COLUMNS = ("claim_id", "value", "currency", "as_of", "basis", "source")
_SUPPORT_COLUMNS = ("claim_id", "as_of", "stake_share", "holding_value", "currency")
_CONVERSION_COLUMNS = ("claim_id", "value", "currency", "beside_value", "beside_currency", "as_of", "source")
_DAY = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReconcileResult:
    """Verdicts on claims.

    Attributes
    ----------
    currency : str
        That claims are compared in.
    table : DataFrame
        One row per claim, then per conversion, as given: claim_id, kind (claim, conversion), value,
        currency, as_of, basis, source, status (one of `STATUSES`), reason, settles, factor (times too
        large where a slip of scale; NaN else), reference (claim_id that it was held against),
        range_low, range_high (of a range, in the result's currency), implied_rate, dated_rate (of a
        conversion), quote (value in the result's currency; NaN for conversions).
    kept : DataFrame
        What stands, by day: last (day), basis, value (NaN for a range), low, high, status, claim_ids
        (joined), change, change_low, change_high (on the row before; 0.3 is +30 %), days.
    identities : DataFrame
        claim_id, last, identity (stake, share_of_fund), stated, implied, implied_low, implied_high,
        holds, text.
    implied : DataFrame
        What each claim would imply: claim_id, quantity (stake_value, share_of_nav, or a metric), value,
        currency (empty for shares and multiples of money), reference (what it is held against),
        reference_value, times (value over reference_value), text.
    text : str
        What stands last, and what was rejected with its reason.
    checks : tuple of Check
        ``rejected``, ``flagged``, ``ranges``, ``identities``.
    fact_ids : tuple of str
        Ledger rows of claims that stand and of the supports.
    """

    currency: str
    table: pd.DataFrame
    kept: pd.DataFrame
    identities: pd.DataFrame
    implied: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def reconcile(
    claims: pd.DataFrame,
    *,
    subject: str,
    currency: str,
    supports: pd.DataFrame | None = None,
    conversions: pd.DataFrame | None = None,
    implied_by: pd.DataFrame | None = None,
    level_metrics: Collection[str] = (),
    doubts: Mapping[str, str] | None = None,
    reach_days: int = 365,
) -> ReconcileResult:
    """Hold claims of one value against each other and against what supports them.

    Parameters
    ----------
    claims : DataFrame
        claim_id (unique), value (above 0, base units), currency, as_of (YYYY, YYYY-MM, YYYY-MM-DD or a
        date), basis (one of `field.BASES`, or unstated), source (claims of one source count once).
        Optional: low, high (what the digits can stand for; else read from the digits), entity and
        headline_entity (whom body and headline name), fact_id, known_on.
    subject : str
        The entity, as the columns entity and headline_entity write it.
    currency : str
        To compare in, at the rate of each claim's day.
    supports : DataFrame, optional
        claim_id (empty where it supports none by name), as_of, stake_share (0-1), holding_value,
        currency. Optional stake_half_width, holding_half_width, fund_nav, share_of_fund (0-1), fact_ids.
    conversions : DataFrame, optional
        Amounts printed beside another currency: claim_id (of its own), value, currency,
        beside_value, beside_currency, as_of, source.
    implied_by : DataFrame, optional
        Figures of the company as `multiples.dated_multiples` takes them: revenue, users.
    level_metrics : collection of str
        As for `multiples.dated_multiples`.
    doubts : mapping of str to str, optional
        fact_id to the reason that an audit found; shown where no test here gave one.
    reach_days : int, default 365
        Claims further apart are not compared.

    Returns
    -------
    ReconcileResult

    Raises
    ------
    HelpersError
        A column or value is missing, an id stands twice, a date cannot be read.
    UnknownNameError
        A basis or currency outside its list.
    ParameterError
        A share outside 0-1, such as 8.47 for 0.0847.
    RateError
        No rate for a claim's currency and day.
    """
    rows = prepared(claims, subject=subject, currency=currency)
    held = _supports(supports, currency)
    identities = contradictions.identities(held, rows, currency)
    stakes = identities[identities["identity"].eq("stake")]
    found = verdicts(rows, Context(stakes, currency, reach_days, dict(doubts or {})))
    given = _conversions(conversions, rows)
    swaps = contradictions.conversion_verdicts(given)
    table = _table(rows, found, given, swaps)
    kept = _kept(rows, found)
    stands = rows["claim_id"].map(found["status"]).isin(KEPT)
    ids = [*rows["fact_id"][stands], *(i for cell in held["fact_ids"] for i in cell)]
    implied = implications(rows, held, currency, implied_by, level_metrics, reach_days)
    return ReconcileResult(
        currency=currency, table=table, kept=kept, identities=identities, implied=implied,
        text=_text(rows, found, kept, swaps, implied, subject, currency), checks=_checks(table, identities),
        fact_ids=tuple(dict.fromkeys(i for i in ids if i)),
    )  # fmt: skip


def prepared(claims: pd.DataFrame, *, subject: str, currency: str) -> pd.DataFrame:
    """Claims as the tests of `contradictions` take them.

    Parameters
    ----------
    claims, subject, currency
        As for `reconcile`.

    Returns
    -------
    DataFrame
        In the order given: claim_id, value, currency, as_of, basis, source, fact_id, first, last, known_on,
        quote, low, high (in `currency`), named (another entity that is named; empty if none).
    """
    check_currency(currency)
    rows = _filled(claims, _CLAIM_COLUMNS, "claims")
    for basis in rows["basis"]:
        if basis not in (*BASES, UNSTATED):
            raise UnknownNameError("basis", basis, [*BASES, UNSTATED])
    rows["quote"] = _converted(rows["value"], rows, currency)
    half = last_digit(rows["value"].to_numpy(float)) / 2
    for end, sign in (("low", -1), ("high", 1)):
        printed = rows["value"] + sign * half
        stated = numbers_of(rows, end, what="claim") if end in rows else printed
        is_size = np.isfinite(stated) & (stated > 0)  # an open end ("as much as") is not a size
        rows[end] = _converted(stated.where(is_size, printed), rows, currency)
    bad = rows[~((rows["low"] <= rows["quote"]) & (rows["quote"] <= rows["high"]))]
    if len(bad):
        raise HelpersError(f"a claim needs low <= value <= high, not so for {bad['claim_id'].iloc[0]}")
    named = [_other_entity(row, subject) for row in rows.to_dict("records")]
    known = pd.to_datetime(rows["known_on"]).fillna(rows["last"]) if "known_on" in rows else rows["last"]
    fact_id = rows["fact_id"].fillna("") if "fact_id" in rows else ""
    rows = rows.assign(named=named, known_on=known, fact_id=fact_id)
    return rows[[*_CLAIM_COLUMNS, "fact_id", "first", "last", "known_on", "quote", "low", "high", "named"]]


def _filled(given: pd.DataFrame, columns: tuple[str, ...], what: str, *, unique: bool = True) -> pd.DataFrame:
    """A copy with days read, and every required cell and amount checked."""
    missing = [column for column in columns if column not in given]
    if missing:
        raise HelpersError(f"{what} need the columns {', '.join(columns)}; missing: {missing}")
    rows = given.reset_index(drop=True)
    if rows.empty and what == "claims":
        raise HelpersError("need 1+ claims, got none")
    twice = rows["claim_id"][rows["claim_id"].duplicated() & unique]
    if len(twice):
        raise HelpersError(f"{what} need a claim_id each, {twice.iloc[0]} stands twice")
    for column in (c for c in columns if c.endswith(("value", "share"))):
        rows[column] = numbers_of(rows, column, what="claim")
        bad = rows[~((rows[column] > 0) & np.isfinite(rows[column]))]
        if len(bad):
            raise HelpersError(f"{column} must be above 0, got {bad[column].iloc[0]} ({bad['claim_id'].iloc[0]})")
    spans = [_span(day, claim) for day, claim in zip(rows["as_of"], rows["claim_id"], strict=True)]
    days = pd.DataFrame(spans, columns=["first", "last"], dtype="datetime64[s]")
    return rows.assign(first=days["first"], last=days["last"])


def _span(day: object, claim: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day that a printed date can mean."""
    if isinstance(day, date) and not pd.isna(day):  # a Timestamp is one too
        return pd.Timestamp(day).normalize(), pd.Timestamp(day).normalize()
    try:
        period = pd.Period(day) if isinstance(day, str) and _DAY.fullmatch(day) else None
    except ValueError:
        period = None
    if period is None:
        raise HelpersError(f"as_of {day!r} of {claim} is not YYYY, YYYY-MM, YYYY-MM-DD or a date")
    return period.start_time.normalize(), period.end_time.normalize()


def _converted(values: pd.Series, rows: pd.DataFrame, currency: str) -> list[float]:
    """A value of a day converts at that day's rate; of a month or year at its last day's."""
    return [
        convert(float(value), base, currency, on=day.date())
        for value, base, day in zip(values, rows["currency"], rows["last"], strict=True)
    ]


def _other_entity(row: dict, subject: str) -> str:
    for column, where in (("entity", "body"), ("headline_entity", "headline")):
        name = row.get(column)
        if isinstance(name, str) and name and name != subject:
            return f"the {where} names {name}, not {subject}"
    return ""


def _supports(supports: pd.DataFrame | None, currency: str) -> pd.DataFrame:
    """Stakes and holdings with amounts in one currency."""
    given = pd.DataFrame(columns=_SUPPORT_COLUMNS) if supports is None else supports
    rows = _filled(given, _SUPPORT_COLUMNS, "supports", unique=False)
    rows["claim_id"] = rows["claim_id"].fillna("")
    for column, empty in (
        ("stake_half_width", 0.0),
        ("holding_half_width", 0.0),
        ("fund_nav", np.nan),
        ("share_of_fund", np.nan),
    ):
        rows[column] = numbers_of(rows, column, what="support").fillna(empty) if column in rows else empty
    for column in ("stake_share", "share_of_fund"):
        for value in rows[column].dropna():
            as_rate(column, float(value), low=0.0, high=1.0)
    rows["holding"] = _converted(rows["holding_value"], rows, currency)
    rows["holding_half_width"] = _converted(rows["holding_half_width"], rows, currency)
    rows["fund_nav"] = _converted(rows["fund_nav"], rows, currency)
    ids = rows["fact_ids"] if "fact_ids" in rows else [()] * len(rows)
    return rows.assign(fact_ids=[(cell,) if isinstance(cell, str) else tuple(cell) for cell in ids])


def _conversions(conversions: pd.DataFrame | None, rows: pd.DataFrame) -> pd.DataFrame:
    given = pd.DataFrame(columns=_CONVERSION_COLUMNS) if conversions is None else conversions
    swaps = _filled(given, _CONVERSION_COLUMNS, "conversions")
    both = sorted(set(swaps["claim_id"]) & set(rows["claim_id"]))
    if both:
        raise HelpersError(f"a conversion needs a claim_id of its own, {both[0]} is a claim's")
    return swaps


def _table(rows: pd.DataFrame, found: pd.DataFrame, given: pd.DataFrame, swaps: pd.DataFrame) -> pd.DataFrame:
    """Claims with their verdicts, then conversions with theirs."""
    claims = rows[[*_CLAIM_COLUMNS, "quote"]].assign(kind="claim", **{c: found[c].to_numpy() for c in found})
    pairs = given[["claim_id", "value", "currency", "as_of", "source"]].merge(swaps, on="claim_id")
    pairs = pairs.assign(kind="conversion", basis="")
    columns = ["claim_id", "kind", "value", "currency", "as_of", "basis", "source", "status", "reason", "settles"]
    columns += ["factor", "reference", "range_low", "range_high", "implied_rate", "dated_rate", "quote"]
    both = [claims.reindex(columns=columns), pairs.reindex(columns=columns).assign(reference="")]
    table = pd.concat([part for part in both if len(part)], ignore_index=True)
    numbers = ["factor", "range_low", "range_high", "implied_rate", "dated_rate", "quote"]
    return table.astype(dict.fromkeys(numbers, float))


def _kept(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """One row per date and basis that stands, with the change on the row before."""
    judged = rows.assign(status=found["status"].to_numpy())
    part = judged[judged["status"].isin(KEPT)]
    columns = ["last", "basis", "value", "low", "high", "status", "claim_ids"]
    groups = part.groupby(contradictions.same_date_groups(part)) if len(part) else ()
    out = pd.DataFrame([_kept_row(group) for _, group in groups], columns=columns)
    out = out.astype({"last": "datetime64[s]", "value": float, "low": float, "high": float})  # of no rows too
    out = out.sort_values(["last", "basis"], kind="stable", ignore_index=True)
    # a single claim moves from value to value; only a range has ends that count
    low, high = (out["value"].fillna(out[end]) for end in ("low", "high"))
    return out.assign(
        change=out["value"] / out["value"].shift() - 1,
        change_low=low / high.shift() - 1,
        change_high=high / low.shift() - 1,
        days=out["last"].diff().dt.days,
    )


def _kept_row(group: pd.DataFrame) -> tuple:
    """Of claims that agree the most precise one; of those that do not the span of their values."""
    names, ranged = ", ".join(group["claim_id"]), group["status"].eq("range").any()
    stated = group["basis"][group["basis"].ne(UNSTATED)]
    basis = stated.iloc[0] if len(stated) else UNSTATED
    if ranged:
        return group["last"].max(), basis, np.nan, group["quote"].min(), group["quote"].max(), "range", names
    best = group.loc[(group["high"] - group["low"]).idxmin()]
    return group["last"].max(), basis, best["quote"], best["low"], best["high"], best["status"], names


def _text(
    rows: pd.DataFrame, found: pd.DataFrame, kept: pd.DataFrame, swaps: pd.DataFrame, implied: pd.DataFrame,
    subject: str, currency: str,
) -> str:  # fmt: skip
    counts = found["status"].value_counts()
    parts = [f"{counts[status]} {status.replace('_', ' ')}" for status in STATUSES if status in counts]
    text = f"Of {len(found)} claims on {subject}: {', '.join(parts)}."
    if len(found) == 1:
        text = f"1 claim on {subject}: {parts[0].removeprefix('1 ')}."
    if len(kept):
        last = kept.iloc[-1]
        ends = [last["low"], last["high"]] if np.isnan(last["value"]) else [last["value"]]
        value = " to ".join(in_words(end) for end in ends)
        basis = last["basis"].replace("_", " ")
        text += f" The latest that stands is {value} {currency} ({last['last'].date()}, {basis})."
    text += _rejections(rows, found[found["status"].eq("rejected")], implied, currency)
    off = int(swaps["status"].eq("flagged").sum())
    fit = "does not fit its" if off == 1 else "do not fit their"
    among = f"{off} of {len(swaps)} conversions" if len(swaps) > 1 else "The conversion"
    return text + (f" {among} {fit} exchange rate." if off else "")


def _rejections(rows: pd.DataFrame, rejected: pd.DataFrame, implied: pd.DataFrame, currency: str) -> str:
    """The largest with its reason and what its stake would be worth; the others by name."""
    if rejected.empty:
        return ""
    quotes = rows.set_index("claim_id")["quote"][list(rejected.index)]
    named = {claim_id: f"{in_words(quote)} {currency} ({claim_id})" for claim_id, quote in quotes.items()}
    worst = quotes.idxmax()
    text = f" Rejected: {named.pop(worst)}, {rejected.loc[worst, 'reason']}."
    stakes = implied[implied["quantity"].isin(["stake_value", "share_of_nav"]) & implied["claim_id"].eq(worst)]
    text += f" {stakes['text'].iloc[-1]}." if len(stakes) else ""
    return text + (f" Rejected too: {', '.join(named.values())}." if named else "")


def _checks(table: pd.DataFrame, identities: pd.DataFrame) -> tuple[Check, ...]:
    def named(status: str) -> tuple[float, str]:
        part = table[table["status"].eq(status)]
        said = "; ".join(f"{row.claim_id}: {row.reason}" for row in part.itertuples())
        return float(len(part)), said or f"no claim is {status}"

    failed = identities[identities["holds"].eq(False)]
    told = identities[identities["holds"].notna()]
    rejected, flagged, ranges = named("rejected"), named("flagged"), named("range")
    held = "; ".join(failed["text"]) or f"{len(told)} of {len(told)} hold"
    return (
        Check(name="rejected", passed=None, value=rejected[0], text=rejected[1]),
        Check(name="flagged", passed=flagged[0] == 0, value=flagged[0], threshold=0.0, text=flagged[1]),
        Check(name="ranges", passed=None, value=ranges[0], text=ranges[1]),
        Check(name="identities", passed=failed.empty if len(told) else None, value=float(len(failed)), text=held),
    )
