"""What operations around a layer say of it: a plane through them, at their middle and at their edge."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from test_prediction import conv, timed

from cnnprof.timing.neighbours import ALIKE, BEYOND, NEIGHBOURS, RIDGE, SOFT, nearest

WIDTHS = [4 * 2 ** (step / 2) for step in range(13)]
"""From 4 to 256, half an octave apart."""


def grid(residual):
    """Operations over widths and rows whose residual is a function of both, in octaves."""
    found = []
    for width in map(round, WIDTHS):
        for size in (8, 16, 32, 64):
            each = timed(conv(width), (1, width, size, size), 1e-4)
            found.append((each, residual(math.log2(width), math.log2(size))))
    return found


def place(width, size):
    return timed(conv(width), (1, width, size, size), 1e-4).operation.sizes


@pytest.mark.parametrize(("width", "size"), [(24, 24), (4, 8), (256, 64), (5, 60)])
def test_a_steady_change_is_followed_to_the_edge(width, size):
    known = grid(lambda channels, rows: 1 - 0.2 * channels + 0.05 * rows)
    expected = 1 - 0.2 * math.log2(width) + 0.05 * math.log2(size)
    # The ridge draws slopes of sizes whose variance is about 1 by some 3%.
    assert nearest(place(width, size), known)[1] == pytest.approx(expected, abs=0.05)


def test_the_nearest_counts_most_and_the_distance_is_its():
    known = grid(lambda channels, rows: 0.0)
    sizes = place(32, 16)
    at = [timed.operation.sizes for timed, _ in known].index(sizes)
    known[at] = (known[at][0], 1.0)
    distance, residual = nearest(sizes, known)
    assert distance == 0
    assert residual > 0.2
    assert nearest(place(4, 64), known)[1] < 0.1


def test_beyond_what_was_measured_it_goes_a_quarter_of_the_range_at_the_most():
    known = grid(lambda channels, rows: 0.3 * channels)
    values = [residual for _, residual in known]
    _, far = nearest(place(2**14, 8), known)
    assert max(values) < far <= max(values) + BEYOND * (max(values) - min(values))


def test_it_solves_the_normal_equations_of_weighted_least_squares():
    """As numpy solves them: columns are the sizes about their weighted mean, and one that the ridge leaves alone."""
    draw = random.Random(5)
    known = grid(lambda channels, rows: draw.gauss(0, 0.3))
    sizes = place(37, 21)
    table = np.array([timed.operation.sizes for timed, _ in known])
    squares = ((table - sizes) ** 2).sum(axis=1)
    chosen = squares <= np.sort(squares)[NEIGHBOURS - 1] * ALIKE**2
    weights, values = 1 / (squares[chosen] + SOFT), np.array([residual for _, residual in known])[chosen]
    means = np.average(table[chosen], axis=0, weights=weights)
    rows = table[chosen] - means
    matrix = (rows * weights[:, None]).T @ rows + RIDGE * weights.sum() * np.eye(rows.shape[1])
    middle = np.average(values, weights=weights)
    slopes = np.linalg.solve(matrix, (rows * weights[:, None]).T @ (values - middle))
    assert nearest(sizes, known)[1] == pytest.approx(middle + slopes @ (np.array(sizes) - means), rel=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_are_enough(count):
    known = grid(lambda channels, rows: 0.7)[:count]
    assert nearest(place(64, 32), known)[1] == pytest.approx(0.7)
