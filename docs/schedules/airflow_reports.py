"""An Airflow DAG over notebooks/runs.yml: one task a run, tried again when its process dies, then the pages.

For teams that run Airflow 3 already. Put it into the DAGs folder; the Airflow variable or environment variable
``RESEARCH_KIT`` names the project's folder, in which ``make env`` has been run. The runs come from the command's
``--json``, so a new entry of runs.yml is a new task. A run that is killed leaves nothing half-written, and one whose
inputs did not change ends at once, so tasks can be retried and days repeated without harm.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

PROJECT = Path(os.environ.get("RESEARCH_KIT", "~/research-kit")).expanduser()
CADENCES = {"daily": "30 3 * * *", "weekly": "30 4 * * 1", "monthly": "30 5 1 * *"}


def command(*arguments: str) -> list[str]:
    """The kit's command in its own environment, whatever Airflow runs in."""
    return [str(PROJECT / ".venv" / "bin" / "python"), "-m", "helpers.reports", *arguments]


def runs_of(cadence: str) -> list[dict]:
    """The runs of a cadence, as the kit lists them."""
    listed = subprocess.run(
        command("--json", "--cadence", cadence), cwd=PROJECT, check=True, capture_output=True, text=True, timeout=120
    )
    return json.loads(listed.stdout)


def dag_of(cadence: str, schedule: str):
    """One DAG: its runs beside each other, then what changed."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG

    with DAG(
        f"reports_{cadence}", schedule=schedule, start_date=datetime(2026, 1, 1), catchup=False, max_active_tasks=2,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=30), "cwd": str(PROJECT)},
    ) as dag:  # fmt: skip
        told = BashOperator(
            task_id="what_changed", bash_command=" ".join(command("--changes")), trigger_rule="all_done"
        )
        for run in runs_of(cadence):
            limit = timedelta(minutes=run["minutes"] * (run["retries"] + 1) + 5)
            one = " ".join(command("--only", run["name"]))
            BashOperator(task_id=run["name"], bash_command=one, execution_timeout=limit) >> told
    return dag


if PROJECT.is_dir():
    for name, when in CADENCES.items():
        globals()[f"reports_{name}"] = dag_of(name, when)
