"""An optional reader: a language model proposes subjects and summaries, and the text decides.

Off unless an address is given. A model never brings a number: each proposal must stand in the text at its span, and
the grammar must read a claim there; what the model may add is entity, metric and period, from the closed lists, where
the rules found none. A summary is kept only if every number in it is a claim of its document. All else is dropped and
counted. What the module cannot do: judge whether the model chose well among the metrics; the claims go to review like
all others.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from helpers import claims as grammar
from helpers.claims import Claim
from helpers.errors import HelpersError

MOST_CHARACTERS = 12_000
CONFIDENCE = 0.3  # below what a rule gives that saw the words itself
_ASK = (
    'You read one article. Answer with JSON only: {"claims": [{"start": int, "end": int, "printed": str, '
    '"entity": str, "metric": str, "period_start": "YYYY-MM-DD", "period_end": "YYYY-MM-DD"}], "summary": str}. '
    "start and end are character offsets of the number in the article and printed is copied from there. entity and "
    "metric are codes of the lists below, or empty. Use no number that the article does not print."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What a model proposed and what was left of it.

    Attributes
    ----------
    claims : list of Claim
        The grammar's claims, with subjects filled in where a proposal passed.
    summary : str
        "" where none was given or it was dropped.
    kept : int
        Proposals that changed a claim.
    dropped : dict of str to int
        Why others were dropped: no answer, not in the text, no claim there, unknown entity, unknown metric, no period,
        summary with a number of its own, nothing to add.
    """

    claims: list[Claim]
    summary: str
    kept: int
    dropped: dict[str, int]

    @property
    def text(self) -> str:
        """One sentence."""
        said = ", ".join(f"{n} {why}" for why, n in sorted(self.dropped.items()))
        return f"{self.kept} proposals kept, {sum(self.dropped.values())} dropped" + (f" ({said})" if said else "")


def propose(
    text: str,
    found: Sequence[Claim],
    *,
    address: str,
    model: str,
    key: str = "none",
    entities: Sequence[str],
    metrics: Sequence[str],
    seconds: float = 60,
) -> Proposals:
    """Ask a model about one article, and keep what the text and the grammar bear out.

    Parameters
    ----------
    text : str
        The article.
    found : sequence of Claim
        What the grammar reads in it.
    address, model, key : str
        Of any endpoint that speaks the OpenAI protocol, such as ``http://localhost:8000/v1``.
    entities, metrics : sequence of str
        The closed lists.
    seconds : float, default 60
        How long to wait for the answer.

    Raises
    ------
    HelpersError
        The extra is not installed, or the endpoint cannot be reached.
    """
    answer = _asked(text[:MOST_CHARACTERS], address, model, key, entities, metrics, seconds)
    dropped: Counter[str] = Counter()
    if answer is None:
        return Proposals(claims=list(found), summary="", kept=0, dropped={"no answer in JSON": 1})
    claims, kept = list(found), 0
    for proposal in answer.get("claims") or ():
        why = _apply(proposal, text, claims, set(entities), set(metrics))
        kept += not why
        dropped.update([why] if why else [])
    summary = str(answer.get("summary") or "")
    if summary and not _is_borne_out(summary, found):
        summary = ""
        dropped["summary with a number of its own"] += 1
    return Proposals(claims=claims, summary=summary, kept=kept, dropped=dict(dropped))


def _asked(text: str, address: str, model: str, key: str, entities, metrics, seconds: float) -> dict | None:
    try:
        openai = importlib.import_module("openai")
    except ModuleNotFoundError:
        raise HelpersError("the language-model reader is an extra: install it with pip install -e .[reader]") from None
    lists = f"entities: {', '.join(entities)}\nmetrics: {', '.join(metrics)}"
    client = openai.OpenAI(base_url=address, api_key=key, timeout=seconds, max_retries=1)
    try:
        reply = client.chat.completions.create(
            model=model, temperature=0,
            messages=[{"role": "system", "content": f"{_ASK}\n{lists}"}, {"role": "user", "content": text}],
        )  # fmt: skip
    except openai.OpenAIError as error:
        raise HelpersError(f"{address} did not answer: {type(error).__name__}") from None
    content = (reply.choices[0].message.content or "") if reply.choices else ""
    try:
        answer = json.loads(content[content.find("{") : content.rfind("}") + 1])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _apply(proposal: object, text: str, claims: list[Claim], entities: set[str], metrics: set[str]) -> str:
    """Fill in a claim in place; why not, if not."""
    if (
        not isinstance(proposal, dict)
        or not isinstance(proposal.get("start"), int)
        or not isinstance(proposal.get("end"), int)
    ):
        return "not in the text"
    start, end = proposal["start"], proposal["end"]
    if not 0 <= start < end <= len(text) or text[start:end] != proposal.get("printed"):
        return "not in the text"
    at = next((n for n, c in enumerate(claims) if c.start < end and start < c.end), None)
    if at is None:
        return "no claim there"
    entity, metric = str(proposal.get("entity") or ""), str(proposal.get("metric") or "")
    if entity and entity not in entities:
        return "unknown entity"
    if metric and metric not in metrics:
        return "unknown metric"
    period = [str(proposal.get(k) or "") for k in ("period_start", "period_end")]
    days = pd.to_datetime(pd.Series(period), format="%Y-%m-%d", errors="coerce")
    if any(period) and (days.isna().any() or days[1] < days[0]):
        return "no period"
    return _filled(claims, at, entity, metric, period)


def _filled(claims: list[Claim], at: int, entity: str, metric: str, period: list[str]) -> str:
    """Only what the rules left open; what they found stands."""
    claim = claims[at]
    more = {
        name: given for name, given in (("entity", entity), ("metric", metric)) if given and not getattr(claim, name)
    }
    if any(period) and claim.period_basis == "unknown":
        more |= {"period_start": period[0], "period_end": period[1], "period_basis": "inferred"}
    if not more:
        return "nothing to add"
    claims[at] = claim._replace(**more, confidence=min(claim.confidence or CONFIDENCE, CONFIDENCE))
    return ""


def _is_borne_out(summary: str, found: Sequence[Claim]) -> bool:
    """Every number of a summary is a claim of the document, with its unit and currency."""
    said = {(c.value, c.value_high, c.unit.split("_")[0], c.currency) for c in found}
    return all((c.value, c.value_high, c.unit.split("_")[0], c.currency) in said for c in grammar.read(summary))
