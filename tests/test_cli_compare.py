"""`cnnprof compare` as a user meets it."""

import csv
import io
import json

import pytest
from shell import cnnprof


def test_rows_ratios_and_json():
    done = cnnprof("compare", "resnet50", "mobilenet_v2", "--json")
    data = json.loads(done.out)
    assert data["baseline"] == "resnet50"
    # torchvision's metadata: 25,557,032 and 3,504,872 parameters; 4.089 and 0.301 G.
    first, second = data["models"]
    assert [first["totals"]["params"], second["totals"]["params"]] == [25_557_032, 3_504_872]
    assert [first["totals"]["macs"], second["totals"]["macs"]] == [4_089_184_256, 300_774_272]
    assert second["relative"]["macs"] == pytest.approx(300_774_272 / 4_089_184_256)
    assert first["relative"]["macs"] == 1
    assert all(model["accuracy"]["source"] for model in data["models"])
    assert {model["pareto"] for model in data["models"]} <= {True, False}


def test_baseline_sort_and_globs():
    done = cnnprof("compare", "vgg1[69]", "resnet18", "--baseline", "resnet18", "--sort", "macs", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["model"] for row in rows] == ["resnet18", "vgg16", "vgg19"]
    assert float(rows[0]["params_ratio"]) == 1
    # 138,357,544 / 11,689,512
    assert float(rows[1]["params_ratio"]) == pytest.approx(11.836, abs=5e-4)


def test_one_network_under_two_settings():
    data = json.loads(cnnprof("compare", "mobilenet_v1", "mobilenet_v1@width=0.5", "--json").out)
    assert [model["model"]["name"] for model in data["models"]] == ["mobilenet_v1", "mobilenet_v1@width=0.5"]
    assert data["models"][1]["relative"]["params"] < 0.4


def test_batch_and_input_reach_every_network():
    data = json.loads(cnnprof("compare", "resnet18", "alexnet", "--batch", 4, "--input", "3x160x160", "--json").out)
    assert [model["model"]["input_shape"] for model in data["models"]] == [[4, 3, 160, 160]] * 2


@pytest.mark.torch
def test_a_spec_beside_torchvisions_own():
    data = json.loads(cnnprof("compare", "resnet18", "torchvision:resnet18", "--json").out)
    ours, theirs = data["models"]
    assert ours["model"]["name"] != theirs["model"]["name"]
    for figure in ("params", "macs", "activations", "ops"):
        assert ours["totals"][figure] == theirs["totals"][figure]


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_measured_columns():
    done = cnnprof("compare", "lenet5", "squeezenet1_1", "--bench", "--quick", "--json")
    assert done.code == 0
    for model in json.loads(done.out)["models"]:
        measured = model["measurement"]
        assert measured["status"] == "ok"
        assert measured["latency_ms"]["median"] > 0
        assert measured["throughput_img_s"] == pytest.approx(1e3 / measured["latency_ms"]["median"])
        assert measured["peak_memory_bytes"] > model["totals"]["param_bytes"]
        assert model["relative"]["latency_ms"] > 0


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_fits(width):
    done = cnnprof("compare", "resnet*", "densenet*", COLUMNS=str(width))
    assert max(len(line) for line in done.out.splitlines()) <= width
    assert "resnet1202" in done.out
    assert "…" not in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", "lenet5", "--threads", "2"), "--threads says how to measure, and nothing is measured without --bench"),
        (("compare", "lenet5", "--sort", "latency_ms"), "--sort latency_ms orders by what is measured"),
        (("check", "lenet5", "--max-params", "1M", "--device", "cuda"), "nothing is measured without --max-latency"),
        (("transfer", "lenet5", "--classes", "5", "--quick"), "--quick says how to measure"),
    ],
)
def test_what_only_a_measurement_heeds_is_refused_without_one(arguments, said):
    done = cnnprof(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
