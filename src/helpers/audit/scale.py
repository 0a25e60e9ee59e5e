"""Slips of scale: 310亿 read as 310 billion, thousands dropped, a dollar figure with a stray digit.

A slip of scale leaves every growth rate right, so only levels of different sources, or of one
source that contradicts itself, give it away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers import units
from helpers.audit.lookup import NO_DAY, days, number
from helpers.audit.prepare import FAR_APART, VOICELESS, Evidence, amount, verdict, verdicts
from helpers.errors import RateError

WORDS = {  # power of ten: how a person says it, and how it comes about
    1: ("ten", ": 亿 read as billion, or 百亿 as 100 billion"),
    2: ("a hundred", ""),
    3: ("a thousand", ""),
    4: ("ten thousand", ": 万 dropped or added"),
    5: ("a hundred thousand", ""),
    6: ("a million", ""),
    8: ("a hundred million", ": 亿 dropped or added"),
}
TOLERANCE = 0.02
SAME_TIME = 200  # stocks and averages this many days apart describe the same thing
REACH = 8  # neighbours in time that each figure is compared with
WILD = 3  # from a thousand on, one of the two is strange for any company
CLEARLY = 0.5  # powers of ten by which one figure fits its neighbours better than the other
FX_ROOM = 0.05  # writers convert at the rate of another day, or at a round one


def powers_of_ten(evidence: Evidence) -> pd.DataFrame:
    """Levels of the same thing whose ratio is a power of ten within 2 %.

    Flows must cover the same period; stocks and averages may lie up to 200 days apart. Held to be
    wrong is the side with fewer independent origins behind it, then the one that fits its
    neighbours in time worse, then the less usual size of the metric, then the less trusted, then the larger.
    """
    levels = evidence.levels[evidence.levels["value"].ne(0)]
    levels = levels.assign(figure=number(*(levels[c] for c in ("thing", "currency", "start", "end", "value"))))
    figures = _figures(levels)
    pairs, near = _pairs(figures)
    if pairs.empty:
        return pd.DataFrame()
    standing = _standing(levels, pairs, near)
    pairs = pairs[_loses(standing, pairs)].sort_values(["row", "gap", "off", "other"]).drop_duplicates("row")
    wrong = levels[levels["figure"].isin(pairs["row"])]
    measure = dict(zip(pairs["row"], zip(pairs["power"], pairs["other"], strict=True), strict=True))
    best = levels.drop_duplicates("figure").set_index("figure").loc[pairs["other"].unique()]
    others = {row.Index: row for row in best.itertuples()}
    rows = []
    for fact in wrong.itertuples():
        power, other = measure[fact.figure]
        rows.append(_slip(fact, others[other], power))
    return verdicts("scale", rows)


def repeated_slips(evidence: Evidence) -> pd.DataFrame:
    """The same printed amount elsewhere in a source in which that amount was a slip of scale."""
    levels = evidence.levels
    is_slip = levels["fact_id"].isin(evidence.slipped)
    wrong = levels[is_slip].drop_duplicates(["source_id", "value", "currency", "unit"])
    again = levels[~is_slip & levels["source_id"].isin(wrong["source_id"])].merge(
        wrong[["source_id", "value", "currency", "unit", "fact_id"]],
        on=["source_id", "value", "currency", "unit"], suffixes=("", "_slip"),
    )  # fmt: skip
    rows = []
    for row in again.itertuples():
        text = (
            f"the source prints {amount(row.value, row.currency)} here too; "
            f"in {row.fact_id_slip} that amount is a slip of scale"
        )
        rows.append(verdict(row, "implausible", text, (row.fact_id, row.fact_id_slip), (row.fact_id,)))
    return verdicts("repeated slip", rows)


def currencies(evidence: Evidence) -> pd.DataFrame:
    """The same figure in two currencies must imply the dated exchange rate (5 % and rounding aside)."""
    levels = evidence.levels
    money = levels[levels["currency"].ne("") & levels["end"].ne(NO_DAY)]
    period = number(money["thing"], money["start"], money["end"])
    money = money.assign(period=period)
    mixed = money.drop_duplicates(["period", "currency"])["period"]
    mixed = mixed[mixed.duplicated()]
    money = money[money["period"].isin(mixed)]
    best = evidence.preferred[evidence.preferred["is_preferred"]]
    home = money[money["fact_id"].isin(best["fact_id"])]
    pairs = money.merge(home, on="period", suffixes=("", "_home"))
    pairs = pairs[pairs["currency"].ne(pairs["currency_home"]) & (pairs["value_home"] * pairs["value"] > 0)]
    rows = []
    for pair in pairs.itertuples():
        try:
            rows.append(_compare_rate(pair, _rate(pair)))
        except RateError as error:
            rows.append(_conversion(pair, "undetermined", str(error)))
    return verdicts("exchange rate", rows)


def _figures(levels: pd.DataFrame) -> pd.DataFrame:
    """One row per printed figure, however many documents print it; indexed by its number."""
    one = levels.drop_duplicates("figure").set_index("figure")
    sources = levels.drop_duplicates(["figure", "source_id"])["figure"]
    several = np.bincount(sources, minlength=len(one)) > 1
    when = np.where(one["end"].ne(NO_DAY), one["end"], days(one["as_of"]))
    return pd.DataFrame({
        "series": number(one["thing"], one["currency"]), "when": when, "start": one["start"],
        "size": one["value"].abs(), "is_flow": one["metric_kind"].eq("flow"),
        "source": np.where(several, -1 - one.index, number(one["source_id"])),
    }, index=one.index)  # fmt: skip


def _pairs(figures: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Figures of the same thing a power of ten apart, both ways round, and those about equal."""
    order = np.lexsort((figures["size"], figures["start"], figures["when"], figures["series"]))
    series, when, start, size, flow, source = (figures[c].to_numpy()[order] for c in figures)
    found, near = [np.empty((0, 5))], [np.empty((0, 2), int)]
    for step in range(1, min(REACH, len(order) - 1) + 1):
        a, b = slice(None, -step), slice(step, None)
        same_period = (when[a] == when[b]) & (start[a] == start[b])
        close = np.where(flow[a], same_period, when[b] - when[a] <= SAME_TIME)
        match = (series[a] == series[b]) & close & ((source[a] != source[b]) | same_period)
        i = np.flatnonzero(match)
        logs = np.log10(size[i] / size[i + step])
        power = np.round(logs)
        off = np.abs(10 ** (logs - power) - 1)
        hit = np.isin(np.abs(power), list(WORDS)) & (off <= TOLERANCE)
        left, right = order[i], order[i + step]
        gap = when[i + step] - when[i]
        found.append(np.column_stack([left, right, power, off, gap])[hit])
        found.append(np.column_stack([right, left, -power, off, gap])[hit])
        equal = np.abs(logs) < 0.3
        near += [np.column_stack([left, right])[equal], np.column_stack([right, left])[equal]]
    pairs = pd.DataFrame(np.concatenate(found), columns=["row", "other", "power", "off", "gap"])
    return pairs.astype({"row": int, "other": int}), np.concatenate(near)


