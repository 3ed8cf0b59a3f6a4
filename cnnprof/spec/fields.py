"""Bounds of the fields that `op` takes, which words of the language check by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnprof.network.dims import Shape, same
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Expand, Permute, Select
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.linear import is_one
from cnnprof.network.layers.normalization import LocalResponseNorm
from cnnprof.network.layers.pooling import MaxUnpool
from cnnprof.network.layers.resizing import Upsample

_POSITIVE = (
    *("out_channels", "out_features", "kernel_size", "stride", "dilation", "groups", "factor", "scale_factor"),
    *("output_size", "step", "count", "axes"),
)
_NOT_NEGATIVE = ("size", "length", "padding", "output_padding", "start", "start_dim", "copied", "eps")
_A_SPATIAL_AXIS_EACH = ("kernel_size", "stride", "padding", "dilation", "output_padding", "scale_factor", "output_size")
_AXES = ("dim", "dims", "start_dim")
_REDUCTIONS = ("sum", "mean", "amax", "amin", "norm", "var", "std", "max", "min")


def misfit(layer: Layer, values: dict[str, Any], inputs: tuple[Shape, ...]) -> tuple[str, str] | None:
    """The field that is out of its bounds, and a sentence about it; None where all fit.

    Args:
        values: the fields that are said, by name.
        inputs: the shapes of what the layer reads.
    """
    for name, value in values.items():
        numbers = [each for each in _numbers(value) if isinstance(each, (int, float))]
        least = _least(layer, name)
        if least is not None and (low := [each for each in numbers if each < least]):
            return name, f"is at least {least}, not {low[0]}"
        if name == "p" and not all(0 <= each <= 1 for each in numbers):
            return name, f"is a probability, from 0 to 1, not {value}"
        if inputs and (said := _of_the_input(layer, name, value, inputs[0])):
            return name, said
    if isinstance(layer, Reduce) and layer.op not in _REDUCTIONS:
        return "op", f"is one of {', '.join(_REDUCTIONS)}, not '{layer.op}'"
    return None


def _least(layer: Layer, name: str) -> int | None:
    """The least that a number of the field may be; a view may have no entries, a grid may not."""
    if name in _POSITIVE or (name == "size" and isinstance(layer, (Upsample, MaxUnpool, LocalResponseNorm))):
        return 1
    return 0 if name in _NOT_NEGATIVE else None


def _of_the_input(layer: Layer, name: str, value: Any, x: Shape) -> str | None:
    """A sentence about a field that does not go with the shape of the first input."""
    rank, numbers = len(x), [*_numbers(value)]
    if name in _A_SPATIAL_AXIS_EACH and isinstance(value, tuple) and value and len(value) != rank - 2:
        return f"has {len(value)} numbers, and {describe(x)} {_count(rank - 2)}"
    if name in _AXES and (far := [dim for dim in numbers if not -rank <= dim < rank]):
        return f"names an axis from 0 to {rank - 1}, the batch being 0, not {far[0]}"
    if isinstance(layer, Permute) and len(numbers) == rank and sorted(dim % rank for dim in numbers) != [*range(rank)]:
        return f"has the axes 0 to {rank - 1}, each once"
    if isinstance(layer, Select) and name == "index" and isinstance(size := x[layer.dim % rank if rank else 0], int):
        return None if -size <= layer.index < size else f"is one of {size} entries, not {layer.index}"
    if isinstance(layer, Expand) and name == "size" and not _broadcasts(x, layer.size):
        return f"repeats axes of size 1, and {describe(x)} has others than {describe(layer.size)}"
    return None


def _broadcasts(x: Shape, size: Shape) -> bool:
    behind = size[len(size) - len(x) :]
    return len(size) >= len(x) and all(is_one(a) or same(a, b) for a, b in zip(x, behind, strict=True))


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for each in value:
            yield from _numbers(each)
    elif value is not None and not isinstance(value, (str, bool)):
        yield value


def _count(axes: int) -> str:
    return f"{axes} spatial ax{'i' if axes == 1 else 'e'}s" if axes > 0 else "no spatial axis"
