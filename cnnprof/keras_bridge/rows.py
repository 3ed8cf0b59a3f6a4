"""The layers that each Keras class amounts to. Tensors have their channels in front here, whatever Keras's own order is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cnnprof.network.dims import Shape
from cnnprof.network.layers import Layer
from cnnprof.network.layers import activation as activations
from cnnprof.network.layers.arrangement import Flatten, Identity, Pad, Permute, Reshape, Slice, Upsample
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import Linear, Parameter
from cnnprof.network.layers.merging import Add, Concat, Max, Mean, Mul
from cnnprof.network.layers.normalization import BatchNorm, GroupNorm, LayerNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool
from cnnprof.network.layers.regularization import Dropout


class UnknownFormError(Exception):
    """A layer in a form that its row does not know; it is named as not counted."""


class Call(Protocol):
    """One call of a Keras layer: its configuration, the names of its inputs, and where its layers go."""

    config: dict[str, Any]
    inputs: Sequence[str]
    numbers: Sequence[float]

    def shape(self, name: str) -> Shape:
        """The sizes of a tensor, channels in front."""

    def add(self, word: str, layer: Layer, *inputs: str) -> str:
        """A new node, named after the Keras layer and, if not empty, the word."""

    def ordered(self, shape: Sequence[Any]) -> Shape:
        """Sizes without the batch as Keras has them, with the channels in front."""

    def position(self, axis: int, rank: int) -> int:
        """Where an axis of Keras's stands here."""


Row = Callable[[Call], str]
"""The name of the last node. Raises UnknownFormError where the form is not known."""

ROWS: dict[str, Row] = {}
"""The row of each class, by its name."""


def row(*names: str) -> Callable[[Row], Row]:
    """Register a row under class names; a second one for a name is refused."""

    def register(function: Row) -> Row:
        for name in names:
            if name in ROWS:
                raise ValueError(f"class '{name}' has two rows")
            ROWS[name] = function
        return function

    return register


def _activations() -> dict[str, Layer | None]:
    plain = {
        "relu": activations.ReLU(),
        "relu6": activations.ReLU6(),
        "silu": activations.SiLU(),
        "sigmoid": activations.Sigmoid(),
        "tanh": activations.Tanh(),
        "gelu": activations.GELU(),
        "elu": activations.ELU(),
        "softplus": activations.Softplus(),
        "mish": activations.Mish(),
        "hard_sigmoid": activations.Hardsigmoid(),
        "hard_silu": activations.Hardswish(),
        "leaky_relu": activations.LeakyReLU(),
        "softmax": activations.Softmax(1),
        "log_softmax": activations.Softmax(1, log=True),
        "exponential": Arithmetic("exp", "exp"),
        "selu": Arithmetic("selu", "exp"),
        "softsign": Arithmetic("softsign", "div"),
    }
    return {**plain, "swish": plain["silu"], "hard_swish": plain["hard_silu"], "linear": None}


_ACTIVATIONS = _activations()


def activated(call: Call, name: str, said: Any) -> str:
    """The output behind an activation, which a configuration has as a name or as an object."""
    if isinstance(said, dict):
        inner = said.get("config")
        said = inner if isinstance(inner, str) else said.get("class_name", "").lower()
    if said is None:
        return name
    if said not in _ACTIVATIONS:
        raise UnknownFormError(f"the activation '{said}'")
    layer = _ACTIVATIONS[said]
    return name if layer is None else call.add(str(said), layer, name)


def _entries(value: Any, axes: int) -> Shape:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * axes