def _standing(levels: pd.DataFrame, pairs: pd.DataFrame, near: np.ndarray) -> pd.DataFrame:
    """What speaks for each figure in question: who says about the same, and how well and usual it sits."""
    asked = pairs["row"].unique()
    own = np.column_stack([asked, asked])
    table = pd.DataFrame(np.concatenate([own, near[np.isin(near[:, 0], asked)]]), columns=["asked", "figure"])
    voices = levels.loc[levels["figure"].isin(table["figure"]), ["figure", "origin", "source_id", "trust", "nature"]]
    voices = table.merge(voices, on="figure")
    voices = voices[voices["nature"].ne("doubtful")]
    by = voices.groupby("asked")
    origins, documents, trust = by["origin"].nunique(), by["source_id"].nunique(), by["trust"].min()
    out = pd.DataFrame({"origins": origins, "documents": documents, "trust": trust})
    out = out.reindex(asked).fillna({"origins": 0, "documents": 0, "trust": VOICELESS})
    out["trust"] = out["trust"].clip(upper=VOICELESS)
    one = levels[levels["figure"].isin(asked)].drop_duplicates("figure").set_index("figure")
    usual = np.log10(levels["value"].abs()).groupby(levels["metric"]).median()
    strange = (np.log10(one["value"].abs()) - one["metric"].map(usual)).abs()
    return out.assign(off=one["off"].abs(), strange=strange)


