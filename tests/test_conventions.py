"""Conventions by hand, layer by layer, on tensors small enough to count."""

import pytest

from cnnprof import profile
from cnnprof.counting.conventions import CONVENTIONS, convention
from cnnprof.counting.gaps import find_gaps
from cnnprof.errors import CnnprofError, UsageError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS, Layer, Ops, elements, layer_from_dict


def count(name, type_, *inputs, **fields):
    layer = layer_from_dict({"type": type_} | fields)
    output = layer.shape(*inputs)
    return CONVENTIONS[name](layer, inputs, output, layer.ops(*inputs, output=output))


X = (2, 8, 6, 6)  # 576 elements


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # 2 x 4 outputs of 6 x 6, each of 3 x 3 x 8 products
        ({"type_": "Conv", "out_channels": 4, "kernel_size": [3, 3], "padding": [1, 1]}, 2 * 4 * 36 * 72),
        ({"type_": "BatchNorm"}, 2 * 576),
        ({"type_": "BatchNorm", "affine": False}, 576),
        ({"type_": "LayerNorm", "channels_first": True}, 5 * 576),
        ({"type_": "LayerNorm", "affine": False}, 4 * 576),
        ({"type_": "GroupNorm", "groups": 4}, 5 * 576),
        ({"type_": "AdaptiveAvgPool", "output_size": [2, 2]}, 576),
        ({"type_": "AdaptiveMaxPool", "output_size": [2, 2]}, 0),
        ({"type_": "AvgPool", "kernel_size": [2, 2], "stride": [2, 2]}, 0),
        ({"type_": "MaxPool", "kernel_size": [2, 2], "stride": [2, 2]}, 0),
        ({"type_": "Upsample", "scale_factor": [2, 2]}, 4 * 576),
        ({"type_": "Upsample", "scale_factor": [2, 2], "mode": "bilinear"}, 16 * 576),
        ({"type_": "ReLU"}, 0),
        # 2 x 8 x 6 rows, each of 6 x 5 products
        ({"type_": "Linear", "out_features": 5}, 96 * 30),
        # Every input element meets 4 filters of 2 x 2.
        ({"type_": "ConvTranspose", "out_channels": 4, "kernel_size": [2, 2], "stride": [2, 2]}, 576 * 16),
    ],
    ids=lambda value: value["type_"] if isinstance(value, dict) else None,
)
def test_fvcore(layer, expected):
    assert count("fvcore", layer.pop("type_"), X, **layer) == expected


def test_fvcore_takes_no_account_of_fused_attention():
    q = (2, 3, 5, 4)
    assert count("fvcore", "ScaledDotProductAttention", q, q, q) == 0
    # 2 x 3 heads: 5 x 5 scores of 4 products, and as many for the values
    assert count("macs", "ScaledDotProductAttention", q, q, q) == 6 * 2 * 100


def test_fvcore_does_not_broadcast_matrix_products():
    assert count("fvcore", "MatMul", (1, 3, 4), (6, 4, 5)) == 3 * 4 * 5
    assert count("macs", "MatMul", (1, 3, 4), (6, 4, 5)) == 6 * 3 * 4 * 5


def test_conventions_of_a_convolution_with_bias():
    fields = {"out_channels": 4, "kernel_size": [1, 1]}
    macs = 2 * 4 * 36 * 8
    assert count("macs", "Conv", X, **fields) == macs
    assert count("flops", "Conv", X, **fields) == 2 * macs
    assert count("ops", "Conv", X, **fields) == 2 * macs + 2 * 4 * 36
    assert count("lecture", "Conv", X, **fields) == macs


def test_lecture_counts_the_window_of_a_pooling():
    # LeNet's first pooling: 6 maps of 14 x 14, windows of 2 x 2: 4,704 operations.
    assert count("lecture", "AvgPool", (1, 6, 28, 28), kernel_size=[2, 2], stride=[2, 2]) == 4704
    assert count("lecture", "AdaptiveAvgPool", X, output_size=[1, 1]) == 576


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # calflops' own output, in millions, at 224x224 and batch 1.
        ("resnet50", 8211.108),
        ("mobilenet_v2", 614.967),
        ("densenet121", 5716.881),
        ("googlenet", 3009.357),
        ("alexnet", 1429.741),
        pytest.param("torchvision:efficientnet_b0", 793.641, marks=pytest.mark.torch),
        pytest.param("torchvision:vit_b_16", 33723.326, marks=pytest.mark.torch),
    ],
)
def test_calflops(name, expected):
    gaps = find_gaps(profile(name), "calflops")
    assert round(sum(gap.theirs for gap in gaps) / 1e6, 3) == expected


