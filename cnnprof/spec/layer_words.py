"""What each layer word builds: layers in a row, each with the kind that its node is named by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cnnprof.network.dims import Dim, at_least, ceil_div, known, maximum
from cnnprof.network.layers import Layer
from cnnprof.network.layers.activation import Activation, Softmax
from cnnprof.network.layers.arrangement import ChannelShuffle, Flatten, Pad, Slice, Upsample
from cnnprof.network.layers.base import describe
from cnnprof.network.layers.convolution import Conv, ConvTranspose, PartialConv
from cnnprof.network.layers.elementwise import Arithmetic
from cnnprof.network.layers.linear import RBF, Linear, Parameter
from cnnprof.network.layers.normalization import BatchNorm, LayerNorm, LocalResponseNorm
from cnnprof.network.layers.pooling import AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, MaxPool, Subsample
from cnnprof.network.layers.regularization import Dropout, StochasticDepth
from cnnprof.spec.arguments import Arguments, Pair
from cnnprof.spec.values import describe_kind

Layers: TypeAlias = "list[tuple[str, Layer]]"

_TAKE = "'take a b' keeps the channels from a up to, and not with, b"

ONE = (1, 1)
NONE = (0, 0)
MOST_POSITIONS = 4096
"""The largest output of an adaptive pool along an axis."""


def conv(o: Arguments) -> Layers:
    """Convolution; with a connection table, LeNet's."""
    filters = o.whole("out")
    if "connect" in o.given:
        return _partial_conv(o, filters)
    before, padding = _padding(o)
    layer = Conv(filters, _kernel(o), _stride(o), padding, _dilation(o), o.whole("groups", 1), o.bias)
    return [*before, ("conv", layer)]


def depthwise(o: Arguments) -> Layers:
    """One filter a channel, or `multiplier` filters."""
    channels = _channels(o)
    before, padding = _padding(o)
    filters = channels * o.whole("multiplier", 1)
    return [*before, ("dw", Conv(filters, _kernel(o), _stride(o), padding, _dilation(o), channels, o.bias))]


def separable(o: Arguments) -> Layers:
    """A depthwise convolution and a 1x1 convolution."""
    channels = _channels(o)
    before, padding = _padding(o)
    depth = Conv(channels, _kernel(o), _stride(o), padding, _dilation(o), channels, o.bias)
    return [*before, ("dw", depth), ("conv", Conv(o.whole("out"), ONE, bias=o.bias))]


def transposed(o: Arguments) -> Layers:
    """Transposed convolution; `same` makes the output `stride` times the input."""
    kernel, stride, dilation = _kernel(o), _stride(o), _dilation(o)
    extra = o.pair("output_pad", NONE, least=0)
    if o.flag("same"):
        for option in ("pad", "output_pad"):
            if option in o.given:
                raise o.error(f"takes one of 'same' and {option}", option)
        surplus = [d * (k - 1) + 1 - s for k, s, d in zip(kernel, stride, dilation, strict=True)]
        halves = [ceil_div(maximum(size, 0), 2) for size in surplus]
        padding = (halves[0], halves[1])
        extra = (2 * halves[0] - surplus[0], 2 * halves[1] - surplus[1])
    else:
        padding = _odd_padding(o)
    return [("deconv", ConvTranspose(o.whole("out"), kernel, stride, padding, extra, dilation, o.whole("groups", 1), o.bias))]


def linear(o: Arguments) -> Layers:
    """Fully connected layer; an input with spatial axes is flattened."""
    return [*(flatten(o) if len(o.x) > 2 else []), ("fc", Linear(o.whole("out"), o.bias))]


def radial_basis(o: Arguments) -> Layers:
    """LeNet's output units; an input with spatial axes is flattened."""
    return [*(flatten(o) if len(o.x) > 2 else []), ("rbf", RBF(o.whole("out")))]


def max_pool(o: Arguments) -> Layers:
    """Maximum over a window."""
    before, padding = _pool_padding(o, float("-inf"))
    layer = MaxPool(_kernel(o), o.pair("stride", _kernel(o)), padding, o.flag("ceil"), _dilation(o))
    return [*before, ("maxpool", layer)]


def average_pool(o: Arguments) -> Layers:
    """Mean over a window; `exclude_pad` and an even `same` leave the padding out of it, as TensorFlow does."""
    before, padding = _pool_padding(o, 0.0)
    exclude = o.flag("exclude_pad") or o.flag("same")
    layer = AvgPool(_kernel(o), o.pair("stride", _kernel(o)), padding, o.flag("ceil"), not exclude)
    return [*before, ("avgpool", layer)]


