"""`cnnprof sweep` and `cnnprof.sweep`: every point is what a summary of its settings is, and what is wrong is said."""

from __future__ import annotations

import csv
import io
import json
import signal
import time
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import cnnprof, start

import cnnprof as api
from cnnprof import CnnprofError
from cnnprof.api.sweep import sweep
from cnnprof.design_space.front import front
from cnnprof.design_space.space import Space
from cnnprof.judging.pareto import standings
from cnnprof.views.sweep import Order

SPACES: dict[str, dict[str, list[Any]]] = {
    "mobilenet_v1": {"width": [0.25, 0.5, 0.3, 1.0], "res": [96, 128, 224], "batch": [1, 2, 8]},
    "mobilenet_v2": {
        "width": [0.1, 0.35, 0.5, 0.75, 1.0, 1.3],
        "input": [(3, 64, 96), 96, 97, 128, 225],
        "dtype": ["fp32", "bf16"],
    },
    "mobilenet_v3_large": {"body": ["large", "small"], "penultimate": [320, 1280], "input": [32, 95, 160, 224]},
    "efficientnet_b0": {"width": [0.5, 1.0, 1.1, 1.45], "depth": [0.3, 1.0, 1.2, 1.9], "input": [65, 128, 224]},
    "regnet_y_400mf": {
        "depths": [[1, 1, 2, 1], [1, 3, 6, 6], [2, 2, 2, 2]],
        "widths": [[48, 104, 208, 440], [64, 128, 256, 512]],
        "g": [8, 16],
        "se": [True, False],
    },
    "nasnet_a_mobile": {"N": [1, 2], "maps": [264, 1056, 1000], "input": [64, 224]},
    "shufflenet_v1_g3": {"groups": [1, 2, 3, 4, 8], "width": [240, 384, 200], "scale": [0.5, 1.0]},
    "densenet121": {"k": [8, 12, 32], "theta": [0.5, 0.7], "depths": [[2, 4, 2, 2], [6, 12, 24, 16]]},
    "resnet50": {"classes": [1, 10, 1000], "input": [1, 32, 33, 224], "batch": [1, 3]},
    "googlenet": {"input": [14, 15, 64, 224], "k5": [3, 5]},
    "inception_v3": {"input": [60, 74, 75, 299]},
    "vgg16": {"hidden": [[64, 64], [4096, 4096]], "input": [31, 32, 224]},
}


def single(name: str, point: dict[str, Any]) -> dict[str, Any] | None:
    """The figures of one summary; None where there is no network."""
    own = {key: value for key, value in point.items() if key not in ("input", "batch", "dtype")}
    shape = point.get("input")
    shape = (3, shape, shape) if isinstance(shape, int) else shape
    try:
        profile = api.profile(name, shape, point.get("batch", 1), own)
    except CnnprofError:
        return None
    totals = profile.totals
    found = {key: getattr(totals, key) for key in ("params", "macs", "activations", "param_bytes", "peak_inference_bytes")}
    if point.get("dtype", "fp32") == "fp32":
        return found | {"peak_training_bytes": profile.training.peak_bytes}
    from cnnprof.footprint.execution import Execution

    memory = api.memory(name, shape, point.get("batch", 1), own, run=Execution(dtype=point["dtype"]))
    peaks = {"peak_inference_bytes": memory.inference.peak_bytes, "peak_training_bytes": memory.training.peak_bytes}
    return found | {"param_bytes": totals.params * 2} | peaks


@settings(max_examples=25)
@given(st.sampled_from(sorted(SPACES)), st.data())
def test_every_point_is_its_summary(name, data):
    axes = {
        axis: data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=4, unique_by=str))
        for axis, values in SPACES[name].items()
    }
    swept = sweep(name, axes)
    columns = swept.to_dict()
    built = iter(range(len(columns["params"])))
    combinations = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    looked_at = data.draw(st.sets(st.integers(0, len(combinations) - 1), min_size=1, max_size=3))
    failed = 0
    for number, point in enumerate(combinations):
        row = single(name, point) if number in looked_at or swept.failed["points"] else {}
        if row is None:
            failed += 1
            continue
        at = next(built)
        if number in looked_at:
            assert {key: columns[key][at].item() for key in row} == row, point
    assert failed == swept.failed["points"] or not swept.failed["points"]
    assert len(columns["params"]) + swept.failed["points"] == len(combinations)


