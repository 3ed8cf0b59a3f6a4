"""Pooling. Shapes follow torch.nn.MaxPool2d, AvgPool2d and their adaptive forms; sizes are tuples, one entry a spatial axis."""

from __future__ import annotations

from math import gcd
from typing import ClassVar

from cnnprof.network.dims import Dim, Shape, ceil_div, is_array, known, lift, minimum, prod, same
from cnnprof.network.layers.base import Layer, Ops, ShapeError, Spatial, Window, describe, elements, layer
from cnnprof.network.layers.convolution import Size, check_axes, check_room, dilated, ratio, slide
from cnnprof.network.layers.linear import is_one
from cnnprof.record import record


@record
class Pool(Spatial):
    """A window that slides over each channel apart."""

    kernel_size: Size
    stride: Size
    padding: Size = (0, 0)
    ceil_mode: bool = False

    @property
    def reach(self) -> Size:
        """The window's extent on each axis."""
        return self.kernel_size

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_axes(x, len(self.kernel_size))
        slack = tuple((stride - 1) * int(self.ceil_mode) for stride in self.stride)
        check_room(x, self.reach, self.padding, slack)
        axes = zip(x[2:], self.reach, self.stride, self.padding, strict=True)
        return (*x[:2], *(self._positions(*axis) for axis in axes))

    def _positions(self, size: Dim, reach: Dim, stride: Dim, padding: Dim) -> Dim:
        if not self.ceil_mode:
            return slide(size, reach, stride, padding, 1)
        # torch drops a last window that would start in the padding behind the input.
        rounded_up = ceil_div(size + 2 * padding - reach, stride) + 1
        return minimum(rounded_up, ceil_div(size + padding, stride))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return tuple(Window(*axis) for axis in zip(self.reach, self.stride, self.padding, strict=True))

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((3, 2), (2, 2), (1, 0), ceil_mode=True), ((2, n, n, n + 1),)


@layer
class MaxPool(Pool):
    """Maximum over the window (torch.nn.MaxPool2d)."""

    dilation: Size = (1, 1)

    @property
    def reach(self) -> Size:
        return dilated(self.kernel_size, self.dilation)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(cmp=elements(output) * (prod(self.kernel_size) - 1))


@layer
class AvgPool(Pool):
    """Mean over the window (torch.nn.AvgPool2d)."""

    count_include_pad: bool = True

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(add=elements(output) * (prod(self.kernel_size) - 1), div=elements(output))


@layer
class Subsample(Pool):
    """LeNet's trainable pooling: the window's sum times a coefficient plus a bias, both learned, one pair a map.

    LeCun et al. 1998, section II.B, layer S2; the squashing function behind it is a layer of its own.
    """

    @property
    def type(self) -> str:
        return "Subsample"

    def params(self, *inputs: Shape) -> Dim:
        return 2 * inputs[0][1]

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size = elements(output)
        return Ops(add=size * prod(self.kernel_size), mul=size)


@layer
class MaxIndices(Layer):
    """Where each maximum lies: what a max pooling, the input, finds beside its output (torch's `return_indices`).

    The indices are no activations: they say nothing of the image but places.
    """

    @property
    def writes(self) -> bool:
        return False


@layer
class MaxUnpool(Spatial):
    """Values put back to where the maxima lay, zeros elsewhere (torch.nn.MaxUnpool2d); inputs: the values, and the indices."""

    arity: ClassVar[int | None] = 2
    sizes: ClassVar[str] = "size"

    size: Size

    def shape(self, *inputs: Shape) -> Shape:
        x, indices = inputs
        check_axes(x, len(self.size))
        if len(x) != len(indices) or not all(map(same, x, indices)):
            raise ShapeError(f"puts {describe(x)} back to where {describe(indices)} maxima lay", None, "both have one shape")
        return (*x[:2], *self.size)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        axes = zip(inputs[0][2:], self.size, strict=True)
        return tuple(Window(per=size // values) for values, size in axes)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((2 * n, 2 * n + 1)), ((2, n, n, n), (2, n, n, n))


def _spans(size: Dim, out: Dim) -> Dim:
    """The lengths of `out` windows over an axis of `size`, together: size + out - gcd(size, out).

    The window i ends at ceil((i+1) size / out) = size - floor((out-1-i) size / out), so that all ends are out size - F for F
    the sum of floor(i size / out), which the begins are; and F = ((size-1)(out-1) + gcd - 1) / 2 (Graham, Knuth, Patashnik,
    Concrete Mathematics, 3.32).
    """
    if known(size):
        return size + out - _gcd(size, out)
    return sum(ceil_div((i + 1) * size, out) - i * size // out for i in range(out))


_gcd = lift(gcd)


@record
class AdaptivePool(Spatial):
    """Pooling to a given output size; output position i sees the input from floor(i H / h) to ceil((i+1) H / h)."""

    sizes: ClassVar[str] = "output_size"

    output_size: Size

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_axes(x, len(self.output_size))
        return (*x[:2], *self.output_size)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        axes = list(zip(inputs[0][2:], self.output_size, strict=True))
        if all(same(size % out, 0) for size, out in axes):
            return tuple(Window(size // out, size // out) for size, out in axes)
        if not all(known(size) and not is_array(size) for axis in axes for size in axis):
            return None
        # Windows of a size that does not divide differ in length, and their distances, too.
        return tuple(Window(a, a, 0, b) for a, b in map(ratio, *zip(*axes, strict=True)))

    def _reads(self, x: Shape) -> Dim:
        """Elements read: the lengths of all windows, which overlap where the sizes do not divide."""
        return x[0] * x[1] * prod(map(_spans, x[2:], self.output_size))

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((2, 1)), ((2, n, n, n),)


@layer
class AdaptiveAvgPool(AdaptivePool):
    """Mean (torch.nn.AdaptiveAvgPool2d); with output 1x1, global average pooling."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(add=self._reads(inputs[0]) - elements(output), div=elements(output))

    @property
    def _is_mean(self) -> bool:
        return all(is_one(size) for size in self.output_size)


@layer
class AdaptiveMaxPool(AdaptivePool):
    """Maximum (torch.nn.AdaptiveMaxPool2d)."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(cmp=self._reads(inputs[0]) - elements(output))
