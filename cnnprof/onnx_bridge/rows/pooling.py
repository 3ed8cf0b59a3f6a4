"""Pooling and reductions."""

from __future__ import annotations

import math

from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic, Reduce
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.rows.convolution import padded, window
from cnnprof.onnx_bridge.values import Value


@row("MaxPool")
def _max(call: Call) -> Value:
    kernel = tuple(call.attribute("kernel_shape"))
    strides, dilations, pads = window(call, len(kernel), kernel)
    x, padding = padded(call, call.x, pads, -math.inf)
    return call.layer(MaxPool(kernel, strides, padding, bool(call.attribute("ceil_mode", 0)), dilations), x)


@row("AveragePool")
def average(call: Call) -> Value:
    """The means of windows, which may lie half over the border."""
    kernel = tuple(call.attribute("kernel_shape"))
    strides, dilations, pads = window(call, len(kernel), kernel)
    if any(step != 1 for step in dilations):
        raise UnknownFormError("a dilated mean")
    x, padding = padded(call, call.x, pads)
    inside = bool(call.attribute("count_include_pad", 0)) or not any(padding)
    return call.layer(AvgPool(kernel, strides, padding, bool(call.attribute("ceil_mode", 0)), inside), x)


@row("GlobalAveragePool")
def _global_average(call: Call) -> Value:
    return call.layer(AdaptiveAvgPool((1,) * (len(call.x.shape) - 2)))


@row("GlobalMaxPool")
def _global_max(call: Call) -> Value:
    return call.layer(AdaptiveMaxPool((1,) * (len(call.x.shape) - 2)))


_REDUCTIONS = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "amax",
    "ReduceMin": "amin",
    "ReduceL2": "norm",
}


@row(*_REDUCTIONS)
def _reduce(call: Call) -> Value:
    return _reduction(call, _REDUCTIONS[call.op], call.x)


def _reduction(call: Call, name: str, x: Value) -> Value:
    rank = len(x.shape)
    axes = call.ints(1, "axes")
    if not axes:
        if call.attribute("noop_with_empty_axes", 0):
            return x
        axes = tuple(range(rank))
    return call.layer(Reduce(name, tuple(axis % rank for axis in axes), bool(call.attribute("keepdims", 1))), x)


@row("ReduceL1", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp")
def _composed(call: Call) -> Value:
    """Sums of a function of each entry, and the logarithms of those."""
    functions: dict[str, tuple[str, OpKind]]
    functions = {"ReduceL1": ("abs", "cmp"), "ReduceSumSquare": ("square", "mul"), "ReduceLogSumExp": ("exp", "exp")}
    before = functions.get(call.op)
    found = _reduction(call, "sum", call.layer(Arithmetic(*before)) if before else call.x)
    return call.layer(Arithmetic("log", "exp"), found) if "Log" in call.op else found


@row("ArgMax", "ArgMin")
def _extreme(call: Call) -> Value:
    name = "amax" if call.op == "ArgMax" else "amin"
    return call.layer(Reduce(name, (call.axis(0),), bool(call.attribute("keepdims", 1))))
