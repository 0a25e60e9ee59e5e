"""Growth curves, ceilings, and the Bass model by its estimators."""

from __future__ import annotations

import re

import numpy as np
import pytest

from helpers import datasets
from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.market import Analogue, ceiling, fit_bass, fit_curve, increments_of, prior_of
from helpers.market.bass import adopted, shape_of

PUBLISHED = {  # Srinivasan and Mason (1986), as reproduced in the case bass_nls_durables
    "room_air_conditioners": (0.0094, 0.3748, 18713),
    "color_televisions": (0.0185, 0.6159, 39659),
    "clothes_dryers": (0.0136, 0.3267, 16497),
}
OTHERS = {  # p of the other estimators and the years from launch to the peak, measured for the same series
    "room_air_conditioners": (0.00790, 0.01699, 9.58),
    "color_televisions": (0.01391, 0.03569, 5.53),
    "clothes_dryers": (0.01161, 0.01961, 9.34),
}
RAT42 = np.array([[8.93, 9], [10.8, 14], [18.59, 21], [22.33, 28], [39.35, 42], [56.11, 57], [61.73, 63], [64.62, 70],
                  [67.08, 79]])  # fmt: skip


def adoptions(product):
    table = datasets.adoptions()
    return table[table["product"].eq(product)]["adoptions"].to_numpy() / 1000


def test_the_share_that_has_adopted_by_hand():
    # p = q: F(t) = (1 - e^-2pt) / (1 + e^-2pt) = tanh(p t)
    assert adopted(np.array([0.0, 1.0, 5.0]), 0.1, 0.1) == pytest.approx(np.tanh([0.0, 0.1, 0.5]))


@pytest.mark.parametrize("product", PUBLISHED)
def test_published_estimates_of_classic_durables(product):
    found = fit_bass(adoptions(product))
    p, q, m = PUBLISHED[product]
    assert found.estimator == "nls_increments"
    assert (found.p, found.q) == pytest.approx((p, q), abs=5e-5)
    assert found.m == pytest.approx(m, abs=1)
    assert found.peak == pytest.approx(OTHERS[product][2], abs=0.01)


@pytest.mark.parametrize("product", OTHERS)
def test_other_estimators_give_another_p(product):
    assert fit_bass(adoptions(product), estimator="nls_density").p == pytest.approx(OTHERS[product][0], abs=1e-5)
    assert fit_bass(adoptions(product), estimator="ols_1969").p == pytest.approx(OTHERS[product][1], abs=1e-5)


def test_the_table_of_analogues_is_what_its_estimator_gives():
    for row in datasets.analogues().itertuples():
        found = fit_bass(1000 * adoptions(row.product), estimator=row.estimator)
        assert (found.p, found.q) == pytest.approx((row.p, row.q), abs=5e-5)
        assert found.m == pytest.approx(row.m, rel=1e-4)


def test_published_logistic_fit_of_ratkowsky():
    # NIST StRD Rat42: y = b1 / (1 + exp(b2 - b3 x))
    found = fit_curve(RAT42[:, 1], RAT42[:, 0])
    assert list(found.parameters.values()) == pytest.approx([72.462237576, 2.6180768402, 0.067359200066], rel=1e-6)
    assert list(found.standard_errors.values()) == pytest.approx(
        [1.7340283401, 0.088295217536, 0.0034465663377], rel=1e-4
    )
    assert found.rss == pytest.approx(8.0565229338, rel=1e-6)
    assert found.residual_sd == pytest.approx(1.1587725499, rel=1e-6)


@pytest.mark.parametrize("curve", ["logistic", "gompertz", "richards"])
def test_a_planted_curve_is_found_again(curve):
    x = np.arange(14.0)
    z = np.exp(2.0 - 0.5 * x)
    y = {"logistic": 80 / (1 + z), "gompertz": 80 * np.exp(-z), "richards": 80 * (1 + 0.5 * z) ** (-2)}[curve]
    found = fit_curve(x, y, curve=curve, errors="log")
    assert found.parameters["ceiling"] == pytest.approx(80, rel=1e-4)
    assert found.parameters["rate"] == pytest.approx(0.5, rel=1e-3)
    assert found.predict(x) == pytest.approx(y, rel=1e-6)


def test_rescaling_scales_the_ceiling_and_nothing_else():
    one, other = (fit_curve(RAT42[:, 1], k * RAT42[:, 0]) for k in (1.0, 1e9))
    assert other.parameters["ceiling"] == pytest.approx(1e9 * one.parameters["ceiling"], rel=1e-6)
    assert other.parameters["rate"] == pytest.approx(one.parameters["rate"], rel=1e-6)


