"""Arithmetic on single tensors that captured models contain and specs do not need."""

from __future__ import annotations

from typing import ClassVar

from cnnprof.footprint.execution import Execution, Saved
from cnnprof.network.dims import Dim, Shape
from cnnprof.network.layers.base import INDEX_BYTES, Layer, Ops, Window, elements, layer, per_element
from cnnprof.network.layers.linear import broadcast
from cnnprof.record import record

_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
"""Operations that give truth values."""

_LINEAR = {"add", "sub", "rsub", "neg", "sign", "round", "floor", "ceil", "trunc"} | _COMPARISONS
"""Operations whose derivative needs neither input nor output."""

_SINGLE_ON_CUDA = {"exp", "expm1", "log", "log2", "log10", "log1p", "reciprocal", "rsqrt", "pow", "softplus"}
"""Operations that autocast computes in fp32 on CUDA (AT_FORALL_FP32 in ATen/autocast_mode.h)."""

_FROM_OUTPUT = {"exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal"}


@layer
@record
class Arithmetic(Layer):
    """A function of each element: of one tensor, of a tensor and the number `value`, or of several tensors with broadcasting.

    `op` is torch's name; an element takes `count` operations of the `Ops` kind `kind`.
    """

    arity: ClassVar[int | None] = None
    elementwise = True

    op: str
    kind: str
    value: float | None = None
    count: int = 1
    inplace: bool = False

    @property
    def type(self) -> str:
        return self.op

    @property
    def autocast(self) -> str:
        return "single on cuda" if self.op in _SINGLE_ON_CUDA else "widest"

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

    def number_bytes(self, run: Execution) -> int:
        return 1 if self.op in _COMPARISONS else run.element_bytes

    def backward_workspace(self, *inputs: Shape, output: Shape, run: Execution, further: bool, learned: bool) -> Dim:
        size = run.element_bytes * elements(output)
        if self.op == "div" and len(inputs) == 2:
            # Three products on the way to the divisor's gradient, the last of which is it where it is no smaller.
            return 3 * size - run.element_bytes * elements(inputs[1])
        if self.op == "pow":
            return 2 * size
        if self.op == "abs":
            return size
        return 2 * elements(output) if self.op == "clamp" and self.count == 2 else 0

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("div", "div"), ((2, n, n, n), (2, n, 1, 1))


@layer
@record
class Reduce(Layer):
    """Over axes: `op` is `sum`, `mean`, `amax`, `amin`, `norm` (L2), `var` or `std` (torch.mean and the like).

    `max` and `min` also say where they are, along one axis (torch.max with `dim`).
    """

    op: str
    dims: tuple[int, ...]
    keepdim: bool = False

    @property
    def type(self) -> str:
        return self.op

    @property
    def autocast(self) -> str:
        return "single on cuda" if self.op in ("sum", "norm") else "widest"

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

    def saved(self, *inputs: Shape, output: Shape, run: Execution) -> Saved:
        if self.op in ("sum", "mean"):
            return Saved()
        if self.op in ("max", "min"):
            return Saved(extra=INDEX_BYTES * elements(output))
        return Saved((0,), output=self.op in ("amax", "amin", "norm", "std"))

    def workspace(self, *inputs: Shape, output: Shape, run: Execution) -> Dim:
        return INDEX_BYTES * elements(output) * int(self.op in ("max", "min"))

    @property
    def gradient(self) -> str:
        return "part" if self.op == "sum" else "new"

    def backward_workspace(self, *inputs: Shape, output: Shape, run: Execution, further: bool, learned: bool) -> Dim:
        # Where the extremes are, as truth values and as numbers, and how many.
        if self.op not in ("amax", "amin"):
            return 0
        return (run.element_bytes + 1) * elements(inputs[0]) + (INDEX_BYTES + run.element_bytes) * elements(output)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        (x,) = inputs
        spatial = tuple(range(2, len(x)))
        return tuple(Window(size) for size in x[2:]) if {dim % len(x) for dim in self.dims} == {*spatial} else None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls("mean", (-2, -1)), ((2, n, n, 3),)
