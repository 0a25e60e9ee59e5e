"""From claims to facts: a table in which an analyst accepts, corrects or rejects, and what acceptance writes.

Nothing enters the ledger by itself. `sheet` makes the table, `save` and `decisions` take it to a CSV file and back, and
`accept` writes the accepted rows to ``facts.csv`` and their articles to ``sources.csv``, with the place in the text as
locator. The ledger's own rules decide whether a row may enter; if one may not, nothing is written.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import filelock
import pandas as pd

from helpers import ledger, paths, tables
from helpers.claims import STATUS, as_kept
from helpers.documents.library import Library
from helpers.errors import DataError
from helpers.ledger.schema import LAYOUTS

DECISIONS = ("", "accept", "correct", "reject")
EDITABLE = (
    "value", "value_high", "unit", "currency", "qualifier", "entity", "metric", "measure", "period_start", "period_end",
    "basis",
)  # fmt: skip
SHEET = (
    "decision", "claim_id", "context", "printed", *EDITABLE, "confidence", "checks", "title", "publisher", "published",
    "kind", "comment",
)  # fmt: skip
LEAST_TRUSTED = "repost"
_LAYOUT = tables.Layout(
    columns=SHEET,
    numbers=("value", "value_high", "confidence"),
    prose=("context", "printed", "checks", "title", "comment"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What acceptance wrote.

    Attributes
    ----------
    facts, sources : DataFrame
        The rows that were added, as the files have them.
    text : str
        One sentence.
    """

    facts: pd.DataFrame
    sources: pd.DataFrame

    @property
    def text(self) -> str:
        """One sentence."""
        articles = self.facts["source_id"].nunique()
        return f"{len(self.facts)} facts from {articles} articles added, {len(self.sources)} of them new sources"


def sheet(library: Library, claims: pd.DataFrame | None = None) -> pd.DataFrame:
    """Claims as a table to decide on.

    Parameters
    ----------
    library : Library
    claims : DataFrame, optional
        As `Library.claims` gives them. Default: all that name an entity and a metric.

    Returns
    -------
    DataFrame
        Columns `SHEET`. ``context`` has the number between ⟦ and ⟧, ``checks`` what the kept checks say of it.
    """
    rows = as_kept(library.claims() if claims is None else claims)
    rows = rows[rows["entity"].ne("") & rows["metric"].ne("")] if claims is None else rows
    said: dict[str, list[str]] = {}
    for check in library.checks().itertuples():
        for claim_id in check.claim_ids if check.verdict in ("inconsistent", "implausible") else ():
            said.setdefault(claim_id, []).append(f"{check.verdict}: {check.text}")
    texts = {doc: library.text(doc) for doc in rows["doc_id"].unique()}
    context = [
        _context(texts[doc], start, end)
        for doc, start, end in zip(rows["doc_id"], rows["start"], rows["end"], strict=True)
    ]
    return rows.assign(
        decision="", context=context, checks=[" / ".join(said.get(i, ())) for i in rows["claim_id"]],
        kind=LEAST_TRUSTED, comment="",
    )[list(SHEET)].reset_index(drop=True)  # fmt: skip


def _context(text: str, start: int, end: int, around: int = 70) -> str:
    before, after = text[max(0, start - around) : start], text[end : end + around]
    return re.sub(r"\s+", " ", f"{before}⟦{text[start:end]}⟧{after}").strip()


def save(table: pd.DataFrame, path: Path) -> None:
    """Write the table as CSV that a spreadsheet opens with Chinese letters."""
    table = table.assign(**{c: [_harmless(v) for v in table[c]] for c in ("context", "title", "publisher", "checks")})
    table.to_csv(path, index=False, encoding="utf-8-sig")


