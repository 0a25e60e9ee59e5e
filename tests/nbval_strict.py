"""A pytest plugin on top of nbval: a notebook passes only if it was run and says the same again.

nbval alone compares text letter by letter, never looks at images, and passes a notebook whose outputs
were stripped, because then there is nothing to compare. Here

- a code cell that was never executed fails, and so do a notebook without any stored output and a cell
  under ``## Answer`` that shows nothing or asks not to be compared;
- decimal numbers in text and in the kit's own JSON outputs may differ by `RTOL`; whole numbers and
  everything around the numbers must be equal;
- PNG and JPEG pictures are decoded and compared by pixels; SVG is compared as text.

An output that is equal by these rules is replaced by the stored one before nbval compares, so nbval's
own comparison stays the only judge. In its failure text the signs are swapped: ``-`` is the new value.
It cannot check a number that lives only inside a picture more closely than `PIXEL_RMS`.
"""

from __future__ import annotations

import base64
import copy
import io
import math
import os
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile
from PIL import Image

RTOL = 1e-6  # far below what a report shows, far above the rounding noise between processors
ATOL = 1e-12  # noise around zero; the kit's units are CNY and shares, where this is nothing
PIXEL_RMS = 1.0  # of 255, over all pixels; a line moved by one pixel is about 3 in a usual figure

OWN_JSON = re.compile(r"application/vnd\.helpers\..*\+json")
PICTURES = ("image/png", "image/jpeg")
NUMBER = re.compile(  # 1,234.5 and -1e-9, also before a unit (12.5亿); not a part of a name or a version
    r"(?<![A-Za-z0-9_.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![0-9_]|\.[0-9])"
)


def pytest_configure(config):
    """Name the file of patterns and fix what the kernels inherit."""
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(Path(__file__).with_name("nbval_sanitize.cfg"))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("PYTHONHASHSEED", "0")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Hand on what the other plugins collect, with the strict class in place of nbval's."""
    nodes = yield
    return [
        StrictNotebook.from_parent(parent, path=file_path) if isinstance(node, IPyNbFile) else node for node in nodes
    ]


class StrictNotebook(IPyNbFile):
    """A notebook file whose pictures are compared and whose gaps are found before a cell runs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.skip_compare = tuple(key for key in self.skip_compare if key not in PICTURES)

    def setup(self):
        """Start the kernel and have it keep history: without it a last ``;`` would not silence a cell."""
        super().setup()
        kernel = self.kernel
        kernel.execute_cell_input = lambda source, allow_stdin=False: kernel.kc.execute(
            source, allow_stdin=allow_stdin, stop_on_error=False
        )

    def collect(self):
        plain = list(super().collect())
        gaps, answers = gaps_of(self.nb.cells), answer_cells(self.nb.cells)
        for item in plain:
            number = item.cell_num
            gap = gaps.get(number) or (unchecked(item.options) if number in answers else None)
            yield StrictCell.from_parent(
                self, name=item.name, cell_num=number, cell=item.cell, options=item.options, gap=gap
            )


class StrictCell(IPyNbCell):
    """A cell that fails on a gap in its reference and compares by the rules of this module."""

    def __init__(self, *args, gap: str | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.gap = gap

    def runtest(self):
        if self.gap:
            self.raise_cell_error(self.gap)
        super().runtest()

    def compare_outputs(self, test, ref, skip_compare=None):
        return super().compare_outputs(settle(test, ref, self.sanitize), ref, skip_compare)


def gaps_of(cells) -> dict[int, str]:
    """Say for each code cell, by its number among the code cells, what its stored reference lacks."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    again = "run `make notebooks` and look at the result"
    if code and not any(cell.outputs for cell in code):
        return {0: f"The notebook has no stored output at all, so nothing would be compared; {again}"}
    never = {
        number: f"The cell has no execution count: it was never executed or was stripped; {again}"
        for number, cell in enumerate(code)
        if cell.execution_count is None and cell.source.strip()
    }
    silent = {
        number: f"A cell under '## Answer' has no stored output; {again}"
        for number in answer_cells(cells)
        if not code[number].outputs
    }
    return silent | never


