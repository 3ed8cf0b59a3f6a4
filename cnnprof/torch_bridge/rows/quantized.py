"""Layers in int8, as torch.ao.quantization makes them: their weights lie packed, and are no parameters of the module."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor

from cnnprof.network.layers.activation import ReLU
from cnnprof.network.layers.arrangement import Copy, Gather, Unknown
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.merging import Add, Concat, Mul
from cnnprof.torch_bridge.rows.base import OPERATIONS, Call, Capture, Match, captured

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
        holder, weight, bias = _packed(call)
        # In fp16 the weights are unpacked to fp32.
        weight = weight.half() if call.name.endswith("_fp16") else weight
        match = Match(Linear(weight.shape[0], bias is not None), (call.first,), (weight, bias), packed=holder)
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
        return _weighted(call, Match(layer, (call.first,), (weight, bias), packed=holder), activation)

    return capture


def _changed_format(call: Call) -> Match:
    return Match(Copy(), (call.first,))


def _faked(call: Call) -> Sequence[Match]:
    """Rounded to what a whole number would hold, as training for int8 does: divided by the scale, and multiplied."""
    rounded = torch.empty_like(call.output)
    return [
        Match(Arithmetic("quantize", "div"), (call.first,), output=rounded),
        Match(Arithmetic("dequantize", "mul", inplace=True), (rounded,)),
    ]


def _joined(layer: Add | Mul, activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match] | None:
        tensors = call.tensors[:2]
        return _weighted(call, Match(layer, tuple(tensors)), activation) if len(tensors) == 2 else None

    return capture


def _with_number(op: Literal["add", "mul"], activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match]:
        return _weighted(call, Match(Arithmetic(op, op, float(call.arguments[1])), (call.first,)), activation)

    return capture


def _concatenated(activation: str) -> Capture:
    def capture(call: Call) -> Match | Sequence[Match]:
        return _weighted(call, Match(Concat(int(call["dim"])), tuple(call.first)), activation)

    return capture


def _table(call: Call) -> list[Match]:
    """Rows of a table that lies packed: the table, and what is read of it (a bag's rows are added in no known order)."""
    holder = call.first
    weight: Tensor = torch.ops.quantized.embedding_bag_unpack(holder)
    table = Match(Parameter(tuple(weight.shape)), (), (weight,), output=weight, packed=holder)
    layer = Unknown(call.name, call.size) if "bag" in call.name else Gather()
    return [table, Match(layer, (weight, call["indices"]))]


_ACTIVATIONS = {"": "", "_relu": "relu"}

for _suffix, _activation in _ACTIVATIONS.items():
    captured(dict.fromkeys((f"quantized::linear{_suffix}", f"quantized::linear{_suffix}_dynamic"), _linear(_activation)))
    captured({f"quantized::linear{_suffix}_dynamic_fp16": _linear(_activation)})
    captured({f"quantized::conv{axes}d{_suffix}": _conv(False, _activation) for axes in AXES})
    captured({f"quantized::add{_suffix}": _joined(Add(), _activation), f"quantized::mul{_suffix}": _joined(Mul(), _activation)})
    captured({f"quantized::add_scalar{_suffix}": _with_number("add", _activation)})
    captured({f"quantized::mul_scalar{_suffix}": _with_number("mul", _activation)})
    captured({f"quantized::cat{_suffix}": _concatenated(_activation)})
captured({f"quantized::conv{axes}d_dynamic": _conv(False, "") for axes in AXES})
captured({f"quantized::conv_transpose{axes}d": _conv(True, "") for axes in AXES})
captured(dict.fromkeys((f"quantized::embedding_{kind}" for kind in ("byte", "4bit", "bag_byte", "bag_4bit")), _table))
captured(
    dict.fromkeys(("quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic", "dequantize"), _changed_format)
)
captured(
    dict.fromkeys(
        (
            "fake_quantize_per_tensor_affine",
            "fake_quantize_per_channel_affine",
            "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
            "_fused_moving_avg_obs_fq_helper",
            "fused_moving_avg_obs_fake_quant",
        ),
        _faked,
    )
)

_SAME = "hardswish sigmoid leaky_relu elu celu relu6 softmax prelu layer_norm group_norm instance_norm matmul"
"""Operations whose captures hold in int8, too."""
for _kind in ("activation", "linear", "normalization"):
    import_module(f"cnnprof.torch_bridge.rows.{_kind}")
captured({f"quantized::{op}": OPERATIONS[op] for op in _SAME.split()})
captured({f"quantized::batch_norm{axes}": OPERATIONS["batch_norm"] for axes in ("", "1d", "2d", "3d")})
