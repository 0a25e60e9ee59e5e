"""From files to rows: read, split into passages, claims taken; in several processes where there is much.

What the module cannot do: write. `helpers.documents.library` puts what is read here into its file, whole or not at all.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers import claims as grammar
from helpers.claims.grammar import fold
from helpers.documents import articles, index
from helpers.documents.articles import Article
from helpers.errors import DataError

BATCH = 100  # files in one transaction
MANY = 400  # files from which several processes read
MUCH = 3_000_000  # bytes from which they do
LONGEST_PASSAGE = 800
NOT_READ = ("README.md",)
_TUPLES = tuple(grammar.COLUMNS.index(c) for c in ("readings", "inferred"))
Reader = Callable[[Article], list[grammar.Claim]]
_CUT = re.compile(r"[。!?;;!?\n]+|\. ")


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read, ready to be written."""

    sha256: str
    name: str
    problem: str
    documents: list[tuple[tuple, list[tuple], list[tuple]]]  # document, passages (start, end, terms), claims


def is_much(files: list[Path]) -> bool:
    """Whether reading in several processes pays."""
    return len(files) >= MANY or sum(file.stat().st_size for file in files if file.is_file()) >= MUCH


def files_of(given: Path | Iterable[Path]) -> Iterator[Path]:
    """Files in a fixed order; of a folder all that are not hidden."""
    for path in [given] if isinstance(given, Path) else given:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            inner = found.relative_to(path).parts
            if found.is_file() and found.name not in NOT_READ and not any(part.startswith(".") for part in inner):
                yield found


def read_all(files: list[Path], known: set[str], reader: Reader | None, version: str) -> Iterator[list[Read]]:
    """Read files in batches, in two processes where there are many."""
    batches = chunks(files, max(1, min(BATCH, len(files) // 20)))
    if not is_much(files) or len(files) < 2 or (os.cpu_count() or 1) < 2:
        yield from (_read_batch(batch, known, reader, version) for batch in batches)
        return
    with concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        waiting = []
        for batch in batches:
            waiting.append(pool.submit(_read_batch, batch, known, reader, version))
            if len(waiting) > 6:
                yield waiting.pop(0).result()
        for job in waiting:
            yield job.result()


def _read_batch(files: list[Path], known: set[str], reader: Reader | None, version: str) -> list[Read]:
    return [_read_file(path, known, reader, version) for path in files]


def _read_file(path: Path, known: set[str], reader: Reader | None, version: str) -> Read:
    """One file, or the one line that says why it was not read: a reader's own fault stops one file only."""
    name = path.name.encode("utf-8", "replace").decode()  # a name may be no text at all
    sha256 = name
    try:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 in known:
            return Read(sha256, name, "", [])
        found = [_document(a, name, sha256, reader, version) for a in articles.parse(content, name)]
    except OSError as error:
        return Read(sha256, name, f"{name}: cannot be read: {error.strerror}", [])
    except DataError as error:
        return Read(sha256, name, f"{name}: {error.problems[0]}", [])
    except (ValueError, ArithmeticError, RecursionError, MemoryError, LookupError) as error:
        return Read(sha256, name, f"{name}: {type(error).__name__} while it was read: {error}", [])
    return Read(sha256, name, "", found)


def _document(article: Article, name: str, sha256: str, reader: Reader | None, version: str) -> tuple:
    """A document's row, its passages and its claims."""
    doc_id = hashlib.sha256("".join(fold(article.text).split()).encode()).hexdigest()[:16]
    row = (
        doc_id, name, sha256, article.start, article.title, article.publisher, article.published, article.language,
        article.kind, version if reader else "", article.text,
    )  # fmt: skip
    passages = [(start, end, index.terms(article.text[start:end])) for start, end in _passages(article.text)]
    return row, passages, rows_of(doc_id, reader(article)) if reader else []


def _passages(text: str) -> Iterator[tuple[int, int]]:
    """Spans of at most `LONGEST_PASSAGE` characters that end at the end of a sentence where there is one."""
    start = 0
    while start < len(text):
        limit = min(start + LONGEST_PASSAGE, len(text))
        end = limit
        if limit < len(text):
            for cut in _CUT.finditer(text, start + LONGEST_PASSAGE // 2, limit):
                end = cut.end()
        yield start, end
        start = end


def rows_of(doc_id: str, found: list[grammar.Claim]) -> list[tuple]:
    """Claims as rows; tuples as JSON."""
    rows = []
    for claim in found:
        values = list(claim)
        for place in _TUPLES:
            values[place] = json.dumps(values[place], ensure_ascii=False) if values[place] else "[]"
        rows.append((f"{doc_id}-{claim.start}", doc_id, *values))
    return rows


def chunks(rows: Sequence, size: int) -> Iterator[Sequence]:
    return (rows[i : i + size] for i in range(0, len(rows), size))
