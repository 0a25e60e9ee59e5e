"""The settings that every report shares."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import pandas as pd

from helpers import units
from helpers.errors import ParameterError, UnknownNameError
from helpers.settings.texts import listed, parse_day

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
        for part in fields(self):  # papermill passes on whatever type it was given
            value = getattr(self, part.name)
            if part.type == "str" and not isinstance(value, str):
                raise ParameterError(f"{part.name} {value!r} is not a text: write it in quotation marks")
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
        return tuple(dict.fromkeys([self.platform, *listed(self.peers)]))

    def table(self) -> pd.DataFrame:
        """The settings that are set, as a table with the columns setting, value."""
        given = [(name, value) for name, value in asdict(self).items() if value != ""]
        shown = [(name, f"{value:,.10g}" if isinstance(value, float) else value) for name, value in given]
        return pd.DataFrame(shown, columns=["setting", "value"])
