"""The audit of claims: what articles say, against itself, against other articles and against the ledger.

Claims that are bound to an entity and a metric go through every rule of `helpers.audit` as facts do. Before that come
rules that need no binding, because one sentence holds all they compare: a stated change against the two levels beside
it, and one amount in two currencies against the dated rate. Sizes in words (亿级, "billion-level") and ratios of any
two figures of an entity are judged here too, since the ledger's bounds look at measured figures only.

What the module cannot do: tell a definition from a slip where a text names neither. Where a definition or a period is
not stated, the verdict is undetermined.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers import units
from helpers.audit.prepare import amount, percent, times
from helpers.audit.run import COLUMNS, VERDICTS, Audit, _counts, _doubts, audit
from helpers.audit.scale import FX_ROOM

CHANGES = ("growth", "yoy_growth", "qoq_growth", "multiple", "yoy_multiple")
LEVELS = ("money", "money_per_share", "person", "buyer", "count", "order", "view", "share", "ratio")
STATUS = {
    "actual": "press", "computed": "derived", "guidance": "guidance", "forecast": "forecast", "target": "target",
    "policy": "rule", "threshold": "rule",
}  # fmt: skip
NATURE = {"press": "measured", "derived": "measured", "rule": "rule"}
BESIDE = 60  # characters between an amount and its conversion
MEASURES = {"qoq_growth": "growth", "share": "level"}
LEDGER_MEASURES = ("level", "yoy_growth", "growth", "yoy_multiple", "multiple")
SURE = 0.1


def texts(
    claims: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    identities: pd.DataFrame,
    readings: pd.DataFrame,
    bounds: pd.DataFrame,
    ratios: pd.DataFrame,
    homes: dict[str, str],
    facts: pd.DataFrame | None = None,
) -> Audit:
    """Judge claims.

    Parameters
    ----------
    claims : DataFrame
        The columns of `helpers.claims.Claim` with claim_id, doc_id, published (ISO day or ""), kind (of the
        publisher, a code of kinds.csv) and trust.
    metrics, identities, readings, bounds : DataFrame
        As for `helpers.audit.audit`.
    ratios : DataFrame
        Columns numerator, denominator, low, high, days, reason: what two figures of an entity may be to each other.
    homes : mapping of str to str
        Reporting currency of each entity.
    facts : DataFrame, optional
        The ledger's facts, to hold claims against; verdicts that no claim takes part in are left out.

    Returns
    -------
    Audit
        The ``fact_ids`` of its verdicts are ids of claims, and of facts where the ledger takes part.
    """
    claims = claims.reset_index(drop=True)
    claims["is_flow"] = claims["metric"].map(metrics["kind"]).eq("flow")
    own = [
        *sentences(claims[~claims["metric"].isin(readings["metric"])]),
        *conversions(claims),
        *sizes(claims),
        *shares(claims),
        *proportions(claims, ratios),
    ]
    bound = as_facts(claims, metrics=metrics, homes=homes)
    both = bound if facts is None or bound.empty else _with_facts(bound, facts)
    judged = audit(both, metrics=metrics, identities=identities, readings=readings, bounds=bounds).verdicts
    settled = {row["fact_ids"][0] for row in own if row["rule"] == "stated change"}
    judged = judged[~(judged["rule"].eq("stated window") & judged["fact_ids"].str[0].isin(settled))]
    ids = set(claims["claim_id"])
    ours = [_is_ours(ids, of, doubted) for of, doubted in zip(judged["fact_ids"], judged["doubted"], strict=True)]
    judged = _softened(judged[np.array(ours, dtype=bool)], claims)
    table = pd.concat([_table(own), judged], ignore_index=True)[COLUMNS]
    table = _once(pd.concat([table, _table(list(same_slip(claims, table)))], ignore_index=True))
    order = {v: i for i, v in enumerate(VERDICTS)}
    table = table.sort_values("verdict", key=lambda v: v.map(order), kind="stable", ignore_index=True)
    return Audit(
        verdicts=table, doubts=_doubts(table), checks=_counts(table), text=_sentence(table, claims),
        fact_ids=tuple(sorted({i for of in table["fact_ids"] for i in of})),
    )  # fmt: skip


def as_facts(claims: pd.DataFrame, *, metrics: pd.DataFrame, homes: dict[str, str]) -> pd.DataFrame:
    """The claims that are bound well enough to be compared, as rows of the ledger.

    Parameters
    ----------
    claims : DataFrame
        As for `texts`.
    metrics : DataFrame
        Indexed by metric, with its unit.
    homes : mapping of str to str
        Reporting currency of each entity.
    """
    measure = claims["measure"].replace(MEASURES)
    unit = claims["metric"].map(metrics["unit"])
    grown = measure.isin(["yoy_growth", "growth"]) & claims["unit"].eq("ratio")
    grown |= measure.isin(["yoy_multiple", "multiple"]) & claims["unit"].eq("multiple")
    level = measure.eq("level") & (claims["unit"].eq(unit) | (unit.eq("buyer") & claims["unit"].eq("person")))
    keep = claims["entity"].ne("") & unit.notna() & (grown | level) & claims["confidence"].ge(SURE)
    keep &= claims["measure"].ne("qoq_growth")
    of = claims[keep]
    status = of["basis"].map(STATUS)
    of = of.assign(**_windows(of, claims))
    of = of[~(of["measure"].isin(["growth", "multiple"]) & of["period_start"].eq(of["period_end"]))]
    measure, unit, level, status = measure[of.index], unit[of.index], level[of.index], status[of.index]
    last = of["period_end"].where(of["period_end"].ne(""), of["published"].where(of["published"].str.len().eq(10), ""))
    day = lambda column: pd.to_datetime(column.where(column.ne(""), None)).astype("datetime64[s]")  # noqa: E731
    known = day(of["published"].where(of["published"].str.len().eq(10), ""))
    out = pd.DataFrame({
        "fact_id": of["claim_id"], "entity": of["entity"], "metric": of["metric"], "measure": measure,
        "value": of["value"].astype(float), "value_high": of["value_high"].astype(float),
        "unit": np.where(level, unit, of["unit"]), "currency": of["currency"],
        "period_start": day(of["period_start"]), "period_end": day(of["period_end"]),
        "as_of": day(last), "status": status, "precision": of["half_width"].astype(float) * 2,
        "qualifier": of["qualifier"], "source_id": of["doc_id"], "nature": status.map(NATURE).fillna("expected"),
        "kind": of["kind"], "trust": of["trust"], "origin": "unnamed", "known_on": known,
    })  # fmt: skip
    home = out["entity"].map(homes).fillna("")
    home = home.where(home.ne("") & out["currency"].ne(""), out["currency"])
    out["home_currency"] = home
    out["is_home_currency"] = out["currency"].eq(home) | out["currency"].eq("")
    return out[~out["currency"].isin([c for c in out["currency"].unique() if c and c not in units.CURRENCIES])]


def _windows(of: pd.DataFrame, claims: pd.DataFrame) -> dict[str, pd.Series]:
    """Periods for comparison: a change over a window runs between the levels of its sentence.

    An inferred period says nothing of the first level of a change, so "from $10" has none.
    """
    dated = claims[claims["measure"].eq("level") & claims["period_end"].ne("") & claims["period_basis"].ne("unknown")]
    ends = dated.groupby(["doc_id", "sentence"])["period_end"].agg(["min", "max"])
    key = pd.MultiIndex.from_frame(of[["doc_id", "sentence"]])
    low, high = (pd.Series(ends[c].reindex(key).fillna("").to_numpy(), index=of.index) for c in ("min", "max"))
    change = of["measure"].isin(["growth", "multiple"])
    unsure = of["role"].eq("from") & of["period_basis"].eq("inferred")
    start = of["period_start"].mask(unsure, "").mask(change, low)
    return {"period_start": start, "period_end": of["period_end"].mask(unsure, "").mask(change, high)}


def sentences(claims: pd.DataFrame) -> Iterator[dict]:
    """A change that a sentence states against the levels it prints.

    Only levels of the change's own unit and currency count. Two levels give one ratio; with more, any pair in time may
    be meant, and only a change that none of them gives is an alarm.
    """
    plain = claims[claims["role"].ne("level") & claims["value"].ne(0)]
    for _, group in plain.groupby(["doc_id", "sentence"], sort=False):
        if len(group) < 3 or not group["measure"].isin(CHANGES).any():
            continue
        rows = list(group.itertuples())
        for change in rows:
            if change.measure in CHANGES and (found := _change(change, rows)):
                yield found


def _change(change, rows: list) -> dict | None:
    levels = [r for r in rows if r.measure == "level" and r.unit in LEVELS and pd.isna(r.value_high)]
    of = [r for r in levels if _is_about(change, r)]
    if len(of) < 2:
        of = [r for r in levels if r.role in ("from", "to")]
        if {r.role for r in of} != {"from", "to"}:
            return None
    of = [r for r in of if (r.unit, r.currency) == (of[0].unit, of[0].currency)] if of else []
    if len(of) < 2 or len(of) > 4 or any(r.value <= 0 for r in of):
        return None
    pairs = [_in_time(a, b) for a, b in itertools.combinations(of, 2)]
    pairs = [p for p in pairs if p is not None]
    if not pairs:
        return None
    fits = [p for p in pairs if any(_meet(p, r) for r in _meanings(change))]
    if not fits and len(pairs) > 1:
        return None  # several levels, none of them said to be the change's own
    start, end = (fits or pairs)[0]
    kind = "consistent" if fits else "inconsistent"
    ratio = end.value / start.value
    said = times(change.value) if "multiple" in change.measure else percent(change.value)
    shown = times(ratio) if "multiple" in change.measure else percent(ratio - 1)
    text = f"{amount(end.value, end.currency)} over {amount(start.value, start.currency)} is {shown}; stated {said}"
    text += f" (“{change.printed}”)"
    ids = (change.claim_id, end.claim_id, start.claim_id)
    return _row(change, kind, "stated change", text, ids, () if fits else ids[:1])


def _is_about(change, level) -> bool:
    """Whether a level is one of the thing that a change is about: the same metric, else the same words for it."""
    if change.metric or level.metric:
        return change.metric == level.metric and change.entity == level.entity
    return bool(change.metric_words) and change.metric_words.lower() == level.metric_words.lower()


def _in_time(a, b) -> tuple | None:
    """The earlier and the later of two levels: by their roles, by their periods, else in the order of the text."""
    if a.role == "from" or b.role == "to":
        return a, b
    if b.role == "from" or a.role == "to":
        return b, a
    ends = (a.period_end, b.period_end)
    if all(ends) and ends[0] != ends[1]:
        return (a, b) if ends[0] < ends[1] else (b, a)
    return (a, b) if a.value <= b.value else (b, a)


def _meanings(change) -> list[tuple[float, float]]:
    """Intervals of end over start that the words of a change allow."""
    plus = 0.0 if "multiple" in change.measure else 1.0
    top = change.value if pd.isna(change.value_high) else change.value_high
    spans = [_interval(change.value + plus, top + plus, change.half_width, change.qualifier)]
    if "multiple" in change.measure:
        spans.append(tuple(end + 1 for end in spans[0]))
    return spans


def _interval(low: float, high: float, half: float, qualifier: str) -> tuple[float, float]:
    room = {"about": 0.05, "nearly": 0.05}.get(qualifier, 0.0)
    bottom = low - half - room * abs(low)
    top = high + half + (room * abs(high) if qualifier == "about" else 0.0)
    if qualifier == "at_least":
        return low - half, math.inf
    return (-math.inf, top) if qualifier == "at_most" else (bottom, top)


def _meet(pair: tuple, meaning: tuple[float, float]) -> bool:
    start, end = (_interval(r.value, r.value, r.half_width, r.qualifier) for r in pair)
    if start[0] <= 0:
        return True
    return end[0] / start[1] <= meaning[1] and meaning[0] <= end[1] / start[0]


def conversions(claims: pd.DataFrame) -> Iterator[dict]:
    """One amount in two currencies, side by side: the implied rate against the dated one."""
    money = claims[claims["unit"].isin(["money", "money_per_share"]) & claims["measure"].isin(["level", "change"])]
    for _, group in money.groupby(["doc_id", "sentence"], sort=False):
        rows = list(group.itertuples())
        for a, b in itertools.pairwise(rows):
            near = 0 <= b.start - a.end <= BESIDE and b.role == "aside"
            if near and a.currency != b.currency and a.unit == b.unit and a.value and (found := _rate(a, b)):
                yield found


def _rate(a, b) -> dict | None:
    day = _rate_day(a)
    rates = [_rate_to_cny(currency, day) for currency in (b.currency, a.currency)]
    if not all(map(math.isfinite, rates)):
        return None
    rate = rates[0] / rates[1]
    low, high = (_interval(r.value, r.value, r.half_width, r.qualifier) for r in (a, b))
    ends = [x / y for x in low for y in high if y and math.isfinite(x) and math.isfinite(y)]
    implied = a.value / b.value
    fits = min(ends) <= rate * (1 + FX_ROOM) and max(ends) >= rate * (1 - FX_ROOM)
    shown = (implied, rate, a.currency, b.currency) if rate >= 1 else (1 / implied, 1 / rate, b.currency, a.currency)
    text = f"{amount(a.value, a.currency)} and {amount(b.value, b.currency)}: implied rate {shown[0]:,.4g}, "
    text += f"the table's {shown[1]:,.4g} {shown[2]} per {shown[3]}"
    if not fits:
        off = max(implied / rate, rate / implied)
        ten = round(math.log10(off))
        text += f": {off:,.3g} times off" + (", a slip of scale" if ten and abs(off / 10**ten - 1) < 0.1 else "")
    ids = (a.claim_id, b.claim_id)
    return _row(a, "consistent" if fits else "inconsistent", "conversion", text, ids, () if fits else ids[1:])


def sizes(claims: pd.DataFrame) -> Iterator[dict]:
    """A size in words, in two languages of one text: 亿级 is a hundred million, "billion-level" is ten times that."""
    for _, group in claims[claims["role"].eq("level")].groupby("doc_id", sort=False):
        rows = list(group.itertuples())
        first = rows[0]
        for row in rows[1:]:
            power = math.log10(row.value / first.value)
            if row.printed.isascii() == first.printed.isascii():
                continue
            same = row.metric == first.metric
            kind = "consistent" if power == 0 else "inconsistent" if same else "implausible"
            text = f"“{first.printed}” is {amount(first.value)}, “{row.printed}” is {amount(row.value)}"
            text += "" if power == 0 else f": {times(max(row.value / first.value, first.value / row.value))} apart"
            text += "" if same or power == 0 else "; of another amount, by the same slip of translation"
            ids = (row.claim_id, first.claim_id)
            yield _row(row, kind, "size in words", text, ids, ids[:1] if power else ())


def shares(claims: pd.DataFrame) -> Iterator[dict]:
    """Three or more shares in one list, near a hundred per cent: they are meant to add up."""
    of = claims[claims["unit"].eq("ratio") & claims["measure"].eq("level") & claims["series"].gt(0)]
    for _, group in of.groupby(["doc_id", "sentence", "series"], sort=False):
        rows = list(group.itertuples())
        total, room = sum(r.value for r in rows), sum(r.half_width for r in rows)
        if len(rows) < 3 or not 0.85 <= total <= 1.15:
            continue
        fits = abs(total - 1) <= room + 1e-9
        text = " + ".join(f"{r.value:.4g}" for r in rows) + f" = {total:.4g}"
        text += "" if fits else "; parts of a whole add up to 1"
        yield _row(rows[0], "consistent" if fits else "implausible", "shares", text, [r.claim_id for r in rows], ())


def proportions(claims: pd.DataFrame, ratios: pd.DataFrame) -> Iterator[dict]:
    """Two figures of one entity against what they may be to each other, measured or expected; the nearest in time.

    Within one article first; figures of other articles are taken where that has none. One alarm for each figure that
    is judged and each rule.
    """
    known = claims[claims["entity"].ne("") & claims["measure"].eq("level") & claims["value"].gt(0)]
    known = known.assign(home=_in_cny(known))
    known = known[known["home"].notna()]
    by = {key: list(group.itertuples()) for key, group in known.groupby(["entity", "metric"], sort=False)}
    for rule in ratios.itertuples():
        for (entity, metric), tops in by.items():
            below = by.get((entity, rule.denominator), ()) if metric == rule.numerator else ()
            told: set[tuple] = set()
            for top in tops if below else ():
                mate = _nearest(top, below, rule.days)
                if mate is None or (found := _proportion(top, mate, rule)) is None:
                    continue
                key = (top.doc_id, top.value, mate.value)
                if key not in told:
                    told.add(key)
                    yield found


def _nearest(top, below, days: float):
    """The figure of the same article nearest in time, else of any; both need a day, and a like period for flows."""
    end = _end(top)
    gaps = [
        (
            abs((_end(b) - end).days)
            if end is not None and _end(b) is not None
            else 0
            if b.doc_id == top.doc_id and b.sentence == top.sentence
            else 10**6,
            b,
        )
        for b in below
    ]
    near = [(b.doc_id != top.doc_id, gap, n, b) for n, (gap, b) in enumerate(gaps) if gap <= days and _alike(top, b)]
    return min(near, key=lambda item: item[:3])[3] if near else None


def _alike(top, b) -> bool:
    """Flows compare over one period; a stock compares with a year's flow."""
    spans = [_length(r) for r in (top, b)]
    if top.is_flow and b.is_flow:
        together = top.doc_id == b.doc_id and top.sentence == b.sentence
        return spans[0] == spans[1] and (bool(spans[0]) or together)
    return not b.is_flow or spans[1] == 0 or spans[1] > 300


