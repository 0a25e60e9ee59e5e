"""Several sources on the same thing: do they agree within rounding, and how many voices are they?"""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pandas as pd

from helpers import evidence as printed
from helpers import units
from helpers.audit.lookup import NO_DAY, number
from helpers.audit.prepare import FAR_APART, VOICELESS, Evidence, amount, times, verdict, verdicts
from helpers.errors import RateError

FIELDS = [
    "fact_id", "entity", "metric", "metric_kind", "thing", "measure", "value", "low", "high", "unit", "currency",
    "period_end", "status", "nature", "trust", "origin", "own_method", "source_id", "digit", "group", "cluster",
]  # fmt: skip
SHOWN = 4  # documents named beside a figure; more are counted


def sources(evidence: Evidence) -> pd.DataFrame:
    """Facts on the same entity, metric and period from two or more documents, or twice from one.

    Ten articles that repeat one number are one voice (`helpers.evidence.originator`): they do not
    corroborate it, and they are counted, so that a reader sees a chain of copies as such.
    """
    facts = evidence.facts
    facts = facts[facts["end"].ne(NO_DAY) & facts["nature"].isin(["measured", "doubtful"])]
    facts = facts[~facts["fact_id"].isin(evidence.slipped)]  # reported once, with their scale
    group = number(facts["thing"], facts["measure"], facts["currency"], facts["start"], facts["end"])
    shared = facts[np.bincount(group)[group] > 1] if len(facts) else facts
    if shared.empty:
        return pd.DataFrame()
    shared = shared.assign(group=group[np.bincount(group)[group] > 1])
    shared["cluster"] = printed.clusters(shared, ["group"])
    shared = shared.sort_values(["group", "cluster", "digit"], kind="stable")  # the sharpest figure speaks
    groups = []
    for _, facts_of in itertools.groupby(shared[FIELDS].itertuples(), key=lambda f: f.group):
        clusters = [list(members) for _, members in itertools.groupby(facts_of, key=lambda f: f.cluster)]
        groups.append(sorted(clusters, key=_rank))
    follows = _habits(groups)
    rows = [_disagreed(clusters, follows) for clusters in groups if len(clusters) > 1]
    rows += [_agreed(clusters[0]) for clusters in groups if len(clusters) == 1 and _documents(clusters[0]) > 1]
    return verdicts("sources", rows)


def _habits(groups: list[list[list]]) -> set[tuple[int, str]]:
    """Things on which a house with methods of its own agrees with others more often than not.

    Then a figure of theirs that differs is a slip, not a definition. Prices move within the day, so
    stocks are left out.
    """
    balance: Counter[tuple[int, str]] = Counter()
    for clusters in groups:
        for members in clusters:
            agrees = _origins(members) > 1
            for origin in {m.origin for m in members if m.own_method and m.metric_kind in ("flow", "average")}:
                balance[members[0].thing, origin] += 1 if agrees else -1
    return {key for key, count in balance.items() if count > 0}


def _rank(members: list) -> tuple:
    """The best cluster first: measured, trusted, by several origins, in many documents."""
    is_doubtful = all(m.nature == "doubtful" for m in members)
    return is_doubtful, min(m.trust for m in members), -_origins(members), -_documents(members), members[0].fact_id


def _origins(members: list) -> int:
    return len({m.origin for m in members if m.nature == "measured"})


def _documents(members: list) -> int:
    return len({m.source_id for m in members})


def _agreed(members: list) -> dict:
    voices = _origins(members)
    text = f"{_shown(members[0])}: {_documents(members)} documents agree within rounding"
    ids = [m.fact_id for m in members]
    if voices > 1:
        return verdict(members[0], "consistent", f"{text}, {voices} independent origins", ids)
    if any(m.origin == "company" for m in members):
        return verdict(members[0], "consistent", f"{text}, all the company's own: it stands by the figure", ids)
    return verdict(members[0], "undetermined", f"{text}, but name no origin: they may be copies and count once", ids)


