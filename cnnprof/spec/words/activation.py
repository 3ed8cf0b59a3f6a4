"""Activations, and softmax."""

from __future__ import annotations

from typing import Any

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as act
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import WRITERS, Example, Layers, UnsayableError, Write, examples, word
from cnnprof.spec.words.windows import along, line, number


def _activation(
    name: str, layer: type[act.Activation], kind: str, formula: str, parameter: str | None = None, value: str = ""
) -> None:
    """A row for an activation, whose `parameter` may follow its word."""

    def write(layer: Any, _: Shape) -> str:
        if getattr(layer, "approximate", "none") != "none":
            raise UnsayableError("there is no word for it")
        differs = parameter and getattr(layer, parameter) != getattr(type(layer)(), parameter)
        return line(
            name, number(getattr(layer, parameter)) if parameter and differs else "", "inplace" if layer.inplace else ""
        )

    # Of two words for one layer the first is written.
    writes: dict[type[Layer], Write] = {} if layer in WRITERS else {layer: write}
    usage = line(name, f"[<{parameter}>]" if parameter else "", "[inplace]")

    @word(
        usage, Example(line(name, value), "16x32x32"), writes=writes, help=f"Activation: {formula}.", kind="act", on_tokens=True
    )
    def build(o: Arguments) -> Layers:
        if parameter and parameter in o.given:
            return [(kind, layer(o.behind or o.flag("inplace"), o.number(parameter, 0.0)))]  # type: ignore[call-arg]
        return [(kind, layer(o.behind or o.flag("inplace")))]


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


def _hardtanh_line(layer: act.Hardtanh, _: Shape) -> str:
    span = ("", "") if (layer.low, layer.high) == (-1, 1) else (number(layer.low), number(layer.high))
    return line("hardtanh", *span, "inplace" if layer.inplace else "")


def _glu_line(layer: act.GLU, x: Shape) -> str:
    if layer.dim % len(x) != 1:
        raise UnsayableError("it does not halve the channels")
    return "glu"


def _softmax_line(layer: act.Softmax, x: Shape) -> str:
    return line("logsoftmax" if layer.log else "softmax", along(layer.dim, x))


@word(
    "prelu [inplace single]",
    *examples("""
        prelu         16x32x32
        prelu single  16x32x32  one for all channels
    """),
    writes={act.PReLU: lambda layer, _: line("prelu", "single" * layer.single, "inplace" * layer.inplace)},
    kind="act",
)
def _prelu(o: Arguments) -> Layers:
    """Activation: x, or a learned multiple of x below 0, one a channel."""
    return [("prelu", act.PReLU(o.behind or o.flag("inplace"), o.flag("single")))]


@word(
    "hardtanh [<low> <high>] [inplace]",
    *examples("""
        hardtanh       16x32x32
        hardtanh -2 2  16x32x32  from -2 to 2
    """),
    writes={act.Hardtanh: _hardtanh_line},
    kind="act",
    on_tokens=True,
)
def _hardtanh(o: Arguments) -> Layers:
    """Activation: min(max(low, x), high), -1 and 1 if nothing is said."""
    low, high = o.number("low", -1.0, least=float("-inf")), o.number("high", 1.0, least=float("-inf"))
    if low >= high:
        raise o.error(f"goes from a number to a larger one, not from {low:g} to {high:g}", "high")
    return [("hardtanh", act.Hardtanh(o.behind or o.flag("inplace"), low, high))]


@word("glu", Example("glu", "8x32x32"), writes={act.GLU: _glu_line}, on_tokens=True)
def _glu(o: Arguments) -> Layers:
    """Half of the channels times the sigmoid of the other half."""
    return [("glu", act.GLU(o.channels))]


@word(
    "softmax [axis=]",
    *examples("""
        softmax         16x32x32
        softmax axis=3  16x32x32  over another axis; 1 is the first behind the batch
    """),
    writes={act.Softmax: _softmax_line},
    on_tokens=True,
)
def _softmax(o: Arguments) -> Layers:
    """Probabilities over the channels; of branches it is a join."""
    return [("softmax", act.Softmax(o.axis))]


@word("logsoftmax [axis=]", Example("logsoftmax", "16x32x32"), on_tokens=True)
def _log_softmax(o: Arguments) -> Layers:
    """Logarithms of the probabilities over the channels."""
    return [("softmax", act.Softmax(o.axis, log=True))]
