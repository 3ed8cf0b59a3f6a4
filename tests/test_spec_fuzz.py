"""No text makes the reader raise anything but a CnnprofError, and none takes long."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import ODD, PIECES, SPECS, survive

from cnnprof.spec.expressions import compile_expression
from cnnprof.spec.literals import read_literal
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import Budget, Scope
from cnnprof.spec.values import Tensor, show

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def changed_specs(draw: st.DrawFn) -> str:
    """A spec with a few pieces left out, repeated, exchanged or put in."""
    text = draw(st.sampled_from(SPECS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 5, 20])))
        piece = draw(st.sampled_from(PIECES) | st.sampled_from(ODD) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@quick
@given(changed_specs())
def test_changed_specs(text: str) -> None:
    survive(text)


@quick
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    survive(text)


@quick
@given(st.lists(st.sampled_from(PIECES) | st.sampled_from(ODD), max_size=30))
def test_any_step(pieces: list[str]) -> None:
    survive(
        "input: 3x16x16\nsettings: {w: 8, k: 3}\nblocks:\n  unit(w, s=1): conv 3x3 w s=s bn relu\nlayers:\n  - "
        + " ".join(pieces)
    )


SCOPE = {"w": 64, "width": 0.5, "flag": True, "text": "basic", "depths": (3, 4, 6), "x": Tensor(1, (1, 8, 6, 4)), "empty": None}
NAMES = [*SCOPE, "C", "H", "x.C", "max", "range", "zip", "len", "make_divisible", "sqrt", "round", "int", "sum", "enumerate"]
SIGNS = [
    *"+-*/%()[],.:<>=!~|&^@",
    "**",
    "//",
    "==",
    "!=",
    "<=",
    " and ",
    " or ",
    " not ",
    " in ",
    " if ",
    " else ",
    "'",
    "\\",
    " ",
]
NUMBERS = ["0", "1", "2", "64", "0.5", "1e9", "10**9", "2147483648", "1e308", "-1", "9" * 30, "1j", "0x10", "1_0"]


@settings(max_examples=1000)
@given(st.lists(st.sampled_from(NAMES) | st.sampled_from(SIGNS) | st.sampled_from(NUMBERS), max_size=20))
def test_any_expression(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        value = compile_expression(text)(Scope(SCOPE, Tensor(0, (1, 3, 32, 32)), Budget(10_000)))
    except ExpressionError as error:
        start, end, value = error.start, error.end, None
    else:
        start = end = 0
    assert 0 <= start <= end <= max(1, len(text))
    assert len(show(value)) <= 60


@quick
@given(st.text(max_size=50) | st.lists(st.sampled_from(NAMES + SIGNS + NUMBERS), max_size=10).map("".join))
def test_any_setting(text: str) -> None:
    try:
        value = read_literal(text)
    except ExpressionError as error:
        value = error.message
    assert isinstance(value, (int, float, bool, str, tuple, type(None)))


LINES = "input: 3x8x8\nlayers:\n"


@pytest.mark.parametrize(
    "text",
    [
        LINES + "  - relu\n" * 25_000,
        "input: 3x8x8\nlayers: [" + "relu, " * 40_000 + "relu]",
        "input: 3x8x8\nlayers: " + "[" * 200_000,
        "input: 3x8x8\nlayers: " + "{a: " * 60_000,
        "input: 3x8x8\nlayers: " + "- " * 100_000,
        LINES + "  - " + "relu if C == 1 else " * 12_000 + "relu",
        LINES + "  - " + "relu if C == 1 else " * 99 + "relu",
        LINES + "  - '" + "(" * 1900 + "'",
        LINES + "  - let a = 1" + " " * 1900 + "x",
        "input: 3x8x8\nsettings: {a: " + "1" * 250_000 + "x}\nlayers: relu",
        "input: 3x8x8\nsettings: {a: " + "1" * 250_000 + "}\nlayers: relu",
        "input: 3x8x8\nsettings: {" + ", ".join(f"a{i}: 1" for i in range(20_000)) + "}\nlayers: fc a_1",
        "input: 3x8x8\nvariants: {" + ", ".join(f"a{i}: " for i in range(20_000)) + "}\nlayers: relu",
        "input: 3x8x8\npublished: {params: " + "9" * 250_000 + "}\nlayers: relu",
        "input: 3x8x8\ntables:\n  t: |\n    " + " ".join(f"a{i}" for i in range(30_000)) + "\nlayers: relu",
        "input: 3x8x8\nblocks:\n  ? a(" + ",".join(f"a{i}" for i in range(30_000)) + ")\n  : relu\nlayers: relu",
        "x" * 250_000,
        "input: 3x8x8\n" + "x" * 250_000 + ": 1\nlayers: relu",
        '"' + "\\x41" * 60_000 + '": 1',
        LINES + "  - {repeat: 1000000, do: let b = " + "+".join(["sum(range(4000))"] * 15) + "}",
    ],
    ids=lambda text: text[:40].replace("\n", " ") + f"...{len(text)}",
)
def test_large_texts_take_no_long_time(text: str) -> None:
    survive(text)
