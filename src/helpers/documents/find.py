"""Search a library: by words, by a number, by topic.

A number is searched among claims and not among words: "34 %" stands in thousands of texts, and only some of them say
it of Douyin's GMV. What the module cannot do: rank by meaning; words, their glossary and their place are all it knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from helpers import claims as grammar
from helpers.claims import Lexicon
from helpers.claims.grammar import fold
from helpers.claims.vocabulary import SCALES
from helpers.documents import index
from helpers.documents.library import Library
from helpers.errors import HelpersError

HIT = "⟦{}⟧"
SNIPPET = 150
TITLE_WEIGHT, BODY_WEIGHT = 4.0, 1.0
CANDIDATES = 5  # passages looked at for each document asked for
_TOLERANCE = re.compile(
    r"(?:\+ ?/? ?-|±|\+-) ?(?P<size>[0-9]+(?:\.[0-9]+)?|\.[0-9]+) ?"
    r"(?P<scale>万亿|亿|万|trillion|billion|million|bn|mn)?(?:元|yuan)? ?"
    r"(?P<unit>pp|ppts?|pcts?|个?百分点|%|per cent|percent)?"
)
_YEAR = re.compile(r"(?<![0-9])(?P<year>20[0-9]{2})年?q?(?P<quarter>(?<=q)[1-4])?(?![0-9])")
_YOY = re.compile(r"\byoy\b|同比|year[- ]on[- ]year|增速|增长|growth")
MEASURES = {"yoy": ("yoy_growth", "growth", "yoy_multiple", "multiple"), "": ("level", "share")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a search is narrowed to; None leaves a field open.

    Attributes
    ----------
    publisher, entity, metric : str or None
        As the library has them.
    day_from, day_to : str or None
        ISO days of publication, both included. A document that is dated by its month is found by any day of it; one
        without a day is left out where either is given.
    """

    publisher: str | None = None
    entity: str | None = None
    metric: str | None = None
    day_from: str | None = None
    day_to: str | None = None

    def sql(self) -> tuple[str, list]:
        """Conditions on ``d`` (documents), and their values."""
        said, values = [], []
        for column, test, value in (
            ("d.publisher", "=", self.publisher),
            ("d.published <> '' AND d.published || '-31'", ">=", self.day_from),
            ("d.published <> '' AND d.published", "<=", self.day_to and f"{self.day_to}-31"),
        ):  # fmt: skip
            if value is not None:
                said.append(f"{column} {test} ?")
                values.append(value)
        if self.entity is not None or self.metric is not None:
            inner = [f"c.{c} = ?" for c in ("entity", "metric") if getattr(self, c) is not None]
            values += [v for v in (self.entity, self.metric) if v is not None]
            said.append(f"EXISTS (SELECT 1 FROM claims c WHERE c.doc_id = d.doc_id AND {' AND '.join(inner)})")
        return "".join(f" AND {part}" for part in said), values


def words(
    library: Library,
    query: str,
    *,
    glossary: Mapping[str, tuple[str, ...]] | None = None,
    filters: Filters | None = None,
    limit: int = 10,
) -> pd.DataFrame:
    """Documents that hold the words of a query, the best first.

    All words must be there; if that finds fewer documents than asked for, those with some of them follow, the best of
    which are looked through for the words that their best passage lacks. An excluded word excludes the whole document.

    Parameters
    ----------
    library : Library
    query : str
        Words between blanks, ``"a phrase"``, ``-without``.
    glossary : mapping, optional
        As `helpers.documents.index.glossary` makes it: the other language's words are found too.
    filters : Filters, optional
    limit : int, default 10
        Documents, one row each.

    Returns
    -------
    DataFrame
        doc_id, title, publisher, published, snippet (hits between ⟦ and ⟧), start, end (of the passage), score (smaller
        is better), has_all (every word is there).

    Raises
    ------
    HelpersError
        The query asks for nothing, or is longer than a person types.
    """
    wanted, excluded = index.words(query, glossary)
    rows: dict[str, tuple] = {}
    for operator in ("AND", "OR") if len(wanted) > 1 else ("AND",):
        for row in _matches(library, index.match(wanted, excluded, operator), excluded, filters or Filters(), limit):
            if row[0] not in rows:
                has_all = operator == "AND" or all(_holds(library, row[0], index.match([g], [], "OR")) for g in wanted)
                rows[row[0]] = (*row, has_all)
        if len(rows) >= limit:
            break
    ranked = sorted(rows.values(), key=lambda row: not row[-1])
    found = [
        (doc, title, publisher, day, _snippet(text, wanted, start, end), start, end, score, has_all)
        for doc, title, publisher, day, start, end, text, score, has_all in ranked[:limit]
    ]
    columns = ["doc_id", "title", "publisher", "published", "snippet", "start", "end", "score", "has_all"]
    return pd.DataFrame(found, columns=columns)


