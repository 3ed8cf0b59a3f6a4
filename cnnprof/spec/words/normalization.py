"""Normalization."""

from __future__ import annotations

from cnnprof.network.dims import Shape
from cnnprof.network.layers.normalization import BatchNorm, LayerNorm, LocalResponseNorm
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, Word, word
from cnnprof.spec.words.windows import line, number


def _batch(o: Arguments) -> Layers:
    return [("bn", BatchNorm(not o.flag("noaffine"), o.number("eps", 1e-5), len(o.x) - 2))]


def _layer(o: Arguments) -> Layers:
    return [("ln", LayerNorm(channels_first=len(o.x) > 2, affine=not o.flag("noaffine"), eps=o.number("eps", 1e-5)))]


def _local_response(o: Arguments) -> Layers:
    size = o.whole("size", 5)
    return [("lrn", LocalResponseNorm(size, o.number("alpha", 1e-4), o.number("beta", 0.75), o.number("k", 2.0)))]


def _options(layer: BatchNorm | LayerNorm) -> tuple[str, str]:
    return "" if layer.eps == 1e-5 else f"eps={number(layer.eps)}", "" if layer.affine else "noaffine"


def _layer_line(layer: LayerNorm, x: Shape) -> str:
    if layer.channels_first != (len(x) > 2) or (not layer.channels_first and layer.axes != 1):
        raise UnsayableError("it does not normalize over the channels")
    return line("ln", *_options(layer))


def _local_response_line(layer: LocalResponseNorm, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    default = LocalResponseNorm()
    options = (f"{n}={number(getattr(layer, n))}" for n in ("alpha", "beta", "k") if getattr(layer, n) != getattr(default, n))
    return line("lrn", "" if layer.size == default.size else str(layer.size), *options)


word(
    "bn",
    Word(
        _batch,
        "Batch normalization.",
        (
            Example("bn", "16x32x32"),
            Example("bn eps=0.001", "16x32x32", "with another epsilon"),
            Example("bn noaffine", "16x32x32", "learns nothing"),
        ),
        options=("eps",),
        flags=("noaffine",),
        kind="norm",
    ),
    {BatchNorm: lambda layer, _: line("bn", *_options(layer))},
)
word(
    "ln",
    Word(
        _layer,
        "Layer normalization over the channels.",
        (Example("ln", "16x32x32"),),
        options=("eps",),
        flags=("noaffine",),
        kind="norm",
    ),
    {LayerNorm: _layer_line},
)
word(
    "lrn",
    Word(
        _local_response,
        "Local response normalization over neighbouring channels (AlexNet).",
        (Example("lrn 5 alpha=0.0001 beta=0.75 k=2", "16x32x32"),),
        positional=("size",),
        options=("alpha", "beta", "k"),
    ),
    {LocalResponseNorm: _local_response_line},
)
