"""Where things are.

The project folder is found from this file (an editable install) or from ``HELPERS_PROJECT``;
nothing of the project depends on the folder a command is started in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from helpers.errors import DataError

PROJECT = Path(os.environ.get("HELPERS_PROJECT") or Path(__file__).parents[2]).resolve()
DATA = PROJECT / "data"
LEDGER = DATA / "ledger"
CALENDAR = DATA / "calendar"
MARKETS = DATA / "markets"


def find(path: str | Path, *, folders: bool = False) -> Path:
    """Place of a user's file: as given if absolute, else in the project folder, else in the current folder.

    Parameters
    ----------
    path : str or Path
        The file; ``~`` is the user's home.
    folders : bool, default False
        Whether a folder will do.

    Raises
    ------
    DataError
        There is no such file.
    """
    given = Path(path).expanduser()
    places = [given] if given.is_absolute() else [PROJECT / given, Path.cwd() / given]
    for place in places:
        if place.is_file() or (folders and place.is_dir()):
            for file in sorted(place.glob("*")) if place.is_dir() else [place]:
                sys.audit("helpers.file", str(file))  # a report run keeps its hash
            return place
    looked = "" if given.is_absolute() else " (looked in the project folder and in the current folder)"
    raise DataError(str(path), [f"there is no such file{' or folder' if folders else ''}{looked}"])
