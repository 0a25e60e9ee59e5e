"""The library at the command line: ``python -m helpers.desk``.

add FOLDER, words QUERY, number QUERY, feed TOPIC, grid, check, review FILE, accept FILE, propose. Each works on the
library of a folder (``--folder``, else ``data/documents``), and adds what is new in the folder first.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pandas as pd

from helpers import audit, documents, ledger, lexicon, paths, wording
from helpers.claims.grammar import fold
from helpers.documents import Library, find, grid, index, proposals, review
from helpers.errors import HelpersError, UnknownNameError
from helpers.settings import parse_day

FOLDER = "data/documents"
ALARMS = ("inconsistent", "implausible")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it did what was asked, 2 if it was asked something wrong.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the command line.
    """
    given = _parser().parse_args(arguments)
    try:
        library, added = documents.library(_standing(given.folder))
        print(added.text)
        for line in added.broken:
            print(f"  {line}")
        given.run(library, given)
    except HelpersError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a long answer has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"{error.filename or given.folder}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.desk", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", default=FOLDER, help=f"where the articles are (default {FOLDER})")
    common.add_argument("--limit", type=int, default=10, choices=range(1, 1001), metavar="1..1000")
    for name in ("publisher", "entity", "metric", "day-from", "day-to"):
        common.add_argument(f"--{name}", default=None)
    for name, run, argument, told in (
        ("add", _check, "", "read new files, judge all claims"),
        ("words", _words, "query", "documents that hold words"),
        ("number", _number, "query", "claims near a number: 'gmv yoy 34 %% +- 0.5 pp, Douyin, 2024'"),
        ("feed", _feed, "query", "documents on a topic with their claims and checks"),
        ("grid", _grid, "", "entity by metric by period"),
        ("check", _check, "", "contradictions with their arithmetic and passages"),
        ("review", _review, "file", "write the table to decide on"),
        ("accept", _accept, "file", "write accepted rows to the ledger"),
        ("propose", _propose, "", "ask a language model about claims without a subject"),
    ):  # fmt: skip
        command = commands.add_parser(name, parents=[common], help=told)
        command.set_defaults(run=run)
        if argument:
            command.add_argument(argument)
        if name == "propose":
            command.add_argument("--address", default=os.environ.get("READER_ADDRESS", ""))
            command.add_argument("--model", default=os.environ.get("READER_MODEL", ""))
    return parser


def _standing(path: str) -> str:
    """A path as the user of a command line means it: from the current folder, if it is there."""
    here = Path(path).expanduser()
    return str(here.resolve()) if here.exists() else path


def _filters(given: argparse.Namespace) -> find.Filters:
    for day in (given.day_from, given.day_to):
        parse_day(day)
    return find.Filters(
        publisher=given.publisher,
        entity=given.entity,
        metric=given.metric,
        day_from=given.day_from,
        day_to=given.day_to,
    )


def _code(entity: str | None) -> str | None:
    """The code of an entity, which may be given by one of its names."""
    if entity is None or entity in lexicon.labels():
        return entity
    named = lexicon.words().mentioned(entity, fold(entity))
    if not named:
        raise UnknownNameError("entity", entity, list(lexicon.labels()))
    return named[0].code


def _glossary() -> dict[str, tuple[str, ...]]:
    return index.glossary(lexicon.glossary())


def judge(library: Library, book: ledger.Ledger | None = None) -> audit.Audit:
    """Judge the claims of a library against each other and the ledger, and keep the verdicts in it.

    Parameters
    ----------
    library : Library
    book : Ledger, optional
        Default: the project's.
    """
    book = book or ledger.load()
    found = audit.texts(
        documents.with_kinds(library.claims(), book), **book.rules, ratios=lexicon.ratios(book),
        homes=book.entities["reporting_currency"].to_dict(), facts=ledger.public(book=book),
    )  # fmt: skip
    library.keep_checks(found.verdicts)
    return found


def _check(library: Library, given: argparse.Namespace) -> None:
    found = judge(library)
    print(found.text)
    claims = library.claims().set_index("claim_id")
    for row in found.verdicts[found.verdicts["verdict"].isin(ALARMS)].itertuples():
        print(f"\n{row.verdict}, {row.rule}: {row.text}")
        for claim_id in row.fact_ids:
            print(f"    {_place(library, claims, claim_id)}")


