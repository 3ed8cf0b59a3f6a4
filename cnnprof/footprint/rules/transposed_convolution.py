"""What the processor's kernels for transposed convolutions hold beside input and output."""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.base import LayerMemory, RuleContext, Saved, rule
from cnnprof.footprint.rules.onednn_convolution import (
    BLOCK,
    SPARE,
    TILE,
    Convolution,
    all_of,
    any_of,
    blocked_elements,
    by_onednn,
    divides,
    in_blocks,
    sized_convolution,
    weight_bytes,
    where,
)
from cnnprof.network.dims import Dim, choose, maximum, prod, reaches, remember
from cnnprof.network.layers.convolution import ConvTranspose

TILES = 10 * TILE
"""What a strided transposed convolution holds of these, about."""


@rule(ConvTranspose, autocast="half")
def transposed_convolution(layer: ConvTranspose, run: RuleContext) -> LayerMemory:
    """Copies in the blocks of oneDNN's kernels, or windows before they are summed up where they overlap."""
    if not run.on_cpu:
        return LayerMemory(saved=Saved((0,)), gathers_gradient=True)
    sized = sized_convolution(layer, run)
    back: Dim = 0
    if run.needs_grad:
        back = backward_workspace(sized, run.execution, run.needs_input_grad, run.needs_weight_grad)
    return LayerMemory(forward_workspace(sized, run.execution), Saved((0,)), back, gathers_gradient=True)


@remember
def forward_workspace(conv: Convolution, run: Execution) -> Dim:
    """Bytes beside input and output at the worst moment of the forward pass."""
    return where(by_onednn(conv, run), lambda: _forward_copies(conv, run), lambda: conv.x[0] * _overlapping(conv, run))


@remember
def backward_workspace(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """Bytes beside the gradients of input and weights at the worst moment of the backward pass."""
    return where(
        by_onednn(conv, run),
        lambda: _backward_copies(conv, run, further, learned),
        lambda: choose(conv.plain, 0, _overlapping(conv, run)),
    )


def _forward_copies(conv: Convolution, run: Execution) -> Dim:
    size, narrow = run.element_bytes, conv.x[1] // conv.groups
    out = size * prod(conv.y)
    dense = 1 - conv.grouped
    full = any_of(dense, conv.each_apart)
    x, y = (choose(full, size * blocked_elements(shape), size * prod(shape)) for shape in (conv.x, conv.y))
    image = size * prod(conv.x[1:]) * run.threads + TILES
    # Kernels that do not sum up where each window falls, evenly, make the bias a tensor as large as the output.
    biased = y + SPARE if conv.bias else 0
    even = all_of(*(divides(s, h) for h, s in zip(conv.y[2:], conv.stride, strict=True)))
    grouped = all_of(reaches(narrow, 9), any_of(even, reaches(narrow, BLOCK + 1), 1 - divides(4, narrow)))
    sums = all_of(conv.strided, any_of(dense, grouped))
    image = image + (1 - even) * (out + SPARE if conv.bias else 0)
    weights = _weights_copy(conv, run, choose(sums, narrow, in_blocks(narrow)))
    if run.layout == "channels_last":
        return weights + choose(sums, image, choose(any_of(conv.strided, conv.each_apart), biased, 2 * TILE))
    # Those that do lay their result out anew twice.
    summed = maximum(size * prod(conv.x) + weights + image, 2 * out)
    blocked = maximum(x + weights + y + biased - out, y)
    product = maximum(_overlapping(conv, run) * run.threads + 2 * SPARE + biased, out)
    return choose(sums, summed, choose(conv.takes_blocks, blocked, product))


def _backward_copies(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    size, weights, narrow = run.element_bytes, weight_bytes(conv, run), conv.x[1] // conv.groups
    if run.layout == "channels_last":
        return _weights_copy(conv, run, narrow) + weights
    copied = _weights_copy(conv, run, in_blocks(narrow))
    dense = 1 - conv.grouped
    x, y = (choose(dense, size * blocked_elements(shape), size * prod(shape)) for shape in (conv.x, conv.y))
    source = size * prod(conv.x) if further else 0
    worst: Dim = 0
    if further:
        worst = maximum(y + copied + x, x + source)
    if learned:
        summed = choose(conv.reads_plain, weights, y + x + copied)
        worst = maximum(worst, source + maximum(summed, copied + weights))
    # Groups that are not blocked are matrix products.
    columns = _overlapping(conv, run) * run.threads
    product = maximum(source + maximum(columns, source), source + columns + 5 * weights if learned else 0)
    worst = choose(conv.takes_blocks, worst, product)
    return worst - source - (weights if learned else 0)


def _overlapping(conv: Convolution, run: Execution) -> Dim:
    """One image's windows, before they are summed up where they overlap."""
    return run.element_bytes * (conv.y[1] // conv.groups) * prod(conv.kernel) * prod(conv.x[2:])


def _weights_copy(conv: Convolution, run: Execution, channels: Dim) -> Dim:
    """The weights' copy, a group's input channels padded to so many, its filters to a full block."""
    full = run.element_bytes * prod(conv.kernel) * conv.groups * channels * in_blocks(conv.y[1] // conv.groups)
    apart = run.element_bytes * prod(conv.kernel) * in_blocks(conv.groups)
    several = choose(conv.each_apart, apart, weight_bytes(conv, run))
    return choose(any_of(1 - conv.grouped, reaches(conv.x[1] // conv.groups, 9)), full, several)