def _length(row) -> int:
    if not row.period_start or row.period_start == row.period_end:
        return 0
    days = (pd.Timestamp(row.period_end) - pd.Timestamp(row.period_start)).days + 1
    return round(days / 30.44) * 30


def _end(row):
    day = row.period_end or (row.published if len(row.published) == 10 else "")
    return pd.Timestamp(day) if day else None


def _proportion(top, mate, rule) -> dict | None:
    ratio = top.home / mate.home
    if rule.low <= ratio <= rule.high:
        return None
    if ratio > rule.high and (
        top.qualifier == "at_most" or (mate.qualifier == "at_least" and ratio / rule.high < 1.05)
    ):
        return None
    shown = times(ratio) if ratio > 3 else f"{ratio:.3g}"
    text = f"{rule.numerator} {amount(top.value, top.currency)} is {shown} of {rule.denominator} "
    text += f"{amount(mate.value, mate.currency)}; bounds {rule.low:g} to {rule.high:g}: {rule.reason}"
    ids = (top.claim_id, mate.claim_id)
    return _row(top, "implausible", "proportion", text, ids, ())


def _in_cny(claims: pd.DataFrame) -> list[float]:
    """Values in one currency, at the rate of the period's end or of publication; NaN without a rate."""
    rates: dict[tuple[str, str], float] = {}
    out = []
    for row in claims.itertuples():
        day = _rate_day(row)
        key = (row.currency, day)
        if row.currency in ("", "CNY"):
            rates[key] = 1.0
        elif key not in rates:
            rates[key] = _rate_to_cny(*key)
        out.append(row.value * rates[key])
    return out


