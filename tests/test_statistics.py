import math
import random

import pytest

from cnnprof.timing.intervals import (
    geometric_interval,
    geometric_mean,
    interquartile_range,
    mean,
    median,
    median_interval,
    percentile,
    relative_half_width,
    student_t,
    unpaired_interval,
)


def test_median_of_odd_and_even_counts():
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 3, 2]) == 2.5
    assert median([7]) == 7


def test_percentiles_are_linear_between_neighbours():
    # numpy.percentile([15, 20, 35, 40, 50], [5, 40, 95, 99]) = 16, 29, 48, 49.6
    values = [50, 15, 40, 20, 35]
    assert [percentile(values, p) for p in (0, 5, 40, 95, 99, 100)] == pytest.approx([15, 16, 29, 48, 49.6, 50])


def test_interquartile_range_and_mean():
    assert interquartile_range([1, 2, 3, 4, 5]) == 2
    assert mean([1, 2, 6]) == 3


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    # Table of Student's t, NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2.
    [
        (0.975, 1, 12.706),
        (0.975, 2, 4.303),
        (0.975, 3, 3.182),
        (0.975, 4, 2.776),
        (0.975, 5, 2.571),
        (0.975, 7, 2.365),
        (0.975, 9, 2.262),
        (0.975, 30, 2.042),
        (0.975, 100, 1.984),
        (0.95, 10, 1.812),
        (0.995, 4, 4.604),
        (0.90, 6, 1.440),
    ],
)
def test_student_t_against_the_table(probability, degrees, expected):
    assert student_t(probability, degrees) == pytest.approx(expected, abs=6e-4)


def test_student_t_is_zero_at_one_half():
    assert student_t(0.5, 4) == pytest.approx(0, abs=1e-12)


def test_geometric_interval_by_hand():
    # log2 of the values is 0, 1, 2: mean 1, deviation 1, so the reach is t(0.975, 2) / sqrt 3 = 4.30265 / 1.73205 = 2.48414.
    low, high = geometric_interval([1, 2, 4])
    assert math.log2(low) == pytest.approx(1 - 2.48414, abs=1e-4)
    assert math.log2(high) == pytest.approx(1 + 2.48414, abs=1e-4)
    assert geometric_mean([1, 2, 4]) == pytest.approx(2)


def test_one_process_has_no_interval():
    assert geometric_interval([1.0]) is None


def test_geometric_interval_covers_95_percent():
    draw = random.Random(1)
    hits = 0
    for _ in range(2000):
        low, high = geometric_interval([math.exp(draw.gauss(0, 0.1)) for _ in range(5)])
        hits += low <= 1 <= high
    # Four standard deviations of a binomial share with 2000 draws: 4 sqrt(0.95 x 0.05 / 2000) = 0.0195.
    assert hits / 2000 == pytest.approx(0.95, abs=0.0195)


@pytest.mark.parametrize(
    ("count", "rank"),
    # Ranks of the 95% sign-test interval: Conover, Practical Nonparametric Statistics, table A3 for p = 1/2.
    [(6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (25, 8), (50, 18), (100, 40)],
)
def test_median_interval_ranks(count, rank):
    assert median_interval([*range(1, count + 1)]) == (rank, count + 1 - rank)


def test_median_interval_needs_six_values():
    assert median_interval([1, 2, 3, 4, 5]) is None


def test_long_series_go_on_where_short_ones_end():
    low, high = median_interval([*range(1001)])
    shorter_low, shorter_high = median_interval([*range(1000)])
    assert low == pytest.approx(shorter_low, abs=2)
    assert high == pytest.approx(shorter_high, abs=2)


def test_relative_half_width():
    assert relative_half_width((0.99, 1.01)) == pytest.approx(0.01)


def test_unpaired_interval_is_welchs():
    # Logs 0, 1, 2 and 10, 12, 14, 16: means 1 and 13, squared errors 1/3 and 5/3, degrees of freedom 4 / (1/18 + 25/27) = 4.08.
    # scipy.stats.t.ppf(0.975, 4) = 2.776445
    low, high = unpaired_interval([math.exp(x) for x in (0, 1, 2)], [math.exp(x) for x in (10, 12, 14, 16)])
    reach = 2.776445 * math.sqrt(2)
    assert (math.log(low), math.log(high)) == pytest.approx((-12 - reach, -12 + reach), rel=1e-6)


def test_unpaired_interval_of_too_few_or_constant_values():
    assert unpaired_interval([1.0], [1.0, 2.0]) is None
    assert unpaired_interval([2.0, 2.0], [1.0, 1.0]) == pytest.approx((2, 2))
