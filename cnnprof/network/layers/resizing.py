"""Layers that change the size of a grid: repetition, interpolation, and pixels out of channels."""

from __future__ import annotations

from typing import Literal

from cnnprof.network.dims import Dim, Shape, is_array, known, maximum, prod, same
from cnnprof.network.layers.base import Layer, Ops, ShapeError, Window, describe, elements, layer
from cnnprof.network.layers.convolution import Size, check_axes, ratio
from cnnprof.record import record

UpsampleMode = Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"]


@record
class PixelSquares(Layer):
    """Groups of `factor`^2 channels as squares of `factor` x `factor` pixels, or the other way round."""

    factor: int

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(2), ((2, 4 * n, n, n),)


@layer
class PixelShuffle(PixelSquares):
    """r^2 channels as an r x r square of pixels (Shi et al. 2016, eq. 4; torch.nn.PixelShuffle)."""

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) != 4 or not same(x[1] % (self.factor * self.factor), 0):
            raise ShapeError(f"cannot make squares of {self.factor}x{self.factor} pixels of {describe(x)}")
        return (x[0], x[1] // (self.factor * self.factor), x[2] * self.factor, x[3] * self.factor)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return (Window(per=self.factor),) * 2


@layer
class PixelUnshuffle(PixelSquares):
    """Each r x r square of pixels as r^2 channels, space to depth (torch.nn.PixelUnshuffle)."""

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) != 4 or not all(same(size % self.factor, 0) for size in x[2:]):
            raise ShapeError(f"cannot cut {describe(x)} into squares of {self.factor}x{self.factor} pixels")
        return (x[0], x[1] * self.factor * self.factor, *(size // self.factor for size in x[2:]))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return (Window(self.factor, self.factor),) * 2


@layer
class Upsample(Layer):
    """A grid `scale_factor` times as large, or of the given `size`, by repetition or interpolation (torch.nn.Upsample).

    With `antialias`, a smaller grid is a weighted mean of all that lies around (torch.nn.functional.interpolate).
    """

    scale_factor: Size = ()
    mode: UpsampleMode = "nearest"
    size: Size = ()
    antialias: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_axes(x, len(self.size or self.scale_factor))
        size = self.size or tuple(size * factor for size, factor in zip(x[2:], self.scale_factor, strict=True))
        return (*x[:2], *size)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        if self.mode.startswith("nearest"):
            return Ops()
        if self.antialias:
            return self._separable(inputs[0], output)
        # A weighted sum of two neighbours along each axis, or of four in cubic interpolation.
        weights = (4 if self.mode == "bicubic" else 2) ** (len(output) - 2)
        return Ops(mul=weights * elements(output), add=(weights - 1) * elements(output))

    def _separable(self, x: Shape, output: Shape) -> Ops:
        """One axis after the other, the last first; the 2 or 4 weights are of as many places more as the grid is smaller."""
        mul = add = 0
        shape = list(x)
        for axis in reversed(range(2, len(x))):
            others = prod(shape[:axis]) * prod(shape[axis + 1 :])
            weights = (4 if self.mode == "bicubic" else 2) * maximum(x[axis], output[axis])
            shape[axis] = output[axis]
            mul += others * weights
            add += others * (weights - output[axis])
        return Ops(mul=mul, add=add)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        """Output i lies at (i + 1/2) a/b - 1/2 of the input, a to b the ratio of the sizes; the nearest one is floor(i a/b)."""
        ratios = [(1, factor) for factor in self.scale_factor]
        if self.size:
            if not all(known(size) and not is_array(size) for size in (*inputs[0][2:], *self.size)):
                return None
            ratios = [ratio(size, to) for size, to in zip(inputs[0][2:], self.size, strict=True)]
        if self.antialias and any(a > b for a, b in ratios):
            return None
        if self.mode == "nearest":
            return tuple(Window(1, a, 0, b) for a, b in ratios)
        if self.mode == "nearest-exact":
            return tuple(Window(1, 2 * a, -a, 2 * b) for a, b in ratios)
        # The neighbour on each side, or two.
        more = int(self.mode == "bicubic")
        return tuple(Window((2 + 4 * more) * b, 2 * a, b - a + 2 * more * b, 2 * b) for a, b in ratios)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((2, 3), "bilinear"), ((2, n, n, n),)
