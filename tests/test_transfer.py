"""Transfer learning: the new classifier, what each strategy trains and computes, and what torch records of it."""

import json
from itertools import pairwise

import pytest
from processor import here
from shell import cnnprof

import cnnprof as package
from cnnprof.errors import UsageError
from cnnprof.network.layers.regularization import Dropout
from cnnprof.transfer_learning import backward_macs, find_classifier


def rows(name, classes=10, **more):
    return {row.strategy.name: row for row in package.transfer(name, classes, **more).rows}


def test_the_classifier_is_replaced_and_counted():
    found = rows("resnet50", 102, batch=1)
    # torchvision's 25,557,032 less a classifier of 2,049 * 1,000, and the new one.
    assert found["from scratch"].profile.totals.trainable_params == 25_557_032 - 2_049_000 + 2_049 * 102
    assert found["classifier only"].profile.totals.trainable_params == 2_049 * 102
    assert found["cached features"].profile.totals.params == 2_049 * 102
    assert found["cached features"].profile.graph.input_shape == (1, 2048)


def test_backward_macs_by_hand():
    found = rows("lenet5", 10, batch=1)
    costs = {cost.node.name: cost for cost in found["from scratch"].profile.costs}
    macs = {name: cost.macs for name, cost in costs.items() if cost.macs}
    # Every layer for its weights, and all but the first for its input.
    assert backward_macs(costs.values()) == 2 * sum(macs.values()) - macs["C1.conv1"]
    # The classifier's weights alone: 84 * 10, nothing further down.
    assert backward_macs(found["classifier only"].profile.costs) == 840
    # F6 for its weights, the classifier for both.
    assert backward_macs(found["last stage"].profile.costs) == 120 * 84 + 2 * 840


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resnet18", "torchvision:googlenet", "torchvision:swin_v2_t", "torchvision:vit_b_32"])
def test_backward_macs_are_those_of_torchs_counter(name):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cnnprof.torch_bridge.instantiate import instantiate

    profile = package.profile(name, batch=2)
    module, x = instantiate(profile.graph).to("meta").eval(), torch.empty(profile.graph.input_shape, device="meta")
    with FlopCounterMode(display=False) as counter:
        module(x).sum().backward()
    assert 2 * (profile.totals.macs + backward_macs(profile.costs)) == counter.get_total_flops()


def test_strategies_take_less_and_less():
    found = rows("mobilenet_v2", 5, batch=8, fit="2GB")
    order = ["fine-tune all", "last two stages", "last stage", "classifier only", "cached features"]
    for more, less in pairwise(order):
        assert found[more].footprint.peak_bytes >= found[less].footprint.peak_bytes
        assert found[more].fit.batch <= found[less].fit.batch
        assert found[more].profile.totals.trainable_params >= found[less].profile.totals.trainable_params


@pytest.mark.parametrize(
    ("name", "classifier", "stages"),
    [
        ("vgg16", "fc3", "stage5, stage6"),
        ("densenet121", "fc1", "stage3, stage4, bn2"),
        ("mobilenet_v2", "fc1", "stage7, conv2, bn2"),
        ("torchvision:vgg16", "classifier.6", "features.28, classifier.0, classifier.3"),
        ("squeezenet1_1", "conv2", None),
        ("googlenet", "fc1", "5a, 5b"),
    ],
)
def test_classifiers_and_stages_are_found(name, classifier, stages):
    profile = package.profile(name)
    found = find_classifier(profile)
    assert (
        profile.costs[[cost.node.name for cost in profile.costs].index(found)].output[-1 if name != "squeezenet1_1" else 1]
        == 1000
    )
    trains = rows(name, batch=1)["last two stages"].strategy.trains
    assert trains.endswith(f", {found}")
    if stages:
        assert trains.startswith(stages)


def test_auxiliary_heads_are_left_out():
    assert not any(node.aux for node in rows("googlenet", batch=1)["from scratch"].profile.graph)


def test_the_api_says_what_is_wrong():
    with pytest.raises(UsageError, match="a classifier has at least one class, not 0"):
        package.transfer("lenet5", 0)
    with pytest.raises(UsageError, match="'training' is no mode"):
        package.memory("lenet5").report("training")
    one = rows("resnet18", batch=1, freeze="stage1")["chosen"]
    assert one.strategy == rows("resnet18", batch=1, freeze=["stage1"])["chosen"].strategy


