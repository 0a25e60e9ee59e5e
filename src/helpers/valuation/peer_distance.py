"""Which companies are like the platform: distance from fundamentals, and how far the ranking can be trusted.

Each feature (logs of sizes) is centred at its median and divided by 1.4826 times its median absolute deviation,
so that one giant does not shrink the others (Rousseeuw and Croux 1993); a distance is the root mean square
difference over the features that both companies have. A company that lacks a feature of the platform is not ranked,
as it would be judged by the others alone; where too few are left to rank without it, it is. Clusters are those of
average linkage (Sokal and Michener 1958). The ranking is repeated with features drawn again with replacement and with
every value drawn within its interval.

What this module cannot do: say which features matter for value. All weigh the same, so two that say the same
thing weigh twice; a near neighbour is alike in what was measured, and no more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from helpers.checks import Check
from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.valuation.peer_regression import bounded
from helpers.valuation.peers import ids_of

TO_SD = 1.4826
"""Median absolute deviation to standard deviation, for normal data."""

MIN_FEATURES = 2
"""Features that two companies must share; a distance on one is a ranking by it."""

MIN_COMPLETE = 3
"""Companies with all of the platform's features, and more than k, without which those that lack some are ranked too."""

STABLE = 0.8
"""Share of resamples in which a peer should stay among the nearest."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DistanceResult:
    """Companies by their distance from the platform.

    Attributes
    ----------
    nearest : tuple of str
        The k nearest, in order.
    table : DataFrame
        One row per other company, nearest first: entity, distance (in robust standard deviations),
        rank, shared_features, nearest_share (share of resamples among the k nearest), rank_low, rank_high (middle
        90 % of the resampled ranks), cluster, same_cluster (as the platform), reason and settles (why
        there is no distance and no rank, such as the feature that is not known of it; NaN then).
    matrix : DataFrame
        Distances between all companies; NaN where too few features are shared.
    features : DataFrame
        feature, is_log, centre, scale (of the log where is_log), companies (that have it), used, reason.
    tree : DataFrame
        Merges of the clusters: left, right (numbers of companies in the order of `matrix`, then of
        merges), distance, size; empty where a distance is missing.
    text : str
        One or two sentences.
    checks : tuple of Check
        ``features``, ``left_out``, ``stability``, ``clusters``.
    fact_ids : tuple of str
        Ledger rows of the features.
    """

    nearest: tuple[str, ...]
    table: pd.DataFrame
    matrix: pd.DataFrame
    features: pd.DataFrame
    tree: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def peer_distance(
    companies: pd.DataFrame,
    *,
    subject: str,
    features: Collection[str],
    sizes: Collection[str] = (),
    k: int = 3,
    clusters: int = 3,
    resamples: int = 1000,
    seed: int = 0,
) -> DistanceResult:
    """Rank companies by their distance from the platform, and repeat the ranking.

    Parameters
    ----------
    companies : DataFrame
        One row per company: entity, and a column for each feature (empty where not known). Optional
        <feature>_low and <feature>_high; columns that end in fact_id or fact_ids.
    subject : str
        The platform, one of the entities.
    features : collection of str
        Columns to compare: growth, margin, revenue.
    sizes : collection of str
        Those of them that are above 0 and compared by ratio.
    k : int, default 3
        How many count as nearest; fewer than there are others.
    clusters : int, default 3
        How many clusters to cut the tree into, 2 or more.
    resamples : int, default 1000
        Of features and of values within their intervals, 100 or more.
    seed : int, default 0

    Returns
    -------
    DistanceResult

    Raises
    ------
    HelpersError
        A column is missing, an entity stands twice or not at all, a size is not above 0, an interval does not
        hold its value.
    ParameterError
        k, clusters or resamples out of range; a growth or margin such as 24 for 0.24.
    NotEstimableError
        Fewer than two features that vary, or no more than k companies that share two with the platform.

    Notes
    -----
    Only companies with every feature that the platform has are ranked, unless fewer than 3 of them, or no more than
    k, would remain; then all that share two are, each over what it shares.
    """
    rows, names = _checked(companies, subject, features, sizes)
    _check_settings(k, clusters, resamples, len(rows) - 1)
    values = np.column_stack([_on_scale(rows[name], name in sizes) for name in names])
    described = _described(values, names, sizes, subject, rows["entity"])
    used = described["used"].to_numpy()
    if used.sum() < MIN_FEATURES:
        why = "; ".join(f"{row.feature}: {row.reason}" for row in described[~used].itertuples()) or "one was given"
        raise NotEstimableError(f"peers of {subject}", f"{used.sum()} feature(s) compare ({why})", "more features")
    kept = [name for name, is_used in zip(names, used, strict=True) if is_used]
    scale, values = described.loc[used, "scale"].to_numpy(float), values[:, used]
    matrix, shared = _distances(values / scale)
    own = int(np.flatnonzero(rows["entity"] == subject)[0])
    others = np.delete(np.arange(len(rows)), own)
    known, why = _ranked(values, matrix[own], shared[own], kept, others, k)
    if known.sum() <= k:
        reason = f"{known.sum()} companies share {MIN_FEATURES} features with it, more than k = {k} are needed"
        raise NotEstimableError(f"the {k} nearest peers of {subject}", reason, "more features of more companies")
    ranks = _resampled(rows, kept, sizes, scale, own, others[known], resamples, seed)
    tree, numbers = _clusters(matrix, clusters)
    table = _table(rows["entity"], matrix[own], shared[own], others, known, why, ranks, k, numbers, own)
    entities = rows["entity"].tolist()
    return DistanceResult(
        nearest=tuple(table["entity"].head(k)), table=table,
        matrix=pd.DataFrame(matrix, index=entities, columns=entities), features=described, tree=tree,
        text=_text(table, subject, k, len(kept)), checks=_checks(table, described, tree, k), fact_ids=ids_of(rows),
    )  # fmt: skip


def _checked(
    companies: pd.DataFrame, subject: str, features: Collection[str], sizes: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    names = list(dict.fromkeys(features))
    missing = [column for column in ("entity", *names) if column not in companies]
    if missing:
        raise HelpersError(f"companies need the columns entity and every feature; missing: {missing}")
    stray = sorted(set(sizes) - set(names))
    if stray:
        raise HelpersError(f"sizes must be among the features, not so: {stray}")
    rows = companies.reset_index(drop=True)
    twice = rows["entity"][rows["entity"].duplicated()]
    if len(twice):
        raise HelpersError(f"need one row for each company, {twice.iloc[0]} stands twice")
    if subject not in set(rows["entity"]):
        raise HelpersError(f"{subject} is not among the companies")
    for name in names:
        low, value, high = _interval(rows, name)
        bad = np.isfinite(value) & ~((low <= value) & (value <= high) & (low > (0 if name in sizes else -np.inf)))
        if bad.any():
            rule = "0 < low <= value <= high for a size" if name in sizes else "low <= value <= high"
            at = int(bad.argmax())
            got = f"{low[at]:g}, {value[at]:g}, {high[at]:g}"
            raise HelpersError(f"{name} of {rows['entity'][at]} needs {rule}, got {got}")
        for entity, one in zip(rows["entity"], value, strict=True):
            if np.isfinite(one):
                bounded(f"{name} of {entity}", name, float(one))
    return rows, names


def _interval(rows: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """low, value, high; an end that is not given, or open, is the value."""
    value = rows[name].astype(float).replace([np.inf, -np.inf], np.nan)
    ends = []
    for column in (f"{name}_low", f"{name}_high"):
        end = rows[column].astype(float).replace([np.inf, -np.inf], np.nan) if column in rows else value
        ends.append(end.fillna(value).to_numpy())
    return ends[0], value.to_numpy(), ends[1]


def _check_settings(k: int, clusters: int, resamples: int, others: int) -> None:
    if not 1 <= k < others:
        raise ParameterError(f"k must lie from 1 to {others - 1}, below the {others} other companies, got {k}")
    if not 2 <= clusters <= others:
        raise ParameterError(f"clusters must lie from 2 to {others}, got {clusters}")
    if resamples < 100:
        raise ParameterError(f"resamples must be 100 or more, got {resamples}")


def _on_scale(values: pd.Series, is_size: bool) -> np.ndarray:
    given = values.astype(float).replace([np.inf, -np.inf], np.nan).to_numpy()
    return np.log(given) if is_size else given


def _described(
    values: np.ndarray, names: list[str], sizes: Collection[str], subject: str, entities: pd.Series
) -> pd.DataFrame:
    """Centre and robust spread of each feature, and why one is not used."""
    own = int(np.flatnonzero(entities == subject)[0])
    rows = []
    for name, column in zip(names, values.T, strict=True):
        given = column[np.isfinite(column)]
        centre = float(np.median(given)) if len(given) else np.nan
        scale = _spread(given)
        reason = ""
        if not np.isfinite(column[own]):
            reason = f"not known of {subject}"
        elif len(given) < 3:
            reason = f"known of {len(given)} companies, 3 are needed"
        elif not scale > 0:
            reason = "the same for all"
        rows.append((name, name in sizes, centre, scale, len(given), reason == "", reason))
    return pd.DataFrame(rows, columns=["feature", "is_log", "centre", "scale", "companies", "used", "reason"])


def _spread(given: np.ndarray) -> float:
    """Scaled median absolute deviation; where half of all are equal it is 0 and the standard deviation stands in."""
    if len(given) < 2:
        return np.nan
    mad = TO_SD * float(np.median(np.abs(given - np.median(given))))
    tiny = 1e-12 * float(np.abs(given).max())
    sd = float(np.std(given))
    return mad if mad > tiny else sd if sd > tiny else 0.0


def _distances(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square differences over shared features, and how many are shared."""
    gaps = z[:, None, :] - z
    shared = np.isfinite(gaps).sum(axis=2)
    total = np.nansum(gaps**2, axis=2)
    mean = np.full(shared.shape, np.nan)
    np.divide(total, shared, out=mean, where=shared >= MIN_FEATURES)
    np.fill_diagonal(mean, 0.0)
    return np.sqrt(mean), shared


