import pytest

from cnnprof.cli.quantities import parse_part, parse_seconds
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
