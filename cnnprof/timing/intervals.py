"""Statistics of repeated timings, on plain floats.

Runs of one process resemble one another more than runs of two processes do, so an interval over all runs is far too narrow
(it covered 57% to 75% instead of 95% in trials). Intervals here treat one process as one sample: Student's t on the logarithms
of per-process medians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Interval = tuple[float, float]

CONFIDENCE = 0.95


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of at least one value lie, linear between neighbours (numpy's default)."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def interquartile_range(values: Sequence[float]) -> float:
    """The width of the middle half of the values."""
    return percentile(values, 75) - percentile(values, 25)


def student_t(probability: float, degrees: int) -> float:
    """The quantile of Student's t distribution with `degrees` degrees of freedom at `probability` (from 0.5 to below 1)."""
    low, high = 0.0, 1.0
    while _student_t_below(high, degrees) < probability:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_t_below(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _student_t_below(t: float, degrees: int) -> float:
    """The distribution function for t >= 0 and whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    odd = degrees % 2
    term = cosine if odd else 1.0
    series = term if degrees > 1 else 0.0
    for power in range(2 + odd, degrees - 1, 2):
        term *= cosine**2 * (power - 1) / power
        series += term
    within = math.sin(angle) * series
    if odd:
        within = 2 / math.pi * (angle + within)
    return 0.5 + within / 2


def geometric_interval(values: Sequence[float]) -> Interval | None:
    """The 95% t-interval of the geometric mean of independent positive values; None for fewer than two."""
    if len(values) < 2:
        return None
    logs = [math.log(value) for value in values]
    centre = mean(logs)
    deviation = math.sqrt(math.fsum((log - centre) ** 2 for log in logs) / (len(logs) - 1))
    reach = student_t((1 + CONFIDENCE) / 2, len(logs) - 1) * deviation / math.sqrt(len(logs))
    return math.exp(centre - reach), math.exp(centre + reach)


def unpaired_interval(values: Sequence[float], others: Sequence[float]) -> Interval | None:
    """The 95% interval of the ratio of two geometric means, of independent samples; None for fewer than two of either.

    Welch's t on the logarithms, with the degrees of freedom of Welch and Satterthwaite rounded down.
    """
    if min(len(values), len(others)) < 2:
        return None
    logs = [[math.log(value) for value in sample] for sample in (values, others)]
    centre = mean(logs[0]) - mean(logs[1])
    errors = [math.fsum((log - mean(sample)) ** 2 for log in sample) / (len(sample) - 1) / len(sample) for sample in logs]
    spread = sum(error**2 / (len(sample) - 1) for error, sample in zip(errors, logs, strict=True))
    degrees = math.floor(sum(errors) ** 2 / spread) if spread else len(values) + len(others) - 2
    reach = student_t((1 + CONFIDENCE) / 2, max(1, degrees)) * math.sqrt(sum(errors))
    return math.exp(centre - reach), math.exp(centre + reach)


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of at least one positive value."""
    return math.exp(mean([math.log(value) for value in values]))


def median_interval(values: Sequence[float]) -> Interval | None:
    """The distribution-free 95% interval of the median of independent values, between two of them; None for fewer than six.

    The sign test's interval: the outermost ranks that the number of values below the median misses with at most 2.5% on a side.
    """
    count = len(values)
    rank = _sign_test_rank(count)
    if rank < 1:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]


def _sign_test_rank(count: int) -> int:
    """The largest k with P(Binomial(count, 1/2) < k) of at most 2.5%; by the normal approximation where sums get long."""
    if count > 1000:
        return math.floor((count - 1.959964 * math.sqrt(count)) / 2)
    tail = (1 - CONFIDENCE) / 2
    rank, below = 0, math.comb(count, 0) / 2**count
    while below <= tail:
        rank += 1
        below += math.comb(count, rank) / 2**count
    return rank


def relative_half_width(interval: Interval) -> float:
    """Half of the interval's width over its middle."""
    low, high = interval
    return (high - low) / (high + low)
