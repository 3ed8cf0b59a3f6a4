"""The table of rows, and what a row gets to see of an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from onnx import helper

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.merging import Add
from cnnprof.onnx_bridge.values import Value


class UnknownFormError(Exception):
    """An operator in a form that its row does not know; it is named as not counted."""


class Writer(Protocol):
    """Where rows put the layers that they read an operator as."""

    def add(self, layer: Layer, inputs: Sequence[Value], weights: Sequence[Value | None], node: Any) -> Value:
        """A new node of the graph, and its output."""

    def readers_of(self, name: str) -> list[Any]:
        """The operators that read a name; none where it leaves the network, too."""

    def stored(self, name: str) -> Value | None:
        """The value that the file stores under a name, if there is one."""

    def absorb(self, node: Any, output: Value) -> None:
        """The output of a later operator, which is part of the present one."""

    def run(self, body: Any, given: Mapping[str, Value | None]) -> list[Value | None]:
        """The outputs of a graph within an operator, whose inputs have these values."""

    def has_room(self, operators: int) -> bool:
        """Whether so many operators more may be written out."""

    def take(self, body: Any, node: Any) -> None:
        """Count the weights of a graph that does not run."""

    def remark(self, text: str) -> None:
        """Say this of the network, once."""


class Call:
    """One operator with its inputs: `Value`s, None for those left out."""

    def __init__(self, node: Any, inputs: Sequence[Value | None], opset: int, writer: Writer) -> None:
        self.node = node
        self.opset = opset
        self._inputs = inputs
        self.writer = writer
        self._attributes = {attribute.name: attribute for attribute in node.attribute}

    @property
    def op(self) -> str:
        """The operator's name."""
        return str(self.node.op_type)

    @property
    def x(self) -> Value:
        """The first input."""
        return self[0]

    @property
    def given(self) -> list[Value]:
        """All inputs but those left out."""
        return [value for value in self._inputs if value is not None]

    def get(self, position: int) -> Value | None:
        """An input, None if it is left out."""
        return self._inputs[position] if position < len(self._inputs) else None

    def __getitem__(self, position: int) -> Value:
        value = self.get(position)
        if value is None:
            raise UnknownFormError(f"input {position} is missing")
        return value

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value as Python has it, texts as str."""
        if name not in self._attributes:
            return default
        value = helper.get_attribute_value(self._attributes[name])
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return list(value) if isinstance(value, (list, tuple)) else value

    def numbers(self, position: int, attribute: str = "") -> Any:
        """Numbers that older versions take as an attribute and newer ones as an input; None if neither is there.

        Raises UnknownFormError where they depend on the network's input.
        """
        if attribute and attribute in self._attributes:
            return np.asarray(self.attribute(attribute))
        value = self.get(position)
        if value is None:
            return None
        if value.numbers is None:
            raise UnknownFormError(f"{attribute or f'input {position}'} depends on the data")
        return value.numbers

    def ints(self, position: int, attribute: str = "") -> tuple[int, ...] | None:
        """`numbers` as whole ones."""
        numbers = self.numbers(position, attribute)
        return None if numbers is None else tuple(int(number) for number in np.atleast_1d(numbers))

    def axis(self, default: int, of: Value | None = None) -> int:
        """The attribute `axis`, counted from the front."""
        rank = len((of or self.x).shape)
        return int(self.attribute("axis", default)) % max(rank, 1)

    def readers(self) -> list[Any]:
        """The operators that read the first output."""
        return self.writer.readers_of(self.node.output[0])

    def stored(self, name: str) -> Value | None:
        """The value that the file stores under a name, if there is one."""
        return self.writer.stored(name)

    def absorb(self, node: Any, output: Value) -> None:
        """Let a later operator's output be this value."""
        self.writer.absorb(node, output)

    def layer(self, layer: Layer, *inputs: Value, weights: Sequence[Value | None] = ()) -> Value:
        """The output of a layer on these inputs, the operator's first one if none are named."""
        return self.writer.add(layer, inputs or (self.x,), weights, self.node)


Row = Callable[[Call], "Value | Sequence[Value | None]"]
"""An operator's outputs. Raises UnknownFormError where its form is not known, ShapeError where its inputs do not fit."""

RUNS_GRAPHS: set[Row | None] = set()
"""The rows of operators that run graphs within them: their inputs may be of no known size."""

ROWS: dict[tuple[str, str], Row] = {}
"""The row of each operator, by domain ("" is ONNX's own) and name."""


def row(*operators: str, domain: str = "") -> Callable[[Row], Row]:
    """Register a row under the operators' names; a second one for a name is refused."""

    def register(function: Row) -> Row:
        for operator in operators:
            if (domain, operator) in ROWS:
                raise ValueError(f"operator '{operator}' has two rows")
            ROWS[domain, operator] = function
        return function

    return register


def resized(value: Value, shape: Shape) -> Value:
    """A stored tensor or known numbers under another shape."""
    return replace(value, shape=shape, data=None if value.data is None else value.data.reshape(shape))


def arithmetic(call: Call, op: str, kind: OpKind, *values: Value, count: int = 1) -> Value:
    """An element-wise operation on tensors and, at most, one number; on several tensors additions and products are joins."""
    numbers = [value.numbers for value in values if value.is_number]
    tensors = [value for value in values if not value.is_number]
    if not tensors:
        tensors, numbers = list(values), []
    number = float(np.asarray(numbers[0]).reshape(-1)[0]) if len(numbers) == 1 and numbers[0] is not None else None
    return call.layer(Arithmetic(op, kind, number, count), *tensors)


def sum_of(call: Call, *values: Value) -> Value:
    """The sum of tensors."""
    return call.layer(Add(), *values)
