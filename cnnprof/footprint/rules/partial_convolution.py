"""Memory of a convolution with a connection table, which runs as several grouped ones.

Outputs with equally many maps are one convolution, for which those maps are gathered, narrow ones first
(`torch_bridge.rows.convolution.PartialConv2d`). The results are joined, and put into the table's order.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import NamedTuple

from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.footprint.rules.convolution import backward_workspace, forward_workspace, gathers_gradient
from cnnprof.footprint.rules.onednn_convolution import Convolution
from cnnprof.network.dims import Dim, greater_equal, maximum
from cnnprof.network.layers import elements
from cnnprof.network.layers.convolution import PartialConv


@rule(PartialConv, autocast="half")
def partial_convolution(layer: PartialConv, run: RuleContext) -> LayerMemory:
    """Which maps are gathered for each output, and the order of the outputs, are stored as int64."""
    parts = _parts(layer, run)
    gathered = sum(part.gathered for part in parts)
    back = _backward(parts, run) if run.needs_grad else 0
    connections = sum(map(sum, layer.connections))
    buffers = INDEX_BYTES * (connections + len(layer.connections[0]))
    return LayerMemory(_forward(parts, run), Saved(extra=gathered), back, buffers, gathers_gradient=1)


class _Part(NamedTuple):
    """The grouped convolution of all outputs with equally many maps, and the bytes of what it reads, writes and learns."""

    conv: Convolution
    gathered: Dim
    output: Dim
    weights: Dim


def _parts(layer: PartialConv, run: RuleContext) -> list[_Part]:
    (x,), y, size = run.inputs, run.output, run.element_bytes
    columns = zip(*layer.connections, strict=True)
    found = []
    for width, maps in sorted(Counter(map(sum, columns)).items()):
        source, target = (x[0], width * maps, *x[2:]), (y[0], maps, *y[2:])
        conv = Convolution(source, target, layer.kernel_size, layer.stride, layer.padding, (1, 1), maps, layer.bias)
        weights = size * maps * (width * prod(layer.kernel_size) + int(layer.bias)) if run.needs_weight_grad else 0
        found.append(_Part(conv, size * elements(source), size * elements(target), weights))
    return found


def _forward(parts: list[_Part], run: RuleContext) -> Dim:
    """Bytes beside the output while one part runs, or while the results are joined and put into order.

    What was gathered goes with each part, unless it is saved for the backward pass.
    """
    worst: Dim = 0
    held: Dim = 0
    for part in parts:
        here = held + part.gathered + part.output
        kernel = forward_workspace(part.conv, run.execution) if run.on_cpu else 0
        worst = maximum(worst, here + kernel - run.output_bytes)
        held = here if run.needs_grad else here - part.gathered
    return maximum(worst, held + run.output_bytes)


def _backward(parts: list[_Part], run: RuleContext) -> Dim:
    """Bytes beside all gradients and what was saved, at the worst moment: the widest part goes first."""
    (x,) = run.inputs
    source = run.element_bytes * elements(x) * int(run.needs_input_grad)
    # At first neither the weights' gradients are there, nor the input's.
    held = -source - sum(part.weights for part in parts)
    worst = maximum(0, held + run.output_bytes)
    for part in reversed(parts):
        held = held + part.weights
        gradient = part.gathered * int(run.needs_input_grad)
        # A part of the joined gradient is copied, but for one image, of which it lies in one piece.
        copy = part.output * greater_equal(x[0], 2)
        kernel: Dim = 0
        if run.on_cpu:
            copy = copy * gathers_gradient(part.conv, run.execution)
            kernel = backward_workspace(part.conv, run.execution, run.needs_input_grad, run.needs_weight_grad)
        worst = maximum(worst, held + copy + gradient + kernel)
        # What was gathered goes. Its gradient is spread over the input's maps, which is added to that of the parts before.
        held = held - part.gathered
        worst = maximum(worst, held + gradient + source)
        if part is parts[-1]:
            held = held + source
    return worst
