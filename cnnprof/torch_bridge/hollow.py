"""Modules whose weights take no memory and no time to make: each is one zero, seen under the weight's shape."""

from __future__ import annotations

import torch
from torch import nn

from cnnprof.core.graph import Graph
from cnnprof.torch_bridge.instantiate import instantiate, is_users
from cnnprof.torch_bridge.meta import on_meta


def hollow(graph: Graph) -> nn.Module:
    """The module behind a graph, to be run on real tensors for what it does and not for what it finds.

    A user's own module is made as it is, since its code may read its weights. Raises what `instantiate` raises.
    """
    if is_users(graph):
        return instantiate(graph)
    with on_meta():
        module = instantiate(graph)
    zero = torch.zeros(())
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(zero.expand(parameter.shape), parameter.requires_grad))
        for name, buffer in part.named_buffers(recurse=False):
            if buffer.is_meta:
                setattr(part, name, torch.zeros(buffer.shape, dtype=buffer.dtype))
    return module
