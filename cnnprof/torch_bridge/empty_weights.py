"""Modules to be counted and not to be believed: first without any data, then with zeros that take no memory."""

from __future__ import annotations

import torch
from torch import nn

from cnnprof.network.graph import Graph
from cnnprof.torch_bridge.at_once import AtOnce
from cnnprof.torch_bridge.instantiate import instantiate, is_built, is_users
from cnnprof.torch_bridge.meta import on_meta


def without_data(graph: Graph) -> nn.Module:
    """The module behind a graph, in eval mode, its parameters on the meta device; so are its buffers, if it is built.

    A user's own module is made as it is, since its code may read its weights. Raises what `instantiate` raises.
    """
    if is_users(graph):
        return instantiate(graph).eval()
    with torch.device("meta") if is_built(graph) else on_meta(), AtOnce():
        return instantiate(graph).eval()


def with_zeros(module: nn.Module) -> nn.Module:
    """The same module, to be run on the CPU: its parameters without data share the zeros of the largest of them."""
    import numpy

    most = max((each.numel() for each in module.parameters() if each.is_meta), default=0)
    # numpy's zeros are the system's, of which there is one page until one is written; torch would write them all.
    zeros = torch.from_numpy(numpy.zeros(most, numpy.float32))
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.is_meta:
                setattr(part, name, nn.Parameter(zeros[: parameter.numel()].view(parameter.shape), parameter.requires_grad))
        for name, buffer in part.named_buffers(recurse=False):
            if buffer.is_meta:
                setattr(part, name, torch.zeros(buffer.shape, dtype=buffer.dtype))
    return module
