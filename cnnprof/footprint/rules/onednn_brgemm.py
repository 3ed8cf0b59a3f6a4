"""The batch-reduced matrix product that computes the input's gradient of a strided convolution, in channels_last.

Sizes are those of `init_conf` and `init_scratchpad` in src/cpu/x64/jit_brgemm_conv_bwd_utils.cpp.
"""

from __future__ import annotations

from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import PAGE, Convolution, Copies, Sizes, round_up
from cnnprof.network.dims import ceil_div

ELEMENT = 40
"""Bytes of `brgemm_batch_element_t`, of which a page is held for each thread."""


def blocks(run: Execution) -> tuple[int, ...]:
    """Channels of a block, of each set of these kernels that the processor has."""
    if run.wide:
        return (16, 8) if run.element_bytes == 4 else (16,)
    return () if run.isa == "sse41" else (8,)


def steps_over(conv: Convolution, run: Execution, block: int) -> bool:
    """Whether it runs: with strides, without gaps, and in groups of more filters than a block.

    In half precision, which needs AVX-512 with bf16, smaller groups run, too, that are no multiples of four.
    """
    if not conv.strided or conv.dilated or not conv.grouped:
        return conv.strided and not conv.dilated and _computes(run)
    fours = run.element_bytes == 4 or (conv.channels % 4 == 0 and conv.filters % 4 == 0)
    return _computes(run) and (conv.filters > block or not fours)


def _computes(run: Execution) -> bool:
    return run.element_bytes == 4 or run.isa in ("avx512_bf16", "amx")


def data_gradient(conv: Convolution, run: Execution, block: int) -> Copies:
    """The input's gradient, or the output of a transposed convolution."""
    wide = channel_block(conv, block)
    filters = round_up(conv.filters, 4 // run.element_bytes)
    weights = run.element_bytes * conv.window * filters * conv.groups * round_up(conv.channels, wide)
    moved = not _same_either_way(conv.x)
    target = conv.target_bytes(run) if not _same_either_way(conv.y) else 0
    return Copies(conv.source_bytes(run), weights, target, _scratch(conv, run, wide), 2 if moved else 1)


def _scratch(conv: Convolution, run: Execution, wide: int) -> int:
    threads = run.threads
    axes = zip(conv.y[2:], conv.reach, conv.padding, conv.end_padding, conv.stride, strict=True)
    over = [int(y) + max(0, reach - 1 - p) // s + max(0, reach - 1 - end) // s for y, reach, p, end, s in axes]
    source = round_up(prod(over) * conv.y[1], PAGE)
    batch = round_up(PAGE, ELEMENT)
    mask = round_up(prod(conv.x[2:-1]) * conv.groups, PAGE)
    size = threads * (batch + run.element_bytes * source + mask) + 3 * PAGE
    if conv.x[-1] % conv.stride[-1]:
        # Rows that the stride does not divide are written apart first.
        row = round_up(round_up(conv.x[-1], conv.stride[-1]) * conv.stride[-1] * conv.x[1], PAGE)
        size = size + threads * run.element_bytes * row + PAGE
    if run.element_bytes < 4:
        # A row of sums in fp32.
        size = size + threads * 4 * wide * ceil_div(conv.x[-1], conv.stride[-1]) + PAGE
    return size


def channel_block(conv: Convolution, block: int) -> int:
    """Input channels of a block of weights: as many as there are; of many, what divides them best."""
    blocks = ceil_div(conv.channels, block)
    if block == 8:
        return block * (3 if blocks > 3 and round_up(conv.channels, 24) < round_up(conv.channels, 32) else min(blocks, 4))
    if blocks == 3:
        steps, large = prod(conv.stride), prod(conv.y[2:]) > 81 * prod(conv.stride)
        fits = conv.channels >= 0.95 * 3 * block if conv.pointwise and steps else large
        return block * (3 if fits else 2)
    return block * (blocks if blocks in (1, 4) else 2)


def _same_either_way(shape: Sizes) -> bool:
    """Whether channels_last is the usual order: of one channel or one position."""
    return shape[1] == 1 or prod(shape[2:]) == 1
