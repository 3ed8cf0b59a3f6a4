"""The points of a design space that no other is better than, and the best of them, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def front(costs: Any) -> Any:
    """Which rows no other row is nowhere above and somewhere below: a boolean array. Rows with an unknown figure are not.

    Args:
        costs: one row a point, one column a figure of which less is better.
    """
    costs = np.asarray(costs, float)
    known = np.flatnonzero(~np.isnan(costs).any(axis=1))
    order = known[np.lexsort(costs[known].T[::-1])]
    left = costs[order]
    found: list[Any] = []
    # In this order no row is dominated by a later one: the first that is left is on the front.
    while len(order):
        best = left[0]
        alike = (left == best).all(axis=1)
        found.append(order[alike])
        open_ones = (left < best).any(axis=1)
        order, left = order[open_ones], left[open_ones]
    chosen = np.zeros(len(costs), bool)
    if found:
        chosen[np.concatenate(found)] = True
    return chosen


def best_first(columns: Sequence[Any], count: int | None = None) -> Any:
    """The numbers of the rows by the first column, ties by the next, the smallest first; `count` of them, or all."""
    order = np.lexsort([np.asarray(column) for column in reversed(columns)])
    return order if count is None else order[:count]
