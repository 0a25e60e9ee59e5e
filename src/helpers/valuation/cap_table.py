"""Who owns what of a company, and with which rights: the share classes that a waterfall pays out.

Terms follow the venture model documents of the NVCA and the AICPA guide on privately held equity: a
preference is what a class gets before common, `seniority` 1 is paid first, classes of one rank share in
proportion to their claims (pari passu), and an option is settled net: it takes the common price less its
strike. What this module cannot do: rights that depend on time or on the kind of exit (ratchets, milestone
dividends, a forced conversion at an IPO), debt (take it off before, or write it as straight preferred of
rank 1), and contracts that it was not told of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral

import numpy as np
import pandas as pd

from helpers.errors import ParameterError, UnknownNameError
from helpers.units import check_currency
from helpers.valuation.dated import need_columns

KINDS = {
    "common": "what is left, in proportion to shares",
    "convertible_preferred": "its preference, or its part as common, whichever is worth more",
    "participating_preferred": "its preference and its part as common, up to a cap if there is one",
    "straight_preferred": "its preference and nothing more",
    "option": "the common price less the strike, if above 0",
    "warrant": "as an option",
}
PREFERRED = ("convertible_preferred", "participating_preferred", "straight_preferred")
OPTIONS = ("option", "warrant")
# conversion prices are printed rounded: a difference below this is rounding, above it two statements
_TIES = 1e-3


def amount(name: str, value: float, *, or_zero: bool = False) -> float:
    """A finite number above 0 (or 0 where allowed), as given.

    Raises
    ------
    ParameterError
        It is not; the message names it.
    """
    fits = isinstance(value, (int, float)) or hasattr(value, "__float__")
    if not fits or isinstance(value, bool) or not (0 < value < math.inf or (or_zero and value == 0)):
        raise ParameterError(f"{name} must be {'0 or more' if or_zero else 'above 0'} and finite, got {value!r}")
    return float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareClass:
    """One class of shares, options or warrants.

    Parameters
    ----------
    name : str
        As documents call it; names a column of the results.
    kind : str
        A name in `KINDS`.
    shares : float
        Number outstanding, above 0. One pool of options per strike.
    preference : float, default 0
        Preferred only: the money paid in that the preference refers to, whole class, above 0 unless
        there are accrued dividends.
    preference_multiple : float, default 1
        Times `preference`: a 2x preference is 2.
    accrued_dividends : float, default 0
        Cumulative dividends owed at exit, whole class, money; lost at conversion.
    seniority : int, optional
        Preferred only: 1 is paid first; equal ranks are paid pari passu. None is 1.
    conversion_ratio : float, optional
        Common shares for one share; 1 where neither this nor a price is given.
    conversion_price : float, optional
        Paid-in money for one common share: the class becomes ``preference / conversion_price`` shares.
    participation_cap : float, optional
        Participating preferred only: the most it gets without converting, preference included, as a
        multiple of `preference`; None is without a cap.
    strike : float, optional
        Options and warrants only: money for one common share, above 0.

    Raises
    ------
    UnknownNameError
        If the kind is not in `KINDS`.
    ParameterError
        If a number is out of range, does not belong to the kind, or two statements of the conversion
        disagree.
    """

    name: str
    kind: str
    shares: float
    preference: float = 0.0
    preference_multiple: float = 1.0
    accrued_dividends: float = 0.0
    seniority: int | None = None
    conversion_ratio: float | None = None
    conversion_price: float | None = None
    participation_cap: float | None = None
    strike: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ParameterError(f"a share class needs a name, got {self.name!r}")
        if self.kind not in KINDS:
            raise UnknownNameError(f"kind of {self.name}", self.kind, list(KINDS))
        amount(f"shares of {self.name}", self.shares)
        self._refuse_foreign_rights()
        if self.kind in PREFERRED:
            self._check_preference()
        if self.kind in OPTIONS:
            self._check_strike()

    def _refuse_foreign_rights(self) -> None:
        """A right that the kind does not have would be ignored, so it is refused."""
        plain = ("name", "kind", "shares")
        own = {
            "convertible_preferred": {field.name for field in fields(self)} - {"strike", "participation_cap"},
            "participating_preferred": {field.name for field in fields(self)} - {"strike"},
            "straight_preferred": {"preference", "preference_multiple", "accrued_dividends", "seniority"},
            "option": {"strike"},
            "warrant": {"strike"},
        }.get(self.kind, set())
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in own and field.name not in plain and value != field.default:
                raise ParameterError(f"{self.name} is {self.kind}, which has no {field.name}, got {value!r}")

    def _check_preference(self) -> None:
        amount(f"preference of {self.name}", self.preference, or_zero=True)
        amount(f"preference_multiple of {self.name}", self.preference_multiple)
        amount(f"accrued_dividends of {self.name}", self.accrued_dividends, or_zero=True)
        if not self.claim > 0:
            raise ParameterError(f"{self.name} is {self.kind} without a preference: write it as common")
        rank = self.seniority
        if rank is not None and (isinstance(rank, bool) or not isinstance(rank, Integral) or rank < 1):
            raise ParameterError(
                f"seniority of {self.name} is a whole number, 1 is paid first and equal ranks are paid pari passu, "
                f"got {rank!r}"
            )
        self._check_conversion()
        if self.participation_cap is not None:
            amount(f"participation_cap of {self.name}", self.participation_cap)
            if self.cap_amount < self.claim:
                raise ParameterError(
                    f"participation_cap of {self.name} lies below its preference: {self.participation_cap:g} x "
                    f"{self.preference:g} = {self.cap_amount:g}, the claim is {self.claim:g}"
                )

    def _check_conversion(self) -> None:
        for name in ("conversion_ratio", "conversion_price"):
            if getattr(self, name) is not None:
                amount(f"{name} of {self.name}", getattr(self, name))
        if self.conversion_price is None:
            return
        if self.preference == 0:
            raise ParameterError(f"{self.name} has a conversion_price, which needs the preference it divides")
        if self.conversion_ratio is None:
            return
        by_price, by_ratio = self.preference / self.conversion_price, self.shares * self.conversion_ratio
        if not math.isclose(by_price, by_ratio, rel_tol=_TIES):
            raise ParameterError(
                f"{self.name} converts into {by_price:g} shares by its price ({self.preference:g} / "
                f"{self.conversion_price:g}) and into {by_ratio:g} by its ratio ({self.shares:g} x "
                f"{self.conversion_ratio:g}): give one"
            )

    def _check_strike(self) -> None:
        if self.strike is None:
            raise ParameterError(f"{self.name} is {self.kind} and needs a strike, got none")
        if self.strike == 0:
            raise ParameterError(
                f"strike of {self.name} must be above 0, got 0: what is exercised for nothing is a share, write it "
                "as common"
            )
        amount(f"strike of {self.name}", self.strike)

    @property
    def claim(self) -> float:
        """What the class gets before common, money: ``preference x multiple + accrued dividends``."""
        return self.preference * self.preference_multiple + self.accrued_dividends

    @property
    def cap_amount(self) -> float:
        """The most that a participating class gets without converting, money; infinite without a cap."""
        return math.inf if self.participation_cap is None else self.participation_cap * self.preference

    @property
    def as_converted(self) -> float:
        """Common shares that the class is, becomes or can buy; 0 for straight preferred."""
        if self.kind == "straight_preferred":
            return 0.0
        if self.conversion_price is not None:
            return self.preference / self.conversion_price
        return self.shares * (1.0 if self.conversion_ratio is None else self.conversion_ratio)

    @property
    def rank(self) -> int:
        """Seniority as a number."""
        return 1 if self.seniority is None else int(self.seniority)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalStructure:
    """All classes of one company.

    Parameters
    ----------
    classes : sequence of ShareClass
        One or more, of them at least one common: the residual needs an owner.
    currency : str
        A code in `units.CURRENCIES`, of every amount.
    fully_diluted : float, optional
        Number of shares as converted, options included, that a document states; checked, never used.
    fact_ids : sequence of str
        Ledger rows of the inputs.

    Raises
    ------
    ParameterError
        If there is no common class, or a name stands twice.
    UnknownNameError
        If the currency is not in the list.
    """

    classes: tuple[ShareClass, ...]
    currency: str
    fully_diluted: float | None = None
    fact_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "fact_ids", tuple(self.fact_ids))
        check_currency(self.currency)
        if strangers := [one for one in self.classes if not isinstance(one, ShareClass)]:
            raise ParameterError(f"classes hold ShareClass, got {strangers[0]!r}")
        names = self.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ParameterError(f"every class needs a name of its own, twice: {', '.join(twice)}")
        if not any(one.kind == "common" for one in self.classes):
            raise ParameterError(f"a structure needs a common class, which owns what is left, got {names}")
        if self.fully_diluted is not None:
            amount("fully_diluted", self.fully_diluted)

    @property
    def names(self) -> list[str]:
        """Names of the classes, in order."""
        return [one.name for one in self.classes]

    @property
    def total_as_converted(self) -> float:
        """Shares as converted, options and warrants included."""
        return math.fsum(one.as_converted for one in self.classes)

    @property
    def is_one_share(self) -> bool:
        """Whether all shares together are one: the value of a share is then one of the company."""
        return math.isclose(self.total_as_converted, 1.0, rel_tol=1e-9)

    def find(self, name: str) -> ShareClass:
        """The class of that name.

        Raises
        ------
        UnknownNameError
            If there is none.
        """
        for one in self.classes:
            if one.name == name:
                return one
        raise UnknownNameError("share class", name, self.names)


def capital_structure(
    table: pd.DataFrame, *, currency: str, fully_diluted: float | None = None, fact_ids: Sequence[str] = ()
) -> CapitalStructure:
    """A capital structure from a table with one row per class.

    Parameters
    ----------
    table : DataFrame
        Columns name, kind, shares and any other parameter of `ShareClass`; an empty cell is its
        default. A column fact_id adds to `fact_ids`.
    currency, fully_diluted, fact_ids
        As for `CapitalStructure`.

    Returns
    -------
    CapitalStructure

    Raises
    ------
    HelpersError
        If a column is missing.
    UnknownNameError
        If a column is not a parameter of `ShareClass`: misspelt, it would be lost.
    ParameterError
        As for `ShareClass` and `CapitalStructure`.
    """
    known = [field.name for field in fields(ShareClass)]
    need_columns(table, ("name", "kind", "shares"), what="share classes")
    for column in table.columns:
        if column not in known and column != "fact_id":
            raise UnknownNameError("column of a capital structure", column, known)
    for column in ("name", "kind", "shares"):
        if (lost := table[column].isna()).any():
            raise ParameterError(f"every share class needs {column}, missing in row {int(np.argmax(lost)) + 1}")
    rows = table.drop(columns="fact_id", errors="ignore").to_dict("records")
    classes = tuple(ShareClass(**_filled(row)) for row in rows)
    facts = (*fact_ids, *(table["fact_id"].dropna() if "fact_id" in table else ()))
    return CapitalStructure(classes=classes, currency=currency, fully_diluted=fully_diluted, fact_ids=facts)


def _filled(row: dict) -> dict:
    """The cells that are not empty; a rank that a column with gaps turned into 1.0 is 1 again."""
    cells = {name: value for name, value in row.items() if not pd.isna(value)}
    rank = cells.get("seniority")
    if isinstance(rank, float) and rank.is_integer():
        cells["seniority"] = int(rank)
    return cells


def in_sentence(class_name: str) -> str:
    """A class as a sentence has it: "the round of 2021-11-08" for a class that is named by its round."""
    return f"the r{class_name[1:]}" if class_name.startswith("Round of ") else class_name
