"""The simulated tables of ``data/samples``: bytes, label and known truth belong together.

Each table has a manifest of the same name, ``<name>.json``: title, file, sha256, simulated (always
true), seed, generator (with its version), columns (for each: type, unit, meaning), truth. What the
module cannot do: make a sample (`helpers.uplift.simulate` does).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers import paths
from helpers.datasets import files
from helpers.errors import DataError, UnknownNameError

KEYS = ("title", "file", "sha256", "simulated", "seed", "generator", "columns", "truth")
TYPES = ("text", "day", "number")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A simulated table and what is known about it.

    Attributes
    ----------
    table : DataFrame
        The columns of the manifest, in its order.
    manifest : dict
        Title, file, sha256, simulated, seed, generator, columns, truth.
    text : str
        One sentence for a report; it says that the data is simulated.
    """

    table: pd.DataFrame
    manifest: dict
    text: str


def samples(folder: Path | str | None = None) -> pd.DataFrame:
    """Which samples there are.

    Parameters
    ----------
    folder : path, optional
        Default: the project's ``data/samples``.

    Returns
    -------
    DataFrame
        Columns name, title, file, seed, generator; sorted by name.

    Raises
    ------
    DataError
        A manifest breaks a rule.
    """
    shown = ["title", "file", "seed", "generator"]
    rows = [{"name": file.stem, **_manifest(file)} for file in sorted(_folder(folder).glob("*.json"))]
    return pd.DataFrame(rows, columns=["name", *shown])


def sample(name: str, *, folder: Path | str | None = None) -> Sample:
    """Read a sample, after its bytes were held against its manifest.

    Parameters
    ----------
    name : str
        One of `samples`, such as "daily_panel".
    folder : path, optional
        Default: the project's ``data/samples``.

    Returns
    -------
    Sample

    Raises
    ------
    UnknownNameError
        There is no such sample.
    DataError
        The manifest breaks a rule or does not say that the data is simulated; the file has other bytes
        or columns than the manifest says.
    """
    manifests = {file.stem: file for file in sorted(_folder(folder).glob("*.json"))}
    if name not in manifests:
        raise UnknownNameError("sample", name, list(manifests))
    manifest = _manifest(manifests[name])
    file = manifests[name].parent / manifest["file"]
    found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file"
    if found != manifest["sha256"]:
        raise DataError(file.name, [f"sha256 is {found}, the manifest says {manifest['sha256']}: make the sample anew"])
    table = files.read(file, {column: meaning["type"] for column, meaning in manifest["columns"].items()})
    text = (
        f"Simulated data: {manifest['title']} ({len(table):,} rows, {manifest['generator']}, seed {manifest['seed']})"
    )
    return Sample(table=table, manifest=manifest, text=text)


def _folder(folder: Path | str | None) -> Path:
    return Path(folder) if folder else paths.DATA / "samples"


def _manifest(file: Path) -> dict:
    """A manifest that keeps the rules."""
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(file.name, [f"is not JSON: {error}"]) from None
    manifest = manifest if isinstance(manifest, dict) else {}
    problems = [f"{key!r} is missing" for key in KEYS if key not in manifest]
    if not problems and manifest["simulated"] is not True:
        problems.append(f"simulated is {manifest['simulated']!r}: data/samples holds simulated data only, and says so")
    for column, meaning in manifest.get("columns", {}).items():
        if meaning.get("type") not in TYPES:
            problems.append(f"column {column!r}: type {meaning.get('type')!r} must be one of {', '.join(TYPES)}")
    if problems:
        raise DataError(file.name, problems)
    return manifest
