"""Rows hold both directions of every layer type; a built graph runs, and costs what the graph says."""

from __future__ import annotations

import pytest

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Graph, Node
from cnnprof.network.layers import LAYERS
from cnnprof.network.layers.arrangement import Rearrange, Unknown
from cnnprof.network.layers.convolution import PartialConv
from cnnprof.network.layers.linear import Constant
from cnnprof.network.layers.normalization import BatchNorm, LayerNorm
from cnnprof.network.layers.pooling import Subsample
from cnnprof.network.layers.regularization import StochasticDepth
from cnnprof.network.layers.resizing import Upsample
from cnnprof.sources._writing import write_text

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from cnnprof.torch_bridge.build import build  # noqa: E402
from cnnprof.torch_bridge.capture import capture  # noqa: E402
from cnnprof.torch_bridge.rows import ROWS  # noqa: E402

pytestmark = pytest.mark.torch


class Smaller(torch.nn.Module):
    """An image resized with antialiasing."""

    def __init__(self, mode):
        super().__init__()
        self.mode = mode

    def forward(self, x):
        return functional.interpolate(x, (4, 30), mode=self.mode, antialias=True)


NOT_BUILT = {"Unknown"}
"""What it computes is not recorded, so nothing can be built of it."""

NOT_CAPTURED = {
    "GlobalResponseNorm",
    "Hardtanh",
    "MaxIndices",
    "PartialConv",
    "Subsample",
    "LocalResponseNorm",
    "RBF",
    "Normalize",
    "Rearrange",
    "Mean",
    "Identity",
    "StochasticDepth",
}
"""torch has no operation for these: it runs several smaller ones, or none."""


def around(layer, shapes) -> Graph:
    """A graph of the layer alone: its first input is the network's, the others are constants."""
    constants = [Node(f"constant{i}", Constant(shape), ()) for i, shape in enumerate(shapes[1:])]
    inputs = (INPUT, *(node.name for node in constants)) if shapes else ()
    return Graph("alone", shapes[0] if shapes else (1, 1), (*constants, Node("block.layer", layer, inputs)), ("block.layer",))


def of(nodes, outputs, shape=(2, 3, 8, 8)) -> Graph:
    return Graph("net", shape, tuple(nodes), tuple(outputs))


