"""A design space: its axes, how many points it has, and the points as blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from cnnprof.design_space.blocks import APART, PointBlock
from cnnprof.errors import UsageError
from cnnprof.record import record

MOST_POINTS = 10**8
"""A larger space is drawn from, not gone through."""


@record
class Space:
    """All combinations of the axes' values, or some of them, drawn at random.

    Args:
        axes: the values of each axis, by name, the slowest first.
        together: groups of axes that move together.
        sample: how many points are drawn; None for all.
        seed: of the draw.
    """

    axes: Mapping[str, Sequence[Any]]
    together: tuple[tuple[str, ...], ...] = ()
    sample: int | None = None
    seed: int = 0

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The axes as dimensions: those that move together are one. Raises UsageError where they cannot."""
        group_of = {name: group for group in self.together for name in group}
        for group in self.together:
            for name in group:
                if name not in self.axes:
                    raise UsageError(f"--zip names '{name}', which is no axis", hint=f"the axes are {', '.join(self.axes)}")
            if len({len(self.axes[name]) for name in group}) > 1:
                counts = ", ".join(f"{name} has {len(self.axes[name]):,}" for name in group)
                raise UsageError(f"axes that move together have equally many values: {counts}")
        if len(group_of) < sum(map(len, self.together)):
            raise UsageError("--zip names an axis twice")
        return tuple(dict.fromkeys(group_of.get(name, (name,)) for name in self.axes))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many values each dimension has."""
        return tuple(len(self.axes[group[0]]) for group in self.groups)

    @cached_property
    def _written(self) -> dict[str, Any]:
        return {}

    @property
    def whole_size(self) -> int:
        """How many points the whole grid has."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """How many points are looked at."""
        return self.whole_size if self.sample is None else min(self.sample, self.whole_size)

    def check(self) -> None:
        """Raise UsageError for a space too large to go through."""
        if self.size > MOST_POINTS:
            counts = " x ".join(f"{count:,}" for count in self.shape)
            raise UsageError(
                f"this is a space of {self.whole_size:,} points ({counts}), and at most {MOST_POINTS:,} are gone through",
                hint="--sample 100000 draws so many of them at random",
            )

    def blocks(self, most: int) -> Iterator[PointBlock]:
        """The points in order, the last axis the fastest, in blocks of at most so many."""
        self.check()
        if self.size < self.whole_size:
            yield from self._drawn(max(1, most // APART))
            return
        behind, split = 1, len(self.shape) - 1
        while split > 0 and behind * self.shape[split] <= most:
            behind *= self.shape[split]
            split -= 1
        step = max(1, most // behind)
        first = 0
        for outer in np.ndindex(self.shape[:split]):
            for start in range(0, self.shape[split], step):
                places = [np.array([i]) for i in outer]
                places.append(np.arange(start, min(start + step, self.shape[split])))
                places += [np.arange(size) for size in self.shape[split + 1 :]]
                count = prod(len(each) for each in places)
                points = np.arange(first, first + count).reshape([len(each) for each in places])
                first += count
                yield self._block(np.ix_(*places), points)

    def _drawn(self, most: int) -> Iterator[PointBlock]:
        draw = random.Random(self.seed)
        numbers: set[int] = set()
        if 2 * self.size > self.whole_size:
            numbers = set(draw.sample(range(self.whole_size), self.size))
        while len(numbers) < self.size:
            numbers.add(draw.randrange(self.whole_size))
        chosen = sorted(numbers)
        for start in range(0, len(chosen), most):
            rest = chosen[start : start + most]
            places: list[Any] = []
            for size in reversed(self.shape):
                places.insert(0, np.array([number % size for number in rest]))
                rest = [number // size for number in rest]
            yield self._block(places, np.arange(start, start + len(rest)))

    def _block(self, places: Sequence[Any], points: Any) -> PointBlock:
        at = {name: place for group, place in zip(self.groups, places, strict=True) for name in group}
        return PointBlock(self.axes, {name: at[name] for name in self.axes}, points, self._written)
