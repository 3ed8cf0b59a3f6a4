"""Which of oneDNN's kernels runs a convolution in fp32 on a processor with AVX2, and what it copies.

Channels come in blocks of 8. In the order of src/cpu/cpu_convolution_list.cpp: depthwise kernels, 1x1 kernels, direct
kernels (jit_avx2_conv_kernel_f32.cpp), and a matrix product for the rest.
"""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_brgemm as brgemm
from cnnprof.footprint.rules import onednn_convolution as onednn
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules import onednn_gemm as gemm
from cnnprof.footprint.rules.onednn_convolution import Convolution, Copies, blocked_bytes, full_bias, plane, round_up, takes_1x1
from cnnprof.footprint.rules.onednn_reduction import partial_sums
from cnnprof.network.dims import ceil_div

BLOCK = 8
REGISTERS = 15
"""Registers that a kernel has for sums."""

AT_A_TIME = 144 // BLOCK
"""Blocks of channels whose gradients a 1x1 kernel computes at a time."""


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass."""
    if depthwise.takes_volume(conv):
        return depthwise.volume(conv, run, BLOCK)
    if depthwise.takes_forward(conv, 4):
        return depthwise.forward(conv, run, BLOCK)
    if takes_1x1(conv):
        picked = _picked(conv, run, ceil_div(conv.x[1], BLOCK))
        return _blocked(conv, run)._replace(scratch=full_bias(conv, BLOCK, run) + picked)
    if takes_forward(conv):
        copies = _blocked(conv, run)
        if conv.x[1] < BLOCK:
            # A window over few channels, as in a first layer, reads the input as it lies.
            weights = run.element_bytes * conv.window * conv.channels * round_up(conv.y[1], BLOCK)
            copies = copies._replace(input=0, weights=weights)
        return copies._replace(scratch=full_bias(conv, BLOCK, run))
    return gemm.forward(conv, run)


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    if brgemm.steps_over(conv, run, BLOCK):
        return brgemm.data_gradient(conv, run, BLOCK)
    if depthwise.takes_data(conv):
        return depthwise.data_gradient(conv, run, BLOCK)
    if takes_1x1(conv):
        return _blocked(conv, run)._replace(scratch=_picked(conv, run, AT_A_TIME))
    if _takes_data(conv):
        return _blocked(conv, run)
    return gemm.data_gradient(conv, run)


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient."""
    if depthwise.takes_weights(conv):
        return depthwise.weight_gradient(conv, run, BLOCK)
    if takes_1x1(conv):
        return _blocked(conv, run)._replace(scratch=_scratch_1x1(conv, run))
    if takes_weights(conv):
        copies = _blocked(conv, run)
        if conv.x[1] == 3:
            weights = run.element_bytes * conv.window * conv.channels * round_up(conv.y[1], BLOCK)
            copies = copies._replace(input=0, weights=weights)
        return copies._replace(scratch=_direct_sums(conv, run))
    return gemm.weight_gradient(conv, run)


def _whole_blocks(conv: Convolution) -> bool:
    """Whether groups come in full blocks; without groups, the last block is filled up."""
    return not conv.grouped or (conv.channels % BLOCK == 0 and conv.filters % BLOCK == 0)


