"""`cnnprof memory` and `--fit` as a user calls them."""

import csv
import io
import json

import pytest
from processor import here
from shell import cnnprof, process

import cnnprof as package
from cnnprof.api.fitting import read_capacity
from cnnprof.errors import UsageError
from cnnprof.footprint.capacity import CARDS, Capacity, largest_batch, parse_capacity
from cnnprof.footprint.execution import CUBLAS_BYTES, HOPPER_CUBLAS_BYTES, Execution

PARTS = ("parameter_bytes", "buffer_bytes", "input_bytes", "activation_bytes", "workspace_bytes")
LEARNED = ("gradient_bytes", "saved_bytes", "optimizer_bytes")


def data(*arguments):
    done = cnnprof(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_json_has_the_parts_of_the_peak():
    found = data("memory", "resnet18", "--batch", 2, "--optimizer", "adam", "--train", "--fit", "2GB")
    inference, training = found["memory"]["inference"], found["memory"]["training"]
    assert inference["peak_bytes"] == sum(inference[part] for part in PARTS) == found["totals"]["peak_inference_bytes"]
    assert training["peak_bytes"] == sum(training[part] for part in PARTS + LEARNED)
    assert training["optimizer_bytes"] == 2 * 4 * 11_689_512
    assert {moment["phase"] for moment in found["timeline"]["training"]} == {"forward", "backward", "step"}
    assert len(found["tensors"]) == 10
    # The first convolution's output, 64x112x112 in fp32, and normalized: both are kept.
    assert [(t["name"], t["bytes"], t["kind"]) for t in found["tensors"][:2]] == [
        ("conv1", 2 * 64 * 112 * 112 * 4, "saved"),
        ("bn1", 2 * 64 * 112 * 112 * 4, "saved"),
    ]
    assert [fit["mode"] for fit in found["fits"]] == ["inference", "training"]


def test_summary_and_compare_carry_the_block():
    alone = data("summary", "lenet5", "--fit", "10MB")
    beside = data("compare", "lenet5", "alexnet", "--fit", "10MB")["models"]
    assert alone["memory"] == beside[0]["memory"]
    assert alone["fits"] == beside[0]["fits"]
    assert alone["totals"]["peak_inference_bytes"] == alone["memory"]["inference"]["peak_bytes"]
    assert [fit["batch"] for fit in beside[1]["fits"]] == [0, 0]


@pytest.mark.parametrize("width", ["80", "160"])
def test_the_table_fits_the_terminal(width):
    done = cnnprof("memory", "mobilenet_v2", "--train", "--fit", "T4", COLUMNS=width)
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= int(width)
    for text in ("kept for backward", "Largest batch that fits", "Over time, training", "Largest tensors"):
        assert text in done.out


def test_csv_is_the_table_of_kinds():
    rows = list(csv.DictReader(io.StringIO(cnnprof("memory", "lenet5", "--format", "csv").out)))
    assert rows[0]["memory_kind"] == "parameters"
    assert int(rows[0]["inference_bytes"]) == 4 * 61_706


@pytest.mark.parametrize("name", ["markdown", "html", "wide"])
def test_other_formats(name):
    done = cnnprof("memory", "lenet5", "--format", name)
    assert done.code == 0
    assert "workspace" in done.out


def test_options_change_the_figures():
    usual = data("memory", "resnet18")["memory"]["inference"]["peak_bytes"]
    without = data("memory", "resnet18", "--no-workspace")["memory"]["inference"]
    assert without["workspace_bytes"] == 0
    assert without["peak_bytes"] < usual
    half = data("memory", "resnet18", "--no-workspace", "--dtype", "bf16")["memory"]["inference"]
    counts = 20 * 8  # the counters of 20 normalizations stay int64
    assert 2 * (half["peak_bytes"] - counts) == without["peak_bytes"] - counts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["memory", "lenet5", "--fit", "8"], "'8' is no amount of memory"),
        (["memory", "lenet5", "--fit", "0GB"], "nothing fits into 0GB"),
        (["memory", "lenet5", "--fit", "9" * 400 + "GB"], "no machine has that much memory"),
        (["summary", "lenet5", "--fit", "2000000TB"], "no machine has that much memory"),
        (["memory", "lenet5", "--fit", "RTX4091"], "'RTX4091' is no amount of memory"),
        (["memory", "lenet5", "--fit", "4090"], "'4090' is no amount of memory\n  = hint: did you mean 'RTX 4090'?"),
        (["summary", "lenet5", "--fit", "8 apples"], "'8 apples' is no amount of memory"),
        (["memory", "lenet5", "--optimizer", "adma"], "unknown optimizer 'adma'"),
        (["memory", "lenet5", "--dtype", "fp12"], "fp12"),
        (["memory", "lenet5", "--device", "tpu"], "nothing is known of memory on 'tpu'"),
        (["memory", "lenet5", "--amp", "bf16", "--dtype", "fp16"], "--amp does not go with --dtype fp16"),
        (["memory", "lenet5", "--amp", "fp16", "--measure"], "--measure does not go with --amp fp16 on cpu"),
        (["memory", "lenet5", "--measure", "--no-workspace"], "--measure does not go with --no-workspace"),
        (["memory", "lenet55"], "unknown network 'lenet55'"),
    ],
)
def test_wrong_input_is_one_message(arguments, message):
    done = cnnprof(*arguments)
    assert done.code == (3 if "lenet55" in arguments else 2)
    assert message in done.err
    assert not done.out


