"""Arithmetic on single tensors that captured models contain and specs do not need."""

from __future__ import annotations

from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers.base import Layer, MayWriteOver, OpKind, Ops, TorchOperation, Window, elements, layer, per_element
from cnnprof.network.layers.linear import broadcast


@layer
class Arithmetic(MayWriteOver):
    """A function of each element: of one tensor, of a tensor and the number `value`, or of several tensors with broadcasting.

    `op` is torch's name; an element takes `count` operations of the `Ops` kind `kind`.
    """

    op: str
    kind: OpKind
    value: float | None = None
    count: int = 1
    inplace: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        return broadcast(*inputs)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, **{self.kind: self.count})

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("div", "div"), ((2, n, n, n), (2, n, 1, 1))


@layer
class Reduce(TorchOperation):
    """Over axes: `op` is `sum`, `mean`, `amax`, `amin`, `norm` (L2), `var` or `std` (torch.mean and the like).

    `max` and `min` also say where they are, along one axis (torch.max with `dim`).
    """

    op: str
    dims: tuple[int, ...]
    keepdim: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        gone = {dim % len(x) for dim in self.dims}
        return tuple(1 if i in gone else size for i, size in enumerate(x) if self.keepdim or i not in gone)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size, results = elements(inputs[0]), elements(output)
        steps = size - results
        if self.op in ("amax", "amin", "max", "min"):
            return Ops(cmp=steps)
        if self.op == "norm":
            return Ops(mul=size, add=steps, exp=results)
        if self.op in ("var", "std"):
            # The mean, the squared distances from it, and their mean.
            return Ops(add=2 * steps + size, mul=size, div=2 * results, exp=results * int(self.op == "std"))
        return Ops(add=steps, div=results * int(self.op == "mean"))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        (x,) = inputs
        spatial = tuple(range(2, len(x)))
        return tuple(Window(size) for size in x[2:]) if {dim % len(x) for dim in self.dims} == {*spatial} else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("mean", (-2, -1)), ((2, n, n, 3),)