def _ranked(
    values: np.ndarray, distance: np.ndarray, shared: np.ndarray, names: list[str], others: np.ndarray, k: int
) -> tuple[np.ndarray, list[str]]:
    """Which of the others are ranked, and of each why it would not be."""
    complete = shared[others] == len(names)
    if complete.sum() >= max(MIN_COMPLETE, k + 1):
        gaps = [np.array(names)[~np.isfinite(row)].tolist() for row in values[others]]
        return complete, [f"{_listed(gap)} not known of it" for gap in gaps]
    why = [f"{n} feature(s) shared with it, {MIN_FEATURES} are needed" for n in shared[others]]
    return np.isfinite(distance[others]), why


def _listed(names: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _resampled(
    rows: pd.DataFrame, names: list[str], sizes: Collection[str], scale: np.ndarray, own: int, others: np.ndarray,
    resamples: int, seed: int,
) -> np.ndarray:  # fmt: skip
    """Ranks of the others, (resamples, others): values drawn evenly in their intervals, features with replacement."""
    draw = np.random.default_rng(seed)
    weights = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    squares = np.empty((resamples, len(others), len(names)))
    for f, name in enumerate(names):
        low, _, high = (np.log(end) if name in sizes else end for end in _interval(rows, name))
        values = (low + (high - low) * draw.random((resamples, len(rows)))) / scale[f]
        squares[:, :, f] = (values[:, others] - values[:, [own]]) ** 2
    known = np.isfinite(squares)
    weight = np.einsum("rf,rof->ro", weights, known)
    total = np.einsum("rf,rof->ro", weights, np.where(known, squares, 0.0))
    mean = np.full(weight.shape, np.inf)  # where none of the drawn features is shared, last
    np.divide(total, weight, out=mean, where=weight > 0)
    order = np.argsort(mean, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(others) + 1)[None, :], axis=1)
    return ranks


