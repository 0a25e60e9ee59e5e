"""What a claim is: one number that a text prints, with its place, its unit and what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

RULE_VERSION = "1"
"""Raised with every change of the grammar or the binding that changes a claim."""


class Claim(NamedTuple):
    """One number in a text; a named tuple, because a library makes millions of them.

    Attributes
    ----------
    start, end : int
        Characters of the text, so that ``text[start:end] == printed``.
    printed : str
        The number as the text has it, with its sign, currency, scale and unit. Never altered.
    value, value_high : float
        In base units: yuan and not millions, 0.19 for 19 %, points for percentage points, multiples as
        stated ("grew 1.6 times" is 1.6). ``value_high`` is the upper end of a range, else None.
    unit : str
        A unit of the ledger: money, money_per_share, ratio, percentage_point, multiple, person, count, ...
    currency : str
        ISO code for money; "" otherwise, and where the text leaves it open.
    half_width : float
        Half of the last printed digit, in base units: 0.005 for "19 %", 5e7 for "1.3 billion".
    qualifier : str
        "", about, nearly, at_least, at_most.
    readings : tuple of (str, float, str)
        Other meanings that the words allow, as (reason, value, unit): "增长1.6倍" is also 2.6 times the base.
    inferred : tuple of str
        Which of unit, currency, scale come from the surroundings and not from the number itself.
    entity, metric : str
        Codes of the ledger's closed lists, "" where the words name none of them.
    entity_words, metric_words : str
        The words of the text that named them.
    measure : str
        level, yoy_growth, qoq_growth, growth, yoy_multiple, multiple, change (in points), share.
    period_start, period_end : str
        ISO days, "" where unknown.
    period_basis : str
        stated (in the sentence), inferred (from heading, title or day of publication), unknown.
    basis : str
        actual, guidance, forecast, target, policy, threshold, computed.
    section : str
        The heading above it.
    sentence : int
        Number of its sentence in the text.
    role : str
        from and to of a stated change, level for a size in words (亿级), aside for an amount that restates the one
        before it in another currency, part and total of a sum, rest of a list of shares, share for one above 100 %,
        "" otherwise.
    series : int
        Numbers of one list share it, and cells of one sum a negative one; 0 stands alone.
    confidence : float
        0 to 1: how safely entity, metric and period are bound.
    rule_version : str
    """

    start: int
    end: int
    printed: str
    value: float
    value_high: float | None = None
    unit: str = ""
    currency: str = ""
    half_width: float = 0.0
    qualifier: str = ""
    readings: tuple[tuple[str, float, str], ...] = ()
    inferred: tuple[str, ...] = ()
    entity: str = ""
    entity_words: str = ""
    metric: str = ""
    metric_words: str = ""
    measure: str = "level"
    period_start: str = ""
    period_end: str = ""
    period_basis: str = "unknown"
    basis: str = "actual"
    section: str = ""
    sentence: int = 0
    role: str = ""
    series: int = 0
    confidence: float = 0.0
    rule_version: str = RULE_VERSION


STATUS = {
    "actual": "press", "computed": "derived", "guidance": "guidance", "forecast": "forecast", "target": "target",
    "policy": "rule", "threshold": "rule",
}  # fmt: skip
"""The ledger's status of a claim with this basis."""
LOSS = r"亏损|亏|\bloss(?:es)?\b"
PROFITS = ("net_profit", "net_profit_attributable", "adjusted_net_profit", "operating_profit", "adjusted_ebitda", "ebitda",
           "operating_profit_domestic", "operating_profit_overseas", "net_profit_before_minorities")  # fmt: skip
COSTS = ("cost_of_revenue", "selling_and_marketing_expense", "promotion_and_advertising_expense")
COLUMNS = Claim._fields


def as_kept(rows: pd.DataFrame) -> pd.DataFrame:
    """Claims with the signs that the ledger keeps: a loss is a negative profit, a cost is positive.

    A claim keeps the number as it is printed, "a net loss of 608 million" as 608 million and a cost in brackets as
    negative; where levels are compared or accepted, the metric needs its own sign.

    Parameters
    ----------
    rows : DataFrame
        With the columns metric, metric_words, measure, value and value_high.
    """
    loss = rows["metric"].isin(PROFITS) & rows["measure"].eq("level") & rows["value"].gt(0)
    loss &= rows["metric_words"].str.contains(LOSS, case=False, regex=True) & ~rows["metric_words"].str.contains(
        "(loss)", regex=False
    )
    high = rows["value_high"].where(rows["value_high"].notna(), rows["value"])
    turned = loss | (rows["metric"].isin(COSTS) & rows["measure"].eq("level") & rows["value"].lt(0))
    is_range = rows["value_high"].notna()
    return rows.assign(
        value=rows["value"].mask(turned, -high), value_high=rows["value_high"].mask(turned & is_range, -rows["value"])
    )


def table(claims: Iterable[Claim]) -> pd.DataFrame:
    """Claims as a table with the columns of `Claim`, in their order."""
    return pd.DataFrame(list(claims), columns=list(COLUMNS))
