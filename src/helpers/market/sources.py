"""Several sources of one number, made into one distribution, with the reasoning kept.

A voice is an origin that says a value: pages that print the same figure of an unnamed origin are one voice, and where
a named origin prints it too they are copies of that; a copy adds nothing (`helpers.evidence.originator`, `clusters`).
Voice i says y_i, a logarithm, with its own spread s_i (how it was printed, and how far its kind of source is usually
off, `KIND_SD`). Between voices there is a spread t, so y_i ~ N(m, s_i^2 + t^2): the random-effects model, t^2 by Paule
and Mandel (1982, J. Res. NBS 87(5), 377-385), the spread of m after Hartung and Knapp (2001, Statistics in Medicine 20,
3875-3889) with Student's t for few voices.

The distribution says where the true number lies: at m, as uncertain as the mean of the voices is. Disagreement beyond
what the voices' own spreads allow raises t and with it the range; one voice alone has its kind's spread. What the
module cannot do: see that two origins copied a third that nobody names, or read a definition that no page states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import t as student

from helpers import evidence
from helpers.checks import Check
from helpers.draws import Distribution
from helpers.errors import NotEstimableError, ParameterError
from helpers.market.bridge import REACH, from_logs

KIND_SD: dict[str, float] = {
    "filing": 0.005,
    "company_release": 0.005,
    "official_statistics": 0.01,
    "data_vendor": 0.08,
    "research_firm": 0.10,
    "broker": 0.06,
    "press": 0.08,
    "digest": 0.10,
    "repost": 0.15,
}
"""How far a kind of source is usually off, as a standard deviation of the logarithm. Judgement: a filing is audited, a
statistics bureau revises by about a per cent, an estimate of a market of unknown method is good to a tenth, a repost
may have lost a word. Pass others as `kind_sd`."""
OTHER_SD = 0.15
REPORTED_SD = 0.02
"""The most that a figure is off which the company or bureau itself reports (status "reported"), whoever carries it."""
UNNAMED = "unnamed"
"""Origin of pages that do not say where a figure comes from (`helpers.evidence.originator`)."""
APART = 3.0
"""Figures of one name that lie further apart than this mean different things or are slips: they are not pooled."""
EXPECTED = ("forecast", "target")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedDriver:
    """One number from several sources.

    Attributes
    ----------
    distribution : Distribution
        Log-normal; for a share a beta between 0 and 1, its error relative to the smaller of it and the rest.
    table : DataFrame
        One row per voice, the heaviest first: origin, kind, value, low, high, sd_log (its own), weight (sum 1),
        fact_ids (with blanks between), reason.
    rejected : DataFrame
        What was left out: fact_id, value, reason.
    disagreement : float
        Spread between voices, standard deviation of the logarithm; 0 where they agree within their own spreads.
    text : str
    checks : tuple of Check
    fact_ids : tuple of str
    """

    distribution: Distribution
    table: pd.DataFrame
    rejected: pd.DataFrame
    disagreement: float
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def from_facts(
    facts: pd.DataFrame,
    *,
    what: str,
    definitions: Mapping[str, str] | None = None,
    doubts: Mapping[str, str] | None = None,
    kind_sd: Mapping[str, float] = KIND_SD,
    is_share: bool = False,
) -> SourcedDriver:
    """The distribution of a number that one or more facts state.

    Parameters
    ----------
    facts : DataFrame
        Of one entity, metric and period, in one currency: fact_id, entity, metric, measure, value, low, high (what
        was printed leaves open, infinite for "more than"), currency, period_start, period_end, nature, status, kind,
        origin, and value_high, filled where a source printed a range.
    what : str
        For messages, such as "online retail 2024".
    definitions : mapping of str to str, optional
        Fact id to the code of what it counts.
    doubts : mapping of str to str, optional
        Fact id to why the audit sets it aside.
    kind_sd : mapping of str to float
        Kind of source to the spread of its logarithm.
    is_share : bool
        Whether the number lies between 0 and 1.

    Raises
    ------
    ParameterError
        Facts of two years, currencies, entities or metrics; a value that is not above 0.
    NotEstimableError
        None is left, they count different things, or they lie too far apart to be one number.
    """
    kept, rejected = _sifted(facts, what, doubts or {})
    _refuse_mixed(kept, what)
    _refuse_definitions(kept, what, definitions or {})
    voices = _voices(kept, kind_sd)
    spread = voices["value"].max() / voices["value"].min()
    if spread > APART:
        ends = f"{voices['value'].min():.4g} to {voices['value'].max():.4g}"
        raise NotEstimableError(
            what,
            f"its sources lie {spread:.2g} times apart ({ends}), by definition or scale",
            "what each of them counts",
        )
    mu, sigma, between, weights = _pooled(np.log(voices["value"].to_numpy()), voices["sd_log"].to_numpy())
    voices = voices.assign(weight=weights).sort_values("weight", ascending=False, kind="stable", ignore_index=True)
    return SourcedDriver(
        distribution=from_logs(mu, sigma, is_share=is_share), table=voices, rejected=rejected, disagreement=between,
        text=_said(what, voices, rejected, between), checks=_checks(what, voices, between),
        fact_ids=tuple(kept["fact_id"].astype(str)),
    )  # fmt: skip


def _sifted(facts: pd.DataFrame, what: str, doubts: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What counts, and what does not with the reason."""
    if facts.empty:
        raise NotEstimableError(what, "no fact is known", "a published figure")
    ids, status = facts["fact_id"].astype(str), facts["status"].astype(str)
    doubtful = facts["nature"].astype(str).eq("doubtful")
    expected = status.isin(EXPECTED)
    has_measured = bool((~expected & ~doubtful & ~ids.isin(list(doubts))).any())
    reasons = ids.map(doubts).astype(object)
    reasons = reasons.where(reasons.notna(), np.where(doubtful, "marked " + status, ""))
    reasons = reasons.mask(reasons.eq("") & expected & has_measured, "a " + status + ", and measured figures are known")
    left = reasons.ne("")
    rejected = pd.DataFrame({"fact_id": ids, "value": facts["value"], "reason": reasons})[left].reset_index(drop=True)
    if left.all():
        raise NotEstimableError(what, f"every figure is set aside ({'; '.join(rejected['reason'])})", "a sound figure")
    kept = facts[~left]
    bad = kept[~(kept["value"] > 0)]
    if len(bad):
        raise ParameterError(f"{what}: {bad['fact_id'].iloc[0]} is {bad['value'].iloc[0]:g}, a size lies above 0")
    return kept, rejected


