"""Tables: escaped, captioned, with the sources of every number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from helpers.checks import Check, Declined
from helpers.exhibits.show import Figure, Html
from helpers.exhibits.style import cited
from helpers.growth import GrowthResult
from helpers.settings import Settings
from helpers.wording import leeway, period, publishers, say, word

CHECKS_MIME = "application/vnd.helpers.checks+json"
SUBJECT_MIME = "application/vnd.helpers.subject+json"
MAX_ROWS = 60
SHORT = 14  # cells up to this length are not broken over lines
LONG = 50  # cells beyond this length keep a readable width on a phone
FACT_ID = re.compile(r"\b(f\d{4,5}|own\d+)\b")
BADGES = {True: ("check-pass", "pass"), False: ("check-fail", "fail"), None: ("check-info", "info")}


def table(frame: pd.DataFrame, *, caption: str, note: str = "", text: Sequence[str] = (), most: int = MAX_ROWS) -> Html:
    """A table with a caption; foreign text is escaped, numbers have thousands marks.

    Parameters
    ----------
    frame : DataFrame
        Columns are headings as they should be read.
    caption, note : str
        Above and below the table.
    text : sequence of str
        Columns that hold words and are set flush left.
    most : int, default 60
        Rows shown; the note says how many there are.
    """
    if frame.empty:
        return statement(f"{caption}: {word('no_data')}")
    shown = frame.head(most)
    if len(frame) > most:
        note = f"{note} ({most} / {len(frame)})".strip()
    left = {frame.columns.get_loc(c) for c in text}
    head = "".join(f'<th scope="col"{_left(i, left)}>{escape(c)}</th>' for i, c in enumerate(frame.columns))
    rows = "".join(f"<tr>{_cells(row, left)}</tr>" for row in shown.itertuples(index=False, name=None))
    foot = f'<tfoot><tr><td colspan="{len(frame.columns)}">{_linked(note)}</td></tr></tfoot>' if note else ""
    html = (
        f'<table class="exhibit"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody>{foot}</table>"
    )
    return Html(html=html, text=f"{caption}\n{shown.map(_plain).to_string(index=False)}\n{note}".rstrip())


def statement(*texts: str) -> Html:
    """Sentences of results, each as a paragraph that can be quoted."""
    return Html(html="".join(f"<p>{_linked(text)}</p>" for text in texts), text="\n".join(texts))


def shown(result: object, make: Callable[[Any], Figure | Html]) -> Figure | Html:
    """The exhibit of a result, or its refusal in its own words.

    Parameters
    ----------
    result : object
        A result, or the `helpers.checks.Declined` that stands for it.
    make : callable
        Takes the result.
    """
    return statement(result.text) if isinstance(result, Declined) else make(result)


def refusals(results: Mapping[str, object]) -> Html:
    """What could not be estimated, why, and the evidence that would settle it; a sentence where all could.

    Parameters
    ----------
    results : mapping of str to object
        Name of each question to its result or `helpers.checks.Declined`.
    """
    rows = [
        {
            word("what"): name,
            word("finding"): result.text.split("; what would settle it: ")[0],
            word("settles"): result.settles or "–",
        }
        for name, result in results.items()
        if isinstance(result, Declined)
    ]
    if not rows:
        return statement(f"{word('refusals')}: {word('nothing_refused')}")
    return _worded(rows, word("refusals"), ["what", "finding", "settles"])


def settings(given: Settings, *, subject: str) -> Html:
    """The settings of the report as a table, and whom it is about as data for the report's title.

    Parameters
    ----------
    given : Settings
        Checked settings.
    subject : str
        Name of what the report is about.
    """
    frame = given.table().set_axis([word("setting"), word("value")], axis=1)
    made = table(frame, caption=f"{subject}: {word('settings')}", text=list(frame.columns))
    return Html(html=made.html, text=made.text, data={SUBJECT_MIME: {"subject": subject}})


def passports(
    series: pd.DataFrame, *, names: Mapping[str, str], sources: pd.DataFrame, today: pd.Timestamp, caption: str = ""
) -> Html:
    """The last preferred figure of each metric with its range, source, age and the reason it was chosen.

    Parameters
    ----------
    series : DataFrame
        ``table`` of `helpers.ledger.PreferredSeries`.
    names : mapping
        Code to label.
    sources : DataFrame
        The ledger's sources, indexed by source_id.
    today : Timestamp
        Day against which the age of a figure is counted.
    caption : str, optional
        Above the table.
    """
    last = series[series["metric_kind"].ne("rule")].sort_values(["period_end", "period_start", "fact_id"])
    last = last.groupby(["entity", "metric"], sort=False, observed=True).tail(1)
    place = {metric: index for index, metric in enumerate(names)}  # the order of the ledger's own list
    last = last.sort_values("metric", key=lambda m: m.map(place).astype(int), kind="stable")
    rows = [
        {
            word("metric"): names[row.metric],
            word("period"): period(row.period_start, row.period_end, loose=row.metric_kind == "stock"),
            word("value"): say(row.value, row.unit, row.currency),
            word("range"): leeway(row),
            word("source"): _source(sources.at[row.source_id, "publisher"], row.fact_id),
            word("known_on"): _public_day(row),
            word("age_days"): (today - row.period_end).days,
            word("reason"): row.reason.replace("_", " "),
        }
        for row in last.itertuples()
    ]
    return _worded(rows, caption or word("passports"), ["metric", "source", "reason"])


def alarms(verdicts: pd.DataFrame, *, names: Mapping[str, str], sources: pd.DataFrame, caption: str = "") -> Html:
    """Verdicts with their arithmetic and the facts they rest on; sources by the name of their publisher."""
    rows = [
        {
            word("verdict"): _badge(f"verdict-{row.verdict}", row.verdict),
            word("metric"): names.get(row.metric, row.metric),
            word("period"): "–" if pd.isna(row.period_end) else f"{row.period_end:%Y-%m-%d}",
            word("arithmetic"): _named(row.text, sources),
            word("rule_name"): row.rule,
            word("facts"): _links(row.fact_ids),
        }
        for row in verdicts.itertuples()
    ]
    return _worded(rows, caption or word("alarms"), ["verdict", "metric", "period", "arithmetic", "rule_name", "facts"])


def checks(given: Iterable[Check], *, sources: pd.DataFrame, caption: str = "") -> Html:
    """Diagnostics as a table with a badge each, and as data for the run's record."""
    given = [
        replace(c, text=_named(c.text, sources), passed=None if c.passed is None else bool(c.passed)) for c in given
    ]
    order = {False: 0, None: 1, True: 2}  # what fails must not stand where nobody looks
    rows = [
        {word("check"): _spaced(c.name), word("result"): _badge(*BADGES[c.passed]), word("finding"): _linked(c.text)}
        for c in sorted(given, key=lambda c: order[c.passed])
    ]
    made = _worded(rows, caption or word("checks"), ["check", "result", "finding"], most=len(rows))
    data = {"checks": [{"name": c.name, "passed": c.passed, "text": c.text} for c in given]}
    return Html(html=made.html, text=made.text, data={CHECKS_MIME: data})


