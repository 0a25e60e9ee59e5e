"""``python -m helpers.reports``: run what notebooks/runs.yml lists.

Exit codes: 0 all is well, 1 a run failed, 2 something is wrong with runs.yml or a parameter and nothing
was started, 130 interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from helpers import paths
from helpers.errors import HelpersError
from helpers.reports import parameters
from helpers.reports.runs import Run, read_runs


def main(arguments: list[str] | None = None, *, project: Path = paths.PROJECT) -> int:
    """Run notebooks from the command line.

    Parameters
    ----------
    arguments : list of str, optional
        The command line's, without the program's name.
    project : Path
        The folder that holds notebooks/, data/ and reports/.

    Returns
    -------
    int
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        runs = read_runs(project / "notebooks", options.only)
        if options.list:
            print(_listed(runs))
            return 0
    except HelpersError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _start(runs, project, max(1, options.jobs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.reports", description="Run notebooks/runs.yml.")
    parser.add_argument("--only", action="append", metavar="RUN", help="run this one only (may be repeated)")
    parser.add_argument("--list", action="store_true", help="show runs and parameters, start nothing")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at the same time (default: 2)")
    return parser


def _start(runs: list[Run], project: Path, jobs: int) -> int:
    from helpers.reports.run import run_all

    try:
        outcomes = run_all(runs, project, jobs=jobs, is_terminal=sys.stderr.isatty())
    except KeyboardInterrupt:
        print("interrupted; what was unfinished has left nothing behind", file=sys.stderr)
        return 130
    failed = sum(not outcome.is_ok for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} runs ok; see {project / 'reports' / 'index.html'}")
    return 1 if failed else 0


def _listed(runs: list[Run]) -> str:
    """Runs, then the parameters of each notebook they use."""
    lines = []
    for run in runs:
        values = ", ".join(f"{name}={value!r}" for name, value in run.parameters.items())
        lines.append(f"{run.name}  {run.notebook}  {run.cadence}  {values}")
    for path in dict.fromkeys(run.path for run in runs):
        lines += ["", f"{path.stem}:"]
        for one in parameters.contract(path):
            notes = "; ".join(part for part in (one.meaning, one.unit, one.rule) if part)
            lines.append(f"  {one.name}: {one.type} = {one.default!r}  # {notes}")
    return "\n".join(lines)


if __name__ == "__main__":
    # A scheduler that gives up sends SIGTERM; it gets the same clean end as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
