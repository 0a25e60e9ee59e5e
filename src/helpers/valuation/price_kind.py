"""What a price is a price of, and which figures it may be held against.

Enterprise value belongs to everybody who financed the company, so it stands over what they all share
in: revenue, gross profit, GMV, users. Market capitalisation and a private valuation belong to shareholders,
so they stand over net profit and equity (McKinsey, Valuation; Damodaran, Investment Valuation: the
numerator and the denominator must belong to the same people). Enterprise value over net profit counts
the lenders above and not below and is refused; equity over revenue is common where debt and cash are not
known, and is marked.
"""

from __future__ import annotations

from helpers.errors import UnknownNameError

PRICE_KINDS = {
    "": "not said",
    "market_cap": "price of a share times shares",
    "enterprise_value": "market capitalisation and debt less cash",
    "valuation": "a round, a transfer or a fund's mark, of all shares",
}
SHAREHOLDERS = (
    *("net_profit", "net_profit_attributable", "net_profit_before_minorities", "adjusted_net_profit"),
    *("net_income", "net_assets", "equity", "free_cash_flow_to_equity"),
)
"""What is left for shareholders once lenders are paid."""

FLOWS = ("revenue", "gmv", "gross_profit", "operating_profit", "ebitda", "free_cash_flow", *SHAREHOLDERS[:5])
"""Amounts of a period, which mean nothing without its first day."""

_SHORT = {
    "revenue": "sales",
    "net_profit": "earnings",
    "net_profit_attributable": "earnings",
    "net_income": "earnings",
    "adjusted_net_profit": "adjusted_earnings",
    "annual_active_buyers": "annual_active_buyer",
    "net_assets": "book",
    "equity": "book",
}


def check_price_kind(price_kind: str) -> str:
    """Hand back a kind of `PRICE_KINDS`.

    Raises
    ------
    UnknownNameError
        It is not in the list.
    """
    if price_kind not in PRICE_KINDS:
        raise UnknownNameError("price kind", price_kind, [name for name in PRICE_KINDS if name])
    return price_kind


def multiple_name(price_kind: str, metric: str, is_money: bool) -> str:
    """The field's name of a multiple: ev_to_sales, price_to_earnings, ev_per_mau; ``_ntm`` stays behind."""
    body, ahead = (metric[:-4], "_ntm") if metric.endswith("_ntm") else (metric, "")
    head = "ev" if price_kind == "enterprise_value" else "price"
    return f"{head}_{'to' if is_money else 'per'}_{_SHORT.get(body, body)}{ahead}"


def is_for_shareholders(metric: str) -> bool:
    """Whether a figure is what is left for shareholders."""
    return metric.removesuffix("_ntm") in SHAREHOLDERS


def is_flow(metric: str) -> bool:
    """Whether a figure is an amount of a period."""
    return metric.removesuffix("_ntm") in FLOWS


def objection(price_kind: str, metric: str) -> str:
    """Why a price of this kind cannot stand over the metric; empty if it can."""
    if price_kind == "enterprise_value" and is_for_shareholders(metric):
        return f"not comparable: {metric} is left for shareholders, an enterprise value belongs to lenders too"
    return ""
