"""Stored periods to quarters, and fiscal years to calendar years.

Companies publish a fiscal year up to now (three, six, nine, twelve months); a quarter is one such figure
less the one before. A difference is known from the day the later of the two was published, and is as
uncertain as both together. What is missing stays missing: a figure of another year has other days
and never fills the place.

Calendarisation weights each fiscal year by the months that lie in the year asked for: with a fiscal year
to 31 March, calendar 2024 is 3/12 of fiscal 2024 and 9/12 of fiscal 2025 (the convention of comparable
company analysis). What this module cannot do: give the months of a fiscal year their season; it takes a year
as even, and where quarters are known `ltm` at the year's end is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, UnknownNameError
from helpers.units import in_words
from helpers.valuation.figures import (
    ANNUAL_DAYS,
    PART_COLUMNS,
    SERIES,
    TwelveMonthsResult,
    flows,
    gap,
    ids,
    one_series,
    rounding,
    span,
    vintage,
    weighted,
)
from helpers.valuation.routes import as_day, cells, edges, quarter_count, route

WEIGHTS = ("months", "days")
WEEKS_SLACK = 8  # the Saturday nearest to the end of January lies in February

_COLUMNS = (
    *("entity", "metric", "period_start", "period_end", "value", "low", "high", "currency", "known_on"),
    *("parts", "derivation", "fact_id", "reason", "settles"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuartersResult:
    """Quarters, published or derived.

    Attributes
    ----------
    table : DataFrame
        One row per quarter that the figures consist of, by entity, metric, currency and period: entity,
        metric, period_start, period_end, value, low, high, currency, known_on, parts (how many figures
        stand behind it; 1 is published as it is, 0 is missing), derivation, fact_id (several with a space
        between them), reason and settles (empty where there is a value).
    text : str
        How many were published, derived and missing, and which are missing.
    checks : tuple of Check
        ``published_agrees`` (a published quarter equals the difference of the others, rounding aside) and
        ``forecasts_left_out``.
    fact_ids : tuple of str
        Ledger rows of the stated quarters.
    """

    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def quarters(figures: pd.DataFrame, *, on: date | None = None) -> QuartersResult:
    """Every quarter that the figures determine, ``year to date - the year to date before``.

    A published quarter is kept as it is. Fiscal years may begin in any month. Where no set of figures
    gives a quarter it is NaN with the reason.

    Parameters
    ----------
    figures : DataFrame
        metric, period_start, period_end, value (base units), currency (empty for counts), known_on, fact_id;
        optional entity, low, high, nature, unit, metric_kind. Several entities, metrics and
        currencies may stand together, each is a series of its own. Figures that are expected, or were
        printed before their period was over, are left out and counted.
    on : datetime.date, optional
        Only what was public on that day. Default: everything, each period in its last publication.

    Returns
    -------
    QuartersResult

    Raises
    ------
    HelpersError
        A column, a day or a value is missing, or one period has two figures of one publication day.
    UnitError
        The figures do not add up over time: points in time, people, ratios.
    """
    rows = flows(figures)
    known = vintage(rows[rows["nature"] == "measured"], on)
    groups = [group for _, group in known.groupby(list(SERIES), sort=True)]
    found = [_quarters_of(group) for group in groups]
    table = pd.DataFrame([row for rows_of, _ in found for row in rows_of], columns=list(_COLUMNS))
    stated = table[table["reason"] == ""]
    return QuartersResult(
        table=table,
        text=_quarters_text(table),
        checks=(_agreement([line for _, said in found for line in said]), forecasts_left_out(rows)),
        fact_ids=ids(stated["fact_id"]),
    )


def _quarters_of(group: pd.DataFrame) -> tuple[list[tuple], list[tuple[bool, str]]]:
    """The quarters of one series, and whether each published one agrees with the rest."""
    group = group.reset_index(drop=True)
    first, after = edges(group)
    found, said = [], []
    for start, end in cells(group, quarter_count(group)):
        parts = route(group, start, end)
        found.append(_missing_row(group, start, end) if parts is None else _row(group, start, end, parts))
        if parts is None or len(parts) > 1:
            continue
        direct = np.flatnonzero((first == start) & (after == end))
        other = route(group, start, end, without=direct.tolist())
        if other is not None:
            said.append(compare(parts, other))
    return found, said


def _row(group: pd.DataFrame, start: int, end: int, parts: pd.DataFrame) -> tuple:
    name = group.iloc[0]
    value, low, high = weighted(parts)
    return (
        *(name["entity"], name["metric"], as_day(start), as_day(end - 1), value, low, high, name["currency"]),
        *(parts["known_on"].max(), len(parts), spelled(parts), " ".join(parts["fact_id"]), "", ""),
    )


def _missing_row(group: pd.DataFrame, start: int, end: int) -> tuple:
    name, first, last = group.iloc[0], as_day(start), as_day(end - 1)
    days = f"{first.date()} to {last.date()}"
    settles = f"{name['metric']} of {days}, or two figures that differ by exactly those days"
    return (
        *(name["entity"], name["metric"], first, last, np.nan, np.nan, np.nan, name["currency"], pd.NaT),
        *(0, "", "", f"the known figures do not add up to {days}", settles),
    )


def compare(parts: pd.DataFrame, other: pd.DataFrame) -> tuple[bool, str]:
    """Whether two ways to one figure agree beyond rounding, and the sentence that says so.

    Parameters
    ----------
    parts, other : DataFrame
        From `route`.
    """
    one, two = weighted(parts), weighted(other)
    agrees = gap(one, two) <= rounding(pd.concat([parts, other])) + 1e-9 * abs(one[0])
    off = f"{in_words(one[0])} by {spelled(parts)}, {in_words(two[0])} by {spelled(other)}"
    return agrees, f"{parts['metric'].iloc[0]}: {off} ({', '.join(ids([*parts['fact_id'], *other['fact_id']]))})"


def spelled(parts: pd.DataFrame) -> str:
    """The sum in words: ``2024-01-01 to 2024-09-30 less 2024-01-01 to 2024-06-30``."""
    ordered = sorted(
        zip(parts["weight"], parts["period_start"], parts["period_end"], strict=True), key=lambda part: part[0] < 0
    )
    said = [f"{'less' if sign < 0 else 'plus'} {first.date()} to {last.date()}" for sign, first, last in ordered]
    return " ".join(said).removeprefix("plus ")


def _agreement(said: list[tuple[bool, str]]) -> Check:
    wrong = [text for agrees, text in said if not agrees]
    counted = f"{len(said) - len(wrong)} of {len(said)} published quarters that can be checked equal the difference"
    return Check(
        name="published_agrees",
        passed=None if not said else not wrong,
        value=float(len(wrong)),
        threshold=0.0,
        text="; ".join([counted, *wrong[:4]]) if said else "no published quarter can be checked against other figures",
    )


def forecasts_left_out(rows: pd.DataFrame) -> Check:
    """How many figures are expected and therefore not of the past.

    Parameters
    ----------
    rows : DataFrame
        From `flows`.
    """
    out = rows[rows["nature"] != "measured"]
    named = f": {', '.join(out['fact_id'].head(4))}" if len(out) else ""
    text = f"{len(out)} figures left out: expected, doubtful, or printed before their period was over{named}"
    return Check(name="forecasts_left_out", passed=None, value=float(len(out)), text=text)


def _quarters_text(table: pd.DataFrame) -> str:
    missing = table[table["reason"] != ""]
    named = [f"{row['metric']} of {span(row)}" for _, row in missing.head(4).iterrows()]
    which = f" ({'; '.join(named)}{', ...' if len(missing) > 4 else ''})" if named else ""
    published, derived = int((table["parts"] == 1).sum()), int((table["parts"] > 1).sum())
    return f"Quarters: {published} published, {derived} derived, {len(missing)} missing{which}."


def calendarise(
    years: pd.DataFrame, *, year_end: date | int, on: date | None = None, weights: str = "months"
) -> TwelveMonthsResult:
    """Fiscal years weighted into the twelve months to a day, ``sum of share of the year x figure of the year``.

    Parameters
    ----------
    years : DataFrame
        As for `quarters`, fiscal years only (350 to 380 days), of one entity, metric and currency;
        forecasts are taken too and said, doubtful figures are not.
    year_end : datetime.date or int
        Last day of the year asked for; 2024 is 31 December 2024.
    on : datetime.date, optional
        Only what was public on that day.
    weights : {"months", "days"}
        Months need fiscal years that end within 8 days of a month's end.

    Returns
    -------
    TwelveMonthsResult
        Of kind "calendarised". Checks: ``even_year`` and ``forecast_share``.

    Raises
    ------
    NotEstimableError
        A part of the year lies in no known fiscal year.
    HelpersError
        A period is not a year, fiscal years overlap, or a boundary lies inside a month.
    UnitError
        Two entities, metrics or currencies.
    """
    if weights not in WEIGHTS:
        raise UnknownNameError("weights", weights, list(WEIGHTS))
    last = pd.Timestamp(date(year_end, 12, 31) if isinstance(year_end, int) else year_end)
    start = last + pd.Timedelta(days=1) - pd.DateOffset(years=1)
    parts = _shares(_fiscal_years(years, on), start, last, weights)
    value, low, high = weighted(parts)
    name = parts.iloc[0]
    return TwelveMonthsResult(
        kind="calendarised",
        entity=name["entity"],
        metric=name["metric"],
        currency=name["currency"],
        value=value,
        low=low,
        high=high,
        period_start=start.date(),
        period_end=last.date(),
        known_on=parts["known_on"].max().date(),
        table=part_table(parts),
        text=_calendarised_text(parts, value, start, last),
        checks=_calendarised_checks(parts, value),
        fact_ids=ids(parts["fact_id"]),
    )


def part_table(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts of a figure as `TwelveMonthsResult.table` shows them."""
    shown = parts[list(PART_COLUMNS)].reset_index(drop=True)
    return shown.assign(contribution=shown["weight"] * shown["value"])


