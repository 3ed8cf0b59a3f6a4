"""Linear layers, matrix products and stored tensors."""

from __future__ import annotations

from typing import ClassVar

from cnnprof.network.dims import Dim, Shape, known, prod, same
from cnnprof.network.layers.base import Layer, Ops, ShapeError, Window, check_rank, describe, elements, layer
from cnnprof.record import record


@record
class FullyConnected(Layer):
    """A layer whose every output depends on all features, the last axis of its input."""

    out_features: Dim

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        check_rank(x, 2, "takes a batch of features")
        return (*x[:-1], self.out_features)

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(3 * n), ((2, 5, n),)


@layer
class Linear(FullyConnected):
    """Fully connected layer over the last axis (torch.nn.Linear). Parameters: n_out (n_in + 1), the 1 for a bias."""

    bias: bool = True

    def params(self, *inputs: Shape) -> Dim:
        return self.out_features * (inputs[0][-1] + int(self.bias))

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        size = elements(output)
        return Ops(mac=size * inputs[0][-1], add=size * int(self.bias))


@layer
class RBF(FullyConnected):
    """Squared distance to stored vectors, one an output (LeCun et al. 1998, section II.B: LeNet-5's output layer).

    The vectors are drawn by hand and not learned, so they are no parameters.
    """

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        terms = elements(output) * inputs[0][-1]
        return Ops(add=2 * terms - elements(output), mul=terms)


@layer
class MatMul(Layer):
    """Matrix product over the last two axes, the others broadcast; a vector is one row or one column (torch.matmul).

    Args:
        copied: positions of the inputs that lie so that torch first copies them into a batch of matrices.
    """

    arity: ClassVar[int | None] = 2

    copied: tuple[int, ...] = ()

    def shape(self, *inputs: Shape) -> Shape:
        a, b = inputs
        if not a or not b or not same(a[-1], b[-2:][0]):
            raise ShapeError(f"cannot multiply {describe(a)} with {describe(b)}")
        return (*broadcast(a[:-2], b[:-2]), *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        return Ops(mac=elements(output) * inputs[0][-1])

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((2, 1, n, 3), (2, 4, 3, n + 1))


@layer
class ScaledDotProductAttention(Layer):
    """softmax(Q K^T / sqrt(d) + mask) V (Vaswani et al. 2017, eq. 1; torch.nn.functional.scaled_dot_product_attention).

    Inputs: Q (..., L, d), K (..., S, d), V (..., S, e) and, optionally, an additive mask.

    Args:
        grouped: each head of K and V serves several heads of Q (`enable_gqa`).
    """

    reorders: ClassVar[bool] = True
    arity: ClassVar[int | None] = None

    grouped: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        q, k, v = inputs[:3]
        if not same(q[-1], k[-1]) or not same(k[-2], v[-2]):
            raise ShapeError(f"queries {describe(q)}, keys {describe(k)} and values {describe(v)} do not fit together")
        return (*self._batch(q, k, v), q[-2], v[-1])

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        q, k, v = inputs[:3]
        scores = prod(output[:-1]) * k[-2]
        masked = len(inputs) - 3
        # Scaling, mask and softmax (subtract the maximum, exponentiate, sum, divide) of every score.
        return Ops(mac=scores * (q[-1] + v[-1]), mul=scores, add=scores * (2 + masked), cmp=scores, exp=scores, div=scores)

    def _batch(self, *inputs: Shape) -> Shape:
        q, *others = (x[:-2] for x in inputs)
        return broadcast(q, *((*x[:-1], q[-1]) if self.grouped else x for x in others))

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(), ((2, 3, n, 8), (2, 3, n + 1, 8), (2, 3, n + 1, 4))


@layer
class Parameter(Layer):
    """A learned tensor that is not the weight of another layer: a class token, a position embedding, a scale."""

    arity: ClassVar[int | None] = 0

    size: Shape

    @property
    def writes(self) -> bool:
        return False

    def shape(self, *inputs: Shape) -> Shape:
        return self.size

    def params(self, *inputs: Shape) -> Dim:
        return elements(self.size)

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return None

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls((1, n, 3)), ()


@layer
class Constant(Parameter):
    """A tensor that is not learned: a table of relative positions, an attention mask.

    Args:
        stored: whether the network keeps it; if not, each run makes it anew.
        element_bytes: those of a table of integers or truth values, which no number format changes; 0 for one of numbers.
    """

    stored: bool = True
    element_bytes: int = 0

    def params(self, *inputs: Shape) -> Dim:
        return 0


def broadcast(*shapes: Shape) -> Shape:
    """The common shape under torch's broadcasting rules. Raises ShapeError if there is none."""
    try:
        if len(set(shapes)) == 1:
            return shapes[0]
    except TypeError:
        pass  # arrays of sizes have no hash
    rank = max(len(shape) for shape in shapes)
    result: list[Dim] = []
    for axis in range(-rank, 0):
        sizes = [shape[axis] for shape in shapes if len(shape) >= -axis]
        wide = [size for size in sizes if not is_one(size)] or sizes
        if not all(same(size, wide[0]) for size in wide):
            raise ShapeError("cannot join the shapes " + " and ".join(describe(shape) for shape in shapes))
        result.append(wide[0])
    return tuple(result)


def is_one(size: Dim) -> bool:
    """Whether a dimension is the plain number 1, which broadcasting stretches."""
    return known(size) and bool(size == 1)
