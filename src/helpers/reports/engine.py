"""The papermill engine of report runs, registered as ``helpers-report`` in pyproject.toml.

Papermill's own client, with a limit on what a run may put into its outputs.
"""

from __future__ import annotations

from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine

MOST_OUTPUT = 50_000_000
"""Bytes of output of one run, beyond which it is ended."""


class OutputLimitError(Exception):
    """A run has shown more than a report can hold."""


class ReportClient(PapermillNotebookClient):
    """Ends the kernel when the outputs grow without end."""

    is_over = False
    _bytes = 0

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        content = msg["content"]
        self._bytes += len(content.get("text") or "") + sum(len(str(part)) for part in content.get("data", {}).values())
        if self._bytes > MOST_OUTPUT and not self.is_over:
            self.is_over = True
            self.km.provisioner.kill_now()
        return super().process_message(msg, cell, cell_index)


class ReportEngine(Engine):
    """Runs the cells with `ReportClient`."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, kernel_manager_class: type, start_timeout: int, **options: Any
    ) -> None:
        """Execute; papermill hands in the notebook and collects the outcome."""
        client = ReportClient(
            nb_man,
            kernel_name=kernel_name,
            kernel_manager_class=kernel_manager_class,
            startup_timeout=start_timeout,
            timeout=None,
            resources=options["resources"],
            shutdown_kernel="immediate",  # a farewell costs a second, and nothing is left to save
            store_widget_state=False,
        )
        target, nb_man.output_path = nb_man.output_path, None  # nobody reads it before it is done
        try:
            client.execute()
        except Exception as error:
            if client.is_over:
                raise OutputLimitError(f"the run has shown more than {MOST_OUTPUT:,} bytes of output") from error
            raise
        finally:
            nb_man.output_path = target