def _fiscal_years(years: pd.DataFrame, on: date | None) -> pd.DataFrame:
    """One row per fiscal year, none of them overlapping, of one series."""
    rows = flows(years)
    one_series(rows)
    rows = rows[rows["nature"].isin(["measured", "expected"])]  # neither doubted figures nor rules
    days = (rows["period_end"] - rows["period_start"]).dt.days + 1
    other = rows[~days.between(*ANNUAL_DAYS)]
    if len(other):
        row = other.iloc[0]
        raise HelpersError(
            f"calendarise takes fiscal years of {ANNUAL_DAYS[0]} to {ANNUAL_DAYS[1]} days, got {span(row)} "
            f"({row['fact_id']}): build a year from quarters with ltm"
        )
    known = vintage(rows, on).sort_values("period_start", ignore_index=True)
    overlap = known["period_start"].iloc[1:].to_numpy() <= known["period_end"].iloc[:-1].to_numpy()
    if overlap.any():
        at = int(np.flatnonzero(overlap)[0])
        one, two = known.iloc[at], known.iloc[at + 1]
        raise HelpersError(
            f"fiscal years overlap: {span(one)} ({one['fact_id']}) and {span(two)} ({two['fact_id']}): "
            "keep one calendar"
        )
    return known


def _shares(known: pd.DataFrame, start: pd.Timestamp, last: pd.Timestamp, weights: str) -> pd.DataFrame:
    """Fiscal years with the share of each that lies in the year asked for; refuses a year not covered."""
    number = _month_number if weights == "months" else _day_number
    one_day = pd.Timedelta(days=1)
    first, after = number(start), number(last + one_day)
    begins = np.array([number(day) for day in known["period_start"]], float)
    ends = np.array([number(day + one_day) for day in known["period_end"]], float)
    overlap = np.clip(np.minimum(ends, after) - np.maximum(begins, first), 0.0, None)
    if overlap.sum() < after - first:
        raise _uncovered(known, overlap > 0, start, last)
    length = ends - begins
    return known.assign(weight=overlap / length, overlap=overlap, length=length)[overlap > 0]


