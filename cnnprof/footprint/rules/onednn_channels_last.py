"""What oneDNN's kernels hold where tensors lie in channels_last, which they take as they are."""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules.onednn_convolution import PAGE, Convolution, reordered_weights, round_up

BLOCK = 16
PARTIAL_SUMS = 256
"""How many partial sums of its weights' gradient a large depthwise convolution holds."""


def forward(conv: Convolution, run: Execution) -> int:
    """Only the weights are copied, filters in blocks of 16, 32 or 64."""
    if conv.is_depthwise:
        return run.element_bytes * conv.window * round_up(conv.x[1], BLOCK) + reordered_weights(conv, run)
    filters = round_up(conv.filters, 64 if conv.filters > 32 else BLOCK)
    copies = run.element_bytes * conv.window * conv.groups * filters * conv.channels + PAGE * (1 + run.threads)
    return copies + reordered_weights(conv, run)


def backward(conv: Convolution, run: Execution) -> int:
    """The same for both gradients, about."""
    if not conv.is_depthwise:
        return 2 * forward(conv, run) - reordered_weights(conv, run)
    # In half precision the partial sums are made in fp32 first.
    sums = PARTIAL_SUMS + 1 if run.element_bytes == 4 else 3 * PARTIAL_SUMS + 1
    return conv.weight_bytes(run) * (sums if min(conv.kernel) > 3 else 2)
