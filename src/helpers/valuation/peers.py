"""Comparables: statistics of the peers' multiples, and what they make of the platform's own figure.

The value is ``statistic x denominator``. The harmonic mean is the value-weighted answer (the same
money in each peer) and never above the geometric mean, ``exp(mean(log multiple))``, which is never
above the arithmetic mean (Baker and Ruback 1999, Estimating industry multiples; Liu, Nissim and
Thomas 2002, Equity valuation using multiples).

What this module cannot do: say whether the peers are comparable. Listed companies can be sold on any
day and report audited figures; a private platform carries neither, and no discount for that is taken
here. The quartiles of a handful of peers are the spread of these peers, not a confidence interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, UnitError, UnknownNameError
from helpers.units import check_currency, in_words
from helpers.valuation.dated import days_of, numbers_of, texts_of
from helpers.valuation.figures import ANNUAL_DAYS, ids

MIN_PEERS = 3
"""Fewer multiples have no middle that one of them does not decide."""

ENOUGH_PEERS = 5
"""With fewer, a quartile is little more than one company."""

FAR = 8.0
"""A multiple this many times off the median of the others is more often a slip than a company."""

STATISTICS = ("min", "lower_quartile", "median", "upper_quartile", "max", "harmonic_mean", "geometric_mean", "mean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Denominator:
    """The platform's own figure that a multiple is applied to.

    Parameters
    ----------
    metric : str
        What it is: revenue, gmv, mau.
    value : float
        Above 0, base units.
    low, high : float, optional
        What rounding or disagreement leaves, above 0; each is the value itself where left out.
    currency : str, optional
        A code in `units.CURRENCIES`; none for users and the like.
    period_start, period_end : datetime.date, optional
        Of the figure. A period must be a year (350 to 380 days) or one day, unless `is_level`.
    is_level : bool, default False
        An average over its period (monthly users of a quarter), right whatever the length.
    fact_ids : tuple of str
        Ledger rows.

    Raises
    ------
    HelpersError
        The interval does not hold the value or is not above 0, or the period is no year: a
        quarter's sales under an annual multiple give a quarter of the value.
    UnknownNameError
        The currency is not in the list.
    """

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    currency: str | None = None
    period_start: date | None = None
    period_end: date | None = None
    is_level: bool = False
    fact_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.currency is not None:
            check_currency(self.currency)
        low, value, high = self.interval
        if not 0 < low <= value <= high < math.inf:
            raise HelpersError(
                f"a denominator needs 0 < low <= value <= high, got {self.metric} {value:g} ({low:g} to {high:g})"
            )
        if self.period_start is None or self.period_end is None or self.is_level:
            return
        days = (self.period_end - self.period_start).days + 1
        if days != 1 and not ANNUAL_DAYS[0] <= days <= ANNUAL_DAYS[1]:
            raise HelpersError(
                f"an annual multiple needs a year of {self.metric} ({ANNUAL_DAYS[0]} to {ANNUAL_DAYS[1]} days), "
                f"got {days} days to {self.period_end}: add up the last four quarters first"
            )

    @property
    def interval(self) -> tuple[float, float, float]:
        """low, value, high."""
        ends = (self.value if end is None else end for end in (self.low, self.high))
        low, high = ends
        return low, self.value, high

    def money(self, currency: str | None) -> str:
        """Currency of ``multiple x denominator``.

        Parameters
        ----------
        currency : str or None
            Of the multiples, where they are money for each unit (value per user).

        Raises
        ------
        UnitError
            Both sides are money, or neither is.
        """
        if self.currency and currency:
            raise UnitError(
                f"a multiple in {currency} for each unit does not go with {self.metric} in {self.currency}: "
                "a multiple of money has no currency"
            )
        if not (self.currency or currency):
            raise UnitError(
                f"{self.metric} has no currency and neither have the multiples: the value would have none; "
                "give the peers a column currency, or the denominator its own"
            )
        return self.currency or str(currency)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeersResult:
    """Statistics of the peers' multiples.

    Attributes
    ----------
    n : int
        Peers with a usable multiple.
    median, harmonic_mean, geometric_mean : float
        Of their multiples; the geometric mean is the mean of logs.
    statistic : str
        The one that `value` takes.
    value, low, high : float
        Implied value in `currency`: statistic x denominator, from lower quartile x its low end to
        upper quartile x its high end. NaN without a denominator.
    currency : str
        Empty without a denominator.
    table : DataFrame
        One row per statistic: statistic, multiple, multiple_low, multiple_high (from the intervals of
        the multiples), without_one_low, without_one_high (when any one peer is left out), value,
        value_low, value_high (both intervals).
    peers : DataFrame
        The peers used, by multiple: entity, date, multiple, low, high, then the other columns given.
    left_out : DataFrame
        entity, date, multiple, reason; the entity in question is not among them.
    text : str
        Two sentences, with n.
    checks : tuple of Check
        ``peers``, ``dates``, ``scale``, ``left_out``.
    fact_ids : tuple of str
        Ledger rows of the peers used and the denominator.
    """

    n: int
    median: float
    harmonic_mean: float
    geometric_mean: float
    statistic: str
    value: float
    low: float
    high: float
    currency: str
    table: pd.DataFrame
    peers: pd.DataFrame
    left_out: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def peer_multiples(
    peers: pd.DataFrame,
    *,
    subject: str,
    denominator: Denominator | None = None,
    statistic: str = "median",
    max_days: int = 120,
) -> PeersResult:
    """Middle and spread of the peers' multiples, and ``statistic x denominator``.

    Parameters
    ----------
    peers : DataFrame
        One row per entity: entity, date, multiple. Optional low, high (above 0); metric (one, the
        denominator's); currency (one, where multiples are money for each user); reason (why a
        multiple is missing); columns that end in fact_id or fact_ids (text, several with spaces between, or a tuple).
    subject : str
        The entity in question; its own row is left out.
    denominator : Denominator, optional
        Its figure. Without one there are statistics and no value.
    statistic : str, default "median"
        One of `STATISTICS`.
    max_days : int, default 120
        Multiples whose dates lie further apart fail the check ``dates``.

    Returns
    -------
    PeersResult

    Raises
    ------
    HelpersError
        A column is missing, an entity stands twice, an interval does not hold its multiple.
    UnitError
        The multiples are of another metric or in two currencies, or the value would have no currency.
    NotEstimableError
        Fewer than three peers have a multiple above 0.
    """
    if statistic not in STATISTICS:
        raise UnknownNameError("statistic", statistic, list(STATISTICS))
    used, left_out = usable_peers(peers, subject=subject, metric=denominator and denominator.metric)
    if len(used) < MIN_PEERS:
        raise _too_few(used, left_out, subject)
    currency = denominator.money(only(used, "currency", "multiples")) if denominator else ""
    table = _statistics(used, denominator)
    by_name = table.set_index("statistic")
    return PeersResult(
        n=len(used),
        **{name: float(by_name.loc[name, "multiple"]) for name in ("median", "harmonic_mean", "geometric_mean")},
        statistic=statistic,
        value=float(by_name.loc[statistic, "value"]),
        low=float(by_name.loc[["lower_quartile", statistic], "value_low"].min()),
        high=float(by_name.loc[["upper_quartile", statistic], "value_high"].max()),
        currency=currency,
        table=table,
        peers=used,
        left_out=left_out,
        text=_text(by_name, used, left_out, subject, statistic, denominator, currency),
        checks=(_enough(used), dates_check(used, max_days), _scale_check(used), left_out_check(left_out)),
        fact_ids=tuple(dict.fromkeys([*ids_of(used), *(denominator.fact_ids if denominator else ())])),
    )


def usable_peers(peers: pd.DataFrame, *, subject: str, metric: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows whose multiple is a number above 0, by multiple, and the others with the reason.

    Parameters
    ----------
    peers : DataFrame
        As for `peer_multiples`.
    subject : str
        Is in neither table.
    metric : str, optional
        What the multiples must be of, where the table says.

    Returns
    -------
    used, left_out : DataFrame
        As in `PeersResult`.

    Raises
    ------
    HelpersError, UnitError
        As for `peer_multiples`.
    """
    rows = _checked(peers)
    rows = rows[rows["entity"] != subject]
    value = rows["multiple"].to_numpy(float)
    given = rows["reason"] if "reason" in rows else pd.Series("", index=rows.index)
    known = given.notna() & given.ne("")
    reason = np.select(
        [np.isnan(value) & known, np.isnan(value), np.isinf(value), value <= 0],
        [given, "no multiple", "not meaningful: the denominator is zero", "not meaningful: zero or below"],
        "",
    )
    rows = rows.assign(reason=reason)
    used, out = rows[reason == ""].drop(columns="reason"), rows[reason != ""]
    said = only(used, "metric", "multiples")
    if metric and said and said != metric:
        raise UnitError(f"multiples of {said} do not go with {metric}")
    _check_intervals(used)
    used = used.sort_values(["multiple", "entity"], ignore_index=True)
    return used, out[["entity", "date", "multiple", "reason"]].reset_index(drop=True)


