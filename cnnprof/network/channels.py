"""Where a layer's output has its channels from: a rule for each type, over the axes of `network.widths`.

An output of the input's shape has the input's channels; a type that changes them has a rule of its own here.
"""

from __future__ import annotations

from functools import singledispatch
from math import prod
from typing import TypeAlias

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import GLU
from cnnprof.network.layers.arrangement import (
    ChannelShuffle,
    Expand,
    Flatten,
    Gather,
    Pad,
    Permute,
    Reshape,
    Select,
    Slice,
)
from cnnprof.network.layers.base import Spatial
from cnnprof.network.layers.convolution import Filters, PartialConv
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import RBF, Linear, MatMul, Parameter, ScaledDotProductAttention
from cnnprof.network.layers.merging import Concat, Join
from cnnprof.network.layers.normalization import GroupNorm
from cnnprof.network.layers.resizing import PixelShuffle, PixelUnshuffle, Upsample
from cnnprof.network.widths import Axis, Run, behind, count, cut, divided, join, keep, need, own, times

Axes: TypeAlias = tuple[Axis, ...]
"""The axes of a tensor, batch first."""


class Fixed(Exception):  # noqa: N818 - it is no error
    """The layer's output follows from no width of its inputs."""


@singledispatch
def follow(layer: Layer, inputs: list[Axes], output: Shape) -> Axes:
    """The axes of a layer's output.

    Args:
        layer: the layer, as it is before any width changes.
        inputs: the axes of each input; those that the layer needs to be equal are joined.
        output: the output's shape before any width changes.

    Raises:
        Fixed: the sizes are written into the layer.
    """
    if not inputs or tuple(map(count, inputs[0])) != output:
        raise Fixed
    return inputs[0]


