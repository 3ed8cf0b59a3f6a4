"""How tensors lie in memory, by their strides, and so where torch has to copy for `reshape`.

A reshape is a view where the new axes can be cut out of the old ones as they lie, and else moves the elements into new memory
(at::detail::computeStride, aten/src/ATen/TensorUtils.cpp). How a layer's output lies is what torch's kernels make of their
inputs: elementwise ones keep the order of the axes (at::TensorIterator), those of images keep channels_last
(c10::TensorImpl::is_strides_like_channels_last), and all others give NCHW.

Strides are counted in elements, and are None for a tensor that lies in the order of its axes without gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from cnnprof.network.dims import Dim, Shape, is_array
from cnnprof.network.graph import Graph, Node
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import GLU, Activation
from cnnprof.network.layers.arrangement import (
    ChannelShuffle,
    Copy,
    Expand,
    Flatten,
    Identity,
    Pad,
    Permute,
    Reshape,
    Roll,
    Select,
    Slice,
)
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import ScaledDotProductAttention
from cnnprof.network.layers.merging import Concat, Join
from cnnprof.network.layers.normalization import (
    BatchNorm,
    GlobalResponseNorm,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
)
from cnnprof.network.layers.pooling import AdaptivePool, MaxUnpool, Pool
from cnnprof.network.layers.regularization import Dropout
from cnnprof.network.layers.resizing import PixelSquares, Upsample
from cnnprof.network.shapes import walk

Step: TypeAlias = "tuple[Node, tuple[Shape, ...], Shape]"
"""A node with the shapes of its inputs and of its output, as `walk` gives it."""

Strides: TypeAlias = tuple[Dim, ...]

Lies: TypeAlias = "Strides | None"
"""The strides of a tensor, or None where it lies in the order of its axes."""


class Kernel(NamedTuple):
    """One run of a layer that a rule is asked about: the shapes of its inputs and its output, and how the inputs lie."""

    layer: Any
    inputs: Sequence[Shape]
    output: Shape
    strides: Sequence[Strides]


Rule: TypeAlias = Callable[[Kernel], Lies]
"""How the output of a layer lies."""

_UNKNOWN = (11 * 64, 13 * 64, 17 * 64, 19 * 64, 23 * 64, 29 * 64, 31 * 64, 37 * 64)
"""Sizes that stand for symbols: large ones, no two alike, and whole multiples of what networks divide by."""


def in_order(shape: Shape) -> Strides:
    """The strides of a tensor that lies in the order of its axes, without gaps."""
    return _packed(shape, range(len(shape) - 1, -1, -1))


def channels_last(shape: Shape) -> Strides:
    """The strides of an image, (N, C, ...), whose channels lie side by side."""
    return _packed(shape, (1, *range(len(shape) - 1, 1, -1), 0))


def _packed(shape: Shape, axes: Sequence[int]) -> Strides:
    """The strides of a tensor whose axes lie in that order, the innermost first."""
    strides: list[Dim] = [1] * len(shape)
    step: Dim = 1
    for axis in axes:
        strides[axis] = step
        step = step * shape[axis]
    return tuple(strides)


def viewed(shape: Shape, strides: Strides, size: Shape) -> Lies:
    """The strides under which a tensor is looked at as one of another size; None where no view shows it so.

    Args:
        shape: of the tensor.
        strides: how it lies.
        size: of as many elements.
    """
    if not shape:
        return (1,) * len(size)
    left, found = [*size], []
    for count, step in _runs(shape, strides):
        width: Dim = 1
        while left and (width < count or left[-1] == 1):
            found.append(width * step)
            width = width * left.pop()
        if width != count:
            return None
    return None if left else tuple(found[::-1])


def _runs(shape: Shape, strides: Strides) -> list[tuple[Dim, Dim]]:
    """Axes that lie like one: the elements of each such run, and their distance; the innermost first."""
    count, step = shape[-1], strides[-1]
    runs = []
    for size, stride in zip(shape[-2::-1], strides[-2::-1], strict=True):
        if size == 1 or stride == count * step:
            count = count * size
        else:
            runs.append((count, step))
            count, step = size, stride
    return [*runs, (count, step)]


def is_channels_last(shape: Shape, strides: Strides) -> bool:
    """Whether torch takes a tensor that lies so for an image in channels_last, which decides how outputs lie."""
    if len(shape) not in (4, 5) or strides[1] == 0:
        return False
    least: Dim = 0
    for axis in (1, *range(len(shape) - 1, 1, -1), 0):
        if strides[axis] < least or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] if shape[axis] == 1 else strides[axis] * shape[axis]
    return True


def packed_alike(output: Shape, inputs: Sequence[Shape], strides: Sequence[Strides]) -> Strides:
    """The strides of what is computed element by element: its axes are packed in the order in which those of the inputs lie."""
    rank = len(output)
    operands = [_stretched(output, shape, lies) for shape, lies in zip(inputs, strides, strict=True)]

    def further_out(a: int, b: int) -> int:
        """1 where axis a lies further out than axis b, -1 where further in; 0 where the inputs leave it open."""
        for lies in operands:
            if lies[a] == 0 or lies[b] == 0:
                continue
            if lies[a] != lies[b]:
                return 1 if lies[a] > lies[b] else -1
            if output[a] > output[b]:
                return 1
        return 0

    order = [*range(rank - 1, -1, -1)]
    for place in range(1, rank):
        at = place
        for before in range(place - 1, -1, -1):
            found = further_out(order[before], order[at])
            if found < 0:
                break
            if found > 0:
                order[before], order[at] = order[at], order[before]
                at = before
    return _packed(output, order)


def _stretched(output: Shape, shape: Shape, strides: Strides) -> Strides:
    """The strides of an input for all axes of the output, 0 along those that it is repeated on."""
    missing = len(output) - len(shape)
    own = [
        0 if size == 1 and whole != 1 else stride for size, whole, stride in zip(shape, output[missing:], strides, strict=True)
    ]
    return (*[0] * missing, *own)


def _elementwise(x: Kernel) -> Lies:
    return x.strides[0] if getattr(x.layer, "inplace", False) else packed_alike(x.output, x.inputs, x.strides)


def _image(x: Kernel) -> Lies:
    """In channels_last where the first input lies so; one that has the places of pixels follows it."""
    return channels_last(x.output) if is_channels_last(x.inputs[0], x.strides[0]) else None


def _batch_norm(x: Kernel) -> Lies:
    """As other images, but that an axis of one entry does not hide how the others lie."""
    shape, strides = x.output, x.strides[0]
    if _are_one(shape, strides, in_order(shape)):
        return None
    if len(shape) in (4, 5) and _are_one(shape, strides, channels_last(shape)):
        return channels_last(shape)
    return _image(x)


def _are_one(shape: Shape, one: Strides, other: Strides) -> bool:
    """Whether a tensor of that shape lies in the same way under both: along an axis of one entry no stride is used."""
    return all(size == 1 or a == b for size, a, b in zip(shape, one, other, strict=True))


def _concat(x: Kernel) -> Lies:
    wide = all(is_channels_last(shape, strides) for shape, strides in zip(x.inputs, x.strides, strict=True))
    return channels_last(x.output) if wide else None


def _layer_norm(x: Kernel) -> Lies:
    """Over channels in front it is one over those behind, on a permuted tensor."""
    return channels_last(x.output) if x.layer.channels_first and len(x.output) > 2 else None


def _copied(x: Kernel) -> Lies:
    if x.layer.order:
        return channels_last(x.output) if x.layer.order == "channels_last" else None
    return packed_alike(x.output, x.inputs, x.strides)


def _attended(x: Kernel) -> Lies:
    """The fused kernel leaves its output as the queries lie; it takes values with heads as wide (sdp::use_flash_attention)."""
    q, _, v = x.inputs[:3]
    fused = len(q) == 4 and q[3] == v[3] and all(strides[-1] == 1 for strides in x.strides[:3])
    return packed_alike(x.output, [q], x.strides[:1]) if fused else None


def _permuted(x: Kernel) -> Lies:
    return None if x.layer.copy else tuple([x.strides[0][dim] for dim in x.layer.dims])


def _sliced(x: Kernel) -> Lies:
    (strides,), axis = x.strides, x.layer.dim % len(x.output)
    return (*strides[:axis], strides[axis] * x.layer.step, *strides[axis + 1 :])


def _selected(x: Kernel) -> Lies:
    (strides,), axis = x.strides, x.layer.dim % len(x.inputs[0])
    return (*strides[:axis], *strides[axis + 1 :])


_IMAGES = (AdaptivePool, ChannelShuffle, Conv, ConvTranspose, GroupNorm, MaxUnpool, Pad, PixelSquares, Pool, Roll, Upsample)
_ELEMENTWISE = (Activation, Arithmetic, GlobalResponseNorm, Join, LocalResponseNorm, Normalize)

RULES: dict[type[Layer], Rule] = {
    **dict.fromkeys((Dropout, Identity), lambda x: x.strides[0]),
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_IMAGES, _image),
    BatchNorm: _batch_norm,
    Concat: _concat,
    Copy: _copied,
    Expand: lambda x: _stretched(x.output, x.inputs[0], x.strides[0]),
    GLU: lambda x: packed_alike(x.output, [x.output], x.strides),
    LayerNorm: _layer_norm,
    Permute: _permuted,
    ScaledDotProductAttention: _attended,
    Select: _selected,
    Slice: _sliced,
}
"""How outputs lie, by layer type or a class above it; those of all other layers lie in the order of their axes."""


def settle(layer: Layer, inputs: Sequence[Shape], output: Shape, lies: Sequence[Lies]) -> tuple[Layer, Lies]:
    """The layer, which copies if that is what torch has to do, and how its output lies.

    Args:
        inputs: the shape of each input. Sizes may be arrays of design points, which raise `Split` where they differ in this;
            and symbols, which stand for some large number each.
        output: the shape of the output.
        lies: how each input lies.
    """
    if not lies or (not layer.reorders and not any(lies)):
        return (replace(layer, copy=False) if isinstance(layer, (Flatten, Reshape)) and layer.copy else layer), None
    given, made = [_numbers(shape) for shape in inputs], _numbers(output)
    strides = [in_order(shape) if each is None else each for shape, each in zip(given, lies, strict=True)]
    if isinstance(layer, (Flatten, Reshape)):
        found = viewed(given[0], strides[0], made)
        layer = layer if layer.copy == (found is None) else replace(layer, copy=found is None)
    else:
        rule = _rule_of(type(layer))
        found = rule(Kernel(layer, given, made, strides)) if rule else None
    return layer, None if found is None or found == in_order(made) else found


def settled(graph: Graph) -> Graph:
    """The graph, in which each reshape copies if that is what torch has to do. Raises CnnprofError as `walk` does."""
    steps = walk(graph.nodes, graph.inputs)
    nodes = [node if layer is node.layer else replace(node, layer=layer) for node, layer in _settled(steps)]
    return replace(graph, nodes=tuple(nodes))


def copying_otherwise(graph: Graph) -> frozenset[str]:
    """The layers that say that they copy where torch need not, or that they do not where it has to."""
    steps = walk(graph.nodes, graph.inputs)
    return frozenset(node.name for node, layer in _settled(steps, as_said=True) if layer is not node.layer)


def settled_in_channels_last(steps: Iterable[Step], inputs: Mapping[str, Shape]) -> dict[str, Layer]:
    """The reshapes, by name, that copy or do not where images and weights are in channels_last, other than they say."""
    lies: dict[str, Lies] = {name: channels_last(shape) for name, shape in inputs.items() if len(shape) == 4}
    found = _settled(steps, lies, weights_channels_last=True)
    return {node.name: layer for node, layer in found if layer is not node.layer}


def _settled(
    steps: Iterable[Step], lies: dict[str, Lies] | None = None, as_said: bool = False, weights_channels_last: bool = False
) -> Iterator[tuple[Node, Layer]]:
    """Each node with the layer that `settle` makes of its own; what follows sees that one's output, or the node's `as_said`."""
    lies = {} if lies is None else lies
    for node, inputs, output in steps:
        layer, found = settle(node.layer, inputs, output, [lies.get(name) for name in node.inputs])
        if weights_channels_last and isinstance(layer, (Conv, ConvTranspose)) and len(output) == 4:
            found = channels_last(output)
        if found is not None and not (as_said and layer is not node.layer):
            lies[node.name] = found
        yield node, layer


def _rule_of(kind: type[Layer]) -> Rule | None:
    """The rule of a layer type; None where the output lies in order."""
    return next((RULES[each] for each in kind.__mro__ if each in RULES), None)


def _numbers(shape: Shape) -> Shape:
    """The shape with a number for each symbol, the same one wherever that symbol stands."""
    return tuple([size if isinstance(size, int) or is_array(size) else _number(size) for size in shape])


def _number(size: Dim) -> int:
    symbols = sorted(size.free_symbols, key=str)
    return int(size.subs(dict(zip(symbols, _UNKNOWN, strict=False))))
