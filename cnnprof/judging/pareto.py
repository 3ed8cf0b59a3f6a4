"""Which of several points no other is better than, and which one is better where one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Span = tuple[float, float]
"""A figure's interval; of an exact one both ends are the same."""


class Standing(NamedTuple):
    """Where a point stands: `known` unless one of its figures is not; `by` is the number of a point that dominates it."""

    known: bool
    by: int | None = None

    @property
    def optimal(self) -> bool:
        """Whether no other point dominates it."""
        return self.known and self.by is None


def standings(points: Sequence[Sequence[Span | None]]) -> list[Standing]:
    """Where each of the points stands; of each figure less is better.

    A point dominates another if it is nowhere worse and somewhere better; where intervals meet, it is neither. A point with a
    figure that is not known (None) dominates none, and nobody can say what dominates it. Of several that dominate a point, an
    optimal one is named where there is one.
    """
    whole = {i: [span for span in point if span is not None] for i, point in enumerate(points)}
    whole = {i: point for i, point in whole.items() if len(point) == len(points[i])}
    exact = all(low == high for point in whole.values() for low, high in point)
    front: list[int] = []
    by: dict[int, int | None] = {}
    # In this order no exact point is dominated by a later one, and what dominates it is on the front by then.
    for i in sorted(whole, key=lambda i: (whole[i], i)):
        rivals = front if exact else whole
        by[i] = next((j for j in rivals if j != i and _dominates(whole[j], whole[i])), None)
        if by[i] is None:
            front.append(i)
    best = set(front)
    for i, rival in by.items():
        if rival is not None and rival not in best:
            by[i] = next((j for j in front if _dominates(whole[j], whole[i])), rival)
    return [Standing(i in whole, by.get(i)) for i in range(len(points))]


def _dominates(one: Sequence[Span], other: Sequence[Span]) -> bool:
    better = False
    for a, b in zip(one, other, strict=True):
        if a[0] > b[1]:
            return False
        better = better or a[1] < b[0]
    return better
