"""What changed, as text for an e-mail, and as a POST to an address of the user's.

Nothing is sent unless an address was given. The body is JSON with one key, ``text``, which chat services and mail
gateways take as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from helpers.reports import catalogue, changes, record
from helpers.reports.run import Outcome

SECONDS = 20


def message(outcomes: Sequence[Outcome]) -> str:
    """The text of a batch: how many runs ended how, the failures, then what moved.

    Parameters
    ----------
    outcomes : sequence of Outcome
    """
    bad = [one for one in outcomes if not one.is_ok]
    lines = [f"{len(outcomes) - len(bad)} of {len(outcomes)} runs ok"]
    lines += [f"{one.run.name}: {one.record['error']['message']}"[:300] for one in bad]
    for one in outcomes:
        told = record.read_json(one.folder / "changes.json") if one.folder and one.record["status"] == "ok" else None
        if told and (told["headlines"] or told["checks"]):
            lines += ["", changes.told(told)]
    return "\n".join(lines)


def send(outcomes: Sequence[Outcome], address: str | None) -> list[str]:
    """POST the batch's text to an address.

    Parameters
    ----------
    outcomes : sequence of Outcome
    address : str or None
        http or https; None or empty sends nothing.

    Returns
    -------
    list of str
        What went wrong; the reports stand whatever becomes of the message. The address is not repeated: it may
        hold a key.
    """
    if not address:
        return []
    import requests

    if not address.startswith(("http://", "https://")):
        return ["the webhook's address has to begin with http:// or https://; nothing was sent"]
    try:
        requests.post(address, json={"text": message(outcomes)}, timeout=SECONDS).raise_for_status()
    except requests.RequestException as error:
        status = getattr(error.response, "status_code", None)
        return [f"the webhook was not reached ({status or type(error).__name__}); nothing was sent"]
    return []


def latest(reports: Path) -> str:
    """What changed in the latest report of each run, as text.

    Parameters
    ----------
    reports : Path
    """
    with catalogue.opened(reports) as connection:
        rows = connection.execute(
            "SELECT run, changes FROM (SELECT *, row_number() OVER (PARTITION BY notebook, run ORDER BY stamp DESC, "
            "number DESC) AS place FROM runs WHERE status = 'ok') WHERE place = 1 AND changes IS NOT NULL ORDER BY run"
        ).fetchall()
    return "\n\n".join(changes.told(json.loads(row["changes"])) for row in rows)