def parameters(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_every_layer_has_a_row():
    assert set(ROWS) == set(LAYERS.values())


def test_layers_without_a_direction_are_those_known_and_say_why():
    assert {kind.__name__ for kind, row in ROWS.items() if row.build is None} == NOT_BUILT
    assert all(row.lacks for row in ROWS.values() if row.build is None or not row.capture)


@pytest.mark.parametrize("name", sorted(set(LAYERS) - NOT_BUILT))
def test_a_layer_built_alone_is_the_rule(name):
    graph = around(*LAYERS[name].example(8))
    profile = analyze(graph)
    module = build(graph).eval()
    with torch.no_grad():
        output = module(torch.rand(graph.input_shape))
    assert tuple(output.shape) == profile.costs[-1].output
    assert parameters(module) == profile.totals.params


@pytest.mark.parametrize("name", sorted(set(LAYERS) - NOT_BUILT - NOT_CAPTURED))
def test_a_layer_captured_back_costs_the_same(name):
    layer, shapes = LAYERS[name].example(8)
    graph = around(layer, shapes)
    ours = analyze(graph).costs[-1]
    captured = analyze(capture(build(graph), graph.input_shape))
    # torch joins more than two branches two at a time.
    back = [cost for cost in captured.costs if cost.node.layer.type == layer.type]
    assert back
    assert back[-1].output == ours.output
    assert captured.totals.ops == ours.ops
    assert captured.totals.params == ours.params
    assert captured.graph.uncounted == ()


@pytest.mark.parametrize("name", sorted(NOT_CAPTURED - {"Identity", "MaxIndices", "StochasticDepth"}))
def test_a_layer_without_an_operation_is_captured_in_parts(name):
    graph = around(*LAYERS[name].example(8))
    captured = analyze(capture(build(graph), graph.input_shape))
    ours = analyze(graph).totals
    assert (captured.totals.params, captured.totals.macs) == (ours.params, ours.macs)
    assert captured.graph.uncounted == ()


def test_a_layer_that_cannot_be_built_is_named():
    graph = around(Unknown("digamma", (1, 3)), ((1, 3),))
    with pytest.raises(CnnprofError, match=r"torch has no module for block\.layer \(digamma\)"):
        build(graph)


@pytest.mark.parametrize(
    ("layer", "shapes", "result"),
    [
        (Rearrange("stack", (2, 3, 2)), ((2, 3), (2, 3)), [[[1, 0], [2, 0], [3, 0]], [[4, 0], [5, 0], [6, 0]]]),
        (Rearrange("repeat", (4, 3)), ((2, 3),), [[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 6]]),
        (Rearrange("index", (2, 2)), ((2, 3), (7,)), [[1, 2], [3, 4]]),
        (Rearrange("index", (2, 4)), ((2, 3), (7,)), [[1, 2, 3, 4], [1, 2, 3, 4]]),
        (Rearrange("as_strided", (3, 2), inplace=True), ((2, 3),), [[1, 2], [3, 4], [5, 6]]),
        (Rearrange("index_put", (2, 3), inplace=True), ((2, 3), (3,)), [[0, 0, 0], [0, 0, 0]]),
        (Rearrange("where", (2, 3)), ((2, 3), (2, 3)), [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_as_many_elements_move_where_nothing_says_which(layer, shapes, result):
    made = build(around(layer, shapes))(torch.arange(1.0, 7).reshape(2, 3))
    assert made.tolist() == result


@pytest.mark.parametrize(("mode", "taps"), [("bilinear", 2), ("bicubic", 4)])
def test_antialiased_resizing_goes_along_one_axis_after_the_other(mode, taps):
    module = Smaller(mode)
    captured = analyze(capture(module, (1, 3, 12, 20)))
    (cost,) = captured.costs
    assert captured.graph.uncounted == ()
    assert cost.node.layer == Upsample(mode=mode, size=(4, 30), antialias=True)
    # 12 rows are made 30 long, the grid being larger, with `taps` weights an element; then 30 columns 4 long, of 12.
    assert cost.ops.mul == 3 * taps * (12 * 30 + 30 * 12)
    assert cost.ops.add == cost.ops.mul - 3 * (12 * 30 + 30 * 4)
    back = analyze(capture(build(captured.graph), (1, 3, 12, 20)))
    assert [each.node.layer for each in back.costs] == [cost.node.layer]
    x = torch.rand(1, 3, 12, 20)
    assert torch.equal(build(captured.graph)(x), module(x))
    text = write_text(captured.graph, compact=True)
    assert f"op Upsample mode={mode} size=(4,30) antialias=true" in text


def test_lenets_connection_table_holds_60000_parameters_worth_of_connections():
    # LeCun et al. 1998, Table I: C3 has 6 maps of 3 inputs, 9 of 4 and 1 of 6: 60 connections, 5x5 weights each, 16 biases.
    feeds = [(i, i + 1, i + 2) for i in range(6)] + [(i, i + 1, i + 2, i + 3) for i in range(6)]
    feeds += [(0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), tuple(range(6))]
    table = tuple(tuple(int(any(i == f % 6 for f in maps)) for maps in feeds) for i in range(6))
    graph = around(PartialConv(table, (5, 5)), ((1, 6, 14, 14),))
    module = build(graph)
    assert parameters(module) == 60 * 25 + 16 == analyze(graph).totals.params
    assert analyze(capture(module, graph.input_shape)).totals.macs == 60 * 25 * 100 == analyze(graph).totals.macs


def test_a_connection_table_connects_what_it_says():
    module = build(around(PartialConv(((1, 0, 1), (0, 1, 1)), (1, 1), bias=False), ((1, 2, 4, 4),)))
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter)
    x = torch.stack([torch.full((4, 4), 1.0), torch.full((4, 4), 10.0)])[None]
    assert module(x)[0, :, 0, 0].tolist() == [1, 10, 11]


def test_trainable_pooling_starts_as_the_sum_of_its_window():
    module = build(around(Subsample((2, 2), (2, 2)), ((1, 1, 2, 2),)))
    assert module(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).item() == 10


def test_channels_first_norm_is_that_over_channels():
    torch.manual_seed(0)
    module = build(around(LayerNorm(channels_first=True), ((2, 3, 4, 4),)))
    assert module(torch.rand(2, 3, 4, 4)).mean(1).abs().max() < 1e-5


def test_drop_path_drops_whole_images_and_keeps_the_mean():
    module = build(around(StochasticDepth(0.5), ((1000, 1, 2, 2),)))
    torch.manual_seed(0)
    dropped = module.train()(torch.ones(1000, 1, 2, 2))
    assert set(dropped.flatten(1).sum(1).tolist()) == {0.0, 8.0}
    assert dropped.mean().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 4), (2, 3, 4, 4, 4)])
def test_batch_norm_fits_its_input(shape):
    graph = around(BatchNorm(), (shape,))
    assert parameters(build(graph)) == 6
    assert build(graph).eval()(torch.rand(shape)).shape == shape