def only(rows: pd.DataFrame, column: str, what: str) -> str | None:
    """The one filled value of a column; None if it is not there or empty.

    Raises
    ------
    UnitError
        There are two.
    """
    if column not in rows:
        return None
    found = sorted({str(value) for value in rows[column] if not pd.isna(value) and value != ""})
    if len(found) > 1:
        raise UnitError(f"{what} of two kinds do not mix: {column} {' and '.join(found)}")
    return found[0] if found else None


def ids_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """Ledger rows named in every column that ends in fact_id or fact_ids, each once."""
    cells = [cell for column in rows.columns if str(column).endswith(("fact_id", "fact_ids")) for cell in rows[column]]
    parts = [part for cell in cells for part in (cell if isinstance(cell, tuple | list) else (cell,))]
    return ids(part for part in parts if not pd.isna(part))


def _checked(peers: pd.DataFrame) -> pd.DataFrame:
    """A copy with dates, and low and high filled by the multiple where no interval was given."""
    missing = [column for column in ("entity", "date", "multiple") if column not in peers]
    if missing:
        raise HelpersError(f"peers need the columns entity, date, multiple; missing: {missing}")
    twice = peers.loc[peers["entity"].duplicated(), "entity"]
    if len(twice):
        raise HelpersError(f"need one multiple for each peer, {twice.iloc[0]} stands twice: take one date and metric")
    rows = peers.reset_index(drop=True)
    rows = rows.assign(
        date=days_of(rows, what="multiple", or_empty=True),
        multiple=numbers_of(rows, "multiple", what="peer"),
        entity=texts_of(rows, "entity", what="peer", or_empty=False),
    )
    undated = rows.loc[rows["date"].isna(), "entity"]
    if len(undated):
        raise HelpersError(f"every multiple needs its date, missing for {', '.join(undated)}")
    for end in ("low", "high"):
        given = numbers_of(rows, end, what="peer")
        rows[end] = given.replace([np.inf, -np.inf], np.nan).fillna(rows["multiple"])  # an open end is not a size
    first = ["entity", "date", "multiple", "low", "high"]
    return rows[[*first, *(column for column in rows if column not in first)]]


