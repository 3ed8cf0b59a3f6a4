"""Named ways to turn a layer's operations into one number. A figure without the name of its convention means nothing.

Each convention is a function of the layer, its input shapes, its output shape and its `Ops`; adding one is writing one.
"""

from __future__ import annotations

from collections.abc import Callable

from cnnprof.core.arith import Dim, Shape, prod
from cnnprof.core.layers import Layer, Ops, elements
from cnnprof.core.layers.activation import ELU, GELU, LeakyReLU, PReLU, ReLU, SiLU, Softmax
from cnnprof.core.layers.arrangement import Upsample
from cnnprof.core.layers.convolution import Conv
from cnnprof.core.layers.linear import MatMul, ScaledDotProductAttention
from cnnprof.core.layers.normalization import BatchNorm, GroupNorm, LayerNorm
from cnnprof.core.layers.pooling import AdaptiveAvgPool, AdaptivePool, Pool

Convention = Callable[[Layer, tuple[Shape, ...], Shape, Ops], Dim]
CONVENTIONS: dict[str, Convention] = {}


def convention(function: Convention) -> Convention:
    """Register a convention under the function's name; a second one of that name is refused."""
    if function.__name__ in CONVENTIONS:
        raise ValueError(f"convention '{function.__name__}' is registered twice")
    CONVENTIONS[function.__name__] = function
    return function


@convention
def macs(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Multiply-accumulates of convolutions, linear layers and matrix products; no bias (torchvision's `_ops`)."""
    return ops.mac


@convention
def flops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Twice the multiply-accumulates: torch.utils.flop_counter.FlopCounterMode."""
    return 2 * ops.mac


@convention
def ops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Every arithmetic operation; a multiply-accumulate is one multiplication and one addition."""
    return 2 * ops.mac + ops.add + ops.mul + ops.div + ops.cmp + ops.exp


@convention
def lecture(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """Multiply-accumulates, and for pooling the window's size for every output, as in the tables of lecture slides."""
    if isinstance(layer, Pool):
        return elements(output) * prod(layer.kernel_size)
    if isinstance(layer, AdaptivePool):
        return elements(inputs[0])
    return ops.mac


@convention
def fvcore(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """fvcore.nn.FlopCountAnalysis: one for a multiply-accumulate, and its own rates for what lies between.

    It counts two for an element of BatchNorm in eval mode (one without scale and shift), five of LayerNorm and GroupNorm (or
    four), the input of an adaptive average pooling, one for an element of a nearest and four of a bilinear upsampling.
    Attention in one fused operation is not counted. A matrix product is the first factor's elements times the second one's
    columns, broadcasting ignored. (fvcore 0.1.5.post20221221, fvcore/nn/flop_count.py and jit_handles.py)
    """
    if isinstance(layer, ScaledDotProductAttention):
        return 0
    if isinstance(layer, MatMul):
        return elements(inputs[0]) * inputs[1][-1]
    if isinstance(layer, BatchNorm):
        return elements(inputs[0]) * (1 + int(layer.affine))
    if isinstance(layer, (LayerNorm, GroupNorm)):
        return elements(inputs[0]) * (4 + int(layer.affine))
    if isinstance(layer, AdaptiveAvgPool) and len(layer.output_size) == 2:
        return elements(inputs[0])
    if isinstance(layer, Upsample) and len(layer.scale_factor) == 2:
        return elements(output) * {"nearest": 1, "bilinear": 4}.get(layer.mode, 0)
    return ops.mac


@convention
def calflops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
    """calflops' FLOPs: two for a multiply-accumulate, a convolution's bias, and its own rates for what lies between.

    It counts two for an element of BatchNorm in eval mode (one without scale and shift), five of LayerNorm and GroupNorm (or
    four), one for an element of ReLU, LeakyReLU, PReLU, ELU, SiLU, GELU and softmax, and the input of a pooling. ReLU6 and the
    sigmoids escape it, as does attention in one fused operation. (calflops, after DeepSpeed's flops profiler,
    deepspeed/profiling/flops_profiler/profiler.py)
    """
    if isinstance(layer, ScaledDotProductAttention):
        return 0
    if isinstance(layer, Conv):
        return 2 * ops.mac + ops.add
    if isinstance(layer, BatchNorm):
        return elements(inputs[0]) * (1 + int(layer.affine))
    if isinstance(layer, (LayerNorm, GroupNorm)):
        return elements(inputs[0]) * (4 + int(layer.affine))
    if isinstance(layer, (ReLU, LeakyReLU, PReLU, ELU, SiLU, GELU, Softmax, Pool, AdaptivePool)):
        return elements(inputs[0])
    return 2 * ops.mac
