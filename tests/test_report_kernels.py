"""Forked and plain kernels give the same outputs, see the same environment, and end with whoever started them."""

from __future__ import annotations

import json
import random
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from report_projects import PROJECT, project_in

from helpers.reports import kernel
from helpers.reports.inputs import read_log
from helpers.reports.provisioner import ReportProvisioner, clean
from helpers.reports.zygote import Zygote, modules_of

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forking is for Linux")
NOTEBOOK = PROJECT / "notebooks" / "_template.ipynb"


def outputs(path: Path, tmp_path: Path, *, is_forking: bool, project: Path = PROJECT, **parameters) -> list:
    scratch = tmp_path / str(is_forking)
    scratch.mkdir(exist_ok=True)
    if not is_forking:
        found = kernel.run_cells(path, scratch / "out.ipynb", parameters, project=project, scratch=scratch)
    else:
        with kernel.forking([path], project) as forks:
            assert forks
            found = kernel.run_cells(path, scratch / "out.ipynb", parameters, project=project, scratch=scratch)
    return [output for cell in found.cells for output in cell.get("outputs", [])]


@linux
def test_a_real_notebook_has_the_same_outputs_either_way(tmp_path):
    plain = outputs(NOTEBOOK, tmp_path, is_forking=False)
    forked = outputs(NOTEBOOK, tmp_path, is_forking=True)
    assert len(plain) > 4
    assert forked == plain
    assert read_log(tmp_path / "True" / "reads.log").slices == read_log(tmp_path / "False" / "reads.log").slices


LOOK = (
    "import os, random, sys, threading\nimport numpy as np\nimport pandas as pd\nimport matplotlib as mpl\n"
    "state = [pd.get_option('display.max_columns'), pd.get_option('display.width'), mpl.get_backend(),\n"
    "         sorted(k for k in os.environ if not k.startswith(('JPY_', 'LC_'))), os.getcwd(), sys.path[:2],\n"
    "         sys.stdin.isatty() if sys.stdin else None, get_ipython().__class__.__name__, 'debugpy' in sys.modules]\n"
    "print(state)"
)


@linux
def test_what_libraries_see_of_their_surroundings_is_the_same(tmp_path):
    project = project_in(tmp_path / "p", one=[LOOK])
    path = project / "notebooks" / "one.ipynb"
    plain, forked = (outputs(path, tmp_path, is_forking=way, project=project) for way in (False, True))
    assert forked == plain
    assert forked[0]["text"].startswith("[20, 80, ")  # pandas in a kernel, not in a terminal


@linux
def test_random_numbers_differ_between_forks(tmp_path):
    source = "import random\nimport numpy as np\nprint(random.random(), np.random.random())"
    project = project_in(tmp_path / "p", one=[source])
    path = project / "notebooks" / "one.ipynb"
    with kernel.forking([path], project):
        texts = []
        for number in range(2):
            scratch = tmp_path / str(number)
            scratch.mkdir()
            found = kernel.run_cells(path, scratch / "out.ipynb", {}, project=project, scratch=scratch)
            texts += [output.text for cell in found.cells for output in cell.get("outputs", [])]
    assert len(set(texts)) == 2
    assert not set(texts[0].split()) & set(texts[1].split())


@linux
def test_nothing_is_forked_once_a_thread_exists(tmp_path):
    starts_one = tmp_path / "starts_a_thread.py"
    starts_one.write_text("import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()")
    env = clean({"PATH": "/usr/bin"}) | {"PYTHONPATH": str(tmp_path), "HELPERS_PROJECT": str(PROJECT)}
    assert Zygote.start(["starts_a_thread"], env) is None
    made = Zygote.start(["helpers.reports.sandbox"], env, learned=["starts_a_thread"])
    assert made is not None  # what was learned is left out when it brings a thread
    made.close()
    assert not made.is_alive


@linux
def test_a_killed_zygote_is_a_dead_kernel_and_plain_ones_start_after_it(tmp_path):
    project = project_in(tmp_path / "p", one=["import time\ntime.sleep(n * 60)"], two=["n"])
    with kernel.forking([], project) as forks:
        assert forks
        zygote = ReportProvisioner.zygote
        threading.Timer(3, zygote._process.kill).start()
        with pytest.raises(Exception, match="Kernel died"):
            outputs_in(project, "one", tmp_path)
        assert outputs_in(project, "two", tmp_path)[0]["data"]["text/plain"] == "1"


def outputs_in(project: Path, name: str, tmp_path: Path) -> list:
    scratch = tmp_path / f"scratch-{name}-{random.random()}"
    scratch.mkdir()
    path = project / "notebooks" / f"{name}.ipynb"
    found = kernel.run_cells(path, scratch / "out.ipynb", {"n": 1}, project=project, scratch=scratch)
    return [output for cell in found.cells for output in cell.get("outputs", [])]


def test_modules_are_read_from_the_notebooks(tmp_path):
    sources = [
        "import pandas as pd\nfrom helpers import ledger, units\nfrom . import x",
        "%magic\nimport os",
        "import json",
    ]
    project = project_in(tmp_path, one=sources)
    names = modules_of([project / "notebooks" / "one.ipynb"])
    assert names[3:] == ["pandas", "helpers", "helpers.ledger", "helpers.units", "json"]


def test_only_harmless_variables_pass():
    env = {
        "PATH": "a",
        "HOME": "b",
        "LC_ALL": "c",
        "AWS_SECRET_ACCESS_KEY": "d",
        "MY_TOKEN": "e",
        "HELPERS_WEBHOOK": "f",
    }
    assert {*clean(env)} - {*clean({})} == {"PATH", "HOME", "LC_ALL"}
    assert clean(env, passed=["MY_TOKEN"])["MY_TOKEN"] == "e"


def test_the_log_of_inputs_survives_a_line_cut_short_and_slices_are_merged(tmp_path):
    log = tmp_path / "reads.log"
    slices = [
        {"entity": ["a"], "metric": ["m"], "as_of": ""},
        {"entity": ["a", "b"], "metric": None, "as_of": ""},
        {"entity": ["a"], "metric": ["m"], "as_of": "2025-01-01"},
        {"entity": ["a", "b"], "metric": None, "as_of": ""},
    ]
    lines = [json.dumps({"slice": one}) for one in slices]
    log.write_text("\n".join([json.dumps({"file": "/x", "stamp": [1, 2, 3]}), *lines, '{"file": "/y", "sta']))
    found = read_log(log)
    assert found.files == {"/x": [1, 2, 3]}
    assert found.slices == (slices[1], slices[2])
    assert read_log(tmp_path / "none").files == {}


def test_the_notebook_is_left_as_it_was(tmp_path):
    before = NOTEBOOK.read_bytes()
    outputs(NOTEBOOK, tmp_path, is_forking=False)
    assert NOTEBOOK.read_bytes() == before
    assert nbformat.read(tmp_path / "False" / "out.ipynb", as_version=4).metadata.kernelspec.name == "python3"
