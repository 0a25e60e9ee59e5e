"""The simulated sample: the stored bytes are what the generator draws, and its truth is the table's."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from helpers import calendars, datasets
from helpers.uplift.sample import FIRST_DAY, NO_PRICE, TREATED, sample_panel, windows

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
SEED = 20251111


def drawn():
    return sample_panel(calendars.movable(FIRST_DAY, "2025-12-31"), seed=SEED)


def as_bytes(table) -> bytes:
    return table.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode()


def manifest(made) -> str:
    content = {
        "title": "daily GMV of two platforms, sixteen merchants and six streamers with a planted Double 11",
        "file": "daily_panel.csv",
        "sha256": hashlib.sha256(as_bytes(made.table)).hexdigest(),
        "simulated": True,
        "seed": SEED,
        "generator": "helpers.uplift.sample 1",
        "columns": {
            "unit": {"type": "text", "unit": "", "meaning": "platform, merchant or streamer (invented)"},
            "date": {"type": "day", "unit": "", "meaning": "day, Asia/Shanghai"},
            "value": {"type": "number", "unit": "CNY", "meaning": "GMV of the day"},
            "price": {"type": "number", "unit": "CNY", "meaning": "mean price paid; empty on one day"},
        },
        "truth": made.truth,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def test_the_stored_sample_is_what_the_generator_draws(request):
    made = drawn()
    if request.config.getoption("--make-samples"):
        (SAMPLES / "daily_panel.csv").write_bytes(as_bytes(made.table))
        (SAMPLES / "daily_panel.json").write_text(manifest(made), encoding="utf-8")
    assert (SAMPLES / "daily_panel.csv").read_bytes() == as_bytes(made.table)
    assert (SAMPLES / "daily_panel.json").read_text(encoding="utf-8") == manifest(made)


def test_the_reader_says_that_it_is_simulated():
    sample = datasets.sample("daily_panel")
    assert sample.text.startswith("Simulated data: ")
    assert sample.manifest["truth"]["treated"] == list(TREATED)


def test_the_damage_is_where_the_truth_says():
    sample = datasets.sample("daily_panel")
    table, truth = sample.table, sample.manifest["truth"]
    rows = table.groupby("unit").size()
    assert rows[truth["missing_week"]] == 731 - 7
    assert (rows.drop(truth["missing_week"]) == 731).all()
    closed = table[table["unit"].eq(truth["closed"])]
    assert (closed["value"].eq(0) == closed["date"].ge("2025-06-01")).all()
    no_price = table[table["price"].isna()]
    assert [(r.unit, f"{r.date:%Y-%m-%d}") for r in no_price.itertuples()] == [NO_PRICE]


def test_the_parts_of_the_truth_add_up():
    truth = drawn().truth
    for effect in truth["effect"].values():
        assert effect["net"] == pytest.approx(effect["pre_dip"] + effect["event"] + effect["after_effect"], abs=2)
        assert effect["relative"] == pytest.approx(effect["net"] / effect["counterfactual"], abs=1e-5)
        assert effect["pre_dip"] < 0 < effect["event"]
        assert effect["after_effect"] < 0
    assert 0.02 < np.mean([effect["relative"] for effect in truth["effect"].values()]) < 0.08


def test_windows_are_those_of_the_truth():
    *past, event = windows(drawn().truth)
    assert event.describe() == (
        "pre-dip 2025-10-30 to 2025-11-08, event 2025-11-09 to 2025-11-11, after-effect 2025-11-12 to 2025-11-22"
    )
    assert [window.family for window in past] == ["double_11", "live_session"]