def _clusters(matrix: np.ndarray, clusters: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Average linkage and each company's cluster, numbered by first appearance; none where a distance is missing."""
    columns = ["left", "right", "distance", "size"]
    if not np.isfinite(matrix).all():
        return pd.DataFrame(columns=columns, dtype=float), np.full(len(matrix), np.nan)
    merges = linkage(squareform(matrix, checks=False), method="average")
    labels = pd.factorize(fcluster(merges, clusters, criterion="maxclust"))[0] + 1.0
    return pd.DataFrame(merges, columns=columns).astype({"left": int, "right": int, "size": int}), labels


def _table(
    entities: pd.Series, distance: np.ndarray, shared: np.ndarray, others: np.ndarray, known: np.ndarray,
    why: list[str], ranks: np.ndarray, k: int, numbers: np.ndarray, own: int,
) -> pd.DataFrame:  # fmt: skip
    near = {
        "nearest_share": (ranks <= k).mean(axis=0),
        "rank_low": np.quantile(ranks, 0.05, axis=0, method="inverted_cdf"),
        "rank_high": np.quantile(ranks, 0.95, axis=0, method="inverted_cdf"),
    }
    filled = {name: np.full(len(others), np.nan) for name in near}
    for name, values in near.items():
        filled[name][known] = values
    table = pd.DataFrame({
        "entity": entities.to_numpy()[others], "distance": np.where(known, distance[others], np.nan),
        "shared_features": shared[others],
        **filled, "cluster": numbers[others], "same_cluster": numbers[others] == numbers[own],
        "reason": np.where(known, "", why), "settles": np.where(known, "", "the features that are missing"),
    })  # fmt: skip
    table = table.sort_values(["distance", "entity"], kind="stable", ignore_index=True)
    table.insert(2, "rank", np.where(table["distance"].notna(), np.arange(1.0, len(table) + 1), np.nan))
    return table


def _checks(table: pd.DataFrame, described: pd.DataFrame, tree: pd.DataFrame, k: int) -> tuple[Check, ...]:
    unused, lost = described[~described["used"]], table[table["reason"].ne("")]
    gaps = int((table["shared_features"] < described["used"].sum()).sum())
    lacking = f"{gaps} {'company lacks' if gaps == 1 else 'companies lack'} some"
    dropped = "; ".join(f"{row.feature}: {row.reason}" for row in unused.itertuples())
    stable = float(table["nearest_share"].head(k).min())
    weakest = table["entity"].head(k)[table["nearest_share"].head(k).idxmin()]
    named = "; ".join(f"{row.entity}: {row.reason}" for row in lost.itertuples()) or "every company has a distance"
    said = f"{int(described['used'].sum())} features; {lacking}"
    said += f"; not used: {dropped}" if dropped else ""
    cut = "average linkage" if len(tree) else "no clusters: some companies share too few features"
    return (
        Check(name="features", passed=None, value=float(described["used"].sum()), text=said),
        Check(name="left_out", passed=lost.empty, value=float(len(lost)), threshold=0.0, text=named),
        Check(
            name="stability", passed=stable >= STABLE, value=stable, threshold=STABLE,
            text=f"{weakest} is among the {k} nearest in {100 * stable:.0f} % of resamples",
        ),
        Check(name="clusters", passed=None if len(tree) else False, text=cut),
    )  # fmt: skip


def _text(table: pd.DataFrame, subject: str, k: int, features: int) -> str:
    near = [f"{row.entity} ({row.distance:.2f}, {100 * row.nearest_share:.0f} %)" for row in table.head(k).itertuples()]
    text = (
        f"By {features} features the {k} companies nearest to {subject} are {', '.join(near)}: distance in robust "
        f"standard deviations, and in how many resamples each stays among the {k}."
    )
    loose = [row.entity for row in table.head(k).itertuples() if row.nearest_share < 0.5]
    if not loose:
        return text
    stay = "stays" if len(loose) == 1 else "stay"
    return f"{text} {_listed(loose)} {stay} among the nearest in fewer than half of the resamples."
