"""Event seasons in reported quarters: how far the quarters with an event lie above the quarters without.

``log y_t = trend_t + s_q(t) + u_t`` with AR(1) errors, one ``s`` for each quarter that holds an event, measured
from the average of the quarters that hold none. The trend is a straight line of the logs (``linear``), a line
that bends once in the middle of the data (``piecewise``), or one whose growth fades by a factor ``phi`` a
quarter (``damped``, after Gardner and McKenzie 1985, Management Science 31, 1237-1246); ``phi`` and the
autocorrelation are not fitted but weighed (`helpers.uplift.ar1`), so that both are in the interval. A reading
without any model stands beside it: each quarter over the geometric mean of its two neighbours.

What the module cannot do: tell an event from its season. A quarter holds more than its event, everybody is
treated, and there is no year without: 618 and the second quarter, Double 11 and the last quarter come and go
together. The size of the swing between the quarters without an event says how large a season alone can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.regression.linear_model import OLS

from helpers.checks import Check
from helpers.errors import HelpersError, PanelError, UnknownNameError
from helpers.uplift import ar1
from helpers.uplift.panels import Panel, panel

EVENTS = {2: "618", 4: "Double 11"}
TRENDS = ("damped", "piecewise", "linear")
PHIS = (0.84, 0.88, 0.91, 0.94, 0.96, 0.98, 1.0)
LEAST_QUARTERS = 12
HAC_LAGS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonsResult:
    """What event quarters lie above the others.

    Attributes
    ----------
    unit : str
        Whose quarters.
    level : float
        Nominal coverage of all intervals.
    trend : str
        One of `TRENDS`.
    quarters, df : int
        Quarters with data, and those less the coefficients.
    effects : DataFrame
        One row per event quarter: quarter (1 to 4), event, effect, low, high (shares of the average quarter without
        an event).
    placebo : DataFrame
        One row per further quarter without an event against the first such one: quarter, base, effect, low, high. Zero
        if season were nothing. Empty where one quarter only holds no event.
    by_quarter : DataFrame
        One row per event quarter with data: date, quarter, event, observed, season_value, low, high (what the quarter
        holds above trend, in the unit of the values), over_neighbours (share, without a model; NaN at the ends),
        fact_id ("" where the table has none).
    alternatives : DataFrame
        trend, errors ("ar1", or "hac": ordinary least squares with Newey-West), quarter, effect, low, high.
    leave_one_year_out : DataFrame
        year, quarter, effect.
    path : DataFrame
        date, observed, trend (the level of an average quarter without an event), fitted; NaN where nothing is
        known.
    text : str
        Two or three sentences.
    checks : tuple of Check
        ``not_separable``, ``placebo_quarters``, ``leave_one_year_out``, ``trend_choice``, ``autocorrelation``,
        ``small_sample`` and those of the panel.
    fact_ids : tuple of str
        Ledger rows it rests on.
    """

    unit: str
    level: float
    trend: str
    quarters: int
    df: int
    effects: pd.DataFrame
    placebo: pd.DataFrame
    by_quarter: pd.DataFrame
    alternatives: pd.DataFrame
    leave_one_year_out: pd.DataFrame
    path: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...] = ()


def event_seasons(
    frame: pd.DataFrame | Panel, *, unit: str | None = None, events: Mapping[int, str] | None = None,
    trend: str = "damped", level: float = 0.95, fact_ids: Sequence[str] = (),
) -> SeasonsResult:  # fmt: skip
    """How far event quarters lie above the average of the others, ``exp(s_q) - 1``.

    Parameters
    ----------
    frame : DataFrame or Panel
        One row per quarter: period_start (or date), value above 0; optionally entity (or unit) and fact_id. The
        table of `helpers.ledger.preferred` with ``frequency="quarter"`` is such a one. 12 quarters or more.
    unit : str, optional
        Which unit; may be left out where there is one only.
    events : mapping of int to str, optional
        Name of the event by quarter, 1 to 4; default `EVENTS`. At least one quarter must hold none.
    trend : {"damped", "piecewise", "linear"}, default "damped"
        Shape of the trend of the logs; the others are among the alternatives.
    level : float, default 0.95
        Nominal coverage, from t distributions with quarters less coefficients degrees of freedom.
    fact_ids : sequence of str
        Ledger rows; added to those of the table.

    Returns
    -------
    SeasonsResult

    Raises
    ------
    PanelError
        As `panel`; too few quarters, a quarter of the year seen in one year or none, a value of 0 or below, values that
        never change.
    UnknownNameError
        `trend` or `unit` is unknown.
    HelpersError
        `events` names no quarter, all quarters, or something that is none.
    """
    events = dict(EVENTS if events is None else events)
    _check_settings(events, trend)
    table = ar1.tidy(frame)
    data = panel(table, freq="QS")
    if data.freq != "QS":
        raise PanelError(f"event seasons need quarters (freq 'QS'), got a panel of freq {data.freq!r}")
    row = ar1.one_row(data, unit)
    values = data.values[row]
    y = ar1.logged(values, data, row)
    model = _Model(
        y=y, quarter=data.dates.quarter.to_numpy(), year=data.dates.year.to_numpy(), events=events, level=level
    )
    _check_quarters(model, str(data.units[row]))
    found = model.fit(trend)
    effects = pd.DataFrame([{"quarter": q, "event": events[q], **model.effect(found, q)} for q in sorted(events)])
    placebo = model.placebo(found)
    alternatives, left = model.alternatives(), model.leave_one_year_out(trend)
    path = model.path(found, trend, data.dates, values)
    facts = _facts_by_date(table, data, row)
    checks = (
        NOT_SEPARABLE, *_placebo_check(placebo, effects), _stable(left, effects), _trends(alternatives, effects),
        ar1.autocorrelation(np.log(path["observed"] / path["fitted"])[model.seen].to_numpy(), model.seen,
                            found.rho[found.best]),
        _small(model, found), *data.checks,
    )  # fmt: skip
    name = str(data.units[row])
    return SeasonsResult(
        unit=name, level=level, trend=trend, quarters=len(model.seen), df=found.df, effects=effects, placebo=placebo,
        by_quarter=_by_quarter(model, data, values, effects, facts), alternatives=alternatives, leave_one_year_out=left,
        path=path, text=_text(name, data.dates[model.seen], effects, placebo, trend, level), checks=checks,
        fact_ids=(*ar1.facts_of(table, name), *fact_ids),
    )  # fmt: skip


NOT_SEPARABLE = Check(
    name="not_separable", passed=None,
    text="a quarter holds more than its event, and no unit or year is without it: season and event cannot be told "
    "apart from quarters, the figure is what the event's season holds, not what the event added",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """The regression of one series of quarters."""

    y: np.ndarray
    quarter: np.ndarray
    year: np.ndarray
    events: dict[int, str]
    level: float

    @property
    def seen(self) -> np.ndarray:
        return np.flatnonzero(~np.isnan(self.y))

    @property
    def plain(self) -> list[int]:
        """Quarters of the year that hold no event."""
        return [q for q in (1, 2, 3, 4) if q not in self.events]

    def columns(self) -> dict[int, int]:
        """Place of each event quarter among the last columns of the design."""
        return {q: place - len(self.events) for place, q in enumerate(sorted(self.events))}

    def designs(self, trend: str) -> list[np.ndarray]:
        """One design per shape of the trend: level, trend, quarters without event summing to zero, event quarters."""
        count = len(self.y)
        time = np.arange(count, dtype=float)
        first, *others = self.plain
        swings = [(self.quarter == q).astype(float) - (self.quarter == first) for q in others]
        season = [*swings, *((self.quarter == q).astype(float) for q in sorted(self.events))]
        if trend == "damped":
            shapes = [[time if phi == 1 else (1 - phi**time) / (1 - phi)] for phi in PHIS]
        else:
            shapes = [[time, np.maximum(0, time - (count - 1) / 2)] if trend == "piecewise" else [time]]
        scaled = [[(shape - shape.mean()) / shape.std() for shape in columns] for columns in shapes]
        return [np.column_stack([np.ones(count), *columns, *season]) for columns in scaled]

    def fit(self, trend: str, keep: np.ndarray | None = None) -> ar1.Mixture:
        seen = self.seen if keep is None else self.seen[keep]
        return ar1.fit(self.y[seen], [design[seen] for design in self.designs(trend)], seen)

    def effect(self, found: ar1.Mixture, quarter: int) -> dict[str, float]:
        numbers = found.estimate(self.columns()[quarter], self.level)
        return dict(zip(("effect", "low", "high"), np.expm1(numbers).tolist(), strict=True))

    def placebo(self, found: ar1.Mixture) -> pd.DataFrame:
        """Further quarters without an event against the first: s_q - s_first with s_first = -sum of the others."""
        first, *others = self.plain
        count, swings = found.coefficients.shape[1], len(others)
        start, rows = count - len(self.events) - swings, []
        for place, q in enumerate(others):
            weights = np.zeros(count)
            weights[start : start + swings] = 1.0
            weights[start + place] += 1.0
            numbers = found.contrast(weights, self.level)
            rows.append(
                {"quarter": q, "base": first, **dict(zip(("effect", "low", "high"), np.expm1(numbers), strict=True))}
            )
        return pd.DataFrame(rows, columns=["quarter", "base", "effect", "low", "high"])

    def alternatives(self) -> pd.DataFrame:
        rows = []
        for trend in TRENDS:
            found = self.fit(trend)
            rows += [
                {"trend": trend, "errors": "ar1", "quarter": q, **self.effect(found, q)} for q in sorted(self.events)
            ]
            rows += self.newey_west(trend, int(found.design[found.best]))
        return pd.DataFrame(rows)

    def newey_west(self, trend: str, shape: int) -> list[dict[str, object]]:
        """Ordinary least squares with errors that allow for autocorrelation, t quantiles."""
        design = self.designs(trend)[shape][self.seen]
        found = OLS(self.y[self.seen], design).fit(
            cov_type="HAC", cov_kwds={"maxlags": HAC_LAGS, "use_correction": True}, use_t=True
        )  # fmt: skip
        ends = found.conf_int(1 - self.level)
        rows = []
        for q, place in self.columns().items():
            numbers = np.expm1([found.params[place], *ends[place]]).tolist()
            named = dict(zip(("effect", "low", "high"), numbers, strict=True))
            rows.append({"trend": trend, "errors": "hac", "quarter": q, **named})
        return rows

    def leave_one_year_out(self, trend: str) -> pd.DataFrame:
        rows = []
        for year in sorted(set(self.year[self.seen])):
            keep = self.year[self.seen] != year
            found = self.fit(trend, keep)
            means = found.weights @ found.coefficients
            rows += [
                {"year": int(year), "quarter": q, "effect": float(np.expm1(means[at]))}
                for q, at in self.columns().items()
            ]
        return pd.DataFrame(rows)

    def path(self, found: ar1.Mixture, trend: str, dates: pd.DatetimeIndex, values: np.ndarray) -> pd.DataFrame:
        designs, swings = self.designs(trend), len(self.plain) - 1 + len(self.events)
        fitted = sum(
            w * designs[k] @ b for w, k, b in zip(found.weights, found.design, found.coefficients, strict=True)
        )
        line = sum(
            w * designs[k][:, :-swings] @ b[:-swings]
            for w, k, b in zip(found.weights, found.design, found.coefficients, strict=True)
        )
        return pd.DataFrame({"date": dates, "observed": values, "trend": np.exp(line), "fitted": np.exp(fitted)})


def _check_settings(events: dict[int, str], trend: str) -> None:
    if trend not in TRENDS:
        raise UnknownNameError("trend", trend, list(TRENDS))
    if not set(events) <= {1, 2, 3, 4} or not 1 <= len(events) <= 3:
        raise HelpersError(f"events must name one to three of the quarters 1 to 4, got {sorted(events, key=str)}")


def _check_quarters(model: _Model, name: str) -> None:
    count = len(model.seen)
    if count < LEAST_QUARTERS:
        raise PanelError(f"event seasons need {LEAST_QUARTERS}+ quarters with data, got {count} ({name})")
    years = {q: len(set(model.year[model.seen][model.quarter[model.seen] == q])) for q in (1, 2, 3, 4)}
    short = [q for q, seen in years.items() if seen < 2]
    if short:
        raise PanelError(
            f"each quarter of the year must be seen in 2+ years, Q{short[0]} of {name} in {years[short[0]]}"
        )
    if np.ptp(model.y[model.seen]) == 0:
        value = np.exp(model.y[model.seen[0]])
        raise PanelError(f"the values of {name} are {value:g} in all quarters: no noise to judge by")


def _facts_by_date(table: pd.DataFrame | Panel, data: Panel, row: int) -> dict[pd.Timestamp, str]:
    if isinstance(table, Panel) or "fact_id" not in table.columns:
        return {}
    own = table[table["unit"].astype(str) == str(data.units[row])]
    return {pd.Timestamp(day): str(name) for day, name in zip(own["date"], own["fact_id"], strict=True)}


def _by_quarter(
    model: _Model, data: Panel, values: np.ndarray, effects: pd.DataFrame, facts: dict[pd.Timestamp, str]
) -> pd.DataFrame:
    known = effects.set_index("quarter")
    near = np.full(len(values), np.nan)
    near[1:-1] = np.expm1(model.y[1:-1] - (model.y[:-2] + model.y[2:]) / 2)
    rows = []
    for at in model.seen:
        q = int(model.quarter[at])
        if q in known.index:
            shares = {end: known.loc[q, end] for end in ("effect", "low", "high")}
            season, low, high = (values[at] * share / (1 + share) for share in shares.values())
            rows.append({
                "date": data.dates[at], "quarter": q, "event": known.loc[q, "event"], "observed": values[at],
                "season_value": season, "low": low, "high": high, "over_neighbours": near[at],
                "fact_id": facts.get(data.dates[at], ""),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _placebo_check(placebo: pd.DataFrame, effects: pd.DataFrame) -> tuple[Check, ...]:
    if placebo.empty:
        return (Check(name="placebo_quarters", passed=None, text="one quarter only holds no event: no placebo"),)
    worst = placebo.iloc[int(placebo["effect"].abs().argmax())]
    passed = bool(((placebo["low"] <= 0) & (placebo["high"] >= 0)).all())
    size = abs(np.log1p(worst["effect"])) / 2
    small = [f"Q{row.quarter}" for row in effects.itertuples() if abs(np.log1p(row.effect)) <= size]
    text = f"Q{worst['quarter']:.0f} against Q{worst['base']:.0f}, which hold none of these events, is "
    text += _percent(worst["effect"])
    if not passed:
        text += ": seasons alone move quarters"
        text += f", and {' and '.join(small)} moves no more than that" if small else ""
    return (Check(name="placebo_quarters", passed=passed, value=float(worst["effect"]), threshold=0.0, text=text),)


def _stable(left: pd.DataFrame, effects: pd.DataFrame) -> Check:
    joined = left.merge(effects, on="quarter", suffixes=("", "_all"))
    inside = joined["effect"].between(joined["low"], joined["high"])
    row = joined.iloc[int((joined["effect"] - joined["effect_all"]).abs().argmax())]
    text = f"the largest move is that of Q{row['quarter']} without {row['year']}: {_percent(row['effect'])} "
    text += f"instead of {_percent(row['effect_all'])}"
    passed = bool(inside.all())
    return Check(name="leave_one_year_out", passed=passed, value=float(row["effect"] - row["effect_all"]), text=text)


def _trends(alternatives: pd.DataFrame, effects: pd.DataFrame) -> Check:
    joined = alternatives.merge(effects, on="quarter", suffixes=("", "_all"))
    inside = joined["effect"].between(joined["low_all"], joined["high_all"])
    ends = alternatives.groupby("quarter")["effect"].agg(["min", "max"])
    text = "; ".join(f"Q{q} {_percent(low)} to {_percent(high)}" for q, low, high in ends.itertuples())
    return Check(name="trend_choice", passed=bool(inside.all()), value=float((~inside).sum()), threshold=0.0,
                 text=f"over {', '.join(TRENDS)} trends and two kinds of errors: {text}")  # fmt: skip


def _small(model: _Model, found: ar1.Mixture) -> Check:
    each = min(int((model.quarter[model.seen] == q).sum()) for q in (1, 2, 3, 4))
    factor = stats.t.ppf(0.975, found.df) / stats.norm.ppf(0.975)
    text = (
        f"{len(model.seen)} quarters, {each} or more of each, {found.df} degrees of freedom: the t interval is "
        f"{factor:.2f} times the normal one; autocorrelation {found.weights @ found.rho:.2f} on average, hardly known"
    )
    return Check(name="small_sample", passed=None, value=float(found.df), text=text)


def _text(
    unit: str, dates: pd.DatetimeIndex, effects: pd.DataFrame, placebo: pd.DataFrame, trend: str, level: float
) -> str:
    span = f"{dates[0].year} Q{dates[0].quarter} to {dates[-1].year} Q{dates[-1].quarter}"
    told = "; ".join(
        f"Q{row.quarter} ({row.event}) {_percent(row.effect)} ({_percent(row.low)} to {_percent(row.high)})"
        for row in effects.itertuples()
    )
    plain = " and ".join(f"Q{q}" for q in sorted({1, 2, 3, 4} - set(effects["quarter"])))
    out = f"{unit}, {span}, {len(dates)} quarters: against the average of {plain} on a {trend} log trend, {told}; "
    out += f"{100 * level:.0f} % intervals."
    if len(placebo):
        row = placebo.iloc[0]
        between = f"({_percent(row['low'])} to {_percent(row['high'])})"
        out += f" Q{row['quarter']:.0f} against Q{row['base']:.0f}, which hold none of these events, is "
        out += f"{_percent(row['effect'])} {between}."
    return out + " Season and event cannot be told apart from quarters."


def _percent(share: float) -> str:
    return f"{share * 100:+.1f} %".replace("-", "−")
