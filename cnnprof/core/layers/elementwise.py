"""Arithmetic on single tensors that captured models contain and specs do not need."""

from __future__ import annotations

from dataclasses import dataclass

from cnnprof.core.arith import Dim, Shape
from cnnprof.core.layers.base import Layer, Ops, Window, elements, layer, per_element


@layer
@dataclass(frozen=True)
class Arithmetic(Layer):
    """One operation with a number, or a function, of each element; `kind` is the `Ops` kind it counts as."""

    op: str
    kind: str
    inplace: bool = False

    @property
    def type(self) -> str:
        return self.op

    @property
    def writes(self) -> bool:
        return not self.inplace

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, **{self.kind: 1})

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("div", "div"), ((2, n, n, n),)


@layer
@dataclass(frozen=True)
class Reduce(Layer):
    """Sum, mean, maximum or norm over axes (torch.mean and the like)."""

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
        steps = elements(inputs[0]) - elements(output)
        if self.op == "max":
            return Ops(cmp=steps)
        return Ops(add=steps, div=elements(output) if self.op == "mean" else 0)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        (x,) = inputs
        spatial = tuple(range(2, len(x)))
        return tuple(Window(size) for size in x[2:]) if {dim % len(x) for dim in self.dims} == {*spatial} else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("mean", (-2, -1)), ((2, n, n, 3),)
