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
from helpers.wording import period, publishers, say, speaking


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

    @property
    def language(self) -> str:
        """``en`` or ``zh``."""
        return "zh" if str(self.parameters.get("language", "")).startswith("zh") else "en"

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
        held = self._held(wanted)
        return {i: {**passport, "doubts": held.get(i, [])} for i, passport in self.said(wanted).items()}

    def said(self, fact_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The same without ``doubts``: what the sources say of themselves.

        Parameters
        ----------
        fact_ids : iterable of str
        """
        book = self._book()
        if book is None:
            return {}
        names = ledger.names(self.language, book=book)
        rows = book.facts[book.facts["fact_id"].isin(set(fact_ids))].sort_values("fact_id")
        with speaking(self.language):
            return {row.fact_id: _passport(row, book.sources.loc[row.source_id], names) for row in rows.itertuples()}

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
        for alarm in self._alarms(wanted):
            for i in wanted:
                if i in (alarm["doubted"] or alarm["fact_ids"]):
                    held.setdefault(i, []).append(f"{alarm['verdict']}: {alarm['text']}")
        book = self._book()
        rows = book.facts[book.facts["fact_id"].isin(wanted) & book.facts["nature"].eq("doubtful")] if book else None
        for row in rows.itertuples() if rows is not None else ():
            held.setdefault(row.fact_id, []).append(f"marked {row.status} in the ledger: {row.note}")
        return held

    def _alarms(self, wanted: Iterable[str]) -> list[dict[str, Any]]:
        """What the audit holds against some facts, in the words of a reader."""
        book = self._book()
        if book is None:
            return []
        names = ledger.names(self.language, book=book)
        return [
            {
                **alarm,
                "what": ", ".join(names.get(str(alarm[part]), str(alarm[part])) for part in ("entity", "metric")),
                "text": publishers(alarm["text"], book.sources["publisher"]),
            }
            for alarm in inputs.alarms(wanted, self.project, self.as_of)
        ]

    def _book(self) -> ledger.Ledger | None:
        try:
            return ledger.load(
                self.project / "data" / "ledger", own=str(self.parameters.get("facts_path") or "") or None
            )
        except HelpersError:
            return None

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
            "alarms": self._alarms(wanted),
            "ledger": found.text,
        }


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
