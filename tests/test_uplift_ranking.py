"""Units ranked by shrunken effects, and discoveries among many."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from helpers.errors import HelpersError, PanelError, UnknownNameError
from helpers.uplift import ranking


def effects(y, se) -> pd.DataFrame:
    """A league of plain effects."""
    return pd.DataFrame({"unit": [f"shop_{i}" for i in range(len(y))], "effect": y, "se": se}, dtype=object).astype(
        {"effect": float, "se": float}
    )


def merchants(seed: int, n: int = 2000) -> tuple[pd.DataFrame, np.ndarray]:
    """Simulated league with known true log uplifts: one in five is large, the small ones are eight times as noisy."""
    rng = np.random.default_rng(seed)
    small = rng.random(n) < 0.8
    counterfactual = np.where(small, 1e4, 1e6) * np.exp(rng.normal(0, 0.5, n))
    sd = np.where(small, 0.16, 0.02)
    truth = rng.normal(0.04, 0.04, n)
    observed = counterfactual * np.exp(truth)
    seen = counterfactual * np.exp(-sd * rng.standard_normal(n))
    table = pd.DataFrame(
        {
            "unit": [f"shop_{i:04d}" for i in range(n)], "observed": observed, "counterfactual": seen,
            "effect": observed - seen, "se": sd * seen, "is_small": small,
        }
    )  # fmt: skip
    return table, truth


# --- by hand ------------------------------------------------------------------------------------


def test_five_units_by_hand():
    # mean 1, squares around it 9 + 4 + 1 + 0 + 36 = 50, V = 1: A = 50/4 - 1 = 11.5;
    # B = (5 - 3)/(5 - 1) x 1/12.5 = 0.04; the best moves from 7 to 7 - 0.04 x 6
    found = ranking.shrink(np.array([-2, -1, 0, 1, 7.0]), np.ones(5))
    assert found.variance == pytest.approx(11.5)
    assert found.shrinkage == pytest.approx(np.full(5, 0.04))
    assert found.mean[-1] == pytest.approx(6.76)
    # 1 x 0.96 + 0.04^2 x 12.5/5 + v x 36 with v = 2/(5 - 3) x 0.04^2
    assert found.sd[-1] ** 2 == pytest.approx(0.96 + 0.004 + 0.0576)


def test_estimates_that_vary_less_than_their_errors_are_not_told_apart():
    # squares around the mean 2 of 4, V = 1: A = 0, B = (4 - 3)/(4 - 1)
    result = ranking.rank(effects([1, -1, 0, 0], [1, 1, 1, 1]), by="effect")
    assert result.prior_sd == 0
    assert result.table["shrinkage"].to_numpy() == pytest.approx(np.full(4, 1 / 3))
    assert (result.checks[0].name, result.checks[0].passed) == ("told_apart", False)
    assert "the order of the units is noise" in result.text


def test_relative_effects_are_shrunk_as_logs():
    table = effects([21, 5, 0, -9.5], [2, 2, 2, 2]).assign(observed=[121, 105, 100, 90.5], counterfactual=100.0)
    result = ranking.rank(table)
    logs = ranking.shrink(np.log([1.21, 1.05, 1, 0.905]), np.full(4, 0.02))
    assert result.table["estimate"].to_numpy() == pytest.approx([0.21, 0.05, 0, -0.095])
    assert result.table["shrunk"].to_numpy() == pytest.approx(np.expm1(logs.mean))
    assert result.prior_mean == pytest.approx(logs.prior[0])


def test_false_signs_and_p_values_by_hand():
    result = ranking.rank(effects([-2, -1, 0, 1, 7], [1, 1, 1, 1, 1]), by="effect").table.iloc[0]
    assert result["p_value"] == pytest.approx(2 * stats.norm.sf(7))
    assert result["false_sign"] == pytest.approx(stats.norm.sf(6.76 / np.sqrt(1.0216)))


# --- outside references -------------------------------------------------------------------------

# Efron and Morris (1977, Scientific American 236, 119-127; data of their paper of 1975): batting averages of 18
# players after 45 times at bat, and for the rest of the season 1970.
BASEBALL = pd.read_csv(
    StringIO(
        """unit,early,rest