def test_what_does_not_fit_says_what_it_needs():
    done = cnnprof("memory", "vgg16", "--fit", "100MB", COLUMNS="120")
    assert done.code == 0
    assert "vgg16 does not fit into 100MB: one image takes 592.7 MB in inference" in done.out


def test_a_torch_that_cannot_be_imported_is_one_message(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch.so: no such file')\n")
    done = process("memory", "lenet5", "--fit", "cuda:0", PYTHONPATH=str(tmp_path))
    assert done.code == 4
    assert "torch cannot be imported: ImportError: libtorch.so: no such file" in done.err


def test_rooms():
    assert parse_capacity("8GB", "cpu", lambda _: None) == Capacity("8GB", 8 * 10**9, "cpu")
    assert parse_capacity("1.5 GiB", "cuda", lambda _: None).bytes == 3 * 2**29
    assert parse_capacity("cuda:1", "cpu", {"cuda:1": 123}.get) == Capacity("cuda:1, free now", 116, "cuda")  # 95%
    assert parse_capacity("NVIDIA GeForce RTX-3090", "cpu", lambda _: None).device == "cuda"
    assert 8 in CARDS.values()
    assert 141 in CARDS.values()
    with pytest.raises(UsageError, match="does not say how much memory is free"):
        parse_capacity("cpu", "cpu", lambda _: None)


def test_a_room_on_a_device_has_its_matrix_workspace(monkeypatch):
    monkeypatch.setattr("cnnprof.measure.devices.check_device", lambda *_: None)
    monkeypatch.setattr("cnnprof.measure.fitting.free_memory", lambda _: 10**9)  # of which 95% are for tensors
    for size in (CUBLAS_BYTES, HOPPER_CUBLAS_BYTES):
        monkeypatch.setattr("cnnprof.measure.devices.cublas_bytes", lambda name, size=size: size)
        capacity = read_capacity("cuda:0", "cpu")
        assert capacity == Capacity("cuda:0, free now", 95 * 10**7, "cuda", size)
        run = Execution("cuda", cublas_bytes=size)
        for fit in package.memory("lenet5", fit="cuda:0").fits:
            of_batch = package.memory("lenet5", batch=fit.batch, run=run)
            assert fit.peak_bytes == (of_batch.inference if fit.mode == "infer" else of_batch.training).peak_bytes
        row = package.transfer("lenet5", 4, batch=1, fit="cuda:0").rows[0]
        assert row.fit.peak_bytes == package.transfer("lenet5", 4, batch=row.fit.batch, run=run).rows[0].footprint.peak_bytes


@pytest.mark.parametrize("capacity", [0, 9, 10, 99, 1_000, 12_345, 10**9])
@pytest.mark.parametrize(
    "peak",
    [
        lambda n: 10 * n,
        lambda n: 10 + n,
        lambda n: max(7 * n, 500),
        lambda n: 10 * n if n < 20 else 40 * n - 600,
        lambda n: n * n,
    ],
)
def test_the_largest_batch_is_the_largest(capacity, peak):
    calls = []
    fit = largest_batch(lambda n: calls.append(n) or peak(n), Capacity("", capacity, "cpu"), "infer")
    assert fit.batch == 0 or peak(fit.batch) <= capacity
    assert peak(fit.batch + 1) > capacity
    assert fit.peak_bytes == peak(fit.batch or 1)
    assert len(calls) < 70


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize(("name", "room"), [("resnet18", 160), ("torchvision:mobilenet_v3_small", 60)])
def test_the_largest_batch_fits_and_a_tenth_more_does_not(name, room, mode):
    from cnnprof.measure.devices import open_device
    from cnnprof.measure.memory import record

    fits = {fit.mode: fit for fit in package.memory(name, input_shape=(3, 96, 96), run=here(), fit=f"{room}MB").fits}
    batch = fits[mode].batch
    assert batch > 10

    def taken(size):
        graph = package.load(name, input_shape=(3, 96, 96), batch=size)
        return record(graph, open_device("cpu"), "fp32", mode, "nchw", "sgd")["peak_bytes"]

    assert taken(batch) <= room * 1e6 * 1.0001
    assert taken(batch + -(-batch // 10)) > room * 1e6


@pytest.mark.torch
def test_measured_beside_predicted():
    found = data("memory", "lenet5", "--batch", 8, "--measure", "--optimizer", "momentum")["measured"]
    assert [row["mode"] for row in found] == ["inference", "training"]
    for row in found:
        assert row["error"] is None
        assert row["predicted_bytes"] == pytest.approx(row["peak_bytes"], rel=0.01)
