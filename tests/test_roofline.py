"""Ceilings, the limit that holds a layer, calibrations and whom they serve, and what `cnnprof why` says."""

import json
import re
from dataclasses import replace

import pytest
from shell import cnnprof, process

from cnnprof.errors import MeasurementError, UnavailableError
from cnnprof.measure import calibration, fingerprint
from cnnprof.measure import ceilings as kernels
from cnnprof.measure.calibration import calibrate
from cnnprof.measure.calibration_files import calibrate_command, keep, recall
from cnnprof.measure.devices import CpuDevice, Timing
from cnnprof.measure.options import Options
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS
from cnnprof.reports import FORMATS, Style, render
from cnnprof.timing.doubts import disturbance
from cnnprof.timing.layer_times import LayerTimes
from cnnprof.timing.roofline import BOUNDS, CACHE, COMPUTE, KERNEL, MEMORY, OVERHEAD, Ceilings, Rate, bound_of, kind_of
from cnnprof.views.ceilings import show_ceilings
from cnnprof.views.reasons import look_into, show_reasons

pytestmark = pytest.mark.torch

RATES = (
    Rate("matrix product", "large", 50e9),
    Rate("matrix product", "small", 20e9),
    Rate("convolution", "3x3", 200e9),
    Rate("depthwise convolution", "3x3", 10e9),
    Rate("memory", "copy", 90e9, 2**14),
    Rate("memory", "read", 100e9, 2**16),
    Rate("memory", "copy", 80e9, 2**20),
    Rate("memory", "copy", 12e9, 2**24),
    Rate("memory", "copy", 10e9, 2**28),
)
WAY = {"device": "cpu", "dtype": "fp32", "threads": 1, "layout": "nchw"}
CEILINGS = Ceilings({"processor": "P", "cores": 2, "torch": "2"}, WAY, RATES, 2e-6)


def test_the_highest_rate_is_the_ceiling():
    assert CEILINGS.flops("matrix product") == 50e9
    # What a larger working set has reached, a smaller one can.
    assert CEILINGS.bandwidth(100) == 100e9
    assert CEILINGS.bandwidth(2**17) == 100e9
    assert CEILINGS.bandwidth(2**18) == 80e9
    assert CEILINGS.bandwidth(2**23) == 12e9
    assert CEILINGS.bandwidth(2**40) == 10e9
    assert [CEILINGS.level(size) for size in (2**10, 2**20, 2**24, 2**28)] == [CACHE, CACHE, MEMORY, MEMORY]


def cost_of(layer, *shape):
    return analyze(Graph("net", shape, (Node("layer", layer, (INPUT,)),), ("layer",))).costs[0]


@pytest.mark.parametrize(
    ("layer", "shape", "name", "seconds", "kind"),
    [
        # 64x64x9x56x56 multiply-accumulates at 200 GFLOP/s
        (LAYERS["Conv"](64, (3, 3), padding=(1, 1)), (1, 64, 56, 56), COMPUTE, 2 * 115_605_504 / 200e9, "Conv2d 3x3"),
        (
            LAYERS["Conv"](64, (3, 3), padding=(1, 1), groups=64),
            (1, 64, 56, 56),
            COMPUTE,
            2 * 1_806_336 / 10e9,
            "Conv2d 3x3 depthwise",
        ),
        (LAYERS["Conv"](64, (1, 1), groups=2), (1, 64, 2, 2), OVERHEAD, 2e-6, "Conv2d 1x1 grouped"),
        (LAYERS["Conv"](1, (1, 1)), (1, 1, 2, 2), OVERHEAD, 2e-6, "Conv2d 1x1"),
        # 10^7 weights, their input and output, biases
        (LAYERS["Linear"](1000), (1, 10_000), MEMORY, 4 * (10_001_000 + 11_000) / 10e9, "Linear"),
        (LAYERS["ReLU"](), (1, 64, 32, 32), CACHE, 4 * 2 * 65536 / 80e9, "ReLU"),
    ],
)
def test_the_limit_that_holds_a_layer(layer, shape, name, seconds, kind):
    cost = cost_of(layer, *shape)
    assert bound_of(cost, CEILINGS, 4) == (name, pytest.approx(seconds))
    assert kind_of(cost) == kind


def test_ceilings_in_json():
    assert Ceilings.from_dict(json.loads(json.dumps(CEILINGS.to_dict()))) == CEILINGS


