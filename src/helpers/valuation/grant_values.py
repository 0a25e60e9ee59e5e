"""What employee options are worth at grant: expected term, vesting in tranches, leavers, dilution.

Each tranche is a European option over its expected term (`black_scholes`). The expected term is the simplified
method of the SEC's Staff Accounting Bulletins 107 and 110: halfway between vesting and the contractual end. Leavers
forfeit what has not vested: a share ``(1 - forfeiture_rate)^t`` of the options vests after t years. Dilution is
that of warrants (`warrants`): options are met by new shares, so that each exercise takes from all shares.

What the module cannot do: know the volatility of a share that does not trade (say where it comes from), take a
discount for lack of marketability (dlom), value conditions on performance or the sale of the company.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.checks import Check, as_rate
from helpers.errors import HelpersError, ParameterError
from helpers.units import check_currency, in_words
from helpers.valuation import black_scholes
from helpers.valuation.black_scholes import Numbers
from helpers.valuation.dated import numbers_of
from helpers.valuation.grant_terms import OptionAssumptions, Vesting, simplified_term
from helpers.valuation.warrants import warrant_values

NEEDED = ("grant", "spot", "strike", "options", "fact_id")
MOST_FORFEITED = 0.99


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GrantValuesResult:
    """Grants at their value on the day of the grant.

    Attributes
    ----------
    value, intrinsic_value : float
        Of all options granted, in money; before leavers.
    expected_value : float
        Of the options expected to vest: `value` less what leavers forfeit.
    table : DataFrame
        One row per grant: grant, spot, strike, options, expected_term (mean over tranches, years), intrinsic_per_option
        (spot less strike, at least 0), value_per_option, time_value_per_option (the second less the first),
        undiluted_per_option (the same without dilution), vesting_share (of the options, after leavers),
        intrinsic_value, value, expected_value (per option times options; the last times vesting_share), fact_id.
    tranches : DataFrame
        One row per grant and tranche: grant, tranche (from 1), vesting_years, share, expected_term, survival (share
        of holders still there), options, expected_options, value_per_option, value, expected_value.
    currency : str
    text : str
    checks : tuple of Check
        ``in_the_money``, ``dilution``, ``volatility_source``, ``dlom``.
    fact_ids : tuple of str
    """

    value: float
    intrinsic_value: float
    expected_value: float
    table: pd.DataFrame
    tranches: pd.DataFrame
    currency: str
    text: str
    checks: tuple[Check, ...]
    fact_ids: tuple[str, ...]


def fair_values(
    spot: Numbers,
    strike: Numbers,
    *,
    contractual_years: Numbers,
    rate: Numbers,
    volatility: Numbers,
    dividend_yield: Numbers = 0.0,
    vesting: Vesting | None = None,
    forfeiture_rate: float = 0.0,
) -> Numbers:
    """Fair value per option granted, for a million grants: ``sum over tranches of share x survival x call``.

    Parameters
    ----------
    spot, strike, rate, volatility, dividend_yield : float or array
        As for `black_scholes.price`; broadcast together.
    contractual_years : float or array
        Years from the grant to expiry.
    vesting : Vesting, optional
        Without it options vest at once and run to their contractual end.
    forfeiture_rate : float, default 0
        Share of holders that leaves in a year before vesting, 0 to 0.99.

    Returns
    -------
    float or array of float
        Money per option; a million need little memory beyond the result, whatever the number of tranches.
    """
    as_rate("forfeiture_rate", forfeiture_rate, low=0.0, high=MOST_FORFEITED)
    if vesting is None:
        return black_scholes.price(
            spot, strike, contractual_years, rate=rate, volatility=volatility, dividend_yield=dividend_yield
        )
    value, chunks = black_scholes.in_chunks(spot, strike, contractual_years, rate, volatility, dividend_yield)
    for part, (price, exercise, years, r, s, q) in chunks:
        part[:] = 0.0
        for vested, share in zip(vesting.years, vesting.shares, strict=True):
            term = simplified_term(vested, years)
            call = black_scholes.price(price, exercise, term, rate=r, volatility=s, dividend_yield=q)
            part += call * (share * (1 - forfeiture_rate) ** vested)
    return value if value.ndim else float(value)


def grant_values(
    grants: pd.DataFrame,
    *,
    assumptions: OptionAssumptions,
    contractual_years: float,
    currency: str,
    vesting: Vesting | None = None,
    forfeiture_rate: float = 0.0,
    expected_years: float | None = None,
    shares_outstanding: float | None = None,
    is_priced_in: bool = True,
) -> GrantValuesResult:
    """Value of each grant and of all, tranche by tranche (`fair_values` for millions, this for a table to read).

    Parameters
    ----------
    grants : DataFrame
        grant (a name of its own), spot and strike (money per share on the day of the grant, above 0), options (a
        number above 0), fact_id.
    assumptions : OptionAssumptions
    contractual_years : float
        From grant to expiry.
    currency : str
        Of spot and strike; a code in `units.CURRENCIES`.
    vesting : Vesting, optional
        Without it everything vests at once.
    forfeiture_rate : float, default 0
        Share of holders that leaves in a year before vesting, 0 to 0.99.
    expected_years : float, optional
        Expected term from experience, the same for all tranches; otherwise `simplified_term` of each tranche, and the
        contractual term without vesting.
    shares_outstanding : float, optional
        Shares before exercise; values are then diluted (`warrants.warrant_values`). The pool is all options of the
        table, and each grant is valued as if the whole pool had its terms.
    is_priced_in : bool, default True
        Whether the spot price already reflects the options; see `warrants.warrant_values`.

    Returns
    -------
    GrantValuesResult

    Raises
    ------
    HelpersError
        A column is missing, a grant stands twice, there is none.
    ParameterError
        A number out of range.
    UnknownNameError
        An unknown currency.
    """
    check_currency(currency)
    rows = _checked(grants)
    as_rate("forfeiture_rate", forfeiture_rate, low=0.0, high=MOST_FORFEITED)
    schedule = _schedule(vesting, contractual_years, expected_years)
    schedule["survival"] = (1 - forfeiture_rate) ** schedule["vesting_years"]
    tranches = rows.merge(schedule, how="cross")
    tranches["options"] *= tranches["share"]
    inputs = [tranches[column].to_numpy(float) for column in ("spot", "strike", "expected_term")]
    undiluted = black_scholes.price(*inputs, **assumptions.pricing)
    per_option = undiluted
    if shares_outstanding is not None:
        per_option = warrant_values(
            *inputs, shares=shares_outstanding, options=float(rows["options"].sum()),
            is_priced_in=is_priced_in, **assumptions.pricing,
        )  # fmt: skip
    tranches = tranches.assign(value_per_option=per_option, undiluted_per_option=undiluted)
    return _result(rows, tranches, assumptions, shares_outstanding, currency)


def _checked(grants: pd.DataFrame) -> pd.DataFrame:
    """The needed columns, after the checks that the docstring of `grant_values` names."""
    missing = [column for column in NEEDED if column not in grants]
    if missing:
        raise HelpersError(f"grants need the columns {', '.join(NEEDED)}; missing: {missing}")
    rows = grants[list(NEEDED)].reset_index(drop=True)
    if rows.empty:
        raise HelpersError("need 1+ grants, got none")
    twice = rows["grant"].duplicated()
    if twice.any():
        raise HelpersError(f"a grant needs a name of its own, got {rows.loc[twice, 'grant'].iloc[0]!r} twice")
    for column in ("spot", "strike", "options"):
        rows[column] = numbers_of(rows, column, what="grant")
        bad = rows[~((rows[column] > 0) & np.isfinite(rows[column]))]
        if len(bad):
            raise HelpersError(
                f"{column} of a grant must be above 0, got {bad[column].iloc[0]:g} ({bad['grant'].iloc[0]})"
            )
    return rows.assign(options=rows["options"].astype(float))


def _schedule(vesting: Vesting | None, contractual: float, expected: float | None) -> pd.DataFrame:
    """tranche, vesting_years, share, expected_term."""
    plan = vesting or Vesting.at_once(0.0)
    years = np.array(plan.years)
    simplified = simplified_term(years, contractual)
    term = np.full(years.size, contractual) if vesting is None else simplified
    if expected is not None:
        if not 0 < expected <= contractual:
            raise ParameterError(f"expected_years must be above 0 and at most {contractual:g}, got {expected:g}")
        term = np.full(years.size, expected)
    numbers = np.arange(1, years.size + 1)
    return pd.DataFrame({"tranche": numbers, "vesting_years": years, "share": plan.shares, "expected_term": term})


def _result(
    rows: pd.DataFrame, tranches: pd.DataFrame, assumptions: OptionAssumptions, shares: float | None, currency: str
) -> GrantValuesResult:
    tranches = tranches.assign(
        expected_options=tranches["options"] * tranches["survival"],
        value=tranches["options"] * tranches["value_per_option"],
    )
    tranches["expected_value"] = tranches["value"] * tranches["survival"]
    by_grant = tranches.groupby("grant", sort=False)
    sums = by_grant[["value", "expected_value", "expected_options"]].sum().reset_index(drop=True)
    count, intrinsic = rows["options"], (rows["spot"] - rows["strike"]).clip(lower=0)

    def mean(column: str) -> pd.Series:
        return (
            (tranches[column] * tranches["share"]).groupby(tranches["grant"], sort=False).sum().reset_index(drop=True)
        )

    per_option = mean("value_per_option")
    table = pd.DataFrame(
        {
            **{column: rows[column] for column in ("grant", "spot", "strike", "options")},
            "expected_term": mean("expected_term"),
            "intrinsic_per_option": intrinsic,
            "value_per_option": per_option,
            "time_value_per_option": per_option - intrinsic,
            "undiluted_per_option": mean("undiluted_per_option"),
            "vesting_share": sums["expected_options"] / count,
            "intrinsic_value": intrinsic * count,
            "value": sums["value"],
            "expected_value": sums["expected_value"],
            "fact_id": rows["fact_id"],
        }
    )
    shown = ["grant", "tranche", "vesting_years", "share", "expected_term", "survival", "options", "expected_options",
             "value_per_option", "value", "expected_value"]  # fmt: skip
    return GrantValuesResult(
        value=float(table["value"].sum()),
        intrinsic_value=float(table["intrinsic_value"].sum()),
        expected_value=float(table["expected_value"].sum()),
        table=table,
        tranches=tranches[shown],
        currency=currency,
        text=_text(table, assumptions, currency),
        checks=(_in_the_money(table), _dilution(table, shares), *assumptions.checks()),
        fact_ids=tuple(dict.fromkeys(rows["fact_id"])),
    )


def _text(table: pd.DataFrame, assumptions: OptionAssumptions, currency: str) -> str:
    value, intrinsic, expected = (float(table[c].sum()) for c in ("value", "intrinsic_value", "expected_value"))
    count = float(table["options"].sum())
    left = f"; {in_words(expected)} of it is expected to vest" if expected < value * (1 - 1e-9) else ""
    return (
        f"{in_words(count)} options are worth {in_words(value)} {currency} at grant ({value / count:.2f} each), "
        f"against {in_words(intrinsic)} {currency} if all were exercised at once{left}. Volatility "
        f"{assumptions.volatility:.0%} and rate {assumptions.rate:.1%} are assumptions."
    ).replace("%", " %")


def _in_the_money(table: pd.DataFrame) -> Check:
    out = table.loc[table["spot"] <= table["strike"], "grant"].astype(str)
    return Check(
        name="in_the_money",
        passed=None,  # a grant at the money is the usual one, not a fault
        value=float(len(table) - len(out)),
        text=f"not above the strike: {', '.join(out)}" if len(out) else "every price is above its strike",
    )


def _dilution(table: pd.DataFrame, shares: float | None) -> Check:
    if shares is None:
        return Check(name="dilution", passed=None, text="dilution is left out: the number of shares was not given")
    count = table["options"]
    share = float(count.sum() / (shares + count.sum()))
    lost = 1 - (table["value_per_option"] * count).sum() / (table["undiluted_per_option"] * count).sum()
    said = f"the options are {share:.2%} of the shares after exercise; dilution takes {lost:.2%} of their value"
    return Check(name="dilution", passed=None, value=share, text=said.replace("%", " %"))
