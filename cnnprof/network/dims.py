"""The few functions that are legal on a dimension.

A dimension is an `int`, a numpy `int64` array (a whole design space at once) or a sympy expression (a formula). Layer rules use
`+ - * //`, `sum` and what stands here, and nothing else, so that one rule serves all three. numpy and sympy are never imported:
the method is chosen by what the argument itself offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce, wraps
from sys import modules
from typing import Any, TypeAlias

Dim: TypeAlias = Any
"""`int`, numpy int64 array or sympy expression; mypy has no common type for the three."""

Shape: TypeAlias = tuple[Dim, ...]
"""The size of a tensor, batch first: (N, C, H, W)."""

MEMOIZED = 4096


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
    return _apply(a, b, "maximum", "Max", max)


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of the two, entry by entry."""
    return _apply(a, b, "minimum", "Min", min)


def greatest(values: Iterable[Dim]) -> Dim:
    """The largest of the values, entry by entry; 0 for none."""
    every = list(values)
    if all(known(value) for value in every):
        return max(every, default=0)
    if any(is_array(value) for value in every):
        return reduce(modules["numpy"].maximum, every)
    # To compare every two of hundreds of terms takes seconds; unevaluated, they are compared when the symbols get values.
    return modules["sympy"].Max(*dict.fromkeys(every), evaluate=False)


def greater_equal(a: Dim, b: Dim) -> Dim:
    """1 where `a` is at least `b`, and 0 elsewhere: a condition that arrays and symbols can carry on."""
    if known(a) and known(b):
        return int(a >= b)
    if is_array(a) or is_array(b):
        return (a >= b) * 1
    return modules["sympy"].Piecewise((1, a >= b), (0, True))


def where(condition: Dim, then: Dim, otherwise: Dim) -> Dim:
    """`then` where the condition is 1, `otherwise` where it is 0."""
    if known(condition):
        return then if condition else otherwise
    return condition * then + (1 - condition) * otherwise


def memoize(function: Callable[..., Dim]) -> Callable[..., Dim]:
    """The function with its last few thousand results kept, for networks that repeat their layers.

    Only numbers are kept: an array cannot be looked up, and a symbolic 8 would stand for the number 8.
    """
    kept: dict[tuple[Any, ...], int] = {}

    @wraps(function)
    def call(*args: Any) -> Dim:
        try:
            return kept[args]
        except KeyError:
            result = function(*args)
        except TypeError:
            return function(*args)
        if known(result):
            if len(kept) >= MEMOIZED:
                kept.clear()
            kept[args] = result
        return result

    return call


def lift(function: Callable[..., int]) -> Callable[..., Dim]:
    """The function of whole numbers, for arrays entry by entry, and for symbols as soon as they get values.

    Dimensions may stand anywhere in its arguments' tuples. What it gives for numbers is kept, as by `memoize`.
    """

    @memoize
    @wraps(function)
    def call(*args: Any) -> Dim:
        open_ones = [leaf for leaf in _leaves(args) if not known(leaf)]
        if not open_ones:
            return function(*args)
        if any(is_array(leaf) for leaf in open_ones):
            numpy = modules["numpy"]
            entries = numpy.broadcast(*open_ones)
            results = [call(*_filled(args, iter([int(n) for n in entry]))) for entry in entries]
            return numpy.array(results, dtype=numpy.int64).reshape(entries.shape)
        sympy = modules["sympy"]

        def evaluate(_: type, *values: Any) -> Any:
            if all(value.is_Integer for value in values):
                return sympy.Integer(call(*_filled(args, iter([int(value) for value in values]))))
            return None

        body = {"eval": classmethod(evaluate), "is_integer": True, "is_nonnegative": True}
        return type(function.__name__, (sympy.Function,), body)(*open_ones)

    return call


def _leaves(value: Any) -> Iterator[Any]:
    """The dimensions in nested tuples; what is neither a tuple, an array nor a symbol counts as known."""
    if isinstance(value, tuple):
        for each in value:
            yield from _leaves(each)
    elif is_array(value) or hasattr(value, "free_symbols"):
        yield value


def _filled(value: Any, numbers: Iterator[int]) -> Any:
    """The nested tuples with numbers for the dimensions that `_leaves` gives."""
    if isinstance(value, tuple):
        parts = [_filled(each, numbers) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return next(numbers) if is_array(value) or hasattr(value, "free_symbols") else value


def same(a: Dim, b: Dim) -> bool:
    """False if the two are known to differ (in any entry of an array); a symbol may be anything."""
    if known(a) and known(b):
        return bool(a == b)
    if is_array(a) or is_array(b):
        return bool((a == b).all())
    difference = a - b
    return bool(difference == 0) if known(difference) else not bool(getattr(difference, "is_nonzero", False))


def at_least(value: Dim, bound: int) -> bool:
    """False if `value` is known to be below `bound` (in any entry of an array)."""
    if known(value):
        return bool(value >= bound)
    return not is_array(value) or bool((value >= bound).all())


def _apply(a: Dim, b: Dim, in_numpy: str, in_sympy: str, builtin: Any) -> Dim:
    if known(a) and known(b):
        return builtin(a, b)
    library, name = ("numpy", in_numpy) if is_array(a) or is_array(b) else ("sympy", in_sympy)
    return getattr(modules[library], name)(a, b)
