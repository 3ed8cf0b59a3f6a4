"""Linear layers, matrix products and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnprof.network.layers.arrangement import Permute
from cnnprof.network.layers.linear import Linear, MatMul, ScaledDotProductAttention
from cnnprof.network.layers.merging import Concat
from cnnprof.onnx_bridge.rows.arrangement import reshaped
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
    if b.node or len(b.shape) != 2 or len(a.shape) < 2:
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
def _attention(call: Call) -> Sequence[Value]:
    """Attention, and the keys and values that it read, those of earlier steps in front; heads may lie within the last axis."""
    q, k, v, mask = call.x, call[1], call[2], call.get(3)
    flat = len(q.shape) == 3
    if flat:
        heads = int(call.attribute("q_num_heads")), int(call.attribute("kv_num_heads"))
        q, k, v = _in_heads(call, q, heads[0]), _in_heads(call, k, heads[1]), _in_heads(call, v, heads[1])
    if (before := call.get(4)) is not None:
        k, v = call.layer(Concat(2), before, k), call.layer(Concat(2), call[5], v)
    output = call.layer(ScaledDotProductAttention(q.shape[1] != k.shape[1]), q, k, v, *([mask] if mask else []))
    return _behind_each_other(call, output) if flat else output, k, v


def attention(call: Call, q: Value, k: Value, v: Value, heads: int) -> Value:
    """Attention whose heads lie within the last axis."""
    parts = (_in_heads(call, value, heads) for value in (q, k, v))
    return _behind_each_other(call, call.layer(ScaledDotProductAttention(), *parts))


def _behind_each_other(call: Call, x: Value) -> Value:
    """(N, h, L, d) as (N, L, h d)."""
    batch, heads, steps, size = x.shape
    return reshaped(call, call.layer(Permute((0, 2, 1, 3)), x), (batch, steps, heads * size))


def _in_heads(call: Call, value: Value, heads: int) -> Value:
    """(N, L, h d) as (N, h, L, d)."""
    batch, steps, size = value.shape
    return call.layer(Permute((0, 2, 1, 3)), reshaped(call, value, (batch, steps, heads, size // heads)))
