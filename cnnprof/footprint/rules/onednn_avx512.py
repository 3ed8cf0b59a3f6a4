"""Which of oneDNN's kernels runs a convolution on a processor with AVX-512, and what it copies.

Channels come in blocks of 16, those of groups also of 8 or 4. In the order of src/cpu/cpu_convolution_list.cpp: depthwise
kernels, 1x1 kernels, direct kernels (jit_avx512_common_conv_kernel.cpp), and for the rest what AVX2 has. Half precision has
kernels of its own.
"""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_avx2, onednn_half
from cnnprof.footprint.rules import onednn_brgemm as brgemm
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules.onednn_convolution import (
    PAGE,
    SPARE,
    Convolution,
    Copies,
    blocked_bytes,
    full_bias,
    plane,
    round_up,
    takes_1x1,
)
from cnnprof.footprint.rules.onednn_half import group_block
from cnnprof.footprint.rules.onednn_half_sums import BLOCK, of_few
from cnnprof.footprint.rules.onednn_reduction import divider, partial_sums, threads_by_images, threads_by_positions
from cnnprof.network.dims import ceil_div

REGISTERS = 28
"""Registers that a kernel has for sums."""

MOST_CODE = 256 * 1024
INSTRUCTION = 15
"""Bytes of code that a kernel may have, and of one instruction."""

L1_BYTES = 48 * 1024
BIAS_ROOM = 3 * 5 * 5 * 16 * 16


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass."""
    if run.element_bytes < 4:
        return onednn_half.forward(conv, run)
    if depthwise.takes_volume(conv):
        return depthwise.volume(conv, run, BLOCK)
    if depthwise.takes_forward(conv, 6):
        return depthwise.forward(conv, run, BLOCK)
    if takes_1x1(conv):
        picked = _picked(conv, run.threads, ceil_div(conv.x[1], BLOCK))
        return _blocked(conv, run)._replace(scratch=picked + full_bias(conv, BLOCK, run))
    if _takes_forward(conv):
        copies = _blocked(conv, run, few=of_few(conv))
        return copies if conv.grouped else copies._replace(scratch=full_bias(conv, BLOCK, run))
    return onednn_avx2.forward(conv, run)


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    if run.element_bytes < 4:
        return onednn_half.data_gradient(conv, run)
    if brgemm.steps_over(conv, run, BLOCK):
        return brgemm.data_gradient(conv, run, BLOCK)
    if depthwise.takes_data(conv):
        return depthwise.data_gradient(conv, run, BLOCK)
    if takes_1x1(conv) or _takes_data(conv):
        return _blocked(conv, run)
    return onednn_avx2.data_gradient(conv, run)


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient."""
    if run.element_bytes < 4:
        return onednn_half.weight_gradient(conv, run)
    if depthwise.takes_weights(conv):
        return depthwise.weight_gradient(conv, run, BLOCK)
    if takes_1x1(conv):
        shared, working = threads_by_positions(conv, run, BLOCK)
        blocks = ceil_div(conv.x[1], BLOCK)
        picked = _picked(conv, working, divider(blocks, 5, blocks, False))
        return _sums(_blocked(conv, run), conv, run, shared, working, with_bias=False, picked=picked)
    if takes_weights(conv):
        shared = threads_by_images(conv, run, BLOCK, of_few(conv))
        return _sums(_blocked(conv, run, few=of_few(conv)), conv, run, shared, run.threads, with_bias=True)
    return onednn_avx2.weight_gradient(conv, run)


