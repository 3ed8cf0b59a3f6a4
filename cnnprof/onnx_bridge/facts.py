"""Facts that an ONNX file states beside its operators, and those that are known of its tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, prod
from typing import Any

import onnx

from cnnprof.network.dims import Shape
from cnnprof.onnx_bridge.values import Value


def inferred(model: Any, inputs: Mapping[str, Shape]) -> Iterator[tuple[str, Shape]]:
    """The names of values whose sizes ONNX's own inference finds, for inputs of these sizes, and those sizes."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for each in bare.graph.input:
        if each.name in inputs:
            each.type.tensor_type.shape.Clear()
            for size in inputs[each.name]:
                each.type.tensor_type.shape.dim.add().dim_value = size
    del bare.graph.value_info[:]
    try:
        found = onnx.shape_inference.infer_shapes(bare, data_prop=True)
    except Exception:
        return
    for each in (*found.graph.value_info, *found.graph.output):
        tensor = each.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            yield each.name, tuple(dim.dim_value for dim in tensor.shape.dim)


def number_format(graph: Any) -> str:
    """The format of most of the stored real numbers."""
    formats = {onnx.TensorProto.FLOAT: "fp32", onnx.TensorProto.FLOAT16: "fp16"}
    formats |= {onnx.TensorProto.BFLOAT16: "bf16", onnx.TensorProto.DOUBLE: "fp64"}
    sizes: Counter[str] = Counter()
    for tensor in graph.initializer:
        if tensor.data_type in formats:
            sizes[formats[tensor.data_type]] += prod(tensor.dims)
    return sizes.most_common(1)[0][0] if sizes else "fp32"


def bytes_of(weights: Sequence[Value]) -> int | None:
    """Bytes of the weights, where they are not those of fp32."""
    found = sum(ceil(prod(weight.shape) * weight.bits / 8) for weight in weights)
    return found if any(weight.bits != 32 for weight in weights) else None


def is_zero(bias: Value) -> bool:
    """Whether it is known, not stored, and nothing."""
    return not bias.weight and bias.data is not None and not bias.data.any()


def is_made_up(weight: Value) -> bool:
    """Whether a norm's scale or shift is known, not stored, and changes nothing."""
    return not weight.weight and weight.data is not None and bool((weight.data == weight.data.reshape(-1)[:1]).all())


def title(node: Any) -> str:
    """The operator as messages name it."""
    return f"{node.name} ({node.op_type})" if node.name else str(node.op_type)
