"""Dated values of one company: step-ups, growth a year, and what a holder earned from one to a later one.

    step_up = value / value before - 1
    return of a share = product over the later rounds of (value - raised) / value before, less 1

New money raises the value of a company without making a share worth more, so a step-up of post-money values is
more than a holder's return: 3 bn followed by 20 bn post-money, of which 2 bn are new, is 18 / 3 for a share held.
Where a round's new money is not known, the step-up is the upper end of the return and no estimate.

What the module cannot do: see pools of options that grew, dividends, or new shares between rounds, all of which
make a holder's return lower; or make a fund's mark, a sale of old shares and a round one and the same thing, which
is why the basis stands beside every value. See Gornall and Strebulaev (2020, Journal of Financial Economics 135) on
post-money values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, ParameterError, UnitError, UnknownNameError
from helpers.units import check_currency, in_words, rate
from helpers.valuation.dated import days_of, need_columns, numbers_of, texts_of

BASES = {
    "round_post_money": "new money, value after the round",
    "secondary_sale": "transfer of existing shares",
    "fund_mark": "a holder's books",
    "market": "price on an exchange",
    "buyback": "price at which the company buys shares back",
    "talks": "talks or a rumour, no deal reported",
    "other": "the source does not say",
}
DAYS_PER_YEAR = 365.0
SHORTEST_YEARS = 1.0
"""A rate a year of a shorter step says what nobody earned: it supposes that the step goes on."""
OFF_SCALE, OFF_SCALE_AT_AN_END = 5.0, 8.0
"""A value this many times both its neighbours, or its only one, or as small a part, is a likely slip of scale."""
_NEEDED = ("date", "value", "basis", "currency", "fact_id")
_UNKNOWN_RAISE = "the new money of {} is not known, so the step-up is only the upper end of a share's return"
_SETTLES = "money raised in {}, or the price per share of both rounds"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepUpResult:
    """A company's values, each against the one before.

    Attributes
    ----------
    table : DataFrame
        By date: date, label, basis, value, low, high, currency, raised (all money in one currency),
        previous_date, previous_value, previous_basis, years (since then, days over 365), step_up (0.3 is +30 %),
        step_up_low, step_up_high (from low and high), annual_growth (NaN over less than a year), is_same_basis
        (as the one before), scale_note (the arithmetic where a value is far off its neighbours, else empty),
        fact_id, previous_fact_id.
    text : str
    checks : tuple of Check
        ``scale`` (no value far off its neighbours), ``same_basis``.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoldingResult:
    """What a holder earned from each value to each later one.

    Attributes
    ----------
    table : DataFrame
        One row per pair: entry_date, entry_label, entry_basis, entry_value, exit_date, exit_label, exit_basis,
        exit_value, years, step_up, dilution (1 less the part of a share's claim that new money took; NaN where not
        known), total_return (0.5 is +50 %; NaN where a round's new money is not known), return_low, return_high
        (with low and high values and unknown rounds), annual_return, annual_low, annual_high (NaN over less
        than a year), reason, settles,
        entry_fact_id, exit_fact_id.
    text : str
    checks : tuple of Check
        ``raised_known``.
    fact_ids : tuple of str
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def step_ups(marks: pd.DataFrame, *, quote_currency: str | None = None) -> StepUpResult:
    """Each value of a company against the one before it.

    Parameters
    ----------
    marks : DataFrame
        Two rows or more, one per date: date, value (of the whole company, above 0), basis (a name in `BASES`),
        currency, fact_id and, where known, label, raised (new money, in the same currency, below the value),
        low and high (what the value can stand for).
    quote_currency : str, optional
        Values in other currencies are converted at the rate of their day; without it there must be one.

    Returns
    -------
    StepUpResult

    Raises
    ------
    HelpersError
        If a column or date is missing, a date stands twice, or there are fewer than two values.
    ParameterError
        If a number is out of range.
    UnitError
        If there are two currencies and no `quote_currency`.
    UnknownNameError, RateError
        If a basis or currency is not in its list, or a day has no rate.
    """
    rows = checked_marks(marks, quote_currency)
    before = rows[["date", "value", "low", "high", "basis", "fact_id"]].shift().add_prefix("previous_")
    years = (rows["date"] - before["previous_date"]).dt.days / DAYS_PER_YEAR
    step = rows["value"] / before["previous_value"] - 1
    table = rows.assign(
        **before[["previous_date", "previous_value", "previous_basis"]],
        years=years,
        step_up=step,
        step_up_low=rows["low"] / before["previous_high"] - 1,
        step_up_high=rows["high"] / before["previous_low"] - 1,
        annual_growth=_annual(step, years),
        is_same_basis=(rows["basis"] == before["previous_basis"]).where(before["previous_date"].notna()),
        scale_note=_scale_notes(rows),
        previous_fact_id=before["previous_fact_id"],
    )
    order = [column for column in table.columns if column not in ("fact_id", "previous_fact_id")]
    return StepUpResult(
        table=table[[*order, "fact_id", "previous_fact_id"]],
        text=_step_text(table),
        checks=(_scale_check(table), _basis_check(table)),
        fact_ids=tuple(table["fact_id"]),
    )


def holding_returns(
    marks: pd.DataFrame, *, quote_currency: str | None = None, most_new_share: float | None = None
) -> HoldingResult:
    """What a share bought at each value had earned at each later one, new money taken out.

    Parameters
    ----------
    marks : DataFrame
        As for `step_ups`. A round (basis round_post_money) without `raised` has unknown new money; on any other
        basis an empty cell means that no new shares were sold.
    quote_currency : str, optional
        As for `step_ups`; the return is then one in that currency.
    most_new_share : float, optional
        The largest part of a company, 0 to less than 1, that a round of unknown size may have sold: gives
        `return_low` a value. 0.25 is 25 %.

    Returns
    -------
    HoldingResult

    Raises
    ------
    As for `step_ups`.
    """
    if most_new_share is not None:
        as_rate("most_new_share", most_new_share, low=0.0, high=0.999)
    rows = checked_marks(marks, quote_currency)
    kept = _kept_parts(rows, most_new_share)
    days = rows.to_dict("records")
    pairs = [_pair(days, kept, entry, leaving) for entry, leaving in combinations(range(len(days)), 2)]
    table = pd.DataFrame(pairs)
    unknown = [row["label"] for row, gap in zip(days[1:], kept["is_unknown"][1:], strict=True) if gap]
    return HoldingResult(
        table=table,
        text=_holding_text(table.iloc[len(rows) - 2], rows["currency"].iloc[0]),
        checks=(_raised_check(unknown),),
        fact_ids=tuple(rows["fact_id"]),
    )


def checked_marks(marks: pd.DataFrame, quote_currency: str | None = None) -> pd.DataFrame:
    """Values by date in one currency, after the checks that `step_ups` names.

    Returns
    -------
    DataFrame
        date, label, basis, value, low, high, currency, raised (NaN where not known), fact_id.
    """
    need_columns(marks, _NEEDED, what="values of a company")
    if len(marks) < 2:
        raise HelpersError(f"need 2+ dated values, got {len(marks)}")
    given = marks.reset_index(drop=True)
    rows = given[list(_NEEDED)].assign(date=days_of(given, what="value"))
    for column in ("value", "low", "high", "raised"):
        rows[column] = numbers_of(given, column, what="valuation")
    for bound in ("low", "high"):
        rows[bound] = rows[bound].fillna(rows["value"])
    named = given["label"] if "label" in given else pd.Series(index=rows.index, dtype=object)
    rows["label"] = named.where(
        named.notna(),
        rows["basis"].str.removesuffix("_post_money").str.replace("_", " ") + rows["date"].dt.strftime(" of %Y-%m-%d"),
    )
    _refuse_bad_marks(rows)
    rows = _one_currency(rows, quote_currency).sort_values("date", ignore_index=True)
    return rows[["date", "label", "basis", "value", "low", "high", "currency", "raised", "fact_id"]]


def _refuse_bad_marks(rows: pd.DataFrame) -> None:
    for basis in texts_of(rows, "basis", what="value"):
        if basis not in BASES:
            raise UnknownNameError("basis of a value", basis, list(BASES))
    for bad, rule in (
        (~((rows["value"] > 0) & (rows["value"] < np.inf)), "a value must be above 0"),
        (~((rows["low"] > 0) & (rows["low"] <= rows["value"])), "low must be above 0 and not above the value"),
        (~((rows["high"] >= rows["value"]) & (rows["high"] < np.inf)), "high must not be below the value"),
        (~(rows["raised"].isna() | (rows["raised"] >= 0)), "raised must be 0 or more"),
        (rows["raised"] >= rows["value"], "raised must be below the value after the round, which holds it"),
        (
            rows["raised"] >= rows["low"],
            "raised must be below the low end of the value after the round, which holds it",
        ),
    ):
        if bad.any():
            got = rows[bad].iloc[0]
            numbers = ", ".join(f"{name} {got[name]:g}" for name in ("value", "low", "high", "raised"))
            raise ParameterError(f"{rule}, got {numbers} ({got['fact_id']})")
    twice = rows[rows["date"].duplicated(keep=False)]
    if len(twice):
        raise HelpersError(
            f"need one value per date, got {', '.join(map(str, twice['fact_id'].head(4)))} on "
            f"{twice['date'].iloc[0].date()}: keep one, with the others as its low and high"
        )


def _one_currency(rows: pd.DataFrame, quote_currency: str | None) -> pd.DataFrame:
    if rows["currency"].isna().any():
        raise UnitError(
            f"every value needs a currency, missing for {rows.loc[rows['currency'].isna(), 'fact_id'].iloc[0]}"
        )
    found = sorted({check_currency(code) for code in rows["currency"]})
    if quote_currency is None:
        if len(found) > 1:
            raise UnitError(f"values in {' and '.join(found)} cannot be compared: give quote_currency to convert them")
        return rows
    check_currency(quote_currency)
    rates = [rate(code, quote_currency, day.date()) for code, day in zip(rows["currency"], rows["date"], strict=True)]
    money = ["value", "low", "high", "raised"]
    return rows.assign(**{name: rows[name] * rates for name in money}, currency=quote_currency)


def _annual(total: pd.Series | float, years: pd.Series | float) -> pd.Series | float:
    """Compounded to a year; NaN over less than `SHORTEST_YEARS`."""
    long = np.where(np.asarray(years) >= SHORTEST_YEARS, years, np.nan)
    return (1 + total) ** (1 / long) - 1


def _scale_notes(rows: pd.DataFrame) -> list[str]:
    """The arithmetic where a value stands far off every neighbour that it has."""
    notes = []
    for i, value in enumerate(rows["value"]):
        near = rows.iloc[[j for j in (i - 1, i + 1) if 0 <= j < len(rows)]]
        times = value / near["value"]
        limit = OFF_SCALE if len(near) == 2 else OFF_SCALE_AT_AN_END
        if (times >= limit).all() or (times <= 1 / limit).all():
            said = " and ".join(
                f"{t:.3g} times {in_words(v)} of {d.date()}"
                for t, v, d in zip(times, near["value"], near["date"], strict=True)
            )
            notes.append(f"{in_words(value)} is {said}: a slip of scale?")
        else:
            notes.append("")
    return notes


def _kept_parts(rows: pd.DataFrame, most_new_share: float | None) -> dict[str, np.ndarray]:
    """What each value's new money left of an older share's claim: best guess, lowest, highest."""
    is_unknown = (rows["raised"].isna() & (rows["basis"] == "round_post_money")).to_numpy()
    raised = rows["raised"].fillna(0.0)
    lowest = np.nan if most_new_share is None else 1 - most_new_share
    return {
        "is_unknown": is_unknown,
        "guess": np.where(is_unknown, np.nan, 1 - raised / rows["value"]),
        "low": np.where(is_unknown, lowest, 1 - raised / rows["low"]),
        "high": np.where(is_unknown, 1.0, 1 - raised / rows["high"]),
    }


def _pair(days: list[dict], kept: dict[str, np.ndarray], entry: int, leaving: int) -> dict:
    """One entry and one exit."""
    bought, sold, later = days[entry], days[leaving], slice(entry + 1, leaving + 1)
    unknown = [day["label"] for day, gap in zip(days[later], kept["is_unknown"][later], strict=True) if gap]
    part = {name: float(kept[name][later].prod()) for name in ("guess", "low", "high")}
    years = (sold["date"] - bought["date"]).days / DAYS_PER_YEAR
    returns = {
        "total_return": sold["value"] / bought["value"] * part["guess"] - 1,
        "return_low": sold["low"] / bought["high"] * part["low"] - 1,
        "return_high": sold["high"] / bought["low"] * part["high"] - 1,
    }
    named = {"total_return": "annual_return", "return_low": "annual_low", "return_high": "annual_high"}
    return {
        **{f"entry_{name}": bought[name] for name in ("date", "label", "basis", "value")},
        **{f"exit_{name}": sold[name] for name in ("date", "label", "basis", "value")},
        "years": years,
        "step_up": sold["value"] / bought["value"] - 1,
        "dilution": 1 - part["guess"],
        **returns,
        **{named[name]: _annual(value, years) for name, value in returns.items()},
        "reason": _UNKNOWN_RAISE.format(" and ".join(unknown)) if unknown else "",
        "settles": _SETTLES.format(" and ".join(unknown)) if unknown else "",
        "entry_fact_id": bought["fact_id"],
        "exit_fact_id": sold["fact_id"],
    }


def _percent(value: float) -> str:
    return f"{value * 100:+.0f} %"


def _step_text(table: pd.DataFrame) -> str:
    first, last = table.iloc[0], table.iloc[-1]
    years = (last["date"] - first["date"]).days / DAYS_PER_YEAR
    total = last["value"] / first["value"] - 1
    downs = int((table["step_up"] < 0).sum())
    fell = f", {downs} of {len(table) - 1} steps down" if downs else ""
    return (
        f"From {in_words(first['value'])} {first['currency']} ({first['label']}) to {in_words(last['value'])} "
        f"({last['label']}): {_percent(total)} in {_long(years)}{_a_year(total, years)}{fell}."
    )


def _long(years: float) -> str:
    """In days where there is no rate a year."""
    if years >= SHORTEST_YEARS:
        return f"{years:.1f} years"
    return f"{round(years * DAYS_PER_YEAR)} days, too short for a rate a year"


def _a_year(total: float, years: float) -> str:
    annual = _annual(total, years)
    return "" if np.isnan(annual) else f", {_percent(annual)} a year"


def _holding_text(row: pd.Series, currency: str) -> str:
    """The longest holding: from the first value to the last."""
    held = f"A share held from {row['entry_label']} ({in_words(row['entry_value'])} {currency}) to {row['exit_label']}"
    held += f" ({in_words(row['exit_value'])})"
    if not row["reason"]:
        earned = f"{_percent(row['total_return'])}{_a_year(row['total_return'], row['years'])}"
        return f"{held} earned {earned}; the step-up is {_percent(row['step_up'])}."
    least = "" if np.isnan(row["return_low"]) else f" and at least {_percent(row['return_low'])}"
    return f"{held} earned at most {_percent(row['return_high'])}{least}: {row['reason']}."


def _scale_check(table: pd.DataFrame) -> Check:
    notes = [note for note in table["scale_note"] if note]
    return Check(
        name="scale",
        passed=not notes,
        value=float(len(notes)),
        threshold=0.0,
        text="; ".join(notes) if notes else f"no value is {OFF_SCALE:g} times both its neighbours or as small a part",
    )


def _basis_check(table: pd.DataFrame) -> Check:
    mixed = table.loc[table["is_same_basis"].eq(False), "date"]
    return Check(
        name="same_basis",
        passed=None,
        value=float(len(mixed)),
        threshold=0.0,
        text=f"{len(mixed)} of {len(table) - 1} steps compare two bases"
        + (f": {', '.join(str(day.date()) for day in mixed)}" if len(mixed) else ""),
    )


def _raised_check(unknown: Sequence[str]) -> Check:
    return Check(
        name="raised_known",
        passed=not unknown,
        value=float(len(unknown)),
        threshold=0.0,
        text=_UNKNOWN_RAISE.format(" and ".join(unknown)) if unknown else "the new money of every later round is known",
    )