def growth_table(results: Mapping[str, GrowthResult], *, caption: str) -> Html:
    """Compound growth rates, one row per named series."""
    rows = [
        {
            word("what"): name,
            word("from"): f"{result.table['date'].iloc[0]:%Y-%m-%d}",
            word("to"): f"{result.table['date'].iloc[-1]:%Y-%m-%d}",
            word("span"): f"{result.span_years:.1f}",
            word("growth"): say(result.growth, "ratio"),
            word("range"): f"{say(result.low, 'ratio')} … {say(result.high, 'ratio')}",
            word("facts"): _links(result.fact_ids),
        }
        for name, result in results.items()
    ]
    return _worded(rows, caption, ["what", "facts"])


def sources(fact_ids: Iterable[str], *, facts: pd.DataFrame, register: pd.DataFrame) -> Html:
    """The list of sources, grouped by document; each fact id is the target of the links above.

    Facts that the page linked to are listed too, so that no link leads nowhere.

    Parameters
    ----------
    fact_ids : iterable of str
        Every fact that the report rests on.
    facts, register : DataFrame
        The ledger's facts and its sources (indexed by source_id).
    """
    used = facts[facts["fact_id"].isin([*fact_ids, *cited()])]
    by_source = used.groupby(used["source_id"].astype(str), sort=True)["fact_id"].agg(list)
    intro = word("sources_intro", facts=len(used), sources=len(by_source))
    items, lines = [], [intro]
    for source_id, ids in by_source.items():
        source = register.loc[source_id]
        day = source["published"] or word("no_date")
        marks = Markup(" ").join(Markup('<span id="{}">[{}]</span>').format(i, i) for i in sorted(ids))
        items.append(
            Markup("<li>{}: {}, {}{} {}</li>").format(
                source["publisher"], source["title"], day, _address(source["url"]), marks
            )
        )
        lines.append(f"{source['publisher']}: {source['title']}, {day} [{', '.join(sorted(ids))}]")
    html = f'<p>{escape(intro)}</p><ol class="sources">{"".join(items)}</ol>'
    return Html(html=html, text="\n".join(lines))


