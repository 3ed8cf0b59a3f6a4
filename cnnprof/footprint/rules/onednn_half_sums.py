"""The weights' gradient of a convolution in half precision, which oneDNN's direct kernels sum in fp32.

Sizes are those of `init_conf`, `init_scratchpad` and `balance` in src/cpu/x64/jit_avx512_core_bf16_conv_kernel.cpp: input and
gradient are turned over for all threads at once, and each thread has sums of its own.
"""

from __future__ import annotations

from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import PAGE, SPARE, Convolution, round_up
from cnnprof.footprint.rules.onednn_reduction import Way, balanced
from cnnprof.network.dims import ceil_div

BLOCK = 16
STEP = 28
"""Positions of a row that a kernel takes at most where it reads the input as it lies."""

CACHE_NUMBERS = 2**18
WORKING_SET = 48 * 1024


def native(run: Execution) -> bool:
    """Whether the processor multiplies numbers of half precision, which AVX-512 alone only emulates."""
    return run.isa in ("avx512_bf16", "amx")


def takes_weights(conv: Convolution) -> bool:
    """Whether direct kernels compute the weights' gradient."""
    few = of_few(conv)
    if conv.skips or (few and conv.filters % BLOCK) or (conv.grouped and (conv.channels % BLOCK or conv.filters % BLOCK)):
        return False
    sides = [(before, max(0, after)) for before, after in zip(conv.padding, conv.end_padding, strict=True)]
    reach = conv.reach
    if conv.dilation[-2] > 1 and reach[-2] > conv.x[-2]:
        return False
    if len(conv.kernel) == 3 and conv.dilation[0] > 1 and max(sides[0]) > 0:
        return False
    if max(sides[-1]) >= reach[-1] or max(sides[-2]) > reach[-2] // 2:
        return False
    if len(conv.kernel) == 3 and max(sides[0]) >= reach[0]:
        return False
    if few and conv.y[-1] > STEP and not (sides[-1][0] < STEP and reach[-1] <= conv.y[-1]):
        return False
    if (few or _in_place(conv)) and (max(sides[-1]) >= STEP or reach[-1] > conv.x[-1] + 1):
        return False
    return conv.kernel[-1] <= (24 if few else 14)


def sums(conv: Convolution, run: Execution) -> int:
    """Bytes of the scratchpad."""
    few, bias = of_few(conv), round_up(conv.filters, BLOCK) * conv.groups if conv.bias else 0
    inputs, outputs = (1 if few else ceil_div(conv.channels, BLOCK)), ceil_div(conv.filters, BLOCK)
    by_image, by_output, by_input = _threads(conv, run)
    together = not (few and _splits(conv))
    scratch = 0
    if not _in_place(conv):
        count = (by_image * conv.groups) if together else by_image * by_output * by_input
        source = 0 if few else BLOCK * prod(conv.x[2:-1]) * _row(conv) * count * (inputs if together else 1)
        target = BLOCK * prod(conv.y[2:-1]) * round_up(conv.y[-1], 2) * count * (outputs if together else 1)
        scratch = 2 * (source + _guard(conv) + target) + 2 * SPARE
        for shared in (by_output, by_input):
            if together and shared > 1:
                scratch += _barriers(by_image * conv.groups * by_output * by_input // shared)
    channels = conv.channels if few else round_up(conv.channels, BLOCK)
    weights = conv.groups * round_up(conv.filters, BLOCK) * channels * conv.window
    return int(scratch + 4 * by_image * (weights + bias) + SPARE + (_barriers(1) if together else 0))


def _barriers(count: int) -> int:
    return PAGE * (count + 1)


def of_few(conv: Convolution) -> bool:
    """Whether a window over few channels, as in a first layer, reads the input as it lies."""
    return conv.x[1] < BLOCK and not conv.grouped


def _in_place(conv: Convolution) -> bool:
    """Whether a kernel takes input and gradient as they lie: in three dimensions, along rows that it does not slide over."""
    sliding = conv.kernel[-1] > 1 or conv.stride[-1] > 1 or conv.dilation[-1] > 1
    return len(conv.kernel) == 3 and not sliding and not of_few(conv)


def _splits(conv: Convolution) -> bool:
    """Whether each thread turns over its own part of a gradient that is too large for the cache."""
    positions = prod(conv.y[2:])
    if round_up(conv.filters, BLOCK) * positions < CACHE_NUMBERS:
        return False
    if len(conv.kernel) == 2:
        return conv.y[-1] >= 124 and conv.y[-2] > 1
    return conv.y[-1] * conv.y[-2] >= 64 * 124 and conv.y[2] > 1


def _guard(conv: Convolution) -> int:
    """Numbers of the border that the rows of the input share."""
    return round_up(max(conv.padding[-1], max(0, conv.end_padding[-1]) + 1), 2)


def _row(conv: Convolution) -> int:
    """Numbers of a row of the input, once it is turned over."""
    if of_few(conv) or _in_place(conv):
        return conv.x[-1]
    return round_up(ceil_div(conv.x[-1], conv.stride[-1]) + _guard(conv), 2) * conv.stride[-1]


def _pieces(conv: Convolution, row: int, out: int) -> int:
    """How many parts threads may share: images, their rows or their planes."""
    if len(conv.kernel) == 3:
        return conv.x[0] * conv.y[2]
    ends = [max(0, end) for end in conv.end_padding]
    same = conv.x[2:] == conv.y[2:] and 1 not in conv.kernel and not conv.strided and not conv.dilated
    middle = all(pad == k // 2 for pad, k in zip(conv.padding, conv.kernel, strict=True))
    fits = 2 * BLOCK * (row + out) * max(1, ends[0], conv.padding[0]) <= WORKING_SET
    whole = len(conv.kernel) == 2 and same and middle and fits and conv.channels >= 128 and not of_few(conv)
    return conv.x[0] if whole else conv.x[0] * conv.y[2]


def _threads(conv: Convolution, run: Execution) -> Way:
    """How threads share images, their rows or planes, and the channels."""
    if run.threads < conv.groups:
        return 1, 1, 1
    few, threads = of_few(conv), run.threads // conv.groups
    row, out = _row(conv), conv.y[-1] if _in_place(conv) else round_up(conv.y[-1], 2)
    block = conv.channels if few else BLOCK
    inputs, outputs = (1 if few else ceil_div(conv.channels, BLOCK)), ceil_div(conv.filters, BLOCK)
    pieces = _pieces(conv, row, out)
    read = conv.x[0] * prod(conv.x[2:-1]) * row
    written = conv.x[0] * prod(conv.y[2:-1]) * out
    size = 4 * conv.window * inputs * block * outputs * BLOCK
    scale = (read * inputs * block + written * outputs * BLOCK) / size
    ratio = outputs / inputs
    source_worth = max(1 / ratio, 1.0) * (4 if scale < 1 else 1)

    def memory(by_image: int, by_output: int, by_input: int) -> float:
        part = ceil_div(pieces, by_image) / pieces
        source = source_worth * part * ceil_div(inputs, by_input) * block * read / prod(conv.stride)
        target = max(ratio, 1.0) * part * ceil_div(outputs, by_output) * BLOCK * written
        own = ceil_div(outputs, by_output) * ceil_div(inputs, by_input) * conv.window * block * BLOCK
        return float(source + target + max(scale, 1.0) * own)

    return balanced(threads, pieces, pieces, outputs, inputs, memory)
