"""Imports point down: `helpers` is a house of layers, read from the source and not from a promise.

A module is a top-level file or folder of ``src/helpers``; its own parts may import each other freely.
"""

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

LAYERS = [  # the modules of each layer; a new module gets its line here and in docs/adr/0002
    {"paths", "errors", "units"},
    {"checks", "claims", "draws", "evidence", "settings", "wording"},
    {"rules", "tables", "ledger", "datasets", "calendars", "lexicon", "documents"},
    {"audit", "growth", "market", "uplift", "valuation"},
    {"exhibits"},
    {"desk", "reports"},
]
LOWER = [  # the layers each may import
    set(),
    {0},
    {0, 1},
    {0, 1},
    {0, 1, 3},
    {0, 1, 2, 4},
]
NEIGHBOURS = {  # allowed inside one layer: who imports whom
    "units": {"errors"},
    "paths": {"errors"},
    "draws": {"checks"},
    "settings": {"checks"},
    "tables": {"rules"},
    "ledger": {"rules", "tables"},
    "calendars": {"rules", "tables", "ledger"},
    "datasets": {"rules", "tables"},
    "lexicon": {"rules", "tables", "ledger"},
    "documents": {"tables", "ledger", "lexicon"},
}
OUTSIDE = [  # packages beside the standard library
    {"pint", "currency_converter"},
    {"numpy", "pandas", "scipy"},
    {
        *(
            "borax",
            "bs4",
            "chinese_calendar",
            "filelock",
            "ibis",
            "numpy",
            "openai",
            "pandas",
            "pandera",
            "pyarrow",
            "pypdfium2",
        ),
        "yaml",
    },
    {"diff_diff", "distributed", "numpy", "pandas", "pyfixest", "scipy", "statsmodels", "threadpoolctl"},
    {"IPython", "PIL", "ipywidgets", "jinja2", "markupsafe", "matplotlib", "numpy", "pandas", "seaborn", "zhplot"},
    {
        *("distributed", "filelock", "fontTools", "fsspec", "ipykernel", "jinja2", "jupyter_client", "markupsafe"),
        *("math_core", "mistune", "nbclient", "nbconvert", "nbformat", "pandas", "papermill", "psutil", "pygments"),
        *("requests", "tqdm", "traitlets", "uharfbuzz", "yaml"),
    },
]
ALSO = {  # one module of a layer that is otherwise closed
    "reports": {"audit"},  # the audit stands at each report's foot
    "desk": {"audit"},  # a library is judged when it is added to
}
METHODS, EXHIBITS = 3, 4
FILE_MODULES = {
    "glob",
    "io",
    "os",
    "pathlib",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "urllib",
}
FILE_CALLS = {"open", "Path", "read_text", "read_bytes", "write_text", "write_bytes"}
NOTEBOOK_LAYERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Import:
    """One imported thing: ``from helpers.growth import yoy`` is ``("helpers", "growth", "yoy")``."""

    parts: tuple[str, ...]
    line: int


def layer_of(module: str) -> int | None:
    return next((number for number, modules in enumerate(LAYERS) if module in modules), None)


