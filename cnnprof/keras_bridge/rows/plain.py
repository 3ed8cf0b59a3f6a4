"""Layers without weights but PReLU's: activations, pooling, joins, and what moves a tensor."""

from __future__ import annotations

import math
from typing import Any

from cnnprof.keras_bridge.rows.base import Call, UnknownFormError, activated, entries, padded, row
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as activations
from cnnprof.network.layers.arrangement import Flatten, Identity, Pad, Permute, Reshape, Slice
from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from cnnprof.network.layers.regularization import Dropout
from cnnprof.network.layers.resizing import Upsample


@row("Normalization", "Rescaling")
def _rescaled(call: Call) -> str:
    return call.add("shifted", Arithmetic("sub", "add"), call.add("", Arithmetic("mul", "mul"), call.inputs[0]))


@row("Activation")
def _activation(call: Call) -> str:
    return activated(call, call.inputs[0], call.config["activation"])


@row("ReLU")
def _relu(call: Call) -> str:
    highest, slope = call.config.get("max_value"), call.config.get("negative_slope") or 0.0
    layer: Layer = activations.ReLU6() if highest == 6 else activations.ReLU()
    if highest not in (None, 6):
        layer = Arithmetic("clamp", "cmp", count=2)
    return call.add("", activations.LeakyReLU(negative_slope=slope) if slope else layer, call.inputs[0])


@row("LeakyReLU", "ELU", "Softmax")
def _named(call: Call) -> str:
    config, x = call.config, call.inputs[0]
    kind = str(config.get("class_name"))
    if kind == "Softmax":
        rank = len(call.shape(x))
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) else axis
        return call.add("", activations.Softmax(call.position(axis % rank, rank)), x)
    slope = float(config.get("negative_slope", config.get("alpha", 0.3 if kind == "LeakyReLU" else 1.0)))
    return call.add("", activations.LeakyReLU(negative_slope=slope) if kind == "LeakyReLU" else activations.ELU(alpha=slope), x)


@row("PReLU")
def _prelu(call: Call) -> str:
    shape, shared = call.shape(call.inputs[0]), call.config.get("shared_axes") or []
    if len(shared) != len(shape) - 2:
        raise UnknownFormError("a slope for each position")
    return call.add("", activations.PReLU(), call.inputs[0])


@row("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def _pool(call: Call) -> str:
    config, x = call.config, call.inputs[0]
    axes = len(call.shape(x)) - 2
    kernel = entries(config.get("pool_size", 2), axes)
    strides = entries(config.get("strides") or kernel, axes)
    largest = str(config.get("class_name")).startswith("Max")
    x, padding = padded(call, x, kernel, strides, -math.inf if largest else 0.0)
    layer = MaxPool(kernel, strides, padding, False, (1,) * axes)
    return call.add("", layer if largest else AvgPool(kernel, strides, padding, count_include_pad=not any(padding)), x)


@row(*(f"Global{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2, 3)))
def _global(call: Call) -> str:
    x = call.inputs[0]
    one = (1,) * (len(call.shape(x)) - 2)
    average = str(call.config.get("class_name")).startswith("GlobalAverage")
    name = call.add("", AdaptiveAvgPool(one) if average else AdaptiveMaxPool(one), x)
    return name if call.config.get("keepdims") else call.add("flatten", Flatten(), name)


@row("Add", "Multiply", "Average", "Maximum", "Subtract", "Minimum")
def _join(call: Call) -> str:
    kind = str(call.config.get("class_name"))
    ops: dict[str, tuple[str, OpKind]]
    ops = {"Add": ("add", "add"), "Multiply": ("mul", "mul"), "Subtract": ("sub", "add"), "Minimum": ("minimum", "cmp")}
    if len(call.inputs) == 1 and call.numbers and kind in ops:
        return call.add("", Arithmetic(*ops[kind], float(call.numbers[0])), *call.inputs)
    joins: dict[str, Layer] = {"Add": Add(), "Multiply": Mul(), "Average": Mean(), "Maximum": Max()}
    return call.add("", joins[kind] if kind in joins else Arithmetic(*ops[kind]), *call.inputs)


@row("Concatenate")
def _concatenate(call: Call) -> str:
    rank = len(call.shape(call.inputs[0]))
    axis = call.position(call.config.get("axis", -1) % rank, rank)
    return call.add("", Concat(axis), *call.inputs) if len(call.inputs) > 1 else call.inputs[0]


@row("Flatten")
def _flatten(call: Call) -> str:
    return call.add("", Flatten(), call.inputs[0])


@row("Reshape")
def _reshape(call: Call) -> str:
    shape = call.shape(call.inputs[0])
    target = list(call.config["target_shape"])
    if -1 in target:
        rest = -math.prod(target)
        target[target.index(-1)] = math.prod(shape[1:]) // max(rest, 1)
    return call.add("", Reshape((shape[0], *call.ordered(target))), call.inputs[0])


@row("Permute")
def _permute(call: Call) -> str:
    rank = len(call.shape(call.inputs[0]))
    order = [0] * rank
    for new, old in enumerate(call.config["dims"], 1):
        order[call.position(new, rank)] = call.position(old, rank)
    return call.add("", Permute(tuple(order)), call.inputs[0])


def _pairs(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Amounts before and behind, which Keras takes as one number, one an axis, or two an axis."""
    entries = [value] * axes if isinstance(value, int) else list(value)
    if axes == 1 and len(entries) == 2:
        entries = [entries]
    return tuple((each, each) if isinstance(each, int) else (each[0], each[1]) for each in entries)


@row("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _zero_padding(call: Call) -> str:
    return call.add("", Pad(_pairs(call.config["padding"], len(call.shape(call.inputs[0])) - 2)), call.inputs[0])


@row("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(call: Call) -> str:
    name = call.inputs[0]
    for axis, (before, behind) in enumerate(_pairs(call.config["cropping"], len(call.shape(name)) - 2), 2):
        if before or behind:
            name = call.add("", Slice(axis, before, call.shape(name)[axis] - before - behind), name)
    return name


@row("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(call: Call) -> str:
    axes = len(call.shape(call.inputs[0])) - 2
    mode = call.config.get("interpolation", "nearest")
    if mode not in ("nearest", "bilinear", "bicubic"):
        raise UnknownFormError(f"the interpolation '{mode}'")
    return call.add("", Upsample(entries(call.config.get("size", 2), axes), mode), call.inputs[0])


@row("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout")
def _dropout(call: Call) -> str:
    return call.add("", Dropout(float(call.config.get("rate", 0.5))), call.inputs[0])


@row("GaussianNoise", "ActivityRegularization", "Identity")
def _identity(call: Call) -> str:
    return call.add("", Identity(), call.inputs[0])
