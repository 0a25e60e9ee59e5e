"""Second opinions: the other estimators on the same event, each with its own assumption, or why it declined.

Structural and synthetic estimates lean on the units' past, difference-in-differences on parallel trends, aligned
years on a stable season. Where they agree, no single assumption carries the answer; where they do not, the
checks say which assumption is in doubt. The others count every unit alike (logs, or values over the unit's own
mean), while the structural estimate adds up money: where large units respond otherwise than small ones, the
split over days differs. What it cannot do: vote. The mean of estimates is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError
from helpers.uplift.aligned import aligned_years
from helpers.uplift.event_study import event_study
from helpers.uplift.panels import Panel, panel
from helpers.uplift.results import UpliftResult, compare
from helpers.uplift.sdid import synthetic_did
from helpers.uplift.selection import contamination
from helpers.uplift.synthetic import synthetic_control
from helpers.uplift.windows import EventWindow

ASSUMES = {
    "structural": "the unit's past and the controls' factors tell what would have been",
    "synthetic DiD": "weighted controls moved as the treated would have, up to a constant",
    "synthetic control": "a weighted mean of controls stands for the treated",
    "event study": "treated and controls would have moved in parallel",
    "aligned years": "the season of last year repeats, with the growth of recent weeks",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opinions:
    """Several estimates of one event.

    Attributes
    ----------
    results : tuple of UpliftResult
        The estimate that was brought first, then those that could be made.
    table : DataFrame
        As `helpers.uplift.compare`, with `method` as asked for and `assumes`.
    declined : DataFrame
        method, reason: the error of each estimator that could not answer.
    checks : tuple of Check
        ``whole_units``: units that the others had to do without; ``agreement``: whether the intervals meet;
        ``selection`` and ``pre_trends`` of the event study; ``contamination`` of the controls.
    """

    results: tuple[UpliftResult, ...]
    table: pd.DataFrame
    declined: pd.DataFrame
    checks: tuple[Check, ...]


def second_opinions(
    frame: pd.DataFrame | Panel,
    *,
    first: UpliftResult,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str],
    past: Sequence[EventWindow] = (),
) -> Opinions:
    """Run the other estimators on the same units, window and controls.

    Parameters
    ----------
    frame : DataFrame or Panel
    first : UpliftResult
        The estimate they are compared with.
    event, treated, controls, past
        As in `helpers.uplift.structural`. The others need whole series: units with a day that is missing or not
        above 0 are left out, which ``whole_units`` says.

    Returns
    -------
    Opinions
    """
    data = panel(frame)
    whole = set(data.units[(data.values > 0).all(axis=1)])
    lost = [unit for unit in (*treated, *controls) if unit not in whole]
    controls = [unit for unit in controls if unit in whole]
    shared = {"event": event, "treated": [unit for unit in treated if unit in whole]}
    held = any(other.family == event.family and other.family for other in past)
    asked: dict[str, Callable[[], UpliftResult]] = {
        "synthetic DiD": lambda: synthetic_did(data, donors=controls, past=past, scale="index", **shared),
        "synthetic control": lambda: synthetic_control(data, donors=controls, past=past, scale="index", **shared),
        "event study": lambda: event_study(data, controls=controls, past=past, **shared),
    }
    if not held:  # else they answer another question: the excess over last year's event
        asked["aligned years"] = lambda: aligned_years(data, held_before=False, **shared)
    results, declined = {first.method: first}, []
    for name, run in asked.items():
        try:
            results[name] = run()
        except HelpersError as error:
            declined.append((name, str(error)))
    table = compare(results.values()).assign(method=list(results), assumes=[ASSUMES.get(n, "") for n in results])
    return Opinions(
        results=tuple(results.values()), table=table, declined=pd.DataFrame(declined, columns=["method", "reason"]),
        checks=(_whole(lost), _agreement(table), *_warning(results), *_reached(data, event, controls, past)),
    )  # fmt: skip


def _reached(data: Panel, event: EventWindow, controls: Sequence[str], past: Sequence[EventWindow]) -> list[Check]:
    """Whether controls moved in the window themselves, as those that joined the event would."""
    try:
        return [contamination(data, event=event, controls=controls, past=past)]
    except HelpersError as error:
        return [Check(name="contamination", passed=None, text=f"no answer: {error}")]


def _warning(results: dict[str, UpliftResult]) -> list[Check]:
    """Whether treated and controls are alike enough for difference-in-differences to be believed."""
    names = ("selection", "pre_trends", "honest_bounds", "treated_clusters")
    return [check for check in results["event study"].checks if check.name in names] if "event study" in results else []


def _whole(lost: Sequence[str]) -> Check:
    text = f"{len(lost)} units with missing or zero days stand in the structural estimate only"
    text += f": {', '.join(lost[:5])}" if lost else ""
    return Check(name="whole_units", passed=None, value=len(lost), text=text)


def _agreement(table: pd.DataFrame) -> Check:
    """Intervals that do not meet the first one's are named: some assumption is wrong there."""
    first = table.iloc[0]
    apart = table[(table["relative_low"] > first["relative_high"]) | (table["relative_high"] < first["relative_low"])]
    text = f"{len(table) - 1 - len(apart)} of {len(table) - 1} other estimators' intervals meet the structural one"
    text += f"; apart: {', '.join(apart['method'])}" if len(apart) else ""
    return Check(name="agreement", passed=apart.empty, value=len(apart), threshold=0, text=text)
