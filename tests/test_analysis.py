"""Shapes, totals, roll-ups, receptive fields and memory of small graphs, derived by hand."""

import numpy as np
import pytest
import sympy

from cnnprof.errors import CnnprofError, Place
from cnnprof.footprint.analysis import analyze_memory
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS, Ops

L = LAYERS


def chain(*steps, input_shape=(1, 3, 8, 8), **facts):
    """A graph of (name, layer, *inputs); without inputs a step follows the one before."""
    nodes, before = [], INPUT
    for name, layer, *inputs in steps:
        nodes.append(Node(name, layer, tuple(inputs) or (before,)))
        before = name
    return Graph("test", input_shape, tuple(nodes), (before,), **facts)


def conv(channels, kernel, stride=1, padding=0, **more):
    return L["Conv"](channels, (kernel, kernel), (stride, stride), (padding, padding), **more)


def test_a_residual_block_by_hand():
    graph = chain(
        ("stem", conv(4, 3, padding=1)),
        ("block.conv1", conv(4, 3, padding=1, bias=False)),
        ("block.bn1", L["BatchNorm"]()),
        ("block.relu1", L["ReLU"](inplace=True)),
        ("block.add", L["Add"](), "block.relu1", "stem"),
        ("gap", L["AdaptiveAvgPool"]((1, 1))),
        ("flatten", L["Flatten"]()),
        ("fc", L["Linear"](10)),
    )
    totals = analyze_memory(graph).totals
    # 4 (3*3*3 + 1) + 4*4*3*3 + 2*4 + 10 (4 + 1)
    assert totals.params == totals.trainable_params == 112 + 144 + 8 + 50
    # 8*8*4 positions of 27 and of 36, and the classifier.
    assert totals.macs == 256 * 27 + 256 * 36 + 40
    # stem, conv1, bn1 and add write 256 each; the relu is in place, flatten a view; then 4 means and 10 scores.
    assert totals.activations == 4 * 256 + 4 + 10
    assert totals.ops == Ops(mac=totals.macs, add=256 + 256 + 256 + (256 - 4) + 10, mul=256, div=4, cmp=256, exp=0)
    # While conv1 runs: weights, bn1's mean, variance and count, the input (192), the stem's output and its own. A convolution
    # of one small image is a matrix product over the windows: 4*3*3 for each of 64 positions.
    assert totals.peak_inference_bytes == 4 * (totals.params + 2 * 4 + 192 + 2 * 256 + 36 * 64) + 8
    assert totals.layers == 8


def test_rollups_add_up():
    graph = chain(
        ("a.b.conv", conv(4, 1)),
        ("a.b.relu", L["ReLU"]()),
        ("a.c.conv", conv(5, 1)),
        ("d", L["ReLU"]()),
        ("a.b.again", conv(2, 1)),
    )
    profile = analyze(graph)
    assert [row.name for row in profile.rollup(1)] == ["a", "d"]
    assert [row.name for row in profile.rollup(2)] == ["a.b", "a.c", "d"]
    assert [row.name for row in profile.by_type()] == ["Conv2d", "ReLU"]
    assert profile.rollup(2)[0].layers == 3
    for rows in (profile.rows(), profile.rollup(1), profile.rollup(2), profile.rollup(9), profile.by_type()):
        assert sum(row.params for row in rows) == profile.totals.params
        assert sum(row.macs for row in rows) == profile.totals.macs
        assert sum(row.activations for row in rows) == profile.totals.activations
        assert sum(row.layers for row in rows) == profile.totals.layers


def test_aux_shared_and_frozen_weights_are_counted_apart():
    graph = Graph(
        "test",
        (1, 3, 8, 8),
        (
            Node("body", conv(4, 1), (INPUT,), trainable=False),
            Node("again", conv(4, 1), ("body",), owns_params=False),
            Node("head", conv(9, 1), ("body",), aux=True),
        ),
        ("again",),
        aux_params={"other": 7},
    )
    totals = analyze(graph).totals
    assert (totals.params, totals.trainable_params, totals.aux_params) == (16, 0, 9 * 5 + 7)
    assert totals.macs == 64 * 4 * 3 + 64 * 4 * 4
    assert totals.layers == 2


def test_receptive_field_by_hand():
    graph = chain(
        ("conv1", conv(4, 7, 2, 3)),  # 7, jump 2
        ("pool", L["MaxPool"]((3, 3), (2, 2), (1, 1))),  # 7 + 2*2 = 11, jump 4
        ("dilated", L["Conv"](4, (3, 3), padding=(2, 2), dilation=(2, 2))),  # 11 + 4*4 = 27
        ("skip", L["Add"](), "dilated", "pool"),
        ("gap", L["AdaptiveAvgPool"]((1, 1))),  # 8x8 positions: 27 + 7*4 = 55
        ("attention", L["ScaledDotProductAttention"](), "gap", "gap", "gap"),
        input_shape=(1, 3, 32, 32),
    )
    assert [cost.receptive_field for cost in analyze(graph).costs] == [(7, 7), (11, 11), (27, 27), (27, 27), (55, 55), None]


def test_branches_off_centre_see_more_than_either():
    # Without padding the 3x3 branch looks 0..2, and padded by two -2..0: together five pixels.
    graph = chain(
        ("left", conv(4, 3, padding=0)),
        ("right", conv(4, 3, padding=2), INPUT),
        ("cut", L["Slice"](1, 0, 4), "right"),
        ("crop", L["Pad"](((0, -4), (0, -4)))),
        ("join", L["Add"](), "left", "crop"),
    )
    assert analyze(graph).costs[-1].receptive_field == (5, 5)


def test_arrays_and_symbols_pass_through_a_graph():
    steps = [
        ("conv1", conv(4, 3, 2, 1)),
        ("pool", L["MaxPool"]((2, 2), (2, 2))),
        ("flatten", L["Flatten"]()),
        ("fc", L["Linear"](5)),
    ]
    sizes = np.array([8, 16, 32])
    h = sympy.Symbol("h", integer=True, positive=True)
    ints = [analyze_memory(chain(*steps, input_shape=(1, 3, n, n))).totals for n in sizes.tolist()]
    arrays = analyze_memory(chain(*steps, input_shape=(1, 3, sizes, sizes))).totals
    symbols = analyze_memory(chain(*steps, input_shape=(1, 3, 8 * h, 8 * h))).totals
    for i, n in enumerate(sizes.tolist()):
        for name in ("params", "macs", "activations", "peak_inference_bytes"):
            assert getattr(arrays, name)[i] == getattr(ints[i], name)
            assert getattr(symbols, name).subs(h, n // 8) == getattr(ints[i], name)


def test_a_misfit_names_node_and_place():
    place = Place("net.yaml", 3, 5, "  - conv 9x9 4", 4)
    graph = Graph("test", (1, 3, 8, 8), (Node("conv1", conv(4, 9), (INPUT,), place),), ("conv1",))
    with pytest.raises(CnnprofError, match=r"conv1 \(Conv2d\): its window of 9 does not fit") as caught:
        analyze(graph)
    assert caught.value.place == place
    graph = Graph("test", (1, 3, 8, 8), (Node("m", L["MatMul"](), (INPUT,)),), ("m",))
    with pytest.raises(CnnprofError, match=r"m \(MatMul\) takes 2 inputs, not 1"):
        analyze(graph)


def test_graphs_survive_json():
    graph = chain(("conv1", conv(4, 3)), ("relu", L["ReLU"](inplace=True)), uncounted=("x: aten.y",), aux_params={"head": 3})
    assert Graph.from_dict(graph.to_dict()) == graph
