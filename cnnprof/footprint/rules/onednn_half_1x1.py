"""The scratchpad of oneDNN's 1x1 kernels in half precision.

Sizes are those of `init_conf`, `init_scratchpad` and `balance` in src/cpu/x64/jit_avx512_core_bf16_1x1_conv_kernel.cpp: sums in
fp32, and the positions that a strided window picks.
"""

from __future__ import annotations

from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import PAGE, SPARE, Convolution, plane, round_up
from cnnprof.footprint.rules.onednn_half_sums import BLOCK, native
from cnnprof.footprint.rules.onednn_reduction import Way, balanced, divider
from cnnprof.network.dims import ceil_div

SMALL_SPATIAL, BIG_SPATIAL = 10, 28
BIG_LOAD = 256
CACHE_NUMBERS = 2**19
"""Numbers of half precision in a second-level cache of 1 MiB."""


def forward(conv: Convolution, run: Execution) -> int:
    """Of the forward pass: the outputs of an image in fp32, for each thread."""
    return _stored(conv, run, conv.x[1], conv.y[1])[0] + _picked(conv, run, ceil_div(conv.x[1], BLOCK))


def data_gradient(conv: Convolution, run: Execution) -> int:
    """Of the input's gradient: that of an image in fp32, for each thread."""
    stored, blocks = _stored(conv, run, conv.y[1], conv.x[1])
    return stored + _picked(conv, run, blocks)


def weight_gradient(conv: Convolution, run: Execution) -> int:
    """Of the weights' gradient: sums in fp32, and both tensors turned over where images are small."""
    positions = prod(conv.y[2:])
    inputs, outputs = ceil_div(conv.x[1], BLOCK), ceil_div(conv.y[1], BLOCK)
    turned = conv.y[-2] <= 14 or conv.y[-1] <= 14 or (len(conv.kernel) == 3 and outputs > 4)
    step = _step(positions, conv.y[-1], turned)
    by_image, by_output, by_input = _threads(conv, run, ceil_div(positions, step), step)
    bias = outputs * BLOCK if conv.bias else 0
    scratch = 4 * by_image * (inputs * outputs * BLOCK * BLOCK + bias) + SPARE
    if bias and conv.y[1] % BLOCK:
        scratch += 2 * bias + SPARE
    if by_image > 1:
        scratch += 2 * PAGE
    source = divider(inputs, 5, inputs, False)
    if turned:
        working = by_image * by_output * by_input
        for blocks in (divider(outputs, 16, outputs, False), source):
            scratch += 2 * working * round_up(positions, 2) * BLOCK * blocks + SPARE
    return int(scratch + _picked(conv, run, source))


def _step(positions: int, row: int, turned: bool) -> int:
    """Positions that a kernel sums at a time."""
    step = divider(positions, 8, 16, True, 2) if turned else divider(positions, 7, min(256, positions), True, 2)
    if positions % step:
        step = divider(row, 4, row, not turned, 2)
    step = 1 if step > 256 else step
    return round_up(step, 2 if turned else 1)


def _threads(conv: Convolution, run: Execution, pieces: int, step: int) -> Way:
    """How threads share an image's pieces of so many positions, and the channels."""
    inputs, outputs, images = ceil_div(conv.x[1], BLOCK), ceil_div(conv.y[1], BLOCK), conv.x[0]
    worth = 4 * max(1, outputs // inputs)

    def memory(by_image: int, by_output: int, by_input: int) -> int:
        lines = ceil_div(images * pieces, by_image) * BLOCK * step
        own = ceil_div(outputs, by_output) * ceil_div(inputs, by_input) * BLOCK * BLOCK
        return int(lines * (ceil_div(inputs, by_input) + ceil_div(outputs, by_output)) + worth * own)

    return balanced(run.threads, images * pieces, images, outputs, inputs, memory)


def _picked(conv: Convolution, run: Execution, blocks: int) -> int:
    """The positions of one image that a strided window picks, of so many blocks of channels, for each thread."""
    return run.element_bytes * run.threads * blocks * BLOCK * plane(conv.y) + SPARE if conv.picks else 0


def _stored(conv: Convolution, run: Execution, summed: int, made: int) -> tuple[int, int]:
    """Bytes of the sums over so many channels for so many, and the blocks of those that a thread makes at most."""
    images, positions, threads = conv.x[0], prod(conv.y[2:]), run.threads
    lines = prod(conv.y[2:-1])
    summed, made = round_up(summed, BLOCK), round_up(made, BLOCK)
    wide = _positions(lines, positions, 8 * images >= threads, BLOCK * 8 < made < BIG_LOAD, run)
    pieces, blocks = ceil_div(positions, wide), made // BLOCK
    at_once = blocks
    if threads <= 28 and images < threads < blocks * pieces:
        groups = _groups(images, threads, pieces, blocks, wide, summed, made > images * positions)
        at_once = ceil_div(blocks, groups)
    else:
        groups = ceil_div(threads, images * pieces)
        groups = divider(threads, groups, 2 * groups, False)
    explicit = 8 * images >= threads
    if explicit and positions <= 64 and made * summed >= CACHE_NUMBERS:
        groups = max(groups, 4)
    elif positions <= 49 and images <= threads and made > 512 and made // summed >= 4:
        groups, at_once = max(groups, 2), 1
    if 2 * images * positions * summed < 8192 and threads > 1 and pieces * blocks < threads:
        threads = min(threads, max(pieces, blocks))
    shares = ceil_div(threads, ceil_div(threads, groups))
    each = round_up(ceil_div(made, shares), BLOCK)
    return 4 * threads * round_up(positions, wide) * each + SPARE, at_once


def _positions(lines: int, positions: int, explicit: bool, middle: bool, run: Execution) -> int:
    """Positions whose sums a kernel has in registers."""
    most, least = (9, 6) if explicit else (30, 9)
    if explicit and middle and SMALL_SPATIAL < lines < BIG_SPATIAL:
        most, least = 6, 5 if native(run) else 4
    if not native(run):
        most = max(most // 3, least)
    counted = lines if lines >= 14 else positions
    for wide in range(most, least - 1, -1):
        if counted % wide == 0:
            return wide
    best, left = min(most, positions), positions % most
    for wide in range(most, least - 1, -1):
        if positions % wide > left or positions % wide == 0:
            best, left = wide, positions % wide
            if not left:
                break
    return best


def _groups(images: int, threads: int, pieces: int, blocks: int, wide: int, summed: int, more: bool) -> int:
    """Groups of threads that share the channels which are made, where images are fewer than threads."""

    def cost(channels: int, teams: int, moved: float) -> float:
        size = images * ceil_div(pieces, teams) * wide
        return float(summed * (0.01 * size * channels * BLOCK + moved * (size + channels * BLOCK)))

    best, least = threads if more else 1, float("inf")
    for groups in range(threads, 0, -1) if more else range(1, threads + 1):
        most = ceil_div(threads, groups)
        moved = 1.0 if most == 1 else 1.3
        if threads % groups < blocks % groups:
            here = cost(ceil_div(blocks, groups), threads // groups, moved)
        else:
            here = max(cost(ceil_div(blocks, groups), most, moved), cost(blocks // groups, threads // groups, moved))
        if here < least:
            best, least = groups, here
    return best
