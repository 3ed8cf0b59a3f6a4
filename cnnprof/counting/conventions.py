"""Named ways to turn a layer's operations into one number. A figure without the name of its convention means nothing.

Each convention is a function of the layer, its input shapes, its output shape and its `Ops`; adding one is writing one. Those
of other tools are lists of what the tool knows: a layer with weights or multiply-accumulates that such a list does not name is
an error until it is said what the tool makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Dim, Shape, known, prod
from cnnprof.network.layers import Layer, Ops, elements
from cnnprof.network.layers.activation import ELU, GELU, LeakyReLU, PReLU, ReLU, ReLU6, SiLU, Softmax
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.linear import Linear, MatMul, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.normalization import BatchNorm, GlobalResponseNorm, GroupNorm, LayerNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptivePool, AvgPool, MaxPool, Pool, Subsample
from cnnprof.network.layers.resizing import Upsample
from cnnprof.network.registry import Registry

Convention = Callable[[Layer, tuple[Shape, ...], Shape, Ops], Dim]
CONVENTIONS: Registry[Convention] = Registry("convention")
convention = CONVENTIONS.add

PartialConvention = Callable[[Layer, tuple[Shape, ...], Shape, Ops], Dim | None]


def counts_listed(*overlooked: type[Layer]) -> Callable[[PartialConvention], Convention]:
    """Make a convention of a list: None stands for what it does not name, and counts 0 if the layer is one of the `overlooked`.

    The convention raises CnnprofError for any other layer with weights or multiply-accumulates that the list does not name.
    """

    def complete(listed: PartialConvention) -> Convention:
        @wraps(listed)
        def count(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim:
            counted = listed(layer, inputs, output, ops)
            if counted is not None:
                return counted
            if not isinstance(layer, overlooked) and not (_is_zero(layer.params(*inputs)) and _is_zero(ops.mac)):
                raise CnnprofError(
                    f"it is not known what {listed.__name__} counts for {layer.type}",
                    hint="say it in cnnprof/counting/conventions.py, 0 included",
                )
            return 0

        return count

    return complete


def _is_zero(number: Dim) -> bool:
    return known(number) and bool(number == 0)


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
@counts_listed(ScaledDotProductAttention, PReLU, Subsample, Parameter, GlobalResponseNorm)
def fvcore(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim | None:
    """fvcore.nn.FlopCountAnalysis: one for a multiply-accumulate, and its own rates for what lies between.

    It counts two for an element of BatchNorm in eval mode (one without scale and shift), five of LayerNorm and GroupNorm (or
    four), the input of an adaptive average pooling, one for an element of a nearest and four of a bilinear upsampling.
    Attention in one fused operation is not counted. A matrix product is the first factor's elements times the second one's
    columns, broadcasting ignored. (fvcore 0.1.5.post20221221, fvcore/nn/flop_count.py and jit_handles.py)
    """
    if isinstance(layer, MatMul):
        return elements(inputs[0]) * inputs[1][-1]
    if isinstance(layer, BatchNorm):
        return elements(inputs[0]) * (1 + int(layer.affine))
    if isinstance(layer, (LayerNorm, GroupNorm)):
        return elements(inputs[0]) * (4 + int(layer.affine))
    if isinstance(layer, AdaptiveAvgPool) and len(layer.output_size) == 2:
        return elements(inputs[0])
    if isinstance(layer, Upsample) and len(output) == 4:
        return elements(output) * {"nearest": 1, "bilinear": 4}.get(layer.mode, 0)
    return ops.mac if isinstance(layer, (Conv, ConvTranspose, PartialConv, Linear)) else None


@convention
@counts_listed(ScaledDotProductAttention, Subsample, Parameter, GlobalResponseNorm)
def calflops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim | None:
    """calflops' FLOPs: two for a multiply-accumulate, a convolution's bias, and its own rates for what lies between.

    It counts two for an element of BatchNorm in eval mode (one without scale and shift), five of LayerNorm and GroupNorm (or
    four), one for an element of ReLU, LeakyReLU, PReLU, ELU, SiLU, GELU and softmax, and the input of a pooling. ReLU6 and the
    sigmoids escape it, as does attention in one fused operation. (calflops, after DeepSpeed's flops profiler,
    deepspeed/profiling/flops_profiler/profiler.py)
    """
    if isinstance(layer, Conv):
        return 2 * ops.mac + ops.add
    if isinstance(layer, BatchNorm):
        return elements(inputs[0]) * (1 + int(layer.affine))
    if isinstance(layer, (LayerNorm, GroupNorm)):
        return elements(inputs[0]) * (4 + int(layer.affine))
    if isinstance(layer, (ReLU, LeakyReLU, PReLU, ELU, SiLU, GELU, Softmax, Pool, AdaptivePool)):
        return elements(inputs[0])
    return 2 * ops.mac if isinstance(layer, (ConvTranspose, PartialConv, Linear, MatMul)) else None


@convention
@counts_listed(MatMul, ScaledDotProductAttention, GroupNorm, Subsample, Parameter, GlobalResponseNorm)
def thop(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim | None:
    """thop's "MACs", for a network whose layers are torch modules: one for a multiply-accumulate, and its own rates between.

    It counts four for an element of BatchNorm and LayerNorm (two without scale and shift), the output of an average pooling,
    input and output of an adaptive one, three less one for each feature of a softmax, one for an element of PReLU, one for an
    element of a nearest and eleven of a bilinear upsampling, and a transposed convolution at every position of its output.
    LayerNorm over the channels of an image, products of matrices and attention escape it.
    (thop 0.1.1, thop/vision/basic_hooks.py)
    """
    if isinstance(layer, ConvTranspose):
        return _at_every_output(layer, inputs, output)
    if isinstance(layer, LayerNorm) and layer.channels_first:
        return 0
    if isinstance(layer, (BatchNorm, LayerNorm)):
        return elements(inputs[0]) * (2 + 2 * int(layer.affine))
    if isinstance(layer, AvgPool):
        return elements(output)
    if isinstance(layer, AdaptiveAvgPool):
        return elements(inputs[0]) + elements(output)
    if isinstance(layer, Softmax):
        return 3 * elements(output) - elements(output) // output[layer.dim]
    if isinstance(layer, PReLU):
        return elements(inputs[0])
    if isinstance(layer, Upsample):
        return elements(output) * {"nearest": 1, "bilinear": 11, "bicubic": 259}.get(layer.mode, 0)
    return ops.mac if isinstance(layer, (Conv, PartialConv, Linear)) else None


@convention
@counts_listed(ScaledDotProductAttention, Subsample, Parameter, GlobalResponseNorm)
def ptflops(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim | None:
    """ptflops' "MACs" (its pytorch backend), for a network whose layers are torch modules.

    It counts one for a multiply-accumulate and one for a bias. A module and the function that it calls are both counted: two
    for an element of ReLU, PReLU, ELU and GELU, of a pooling's input and an upsampling's output; one for LeakyReLU, ReLU6,
    SiLU and softmax, where only one of the two is known. BatchNorm and GroupNorm take two for an element (one without scale
    and shift), LayerNorm one, or none over the channels of an image. Sums and products written with an operator, and fused
    attention, are not counted. (ptflops 0.7.5, ptflops/pytorch_ops.py and pytorch_engine.py)
    """
    if isinstance(layer, (Conv, ConvTranspose, PartialConv, Linear)):
        return ops.mac + ops.add
    if isinstance(layer, (BatchNorm, GroupNorm)):
        return elements(inputs[0]) * (1 + int(layer.affine))
    if isinstance(layer, LayerNorm) and layer.channels_first:
        return 0
    if isinstance(layer, (LayerNorm, LeakyReLU, ReLU6, SiLU, Softmax)):
        return elements(inputs[0])
    if isinstance(layer, (ReLU, PReLU, ELU, GELU, MaxPool, AvgPool, AdaptivePool)):
        return 2 * elements(inputs[0])
    if isinstance(layer, Upsample):
        return 2 * elements(output)
    if isinstance(layer, LocalResponseNorm):
        padded = elements(inputs[0]) // inputs[0][1] * (inputs[0][1] + layer.size - 1)
        return 3 * elements(inputs[0]) + padded
    return elements(inputs[0]) * inputs[1][-1] if isinstance(layer, MatMul) else None


@convention
@counts_listed(MatMul, ScaledDotProductAttention, Subsample, Parameter, GlobalResponseNorm)
def torchinfo(layer: Layer, inputs: tuple[Shape, ...], output: Shape, ops: Ops) -> Dim | None:
    """torchinfo's "mult-adds", for a network whose layers are torch modules: every weight and bias by how often it is used.

    A convolution's are used at every position of its output, a transposed one's too; all others once for each image, so that
    a linear layer counts one token, and BatchNorm two for a channel. What has no weights counts nothing, attention included.
    (torchinfo 1.8.0, LayerInfo.calculate_macs)
    """
    if isinstance(layer, (Conv, PartialConv)):
        return ops.mac + ops.add
    if isinstance(layer, ConvTranspose):
        return _at_every_output(layer, inputs, output) + ops.add
    return output[0] * layer.params(*inputs) if isinstance(layer, (Linear, BatchNorm, GroupNorm, LayerNorm, PReLU)) else None


def _at_every_output(layer: ConvTranspose, inputs: tuple[Shape, ...], output: Shape) -> Dim:
    """A transposed convolution's products, were its filters applied at each position of the output."""
    return elements(output) * (inputs[0][1] // layer.groups) * prod(layer.kernel_size)
