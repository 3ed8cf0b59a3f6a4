import json

import pytest

from cnnprof.timing.measurements import Check, Measurement, Reason
from cnnprof.views.benchmark import show_measurements, warnings_of


def measurement(*times, model="net", batch=1, processes=None, **more):
    processes = tuple(range(len(times))) if processes is None else processes
    return Measurement(model, "cpu", "fp32", batch, "infer", tuple(map(tuple, times)), processes, **more)


def test_latency_over_all_runs():
    latency = measurement([0.001, 0.002, 0.003], [0.004, 0.005]).latency()
    assert latency.median == pytest.approx(3)
    assert latency.mean == pytest.approx(3)
    assert latency.min == pytest.approx(1)
    assert latency.iqr == pytest.approx(2)
    assert latency.p95 == pytest.approx(4.8)
    assert latency.runs == 5


def test_interval_comes_from_the_processes():
    # Medians of 1, 2 and 4 ms: by hand 2 ms times or over 2^2.48414 (see test_statistics).
    latency = measurement([0.001], [0.002, 0.002], [0.004]).latency()
    assert latency.ci95_over == "processes"
    assert latency.ci95 == pytest.approx((2 / 2**2.48414, 2 * 2**2.48414), rel=1e-4)


def test_one_process_gives_the_interval_of_its_runs_and_says_so():
    latency = measurement([i / 1e3 for i in range(1, 21)]).latency()
    assert latency.ci95_over == "runs"
    assert latency.ci95 == pytest.approx((6, 15))
    assert measurement([0.001]).latency().ci95 is None


def test_throughput_counts_images():
    assert measurement([0.5], batch=8).throughput() == pytest.approx(16)


def test_nothing_measured():
    failed = measurement(status="failed", error="out of memory")
    assert failed.latency() is None
    assert failed.throughput() is None
    row = failed.to_dict()
    assert (row["latency_ms"], row["status"], row["error"]) == (None, "failed", "out of memory")


def test_the_names_in_json():
    row = json.loads(json.dumps(measurement([0.001] * 3, [0.001] * 3, peak_bytes=7).to_dict()))
    names = ["model", "device", "dtype", "batch", "mode", "input_shape", "latency_ms", "throughput_img_s"]
    assert list(row)[: len(names)] == names
    assert [*row["latency_ms"]] == ["median", "mean", "min", "p05", "p95", "p99", "iqr", "ci95", "ci95_over", "runs"]
    assert "error" not in row
    assert row["times_ms"] == [[1, 1, 1], [1, 1, 1]]
    assert row["latency_ms"]["ci95"] == pytest.approx([1, 1])


def test_json_keeps_all():
    before = measurement(
        [0.25],
        [0.5],
        model="a",
        processes=(0, 2),
        peak_bytes=7,
        input_shape=(3, 8, 8),
        phases={"forward": ((0.125,), (0.25,)), "backward": ((0.0625,), (0.125,))},
        warnings=("slow",),
        error="x",
        twin=True,
    )
    assert Measurement.from_dict(json.loads(json.dumps(before.to_dict()))) == before


def test_a_check_is_closed_when_its_reasons_add_up():
    check = Check("MACs", "fvcore", "MACs", 100, 130, (Reason("BatchNorm", 20), Reason("pooling", 10)))
    assert check.closed
    assert check.unexplained == 0
    assert not Check("MACs", "fvcore", "MACs", 100, 130, (Reason("BatchNorm", 20),)).closed


def test_a_check_without_their_figure_is_neither_open_nor_closed():
    check = Check("MACs", "fvcore", "MACs", 100, None, notes=("fvcore is not installed",))
    assert check.unexplained is None
    assert not check.closed
    assert check.to_dict()["theirs"] is None


@pytest.mark.parametrize(("error", "reason"), [("killed by SIGKILL", "killed by SIGKILL"), (None, "it takes two processes")])
def test_noise_that_is_not_known_is_not_none(error, reason):
    twin = measurement([1.0], model="a", error=error, twin=True)
    report = show_measurements([measurement([1.0], [1.0], model="a"), twin, measurement([1.0], [1.0], model="b")])
    assert report.data["noise"]["up_to"] is None
    assert report.sections[1].rows[0]["verdict"] == "noise, not known"
    assert f"noise is not known, and verdicts rest on intervals alone: second copy of a: {reason}" in report.notes


def test_a_disturbance_is_said_once_for_all_networks():
    busy = "the process had a core for only {}% of the time"
    measured = [
        measurement([1.0], model=name, warnings=(busy.format(part),)) for name, part in (("a", 61), ("b", 40), ("c", 55))
    ]
    assert warnings_of(measured) == ["all: the process had a core for only 40 to 61% of the time"]
    measured.append(measurement([1.0], model="d", warnings=("3 of 20 runs are outliers",)))
    assert warnings_of(measured) == [
        "a, b, c: the process had a core for only 40 to 61% of the time",
        "d: 3 of 20 runs are outliers",
    ]
    assert warnings_of(measured[3:]) == ["d: 3 of 20 runs are outliers"]
