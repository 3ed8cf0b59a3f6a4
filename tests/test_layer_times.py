"""Layers timed in place: what is run and in which order, how times are scaled, and what is shown of them."""

import json

import pytest
import torch
from shell import cnnprof
from torch import nn

from cnnprof.errors import MeasurementError, UsageError
from cnnprof.measure.devices import CpuDevice, Timing
from cnnprof.measure.in_place import LayerSession, LayerWork, Split, prepare_layers, run_in_steps
from cnnprof.measure.layers import time_layers
from cnnprof.measure.options import Job, Options
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Facts, Graph, Node, Origin
from cnnprof.network.layers import LAYERS
from cnnprof.reports import FORMATS, Style, render
from cnnprof.timing.layer_times import LayerTimes, traffic
from cnnprof.torch_bridge.build import ModuleStep
from cnnprof.views.layer_times import show_layers, to_trace

pytestmark = pytest.mark.torch

NODES = (
    Node("stage1.conv1", LAYERS["Conv"](4, (3, 3), padding=(1, 1)), (INPUT,)),
    Node("stage1.relu1", LAYERS["ReLU"](inplace=True), ("stage1.conv1",)),
    Node("stage2.conv1", LAYERS["Conv"](4, (1, 1)), ("stage1.relu1",)),
    Node("stage2.flatten", LAYERS["Flatten"](), ("stage2.conv1",)),
)
GRAPH = Graph("net", (2, 3, 8, 8), NODES, ("stage2.flatten",), Facts())


def times(**changes):
    facts = {
        "model": "net",
        "dtype": "fp32",
        "batch": 2,
        "names": tuple(node.name for node in NODES),
        "layers": ((4e-3, 1e-3, 3e-3, 0.0), (8e-3, 2e-3, 6e-3, 0.0)),
        "outside": (2e-3, 4e-3),
        "stepped": (10e-3, 20e-3),
        "plain": (8e-3, 16e-3),
    }
    return LayerTimes(**(facts | changes))


class TickingDevice:
    """A device whose clock moves by one second whenever it is read."""

    name = "ticking"
    warmup_seconds = 0.0

    def __init__(self):
        self.now = 0.0

    def mark(self):
        self.now += 1
        return self.now

    clock = mark

    def seconds_between(self, marks):
        return [end - start for start, end in marks]

    def time(self, run):
        run()
        return Timing(5.0, 5.0)


def test_every_step_is_timed_between_two_marks_and_its_inputs_are_dropped():
    seen = []

    class Seen(nn.Module):
        def forward(self, *given):
            seen.append([float(x) for x in given])
            return sum(given) + 1

    steps = [
        ModuleStep(Seen(), (INPUT,), "a", (INPUT,)),
        ModuleStep(Seen(), ("a",), "b", ()),
        ModuleStep(Seen(), ("a", "b"), "c", ("a", "b")),
    ]
    split = run_in_steps(steps, {INPUT: torch.tensor(1.0)}, TickingDevice(), torch.enable_grad)
    assert seen == [[1], [2], [2, 3]]
    assert split == Split(7.0, [1.0] * 3)


def test_both_kinds_of_run_take_turns_in_random_order():
    events, calls = [], []
    works = [
        LayerWork([f"layer of {name}"], lambda n=name: calls.append((n, "plain")), lambda n=name: calls.append((n, "stepped")))
        for name in "ab"
    ]
    for work in works:
        object.__setattr__(work, "stepped", lambda run=work.stepped: run() or Split(3.0, [2.0]))
    LayerSession(works, TickingDevice(), events.append, rounds=6, warmup_runs=2, warmup_seconds=0, seconds=1e9, seed=1).run()
    assert calls[:4] == [("a", "plain"), ("a", "stepped")] * 2
    rounds = [tuple(calls[i : i + 4]) for i in range(8, len(calls), 4)]
    assert len(rounds) == 6
    assert all(len(set(turn)) == 4 for turn in rounds)
    assert len(set(rounds)) > 2
    assert events[0] == {"event": "warm-up", "job": 0, "names": ["layer of a"]}
    assert {"event": "stepped", "job": 1, "seconds": 3.0, "layers": [2.0]} in events
    assert {"event": "plain", "job": 1, "seconds": 5.0} in events


def test_a_spent_budget_leaves_one_round():
    events = []
    work = LayerWork(["x"], lambda: None, lambda: Split(3.0, [2.0]))
    LayerSession([work], TickingDevice(), events.append, rounds=50, warmup_runs=1, warmup_seconds=0, seconds=0, seed=1).run()
    assert [event["event"] for event in events].count("plain") == 1


def test_the_steps_compute_what_the_network_does():
    work = prepare_layers(GRAPH, 2, CpuDevice(), "bf16", "channels_last")
    assert [*work.names] == [node.name for node in NODES]
    assert len(work.stepped().layers) == 4


def test_layers_are_scaled_to_the_plain_run():
    found = times()
    assert found.total == pytest.approx(12e-3)
    assert found.inflation == pytest.approx(1.25)
    assert found.coverage == pytest.approx(1.0)
    assert found.steadiness == pytest.approx(1.0)
    assert times(layers=((2e-3, 1e-3, 1e-3, 0.0),) * 2).coverage == found.coverage
    # In both processes layers take 4, 1, 3 and 0 of 10 parts, and the code between them 2.
    assert [*found.seconds.values()] == pytest.approx([4.8e-3, 1.2e-3, 3.6e-3, 0])
    assert found.unattributed == pytest.approx(2.4e-3)


