"""A process that has imported what the notebooks import, and forks a kernel for each run.

Importing pandas, statsmodels and the charts takes seconds; a fork takes milliseconds. `Zygote` is the handle in
the runner, ``python -m helpers.reports.zygote`` the process itself. They speak JSON lines over a socket pair.

Kernels from here give the same outputs as plain ones: libraries that look for a terminal when they are imported
are shown a kernel, random numbers are seeded anew in the child, and nothing is forked once a thread exists.
When the runner goes, however it goes, the socket closes: the zygote kills its kernels and ends.

What this cannot do: fork on Windows, or on macOS, where system libraries do not survive it. `Zygote.start`
returns None there and the runner starts plain kernels.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

START_SECONDS = 60
SWITCH = "HELPERS_FORK"
"""Environment variable that turns forking off when it is ``no``."""


class Zygote:
    """Handle of the forking process, for any number of threads.

    Make one with `start`; `close` ends it and every kernel that it has forked. ``project`` is the folder whose kernels
    it forks: what it has imported knows no other.
    """

    def __init__(self, process: subprocess.Popen, channel: socket.socket, project: str) -> None:
        self.project = project
        self._process = process
        self._channel = channel
        self._lines = channel.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()

    @classmethod
    def start(cls, modules: Sequence[str], env: Mapping[str, str], learned: Sequence[str] = ()) -> Zygote | None:
        """Start the process and wait until it has imported `modules`.

        Parameters
        ----------
        modules : sequence of str
            Names to import; those that cannot be imported are left to the notebook to complain about.
        env : mapping
            Its whole environment, which kernels can see too.
        learned : sequence of str
            What earlier kernels imported on their way; left out where it brings a thread with it.

        Returns
        -------
        Zygote or None
            None where forking is not possible or not safe.
        """
        if not sys.platform.startswith("linux") or os.environ.get(SWITCH, "").lower() in ("no", "0", "off"):
            return None
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "helpers.reports.zygote", str(theirs.fileno()), *modules, *learned]
        process = subprocess.Popen(
            command, env=dict(env), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        ours.settimeout(START_SECONDS)
        made = cls(process, ours, env.get("HELPERS_PROJECT", ""))
        try:
            answer = made._read()
        except OSError:
            answer = {}
        if not answer.get("ready"):
            made.close()
            return cls.start(modules, env) if learned else None
        return made

    @property
    def is_alive(self) -> bool:
        """Whether it can still fork."""
        return self._process.poll() is None

    def fork(self, arguments: Sequence[str], env: Mapping[str, str], folder: str) -> ForkedKernel:
        """Fork a kernel.

        Parameters
        ----------
        arguments : sequence of str
            For the kernel: ``-f`` and the connection file.
        env : mapping
            Its whole environment.
        folder : str
            Where it works.

        Raises
        ------
        OSError
            The process is gone.
        """
        return ForkedKernel(self, self._ask({"fork": list(arguments), "env": dict(env), "folder": folder})["pid"])

    def exit_code(self, pid: int) -> int | None:
        """Exit code of a kernel as `subprocess.Popen.poll` gives it; None while it runs."""
        try:
            return self._ask({"poll": pid})["code"]
        except OSError:
            return -signal.SIGKILL  # it takes its kernels with it

    def close(self) -> None:
        """End the process and its kernels."""
        with contextlib.suppress(OSError):
            self._channel.close()
        self._lines.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            try:
                self._channel.sendall(json.dumps(request).encode() + b"\n")
                return self._read()
            except ValueError as error:  # the handle was closed
                raise ConnectionError("the forking process has ended") from error

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the forking process has ended")
        return json.loads(line)


class ForkedKernel:
    """A kernel's process, with the part of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._zygote.exit_code(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; Jupyter asks only when it has come."""
        pause = threading.Event()
        waited = 0.0
        while (code := self.poll()) is None:
            if timeout is not None and waited >= timeout:
                raise subprocess.TimeoutExpired("kernel", timeout)
            pause.wait(0.02)
            waited += 0.02
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel alone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def modules_of(notebooks: Iterable[Path]) -> list[str]:
    """What the notebooks import, and what a kernel needs itself, in a stable order.

    Parameters
    ----------
    notebooks : iterable of Path
        Only top-level imports of code cells count; cells that are not plain Python are passed over.
    """
    import ast

    from helpers.reports.parameters import notebook_json

    names: dict[str, None] = dict.fromkeys(("helpers.reports.sandbox", "helpers.paths", "ipykernel.kernelapp"))
    for path in notebooks:
        for cell in notebook_json(path)["cells"]:
            source = cell.get("source", "") if cell.get("cell_type") == "code" else ""
            try:
                tree = ast.parse(source if isinstance(source, str) else "".join(source))
            except SyntaxError:
                continue
            for node in tree.body:
                if isinstance(node, ast.Import):
                    names.update((alias.name, None) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names[node.module] = None
                    names.update((f"{node.module}.{alias.name}", None) for alias in node.names)
    return list(names)


# --- the process itself


def _import_all(modules: Sequence[str]) -> None:
    """Import; libraries that ask whether they are in a terminal are told that they are in a kernel."""
    builtins.get_ipython = lambda: SimpleNamespace(kernel=True)  # type: ignore[attr-defined]
    try:
        for name in modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    finally:
        del builtins.get_ipython  # type: ignore[attr-defined]


def _thread_count() -> int:
    return len(os.listdir("/proc/self/task"))


def _main(descriptor: int, modules: Sequence[str]) -> None:
    from helpers.reports import sandbox

    channel = socket.socket(fileno=descriptor)
    sandbox.leave_out_debugger()
    _import_all(modules)
    if _thread_count() > 1:
        channel.sendall(b'{"ready": false}\n')
        return
    gc.collect()
    gc.freeze()  # the collector must not touch, and so copy, what all kernels share
    channel.sendall(b'{"ready": true}\n')
    _serve(channel)


def _serve(channel: socket.socket) -> None:
    """Fork on request and tell exit codes, until the runner goes."""
    living: set[int] = set()
    codes: dict[int, int] = {}
    waiting = selectors.DefaultSelector()
    waiting.register(channel, selectors.EVENT_READ)
    buffer = b""
    while True:
        waiting.select()
        received = channel.recv(65536)
        if not received:
            break
        buffer += received
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            request = json.loads(line)
            _reap(living, codes)
            if "fork" in request:
                pid = os.fork()
                if not pid:
                    waiting.close()
                    channel.close()
                    _be_kernel(request)
                living.add(pid)
                answer = {"pid": pid}
            else:
                answer = {"code": codes.get(request["poll"])}
            channel.sendall(json.dumps(answer).encode() + b"\n")
    _reap(living, codes)
    for pid in living:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _reap(living: set[int], codes: dict[int, int]) -> None:
    """Take note of kernels that have ended."""
    for pid in list(living):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            living.discard(pid)
            codes[pid] = os.waitstatus_to_exitcode(status)


def _be_kernel(request: Mapping[str, Any]) -> None:
    """Turn the forked child into a kernel; never returns."""
    code = 1
    try:
        os.setsid()  # its own group: whoever ends the kernel ends its children too
        _die_with_parent()
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["folder"])
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        _reseed()
        from helpers.reports import sandbox

        sandbox.enter(request["fork"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    finally:
        os._exit(code)


def _die_with_parent() -> None:
    """Ask Linux to end this process when the zygote ends, also by kill -9."""
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _reseed() -> None:
    """Every kernel has random numbers of its own, as a fresh process would."""
    import random

    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    _main(int(sys.argv[1]), sys.argv[2:])