def _place(library: Library, claims: pd.DataFrame, claim_id: str) -> str:
    """The passage of a claim, or the citation of a fact."""
    if claim_id not in claims.index:
        return ledger.cite(claim_id)
    claim = claims.loc[claim_id]
    before, printed, after = library.passage(claim["doc_id"], claim["start"], claim["end"], around=60)
    return f"{claim['publisher'] or claim['file']}, {claim['published'] or 'no date'}: …{before}⟦{printed}⟧{after}…"


def _words(library: Library, given: argparse.Namespace) -> None:
    found = find.words(library, given.query, glossary=_glossary(), filters=_filters(given), limit=given.limit)
    for row in found.itertuples():
        print(f"\n{row.title} ({row.publisher or 'no publisher'}, {row.published or 'no date'})\n    {row.snippet}")
    print(f"\n{len(found)} documents")


def _number(library: Library, given: argparse.Namespace) -> None:
    query = find.number_query(given.query, lexicon.words())
    print(f"looked for {query.text}")
    claims = find.numbers(library, query, filters=_filters(given), limit=given.limit)
    held = library.claims().set_index("claim_id")
    for row in claims.itertuples():
        print(
            f"{row.entity or '?'} {row.metric or '?'} {row.measure} {row.period_end}: "
            f"{_place(library, held, row.claim_id)}"
        )
    print(f"{len(claims)} claims")


def _feed(library: Library, given: argparse.Namespace) -> None:
    rows = find.feed(library, given.query, glossary=_glossary(), filters=_filters(given), limit=given.limit)
    claims, checks = library.claims().set_index("claim_id"), library.checks()
    for row in rows.itertuples():
        print(f"\n{row.published or 'no date'}  {row.title} ({row.publisher or 'no publisher'})")
        for claim in claims.loc[row.claims[:6]].itertuples():
            what = " ".join(part for part in (claim.entity, claim.metric, claim.measure, claim.period_end) if part)
            print(f"    {claim.printed}: {what}")
        for check in checks.loc[row.checks].itertuples():
            if check.verdict in ALARMS:
                print(f"    ! {check.verdict}: {check.text}")


def _grid(library: Library, given: argparse.Namespace) -> None:
    rows = grid.cells(library, entity=_code(given.entity), metric=given.metric)
    for row in rows.itertuples():
        span = wording.period(pd.Timestamp(row.period_start), pd.Timestamp(row.period_end))
        mark = "  disputed" if row.is_disputed else ""
        basis = "" if row.basis == "actual" else f" ({row.basis})"
        measure = "" if row.measure == "level" else f" {row.measure}"
        print(
            f"{row.entity:16} {row.metric}{measure}, {span}: {wording.say(row.value, row.unit, row.currency)}{basis}, "
            f"{row.sources} sources{mark}"
        )


def _review(library: Library, given: argparse.Namespace) -> None:
    judge(library)
    claims = library.claims()
    for column in ("entity", "metric"):
        wanted = _code(given.entity) if column == "entity" else given.metric
        claims = claims[claims[column].eq(wanted) if wanted else claims[column].ne("")]
    review.save(review.sheet(library, claims), Path(given.file))
    print(f"{len(claims)} claims in {given.file}: write accept, correct or reject in the first column")


def _accept(library: Library, given: argparse.Namespace) -> None:
    print(review.accept(library, review.decisions(paths.find(_standing(given.file)))).text)


def _propose(library: Library, given: argparse.Namespace) -> None:
    if not given.address or not given.model:
        raise HelpersError("give --address and --model of the endpoint (or READER_ADDRESS and READER_MODEL)")
    book = ledger.load()
    for row in library.documents().itertuples():
        text = library.text(row.doc_id)
        article = documents.Article(
            title=row.title,
            publisher=row.publisher,
            published=row.published,
            language=row.language,
            text=text,
            start=row.start,
            kind=row.kind,
        )
        found = proposals.propose(
            text, documents.read_claims(article), address=given.address, model=given.model,
            key=os.environ.get("READER_KEY", "none"), entities=list(book.entities.index),
            metrics=list(book.metrics.index),
        )  # fmt: skip
        library.replace_claims(row.doc_id, found.claims)
        print(f"{row.title}: {found.text}" + (f"\n    {found.summary}" if found.summary else ""))


if __name__ == "__main__":
    sys.exit(main())
