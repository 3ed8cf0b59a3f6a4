"""An array of design points that a network is built for in one go, as long as one network serves all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnprof.network.dims import Split

LARGEST = 2**53
"""No product of two arrays is larger: thousands of them still have their sum in 64 bits."""


class Entries(np.ndarray):
    """One number for each design point.

    A condition on it is true or false if it is that for every point, and raises `Split` otherwise; so does taking it for one
    number where the points have different ones. A product that might not fit into 64 bits is an OverflowError.
    """

    splits = True
    most: float
    """No number in it is larger, by size; there once a product has asked."""

    def one(self) -> Any:
        """The number that all points have."""
        values = np.asarray(self)
        first = values.flat[0]
        if (values == first).all():
            return first.item()
        raise Split(values)

    def __bool__(self) -> bool:
        truth = np.asarray(self) != 0
        if truth.all():
            return True
        if truth.any():
            raise Split(truth)
        return False

    def __int__(self) -> int:
        return int(self.one())

    def __index__(self) -> int:
        return int(self.one().__index__())

    def __float__(self) -> float:
        return float(self.one())

    def __str__(self) -> str:
        return str(np.asarray(self).flat[0])

    def __format__(self, how: str) -> str:
        return format(np.asarray(self).flat[0].item(), how)

    def __mul__(self, other: Any) -> Any:
        if type(other) is int and other == 1:
            return self
        # A network's layers ask for the same products again and again: of a map's sides, of its size and a number's bytes.
        key = other if type(other) is int else (id(other),)
        kept = self.__dict__.setdefault("products", {})
        if key not in kept:
            kept[key] = other, self._times(other)
        return kept[key][1]

    __rmul__ = __mul__

    def _times(self, other: Any) -> Any:
        if self.dtype.kind != "i":
            return np.multiply(self, other)
        most = _bound(self) * _bound(other)
        if most > LARGEST:
            most = _largest(self) * _largest(other)
            if most > LARGEST:
                raise OverflowError("a product is too large for a whole number of 64 bits")
        return _bounded(np.multiply(self, other), most)

    def __add__(self, other: Any) -> Any:
        return self if type(other) is int and other == 0 else self._sum(np.add, self, other)

    __radd__ = __iadd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self if type(other) is int and other == 0 else self._sum(np.subtract, self, other)

    __isub__ = __sub__

    def __rsub__(self, other: Any) -> Any:
        return self._sum(np.subtract, other, self)

    def _sum(self, how: Any, one: Any, other: Any) -> Any:
        found = how(one, other)
        a, b = _known_bound(one), _known_bound(other)
        return found if a is None or b is None else _bounded(found, a + b)


def _known_bound(value: Any) -> float | None:
    """A bound of the numbers in it, by size, where one is known without looking at all of them."""
    return abs(value) if type(value) is int else getattr(value, "most", None)


def _bounded(found: Any, most: float) -> Any:
    """The result with what no number in it is larger than, if it holds whole numbers."""
    if found.dtype.kind == "i":
        found.most = most
    return found


def _bound(value: Any) -> float:
    """No number in it is larger, by size; of a product, what those of its factors say."""
    most = getattr(value, "most", None)
    return _largest(value) if most is None else most


def _largest(value: Any) -> float:
    """The largest number in it, by size."""
    if not isinstance(value, np.ndarray):
        return abs(value)  # type: ignore[no-any-return]
    if value.dtype.kind not in "iu":
        return 0.0
    most = max(int(value.max()), -int(value.min()))
    if isinstance(value, Entries):
        value.most = most
    return most


def entries(values: Any) -> Any:
    """The values as an array of design points, or as one number if all are equal."""
    array = np.asarray(values)
    first = array.flat[0]
    return first.item() if (array == first).all() else array.view(Entries)
