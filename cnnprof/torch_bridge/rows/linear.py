"""Linear layers, matrix products and stored tensors."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnnprof.network.dims import Shape
from cnnprof.network.layers.linear import (
    RBF,
    Constant,
    Linear,
    MatMul,
    Parameter,
    ScaledDotProductAttention,
    broadcast,
)
from cnnprof.torch_bridge.rows.base import Call, Function, Match, row, shares_memory


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


class RadialBasis(nn.Module):
    """Squared distances to stored vectors of -1 and +1, as LeNet-5's bitmaps have them."""

    centers: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("centers", 2 * torch.randint(2, (outputs, inputs)).float() - 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs)."""
        return ((x.unsqueeze(-2) - self.centers) ** 2).sum(-1)


def _capture_linear(call: Call) -> Match | None:
    weight, bias = call["weight"], call["bias"]
    if call.first.dim() < 2 or weight.dim() < 2:
        # One sample without a batch, or one output: a product with a vector.
        return None
    return Match(Linear(weight.shape[0], bias is not None), (call.first,), (weight, bias))


def _capture_matmul(call: Call) -> Match:
    a, b = call.tensors[:2]
    return Match(MatMul(_copied(a, b)), (a, b))


def _copied(a: Tensor, b: Tensor) -> tuple[int, ...]:
    """Which of them cannot be viewed as a batch of matrices (`_matmul_impl` in ATen/native/LinearAlgebra.cpp)."""
    if min(a.dim(), b.dim()) < 2 or max(a.dim(), b.dim()) < 4:
        return ()
    batch = broadcast(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    copied = []
    for position, tensor in enumerate((a, b)):
        lies = torch.empty_strided(tensor.shape, tensor.stride(), device="meta")
        if not shares_memory(lies.expand(*batch, -1, -1).flatten(0, -3), lies):
            copied.append(position)
    return tuple(copied)


def _capture_attention(call: Call) -> Match:
    mask = call["attn_mask"]
    q, k, v = call["query"], call["key"], call["value"]
    if call.output.is_meta and q.stride(-1) == 1 and q.shape == call.output.shape:
        # Kernels for devices lay their result out as the queries lie; the one for tensors without data does not.
        call.result = torch.empty_like(q)
    return Match(ScaledDotProductAttention(bool(call.get("enable_gqa"))), (q, k, v) if mask is None else (q, k, v, mask))


row(Linear, lambda layer, inputs: nn.Linear(inputs[0][-1], layer.out_features, layer.bias), {"linear": _capture_linear})
row(
    RBF,
    lambda layer, inputs: RadialBasis(inputs[0][-1], layer.out_features),
    lacks="torch has no such operation: captured as the operations it is made of",
)
row(
    MatMul,
    lambda *_: Function(torch.matmul),
    dict.fromkeys(("matmul", "bmm", "mm", "mv", "dot"), _capture_matmul),
)
row(
    ScaledDotProductAttention,
    lambda layer, _: Function(partial(functional.scaled_dot_product_attention, enable_gqa=layer.grouped)),
    {"scaled_dot_product_attention": _capture_attention},
)
row(Parameter, lambda layer, _: StoredParameter(layer.size), lacks="no operation: captured where an operation reads one")
row(Constant, lambda layer, _: StoredConstant(layer.size), lacks="no operation: captured where an operation reads one")