def takes_forward(conv: Convolution) -> bool:
    """Whether direct kernels run the forward pass."""
    left, top = conv.padding[-1], conv.axis(conv.padding, 1, 0)
    steps = conv.axis(conv.stride, 1, 1), conv.stride[-1]
    if conv.grouped and not (conv.filters % BLOCK == 0 and (conv.channels % BLOCK == 0 or conv.x[1] < BLOCK)):
        return False
    wide = conv.kernel[-1] > 7 and (left or top) and steps != (1, 1)
    out = conv.y[-1]
    step = min(3, out)
    if conv.stands_out or wide or left > step:
        return False
    tail = out % step
    over = depthwise.overhang(conv, out - tail)
    if over > step * steps[1] and out // step > 1:
        step = min(over // steps[1] + tail, min(out, REGISTERS // 2))
        return step >= max(left, depthwise.overhang(conv, out - out % step))
    return True


def _takes_data(conv: Convolution) -> bool:
    across, down = conv.stride[-1], conv.axis(conv.stride, 1, 1)
    if conv.skips or not _whole_blocks(conv) or conv.stands_out or across != down or conv.axis(conv.stride, 2, 1) != 1:
        return False
    if conv.channels < BLOCK and conv.kernel[-1] > 3 and across > 1:
        return False
    row, before, after = conv.x[-1], max(0, conv.reach[-1] - 1 - conv.padding[-1]) // across, conv.end_padding[-1]
    step, best = 1, 0
    blocks = ceil_div(conv.channels, BLOCK)
    for group in (each for each in range(1, 5) if blocks % each == 0):
        for wide in range(across, row + across, across):
            if wide * group + wide // across > REGISTERS:
                break
            at = min(wide, row)
            if before * across > at != row:
                continue
            done = ceil_div(at, across) * group
            if done > best or (done == best and step < at):
                step, best = at, done
    over = max(0, (conv.reach[-1] - 1 - after - row % step) // across) if best else 0
    longer = row > step and (step % across or after + row % step < 0)
    return best > 0 and over * across <= step and not longer


def takes_weights(conv: Convolution) -> bool:
    """Whether direct kernels compute the weights' gradient."""
    top, tall, rows = conv.axis(conv.padding, 1, 0), conv.axis(conv.kernel, 1, 1), conv.axis(conv.x[2:], 1, 1)
    axes = zip(conv.reach, conv.padding, conv.end_padding, strict=True)
    inside = all(max(before, after) < reach for reach, before, after in axes)
    if len(conv.kernel) == 3:
        inside = inside and conv.padding[0] == 0 and conv.end_padding[0] <= 0 and conv.kernel[0] <= conv.x[2]
    fits = conv.kernel[-1] < 14 and tall <= rows and top < tall
    return inside and fits and not conv.dilated and _whole_blocks(conv)


def _blocked(conv: Convolution, run: Execution) -> Copies:
    """All three tensors in blocks of channels."""
    channels, filters = conv.channels, conv.y[1]
    if not conv.grouped:
        channels, filters = round_up(channels, BLOCK), round_up(filters, BLOCK)
    weights = run.element_bytes * conv.window * channels * filters
    return Copies(blocked_bytes(conv.x, BLOCK, run), weights, blocked_bytes(conv.y, BLOCK, run))


def _picked(conv: Convolution, run: Execution, blocks: int) -> int:
    """The positions of one image that a strided 1x1 window picks, of so many blocks of channels, for each thread."""
    return 4 * run.threads * blocks * BLOCK * plane(conv.y) + onednn.SPARE if conv.picks else 0


def _direct_sums(conv: Convolution, run: Execution) -> int:
    """A direct kernel's bias, and partial sums where threads share images."""
    few = conv.x[1] == 3
    blocks = ceil_div(conv.channels, 3 if few else BLOCK), ceil_div(conv.filters, BLOCK)
    images = conv.x[0] * (conv.y[2] if len(conv.kernel) == 3 else 1)
    size = conv.window * (3 if few else BLOCK) * BLOCK
    sums = partial_sums(run.threads, size, conv.groups * blocks[0] * blocks[1], images, 2**21)
    if conv.bias:
        sums += partial_sums(run.threads, BLOCK, conv.groups * blocks[1], conv.x[0], 2**21)
    return sums + full_bias(conv, BLOCK, run)


def _scratch_1x1(conv: Convolution, run: Execution) -> int:
    """A 1x1 kernel's bias, the positions that it picks, and partial sums where threads share positions."""
    channels, filters = ceil_div(conv.x[1], BLOCK), ceil_div(conv.y[1], BLOCK)
    at, of = _cut(channels, 9), _cut(filters, 32)
    size = at * of * BLOCK * BLOCK
    jobs = ceil_div(channels, at) * ceil_div(filters, of)
    positions = plane(conv.y) * (conv.y[2] if len(conv.kernel) == 3 else 1)
    sums = partial_sums(run.threads, size, jobs, conv.x[0] * positions, 8 * run.threads * size, own=False)
    if conv.bias:
        sums += partial_sums(run.threads, BLOCK, filters, conv.x[0], 8 * run.threads * size)
    return sums + full_bias(conv, BLOCK, run) + _picked(conv, run, at)


def _cut(blocks: int, most: int) -> int:
    """So many blocks halved or divided by three until they are few enough."""
    while blocks > most and (blocks % 2 == 0 or blocks % 3 == 0):
        blocks //= 2 if blocks % 2 == 0 else 3
    return blocks
