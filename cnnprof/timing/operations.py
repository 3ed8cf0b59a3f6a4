"""The facts that decide how long a layer takes: its kind, sizes on a logarithmic scale, arithmetic and bytes.

Two layers with the same `key` are the same work. Sizes are compared in octaves: a layer with twice the channels is one away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log2, prod
from typing import Any, NamedTuple

from cnnprof.network.dims import Dim, Shape, ceil_div, greater_equal, same, where
from cnnprof.network.layers import NO_OPS, Layer, layer_from_dict, layer_to_dict
from cnnprof.network.layers.activation import Activation
from cnnprof.network.layers.base import AlongAxis
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.linear import Linear, MatMul, ScaledDotProductAttention
from cnnprof.network.layers.merging import Join
from cnnprof.network.layers.normalization import LayerNorm
from cnnprof.network.layers.pooling import AdaptivePool, MaxPool, Pool
from cnnprof.network.results import Cost
from cnnprof.timing.layer_times import layer_traffic

FIRST_CHANNELS = 96
"""At the most, of a network's first layers, whose numbers maximum pooling finds in another order than those of later ones."""

MOST, OCTAVES = 2**60, 60
"""Multiply-accumulates or bytes, and sizes' logarithms, that no layer has: a file that says so is damaged."""

VECTOR = 16
"""Channels that the widest vector instructions take at once; grouped kernels are slower where it and a group do not divide."""


class Operation(NamedTuple):
    """One layer as work.

    Args:
        kind: what its kernels have in common: `convolution 1x1`, `ReLU in place`.
        sizes: base-2 logarithms of what decides a kernel's efficiency; as many for all operations of a kind.
        macs: multiply-accumulates.
        bytes: moved at the least: inputs, weights and output once each.
        key: equal for equal work.
    """

    kind: str
    sizes: tuple[float, ...]
    macs: int
    bytes: int
    key: str


def operation_of(cost: Cost, element_bytes: int) -> Operation | None:
    """The work of a layer of a network; None for one that runs nothing: a view, a stored tensor."""
    return operation_alone(cost.node.layer, cost.inputs, element_bytes)


def operation_alone(layer: Layer, inputs: Sequence[Shape], element_bytes: int) -> Operation | None:
    """The work of a layer with inputs of these shapes; None for one that runs nothing."""
    work = work_of(layer, inputs, element_bytes)
    if work is None:
        return None
    kind, sizes, macs, moved = work
    return Operation(kind, tuple(log2(max(size, 1)) for size in sizes), int(macs), int(moved), key_of(layer, inputs))


def work_of(layer: Layer, inputs: Sequence[Shape], element_bytes: int) -> tuple[str, Sequence[Dim], Dim, Dim] | None:
    """The kind, sizes, multiply-accumulates and bytes of `operation_alone`, of arrays, too, and sizes as they are.

    Raises Split where arrays of design points hold layers of several kinds.
    """
    if layer.arity == 0:
        return None
    output = layer.shape(*inputs)
    moved = layer_traffic(layer, inputs, output, element_bytes)
    if moved == 0:
        return None
    ops = layer.ops(*inputs, output=output)
    return *_features(layer, inputs, output, ops == NO_OPS), ops.mac, moved


def key_of(layer: Layer, inputs: Sequence[Shape]) -> str:
    """A text that is equal for equal work."""
    return json.dumps([layer_to_dict(layer), [list(shape) for shape in inputs]], sort_keys=True, separators=(",", ":"))


def sample_of(key: str) -> tuple[Layer, tuple[Shape, ...]]:
    """The layer and input shapes that `key_of` made this of. Raises KeyError, TypeError or ValueError on other texts."""
    layer, inputs = json.loads(key)
    return layer_from_dict(layer), tuple(tuple(shape) for shape in inputs)


