"""What a printed number says, who said it first, and which of several to prefer.

A printed number is an interval: "31 billion" says 30.5 to 31.5, "over 82 %" says 82 or more.
Everything that compares facts compares intervals, so rounding alone never raises an alarm. What an
interval cannot know is whether two sources mean the same thing; that is left to the reader.

The tables here are the facts of the ledger with the columns that its readers add: ``trust`` (1 is
best), ``nature``, ``origin``, ``known_on`` and ``is_home_currency``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers import units
from helpers.errors import RateError

QUALIFIERS = {
    "": "as printed",
    "about": "about, around, roughly: 5 % either way",
    "nearly": "nearly, almost, close to: up to 5 % below, not above what the digits round to",
    "at_least": "more than, over, at least: no upper end",
    "at_most": "up to, as much as, fewer than: no lower end",
}
BASES = {
    "": "not a value of a whole company, or not said",
    "fund_mark": "what a holder carries its stake at",
    "secondary_sale": "existing shares changed hands",
    "round_post_money": "new money came in; the value includes it",
    "talks": "a price that was sought, offered or rumoured",
    "buyback": "the company's own offer for its shares",
    "other": "a statement that rests on nothing it names",
}
"""What a private company's value rests on: figures on different bases are not expected to agree."""
VAGUE = 0.05
PREFERENCE_RULE = (
    "measured figures only; the home currency of the entity first, then the most trusted kind of source, "
    "then the value that more independent origins support, then the latest publication; among equally "
    "trusted figures that agree with it, the most precisely printed"
)


def last_digit(values: np.ndarray, *, least_figures: int = 2) -> np.ndarray:
    """Size of the last printed digit, read from the trailing zeros of a number.

    Parameters
    ----------
    values : array of float
        Numbers in base units.
    least_figures : int, default 2
        "20 billion" is read as two figures (the digit is 1 billion), not as one: a writer who
        rounds to whole tens of billions is rare, and a wide interval would hide real disagreement.
        One figure is allowed where one is what people print: "8 million", "5 %".

    Returns
    -------
    array of float
        Positive powers of ten; NaN for NaN; 1 for zero. 31e9 gives 1e9, 8e6 gives 1e6, 0.05 gives 0.01,
        339e6 gives 1e6, 13.5 gives 0.1.
    """
    values = np.abs(np.asarray(values, dtype=float))
    out = np.where(np.isnan(values), np.nan, 1.0)
    known = np.isfinite(values) & (values > 0)
    v = values[known]
    top = np.floor(np.log10(v) + 1e-12)
    exponent = top - 11  # a double keeps 15 figures; 12 are enough for any printed amount
    for figures in range(12, 0, -1):
        power = top - figures + 1
        with np.errstate(over="ignore", invalid="ignore"):  # of 1e-300 nothing can be read, and need not
            scaled = v * 10.0**-power
            whole = np.abs(scaled - np.round(scaled)) <= 1e-9 + 1e-12 * scaled  # what a double can tell
        exponent = np.where(whole, power, exponent)
    coarsest = top - (least_figures - 1)
    coarsest = np.where((v >= 1e6) & (top % 3 == 0), top, coarsest)  # 8 million
    coarsest = np.where(v < 1, np.maximum(coarsest, -2), coarsest)  # 5 %
    out[known] = 10.0 ** np.minimum(exponent, coarsest)
    return out


def intervals(facts: pd.DataFrame) -> pd.DataFrame:
    """Lowest and highest value that each printed number can stand for.

    Parameters
    ----------
    facts : DataFrame
        Columns value, value_high (NaN unless a range), precision (size of the last printed digit,
        NaN where unknown) and qualifier (one of `QUALIFIERS`).

    Returns
    -------
    DataFrame
        Columns low, high (base units, possibly infinite) and digit, index of `facts`. A negative
        number widens towards the larger amount: "more than a 2 bn loss" is -inf to -2 bn.
    """
    value = facts["value"].to_numpy(float)
    high_end = facts["value_high"].to_numpy(float)
    top = np.where(np.isnan(high_end), value, high_end)
    printed = facts["precision"].to_numpy(float)
    digit = np.where(np.isnan(printed), np.fmin(last_digit(value), last_digit(top)), printed)
    near, far = np.minimum(abs(value), abs(top)), np.maximum(abs(value), abs(top))  # sizes, sign apart
    low, high = near - digit / 2, far + digit / 2
    word = facts["qualifier"].astype(str).to_numpy()
    low = np.select(
        [word == "about", word == "nearly", word == "at_least", word == "at_most"],
        [np.minimum(low, near * (1 - VAGUE)), near * (1 - VAGUE), near, 0.0],
        low,
    )
    high = np.select(
        [word == "about", word == "nearly", word == "at_least", word == "at_most"],
        [np.maximum(high, far * (1 + VAGUE)), high, np.inf, far],
        high,
    )
    loss, mixed = top < 0, (value < 0) & (top >= 0)
    bounds = {
        "low": np.select([mixed, loss], [value - digit / 2, -high], low),
        "high": np.select([mixed, loss], [top + digit / 2, -low], high),
        "digit": digit,
    }
    return pd.DataFrame(bounds, index=facts.index)


