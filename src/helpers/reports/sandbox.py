"""The kernel's side of a report run: what the notebook's process may do, and what it notes.

``python -m helpers.reports.sandbox -f CONNECTION_FILE`` is a Python kernel that

* notes every data file that is opened and every slice of the ledger that is asked for, so that a notebook
  cannot forget to declare its inputs;
* refuses network connections: a report rests on files that can be hashed (runs.yml may allow a run to);
* ends a cell that prints without end.

The zygote (`helpers.reports.zygote`) enters the same function in a process that it has forked.

What this cannot do: stop a notebook that means harm. The hooks see what Python does; a library that opens
sockets or files in C, without Python's own functions, is not seen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from ipykernel.iostream import OutStream

MOST_PRINTED = 2_000_000
"""Characters that a run may print; a report of that size helps nobody."""

READ_LOG = "HELPERS_READ_LOG"
ONLINE = "HELPERS_ONLINE"
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo")


class LimitedStream(OutStream):
    """Standard output that ends the cell once the run has printed too much."""

    _printed = 0

    def write(self, string: str) -> int | None:
        type(self)._printed += len(string)
        if type(self)._printed > MOST_PRINTED:
            raise OSError(f"this run has printed more than {MOST_PRINTED:,} characters, which no report can hold")
        return super().write(string)


def watch(log: str, folder: str, *, is_online: bool) -> None:
    """Note inputs in the file `log`, and refuse the network unless `is_online`.

    Parameters
    ----------
    log : str
        One JSON object a line: ``{"file": path, "stamp": [size, mtime_ns, inode]}``, ``{"slice": ...}``, or
        ``{"import": module}``, which the next zygote imports beforehand.
    folder : str
        Files under it are inputs whoever opens them; files elsewhere only where `helpers.paths.find` hands them out.
    is_online : bool
        Whether the notebook may open connections.
    """
    seen: set[str] = set()
    folder = os.path.realpath(folder) + os.sep
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        if line not in seen:
            seen.add(line)
            os.write(descriptor, line.encode())

    def opened(place: object, *, anywhere: bool = False) -> None:
        if not isinstance(place, str | os.PathLike):
            return
        name = os.path.realpath(place)
        if (anywhere or name.startswith(folder)) and name not in seen:
            seen.add(name)
            if os.path.isfile(name):
                state = os.stat(name)
                note({"file": name, "stamp": [state.st_size, state.st_mtime_ns, state.st_ino]})

    def hook(event: str, args: tuple) -> None:
        if event == "open":
            opened(args[0])
        elif event == "helpers.file":
            opened(args[0], anywhere=True)
        elif event == "helpers.slice":
            note({"slice": json.loads(args[0])})
        elif event == "import":
            note({"import": args[0]})
        elif event in _NETWORK and not is_online:
            _refuse(event, args)

    sys.addaudithook(hook)


def _refuse(event: str, args: tuple) -> None:
    """Stop what would leave this machine; sockets between processes of it are files, and stay allowed."""
    address = args[1] if event != "socket.getaddrinfo" else args[:2]
    if isinstance(address, tuple):
        where = ":".join(str(part) for part in address[:2])
        raise PermissionError(f"a report run has no network ({where}); `online: true` in runs.yml would allow it")


def leave_out_debugger() -> None:
    """Keep the kernel from importing it: a fifth of a second, and nobody steps through a scheduled run."""
    sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]


def serve(arguments: Sequence[str]) -> None:
    """Be a kernel until told to stop.

    Parameters
    ----------
    arguments : sequence of str
        As for ipykernel: ``-f`` and the connection file.
    """
    leave_out_debugger()
    from ipykernel.kernelapp import launch_new_instance

    own = [f"--IPKernelApp.outstream_class={__name__}.LimitedStream", "--HistoryManager.enabled=False"]
    launch_new_instance(argv=[*arguments, *own])


def enter(arguments: Sequence[str]) -> None:
    """Watch as the environment says, then serve; the last thing that a kernel's process does."""
    from helpers import paths

    if os.environ.get(READ_LOG):
        watch(os.environ[READ_LOG], str(paths.DATA), is_online=bool(os.environ.get(ONLINE)))
    serve(arguments)


if __name__ == "__main__":
    # `-m` puts the folder of the notebook first; a file `json.py` there would be taken for the library.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    from helpers.reports.sandbox import enter as start  # by its own name: the stream's class is looked up by it

    start(sys.argv[1:])
