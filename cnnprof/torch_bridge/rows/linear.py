"""Linear layers, matrix products and stored tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnprof.core.arith import Shape
from cnnprof.core.layers.linear import Constant, Linear, MatMul, Parameter, ScaledDotProductAttention
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row


class StoredParameter(nn.Module):
    """A learned tensor; takes no input."""

    def __init__(self, size: Shape) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(size) * 0.02)

    def forward(self) -> Tensor:
        """The tensor."""
        return self.value


class StoredConstant(nn.Module):
    """A stored tensor of zeros, which every table accepts as an index; takes no input."""

    value: Tensor

    def __init__(self, size: Shape) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(size))

    def forward(self) -> Tensor:
        """The tensor."""
        return self.value


def _capture_linear(call: Call) -> Match:
    weight, bias = call["weight"], call["bias"]
    return Match(Linear(weight.shape[0], bias is not None), (call.first,), (weight, bias))


def _capture_matmul(call: Call) -> Match | None:
    a, b = call.tensors
    return Match(MatMul(), (a, b)) if a.dim() > 1 and b.dim() > 1 else None


def _capture_attention(call: Call) -> Match:
    mask = call["attn_mask"]
    q, k, v = call["query"], call["key"], call["value"]
    return Match(ScaledDotProductAttention(), (q, k, v) if mask is None else (q, k, v, mask))


row(Linear, lambda layer, inputs: nn.Linear(inputs[0][-1], layer.out_features, layer.bias), {"linear": _capture_linear})
row(
    MatMul,
    lambda *_: Function(torch.matmul),
    {"matmul": _capture_matmul, "bmm": _capture_matmul, "mm": _capture_matmul},
)
row(
    ScaledDotProductAttention,
    lambda *_: Function(functional.scaled_dot_product_attention),
    {"scaled_dot_product_attention": _capture_attention},
)
row(Parameter, lambda layer, _: StoredParameter(layer.size), lacks="no operation: captured where an operation reads one")
row(Constant, lambda layer, _: StoredConstant(layer.size), lacks="no operation: captured where an operation reads one")
