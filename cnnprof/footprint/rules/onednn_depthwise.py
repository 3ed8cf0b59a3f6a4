"""oneDNN's kernels for depthwise convolutions, one filter a channel (src/cpu/x64/jit_uni_dw_conv_kernel_utils.cpp)."""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import SPARE, Convolution, Copies, blocked_bytes, full_bias, round_up
from cnnprof.network.dims import ceil_div


def takes_forward(conv: Convolution, step: int) -> bool:
    """Whether they run the forward pass, `step` outputs of a row at a time."""
    if not _flat(conv) or conv.stands_out:
        return False
    out = conv.y[-1]
    step = min(step, out)
    return conv.padding[-1] <= step and overhang(conv, out - out % step) <= step


def takes_data(conv: Convolution) -> bool:
    """Whether they compute the input's gradient."""
    return _flat(conv) and not conv.dilated and _rows_end(conv)


def takes_weights(conv: Convolution) -> bool:
    """Whether they compute the weights' gradient, which takes narrow windows and borders only."""
    if not _flat(conv) or conv.dilated or conv.kernel[-1] > 3 or conv.stride[-1] > conv.kernel[-1] or not _rows_end(conv):
        return False
    sides = [(before, max(0, after)) for before, after in zip(conv.padding, conv.end_padding, strict=True)]
    if any(max(both) > k // 2 for both, k in zip(sides, conv.kernel, strict=True)):
        return False
    rows, stride = sides[0], conv.stride[0]
    least = conv.kernel[0] + -conv.padding[0] % stride
    return conv.x[2] >= least and all(p <= 1 or p % stride == 0 for p in rows)


def forward(conv: Convolution, run: Execution, block: int) -> Copies:
    """All three tensors in blocks of channels."""
    return _blocked(conv, run, block)._replace(scratch=full_bias(conv, block, run))


def takes_volume(conv: Convolution) -> bool:
    """Whether a batch-reduced product of diagonal matrices runs the forward pass, in channels_last (jit_brdgmm_dw_conv.cpp)."""
    return conv.is_depthwise and len(conv.kernel) == 3 and not conv.dilated


def volume(conv: Convolution, run: Execution, block: int) -> Copies:
    """Its copies of all three tensors; the result is laid out as it was in two steps."""
    weights = run.element_bytes * conv.window * round_up(conv.x[1], block)
    return Copies(conv.source_bytes(run), weights, conv.target_bytes(run), reorders=2)


def data_gradient(conv: Convolution, run: Execution, block: int) -> Copies:
    """The same, with nothing beside."""
    return _blocked(conv, run, block)


def weight_gradient(conv: Convolution, run: Execution, block: int) -> Copies:
    """The same, and partial sums where threads share a channel's images."""
    channels = round_up(conv.x[1], block)
    by_channels = min(ceil_div(channels, block), run.threads)
    images = min(max(1, run.threads // by_channels), conv.x[0])
    sums = 0
    if images > 1:
        # Half precision is not summed in place.
        sums = 4 * channels * conv.window * (images if run.element_bytes < 4 else images - 1) + SPARE
        sums += 4 * channels * (images - 1) + SPARE if conv.bias else 0
    return _blocked(conv, run, block)._replace(scratch=sums)


def overhang(conv: Convolution, out: int) -> int:
    """How far the last window of the first `out` outputs of a row stands out of it."""
    return max(0, (out - 1) * conv.stride[-1] + conv.reach[-1] - conv.x[-1] - conv.padding[-1])


def _flat(conv: Convolution) -> bool:
    return conv.is_depthwise and len(conv.kernel) == 2


def _rows_end(conv: Convolution) -> bool:
    """Whether the outputs are as many as the padded input has room for."""
    axes = zip(conv.x[2:], conv.y[2:], conv.kernel, conv.stride, conv.padding, conv.end_padding, strict=True)
    return all(y == (h + p + max(end, 0) - k) // s + 1 for h, y, k, s, p, end in axes)


def _blocked(conv: Convolution, run: Execution, block: int) -> Copies:
    weights = run.element_bytes * conv.window * round_up(conv.x[1], block)
    return Copies(blocked_bytes(conv.x, block, run), weights, blocked_bytes(conv.y, block, run))
