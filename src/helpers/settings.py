"""The settings that every report shares, checked before anything is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

import pandas as pd

from helpers import units
from helpers.errors import ParameterError, UnknownNameError

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a report is about.

    Parameters
    ----------
    platform : str
        Entity of the ledger the report is about.
    peers : str, default ""
        Entities to compare with, separated by commas; the platform itself may be among them.
    as_of : str, default ""
        ISO day; only what was public on that day is used. Empty means everything in the ledger.
    currency : str, default ""
        Currency of the report, one of `helpers.units.CURRENCIES`; empty where nothing is converted.
    language : {"en", "zh"}
        Language of labels and number words.

    Raises
    ------
    ParameterError, UnknownNameError
        A value is outside its list or not a day.
    """

    platform: str
    peers: str = ""
    as_of: str = ""
    currency: str = ""
    language: str = "en"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():  # papermill passes on whatever type it was given
            if not isinstance(value, str):
                raise ParameterError(f"{name} {value!r} is not a text: write it in quotation marks")
        if not self.platform.strip():
            raise ParameterError("platform is empty: name an entity of the ledger, such as 'xiaohongshu'")
        if self.language not in LANGUAGES:
            raise UnknownNameError("language", self.language, list(LANGUAGES))
        if self.currency and self.currency not in units.CURRENCIES:
            raise UnknownNameError("currency", self.currency, list(units.CURRENCIES))
        if self.as_of:
            parse_day(self.as_of)

    @property
    def names(self) -> tuple[str, ...]:
        """The platform, then its peers, each once."""
        given = [self.platform, *(part.strip() for part in self.peers.split(","))]
        return tuple(dict.fromkeys(name for name in given if name))

    def table(self) -> pd.DataFrame:
        """The settings that are set, as a table with the columns setting, value."""
        return pd.DataFrame([(k, v) for k, v in asdict(self).items() if v], columns=["setting", "value"])


def parse_day(text: str | date | None) -> date | None:
    """ISO day as a date; None and "" stay None.

    Raises
    ------
    ParameterError
        The text is not a day of the calendar in the form YYYY-MM-DD.
    """
    if text is None or isinstance(text, date):
        return text or None
    if text == "":
        return None
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:  # Python also reads 20251231 and 2025-W01-1
        raise ParameterError(f"as_of {text!r} is not a day: write YYYY-MM-DD, such as 2025-12-31")
    return day
