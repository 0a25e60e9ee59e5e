"""What observed prices take for granted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from helpers.errors import NotEstimableError, UnitError
from helpers.valuation import Drivers, dcf, football_field, model_estimates
from helpers.valuation.expectations import expectations

DRIVERS = Drivers(
    currency="USD", revenue=5e9, growth=0.25, target_margin=0.25, sales_to_capital=2.0, discount_rate=0.11,
    terminal_growth=0.03, tax_rate=0.25,
)  # fmt: skip


def field(*points: float, basis: str = "fund_mark", currency: str = "USD"):
    days = pd.date_range("2025-06-30", periods=len(points), freq="30D")
    bases = ["fund_mark", "secondary_sale"][: len(points)] if basis == "fund_mark" else [basis] * len(points)
    rows = pd.DataFrame({"method": bases, "basis": bases, "low": points, "point": points, "high": points, "date": days})
    rows = rows.assign(currency=currency, known_on=days, fact_ids=[(f"f{i}",) for i in range(len(points))])
    return football_field(rows, as_of=date(2025, 12, 31))


def test_each_price_is_met_by_each_answer():
    found = expectations(DRIVERS, field(50e9, 31e9))
    assert [p.price for p in found.priced] == [31e9, 50e9]
    need = found.table.set_index(["price", "unknown"])["needed"]
    for price in (31e9, 50e9):
        for unknown in ("growth", "target_margin"):
            changed = {f: getattr(DRIVERS, f) for f in DRIVERS.__dataclass_fields__} | {unknown: need[(price, unknown)]}
            assert dcf(Drivers(**changed)).equity_value == pytest.approx(price, rel=1e-6)
    assert set(found.fact_ids) == {"f0", "f1"}


def test_what_is_assumed_of_the_exit_is_what_the_perpetuity_comes_to():
    table = expectations(DRIVERS, field(31e9)).table.set_index("unknown")
    own = table.loc["exit_multiple", "base"]
    assert own == pytest.approx(dcf(DRIVERS).exit_ev_to_sales)
    assert table["base"].notna().all()
    for drivers in (DRIVERS, replace(DRIVERS, is_mid_year=True, elapsed_years=0.5, exit_basis="ebitda")):
        own = expectations(drivers, field(31e9)).table.set_index("unknown").loc["exit_multiple", "base"]
        assert dcf(replace(drivers, exit_multiple=own)).equity_value == pytest.approx(dcf(drivers).equity_value)
    given = expectations(replace(DRIVERS, exit_multiple=2.0), field(31e9)).table.set_index("unknown")
    assert given.loc["exit_multiple", "base"] == 2.0


def test_curves_pass_through_the_answers():
    found = expectations(DRIVERS, field(31e9))
    curve = found.curves.dropna()
    assert curve["y"].is_monotonic_decreasing  # more growth needs less margin
    assert found.curves["label"].unique().tolist() == ["fund_mark 31.0 billion"]


def test_errors():
    with pytest.raises(UnitError, match="drivers in USD cannot meet prices in CNY"):
        expectations(DRIVERS, field(31e9, currency="CNY"))
    with pytest.raises(NotEstimableError, match="no observed price is current"):
        expectations(DRIVERS, field(31e9, basis="dcf"))
    assert model_estimates({}, on=date(2025, 1, 1)).empty
