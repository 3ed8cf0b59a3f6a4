"""`cnnprof import` and `cnnprof init`: specs that cnnprof writes."""

import json
import os
import re

import pytest
from shell import cnnprof, process
from spec_texts import build

from cnnprof import api
from cnnprof.errors import CnnprofError
from cnnprof.network.results import Totals
from cnnprof.sources import torchvision_names
from cnnprof.sources._writing import _layers, _plain


def figures(totals: Totals) -> tuple[object, ...]:
    return totals.params, totals.aux_params, totals.ops, totals.activations


@pytest.mark.torch
@pytest.mark.parametrize("name", torchvision_names())
def test_torchvisions_networks_are_reproduced(name, tmp_path):
    theirs = api.profile(f"torchvision:{name}")
    path = tmp_path / "net.yaml"
    path.write_text(api.to_spec(theirs.graph))
    ours = api.profile(str(path))
    assert figures(ours.totals) == figures(theirs.totals)
    # ConvNeXt's linear layers have their channels last, and the same convolutions here have them first.
    weighed = [[(sorted(c.output), c.params, c.macs) for c in each.costs if c.params or c.macs] for each in (ours, theirs)]
    assert weighed[0] == weighed[1]
    text = path.read_text()
    if "blocks:" in text:
        assert text[text.index("blocks:") :].count("\n") <= len(theirs.costs) / 4


@pytest.mark.torch
@pytest.mark.parametrize("name", ["swin_t", "vit_b_16"])
def test_the_flat_form_says_layers_without_a_word_by_their_types(name):
    graph = api.load(f"torchvision:{name}")
    text = api.to_spec(graph, flat=True)
    assert _layers(build(text)) == _layers(_plain(graph))
    assert "op LayerNorm" in text
    assert "blocks:" not in text
    assert "repeat" not in text


@pytest.mark.torch
def test_one_line_a_layer_says_those_without_a_word_by_their_types():
    graph = api.load("torchvision:swin_t")
    text = api.to_spec("torchvision:swin_t", compact=False)
    assert _layers(build(text)) == _layers(_plain(graph))
    assert " | " not in text
    assert "blocks:" not in text
    assert "op LayerNorm" in text


