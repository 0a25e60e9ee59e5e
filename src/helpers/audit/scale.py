"""Slips of scale: 310亿 read as 310 billion, thousands dropped, a dollar figure with a stray digit.

A slip of scale leaves every growth rate right, so only levels of different sources, or of one
source that contradicts itself, give it away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers import units
from helpers.audit.prepare import PERIOD, SERIES, Evidence, amount, verdicts
from helpers.errors import RateError

POWERS = (1, 2, 3, 4, 8)  # 亿/billion, percent, thousand, 万, 亿 dropped altogether
TOLERANCE = 0.02
SAME_TIME = pd.Timedelta(days=200)  # stocks and averages this close in time describe the same thing
REACH = 8  # neighbours in time that each fact is compared with
FX_ROOM = 0.03  # day chosen, rate source and rounding of a printed conversion


def powers_of_ten(evidence: Evidence) -> pd.DataFrame:
    """Levels of the same thing whose ratio is a power of ten within 2 %.

    Flows must cover the same period; stocks and averages may lie up to 200 days apart. The side
    with fewer sources behind it is doubted, a tie falls on the less trusted kind of source.
    """
    levels = evidence.levels[evidence.levels["value"].ne(0)]
    pairs, support = _neighbours(levels)
    if pairs.empty:
        return pd.DataFrame()
    pairs["support"] = pairs["row"].map(support).fillna(0)
    pairs["other_support"] = pairs["other"].map(support).fillna(0)
    rank = levels[["trust"]]
    pairs["trust"], pairs["other_trust"] = (
        rank.loc[pairs["row"], "trust"].to_numpy(),
        rank.loc[pairs["other"], "trust"].to_numpy(),
    )
    loses = (pairs["support"] < pairs["other_support"]) | (
        (pairs["support"] == pairs["other_support"])
        & ((pairs["trust"] > pairs["other_trust"]) | ((pairs["trust"] == pairs["other_trust"]) & (pairs["power"] > 0)))
    )
    pairs = pairs[loses].sort_values(["row", "off", "days"]).drop_duplicates("row")
    return verdicts("scale", [_slip(levels.loc[p.row], levels.loc[p.other], p.power) for p in pairs.itertuples()])


def repeated_slips(evidence: Evidence) -> pd.DataFrame:
    """The same printed amount elsewhere in a source in which that amount was a slip of scale."""
    doubted = evidence.slipped
    levels = evidence.levels
    wrong = levels[levels["fact_id"].isin(doubted)]
    again = levels[~levels["fact_id"].isin(doubted)].merge(
        wrong[["source_id", "value", "currency", "unit", "fact_id"]].drop_duplicates(["source_id", "value", "currency"]),
        on=["source_id", "value", "currency", "unit"], suffixes=("", "_slip"),
    )  # fmt: skip
    rows = [
        {
            "verdict": "implausible", "entity": row.entity, "metric": row.metric, "period_end": row.period_end,
            "text": f"the source prints {amount(row.value, row.currency)} here too; in {row.fact_id_slip} that amount is a slip of scale",
            "fact_ids": (row.fact_id, row.fact_id_slip), "doubted": (row.fact_id,),
        }
        for row in again.itertuples()
    ]  # fmt: skip
    return verdicts("repeated slip", rows)


def currencies(evidence: Evidence) -> pd.DataFrame:
    """The same figure in two currencies must imply the dated exchange rate (3 % and rounding aside)."""
    money = evidence.levels[evidence.levels["currency"].ne("") & evidence.levels["period_end"].notna()]
    home = evidence.preferred[evidence.preferred["is_preferred"] & evidence.preferred["currency"].ne("")]
    key = ["entity", "metric", *PERIOD]
    per_key = money.groupby(key, sort=False)["currency"].transform("nunique")
    pairs = money[per_key > 1].merge(home, on=key, suffixes=("", "_home"))
    pairs = pairs[pairs["currency"].ne(pairs["currency_home"]) & (pairs["value_home"] * pairs["value"] > 0)]
    rows = []
    for pair in pairs.drop_duplicates("fact_id").itertuples():
        try:
            rate = _rate(pair)
        except RateError as error:
            rows.append(_conversion(pair, "undetermined", str(error)))
            continue
        rows.append(_compare_rate(pair, rate))
    return verdicts("exchange rate", rows)


def _neighbours(levels: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Pairs of near facts a power of ten apart, and how many other sources stand near each fact."""
    group = levels.groupby(SERIES, sort=False).ngroup().to_numpy()
    when = levels["period_end"].fillna(levels["as_of"])
    order = np.lexsort((levels["period_start"].to_numpy(), when.to_numpy(), group))
    table = levels.iloc[order]
    group, when = group[order], when.to_numpy()[order]
    start, flow = table["period_start"].to_numpy(), table["metric_kind"].eq("flow").to_numpy()
    size, source = np.abs(table["value"].to_numpy()), table["source_id"].to_numpy()
    sound = table["nature"].ne("doubtful").to_numpy()
    found, near = [], [np.empty((0, 2), object)]
    for step in range(1, REACH + 1):
        a, b = slice(None, -step), slice(step, None)
        same_period = (when[a] == when[b]) & ((start[a] == start[b]) | (pd.isna(start[a]) & pd.isna(start[b])))
        close = np.where(flow[a], same_period, (when[b] - when[a]) <= SAME_TIME)
        match = (group[a] == group[b]) & close & ((source[a] != source[b]) | same_period)
        logs = np.log10(size[a] / size[b])
        power = np.round(logs)
        off = np.abs(10 ** (logs - power) - 1)
        hit = match & np.isin(np.abs(power), POWERS) & (off <= TOLERANCE)
        i = np.flatnonzero(hit)
        days = np.abs((when[i + step] - when[i]) / np.timedelta64(1, "D"))
        found.append(pd.DataFrame({"row": i, "other": i + step, "power": power[i], "off": off[i], "days": days}))
        found.append(pd.DataFrame({"row": i + step, "other": i, "power": -power[i], "off": off[i], "days": days}))
        j = np.flatnonzero(match & (np.abs(logs) < 0.3))
        near.append(np.column_stack([np.where(sound[j + step], j, -1), source[j + step]]))
        near.append(np.column_stack([np.where(sound[j], j + step, -1), source[j]]))
    pairs = pd.concat(found, ignore_index=True)
    index = table.index.to_numpy()
    for column in ("row", "other"):
        pairs[column] = index[pairs[column].to_numpy(int)]
    return pairs, _support(np.concatenate(near), index, source)


