"""Forecasts: the models, their record on rolling origins, the band and its coverage."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from helpers import datasets, ledger
from helpers.errors import HelpersError, NotEstimableError, ParameterError
from helpers.market import POOL_EVENTS, POOL_METRICS, Analogue, forecast, rolling, yearly_series
from helpers.market.models import KINDS, MODELS, predict
from helpers.market.series import after_launch, check_yearly


def yearly(values, first=2010, **more):
    return pd.DataFrame({"year": range(first, first + len(values)), "value": values} | more)


def grown(seed, size=10):
    """A simulated market: growth that dies out, with noise of 4 % a year."""
    rng = np.random.default_rng(seed)
    return yearly(np.exp(np.cumsum(0.35 * 0.8 ** np.arange(size) + rng.normal(0, 0.04, size))))


@pytest.fixture(scope="module")
def durables():
    """The classic durables of the project, as increments, and their published parameters."""
    series = {
        name: rows.rename(columns={"adoptions": "value"})[["year", "value"]].assign(kind="increments")
        for name, rows in datasets.adoptions().groupby("product")
    }
    guides = [
        Analogue(product=r.product, p=r.p, q=r.q, estimator=r.estimator) for r in datasets.analogues().itertuples()
    ]
    return series, guides


@pytest.fixture(scope="module")
def markets():
    """Yearly series of the ledger."""
    book = ledger.load()
    table = ledger.preferred(entity=list(book.entities.index), metric=list(POOL_METRICS)).table
    homes = book.entities["reporting_currency"].to_dict()
    return yearly_series(table, home=homes, events=POOL_EVENTS)


def test_simple_models_by_hand():
    values = np.exp([0.0, 0.2, 0.6, 0.8])
    assert predict("naive", values, 2) == pytest.approx([0.8, 0.8])
    # the last two steps are .4 and .2, half their mean .15, dying out by .8 a year
    assert predict("drift", values, 3) == pytest.approx([0.95, 1.07, 1.166])
    assert set(MODELS) >= {model for models in KINDS.values() for model in models}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_follows_the_scale_and_gives_numbers(model):
    values = np.array([3.0, 5.0, 8.0, 11.0, 13.0])
    one, other = predict(model, values, 4), predict(model, 1e9 * values, 4)
    assert np.isfinite(one).all()
    assert other - np.log(1e9) == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize("model", ["logistic", "gompertz", "richards"])
def test_a_curve_bends_where_the_series_bends(model):
    z = np.exp(2.0 - 0.6 * np.arange(9.0))
    values = {"logistic": 100 / (1 + z), "gompertz": 100 * np.exp(-z), "richards": 100 * (1 + 0.8 * z) ** (-1 / 0.8)}
    assert np.exp(predict(model, values[model], 6)[-1]) == pytest.approx(100, rel=0.12)


def test_bass_forecasts_fall_after_the_peak(durables):
    n = durables[0]["color_televisions"]["value"].to_numpy()
    ahead = np.exp(predict("bass", n, 3))
    assert (np.diff(ahead) < 0).all()
    assert ahead[0] < n.max()


def test_a_backtest_sees_nothing_after_its_origin():
    whole = yearly([5.0, 6, 8, 9, 11, 12, 14, 15])["value"].to_numpy()
    changed = np.concatenate([whole[:6], [1.0, 99.0]])
    one, other = (rolling.backtest(v, kind="level", name="x") for v in (whole, changed))
    columns = [*KINDS["level"], "naive", "scale"]
    early = one["known"].le(6) & one["horizon"].le(2)
    assert early.any()
    assert one[early][columns].equals(other[early][columns])


def test_weights_by_hand_are_half_equal_half_inverse_to_squared_error():
    models = list(KINDS["level"])
    past = pd.DataFrame({"kind": "level", "horizon": 1, "actual": [0.0, 0.0]} | {m: [0.1, -0.1] for m in models})
    past["naive"] = 0.0
    past[models[0]] = [0.3, -0.3]
    share = rolling.weights(past, "level")
    floor = rolling.LEAST_ERROR**2
    inverse = np.array([1 / (0.09 + floor), *[1 / (0.01 + floor)] * 5])
    assert share.to_numpy() == pytest.approx(0.5 / 6 + 0.5 * inverse / inverse.sum())
    assert share.sum() == pytest.approx(1)


def test_the_band_is_the_score_of_the_rank_that_covers():
    # 19 scores .01 to .19 at one year: of 19 the ceil(20 * .9) = 18th is .18
    models = list(KINDS["level"])
    past = pd.DataFrame({"kind": "level", "horizon": 1, "actual": np.arange(1, 20) / 100, "scale": 1.0})
    past[models] = 0.0
    shares = {"level": pd.Series(1 / 6, index=models)}
    assert rolling.bands(past, shares, 0.9).to_dict() == {1: pytest.approx(0.18)}
    with pytest.raises(NotEstimableError, match="8 past forecasts are too few for a band of 90%"):
        rolling.bands(past.head(8), shares, 0.9)


def test_the_classic_durables_are_covered(durables):
    # rolling origins from 4 known years on; the Bass model with residual bootstrap covers 47, 32 and 38 % of these
    series, guides = durables
    found = forecast(series["clothes_dryers"], horizon=3, kind="increments", name="clothes_dryers", analogues=guides,
                     pool={n: s for n, s in series.items() if n != "clothes_dryers"})  # fmt: skip
    table = found.coverage.set_index("horizon")
    assert table.loc[[1, 2, 3], "n"].tolist() == [22, 19, 16]
    assert table.loc[[1, 2, 3], "coverage"].between(0.8, 0.97).all()


def test_the_series_of_the_ledger_are_covered(markets):
    name = "china_market:online_retail_sales"
    others = {n: s for n, s in markets.items() if n != name}
    found = forecast(markets[name], horizon=6, pool=others, name=name)
    table = found.coverage.set_index("horizon")
    assert (table.loc[[1, 2, 3], "n"] >= 10).all()
    assert table.loc[[1, 2, 3], "coverage"].between(0.8, 0.97).all()
    assert (table.loc[[1, 2, 3], "median_error"] < table.loc[[1, 2, 3], "naive_error"]).all()
    assert found.caption.startswith("90% band, measured on rolling origins of this and 11 other series")
    assert f"held {table.loc[1, 'coverage']:.0%} at 1 y (n = {table.loc[1, 'n']})" in found.caption
    assert found.ceiling.low < found.ceiling.value < found.ceiling.high


def test_both_kinds_may_judge_each_other(durables, markets):
    series, guides = durables
    found = forecast(series["clothes_dryers"], horizon=3, kind="increments", name="clothes_dryers", analogues=guides,
                     pool=markets | {n: s for n, s in series.items() if n != "clothes_dryers"})  # fmt: skip
    table = found.coverage.set_index("horizon")
    assert table.loc[[1, 2, 3], "coverage"].between(0.8, 0.97).all()
    assert found.own_coverage["n"].sum() > 0


def test_simulated_markets_are_covered_as_often_as_the_band_says():
    held = []
    for seed in range(8):
        pool = {f"s{i}": grown(100 * seed + i, 9) for i in range(1, 8)}
        truth = grown(100 * seed, 11)
        found = forecast(truth.head(8), horizon=3, pool=pool, name="simulated").table
        actual = truth["value"].to_numpy()[8:]
        held += list((found["low"].to_numpy() <= actual) & (actual <= found["high"].to_numpy()))
    assert 0.8 <= np.mean(held) <= 1.0  # 24 outcomes: two standard errors are 12 points


def test_bands_widen_with_the_horizon_and_say_where_they_extrapolate(markets):
    name = "kuaishou:gmv"
    found = forecast(markets[name], horizon=12, pool={n: s for n, s in markets.items() if n != name}, name=name)
    width = np.log(found.table["high"] / found.table["low"])
    assert (np.diff(width) >= -1e-12).all()
    assert found.table["is_beyond"].tolist() == sorted(found.table["is_beyond"])
    assert found.table["is_beyond"].any()
    assert found.history["year"].min() == 2020  # 2018 to 2020 tripled: a launch
    assert np.isfinite(found.table["value"]).all()


def test_the_distribution_of_a_year_is_its_band(markets):
    name = "kuaishou:revenue"
    found = forecast(markets[name], horizon=2, pool={n: s for n, s in markets.items() if n != name}, name=name)
    row, drawn = found.table.iloc[1], found.distribution(int(found.table["year"].iloc[1]))
    assert [float(drawn.quantile(p)) for p in (0.05, 0.5, 0.95)] == pytest.approx(
        [row["low"], row["value"], row["high"]]
    )
    with pytest.raises(ParameterError, match="is forecast for 2025 to 2026, not for 2030"):
        found.distribution(2030)


def test_rescaling_the_currency_scales_the_forecast(markets):
    name = "jd:revenue"
    pool = {n: s for n, s in markets.items() if n != name}
    one = forecast(markets[name], horizon=3, pool=pool, name="jd").table
    scaled = markets[name].assign(value=7 * markets[name]["value"])
    other = forecast(scaled, horizon=3, pool=pool, name="jd").table
    for column in ("value", "low", "high", "naive"):
        assert other[column].tolist() == pytest.approx((7 * one[column]).tolist(), rel=1e-4)


def test_a_running_total_is_forecast_through_its_increments(durables):
    series, guides = durables
    total = series["room_air_conditioners"].assign(value=lambda t: t["value"].cumsum())
    pool = {n: s for n, s in series.items() if n != "room_air_conditioners"}
    one = forecast(series["room_air_conditioners"], horizon=2, kind="increments", pool=pool, name="x", analogues=guides)
    other = forecast(total, horizon=2, kind="cumulative", pool=pool, name="x", analogues=guides)
    assert other.table.equals(one.table)


def test_a_series_that_does_not_bend_has_no_ceiling(markets):
    found = forecast(yearly([1.0, 2.1, 3.9, 8.2, 16.5, 31.0]), horizon=2, pool=markets, name="tea")
    assert found.ceiling is None
    assert "where tea would level off is not estimable" in found.ceiling_text
    assert {c.name: c.passed for c in found.checks}["tea: ceiling"] is None


def test_unsorted_years_are_sorted_and_launch_years_cut():
    rows = check_yearly(yearly([1.0, 2, 3, 4, 5]).sample(frac=1, random_state=1))
    assert rows["year"].tolist() == [2010, 2011, 2012, 2013, 2014]
    assert after_launch(yearly([1.0, 3.0, 4.0, 20.0, 22.0]))["value"].tolist() == [20.0, 22.0]


@pytest.mark.parametrize(
    ("series", "more", "message"),
    [
        (yearly([1.0, 2, 3, 4, 5]).drop(2), {}, "tea has a hole: 2012 missing between 2010 and 2014"),
        (yearly([1.0, 2, 3]), {}, "tea has 3 years, and 5 are needed"),
        (yearly([1.0, 2, 3, -4, 5]), {}, "tea is -4 in 2013, a size lies above 0"),
        (pd.concat([yearly([1.0, 2, 3, 4, 5])] * 2), {}, "tea has the year 2010 twice"),
        (yearly([1.0, 2, 3, 4, 5]).rename(columns={"value": "gmv"}), {}, "value is missing"),
        (yearly([1.0, 2, 3, 2.5, 5]), {"kind": "cumulative"}, "never falls, got 3 and then 2.5"),
        (yearly([1.0, 2, 8, 9, 10]), {}, "tea after its launch has 3 years"),
        (yearly([1.0, 2, 3, 4, 5]), {"horizon": 0}, "horizon must be a whole number of years from 1 to 12, got 0"),
        (yearly([1.0, 2, 3, 4, 5]), {"horizon": 2.5}, "horizon must be a whole number"),
        (yearly([1.0, 2, 3, 4, 5]), {"level": 0.99}, "level must lie between 0.5 and 0.95"),
        (yearly([1.0, 2, 3, 4, 5]), {"kind": "stock"}, "unknown kind of series 'stock'"),
        (yearly([1.0, 2, 3, 4, 5]), {"pool": {"tea": yearly([1.0, 2, 3, 4, 5])}}, "tea is in its own pool"),
        (yearly([1.0, 2, 3, 4, 5]), {"pool": {"rice": yearly([1.0, 2, 3])}}, "rice of the pool has 3 years"),
        (yearly([1.0, 2, 3, 4, 5]), {}, "past forecasts are too few for a band of 90%"),
    ],
)
def test_what_cannot_be_forecast_is_refused_by_name(series, more, message):
    with pytest.raises(HelpersError, match=re.escape(message)):
        forecast(series, **{"horizon": 2, "name": "tea"} | more)


def test_yearly_series_keep_the_longest_run_in_one_currency(markets):
    assert markets["china_market:online_retail_sales"]["year"].tolist() == list(range(2015, 2025))
    assert markets["bilibili:revenue"]["value"].min() > 5e9  # dollars of a vendor became yuan
    assert "china_market:physical_online_retail_sales" not in markets
    assert all(len(rows) >= 5 and (np.diff(rows["year"]) == 1).all() for rows in markets.values())
