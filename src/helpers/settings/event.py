"""The settings of a report on a shopping event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from helpers.errors import ParameterError, UnknownNameError
from helpers.settings.shared import Settings
from helpers.settings.texts import listed, read_day


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings(Settings):
    """What a report on a shopping event is about, beside the platform.

    Parameters
    ----------
    data_path : str, default ""
        The analyst's own daily table; empty for the simulated sample.
    columns : str, default "unit, date, value"
        Names of its columns of units, days and values, in this order.
    treated : str, default ""
        Units that took part, separated by commas; may be empty with the sample only.
    event_first, event_last : str
        ISO days, both included.
    dip_days, after_days : int
        Days around the event that are accounted with it, 0 to 60.
    scale : {"log", "level"}
        Whether effects multiply or add.
    past_events : str, default ""
        Other events of the same units, whose days are masked: first and last day with a slash between, several
        separated by commas, such as "2024-11-09/2024-11-11, 2025-06-16/2025-06-18". The days around them are
        masked as those of the event.
    cost : float
        Paid by the platform or merchant for the event, in `currency`; 0 or more.
    margin : float
        Margin on a unit of GMV, 0 to 1.

    Raises
    ------
    ParameterError, UnknownNameError
        A value breaks its rule; the event ends before it starts; own data without treated units.
    """

    data_path: str = ""
    columns: str = "unit, date, value"
    treated: str = ""
    event_first: str
    event_last: str
    dip_days: int = 0
    after_days: int = 0
    scale: str = "log"
    past_events: str = ""
    cost: float = 0.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        first, last = (read_day(name, getattr(self, name)) for name in ("event_first", "event_last"))
        if last < first:
            raise ParameterError(f"event_last {last} lies before event_first {first}")
        for name, low, high in (("dip_days", 0, 60), ("after_days", 0, 60), ("margin", 0, 1)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ParameterError(f"{name} {value!r} must lie between {low} and {high}")
        if not self.cost >= 0:
            raise ParameterError(f"cost {self.cost!r} must be 0 or more")
        for span in self.past_spans:
            if len(span) != 2 or read_day("past_events", span[1]) < read_day("past_events", span[0]):
                raise ParameterError(f"past_events {self.past_events!r} must be spans such as 2024-11-09/2024-11-11")
        if len(self.column_names) != 3:
            raise ParameterError(f"columns {self.columns!r} must name three columns: of units, of days, of values")
        if self.scale not in ("log", "level"):
            raise UnknownNameError("scale", self.scale, ["log", "level"])
        if self.data_path and not self.treated_units:
            raise ParameterError("treated is empty: name the units of your data that took part in the event")

    @property
    def past_spans(self) -> list[tuple[str, ...]]:
        """First and last day of each other event."""
        return [tuple(day.strip() for day in part.split("/")) for part in self.past_events.split(",") if part.strip()]

    @property
    def column_names(self) -> dict[str, str]:
        """What the columns of the analyst's own table are called: by unit, date, value."""
        given = listed(self.columns)
        return dict(zip(("unit", "date", "value"), given, strict=False)) if len(given) == 3 else {}

    @property
    def data_name(self) -> str:
        """The file's name without its folder, which is nobody's business."""
        return PurePath(self.data_path).name

    @property
    def treated_units(self) -> list[str]:
        """The units that took part, each once."""
        return list(dict.fromkeys(listed(self.treated)))
