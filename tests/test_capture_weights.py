"""Whose weights are whose: every parameter is counted once, wherever and however it is used."""

from __future__ import annotations

import pytest
import torch
from live_modules import Of
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from cnnprof.network.analysis import analyze
from cnnprof.torch_bridge.capture import capture

pytestmark = pytest.mark.torch

X = (2, 3, 8, 8)


def rows(module, shape=X):
    """(name, type, parameters) of every node that has some, and a check that they add up."""
    profile = analyze(capture(module, shape))
    totals = profile.totals
    assert totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert totals.trainable_params == sum(p.numel() for p in module.parameters() if p.requires_grad)
    return [(cost.node.name, cost.node.layer.type, cost.params) for cost in profile.costs if cost.params]


def test_weights_belong_to_their_layer():
    assert rows(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))) == [
        ("0", "Conv2d", 112),
        ("1", "BatchNorm2d", 8),
        ("3", "Linear", 725),
    ]


def test_a_parameter_used_by_itself_is_a_node():
    module = Of(lambda m, x: m.scale * x + m.shift.expand(2, 3, 8, 8), scale=nn.Parameter(torch.ones(3, 1, 1)))
    module.shift = nn.Parameter(torch.ones(1, 1, 1, 1))
    assert rows(module) == [("scale", "Parameter", 3), ("shift", "Parameter", 1)]
    assert [node.layer.type for node in capture(module, X)] == ["Parameter", "Mul", "Parameter", "Expand", "Add"]


def test_a_layer_called_twice_is_counted_once():
    conv = nn.Conv2d(3, 3, 1)
    module = Of(lambda m, x: m.conv(m.conv(x)), conv=conv)
    assert rows(module) == [("conv", "Conv2d", 12)]
    assert [(node.name, node.owns_params) for node in capture(module, X)] == [("conv", True), ("conv_1", False)]
    assert analyze(capture(module, X)).totals.macs == 2 * 2 * 64 * 9


def test_tied_weights_are_counted_once():
    module = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    module[1].weight = module[0].weight
    assert rows(module) == [("0", "Linear", 72), ("1.bias", "Parameter", 8)]


def test_frozen_weights_are_not_trainable():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))
    module[0].requires_grad_(False)
    assert [(node.name, node.trainable) for node in capture(module, X)] == [("0", False), ("1", True)]
    assert rows(module) == [("0", "Conv2d", 112), ("1", "Conv2d", 148)]


def test_a_layer_that_is_frozen_in_part_is_split():
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    module[0].weight.requires_grad_(False)
    assert rows(module) == [("0.weight", "Parameter", 108), ("0.bias", "Parameter", 4)]


def test_computed_weights_leave_the_parameters_to_themselves():
    module = nn.Sequential(weight_norm(nn.Conv2d(3, 4, 3)))
    assert [params for _, _, params in rows(module)] == [108, 4, 4]
    assert analyze(capture(module, X)).totals.macs == 2 * 36 * 4 * 27


def test_a_norm_without_shift_is_not_counted_as_if_it_had_one():
    assert rows(nn.Sequential(nn.LayerNorm(8, bias=False))) == [("0.weight", "Parameter", 8)]


def test_one_slope_for_all_channels_is_one_parameter():
    assert rows(nn.Sequential(nn.PReLU())) == [("0", "PReLU", 1)]
    assert rows(nn.Sequential(nn.PReLU(3))) == [("0", "PReLU", 3)]


def test_attention_is_seen_inside():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    module = Of(lambda m, x: m.layer(x.flatten(1, 2)), layer=layer)
    assert rows(module)[0] == ("layer.self_attn.linear", "Linear", 24 * 8 + 24)
    # 24 tokens of 8: queries, keys, values and the output take 4 x 8 x 8 each, the scores and the values 2 x 24 x 8, the two
    # layers of the network 2 x 8 x 16.
    assert analyze(capture(module, X)).totals.macs == 2 * 24 * (4 * 64 + 2 * 24 * 8 + 2 * 128)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_broken_down(kind):
    gates = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind]
    module = Of(lambda m, x: m.cell(x.flatten(1, 2))[0], cell=kind(8, 16, batch_first=True))
    assert sum(params for _, _, params in rows(module)) == gates * (16 * 8 + 16 * 16 + 2 * 16)
    assert analyze(capture(module, X)).totals.macs == 2 * 24 * gates * (16 * 8 + 16 * 16)


def test_weights_of_an_operation_without_a_rule_are_counted():
    module = Of(lambda m, x: torch.cdist(x, m.weight), weight=nn.Parameter(torch.rand(4, 8)))
    assert rows(module) == [("weight", "Parameter", 32)]
    assert capture(module, X).uncounted == ("cdist: aten._cdist_forward",)


def test_a_forward_from_outside_reads_the_weights_that_are_counted():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))
    module.forward = lambda x: module[2](module[1](module[0](x)))
    assert rows(module) == [("0", "Conv2d", 112), ("2", "Linear", 725)]