def mapped(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    caption: str,
    note: str = "",
    names: Mapping[str, str] | None = None,
) -> Html:
    """Some columns of a result's table, with headings to read and shares as percentages.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping
        Column to the unit it is shown in: "ratio", "" for plain numbers, "text" for words (a code loses its
        underscores), "name" for codes that `names` tells, "date", "facts" for ids that lead to the sources (text
        with spaces between, or a tuple); "money USD" and the like for amounts.
    caption, note : str
        Above and below.
    names : mapping, optional
        Code to label.
    """
    if frame.empty:
        return statement(f"{caption}: {word('none')}")
    told = names or {}
    cells = {_heading(column): [_cell(v, unit, told) for v in frame[column]] for column, unit in columns.items()}
    rows = pd.DataFrame(cells, dtype=object)  # pandas' own string type would take the markup off and escape it
    left = [_heading(c) for c, unit in columns.items() if unit in ("text", "name", "facts")]
    return table(rows, caption=caption, note=note, text=left)


def _worded(rows: list[dict], caption: str, text: list[str], most: int = MAX_ROWS) -> Html:
    """A table whose headings are words of the language in use."""
    # object columns: pandas' own string type would take the markup off and escape it
    frame = pd.DataFrame(rows, dtype=object)
    return table(frame, caption=caption, text=[word(key) for key in text] if rows else [], most=most)


def _named(text: str, sources: pd.DataFrame) -> str:
    """Source ids in a text as the publishers' names."""
    return publishers(text, sources["publisher"])


def _badge(css: str, key: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(css, word(key))


def _source(publisher: str, fact_id: str) -> Markup:
    return Markup('{} <a href="#{}">[{}]</a>').format(publisher, fact_id, fact_id)


def _address(url: str) -> Markup:
    """A link only for web addresses: anything else in the column is shown as text."""
    if url.startswith(("http://", "https://")):
        return Markup(', <a href="{}" rel="noopener noreferrer">{}</a>').format(url, url)
    return Markup(", {}").format(url) if url else Markup("")


def _linked(text: str) -> Markup:
    """A text with every fact's id in it leading to its source."""
    cited().update(FACT_ID.findall(str(text)))
    return Markup(FACT_ID.sub(r'<a href="#\1">\1</a>', str(escape(text))))


def _spaced(code: str) -> str:
    """A code as words."""
    return code.replace("_", " ")


def _links(fact_ids: Sequence[str]) -> Markup:
    cited().update(fact_ids[:6])
    shown = Markup(" ").join(Markup('<a href="#{}">{}</a>').format(i, i) for i in fact_ids[:6])
    return shown + (f" +{len(fact_ids) - 6}" if len(fact_ids) > 6 else "")


def _left(index: int, left: set[int]) -> str:
    return ' class="text"' if index in left else ""


def _cells(row: tuple, left: set[int]) -> str:
    cells = []
    for index, value in enumerate(row):
        shown = value if isinstance(value, Markup) else escape(_plain(value))
        css = " ".join(
            c
            for c, holds in (
                ("text", index in left),
                ("keep", _is_short(_plain(value))),
                ("long", len(_plain(value)) > LONG),
            )
            if holds
        )
        cells.append(f'<td class="{css}">{shown}</td>' if css else f"<td>{shown}</td>")
    return "".join(cells)


def _public_day(row) -> str:
    day = f"{row.first_known_on:%Y-%m-%d}"
    return day if row.is_dated else word("undated", day=day)


def _is_short(text: str) -> bool:
    """A day or a code, which a line break would spoil."""
    return len(text) <= SHORT and " " not in text


def _plain(value: object) -> str:
    if isinstance(value, Markup):
        return str(value.striptags())
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def by_kind(facts: pd.DataFrame) -> Html:
    """Number of facts and sources, and the latest day, by kind of source and nature of the fact.

    Parameters
    ----------
    facts : DataFrame
        As `helpers.ledger.facts` gives them.
    """
    rows = [
        {
            word("kind"): kind,
            word("nature"): nature,
            word("fact_count"): len(group),
            word("source_count"): group["source_id"].nunique(),
            word("latest"): f"{group['known_on'].max():%Y-%m-%d}",
        }
        for (kind, nature), group in facts.groupby(["kind", "nature"], observed=True)
    ]
    return _worded(rows, word("by_kind"), ["kind", "nature"])


def _heading(column: str) -> str:
    return word("facts") if column.endswith(("fact_id", "fact_ids", "claim_id")) else column.replace("_", " ")


def _cell(value: object, unit: str, names: Mapping[str, str]) -> str:
    if unit == "facts":
        ids = value.split() if isinstance(value, str) else value if isinstance(value, tuple | list) else ()
        return _links(ids)
    if unit == "date":
        # a day printed as a month or a year stays as printed
        return value if isinstance(value, str) else "–" if pd.isna(value) else f"{value:%Y-%m-%d}"
    if unit in ("text", "name"):
        text = "–" if value is None or value != value else str(value)
        known = names.get(text) if unit == "name" else None
        return _linked(known or (text if " " in text else text.replace("_", " ")))
    kind, _, currency = unit.partition(" ")
    return say(value, kind, currency)
