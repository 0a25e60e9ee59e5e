"""Change of a total that is a product of factors, split over the factors without a residual (LMDI-I).

Additive and multiplicative logarithmic mean Divisia index of Ang (2005, Energy Policy 33, 867-871): for
``V = sum_i prod_k x_ik`` over segments i,

    effect_ik = L(v_i1, v_i0) ln(x_ik1 / x_ik0),  L(a, b) = (a - b) / (ln a - ln b),  L(a, a) = a
    D_k = exp(sum_i effect_ik / L(V_1, V_0))

so that the effects sum to the change, the D multiply to ``V_1 / V_0``, both tell the same story
(``ln D_k / ln D = effect_k / change``), and the order of the factors does not matter. Zeros take the limit
of replacing every zero by one same small number (Ang and Liu 2007, Energy Policy 35, 238-246): a segment
that appears or ends is the effect of the factors that are zero, in equal parts if several are.
GMV is users x buyers' share x orders per buyer x order value, revenue is GMV x take rate.

What the module cannot do: say that a factor caused its effect (users who buy little dilute the buyers'
share), or undo a change of a definition between two periods. Factors below zero have no logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from helpers.checks import Check
from helpers.errors import HelpersError, ParameterError, UnitError
from helpers.growth.cells import currency_of, in_money, is_empty, numbers_of
from helpers.growth.contributions import UNDEFINED_SHARE, shares_of_change
from helpers.units import in_words

NO_RATIO = "the total is 0 at one end: a ratio is undefined"
_CELL = ["factor", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecompositionResult:
    """What each factor added to the change of the total.

    Attributes
    ----------
    start_value, end_value : float
        Sums over the segments of the products of the factors, at the first and the last period.
    change : float
        ``end_value - start_value``.
    residual : float
        `change` less the sum of the effects: 0 up to the last bits of the arithmetic.
    table : DataFrame
        One row per factor and segment: factor, segment (empty without segments), effect (amount, in the unit
        of the total), multiplicative_effect (1.2 multiplies the total by 1.2; NaN where the total is 0 at one
        end), share_of_change (of the total's change; NaN where it hardly changed), reason (empty where
        everything is stated).
    totals : DataFrame
        One row per factor, over all segments: factor, effect, multiplicative_effect, share_of_change, reason.
    steps : DataFrame
        One row per step between two periods, factor and segment: start, end, factor, segment, effect,
        multiplicative_effect.
    text : str
        One sentence.
    checks : tuple of Check
        ``residual``, ``zeros`` (information: how many zeros took the limit), ``aggregate`` (largest gap between
        the product and the given total, where one was given).
    fact_ids : tuple of str
        As passed in.
    """

    start_value: float
    end_value: float
    change: float
    residual: float
    table: pd.DataFrame
    totals: pd.DataFrame
    steps: pd.DataFrame
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def decompose(
    start: pd.DataFrame,
    end: pd.DataFrame,
    *,
    factors: Sequence[str],
    segment: str | None = None,
    aggregate: str | None = None,
    tolerance: float = 1e-6,
    fact_ids: Sequence[str] = (),
) -> DecompositionResult:
    """Split the change of ``sum over segments of the product of the factors`` between two periods.

    Parameters
    ----------
    start, end : DataFrame
        One row per segment (one row without segments), a column for each factor, 0 or more. A factor may be
        missing (0 orders by 0 buyers have no order value) where another factor of its row is 0. A column
        currency is that of the total, must be one, and stands in the text.
    factors : sequence of str
        Columns whose product is the aggregate; each may have a unit of its own.
    segment : str, optional
        Column that names the segments; the same ones in both tables.
    aggregate : str, optional
        Column of the published product of each row, which the product of the factors must meet.
    tolerance : float, default 1e-6
        Relative gap that is let pass, 0 to 0.1: 0.01 where the factors are printed to two digits.
    fact_ids : sequence of str
        Ledger rows that the factors come from.

    Returns
    -------
    DecompositionResult

    Raises
    ------
    HelpersError
        A column is missing; a factor is negative, infinite or missing; segments differ or repeat; the product
        misses the aggregate.
    UnitError
        Two currencies.
    """
    both = pd.concat({0: start, 1: end}, names=["_period", None]).reset_index("_period").reset_index(drop=True)
    settings = {"segment": segment, "aggregate": aggregate, "tolerance": tolerance, "fact_ids": fact_ids}
    return _chain(both, "_period", {0: "start", 1: "end"}, factors, **settings)


def decompose_chain(
    periods: pd.DataFrame,
    *,
    period: str,
    factors: Sequence[str],
    segment: str | None = None,
    aggregate: str | None = None,
    tolerance: float = 1e-6,
    fact_ids: Sequence[str] = (),
) -> DecompositionResult:
    """Split the change over several periods as the sum of the effects of each step.

    Chaining follows the path: a factor that rose while the total was small counts less than one that
    rose when it was large. The effects of the steps add up, the multiplicative ones multiply.

    Parameters
    ----------
    periods : DataFrame
        As for `decompose`, the periods below each other; all segments in each period.
    period : str
        Column that orders the periods; 2 or more different values.
    factors, segment, aggregate, tolerance, fact_ids
        As for `decompose`.

    Returns
    -------
    DecompositionResult

    Raises
    ------
    HelpersError, UnitError
        As for `decompose`; fewer than two periods.
    """
    if period not in periods:
        raise HelpersError(f"periods need the column {period}; columns: {', '.join(map(str, periods))}")
    if periods[period].isna().any():
        raise HelpersError(f"every row needs a {period}, missing in {int(periods[period].isna().sum())} row(s)")
    named = {key: str(key) for key in sorted(set(periods[period]))}
    if len(named) < 2:
        raise HelpersError(f"a change needs 2+ periods in {period}, got {', '.join(named.values()) or 'none'}")
    settings = {"segment": segment, "aggregate": aggregate, "tolerance": tolerance, "fact_ids": fact_ids}
    return _chain(periods, period, named, factors, **settings)


def logarithmic_mean(a: float, b: float) -> float:
    """``(a - b) / (ln a - ln b)``; `a` where both are equal, 0 where one is 0."""
    if a <= 0 or b <= 0:
        return 0.0
    rise = math.log(a / b)
    return b * math.expm1(rise) / rise if rise else b


def _chain(
    rows: pd.DataFrame,
    period: str,
    named: dict,
    factors: Sequence[str],
    *,
    segment: str | None,
    aggregate: str | None,
    tolerance: float,
    fact_ids: Sequence[str],
) -> DecompositionResult:
    """Steps between neighbouring periods, and their sums."""
    _refuse_settings(rows, factors, segment, aggregate, tolerance)
    tables = {key: _one_period(rows[rows[period] == key], named[key], factors, segment) for key in named}
    _refuse_other_segments(tables, named)
    gaps = [_gap(tables[key], named[key], factors, aggregate, tolerance) for key in named] if aggregate else []
    keys = list(named)
    pairs = [(a, b, *_filled(tables[a], tables[b], factors, named[a], named[b])) for a, b in pairwise(keys)]
    steps = pd.concat([_step(x0, x1, factors, named[a], named[b]) for a, b, x0, x1 in pairs], ignore_index=True)
    ends = _aggregate(pairs[0][2]), _aggregate(pairs[-1][3])
    zeros = sum(int((x == 0).to_numpy().sum()) for x in (pairs[0][2], *(pair[3] for pair in pairs)))
    return _result(steps, ends, currency_of(rows), zeros, gaps, tolerance, fact_ids)


def _result(
    steps: pd.DataFrame,
    ends: tuple[float, float],
    currency: str,
    zeros: int,
    gaps: list[float],
    tolerance: float,
    fact_ids: Sequence[str],
) -> DecompositionResult:
    change = ends[1] - ends[0]
    totals = _summed(steps, ["factor"], change)
    residual = change - math.fsum(steps["effect"])
    checks = [_residual_check(residual, ends), _zeros_check(zeros)]
    if gaps:
        worst = max(gaps)
        text = f"the product of the factors meets the given {worst:.2g} or closer in relative terms"
        checks.append(Check(name="aggregate", passed=True, value=worst, threshold=tolerance, text=text))
    return DecompositionResult(
        start_value=ends[0],
        end_value=ends[1],
        change=change,
        residual=residual,
        table=_summed(steps, _CELL, change),
        totals=totals,
        steps=steps,
        text=_text(totals, ends, currency),
        checks=tuple(checks),
        fact_ids=tuple(fact_ids),
    )


def _refuse_settings(
    rows: pd.DataFrame, factors: Sequence[str], segment: str | None, aggregate: str | None, tolerance: float
) -> None:
    if isinstance(factors, str) or not factors or len(set(factors)) != len(factors):
        raise ParameterError(f"factors must be 1+ different column names, got {factors!r}")
    if not 0 <= tolerance <= 0.1:
        raise ParameterError(f"tolerance must lie between 0 and 0.1, got {tolerance}")
    missing = [c for c in (*factors, segment, aggregate) if c is not None and c not in rows]
    if missing:
        raise HelpersError(f"the table needs the columns {', '.join(missing)}; columns: {', '.join(map(str, rows))}")
    kinds = sorted({str(kind) for kind in rows["currency"] if not is_empty(kind)}) if "currency" in rows else []
    if len(kinds) > 1:
        raise UnitError(f"one change needs one currency, got {', '.join(kinds)}: convert at dated rates first")


def _one_period(rows: pd.DataFrame, name: str, factors: Sequence[str], segment: str | None) -> pd.DataFrame:
    """The rows of one period by segment, each factor a number that is not negative, or missing."""
    if segment is None and len(rows) != 1:
        raise HelpersError(f"need one row at {name} without a segment column, got {len(rows)}")
    table = rows.set_index(rows[segment] if segment else pd.Index([""]))  # a copy
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise HelpersError(f"need one row per segment at {name}, got several for {twice[0]}")
    for factor in factors:
        values = table[factor] = numbers_of(table, factor, is_finite=False)
        bad = values[(values < 0) | np.isinf(values)]
        if len(bad):
            raise HelpersError(
                f"{factor} is {bad.iloc[0]:g}{_of(bad.index[0])} at {name}: a factor must be 0 or more and finite, "
                "because its logarithm is taken"
            )
    return table


def _of(segment: object) -> str:
    return f" of {segment}" if segment != "" else ""


def _refuse_other_segments(tables: dict, named: dict) -> None:
    (_, first), *others = tables.items()
    for key, table in others:
        odd = first.index.symmetric_difference(table.index)
        if len(odd):
            raise HelpersError(
                f"the segments must be the same in every period; not in all of them: {', '.join(map(str, odd))} "
                f"(at {named[key]}). Give a segment that appears or ends a row of zeros"
            )


def _gap(table: pd.DataFrame, name: str, factors: Sequence[str], aggregate: str, tolerance: float) -> float:
    """Largest relative gap between the product and the given aggregate; refuses one beyond the tolerance."""
    zero = (table[list(factors)] == 0).any(axis=1)
    product = table[list(factors)].prod(axis=1, skipna=False).mask(zero, 0.0)
    given = numbers_of(table, aggregate)
    scale = pd.concat([product.abs(), given.abs()], axis=1).max(axis=1)
    gap = ((product - given).abs() / scale.where(scale > 0)).mask(scale == 0, 0.0)
    bad = gap[~(gap <= tolerance)]
    if len(bad):
        one = bad.index[0]
        terms = " x ".join(f"{table.loc[one, factor]:,.6g}" for factor in factors)
        raise HelpersError(
            f"the factors{_of(one)} at {name} give {terms} = {product[one]:,.6g}, but {aggregate} is "
            f"{given[one]:,.6g}: they must meet within {tolerance:g} of it"
        )
    return float(gap.max())


def _filled(
    start: pd.DataFrame, end: pd.DataFrame, factors: Sequence[str], start_name: str, end_name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both ends with missing factors of empty segments at the other end's value, so that they have no effect."""
    x0 = start[list(factors)]
    x1 = end[list(factors)].reindex(x0.index)
    for x, name in ((x0, start_name), (x1, end_name)):
        lost = x.isna() & ~(x == 0).any(axis=1).to_numpy()[:, None]
        if lost.to_numpy().any():
            row, column = np.argwhere(lost.to_numpy())[0]
            raise HelpersError(f"{factors[column]}{_of(x.index[row])} is missing at {name}: every factor is needed")
    return x0.fillna(x1).fillna(1.0), x1.fillna(x0).fillna(1.0)


