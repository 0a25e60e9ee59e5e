"""Run one notebook's cells in a kernel of the interpreter that runs this, whatever kernels are installed."""

from __future__ import annotations

import logging
import os
import signal
import sys
import weakref
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

_FIXED = {
    # On small models a second BLAS thread only spins; one thread also keeps the last digits the same.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


_managers: weakref.WeakSet[AsyncKernelManager] = weakref.WeakSet()


def kill_all() -> None:
    """End every kernel that this process has started, at once; whoever waits for one gets an error."""
    for manager in list(_managers):
        process = getattr(manager.provisioner, "process", None)
        if process is None or process.poll() is not None:
            continue
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)  # a kernel leads its own group: its children go with it
        else:
            process.kill()


def run_cells(
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    *,
    project: Path,
    scratch: Path,
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
        A folder of this run alone; ``reads.log`` in it lists the data files the kernel has opened.
    progress : dict or bool
        Papermill's progress bar: options for tqdm, or False.

    Returns
    -------
    NotebookNode
        The executed notebook.
    """
    import papermill  # takes half a second, and `--list` does not need it

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # a failure is told once, by the caller
    env = {
        **_FIXED,
        "HELPERS_PROJECT": str(project),
        "JPY_SESSION_NAME": "",  # nobody moves a slider here, also where a notebook in JupyterLab started the run
        "HELPERS_READ_LOG": str(scratch / "reads.log"),
        "IPYTHONDIR": str(scratch / "ipython"),  # nobody's start-up files
    }
    return papermill.execute_notebook(
        source,
        target,
        parameters,
        kernel_name="python3",
        language="python",
        progress_bar=progress,
        kernel_manager_class=_kernel_class(env, scratch),
        # The folder goes to the kernel: papermill's own `cwd` would move this process, and all its threads.
        resources={"metadata": {"path": str(source.parent)}},
        shutdown_kernel="immediate",  # a farewell costs a second, and nothing is left to save
        start_timeout=120,
    )


def _kernel_class(env: dict[str, str], scratch: Path) -> type[AsyncKernelManager]:
    """A kernel manager for this interpreter with this environment."""

    class Specs(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, env=env, display_name="Python 3", language="python")

    class Manager(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            _managers.add(self)

        @default("kernel_spec_manager")
        def _specs(self) -> KernelSpecManager:
            return Specs()

        if os.name == "posix":
            # Sockets in a folder of our own: no ports to race for, nothing other users could connect to.
            @default("transport")
            def _transport(self) -> str:
                return "ipc"

            @default("ip")
            def _ip(self) -> str:
                return str(scratch / "s")

    return Manager
