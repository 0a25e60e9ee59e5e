"""A plan with the facts put in: one driver for each name and year, with the basis it stands on.

Four bases, each told beside its number: ``facts`` (printed), ``assumption`` (a judged range with its reason),
``line`` (between two known years, `helpers.market.bridge`) and ``forecast`` (`helpers.market.forecast`, from the
driver's own years). A year that none of these gives is missing, and so is whatever is computed from it; both are listed
with the reason. What the module cannot do: judge whether a range in the table is a good one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pandas as pd

from helpers import units
from helpers.checks import Check
from helpers.draws import Distribution, LogNormal, Pert
from helpers.errors import HelpersError, NotEstimableError, ParameterError, UnitError
from helpers.market.bridge import between
from helpers.market.driver import Driver
from helpers.market.forecast import ForecastResult, forecast
from helpers.market.formula import names_in
from helpers.market.graph import Graph
from helpers.market.lookup import Evidence, look_up
from helpers.market.plan import MarketPlan, PlannedDriver, PlannedYears
from helpers.market.sources import SourcedDriver

TARGETS = ("bottom_up", "sam")
BASES = ("facts", "assumption", "line", "forecast")
COLUMNS = ["driver", "label", "year", "basis", "low", "base", "high", "unit", "is_ahead", "fact_ids", "reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledMarket:
    """A market whose drivers have numbers.

    Attributes
    ----------
    plan : MarketPlan
    drivers : dict of (str, int) to Driver
        By name and year.
    table : DataFrame
        One row per driver and year: driver, label, year, basis (one of `BASES`), low, base, high (5 %, 50 % and 95 %
        quantiles), unit, is_ahead (after the last year that facts or a year's own range speak of), fact_ids, reason.
    missing : DataFrame
        Years without a number: driver, year, reason.
    sourced : dict of (str, int) to tuple of SourcedDriver
        Where facts were weighed against each other.
    forecasts : dict of str to ForecastResult
        Of drivers that are forecast.
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    plan: MarketPlan
    drivers: dict[tuple[str, int], Driver]
    table: pd.DataFrame
    missing: pd.DataFrame
    sourced: dict[tuple[str, int], tuple[SourcedDriver, ...]]
    forecasts: dict[str, ForecastResult]
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]

    def forecast_by_length(self, *, longest: bool = True) -> ForecastResult:
        """The forecast of the driver with the longest history, or with the shortest.

        Raises
        ------
        NotEstimableError
            No driver is forecast.
        """
        if not self.forecasts:
            raise NotEstimableError(
                f"a forecast in {self.plan.label}", "no driver has 5 printed years in a row", "the years between"
            )
        return sorted(self.forecasts.values(), key=lambda one: len(one.history), reverse=longest)[0]

    def target(self, year: int) -> str:
        """The market's node that a year can be taken apart by: bottom-up where its drivers are known, else top-down."""
        known = {name for name, y in self.drivers if y == year}
        made = _computable(self.plan.formulas, known)
        return next((node for node in TARGETS if node in made), TARGETS[-1])

    def graph(self, year: int) -> Graph:
        """The sizing graph of one year: every formula whose drivers have a number in it.

        Raises
        ------
        NotEstimableError
            No formula can be computed; the missing drivers are named.
        UnitError
            The market comes out in another unit than its table says.
        """
        known = {name: driver for (name, y), driver in self.drivers.items() if y == year}
        formulas = _computable(self.plan.formulas, set(known))
        if not formulas:
            lacking = sorted(set(self.plan.drivers) - set(known))
            raise NotEstimableError(
                f"{self.plan.name} {year}", f"no number for {', '.join(lacking)}", "facts or ranges of that year"
            )
        used = {name for text in formulas.values() for name in names_in(text)}
        used |= {text for node, text in self.plan.overlaps.items() if node in formulas and text in known}
        graph = Graph(
            [driver for name, driver in known.items() if name in used], formulas,
            overlaps={node: text for node, text in self.plan.overlaps.items() if node in formulas},
            correlations={pair: r for pair, r in self.plan.correlations.items() if used.issuperset(pair)},
            labels=self.plan.labels,
            populations={node: text for node, text in self.plan.populations.items() if node in formulas},
        )  # fmt: skip
        for node in (name for name in (*TARGETS, "tam") if name in formulas):
            if graph.quality(node).unit != units.unit_of(self.plan.unit):
                raise UnitError(f"{self.plan.name} is sized in {self.plan.unit}, {node} is in {graph.units[node]}")
        return graph


