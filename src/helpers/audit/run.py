"""Run all rules over a table of facts and collect their verdicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.audit import agreement, blame, changes, identities, order, plausible, scale
from helpers.audit.prepare import Evidence, prepare, weighed
from helpers.checks import Check

VERDICTS = ("inconsistent", "implausible", "undetermined", "consistent")
COLUMNS = ["verdict", "rule", "entity", "metric", "period_end", "text", "fact_ids", "doubted"]
RULES = (
    changes.stated_growth,
    changes.stated_windows,
    changes.ranges,
    agreement.sources,
    scale.repeated_slips,
    scale.currencies,
    identities.tilings,
    identities.formulas,
    order.containment,
    order.year_slips,
    order.outliers,
    order.flat_series,
    plausible.bounds,
    plausible.jumps,
    plausible.borrowed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Verdicts on a set of facts.

    Attributes
    ----------
    verdicts : DataFrame
        Columns verdict, rule, entity, metric, period_end, text (the arithmetic), fact_ids (tuple of
        all facts in it), doubted (tuple of those that the rule holds to be wrong, may be empty).
        Sorted by severity, entity, metric and period.
    doubts : dict of str to str
        Reason for each doubted fact; hand it to `helpers.ledger.preferred`.
    checks : tuple of Check
        Counts by verdict.
    text : str
        One sentence.
    fact_ids : tuple of str
        Every fact that any verdict rests on.
    """

    verdicts: pd.DataFrame
    doubts: dict[str, str]
    checks: tuple[Check, ...]
    text: str
    fact_ids: tuple[str, ...]

    def checks_of(self, entity: str) -> tuple[Check, ...]:
        """One check per rule that judged an entity, with its worst verdict.

        Passed without alarms, failed with one that is open, and for information where every alarm named
        the facts that it sets aside.
        """
        made = []
        for rule, rows in self.of(entity).groupby("rule", sort=True):
            counts = rows["verdict"].value_counts()
            worst = rows.iloc[0]
            found = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if v in counts)
            alarms = rows[rows["verdict"].isin(["inconsistent", "implausible"])]
            # one reading of a word failing is information; a disagreement of sources stays open
            is_open = rule == "sources" or (rule != "definition" and not alarms["doubted"].map(bool).all())
            passed = True if alarms.empty else False if is_open else None
            made.append(Check(name=f"audit: {rule}", passed=passed, value=len(rows), text=f"{found}: {worst['text']}"))
        return tuple(made)

    def of(self, entity: str) -> pd.DataFrame:
        """Verdicts on one entity."""
        return self.verdicts[self.verdicts["entity"].eq(entity)].reset_index(drop=True)


def audit(
    facts: pd.DataFrame,
    *,
    metrics: pd.DataFrame,
    identities: pd.DataFrame,
    readings: pd.DataFrame,
    bounds: pd.DataFrame,
) -> Audit:
    """Apply every rule to a table of facts.

    Parameters
    ----------
    facts : DataFrame
        As `helpers.ledger.facts` gives them. Facts marked doubtful are judged, but nothing is
        measured against them.
    metrics : DataFrame
        Indexed by metric, with the column kind (flow, stock, average, ratio, price, rule).
    identities, readings, bounds : DataFrame
        The ledger's tables of definitions, readings of ambiguous metrics, and plausible bounds.

    Returns
    -------
    Audit

    Notes
    -----
    All comparisons are sorts, merges and running maxima: the work grows as n log n in the facts.
    """
    evidence = prepare(facts, metrics=metrics, identities=identities, readings=readings, bounds=bounds)
    slips = scale.powers_of_ten(evidence)
    evidence = weighed(evidence, frozenset(i for ids in slips.get("doubted", []) for i in ids))
    found = [table for table in (slips, *(rule(evidence) for rule in RULES)) if not table.empty]
    verdicts = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
    if found:
        verdicts["doubted"] = blame.settle(verdicts, evidence.facts.join(evidence.levels["off"]))
    verdicts = verdicts[COLUMNS]
    severity = verdicts["verdict"].map({v: i for i, v in enumerate(VERDICTS)})
    order = ["severity", "entity", "metric", "period_end", "rule"]
    verdicts = verdicts.assign(severity=severity).sort_values(order, kind="stable", ignore_index=True)
    verdicts = verdicts.drop(columns="severity")
    return Audit(
        verdicts=verdicts, doubts=doubts_of(verdicts), checks=counts_of(verdicts), text=_sentence(verdicts, evidence),
        fact_ids=tuple(sorted({i for ids in verdicts["fact_ids"] for i in ids})),
    )  # fmt: skip


def doubts_of(verdicts: pd.DataFrame) -> dict[str, str]:
    """First (most severe) reason for each doubted fact.

    Plain disagreement between sources sets nobody aside: it is a range, and the reader sees it.
    """
    doubts: dict[str, str] = {}
    alarms = verdicts[verdicts["verdict"].isin(["inconsistent", "implausible"]) & verdicts["rule"].ne("sources")]
    for rule, text, doubted in zip(alarms["rule"], alarms["text"], alarms["doubted"], strict=True):
        for fact_id in doubted:
            doubts.setdefault(fact_id, f"audit, {rule}: {text}")
    return doubts


def counts_of(verdicts: pd.DataFrame) -> tuple[Check, ...]:
    counts = verdicts["verdict"].value_counts()
    return tuple(
        Check(name=verdict, passed=None if verdict != "inconsistent" else not counts.get(verdict, 0),
              value=float(counts.get(verdict, 0)), text=f"{counts.get(verdict, 0)} verdicts {verdict}")
        for verdict in VERDICTS
    )  # fmt: skip


def _sentence(verdicts: pd.DataFrame, evidence: Evidence) -> str:
    counts = verdicts["verdict"].value_counts()
    parts = ", ".join(f"{counts.get(v, 0)} {v}" for v in VERDICTS)
    touched = len(np.unique([i for ids in verdicts["fact_ids"] for i in ids]))
    return f"{len(verdicts)} verdicts on {touched} of {len(evidence.facts)} facts: {parts}"