def _features(layer: Layer, inputs: Sequence[Shape], output: Shape, moves: bool) -> tuple[str, Sequence[Dim]]:
    x = inputs[0]
    if isinstance(layer, (Conv, ConvTranspose)):
        return _convolution(layer, x, output)
    if isinstance(layer, Linear):
        return "linear", (prod(output[:-1]), x[-1], output[-1])
    if isinstance(layer, MatMul):
        return "matrix product", (prod(output[:-2]), output[-2] if len(output) > 1 else 1, x[-1], output[-1])
    if isinstance(layer, ScaledDotProductAttention):
        return "attention", (prod(x[:-2]), x[-2], inputs[1][-2], x[-1])
    if isinstance(layer, Pool):
        later = (1 + greater_equal(x[1], FIRST_CHANNELS + 1),) if isinstance(layer, MaxPool) else ()
        return layer.type, (prod(output), prod(layer.kernel_size), prod(layer.stride), *later)
    kind = layer.type + (" in place" if getattr(layer, "inplace", False) else "")
    if moves and len(inputs) > 1:
        return kind, (prod(output), len(inputs))
    if len(inputs) > 1 and prod(inputs[1]) != prod(x):
        return f"{kind} of two sizes", (prod(output), prod(inputs[1]))
    if isinstance(layer, (Activation, Arithmetic, Join)):
        return kind, (prod(output),)
    return _in_rows(layer, kind, x, output)


def _in_rows(layer: Layer, kind: str, x: Shape, output: Shape) -> tuple[str, Sequence[Dim]]:
    """Of a layer whose time also depends on how many elements go together: those of a channel, or those of one result."""
    together = prod(x[2:]) if len(x) > 2 else x[-1]
    if isinstance(layer, AdaptivePool):
        # A mean over all positions is a kernel of its own, far quicker than one that looks for its windows.
        kind += " to 1x1" if all(same(size, 1) for size in layer.output_size) else ""
    elif isinstance(layer, LayerNorm):
        kind += " of channels first" if layer.channels_first else ""
        together = x[1] if layer.channels_first else prod(x[-layer.axes :])
    elif isinstance(layer, AlongAxis):
        together = x[layer.dim]
    elif isinstance(layer, Reduce):
        # Numbers that lie side by side are added up in another way than such as lie far apart.
        kind += "" if any(dim % len(x) == len(x) - 1 for dim in layer.dims) else " across rows"
        together = ceil_div(prod(x), prod(output))
    return kind, (prod(x), together)


def _convolution(layer: Conv | ConvTranspose, x: Shape, output: Shape) -> tuple[str, Sequence[Dim]]:
    pixels, area, stride = prod(output[2:]) * output[0], prod(layer.kernel_size), prod(layer.stride)
    axes = len(layer.kernel_size)
    kind = ("" if axes == 2 else f"{axes}-D ") + ("transposed " if isinstance(layer, ConvTranspose) else "")
    if layer.is_depthwise(x) and x[1] == output[1]:
        if area == 1:  # A matrix product for each channel, many times slower.
            return f"{kind}depthwise convolution 1x1", (x[1], pixels, stride)
        ragged = x[1] % VECTOR != 0
        return f"{kind}depthwise convolution", (x[1], pixels, area, stride, prod(layer.dilation), 1 + ragged)
    into, out = x[1] // layer.groups, output[1] // layer.groups
    # Fewer positions than a vector has room for are another kernel's, half as quick.
    room = 1 + greater_equal(prod(output[2:]), VECTOR)
    if layer.groups > 1:
        ragged = (into % VECTOR != 0) & (VECTOR % into != 0)
        return f"{kind}grouped convolution", (into, out, layer.groups, pixels, area, stride, 1 + ragged)
    if area == 1:
        # That one takes an image after the other: eight of nine positions are no image of 72.
        together = where(room - 1, output[0], 1) if stride == 1 else output[0]
        return f"{kind}convolution 1x1", (into, out, prod(output[2:]) * together, stride, room)
    return f"{kind}convolution", (into, out, pixels, area, stride, prod(layer.dilation), room)


class Timed(NamedTuple):
    """An operation with its measured seconds: its input just written, and after so much other data that none of it was near."""

    operation: Operation
    hot: float
    cold: float

    def to_list(self) -> list[Any]:
        """As JSON types; `from_list` is the inverse."""
        kind, sizes, macs, moved, key = self.operation
        return [kind, [round(size, 6) for size in sizes], macs, moved, key, self.hot, self.cold]

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> Timed:
        """The timed operation that `to_list` wrote. Raises ValueError or TypeError on anything else."""
        kind, sizes, macs, moved, key, hot, cold = data
        numbers = 0 < hot < 1e6 and 0 < cold < 1e6 and 0 <= macs < MOST and 0 < moved < MOST
        sized = bool(sizes) and all(abs(size) < OCTAVES for size in sizes)
        if not (numbers and sized and isinstance(kind, str) and isinstance(key, str)):
            raise ValueError("no timed operation")
        return cls(Operation(kind, tuple(map(float, sizes)), int(macs), int(moved), key), float(hot), float(cold))


Table = Mapping[str, Timed]
"""Timed operations by key."""
