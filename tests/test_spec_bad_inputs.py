"""Inputs, outputs, shared weights, lists and axes that do not fit: each is refused where it stands."""

import pytest
from spec_texts import build

from cnnprof.errors import CnnprofError
from cnnprof.network.analysis import analyze

TWO = """inputs: {left: 3x16x16, right: 3x16x16}
layers:
  - left | conv 3x3 8 -> a
  - right | conv 3x3 8 -> b
  - concat: [a, b]
  - gap | fc 3 -> c
"""


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (TWO + "outputs: [c, x]", 7, 14, "there is no output 'x'"),
        (TWO + "outputs: [c, c]", 7, 14, "the output 'c' stands twice"),
        (TWO + "outputs: {p: c, q: c}", 7, 20, "'q' and 'p' are one output"),
        (TWO + "outputs: [left, c]", 7, 11, "'left' is an input, and no output"),
        (TWO + "outputs: []", 7, 10, "'outputs' names no output"),
        (TWO.replace("right:", "left:"), 1, 25, "the key 'left' stands twice"),
        (TWO.replace("left:", "conv:"), 1, 10, "'conv' cannot name an input: it is a layer"),
        (TWO.replace("right: 3x16x16", "right: 3x8x8"), 5, 5, "cannot concatenate 8x16x16 and 8x8x8"),
        ("input: 3x8x8\nshared:\n  t(): conv 3x3 8\nlayers:\n  - t\n  - t", 6, 5, "those of conv1 do not fit"),
        ("input: 3x8x8\nshared:\n  t(k): conv k=k 3\nlayers:\n  - t 3\n  - t 5", 6, 5, "those of conv1 do not fit"),
        ("input: 3x8x8\nshared:\n  t(): conv 3x3 3 | t\nlayers: t", 3, 21, "t shares its weights and calls itself"),
        ("input: 3x8x8\nshared:\n  a(): b\n  b(): a\nlayers: a", 4, 8, "a shares its weights and calls itself"),
        ("input: 3x8x8\nlayers:\n  - let ys = []\n  - concat: ys", 4, 13, "this list of outputs is empty"),
        ("input: 3x8x8\nlayers: {for: i in range(10000), do: relu}", 2, 20, "range would have 10,000 entries"),
        ("input: 3x16x16\nlayers: conv 3x3x3 8", 2, 14, "the kernel is one number, or a pair of height and width"),
        ("input: 3x16x16\nlayers: maxpool 2x2x2", 2, 17, "the kernel is one number, or a pair of height and width"),
        ("input: 1x800\nlayers: conv 3x3 8", 2, 14, "the kernel is one number, as its input has one spatial axis"),
        ("input: 3x8x8x8\nlayers: conv 3x3 8", 2, 14, "the kernel is one number, or one for each of 3 axes"),
        ("input: 3x8x8x8\nlayers: upsample 2 bicubic", 2, 20, "interpolates images in cubes"),
        ("input: 13\nlayers: conv 3x3 8", 2, 9, "takes channels and 2 spatial axes"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(CnnprofError, match=message) as caught:
        build(text)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (line, column)


def test_a_list_of_one_and_of_a_thousand_is_joined() -> None:
    text = "input: 3x4x4\nlayers:\n  - let ys = []\n  - for: i in range(N)\n    do:\n      - relu -> y\n"
    text += "      - let ys = ys + [y]\n  - concat: ys\n"
    assert analyze(build(text.replace("N", "1"))).costs[-1].output == (1, 3, 4, 4)
    assert analyze(build(text.replace("N", "300"))).costs[-1].output == (1, 900, 4, 4)
