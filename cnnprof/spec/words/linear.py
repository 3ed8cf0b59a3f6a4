"""Fully connected layers and learned tensors."""

from __future__ import annotations

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.arrangement import Expand, Flatten
from cnnprof.network.layers.linear import RBF, Linear, Parameter
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, examples, word
from cnnprof.spec.words.windows import line


def _flattened(o: Arguments) -> list[tuple[str, Layer]]:
    """An input with spatial axes is flattened first; of tokens each is an input."""
    return [("flatten", Flatten())] if len(o.x) > 2 and not o.tokens else []


def _linear_line(layer: Linear, x: Shape) -> str:
    if len(x) != 2:
        raise UnsayableError("it works on the last axis of a tensor that is not flat")
    return line("fc", str(layer.out_features), "" if layer.bias else "nobias")


@word(
    "fc <out> [bias nobias]",
    *examples("""
        fc 1000       1000
        fc 10 nobias  10    without a bias
    """),
    writes={Linear: _linear_line},
    on_tokens=True,
)
def _linear(o: Arguments) -> Layers:
    """Fully connected layer; an input with spatial axes is flattened, of tokens each is an input."""
    return [*_flattened(o), ("fc", Linear(o.whole("out"), o.bias))]


@word("rbf <out>", Example("rbf 10", "10"), writes={RBF: lambda layer, _: f"rbf {layer.out_features}"})
def _rbf(o: Arguments) -> Layers:
    """Squared distances to stored vectors: LeNet's output."""
    return [*_flattened(o), ("rbf", RBF(o.whole("out")))]


@word(
    "parameter <size> [tokens]",
    writes={Parameter: lambda layer, _: f"parameter ({', '.join(map(str, layer.size))})"},
    form="as in 'parameter (C, 1, 1)': a number for each channel",
    on_tokens=True,
    reads=False,
)
def _parameter(o: Arguments) -> Layers:
    """A learned tensor, to be joined with an output: (C, 1, 1) holds a number for each channel.

    With `tokens` it is a length and channels, and every sample has the same: the queries of a decoder (Carion et al. 2020).
    """
    size = o.sizes("size")
    o.check_tokens(size)
    if not o.flag("tokens"):
        return [("parameter", Parameter(size))]
    return [("parameter", Parameter((1, *size)), ()), ("expand", Expand((o.x[0], *size)), (1,))]
