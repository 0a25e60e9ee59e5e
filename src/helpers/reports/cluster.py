"""The same runs on the workers of a Dask cluster, by its scheduler's address.

Each worker is started in a copy of the project (``dask worker ADDRESS --nthreads 1`` where `helpers` is installed) and
sees the same reports folder. A worker that dies costs one attempt: the scheduler gives its run to another, and what it
had begun stays invisible in its hidden folder until it is swept. What this cannot do: bring code or data to the
workers; a worker whose notebook or package differs from the caller's refuses the run.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from helpers import paths
from helpers.errors import HelpersError
from helpers.reports import inputs, record
from helpers.reports.run import Outcome, execute, interrupted
from helpers.reports.runs import Run

_preparing = threading.Lock()
CONNECT_SECONDS = 15
ALLOWED_FAILURES = 3
"""Workers that may die under one run before it counts as the run's own fault."""


class ClusterError(HelpersError):
    """The cluster cannot be used."""


@contextlib.contextmanager
def performer(address: str | None) -> Iterator[tuple[Callable[..., Outcome], int]]:
    """What makes one report, and how many of them at a time.

    Parameters
    ----------
    address : str or None
        Of a Dask scheduler, such as ``tcp://10.0.0.1:8786``; None runs on this machine.

    Yields
    ------
    tuple of callable and int
        Works as `helpers.reports.run.execute`; the number is 0 for this machine, where the caller decides.

    Raises
    ------
    ClusterError
        Nobody answers at the address, or there is no worker.
    """
    if not address:
        yield execute, 0
        return
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: {str(error).splitlines()[0]}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise ClusterError(f"the Dask scheduler at {address} has no worker") from None
        threads = sum(client.nthreads().values())
        yield lambda run, project, **options: _remote(client, run, project, **options), threads


def _remote(client: Any, run: Run, project: Path, **options: Any) -> Outcome:
    """Hand one run to the cluster and wait; its death is a failure that can be tried again."""
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    options |= {"progress": False, "token": uuid.uuid4().hex}
    wanted = record.sha256(run.path), inputs.package_hash(project)
    future = client.submit(perform, run, project, wanted, options, pure=False, retries=0)
    try:
        while not interrupted.is_set():
            with contextlib.suppress(TimeoutError):
                return future.result(timeout=1)
    except (KilledWorker, CommClosedError) as error:
        return _failed(run, "KilledWorker", f"its workers died ({type(error).__name__})")
    except ClusterError as error:
        return _failed(run, "ClusterError", str(error))
    future.cancel()
    raise KeyboardInterrupt


def _failed(run: Run, kind: str, message: str) -> Outcome:
    record = {"status": "failed", "error": {"type": kind, "message": message, "cell": None}}
    return Outcome(run=run, folder=None, record=record)


def perform(run: Run, project: Path, wanted: tuple[str | None, str], options: dict[str, Any]) -> Outcome:
    """One run in a worker's process.

    Parameters
    ----------
    run : Run
    project : Path
        The caller's; the worker's own project counts where that folder does not exist.
    wanted : tuple of str
        Hashes of the caller's notebook and package.
    options : dict
        As for `helpers.reports.run.execute`.

    Raises
    ------
    ClusterError
        The worker has another version.
    """
    from dataclasses import replace

    here = project if (project / "notebooks").is_dir() else paths.PROJECT
    run = replace(run, path=here / "notebooks" / run.path.name)
    if (record.sha256(run.path), inputs.package_hash(here)) != wanted:
        raise ClusterError(f"a worker has another version of {run.notebook} or of the package; bring it up to date")
    made = record.latest(options["reports"], run.notebook, run.name)
    if made and (kept := record.read_json(made / "run.json")) and kept.get("token") == options["token"]:
        return Outcome(run=run, folder=made, record=kept)  # its first worker died between the report and the answer
    _prepare(run, here)
    return execute(run, here, **options)


def _prepare(run: Run, project: Path) -> None:
    """A forking process for this worker, once; it ends with the worker."""
    from helpers.reports import kernel, zygote
    from helpers.reports.provisioner import ReportProvisioner

    with _preparing:
        living = ReportProvisioner.zygote
        if living is not None and living.is_alive and living.project == str(project):
            return
        if living is not None:
            living.close()
        env = kernel.clean(os.environ) | {"HELPERS_PROJECT": str(project)}
        notebooks = sorted((project / "notebooks").glob("[!_]*.ipynb"))
        ReportProvisioner.zygote = zygote.Zygote.start(zygote.modules_of(notebooks), env)
