"""Growth a year between two values: compound, ``(V1/V0)**(1/T) - 1``, and continuous, ``ln(V1/V0)/T``.

What the module cannot do: say anything about the way between the two ends, or about companies that died
on it. A rate over the survivors of a market flatters the market.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, ParameterError
from helpers.growth.periods import checked, one_length

MIN_CAGR_DAYS = 300
"""A CAGR over less than about a year multiplies the noise of a season; shorter spans are refused."""

MAX_CAGR_RATIO = 100.0
"""Beyond this ratio of end to start the base is tiny and the rate says more about it than growth."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrowthResult:
    """A compound annual growth rate and what it rests on.

    Attributes
    ----------
    growth : float
        Per year; 0.25 is 25 %.
    low, high : float
        The same from the outer ends of the inputs' intervals; equal to `growth` where both were
        taken as exact.
    log_growth : float
        Per year, ``ln(1 + growth)``.
    span_years : float
        Years between the two days.
    table : DataFrame
        Two rows, start and end: date, value, low, high.
    text : str
        One sentence for the report.
    checks : tuple of Check
        ``cagr_base``: the base is not tiny.
    fact_ids : tuple of str
        Ledger rows of the two values.
    """

    growth: float
    low: float
    high: float
    log_growth: float
    span_years: float
    table: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def cagr(
    start_value: float,
    end_value: float,
    *,
    start: date,
    end: date,
    start_low: float | None = None,
    start_high: float | None = None,
    end_low: float | None = None,
    end_high: float | None = None,
    fact_ids: Sequence[str] = (),
) -> GrowthResult:
    """Compound annual growth rate, ``(end_value / start_value) ** (1 / years) - 1``.

    Parameters
    ----------
    start_value, end_value : float
        Above 0, same unit. For flows, figures of two periods of equal length.
    start, end : datetime.date
        Days of the two values (for flows the ends of their periods), at least 300 days apart. The
        span is counted in whole calendar years, and the days left over in years of 365.25 days.
    start_low, start_high, end_low, end_high : float, optional
        What the printed numbers can stand for. A bound left out is the value itself.
    fact_ids : sequence of str
        Ledger rows that the values come from.

    Returns
    -------
    GrowthResult

    Raises
    ------
    HelpersError
        If a value is not above 0, a bound lies on the wrong side of its value, or the span is short.
    """
    first = _interval("start", start_value, start_low, start_high)
    last = _interval("end", end_value, end_low, end_high)
    years = span_years(start, end)
    if (end - start).days < MIN_CAGR_DAYS:
        raise HelpersError(
            f"a CAGR needs a span of {MIN_CAGR_DAYS}+ days, got {(end - start).days} ({start} to {end}): "
            "compare with the same period a year earlier (yoy), or state the change over the span"
        )
    growth, low, high = (_compound(a, b, years) for a, b in zip(_spread(first), _spread(last, top=True), strict=True))
    table = pd.DataFrame(
        [(start, *first), (end, *last)], columns=["date", "value", "low", "high"], index=["start", "end"]
    )
    return GrowthResult(
        growth=growth,
        low=low,
        high=high,
        log_growth=math.log1p(growth),
        span_years=years,
        table=table,
        text=_cagr_text(growth, low, high, start, end, years),
        checks=(_base_check(start_value, end_value),),
        fact_ids=tuple(fact_ids),
    )


def _interval(side: str, value: float, low: float | None, high: float | None) -> tuple[float, float, float]:
    """Value, low, high of one end; refuses what growth is undefined for."""
    low, high = (value if bound is None else bound for bound in (low, high))
    if not 0 < value < math.inf:
        article = "an" if side == "end" else "a"
        raise HelpersError(
            f"growth is undefined for {article} {side} value of {value}: both values must be above 0 and finite; "
            "state the change in amount instead"
        )
    if not low <= value <= high:
        raise HelpersError(f"the {side} value {value} must lie in its interval, got {low} to {high}")
    return value, low, high


def _spread(ends: tuple[float, float, float], top: bool = False) -> tuple[float, float, float]:
    """Value and the two ends in the order that gives the lowest, then the highest quotient."""
    value, low, high = ends
    return (value, low, high) if top else (value, high, low)


