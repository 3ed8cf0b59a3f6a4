"""The line of a spec that says a layer: `layer_words` read backwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import Activation, Softmax
from cnnprof.network.layers.arrangement import ChannelShuffle, Flatten, Pad, Slice, Upsample
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import RBF, Linear, Parameter
from cnnprof.network.layers.normalization import BatchNorm, LayerNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AdaptivePool, AvgPool, MaxPool, Subsample
from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.spec.words import ACTIVATIONS

Sizes = tuple[int, ...]


class UnsayableError(Exception):
    """The language has no words for a layer; the message says what it lacks."""


def write_layer(layer: Layer, x: Shape) -> str:
    """The step that builds the layer for an input of shape `x`, an activation apart from what it follows.

    Raises UnsayableError if there is none.
    """
    write = _LINES.get(type(layer))
    if write is None:
        if isinstance(layer, Activation):
            return _activation(layer)
        raise UnsayableError("there is no word for it")
    if isinstance(layer, (Conv, ConvTranspose, AdaptivePool, Subsample, MaxPool, AvgPool)) and len(x) != 4:
        raise UnsayableError(f"it works on {len(x) - 2} spatial axes, and words are for 2")
    return write(layer, x)


def _conv(layer: Conv, x: Shape) -> str:
    depthwise = layer.groups == x[1] > 1
    multiplier = layer.out_channels // x[1]
    filters = ("" if multiplier == 1 else str(multiplier)) if depthwise else str(layer.out_channels)
    odd = tuple(d * (k - 1) // 2 for k, d in zip(layer.kernel_size, layer.dilation, strict=True))
    implied = odd if all(k % 2 for k in layer.kernel_size) else None
    return _words(
        "dw" if depthwise else "conv",
        _pair(layer.kernel_size),
        filters,
        _letter("s", layer.stride, (1, 1)),
        _letter("p", layer.padding, implied),
        _letter("d", layer.dilation, (1, 1)),
        "" if depthwise or layer.groups == 1 else f"g{layer.groups}",
        "" if layer.bias else "nobias",
    )


def _transposed(layer: ConvTranspose, x: Shape) -> str:  # noqa: ARG001 - every writer is called the same way
    extra = "" if layer.output_padding == (0, 0) else f"output_pad=({layer.output_padding[0]},{layer.output_padding[1]})"
    return _words(
        "deconv",
        _pair(layer.kernel_size),
        str(layer.out_channels),
        _letter("s", layer.stride, (1, 1)),
        _letter("p", layer.padding, None),
        _letter("d", layer.dilation, (1, 1)),
        "" if layer.groups == 1 else f"g{layer.groups}",
        extra,
        "" if layer.bias else "nobias",
    )


def _linear(layer: Linear, x: Shape) -> str:
    if len(x) != 2:
        raise UnsayableError("it works on the last axis of a tensor that is not flat")
    return _words("fc", str(layer.out_features), "" if layer.bias else "nobias")


def _max_pool(layer: MaxPool, x: Shape) -> str:  # noqa: ARG001
    return _words(*_pool("maxpool", layer), _letter("d", layer.dilation, (1, 1)), "ceil" if layer.ceil_mode else "")


def _average_pool(layer: AvgPool, x: Shape) -> str:  # noqa: ARG001
    flags = ("ceil" if layer.ceil_mode else "", "" if layer.count_include_pad else "exclude_pad")
    return _words(*_pool("avgpool", layer), *flags)


def _pool(word: str, layer: MaxPool | AvgPool) -> tuple[str, ...]:
    letters = (_letter("s", layer.stride, layer.kernel_size), _letter("p", layer.padding, (0, 0)))
    return (word, _pair(layer.kernel_size), *letters)


def _subsample(layer: Subsample, x: Shape) -> str:  # noqa: ARG001
    return _words("subsample", _pair(layer.kernel_size), _letter("s", layer.stride, layer.kernel_size))


def _adaptive(short: str, long: str) -> Callable[[Any, Shape], str]:
    return lambda layer, _: short if layer.output_size == (1, 1) else f"{long} {_pair(layer.output_size)}"


def _batch_norm(layer: BatchNorm, x: Shape) -> str:  # noqa: ARG001
    return _words("bn", "" if layer.eps == 1e-5 else f"eps={_number(layer.eps)}", "" if layer.affine else "noaffine")


def _layer_norm(layer: LayerNorm, x: Shape) -> str:
    if layer.channels_first != (len(x) > 2) or (not layer.channels_first and layer.axes != 1):
        raise UnsayableError("it does not normalize over the channels")
    return _words("ln", "" if layer.eps == 1e-5 else f"eps={_number(layer.eps)}", "" if layer.affine else "noaffine")


def _response_norm(layer: LocalResponseNorm, x: Shape) -> str:  # noqa: ARG001
    default = LocalResponseNorm()
    options = (f"{n}={_number(getattr(layer, n))}" for n in ("alpha", "beta", "k") if getattr(layer, n) != getattr(default, n))
    return _words("lrn", "" if layer.size == default.size else str(layer.size), *options)


def _arithmetic(layer: Arithmetic, x: Shape) -> str:  # noqa: ARG001
    if layer.value is None or layer != Arithmetic("mul", "mul", layer.value):
        raise UnsayableError("there is no word for it")
    return f"scale {_number(layer.value)}"


def _flatten(layer: Flatten, x: Shape) -> str:  # noqa: ARG001
    if layer.start_dim != 1:
        raise UnsayableError("it does not flatten all axes behind the batch")
    return "flatten"


def _take(layer: Slice, x: Shape) -> str:
    if layer.dim % len(x) != 1 or layer.step != 1:
        raise UnsayableError("it does not take a run of channels")
    return f"take {layer.start} {layer.start + layer.length}"


def _padding(layer: Pad, x: Shape) -> str:
    axes = len(layer.amounts)
    if layer.mode != "constant" or len(x) != 4 or axes not in (2, 3):
        raise UnsayableError(f"it pads {axes} axes of {len(x)} in the mode '{layer.mode}'")
    ends = [end for amounts in layer.amounts for end in amounts]
    crops = max(ends) <= 0 and min(ends) < 0
    amounts = [(-before, -after) if crops else (before, after) for before, after in layer.amounts]
    if (axes == 3 and min(amounts[0]) < 0) or layer.value in (float("inf"), float("-inf")):
        raise UnsayableError("it cuts channels off, or pads with infinity")
    channels = f"channels={_ends(amounts[0])}" if axes == 3 else ""
    value = "" if crops or layer.value == 0 else f"value={_number(layer.value)}"
    return _words("crop" if crops else "pad", _ends(amounts[-2]), _ends(amounts[-1]), channels, value)


def _upsample(layer: Upsample, x: Shape) -> str:
    if layer.mode not in ("nearest", "bilinear"):
        raise UnsayableError(f"it resizes in the mode '{layer.mode}'")
    factor = layer.scale_factor
    if layer.size and len(x) == 4 and all(to % size == 0 for to, size in zip(layer.size, x[2:], strict=True)):
        factor = tuple(to // size for to, size in zip(layer.size, x[2:], strict=True))
    if len(factor) != 2:
        raise UnsayableError("it does not enlarge both axes by whole factors")
    return _words("upsample", _pair(factor), "bilinear" if layer.mode == "bilinear" else "")


def _softmax(layer: Softmax, x: Shape) -> str:
    if layer.log or layer.dim % len(x) != 1:
        raise UnsayableError("it is a logarithm, or not over the channels")
    return "softmax"


def _activation(layer: Activation) -> str:
    word = type(layer).__name__.lower()
    if word not in ACTIVATIONS or getattr(layer, "approximate", "none") != "none":
        raise UnsayableError("there is no word for it")
    default = type(layer)()
    options = (option for option in ACTIVATIONS[word].positional if getattr(layer, option) != getattr(default, option))
    return _words(word, *(_number(getattr(layer, option)) for option in options), "inplace" if layer.inplace else "")


def _words(*words: str) -> str:
    return " ".join(word for word in words if word)


def _pair(size: Sizes) -> str:
    return "x".join(map(str, size))


def _letter(letter: str, size: Sizes, default: Sizes | None) -> str:
    if size == default:
        return ""
    return f"{letter}{size[0]}" if len(set(size)) == 1 else f"{letter}{_pair(size)}"


def _ends(pair: tuple[int, int]) -> str:
    return f"({pair[0]},{pair[1]})"


def _number(value: float) -> str:
    """The number without an exponent and without a needless point."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_LINES: Mapping[type[Layer], Callable[[Any, Shape], str]] = {
    Conv: _conv,
    ConvTranspose: _transposed,
    Linear: _linear,
    RBF: lambda layer, _: f"rbf {layer.out_features}",
    MaxPool: _max_pool,
    AvgPool: _average_pool,
    Subsample: _subsample,
    AdaptiveAvgPool: _adaptive("gap", "adaptive_avgpool"),
    AdaptiveMaxPool: _adaptive("gmp", "adaptive_maxpool"),
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    LocalResponseNorm: _response_norm,
    Dropout: lambda layer, _: _words("dropout", _number(layer.p), "channels" * layer.channels),
    StochasticDepth: lambda layer, _: f"droppath {_number(layer.p)}",
    Arithmetic: _arithmetic,
    Flatten: _flatten,
    Parameter: lambda layer, _: f"parameter ({', '.join(map(str, layer.size))})",
    ChannelShuffle: lambda layer, _: f"shuffle {layer.groups}",
    Slice: _take,
    Pad: _padding,
    Upsample: _upsample,
    Softmax: _softmax,
}