def _disagreed(clusters: list[list], follows: set[tuple[int, str]]) -> dict:
    best, others = clusters[0], clusters[1:]
    text = "; ".join(f"{_shown(c[0])} ({_named(c)})" for c in clusters)
    ratio = _ratio([c[0] for c in clusters])
    text += f": {_apart([c[0] for c in clusters], ratio)} apart"
    ids = [m.fact_id for c in clusters for m in c]
    doubted = tuple(m.fact_id for c in others for m in c if _loses(c, best))
    excuse = _excuse(clusters, ratio, follows)
    if excuse:
        return verdict(best[0], "undetermined", f"{text}; {excuse}", ids)
    seconded = tuple(m.fact_id for c in clusters if _origins(c) > 1 for m in c)  # copies second nobody
    alarm = verdict(best[0], "inconsistent", text + _exchanged(best[0], ratio), ids, doubted)
    return alarm | {"confirmed": seconded}


def _excuse(clusters: list[list], ratio: float, follows: set[tuple[int, str]]) -> str:
    """Why different figures need not contradict each other."""
    if any(m.status == "restated" for c in clusters for m in c) and ratio < FAR_APART:
        return "one is a restatement, both stand"
    sound = all(any(m.nature == "measured" for m in c) for c in clusters)
    own = [all(m.own_method and (m.thing, m.origin) not in follows for m in c) for c in clusters]
    if sound and ratio < FAR_APART and (own[0] or all(own[1:])):
        return "a vendor, broker or research house measures by its own definition"
    if sound and len(clusters) == 2 and _cut_off(*sorted(clusters, key=lambda c: abs(c[0].value))):
        return "the rounder one may be cut off instead of rounded"
    return ""


def _cut_off(lower: list, higher: list) -> bool:
    """Whether dropping digits of the higher figure gives the lower one: 96 for 96.6."""
    fine, coarse = higher[0], lower[0]
    return fine.digit < coarse.digit and 0 <= abs(fine.value) - abs(coarse.value) < coarse.digit


def _ratio(leads: list) -> float:
    """Largest over smallest; growth rates are compared as what they do to a level."""
    base = 1 if leads[0].measure in ("yoy_growth", "growth") else 0
    sizes = [abs(lead.value + base) for lead in leads]
    return max(sizes) / max(min(sizes), 1e-300)


def _apart(leads: list, ratio: float) -> str:
    if leads[0].unit == "ratio":
        values = [lead.value for lead in leads]
        return f"{100 * (max(values) - min(values)):.3g} percentage points"
    return times(ratio) if ratio >= 1.2 else f"{ratio - 1:.1%}"


def _exchanged(fact, ratio: float) -> str:
    """A gap as wide as the exchange rate of the day: dollars printed as yuan, or the reverse."""
    if not fact.currency or ratio < 3:
        return ""
    try:
        rate = units.rate("USD", "CNY", fact.period_end.date())
    except RateError:
        return ""
    near = fact.currency in ("USD", "CNY") and abs(ratio / rate - 1) < 0.1
    return f", about the {rate:.3g} CNY per USD of the time: perhaps one currency printed as the other" if near else ""


def _loses(cluster: list, best: list) -> bool:
    """Doubt falls on the clearly less trusted side; between press, digests and reposts it stays open.

    It stays open, too, where more independent origins stand on the less trusted side.
    """
    if all(m.nature == "doubtful" for m in cluster):
        return True
    trust, better = (min(m.trust for m in c) for c in (cluster, best))
    return trust > better and better < VOICELESS and _origins(cluster) <= _origins(best)


def _named(members: list) -> str:
    names = list(dict.fromkeys(m.source_id for m in members))
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _shown(fact) -> str:
    is_ratio = fact.unit == "ratio"
    return amount(fact.value, fact.currency, "ratio" if is_ratio else "")
