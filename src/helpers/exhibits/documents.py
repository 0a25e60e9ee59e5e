"""What a folder of articles says: claims, contradictions with their passages, the feed, the grid, search hits.

Everything an article says is escaped: it is shown, never run. Each number opens the passage that prints it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup, escape

from helpers.exhibits.show import Html
from helpers.exhibits.style import cited
from helpers.exhibits.tables import FACT_ID, statement, table
from helpers.wording import period, publishers, say, word

ALARMS = ("inconsistent", "implausible")
CLAIM_ID = re.compile(r"\b([0-9a-f]{16})(?:-\d+)?\b")
ALARM = Markup(
    '<li><p><span class="verdict-{}">{}</span> {}{}</p><details open><summary>{}</summary><ul>{}</ul></details></li>'
)
TOLD = Markup('<li><span class="verdict-{}">{}</span> {}</li>')
DIGEST = 6
MOST_PASSAGES = 6


def claims_table(claims: pd.DataFrame, *, names: Mapping[str, str], most: int = 40) -> Html:
    """Claims with value, subject, period and basis; the printed words open their passage.

    Parameters
    ----------
    claims : DataFrame
        As `helpers.documents.Library.claims` gives them, with the columns before and after (the words around).
    names : mapping
        Code to label.
    most : int, default 40
        Rows shown; the note counts all.
    """
    ranked = claims.sort_values(["confidence", "published", "start"], ascending=[False, False, True], kind="stable")
    rows = [
        {
            word("document_printed"): _opened(row),
            word("value"): _value(row),
            word("entity"): names.get(row.entity, row.entity_words or "–"),
            word("metric"): names.get(row.metric, row.metric_words or "–"),
            word("document_measure"): word(f"claim_{row.measure}"),
            word("period"): _period(row),
            word("document_basis"): word(f"claim_{row.basis}"),
            word("sureness"): f"{row.confidence:.2f}",
        }
        for row in ranked.head(most).itertuples()
    ]
    frame = pd.DataFrame(rows, dtype=object)
    note = f"{min(most, len(claims))} / {len(claims)}"
    left = ("document_printed", "entity", "metric", "document_measure", "period", "document_basis")
    text = [word(key) for key in left]
    return table(frame, caption=word("document_claims"), text=text if rows else (), note=note, most=most)


def contradictions(
    verdicts: pd.DataFrame,
    claims: pd.DataFrame,
    *,
    names: Mapping[str, str],
    sources: pd.DataFrame,
    facts: pd.DataFrame,
) -> Html:
    """Every alarm with its arithmetic, and the passages or ledger rows it rests on.

    Parameters
    ----------
    verdicts : DataFrame
        Of `helpers.audit.texts`.
    claims : DataFrame
        With the columns before and after.
    names : mapping
        Code to label.
    sources, facts : DataFrame
        The ledger's, for alarms in which its rows take part.
    """
    alarms = verdicts[verdicts["verdict"].isin(ALARMS)]
    if alarms.empty:
        return statement(word("no_contradictions"))
    held = {row.claim_id: row for row in claims.itertuples()}
    used = {i for ids in alarms["fact_ids"] for i in ids if i not in held}
    printed = {row.fact_id: row for row in facts[facts["fact_id"].isin(used)].itertuples()}
    label = {**sources["publisher"].to_dict(), **{row.doc_id: _publisher(row) for row in held.values()}}
    items, lines = [], [word("contradictions")]
    for row in alarms.itertuples():
        text = _readable(row.text, label)
        about = ", ".join(
            part for part in (names.get(row.entity, row.entity), names.get(row.metric, row.metric)) if part
        )
        quotes = [
            _quote(held[i]) if i in held else _fact(printed[i], sources)
            for i in row.fact_ids
            if i in held or i in printed
        ]
        items.append(
            ALARM.format(
                row.verdict, word(row.verdict), f"{about}: " if about else "", text, word("passages"),
                Markup("").join(Markup("<li>{}</li>").format(q) for q in quotes[:MOST_PASSAGES]),
            )
        )  # fmt: skip
        lines.append(f"{word(row.verdict)}: {about}: {text}")
        lines += [f"    {_stripped(q)}" for q in quotes[:MOST_PASSAGES]]
    html = Markup('<p><strong>{}</strong> ({})</p><ol class="contradictions">{}</ol>').format(
        word("contradictions"), len(alarms), Markup("").join(items)
    )
    return Html(html=str(html), text="\n".join(lines))


def feed(
    rows: pd.DataFrame,
    claims: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    topic: str,
    names: Mapping[str, str],
    sources: pd.DataFrame,
) -> Html:
    """Documents with their claims as a digest, and the checks that touch them beside it.

    Parameters
    ----------
    rows : DataFrame
        Of `helpers.documents.find.feed`.
    claims : DataFrame
        With the columns before and after.
    checks : DataFrame
        Of `helpers.documents.Library.checks`.
    topic : str
        What was asked for, "" for all.
    names : mapping
        Code to label.
    sources : DataFrame
        The ledger's, for checks in which its rows take part.
    """
    title = word("feed_title", topic=topic) if topic else word("feed_all")
    if rows.empty:
        return statement(f"{title}: {word('none')}")
    held = {row.claim_id: row for row in claims.itertuples()}
    label = {**sources["publisher"].to_dict(), **{row.doc_id: _publisher(row) for row in held.values()}}
    items, lines = [], [title]
    for row in rows.itertuples():
        digest = [held[i] for i in row.claims if i in held and held[i].metric][:DIGEST]
        told = [checks.loc[n] for n in row.checks if checks.at[n, "verdict"] in ALARMS]
        head = f"{row.published or word('undated_document')} · {_publisher(row)}"
        said = [(c, _says(c, names)) for c in digest]
        items.append(
            Markup('<li><p><strong>{}</strong><br>{}</p><p>{}</p><ul>{}</ul><ul>{}</ul></li>').format(
                row.title, head, _marked(row.snippet),
                Markup("").join(Markup("<li>{}</li>").format(_opened(c, text)) for c, text in said),
                Markup("").join(
                    TOLD.format(c["verdict"], word(c["verdict"]), _readable(c["text"], label))
                    for c in told
                ),
            )
        )  # fmt: skip
        lines += [f"{head}: {row.title}", *(f"    {text}: {c.printed}" for c, text in said)]
        lines += [f"    ! {word(c['verdict'])}: {_readable(c['text'], label)}" for c in told]
    html = Markup('<p><strong>{}</strong></p><ol class="feed">{}</ol>').format(title, Markup("").join(items))
    return Html(html=str(html), text="\n".join(lines))


def document_grid(rows: pd.DataFrame, claims: pd.DataFrame, *, names: Mapping[str, str], most: int = 60) -> Html:
    """Entity, figure and period with the preferred value, how many documents, and whether they disagree.

    Parameters
    ----------
    rows : DataFrame
        Of `helpers.documents.grid.cells`.
    claims : DataFrame
        With the columns before and after; each cell opens its passages.
    names : mapping
        Code to label.
    most : int, default 60
    """
    held = {row.claim_id: row for row in claims.itertuples()}
    made = [
        {
            word("entity"): names.get(row.entity, row.entity),
            word("metric"): names.get(row.metric, row.metric),
            word("document_measure"): word(f"claim_{row.measure}"),
            word("period"): period(pd.Timestamp(row.period_start), pd.Timestamp(row.period_end)),
            word("preferred_value"): _cell([held[i] for i in row.claim_ids if i in held], _shown(row)),
            word("document_count"): row.sources,
            word("disagreement"): word("disagrees", values=row.values) if row.is_disputed else word("agrees"),
        }
        for row in rows.sort_values(["is_disputed", "sources"], ascending=False, kind="stable").itertuples()
    ]
    frame = pd.DataFrame(made, dtype=object)
    text = [word(key) for key in ("entity", "metric", "document_measure", "period", "preferred_value", "disagreement")]
    return table(frame, caption=word("grid_title"), text=text if made else (), most=most)


def hits(found: pd.DataFrame, *, query: str) -> Html:
    """Search results with their snippets, hits marked.

    Parameters
    ----------
    found : DataFrame
        Of `helpers.documents.find.words`.
    query : str
        What was asked for.
    """
    title = word("hits_title", query=query)
    if found.empty:
        return statement(f"{title}: {word('none')}")
    items = [
        Markup("<li><p><strong>{}</strong> ({})<br>{}</p></li>").format(
            row.title, _publisher(row), _marked(row.snippet)
        )
        for row in found.itertuples()
    ]
    html = Markup("<p><strong>{}</strong></p><ol>{}</ol>").format(title, Markup("").join(items))
    return Html(html=str(html), text="\n".join([title, *(f"{r.title}: {r.snippet}" for r in found.itertuples())]))


def documents_table(documents: pd.DataFrame, broken: Sequence[str], *, counts: Mapping[str, int]) -> Html:
    """The documents that a page rests on, and the files that could not be read.

    Parameters
    ----------
    documents : DataFrame
        Of `helpers.documents.Library.documents`.
    broken : sequence of str
        One line each.
    counts : mapping of str to int
        Claims of each document.
    """
    rows = [
        {
            word("document"): row.title or row.file,
            word("source"): _publisher(row),
            word("known_on"): row.published or word("undated_document"),
            word("document_printed"): counts.get(row.doc_id, 0),
            word("place"): f"{row.file} ({row.doc_id})",
        }
        for row in documents.itertuples()
    ]
    note = f"{word('not_read')}: {'; '.join(broken)}" if broken else ""
    text = [word(key) for key in ("document", "source", "known_on", "place")]
    return table(
        pd.DataFrame(rows, dtype=object), caption=word("documents"), text=text if rows else (), note=note, most=500
    )


def _shown(row) -> str:
    """A cell's value, and what it is where it is no reported figure."""
    value = say(row.value, row.unit, row.currency)
    return value if row.basis == "actual" else f"{value} ({word(f'claim_{row.basis}')})"


