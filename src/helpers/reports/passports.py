"""The passports of facts: what each says, who said it, when, how it stands, and what is held against it.

A report's drawer of sources and the list of changes show them; result.json keeps those of the headline numbers, so
that a fact which leaves the ledger can still be named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import ledger
from helpers.errors import HelpersError
from helpers.reports import inputs
from helpers.wording import period, say, speaking


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything that is known of the facts of one report.

    Parameters
    ----------
    project : Path
        Its ledger is read.
    parameters : mapping
        The run's: ``language``, ``as_of`` and ``facts_path`` count, where there are such.
    """

    project: Path
    parameters: Mapping[str, Any]

    @property
    def as_of(self) -> str:
        """ISO day or empty."""
        return str(self.parameters.get("as_of") or "")

    def passports(self, fact_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What is known of some facts, as text in the report's language.

        Parameters
        ----------
        fact_ids : iterable of str

        Returns
        -------
        dict of str to dict
            For each fact that the ledger holds: ``what``, ``when``, ``value``, ``status``, ``publisher``, ``title``,
            ``published``, ``url``, ``note``, ``doubts``.
        """
        wanted = list(fact_ids)
        language = "zh" if str(self.parameters.get("language", "")).startswith("zh") else "en"
        found = passports(wanted, self.project, language=language, own=str(self.parameters.get("facts_path") or ""))
        held = self._held(wanted)
        return {i: {**passport, "doubts": held.get(i, [])} for i, passport in found.items()}

    def doubts(self, fact_ids: Iterable[str]) -> list[str]:
        """Why a number that rests on these facts has to be looked at; empty where nothing is held against them.

        Parameters
        ----------
        fact_ids : iterable of str
        """
        return [f"{i}: {text}" for i, texts in self._held(fact_ids).items() for text in texts]

    def _held(self, fact_ids: Iterable[str]) -> dict[str, list[str]]:
        """Fact to what is held against it: facts that an alarm names, or that its sources leave open."""
        wanted = list(dict.fromkeys(fact_ids))
        held: dict[str, list[str]] = {}
        for alarm in inputs.alarms(wanted, self.project, self.as_of):
            for i in wanted:
                if i in (alarm["doubted"] or alarm["fact_ids"]):
                    held.setdefault(i, []).append(f"{alarm['verdict']}: {alarm['text']}")
        return held

    def audit(self, fact_ids: Iterable[str]) -> dict[str, Any] | None:
        """The audit of the facts that a report rests on, for its foot.

        Parameters
        ----------
        fact_ids : iterable of str

        Returns
        -------
        dict or None
            ``facts`` (how many), ``counts`` of verdicts on them, ``alarms``, and ``ledger``, the audit of the whole
            ledger in one sentence. None where there is no ledger, or no fact.
        """
        wanted = set(fact_ids)
        found = inputs.audited(self.project, self.as_of)
        if found is None or not wanted:
            return None
        rows = found.verdicts[[bool(wanted & set(ids)) for ids in found.verdicts["fact_ids"]]]
        return {
            "facts": len(wanted),
            "counts": rows["verdict"].value_counts().to_dict(),
            "alarms": inputs.alarms(wanted, self.project, self.as_of),
            "ledger": found.text,
        }


def passports(
    fact_ids: Iterable[str], project: Path, *, language: str = "en", own: str = ""
) -> dict[str, dict[str, Any]]:
    """What the ledger says of some facts, as text.

    Parameters
    ----------
    fact_ids : iterable of str
    project : Path
    language : {"en", "zh"}
        Of the labels.
    own : str
        A user's own facts beside the ledger, as a notebook's parameter ``facts_path`` names them.
    """
    try:
        book = ledger.load(project / "data" / "ledger", own=own or None)
    except HelpersError:
        return {}
    names = ledger.names(language, book=book)
    rows = book.facts[book.facts["fact_id"].isin(set(fact_ids))].sort_values("fact_id")
    with speaking(language):
        return {row.fact_id: _passport(row, book.sources.loc[row.source_id], names) for row in rows.itertuples()}


def _passport(row: Any, source: pd.Series, names: Mapping[str, str]) -> dict[str, Any]:
    value = say(row.value, row.unit, row.currency)
    if pd.notna(row.value_high):
        value += f" – {say(row.value_high, row.unit, row.currency)}"
    measure = "" if row.measure == "level" else f" ({row.measure.replace('_', ' ')})"
    return {
        "what": f"{names[row.entity]}, {names[row.metric]}{measure}",
        "when": period(row.period_start, row.period_end) if pd.notna(row.period_end) else "",
        "value": value,
        "status": str(row.status),
        "publisher": source["publisher"],
        "title": source["title"],
        "published": source["published"],
        "url": source["url"] if source["url"].startswith(("http://", "https://")) else "",
        "note": str(row.note),
    }
