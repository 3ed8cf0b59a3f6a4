"""Operators that move, cut or pad a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnprof.network.dims import Shape
from cnnprof.network.layers import arrangement as layers
from cnnprof.network.layers import resizing
from cnnprof.network.layers.base import ShapeError, describe
from cnnprof.network.layers.merging import Concat
from cnnprof.onnx_bridge.rows.base import Call, UnknownFormError, resized, row
from cnnprof.onnx_bridge.values import KNOWN_SIZE, Value, known

_MOST_PARTS = 4096


@row("Identity", "Dropout", "StopGradient")
def _identity(call: Call) -> Value:
    return call.x


def reshaped(call: Call, x: Value, shape: Shape) -> Value:
    """A tensor under another shape; what is stored stays so."""
    if math.prod(shape) != math.prod(x.shape):
        raise ShapeError(f"cannot see {describe(x.shape)} as {describe(shape)}")
    if not x.node:
        return resized(x, shape)
    if len(x.shape) > 2 and shape == layers.Flatten().shape(x.shape):
        return call.layer(layers.Flatten(), x)
    return x if shape == x.shape else call.layer(layers.Reshape(shape), x)


@row("Reshape")
def _reshape(call: Call) -> Value:
    x, wanted = call.x, call.ints(1, "shape")
    if wanted is None:
        raise UnknownFormError("no shape")
    copies = not call.attribute("allowzero", 0)
    sizes = [x.shape[i] if size == 0 and copies and i < len(x.shape) else size for i, size in enumerate(wanted)]
    rest = math.prod(size for size in sizes if size != -1)
    return reshaped(call, x, tuple(math.prod(x.shape) // max(rest, 1) if size == -1 else size for size in sizes))


@row("Flatten")
def _flatten(call: Call) -> Value:
    axis = int(call.attribute("axis", 1))
    axis += len(call.x.shape) if axis < 0 else 0
    return reshaped(call, call.x, (math.prod(call.x.shape[:axis]), math.prod(call.x.shape[axis:])))


@row("Squeeze")
def _squeeze(call: Call) -> Value:
    shape, axes = call.x.shape, call.ints(1, "axes")
    gone = {axis % len(shape) for axis in axes} if axes is not None else {i for i, size in enumerate(shape) if size == 1}
    return reshaped(call, call.x, tuple(size for i, size in enumerate(shape) if i not in gone))


@row("Unsqueeze")
def _unsqueeze(call: Call) -> Value:
    axes = call.ints(1, "axes") or ()
    rank = len(call.x.shape) + len(axes)
    new = {axis % rank for axis in axes}
    old = iter(call.x.shape)
    return reshaped(call, call.x, tuple(1 if i in new else next(old) for i in range(rank)))


@row("Transpose")
def _transpose(call: Call) -> Value:
    x = call.x
    order = tuple(call.attribute("perm") or reversed(range(len(x.shape))))
    if x.node:
        return call.layer(layers.Permute(order))
    data = None if x.data is None else x.data.transpose(order)
    return replace(x, shape=tuple(x.shape[i] for i in order), data=data)


@row("Concat")
def _concat(call: Call) -> Value:
    tensors = [value for value in call.given if math.prod(value.shape)]
    return call.layer(Concat(call.axis(1)), *tensors) if len(tensors) > 1 else tensors[0]


@row("Split")
def _split(call: Call) -> Sequence[Value]:
    axis = call.axis(0)
    whole, count = call.x.shape[axis], len(call.node.output)
    each = -(-whole // count)
    lengths = call.ints(1, "split") or [min(each, whole - i * each) for i in range(count)]
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return [call.layer(layers.Slice(axis, *part)) for part in zip(starts, lengths, strict=True)]


@row("SplitToSequence")
def _split_to_sequence(call: Call) -> Value:
    axis, keep = call.axis(0), bool(call.attribute("keepdims", 1))
    whole, numbers = call.x.shape[axis], call.numbers(1)
    if whole > _MOST_PARTS:
        raise UnknownFormError("too many parts to write out")
    if numbers is None:
        lengths = [1] * whole
    elif numbers.shape:
        lengths = [int(number) for number in numbers]
    else:
        lengths = [min(int(numbers), whole - start) for start in range(0, whole, int(numbers))]
    if numbers is None and not keep:
        return Value((), parts=tuple(call.layer(layers.Select(axis, i)) for i in range(whole)))
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return Value((), parts=tuple(call.layer(layers.Slice(axis, *part)) for part in zip(starts, lengths, strict=True)))


@row("SequenceConstruct")
def _sequence(call: Call) -> Value:
    return Value((), parts=tuple(call.given))


@row("SequenceEmpty")
def _no_sequence(_: Call) -> Value:
    return Value(())


@row("SequenceInsert")
def _longer_sequence(call: Call) -> Value:
    parts, place = [*call.x.parts], call.ints(2)
    parts.insert(len(parts) if place is None else place[0], call[1])
    return Value((), parts=tuple(parts))


@row("SequenceErase")
def _shorter_sequence(call: Call) -> Value:
    parts, place = [*call.x.parts], call.ints(1)
    del parts[-1 if place is None else place[0]]
    return Value((), parts=tuple(parts))


@row("SequenceLength")
def _sequence_length(call: Call) -> Value:
    return known(len(call.x.parts))


@row("SequenceAt")
def _sequence_at(call: Call) -> Value:
    return call.x.parts[(call.ints(1) or (0,))[0]]


@row("Optional", "OptionalGetElement")
def _optional(call: Call) -> Value:
    return call.x


@row("OptionalHasElement")
def _is_there(call: Call) -> Value:
    return known(np.bool_(call.get(0) is not None))


@row("ConcatFromSequence")
def _joined_sequence(call: Call) -> Value:
    parts = call.x.parts
    if not call.attribute("new_axis", 0):
        return call.layer(Concat(call.axis(0, parts[0])), *parts) if len(parts) > 1 else parts[0]
    axis = int(call.attribute("axis")) % (len(parts[0].shape) + 1)
    size = (*parts[0].shape[:axis], len(parts), *parts[0].shape[axis:])
    return call.layer(layers.Rearrange("stack", size), *parts)


@row("Slice")
def _slice(call: Call) -> Value:
    value = call.x
    starts, ends = call.ints(1, "starts") or (), call.ints(2, "ends") or ()
    axes = call.ints(3, "axes") or tuple(range(len(starts)))
    steps = call.ints(4) or (1,) * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis %= len(value.shape)
        entries = range(value.shape[axis])[start:end:step]
        if step < 0:
            size = (*value.shape[:axis], len(entries), *value.shape[axis + 1 :])
            value = call.layer(layers.Rearrange("flip", size), value)
        elif len(entries) < value.shape[axis]:
            value = call.layer(layers.Slice(axis, entries.start, len(entries), step), value)
    return value


@row("Gather")
def _gather(call: Call) -> Value:
    table, index, axis = call.x, call[1], call.axis(0)
    if index.numbers is not None and not index.shape and table.node:
        return call.layer(layers.Select(axis, int(index.numbers) % table.shape[axis]), table)
    if axis == 0 and not table.node:
        return call.layer(layers.Gather(), table, index)
    size = (*table.shape[:axis], *index.shape, *table.shape[axis + 1 :])
    return call.layer(layers.Rearrange("gather", size), table, index)


@row("GatherND")
def _gather_nd(call: Call) -> Value:
    """Slices of the first input, at places whose coordinates are the last axis of the second (ONNX's GatherND)."""
    data, index, batches = call.x.shape, call[1].shape, int(call.attribute("batch_dims", 0))
    size = (*index[:-1], *data[batches + index[-1] :])
    return call.layer(layers.Rearrange("gather", size), call.x, call[1])


@row("GatherElements")
def _gather_elements(call: Call) -> Value:
    return call.layer(layers.Rearrange("gather", call[1].shape), call.x, call[1])


@row("ScatterND", "ScatterElements")
def _scatter(call: Call) -> Value:
    return call.layer(layers.Rearrange("scatter", call.x.shape), *call.given)


@row("Expand")
def _expand(call: Call) -> Value:
    wanted = call.ints(1) or ()
    rank = max(len(wanted), len(call.x.shape))
    sizes = ((1,) * (rank - len(wanted)) + wanted, (1,) * (rank - len(call.x.shape)) + tuple(call.x.shape))
    shape = tuple(max(a, b) for a, b in zip(*sizes, strict=True))
    if call.x.data is not None and math.prod(shape) <= KNOWN_SIZE:
        return known(np.broadcast_to(call.x.data, shape))
    return call.x if shape == call.x.shape else call.layer(layers.Expand(shape))


@row("Tile")
def _tile(call: Call) -> Value:
    size = tuple(a * b for a, b in zip(call.x.shape, call.ints(1) or (), strict=True))
    return call.layer(layers.Rearrange("repeat", size))


@row("Where")
def _where(call: Call) -> Value:
    from cnnprof.network.layers.linear import broadcast

    return call.layer(layers.Rearrange("where", broadcast(*(value.shape for value in call.given))), *call.given)


@row("OneHot")
def _one_hot(call: Call) -> Value:
    depth, rank = call.ints(1), len(call.x.shape) + 1
    if depth is None:
        raise UnknownFormError("no depth")
    axis = int(call.attribute("axis", -1)) % rank
    return call.layer(layers.Rearrange("one_hot", (*call.x.shape[:axis], depth[0], *call.x.shape[axis:])))


@row("ReverseSequence")
def _reversed(call: Call) -> Value:
    return call.layer(layers.Rearrange("flip", call.x.shape))


@row("Trilu")
def _triangle(call: Call) -> Value:
    return call.layer(layers.Rearrange("triu" if call.attribute("upper", 1) else "tril", call.x.shape))


@row("Pad")
def _pad(call: Call) -> Value:
    rank = len(call.x.shape)
    amounts, axes = call.ints(1, "pads") or (), call.ints(3) or tuple(range(rank))
    half = len(amounts) // 2
    by_axis = {axis % rank: pair for axis, pair in zip(axes, zip(amounts[:half], amounts[half:], strict=True), strict=True)}
    pairs = [by_axis.get(axis, (0, 0)) for axis in range(rank)]
    first = next((axis for axis, pair in enumerate(pairs) if any(pair)), None)
    if first is None:
        return call.x
    fill = call.numbers(2, "value")
    mode = {"edge": "replicate", "wrap": "circular"}.get(call.attribute("mode", "constant"), call.attribute("mode", "constant"))
    return call.layer(layers.Pad(tuple(pairs[first:]), mode, 0.0 if fill is None else float(fill.reshape(-1)[0])))


@row("Resize", "Upsample")
def _resize(call: Call) -> Value:
    shape, rank = call.x.shape, len(call.x.shape)
    scales = call.numbers(2 if call.op == "Resize" and call.opset >= 11 else 1, "scales")
    sizes = call.ints(3) if call.op == "Resize" else None
    axes = [axis % rank for axis in call.attribute("axes") or range(rank)]
    wanted = list(shape)
    if sizes and (policy := call.attribute("keep_aspect_ratio_policy", "stretch")) != "stretch":
        fits = min if policy == "not_larger" else max
        factor = fits(size / shape[axis] for size, axis in zip(sizes, axes, strict=True))
        sizes = tuple(math.floor(factor * shape[axis] + 0.5) for axis in axes)
    for position, axis in enumerate(axes):
        wanted[axis] = sizes[position] if sizes else math.floor(shape[axis] * float(scales[position]) + 1e-6)
    if tuple(wanted[:2]) != tuple(shape[:2]):
        raise UnknownFormError("a change of batch or channels")
    mode, spatial = call.attribute("mode", "nearest"), rank - 2
    linear: resizing.UpsampleMode = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(spatial, "linear")  # type: ignore[assignment]
    name: resizing.UpsampleMode = {"nearest": "nearest", "linear": linear, "cubic": "bicubic"}[mode]
    return call.layer(resizing.Upsample(mode=name, size=tuple(wanted[2:])))


@row("Col2Im")
def _folded(call: Call) -> Value:
    """Windows as columns (N, C k..., L) added into the image that they were cut of (torch.nn.Fold)."""
    image, kernel = call.ints(1) or (), call.ints(2) or ()
    return call.layer(layers.Rearrange("col2im", (call.x.shape[0], call.x.shape[1] // math.prod(kernel), *image)))


@row("DepthToSpace", "SpaceToDepth")
def _pixels(call: Call) -> Value:
    n, c, h, w = call.x.shape
    block = int(call.attribute("blocksize"))
    if call.op == "DepthToSpace":
        return call.layer(layers.Rearrange("pixel_shuffle", (n, c // block**2, h * block, w * block)))
    return call.layer(layers.Rearrange("pixel_unshuffle", (n, c * block**2, h // block, w // block)))


@row("Shape")
def _shape(call: Call) -> Value:
    return known([*call.x.shape[call.attribute("start", 0) : call.attribute("end", len(call.x.shape))]])


@row("Size")
def _size(call: Call) -> Value:
    return known(math.prod(call.x.shape))
