"""Columns of values beside each other: whether one says what another does, or is a multiple of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cnnprof.spec.folding.outline import Column

_LARGEST_FACTOR = 16
_LARGEST_EXPANSION = 6
_LARGEST_OF_FRACTION = 4


def agree(column: Column, values: Any) -> bool:
    """Whether the two are the same wherever both say anything."""
    return all(a is None or b is None or (a == b and type(a) is type(b)) for a, b in zip(column, values, strict=True))


def ratio(column: Column, values: Any) -> Fraction | None:
    """The factor that makes a column of other values, if it is easy to read."""
    pairs = [(a, b) for a, b in zip(column, values, strict=True) if a is not None and b is not None]
    if not pairs or any(type(b) is not int or not b or not a for a, b in pairs):
        return None
    ratios = {Fraction(a, b) for a, b in pairs}
    if len(ratios) != 1:
        return None
    (found,) = ratios
    above, below = found.numerator, found.denominator
    if above == 1 or below == 1:
        return found if above <= _LARGEST_FACTOR and below <= 4 * _LARGEST_FACTOR else None
    return found if max(above, below) <= _LARGEST_OF_FRACTION else None


def times(factor: Fraction, name: str) -> str:
    """The text of a product, or of a part."""
    above, below = factor.numerator, factor.denominator
    product = name if above == 1 else f"{above}*{name}"
    return product if below == 1 else f"{product}//{below}"


def differ(one: Any, other: Any) -> list[bool | None]:
    """Where the two differ; None where one of them says nothing."""
    return [None if a is None or b is None else a != b for a, b in zip(one, other, strict=True)]


def either(one: list[bool | None], other: list[bool | None]) -> list[bool | None]:
    """Where one of two conditions holds."""
    return [True if True in (a, b) else None if None in (a, b) else False for a, b in zip(one, other, strict=True)]


def expansions(column: Column, channels: Column) -> Column | None:
    """The factors that make numbers of channels; None where one of them is no multiple."""
    pairs = [(a, b) for a, b in zip(column, channels, strict=True) if a is not None]
    if any(type(a) is not int or type(b) is not int or not b or a % b for a, b in pairs):
        return None
    return tuple(a and a // b for a, b in zip(column, channels, strict=True))


def is_expansion(factors: Column, column: Column) -> bool:
    """Whether the factors are fewer numbers than what they make, as in papers' tables; one alone needs no argument."""
    known = {*factors} - {None}
    # Twice the channels is what a stage has more than the one before it, and no expansion.
    return 1 < len(known) < len({*column} - {None}) and 2 not in known and max(known) <= _LARGEST_EXPANSION
