"""Modules without data: parameters and buffers on torch's meta device have a shape and take no memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook


@contextmanager
def on_meta() -> Iterator[None]:
    """Modules constructed here hold their parameters on the meta device, so that none is stored or initialized.

    They are moved as they are registered: under `torch.device("meta")` a constructor that reads a tensor's value would fail.
    Buffers keep their values.
    """

    def move(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        if parameter is None or parameter.is_meta:
            return None
        return nn.Parameter(parameter.to("meta"), parameter.requires_grad)

    handle = register_module_parameter_registration_hook(move)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()


def meta_copy(module: nn.Module) -> nn.Module:
    """A copy of the module whose parameters and buffers are on the meta device; the module itself if they are so already."""
    tensors = [*module.parameters(), *module.buffers()]
    if tensors and all(tensor.is_meta for tensor in tensors):
        return module
    memo: dict[int, object] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(module, memo)


def input_like(module: nn.Module) -> Tensor:
    """A tensor on the device and in the format that the module's input must have."""
    return next((t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()), torch.empty(0))
