"""What a notebook asks of the ledger: facts as known on a day, one preferred series, a citation."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from helpers import evidence
from helpers.errors import UnknownNameError
from helpers.ledger.schema import MEASURES, NATURES
from helpers.ledger.store import Ledger, load
from helpers.settings import LANGUAGES, parse_day

FREQUENCIES = {
    "point": (0, 0),
    "month": (27, 30),
    "quarter": (88, 92),
    "half": (180, 184),
    "year": (363, 366),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferredSeries:
    """One figure per period, and everything it was chosen over.

    Attributes
    ----------
    table : DataFrame
        One row per entity, metric and period: entity, metric, metric_kind, period_start, period_end,
        value, low, high (what rounding and words such as "about" leave open), unit, currency, fact_id,
        source_id, status, qualifier, basis, kind, known_on, first_known_on (when the same value was first
        public, from whatever source), is_dated (that day is a page's own, not the last it can have
        been), support (independent origins behind the value), is_disputed, range_low, range_high (over
        all alternatives that were not set aside), reason.
    rejected : DataFrame
        The alternatives: entity, metric, period_start, period_end, value, currency, basis, fact_id,
        source_id, status, reason.
    fact_ids : tuple of str
        The facts chosen.
    text : str
        One sentence on how many periods, how many disputed.
    """

    table: pd.DataFrame
    rejected: pd.DataFrame
    fact_ids: tuple[str, ...]
    text: str


def facts(
    *,
    entity: str | Sequence[str] | None = None,
    metric: str | Sequence[str] | None = None,
    measure: str | Sequence[str] | None = None,
    nature: str | Sequence[str] | None = None,
    as_of: str | date | None = None,
    book: Ledger | None = None,
) -> pd.DataFrame:
    """Facts that were public on a day.

    Parameters
    ----------
    entity, metric, measure, nature : str or sequence of str, optional
        Keep only these. ``nature`` is measured, expected, rule (conditions and thresholds, which are
        not measurements) or doubtful. Default: all of them.
    as_of : ISO day or date, optional
        Only what was public at the end of that day. Default: everything.
    book : Ledger, optional
        Default: the project's ledger.

    Returns
    -------
    DataFrame
        Rows in the order of ``known_on``; see `Ledger.facts` for the columns.

    Raises
    ------
    UnknownNameError
        A name is not in its closed list.
    ParameterError
        ``as_of`` is not a day.
    """
    book = book or load()
    rows = public(as_of=as_of, book=book)
    keep, asked = None, {}
    for column, wanted in (("entity", entity), ("metric", metric), ("measure", measure), ("nature", nature)):
        if wanted is None:
            continue
        asked[column] = _names(column, wanted, book)
        mask = _is_any(rows[column], asked[column])
        keep = mask if keep is None else keep & mask
    day = parse_day(as_of)
    told = {"entity": asked.get("entity"), "metric": asked.get("metric"), "as_of": day.isoformat() if day else ""}
    sys.audit("helpers.slice", json.dumps(told))  # a report run keeps what it rests on
    # a copy costs nothing until it is written to, and then the cached ledger stays as it was loaded
    return rows.copy(deep=False) if keep is None else rows.take(np.flatnonzero(keep))


def public(*, as_of: str | date | None = None, book: Ledger | None = None) -> pd.DataFrame:
    """Every fact that was public on a day: for the audit, and for looking facts up by their id.

    A report run does not count this table among its inputs; what an answer is computed from comes from
    `facts` and `preferred`, which are noted, so that a new fact on one company leaves the reports on others alone.

    Parameters
    ----------
    as_of : ISO day or date, optional
        Only what was public at the end of that day. Default: everything.
    book : Ledger, optional
        Default: the project's ledger.

    Returns
    -------
    DataFrame
        In the order of ``known_on``; see `Ledger.facts` for the columns.

    Raises
    ------
    ParameterError
        ``as_of`` is not a day.
    """
    rows, day = (book or load()).facts, parse_day(as_of)
    if day is not None:  # the table is in the order of known_on, so a day is a cut, not a scan
        cut = rows["known_on"].searchsorted(pd.Timestamp(day), side="right")
        rows = rows.iloc[:cut]
    return rows.copy(deep=False)


def _names(column: str, wanted: str | Sequence[str], book: Ledger) -> list[str]:
    lists = {
        "entity": book.entities.index,
        "metric": book.metrics.index,
        "measure": MEASURES,
        "nature": NATURES,
    }
    known = lists[column]
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name not in known:
            raise UnknownNameError(column, name, list(known))
    return names


def _is_any(values: pd.Series, names: list[str]) -> np.ndarray:
    good = values.cat.categories.isin(names)
    return good[values.cat.codes.to_numpy()]


def preferred(
    *,
    entity: str | Sequence[str],
    metric: str | Sequence[str],
    frequency: str | None = None,
    as_of: str | date | None = None,
    doubts: Mapping[str, str] | None = None,
    book: Ledger | None = None,
) -> PreferredSeries:
    """One level per period by the stated rule, the alternatives kept beside it.

    The rule is `helpers.evidence.PREFERENCE_RULE`. Facts that are suspect or in `doubts` are never
    chosen and never widen the range; forecasts and targets are left to `facts`.

    Parameters
    ----------
    entity, metric : str or sequence of str
        Which series.
    frequency : {"point", "month", "quarter", "half", "year"}, optional
        Keep only periods of this length. Default: all lengths.
    as_of : ISO day or date, optional
        Only what was public on that day.
    doubts : mapping of fact_id to reason, optional
        Facts to set aside, such as `helpers.audit.Audit.doubts`.
    book : Ledger, optional
        Default: the project's ledger.

    Raises
    ------
    UnknownNameError
        Unknown entity, metric or frequency.
    """
    book = book or load()
    rows = facts(entity=entity, metric=metric, measure="level", as_of=as_of, book=book)
    rows = rows[rows["nature"].isin(["measured", "doubtful"]) & rows["period_end"].notna()]
    rows = _of_length(rows, frequency)
    rows = rows.join(evidence.intervals(rows))
    rows["metric_kind"] = rows["metric"].astype(str).map(book.metrics["kind"])
    doubts = doubts or {}
    aside = rows["nature"].eq("doubtful") | rows["fact_id"].isin(list(doubts))
    ranked = evidence.choose(rows[~aside])
    table = _with_ranges(ranked)
    rejected = _rejected(ranked, rows[aside], table, doubts)
    disputed = int(table["is_disputed"].sum())
    text = (
        f"{len(table)} periods, {disputed} with sources that disagree beyond rounding, "
        f"{len(rejected)} alternatives kept"
    )
    return PreferredSeries(table=table, rejected=rejected, fact_ids=tuple(table["fact_id"]), text=text)


def _of_length(rows: pd.DataFrame, frequency: str | None) -> pd.DataFrame:
    if frequency is None:
        return rows
    if frequency not in FREQUENCIES:
        raise UnknownNameError("frequency", frequency, list(FREQUENCIES))
    low, high = FREQUENCIES[frequency]
    return rows[(rows["period_end"] - rows["period_start"]).dt.days.between(low, high)]


def _with_ranges(ranked: pd.DataFrame) -> pd.DataFrame:
    """The chosen rows with the range of all that stood for choice in the same currency."""
    period = ["entity", "metric", "period_start", "period_end"]
    ranked = ranked.assign(**_first_public(ranked))
    chosen = ranked[ranked["is_preferred"]].sort_values(["entity", "metric", "period_end", "period_start"])
    same = ranked.merge(chosen[[*period, "currency", "cluster"]], on=[*period, "currency"], suffixes=("", "_chosen"))
    spread = same.groupby(period, observed=True).agg(
        range_low=("value", "min"),
        range_high=("value", "max"),
        is_disputed=("cluster", "nunique"),
        alternatives=("fact_id", "size"),
    )
    spread["is_disputed"] = spread["is_disputed"] > 1
    table = chosen.merge(spread.reset_index(), on=period)
    reasons = [
        f"{row.kind}, {row.status}, {row.support} origin{'s' if row.support > 1 else ''}; "
        + (f"chosen from {row.alternatives}" if row.alternatives > 1 else "the only figure")
        for row in table.itertuples()
    ]
    table["reason"] = pd.array(reasons, dtype="str")  # text even where there is no row
    columns = [
        "entity",
        "metric",
        "metric_kind",
        "period_start",
        "period_end",
        "value",
        "low",
        "high",
        "unit",
        "currency",
        "fact_id",
        "source_id",
        "status",
        "qualifier",
        "basis",
        "kind",
        "known_on",
        "first_known_on",
        "is_dated",
        "support",
        "is_disputed",
        "range_low",
        "range_high",
        "reason",
    ]
    return table[columns].reset_index(drop=True)


def _first_public(ranked: pd.DataFrame) -> dict[str, pd.Series]:
    """When a value was first public: by its first dated page; undated pages count only among themselves."""
    dated = ranked["known_basis"].eq("published")
    of_cluster = ranked["known_on"].where(dated).groupby(ranked["cluster"], sort=False).transform("min")
    of_any = ranked.groupby("cluster", sort=False)["known_on"].transform("min")
    return {"first_known_on": of_cluster.fillna(of_any), "is_dated": of_cluster.notna()}


def _rejected(
    ranked: pd.DataFrame, aside: pd.DataFrame, table: pd.DataFrame, doubts: Mapping[str, str]
) -> pd.DataFrame:
    """Every alternative with the reason it was not chosen."""
    period = ["entity", "metric", "period_start", "period_end"]
    columns = [*period, "value", "currency", "basis", "fact_id", "source_id", "status"]
    lost = ranked[~ranked["is_preferred"]].merge(
        ranked[ranked["is_preferred"]][[*period, "fact_id", "cluster", "trust", "currency"]],
        on=period,
        suffixes=("", "_chosen"),
    )
    lost["reason"] = np.select(
        [
            lost["currency"].astype(str) != lost["currency_chosen"].astype(str),
            lost["cluster"] == lost["cluster_chosen"],
            lost["trust"] > lost["trust_chosen"],
        ],
        [
            "other currency than " + lost["fact_id_chosen"],
            "agrees with " + lost["fact_id_chosen"] + ", which is preferred",
            "disagrees with " + lost["fact_id_chosen"] + " from a more trusted kind of source",
        ],
        "disagrees with " + lost["fact_id_chosen"] + ", which has more support or is later",
    )
    aside = aside.assign(
        reason=[doubts.get(i, f"marked suspect: {n}") for i, n in zip(aside["fact_id"], aside["note"], strict=True)]
    )
    out = pd.concat([lost[[*columns, "reason"]], aside[[*columns, "reason"]]])
    return out.sort_values(["entity", "metric", "period_end", "fact_id"]).reset_index(drop=True)


def names(language: str = "en", *, book: Ledger | None = None) -> dict[str, str]:
    """Label of every entity and metric.

    Parameters
    ----------
    language : {"en", "zh"}
        Which of the ledger's names.
    book : Ledger, optional
        Default: the project's ledger.
    """
    book = book or load()
    column = f"name_{_language(language)}"
    return {**book.metrics[column].to_dict(), **book.entities[column].to_dict()}


def label(code: str, language: str = "en", *, book: Ledger | None = None) -> str:
    """Label of one entity or metric.

    Raises
    ------
    UnknownNameError
        The code is in neither list.
    """
    known = names(language, book=book)
    if code not in known:
        raise UnknownNameError("entity or metric", code, list(known))
    return known[code]


def cite(fact_id: str, *, language: str = "en", book: Ledger | None = None) -> str:
    """Citation of one fact: publisher, title, day, address, and the fact's own id.

    Raises
    ------
    UnknownNameError
        No fact has this id, or the language is not known.
    """
    book = book or load()
    row = book.facts[book.facts["fact_id"].eq(fact_id)]
    if row.empty:
        raise UnknownNameError("fact_id", fact_id, list(book.facts["fact_id"]))
    fact = row.iloc[0]
    source = book.sources.loc[fact["source_id"]]
    undated = {"en": "no date", "zh": "无日期"}[_language(language)]
    parts = [source["publisher"], source["title"], source["published"] or undated, source["url"]]
    return f"{'; '.join(str(p) for p in parts if p)} [{fact_id}]"


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, list(LANGUAGES))
    return language