def _holds(library: Library, doc_id: str, expression: str) -> bool:
    """Whether any passage of a document matches; its passages were written one after the other."""
    query = (
        "SELECT 1 FROM words WHERE words MATCH ? AND rowid BETWEEN (SELECT min(id) FROM passages WHERE doc_id = ?) "
        "AND (SELECT max(id) FROM passages WHERE doc_id = ?) LIMIT 1"
    )
    return library.connection.execute(query, (expression, doc_id, doc_id)).fetchone() is not None


def _matches(library: Library, expression: str, excluded: list[str], filters: Filters, limit: int) -> list[tuple]:
    """Best passages: doc_id, title, publisher, published, start, end, text, score.

    The passages are ranked before anything is joined to them: a join for each of fifty thousand hits takes a second.
    """
    where, values = filters.sql()
    rank = f"bm25(words, {TITLE_WEIGHT}, {BODY_WEIGHT})"
    if where:
        query = (
            f'SELECT p.doc_id, p.start, p."end", {rank} AS score FROM words JOIN passages p ON p.id = words.rowid '
            f"JOIN documents d ON d.doc_id = p.doc_id WHERE words MATCH ?{where} ORDER BY score LIMIT ?"
        )
    else:
        query = (
            f'SELECT p.doc_id, p.start, p."end", score FROM (SELECT rowid, {rank} AS score FROM words '
            "WHERE words MATCH ? ORDER BY score LIMIT ?) AS best JOIN passages p ON p.id = best.rowid ORDER BY score"
        )
    found = library.connection.execute(
        query, [expression, *values, limit * CANDIDATES * (10 if excluded else 1)]
    ).fetchall()
    best: dict[str, tuple] = {}
    for doc, start, end, score in found:
        best.setdefault(doc, (start, end, score))
    out = []
    for doc, (start, end, score) in best.items():
        if len(out) == limit:
            break
        if any(_holds(library, doc, index.match([[word]], [], "OR")) for word in excluded):
            continue
        title, publisher, day, text = library.connection.execute(
            "SELECT title, publisher, published, text FROM documents WHERE doc_id = ?", (doc,)
        ).fetchone()
        out.append((doc, title, publisher, day, start, end, text[start:end], score))
    return out


