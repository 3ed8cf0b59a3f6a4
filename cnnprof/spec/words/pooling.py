"""Pooling."""

from __future__ import annotations

from collections.abc import Callable

from cnnprof.network.dims import Shape, known
from cnnprof.network.layers.elementwise import Reduce
from cnnprof.network.layers.pooling import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    MaxIndices,
    MaxPool,
    MaxUnpool,
    Subsample,
)
from cnnprof.spec.arguments import Arguments, Size
from cnnprof.spec.values import Tensor, describe_kind
from cnnprof.spec.words.base import Example, Layers, Word, Write, unsayable, word
from cnnprof.spec.words.windows import SLIDE, dilation, kernel, letter, line, pool_padding, sized, stride_or_kernel

MOST_POSITIONS = 4096
"""The largest output of an adaptive pool along an axis."""


def _max(o: Arguments) -> Layers:
    before, padding = pool_padding(o, float("-inf"))
    return [*before, ("maxpool", MaxPool(kernel(o), stride_or_kernel(o), padding, o.flag("ceil"), dilation(o)))]


def _average(o: Arguments) -> Layers:
    """An even `same` leaves the padding out of the mean, as TensorFlow does."""
    before, padding = pool_padding(o, 0.0)
    exclude = o.flag("exclude_pad") or o.flag("same")
    return [*before, ("avgpool", AvgPool(kernel(o), stride_or_kernel(o), padding, o.flag("ceil"), not exclude))]


def _subsample(o: Arguments) -> Layers:
    size = kernel(o)
    return [("subsample", Subsample(size, stride_or_kernel(o), (0,) * len(size)))]


def _positions(o: Arguments) -> Size:
    size = o.each("size", 1)
    if any(known(positions) and positions > MOST_POSITIONS for positions in size):
        raise o.error(f"an adaptive pool has at most {MOST_POSITIONS} positions along an axis", "size")
    return size


def _pool_line(word: str, layer: MaxPool | AvgPool | Subsample) -> tuple[str, ...]:
    return (word, sized(layer.kernel_size), letter("s", layer.stride, layer.kernel_size), letter("p", layer.padding, 0))


def _max_line(layer: MaxPool, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    return line(*_pool_line("maxpool", layer), letter("d", layer.dilation, 1), "ceil" if layer.ceil_mode else "")


def _average_line(layer: AvgPool, x: Shape) -> str:  # noqa: ARG001
    flags = ("ceil" if layer.ceil_mode else "", "" if layer.count_include_pad else "exclude_pad")
    return line(*_pool_line("avgpool", layer), *flags)


def _adaptive_line(short: str, long: str) -> Write:
    def write(layer: AdaptiveAvgPool | AdaptiveMaxPool, x: Shape) -> str:  # noqa: ARG001
        size = layer.output_size
        if all(each == 1 for each in size):
            return short
        return line(long, "x".join(map(str, size)) if len(size) > 1 else f"size={size[0]}")

    return write


def _global(kind: str, layer: Callable[[Size], AdaptiveAvgPool | AdaptiveMaxPool], op: str) -> Callable[[Arguments], Layers]:
    return lambda o: [(kind, Reduce(op, (1,)) if o.tokens else layer((1,) * o.axes))]


def _unpool(o: Arguments) -> Layers:
    """To the size of what the pooling read."""
    pooled = o.value("of")
    if not isinstance(pooled, Tensor) or not pooled.pooled_from:
        raise o.error(f"takes the name of a max pooling's output, not {describe_kind(pooled)}", "of", _UNPOOL)
    return [("indices", MaxIndices(), (pooled,)), ("unpool", MaxUnpool(pooled.pooled_from), (0, 1))]


_unpool_line = unsayable("it needs the name of a max pooling's output")
_UNPOOL = "as in 'maxpool 2x2 -> p1' and, further on, 'unpool p1'"


word(
    "maxpool",
    Word(
        _max,
        "Maximum over a window; the stride is the kernel, and there is no padding unless given.",
        (
            Example("maxpool 3x3 s2 p1", "16x16x16"),
            Example("maxpool 3x3 s2 ceil", "16x16x16", "a window may stand out at the end"),
        ),
        options=SLIDE,
        flags=("same", "ceil"),
        required=("kernel",),
        shorthand="kernel",
    ),
    {MaxPool: _max_line},
)
word(
    "avgpool",
    Word(
        _average,
        "Mean over a window; exclude_pad leaves the padding out of it.",
        (
            Example("avgpool 2x2", "16x16x16"),
            Example("avgpool 3x3 s1 p1 exclude_pad", "16x32x32", "the padding is no part of the mean"),
        ),
        options=("stride", "pad"),
        flags=("same", "ceil", "exclude_pad"),
        required=("kernel",),
        shorthand="kernel",
        form="as in 'avgpool 3x3 s1 p1'",
    ),
    {AvgPool: _average_line},
)
word(
    "subsample",
    Word(
        _subsample,
        "LeNet's pooling, with two weights a map.",
        (Example("subsample 2x2", "16x16x16"),),
        options=("stride",),
        required=("kernel",),
        shorthand="kernel",
    ),
    {Subsample: lambda layer, _: line(*_pool_line("subsample", layer))},
)
word(
    "unpool",
    Word(
        _unpool,
        "Values put back to where the maxima of a named max pooling lay, zeros elsewhere (SegNet).",
        (Example("maxpool 2x2 -> p1 | unpool p1", "16x32x32"),),
        positional=("of",),
        required=("of",),
        form=_UNPOOL,
    ),
    {MaxUnpool: _unpool_line, MaxIndices: _unpool_line},
)
word(
    "gap",
    Word(
        _global("gap", AdaptiveAvgPool, "mean"),
        "Global average pooling; of tokens the mean of all.",
        (Example("gap", "16x1x1"), Example("tokens | gap", "16")),
        on_tokens=True,
    ),
    {AdaptiveAvgPool: _adaptive_line("gap", "adaptive_avgpool")},
)
word(
    "gmp",
    Word(
        _global("gmp", AdaptiveMaxPool, "amax"),
        "Global maximum pooling; of tokens the largest of all.",
        (Example("gmp", "16x1x1"),),
        on_tokens=True,
    ),
    {AdaptiveMaxPool: _adaptive_line("gmp", "adaptive_maxpool")},
)
word(
    "adaptive_avgpool",
    Word(
        lambda o: [("avgpool", AdaptiveAvgPool(_positions(o)))],
        "Mean of as many windows as asked for.",
        (Example("adaptive_avgpool 7x7", "16x7x7"),),
        required=("size",),
        shorthand="size",
        form="as in 'adaptive_avgpool 6x6'",
    ),
)
word(
    "adaptive_maxpool",
    Word(
        lambda o: [("maxpool", AdaptiveMaxPool(_positions(o)))],
        "Maximum of as many windows as asked for.",
        (Example("adaptive_maxpool 7x7", "16x7x7"),),
        required=("size",),
        shorthand="size",
        form="as in 'adaptive_maxpool 6x6'",
    ),
)
