"""The arithmetic that contradicting claims of one value are put to, and what each would imply.

Slips of scale are ratios within 2 % of a power of ten between claims near in time; the side without a stake
identity near it is wrong, else the side that fewer sources stand beside, else nobody is. A conversion must imply
the dated exchange rate. What no test here can know is what a source meant to print.

Every function takes and gives tables of claims as `reconcile.prepared` makes them: claim_id, currency (as
told), quote (the value in one currency), low, high (what its digits can stand for), first, last (days that its date can
mean), basis, source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from helpers.errors import RateError, UnknownNameError
from helpers.units import in_words, rate
from helpers.valuation.multiples import dated_multiples
from helpers.valuation.stakes import implied_total

UNSTATED = "unstated"
"""Basis of a claim that does not say what it is: it cannot be excused by another basis."""

TOLERANCE = 0.02
NEAR = 3.0  # a figure within this factor of another speaks for it
SAME_VALUE = 0.01  # one amount told twice: "4.8 billion" and "4,836 million" differ by less
RATE_ROOM = 0.05  # writers convert at the rate of another day, or at a round one
SAME_DATE_DAYS = 31  # a date printed as a month is a date, one printed as a year is not

SLIPS = {
    1: "ten times too large, 亿 read as billion",
    -1: "a tenth, billion read as 亿",
    2: "a hundred times too large",
    -2: "a hundredth",
    3: "a thousand times too large",
    -3: "a thousandth",
    4: "ten thousand times too large, 万 added",
    -4: "a ten-thousandth, 万 dropped",
    8: "a hundred million times too large, 亿 added",
    -8: "a hundred-millionth, 亿 dropped",
}
Claim = pd.Series | Mapping[str, Any]
"""A row of the claims or the supports."""

_CHINESE = {"USD": "美元", "CNY": "元", "HKD": "港元"}


def identities(supports: pd.DataFrame, claims: pd.DataFrame, currency: str) -> pd.DataFrame:
    """Each stake's implied whole, and each holding as a part of its fund, against what is stated.

    Parameters
    ----------
    supports : DataFrame
        claim_id, first, last, stake_share, holding, half widths and fund_nav in one currency,
        share_of_fund; NaN where not stated.
    claims : DataFrame
        The claims.
    currency : str
        Of the amounts.

    Returns
    -------
    DataFrame
        claim_id, last, identity (stake, share_of_fund), stated, implied, implied_low, implied_high,
        holds (True, False, or None where nothing is stated), text.
    """
    by_id = claims.set_index("claim_id")
    rows = []
    for row in supports.itertuples():
        whole = implied_total(
            row.stake_share, row.holding, stake_half_width=row.stake_half_width,
            holding_half_width=row.holding_half_width, currency=currency,
        )  # fmt: skip
        claim = by_id.loc[row.claim_id] if row.claim_id in by_id.index else None
        holds = None if claim is None else bool(claim["low"] <= whole.high and whole.low <= claim["high"])
        rows.append((row.claim_id, row.last, "stake", np.nan if claim is None else claim["quote"],
                     whole.value, whole.low, whole.high, holds, whole.text))  # fmt: skip
        if not np.isnan(row.fund_nav):
            rows.append((row.claim_id, row.last, "share_of_fund", *_of_fund(row, currency)))
    columns = ["claim_id", "last", "identity", "stated", "implied", "implied_low", "implied_high", "holds", "text"]
    kinds = {"last": "datetime64[s]", **dict.fromkeys(["stated", "implied", "implied_low", "implied_high"], float)}
    return pd.DataFrame(rows, columns=columns).astype(kinds)  # of no rows too


def _of_fund(row, currency: str) -> tuple:
    """Share of a fund that a holding makes; printed to whole percents or finer."""
    share, stated = row.holding / row.fund_nav, row.share_of_fund
    holds = None if np.isnan(stated) else abs(share - stated) <= 0.005 + row.holding_half_width / row.fund_nav
    said = "" if np.isnan(stated) else f", stated {100 * stated:.3g} %"
    text = f"{in_words(row.holding)} of {in_words(row.fund_nav)} {currency} are {100 * share:.3g} % of the fund{said}"
    return stated, share, share, share, holds, text


def scale_slips(claims: pd.DataFrame, wholes: pd.DataFrame, *, currency: str, reach_days: int) -> pd.DataFrame:
    """Claims a power of ten from another near in time, and which of the two is wrong.

    Parameters
    ----------
    claims : DataFrame
        The claims.
    wholes : DataFrame
        Stake identities: last, implied.
    currency : str
        Of the amounts.
    reach_days : int
        Claims further apart are not compared.

    Returns
    -------
    DataFrame
        claim_id, factor (10 is ten times too large), reference (claim_id of the other), is_decided, reason.
    """
    value, near = claims["quote"].to_numpy(float), _near(claims, reach_days)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(value[:, None] / value)
    power = np.round(np.nan_to_num(logs)).astype(int)
    slip = near & np.isin(power, list(SLIPS)) & (np.abs(10 ** (logs - power) - 1) <= TOLERANCE)
    votes, days = _votes(claims, near, wholes, reach_days), _days(claims, "last").astype(int)
    rows = []
    for i in range(len(claims)):
        others = [j for j in np.flatnonzero(slip[i]) if votes[j] >= votes[i]]
        if not others:
            continue
        j = max(others, key=lambda j: (votes[j], -abs(days[i] - days[j]), -j))
        decided = votes[j] > votes[i]
        reason = _slip_reason(claims.iloc[i], claims.iloc[j], int(power[i, j]), decided, currency)
        rows.append((claims["claim_id"].iloc[i], value[i] / value[j], claims["claim_id"].iloc[j], decided, reason))
    return pd.DataFrame(rows, columns=["claim_id", "factor", "reference", "is_decided", "reason"])


def _near(claims: pd.DataFrame, reach_days: int) -> np.ndarray:
    first, last = (_days(claims, column).astype(int) for column in ("first", "last"))
    gap = np.maximum(first[:, None] - last, first - last[:, None])
    near = gap <= reach_days
    np.fill_diagonal(near, False)
    return near


def _votes(claims: pd.DataFrame, near: np.ndarray, wholes: pd.DataFrame, reach_days: int) -> list[tuple[int, int]]:
    """Identities near in time and size, then distinct sources; a source that repeats itself counts once."""
    quotes, sources = claims["quote"].to_numpy(float), claims["source"].to_numpy(object)
    gap = np.abs(_days(claims, "last")[:, None] - _days(wholes, "last"))
    close = gap <= np.timedelta64(reach_days, "D")
    sure = (close & _about(wholes["implied"].to_numpy(float), quotes[:, None])).any(axis=1)
    alike = near & _about(quotes, quotes[:, None])
    return [(int(sure[i]), len({sources[i], *sources[alike[i]]})) for i in range(len(claims))]


def _days(table: pd.DataFrame, column: str) -> np.ndarray:
    return table[column].to_numpy("datetime64[D]")


def _about(values: np.ndarray, one: float | np.ndarray) -> np.ndarray:
    return (values <= NEAR * one) & (values >= one / NEAR)


def _slip_reason(one: pd.Series, other: pd.Series, power: int, decided: bool, currency: str) -> str:
    ratio = f"{one['quote'] / other['quote']:,.4g} times"
    said = f"{amount(one, currency)} is {ratio} {described(other, currency)}"
    if not decided:
        return f"unit scale: {said}; one of the two is off and nothing here says which"
    if power == 1:
        zh, en = in_words(other["quote"], "zh"), in_words(other["quote"])
        return f"unit scale: {zh}{_CHINESE.get(currency, currency)} = {en} {currency}; {said} ({SLIPS[1]})"
    return f"unit scale: {said} ({SLIPS[power]})"


def amount(one: Claim, currency: str) -> str:
    """A claim's value in words."""
    return f"{in_words(one['quote'])} {currency}"


