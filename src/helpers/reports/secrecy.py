"""No secret of the environment in a report: the last look at what a run has written.

Kernels do not see the scheduler's secrets (`helpers.reports.provisioner`); a run that asks for one in runs.yml, or
reads one from a file, could still print it. What this cannot do: find a secret that was changed on the way, split or
encoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH|WEBHOOK|DSN", re.IGNORECASE
)
SHORTEST = 8
"""Letters of a secret; a shorter value is found everywhere by chance."""


class SecretError(Exception):
    """A file of a run holds the value of a secret."""


def secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Variables whose name says that they are secret, and whose value is long enough to be looked for."""
    return {n: v for n, v in env.items() if SECRET.search(n) and len(v) >= SHORTEST}


def check(folder: Path, kept: Mapping[str, Any], env: Mapping[str, str]) -> None:
    """Look through a run's files for the values of secrets.

    Parameters
    ----------
    folder : Path
    kept : mapping
        The run's record, which is not written yet.
    env : mapping
        The environment of this process.

    Raises
    ------
    SecretError
        Naming the variable and the files, never the value.
    """
    wanted = {name: value.encode() for name, value in secrets(env).items()}
    if not wanted:
        return
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    contents["run.json"] = json.dumps(kept, ensure_ascii=False, default=str).encode()
    for name, value in wanted.items():
        found = sorted(file for file, content in contents.items() if value in content)
        if found:
            raise SecretError(f"the value of {name} stands in {', '.join(found)}; nothing of this run was kept")