def _takes_forward(conv: Convolution) -> bool:
    block = group_block(conv)
    if not block or conv.stands_out:
        return False
    out, left, kernel = conv.y[-1], conv.padding[-1], conv.kernel[-1]
    step, filters = min(out, REGISTERS), 1
    after = depthwise.overhang(conv, step * (out // step))
    if not _embeds(conv, block):
        blocks = ceil_div(conv.filters, block)
        filters = next(n for n in range(min(blocks, 5), 0, -1) if blocks % n == 0)
        step = min(out, 31 // (filters + 1))
    if left > step or depthwise.overhang(conv, out - out % step) > step:
        return False
    code = (1 + (left > 0) + (after > 0)) * kernel * (conv.channels if of_few(conv) else block) * filters * step
    return code * INSTRUCTION <= MOST_CODE


def _embeds(conv: Convolution, block: int) -> bool:
    """Whether a forward kernel multiplies with inputs straight from memory, one block of filters at a time."""
    across, down, out, kernel = conv.stride[-1], conv.axis(conv.stride, 1, 1), conv.y[-1], conv.kernel[-1]
    channels = conv.channels if of_few(conv) else block
    tall = conv.window // kernel
    size = 4 * (ceil_div(conv.x[-1], across) * channels * tall + 2 * out * block + 2 * conv.window * channels * block)
    small = kernel == 3 and out <= 28 and size < L1_BYTES
    small = small and not (out == 13 and conv.channels >= 192) and not (out == 28 and conv.channels >= 512)
    if kernel > 3 or (small and (across, down) == (1, 1)):
        return True
    rows = conv.axis(conv.y[2:], 1, 1)
    if small and conv.x[0] <= 16 and (conv.filters <= 192 or rows <= 10):
        return True
    return bool(conv.x[0] == 1 and (out <= REGISTERS or of_few(conv) or (out <= 147 and conv.filters <= 96)))


def _takes_data(conv: Convolution) -> bool:
    block = group_block(conv)
    if not block or conv.skips or conv.stands_out:
        return False
    row, across, kernel, reach = conv.x[-1], conv.stride[-1], conv.kernel[-1], conv.reach[-1]
    step, channels = _data_step(conv, block)
    before = max(0, reach - 1 - conv.padding[-1]) // across
    after = max(0, reach - 1 - max(0, conv.end_padding[-1] + row % step)) // across
    longer = row > step and (step % across or conv.end_padding[-1] + row % step < 0)
    long = 14 <= kernel < 20 and conv.y[-1] == 1 and ceil_div(conv.channels, block) > 1 and kernel == row and across == 1
    if (before * across > step and not long) or after * across > step or longer:
        return False
    code = (1 + (before > 0) + (after > 0)) * kernel * block * channels * step
    return long or code * INSTRUCTION <= MOST_CODE


def _data_step(conv: Convolution, block: int) -> tuple[int, int]:
    """Positions of a row, and blocks of channels, whose gradient a kernel computes at a time."""
    row, out, kernel = conv.x[-1], conv.y[-1], conv.kernel[-1]
    tall = conv.axis(conv.kernel, 1, 1)
    size = 4 * (row * block * 2 * tall + out * block + tall * kernel * block * block * 2)
    stepping = conv.axis(conv.stride, 1, 1) > 1 or conv.axis(conv.stride, 2, 1) > 1
    short = row <= 5 or 8 < row <= 13 or size > L1_BYTES
    explicit = kernel == 1 or (kernel == 5 and row < 8) or (kernel < 5 and short)
    blocks = ceil_div(conv.channels, block)
    if stepping or not explicit:
        wide = kernel > 3 or (kernel == 3 and size < L1_BYTES and out > 8)
        channels = 2 if not wide and not stepping and blocks % 2 == 0 else 1
        return min(row, 10 if channels == 2 else REGISTERS), channels
    channels = next(n for n in range(min(blocks, 4), 0, -1) if blocks % n == 0)
    return min(row, 31 // (channels + 1)), channels


def takes_weights(conv: Convolution) -> bool:
    """Whether direct kernels compute the weights' gradient."""
    if conv.grouped and (conv.channels % BLOCK or conv.filters % BLOCK):
        return False
    if of_few(conv) and conv.channels > 3:
        return False
    down, gap, tall = conv.axis(conv.stride, 1, 1), conv.axis(conv.dilation, 1, 1), conv.axis(conv.reach, 1, 1)
    rows = conv.axis(conv.x[2:], 1, 1)
    if (gap > 1 and (down > 1 or tall > rows)) or (len(conv.kernel) == 3 and conv.dilation[0] > 1):
        return False
    sides = [(before, max(0, after)) for before, after in zip(conv.padding, conv.end_padding, strict=True)]
    inside = all(max(both) < reach for both, reach in zip(sides, conv.reach, strict=True))
    if len(sides) > 1:
        inside = inside and max(sides[-2]) <= tall // 2
    if len(sides) == 3 and conv.padding[0] > 0:
        inside = inside and conv.kernel[0] < conv.x[2] + conv.padding[0]
    return inside and max(sides[-1]) <= REGISTERS and (conv.kernel[-1] <= 14 or _turned(conv))


def _turned(conv: Convolution) -> bool:
    """A window as wide as the input, along whose columns a kernel goes."""
    one = len(conv.kernel) == 2 and conv.y[-1] == 1 and conv.kernel[-1] == conv.x[-1] and conv.kernel[-1] < 20
    return one and not (conv.strided or conv.dilated or conv.padded)


def _blocked(conv: Convolution, run: Execution, few: bool = False) -> Copies:
    """All three tensors in blocks of channels; the input of few channels as it lies."""
    if conv.grouped:
        return Copies(conv.source_bytes(run), conv.weight_bytes(run), conv.target_bytes(run))
    channels, filters = (conv.channels if few else round_up(conv.channels, BLOCK)), round_up(conv.filters, BLOCK)
    source = 0 if few else blocked_bytes(conv.x, BLOCK, run)
    return Copies(source, 4 * conv.window * channels * filters, blocked_bytes(conv.y, BLOCK, run))


def _picked(conv: Convolution, threads: int, blocks: int) -> int:
    """The positions of one image that a strided 1x1 window picks, of so many blocks of channels, for each thread."""
    return 4 * threads * blocks * BLOCK * plane(conv.y) + SPARE if conv.picks else 0


def _sums(
    copies: Copies, conv: Convolution, run: Execution, shared: int, threads: int, with_bias: bool, picked: int = 0
) -> Copies:
    """The copies with partial sums where so many threads share images, and a bias where its last block is not full."""
    filters = conv.groups * round_up(conv.filters, BLOCK)
    scratch = picked + full_bias(conv, BLOCK, run)
    if shared > 1:
        sums = copies.weights + (4 * filters if with_bias else 0)
        scratch += sums * (shared - 1) + SPARE + 2 * PAGE
    if conv.bias:
        scratch += partial_sums(threads, BLOCK, filters // BLOCK, conv.x[0], threads * BIAS_ROOM)
    return copies._replace(scratch=scratch)