def originator(sources: pd.DataFrame) -> pd.Series:
    """Who first said what a source prints, so that copies count once.

    Companies speak through filings and releases, whoever carries them: ``company``. A statistics
    office, vendor, broker or research house is itself, by the first name in `publisher` (what
    stands before "via", "(" or "/"). Press, digests and reposts rarely say where a figure comes
    from; as long as they print the same value they are one voice: ``unnamed``.

    Parameters
    ----------
    sources : DataFrame
        Columns publisher, kind.

    Returns
    -------
    Series of str
        Index of `sources`.
    """
    name = sources["publisher"].astype(str).str.split(r"\s+via\s+|\s*[(/]", n=1, regex=True).str[0]
    name = name.str.strip().str.lower()
    kind = sources["kind"].astype(str)
    name = name.mask(kind.isin(["filing", "company_release"]), "company")
    return name.mask(kind.isin(["press", "digest", "repost"]), "unnamed")


def clusters(facts: pd.DataFrame, by: list[str]) -> pd.Series:
    """Number the groups of facts whose intervals overlap, within each key.

    Sorting by the low end and keeping the highest end seen so far finds every connected group of
    intervals in n log n, however many facts share a key.

    Parameters
    ----------
    facts : DataFrame
        Columns low, high and those in `by`.
    by : list of str
        The key: facts are compared only within it.

    Returns
    -------
    Series of int
        Cluster number, unique over the whole table; index of `facts`. Open intervals ("over 300
        million") would glue everything above them together, so they join the nearest cluster that
        they reach and extend nothing.
    """
    key = facts.groupby(by, observed=True, sort=False, dropna=False).ngroup().to_numpy()
    low, high = _open_upwards(key, facts["low"].to_numpy(float), facts["high"].to_numpy(float))
    order = np.lexsort((low, key))
    key, low, high = key[order], low[order], high[order]
    same_key = np.r_[False, key[1:] == key[:-1]] if len(key) else np.array([], bool)
    is_open = np.isinf(high)
    top = pd.Series(np.where(is_open, -np.inf, high)).groupby(key, sort=False).cummax().to_numpy()
    top = np.where(same_key, np.roll(top, 1), -np.inf)  # the highest closed end before each
    waits = is_open & ~(low <= top)  # nothing below it reaches it: it joins what comes next
    joins = same_key & ((low <= top) | np.roll(waits, 1))
    numbers = np.cumsum(~joins)
    return pd.Series(numbers, index=facts.index[order]).reindex(facts.index)