def _aggregate(x: pd.DataFrame) -> float:
    return math.fsum(x.prod(axis=1))


def _step(x0: pd.DataFrame, x1: pd.DataFrame, factors: Sequence[str], start: str, end: str) -> pd.DataFrame:
    """One row per factor and segment."""
    effects = _effects(x0.to_numpy(), x1.to_numpy())
    mean = logarithmic_mean(_aggregate(x1), _aggregate(x0))
    cells = pd.DataFrame(effects, index=x0.index, columns=list(factors)).rename_axis("segment").reset_index()
    rows = cells.melt(id_vars="segment", var_name="factor", value_name="effect")
    rows["multiplicative_effect"] = np.exp(rows["effect"] / mean) if mean > 0 else np.nan
    rows.insert(0, "start", start)
    rows.insert(1, "end", end)
    return rows[["start", "end", *_CELL, "effect", "multiplicative_effect"]]


def _effects(x0: np.ndarray, x1: np.ndarray) -> np.ndarray:
    """Additive effects, segments x factors; with zeros the limit of a common small number."""
    none0, none1 = x0 == 0, x1 == 0
    n0, n1 = none0.sum(axis=1), none1.sum(axis=1)
    whole = (n0 == 0) & (n1 == 0)
    effects = np.zeros(x0.shape)
    rises = np.log(x1[whole] / x0[whole])
    total = np.array([math.fsum(row) for row in rises])  # the same sum whatever the order of the factors
    mean = np.where(total == 0, 1.0, np.expm1(total) / np.where(total == 0, 1.0, total)) * x0[whole].prod(axis=1)
    effects[whole] = rises * mean[:, None]
    appears, ends = (n0 > 0) & (n1 == 0), (n1 > 0) & (n0 == 0)
    effects[appears] = none0[appears] * (x1[appears].prod(axis=1) / n0[appears])[:, None]
    effects[ends] = none1[ends] * (-x0[ends].prod(axis=1) / n1[ends])[:, None]
    return effects