def described(one: Claim, currency: str) -> str:
    """A claim's value with its name, day and basis."""
    basis = str(one["basis"]).replace("_", " ")
    return f"{amount(one, currency)} ({one['claim_id']}, {one['last'].date()}, {basis})"


def same_date_groups(claims: pd.DataFrame) -> np.ndarray:
    """Number of each claim's group of one date and one basis, shape (n,).

    Dates are the same where the days that they can mean overlap and each is a month or finer, or where they are
    printed alike. A claim without a basis belongs to every basis of its date.
    """
    first, last = (_days(claims, column).astype(int) for column in ("first", "last"))
    basis = claims["basis"].to_numpy(str)
    exact = last - first < SAME_DATE_DAYS
    overlap = (first[:, None] <= last) & (first <= last[:, None]) & exact[:, None] & exact
    alike = (first[:, None] == first) & (last[:, None] == last)
    same = (basis[:, None] == basis) | (basis[:, None] == UNSTATED) | (basis == UNSTATED)
    return connected_components((overlap | alike) & same, directed=False)[1]


def agree(one: Claim, others: pd.DataFrame) -> np.ndarray:
    """Whether each other claim says the same, shape (n,).

    Its digits can stand for the same value, or the two are less than 1 % apart, 5 % where they were told in different
    currencies: no two sources convert at one rate.

    Parameters
    ----------
    one : Series or mapping
        A claim.
    others : DataFrame
        Claims.
    """
    overlap = ((others["low"] <= one["high"]) & (one["low"] <= others["high"])).to_numpy()
    apart = np.abs(np.log(others["quote"].to_numpy(float) / one["quote"]))
    room = np.where(others["currency"].eq(one["currency"]), SAME_VALUE, RATE_ROOM)
    return overlap | (apart < np.log1p(room))


