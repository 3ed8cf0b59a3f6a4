"""Activations and softmax."""

from __future__ import annotations

from typing import Any

from torch import nn

from cnnprof.network.layers import activation as layers
from cnnprof.network.layers.activation import Softmax
from cnnprof.torch_bridge.rows.base import Call, Capture, Function, Match, row


def _plain(kind: Any) -> Capture:
    return lambda call: Match(kind(inplace=call.inplace), (call.first,))


def _hardtanh(call: Call) -> Match:
    # ReLU6 is the one hard tanh with a layer of its own; another is a clamp.
    six = (call["min_val"], call["max_val"]) == (0, 6)
    layer = layers.ReLU6(call.inplace) if six else layers.Hardtanh(call.inplace, float(call["min_val"]), float(call["max_val"]))
    return Match(layer, (call.first,))


def _elu(call: Call) -> Match:
    return Match(layers.ELU(call.inplace, float(call["alpha"])), (call.first,))


def _leaky_relu(call: Call) -> Match:
    return Match(layers.LeakyReLU(call.inplace, float(call["negative_slope"])), (call.first,))


def _prelu(call: Call) -> Match:
    single = call["weight"].numel() == 1 < call.first.shape[1]
    return Match(layers.PReLU(call.inplace, single), (call.first,), (call["weight"],))


def _gelu(call: Call) -> Match:
    return Match(layers.GELU(call.inplace, call["approximate"]), (call.first,))


def _softmax(log: bool) -> Capture:
    return lambda call: Match(Softmax(call["dim"], log), (call.first,))


def _inplace(function: str, layer: layers.Activation) -> nn.Module:
    """torch has no in-place module for some functions; the tensor's own method does it."""
    method = function + "_" * layer.inplace
    return Function(lambda x: getattr(x, method)(), method)


row(layers.ReLU, lambda layer, _: nn.ReLU(layer.inplace), {"relu": _plain(layers.ReLU)})
row(layers.SELU, lambda layer, _: nn.SELU(layer.inplace), {"selu": _plain(layers.SELU)})
row(
    layers.CELU,
    lambda layer, _: nn.CELU(layer.alpha, layer.inplace),
    {"celu": lambda call: Match(layers.CELU(call.inplace, float(call["alpha"])), (call.first,))},
)
row(
    layers.Hardtanh,
    lambda layer, _: nn.Hardtanh(layer.low, layer.high, layer.inplace),
    lacks="aten.hardtanh may be a ReLU6, too: the row of ReLU6 reads it",
)
row(layers.GLU, lambda layer, _: nn.GLU(layer.dim), {"glu": lambda call: Match(layers.GLU(call["dim"]), (call.first,))})
row(layers.ReLU6, lambda layer, _: nn.ReLU6(layer.inplace), {"hardtanh": _hardtanh, "relu6": _plain(layers.ReLU6)})
row(layers.LeakyReLU, lambda layer, _: nn.LeakyReLU(layer.negative_slope, layer.inplace), {"leaky_relu": _leaky_relu})
row(layers.PReLU, lambda layer, inputs: nn.PReLU(1 if layer.single else inputs[0][1]), {"prelu": _prelu})
row(layers.ELU, lambda layer, _: nn.ELU(layer.alpha, layer.inplace), {"elu": _elu})
row(layers.Sigmoid, lambda layer, _: _inplace("sigmoid", layer), {"sigmoid": _plain(layers.Sigmoid)})
row(layers.Tanh, lambda layer, _: _inplace("tanh", layer), {"tanh": _plain(layers.Tanh)})
row(layers.SiLU, lambda layer, _: nn.SiLU(layer.inplace), {"silu": _plain(layers.SiLU)})
row(layers.GELU, lambda layer, _: nn.GELU(layer.approximate), {"gelu": _gelu})
row(layers.Softplus, lambda *_: nn.Softplus(), {"softplus": _plain(layers.Softplus)})
row(layers.Mish, lambda layer, _: nn.Mish(layer.inplace), {"mish": _plain(layers.Mish)})
row(layers.Hardsigmoid, lambda layer, _: nn.Hardsigmoid(layer.inplace), {"hardsigmoid": _plain(layers.Hardsigmoid)})
row(layers.Hardswish, lambda layer, _: nn.Hardswish(layer.inplace), {"hardswish": _plain(layers.Hardswish)})
row(
    Softmax,
    lambda layer, _: nn.LogSoftmax(layer.dim) if layer.log else nn.Softmax(layer.dim),
    {"softmax": _softmax(False), "_softmax": _softmax(False), "log_softmax": _softmax(True), "_log_softmax": _softmax(True)},
)
