"""What the processor's convolution kernels hold beside input and output.

oneDNN lays NCHW tensors out in blocks of channels and the result back again: copies of input, weights and output that live for
the length of the call. 1x1 convolutions on one thread, above all, run as a matrix product. Which tensors oneDNN copies was
read from the allocator's events with torch 2.13.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.base import INDEX_BYTES, LayerMemory, RuleContext, Saved, rule
from cnnprof.footprint.rules.onednn_convolution import (
    BLOCK,
    SPARE,
    TILE,
    Convolution,
    all_of,
    any_of,
    blocked_elements,
    by_columns,
    by_onednn,
    column_sums,
    in_blocks,
    sized_convolution,
    weight_bytes,
    where,
    window_columns,
)
from cnnprof.network.dims import Dim, Shape, ceil_div, choose, known, maximum, minimum, prod, reaches, remember
from cnnprof.network.layers import elements
from cnnprof.network.layers.convolution import Conv, PartialConv

PARTIAL_SUMS = 256
"""How many partial sums of its weights' gradient a large depthwise convolution holds in channels_last."""


class _Copies(NamedTuple):
    """Bytes of oneDNN's own copies; 0 for what it takes as it lies."""

    input: Dim
    weights: Dim
    output: Dim
    scratch: Dim


@rule(Conv, autocast="half")
def convolution(layer: Conv, run: RuleContext) -> LayerMemory:
    """Copies in the blocks of oneDNN's kernels, or the columns of a matrix product."""
    gathered = _gathered(run)
    saved = Saved((0,))
    if not run.on_cpu:
        return LayerMemory(gathered, saved, gathered, gathers_gradient=True)
    sized = sized_convolution(layer, run)
    back: Dim = 0
    if run.needs_grad:
        back = backward_workspace(sized, run.execution, run.needs_input_grad, run.needs_weight_grad) + gathered
    return LayerMemory(forward_workspace(sized, run.execution) + gathered, saved, back, gathers_gradient=True)


@rule(PartialConv, autocast="half")
def partial_convolution(layer: PartialConv, run: RuleContext) -> LayerMemory:
    """Which maps are gathered for each output, and the order of the outputs, are stored as int64."""
    (x,) = run.inputs
    connections = sum(map(sum, layer.connections))
    return LayerMemory(
        # The maps that each output sees are gathered, and the outputs put into order twice.
        2 * run.output_bytes if run.on_cpu else 0,
        Saved(extra=run.element_bytes * x[0] * connections * prod(x[2:])),
        _gathered_maps(layer, run),
        INDEX_BYTES * (connections + len(layer.connections[0])),
        gathers_gradient=True,
    )


def _gathered(run: RuleContext) -> Dim:
    """A copy of channels that are a part of other tensors, each image apart; of rows and columns of one image, too."""
    (x,) = run.inputs
    if run.execution.layout == "cropped":
        return run.element_bytes * elements(x)
    return run.element_bytes * elements(x) * reaches(x[0], 2) if run.execution.layout == "sliced" else 0


def _gathered_maps(layer: PartialConv, run: RuleContext) -> Dim:
    """Outputs with equally many maps are one grouped convolution; the widest goes first, and gives up its gathered maps."""
    (x,), output = run.inputs, run.output
    widths = Counter(sum(row[column] for row in layer.connections) for column in range(len(layer.connections[0])))
    worst: Dim = 0
    done: Dim = 0
    for width, maps in sorted(widths.items(), reverse=True):
        gathered = run.element_bytes * x[0] * width * maps * prod(x[2:])
        gradient = run.element_bytes * output[0] * maps * prod(output[2:])
        worst = maximum(worst, 2 * gathered + gradient - done)
        done = done + gathered
    return worst


@remember
def forward_workspace(conv: Convolution, run: Execution) -> Dim:
    """Bytes beside input and output at the worst moment of the forward pass."""
    return where(by_onednn(conv, run), lambda: _forward_copies(conv, run), lambda: _columns(conv, run))


