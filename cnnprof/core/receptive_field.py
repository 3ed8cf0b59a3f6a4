"""The theoretical receptive field of every node: which input pixels one output position can see.

Along an axis, output position i of a node sees the pixels from `jump * i + low` to `jump * i + high`. A window of size k,
stride s and padding p makes that low - p jump, high + (k - 1 - p) jump, jump s (Araujo, Norris and Sim 2019, eqs. 2 and 3);
a join takes the widest of its branches.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnprof.core.arith import Dim, Shape, maximum, minimum
from cnnprof.core.graph import Node


class Field(NamedTuple):
    """The pixels seen along one axis: from `jump * i + low` to `jump * i + high`."""

    low: Dim
    high: Dim
    jump: Dim

    @property
    def size(self) -> Dim:
        """How many pixels that is."""
        return self.high - self.low + 1


Fields = tuple[Field, ...] | None
ONE_PIXEL = Field(0, 0, 1)


def see(node: Node, shapes: tuple[Shape, ...], seen: tuple[Fields, ...]) -> Fields:
    """The fields of a node from those of its inputs, one an axis; None where they are not defined."""
    if not seen or None in seen:
        return None
    first = seen[0]
    if any(other != first for other in seen[1:]):
        first = _widest([fields for fields in seen if fields is not None])
    if first is None:
        return None
    windows = node.layer.window(*shapes)
    if windows is None:
        return None
    if not windows:
        return first
    return tuple(
        Field(f.low - w.padding * f.jump, f.high + (w.size - 1 - w.padding) * f.jump, f.jump * w.stride)
        for f, w in zip(first, windows, strict=True)
    )


def _widest(branches: list[tuple[Field, ...]]) -> tuple[Field, ...]:
    result = branches[0]
    for other in branches[1:]:
        result = tuple(
            Field(minimum(a.low, b.low), maximum(a.high, b.high), maximum(a.jump, b.jump))
            for a, b in zip(result, other, strict=True)
        )
    return result
