"""Football field: every estimate of one value on one scale, and a headline range by a rule.

A row is an interval with its basis, its day and the day it was public. Rows are never averaged: a fund's
mark, a sale of old shares and a model answer different questions. `HEADLINE_RULE` is the whole rule.

What this module cannot do: say which basis is right. The headline is the span of what somebody paid or
booked; preferred shares that were priced are worth more than the ordinary ones beside them, so it is an
upper reading of the company as its employees hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError, UnknownNameError
from helpers.units import check_currency, in_words
from helpers.valuation.dated import days_of, numbers_of, texts_of

BASES = {
    "market": "market price",
    "secondary_sale": "secondary sale",
    "round_post_money": "round, post-money",
    "fund_mark": "fund mark",
    "buyback": "buy-back",
    "talks": "talks",
    "grant_price": "grant price",
    "comps": "comparables",
    "dcf": "DCF",
    "reverse": "reverse valuation",
    "other": "other",
}
OBSERVED = ("market", "secondary_sale", "round_post_money", "fund_mark")
"""Bases that somebody outside the company paid or booked."""

SCALE = 8.0
"""Times off the median of its neighbours from which a figure is held to be a slip of scale."""

HEADLINE_RULE = (
    "rows count that were public on the day of the report and dated within the window before it; of each "
    "basis its latest day counts; the headline spans the market prices, secondary sales, rounds and fund marks among "
    "them, or all bases where there is none; nothing is averaged, and a row about ten times off the "
    "others is left out by name"
)

_COLUMNS = ("method", "basis", "low", "point", "high", "date", "currency", "known_on")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FieldResult:
    """Estimates of one value.

    Attributes
    ----------
    currency : str
        Of every number.
    as_of : date
        Day of the report.
    low, high : float
        Headline range by `HEADLINE_RULE`.
    headline : {"observed", "all"}
        Whether the range spans observed bases or, where there is none, all of them.
    envelope_low, envelope_high : float
        Of all rows that count.
    core_low, core_high : float
        Where most of the bases that count overlap; NaN where no two do, or where several places tie.
    core_count : int
        Bases that cover the core; 0 without one.
    table : DataFrame
        For the drawing, by basis and date: method, basis, basis_name, low, point, high, date, currency,
        known_on, age_days, status (current, superseded, old, later, not_known, scale), is_current,
        is_observed, reason, fact_ids, note.
    by_basis : DataFrame
        One row per basis that counts: basis, low, high, date, methods (joined), is_observed.
    coverage : DataFrame
        Pieces of the scale: low, high, count, bases. Ends belong to both neighbours.
    quote : str
        The sentence that an analyst can quote.
    text : str
        The same, and where the bases overlap.
    checks : tuple of Check
        ``scale``, ``current``, ``overlap``, ``known``.
    fact_ids : tuple of str
        Ledger rows of the rows that count.
    """

    currency: str
    as_of: date
    low: float
    high: float
    headline: str
    envelope_low: float
    envelope_high: float
    core_low: float
    core_high: float
    core_count: int
    table: pd.DataFrame
    by_basis: pd.DataFrame
    coverage: pd.DataFrame
    quote: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def football_field(estimates: pd.DataFrame, *, as_of: date, max_age_days: int = 365) -> FieldResult:
    """Put estimates on one scale and span the headline range, by `HEADLINE_RULE`.

    Parameters
    ----------
    estimates : DataFrame
        method (text), basis (one of `BASES`), low, point, high (above 0, one currency; point may be empty), date,
        currency, known_on. Optional fact_ids (text or tuple of texts), note.
    as_of : date
        Day of the report.
    max_age_days : int, default 365
        Rows dated further back are shown but do not count.

    Returns
    -------
    FieldResult

    Raises
    ------
    HelpersError
        A column or day is missing, or an interval does not hold its point.
    UnitError
        Two currencies: convert first, at dated rates.
    UnknownNameError
        A basis or currency outside its list.
    NotEstimableError
        No row counts.
    """
    if max_age_days < 1:
        raise ParameterError(f"max_age_days must be 1 or more, got {max_age_days}")
    rows = _checked(estimates)
    table = _with_status(rows, pd.Timestamp(as_of), max_age_days)
    current = table[table["is_current"]]
    if current.empty:
        raise NotEstimableError(
            f"a headline range on {as_of}",
            f"none of {len(table)} estimates counts ({_reasons(table)})",
            f"an estimate dated within {max_age_days} days before it, public by then",
        )
    by_basis = _by_basis(current)
    observed = by_basis[by_basis["is_observed"]]
    headline = observed if len(observed) else by_basis
    coverage = _coverage(by_basis)
    core = _core(coverage)
    currency = str(table["currency"].iloc[0])
    low, high = float(headline["low"].min()), float(headline["high"].max())
    quote = _quote(low, high, by_basis, current, currency)
    return FieldResult(
        currency=currency, as_of=as_of, low=low, high=high, headline="observed" if len(observed) else "all",
        envelope_low=float(by_basis["low"].min()), envelope_high=float(by_basis["high"].max()),
        core_low=core[0], core_high=core[1], core_count=core[2], table=table, by_basis=by_basis, coverage=coverage,
        quote=quote, text=f"{quote} {_overlap_text(core, by_basis, currency)}",
        checks=_checks(table, core, by_basis, max_age_days),
        fact_ids=tuple(dict.fromkeys(i for ids in current["fact_ids"] for i in ids)),
    )  # fmt: skip


def off_scale(
    values: Sequence[float], days: Sequence[pd.Timestamp], *, lows: Sequence[float], highs: Sequence[float],
    reach_days: int = 365,
) -> np.ndarray:  # fmt: skip
    """Times that each figure is off the median of its neighbours in time; NaN where it fits or has none.

    The furthest is set aside first and no longer measured against; of two figures that contradict each
    other alone, both are marked, because nothing says which is wrong.

    Parameters
    ----------
    values : sequence of float
        Above 0, one currency.
    days : sequence of Timestamp
        Figures more than `reach_days` apart are no neighbours: a company may grow tenfold in years.
    lows, highs : sequence of float
        What each can stand for; one whose interval holds the median fits.
    reach_days : int, default 365

    Returns
    -------
    array of float, shape (n,)
        10 is ten times too large, 0.1 a tenth.
    """
    value, low, high = (np.asarray(given, float) for given in (values, lows, highs))
    when = pd.DatetimeIndex(days).to_numpy()
    near = np.abs(when[:, None] - when) <= np.timedelta64(reach_days, "D")
    np.fill_diagonal(near, False)
    found, kept = np.full(len(value), np.nan), np.ones(len(value), bool)
    while True:
        median = np.array([_middle(value[neighbours & kept]) for neighbours in near])
        times = value / median
        off = np.abs(np.log(times))
        wrong = kept & (off >= np.log(SCALE) * (1 - 1e-12)) & ~((low <= median) & (median <= high))
        if not wrong.any():
            return found
        worst = wrong & (off >= off[wrong].max() * (1 - 1e-9))
        found[worst], kept[worst] = times[worst], False


def _middle(values: np.ndarray) -> float:
    """Median on the log scale; NaN of nothing."""
    return float(np.exp(np.median(np.log(values)))) if len(values) else np.nan


def _checked(estimates: pd.DataFrame) -> pd.DataFrame:
    """A copy with days, tuples of fact ids, and every rule of a row held."""
    missing = [column for column in _COLUMNS if column not in estimates]
    if missing:
        raise HelpersError(f"estimates need the columns {', '.join(_COLUMNS)}; missing: {missing}")
    if estimates.empty:
        raise HelpersError("need 1+ estimates, got none")
    rows = estimates.reset_index(drop=True)
    rows["method"] = texts_of(rows, "method", what="row of estimates", or_empty=False)
    for basis in texts_of(rows, "basis", what="row of estimates"):
        if basis not in BASES:
            raise UnknownNameError("basis", basis, list(BASES))
    currencies = list(
        dict.fromkeys(check_currency(currency) for currency in texts_of(rows, "currency", what="row of estimates"))
    )
    if len(currencies) > 1:
        raise UnitError(f"one scale has one currency, got {' and '.join(currencies)}: convert at dated rates first")
    for column in ("date", "known_on"):
        rows[column] = days_of(rows, what="row of estimates", column=column, or_empty=True)
        if rows[column].isna().any():
            raise HelpersError(
                f"every estimate needs {column}, missing for {rows['method'][rows[column].isna()].iloc[0]}"
            )
    for column in ("low", "point", "high"):
        rows[column] = numbers_of(rows, column, what="row of estimates", is_finite=True)
    low, point, high = rows["low"], rows["point"], rows["high"]
    middle = point.fillna(low)
    bad = rows[~((low > 0) & (low <= middle) & (middle <= high) & np.isfinite(high))]
    if len(bad):
        row = bad.iloc[0]
        raise HelpersError(
            f"an estimate needs 0 < low <= point <= high, got {row['low']:g}, {row['point']:g}, {row['high']:g} "
            f"({row['method']})"
        )
    ids = rows["fact_ids"] if "fact_ids" in rows else [()] * len(rows)
    note = rows["note"].fillna("") if "note" in rows else ""
    rows = rows.assign(low=low, point=point, high=high)
    return rows[list(_COLUMNS)].assign(fact_ids=[_ids(cell) for cell in ids], note=note)


def _ids(cell: object) -> tuple[str, ...]:
    if isinstance(cell, tuple | list):
        return tuple(cell)
    return () if pd.isna(cell) or cell == "" else (str(cell),)


def _with_status(rows: pd.DataFrame, day: pd.Timestamp, max_age_days: int) -> pd.DataFrame:
    """Why each row counts or does not, in the order of `BASES` and by date."""
    age = (day - rows["date"]).dt.days
    unknown, later, old = rows["known_on"] > day, age < 0, age > max_age_days
    public = ~unknown & ~later
    times = pd.Series(np.nan, index=rows.index)
    if public.any():
        part = rows[public]
        middle = part["point"].fillna(np.sqrt(part["low"] * part["high"]))
        times[public] = off_scale(middle, part["date"], lows=part["low"], highs=part["high"], reach_days=max_age_days)
    counted = public & ~old & times.isna()
    latest = rows["date"].where(counted).groupby(rows["basis"]).transform("max")
    superseded = counted & (rows["date"] < latest)
    status = np.select(
        [unknown, later, times.notna(), old, superseded],
        ["not_known", "later", "scale", "old", "superseded"],
        "current",
    )
    said = [_reason(*row, max_age_days) for row in zip(status, rows["known_on"], age, times, latest, strict=True)]
    order = rows["basis"].map({basis: i for i, basis in enumerate(BASES)})
    names = ["method", "basis", "basis_name", "low", "point", "high", "date", "currency", "known_on", "age_days"]
    names += ["status", "is_current", "is_observed", "reason", "fact_ids", "note"]
    out = rows.assign(
        basis_name=rows["basis"].map(BASES), age_days=age, status=status, is_current=status == "current",
        is_observed=rows["basis"].isin(OBSERVED), reason=said, order=order,
    )  # fmt: skip
    return out.sort_values(["order", "date", "method"], kind="stable", ignore_index=True)[names]


def _reason(status: str, known: pd.Timestamp, age: int, times: float, latest: pd.Timestamp, max_age_days: int) -> str:
    if status == "scale":
        return f"{times:.3g} times the median of its neighbours in time: a slip of scale, or it needs a reason"
    return {
        "not_known": f"public on {known.date()} only",
        "later": f"dated {-age} days after the day of the report",
        "old": f"dated {age} days before, the window is {max_age_days}",
        "superseded": "" if pd.isna(latest) else f"the same basis has an estimate of {latest.date()}",
    }.get(status, "")


def _by_basis(current: pd.DataFrame) -> pd.DataFrame:
    """The span of each basis on its latest day; two methods of one day stay a span, not a mean."""
    rows = [
        {"basis": basis, "low": part["low"].min(), "high": part["high"].max(), "date": part["date"].iloc[0],
         "methods": ", ".join(part["method"]), "is_observed": bool(part["is_observed"].iloc[0])}
        for basis, part in current.groupby("basis", sort=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _coverage(by_basis: pd.DataFrame) -> pd.DataFrame:
    """Cut the scale at every end; a cut itself is a piece, because closed intervals can touch in a point."""
    low, high = by_basis["low"].to_numpy(float), by_basis["high"].to_numpy(float)
    ends = np.unique(np.r_[low, high])
    pieces = [(end, end) for end in ends] + list(pairwise(ends))
    rows = []
    for start, stop in sorted(pieces):
        middle = (start + stop) / 2
        inside = (low <= middle) & (middle <= high)
        rows.append(
            {"low": start, "high": stop, "count": int(inside.sum()), "bases": ", ".join(by_basis["basis"][inside])}
        )
    return pd.DataFrame(rows)


def _core(coverage: pd.DataFrame) -> tuple[float, float, int]:
    """The one stretch that most bases cover; NaN where no two overlap or several stretches tie."""
    most = int(coverage["count"].max())
    is_most = coverage["count"].eq(most)
    stretches = (is_most & ~is_most.shift(fill_value=False)).sum()
    if most < 2 or stretches > 1:
        return np.nan, np.nan, 0
    rows = coverage[is_most]
    return float(rows["low"].min()), float(rows["high"].max()), most


def _money(low: float, high: float, currency: str) -> str:
    ends = list(dict.fromkeys([in_words(low), in_words(high)]))
    return f"{' to '.join(ends)} {currency}"


def _quote(low: float, high: float, by_basis: pd.DataFrame, current: pd.DataFrame, currency: str) -> str:
    """Observed bases by date, then the models."""
    ends = list(dict.fromkeys([in_words(low), in_words(high)]))
    span = f"Between {' and '.join(ends)} {currency}" if len(ends) > 1 else f"About {ends[0]} {currency}"
    parts = [[], []]
    for row in by_basis.sort_values("date", kind="stable").itertuples():
        points = current.loc[current["basis"].eq(row.basis), "point"]
        one = len(points) == 1 and points.notna().all()
        value = f"{in_words(points.iloc[0])} {currency}" if one else _money(row.low, row.high, currency)
        if one and not row.is_observed:
            value += f" ({_money(row.low, row.high, currency)})"
        parts[not row.is_observed].append(f"{BASES[row.basis]} {value} ({row.date.day} {row.date:%b %Y})")
    return f"{span}: {'; '.join(', '.join(part) for part in parts if part)}."


def _overlap_text(core: tuple[float, float, int], by_basis: pd.DataFrame, currency: str) -> str:
    if len(by_basis) == 1:
        return "There is one basis only."
    if not core[2]:
        return f"The {len(by_basis)} bases share no one range."
    return f"{core[2]} of {len(by_basis)} bases overlap at {_money(core[0], core[1], currency)}."


def _reasons(table: pd.DataFrame) -> str:
    return "; ".join(f"{row.method}: {row.reason}" for row in table.itertuples() if row.reason)


def _checks(table: pd.DataFrame, core: tuple, by_basis: pd.DataFrame, max_age_days: int) -> tuple[Check, ...]:
    slips, hidden = table[table["status"].eq("scale")], table[table["status"].isin(["not_known", "later"])]
    n, counted = len(table), int(table["is_current"].sum())
    named = _reasons(slips) or f"no estimate is {SCALE:g} times off its neighbours"
    aged = f"{counted} of {n} estimates count, of {len(by_basis)} bases, within {max_age_days} days"
    overlap = f"{core[2]} of {len(by_basis)} bases overlap" if core[2] else "no one range is shared"
    return (
        Check(name="scale", passed=slips.empty, value=float(len(slips)), threshold=0.0, text=named),
        Check(name="current", passed=None, value=float(counted), text=aged),
        Check(name="overlap", passed=None if len(by_basis) == 1 else core[2] > 1, value=float(core[2]), text=overlap),
        Check(
            name="known", passed=None, value=float(len(hidden)), text=_reasons(hidden) or "every estimate was public"
        ),
    )
