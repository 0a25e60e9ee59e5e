"""How well claims are read, on labelled numbers, and how fast; beside the libraries a user would pick.

    python benchmarks/claims.py                   # three sets of texts invented for this benchmark
    python benchmarks/claims.py --texts FOLDER    # also the articles whose labels stand in labels/*.csv, if you have them
    python benchmarks/claims.py --rivals          # also recognizers-text-suite and quantulum3, where installed

A claim is right if value and upper end are within 0.1 % and unit class and currency are the label's. "Wrong" counts
labelled numbers that were touched and given another value. Each invented set was read once before anything was mended
on it; that first reading is quoted in benchmarks/README.md. Nine texts of the later sets hold planted faults. What it
cannot say: how the grammar reads a kind of text that none of us has written or seen.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from helpers import audit, claims, documents, ledger, lexicon
from helpers.claims import grammar
from helpers.documents import articles

LABELS = Path(__file__).parent / "labels"
CLASSES = {"ratio": "ratio", "pp": "points", "percentage_point": "points", "multiple": "multiple"}
SETS = {"b": "second set", "c": "second set", "d": "third set", "f": "third set"}
Span = tuple[int, int, float, float | None, str, str]


@dataclass
class Score:
    """Counts of one language or set."""

    labels: int = 0
    strict: int = 0
    wrong: int = 0
    read: int = 0
    right: int = 0
    size: int = 0
    seconds: float = 0.0
    misses: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        speed = self.size / 1e3 / self.seconds if self.seconds else 0
        return (
            f"{name:34} {self.labels:5} {self.strict / self.labels:8.3f} {self.right / max(1, self.read):10.3f} "
            f"{self.wrong / self.labels:7.3f} {speed:8.0f}"
        )


def kind(unit: str) -> str:
    """Money, ratio, points, multiple or count."""
    return "money" if unit.startswith("money") else CLASSES.get(unit, "count")


def ours(text: str) -> list[Span]:
    return [(c.start, c.end, c.value, c.value_high, c.unit, c.currency) for c in claims.read(text)]


def score(
    into: Score, text: str, labels: list[Span], read: Callable[[str], list[Span]], optional: Sequence = ()
) -> None:
    """Add one text."""
    started = time.process_time()
    found = [f for f in read(text) if not any(f[0] < end and f[1] > start for start, end in optional)]
    into.seconds += time.process_time() - started
    into.size += len(text.encode())
    right: set[int] = set()
    for start, end, value, high, unit, currency in labels:
        touched = [i for i, f in enumerate(found) if f[0] < end and f[1] > start]
        good = [i for i in touched if _close(found[i][2], value) and _close(found[i][3], high)]
        right.update(good)
        into.strict += any(kind(found[i][4]) == kind(unit) and found[i][5] == (currency or "") for i in good)
        into.wrong += bool(touched) and not good
    into.labels, into.read, into.right = into.labels + len(labels), into.read + len(found), into.right + len(right)


def _close(a: float | None, b: float | None) -> bool:
    return (a is None) == (b is None) and (a is None or abs(a - b) <= 1e-3 * max(abs(b), 1e-12))


def invented() -> Iterator[tuple[str, str, list[Span], list[tuple[int, int]]]]:
    """Set and language, text, labels, and spans that a reader may read or leave, of the texts that come with this."""
    for row in _texts():
        which = SETS.get(row["id"][0], "first set")
        spans = [tuple(c) for c in row.get("optional", ())]
        yield f"{which}, {articles.language(row['text'])}", row["text"], [tuple(c) for c in row["claims"]], spans


def _texts() -> list[dict]:
    return [json.loads(line) for line in (LABELS / "invented_texts.jsonl").read_text(encoding="utf-8").splitlines()]


def labelled(folder: Path) -> Iterator[tuple[str, str, str, list[Span]]]:
    """Name, language, text and labels of articles that are not ours to publish."""
    spans: dict[str, list[Span]] = {}
    with (LABELS / "claim_numbers.csv").open(encoding="utf-8") as file:
        for r in csv.DictReader(file):
            high = float(r["value_high"]) if r["value_high"] else None
            spans.setdefault(r["file"], []).append(
                (int(r["start"]), int(r["end"]), float(r["value"]), high, r["unit"], r["currency"])
            )
    for name, rows in spans.items():
        for path in sorted(folder.rglob(f"{name}*.txt")):
            text = path.read_text(encoding="utf-8")
            yield name, "raw feed" if len(name) == 3 else articles.language(text), text, rows


def numbers_alone() -> str:
    """Speed of the grammar without entity, metric and period, which the rivals do not give either."""
    spent: dict[str, list[float]] = {}
    for language, text in [(row[0][-2:], row[1]) for row in invented() for _ in range(4)]:
        started = time.process_time()
        grammar.tokens(grammar.fold(text))
        spent.setdefault(language, []).append(len(text.encode()) / 1e3 / max(1e-9, time.process_time() - started))
    return "numbers alone, without subjects: " + ", ".join(f"{k} {sum(v) / len(v):.0f} KB/s" for k, v in spent.items())


def rivals() -> dict[str, Callable[[str], list[Span]]]:
    """Readers of libraries that are installed: numbers, percentages and money, without the noise of their dates."""
    found: dict[str, Callable[[str], list[Span]]] = {}
    try:
        from recognizers_number import recognize_number, recognize_percentage
        from recognizers_number_with_unit import recognize_currency

        codes = {
            "China yuan": "CNY",
            "Chinese yuan": "CNY",
            "United States dollar": "USD",
            "Dollar": "USD",
            "Hong Kong dollar": "HKD",
        }

        def recognizers(text: str) -> list[Span]:
            culture = "zh-cn" if articles.language(text) == "zh" else "en-us"
            out: dict[tuple[int, int], Span] = {}
            for run in (recognize_currency, recognize_percentage, recognize_number):
                for r in run(text, culture):
                    place = (r.start, r.end + 1)
                    given = (r.resolution or {}).get("value")
                    if given is None or any(a < place[1] and b > place[0] for a, b in out):
                        continue
                    try:
                        value = float(str(given).rstrip("%"))
                    except ValueError:
                        continue
                    money = codes.get((r.resolution or {}).get("unit", ""), "")
                    unit = "money" if run is recognize_currency else "ratio" if run is recognize_percentage else "count"
                    out[place] = (*place, value / 100 if unit == "ratio" else value, None, unit, money)
            return list(out.values())

        found["recognizers-text-suite"] = recognizers
    except ImportError:
        pass
    try:
        from quantulum3 import parser

        def quantulum(text: str) -> list[Span]:
            units = {"percentage": "ratio", "dimensionless": "count"}
            rows = parser.parse(text)
            return [(q.span[0], q.span[1], q.value / 100 if q.unit.name == "percentage" else q.value, None,
                     "money" if q.unit.entity.name == "currency" else units.get(q.unit.name, "count"), "") for q in rows]  # fmt: skip

        found["quantulum3"] = quantulum
    except ImportError:
        pass
    return found


def subjects(folder: Path) -> str:
    """How many claims are bound to the right entity, metric and period, on labels of the given articles."""
    read = _bound(folder)
    counts = [0, 0, 0, 0]
    with (LABELS / "claim_subjects.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            hit = [
                c for start, end, c in read.get(row["file"], ()) if start < int(row["end"]) and end > int(row["start"])
            ]
            if hit:
                right = _is_bound(hit[0], row)
                counts = [n + bool(r) for n, r in zip(counts, (True, *right), strict=True)]
    n = counts[0] or 1
    return (
        f"{counts[0]} claims bound: entity {counts[1] / n:.3f}, metric {counts[2] / n:.3f}, period {counts[3] / n:.3f}"
    )


def _bound(folder: Path) -> dict[str, list[tuple[int, int, claims.Claim]]]:
    known = {}
    for index in folder.rglob("index.csv"):
        with index.open(encoding="utf-8") as file:
            known |= {r["nn"]: r for r in csv.DictReader(file)}
    out: dict[str, list] = {}
    for path in sorted(folder.rglob("*.txt")):
        name = path.stem[:3] if len(path.stem) > 3 else path.stem
        for article in articles.read(path):
            if name in known:
                article = replace(article, title=known[name]["title"], published=known[name]["published"])
            rows = [(article.start + c.start, article.start + c.end, c) for c in documents.read_claims(article)]
            out.setdefault(name, []).extend(rows)
    return out


def _is_bound(claim: claims.Claim, row: dict) -> tuple[bool, bool, bool]:
    """Entity, metric and period; a period is right if it ends with, or lies in, the label's."""
    entity = claim.entity == row["entity"] or row["alt_entity"] == "|" or claim.entity in row["alt_entity"].split("|")
    metric = claim.metric == row["metric"] or (bool(row["alt_metric"]) and claim.metric in row["alt_metric"].split("|"))
    if not row["period_end"]:
        return entity, metric, claim.period_basis != "stated"
    end = claim.period_end
    return entity, metric, end[:7] == row["period_end"][:7] or row["period_start"] <= end <= row["period_end"]


