"""Where things are, and which data files a process has read.

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
            return place
    looked = "" if given.is_absolute() else " (looked in the project folder and in the current folder)"
    raise DataError(str(path), [f"there is no such file{' or folder' if folders else ''}{looked}"])


def _log_reads(log: str, folder: str) -> None:
    """Append the path of every file under `folder` that this process opens to the file `log`.

    An audit hook sees every reader, whatever library it comes from, so a notebook cannot forget
    to declare its inputs. The report runner sets ``HELPERS_READ_LOG`` and hashes what is listed.
    """
    seen: set[str] = set()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(event: str, args: tuple) -> None:
        if event != "open" or not isinstance(args[0], str | os.PathLike):
            return
        name = os.path.realpath(args[0])
        if name.startswith(folder) and name not in seen:
            seen.add(name)
            os.write(descriptor, f"{name}\n".encode())

    sys.addaudithook(note)


if os.environ.get("HELPERS_READ_LOG"):
    _log_reads(os.environ["HELPERS_READ_LOG"], f"{DATA}{os.sep}")
