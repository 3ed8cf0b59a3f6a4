"""Linear layers, matrix products and attention."""

from __future__ import annotations

from typing import Any

from cnnprof.network.layers.arrangement import Permute
from cnnprof.network.layers.linear import Linear, MatMul, ScaledDotProductAttention
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row, sum_of
from cnnprof.onnx_bridge.values import Value


@row("Gemm")
def _gemm(call: Call) -> Value:
    a, b, c = call.x, call[1], call.get(2)
    if call.attribute("transA", 0):
        a = call.layer(Permute((1, 0)), a)
    scaled = call.attribute("alpha", 1.0) != 1 or call.attribute("beta", 1.0) != 1
    if not b.node and (c is None or (not c.node and len(c.shape) <= 1)) and not scaled:
        return call.layer(Linear(b.shape[0 if call.attribute("transB", 0) else 1], c is not None), a, weights=(b, c))
    if call.attribute("transB", 0):
        b = call.layer(Permute((1, 0)), b)
    product = call.layer(MatMul(), a, b)
    return product if c is None else sum_of(call, product, c)


@row("MatMul")
@row("FusedMatMul", domain="com.microsoft")
def _matmul(call: Call) -> Value:
    if call.attribute("transA", 0) or call.attribute("transB", 0):
        raise UnknownFormError("a fused transposition")
    return product(call, call.x, call[1])


def product(call: Call, a: Value, b: Value) -> Value:
    """A linear layer where the second factor is a stored matrix; a bias added behind it is the layer's own."""
    if b.node or len(b.shape) != 2 or len(a.shape) < 2 or not a.node:
        return call.layer(MatMul(), a, b)
    addition, bias = _bias_behind(call, b.shape[1])
    output = call.layer(Linear(b.shape[1], bias is not None), a, weights=(b, bias))
    if addition is not None:
        call.absorb(addition, output)
    return output


def _bias_behind(call: Call, size: int) -> tuple[Any, Value | None]:
    """The one operator that reads the product, if it adds a stored vector of this size, and that vector."""
    readers = call.readers()
    if len(readers) != 1 or readers[0].op_type != "Add":
        return None, None
    other = [name for name in readers[0].input if name != call.node.output[0]]
    value = call.stored(other[0]) if len(other) == 1 else None
    return (readers[0], value) if value is not None and value.learned and value.shape == (size,) else (None, None)


@row("Attention")
def _attention(call: Call) -> Value:
    q, k, v = call.x, call[1], call[2]
    if len(q.shape) != 4 or call.get(4) is not None:
        raise UnknownFormError("heads within one axis, or keys kept from before")
    mask = call.get(3)
    grouped = q.shape[1] != k.shape[1]
    return call.layer(ScaledDotProductAttention(grouped), q, k, v, *([mask] if mask else []))
