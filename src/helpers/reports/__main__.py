"""``python -m helpers.reports``: run what notebooks/runs.yml lists.

Exit codes: 0 all is well, 1 a run failed, 2 something is wrong with runs.yml or a parameter and nothing
was started, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers import paths
from helpers.errors import HelpersError
from helpers.reports import parameters
from helpers.reports.runs import CADENCES, Run, on_day, read_runs

WEBHOOK = "HELPERS_WEBHOOK"


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
    reports = Path(options.reports).expanduser().resolve() if options.reports else project / "reports"
    try:
        if options.changes or options.rebuild:
            return _told(reports) if options.changes else _rebuilt(reports)
        runs = _chosen(options, project)
        if options.list or options.params or options.json:
            print(_json(runs) if options.json else _listed(runs, with_runs=not options.params))
            return 0
    except HelpersError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        return _unwritable(error)
    return _start(runs, project, reports, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m helpers.reports", description="Run notebooks/runs.yml.")
    what = parser.add_argument_group("which runs")
    what.add_argument("--only", action="append", metavar="RUN", help="run this one only (may be repeated)")
    what.add_argument(
        "--cadence", action="append", choices=CADENCES, help="runs of this cadence only (may be repeated)"
    )
    what.add_argument(
        "--as-of", action="append", metavar="DAY", help="as it would have been on this day (may be repeated)"
    )
    what.add_argument("--force", action="store_true", help="run again though nothing has changed")
    how = parser.add_argument_group("how")
    how.add_argument("--jobs", type=int, metavar="N", help="runs at the same time (default: cores + 1)")
    how.add_argument("--fail-fast", action="store_true", help="start no other run once one has failed")
    how.add_argument("--cluster", metavar="ADDRESS", help="address of a Dask scheduler whose workers do the runs")
    how.add_argument("--reports", metavar="FOLDER", help="where reports go (default: reports/ of the project)")
    how.add_argument(
        "--to", metavar="URL", help="copy finished reports there too, an fsspec address such as s3://bucket/x"
    )
    how.add_argument(
        "--webhook", metavar="URL", default=os.environ.get(WEBHOOK), help=f"POST what changed there (or ${WEBHOOK})"
    )
    other = parser.add_argument_group("instead of running")
    other.add_argument("--list", action="store_true", help="show runs and parameters")
    other.add_argument("--params", action="store_true", help="show the parameters of the notebooks")
    other.add_argument("--json", action="store_true", help="show the runs as JSON, for a scheduler")
    other.add_argument("--changes", action="store_true", help="say what changed in the last reports, as plain text")
    other.add_argument("--rebuild", action="store_true", help="make the catalogue and the pages again from the folders")
    return parser


def _chosen(options: argparse.Namespace, project: Path) -> list[Run]:
    runs = read_runs(project / "notebooks", options.only)
    if options.cadence:
        runs = [run for run in runs if run.cadence in options.cadence]
    if options.as_of:
        runs = [run for day in options.as_of for run in on_day(runs, day)]
    return runs


def _start(runs: list[Run], project: Path, reports: Path, options: argparse.Namespace) -> int:
    from helpers.reports import batch, cluster, notify

    shared = {"is_forced": options.force, "is_failing_fast": options.fail_fast}
    try:
        place = _place(options.to)
        with cluster.performer(options.cluster) as (perform, workers):
            if options.jobs or workers:
                shared |= {"perform": perform, "jobs": max(1, options.jobs or workers)}
            how = batch.Options(**shared, is_terminal=sys.stderr.isatty(), reports=reports)
            outcomes = batch.run_all(runs, project, how)
    except HelpersError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        return _unwritable(error)
    except KeyboardInterrupt:
        print("interrupted; what was unfinished has left nothing behind", file=sys.stderr)
        return 130
    failed = sum(not outcome.is_ok for outcome in outcomes)
    print(f"\n{batch.summary(outcomes)}\n")
    print(f"{len(outcomes) - failed} of {len(outcomes)} runs ok; see {reports / 'index.html'}")
    problems = [
        *dict.fromkeys(how.problems),
        *(place.put(outcomes, reports) if place else ()),
        *notify.send(outcomes, options.webhook),
    ]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if failed or problems else 0


def _unwritable(error: OSError) -> int:
    """A reports folder that cannot be used: one line."""
    where = f"{error.filename}: " if error.filename else ""
    print(f"error: {where}{error.strerror or error}", file=sys.stderr)
    return 1


def _place(url: str | None) -> Any:
    if not url:
        return None
    from helpers.reports.store import Place

    return Place(url)


def _told(reports: Path) -> int:
    from helpers.reports import notify

    print(notify.latest(reports) or "no run has been made twice yet: there is nothing to compare")
    return 0


def _rebuilt(reports: Path) -> int:
    from helpers.reports import catalogue, pages

    (reports / catalogue.FILE).unlink(missing_ok=True)
    print(pages.build(reports))
    return 0


def _json(runs: list[Run]) -> str:
    rows = [{k: v for k, v in asdict(run).items() if k != "path"} for run in runs]
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _listed(runs: list[Run], *, with_runs: bool) -> str:
    """Runs, then the parameters of each notebook they use."""
    lines = []
    for run in runs if with_runs else ():
        values = ", ".join(f"{name}={value!r}" for name, value in run.parameters.items())
        lines.append(f"{run.name}  {run.notebook}  {run.cadence}  {values}")
    for path in dict.fromkeys(run.path for run in runs):
        lines += ["", f"{path.stem}:"]
        for one in parameters.contract(path):
            notes = "; ".join(part for part in (one.meaning, one.unit, one.rule) if part)
            lines.append(f"  {one.name}: {one.type} = {one.default!r}  # {notes}")
    return "\n".join(lines).lstrip("\n")


if __name__ == "__main__":
    # A scheduler that gives up sends SIGTERM; it gets the same clean end as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
