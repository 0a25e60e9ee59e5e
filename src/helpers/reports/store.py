"""A second place for finished reports: a shared folder or an object store, by its fsspec address.

An object store knows no rename. A run's files are therefore sent with ``run.json`` last: a folder without it is not
a report yet, and no page links to it. The pages follow when all runs are there. What this cannot do: read an index
back from the store; the reports folder of the machine that started the batch is the catalogue's truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fsspec

from helpers.errors import HelpersError
from helpers.reports.run import Outcome

PAGES = ("index.html", "changes.html", "backtest.html", "catalogue.sqlite", "batch.json")


class StoreError(HelpersError):
    """The place cannot be used."""


class Place:
    """Where copies of reports go.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/reports``, a folder, or ``memory://x``.

    Raises
    ------
    StoreError
        The address means nothing, or its protocol needs a package that is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"--to {url}: {error}") from None
        self.url = url

    def put(self, outcomes: Sequence[Outcome], reports: Path) -> list[str]:
        """Send every report of a batch that is not there yet, then the pages.

        Parameters
        ----------
        outcomes : sequence of Outcome
        reports : Path

        Returns
        -------
        list of str
            What went wrong; the reports stand here whatever becomes of the copy, and the next batch sends them.
        """
        folders = [one.folder for one in outcomes if one.folder is not None]
        try:
            for folder in folders:
                self._put_folder(folder, folder.relative_to(reports).as_posix())
            for name in PAGES:
                if (reports / name).exists():
                    self._files.put_file(str(reports / name), f"{self._root}/{name}")
        except Exception as error:  # each store has errors of its own
            return [f"{self.url} was not reached, reports are here only: {type(error).__name__}: {error}"[:300]]
        return []

    def _put_folder(self, folder: Path, name: str) -> None:
        if self._files.exists(f"{self._root}/{name}/run.json"):
            return
        self._files.makedirs(f"{self._root}/{name}", exist_ok=True)
        for path in sorted(folder.iterdir(), key=lambda path: path.name == "run.json"):
            self._files.put_file(str(path), f"{self._root}/{name}/{path.name}")
