"""The theoretical receptive field of every node: which input pixels one output position can see.

Along an axis, output position i of a node sees the pixels from `jump * i + low` to `jump * i + high`. A window of size k,
stride s and padding p makes that low - p jump, high + (k - 1 - p) jump, jump s (Araujo, Norris and Sim 2019, eqs. 2 and 3);
a join sees what its branches see together. A branch that is one position wide and stretched to the others' size (squeeze and
excitation) shows every position the same pixels: its jump is 0. Where positions see different numbers of pixels (transposed
convolution, upsampling, adaptive pooling to a size that does not divide) the field is not defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cnnprof.network.dims import Dim, Shape, known, maximum, minimum, same
from cnnprof.network.graph import Node


class Field(NamedTuple):
    """The pixels seen along one axis: from `jump * i + low` to `jump * i + high`."""

    low: Dim
    high: Dim
    jump: Dim

    @property
    def size(self) -> Dim:
        """How many pixels that is."""
        return self.high - self.low + 1

    @property
    def centre(self) -> Any:
        """The middle of what the first position sees, pixels counted from 0; between two pixels where the size is even."""
        middle = self.low + self.high
        return middle // 2 if known(middle) and middle % 2 == 0 else middle / 2


Fields = tuple[Field, ...] | None
"""One field an axis; () for what sees no pixel, a stored tensor; None where the field is not defined."""

ONE_PIXEL = Field(0, 0, 1)


def output_fields(node: Node, shapes: tuple[Shape, ...], seen: tuple[Fields, ...]) -> Fields:
    """The fields of a node from those of its inputs."""
    if all(fields == () for fields in seen):
        return ()
    windows = node.layer.window(*shapes)
    if windows is None or None in seen:
        return None
    fields = seen[0]
    if any(other != fields for other in seen[1:]):
        pairs = zip(seen, shapes, strict=True)
        fields = _together([(fields, shape) for fields, shape in pairs if fields])
    if not windows or fields is None:
        return fields
    return tuple(
        Field(f.low - w.padding * f.jump, f.high + (w.size - 1 - w.padding) * f.jump, f.jump * w.stride)
        for f, w in zip(fields, windows, strict=True)
    )


def _together(branches: Sequence[tuple[tuple[Field, ...], Shape]]) -> Fields:
    """The union of the fields of a join's branches; None if they move over the input at different speeds."""
    axes = range(len(branches[0][0]))
    joined = [_union([(fields[a], shape[a + 2] if a + 2 < len(shape) else 1) for fields, shape in branches]) for a in axes]
    return tuple([field for field in joined if field]) if all(joined) else None


def _union(branches: Sequence[tuple[Field, Dim]]) -> Field | None:
    """The union along one axis of fields with the number of positions that each branch has there."""
    positions = next((size for _, size in branches if not _is(size, 1)), 1)
    # One that shows every position the same pixels makes the others show all that any of their positions sees.
    fixed = any(_is(field.jump, 0) or _is(size, 1) for field, size in branches) and not _is(positions, 1)
    spans = [_all_positions(field, size) if fixed else field for field, size in branches]
    first = spans[0]
    if not _is(positions, 1) and not all(same(field.jump, first.jump) for field in spans):
        return None
    low, high = first.low, first.high
    for field in spans[1:]:
        low, high = minimum(low, field.low), maximum(high, field.high)
    return Field(low, high, first.jump)


def _all_positions(field: Field, positions: Dim) -> Field:
    return Field(field.low, field.high + (positions - 1) * field.jump, 0)


def _is(value: Dim, number: int) -> bool:
    return known(value) and value == number
