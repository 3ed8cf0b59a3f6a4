"""Normalization, in eval mode: statistics are stored or computed, scale and shift are learned."""

from __future__ import annotations

from typing import ClassVar

from cnnprof.network.dims import Dim, Shape, prod
from cnnprof.network.layers.base import AlongAxis, Grouped, Layer, Ops, Window, check_rank, elements, layer, per_element


@layer
class BatchNorm(Layer):
    """Scale and shift by stored statistics (torch.nn.BatchNorm2d in eval mode: one multiplication, one addition).

    `axes` are the spatial ones of its input, after which torch names it.
    """

    affine: bool = True
    eps: float = 1e-5
    axes: int = 2

    @property
    def type(self) -> str:
        return f"BatchNorm{max(self.axes, 1)}d"

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_rank(x, 2, "needs channels")
        return x

    def params(self, *inputs: Shape) -> Dim:
        return 2 * inputs[0][1] * int(self.affine)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, mul=1, add=1)


@layer
class LayerNorm(Layer):
    """Normalization over the last `axes` axes, or over the channels of (N, C, H, W) (torch.nn.LayerNorm).

    Mean, variance, division by the deviation, scale and shift: an element takes four additions and three multiplications
    with the learned pair, one of each less without.
    """

    reorders: ClassVar[bool] = True

    axes: int = 1
    channels_first: bool = False
    affine: bool = True
    eps: float = 1e-5

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_rank(x, self.axes + 1, f"normalizes {self.axes} axes")
        return x

    def params(self, *inputs: Shape) -> Dim:
        (x,) = inputs
        return 2 * int(self.affine) * (x[1] if self.channels_first else prod(x[-self.axes :]))

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, add=3 + int(self.affine), mul=2 + int(self.affine))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return () if self.channels_first else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(2), ((2, 3, n, n),)


@layer
class GroupNorm(Grouped):
    """Normalization over groups of channels and all positions (torch.nn.GroupNorm)."""

    hint = "say how many, a divisor of the channels, as in 'gn 4' or, behind a layer, 'gn=4'"

    affine: bool = True
    instance: bool = False
    """Whether torch runs it as a batch normalization (torch.nn.InstanceNorm2d)."""
    eps: float = 1e-5

    def params(self, *inputs: Shape) -> Dim:
        return 2 * inputs[0][1] * int(self.affine)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, add=3 + int(self.affine), mul=2 + int(self.affine))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None


@layer
class LocalResponseNorm(Layer):
    """x / (k + alpha/n * sum of n squared neighbouring channels)^beta (Krizhevsky et al. 2012, section 3.3).

    An element takes its square, the n - 1 additions of the sum, a multiplication and an addition, a power and a division.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, mul=2, add=self.size, exp=1, div=1)


@layer
class Normalize(AlongAxis):
    """Division by the L2 norm along an axis (torch.nn.functional.normalize)."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size, vectors = elements(output), self.vectors(output)
        return Ops(mul=size, add=size - vectors, exp=vectors, cmp=vectors, div=size)


@layer
class GlobalResponseNorm(Layer):
    """x + gamma x n + beta, with n each channel's L2 norm over their mean (Woo et al. 2023, eqs. 1 to 3; ConvNeXt V2)."""

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_rank(x, 3, "takes channels and spatial axes")
        return x

    def params(self, *inputs: Shape) -> Dim:
        return 2 * inputs[0][1]

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size, channels, images = elements(output), output[0] * output[1], output[0]
        # The norms, their means with an epsilon, the quotients; then two products and two sums of each element.
        norms = Ops(mul=size, add=size - channels, exp=channels)
        means = Ops(add=channels - images + images, div=images + channels)
        return norms + means + Ops(mul=2 * size, add=2 * size)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None
