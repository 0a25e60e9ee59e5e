"""The notebook comparison catches what it is for: each rule meets a planted difference."""

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import nbval_strict as strict
import pytest
from nbval.plugin import get_sanitize_patterns
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
DRAW = """\
import io
from PIL import Image, ImageDraw
from IPython.display import Image as Show
picture = Image.new("RGB", (60, 40), "white")
ImageDraw.Draw(picture).rectangle((5, 5, {right}, 30), fill="navy")
buffer = io.BytesIO()
picture.save(buffer, "PNG")
Show(buffer.getvalue())"""


def drawn(right: int) -> str:
    """Return what `DRAW` shows for `right`, written by other PNG settings: other bytes, same pixels."""
    picture = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(picture).rectangle((5, 5, right, 30), fill="navy")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=0)
    return base64.b64encode(buffer.getvalue()).decode()


def code(source: str, *outputs, count: int | None = 1):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=count)


def printed(text: str):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def shown(data: dict):
    return nbformat.v4.new_output("execute_result", data=data, execution_count=1)


def png(right: int):
    return shown({"image/png": drawn(right), "text/plain": "<IPython.core.display.Image object>"})


def record(value: float) -> str:
    return f'get_ipython().display_pub.publish({{"{MIME}": {{"gmv_cny": {value}}}}})'


def stored_record(value: float):
    return nbformat.v4.new_output("display_data", data={MIME: {"gmv_cny": value}})


MIME = "application/vnd.helpers.result+json"
HEADING = nbformat.v4.new_markdown_cell("## Answer")
CELLS = [  # name, cell, verdict
    ("same text", code("print('GMV', 0.1 + 0.2)", printed("GMV 0.30000000000000004\n")), "passed"),
    ("1e-8 off", code("print('GMV', 12.34)", printed("GMV 12.3400001\n")), "passed"),
    ("wrong number", code("print('GMV', 12.34)", printed("GMV 12.35\n")), "failed"),
    ("wrong word", code("print('GMV', 12.34)", printed("DAU 12.34\n")), "failed"),
    ("same picture, other bytes", code(DRAW.format(right=40), png(40)), "passed"),
    ("changed picture", code(DRAW.format(right=40), png(41)), "failed"),
    ("record 1e-8 off", code(record(2.5), stored_record(2.50000001)), "passed"),
    ("wrong record", code(record(2.5), stored_record(2.51)), "failed"),
    ("address", code("object()", shown({"text/plain": "<object at 0x7f00deadbeef>"})), "passed"),
    ("silenced by a semicolon", code("1 + 1;"), "passed"),
    ("lost output", code("print(1)"), "failed"),
    ("never executed", code("print(1)", count=None), "failed"),
    ("silent answer", code("answer = 1"), "failed"),
    ("uncompared answer", code("# NBVAL_IGNORE_OUTPUT\nprint(1)", printed("2\n")), "failed"),
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, str]:
    """Run pytest over two notebooks, one kernel each, and read each cell's verdict."""
    folder = tmp_path_factory.mktemp("notebooks")
    cells = [cell for _, cell, _ in CELLS]
    answer = next(i for i, (name, *_) in enumerate(CELLS) if name == "silent answer")
    write(folder / "planted.ipynb", [*cells[:answer], HEADING, *cells[answer:]])
    write(folder / "stripped.ipynb", [code("print(1)", count=None), code("x = 1", count=None)])
    command = [sys.executable, "-m", "pytest", "-p", "nbval_strict", "--nbval", "--nbval-current-env"]
    command += ["-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider", "-p", "no:xdist", "-rA"]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    run = subprocess.run(
        [*command, "--color=no", folder],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    found = re.findall(r"^(PASSED|FAILED) (\S+?)::Cell (\d+)", run.stdout, flags=re.MULTILINE)
    return {f"{Path(file).name} {cell}": verdict.lower() for verdict, file, cell in found}


def write(path: Path, cells) -> None:
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)


@pytest.mark.parametrize(
    ("number", "verdict"), list(enumerate(verdict for *_, verdict in CELLS)), ids=[n for n, *_ in CELLS]
)
def test_verdict_on_a_planted_cell(verdicts, number, verdict):
    assert verdicts[f"planted.ipynb {number}"] == verdict


def test_stripped_notebook_fails(verdicts):
    assert verdicts["stripped.ipynb 0"] == "failed"


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ("a 1.0000001 b", "a 1.0 b", True),  # 1e-7 is within 1e-6
        ("a 1.00001 b", "a 1.0 b", False),  # 1e-5 is not
        ("1234567891", "1234567890", False),  # counts are exact, however large
        ("1,234.5000001 CNY", "1,234.5 CNY", True),
        ("1,235.5 CNY", "1,234.5 CNY", False),
        ("约12.50000001亿元", "约12.5亿元", True),  # Chinese characters may touch the number
        ("约12.6亿元", "约12.5亿元", False),
        ("3.2e-17", "-1.1e-16", True),  # noise around zero
        ("1.5 %", "1.5 pp", False),  # the unit is not a number
        ("pandas 3.1.1", "pandas 3.1.2", False),  # a version is not a number
        ("2024-06-18", "2024-06-19", False),
        ("0.5  ", "0.5", False),  # spaces count
        ("nan", "0.5", False),
    ],
)
def test_text(new, old, same):
    assert strict.same_text(new, old) is same


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ({"a": [1.0, 2]}, {"a": [1.00000001, 2]}, True),
        ({"a": 3}, {"a": 4}, False),
        ({"a": 3}, {"b": 3}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": None}, {"a": 0.0}, False),
        ([float("nan")], [float("nan")], True),
        ([1.0], [1.0, 1.0], False),
        ({"text": "about 2.5"}, {"text": "about 2.6"}, False),
    ],
)
def test_json(new, old, same):
    assert strict.same_json(new, old) is same


def test_pictures_of_other_size_differ():
    buffer = io.BytesIO()
    Image.new("RGB", (61, 40), "white").save(buffer, "PNG")
    assert not strict.same_picture(base64.b64encode(buffer.getvalue()).decode(), drawn(40))


def test_other_kinds_are_exact_after_sanitising():
    """Only addresses and matplotlib's invented SVG parts are forgiven; a path in an SVG is not."""
    patterns = get_sanitize_patterns((HERE / "nbval_sanitize.cfg").read_text())

    def clean(text: str) -> str:
        for pattern, replacement in patterns:
            text = re.sub(pattern, replacement, text)
        return text

    svg = '<dc:date>{}</dc:date><g id="m{}" d="M {} 1"/>'
    first = clean(svg.format("2026-01-01", "0123456789", "5.0"))
    assert first == clean(svg.format("2026-01-02", "abcdef0123", "5.0"))
    assert not strict.equal("image/svg+xml", first, clean(svg.format("2026-01-01", "0123456789", "5.00000001")))
