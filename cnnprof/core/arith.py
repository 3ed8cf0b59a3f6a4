"""The few functions that are legal on a dimension.

A dimension is an `int`, a numpy `int64` array (a whole design space at once) or a sympy expression (a formula). Layer rules use
`+ - * //`, `sum` and what stands here, and nothing else, so that one rule serves all three. numpy and sympy are never imported:
the method is chosen by what the argument itself offers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Dim: TypeAlias = Any
"""`int`, numpy int64 array or sympy expression; mypy has no common type for the three."""

Shape: TypeAlias = tuple[Dim, ...]
"""The size of a tensor, batch first: (N, C, H, W)."""


def known(value: Dim) -> bool:
    """Whether `value` is a plain number, so that it can be checked and printed."""
    return isinstance(value, int)


def is_array(value: Dim) -> bool:
    """Whether `value` is a numpy array."""
    return type(value).__module__ == "numpy"


def prod(values: Iterable[Dim]) -> Dim:
    """The product of the values; 1 for none."""
    result: Dim = 1
    for value in values:
        result = result * value
    return result


def ceil_div(a: Dim, b: Dim) -> Dim:
    """`a / b` rounded up."""
    return -(-a // b)


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger of the two, entry by entry."""
    return _choose(a, b, "maximum", "Max", max)


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of the two, entry by entry."""
    return _choose(a, b, "minimum", "Min", min)


def same(a: Dim, b: Dim) -> bool:
    """False if the two are known to differ (in any entry of an array); a symbol may be anything."""
    if is_array(a) or is_array(b):
        return bool((a == b).all())
    difference = a - b
    return bool(difference == 0) if known(difference) else not bool(getattr(difference, "is_nonzero", False))


def at_least(value: Dim, bound: int) -> bool:
    """False if `value` is known to be below `bound` (in any entry of an array)."""
    if is_array(value):
        return bool((value >= bound).all())
    return not known(value) or value >= bound


def _choose(a: Dim, b: Dim, in_numpy: str, in_sympy: str, builtin: Any) -> Dim:
    from sys import modules

    if known(a) and known(b):
        return builtin(a, b)
    library, name = ("numpy", in_numpy) if is_array(a) or is_array(b) else ("sympy", in_sympy)
    return getattr(modules[library], name)(a, b)
