"""The few functions that are legal on a dimension.

A dimension is an `int`, a numpy `int64` array (a whole design space at once) or a sympy expression (a formula). Layer rules use
`+ - * //`, `sum` and what stands here, and nothing else, so that one rule serves all three. numpy and sympy are never imported:
the method is chosen by what the argument itself offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from operator import itemgetter
from sys import modules
from typing import Any, TypeAlias

Dim: TypeAlias = Any
"""`int`, numpy int64 array or sympy expression; mypy has no common type for the three."""

Shape: TypeAlias = tuple[Dim, ...]
"""The size of a tensor, batch first: (N, C, H, W)."""

MEMOIZED = 4096

FEW = 24
"""Fewer design points are worked out one by one."""

RECENT = 160
"""Results for arrays that `lift` keeps."""


class Split(Exception):  # noqa: N818 - it is no error
    """Several design points that were built in one need different networks.

    `labels` is an array: the points that share a label there can go on together.
    """

    def __init__(self, labels: Any) -> None:
        super().__init__("design points need different networks")
        self.labels = labels


def known(value: Dim) -> bool:
    """Whether `value` can be checked: a plain number, or an array of design points that raises `Split` where they differ."""
    return isinstance(value, int) or hasattr(value, "splits")


def is_array(value: Dim) -> bool:
    """Whether `value` is a numpy array."""
    return type(value).__module__ == "numpy" or hasattr(value, "splits")


def always(condition: Any) -> bool:
    """Whether a comparison holds: for an array in every entry, and for one of design points in all or in none of them."""
    return bool(condition.all()) if is_array(condition) and not hasattr(condition, "splits") else bool(condition)


def one(value: Any) -> Any:
    """The value; of an array of design points the number that all of them have. Raises Split where they differ."""
    return value.one() if hasattr(value, "splits") else value


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
    """The largest of the values, entry by entry; 0 for none. Arrays are compared as they come, and none of them is kept."""
    rest = iter(values)
    largest = next(rest, 0)
    for value in rest:
        if isinstance(value, int) and isinstance(largest, int):
            largest = max(largest, value)
        elif is_array(value) or is_array(largest):
            largest = modules["numpy"].maximum(largest, value)
        else:
            # To compare every two of hundreds of terms takes seconds; unevaluated, they are compared when symbols get values.
            return modules["sympy"].Max(*dict.fromkeys([largest, value, *rest]), evaluate=False)
    return largest


def greater_equal(a: Dim, b: Dim) -> Dim:
    """1 where `a` is at least `b`, and 0 elsewhere: a condition that arrays and symbols can carry on."""
    if is_array(a) or is_array(b):
        return (a >= b) * 1
    if known(a) and known(b):
        return int(a >= b)
    return modules["sympy"].Piecewise((1, a >= b), (0, True))


def where(condition: Dim, then: Dim, otherwise: Dim) -> Dim:
    """`then` where the condition is 1, `otherwise` where it is 0."""
    if isinstance(condition, int):
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
        if isinstance(result, int):
            if len(kept) >= MEMOIZED:
                kept.clear()
            kept[args] = result
        return result

    return call


def lift(function: Callable[..., int]) -> Callable[..., Dim]:
    """The function of whole numbers, for arrays entry by entry, and for symbols as soon as they get values.

    Dimensions may stand anywhere in its arguments' tuples. What it gives for numbers is kept, as by `memoize`.
    """

    recent: dict[Any, Any] = {}

    @memoize
    @wraps(function)
    def call(*args: Any) -> Dim:
        open_ones = [*_leaves(args)]
        if not open_ones:
            return function(*args)
        if any(is_array(leaf) for leaf in open_ones):
            # A network has many layers alike.
            key = _key(args)
            if key not in recent:
                if len(recent) >= RECENT:
                    recent.pop(next(iter(recent)))
                recent[key] = _once_an_entry(function, args, open_ones)
            return recent[key]
        sympy = modules["sympy"]

        def evaluate(_: type, *values: Any) -> Any:
            if all(value.is_Integer for value in values):
                return sympy.Integer(call(*_filled(args, iter([int(value) for value in values]))))
            return None

        body = {"eval": classmethod(evaluate), "is_integer": True, "is_nonnegative": True}
        return type(function.__name__, (sympy.Function,), body)(*open_ones)

    return call


def _once_an_entry(function: Callable[..., int], args: tuple[Any, ...], arrays: list[Any]) -> Dim:
    """The function for the arrays' entries, called once for each combination of numbers that there is."""
    columns, places = combinations(arrays)
    fill = _filler(args, [*columns]) or (lambda _: args)
    results = _in_parts(lambda entry: function(*fill(entry)), [*columns.values()], type(arrays[0]))
    return results[places].view(type(arrays[0]))