def test_a_planted_bass_series_is_found_again():
    n = 5e6 * shape_of("nls_increments", 12, 0.01, 0.45)
    found = fit_bass(n)
    assert (found.p, found.q, found.m) == pytest.approx((0.01, 0.45, 5e6), rel=1e-4)
    ahead = 5e6 * shape_of("nls_increments", 15, 0.01, 0.45)[12:]
    assert found.forecast(3) == pytest.approx(ahead, rel=1e-3)


def test_analogues_hold_back_a_ceiling_that_four_years_do_not_know():
    n = adoptions("room_air_conditioners")[:5]
    guides = [
        Analogue(product=r.product, p=r.p, q=r.q, estimator=r.estimator) for r in datasets.analogues().itertuples()
    ]
    prior = prior_of(guides, without="room_air_conditioners")
    assert set(prior.products) == {"color_televisions", "clothes_dryers"}
    with pytest.raises(NotEstimableError, match="the series has not bent yet"):
        fit_bass(n)
    held = fit_bass(n, prior=prior)
    assert n.sum() < held.m < 3 * 18_713  # 18,713 were adopted in the end
    assert abs(np.log(held.p) - prior.log_p) < 2 * prior.sd_p
    assert abs(np.log(held.q) - prior.log_q) < 2 * prior.sd_q


def test_both_curves_and_the_profile_decide_whether_a_ceiling_is_known():
    years = np.arange(16.0)
    bent = 100 / (1 + np.exp(3 - 0.6 * years)) * np.exp(0.01 * np.cos(5 * years))
    found = ceiling(bent)
    assert found.low < 100 < found.high
    assert set(found.by_curve) == {"logistic", "gompertz"}
    with pytest.raises(NotEstimableError, match="fits as well with any above"):
        ceiling(np.array([1.0, 2.1, 3.9, 8.2, 16.5, 31.0]))


def test_a_ceiling_is_planted_and_held_over_seeds():
    held = []
    for seed in range(30):
        noise = np.random.default_rng(seed).normal(0, 0.02, 15)
        y = 50 / (1 + np.exp(3 - 0.6 * np.arange(15.0))) * np.exp(noise)
        found = ceiling(y)
        held.append(found.low <= 50 <= found.high)
    assert np.mean(held) >= 0.85


def test_increments_of_a_running_total():
    assert increments_of(np.array([2.0, 5.0, 9.0])).tolist() == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: increments_of(np.array([2.0, 5.0, 4.0])), "never falls, got 5 and then 4 at place 3"),
        (lambda: fit_bass(np.array([1.0, 2.0, 3.0])), "needs 4 or more years, got 3"),
        (lambda: fit_bass(np.array([1.0, 0.0, 3.0, 4.0])), "adoptions are above 0 in every year"),
        (lambda: fit_bass(np.ones(5), estimator="mle"), "unknown Bass estimator 'mle'"),
        (lambda: fit_bass(2.0 ** np.arange(8)), "the series has not bent yet"),
        (lambda: fit_bass(np.array([5.0, 4.0, 6.0, 9.0, 14.0]), estimator="ols_1969"), "its regression has no ceiling"),
        (lambda: Analogue(product="tv", p=0.01, q=0.3, estimator="eye"), "unknown estimator of tv 'eye'"),
        (lambda: Analogue(product="tv", p=-0.01, q=0.3, estimator="nls_increments"), "tv needs p and q above 0"),
        (lambda: prior_of([Analogue(product="tv", p=0.03, q=0.3, estimator="ols_1969")] * 2),
         "tv was estimated by ols_1969, and its p and q do not hold for nls_increments"),
        (lambda: prior_of([Analogue(product="tv", p=0.03, q=0.3, estimator="nls_increments")]), "2 or more analogues"),
        (lambda: fit_curve([1, 2, 3], [1, 2, 3]), "has 3 parameters and needs more values, got 3"),
        (lambda: fit_curve([1, 2, 3, 4], [1, -2, 3, 4]), "takes values above 0, got -2 at 2"),
        (lambda: fit_curve([1, 2, 2, 4], [1, 2, 3, 4]), "times must rise"),
        (lambda: fit_curve([1, 2, 3, 4], [1, 2, 3, 4], curve="cubic"), "unknown growth curve 'cubic'"),
        (lambda: fit_curve([1, 2, 3, 4], [1, 2, 3, 4], errors="none"), "unknown kind of errors 'none'"),
        (lambda: fit_curve([1, 2, 3, 4], [1, 2, 3]), "come in pairs"),
        (lambda: ceiling(np.array([1.0, 2.0, 3.0])), "a ceiling needs 5 or more values, got 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(work, message):
    with pytest.raises(HelpersError, match=re.escape(message)):
        work()


def test_a_prior_of_another_estimator_is_refused():
    prior = prior_of([Analogue(product=n, p=0.03, q=0.3, estimator="ols_1969") for n in "ab"], estimator="ols_1969")
    with pytest.raises(ParameterError, match="the prior comes from ols_1969"):
        fit_bass(np.array([1.0, 2, 3, 4, 5]), prior=prior)
