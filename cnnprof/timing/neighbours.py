"""The efficiency that measured operations around a layer speak for: a plane through them, the nearer the more.

Local linear regression (Cleveland and Devlin 1988) has no bias where efficiency changes steadily with size, and none at the
edge of what was measured; a weighted mean of neighbours has both (Hastie, Tibshirani and Friedman 2009, 6.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import dist

from cnnprof.timing.operations import Timed

NEIGHBOURS = 32
"""Measured operations that the plane goes through; like the next three, what the networks of a calibration agree with best."""

SOFT = 0.3
"""Added to the square of a distance, so that the nearest operation does not count alone."""

RIDGE = 0.03
"""Added to the variance of sizes, in octaves squared: along a size that hardly differs among neighbours, nothing changes."""

BEYOND = 0.25
"""Of the range of neighbours' residuals: a plane goes no farther beyond it."""

ALIKE = 1 + 1e-9
"""Distances whose ratio is at most this are equal."""

Known = Sequence[tuple[Timed, float]]
"""Measured operations of one kind, with the logarithm of their seconds over their limit: the residual."""


def nearest(sizes: Sequence[float], known: Known) -> tuple[float, float]:
    """The distance to the nearest measured operation, in octaves, and the residual that those around say.

    Of several that are as far as the last of `NEIGHBOURS`, all count.
    """
    distances = [dist(sizes, timed.operation.sizes) for timed, _ in known]
    near = sorted(distances)[:NEIGHBOURS]
    last = near[-1] * ALIKE
    chosen = [(distance, *each) for distance, each in zip(distances, known, strict=True) if distance <= last]
    weights = [1 / (distance * distance + SOFT) for distance, *_ in chosen]
    residuals = [residual for *_, residual in chosen]
    columns = [*zip(*[timed.operation.sizes for _, timed, _ in chosen], strict=True)]
    lowest, highest = min(residuals), max(residuals)
    beyond = BEYOND * (highest - lowest)
    found = _plane(sizes, columns, residuals, weights)
    return near[0], min(max(found, lowest - beyond), highest + beyond)


def _plane(
    place: Sequence[float], columns: Sequence[Sequence[float]], values: Sequence[float], weights: Sequence[float]
) -> float:
    """At the place, the plane that is nearest to the values by weighted squares, its slopes drawn to 0 by `RIDGE`."""
    total = sum(weights)
    middle = _weighted(weights, values) / total
    middles = [_weighted(weights, column) / total for column in columns]
    centred = [[size - mean for size in column] for column, mean in zip(columns, middles, strict=True)]
    heavy = [[weight * size for weight, size in zip(weights, column, strict=True)] for column in centred]
    rows = [[*[_weighted(column, other) for other in centred], _weighted(column, values)] for column in heavy]
    for i, row in enumerate(rows):
        row[i] += RIDGE * total
    offsets = [size - mean for size, mean in zip(place, middles, strict=True)]
    return middle + _weighted(_solved(rows), offsets)


def _weighted(weights: Sequence[float], values: Sequence[float]) -> float:
    return sum([weight * value for weight, value in zip(weights, values, strict=True)])


def _solved(rows: list[list[float]]) -> list[float]:
    """The solution of linear equations with a symmetric positive definite matrix, the right side in the last column."""
    count = len(rows)
    for i, pivot in enumerate(rows):
        for row in rows[i + 1 :]:
            part = row[i] / pivot[i]
            for j in range(i, count + 1):
                row[j] -= part * pivot[j]
    found = [0.0] * count
    for i in reversed(range(count)):
        found[i] = (rows[i][count] - _weighted(rows[i][i + 1 : count], found[i + 1 :])) / rows[i][i]
    return found
