"""Predictions, on a machine that is made up: what each layer's time rests on, and what the whole amounts to."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
from made_up_machine import made_up, write
from shell import cnnprof

from cnnprof import load
from cnnprof.api.predict import anchors, by_data_sheet, predict
from cnnprof.measure.calibration_files import keep_operations, recall_operations
from cnnprof.measure.grid import designed
from cnnprof.measure.operations import Found
from cnnprof.measure.options import Options
from cnnprof.network.analysis import analyze
from cnnprof.network.layers import layer_from_dict
from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.convolution import Conv
from cnnprof.timing.calibrations import Calibration
from cnnprof.timing.operations import Timed, key_of, operation_alone
from cnnprof.timing.prediction import Predictor
from cnnprof.timing.prediction_fit import fit
from cnnprof.timing.roofline import ARITHMETIC, MEMORY, Ceilings, Rate

GIGA = 1e9


def conv(filters, kernel=3):
    return Conv(filters, (kernel, kernel), padding=(kernel // 2,) * 2, bias=False)


def machine(**more):
    rates = (*(Rate(kind, "test", 100 * GIGA) for kind in ARITHMETIC), Rate(MEMORY, "test", 10 * GIGA, 2**28))
    return Ceilings({"processor": "P", "cores": 2, "torch": "2"} | more, {"device": "cpu", "threads": 1}, rates, 1e-6)


def timed(layer, shape, seconds, cold=None):
    return Timed(operation_alone(layer, (shape,), 4), seconds, seconds if cold is None else cold)


def calibration(*operations, **more):
    return Calibration(machine(), {each.operation.key: each for each in operations}, **{"cold": 0.0, **more})


def analysis(text, size=(8, 16, 16)):
    return analyze(load(text, size))


def test_a_layer_that_was_timed_takes_that_time():
    layer = conv(8)
    known = calibration(timed(layer, (1, 8, 16, 16), 3e-4), timed(ReLU(True), (1, 8, 16, 16), 1e-5), factor=1.1)
    found = Predictor(known).predict(analysis("conv 3x3 8 nobias relu"))
    assert found.seconds == pytest.approx(1.1 * 3.1e-4)
    assert found.coverage["measured"] == pytest.approx(1)
    assert found.unknown_kinds == ()


def test_cold_and_hot_are_mixed():
    known = calibration(timed(conv(8), (1, 8, 16, 16), 1e-4, 3e-4), cold=0.25)
    assert Predictor(known).predict(analysis("conv 3x3 8 nobias")).seconds == pytest.approx(1.5e-4)


def test_between_measurements_the_efficiency_is_the_neighbours():
    """All measured at a fifth of what the machine allows: so is what lies between them, whatever its size."""
    table = []
    for channels in (4, 8, 16, 32, 64):
        for size in (8, 16, 32):
            operation = operation_alone(conv(channels), ((1, channels, size, size),), 4)
            limit = math.hypot(2 * operation.macs / (100 * GIGA), operation.bytes / (10 * GIGA), 1e-6)
            table.append(Timed(operation, 5 * limit, 5 * limit))
    (layer,) = Predictor(calibration(*table)).predict(analysis("conv 3x3 24 nobias", (24, 12, 12))).layers
    assert layer.basis == "interpolated"
    assert layer.efficiency == pytest.approx(0.2)


def test_far_from_all_measurements_it_says_so_and_is_less_sure():
    near = timed(conv(8), (1, 8, 16, 16), 1e-4)
    other = timed(conv(16), (1, 8, 16, 16), 2e-4)
    predictor = Predictor(replace(calibration(near, other), spreads={"convolution": 0.1}))
    here = predictor.predict(analysis("conv 3x3 8 nobias"))
    there = predictor.predict(analysis("conv 3x3 512 nobias", (512, 64, 64)))
    assert [layer.basis for layer in there.layers] == ["extrapolated"]
    assert there.interval90[1] / there.seconds > 1.5 * here.interval90[1] / here.seconds


def test_a_kind_without_any_measurement_is_named_and_the_total_a_lower_bound():
    found = predict("conv 3x3 8 nobias tanh", (8, 16, 16), calibration=calibration(timed(conv(8), (1, 8, 16, 16), 1e-4)))
    assert found.predictions[0].unknown_kinds == ("Tanh in place",)
    assert "a lower bound, for nothing is measured of Tanh in place" in str(found)


def test_a_view_takes_its_call_and_nothing_else():
    """1 us for a call on this machine and 3 us more in a network, whatever the size; a stored tensor is no call."""
    known = calibration(timed(conv(8), (1, 8, 16, 16), 1e-4), call=3e-6)
    alone, behind = (Predictor(known).predict(analysis(f"conv 3x3 8 nobias{more}")) for more in ("", " | flatten | dropout"))
    assert behind.seconds == pytest.approx(alone.seconds + 2 * 4e-6)
    assert [layer.kind for layer in behind.layers] == ["convolution", "view", "view"]
    assert behind.unknown_kinds == ()


def test_a_network_that_takes_nothing_has_no_dearest_layers():
    found = predict("flatten | dropout", (3, 4, 4), calibration=by_data_sheet(100 * GIGA, 10 * GIGA))
    assert found.predictions[0].seconds == 0
    assert "dearest" not in str(found)
    assert found.to_dict()["predictions"][0]["layers"] == []


def test_by_a_data_sheet_views_take_nothing():
    found = predict("flatten | dropout | fc 10 nobias", (8, 4, 4), calibration=by_data_sheet(100 * GIGA, 10 * GIGA))
    assert [layer.kind for layer in found.predictions[0].layers] == ["linear"]


def test_the_whole_networks_say_what_cold_and_a_call_are_and_what_a_run_takes_beyond():
    """Layers that ran a quarter cold, 2 us more for the call of each, and a run that takes 1.2 times as long."""
    widths, depths = (8, 16, 32, 48), (1, 9, 3, 6)
    table = [timed(conv(width), (1, width, 16, 16), 1e-6 * width, 1e-6 * (width + width**1.5)) for width in widths]
    texts = [" | ".join([f"conv 3x3 {width} nobias"] * depth) for width, depth in zip(widths, depths, strict=True)]
    networks = [analysis(text, (width, 16, 16)) for text, width in zip(texts, widths, strict=True)]
    truth = [1.2 * depth * (0.75 * each.hot + 0.25 * each.cold + 2e-6) for each, depth in zip(table, depths, strict=True)]
    fitted = fit(calibration(*table), [(each, [seconds]) for each, seconds in zip(networks, truth, strict=True)])
    assert (fitted.cold, fitted.call, fitted.factor) == pytest.approx((0.25, 2e-6, 1.2))
    assert all(ratio == pytest.approx(1) for ratio in fitted.networks.values())


def test_every_layer_takes_its_call_beside_its_own_time():
    known = calibration(timed(conv(8), (1, 8, 16, 16), 1e-4), call=3e-6)
    for text in ("conv 3x3 8 nobias", "conv 3x3 9 nobias", "tanh | tanh"):  # Measured, near, unknown.
        without, found = (Predictor(each).predict(analysis(text)).seconds for each in (replace(known, call=0.0), known))
        assert found == pytest.approx(without + 3e-6 * len(text.split(" | ")))


def test_the_data_sheet_gives_a_bound_that_no_layer_beats():
    found = predict(["resnet18"], calibration=by_data_sheet(100 * GIGA, 10 * GIGA))
    macs = sum(cost.macs for cost in analyze(load("resnet18")).costs)
    assert found.predictions[0].seconds >= 2 * macs / (100 * GIGA)
    assert "a lower bound" in str(found)
    assert found.to_dict()["lower_bound"] is True


def test_json_has_the_stable_names():
    known = calibration(
        timed(conv(8), (1, 8, 16, 16), 1e-4), conditions={"time": "2020-01-01T00:00:00Z", "busy": "a neighbour"}
    )
    found = predict("conv 3x3 8 nobias", (8, 16, 16), calibration=known)
    (entry,) = found.to_dict()["predictions"]
    assert {"model", "input_shape", "batch", "predicted_ms", "interval90", "coverage", "layers"} <= set(entry)
    assert entry["predicted_ms"] == pytest.approx(0.1)
    assert entry["interval90"][0] < 0.1 < entry["interval90"][1]
    assert {"measured", "interpolated", "extrapolated"} <= set(entry["coverage"])
    assert "taken on a busy machine: a neighbour" in str(found)


def test_a_calibration_survives_its_file(tmp_path):
    known = fit(calibration(timed(conv(8), (1, 8, 16, 16), 1e-4)), [(analysis("conv 3x3 8 nobias"), [2e-4])])
    path = tmp_path / "edge.json"
    keep_operations(known, Options(), path)
    back = Calibration.from_dict(json.loads(path.read_text()))
    assert back.to_dict() == known.to_dict()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data["operations"][0].__setitem__(5, -1), "is no calibration"),
        (lambda data: data.pop("ceilings"), "is no calibration"),
        (lambda data: data.__setitem__("cold", "much"), "is no calibration"),
        (lambda data: data.__setitem__("factor", float("nan")), "is no calibration"),
        (lambda data: data["operations"].clear(), "is no calibration"),
        (lambda data: data["operations"][0][1].pop(), "is no calibration"),
        (lambda data: data["operations"][0].__setitem__(2, -1), "is no calibration"),
        (lambda data: data["operations"][0][1].__setitem__(0, float("inf")), "is no calibration"),
        (lambda data: data["networks"].__setitem__("a", 0.0), "is no calibration"),
        (lambda data: data["operations"][0].__setitem__(1, []), "is no calibration"),
        (lambda data: data["operations"][0][1].__setitem__(0, float("nan")), "is no calibration"),
        (lambda data: data["operations"][0].__setitem__(2, 10**400), "is no calibration"),
        (lambda data: data["operations"][0].__setitem__(3, 1e308), "is no calibration"),
        (lambda data: data["ceilings"]["rates"][-1].__setitem__("size", 0), "is no calibration"),
        (lambda data: data["ceilings"]["rates"][-1].__setitem__("size", "large"), "is no calibration"),
        (lambda data: data["ceilings"]["rates"][-1].__setitem__("size", float("nan")), "is no calibration"),
        (lambda data: data["ceilings"]["rates"][-1].pop("size"), "is no calibration"),
        (lambda data: data["ceilings"]["rates"][0].__setitem__("rate", 10**30), "is no calibration"),
        (lambda data: data["ceilings"].__setitem__("overhead", 1e9), "is no calibration"),
        (lambda data: data["conditions"].__setitem__("time", float("inf")), "is no calibration"),
        (lambda data: data["ceilings"]["machine"].__setitem__("cores", float("nan")), "is no calibration"),
        (lambda data: data["spreads"].__setitem__("convolution", -1.0), "is no calibration"),
        (lambda data: data["ceilings"]["machine"].pop("processor"), "is no calibration"),
        (lambda data: data["ceilings"]["machine"].__setitem__("processor", "Q"), "does not hold here: processor Q"),
        (lambda data: data["ceilings"]["options"].__setitem__("threads", 7), "threads 7"),
    ],
)
def test_damaged_or_foreign_calibrations_are_refused(tmp_path, monkeypatch, damage, message):
    from cnnprof.errors import UnavailableError
    from cnnprof.measure import calibration_files

    data = calibration(timed(conv(8), (1, 8, 16, 16), 1e-4), timed(conv(9), (1, 8, 16, 16), 1e-4)).to_dict()
    monkeypatch.setattr(calibration_files, "fingerprint", lambda device: dict(data["ceilings"]["machine"], processor="P"))
    monkeypatch.setattr(calibration_files, "way", lambda options: {"device": "cpu", "threads": 1})
    path = tmp_path / "edge.json"
    path.write_text(json.dumps(data))
    assert recall_operations(Options(), path).operations
    damage(data)
    path.write_text(json.dumps(data))
    with pytest.raises(UnavailableError, match=message):
        recall_operations(Options(), path)


@pytest.mark.parametrize(
    ("made", "asked", "hint"),
    [
        ({"threads": 4, "dtype": "bf16"}, [], "predict with --dtype bf16 --threads 4"),
        ({}, ["--threads", "2"], "predict with the default options"),
        ({}, ["--dtype", "bf16"], "predict with the default options"),
    ],
)
def test_a_file_for_another_way_to_run_says_which(tmp_path, made, asked, hint):
    way = {"device": "cpu", "dtype": "fp32", "threads": 1, "layout": "nchw"} | made
    path = write(tmp_path / "edge.json", ceilings=replace(made_up().ceilings, options=way))
    result = cnnprof("predict", "lenet5", "--machine", path, *asked)
    assert result.code == 4
    assert "holds for another way to run" in result.err
    assert hint in result.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--device", "tpu"], 2, "unknown device 'tpu'"),
        (["--dtype", "bf16"], 4, "cnnprof calibrate --dtype bf16 --grid makes one"),
    ],
)
def test_every_way_to_run_can_be_asked_for(tmp_path, options, code, message):
    result = cnnprof("predict", "lenet5", *options, XDG_CACHE_HOME=str(tmp_path))
    assert result.code == code
    assert message in result.err


def test_a_kind_of_an_option_that_is_not_taken_is_a_mistake():
    from cnnprof.cli.measured import measured

    with pytest.raises(TypeError, match="dtype of run is not among the options that are taken"):
        measured("device", dtype=str)


def test_without_a_calibration_the_command_that_makes_one_is_named(tmp_path):
    result = cnnprof("predict", "lenet5", XDG_CACHE_HOME=str(tmp_path))
    assert result.code == 4
    assert "cnnprof calibrate --grid makes one: it takes less than 3 minutes" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--peak", "10GFLOPS"], "--peak and --bandwidth go together"),
        (["--peak", "ten", "--bandwidth", "1GB/s"], "'ten' is no rate"),
        (["--peak", "10GFLOPS", "--bandwidth", "0GB/s"], "'0GB/s' is no rate"),
        (["--peak", "10GFLOPS", "--bandwidth", "1GB/s", "--measure"], "by its data sheet alone"),
        (["--machine", "missing.json"], "there is no missing.json"),
    ],
)
def test_wrong_options(tmp_path, options, message):
    result = cnnprof("predict", "lenet5", *options, cwd=tmp_path)
    assert result.code in (2, 4)
    assert message in result.err


def test_the_command_shows_a_data_sheets_bound():
    result = cnnprof("predict", "lenet5", "--peak", "472 GFLOPS", "--bandwidth", "25.6GB/s", "--json")
    assert result.code == 0
    (entry,) = json.loads(result.out)["predictions"]
    assert entry["predicted_ms"] > 0


def test_the_grid_has_each_kind_and_fits_its_time():
    kinds = {operation.kind for layer, shapes in designed() if (operation := operation_alone(layer, shapes, 4))}
    for each in anchors():
        for cost in each.costs:
            operation = operation_alone(cost.node.layer, cost.inputs, 4)
            assert operation is None or operation.kind in kinds
    assert 1000 < len(designed()) < len(designed(dense=True)) < 2700


def test_a_busy_machine_is_noticed():
    quiet, slow = {"share": 0.98, "stolen": 0.01, "switches": 3.0}, {"share": 0.6, "stolen": 0.0, "switches": 0.0}
    assert Found(watched=[quiet, quiet]).busy == ""
    assert Found(watched=[quiet, slow]).busy == "a process had a core for only 60% of the time"
    assert Found(watched=[quiet | {"stolen": 0.07}]).busy == "the virtual machine's host took 7% of the processor time"
    assert Found(watched=[quiet | {"switches": 44.4}, quiet]).busy == "another process took the core away 44 times a second"


@pytest.mark.torch
def test_operations_are_timed_in_worker_processes():
    from cnnprof.measure.operations import time_operations

    found = time_operations([(conv(8), ((1, 8, 16, 16),)), (ReLU(True), ((1, 8, 4, 4),))], Options())
    assert not found.failed
    for number in (0, 1):
        hot, cold = found.seconds(number)
        assert 0 < hot < 1
        assert 0 < cold < 1


def test_layers_that_are_added_take_what_they_would_have_taken_when_the_machine_was_calibrated(monkeypatch):
    """The machine is half as quick as it was, and from main memory a fifth: so are operations that are timed once more."""
    from cnnprof.measure.operation_calibration import measure_missing_operations

    known = made_up()
    missing = Predictor(known).missing(analysis("conv 3x3 40 nobias bn | conv 5x5 72", (24, 30, 30)))
    sent = []

    def follow(task, hear):
        sent.append(len(task.samples))
        for number, (layer, inputs) in enumerate(task.samples):
            key = key_of(layer_from_dict(layer), inputs)
            then = known.operations.get(key)
            seconds = (2 * then.hot, 5 * then.cold) if then else (3e-4, 7e-4)
            hear({"event": "operation", "number": number, "done": number + 1, "hot": seconds[0], "cold": seconds[1]})

    monkeypatch.setattr("cnnprof.measure.operations.follow", follow)
    found = measure_missing_operations(known, missing, Options())
    assert len(missing) + 50 < sent[0] < len(missing) + 250
    assert {key: each for key, each in found.operations.items() if key not in missing} == known.operations
    for key in missing:
        assert (found.operations[key].hot, found.operations[key].cold) == pytest.approx((1.5e-4, 1.4e-4))


def test_a_prediction_loads_nothing_that_measures(tmp_path):
    """It takes hardly longer than a summary: neither torch nor what starts workers is imported."""
    path = write(tmp_path / "edge.json")
    script = (
        f"import sys; sys.argv = ['cnnprof', 'predict', 'lenet5', '--machine', {path!r}]\n"
        "from cnnprof.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {*done.stderr.split()}
    assert "cnnprof.timing.prediction" in loaded
    assert not loaded & {"torch", "numpy", "psutil", "cnnprof.measure.bench", "cnnprof.measure.grid", "cnnprof.measure.devices"}
