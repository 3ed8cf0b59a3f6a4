"""What the processor's convolution kernels hold beside input and output.

torch hands most convolutions to oneDNN, which lays NCHW tensors out in blocks of 16 channels (AVX-512) and the result back
again: copies of input, weights and output that live for the length of the call. The rest, 1x1 convolutions on one thread above
all, runs as a matrix product. The conditions are those of `ConvParams::use_mkldnn` in ATen/native/Convolution.cpp; which
tensors oneDNN copies was read from the allocator's events with torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnnprof.core.arith import Dim, Shape, ceil_div, choose, known, maximum, minimum, prod, reaches, remember
from cnnprof.core.execution import Execution

BLOCK = 16
SPARE = 128
"""Bytes by which oneDNN aligns a scratchpad."""

PARTIAL_SUMS = 256
"""How many partial sums of its weights' gradient a large depthwise convolution holds in channels_last."""

TILE = 4096
"""Bytes that the kernels for channels_last hold for themselves, and once more for each thread."""

TILES = 10 * TILE
"""What a strided transposed convolution holds of these, about."""


class Convolution(NamedTuple):
    """One convolution: shapes and hyper-parameters, sizes as one entry a spatial axis."""

    x: Shape
    y: Shape
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: Dim
    bias: bool


class _Copies(NamedTuple):
    """Bytes of oneDNN's own copies; 0 for what it takes as it lies."""

    input: Dim
    weights: Dim
    output: Dim
    scratch: Dim


@remember
def forward_workspace(conv: Convolution, run: Execution) -> Dim:
    """Bytes beside input and output at the worst moment of the forward pass."""
    return _where(_by_onednn(conv, run), lambda: _forward_copies(conv, run), lambda: _columns(conv, run))


