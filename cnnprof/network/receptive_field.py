"""The theoretical receptive field of every node: which input pixels one output position can see.

Along an axis, output position i of a node sees the pixels from `jump * i + low` to `jump * i + high`. A window of size k,
stride s and padding p makes that low - p jump, high + (k - 1 - p) jump, jump s (Araujo, Norris and Sim 2019, eqs. 2 and 3);
a join sees what its branches see together. A branch that is one position wide and stretched to the others' size (squeeze and
excitation) shows every position the same pixels: its jump is 0.

Behind what enlarges a grid (upsampling, transposed convolution, pixel shuffle) or pools to a size that does not divide,
positions see more and less by turns. That repeats after a period: position i + P sees what position i sees, J pixels further.
The field's size is that of the position that sees most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm
from typing import Any, NamedTuple, TypeAlias

from cnnprof.network.dims import Dim, Shape, known, maximum, minimum, same
from cnnprof.network.graph import Node
from cnnprof.network.layers.base import Window

MOST_PHASES = 4096
"""The longest period that is followed."""

_NOWHERE = (2**60, -(2**60))
"""From and to of what sees no pixel: a gap that a transposed convolution leaves."""


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
        return _middle(self.low, self.high)

    def at(self, position: int) -> tuple[Dim, Dim]:
        """The first and the last pixel that a position sees."""
        return self.low + position * self.jump, self.high + position * self.jump


class Phases(NamedTuple):
    """The pixels seen along one axis by turns: position i sees from `lows[i % P] + i // P * step` to `highs[i % P] + ...`."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]
    step: int

    @property
    def size(self) -> int:
        """The most pixels that a position sees."""
        return max(high - low + 1 for low, high in zip(self.lows, self.highs, strict=True))

    @property
    def jump(self) -> float:
        """How far apart neighbouring positions lie, in pixels."""
        whole, rest = divmod(self.step, len(self.lows))
        return self.step / len(self.lows) if rest else whole

    @property
    def centre(self) -> Any:
        """The middle of what the first position sees, pixels counted from 0."""
        return _middle(self.lows[0], self.highs[0])

    def at(self, position: int) -> tuple[int, int]:
        """The first and the last pixel that a position sees."""
        turns, phase = divmod(position, len(self.lows))
        return self.lows[phase] + turns * self.step, self.highs[phase] + turns * self.step


AxisField: TypeAlias = "Field | Phases"
Fields: TypeAlias = "tuple[AxisField, ...] | None"
"""One field an axis; () for what sees no pixel, a stored tensor; None where the field is not defined."""

ONE_PIXEL = Field(0, 0, 1)


def _middle(low: Dim, high: Dim) -> Any:
    both = low + high
    return both // 2 if known(both) and both % 2 == 0 else both / 2


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
    through = tuple([_through(field, window) for field, window in zip(fields, windows, strict=True)])
    return None if None in through else through  # type: ignore[return-value]


def _through(field: AxisField, window: Window) -> AxisField | None:
    """The field that is seen through a window; None where the sizes are not known, or it does not repeat for long."""
    size, stride, padding, per = window
    if type(field) is Field and type(per) is int and per == 1:
        low, high, jump = field
        return Field(low - padding * jump, high + (size - 1 - padding) * jump, jump * stride)
    if not all(type(each) is int for each in (*window, *(field if isinstance(field, Field) else ()))):
        return None
    period, step = (len(field.lows), field.step) if isinstance(field, Phases) else (1, field.jump)
    # The shortest way after which the window has moved by whole periods.
    positions = per * period // gcd(stride, per * period)
    if positions > MOST_PHASES or size > MOST_PHASES:
        return None
    spans = []
    for position in range(positions):
        first = stride * position - padding
        seen = [field.at(each) for each in range(first // per, (first + size - 1) // per + 1)]
        spans.append((min(low for low, _ in seen), max(high for _, high in seen)) if seen else _NOWHERE)
    return _by_turns(spans, step * (stride * positions // (per * period)))


def _by_turns(spans: Sequence[tuple[int, int]], step: int) -> AxisField:
    lows, highs = zip(*spans, strict=True)
    return Phases(lows, highs, step) if len(spans) > 1 else Field(lows[0], highs[0], step)


def _together(branches: Sequence[tuple[tuple[AxisField, ...], Shape]]) -> Fields:
    """The union of the fields of a join's branches; None if they move over the input at different speeds."""
    axes = range(len(branches[0][0]))
    joined = [_union([(fields[a], shape[a + 2] if a + 2 < len(shape) else 1) for fields, shape in branches]) for a in axes]
    return tuple([field for field in joined if field]) if all(joined) else None


def _union(branches: Sequence[tuple[AxisField, Dim]]) -> AxisField | None:
    """The union along one axis of fields with the number of positions that each branch has there."""
    positions = next((size for _, size in branches if not _is(size, 1)), 1)
    # One that shows every position the same pixels makes the others show all that any of their positions sees.
    fixed = any(_is(field.jump, 0) or _is(size, 1) for field, size in branches) and not _is(positions, 1)
    spans = [_all_positions(field, size) if fixed else field for field, size in branches]
    first = spans[0]
    if any(isinstance(field, Phases) for field in spans):
        return _in_turns_together(spans, _is(positions, 1))
    if not _is(positions, 1) and not all(same(field.jump, first.jump) for field in spans):
        return None
    low, high, jump = first  # a Field, as all are here
    for other_low, other_high, _ in spans[1:]:
        low, high = minimum(low, other_low), maximum(high, other_high)
    return Field(low, high, jump)


def _in_turns_together(fields: Sequence[AxisField], alone: bool) -> AxisField | None:
    """The union of what positions see by turns; `alone` says that there is one position."""
    if not all(type(field.jump) in (int, float) for field in fields):
        return None
    steps = [(field.step, len(field.lows)) if isinstance(field, Phases) else (field.jump, 1) for field in fields]
    step, period = steps[0]
    if not alone and any(other * period != step * turns for other, turns in steps):
        return None
    positions = 1 if alone else lcm(*(turns for _, turns in steps))
    if positions > MOST_PHASES:
        return None
    seen = [[field.at(position) for field in fields] for position in range(positions)]
    spans = [(min(low for low, _ in each), max(high for _, high in each)) for each in seen]
    return _by_turns(spans, step * positions // period)


def _all_positions(field: AxisField, positions: Dim) -> AxisField:
    if isinstance(field, Phases):
        if type(positions) is not int:
            return field
        turns = min(len(field.lows), positions)
        last = [field.at(position)[1] for position in range(positions - turns, positions)]
        return Field(min(field.lows), max(last), 0)
    return Field(field.low, field.high + (positions - 1) * field.jump, 0)


def _is(value: Dim, number: int) -> bool:
    return known(value) and value == number
