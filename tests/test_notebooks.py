"""Notebooks keep to one shape, so that whoever knows one can read them all. Starts no kernel."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval_strict import gaps_of

NOTEBOOKS = sorted(Path(__file__).parents[1].joinpath("notebooks").glob("*.ipynb"))
SECTIONS = ["Answer", "Does it hold?", "Limits", "Sources"]
LONGEST_CELL, MEDIAN_CELL = 15, 5
MARKDOWN_PER_CODE = (0.5, 2.0)
PATH_TEXT = re.compile(r"^(~|\.{1,2})?[/\\]|^\w:\\|\.(csv|db|html|ipynb|json|parquet|png|svg|toml|txt|xlsx?|ya?ml)$")
DATE_TEXT = re.compile(r"\b(19|20)\d\d-\d\d(-\d\d)?\b")
DATE_CALLS = {"date", "datetime", "Timestamp"}
LOOSE = re.compile(r"nbval.(skip|ignore.output|raises.exception)|^raises-exception$", re.IGNORECASE)


def problems(book) -> list[str]:
    """List every rule that the notebook breaks, in the words of the rule."""
    rules = (headings, parameters, code_shape, texts_and_dates, whole_ledger, balance, stored_outputs)
    return [text for rule in rules for text in rule(book)]


def code_cells(book) -> list:
    return [cell for cell in book.cells if cell.cell_type == "code"]


def tagged(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def headings(book) -> Iterator[str]:
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    titles = re.findall(r"^# .+$", prose, flags=re.MULTILINE)
    if not book.cells or not book.cells[0].source.startswith("# ") or len(titles) != 1:
        yield f"the first cell holds the one '# ' heading, found {len(titles)}"
    found = [title.strip() for title in re.findall(r"^## (.+)$", prose, flags=re.MULTILINE)]
    if [title for title in found if title in SECTIONS] != SECTIONS:
        yield f"the sections {', '.join(SECTIONS)} come once each and in this order, found {found}"


def parameters(book) -> Iterator[str]:
    cells = [cell for cell in code_cells(book) if tagged(cell, "parameters")]
    if len(cells) != 1:
        yield f"exactly one cell has the tag 'parameters', found {len(cells)}"
        return
    lines = cells[0].source.splitlines()
    for node in ast.parse(cells[0].source).body:
        text = lines[node.end_lineno - 1]
        if not isinstance(node, ast.AnnAssign) or not is_literal(node.value):
            yield f"a parameter is 'name: type = literal  # meaning', got: {text}"
        elif not re.search(r"\S  # \S", text):
            yield f"a parameter says its meaning in a comment on its line, got: {text}"


LOOKED_UP = ("audit.", "exhibits.", "sizing.metrics_of")


def whole_ledger(book) -> Iterator[str]:
    """`ledger.public` is no input that a run notes, so it is only handed to the audit and to what looks ids up."""
    trees = [ast.parse(cell.source) for cell in code_cells(book)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    assigned = [n for n in nodes if isinstance(n, ast.Assign) and ast.unparse(n.value).startswith("ledger.public(")]
    names = {target.id for node in assigned for target in node.targets}
    allowed = {
        id(value)
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(LOOKED_UP)
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]
    }
    for node in nodes:
        is_read = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
        if is_read and id(node) not in allowed:
            yield f"'{node.id}' is the whole ledger, which no run notes: compute with ledger.facts"
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(("book.facts", "load().facts")):
            yield f"'{ast.unparse(node)}' is read past the readers that note it; take it from ledger.facts"


def is_literal(node) -> bool:
    try:
        ast.literal_eval(node)
    except (TypeError, ValueError):
        return False
    return True


def code_shape(book) -> Iterator[str]:
    sizes = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code_cells(book)]
    for number, (cell, size) in enumerate(zip(code_cells(book), sizes, strict=True)):
        if size == 0:
            yield f"code cell {number} is empty"
        if size > LONGEST_CELL:
            yield f"code cell {number} has {size} lines, at most {LONGEST_CELL}"
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield f"code cell {number} defines '{node.name}'; functions live in src/helpers, with a test"
        if any(LOOSE.search(mark) for mark in [*cell.metadata.get("tags", []), *cell.source.splitlines()]):
            yield f"code cell {number} asks not to be compared or to fail; a reference is compared as a whole"
    if sizes and statistics.median(sizes) > MEDIAN_CELL:
        median = statistics.median(sizes)
        yield f"half of the code cells have at most {MEDIAN_CELL} lines, the median is {median:g}"


def texts_and_dates(book) -> Iterator[str]:
    for number, cell in enumerate(code_cells(book)):
        for node in ast.walk(ast.parse(cell.source)):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if PATH_TEXT.search(text):
                yield f"code cell {number} holds the path '{text}'; helpers know where things are"
            if not tagged(cell, "parameters") and (DATE_TEXT.search(text) or is_date_call(node)):
                what = text or ast.unparse(node)
                yield f"code cell {number} holds a date ({what}); dates are parameters or data"


def is_date_call(node) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return name in DATE_CALLS and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int)


def balance(book) -> Iterator[str]:
    code = len(code_cells(book))
    low, high = MARKDOWN_PER_CODE
    if not low <= (len(book.cells) - code) / max(code, 1) <= high:
        yield f"about one markdown cell per code cell, found {len(book.cells) - code} for {code}"


def stored_outputs(book) -> Iterator[str]:
    for number, gap in gaps_of(book.cells).items():
        yield f"code cell {number}: {gap}"
    counts = [cell.execution_count for cell in code_cells(book)]
    if None not in counts and counts != list(range(1, len(counts) + 1)):
        yield f"the cells were run once each from top to bottom, the counts are {counts}"
    if any(output.output_type == "error" for cell in code_cells(book) for output in cell.outputs):
        yield "no stored output is an error"
    name = book.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"the kernel is python3, got {name}"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_notebook_keeps_the_rules(file):
    assert problems(nbformat.read(file, as_version=4)) == []


def sound():
    """Return a small notebook that keeps every rule."""
    shown = [new_output("stream", name="stdout", text="1.5\n")]
    cells = [
        new_markdown_cell("# How large is it?"),
        new_code_cell("from helpers import growth", execution_count=1),
        new_markdown_cell("The question's settings."),
        new_code_cell(
            'platform: str = "kuaishou"  # entity of the ledger\nas_of: str = "2025-12-31"  # ISO day',
            metadata={"tags": ["parameters"]},
            execution_count=2,
        ),
        new_markdown_cell("## Answer"),
        new_code_cell("print(1.5)", execution_count=3, outputs=shown),
        new_markdown_cell("## Does it hold?"),
        new_code_cell("print(1.5)", execution_count=4, outputs=shown),
        new_markdown_cell("## Limits"),
        new_markdown_cell("## Sources"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def source(cell: int, text: str) -> Callable:
    return lambda book: book.cells[cell].update(source=text)


FAULTS = [
    (source(0, "No heading"), "the first cell holds the one '# ' heading, found 0"),
    (source(2, "# Another"), "the first cell holds the one '# ' heading, found 2"),
    (source(8, "## Limit"), "the sections Answer, Does it hold?, Limits, Sources"),
    (lambda book: book.cells[3].metadata.clear(), "exactly one cell has the tag 'parameters', found 0"),
    (source(3, "size: int = 2 * 3  # shops"), "a parameter is 'name: type = literal  # meaning'"),
    (source(3, "size = 2  # shops"), "a parameter is 'name: type = literal  # meaning'"),
    (source(3, "size: int = 2"), "a parameter says its meaning"),
    (source(5, "\n".join(["print(1)"] * 16)), "code cell 2 has 16 lines, at most 15"),
    (source(5, "def f():\n    return 1"), "code cell 2 defines 'f'"),
    (source(5, "# NBVAL_SKIP\nprint(1)"), "asks not to be compared"),
    (lambda book: book.cells[5].metadata.update(tags=["raises-exception"]), "asks not to be compared"),
    (source(5, "read('../data/facts.csv')"), "holds the path '../data/facts.csv'"),
    (source(5, "load('facts.csv')"), "holds the path 'facts.csv'"),
    (source(5, "show('2024-06-18')"), "holds a date (2024-06-18)"),
    (source(5, "date(2024, 6, 18)"), "holds a date (date(2024, 6, 18))"),
    (source(5, ""), "code cell 2 is empty"),
    (source(5, "known = ledger.public()\nmine = known[known['entity'].eq('a')]"), "'known' is the whole ledger"),
    (source(5, "mine = ledger.load().facts"), "'ledger.load().facts' is read past the readers"),
    (
        lambda book: book.cells.extend([new_markdown_cell("more")] * 6),
        "about one markdown cell per code cell, found 12 for 4",
    ),
    (lambda book: book.cells[1].update(execution_count=None), "code cell 0: The cell has no execution count"),
    (
        lambda book: book.cells[5].update(outputs=[]),
        "code cell 2: A cell under '## Answer' has no stored output",
    ),
    (lambda book: book.cells[1].update(execution_count=9), "the cells were run once each"),
    (lambda book: book.metadata.kernelspec.update(name="kit"), "the kernel is python3, got kit"),
]


def test_a_sound_notebook_passes():
    assert problems(sound()) == []


@pytest.mark.parametrize(("plant", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_planted_fault_is_found(plant, message):
    book = sound()
    plant(book)
    assert [text for text in problems(book) if message in text]


def test_long_cells_everywhere_are_found():
    book = sound()
    for cell in code_cells(book)[2:]:
        cell.source = "\n".join(["print(1)"] * 10)
    assert [text for text in problems(book) if "the median is 6" in text]  # sizes 1, 2, 10, 10
