"""Which of oneDNN's kernels runs a convolution in half precision on a processor with AVX-512, and what it copies.

Channels come in blocks of 16. Read from the allocator's events with torch 2.13.
"""

from __future__ import annotations

from math import prod

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_brgemm as brgemm
from cnnprof.footprint.rules import onednn_convolution as onednn
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules import onednn_gemm as gemm
from cnnprof.footprint.rules.onednn_convolution import Convolution, Copies, blocked_bytes, full_bias, plane, round_up

BLOCK = 16


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass."""
    size, channels = run.element_bytes, conv.x[1]
    if conv.is_depthwise:
        return depthwise.forward(conv, run, BLOCK)
    if conv.grouped:
        # Groups of fours are blocked without padding; others run as matrix products.
        blocked = Copies(conv.source_bytes(run), conv.weight_bytes(run), conv.target_bytes(run))
        return blocked if _by(conv, 4) else gemm.forward(conv, run)
    # A window over few channels, as in a first layer, reads the input as it lies.
    few = channels < BLOCK and not (conv.pointwise and (conv.picks or not conv.strided))
    # One position in half precision is a matrix product, which sums an image's output in fp32.
    single = 4 * prod(conv.y[1:]) * run.threads + onednn.SPARE if size < 4 and conv.pointwise and not conv.strided else 0
    wide = channels if few else round_up(channels, BLOCK)
    return Copies(
        0 if few else blocked_bytes(conv.x, BLOCK, run),
        size * conv.window * round_up(conv.y[1], BLOCK) * wide,
        blocked_bytes(conv.y, BLOCK, run),
        _picked(conv, run, round_up(channels, BLOCK)) + full_bias(conv, BLOCK, run) + single,
    )


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    gapped = conv.dilated and (conv.is_depthwise or conv.strided)
    if brgemm.steps_over(conv, run, BLOCK):
        return brgemm.data_gradient(conv, run, BLOCK)
    if gapped or not (not conv.grouped or conv.is_depthwise or _by(conv, 4)):
        return gemm.data_gradient(conv, run)
    copies = forward(conv, run)
    source = conv.source_bytes(run) if conv.grouped and not conv.is_depthwise else blocked_bytes(conv.x, BLOCK, run)
    return Copies(source, copies.weights, copies.output)


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient."""
    if run.element_bytes == 4 and _by_columns(conv, run):
        return gemm.weight_gradient(conv, run)
    if conv.grouped and (min(conv.kernel) > 3 if conv.is_depthwise else conv.channels < 5):
        return Copies(weights=conv.weight_bytes(run))
    copies = forward(conv, run)
    sums = _half_sums(conv, run, copies) if run.element_bytes < 4 and not conv.is_depthwise else 0
    # Of a window that picks its positions, up to eight blocks of channels.
    return copies._replace(scratch=sums + _picked(conv, run, min(round_up(conv.x[1], BLOCK), 8 * BLOCK)))


def _by(conv: Convolution, channels: int) -> bool:
    """Whether a group's channels and filters come in so many."""
    return conv.channels % channels == 0 and conv.filters % channels == 0


def _by_columns(conv: Convolution, run: Execution) -> bool:
    """Whether no blocked kernel takes such windows or groups."""
    if conv.is_depthwise:
        return not depthwise.takes_weights(conv) or conv.skips
    if conv.grouped:
        # Groups of 16 may have gaps or strides, groups of 8 strides only.
        return not _by(conv, 8) or conv.skips or (conv.dilated and not _by(conv, BLOCK))
    return conv.skips or (conv.kernel[-1] > 14 and gemm.fits(conv, run))


def _picked(conv: Convolution, run: Execution, channels: int) -> int:
    """The positions of one image that a strided 1x1 window picks, of so many channels."""
    return run.element_bytes * channels * plane(conv.y) * run.threads + onednn.SPARE if conv.picks else 0


def _half_sums(conv: Convolution, run: Execution, copies: Copies) -> int:
    """A gradient in half precision is summed in fp32, from one image's input, its rows padded, and gradient turned over."""
    if conv.pointwise:
        return 2 * copies.weights
    row = conv.stride[-1] * (conv.y[-1] + conv.kernel[-1] - 1)
    source = round_up(conv.x[1], BLOCK) * prod(conv.x[2:-1]) * row
    image = run.element_bytes * (source + round_up(conv.y[1], BLOCK) * prod(conv.y[2:]))
    return int(2 * copies.weights + min(run.threads, conv.x[0]) * image + 2 * onednn.PAGE + 3 * onednn.SPARE)
