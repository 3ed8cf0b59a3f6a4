"""Comparisons and arithmetic of figures that may not be known, of one row or of whole arrays."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

Truth: TypeAlias = "tuple[Any, Any]"
"""Whether it holds, and whether it does not; where a figure is not known neither. Both are bools or arrays of them."""

NAN = float("nan")


class InList(NamedTuple):
    """A test that looks into a list."""

    test: Callable[[Any, Any], Truth]


def compare(a: Any, b: Any, text: bool, test: Any) -> Truth:
    """The truth of a test between two figures, or two texts; what is not known makes it neither."""
    if isinstance(test, InList):
        return test.test(a, b)
    if not text:
        truth: Truth = test(a, b)
        return truth
    same, known = a == b, there(a, "text") & there(b, "text")
    yes, no = known & same, known & opposite(same)
    return (yes, no) if test is equal else (no, yes)


def there(value: Any, holds: str) -> Any:
    """Whether it is known: not NaN, not None among texts."""
    if holds != "text":
        return value == value
    return value != None if hasattr(value, "dtype") else value is not None  # noqa: E711 - elementwise


def opposite(value: Any) -> Any:
    """The negation of a truth value, or of each of an array."""
    return not value if isinstance(value, bool) else ~value


def equal(a: Any, b: Any) -> Truth:
    """Whether two numbers are equal, and whether they differ; with NaN neither."""
    return a == b, (a < b) | (a > b)


TESTS: dict[type[ast.cmpop], Callable[[Any, Any], Truth]] = {
    ast.Eq: equal,
    ast.NotEq: lambda a, b: equal(a, b)[::-1],
    # A comparison with NaN is false either way.
    ast.Lt: lambda a, b: (a < b, a >= b),
    ast.LtE: lambda a, b: (a <= b, a > b),
    ast.Gt: lambda a, b: (a > b, a <= b),
    ast.GtE: lambda a, b: (a >= b, a < b),
}


def divide(a: Any, b: Any) -> Any:
    """The quotient; by zero it is not known."""
    if getattr(b, "shape", ()):
        divisor = b.astype(float)
        divisor[b == 0] = NAN
        return a / divisor
    return a / b if b else a * NAN


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: divide,
}
