"""Layers that torch.ao.quantization makes, and modules on their way there: counted as their products, with their bytes."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn

import cnnprof

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

WORDS, FEATURES, STATES = 6, 12, 7
quantization = torch.ao.quantization


class First(nn.Module):
    """The first of what a module returns."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        found = self.module(*inputs)
        return found[0] if isinstance(found, tuple) else found


def dynamic(module, kind, dtype=torch.qint8):
    return quantization.quantize_dynamic(First(module).eval(), {kind}, dtype=dtype)


def totals(module, given):
    found = cnnprof.profile(module, given).totals
    assert found.uncounted == ()
    return found.params, found.macs, found.param_bytes


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_recurrent_layers(kind, gates, layers, directions):
    """Each of `layers` x `directions` cells: gates x states rows over its inputs and over its states, and two biases."""
    module = kind(FEATURES, STATES, layers, bidirectional=directions == 2, batch_first=True)
    widths = [FEATURES, *[directions * STATES] * (layers - 1)]
    matrices = sum(directions * gates * STATES * (width + STATES) for width in widths)
    biases = 2 * layers * directions * gates * STATES
    # A byte a weight, four a bias.
    expected = (matrices + biases, WORDS * matrices, matrices + 4 * biases)
    assert totals(dynamic(module, kind), (WORDS, FEATURES)) == expected


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrence_written_out_gives_what_torch_gives(kind, batch_first, bidirectional):
    from cnnprof.torch_bridge.quantized_recurrence import DECOMPOSITIONS

    torch.manual_seed(0)
    made = dynamic(kind(FEATURES, STATES, 2, batch_first=batch_first, bidirectional=bidirectional), kind).module
    x = torch.rand(3, 4, FEATURES)
    state = torch.rand(4 if bidirectional else 2, 3 if batch_first else 4, STATES)
    states = [state, state / 2] if kind is nn.LSTM else state
    weights = [each.param for each in made._all_weight_values]
    ours = DECOMPOSITIONS[f"aten::quantized_{kind.__name__.lower()}"](
        x, states, weights, True, 2, 0.0, False, bidirectional, batch_first
    )
    theirs = made(x, tuple(states) if kind is nn.LSTM else states)
    theirs = (theirs[0], *theirs[1]) if kind is nn.LSTM else theirs
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-2)


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTMCell, 4), (nn.GRUCell, 3), (nn.RNNCell, 1)])
def test_cells(kind, gates):
    matrices = gates * STATES * (FEATURES + STATES)
    biases = 2 * gates * STATES
    assert totals(dynamic(kind(FEATURES, STATES), kind), (FEATURES,)) == (matrices + biases, matrices, matrices + 4 * biases)


@pytest.mark.parametrize(("dtype", "size"), [(torch.qint8, 1), (torch.float16, 2)])
def test_bytes_are_those_of_the_packed_weights(dtype, size):
    assert totals(dynamic(nn.Linear(12, 5), nn.Linear, dtype), (12,)) == (65, 60, 60 * size + 5 * 4)


def test_a_layer_that_runs_twice_counts_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(12, 12)

        def forward(self, x):
            return self.fc(self.fc(x))

    assert totals(quantization.quantize_dynamic(Twice().eval(), {nn.Linear}), (12,)) == (156, 288, 144 + 48)


def test_tables():
    """20 rows of 8: the weights count, and the sums of a bag, in an order that nobody knows, are named."""
    how = dict.fromkeys((nn.Embedding, nn.EmbeddingBag), quantization.float_qparams_weight_only_qconfig)
    table = quantization.quantize_dynamic(nn.Sequential(nn.Embedding(20, 8)).eval(), how)
    assert totals(table, "x=5:int64".partition("=")[2])[:2] == (160, 0)
    bag = quantization.quantize_dynamic(nn.Sequential(nn.EmbeddingBag(20, 8, mode="sum")).eval(), how)
    found = cnnprof.profile(bag, "5:int64").totals
    assert (found.params, found.param_bytes) == (160, 160)
    assert [name.rpartition(": ")[2] for name in found.uncounted] == ["quantized.embedding_bag_byte"]


def convolutional(*behind):
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), *behind)


def static(net, *fused):
    net = nn.Sequential(quantization.QuantStub(), net, quantization.DeQuantStub()).eval()
    if fused:
        quantization.fuse_modules(net[1], [list(fused)], inplace=True)
    net.qconfig = quantization.get_default_qconfig("x86")
    quantization.prepare(net, inplace=True)
    net(torch.rand(1, 3, 8, 8))
    return quantization.convert(net, inplace=True)


@pytest.mark.parametrize(
    "behind", [nn.Hardswish(), nn.LeakyReLU(), nn.ELU(), nn.Sigmoid(), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.MaxPool2d(2)]
)
def test_what_stands_behind_a_convolution(behind):
    assert totals(static(convolutional(behind), "0", "1"), (3, 8, 8))[:2] == (216 + 8, 36 * 8 * 27)


def test_graphs_of_fx():
    from torch.ao.quantization.quantize_fx import convert_fx, convert_to_reference_fx, prepare_fx

    x = torch.rand(1, 3, 8, 8)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).eval()
    prepared = prepare_fx(net, quantization.get_default_qconfig_mapping("x86"), x)
    prepared(x)
    for convert, size in ((convert_fx, 1), (convert_to_reference_fx, 4)):
        assert totals(convert(copy.deepcopy(prepared)), (3, 8, 8)) == (837, 36 * 108 + 720, size * (108 + 720) + 4 * 9)


def test_training_for_int8():
    """Weights and activations are rounded on the way, which multiplies and divides, and is no product of matrices."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).train()
    quantization.fuse_modules_qat(net, [["0", "1", "2"]], inplace=True)
    net.qconfig = quantization.get_default_qat_qconfig("x86")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert totals(quantization.prepare_qat(net), (3, 8, 8))[:2] == (112 + 8, 36 * 108)