def _value(row) -> str:
    if row.unit == "percentage_point":
        return f"{row.value:+.4g} pp".replace("-", "−")
    shown = say(row.value, row.unit, row.currency)
    if row.value_high is not None and not pd.isna(row.value_high):
        shown = word("between", low=shown, high=say(row.value_high, row.unit, row.currency))
    return shown + (f" ({word('inferred_mark')})" if {"currency", "scale", "unit"} & set(row.inferred) else "")


def _period(row) -> str:
    if not row.period_end:
        return "–"
    shown = period(pd.Timestamp(row.period_start), pd.Timestamp(row.period_end))
    return f"{shown} ({word('inferred_mark')})" if row.period_basis == "inferred" else shown


def _says(row, names: Mapping[str, str]) -> str:
    parts = [names.get(row.entity, row.entity_words), names.get(row.metric, row.metric_words)]
    parts += [word(f"claim_{row.measure}")] if row.measure != "level" else []
    parts += [_period(row)] if row.period_end else []
    return ", ".join(part for part in parts if part)


def _publisher(row) -> str:
    return row.publisher or word("unnamed_publisher")


def _quote(row) -> Markup:
    """Who printed it when, and the words around the number."""
    where = f"{_publisher(row)}, {row.published or word('undated_document')}"
    return Markup("{}: …{}<mark>{}</mark>{}…").format(where, row.before, row.printed, row.after)


