"""Difference-in-differences around one event date: day by day, or one number for the whole window.

``y_it = a_i + d_t + sum_k b_k treated_i 1{t = k} + e_it`` over the periods before the window (the reference, all
of them together) and the window's own; periods after the window are left out, since they may still be touched.
Standard errors are clustered by unit (CRV1); totals by phase use the joint covariance of the b_k. In logs each b_k
is one relative effect for all treated units: ``counterfactual = observed * exp(-b_k)`` day by day.

Parallel trends are tested on blocks before the window (`pre_trends`), with honest bounds after Rambachan and
Roth (2023); `helpers.uplift.selection` says before any of it whether treated and controls are of one kind.

What the module cannot do: make unlike groups alike. If the treated load more on common shocks, have stronger
seasons or grow faster, the estimate is off by as much and its interval does not know. Different start dates are
`helpers.uplift.staggered`. With few treated units the clustered error is too small: see the check
``treated_clusters`` and ``cluster="controls"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import Check
from helpers.uplift.did_sample import Sample, draw_sample
from helpers.uplift.fixed_effects import Fit, fit, values_of
from helpers.uplift.panels import Panel
from helpers.uplift.parallel_trends import drift_found, honest, pretest, surface, wald
from helpers.uplift.results import UpliftResult, assemble, from_covariance
from helpers.uplift.windows import EventWindow

MAX_BLOCKS = 12
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreTrends:
    """Blocks before the window against the last one before it.

    Attributes
    ----------
    table : DataFrame
        One row per block: first_date, last_date, role ("lead", "reference", "window"), coefficient, se,
        low, high in the scale of the regression.
    statistic, p : float
        Joint F test of the leads; NaN where there are too few blocks or clusters.
    breakdown_m : float
        Honest bounds: times the largest change between blocks before the event that the gap may change
        after it before the effect cannot be told from zero; NaN where it cannot be computed.
    checks : tuple of Check
        ``pre_trends`` and ``honest_bounds``.
    """

    table: pd.DataFrame
    statistic: float
    p: float
    breakdown_m: float
    checks: tuple[Check, ...]


def event_study(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str] | None = None,
    scale: str = "log",
    cluster: str = "unit",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    drop_incomplete: bool = False,
) -> UpliftResult:
    """Effect of each period of the window, ``b_k``, and of its phases.

    Parameters
    ----------
    panel : DataFrame or Panel
        Columns unit, date, value.
    event : EventWindow
        Its periods get a coefficient each; what lies before it is the reference.
    treated : sequence of str
        Units with the event.
    controls : sequence of str, optional
        Units without it; all others where left out.
    scale : {"log", "level"}, default "log"
        Of the regression. Logs weigh every treated unit alike.
    cluster : {"unit", "controls", "pooled"}, default "unit"
        "unit" clusters by unit (CRV1); with fewer than about 10 treated units "controls" gives the treated
        the spread of the controls, "pooled" gives both sides one.
    level : float, default 0.95
        Nominal coverage.
    min_pre : float, default 2.0
        Periods wanted before the window per period of the window; set it lower to accept a short past.
    past : sequence of EventWindow
        Earlier events; their periods are no reference and are left out (counted in a check).
    drop_incomplete : bool, default False
        Leave out units with missing values (counted in a check) instead of the slower unbalanced fit.

    Returns
    -------
    UpliftResult
        Sums over the treated units in the unit of the values. Checks: ``treated_clusters``,
        ``selection``, ``pre_trends``, ``honest_bounds``, ``partial_event`` where the data end inside the
        window; what failed is said in the text.

    Raises
    ------
    DonorError
        No treated unit, no control (all units treated), a unit on both sides.
    UnknownNameError
        A unit that the panel does not have.
    WindowError
        The window lies outside the data, nothing lies before it, or less than `min_pre` times its length.
    PanelError
        A value of 0 or less in logs; a period that nobody on one side has seen.
    HelpersError
        An unbalanced panel whose dense design would not fit in memory.
    """
    sample = draw_sample(panel, event, treated, controls, scale, cluster, level, min_pre, past, drop_incomplete)
    return _result(sample, event, fit_of=_daily(sample), method="event_study")


def two_way(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str] | None = None,
    scale: str = "log",
    cluster: str = "unit",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    drop_incomplete: bool = False,
) -> UpliftResult:
    """One effect for the whole window, ``y_it = a_i + d_t + b treated_i window_t + e_it``.

    Parameters, checks and errors as in `event_study`; every period of the window has the same effect b.

    Returns
    -------
    UpliftResult
        In levels `att` is b.
    """
    sample = draw_sample(panel, event, treated, controls, scale, cluster, level, min_pre, past, drop_incomplete)
    found = _fit(sample, np.where(sample.before, 0, np.where(sample.inside, 1, -1)))
    count = int(sample.inside.sum())
    same = Fit(
        beta=np.repeat(found.beta, count), covariance=np.full((count, count), found.covariance[0, 0]),
        gap=np.where(sample.inside, found.beta[0], found.gap), df=found.df,
    )  # fmt: skip
    return _result(sample, event, fit_of=same, method="two_way")


def coefficients(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str] | None = None,
    scale: str = "log",
    cluster: str = "unit",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    drop_incomplete: bool = False,
) -> pd.DataFrame:
    """The b_k themselves, in the scale of the regression.

    Parameters and errors as in `event_study`.

    Returns
    -------
    DataFrame
        date, phase, coefficient, se, low, high.
    """
    sample = draw_sample(panel, event, treated, controls, scale, cluster, level, min_pre, past, drop_incomplete)
    found = _daily(sample)
    table = pd.DataFrame({"date": sample.data.dates[sample.inside], "phase": sample.phases[sample.inside]})
    return _with_ends(table, found, level)


def pre_trends(
    panel: pd.DataFrame | Panel,
    *,
    event: EventWindow,
    treated: Sequence[str],
    controls: Sequence[str] | None = None,
    scale: str = "log",
    cluster: str = "unit",
    level: float = 0.95,
    min_pre: float = 2.0,
    past: Sequence[EventWindow] = (),
    drop_incomplete: bool = False,
) -> PreTrends:
    """Was the gap flat before the event, and how much may it move without changing the answer?

    The periods before the window are cut into up to 12 blocks as long as the window (in whole weeks for
    daily data), counted back from it; the last block is the reference. Where the panel is balanced both sides
    are taken to spread alike (Hotelling's test). Parameters and errors as in `event_study`.

    Returns
    -------
    PreTrends
    """
    return _trends(draw_sample(panel, event, treated, controls, scale, cluster, level, min_pre, past, drop_incomplete))


def _fit(sample: Sample, bins: np.ndarray) -> Fit:
    return fit(sample.y, treated=sample.treated, bins=bins, cluster=sample.cluster)


def _daily(sample: Sample) -> Fit:
    bins = np.where(sample.before, 0, -1)
    bins[sample.inside] = np.arange(1, sample.inside.sum() + 1)
    return _fit(sample, bins)


def _with_ends(table: pd.DataFrame, found: Fit, level: float) -> pd.DataFrame:
    se = np.sqrt(np.diag(found.covariance))
    half = _quantile(found, level) * se
    return table.assign(coefficient=found.beta, se=se, low=found.beta - half, high=found.beta + half)


def _quantile(found: Fit, level: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, found.df))


def _result(sample: Sample, event: EventWindow, *, fit_of: Fit, method: str) -> UpliftResult:
    """Effects in the scale of the regression become sums over the treated in the unit of the values."""
    rows, every = np.flatnonzero(sample.treated), np.arange(len(sample.phases))
    values = values_of(sample.data, rows, every)
    seen = ~np.isnan(values)
    count = seen.sum(axis=0)
    observed = np.where(count > 0, np.nansum(values, axis=0), np.nan)
    effect = observed * -np.expm1(-fit_of.gap) if sample.scale == "log" else count * fit_of.gap
    slope = (observed - effect if sample.scale == "log" else count)[sample.inside]
    covariance = fit_of.covariance * np.outer(slope, slope)
    units, trends = sample.data.units[rows], _trends(sample).checks
    return assemble(
        method=method, unit=str(units[0]) if len(rows) == 1 else f"{len(rows)} treated units", window=event,
        phases=sample.phases, dates=sample.data.dates, observed=observed, counterfactual=observed - effect,
        interval=from_covariance(covariance, effect[sample.inside], _quantile(fit_of, sample.level)),
        level=sample.level, unit_count=float(count[sample.inside].mean()),
        checks=(*sample.checks, *trends), note=_note((*sample.checks, *trends)),
    )  # fmt: skip


def _note(checks: tuple[Check, ...]) -> str:
    """What the quotable sentence must not leave out."""
    failed = {check.name: check for check in checks if check.passed is False}
    said = []
    if "pre_trends" in failed:
        said.append("Parallel trends before the event are rejected: a part of this may be drift, not effect.")
    if "selection" in failed:
        said.append(failed["selection"].text)
    if "treated_clusters" in failed:
        count = failed["treated_clusters"].value
        said.append(
            f"The interval rests on {count} treated unit(s) and is too narrow: cluster='controls' uses the controls' "
            "spread."
        )
    return " ".join(said)


def _blocks(sample: Sample) -> np.ndarray:
    """Bins of the block regression: leads 1, 2, ... in time, 0 the reference, then the window."""
    have, count = int(sample.before.sum()), int(sample.inside.sum())
    length = -(-count // WEEK) * WEEK if sample.data.freq == "D" else count
    if have < 3 * length:
        length = max(1, have // 3)
    # A covariance of many leads needs many units.
    counts = int(sample.treated.sum()), int((~sample.treated).sum())
    smaller = {"unit": min(counts), "controls": counts[1], "pooled": sum(counts) - 1}[sample.cluster]
    most = MAX_BLOCKS if smaller >= 2 * MAX_BLOCKS else max(3, smaller // 2)
    back = np.arange(have)[::-1] // length
    blocks = min(most, have // length)
    bins = np.full(len(sample.phases), -1)
    bins[sample.before] = np.where(back == 0, 0, np.where(back < blocks, blocks - back, -1))
    bins[sample.inside] = blocks
    return bins


def _trends(sample: Sample) -> PreTrends:
    if sample.cluster == "unit" and not np.isnan(sample.y[:, sample.before | sample.inside]).any():
        # With 12 treated units and 5 leads the clustered test rejects in half of the samples without a trend.
        sample = replace(sample, cluster="pooled")
    bins = _blocks(sample)
    found, leads = _fit(sample, bins), int(bins.max()) - 1
    # An unbalanced panel has its clustered covariance only, which knows no more than its smaller side.
    df = found.df if sample.cluster != "unit" else min(sample.treated.sum(), (~sample.treated).sum()) - 1
    beta, covariance = found.beta[:leads], found.covariance[:leads, :leads]
    statistic, p = wald(beta, covariance, df=df)
    drift = ""
    if not np.isnan(p):
        slope = drift_found(covariance, np.arange(leads, 0, -1.0), df=df)
        unit = "in logs" if sample.scale == "log" else "per unit and period"
        drift = f"; a straight drift of {slope:.3g} {unit} from block to block is found in half of the samples"
    what = f"{leads} blocks before the event" if leads else "the past is one block"
    checks = (pretest(p, what if leads == 0 or not np.isnan(p) else f"singular covariance of {what}", drift=drift),)
    if leads and (np.diag(found.covariance) > 0).all():
        form = surface(found.beta, found.covariance, leads=leads, df=df, level=sample.level)
        checks += honest(form, level=sample.level, blocks="blocks")
    breakdown = next((float(check.value) for check in checks if check.name == "honest_bounds"), np.nan)
    return PreTrends(
        table=_block_table(sample, bins, found), statistic=statistic, p=p, breakdown_m=breakdown, checks=checks
    )


def _block_table(sample: Sample, bins: np.ndarray, found: Fit) -> pd.DataFrame:
    dates, last = sample.data.dates, int(bins.max())
    rows = []
    for block in [*range(1, last), 0, last]:
        days = dates[bins == block]
        role = "reference" if block == 0 else "window" if block == last else "lead"
        rows.append((block, days[0], days[-1], role))
    table = pd.DataFrame(rows, columns=["block", "first_date", "last_date", "role"]).set_index("block")
    estimates = _with_ends(pd.DataFrame(index=pd.RangeIndex(1, last + 1, name="block")), found, sample.level)
    table = table.join(estimates)
    table.loc[0, ["coefficient", "se", "low", "high"]] = 0.0
    return table.reset_index(drop=True)
