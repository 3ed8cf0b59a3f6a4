"""How oneDNN's threads share the sums that are a weights' gradient, and the partial sums that they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import PAGE, SPARE, Convolution
from cnnprof.network.dims import ceil_div

Way: TypeAlias = tuple[int, int, int]
"""Threads by image, or piece of one, by output channels and by input channels."""

Memory: TypeAlias = Callable[[int, int, int], float]
"""The numbers that threads read and write, sharing the work in such a way."""

LEAST_ROWS = 9
"""Rows of an image that one thread sums at least."""


def partial_sums(threads: int, size: int, jobs: int, pieces: int, most: int, own: bool = True) -> int:
    """The partial sums of threads that share a job (`reduce_balancer_t::balance` in src/cpu/x64/cpu_reducer.cpp).

    A job sums up so many `pieces` of so many numbers; one thread of a group sums in place where it has its `own`.
    """
    if threads == 1:
        return 0
    least, bound = max(1, jobs // threads), max(1, most // (threads * size))
    groups = min(jobs // least, threads)
    team, share = min(threads // groups, pieces), ceil_div(jobs, groups)
    best = jobs * size * pieces
    for each in range(least, jobs):
        parts = min(jobs // each, threads)
        members, at_most = min(threads // parts, pieces), ceil_div(jobs, parts)
        if members > 1 and at_most > bound:
            continue
        work = size * at_most * (ceil_div(pieces, members) + (members != 1))
        if work < best:
            groups, team, share, best = parts, members, at_most, work
    if team == 1:
        return 0
    barriers = groups * PAGE + PAGE
    return int(4 * groups * (team - own) * share * size + (PAGE if own else SPARE) + barriers)


def threads_by_images(conv: Convolution, run: Execution, block: int, few: bool) -> int:
    """How many threads share images, or rows of them, in AVX-512's direct kernels (`balance` in jit_avx512_common_conv_kernel).

    `few` says that the input's channels are not blocked.
    """
    if run.threads < conv.groups:
        return 1
    threads = run.threads // conv.groups
    tall, rows = conv.axis(conv.x[2:], 1, 1), conv.axis(conv.y[2:], 1, 1)
    by_rows = len(conv.kernel) == 2 and conv.dilation[0] == 1 and rows > LEAST_ROWS
    depth, out_depth = (conv.x[2], conv.y[2]) if len(conv.kernel) == 3 else (1, 1)
    channels, inputs = (conv.channels, 1) if few else (block, ceil_div(conv.channels, block))
    outputs, images = ceil_div(conv.filters, block), conv.x[0]
    at_once = max(1, rows // LEAST_ROWS) if by_rows else 1

    def memory(by_image: int, by_output: int, by_input: int) -> int:
        source = ceil_div(images * (tall if by_rows else 1), by_image) * ceil_div(inputs, by_input) * channels
        target = ceil_div(images * (rows if by_rows else 1), by_image) * ceil_div(outputs, by_output) * block
        source = source * (1 if by_rows else tall) * conv.x[-1] * depth
        for stride in (*((conv.stride[0],) if depth > 1 else ()), conv.axis(conv.stride, 1, 1), conv.stride[-1]):
            source //= stride
        target = target * (1 if by_rows else rows) * conv.y[-1] * out_depth
        sums = ceil_div(outputs, by_output) * ceil_div(inputs, by_input) * conv.window * channels * block
        return int(source + target + 8 * sums)

    def work(by_image: int, by_output: int, by_input: int) -> int:
        lines = ceil_div(images * (rows if by_rows else 1), by_image)
        return int(lines * ceil_div(outputs, by_output) * ceil_div(inputs, by_input))

    pieces = images * out_depth * at_once
    ways = _ways(threads, pieces, outputs, inputs)
    best = _least(ways, memory)
    least, fewest = memory(*best), work(*best)
    for way in ways:
        if (work(*way) <= fewest and memory(*way) < 1.1 * least) or 4 * work(*way) <= 3 * fewest:
            best, fewest = way, work(*way)
    return _rounded(best[0], run.threads, pieces)


def threads_by_positions(conv: Convolution, run: Execution, block: int) -> tuple[int, int]:
    """How many threads share positions in AVX-512's 1x1 kernels, and how many work at all (`balance`)."""
    inputs, outputs, positions = ceil_div(conv.x[1], block), ceil_div(conv.y[1], block), prod(conv.y[2:])
    step = divider(positions, 7, 16, True)
    if positions % step:
        step = divider(conv.y[-1], 4, conv.y[-1], False)
    step = step if step <= 256 else 1
    images, pieces = conv.x[0], ceil_div(positions, step)

    def memory(by_image: int, by_output: int, by_input: int) -> int:
        lines = ceil_div(images * pieces, by_image) * block * step
        sums = ceil_div(outputs, by_output) * ceil_div(inputs, by_input) * block * block
        return int(lines * ceil_div(inputs, by_input) + lines * ceil_div(outputs, by_output) + 12 * sums)

    shared, by_output, by_input = balanced(run.threads, images * pieces, images, outputs, inputs, memory)
    return shared, shared * by_output * by_input


def balanced(threads: int, pieces: int, whole: int, outputs: int, inputs: int, memory: Memory) -> Way:
    """How threads share pieces of images and blocks of channels with the least memory.

    Args:
        whole: at most so many threads take pieces where more than half of them would.
    """
    by_image, by_output, by_input = _least(_ways(threads, pieces, outputs, inputs), memory)
    return _rounded(by_image, threads, whole), by_output, by_input


def divider(value: int, least: int, most: int, largest: bool, apart: int = 1) -> int:
    """The step, of those between two bounds, that leaves the least of a number over (`best_divider`).

    Args:
        largest: of several that leave as little, the largest.
        apart: only every so many-th step below the upper bound.
    """
    most = max(1, min(most, value))
    least = max(1, min(least, most))
    steps = range(most, least - 1, -apart)
    return min(steps if largest else reversed(steps), key=lambda step: -value % step / (value + -value % step))


def _ways(threads: int, pieces: int, outputs: int, inputs: int) -> list[Way]:
    return [
        (by_image, by_output, min(threads // by_image // by_output, inputs))
        for by_image in range(1, min(threads, pieces) + 1)
        for by_output in range(1, min(threads // by_image, outputs) + 1)
    ]


def _least(ways: Sequence[Way], memory: Memory) -> Way:
    """The way that takes the least memory, of several the last."""
    return min(reversed([(1, 1, 1), *ways]), key=lambda way: memory(*way))


def _rounded(by_image: int, threads: int, pieces: int) -> int:
    """More than half of the threads are all of them."""
    return min(pieces, threads) if threads // 2 < by_image < threads else by_image
