"""Operators that onnxruntime makes of several (its domain is com.microsoft): what they were before."""

from __future__ import annotations

from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as layers
from cnnprof.network.layers.linear import Linear
from cnnprof.network.layers.merging import Add
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.rows.convolution import convolution
from cnnprof.onnx_bridge.rows.linear import attention
from cnnprof.onnx_bridge.rows.normalization import root_mean_square
from cnnprof.onnx_bridge.rows.quantized import ONNXRUNTIME
from cnnprof.onnx_bridge.values import Value

_ACTIVATIONS: dict[str, Layer] = {
    "Relu": layers.ReLU(),
    "Sigmoid": layers.Sigmoid(),
    "Tanh": layers.Tanh(),
    "LeakyRelu": layers.LeakyReLU(),
    "HardSigmoid": layers.Hardsigmoid(),
    "Clip": layers.Hardtanh(),
}


def _activated(call: Call, x: Value) -> Value:
    name = call.attribute("activation", "")
    if name and name not in _ACTIVATIONS:
        raise UnknownFormError("an activation that is not known")
    return call.layer(_ACTIVATIONS[name], x) if name else x


@row("FusedConv", domain=ONNXRUNTIME)
def _conv(call: Call) -> Value:
    found = convolution(call, call.x, call[1], call.get(2))
    return _activated(call, found if (added := call.get(3)) is None else call.layer(Add(), found, added))


@row("FusedGemm", domain=ONNXRUNTIME)
def _gemm(call: Call) -> Value:
    weight, bias = call[1], call.get(2)
    if weight.node or len(weight.shape) != 2 or call.attribute("transA", 0):
        raise UnknownFormError("a second factor that is no stored matrix")
    width = weight.shape[0 if call.attribute("transB", 0) else 1]
    return _activated(call, call.layer(Linear(width, bias is not None), weights=(weight, bias)))


@row("FastGelu", "BiasGelu", domain=ONNXRUNTIME)
def _gelu(call: Call) -> Value:
    x = call.x if (bias := call.get(1)) is None else call.layer(Add(), call.x, bias)
    return call.layer(layers.GELU(approximate="tanh" if call.op == "FastGelu" else "none"), x)


@row("QuickGelu", domain=ONNXRUNTIME)
def _quick_gelu(call: Call) -> Value:
    return call.layer(layers.SiLU())


@row("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=ONNXRUNTIME)
def _norm_of_sum(call: Call) -> list[Value | None]:
    """The norm of the sum of two tensors and, perhaps, a bias; the sum itself is the fourth result."""
    is_plain = call.op == "SkipLayerNormalization"
    x = call.layer(Add(), call.x, call[1])
    if (bias := call.get(4 if is_plain else 3)) is not None:
        x = call.layer(Add(), x, bias)
    if not is_plain:
        return [root_mean_square(call, x, call[2]), None, None, x]
    return [call.layer(LayerNorm(1), x, weights=(call[2], call.get(3))), None, None, x]


@row("MultiHeadAttention", domain=ONNXRUNTIME)
def _attention(call: Call) -> Value:
    """Attention of (N, L, h d), heads within the last axis; masks, biases and keys of earlier steps are not known."""
    if len(call.given) != 3:
        raise UnknownFormError("more than queries, keys and values")
    return attention(call, call.x, call[1], call[2], int(call.attribute("num_heads")))