def _check_intervals(used: pd.DataFrame) -> None:
    bad = used[~((used["low"] > 0) & (used["low"] <= used["multiple"]) & (used["multiple"] <= used["high"]))]
    if len(bad):
        row = bad.iloc[0]
        raise HelpersError(
            f"a multiple needs 0 < low <= multiple <= high, got {row['multiple']:g} "
            f"({row['low']:g} to {row['high']:g}) of {row['entity']}"
        )


def _too_few(used: pd.DataFrame, left_out: pd.DataFrame, subject: str) -> NotEstimableError:
    lost = f"; left out: {', '.join(left_out['entity'])}" if len(left_out) else ""
    return NotEstimableError(
        f"a peer multiple for {subject}",
        f"{len(used)} peer(s) have a multiple above 0, {MIN_PEERS} are needed{lost}",
        f"{MIN_PEERS - len(used)} more peer(s) with a multiple of the same kind",
    )


def _statistics(used: pd.DataFrame, denominator: Denominator | None) -> pd.DataFrame:
    """Every statistic rises with every multiple, so the low ends give its low end exactly."""
    low, value, high = (_all(used[c].to_numpy(float)) for c in ("low", "multiple", "high"))
    without = np.array([_all(np.delete(used["multiple"].to_numpy(float), i)) for i in range(len(used))])
    figures = denominator.interval if denominator else (np.nan,) * 3
    return pd.DataFrame({
        "statistic": STATISTICS, "multiple": value, "multiple_low": low, "multiple_high": high,
        "without_one_low": without.min(axis=0), "without_one_high": without.max(axis=0),
        "value": value * figures[1], "value_low": low * figures[0], "value_high": high * figures[2],
    })  # fmt: skip


