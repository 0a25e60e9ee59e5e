"""The settings of a report on a folder of articles."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.errors import ParameterError
from helpers.settings.shared import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSettings(Settings):
    """What a report on articles is about.

    Parameters
    ----------
    platform : str, default "all"
        The entity whose grid is shown, or "all".
    folder : str
        Where the articles are.
    topic : str, default ""
        Words that the feed is narrowed to; empty for every document.
    number : str, default ""
        A number to look for, such as "gmv yoy 34 % +- 0.5 pp, Douyin, 2024"; empty for none.

    Raises
    ------
    ParameterError, UnknownNameError
        No folder, or what `Settings` refuses.
    """

    platform: str = "all"
    folder: str = ""
    topic: str = ""
    number: str = ""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if not self.folder.strip():
            raise ParameterError("folder is empty: name the folder of the articles, such as data/documents")

    @property
    def entity(self) -> str | None:
        """The entity to narrow to; None for all."""
        return None if self.platform == "all" else self.platform
