"""The functions that an expression may call. Each checks its arguments and bounds a list before it is built."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

from cnnprof.network.dims import maximum, minimum, one
from cnnprof.spec.entrywise import each, nearest, trunc, where
from cnnprof.spec.values import MAX_ENTRIES, Value, describe_kind, is_integer, is_number


class FunctionError(Exception):
    """The arguments do not fit; the message goes on from the function's name, and the evaluator adds the place."""


class Function(NamedTuple):
    """A function with its signature, as a message shows it, and how many arguments it takes."""

    signature: str
    fewest: int
    most: int
    call: Callable[..., Value]


def make_divisible(value: Value, divisor: Value = 8, least: Value = None) -> Value:
    """The multiple of `divisor` nearest to `value`, not below `least` and not more than a tenth below `value`.

    As in the MobileNet authors' and torchvision's code (`_make_divisible`).
    """
    _numbers(value, divisor, *([] if least is None else [least]))
    if value <= 0:
        raise FunctionError(f"takes a number above 0, not {value:g}")
    if divisor <= 0:
        raise FunctionError("takes a divisor above 0")
    rounded = maximum(divisor if least is None else least, trunc(value + divisor / 2) // divisor * divisor)
    return where(rounded < 0.9 * value, rounded + divisor, rounded)


def _numbers(*values: Value) -> None:
    for value in values:
        if not is_number(value):
            raise FunctionError(f"takes numbers, not {describe_kind(value)}")


def _lists(*values: Value) -> None:
    for value in values:
        if not isinstance(value, tuple):
            raise FunctionError(f"takes lists, not {describe_kind(value)}")


def _int(value: Value) -> Value:
    _numbers(value)
    return trunc(value)


def _round(value: Value, digits: Value = None) -> Value:
    _numbers(value)
    if digits is not None and not (is_integer(digits) and abs(digits) <= 15):
        raise FunctionError(f"rounds to a whole number of digits, not {describe_kind(digits)}")
    return nearest(value) if digits is None else each(round, value, digits)


def _ceil(value: Value) -> Value:
    _numbers(value)
    return each(math.ceil, value)


def _floor(value: Value) -> Value:
    _numbers(value)
    return each(math.floor, value)


def _abs(value: Value) -> Value:
    _numbers(value)
    return abs(value)


def _sqrt(value: Value) -> Value:
    _numbers(value)
    if value < 0:
        raise FunctionError(f"takes no negative number, such as {value}")
    return each(math.sqrt, value)


def _log(value: Value, base: Value = math.e) -> Value:
    _numbers(value, base)
    if value <= 0:
        raise FunctionError(f"takes a number above 0, not {value}")
    if base <= 0 or base == 1:
        raise FunctionError(f"takes a base above 0 that is not 1, and this one is {base}")
    return each(math.log, value, base)


def _extreme(larger: Callable[[Value, Value], Value]) -> Callable[..., Value]:
    def call(*values: Value) -> Value:
        entries = values[0] if len(values) == 1 and isinstance(values[0], tuple) else values
        if not entries:
            raise FunctionError("takes a list with an entry")
        _numbers(*entries)
        return reduce(larger, entries)

    return call


def _sum(values: Value) -> Value:
    _lists(values)
    _numbers(*values)
    return sum(values)


def _len(values: Value) -> Value:
    _lists(values)
    return len(values)


def _range(*given: Value) -> Value:
    bounds = [one(bound) for bound in given]
    for bound in bounds:
        if not is_integer(bound):
            raise FunctionError(f"takes whole numbers, not {describe_kind(bound)}")
    if len(bounds) == 3 and bounds[2] == 0:
        raise FunctionError("takes a step that is not 0")
    span = range(*bounds)
    if len(span) > MAX_ENTRIES:
        raise FunctionError(f"would have {len(span):,} entries, and a list has at most {MAX_ENTRIES:,}")
    return tuple(span)


def _zip(*lists: Value) -> Value:
    _lists(*lists)
    lengths = {len(entries) for entries in lists}
    if len(lengths) > 1:
        raise FunctionError("takes lists of one length, not of " + " and ".join(str(len(entries)) for entries in lists))
    return tuple(zip(*lists, strict=True))


def _enumerate(values: Value, start: Value = 0) -> Value:
    _lists(values)
    start = one(start)
    if not is_integer(start):
        raise FunctionError(f"counts from a whole number, not {describe_kind(start)}")
    return tuple(enumerate(values, start))


FUNCTIONS: dict[str, Function] = {
    "int": Function("int(x)", 1, 1, _int),
    "round": Function("round(x, digits)", 1, 2, _round),
    "ceil": Function("ceil(x)", 1, 1, _ceil),
    "floor": Function("floor(x)", 1, 1, _floor),
    "min": Function("min(a, b, ...)", 1, 99, _extreme(minimum)),
    "max": Function("max(a, b, ...)", 1, 99, _extreme(maximum)),
    "abs": Function("abs(x)", 1, 1, _abs),
    "sum": Function("sum(list)", 1, 1, _sum),
    "len": Function("len(list)", 1, 1, _len),
    "range": Function("range(start, stop, step)", 1, 3, _range),
    "zip": Function("zip(a, b, ...)", 1, 99, _zip),
    "enumerate": Function("enumerate(list, start)", 1, 2, _enumerate),
    "sqrt": Function("sqrt(x)", 1, 1, _sqrt),
    "log": Function("log(x, base)", 1, 2, _log),
    "make_divisible": Function("make_divisible(x, divisor, least)", 1, 3, make_divisible),
}
