"""Which of oneDNN's kernels runs a convolution in half precision on a processor with AVX-512, and what it copies.

Channels come in blocks of 16, those of groups also of 8 or 4. In the order of src/cpu/cpu_convolution_list.cpp: depthwise
kernels, 1x1 kernels, direct kernels (jit_avx512_core_bf16_conv_kernel.cpp), and a matrix product for the rest.
"""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_brgemm as brgemm
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules import onednn_gemm as gemm
from cnnprof.footprint.rules import onednn_half_1x1 as pointwise
from cnnprof.footprint.rules.onednn_convolution import Convolution, Copies, blocked_bytes, full_bias, round_up, takes_1x1
from cnnprof.footprint.rules.onednn_half_sums import BLOCK, native, of_few, sums, takes_weights
from cnnprof.network.dims import ceil_div


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass."""
    if depthwise.takes_forward(conv, 6):
        return depthwise.forward(conv, run, BLOCK)._replace(scratch=_full_bias(conv))
    if depthwise.takes_volume(conv) and native(run):
        return depthwise.volume(conv, run, BLOCK)
    if takes_1x1(conv):
        return _blocked(conv, run)._replace(scratch=pointwise.forward(conv, run) + full_bias(conv, BLOCK, run))
    if _takes_forward(conv, run):
        copies = _blocked(conv, run, few=2 if of_few(conv) else 0)
        return copies if conv.grouped else copies._replace(scratch=full_bias(conv, BLOCK, run))
    return gemm.forward(conv, run)


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    if brgemm.steps_over(conv, run, BLOCK):
        return brgemm.data_gradient(conv, run, BLOCK)
    if depthwise.takes_data(conv):
        return depthwise.data_gradient(conv, run, BLOCK)
    if takes_1x1(conv):
        return _blocked(conv, run)._replace(scratch=pointwise.data_gradient(conv, run))
    if _takes_data(conv, run):
        return _blocked(conv, run)
    return gemm.data_gradient(conv, run)


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient, which is summed in fp32."""
    if depthwise.takes_weights(conv):
        copies = depthwise.weight_gradient(conv, run, BLOCK)
        own = gemm.booked(4 * conv.window * round_up(conv.x[1], BLOCK)) if not copies.scratch else 0
        return copies._replace(scratch=copies.scratch + own + _full_bias(conv))
    if takes_1x1(conv):
        return _blocked(conv, run)._replace(scratch=pointwise.weight_gradient(conv, run))
    if takes_weights(conv):
        return _blocked(conv, run, few=int(of_few(conv)))._replace(scratch=sums(conv, run))
    return gemm.weight_gradient(conv, run)


def group_block(conv: Convolution) -> int:
    """Channels of a block: groups have as many as divide them, and 0 where none do."""
    if not conv.grouped:
        return BLOCK
    return next((block for block in (16, 8, 4) if conv.channels % block == 0 and conv.filters % block == 0), 0)


def _takes_forward(conv: Convolution, run: Execution) -> bool:
    """Whether direct kernels run the forward pass."""
    if not group_block(conv) or conv.stands_out:
        return False
    left, out, registers = conv.padding[-1], conv.y[-1], 31 if native(run) else 26
    blocks = ceil_div(conv.filters, group_block(conv))
    for filters in range(min(4, blocks), 0, -1):
        step = registers // (filters + 1)
        if blocks % filters == 0 and left <= step and (out == 1 or out % step != 1):
            break
    step = min(out, registers // (filters + 1))
    return left <= step and depthwise.overhang(conv, out - out % step) <= step


def _takes_data(conv: Convolution, run: Execution) -> bool:
    """Whether direct kernels compute the input's gradient."""
    if not group_block(conv) or conv.skips or conv.stands_out:
        return False
    row, across, end, registers = conv.x[-1], conv.stride[-1], conv.end_padding[-1], 31 if native(run) else 26
    before = max(0, conv.reach[-1] - 1 - conv.padding[-1]) // across
    blocks, step, longest = ceil_div(conv.channels, group_block(conv)), across, 0
    for channels in (each for each in range(1, 5) if blocks % each == 0):
        for wide in range(across, row + across, across):
            if wide * channels + wide // across > registers:
                break
            at = min(wide, row)
            length = ceil_div(at, across) * channels
            fits = before * across <= at or at == row
            if fits and (length > longest or (length == longest and step < at)):
                step, longest = at, length
    after = max(0, conv.reach[-1] - 1 - max(0, end + row % step)) // across
    longer = row > step and (step % across or end + row % step < 0)
    return longest > 0 and before * across <= step and after * across <= step and not longer


def _full_bias(conv: Convolution) -> int:
    """A depthwise kernel's bias in fp32."""
    return gemm.booked(4 * round_up(conv.y[1], BLOCK) * conv.bias)


def _blocked(conv: Convolution, run: Execution, few: int = 0) -> Copies:
    """All three tensors in blocks of channels; an input of few channels as it lies, and its weights in blocks of so many."""
    if conv.grouped:
        return Copies(conv.source_bytes(run), conv.weight_bytes(run), conv.target_bytes(run))
    channels, filters = round_up(conv.channels, few or BLOCK), round_up(conv.filters, BLOCK)
    source = 0 if few else blocked_bytes(conv.x, BLOCK, run)
    return Copies(source, run.element_bytes * conv.window * channels * filters, blocked_bytes(conv.y, BLOCK, run))