def test_tables_of_mobilenet_v1_as_sweeps():
    # Howard et al. 2017, tables 6 and 7: million multiply-adds by width multiplier and by resolution.
    by_width = sweep("mobilenet_v1", {"width": [1.0, 0.75, 0.5, 0.25]}).to_dict()["macs"]
    assert [round(macs / 1e6) for macs in by_width] == pytest.approx([569, 325, 149, 41], abs=1)
    by_size = sweep("mobilenet_v1", {"res": [224, 192, 160, 128]}).to_dict()["macs"]
    assert [round(macs / 1e6) for macs in by_size] == pytest.approx([569, 418, 290, 186], abs=1)


def test_rows_of_a_file_are_the_grid_in_order(tmp_path):
    path = tmp_path / "points.csv"
    done = cnnprof("sweep", "mobilenet_v2", "width=0.5:1:0.25", "input=96,128", "-o", path)
    assert done.code == 0, done.err
    rows = list(csv.DictReader(path.open()))
    assert [(row["width"], row["input"]) for row in rows] == [
        (width, f"3x{size}x{size}") for width in ("0.5", "0.75", "1.0") for size in (96, 128)
    ]
    lines = cnnprof("sweep", "mobilenet_v2", "width=0.5:1:0.25", "input=96,128", "--format", "jsonl").out.splitlines()
    assert [{key: str(value) for key, value in json.loads(line).items()} for line in lines] == rows
    assert not list(tmp_path.glob("*.part"))


def test_parquet_has_the_same_points(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "points.parquet"
    assert cnnprof("sweep", "lenet5", "classes=10,20", "dtype=fp32,int8", "-o", path).code == 0
    table = parquet.read_table(path).to_pydict()
    assert table["classes"] == [10, 10, 20, 20]
    # In int8 biases keep four bytes: of two convolutions with 6 and 16 maps, and linear layers with 120, 84 and the classes.
    narrow = [table["params"][i] + 3 * (6 + 16 + 120 + 84 + classes) for i, classes in ((0, 10), (2, 20))]
    assert table["param_bytes"] == [4 * table["params"][0], narrow[0], 4 * table["params"][2], narrow[1]]
    assert table["peak_training_bytes"][1] is None


def test_int8_is_what_compare_says_of_it():
    columns = sweep("mobilenet_v2", {"width": [0.5, 1.0, 1.4], "dtype": ["int8"], "input": range(64, 260, 32)}).to_dict()
    for at in (0, 8, 20):
        shape = tuple(map(int, columns["input"][at].split("x")))
        (entry,) = api.compare(
            "mobilenet_v2", input_shape=shape, settings={"width": columns["width"][at].item()}, dtype="int8"
        ).entries
        assert columns["param_bytes"][at] == entry.figures["totals"]["param_bytes"]
        assert columns["peak_inference_bytes"][at] == entry.figures["totals"]["peak_inference_bytes"]


def rows_of(*arguments: str) -> list[dict[str, str]]:
    done = cnnprof("sweep", *arguments, "--format", "csv")
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


AXES = ("mobilenet_v2", "width=0.25:1.4:0.05", "input=96:224:32")


def test_conditions_order_and_the_largest_that_fits():
    every = rows_of(*AXES)
    fits = [row for row in every if int(row["macs"]) < 100e6 and int(row["peak_inference_bytes"]) < 12e6]
    assert rows_of(*AXES, "--where", "macs < 100M and peak < 12MB") == fits
    (best,) = rows_of(*AXES, "--within", "macs < 100M and peak < 12MB", "--largest", "macs")
    assert int(best["macs"]) == max(int(row["macs"]) for row in fits)
    top = rows_of(*AXES, "--sort", "-params", "--top", "5", "--columns", "width,params")
    assert list(top[0]) == ["width", "params"]
    params = sorted((int(row["params"]) for row in every), reverse=True)
    assert [int(row["params"]) for row in top] == params[:5]


def test_the_front_is_what_brute_force_finds():
    every = rows_of(*AXES)
    points = [(int(row["peak_inference_bytes"]), -int(row["macs"])) for row in every]

    def beaten(point):
        return any(all(a <= b for a, b in zip(other, point, strict=True)) and other != point for other in points)

    wanted = {(row["width"], row["input"]) for row, point in zip(every, points, strict=True) if not beaten(point)}
    found = rows_of(*AXES, "--pareto", "peak,+macs")
    assert {(row["width"], row["input"]) for row in found} == wanted


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=40))
def test_a_front_of_arrays_is_the_front_of_points(points):
    spans = [[(float(value), float(value)) for value in point] for point in points]
    assert front(np.array(points)).tolist() == [standing.optimal for standing in standings(spans)]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 60))