def _cagr_text(growth: float, low: float, high: float, start: date, end: date, years: float) -> str:
    between = "" if low == high else f" ({_percent(low)} to {_percent(high)} from rounding)"
    return f"{_percent(growth)} a year{between} from {start} to {end}, {years:.1f} years"


def _compound(start_value: float, end_value: float, years: float) -> float:
    """The formula, also for the ends of an interval, which rounding can push to 0 or beyond."""
    if start_value <= 0 or end_value == math.inf:
        return math.inf
    return -1.0 if end_value <= 0 else (end_value / start_value) ** (1 / years) - 1


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _base_check(start_value: float, end_value: float) -> Check:
    ratio = end_value / start_value
    passed = ratio <= MAX_CAGR_RATIO
    return Check(
        name="cagr_base",
        passed=passed,
        value=ratio,
        threshold=MAX_CAGR_RATIO,
        text=f"the end is {ratio:,.3g} times the start"
        + ("" if passed else ": a rate from so small a base says little about what comes next"),
    )


def compound_growth(start_value: float, end_value: float, *, periods: float) -> float:
    """Growth per period where only a number of periods is known, ``(end / start) ** (1 / periods) - 1``.

    The spreadsheet's RRI. Where days are known, `cagr` counts them and carries the rounding.

    Parameters
    ----------
    start_value, end_value : float
        Above 0, same unit; for flows, of two periods of equal length.
    periods : float
        Steps between the two values, 1 or more: 2021 to 2024 are 3, although four years are named.

    Returns
    -------
    float
        Per period; 0.25 is 25 %.

    Raises
    ------
    HelpersError
        If a value is not above 0.
    ParameterError
        If there is less than one whole period between the values.
    """
    _interval("start", start_value, None, None)
    _interval("end", end_value, None, None)
    return _compound(start_value, end_value, _steps(periods))


def _steps(periods: float) -> float:
    """A rate from a part of a period multiplies the noise of that part."""
    if not 1 <= periods < math.inf:
        raise ParameterError(
            f"periods counts the steps between two values, 1 or more, got {periods}: "
            "over less than one period state the change itself"
        )
    return periods


def check_growth_claim(
    claimed: float,
    start_value: float,
    end_value: float,
    *,
    periods: float,
    half_width: float = 0.0005,
    start_low: float | None = None,
    start_high: float | None = None,
    end_low: float | None = None,
    end_high: float | None = None,
) -> Check:
    """Hold a stated compound rate against what its own two ends imply.

    Parameters
    ----------
    claimed : float
        The stated rate per period, as a share: -1 to 10.
    start_value, end_value, periods
        As for `compound_growth`.
    half_width : float, default 0.0005
        Half a unit of the claim's last printed digit, 0 to 0.05: 0.0005 for 16.7 %, 0.005 for 17 %.
    start_low, start_high, end_low, end_high : float, optional
        What the printed ends can stand for. A bound left out is the value itself.

    Returns
    -------
    Check
        ``growth_claim``: passes if the claim with its rounding meets the rate with the rounding of the
        ends. `value` is the rate, `threshold` the claim; the text shows the arithmetic and, where one
        fits, the slip that gives the claimed number.

    Raises
    ------
    HelpersError
        As for `compound_growth`; a bound on the wrong side of its value.
    ParameterError
        A claim or half width out of bounds.
    """
    as_rate("claimed", claimed, low=-1, high=10)
    as_rate("half_width", half_width, low=0, high=0.05)
    steps = _steps(periods)
    first = _interval("start", start_value, start_low, start_high)
    last = _interval("end", end_value, end_low, end_high)
    rate, low, high = (_compound(a, b, steps) for a, b in zip(_spread(first), _spread(last, top=True), strict=True))
    passed = low - half_width <= claimed <= high + half_width
    arithmetic = f"({end_value:,.10g} / {start_value:,.10g}) ** (1 / {steps:g}) - 1 = {_fine(rate)} a period"
    slip = "" if passed else _slip(claimed, start_value, end_value, steps, half_width)
    wrong = f", not the claimed {_fine(claimed)}, which ends at {start_value * (1 + claimed) ** steps:,.6g}{slip}"
    text = arithmetic + (f", as claimed ({_fine(claimed)})" if passed else wrong)
    return Check(name="growth_claim", passed=passed, value=rate, threshold=claimed, text=text)