def combinations(arrays: list[Any]) -> tuple[dict[int, Any], Any]:
    """The combinations of numbers that arrays have: a column for each array, by its id, and each entry's row in them."""
    numpy = modules["numpy"]
    distinct = {id(array): array for array in arrays}
    groups: dict[tuple[int, ...], Any] = {}
    for array in distinct.values():
        # Arrays of one shape vary along the same axes, of which there are few combinations.
        table, places = numpy.unique(numpy.asarray(array), return_inverse=True)
        before = groups.get(array.shape, 0)
        codes = before * len(table) + places.reshape(array.shape)
        groups[array.shape] = numpy.unique(codes, return_inverse=True)[1].reshape(array.shape)
    codes, count = 0, 1
    for group in groups.values():
        codes, count = codes * (int(group.max()) + 1) + group, count * (int(group.max()) + 1)
    first, places = _first_places(codes, count)
    columns = {name: numpy.asarray(numpy.broadcast_to(array, codes.shape)).ravel()[first] for name, array in distinct.items()}
    return columns, places


def _first_places(codes: Any, count: int) -> tuple[Any, Any]:
    """Where each code that there is stands first, and for each entry the number of its code among those; codes < count."""
    numpy = modules["numpy"]
    if count > 4 * codes.size:
        _, first, places = numpy.unique(codes, return_index=True, return_inverse=True)
        return first, places.reshape(codes.shape)
    seen = numpy.full(count, -1)
    seen[codes.ravel()[::-1]] = numpy.arange(codes.size)[::-1]
    used = seen >= 0
    return seen[used], (numpy.cumsum(used) - 1)[codes]


def _in_parts(function: Callable[[Any], Any], columns: list[Any], kind: Any) -> Any:
    """The function for each row of the columns: of design points for all at once that its conditions do not tell apart."""
    numpy = modules["numpy"]
    results = numpy.empty(len(columns[0]), dtype=numpy.int64)
    waiting = [numpy.arange(len(results))]
    while waiting:
        rows = waiting.pop()
        some = [column[rows] for column in columns]
        if hasattr(kind, "splits") and len(rows) >= FEW:
            try:
                results[rows] = function([int(each[0]) if (each == each[0]).all() else each.view(kind) for each in some])
            except Split as split:
                _, parts = numpy.unique(numpy.broadcast_to(split.labels, rows.shape), return_inverse=True)
                waiting += [rows[parts == part] for part in range(int(parts.max()) + 1)]
                continue
            except (ArithmeticError, AttributeError, TypeError, ValueError):
                pass  # it takes numbers only
            else:
                continue
        results[rows] = [function(entry) for entry in zip(*(each.tolist() for each in some), strict=True)]
    return results


def _filler(value: Any, order: list[int]) -> Callable[[tuple[int, ...]], Any] | None:
    """A function that puts one number for each array, in the order of ids, into nested tuples; None where there is no array."""
    if is_array(value):
        return itemgetter(order.index(id(value)))
    parts = [_filler(each, order) for each in value] if isinstance(value, tuple) else []
    if not any(parts):
        return None
    make = getattr(type(value), "_make", tuple)
    pairs = list(zip(parts, value, strict=True))
    return lambda entry: make([part(entry) if part else each for part, each in pairs])


def _key(value: Any) -> Any:
    """A key by which nested tuples with arrays are told apart."""
    if isinstance(value, tuple):
        return tuple([_key(each) for each in value])
    return (value.shape, value.dtype.num, value.tobytes()) if is_array(value) else value


def _leaves(values: tuple[Any, ...]) -> Iterator[Any]:
    """The dimensions in nested tuples; what is neither a tuple, an array nor a symbol counts as known."""
    for value in values:
        if type(value) is int:
            continue
        if isinstance(value, tuple):
            yield from _leaves(value)
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
    if type(a) is int and type(b) is int:
        return a == b
    if is_array(a) or is_array(b):
        return always(a == b)
    if known(a) and known(b):
        return bool(a == b)
    difference = a - b
    return bool(difference == 0) if known(difference) else not bool(getattr(difference, "is_nonzero", False))


def at_least(value: Dim, bound: int) -> bool:
    """False if `value` is known to be below `bound` (in any entry of an array)."""
    if type(value) is int:
        return value >= bound
    return always(value >= bound) if known(value) or is_array(value) else True


def _apply(a: Dim, b: Dim, in_numpy: str, in_sympy: str, builtin: Any) -> Dim:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return builtin(a, b)
    library, name = ("numpy", in_numpy) if is_array(a) or is_array(b) else ("sympy", in_sympy)
    return getattr(modules[library], name)(a, b)