def test_freezing_by_pattern():
    found = rows("resnet18", batch=2, freeze=["stage1", "*bn*"])["chosen"]
    frozen = {node.name for node in found.profile.graph if not node.trainable}
    assert {"stage1.basic1.conv1", "bn1", "stage4.basic2.bn2"} <= frozen
    assert frozen.isdisjoint({"conv1", "stage2.basic1.conv1", "fc1"})
    of_blocks = rows("resnet18", batch=2, freeze=["stage[12]", "stage3.basic?"])["chosen"].profile.graph
    assert {node.name.split(".")[0] for node in of_blocks if not node.trainable} == {"stage1", "stage2", "stage3"}


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["lenet5", "--classes", "5", "--freeze", "stage9"], "no layer's name matches 'stage9'", "its blocks are C1"),
        (["lenet5", "--classes", "5", "--freeze", "*"], "nothing is left to train", "leave the classifier out"),
        (["resnet18", "--classes", "5", "--freeze", "relu1"], "nothing that 'relu1' matches has weights", "summary --by layer"),
        (["lenet5", "--classes", "5", "--fit", ""], "'' is no amount of memory", "8GB"),
        (["lenet5", "--classes", "5", "--classifier", "fc7"], "lenet5 has no layer 'fc7'", "fc1"),
        (
            ["lenet5", "--classes", "5", "--classifier", "softmax1"],
            "softmax1 of lenet5 is no linear layer",
            "name one with --classifier: fc1",
        ),
        (["lenet5", "--classes", "5", "--freeze", "nosuch"], "no layer's name matches 'nosuch'", "its blocks are C1, S2, C3,"),
        (
            ["lenet5", "--classes", "5", "--classifier", "C1.conv1"],
            "C1.conv1 of lenet5 is no linear layer and no 1x1 convolution",
            "name one with --classifier: fc1",
        ),
        (
            ["lenet5", "--classes", "5", "--classifier", "F6.fc1"],
            "F6.fc1 of lenet5 gives no scores: layers with weights",
            "fc1",
        ),
        (["conv 3x3 8", "--classes", "5", "--input", "3x32x32"], "has no classifier: no linear layer", ""),
        (["ssd300_vgg16", "--classes", "5"], "with weights of its own gives an output", "ssd300_vgg16@classes=N has N classes"),
        (["lenet5", "--classes", "5", "--optimizer", "sdg"], "unknown optimizer 'sdg'", "sgd"),
        (["lenet5", "--classes", "0"], "0", ""),
        (["lenet5", "--classes", "5", "--fit", "big"], "'big' is no amount of memory", "8GB"),
    ],
)
def test_wrong_input_is_one_message(arguments, message, hint):
    done = cnnprof("transfer", *arguments)
    assert done.code == 2
    assert message in done.err
    assert hint in done.err
    assert not done.out


def test_of_several_heads_the_last_is_replaced_and_its_features_are_kept(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.a, self.b = nn.Conv2d(3, 8, 3), nn.Linear(8, 5), nn.Linear(8, 4)\n"
        "    def forward(self, x):\n"
        "        x = self.conv(x).mean((2, 3))\n"
        "        return self.a(x), self.b(x)\n"
    )
    done = cnnprof("transfer", "net.py:Net", "--input", "3x8x8", "--classes", 7, "--batch", 2, "--json", cwd=tmp_path)
    cached = next(row for row in json.loads(done.out)["strategies"] if row["strategy"] == "cached features")
    assert cached["params"] == cached["trainable_params"] == 8 * 7 + 7
    assert cached["forward_macs"] == 2 * 8 * 7


def test_scores_that_are_joined_cannot_have_another_number(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.a, self.b = nn.Conv2d(3, 8, 3), nn.Linear(8, 5), nn.Linear(8, 5)\n"
        "    def forward(self, x):\n"
        "        x = self.conv(x).mean((2, 3))\n"
        "        return self.a(x) + self.b(x)\n"
    )
    done = cnnprof("transfer", "net.py:Net", "--input", "3x8x8", "--classes", 7, cwd=tmp_path)
    assert done.code == 2
    assert "does not work with 7 outputs of b: " in done.err
    assert "cannot join the shapes 5 and 7\n  = hint: its scores are joined" in done.err


def test_every_format_and_width():
    for arguments in (["--json"], ["--format", "csv"], ["--format", "markdown"], ["--format", "html"], ["--format", "wide"]):
        assert "cached features" in cnnprof("transfer", "lenet5", "--classes", 5, *arguments).out
    for width in ("80", "100", "160"):
        done = cnnprof("transfer", "resnet18", "--classes", 5, "--fit", "T4", COLUMNS=width)
        for case in ("much    similar    last stage", "much    different  fine-tune all", "little  different  none is good"):
            assert case in done.out
        assert max(map(len, done.out.splitlines())) <= int(width)


def test_json_has_the_footprint():
    found = json.loads(cnnprof("transfer", "lenet5", "--classes", 5, "--batch", 4, "--json").out)
    first = found["strategies"][0]
    parts = [value for name, value in first["training"].items() if name.endswith("_bytes") and name != "peak_bytes"]
    assert first["training"]["peak_bytes"] == sum(parts)
    assert (found["classes"], found["batch"], first["strategy"]) == (5, 4, "from scratch")


def test_a_classifier_that_is_not_found_can_be_named():
    with pytest.raises(UsageError, match="no classifier"):
        package.transfer("conv 3x3 8 | conv 3x3 4", 5, input_shape=(3, 32, 32))


