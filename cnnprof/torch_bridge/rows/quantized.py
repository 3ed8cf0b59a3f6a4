"""Layers in int8, as torch.ao.quantization makes them: their weights lie packed, and are no parameters of the module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.arrangement import Copy
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add, Concat, Mul
from cnnprof.torch_bridge.rows.base import Call, Capture, Match, captured

AXES = (1, 2, 3)


def _packed(call: Call) -> tuple[Any, Tensor, Tensor | None]:
    """The object that holds the weights, and what it holds."""
    holder: Any = next(each for each in call.arguments if isinstance(each, torch.ScriptObject))
    weight, bias = holder.unpack()
    return holder, weight, bias


def _weighted(call: Call, match: Match, activation: str) -> Match | Sequence[Match]:
    """The layer, and the activation that was fused with it."""
    if not activation:
        return match
    return [match, Match(ReLU(inplace=True), (call.output,), output=call.output)]


def _linear(activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match]:
        _, weight, bias = _packed(call)
        match = Match(Linear(weight.shape[0], bias is not None), (call.first,), (weight, bias), packed=True)
        return _weighted(call, match, activation)

    return capture


def _conv(transposed: bool, activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match]:
        holder, weight, bias = _packed(call)
        axes = weight.dim() - 2
        # One axis is packed as two, the first of them 1.
        sizes = {name: tuple(getattr(holder, name)())[-axes:] for name in ("stride", "padding", "dilation")}
        groups = int(holder.groups())
        kernel = tuple(weight.shape[2:])
        if transposed:
            layer: Conv | ConvTranspose = ConvTranspose(
                weight.shape[1] * groups,
                kernel,
                sizes["stride"],
                sizes["padding"],
                tuple(holder.output_padding())[-axes:],
                sizes["dilation"],
                groups,
                bias is not None,
            )
        else:
            layer = Conv(weight.shape[0], kernel, **sizes, groups=groups, bias=bias is not None)
        return _weighted(call, Match(layer, (call.first,), (weight, bias), packed=True), activation)

    return capture


def _changed_format(call: Call) -> Match:
    return Match(Copy(), (call.first,))


def _joined(layer: Add | Mul, activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match] | None:
        tensors = call.tensors[:2]
        return _weighted(call, Match(layer, tuple(tensors)), activation) if len(tensors) == 2 else None

    return capture


def _concatenated(call: Call) -> Match:
    return Match(Concat(int(call["dim"])), tuple(call.first))


_ACTIVATIONS = {"": "", "_relu": "relu"}

for _suffix, _activation in _ACTIVATIONS.items():
    captured(dict.fromkeys((f"quantized::linear{_suffix}", f"quantized::linear{_suffix}_dynamic"), _linear(_activation)))
    captured({f"quantized::linear{_suffix}_dynamic_fp16": _linear(_activation)})
    captured({f"quantized::conv{axes}d{_suffix}": _conv(False, _activation) for axes in AXES})
    captured({f"quantized::add{_suffix}": _joined(Add(), _activation), f"quantized::mul{_suffix}": _joined(Mul(), _activation)})
captured({f"quantized::conv{axes}d_dynamic": _conv(False, "") for axes in AXES})
captured({f"quantized::conv_transpose{axes}d": _conv(True, "") for axes in AXES})
captured({"quantized::cat": _concatenated})
captured(
    dict.fromkeys(("quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic", "dequantize"), _changed_format)
)