def _slip(claimed: float, start_value: float, end_value: float, periods: float, half_width: float) -> str:
    """The usual mistake that gives the claimed number, if one does."""
    slips = {
        "a percentage stands where a share is meant": 100 * _compound(start_value, end_value, periods),
        "it is the change over all periods": end_value / start_value - 1,
        "it divides the whole change by the periods": (end_value / start_value - 1) / periods,
        "it divides the whole change by the periods and one more": (end_value / start_value - 1) / (periods + 1),
        "it counts the values, not the steps between them": _compound(start_value, end_value, periods + 1),
        "it is the continuous rate": math.log(end_value / start_value) / periods,
    }
    return next((f": {name}" for name, rate in slips.items() if abs(rate - claimed) <= half_width), "")


def _fine(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def log_growth(start_value: float, end_value: float, *, start: date, end: date) -> float:
    """Continuous growth per year, ``ln(end_value / start_value) / years``.

    Adds up where rates compound: over two spans it is their mean, weighted by length; a halving
    and a doubling cancel.

    Parameters
    ----------
    start_value, end_value : float
        Above 0, same unit.
    start, end : datetime.date
        ``start < end``.

    Raises
    ------
    HelpersError
        If a value is not above 0, or the end is not after the start.
    """
    _interval("start", start_value, None, None)
    _interval("end", end_value, None, None)
    return math.log(end_value / start_value) / span_years(start, end)


def span_years(start: date, end: date) -> float:
    """Whole calendar years from `start` to `end`, and the days left over in years of 365.25 days.

    31 December 2021 to 31 December 2024 is 3, as everybody divides by; 1,096 days over 365.25
    would be 3.0007 and move the second decimal of a percentage.

    Raises
    ------
    HelpersError
        If the end is not after the start.
    """
    if not start < end:
        raise HelpersError(f"the end must be after the start, got {start} to {end}")
    whole = end.year - start.year
    if _years_later(start, whole) > end:
        whole -= 1
    return whole + (end - _years_later(start, whole)).days / 365.25


def _years_later(day: date, years: int) -> date:
    """The anniversary; 29 February's is the 28th in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def cagr_of(series: pd.DataFrame, *, years: int = 3) -> GrowthResult | None:
    """Growth a year over the last years of a series of equal periods.

    Parameters
    ----------
    series : DataFrame
        As for `helpers.growth.yoy`, period_start only where there is one; periods of one length.
    years : int, default 3
        Span looked for; the base is the period whose end lies nearest to that many years before the
        last one, at most a year off; of two equally near the later one.

    Returns
    -------
    GrowthResult or None
        None where no base is known or a value is not positive: growth is then undefined.

    Raises
    ------
    HelpersError, UnitError
        As for `helpers.growth.yoy`; quarters beside years.
    """
    if series.empty:
        return None
    # without first days the rows are levels of a day
    rows = checked(series if "period_start" in series else series.assign(period_start=series["period_end"]))
    one_length(rows, "growth a year")
    last = rows.iloc[-1]
    off = (rows["period_end"] - (last["period_end"] - pd.DateOffset(years=years))).abs()
    base = rows[off <= off.min() + pd.Timedelta(days=5)].iloc[-1]
    short = last["period_end"] - base["period_end"] < pd.Timedelta(days=300)
    if off.min() > pd.Timedelta(days=370) or short or min(base["value"], last["value"]) <= 0:
        return None
    return cagr(
        base["value"],
        last["value"],
        start=base["period_end"].date(),
        end=last["period_end"].date(),
        start_low=base["low"],
        start_high=base["high"],
        end_low=last["low"],
        end_high=last["high"],
        fact_ids=(base["fact_id"], last["fact_id"]),
    )