def conversion_verdicts(conversions: pd.DataFrame) -> pd.DataFrame:
    """Rate that an amount and the amount beside it imply, against the dated rate, else the document's other pairs.

    Parameters
    ----------
    conversions : DataFrame
        claim_id, value, currency, beside_value, beside_currency, last, source.

    Returns
    -------
    DataFrame
        claim_id, status (accepted, flagged), implied_rate (currency for one beside_currency), dated_rate,
        factor (power of ten that it is off, 1 if none), reason, settles.
    """
    implied = conversions["value"].to_numpy(float) / conversions["beside_value"].to_numpy(float)
    rows = []
    for i, row in enumerate(conversions.itertuples()):
        held, against = _rate_to_hold(row, i, conversions, implied)
        rows.append((row.claim_id, *_judged(row, implied[i], held, against)))
    columns = ["claim_id", "status", "implied_rate", "dated_rate", "factor", "reason", "settles"]
    return pd.DataFrame(rows, columns=columns)


def _rate_to_hold(row, i: int, conversions: pd.DataFrame, implied: np.ndarray) -> tuple[float, str]:
    """The dated rate and its name; where there is none, what the same document implies elsewhere."""
    try:
        return rate(row.beside_currency, row.currency, row.last.date()), f"the rate of {row.last.date()}"
    except (RateError, UnknownNameError):
        pass
    pair = [row.currency, row.beside_currency, row.source]
    same = conversions[["currency", "beside_currency", "source"]].eq(pair).all(axis=1).to_numpy()
    others = implied[same & (np.arange(len(implied)) != i)]
    if not len(others):
        return np.nan, ""
    furthest = np.abs(np.log(others / implied[i])).argmax()  # two that agree do not outvote the document's third
    return float(others[furthest]), "another pair of the document"


def _judged(row, implied: float, held: float, against: str) -> tuple[str, float, float, float, str, str]:
    shown = f"{in_words(row.value)} {row.currency} beside {in_words(row.beside_value)} {row.beside_currency}"
    pair = f"{row.currency} per {row.beside_currency}"
    said = f"{shown} imply {implied:,.5g} {pair}"
    if np.isnan(held):
        settles = f"a rate of {pair} on {row.last.date()}"
        return "flagged", implied, held, np.nan, f"exchange rate: {said}; no rate to hold it against", settles
    power = round(float(np.log10(implied / held)))
    off = implied / held / 10.0**power
    against = f"{against} is {held:,.4g}"
    if power == 0 and abs(off - 1) <= RATE_ROOM:
        return "accepted", implied, held, 1.0, f"exchange rate holds: {said}, {against}", ""
    settles = "the page's own source of the amount"
    if row.currency != row.beside_currency and abs(implied - 1) <= RATE_ROOM:
        return "flagged", implied, held, 1.0, f"exchange rate: {said}: one amount under two currencies", settles
    if power != 0 and abs(off - 1) <= 2 * RATE_ROOM:
        slip = f"a factor of {10 ** abs(power):,}: one of the two amounts is off"
        return "flagged", implied, held, 10.0**power, f"exchange rate: {said}, {against}: {slip}", settles
    reason = f"exchange rate: {said}, {against}: {implied / held - 1:+.0%}".replace("%", " %")
    return "flagged", implied, held, 1.0, reason, settles