class TakingTurns:
    """A device on which runs take what is next in line."""

    def __init__(self, times):
        self.times, self.now = iter(times), 0.0

    def clock(self):
        return self.now

    def time(self, run):
        seconds = next(self.times)
        self.now += seconds
        return Timing(seconds, seconds)


def test_the_best_of_the_runs_counts_but_the_first():
    assert kernels.best(None, TakingTurns([1, 9, 5, 7]), 2) == 5
    assert kernels.best(None, TakingTurns([1, 9, 5, 7, 3, 8]), 23) == 3


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(kernels, "SECONDS_A_KERNEL", 0.0)
    monkeypatch.setattr(kernels, "MATMUL_SIZES", (8,))
    monkeypatch.setattr(kernels, "CONVOLUTIONS", ((2, 3, 4, 3, 1, 6),))
    monkeypatch.setattr(kernels, "DEPTHWISE_CONVOLUTIONS", ((1, 4, 3, 2, 6),))
    monkeypatch.setattr(kernels, "WORKING_SETS", (2**14,))


def test_what_kernels_do(small):
    made = list(kernels.kernels("cpu", "fp32", "channels_last"))
    assert [kernel.kind for kernel in made] == ["matrix product", "convolution", "depthwise convolution"] + ["memory"] * 4
    assert [kernel.amount for kernel in made[:3]] == [2 * 8**3, 2 * 2 * 4 * 36 * 27, 2 * 4 * 9 * 9]
    assert [kernel.amount for kernel in made[3:]] == [2**14, 2**14, 2**15, 3 * 4 * (2**12 // 3)]
    for kernel in made:
        kernel.run()


def in_this_process(monkeypatch, speeds=(1.0, 2.0)):
    """Worker processes that are none; the rates of each are multiplied by its speed."""
    remaining = iter(speeds)

    def follow(task, hear):
        found, speed = [], next(remaining)
        task.work(CpuDevice(), found.append)
        for event in found:
            if event["event"] != "watched":  # what this machine does meanwhile is another test's
                hear({**event, "rate": speed} if event["event"] == "rate" else event)

    monkeypatch.setattr(calibration, "follow", follow)


def test_the_higher_rate_of_two_processes_counts(small, monkeypatch):
    in_this_process(monkeypatch)
    found = calibrate(Options())
    assert {rate.rate for rate in found.rates} == {2.0}
    assert len(found.rates) == 7
    assert 0 < found.overhead < 0.01
    assert found.machine == fingerprint.fingerprint("cpu")
    _, arithmetic, memory = show_ceilings(found, "there").sections
    assert [row["ceiling"] for row in arithmetic.rows] == ["matrix product", "convolution", "depthwise convolution"]
    assert memory.rows[0]["working_set"] == 2**14


def test_a_process_that_fails_is_said(monkeypatch):
    monkeypatch.setattr(calibration, "follow", lambda task, hear: "the process was killed")
    with pytest.raises(MeasurementError, match="cannot be calibrated: the process was killed"):
        calibrate(Options())


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path))
    return tmp_path


def here(**changes):
    return Ceilings(fingerprint.fingerprint("cpu") | changes, WAY, RATES, 2e-6)


def test_a_calibration_is_kept_a_way_to_run(cache):
    path = keep(here(), Options())
    assert path.parent == cache / "calibrations"
    assert recall(Options()) == here()
    with pytest.raises(UnavailableError, match="not calibrated for device cpu, dtype fp32, threads 2") as caught:
        recall(Options(threads=2))
    assert caught.value.hint == "cnnprof calibrate --threads 2"


def test_an_old_torchs_calibration_is_refused(cache):
    keep(here(torch="1.0"), Options())
    with pytest.raises(UnavailableError, match=r"does not hold here: torch 1\.0, here") as caught:
        recall(Options())
    assert caught.value.hint == "cnnprof calibrate"


def test_another_machines_file_is_refused(cache, tmp_path):
    file = tmp_path / "other.json"
    file.write_text(json.dumps(CEILINGS.to_dict()))
    with pytest.raises(UnavailableError, match="does not hold here: processor P, here"):
        recall(Options(), file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "options": {}, "rates": [], "overhead": 1}', "null"])
def test_a_file_that_is_no_calibration_is_refused(cache, tmp_path, text):
    file = tmp_path / "broken.json"
    file.write_text(text)
    with pytest.raises(UnavailableError, match="is no calibration"):
        recall(Options(), file)
    with pytest.raises(UnavailableError, match="there is no"):
        recall(Options(), tmp_path / "none.json")
    with pytest.raises(UnavailableError, match="cannot read"):
        recall(Options(), tmp_path)