def _summed(steps: pd.DataFrame, by: list[str], change: float) -> pd.DataFrame:
    """Effects added and multiplicative effects multiplied over the steps (and segments)."""
    groups = steps.groupby(by, sort=False)
    rows = groups["effect"].agg(math.fsum).to_frame()
    rows["multiplicative_effect"] = groups["multiplicative_effect"].agg(lambda x: x.prod(skipna=False))
    of_factors = shares_of_change(steps.groupby("factor", sort=False)["effect"].sum(), change)
    stated = not np.isnan(of_factors).any()
    rows["share_of_change"] = rows["effect"] / change if stated else np.nan
    reasons = [NO_RATIO] * bool(rows["multiplicative_effect"].isna().any()) + [UNDEFINED_SHARE] * (not stated)
    return rows.assign(reason="; ".join(reasons)).reset_index()


def _residual_check(residual: float, ends: tuple[float, float]) -> Check:
    allowed = 1e-9 * max(ends)
    text = f"the effects sum to the change up to {abs(residual):.2g}"
    return Check(name="residual", passed=abs(residual) <= allowed, value=residual, threshold=allowed, text=text)


def _zeros_check(zeros: int) -> Check:
    text = f"{zeros} zero(s) took the limit: what appears or ends is the effect of the factor that is zero"
    return Check(name="zeros", passed=None, value=float(zeros), text=text if zeros else "no factor is zero")


def _text(totals: pd.DataFrame, ends: tuple[float, float], currency: str) -> str:
    grown = f" ({(ends[1] / ends[0] - 1) * 100:+.1f} %)" if ends[0] > 0 else ""
    parts = ", ".join(f"{row.factor} {_signed(row.effect)}" for row in totals.itertuples())
    last = in_money(in_words(ends[1]), currency)
    return f"From {in_words(ends[0])} to {last}{grown}: {parts}; the effects sum to the change."


def _signed(amount: float) -> str:
    return ("+" if amount > 0 else "") + in_words(amount)
