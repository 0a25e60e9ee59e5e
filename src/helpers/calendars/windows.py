"""One window per platform, festival and year, merged over its phases; gaps and conflicts stay visible.

What the module cannot do: fill an end that nobody stated. Such a window has no end (NaT), and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from helpers.calendars.events import WITHOUT_DATES, events
from helpers.ledger import Ledger

KEYS = ["entity", "festival", "year"]
DOUBT = ["disputed", "inferred", "confirmed", "not_held", "not_found"]
ONE_MINUTE = pd.Timedelta(minutes=1)
COLUMNS = [
    *KEYS,
    *("start", "end", "length_days", "status", "phases", "gaps", "conflicts", "is_complete", "known_on"),
    *("event_ids", "source_ids", "note"),
]


def windows(
    *,
    entity: str | Sequence[str] | None = None,
    festival: str | Sequence[str] | None = None,
    year: int | None = None,
    as_of: str | date | None = None,
    book: Ledger | None = None,
    folder: Path | str | None = None,
) -> pd.DataFrame:
    """First and last moment of each festival, by platform and year.

    The row ``whole`` counts where it states a moment; else the first start and the last end of the phases.
    The last end counts only where the phase that starts last states its end: an open phase may run longer.

    Parameters
    ----------
    entity, festival, year, as_of, book, folder
        As in `events`.

    Returns
    -------
    DataFrame
        entity, festival, year; start, end (NaT where not stated); length_days (days and parts of days, NaN
        where open); status (the most doubtful of its rows; not_held and not_found as they are); phases;
        gaps, such as "end not stated"; conflicts (what disputed rows say, and phases that leave the whole);
        is_complete (both ends known); known_on (the day the last of its rows was public); event_ids,
        source_ids, note. Texts are "" where there is nothing to say.

    Raises
    ------
    DataError, UnknownNameError
        As in `events`.
    """
    table = events(entity=entity, festival=festival, year=year, as_of=as_of, book=book, folder=folder)
    rows = [_merged(key, rows) for key, rows in table.groupby(KEYS, sort=False)]
    out = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("start", "end", "known_on"):
        out[name] = pd.to_datetime(out[name]).astype("datetime64[s]")
    return out.sort_values(KEYS, ignore_index=True)


def _merged(key: tuple[str, str, int], rows: pd.DataFrame) -> dict[str, object]:
    """Ends, doubts and sources of one festival."""
    dated = rows[~rows["status"].isin(WITHOUT_DATES)]
    start, end = _ends(dated)
    length = (end + ONE_MINUTE - start) / pd.Timedelta(days=1)
    gaps = _gaps(rows, dated, start, end)
    return {
        **dict(zip(KEYS, key, strict=True)),
        "start": start, "end": end, "length_days": length,
        "status": min((dated if len(dated) else rows)["status"], key=DOUBT.index),
        "phases": ", ".join(rows["phase"]), "gaps": "; ".join(gaps), "conflicts": "; ".join(_conflicts(dated)),
        "is_complete": bool(pd.notna(start) and pd.notna(end)), "known_on": rows["known_on"].max(),
        "event_ids": ", ".join(rows["event_id"]), "source_ids": ", ".join(_once(rows["source_id"])),
        "note": "; ".join(_once(rows["note"])),
    }  # fmt: skip


def _ends(dated: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp]:
    whole, parts = dated[dated["phase"].eq("whole")], dated[dated["phase"].ne("whole")]
    start, end = whole["start"].min(), whole["end"].max()
    start = parts["start"].min() if pd.isna(start) else start
    if pd.isna(end) and len(parts) and parts["start"].notna().all():
        open_phase = parts["end"].isna() & parts["start"].eq(parts["start"].max())
        end = pd.NaT if open_phase.any() else parts["end"].max()
    return start, end


def _gaps(rows: pd.DataFrame, dated: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    if dated.empty:
        return [{"not_held": "not held", "not_found": "no source was found"}[rows["status"].iloc[0]]]
    out = [f"{what} not stated" for what, moment in (("start", start), ("end", end)) if pd.isna(moment)]
    parts = dated[dated["phase"].ne("whole")]
    return out + [
        f"{what} of {row.phase} not stated"
        for row in parts.itertuples()
        for what in ("start", "end")
        if pd.isna(getattr(row, what))
    ]


def _conflicts(dated: pd.DataFrame) -> list[str]:
    said = _once(dated.loc[dated["status"].eq("disputed"), "note"])
    whole, parts = dated[dated["phase"].eq("whole")], dated[dated["phase"].ne("whole")]
    for what in ("start", "end"):
        moments = sorted(set(whole[what].dropna()))
        if len(moments) > 1:
            said.append(f"{what} of whole: " + " or ".join(f"{moment:%Y-%m-%d}" for moment in moments))
    outside = parts["start"].lt(whole["start"].min()) | parts["end"].gt(whole["end"].max())
    return said + [f"{phase} leaves the whole" for phase in parts.loc[outside, "phase"]]


def _once(texts: pd.Series) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
