"""Normalization."""

from __future__ import annotations

from cnnprof.network.dims import Shape
from cnnprof.network.layers import normalization as norm
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, UnsayableError, Word, word
from cnnprof.spec.words.windows import line, number


def _batch(o: Arguments) -> Layers:
    return [("bn", norm.BatchNorm(not o.flag("noaffine"), o.number("eps", 1e-5), len(o.x) - 2))]


def _layer(o: Arguments) -> Layers:
    return [
        (
            "ln",
            norm.LayerNorm(
                channels_first=len(o.x) > 2 and not o.tokens, affine=not o.flag("noaffine"), eps=o.number("eps", 1e-5)
            ),
        )
    ]


def _local_response(o: Arguments) -> Layers:
    size = o.whole("size", 5)
    return [("lrn", norm.LocalResponseNorm(size, o.number("alpha", 1e-4), o.number("beta", 0.75), o.number("k", 2.0)))]


def _options(layer: norm.BatchNorm | norm.LayerNorm) -> tuple[str, str]:
    return "" if layer.eps == 1e-5 else f"eps={number(layer.eps)}", "" if layer.affine else "noaffine"


def _layer_line(layer: norm.LayerNorm, x: Shape) -> str:
    if layer.channels_first != (len(x) > 2) or (not layer.channels_first and layer.axes != 1):
        raise UnsayableError("it does not normalize over the channels")
    return line("ln", *_options(layer))


def _group(o: Arguments) -> Layers:
    return [("gn", norm.GroupNorm(o.whole("groups", 32), not o.flag("noaffine"), eps=o.number("eps", 1e-5)))]


def _instance(o: Arguments) -> Layers:
    """torch's learns nothing unless it is told to."""
    return [("in", norm.GroupNorm(o.x[1], o.flag("affine"), True, o.number("eps", 1e-5)))]


def _group_line(layer: norm.GroupNorm, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    eps = "" if layer.eps == 1e-5 else f"eps={number(layer.eps)}"
    if layer.instance:
        return line("in", eps, "affine" if layer.affine else "")
    return line("gn", str(layer.groups), eps, "" if layer.affine else "noaffine")


def _normalize_line(layer: norm.Normalize, x: Shape) -> str:
    if layer.dim % len(x) != 1:
        raise UnsayableError("it does not normalize over the channels")
    return "l2norm"


def _local_response_line(layer: norm.LocalResponseNorm, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    default = norm.LocalResponseNorm()
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
        options=("eps", "momentum"),
        flags=("noaffine",),
        kind="norm",
        drops_bias=True,
    ),
    {norm.BatchNorm: lambda layer, _: line("bn", *_options(layer))},
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
        on_tokens=True,
    ),
    {norm.LayerNorm: _layer_line},
)
word(
    "gn",
    Word(
        _group,
        "Group normalization; 32 groups of channels if nothing is said.",
        (Example("gn 4", "16x32x32"),),
        positional=("groups",),
        options=("eps",),
        flags=("noaffine",),
        kind="norm",
        drops_bias=True,
    ),
    {norm.GroupNorm: _group_line},
)
word(
    "in",
    Word(
        _instance,
        "Instance normalization, of each channel apart; it learns nothing unless it says affine.",
        (Example("in", "16x32x32"), Example("in affine", "16x32x32", "with a scale and a shift for each channel")),
        options=("eps",),
        flags=("affine",),
        kind="norm",
        drops_bias=True,
    ),
)
word(
    "grn",
    Word(
        lambda o: [("grn", norm.GlobalResponseNorm())],  # noqa: ARG005
        "Global response normalization (ConvNeXt V2).",
        (Example("grn", "16x32x32"),),
        kind="norm",
    ),
    {norm.GlobalResponseNorm: lambda *_: "grn"},
)
word(
    "l2norm",
    Word(
        lambda o: [("l2norm", norm.Normalize(2 if o.tokens else 1))],
        "Division by the L2 norm over the channels.",
        (Example("l2norm", "16x32x32"),),
        kind="norm",
        on_tokens=True,
    ),
    {norm.Normalize: _normalize_line},
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
    {norm.LocalResponseNorm: _local_response_line},
)