def planted() -> str:
    """Planted faults that the articles of the later sets show by themselves, and alarms that come from none of them."""
    with (LABELS / "planted_faults.csv").open(encoding="utf-8") as file:
        faults = [(row["id"], row["printed"].split("; ")) for row in csv.DictReader(file)]
    rows = [r for r in _texts() if r["id"][0] in SETS]
    frames = [_as_table(a, r["id"]) for r in rows for a in articles.parse(r["text"].encode(), f"{r['id']}.txt")]
    table, found = _judged(frames)
    printed = dict(zip(table["claim_id"], zip(table["doc_id"], table["printed"], strict=True), strict=True))
    alarms = found.verdicts[found.verdicts["verdict"].isin(["inconsistent", "implausible"])]["fact_ids"]
    said = [{printed[i] for i in ids} for ids in alarms]
    seen = [any((doc, p) in of for of in said for p in words) for doc, words in faults]
    false = [of for of in said if not any((doc, p) in of for doc, words in faults for p in words)]
    return f"planted faults found: {sum(seen)} of {len(seen)}; {len(false)} other alarms on {len(rows)} articles"


def contradictions(folder: Path) -> str:
    """The verdicts on the raw feeds alone, without the ledger."""
    paths = sorted(p for p in folder.rglob("*.txt") if p.stem[:3] in ("000", "004"))
    frames = [_as_table(a, f"{p.stem[:3]}-{n}") for p in paths for n, a in enumerate(articles.read(p))]
    if not frames:
        return "no raw feeds there"
    found = _judged(frames)[1]
    alarms = found.verdicts[found.verdicts["verdict"].isin(["inconsistent", "implausible"])]
    told = "\n".join(f"    {r.verdict}, {r.rule}, {r.entity} {r.metric}: {r.text[:110]}" for r in alarms.itertuples())
    return f"{found.text}\n{told}"


