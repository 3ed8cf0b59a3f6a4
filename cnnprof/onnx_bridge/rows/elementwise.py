"""Activations and arithmetic."""

from __future__ import annotations

import math

from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as layers
from cnnprof.network.layers.arrangement import Copy
from cnnprof.network.layers.base import OpKind
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.merging import Add, Join, Max, Mean, Mul
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, arithmetic, row
from cnnprof.onnx_bridge.values import Value

_PLAIN: dict[str, Layer] = {
    "Relu": layers.ReLU(),
    "Sigmoid": layers.Sigmoid(),
    "Tanh": layers.Tanh(),
    "HardSwish": layers.Hardswish(),
    "Softplus": layers.Softplus(),
    "Mish": layers.Mish(),
    "Swish": layers.SiLU(),
}


@row(*_PLAIN)
def _activation(call: Call) -> Value:
    return call.layer(_PLAIN[call.op])


@row("LeakyRelu")
def _leaky(call: Call) -> Value:
    return call.layer(layers.LeakyReLU(negative_slope=float(call.attribute("alpha", 0.01))))


@row("Elu")
def _elu(call: Call) -> Value:
    return call.layer(layers.ELU(alpha=float(call.attribute("alpha", 1.0))))


@row("PRelu")
def _prelu(call: Call) -> Value:
    slope, size = call[1], math.prod(call[1].shape)
    channels = call.x.shape[1] if len(call.x.shape) > 1 else 1
    if slope.node or size not in (1, channels):
        raise UnknownFormError("slopes other than one a channel, or one for all")
    return call.layer(layers.PReLU(single=size == 1 < channels), weights=(slope,))


@row("HardSigmoid")
def _hard_sigmoid(call: Call) -> Value:
    if math.isclose(call.attribute("alpha", 0.2), 1 / 6, rel_tol=1e-5) and call.attribute("beta", 0.5) == 0.5:
        return call.layer(layers.Hardsigmoid())
    return arithmetic(call, "clamp", "cmp", arithmetic(call, "mul", "mul", call.x, count=2), count=2)


@row("Gelu")
def _gelu(call: Call) -> Value:
    return call.layer(layers.GELU(approximate=call.attribute("approximate", "none")))


row("Gelu", domain="com.microsoft")(_gelu)


@row("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Value:
    axis = call.axis(-1 if call.opset >= 13 else 1)
    return call.layer(layers.Softmax(axis, log=call.op == "LogSoftmax"))


@row("Clip")
def _clip(call: Call) -> Value:
    low, high = call.numbers(1, "min"), call.numbers(2, "max")
    bounds = [None if bound is None else float(bound.reshape(-1)[0]) for bound in (low, high)]
    if bounds == [0, 6]:
        return call.layer(layers.ReLU6())
    return call.layer(Arithmetic("clamp", "cmp", None, max(1, sum(bound is not None for bound in bounds))))


_ARITHMETIC: dict[str, tuple[str, OpKind]] = {
    "Neg": ("neg", "mul"),
    "Abs": ("abs", "cmp"),
    "Sign": ("sign", "cmp"),
    "Floor": ("floor", "cmp"),
    "Ceil": ("ceil", "cmp"),
    "Round": ("round", "cmp"),
    "Not": ("logical_not", "cmp"),
    "IsNaN": ("isnan", "cmp"),
    "IsInf": ("isinf", "cmp"),
    "ThresholdedRelu": ("threshold", "cmp"),
    "Shrink": ("softshrink", "cmp"),
    "Reciprocal": ("reciprocal", "div"),
    "Softsign": ("softsign", "div"),
    "Exp": ("exp", "exp"),
    "Log": ("log", "exp"),
    "Sqrt": ("sqrt", "exp"),
    "Erf": ("erf", "exp"),
    "Sin": ("sin", "exp"),
    "Cos": ("cos", "exp"),
    "Tan": ("tan", "exp"),
    "Asin": ("asin", "exp"),
    "Acos": ("acos", "exp"),
    "Atan": ("atan", "exp"),
    "Sinh": ("sinh", "exp"),
    "Cosh": ("cosh", "exp"),
    "Selu": ("selu", "exp"),
    "Celu": ("celu", "exp"),
    "Acosh": ("acosh", "exp"),
    "Asinh": ("asinh", "exp"),
    "Atanh": ("atanh", "exp"),
    "BitwiseNot": ("bitwise_not", "cmp"),
    "Sub": ("sub", "add"),
    "Div": ("div", "div"),
    "Mod": ("remainder", "div"),
    "Pow": ("pow", "exp"),
    "Equal": ("eq", "cmp"),
    "Greater": ("gt", "cmp"),
    "GreaterOrEqual": ("ge", "cmp"),
    "Less": ("lt", "cmp"),
    "LessOrEqual": ("le", "cmp"),
    "And": ("logical_and", "cmp"),
    "Or": ("logical_or", "cmp"),
    "Xor": ("logical_xor", "cmp"),
    "BitwiseAnd": ("bitwise_and", "cmp"),
    "BitwiseOr": ("bitwise_or", "cmp"),
    "BitwiseXor": ("bitwise_xor", "cmp"),
}


@row(*_ARITHMETIC)
def _arithmetic(call: Call) -> Value:
    return arithmetic(call, *_ARITHMETIC[call.op], *call.given)


_JOINS: dict[str, tuple[Join, str]] = {
    "Add": (Add(), "add"),
    "Sum": (Add(), "add"),
    "Mul": (Mul(), "mul"),
    "Max": (Max(), "clamp_min"),
    "Mean": (Mean(), ""),
}


@row(*_JOINS)
def _join(call: Call) -> Value:
    layer, op = _JOINS[call.op]
    if len(call.given) == 1:
        return call.x
    if op and any(value.is_number for value in call.given):
        return arithmetic(call, op, layer.kind, *call.given)
    return call.layer(layer, *call.given)


@row("Min")
def _min(call: Call) -> Value:
    return arithmetic(call, "minimum", "cmp", *call.given) if len(call.given) > 1 else call.x


@row("Cast", "CastLike")
def _cast(call: Call) -> Value:
    same = call.op == "Cast" and call.x.dtype == call.attribute("to") != 0
    return call.x if same or not call.x.node else call.layer(Copy())
