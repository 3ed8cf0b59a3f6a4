"""Expressions on arrays of design points: every entry is, to the last bit, what it is alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnprof.design_space.entries import Entries, entries
from cnnprof.network.dims import Split, one
from cnnprof.spec.expressions import compile_expression
from cnnprof.spec.operators import ExpressionError
from cnnprof.spec.scope import Budget, Scope

EXPRESSIONS = [
    "a + b",
    "a - b * 3",
    "a / b",
    "a // b",
    "a % b",
    "-a",
    "a ** 2",
    "2 ** (a / 7)",
    "a ** b",
    "int(a)",
    "int(a / 3) * 2",
    "round(a)",
    "round(a / 8) * 8",
    "round(a * 1.1, 2)",
    "ceil(a / 3)",
    "floor(b * 0.7)",
    "min(a, b)",
    "max(a, b, 7)",
    "max([a, b])",
    "abs(a - b)",
    "sum([a, b, 2])",
    "sqrt(a)",
    "log(a)",
    "log(a, b)",
    "round(log(a / 3, 2.5))",
    "make_divisible(a)",
    "make_divisible(a * 1.4, 8)",
    "make_divisible(a, 8, 16)",
    "make_divisible(a, b)",
    "a if a > b else b",
    "a / b if b != 0 else a",
    "2 * a if a > 3 and b < 5 else b + 1",
    "a < b < 8",
    "a == b or not a >= 4",
    "[a, b][1]",
    "[4, 5, 6][a]",
    "len(range(a))",
    "sum([1] * a)",
    "a in [1, 2, 3]",
]
WHOLE = st.integers(-3, 70)
NUMBERS = WHOLE | st.floats(-2, 300, allow_nan=False).map(lambda value: round(value, 3)) | st.floats(0.1, 2)


def alone(text: str, a: Any, b: Any) -> Any:
    scope = Scope({"a": a, "b": b}, None, Budget())
    try:
        return compile_expression(text)(scope)
    except ExpressionError as error:
        return error.message.split(",")[0].split(" such as")[0].split(" not ")[0]


def together(text: str, a: list[Any], b: list[Any]) -> list[Any]:
    """The values for all points, divided as often as it takes."""
    try:
        value = alone(text, entries(a), entries(b))
    except Split as split:
        labels = np.broadcast_to(np.asarray(split.labels), len(a))
        result: list[Any] = [None] * len(a)
        for label in dict.fromkeys(labels.tolist()):
            where = np.flatnonzero(labels == label)
            for i, part in zip(where, together(text, [a[i] for i in where], [b[i] for i in where]), strict=True):
                result[i] = part
        return result
    return np.broadcast_to(np.asarray(value), len(a)).tolist()


@given(st.sampled_from(EXPRESSIONS), st.data(), st.sampled_from([WHOLE, st.floats(0.05, 300)]), st.integers(1, 8))
def test_every_entry_is_what_it_is_alone(text, data, kind, count):
    a, b = (data.draw(st.lists(kind, min_size=count, max_size=count)) for _ in "ab")
    assume("range(a)" not in text or max(map(abs, a)) < 100)
    with np.errstate(all="ignore"):
        found = together(text, a, b)
    wanted = [alone(text, x, y) for x, y in zip(a, b, strict=True)]
    assert [str(each) if isinstance(each, str) else each for each in found] == wanted


def test_a_condition_is_the_points_own_only_where_they_agree():
    assert bool(entries([3, 4]) > 2)
    assert not bool(entries([3, 4]) > 5)
    with pytest.raises(Split) as raised:
        bool(entries([3, 4, 5]) > 3)
    assert raised.value.labels.tolist() == [False, True, True]
    with pytest.raises(Split):
        range(entries([1, 2]))
    assert one(np.array([5, 5]).view(Entries)) == 5


def test_a_product_beyond_64_bits_is_an_error_and_no_wrong_number():
    large = entries([2**30, 2**31])
    with pytest.raises(OverflowError):
        large * large
    assert (large * 4).tolist() == [2**32, 2**33]


def test_adding_never_changes_what_was_there():
    start = entries(np.array([1, 2, 3]))
    same, total = start + 0, start * 1
    total += 5
    same -= 2
    assert start.tolist() == [1, 2, 3]
    assert (total.tolist(), same.tolist()) == ([6, 7, 8], [-1, 0, 1])


def test_a_product_that_is_asked_for_again_is_the_same():
    a, b = entries(np.array([[2], [3]])), entries(np.array([[5, 7]]))
    assert (a * b) is (a * b)
    assert (4 * a) is (a * 4)
    assert (a * b).tolist() == [[10, 14], [15, 21]]
    assert (a * 2.5).tolist() == [[5.0], [7.5]]


@given(st.lists(st.integers(-(2**52), 2**52), min_size=2, max_size=4), st.integers(-(2**20), 2**20))
def test_sums_and_products_are_exact_or_refused(values, number):
    array = entries(np.array(values))
    assume(isinstance(array, Entries))
    try:
        shown = array - (array - number) + 3 * array
        product = shown * number
    except OverflowError:
        assert 3 * max(map(abs, values)) * max(1, abs(number)) > 2**53 - 2**21
    else:
        wanted = [value - (value - number) + 3 * value for value in values]
        assert shown.tolist() == wanted
        assert product.tolist() == [each * number for each in wanted]
