"""From the ledger's facts to claims, supports and rows of a football field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
import pytest

from helpers import ledger, valuation
from helpers.checks import Declined
from helpers.errors import HelpersError, UnitError
from helpers.valuation.printed import claims_of, estimates_of, model_estimates, supports_of


@pytest.fixture(scope="module")
def facts() -> pd.DataFrame:
    return ledger.facts(entity="xiaohongshu")


def test_doubtful_claims_are_handed_on(facts):
    claims = claims_of(facts).set_index("claim_id")
    assert claims.at["f0025", "value"] == 310e9
    assert claims.loc["f1886", ["low", "high", "basis"]].tolist() == [25.5e9, 26.5e9, "fund_mark"]
    assert claims.index.is_unique
    assert not claims.index.isin(["f0008", "f0026"]).any()  # growth rates are no values


def test_the_books_of_a_holder(facts):
    books = supports_of(facts)
    assert len(books) == 1
    row = books.iloc[0]
    assert (row["stake_share"], row["holding_value"], row["fund_nav"], row["share_of_fund"]) == (
        0.0847,
        2.22e9,
        2.44e9,
        0.91,
    )
    assert (row["stake_half_width"], row["holding_half_width"]) == pytest.approx((0.00005, 5e6))
    assert set(row["fact_ids"]) == {"f1787", "f1788", "f1898", "f1899"}


def test_the_310_billion_fail_the_stake_and_the_31_stand(facts):
    found = valuation.reconcile(claims_of(facts), subject="xiaohongshu", currency="USD", supports=supports_of(facts))
    status = found.table.set_index("claim_id")["status"]
    assert status[["f0025", "f0030", "f0031", "f0032", "f0024"]].eq("rejected").all()
    assert status["f1890"] == "accepted"
    reason = found.table.set_index("claim_id").at["f0025", "reason"]
    assert "310亿美元 = 31.0 billion USD" in reason


def test_half_a_book_is_no_support(facts):
    assert supports_of(facts[facts["metric"].ne("gsr_stake_value")]).empty
    assert supports_of(facts.head(0)).empty


def test_rows_of_a_field():
    values = ledger.preferred(entity=["xiaohongshu", "kuaishou"], metric=["valuation", "market_cap"]).table
    rows = estimates_of(values[values["entity"].eq("kuaishou") & values["currency"].eq("HKD")])
    assert set(rows["basis"]) == {"market"}
    private = estimates_of(values[values["entity"].eq("xiaohongshu")])
    assert "talks" not in set(private["basis"])
    assert private[["low", "high"]].lt(float("inf")).all(axis=None)


@dataclass
class Model:
    low: float
    high: float
    value: float
    currency: str = "USD"
    fact_ids: tuple[str, ...] = ("f1",)


def test_models_that_declined_or_found_nothing_have_no_row():
    declined = Declined(text="no answer", checks=(), table=pd.DataFrame())
    given = {"a": ("comps", Model(1, 3, 2)), "b": ("dcf", declined), "c": ("comps", Model(1, 3, float("nan")))}
    rows = model_estimates(given, on=date(2026, 1, 1))
    none = model_estimates({"b": ("dcf", declined)}, on=date(2026, 1, 1))
    assert none.empty
    assert none["low"].dtype == float
    assert rows[["method", "low", "point", "high"]].to_numpy().tolist() == [["a", 1, 2, 3]]


def test_errors(facts):
    with pytest.raises(HelpersError, match=r"missing: \['source_id'\]"):
        claims_of(facts.drop(columns="source_id"))
    books = facts[facts["metric"].astype(str).str.startswith("gsr_")].assign(
        currency=lambda t: t["currency"].astype(str).mask(t["metric"].eq("gsr_fund_nav"), "CNY")
    )
    with pytest.raises(UnitError, match="the books of 2025-03-31 are in CNY and USD"):
        supports_of(books)
