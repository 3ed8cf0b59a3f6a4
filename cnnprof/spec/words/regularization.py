"""Layers that act in training only."""

from __future__ import annotations

from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, examples, word
from cnnprof.spec.words.windows import line, number


@word(
    "dropout [<p>] [channels]",
    *examples("""
        dropout 0.5           16x32x32
        dropout 0.5 channels  16x32x32  whole channels
    """),
    writes={Dropout: lambda layer, _: line("dropout", number(layer.p), "channels" * layer.channels)},
    on_tokens=True,
)
def _dropout(o: Arguments) -> Layers:
    """Zeroes elements, in training only."""
    return [("dropout", Dropout(o.number("p", 0.5, most=1.0), o.flag("channels")))]


@word(
    "droppath <p>",
    Example("droppath 0.1", "16x32x32"),
    writes={StochasticDepth: lambda layer, _: f"droppath {number(layer.p)}"},
    form="as in 'droppath 0.2'",
    on_tokens=True,
)
def _drop_path(o: Arguments) -> Layers:
    """Drops a whole branch, in training only (stochastic depth)."""
    return [("droppath", StochasticDepth(o.number("p", 0.0, most=1.0)))]
