"""Activations, element by element, and softmax. Each function's operations are those of its defining formula."""

from __future__ import annotations

from typing import ClassVar, Literal

from cnnprof.network.dims import Dim, Shape, same
from cnnprof.network.layers.base import AlongAxis, Layer, Ops, ShapeError, describe, elements, layer, per_element
from cnnprof.record import record


@record
class Activation(Layer):
    """A function of each element; `inplace` writes over the input, as behind a layer on the same line of a spec.

    `has_inplace` is False where torch has no such form, and a tensor of its own is written all the same.
    """

    costs: ClassVar[dict[str, int]]
    has_inplace: ClassVar[bool] = True

    inplace: bool = False

    @property
    def writes(self) -> bool:
        return not (self.inplace and self.has_inplace)

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, **self.costs)


@layer
class ReLU(Activation):
    """max(0, x)."""

    costs = {"cmp": 1}


@layer
class ReLU6(Activation):
    """min(max(0, x), 6)."""

    costs = {"cmp": 2}


@layer
class LeakyReLU(Activation):
    """x if x > 0 else slope x."""

    costs = {"cmp": 1, "mul": 1}

    negative_slope: float = 0.01


@layer
class PReLU(Activation):
    """x if x > 0 else a x, with `a` learned for each channel, or one for all (`single`)."""

    costs = {"cmp": 1, "mul": 1}
    has_inplace = False

    single: bool = False

    def params(self, *inputs: Shape) -> Dim:
        return 1 if self.single else inputs[0][1]


@layer
class ELU(Activation):
    """x if x > 0 else alpha (exp(x) - 1)."""

    costs = {"cmp": 1, "exp": 1, "add": 1, "mul": 1}

    alpha: float = 1.0


@layer
class SELU(Activation):
    """1.0507 times x if x > 0 else 1.6733 (exp(x) - 1) (Klambauer et al. 2017, eq. 2)."""

    costs = {"cmp": 1, "exp": 1, "add": 1, "mul": 2}


@layer
class CELU(Activation):
    """x if x > 0 else alpha (exp(x / alpha) - 1) (Barron 2017)."""

    costs = {"cmp": 1, "div": 1, "exp": 1, "add": 1, "mul": 1}

    alpha: float = 1.0


@layer
class Hardtanh(Activation):
    """min(max(low, x), high) (torch.nn.Hardtanh)."""

    costs = {"cmp": 2}

    low: float = -1.0
    high: float = 1.0


@layer
class GLU(Layer):
    """The first half of the channels times the sigmoid of the second (Dauphin et al. 2017; torch.nn.GLU)."""

    dim: int = 1

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if not -len(x) <= self.dim < len(x) or not same(x[self.dim] % 2, 0):
            raise ShapeError(f"halves the channels, and its input has the shape {describe(x)}")
        axis = self.dim % len(x)
        return (*x[:axis], x[axis] // 2, *x[axis + 1 :])

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return per_element(output, exp=1, add=1, div=1, mul=1)


@layer
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    costs = {"exp": 1, "add": 1, "div": 1}


@layer
class Tanh(Activation):
    """(exp(2x) - 1) / (exp(2x) + 1)."""

    costs = {"mul": 1, "exp": 1, "add": 2, "div": 1}


@layer
class SiLU(Activation):
    """x / (1 + exp(-x)), also called swish."""

    costs = {"exp": 1, "add": 1, "div": 1}


@layer
class GELU(Activation):
    """x/2 (1 + erf(x / sqrt 2)), or its tanh approximation."""

    costs = {"mul": 3, "exp": 1, "add": 1}
    has_inplace = False

    approximate: Literal["none", "tanh"] = "none"


@layer
class Softplus(Activation):
    """log(1 + exp(x))."""

    costs = {"exp": 2, "add": 1}
    has_inplace = False


@layer
class Mish(Activation):
    """x tanh(log(1 + exp(x)))."""

    costs = {"exp": 3, "add": 3, "div": 1, "mul": 2}


@layer
class Hardsigmoid(Activation):
    """min(max(0, x + 3), 6) / 6."""

    costs = {"add": 1, "cmp": 2, "div": 1}


@layer
class Hardswish(Activation):
    """x min(max(0, x + 3), 6) / 6."""

    costs = {"add": 1, "cmp": 2, "mul": 1, "div": 1}


@layer
class Softmax(AlongAxis):
    """exp(x_i - max x) / sum exp(x_j - max x) along an axis."""

    log: bool = False

    @property
    def type(self) -> str:
        return "LogSoftmax" if self.log else "Softmax"

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size, vectors = elements(output), self.vectors(output)
        # The logarithm turns the division of each element into a subtraction and costs one log a vector.
        last = Ops(add=size, exp=vectors) if self.log else Ops(div=size)
        return Ops(cmp=size - vectors, add=2 * size - vectors, exp=size) + last