@pytest.mark.parametrize(
    ("tool", "layer", "expected"),
    [
        # What the tools print for a torch module of the layer on X: thop 0.1.1, ptflops 0.7.5, torchinfo 1.8.0.
        ("thop", {"type_": "BatchNorm"}, 2304),
        ("thop", {"type_": "LayerNorm", "affine": False}, 2 * 576),
        ("thop", {"type_": "LayerNorm", "channels_first": True}, 0),
        ("thop", {"type_": "AvgPool", "kernel_size": [2, 2], "stride": [2, 2]}, 144),
        ("thop", {"type_": "AdaptiveAvgPool", "output_size": [1, 1]}, 16 * 37),
        ("thop", {"type_": "Softmax"}, 72 * 23),  # 72 positions: 8 exponentials, 7 sums, 8 quotients
        ("thop", {"type_": "PReLU"}, 576),
        ("thop", {"type_": "Upsample", "scale_factor": [2, 2], "mode": "bilinear"}, 11 * 4 * 576),
        # 2 x 4 outputs of 12 x 12, each of 8 x 4 products: four times as many as there are
        ("thop", {"type_": "ConvTranspose", "out_channels": 4, "kernel_size": [2, 2], "stride": [2, 2]}, 8 * 144 * 32),
        ("thop", {"type_": "GELU"}, 0),
        ("ptflops", {"type_": "Linear", "out_features": 5}, 96 * 35),
        ("ptflops", {"type_": "LayerNorm"}, 576),
        ("ptflops", {"type_": "GroupNorm", "groups": 4}, 2 * 576),
        ("ptflops", {"type_": "ReLU"}, 2 * 576),
        ("ptflops", {"type_": "ReLU6"}, 576),
        ("ptflops", {"type_": "MaxPool", "kernel_size": [2, 2], "stride": [2, 2]}, 2 * 576),
        ("ptflops", {"type_": "Upsample", "scale_factor": [2, 2]}, 2 * 4 * 576),
        ("ptflops", {"type_": "LocalResponseNorm", "size": 5}, 3 * 576 + 2 * 12 * 36),
        ("ptflops", {"type_": "Sigmoid"}, 0),
        ("torchinfo", {"type_": "Linear", "out_features": 5}, 2 * 35),
        ("torchinfo", {"type_": "BatchNorm"}, 2 * 16),
        ("torchinfo", {"type_": "ConvTranspose", "out_channels": 4, "kernel_size": [2, 2], "stride": [2, 2]}, 8 * 144 * 33),
        ("torchinfo", {"type_": "ReLU"}, 0),
    ],
    ids=lambda value: value["type_"] if isinstance(value, dict) else None,
)
def test_rates_of_other_tools(tool, layer, expected):
    assert count(tool, layer.pop("type_"), X, **layer) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # thop's, ptflops' and torchinfo's output for the networks built of torch modules, at 224x224 and batch 1.
        ("resnet50", (4_133_742_592, 4_132_436_968, 4_089_238_376)),
        ("alexnet", (714_206_912, 716_441_128, 714_682_664)),
        ("densenet121", (2_897_058_304, 2_899_943_400, 2_834_246_312)),
        ("googlenet", (1_511_332_032, 1_517_133_608, 1_498_391_752)),
        ("squeezenet1_0", (819_094_576, 836_821_960, 823_270_824)),
        ("shufflenet_v2_x1_0", (152_759_992, 152_487_920, 144_925_172)),
        ("alexnet_paper", (724_409_815, 729_347_320, 725_066_088)),
        ("inception_v4", (12_318_679_264, 12_329_259_464, 12_254_038_792)),
    ],
)
def test_what_other_tools_print(name, expected):
    network = profile(name)
    assert tuple(sum(gap.theirs for gap in find_gaps(network, tool)) for tool in ("thop", "ptflops", "torchinfo")) == expected


