"""Layers that join branches."""

from __future__ import annotations

from typing import ClassVar

from cnnprof.network.dims import Dim, Shape, same
from cnnprof.network.layers.base import Layer, OpKind, Ops, ShapeError, describe, elements, layer
from cnnprof.network.layers.linear import broadcast
from cnnprof.record import record


@record
class Join(Layer):
    """An operation on two or more tensors, element by element, with broadcasting; `inplace` writes into the first.

    Branches are joined one after the other, as by torch's operators: three in two steps, each of which writes a tensor and
    takes one operation of the `kind` an element.
    """

    arity: ClassVar[int | None] = None
    kind: ClassVar[OpKind]

    inplace: bool = False

    @property
    def writes(self) -> bool:
        return not self.inplace

    def shape(self, *inputs: Shape) -> Shape:
        joined = broadcast(*inputs)
        if self.inplace and not (len(joined) == len(inputs[0]) and all(map(same, joined, inputs[0]))):
            raise ShapeError(f"cannot write {describe(joined)} into its first branch of {describe(inputs[0])}")
        return joined

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(**{self.kind: steps(inputs, output)})

    def written(self, *inputs: Shape, output: Shape) -> Dim:
        return 0 if self.inplace else steps(inputs, output)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((2, n, n, 3), (2, n, 1, 1), (2, n, n, 3))


def steps(inputs: tuple[Shape, ...], output: Shape) -> Dim:
    """Elements of all results on the way: of the first two, of those and the third, to the output; none of a single branch."""
    if len(inputs) < 2:
        return 0
    joined, found = inputs[0], elements(output)
    for shape in inputs[1:-1]:
        joined = broadcast(joined, shape)
        found = found + elements(joined)
    return found


@layer
class Add(Join):
    """The sum of the branches."""

    kind = "add"


@layer
class Mean(Join):
    """The mean of the branches."""

    kind = "add"

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return super().ops(*inputs, output=output) + Ops(div=elements(output) * int(len(inputs) > 1))


@layer
class Mul(Join):
    """The product of the branches; squeeze-and-excitation scales with it."""

    kind = "mul"


@layer
class Max(Join):
    """The largest of the branches (maxout)."""

    kind = "cmp"


@layer
class Concat(Layer):
    """The branches one after the other along an axis (torch.cat)."""

    arity: ClassVar[int | None] = None

    dim: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        axis = self.dim % len(first)
        for other in inputs[1:]:
            if len(other) != len(first) or not all(
                i == axis or same(a, b) for i, (a, b) in enumerate(zip(first, other, strict=True))
            ):
                raise ShapeError("cannot concatenate " + " and ".join(describe(shape) for shape in inputs))
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((2, n, n, n), (2, 2 * n, n, n))