def test_what_a_layer_moves():
    conv, relu, pointwise, flatten = analyze(GRAPH).costs
    # Input 2x3x8x8, weights 4x3x3x3 with 4 biases, output 2x4x8x8.
    assert traffic(conv, 4) == 4 * (384 + 112 + 512)
    assert traffic(relu, 4) == 4 * 2 * 512
    assert traffic(pointwise, 2) == 2 * (512 + 20 + 512)
    assert traffic(flatten, 4) == 0


def test_rows_add_up_and_rates_are_of_their_row():
    report = show_layers(analyze(GRAPH), times())
    (table,) = report.sections
    assert sum(row["layer_ms"] for row in table.rows) == pytest.approx(table.total["layer_ms"]) == pytest.approx(12)
    assert sum(row["time_share"] for row in table.rows) == pytest.approx(1)
    assert table.rows[-1]["name"] == "unattributed"
    conv, relu, *_ = table.rows
    assert conv["gflops"] == pytest.approx(2 * 2 * 64 * 4 * 27 / 4.8e-3 / 1e9)
    assert conv["gbs"] == pytest.approx(4 * (384 + 112 + 512) / 4.8e-3 / 1e9)
    assert relu["gflops"] == ""
    assert report.data["layers"][1]["gflops"] is None
    assert "1.25 times as long" in report.notes[0]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_shows_the_layers(format_name):
    text = render(show_layers(analyze(GRAPH), times()), format_name, Style(80))
    assert "stage1.conv1" in text
    assert "4.8" in text


def test_stages_and_types():
    stages = show_layers(analyze(GRAPH), times(), "stage").data["layers"]
    assert [(row["name"], pytest.approx(row["layer_ms"])) for row in stages] == [("stage1", 6.0), ("stage2", 3.6)]
    types = show_layers(analyze(GRAPH), times(), "type").data["layers"]
    assert [row["name"] for row in types] == ["Conv2d", "ReLU", "Flatten"]


def test_a_busy_machine_is_said():
    busy = times(plain=(80e-3, 160e-3))
    assert any("take 10% of a plain run" in note for note in show_layers(analyze(GRAPH), busy).notes)
    assert not any("undisturbed" in note for note in show_layers(analyze(GRAPH), times()).notes)


def test_a_trace_nests_layers_in_their_blocks():
    events = to_trace(analyze(GRAPH), times())["traceEvents"]
    assert [event["name"] for event in events] == ["stage1", "conv1", "relu1", "stage2", "conv1", "flatten"]
    stage1, conv1, relu1, stage2, *_ = events
    assert (stage1["ts"], stage1["dur"]) == (0, pytest.approx(6000))
    assert (conv1["ts"], relu1["ts"], stage2["ts"]) == (0, pytest.approx(4800), pytest.approx(6000))
    assert conv1["args"]["macs"] == 2 * 64 * 4 * 27
    assert all(event["ph"] == "X" for event in events)


def job(network):
    return Job(network, Graph(network, (1, 3, 8, 8), (), (), origin=Origin("python", f"measured_networks:{network}")), 1)


def test_a_process_that_fails_says_why():
    with pytest.raises(MeasurementError, match="exit code 3"):
        time_layers([job("Exiting")], Options(processes=1, rounds=1))
    with pytest.raises(UsageError, match="inference only"):
        time_layers([job("Small")], Options(mode="train"))


def test_ctrl_c_keeps_the_processes_that_have_finished():
    def stop_at(process):
        def stop(progress):
            if progress.process == process:
                raise KeyboardInterrupt

        return stop

    four = Options(processes=4, rounds=1, warmup_seconds=0.0, budget_seconds=30)
    (times,), complete = time_layers([job("Small")], four, stop_at(3))
    assert not complete
    assert len(times.plain) == len(times.layers) == 2
    with pytest.raises(KeyboardInterrupt):
        time_layers([job("Small")], Options(processes=2, rounds=1), stop_at(1))


@pytest.mark.usefixtures("brisk")
def test_the_command(tmp_path):
    done = cnnprof("bench", "lenet5", "--layers", "--quick", "--json", "--trace", tmp_path / "trace.json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    layers = report["layers"]
    assert sum(row["layer_ms"] for row in layers) + report["unattributed_ms"] == pytest.approx(report["latency_ms"])
    assert {row["name"] for row in layers} >= {"C1.conv1", "softmax1"}
    assert len(json.loads((tmp_path / "trace.json").read_text())["traceEvents"]) > len(layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet5", "--by", "type"), "--by and --trace go with --layers"),
        (("lenet5", "resnet18", "--layers"), "--layers takes one network"),
        (("lenet5", "--layers", "--resume", "x"), "--layers does not go with --resume"),
        (("lenet5", "--layers", "--trace", "no/such/x.json"), "there is no directory"),
        (("lenet5", "--layers", "--mode", "train"), "inference only"),
    ],
)
def test_what_is_refused(arguments, message):
    done = cnnprof("bench", *arguments, COLUMNS="200")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
