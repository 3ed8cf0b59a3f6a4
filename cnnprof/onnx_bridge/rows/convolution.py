"""Convolutions, and the padding that theirs cannot say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnprof.network.dims import Shape
from cnnprof.network.layers.arrangement import Pad, Rearrange, Slice
from cnnprof.network.layers.base import ShapeError, describe
from cnnprof.network.layers.convolution import Conv, ConvTranspose
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, row
from cnnprof.onnx_bridge.values import Value

Pads = tuple[tuple[int, int], ...]


def window(call: Call, axes: int, kernel: Shape) -> tuple[Shape, Shape, Pads]:
    """Strides, dilations and pads of a sliding window; `auto_pad` written out."""
    strides = tuple(call.attribute("strides") or (1,) * axes)
    dilations = tuple(call.attribute("dilations") or (1,) * axes)
    amounts = call.attribute("pads") or [0] * 2 * axes
    pads = tuple(zip(amounts[:axes], amounts[axes:], strict=True))
    if min(*strides, *dilations, *kernel) < 1:
        raise UnknownFormError("a window that stands still or moves back")
    auto = call.attribute("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for size, k, s, d in zip(call.x.shape[2:], kernel, strides, dilations, strict=True):
            total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
            found.append((total // 2, total - total // 2) if auto == "SAME_UPPER" else (total - total // 2, total // 2))
        pads = tuple(found)
    elif auto == "VALID":
        pads = ((0, 0),) * axes
    return strides, dilations, pads


def padded(call: Call, x: Value, pads: Pads, value: float = 0.0) -> tuple[Value, Shape]:
    """The input, padded where both sides of an axis differ, and the padding that is left to the window."""
    if all(before == after for before, after in pads):
        return x, tuple(before for before, _ in pads)
    return call.layer(Pad(pads, value=value), x), (0,) * len(pads)


@row("Conv")
def _conv(call: Call) -> Value:
    return convolution(call, call.x, call[1], call.get(2))


def convolution(call: Call, x: Value, weight: Value, bias: Value | None) -> Value:
    """(N, C, ...) under filters of (K, C / groups, ...)."""
    groups = int(call.attribute("group", 1))
    if len(weight.shape) < 3 or len(x.shape) != len(weight.shape) or weight.shape[1] * groups != x.shape[1]:
        raise ShapeError(f"its filters are {describe((0, *weight.shape))}, and its input has the shape {describe(x.shape)}")
    kernel = tuple(weight.shape[2:])
    strides, dilations, pads = window(call, len(kernel), kernel)
    x, padding = padded(call, x, pads)
    layer = Conv(weight.shape[0], kernel, strides, padding, dilations, groups, bias is not None)
    return call.layer(layer, x, weights=(weight, bias))


@row("DeformConv")
def _deformable(call: Call) -> Value:
    """The input sampled where each tap's offsets say, then one product at each position (Dai et al. 2017, equation 2)."""
    x, weight, offset, bias = call.x, call[1], call[2], call.get(3)
    taps, places = math.prod(weight.shape[2:]), tuple(offset.shape[2:])
    read = [x, offset, *([mask] if (mask := call.get(4)) else [])]
    samples = call.layer(Rearrange("deform_sample", (x.shape[0], x.shape[1] * taps, *places)), *read)
    layer = Conv(weight.shape[0], (1,) * len(places), groups=int(call.attribute("group", 1)), bias=bias is not None)
    return call.layer(layer, samples, weights=(weight, bias))


@row("ConvTranspose")
def _transposed(call: Call) -> Value:
    x, weight, bias = call.x, call[1], call.get(2)
    axes, groups, kernel = len(weight.shape) - 2, int(call.attribute("group", 1)), tuple(weight.shape[2:])
    strides, dilations, pads = window(call, axes, kernel)
    extra = tuple(call.attribute("output_padding") or (0,) * axes)
    wanted = call.attribute("output_shape")
    if wanted or call.attribute("auto_pad", "NOTSET").startswith("SAME"):
        sizes = wanted[-axes:] if wanted else [size * s for size, s in zip(x.shape[2:], strides, strict=True)]
        pads, extra = _fitted(x.shape[2:], sizes, kernel, strides, dilations, extra)
    padding = tuple(map(min, pads))
    layer = ConvTranspose(weight.shape[1] * groups, kernel, strides, padding, extra, dilations, groups, bias is not None)
    output = call.layer(layer, x, weights=(weight, bias))
    for axis, ((before, after), least) in enumerate(zip(pads, padding, strict=True), 2):
        if before != after:
            # Padding of a transposed convolution cuts its result: here more of it on one side.
            output = call.layer(Slice(axis, before - least, output.shape[axis] - (before - least) - (after - least)), output)
    return output


def _fitted(
    sizes: Sequence[int], wanted: Sequence[int], kernel: Shape, strides: Shape, dilations: Shape, extra: Shape
) -> tuple[Pads, Shape]:
    """The padding that gives outputs of the sizes that are wanted; one that is odd takes a row more of output padding."""
    pads, outputs = [], []
    for size, want, k, s, d, more in zip(sizes, wanted, kernel, strides, dilations, extra, strict=True):
        total = s * (size - 1) + more + d * (k - 1) + 1 - want
        pads.append(((total + 1) // 2,) * 2)
        outputs.append(more + total % 2)
    return tuple(pads), tuple(outputs)
