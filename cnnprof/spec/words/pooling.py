"""Pooling."""

from __future__ import annotations

from cnnprof.network.dims import Shape, known
from cnnprof.network.layers.convolution import Size
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
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.values import Tensor, describe_kind
from cnnprof.spec.words.base import Example, Layers, Write, examples, unsayable, word
from cnnprof.spec.words.windows import dilation, kernel, letter, line, pool_padding, sized, stride_or_kernel

MOST_POSITIONS = 4096
"""The largest output of an adaptive pool along an axis."""


def _positions(o: Arguments) -> Size:
    size = o.each("size", 1)
    if any(known(positions) and positions > MOST_POSITIONS for positions in size):
        raise o.error(f"an adaptive pool has at most {MOST_POSITIONS} positions along an axis", "size")
    return size


def _pool_line(word: str, layer: MaxPool | AvgPool | Subsample) -> tuple[str, ...]:
    return (word, sized(layer.kernel_size), letter("s", layer.stride, layer.kernel_size), letter("p", layer.padding, 0))


def _max_line(layer: MaxPool, x: Shape) -> str:
    return line(*_pool_line("maxpool", layer), letter("d", layer.dilation, 1), "ceil" if layer.ceil_mode else "")


def _average_line(layer: AvgPool, x: Shape) -> str:
    flags = ("ceil" if layer.ceil_mode else "", "" if layer.count_include_pad else "exclude_pad")
    return line(*_pool_line("avgpool", layer), *flags)


def _adaptive_line(short: str, long: str) -> Write:
    def write(layer: AdaptiveAvgPool | AdaptiveMaxPool, x: Shape) -> str:
        size = layer.output_size
        if all(each == 1 for each in size):
            return short
        return line(long, "x".join(map(str, size)) if len(size) > 1 else f"size={size[0]}")

    return write


_UNPOOL = "as in 'maxpool 2x2 -> p1' and, further on, 'unpool p1'"


@word(
    "maxpool {kernel} [stride= pad= dilation=] [same ceil]",
    *examples("""
        maxpool 3x3 s2 p1    16x16x16
        maxpool 3x3 s2 ceil  16x16x16  a window may stand out at the end
    """),
    writes={MaxPool: _max_line},
)
def _max(o: Arguments) -> Layers:
    """Maximum over a window; the stride is the kernel, and there is no padding unless given."""
    before, padding = pool_padding(o, float("-inf"))
    return [*before, ("maxpool", MaxPool(kernel(o), stride_or_kernel(o), padding, o.flag("ceil"), dilation(o)))]


@word(
    "avgpool {kernel} [stride= pad=] [same ceil exclude_pad]",
    *examples("""
        avgpool 2x2                    16x16x16
        avgpool 3x3 s1 p1 exclude_pad  16x32x32  the padding is no part of the mean
    """),
    writes={AvgPool: _average_line},
    form="as in 'avgpool 3x3 s1 p1'",
)
def _average(o: Arguments) -> Layers:
    """Mean over a window; exclude_pad leaves the padding out of it.

    An even `same` does so, too, as TensorFlow has it.
    """
    before, padding = pool_padding(o, 0.0)
    exclude = o.flag("exclude_pad") or o.flag("same")
    return [*before, ("avgpool", AvgPool(kernel(o), stride_or_kernel(o), padding, o.flag("ceil"), not exclude))]


@word(
    "subsample {kernel} [stride=]",
    Example("subsample 2x2", "16x16x16"),
    writes={Subsample: lambda layer, _: line(*_pool_line("subsample", layer))},
)
def _subsample(o: Arguments) -> Layers:
    """LeNet's pooling, with two weights a map."""
    size = kernel(o)
    return [("subsample", Subsample(size, stride_or_kernel(o), (0,) * len(size)))]


@word(
    "unpool <of>",
    Example("maxpool 2x2 -> p1 | unpool p1", "16x32x32"),
    writes=dict.fromkeys((MaxUnpool, MaxIndices), unsayable("it needs the name of a max pooling's output")),
    form=_UNPOOL,
)
def _unpool(o: Arguments) -> Layers:
    """Values put back to where the maxima of a named max pooling lay, zeros elsewhere (SegNet)."""
    pooled = o.value("of")
    if not isinstance(pooled, Tensor) or not pooled.pooled_from:
        raise o.error(f"takes the name of a max pooling's output, not {describe_kind(pooled)}", "of", _UNPOOL)
    # To the size of what the pooling read.
    return [("indices", MaxIndices(), (pooled,)), ("unpool", MaxUnpool(pooled.pooled_from), (0, 1))]


@word(
    "gap",
    *examples("""
        gap           16x1x1
        tokens | gap  16
    """),
    writes={AdaptiveAvgPool: _adaptive_line("gap", "adaptive_avgpool")},
    on_tokens=True,
)
def _global_average(o: Arguments) -> Layers:
    """Global average pooling; of tokens the mean of all."""
    return [("gap", Reduce("mean", tuple(range(1, o.channels))) if o.tokens else AdaptiveAvgPool((1,) * o.axes))]


@word("gmp", Example("gmp", "16x1x1"), writes={AdaptiveMaxPool: _adaptive_line("gmp", "adaptive_maxpool")}, on_tokens=True)
def _global_max(o: Arguments) -> Layers:
    """Global maximum pooling; of tokens the largest of all."""
    return [("gmp", Reduce("amax", tuple(range(1, o.channels))) if o.tokens else AdaptiveMaxPool((1,) * o.axes))]


@word("adaptive_avgpool {size}", Example("adaptive_avgpool 7x7", "16x7x7"), form="as in 'adaptive_avgpool 6x6'")
def _adaptive_average(o: Arguments) -> Layers:
    """Mean of as many windows as asked for."""
    return [("avgpool", AdaptiveAvgPool(_positions(o)))]


@word("adaptive_maxpool {size}", Example("adaptive_maxpool 7x7", "16x7x7"), form="as in 'adaptive_maxpool 6x6'")
def _adaptive_max(o: Arguments) -> Layers:
    """Maximum of as many windows as asked for."""
    return [("maxpool", AdaptiveMaxPool(_positions(o)))]