@dataclass(slots=True)
class _Known:
    """The number of a driver in a year, while the years are put together."""

    distribution: Distribution
    basis: str
    fact_ids: tuple[str, ...]
    reason: str
    sourced: tuple[SourcedDriver, ...] = ()
    is_ahead: bool = False


@dataclass(slots=True)
class _Years:
    """What became of one driver."""

    known: dict[int, _Known] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)
    forecast: ForecastResult | None = None


def fill(
    plan: MarketPlan, given: Evidence, *, pool: Mapping[str, pd.DataFrame] | None = None, level: float = 0.9
) -> FilledMarket:
    """Put the facts into a plan.

    Parameters
    ----------
    plan : MarketPlan
    given : Evidence
        Facts as known on a day, their definitions and doubts.
    pool : mapping of str to DataFrame, optional
        Yearly series (year, value) that calibrate the forecasts; see `helpers.market.forecast`.
    level : float, default 0.9
        Of the forecasts' intervals.

    Raises
    ------
    ParameterError
        A row of the table contradicts itself (a share above 1, a reason missing).
    """
    found = {name: _years(driver, plan, given, pool or {}, level) for name, driver in plan.drivers.items()}
    drivers = {
        (name, year): _driver(plan.drivers[name], year, known, plan.region)
        for name, years in found.items() for year, known in sorted(years.known.items()) if year in plan.years
    }  # fmt: skip
    table = _table(plan, found)
    missing = pd.DataFrame(
        [(name, year, reason) for name, years in found.items() for year, reason in sorted(years.missing.items())],
        columns=["driver", "year", "reason"],
    )
    ids = tuple(dict.fromkeys(fact for row in table["fact_ids"] for fact in row.split()))
    return FilledMarket(
        plan=plan, drivers=drivers, table=table, missing=missing, fact_ids=ids,
        sourced={(n, y): k.sourced for n, years in found.items() for y, k in years.known.items() if k.sourced},
        forecasts={name: years.forecast for name, years in found.items() if years.forecast},
        text=_said(plan, table, ids), checks=_checks(table, missing),
    )  # fmt: skip


def _years(
    driver: PlannedDriver, plan: MarketPlan, given: Evidence, pool: Mapping[str, pd.DataFrame], level: float
) -> _Years:
    found = _Years()
    try:
        for row in driver.rows:
            for year in row.years:
                _from_row(found, driver, row, year, given)
        if found.known and driver.between:
            _draw_lines(found, driver)
    except ParameterError as error:
        raise ParameterError(f"driver {driver.name}: {error}") from None
    if found.known and driver.between == "forecast":
        _look_ahead(found, driver, plan, pool, level)
    for year in plan.years:
        if year not in found.known:
            found.missing.setdefault(year, "the table lists no such year and nothing bridges it")
    found.missing = {year: why for year, why in found.missing.items() if year not in found.known and year in plan.years}
    return found


def _from_row(found: _Years, driver: PlannedDriver, row: PlannedYears, year: int, given: Evidence) -> None:
    if row.is_judged:
        ids = tuple(row.facts.split())
        known = tuple(given.facts["fact_id"][given.facts["fact_id"].isin(ids)])
        if len(known) < len(ids):
            lost = ", ".join(sorted(set(ids) - set(known)))
            found.missing[year] = f"the range rests on {lost}, not known on that day"
            return
        found.known[year] = _Known(_judged(driver, row, year), "assumption", ids, row.reason)
        return
    try:
        facts = look_up(
            row.facts, year=year, unit=driver.unit, is_share=driver.is_share, name=driver.label, given=given
        )  # fmt: skip
    except NotEstimableError as error:
        found.missing[year] = error.reason
        return
    reason = "; ".join(one.text for one in facts.sourced)
    found.known[year] = _Known(facts.distribution, "facts", facts.fact_ids, reason, facts.sourced)


def _judged(driver: PlannedDriver, row: PlannedYears, year: int) -> Distribution:
    """With a mode a PERT between the ends of all cases; without one a log-normal of nine cases in ten."""
    if driver.is_share and not 0 <= row.low <= row.high <= 1:
        raise ParameterError(f"{driver.name} {year} is a share between 0 and 1, got {row.low:g} to {row.high:g}")
    if pd.isna(row.mode):
        return LogNormal.from_range(row.low, row.high)
    return Pert(row.low, row.mode, row.high)