def _open_upwards(key: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror the keys that hold losses without a lower end, so that "more than" always points up."""
    mirrored = np.isin(key, key[np.isinf(low)])
    return np.where(mirrored, -high, low), np.where(mirrored, -low, high)


def choose(facts: pd.DataFrame) -> pd.DataFrame:
    """Pick one figure per entity, metric and period by `PREFERENCE_RULE`.

    Parameters
    ----------
    facts : DataFrame
        Candidate levels with low, high, digit, trust, origin, known_on, is_home_currency and the
        key columns entity, metric, period_start, period_end. Leave out what must not be chosen.

    Returns
    -------
    DataFrame
        `facts` with three columns added: ``cluster``, ``support`` (independent origins behind the
        value) and ``is_preferred`` (exactly one True per key).
    """
    key = ["entity", "metric", "period_start", "period_end"]
    out = facts.assign(cluster=clusters(facts, [*key, "currency"]))
    out["support"] = out.groupby("cluster")["origin"].transform("nunique")
    group = out.groupby(key, observed=True, sort=False).ngroup()
    order = np.lexsort(
        (out["fact_id"].astype(str), out["digit"], -out["known_on"].astype("int64"),
         -out["support"], out["trust"], ~out["is_home_currency"], group)
    )  # fmt: skip
    ranked = out.iloc[order]
    lead = ranked.groupby(group.iloc[order], sort=False)[["cluster", "trust"]].transform("first")
    peer = (ranked["cluster"] == lead["cluster"]) & (ranked["trust"] == lead["trust"])
    width = (ranked["high"] - ranked["low"]).where(peer, np.inf).fillna(np.inf)
    finest = width.groupby(group.iloc[order], sort=False).transform("min")
    candidate = peer & (width <= finest)
    chosen = candidate & ~candidate.groupby(group.iloc[order], sort=False).cumsum().gt(1)
    out["is_preferred"] = chosen.reindex(out.index)
    return out


def to_currency(table: pd.DataFrame, quote: str | pd.Series) -> pd.DataFrame:
    """Money in another currency at dated rates: a flow at its period's average, all else at the last day's.

    Parameters
    ----------
    table : DataFrame
        Columns value, low, high and perhaps range_low, range_high; currency (empty for what is not
        money), metric_kind, period_start, period_end.
    quote : str or Series of str
        Currency to convert to, one for all or one for each row.

    Returns
    -------
    DataFrame
        Index of `table`; the converted columns, currency, and rate (1 where nothing was to convert).
        NaN where the rate table has no rate or either currency is unknown.
    """
    base = table["currency"].astype(object)
    quote = pd.Series(quote, index=table.index).astype(object)
    flow = table["metric_kind"].eq("flow")
    key = pd.DataFrame({"base": base, "quote": quote, "end": table["period_end"]})
    key["start"] = table["period_start"].where(flow, table["period_end"])
    factor = pd.Series(1.0, index=table.index)
    away = base.ne(quote) & base.ne("")
    pairs = key[away]
    number = pairs.groupby(list(pairs), sort=False, dropna=False).ngroup()
    once = pairs.loc[number.drop_duplicates().index]  # one look-up for each currency pair and period
    ends = once[["base", "quote", "start", "end"]].itertuples(index=False)
    found = np.array([_rate(*row) for row in ends], float)
    if len(pairs):
        factor.loc[pairs.index] = found[number.to_numpy()]
    money = [c for c in ("value", "low", "high", "range_low", "range_high") if c in table]
    converted = {column: table[column] * factor for column in money}
    return pd.DataFrame({**converted, "currency": quote.where(base.ne(""), ""), "rate": factor})


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """Widen low and high to the range of disagreeing sources; open ends ("over") stay at the value.

    Parameters
    ----------
    table : DataFrame
        Columns value, low, high, range_low, range_high.
    """
    low = table[["low", "range_low"]].replace(-np.inf, np.nan).min(axis=1)
    high = table[["high", "range_high"]].replace(np.inf, np.nan).max(axis=1)
    return table.assign(low=low.fillna(table["value"]), high=high.fillna(table["value"]))


def finest(table: pd.DataFrame) -> pd.DataFrame:
    """Keep, of averages and flows, only periods that hold no shorter known period.

    A year's average between its quarters makes a line jump; the quarters say the same and more.

    Parameters
    ----------
    table : DataFrame
        Columns entity, metric, period_start, period_end.

    Returns
    -------
    DataFrame
        Rows of `table` in their order.
    """
    keep = []
    for _, rows in table.groupby(["entity", "metric"], observed=True, sort=False):
        start, end = rows["period_start"].to_numpy(), rows["period_end"].to_numpy()
        holds = (start[:, None] <= start) & (end[:, None] >= end)
        inside = holds & ((start[:, None] < start) | (end[:, None] > end))
        keep.append(rows[~inside.any(axis=1)])
    return pd.concat(keep).sort_index() if keep else table


def in_currency(table: pd.DataFrame, quote: str) -> pd.DataFrame:
    """A table with its money in another currency; rows without a rate are left out.

    Parameters
    ----------
    table : DataFrame
        As for `to_currency`.
    quote : str
        Currency to convert to.
    """
    return table.assign(**to_currency(table, quote)).dropna(subset="value")


def _rate(base: str, quote: str, start: pd.Timestamp, end: pd.Timestamp) -> float:
    if pd.isna(start) or pd.isna(end) or not quote:
        return np.nan
    try:
        if start == end:
            return units.rate(base, quote, end.date())
        return units.average_rate(base, quote, start.date(), end.date())
    except RateError:
        return np.nan
