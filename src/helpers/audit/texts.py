"""The audit of claims: what articles say, against itself, against other articles and against the ledger.

Claims that are bound to an entity and a metric go through every rule of `helpers.audit` as facts do. Before that come
rules that need no binding, because one sentence holds all they compare: a stated change against the two levels beside
it, and one amount in two currencies against the dated rate. Sizes in words (亿级, "billion-level") and ratios of any
two figures of an entity are judged here too, since the ledger's bounds look at measured figures only.

What the module cannot do: tell a definition from a slip where a text names neither. Where a definition or a period is
not stated, the verdict is undetermined.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from helpers import units
from helpers.audit.prepare import amount, times
from helpers.audit.proportions import proportions
from helpers.audit.run import COLUMNS, VERDICTS, Audit, audit, counts_of, doubts_of
from helpers.audit.sentences import conversions, row_of, sentences, sizes
from helpers.audit.sums import sums
from helpers.claims import STATUS, as_kept

NATURE = {"press": "measured", "derived": "measured", "rule": "rule"}
MEASURES = {"qoq_growth": "growth", "share": "level"}
SURE = 0.1
SAME = 0.02  # by how much two figures of one thing may differ, as a part of the larger one
ONE_SUBJECT = 4.0  # by how much surer an entity is where an article speaks of one, than where none is named
NOTHING = 1e-12  # what is smaller counts as zero
ARTICLE = "article "
"""What stands before the id of an article that is its own entity."""


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
        *sums(claims),
        *proportions(claims, ratios),
    ]
    named = with_subjects(claims)
    money = named[named["currency"].ne("") & named["entity"].str.startswith(ARTICLE)]
    homes = homes | money.groupby("entity")["currency"].agg(lambda of: of.mode()[0]).to_dict()
    bound = as_facts(named, metrics=metrics, homes=homes)
    both = bound if facts is None or bound.empty else _with_facts(bound, facts)
    judged = audit(both, metrics=metrics, identities=identities, readings=readings, bounds=bounds).verdicts
    judged = judged.assign(entity=judged["entity"].mask(judged["entity"].str.startswith(ARTICLE), ""))
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
        verdicts=table, doubts=doubts_of(table), checks=counts_of(table), text=_sentence(table, claims),
        fact_ids=tuple(sorted({i for of in table["fact_ids"] for i in of})),
    )  # fmt: skip


def with_subjects(claims: pd.DataFrame) -> pd.DataFrame:
    """Claims of an article that names none of the ledger's entities, with the article itself as their entity.

    So a company that nobody listed is held against itself. An article that gives a metric two values for one period
    speaks of several companies, and keeps its claims without an entity.

    Parameters
    ----------
    claims : DataFrame
        As for `texts`.
    """
    unnamed = claims["entity"].eq("").groupby(claims["doc_id"]).transform("all")
    said = claims[unnamed & claims["metric"].ne("") & claims["measure"].eq("level") & claims["value_high"].isna()]
    said = said[said["role"].ne("aside")]
    of = said["value"].abs().groupby([said[c] for c in ("doc_id", "metric", "unit", "period_start", "period_end")])
    ratio = of.transform("max").clip(lower=NOTHING) / of.transform("min").clip(lower=NOTHING)
    tens = np.log10(ratio)
    is_slip = tens.round().gt(0) & (tens - tens.round()).abs().lt(0.01)  # ten times is the same figure with a slip
    several = said["doc_id"][ratio.gt(1 + SAME) & ~is_slip]
    alone = unnamed & ~claims["doc_id"].isin(several)
    sure = claims["confidence"].mask(alone, claims["confidence"] * ONE_SUBJECT)
    return claims.assign(entity=claims["entity"].mask(alone, ARTICLE + claims["doc_id"]), confidence=sure)


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
    claims = as_kept(claims)
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
            yield row_of(row, "inconsistent" if twin else "implausible", "same slip", text, ids, ids[:1])


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
    headlines = set(claims.loc[claims["sentence"].eq(0), "claim_id"])
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
        elif rule == "sources" and len({docs.get(i, "") for i in ids}) == 1 and not headlines.intersection(of):
            why = "one article, which may mean different things"
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
