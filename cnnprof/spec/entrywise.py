"""Python's functions of numbers for numbers and arrays: each entry gets what it would get alone, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from sys import modules
from typing import Any

from cnnprof.network.dims import Split, is_array

HUGE = 2**62
"""Larger whole numbers are cut to this in arrays; the language has none beyond 2^31."""


def trunc(value: Any) -> Any:
    """`int(value)`."""
    return _whole(value, "trunc") if is_array(value) else int(value)


def nearest(value: Any) -> Any:
    """`round(value)`: to the even one of two that are as near."""
    return _whole(value, "rint") if is_array(value) else round(value)


def as_whole(value: Any) -> Any:
    """A number without a fraction as an int, any other as it is."""
    if is_array(value):
        return trunc(value) if value.dtype.kind == "f" and bool(trunc(value) == value) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_fraction(value: Any) -> bool:
    """Whether a number that `as_whole` gave is no whole one."""
    return isinstance(value, float) or (is_array(value) and value.dtype.kind == "f")


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    """`then if condition else otherwise`, both worked out."""
    if not is_array(condition):
        return then if condition else otherwise
    if _kind(then) != _kind(otherwise):
        raise Split(condition)
    return modules["numpy"].where(condition, then, otherwise).view(type(condition))


def each(function: Callable[..., Any], *values: Any) -> Any:
    """`function(*values)`: of arrays it is called once for each different entry.

    Raises Split where some entries give an error, or a number of another kind; what they raise if all of them do.
    """
    if not any(map(is_array, values)):
        return function(*values)
    numpy = modules["numpy"]
    arrays = numpy.broadcast_arrays(*values)
    kept: dict[tuple[Any, ...], Any] = {}
    results = []
    for entry in zip(*(array.ravel().tolist() for array in arrays), strict=True):
        if entry not in kept:
            try:
                kept[entry] = function(*entry)
            except (ArithmeticError, ValueError, TypeError) as error:
                kept[entry] = error
        results.append(kept[entry])
    kinds = [type(result).__name__ for result in results]
    if len(set(kinds)) > 1:
        raise Split(numpy.array(kinds).reshape(arrays[0].shape))
    if isinstance(results[0], Exception):
        raise results[0]
    if isinstance(results[0], int):
        results = [min(max(result, -HUGE), HUGE) for result in results]
    kind = next(type(value) for value in values if is_array(value))
    return numpy.array(results).reshape(arrays[0].shape).view(kind)


def _kind(value: Any) -> str:
    return str(value.dtype.kind) if is_array(value) else {int: "i", float: "f"}.get(type(value), "")


def _whole(value: Any, how: str) -> Any:
    if value.dtype.kind != "f":
        return value
    numpy = modules["numpy"]
    return numpy.clip(getattr(numpy, how)(value), -HUGE, HUGE).astype("int64").view(type(value))
