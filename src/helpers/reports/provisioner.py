"""How Jupyter starts the kernels of report runs: forked where that is possible, plain elsewhere.

Registered as the kernel provisioner ``helpers-report`` in pyproject.toml; the kernel spec that
`helpers.reports.kernel` makes names it. A kernel sees the variables in `ALLOWED` and those its spec sets, and
no others: a token in the environment of the scheduler cannot reach a report.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

from helpers.reports.zygote import Zygote

ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|USERPROFILE|"
    r"APPDATA|LOCALAPPDATA|VIRTUAL_ENV|CONDA_PREFIX|LD_LIBRARY_PATH|DYLD_\w+|MPLCONFIGDIR|XDG_\w+|JUPYTER_\w*(?:PATH|DIR)|"
    r"FONTCONFIG_\w+|JAVA_HOME|PYTHON(?:PATH|HOME|UTF8|DONTWRITEBYTECODE|PYCACHEPREFIX)|COVERAGE_\w+"
)
FIXED = {
    # On small models a second BLAS thread only spins; one thread also keeps the last digits the same.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a thread before the fork would be lost in the child
    "JPY_SESSION_NAME": "",  # nobody moves a slider here, also where a notebook in JupyterLab started the run
}


def clean(env: Mapping[str, str], *, passed: Iterable[str] = ()) -> dict[str, str]:
    """The part of an environment that a kernel may see.

    Parameters
    ----------
    env : mapping
    passed : iterable of str
        Names that a run asks for in runs.yml.
    """
    wanted = set(passed)
    return {name: value for name, value in env.items() if name in wanted or ALLOWED.fullmatch(name)} | FIXED


class ReportProvisioner(LocalProvisioner):
    """Starts one kernel of a report run in a clean environment."""

    zygote: ClassVar[Zygote | None] = None
    """The forking process of this runner; without one kernels start plain."""

    living: ClassVar[set[ReportProvisioner]] = set()
    _guard: ClassVar[threading.Lock] = threading.Lock()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Hand on the clean environment only."""
        passed = self.kernel_spec.metadata.get("passed", [])
        return await super().pre_launch(**{**kwargs, "env": clean(os.environ, passed=passed)})

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork, or start a process."""
        zygote = type(self).zygote
        with self._guard:
            self.living.add(self)
        if zygote is None or not zygote.is_alive:
            return await super().launch_kernel(cmd, **kwargs)
        # the command is: interpreter -m helpers.reports.sandbox -f FILE ...
        self.process = zygote.fork(cmd[3:], kwargs["env"], str(kwargs.get("cwd") or os.getcwd()))
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and see it go: Jupyter would look again only after a tenth of a second."""
        await super().kill(restart)
        for _ in range(50):
            if await self.poll() is not None:
                return
            await asyncio.sleep(0.002)

    async def cleanup(self, restart: bool = False) -> None:
        """Forget an ended kernel."""
        with self._guard:
            self.living.discard(self)
        await super().cleanup(restart)

    def kill_now(self) -> None:
        """End the kernel and its children at once, from any thread."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)  # a kernel leads its own group
        else:
            process.kill()

    @classmethod
    def kill_all(cls) -> None:
        """End every kernel of this runner; whoever waits for one gets an error."""
        with cls._guard:
            living = list(cls.living)
        for one in living:
            one.kill_now()
