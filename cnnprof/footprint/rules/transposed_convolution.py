"""The memory that the processor's kernels for transposed convolutions hold beside input and output.

A transposed convolution is the backward pass of a convolution whose input is its output: oneDNN runs it as that, and its
backward pass as that convolution's forward pass (src/cpu/ref_deconvolution.hpp).
"""

from __future__ import annotations

from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.footprint.rules.convolution import (
    gathers_gradient,
    gradient_workspace,
    kernels,
    one_group,
    result_workspace,
    sized_convolution,
    summed_bias,
    weight_workspace,
)
from cnnprof.footprint.rules.onednn_brgemm import blocks, data_gradient, steps_over
from cnnprof.footprint.rules.onednn_convolution import SPARE, Convolution, Copies, by_onednn
from cnnprof.network.dims import Dim, lift
from cnnprof.network.layers.convolution import ConvTranspose


@rule(ConvTranspose, autocast="half")
def transposed_convolution(layer: ConvTranspose, run: RuleContext) -> LayerMemory:
    """Copies in the blocks of oneDNN's kernels, or windows before they are summed up where they overlap."""
    if not run.on_cpu:
        return LayerMemory(saved=Saved((0,)), gathers_gradient=1)
    sized = sized_convolution(layer, run)
    back: Dim = 0
    if run.needs_grad:
        back = backward_workspace(sized, run.execution, run.needs_input_grad, run.needs_weight_grad)
    gathers = gathers_gradient(sized, run.execution)
    return LayerMemory(forward_workspace(sized, run.execution), Saved((0,)), back, gathers_gradient=gathers)


@lift
def forward_workspace(conv: Convolution, run: Execution) -> int:
    """Bytes beside input and output at the worst moment of the forward pass."""
    if not by_onednn(conv, run):
        windows = conv.x[0] * _overlapping(conv, run)
        return max(conv.target_bytes(run), one_group(conv, run, conv.x) + windows) if conv.grouped else windows
    even = all(y % s == 0 for y, s in zip(conv.y[2:], conv.stride, strict=True))
    block = next((block for block in blocks(run) if even and steps_over(conv.mirrored, run, block)), None)
    if block:
        copies = _nested(data_gradient(conv.mirrored, run, block))
    else:
        copies = _nested(kernels(run).data_gradient(conv.mirrored, run))
        if conv.bias:
            # Only the strided kernel, where the stride divides the output, adds a bias itself; it is added in fp32.
            copies = copies._replace(scratch=copies.scratch + copies.input * 4 // run.element_bytes + SPARE)
    return gradient_workspace(copies, conv.target_bytes(run))


@lift
def backward_workspace(conv: Convolution, run: Execution, needs_input_grad: bool, needs_weight_grad: bool) -> int:
    """Bytes beside the gradients of input and weights at the worst moment of the backward pass."""
    if not by_onednn(conv, run):
        windows = 0 if conv.plain else _overlapping(conv, run)
        windows = max(windows, summed_bias(conv, run)) if needs_weight_grad else windows
        if not conv.grouped:
            return windows
        parts = (conv.source_bytes(run) if needs_input_grad else 0) + (
            conv.weight_bytes(run) + conv.bias_bytes(run)
        ) * needs_weight_grad
        return max(parts, one_group(conv, run, conv.x, conv.y) + windows)
    chosen, mirrored = kernels(run), conv.mirrored
    weights = conv.weight_bytes(run) + conv.bias_bytes(run) if needs_weight_grad else 0
    worst = (
        result_workspace(_nested(chosen.forward(mirrored, run)), conv.source_bytes(run)) - weights if needs_input_grad else 0
    )
    if needs_weight_grad:
        copies = _nested(chosen.weight_gradient(mirrored, run))
        worst = max(worst, weight_workspace(copies, conv.weight_bytes(run), conv.bias_bytes(run)))
    return worst


def _nested(copies: Copies) -> Copies:
    """The convolution's scratchpad as a part of the transposed convolution's."""
    return copies._replace(scratch=copies.scratch + SPARE) if copies.scratch else copies


def _overlapping(conv: Convolution, run: Execution) -> int:
    """One image's windows, before they are summed up where they overlap."""
    return run.element_bytes * (conv.y[1] // conv.groups) * conv.window * prod(conv.x[2:])
