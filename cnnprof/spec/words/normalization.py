"""Normalization."""

from __future__ import annotations

from cnnprof.network.dims import Shape
from cnnprof.network.layers import normalization as norm
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, examples, word
from cnnprof.spec.words.windows import along, line, number

_EPS = 1e-5


def _options(layer: norm.BatchNorm | norm.LayerNorm) -> tuple[str, str]:
    return "" if layer.eps == _EPS else f"eps={number(layer.eps)}", "" if layer.affine else "noaffine"


def _layer_line(layer: norm.LayerNorm, x: Shape) -> str:
    if layer.channels_first != (len(x) > 2) or (not layer.channels_first and layer.axes != 1):
        raise UnsayableError("it does not normalize over the channels")
    return line("ln", *_options(layer))


def _group_line(layer: norm.GroupNorm, x: Shape) -> str:
    eps = "" if layer.eps == _EPS else f"eps={number(layer.eps)}"
    if layer.instance:
        return line("in", eps, "affine" if layer.affine else "")
    return line("gn", str(layer.groups), eps, "" if layer.affine else "noaffine")


def _normalize_line(layer: norm.Normalize, x: Shape) -> str:
    return line("l2norm", along(layer.dim, x))


def _local_response_line(layer: norm.LocalResponseNorm, x: Shape) -> str:
    default = norm.LocalResponseNorm()
    options = (f"{n}={number(getattr(layer, n))}" for n in ("alpha", "beta", "k") if getattr(layer, n) != getattr(default, n))
    return line("lrn", "" if layer.size == default.size else str(layer.size), *options)


@word(
    "bn [eps= momentum=] [noaffine]",
    *examples("""
        bn            16x32x32
        bn eps=0.001  16x32x32  with another epsilon
        bn noaffine   16x32x32  learns nothing
    """),
    writes={norm.BatchNorm: lambda layer, _: line("bn", *_options(layer))},
    kind="norm",
    drops_bias=True,
)
def _batch(o: Arguments) -> Layers:
    """Batch normalization."""
    return [("bn", norm.BatchNorm(not o.flag("noaffine"), o.number("eps", _EPS), len(o.x) - 2))]


@word("ln [eps=] [noaffine]", Example("ln", "16x32x32"), writes={norm.LayerNorm: _layer_line}, kind="norm", on_tokens=True)
def _layer(o: Arguments) -> Layers:
    """Layer normalization over the channels."""
    image = len(o.x) > 2 and not o.tokens
    return [("ln", norm.LayerNorm(channels_first=image, affine=not o.flag("noaffine"), eps=o.number("eps", _EPS)))]


@word(
    "gn [<groups>] [eps=] [noaffine]",
    Example("gn 4", "16x32x32"),
    writes={norm.GroupNorm: _group_line},
    kind="norm",
    drops_bias=True,
)
def _group(o: Arguments) -> Layers:
    """Group normalization; 32 groups of channels if nothing is said."""
    return [("gn", norm.GroupNorm(o.whole("groups", 32), not o.flag("noaffine"), eps=o.number("eps", _EPS)))]


@word(
    "in [eps=] [affine]",
    *examples("""
        in         16x32x32
        in affine  16x32x32  with a scale and a shift for each channel
    """),
    kind="norm",
    drops_bias=True,
)
def _instance(o: Arguments) -> Layers:
    """Instance normalization, of each channel apart; it learns nothing unless it says affine."""
    return [("in", norm.GroupNorm(o.x[1], o.flag("affine"), True, o.number("eps", _EPS)))]


@word("grn", Example("grn", "16x32x32"), writes={norm.GlobalResponseNorm: lambda *_: "grn"}, kind="norm")
def _global_response(o: Arguments) -> Layers:
    """Global response normalization (ConvNeXt V2)."""
    return [("grn", norm.GlobalResponseNorm())]


@word("l2norm [axis=]", Example("l2norm", "16x32x32"), writes={norm.Normalize: _normalize_line}, kind="norm", on_tokens=True)
def _normalize(o: Arguments) -> Layers:
    """Division by the L2 norm over the channels."""
    return [("l2norm", norm.Normalize(o.axis))]


@word(
    "lrn [<size>] [alpha= beta= k=]",
    Example("lrn 5 alpha=0.0001 beta=0.75 k=2", "16x32x32"),
    writes={norm.LocalResponseNorm: _local_response_line},
)
def _local_response(o: Arguments) -> Layers:
    """Local response normalization over neighbouring channels (AlexNet)."""
    size = o.whole("size", 5)
    return [("lrn", norm.LocalResponseNorm(size, o.number("alpha", 1e-4), o.number("beta", 0.75), o.number("k", 2.0)))]
