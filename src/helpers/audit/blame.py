"""Who is wrong: settle, over all alarms together, which fact each of them holds against.

One wrong level breaks its growth rate, the next year's, the sum of its year and the share of its
segment. Each of these alarms alone cannot tell the level from the sound figures beside it. Together
they can: the fact that most alarms share, and that fewest other checks confirm, explains them all.
Facts are taken in that order; an alarm is closed by the first fact that clearly leads in it. Where
nobody leads, nobody is doubted, and the alarm stays as a question.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from helpers.audit.prepare import FAR

SUSPECTED = 1.0  # weight of a fact in an alarm whose rule points at it
PRESENT = 0.6  # weight of a fact that is only part of the arithmetic
BESIDE = {"scale": 0.0, "sources": 0.25}  # the same, where the rule itself weighs one side against the other
OPEN = 0.8  # weight of each where the rule points at nobody
CONFIRMED = 0.2  # what each confirmation takes off
MOST_CONFIRMED = 3
MARKED = 1.5  # the ledger itself calls the fact doubtful, or a rule that needs no weighing does
TRUSTED = 0.2  # taken off for what a company or an office published itself
OUTLYING = 0.6  # per power of ten that the fact lies outside its neighbours, up to one
BEST_KINDS = 3  # filing, official statistics, company release
LEAD = 0.15  # by which the doubted fact must lead all others in the alarm
FIRM = ("definition", "repeated slip", "flat series")  # their own word stands: nothing there to weigh


def settle(verdicts: pd.DataFrame, facts: pd.DataFrame) -> list[tuple[str, ...]]:
    """The doubted facts of each verdict.

    Parameters
    ----------
    verdicts : DataFrame
        Columns verdict, rule, fact_ids, doubted (whom the rule itself suspects), confirmed (whom it
        confirms although it is an alarm).
    facts : DataFrame
        Columns fact_id, nature, trust, value, off.

    Returns
    -------
    list of tuple of str
        One per row; empty for verdicts that are no alarm.
    """
    kinds, rules = verdicts["verdict"].to_numpy(), verdicts["rule"].to_numpy()
    ids, suspects = verdicts["fact_ids"].to_numpy(), verdicts["doubted"].to_numpy()
    values = dict(zip(facts["fact_id"], facts["value"], strict=True))
    standing = _standing(facts)
    marked = set(facts.loc[facts["nature"].eq("doubtful"), "fact_id"])
    agrees = (kinds == "consistent") & (rules != "bounds")
    confirmed = Counter(i for of in [*ids[agrees], *verdicts["confirmed"]] for i in of)
    for n, rule in enumerate(rules):
        for i in suspects[n] if rule in FIRM else ():
            standing[i] = MARKED
    alarms = [n for n, kind in enumerate(kinds) if kind in ("inconsistent", "implausible") and rules[n] not in FIRM]
    weights = {n: _weights(ids[n], suspects[n], BESIDE.get(rules[n], PRESENT)) for n in alarms}
    culprits = _Docket(weights, confirmed, standing, values).settle()
    return [
        suspects[n] if rules[n] in FIRM else _with_copies(culprits.get(n), suspects[n], values, marked)
        for n in range(len(verdicts))
    ]


def _standing(facts: pd.DataFrame) -> dict[str, float]:
    """What speaks against each fact before any alarm is heard."""
    start = MARKED * facts["nature"].eq("doubtful") - TRUSTED * facts["trust"].le(BEST_KINDS)
    off = facts["off"].abs().fillna(0)
    start += np.where(off > FAR, OUTLYING * off.clip(upper=1), 0.0)
    return dict(zip(facts["fact_id"], start.astype(float), strict=True))


def _weights(ids: tuple[str, ...], suspects: tuple[str, ...], beside: float) -> dict[str, float]:
    if not suspects:
        return dict.fromkeys(ids, OPEN)
    return {i: SUSPECTED if i in suspects else beside for i in ids}


def _with_copies(
    culprit: str | None, suspects: tuple[str, ...], values: dict[str, float], marked: set[str]
) -> tuple[str, ...]:
    """Copies of a doubted figure are doubted with it, and so is what the ledger itself marks."""
    if culprit is None:
        return ()
    copies = tuple(i for i in suspects if values[i] == values[culprit] or i in marked)
    return copies if culprit in suspects else (culprit,)


class _Docket:
    """Open alarms, and the standing of each fact in them."""

    def __init__(self, alarms: dict[int, dict[str, float]], confirmed: Counter, standing: dict[str, float],
                 values: dict[str, float]) -> None:  # fmt: skip
        self.alarms, self.values = alarms, values
        self.open_of: dict[str, set[int]] = defaultdict(set)
        for n, weights in alarms.items():
            for fact in weights:
                self.open_of[fact].add(n)
        self.start = {fact: standing[fact] - CONFIRMED * min(confirmed[fact], MOST_CONFIRMED) for fact in self.open_of}

    def settle(self) -> dict[int, str]:
        """The culprit of each alarm that has one."""
        culprits: dict[int, str] = {}
        queue = [(-self._score(fact), fact) for fact in self.open_of]
        heapq.heapify(queue)
        while queue:
            worst, fact = heapq.heappop(queue)
            score = self._score(fact)
            if not self.open_of[fact]:
                continue
            if -worst > score + 1e-9:  # alarms were closed since: back in line
                heapq.heappush(queue, (-score, fact))
                continue
            for n in [n for n in self.open_of[fact] if self._leads(fact, n)]:
                culprits[n] = fact
                for member in self.alarms[n]:
                    self.open_of[member].discard(n)
        return culprits

    def _score(self, fact: str) -> float:
        return self.start[fact] + sum(self.alarms[n][fact] for n in self.open_of[fact])

    def _leads(self, fact: str, n: int) -> bool:
        weights = self.alarms[n]
        rivals = [m for m in weights if m != fact and not weights[m] == weights[fact] == SUSPECTED]
        best: dict[float, float] = {}  # what clears one print of a figure clears its copies
        for rival in rivals:
            value = self.values[rival]
            best[value] = min(best.get(value, np.inf), self._score(rival))
        best.pop(self.values[fact], None)
        return self._score(fact) >= max(best.values(), default=-np.inf) + LEAD
