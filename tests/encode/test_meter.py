"""The meter adds up what threads did, by stage, and never counts a second twice."""

from __future__ import annotations

import json
import threading
import time

import pytest

from embver.encode.meter import Figures, Meter, stage


def test_an_inner_stage_stops_the_clock_of_the_outer():
    meter = Meter()
    begun = time.perf_counter()
    with meter.stage("preprocess"):
        with stage("read"):
            time.sleep(0.03)
        with stage("decode"), stage("read"):
            time.sleep(0.03)
    elapsed_s = time.perf_counter() - begun
    seconds = meter.figures().seconds
    assert list(seconds) == ["read", "decode", "preprocess"]
    assert seconds["read"] >= 0.06 > seconds["preprocess"] + seconds["decode"]
    assert sum(seconds.values()) <= elapsed_s


def test_a_stage_without_a_meter_does_nothing():
    meter = Meter()
    with stage("read"):
        pass
    with meter.stage("forward"):
        pass
    with stage("decode"):
        pass
    assert list(meter.figures().seconds) == ["forward"]


def test_an_error_leaves_the_stages_as_they_were():
    meter = Meter()
    with meter.stage("preprocess"):
        with pytest.raises(ValueError, match="bad"), stage("decode"):
            raise ValueError("bad")
        with stage("read"):
            pass
    assert list(meter.figures().seconds) == ["read", "decode", "preprocess"]


def test_threads_count_into_one_meter():
    meter = Meter()

    def work() -> None:
        for _ in range(200):
            meter.add_items("text", 1, 0.01)
            meter.add_seconds("forward", 0.5)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = meter.figures()
    assert figures.items == {"text": 800}
    assert figures.seconds["forward"] == pytest.approx(400)
    assert figures.rates == {"text": 100.0}


def test_the_slowest_stage_is_that_whose_threads_had_most_to_do():
    meter = Meter()
    meter.add_seconds("decode", 6)  # by four threads: 1.5 s of each
    meter.set_lanes("decode", 4)
    meter.add_seconds("forward", 4.5)
    figures = meter.figures()
    assert figures.slowest == "forward"
    assert figures.shares == {"decode": 0.25, "forward": 0.75}
    assert Meter().figures().slowest is None


def test_figures_survive_a_receipt():
    meter = Meter()
    meter.add_seconds("read", 1.25)
    meter.add_items("image", 3, 0.5)
    meter.set_lanes("read", 2)
    meter.note("rows_after_out_of_memory", 8)
    figures = meter.figures()
    assert Figures.from_plain(json.loads(json.dumps(figures.to_plain()))) == figures
