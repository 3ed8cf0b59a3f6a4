"""The memory that oneDNN's kernels hold where tensors lie in channels_last: they take those as they are, and copy the weights.

Batch-reduced matrix products run most of them; direct kernels those of small groups, whose channels they fill up to blocks.
"""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_avx2, onednn_avx512
from cnnprof.footprint.rules import onednn_brgemm as brgemm
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules import onednn_gemm as gemm
from cnnprof.footprint.rules.onednn_convolution import PAGE, SPARE, Convolution, Copies, reordered_weights, round_up


def forward(conv: Convolution, run: Execution) -> int:
    """Bytes beside input and output."""
    block = 16 if run.wide else 8
    if conv.is_depthwise:
        return _channels(conv, run, block) + reordered_weights(conv, run)
    if run.wide and conv.grouped and conv.channels <= block:
        return _groups(conv, run, block) + reordered_weights(conv, run)
    wide = brgemm.channel_block(conv.mirrored, block)
    filters = conv.groups * round_up(conv.filters, wide)
    return run.element_bytes * conv.window * conv.channels * filters + _batch(run) + reordered_weights(conv, run)


def backward(conv: Convolution, run: Execution, needs_input_grad: bool, needs_weight_grad: bool) -> int:
    """Bytes beside the gradients of input and weights."""
    relaid = reordered_weights(conv, run)
    data = _data_gradient(conv, run) if needs_input_grad else 0
    if not needs_weight_grad:
        return data + relaid
    copies, weights, bias = _weight_gradient(conv, run), conv.weight_bytes(run), conv.bias_bytes(run)
    # The weights' gradient is laid out twice.
    own = copies.weights + max(copies.scratch - weights, bias + weights)
    return relaid + max(data - weights - bias, own)


def _data_gradient(conv: Convolution, run: Execution) -> int:
    block = 16 if run.wide else 8
    if conv.is_depthwise and depthwise.takes_data(conv):
        return _channels(conv, run, block)
    if conv.grouped and conv.filters <= block:
        return _groups(conv, run, block)
    if brgemm.steps_over(conv, run, block):
        copies = brgemm.data_gradient(conv, run, block)
        return copies.weights + copies.scratch
    if conv.strided:
        copies = gemm.last_data_gradient(conv, run)
        return copies.weights + copies.scratch
    channels = conv.groups * round_up(conv.channels, brgemm.channel_block(conv, block))
    return run.element_bytes * conv.window * conv.filters * channels + _batch(run) + SPARE


def _weight_gradient(conv: Convolution, run: Execution) -> Copies:
    block = 16 if run.wide else 8
    if depthwise.takes_weights(conv):
        return Copies(weights=_channels(conv, run, block))
    takes = onednn_avx512.takes_weights if run.wide else onednn_avx2.takes_weights
    if run.element_bytes == 4 and not takes(conv._replace(x=(*conv.x[:1], block, *conv.x[2:]), groups=1)):
        return gemm.last_weight_gradient(conv, run)
    if conv.grouped:
        return Copies(weights=_groups(conv, run, block, whole=True))
    few = conv.channels < 16 and not conv.pointwise if run.wide else conv.channels == 3
    channels = conv.channels if few else round_up(conv.channels, block)
    return Copies(weights=run.element_bytes * conv.window * channels * round_up(conv.filters, block))


def _channels(conv: Convolution, run: Execution, block: int) -> int:
    """A depthwise convolution's weights in blocks of channels."""
    return run.element_bytes * conv.window * round_up(conv.x[1], block)


def _groups(conv: Convolution, run: Execution, block: int, whole: bool = False) -> int:
    """The weights with each group's channels and filters filled up; AVX-512's blocks may be smaller where they divide both."""
    if run.wide and not whole:
        fitting = (each for each in (16, 8, 4) if conv.channels % each == 0 and conv.filters % each == 0)
        block = next(fitting, block)
    return run.element_bytes * conv.window * conv.groups * round_up(conv.channels, block) * round_up(conv.filters, block)


def _batch(run: Execution) -> int:
    """A page for each thread, and one to align them."""
    return round_up(PAGE, brgemm.ELEMENT) * run.threads + PAGE
