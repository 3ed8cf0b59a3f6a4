"""The values of expressions: numbers, true and false, texts, lists, none, and the tensors and tables that names stand for."""

from __future__ import annotations

from typing import Any, TypeAlias

from cnnprof.network.dims import Dim, Shape, is_array
from cnnprof.network.layers.base import describe
from cnnprof.record import record

Value: TypeAlias = Any
"""int, float, bool, str, None, a tuple of values, Tensor, Table, or a dimension that is no plain number."""

MAX_INT = 2**31
MAX_ENTRIES = 4096

_AXES = {3: "NCL", 5: "NCDHW"}
"""The names of the axes of a sequence and of a volume; others are those of an image."""
_OF_TOKENS = {3: "NLC", 4: "NHWC", 5: "NDHWC"}


@record(eq=False)
class Tensor:
    """The output of the node at `index` (the network's inputs come first), batch first; of tokens the channels stand last.

    `grid` is the size of the image whose positions the tokens are, as long as they are all of them; `pooled_from`
    the size of what a max pooling read, where that wrote the output.
    """

    index: int
    shape: Shape
    tokens: bool = False
    grid: Shape = ()
    pooled_from: Shape = ()

    def axis(self, name: str) -> Dim | None:
        """The size along C, D, H, W or L; None if the tensor has no such axis."""
        if self.tokens and name == "C":
            return self.shape[-1]
        names = _OF_TOKENS.get(len(self.shape), "N") if self.tokens else _AXES.get(len(self.shape), "NCHW")
        position = names.find(name)
        return self.shape[position] if 0 <= position < len(self.shape) else None


@record(eq=False)
class Table:
    """A table of a spec: named columns, or a matrix of X and dots."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    matrix: tuple[tuple[int, ...], ...] | None = None


def is_number(value: Value) -> bool:
    """Whether the value counts as a number; true and false do not."""
    if type(value) is int:
        return True
    return not isinstance(value, (bool, str, tuple, type(None), Tensor, Table)) and not is_condition(value)


def is_condition(value: Value) -> bool:
    """Whether the value is an array of true and false."""
    return is_array(value) and value.dtype.kind == "b"


def is_integer(value: Value) -> bool:
    """Whether the value is a plain int."""
    return isinstance(value, int) and not isinstance(value, bool)


def find_axis(value: Value, rank: int) -> int | None:
    """The axis of that number: 1 is the first behind the batch, -1 the last of `rank`; None where there is none."""
    axis = value + rank * (value < 0) if is_integer(value) else 0
    return axis if 1 <= axis < rank else None


def leaves(value: Value) -> int:
    """How many entries a list has, those of the lists in it included."""
    return sum(max(1, leaves(item)) if isinstance(item, tuple) else 1 for item in value)


def show(value: Value) -> str:
    """The value for a message, as a spec would write it, cut to a readable length."""
    text = _shown(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(value: Value) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {describe(value.shape)}"
    if isinstance(value, Table):
        return f"the table '{value.name}'"
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(item) for item in value[:40]) + "]"
    if isinstance(value, str):
        return f"'{value}'"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return "an array" if is_array(value) else str(value)


def describe_tokens(shape: Shape) -> str:
    """`196 tokens of 768 channels`."""
    return f"{'x'.join(map(str, shape[1:-1]))} tokens of {shape[-1]} channels"


def describe_kind(value: Value) -> str:
    """The value with its kind: `the text 'basic'`, `the list [1, 2]`, `3`."""
    kind = "the text " if isinstance(value, str) else "the list " if isinstance(value, tuple) else ""
    return kind + show(value)