def imports(tree: ast.AST, package: tuple[str, ...] = ()) -> Iterator[Import]:
    """Yield every import, at any depth; relative ones are resolved against `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(tuple(alias.name.split(".")), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = start + (tuple(node.module.split(".")) if node.module else ())
            for alias in node.names:
                yield Import((*base, alias.name), node.lineno)


def source_problems(source: Path) -> list[str]:
    """Check every file of the package folder `source` (named ``helpers``)."""
    problems = []
    for file in sorted(source.rglob("*.py")):
        inner = file.relative_to(source)
        module = inner.parts[0].removesuffix(".py")
        where = f"helpers/{inner.as_posix()}"
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found = list(imports(tree, ("helpers", *inner.parts[:-1])))
        if module == "__init__":
            problems += [
                f"{where}:{i.line}: helpers/__init__.py imports nothing" for i in found if i.parts[0] == "helpers"
            ]
        elif layer_of(module) is None:
            problems.append(f"{where}: module '{module}' has no layer; add it to LAYERS in tests/test_architecture.py")
        else:
            problems += [f"{where}:{i.line}: {text}" for i in found if (text := import_problem(module, i))]
            if layer_of(module) == METHODS:
                problems += [f"{where}:{line}: {text}" for line, text in file_calls(tree)]
    return problems


def import_problem(module: str, item: Import) -> str | None:
    """Say which rule the import breaks in a file of `module`; None if none."""
    layer, top = layer_of(module), item.parts[0]
    if top != "helpers":
        return outside_problem(layer, top)
    target = item.parts[1] if len(item.parts) > 1 else ""
    if target == module:
        return None
    other = layer_of(target)
    if other is None:
        return f"'{'.'.join(item.parts)}' has no layer; import a module of helpers by its name"
    if other == layer:
        allowed = target in NEIGHBOURS.get(module, set())
        return None if allowed else f"'{module}' may not import its neighbour '{target}' (see NEIGHBOURS)"
    if other not in LOWER[layer] and target not in ALSO.get(module, set()):
        return f"'{module}' (layer {layer}) may not import '{target}' (layer {other})"
    if layer == EXHIBITS and other == METHODS and not item.parts[-1][0].isupper():
        return f"'{module}' may import only result types of '{target}', not '{item.parts[-1]}'"
    return None


def outside_problem(layer: int, top: str) -> str | None:
    if top in sys.stdlib_module_names:
        if layer == METHODS and top in FILE_MODULES:
            return f"a method touches no files: '{top}' is not for layer {METHODS}"
        return None
    return None if top in OUTSIDE[layer] else f"package '{top}' is not for layer {layer} (see OUTSIDE)"


def file_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the calls by which a method would read or write a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in FILE_CALLS or name.startswith("read_"):
                yield node.lineno, f"a method touches no files: it calls {name}()"


def notebook_problems(file: Path) -> list[str]:
    """Check what the code cells of one notebook import from `helpers`."""
    problems = []
    for number, cell in enumerate(json.loads(file.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        for item in imports(ast.parse("".join(cell["source"]))):
            if item.parts[0] in ("tests", "notebooks"):
                problems.append(f"{file.name} cell {number}: nothing imports {item.parts[0]}")
            elif item.parts[0] == "helpers" and (len(item.parts) < 2 or layer_of(item.parts[1]) not in NOTEBOOK_LAYERS):
                problems.append(f"{file.name} cell {number}: a notebook may not import '{'.'.join(item.parts)}'")
    return problems


def test_source_keeps_to_its_layers():
    assert source_problems(PROJECT / "src" / "helpers") == []


def test_notebooks_keep_to_their_layers():
    assert [text for file in sorted((PROJECT / "notebooks").glob("*.ipynb")) for text in notebook_problems(file)] == []


def house(folder: Path, files: dict[str, str]) -> Path:
    """Write a small package of the given files."""
    for name, text in files.items():
        file = folder / "helpers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder / "helpers"


def test_a_sound_house_passes(tmp_path):
    files = {
        "__init__.py": '"""Doc."""',
        "errors.py": "import os",
        "units/__init__.py": "from ..errors import UnitError\nfrom .names import UNITS",
        "units/names.py": "import pint",
        "checks.py": "import pandas as pd\nfrom helpers import units",
        "growth/rates.py": "import numpy as np\nfrom ..checks import Check\nfrom . import periods",
        "exhibits.py": "import matplotlib.pyplot as plt\nfrom helpers.growth import GrowthResult",
        "reports/run.py": "import papermill\nfrom helpers import paths, ledger",
    }
    assert source_problems(house(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("errors.py", "import pandas", "package 'pandas' is not for layer 0"),
        ("paths.py", "from helpers import checks", "may not import 'checks' (layer 1)"),
        ("checks.py", "from .ledger import load", "may not import 'ledger' (layer 2)"),
        ("checks.py", "from . import settings", "may not import its neighbour 'settings'"),
        ("growth/rates.py", "from ..valuation import dcf", "may not import its neighbour 'valuation'"),
        (
            "growth/rates.py",
            "def f():\n    from helpers.ledger import load",
            "rates.py:2: 'growth' (layer 3)",
        ),
        ("growth/rates.py", "import seaborn", "package 'seaborn' is not for layer 3"),
        ("growth/rates.py", "from pathlib import Path", "a method touches no files: 'pathlib'"),
        ("growth/rates.py", "import pandas as pd\npd.read_csv('a')", "it calls read_csv()"),
        ("growth/rates.py", "open('a')", "it calls open()"),
        ("exhibits.py", "from helpers.growth import yoy", "only result types of 'growth', not 'yoy'"),
        ("exhibits.py", "from helpers import growth", "only result types of 'growth'"),
        ("exhibits.py", "from helpers import reports", "may not import 'reports' (layer 5)"),
        ("reports/run.py", "import helpers.valuation", "may not import 'valuation' (layer 3)"),
        ("ledger.py", "import tests.test_ledger", "package 'tests' is not for layer 2"),
        ("ledger.py", "import helpers", "has no layer; import a module of helpers by its name"),
        ("utils.py", "", "module 'utils' has no layer; add it to LAYERS in tests/test_architecture.py"),
        ("__init__.py", "from helpers import growth", "helpers/__init__.py imports nothing"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, name, text, message):
    problems = source_problems(house(tmp_path, {name: text}))
    assert len(problems) == 1
    assert message in problems[0]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("from helpers import exhibits, growth, ledger", False),
        ("from helpers.settings import Settings", False),
        ("from helpers import reports", True),
        ("import helpers.reports.run", True),
        ("import helpers", True),
        ("from helpers import paths", True),
    ],
)
def test_notebook_imports(tmp_path, source, fault):
    file = tmp_path / "a.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [source]}]}), encoding="utf-8")
    assert bool(notebook_problems(file)) is fault