Clemente,.400,.346
F. Robinson,.378,.298
F. Howard,.356,.276
Johnstone,.333,.222
Berry,.311,.273
Spencer,.311,.270
Kessinger,.289,.263
Alvarado,.267,.210
Santo,.244,.269
Swoboda,.244,.230
Unser,.222,.264
Williams,.222,.256
Scott,.222,.303
Petrocelli,.222,.264
Rodriguez,.222,.226
Campaneris,.200,.285
Munson,.178,.316
Alvis,.156,.200
"""
    )
)


def test_efron_and_morris_baseball():
    mean = BASEBALL["early"].mean()
    se = np.full(18, np.sqrt(mean * (1 - mean) / 45))
    found = ranking.shrink(BASEBALL["early"].to_numpy(), se)
    assert found.prior[0] == pytest.approx(0.265, abs=5e-4)
    assert 1 - found.shrinkage[0] == pytest.approx(0.212, abs=5e-4)
    # printed rule: .265 + .212 (y - .265); rounding of both can move it by .788 x .0005 + .0005 x .135
    assert found.mean == pytest.approx(0.265 + 0.212 * (BASEBALL["early"].to_numpy() - 0.265), abs=4.7e-4)
    # they report that the total squared error falls by a factor of 3.5
    errors = [((guess - BASEBALL["rest"]) ** 2).sum() for guess in (BASEBALL["early"], found.mean)]
    assert errors[0] / errors[1] == pytest.approx(3.5, abs=0.05)


# Trials of the BCG vaccine (Colditz et al. 1994): log risk ratio, its variance, latitude. Fits by restricted
# maximum likelihood as printed in metafor's documentation (Viechtbauer 2010, Journal of Statistical Software 36).
BCG = np.array(
    [
        (-0.8893, 0.3256, 44), (-1.5854, 0.1946, 55), (-1.3481, 0.4154, 42), (-1.4416, 0.0200, 52),
        (-0.2175, 0.0512, 13), (-0.7861, 0.0069, 44), (-1.6209, 0.2230, 19), (0.0120, 0.0040, 13),
        (-0.4694, 0.0564, 27), (-1.3713, 0.0730, 42), (-0.3394, 0.0124, 18), (0.4459, 0.5325, 33),
        (-0.0173, 0.0714, 33),
    ]
)  # fmt: skip


def test_restricted_likelihood_agrees_with_metafor():
    found = ranking.shrink(BCG[:, 0], np.sqrt(BCG[:, 1]))
    assert found.variance == pytest.approx(0.3132, abs=2e-4)
    assert found.prior[0] == pytest.approx(-0.7145, abs=2e-4)


def test_a_covariate_agrees_with_metafor():
    table = effects(BCG[:, 0], np.sqrt(BCG[:, 1])).assign(latitude=BCG[:, 2])
    result = ranking.rank(table, by="effect", covariates=["latitude"])
    assert result.prior_sd**2 == pytest.approx(0.0764, abs=2e-4)
    assert result.coefficients["latitude"] == pytest.approx(-0.0291, abs=1e-4)
    at_zero = result.coefficients["average"] - result.coefficients["latitude"] * BCG[:, 2].mean()
    assert at_zero == pytest.approx(0.2515, abs=2e-3)


def test_benjamini_and_hochberg_1995():
    # their example of 15 comparisons: at 5 % the first four are rejected
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    assert (ranking.q_values(np.array(p)) <= 0.05).sum() == 4
    # four p-values above 0.5 of 15: share of nulls (1 + 4) / (0.5 x 15) = 2/3
    assert ranking.q_values(np.array(p), rule="storey") == pytest.approx(ranking.q_values(np.array(p)) * 2 / 3)


@pytest.mark.parametrize(("rule", "method"), [("bh", "fdr_bh"), ("by", "fdr_by")])
def test_q_values_agree_with_statsmodels(rule, method):
    p = np.random.default_rng(2).random(300) ** 2
    assert ranking.q_values(p, rule=rule) == pytest.approx(multipletests(p, method=method)[1], abs=1e-12)


# --- laws ---------------------------------------------------------------------------------------


def test_the_currency_scales_effects_and_leaves_ranks_alone():
    table, _ = merchants(0, 400)
    money = ["observed", "counterfactual", "effect", "se"]
    here, there = (ranking.rank(t, by="effect").table for t in (table, table.assign(**(table[money] * 7.1))))
    for name in ("estimate", "shrunk", "low", "high"):
        assert there[name].to_numpy() == pytest.approx(here[name].to_numpy() * 7.1, rel=1e-6)
    pd.testing.assert_frame_equal(
        here.drop(columns=["estimate", "shrunk", "low", "high"]),
        there.drop(columns=["estimate", "shrunk", "low", "high"]), rtol=1e-5, atol=1e-6,
    )  # fmt: skip
    a, b = (ranking.rank(t).table for t in (table, table.assign(**(table[money] * 7.1))))
    pd.testing.assert_frame_equal(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n", [300, 1500])
def test_the_order_of_the_rows_changes_nothing(n):
    table, _ = merchants(1, n)
    a = ranking.rank(table).table.set_index("unit")
    b = ranking.rank(table.sample(frac=1, random_state=4)).table.set_index("unit").loc[a.index]
    exact = [c for c in a if n > 1000 or c not in ("expected_rank", "rank_low", "rank_high", "top_chance")]
    pd.testing.assert_frame_equal(a[exact], b[exact], rtol=1e-8)


@pytest.mark.parametrize("n", [300, 1500])
def test_ranks_and_chances_add_up(n):
    ranked = ranking.rank(merchants(2, n)[0]).table
    assert ranked["expected_rank"].mean() == pytest.approx((n + 1) / 2, rel=1e-3)
    assert ranked["top_chance"].sum() == pytest.approx(n / 10, rel=2e-3)
    assert (ranked["rank_low"] <= ranked["expected_rank"]).all()
    assert (ranked["expected_rank"] <= ranked["rank_high"]).all()
    assert ranked["shrunk_rank"].is_monotonic_increasing


def test_the_same_seed_gives_the_same_ranks():
    table = merchants(3, 200)[0]
    pd.testing.assert_frame_equal(ranking.rank(table, seed=5).table, ranking.rank(table, seed=5).table)


def test_ranks_of_many_agree_with_joint_draws(monkeypatch):
    table = merchants(4, 1500)[0]
    fast = ranking.rank(table).table
    monkeypatch.setattr(ranking, "EXACT_UNITS", 2000)
    drawn = ranking.rank(table, draws=4000).table
    # ranks have standard deviations of up to 430: Monte Carlo error 430 / sqrt(4000) = 7, four of which are 27
    assert fast["expected_rank"].to_numpy() == pytest.approx(drawn["expected_rank"].to_numpy(), abs=27)
    assert np.abs(fast["expected_rank"] - drawn["expected_rank"]).mean() < 6
    assert fast["top_chance"].to_numpy() == pytest.approx(drawn["top_chance"].to_numpy(), abs=0.035)
    assert np.abs(fast["rank_low"] - drawn["rank_low"]).mean() < 15
    assert np.abs(fast["rank_high"] - drawn["rank_high"]).mean() < 15


def test_more_noise_shrinks_more():
    ranked = ranking.rank(merchants(5, 500)[0]).table.merge(merchants(5, 500)[0][["unit", "is_small"]])
    assert ranked.loc[ranked["is_small"], "shrinkage"].min() > ranked.loc[~ranked["is_small"], "shrinkage"].max()


# --- planted truth ------------------------------------------------------------------------------


def test_small_noisy_units_do_not_win():
    gains, ratios, small = [], [], []
    for seed in range(5):
        table, truth = merchants(seed)
        ranked = ranking.rank(table).table.set_index("unit").loc[table["unit"]]
        raw, shrunk = (np.argsort(ranked[c].to_numpy())[:10] for c in ("raw_rank", "shrunk_rank"))
        small.append((table["is_small"].to_numpy()[raw].mean(), table["is_small"].to_numpy()[shrunk].mean()))
        gains.append(truth[shrunk].mean() - truth[raw].mean())
        missed = [((np.log1p(ranked[c]).to_numpy() - truth) ** 2).mean() for c in ("estimate", "shrunk")]
        ratios.append(missed[0] / missed[1])
    assert np.mean(small, axis=0)[0] == 1  # every raw winner is a small one
    assert np.mean(small, axis=0)[1] < 0.2
    assert np.mean(gains) > 0.03
    # 0.8 x 0.16^2 against 0.8 x 0.16^2 x 0.04^2/(0.16^2 + 0.04^2) and the large ones: about 16
    assert min(ratios) > 10


def test_shrunken_intervals_and_rank_intervals_cover():
    held, ranks = [], []
    for seed in range(5):
        table, truth = merchants(seed)
        ranked = ranking.rank(table).table.set_index("unit").loc[table["unit"]]
        held.append(((np.log1p(ranked["low"]) <= truth) & (truth <= np.log1p(ranked["high"]))).mean())
        place = stats.rankdata(-truth)
        ranks.append(((ranked["rank_low"] <= place) & (place <= ranked["rank_high"])).mean())
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    assert np.mean(ranks) == pytest.approx(0.95, abs=0.02)


def test_top_chances_are_honest():
    table, truth = merchants(7, 4000)
    ranked = ranking.rank(table).table.set_index("unit").loc[table["unit"]]
    best = stats.rankdata(-truth) <= 400
    sure = ranked["top_chance"].to_numpy() > 0.6
    assert best[sure].mean() == pytest.approx(ranked["top_chance"][sure].mean(), abs=0.06)


def test_false_discoveries_stay_at_their_rate():
    rates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = np.where(rng.random(2000) < 0.2, 3.0, 0.0)
        result = ranking.rank(effects(truth + rng.standard_normal(2000), np.ones(2000)), by="effect", rate=0.1)
        frame = result.table.set_index("unit").loc[[f"shop_{i}" for i in range(2000)]]
        assert result.discoveries["by"] < result.discoveries["bh"] <= result.discoveries["storey"]
        rates.append([(truth[frame[f"q_{rule}"] <= 0.1] == 0).mean() for rule in ("bh", "storey")])
    # Benjamini-Hochberg holds 0.1 x 0.8, Storey's comes up to 0.1
    assert np.mean(rates, axis=0) == pytest.approx([0.08, 0.1], abs=0.015)


def test_heavy_tails_are_called_out():
    rng = np.random.default_rng(0)
    normal, heavy = rng.normal(0, 2, 2000), rng.standard_t(2.5, 2000) * 2
    checks = [
        next(c for c in ranking.rank(effects(t + rng.standard_normal(2000), np.ones(2000)), by="effect").checks
             if c.name == "heavy_tails")
        for t in (normal, heavy)
    ]  # fmt: skip
    assert [check.passed for check in checks] == [True, False]
    assert "the shrunken values of the most extreme are too cautious" in checks[1].text


# --- what is left out, and errors ---------------------------------------------------------------


def test_units_without_an_estimate_are_counted_and_last():
    table = merchants(8, 30)[0]
    table.loc[3, "observed"], table.loc[5, "se"], table.loc[6, "counterfactual"] = 0.0, 0.0, np.nan
    result = ranking.rank(table)
    assert result.table["unit"].to_list()[-3:] == ["shop_0003", "shop_0005", "shop_0006"]
    assert result.table["shrunk_rank"].isna().sum() == 3
    check = result.checks[0]
    assert (check.name, check.passed, check.value) == ("left_out", False, 3)
    assert "3 of 30 units have no estimate with a standard error above 0, the first is shop_0003" in check.text


FOUR = effects([1, 2, 3, 5], [1, 1, 1, 1])


@pytest.mark.parametrize(
    ("table", "settings", "error", "match"),
    [
        (FOUR, {"by": "relativ"}, UnknownNameError, "unknown by 'relativ'; did you mean relative"),
        (FOUR, {"by": "relative"}, PanelError, "missing: observed, counterfactual"),
        (FOUR.assign(unit="a"), {}, PanelError, "unit a has more than one row"),
        (FOUR.assign(se=[1, -2, 1, 1]), {}, PanelError, r"se must be 0 or more, got -2 \(shop_1\)"),
        (FOUR.iloc[:3], {}, HelpersError, r"need 4\+ units .* got 3 of 3"),
        (FOUR.assign(x=1.0), {"covariates": ["x"]}, HelpersError, r"need 5\+ units"),
        (FOUR, {"level": 1.0}, HelpersError, "level must lie between 0 and 1, got 1.0"),
        (FOUR, {"top_share": 10}, HelpersError, "top_share must lie between 0 and 1, got 10"),
        (FOUR, {"rate": 0}, HelpersError, "rate must lie between 0 and 1, got 0"),
    ],
)
def test_bad_tables_and_settings_are_refused(table, settings, error, match):
    with pytest.raises(error, match=match):
        ranking.rank(table, **{"by": "effect", **settings})


def test_bad_covariates_are_refused():
    table = effects(np.arange(8.0), np.ones(8))
    with pytest.raises(PanelError, match="covariates x: one is the same for every unit"):
        ranking.rank(table.assign(x=3.0), by="effect", covariates=["x"])
    with pytest.raises(PanelError, match="covariates x, y: one is the same for every unit or repeats the others"):
        ranking.rank(table.assign(x=np.arange(8), y=np.arange(8) * 2), by="effect", covariates=["x", "y"])
    with pytest.raises(PanelError, match="covariate x is empty or not finite for shop_2"):
        ranking.rank(table.assign(x=[0, 1, np.nan, 3, 4, 5, 6, 7]), by="effect", covariates=["x"])


def test_bad_p_values_and_rules_are_refused():
    with pytest.raises(HelpersError, match="p-values must be one or more numbers from 0 to 1"):
        ranking.q_values(np.array([0.1, np.nan]))
    with pytest.raises(UnknownNameError, match="unknown rule 'holm'"):
        ranking.q_values(np.array([0.1]), rule="holm")