def implications(
    rows: pd.DataFrame, held: pd.DataFrame, currency: str, implied_by: pd.DataFrame | None,
    level_metrics: Collection[str], reach_days: int,
) -> pd.DataFrame:  # fmt: skip
    """What each claim would mean for the stake nearest in time, and for the company's figures.

    Parameters
    ----------
    rows, held : DataFrame
        Claims and supports.
    currency : str
        Of the amounts.
    implied_by : DataFrame or None
        Figures as `multiples.dated_multiples` takes them.
    level_metrics : collection of str
        As there.
    reach_days : int
        A stake further from a claim says nothing about it.

    Returns
    -------
    DataFrame
        As `reconcile.ReconcileResult` has it.
    """
    columns = ["claim_id", "quantity", "value", "currency", "reference", "reference_value", "times", "text"]
    out: list[tuple] = []
    stakes = held.to_dict("records")
    for row, day in zip(rows.to_dict("records"), _days(rows, "last"), strict=True):
        gap = np.abs(_days(held, "last") - day)
        if len(gap) and gap.min() <= np.timedelta64(reach_days, "D"):
            out += _of_stake(row, stakes[gap.argmin()], currency)
    if implied_by is not None and len(rows):
        names = {"claim_id": "fact_id", "last": "date"}
        prices = rows[["claim_id", "last", "quote", "low", "high", "known_on"]].rename(columns=names)
        prices = prices.rename(columns={"quote": "value"}).assign(currency=currency)
        found = dated_multiples(prices, implied_by, quote_currency=currency, level_metrics=level_metrics).table
        out += [_of_figure(row, currency) for row in found.itertuples()]
    order = {claim: i for i, claim in enumerate(rows["claim_id"])}
    return pd.DataFrame(out, columns=columns).sort_values(
        "claim_id", key=lambda ids: ids.map(order), kind="stable", ignore_index=True
    )  # fmt: skip


def _of_stake(row: Claim, stake: Claim, currency: str) -> list[tuple]:
    worth = row["quote"] * stake["stake_share"]
    percent = f"{100 * stake['stake_share']:.4g} % of {in_words(row['quote'])} {currency}"
    said = f"{percent} are {in_words(worth)} {currency}"
    out = []
    for quantity, name, held in (
        ("stake_value", "the holding", stake["holding"]), ("share_of_nav", "the whole fund", stake["fund_nav"]),
    ):  # fmt: skip
        if np.isnan(held):
            continue
        text = f"{said}, {worth / held:.3g} times {name} of {in_words(held)} {currency} on {stake['last'].date()}"
        value, unit = (worth, currency) if quantity == "stake_value" else (worth / held, "")
        out.append((row["claim_id"], quantity, value, unit, name, held, worth / held, text))
    return out


def _of_figure(row, currency: str) -> tuple:
    """A multiple of money, or money for each user; NaN with the reason where no figure was known."""
    is_money = isinstance(row.denominator_currency, str)
    unit = "" if is_money else currency
    text = row.reason or (
        f"{in_words(row.price_quote)} {currency} are {in_words(row.multiple)} "
        f"{'times' if is_money else f'{currency} for each'} {row.metric} of {in_words(row.denominator_quote)} "
        f"to {row.period_end.date()}"
    )
    figure = np.nan if row.reason else row.denominator_quote
    return row.price_fact_id, row.metric, row.multiple, unit, row.metric, figure, row.multiple, text
