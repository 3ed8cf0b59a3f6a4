"""The values of names in an ONNX graph while it is walked: a layer's output, a stored weight, or known numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from cnnprof.network.dims import Shape

KNOWN_SIZE = 65536
"""Entries up to which numbers are carried along: shapes, indices and tables, not weights."""

_FLOATS = {getattr(onnx.TensorProto, name) for name in ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")}

_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}


@dataclass(frozen=True)
class Value:
    """One name's value.

    Args:
        shape: its sizes, batch included.
        node: the graph's node that computes it, "" for what is stored or known.
        weight: the stored tensor that it is, under another shape perhaps.
        tensor: that tensor's record in the file; its numbers are read when they are asked for.
        data: its numbers, where they follow from the file alone.
        dtype: `onnx.TensorProto`'s number for the type of its entries; 0 where it is not known.
        parts: the tensors of a sequence, which has no sizes of its own.
        bits: what an entry takes in the file.
        parameter: whether it is known to be a weight, though it has a single entry.
    """

    shape: Shape
    node: str = ""
    weight: str = ""
    tensor: Any = None
    data: Any = None
    dtype: int = 0
    parts: tuple[Value, ...] = ()
    bits: int = 32
    parameter: bool = False

    @property
    def numbers(self) -> Any:
        """The entries as an array, None where they depend on the input or lie in another file."""
        if self.data is None and self.tensor is not None and math.prod(self.shape) <= KNOWN_SIZE:
            return numbers_of(self.tensor)
        return self.data

    @property
    def learned(self) -> bool:
        """Whether it is a weight: a stored tensor of real numbers, larger than one entry unless it is known to be one."""
        return bool(self.weight) and self.dtype in _FLOATS and (math.prod(self.shape) > 1 or self.parameter)

    @property
    def is_number(self) -> bool:
        """Whether it is one number that nobody has learned."""
        return not self.node and math.prod(self.shape) == 1 and not self.learned


def stored(tensor: Any) -> Value:
    """The value of an initializer. One of whole numbers, or of a single entry, is known: it is an argument, no weight."""
    shape, dtype = tuple(tensor.dims), tensor.data_type
    argument = (dtype not in _FLOATS or math.prod(shape) <= 1) and math.prod(shape) <= KNOWN_SIZE
    data = numbers_of(tensor) if argument else None
    return Value(shape, weight=tensor.name, tensor=tensor, data=data, dtype=dtype, bits=_bits(dtype))


def is_uniform(value: Value) -> bool:
    """Whether all entries are known to be the same number."""
    numbers = value.numbers
    return numbers is not None and numbers.size > 0 and bool((numbers == numbers.reshape(-1)[0]).all())


def _bits(dtype: int) -> int:
    """Bits of an entry of `onnx.TensorProto`'s type; 32 where it is none of numbers."""
    name = onnx.TensorProto.DataType.Name(dtype) if dtype in onnx.TensorProto.DataType.values() else ""
    if name in ("FLOAT", "DOUBLE", "BOOL"):
        return {"FLOAT": 32, "DOUBLE": 64, "BOOL": 8}[name]
    found = re.match(r"(?:U?INT|B?FLOAT|COMPLEX)(\d+)", name)
    return int(found[1]) if found else 32


def known(data: Any) -> Value:
    """The value of an array."""
    array = np.asarray(data)
    try:
        dtype = int(onnx.helper.np_dtype_to_tensor_dtype(array.dtype))
    except (KeyError, ValueError):
        dtype = 0
    return Value(tuple(array.shape), data=array, dtype=dtype)


def numbers_of(tensor: Any) -> Any:
    """A record's entries; None where they lie in another file, which is never opened, or are damaged."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    try:
        return numpy_helper.to_array(tensor)
    except Exception:
        return None


def fold(node: Any, inputs: Sequence[Value | None], opsets: Mapping[str, int]) -> list[Value] | None:
    """The node's results where all that it reads is known, by onnx's reference; None where they are not to be had so."""
    given = [value for value in inputs if value is not None]
    if node.op_type in _RANDOM or any(value.data is None or value.parts for value in given) or _grows(node, inputs):
        return None
    if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute):
        return None
    if node.op_type == "Identity" and not node.domain:
        return [known(given[0].data)]  # every round of a loop hands on its condition
    try:
        feeds = {name: value.data for name, value in zip(node.input, inputs, strict=True) if value is not None}
        results = ReferenceEvaluator(node, opsets=dict(opsets)).run(None, feeds)
    except Exception:
        return None
    return [known(result) for result in results]


def _grows(node: Any, inputs: Sequence[Value | None]) -> bool:
    """Whether the result may hold more entries than numbers are carried along for."""
    sizes = [math.prod(value.shape) for value in inputs if value is not None]
    if node.op_type in ("ConstantOfShape", "Expand", "Tile", "Range", "Pad", "Resize", "OneHot", "Upsample"):
        numbers = [value.data for value in inputs if value is not None and value.data is not None]
        if node.op_type == "Range":
            start, stop, step = (float(array) for array in numbers)
            return step == 0 or abs((stop - start) / step) > KNOWN_SIZE
        amounts = [float(np.prod(np.abs(array.astype(float)) + 1)) for array in numbers[-1:] if array.dtype.kind in "iuf"]
        return math.prod([*amounts, *sizes[:1]]) > KNOWN_SIZE * 16
    # Broadcasting two known arrays can make one as large as their product.
    return math.prod(sizes) > KNOWN_SIZE**2 or max(sizes, default=0) > KNOWN_SIZE