def test_blocks_are_the_points_in_order(sizes, most):
    space = Space({f"a{i}": list(range(size)) for i, size in enumerate(sizes)})
    seen = []
    for block in space.blocks(most):
        assert block.size <= max(most, 1)
        columns = block.columns(block.points.ravel())
        seen += list(zip(*(columns[name].tolist() for name in space.axes), strict=True))
    assert seen == list(product(*(range(size) for size in sizes)))


def test_a_sample_of_a_space_beyond_64_bits_is_the_same_for_a_seed():
    axes = {f"a{i}": list(range(1000)) for i in range(30)}
    drawn = [list(next(Space(axes, sample=50, seed=seed).blocks(100)).at["a29"]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Space(axes, sample=50).size == 50
    assert Space({"a": [1, 2]}, sample=50).size == 2


def test_axes_that_move_together():
    rows = rows_of("efficientnet_b0", "width=1.0,1.1", "depth=1.0,1.2", "input=224,240", "--zip", "width,depth,input")
    assert [(row["width"], row["depth"], row["input"]) for row in rows] == [
        ("1.0", "1.0", "3x224x224"),
        ("1.1", "1.2", "3x240x240"),
    ]


def test_the_table_has_the_points_and_a_heat_table():
    done = cnnprof("sweep", "mobilenet_v2", "width=0.25,1.0", "input=96,224")
    assert "width \\ input" in done.out
    assert "301M █" in done.out
    assert "3x224x224" in done.out
    data = json.loads(cnnprof("sweep", "mobilenet_v2", "width=0.25,1.0", "input=96,224", "--json").out)
    assert len(data["points"]) == 4
    assert data["axes"]["input"] == [[3, 96, 96], [3, 224, 224]]


def test_points_without_a_network_are_counted_and_the_others_go_on():
    done = cnnprof("sweep", "mobilenet_v1", "width=0.25:1:0.05", "res=96,128", "--format", "csv")
    assert len(done.out.splitlines()) == 1 + 2 * 4
    assert "no network at 24 points; the first: conv: the number of outputs is a whole number, and 32*width = 9.6" in done.err
    assert "mobilenet_v1.yaml:" in done.err
    strict = cnnprof("sweep", "mobilenet_v1", "width=0.25:1:0.05", "res=96,128", "--format", "csv", "--strict")
    assert strict.code == 3
    assert "9.6" in strict.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mobilenet_v2", "widht=1,2"], "did you mean 'width'?"),
        (["mobilenet_v2", "width=5:1:1"], "has no values"),
        (["mobilenet_v2", "width=1:5:0"], "has no values"),
        (["mobilenet_v2", "width="], "is no axis"),
        (["mobilenet_v2", "width"], "is no axis"),
        (["mobilenet_v2", "width=1", "width=2"], "named twice"),
        (["mobilenet_v2", "width=a,b"], "the setting 'width' is a number"),
        (["mobilenet_v2", "width=0:1e9:1"], "a number, not"),
        (["mobilenet_v2", "width=0:10000000:1"], "has 10,000,001 values"),
        (["mobilenet_v2", "width=0.001:100:0.001", "input=1:10000:1"], "1,000,000,000 points (100,000 x 10,000)"),
        (["mobilenet_v2", "input=0"], "not an input size"),
        (["mobilenet_v2", "batch=0"], "a batch is a whole number"),
        (["mobilenet_v2", "dtype=fp33"], "did you mean 'fp32'"),
        (["mobilenet_v2", "width=1,2", "--where", "mcas < 3"], "did you mean 'macs'"),
        (["mobilenet_v2", "width=1,2", "--sort", "parms"], "did you mean 'params'"),
        (["mobilenet_v2", "width=1,2", "--pareto", "peek"], "did you mean 'peak'"),
        (["mobilenet_v2", "width=1,2", "--columns", "widht"], "did you mean 'width'"),
        (["mobilenet_v2", "width=1,2", "input=96", "--zip", "width,input"], "equally many values"),
        (["mobilenet_v2", "width=1,2", "--zip", "width,depth"], "'depth', which is no axis"),
        (["mobilenet_v2", "width=1,2", "--largest", "macs", "--sort", "macs"], "excludes --sort"),
        (["mobilenet_v2", "width=1,2", "--format", "parquet"], "goes to a file"),
        (["nowhere", "width=1,2"], "unknown network 'nowhere'"),
    ],
)
def test_bad_input_is_one_message(arguments, said):
    done = cnnprof("sweep", *arguments)
    assert done.code in (2, 3)
    assert said in done.err
    assert done.out == ""


