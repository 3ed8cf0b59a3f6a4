"""Specs against torch code of our own: figures, shapes, and what they compute with the same weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from spec_texts import build as read
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnprof.network.analysis import analyze
from cnnprof.torch_bridge.build import build


def _with_weights(module: nn.Module, tensors: list[Tensor]) -> list[nn.Module]:
    """The modules that hold tensors, in the order of their first runs."""
    found: list[nn.Module] = []
    hooks = [
        part.register_forward_pre_hook(lambda part, _: found.append(part))
        for part in module.modules()
        if [*part.parameters(recurse=False)]
    ]
    module(*tensors)
    for hook in hooks:
        hook.remove()
    return [*dict.fromkeys(found)]


@torch.no_grad()
def compare(text: str, own: Callable[[], nn.Module], samples: int = 2) -> None:
    """Hold the network of a spec, built, against a module of the same layers in the same order."""
    torch.manual_seed(0)
    graph, theirs = read(text, batch=samples), own().eval().requires_grad_(False)
    images = [torch.rand(shape) for shape in graph.inputs.values()]
    for part in theirs.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm3d)):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.uniform_(0.5, 1.5)
    ours = build(graph).eval()
    for mine, other in zip(_with_weights(ours, images), _with_weights(theirs, images), strict=True):
        mine.load_state_dict(other.state_dict())
    with FlopCounterMode(display=False) as counter:
        expected = theirs(*images)
    totals = analyze(graph).totals
    assert totals.params == sum(weights.numel() for weights in theirs.parameters())
    assert 2 * totals.macs == counter.get_total_flops()
    found = ours(*images)
    found = tuple(found.values()) if isinstance(found, dict) else found
    torch.testing.assert_close(found, expected)
    for tensor in expected if isinstance(expected, tuple) else (expected,):
        assert tensor.std() > 1e-3
