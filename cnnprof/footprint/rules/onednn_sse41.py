"""Which of oneDNN's kernels runs a convolution in fp32 on a processor with SSE4.1 and no AVX2, and what it copies.

Channels come in blocks of 8, and are not filled up. Gradients are matrix products but for depthwise convolutions.
"""

from __future__ import annotations

from cnnprof.footprint.execution import Execution
from cnnprof.footprint.rules import onednn_avx2
from cnnprof.footprint.rules import onednn_depthwise as depthwise
from cnnprof.footprint.rules import onednn_gemm as gemm
from cnnprof.footprint.rules.onednn_avx2 import BLOCK
from cnnprof.footprint.rules.onednn_convolution import Convolution, Copies


def forward(conv: Convolution, run: Execution) -> Copies:
    """The forward pass."""
    if _whole(conv) and depthwise.takes_forward(conv, 3):
        return depthwise.forward(conv, run, BLOCK)
    in_blocks = conv.filters % BLOCK == 0 and (conv.channels % BLOCK == 0 or conv.x[1] == 3)
    if in_blocks and len(conv.kernel) < 3 and onednn_avx2.takes_forward(conv):
        source = 0 if conv.x[1] == 3 else conv.source_bytes(run)
        return Copies(source, conv.weight_bytes(run), conv.target_bytes(run))
    return gemm.forward(conv, run)


def data_gradient(conv: Convolution, run: Execution) -> Copies:
    """The input's gradient."""
    if _whole(conv) and depthwise.takes_data(conv):
        return depthwise.data_gradient(conv, run, BLOCK)
    return gemm.data_gradient(conv, run)


def weight_gradient(conv: Convolution, run: Execution) -> Copies:
    """The weights' gradient."""
    if _whole(conv) and depthwise.takes_weights(conv):
        return depthwise.weight_gradient(conv, run, BLOCK)
    return gemm.weight_gradient(conv, run)


def _whole(conv: Convolution) -> bool:
    """Whether the channels come in full blocks."""
    return conv.x[1] % BLOCK == 0