def _all(multiples: np.ndarray) -> np.ndarray:
    """The `STATISTICS` of multiples above 0; quartiles by linear interpolation (type 7)."""
    middle = 1 / np.mean(1 / multiples), np.exp(np.mean(np.log(multiples))), np.mean(multiples)
    return np.array([*np.quantile(multiples, [0, 0.25, 0.5, 0.75, 1]), *middle])


def _enough(used: pd.DataFrame) -> Check:
    n = len(used)
    text = f"{n} peers: {', '.join(used['entity'])}"
    return Check(name="peers", passed=n >= ENOUGH_PEERS, value=float(n), threshold=float(ENOUGH_PEERS), text=text)


def dates_check(used: pd.DataFrame, max_days: int) -> Check:
    """Whether the multiples were read within `max_days` of each other."""
    first, last = used["date"].min(), used["date"].max()
    days = (last - first).days
    text = f"multiples of {first.date()} to {last.date()}, {days} days apart"
    return Check(name="dates", passed=days <= max_days, value=float(days), threshold=float(max_days), text=text)


def left_out_check(left_out: pd.DataFrame) -> Check:
    """How many peers gave no multiple, and why."""
    reasons = "; ".join(f"{row.entity}: {row.reason}" for row in left_out.itertuples())
    return Check(name="left_out", passed=None, value=float(len(left_out)), text=reasons or "no peer left out")


def _scale_check(used: pd.DataFrame) -> Check:
    """Names the peers whose multiple is far off the median of the others."""
    value = used["multiple"].to_numpy(float)
    others = np.array([np.median(np.delete(value, i)) for i in range(len(value))])
    off = np.maximum(value / others, others / value)
    far = [f"{used['entity'].iloc[i]} {value[i]:.3g} against {others[i]:.3g}" for i in np.flatnonzero(off >= FAR)]
    text = f"far off the median of the others: {'; '.join(far)}" if far else "no multiple is far off the others"
    return Check(name="scale", passed=not far, value=float(off.max()), threshold=FAR, text=text)


def _text(
    stats: pd.DataFrame, used: pd.DataFrame, left_out: pd.DataFrame, subject: str, statistic: str,
    denominator: Denominator | None, currency: str,
) -> str:  # fmt: skip
    number = {name: f"{stats.loc[name, 'multiple']:.3g}" for name in stats.index}
    of = only(used, "metric", "multiples") or (denominator.metric if denominator else "")
    text = (
        f"{len(used)} peers stand at a median multiple{f' of {of}' if of else ''} of {number['median']} "
        f"(quartiles {number['lower_quartile']} to {number['upper_quartile']}, range {number['min']} to "
        f"{number['max']}, harmonic mean {number['harmonic_mean']})"
        + (f"; {len(left_out)} without a meaningful multiple left out." if len(left_out) else ".")
    )
    if denominator is None:
        return text
    row, ends = stats.loc[statistic], stats.loc[["lower_quartile", "upper_quartile", statistic]]
    return text + (
        f" The {statistic.replace('_', ' ')} of n = {len(used)} makes {subject} worth {in_words(row['value'])} "
        f"{currency} ({in_words(ends['value_low'].min())} to {in_words(ends['value_high'].max())}, from the quartiles "
        f"and the interval of {denominator.metric})."
    )