def subsample(o: Arguments) -> Layers:
    """LeNet's trainable pooling."""
    return [("subsample", Subsample(_kernel(o), o.pair("stride", _kernel(o))))]


def global_average(o: Arguments) -> Layers:  # noqa: ARG001
    """Mean over all positions."""
    return [("gap", AdaptiveAvgPool(ONE))]


def global_max(o: Arguments) -> Layers:  # noqa: ARG001
    """Maximum over all positions."""
    return [("gmp", AdaptiveMaxPool(ONE))]


def adaptive_average(o: Arguments) -> Layers:
    """Mean, to a given output size."""
    return [("avgpool", AdaptiveAvgPool(_positions(o)))]


def adaptive_max(o: Arguments) -> Layers:
    """Maximum, to a given output size."""
    return [("maxpool", AdaptiveMaxPool(_positions(o)))]


def batch_norm(o: Arguments) -> Layers:
    """Normalization by stored statistics."""
    return [("bn", BatchNorm(not o.flag("noaffine"), o.number("eps", 1e-5), len(o.x) - 2))]


def layer_norm(o: Arguments) -> Layers:
    """Normalization over the channels."""
    return [("ln", LayerNorm(channels_first=len(o.x) > 2, affine=not o.flag("noaffine"), eps=o.number("eps", 1e-5)))]


def local_response_norm(o: Arguments) -> Layers:
    """AlexNet's normalization over neighbouring channels."""
    size = o.whole("size", 5)
    return [("lrn", LocalResponseNorm(size, o.number("alpha", 1e-4), o.number("beta", 0.75), o.number("k", 2.0)))]


def dropout(o: Arguments) -> Layers:
    """Zeroes elements in training, or whole channels."""
    return [("dropout", Dropout(o.number("p", 0.5, most=1.0), o.flag("channels")))]


def drop_path(o: Arguments) -> Layers:
    """Drops a branch in training."""
    return [("droppath", StochasticDepth(o.number("p", 0.0, most=1.0)))]


def scale(o: Arguments) -> Layers:
    """Every element times a number."""
    return [("scale", Arithmetic("mul", "mul", o.number("factor", 1.0, least=float("-inf"))))]


def flatten(o: Arguments) -> Layers:  # noqa: ARG001
    """All axes behind the batch made one."""
    return [("flatten", Flatten())]


def identity(o: Arguments) -> Layers:  # noqa: ARG001
    """Nothing: what follows continues from the input itself."""
    return []


def parameter(o: Arguments) -> Layers:
    """A learned tensor, to be joined with an output: `(C, 1, 1)` holds a number for each channel."""
    return [("parameter", Parameter(o.sizes("size")))]


def shuffle(o: Arguments) -> Layers:
    """Channels of groups interleaved."""
    return [("shuffle", ChannelShuffle(o.whole("groups")))]


def take(o: Arguments) -> Layers:
    """The channels from `start` up to, and not with, `end`."""
    start = o.whole("start", least=0)
    length = o.whole("end") - start
    if not at_least(length, 1):
        raise o.error(f"takes no channel from {start} to {start + length}", "end", _TAKE)
    return [("take", Slice(1, start, length))]


def pad(o: Arguments) -> Layers:
    """Rows and columns around the image, or empty channels."""
    return [("pad", Pad(_amounts(o, 1), value=_fill(o)))]


def crop(o: Arguments) -> Layers:
    """Rows, columns or channels cut off."""
    return [("crop", Pad(_amounts(o, -1)))]


def upsample(o: Arguments) -> Layers:
    """A larger grid."""
    return [("upsample", Upsample(o.pair("factor", ONE), "bilinear" if o.flag("bilinear") else "nearest"))]


def softmax(o: Arguments) -> Layers:  # noqa: ARG001
    """Probabilities over the channels."""
    return [("softmax", Softmax())]


def activate(layer: type[Activation], kind: str, parameter: str | None) -> Callable[[Arguments], Layers]:
    """The builder of an activation word."""

    def build(o: Arguments) -> Layers:
        if parameter and parameter in o.given:
            return [(kind, layer(o.behind or o.flag("inplace"), o.number(parameter, 0.0)))]  # type: ignore[call-arg]
        return [(kind, layer(o.behind or o.flag("inplace")))]

    return build


def _partial_conv(o: Arguments, filters: Dim) -> Layers:
    matrix = o.table("connect").matrix
    if matrix is None:
        raise o.error("a connection table holds nothing but X and .", "connect")
    if filters != len(matrix[0]):
        raise o.error(f"the table connects {len(matrix[0])} filters, not {filters}", "out")
    for option in ("groups", "dilation"):
        if option in o.given:
            raise o.error(f"a connection table goes with no {option}", option)
    before, padding = _padding(o)
    return [*before, ("conv", PartialConv(matrix, _kernel(o), _stride(o), padding, o.bias))]


