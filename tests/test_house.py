"""The house agrees with itself: one lock behind every door, one test command, nothing of one machine."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
ENGINES = (PROJECT / "tests" / "engines.lock").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LARGEST = 1_000_000  # bytes; larger data does not belong into a repository
# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.~*-])/(?:home|root|Users|tmp|work|mnt|private|var/folders)/\w")
REGISTRY = re.compile(r"py[p]i\.org|pythonhoste[d]\.org|conda\.anacond[a]\.org|//[\w.:-]+/(?:pypi/)?simpl[e]\b")


def locked(lock: str = LOCK) -> list[tuple[Requirement, list[str]]]:
    """Read a lock: each requirement with its hashes."""
    entries = re.findall(r"^([a-z0-9][^\n\\]*?)[ \\]*\n((?:    --hash=.*\n)*)", lock, flags=re.MULTILINE)
    return [(Requirement(text), re.findall(r"--hash=(\S+)", hashes)) for text, hashes in entries]


def wanted() -> list[Requirement]:
    """Read what pyproject.toml asks for, the groups included, but for the engines of the tests."""
    groups = {name: group for name, group in PYPROJECT["dependency-groups"].items() if name != "engines"}
    return [Requirement(text) for text in sum(groups.values(), PYPROJECT["project"]["dependencies"])]


def version_of(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "=="
    return only.version


def tracked() -> list[Path]:
    """List what git keeps or would keep; without git, everything outside hidden and output folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True).stdout
        names = [name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        hidden = re.compile(r"(^|/)(\.(?!ci|github|pre-commit|git(ignore|attributes)$)|__pycache__|reports/)")
        names = [file.relative_to(PROJECT).as_posix() for file in PROJECT.rglob("*")]
        names = [name for name in names if not hidden.search(name)]
    return [PROJECT / name for name in names if (PROJECT / name).is_file()]


def test_lock_has_exact_versions_and_hashes_and_no_address():
    lines = [line for line in LOCK.splitlines() if not line.startswith(("#", "    --hash="))]
    assert len(lines) == len(locked()) > 100
    assert all(version_of(requirement) for requirement, _ in locked())
    assert [requirement.name for requirement, hashes in locked() if not hashes] == []
    assert {name for _, hashes in locked() for name in hashes if not re.fullmatch(r"sha256:\w{64}", name)} == set()
    assert "://" not in LOCK
    assert "#    make lock" in LOCK.splitlines()[:3]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_serves_every_python_and_platform_once(python, platform):
    here = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": platform}
    here["os_name"] = "nt" if platform == "win32" else "posix"
    chosen = [item for item, _ in locked() if item.marker is None or item.marker.evaluate(here)]
    versions = {canonicalize_name(item.name): version_of(item) for item in chosen}
    assert len(versions) == len(chosen)
    for requirement in wanted():
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_engines_have_a_lock_of_their_own():
    names = {item.name: item for item, hashes in locked(ENGINES) if hashes}
    assert "://" not in ENGINES
    assert len(names) == len(locked(ENGINES))
    for text in PYPROJECT["dependency-groups"]["engines"]:
        assert Requirement(text).specifier.contains(version_of(names[Requirement(text).name]))


def test_names_are_spelled_as_the_lock_spells_them():
    names = [item.name for item in wanted()] + [item.name for item, _ in locked()]
    assert [name for name in names if name != canonicalize_name(name)] == []


def test_override_leaves_the_slow_grammar_out():
    """uv only warns when it cannot read its table in pyproject.toml and then drops the override."""
    assert PYPROJECT["tool"]["uv"]["override-dependencies"]
    markers = [item.marker for item, _ in locked() if item.name in ("rfc3987-syntax", "lark")]
    assert markers == [Marker("sys_platform == 'never'")] * 2


def test_this_environment_is_the_locked_one():
    expected = {item.name: version_of(item) for item, _ in locked() if item.marker is None or item.marker.evaluate()}
    found = {canonicalize_name(item.name): item.version for item in metadata.distributions()}
    different = {name: (found.get(name), version) for name, version in expected.items() if found.get(name) != version}
    assert different == {}, f"run `make env`; found and locked differ: {different}"


def test_conda_users_get_the_lock():
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    plain = [item for item in environment["dependencies"] if isinstance(item, str)]
    assert pip == ["-r requirements.lock"]
    (python,) = [item.removeprefix("python=") for item in plain if item.startswith("python=")]
    assert python in PYTHONS
    assert SpecifierSet(PYPROJECT["project"]["requires-python"]).contains(python)
    assert [item for item in plain if not re.match(r"python=|pip$|rfc3987-syntax", item)] == []
    assert environment["name"] == PYPROJECT["project"]["name"]


def test_every_outside_import_of_the_source_is_declared():
    declared = {canonicalize_name(Requirement(text).name) for text in PYPROJECT["project"]["dependencies"]}
    owners = metadata.packages_distributions()
    used = set()
    for file in (PROJECT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(node.module.split(".")[0])
    outside = used - sys.stdlib_module_names - {"helpers"}
    undeclared = [name for name in outside if not declared & {canonicalize_name(o) for o in owners.get(name, [])}]
    assert undeclared == []


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_help_lists_every_target():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    printed = subprocess.run(
        ["make", "-s", "help"], cwd=PROJECT, env=clean, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^make (\w+) +\w", printed, flags=re.MULTILINE)) == targets
    assert {"env", "lab", "reports", "test", "lint", "lock", "bench"} <= targets


def test_ci_runs_the_test_command_of_the_readme():
    lines = (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert "make test" in readme
    assert "make reports" in readme


def test_changelog_tells_numbers_before_code():
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
    releases = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == ["Numbers that changed", "Code"] * len(releases)
    assert releases[0].split()[0] == PYPROJECT["project"]["version"]


def test_no_large_file():
    assert {file.name: file.stat().st_size for file in tracked() if file.stat().st_size > LARGEST} == {}


def test_nothing_of_one_machine_or_one_index():
    found = []
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            match = MACHINE_PATH.search(line) or REGISTRY.search(line)
            if match:
                found.append(f"{file.relative_to(PROJECT)}:{number}: {match.group()}")
    assert found == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("open('" + "/ho" + "me/ann/a.csv')", True),
        ("/us" + "r/bin/env", False),
        ("ir.example.com/ho" + "me/x", False),
        ("--index https://pyp" + "i.org/simple", True),
        ("see https://example.org/simpl" + "er/", False),
        ("http://localhost:3141/simpl" + "e/", True),
    ],
)
def test_patterns_of_machine_and_index(text, caught):
    assert bool(MACHINE_PATH.search(text) or REGISTRY.search(text)) is caught
