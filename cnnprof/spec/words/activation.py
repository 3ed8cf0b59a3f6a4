"""Activations, and softmax."""

from __future__ import annotations

from typing import Any

from cnnprof.network.dims import Shape
from cnnprof.network.layers import activation as act
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, Word, word
from cnnprof.spec.words.windows import line, number


def _activation(
    name: str, layer: type[act.Activation], kind: str, formula: str, parameter: str | None = None, value: str = ""
) -> None:
    """A row for an activation, whose `parameter` may follow its word."""

    def build(o: Arguments) -> Layers:
        if parameter and parameter in o.given:
            return [(kind, layer(o.behind or o.flag("inplace"), o.number(parameter, 0.0)))]  # type: ignore[call-arg]
        return [(kind, layer(o.behind or o.flag("inplace")))]

    def write(layer: Any, _: Shape) -> str:
        if getattr(layer, "approximate", "none") != "none":
            raise UnsayableError("there is no word for it")
        differs = parameter and getattr(layer, parameter) != getattr(type(layer)(), parameter)
        return line(
            name, number(getattr(layer, parameter)) if parameter and differs else "", "inplace" if layer.inplace else ""
        )

    examples = (Example(line(name, value), "16x32x32"),)
    positional = (parameter,) if parameter else ()
    row = Word(
        build, f"Activation: {formula}.", examples, positional=positional, flags=("inplace",), kind="act", on_tokens=True
    )
    # Of two words for one layer the first is written.
    word(name, row, {} if layer in _WRITTEN else {layer: write})
    _WRITTEN.add(layer)


_WRITTEN: set[type[act.Activation]] = set()

_activation("relu", act.ReLU, "relu", "max(0, x)")
_activation("relu6", act.ReLU6, "relu", "min(max(0, x), 6)")
_activation("leakyrelu", act.LeakyReLU, "leakyrelu", "x, or slope x below 0", "negative_slope", "0.1")
_activation("elu", act.ELU, "elu", "x, or alpha (exp(x) - 1) below 0", "alpha", "0.5")
_activation("selu", act.SELU, "selu", "a scaled elu that keeps mean and variance")
_activation("celu", act.CELU, "celu", "x, or alpha (exp(x / alpha) - 1) below 0", "alpha", "0.5")
_activation("sigmoid", act.Sigmoid, "sigmoid", "1 / (1 + exp(-x))")
_activation("tanh", act.Tanh, "tanh", "the hyperbolic tangent")
_activation("silu", act.SiLU, "silu", "x sigmoid(x)")
_activation("swish", act.SiLU, "silu", "x sigmoid(x), another word for silu")
_activation("gelu", act.GELU, "gelu", "x times the normal distribution's value at x")
_activation("softplus", act.Softplus, "softplus", "log(1 + exp(x))")
_activation("mish", act.Mish, "mish", "x tanh(softplus(x))")
_activation("hardsigmoid", act.Hardsigmoid, "hardsigmoid", "relu6(x + 3) / 6")
_activation("hardswish", act.Hardswish, "hardswish", "x relu6(x + 3) / 6")


word(
    "prelu",
    Word(
        lambda o: [("prelu", act.PReLU(o.behind or o.flag("inplace"), o.flag("single")))],
        "Activation: x, or a learned multiple of x below 0, one a channel.",
        (Example("prelu", "16x32x32"), Example("prelu single", "16x32x32", "one for all channels")),
        flags=("inplace", "single"),
        kind="act",
    ),
    {act.PReLU: lambda layer, _: line("prelu", "single" if layer.single else "", "inplace" if layer.inplace else "")},
)


def _hardtanh(o: Arguments) -> Layers:
    low, high = o.number("low", -1.0, least=float("-inf")), o.number("high", 1.0, least=float("-inf"))
    if low >= high:
        raise o.error(f"goes from a number to a larger one, not from {low:g} to {high:g}", "high")
    return [("hardtanh", act.Hardtanh(o.behind or o.flag("inplace"), low, high))]


def _hardtanh_line(layer: act.Hardtanh, _: Shape) -> str:
    span = ("", "") if (layer.low, layer.high) == (-1, 1) else (number(layer.low), number(layer.high))
    return line("hardtanh", *span, "inplace" if layer.inplace else "")


def _glu_line(layer: act.GLU, x: Shape) -> str:
    if layer.dim % len(x) != 1:
        raise UnsayableError("it does not halve the channels")
    return "glu"


word(
    "hardtanh",
    Word(
        _hardtanh,
        "Activation: min(max(low, x), high), -1 and 1 if nothing is said.",
        (Example("hardtanh", "16x32x32"), Example("hardtanh -2 2", "16x32x32", "from -2 to 2")),
        positional=("low", "high"),
        flags=("inplace",),
        kind="act",
        on_tokens=True,
    ),
    {act.Hardtanh: _hardtanh_line},
)
word(
    "glu",
    Word(
        lambda o: [("glu", act.GLU(2 if o.tokens else 1))],
        "Half of the channels times the sigmoid of the other half.",
        (Example("glu", "8x32x32"),),
        on_tokens=True,
    ),
    {act.GLU: _glu_line},
)


def _softmax_line(layer: act.Softmax, x: Shape) -> str:
    if layer.dim % len(x) != 1:
        raise UnsayableError("it is not over the channels")
    return "logsoftmax" if layer.log else "softmax"


word(
    "softmax",
    Word(
        lambda o: [("softmax", act.Softmax(2 if o.tokens else 1))],
        "Probabilities over the channels; of branches it is a join.",
        (Example("softmax", "16x32x32"),),
        on_tokens=True,
    ),
    {act.Softmax: _softmax_line},
)
word(
    "logsoftmax",
    Word(
        lambda o: [("softmax", act.Softmax(2 if o.tokens else 1, log=True))],
        "Logarithms of the probabilities over the channels.",
        (Example("logsoftmax", "16x32x32"),),
        on_tokens=True,
    ),
)
