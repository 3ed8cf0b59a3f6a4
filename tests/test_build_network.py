"""Built networks: names, order, memory, training-only heads, shared and frozen weights."""

from __future__ import annotations

import copy
import weakref

import pytest

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze
from cnnprof.network.graph import INPUT, Facts, Graph, Node
from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.arrangement import Flatten
from cnnprof.network.layers.convolution import Conv
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add, Concat
from cnnprof.network.layers.normalization import BatchNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, MaxPool

torch = pytest.importorskip("torch")
from cnnprof.torch_bridge.build import build  # noqa: E402
from cnnprof.torch_bridge.instantiate import instantiate  # noqa: E402

pytestmark = pytest.mark.torch


def net(nodes, outputs, shape=(2, 3, 8, 8)) -> Graph:
    return Graph("net", shape, tuple(nodes), tuple(outputs))


RESIDUAL = net(
    [
        Node("stem.conv", Conv(8, (3, 3), padding=(1, 1), bias=False), (INPUT,)),
        Node("stem.bn", BatchNorm(), ("stem.conv",)),
        Node("stem.relu", ReLU(inplace=True), ("stem.bn",)),
        Node("stage1.1.conv", Conv(8, (3, 3), padding=(1, 1)), ("stem.relu",)),
        Node("stage1.1.add", Add(), ("stage1.1.conv", "stem.relu")),
        Node("pool", AdaptiveAvgPool((1, 1)), ("stage1.1.add",)),
        Node("flatten", Flatten(), ("pool",)),
        Node("fc", Linear(10), ("flatten",)),
    ],
    ["fc"],
)

WITH_HEADS = net(
    [
        Node("conv", Conv(4, (3, 3)), (INPUT,)),
        Node("head.flatten", Flatten(), ("conv",), aux=True),
        Node("head.fc", Linear(5), ("head.flatten",), aux=True),
        Node("pool", AdaptiveAvgPool((1, 1)), ("conv",)),
        Node("flatten", Flatten(), ("pool",)),
        Node("fc", Linear(10), ("flatten",)),
    ],
    ["fc"],
)


def test_modules_hang_at_the_block_paths():
    module = build(RESIDUAL)
    assert isinstance(module.get_submodule("stage1.1.conv"), torch.nn.Conv2d)
    assert [name for name, _ in module.named_parameters()] == [
        "stem.conv.weight",
        "stem.bn.weight",
        "stem.bn.bias",
        "stage1.1.conv.weight",
        "stage1.1.conv.bias",
        "fc.weight",
        "fc.bias",
    ]


@pytest.mark.parametrize("name", ["type", "forward.half", "training", "a.children.a", "conv.weight"])
def test_names_that_a_module_has_a_use_for_are_made_legal(name):
    module = build(net([Node("conv", Conv(4, (3, 3)), (INPUT,)), Node(name, ReLU(), ("conv",))], [name]))
    assert module(torch.rand(2, 3, 8, 8)).shape == (2, 4, 6, 6)


def test_the_network_computes_what_the_graph_says():
    module = build(RESIDUAL).eval()
    x = torch.rand(2, 3, 8, 8)
    stem, block = module.stem, module.stage1.get_submodule("1")
    skip = torch.relu(stem.bn(stem.conv(x)))
    expected = module.fc((block.conv(skip) + skip).mean((2, 3)))
    torch.testing.assert_close(module(x), expected)


def test_backward_reaches_every_parameter():
    module = build(RESIDUAL).train()
    module(torch.rand(2, 3, 8, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_a_tensor_is_dropped_after_its_last_reader():
    module = build(RESIDUAL).eval()
    alive: list[weakref.ref] = []
    counts = []

    def watch(_module, _inputs, output):
        counts.append(sum(reference() is not None for reference in alive))
        alive.append(weakref.ref(output))

    for name in ("stem.conv", "stem.bn", "stage1.1.conv", "stage1.1.add", "pool", "fc"):
        module.get_submodule(name).register_forward_hook(watch)
    with torch.inference_mode():
        module(torch.rand(2, 3, 8, 8))
    # Alive beside its own output when each of them has run: nothing; the convolution; the normalized skip; the skip and the
    # convolution; the sum; nothing, as the pooled tensor went when its flat view was made.
    assert counts == [0, 1, 1, 2, 1, 0]


def test_heads_run_in_training_only():
    module = build(WITH_HEADS)
    x = torch.rand(2, 3, 8, 8)
    assert module.eval()(x).shape == (2, 10)
    main, head = module.train()(x)
    assert (main.shape, head.shape) == ((2, 10), (2, 5))


def test_several_outputs_come_as_a_tuple():
    graph = net([Node("a", ReLU(), (INPUT,)), Node("b", MaxPool((2, 2), (2, 2)), ("a",))], ["a", "b"])
    assert [tuple(tensor.shape) for tensor in build(graph)(torch.rand(2, 3, 8, 8))] == [(2, 3, 8, 8), (2, 3, 4, 4)]


def test_the_input_itself_can_be_the_output():
    x = torch.rand(2, 3, 8, 8)
    assert build(net([], [INPUT]))(x) is x


def test_in_place_layers_write_over_their_input():
    x = torch.full((1, 1, 2, 2), -1.0)
    build(net([Node("relu", ReLU(inplace=True), (INPUT,))], ["relu"], (1, 1, 2, 2)))(x)
    assert x.sum() == 0
    x = torch.full((1, 1, 2, 2), -1.0)
    build(net([Node("add", Add(inplace=True), (INPUT, INPUT))], ["add"], (1, 1, 2, 2)))(x)
    assert x.sum() == -8


def test_shared_weights_are_no_parameters_and_frozen_ones_take_no_gradient():
    graph = net(
        [
            Node("a", Conv(3, (1, 1)), (INPUT,), trainable=False),
            Node("b", Conv(3, (1, 1)), ("a",), owns_params=False),
            Node("c", Concat(), ("a", "b")),
        ],
        ["c"],
    )
    module = build(graph)
    assert {name: p.requires_grad for name, p in module.named_parameters()} == {"a.weight": False, "a.bias": False}
    assert sum(p.numel() for p in module.parameters()) == analyze(graph).totals.params == 12
    assert module(torch.rand(2, 3, 8, 8)).shape == (2, 6, 8, 8)


def test_a_built_network_can_be_copied():
    module = build(RESIDUAL).eval()
    x = torch.rand(2, 3, 8, 8)
    other = copy.deepcopy(module)
    torch.testing.assert_close(other(x), module(x))
    with torch.no_grad():
        other.fc.weight.zero_()
    assert not torch.equal(other(x), module(x))


def test_inputs_that_do_not_fit_are_refused_with_the_node():
    graph = net([Node("stem.conv", Conv(8, (9, 9)), (INPUT,))], ["stem.conv"])
    with pytest.raises(CnnprofError, match=r"stem\.conv \(Conv2d\): its window of 9 does not fit"):
        build(graph)


def test_a_spec_is_instantiated_by_building_it():
    spec = Graph("net", RESIDUAL.input_shape, RESIDUAL.nodes, RESIDUAL.outputs, Facts(source="net.yaml"))
    assert type(instantiate(spec)).__name__ == "BuiltNetwork"