def _draw_lines(found: _Years, driver: PlannedDriver) -> None:
    years = sorted(found.known)
    last_printed = max((y for y in years if found.known[y].basis == "facts" or found.known[y].fact_ids), default=0)
    for start, end in pairwise(years):
        one, other = found.known[start], found.known[end]
        ids = tuple(dict.fromkeys(one.fact_ids + other.fact_ids))
        for year in range(start + 1, end):
            drawn = between(
                one.distribution, other.distribution, step=year - start, steps=end - start, is_share=driver.is_share
            )
            reason = f"on a line between {start} and {end}, with room for leaving it"
            found.known[year] = _Known(drawn, "line", ids, reason, is_ahead=bool(last_printed) and year > last_printed)
    for year in years:
        found.known[year].is_ahead = bool(last_printed) and year > last_printed


def _look_ahead(
    found: _Years, driver: PlannedDriver, plan: MarketPlan, pool: Mapping[str, pd.DataFrame], level: float
) -> None:
    """Forecast what lies after the last known year, from the years before it that have no line among them."""
    last = max(found.known)
    first = last
    while found.known.get(first - 1) and found.known[first - 1].basis != "line":
        first -= 1
    ahead = plan.last_year - last
    if ahead < 1:
        return
    series = pd.DataFrame(
        [(y, float(found.known[y].distribution.quantile(0.5))) for y in range(first, last + 1)],
        columns=["year", "value"],
    )
    ids = tuple(dict.fromkeys(i for y in range(first, last + 1) for i in found.known[y].fact_ids))
    others = {n: rows for n, rows in pool.items() if not set(ids) & set(rows.get("fact_id", ()))}  # not itself
    try:
        ahead_of = forecast(series, horizon=ahead, level=level, pool=others, name=driver.label)
    except HelpersError as error:
        found.missing = dict.fromkeys(range(last + 1, plan.last_year + 1), f"no forecast: {error}") | found.missing
        return
    found.forecast = ahead_of
    for year in range(last + 1, plan.last_year + 1):
        reason = f"stacked forecast of {ahead_of.history['year'].min()} to {last}"
        found.known[year] = _Known(ahead_of.distribution(year), "forecast", ids, reason, is_ahead=True)


def _driver(planned: PlannedDriver, year: int, known: _Known, region: str) -> Driver:
    return Driver(
        name=planned.name, unit=planned.unit, distribution=known.distribution, year=year, region=region,
        definition=planned.definition, population=planned.counts, whole=planned.of, fact_ids=known.fact_ids,
        reason=known.reason, label=planned.label,
    )  # fmt: skip


def _computable(formulas: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """Formulas that need nothing but known names, directly or through each other."""
    kept = dict(formulas)
    while True:
        short = [node for node, text in kept.items() if any(n not in known and n not in kept for n in names_in(text))]
        if not short:
            return kept
        kept = {node: text for node, text in kept.items() if node not in short}


def _table(plan: MarketPlan, found: Mapping[str, _Years]) -> pd.DataFrame:
    rows = []
    for name, years in found.items():
        driver = plan.drivers[name]
        for year, known in sorted(years.known.items()):
            ends = [float(known.distribution.quantile(p)) for p in (0.05, 0.5, 0.95)]
            rows.append((name, driver.label, year, known.basis, *ends, driver.unit, known.is_ahead,
                         " ".join(known.fact_ids), known.reason))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _said(plan: MarketPlan, table: pd.DataFrame, ids: tuple[str, ...]) -> str:
    counts = table[table["year"].isin(plan.years)]["basis"].value_counts()
    parts = [f"{counts[basis]} {text}" for basis, text in _WORDS.items() if basis in counts]
    return (
        f"{plan.label}, {plan.first_year} to {plan.last_year}: {len(plan.drivers)} drivers by year, of which "
        f"{', '.join(parts)}; {len(ids)} facts."
    )


_WORDS = {
    "facts": "printed",
    "assumption": "judged",
    "line": "on a line between known years",
    "forecast": "forecast",
}


def _checks(table: pd.DataFrame, missing: pd.DataFrame) -> tuple[Check, ...]:
    total = len(table) + len(missing)
    judged = int(table["basis"].eq("assumption").sum())
    return (
        Check(
            name="missing", passed=missing.empty, value=float(len(missing)), threshold=0.0,
            text=f"{len(missing)} of {total} driver-years have no number; what is computed from them is not sized",
        ),
        Check(
            name="judged", passed=None, value=judged / max(total, 1),
            text=f"{judged} of {total} driver-years are judgement with a stated reason, not published figures",
        ),
    )  # fmt: skip
