"""Which of several points no other is better than."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Span = tuple[float, float]
"""A figure's interval; of an exact one both ends are the same."""


def undominated(points: Mapping[str, Sequence[Span]]) -> set[str]:
    """The names of the points that no other dominates; of each figure less is better."""
    return {name for name, point in points.items() if not any(_dominates(other, point) for other in points.values())}


def _dominates(one: Sequence[Span], other: Sequence[Span]) -> bool:
    """Whether one is nowhere worse and somewhere better (lower); where intervals meet, it is neither."""
    pairs = [*zip(one, other, strict=True)]
    return all(a[0] <= b[1] for a, b in pairs) and any(a[1] < b[0] for a, b in pairs)
