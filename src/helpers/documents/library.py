"""The library: one SQLite file with documents, passages, claims, checks and a full-text index.

It lies beside the folder that it is made from, which stays the user's own and is never written to. Files are added
whole, in transactions, and once: a file whose bytes are known is passed over, and the same text from two files is one
document. What the module cannot do: notice that a file was deleted (a document once read stays, as sources do).
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers import claims as grammar
from helpers.documents import index
from helpers.documents.articles import Article
from helpers.documents.batches import BATCH, Read, Reader, chunks, files_of, is_much, read_all, rows_of
from helpers.errors import DataError

SCHEMA = 1
CACHE_KB = 65_536
WAIT_SECONDS = 60
CLAIM_COLUMNS = ("claim_id", "doc_id", *grammar.COLUMNS)
CHECK_COLUMNS = ("verdict", "rule", "entity", "metric", "period_end", "text", "claim_ids", "doubted")
_NUMBERS = {"start", "end", "value", "value_high", "half_width", "sentence", "series", "confidence"}
_TABLES = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE files (sha256 TEXT PRIMARY KEY, name TEXT, problem TEXT);
CREATE TABLE documents (
    doc_id TEXT PRIMARY KEY, file TEXT, sha256 TEXT, start INTEGER, title TEXT, publisher TEXT, published TEXT,
    language TEXT, kind TEXT, reader TEXT, text TEXT);
CREATE TABLE passages (id INTEGER PRIMARY KEY, doc_id TEXT, start INTEGER, "end" INTEGER);
CREATE INDEX passages_of ON passages (doc_id);
CREATE TABLE claims ({", ".join(f'"{c}" {"NUMERIC" if c in _NUMBERS else "TEXT"}' for c in CLAIM_COLUMNS)});
CREATE TABLE checks ({", ".join(CHECK_COLUMNS)});
CREATE VIRTUAL TABLE words USING fts5(title, body, content='', tokenize="unicode61 remove_diacritics 0");
"""
INDEXES = {
    "claims_by_value": "claims (unit, value)",
    "claims_by_subject": "claims (metric, unit, value, entity)",
    "claims_by_range": "claims (unit, value_high, value, metric, entity) WHERE value_high IS NOT NULL",
    "claims_of": "claims (doc_id)",
}
"""Made when a library is opened and after a large folder was added: sorting once is faster than keeping in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the files that were offered.

    Attributes
    ----------
    new, known, claims : int
        Documents added, documents and files known before, claims of the new ones.
    broken : tuple of str
        One line for each file that could not be read.
    text : str
        One sentence.
    """

    new: int
    known: int
    claims: int
    broken: tuple[str, ...]

    @property
    def text(self) -> str:
        """One sentence."""
        said = f"{self.new} documents added with {self.claims} claims, {self.known} known before"
        return said + (f", {len(self.broken)} files not read" if self.broken else "")


def place(folder: Path) -> Path:
    """Where the library of a folder lies: beside it, with the same name."""
    if not folder.name:
        raise DataError(str(folder), ["a whole disk is no folder of articles"])
    return folder.with_name(f"{folder.name}.sqlite")


