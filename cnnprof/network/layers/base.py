"""The base of all layers: hyper-parameters with rules for shape, parameters and operations, found by its class name.

To add a layer type, write one class with `@layer` in the file of its kind, and one function with `@rule` in
`cnnprof/footprint/rules` for what its kernels hold in memory. Its `example` puts both under the test that holds every rule to
one result for ints, arrays and symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, cast

from cnnprof.errors import CnnprofError
from cnnprof.network.dims import Dim, Shape, prod, same
from cnnprof.network.registry import Registry
from cnnprof.record import NOT_FINITE, changed, dataclass_transform, plain, record

OpKind = Literal["mac", "add", "mul", "div", "cmp", "exp"]


@record
class Ops:
    """Arithmetic operations by kind.

    `mac` holds the multiply-accumulates of convolutions, linear layers and matrix products; the other kinds hold what is left:
    biases, normalization, activations, pooling. `cmp` is a comparison (max, clamp), `exp` any transcendental function.
    """

    mac: Dim = 0
    add: Dim = 0
    mul: Dim = 0
    div: Dim = 0
    cmp: Dim = 0
    exp: Dim = 0

    def __add__(self, other: Ops) -> Ops:
        return Ops(
            self.mac + other.mac,
            self.add + other.add,
            self.mul + other.mul,
            self.div + other.div,
            self.cmp + other.cmp,
            self.exp + other.exp,
        )


NO_OPS = Ops()


class Window(NamedTuple):
    """How one output position looks at its input along one axis.

    Position i sees the input from floor((stride i - padding) / per) to floor((stride i - padding + size - 1) / per): `per` is 1
    where the output is no larger than the input, and the factor where it is enlarged.
    """

    size: Dim = 1
    stride: Dim = 1
    padding: Dim = 0
    per: Dim = 1


class ShapeError(CnnprofError):
    """The inputs do not fit the layer; the caller adds the layer's name and place."""


@record
class Layer:
    """A layer's hyper-parameters. Methods take the input shapes, batch first, and use only `network.dims` on dimensions."""

    arity: ClassVar[int | None] = 1
    """How many inputs the layer takes; None for one or more."""

    reorders: ClassVar[bool] = False
    """Whether its output may lie otherwise in memory than in the order of its axes where all inputs lie so."""

    @property
    def type(self) -> str:
        """The name that tables show: torch's."""
        return type(self).__name__

    @property
    def writes(self) -> bool:
        """False if the output lies in the first input's memory (a view, or in place) or is a stored weight."""
        return True

    def shape(self, *inputs: Shape) -> Shape:
        """The output's shape, batch first.

        Args:
            inputs: the shape of each input, (N, C, ...) or (N, tokens, C).

        Returns:
            The shape of the output.

        Raises:
            ShapeError: the inputs are known not to fit.
        """
        return inputs[0]

    def params(self, *inputs: Shape) -> Dim:
        """The learned numbers, weights and biases.

        Args:
            inputs: the shape of each input.

        Returns:
            Their count, whatever format they have.
        """
        return 0

    def ops(self, *inputs: Shape, output: Shape) -> Ops:
        """The arithmetic of one forward pass.

        Args:
            inputs: the shape of each input.
            output: the output's shape.

        Returns:
            Operations by kind, of the whole batch; a multiply-accumulate is one `mac`.
        """
        return NO_OPS

    def written(self, *inputs: Shape, output: Shape) -> Dim:
        """Elements of new memory that a forward pass fills with results.

        Args:
            inputs: the shape of each input.
            output: the shape of the output.

        Returns:
            The output's elements, and those of results on the way; 0 where `writes` is false.
        """
        return elements(output) if self.writes else 0

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        """The positions of the input that one output position sees.

        Args:
            inputs: the shape of each input.

        Returns:
            A Window for each spatial axis; () for the same position only; None where that is not defined.
        """
        return ()

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        """A layer of this type with input shapes, for tests.

        Args:
            n: a multiple of 8, as an int, an array or a symbol.

        Returns:
            The layer, and the shape of each of its inputs.
        """
        return cls(), ((2, n, n, n),)


