"""Ratios of latencies: paired within a run, unpaired between runs, and what noise takes away from a verdict."""

import math
from dataclasses import replace

import pytest

from cnnprof.timing.measurements import Measurement
from cnnprof.timing.ratios import compare, compare_runs, noise_of, relate, verdict


def measurement(*medians, model="net", batch=1, processes=None, twin=False):
    processes = tuple(range(len(medians))) if processes is None else processes
    times = tuple((seconds,) for seconds in medians)
    return Measurement(model, "cpu", "fp32", batch, "infer", times, processes, twin=twin)


def test_networks_are_compared_process_by_process():
    a = measurement(0.010, 0.020, 0.030, model="a")
    b = measurement(0.020, 0.040, 0.060, model="b")
    ratio = compare(a, b)
    assert (ratio.a, ratio.b, ratio.verdict) == ("a", "b", "faster")
    assert ratio.ratio == pytest.approx(0.5)
    assert ratio.ci95 == pytest.approx((0.5, 0.5))
    assert compare(b, a).verdict == "slower"
    assert compare(a, a).verdict == "same"


def test_networks_are_compared_round_by_round():
    # The machine is at half its pace in two rounds of the first process, and in three of four of the second.
    pace = ((1, 2, 2, 1), (2, 2, 1, 2))
    a, b = (
        Measurement(name, "cpu", "fp32", 1, "infer", tuple(tuple(base * each for each in one) for one in pace), (0, 1))
        for name, base in (("a", 3.0), ("b", 2.0))
    )
    assert compare(a, b).ratio == pytest.approx(1.5)
    assert compare(a, b).ci95 == pytest.approx((1.5, 1.5))
    # The time was up after `a` had begun one more round.
    more = replace(a, times=tuple((*one, 100.0) for one in a.times))
    assert compare(more, b).ratio == compare(a, b).ratio


def test_only_processes_that_timed_both_count():
    a = measurement(1.0, 1.0, 9.0, processes=(0, 1, 3))
    b = measurement(2.0, 2.0, 1.0, processes=(0, 1, 2))
    assert compare(a, b).ratio == pytest.approx(0.5)


def test_one_process_decides_nothing():
    ratio = compare(measurement(1.0), measurement(5.0))
    assert (ratio.ci95, ratio.verdict) == (None, "undecided")
    assert ratio.to_dict()["ci95"] is None


def test_nothing_in_common_is_no_comparison():
    assert compare(measurement(1.0), measurement()) is None


@pytest.mark.parametrize(
    ("ratio", "interval", "noise", "expected"),
    [
        (0.7, (0.5, 0.9), 0, "faster"),
        (1.3, (1.1, 1.5), 0, "slower"),
        (1.0, (0.99, 1.01), 0, "same"),
        (0.95, (0.9, 1.01), 0, "undecided"),
        (1.1, (0.99, 1.2), 0, "undecided"),
        (1.005, (1.001, 1.01), 0, "slower"),
        (1.005, (1.001, 1.01), 0.01, "same"),
        (1.03, (1.01, 1.05), 0.04, "undecided"),
        (1.05, (1.01, 1.09), 0.04, "slower"),
        (0.97, (0.95, 0.99), 0.04, "undecided"),
        (0.95, (0.92, 0.99), 0.04, "faster"),
        (1.0, None, 0, "undecided"),
    ],
)
def test_verdict(ratio, interval, noise, expected):
    assert verdict(ratio, interval, noise) == expected


def test_noise_is_the_outer_end_of_the_twins_interval():
    run = [measurement(1.0, 1.0, model="a"), measurement(1.02, 1.01, model="a", twin=True), measurement(1.1, 1.2, model="b")]
    twin, b = relate(run)
    assert (twin.a, twin.b, twin.verdict) == ("a", "a", "noise")
    # ln 1.02 and ln 1.01; t(0.975, 1) = 12.7062
    low, high = math.log(1.01), math.log(1.02)
    assert noise_of(run) == pytest.approx((low + high) / 2 + 12.7062 * (high - low) / 2, rel=1e-4)
    assert math.log(b.ratio) > noise_of(run)
    assert relate([run[0], run[2]])[0].ratio == b.ratio


def test_a_ratio_within_the_noise_is_no_verdict():
    a, b = measurement(1.0, 1.0, 1.0, model="a"), measurement(1.04, 1.04, 1.041, model="b")
    assert relate([a, b])[0].verdict == "slower"
    twin = measurement(1.0, 1.02, 0.98, model="a", twin=True)
    assert relate([a, twin, b])[1].verdict == "undecided"


def test_every_network_is_held_against_the_first_of_its_batch():
    run = [measurement(1.0, 1.0, model=name, batch=batch) for batch in (1, 8) for name in "abc"]
    assert [(r.a, r.b, r.batch) for r in relate(run)] == [("b", "a", 1), ("c", "a", 1), ("b", "a", 8), ("c", "a", 8)]


def test_runs_are_compared_without_pairs():
    before = measurement(1.0, 1.01, 0.99, model="a")
    assert compare_runs(measurement(1.1, 1.11, 1.09, model="a"), before).verdict == "slower"
    assert compare_runs(measurement(0.9, 1.11, 1.2, model="a"), before).verdict == "undecided"
    assert compare_runs(measurement(1.5, model="a"), before).ci95 is None
    assert compare_runs(measurement(model="a"), before) is None