def _harmless(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if str(text)[:1] in ("=", "+", "-", "@") else text


def decisions(path: Path) -> pd.DataFrame:
    """Read a table back.

    Raises
    ------
    DataError
        Columns are missing, a number is none, or a decision is none of accept, correct, reject; by row.
    """
    content = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        plain.write_bytes(content.removeprefix(b"\xef\xbb\xbf"))
        table, _ = tables.read(plain, _LAYOUT)
    wrong = [
        f"row {n + 2}, decision: {d!r} is none of accept, correct, reject, or empty"
        for n, d in enumerate(table["decision"].astype("str"))
        if d not in DECISIONS
    ]
    if wrong:
        raise DataError(path.name, wrong)
    return table


def accept(library: Library, table: pd.DataFrame, *, folder: Path | None = None) -> Accepted:
    """Write the accepted and corrected rows to the ledger.

    Parameters
    ----------
    library : Library
        In which every claim must still stand as it is printed in the table.
    table : DataFrame
        As `decisions` reads it: rows with ``accept`` enter as the claim has them, rows with ``correct`` as the table
        has them, the others do not.
    folder : Path, optional
        The ledger's folder. Default: the project's.

    Raises
    ------
    DataError
        A claim is gone or was changed without ``correct``, or a row breaks a rule of the ledger. Nothing is written.
    """
    folder = folder or paths.LEDGER
    with filelock.FileLock(folder.with_name(f".{folder.name}.lock"), timeout=60):  # two who accept at once
        return _accepted(library, table, folder)


def _accepted(library: Library, table: pd.DataFrame, folder: Path) -> Accepted:
    chosen = table[table["decision"].isin(["accept", "correct"])].reset_index(drop=True)
    if chosen.empty:
        raise DataError("review", ["no row says accept or correct: nothing to write"])
    claims = as_kept(library.claims()).set_index("claim_id", drop=False)
    _refuse_changed(chosen, claims)
    book = ledger.load(folder)
    _refuse_known(chosen, claims, book)
    sources = _sources(chosen, claims, library, book)
    facts = _facts(chosen, claims, sources, library, book)
    new = sources[~sources["source_id"].isin(book.sources.index)].drop(columns="doc_id").drop_duplicates("source_id")
    _write(folder, facts, new)
    return Accepted(facts=facts, sources=new)


def _refuse_changed(chosen: pd.DataFrame, claims: pd.DataFrame) -> None:
    """A claim that is gone, printed otherwise, or was edited under ``accept``."""
    wrong = []
    for n, row in enumerate(chosen.itertuples()):
        if row.claim_id not in claims.index:
            wrong.append(f"{row.claim_id}: no such claim in the library: make the table again")
            continue
        claim = claims.loc[row.claim_id]
        if claim["printed"] != row.printed:
            wrong.append(
                f"{row.claim_id}: the text prints {claim['printed']!r}, the table {row.printed!r}: "
                "printed text is never changed"
            )
        for column in EDITABLE if row.decision == "accept" else ():
            given, own = chosen[column].iloc[n], claim[column]
            same = (
                (pd.isna(given) and pd.isna(own)) or str(given) == str(own) or (isinstance(own, float) and given == own)
            )
            if not same:
                told = [_plain(v) if isinstance(v, float) else repr(v) for v in (given, own)]
                wrong.append(
                    f"{row.claim_id}, {column}: {told[0]} is not {told[1]} as it was read: say correct, not accept"
                )
    if wrong:
        raise DataError("review", wrong)


def _refuse_known(chosen: pd.DataFrame, claims: pd.DataFrame, book: ledger.Ledger) -> None:
    """A claim that was accepted before: its place stands in a fact's note."""
    notes = book.facts.loc[book.facts["note"].str.contains("(document ", regex=False), ["fact_id", "note"]]
    wrong = []
    for claim_id in chosen["claim_id"]:
        claim = claims.loc[claim_id]
        place = f"at characters {claim['start']}-{claim['end']} of {claim['file']} (document {claim['doc_id']})"
        for row in notes[notes["note"].str.contains(place, regex=False)].itertuples():
            wrong.append(f"{claim_id}: is in the ledger as {row.fact_id}: reject it, or leave it empty")
    if wrong:
        raise DataError("review", wrong)


def _sources(chosen: pd.DataFrame, claims: pd.DataFrame, library: Library, book: ledger.Ledger) -> pd.DataFrame:
    """One source for each article: the ledger's own where publisher, title and day are the same."""
    known = {(s.publisher, s.title, s.published): s.source_id for s in book.sources.itertuples()}
    taken = [int(i[4:]) for i in book.sources.index if re.fullmatch(r"doc-\d+", i)]
    number = max(taken, default=0)
    rows = []
    for doc_id, group in chosen.groupby(claims.loc[chosen["claim_id"], "doc_id"].to_numpy(), sort=False):
        claim = claims.loc[group["claim_id"].iloc[0]]
        publisher = claim["publisher"] or "publisher not stated"
        key = (publisher, claim["title"], claim["published"])
        if key not in known:
            number += 1
            known[key] = f"doc-{number:03d}"
        kind = group["kind"].iloc[0] or LEAST_TRUSTED
        rows.append(
            (
                doc_id,
                known[key],
                publisher,
                claim["title"],
                "",
                claim["published"],
                kind,
                f"{claim['file']}, document {doc_id}",
            )
        )
    return pd.DataFrame(rows, columns=["doc_id", *LAYOUTS["sources"].columns])


def _facts(
    chosen: pd.DataFrame, claims: pd.DataFrame, sources: pd.DataFrame, library: Library, book: ledger.Ledger
) -> pd.DataFrame:
    source_of = dict(zip(sources["doc_id"], sources["source_id"], strict=True))
    last = max(int(i[1:]) for i in book.facts["fact_id"] if re.fullmatch(r"f\d+", i))
    rows = []
    for n, row in enumerate(chosen.itertuples(), 1):
        claim = claims.loc[row.claim_id]
        published = claim["published"] if len(claim["published"]) == 10 else ""
        note = f"printed “{claim['printed']}” at characters {claim['start']}-{claim['end']} of {claim['file']}"
        note += f" (document {claim['doc_id']})"
        note += "; corrected in review" if row.decision == "correct" else ""
        note += f"; {row.comment}" if row.comment else ""
        rows.append({
            "fact_id": f"f{last + n:04d}", "entity": row.entity, "metric": row.metric, "measure": row.measure,
            "value": _plain(row.value), "value_high": _plain(row.value_high), "unit": row.unit,
            "currency": row.currency,
            "period_start": row.period_start, "period_end": row.period_end, "as_of": row.period_end or published,
            "status": STATUS.get(row.basis, row.basis), "precision": _plain(2 * float(claim["half_width"])),
            "qualifier": row.qualifier, "basis": "", "source_id": source_of[claim["doc_id"]], "note": note,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _plain(value: float | None) -> str:
    return (
        ""
        if value is None or pd.isna(value)
        else f"{float(value):.12g}"
        if abs(float(value)) < 1e12
        else f"{float(value):.0f}"
    )


def _write(folder: Path, facts: pd.DataFrame, sources: pd.DataFrame) -> None:
    """The new ledger is loaded from a copy before its files take the place of the old ones, the sources first."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        trial = Path(scratch) / folder.name
        shutil.copytree(folder, trial)
        for name, rows in (("facts", facts), ("sources", sources)):
            path = trial / f"{name}.csv"
            columns = pd.read_csv(path, nrows=0).columns
            head = path.read_bytes()
            ending = b"" if head.endswith(b"\n") else b"\n"
            body = rows.reindex(columns=columns).to_csv(index=False, header=False, lineterminator="\n")
            path.write_bytes(head + ending + body.encode())
        ledger.load(trial)  # the ledger's own rules; raises with row and column
        for name in ("sources", "facts"):  # a fact never points to a source that is not there yet
            os.replace(trial / f"{name}.csv", folder / f"{name}.csv")