class Spatial(Layer):
    """A layer of so many spatial axes, after which torch names it: Conv2d, MaxPool3d."""

    sizes: ClassVar[str] = "kernel_size"
    """The field that has an entry for each axis."""

    @property
    def type(self) -> str:
        return f"{type(self).__name__}{len(getattr(self, self.sizes))}d"


class TorchOperation(Layer):
    """A layer that is the torch operation `op`, after which tables name it."""

    op: str

    @property
    def type(self) -> str:
        return self.op


class MayWriteOver(TorchOperation):
    """An operation of one or more tensors; `inplace` says that its result lies in the first one's memory."""

    arity: ClassVar[int | None] = None

    inplace: bool

    @property
    def writes(self) -> bool:
        return not self.inplace


@record
class AlongAxis(Layer):
    """A function of all entries of the axis `dim`, for each of the vectors that lie along it."""

    dim: int = 1

    def vectors(self, output: Shape) -> Dim:
        """How many vectors there are, in an output of the input's shape."""
        return elements(output) // output[self.dim]

    def window(self, *inputs: Shape) -> tuple[Window, ...] | None:
        return () if self.dim == 1 else None


@record
class Grouped(Layer):
    """A layer of `groups` groups of channels, all of one size."""

    least_axes: ClassVar[int] = 2
    hint: ClassVar[str | None] = None
    """Advice where the groups do not divide the channels."""

    groups: Dim

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        if len(x) < self.least_axes or not same(x[1] % self.groups, 0):
            raise ShapeError(f"cannot split {describe(x)} into {self.groups} groups of channels", None, self.hint)
        return x

    @classmethod
    def example(cls, n: Dim) -> tuple[Layer, tuple[Shape, ...]]:
        return cls(4), ((2, n, n, n),)


LAYERS: Registry[type[Layer]] = Registry("layer")
"""Every registered layer class by name."""

L = TypeVar("L", bound="type[Layer]")


@dataclass_transform(frozen_default=True)
def layer(cls: L) -> L:
    """Make a class a frozen record of its hyper-parameters, and register it; a second one of its name raises ValueError."""
    return cast("L", LAYERS.add(record(cls)))


def layer_to_dict(value: Layer) -> dict[str, Any]:
    """The layer as JSON types, without the fields that have their default value."""
    return {"type": type(value).__name__} | {name: plain(given) for name, given in changed(value).items()}


def layer_from_dict(data: Mapping[str, Any]) -> Layer:
    """The layer that `layer_to_dict` wrote. Raises KeyError or TypeError on anything else."""
    return LAYERS[data["type"]](**{key: _field(item) for key, item in data.items() if key != "type"})


def _field(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_field(item) for item in value)
    return NOT_FINITE.get(value, value) if isinstance(value, str) else value


def elements(shape: Shape) -> Dim:
    """How many numbers a tensor of this shape holds."""
    # From the sides on: of arrays, those of the sides are smaller together than with the channels.
    return prod(shape[::-1])


def per_element(output: Shape, **counts: int) -> Ops:
    """So many operations of each kind for every element of the output."""
    size = elements(output)
    return Ops(**{kind: count * size for kind, count in counts.items()})


def check_rank(x: Shape, least: int, says: str) -> None:
    """The input must have so many axes at least, the batch among them; `says` what the layer does with them."""
    if len(x) < least:
        raise ShapeError(f"{says}, and its input has the shape {describe(x)}")


def describe(shape: Shape) -> str:
    """`(1, 64, 56, 56)` as `64x56x56` for a message: the batch says nothing there."""
    return "x".join(str(dim) for dim in shape[1:]) or "a scalar"
