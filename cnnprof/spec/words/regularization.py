"""Layers that act in training only."""

from __future__ import annotations

from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.spec.words.base import Example, Word, word
from cnnprof.spec.words.windows import line, number

word(
    "dropout",
    Word(
        lambda o: [("dropout", Dropout(o.number("p", 0.5, most=1.0), o.flag("channels")))],
        "Zeroes elements, in training only.",
        (Example("dropout 0.5", "16x32x32"), Example("dropout 0.5 channels", "16x32x32", "whole channels")),
        positional=("p",),
        flags=("channels",),
        on_tokens=True,
    ),
    {Dropout: lambda layer, _: line("dropout", number(layer.p), "channels" * layer.channels)},
)
word(
    "droppath",
    Word(
        lambda o: [("droppath", StochasticDepth(o.number("p", 0.0, most=1.0)))],
        "Drops a whole branch, in training only (stochastic depth).",
        (Example("droppath 0.1", "16x32x32"),),
        positional=("p",),
        required=("p",),
        form="as in 'droppath 0.2'",
        on_tokens=True,
    ),
    {StochasticDepth: lambda layer, _: f"droppath {number(layer.p)}"},
)