@pytest.mark.parametrize(
    ("last", "head", "weights"),
    [
        ("conv 3x3 4", "conv2", 8 * 9),
        ("deconv 2x2 4 s2 p0", "deconv1", 8 * 4),
        ("conv 3x3 4 | upsample 2 bilinear", "conv2", 8 * 9),
    ],
)
def test_a_convolution_that_scores_pixels_is_a_classifier_by_name(last, head, weights):
    """As in SegNet, LinkNet and ERFNet: 7 classes with a bias each, read by nothing that has weights."""
    found = package.transfer(f"conv 3x3 8 | relu | {last}", 7, input_shape=(3, 32, 32), classifier=head)
    alone = next(row for row in found.rows if row.strategy.name == "classifier only")
    assert alone.profile.totals.trainable_params == 7 * (weights + 1)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "freeze"), [("resnet18", ["stage1"]), ("torchvision:squeezenet1_1", ["features.[0-5]*"])])
def test_a_real_step_takes_what_a_row_says(name, freeze):
    from cnnprof.measure.devices import open_device
    from cnnprof.measure.memory import record

    for row in rows(name, 7, batch=4, input_shape=(3, 96, 96), run=here(), optimizer="momentum", freeze=freeze).values():
        measured = record(row.profile.graph, open_device("cpu"), "fp32", "train", "nchw", "momentum")["peak_bytes"]
        assert row.footprint.peak_bytes == pytest.approx(measured, rel=0.01), row.strategy.name


def test_what_is_frozen_drops_nothing():
    graph = rows("convnext_tiny", 7, batch=2, freeze=["stage[12]"])["chosen"].profile.graph
    dropped = {node.name.split(".")[0]: node.layer.p > 0 for node in graph if isinstance(node.layer, Dropout)}
    assert dropped == {"stage1": False, "stage2": False, "stage3": True, "stage4": True}


@pytest.mark.torch
def test_what_is_frozen_keeps_its_statistics():
    from cnnprof.measure.options import Options
    from cnnprof.measure.workload import prepare

    graph = rows("resnet18", 7, batch=2, input_shape=(3, 64, 64), freeze=["stage[12]"])["chosen"].profile.graph
    step = prepare(graph, 2, "cpu", Options(mode="train", optimizer="adamw")).run
    means = {name: mean.clone() for name, mean in step._module.named_buffers() if name.endswith("running_mean")}
    step()
    changed = {name for name, mean in step._module.named_buffers() if name in means and not mean.equal(means[name])}
    assert changed == {name for name in means if not name.startswith(("stage1.", "stage2."))}
    assert type(step._optimizer).__name__ == "AdamW"


@pytest.mark.torch
@pytest.mark.usefixtures("brisk")
def test_step_times_are_measured():
    done = cnnprof("transfer", "lenet5", "--classes", 5, "--batch", 2, "--bench", "--quick", "--json")
    assert done.code == 0, done.err
    assert all(row["measurement"]["status"] == "ok" for row in json.loads(done.out)["strategies"])


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "strategy"), [("mnasnet1_3", "last stage"), ("mnasnet1_3", "classifier only"), ("efficientnet_b0", "chosen")]
)
def test_a_step_of_torchvisions_own_module_takes_what_a_row_says(name, strategy):
    from contextlib import nullcontext

    import torch

    from cnnprof.measure.devices import open_device
    from cnnprof.measure.workload import TrainingStep
    from cnnprof.torch_bridge.zoo import torchvision_model

    shape = (3, 131, 97)
    given = {"batch": 3, "input_shape": shape, "run": here(), "optimizer": "momentum", "freeze": ["*[235]"]}
    row = rows(f"torchvision:{name}", 17, **given)[strategy]
    frozen = {node.name for node in row.profile.graph if not node.trainable}
    module, x = torchvision_model(name, {}, (3, *shape)).train(), torch.randn(3, *shape)
    module.classifier[1] = torch.nn.Linear(module.classifier[1].in_features, 17)
    for name, part in module.named_modules():
        if name in frozen:
            part.eval().requires_grad_(False)
    step = TrainingStep(module, (x,), nullcontext, "momentum")
    step()
    own = sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers(), x))
    recorded = own + step.state_bytes + open_device("cpu").peak_growth(step)
    assert row.footprint.peak_bytes == pytest.approx(recorded, rel=0.01)


@pytest.mark.torch
def test_what_a_network_comes_frozen_with_is_trained_again(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make():\n"
        "    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 7))\n"
        "    return net.requires_grad_(False)\n"
    )
    monkeypatch.chdir(tmp_path)
    found = rows("net.py:make", 5, input_shape=(3, 32, 32))
    trained = {name: row.profile.totals.trainable_params for name, row in found.items()}
    assert trained["from scratch"] == trained["fine-tune all"] == 4 * (27 + 1) + 5 * (4 + 1)
    assert trained["classifier only"] == 5 * (4 + 1)
