"""Layers with weights: convolutions, linear layers, normalization."""

from __future__ import annotations

from cnnprof.keras_bridge.rows.base import Call, UnknownFormError, activated, entries, padded, row
from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.merging import Add, Mul
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm


def _window(call: Call, name: str) -> tuple[Shape, Shape, Shape]:
    axes = len(call.shape(name)) - 2
    return tuple(entries(call.config.get(key, 1), axes) for key in ("kernel_size", "strides", "dilation_rate"))  # type: ignore[return-value]


def _convolved(call: Call, word: str, name: str, filters: int, groups: int, bias: bool) -> str:
    kernel, strides, dilation = _window(call, name)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    name, padding = padded(call, name, reach, strides)
    return call.add(word, Conv(filters, kernel, strides, padding, dilation, groups, bias), name)


@row("Conv1D", "Conv2D", "Conv3D")
def _conv(call: Call) -> str:
    config = call.config
    name = _convolved(call, "", call.inputs[0], config["filters"], config.get("groups", 1), config.get("use_bias", True))
    return activated(call, name, config.get("activation"))


@row("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise(call: Call) -> str:
    channels = call.shape(call.inputs[0])[1]
    filters = channels * call.config.get("depth_multiplier", 1)
    name = _convolved(call, "", call.inputs[0], filters, channels, call.config.get("use_bias", True))
    return activated(call, name, call.config.get("activation"))


@row("SeparableConv1D", "SeparableConv2D")
def _separable(call: Call) -> str:
    config, channels = call.config, call.shape(call.inputs[0])[1]
    name = _convolved(call, "depthwise", call.inputs[0], channels * config.get("depth_multiplier", 1), channels, False)
    layer = _pointwise(config["filters"], len(call.shape(name)) - 2, config.get("use_bias", True))
    return activated(call, call.add("pointwise", layer, name), config.get("activation"))


def _pointwise(filters: int, axes: int, bias: bool) -> Conv:
    """A convolution of one position."""
    one = (1,) * axes
    return Conv(filters, one, one, (0,) * axes, one, bias=bias)


@row("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _transposed(call: Call) -> str:
    config, x = call.config, call.inputs[0]
    kernel, strides, dilation = _window(call, x)
    if config.get("output_padding") is not None:
        raise UnknownFormError("an output padding")
    padding, extra = [], []
    for k, s, d in zip(kernel, strides, dilation, strict=True):
        # `same` makes size * stride positions, `valid` all that the window reaches, and no fewer than the first.
        surplus = d * (k - 1) + 1 - s if config.get("padding") == "same" else min(d * (k - 1) + 1 - s, 0)
        padding.append(max(surplus + 1, 0) // 2)
        extra.append(2 * padding[-1] - surplus)
    shaped = (tuple(padding), tuple(extra), dilation)
    layer = ConvTranspose(config["filters"], kernel, strides, *shaped, bias=config.get("use_bias", True))
    return activated(call, call.add("", layer, x), config.get("activation"))


@row("Dense")
def _dense(call: Call) -> str:
    x, units, bias = call.inputs[0], call.config["units"], call.config.get("use_bias", True)
    axes = len(call.shape(x)) - 2
    # Over the channels of each position it is a convolution of one position.
    layer = _pointwise(units, axes, bias) if axes else Linear(units, bias)
    return activated(call, call.add("", layer, x), call.config.get("activation"))


def _scaled(call: Call, name: str, layer: Layer, gamma: bool, beta: bool) -> str:
    """A normalization that learns only one of its pair: a product or a sum of its own."""
    name = call.add("", layer, name)
    size = (call.shape(name)[1], *(1,) * (len(call.shape(name)) - 2))
    for word, there, join in (("gamma", gamma, Mul()), ("beta", beta, Add())):
        if there and gamma != beta:
            name = call.add(f"{word}_by", join, name, call.add(word, Parameter(size)))
    return name


@row("BatchNormalization", "SyncBatchNormalization")
def _batch_norm(call: Call) -> str:
    x, gamma, beta = call.inputs[0], call.config.get("scale", True), call.config.get("center", True)
    axis = call.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) else axis
    rank = len(call.shape(x))
    if call.position(axis % rank, rank) != 1:
        raise UnknownFormError("statistics of another axis than the channels")
    layer = BatchNorm(gamma and beta, float(call.config.get("epsilon", 1e-3)), rank - 2)
    return _scaled(call, x, layer, gamma, beta)


@row("LayerNormalization")
def _layer_norm(call: Call) -> str:
    x, gamma, beta = call.inputs[0], call.config.get("scale", True), call.config.get("center", True)
    rank, axis = len(call.shape(x)), call.config.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    if len(axes) != 1 or call.position(axes[0] % rank, rank) != 1 or call.config.get("rms_scaling"):
        raise UnknownFormError("another axis than the channels")
    layer = LayerNorm(1, rank > 2, gamma and beta, float(call.config.get("epsilon", 1e-3)))
    return _scaled(call, x, layer, gamma, beta)


@row("GroupNormalization")
def _group_norm(call: Call) -> str:
    x, gamma, beta = call.inputs[0], call.config.get("scale", True), call.config.get("center", True)
    groups = call.config.get("groups", 32)
    return _scaled(call, x, GroupNorm(call.shape(x)[1] if groups == -1 else groups, gamma and beta), gamma, beta)


@row("LayerScale")
def _layer_scale(call: Call) -> str:
    x = call.inputs[0]
    size = (call.config["projection_dim"], *(1,) * (len(call.shape(x)) - 2))
    return call.add("", Mul(), x, call.add("gamma", Parameter(size)))