def _rate_day(row) -> str:
    """The day whose rate a writer had: the end of the period, or of publication if that comes first."""
    days = [d for d in (row.period_end, row.published) if len(d) == 10]
    return min(days, default="")


def _rate_to_cny(currency: str, day: str) -> float:
    if currency not in units.CURRENCIES:
        return math.nan
    last = units.table_covers(currency)[1]  # a forecast lies ahead of the table: its last rate will do for a bound
    return units.rate(currency, "CNY", min(pd.Timestamp(day).date(), last) if day else last)


def _is_ours(ids: set[str], of: tuple[str, ...], doubted: tuple[str, ...]) -> bool:
    """Whether a claim takes part, and the doubt is not the ledger's own, which its own report tells."""
    return bool(ids.intersection(of)) and (not doubted or bool(ids.intersection(doubted)))


def same_slip(claims: pd.DataFrame, verdicts: pd.DataFrame) -> Iterator[dict]:
    """Other figures of a metric in an article where two or more of them slipped by one power of ten.

    A figure that has its ten-fold counterpart anywhere, at whatever date, is inconsistent with it; one without is
    implausible, since nothing else is known of it.
    """
    wrong = set(verdicts.loc[verdicts["rule"].eq("scale"), "doubted"].sum() or ()) if len(verdicts) else set()
    level = claims[
        claims["measure"].eq("level")
        & claims["metric"].ne("")
        & claims["unit"].eq("money")
        & claims["role"].ne("level")
    ]
    level = level.assign(slipped=level["claim_id"].isin(wrong))
    sizes_of = level.groupby(["entity", "metric", "currency"])["value"].agg(lambda v: set(v.round(-3)))
    for (_, entity, metric, currency), group in level.groupby(["doc_id", "entity", "metric", "currency"], sort=False):
        slipped = group[group["slipped"]]
        if slipped["value"].nunique() < 2:
            continue
        power = _power(verdicts, set(slipped["claim_id"]))
        for row in group[~group["slipped"]].itertuples():
            twin = round(row.value / power, -3) in sizes_of[entity, metric, currency]
            text = f"{amount(row.value, currency)} stands among figures that are {times(power)} too large"
            text += (
                f"; {amount(row.value / power, currency)} is printed elsewhere"
                if twin
                else "; no second figure for it is known"
            )
            ids = (row.claim_id, slipped["claim_id"].iloc[0])
            yield _row(row, "inconsistent" if twin else "implausible", "same slip", text, ids, ids[:1])


