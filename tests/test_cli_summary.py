"""`cnnprof summary` as a user meets it: figures, formats, options, widths."""

import csv
import io
import json

import pytest
from shell import cnnprof

# torchvision's metadata: 25,557,032 parameters; 4,089,184,256 MACs are its 4.089 G.
PARAMS, MACS = 25_557_032, 4_089_184_256


def test_totals_and_stages_of_resnet50():
    done = cnnprof("summary", "resnet50")
    assert done.code == 0
    assert f"{PARAMS:,}" in done.out
    assert f"{MACS:,}" in done.out
    assert [line.split()[0] for line in done.out.splitlines() if line.strip().startswith("stage")] == [
        f"stage{i}" for i in range(1, 5)
    ]
    assert "--depth 2" in done.out, "a long network says how to see more"
    assert "multiply-accumulates" in done.out, "the convention is named"
    assert done.err == ""


def test_json_has_the_stable_names_and_columns_add_up():
    data = json.loads(cnnprof("summary", "resnet50", "--json", "--batch", 2).out)
    assert list(data) == ["schema_version", "command", "environment", "model", "totals", "memory", "layers", "report"]
    assert set(data["model"]) == {
        "name",
        "family",
        "source",
        "input_shape",
        "settings",
        "year",
        "paper",
        "published",
        "accuracy",
    }
    totals = data["totals"]
    assert {
        "params", "trainable_params", "macs", "ops", "activations", "param_bytes",
        "activation_bytes", "peak_inference_bytes", "layers", "uncounted",
    } <= set(totals)  # fmt: skip
    assert set(totals["ops"]) == {"mac", "add", "mul", "div", "cmp", "exp"}
    assert data["model"]["input_shape"] == [2, 3, 224, 224]
    assert totals["params"] == totals["trainable_params"] == PARAMS
    assert totals["macs"] == totals["ops"]["mac"] == 2 * MACS
    assert totals["param_bytes"] == 4 * PARAMS
    layers = data["layers"]
    assert len(layers) == totals["layers"]
    for name in ("params", "macs", "activations"):
        assert sum(layer[name] for layer in layers) == totals[name]
    assert set(layers[0]) == {
        "name", "type", "inputs", "input_shape", "output_shape", "params", "macs", "ops", "activations", "receptive_field",
        "hyperparameters",
    }  # fmt: skip
    assert layers[0]["receptive_field"] == [7, 7]
    assert layers[-1]["output_shape"] == [2, 1000]


@pytest.mark.parametrize("by", ["layer", "stage", "type"])
def test_every_grouping_adds_up(by):
    rows = list(csv.DictReader(io.StringIO(cnnprof("summary", "resnet18", "--by", by, "--format", "csv").out)))
    # torchvision's resnet18: 11,689,512 parameters, 1.814 G.
    assert sum(int(row["params"]) for row in rows) == 11_689_512
    assert sum(int(row["macs"]) for row in rows) == 1_814_073_344


def test_sort_and_top():
    done = cnnprof("summary", "vgg16", "--sort", "params", "--top", 2, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    # VGG-16's first fully connected layer: 4096 (7*7*512 + 1).
    assert [int(row["params"]) for row in rows] == [102_764_544, 16_781_312]
    assert "2 of" in cnnprof("summary", "vgg16", "--sort", "params", "--top", 2).out


def test_depth_input_and_settings():
    by_block = cnnprof("summary", "resnet50", "--depth", 2, "--input", "3x160x160")
    assert "stage3.bottleneck6" in by_block.out
    assert "1x3x160x160" in by_block.out
    half = json.loads(cnnprof("summary", "mobilenet_v1", "--set", "width=0.5", "--json").out)
    same = json.loads(cnnprof("summary", "mobilenet_v1@width=0.5", "--json").out)
    named = json.loads(cnnprof("summary", "mobilenet_v1_050", "--json").out)
    assert half["totals"] == same["totals"] == named["totals"]
    assert same["model"]["name"] == "mobilenet_v1@width=0.5"


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", ["lenet5", "resnet50", "googlenet"])
def test_tables_fit_the_terminal(name, width):
    done = cnnprof("summary", name, COLUMNS=str(width))
    assert max(len(line) for line in done.out.splitlines()) <= width
    assert "…" not in done.out, "nothing is cut off"


def test_off_a_terminal_a_table_takes_what_it_needs():
    done = cnnprof("summary", "resnet50", "--by", "layer", "--format", "wide")
    assert "receptive field" not in done.err
    assert any("stage4.bottleneck3.conv3" in line and "2048x7x7" in line for line in done.out.splitlines())
    assert "\x1b" not in done.out


def test_formats_say_the_same(tmp_path):
    for suffix in ("json", "csv", "md", "html", "txt"):
        path = tmp_path / f"lenet.{suffix}"
        done = cnnprof("summary", "lenet5", "-o", path)
        assert done.code == 0
        assert done.out == ""
        text = path.read_text()
        assert "61706" in text.replace(",", "") or suffix == "csv"
        assert "48120" in text.replace(",", ""), "the parameters of LeNet's C5, 120 (16*5*5 + 1)"
    assert json.loads((tmp_path / "lenet.json").read_text())["totals"]["params"] == 61_706
    assert (tmp_path / "lenet.html").read_text().startswith("<!doctype html>")
    assert len(list(tmp_path.iterdir())) == 5, "no temporary file is left"


def test_settings_are_shown_as_they_are_given():
    shown = next(line for line in cnnprof("summary", "resnet50", "--set", "v1=true").out.splitlines() if "settings" in line)
    assert shown.endswith("depths=[3,4,6,3]  groups=1  base=64  v1=true")


def test_a_row_of_a_type_names_no_place():
    done = cnnprof("summary", "resnet18", "--by", "type", "--format", "csv")
    header, first, *_ = done.out.splitlines()
    assert header == "name,type,layers,params,params_share,macs,macs_share,ops,activations"
    assert first.startswith("Conv2d,20 layers,20,11166912,")


def test_a_head_that_does_not_fit_is_left_out_with_a_remark():
    done = cnnprof("summary", "inception_v3", "--input", "3x96x96", "--json")
    data = json.loads(done.out)
    assert data["totals"]["params"] == 23_834_568
    assert len(data["model"]["left_out"]) == 1
    assert "left out" in cnnprof("summary", "inception_v3", "--input", "3x96x96").out
    assert "an input of 3x75x75 fits" in cnnprof("summary", "inception_v3", "--input", "3x32x32").err


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_published_figures_are_of_one_image(name):
    one, eight = (
        cnnprof("summary", name, "--batch", batch, "--depth", 1).out.split("Published figures")[1] for batch in (1, 8)
    )
    assert one == eight
    assert " no" not in one


def test_parts_that_are_not_used_are_no_heads(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Linear(5, 6)\n"
        "    def forward(self, x):\n        return self.a(x)\n"
    )
    out = cnnprof("summary", "net.py:Net", "--input", "3x8x8", "--check", cwd=tmp_path).out
    assert "not used         36 params more: b" in out
    assert "parts that are not used" in out
    assert "training only" not in out