@remember
def backward_workspace(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """Bytes beside the gradients of input and weights at the worst moment of the backward pass."""
    return where(
        by_onednn(conv, run),
        lambda: _backward_copies(conv, run, further, learned),
        lambda: where(conv.in_turn, lambda: _turns(conv, run, further, learned), lambda: _columns(conv, run)),
    )


def _forward_copies(conv: Convolution, run: Execution) -> Dim:
    if run.layout == "channels_last":
        return _nhwc_weights(conv, run)
    copies = _copies(conv, run)
    # First all copies are made and the blocked output is computed, then it is laid out anew.
    out = run.element_bytes * prod(conv.y)
    return maximum(copies.scratch + copies.input + copies.weights + copies.output - out, copies.output)


def _backward_copies(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    if run.layout == "channels_last":
        # In half precision the partial sums are made in fp32 first.
        sums = PARTIAL_SUMS + 1 if run.element_bytes == 4 else 3 * PARTIAL_SUMS + 1
        apart = weight_bytes(conv, run) * choose(conv.large, sums, 2)
        return choose(conv.each_apart, apart, 2 * _nhwc_weights(conv, run) - _relaid_weights(conv, run))
    size = run.element_bytes
    source = size * prod(conv.x)
    target = size * prod(conv.y)
    weights = weight_bytes(conv, run)
    copies = _copies(conv, run)
    gradients = (weights if learned else 0) + (source if further else 0)
    worst: Dim = 0
    if learned:
        # All is blocked, or read as it lies; then the gradient is laid out anew.
        sums = _half_sums(conv, run, copies) * (1 - conv.each_apart) if run.element_bytes < 4 else 0
        blocked = copies.output + copies.input + copies.weights + sums
        # Of a window that picks its positions, up to eight blocks of channels.
        summed = choose(conv.reads_plain, weights, blocked + _picked(conv, run, minimum(in_blocks(conv.x[1]), 8 * BLOCK)))
        summed = choose(by_columns(conv, run), weights + column_sums(conv, run), summed)
        worst = maximum(summed, copies.weights + weights)
    if further:
        image = target // conv.x[0] * run.threads
        strided = maximum(target + weights + source + image, 3 * source)
        blocked_source = choose(conv.several, source, size * blocked_elements(conv.x))
        plain = maximum(copies.output + copies.weights + blocked_source, blocked_source + source)
        product = source + maximum(window_columns(conv, run) + SPARE, source)
        gapped = all_of(conv.dilated, any_of(conv.each_apart, conv.strided))
        plain = choose(all_of(conv.takes_blocks, 1 - gapped), plain, product)
        worst = maximum(worst + source, choose(all_of(conv.steps_over, 1 - gapped), strided, plain))
    return worst - gradients


def _columns(conv: Convolution, run: Execution) -> Dim:
    """The matrix product's: the input's windows as columns, unless a window is one position."""
    windows = run.element_bytes * conv.x[0] * conv.x[1] * prod(conv.kernel) * prod(conv.y[2:])
    if len(conv.kernel) == 3:
        return windows
    out = run.element_bytes * prod(conv.y)
    joined = maximum(out, _one_group(conv, run, conv.x))
    return choose(conv.plain, choose(conv.grouped, joined, 0), windows + _relaid_weights(conv, run))


def _turns(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """The groups' own gradients, which are joined, or while one is computed what it reads."""
    size = run.element_bytes
    parts = (size * prod(conv.x) if further else 0) + (weight_bytes(conv, run) if learned else 0)
    return maximum(parts, _one_group(conv, run, conv.x, conv.y))


def _one_group(conv: Convolution, run: Execution, *shapes: Shape) -> Dim:
    """A copy of one group's part of the tensors; of one image it lies in one piece."""
    return reaches(conv.x[0], 2) * run.element_bytes * sum(prod(shape) for shape in shapes) // conv.groups


def _copies(conv: Convolution, run: Execution) -> _Copies:
    several = conv.grouped
    if known(several):
        return _grouped(conv, run) if several else _dense(conv, run)
    return _either(several, _grouped(conv, run), _dense(conv, run))


def _dense(conv: Convolution, run: Execution) -> _Copies:
    size, channels, filters = run.element_bytes, conv.x[1], conv.y[1]
    # A window over few channels, as in a first layer, reads the input as it lies.
    few = all_of(1 - reaches(channels, BLOCK), 1 - all_of(conv.pointwise, any_of(conv.picks, 1 - conv.strided)))
    # One position in half precision is a matrix product, which sums an image's output in fp32.
    single = 4 * prod(conv.y[1:]) * run.threads + SPARE
    summed = choose(all_of(conv.pointwise, 1 - conv.strided), single, 0) if size < 4 else 0
    return _Copies(
        choose(few, 0, size * blocked_elements(conv.x)),
        size * prod(conv.kernel) * in_blocks(filters) * choose(few, channels, in_blocks(channels)),
        size * blocked_elements(conv.y),
        _picked(conv, run, in_blocks(channels)) + _bias(conv, run) + summed,
    )


def _grouped(conv: Convolution, run: Execution) -> _Copies:
    size, narrow, window = run.element_bytes, conv.x[1] // conv.groups, prod(conv.kernel)
    depthwise = _Copies(
        size * blocked_elements(conv.x), size * window * in_blocks(conv.x[1]), size * blocked_elements(conv.y), _bias(conv, run)
    )
    # Groups of fours are blocked without padding; others run as matrix products.
    columns = window_columns(conv, run) * run.threads + SPARE
    blocked = _Copies(size * prod(conv.x), size * window * narrow * conv.y[1], size * prod(conv.y), 0)
    product = _Copies(0, 0, size * prod(conv.y), columns)
    return _either(conv.each_apart, depthwise, _either(conv.by_fours, blocked, product))


def _either(condition: Dim, then: _Copies, otherwise: _Copies) -> _Copies:
    return _Copies(*(choose(condition, a, b) for a, b in zip(then, otherwise, strict=True)))


def _bias(conv: Convolution, run: Execution) -> Dim:
    """A bias is copied where its last block is not full."""
    return choose(reaches(conv.y[1] % BLOCK, 1), run.element_bytes * in_blocks(conv.y[1]) + SPARE, 0) if conv.bias else 0


def _nhwc_weights(conv: Convolution, run: Execution) -> Dim:
    """In channels_last only the weights are copied, filters in blocks of 16, 32 or 64."""
    narrow, filters = conv.x[1] // conv.groups, conv.y[1] // conv.groups
    wide = choose(reaches(filters, 33), ceil_div(filters, 64) * 64, ceil_div(filters, BLOCK) * BLOCK)
    dense = run.element_bytes * prod(conv.kernel) * conv.groups * wide * narrow + TILE * (1 + run.threads)
    copies = choose(conv.each_apart, run.element_bytes * prod(conv.kernel) * in_blocks(conv.x[1]), dense)
    return copies + _relaid_weights(conv, run)


def _relaid_weights(conv: Convolution, run: Execution) -> Dim:
    """Weights that lie otherwise than the tensors are copied; those of one position or one channel lie alike either way."""
    if not run.weights_lie_otherwise:
        return 0
    return choose(all_of(1 - conv.pointwise, 1 - conv.each_apart), weight_bytes(conv, run), 0)


def _picked(conv: Convolution, run: Execution, channels: Dim) -> Dim:
    """The positions of one image that a strided 1x1 window picks, of so many channels."""
    return choose(conv.picks, run.element_bytes * channels * prod(conv.y[2:]) * run.threads + SPARE, 0)


def _half_sums(conv: Convolution, run: Execution, copies: _Copies) -> Dim:
    """A gradient in half precision is summed in fp32, from one image's input, its rows padded, and gradient turned over."""
    row = conv.stride[-1] * (conv.y[-1] + conv.kernel[-1] - 1)
    source = in_blocks(conv.x[1]) * prod(conv.x[2:-1]) * row
    image = run.element_bytes * (source + in_blocks(conv.y[1]) * prod(conv.y[2:]))
    turned = minimum(run.threads, conv.x[0]) * image + 2 * TILE + 3 * SPARE
    return 2 * copies.weights + choose(conv.pointwise, 0, turned)