def _padded(call: Call, name: str, reach: Shape, strides: Shape, value: float = 0.0) -> tuple[str, Shape]:
    """What `padding` makes of the input, and the padding that is left to the window.

    `same` makes ceil(size / stride) positions; an odd row goes behind (TensorFlow's rule), as a layer of its own.
    """
    padding = call.config.get("padding", "valid")
    if padding == "valid":
        return name, (0,) * len(reach)
    if padding not in ("same", "causal"):
        raise UnknownFormError(f"the padding '{padding}'")
    pairs = []
    for size, k, s in zip(call.shape(name)[2:], reach, strides, strict=True):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        pairs.append((total, 0) if padding == "causal" else (total // 2, total - total // 2))
    if all(before == after for before, after in pairs):
        return name, tuple(before for before, _ in pairs)
    return call.add("pad", Pad(tuple(pairs), value=value), name), (0,) * len(reach)


def _window(call: Call, name: str) -> tuple[Shape, Shape, Shape]:
    axes = len(call.shape(name)) - 2
    return tuple(_entries(call.config.get(key, 1), axes) for key in ("kernel_size", "strides", "dilation_rate"))  # type: ignore[return-value]


def _convolved(call: Call, word: str, name: str, filters: int, groups: int, bias: bool) -> str:
    kernel, strides, dilation = _window(call, name)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    name, padding = _padded(call, name, reach, strides)
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


@row("Normalization", "Rescaling")
def _rescaled(call: Call) -> str:
    return call.add("shifted", Arithmetic("sub", "add"), call.add("", Arithmetic("mul", "mul"), call.inputs[0]))


@row("Activation")
def _activation(call: Call) -> str:
    return activated(call, call.inputs[0], call.config["activation"])


@row("ReLU")
def _relu(call: Call) -> str:
    highest, slope = call.config.get("max_value"), call.config.get("negative_slope") or 0.0
    layer: Layer = activations.ReLU6() if highest == 6 else activations.ReLU()
    if highest not in (None, 6):
        layer = Arithmetic("clamp", "cmp", count=2)
    return call.add("", activations.LeakyReLU(negative_slope=slope) if slope else layer, call.inputs[0])


@row("LeakyReLU", "ELU", "Softmax")
def _named(call: Call) -> str:
    config, x = call.config, call.inputs[0]
    kind = str(config.get("class_name"))
    if kind == "Softmax":
        rank = len(call.shape(x))
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) else axis
        return call.add("", activations.Softmax(call.position(axis % rank, rank)), x)
    slope = float(config.get("negative_slope", config.get("alpha", 0.3 if kind == "LeakyReLU" else 1.0)))
    return call.add("", activations.LeakyReLU(negative_slope=slope) if kind == "LeakyReLU" else activations.ELU(alpha=slope), x)


@row("PReLU")
def _prelu(call: Call) -> str:
    shape, shared = call.shape(call.inputs[0]), call.config.get("shared_axes") or []
    if len(shared) != len(shape) - 2:
        raise UnknownFormError("a slope for each position")
    return call.add("", activations.PReLU(), call.inputs[0])


@row("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def _pool(call: Call) -> str:
    config, x = call.config, call.inputs[0]
    axes = len(call.shape(x)) - 2
    kernel = _entries(config.get("pool_size", 2), axes)
    strides = _entries(config.get("strides") or kernel, axes)
    largest = str(config.get("class_name")).startswith("Max")
    x, padding = _padded(call, x, kernel, strides, -math.inf if largest else 0.0)
    layer = MaxPool(kernel, strides, padding, False, (1,) * axes)
    return call.add("", layer if largest else AvgPool(kernel, strides, padding, count_include_pad=not any(padding)), x)


@row(*(f"Global{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2, 3)))
def _global(call: Call) -> str:
    x = call.inputs[0]
    one = (1,) * (len(call.shape(x)) - 2)
    average = str(call.config.get("class_name")).startswith("GlobalAverage")
    name = call.add("", AdaptiveAvgPool(one) if average else AdaptiveMaxPool(one), x)
    return name if call.config.get("keepdims") else call.add("flatten", Flatten(), name)


@row("Add", "Multiply", "Average", "Maximum", "Subtract", "Minimum")
def _join(call: Call) -> str:
    kind = str(call.config.get("class_name"))
    ops = {"Add": ("add", "add"), "Multiply": ("mul", "mul"), "Subtract": ("sub", "add"), "Minimum": ("minimum", "cmp")}
    if len(call.inputs) == 1 and call.numbers and kind in ops:
        return call.add("", Arithmetic(*ops[kind], float(call.numbers[0])), *call.inputs)
    joins: dict[str, Layer] = {"Add": Add(), "Multiply": Mul(), "Average": Mean(), "Maximum": Max()}
    return call.add("", joins[kind] if kind in joins else Arithmetic(*ops[kind]), *call.inputs)


@row("Concatenate")
def _concatenate(call: Call) -> str:
    rank = len(call.shape(call.inputs[0]))
    axis = call.position(call.config.get("axis", -1) % rank, rank)
    return call.add("", Concat(axis), *call.inputs) if len(call.inputs) > 1 else call.inputs[0]


@row("Flatten")
def _flatten(call: Call) -> str:
    return call.add("", Flatten(), call.inputs[0])


@row("Reshape")
def _reshape(call: Call) -> str:
    shape = call.shape(call.inputs[0])
    target = list(call.config["target_shape"])
    if -1 in target:
        rest = -math.prod(target)
        target[target.index(-1)] = math.prod(shape[1:]) // max(rest, 1)
    return call.add("", Reshape((shape[0], *call.ordered(target))), call.inputs[0])


@row("Permute")
def _permute(call: Call) -> str:
    rank = len(call.shape(call.inputs[0]))
    order = [0] * rank
    for new, old in enumerate(call.config["dims"], 1):
        order[call.position(new, rank)] = call.position(old, rank)
    return call.add("", Permute(tuple(order)), call.inputs[0])


def _pairs(value: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Amounts before and behind, which Keras takes as one number, one an axis, or two an axis."""
    entries = [value] * axes if isinstance(value, int) else list(value)
    if axes == 1 and len(entries) == 2:
        entries = [entries]
    return tuple((each, each) if isinstance(each, int) else (each[0], each[1]) for each in entries)


@row("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def _zero_padding(call: Call) -> str:
    return call.add("", Pad(_pairs(call.config["padding"], len(call.shape(call.inputs[0])) - 2)), call.inputs[0])


@row("Cropping1D", "Cropping2D", "Cropping3D")
def _cropping(call: Call) -> str:
    name = call.inputs[0]
    for axis, (before, behind) in enumerate(_pairs(call.config["cropping"], len(call.shape(name)) - 2), 2):
        if before or behind:
            name = call.add("", Slice(axis, before, call.shape(name)[axis] - before - behind), name)
    return name


@row("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _upsampling(call: Call) -> str:
    axes = len(call.shape(call.inputs[0])) - 2
    mode = call.config.get("interpolation", "nearest")
    if mode not in ("nearest", "bilinear", "bicubic"):
        raise UnknownFormError(f"the interpolation '{mode}'")
    return call.add("", Upsample(_entries(call.config.get("size", 2), axes), mode), call.inputs[0])


@row("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout")
def _dropout(call: Call) -> str:
    return call.add("", Dropout(float(call.config.get("rate", 0.5))), call.inputs[0])


@row("GaussianNoise", "ActivityRegularization", "Identity")
def _identity(call: Call) -> str:
    return call.add("", Identity(), call.inputs[0])
