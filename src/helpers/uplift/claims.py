"""A printed uplift and what was said about its meaning: a number, or undefined.

An uplift is a quotient: what was counted in a window, over what was counted in a baseline window, for
somebody. Without baseline, window and denominator it is no quantity: `read_claim` then names what is missing
and what would settle it, and gives no number. What the module cannot do: find out what the source left open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import evidence
from helpers.checks import Check
from helpers.errors import HelpersError, PanelError, UnknownNameError, WindowError

BASELINES = {
    "same_window_last_year": "holds the growth of the whole year and every change of the festival's dates and length",
    "days_before": "has its base lowered by buyers who wait for the event, and holds weekday and season",
    "counterfactual": "hangs on the model, and holds what was borrowed from the days around unless they are counted",
    "previous_event": "compares two events, not an event with none",
    "": "not stated",
}
"""What a figure may be measured against, and what stays in it that is no effect of the event."""

SETTLES = {
    "baseline": "what the figure is compared with: the days before, the same window last year, or a model of no event",
    "window": "the first and the last moment that were counted",
    "denominator": "whose figure it is: the whole platform, the merchants that took part, or the ones that gained most",
    "baseline_window": "the first and the last moment of the window compared with",
}
WITHOUT_EFFECT = ("same_window_last_year", "previous_event")
PARTS = ("baseline", "window", "denominator")
GROWTH_MEASURES = {"yoy_growth": 0.0, "growth": 0.0, "yoy_multiple": 1.0, "multiple": 1.0}
FESTIVAL_METRICS = ("festival_", "double_11_", "live_618_")
PART_OF_PLATFORM = "_on_"
ONE_MINUTE, ONE_DAY = pd.Timedelta(minutes=1), pd.Timedelta(days=1)

Pair = tuple[pd.Timestamp, pd.Timestamp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A growth figure as somebody printed it, and what was said about its meaning.

    Parameters
    ----------
    metric : str
        What grew: "buyers", "double_11_orders".
    value : float
        As a share above the base: 0.77 is +77 %. Above −1 or equal.
    value_high : float, optional
        Upper end of a printed range.
    low, high : float, optional
        What the printed digits and words stand for, possibly infinite. Default: half a percent either way.
    baseline : str
        A key of `BASELINES`; "" where nobody said.
    window, baseline_window : pair of moments, optional
        What was counted, and what it was compared with; None where nobody said. A bare day as the
        second moment counts whole.
    hours : float, optional
        Length of the window in the source's words ("48 hours"), where it says so.
    denominator : str
        Whose figure it is: "platform", "participating merchants"; "" where nobody said.
    entity, fact_id, text : str
        Whose event, the ledger row, the words of the source.

    Raises
    ------
    HelpersError
        A value that is not finite or below −1, ends of an interval that do not hold it.
    UnknownNameError
        A baseline that is none of `BASELINES`.
    WindowError
        A window that is no pair or ends before it starts.
    """

    metric: str
    value: float
    value_high: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: str = ""
    window: Pair | None = None
    baseline_window: Pair | None = None
    hours: float | None = None
    denominator: str = ""
    entity: str = ""
    fact_id: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.value) and self.value >= -1):
            raise HelpersError(f"{self.metric}: a growth must be finite and -1 or above, got {self.value}")
        top = self.value if self.value_high is None else self.value_high
        if self.baseline not in BASELINES:
            raise UnknownNameError("baseline", self.baseline, [name for name in BASELINES if name])
        for end, default in (("low", max(-1.0, self.value - 0.005)), ("high", top + 0.005)):
            object.__setattr__(self, end, default if getattr(self, end) is None else float(getattr(self, end)))
        if not self.low <= self.value <= top <= self.high:
            raise HelpersError(f"{self.metric}: {self.value} to {top} must lie within {self.low} to {self.high}")
        for name in ("window", "baseline_window"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _pair(getattr(self, name), f"{self.metric}, {name}"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportedResult:
    """What a claim says; no number where it is undefined.

    Attributes
    ----------
    claim : Claim
        As it was given.
    is_defined : bool
        Baseline, window and denominator are stated.
    growth, low, high : float
        The printed growth and what its digits stand for; NaN where undefined.
    missing : tuple of str
        Which of baseline, window and denominator are not stated.
    table : DataFrame
        One row per part: part, stated (what is known, "" where nothing), settles (what would tell).
    text : str
        One or two sentences.
    checks : tuple of Check
        One per part; ``baseline_window``, ``window_length``, ``open_end`` and ``printed_range`` where they apply.
    fact_ids : tuple of str
        The ledger row.
    """

    claim: Claim
    is_defined: bool
    growth: float
    low: float
    high: float
    missing: tuple[str, ...]
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def read_claim(claim: Claim) -> ReportedResult:
    """What a printed uplift says: a number with its meaning, or undefined and what would settle it.

    Parameters
    ----------
    claim : Claim

    Returns
    -------
    ReportedResult
        Without a number where baseline, window or denominator is missing: of "+117 %" on an unknown base nothing
        can be said, not even that something grew.
    """
    missing = tuple(part for part in PARTS if not getattr(claim, part))
    needs_window = claim.baseline in ("same_window_last_year", "days_before", "previous_event")
    parts = [*PARTS, *(["baseline_window"] if needs_window else [])]
    rows = [{"part": part, "stated": _stated(getattr(claim, part)), "settles": SETTLES[part]} for part in parts]
    numbers = (np.nan, np.nan, np.nan) if missing else (claim.value, claim.low, claim.high)
    return ReportedResult(
        claim=claim, is_defined=not missing, growth=numbers[0], low=numbers[1], high=numbers[2], missing=missing,
        table=pd.DataFrame(rows), text=_claim_text(claim, missing), checks=_claim_checks(claim, rows),
        fact_ids=(claim.fact_id,) if claim.fact_id else (),
    )  # fmt: skip


def claims_from_facts(facts: pd.DataFrame, *, denominators: Mapping[str, str] | None = None) -> list[Claim]:
    """Claims of the ledger rows that state a growth or a multiple.

    The baseline of ``yoy_growth`` and ``yoy_multiple`` is the same window a year earlier; of ``growth`` and
    ``multiple`` it is not stated. The period is the window, save that a festival figure dated to one day
    (the ledger dates so what has no dates) has none, unless its note says "one day". A platform's own figure has
    the platform as its denominator; that of some of its sellers or events (entity "... _on_ ...") has none.

    A row of hours beside it (``double11_reporting_window``: same source, entity and period) gives the length
    in words.

    Parameters
    ----------
    facts : DataFrame
        Rows of `helpers.ledger.facts`: fact_id, entity, metric, measure, value, value_high, unit, precision,
        qualifier, period_start, period_end, source_id, note. Rows of another measure are no claims and are passed over.
    denominators : mapping of str, optional
        Denominator by entity where the caller knows better.

    Returns
    -------
    list of Claim
        In the order of the rows; a multiple of 5.4 is a growth of 4.4.

    Raises
    ------
    PanelError
        A column is missing.
    """
    wanted = ["fact_id", "entity", "metric", "measure", "value", "value_high", "precision", "qualifier"]
    wanted += ["unit", "period_start", "period_end", "source_id", "note"]
    missing = [column for column in wanted if column not in facts.columns]
    if missing:
        raise PanelError(f"facts need the columns {', '.join(wanted)}; missing: {', '.join(missing)}")
    rows = facts[facts["measure"].astype(str).isin(GROWTH_MEASURES)].reset_index(drop=True)
    spans = evidence.intervals(rows)
    hours = {_place(row): row.value for row in facts.itertuples() if str(row.unit) == "hour"}
    return [
        _claim_of(row, span, denominators or {}, hours.get(_place(row)))
        for row, span in zip(rows.itertuples(), spans.itertuples(), strict=True)
    ]


def _pair(given: Pair, what: str) -> Pair:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise WindowError(f"{what} must be a pair of first and last moment, got {given!r}")
    first, last = (pd.Timestamp(moment) for moment in given)
    if pd.isna(first) or pd.isna(last):
        raise WindowError(f"{what} must have both moments, got {given[0]} to {given[1]}")
    last = last + ONE_DAY - ONE_MINUTE if last == last.normalize() else last
    if last < first:
        raise WindowError(f"{what} must not end before it starts, got {given[0]} to {given[1]}")
    return first, last


def _stated(part: str | Pair | None) -> str:
    if not part:
        return ""
    return part.replace("_", " ") if isinstance(part, str) else f"{part[0]:%Y-%m-%d} to {part[1]:%Y-%m-%d}"


def _claim_text(claim: Claim, missing: tuple[str, ...]) -> str:
    who = f"{claim.entity}, {claim.metric}" if claim.entity else claim.metric
    if missing:
        needed = "; ".join(f"{part}: {SETTLES[part]}" for part in missing)
        return f"{who}: undefined, the source states no {listed(missing, 'or')}. It would need {needed}."
    amount = percent(claim.value) + (f" to {percent(claim.value_high)}" if claim.value_high is not None else "")
    told = f"{amount} ({percent(claim.low)} to {percent(claim.high)} as printed)"
    against = f"against {claim.baseline.replace('_', ' ')}, {claim.denominator}, {_stated(claim.window)}"
    warning = "Not the event's effect: it" if claim.baseline in WITHOUT_EFFECT else "Mind that it"
    return f"{who}: {told} {against}. {warning} {BASELINES[claim.baseline]}."


def _claim_checks(claim: Claim, rows: list[dict[str, str]]) -> tuple[Check, ...]:
    checks = []
    for row in rows:
        known = bool(row["stated"])
        text = f"{row['part'].replace('_', ' ')}: " + (
            row["stated"] if known else f"not stated; needed is {row['settles']}"
        )
        checks.append(Check(name=row["part"], passed=known, value=row["stated"], text=text))
    if claim.window and claim.hours is not None:
        length = (claim.window[1] + ONE_MINUTE - claim.window[0]) / pd.Timedelta(hours=1)
        text = f"the source says {claim.hours:g} hours, the days it gives are {length:g}"
        text += "" if length == claim.hours else ": the hour of the start is not stated"
        checks.append(
            Check(name="window_length", passed=length == claim.hours, value=length, threshold=claim.hours, text=text)
        )
    if math.isinf(claim.high) or math.isinf(claim.low):
        checks.append(
            Check(name="open_end", passed=None, value=claim.value, text="the source gives a bound, not a value")
        )
    if claim.value_high is not None:
        text = "a range of cases, of which the number and the choice are not stated; it is no average and no interval"
        checks.append(
            Check(name="printed_range", passed=False, value=f"{claim.value} to {claim.value_high}", text=text)
        )
    return tuple(checks)


def _place(row: tuple) -> tuple[str, ...]:
    return tuple(str(part) for part in (row.source_id, row.entity, row.period_start, row.period_end))


def _claim_of(row: tuple, span: tuple, denominators: Mapping[str, str], hours: float | None) -> Claim:
    measure, entity, metric, note = str(row.measure), str(row.entity), str(row.metric), str(row.note)
    less = GROWTH_MEASURES[measure]
    window = None if pd.isna(row.period_start) or pd.isna(row.period_end) else (row.period_start, row.period_end)
    if window and window[0] == window[1] and metric.startswith(FESTIVAL_METRICS) and "one day" not in note:
        window = None
    own = "" if PART_OF_PLATFORM in entity else "platform"
    return Claim(
        metric=metric, value=row.value - less, value_high=None if pd.isna(row.value_high) else row.value_high - less,
        low=max(-1.0, span.low - less), high=span.high - less,
        baseline="same_window_last_year" if measure.startswith("yoy") else "",
        window=window, hours=hours, denominator=denominators.get(entity, own), entity=entity,
        fact_id=str(row.fact_id), text=note,
    )  # fmt: skip


def as_claim(given: float | Claim, name: str, step: float) -> Claim:
    """A plain growth as a claim of which only the digits are known."""
    if isinstance(given, Claim):
        return given
    return Claim(metric=name, value=given, low=max(-1.0, given - step / 2), high=given + step / 2)


def listed(names: Sequence[str], word: str) -> str:
    """Names in words: "window or denominator"."""
    plain = [name.replace("_", " ") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} {word} {plain[-1]}"


def percent(share: float) -> str:
    """A share in words: +77 %, −2.3 %, "no end" for infinity."""
    if math.isinf(share):
        return "no end"
    return f"{share * 100:+.1f} %".replace(".0 %", " %").replace("-", "−")
