"""Difference-in-differences: event study, staggered adoption, Bacon decomposition, selection."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DonorError, HelpersError, PanelError, UnknownNameError, WindowError
from helpers.uplift import EventWindow, compare, panel
from helpers.uplift import fixed_effects as fe
from helpers.uplift import parallel_trends as pt
from helpers.uplift.bacon import bacon
from helpers.uplift.event_study import coefficients, event_study, pre_trends, two_way
from helpers.uplift.selection import contamination, selection
from helpers.uplift.staggered import METHODS, staggered

DATA = Path(__file__).parent / "data"


def tidy(values: dict[str, list[float]], start: str = "2025-01-01") -> pd.DataFrame:
    """One row per unit and day; None is a day without a row."""
    rows = [
        (unit, day, value)
        for unit, series in values.items()
        for day, value in zip(pd.date_range(start, periods=len(series)), series, strict=True)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["unit", "date", "value"])


def as_day(year: float) -> pd.Timestamp | None:
    """Years as consecutive days; a year of 0 or none is never."""
    return None if np.isnan(year) or year == 0 else pd.Timestamp("2000-01-01") + pd.Timedelta(days=int(year) - 2000)


def yearly(name: str) -> tuple[pd.DataFrame, dict[str, pd.Timestamp | None]]:
    frame = pd.read_csv(DATA / f"{name}.csv", dtype={"unit": str})
    first = frame.drop_duplicates("unit").set_index("unit")["first"].map(as_day)
    return frame.assign(date=frame["year"].map(as_day)), {
        unit: day if day == day else None for unit, day in first.items()
    }


def by_name(checks) -> dict:
    return {check.name: check for check in checks}


# --- by hand ------------------------------------------------------------------------------------

SMALL = {"T": [10, 10, 10, 10, 16, 14], "A": [10, 10, 10, 10, 11, 9], "B": [20, 20, 20, 20, 23, 19]}
TWO_DAYS = EventWindow(event=("2025-01-05", "2025-01-06"))


def test_event_study_by_hand():
    # controls change by (1 + 3) / 2 = 2 and (-1 - 1) / 2 = -1 against their past, T by 6 and 4: effects 4 and 5.
    # Controls' spread around their mean change: -1, 1 on day one (variance 2), none on day two; times
    # 1 + 1/2: 3, so the total's half-width is t(0.975, 1) * sqrt(3) = 12.7062 * 1.7321 = 22.0078.
    result = event_study(tidy(SMALL), event=TWO_DAYS, treated=["T"], scale="level", cluster="controls")
    assert result.path["effect"].iloc[-2:].tolist() == pytest.approx([4, 5])
    assert (result.incremental, result.att) == pytest.approx((9, 4.5))
    assert result.incremental_high - result.incremental == pytest.approx(22.0078, abs=1e-4)
    assert result.relative_effect == pytest.approx(9 / 21)
    assert (result.method, result.unit) == ("event_study", "T")


def test_two_way_by_hand():
    # both days in one: T +5, A 0, B +1, so 5 - 0.5 = 4.5 a day
    result = two_way(tidy(SMALL), event=TWO_DAYS, treated=["T"], scale="level")
    assert result.path["effect"].iloc[-2:].tolist() == pytest.approx([4.5, 4.5])
    assert result.att == pytest.approx(4.5)


def test_logs_give_a_relative_effect_by_hand():
    # controls double (one from 10, one from 20), T goes from 10 to 30: 3 / 2 = 1.5 times what would have been, 20
    values = {"T": [10, 10, 10, 10, 30, 30], "A": [10, 10, 10, 10, 20, 20], "B": [20, 20, 20, 20, 40, 40]}
    result = event_study(tidy(values), event=TWO_DAYS, treated=["T"])
    assert result.path["counterfactual"].iloc[-2:].tolist() == pytest.approx([20, 20])
    assert result.relative_effect == pytest.approx(0.5)
    table = coefficients(tidy(values), event=TWO_DAYS, treated=["T"])
    assert table["coefficient"].tolist() == pytest.approx([np.log(1.5)] * 2)


def test_group_time_effect_by_hand():
    # A, B gain 3 and 1 on day three (mean 2), the controls 1 and 0 (mean 0.5): ATT 1.5.
    # Influence: (1, -1) / 2 and (0.5, -0.5) / 2; squares 0.25 + 0.25 + 0.0625 + 0.0625 = 0.625
    values = {"A": [1, 1, 4], "B": [3, 3, 4], "N": [1, 1, 2], "M": [5, 5, 5]}
    result = staggered(tidy(values), first_treated={"A": "2025-01-03", "B": "2025-01-03"}, scale="level")
    row = result.group_time[result.group_time["event_time"] == 0].iloc[0]
    assert (row["att"], row["se"]) == pytest.approx((1.5, np.sqrt(0.625)))
    assert row["units"] == 2
    group = result.overall.set_index("average").loc["group"]
    assert (group["att"], group["se"]) == pytest.approx((1.5, np.sqrt(0.625)))
    # two units, one day: 3 in all; 8 seen, 5 would have been
    assert (result.result.incremental, result.result.relative_effect) == pytest.approx((3, 3 / 5))


def test_bacon_by_hand():
    # D = 3/4 for E, 1/4 for L; all groups of one unit. E and L against never: 3/4 * 1/4 = 0.1875 each;
    # early: (3/4 - 1/4) * 1/4 = 0.125; late: 1/4 * (3/4 - 1/4) = 0.125; together 0.625: 0.3, 0.3, 0.2, 0.2.
    # Estimates 2 and 1 against never, 2 early, 1 late: 0.6 + 0.3 + 0.4 + 0.2 = 1.5
    values = {"E": [0, 2, 2, 2], "L": [0, 0, 0, 1], "N": [0, 0, 0, 0]}
    result = bacon(tidy(values), first_treated={"E": "2025-01-02", "L": "2025-01-04", "N": None}, scale="level")
    table = result.table.set_index("type")
    assert table["weight"].tolist() == pytest.approx([0.6, 0.2, 0.2])
    assert table["average"].tolist() == pytest.approx([1.5, 2, 1])
    assert result.twfe == pytest.approx(1.5)
    assert by_name(result.checks)["forbidden_comparisons"].passed is False


def test_breakdown_by_hand():
    # one lead of 0.5, an effect of 2 with standard error 0.4: the bounds are 2 -+ M * 0.5, so zero is reached at
    # M = (2 - 1.96 * 0.4) / 0.5 = 2.432
    form = pt.surface(np.array([0.5, 2.0]), np.diag([0.01, 0.16]), leads=1, df=np.inf, level=0.95)
    (check,) = pt.honest(form, level=0.95)
    assert check.value == pytest.approx(2.432, abs=0.005)
    assert check.passed is True


def test_wald_by_hand():
    # (2, 1) with variances 1 and 0.5: 4 + 2 = 6; over 2 coefficients 3; chi2(2) beyond 6: exp(-3)
    assert pt.wald(np.array([2.0, 1.0]), np.diag([1.0, 0.5])) == pytest.approx((3, np.exp(-3)))
    # Hotelling with 9 degrees of freedom: 6 * (9 - 1) / (9 * 2) = 2.6667 on F(2, 8), (1 + 2.6667 / 4) ** -4 = 0.1296
    assert pt.wald(np.array([2.0, 1.0]), np.diag([1.0, 0.5]), df=9) == pytest.approx((8 / 3, 0.1296))
    assert np.isnan(pt.wald(np.zeros(2), np.zeros((2, 2)))[1])
    assert np.isnan(pt.wald(np.ones(2), np.eye(2), df=1)[1])


# --- published numbers and other packages ---------------------------------------------------------

# Callaway and Sant'Anna (2021), J. Econometrics 225; printed output of the R package did
MPDTA = {
    2004: {2004: -0.0105, 2005: -0.0704, 2006: -0.1373, 2007: -0.1008},
    2006: {2004: 0.0065, 2005: -0.0028, 2006: -0.0046, 2007: -0.0412},
    2007: {2004: 0.0305, 2005: -0.0027, 2006: -0.0311, 2007: -0.0261},
}


@pytest.fixture(scope="module")
def minimum_wage():
    return yearly("mpdta_callaway_santanna")


def test_minimum_wage_as_callaway_and_santanna_print_it(minimum_wage):
    frame, first = minimum_wage
    result = staggered(frame, first_treated=first, scale="level")
    cells = result.group_time.set_index(["group", "time"])["att"]
    expected = {(as_day(g), as_day(t)): att for g, row in MPDTA.items() for t, att in row.items()}
    assert cells.to_dict() == pytest.approx(expected, abs=1e-4)
    dynamic = result.dynamic.set_index("event_time")["att"].to_dict()
    printed = {-3: 0.0305, -2: -0.0006, -1: -0.0245, 0: -0.0199, 1: -0.0510, 2: -0.1373, 3: -0.1008}
    assert dynamic == pytest.approx(printed, abs=1e-4)
    overall = result.overall.set_index("average")
    assert overall["att"].to_dict() == pytest.approx({"simple": -0.04, "dynamic": -0.0772, "group": -0.031}, abs=1e-4)
    assert overall.loc["dynamic", "se"] == pytest.approx(0.0219, abs=0.003)
    assert overall.loc["group", "se"] == pytest.approx(0.0126, abs=0.003)
    assert result.pretest_p == pytest.approx(0.16812, abs=1e-3)
    assert by_name(result.checks)["pre_trends"].passed is True
    assert "Roth 2022" in by_name(result.checks)["pre_trends"].text


def test_the_influence_functions_give_the_librarys_standard_errors(minimum_wage):
    from helpers.uplift import group_time

    frame, first = minimum_wage
    data, y = panel(frame), panel(frame).values
    place = {day: at for at, day in enumerate(data.dates)}
    start = np.array([place.get(first[unit], len(data.dates)) for unit in data.units])
    for controls in ("never", "not_yet"):
        found = group_time.estimate("callaway_santanna", y, start, controls=controls, anticipation=0, level=0.95)
        own = [
            np.sqrt((group_time._cell(y, start, g, t, controls, 0) ** 2).sum())
            for g, t in zip(found.cells["group"], found.cells["time"], strict=True)
        ]
        assert found.cells["se"].tolist() == pytest.approx(own, rel=1e-8)


def test_never_treated_controls_give_one_answer_by_two_roads(minimum_wage):
    # Sun and Abraham equal Callaway and Sant'Anna after treatment where controls are never treated
    frame, first = minimum_wage
    one, other = (staggered(frame, first_treated=first, scale="level", method=m) for m in list(METHODS)[::2])
    paths = [r.dynamic[r.dynamic["event_time"] >= 0]["att"].tolist() for r in (one, other)]
    assert paths[0] == pytest.approx(paths[1], abs=1e-10)
    assert one.result.incremental == pytest.approx(other.result.incremental)


def test_imputation_is_what_is_left_of_untreated_effects(minimum_wage):
    import statsmodels.formula.api as smf

    frame, first = minimum_wage
    few = frame[frame["unit"].isin(sorted(first)[::6])]
    start = few["unit"].map(first)
    treated = start.notna() & (few["date"] >= start)
    result = staggered(few, first_treated={u: d for u, d in first.items() if u in set(few["unit"])}, scale="level",
                       method="imputation")  # fmt: skip
    left = few["value"] - smf.ols("value ~ unit + C(year)", few[~treated]).fit().predict(few)
    simple = result.overall.set_index("average").loc["simple"]
    assert simple["att"] == pytest.approx(left[treated].mean(), abs=1e-10)
    assert result.result.incremental == pytest.approx(left[treated].sum())
    # the total's interval is the library's own: mean -+ 1.96 se, times the unit-periods
    half = (result.result.incremental_high - result.result.incremental_low) / 2
    assert half == pytest.approx(stats.norm.ppf(0.975) * simple["se"] * treated.sum())


def test_castle_doctrine_as_bacondecomp_prints_it():
    # Cheng and Hoekstra (2013); vignette of the R package bacondecomp 0.1.1
    frame, first = yearly("castle_bacon")
    result = bacon(frame, first_treated=first, scale="level")
    assert result.twfe == pytest.approx(0.0818116, abs=1e-5)
    table = result.table.set_index("type")
    weights = {"Treated vs Untreated": 0.90834, "Earlier vs Later Treated": 0.05976, "Later vs Earlier Treated": 0.0319}
    averages = {
        "Treated vs Untreated": 0.08796,
        "Earlier vs Later Treated": -0.00554,
        "Later vs Earlier Treated": 0.07032,
    }
    assert table["weight"].to_dict() == pytest.approx(weights, abs=1e-4)
    assert table["average"].to_dict() == pytest.approx(averages, abs=1e-4)
    assert by_name(result.checks)["forbidden_comparisons"].passed is True


def test_organ_donations_as_printed():
    # Kessler and Roth (2014); Huntington-Klein, The Effect, chapter 18: -0.022 (0.006)
    frame = pd.read_csv(DATA / "organ_donations_did.csv")
    quarter = frame["quarter"].str[2:] + frame["quarter"].str[:2]
    data = panel(frame.assign(date=pd.PeriodIndex(quarter, freq="Q").start_time), freq="QS")
    event = EventWindow(event=("2011-07-01", "2012-03-31"))
    result = two_way(data, event=event, treated=["California"], scale="level", min_pre=1)
    assert result.att == pytest.approx(-0.022, abs=0.0005)
    half = (result.incremental_high - result.incremental_low) / 2 / 3
    assert half / stats.t.ppf(0.975, len(data.units) - 1) == pytest.approx(0.006, abs=0.0008)
    # one treated cluster: the printed error is too small, and the result says so
    assert by_name(result.checks)["treated_clusters"].passed is False
    assert "rests on 1 treated unit(s) and is too narrow" in result.text
    assert by_name(result.checks)["selection"].passed is None
    assert "need 8+ periods before the window to describe the units, got 3" in by_name(result.checks)["selection"].text
    honest = two_way(data, event=event, treated=["California"], scale="level", min_pre=1, cluster="controls")
    assert honest.verdict == "not distinguishable from zero"


def test_orange_juice_promotion_as_printed():
    # Taddy (2019), Business Data Science, table 2.1. The rows that share brand, price and feature are one row
    # here with their mean and count: weighted least squares gives the same coefficients.
    import statsmodels.formula.api as smf

    frame = pd.read_csv(DATA / "dominicks_oj_promo.csv").assign(log_price=lambda f: np.log(f["price"]))
    assert frame["rows"].sum() == 28947
    common = smf.wls("log_sales ~ brand + log_price", frame, weights=frame["rows"]).fit()
    assert common.params["log_price"] == pytest.approx(-3.139, abs=0.001)
    for feat, printed in ((0, (-2.8, -2.0, -2.0)), (1, (-3.2, -3.6, -3.5))):
        for brand, elasticity in zip(("dominicks", "minute.maid", "tropicana"), printed, strict=True):
            cell = frame[(frame["brand"] == brand) & (frame["feat"] == feat)]
            fitted = smf.wls("log_sales ~ log_price", cell, weights=cell["rows"]).fit()
            assert fitted.params["log_price"] == pytest.approx(elasticity, abs=0.06)


def walk(seed: int, units: int = 14, days: int = 30) -> pd.DataFrame:
    """Random walks, positive; simulated."""
    rng = np.random.default_rng(seed)
    y = np.exp(5 + rng.normal(size=(units, 1)) + 0.1 * rng.normal(size=(units, days)).cumsum(axis=1))
    return tidy({f"u{i}": list(row) for i, row in enumerate(y)})


def log_gap(frame: pd.DataFrame, treated: list[str]) -> pd.Series:
    """Mean log of the treated less that of the others, by day."""
    logs = frame.assign(y=np.log(frame["value"]))
    side = frame["unit"].isin(treated)
    return logs[side].groupby("date")["y"].mean() - logs[~side].groupby("date")["y"].mean()


FIVE_DAYS = EventWindow(pre_dip=("2025-01-21", "2025-01-22"), event=("2025-01-23", "2025-01-25"))


@pytest.mark.parametrize("gaps", [0, 25])
def test_coefficients_and_errors_equal_pyfixest(gaps):
    import pyfixest as pf

    frame = walk(3)
    frame = frame.drop(np.random.default_rng(1).choice(len(frame), gaps, replace=False))
    treated = ["u0", "u1", "u2", "u3", "u4"]
    table = coefficients(frame, event=FIVE_DAYS, treated=treated)
    used = frame[frame["date"] <= "2025-01-25"].assign(y=lambda f: np.log(f["value"]))
    names = []
    for k, day in enumerate(pd.date_range("2025-01-21", periods=5)):
        names.append(f"b{k}")
        used[names[-1]] = ((used["date"] == day) & used["unit"].isin(treated)).astype(float)
    model = pf.feols(f"y ~ {' + '.join(names)} | unit + date", used, vcov={"CRV1": "unit"})
    assert table["coefficient"].tolist() == pytest.approx(model.coef()[names].tolist(), abs=1e-8)
    assert table["se"].tolist() == pytest.approx(model.se()[names].tolist(), abs=1e-8)
    assert table["low"].tolist() == pytest.approx(model.confint().loc[names, "2.5%"].tolist(), abs=1e-8)


def test_joint_covariance_equals_pyfixest():
    # the total of the window rests on it
    rng = np.random.default_rng(0)
    y, treated, bins = (
        rng.normal(size=(12, 15)).cumsum(axis=1),
        np.arange(12) < 4,
        np.r_[np.zeros(10, int), 1, 2, 2, -1, 3],
    )
    own, other = fe.fit(y, treated=treated, bins=bins), fe._fit_unbalanced(y, treated, bins, "unit")
    assert own.covariance == pytest.approx(other.covariance, abs=1e-8)
    assert own.gap == pytest.approx(other.gap, abs=1e-8, nan_ok=True)


def test_two_way_error_equals_pyfixest_where_dates_differ():
    import pyfixest as pf

    frame, first = yearly("castle_bacon")
    result = bacon(frame, first_treated=first, scale="level")
    start = frame["unit"].map(first)
    frame["under"] = (start.notna() & (frame["date"] >= start)).astype(float)
    model = pf.feols("value ~ under | unit + year", frame, vcov={"CRV1": "unit"})
    assert (result.twfe, result.se) == pytest.approx((model.coef()["under"], model.se()["under"]), abs=1e-8)


def test_bacon_equals_the_library_without_always_treated():
    import diff_diff as dd

    frame = walk(5, units=12, days=16)
    first = {"u0": "2025-01-04", "u1": "2025-01-04", "u2": "2025-01-09", "u3": "2025-01-12"}
    start = frame["unit"].map(first)
    table = pd.DataFrame({"y": np.log(frame["value"]), "unit": frame["unit"], "time": frame["date"].dt.day,
                          "first": pd.to_datetime(start).dt.day.fillna(0).astype(int)})  # fmt: skip
    other = dd.BaconDecomposition().fit(table, outcome="y", unit="unit", time="time", first_treat="first")
    own = bacon(frame, first_treated=first).table.set_index("type")
    assert own["weight"].tolist() == pytest.approx(
        [other.weight_by_type()[k] for k in ("treated_vs_never", "earlier_vs_later", "later_vs_earlier")], abs=1e-10
    )


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["log", "level"])
def test_the_currency_scales_money_and_leaves_shares_alone(scale):
    frame, treated = walk(7), ["u0", "u1", "u2"]
    one = event_study(frame, event=FIVE_DAYS, treated=treated, scale=scale)
    other = event_study(frame.assign(value=frame["value"] * 7.1), event=FIVE_DAYS, treated=treated, scale=scale)
    for name in ("incremental", "incremental_low", "incremental_high", "event_effect", "pull_forward"):
        assert getattr(other, name) == pytest.approx(7.1 * getattr(one, name))
    assert (other.relative_effect, other.relative_low) == pytest.approx((one.relative_effect, one.relative_low))


def test_the_order_of_rows_changes_nothing():
    frame, treated = walk(8), ["u2", "u5", "u9"]
    one = event_study(frame, event=FIVE_DAYS, treated=treated)
    other = event_study(frame.sample(frac=1, random_state=0), event=FIVE_DAYS, treated=treated[::-1])
    assert (one.incremental, one.incremental_low) == pytest.approx((other.incremental, other.incremental_low))


def test_parts_sum_to_the_total():
    result = event_study(walk(9), event=FIVE_DAYS, treated=["u0", "u1"])
    assert result.parts["effect"].iloc[:-1].sum() == pytest.approx(result.incremental)
    assert result.event_effect - result.pull_forward == pytest.approx(result.incremental)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_bacon_weights_sum_to_one_and_give_the_estimate(seed):
    # with units that are treated from the first day on, which stand as a type of their own
    first = {"u0": "2025-01-01", "u1": "2025-01-01", "u2": "2025-01-08", "u3": "2025-01-12", "u4": "2025-01-20"}
    result = bacon(walk(seed), first_treated=first)
    assert result.table["weight"].sum() == pytest.approx(1)
    assert (result.table["weight"] * result.table["average"]).sum() == pytest.approx(result.twfe)
    assert (result.comparisons["weight"] * result.comparisons["estimate"]).sum() == pytest.approx(result.twfe)
    assert "Later vs Always Treated" in set(result.table["type"])
    assert by_name(result.checks)["always_treated"].value == 2


def test_staggered_on_one_date_is_the_event_study_against_the_eve():
    # one cohort, never-treated controls: ATT(g, t) is the two-by-two of day t against the day before g
    frame, treated = walk(11), ["u0", "u1", "u2"]
    result = staggered(frame, first_treated=dict.fromkeys(treated, "2025-01-21"))
    gap = log_gap(frame, treated)
    after = result.group_time[result.group_time["event_time"] >= 0]
    assert after["att"].tolist() == pytest.approx((gap["2025-01-21":] - gap["2025-01-20"]).tolist())
    row = compare([result.result, event_study(frame, event=FIVE_DAYS, treated=treated)])
    assert row["method"].tolist() == ["callaway_santanna", "event_study"]


def test_anticipation_moves_the_base_back_and_is_accounted_before_the_event():
    frame, treated = walk(12), ["u0", "u1", "u2"]
    result = staggered(frame, first_treated=dict.fromkeys(treated, "2025-01-21"), anticipation=2)
    gap = log_gap(frame, treated)
    start = result.group_time.set_index("event_time").loc[0]
    assert start["att"] == pytest.approx(gap["2025-01-21"] - gap["2025-01-18"])
    assert result.result.parts["phase"].tolist() == ["pre_dip", "event", "total"]
    assert result.result.parts["days"].tolist() == [2, 10, 12]


@pytest.mark.parametrize(
    "given", ["2025-03-15", pd.Timestamp("2025-03-01"), pd.Period("2025-03"), np.datetime64("2025-03-31")]
)
def test_months_and_every_kind_of_date(given):
    values = {"A": [1.0, 1, 4, 5], "N": [1.0, 2, 2, 1], "M": [5.0, 5, 6, 6]}
    months = pd.date_range("2025-01-01", periods=4, freq="MS")
    frame = pd.concat([pd.DataFrame({"unit": u, "date": months, "value": v}) for u, v in values.items()])
    result = staggered(panel(frame, freq="MS"), first_treated={"A": given}, scale="level").result
    # A gains 3, 4 on February; the controls 0, -1 and 1, 1: on average 0.5 and 0
    assert result.path.loc[result.path["phase"] == "event", "effect"].tolist() == pytest.approx([2.5, 4])
    assert result.path["date"].iloc[-2:].tolist() == list(months[2:])
    assert (result.window.first, result.window.last) == (pd.Timestamp("2025-03-01"), pd.Timestamp("2025-04-30 23:59"))


def test_what_is_left_out_is_counted():
    frame = walk(13)
    frame = frame[~((frame["unit"] == "u7") & (frame["date"] == "2025-01-09"))]
    first = {"u0": "2025-01-21", "u1": "2025-01-01", "u2": "2025-06-01", "u3": pd.NaT}
    checks = by_name(staggered(frame, first_treated=first, drop_incomplete=True).checks)
    assert checks["incomplete_units"].text == "1 of 14 units lack a value and are left out: u7"
    assert "1 unit(s) are under treatment from the first period on: u1" in checks["always_treated"].text
    assert "u2" in checks["treated_after_data"].text
    dropped = event_study(frame, event=FIVE_DAYS, treated=["u0"], drop_incomplete=True, cluster="controls")
    kept = event_study(frame[frame["unit"] != "u7"], event=FIVE_DAYS, treated=["u0"], cluster="controls")
    assert dropped.incremental == pytest.approx(kept.incremental)
    assert by_name(dropped.checks)["incomplete_units"].value == 1


def test_a_past_event_is_no_part_of_the_reference():
    frame, treated = walk(14), ["u0", "u1", "u2"]
    past = EventWindow(event=("2025-01-05", "2025-01-06"), name="last one")
    jump = frame["unit"].isin(treated) & frame["date"].between("2025-01-05", "2025-01-06")
    one = event_study(frame, event=FIVE_DAYS, treated=treated, past=[past])
    other = event_study(frame.assign(value=frame["value"].where(~jump, frame["value"] * 5)), event=FIVE_DAYS,
                        treated=treated, past=[past])  # fmt: skip
    assert other.incremental == pytest.approx(one.incremental)
    assert by_name(other.checks)["masked_events"].value == 2


def test_an_event_that_the_data_cut_off_is_said_to_be_partial():
    window = EventWindow(event=("2025-01-23", "2025-02-05"))
    result = event_study(walk(15), event=window, treated=["u0", "u1"], min_pre=1)
    check = by_name(result.checks)["partial_event"]
    assert check.passed is False
    assert "the data on 2025-01-30: only a part" in check.text
    assert result.parts["days"].iloc[-1] == 8


# --- planted truth --------------------------------------------------------------------------------

WINDOW = EventWindow.around("2025-01-21", "2025-01-23", dip_days=10, after_days=11)
UNITS, DAYS, TREATED = 200, 400, 40
NAMES = [f"m{i:03d}" for i in range(UNITS)]


def ar1(rng: np.random.Generator, rho: float, sd: float, rows: int) -> np.ndarray:
    from scipy.signal import lfilter

    shocks = rng.normal(size=(rows, DAYS)) * sd * np.sqrt(1 - rho**2)
    shocks[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], shocks, axis=1)


def simulate(seed: int, *, selected: bool = False, event: bool = False) -> tuple[pd.DataFrame, float]:
    """Simulated panel, log GMV = level + trend + week + year + two factors x loadings + AR(1); and the true share.

    Selected: the treated load 0.3 more on both factors, have 1.4 times the seasons, grow 15 % a year faster.
    """
    rng, day = np.random.default_rng(seed), np.arange(DAYS)
    treated = np.arange(UNITS) < TREATED
    growth, loading, season = rng.normal(0.1, 0.05, UNITS), 1 + 0.15 * rng.normal(size=(UNITS, 2)), np.ones(UNITS)
    week = rng.normal(0, 0.08, 7) + rng.normal(0, 0.02, (UNITS, 7))
    year = 0.1 * (1 + 0.15 * rng.normal(size=(UNITS, 1))) * np.sin(2 * np.pi * day / 365.25 + 0.5)
    if selected:
        loading[treated] += 0.3
        season[treated] *= 1.4
        growth[treated] += 0.15
    factors = np.vstack([ar1(rng, 0.95, 0.05, 1), ar1(rng, 0.8, 0.05, 1)])
    y = rng.normal(10, 1, (UNITS, 1)) + growth[:, None] * day / 365.25 + loading @ factors + ar1(rng, 0.6, 0.06, UNITS)
    values = np.exp(y + season[:, None] * (week[:, day % 7] + year))
    dates = pd.date_range("2024-01-01", periods=DAYS)
    phase, without = WINDOW.phase_of(dates), values[:TREATED].copy()
    if event:
        lift = pd.Series(phase).map({"": 1.0, "pre_dip": 0.92, "event": 1.9, "after_effect": 0.9}).to_numpy()
        values[:TREATED] *= lift
    inside = phase != ""
    truth = float(values[:TREATED, inside].sum() / without[:, inside].sum() - 1)
    frame = pd.DataFrame({"unit": np.repeat(NAMES, DAYS), "date": np.tile(dates, UNITS), "value": values.ravel()})
    return frame, truth


def test_the_planted_effect_is_found_within_its_interval():
    held, errors = 0, []
    for seed in range(12):
        frame, truth = simulate(seed, event=True)
        result = event_study(frame, event=WINDOW, treated=NAMES[:TREATED])
        held += result.relative_low <= truth <= result.relative_high
        errors.append(result.relative_effect - truth)
        assert result.borrowed > 0
        assert result.pull_forward > 0
    assert held >= 10
    assert abs(np.mean(errors)) < 0.01


@pytest.fixture(scope="module")
def selected():
    return [simulate(seed, selected=True)[0] for seed in range(4)]


def test_selection_is_seen_and_would_have_warned(selected):
    off = []
    for frame in selected:
        result = selection(frame, event=WINDOW, treated=NAMES[:TREATED])
        checks = by_name(result.checks)
        assert checks["selection"].passed is False
        for trait in ("growth", "weekly_season", "annual_season", "loading"):
            assert checks[trait].passed is False, trait
        assert "parallel trends cannot be expected" in result.text
        study = event_study(frame, event=WINDOW, treated=NAMES[:TREATED])
        off.append(study.relative_effect)
        assert by_name(study.checks)["pre_trends"].passed is False
        assert by_name(study.checks)["selection"] == checks["selection"]
        assert result.text in study.text
        assert "Parallel trends before the event are rejected" in study.text
        biases = result.table.set_index("trait")["bias"]
        assert biases["growth"] == pytest.approx(0.15 * 200 / 365.25, abs=0.03)  # from the middle of the past
    assert np.mean(off) > 0.06  # nothing happened: all of it is bias


def test_a_panel_without_selection_passes():
    passed = [
        selection(simulate(seed)[0], event=WINDOW, treated=NAMES[:TREATED]).checks[0].passed is True
        for seed in range(20)
    ]
    assert sum(passed) >= 18


def test_a_short_past_cannot_see_the_annual_season():
    frame = simulate(0)[0]
    result = selection(frame[frame["date"] >= "2024-08-01"], event=WINDOW, treated=NAMES[:TREATED])
    check = by_name(result.checks)["annual_season"]
    assert check.passed is None
    assert "too short to see the annual season" in check.text
    assert "to decide: annual season" in result.text


def test_one_treated_unit_is_not_declared_like_the_controls():
    result = selection(simulate(1)[0], event=WINDOW, treated=NAMES[:1])
    checks = by_name(result.checks)
    assert {checks[trait].passed for trait in ("growth", "loading")} <= {None, False}
    assert checks["selection"].passed is not True


def test_a_control_that_joins_the_event_is_named():
    frame = simulate(2)[0]
    controls = NAMES[TREATED:]
    assert contamination(frame, event=WINDOW, controls=controls).passed is True
    joins = (frame["unit"] == "m077") & frame["date"].between("2025-01-21", "2025-01-23")
    check = contamination(frame.assign(value=frame["value"].where(~joins, frame["value"] * 1.7)), event=WINDOW,
                          controls=controls)  # fmt: skip
    assert check.passed is False
    assert "1 control(s) jump by themselves and may have joined the event: m077" in check.text


def test_the_pre_trend_test_keeps_its_size_with_few_treated_units():
    # simulated without selection: clustering by 12 treated units would reject in half of the samples
    p = [pre_trends(simulate(seed)[0], event=WINDOW, treated=NAMES[:count]).p for seed in range(8) for count in (3, 12)]
    assert sum(value < 0.05 for value in p) <= 3


def test_few_treated_units_get_the_spread_of_both_sides():
    # 3 treated and 2 controls, one day: changes 1, 2, 6 and 0, 2; squares around their means 14 and 2, over 2 + 1
    # degrees of freedom 16 / 3; times 1/3 + 1/2: 4.4444
    rise = {"A": 1, "B": 2, "C": 6, "M": 0, "N": 2}
    frame = tidy({unit: [10, 10, 10, 10, 10 + up] for unit, up in rise.items()})
    one_day = EventWindow(event=("2025-01-05", "2025-01-05"))
    table = coefficients(frame, event=one_day, treated=["A", "B", "C"], scale="level", cluster="pooled")
    assert table["coefficient"].item() == pytest.approx(2)
    assert table["se"].item() == pytest.approx(np.sqrt(40 / 9))
    assert table["high"].item() - 2 == pytest.approx(stats.t.ppf(0.975, 3) * np.sqrt(40 / 9))


def test_constant_series_are_compared_without_a_number():
    frame = walk(4, units=6, days=240).assign(value=3.0)
    late = EventWindow(event=("2025-08-20", "2025-08-22"))
    checks = by_name(selection(frame, event=late, treated=["u0"]).checks)
    assert checks["growth"].text.endswith("too few units to compare, or none of them varies")
    assert checks["selection"].passed is None
    assert contamination(frame, event=late, controls=["u1", "u2"]).value == 1
    assert event_study(frame, event=late, treated=["u0"]).incremental == pytest.approx(0)


def test_controls_that_all_jump_are_seen():
    frame = simulate(3)[0]
    joins = frame["date"].between("2025-01-21", "2025-01-23")
    check = contamination(frame.assign(value=frame["value"].where(~joins, frame["value"] * 1.6)), event=WINDOW,
                          controls=NAMES[TREATED:])  # fmt: skip
    assert check.passed is False
    assert check.value < 0.05
    short = frame[frame["date"] >= "2024-10-01"]
    assert contamination(short, event=WINDOW, controls=NAMES[TREATED:]).passed is None


@pytest.mark.parametrize("method", list(METHODS))
def test_staggered_finds_effects_that_grow_where_two_way_does_not(method):
    # simulated: +10 % at once and +4 % a week more; two-way fixed effects take early adopters as controls
    rng = np.random.default_rng(4)
    week, units = np.arange(24), 60
    first = np.repeat([8, 14, 24], 20)
    since = week - first[:, None]
    y = rng.normal(5, 1, (units, 1)) + 0.3 * np.sin(week / 3) + 0.02 * rng.normal(size=(units, 24))
    y += np.where(since >= 0, 0.1 + 0.04 * since, 0)
    dates = pd.date_range("2024-01-01", periods=24, freq="7D")
    names = [f"s{i}" for i in range(units)]
    frame = pd.DataFrame({"unit": np.repeat(names, 24), "date": np.tile(dates, units), "value": np.exp(y).ravel()})
    adopted = {name: dates[at] if at < 24 else None for name, at in zip(names, first, strict=True)}
    result = staggered(panel(frame, freq="W"), first_treated=adopted, method=method)
    path = result.dynamic[result.dynamic["event_time"] >= 0]
    assert path["att"].to_numpy() == pytest.approx(0.1 + 0.04 * path["event_time"].to_numpy(), abs=0.03)
    row = result.overall.set_index("average").loc["simple"]
    assert row["low"] < (0.1 + 0.04 * since[since >= 0]).mean() < row["high"]
    parts = bacon(panel(frame, freq="W"), first_treated=adopted)
    assert parts.twfe < row["low"]
    assert by_name(parts.checks)["forbidden_comparisons"].passed is False


def test_leads_are_blocks_of_whole_weeks_and_the_last_is_the_reference():
    trends = pre_trends(simulate(5)[0], event=WINDOW, treated=NAMES[:TREATED])
    assert trends.table["role"].tolist() == ["lead"] * 11 + ["reference", "window"]
    lengths = (trends.table["last_date"] - trends.table["first_date"]).dt.days + 1
    assert lengths.tolist() == [28] * 12 + [24]
    assert trends.p > 0.05
    assert "is found in half of the samples" in trends.checks[0].text


def test_the_drift_of_roth_is_found_half_of_the_time():
    # simulated leads with a known covariance and that drift: the F test rejects in about half of the draws
    rng, distance = np.random.default_rng(6), np.array([3.0, 2.0, 1.0])
    covariance = 0.01 * (np.eye(3) + 0.5)
    slope = pt.drift_found(covariance, distance, df=1e6)
    draws = rng.multivariate_normal(-slope * distance, covariance, size=4000)
    rejected = [pt.wald(draw, covariance, df=1e6)[1] < 0.05 for draw in draws]
    assert np.mean(rejected) == pytest.approx(0.5, abs=0.03)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"treated": list(SMALL)}, DonorError, "all 3 units are treated; use the everything-is-treated mode"),
        ({"controls": ["T", "A"]}, DonorError, "may not be its own control, got T on both sides"),
        ({"treated": []}, DonorError, r"need 1\+ treated units"),
        ({"treated": ["T", "T"]}, DonorError, "named once among the treated, got T twice"),
        ({"treated": "T"}, DonorError, "lists of units, got the text 'T'"),
        ({"controls": ["A"]}, DonorError, r"needs 2\+ controls, got 1"),
        ({"treated": ["X"]}, UnknownNameError, "unknown unit 'X'"),
        ({"scale": "logs"}, UnknownNameError, "unknown scale 'logs'"),
        ({"level": 95}, HelpersError, "level must lie between 0 and 1, such as 0.95, got 95"),
        ({"cluster": "row"}, UnknownNameError, "unknown cluster 'row'"),
        (
            {"event": EventWindow(event=("2025-03-01", "2025-03-02"))},
            WindowError,
            "lies outside the data, 2025-01-01 to",
        ),
        ({"event": EventWindow(event=("2025-01-01", "2025-01-02"))}, WindowError, "the pre-period must be at least"),
        ({"event": EventWindow(event=("2024-12-30", "2025-01-05"))}, WindowError, "the pre-period must be at least"),
        (
            {"event": EventWindow(event=("2025-01-04", "2025-01-06"))},
            WindowError,
            "twice as long as the window of 3 periods, got 3",
        ),
    ],
)
def test_errors_of_the_event_study(changes, error, match):
    arguments = {"event": TWO_DAYS, "treated": ["T"], "controls": None, **changes}
    with pytest.raises(error, match=match):
        event_study(tidy(SMALL), **arguments)


def test_values_that_have_no_logarithm_are_refused():
    frame = tidy({**SMALL, "A": [10, 0, 10, 10, -1, 9]})
    with pytest.raises(PanelError, match="2 unit-periods are not, the first is 0 of A on 2025-01-02"):
        event_study(frame, event=TWO_DAYS, treated=["T"])
    with pytest.raises(PanelError, match="logs need values above 0"):
        bacon(frame, first_treated={"T": "2025-01-05"})
    zero = walk(4, units=6, days=60).assign(value=lambda f: f["value"].where(f.index != 70, 0))
    late = EventWindow(event=("2025-02-20", "2025-02-22"))
    with pytest.raises(PanelError, match="the first is 0 of u1 on 2025-01-11"):
        selection(zero, event=late, treated=["u0"])
    with pytest.raises(PanelError, match="the first is 0 of u1 on 2025-01-11"):
        contamination(zero, event=late, controls=["u1", "u2"])


def test_a_day_that_one_side_has_not_seen_is_refused():
    frame = tidy({**SMALL, "A": [10, 10, 10, 10, 11, None], "B": [20, 20, 20, 20, 23, None]})
    with pytest.raises(PanelError, match="1 of 2 periods or bins of the window have no value on one of the sides"):
        event_study(frame, event=TWO_DAYS, treated=["T"], scale="level")


def test_an_unbalanced_panel_too_large_for_a_dense_design_is_refused(monkeypatch):
    monkeypatch.setattr(fe, "MAX_DESIGN_BYTES", 1e5)
    frame = walk(3).drop(index=[5, 50])
    with pytest.raises(HelpersError, match=r"needs a dense design of about .* set drop_incomplete=True"):
        event_study(frame, event=FIVE_DAYS, treated=["u0", "u1"])
    with pytest.raises(PanelError, match="needs a balanced panel"):
        event_study(frame, event=FIVE_DAYS, treated=["u0", "u1"], cluster="controls")


STARTS = {"u0": "2025-01-21", "u1": "2025-01-11"}


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"method": "did2s"}, UnknownNameError, "unknown method 'did2s'"),
        ({"controls": "all"}, UnknownNameError, "unknown controls 'all'"),
        ({"level": 95}, HelpersError, "level must lie between 0 and 1"),
        ({"anticipation": -1}, HelpersError, "whole number of periods, 0 or more, got -1"),
        ({"anticipation": 10}, DonorError, "leaves no period before it"),
        ({"first_treated": {"x": "2025-01-11"}}, UnknownNameError, "unknown unit 'x'"),
        ({"first_treated": {"u0": "soon"}}, HelpersError, "first_treated of u0: 'soon' is no day"),
        ({"first_treated": {"u0": np.int64(2025)}}, HelpersError, r"first_treated of u0: .*2025.* is no day"),
        ({"first_treated": {"u0": 2025}}, HelpersError, "first_treated of u0: 2025 is no day"),
        ({"first_treated": {"u0": "2025-01-01"}}, DonorError, "come under treatment after the first period"),
        ({"first_treated": {f"u{i}": f"2025-01-{11 + i}" for i in range(14)}}, DonorError, "all 14 units are treated"),
    ],
)
def test_errors_of_staggered(changes, error, match):
    with pytest.raises(error, match=match):
        staggered(walk(1), **{"first_treated": STARTS, **changes})


def test_where_all_adopt_later_ones_can_be_controls():
    first = {f"u{i}": "2025-01-11" if i < 7 else "2025-01-21" for i in range(14)}
    result = staggered(walk(1), first_treated=first, controls="not_yet")
    assert set(result.group_time.loc[result.group_time["event_time"] >= 0, "group"]) == {pd.Timestamp("2025-01-11")}


def test_missing_values_are_refused_by_name_and_count():
    frame = walk(2).drop(index=[5, 35, 36])
    with pytest.raises(PanelError, match=r"3 are missing in 2 units: u0, u1; set drop_incomplete=True"):
        staggered(frame, first_treated=STARTS)
    with pytest.raises(PanelError, match="a decomposition needs a value of every unit in every period"):
        bacon(frame, first_treated=STARTS)


def test_sun_abraham_on_many_days_is_refused_before_it_eats_the_memory(monkeypatch):
    from helpers.uplift import group_time

    monkeypatch.setattr(group_time, "MAX_DESIGN_BYTES", 1e5)
    with pytest.raises(HelpersError, match="sun_abraham needs a dense design of 420 rows and 58 columns"):
        staggered(walk(1), first_treated=STARTS, method="sun_abraham")


def test_bacon_needs_variation():
    with pytest.raises(DonorError, match="every unit is treated in the same periods"):
        bacon(tidy(SMALL), first_treated=dict.fromkeys(SMALL, "2025-01-05"), scale="level")


def test_errors_of_selection_and_contamination():
    frame = walk(4, units=6, days=60)
    late, early = EventWindow(event=("2025-02-20", "2025-02-22")), EventWindow(event=("2025-01-10", "2025-01-12"))
    with pytest.raises(DonorError, match=r"need 3\+ controls to see how they spread, got u1, u2"):
        selection(frame, event=late, treated=["u0"], controls=["u1", "u2"])
    with pytest.raises(WindowError, match=r"need 28\+ periods before the window to describe the units, got 9"):
        selection(frame, event=early, treated=["u0"])
    with pytest.raises(WindowError, match="lies outside the data"):
        selection(frame, event=EventWindow(event=("2026-01-01", "2026-01-02")), treated=["u0"])
    gaps = frame[(frame["unit"] != "u3") | (frame["date"] > "2025-02-10")]
    with pytest.raises(PanelError, match="1 units have fewer than 16 values before the event: u3"):
        selection(gaps, event=late, treated=["u0"])
    with pytest.raises(WindowError, match="the window and 28 periods before it must lie in the data"):
        contamination(frame, event=early, controls=["u1", "u2"])
    with pytest.raises(DonorError, match=r"need 1\+ controls, each named once"):
        contamination(frame, event=late, controls=["u1", "u1"])


@pytest.mark.parametrize("method", list(METHODS))
def test_what_a_library_has_to_say_is_a_check_and_not_a_line_on_the_screen(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = staggered(walk(1), first_treated=STARTS, method=method)
        gaps = event_study(walk(3).drop(index=[5, 50]), event=FIVE_DAYS, treated=["u0", "u1"])
    assert result.result.fit["pre_rmse"] > 0
    assert gaps.fit["pre_rmse"] > 0