def _refuse_mixed(kept: pd.DataFrame, what: str) -> None:
    names = {"currency": "currencies", "entity": "entities", "metric": "metrics", "measure": "measures"}
    for column, plural in names.items():
        found = sorted(set(kept[column].astype(str)))
        if len(found) > 1:
            raise ParameterError(f"{what} mixes {plural}: {', '.join(found)}; one number has one")
    known = kept.dropna(subset=["period_start", "period_end"])
    spans = zip(known["period_start"], known["period_end"], strict=True)
    periods = sorted({f"{start:%Y-%m-%d} to {end:%Y-%m-%d}" for start, end in spans})
    if len({period[-10:-6] for period in periods}) > 1:
        raise ParameterError(f"{what} mixes years: {', '.join(periods)}; one number has one")
    if len(periods) > 1:
        raise ParameterError(f"{what} mixes periods: {', '.join(periods)}; one number has one")


def _refuse_definitions(kept: pd.DataFrame, what: str, definitions: Mapping[str, str]) -> None:
    codes = kept["fact_id"].astype(str).map(definitions)
    groups = kept.groupby(codes)["value"].median()
    if len(groups) > 1:
        said = ", ".join(f"{code} {value:.4g}" for code, value in groups.items())
        raise NotEstimableError(
            what, f"its sources count different things ({said}, {groups.max() / groups.min():.2f} times apart), "
            "and a difference of definition is no error to be averaged", "the choice of one definition"
        )  # fmt: skip


def _speakers(kept: pd.DataFrame, kind_sd: Mapping[str, float]) -> pd.Series:
    """Who speaks: the origin; of a page that names none, the best origin that prints the same number, if any."""
    origin = kept["origin"].astype(str)
    order = kept["kind"].astype(str).map(kind_sd).fillna(OTHER_SD).to_numpy().argsort(kind="stable")
    same = evidence.clusters(kept.assign(key=""), ["key"]).iloc[order]
    named = origin.iloc[order].where(origin.iloc[order].ne(UNNAMED)).groupby(same).transform("first")
    return origin.mask(origin.eq(UNNAMED), named.reindex(kept.index).fillna(UNNAMED))