def _support(near: np.ndarray, index: np.ndarray, source: np.ndarray) -> pd.Series:
    """Number of other sources with a similar value close by, per fact."""
    table = pd.DataFrame(near, columns=["row", "source"])
    table = table[table["row"].ge(0)]
    table["row"] = table["row"].astype(int)
    table = table[table["source"].to_numpy() != source[table["row"].to_numpy()]]
    counts = table.drop_duplicates().groupby("row").size()
    return counts.set_axis(index[counts.index.to_numpy(int)])


def _slip(fact: pd.Series, other: pd.Series, power: float) -> dict:
    name = {1: "ten", 2: "a hundred", 3: "a thousand", 4: "ten thousand", 8: "a hundred million"}[abs(int(power))]
    way = "too large" if power > 0 else "too small"
    hint = {
        1: ": 亿 read as billion, or 百亿 as 100 billion",
        4: ": 万 dropped or added",
        8: ": 亿 dropped or added",
    }.get(abs(int(power)), "")
    when = other["period_end"] if pd.notna(other["period_end"]) else other["as_of"]
    text = (
        f"{amount(fact['value'], fact['currency'])} is {abs(fact['value'] / other['value']):,.4g} times "
        f"{amount(other['value'], other['currency'])} ({other['source_id']}, {when:%Y-%m-%d}): {name} times {way}{hint}"
    )
    return {
        "verdict": "inconsistent", "entity": fact["entity"], "metric": fact["metric"], "period_end": fact["period_end"],
        "text": text, "fact_ids": (fact["fact_id"], other["fact_id"]), "doubted": (fact["fact_id"],),
    }  # fmt: skip


def _rate(pair) -> float:
    """Home currency per unit of the other: the day's rate for a stock, the period's average for a flow."""
    day = pair.period_end.date()
    if pair.metric_kind != "flow" or pair.period_start == pair.period_end:
        return units.rate(pair.currency, pair.currency_home, day)
    return units.average_rate(pair.currency, pair.currency_home, pair.period_start.date(), day)


def _compare_rate(pair, rate: float) -> dict:
    low, high = sorted((pair.low_home / pair.high, pair.high_home / pair.low))
    implied = pair.value_home / pair.value
    fits = low <= rate * (1 + FX_ROOM) and rate * (1 - FX_ROOM) <= high
    power = np.round(np.log10(implied / rate))
    houses = (pair.own_method or pair.own_method_home) and pair.source_id != pair.source_id_home
    ten = power != 0 and abs(implied / rate / 10**power - 1) < 0.1
    shown = (implied, rate, pair.currency_home, pair.currency)
    if rate < 1:
        shown = (1 / implied, 1 / rate, pair.currency, pair.currency_home)
    text = "implied rate {:,.4g}, the table's {:,.4g} {} per {}".format(*shown)
    if not fits:
        text += f": off by a factor of {implied / rate:,.3g}" + (", a slip of scale" if ten else "")
    if not fits and houses and not ten:
        return _conversion(pair, "undetermined", f"{text}; two houses, perhaps two definitions")
    return _conversion(pair, "consistent" if fits else "inconsistent", text)


def _conversion(pair, verdict: str, text: str) -> dict:
    shown = f"{amount(pair.value_home, pair.currency_home)} and {amount(pair.value, pair.currency)}"
    return {
        "verdict": verdict, "entity": pair.entity, "metric": pair.metric, "period_end": pair.period_end,
        "text": f"{shown}: {text}", "fact_ids": (pair.fact_id, pair.fact_id_home),
        "doubted": (pair.fact_id,) if verdict == "inconsistent" else (),
    }  # fmt: skip