@remember
def backward_workspace(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """Bytes beside the gradients of input and weights at the worst moment of the backward pass."""
    return _where(
        _by_onednn(conv, run),
        lambda: _backward_copies(conv, run, further, learned),
        lambda: _where(_in_turn(conv), lambda: _turns(conv, run, further, learned), lambda: _columns(conv, run)),
    )


@remember
def transposed_forward_workspace(conv: Convolution, run: Execution) -> Dim:
    """As `forward_workspace`, of a transposed convolution."""
    return _where(_by_onednn(conv, run), lambda: _transposed_forward_copies(conv, run), lambda: _transposed_columns(conv, run))


@remember
def transposed_backward_workspace(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """As `backward_workspace`, of a transposed convolution."""
    return _where(
        _by_onednn(conv, run),
        lambda: _transposed_backward_copies(conv, run, further, learned),
        lambda: _transposed_columns(conv, run),
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
        apart = _weights(conv, run) * choose(_large(conv), sums, 2)
        return choose(_each_apart(conv), apart, 2 * _nhwc_weights(conv, run) - _relaid_weights(conv, run))
    size = run.element_bytes
    source = size * prod(conv.x)
    target = size * prod(conv.y)
    weights = _weights(conv, run)
    copies = _copies(conv, run)
    gradients = (weights if learned else 0) + (source if further else 0)
    worst: Dim = 0
    if learned:
        # All is blocked, or read as it lies; then the gradient is laid out anew.
        sums = _half_sums(conv, run, copies) * (1 - _each_apart(conv)) if run.element_bytes < 4 else 0
        blocked = copies.output + copies.input + copies.weights + sums
        summed = choose(_reads_plain(conv), weights, blocked)
        summed = choose(_by_columns(conv, run), weights + _column_sums(conv, run), summed)
        worst = maximum(summed, copies.weights + weights)
    if further:
        image = target // conv.x[0] * run.threads
        strided = maximum(target + weights + source + image, 3 * source)
        grouped = _all(reaches(conv.groups, 2), 1 - _each_apart(conv))
        blocked_source = choose(grouped, source, size * _blocked(conv.x))
        plain = maximum(copies.output + copies.weights + blocked_source, blocked_source + source)
        product = source + maximum(_window_columns(conv, run) + SPARE, source)
        plain = choose(_takes_blocks(conv), plain, product)
        worst = maximum(worst + source, choose(_steps_over(conv), strided, plain))
    return worst - gradients


def _transposed_forward_copies(conv: Convolution, run: Execution) -> Dim:
    size, narrow = run.element_bytes, conv.x[1] // conv.groups
    out = size * prod(conv.y)
    dense, strided = 1 - reaches(conv.groups, 2), _strided(conv)
    x, y = (choose(dense, size * _blocked(shape), size * prod(shape)) for shape in (conv.x, conv.y))
    image = size * prod(conv.x[1:]) * run.threads + TILES
    # Kernels that do not sum up where each window falls, evenly, make the bias a tensor as large as the output.
    biased = y + SPARE if conv.bias else 0
    even = _all(*(1 - reaches(h % s, 1) for h, s in zip(conv.y[2:], conv.stride, strict=True)))
    sums = _all(strided, _any(dense, _all(reaches(narrow, 9), _any(even, reaches(narrow, BLOCK + 1), 1 - _fours(narrow)))))
    image = image + (1 - even) * biased
    weights = _transposed_weights(conv, run, choose(sums, narrow, _up(narrow)))
    if run.layout == "channels_last":
        return weights + choose(sums, image, choose(_any(strided, _each_apart(conv)), biased, 2 * TILE))
    # Those that do lay their result out anew twice.
    summed = maximum(size * prod(conv.x) + weights + image, 2 * out)
    blocked = maximum(x + weights + y + biased - out, y)
    product = maximum(_transposed_columns(conv, run) * run.threads + 2 * SPARE + biased, out)
    return choose(sums, summed, choose(_takes_blocks(conv), blocked, product))


def _transposed_backward_copies(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    size, weights, narrow = run.element_bytes, _weights(conv, run), conv.x[1] // conv.groups
    if run.layout == "channels_last":
        return _transposed_weights(conv, run, narrow) + weights
    copied = _transposed_weights(conv, run, _up(narrow))
    dense = 1 - reaches(conv.groups, 2)
    x, y = (choose(dense, size * _blocked(shape), size * prod(shape)) for shape in (conv.x, conv.y))
    source = size * prod(conv.x) if further else 0
    worst: Dim = 0
    if further:
        worst = maximum(y + copied + x, x + source)
    if learned:
        summed = choose(_reads_plain(conv), weights, y + x + copied)
        worst = maximum(worst, source + maximum(summed, copied + weights))
    # Groups that are not blocked are matrix products.
    columns = _transposed_columns(conv, run) * run.threads
    product = maximum(source + maximum(columns, source), source + columns + 5 * weights if learned else 0)
    worst = choose(_takes_blocks(conv), worst, product)
    return worst - source - (weights if learned else 0)


def _transposed_columns(conv: Convolution, run: Execution) -> Dim:
    """One image's windows, before they are summed up where they overlap."""
    return run.element_bytes * (conv.y[1] // conv.groups) * prod(conv.kernel) * prod(conv.x[2:])


def _transposed_weights(conv: Convolution, run: Execution, channels: Dim) -> Dim:
    """The weights' copy, a group's input channels padded to so many, its filters to a full block."""
    padded = run.element_bytes * prod(conv.kernel) * conv.groups * channels * _up(conv.y[1] // conv.groups)
    return choose(_any(1 - reaches(conv.groups, 2), reaches(conv.x[1] // conv.groups, 9)), padded, _weights(conv, run))


def _by_onednn(conv: Convolution, run: Execution) -> Dim:
    """1 where oneDNN runs it, as `use_mkldnn` decides."""
    if run.element_bytes < 4:
        return 1
    images, size = conv.x[0], prod(conv.x)
    worth = _any(_strided(conv), _dilated(conv), reaches(images, 16), 1 - _pointwise(conv), int(run.threads > 1))
    large = _any(reaches(conv.groups, 2), _large(conv), reaches(images, 2), reaches(size, 20481))
    return _all(worth, large)


def _columns(conv: Convolution, run: Execution) -> Dim:
    """The matrix product's: the input's windows as columns, unless a window is one position."""
    out = run.element_bytes * prod(conv.y)
    windows = run.element_bytes * conv.x[0] * conv.x[1] * prod(conv.kernel) * prod(conv.y[2:])
    joined = maximum(out, _one_group(conv, run, conv.x))
    return choose(_plain(conv), choose(reaches(conv.groups, 2), joined, 0), windows + _relaid_weights(conv, run))


def _plain(conv: Convolution) -> Dim:
    """1 where a window is one position, and every position has one."""
    return _all(_pointwise(conv), 1 - _strided(conv), *(1 - reaches(p, 1) for p in conv.padding))


def _in_turn(conv: Convolution) -> Dim:
    """1 where groups are computed one by one and then joined."""
    return _all(_plain(conv), reaches(conv.groups, 2))


def _turns(conv: Convolution, run: Execution, further: bool, learned: bool) -> Dim:
    """The groups' own gradients, which are joined, or while one is computed what it reads."""
    size = run.element_bytes
    parts = (size * prod(conv.x) if further else 0) + (_weights(conv, run) if learned else 0)
    return maximum(parts, _one_group(conv, run, conv.x, conv.y))


def _one_group(conv: Convolution, run: Execution, *shapes: Shape) -> Dim:
    """A copy of one group's part of the tensors; of one image it lies in one piece."""
    return reaches(conv.x[0], 2) * run.element_bytes * sum(prod(shape) for shape in shapes) // conv.groups


def _copies(conv: Convolution, run: Execution) -> _Copies:
    several = reaches(conv.groups, 2)
    if known(several):
        return _grouped(conv, run) if several else _dense(conv, run)
    return _either(several, _grouped(conv, run), _dense(conv, run))


def _dense(conv: Convolution, run: Execution) -> _Copies:
    size, channels, filters = run.element_bytes, conv.x[1], conv.y[1]
    pointwise, strided = _pointwise(conv), _strided(conv)
    even = _all(*(1 - reaches(h % s, 1) for h, s in zip(conv.x[2:], conv.stride, strict=True)))
    # A strided 1x1 window first picks its positions where they come out even.
    picks = _all(pointwise, strided, even)
    # A window over few channels, as in a first layer, reads the input as it lies.
    few = _all(1 - reaches(channels, BLOCK), 1 - _all(pointwise, _any(picks, 1 - strided)))
    # One position in half precision is a matrix product, which sums an image's output in fp32.
    single = 4 * prod(conv.y[1:]) * run.threads + SPARE
    summed = choose(_all(pointwise, 1 - strided), single, 0) if size < 4 else 0
    return _Copies(
        choose(few, 0, size * _blocked(conv.x)),
        size * prod(conv.kernel) * _up(filters) * choose(few, channels, _up(channels)),
        size * _blocked(conv.y),
        choose(picks, size * _up(channels) * prod(conv.y[2:]) * run.threads + SPARE, 0) + _bias(conv, run) + summed,
    )


def _grouped(conv: Convolution, run: Execution) -> _Copies:
    size, narrow, window = run.element_bytes, conv.x[1] // conv.groups, prod(conv.kernel)
    depthwise = _Copies(size * _blocked(conv.x), size * window * _up(conv.x[1]), size * _blocked(conv.y), _bias(conv, run))
    # Groups of fours are blocked without padding; others run as matrix products.
    columns = _window_columns(conv, run) * run.threads + SPARE
    blocked = _Copies(size * prod(conv.x), size * window * narrow * conv.y[1], size * prod(conv.y), 0)
    product = _Copies(0, 0, size * prod(conv.y), columns)
    return _either(_each_apart(conv), depthwise, _either(_by_fours(conv), blocked, product))


def _either(condition: Dim, then: _Copies, otherwise: _Copies) -> _Copies:
    return _Copies(*(choose(condition, a, b) for a, b in zip(then, otherwise, strict=True)))


def _bias(conv: Convolution, run: Execution) -> Dim:
    """A bias is copied where its last block is not full."""
    return choose(reaches(conv.y[1] % BLOCK, 1), run.element_bytes * _up(conv.y[1]) + SPARE, 0) if conv.bias else 0


def _blocked(shape: Shape) -> Dim:
    """Elements of a tensor with its channels in full blocks."""
    return shape[0] * _up(shape[1]) * prod(shape[2:])


def _nhwc_weights(conv: Convolution, run: Execution) -> Dim:
    """In channels_last only the weights are copied, filters in blocks of 16, 32 or 64."""
    narrow, filters = conv.x[1] // conv.groups, conv.y[1] // conv.groups
    wide = choose(reaches(filters, 33), ceil_div(filters, 64) * 64, ceil_div(filters, BLOCK) * BLOCK)
    dense = run.element_bytes * prod(conv.kernel) * conv.groups * wide * narrow + TILE * (1 + run.threads)
    copies = choose(_each_apart(conv), run.element_bytes * prod(conv.kernel) * _up(conv.x[1]), dense)
    return copies + _relaid_weights(conv, run)


def _weights(conv: Convolution, run: Execution) -> Dim:
    return run.element_bytes * prod(conv.kernel) * (conv.x[1] // conv.groups) * conv.y[1]


def _relaid_weights(conv: Convolution, run: Execution) -> Dim:
    """Weights that lie otherwise than the tensors are copied; those of one position or one channel lie alike either way."""
    if not run.weights_lie_otherwise:
        return 0
    return choose(_all(1 - _pointwise(conv), 1 - _each_apart(conv)), _weights(conv, run), 0)


def _large(conv: Convolution) -> Dim:
    """1 for a window of at least four positions each way, which depthwise kernels treat apart."""
    return _all(*(reaches(k, 4) for k in conv.kernel))


def _steps_over(conv: Convolution) -> Dim:
    """1 where a strided kernel computes the input's gradient in channels_last, and it is laid out anew twice.

    Groups of up to 16 filters that are blocked by fours are not.
    """
    filters = conv.y[1] // conv.groups
    wide = _any(reaches(filters, BLOCK + 1), _all(reaches(filters, 9), reaches(filters % 4, 1)))
    return _all(_strided(conv), _any(1 - reaches(conv.groups, 2), wide))


def _reads_plain(conv: Convolution) -> Dim:
    """1 where the weights' gradient is computed from input and gradient as they lie."""
    narrow = 1 - reaches(conv.x[1] // conv.groups, 5)
    return _all(reaches(conv.groups, 2), choose(_each_apart(conv), _large(conv), narrow))


def _by_columns(conv: Convolution, run: Execution) -> Dim:
    """1 where the weights' gradient is a matrix product: no blocked kernel takes windows wider than 14, or such groups."""
    wide = _all(1 - reaches(conv.groups, 2), reaches(conv.kernel[-1], 15))
    return _any(wide, 1 - _takes_blocks(conv)) if run.element_bytes == 4 else 0


def _column_sums(conv: Convolution, run: Execution) -> Dim:
    """That product's columns of one image and partial sums, for each thread."""
    return minimum(run.threads, conv.x[0]) * (_window_columns(conv, run) + 4 * _weights(conv, run)) + 2 * SPARE


def _half_sums(conv: Convolution, run: Execution, copies: _Copies) -> Dim:
    """A gradient in half precision is summed in fp32, from one image's input, its rows padded, and gradient turned over."""
    row = conv.stride[-1] * (conv.y[-1] + conv.kernel[-1] - 1)
    source = _up(conv.x[1]) * prod(conv.x[2:-1]) * row
    image = run.element_bytes * (source + _up(conv.y[1]) * prod(conv.y[2:]))
    turned = minimum(run.threads, conv.x[0]) * image + 2 * TILE + 3 * SPARE
    return 2 * copies.weights + choose(_pointwise(conv), 0, turned)


def _window_columns(conv: Convolution, run: Execution) -> Dim:
    """The windows of one image and group as columns."""
    return run.element_bytes * (conv.x[1] // conv.groups) * prod(conv.kernel) * prod(conv.y[2:])


def _each_apart(conv: Convolution) -> Dim:
    """1 for a depthwise convolution: one filter a channel."""
    return _all(reaches(conv.groups, 2), reaches(conv.groups, conv.x[1]), reaches(conv.groups, conv.y[1]))


def _takes_blocks(conv: Convolution) -> Dim:
    """1 where kernels for blocks of channels run it; other groups are matrix products."""
    return _any(1 - reaches(conv.groups, 2), _each_apart(conv), _by_fours(conv))


def _by_fours(conv: Convolution) -> Dim:
    """1 where a group's channels and filters come in fours."""
    return _all(_fours(conv.x[1] // conv.groups), _fours(conv.y[1] // conv.groups))


def _fours(channels: Dim) -> Dim:
    return 1 - reaches(channels % 4, 1)


def _pointwise(conv: Convolution) -> Dim:
    return 1 - reaches(prod(conv.kernel), 2)


def _strided(conv: Convolution) -> Dim:
    return _any(*(reaches(s, 2) for s in conv.stride))


def _dilated(conv: Convolution) -> Dim:
    return _any(*(reaches(d, 2) for d in conv.dilation))


def _up(channels: Dim) -> Dim:
    return ceil_div(channels, BLOCK) * BLOCK


def _where(condition: Dim, then: Callable[[], Dim], otherwise: Callable[[], Dim]) -> Dim:
    """As `choose`, and where the condition is known, only that one is worked out."""
    if known(condition):
        return then() if condition else otherwise()
    return choose(condition, then(), otherwise())


def _all(*conditions: Dim) -> Dim:
    return prod(conditions)


def _any(*conditions: Dim) -> Dim:
    return 1 - prod(1 - condition for condition in conditions)
