"""Arithmetic on single tensors that captured models contain and specs do not need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnnprof.core.arith import Dim, Shape
from cnnprof.core.execution import Execution, Saved
from cnnprof.core.layers.base import Layer, Ops, Window, elements, layer, per_element
from cnnprof.core.layers.linear import broadcast

_LINEAR = {"add", "sub", "rsub", "neg", "sign", "round", "floor", "ceil", "trunc", "eq", "ne", "lt", "le", "gt", "ge"}
"""Operations whose derivative needs neither input nor output."""

_FROM_OUTPUT = {"exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal"}


@layer
@dataclass(frozen=True)
class Arithmetic(Layer):
    """A function of each element: of one tensor, of a tensor and the number `value`, or of several tensors with broadcasting.

    `op` is torch's name; an element takes `count` operations of the `Ops` kind `kind`.
    """

    arity: ClassVar[int | None] = None

    op: str
    kind: str
    value: float | None = None
    count: int = 1
    inplace: bool = False

    @property
    def type(self) -> str:
        return self.op

    @property
    def writes(self) -> bool:
        return not self.inplace

    def shape(self, *inputs: Shape) -> Shape:
        return broadcast(*inputs)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, **{self.kind: self.count})

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        scaled = self.op in ("mul", "div") and len(inputs) == 1
        if self.op in _LINEAR or scaled:
            return Saved()
        if self.op in _FROM_OUTPUT:
            return Saved(output=True)
        if self.inplace:
            return Saved(tuple(range(1, len(inputs))), extra=run.element_bytes * elements(output))
        return Saved(tuple(range(len(inputs))))

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("div", "div"), ((2, n, n, n), (2, n, 1, 1))


@layer
@dataclass(frozen=True)
class Reduce(Layer):
    """Over axes: `op` is `sum`, `mean`, `amax`, `amin`, `norm` (L2), `var` or `std` (torch.mean and the like)."""

    op: str
    dims: tuple[int, ...]
    keepdim: bool = False

    @property
    def type(self) -> str:
        return self.op

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        gone = {dim % len(x) for dim in self.dims}
        return tuple(1 if i in gone else size for i, size in enumerate(x) if self.keepdim or i not in gone)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size, results = elements(inputs[0]), elements(output)
        steps = size - results
        if self.op in ("amax", "amin"):
            return Ops(cmp=steps)
        if self.op == "norm":
            return Ops(mul=size, add=steps, exp=results)
        if self.op in ("var", "std"):
            # The mean, the squared distances from it, and their mean.
            return Ops(add=2 * steps + size, mul=size, div=2 * results, exp=results * int(self.op == "std"))
        return Ops(add=steps, div=results * int(self.op == "mean"))

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        if self.op in ("sum", "mean"):
            return Saved()
        return Saved((0,), output=self.op in ("amax", "amin", "norm", "std"))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        (x,) = inputs
        spatial = tuple(range(2, len(x)))
        return tuple(Window(size) for size in x[2:]) if {dim % len(x) for dim in self.dims} == {*spatial} else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("mean", (-2, -1)), ((2, n, n, 3),)
