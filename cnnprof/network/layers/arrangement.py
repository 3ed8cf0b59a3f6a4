"""Layers that move, cut or pad a tensor."""

from __future__ import annotations

from typing import ClassVar, Literal

from cnnprof.network.dims import Dim, Shape, at_least, prod, same
from cnnprof.network.layers.base import Grouped, Layer, MayWriteOver, ShapeError, Window, describe, elements, layer

PadMode = Literal["constant", "reflect", "replicate", "circular"]


class View(Layer):
    """A layer whose output is another look at its input's memory."""

    @property
    def writes(self) -> bool:
        return False

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None


@layer
class Identity(View):
    """The input itself."""

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return ()


class MayCopy(View):
    """A view where that can be; `copy` if the elements had to be moved."""

    copy: bool

    @property
    def writes(self) -> bool:
        return self.copy


@layer
class Flatten(MayCopy):
    """All axes from `start_dim` on made one (torch.nn.Flatten)."""

    start_dim: int = 1
    copy: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return (*x[: self.start_dim], prod(x[self.start_dim :]))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return tuple(Window(size) for size in inputs[0][2:]) if self.start_dim == 1 else None


@layer
class Reshape(MayCopy):
    """The same elements under another shape, the batch included (torch.reshape)."""

    size: Shape
    copy: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not same(elements(x), elements(self.size)):
            raise ShapeError(f"cannot view {describe(x)} as {describe(self.size)}")
        return self.size

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((2, n * n, n)), ((2, n, n, n),)


@layer
class Permute(MayCopy):
    """The axes in another order (torch.permute)."""

    reorders: ClassVar[bool] = True

    dims: tuple[int, ...]
    copy: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) != len(self.dims):
            raise ShapeError(f"orders {len(self.dims)} axes, and its input has the shape {describe(x)}")
        return tuple(x[dim] for dim in self.dims)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((0, 2, 3, 1)), ((2, n, n, 3),)


@layer
class Expand(View):
    """Axes of size 1 repeated without a copy (torch.Tensor.expand)."""

    reorders: ClassVar[bool] = True

    size: Shape

    def shape(self, *inputs: Shape) -> Shape:
        return self.size

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((2, n, 3)), ((1, 1, 3),)


@layer
class Slice(View):
    """`length` entries of an axis from `start` on, every `step`-th (torch.narrow); spec word `take`."""

    reorders: ClassVar[bool] = True

    dim: int
    start: Dim
    length: Dim
    step: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not at_least(x[self.dim] - self.start - (self.length - 1) * self.step - 1, 0):
            raise ShapeError(f"takes {self.length} from {self.start} on of {x[self.dim]} (input {describe(x)})")
        axis = self.dim % len(x)
        return (*x[:axis], self.length, *x[axis + 1 :])

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return () if self.dim == 1 else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(1, 2, n // 2, 1), ((2, n, n, n),)


def shows_all(layer: Layer, x: Shape) -> bool:
    """Whether the layer is a view of an input of this shape as it is, which torch gives back without an operation."""
    if not isinstance(layer, (Expand, Reshape, Slice)) or layer.writes:
        return False
    try:
        return all(isinstance(size, int) for size in x) and layer.shape(x) == x
    except ShapeError:
        return False


@layer
class Select(View):
    """One entry of an axis, which is dropped (x[:, 0])."""

    reorders: ClassVar[bool] = True

    dim: int
    index: int

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        axis = self.dim % len(x)
        return (*x[:axis], *x[axis + 1 :])

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(1, 0), ((2, n, 3),)


@layer
class Copy(Layer):
    """The same elements in new memory (torch.Tensor.contiguous, clone); `order` is the layout it brings them into, if any."""

    reorders: ClassVar[bool] = True

    order: Literal["", "nchw", "channels_last"] = ""


@layer
class Pad(Layer):
    """Rows and columns around the spatial axes, or entries around any last axes (torch.nn.functional.pad).

    `amounts` is one (before, after) pair an axis, for the last axes in their order; negative amounts crop.
    """

    amounts: tuple[tuple[Dim, Dim], ...]
    mode: PadMode = "constant"
    value: float = 0.0

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        first = len(x) - len(self.amounts)
        if first < 0:
            raise ShapeError(f"pads {len(self.amounts)} axes, and its input has the shape {describe(x)}")
        padded = tuple(size + a + b for size, (a, b) in zip(x[first:], self.amounts, strict=True))
        if not all(at_least(size, 1) for size in padded):
            raise ShapeError(f"leaves nothing of an input of {describe(x)}")
        return (*x[:first], *padded)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        axes = len(inputs[0]) - 2
        befores = [before for before, _ in self.amounts][-axes:] if axes > 0 else []
        return tuple(Window(1, 1, before) for before in [0] * (axes - len(befores)) + befores)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(((1, 2), (0, n))), ((2, n, n, n),)


@layer
class Roll(Layer):
    """Entries shifted around an axis's end (torch.roll); shifted windows use it."""

    shifts: tuple[int, ...]
    dims: tuple[int, ...]

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((-3, -3), (1, 2)), ((2, n, n, n),)


@layer
class ChannelShuffle(Grouped):
    """Channels of `groups` groups interleaved (Zhang et al. 2017; torch.nn.ChannelShuffle)."""

    least_axes = 3


@layer
class Gather(Layer):
    """Rows of a table by index (torch.nn.functional.embedding, x[index]); inputs: table, and indices of any shape."""

    arity: ClassVar[int | None] = 2

    def shape(self, *inputs: Shape) -> Shape:
        table, index = inputs
        return (*index, *table[1:])

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((9, n), (n, 3))


@layer
class Rearrange(MayWriteOver):
    """Elements of the inputs moved by the torch operation `op`, which computes nothing (flip, repeat, masked_fill, x[i] = y).

    `inplace` says that the result lies in the first input's memory.
    """

    op: str
    size: Shape
    inplace: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        return self.size

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("flip", (2, n, n)), ((2, n, n),)


@layer
class Unknown(Rearrange):
    """A torch operation that has no rule here: its result's size is known, its arithmetic is not counted."""

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("cumprod", (2, n, n)), ((2, n, n),)
