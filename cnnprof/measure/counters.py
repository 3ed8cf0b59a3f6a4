"""Other tools' figures for a module. Counting leaves the module as it was."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnprof.errors import UnavailableError
from cnnprof.network.dims import Shape
from cnnprof.network.graph import Graph
from cnnprof.record import record
from cnnprof.torch_bridge.at_once import AtOnce
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


def count_packed(module: nn.Module) -> int:
    """Elements of the weights that quantized layers hold in objects of their own."""
    found = 0
    for part in module.modules():
        holder = getattr(part, "_packed_params", None)
        if isinstance(holder, torch.ScriptObject):
            weight, bias = holder.unpack()  # type: ignore[attr-defined]
            found += weight.numel() + (bias.numel() if bias is not None else 0)
    return found


def run_once(module: nn.Module, graph: Graph) -> None:
    """Run the module on zeros, for what its first run makes; one that does not run so stays as it is."""
    like = input_like(module)
    with suppress(Exception), torch.no_grad(), redirect_stdout(sys.stderr):
        module.eval()(*[torch.zeros(shape, device=like.device, dtype=like.dtype) for shape in graph.inputs.values()])


def count_with_torch(module: nn.Module, *shapes: Shape) -> Count:
    """torch.utils.flop_counter.FlopCounterMode in eval mode: two FLOPs for a multiply-accumulate; parts are module paths.

    On meta tensors, where attention is broken down to matrix products: on a CPU a fused kernel would hide them.
    """
    empty = meta_copy(module)
    inputs = [torch.empty(shape, device="meta", dtype=input_like(empty).dtype) for shape in shapes]
    # What is done at once is nothing that torch counts.
    with _in_eval(empty), _frozen(empty), torch.no_grad(), FlopCounterMode(display=False) as counter, AtOnce():
        try:
            empty(*inputs)
        except (RuntimeError, ValueError):
            # Tensors that its code makes on the way have to be without data, too.
            with torch.device("meta"), FlopCounterMode(display=False) as again, AtOnce():
                empty(*inputs)
            counter = again
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
        like = input_like(module)
        with _in_eval(module):
            given = tuple(torch.zeros(shape, device=like.device, dtype=like.dtype) for shape in shapes)
            analysis = FlopCountAnalysis(module, given)
            parts = {kind: int(count) for kind, count in analysis.by_operator().items()}
            return Count(int(analysis.total()), parts, analysis.unsupported_ops())


@contextmanager
def _in_eval(module: nn.Module) -> Iterator[None]:
    """In eval mode; afterwards each part is in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Without gradients: the counter hangs hooks on what needs one, and fails at a view of a parameter."""
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_()


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
