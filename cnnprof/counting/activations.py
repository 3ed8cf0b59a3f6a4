"""Named ways to count activations: which outputs of a network are among them. Here it is every element that a layer writes."""

from __future__ import annotations

from collections.abc import Callable

from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers import Layer, elements
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.linear import RBF, Linear, MatMul, ScaledDotProductAttention
from cnnprof.network.layers.pooling import Pool
from cnnprof.network.registry import Registry

ActivationConvention = Callable[[Layer, tuple[Shape, ...], Shape], Dim]
"""(layer, its inputs' shapes, its output's) -> elements that count."""
ACTIVATION_CONVENTIONS: Registry[ActivationConvention] = Registry("convention")
activation_convention = ACTIVATION_CONVENTIONS.add


@activation_convention
def timm(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> Dim:
    """Outputs of convolutions and matrix products, linear layers and the two products of attention among them.

    (timm's results and benchmark.py, by fvcore.nn.ActivationCountAnalysis with attention written out)
    """
    if isinstance(layer, ScaledDotProductAttention):
        # The scores of every query with every key, and the sums of values.
        return elements((*output[:-1], inputs[1][-2])) + elements(output)
    return elements(output) if isinstance(layer, (Conv, ConvTranspose, PartialConv, Linear, MatMul, RBF)) else 0


@activation_convention
def pycls(layer: Layer, _: tuple[Shape, ...], output: Shape) -> Dim:
    """Outputs of convolutions, linear layers and pooling windows; global pooling is not counted.

    (pycls 0.2, models/blocks.py: conv2d_cx, linear_cx, pool2d_cx, gap2d_cx; Radosavovic et al. 2020, section 3)
    """
    return elements(output) if isinstance(layer, (Conv, ConvTranspose, PartialConv, Linear, RBF, Pool)) else 0
