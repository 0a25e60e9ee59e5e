"""Small projects for the tests of report runs: notebooks from sources, a list of runs, a ledger of a few facts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PROJECT = Path(__file__).parents[1]
PARAMETERS = 'n: int = 1  # count; between 1 and 9\nas_of: str = ""  # facts public on this day; ISO date or empty'


def write_notebook(path: Path, *sources: str, cell: str | None = PARAMETERS) -> Path:
    """A notebook from sources; those that start with a hash sign and a space are markdown."""
    cells = [new_markdown_cell(one) if one.startswith("# ") else new_code_cell(one) for one in sources]
    if cell is not None:
        cells.insert(0, new_code_cell(cell, metadata={"tags": ["parameters"]}))
    kernel = {"name": "not-installed-here", "display_name": "", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def project_in(folder: Path, runs: str = "", **notebooks: tuple[str, ...] | list[str]) -> Path:
    """A project folder with notebooks and, where given, a runs.yml."""
    for name in ("notebooks", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, sources in notebooks.items():
        write_notebook(folder / "notebooks" / f"{name}.ipynb", *sources)
    if runs:
        (folder / "notebooks" / "runs.yml").write_text(runs, encoding="utf-8")
    return folder


def with_ledger(project: Path) -> Path:
    """The project with a copy of the kit's own ledger."""
    shutil.copytree(PROJECT / "data" / "ledger", project / "data" / "ledger")
    return project


def folders(project: Path, run: str) -> list[Path]:
    """Folders of a run, oldest first."""
    return sorted(
        project.glob(f"reports/*/{run}/*"), key=lambda path: (path.name.partition("-")[0], len(path.name), path.name)
    )


def kept(folder: Path, name: str = "run.json") -> dict:
    """A record of a run."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


HEADLINE = """\
from IPython.display import display
value = {value}
card = {{"name": "gmv", "label": "GMV", "value": value, "unit": "", "text": f"{{value:.3g}}", "low": None, "high": None,
        "fact_ids": {facts}}}
display({{"application/vnd.helpers.headlines+json": {{"headlines": [card]}}, "text/html": "<p>GMV</p>"}}, raw=True)"""


def headline(value: str, facts: str = "[]") -> str:
    """Source of a cell that shows one headline number."""
    return HEADLINE.format(value=value, facts=facts)
