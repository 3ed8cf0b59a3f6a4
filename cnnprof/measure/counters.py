"""Other tools' figures for a module. Counting leaves the module as it was."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnprof.errors import UnavailableError
from cnnprof.network.dims import Shape
from cnnprof.record import record
from cnnprof.torch_bridge.meta import input_like, meta_copy


@record
class Count:
    """A tool's figure: in all, for each part (module path, or kind of operation), and which operations it passes over."""

    total: int
    parts: Mapping[str, int]
    unsupported: Mapping[str, int]


def count_parameters(module: nn.Module) -> int:
    """Elements of `module.parameters()`, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_with_torch(module: nn.Module, *shapes: Shape) -> Count:
    """torch.utils.flop_counter.FlopCounterMode in eval mode: two FLOPs for a multiply-accumulate; parts are module paths.

    On meta tensors, where attention is broken down to matrix products: on a CPU a fused kernel would hide them.
    """
    # The counter hangs hooks on what needs a gradient, and fails at a view of a parameter.
    copied = copy.deepcopy(meta_copy(module)).eval().requires_grad_(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        copied(*[torch.empty(shape, device="meta", dtype=input_like(copied).dtype) for shape in shapes])
    # A path begins with the class of the network.
    paths = {path.partition(".")[2]: sum(flops.values()) for path, flops in counter.get_flop_counts().items()}
    return Count(counter.get_total_flops(), paths, {})


def count_with_fvcore(module: nn.Module, *shapes: Shape) -> Count:
    """fvcore.nn.FlopCountAnalysis in eval mode on real tensors; parts are kinds of operation.

    Raises UnavailableError where fvcore is missing.
    """
    with _quiet():
        try:
            from fvcore.nn import FlopCountAnalysis
        except ImportError as error:
            raise UnavailableError(f"fvcore cannot be imported: {error}", hint="pip install fvcore") from None
        modes = {name: part.training for name, part in module.named_modules()}
        like = input_like(module)
        try:
            given = tuple(torch.zeros(shape, device=like.device, dtype=like.dtype) for shape in shapes)
            analysis = FlopCountAnalysis(module.eval(), given)
            parts = {kind: int(count) for kind, count in analysis.by_operator().items()}
            return Count(int(analysis.total()), parts, analysis.unsupported_ops())
        finally:
            for name, part in module.named_modules():
                part.training = modes[name]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log lines and warnings that fvcore and torch's tracer write about operations that they pass over."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