def _as_table(article: articles.Article, doc: str) -> pd.DataFrame:
    table = claims.table(documents.read_claims(article))
    ids = [f"{doc}-{start}" for start in table["start"]]
    return table.assign(doc_id=doc, claim_id=ids, published=article.published, kind="digest", trust=8)


def _judged(frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, audit.Audit]:
    book, table = ledger.load(), pd.concat(frames, ignore_index=True)
    homes = book.entities["reporting_currency"].to_dict()
    return table, audit.texts(table, **book.rules, ratios=lexicon.ratios(), homes=homes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--rivals", action="store_true")
    given = parser.parse_args()
    readers = {"ours": ours, **(rivals() if given.rivals else {})}
    print(f"{'':34} {'n':>5} {'strict':>8} {'precision':>10} {'wrong':>7} {'KB/s':>8}")
    for name, read in readers.items():
        scores: dict[str, Score] = {}
        for language, text, labels, optional in invented():
            score(scores.setdefault(f"{name}, invented, {language}", Score()), text, labels, read, optional)
        for _, language, text, labels in labelled(given.texts) if given.texts else ():
            score(scores.setdefault(f"{name}, articles, {language}", Score()), text, labels, read)
        for label, result in scores.items():
            print(result.line(label))
    print(numbers_alone())
    print(planted())
    if given.texts:
        print(subjects(given.texts))
        print(contradictions(given.texts))


if __name__ == "__main__":
    main()
