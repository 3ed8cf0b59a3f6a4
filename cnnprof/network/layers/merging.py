"""Layers that join branches."""

from __future__ import annotations

from typing import ClassVar

from cnnprof.footprint.execution import Execution, Saved
from cnnprof.network.dims import Dim, Shape, prod, reaches, same
from cnnprof.network.layers.base import Layer, Ops, ShapeError, describe, elements, layer
from cnnprof.network.layers.linear import broadcast
from cnnprof.record import record


@record
class Join(Layer):
    """An operation on two or more tensors, element by element, with broadcasting; `inplace` writes into the first."""

    arity: ClassVar[int | None] = None
    elementwise = True

    inplace: bool = False

    @property
    def writes(self) -> bool:
        return not self.inplace

    def shape(self, *inputs: Shape) -> Shape:
        joined = broadcast(*inputs)
        if self.inplace and not (len(joined) == len(inputs[0]) and all(map(same, joined, inputs[0]))):
            raise ShapeError(f"cannot write {describe(joined)} into its first branch of {describe(inputs[0])}")
        return joined

    def workspace(self, *inputs: Shape, output: Shape, run: Execution) -> Dim:
        # They are joined two by two, and the result so far stands beside the next one.
        return run.element_bytes * elements(output) if len(inputs) > 2 and not self.inplace else 0

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((2, n, n, 3), (2, n, 1, 1), (2, n, n, 3))


@layer
class Add(Join):
    """The sum of the branches."""

    @property
    def gradient(self) -> str:
        return "same"

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(add=(len(inputs) - 1) * elements(output))


@layer
class Mean(Join):
    """The mean of the branches."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size = elements(output)
        return Ops(add=(len(inputs) - 1) * size, div=size)


@layer
class Mul(Join):
    """The product of the branches; squeeze-and-excitation scales with it."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(mul=(len(inputs) - 1) * elements(output))

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        copies = len(inputs) - 2 + int(self.inplace)
        return Saved(tuple(range(int(self.inplace), len(inputs))), extra=copies * run.element_bytes * elements(output))

    def backward_workspace(self, *inputs: Shape, output: Shape, run: Execution, further: bool, learned: bool) -> Dim:
        # The gradient of a smaller input is computed at full size and then summed.
        whole = prod(reaches(elements(shape), elements(output)) for shape in inputs)
        return run.element_bytes * elements(output) * (1 - whole)


@layer
class Max(Join):
    """The largest of the branches (maxout)."""

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(cmp=(len(inputs) - 1) * elements(output))

    def backward_workspace(self, *inputs: Shape, output: Shape, run: Execution, further: bool, learned: bool) -> Dim:
        # Half of the gradient for each, and where they are equal and where less.
        return (run.element_bytes + 2) * elements(output)

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        return Saved(tuple(range(len(inputs))), extra=(len(inputs) - 2) * run.element_bytes * elements(output))


@layer
@record
class Concat(Layer):
    """The branches one after the other along an axis (torch.cat)."""

    arity: ClassVar[int | None] = None

    dim: int = 1

    @property
    def gradient(self) -> str:
        return "part"

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
