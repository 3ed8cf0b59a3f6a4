"""Convolutions. Shapes follow torch.nn.Conv2d and ConvTranspose2d; sizes are tuples, one entry a spatial axis."""

from __future__ import annotations

from math import gcd

from cnnprof.network.dims import Dim, Shape, at_least, known, prod, same
from cnnprof.network.layers.base import Layer, Ops, ShapeError, Spatial, Window, describe, elements, layer

Size = tuple[Dim, ...]


def slide(size: Dim, kernel: Dim, stride: Dim, padding: Dim, dilation: Dim) -> Dim:
    """Output positions along one axis: (H - d (F - 1) - 1 + 2P) // S + 1."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def ratio(size: Dim, other: Dim) -> tuple[Dim, Dim]:
    """The two numbers over their greatest common divisor."""
    common = gcd(size, other)
    return size // common, other // common


def check_axes(x: Shape, axes: int) -> None:
    """The input must have a batch, channels and `axes` spatial axes."""
    if len(x) != axes + 2:
        raise ShapeError(f"takes channels and {axes} spatial axes, and its input has the shape {describe(x)}")


def check_groups(channels: Dim, groups: Dim, which: str) -> None:
    """The channels must split into the groups."""
    if not same(channels % groups, 0):
        raise ShapeError(f"{channels} {which} channels cannot be split into {groups} groups")


def check_room(x: Shape, reach: Size, padding: Size, slack: Size = (0, 0, 0)) -> None:
    """The window must fit into the padded input; with `ceil_mode` it may stand out by the slack."""
    for size, window, p, spare in zip(x[2:], reach, padding, slack, strict=False):
        if not at_least(size + 2 * p + spare - window, 0):
            least = window - 2 * p - spare
            raise ShapeError(
                f"its window of {window} does not fit into an input of {describe(x)}"
                + (f" padded by {p}" if known(p) and p else "")
                + (f"; it needs at least {least}" if known(least) else "")
            )


def dilated(kernel_size: Size, dilation: Size) -> Size:
    """The extent on each axis of a window with gaps: D (F - 1) + 1."""
    return tuple([d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)])


class Filters(Spatial):
    """A layer of `out_channels` filters in `groups`, each of which sees the channels of its group alone."""

    out_channels: Dim
    kernel_size: Size
    groups: Dim

    def check(self, x: Shape) -> None:
        """Raises ShapeError if the input's axes or channels are known not to fit."""
        check_axes(x, len(self.kernel_size))
        check_groups(x[1], self.groups, "input")
        check_groups(self.out_channels, self.groups, "output")

    def is_depthwise(self, x: Shape) -> bool:
        """Whether each channel of the input has filters of its own; a single channel is no case of it."""
        return bool(1 < self.groups == x[1])


@layer
class Conv(Filters):
    """Convolution, grouped or not (torch.nn.Conv1d, Conv2d, Conv3d).

    Parameters: K (prod(F) C_in / g + 1), the 1 for a bias. Multiply-accumulates: an output element takes prod(F) C_in / g.
    """

    out_channels: Dim
    kernel_size: Size
    stride: Size = (1, 1)
    padding: Size = (0, 0)
    dilation: Size = (1, 1)
    groups: Dim = 1
    bias: bool = True

    @property
    def reach(self) -> Size:
        """The window's extent on each axis, gaps included."""
        return dilated(self.kernel_size, self.dilation)

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self.check(x)
        check_room(x, self.reach, self.padding)
        axes = zip(x[2:], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        return (x[0], self.out_channels, *[slide(*axis) for axis in axes])

    def params(self, *inputs: Shape) -> Dim:
        return self.out_channels * (self._per_output(inputs[0]) + int(self.bias))

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size = elements(output)
        return Ops(mac=size * self._per_output(inputs[0]), add=size * int(self.bias))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return tuple(Window(*axis) for axis in zip(self.reach, self.stride, self.padding, strict=True))

    def _per_output(self, x: Shape) -> Dim:
        return prod(self.kernel_size) * (x[1] // self.groups)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(2 * n, (3, 5), (2, 1), (1, 2), (1, 1), 4), ((2, n, n, n + 1),)


@layer
class PartialConv(Spatial):
    """Convolution with a connection table, row i naming the outputs that input map i feeds (LeCun et al. 1998, Table I).

    Parameters: F^2 for every connection and one bias an output map.
    """

    connections: tuple[tuple[int, ...], ...]
    kernel_size: Size
    stride: Size = (1, 1)
    padding: Size = (0, 0)
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not same(x[1], len(self.connections)):
            raise ShapeError(f"its connection table has {len(self.connections)} rows, and its input has {x[1]} channels")
        return self._dense().shape(x)

    def params(self, *inputs: Shape) -> Dim:
        return prod(self.kernel_size) * self._connected() + len(self.connections[0]) * int(self.bias)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        positions = prod((output[0], *output[2:]))
        return Ops(mac=positions * prod(self.kernel_size) * self._connected(), add=elements(output) * int(self.bias))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return self._dense().window(*inputs)

    def _connected(self) -> int:
        return sum(sum(row) for row in self.connections)

    def _dense(self) -> Conv:
        return Conv(len(self.connections[0]), self.kernel_size, self.stride, self.padding, bias=self.bias)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(((1, 0, 1), (0, 1, 1)), (5, 5)), ((2, 2, n, n),)


@layer
class ConvTranspose(Filters):
    """Transposed convolution (torch.nn.ConvTranspose2d).

    Every input element is multiplied with K / g filters of prod(F), so multiply-accumulates count over input positions.
    """

    out_channels: Dim
    kernel_size: Size
    stride: Size = (1, 1)
    padding: Size = (0, 0)
    output_padding: Size = (0, 0)
    dilation: Size = (1, 1)
    groups: Dim = 1
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self.check(x)
        for extra, stride, dilation in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if all(known(size) for size in (extra, stride, dilation)) and extra >= max(stride, dilation):
                raise ShapeError(f"its output padding of {extra} is not smaller than its stride of {stride} or its dilation")
        axes = zip(x[2:], self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation, strict=True)
        sizes = [(h - 1) * s - 2 * p + d * (k - 1) + o + 1 for h, k, s, p, o, d in axes]
        if not all(at_least(size, 1) for size in sizes):
            raise ShapeError(f"its padding leaves nothing of an input of {describe(x)}")
        return (x[0], self.out_channels, *sizes)

    def params(self, *inputs: Shape) -> Dim:
        return self._per_input() * inputs[0][1] + self.out_channels * int(self.bias)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(mac=elements(inputs[0]) * self._per_input(), add=elements(output) * int(self.bias))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        """Output o is made of the inputs i with o = s i - p + t for a t in the kernel's reach."""
        axes = zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        return tuple(Window(d * (k - 1) + 2 - s, 1, d * (k - 1) + 1 - p - s, s) for k, s, p, d in axes)

    def _per_input(self) -> Dim:
        return prod(self.kernel_size) * (self.out_channels // self.groups)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(n // 2, (4, 4), (2, 2), (1, 1), groups=2), ((2, n, n, n),)
