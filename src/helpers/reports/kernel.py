"""Run one notebook's cells in a kernel of the interpreter that runs this, whatever kernels are installed."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from helpers.reports.provisioner import ReportProvisioner, clean
from helpers.reports.sandbox import ONLINE, READ_LOG
from helpers.reports.zygote import Zygote, modules_of

LONGEST_SOCKET = 90
"""Letters of a folder for sockets: their full names may have 107 at most, and ports have to do beyond."""


class ReportClient(AsyncKernelClient):
    """Is ready once the kernel's answer has come on both channels; Jupyter's own waits for silence after it."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        RuntimeError
            The kernel has died or is late.
        """
        until = time.monotonic() + (timeout or math.inf)
        while time.monotonic() < until:
            asked = self.kernel_info()
            with contextlib.suppress(queue.Empty):
                await self.get_shell_msg(timeout=1)
                while True:  # until the state that belongs to the question: then no output can be missed
                    told = await self.get_iopub_msg(timeout=0.2)
                    if (
                        told["parent_header"].get("msg_id") == asked
                        and told["content"].get("execution_state") == "idle"
                    ):
                        return
            if not await self.parent.is_alive():
                raise RuntimeError("the kernel died before it was ready")
        raise RuntimeError(f"the kernel was not ready after {timeout:g} seconds")


class TimeLimitError(Exception):
    """A run took longer than runs.yml lets it."""


kill_all = ReportProvisioner.kill_all


@contextlib.contextmanager
def forking(notebooks: Sequence[Path], project: Path, learned: Sequence[str] = ()) -> Iterator[bool]:
    """Fork kernels from a process that has imported what `notebooks` import, as long as this is open.

    Parameters
    ----------
    notebooks : sequence of Path
    project : Path
        What the kernels take as ``HELPERS_PROJECT``.
    learned : sequence of str
        Modules that earlier kernels imported on their way.

    Yields
    ------
    bool
        Whether kernels are forked; plain ones start otherwise.
    """
    env = clean(os.environ) | {"HELPERS_PROJECT": str(project)}
    zygote = Zygote.start(modules_of(notebooks), env, learned)
    ReportProvisioner.zygote = zygote
    try:
        yield zygote is not None
    finally:
        ReportProvisioner.zygote = None
        if zygote is not None:
            zygote.close()


def run_cells(
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    *,
    project: Path,
    scratch: Path,
    minutes: float = 15,
    is_online: bool = False,
    passed: Sequence[str] = (),
    progress: dict[str, Any] | bool = False,
) -> Any:
    """Execute a notebook with papermill, in its own folder.

    Parameters
    ----------
    source, target : Path
        The notebook, and where the executed copy goes (also when a cell fails).
    parameters : dict
        Checked values.
    project : Path
        What the kernel takes as ``HELPERS_PROJECT``.
    scratch : Path
        A folder of this run alone; ``reads.log`` in it lists the inputs that the kernel has asked for.
    minutes : float
        How long the run may take.
    is_online : bool
        Whether the notebook may open connections.
    passed : sequence of str
        Environment variables that the kernel may see beside the harmless ones.
    progress : dict or bool
        Papermill's progress bar: options for tqdm, or False.

    Returns
    -------
    NotebookNode
        The executed notebook.

    Raises
    ------
    TimeLimitError
        The run took longer than `minutes`.
    """
    import papermill  # takes half a second, and `--list` does not need it

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # a failure is told once, by the caller
    env = {
        "HELPERS_PROJECT": str(project),
        READ_LOG: str(scratch / "reads.log"),
        ONLINE: "1" if is_online else "",
        "IPYTHONDIR": str(scratch / "ipython"),  # nobody's start-up files
    }
    managers: list[AsyncKernelManager] = []
    with _deadline(managers, minutes) as passed_it:
        try:
            return papermill.execute_notebook(
                source,
                target,
                parameters,
                engine_name="helpers-report",
                kernel_name="python3",
                language="python",
                progress_bar=progress,
                kernel_manager_class=_kernel_class(env, scratch, passed, managers),
                # The folder goes to the kernel: papermill's own `cwd` would move this process, and all its threads.
                resources={"metadata": {"path": str(source.parent)}},
                start_timeout=120,
            )
        except Exception as error:
            if passed_it.is_set():
                raise TimeLimitError(f"the run was ended after {minutes:g} minutes, the limit in runs.yml") from error
            raise


@contextlib.contextmanager
def _deadline(managers: Sequence[AsyncKernelManager], minutes: float) -> Iterator[threading.Event]:
    """End the kernel when the time is over; the event says that it was."""
    passed = threading.Event()

    def end() -> None:
        passed.set()
        for manager in managers:
            manager.provisioner.kill_now()

    timer = threading.Timer(minutes * 60, end)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def _kernel_class(
    env: dict[str, str], scratch: Path, passed: Sequence[str], managers: list[AsyncKernelManager]
) -> type[AsyncKernelManager]:
    """A kernel manager for this interpreter with this environment; what it makes is noted in `managers`."""
    spec = KernelSpec(
        argv=[sys.executable, "-m", "helpers.reports.sandbox", "-f", "{connection_file}"],
        env=env,
        display_name="Python 3",
        language="python",
        metadata={"kernel_provisioner": {"provisioner_name": "helpers-report"}, "passed": list(passed)},
    )

    class Specs(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return spec

    class Manager(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            managers.append(self)

        @default("client_factory")
        def _client_factory(self) -> type[AsyncKernelClient]:
            return ReportClient

        @default("kernel_spec_manager")
        def _specs(self) -> KernelSpecManager:
            return Specs()

        if os.name == "posix" and len(str(scratch)) < LONGEST_SOCKET:
            # Sockets in a folder of our own: no ports to race for, nothing other users could connect to.
            @default("transport")
            def _transport(self) -> str:
                return "ipc"

            @default("ip")
            def _ip(self) -> str:
                return str(scratch / "s")

    return Manager
