"""Design points as arrays: a part of a space, what each axis has there, and how it is divided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from cnnprof.design_space.entries import LARGEST, entries
from cnnprof.network.dims import Split
from cnnprof.record import record

APART = 8
"""A point of a list takes as much memory as so many of a grid, whose axes have arrays of their own."""


@record(eq=False)
class PointBlock:
    """Some points of a space: a grid with one dimension an axis, or a list of points.

    Args:
        tables: all values of each axis, by its name.
        at: for each axis the positions in its table, as arrays that broadcast to the shape of `points`.
        points: the points' numbers in the space.
        written: the tables as columns show them, which all blocks of a space share and fill.
    """

    tables: Mapping[str, Sequence[Any]]
    at: Mapping[str, Any]
    points: Any
    written: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many points there are."""
        return int(self.points.size)

    @property
    def is_grid(self) -> bool:
        """Whether the axes' own arrays are much smaller than one with an entry for each point."""
        return bool(4 * max(at.size for at in self.at.values()) < self.size)

    def values(self) -> dict[str, Any]:
        """The values of each axis: one if all points share it, numbers as `Entries`, lists of numbers as tuples of those.

        Raises Split where the points have values of different kinds, or different texts.
        """
        return {name: _stacked([self.tables[name][i] for i in at.flat], at.shape) for name, at in self.at.items()}

    def columns(self, points: Any) -> dict[str, Any]:
        """The values of each axis at some of the points, which are in order; an input as `3x160x160`."""
        listed = self.as_list()
        where = np.searchsorted(listed.points, points)
        for name in self.at:
            if name not in self.written:
                self.written[name] = _table(self.tables[name], "x" if name == "input" else ",")
        return {name: self.written[name][at[where]] for name, at in listed.at.items()}

    def point(self, number: int) -> PointBlock:
        """The point of that position in the block."""
        where = np.unravel_index(number, self.points.shape)
        at = {name: _pick(at, where) for name, at in self.at.items()}
        return replace(self, at=at, points=self.points[where].reshape(1))

    def take(self, dimension: int, where: Any) -> PointBlock:
        """The points at some positions along one dimension."""
        at = {name: each.take(where, dimension) if each.shape[dimension] > 1 else each for name, each in self.at.items()}
        return replace(self, at=at, points=self.points.take(where, dimension))

    def as_list(self) -> PointBlock:
        """The same points, as a list."""
        at = {name: np.broadcast_to(each, self.points.shape).ravel() for name, each in self.at.items()}
        return replace(self, at=at, points=self.points.ravel())

    def divide(self, labels: Any) -> Iterator[PointBlock]:
        """The block in parts of points that share a label."""
        labels = np.asarray(labels)
        for dimension in range(labels.ndim):
            first = labels.take([0], dimension)
            if (labels == first).all():
                labels = first
        _, parts = np.unique(labels, return_inverse=True)
        parts = parts.reshape(labels.shape)
        varying = [dimension for dimension in range(parts.ndim) if parts.shape[dimension] > 1]
        whole, dimension = self, varying[0]
        if len(varying) > 1:
            whole, dimension, parts = self.as_list(), 0, np.broadcast_to(parts, self.points.shape)
        for part in range(int(parts.max()) + 1):
            yield whole.take(dimension, np.flatnonzero(parts.ravel() == part))

    def chunks(self, most: int) -> Iterator[PointBlock]:
        """The block in order, in parts of at most so many points."""
        shape = self.points.shape
        behind = 1
        dimension = len(shape) - 1
        while dimension > 0 and behind * shape[dimension] <= most:
            behind *= shape[dimension]
            dimension -= 1
        outer = [self]
        for each in range(dimension):
            outer = [block.take(each, [i]) for block in outer for i in range(block.points.shape[each])]
        step = max(1, most // behind)
        for block in outer:
            for start in range(0, shape[dimension], step):
                yield block.take(dimension, np.arange(start, min(start + step, shape[dimension])))


def _table(values: Sequence[Any], comma: str) -> Any:
    """The values of an axis as an array: numbers as they are, lists as texts, an input as `3x160x160`."""
    if any(isinstance(value, tuple) for value in values):
        return np.array([_written(value, comma) for value in values], object)
    return np.array(values) if {type(value) for value in values} <= {int, float} else np.array(values, object)


def _written(value: Any, comma: str) -> str:
    if not isinstance(value, tuple):
        return str(value)
    text = comma.join(_written(item, ",") for item in value)
    return text if comma == "x" else f"[{text}]"


def _pick(at: Any, where: tuple[Any, ...]) -> Any:
    index = tuple(0 if size == 1 else i for size, i in zip(at.shape, where, strict=True))
    return np.asarray(at[index]).reshape(1)


def _stacked(values: list[Any], shape: tuple[int, ...]) -> Any:
    types = {*map(type, values)}
    if types == {tuple} and len({*map(len, values)}) == 1:
        columns = [[value[i] for value in values] for i in range(len(values[0]))]
        stacked: list[Any] = []
        for i, column in enumerate(columns):  # a square's sides are one array
            stacked.append(stacked[columns.index(column)] if column in columns[:i] else _stacked(column, shape))
        return tuple(stacked)
    if types == {float} or (types == {int} and max(max(values), -min(values)) <= LARGEST):
        return entries(np.array(values).reshape(shape))
    kinds = [_kind(value) for value in values]
    if len({*kinds}) > 1:
        raise Split(np.array(kinds).reshape(shape))
    return values[0]


def _kind(value: Any) -> str:
    """The kind of values that share an array: numbers, or lists of equally many; anything else is a kind of its own."""
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, float):
        return "float"
    return "whole" if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST else repr(value)