def _voices(kept: pd.DataFrame, kind_sd: Mapping[str, float]) -> pd.DataFrame:
    """One row per origin and value, the most trusted page speaking for its copies."""
    group = evidence.clusters(kept.assign(key=_speakers(kept, kind_sd)), ["key"])
    rows = []
    for _, part in kept.groupby(group, sort=False):
        floor = part["kind"].astype(str).map(kind_sd).fillna(OTHER_SD)
        floor = floor.mask(part["status"].astype(str).eq("reported"), floor.clip(upper=REPORTED_SD))
        best = floor.to_numpy().argmin()
        row, sd = part.iloc[best], float(floor.iloc[best])
        low, high = float(row["low"]), float(row["high"])
        is_range = pd.notna(row["value_high"]) and low > 0 and np.isfinite(high)
        middle = float(np.sqrt(low * high)) if is_range else float(row["value"])
        ends = [np.log(middle / low) if low > 0 else 0.0, np.log(high / middle) if np.isfinite(high) else 0.0]
        printed = max(ends) / np.sqrt(3)  # even over what the digits leave open
        copies = len(part) - 1
        kind = str(row["kind"]).replace("_", " ")
        more = f"; {copies} {'copy counts' if copies == 1 else 'copies count'} with it" if copies else ""
        reason = f"{kind}, off by {sd:.1%} as a rule{more}"
        open_end = "; printed as an open end, counted at its number" if not (np.isfinite(high) and low > 0) else ""
        rows.append((str(row["origin"]), str(row["kind"]), middle, low, high, float(np.hypot(sd, printed)),
                     " ".join(part["fact_id"].astype(str)), reason + open_end))  # fmt: skip
    return pd.DataFrame(rows, columns=["origin", "kind", "value", "low", "high", "sd_log", "fact_ids", "reason"])


def _pooled(y: np.ndarray, s: np.ndarray) -> tuple[float, float, float, np.ndarray]:
    """Mean of the logarithms, its spread, the spread between voices, and the weights."""
    n = len(y)
    if n == 1:
        return float(y[0]), float(s[0]), 0.0, np.ones(1)
    between = _paule_mandel(y, s)
    weights = 1 / (s**2 + between**2)
    mean = float(weights @ y / weights.sum())
    plain = 1 / np.sqrt(weights.sum())
    residual = np.sqrt((weights @ (y - mean) ** 2) / ((n - 1) * weights.sum()))  # Hartung and Knapp
    # never below what the voices' own spreads leave, and Student's t told as a normal of the same 90 % range
    sigma = max(plain, residual * float(student.ppf(0.95, n - 1)) / REACH)
    return mean, float(sigma), between, weights / weights.sum()


def _paule_mandel(y: np.ndarray, s: np.ndarray) -> float:
    """The spread between voices at which their weighted squares are as large as they should be."""

    def excess(t2: float) -> float:
        weights = 1 / (s**2 + t2)
        mean = weights @ y / weights.sum()
        return float(weights @ (y - mean) ** 2 - (len(y) - 1))

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.var(y, ddof=1)) + 1e-12
    while excess(top) > 0:
        top *= 2
    return float(np.sqrt(brentq(excess, 0.0, top, xtol=1e-14)))


def _said(what: str, voices: pd.DataFrame, rejected: pd.DataFrame, between: float) -> str:
    count = len(voices)
    heard = "one source" if count == 1 else f"{count} independent sources"
    apart = f", {np.expm1(between):.0%} apart beyond their own spreads" if between > 0 else ""
    left = f"; {len(rejected)} set aside" if len(rejected) else ""
    return f"{what}: {heard}{apart}{left}"


def _checks(what: str, voices: pd.DataFrame, between: float) -> tuple[Check, ...]:
    return (
        Check(
            name=f"{what}: sources", passed=None if len(voices) == 1 else between == 0, value=between, threshold=0.0,
            text=f"{len(voices)} independent sources; spread between them beyond their own {between:.1%}",
        ),
    )  # fmt: skip
