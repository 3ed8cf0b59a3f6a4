"""The table of rows, and what a row gets to see of an operation that torch ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

import torch
from torch import Tensor, nn

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.record import record


class Call:
    """One aten operation that ran: its arguments under the names of its schema, and its result.

    `name` is the operation's name without its overload; `op` is that without the `_` of an in-place form, told by `inplace`.
    `written` are the tensors it writes to in place of new memory, those of `out=` among them; `tensors` are all others.
    """

    def __init__(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> None:
        self.namespace, self.name = func._schema.name.split("::")
        marked = self.name.endswith("_") and not self.name.endswith("__") and isinstance(args[0], Tensor)
        self.op: str = self.name[:-1] if marked else self.name
        self.result = result
        self._schema = func._schema
        self._positions = {argument.name: position for position, argument in enumerate(func._schema.arguments)}
        self._args = args
        self._kwargs = kwargs
        out = [argument.name for argument in func._schema.arguments if argument.is_out]
        self.tensors = [*tensors_in(args), *tensors_in(tuple(kwargs[name] for name in kwargs if name not in out))]
        into = list(tensors_in(tuple(kwargs.get(name) for name in out)))
        self.inplace = marked or bool(into and is_same_view(into[0], args[0]))
        self.written = [args[0]] if self.inplace else into or self._changed()

    def __getitem__(self, name: str) -> Any:
        """The argument of that name, or its default. Raises KeyError if the operation has none of that name."""
        position = self._positions[name]
        if position < len(self._args):
            return self._args[position]
        return self._kwargs.get(name, self._schema.arguments[position].default_value)

    def get(self, name: str) -> Any:
        """The same, None if the operation has no argument of that name."""
        return self[name] if name in self._positions else None

    def _changed(self) -> list[Tensor]:
        """The tensors that an operation without a result writes to."""
        if self.outputs:
            return []
        written = (name for name in self._positions if (alias := self._argument(name).alias_info) and alias.is_write)
        return list(tensors_in(tuple(self[name] for name in written)))

    def _argument(self, name: str) -> Any:
        return self._schema.arguments[self._positions[name]]

    @property
    def arguments(self) -> list[Any]:
        """All arguments, in order."""
        return [*self._args, *self._kwargs.values()]

    @property
    def first(self) -> Any:
        """The first argument: the input, as a rule."""
        return self._args[0]

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors of the result."""
        return list(tensors_in(self.result))

    @property
    def output(self) -> Tensor:
        """The result, or the first of several."""
        return self.outputs[0]

    @property
    def size(self) -> Shape:
        """The output's shape."""
        return tuple(self.output.shape)

    @property
    def moved(self) -> bool:
        """Whether the output lies in memory of its own."""
        return not shares_memory(self.output, self.first)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among an operation's arguments or results; they come in lists and tuples at most."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def storage(tensor: Tensor) -> int:
    """The identity of the tensor's memory, for as long as it lives; a meta tensor has one, too."""
    memory = memory_of(tensor)
    return id(tensor) if memory is tensor else int(memory._cdata)


def memory_of(tensor: Tensor) -> Any:
    """The tensor's storage; the tensor itself where it hides that, as sparse ones and oneDNN's do."""
    return tensor.untyped_storage() if tensor.layout == torch.strided else tensor


def shares_memory(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors look at the same memory."""
    return storage(a) == storage(b)


View = tuple[object, ...]
"""Which memory a tensor looks at, and how."""


def view_of(tensor: Tensor) -> View:
    """The offset, sizes and strides that two tensors share if they look at the same memory in the same way."""
    if tensor.layout != torch.strided:
        return (storage(tensor),)
    return (storage(tensor), tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())


def is_same_view(a: Tensor, b: object) -> bool:
    """Whether two tensors look at the same memory in the same way."""
    return a is b or (isinstance(b, Tensor) and view_of(a) == view_of(b))


@record
class Match:
    """A call read as a layer: its input tensors, its own weights, and the output that it explains (None: the first).

    `packed` is the object that the weights lie in, where they are no parameters of the module.
    """

    layer: Layer
    inputs: tuple[Tensor, ...]
    weights: tuple[Tensor | None, ...] = ()
    output: Tensor | None = None
    packed: Any = None


Build = Callable[[Any, tuple[Shape, ...]], nn.Module]
"""(layer, input shapes) -> a module that takes the inputs as positional arguments."""

Capture = Callable[[Call], Match | Sequence[Match] | None]
"""A call as a layer, as several (one an output), or None where the row does not describe it and its parts must be looked at."""


@record
class Row:
    """Both directions of one layer type; `lacks` says why one of them is missing."""

    layer: type[Layer]
    build: Build | None = None
    capture: Mapping[str, Capture] = field(default_factory=dict)
    lacks: str = ""


ROWS: dict[type[Layer], Row] = {}
"""The row of each layer type."""

OPERATIONS: dict[str, Capture] = {}
"""The capture of each aten operation, by its name without overload and in-place mark."""


def row(layer: type[Layer], build: Build | None = None, capture: Mapping[str, Capture] | None = None, lacks: str = "") -> None:
    """Register a layer type's row; a second one for the type, or for an operation, is refused."""
    if layer in ROWS:
        raise ValueError(f"layer '{layer.__name__}' has two rows")
    ROWS[layer] = Row(layer, build, capture or {}, lacks)
    captured(ROWS[layer].capture)


def captured(operations: Mapping[str, Capture]) -> None:
    """Register operations that are captured as layers with rows elsewhere; a second capture of one is refused."""
    for operation, function in operations.items():
        if operation in OPERATIONS:
            raise ValueError(f"operation '{operation}' is captured twice")
        OPERATIONS[operation] = function


class Function(nn.Module):
    """A module without weights around a function of its inputs."""

    def __init__(self, function: Callable[..., Tensor], shown: str = "") -> None:
        super().__init__()
        self.function = function
        self.shown = shown

    def forward(self, *inputs: Tensor) -> Tensor:
        """The function's result."""
        return self.function(*inputs)

    def extra_repr(self) -> str:
        """The options in the module's representation."""
        return self.shown


def sized(value: Any, axes: int) -> tuple[int, ...]:
    """A size argument as one entry an axis; torch lets a single entry stand for all."""
    entries = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return entries * axes if len(entries) == 1 else entries