def answer_cells(cells) -> set[int]:
    """Return the numbers, among the code cells, of those between ``## Answer`` and the next ``##``."""
    found, number, inside = set(), -1, False
    for cell in cells:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^##? .*$", cell.source, flags=re.MULTILINE):
                inside = heading.strip() == "## Answer"
        elif cell.cell_type == "code":
            number += 1
            if inside:
                found.add(number)
    return found


def unchecked(options) -> str | None:
    """Say so where a cell asks nbval not to run or not to compare it."""
    if options["skip"] or not options["check"]:
        return "A cell under '## Answer' may not be skipped or left uncompared"
    return None


def settle(test, ref, sanitize) -> list:
    """Return the new outputs with every value that equals its stored partner put in the stored form.

    Partners are the outputs of one kind in their order, as nbval pairs them.
    """
    stored = defaultdict(list)
    for output in ref:
        for kind, value in values_of(output):
            stored[kind].append(value)
    settled = copy.deepcopy(test)
    for output in settled:
        for kind, value in values_of(output):
            if not stored[kind]:
                continue
            partner = stored[kind].pop(0)
            if equal(kind, sanitized(value, sanitize), sanitized(partner, sanitize)):
                put(output, kind, partner)
    return settled


def values_of(output):
    """List what an output shows as pairs of kind and value."""
    if output.get("data"):
        return list(output["data"].items())
    return [(output["name"], output["text"])] if output["output_type"] == "stream" else []


def put(output, kind, value) -> None:
    if output.get("data"):
        output["data"][kind] = value
    else:
        output["text"] = value


def sanitized(value, sanitize):
    return sanitize(value) if isinstance(value, str) else value


def equal(kind: str, new, old) -> bool:
    """Compare two values of one kind of output by the rules of this module."""
    if kind in PICTURES:
        return same_picture(new, old)
    if kind in ("stdout", "stderr") or kind.startswith("text/"):
        return same_text(new, old)
    if OWN_JSON.fullmatch(kind):
        return same_json(new, old)
    return new == old


def same_text(new: str, old: str) -> bool:
    """True if the texts agree around their numbers exactly, and the numbers by `same_number`."""
    if NUMBER.split(new) != NUMBER.split(old):
        return False
    return all(map(same_number, NUMBER.findall(new), NUMBER.findall(old)))


def same_number(new: str, old: str) -> bool:
    """Whole numbers must be equal; decimals may differ by `RTOL`, and near zero by `ATOL`."""
    if not re.search(r"[.eE]", new + old):
        return new == old
    return close(float(new.replace(",", "")), float(old.replace(",", "")))


def close(new: float, old: float) -> bool:
    both_nan = math.isnan(new) and math.isnan(old)
    return both_nan or math.isclose(new, old, rel_tol=RTOL, abs_tol=ATOL)


def same_json(new, old) -> bool:
    """Compare nested lists and objects; numbers in values as in text, keys exactly."""
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(same_json(new[key], old[key]) for key in new)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(same_json, new, old))
    if isinstance(new, str) and isinstance(old, str):
        return same_text(new, old)
    if isinstance(new, float) or isinstance(old, float):
        numbers = (int, float)
        return isinstance(new, numbers) and isinstance(old, numbers) and close(new, old)
    return type(new) is type(old) and new == old


def same_picture(new: str, old: str) -> bool:
    """True if both decode to the same size and their root mean square difference is small."""
    first, second = pixels(new), pixels(old)
    return first.shape == second.shape and math.sqrt(np.mean((first - second) ** 2)) <= PIXEL_RMS


def pixels(encoded: str) -> np.ndarray:
    """Decode base64 into an array of height x width x 4 (red, green, blue, opacity; 0-255)."""
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
        return np.asarray(picture.convert("RGBA"), dtype=float)