def _kernel(o: Arguments) -> Pair:
    return o.pair("kernel", ONE)


def _stride(o: Arguments) -> Pair:
    return o.pair("stride", ONE)


def _dilation(o: Arguments) -> Pair:
    return o.pair("dilation", ONE)


def _channels(o: Arguments) -> Dim:
    if len(o.x) < 3:
        raise o.error(f"takes channels and 2 spatial axes, and its input has the shape {describe(o.x)}")
    return o.x[1]


def _padding(o: Arguments) -> tuple[Layers, Pair]:
    """What a convolution pads itself, behind a layer that pads where the two sides differ."""
    return _same(o, _stride(o), 0.0) if o.flag("same") else ([], _odd_padding(o))


def _odd_padding(o: Arguments) -> Pair:
    if "pad" in o.given:
        return o.pair("pad", NONE, least=0)
    reach = [d * (k - 1) for k, d in zip(_kernel(o), _dilation(o), strict=True)]
    if any(known(k) and k % 2 == 0 for k in _kernel(o)):
        raise o.error("an even kernel must say how it is padded", "kernel", "add p0, p1 or same")
    return reach[0] // 2, reach[1] // 2


def _pool_padding(o: Arguments, fill: float) -> tuple[Layers, Pair]:
    if o.flag("same"):
        return _same(o, o.pair("stride", _kernel(o)), fill)
    padding = o.pair("pad", NONE, least=0)
    for p, k, d in zip(padding, _kernel(o), _dilation(o), strict=True):
        if known(p) and known(k) and known(d) and 2 * p > d * (k - 1) + 1:
            raise o.error(f"a pool is padded by at most half its window, not {p} for a window of {d * (k - 1) + 1}", "pad")
    return [], padding


def _same(o: Arguments, stride: Pair, fill: float) -> tuple[Layers, Pair]:
    """TensorFlow's padding: the output is ceil(input / stride), and an odd row goes behind."""
    if "pad" in o.given:
        raise o.error("'same' and a padding exclude each other", "pad")
    _channels(o)
    axes = zip(o.x[2:], _kernel(o), stride, _dilation(o), strict=True)
    sides = [same_padding(size, d * (k - 1) + 1, s) for size, k, s, d in axes]
    if all(known(before) and before == after for before, after in sides):
        return [], (sides[0][0], sides[1][0])
    return [("pad", Pad(tuple(sides), value=fill))], NONE


def same_padding(size: Dim, reach: Dim, stride: Dim) -> Pair:
    """TensorFlow's padding before and behind an axis of this size, for a window of this extent."""
    total = reach - 1 if known(stride) and stride == 1 else maximum((ceil_div(size, stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def _positions(o: Arguments) -> Pair:
    size = o.pair("size", ONE)
    if any(known(positions) and positions > MOST_POSITIONS for positions in size):
        raise o.error(f"an adaptive pool has at most {MOST_POSITIONS} positions along an axis", "size")
    return size


def _fill(o: Arguments) -> float:
    return o.number("value", 0.0, least=float("-inf"))


def _amounts(o: Arguments, sign: int) -> tuple[Pair, ...]:
    """(before, after) for height and width, channels in front of them if they are padded too."""
    if not o.given.keys() & {"sides", "height", "channels"}:
        raise o.error("says how much, as in 'pad 1', 'pad 1x2', 'pad (0,1) (0,1)' or 'pad channels=(0,16)'")
    if "sides" in o.given:
        for option in ("height", "width"):
            if option in o.given:
                raise o.error("takes one of '1x2' and (before, after)", option)
        rows, columns = o.pair("sides", NONE, least=0)
        amounts = [(rows, rows), (columns, columns)]
    else:
        height = _ends(o, "height", NONE)
        amounts = [height, _ends(o, "width", height)]
    if "channels" in o.given:
        amounts.insert(0, _ends(o, "channels", NONE))
    if len(o.x) < 2 + len(amounts[-2:]):
        raise o.error(f"takes channels and 2 spatial axes, and its input has the shape {describe(o.x)}")
    return tuple((sign * before, sign * after) for before, after in amounts)


def _ends(o: Arguments, option: str, default: Pair) -> Pair:
    """(before, after) of one axis; one number is both."""
    value = o.value(option)
    if isinstance(value, tuple) and len(value) != 2:
        raise o.error(f"{option} is one number or (before, after), not {describe_kind(value)}", option)
    return o.pair(option, default, least=-(2**31) if option != "channels" else 0)