@pytest.mark.torch
def test_what_is_not_counted_is_listed(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Odd(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.cummax(x, 1)[0], torch.special.digamma(x)\n"
    )
    for how in ({}, {"flat": True}, {"compact": False}):
        with pytest.raises(CnnprofError, match=r"what the spec language cannot say:\n(  - .*\n)*  - .*is not counted"):
            api.to_spec(f"{tmp_path}/net.py:Odd", input_shape=(3, 8, 8), **how)


@pytest.mark.torch
def test_outputs_keep_the_names_that_a_dictionary_gives_them(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Two(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.stem, self.head = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 4)\n"
        "    def forward(self, x):\n"
        "        x = self.stem(x)\n"
        "        return {'features': x, 'classes': self.head(x.mean((2, 3)))}\n"
    )
    text = api.to_spec(f"{tmp_path}/net.py:Two", input_shape=(3, 8, 8))
    assert text.endswith("outputs: {features: stem, classes: head}\n")
    assert build(text).output_names == ("features", "classes")


@pytest.mark.torch
def test_import_writes_a_file_or_the_terminal(tmp_path):
    path = tmp_path / "mobile.yaml"
    done = cnnprof("import", "torchvision:mobilenet_v3_small", "-o", path)
    assert done.code == 0, done.err
    assert done.err.strip() == f"wrote {path}: 2,542,856 params and 56,510,400 MACs, as torchvision:mobilenet_v3_small has"
    assert not done.out
    assert cnnprof("import", "torchvision:mobilenet_v3_small").out == path.read_text()
    assert api.profile(str(path)).totals.macs == 56_510_400


def test_import_takes_settings_and_an_input(tmp_path):
    path = tmp_path / "half.yaml"
    done = process("import", "mobilenet_v1", "--set", "width=0.5", "--input", "3x160x160", "-o", path)
    assert done.code == 0, done.err
    assert figures(api.profile(str(path)).totals) == figures(api.profile("mobilenet_v1@width=0.5,res=160").totals)


@pytest.mark.torch
def test_import_of_a_users_own_model(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def small(filters=8):\n"
        "    return nn.Sequential(nn.Conv2d(3, filters, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),\n"
        "        nn.Flatten(), nn.Linear(filters, 10))\n"
        "def odd():\n"
        "    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softmax(-1))\n"
    )
    said = ("import", "net.py:small", "--set", "filters=4", "--input", "3x32x32")
    assert cnnprof(*said, cwd=tmp_path).out.partition("layers:\n")[2] == "  - conv 3x3 4 p0 | relu | gap | fc 10\n"
    done = cnnprof(*said, "--flat", cwd=tmp_path)
    assert done.out.partition("layers:\n")[2] == "  - conv 3x3 4 p0\n  - relu\n  - gap\n  - flatten\n  - fc 10\n"
    for flat in ([], ["--flat"]):
        assert "  - conv 3x3 8 p0 | softmax axis=3\n" in cnnprof("import", "net.py:odd", *flat, cwd=tmp_path).out


@pytest.mark.torch
def test_operations_that_are_not_counted_stand_open(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Odd(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 8, 3)\n"
        "    def forward(self, x):\n"
        "        return torch.cummax(self.conv(x), 1)[0]\n"
    )
    refused = cnnprof("import", "net.py:Odd", "--input", "3x8x8", cwd=tmp_path)
    assert refused.code == 3
    assert "aten.cummax: it is not counted" in refused.err
    assert "with --partial, cnnprof import writes all else" in refused.err
    done = cnnprof("import", "net.py:Odd", "--input", "3x8x8", "--partial", "-o", "odd.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "opaque: " in (tmp_path / "odd.yaml").read_text()
    ours = api.profile(str(tmp_path / "odd.yaml"))
    assert ours.totals.params == 224
    # The operation has two results, and each is one that nothing is known of.
    assert [entry.partition(": ")[2] for entry in ours.totals.uncounted] == ["cummax", "cummax"]
    assert cnnprof("import", "net.py:Odd", "--flat", "--partial", cwd=tmp_path).code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "nosuchnet", "-o", "a.yaml"], 3, "unknown network 'nosuchnet'"),
        (["import", "lenet5", "-o", "a.json"], 2, "'a.json' is no name for a spec"),
        (["import", "lenet5", "-o", "nowhere/a.yaml"], 2, "there is no directory nowhere"),
        (["import", "lenet5", "--set", "widht=2"], 3, "widht"),
        (["init", "folder.yaml"], 2, "it is a directory"),
        (["init", "net.txt"], 2, "'net.txt' is no name for a spec"),
    ],
)
def test_wrong_calls_write_nothing(arguments, code, message, tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    done = cnnprof(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.yaml"]


def test_init_writes_a_spec_whose_advice_works(tmp_path):
    done = process("init", "mine.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    text = (tmp_path / "mine.yaml").read_text()
    advice = re.findall(r"cnnprof (\w+ .*?)(?:$|,|\)|\")", text, re.MULTILINE)
    assert len(advice) == 4
    for call in advice:
        assert cnnprof(*call.replace("'", "").split(), cwd=tmp_path).code == 0, call
    assert api.profile(str(tmp_path / "mine.yaml")).totals.params == 175_258


@pytest.mark.parametrize(
    ("call", "begins"),
    [
        (["init"], "# A network of your own."),
        (["init", "net.yaml", "--from", "lenet5"], "name: LeNet-5"),
        (["import", "lenet5", "-o", "net.yaml"], "name: "),
        (["show", "lenet5", "-o", "net.yaml"], "name: LeNet-5"),
        (["show", "lenet5", "-o", "lenet5.json", "-o", "net.yaml"], "name: LeNet-5"),
        (["show", "lenet5", "--expanded", "--format", "yaml", "-o", "net.yaml"], "name: "),
    ],
)
def test_a_spec_is_overwritten_only_by_force(call, begins, tmp_path):
    (tmp_path / "net.yaml").write_text("precious")
    refused = cnnprof(*call, cwd=tmp_path)
    assert (refused.code, (tmp_path / "net.yaml").read_text()) == (2, "precious")
    assert refused.err == "error: net.yaml is there already\n  = hint: choose another name, or overwrite it with --force\n"
    assert [path.name for path in tmp_path.iterdir()] == ["net.yaml"]
    assert cnnprof(*call, "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "net.yaml").read_text().startswith(begins)


def test_results_are_written_again_and_a_spec_into_a_pipe(tmp_path):
    (tmp_path / "old.json").write_text("{}")
    assert cnnprof("show", "lenet5", "-o", "old.json", cwd=tmp_path).code == 0
    assert json.loads((tmp_path / "old.json").read_text())
    if os.path.exists("/dev/null"):
        assert cnnprof("show", "lenet5", "--format", "yaml", "-o", "/dev/null").code == 0


def test_force_overwrites_no_file_that_is_read(tmp_path):
    (tmp_path / "net.yaml").write_text("input: 3x8x8\nlayers: conv 3x3 8\n")
    for call in (["import", "net.yaml", "-o", "net.yaml"], ["show", "net.yaml", "-o", "net.yaml"]):
        done = cnnprof(*call, "--force", cwd=tmp_path)
        assert (done.code, "is read by this command" in done.err) == (2, True)


def test_show_expanded_is_a_spec_of_the_same_network(tmp_path):
    text = cnnprof("show", "resnet18", "--expanded", "--format", "markdown").out
    spec = re.search(r"```yaml\n(.*)```", text, re.DOTALL)[1]
    (tmp_path / "flat.yaml").write_text(spec)
    assert figures(api.profile(str(tmp_path / "flat.yaml")).totals) == figures(api.profile("resnet18").totals)
    assert "repeat" not in spec
    assert spec.count("\n  - ") == len(api.load("resnet18"))


@pytest.mark.torch
def test_a_module_that_runs_again_shares_its_weights(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Pyramid(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.stem = nn.Conv2d(3, 16, 3, stride=2)\n"
        "        self.down = nn.Conv2d(16, 16, 3, stride=2)\n"
        "        conv = nn.Conv2d(16, 16, 3, bias=False)\n"
        "        self.head = nn.Sequential(conv, nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 4, 1))\n"
        "    def forward(self, x):\n"
        "        a = self.stem(x)\n"
        "        b = self.down(a)\n"
        "        return self.head(a), self.head(b), self.head(self.down(b))\n"
    )
    theirs = api.profile(f"{tmp_path}/net.py:Pyramid", (3, 64, 64))
    done = cnnprof("import", "net.py:Pyramid", "--input", "3x64x64", "-o", "pyramid.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    lines = (tmp_path / "pyramid.yaml").read_text().splitlines()
    assert "  head(): conv 3x3 16 p0 nobias | bn | relu | conv 1x1 4" in lines
    assert sum(line.startswith("  - head ") for line in lines) == 3
    ours = api.profile(str(tmp_path / "pyramid.yaml"))
    assert figures(ours.totals) == figures(theirs.totals)
    owners = [[node.shared != "" for node in each.graph] for each in (ours, theirs)]
    assert owners[0] == owners[1]
    assert sum(owners[0]) == 2 * 3 + 1


@pytest.mark.torch
def test_a_difference_in_wording_alone_is_none(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Scaled(nn.Module):\n"
        "    def __init__(self, features=4):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, features, 3, padding=1)\n"
        "        self.gate = nn.Conv2d(features, features, 1)\n"
        "    def forward(self, x):\n"
        "        x = self.conv(x)\n"
        "        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()\n"
        "        return nn.functional.interpolate(x, size=(32, 32)).softmax(-3)\n"
    )
    written = cnnprof("import", "net.py:Scaled", "--input", "3x16x16", "-o", "scaled.yaml", cwd=tmp_path)
    assert written.code == 0, written.err
    text = (tmp_path / "scaled.yaml").read_text()
    assert "gap" in text
    assert "upsample 2" in text
    same = cnnprof("diff", "net.py:Scaled", "scaled.yaml", "--input", "3x16x16", "--exit-code", cwd=tmp_path)
    assert same.code == 0, same.out
    (tmp_path / "scaled.yaml").write_text(text.replace("conv 3x3 4", "conv 5x5 4"))
    other = cnnprof("diff", "net.py:Scaled", "scaled.yaml", "--input", "3x16x16", "--exit-code", cwd=tmp_path)
    assert other.code == 1


@pytest.mark.torch
def test_an_input_that_has_the_name_of_a_word_is_given_by_it(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Masked(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 8, 3, padding=1)\n"
        "    def forward(self, image, mean):\n"
        "        return self.conv(image) * mean\n"
    )
    sizes = ("--input", "image=3x16x16", "mean=8x16x16")
    done = cnnprof("import", "net.py:Masked", *sizes, "-o", "net.yaml", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "inputs: {x_image: 3x16x16, x_mean: 8x16x16}\n" in (tmp_path / "net.yaml").read_text()
    same = cnnprof("diff", "net.py:Masked", "net.yaml", *sizes, "--exit-code", cwd=tmp_path)
    assert same.code == 0, same.err
    unknown = cnnprof("summary", "net.yaml", "--input", "masks=3x16x16", cwd=tmp_path)
    assert "there is no input 'masks'" in unknown.err
