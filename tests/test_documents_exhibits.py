"""What a reader of a report on articles sees: every number with its passage, nothing of a text run."""

import re

import pandas as pd
import pytest

from helpers import audit, documents, exhibits, ledger, lexicon
from helpers.documents import find, grid, index
from helpers.errors import ParameterError
from helpers.settings import DocumentSettings

BOOK = ledger.load()
NAMES = ledger.names("en")


@pytest.fixture
def shown(tmp_path):
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "one.md").write_text(
        "---\ntitle: <script>alert(1)</script>\npublisher: A & B\ndate: 2025-10-21\n---\n"
        "Xiaohongshu had net profit of $500 million in 2023 and will double it to a net profit of $3 billion in 2025. <b>GMV</b>\n",
        encoding="utf-8",
    )
    library, _ = documents.library(place)
    claims = library.quoted(library.claims())
    found = audit.texts(
        documents.with_kinds(claims, BOOK),
        **BOOK.rules,
        ratios=lexicon.ratios(),
        homes=BOOK.entities["reporting_currency"].to_dict(),
    )
    library.keep_checks(found.verdicts)
    exhibits.use_style("en")
    return library, claims, found


def test_contradictions_show_arithmetic_and_passages(shown):
    _, claims, found = shown
    made = exhibits.contradictions(found.verdicts, claims, names=NAMES, sources=BOOK.sources, facts=BOOK.facts)
    assert "USD 3 billion over USD 500 million is 6 times; stated 2 times" in made.text
    assert made.html.count("<mark>double</mark>") == 1
    assert "A &amp; B, 2025-10-21" in made.html
    assert "<b>" not in made.html
    nothing = exhibits.contradictions(
        found.verdicts.head(0), claims, names=NAMES, sources=BOOK.sources, facts=BOOK.facts
    )
    assert nothing.text == "No contradiction among these claims."


def test_the_feed_shows_digest_and_checks(shown):
    library, claims, _ = shown
    stream = find.feed(library, "profit", glossary=index.glossary(lexicon.glossary()))
    made = exhibits.feed(stream, claims, library.checks(), topic="profit", names=NAMES, sources=BOOK.sources)
    assert "Xiaohongshu, Net profit, 2023: $500 million" in made.text
    assert "! inconsistent: USD 3 billion over USD 500 million" in made.text
    assert "<script>" not in made.html
    assert "net <mark>profit</mark> of" in made.html


def test_the_grid_opens_its_passages(shown):
    library, claims, _ = shown
    made = exhibits.document_grid(grid.cells(library), claims, names=NAMES)
    assert re.search(
        r"<summary>USD 500 million</summary> A &amp; B, 2025-10-21: .*<mark>\$500 million</mark>", made.html
    )


def test_claims_and_documents(shown):
    library, claims, _ = shown
    table = exhibits.claims_table(claims, names=NAMES)
    assert "forecast" in table.text
    assert "actual" in table.text
    made = exhibits.documents_table(
        library.documents(), ["bad.pdf: damaged"], counts={claims["doc_id"][0]: len(claims)}
    )
    assert "bad.pdf: damaged" in made.text
    assert "&lt;script&gt;" in made.html


def test_hits_are_marked(shown):
    library, _, _ = shown
    made = exhibits.hits(find.words(library, "double"), query="double")
    assert "<mark>double</mark>" in made.html


def test_labels_in_chinese(shown):
    _library, claims, _ = shown
    exhibits.use_style("zh")
    made = exhibits.claims_table(claims, names=ledger.names("zh"))
    exhibits.use_style("en")
    assert "净利润" in made.text
    assert "预测" in made.text


def test_an_undated_claim_has_no_period(shown):
    _, claims, _ = shown
    bare = claims.assign(period_start="", period_end="", value_high=pd.NA)
    assert "–" in exhibits.claims_table(bare, names=NAMES).text


def test_settings_name_a_folder():
    with pytest.raises(ParameterError, match="folder is empty"):
        DocumentSettings()
    assert DocumentSettings(folder="x").entity is None
    assert DocumentSettings(folder="x", platform="kuaishou").entity == "kuaishou"