def _snippet(text: str, wanted: list[list[str]], start: int, end: int) -> str:
    """A piece of the passage with its hits marked, of the text as it is printed."""
    low = fold(text)
    spots = sorted({(m.start(), m.end()) for group in wanted for word in group for m in _spots(low, word)})
    first = spots[0][0] if spots else 0
    begin = max(0, first - SNIPPET // 3)
    stop = min(len(text), begin + SNIPPET)
    out, at = [], begin
    for a, b in spots:
        if a >= at and b <= stop:
            out += [text[at:a], HIT.format(text[a:b])]
            at = b
    out.append(text[at:stop])
    inner = re.sub(r"\s+", " ", "".join(out)).strip()
    return ("… " if begin else "") + inner + (" …" if stop < len(text) else "")


def _spots(low: str, word: str):
    """Where a word stands; a Latin word only whole."""
    edge = r"(?<![a-z0-9]){}(?![a-z0-9])" if word.isascii() else "{}"
    return re.finditer(edge.format(re.escape(word)), low)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberQuery:
    """A number to look for.

    Attributes
    ----------
    value, tolerance : float
        In base units; claims from value - tolerance to value + tolerance are found.
    unit : str
        "" finds all units.
    entity, metric : str
        Codes, "" for all.
    measures : tuple of str
        Measures of a claim, () for all.
    year : int or None
        A year that the claim's period touches.
    quarter : int or None
        The quarter of that year which the period is.
    text : str
        The query in words, as it was understood.
    """

    value: float
    tolerance: float
    unit: str
    entity: str
    metric: str
    measures: tuple[str, ...]
    year: int | None
    quarter: int | None = None

    @property
    def text(self) -> str:
        """The query as it was understood."""
        when = f"{self.year or ''}{f'Q{self.quarter}' if self.quarter else ''}"
        about = ", ".join(part for part in (self.entity, self.metric, "/".join(self.measures), when) if part)
        return f"{self.value:g} ± {self.tolerance:g} {self.unit or 'of any unit'}" + (f"; {about}" if about else "")


def number_query(text: str, lexicon: Lexicon) -> NumberQuery:
    """What "gmv yoy 34 % +- 0.5 pp, Douyin, 2024" asks for.

    Parameters
    ----------
    text : str
        One number or range as an article would print it, perhaps a tolerance, names of an entity and a metric, a year.
    lexicon : Lexicon
        Names and terms.

    Raises
    ------
    HelpersError
        No number, or more than one.
    """
    low = fold(text)
    given = _TOLERANCE.search(low)
    plain = low[: given.start()] + " " * (given.end() - given.start()) + low[given.end() :] if given else low
    found = grammar.read(plain)
    if len(found) != 1:
        what = "no number with a unit" if not found else f"{len(found)} numbers"
        raise HelpersError(
            f"{what} in {text[:80]!r}: give one, as an article prints it (34 %, 31 billion yuan, 4.08亿)"
        )
    claim = found[0]
    half = (claim.value_high - claim.value) / 2 if claim.value_high is not None else 0.0
    names, terms = lexicon.mentioned(text.title(), low) or lexicon.mentioned(text, low), lexicon.meant(text, low)
    rest = plain[: claim.start] + " " * (claim.end - claim.start) + plain[claim.end :]
    year = _YEAR.search(rest)
    unit = "" if claim.unit == "count" else claim.unit
    return NumberQuery(
        value=claim.value + half, tolerance=_tolerance(given, claim) + half, unit=unit,
        entity=names[0].code if names else "", metric=_metric(terms, names[0].code if names else ""),
        year=int(year["year"]) if year else None, quarter=int(year["quarter"]) if year and year["quarter"] else None,
        measures=MEASURES["yoy"] if _YOY.search(low) and claim.unit in ("ratio", "multiple") else (),
    )  # fmt: skip


def _metric(terms: list, entity: str) -> str:
    """The first term that a metric of the ledger covers."""
    for _, _, meaning, _ in terms:
        code, _ = meaning.get(entity) or meaning.get("") or next(iter(meaning.values()))
        if code:
            return code
    return ""


def _tolerance(given: re.Match | None, claim: grammar.Claim) -> float:
    """The stated tolerance, else half of the last printed digit."""
    if not given:
        return claim.half_width
    size, unit = float(given["size"]), given["unit"] or ""
    if not math.isfinite(size):
        raise HelpersError(f"a tolerance of {given['size']} finds everything: give a number")
    if given["scale"]:
        return size * 10.0 ** SCALES[given["scale"]]
    if claim.unit == "ratio":
        return size / 100
    if claim.unit == "percentage_point":
        return size
    return (
        abs(claim.value) * size / 100
        if unit in ("%", "percent", "per cent")
        else size * abs(claim.value) / _printed(claim)
    )


def _printed(claim: grammar.Claim) -> float:
    """The number without its scale, so that a bare tolerance has the same one."""
    digits = re.search(r"[0-9.]+", claim.printed.replace(",", ""))
    return float(digits[0]) if digits and float(digits[0]) else 1.0


def numbers(library: Library, query: NumberQuery, *, filters: Filters | None = None, limit: int = 50) -> pd.DataFrame:
    """Claims near a number, the nearest first; a printed range is as near as its nearest end, and holds what is inside.

    Parameters
    ----------
    library : Library
    query : NumberQuery
    filters : Filters, optional
    limit : int, default 50

    Returns
    -------
    DataFrame
        claim_id, doc_id, title, publisher, published, printed, value, unit, currency, entity, metric, measure,
        period_start, period_end, start, end, off (distance from the value).
    """
    slack = query.tolerance + abs(query.value) * 1e-9
    low, high = query.value - slack, query.value + slack
    units = [query.unit] if query.unit else _units(library)
    said, values = [f"c.unit IN ({', '.join('?' * len(units))})"], list(units)
    for column, wanted in (("entity", query.entity), ("metric", query.metric)):
        if wanted:
            said.append(f"c.{column} = ?")
            values.append(wanted)
    if query.measures:
        said.append(f"c.measure IN ({', '.join('?' * len(query.measures))})")
        values += query.measures
    if query.year:
        said.append("c.period_start <= ? AND c.period_end >= ? AND c.period_end <> ''")
        values += [f"{query.year}-12-31", f"{query.year}-01-01"]
    if query.quarter:
        said.append("c.period_start = ? AND substr(c.period_end, 1, 7) = ?")
        values += [f"{query.year}-{3 * query.quarter - 2:02d}-01", f"{query.year}-{3 * query.quarter:02d}"]
    where, more = (filters or Filters()).sql()
    columns = (
        "c.claim_id, c.doc_id, d.title, d.publisher, d.published, c.printed, c.value, c.unit, c.currency, c.entity, "
        'c.metric, c.measure, c.period_start, c.period_end, c.start, c."end"'
    )
    part = (
        f"SELECT {columns}, max(c.value - ?, ? - coalesce(c.value_high, c.value), 0.0) AS off "
        f"FROM claims c JOIN documents d USING (doc_id) WHERE {{}}{''.join(f' AND {s}' for s in said)}{where}"
    )
    starts, holds = part.format("c.value BETWEEN ? AND ?"), part.format("+c.value < ? AND c.value_high >= ?")
    holds = holds.replace("c.metric =", "+c.metric =")  # a plus keeps SQLite from the wrong index: ranges are few
    cursor = library.connection.execute(
        f"{starts} UNION ALL {holds} ORDER BY off, published DESC LIMIT ?",
        [*[query.value] * 2, low, high, *values, *more, *[query.value] * 2, low, low, *values, *more, limit],
    )
    return pd.DataFrame(cursor.fetchall(), columns=[c[0] for c in cursor.description])


def _units(library: Library) -> list[str]:
    """The units that the claims of a library have, by steps through their index."""
    query = (
        "WITH RECURSIVE u(unit) AS (SELECT min(unit) FROM claims UNION ALL "
        "SELECT (SELECT min(unit) FROM claims WHERE unit > u.unit) FROM u WHERE u.unit IS NOT NULL) "
        "SELECT unit FROM u WHERE unit IS NOT NULL"
    )
    return [row[0] for row in library.connection.execute(query)]


def feed(
    library: Library,
    topic: str,
    *,
    glossary: Mapping[str, tuple[str, ...]] | None = None,
    checks: pd.DataFrame | None = None,
    filters: Filters | None = None,
    limit: int = 20,
) -> pd.DataFrame:
    """Documents on a topic, the latest first, each with its claims and the checks that touch them.

    Parameters
    ----------
    library : Library
    topic : str
        Words as for `words`; "" is every document.
    glossary, filters, limit
        As for `words`.
    checks : DataFrame, optional
        In the form of `Library.checks`. Default: those that the library keeps.

    Returns
    -------
    DataFrame
        doc_id, title, publisher, published, snippet, claims (list of claim ids, the surest first), checks (list of
        row numbers of the checks).
    """
    if topic.strip():
        found = words(library, topic, glossary=glossary, filters=filters, limit=limit)
    else:
        found = library.documents().head(limit).assign(snippet="")
    found = found.sort_values(["published", "doc_id"], ascending=[False, True], kind="stable")
    claims = library.claims(list(found["doc_id"])) if len(found) else library.claims([])
    claims = claims.sort_values(["confidence", "start"], ascending=[False, True], kind="stable")
    ids = claims.groupby("doc_id", sort=False)["claim_id"].agg(list).to_dict()
    touched: dict[str, list[int]] = {}
    for number, of in enumerate((library.checks() if checks is None else checks)["claim_ids"]):
        for doc in {i.rpartition("-")[0] for i in of}:
            touched.setdefault(doc, []).append(number)
    out = found[["doc_id", "title", "publisher", "published", "snippet"]].reset_index(drop=True)
    return out.assign(
        claims=[ids.get(d, []) for d in out["doc_id"]], checks=[touched.get(d, []) for d in out["doc_id"]]
    )
