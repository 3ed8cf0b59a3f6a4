"""Layers that join branches."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from cnnprof.network.layers.merging import Add, Concat, Join, Max, Mean, Mul
from cnnprof.torch_bridge.rows.base import Build, Call, Function, Match, row


def _fold(name: str) -> Build:
    """A build that folds the inputs with a method of tensors; in place, with its in-place form."""

    def build(layer: Join, _inputs: object) -> Function:
        step: Callable[[Tensor, Tensor], Tensor] = lambda a, b: getattr(a, name + "_" * layer.inplace)(b)  # noqa: E731
        return Function(lambda *branches: reduce(step, branches), f"inplace={layer.inplace}")

    return build


def _build_mean(layer: Mean, _inputs: object) -> Function:
    def mean(*branches: Tensor) -> Tensor:
        total = reduce(Tensor.add_ if layer.inplace else Tensor.add, branches)
        return total.div_(len(branches)) if len(branches) > 1 else total

    return Function(mean, f"inplace={layer.inplace}")


def _build_max(layer: Max, _inputs: object) -> Function:
    if layer.inplace:
        # torch.maximum with out= has no gradient.
        return Function(lambda *branches: reduce(torch.Tensor.clamp_min_, branches), "inplace=True")
    return Function(lambda *branches: reduce(torch.maximum, branches))


def _capture_concat(call: Call) -> Match:
    # torch lets an empty vector stand among tensors of any shape.
    tensors = tuple(tensor for tensor in call["tensors"] if tensor.numel() or tensor.dim() > 1)
    return Match(Concat(call["dim"]), tensors)


row(Add, _fold("add"), lacks="aten.add may add a number, too: the row of Arithmetic reads it")
row(Mul, _fold("mul"), lacks="aten.mul may multiply with a number, too: the row of Arithmetic reads it")
row(Mean, _build_mean, lacks="torch runs it as additions and a division")
row(Max, _build_max, {"maximum": lambda call: Match(Max(call.inplace), (call.first, call["other"]))})
row(
    Concat,
    lambda layer, _: Function(lambda *branches: torch.cat(branches, layer.dim), f"dim={layer.dim}"),
    {"cat": _capture_concat},
)