def _day_number(day: pd.Timestamp) -> int:
    return int(np.datetime64(day, "D").astype(int))


def _month_number(day: pd.Timestamp) -> int:
    """Months since year 0 to the first of a month that lies within `WEEKS_SLACK` days of a day."""
    months = day.year * 12 + day.month - 1
    if day.day - 1 <= WEEKS_SLACK:
        return months
    if day.days_in_month - day.day + 1 <= WEEKS_SLACK:
        return months + 1
    raise HelpersError(f"months cannot weight a year that begins inside a month ({day.date()}): use weights='days'")


def _uncovered(known: pd.DataFrame, used: np.ndarray, start: pd.Timestamp, last: pd.Timestamp) -> NotEstimableError:
    """Names the first stretch of the year that no fiscal year covers."""
    one_day, at = pd.Timedelta(days=1), start
    end = last
    for _, row in known[used].iterrows():
        if row["period_start"] > at + pd.Timedelta(days=WEEKS_SLACK):
            end = row["period_start"] - one_day
            break
        at = row["period_end"] + one_day
    metric = known["metric"].iloc[0] if len(known) else "the figure"
    return NotEstimableError(
        f"{metric} of the twelve months to {last.date()}",
        f"no known fiscal year covers {at.date()} to {end.date()}",
        f"{metric} of the fiscal year that holds {at.date()} to {end.date()}",
    )


def _calendarised_text(parts: pd.DataFrame, value: float, start: pd.Timestamp, last: pd.Timestamp) -> str:
    name = parts.iloc[0]
    said = [f"{row['overlap']:.0f}/{row['length']:.0f} of {span(row)}" for _, row in parts.iterrows()]
    unit = f" {name['currency']}" if name["currency"] else ""
    expected = parts["nature"].ne("measured")
    forecast = f" {int(expected.sum())} of {len(parts)} are forecasts." if expected.any() else ""
    return (
        f"{name['metric']} of {start.date()} to {last.date()} is {in_words(value)}{unit}: "
        f"{' and '.join(said)}, known since {parts['known_on'].max().date()}.{forecast}"
    )


def _calendarised_checks(parts: pd.DataFrame, value: float) -> tuple[Check, ...]:
    split = int((parts["weight"] < 1).sum())
    forecast = float(parts.loc[parts["nature"] != "measured", "weight"].sum())
    text = f"{split} fiscal years are taken in part, as if their months were even: seasons are not seen"
    return (
        Check(name="even_year", passed=None, value=float(split), text=text if split else "a whole fiscal year"),
        Check(
            name="forecast_share",
            passed=None,
            value=forecast / float(parts["weight"].sum()),
            text=f"{forecast / float(parts['weight'].sum()):.0%} of the weight is expected, not measured".replace(
                "%", " %"
            ),
        ),
    )
