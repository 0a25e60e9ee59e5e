"""Where things are, and which data files a process has read.

The project folder is found from this file (an editable install) or from ``HELPERS_PROJECT``;
nothing depends on the folder a command is started in.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(os.environ.get("HELPERS_PROJECT") or Path(__file__).parents[2]).resolve()
DATA = PROJECT / "data"
LEDGER = DATA / "ledger"
CALENDAR = DATA / "calendar"


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