def test_a_cache_that_cannot_be_written_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNPROF_CACHE", str(tmp_path / "file"))
    assert keep(here(), Options()) is None
    assert "could not be kept" in show_ceilings(here(), None).notes[-1]


def test_the_command_that_makes_a_calibration():
    assert calibrate_command(Options(dtype="bf16", layout="channels_last")) == (
        "cnnprof calibrate --dtype bf16 --layout channels_last"
    )


def network(name, groups, seconds):
    nodes = (
        Node("conv1", LAYERS["Conv"](64, (3, 3), padding=(1, 1), groups=groups), (INPUT,)),
        Node("relu1", LAYERS["ReLU"](), ("conv1",)),
        Node("flatten1", LAYERS["Flatten"](), ("relu1",)),
    )
    profile = analyze(Graph(name, (1, 64, 56, 56), nodes, ("flatten1",)))
    names = tuple(node.name for node in nodes)
    total = sum(seconds)
    times = LayerTimes(name, "fp32", 1, names, ((*seconds[:3],),), (seconds[3],), (total,), (total,))
    return look_into(profile, times, CEILINGS)


def test_what_takes_longer_than_the_others_pace():
    slow, quick = network("slow", 64, (3e-3, 1e-3, 0, 0.5e-3)), network("quick", 1, (2e-3, 0.2e-3, 0, 0.1e-3))
    report = show_reasons(slow, quick, top=1)
    # 4.5 ms of 2.3 ms; one filter of 64 channels has 1/64 of the work left: 0.0156.
    assert report.title == "slow takes 1.96 times as long as quick (undecided) for 0.016 times the multiply-accumulates"
    both, kinds, layers = report.sections
    assert both.rows[0]["compute_share"] == pytest.approx(3 / 4.5)
    # 1.6 MB at 80 GB/s are 0.02 of the millisecond: no limit holds the activation, its kernel does.
    assert both.rows[0]["kernel_share"] == pytest.approx(1 / 4.5)
    assert both.rows[1]["cache_share"] == pytest.approx(0.2 / 2.3)
    assert [row["kind"] for row in kinds.rows] == ["Conv2d 3x3 depthwise", "ReLU", "Conv2d 3x3"]
    assert kinds.rows[0]["second_ms"] is None
    assert sum(row["difference_ms"] for row in kinds.rows) == pytest.approx(4 - 2.2)
    assert [row["name"] for row in layers.rows] == ["conv1"]
    assert layers.rows[0]["efficiency"] == pytest.approx(2 * 1_806_336 / 10e9 / 3e-3)
    # What layers take beyond the pace, with the unattributed half millisecond, is what the network takes beyond it.
    pace = 2.3e-3 / (64 * 64 * 9 * 56 * 56)
    beyond = sum(row["beyond_ms"] for row in report.data["layers"])
    assert beyond + 0.5 == pytest.approx(4.5 - 1e3 * pace * 64 * 9 * 56 * 56)


def test_a_layer_far_below_every_limit_is_held_by_its_kernel():
    slow, quick = network("slow", 64, (3e-3, 8e-3, 0, 0)), network("quick", 1, (2e-3, 0.03e-3, 0, 0))
    assert [layer.bound.name for layer in slow.layers] == [COMPUTE, KERNEL]
    assert slow.layers[1].efficiency == pytest.approx(2 * 4 * 64 * 56 * 56 / 80e9 / 8e-3)
    (note,) = [note for note in show_reasons(slow, quick).notes if note.startswith("held by kernel")]
    assert "less than 5% of the nearest" in note
    assert not [note for note in show_reasons(quick, quick).notes if note.startswith("held by kernel")]


def test_why_says_under_what_the_ceilings_were_taken():
    slow, quick = network("slow", 64, (3e-3, 1e-3, 0, 0)), network("quick", 1, (2e-3, 0.2e-3, 0, 0))
    old = replace(
        CEILINGS, conditions={"time": "2020-02-03T04:05:06Z", "busy": "a process had a core for only 40% of the time"}
    )
    report = show_reasons(slow, quick, ceilings=old)
    (taken,) = [
        note for note in report.notes if note.startswith("ceilings of P, torch 2, 1 thread, fp32, nchw, taken 2020-02-03")
    ]
    assert re.search(r"\(\d{4} days ago\)$", taken)
    assert any("calibration was taken on a busy machine: a process had" in note for note in report.notes)
    assert any(re.search(r"the calibration is \d+ days old; cnnprof calibrate", note) for note in report.notes)
    assert report.data["calibration"]["time"] == "2020-02-03T04:05:06Z"
    assert [note for note in show_reasons(slow, quick, ceilings=CEILINGS).notes if note.startswith("ceilings of P")]