def _power(verdicts: pd.DataFrame, slipped: set[str]) -> float:
    """How many times too large the slipped figures are, from the words of the rule that found them."""
    tens = {"ten": 10.0, "a hundred": 100.0, "a thousand": 1000.0, "ten thousand": 1e4}
    rows = verdicts[verdicts["rule"].eq("scale")]
    for text, doubted in zip(rows["text"], rows["doubted"], strict=True):
        if slipped.intersection(doubted):
            word = text.split(": ")[1].split(" times")[0]
            return tens.get(word, 10.0) * 1.0 if "large" in text else 1 / tens.get(word, 10.0)
    return 10.0


def _softened(judged: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Alarms that a difference of wording explains become questions.

    One article's two figures under different words (intraday and close), and a forecast held against what another
    article reports.
    """
    words = dict(zip(claims["claim_id"], claims["metric_words"].str.lower(), strict=True))
    docs = dict(zip(claims["claim_id"], claims["doc_id"], strict=True))
    listed = claims[claims["series"].gt(0)]
    lists = dict(zip(listed["claim_id"], zip(listed["doc_id"], listed["series"], strict=True), strict=True))
    expected = {
        i for i, b in zip(claims["claim_id"], claims["basis"], strict=True) if b in ("forecast", "guidance", "target")
    }
    kinds, texts_of = judged["verdict"].to_numpy(object).copy(), judged["text"].to_numpy(object).copy()
    doubted = judged["doubted"].to_numpy(object).copy()
    for n, (rule, ids) in enumerate(zip(judged["rule"], judged["fact_ids"], strict=True)):
        of = [i for i in ids if i in docs]
        if kinds[n] not in ("inconsistent", "implausible"):
            continue
        why = ""
        if rule == "sources" and len({docs[i] for i in of}) == 1 and len({words[i] for i in of}) > 1:
            why = "one article names them differently"
        elif rule == "sources" and len({lists.get(i, i) for i in of}) == 1 < len(of):
            why = "members of one list, which name different parts"
        elif len({docs.get(i, "") for i in ids}) > 1 and 0 < len(expected.intersection(of)) < len(ids):
            why = "a forecast against a reported figure"
        if why:
            kinds[n], texts_of[n], doubted[n] = "undetermined", f"{texts_of[n]}; {why}", ()
    return judged.assign(verdict=kinds, text=texts_of, doubted=doubted)


def _with_facts(bound: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The ledger's facts on the entities that the claims are about, under them."""
    own = facts[facts["entity"].isin(bound["entity"].unique())]
    return pd.concat([bound, own[[c for c in bound.columns if c in own]]], ignore_index=True)


def _row(claim, kind: str, rule: str, text: str, ids, doubted) -> dict:
    end = pd.Timestamp(claim.period_end) if claim.period_end else pd.NaT
    return {
        "verdict": kind, "rule": rule, "entity": claim.entity, "metric": claim.metric, "period_end": end,
        "text": text, "fact_ids": tuple(ids), "doubted": tuple(doubted),
    }  # fmt: skip


def _table(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).astype({"period_end": "datetime64[s]"})


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Alarms that two rules raise with the same claims are told once, by the first; so are those of one wording."""
    alarm = table["verdict"].isin(["inconsistent", "implausible"])
    key = pd.Series([tuple(sorted(ids)) for ids in table["fact_ids"]], index=table.index, dtype=object)
    table = table[~(alarm & key.where(alarm, table.index.to_series()).duplicated())]
    alarm = alarm[table.index]
    merged = []
    for _, rows in table[alarm].groupby(["verdict", "rule", "entity", "metric", "text"], sort=False, dropna=False):
        first = rows.iloc[0].copy()
        for column in ("fact_ids", "doubted"):
            first[column] = tuple(dict.fromkeys(i for ids in rows[column] for i in ids))
        merged.append(first)
    told = pd.DataFrame(merged, columns=table.columns) if merged else table[alarm]
    return pd.concat([told, table[~alarm]], ignore_index=True).astype({"period_end": "datetime64[s]"})


def _sentence(table: pd.DataFrame, claims: pd.DataFrame) -> str:
    counts = table["verdict"].value_counts()
    parts = ", ".join(f"{counts.get(v, 0)} {v}" for v in VERDICTS)
    return f"{len(table)} verdicts on {len(claims)} claims of {claims['doc_id'].nunique()} documents: {parts}"
