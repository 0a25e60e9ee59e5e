"""Simulated valuations: closed forms, laws, planted shares, refusals. All numbers here are simulated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from helpers.draws import Empirical, LogNormal, Normal, Pert, Point, Uniform
from helpers.errors import HelpersError, NotEstimableError
from helpers.valuation.dcf import Bridge, Drivers, Options, dcf
from helpers.valuation.simulation import simulate

FLAT = Drivers(
    currency="USD", revenue=100.0, growth=0.0, target_margin=0.2, sales_to_capital=2.0, discount_rate=0.1,
    terminal_growth=0.0, tax_rate=0.25, years=2, growth_years=1, lag_years=0,
)  # fmt: skip
YOUNG = Drivers(
    currency="CNY", revenue=30e9, ebit=-3e9, growth=0.3, target_margin=0.2, sales_to_capital=1.5, discount_rate=0.11,
    terminal_growth=0.03, tax_rate=0.15, loss_carried_forward=5e9,
    bridge=Bridge(debt=2e9, cash=20e9, shares=1e9,
                  options=Options(count=5e7, strike=20.0, term=4.0, volatility=0.5, rate=0.03)),
)  # fmt: skip
UNCERTAIN = {
    "growth": Normal(0.3, 0.05),
    "target_margin": Pert(0.1, 0.2, 0.3),
    "sales_to_capital": LogNormal.from_range(1.0, 2.0),
    "discount_rate": Normal(0.11, 0.008),
}
LINKED = {("growth", "target_margin"): -0.3, ("growth", "discount_rate"): 0.4}


def check(result, name):
    return {c.name: c for c in result.checks}[name]


def test_a_normal_margin_gives_a_normal_value():
    # no growth, tax 25 %, 10 %: value 750 m, so a margin of 0.2 with sd 0.02 is worth 150 with sd 15
    found = simulate(FLAT, {"target_margin": Normal(0.2, 0.02)}, seed=1, draws=1 << 16, price=165.0)
    exact = stats.norm(150, 15)
    assert found.mean == pytest.approx(150, abs=0.01)
    assert found.sd == pytest.approx(15, abs=0.02)
    assert found.table["value"].tolist() == pytest.approx(exact.ppf(found.table["probability"]).tolist(), abs=0.05)
    assert found.share_below_price == pytest.approx(exact.cdf(165), abs=1e-3)  # one sd above: 84 %
    assert found.text == (
        "65,536 simulated draws give an enterprise value of 150 USD in the middle, 131 USD to 169 USD in 80 % of them; "
        "84 % lie below the price of 165 USD."
    )
    # from the 10 % to the 90 % quantile of the margin: 2 x 1.2816 x 15
    assert found.swings.loc[0, "swing"] == pytest.approx(38.447, abs=1e-3)
    # the one uncertain driver settles everything
    assert found.narrowing.loc[0, "narrowing"] > 0.98


def test_each_draw_is_the_valuation_of_its_drivers():
    for kind in ("enterprise", "equity", "per_share"):
        found = simulate(YOUNG, UNCERTAIN, seed=2, correlations=LINKED, draws=1_000, kind=kind)
        name = {"enterprise": "enterprise_value", "equity": "equity_value", "per_share": "per_share"}[kind]
        for row in found.sample.iloc[::333].to_dict("records"):
            value = row.pop("value")
            assert getattr(dcf(replace(YOUNG, **row)), name) == pytest.approx(value, rel=1e-12)


def test_same_seed_same_bytes():
    one, other = (simulate(YOUNG, UNCERTAIN, seed=7, draws=20_000) for _ in range(2))
    assert one.sample.to_numpy().tobytes() == other.sample.to_numpy().tobytes()
    assert one.table.equals(other.table)
    assert simulate(YOUNG, UNCERTAIN, seed=8, draws=20_000).mean != one.mean
    assert (one.draws, one.valued, len(one.sample)) == (20_000, 20_000, 20_000)


def test_sobol_and_random_draws_agree_within_their_error():
    even = simulate(YOUNG, UNCERTAIN, seed=1, correlations=LINKED)
    plain = simulate(YOUNG, UNCERTAIN, seed=1, correlations=LINKED, method="random")
    assert abs(even.mean - plain.mean) < 4 * plain.mean_se
    assert even.low == pytest.approx(plain.low, rel=0.01)


def test_correlation_moves_the_range_and_not_the_middle_of_its_parts():
    # high growth with low margins, hand in hand or against each other
    together = simulate(YOUNG, UNCERTAIN, seed=1, correlations={("growth", "target_margin"): 0.8})
    against = simulate(YOUNG, UNCERTAIN, seed=1, correlations={("growth", "target_margin"): -0.8})
    assert together.sd > 1.5 * against.sd


def test_money_scales():
    scaled = replace(YOUNG, revenue=60e9, ebit=-6e9, loss_carried_forward=10e9)
    one, two = (simulate(d, UNCERTAIN, seed=1, draws=4_096) for d in (YOUNG, scaled))
    assert two.table["value"].tolist() == pytest.approx((2 * one.table["value"]).tolist())
    assert two.narrowing["narrowing"].tolist() == pytest.approx(one.narrowing["narrowing"].tolist())


def test_draws_without_a_value_are_counted_and_left_out():
    # growth for ever from 2 to 12 % at a rate of 11 %: a tenth of the draws has no value
    uncertain = {"terminal_growth": Uniform(0.02, 0.12)}
    found = simulate(replace(YOUNG, terminal_roic=0.5), uncertain, seed=1, draws=1 << 14)
    rule = found.refused.set_index("rule").loc["terminal_growth not below terminal_discount_rate"]
    assert rule["share"] == pytest.approx(0.1, abs=1e-3)
    assert rule["draws"] == found.draws - found.valued == found.sample["value"].isna().sum()
    assert check(found, "refused").passed is False
    assert "draws have no value and are left out (terminal_growth not below" in check(found, "refused").text
    kept = found.sample.dropna()
    assert kept["terminal_growth"].max() < 0.11
    # the return on capital is a rule of its own
    dear = simulate(replace(YOUNG, terminal_roic=0.06), {"terminal_growth": Uniform(0.02, 0.1)}, seed=1, draws=1 << 12)
    assert dear.refused["rule"].tolist() == ["terminal_roic below terminal_growth"]
    assert dear.refused["share"].tolist() == pytest.approx([0.5], abs=1e-3)


def test_a_draw_out_of_a_drivers_limits_is_no_draw():
    found = simulate(FLAT, {"target_margin": Normal(0.9, 0.05)}, seed=1, draws=1 << 14)
    row = found.refused.loc[0]
    # above 1: two standard deviations, 2.28 %
    assert (row["rule"], row["share"]) == ("target_margin out of its bounds", pytest.approx(0.0228, abs=2e-4))
    assert found.table["value"].max() <= 750


def test_losses_are_seen():
    found = simulate(FLAT, {"target_margin": Normal(0.0, 0.1), "tax_rate": Point(0.2)}, seed=1, draws=1 << 12)
    assert check(found, "loss").value == pytest.approx(0.5, abs=0.01)


def test_few_draws_narrow_nothing():
    found = simulate(FLAT, {"target_margin": Normal(0.2, 0.02)}, seed=1, draws=500)
    assert found.narrowing.empty
    assert found.draws == 500


@pytest.mark.parametrize(
    ("uncertain", "extra", "match"),
    [
        ({"mood": Normal(0, 1)}, {}, "unknown driver 'mood'"),
        ({"growth": Point(0.2)}, {}, "every driver is a known number"),
        ({"growth": 0.2}, {}, "input 'growth' needs a distribution"),
        ({"exit_multiple": Uniform(1, 3)}, {}, "the drivers end in a perpetuity"),
        ({"growth": Normal(0.2, 0.1)}, {"kind": "firm"}, "unknown kind of value 'firm'"),
        ({"growth": Normal(0.2, 0.1)}, {"kind": "per_share"}, "a value per share needs shares"),
        ({"growth": Normal(0.2, 0.1)}, {"price": -1.0}, "price must be above 0, got -1"),
        ({"growth": Normal(0.2, 0.1)}, {"draws": -5}, "draws must be a whole number, 1 or more, got -5"),
        ({"growth": Normal(0.2, 0.1)}, {"method": "latin"}, "unknown method of drawing 'latin'"),
        (
            {"growth": Normal(0.2, 0.1)},
            {"correlations": {("growth", "tax_rate"): 0.2}},
            "unknown input of a correlation",
        ),
    ],
)
def test_simulations_refuse(uncertain, extra, match):
    with pytest.raises(HelpersError, match=match):
        simulate(FLAT, uncertain, **{"seed": 1, "draws": 1_000} | extra)


def test_a_distribution_that_cannot_be_is_refused_as_a_whole():
    # growth in percentages: 24 instead of 0.24
    with pytest.raises(NotEstimableError, match=r"1,000 of 1,000 draws have none \(growth out of its bounds\)"):
        simulate(FLAT, {"growth": Empirical([24, 30])}, seed=1, draws=1_000)