@follow.register(Filters)
def _(layer: Filters, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    if layer.is_depthwise(tuple(map(count, x))):
        return _around(x, times(x[1], layer.out_channels // layer.groups), output)
    channels = own(layer.out_channels)
    for axis in (x[1], channels):
        need(axis, layer.groups)
    return _around(x, channels, output)


@follow.register(Linear)
def _(layer: Linear, inputs: list[Axes], output: Shape) -> Axes:
    return (*inputs[0][:-1], own(layer.out_features))


@follow.register(RBF)
@follow.register(PartialConv)
def _(layer: Layer, inputs: list[Axes], output: Shape) -> Axes:
    # Vectors and tables that are drawn by hand.
    for axis in inputs[0]:
        keep(axis)
    return output


@follow.register(Parameter)
def _(layer: Parameter, inputs: list[Axes], output: Shape) -> Axes:
    return tuple(size if size == 1 else ((Run(size), 1),) for size in output)


@follow.register(Spatial)
@follow.register(Upsample)
def _(layer: Layer, inputs: list[Axes], output: Shape) -> Axes:
    x, *others = inputs
    for other in others:
        join(x[1], other[1])
    return _around(x, x[1], output)


@follow.register(Join)
@follow.register(Arithmetic)
def _(layer: Layer, inputs: list[Axes], output: Shape) -> Axes:
    return _broadcast(*inputs)


@follow.register(Concat)
def _(layer: Concat, inputs: list[Axes], output: Shape) -> Axes:
    dim = layer.dim % len(output)
    rest = [x[:dim] + x[dim + 1 :] for x in inputs]
    joined = _broadcast(*rest)
    return (*joined[:dim], behind(x[dim] for x in inputs), *joined[dim:])


@follow.register(MatMul)
def _(layer: MatMul, inputs: list[Axes], output: Shape) -> Axes:
    a, b = inputs
    join(a[-1], b[-2:][0])
    return (*_broadcast(a[:-2], b[:-2]), *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


@follow.register(ScaledDotProductAttention)
def _(layer: ScaledDotProductAttention, inputs: list[Axes], output: Shape) -> Axes:
    q, k, v = inputs[:3]
    join(q[-1], k[-1])
    join(k[-2], v[-2])
    return (*q[:-1], v[-1])


@follow.register(ChannelShuffle)
def _(layer: ChannelShuffle, inputs: list[Axes], output: Shape) -> Axes:
    need(inputs[0][1], layer.groups)
    return inputs[0]


@follow.register(GroupNorm)
def _(layer: GroupNorm, inputs: list[Axes], output: Shape) -> Axes:
    if layer.groups != output[1]:
        need(inputs[0][1], layer.groups)
    return inputs[0]


@follow.register(GLU)
def _(layer: GLU, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    values, gates = cut(x[layer.dim], output[layer.dim])
    join(values, gates)
    return (*x[: layer.dim], values, *x[layer.dim + 1 :])


@follow.register(Slice)
def _(layer: Slice, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    dim = layer.dim % len(x)
    if layer.step != 1:
        axis = x[dim]
        if not isinstance(axis, int):
            raise Fixed
        return (*x[:dim], output[dim], *x[dim + 1 :])
    _, rest = cut(x[dim], layer.start)
    taken, _ = cut(rest, layer.length)
    return (*x[:dim], taken, *x[dim + 1 :])


@follow.register(Pad)
def _(layer: Pad, inputs: list[Axes], output: Shape) -> Axes:
    # What fills channels up fills them up to a width of its own.
    return tuple(
        axis if count(axis) == size else size if isinstance(axis, int) else own(size)
        for axis, size in zip(inputs[0], output, strict=True)
    )


@follow.register(PixelShuffle)
def _(layer: PixelShuffle, inputs: list[Axes], output: Shape) -> Axes:
    return _around(inputs[0], _divided(inputs[0][1], layer.factor**2), output)


@follow.register(PixelUnshuffle)
def _(layer: PixelUnshuffle, inputs: list[Axes], output: Shape) -> Axes:
    return _around(inputs[0], times(inputs[0][1], layer.factor**2), output)


@follow.register(Flatten)
def _(layer: Flatten, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    return (*x[: layer.start_dim], _product(x[layer.start_dim :]))


@follow.register(Permute)
def _(layer: Permute, inputs: list[Axes], output: Shape) -> Axes:
    return tuple(inputs[0][dim] for dim in layer.dims)


@follow.register(Expand)
def _(layer: Expand, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    given = (*(1,) * (len(output) - len(x)), *x)
    return tuple(size if count(axis) == 1 else axis for axis, size in zip(given, output, strict=True))


@follow.register(Select)
def _(layer: Select, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    dim = layer.dim % len(x)
    keep(x[dim])
    return (*x[:dim], *x[dim + 1 :])


@follow.register(Gather)
def _(layer: Gather, inputs: list[Axes], output: Shape) -> Axes:
    table, index = inputs
    keep(table[0])
    return (*index, *table[1:])


@follow.register(Reduce)
def _(layer: Reduce, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    gone = {dim % len(x) for dim in layer.dims}
    return tuple(1 if i in gone else axis for i, axis in enumerate(x) if layer.keepdim or i not in gone)


@follow.register(Reshape)
def _(layer: Reshape, inputs: list[Axes], output: Shape) -> Axes:
    (x,) = inputs
    # Of a vector, channels are the first axis of an image; of tokens, the last axis of a head.
    first = len(x) == 2
    left, right, found = list(x), list(output), list[Axis]()
    while left or right:
        given, sizes = left[:1], right[:1]
        del left[:1], right[:1]
        while (a := prod(map(count, given))) != (b := prod(sizes)):
            given, sizes = ([*given, left.pop(0)], sizes) if a < b else (given, [*sizes, right.pop(0)])
        found += _regrouped(given, sizes, first)
    return tuple(found)


def _regrouped(given: list[Axis], sizes: list[int], first: bool) -> list[Axis]:
    """The axes of these sizes that hold what the given ones hold; the channels are in the first or in the last of them."""
    axis = _product(tuple(given))
    if isinstance(axis, int) or not sizes:
        return list(sizes)
    wide = [place for place, size in enumerate(sizes) if size > 1] or [0]
    place = wide[0] if first else wide[-1]
    channels = _divided(axis, prod(sizes) // sizes[place])
    return [channels if i == place else size for i, size in enumerate(sizes)]


def _product(axes: Axes) -> Axis:
    """The axes as one."""
    channels = [axis for axis in axes if not isinstance(axis, int)]
    if len(channels) > 1:
        raise Fixed
    factor = prod(axis for axis in axes if isinstance(axis, int))
    return times(channels[0], factor) if channels else factor


def _divided(axis: Axis, number: int) -> Axis:
    found = divided(axis, number)
    if found is None:
        raise Fixed
    return found


def _around(x: Axes, channels: Axis, output: Shape) -> Axes:
    """An image of these channels; its sides change as they do, unless they are channels themselves."""
    sides = []
    for axis, size in zip(x[2:], output[2:], strict=True):
        if not isinstance(axis, int) and count(axis) != size:
            raise Fixed
        sides.append(size if isinstance(axis, int) else axis)
    return (x[0], channels, *sides)


def _broadcast(*inputs: Axes) -> Axes:
    """The common axes under torch's broadcasting rules."""
    joined = []
    for place in range(-max(map(len, inputs)), 0):
        axes = [x[place] for x in inputs if len(x) >= -place]
        wide = [axis for axis in axes if count(axis) != 1] or axes[:1]
        for axis in wide[1:]:
            join(wide[0], axis)
        joined.append(wide[0])
    return tuple(joined)