def test_a_run_that_is_stopped_leaves_its_points_and_is_begun_anew(tmp_path):
    path = tmp_path / "points.csv"
    part = tmp_path / "points.csv.part"
    # Ninety million points, of a network of few layers, whose first thousands are written at once.
    arguments = ("sweep", "vgg11", "classes=1:1000:1", "batch=1:250:1", "input=224:600:1", "-o", str(path))
    with start(*arguments) as running:
        until = time.monotonic() + 60
        while (not part.exists() or part.stat().st_size < 200) and time.monotonic() < until:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"the points until then are in {part}" in (err if isinstance(err, str) else err.decode())
    assert not path.exists()
    assert part.exists()
    again = cnnprof("sweep", "lenet5", "classes=10,20", "-o", path)
    assert again.code == 0
    assert f"{part} of a run that was stopped is begun anew" in again.err
    assert len(path.read_text().splitlines()) == 3
    assert not part.exists()


def test_an_overflow_is_no_wrong_number():
    columns = sweep("resnet18", {"input": [224, 2_000_000, 900_000_000], "batch": [1, 1000]}).to_dict()
    for size, batch, macs in zip(columns["input"], columns["batch"], columns["macs"], strict=True):
        shape = tuple(map(int, size.split("x")))
        assert int(macs) == api.profile("resnet18", shape, int(batch)).totals.macs


def test_the_api_gives_columns_lazily():
    swept = sweep("mobilenet_v2", {"width": [0.5, 1.0], "input": [96, (3, 128, 160)]}, where="params > 2M")
    assert repr(swept) == "<Sweep of mobilenet_v2: 4 points of width, input>"
    (block,) = swept.blocks()
    assert block["input"].tolist() == ["3x96x96", "3x128x160"]
    assert swept.report(Order(sort="-macs", top=1)).data["points"][0]["input"] == "3x128x160"
    assert swept.space.size == 4
    with pytest.raises(CnnprofError, match="no figure 'latency'"):
        sweep("lenet5", {"classes": [1]}, figures=["latency"])


@pytest.mark.torch
def test_other_networks_are_loaded_one_by_one():
    swept = sweep("torchvision:squeezenet1_1", {"num_classes": [10, 20], "input": [64]})
    params = swept.to_dict()["params"].tolist()
    assert params == [
        api.profile("torchvision:squeezenet1_1", (3, 64, 64), settings={"num_classes": count}).totals.params
        for count in (10, 20)
    ]


@pytest.mark.torch
def test_several_processes_load_what_one_does(tmp_path):
    net = tmp_path / "net.py"
    net.write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n    def __init__(self, width=4):\n"
        "        if width == 5:\n            raise ValueError('no five')\n"
        "        super().__init__(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten(), nn.Linear(width * 36, 10))\n"
    )
    axes = ("width=3,4,5,6", "input=8")
    apart, together = (
        cnnprof("sweep", f"{net}:Net", *axes, "--jobs", jobs, "--format", "csv", XDG_CACHE_HOME=str(tmp_path / jobs))
        for jobs in ("1", "2")
    )
    assert (apart.code, together.code) == (0, 0), apart.err + together.err
    assert apart.out == together.out
    rows = list(csv.DictReader(io.StringIO(together.out)))
    assert [int(row["params"]) for row in rows] == [28 * width + 10 * (36 * width + 1) for width in (3, 4, 6)]
    for done in (apart, together):
        assert "no network at 1 point; the first" in done.err
        assert "no five" in done.err


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_the_first_points_are_measured():
    done = cnnprof("sweep", "lenet5", "classes=10,20,30", "--sort=-params", "--top", "2", "--bench", "2", "--quick")
    assert done.code == 0, done.err
    assert "lenet5@classes=30" in done.out
    assert "lenet5@classes=20 / lenet5@classes=30" in done.out
    refused = cnnprof("sweep", "lenet5", "classes=10,20", "--threads", "1")
    assert "--threads says how to measure" in refused.err
    assert "in the terminal" in cnnprof("sweep", "lenet5", "classes=10", "--bench", "1", "--json").err


@pytest.mark.torch
def test_an_axis_that_a_torchvision_model_does_not_have_is_refused_at_once():
    with pytest.raises(CnnprofError, match="torchvision's densenet121 has no setting 'grwth_rate'") as caught:
        sweep("torchvision:densenet121", {"grwth_rate": [12, 32], "input": [64]})
    assert caught.value.hint == "did you mean 'growth_rate' or 'drop_rate'?"