def test_conditions_are_kept_and_older_files_have_none():
    data = replace(CEILINGS, conditions={"time": "2026-01-02T03:04:05Z", "busy": ""}).to_dict()
    assert Ceilings.from_dict(data).conditions["time"] == "2026-01-02T03:04:05Z"
    del data["conditions"]
    assert Ceilings.from_dict(data).conditions == {}


@pytest.mark.parametrize(
    ("busy", "processes", "said"),
    [([False, False], 2, False), ([True, False], 2, False), ([True, True, False], 3, False), ([True] * 4, 4, True)],
)
def test_a_calibration_that_was_disturbed_is_taken_again(monkeypatch, busy, processes, said):
    turns = iter(busy)
    told = []

    def follow(task, hear):
        for kind in ("matrix product", "convolution", "depthwise convolution", "memory"):
            hear({"event": "rate", "kind": kind, "what": "x", "rate": 1e9, "size": 1})
        hear({"event": "overhead", "seconds": 1e-6})
        hear({"event": "watched", "found": {"share": 0.5 if next(turns) else 1.0, "stolen": 0.0, "switches": 0.0}})

    monkeypatch.setattr("cnnprof.measure.calibration.follow", follow)
    ceilings = calibrate(Options(), told.append)
    assert len(told) == processes
    assert ceilings.conditions["busy"] == ("a process had a core for only 50% of the time" if said else "")
    assert ("taken on a busy machine" in " ".join(show_ceilings(ceilings, None).notes)) == said
    assert ("the machine was busy" in told[-1].step) == (processes > 2)


@pytest.mark.parametrize(
    ("found", "words"),
    [((1.0, 0.0, 3.0), ""), ((0.7,), "only 70%"), ((1.0, 0.1), "host took 10%"), ((1.0, 0.0, 50.0), "away 50 times a second")],
)
def test_disturbances_in_words(found, words):
    assert (words in disturbance(*found)) if words else disturbance(*found) == ""


def test_a_layer_above_its_ceiling_asks_for_a_new_calibration():
    fast = network("fast", 1, (1e-3, 0.2e-3, 0, 0))
    (note,) = [note for note in show_reasons(fast, fast).notes if "1 layer beyond the ceiling" in note][:1]
    assert "conv1 at 116%" in note


def test_a_network_at_its_roof_takes_what_its_layers_limits_add_up_to():
    timed = network("slow", 64, (3e-3, 1e-3, 0, 0.5e-3))
    limits = sum(bound_of(layer.cost, CEILINGS, 4).seconds for layer in timed.layers)
    (row, _) = show_reasons(timed, timed).data["networks"]
    assert row["roof_ms"] == pytest.approx(1e3 * limits)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_shows_the_figures(format_name):
    slow, quick = network("slow", 64, (3e-3, 1e-3, 0, 0.5e-3)), network("quick", 1, (2e-3, 0.2e-3, 0, 0.1e-3))
    for report in (show_reasons(slow, quick), show_ceilings(here(), None)):
        for width in (80, 160):
            text = render(report, format_name, Style(width))
            # The first table: both networks, or the roof of convolutions.
            assert ("slow" in text and "quick" in text) if report.command == "why" else "200" in text


@pytest.mark.usefixtures("brisk")
def test_the_commands(cache):
    done = process("why", "lenet5", "lenet5@classes=20", CNNPROF_CACHE=str(cache), COLUMNS="200")
    assert (done.code, done.out) == (4, "")
    assert "hint: cnnprof calibrate" in done.err
    keep(here(), Options())
    done = cnnprof("why", "lenet5", "lenet5@classes=20", "--quick", "--json", CNNPROF_CACHE=str(cache))
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert [each["model"] for each in report["networks"]] == ["lenet5", "lenet5@classes=20"]
    assert {row["held_by"] for row in report["layers"]} <= {*BOUNDS}
    done = cnnprof("why", "lenet5", "lenet5", "--quick", "--json", CNNPROF_CACHE=str(cache))
    assert [each["model"] for each in json.loads(done.out)["networks"]] == ["lenet5", "lenet5"]
