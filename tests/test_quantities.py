import pytest

from cnnprof.cli.quantities import parse_part, parse_rate, parse_seconds
from cnnprof.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("60", 60), ("2m", 120), ("1.5 h", 5400), ("500ms", 0.5), (" .5min ", 30), (None, None)]
)
def test_times(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "0s", "60x", "1e3", "1s2", "9" * 400])
def test_what_is_no_time(text):
    with pytest.raises(UsageError, match="is not a time"):
        parse_seconds(text)


@pytest.mark.parametrize(("text", "part"), [("1%", 0.01), ("0.01", 0.01), ("50 %", 0.5), (".5%", 0.005), (None, None)])
def test_parts(text, part):
    assert parse_part(text) == pytest.approx(part) if part else parse_part(text) is None


@pytest.mark.parametrize("text", ["", "%", "0%", "-1%", "51%", "1", "1s"])
def test_what_is_no_part(text):
    with pytest.raises(UsageError, match="is not a precision"):
        parse_part(text)


@pytest.mark.parametrize(
    ("text", "quantity", "rate"),
    [
        ("472GFLOPS", "arithmetic", 472e9),
        ("1.5 PFLOP/s", "arithmetic", 1.5e15),
        ("1_200 mflops", "arithmetic", 1.2e9),
        ("25.6GB/s", "bandwidth", 25.6e9),
        ("819 gb/s", "bandwidth", 819e9),
        (".9TBps", "bandwidth", 0.9e12),
    ],
)
def test_rates(text, quantity, rate):
    assert parse_rate(text, quantity) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "0GFLOPS", "-3GFLOPS", "nanGFLOPS", "25GB/s", "9" * 400 + "GFLOPS", "4,5GFLOPS"])
def test_what_is_no_rate(text):
    with pytest.raises(UsageError, match="is no rate"):
        parse_rate(text, "arithmetic")


@pytest.mark.parametrize(("text", "bytes_"), [("68Gb/s", "8.5"), ("3200 Mbps", "0.4"), ("1 tbits/s", "125")])
def test_bits_are_not_taken_for_bytes(text, bytes_):
    with pytest.raises(UsageError, match="is in bits a second") as refused:
        parse_rate(text, "bandwidth")
    assert refused.value.hint == f"in bytes it is {bytes_}GB/s"
