"""Operations that are recorded in ways of their own or have no row, and whether a layer explains one that has."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer, ShapeError
from cnnprof.network.layers.arrangement import Rearrange, Unknown
from cnnprof.torch_bridge.at_once import Mode
from cnnprof.torch_bridge.rows.base import Call, Match, shares_memory, tensors_in

SHAPE_ONLY = frozenset(
    [f"{fill}_like" for fill in ("empty", "zeros", "ones", "full", "rand", "randn", "randint")]
    + [f"new_{fill}" for fill in ("empty", "empty_strided", "zeros", "ones", "full")]
)
"""Operations that read of their input the shape alone: their result is a constant."""

PRODUCTS = frozenset(
    {"matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm", "linear", "convolution", "scaled_dot_product_attention"}
    | {"linear_dynamic", "linear_dynamic_fp16"}
)
"""Operations that are counted although they read constants alone: each run computes them."""

HANDS_ON = frozenset({"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
"""Operations that are layers although they may hand on their very input."""


class _Watch(Mode):  # type: ignore[no-untyped-call]
    """Which tensors operations read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, Tensor] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        self.read |= {id(tensor): tensor for tensor in tensors_in((args, tuple((kwargs or {}).values())))}
        return func(*args, **(kwargs or {}))


def touched(branch: Any, operands: Sequence[Any]) -> list[Tensor]:
    """The tensors that a branch reads; nothing of it is recorded."""
    copies = [each.clone() if isinstance(each, Tensor) and not isinstance(each, nn.Parameter) else each for each in operands]
    with _Watch() as watch, suppress(Exception):
        branch(*copies)
    return [*watch.read.values()]


def weight_bytes(weights: Sequence[Tensor]) -> int | None:
    """Bytes of the weights, where they are not those of fp32."""
    found = sum(weight.numel() * weight.element_size() for weight in weights)
    return found if found != 4 * sum(weight.numel() for weight in weights) else None


def unknown(call: Call) -> list[Match]:
    """One layer an output for an operation without a row: a view if it shares memory with an input, else not counted."""
    matches = []
    for output in call.outputs:
        view = not call.inplace and any(shares_memory(output, tensor) for tensor in call.tensors)
        kind = Rearrange if view else Unknown
        layer = kind(call.name, tuple(output.shape), inplace=view or call.inplace)
        matches.append(Match(layer, tuple(call.tensors), output=output))
    return matches


def rewritten(call: Call, tensor: Tensor) -> Match:
    """The tensor as an operation without a result leaves it: nobody knows what that takes."""
    others = [other for other in call.tensors if other is not tensor]
    return Match(Unknown(call.name, tuple(tensor.shape), inplace=True), (tensor, *others), output=tensor)


def explains(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> bool:
    """Whether the layer's rule makes of these inputs what torch made of them."""
    if layer.arity is not None and len(inputs) != layer.arity:
        return False
    try:
        return layer.shape(*inputs) == output
    except ShapeError:
        return False


def on_device(device: torch.device, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The arguments of an operation that is to make its tensors on that device, whatever the code asks for."""
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": device}
    if func is torch.ops.aten.lift_fresh.default:
        # torch.tensor, whose numbers come from Python.
        args = (args[0].to(device),)
    return args, kwargs