def _loses(standing: pd.DataFrame, pairs: pd.DataFrame) -> np.ndarray:
    """Whether the first figure of each pair is the one to doubt."""
    mine, its = standing.loc[pairs["row"]], standing.loc[pairs["other"]]
    less = lambda column: its[column].to_numpy() - mine[column].to_numpy()  # noqa: E731
    fit = np.nan_to_num(-less("off"))
    fit = np.where(np.abs(fit) > CLEARLY, fit, 0.0)
    power = pairs["power"].to_numpy()
    strange = np.where(np.abs(power) >= WILD, np.round(-less("strange"), 6), 0.0)
    votes = [less("origins"), fit, strange, -less("trust"), less("documents"), power]
    return np.select([vote != 0 for vote in votes], [vote > 0 for vote in votes], False)


def _slip(fact, other, power: float) -> dict:
    word, hint = WORDS[abs(int(power))]
    way = "too large" if power > 0 else "too small"
    ratio = abs(fact.value / other.value)
    found = f"{ratio:,.4g} times" if ratio > 1 else f"{1 / ratio:,.4g} times smaller than"
    when = other.period_end if pd.notna(other.period_end) else other.as_of
    day = f"{when:%Y-%m-%d}" if pd.notna(when) else "no day given"
    text = (
        f"{amount(fact.value, fact.currency)} is {found} {amount(other.value, other.currency)} "
        f"({other.source_id}, {day}): {word} times {way}{hint}"
    )
    return verdict(fact, "inconsistent", text, (fact.fact_id, other.fact_id), (fact.fact_id,))


def _rate(pair) -> float:
    """Home currency per unit of the other: the day's rate for a stock, the period's average for a flow."""
    day = pair.period_end.date()
    if pair.metric_kind != "flow" or pair.period_start == pair.period_end:
        return units.rate(pair.currency, pair.currency_home, day)
    return units.average_rate(pair.currency, pair.currency_home, pair.period_start.date(), day)


def _compare_rate(pair, rate: float) -> dict:
    corners = [h / v for h in (pair.low_home, pair.high_home) for v in (pair.low, pair.high) if v]
    fits = min(corners) <= rate * (1 + FX_ROOM) and rate * (1 - FX_ROOM) <= max(corners)
    implied = pair.value_home / pair.value
    power = np.round(np.log10(implied / rate))
    houses = (pair.own_method or pair.own_method_home) and pair.source_id != pair.source_id_home
    ten = power != 0 and abs(implied / rate / 10**power - 1) < 0.1
    unswapped = not ten and abs(implied - 1) < FX_ROOM
    shown = (implied, rate, pair.currency_home, pair.currency)
    if rate < 1:
        shown = (1 / implied, 1 / rate, pair.currency, pair.currency_home)
    text = "implied rate {:,.4g}, the table's {:,.4g} {} per {}".format(*shown)
    if not fits:
        off = max(implied / rate, rate / implied)
        text += f": {off:,.3g} times off" + (", a slip of scale" if ten else "")
        text += ", one amount under two currencies" if unswapped else ""
    if not fits and houses and not ten and not unswapped and off < FAR_APART:
        return _conversion(pair, "undetermined", f"{text}; two houses, perhaps two definitions")
    return _conversion(pair, "consistent" if fits else "inconsistent", text)


def _conversion(pair, kind: str, text: str) -> dict:
    shown = f"{amount(pair.value_home, pair.currency_home)} and {amount(pair.value, pair.currency)}"
    ids = (pair.fact_id, pair.fact_id_home)
    home_is_off = np.nan_to_num(abs(pair.off_home)) > np.nan_to_num(abs(pair.off)) + CLEARLY / 2
    doubted = () if kind != "inconsistent" else ids[1:] if home_is_off else ids[:1]
    return verdict(pair, kind, f"{shown}: {text}", ids, doubted)
