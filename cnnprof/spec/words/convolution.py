"""Convolutions."""

from __future__ import annotations

from cnnprof.network.dims import Dim, Shape, ceil_div, maximum
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.spec.arguments import Arguments
from cnnprof.spec.words.base import Example, Layers, examples, word
from cnnprof.spec.words.windows import (
    channels,
    conv_padding,
    dilation,
    kernel,
    letter,
    line,
    odd_padding,
    sized,
    stride,
)


def _partial(o: Arguments, filters: Dim) -> Layers:
    matrix = o.table("connect").matrix
    if matrix is None:
        raise o.error("a connection table holds nothing but X and .", "connect")
    if filters != len(matrix[0]):
        raise o.error(f"the table connects {len(matrix[0])} filters, not {filters}", "out")
    for option in ("groups", "dilation"):
        if option in o.given:
            raise o.error(f"a connection table goes with no {option}", option)
    before, padding = conv_padding(o)
    return [*before, ("conv", PartialConv(matrix, kernel(o), stride(o), padding, o.bias))]


def _is_number_of_filters(multiplier: Dim, count: Dim) -> bool:
    """Whether a multiplier is most likely meant as the number of filters, as `conv` takes it."""
    return type(count) is int and type(multiplier) is int and count > 1 and multiplier >= min(max(count, 3), 16)


def _conv_line(layer: Conv, x: Shape) -> str:
    depthwise = layer.is_depthwise(x)
    multiplier = layer.out_channels // x[1]
    filters = str(layer.out_channels)
    if depthwise:
        named = "multiplier=" if _is_number_of_filters(multiplier, x[1]) else ""
        filters = "" if multiplier == 1 else f"{named}{multiplier}"
    odd = tuple(d * (k - 1) // 2 for k, d in zip(layer.kernel_size, layer.dilation, strict=True))
    return line(
        "dw" if depthwise else "conv",
        sized(layer.kernel_size),
        filters,
        letter("s", layer.stride, 1),
        letter("p", layer.padding, odd if all(k % 2 for k in layer.kernel_size) else None),
        letter("d", layer.dilation, 1),
        "" if depthwise or layer.groups == 1 else f"g{layer.groups}",
        "" if layer.bias else "nobias",
    )


def _transposed_line(layer: ConvTranspose, x: Shape) -> str:
    extra = ",".join(map(str, layer.output_padding))
    return line(
        "deconv",
        sized(layer.kernel_size),
        str(layer.out_channels),
        letter("s", layer.stride, 1),
        letter("p", layer.padding, None),
        letter("d", layer.dilation, 1),
        "" if layer.groups == 1 else f"g{layer.groups}",
        f"output_pad=({extra})" if any(layer.output_padding) else "",
        "" if layer.bias else "nobias",
    )


@word(
    "conv {kernel} <out> [stride= pad= dilation= groups= connect=] [same bias nobias]",
    *examples("""
        conv 3x3 64             64x32x32
        conv 3x3 64 p0          64x30x30  not padded
        conv 7x7 64 s2 bn relu  64x16x16  stride 2, no bias, normalized
        conv 1x7 8              8x32x32   height x width, padded by 0 and 3
        conv 3x3 64 s2x1        64x16x32  a stride for each axis
        conv 3x3 64 g4          64x32x32  four groups
        conv 3x3 64 d2          64x32x32  dilated: it reaches over 5x5
        conv 4x4 64 s4 p0       64x8x8    patches
        conv 3x3 64 s2 same     64x16x16  padded as TensorFlow pads: the input over the stride, rounded up
    """),
    writes={Conv: _conv_line},
    form="as in 'conv 3x3 64 s2 bn relu': kernel, filters, options",
)
def _conv(o: Arguments) -> Layers:
    """Convolution; an odd kernel is padded by (k-1)/2, an even one says pad or same. It has a bias unless bn follows.

    With a connection table it is LeNet's.
    """
    filters = o.whole("out")
    if "connect" in o.given:
        return _partial(o, filters)
    before, padding = conv_padding(o)
    return [*before, ("conv", Conv(filters, kernel(o), stride(o), padding, dilation(o), o.whole("groups", 1), o.bias))]


@word(
    "dw {kernel} [<multiplier>] [stride= pad= dilation=] [same bias nobias]",
    *examples("""
        dw 3x3 s2  16x16x16
        dw 3x3 2   32x32x32  two filters a channel
    """),
    form="as in 'dw 3x3 s2 bn relu': kernel, options",
)
def _depthwise(o: Arguments) -> Layers:
    """Depthwise convolution: one filter a channel, or `multiplier` filters."""
    count, multiplier = channels(o), o.whole("multiplier", 1)
    if not o.named("multiplier") and _is_number_of_filters(multiplier, count):
        hint = f"dw has a filter for each of the {count} channels without a number; write multiplier={multiplier} for so many"
        raise o.error(f"{multiplier} filters for each channel give {count * multiplier} channels", "multiplier", hint)
    before, padding = conv_padding(o)
    filters = count * multiplier
    return [*before, ("dw", Conv(filters, kernel(o), stride(o), padding, dilation(o), count, o.bias))]


@word(
    "sepconv {kernel} <out> [stride= pad= dilation=] [same bias nobias]",
    Example("sepconv 3x3 64", "64x32x32"),
    form="as in 'sepconv 3x3 64 s2': kernel, filters, options",
)
def _separable(o: Arguments) -> Layers:
    """A depthwise convolution and a 1x1 convolution."""
    count = channels(o)
    before, padding = conv_padding(o)
    depth = Conv(count, kernel(o), stride(o), padding, dilation(o), count, o.bias)
    one, none = (1,) * len(padding), (0,) * len(padding)
    return [*before, ("dw", depth), ("conv", Conv(o.whole("out"), one, one, none, one, bias=o.bias))]


@word(
    "deconv {kernel} <out> [stride= pad= dilation= groups= output_pad=] [same bias nobias]",
    Example("deconv 4x4 8 s2 p1", "8x64x64"),
    writes={ConvTranspose: _transposed_line},
    form="as in 'deconv 4x4 64 s2 p1': kernel, filters, options",
)
def _transposed(o: Arguments) -> Layers:
    """Transposed convolution; with same, the output is the input times the stride."""
    size, step, gaps = kernel(o), stride(o), dilation(o)
    extra = o.each("output_pad", 0, least=0)
    if o.flag("same"):
        for option in ("pad", "output_pad"):
            if option in o.given:
                raise o.error(f"takes one of 'same' and {option}", option)
        surplus = [d * (k - 1) + 1 - s for k, s, d in zip(size, step, gaps, strict=True)]
        padding = tuple([ceil_div(maximum(size, 0), 2) for size in surplus])
        extra = tuple([2 * half - size for half, size in zip(padding, surplus, strict=True)])
    else:
        padding = odd_padding(o)
    return [("deconv", ConvTranspose(o.whole("out"), size, step, padding, extra, gaps, o.whole("groups", 1), o.bias))]