class Library:
    """An open library; see `open_library`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection

    def add(self, files: Path | Iterable[Path], *, reader: Reader | None = None, version: str = "") -> Added:
        """Read files into the library.

        Parameters
        ----------
        files : Path or iterable of Path
            A folder, with its subfolders, or single files. Hidden files and a README.md are passed over.
        reader : callable, optional
            From an `Article` to its claims; must be picklable. Default: no claims.
        version : str
            Of the reader. Documents read by another one are read again from their stored text.

        Returns
        -------
        Added
            A broken file is one line in it, and the rest goes on.
        """
        found = [*files_of(files)]
        known = {row[0] for row in self.connection.execute("SELECT sha256 FROM files WHERE problem = ''")}
        new = old = count = 0
        broken: list[str] = []
        if not known and is_much(found):
            self._run_all(f"DROP INDEX IF EXISTS {name}" for name in INDEXES)
        for batch in read_all(found, known, reader, version):
            told = [0, 0, 0]
            with self._writing():
                for read in batch:
                    if read.problem:
                        broken.append(read.problem)
                    for position, number in enumerate(self._write(read)):
                        told[position] += number
            new, old, count = new + told[0], old + told[1], count + told[2]
        self._run_all(_index_statements())
        if reader is not None:
            count += self._read_again(reader, version)
        return Added(new=new, known=old, claims=count, broken=tuple(broken))

    def _run_all(self, statements: Iterable[str]) -> None:
        with self._writing():
            for statement in statements:
                self.connection.execute(statement)

    def _write(self, read: Read) -> tuple[int, int, int]:
        """Write one file: documents new, known, claims."""
        run = self.connection.execute
        if not read.documents and not read.problem:
            return 0, 1, 0
        run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (read.sha256, read.name, read.problem))
        new = old = count = 0
        for document, passages, rows in read.documents:
            if not run(f"INSERT OR IGNORE INTO documents VALUES ({_marks(11)})", document).rowcount:
                old += 1
                continue
            new, count = new + 1, count + len(rows)
            for start, end, body in passages:
                at = run('INSERT INTO passages (doc_id, start, "end") VALUES (?, ?, ?)', (document[0], start, end))
                title = index.terms(document[4]) if start == 0 else ""
                run("INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)", (at.lastrowid, title, body))
            self.connection.executemany(f"INSERT INTO claims VALUES ({_marks(len(CLAIM_COLUMNS))})", rows)
        return new, old, count

    def _read_again(self, reader: Reader, version: str) -> int:
        """Claims of documents that another version of the reader has read."""
        stale = self.connection.execute(
            "SELECT doc_id, title, publisher, published, language, text, start, kind FROM documents WHERE reader <> ?",
            (version,),
        ).fetchall()
        count = 0
        for rows in chunks(stale, BATCH):
            with self._writing():
                for doc_id, *given in rows:
                    article = Article(
                        **dict(
                            zip(
                                ("title", "publisher", "published", "language", "text", "start", "kind"),
                                given,
                                strict=True,
                            )
                        )
                    )
                    fresh = rows_of(doc_id, reader(article))
                    self.connection.execute("DELETE FROM claims WHERE doc_id = ?", (doc_id,))
                    self.connection.executemany(f"INSERT INTO claims VALUES ({_marks(len(CLAIM_COLUMNS))})", fresh)
                    self.connection.execute("UPDATE documents SET reader = ? WHERE doc_id = ?", (version, doc_id))
                    count += len(fresh)
        return count

    def replace_claims(self, doc_id: str, found: list[grammar.Claim]) -> None:
        """Put other claims in the place of a document's."""
        rows = rows_of(doc_id, found)
        with self._writing():
            self.connection.execute("DELETE FROM claims WHERE doc_id = ?", (doc_id,))
            self.connection.executemany(f"INSERT INTO claims VALUES ({_marks(len(CLAIM_COLUMNS))})", rows)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing; another process that writes is waited for."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def documents(self) -> pd.DataFrame:
        """doc_id, file, start, title, publisher, published, language, kind of every document, the latest first."""
        columns = "doc_id, file, start, title, publisher, published, language, kind"
        return self._table(f"SELECT {columns} FROM documents ORDER BY published DESC, doc_id")

    def claims(self, doc_ids: Sequence[str] | None = None, *, as_of: str = "") -> pd.DataFrame:
        """Claims with title, publisher and published of their document, in the order of documents and places.

        Parameters
        ----------
        doc_ids : sequence of str, optional
            Only of these documents.
        as_of : str, default ""
            ISO day: only documents that were published by then; one without a day is left out, and one that is dated
            by its month or year counts from the last day of it.
        """
        where = "" if doc_ids is None else f"WHERE c.doc_id IN ({_marks(len(doc_ids))})"
        table = self._table(
            "SELECT c.*, d.title, d.publisher, d.published, d.language, d.file FROM claims c "
            f"JOIN documents d USING (doc_id) {where} ORDER BY d.published, c.doc_id, c.start",
            () if doc_ids is None else tuple(doc_ids),
        )
        for column in ("value", "value_high", "half_width", "confidence"):
            table[column] = table[column].astype(float)
        if as_of:
            known_on = table["published"].replace({r"^(\d{4})$": r"\1-12-31", r"^(\d{4}-\d\d)$": r"\1-31"}, regex=True)
            after = f"{pd.Timestamp(as_of) + pd.Timedelta(days=1):%Y-%m-%d}"  # of a month of 30 days, too
            table = table[table["published"].ne("") & known_on.lt(after)].reset_index(drop=True)
        for column in ("readings", "inferred"):
            table[column] = [
                tuple(map(tuple, v)) if column == "readings" else tuple(v) for v in map(json.loads, table[column])
            ]
        return table

    def checks(self) -> pd.DataFrame:
        """The verdicts that `keep_checks` kept."""
        table = self._table("SELECT * FROM checks")
        for column in ("claim_ids", "doubted"):
            table[column] = [tuple(json.loads(v)) for v in table[column]]
        return table

    def keep_checks(self, verdicts: pd.DataFrame) -> None:
        """Replace the checks by these verdicts, whose ``fact_ids`` are ids of claims."""
        table = checks_of(verdicts)
        for column in ("claim_ids", "doubted"):
            table[column] = [json.dumps(ids) for ids in table[column]]
        rows = list(table.itertuples(index=False, name=None))
        with self._writing():
            self.connection.execute("DELETE FROM checks")
            self.connection.executemany(f"INSERT INTO checks VALUES ({_marks(len(CHECK_COLUMNS))})", rows)

    def broken(self) -> list[str]:
        """One line for each file that could not be read."""
        return [
            row[0] for row in self.connection.execute("SELECT problem FROM files WHERE problem <> '' ORDER BY name")
        ]

    def text(self, doc_id: str) -> str:
        """The text of a document; the offsets of its claims count in it.

        Raises
        ------
        DataError
            No document has this id.
        """
        row = self.connection.execute("SELECT text FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
        if row is None:
            raise DataError(self.path.name, [f"no document {doc_id!r}"])
        return row[0]

    def passage(self, doc_id: str, start: int, end: int, *, around: int = 90) -> tuple[str, str, str]:
        """The words before a place of a document, at it, and after it, on one line each."""
        text = self.text(doc_id)
        flat = lambda part: re.sub(r"\s+", " ", part)  # noqa: E731
        return flat(text[max(0, start - around) : start]), text[start:end], flat(text[end : end + around])

    def quoted(self, claims: pd.DataFrame, *, around: int = 90) -> pd.DataFrame:
        """Claims with the words before and after each, as the columns before and after.

        Parameters
        ----------
        claims : DataFrame
            As `claims` gives them.
        around : int, default 90
            Characters on either side.
        """
        texts = {doc: self.text(doc) for doc in claims["doc_id"].unique()}
        flat = lambda part: re.sub(r"\s+", " ", part)  # noqa: E731
        places = list(zip(claims["doc_id"], claims["start"], claims["end"], strict=True))
        return claims.assign(
            before=[flat(texts[d][max(0, a - around) : a]) for d, a, _ in places],
            after=[flat(texts[d][b : b + around]) for d, _, b in places],
        )

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _table(self, query: str, values: tuple = ()) -> pd.DataFrame:
        cursor = self.connection.execute(query, values)
        return pd.DataFrame(cursor.fetchall(), columns=[column[0] for column in cursor.description])


def checks_of(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of the audit of claims in the form of `Library.checks`.

    Parameters
    ----------
    verdicts : DataFrame
        As `helpers.audit.texts` gives them.
    """
    days = ["" if pd.isna(day) else f"{day:%Y-%m-%d}" for day in verdicts["period_end"]]
    return verdicts.assign(period_end=days, claim_ids=verdicts["fact_ids"])[list(CHECK_COLUMNS)].reset_index(drop=True)


def open_library(path: Path) -> Library:
    """Open a library, and make it where there is none.

    Parameters
    ----------
    path : Path
        The SQLite file.

    Raises
    ------
    DataError
        The file is no library, is damaged, was made by another version, or its folder cannot be written to.
    """
    try:
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        _prepare(connection, path.name)
    except sqlite3.Error as error:
        raise DataError(
            path.name, [f"cannot be opened as a library ({error}): move it away and add the folder again"]
        ) from None
    return Library(path, connection)


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    """Make the tables once; two processes that find none wait for each other."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "about" not in there:
            if there:
                raise DataError(
                    name, [f"a SQLite file with other tables ({', '.join(sorted(there)[:4])}): give another name"]
                )
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("INSERT INTO about VALUES ('schema', ?)", (str(SCHEMA),))
            for statement in _index_statements():
                connection.execute(statement)
        found = connection.execute("SELECT value FROM about WHERE key = 'schema'").fetchone()
        if found is None or found[0] != str(SCHEMA):
            raise DataError(
                name,
                [
                    f"made by another version (schema {found and found[0]}, now {SCHEMA}): "
                    "move it away and add the folder again"
                ],
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _index_statements() -> Iterator[str]:
    return (f"CREATE INDEX IF NOT EXISTS {name} ON {columns}" for name, columns in INDEXES.items())


def _marks(number: int) -> str:
    return ", ".join("?" * number)