@pytest.mark.parametrize(
    ("name", "tool", "kind", "rule"),
    [
        ("alexnet", "calflops", "Conv2d", "2 for each MAC, 1 for each bias"),
        ("alexnet", "ptflops", "Linear", "1 for each MAC, 1 for each bias"),
        ("alexnet", "torchinfo", "Linear", "1 for each MAC, 1 for each bias"),
        ("resnet50", "torchinfo", "BatchNorm2d", "1 for each parameter, image by image"),
        ("resnet50", "thop", "AdaptiveAvgPool2d", "50 for each output element"),
        ("densenet121", "thop", "AvgPool2d", "1 for each output element"),
        ("vgg16", "lecture", "MaxPool2d", "1 for each input element"),
        ("googlenet", "lecture", "MaxPool2d", "differs from layer to layer"),
    ],
)
def test_the_rule_of_a_gap_is_found(name, tool, kind, rule):
    assert {gap.type: gap.rule for gap in find_gaps(profile(name), tool)}[kind] == rule


@pytest.mark.parametrize("name", CONVENTIONS)
def test_gaps_add_up(name):
    gaps = find_gaps(profile("googlenet"), name)
    assert sum(gap.ours for gap in gaps) == 1_498_376_192  # torchvision's 1.498 G
    assert sum(gap.ours + gap.difference for gap in gaps) == sum(gap.theirs for gap in gaps)


def test_the_gap_to_fvcore_is_named():
    gaps = {gap.type: gap for gap in find_gaps(profile("resnet50"), "fvcore")}
    # 2 x BatchNorm's elements, and what the global pooling reads: 22,328,320 in all.
    assert sum(gap.difference for gap in gaps.values()) == 22_328_320
    assert gaps["Conv2d"].rule == gaps["Linear"].rule == "the same"
    assert gaps["BatchNorm2d"].rule == "2 for each input element"
    assert gaps["AdaptiveAvgPool2d"].rule == "1 for each input element"
    assert gaps["BatchNorm2d"].layers == 53
    assert find_gaps(profile("lenet5"), "torch")[0].rule == "2 for each MAC"


def test_an_unknown_convention_is_answered_with_names():
    with pytest.raises(UsageError, match="there is no convention 'fvcor'") as caught:
        find_gaps(profile("lenet5"), "fvcor")
    assert caught.value.hint == "did you mean 'fvcore'?"


def test_a_second_convention_of_a_name_is_refused():
    with pytest.raises(ValueError, match="registered twice"):
        convention(CONVENTIONS["macs"])


TOOLS = ("fvcore", "calflops", "thop", "ptflops", "torchinfo")


class Prototypes(Layer):
    """A made-up layer: a distance to learned prototypes, seven a channel, in whatever arithmetic is asked for."""

    learned, products = 7, 0

    def params(self, *inputs):
        return self.learned * inputs[0][1]

    def ops(self, *inputs, output):
        return Ops(mac=self.products * elements(output), add=elements(output))


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize(("learned", "products"), [(7, 0), (0, 2), (7, 2)])
def test_a_weighted_layer_that_a_tool_is_not_known_to_count_is_an_error(monkeypatch, name, learned, products):
    monkeypatch.setattr(Prototypes, "learned", learned)
    monkeypatch.setattr(Prototypes, "products", products)
    graph = Graph("made up", X, (Node("far", Prototypes(), (INPUT,)),), ("far",))
    with pytest.raises(CnnprofError, match=f"not known what {name} counts for Prototypes\n.*conventions.py"):
        find_gaps(analyze(graph), name)
    # By what follows from the operations themselves nothing has to be said.
    (cost,) = analyze(graph).costs
    assert CONVENTIONS["ops"](cost.node.layer, cost.inputs, cost.output, cost.ops) == (2 * products + 1) * 576


@pytest.mark.parametrize("name", TOOLS)
def test_a_layer_without_weights_and_products_counts_nothing_where_a_tool_does_not_know_it(monkeypatch, name):
    monkeypatch.setattr(Prototypes, "learned", 0)
    layer = Prototypes()
    assert CONVENTIONS[name](layer, (X,), X, layer.ops(X, output=X)) == 0


@pytest.mark.parametrize("cls", LAYERS.values(), ids=LAYERS.keys())
def test_every_convention_says_what_every_layer_counts(cls):
    layer, inputs = cls.example(16)
    output = layer.shape(*inputs)
    counted = {name: count(layer, inputs, output, layer.ops(*inputs, output=output)) for name, count in CONVENTIONS.items()}
    assert all(type(value) is int and value >= 0 for value in counted.values()), counted
