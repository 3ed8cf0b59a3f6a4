"""Receptive fields against numerical ones: the pixels with a gradient behind one output position, over whole networks."""

from dataclasses import replace

import pytest

from cnnprof import load
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS as L
from cnnprof.network.layers.activation import Activation, Softmax
from cnnprof.network.layers.arrangement import Pad
from cnnprof.network.layers.convolution import Conv, PartialConv
from cnnprof.network.layers.linear import RBF, Linear
from cnnprof.network.layers.merging import Join
from cnnprof.network.layers.normalization import BatchNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AvgPool, MaxPool, Subsample

NETWORKS = {
    "lenet5": 64,
    "lenet5_paper": 64,
    "alexnet": 287,
    "vgg16": 256,
    "googlenet": 224,
    "inception_v3": 299,
    "resnet18": 480,
    "resnet50": 224,
    "resnext50_32x4d": 224,
    "resnet20": 160,
    "densenet121": 160,
    "squeezenet1_1": 227,
    "mobilenet_v1": 224,
    "mobilenet_v2": 224,
}
"""Networks with the side of an input that leaves most of their layers' fields whole."""


def linear(layer):
    """The layer with the same windows and one channel in place of any number, of which every input has a positive share."""
    if isinstance(layer, Conv):
        return replace(layer, out_channels=1, groups=1, bias=False)
    if isinstance(layer, PartialConv):
        return Conv(1, layer.kernel_size, layer.stride, layer.padding, bias=False)
    if isinstance(layer, (MaxPool, Subsample)):
        return AvgPool(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
    if isinstance(layer, (Linear, RBF)):
        return Linear(1, bias=False)
    if isinstance(layer, Pad):
        return replace(layer, amounts=layer.amounts[-2:])
    if isinstance(layer, Join):
        return replace(layer, inplace=False)
    return L["Identity"]() if isinstance(layer, (Activation, Softmax, BatchNorm, LocalResponseNorm)) else layer


def positive(graph):
    return replace(graph, nodes=tuple(replace(node, layer=linear(node.layer)) for node in graph.nodes))


def numerical(graph, names):
    """For each named node the first and the last row and column whose pixels move its central position."""
    import torch

    from cnnprof.torch_bridge.build import build

    found = {}
    for name in names:
        module = build(replace(graph, outputs=(name,))).double().eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(1 / parameter[0].numel())
        x = torch.ones(graph.input_shape, dtype=torch.double, requires_grad=True)
        output = module(x)
        # Features without a place look at all positions together.
        (output[:, :, output.shape[2] // 2, output.shape[3] // 2] if output.dim() == 4 else output).sum().backward()
        seen = x.grad[0].abs().sum(0).nonzero()
        found[name] = tuple(zip(seen.min(0).values.tolist(), seen.max(0).values.tolist(), strict=True))
    return found


def theoretical(cost, input_shape):
    """The same from the rules, cut at the edges of the input."""
    positions = cost.output[2:] or (1, 1)
    pairs = zip(cost.fields, positions, input_shape[2:], strict=True)
    return tuple((max(0, f.at(n // 2)[0]), min(side - 1, f.at(n // 2)[1])) for f, n, side in pairs)


def compare(graph, every):
    profile = analyze(positive(graph))
    run = [cost for cost in profile.costs if cost.fields and not cost.node.aux]
    chosen = run[::every] + run[-1:]
    found = numerical(profile.graph, [cost.node.name for cost in chosen])
    assert found == {cost.node.name: theoretical(cost, graph.input_shape) for cost in chosen}


@pytest.mark.torch
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_exactly_the_field(name):
    side = NETWORKS[name]
    graph = load(name, input_shape=(load(name).input_shape[1], side, side))
    compare(graph, every=max(1, len(graph) // 6))


def conv(kernel, dilation=1, stride=1):
    reach = dilation * (kernel - 1) // 2
    return Conv(1, (kernel, kernel), (stride, stride), (reach, reach), (dilation, dilation), bias=False)


def joined(*nodes, side=96):
    """A graph of (name, layer, inputs)."""
    return Graph("test", (1, 1, side, side), tuple(Node(*node) for node in nodes), (nodes[-1][0],))


DILATED = joined(
    ("stem", conv(3, stride=2), (INPUT,)),
    ("near", conv(1), ("stem",)),
    ("mid", conv(3, dilation=3), ("stem",)),
    ("far", conv(3, dilation=6), ("mid",)),
    ("join", L["Concat"](), ("near", "mid", "far")),
    ("fuse", conv(3), ("join",)),
    ("skip", L["Add"](), ("fuse", "stem")),
)
SQUEEZED = joined(
    ("stem", conv(3, stride=2), (INPUT,)),
    ("squeeze", L["AdaptiveAvgPool"]((1, 1)), ("stem",)),
    ("excite", conv(1), ("squeeze",)),
    ("bias", L["Parameter"]((1, 1, 1, 1)), ()),
    ("shifted", L["Add"](), ("excite", "bias")),
    ("scale", L["Mul"](), ("stem", "shifted")),
    ("after", conv(3, stride=2), ("scale",)),
    side=95,
)


@pytest.mark.torch
@pytest.mark.parametrize("graph", [DILATED, SQUEEZED], ids=["dilated branches", "squeeze and excitation"])
def test_gradients_reach_exactly_the_field_of_every_layer(graph):
    compare(graph, every=1)


def test_fields_by_hand():
    fields = {cost.node.name: cost.fields and cost.fields[0] for cost in analyze(DILATED).costs}
    assert fields["stem"] == (-1, 1, 2)
    assert fields["mid"] == (-1 - 3 * 2, 1 + 3 * 2, 2)
    assert fields["far"] == fields["join"] == (-7 - 6 * 2, 7 + 6 * 2, 2)
    assert fields["skip"] == (-19 - 2, 19 + 2, 2)
    fields = {cost.node.name: cost.fields and cost.fields[0] for cost in analyze(SQUEEZED).costs}
    assert fields["bias"] == ()
    # 48 positions of the stem: from -1 to 47 * 2 + 1, whichever the position, from the scaling on.
    assert fields["squeeze"][:2] == (-1, 95)
    assert fields["scale"] == fields["after"] == (-1, 95, 0)


UNEVEN = {
    "deconv 4x4 s2 p1": L["ConvTranspose"](1, (4, 4), (2, 2), (1, 1), bias=False),
    "deconv 2x2 s2": L["ConvTranspose"](1, (2, 2), (2, 2), bias=False),
    "deconv 5x3 s3x2": L["ConvTranspose"](1, (5, 3), (3, 2), (2, 1), (1, 0), bias=False),
    "nearest": L["Upsample"]((2, 3)),
    "bilinear": L["Upsample"]((2, 4), "bilinear"),
    "bilinear to a size": L["Upsample"](mode="bilinear", size=(57, 66)),
    "nearest to a size": L["Upsample"](mode="nearest", size=(57, 66)),
    "smaller": L["Upsample"](mode="bilinear", size=(17, 30)),
    "adaptive": L["AdaptiveAvgPool"]((7, 5)),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", UNEVEN)
@pytest.mark.parametrize("down", [1, 2])
def test_gradients_reach_exactly_the_field_of_every_position(name, down):
    """Positions along the diagonal, behind an enlargement, a convolution of it, one with stride and a join."""
    graph = joined(
        ("stem", conv(3, stride=down), (INPUT,)),
        ("uneven", UNEVEN[name], ("stem",)),
        ("after", conv(3), ("uneven",)),
        ("wide", conv(3, dilation=2), ("uneven",)),
        ("join", L["Add"](), ("after", "wide")),
        ("less", conv(3, stride=2), ("join",)),
        ("again", L["Upsample"]((2, 2)), ("less",)),
        side=48 // down,
    )
    profile = analyze(positive(graph))
    for cost in profile.costs:
        # In the middle, where no window reaches into the padding.
        n = min(cost.output[2:])
        positions = range(n // 2 - n // 6, n // 2 + n // 6 + 1)
        for at, pixels in zip(positions, seen_from(profile.graph, cost.node.name, positions), strict=True):
            assert pixels == tuple(clipped(field.at(at), 48 // down) for field in cost.fields), (cost.node.name, at)


def clipped(span, side):
    return max(0, span[0]), min(side - 1, span[1])


def seen_from(graph, name, positions):
    """The first and last row and column whose pixels move each of these positions of the diagonal."""
    import torch

    from cnnprof.torch_bridge.build import build

    module = build(replace(graph, outputs=(name,))).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    x = torch.ones(graph.input_shape, dtype=torch.double, requires_grad=True)
    output = module(x)
    for at in positions:
        (gradient,) = torch.autograd.grad(output[0, 0, at, at], x, retain_graph=True)
        seen = gradient[0, 0].nonzero()
        yield tuple(zip(seen.min(0).values.tolist(), seen.max(0).values.tolist(), strict=True))


def test_what_is_seen_through_an_enlargement_by_hand():
    graph = joined(("stem", conv(3, stride=2), (INPUT,)), ("up", L["Upsample"]((2, 2)), ("stem",)), ("after", conv(3), ("up",)))
    stem, up, after = (cost.fields[0] for cost in analyze(graph).costs)
    assert (stem.size, stem.jump) == (3, 2)
    # Two positions side by side see the same three pixels; three see those of two positions of the stem.
    assert (up.size, up.jump, up.at(4), up.at(5)) == (3, 1, (3, 5), (3, 5))
    assert (after.size, after.jump, after.at(4), after.at(5)) == (5, 1, (1, 5), (3, 7))


def test_a_transposed_convolution_may_leave_gaps():
    layer = L["ConvTranspose"](1, (1, 1), (2, 2), bias=False)
    graph = joined(("gaps", layer, (INPUT,)), ("after", conv(3), ("gaps",)))
    gaps, after = (cost.fields[0] for cost in analyze(graph).costs)
    assert (gaps.size, gaps.at(2)) == (1, (1, 1))
    assert (after.size, after.at(2), after.at(3)) == (2, (1, 1), (1, 2))


def test_a_field_of_unknown_sizes_behind_an_enlargement_is_not_defined():
    from sympy import Symbol

    size = Symbol("H", integer=True, positive=True)
    up = L["Upsample"](mode="nearest", size=(2 * size, 2 * size))
    graph = replace(joined(("up", up, (INPUT,))), input_shape=(1, 1, size, size))
    assert analyze(graph).costs[-1].receptive_field is None


def test_branches_of_different_strides_have_no_common_field():
    graph = joined(
        ("fine", L["Pad"](((0, -48), (0, -48))), (INPUT,)),
        ("coarse", conv(3, stride=2), (INPUT,)),
        ("join", L["Add"](), ("fine", "coarse")),
    )
    assert analyze(graph).costs[-1].receptive_field is None


def test_a_pad_of_channels_sees_what_lies_below():
    fields = {cost.node.name: cost.fields for cost in analyze(load("resnet20")).costs}
    assert None not in fields.values()
    assert fields["stage2.unit1.shortcut1.pad1"] == fields["stage2.unit1.shortcut1.maxpool1"]