def _opened(row, label: str = "") -> Markup:
    shown = f"{label}: {row.printed}" if label else row.printed
    return Markup("<details><summary>{}</summary> {}</details>").format(shown, _quote(row))


def _cell(rows: list, shown: str) -> Markup:
    quotes = Markup("<br>").join(_quote(row) for row in rows[:MOST_PASSAGES])
    return Markup("<details><summary>{}</summary> {}</details>").format(shown, quotes)


def _fact(row, sources: pd.DataFrame) -> Markup:
    cited().add(row.fact_id)
    return Markup('{}: {} <a href="#{}">[{}]</a>').format(
        sources.at[row.source_id, "publisher"], say(row.value, row.unit, row.currency), row.fact_id, row.fact_id
    )


def _readable(text: str, label: Mapping[str, str]) -> Markup:
    """Ids of documents and sources by their publisher, facts as links."""
    plain = CLAIM_ID.sub(lambda found: label.get(found[1], found[0]), publishers(text, label))
    cited().update(FACT_ID.findall(plain))
    return Markup(FACT_ID.sub(r'<a href="#\1">\1</a>', str(escape(plain))))


def _marked(snippet: str) -> Markup:
    return Markup(str(escape(snippet)).replace("⟦", "<mark>").replace("⟧", "</mark>"))


def _stripped(text: Markup) -> str:
    return text.striptags()
