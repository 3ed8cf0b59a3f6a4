"""One table of units: every place that takes a quantity takes the same ones."""

import pytest

from cnnprof.cli.quantities import parse_seconds
from cnnprof.errors import CnnprofError
from cnnprof.footprint.capacity import parse_capacity
from cnnprof.judging.budgets import parse_limit
from cnnprof.units import UNITS, factor_of, read_quantity


@pytest.mark.parametrize("text", ["8GB", "8gb", "8Gb", "8 GB", "8G", "8_000MB", "8e3"])
def test_sizes_are_taken_alike_by_fit_and_by_budgets(text):
    if text == "8e3":
        with pytest.raises(CnnprofError):
            parse_limit("max-peak", text)
        with pytest.raises(CnnprofError):
            parse_capacity(text, "cpu", lambda _: None)
    else:
        assert parse_limit("max-peak", text) == parse_capacity(text, "cpu", lambda _: None).bytes == 8_000_000_000


@pytest.mark.parametrize(("text", "seconds"), [("64ms", 0.064), ("64MS", 0.064), ("1.5s", 1.5), ("2min", 120), ("2m", 120)])
def test_times_are_taken_alike(text, seconds):
    assert parse_seconds(text) == pytest.approx(seconds)
    assert parse_limit("max-latency", text) == pytest.approx(1e3 * seconds)


def test_powers_of_two_are_apart_from_powers_of_ten():
    assert read_quantity("1.5 KiB", "bytes") == 1536
    assert read_quantity("1.5 kB", "bytes") == 1500


def test_a_count_takes_no_small_m():
    assert (factor_of("M", "count"), factor_of("m", "count"), factor_of("k", "count")) == (1e6, None, 1e3)


def test_every_unit_is_read_as_it_is_written():
    for quantity, units in UNITS.items():
        assert {unit: factor_of(unit, quantity) for unit in units} == units


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 2GB", "nan", "1GB2", "1,5GB"])
def test_what_is_no_quantity(text):
    assert read_quantity(text, "bytes") is None
